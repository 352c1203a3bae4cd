//! The list of cases.

use super::Freshness;
use crate::app::list::{List, Row};
use crate::app::view::{CaseRow, Scope};
use crate::mail::safe::SafeText;

impl Row for CaseRow {
    type Id = Scope;

    fn id(&self) -> Scope {
        self.scope.clone()
    }

    fn texts(&self) -> impl Iterator<Item = &SafeText> {
        std::iter::once(&self.title).chain(&self.identifiers)
    }
}

/// The list of cases.
#[derive(Debug, Default)]
pub struct Cases {
    /// Its rows.
    pub list: List<CaseRow>,
    /// Whether they are up to date.
    pub fresh: Freshness,
}
