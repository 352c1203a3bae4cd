//! The pages of summaries that batches wrote last, not packed yet: a batch begins where the one before it ended, in the midst of a page, and
//! to unpack and read a page again costs more than all else of storing it.
//!
//! A page is known by its sealed bytes, which never come twice: whatever was written over it since, it is not taken for what the cache holds.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use crate::store::summary::Summary;

/// A batch ends in the midst of one page and begins in the midst of another.
const PAGES: usize = 2;

/// A page, sealed, and what is in it.
#[derive(Debug)]
struct Page {
    sealed: sled::IVec,
    rows: Vec<Summary>,
}

/// A few pages, the newest last.
#[derive(Debug, Default)]
pub(super) struct Recent(Mutex<VecDeque<Page>>);

impl Recent {
    /// Keeps a page; flags and `has_raw` of its rows are not looked at, they are in no page.
    pub(super) fn keep(&self, sealed: sled::IVec, rows: Vec<Summary>) {
        let mut pages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pages.push_back(Page { sealed, rows });
        if pages.len() > PAGES {
            pages.pop_front();
        }
    }

    /// The rows of a page, where it is one of these.
    pub(super) fn take(&self, sealed: &[u8]) -> Option<Vec<Summary>> {
        let mut pages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = pages.iter().position(|page| page.sealed == sealed)?;
        pages.remove(at).map(|page| page.rows)
    }
}

#[cfg(test)]
mod tests {
    use super::Recent;
    use crate::store::summary::Summary;

    #[test]
    fn a_page_is_known_by_its_bytes_and_few_are_kept() {
        let recent = Recent::default();
        let rows = |uid| vec![Summary { uid, ..Summary::default() }];
        for number in 1..=3_u8 {
            recent.keep(vec![number; 40].into(), rows(number.into()));
        }
        assert_eq!(recent.take(&[1; 40]), None);
        assert_eq!(recent.take(&[9; 40]), None);
        assert_eq!(recent.take(&[3; 40]), Some(rows(3)));
        assert_eq!(recent.take(&[3; 40]), None);
        assert_eq!(recent.take(&[2; 40]), Some(rows(2)));
    }
}
