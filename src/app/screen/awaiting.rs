//! Answers that are waited for, of all open cases: the one to be chased first.

use super::Freshness;
use crate::app::case_view::AwaitingRow;
use crate::app::list::{List, Row};
use crate::case::AwaitingId;
use crate::mail::id::CaseId;
use crate::mail::safe::SafeText;

impl Row for AwaitingRow {
    type Id = (CaseId, AwaitingId);

    fn id(&self) -> Self::Id {
        (self.case.clone(), self.awaiting.id.clone())
    }

    fn texts(&self) -> impl Iterator<Item = &SafeText> {
        std::iter::once(&self.title)
    }
}

/// The list.
#[derive(Debug, Default)]
pub struct AwaitingScreen {
    /// Its rows, the earliest due first.
    pub list: List<AwaitingRow>,
    /// Whether they are up to date.
    pub fresh: Freshness,
}
