//! All negotiations of a case, from what the register keeps: in whatever order its entries come.

use std::collections::{BTreeMap, BTreeSet};

use super::entry::Entry;
use super::negotiation::{Heard, Negotiation, Setting, Speaker, Trust};
use super::number::{NegotiationId, Side};
use super::trust::{Carried, Signature, weigh};
use crate::case::{Case, Classes, MessageName};

/// On which side somebody is in a case, by their own addresses.
#[must_use]
pub fn side_of(case: &Case, own: &[String], classes: &Classes) -> Option<Side> {
    own.iter().find_map(|address| Side::of(case.party(address, classes)?.role))
}

/// What a negotiation about an accused of this case is held against.
#[must_use]
pub fn setting(case: &Case, id: NegotiationId, us: Side) -> Setting {
    let accused = id.accused;
    Setting {
        jurisdiction: case.jurisdiction,
        surname: case.accused(accused).map(crate::case::Accused::surname).unwrap_or_default(),
        charges: case.charges.iter().filter(|charge| charge.accused == accused).cloned().collect(),
        us,
        id,
    }
}

/// All negotiations of a case, by name. An act that names another case is found in a negotiation of that name, where it says why it does
/// not count.
#[must_use]
pub fn of_case(case: &Case, classes: &Classes, us: Side, entries: &[Entry]) -> Vec<Negotiation> {
    let mut all: BTreeMap<NegotiationId, Negotiation> = BTreeMap::new();
    let (unmarked, admitted) = decided(entries);
    let own: BTreeSet<[u8; 32]> = entries
        .iter()
        .filter_map(|entry| match entry {
            Entry::Sent { act, .. } => Some(act.digest()),
            _ => None,
        })
        .collect();
    let mut seen: BTreeSet<(MessageName, [u8; 32])> = BTreeSet::new();
    for entry in entries {
        let Some(id) = entry.id() else { continue };
        let one = all.entry(id.clone()).or_insert_with(|| Negotiation::new(setting(case, id.clone(), us)));
        let heard = match entry {
            // Taken back from the outbox before anybody had it.
            Entry::Sent { message, at, .. } if unmarked.get(message).is_some_and(|undone| undone >= at) => continue,
            Entry::Sent { act, message, at, .. } => Some(Heard {
                act: act.clone(),
                message: message.clone(),
                came: *at,
                speaker: Speaker {
                    name: act.authority.as_ref().map(|one| one.name.clone()).unwrap_or_default(),
                    role: act.authority.as_ref().map(|one| one.role),
                    ..Speaker::default()
                },
                trust: Trust::Own,
                findings: Vec::new(),
                admitted: false,
            }),
            // The copy of what was sent from here.
            Entry::Came { act, .. } if own.contains(&act.digest()) && act.no.side == us => None,
            Entry::Came { act, message, at, from, date, signature } => {
                let (came, date, marked_by) = (*at, *date, None);
                Some(weigh(&Carried { act, message, came, date, from, signature, marked_by }, case, classes))
            }
            Entry::Mark { message, at, .. } if unmarked.get(message).is_some_and(|undone| undone >= at) => None,
            Entry::Mark { act, message, came, from, by, .. } => {
                let (came, date, signature, marked_by) = (*came, None, &Signature::None, Some(by.as_str()));
                Some(weigh(&Carried { act, message, came, date, from, signature, marked_by }, case, classes))
            }
            _ => None,
        };
        if let Some(mut heard) = heard {
            heard.admitted = admitted.contains(&heard.message);
            if seen.insert((heard.message.clone(), heard.act.digest())) {
                one.heard.push(heard);
            }
        } else if !matches!(entry, Entry::Came { .. } | Entry::Mark { .. }) {
            one.entries.push(entry.clone());
        }
    }
    all.into_values().collect()
}

/// Marks that were taken back, with when; messages that a user let count.
fn decided(entries: &[Entry]) -> (BTreeMap<MessageName, jiff::Timestamp>, BTreeSet<MessageName>) {
    let mut unmarked: BTreeMap<MessageName, jiff::Timestamp> = BTreeMap::new();
    let mut admitted: BTreeMap<MessageName, jiff::Timestamp> = BTreeMap::new();
    for entry in entries {
        match entry {
            Entry::Unmark { message, at, .. } => {
                let known = unmarked.entry(message.clone()).or_insert(*at);
                *known = (*known).max(*at);
            }
            Entry::Admit { message, at, .. } => {
                let known = admitted.entry(message.clone()).or_insert(*at);
                *known = (*known).max(*at);
            }
            _ => {}
        }
    }
    let admitted = admitted.into_iter().filter(|(message, at)| unmarked.get(message).is_none_or(|undone| undone < at));
    let admitted = admitted.map(|(message, _)| message).collect();
    (unmarked, admitted)
}
