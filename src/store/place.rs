//! Where the raw messages of a page of 256 UIDs lie: in a segment of the packs, or in a file of their own. Pure.
//!
//! One small value for 256 messages, so that a hundred thousand raw messages cost sled four hundred rows. Which page a UID is in, see
//! [`super::page`].

use serde::{Deserialize, Serialize};

use super::blob;
use super::page::{PageError, ROWS};

/// The form of the page; raised when it changes, and the older one still read.
const FORM: u8 = 1;

/// Where a raw message lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Place {
    /// A record of a segment.
    Pack(Span),
    /// A file of its own.
    Blob {
        /// Its name.
        name: blob::Name,
        /// Which keys it is sealed under.
        epoch: u32,
    },
}

/// Bytes of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Span {
    /// The segment.
    pub segment: u32,
    /// Bytes from its beginning.
    pub offset: u32,
    /// Bytes of the sealed record.
    pub length: u32,
}

/// The places of a page's raw messages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlacePage {
    /// Sorted by the UID's place in the page.
    rows: Vec<(u8, Place)>,
}

fn low(uid: u32) -> u8 {
    // Below 256 by the definition of a page.
    (uid % ROWS) as u8
}

impl PlacePage {
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

    /// Where a message lies, if it is here.
    #[must_use]
    pub fn get(&self, uid: u32) -> Option<Place> {
        let at = self.rows.binary_search_by_key(&low(uid), |row| row.0).ok()?;
        self.rows.get(at).map(|row| row.1)
    }

    /// Sets where a message lies; gives where it lay before.
    pub fn set(&mut self, uid: u32, place: Place) -> Option<Place> {
        match self.rows.binary_search_by_key(&low(uid), |row| row.0) {
            Ok(at) => self.rows.get_mut(at).map(|row| std::mem::replace(&mut row.1, place)),
            Err(at) => {
                self.rows.insert(at, (low(uid), place));
                None
            }
        }
    }

    /// Takes a message out; gives where it lay.
    pub fn remove(&mut self, uid: u32) -> Option<Place> {
        let at = self.rows.binary_search_by_key(&low(uid), |row| row.0).ok()?;
        Some(self.rows.remove(at).1)
    }

    /// All of them, by UID, of the page `number`.
    pub fn iter(&self, number: u32) -> impl Iterator<Item = (u32, Place)> + '_ {
        self.rows.iter().map(move |(low, place)| (number.saturating_mul(ROWS).saturating_add((*low).into()), *place))
    }

    /// No message is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Place, PlacePage, Span};

    fn place() -> impl Strategy<Value = Place> {
        prop_oneof![
            (any::<u32>(), any::<u32>(), any::<u32>()).prop_map(|(segment, offset, length)| Place::Pack(Span {
                segment,
                offset,
                length
            })),
            (any::<[u8; 16]>(), any::<u32>()).prop_map(|(name, epoch)| Place::Blob { name, epoch }),
        ]
    }

    proptest! {
        #[test]
        fn places_are_as_a_map_has_them(changes in prop::collection::vec((0_u32..40, place(), 0..4), 0..80)) {
            let (mut page, mut map) = (PlacePage::default(), std::collections::BTreeMap::new());
            for (low, place, kind) in changes {
                let uid = 512 + low;
                if kind == 0 {
                    prop_assert_eq!(page.remove(uid), map.remove(&uid));
                } else {
                    prop_assert_eq!(page.set(uid, place), map.insert(uid, place));
                }
            }
            let page = PlacePage::unpack(&page.pack().unwrap()).unwrap();
            prop_assert_eq!(page.is_empty(), map.is_empty());
            prop_assert_eq!(page.iter(2).collect::<Vec<_>>(), map.into_iter().collect::<Vec<_>>());
        }

        #[test]
        fn foreign_bytes_are_refused_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = PlacePage::unpack(&bytes);
        }
    }
}
