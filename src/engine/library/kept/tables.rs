//! The tables of a kept list read into their places, by two threads: first what lists show, then the rest.

use std::sync::{Mutex, PoisonError};

use super::columns::Target;
use super::{BEFORE, Contents, SECTIONS};
use crate::app::thread_list::{Brief, SHARE, TextShare};
use crate::engine::library::entry::{Entry, NONE};
use crate::engine::library::threads::{Body, Place};
use crate::store::cache::KeptList;

/// The tables in order: how many rows of each make a part, how many rows there are, and the first part.
fn sections(contents: &Contents) -> [(usize, usize, usize); SECTIONS.len()] {
    let mut first = BEFORE;
    let mut counts = contents.counts.into_iter();
    SECTIONS.map(|(_, by)| {
        let (rows, part) = (counts.next().unwrap_or_default() as usize, first);
        first += rows.div_ceil(by);
        (by, rows, part)
    })
}

/// Reads parts into their places.
fn fill(list: &KeptList, targets: Vec<(usize, Target<'_>)>) -> Option<()> {
    let few = targets.len() < 2;
    let waiting = Mutex::new(targets.into_iter());
    let work = || -> Option<()> {
        let mut reader = list.reader();
        loop {
            let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some((at, target)) = next else { return Some(()) };
            target.fill(reader.part(at)?)?;
        }
    };
    if few {
        return work();
    }
    // Opening, unpacking and filling in is work for the processor alone.
    let (here, there) = std::thread::scope(|scope| {
        let there = scope.spawn(work);
        (work(), there.join().ok().flatten())
    });
    here.and(there)
}

/// What lists show.
pub(super) struct Seen {
    pub(super) texts: Vec<TextShare>,
    pub(super) briefs: Vec<Vec<Brief>>,
    pub(super) order: Vec<u32>,
}

impl Seen {
    pub(super) fn read(list: &KeptList, contents: &Contents) -> Option<Self> {
        let [.., texts, briefs, _, _, order] = sections(contents);
        let shares = |(_, rows, _): (usize, usize, usize)| rows.div_ceil(SHARE);
        let mut seen = Self {
            texts: vec![TextShare::default(); shares(texts)],
            briefs: vec![Vec::new(); shares(briefs)],
            order: vec![0; order.1],
        };
        let left = |at: usize, by: usize, all: usize| all.saturating_sub(at * by).min(by);
        let mut targets: Vec<(usize, Target<'_>)> = Vec::new();
        let (by, rows, first) = texts;
        let parts = seen.texts.chunks_mut(by / SHARE).enumerate();
        targets.extend(parts.map(|(at, part)| (first + at, Target::Texts(part, left(at, by, rows)))));
        let (by, rows, first) = briefs;
        let parts = seen.briefs.chunks_mut(by / SHARE).enumerate();
        targets.extend(parts.map(|(at, part)| (first + at, Target::Briefs(part, left(at, by, rows)))));
        let (by, _, first) = order;
        targets.extend((first..).zip(seen.order.chunks_mut(by).map(Target::Numbers)));
        fill(list, targets)?;
        Some(seen)
    }
}

/// All else.
pub(super) struct Rest {
    pub(super) entries: Vec<Entry>,
    pub(super) lists: Vec<u32>,
    pub(super) digests: Vec<u64>,
    pub(super) leads: Vec<u32>,
    pub(super) bodies: Vec<Body>,
    pub(super) nodes: Vec<Place>,
}

impl Rest {
    pub(super) fn read(list: &KeptList, contents: &Contents) -> Option<Self> {
        let [entries, lists, digests, leads, _, _, bodies, nodes, _] = sections(contents);
        let nowhere = Body { start: 0, length: 0, ring: NONE, base: NONE, mixed: false, stale: false };
        let mut rest = Self {
            entries: vec![Entry::default(); entries.1],
            lists: vec![0; lists.1],
            digests: vec![0; digests.1],
            leads: vec![0; leads.1],
            bodies: vec![nowhere; bodies.1],
            nodes: vec![Place::default(); nodes.1],
        };
        let mut targets: Vec<(usize, Target<'_>)> = Vec::new();
        targets.extend((entries.2..).zip(rest.entries.chunks_mut(entries.0).map(Target::Entries)));
        targets.extend((lists.2..).zip(rest.lists.chunks_mut(lists.0).map(Target::Numbers)));
        targets.extend((digests.2..).zip(rest.digests.chunks_mut(digests.0).map(Target::Digests)));
        targets.extend((leads.2..).zip(rest.leads.chunks_mut(leads.0).map(Target::Numbers)));
        targets.extend((bodies.2..).zip(rest.bodies.chunks_mut(bodies.0).map(Target::Bodies)));
        targets.extend((nodes.2..).zip(rest.nodes.chunks_mut(nodes.0).map(Target::Nodes)));
        fill(list, targets)?;
        Some(rest)
    }
}
