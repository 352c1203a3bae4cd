//! What is in no case, and what could be in several: a list that is emptied with one key a row.

use std::collections::HashSet;

use super::Freshness;
use crate::app::case_view::TriageRow;
use crate::app::list::{List, Row};
use crate::mail::id::MessageRef;
use crate::mail::safe::SafeText;

impl Row for TriageRow {
    /// The newest message of the row.
    type Id = Option<MessageRef>;

    fn id(&self) -> Option<MessageRef> {
        self.messages.first().cloned()
    }

    fn texts(&self) -> impl Iterator<Item = &SafeText> {
        [&self.from, &self.address, &self.subject].into_iter().chain(self.suggestions.iter().map(|one| &one.title))
    }
}

/// The list.
#[derive(Debug, Default)]
pub struct Triage {
    /// Its rows: what casemail is in doubt about first, then what has a suggestion, each the newest first.
    pub list: List<TriageRow>,
    /// Whether they are up to date.
    pub fresh: Freshness,
    /// Rows that are marked for what is done next.
    pub marked: HashSet<MessageRef>,
    /// What was filed here, a step each, the newest last.
    pub done: Vec<Vec<TriageRow>>,
}

impl Triage {
    /// The rows that something is done to: those that are marked, else the one at the cursor.
    #[must_use]
    pub fn meant(&self) -> Vec<TriageRow> {
        if self.marked.is_empty() {
            return self.list.selected().cloned().into_iter().collect();
        }
        let is_marked = |row: &&TriageRow| row.messages.first().is_some_and(|id| self.marked.contains(id));
        self.list.all().iter().filter(is_marked).cloned().collect()
    }

    /// The shown rows that are like the one at the cursor, itself among them.
    #[must_use]
    pub fn alike(&self) -> Vec<TriageRow> {
        let Some(here) = self.list.selected() else { return Vec::new() };
        self.list.iter().filter(|row| row.is_like(here)).cloned().collect()
    }

    /// The shown rows that nothing speaks against.
    #[must_use]
    pub fn clear(&self) -> Vec<TriageRow> {
        self.list.iter().filter(|row| row.is_clear()).cloned().collect()
    }

    /// Marks these rows and no others.
    pub fn mark(&mut self, rows: &[TriageRow]) {
        self.marked = rows.iter().filter_map(|row| row.messages.first().cloned()).collect();
    }

    /// Marks every shown row of the sender at the cursor, or takes these marks off; gives how many rows are marked then.
    pub fn mark_sender(&mut self) -> usize {
        let Some(address) = self.list.selected().map(|row| row.address.clone()) else { return self.marked.len() };
        let same = |row: &&TriageRow| row.address == address;
        let ids: Vec<MessageRef> =
            self.list.iter().filter(same).filter_map(|row| row.messages.first().cloned()).collect();
        if ids.iter().all(|id| self.marked.contains(id)) {
            self.marked.retain(|id| !ids.contains(id));
        } else {
            self.marked.extend(ids);
        }
        self.marked.len()
    }

    /// Takes rows off before the stores have done so, as one step that can be taken back.
    pub fn hide(&mut self, rows: Vec<TriageRow>) {
        let ids: Vec<Option<MessageRef>> = rows.iter().map(Row::id).collect();
        self.list.hide_all(&ids);
        self.marked.clear();
        self.done.push(rows);
    }
}
