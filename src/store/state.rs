//! The state store: what the server does not hold. Durable, sealed, in redb; never rebuilt, never deleted.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::cert::{CertRecord, SecretRecord};
use super::outbox::{OutboxEntry, OutboxState};
use super::space::DiskFull;
use super::vault::Vault;
use crate::mail::draft::Draft;
use crate::mail::id::{MessageRef, OutboxId};

/// Why the state store cannot be read or written. Nothing of it was changed then.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The header is older than one that has opened this store.
    #[error(
        "the header of this profile is older than its state store: an old passphrase was put back; put back the newer header"
    )]
    HeaderRolledBack,
    /// Of a later casemail.
    #[error("{} was written by a later casemail (schema {version}); use that one", place.display())]
    Later {
        /// Where.
        place: PathBuf,
        /// Its schema.
        version: u32,
    },
    /// Another key, or a value that is damaged or not in its place.
    #[error("{what} in the state store does not open: it is damaged or belongs to another profile; the rest is whole")]
    Damaged {
        /// Which record.
        what: String,
    },
    /// No such row.
    #[error("there is no outbox entry {0}")]
    NoEntry(OutboxId),
    /// What was asked would lose or double a message.
    #[error("outbox entry {id} is {}, which cannot become {}", from.name(), to.name())]
    Transition {
        /// The row.
        id: OutboxId,
        /// What it is.
        from: OutboxState,
        /// What it was to become.
        to: OutboxState,
    },
    /// Too little room.
    #[error(transparent)]
    DiskFull(#[from] DiskFull),
    /// redb, or the disk below it.
    #[error("{}: {because}", place.display())]
    Store {
        /// Where.
        place: PathBuf,
        /// Why.
        because: String,
    },
}

/// A change of flags made here that the server has not confirmed. Replayed in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueuedFlagChange {
    /// Its place in the order. Set by the store.
    #[serde(skip)]
    pub seq: u64,
    /// Which messages.
    pub messages: Vec<MessageRef>,
    /// System flags to set, as bits of [`super::flags::Flags`].
    pub set: u8,
    /// System flags to clear.
    pub clear: u8,
    /// When it was made.
    pub at: Timestamp,
}

/// The state store. All methods take `&self` and block until what they wrote is durable.
#[derive(Debug)]
pub struct State {}

#[expect(clippy::todo, clippy::missing_errors_doc, unused_variables, missing_docs, reason = "signatures first")]
impl State {
    pub fn open(place: &Path, vault: &Vault) -> Result<Self, StateError> {
        todo!()
    }
    /// A new row with its bytes; gives its number. Durable when it returns.
    pub fn queue(&self, entry: OutboxEntry, raw: &[u8]) -> Result<OutboxId, StateError> {
        todo!()
    }
    /// All rows, oldest first. One that is damaged is left out and named in the second list.
    pub fn outbox(&self) -> Result<(Vec<OutboxEntry>, Vec<StateError>), StateError> {
        todo!()
    }
    pub fn outbox_entry(&self, id: OutboxId) -> Result<Option<OutboxEntry>, StateError> {
        todo!()
    }
    /// The bytes to be sent, exactly as queued.
    pub fn outbox_raw(&self, id: OutboxId) -> Result<Vec<u8>, StateError> {
        todo!()
    }
    /// Changes a row in one transaction; refuses a transition that [`OutboxState::may_become`] refuses. Gives the row as it is now.
    pub fn update_outbox(
        &self,
        id: OutboxId,
        change: impl FnOnce(&mut OutboxEntry),
    ) -> Result<OutboxEntry, StateError> {
        todo!()
    }
    /// Takes a row for sending if it is due: `Sending`, one attempt more. `None`: somebody else has it, or it is not due.
    pub fn claim(&self, id: OutboxId, now: Timestamp) -> Result<Option<OutboxEntry>, StateError> {
        todo!()
    }
    /// At start: rows that were being sent when the last process ended become queued or uncertain. Gives those that changed.
    pub fn recover_outbox(&self) -> Result<Vec<OutboxEntry>, StateError> {
        todo!()
    }
    /// Forgets a row that is `Sent` or `Failed`.
    pub fn forget_outbox(&self, id: OutboxId) -> Result<(), StateError> {
        todo!()
    }
    pub fn keep_draft(&self, draft: &Draft) -> Result<(), StateError> {
        todo!()
    }
    pub fn kept_draft(&self) -> Result<Option<Draft>, StateError> {
        todo!()
    }
    pub fn drop_draft(&self) -> Result<(), StateError> {
        todo!()
    }
    /// Adds or replaces a certificate. The caller has merged it with what was there.
    pub fn put_cert(&self, cert: &CertRecord) -> Result<(), StateError> {
        todo!()
    }
    pub fn certs(&self) -> Result<Vec<CertRecord>, StateError> {
        todo!()
    }
    pub fn cert(&self, fingerprint: &str) -> Result<Option<CertRecord>, StateError> {
        todo!()
    }
    pub fn remove_cert(&self, fingerprint: &str) -> Result<(), StateError> {
        todo!()
    }
    pub fn put_secret(&self, secret: &SecretRecord) -> Result<(), StateError> {
        todo!()
    }
    pub fn secrets(&self) -> Result<Vec<SecretRecord>, StateError> {
        todo!()
    }
    pub fn remove_secret(&self, fingerprint: &str) -> Result<(), StateError> {
        todo!()
    }
    /// Appends a change of flags to the queue; gives its place.
    pub fn queue_flags(&self, change: &QueuedFlagChange) -> Result<u64, StateError> {
        todo!()
    }
    /// The queue in order.
    pub fn queued_flags(&self) -> Result<Vec<QueuedFlagChange>, StateError> {
        todo!()
    }
    /// The server has confirmed (or refused for good) these.
    pub fn drop_flags(&self, seqs: &[u64]) -> Result<(), StateError> {
        todo!()
    }
    /// A small value of the engine's own under a name of ours.
    pub fn put(&self, name: &str, value: &[u8]) -> Result<(), StateError> {
        todo!()
    }
    pub fn value(&self, name: &str) -> Result<Option<Vec<u8>>, StateError> {
        todo!()
    }
}
