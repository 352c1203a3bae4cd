//! A list with a cursor: any number of rows, a selection that follows its row by identity, a filter, and rows hidden before the
//! stores know of it. Nothing here costs more than the rows on screen, except a new snapshot, which is searched for the selected row. A
//! filter over more than [`Rows::AT_ONCE_MAX`] rows is not worked out here: what is shown stays until somebody else has done it
//! ([`List::set_filter`], [`List::filtered`]), so that no key press waits for it.

use std::ops::Deref;
use std::sync::Arc;

use crate::mail::safe::SafeText;

/// What a list can hold.
pub trait Row {
    /// What stays the same when the list is made anew.
    type Id: PartialEq + Clone;

    /// The row's identity.
    fn id(&self) -> Self::Id;

    /// The texts that a filter looks through.
    fn texts(&self) -> impl Iterator<Item = &SafeText>;
}

/// Where rows come from: a slice that holds them, or something that makes each when it is asked for.
pub trait Rows<R: Row> {
    /// A row that is there, or one that was just made.
    type Ref<'a>: Deref<Target = R>
    where
        Self: 'a;

    /// Rows that a filter may look through between two frames.
    const AT_ONCE_MAX: usize;

    /// How many rows there are.
    fn len(&self) -> usize;

    /// There are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A row by its place.
    fn row(&self, place: usize) -> Option<Self::Ref<'_>>;

    /// Whether the row of this place is that one. Costs next to nothing.
    fn is(&self, place: usize, id: &R::Id) -> bool;

    /// Whether a filter lets the row of this place through.
    fn fits(&self, place: usize, needle: &Needle) -> bool;
}

impl<R: Row> Rows<R> for Arc<[R]> {
    type Ref<'a>
        = &'a R
    where
        R: 'a;

    const AT_ONCE_MAX: usize = usize::MAX;

    fn len(&self) -> usize {
        <[R]>::len(self)
    }

    fn row(&self, place: usize) -> Option<&R> {
        self.get(place)
    }

    fn is(&self, place: usize, id: &R::Id) -> bool {
        self.get(place).is_some_and(|row| row.id() == *id)
    }

    fn fits(&self, place: usize, needle: &Needle) -> bool {
        self.get(place).is_some_and(|row| needle.fits(row))
    }
}

/// A list with a cursor.
#[derive(Clone, Debug)]
pub struct List<R: Row, S = Arc<[R]>> {
    rows: S,
    /// Which rows are shown, in order; `None`: all.
    shown: Option<Vec<u32>>,
    filter: String,
    /// The filter that `shown` was made by is an older one.
    awaited: bool,
    hidden: Vec<R::Id>,
    at: usize,
    top: usize,
    height: usize,
}

impl<R: Row> Default for List<R> {
    fn default() -> Self {
        Self::of(Arc::from(Vec::new()))
    }
}

impl<R: Row, S: Rows<R>> List<R, S> {
    /// A list of these rows.
    pub fn of(rows: S) -> Self {
        Self { rows, shown: None, filter: String::new(), awaited: false, hidden: Vec::new(), at: 0, top: 0, height: 1 }
    }

    /// Rows that are shown.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shown.as_ref().map_or(self.rows.len(), Vec::len)
    }

    /// Whether no row is shown.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Rows there are without the filter.
    #[must_use]
    pub fn total(&self) -> usize {
        self.rows.len()
    }

    /// Where the cursor is among the rows shown.
    #[must_use]
    pub fn at(&self) -> usize {
        self.at
    }

    /// The first row on screen.
    #[must_use]
    pub fn top(&self) -> usize {
        self.top
    }

    /// The filter; empty: none.
    #[must_use]
    pub fn filter(&self) -> &str {
        &self.filter
    }

    /// Whether what is shown is yet to be chosen by the filter.
    #[must_use]
    pub fn is_awaited(&self) -> bool {
        self.awaited
    }

    /// The place among all rows of one by its place among those shown.
    fn place(&self, place: usize) -> Option<usize> {
        match &self.shown {
            None => Some(place),
            Some(shown) => usize::try_from(*shown.get(place)?).ok(),
        }
    }

    /// A row by its place among those shown.
    #[must_use]
    pub fn get(&self, place: usize) -> Option<S::Ref<'_>> {
        self.rows.row(self.place(place)?)
    }

    /// The row under the cursor.
    #[must_use]
    pub fn selected(&self) -> Option<S::Ref<'_>> {
        self.get(self.at)
    }

    /// The rows on screen with their places.
    pub fn visible(&self) -> impl Iterator<Item = (usize, S::Ref<'_>)> {
        (self.top..self.len().min(self.top + self.height)).filter_map(|place| Some((place, self.get(place)?)))
    }

    /// All rows, shown or not.
    #[must_use]
    pub fn all(&self) -> &S {
        &self.rows
    }

    /// All rows that are shown.
    pub fn iter(&self) -> impl Iterator<Item = S::Ref<'_>> {
        (0..self.len()).filter_map(|place| self.get(place))
    }

    /// Tells how many rows fit on screen.
    pub fn set_height(&mut self, height: usize) {
        self.height = height.max(1);
        self.follow();
    }

    /// Puts a new snapshot in place. The cursor stays on its row; where that is gone, it stays at its place. Where the filter cannot be worked
    /// out at once, nothing happens and the rows come back: hand them to [`Self::filtered`] when it is.
    pub fn set_rows(&mut self, rows: S) -> Option<S> {
        if !self.filter.is_empty() && rows.len() > S::AT_ONCE_MAX {
            self.awaited = true;
            return Some(rows);
        }
        let needle = Needle::new(&self.filter);
        let shown = (!self.filter.is_empty()).then(|| places(&rows, |place| rows.fits(place, &needle)));
        self.exchange(rows, shown);
        None
    }

    /// Puts a snapshot in place of which somebody else has worked out what the filter lets through.
    pub fn filtered(&mut self, rows: S, shown: Vec<u32>) {
        self.exchange(rows, Some(shown));
    }

    fn exchange(&mut self, rows: S, shown: Option<Vec<u32>>) {
        let selected = self.selected().map(|row| row.id());
        let above = self.at.saturating_sub(self.top);
        let was_at_top = self.top == 0;
        self.rows = rows;
        self.shown = shown;
        self.awaited = false;
        let rows = &self.rows;
        self.hidden.retain(|id| (0..rows.len()).any(|place| rows.is(place, id)));
        self.take_out_hidden();
        if let Some(id) = selected {
            if let Some(place) = self.find_near(&id) {
                self.at = place;
            }
            // What arrives above must not push the reader's rows about, unless the newest rows are what is being watched.
            self.top = if was_at_top && self.at < self.height { 0 } else { self.at.saturating_sub(above) };
        }
        self.follow();
    }

    /// Moves the cursor.
    pub fn step(&mut self, by: isize) {
        self.to(self.at.saturating_add_signed(by));
    }

    /// Moves the cursor by pages (halves of one are `0.5`-sized steps of `halves`).
    pub fn page(&mut self, halves: isize) {
        let half = isize::try_from((self.height / 2).max(1)).unwrap_or(1);
        let by = if halves % 2 == 0 {
            halves / 2 * isize::try_from(self.height.saturating_sub(1).max(1)).unwrap_or(1)
        } else {
            halves * half
        };
        let top = self.top.saturating_add_signed(by);
        self.at = self.at.saturating_add_signed(by).min(self.len().saturating_sub(1));
        self.top = top.min(self.len().saturating_sub(self.height));
        self.follow();
    }

    /// Puts the cursor on a place.
    pub fn to(&mut self, place: usize) {
        self.at = place;
        self.follow();
    }

    /// Puts the cursor on a row; `false` where it is not shown.
    pub fn select(&mut self, id: &R::Id) -> bool {
        let Some(place) = self.find_near(id) else { return false };
        self.to(place);
        true
    }

    /// Moves to the next row that `wanted` likes, by its place among all rows, coming round from the end; tells whether it came round.
    pub fn seek_place(&mut self, forward: bool, wanted: impl Fn(&S, usize) -> bool) -> Option<bool> {
        let len = self.len();
        for step in 1..=len {
            let place = if forward { (self.at + step) % len } else { (self.at + len - step) % len };
            if self.place(place).is_some_and(|place| wanted(&self.rows, place)) {
                let round = if forward { place <= self.at } else { place >= self.at };
                self.to(place);
                return Some(round);
            }
        }
        None
    }

    /// Moves to the next row that `wanted` likes, coming round from the end; tells whether it came round.
    pub fn seek(&mut self, forward: bool, wanted: impl Fn(&R) -> bool) -> Option<bool> {
        self.seek_place(forward, |rows, place| rows.row(place).is_some_and(|row| wanted(&row)))
    }

    /// Shows only rows that hold `text` in any case; empty shows all. `false`: there are too many to look through now; what is shown
    /// stays until [`Self::filtered`].
    pub fn set_filter(&mut self, text: &str) -> bool {
        let selected = self.selected().map(|row| row.id());
        let narrower = !self.awaited && !self.filter.is_empty() && text.starts_with(&self.filter);
        self.filter.clear();
        self.filter.push_str(text);
        let few = self.shown.as_ref().is_some_and(|shown| shown.len() <= S::AT_ONCE_MAX);
        let needle = Needle::new(text);
        if let (true, true, Some(shown)) = (narrower, few, &mut self.shown) {
            let rows = &self.rows;
            shown.retain(|at| usize::try_from(*at).is_ok_and(|at| rows.fits(at, &needle)));
        } else if text.is_empty() {
            self.shown = None;
            self.awaited = false;
            self.take_out_hidden();
        } else if self.rows.len() <= S::AT_ONCE_MAX {
            self.shown = Some(places(&self.rows, |place| self.rows.fits(place, &needle)));
            self.take_out_hidden();
        } else {
            self.awaited = true;
            return false;
        }
        self.at = selected.and_then(|id| self.find_near(&id)).unwrap_or(0);
        self.follow();
        true
    }

    /// Takes a row off the list before the stores have done so; the cursor goes to the row after it.
    pub fn hide(&mut self, id: &R::Id) {
        self.hidden.push(id.clone());
        self.take_out_hidden();
        self.follow();
    }

    /// Takes rows off the list, as [`Self::hide`] does.
    pub fn hide_all(&mut self, ids: &[R::Id]) {
        self.hidden.extend_from_slice(ids);
        self.take_out_hidden();
        self.follow();
    }

    /// Shows all hidden rows again.
    pub fn unhide_all(&mut self) {
        for id in std::mem::take(&mut self.hidden) {
            self.unhide(&id);
        }
    }

    /// A row by its identity, shown or not.
    #[must_use]
    pub fn by_id(&self, id: &R::Id) -> Option<S::Ref<'_>> {
        let place = (0..self.rows.len()).find(|place| self.rows.is(*place, id))?;
        self.rows.row(place)
    }

    /// Shows a hidden row again.
    pub fn unhide(&mut self, id: &R::Id) {
        self.hidden.retain(|hidden| hidden != id);
        if self.filter.is_empty() {
            self.shown = None;
            self.take_out_hidden();
        } else if let Some(shown) = &mut self.shown {
            let needle = Needle::new(&self.filter);
            let rows = &self.rows;
            let back = (0..rows.len()).find(|place| rows.is(*place, id)).filter(|place| rows.fits(*place, &needle));
            if let Some(back) = back.and_then(|place| u32::try_from(place).ok())
                && let Err(at) = shown.binary_search(&back)
            {
                shown.insert(at, back);
            }
        }
        self.follow();
    }

    /// Takes what is hidden out of what is shown.
    fn take_out_hidden(&mut self) {
        if self.hidden.is_empty() {
            return;
        }
        let (rows, hidden) = (&self.rows, &self.hidden);
        let stays = |place: usize| !hidden.iter().any(|id| rows.is(place, id));
        match &mut self.shown {
            Some(shown) => shown.retain(|place| usize::try_from(*place).is_ok_and(stays)),
            None => self.shown = Some(places(rows, stays)),
        }
    }

    /// Looks near the cursor first: between two snapshots most rows hardly move.
    fn find_near(&self, id: &R::Id) -> Option<usize> {
        let len = self.len();
        let is_it = |place: &usize| self.place(*place).is_some_and(|place| self.rows.is(place, id));
        let near = self.at.saturating_sub(64)..len.min(self.at.saturating_add(64));
        near.clone().find(is_it).or_else(|| (0..len).filter(|place| !near.contains(place)).find(is_it))
    }

    fn follow(&mut self) {
        let len = self.len();
        self.at = self.at.min(len.saturating_sub(1));
        if self.at < self.top {
            self.top = self.at;
        } else if self.at >= self.top + self.height {
            self.top = self.at + 1 - self.height;
        }
        self.top = self.top.min(len.saturating_sub(self.height));
    }
}

/// The places of the rows that `wanted` likes.
fn places<R: Row, S: Rows<R>>(rows: &S, wanted: impl Fn(usize) -> bool) -> Vec<u32> {
    (0..rows.len()).filter(|place| wanted(*place)).filter_map(|place| u32::try_from(place).ok()).collect()
}

/// A text that is looked for in any case.
#[derive(Clone, Debug)]
pub struct Needle {
    text: String,
    ascii: bool,
}

impl Needle {
    /// Of what was typed.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self { text: text.to_lowercase(), ascii: text.is_ascii() }
    }

    fn fits<R: Row>(&self, row: &R) -> bool {
        self.text.is_empty() || row.texts().any(|text| self.is_in(text.as_str()))
    }

    /// Whether a text holds it.
    #[must_use]
    pub fn is_in(&self, text: &str) -> bool {
        if self.ascii {
            // A million rows are looked through between two key presses: compare whole words only where the first letter is there.
            let [first, rest @ ..] = self.text.as_bytes() else { return true };
            let (lower, upper) = (*first, first.to_ascii_uppercase());
            let mut bytes = text.as_bytes();
            while let Some(at) = bytes.iter().position(|byte| *byte == lower || *byte == upper) {
                bytes = bytes.get(at + 1..).unwrap_or_default();
                match bytes.get(..rest.len()) {
                    None => return false,
                    Some(head) if head.eq_ignore_ascii_case(rest) => return true,
                    Some(_) => {}
                }
            }
            false
        } else {
            text.to_lowercase().contains(&self.text)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{List, Needle, Row, Rows};
    use crate::mail::safe::SafeText;

    #[derive(Clone, Debug)]
    struct Numbered(u32, SafeText);

    impl Row for Numbered {
        type Id = u32;
        fn id(&self) -> u32 {
            self.0
        }
        fn texts(&self) -> impl Iterator<Item = &SafeText> {
            std::iter::once(&self.1)
        }
    }

    fn rows(numbers: impl IntoIterator<Item = u32>) -> std::sync::Arc<[Numbered]> {
        numbers.into_iter().map(|n| Numbered(n, SafeText::line(&format!("Row {n}")))).collect()
    }

    fn list(count: u32, height: usize) -> List<Numbered> {
        let mut list = List::default();
        list.set_height(height);
        list.set_rows(rows(0..count));
        list
    }

    fn at(list: &List<Numbered>) -> Option<u32> {
        list.selected().map(|row| row.0)
    }

    #[test]
    fn cursor_follows_its_row_when_rows_arrive_above() {
        let mut list = list(100, 10);
        list.to(50);
        let above = list.at() - list.top();
        list.set_rows(rows((200..205).chain(0..100)));
        assert_eq!(at(&list), Some(50));
        assert_eq!(list.at() - list.top(), above, "the row stays where it is on screen");
    }

    #[test]
    fn newest_rows_stay_in_sight_at_the_top() {
        let mut list = list(100, 10);
        list.set_rows(rows((200..203).chain(0..100)));
        assert_eq!((at(&list), list.top()), (Some(0), 0));
    }

    #[test]
    fn cursor_keeps_its_place_when_its_row_is_gone() {
        let mut list = list(10, 5);
        list.to(4);
        list.set_rows(rows((0..10).filter(|n| *n != 4)));
        assert_eq!(at(&list), Some(5));
        list.to(8);
        list.set_rows(rows(0..3));
        assert_eq!(at(&list), Some(2));
    }

    #[test]
    fn hidden_row_gives_way_to_the_next_and_at_the_end_to_the_one_before() {
        let mut list = list(3, 5);
        list.hide(&0);
        assert_eq!(at(&list), Some(1));
        list.to(1);
        list.hide(&2);
        assert_eq!(at(&list), Some(1));
        list.hide(&1);
        assert_eq!((at(&list), list.len()), (None, 0));
    }

    #[test]
    fn filter_narrows_in_any_case_and_comes_back() {
        let mut list = list(120, 10);
        list.to(37);
        list.set_filter("ROW 3");
        assert_eq!((list.len(), at(&list)), (11, Some(37)));
        list.set_filter("ROW 39");
        assert_eq!((list.len(), at(&list)), (1, Some(39)));
        list.set_filter("");
        assert_eq!((list.len(), at(&list)), (120, Some(39)));
    }

    /// Rows that are filtered by somebody else where there are more than a hundred.
    #[derive(Clone, Debug)]
    struct Many(std::sync::Arc<[Numbered]>);

    impl Rows<Numbered> for Many {
        type Ref<'a> = &'a Numbered;
        const AT_ONCE_MAX: usize = 100;
        fn len(&self) -> usize {
            self.0.len()
        }
        fn row(&self, place: usize) -> Option<&Numbered> {
            self.0.row(place)
        }
        fn is(&self, place: usize, id: &u32) -> bool {
            self.0.is(place, id)
        }
        fn fits(&self, place: usize, needle: &Needle) -> bool {
            self.0.fits(place, needle)
        }
    }

    #[test]
    fn a_filter_over_many_rows_is_left_to_others_and_what_is_shown_stays_meanwhile() {
        let mut list = List::of(Many(rows(0..400)));
        list.set_height(10);
        list.to(37);
        let at = |list: &List<Numbered, Many>| list.selected().map(|row| row.0);
        assert!(!list.set_filter("row 3"));
        assert_eq!((list.len(), at(&list), list.filter(), list.is_awaited()), (400, Some(37), "row 3", true));
        list.filtered(Many(rows(0..400)), vec![3, 30, 37, 300]);
        assert_eq!((list.len(), at(&list), list.is_awaited()), (4, Some(37), false));
        assert!(list.set_filter("row 30"), "few are left to look through");
        assert_eq!((list.len(), at(&list)), (2, Some(30)));
        list.hide(&30);
        assert_eq!((list.len(), at(&list)), (1, Some(300)));
        list.unhide(&30);
        assert_eq!(list.len(), 2);
        let newer = list.set_rows(Many(rows(0..401))).unwrap();
        assert_eq!((list.len(), list.total()), (2, 400), "the old ones stay until the new ones are filtered");
        list.filtered(newer, vec![30, 300, 400]);
        assert_eq!((list.len(), list.total(), at(&list)), (3, 401, Some(30)));
        assert!(list.set_filter(""));
        assert_eq!((list.len(), at(&list)), (401, Some(30)));
    }

    #[test]
    fn seeking_comes_round() {
        let mut list = list(10, 5);
        list.to(8);
        assert_eq!(list.seek(true, |row| row.0 == 2), Some(true));
        assert_eq!(list.seek(true, |row| row.0 == 5), Some(false));
        assert_eq!(list.seek(false, |row| row.0 == 9), Some(true));
        assert_eq!(list.seek(true, |row| row.0 == 77), None);
    }

    #[test]
    fn pages_keep_a_line_of_context() {
        let mut list = list(100, 10);
        list.page(2);
        assert_eq!((list.at(), list.top()), (9, 9));
        list.page(-1);
        assert_eq!((list.at(), list.top()), (4, 4));
        list.page(200);
        assert_eq!((list.at(), list.top()), (99, 90));
    }
}
