//! A mailbox in the cache: one UIDVALIDITY of one name, and how far it is synced.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::mail::id::MailboxId;

/// What a mailbox is for (RFC 6154), as the server said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SpecialUse {
    /// `INBOX`, which RFC 6154 gives no attribute.
    Inbox,
    /// `\All`.
    All,
    /// `\Archive`.
    Archive,
    /// `\Drafts`.
    Drafts,
    /// `\Flagged`.
    Flagged,
    /// `\Junk`.
    Junk,
    /// `\Sent`.
    Sent,
    /// `\Trash`.
    Trash,
}

/// How far a mailbox is synced. Committed together with the messages it speaks of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailboxState {
    /// UIDNEXT up to which everything was compared with the server. `None`: nothing is known, compare everything; the cache
    /// sets it so after a record was damaged, which brings the lost rows back.
    pub uid_next: Option<u32>,
    /// HIGHESTMODSEQ up to which flags were compared (RFC 7162); `None` as above.
    pub highest_modseq: Option<u64>,
    /// What it is for.
    pub special_use: Option<SpecialUse>,
    /// It is subscribed.
    pub subscribed: bool,
    /// Messages the server had at the last pass.
    pub exists: u32,
    /// When a pass over it last succeeded.
    pub last_sync: Option<Timestamp>,
}

/// A mailbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mailbox {
    /// Its number in this cache.
    #[serde(skip, default = "unnumbered")]
    pub id: MailboxId,
    /// The account's name in the configuration.
    pub account: String,
    /// Its name, decoded from modified UTF-7.
    pub name: String,
    /// RFC 9051 §2.3.1.1.
    pub uid_validity: u32,
    /// How far it is synced.
    pub state: MailboxState,
}

/// The number is the record's key, not part of its value.
const fn unnumbered() -> MailboxId {
    MailboxId(0)
}
