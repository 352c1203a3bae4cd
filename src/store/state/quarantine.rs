//! Messages that are out of reach: each kept under a key of its own, so that destroying 32 bytes destroys a message, and that nothing which
//! reads the cache can come upon it.
//!
//! A message is named by its Message-ID and the SHA-256 of its bytes: anybody can send another one under the same Message-ID. Which of them lies at a
//! place of a mailbox is written down beside them, because the cache does not know their bytes any more.

use zeroize::Zeroizing;

use super::{State, StateError};
use crate::store::vault::{DataKey, random};

/// The purpose of a key.
const PURPOSE: &str = "quarantine";

/// SHA-256 of the bytes of a message.
type Sha256 = [u8; 32];

fn key_name(message: &str, digest: &Sha256) -> String {
    format!("quarantine-2/key/{}/{message}", hex::encode(digest))
}

fn name(message: &str, digest: &Sha256) -> String {
    format!("quarantine-2/message/{}/{message}", hex::encode(digest))
}

/// The digests of what is kept under a Message-ID.
fn digests_name(message: &str) -> String {
    format!("quarantine-2/digests/{message}")
}

/// Which message lies at a place.
fn place_name(place: &str) -> String {
    format!("quarantine-2/place/{place}")
}

/// Earlier versions kept one message to a Message-ID.
fn former_key_name(message: &str) -> String {
    format!("quarantine/key/{message}")
}

fn former_name(message: &str) -> String {
    format!("quarantine/message/{message}")
}

impl State {
    /// Seals a message under a new key of its own, by its Message-ID and digest. What is there already stays.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn put_quarantined(&self, message: &str, digest: &Sha256, raw: &[u8]) -> Result<(), StateError> {
        if self.value(&name(message, digest))?.is_some() {
            return Ok(());
        }
        let mut digests = self.digests(message)?;
        digests.push(*digest);
        let key: Zeroizing<[u8; 32]> = Zeroizing::new(random());
        let sealed = DataKey::from_kept(*key).sealer(PURPOSE).seal(message.as_bytes(), raw);
        self.write(|write| {
            write.put_value(&key_name(message, digest), &key.as_slice())?;
            write.put_value(&name(message, digest), &sealed.as_slice())?;
            write.put_value(&digests_name(message), &digests)
        })
    }

    fn digests(&self, message: &str) -> Result<Vec<Sha256>, StateError> {
        Ok(self.read_named(super::VALUES, "values", &digests_name(message))?.unwrap_or_default())
    }

    /// Whether this message is kept so. One that an earlier version has kept is looked at by whoever asks [`Self::formerly_quarantined`].
    ///
    /// # Errors
    /// [`StateError`].
    pub fn is_quarantined(&self, message: &str, digest: &Sha256) -> Result<bool, StateError> {
        Ok(self.value(&key_name(message, digest))?.is_some())
    }

    /// A message that is kept so. `None`: there is none, or its key was destroyed.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn quarantined(&self, message: &str, digest: &Sha256) -> Result<Option<Vec<u8>>, StateError> {
        self.opened(message, &name(message, digest), &key_name(message, digest))
    }

    /// What an earlier version has kept under a Message-ID: one message, whichever it was.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn formerly_quarantined(&self, message: &str) -> Result<Option<Vec<u8>>, StateError> {
        self.opened(message, &former_name(message), &former_key_name(message))
    }

    fn opened(&self, message: &str, name: &str, key_name: &str) -> Result<Option<Vec<u8>>, StateError> {
        let Some(sealed) = self.value(name)? else { return Ok(None) };
        let Some(key) = self.value(key_name)?.map(Zeroizing::new) else { return Ok(None) };
        let Ok(key) = <[u8; 32]>::try_from(key.as_slice()) else { return Ok(None) };
        let opened = DataKey::from_kept(key).sealer(PURPOSE).open(message.as_bytes(), &sealed);
        Ok(opened.ok().map(|raw| raw.to_vec()))
    }

    /// Notes that the message of this digest lies at a place: the name of a message in its mailbox.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn put_quarantined_at(&self, place: &str, digest: &Sha256) -> Result<(), StateError> {
        if self.quarantined_at(place)?.as_ref() == Some(digest) {
            return Ok(());
        }
        self.write(|write| write.put_value(&place_name(place), digest))
    }

    /// The digest of the message that lies at a place, where it is one that is kept so.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn quarantined_at(&self, place: &str) -> Result<Option<Sha256>, StateError> {
        self.read_named(super::VALUES, "values", &place_name(place))
    }

    /// Destroys the key of a message, and what was sealed under it. Others of the same Message-ID stay.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn drop_quarantined(&self, message: &str, digest: &Sha256) -> Result<(), StateError> {
        let mut digests = self.digests(message)?;
        digests.retain(|other| other != digest);
        self.write(|write| {
            write.remove_value(&key_name(message, digest))?;
            write.remove_value(&name(message, digest))?;
            if digests.is_empty() {
                write.remove_value(&digests_name(message))
            } else {
                write.put_value(&digests_name(message), &digests)
            }
        })
    }

    /// As [`Self::drop_quarantined`], of what an earlier version has kept.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn drop_formerly_quarantined(&self, message: &str) -> Result<(), StateError> {
        self.write(|write| {
            write.remove_value(&former_key_name(message))?;
            write.remove_value(&former_name(message))
        })
    }
}
