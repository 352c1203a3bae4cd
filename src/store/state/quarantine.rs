//! Messages that are out of reach: kept under a key of their own, so that destroying 32 bytes destroys a message, and that nothing which
//! reads the cache can come upon it.

use zeroize::Zeroizing;

use super::{State, StateError};
use crate::store::vault::{DataKey, random};

/// The purpose of a key.
const PURPOSE: &str = "quarantine";

fn key_name(message: &str) -> String {
    format!("quarantine/key/{message}")
}

fn name(message: &str) -> String {
    format!("quarantine/message/{message}")
}

impl State {
    /// Seals a message under a new key of its own, by its Message-ID. What is there already stays.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn put_quarantined(&self, message: &str, raw: &[u8]) -> Result<(), StateError> {
        if self.value(&name(message))?.is_some() {
            return Ok(());
        }
        let key: Zeroizing<[u8; 32]> = Zeroizing::new(random());
        let sealed = DataKey::from_kept(*key).sealer(PURPOSE).seal(message.as_bytes(), raw);
        self.write(|write| {
            write.put_value(&key_name(message), &key.as_slice())?;
            write.put_value(&name(message), &sealed.as_slice())
        })
    }

    /// Whether a message of this Message-ID is kept so.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn is_quarantined(&self, message: &str) -> Result<bool, StateError> {
        Ok(!message.is_empty() && self.value(&key_name(message))?.is_some())
    }

    /// A message that is kept so. `None`: there is none, or its key was destroyed.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn quarantined(&self, message: &str) -> Result<Option<Vec<u8>>, StateError> {
        let Some(sealed) = self.value(&name(message))? else { return Ok(None) };
        let Some(key) = self.value(&key_name(message))?.map(Zeroizing::new) else { return Ok(None) };
        let Ok(key) = <[u8; 32]>::try_from(key.as_slice()) else { return Ok(None) };
        let opened = DataKey::from_kept(key).sealer(PURPOSE).open(message.as_bytes(), &sealed);
        Ok(opened.ok().map(|raw| raw.to_vec()))
    }

    /// Destroys the key of a message, and what was sealed under it.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn drop_quarantined(&self, message: &str) -> Result<(), StateError> {
        self.write(|write| {
            write.remove_value(&key_name(message))?;
            write.remove_value(&name(message))
        })
    }
}
