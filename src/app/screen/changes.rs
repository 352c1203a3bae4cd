//! Changes that a server was not told yet, each with the reason where it is stuck.

use super::Freshness;
use crate::app::list::{List, Row};
use crate::app::view::WaitingRow;
use crate::mail::safe::SafeText;

impl Row for WaitingRow {
    type Id = u64;

    fn id(&self) -> u64 {
        self.seq
    }

    fn texts(&self) -> impl Iterator<Item = &SafeText> {
        [&self.account, &self.words, &self.why].into_iter()
    }
}

/// What waits to be told.
#[derive(Debug, Default)]
pub struct Changes {
    /// Its rows, the oldest first.
    pub list: List<WaitingRow>,
    /// Whether they are up to date.
    pub fresh: Freshness,
}
