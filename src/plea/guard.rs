//! The guard of plea negotiations: marks of confidence, who may have it, what may ride along.

use super::act::Kind;
use super::number::NegotiationId;
use crate::case::guard::{Finding, Recipient};
use crate::case::{Case, Classes, Jurisdiction};

/// The mark at the head of a block and above a thread. It is a convention and evidence of what was intended, no guarantee.
#[must_use]
pub const fn mark(jurisdiction: Jurisdiction) -> &'static str {
    match jurisdiction {
        Jurisdiction::EnglandWales => "PLEA DISCUSSION - WITHOUT PREJUDICE TO NOT GUILTY PLEA(S)",
        Jurisdiction::Scotland => "PLEA NEGOTIATION / NOT TO BE FOUNDED UPON IF NOT ACCEPTED",
    }
}

/// A message of a negotiation that is about to leave.
#[derive(Clone, Debug)]
pub struct Leaving<'a> {
    /// The case.
    pub case: &'a Case,
    /// Which negotiation.
    pub id: &'a NegotiationId,
    /// What is done by it; `None`: plain words.
    pub kind: Option<Kind>,
    /// The author's own addresses.
    pub own: Vec<String>,
    /// Everybody, the blind ones included.
    pub recipients: Vec<Recipient<'a>>,
    /// Its text.
    pub text: &'a str,
    /// It answers or passes on something between client and lawyer: why that is thought.
    pub privileged: Option<String>,
}

/// Everything that stands against sending it.
#[must_use]
pub fn check(_leaving: &Leaving<'_>, _classes: &Classes) -> Vec<Finding> {
    Vec::new()
}

/// The recipients of an answer: who wrote it, and nobody else.
#[must_use]
pub fn reply_to(from: &str) -> Vec<String> {
    vec![from.to_owned()]
}

/// A text without what is quoted in it from earlier messages.
#[must_use]
pub fn without_quotes(text: &str) -> String {
    text.to_owned()
}
