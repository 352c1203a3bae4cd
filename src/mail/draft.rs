//! A message being written: what a person has decided so far, before it is built, checked, sealed and queued.

use serde::{Deserialize, Serialize};

use super::address::Address;
use super::id::{CaseId, MessageRef};

/// A file to send along. The bytes are held, so that what was reviewed is what is sent even when the file changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// The name that the recipient sees: no path, no control character.
    pub name: String,
    /// For instance `application/pdf`.
    pub media_type: String,
    /// The content, not transfer-encoded.
    pub content: Vec<u8>,
}

/// What is asked of OpenPGP for a draft. Without a wish, mail is signed and encrypted where every recipient has an accepted key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Protection {
    /// Sign and encrypt where every recipient has an accepted certificate, else send in clear and say so in the review.
    #[default]
    WhenPossible,
    /// Sign and encrypt, or refuse to send. Replies to encrypted mail start here.
    Required,
    /// Sign only.
    SignOnly,
    /// Neither.
    None,
}

/// A message being written. Its addresses have been parsed, its text is what the person typed (lines ended by `\n`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// Name of the account in the configuration that it goes out by.
    pub account: String,
    /// The author; empty address: the account's own.
    pub from: Address,
    /// RFC 5322 §3.6.3.
    pub to: Vec<Address>,
    /// RFC 5322 §3.6.3.
    pub cc: Vec<Address>,
    /// Recipients whom the others must not learn of: never a header field on the wire.
    pub bcc: Vec<Address>,
    /// Subject, unencoded.
    pub subject: String,
    /// The text, plain.
    pub body: String,
    /// Files sent along.
    pub attachments: Vec<Attachment>,
    /// Message-IDs without angle brackets; the first of them is answered (RFC 5322 §3.6.4).
    pub in_reply_to: Vec<String>,
    /// Message-IDs without angle brackets, oldest first.
    pub references: Vec<String>,
    /// The message that is answered or forwarded, to flag it `\Answered` once this one is queued.
    pub answers: Option<MessageRef>,
    /// The case it belongs to, when it was begun from one.
    pub case: Option<CaseId>,
    /// What is asked of OpenPGP.
    pub protection: Protection,
}
