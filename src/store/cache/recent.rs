//! The page of summaries that was written last, as it was before it was packed: a batch begins where the one before it ended, in the midst of
//! a page, and to unpack and read a page again costs more than all else of storing it.
//!
//! A page is known by its key and its sealed bytes, which never come twice: whatever was written over it since, it is not taken for what the cache holds.

use std::sync::{Mutex, PoisonError};

use crate::store::summary::Summary;

/// A page, where it lies, sealed, and what is in it.
#[derive(Debug)]
struct Page {
    key: [u8; 8],
    sealed: sled::IVec,
    rows: Vec<Summary>,
}

/// One page, if any.
#[derive(Debug, Default)]
pub(super) struct Recent(Mutex<Option<Page>>);

impl Recent {
    /// Keeps a page in the place of the one before; flags and `has_raw` of its rows are not looked at, they are in no page.
    pub(super) fn keep(&self, key: [u8; 8], sealed: sled::IVec, rows: Vec<Summary>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Page { key, sealed, rows });
    }

    /// The rows of a page, where it is this one.
    pub(super) fn take(&self, key: &[u8; 8], sealed: &[u8]) -> Option<Vec<Summary>> {
        let mut page = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        page.take_if(|page| page.key == *key && page.sealed == sealed).map(|page| page.rows)
    }
}

#[cfg(test)]
mod tests {
    use super::Recent;
    use crate::store::summary::Summary;

    #[test]
    fn a_page_is_known_by_its_place_and_its_bytes() {
        let recent = Recent::default();
        let rows = |uid| vec![Summary { uid, ..Summary::default() }];
        recent.keep([0; 8], vec![1; 40].into(), rows(1));
        recent.keep([0; 8], vec![2; 40].into(), rows(2));
        assert_eq!(recent.take(&[0; 8], &[1; 40]), None);
        assert_eq!(recent.take(&[1; 8], &[2; 40]), None, "it was moved there");
        assert_eq!(recent.take(&[0; 8], &[2; 40]), Some(rows(2)));
        assert_eq!(recent.take(&[0; 8], &[2; 40]), None, "it is changed and kept anew");
    }
}
