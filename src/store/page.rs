//! Packed pages: the summaries of 256 UIDs in one value, and their flags in another. Pure.
//!
//! A list of a million messages is read as four thousand values instead of a million, and a changed flag rewrites less than a
//! kilobyte. Pages are numbered by `uid / 256`.

use serde::{Deserialize, Serialize};

use super::flags::Flags;
use super::summary::Summary;

/// UIDs in a page.
pub const ROWS: u32 = 256;
/// The form of both kinds of page; raised when it changes, and the older one still read.
const FORM: u8 = 1;
/// A page that unpacks to more was not made by us.
const UNPACKED_MAX: usize = 64 << 20;
/// zstd's own default: faster ones cost a third more disk, slower ones gain a twentieth.
const LEVEL: i32 = 3;

/// Which page a UID is in.
#[must_use]
pub const fn number(uid: u32) -> u32 {
    uid / ROWS
}

/// The UIDs of a page.
#[must_use]
pub const fn uids(number: u32) -> std::ops::RangeInclusive<u32> {
    let first = number.saturating_mul(ROWS);
    first..=first.saturating_add(ROWS - 1)
}

/// A value that is no page of ours. It was sealed by us, so this means a form of another casemail, or a bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a page of this casemail")]
pub struct PageError;

/// Packs summaries, sorted by UID. Flags and `has_raw` are left out: see [`FlagsPage`].
///
/// # Errors
/// Only where memory runs out.
pub fn pack(rows: &[Summary]) -> Result<Vec<u8>, PageError> {
    let plain = postcard::to_allocvec(rows).map_err(|_| PageError)?;
    let mut page = vec![FORM];
    page.extend(zstd::bulk::compress(&plain, LEVEL).map_err(|_| PageError)?);
    Ok(page)
}

/// Unpacks summaries.
///
/// # Errors
/// [`PageError`].
pub fn unpack(page: &[u8]) -> Result<Vec<Summary>, PageError> {
    let (&FORM, packed) = page.split_first().ok_or(PageError)? else { return Err(PageError) };
    let size = zstd::zstd_safe::get_frame_content_size(packed).ok().flatten().ok_or(PageError)?;
    let size = usize::try_from(size).ok().filter(|size| *size <= UNPACKED_MAX).ok_or(PageError)?;
    let plain = zstd::bulk::decompress(packed, size).map_err(|_| PageError)?;
    postcard::from_bytes(&plain).map_err(|_| PageError)
}

/// The flags of a page's messages, and whether their raw messages are in the cache.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlagsPage {
    /// Keywords that occur in the page, each once.
    words: Vec<String>,
    /// Sorted by `low`.
    rows: Vec<FlagsRow>,
}

/// One message: its UID's place in the page, its system flags with [`RAW`], its keywords as indices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct FlagsRow {
    low: u8,
    bits: u8,
    words: Vec<u8>,
}

/// The bit beside the system flags that says: the raw message is here.
const RAW: u8 = 0x80;
/// The bit that says: its raw message was let go of on purpose, and is fetched again only when somebody asks for it.
const LET_GO: u8 = 0x40;

fn low(uid: u32) -> u8 {
    // Below 256 by the definition of a page.
    (uid % ROWS) as u8
}

impl FlagsPage {
    /// Packs.
    ///
    /// # Errors
    /// Only where memory runs out.
    pub fn pack(&self) -> Result<Vec<u8>, PageError> {
        let mut page = vec![FORM];
        page.extend(postcard::to_allocvec(self).map_err(|_| PageError)?);
        Ok(page)
    }

    /// Unpacks.
    ///
    /// # Errors
    /// [`PageError`].
    pub fn unpack(page: &[u8]) -> Result<Self, PageError> {
        let (&FORM, packed) = page.split_first().ok_or(PageError)? else { return Err(PageError) };
        postcard::from_bytes(packed).map_err(|_| PageError)
    }

    /// The flags of a message that is there, and whether its raw message is.
    #[must_use]
    pub fn flags(&self, uid: u32) -> Option<(Flags, bool)> {
        let at = self.rows.binary_search_by_key(&low(uid), |row| row.low).ok()?;
        self.rows.get(at).map(|row| self.read(row))
    }

    /// All messages of the page `number`, by UID.
    pub fn iter(&self, number: u32) -> impl Iterator<Item = (u32, Flags, bool)> + '_ {
        self.rows.iter().map(move |row| {
            let (flags, has_raw) = self.read(row);
            (number.saturating_mul(ROWS).saturating_add(row.low.into()), flags, has_raw)
        })
    }

    /// Adds a message or replaces its flags.
    pub fn set(&mut self, uid: u32, flags: &Flags, has_raw: bool) {
        let mut words = Vec::new();
        for word in flags.keywords() {
            words.extend(self.word(word, &words));
        }
        let before = self.rows.binary_search_by_key(&low(uid), |row| row.low).ok().and_then(|at| self.rows.get(at));
        let kept = if has_raw { RAW } else { before.map_or(0, |row| row.bits & LET_GO) };
        let row = FlagsRow { low: low(uid), bits: flags.bits() | kept, words };
        match self.rows.binary_search_by_key(&row.low, |row| row.low) {
            Ok(at) => {
                if let Some(place) = self.rows.get_mut(at) {
                    *place = row;
                }
            }
            Err(at) => self.rows.insert(at, row),
        }
    }

    /// Takes a message out; says whether its raw message is to be taken out, too.
    pub fn remove(&mut self, uid: u32) -> bool {
        match self.rows.binary_search_by_key(&low(uid), |row| row.low) {
            Ok(at) => self.rows.remove(at).bits & RAW != 0,
            Err(_) => false,
        }
    }

    /// The raw message of one that is there is let go of, on purpose.
    pub fn let_go(&mut self, uid: u32) {
        if let Ok(at) = self.rows.binary_search_by_key(&low(uid), |row| row.low)
            && let Some(row) = self.rows.get_mut(at)
        {
            row.bits = row.bits & !RAW | LET_GO;
        }
    }

    /// Those whose raw messages were let go of, of the page `number`.
    pub fn gone(&self, number: u32) -> impl Iterator<Item = u32> + '_ {
        let gone = self.rows.iter().filter(|row| row.bits & LET_GO != 0);
        gone.map(move |row| number.saturating_mul(ROWS).saturating_add(row.low.into()))
    }

    /// None of the raw messages is here any more.
    pub fn forget_raw(&mut self) {
        self.rows.iter_mut().for_each(|row| row.bits &= !RAW);
    }

    /// No message is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    fn read(&self, row: &FlagsRow) -> (Flags, bool) {
        let words = row.words.iter().filter_map(|word| self.words.get(usize::from(*word)).cloned());
        (Flags::new(row.bits, words.collect()), row.bits & RAW != 0)
    }

    /// The index of a keyword. A page holds 256 of them at most; words that no row uses any more make room first.
    fn word(&mut self, word: &str, taken: &[u8]) -> Option<u8> {
        if let Some(at) = self.words.iter().position(|known| known == word) {
            return u8::try_from(at).ok();
        }
        let at = u8::try_from(self.words.len()).ok().or_else(|| {
            let used = |at: u8| taken.contains(&at) || self.rows.iter().any(|row| row.words.contains(&at));
            (0..=u8::MAX).find(|at| !used(*at))
        })?;
        match self.words.get_mut(usize::from(at)) {
            Some(place) => word.clone_into(place),
            None => self.words.push(word.to_owned()),
        }
        Some(at)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{FlagsPage, number, pack, uids, unpack};
    use crate::mail::address::Address;
    use crate::store::flags::Flags;
    use crate::store::summary::Summary;

    fn summary() -> impl Strategy<Value = Summary> {
        (1..=u32::MAX, any::<i64>(), any::<Option<i64>>(), ".*", prop::collection::vec(".*", 0..4), any::<bool>())
            .prop_map(|(uid, received, sent, text, references, undisplayable)| Summary {
                uid,
                received,
                sent,
                subject: text.clone(),
                message_id: text.clone(),
                from: vec![Address { name: text.clone(), addr: text }],
                references,
                undisplayable,
                ..Summary::default()
            })
    }

    proptest! {
        #[test]
        fn summaries_round_trip(rows in prop::collection::vec(summary(), 0..20)) {
            prop_assert_eq!(unpack(&pack(&rows).unwrap()).unwrap(), rows);
        }

        #[test]
        fn flags_are_as_a_map_has_them(
            changes in prop::collection::vec((0_u32..40, 0_u8..32, prop::collection::vec("[a-d]{1,2}", 0..3), any::<bool>(), 0..4), 0..80)
        ) {
            let (mut page, mut map) = (FlagsPage::default(), std::collections::BTreeMap::new());
            for (low, bits, words, has_raw, kind) in changes {
                let uid = 512 + low;
                if kind == 0 {
                    let expected = map.remove(&uid).is_some_and(|(_, has_raw)| has_raw);
                    prop_assert_eq!(page.remove(uid), expected);
                } else {
                    let flags = Flags::new(bits, words);
                    page.set(uid, &flags, has_raw);
                    map.insert(uid, (flags, has_raw));
                }
            }
            let page = FlagsPage::unpack(&page.pack().unwrap()).unwrap();
            let found: Vec<_> = page.iter(2).collect();
            let expected: Vec<_> = map.into_iter().map(|(uid, (flags, has_raw))| (uid, flags, has_raw)).collect();
            prop_assert_eq!(found, expected);
        }

        #[test]
        fn foreign_bytes_are_refused_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = unpack(&bytes);
            let _ = FlagsPage::unpack(&bytes);
        }
    }

    #[test]
    fn pages_of_uids() {
        assert_eq!((number(1), number(255), number(256), number(u32::MAX)), (0, 0, 1, 0x00ff_ffff));
        assert_eq!(uids(1), 256..=511);
        assert_eq!(*uids(0x00ff_ffff).end(), u32::MAX);
    }

    #[test]
    fn a_full_page_of_flags_is_below_a_kilobyte() {
        let mut page = FlagsPage::default();
        for uid in 0..256 {
            page.set(uid, &Flags::new(Flags::SEEN, vec![]), true);
        }
        assert!(page.pack().unwrap().len() < 1000);
    }

    #[test]
    fn keywords_never_run_out_for_long() {
        let mut page = FlagsPage::default();
        for turn in 0..1000 {
            let flags = Flags::new(0, vec![format!("word{turn}")]);
            page.set(7, &flags, false);
            assert_eq!(page.flags(7), Some((flags, false)));
        }
    }
}
