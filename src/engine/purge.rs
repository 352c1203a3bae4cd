//! Room given back on demand: bodies that are not needed here go, their rows stay, and a body is fetched again when somebody opens it.

use std::collections::HashSet;
use std::sync::Arc;

use jiff::Timestamp;

use super::{Engine, EngineError};
use crate::mail::id::MessageKey;
use crate::store::cache::{Cache, Thrift};

/// Which bodies are to go: those that all of these name. With none of them, only what is dead is given back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Purge {
    /// Received before this.
    pub before: Option<Timestamp>,
    /// Of these mailboxes, by name or by account and name (`work/INBOX`). Empty: of all.
    pub mailboxes: Vec<String>,
    /// Marked as deleted.
    pub deleted: bool,
    /// Only say what would go.
    pub dry_run: bool,
}

/// What has gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Purged {
    /// Bodies.
    pub messages: usize,
    /// Bytes of the cache on the disk before.
    pub bytes_before: u64,
    /// Bytes after.
    pub bytes_after: u64,
    /// What the bodies take as the server counts them.
    pub body_bytes: u64,
    /// Bodies that stay because a case of theirs is on hold.
    pub held: usize,
}

impl Purge {
    fn names_bodies(&self) -> bool {
        self.before.is_some() || self.deleted || !self.mailboxes.is_empty()
    }

    /// Whether nothing of what is named is a mailbox.
    fn unknown(&self, cache: &Cache) -> Result<Option<String>, EngineError> {
        let known = cache.mailboxes()?;
        let is_known = |name: &&String| {
            known
                .iter()
                .any(|mailbox| mailbox.name == **name || format!("{}/{}", mailbox.account, mailbox.name) == **name)
        };
        Ok(self.mailboxes.iter().find(|name| !is_known(name)).cloned())
    }
}

/// Bytes of the cache on the disk.
fn bytes(cache: &Cache) -> Result<u64, EngineError> {
    let stats = cache.stats()?;
    Ok(stats.store_bytes.saturating_add(stats.pack_bytes).saturating_add(stats.blob_bytes))
}

impl Engine {
    /// Lets go of bodies and gives the room back.
    ///
    /// # Errors
    /// [`EngineError::Locked`], no such mailbox, or the cache cannot be written: what has gone until then stays gone.
    pub fn purge_cache(&self, purge: &Purge) -> Result<Purged, EngineError> {
        let (stores, core, number) =
            self.core.ask_stores(|core, open| (Arc::clone(&open.stores), core.handle.clone(), open.number))?;
        let cache = &stores.cache;
        if let Some(name) = purge.unknown(cache)? {
            return Err(EngineError::Refused(format!("there is no mailbox {name:?} in the cache")));
        }
        let book = self.book()?;
        let held: HashSet<MessageKey> = self.core.ask_open(move |_, open| {
            let is_held = |key: &MessageKey| open.library.cases_of(*key).iter().any(|(case, _)| book.is_held(case));
            open.library.keys_by_date().into_iter().filter(is_held).collect()
        })?;
        let mut purged = Purged { bytes_before: bytes(cache)?, ..Purged::default() };
        let mailboxes = cache.mailboxes()?;
        let wanted = mailboxes.iter().filter(|mailbox| {
            let full = format!("{}/{}", mailbox.account, mailbox.name);
            mailbox.has_its_mail()
                && (purge.mailboxes.is_empty()
                    || purge.mailboxes.iter().any(|name| *name == mailbox.name || *name == full))
        });
        for mailbox in wanted.filter(|_| purge.names_bodies()) {
            let mut uids = Vec::new();
            for summary in cache.summaries(mailbox.id)? {
                let summary = summary?;
                let is_old = purge.before.is_none_or(|before| summary.received < before.as_second());
                if summary.has_raw && is_old && (!purge.deleted || summary.flags.deleted()) {
                    if held.contains(&MessageKey { mailbox: mailbox.id, uid: summary.uid }) {
                        purged.held = purged.held.saturating_add(1);
                        continue;
                    }
                    purged.body_bytes = purged.body_bytes.saturating_add(summary.bytes.into());
                    uids.push(summary.uid);
                }
            }
            purged.messages = purged.messages.saturating_add(uids.len());
            if !purge.dry_run {
                cache.let_go(mailbox.id, &uids)?;
                let mailbox = mailbox.id;
                core.back_of(number, move |core, open| {
                    for uid in uids {
                        open.library.set_here(MessageKey { mailbox, uid }, false);
                    }
                    core.mark_changed();
                });
            }
        }
        if !purge.dry_run {
            cache.tidy(Thrift::Much, &mut |_| true)?;
            cache.forget_former()?;
        }
        purged.bytes_after = bytes(cache)?;
        Ok(purged)
    }
}
