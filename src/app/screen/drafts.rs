//! Drafts that wait to be gone on with.

use crate::app::list::{List, Row};
use crate::app::view::DraftRow;
use crate::mail::id::DraftId;
use crate::mail::safe::SafeText;

impl Row for DraftRow {
    type Id = DraftId;

    fn id(&self) -> DraftId {
        self.id
    }

    fn texts(&self) -> impl Iterator<Item = &SafeText> {
        [&self.to, &self.subject].into_iter()
    }
}

/// The drafts.
#[derive(Debug, Default)]
pub struct Drafts {
    /// Its rows.
    pub list: List<DraftRow>,
}
