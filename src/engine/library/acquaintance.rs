//! Whom the user has written to, and in which cases: what the guard goes by. Only sent mail counts.

use std::collections::BTreeSet;

use super::Library;
use crate::case::guard::{History, Known};
use crate::case::{Class, Classes};
use crate::mail::id::{CaseId, MessageKey};
use crate::store::mailbox::SpecialUse;

impl Library {
    /// Everybody written to; for each, in which of `cases`.
    pub(crate) fn history(&self, cases: &BTreeSet<CaseId>, classes: &Classes) -> History {
        let mut history = History::default();
        for (address, written) in self.people.written() {
            let known = history.0.entry(classes.canonical(address)).or_default();
            known.written = known.written.saturating_add(written);
            known.by_cjsm |= classes.class(address) == Class::Cjsm;
        }
        let wanted: Vec<Vec<&CaseId>> =
            self.case_lists.iter().map(|list| list.iter().filter(|case| cases.contains(*case)).collect()).collect();
        for &thread in &self.threads.order {
            let of_thread = self.threads.table.get(thread).map_or(0, |brief| brief.cases);
            if wanted.get(of_thread as usize).is_none_or(Vec::is_empty) {
                continue;
            }
            for (_, entry) in self.places(thread) {
                let Some(entry) = entry else { continue };
                let listed = self.lists.at(entry.lists);
                let mut people = listed.people.iter().map(|number| self.texts.value(*number));
                let from = people.next().unwrap_or_default();
                let sent = self.book.owns(from) || self.special_use(entry.key.mailbox) == Some(SpecialUse::Sent);
                let of_entry = wanted.get(self.filings.cases(entry.filing) as usize);
                let Some(of_entry) = of_entry.filter(|of_entry| sent && !of_entry.is_empty()) else { continue };
                for address in people {
                    let known: &mut Known = history.0.entry(classes.canonical(address)).or_default();
                    known.written = known.written.max(1);
                    known.by_cjsm |= classes.class(address) == Class::Cjsm;
                    known.cases.extend(of_entry.iter().map(|case| (*case).clone()));
                }
            }
        }
        history
    }

    /// Who wrote and received a message, as written; the author first.
    pub(crate) fn people_of(&self, key: MessageKey) -> Vec<String> {
        let Some(entry) = self.entry_of(key) else { return Vec::new() };
        self.lists.at(entry.lists).people.iter().map(|number| self.texts.value(*number).to_owned()).collect()
    }
}
