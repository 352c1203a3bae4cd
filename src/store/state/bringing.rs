//! A store that is opened is brought up to what this casemail writes, and learns of a newer header; one that needs neither is not written to.

use redb::{ReadableTable, TableError, WriteTransaction};

use super::outbox::{DRAFTS, OUTBOX, OUTBOX_DRAFTS, OUTBOX_RAW};
use super::{Keys, META, Named, Numbered, State, StateError, VALUES, changes, keys, outbox, register};

/// What this casemail writes. Older ones are brought up by [`MIGRATIONS`].
pub(super) const SCHEMA: u32 = 6;
/// The change from schema n+1 to n+2, at index n. Each runs in the transaction that also raises the number.
const MIGRATIONS: [Migration; SCHEMA as usize - 1] =
    [changes::migrate, outbox::migrate_rows, keys::migrate, changes::migrate_rows, register::migrate];
/// A step from one schema to the next.
type Migration = fn(&WriteTransaction, &Keys) -> Result<(), StateError>;

const NUMBERED: [Numbered; 8] = [
    OUTBOX,
    OUTBOX_RAW,
    OUTBOX_DRAFTS,
    DRAFTS,
    changes::CHANGES,
    changes::CHANGES_RAW,
    register::STREAMS,
    register::ROWS,
];
const NAMED: [Named; 3] = [keys::CERTS, keys::SECRETS, VALUES];

fn schema(meta: &impl ReadableTable<&'static str, &'static [u8]>) -> Result<u32, StateError> {
    let stored = meta.get("schema")?.map(|value| value.value().to_vec());
    Ok(stored.and_then(|bytes| bytes.try_into().ok()).map_or(SCHEMA, u32::from_le_bytes))
}

/// The newest generation of the header that has opened this store.
fn seen(meta: &impl ReadableTable<&'static str, &'static [u8]>, keys: &Keys) -> Result<u64, StateError> {
    match meta.get("generation")? {
        Some(value) => keys.open::<u64>("meta", b"generation", value.value()),
        None => Ok(0),
    }
}

/// Whether a table that was opened is there.
fn is_there<T>(opened: Result<T, TableError>) -> Result<bool, StateError> {
    match opened {
        Ok(_) => Ok(true),
        Err(TableError::TableDoesNotExist(_)) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

impl State {
    /// Brings the store up to date, where it is not: `generation` is the header's.
    pub(super) fn bring_up(&self, generation: u64) -> Result<(), StateError> {
        if self.is_brought_up(generation)? {
            return Ok(());
        }
        let transaction = self.begin()?;
        let schema = schema(&transaction.open_table(META)?)?;
        if schema > SCHEMA || schema == 0 {
            return Err(StateError::Later { place: self.file.clone(), version: schema });
        }
        for step in MIGRATIONS.iter().skip(schema as usize - 1) {
            step(&transaction, &self.keys)?;
        }
        {
            let mut meta = transaction.open_table(META)?;
            meta.insert("schema", SCHEMA.to_le_bytes().as_slice())?;
            let seen = seen(&meta, &self.keys)?;
            if generation < seen {
                return Err(StateError::HeaderRolledBack);
            }
            if generation > seen {
                let value = self.keys.seal("meta", b"generation", &generation)?;
                meta.insert("generation", value.as_slice())?;
            }
            for table in NUMBERED {
                transaction.open_table(table)?;
            }
            for table in NAMED {
                transaction.open_table(table)?;
            }
        }
        transaction.commit()?;
        Ok(())
    }

    fn is_brought_up(&self, generation: u64) -> Result<bool, StateError> {
        let view = self.view()?;
        let meta = view.open_table(META)?;
        let mut fits = schema(&meta)? == SCHEMA && seen(&meta, &self.keys)? == generation;
        for table in NUMBERED {
            fits &= is_there(view.open_table(table))?;
        }
        for table in NAMED {
            fits &= is_there(view.open_table(table))?;
        }
        Ok(fits)
    }
}
