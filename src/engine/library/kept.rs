//! The index as parts that are kept ([`crate::store::cache::ListWriter`]) and read back, column by column, without an allocation per row.
//!
//! The first part says what there is of everything, what the cache's pages said (their generations) and by which rules messages were filed; the second
//! has the people; each of the others a stretch of one table, and the last is what is shown first ([`super::head`]). They are read by two threads
//! straight into their places: before all else the tables that lists show ([`Shown`]), a sixth of the whole. Nothing in them is believed: every number is
//! looked up, none is an index, so that a wrong one costs a row its text and never more.

mod columns;
mod tables;

use std::collections::HashSet;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use self::columns::{put, put_bodies, put_briefs, put_entries, put_texts};
use self::tables::{Rest, Seen};
use super::Library;
use super::completion::Person;
use super::entry::{Entry, Interned, key_digest, mark};
use super::filing::Book;
use super::head::Outside;
use super::lookup::Lookup;
use super::shown::Shown;
use crate::app::thread_list::{SHARE, Shared, Texts};
use crate::case::Filing;
use crate::mail::id::{CaseId, MailboxId, ThreadId};
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
    /// [`Library::version`] has become another one in between.
    pub(crate) fn kept_part(&self, at: usize, outside: Outside) -> Option<Vec<u8>> {
        if at == 0 {
            return postcard::to_allocvec(&self.contents()).ok();
        }
        if at == 1 {
            return postcard::to_allocvec(&self.people.all()).ok();
        }
        let stretches = plan(&self.section_counts());
        if at == stretches.len() + BEFORE {
            return self.head_part(outside);
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
    #[cfg(test)]
    pub(crate) fn from_kept(book: Book, list: &KeptList) -> Option<Self> {
        let kept = Kept::open(list)?;
        let shown = kept.shown()?;
        kept.library(book, shown)
    }

    /// Takes the tables, and finds its way about in them.
    fn fill(&mut self, rest: Rest, shown: Shown) -> Option<()> {
        let Rest { entries, lists, digests, leads, bodies, nodes } = rest;
        let Shown { threads, texts, order, cases } = shown;
        let gone = |entry: &Entry| entry.is(mark::GONE);
        self.free = (0_u32..).zip(&entries).filter(|(_, entry)| gone(entry)).map(|(at, _)| at).collect();
        self.threads.free = (0_u32..).zip(&bodies).filter(|(_, body)| body.length == 0).map(|(at, _)| at).collect();
        self.entries = entries;
        (self.lists.0, self.names.digests, self.names.threads) = (lists, digests, leads);
        (self.threads.table, self.threads.bodies) = (threads, bodies);
        (self.threads.nodes, self.threads.order) = (nodes, order);
        self.case_lists = cases;
        if self.names.digests.len() != self.names.threads.len() || self.threads.table.len() != self.threads.bodies.len()
        {
            return None;
        }
        let (entries, names) = (&self.entries, &mut self.names);
        let digest_of = |at: u32| entries.get(at as usize).map_or(0, |entry| key_digest(entry.key));
        (self.keys, self.texts) = std::thread::scope(|scope| {
            let index = scope.spawn(|| names.index());
            let texts = Interned::of(texts);
            let mut keys = Lookup::with_capacity(entries.len());
            for (at, entry) in (0_u32..).zip(entries).filter(|(_, entry)| !gone(entry)) {
                keys.insert(key_digest(entry.key), at, digest_of);
            }
            index.join().ok().map(|()| (keys, texts))
        })?;
        Some(())
    }
}

/// A kept list that is being read: what lists show of it, then the rest.
pub(crate) struct Kept<'a> {
    list: &'a KeptList,
    contents: Contents,
}

impl<'a> Kept<'a> {
    /// Begins to read; nothing where it is not what was written.
    pub(crate) fn open(list: &'a KeptList) -> Option<Self> {
        let contents: Contents = postcard::from_bytes(&list.part(0)?).ok()?;
        let sizes_fit = contents.counts.iter().all(|count| *count <= ROWS_MAX);
        let fits = contents.form == FORM && sizes_fit && fits(plan(&contents.counts).len(), list.len());
        (fits && !contents.cases.is_empty()).then_some(Self { list, contents })
    }

    /// What lists show.
    pub(crate) fn shown(&self) -> Option<Shown> {
        let Seen { texts, briefs, order } = Seen::read(self.list, &self.contents)?;
        let cases = self.contents.cases.iter().map(|cases| cases.as_slice().into()).collect::<Vec<_>>();
        let (threads, texts) = (Shared::from_shares(briefs), Texts::from_shares(texts)?);
        Some(Shown { threads, texts, order, cases: cases.into() })
    }

    /// The whole index, with what was read of it before.
    pub(crate) fn library(self, book: Book, shown: Shown) -> Option<Library> {
        let rest = Rest::read(self.list, &self.contents)?;
        let people: Vec<Person> = postcard::from_bytes(&self.list.part(1)?).ok()?;
        let contents = self.contents;
        let mut library = Library::new(book);
        library.people.set(people);
        library.mailboxes = contents.mailboxes.into_iter().map(|(id, known)| (id, Mailbox { id, ..known })).collect();
        // Before there is an entry whose place would change by it.
        library.assign_roles();
        library.fill(rest, shown)?;
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
        library.case_numbers = (0..).zip(contents.cases).map(|(number, cases)| (cases, number)).collect();
        library.titles = contents.titles.into_iter().collect();
        Some(library)
    }
}

#[cfg(test)]
mod tests;
