//! All negotiations of a case, from what the register keeps: in whatever order its entries come.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::act::{Act, Kind};
use super::entry::Entry;
use super::heard::{Heard, Speaker, Trust, Word};
use super::negotiation::{Negotiation, Setting};
use super::number::{ActNo, NegotiationId, Side};
use super::trust::{Carried, Finding, Signature, weigh};
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
    let Decided { unmarked, admitted, undelivered } = decided(entries);
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
            // It reached nobody.
            Entry::Sent { message, .. } if undelivered.contains(message) => continue,
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
                word: Word::None,
            }),
            // The copy of what was sent from here.
            Entry::Came { act, .. } if own.contains(&act.digest()) && act.no.side == us => None,
            Entry::Came { act, message, at, from, date, signature } => {
                let (came, date, marked_by) = (*at, *date, None);
                let carried = Carried { act, message, came, date, from, signature, marked_by };
                let mut heard = weigh(&carried, case, classes);
                if act.no.side == us {
                    let unproven = heard.findings.iter_mut().filter(|one| one.wants_yes());
                    unproven.for_each(|one| *one = Finding::NotFromHere);
                }
                Some(heard)
            }
            Entry::Mark { message, at, .. } if unmarked.get(message).is_some_and(|undone| undone >= at) => None,
            Entry::Mark { act, message, came, from, by, .. } => {
                let (came, date, signature, marked_by) = (*came, None, &Signature::None, Some(by.as_str()));
                Some(weigh(&Carried { act, message, came, date, from, signature, marked_by }, case, classes))
            }
            _ => None,
        };
        if let Some(mut heard) = heard {
            heard.word = match admitted.get(&heard.message) {
                Some(word) => word.clone(),
                None if unmarked.contains_key(&heard.message) => Word::NotTheirs,
                None => Word::None,
            };
            if seen.insert((heard.message.clone(), heard.act.digest())) {
                one.heard.push(heard);
            }
        } else if !matches!(entry, Entry::Came { .. } | Entry::Mark { .. }) {
            one.entries.push(entry.clone());
        }
    }
    for one in all.values_mut() {
        one.carried = carried(entries, &one.setting.id);
        let about = entries.iter().filter(|entry| match entry {
            Entry::Unmark { message, .. } => one.carried.contains_key(message),
            _ => false,
        });
        one.entries.extend(about.cloned());
        rivals(&mut one.heard);
    }
    all.into_values().collect()
}

/// Which act each message carries in a negotiation, as it was sent, came or was marked last.
fn carried(entries: &[Entry], id: &NegotiationId) -> BTreeMap<MessageName, (ActNo, Kind)> {
    let mut carried = BTreeMap::new();
    let mut marks: Vec<(Timestamp, &MessageName, &Act)> = Vec::new();
    for entry in entries.iter().filter(|entry| entry.id() == Some(id)) {
        match entry {
            Entry::Sent { act, message, .. } | Entry::Came { act, message, .. } => {
                carried.insert(message.clone(), (act.no, act.kind()));
            }
            Entry::Mark { act, message, at, .. } => marks.push((*at, message, act)),
            _ => {}
        }
    }
    marks.sort_by_key(|(at, ..)| *at);
    carried.extend(marks.into_iter().map(|(_, message, act)| (message.clone(), (act.no, act.kind()))));
    carried
}

/// What only its address vouches for, under the number of another act that counts, needs more than a plain yes: the yes puts the other one aside.
fn rivals(heard: &mut [Heard]) {
    let counting: Vec<(ActNo, [u8; 32], String)> =
        heard.iter().filter(|one| one.counts()).map(|one| (one.act.no, one.act.digest(), one.trust_words())).collect();
    for one in heard.iter_mut().filter(|one| one.trust == Trust::Claimed) {
        let digest = one.act.digest();
        let rival = counting.iter().find(|(no, other, _)| *no == one.act.no && *other != digest);
        if let Some((no, _, known)) = rival {
            one.findings.push(Finding::SameNumber { no: *no, known: known.clone() });
        }
    }
}

/// The messages whose acts count as not done: taken back before anybody had them, or delivered to nobody.
#[must_use]
pub fn undone(entries: &[Entry]) -> BTreeSet<MessageName> {
    let Decided { unmarked, mut undelivered, .. } = decided(entries);
    let sent = entries.iter().filter_map(|entry| match entry {
        Entry::Sent { message, at, .. } => Some((message, at)),
        _ => None,
    });
    let back = sent.filter(|(message, at)| unmarked.get(*message).is_some_and(|undone| undone >= *at));
    undelivered.extend(back.map(|(message, _)| message.clone()));
    undelivered
}

/// What was decided about messages.
struct Decided {
    /// Marks that were taken back, with when.
    unmarked: BTreeMap<MessageName, Timestamp>,
    /// A user lets them count.
    admitted: BTreeMap<MessageName, Word>,
    /// They reached nobody, and were not sent once more since.
    undelivered: BTreeSet<MessageName>,
}

fn decided(entries: &[Entry]) -> Decided {
    let mut unmarked: BTreeMap<MessageName, Timestamp> = BTreeMap::new();
    let mut admitted: BTreeMap<MessageName, (Timestamp, String, bool)> = BTreeMap::new();
    let mut failed: BTreeMap<MessageName, Timestamp> = BTreeMap::new();
    let mut resent: BTreeMap<MessageName, Timestamp> = BTreeMap::new();
    for entry in entries {
        let (known, message, at) = match entry {
            Entry::Unmark { message, at, .. } => (&mut unmarked, message, at),
            Entry::Admit { message, at, by, because, .. } => {
                let this = (*at, by.clone(), !because.trim().is_empty());
                let known = admitted.entry(message.clone()).or_insert_with(|| this.clone());
                // The last one, and of two at one moment always the same, in whatever order they come.
                if this > *known {
                    *known = this;
                }
                continue;
            }
            Entry::Undelivered { message, at, .. } => (&mut failed, message, at),
            Entry::Resent { message, at, .. } => (&mut resent, message, at),
            _ => continue,
        };
        let known = known.entry(message.clone()).or_insert(*at);
        *known = (*known).max(*at);
    }
    let admitted =
        admitted.into_iter().filter(|(message, (at, ..))| unmarked.get(message).is_none_or(|undone| undone < at));
    let word = |(message, (_, by, despite))| (message, if despite { Word::Despite(by) } else { Word::Theirs(by) });
    let admitted = admitted.map(word).collect();
    let undelivered = failed.into_iter().filter(|(message, at)| resent.get(message).is_none_or(|again| again < at));
    let undelivered = undelivered.map(|(message, _)| message).collect();
    Decided { unmarked, admitted, undelivered }
}
