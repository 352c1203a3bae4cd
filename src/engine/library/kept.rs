//! The index as parts that are kept ([`crate::store::cache::ListWriter`]) and read back, column by column, without an allocation per row.
//!
//! The first part says what there is of everything, what the cache's pages said (their generations) and by which rules messages were filed; the second
//! has the people; each of the others a stretch of one table, and the last is what is shown first ([`super::head`]). They are read by two threads
//! straight into their places. Nothing in them is believed: every number is looked up, none is an index, so that a wrong one costs a row its
//! text and never more.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::Library;
use super::completion::Person;
use super::entry::{Entry, Interned, NONE, badge_code, badge_of, key_digest, mark};
use super::filing::Book;
use super::lookup::Lookup;
use super::threads::{Body, Place};
use crate::app::thread_list::{Brief, PEOPLE_MAX, SHARE, Shared, TextShare, Texts};
use crate::case::Filing;
use crate::mail::id::{CaseId, MailboxId, MessageKey, ThreadId};
use crate::mail::safe::SafeText;
use crate::store::cache::{Generation, KeptList};
use crate::store::mailbox::Mailbox;

/// The form of the parts; another one is not read.
const FORM: u32 = 2;
/// Rows of a table: more would not fit into memory.
const ROWS_MAX: u32 = 1 << 28;

/// What there is, and what it goes by.
#[derive(Debug, Serialize, Deserialize)]
struct Contents {
    form: u32,
    rules: u64,
    counts: [u32; SECTIONS.len()],
    here: u32,
    waste: (u32, u32),
    mailboxes: Vec<(MailboxId, Mailbox)>,
    /// Mailbox, page, generations of its summaries and of its flags.
    generations: Vec<(u32, u32, u32, u32)>,
    odd: Vec<(ThreadId, u32)>,
    /// Threads that show a message in another mailbox than the server has it in.
    elsewhere: Vec<u32>,
    filings: Vec<Filing>,
    filed: Vec<u32>,
    cases: Vec<Vec<CaseId>>,
    titles: Vec<(CaseId, SafeText)>,
}

/// A table, in the order in which they are kept.
#[derive(Clone, Copy, Debug)]
enum Section {
    Entries,
    Lists,
    Digests,
    Leads,
    Texts,
    Briefs,
    Bodies,
    Nodes,
    Order,
}

/// Each table with the rows of it that make a part. Texts and briefs are cut where their shares are.
const SECTIONS: [(Section, usize); 9] = [
    (Section::Entries, 16 * SHARE),
    (Section::Lists, 256 * SHARE),
    (Section::Digests, 128 * SHARE),
    (Section::Leads, 256 * SHARE),
    (Section::Texts, 16 * SHARE),
    (Section::Briefs, 16 * SHARE),
    (Section::Bodies, 64 * SHARE),
    (Section::Nodes, 128 * SHARE),
    (Section::Order, 256 * SHARE),
];

/// The stretches of the tables, in order.
fn plan(counts: &[u32; SECTIONS.len()]) -> Vec<(Section, Range<usize>)> {
    let mut stretches = Vec::new();
    for ((section, rows), &count) in SECTIONS.into_iter().zip(counts) {
        let count = count as usize;
        stretches.extend((0..count).step_by(rows).map(|start| (section, start..count.min(start + rows))));
    }
    stretches
}

/// The parts before the stretches.
const BEFORE: usize = 2;

/// Whether a list of so many parts can have these stretches: lists of before there was a head end without it.
fn fits(stretches: usize, parts: usize) -> bool {
    (stretches + BEFORE..=stretches + BEFORE + 1).contains(&parts)
}

/// Writes a column.
fn put<T, const N: usize>(out: &mut Vec<u8>, rows: &[T], of: impl Fn(&T) -> [u8; N]) {
    for row in rows {
        out.extend_from_slice(&of(row));
    }
}

/// Reads a column into its rows.
fn take<T, const N: usize>(from: &mut &[u8], rows: &mut [T], mut into: impl FnMut(&mut T, [u8; N])) -> Option<()> {
    let (column, rest) = from.split_at_checked(rows.len().checked_mul(N)?)?;
    for (row, value) in rows.iter_mut().zip(column.as_chunks::<N>().0) {
        into(row, *value);
    }
    *from = rest;
    Some(())
}

fn put_entries(out: &mut Vec<u8>, rows: &[Entry]) {
    put(out, rows, |e| e.key.mailbox.0.to_le_bytes());
    put(out, rows, |e| e.key.uid.to_le_bytes());
    put(out, rows, |e| e.received.to_le_bytes());
    put(out, rows, |e| e.sent.to_le_bytes());
    put(out, rows, |e| e.content.to_le_bytes());
    put(out, rows, |e| e.id.to_le_bytes());
    put(out, rows, |e| e.lists.to_le_bytes());
    put(out, rows, |e| e.subject.to_le_bytes());
    put(out, rows, |e| e.base.to_le_bytes());
    put(out, rows, |e| e.from.to_le_bytes());
    put(out, rows, |e| e.thread.to_le_bytes());
    put(out, rows, |e| e.filing.to_le_bytes());
    // What waits to be told to the server is known from the state store.
    put(out, rows, |e| [e.attachments, e.flags, e.marks & !mark::PENDING, e.badge]);
}

fn take_entries(mut from: &[u8], rows: &mut [Entry]) -> Option<()> {
    let from = &mut from;
    take(from, rows, |e, v| e.key.mailbox = MailboxId(u32::from_le_bytes(v)))?;
    take(from, rows, |e, v| e.key.uid = u32::from_le_bytes(v))?;
    take(from, rows, |e, v| e.received = i64::from_le_bytes(v))?;
    take(from, rows, |e, v| e.sent = i64::from_le_bytes(v))?;
    take(from, rows, |e, v| e.content = u64::from_le_bytes(v))?;
    take(from, rows, |e, v| e.id = u32::from_le_bytes(v))?;
    take(from, rows, |e, v| e.lists = u32::from_le_bytes(v))?;
    take(from, rows, |e, v| e.subject = u32::from_le_bytes(v))?;
    take(from, rows, |e, v| e.base = u32::from_le_bytes(v))?;
    take(from, rows, |e, v| e.from = u32::from_le_bytes(v))?;
    take(from, rows, |e, v| e.thread = u32::from_le_bytes(v))?;
    take(from, rows, |e, v| e.filing = u32::from_le_bytes(v))?;
    take(from, rows, |e, [attachments, flags, marks, badge]: [u8; 4]| {
        (e.attachments, e.flags, e.marks, e.badge) = (attachments, flags, marks, badge);
    })?;
    from.is_empty().then_some(())
}

fn put_briefs(out: &mut Vec<u8>, rows: &[Brief]) {
    put(out, rows, |b| b.id.0.to_le_bytes());
    put(out, rows, |b| b.newest.to_le_bytes());
    put(out, rows, |b| b.subject.to_le_bytes());
    for person in 0..PEOPLE_MAX {
        put(out, rows, |b| b.people.get(person).copied().unwrap_or(NONE).to_le_bytes());
    }
    put(out, rows, |b| b.messages.to_le_bytes());
    put(out, rows, |b| b.unread.to_le_bytes());
    put(out, rows, |b| b.cases.to_le_bytes());
    put(out, rows, |b| [u8::from(b.flagged) | u8::from(b.attachments) << 1, badge_code(b.badge)]);
}

fn take_briefs(from: &mut &[u8], rows: &mut [Brief]) -> Option<()> {
    take(from, rows, |b, v| b.id = ThreadId(u64::from_le_bytes(v)))?;
    take(from, rows, |b, v| b.newest = i64::from_le_bytes(v))?;
    take(from, rows, |b, v| b.subject = u32::from_le_bytes(v))?;
    for person in 0..PEOPLE_MAX {
        take(from, rows, |b, v| {
            if let Some(slot) = b.people.get_mut(person) {
                *slot = u32::from_le_bytes(v);
            }
        })?;
    }
    take(from, rows, |b, v| b.messages = u32::from_le_bytes(v))?;
    take(from, rows, |b, v| b.unread = u32::from_le_bytes(v))?;
    take(from, rows, |b, v| b.cases = u32::from_le_bytes(v))?;
    take(from, rows, |b, [marks, badge]: [u8; 2]| {
        (b.flagged, b.attachments, b.badge) = (marks & 1 != 0, marks & 2 != 0, badge_of(badge));
    })
}

fn put_bodies(out: &mut Vec<u8>, rows: &[Body]) {
    put(out, rows, |b| b.start.to_le_bytes());
    put(out, rows, |b| b.length.to_le_bytes());
    put(out, rows, |b| b.ring.to_le_bytes());
    put(out, rows, |b| b.base.to_le_bytes());
    put(out, rows, |b| [u8::from(b.mixed)]);
}

fn take_bodies(mut from: &[u8], rows: &mut [Body]) -> Option<()> {
    let from = &mut from;
    take(from, rows, |b, v| b.start = u32::from_le_bytes(v))?;
    take(from, rows, |b, v| b.length = u32::from_le_bytes(v))?;
    take(from, rows, |b, v| b.ring = u32::from_le_bytes(v))?;
    take(from, rows, |b, v| b.base = u32::from_le_bytes(v))?;
    take(from, rows, |b, [mixed]: [u8; 1]| b.mixed = mixed != 0)?;
    from.is_empty().then_some(())
}

fn put_texts<'a>(out: &mut Vec<u8>, shares: impl Iterator<Item = &'a TextShare>) {
    for (bytes, ends) in shares.map(TextShare::parts) {
        put(out, ends, |end| end.to_le_bytes());
        out.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or_default().to_le_bytes());
        out.extend_from_slice(bytes.as_bytes());
    }
}

fn take_texts(mut from: &[u8], shares: &mut [TextShare], mut texts: usize) -> Option<()> {
    let from = &mut from;
    for share in shares {
        let mut ends = vec![0_u32; texts.min(SHARE)];
        texts = texts.saturating_sub(ends.len());
        take(from, &mut ends, |end, v| *end = u32::from_le_bytes(v))?;
        let (length, rest) = from.split_first_chunk::<4>()?;
        let (bytes, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        *from = rest;
        *share = TextShare::new(std::str::from_utf8(bytes).ok()?.to_owned(), ends)?;
    }
    from.is_empty().then_some(())
}

/// Where a stretch goes.
enum Target<'a> {
    Entries(&'a mut [Entry]),
    Numbers(&'a mut [u32]),
    Digests(&'a mut [u64]),
    /// With how many texts they are together.
    Texts(&'a mut [TextShare], usize),
    Briefs(&'a mut [Vec<Brief>], usize),
    Bodies(&'a mut [Body]),
    Nodes(&'a mut [Place]),
}

impl Target<'_> {
    fn fill(self, mut from: &[u8]) -> Option<()> {
        match self {
            Self::Entries(rows) => take_entries(from, rows),
            Self::Numbers(rows) => {
                take(&mut from, rows, |row, v| *row = u32::from_le_bytes(v))?;
                from.is_empty().then_some(())
            }
            Self::Digests(rows) => {
                take(&mut from, rows, |row, v| *row = u64::from_le_bytes(v))?;
                from.is_empty().then_some(())
            }
            Self::Texts(shares, texts) => take_texts(from, shares, texts),
            Self::Briefs(shares, mut briefs) => {
                for share in shares {
                    // A full one, so that adding to it later does not move it.
                    share.reserve_exact(SHARE);
                    share.resize(briefs.min(SHARE), Brief::default());
                    briefs = briefs.saturating_sub(share.len());
                    take_briefs(&mut from, share)?;
                }
                from.is_empty().then_some(())
            }
            Self::Bodies(rows) => take_bodies(from, rows),
            Self::Nodes(rows) => {
                take(&mut from, rows, |row, v| row.entry = u32::from_le_bytes(v))?;
                take(&mut from, rows, |row, v| row.depth = u16::from_le_bytes(v))?;
                from.is_empty().then_some(())
            }
        }
    }
}

fn shares(rows: usize) -> usize {
    rows.div_ceil(SHARE)
}

/// Tables while they are read.
struct Tables {
    entries: Vec<Entry>,
    lists: Vec<u32>,
    digests: Vec<u64>,
    leads: Vec<u32>,
    texts: Vec<TextShare>,
    briefs: Vec<Vec<Brief>>,
    bodies: Vec<Body>,
    nodes: Vec<Place>,
    order: Vec<u32>,
}

impl Tables {
    fn read(list: &KeptList, counts: &[u32; SECTIONS.len()]) -> Option<Self> {
        let [entries, lists, digests, leads, texts, briefs, bodies, nodes, order] = counts.map(|count| count as usize);
        let nowhere = Body { start: 0, length: 0, ring: NONE, base: NONE, mixed: false, stale: false };
        let mut tables = Self {
            entries: vec![Entry::default(); entries],
            lists: vec![0; lists],
            digests: vec![0; digests],
            leads: vec![0; leads],
            texts: vec![TextShare::default(); shares(texts)],
            briefs: vec![Vec::new(); shares(briefs)],
            bodies: vec![nowhere; bodies],
            nodes: vec![Place::default(); nodes],
            order: vec![0; order],
        };
        let [by_entries, by_lists, by_digests, by_leads, by_texts, by_briefs, by_bodies, by_nodes, by_order] =
            SECTIONS.map(|(_, rows)| rows);
        let left = |at: usize, rows: usize, all: usize| all.saturating_sub(at * rows).min(rows);
        let mut targets: Vec<Target<'_>> = Vec::new();
        targets.extend(tables.entries.chunks_mut(by_entries).map(Target::Entries));
        targets.extend(tables.lists.chunks_mut(by_lists).map(Target::Numbers));
        targets.extend(tables.digests.chunks_mut(by_digests).map(Target::Digests));
        targets.extend(tables.leads.chunks_mut(by_leads).map(Target::Numbers));
        let parts = tables.texts.chunks_mut(by_texts / SHARE).enumerate();
        targets.extend(parts.map(|(at, part)| Target::Texts(part, left(at, by_texts, texts))));
        let parts = tables.briefs.chunks_mut(by_briefs / SHARE).enumerate();
        targets.extend(parts.map(|(at, part)| Target::Briefs(part, left(at, by_briefs, briefs))));
        targets.extend(tables.bodies.chunks_mut(by_bodies).map(Target::Bodies));
        targets.extend(tables.nodes.chunks_mut(by_nodes).map(Target::Nodes));
        targets.extend(tables.order.chunks_mut(by_order).map(Target::Numbers));
        if !fits(targets.len(), list.len()) {
            return None;
        }
        let waiting = Mutex::new(targets.into_iter().enumerate());
        let work = || -> Option<()> {
            loop {
                let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
                let Some((at, target)) = next else { return Some(()) };
                target.fill(&list.part(at + BEFORE)?)?;
            }
        };
        // Opening, unpacking and filling in is work for the processor alone.
        let (here, there) = std::thread::scope(|scope| {
            let there = scope.spawn(work);
            (work(), there.join().ok().flatten())
        });
        here.and(there)?;
        Some(tables)
    }
}

impl Library {
    /// How many parts it is kept in now.
    pub(crate) fn kept_parts(&self) -> usize {
        plan(&self.section_counts()).len() + BEFORE + 1
    }

    fn section_counts(&self) -> [u32; SECTIONS.len()] {
        let rows = |section: Section| match section {
            Section::Entries => self.entries.len(),
            Section::Lists => self.lists.0.len(),
            Section::Digests => self.names.digests.len(),
            Section::Leads => self.names.threads.len(),
            Section::Texts => self.texts.texts.len(),
            Section::Briefs => self.threads.table.len(),
            Section::Bodies => self.threads.bodies.len(),
            Section::Nodes => self.threads.nodes.len(),
            Section::Order => self.threads.order.len(),
        };
        SECTIONS.map(|(section, _)| u32::try_from(rows(section)).unwrap_or(u32::MAX))
    }

    /// A part; nothing behind the last. Make everything fresh before the first ([`Library::settle`]), and begin anew where
    /// [`Library::version`] has become another one in between. `waiting`: see [`super::head::Signs`].
    pub(crate) fn kept_part(&self, at: usize, waiting: impl FnOnce() -> u64) -> Option<Vec<u8>> {
        if at == 0 {
            return postcard::to_allocvec(&self.contents()).ok();
        }
        if at == 1 {
            return postcard::to_allocvec(&self.people.all()).ok();
        }
        let stretches = plan(&self.section_counts());
        if at == stretches.len() + BEFORE {
            return self.head_part(waiting());
        }
        let (section, rows) = stretches.into_iter().nth(at - BEFORE)?;
        let mut out = Vec::new();
        let shares = rows.start / SHARE..rows.end.div_ceil(SHARE);
        match section {
            Section::Entries => put_entries(&mut out, self.entries.get(rows)?),
            Section::Lists => put(&mut out, self.lists.0.get(rows)?, |v| v.to_le_bytes()),
            Section::Digests => put(&mut out, self.names.digests.get(rows)?, |v| v.to_le_bytes()),
            Section::Leads => put(&mut out, self.names.threads.get(rows)?, |v| v.to_le_bytes()),
            Section::Texts => put_texts(&mut out, self.texts.texts.shares().skip(shares.start).take(shares.len())),
            Section::Briefs => {
                let all = self.threads.table.shares().skip(shares.start).take(shares.len());
                all.for_each(|share| put_briefs(&mut out, share));
            }
            Section::Bodies => put_bodies(&mut out, self.threads.bodies.get(rows)?),
            Section::Nodes => {
                let nodes = self.threads.nodes.get(rows)?;
                put(&mut out, nodes, |place| place.entry.to_le_bytes());
                put(&mut out, nodes, |place| place.depth.to_le_bytes());
            }
            Section::Order => put(&mut out, self.threads.order.get(rows)?, |v| v.to_le_bytes()),
        }
        Some(out)
    }

    fn contents(&self) -> Contents {
        let small = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        Contents {
            form: FORM,
            rules: self.filed_by,
            counts: self.section_counts(),
            here: small(self.here),
            waste: (small(self.waste), small(self.threads.waste)),
            mailboxes: self.mailboxes.values().map(|known| (known.id, known.clone())).collect(),
            generations: self.generations(),
            elsewhere: self.elsewhere.keys().filter_map(|key| self.entry_of(*key)).map(|e| e.thread).collect(),
            odd: self.threads.odd.iter().map(|(id, thread)| (*id, *thread)).collect(),
            filings: self.filings.list.clone(),
            filed: self.filings.cases.clone(),
            cases: self.case_lists.iter().map(|cases| cases.to_vec()).collect(),
            titles: self.titles.iter().map(|(case, title)| (case.clone(), title.clone())).collect(),
        }
    }

    /// What the pages said. Where flags are shown that the server does not know yet, what it said is to be read again.
    fn generations(&self) -> Vec<(u32, u32, u32, u32)> {
        let waiting = self.all().filter(|entry| entry.is(mark::PENDING)).map(|entry| entry.key);
        let unknown: HashSet<(MailboxId, u32)> =
            waiting.map(|key| (key.mailbox, crate::store::page::number(key.uid))).collect();
        let known = self.applied.iter().map(|(page, generation)| {
            let flags = if unknown.contains(page) { u32::MAX } else { generation.flags };
            (page.0.0, page.1, generation.rows, flags)
        });
        known.collect()
    }

    /// The index as it was kept; nothing where the parts are not what was written. It may be older than the cache: see
    /// [`Library::generation`]. And it may be filed by other rules: see [`Library::refile`].
    pub(crate) fn from_kept(book: Book, list: &KeptList) -> Option<Self> {
        let contents: Contents = postcard::from_bytes(&list.part(0)?).ok()?;
        let sizes_fit = contents.counts.iter().all(|count| *count <= ROWS_MAX);
        if contents.form != FORM || !sizes_fit || !fits(plan(&contents.counts).len(), list.len()) {
            return None;
        }
        let tables = Tables::read(list, &contents.counts)?;
        let people: Vec<Person> = postcard::from_bytes(&list.part(1)?).ok()?;
        let mut library = Self::new(book);
        library.people.set(people);
        library.mailboxes = contents.mailboxes.into_iter().map(|(id, known)| (id, Mailbox { id, ..known })).collect();
        // Before there is an entry whose place would change by it.
        library.assign_roles();
        library.fill(tables)?;
        (library.here, library.filed_by) = (contents.here as usize, contents.rules);
        (library.waste, library.threads.waste) = (contents.waste.0 as usize, contents.waste.1 as usize);
        library.spoilt = contents.elsewhere;
        library.applied = contents
            .generations
            .into_iter()
            .map(|(mailbox, page, rows, flags)| ((MailboxId(mailbox), page), Generation { rows, flags }))
            .collect();
        library.threads.odd = contents.odd.into_iter().collect();
        library.filings.set(contents.filings, contents.filed)?;
        library.case_numbers = (0..).zip(&contents.cases).map(|(number, cases)| (cases.clone(), number)).collect();
        library.case_lists = contents.cases.into_iter().map(Into::into).collect::<Vec<_>>().into();
        library.titles = contents.titles.into_iter().collect();
        (!library.case_lists.is_empty()).then_some(library)
    }

    /// Takes the tables, and finds its way about in them.
    fn fill(&mut self, tables: Tables) -> Option<()> {
        let Tables { entries, lists, digests, leads, texts, briefs, bodies, nodes, order } = tables;
        let gone = |entry: &Entry| entry.is(mark::GONE);
        self.free = (0_u32..).zip(&entries).filter(|(_, entry)| gone(entry)).map(|(at, _)| at).collect();
        self.threads.free = (0_u32..).zip(&bodies).filter(|(_, body)| body.length == 0).map(|(at, _)| at).collect();
        self.entries = entries;
        (self.lists.0, self.names.digests, self.names.threads) = (lists, digests, leads);
        self.texts = Interned::of(Texts::from_shares(texts)?);
        (self.threads.table, self.threads.bodies) = (Shared::from_shares(briefs), bodies);
        (self.threads.nodes, self.threads.order) = (nodes, order);
        if self.names.digests.len() != self.names.threads.len() || self.threads.table.len() != self.threads.bodies.len()
        {
            return None;
        }
        let (entries, names) = (&self.entries, &mut self.names);
        let digest_of = |at: u32| entries.get(at as usize).map_or(0, |entry| key_digest(entry.key));
        self.keys = std::thread::scope(|scope| {
            let index = scope.spawn(|| names.index());
            let mut keys = Lookup::with_capacity(entries.len());
            for (at, entry) in (0_u32..).zip(entries).filter(|(_, entry)| !gone(entry)) {
                keys.insert(key_digest(entry.key), at, digest_of);
            }
            index.join().ok().map(|()| keys)
        })?;
        Some(())
    }

    /// What a page of the cache said that this index goes by, changes since included.
    pub(crate) fn generation(&self, mailbox: MailboxId, page: u32) -> Generation {
        self.applied.get(&(mailbox, page)).copied().unwrap_or_default()
    }

    /// The pages whose generations are known, of a mailbox.
    pub(crate) fn pages(&self, mailbox: MailboxId) -> Vec<u32> {
        self.applied.keys().filter(|(known, _)| *known == mailbox).map(|(_, page)| *page).collect()
    }

    /// A page of the cache was read, and said this.
    pub(crate) fn set_generation(&mut self, mailbox: MailboxId, page: u32, generation: Generation) {
        self.version += 1;
        self.applied.insert((mailbox, page), generation);
    }

    /// A transaction of the cache that changed these messages is in the index: each page of them counts it once.
    pub(crate) fn applied(&mut self, mailbox: MailboxId, uids: impl IntoIterator<Item = u32>, rows: bool, flags: bool) {
        let pages: std::collections::BTreeSet<u32> = uids.into_iter().map(crate::store::page::number).collect();
        self.version += 1;
        for page in pages {
            let known = self.applied.entry((mailbox, page)).or_default();
            *known = known.after(rows, flags);
        }
    }

    /// The mailboxes that were here when it was kept.
    pub(crate) fn mailbox_ids(&self) -> Vec<MailboxId> {
        self.mailboxes.keys().copied().collect()
    }

    /// A page of the cache says that these messages are in it, and no others.
    pub(crate) fn keep_only(&mut self, mailbox: MailboxId, page: u32, uids: &[u32]) {
        let known = self.uids_between(mailbox, crate::store::page::uids(page));
        for uid in known.into_iter().filter(|uid| !uids.contains(uid)) {
            self.remove(MessageKey { mailbox, uid });
        }
    }

    /// Files what was filed by other rules: so many threads more. Says whether that was all; lists change meanwhile.
    pub(crate) fn refile(&mut self, threads: usize) -> bool {
        if self.filed_by == self.book.digest() {
            return true;
        }
        let end = self.refiled.saturating_add(threads).min(self.threads.bodies.len());
        for thread in self.refiled..end {
            let Ok(thread) = u32::try_from(thread) else { break };
            if self.threads.bodies.get(thread as usize).is_some_and(|body| body.length > 0) {
                self.file_thread(thread);
            }
        }
        self.refiled = end;
        self.version += 1;
        if end < self.threads.bodies.len() {
            return false;
        }
        self.untitled.extend(self.case_lists.iter().flat_map(|cases| cases.iter()).cloned());
        (self.filed_by, self.refiled) = (self.book.digest(), 0);
        true
    }

    /// Makes everything fresh, so that it can be kept.
    pub(crate) fn settle(&mut self) {
        self.rebuild();
        self.freshen();
        self.make_titles();
    }

    /// Becomes another one with every change.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// Nothing has come yet.
    pub(crate) fn is_untouched(&self) -> bool {
        self.entries.is_empty() && self.applied.is_empty()
    }

    /// Takes the place of an index that is still empty: its mailboxes are the ones there are now.
    pub(crate) fn succeed(mut self, before: &mut Self) {
        let known: HashMap<MailboxId, Mailbox> = std::mem::take(&mut before.mailboxes);
        for id in self.mailbox_ids() {
            if !known.contains_key(&id) {
                self.drop_mailbox(id);
            }
        }
        for mailbox in known.into_values() {
            self.set_mailbox(mailbox);
        }
        *before = self;
    }
}

#[cfg(test)]
mod tests;
