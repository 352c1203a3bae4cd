//! The queue of changes in the state store: rows in the order in which they were made.

use redb::{ReadableTable, TableDefinition, WriteTransaction};

use super::{FLAGS_V1, Keys, META, Numbered, State, StateError, Write, place};
use crate::store::change::{Change, FlagChangeV1};

pub(super) const CHANGES: Numbered = TableDefinition::new("changes");
pub(super) const CHANGES_RAW: Numbered = TableDefinition::new("changes-raw");

/// The name of the counter: the least number that no row ever had.
const NEXT: &str = "next-changes";

impl State {
    /// The rows in order, those that were told to the server and can be taken back included. One that is damaged is left out and named in the
    /// second list.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn changes(&self) -> Result<(Vec<Change>, Vec<StateError>), StateError> {
        self.read(|view| {
            let (mut rows, mut damage) = (Vec::new(), Vec::new());
            for row in view.open_table(CHANGES)?.iter()? {
                let (seq, value) = row?;
                let seq = seq.value();
                match self.keys.open::<Change>("changes", &seq.to_be_bytes(), value.value()) {
                    Ok(change) => rows.push(Change { seq, ..change }),
                    Err(error) => damage.push(error),
                }
            }
            Ok((rows, damage))
        })
    }

    /// The least number that no row ever had.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn next_change(&self) -> Result<u64, StateError> {
        self.read(|view| {
            let stored = view.open_table(META)?.get(NEXT)?;
            Ok(stored.and_then(|value| value.value().try_into().ok()).map_or(1, u64::from_le_bytes))
        })
    }

    /// The message that a row appends.
    ///
    /// # Errors
    /// [`StateError`]; [`StateError::Damaged`] also where there is none.
    pub fn change_raw(&self, seq: u64) -> Result<Vec<u8>, StateError> {
        self.read(|view| {
            let missing = || super::damaged("changes-raw", &seq.to_be_bytes());
            let value = view.open_table(CHANGES_RAW)?.get(seq)?.ok_or_else(missing)?;
            let mut plain = self.keys.open_bytes("changes-raw", &seq.to_be_bytes(), value.value())?;
            Ok(std::mem::take(&mut *plain))
        })
    }
}

impl Write<'_> {
    /// Writes a row at its place, replacing what is there.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn put_change(&self, change: &Change) -> Result<(), StateError> {
        put(self.transaction, self.keys, change)
    }

    /// Keeps the message that a row appends.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn put_change_raw(&self, seq: u64, raw: &[u8]) -> Result<(), StateError> {
        if let Some(parent) = self.file.parent() {
            super::space::check(parent, super::SLACK.saturating_add(raw.len() as u64))?;
        }
        let sealed = self.keys.sealer.seal(&place("changes-raw", &seq.to_be_bytes()), raw);
        self.transaction.open_table(CHANGES_RAW)?.insert(seq, sealed.as_slice())?;
        Ok(())
    }

    /// Takes rows out, and the messages beside them.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn drop_changes(&self, seqs: &[u64]) -> Result<(), StateError> {
        let mut table = self.transaction.open_table(CHANGES)?;
        let mut raw = self.transaction.open_table(CHANGES_RAW)?;
        for seq in seqs {
            table.remove(seq)?;
            raw.remove(seq)?;
        }
        Ok(())
    }
}

fn put(transaction: &WriteTransaction, keys: &Keys, change: &Change) -> Result<(), StateError> {
    let sealed = keys.seal("changes", &change.seq.to_be_bytes(), change)?;
    transaction.open_table(CHANGES)?.insert(change.seq, sealed.as_slice())?;
    let mut meta = transaction.open_table(META)?;
    let stored = meta.get(NEXT)?.and_then(|value| value.value().try_into().ok()).map_or(1, u64::from_le_bytes);
    let next = stored.max(change.seq.saturating_add(1));
    meta.insert(NEXT, next.to_le_bytes().as_slice())?;
    Ok(())
}

/// Schema 1 kept changes of flags alone: they become rows of this queue, in their order.
pub(super) fn migrate(transaction: &WriteTransaction, keys: &Keys) -> Result<(), StateError> {
    let mut rows: Vec<Change> = Vec::new();
    {
        let old = transaction.open_table(FLAGS_V1)?;
        for row in old.iter()? {
            let (seq, value) = row?;
            // A damaged row costs its flags, not the store.
            if let Ok(change) = keys.open::<FlagChangeV1>("flags", &seq.value().to_be_bytes(), value.value()) {
                rows.extend(change.into_changes());
            }
        }
    }
    for (seq, mut row) in (1..).zip(rows) {
        row.seq = seq;
        put(transaction, keys, &row)?;
    }
    transaction.delete_table(FLAGS_V1)?;
    Ok(())
}

/// Schema 5 says at the end of each row whether it waits for a person; none did before.
pub(super) fn migrate_rows(transaction: &WriteTransaction, keys: &Keys) -> Result<(), StateError> {
    let mut table = transaction.open_table(CHANGES)?;
    let mut rows: Vec<(u64, Change)> = Vec::new();
    for row in table.iter()? {
        let (seq, value) = row?;
        let seq = seq.value();
        // A damaged row stays as it is: it is told of when the rows are read.
        let Ok(mut plain) = keys.open_bytes("changes", &seq.to_be_bytes(), value.value()) else { continue };
        plain.push(0);
        if let Ok(change) = postcard::from_bytes(&plain) {
            rows.push((seq, change));
        }
    }
    for (seq, change) in rows {
        let sealed = keys.seal("changes", &seq.to_be_bytes(), &change)?;
        table.insert(seq, sealed.as_slice())?;
    }
    Ok(())
}
