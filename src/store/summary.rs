//! What a list needs to know of a message, made once when it was fetched.

use serde::{Deserialize, Serialize};

use super::flags::Flags;
use crate::mail::address::Address;
use crate::pgp::report::Badge;

/// A message in a list. All of its texts are foreign: show them through `mail::safe` only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// The UID, never 0.
    pub uid: u32,
    /// Flags; kept in pages of their own, so that a change of a flag rewrites less than a kilobyte.
    #[serde(skip)]
    pub flags: Flags,
    /// INTERNALDATE, in seconds since 1970.
    pub received: i64,
    /// The Date header, in seconds since 1970.
    pub sent: Option<i64>,
    /// RFC822.SIZE.
    pub bytes: u32,
    /// Message-ID without angle brackets; empty where there is none.
    pub message_id: String,
    /// Without angle brackets.
    pub in_reply_to: Vec<String>,
    /// Without angle brackets, oldest first.
    pub references: Vec<String>,
    /// From.
    pub from: Vec<Address>,
    /// To.
    pub to: Vec<Address>,
    /// Cc.
    pub cc: Vec<Address>,
    /// The subject; the protected one where it was decrypted.
    pub subject: String,
    /// How many attachments it has.
    pub attachments: u16,
    /// What OpenPGP says, for a list.
    pub openpgp: Badge,
    /// How it was carried, as a code that the engine gives a meaning to; 0 = not known.
    pub carried: u8,
    /// The raw message is in the cache. The cache sets it: what is handed in is not looked at.
    #[serde(skip)]
    pub has_raw: bool,
    /// It could not be parsed or opened: the row says so, the raw message is there.
    pub undisplayable: bool,
    /// Whatever else is derived from the text (for instance identifiers of cases), as the engine writes it.
    pub derived: Vec<String>,
}
