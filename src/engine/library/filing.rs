//! Which case a message belongs to, by the identifiers that were found in it and by its thread.
//!
//! Strongest first: an answer belongs where the answered message belongs; an identifier in the subject; one in the first lines of the
//! text; one in the name of an attachment. A message that names several cases is filed to each of them. Never by a name of a person. What
//! was found is kept with the summary in the cache, so that texts need not be read again; which *case* an identifier stands for
//! is decided here, so that a changed configuration takes effect at the next start.

use std::collections::HashMap;

use super::entry::{Found, FoundIn};
use super::{Library, NONE};
use crate::mail::id::CaseId;

/// The configured cases.
#[derive(Clone, Debug, Default)]
pub(crate) struct Book {
    cases: Vec<BookCase>,
    by_identifier: HashMap<String, usize>,
}

/// A configured case.
#[derive(Clone, Debug)]
pub(crate) struct BookCase {
    pub(crate) id: CaseId,
    pub(crate) title: String,
    /// Canonical.
    pub(crate) identifiers: Vec<String>,
}

impl Book {
    /// A book of these cases; where two claim an identifier, the first has it.
    pub(crate) fn new(cases: Vec<BookCase>) -> Self {
        let mut by_identifier = HashMap::new();
        for (number, case) in cases.iter().enumerate() {
            for identifier in &case.identifiers {
                by_identifier.entry(identifier.clone()).or_insert(number);
            }
        }
        Self { cases, by_identifier }
    }

    /// The case of an identifier: a configured one, else the one that is called by the identifier.
    fn case(&self, identifier: &str) -> CaseId {
        self.by_identifier
            .get(identifier)
            .and_then(|&number| self.cases.get(number))
            .map_or_else(|| CaseId(identifier.to_owned()), |case| case.id.clone())
    }

    /// The configured case of an id.
    pub(crate) fn configured(&self, id: &CaseId) -> Option<&BookCase> {
        self.cases.iter().find(|case| case.id == *id)
    }

    /// All configured cases.
    pub(crate) fn cases(&self) -> &[BookCase] {
        &self.cases
    }
}

/// What ingest found in a message beside its header fields, as the cache keeps it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Derived {
    /// Digest of what the message says.
    pub(crate) content: u64,
    /// Canonical identifiers of cases.
    pub(crate) identifiers: Vec<(FoundIn, String)>,
}

impl Derived {
    /// As words for the cache.
    pub(crate) fn write(&self) -> Vec<String> {
        let content = format!("c:{:016x}", self.content);
        let words = self.identifiers.iter().map(|(found_in, value)| {
            let mark = match found_in {
                FoundIn::Subject => 's',
                FoundIn::Text => 't',
                FoundIn::AttachmentName => 'a',
            };
            format!("{mark}:{value}")
        });
        std::iter::once(content).chain(words).collect()
    }

    /// From the words of the cache; what is not known is left out.
    pub(crate) fn read(words: &[String]) -> Self {
        let mut derived = Self::default();
        for word in words {
            match word.split_once(':') {
                Some(("c", value)) => derived.content = u64::from_str_radix(value, 16).unwrap_or_default(),
                Some(("s", value)) => derived.identifiers.push((FoundIn::Subject, value.to_owned())),
                Some(("t", value)) => derived.identifiers.push((FoundIn::Text, value.to_owned())),
                Some(("a", value)) => derived.identifiers.push((FoundIn::AttachmentName, value.to_owned())),
                _ => {}
            }
        }
        derived
    }
}

/// Why a message is in a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// An identifier (its number) was found there.
    Named(u32, FoundIn),
    /// The message that it answers is.
    Thread,
}

impl Library {
    /// The reason in words.
    pub(super) fn reason_words(&self, reason: Reason) -> String {
        match reason {
            Reason::Thread => "by the thread it belongs to".to_owned(),
            Reason::Named(number, found_in) => {
                let identifier = self.identifiers.value(number).map_or("", |value| value);
                let place = match found_in {
                    FoundIn::Subject => "in the subject",
                    FoundIn::Text => "in the text",
                    FoundIn::AttachmentName => "in the name of an attachment",
                };
                format!("by {identifier} {place}")
            }
        }
    }

    /// The cases that a message names itself, by its strongest identifiers.
    fn named(&mut self, found: &[Found]) -> Vec<(u32, Reason)> {
        let Some(strongest) = found.iter().map(|(_, found_in)| *found_in).min() else { return Vec::new() };
        let mut cases: Vec<(u32, Reason)> = Vec::new();
        for &(number, found_in) in found.iter().filter(|(_, found_in)| *found_in == strongest) {
            let Some(identifier) = self.identifiers.value(number) else { continue };
            let case = self.cases.number(&self.book.case(identifier));
            if !cases.iter().any(|(known, _)| *known == case) {
                cases.push((case, Reason::Named(number, found_in)));
            }
        }
        cases
    }

    /// Files every message of every thread.
    pub(super) fn file_threads(&mut self) {
        let mut filed: HashMap<u32, Vec<(u32, Reason)>> = HashMap::new();
        for number in 0..self.threads.list.len() {
            let Some(thread) = self.threads.list.get(number) else { continue };
            let nodes = self.threads.nodes.get(thread.start..thread.end).unwrap_or_default().to_vec();
            let mut cases: Vec<u32> = Vec::new();
            // Cases of the ancestors of the node at hand, by depth.
            let mut above: Vec<Vec<u32>> = Vec::new();
            let mut without: Vec<u32> = Vec::new();
            for node in nodes {
                above.truncate(usize::from(node.depth));
                let inherited: Vec<u32> = above.iter().rev().find(|c| !c.is_empty()).cloned().unwrap_or_default();
                let Some(at) = node.entry else {
                    above.push(inherited);
                    continue;
                };
                let found = self.entry(at).map(|entry| self.found.at(entry.found).to_vec()).unwrap_or_default();
                let own = self.named(&found);
                let by_subject = matches!(own.first(), Some((_, Reason::Named(_, FoundIn::Subject))));
                let mut of_message: Vec<(u32, Reason)> = Vec::new();
                if inherited.is_empty() || by_subject {
                    of_message.clone_from(&own);
                }
                for case in inherited {
                    if !of_message.iter().any(|(known, _)| *known == case) {
                        of_message.push((case, Reason::Thread));
                    }
                }
                above.push(of_message.iter().map(|(case, _)| *case).collect());
                for (case, _) in &of_message {
                    if !cases.contains(case) {
                        cases.push(*case);
                    }
                }
                if of_message.is_empty() {
                    without.push(at);
                } else {
                    filed.insert(at, of_message);
                }
            }
            // A message above the first one that names a case is in it too: it is the same conversation.
            if let Some(&first) = cases.first() {
                filed.extend(without.into_iter().map(|at| (at, vec![(first, Reason::Thread)])));
            }
            if let Some(thread) = self.threads.list.get_mut(number) {
                thread.cases = cases;
            }
        }
        self.threads.filed = filed;
    }

    /// The cases of a message, each with the reason in words.
    pub(crate) fn cases_of(&self, key: crate::mail::id::MessageKey) -> Vec<(CaseId, String)> {
        let at = self.by_key.get(&key).copied().unwrap_or(NONE);
        let of = |at: u32| self.threads.filed.get(&at);
        // A second copy is filed where the shown one is.
        let filed = of(at).or_else(|| {
            let shown = self.threads.copies.iter().find(|(_, others)| others.contains(&at))?;
            of(*shown.0)
        });
        filed
            .into_iter()
            .flatten()
            .filter_map(|(case, reason)| Some((self.cases.value(*case)?.clone(), self.reason_words(*reason))))
            .collect()
    }
}
