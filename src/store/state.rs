//! The state store: what the server does not hold. Durable, sealed, in redb; never rebuilt, never deleted.
//!
//! Every write is a transaction that is on the disk when the call returns; after a crash the store opens as of the last of them.
//! Names are kept as keyed digests, values are sealed for their place.

mod bringing;
mod changes;
mod epoch;
mod error;
mod keys;
mod later;
mod opening;
mod register;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use redb::{Database, ReadTransaction, ReadableDatabase, ReadableTable, TableDefinition, WriteTransaction};
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

pub use self::error::StateError;
pub use self::opening::begin_anew;
use self::opening::whole;
pub use self::outbox::KeptDraft;
pub use self::register::{RegisterRow, StreamRow};
use super::profile::Roots;
use super::space;
use super::vault::{Blinder, Sealer, Vault};

mod outbox;
mod quarantine;

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
type Opener = Box<dyn Fn(&Path, Duration) -> Result<Database, StateError> + Send + Sync>;

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
        Self::prepare(roots, vault)?;
        Self::open_prepared(roots, vault)
    }

    /// The first half of [`Self::open_of`], before anything is done to the cache: makes sure that there is a store, or makes it.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn prepare(roots: &Roots, vault: &Vault) -> Result<(), StateError> {
        opening::settle(&roots.state_file(), vault, Some(roots))
    }

    /// The second half of [`Self::open_of`]; it may go on beside the opening of the cache.
    ///
    /// # Errors
    /// [`StateError`]; the file is left as it is.
    pub fn open_prepared(roots: &Roots, vault: &Vault) -> Result<Self, StateError> {
        Self::open_by(&roots.state_file(), vault, Box::new(opening::database))
    }

    fn open_by(file: &Path, vault: &Vault, opener: Opener) -> Result<Self, StateError> {
        let database = opener(file, opening::PATIENCE)?;
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
        *held = Some(Arc::new((self.opener)(&self.file, opening::SHORT_PATIENCE)?));
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

    /// A keyed digest of something that is to be known again and not kept.
    #[must_use]
    pub fn mark(&self, of: &[u8]) -> [u8; 16] {
        self.keys.blinder.blind(&Zeroizing::new(place("mark", of)))
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
