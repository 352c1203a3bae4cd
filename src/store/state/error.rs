//! Why the state store cannot be read or written.

use std::path::PathBuf;

use crate::mail::id::OutboxId;
use crate::store::outbox::{OutboxState, Step};
use crate::store::space::DiskFull;

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
    /// There has been a store, and there is none.
    #[error(
        "the state store is gone: {} is not there, and with it the outbox, drafts, changes that wait, keys and the register. Put back a copy of that file; \
         only if there is none, begin anew with `casemail store anew`",
        place.display()
    )]
    Missing {
        /// Where it should be.
        place: PathBuf,
    },
    /// Nothing is in the file, which is never so by itself.
    #[error(
        "the state store is empty: {} has 0 bytes, and the outbox, drafts, changes that wait, keys and the register were in it. Put back a copy of that \
         file; only if there is none, begin anew with `casemail store anew`",
        place.display()
    )]
    Empty {
        /// Where.
        place: PathBuf,
    },
    /// The file is not as it was written.
    #[error(
        "the state store is damaged: {} is not what casemail wrote ({because}). Nothing in it was changed. Put back a copy of that file; only if there \
         is none, `casemail store anew` keeps it aside and begins anew",
        place.display()
    )]
    Broken {
        /// Where.
        place: PathBuf,
        /// How that shows.
        because: String,
    },
    /// As [`Self::Broken`], before it is known of which file.
    #[error("the state store is damaged: {because}")]
    Corrupt {
        /// How that shows.
        because: String,
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
    #[error("outbox entry {id} is {} and cannot be {}", from.name(), step.words())]
    Transition {
        /// The row.
        id: OutboxId,
        /// What it is.
        from: OutboxState,
        /// What was to happen to it.
        step: Step,
    },
    /// What was to be written would lose or double a message.
    #[error("outbox entry {id} was not changed to {}: that would lose or double the message for somebody", state.name())]
    Disagrees {
        /// The row.
        id: OutboxId,
        /// What it was to become.
        state: OutboxState,
    },
    /// Too little room.
    #[error(transparent)]
    DiskFull(#[from] DiskFull),
    /// Somebody has it open.
    #[error("the state store is in use: another process, or a task that does not end, has {} open; try again", place.display())]
    InUse {
        /// Where.
        place: PathBuf,
    },
    /// redb.
    #[error("the state store cannot be used: {because}; nothing in it was changed")]
    Store {
        /// Why.
        because: String,
    },
    /// The disk below it. The store is opened anew before it is used again.
    #[error("the disk below the state store fails: {because}; nothing in it was changed")]
    Io {
        /// Why.
        because: String,
    },
}

impl StateError {
    /// Whether the file is lost or damaged, so that only a copy of it or a new one can help.
    #[must_use]
    pub fn is_of_the_file(&self) -> bool {
        matches!(
            self,
            Self::Missing { .. }
                | Self::Empty { .. }
                | Self::Broken { .. }
                | Self::Corrupt { .. }
                | Self::Damaged { .. }
        )
    }

    /// Whether the same may go well later, without anybody changing anything in the store: the disk was full, or failed.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::DiskFull(_) | Self::Io { .. } | Self::InUse { .. } | Self::Store { .. })
    }
}

/// Whether an error is about what is in the file, and not about the disk.
fn is_of_content(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::InvalidData | std::io::ErrorKind::UnexpectedEof)
}

macro_rules! from_redb {
    ($($error:ident),*) => {$(
        impl From<redb::$error> for StateError {
            fn from(error: redb::$error) -> Self {
                let because = error.to_string();
                match redb::Error::from(error) {
                    redb::Error::Corrupted(because) => Self::Corrupt { because },
                    redb::Error::Io(error) if is_of_content(&error) => Self::Corrupt { because },
                    redb::Error::Io(_) | redb::Error::PreviousIo => Self::Io { because },
                    _ => Self::Store { because },
                }
            }
        }
    )*};
}
from_redb!(DatabaseError, TransactionError, TableError, StorageError, CommitError);
