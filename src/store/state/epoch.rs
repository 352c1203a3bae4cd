//! Which keys the state store is sealed under, and how it is brought under new ones: all of it in one transaction.
//!
//! The digests that names are kept under stay as they are, because a digest cannot be turned back into its name: the key of the first
//! epoch that made them is kept, sealed, in the store itself.

use redb::{Database, ReadableTable, TableDefinition, TableError, TableHandle, WriteTransaction};
use zeroize::Zeroizing;

use super::{Keys, META, StateError, place};
use crate::store::vault::{Blinder, Sealer, Vault};

/// The keys of a store; where the header has begun a new epoch, everything is sealed anew first.
///
/// # Errors
/// [`StateError`]; the store is then as it was.
pub(super) fn settle(database: &Database, vault: &Vault) -> Result<Keys, StateError> {
    let mut transaction = database.begin_write()?;
    transaction.set_two_phase_commit(true);
    let (is_ours, epoch, kept) = {
        let meta = transaction.open_table(META)?;
        let is_ours = meta.get("schema")?.is_some();
        let epoch = meta.get("epoch")?.and_then(|value| value.value().try_into().ok()).map_or(0, u32::from_le_bytes);
        let kept = meta.get("blinder")?.map(|value| value.value().to_vec());
        (is_ours, epoch, kept)
    };
    // A new one is made with them: whoever has taken the tables away has taken what was in them.
    if !is_ours {
        return Err(StateError::Corrupt { because: "nothing of casemail is in it".to_owned() });
    }
    if epoch > vault.epoch() {
        return Err(StateError::HeaderRolledBack);
    }
    let dropped = || StateError::Store {
        because: "it is an older copy, sealed under keys that this profile has dropped; put back the newer file"
            .to_owned(),
    };
    let sealer = vault.sealer_at(epoch, "state", b"").ok_or_else(dropped)?;
    let blinder = match kept {
        Some(sealed) => {
            let key =
                sealer.open(&place("meta", b"blinder"), &sealed).map_err(|_| super::damaged("meta", b"blinder"))?;
            Blinder::from_key(&key).ok_or_else(|| super::damaged("meta", b"blinder"))?
        }
        None => vault.blinder_at(epoch, "state").ok_or_else(dropped)?,
    };
    if epoch == vault.epoch() {
        transaction.abort()?;
        return Ok(Keys { sealer, blinder });
    }
    let keys = Keys { sealer: vault.sealer("state", b""), blinder };
    seal_anew(&transaction, &sealer, &keys)?;
    transaction.open_table(META)?.insert("epoch", vault.epoch().to_le_bytes().as_slice())?;
    transaction.commit()?;
    Ok(keys)
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
