//! The index of all messages in memory: threads across mailboxes and accounts (RFC 5256 REFERENCES), cases, counts.
//!
//! Filled from what was kept of it ([`kept`]) or from the cache's summaries at the start, and kept up by ingest. About 120 octets a message: an
//! entry of 64, numbers for what repeats, and the table of threads, which lists share ([`crate::app::thread_list`]). What came, went or
//! changed is noted, and [`Library::rebuild`] makes those threads anew that it touches ([`threads`]), never all of them. A message that lies
//! in two mailboxes is shown once; two messages under one Message-ID that do not say the same are both shown, and both are flagged, so
//! that a later one never replaces an earlier one. Nothing here touches a disk, a clock or a socket.

mod acquaintance;
mod book;
mod completion;
mod elsewhere;
mod entry;
pub(crate) mod filing;
pub(crate) mod head;
pub(crate) mod kept;
mod lookup;
pub(crate) mod record;
mod rows;
pub(crate) mod shown;
#[cfg(test)]
mod tests;
mod threads;
mod titles;
mod triage;
mod upkeep;

use std::collections::{HashMap, HashSet};

use crate::app::thread_list::CaseLists;
use crate::mail::id::{CaseId, MailboxId, MessageKey, MessageRef, ThreadId};
use crate::mail::safe::SafeText;
use crate::mail::thread::id_hash;
use crate::pgp::report::Badge;
use crate::store::cache::Generation;
use crate::store::flags::Flags;
use crate::store::mailbox::{Mailbox, SpecialUse};

use completion::People;
use elsewhere::Elsewhere;
pub(crate) use entry::FoundIn;
use entry::{Entry, Interned, Lists, NONE, Names, badge_code, badge_of, key_digest, mark};
use filing::{Book, Filings};
use lookup::Lookup;
use record::Record;
use threads::Threads;

/// The index.
#[derive(Debug)]
pub(crate) struct Library {
    mailboxes: HashMap<MailboxId, Mailbox>,
    entries: Vec<Entry>,
    /// Entries by key.
    keys: Lookup,
    /// Entries that are here.
    here: usize,
    /// Places of entries that may be used again.
    free: Vec<u32>,
    /// Places that may be used again once no thread names them.
    retired: Vec<u32>,
    lists: Lists,
    /// Numbers in `lists` that no entry names any more.
    waste: usize,
    names: Names,
    texts: Interned,
    filings: Filings,
    case_lists: CaseLists,
    case_numbers: HashMap<Vec<CaseId>, u32>,
    /// Titles of cases that nobody configured.
    titles: HashMap<CaseId, SafeText>,
    /// Cases whose title is to be made anew.
    untitled: HashSet<CaseId>,
    book: Book,
    people: People,
    threads: Threads,
    /// Entries that came or changed since the threads were made.
    fresh: Vec<u32>,
    /// Threads that something went from, or changed in, since.
    spoilt: Vec<u32>,
    /// Message-IDs that a message no longer has or refers to.
    unlinked: Vec<u32>,
    /// Messages that are shown in another mailbox than the server has them in.
    elsewhere: HashMap<MessageKey, Elsewhere>,
    /// What the mailboxes are for.
    roles: Vec<(MailboxId, SpecialUse)>,
    /// What the pages of the cache said that this goes by, with each transaction since that is in here.
    applied: HashMap<(MailboxId, u32), Generation>,
    /// Digest of the rules by which everything is filed, but for the threads before `refiled`, which are filed by the book's.
    filed_by: u64,
    refiled: usize,
    /// Counts changes.
    version: u64,
}

/// Recipients of one message that filing looks at.
const RECIPIENTS_MAX: usize = 64;

impl Library {
    /// An empty index that files by this book.
    pub(crate) fn new(book: Book) -> Self {
        Self {
            mailboxes: HashMap::new(),
            entries: Vec::new(),
            keys: Lookup::default(),
            here: 0,
            free: Vec::new(),
            retired: Vec::new(),
            lists: Lists::default(),
            waste: 0,
            names: Names::default(),
            texts: Interned::default(),
            filings: Filings::default(),
            case_lists: vec![Vec::new().into()].into(),
            case_numbers: HashMap::from([(Vec::new(), 0)]),
            titles: HashMap::new(),
            untitled: HashSet::new(),
            people: People::default(),
            threads: Threads::default(),
            fresh: Vec::new(),
            spoilt: Vec::new(),
            unlinked: Vec::new(),
            elsewhere: HashMap::new(),
            roles: Vec::new(),
            applied: HashMap::new(),
            filed_by: book.digest(),
            book,
            refiled: 0,
            version: 0,
        }
    }

    /// A mailbox came or changed.
    pub(crate) fn set_mailbox(&mut self, mailbox: Mailbox) {
        let (id, name, special_use) = (mailbox.id, mailbox.name.clone(), mailbox.state.special_use);
        let before = self.mailboxes.insert(id, mailbox);
        let same = before.is_some_and(|before| before.name == name && before.state.special_use == special_use);
        self.version += u64::from(!same);
        self.assign_roles();
    }

    /// When a message was sent, by its author's word where it has one; its subject; whether files are attached.
    pub(crate) fn served(&self, key: MessageKey) -> Option<(jiff::Timestamp, &str, bool)> {
        let entry = self.entry_of(key)?;
        let at = jiff::Timestamp::from_second(entry.date()).ok()?;
        Some((at, self.texts.value(entry.subject), entry.attachments > 0))
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
        self.version += 1;
        self.mailboxes.remove(&id);
        self.assign_roles();
        self.applied.retain(|(mailbox, _), _| *mailbox != id);
        let gone: Vec<MessageKey> = self.all().map(|entry| entry.key).filter(|key| key.mailbox == id).collect();
        for key in gone {
            self.remove(key);
        }
    }

    /// How many messages there are.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.here
    }

    /// How many messages of each mailbox there are.
    pub(crate) fn counts(&self) -> HashMap<MailboxId, usize> {
        let mut counts = HashMap::new();
        for entry in self.all() {
            *counts.entry(entry.key.mailbox).or_default() += 1;
        }
        counts
    }

    /// Whether threads are older than the messages.
    pub(crate) fn is_stale(&self) -> bool {
        !(self.fresh.is_empty() && self.spoilt.is_empty())
    }

    /// The entries that are here.
    fn all(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| !entry.is(mark::GONE))
    }

    fn find(&self, key: MessageKey) -> Option<u32> {
        self.keys.find(key_digest(key), |at| self.entries.get(at as usize).is_some_and(|entry| entry.key == key))
    }

    fn entry(&self, at: u32) -> Option<&Entry> {
        self.entries.get(at as usize).filter(|entry| !entry.is(mark::GONE))
    }

    fn entry_of(&self, key: MessageKey) -> Option<&Entry> {
        self.entry(self.find(key)?)
    }

    /// A message came, or what is known of it changed.
    pub(crate) fn insert(&mut self, mailbox: MailboxId, record: &Record) {
        if self.mailboxes.get(&mailbox).is_some_and(|known| self.book.hides(&known.name)) {
            return;
        }
        self.version += 1;
        let summary = &record.summary;
        let key = MessageKey { mailbox, uid: summary.uid };
        let references: Vec<u32> = record.references.iter().map(|digest| self.names.number(*digest)).collect();
        let found: Vec<(u32, FoundIn)> =
            record.derived.identifiers.iter().map(|(found_in, value)| (self.texts.number(value), *found_in)).collect();
        let people: Vec<u32> = std::iter::once(summary.from.first().map_or("", |a| a.addr.as_str()))
            .chain(summary.to.iter().chain(&summary.cc).take(RECIPIENTS_MAX).map(|a| a.addr.as_str()))
            .map(|addr| self.texts.number(addr))
            .collect();
        let mut marks = 0;
        marks |= if summary.has_raw { mark::HERE } else { 0 };
        marks |= if record.is_reply { mark::REPLY } else { 0 };
        marks |= if record.derived.bulk { mark::BULK } else { 0 };
        let entry = Entry {
            key,
            received: summary.received,
            sent: summary.sent.unwrap_or(i64::MIN),
            content: record.derived.content,
            id: self.names.number(record.id),
            lists: NONE,
            subject: self.texts.number(record.subject.as_str()),
            base: self.names.number(record.base),
            from: self.texts.number(record.from.as_str()),
            thread: NONE,
            filing: 0,
            attachments: u8::try_from(summary.attachments).unwrap_or(u8::MAX),
            flags: summary.flags.bits(),
            marks,
            badge: badge_code(summary.openpgp),
        };
        if let Some(at) = self.find(key) {
            self.replace(at, entry, (&references, &people, &found));
            return;
        }
        let sent_by_us = self.special_use(mailbox) == Some(SpecialUse::Sent);
        self.people.note(summary, sent_by_us);
        let entry = Entry { lists: self.lists.add(&references, &people, &found), ..entry };
        let at = match self.free.pop() {
            Some(at) => at,
            None => {
                // 4 Gi messages: more than fit into memory.
                let Ok(at) = u32::try_from(self.entries.len()) else { return };
                self.entries.push(Entry::default());
                at
            }
        };
        if let Some(slot) = self.entries.get_mut(at as usize) {
            *slot = entry;
        }
        let entries = &self.entries;
        self.keys.insert(key_digest(key), at, |at| entries.get(at as usize).map_or(0, |e| key_digest(e.key)));
        self.here += 1;
        self.fresh.push(at);
    }

    /// What is known of a message that is here changed, or is told again.
    fn replace(&mut self, at: u32, new: Entry, (references, people, found): (&[u32], &[u32], &[(u32, FoundIn)])) {
        let Some(&old) = self.entries.get(at as usize) else { return };
        let listed = self.lists.at(old.lists);
        let same_lists =
            listed.references == references && listed.people == people && listed.found().eq(found.iter().copied());
        let kept = mark::CONFLICT;
        let like_old = Entry {
            lists: old.lists,
            thread: old.thread,
            filing: old.filing,
            marks: new.marks | old.marks & kept,
            ..new
        };
        // Flags alone change no thread, but for the one that hides a message.
        let but_flags = Entry {
            flags: old.flags & !Flags::DELETED | new.flags & Flags::DELETED,
            marks: old.marks & (mark::HERE | mark::PENDING) | like_old.marks & !(mark::HERE | mark::PENDING),
            ..like_old
        };
        let same = same_lists && but_flags == old;
        let entry = if same {
            like_old
        } else {
            self.waste = self.waste.saturating_add(listed.len());
            self.unlinked.extend(self.linking(&old));
            self.fresh.push(at);
            Entry { lists: self.lists.add(references, people, found), ..like_old }
        };
        if old.thread != NONE {
            if same {
                self.threads.look_again(old.thread);
            } else {
                self.spoilt.push(old.thread);
            }
        }
        if let Some(slot) = self.entries.get_mut(at as usize) {
            *slot = entry;
        }
    }

    /// A message is gone. Says whether it was here.
    pub(crate) fn remove(&mut self, key: MessageKey) -> bool {
        let Some(at) = self.find(key) else { return false };
        self.elsewhere.remove(&key);
        self.version += 1;
        let entries = &self.entries;
        self.keys.remove(key_digest(key), at, |at| entries.get(at as usize).map_or(0, |e| key_digest(e.key)));
        let Some(entry) = self.entries.get_mut(at as usize) else { return false };
        entry.set(mark::GONE, true);
        let (thread, lists) = (entry.thread, entry.lists);
        if thread != NONE {
            self.spoilt.push(thread);
        }
        self.waste = self.waste.saturating_add(self.lists.at(lists).len());
        self.retired.push(at);
        self.here = self.here.saturating_sub(1);
        true
    }

    /// The flags changed. Says whether they were others before.
    pub(crate) fn set_flags(&mut self, key: MessageKey, bits: u8, pending: bool) -> bool {
        let Some(entry) = self.find(key).and_then(|at| self.entries.get_mut(at as usize)) else { return false };
        let changed = entry.flags != bits || entry.is(mark::PENDING) != pending;
        let hidden = (entry.flags ^ bits) & Flags::DELETED != 0;
        entry.flags = bits;
        entry.set(mark::PENDING, pending);
        let thread = entry.thread;
        self.version += u64::from(changed);
        if thread != NONE && changed {
            self.threads.look_again(thread);
            if hidden {
                // Which of two copies is shown may be another one now.
                self.spoilt.push(thread);
            }
        }
        changed
    }

    /// Whether its text is here.
    pub(crate) fn set_here(&mut self, key: MessageKey, here: bool) {
        if let Some(entry) = self.find(key).and_then(|at| self.entries.get_mut(at as usize)) {
            entry.set(mark::HERE, here);
            self.version += 1;
        }
    }

    /// The system flags of a message.
    pub(crate) fn flags(&self, key: MessageKey) -> Option<u8> {
        self.entry_of(key).map(|entry| entry.flags)
    }

    /// When the server received it, seconds.
    pub(crate) fn received(&self, key: MessageKey) -> Option<i64> {
        self.entry_of(key).map(|entry| entry.received)
    }

    /// What OpenPGP said of it when it was last read.
    pub(crate) fn badge(&self, key: MessageKey) -> Option<Badge> {
        self.entry_of(key).map(|entry| badge_of(entry.badge))
    }

    /// The messages whose text is here and of which OpenPGP said so.
    pub(crate) fn keys_where(&self, wanted: impl Fn(Badge) -> bool) -> Vec<MessageKey> {
        let wanted = |entry: &&Entry| entry.is(mark::HERE) && wanted(badge_of(entry.badge));
        self.all().filter(wanted).map(|entry| entry.key).collect()
    }

    /// The UIDs of a mailbox between two, inclusive.
    pub(crate) fn uids_between(&self, mailbox: MailboxId, uids: std::ops::RangeInclusive<u32>) -> Vec<u32> {
        uids.filter(|uid| self.find(MessageKey { mailbox, uid: *uid }).is_some()).collect()
    }

    /// The message of a name, where it is here.
    pub(crate) fn key(&self, name: &MessageRef) -> Option<MessageKey> {
        let mailbox = self
            .mailboxes
            .values()
            .find(|m| m.uid_validity == name.uid_validity && m.name == name.mailbox && m.account == name.account)?;
        let key = MessageKey { mailbox: mailbox.id, uid: name.uid };
        self.find(key).map(|_| key)
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

    /// The digest of a message's Message-ID ([`id_hash`]); `None` where it has none, or there is no such message.
    pub(crate) fn message_id_hash(&self, key: MessageKey) -> Option<u64> {
        let id = self.entry_of(key)?.id;
        (id != NONE).then(|| self.names.digest(id))
    }

    /// All messages of a Message-ID, for "is it there already".
    pub(crate) fn with_message_id(&self, message_id: &str) -> Vec<MessageKey> {
        let Some(id) = self.names.find(id_hash(message_id)) else { return Vec::new() };
        let mut found: Vec<MessageKey> = Vec::new();
        for thread in self.threads.ring(self.names.thread(id)) {
            let entries = self.threads.entries(thread).filter_map(|at| self.entry(at));
            found.extend(entries.filter(|entry| entry.id == id).map(|entry| entry.key));
        }
        found
    }

    /// A message with its copies in other mailboxes, the one that is shown first.
    pub(crate) fn with_copies(&self, key: MessageKey) -> Vec<MessageKey> {
        let Some(at) = self.find(key) else { return Vec::new() };
        let group = self.entry(at).map(|entry| self.threads.copies(entry.thread, at)).unwrap_or_default();
        if group.is_empty() {
            return vec![key];
        }
        group.into_iter().filter_map(|at| self.entry(at).map(|entry| entry.key)).collect()
    }

    /// Which copy is shown: the lowest.
    fn rank(&self, entry: &Entry) -> u8 {
        let place = match self.role_shown(entry.key) {
            Some(SpecialUse::Inbox) => 0,
            None | Some(SpecialUse::Archive | SpecialUse::Flagged) => 1,
            Some(SpecialUse::All) => 2,
            Some(SpecialUse::Sent) => 3,
            Some(SpecialUse::Drafts) => 4,
            Some(SpecialUse::Junk) => 5,
            Some(SpecialUse::Trash) => 6,
        };
        if entry.flags & Flags::DELETED == 0 { place } else { place + 16 }
    }

    /// The thread of a name. A thread that has grown an older root is found by any of its messages.
    fn thread(&self, id: ThreadId) -> Option<u32> {
        if let Some(thread) = self.threads.odd.get(&id) {
            return Some(*thread);
        }
        let number = self.names.find(id.0)?;
        let ring = || self.threads.ring(self.names.thread(number));
        let named = ring().find(|thread| self.threads.table.get(*thread).is_some_and(|brief| brief.id == id));
        let holds = |thread: &u32| {
            self.threads
                .entries(*thread)
                .filter_map(|at| self.entry(at))
                .any(|entry| entry.id == number || self.lists.at(entry.lists).references.contains(&number))
        };
        named.or_else(|| ring().find(holds))
    }

    /// The thread of a message.
    pub(crate) fn thread_of(&self, key: MessageKey) -> Option<ThreadId> {
        let thread = self.entry_of(key)?.thread;
        self.threads.table.get(thread).filter(|_| thread != NONE).map(|brief| brief.id)
    }

    /// The messages of a thread that are here, in the order of the tree; of several copies the one that is shown.
    pub(crate) fn thread_keys(&self, id: ThreadId) -> Vec<MessageKey> {
        let Some(thread) = self.thread(id) else { return Vec::new() };
        self.places(thread).filter_map(|(_, entry)| entry).map(|entry| entry.key).collect()
    }

    /// The nodes of a thread, without second copies.
    fn places(&self, thread: u32) -> impl Iterator<Item = (threads::Place, Option<&Entry>)> {
        let nodes = self.threads.nodes(thread).iter().filter(|place| !place.is_copy());
        nodes.map(|place| (*place, self.entry(place.entry)))
    }

    /// Whether another message says something else under the same Message-ID.
    pub(crate) fn is_conflicting(&self, key: MessageKey) -> bool {
        self.entry_of(key).is_some_and(|entry| entry.is(mark::CONFLICT))
    }

    /// Writes the lists anew, without what was removed.
    fn compact(&mut self) {
        let mut lists = Lists::default();
        lists.0.reserve_exact(self.lists.0.len().saturating_sub(self.waste));
        for entry in self.entries.iter_mut().filter(|entry| !entry.is(mark::GONE)) {
            entry.lists = lists.copy_from(&self.lists, entry.lists);
        }
        self.lists = lists;
        self.waste = 0;
    }
}
