//! The block in which an act travels: plain text at the head of a message, which a person can read in any mail program.
//!
//! Only words count, never lines: where mail programs break or join lines, nothing changes. The token at the end is the beginning of the
//! SHA-256 of these words; a block whose token does not fit is shown as text and taken for nothing. It is told from accident only: who may speak
//! is weighed elsewhere. The grammar is told in `docs/plea-block.md`.

mod read;
mod write;

use sha2::{Digest as _, Sha256};

use super::act::Act;
use super::terms::Document;
use super::text::fold;
use crate::case::Jurisdiction;

pub use read::{read, without};
pub use write::write;

/// The form that is written.
pub const FORM: &str = "PLEA/1";

/// What a text holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// No block.
    Nothing,
    /// An act.
    Act(Box<Act>),
    /// A block that is quoted from another message: no act of this one. With the act, where it can be read.
    Quoted(Option<Box<Act>>),
    /// A block that cannot be read as it was written.
    Damaged(Damage),
}

/// Why a block is no act. It is shown as text, and can be entered by hand.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// The line at the end is missing.
    #[error("the block has no end: the message was cut short")]
    NoEnd,
    /// Written by a later version.
    #[error("the block is of form {0}, which this version cannot read: bring casemail up to date")]
    LaterForm(String),
    /// The token at the end does not fit.
    #[error("the block was changed on its way: its last token does not fit what stands above it")]
    Token,
    /// A line that should be there is not.
    #[error("the block has no line “{0}”")]
    Missing(&'static str),
    /// A line that says nothing that can be read.
    #[error("the line “{0}” of the block cannot be read")]
    Unreadable(&'static str),
    /// A line twice, or one that does not belong to what is done.
    #[error("the line “{0}” stands in the block where it does not belong")]
    Stray(&'static str),
    /// The terms are none.
    #[error("the terms of the block are none: {0}")]
    Terms(#[from] super::terms::TermsError),
    /// The digest of the terms is not that of the terms.
    #[error("the terms were changed: their digest is another one than the block names")]
    OtherTerms,
}

/// The names of the lines, each with a colon, in the order in which they are written.
const LABELS: &[&str] = &[
    "Case",
    "Accused",
    "Thread",
    "Round",
    "Kind",
    "Act",
    "Having read",
    "Written",
    "Answers",
    "Its terms",
    "Reply by",
    "Charge",
    "Basis",
    "Narrative",
    "Conditions",
    "Terms",
    "Cleared",
    "Subject to",
    "Because",
    "Replies to",
    "Asks",
    "Says",
    "Hearing",
    "Court",
    "By",
    "On behalf of",
    "Authority",
];

/// What stands in the first line, between dashes.
const fn header(jurisdiction: Jurisdiction) -> &'static str {
    super::guard::mark(jurisdiction)
}

/// The token: six digits of the digest of form, header and words.
fn token(jurisdiction: Jurisdiction, words: &str) -> String {
    let digest = Sha256::digest(format!("{FORM}\n{}\n{words}", header(jurisdiction)));
    hex::encode(digest.get(..3).unwrap_or_default())
}

/// A basis or narrative in words.
#[must_use]
pub fn document_words(document: &Document) -> String {
    match document {
        Document::Text { text } => format!("basis \"{text}\""),
        Document::Attached { name, sha256 } => {
            format!("basis file \"{name}\" ({})", hex::encode(sha256.get(..3).unwrap_or_default()))
        }
    }
}

/// An instant as it stands in a block, with the name of the clock: `Mon 18 May 2026 12:00 BST`.
fn instant(at: jiff::Timestamp) -> String {
    crate::case::hearing::zone().map_or_else(
        |_| at.to_zoned(jiff::tz::TimeZone::UTC).strftime("%a %-d %b %Y %H:%M GMT").to_string(),
        |zone| at.to_zoned(zone).strftime("%a %-d %b %Y %H:%M %Z").to_string(),
    )
}

/// A value that stands without quotation marks: nothing in it may look like the name of a line.
fn bare(text: &str) -> String {
    fold(text).replace([':', '"', ';'], "")
}

#[cfg(test)]
mod gateway_tests;
#[cfg(test)]
mod tests;
