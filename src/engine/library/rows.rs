//! Snapshots of the index as the screens and the command line show them. Texts are made safe here.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Library;
use super::entry::{Entry, badge_of, mark};
use super::shown::wanted;
use crate::app::thread_list::{Brief, PEOPLE_MAX, Table, ThreadList};
use crate::app::view::{CaseRow, MessageRow, Scope, ThreadRow, ThreadView};
use crate::case::Case;
use crate::mail::address::Address;
use crate::mail::id::{CaseId, MessageKey, ThreadId};
use crate::mail::safe::SafeText;
use crate::store::flags::Flags;
use crate::store::mailbox::SpecialUse;

fn time(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap_or_default()
}

fn is_unread(entry: &Entry) -> bool {
    entry.flags & Flags::SEEN == 0
}

/// Messages, unread ones, and the newest of a case.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Count {
    messages: usize,
    unread: usize,
    pub(super) newest: Option<i64>,
}

/// What the list of cases counts.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Counts {
    all: Count,
    unfiled: Count,
    /// Those with messages.
    pub(super) cases: BTreeMap<CaseId, Count>,
}

impl Count {
    fn add(&mut self, other: Self) {
        self.messages = self.messages.saturating_add(other.messages);
        self.unread = self.unread.saturating_add(other.unread);
        self.newest = self.newest.max(other.newest);
    }
}

impl From<&Entry> for Count {
    fn from(entry: &Entry) -> Self {
        Self { messages: 1, unread: usize::from(is_unread(entry)), newest: Some(entry.received) }
    }
}

impl From<&Brief> for Count {
    fn from(brief: &Brief) -> Self {
        let newest = (brief.messages > 0).then_some(brief.newest);
        Self { messages: brief.messages as usize, unread: brief.unread as usize, newest }
    }
}

/// Names by which a case may be looked for.
fn people(record: &Case) -> Vec<SafeText> {
    let accused = record.accused.iter().map(|one| &one.name);
    let parties = record.parties.iter().flat_map(|one| [&one.name, &one.organisation]);
    accused.chain(parties).filter(|name| !name.is_empty()).map(|name| SafeText::line(name)).collect()
}

fn next_hearing(record: &Case, now: Timestamp) -> Option<Timestamp> {
    record.next_hearing(now)?.at.start().ok().map(|start| start.timestamp())
}

impl Library {
    /// Messages of a case and unread ones of them.
    pub(crate) fn case_counts(&mut self, id: &CaseId) -> (usize, usize) {
        let rows = self.case_rows(Timestamp::UNIX_EPOCH);
        let row = rows.iter().find(|row| matches!(&row.scope, Scope::Case(known) if known == id));
        row.map_or((0, 0), |row| (row.messages, row.unread))
    }

    pub(super) fn text_at(&self, entry: &Entry) -> SafeText {
        SafeText::line(self.texts.value(entry.subject))
    }

    pub(super) fn author(&self, entry: &Entry) -> SafeText {
        SafeText::line(self.texts.value(entry.from))
    }

    pub(super) fn is_mixed(&self, thread: u32) -> bool {
        self.threads.bodies.get(thread as usize).is_some_and(|body| body.mixed)
    }

    /// The list of cases: all mail, unfiled mail, then the cases with the newest mail first, then configured ones without mail.
    pub(crate) fn case_rows(&mut self, now: Timestamp) -> Vec<CaseRow> {
        self.freshen();
        self.make_titles();
        self.rows_of_cases(&self.count_cases(), now)
    }

    /// How much is in each case. Make everything fresh before.
    pub(super) fn count_cases(&self) -> Counts {
        let mut by_list = vec![Count::default(); self.case_lists.len()];
        for &thread in &self.threads.order {
            let Some(brief) = self.threads.table.get(thread) else { continue };
            let mut add = |list: u32, count: Count| {
                if let Some(known) = by_list.get_mut(list as usize) {
                    known.add(count);
                }
            };
            if self.is_mixed(thread) {
                for entry in self.places(thread).filter_map(|(_, entry)| entry).filter(|entry| self.is_shown(entry)) {
                    add(self.filings.cases(entry.filing), entry.into());
                }
            } else {
                add(brief.cases, brief.into());
            }
        }
        let mut counts = Counts::default();
        for (cases, count) in self.case_lists.iter().zip(by_list).filter(|(_, count)| count.messages > 0) {
            counts.all.add(count);
            if cases.is_empty() {
                counts.unfiled.add(count);
            }
            for case in cases.iter() {
                counts.cases.entry(case.clone()).or_default().add(count);
            }
        }
        counts
    }

    /// The list of cases by what it counts; those that are written down stand in it without mail, too.
    pub(super) fn rows_of_cases(&self, counts: &Counts, now: Timestamp) -> Vec<CaseRow> {
        let mut all: BTreeMap<CaseId, Count> =
            self.book.cases().iter().map(|case| (case.id.clone(), Count::default())).collect();
        all.extend(counts.cases.iter().map(|(case, count)| (case.clone(), *count)));
        let row = |scope: Scope, title: SafeText, identifiers: Vec<SafeText>, count: Count| CaseRow {
            scope,
            title,
            identifiers,
            messages: count.messages,
            unread: count.unread,
            last_date: count.newest.map(time),
            ..CaseRow::all()
        };
        let mut cases: Vec<CaseRow> = all
            .into_iter()
            .map(|(id, count)| {
                let (title, identifiers) = self.case_words(&id);
                let identifiers = identifiers.iter().map(|identifier| SafeText::line(&identifier.value)).collect();
                let record = self.book.configured(&id).and_then(|case| case.record.as_deref());
                let bare = row(Scope::Case(id), title, identifiers, count);
                match record {
                    None => bare,
                    Some(record) => CaseRow {
                        people: people(record),
                        state: record.state.name(),
                        next_hearing: next_hearing(record, now),
                        ..bare
                    },
                }
            })
            .collect();
        cases.sort_by(|a, b| b.last_date.cmp(&a.last_date).then_with(|| a.title.cmp(&b.title)));
        let mut rows = vec![
            row(Scope::All, SafeText::from("All mail"), Vec::new(), counts.all),
            row(Scope::Unfiled, SafeText::from("Unfiled"), Vec::new(), counts.unfiled),
        ];
        rows.append(&mut cases);
        rows
    }

    /// Whether a thread is to be looked at among the unfiled: some message of it is in no case.
    pub(super) fn has_unfiled(&self, thread: u32, brief: &Brief) -> bool {
        let is_none = |list: u32| self.case_lists.get(list as usize).is_some_and(|cases| cases.is_empty());
        is_none(brief.cases)
            || self.is_mixed(thread)
                && self
                    .places(thread)
                    .filter_map(|(_, entry)| entry)
                    .any(|entry| self.is_shown(entry) && is_none(self.filings.cases(entry.filing)))
    }

    /// The threads of a scope, newest first: a view of the table as it is now.
    pub(crate) fn thread_list(&mut self, scope: &Scope) -> ThreadList {
        self.freshen();
        if let Scope::Mailbox { account, mailbox } = scope {
            return self.mailbox_list(account, mailbox, scope);
        }
        let wanted = wanted(&self.case_lists, scope);
        let is_in = |list: u32| wanted.get(list as usize).copied().unwrap_or_default();
        let in_scope = |thread: u32| {
            let Some(brief) = self.threads.table.get(thread).filter(|brief| brief.messages > 0) else { return false };
            if *scope == Scope::Unfiled { self.has_unfiled(thread, brief) } else { is_in(brief.cases) }
        };
        let order = self.threads.order.iter().copied().filter(|thread| in_scope(*thread)).collect();
        ThreadList::Table(Arc::new(Table {
            order,
            threads: self.threads.table.clone(),
            texts: self.texts.texts.clone(),
            cases: Arc::clone(&self.case_lists),
            behind: 0,
        }))
    }

    /// The threads with a message in a mailbox. Of Trash and Junk there are rows of their own, because no other list counts what is there.
    fn mailbox_list(&self, account: &str, mailbox: &str, scope: &Scope) -> ThreadList {
        let threads = self.threads_in(account, mailbox);
        let role = self.mailbox_named(account, mailbox).and_then(|m| self.role(m));
        if matches!(role, Some(SpecialUse::Trash | SpecialUse::Junk)) {
            let mut rows: Vec<ThreadRow> =
                threads.into_iter().filter_map(|thread| self.thread_row(thread, scope)).collect();
            rows.sort_by_key(|row| std::cmp::Reverse((row.last_date, row.id)));
            return rows.into();
        }
        let order = self.threads.order.iter().copied().filter(|thread| threads.contains(thread)).collect();
        ThreadList::Table(Arc::new(Table {
            order,
            threads: self.threads.table.clone(),
            texts: self.texts.texts.clone(),
            cases: Arc::clone(&self.case_lists),
            behind: 0,
        }))
    }

    fn thread_row(&self, thread: u32, scope: &Scope) -> Option<ThreadRow> {
        let brief = self.threads.table.get(thread)?;
        let mut entries: Vec<&Entry> =
            self.places(thread).filter_map(|(_, entry)| entry).filter(|entry| self.is_shown_in(entry, scope)).collect();
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.received));
        let newest = *entries.first()?;
        let mut authors: Vec<u32> = Vec::new();
        for entry in &entries {
            if authors.len() < PEOPLE_MAX && !authors.contains(&entry.from) {
                authors.push(entry.from);
            }
        }
        let cases = self.case_lists.get(brief.cases as usize).map(|cases| cases.to_vec()).unwrap_or_default();
        Some(ThreadRow {
            id: brief.id,
            subject: self.text_at(newest),
            participants: authors.into_iter().map(|number| SafeText::line(self.texts.value(number))).collect(),
            messages: entries.len(),
            unread: entries.iter().filter(|entry| is_unread(entry)).count(),
            flagged: entries.iter().any(|entry| entry.flags & Flags::FLAGGED != 0),
            attachments: entries.iter().any(|entry| entry.attachments > 0),
            last_date: time(newest.received),
            openpgp: badge_of(newest.badge),
            cases,
        })
    }

    /// A thread with its tree, as it is shown within a scope.
    pub(crate) fn thread_view(&self, id: ThreadId, scope: &Scope) -> Option<ThreadView> {
        let thread = self.thread(id)?;
        let mut cases: Vec<(CaseId, SafeText)> = Vec::new();
        let mut messages = Vec::new();
        let mut subject = None;
        for (place, entry) in self.places(thread) {
            let Some(entry) = entry.filter(|entry| self.is_shown_in(entry, scope)) else { continue };
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
                flagged: entry.flags & Flags::FLAGGED != 0,
                answered: entry.flags & Flags::ANSWERED != 0,
                attachments: usize::from(entry.attachments),
                openpgp: badge_of(entry.badge),
                here: entry.is(mark::HERE),
                pending: entry.is(mark::PENDING),
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
                entry.filter(|entry| self.is_shown(entry)).map(|entry| (usize::from(place.depth), entry.key))
            })
            .collect()
    }

    /// Whether a message belongs to a scope.
    pub(crate) fn is_in_scope(&self, key: MessageKey, scope: &Scope) -> bool {
        match scope {
            Scope::All => true,
            Scope::Unfiled => self.cases_of(key).is_empty(),
            Scope::Case(id) => self.cases_of(key).iter().any(|(case, _)| case == id),
            Scope::Mailbox { account, mailbox } => {
                self.shown_in(key) == Some(mailbox) && self.mailbox(key.mailbox).is_some_and(|m| m.account == *account)
            }
        }
    }

    /// All messages, newest first.
    pub(crate) fn keys_by_date(&self) -> Vec<MessageKey> {
        let mut keys: Vec<(i64, MessageKey)> = self.all().map(|entry| (entry.received, entry.key)).collect();
        keys.sort_unstable_by(|a, b| b.cmp(a));
        keys.into_iter().map(|(_, key)| key).collect()
    }

    /// Addresses that complete what was typed, best first.
    pub(crate) fn complete(&self, typed: &str, most: usize) -> Vec<Address> {
        self.people.complete(typed, most)
    }
}
