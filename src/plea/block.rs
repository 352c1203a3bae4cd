//! The block in which an act travels: plain text at the head of a message, which a person can read in any mail program.

use super::act::Act;
use crate::case::Jurisdiction;

/// What a text holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// No block.
    Nothing,
    /// An act.
    Act(Box<Act>),
    /// A block that is quoted from another message: no act of this one.
    Quoted,
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
    #[error("the line “{0}” cannot be read: {1}")]
    Unreadable(String, String),
    /// The digest of the terms is not that of the terms.
    #[error("the terms were changed: their digest is another one than the block names")]
    OtherTerms,
}

/// Writes the block of an act: lines of at most 72 characters, ended by `\n`.
#[must_use]
pub fn write(_act: &Act, _jurisdiction: Jurisdiction) -> String {
    String::new()
}

/// Reads the first block of a text.
#[must_use]
pub fn read(_text: &str) -> Reading {
    Reading::Nothing
}

/// The text of a message without its block: what a person wrote below it.
#[must_use]
pub fn without(text: &str) -> String {
    text.to_owned()
}
