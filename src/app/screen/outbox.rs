//! What is on its way: every row says in words where it is.

use super::Freshness;
use crate::app::list::{List, Row};
use crate::app::view::OutboxRow;
use crate::mail::id::OutboxId;
use crate::mail::safe::SafeText;

impl Row for OutboxRow {
    type Id = OutboxId;

    fn id(&self) -> OutboxId {
        self.id
    }

    fn texts(&self) -> impl Iterator<Item = &SafeText> {
        [&self.to, &self.subject, &self.reply].into_iter()
    }
}

/// The outbox.
#[derive(Debug, Default)]
pub struct Outbox {
    /// Its rows.
    pub list: List<OutboxRow>,
    /// Whether they are up to date.
    pub fresh: Freshness,
}

/// A state in words a person can act on.
#[must_use]
pub fn state_in_words(state: &str) -> &'static str {
    match state {
        "queued" => "waiting to be sent",
        "held" => "held: it can still be taken back",
        "sending" => "being sent",
        "sent-not-filed" => "sent; copy not yet in Sent",
        "sent" => "sent",
        "deferred" => "put off, and will be tried again",
        "failed" => "not sent, and not tried again by itself",
        "uncertain" => "uncertain: it may have arrived or not, and is not sent again by itself",
        _ => "in a state that this version does not know",
    }
}
