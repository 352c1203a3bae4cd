//! The state store: what the server does not hold. Durable, sealed, in redb; never rebuilt, never deleted.
//!
//! Every write is a transaction that is on the disk when the call returns; after a crash the store opens as of the last of them.
//! Names are kept as keyed digests, values are sealed for their place.

mod changes;
mod epoch;
mod keys;
mod opening;
mod register;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use redb::{Database, ReadTransaction, ReadableDatabase, ReadableTable, TableDefinition, WriteTransaction};
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

pub use self::opening::begin_anew;
use self::opening::whole;
pub use self::outbox::KeptDraft;
use self::outbox::{DRAFTS, OUTBOX, OUTBOX_DRAFTS, OUTBOX_RAW};
pub use self::register::{RegisterRow, StreamRow};
use super::outbox::{OutboxState, Step};
use super::profile::Roots;
use super::space::{self, DiskFull};
use super::vault::{Blinder, Sealer, Vault};
use crate::mail::id::OutboxId;

mod outbox;
mod quarantine;

/// What this casemail writes. Older ones are brought up by [`MIGRATIONS`].
const SCHEMA: u32 = 6;
/// The change from schema n+1 to n+2, at index n. Each runs in the transaction that also raises the number.
const MIGRATIONS: [Migration; SCHEMA as usize - 1] =
    [changes::migrate, outbox::migrate_rows, keys::migrate, changes::migrate_rows, register::migrate];
/// A step from one schema to the next.
type Migration = fn(&WriteTransaction, &Keys) -> Result<(), StateError>;

type Numbered = TableDefinition<'static, u64, &'static [u8]>;
type Named = TableDefinition<'static, &'static [u8], &'static [u8]>;

const META: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("meta");
/// What schema 1 kept changes of flags in.
const FLAGS_V1: Numbered = TableDefinition::new("flags");
const VALUES: Named = TableDefinition::new("values");

/// In [`META`]: what the last transaction was marked with.
const MARK: &str = "mark";
/// Memory that redb may keep pages in.
const CACHE_BYTES: usize = 2 << 20;
/// Room that a transaction needs beside the bytes of a message.
const SLACK: u64 = 4 << 20;

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
    /// Nobody finds anything among so many.
    #[error("there are 200 drafts already: finish or throw away one of them first")]
    TooManyDrafts,
    /// Too little room.
    #[error(transparent)]
    DiskFull(#[from] DiskFull),
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
        matches!(self, Self::DiskFull(_) | Self::Io { .. } | Self::Store { .. })
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

/// What values are sealed and names are blinded with.
struct Keys {
    sealer: Sealer,
    blinder: Blinder,
}

/// Where a value lies: table, key and the form of its content, so that it opens nowhere else.
fn place(table: &str, key: &[u8]) -> Vec<u8> {
    [b"state/1/", table.as_bytes(), b"/", key].concat()
}

impl Keys {
    fn seal<T: Serialize>(&self, table: &str, key: &[u8], value: &T) -> Result<Vec<u8>, StateError> {
        let plain = postcard::to_allocvec(value).map_err(|error| StateError::Store { because: error.to_string() })?;
        Ok(self.sealer.seal(&place(table, key), &Zeroizing::new(plain)))
    }

    fn open<T: DeserializeOwned>(&self, table: &str, key: &[u8], value: &[u8]) -> Result<T, StateError> {
        let plain = self.open_bytes(table, key, value)?;
        postcard::from_bytes(&plain).map_err(|_| damaged(table, key))
    }

    fn open_bytes(&self, table: &str, key: &[u8], value: &[u8]) -> Result<Zeroizing<Vec<u8>>, StateError> {
        self.sealer.open(&place(table, key), value).map_err(|_| damaged(table, key))
    }
}

fn damaged(table: &str, key: &[u8]) -> StateError {
    let what = match <[u8; 8]>::try_from(key) {
        Ok(number) => format!("{table} {}", u64::from_be_bytes(number)),
        Err(_) => format!("a record of {table}"),
    };
    StateError::Damaged { what }
}

/// How the file is opened: also anew, after the disk failed.
type Opener = Box<dyn Fn(&Path) -> Result<Database, StateError> + Send + Sync>;

/// The state store. All methods take `&self` and block until what they wrote is durable.
///
/// redb refuses everything after the disk has failed it once. Such a store is closed and opened anew at the next use, as of the last
/// transaction that is on the disk: one full disk does not end what is done with it until the program does.
pub struct State {
    file: PathBuf,
    /// `None`: it could not be opened anew yet.
    database: RwLock<Option<Arc<Database>>>,
    /// The disk has failed it since it was opened.
    failed: AtomicBool,
    keys: Keys,
    opener: Opener,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("file", &self.file).finish_non_exhaustive()
    }
}

impl State {
    /// Opens the store, or makes it where there has been none; brings an older one up to date.
    ///
    /// # Errors
    /// [`StateError`]; the file is left as it is.
    pub fn open(file: &Path, vault: &Vault) -> Result<Self, StateError> {
        opening::settle(file, vault, None)?;
        Self::open_by(file, vault, Box::new(opening::database))
    }

    /// As [`Self::open`], of a profile: one that has a cache has had a state store, too.
    ///
    /// # Errors
    /// [`StateError`]; the file is left as it is.
    pub fn open_of(roots: &Roots, vault: &Vault) -> Result<Self, StateError> {
        let file = roots.state_file();
        opening::settle(&file, vault, Some(roots))?;
        Self::open_by(&file, vault, Box::new(opening::database))
    }

    fn open_by(file: &Path, vault: &Vault, opener: Opener) -> Result<Self, StateError> {
        let database = opener(file)?;
        let keys = whole(file, || epoch::settle(&database, vault))?;
        let database = RwLock::new(Some(Arc::new(database)));
        let state = Self { file: file.to_owned(), database, failed: AtomicBool::new(false), keys, opener };
        whole(file, || state.bring_up(vault.generation()))?;
        Ok(state)
    }

    fn database(&self) -> Option<Arc<Database>> {
        self.database.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Does something with the store; where the disk has failed it, with it opened anew.
    fn with<T>(&self, work: impl Fn(&Database) -> Result<T, StateError>) -> Result<T, StateError> {
        if !self.failed.load(Ordering::SeqCst)
            && let Some(database) = self.database()
        {
            match self.noted(whole(&self.file, || work(&database))) {
                Err(StateError::Io { .. }) => {}
                done => return done,
            }
        }
        self.reopen()?;
        let database = self.database().ok_or(StateError::Io { because: "it could not be opened anew".into() })?;
        self.noted(whole(&self.file, || work(&database)))
    }

    /// After some errors, the store is opened anew before it is used again.
    fn noted<T>(&self, done: Result<T, StateError>) -> Result<T, StateError> {
        if matches!(done, Err(StateError::Io { .. } | StateError::Broken { .. })) {
            self.failed.store(true, Ordering::SeqCst);
        }
        done
    }

    /// Reads something.
    fn read<T>(&self, work: impl FnOnce(&ReadTransaction) -> Result<T, StateError>) -> Result<T, StateError> {
        let view = self.view()?;
        self.noted(whole(&self.file, move || work(&view)))
    }

    /// Lets go of the database, whatever it says to that.
    fn close(&self, held: &mut Option<Arc<Database>>) {
        let _ = whole(&self.file, || {
            drop(held.take());
            Ok(())
        });
    }

    /// Closes the store and opens it anew, unless somebody else has done so.
    fn reopen(&self) -> Result<(), StateError> {
        let mut held = self.database.write().unwrap_or_else(PoisonError::into_inner);
        if held.is_some() && !self.failed.load(Ordering::SeqCst) {
            return Ok(());
        }
        // Its lock on the file goes with it.
        self.close(&mut held);
        *held = Some(Arc::new((self.opener)(&self.file)?));
        self.failed.store(false, Ordering::SeqCst);
        tracing::warn!("the disk failed below the state store; it was opened anew");
        Ok(())
    }

    /// A view of the store as it is now.
    fn view(&self) -> Result<ReadTransaction, StateError> {
        self.with(|database| {
            let view = database.begin_read()?;
            view.open_table(META)?;
            Ok(view)
        })
    }

    fn bring_up(&self, generation: u64) -> Result<(), StateError> {
        let transaction = self.begin()?;
        let stored = transaction.open_table(META)?.get("schema")?.map(|value| value.value().to_vec());
        let schema = stored.and_then(|bytes| bytes.try_into().ok()).map_or(SCHEMA, u32::from_le_bytes);
        if schema > SCHEMA || schema == 0 {
            return Err(StateError::Later { place: self.file.clone(), version: schema });
        }
        for step in MIGRATIONS.iter().skip(schema as usize - 1) {
            step(&transaction, &self.keys)?;
        }
        {
            let mut meta = transaction.open_table(META)?;
            meta.insert("schema", SCHEMA.to_le_bytes().as_slice())?;
            let seen = match meta.get("generation")? {
                Some(value) => self.keys.open::<u64>("meta", b"generation", value.value())?,
                None => 0,
            };
            if generation < seen {
                return Err(StateError::HeaderRolledBack);
            }
            if generation > seen {
                let value = self.keys.seal("meta", b"generation", &generation)?;
                meta.insert("generation", value.as_slice())?;
            }
            for table in [
                OUTBOX,
                OUTBOX_RAW,
                OUTBOX_DRAFTS,
                DRAFTS,
                changes::CHANGES,
                changes::CHANGES_RAW,
                register::STREAMS,
                register::ROWS,
            ] {
                transaction.open_table(table)?;
            }
            for table in [keys::CERTS, keys::SECRETS, VALUES] {
                transaction.open_table(table)?;
            }
        }
        transaction.commit()?;
        Ok(())
    }

    /// Several changes as one: all of them or, on an error, none. Durable when it returns.
    ///
    /// # Errors
    /// [`StateError`], also the one of `changes`.
    pub fn write<T>(&self, changes: impl FnOnce(&Write<'_>) -> Result<T, StateError>) -> Result<T, StateError> {
        self.noted(whole(&self.file, || self.write_on(changes)))
    }

    fn write_on<T>(&self, changes: impl FnOnce(&Write<'_>) -> Result<T, StateError>) -> Result<T, StateError> {
        // A disk without room fails in the midst of a transaction, and takes the store along.
        if let Some(dir) = self.file.parent() {
            space::check(dir, SLACK)?;
        }
        let transaction = self.begin()?;
        let mark: [u8; 16] = super::vault::random();
        let outcome =
            changes(&Write { transaction: &transaction, keys: &self.keys, file: &self.file }).and_then(|value| {
                transaction.open_table(META)?.insert(MARK, mark.as_slice())?;
                Ok(value)
            });
        let (error, value) = match outcome {
            Ok(value) => match transaction.commit() {
                Ok(()) => return Ok(value),
                Err(error) => (StateError::from(error), Some(value)),
            },
            Err(error) => {
                let aborted = transaction.abort();
                (aborted.map_or_else(StateError::from, |()| error), None)
            }
        };
        if !matches!(error, StateError::Io { .. }) {
            return Err(error);
        }
        self.failed.store(true, Ordering::SeqCst);
        match value {
            // Whether a commit that failed is on the disk is read from the disk.
            Some(value) if self.last_mark().is_ok_and(|last| last == mark) => Ok(value),
            _ => Err(error),
        }
    }

    /// The mark of the last transaction that is on the disk.
    fn last_mark(&self) -> Result<Vec<u8>, StateError> {
        self.read(|view| {
            let table = view.open_table(META)?;
            let mark = table.get(MARK)?;
            Ok(mark.map(|mark| mark.value().to_vec()).unwrap_or_default())
        })
    }

    /// Two-phase: a torn last write can never pass for a whole one, whatever its bytes are.
    fn begin(&self) -> Result<WriteTransaction, StateError> {
        self.with(|database| {
            let mut transaction = database.begin_write()?;
            transaction.set_two_phase_commit(true);
            transaction.open_table(META)?;
            Ok(transaction)
        })
    }

    /// Keeps a small value under a name of ours.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn put(&self, name: &str, value: &[u8]) -> Result<(), StateError> {
        self.write(|write| write.put_value(name, &value))
    }

    /// What was kept under a name.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn value(&self, name: &str) -> Result<Option<Vec<u8>>, StateError> {
        self.read_named(VALUES, "values", name)
    }

    fn read_numbered<T: DeserializeOwned>(
        &self,
        table: Numbered,
        label: &str,
        number: u64,
    ) -> Result<Option<T>, StateError> {
        self.read(|view| {
            let value = view.open_table(table)?.get(number)?;
            value.map(|value| self.keys.open(label, &number.to_be_bytes(), value.value())).transpose()
        })
    }

    fn read_named<T: DeserializeOwned>(&self, table: Named, label: &str, name: &str) -> Result<Option<T>, StateError> {
        let key = self.keys.blinder.blind(&place(label, name.as_bytes()));
        self.read(|view| {
            let value = view.open_table(table)?.get(key.as_slice())?;
            value.map(|value| self.keys.open(label, &key, value.value())).transpose()
        })
    }

    fn read_all<T: DeserializeOwned>(&self, table: Named, label: &str) -> Result<Vec<T>, StateError> {
        self.read(|view| {
            let mut values = Vec::new();
            for row in view.open_table(table)?.iter()? {
                let (key, value) = row?;
                values.push(self.keys.open(label, key.value(), value.value())?);
            }
            Ok(values)
        })
    }
}

impl Drop for State {
    fn drop(&mut self) {
        let mut held = std::mem::take(&mut *self.database.write().unwrap_or_else(PoisonError::into_inner));
        self.close(&mut held);
    }
}

/// Changes that are made as one: see [`State::write`].
pub struct Write<'a> {
    transaction: &'a WriteTransaction,
    keys: &'a Keys,
    file: &'a Path,
}

impl std::fmt::Debug for Write<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Write(…)")
    }
}

impl Write<'_> {
    /// Keeps a value under a name of ours; as [`State::put`] for any serialisable one.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn put_value<T: Serialize>(&self, name: &str, value: &T) -> Result<(), StateError> {
        self.put_named(VALUES, "values", name, value)
    }

    /// Forgets what is kept under a name.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn remove_value(&self, name: &str) -> Result<(), StateError> {
        self.remove(VALUES, name)
    }

    fn remove(&self, table: Named, name: &str) -> Result<(), StateError> {
        use redb::TableHandle;
        let key = self.keys.blinder.blind(&place(table.name(), name.as_bytes()));
        self.transaction.open_table(table)?.remove(key.as_slice())?;
        Ok(())
    }

    fn put_named<T: Serialize>(&self, table: Named, label: &str, name: &str, value: &T) -> Result<(), StateError> {
        let key = self.keys.blinder.blind(&place(label, name.as_bytes()));
        let sealed = self.keys.seal(label, &key, value)?;
        self.transaction.open_table(table)?.insert(key.as_slice(), sealed.as_slice())?;
        Ok(())
    }

    fn put_numbered<T: Serialize>(
        &self,
        table: Numbered,
        label: &str,
        number: u64,
        value: &T,
    ) -> Result<(), StateError> {
        let sealed = self.keys.seal(label, &number.to_be_bytes(), value)?;
        self.transaction.open_table(table)?.insert(number, sealed.as_slice())?;
        Ok(())
    }

    /// The next number of a kind; never given twice, also after the rows are gone.
    fn next(&self, name: &str) -> Result<u64, StateError> {
        let mut meta = self.transaction.open_table(META)?;
        let stored = meta.get(name)?.and_then(|value| value.value().try_into().ok()).map_or(1, u64::from_le_bytes);
        meta.insert(name, stored.saturating_add(1).to_le_bytes().as_slice())?;
        Ok(stored)
    }
}

#[cfg(test)]
mod tests;
