//! What cases are called: as they are written down, or by the subjects of their newest messages where nobody has given them a title.

use std::collections::HashMap;

use super::Library;
use crate::case::{self, Identifier};
use crate::mail::id::CaseId;
use crate::mail::safe::SafeText;

/// Subjects that are looked at to make up the title of a case that nobody configured.
const TITLE_SUBJECTS: usize = 32;

impl Library {
    /// The titles of a thread's cases may be others now.
    pub(super) fn forget_title(&mut self, thread: u32) {
        let list = self.threads.table.get(thread).map_or(0, |brief| brief.cases);
        for case in self.case_lists.get(list as usize).into_iter().flat_map(|list| list.iter()) {
            if !self.untitled.contains(case) {
                self.untitled.insert(case.clone());
            }
        }
    }

    /// Titles of cases that nobody configured, from the subjects of their newest messages.
    pub(super) fn make_titles(&mut self) {
        let mut untitled: Vec<CaseId> = std::mem::take(&mut self.untitled).into_iter().collect();
        untitled.retain(|case| self.book.configured(case).is_none_or(|known| known.title.is_empty()));
        if untitled.is_empty() {
            return;
        }
        let numbers: HashMap<&CaseId, usize> = untitled.iter().enumerate().map(|(at, case)| (case, at)).collect();
        let wanted: Vec<Vec<usize>> = self
            .case_lists
            .iter()
            .map(|cases| cases.iter().filter_map(|case| numbers.get(case).copied()).collect())
            .collect();
        let mut subjects: Vec<Vec<u32>> = vec![Vec::new(); untitled.len()];
        for &thread in &self.threads.order {
            let Some(brief) = self.threads.table.get(thread) else { continue };
            for &case in wanted.get(brief.cases as usize).map(Vec::as_slice).unwrap_or_default() {
                let Some(of_case) = subjects.get_mut(case) else { continue };
                for (_, entry) in self.places(thread) {
                    if of_case.len() >= TITLE_SUBJECTS {
                        break;
                    }
                    // Answers repeat the subject: what has been seen says nothing more about the name.
                    if let Some(entry) = entry.filter(|entry| !of_case.contains(&entry.subject)) {
                        of_case.push(entry.subject);
                    }
                }
            }
        }
        for (case, subjects) in untitled.into_iter().zip(subjects) {
            let identifier = self.book.patterns.read(&case.0);
            let title = case::title::derive(&identifier, subjects.iter().map(|number| self.texts.value(*number)));
            match title {
                Some(title) => drop(self.titles.insert(case, SafeText::line(&title))),
                None => drop(self.titles.remove(&case)),
            }
        }
    }

    /// Title and identifiers of a case, the one it is known by first.
    pub(crate) fn case_words(&self, id: &CaseId) -> (SafeText, Vec<Identifier>) {
        let identifiers = match self.book.configured(id) {
            Some(case) if !case.identifiers.is_empty() => case.identifiers.clone(),
            _ => vec![self.book.patterns.read(&id.0)],
        };
        let configured = self.book.configured(id).map(|case| case.title.as_str()).filter(|title| !title.is_empty());
        let title = match (configured, self.titles.get(id)) {
            (Some(title), _) => SafeText::line(title),
            (None, Some(title)) => title.clone(),
            (None, None) => SafeText::line(&id.0),
        };
        (title, identifiers)
    }
}
