//! Snapshots of the index as the screens and the command line show them. Texts are made safe here.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::entry::Entry;
use super::{Library, Thread};
use crate::app::view::{CaseRow, MessageRow, Scope, ThreadRow, ThreadView};
use crate::mail::address::Address;
use crate::mail::id::{CaseId, MessageKey, ThreadId};
use crate::mail::safe::SafeText;
use crate::store::flags::Flags;

/// Names shown of those who wrote in a thread.
const PARTICIPANTS_MAX: usize = 4;

fn time(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap_or_default()
}

fn is_shown(entry: &Entry) -> bool {
    entry.marks.flags & Flags::DELETED == 0
}

fn is_unread(entry: &Entry) -> bool {
    entry.marks.flags & Flags::SEEN == 0
}

/// Messages, unread ones, and the newest of a case.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    messages: usize,
    unread: usize,
    newest: Option<i64>,
}

impl Count {
    fn add(&mut self, entry: &Entry) {
        self.messages = self.messages.saturating_add(1);
        self.unread = self.unread.saturating_add(usize::from(is_unread(entry)));
        self.newest = self.newest.max(Some(entry.received));
    }
}

impl Library {
    fn text_at(&self, entry: &Entry) -> SafeText {
        SafeText::line(std::str::from_utf8(self.text.at(entry.subject)).unwrap_or_default())
    }

    fn author(&self, entry: &Entry) -> SafeText {
        SafeText::line(self.authors.value(entry.from).unwrap_or_default())
    }

    /// The list of cases: all mail, unfiled mail, then the cases with the newest mail first, then configured ones without mail.
    pub(crate) fn case_rows(&self) -> Vec<CaseRow> {
        let mut counts: BTreeMap<CaseId, Count> =
            self.book.cases().iter().map(|case| (case.id.clone(), Count::default())).collect();
        let (mut all, mut unfiled) = (Count::default(), Count::default());
        for thread in &self.threads.list {
            for (place, entry) in self.places(thread) {
                let (Some(at), Some(entry)) = (place.entry, entry.filter(|entry| is_shown(entry))) else { continue };
                all.add(entry);
                let cases = self.filing(at).map(|filing| filing.cases.as_slice()).unwrap_or_default();
                if cases.is_empty() {
                    unfiled.add(entry);
                }
                for filed in cases {
                    match counts.get_mut(&filed.case) {
                        Some(count) => count.add(entry),
                        None => counts.entry(filed.case.clone()).or_default().add(entry),
                    }
                }
            }
        }
        let row = |scope: Scope, title: SafeText, identifiers: Vec<SafeText>, count: Count| CaseRow {
            scope,
            title,
            identifiers,
            messages: count.messages,
            unread: count.unread,
            last_date: count.newest.map(time),
        };
        let mut cases: Vec<CaseRow> = counts
            .into_iter()
            .map(|(id, count)| {
                let (title, identifiers) = self.case_words(&id);
                let identifiers = identifiers.iter().map(|identifier| SafeText::line(&identifier.value)).collect();
                row(Scope::Case(id), title, identifiers, count)
            })
            .collect();
        cases.sort_by(|a, b| b.last_date.cmp(&a.last_date).then_with(|| a.title.cmp(&b.title)));
        let mut rows = vec![
            row(Scope::All, SafeText::from("All mail"), Vec::new(), all),
            row(Scope::Unfiled, SafeText::from("Unfiled"), Vec::new(), unfiled),
        ];
        rows.append(&mut cases);
        rows
    }

    fn in_scope(&self, thread: &Thread, scope: &Scope) -> bool {
        match scope {
            Scope::All => true,
            // A thread with some message in no case is to be looked at there too.
            Scope::Unfiled => self.places(thread).any(|(place, entry)| {
                entry.is_some_and(is_shown)
                    && place.entry.is_some_and(|at| self.filing(at).is_none_or(|filing| filing.cases.is_empty()))
            }),
            Scope::Case(id) => thread.cases.contains(id),
        }
    }

    /// The threads of a scope, newest first.
    pub(crate) fn thread_rows(&self, scope: &Scope) -> Vec<ThreadRow> {
        self.threads
            .list
            .iter()
            .filter(|thread| self.in_scope(thread, scope))
            .filter_map(|thread| self.thread_row(thread))
            .collect()
    }

    fn thread_row(&self, thread: &Thread) -> Option<ThreadRow> {
        let mut entries: Vec<&Entry> =
            self.places(thread).filter_map(|(_, entry)| entry).filter(|entry| is_shown(entry)).collect();
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.received));
        let newest = *entries.first()?;
        let mut authors: Vec<u32> = Vec::new();
        for entry in &entries {
            if authors.len() < PARTICIPANTS_MAX && !authors.contains(&entry.from) {
                authors.push(entry.from);
            }
        }
        let participants =
            authors.into_iter().map(|number| SafeText::line(self.authors.value(number).unwrap_or_default())).collect();
        Some(ThreadRow {
            id: thread.id,
            subject: self.text_at(newest),
            participants,
            messages: entries.len(),
            unread: entries.iter().filter(|entry| is_unread(entry)).count(),
            flagged: entries.iter().any(|entry| entry.marks.flags & Flags::FLAGGED != 0),
            attachments: entries.iter().any(|entry| entry.attachments > 0),
            last_date: time(newest.received),
            openpgp: newest.badge,
            cases: thread.cases.clone(),
        })
    }

    /// A thread with its tree.
    pub(crate) fn thread_view(&self, id: ThreadId) -> Option<ThreadView> {
        let thread = self.thread(id)?;
        let mut cases: Vec<(CaseId, SafeText)> = Vec::new();
        let mut messages = Vec::new();
        let mut subject = None;
        for (place, entry) in self.places(thread) {
            let Some(entry) = entry.filter(|entry| is_shown(entry)) else { continue };
            let Some(id) = self.name(entry.key) else { continue };
            let cleaned = self.text_at(entry);
            subject.get_or_insert_with(|| cleaned.clone());
            for (case, why) in self.cases_of(entry.key) {
                if !cases.iter().any(|(known, _)| *known == case) {
                    cases.push((case, SafeText::line(&why)));
                }
            }
            messages.push(MessageRow {
                id,
                depth: usize::from(place.depth),
                from: self.author(entry),
                subject: cleaned,
                received: time(entry.received),
                seen: !is_unread(entry),
                flagged: entry.marks.flags & Flags::FLAGGED != 0,
                answered: entry.marks.flags & Flags::ANSWERED != 0,
                attachments: usize::from(entry.attachments),
                openpgp: entry.badge,
                here: entry.marks.here,
                pending: entry.marks.pending,
            });
        }
        // A root that is not here leaves its answers one step in.
        let least = messages.iter().map(|row| row.depth).min().unwrap_or(0);
        for row in &mut messages {
            row.depth = row.depth.saturating_sub(least);
        }
        Some(ThreadView { id, subject: subject?, cases, messages })
    }

    /// The tree of a thread: depth and message, for documents.
    pub(crate) fn thread_tree(&self, id: ThreadId) -> Vec<(usize, MessageKey)> {
        let Some(thread) = self.thread(id) else { return Vec::new() };
        self.places(thread)
            .filter_map(|(place, entry)| {
                entry.filter(|entry| is_shown(entry)).map(|entry| (usize::from(place.depth), entry.key))
            })
            .collect()
    }

    /// Whether a message belongs to a scope.
    pub(crate) fn is_in_scope(&self, key: MessageKey, scope: &Scope) -> bool {
        match scope {
            Scope::All => true,
            Scope::Unfiled => self.cases_of(key).is_empty(),
            Scope::Case(id) => self.cases_of(key).iter().any(|(case, _)| case == id),
        }
    }

    /// All messages, newest first.
    pub(crate) fn keys_by_date(&self) -> Vec<MessageKey> {
        let mut keys: Vec<(i64, MessageKey)> =
            self.entries.iter().flatten().map(|entry| (entry.received, entry.key)).collect();
        keys.sort_unstable_by(|a, b| b.cmp(a));
        keys.into_iter().map(|(_, key)| key).collect()
    }

    /// Addresses that complete what was typed, best first.
    pub(crate) fn complete(&self, typed: &str, most: usize) -> Vec<Address> {
        self.people.complete(typed, most)
    }
}
