//! Threads made anew where something came, went or changed, and only there.
//!
//! Two messages can only have to do with each other (RFC 5256 §3) if one Message-ID stands in both, or if their threads have one base
//! subject. So threads fall into *rings*: all threads that share a Message-ID somewhere are in one ring, mostly a ring of one; a base subject
//! leads to its one thread. What is to be made anew is the rings that a change touches, with all their messages; if a thread that comes
//! out has the subject of one outside, that one's ring is taken in, too. What [`crate::mail::thread::thread`] makes of these messages is what
//! it would make of them among all the others, which the tests hold it to. The cost of a new message is that of its thread.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use super::Library;
use super::entry::{Entry, NONE, badge_of, mark};
use crate::app::thread_list::{Brief, NO_TEXT, PEOPLE_MAX, Shared};
use crate::mail::id::ThreadId;
use crate::mail::thread::{self, Item, Node};
use crate::store::flags::Flags;

/// Depth of a second copy: it belongs to the node before it that is none.
const COPY: u16 = u16::MAX;
/// So many messages are threaded at once, for the room that it takes; more go in turns, with the same threads at the end.
const MANY: usize = 8_192;

/// A node: the entry, or [`NONE`] for a message that is not here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) entry: u32,
    pub(super) depth: u16,
}

impl Place {
    /// A second copy of the message before it.
    pub(super) fn is_copy(self) -> bool {
        self.depth == COPY
    }
}

/// What of a thread no list shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Body {
    /// Its nodes: a place in [`Threads::nodes`].
    pub(super) start: u32,
    /// How many; 0: there is no thread in this place.
    pub(super) length: u32,
    /// The next thread of its ring.
    pub(super) ring: u32,
    /// Its base subject, a number of the names; [`NONE`] where that is empty.
    pub(super) base: u32,
    /// Not all of its messages are in the same cases.
    pub(super) mixed: bool,
    /// It is to be looked at again before it is shown.
    pub(super) stale: bool,
}

#[derive(Debug, Default)]
pub(super) struct Threads {
    /// What lists show of each.
    pub(super) table: Shared<Brief>,
    /// The rest of each, by the same place.
    pub(super) bodies: Vec<Body>,
    pub(super) nodes: Vec<Place>,
    /// Nodes that no thread names any more.
    pub(super) waste: usize,
    /// Places of threads, newest first.
    pub(super) order: Vec<u32>,
    /// Places that may be used again.
    pub(super) free: Vec<u32>,
    /// Threads whose name is no Message-ID of theirs.
    pub(super) odd: HashMap<ThreadId, u32>,
    /// Threads that are to be looked at again.
    stale: Vec<u32>,
}

impl Threads {
    /// The nodes of a thread.
    pub(super) fn nodes(&self, thread: u32) -> &[Place] {
        let Some(body) = self.bodies.get(thread as usize) else { return &[] };
        let start = body.start as usize;
        self.nodes.get(start..start.saturating_add(body.length as usize)).unwrap_or_default()
    }

    /// The entries of a thread, copies too.
    pub(super) fn entries(&self, thread: u32) -> impl Iterator<Item = u32> {
        self.nodes(thread).iter().map(|place| place.entry).filter(|at| *at != NONE)
    }

    /// A thread and those that share a Message-ID with it; nothing for a place without a thread.
    pub(super) fn ring(&self, thread: u32) -> impl Iterator<Item = u32> {
        let first = self.bodies.get(thread as usize).filter(|body| body.length > 0).map(|_| thread);
        // A ring cannot be longer than all threads; that ends it even where it were none.
        std::iter::successors(first, move |at| {
            self.bodies.get(*at as usize).map(|body| body.ring).filter(|next| *next != thread)
        })
        .take(self.bodies.len())
    }

    /// The copies of an entry with itself, the one that is shown first; nothing where it has none.
    pub(super) fn copies(&self, thread: u32, entry: u32) -> Vec<u32> {
        let nodes = self.nodes(thread);
        let Some(at) = nodes.iter().position(|place| place.entry == entry) else { return Vec::new() };
        let shown = (0..=at).rev().find(|at| nodes.get(*at).is_some_and(|place| !place.is_copy())).unwrap_or(at);
        let copies = nodes.iter().skip(shown + 1).take_while(|place| place.is_copy()).map(|place| place.entry);
        nodes.get(shown).map(|place| place.entry).into_iter().chain(copies).collect()
    }

    /// Counts and marks of a thread are to be taken anew.
    pub(super) fn look_again(&mut self, thread: u32) {
        if let Some(body) = self.bodies.get_mut(thread as usize)
            && !std::mem::replace(&mut body.stale, true)
        {
            self.stale.push(thread);
        }
    }

    fn add(&mut self, brief: Brief, nodes: &[Place], base: u32) -> u32 {
        let start = u32::try_from(self.nodes.len()).unwrap_or(NONE);
        self.nodes.extend_from_slice(nodes);
        let length = u32::try_from(nodes.len()).unwrap_or_default();
        let body = Body { start, length, ring: NONE, base, mixed: false, stale: false };
        if let Some(at) = self.free.pop() {
            if let (Some(slot), Some(known)) = (self.table.get_mut(at), self.bodies.get_mut(at as usize)) {
                (*slot, *known) = (brief, Body { ring: at, ..body });
            }
            return at;
        }
        let at = u32::try_from(self.bodies.len()).unwrap_or(NONE);
        self.table.push(brief);
        self.bodies.push(Body { ring: at, ..body });
        at
    }

    /// Makes one ring of two that are not the same.
    fn join(&mut self, a: u32, b: u32) {
        let after = |threads: &Self, at: u32| threads.bodies.get(at as usize).map_or(at, |body| body.ring);
        let (after_a, after_b) = (after(self, a), after(self, b));
        if let Some(body) = self.bodies.get_mut(a as usize) {
            body.ring = after_b;
        }
        if let Some(body) = self.bodies.get_mut(b as usize) {
            body.ring = after_a;
        }
    }

    /// Writes the nodes anew, without those of threads that are no more, in the order of the list.
    fn compact(&mut self) {
        let mut nodes = Vec::with_capacity(self.nodes.len().saturating_sub(self.waste));
        for &thread in &self.order {
            let Some(body) = self.bodies.get_mut(thread as usize) else { continue };
            let (start, end) = (body.start as usize, (body.start as usize).saturating_add(body.length as usize));
            body.start = u32::try_from(nodes.len()).unwrap_or(NONE);
            nodes.extend_from_slice(self.nodes.get(start..end).unwrap_or_default());
        }
        self.nodes = nodes;
        self.waste = 0;
    }

    fn sort_key(&self, thread: u32) -> Reverse<(i64, ThreadId)> {
        Reverse(self.table.get(thread).map_or((i64::MIN, ThreadId(0)), |brief| (brief.newest, brief.id)))
    }

    /// Takes threads out of the order, and puts others in.
    fn reorder(&mut self, gone: &HashSet<u32>, mut new: Vec<u32>) {
        // A place can be both: it was used again.
        let is_gone = |at: &u32| gone.contains(at);
        if gone.len() < 64 && new.len() < 64 {
            self.order.retain(|at| !is_gone(at));
            for thread in new {
                let key = self.sort_key(thread);
                let at = self.order.partition_point(|known| self.sort_key(*known) < key);
                self.order.insert(at, thread);
            }
            return;
        }
        new.sort_by_cached_key(|at| self.sort_key(*at));
        let mut merged = Vec::with_capacity(self.order.len() + new.len());
        let mut new = new.into_iter().peekable();
        for &known in self.order.iter().filter(|at| !is_gone(at)) {
            let key = self.sort_key(known);
            while let Some(first) = new.next_if(|at| self.sort_key(*at) < key) {
                merged.push(first);
            }
            merged.push(known);
        }
        merged.extend(new);
        self.order = merged;
    }
}

/// What the messages of some rings are made into.
struct Made {
    /// Nodes with copies behind each, and the base subject, of each thread.
    threads: Vec<(Vec<Place>, u32)>,
    conflicts: Vec<u32>,
}

impl Library {
    /// Makes those threads anew in which something came, went or changed.
    pub(crate) fn rebuild(&mut self) {
        if self.is_stale() {
            self.remake();
            self.free.append(&mut self.retired);
            if self.waste > 65_536 && self.waste > self.lists.0.len() / 4 {
                self.compact();
            }
            if self.threads.waste > 65_536 && self.threads.waste > self.threads.nodes.len() / 4 {
                self.threads.compact();
            }
        }
    }

    /// As [`Self::rebuild`], where so much is new that all of it at once would take much room.
    pub(crate) fn rebuild_if_many(&mut self) {
        if self.fresh.len() >= MANY {
            self.rebuild();
        }
    }

    fn remake(&mut self) {
        let mut fresh = std::mem::take(&mut self.fresh);
        fresh.sort_unstable();
        fresh.dedup();
        fresh.retain(|at| self.entry(*at).is_some());
        let mut taken: HashSet<u32> = HashSet::new();
        for thread in std::mem::take(&mut self.spoilt) {
            self.take_ring(thread, &mut taken);
        }
        for name in std::mem::take(&mut self.unlinked) {
            // All that has to do with it is made anew, and it leads there again, or nowhere.
            self.take_ring(self.names.thread(name), &mut taken);
            self.names.lead(name, NONE);
        }
        for &at in &fresh {
            let Some(&entry) = self.entry(at) else { continue };
            let before = taken.len();
            for name in self.linking(&entry) {
                self.take_ring(self.names.thread(name), &mut taken);
            }
            if taken.len() == before {
                // It begins a thread, or comes to one of its subject: that is found out at once instead of afterwards.
                self.take_ring(self.names.thread(entry.base), &mut taken);
            }
        }
        let mut entries: Vec<u32> = fresh;
        for &thread in &taken {
            entries.extend(self.threads.entries(thread).filter(|at| self.entry(*at).is_some()));
        }
        let made = loop {
            // The order in which equal messages are handed over must be the same however they came.
            entries.sort_unstable_by_key(|at| self.entry(*at).map(|entry| entry.key));
            entries.dedup();
            let made = self.make(&entries);
            let before = taken.len();
            for (_, base) in &made.threads {
                let outside = self.names.thread(*base);
                if outside != NONE && !taken.contains(&outside) {
                    for thread in self.threads.ring(outside) {
                        taken.insert(thread);
                        entries.extend(self.threads.entries(thread).filter(|at| self.entry(*at).is_some()));
                    }
                }
            }
            if taken.len() == before {
                break made;
            }
        };
        self.exchange(&taken, &entries, made);
    }

    /// The Message-IDs by which a message is linked to others.
    pub(super) fn linking(&self, entry: &Entry) -> impl Iterator<Item = u32> + use<> {
        let references = self.lists.at(entry.lists).references;
        let linking: Vec<u32> = std::iter::once(entry.id).chain(references.iter().copied()).collect();
        linking.into_iter().filter(|name| *name != NONE)
    }

    fn take_ring(&self, thread: u32, taken: &mut HashSet<u32>) {
        if thread != NONE && !taken.contains(&thread) {
            taken.extend(self.threads.ring(thread));
        }
    }

    /// Threads entries that are sorted by key.
    fn make(&self, entries: &[u32]) -> Made {
        let (groups, conflicts) = self.choose_copies(entries);
        let mut references: Vec<u64> = Vec::new();
        let mut spans = Vec::with_capacity(groups.len());
        for (shown, _) in &groups {
            let start = references.len();
            let listed = self.entry(*shown).map(|entry| self.lists.at(entry.lists).references).unwrap_or_default();
            references.extend(listed.iter().map(|number| self.names.digest(*number)));
            spans.push(start..references.len());
        }
        let items: Vec<Item<'_>> = groups
            .iter()
            .zip(spans)
            .filter_map(|((shown, _), span)| Some((self.entry(*shown)?, references.get(span)?)))
            .map(|(entry, references)| Item {
                id: (entry.id != NONE).then(|| self.names.digest(entry.id)),
                references,
                date: entry.date(),
                subject: self.names.digest(entry.base),
                is_reply: entry.is(mark::REPLY),
            })
            .collect();
        let forest = thread::thread(&items);
        let threads = forest.threads().filter_map(|nodes| self.lay_out(nodes, &groups)).collect();
        Made { threads, conflicts }
    }

    /// The nodes of a thread with the copies of each, and its base subject.
    fn lay_out(&self, nodes: &[Node], groups: &[(u32, Vec<u32>)]) -> Option<(Vec<Place>, u32)> {
        let mut places = Vec::with_capacity(nodes.len());
        let mut base = None;
        for node in nodes {
            let depth = u16::try_from(node.depth).unwrap_or(COPY).min(COPY - 1);
            let group = node.item.and_then(|item| groups.get(item));
            let Some((shown, copies)) = group else {
                places.push(Place { entry: NONE, depth });
                continue;
            };
            places.push(Place { entry: *shown, depth });
            places.extend(copies.iter().map(|copy| Place { entry: *copy, depth: COPY }));
            // Step 5.B.i: the root's, or the first child's where the root is not here.
            base.get_or_insert_with(|| self.entry(*shown).map_or(NONE, |entry| entry.base));
        }
        Some((places, base?))
    }

    /// Which entries are shown, each with its copies: of those that say the same under the same Message-ID, one. And those that do not.
    fn choose_copies(&self, entries: &[u32]) -> (Vec<(u32, Vec<u32>)>, Vec<u32>) {
        let mut by_id: Vec<(u32, u8, i64, usize, u32)> = Vec::new();
        let mut groups: Vec<(u32, Vec<u32>)> = Vec::with_capacity(entries.len());
        let mut conflicts = Vec::new();
        for (place, &at) in entries.iter().enumerate() {
            let Some(entry) = self.entry(at) else { continue };
            if entry.id == NONE {
                groups.push((at, Vec::new()));
            } else {
                by_id.push((entry.id, self.rank(entry), entry.received, place, at));
            }
        }
        by_id.sort_unstable();
        for same_id in by_id.chunk_by(|a, b| a.0 == b.0) {
            let first = groups.len();
            for &(.., at) in same_id {
                let content = self.entry(at).map(|entry| entry.content);
                let same = groups
                    .iter_mut()
                    .skip(first)
                    .find(|(known, _)| self.entry(*known).map(|entry| entry.content) == content);
                match same {
                    Some((_, copies)) => copies.push(at),
                    None => groups.push((at, Vec::new())),
                }
            }
            if groups.len() > first + 1 {
                conflicts.extend(groups.iter().skip(first).map(|(at, _)| *at));
            }
        }
        // Names are numbered as they come; what is handed over must not depend on that.
        groups.sort_by_key(|(at, _)| self.entry(*at).map(|entry| entry.key));
        (groups, conflicts)
    }

    /// Puts what was made in the place of what it was made from.
    fn exchange(&mut self, taken: &HashSet<u32>, entries: &[u32], made: Made) {
        for &thread in taken {
            self.take_away(thread);
        }
        let Made { threads, conflicts } = made;
        let mut new = Vec::with_capacity(threads.len());
        for (nodes, base) in threads {
            let brief = Brief { id: self.thread_name(&nodes), ..Brief::default() };
            let thread = self.threads.add(brief, &nodes, base);
            self.names.lead(base, thread);
            for place in nodes.iter().filter(|place| place.entry != NONE) {
                if let Some(entry) = self.entries.get_mut(place.entry as usize) {
                    entry.thread = thread;
                    entry.set(mark::CONFLICT, false);
                }
            }
            new.push(thread);
        }
        for at in conflicts {
            if let Some(entry) = self.entries.get_mut(at as usize) {
                entry.set(mark::CONFLICT, true);
            }
        }
        self.tie_rings(&new, entries);
        for &thread in &new {
            self.file_thread(thread);
            self.look_at(thread);
        }
        self.name_apart(&new);
        self.threads.reorder(taken, new);
    }

    fn take_away(&mut self, thread: u32) {
        let entries: Vec<Entry> =
            self.threads.entries(thread).filter_map(|at| self.entries.get(at as usize)).copied().collect();
        for entry in &entries {
            self.forget_names(entry, thread);
        }
        self.forget_title(thread);
        let Some(body) = self.threads.bodies.get_mut(thread as usize) else { return };
        let base = body.base;
        self.threads.waste = self.threads.waste.saturating_add(body.length as usize);
        (body.length, body.stale) = (0, false);
        if self.names.thread(base) == thread {
            self.names.lead(base, NONE);
        }
        if let Some(id) = self.threads.table.get(thread).map(|brief| brief.id)
            && self.threads.odd.get(&id) == Some(&thread)
        {
            self.threads.odd.remove(&id);
        }
        self.threads.free.push(thread);
    }

    /// Its Message-IDs that led to this thread lead nowhere, until they lead to what is made anew. Those that lead elsewhere stay: a
    /// message that was told anew and is gone since can name a thread that nothing else connects with this one.
    fn forget_names(&mut self, entry: &Entry, thread: u32) {
        for name in self.linking(entry) {
            if self.names.thread(name) == thread {
                self.names.lead(name, NONE);
            }
        }
    }

    /// Lets Message-IDs lead to threads, and ties those together that share one.
    fn tie_rings(&mut self, new: &[u32], entries: &[u32]) {
        // The first thread of a ring stands for it while they are tied.
        let mut stands_for: HashMap<u32, u32> = new.iter().map(|thread| (*thread, *thread)).collect();
        let root = |stands_for: &mut HashMap<u32, u32>, thread: u32| {
            let mut at = thread;
            while let Some(&up) = stands_for.get(&at).filter(|up| **up != at) {
                at = up;
            }
            stands_for.insert(thread, at);
            at
        };
        for &at in entries {
            let Some(&entry) = self.entry(at) else { continue };
            for name in self.linking(&entry) {
                let known = self.names.thread(name);
                if known == NONE {
                    self.names.lead(name, entry.thread);
                } else if known != entry.thread {
                    let (a, b) = (root(&mut stands_for, known), root(&mut stands_for, entry.thread));
                    if a != b {
                        self.threads.join(a, b);
                        stands_for.insert(b, a);
                    }
                }
            }
        }
    }

    /// The name of a thread by its first message that is here: its Message-ID, or that of the root that is not here.
    fn thread_name(&self, nodes: &[Place]) -> ThreadId {
        let first = nodes.iter().find_map(|place| Some((place, self.entry(place.entry)?)));
        let Some((place, first)) = first else { return ThreadId(0) };
        let references = self.lists.at(first.lists).references;
        let root = references.first().filter(|_| place.depth > 0).copied();
        match (root, first.id) {
            (Some(root), _) => ThreadId(self.names.digest(root)),
            // No Message-ID: what the message says, so that the name survives a rebuilt cache.
            (None, NONE) => ThreadId(first.content ^ u64::from_ne_bytes(first.received.to_ne_bytes()).rotate_left(17)),
            (None, id) => ThreadId(self.names.digest(id)),
        }
    }

    /// Two threads can only share a name when a Message-ID is used twice, or when there is none: the older one gets a name of its own.
    fn name_apart(&mut self, new: &[u32]) {
        let mut sorted: Vec<u32> = new.to_vec();
        sorted.sort_by_cached_key(|at| self.threads.sort_key(*at));
        let mut used: HashSet<ThreadId> = HashSet::with_capacity(sorted.len());
        for thread in sorted {
            let Some(named) = self.threads.table.get(thread).map(|brief| brief.id) else { continue };
            let mut id = named;
            while used.contains(&id) || self.threads.odd.contains_key(&id) {
                id = ThreadId(id.0.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(1));
            }
            used.insert(id);
            if id != named
                && let Some(brief) = self.threads.table.get_mut(thread)
            {
                brief.id = id;
            }
            if id != named || self.names.find(id.0).is_none_or(|name| self.names.thread(name) == NONE) {
                self.threads.odd.insert(id, thread);
            }
        }
    }

    /// Takes counts and marks of threads anew where flags changed.
    pub(super) fn freshen(&mut self) {
        for thread in std::mem::take(&mut self.threads.stale) {
            if self.threads.bodies.get(thread as usize).is_some_and(|body| body.length > 0 && body.stale) {
                self.look_at(thread);
            }
        }
    }

    /// Takes counts and marks of a thread anew.
    fn look_at(&mut self, thread: u32) {
        let mut brief = self.threads.table.get(thread).copied().unwrap_or_default();
        (brief.messages, brief.unread, brief.flagged, brief.attachments) = (0, 0, false, false);
        (brief.newest, brief.people, brief.subject) = (i64::MIN, [NO_TEXT; PEOPLE_MAX], NO_TEXT);
        let mut shown: Vec<(Reverse<i64>, u32, &Entry)> = Vec::new();
        for (_, entry) in self.places(thread) {
            let Some(entry) = entry.filter(|entry| self.is_shown(entry)) else { continue };
            brief.messages += 1;
            brief.unread += u32::from(entry.flags & Flags::SEEN == 0);
            brief.flagged |= entry.flags & Flags::FLAGGED != 0;
            brief.attachments |= entry.attachments > 0;
            shown.push((Reverse(entry.received), brief.messages, entry));
        }
        shown.sort_unstable_by_key(|(received, place, _)| (*received, *place));
        if let Some((Reverse(newest), _, first)) = shown.first() {
            (brief.newest, brief.subject, brief.badge) = (*newest, first.subject, badge_of(first.badge));
        }
        let mut known = 0;
        for (_, _, entry) in &shown {
            if brief.people.contains(&entry.from) {
                continue;
            }
            let Some(slot) = brief.people.get_mut(known) else { break };
            *slot = entry.from;
            known += 1;
        }
        if let Some(slot) = self.threads.table.get_mut(thread) {
            *slot = brief;
        }
        if let Some(body) = self.threads.bodies.get_mut(thread as usize) {
            body.stale = false;
        }
    }
}
