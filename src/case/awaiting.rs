//! Messages by a name that outlives mailboxes, and answers that are waited for.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A message by what it is, not by where it lies: the name that survives a changed UIDVALIDITY, a move and another machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MessageName {
    /// RFC 5322 §3.6.4, without angle brackets; empty where the message has none.
    pub message_id: String,
    /// SHA-256 of the whole message as it was received or handed over.
    #[serde(with = "hex::serde")]
    pub digest: [u8; 32],
}

impl fmt::Display for MessageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.message_id.is_empty() {
            write!(f, "sha256:{}", hex::encode(self.digest))
        } else {
            f.write_str(&self.message_id)
        }
    }
}

/// The name of an awaited answer inside its case: given once, never used again.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AwaitingId(pub String);

impl fmt::Display for AwaitingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An answer that is waited for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Awaiting {
    /// Its name inside the case.
    pub id: AwaitingId,
    /// What was asked for, for instance `IDPC`.
    pub what: String,
    /// The addresses that were asked.
    pub to: Vec<String>,
    /// Message-ID of the request, without angle brackets.
    pub message_id: String,
    /// When it was sent.
    pub sent: Timestamp,
    /// When to chase.
    pub due: Timestamp,
    /// When it was chased.
    pub chased: Vec<Timestamp>,
    /// When the answer came, or the wait was given up.
    pub answered: Option<Timestamp>,
}

impl Awaiting {
    /// Whether somebody has to chase now.
    #[must_use]
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.answered.is_none() && now >= self.due
    }
}
