//! The cache: what the server holds, sealed, in sled. It may be deleted at any time; a sync brings it back.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;

use super::flags::Flags;
use super::mailbox::{Mailbox, MailboxState};
use super::space::{DiskFull, SpaceLimits};
use super::summary::Summary;
use super::vault::Vault;
use crate::mail::id::{MailboxId, MessageKey};

/// How the cache is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheOptions {
    /// Memory that sled may keep pages in.
    pub memory_bytes: u64,
    /// Free space that is asked for.
    pub space: SpaceLimits,
}

impl Default for CacheOptions {
    fn default() -> Self {
        Self { memory_bytes: 16 << 20, space: SpaceLimits::default() }
    }
}

/// Why the cache cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// Too little room: nothing was written.
    #[error(transparent)]
    DiskFull(#[from] DiskFull),
    /// The mailbox is not, or no longer, in the cache.
    #[error("the mailbox is no longer in the cache")]
    NoMailbox(MailboxId),
    /// sled, or the disk below it.
    #[error("the cache cannot be used: {0}; if this stays so, `casemail store rebuild` makes a new one")]
    Sled(#[from] sled::Error),
    /// The file system.
    #[error("the cache cannot be used: {0}")]
    Io(#[from] std::io::Error),
}

/// A record that did not open. It was removed, and the mailbox marked to be compared with the server in full, which brings it back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The mailbox.
    pub mailbox: MailboxId,
    /// UIDs that may be missing until the next sync.
    pub uids: std::ops::RangeInclusive<u32>,
    /// What it was: `summaries`, `flags`, `message` or `mailbox`.
    pub what: &'static str,
}

/// A message to be put into the cache.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewMessage {
    /// What a list shows; its flags are stored, its `has_raw` is not looked at.
    pub summary: Summary,
    /// The whole message as the server sent it; `None` keeps what is there.
    pub raw: Option<Arc<[u8]>>,
}

/// What the cache holds of a message, as a sync plan needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The UID.
    pub uid: u32,
    /// Its flags.
    pub flags: Flags,
    /// The whole message is here.
    pub has_raw: bool,
}

/// The cache. Cheap to share: all methods take `&self`. One writes at a time, readers go on meanwhile.
#[derive(Debug)]
pub struct Cache {}

#[expect(clippy::todo, clippy::missing_errors_doc, unused_variables, missing_docs, reason = "signatures first")]
impl Cache {
    /// Opens the cache below `dir`, or makes it. What cannot be opened is moved aside and made anew; sentences say so.
    pub fn open(
        dir: &Path,
        vault: &Vault,
        now: Timestamp,
        options: &CacheOptions,
    ) -> Result<(Self, Vec<String>), CacheError> {
        todo!()
    }
    pub fn mailboxes(&self) -> Result<Vec<Mailbox>, CacheError> {
        todo!()
    }
    pub fn mailbox(&self, id: MailboxId) -> Result<Option<Mailbox>, CacheError> {
        todo!()
    }
    /// The mailbox of this name and UIDVALIDITY; made if it is new. Those of another UIDVALIDITY stay until they are dropped.
    pub fn ensure_mailbox(&self, account: &str, name: &str, uid_validity: u32) -> Result<MailboxId, CacheError> {
        todo!()
    }
    pub fn set_mailbox_state(&self, id: MailboxId, state: MailboxState) -> Result<(), CacheError> {
        todo!()
    }
    /// Renamed on the server, with the same UIDVALIDITY.
    pub fn rename_mailbox(&self, id: MailboxId, name: &str) -> Result<(), CacheError> {
        todo!()
    }
    /// Gone at once for readers; its rows are removed in small batches after.
    pub fn drop_mailbox(&self, id: MailboxId) -> Result<(), CacheError> {
        todo!()
    }
    /// Stores messages, and with them the mailbox state, as one: all of it or nothing. Durable when it returns.
    pub fn put_batch(
        &self,
        mailbox: MailboxId,
        messages: Vec<NewMessage>,
        state: Option<MailboxState>,
    ) -> Result<(), CacheError> {
        todo!()
    }
    /// Rewrites summaries of messages that are there (for instance after decryption), without touching flags and raw messages.
    pub fn update_summaries(&self, mailbox: MailboxId, summaries: Vec<Summary>) -> Result<(), CacheError> {
        todo!()
    }
    /// Sets flags of messages that are there; others are left out.
    pub fn set_flags(
        &self,
        mailbox: MailboxId,
        flags: &[(u32, Flags)],
        state: Option<MailboxState>,
    ) -> Result<(), CacheError> {
        todo!()
    }
    pub fn remove(&self, mailbox: MailboxId, uids: &[u32], state: Option<MailboxState>) -> Result<(), CacheError> {
        todo!()
    }
    /// Everything that is held of a mailbox, in order of UID.
    pub fn held(&self, mailbox: MailboxId) -> Result<Vec<Held>, CacheError> {
        todo!()
    }
    /// All summaries of a mailbox, the newest page first, within a page the highest UID first.
    pub fn summaries(
        &self,
        mailbox: MailboxId,
    ) -> Result<Box<dyn Iterator<Item = Result<Summary, CacheError>> + Send + '_>, CacheError> {
        todo!()
    }
    pub fn summary(&self, key: MessageKey) -> Result<Option<Summary>, CacheError> {
        todo!()
    }
    /// A whole message as the server sent it.
    pub fn raw(&self, key: MessageKey) -> Result<Option<Vec<u8>>, CacheError> {
        todo!()
    }
    /// Damaged records met since this was last asked.
    pub fn take_damage(&self) -> Vec<Damage> {
        todo!()
    }
    /// Makes everything durable; also done by every writing call.
    pub fn flush(&self) -> Result<(), CacheError> {
        todo!()
    }
}
