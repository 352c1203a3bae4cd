//! A list with a cursor: any number of rows, a selection that follows its row by identity, a filter, and rows hidden before the
//! stores know of it. Nothing here costs more than the rows on screen, except a new snapshot or a changed filter.

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

/// A list with a cursor.
#[derive(Clone, Debug)]
pub struct List<R: Row> {
    rows: Arc<[R]>,
    /// Which rows are shown, in order; `None`: all.
    shown: Option<Vec<u32>>,
    filter: String,
    hidden: Vec<R::Id>,
    at: usize,
    top: usize,
    height: usize,
}

impl<R: Row> Default for List<R> {
    fn default() -> Self {
        Self {
            rows: Arc::from(Vec::new()),
            shown: None,
            filter: String::new(),
            hidden: Vec::new(),
            at: 0,
            top: 0,
            height: 1,
        }
    }
}

impl<R: Row> List<R> {
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

    /// A row by its place among those shown.
    #[must_use]
    pub fn get(&self, place: usize) -> Option<&R> {
        match &self.shown {
            None => self.rows.get(place),
            Some(shown) => self.rows.get(usize::try_from(*shown.get(place)?).ok()?),
        }
    }

    /// The row under the cursor.
    #[must_use]
    pub fn selected(&self) -> Option<&R> {
        self.get(self.at)
    }

    /// The rows on screen with their places.
    pub fn visible(&self) -> impl Iterator<Item = (usize, &R)> {
        (self.top..self.len().min(self.top + self.height)).filter_map(|place| Some((place, self.get(place)?)))
    }

    /// All rows, shown or not.
    #[must_use]
    pub fn all(&self) -> &[R] {
        &self.rows
    }

    /// All rows that are shown.
    pub fn iter(&self) -> impl Iterator<Item = &R> {
        (0..self.len()).filter_map(|place| self.get(place))
    }

    /// Tells how many rows fit on screen.
    pub fn set_height(&mut self, height: usize) {
        self.height = height.max(1);
        self.follow();
    }

    /// Puts a new snapshot in place. The cursor stays on its row; where that is gone, it stays at its place.
    pub fn set_rows(&mut self, rows: Arc<[R]>) {
        let selected = self.selected().map(Row::id);
        let above = self.at.saturating_sub(self.top);
        let was_at_top = self.top == 0;
        self.rows = rows;
        self.hidden.retain(|id| self.rows.iter().any(|row| row.id() == *id));
        self.choose();
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

    /// Moves to the next row that `wanted` likes, coming round from the end; tells whether it came round.
    pub fn seek(&mut self, forward: bool, wanted: impl Fn(&R) -> bool) -> Option<bool> {
        let len = self.len();
        for step in 1..=len {
            let place = if forward { (self.at + step) % len } else { (self.at + len - step) % len };
            if self.get(place).is_some_and(&wanted) {
                let round = if forward { place <= self.at } else { place >= self.at };
                self.to(place);
                return Some(round);
            }
        }
        None
    }

    /// Shows only rows that hold `text` in any case; empty shows all.
    pub fn set_filter(&mut self, text: &str) {
        let selected = self.selected().map(Row::id);
        let narrower = !self.filter.is_empty() && text.starts_with(&self.filter);
        self.filter.clear();
        self.filter.push_str(text);
        if let (true, Some(shown)) = (narrower, &mut self.shown) {
            let needle = Needle::new(text);
            let rows = &self.rows;
            shown
                .retain(|at| usize::try_from(*at).ok().and_then(|at| rows.get(at)).is_some_and(|row| needle.fits(row)));
        } else {
            self.choose();
        }
        self.at = selected.and_then(|id| self.find_near(&id)).unwrap_or(0);
        self.follow();
    }

    /// Takes a row off the list before the stores have done so; the cursor goes to the row after it.
    pub fn hide(&mut self, id: &R::Id) {
        self.hidden.push(id.clone());
        self.choose();
        self.follow();
    }

    /// Shows a hidden row again.
    pub fn unhide(&mut self, id: &R::Id) {
        self.hidden.retain(|hidden| hidden != id);
        self.choose();
        self.follow();
    }

    fn choose(&mut self) {
        if self.filter.is_empty() && self.hidden.is_empty() {
            self.shown = None;
            return;
        }
        let needle = Needle::new(&self.filter);
        let hidden = &self.hidden;
        self.shown = Some(
            (0u32..)
                .zip(self.rows.iter())
                .filter(|(_, row)| (hidden.is_empty() || !hidden.contains(&row.id())) && needle.fits(*row))
                .map(|(at, _)| at)
                .collect(),
        );
    }

    /// Looks near the cursor first: between two snapshots most rows hardly move.
    fn find_near(&self, id: &R::Id) -> Option<usize> {
        let len = self.len();
        let is_it = |place: &usize| self.get(*place).is_some_and(|row| row.id() == *id);
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

/// A text that is looked for in any case.
struct Needle {
    text: String,
    ascii: bool,
}

impl Needle {
    fn new(text: &str) -> Self {
        Self { text: text.to_lowercase(), ascii: text.is_ascii() }
    }

    fn fits<R: Row>(&self, row: &R) -> bool {
        self.text.is_empty() || row.texts().any(|text| self.is_in(text.as_str()))
    }

    fn is_in(&self, text: &str) -> bool {
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
    use super::{List, Row};
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
