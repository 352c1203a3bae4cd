//! Plea negotiations at work: what the register keeps of them, acts that come in mail and go out with it, and what the screens and commands
//! show. The rules are [`crate::plea`]'s.
//!
//! The truth is in the register: an act that came is entered when its message is written down there ([`mod@took`]), one that goes out in the very
//! transaction that queues its message ([`send`]). What each counts for is weighed anew at every look, because parties and their roles may change.

mod ask;
mod delivery;
mod filed;
mod look;
mod papers;
mod send;
mod took;

use std::collections::BTreeMap;

pub(crate) use self::took::{opened, took};
use crate::mail::id::CaseId;
use crate::plea::Entry;
use crate::register::event::{CaseChange, Event};

/// What is entered of the negotiations of each case, in the order in which it became known.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pleas(BTreeMap<CaseId, Vec<Entry>>);

impl Pleas {
    /// Whether an event changes any of it.
    pub(crate) const fn concerns(event: &Event) -> bool {
        matches!(event, Event::Plea { .. } | Event::Case { change: CaseChange::Shredded { .. }, .. })
    }

    /// Takes an event in. What a later version wrote is left out: its line in the chronology stays.
    pub(crate) fn push(&mut self, event: &Event) {
        match event {
            Event::Plea { case, act } => {
                if let Ok(entry) = Entry::from_json(act) {
                    self.0.entry(case.clone()).or_default().push(entry);
                }
            }
            Event::Case { case, change: CaseChange::Shredded { .. } } => drop(self.0.remove(case)),
            _ => {}
        }
    }

    /// The entries of a case.
    pub(crate) fn of(&self, case: &CaseId) -> &[Entry] {
        self.0.get(case).map_or(&[], Vec::as_slice)
    }

    /// All cases in which something was entered, with their entries.
    fn all(&self) -> impl Iterator<Item = (&CaseId, &[Entry])> {
        self.0.iter().map(|(case, entries)| (case, entries.as_slice()))
    }
}
