//! How connections were protected, as far as the register asks for it: kept once each, and named by a few letters from the messages that came
//! over them. What is not known is not claimed.

use sha2::{Digest as _, Sha256};

use super::core::Stores;
use crate::mail::id::OutboxId;
use crate::net::Secured;
use crate::register::event::Tls;
use crate::store::state::StateError;

/// A connection by its short name, with what is kept of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Channel {
    /// 16 hexadecimal digits: the beginning of a digest of all else.
    pub(crate) name: String,
    kept: Vec<u8>,
}

impl Channel {
    /// What is written down of a connection.
    pub(crate) fn of(secured: &Secured) -> Self {
        let tls = Tls {
            server: secured.server.clone(),
            version: secured.version.clone(),
            cipher: secured.cipher.clone(),
            certificate: secured.certificate.clone(),
        };
        let kept = serde_json::to_vec(&tls).unwrap_or_default();
        let digest = hex::encode(Sha256::digest(&kept));
        Self { name: digest.get(..16).unwrap_or_default().to_owned(), kept }
    }

    /// Keeps it, where it is not kept yet.
    ///
    /// # Errors
    /// The state store cannot be written.
    pub(crate) fn keep(&self, stores: &Stores) -> Result<(), StateError> {
        let name = place(&self.name);
        if stores.state.value(&name)?.is_some() { Ok(()) } else { stores.state.put(&name, &self.kept) }
    }
}

fn place(name: &str) -> String {
    format!("channel/{name}")
}

fn sent(id: OutboxId) -> String {
    format!("channel-of/{}", id.0)
}

/// The connection of a name; `None` where nothing is known of it.
pub(crate) fn known(stores: &Stores, name: &str) -> Option<Tls> {
    let kept = stores.state.value(&place(name)).ok()??;
    serde_json::from_slice(&kept).ok()
}

/// Notes over which connection a row of the outbox went.
///
/// # Errors
/// The state store cannot be written.
pub(crate) fn note_sent(stores: &Stores, id: OutboxId, secured: &Secured) -> Result<(), StateError> {
    let channel = Channel::of(secured);
    channel.keep(stores)?;
    stores.state.put(&sent(id), channel.name.as_bytes())
}

/// Over which connection a row of the outbox went.
pub(crate) fn of_sent(stores: &Stores, id: OutboxId) -> Option<Tls> {
    let name = stores.state.value(&sent(id)).ok()??;
    known(stores, std::str::from_utf8(&name).ok()?)
}

/// Forgets it, once it is written down.
pub(crate) fn forget_sent(stores: &Stores, id: OutboxId) {
    // What stays is a few bytes, and harms nothing.
    let _ = stores.state.write(|write| write.remove_value(&sent(id)));
}
