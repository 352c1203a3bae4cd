//! Where the bytes of what is out of reach lie: in the state store, each message under a key of its own, whichever way they came here.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use sha2::{Digest as _, Sha256};

use crate::case::MessageName;
use crate::engine::core::{CoreHandle, EngineError, Stores};
use crate::engine::library::filing::name_digest;
use crate::engine::register::Register;
use crate::mail::id::{MailboxId, MessageKey};
use crate::register::book::Book;
use crate::register::record::Digest;
use crate::store::cache::NewMessage;

impl Stores {
    /// The whole message: from the cache, else from what is kept out of reach.
    pub(crate) fn raw(&self, key: MessageKey) -> Result<Option<Vec<u8>>, EngineError> {
        if let Some(raw) = self.cache.raw(key)? {
            return Ok(Some(raw));
        }
        Ok(self.sealed(key)?.map(|(.., raw)| raw))
    }

    /// What lies at a place and is kept under a key of its own: its Message-ID, its digest and its bytes.
    pub(super) fn sealed(&self, key: MessageKey) -> Result<Option<(String, Digest, Vec<u8>)>, EngineError> {
        let Some(summary) = self.cache.summary(key)? else { return Ok(None) };
        let id = summary.message_id;
        let digest = self.place(key)?.map(|place| self.state.quarantined_at(&place)).transpose()?.flatten();
        if let Some(digest) = digest {
            return Ok(self.state.quarantined(&id, &digest)?.map(|raw| (id, Digest(digest), raw)));
        }
        // An earlier version noted no place. One of another size is another message, and is fetched.
        let former = if id.is_empty() { None } else { self.state.formerly_quarantined(&id)? };
        let former = former.filter(|raw| raw.len() as u64 == u64::from(summary.bytes));
        Ok(former.map(|raw| (id, Digest::of(&raw), raw)))
    }

    /// Whether what lies at a place is kept under a key of its own.
    pub(crate) fn is_sealed(&self, key: MessageKey) -> Result<bool, EngineError> {
        Ok(self.sealed(key)?.is_some())
    }

    /// The name of a place that outlives this cache.
    fn place(&self, key: MessageKey) -> Result<Option<String>, EngineError> {
        let mailbox = self.cache.mailbox(key.mailbox)?;
        Ok(mailbox.map(|at| format!("{}/{}/{}/{}", at.account, at.name, at.uid_validity, key.uid)))
    }

    /// Seals bytes under a key of their own, and notes where they lie.
    fn seal(&self, key: MessageKey, id: &str, raw: &[u8]) -> Result<(), EngineError> {
        let digest = Digest::of(raw).0;
        self.state.put_quarantined(id, &digest, raw)?;
        if let Some(place) = self.place(key)? {
            self.state.put_quarantined_at(&place, &digest)?;
        }
        // What an earlier version kept by the Message-ID alone is kept by both now.
        if !id.is_empty() && self.state.formerly_quarantined(id)?.as_deref() == Some(raw) {
            self.state.drop_formerly_quarantined(id)?;
        }
        Ok(())
    }

    /// Takes a message out of the cache, where it is there, and seals it under a key of its own. Whether it did.
    pub(super) fn take_out(&self, key: MessageKey) -> Result<bool, EngineError> {
        let Some(summary) = self.cache.summary(key)? else { return Ok(false) };
        let raw = self.cache.raw(key)?;
        // Held whole before the cache lets go of it.
        if let Some(raw) = &raw {
            self.seal(key, &summary.message_id, raw)?;
        }
        self.cache.let_go(key.mailbox, &[key.uid])?;
        Ok(raw.is_some())
    }

    /// Destroys what lies at a place and is kept under a key of its own.
    pub(crate) fn drop_sealed(&self, key: MessageKey) -> Result<(), EngineError> {
        if let Some((id, digest, _)) = self.sealed(key)? {
            self.state.drop_quarantined(&id, &digest.0)?;
            if !id.is_empty() && self.state.formerly_quarantined(&id)?.is_some_and(|raw| Digest::of(&raw) == digest) {
                self.state.drop_formerly_quarantined(&id)?;
            }
        }
        Ok(())
    }
}

/// Takes the bytes of a message that is out of reach out of what is about to go into the cache: they are kept under a key of their own, also after
/// the cache was made anew, and where this device knows of it by the register alone. Its UID is noted.
///
/// Everything under a Message-ID of which something is out of reach is kept so, for what lies in a message is not known before it is read; it is
/// told apart when it is read.
pub(crate) fn keep_out(
    stores: &Stores,
    book: Option<&Book>,
    mailbox: MailboxId,
    mut message: NewMessage,
    noted: &Mutex<Vec<u32>>,
) -> NewMessage {
    let Some(raw) = message.raw.as_deref() else { return message };
    let id = &message.summary.message_id;
    let name = MessageName { message_id: id.clone(), digest: Digest::of(raw).0 };
    let keep = || -> Result<bool, EngineError> {
        let is_named = book.is_some_and(|book| book.names_quarantined(&name));
        if !is_named && !stores.state.is_quarantined(id, &name.digest)? {
            return Ok(false);
        }
        stores.seal(MessageKey { mailbox, uid: message.summary.uid }, id, raw)?;
        Ok(true)
    };
    // What cannot be kept so is not kept at all: it is fetched again.
    if keep().unwrap_or(true) {
        noted.lock().unwrap_or_else(PoisonError::into_inner).push(message.summary.uid);
        message.raw = None;
    }
    message
}

/// As [`keep_out`], of a message that somebody asked for. Whether it did: its row is to be marked as let go of then, so that no sync fetches it.
pub(crate) fn keep_out_fetched(
    stores: &Stores,
    register: &Register,
    mailbox: MailboxId,
    message: NewMessage,
) -> (NewMessage, bool) {
    // A register that cannot be read stops nothing: what is known without it stays out of reach.
    let book = register.with(|loaded| loaded.book()).ok();
    if book.as_ref().is_some_and(|book| !book.has_quarantine()) {
        return (message, false);
    }
    let noted = Mutex::default();
    let message = keep_out(stores, book.as_deref(), mailbox, message, &noted);
    let is_out = !noted.into_inner().unwrap_or_else(PoisonError::into_inner).is_empty();
    (message, is_out)
}

/// As [`keep_out_fetched`], of a message that came as a stream and is whole in the cache: it leaves that. It is passed over for its digest, and
/// held only where it is to be sealed. Blocks.
///
/// # Errors
/// It cannot be read, or cannot be sealed: then it is in the cache no longer, and is fetched again.
pub(crate) fn keep_out_streamed(stores: &Stores, register: &Register, key: MessageKey) -> Result<(), EngineError> {
    let book = register.with(|loaded| loaded.book()).ok();
    if book.as_ref().is_some_and(|book| !book.has_quarantine()) {
        return Ok(());
    }
    let kept = sealed_where_named(stores, book.as_deref(), key);
    if kept.is_err() {
        stores.cache.let_go(key.mailbox, &[key.uid])?;
    }
    kept
}

fn sealed_where_named(stores: &Stores, book: Option<&Book>, key: MessageKey) -> Result<(), EngineError> {
    let Some(summary) = stores.cache.summary(key)? else { return Ok(()) };
    let Some(mut reader) = stores.cache.raw_reader(key)? else { return Ok(()) };
    let mut digest = Sha256::new();
    std::io::copy(&mut reader, &mut digest)?;
    let name = MessageName { message_id: summary.message_id, digest: digest.finalize().into() };
    let is_named = book.is_some_and(|book| book.names_quarantined(&name));
    if is_named || stores.state.is_quarantined(&name.message_id, &name.digest)? {
        stores.take_out(key)?;
    }
    Ok(())
}

/// Seals what another device has put out of reach, and what was here before that was known. Gives how many messages. Blocks; never to be called on
/// the core's thread.
pub(crate) fn follow(core: &CoreHandle, stores: &Stores, book: &Book) -> Result<usize, EngineError> {
    if !book.has_quarantine() {
        return Ok(0);
    }
    let named: HashSet<u64> = book.quarantined_messages().map(name_digest).collect();
    let keys = core.ask_open(move |_, open| {
        let is_named = |key: &MessageKey| open.library.message_id_hash(*key).is_some_and(|hash| named.contains(&hash));
        open.library.keys_by_date().into_iter().filter(is_named).collect::<Vec<_>>()
    })?;
    let mut taken = 0_usize;
    for key in keys {
        let is_here = stores.cache.summary(key)?.is_some_and(|summary| summary.has_raw);
        if is_here && stores.take_out(key)? {
            taken = taken.saturating_add(1);
        }
    }
    Ok(taken)
}
