//! Which keys the state store is sealed under, and how it is brought under new ones: all of it in one transaction.
//!
//! The digests that names are kept under stay as they are, because a digest cannot be turned back into its name: the key of the first
//! epoch that made them is kept, sealed, in the store itself.

use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition, TableError, TableHandle, WriteTransaction};
use zeroize::Zeroizing;

use super::{Keys, META, StateError, place};
use crate::store::vault::{Blinder, Sealer, Vault};

/// The keys of a store; where the header has begun a new epoch, everything is sealed anew first.
///
/// # Errors
/// [`StateError`]; the store is then as it was.
pub(super) fn settle(database: &Database, vault: &Vault) -> Result<Keys, StateError> {
    // Mostly there is nothing to write.
    let known = match database.begin_read()?.open_table(META) {
        Err(TableError::TableDoesNotExist(_)) => return Err(foreign()),
        meta => known(&meta?)?,
    };
    if known.epoch == vault.epoch() {
        return known.keys(vault).map(|(sealer, blinder)| Keys { sealer, blinder });
    }
    if known.epoch > vault.epoch() {
        return Err(StateError::HeaderRolledBack);
    }
    let (old, blinder) = known.keys(vault)?;
    let mut transaction = database.begin_write()?;
    transaction.set_two_phase_commit(true);
    let keys = Keys { sealer: vault.sealer("state", b""), blinder };
    seal_anew(&transaction, &old, &keys)?;
    transaction.open_table(META)?.insert("epoch", vault.epoch().to_le_bytes().as_slice())?;
    transaction.commit()?;
    Ok(keys)
}

/// What a store says of its keys.
struct Known {
    epoch: u32,
    /// The key of digests, sealed, where it is older than the epoch.
    blinder: Option<Vec<u8>>,
}

/// A new one is made with our tables: whoever has taken them away has taken what was in them.
fn foreign() -> StateError {
    StateError::Corrupt { because: "nothing of casemail is in it".to_owned() }
}

fn known(meta: &impl ReadableTable<&'static str, &'static [u8]>) -> Result<Known, StateError> {
    if meta.get("schema")?.is_none() {
        return Err(foreign());
    }
    Ok(Known {
        epoch: meta.get("epoch")?.and_then(|value| value.value().try_into().ok()).map_or(0, u32::from_le_bytes),
        blinder: meta.get("blinder")?.map(|value| value.value().to_vec()),
    })
}

impl Known {
    fn keys(&self, vault: &Vault) -> Result<(Sealer, Blinder), StateError> {
        let dropped = || StateError::Store {
            because: "it is an older copy, sealed under keys that this profile has dropped; put back the newer file"
                .to_owned(),
        };
        let sealer = vault.sealer_at(self.epoch, "state", b"").ok_or_else(dropped)?;
        let blinder = match &self.blinder {
            Some(sealed) => {
                let key =
                    sealer.open(&place("meta", b"blinder"), sealed).map_err(|_| super::damaged("meta", b"blinder"))?;
                Blinder::from_key(&key).ok_or_else(|| super::damaged("meta", b"blinder"))?
            }
            None => vault.blinder_at(self.epoch, "state").ok_or_else(dropped)?,
        };
        Ok((sealer, blinder))
    }
}

fn seal_anew(transaction: &WriteTransaction, old: &Sealer, keys: &Keys) -> Result<(), StateError> {
    {
        let mut meta = transaction.open_table(META)?;
        let sealed = meta.get("generation")?.and_then(|value| again("meta", b"generation", value.value(), old, keys));
        if let Some(sealed) = sealed {
            meta.insert("generation", sealed.as_slice())?;
        }
        let blinder = keys.sealer.seal(&place("meta", b"blinder"), keys.blinder.key());
        meta.insert("blinder", blinder.as_slice())?;
    }
    let names: Vec<String> = transaction.list_tables()?.map(|table| table.name().to_owned()).collect();
    for name in names.iter().filter(|name| *name != META.name()) {
        let numbered: TableDefinition<'_, u64, &[u8]> = TableDefinition::new(name);
        match transaction.open_table(numbered) {
            Ok(mut table) => {
                let numbers: Vec<u64> =
                    table.iter()?.map(|row| row.map(|(key, _)| key.value())).collect::<Result<_, _>>()?;
                for number in numbers {
                    let key = number.to_be_bytes();
                    let sealed = table.get(number)?.and_then(|value| again(name, &key, value.value(), old, keys));
                    if let Some(sealed) = sealed {
                        table.insert(number, sealed.as_slice())?;
                    }
                }
            }
            Err(TableError::TableTypeMismatch { .. }) => seal_named(transaction, name, old, keys)?,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn seal_named(transaction: &WriteTransaction, name: &str, old: &Sealer, keys: &Keys) -> Result<(), StateError> {
    let named: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new(name);
    let mut table = transaction.open_table(named)?;
    let all: Vec<Vec<u8>> =
        table.iter()?.map(|row| row.map(|(key, _)| key.value().to_vec())).collect::<Result<_, _>>()?;
    for key in all {
        let sealed = table.get(key.as_slice())?.and_then(|value| again(name, &key, value.value(), old, keys));
        if let Some(sealed) = sealed {
            table.insert(key.as_slice(), sealed.as_slice())?;
        }
    }
    Ok(())
}

/// A value sealed anew. `None`: it does not open, and stays the damaged record that it is.
fn again(table: &str, key: &[u8], value: &[u8], old: &Sealer, keys: &Keys) -> Option<Vec<u8>> {
    let place = place(table, key);
    let plain: Zeroizing<Vec<u8>> = old.open(&place, value).ok()?;
    Some(keys.sealer.seal(&place, &plain))
}
