//! Changes of flags: at once in the index and the cache, durably queued, replayed on the server in order.
//!
//! A change is a set of system flags to set and to clear, so that replaying it twice does no harm. While it waits, what the server says of
//! the other flags is believed and the waiting ones stay as the user wants them. When the server refuses a change for good, its word counts:
//! the change is dropped, the mailbox is compared anew, and a notice says so.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::core::{Core, CoreHandle, Open, Stores};
use super::library::Library;
use crate::app::effect::FlagChange;
use crate::app::view::Tone;
use crate::imap::{self, Error, MailboxAt, StoreFlags, UidSet};
use crate::mail::id::{MailboxId, MessageKey, MessageRef, ThreadId};
use crate::store::flags::Flags;
use crate::store::state::{QueuedFlagChange, State, StateError};

/// Bits to set and to clear, and by how many changes.
#[derive(Clone, Copy, Debug, Default)]
struct Bits {
    set: u8,
    clear: u8,
    changes: u32,
}

/// What waits to be told to the server, by message.
#[derive(Debug, Default)]
pub(crate) struct Pending(HashMap<MessageRef, Bits>);

impl Pending {
    /// From the durable queue.
    pub(crate) fn load(state: &State) -> Result<Self, StateError> {
        let mut pending = Self::default();
        for change in state.queued_flags()? {
            for name in change.messages {
                pending.add(name, change.set, change.clear);
            }
        }
        Ok(pending)
    }

    fn add(&mut self, name: MessageRef, set: u8, clear: u8) {
        let bits = self.0.entry(name).or_default();
        bits.set = (bits.set & !clear) | set;
        bits.clear = (bits.clear & !set) | clear;
        bits.changes = bits.changes.saturating_add(1);
    }

    /// One change of a message is done; whether that was the last.
    fn done(&mut self, name: &MessageRef) -> bool {
        let Some(bits) = self.0.get_mut(name) else { return true };
        bits.changes = bits.changes.saturating_sub(1);
        let last = bits.changes == 0;
        if last {
            self.0.remove(name);
        }
        last
    }

    fn of(&self, library: &Library, key: MessageKey) -> Option<Bits> {
        if self.0.is_empty() {
            return None;
        }
        library.name(key).and_then(|name| self.0.get(&name).copied())
    }

    /// Whether a change of this message waits.
    pub(crate) fn holds(&self, library: &Library, key: MessageKey) -> bool {
        self.of(library, key).is_some()
    }

    /// Whether a change of some message of this account waits.
    pub(crate) fn waits_for(&self, account: &str) -> bool {
        self.0.keys().any(|name| name.account == account)
    }

    /// What the server says, with the waiting changes on top.
    pub(crate) fn over(&self, library: &Library, key: MessageKey, flags: &mut Flags) -> bool {
        let Some(bits) = self.of(library, key) else { return false };
        flags.set(bits.set, true);
        flags.set(bits.clear, false);
        true
    }
}

/// The bits of a change.
fn bits(change: FlagChange) -> (u8, u8) {
    let (bit, on) = match change {
        FlagChange::Seen(on) => (Flags::SEEN, on),
        FlagChange::Flagged(on) => (Flags::FLAGGED, on),
        FlagChange::Deleted(on) => (Flags::DELETED, on),
    };
    if on { (bit, 0) } else { (0, bit) }
}

impl Core {
    /// Changes flags of messages and of their copies.
    pub(crate) fn change_flags(&mut self, open: &mut Open, names: &[MessageRef], change: FlagChange) {
        let (set, clear) = bits(change);
        let keys: Vec<MessageKey> = names
            .iter()
            .filter_map(|name| open.library.key(name))
            .flat_map(|key| open.library.with_copies(key))
            .collect();
        self.change_bits(open, &keys, set, clear);
    }

    /// Changes flags of a thread.
    pub(crate) fn change_thread_flags(&mut self, open: &mut Open, thread: ThreadId, change: FlagChange) {
        let (set, clear) = bits(change);
        let keys: Vec<MessageKey> =
            open.library.thread_keys(thread).into_iter().flat_map(|key| open.library.with_copies(key)).collect();
        self.change_bits(open, &keys, set, clear);
    }

    /// Sets and clears system flags: in the index now, in the cache and the durable queue next, on the server as soon as it can be reached.
    pub(crate) fn change_bits(&mut self, open: &mut Open, keys: &[MessageKey], set: u8, clear: u8) {
        // One queued change per mailbox: the server takes them so.
        let mut by_mailbox: BTreeMap<MailboxId, Vec<u32>> = BTreeMap::new();
        for &key in keys {
            let Some(old) = open.library.flags(key) else { continue };
            let new = (old | set) & !clear;
            let known = by_mailbox.entry(key.mailbox).or_default();
            if new != old && !known.contains(&key.uid) {
                known.push(key.uid);
                open.library.set_flags(key, new, true);
            }
        }
        by_mailbox.retain(|_, uids| !uids.is_empty());
        let at = self.now();
        let (number, core) = (open.number, self.handle.clone());
        for (mailbox, uids) in by_mailbox {
            let messages: Vec<MessageRef> =
                uids.iter().filter_map(|&uid| open.library.name(MessageKey { mailbox, uid })).collect();
            let Some(account) = messages.first().map(|name| name.account.clone()) else { continue };
            for name in &messages {
                open.pending.add(name.clone(), set, clear);
            }
            let core = core.clone();
            open.scribe.write(move |stores| {
                let change = QueuedFlagChange { seq: 0, messages, set, clear, at };
                let written = write(stores, mailbox, &uids, &change);
                core.front_of(number, move |core, open| match written {
                    Ok(()) => core.replay_flags(open, &account),
                    Err(words) => core.announcer.notice(Tone::Alarm, &words),
                });
            });
        }
        self.mark_changed();
    }

    /// Tells the server what waits, in order. One replay per account at a time.
    pub(crate) fn replay_flags(&mut self, open: &mut Open, account: &str) {
        let Some(known) = open.accounts.get_mut(account) else { return };
        let Some(handle) = known.handle.clone() else { return };
        if std::mem::replace(&mut known.replaying, true) {
            known.replay_again = true;
            return;
        }
        let (stores, core, number) = (Arc::clone(&open.stores), self.handle.clone(), open.number);
        let account = account.to_owned();
        self.runtime.spawn(async move {
            let reached = replay(&stores, &core, number, &account, &handle).await;
            core.front_of(number, move |core, open| {
                let Some(known) = open.accounts.get_mut(&account) else { return };
                known.replaying = false;
                if std::mem::take(&mut known.replay_again) && reached {
                    core.replay_flags(open, &account);
                }
            });
        });
    }
}

/// The durable queue first: what it holds is replayed even if the cache is never written.
fn write(stores: &Stores, mailbox: MailboxId, uids: &[u32], change: &QueuedFlagChange) -> Result<(), String> {
    stores.state.queue_flags(change).map_err(|error| error.to_string())?;
    let mut flags = Vec::with_capacity(uids.len());
    for &uid in uids {
        if let Ok(Some(summary)) = stores.cache.summary(MessageKey { mailbox, uid }) {
            let mut new = summary.flags;
            new.set(change.set, true);
            new.set(change.clear, false);
            flags.push((uid, new));
        }
    }
    stores.cache.set_flags(mailbox, &flags, None).map_err(|error| error.to_string())
}

/// Replays until the queue is empty or the server cannot be reached; whether it could.
pub(crate) async fn replay(
    stores: &Arc<Stores>,
    core: &CoreHandle,
    number: u64,
    account: &str,
    handle: &imap::Handle,
) -> bool {
    loop {
        let reading = Arc::clone(stores);
        let Ok(Ok(queue)) = tokio::task::spawn_blocking(move || reading.state.queued_flags()).await else {
            return false;
        };
        let mine = queue.into_iter().find(|change| change.messages.first().is_some_and(|name| name.account == account));
        let Some(change) = mine else { return true };
        let Some(first) = change.messages.first() else { return true };
        let request = StoreFlags {
            at: MailboxAt { name: first.mailbox.as_str().into(), uid_validity: first.uid_validity },
            uids: change.messages.iter().map(|name| name.uid).collect::<UidSet>(),
            add: Flags::new(change.set, Vec::new()),
            remove: Flags::new(change.clear, Vec::new()),
            unchanged_since: None,
        };
        let refused = match handle.store_flags(request).await {
            Ok(_) => None,
            Err(error) => match error {
                Error::No { .. }
                | Error::Bad { .. }
                | Error::Rebuilt { .. }
                | Error::Gone { .. }
                | Error::NoMailbox { .. }
                | Error::ReadOnly { .. }
                | Error::Unsendable { .. } => Some(error.to_string()),
                _ => return false,
            },
        };
        let (writing, seq) = (Arc::clone(stores), change.seq);
        let Ok(Ok(())) = tokio::task::spawn_blocking(move || writing.state.drop_flags(&[seq])).await else {
            return false;
        };
        if refused.is_some() {
            handle.sync_now();
        }
        core.front_of(number, move |core, open| settle(core, open, &change.messages, refused));
    }
}

/// A queued change has reached the server, or was refused by it.
fn settle(core: &mut Core, open: &mut Open, messages: &[MessageRef], refused: Option<String>) {
    for name in messages {
        if !open.pending.done(name) {
            continue;
        }
        if let Some(key) = open.library.key(name)
            && let Some(flags) = open.library.flags(key)
        {
            open.library.set_flags(key, flags, false);
        }
    }
    if let Some(words) = refused {
        let words = format!("A change of flags was not taken: {words}. The server's flags are shown again.");
        core.announcer.notice(Tone::Warning, &words);
    }
    core.mark_changed();
}
