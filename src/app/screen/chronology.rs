//! What happened in a case, in order, with the proof that is kept of it.

use super::Freshness;
use crate::app::case_view::ChronologyRow;
use crate::app::list::{List, Row};
use crate::mail::id::CaseId;
use crate::mail::safe::SafeText;

impl Row for ChronologyRow {
    type Id = SafeText;

    fn id(&self) -> SafeText {
        self.place.clone()
    }

    fn texts(&self) -> impl Iterator<Item = &SafeText> {
        std::iter::once(&self.words).chain(&self.facts)
    }
}

/// The list.
#[derive(Debug)]
pub struct Chronology {
    /// Of which case.
    pub case: CaseId,
    /// Its rows, the oldest first.
    pub list: List<ChronologyRow>,
    /// Whether they are up to date.
    pub fresh: Freshness,
}

impl Chronology {
    /// A chronology that has been asked for.
    #[must_use]
    pub fn new(case: CaseId) -> Self {
        Self { case, list: List::default(), fresh: Freshness::default() }
    }
}
