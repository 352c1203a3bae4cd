//! The index of all messages in memory: threads across mailboxes and accounts (RFC 5256 REFERENCES), cases, counts.
//!
//! Filled from the cache's summaries at the start and kept up by ingest. About 200 bytes a message; threads are made anew as a whole
//! when messages came or went ([`Library::rebuild`]), flags are looked at when a list is made, so that a change of a flag costs
//! nothing. A message that lies in two mailboxes is shown once; two messages under one Message-ID that do not say the same
//! are both shown, and both are flagged, so that a later one never replaces an earlier one. Nothing here touches a disk,
//! a clock or a socket.

mod completion;
mod entry;
pub(crate) mod filing;
pub(crate) mod record;
mod rows;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use crate::mail::id::{CaseId, MailboxId, MessageKey, MessageRef, ThreadId};
use crate::mail::safe::SafeText;
use crate::mail::thread::{self, Item, Node, id_hash};
use crate::pgp::report::Badge;
use crate::store::flags::Flags;
use crate::store::mailbox::{Mailbox, SpecialUse};

use crate::case::Filing;
use completion::People;
use entry::{Arena, Entry, Found, Interned, Marks};
use filing::Book;
use record::Record;

/// A thread as [`Library::rebuild`] left it.
#[derive(Clone, Debug)]
struct Thread {
    id: ThreadId,
    /// Its nodes: places in [`Threads::nodes`].
    start: usize,
    end: usize,
    /// Of its newest message, seconds.
    newest: i64,
    /// The cases it is filed to.
    cases: Vec<CaseId>,
}

/// A node: the entry, or nothing for a message that is not here.
#[derive(Clone, Copy, Debug)]
struct Place {
    entry: Option<u32>,
    depth: u16,
}

#[derive(Debug, Default)]
struct Threads {
    nodes: Vec<Place>,
    /// Newest first.
    list: Vec<Thread>,
    by_id: HashMap<ThreadId, u32>,
    /// Thread of each entry, by the entry's place.
    of_entry: Vec<u32>,
    /// Second copies by the entry that is shown.
    copies: HashMap<u32, Vec<u32>>,
    /// The entry that is shown instead of a second copy.
    shown_for: HashMap<u32, u32>,
    /// Entries that share their Message-ID with another one that says something else.
    conflicts: std::collections::HashSet<u32>,
    /// Where each entry belongs; entries of no case are missing.
    filed: HashMap<u32, Filing>,
}

/// The index.
#[derive(Debug)]
pub(crate) struct Library {
    mailboxes: HashMap<MailboxId, Mailbox>,
    entries: Vec<Option<Entry>>,
    by_key: HashMap<MessageKey, u32>,
    free: Vec<u32>,
    /// Places that may be used again once no thread names them.
    retired: Vec<u32>,
    references: Arena<u64>,
    text: Arena<u8>,
    found: Arena<Found>,
    bases: Interned,
    authors: Interned,
    identifiers: Interned,
    /// Author, then recipients, as numbers of `people_seen`.
    addresses: Arena<u32>,
    people_seen: Interned,
    titles: HashMap<CaseId, SafeText>,
    book: Book,
    people: People,
    threads: Threads,
    /// Removed since the arenas were last written anew.
    waste: usize,
    stale: bool,
}

/// Recipients of one message that filing looks at.
const RECIPIENTS_MAX: usize = 64;

/// No thread.
const NONE: u32 = u32::MAX;

impl Library {
    /// An empty index that files by this book.
    pub(crate) fn new(book: Book) -> Self {
        Self {
            mailboxes: HashMap::new(),
            entries: Vec::new(),
            by_key: HashMap::new(),
            free: Vec::new(),
            retired: Vec::new(),
            references: Arena::default(),
            text: Arena::default(),
            found: Arena::default(),
            bases: Interned::default(),
            authors: Interned::default(),
            identifiers: Interned::default(),
            addresses: Arena::default(),
            people_seen: Interned::default(),
            titles: HashMap::new(),
            book,
            people: People::default(),
            threads: Threads::default(),
            waste: 0,
            stale: false,
        }
    }

    /// A mailbox came or changed.
    pub(crate) fn set_mailbox(&mut self, mailbox: Mailbox) {
        self.mailboxes.insert(mailbox.id, mailbox);
    }

    /// The mailbox of a number.
    pub(crate) fn mailbox(&self, id: MailboxId) -> Option<&Mailbox> {
        self.mailboxes.get(&id)
    }

    /// All mailboxes.
    pub(crate) fn mailboxes(&self) -> impl Iterator<Item = &Mailbox> {
        self.mailboxes.values()
    }

    /// A mailbox is gone, or its UIDVALIDITY is no longer true: its messages go with it.
    pub(crate) fn drop_mailbox(&mut self, id: MailboxId) {
        self.mailboxes.remove(&id);
        let gone: Vec<MessageKey> = self.by_key.keys().filter(|key| key.mailbox == id).copied().collect();
        for key in gone {
            self.remove(key);
        }
    }

    /// How many messages there are.
    pub(crate) fn len(&self) -> usize {
        self.by_key.len()
    }

    /// How many messages of a mailbox there are.
    pub(crate) fn count_in(&self, mailbox: MailboxId) -> usize {
        self.by_key.keys().filter(|key| key.mailbox == mailbox).count()
    }

    /// Whether threads are older than the messages.
    pub(crate) fn is_stale(&self) -> bool {
        self.stale
    }

    /// A message came, or what is known of it changed.
    pub(crate) fn insert(&mut self, mailbox: MailboxId, record: &Record) {
        let summary = &record.summary;
        let key = MessageKey { mailbox, uid: summary.uid };
        let identifiers = record.derived.identifiers.iter();
        let found: Vec<Found> =
            identifiers.map(|(found_in, value)| (self.identifiers.number(value.as_str()), *found_in)).collect();
        let people: Vec<u32> = std::iter::once(summary.from.first().map_or("", |a| a.addr.as_str()))
            .chain(summary.to.iter().chain(&summary.cc).take(RECIPIENTS_MAX).map(|a| a.addr.as_str()))
            .map(|addr| self.people_seen.number(addr))
            .collect();
        let entry = Entry {
            key,
            received: summary.received,
            sent: summary.sent.unwrap_or(i64::MIN),
            id: record.id,
            content: record.derived.content,
            references: self.references.add(&record.references),
            subject: self.text.add(record.subject.as_str().as_bytes()),
            found: self.found.add(&found),
            people: self.addresses.add(&people),
            base: self.bases.number(&record.base.text),
            from: self.authors.number(record.from.as_str()),
            marks: Marks {
                flags: summary.flags.bits(),
                here: summary.has_raw,
                pending: false,
                is_reply: record.base.is_reply,
                undisplayable: summary.undisplayable,
            },
            attachments: summary.attachments,
            badge: summary.openpgp,
        };
        let sent_by_us = self.special_use(mailbox) == Some(SpecialUse::Sent);
        self.people.note(summary, sent_by_us);
        self.stale = true;
        if let Some(&at) = self.by_key.get(&key) {
            self.waste = self.waste.saturating_add(1);
            if let Some(slot) = self.entries.get_mut(at as usize) {
                *slot = Some(entry);
            }
            return;
        }
        let at = match self.free.pop() {
            Some(at) => at,
            None => {
                self.entries.push(None);
                u32::try_from(self.entries.len().saturating_sub(1)).unwrap_or(NONE)
            }
        };
        if let Some(slot) = self.entries.get_mut(at as usize) {
            *slot = Some(entry);
            self.by_key.insert(key, at);
        }
    }

    /// A message is gone. Says whether it was here.
    pub(crate) fn remove(&mut self, key: MessageKey) -> bool {
        let Some(at) = self.by_key.remove(&key) else { return false };
        if let Some(slot) = self.entries.get_mut(at as usize) {
            *slot = None;
        }
        self.retired.push(at);
        self.waste = self.waste.saturating_add(1);
        self.stale = true;
        true
    }

    fn entry(&self, at: u32) -> Option<&Entry> {
        self.entries.get(at as usize)?.as_ref()
    }

    fn entry_mut(&mut self, key: MessageKey) -> Option<&mut Entry> {
        let at = *self.by_key.get(&key)?;
        self.entries.get_mut(at as usize)?.as_mut()
    }

    /// The flags changed. Says whether they were others before.
    pub(crate) fn set_flags(&mut self, key: MessageKey, bits: u8, pending: bool) -> bool {
        let Some(entry) = self.entry_mut(key) else { return false };
        let changed = entry.marks.flags != bits || entry.marks.pending != pending;
        let hidden = (entry.marks.flags ^ bits) & Flags::DELETED != 0;
        entry.marks.flags = bits;
        entry.marks.pending = pending;
        // Which of two copies is shown may be another one now.
        self.stale |= hidden;
        changed
    }

    /// The system flags of a message.
    pub(crate) fn flags(&self, key: MessageKey) -> Option<u8> {
        let at = *self.by_key.get(&key)?;
        self.entry(at).map(|entry| entry.marks.flags)
    }

    /// When the server received it, seconds.
    pub(crate) fn received(&self, key: MessageKey) -> Option<i64> {
        let at = *self.by_key.get(&key)?;
        self.entry(at).map(|entry| entry.received)
    }

    /// What OpenPGP said of it when it was last read.
    pub(crate) fn badge(&self, key: MessageKey) -> Option<Badge> {
        let at = *self.by_key.get(&key)?;
        self.entry(at).map(|entry| entry.badge)
    }

    /// The messages whose text is here and of which OpenPGP said so.
    pub(crate) fn keys_where(&self, wanted: impl Fn(Badge) -> bool) -> Vec<MessageKey> {
        let entries = self.entries.iter().flatten();
        entries.filter(|entry| entry.marks.here && wanted(entry.badge)).map(|entry| entry.key).collect()
    }

    /// The message of a name, where it is here.
    pub(crate) fn key(&self, name: &MessageRef) -> Option<MessageKey> {
        let mailbox = self
            .mailboxes
            .values()
            .find(|m| m.uid_validity == name.uid_validity && m.name == name.mailbox && m.account == name.account)?;
        let key = MessageKey { mailbox: mailbox.id, uid: name.uid };
        self.by_key.contains_key(&key).then_some(key)
    }

    /// The name of a message.
    pub(crate) fn name(&self, key: MessageKey) -> Option<MessageRef> {
        let mailbox = self.mailboxes.get(&key.mailbox)?;
        Some(MessageRef {
            account: mailbox.account.clone(),
            mailbox: mailbox.name.clone(),
            uid_validity: mailbox.uid_validity,
            uid: key.uid,
        })
    }

    fn special_use(&self, mailbox: MailboxId) -> Option<SpecialUse> {
        self.mailboxes.get(&mailbox).and_then(|m| m.state.special_use)
    }

    /// All messages of a Message-ID, for "is it there already".
    pub(crate) fn with_message_id(&self, message_id: &str) -> Vec<MessageKey> {
        let id = id_hash(message_id);
        self.entries.iter().flatten().filter(|entry| entry.id == id).map(|entry| entry.key).collect()
    }

    /// A message with its copies in other mailboxes.
    pub(crate) fn with_copies(&self, key: MessageKey) -> Vec<MessageKey> {
        let Some(&at) = self.by_key.get(&key) else { return Vec::new() };
        let group = |shown: u32| {
            let others = self.threads.copies.get(&shown).map(Vec::as_slice).unwrap_or_default();
            std::iter::once(shown).chain(others.iter().copied()).collect::<Vec<u32>>()
        };
        let mut places = group(at);
        if let Some(&shown) = self.threads.shown_for.get(&at) {
            places = group(shown);
        }
        places.into_iter().filter_map(|at| self.entry(at).map(|entry| entry.key)).collect()
    }

    /// Makes threads, copies and cases anew, where something came or went.
    pub(crate) fn rebuild(&mut self) {
        if !self.stale {
            return;
        }
        self.stale = false;
        self.free.append(&mut self.retired);
        if self.waste > 1024 && self.waste > self.len() / 4 {
            self.compact();
        }
        let mut threads = Threads::default();
        let shown = self.choose_copies(&mut threads);
        let items: Vec<Item<'_>> = shown
            .iter()
            .filter_map(|&at| self.entry(at))
            .map(|entry| Item {
                id: (entry.id != 0).then_some(entry.id),
                references: self.references.at(entry.references),
                date: if entry.sent == i64::MIN { entry.received } else { entry.sent },
                base_subject: self.bases.value(entry.base).unwrap_or_default(),
                is_reply: entry.marks.is_reply,
            })
            .collect();
        let forest = thread::thread(&items);
        drop(items);
        threads.of_entry = vec![NONE; self.entries.len()];
        for nodes in forest.threads() {
            self.add_thread(&mut threads, nodes, &shown);
        }
        threads.list.sort_by_key(|thread| std::cmp::Reverse((thread.newest, thread.id)));
        for (number, thread) in threads.list.iter_mut().enumerate() {
            let number = u32::try_from(number).unwrap_or(NONE);
            // Two threads can only share a name when a Message-ID is used twice: the second gets a name of its own.
            while threads.by_id.contains_key(&thread.id) {
                thread.id = ThreadId(thread.id.0.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(1));
            }
            threads.by_id.insert(thread.id, number);
            for place in threads.nodes.get(thread.start..thread.end).unwrap_or_default() {
                if let Some(slot) = place.entry.and_then(|at| threads.of_entry.get_mut(at as usize)) {
                    *slot = number;
                }
            }
        }
        for (shown, others) in &threads.copies {
            let number = threads.of_entry.get(*shown as usize).copied().unwrap_or(NONE);
            for other in others {
                if let Some(slot) = threads.of_entry.get_mut(*other as usize) {
                    *slot = number;
                }
            }
        }
        self.threads = threads;
        self.file_threads();
    }

    /// Which entries are shown: of those that say the same under the same Message-ID, one.
    fn choose_copies(&self, threads: &mut Threads) -> Vec<u32> {
        let mut with_id: Vec<(u64, u8, i64, u32)> = Vec::with_capacity(self.len());
        let mut shown = Vec::with_capacity(self.len());
        for (at, entry) in self.entries.iter().enumerate() {
            let (Some(entry), Ok(at)) = (entry, u32::try_from(at)) else { continue };
            if entry.id == 0 {
                shown.push(at);
            } else {
                with_id.push((entry.id, self.rank(entry), entry.received, at));
            }
        }
        with_id.sort_unstable();
        for group in with_id.chunk_by(|a, b| a.0 == b.0) {
            let mut kept: Vec<u32> = Vec::with_capacity(1);
            for &(_, _, _, at) in group {
                let content = self.entry(at).map(|entry| entry.content);
                let same = kept.iter().copied().find(|&k| self.entry(k).map(|entry| entry.content) == content);
                match same {
                    Some(first) => {
                        threads.copies.entry(first).or_default().push(at);
                        threads.shown_for.insert(at, first);
                    }
                    None => kept.push(at),
                }
            }
            if kept.len() > 1 {
                threads.conflicts.extend(&kept);
            }
            shown.append(&mut kept);
        }
        shown
    }

    /// Which copy is shown: the lowest.
    fn rank(&self, entry: &Entry) -> u8 {
        let place = match self.special_use(entry.key.mailbox) {
            Some(SpecialUse::Inbox) => 0,
            None | Some(SpecialUse::Archive | SpecialUse::Flagged) => 1,
            Some(SpecialUse::All) => 2,
            Some(SpecialUse::Sent) => 3,
            Some(SpecialUse::Drafts) => 4,
            Some(SpecialUse::Junk) => 5,
            Some(SpecialUse::Trash) => 6,
        };
        if entry.marks.flags & Flags::DELETED == 0 { place } else { place + 16 }
    }

    fn add_thread(&self, threads: &mut Threads, nodes: &[Node], shown: &[u32]) {
        let start = threads.nodes.len();
        let mut newest = i64::MIN;
        let mut name = None;
        for node in nodes {
            let at = node.item.and_then(|item| shown.get(item).copied());
            if let Some(entry) = at.and_then(|at| self.entry(at)) {
                newest = newest.max(entry.received);
                if name.is_none() {
                    name = Some(self.thread_name(entry, node.depth));
                }
            }
            threads.nodes.push(Place { entry: at, depth: u16::try_from(node.depth).unwrap_or(u16::MAX) });
        }
        let Some(id) = name else {
            threads.nodes.truncate(start);
            return;
        };
        threads.list.push(Thread { id, start, end: threads.nodes.len(), newest, cases: Vec::new() });
    }

    /// The name of a thread by its first message that is here: its Message-ID, or that of the root that is not here.
    fn thread_name(&self, first: &Entry, depth: usize) -> ThreadId {
        let root = if depth > 0 { self.references.at(first.references).first().copied() } else { None };
        match (root, first.id) {
            (Some(root), _) => ThreadId(root),
            (None, 0) => {
                // No Message-ID: what the message says, so that the name survives a rebuilt cache.
                let mixed = first.content ^ u64::from_ne_bytes(first.received.to_ne_bytes()).rotate_left(17);
                ThreadId(mixed)
            }
            (None, id) => ThreadId(id),
        }
    }

    /// The thread of a name. A thread that has grown an older root is found by any of its messages.
    fn thread(&self, id: ThreadId) -> Option<&Thread> {
        if let Some(&number) = self.threads.by_id.get(&id) {
            return self.threads.list.get(number as usize);
        }
        let entry = self.entries.iter().enumerate().find(|(_, entry)| {
            entry.as_ref().is_some_and(|e| e.id == id.0 || self.references.at(e.references).contains(&id.0))
        })?;
        let number = *self.threads.of_entry.get(entry.0)?;
        self.threads.list.get(number as usize)
    }

    /// The thread of a message.
    pub(crate) fn thread_of(&self, key: MessageKey) -> Option<ThreadId> {
        let at = *self.by_key.get(&key)?;
        let number = *self.threads.of_entry.get(at as usize)?;
        self.threads.list.get(number as usize).map(|thread| thread.id)
    }

    /// The messages of a thread that are here, in the order of the tree.
    pub(crate) fn thread_keys(&self, id: ThreadId) -> Vec<MessageKey> {
        let Some(thread) = self.thread(id) else { return Vec::new() };
        self.places(thread).filter_map(|(_, entry)| entry).map(|entry| entry.key).collect()
    }

    fn places<'a>(&'a self, thread: &Thread) -> impl Iterator<Item = (Place, Option<&'a Entry>)> + use<'a> {
        let nodes = self.threads.nodes.get(thread.start..thread.end).unwrap_or_default();
        nodes.iter().map(|place| (*place, place.entry.and_then(|at| self.entry(at))))
    }

    /// Whether another message says something else under the same Message-ID.
    pub(crate) fn is_conflicting(&self, key: MessageKey) -> bool {
        self.by_key.get(&key).is_some_and(|at| self.threads.conflicts.contains(at))
    }

    /// Writes the arenas anew, without what was removed.
    fn compact(&mut self) {
        let (mut references, mut text, mut found) = (Arena::default(), Arena::default(), Arena::default());
        let mut addresses = Arena::default();
        for entry in self.entries.iter_mut().flatten() {
            entry.references = references.add(self.references.at(entry.references));
            entry.subject = text.add(self.text.at(entry.subject));
            entry.found = found.add(self.found.at(entry.found));
            entry.people = addresses.add(self.addresses.at(entry.people));
        }
        references.shrink();
        text.shrink();
        found.shrink();
        addresses.shrink();
        (self.references, self.text, self.found, self.addresses) = (references, text, found, addresses);
        self.waste = 0;
    }

    /// Octets that the index takes, roughly.
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> usize {
        use std::mem::size_of;
        self.entries.capacity() * size_of::<Option<Entry>>()
            + self.by_key.capacity() * (size_of::<(MessageKey, u32)>() + 1)
            + self.references.len() * 8
            + self.text.len()
            + self.addresses.len() * 4
            + self.found.len() * size_of::<Found>()
            + self.threads.nodes.capacity() * size_of::<Place>()
            + self.threads.list.capacity() * size_of::<Thread>()
            + self.threads.of_entry.capacity() * 4
            + self.threads.by_id.capacity() * 13
            + self.bases.bytes()
            + self.people_seen.bytes()
    }
}
