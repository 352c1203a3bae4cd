//! A list of threads as the engine hands it over: cheap to make, to keep and to send at any length. Pure.
//!
//! It is a view of the engine's own table at one moment, not a copy: the table and its texts lie in shares of a thousand, and whoever
//! changes one while a list still looks at it changes a copy of that share. A row is made when it is drawn. A million threads
//! cost a list four megabytes, and the screen waits neither for the engine nor for a lock.

use std::borrow::Cow;
use std::sync::Arc;

use jiff::Timestamp;

use super::list::{Needle, Rows};
use super::view::ThreadRow;
use crate::mail::id::{CaseId, ThreadId};
use crate::mail::safe::SafeText;
use crate::pgp::report::Badge;

/// Values in one share.
pub const SHARE: usize = 1024;

/// No text.
pub const NO_TEXT: u32 = u32::MAX;

/// Names shown of those who wrote in a thread.
pub const PEOPLE_MAX: usize = 4;

/// Values in shares that are copied when they are changed while somebody else still looks at them.
#[derive(Clone, Debug)]
pub struct Shared<T> {
    shares: Vec<Arc<Vec<T>>>,
    len: usize,
}

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Self { shares: Vec::new(), len: 0 }
    }
}

impl<T: Clone> Shared<T> {
    /// How many values there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// There are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// A value.
    #[must_use]
    pub fn get(&self, at: u32) -> Option<&T> {
        let at = at as usize;
        self.shares.get(at / SHARE)?.get(at % SHARE)
    }

    /// A value, to be changed.
    pub fn get_mut(&mut self, at: u32) -> Option<&mut T> {
        let at = at as usize;
        Arc::make_mut(self.shares.get_mut(at / SHARE)?).get_mut(at % SHARE)
    }

    /// Adds a value behind the others.
    pub fn push(&mut self, value: T) {
        if self.len.is_multiple_of(SHARE) {
            self.shares.push(Arc::new(Vec::with_capacity(SHARE)));
        }
        if let Some(last) = self.shares.last_mut() {
            let last = Arc::make_mut(last);
            // A copy is as long as what it was made from.
            last.reserve_exact(SHARE.saturating_sub(last.len()));
            last.push(value);
            self.len += 1;
        }
    }

    /// Of values in their order; the shares are taken as they are, all but the last of [`SHARE`] values.
    #[must_use]
    pub fn from_shares(shares: Vec<Vec<T>>) -> Self {
        let len = shares.iter().map(Vec::len).sum();
        Self { shares: shares.into_iter().map(Arc::new).collect(), len }
    }

    /// The shares, in order.
    pub fn shares(&self) -> impl ExactSizeIterator<Item = &[T]> {
        self.shares.iter().map(|share| share.as_slice())
    }

    /// The values in their order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.shares.iter().flat_map(|share| share.iter())
    }
}

/// One share of texts: one behind the other, with the end of each.
#[derive(Clone, Debug, Default)]
pub struct TextShare {
    bytes: String,
    ends: Vec<u32>,
}

impl TextShare {
    fn get(&self, at: usize) -> Option<&str> {
        let end = *self.ends.get(at)? as usize;
        let start = match at.checked_sub(1) {
            Some(before) => *self.ends.get(before)? as usize,
            None => 0,
        };
        self.bytes.get(start..end)
    }

    /// From its parts; `None` where they do not fit each other.
    #[must_use]
    pub fn new(bytes: String, ends: Vec<u32>) -> Option<Self> {
        let whole = ends.last().map_or(0, |end| *end as usize) == bytes.len();
        let cut = ends.is_sorted() && ends.iter().all(|end| bytes.is_char_boundary(*end as usize));
        (whole && cut && ends.len() <= SHARE).then_some(Self { bytes, ends })
    }

    /// Its parts: the texts one behind the other, and where each ends.
    #[must_use]
    pub fn parts(&self) -> (&str, &[u32]) {
        (&self.bytes, &self.ends)
    }
}

/// Texts by number, in shares.
#[derive(Clone, Debug, Default)]
pub struct Texts {
    shares: Vec<Arc<TextShare>>,
    len: usize,
}

impl Texts {
    /// How many texts there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// There are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// A text; empty where there is none of that number.
    #[must_use]
    pub fn get(&self, number: u32) -> &str {
        let at = number as usize;
        self.shares.get(at / SHARE).and_then(|share| share.get(at % SHARE)).unwrap_or_default()
    }

    /// Adds a text; gives its number.
    pub fn push(&mut self, text: &str) -> u32 {
        if self.len.is_multiple_of(SHARE) {
            if let Some(full) = self.shares.last_mut() {
                let full = Arc::make_mut(full);
                full.bytes.shrink_to_fit();
                full.ends.shrink_to_fit();
            }
            self.shares.push(Arc::new(TextShare::default()));
        }
        let number = u32::try_from(self.len).unwrap_or(NO_TEXT);
        if let Some(last) = self.shares.last_mut() {
            let last = Arc::make_mut(last);
            last.bytes.push_str(text);
            last.ends.push(u32::try_from(last.bytes.len()).unwrap_or(u32::MAX));
            self.len += 1;
        }
        number
    }

    /// The shares, in order.
    pub fn shares(&self) -> impl ExactSizeIterator<Item = &TextShare> {
        self.shares.iter().map(|share| &**share)
    }

    /// Of shares in their order; `None` where one but the last is not full.
    #[must_use]
    pub fn from_shares(shares: Vec<TextShare>) -> Option<Self> {
        let full = shares.split_last().is_none_or(|(_, full)| full.iter().all(|share| share.ends.len() == SHARE));
        let len = shares.iter().map(|share| share.ends.len()).sum();
        full.then(|| Self { shares: shares.into_iter().map(Arc::new).collect(), len })
    }
}

/// A thread as the table keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Brief {
    /// The thread.
    pub id: ThreadId,
    /// When the newest of its messages that are shown was received, seconds; `i64::MIN` where none is shown.
    pub newest: i64,
    /// Subject of that message, by number.
    pub subject: u32,
    /// Who wrote in it, the newest first, by number; [`NO_TEXT`] behind the last.
    pub people: [u32; PEOPLE_MAX],
    /// Messages that are shown.
    pub messages: u32,
    /// Unread ones of them.
    pub unread: u32,
    /// The list of cases it is filed to, by number; 0: none.
    pub cases: u32,
    /// One of them is flagged.
    pub flagged: bool,
    /// One of them has an attachment.
    pub attachments: bool,
    /// The newest message's.
    pub badge: Badge,
}

impl Default for Brief {
    fn default() -> Self {
        Self {
            id: ThreadId(0),
            newest: i64::MIN,
            subject: NO_TEXT,
            people: [NO_TEXT; PEOPLE_MAX],
            messages: 0,
            unread: 0,
            cases: 0,
            flagged: false,
            attachments: false,
            badge: Badge::default(),
        }
    }
}

/// Lists of cases by number; number 0 is the empty one.
pub type CaseLists = Arc<Vec<Arc<[CaseId]>>>;

/// The engine's table at one moment, and which of its threads are in the list, in order.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// Places in `threads`, newest first.
    pub order: Vec<u32>,
    /// All threads.
    pub threads: Shared<Brief>,
    /// Subjects and names.
    pub texts: Texts,
    /// Lists of cases.
    pub cases: CaseLists,
    /// Threads that stand behind these in the list and are still being read.
    pub behind: usize,
}

impl Table {
    fn brief(&self, place: usize) -> Option<&Brief> {
        self.threads.get(*self.order.get(place)?)
    }

    fn row(&self, place: usize) -> Option<ThreadRow> {
        let brief = self.brief(place)?;
        let people = brief.people.iter().take_while(|number| **number != NO_TEXT);
        Some(ThreadRow {
            id: brief.id,
            subject: SafeText::line(self.texts.get(brief.subject)),
            participants: people.map(|number| SafeText::line(self.texts.get(*number))).collect(),
            messages: brief.messages as usize,
            unread: brief.unread as usize,
            flagged: brief.flagged,
            attachments: brief.attachments,
            last_date: Timestamp::from_second(brief.newest).unwrap_or_default(),
            openpgp: brief.badge,
            cases: self.cases.get(brief.cases as usize).map(|cases| cases.to_vec()).unwrap_or_default(),
        })
    }
}

/// A list of threads.
#[derive(Clone, Debug)]
pub enum ThreadList {
    /// Few rows, as they are.
    Rows(Arc<[ThreadRow]>),
    /// A view of the engine's table.
    Table(Arc<Table>),
}

impl Default for ThreadList {
    fn default() -> Self {
        Self::Rows(Arc::from(Vec::new()))
    }
}

impl From<Vec<ThreadRow>> for ThreadList {
    fn from(rows: Vec<ThreadRow>) -> Self {
        Self::Rows(rows.into())
    }
}

impl From<Arc<[ThreadRow]>> for ThreadList {
    fn from(rows: Arc<[ThreadRow]>) -> Self {
        Self::Rows(rows)
    }
}

impl ThreadList {
    /// Threads that stand behind the last row and are still being read; 0: the list is whole.
    #[must_use]
    pub fn behind(&self) -> usize {
        match self {
            Self::Rows(_) => 0,
            Self::Table(table) => table.behind,
        }
    }

    /// Unread messages of a row; 0 where there is none of that place.
    #[must_use]
    pub fn unread(&self, place: usize) -> usize {
        match self {
            Self::Rows(rows) => rows.get(place).map_or(0, |row| row.unread),
            Self::Table(table) => table.brief(place).map_or(0, |brief| brief.unread as usize),
        }
    }

    /// Every row. For documents, not for the screen.
    #[must_use]
    pub fn to_rows(&self) -> Vec<ThreadRow> {
        match self {
            Self::Rows(rows) => rows.to_vec(),
            Self::Table(table) => (0..table.order.len()).filter_map(|place| table.row(place)).collect(),
        }
    }

    /// The places of the rows that hold `text` in any case, in order; `None` as soon as `is_stale` says that nobody wants to know any more.
    pub fn matching(&self, text: &str, is_stale: impl Fn() -> bool) -> Option<Vec<u32>> {
        let needle = Needle::new(text);
        let mut places = Vec::new();
        for place in 0..self.len() {
            if place.is_multiple_of(SHARE) && is_stale() {
                return None;
            }
            if self.fits(place, &needle) {
                places.extend(u32::try_from(place));
            }
        }
        Some(places)
    }
}

impl Rows<ThreadRow> for ThreadList {
    type Ref<'a> = Cow<'a, ThreadRow>;

    const AT_ONCE_MAX: usize = 10_000;

    fn len(&self) -> usize {
        match self {
            Self::Rows(rows) => rows.len(),
            Self::Table(table) => table.order.len(),
        }
    }

    fn row(&self, place: usize) -> Option<Cow<'_, ThreadRow>> {
        match self {
            Self::Rows(rows) => rows.get(place).map(Cow::Borrowed),
            Self::Table(table) => table.row(place).map(Cow::Owned),
        }
    }

    fn is(&self, place: usize, id: &ThreadId) -> bool {
        match self {
            Self::Rows(rows) => rows.get(place).is_some_and(|row| row.id == *id),
            Self::Table(table) => table.brief(place).is_some_and(|brief| brief.id == *id),
        }
    }

    fn fits(&self, place: usize, needle: &Needle) -> bool {
        match self {
            Self::Rows(rows) => rows.fits(place, needle),
            Self::Table(table) => table.brief(place).is_some_and(|brief| {
                needle.is_in(table.texts.get(brief.subject))
                    || brief.people.iter().any(|number| *number != NO_TEXT && needle.is_in(table.texts.get(*number)))
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{Brief, NO_TEXT, SHARE, Shared, Table, TextShare, Texts, ThreadList};
    use crate::app::list::Rows;
    use crate::mail::id::ThreadId;

    #[test]
    fn what_is_looked_at_does_not_change() {
        let mut values = Shared::default();
        (0..3000_u32).for_each(|value| values.push(value));
        let looked_at = values.clone();
        *values.get_mut(1500).unwrap() = 7;
        values.push(3000);
        assert_eq!((looked_at.get(1500), looked_at.len(), looked_at.get(3000)), (Some(&1500), 3000, None));
        assert_eq!((values.get(1500), values.len(), values.get(3000)), (Some(&7), 3001, Some(&3000)));
        assert_eq!(looked_at.iter().copied().collect::<Vec<_>>(), (0..3000).collect::<Vec<_>>());
    }

    #[test]
    fn texts_are_found_by_number_and_shares_that_do_not_fit_are_refused() {
        let mut texts = Texts::default();
        for number in 0..(SHARE + 5) {
            assert_eq!(texts.push(&format!("Löwe {number}")) as usize, number);
        }
        assert_eq!(
            (texts.get(3), texts.get(1025), texts.get(9999), texts.get(NO_TEXT)),
            ("Löwe 3", "Löwe 1025", "", "")
        );
        let shares: Vec<TextShare> = texts.shares().cloned().collect();
        assert_eq!(Texts::from_shares(shares.clone()).unwrap().get(1028), "Löwe 1028");
        assert!(Texts::from_shares(vec![shares[1].clone(), shares[0].clone()]).is_none());
        assert!(TextShare::new("Löwe".into(), vec![2, 5]).is_none(), "within a character");
        assert!(TextShare::new("Weir".into(), vec![3, 2, 4]).is_none());
        assert!(TextShare::new("Weir".into(), vec![3]).is_none());
    }

    #[test]
    fn rows_are_made_when_they_are_asked_for() {
        let mut table = Table { cases: Arc::new(vec![Arc::from(Vec::new())]), ..Table::default() };
        let person = table.texts.push("Tess Inkwell");
        for number in 0..50_u64 {
            let subject = table.texts.push(&format!("Weir {number}"));
            let people = [person, NO_TEXT, NO_TEXT, NO_TEXT];
            let unread = u32::from(number == 49);
            table.threads.push(Brief {
                id: ThreadId(number),
                subject,
                people,
                messages: 1,
                unread,
                ..Brief::default()
            });
        }
        table.order = (0..50).rev().collect();
        let list = ThreadList::Table(Arc::new(table));
        assert_eq!((list.len(), list.unread(0), list.unread(1)), (50, 1, 0));
        assert_eq!(list.row(1).unwrap().subject.as_str(), "Weir 48");
        assert!(list.is(1, &ThreadId(48)) && !list.is(2, &ThreadId(48)));
        assert_eq!(list.matching("weir 4", || false).unwrap(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 45]);
        assert_eq!(list.matching("INKWELL", || false).unwrap().len(), 50);
        assert!(list.matching("weir", || true).is_none());
        assert_eq!(list.to_rows().len(), 50);
    }
}
