//! A negotiation told in order: its chronology, and the one page to hand up.

use jiff::Timestamp;
use serde::Serialize;

use super::negotiation::{Negotiation, View};

/// A line of the chronology.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// When.
    pub at: Timestamp,
    /// The act's number, where it has one.
    pub no: Option<String>,
    /// What: `OFFER`.
    pub kind: String,
    /// `sent`, `received`, `marked`, `here`.
    pub how: &'static str,
    /// By whom.
    pub by: String,
    /// What it says, in one sentence.
    pub what: String,
    /// It counts.
    pub counts: bool,
    /// Why not, and what else was found.
    pub remarks: Vec<String>,
    /// The digest of its terms, or of those it quotes.
    pub terms: Option<String>,
    /// Message-ID.
    pub message: Option<String>,
    /// Where the negotiation stood afterwards.
    pub state: &'static str,
}

/// The lines, in order.
#[must_use]
pub fn chronology(_negotiation: &Negotiation, _view: &View) -> Vec<Line> {
    Vec::new()
}
