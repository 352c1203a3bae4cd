//! One case as a fold over its changes, in the order of their stamps.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;

use super::causes::{Causes, Frontier};
use super::event::{CaseChange, DestructionCertificate};
use super::record::{Record, Stamp};
use crate::case::{Case, Conflict, Jurisdiction, Note, Rival, State};
use crate::mail::id::CaseId;

/// A change with what its record says of it.
#[derive(Clone, Debug)]
struct Step {
    stamp: Stamp,
    at: Timestamp,
    by: String,
    change: CaseChange,
}

/// A value of a field, for when somebody has to choose.
#[derive(Clone, Debug)]
struct Told {
    words: String,
    by: String,
    at: Timestamp,
}

/// A case and how it came to be.
#[derive(Clone, Debug)]
pub struct CaseFold {
    /// In the order of their stamps.
    steps: Vec<Step>,
    now: Now,
}

/// The case after some of the steps.
#[derive(Clone, Debug)]
struct Now {
    case: Case,
    opened: bool,
    closed: Option<Option<Date>>,
    held: Option<String>,
    shredded: Option<DestructionCertificate>,
    fields: BTreeMap<String, Frontier<Told>>,
}

impl CaseFold {
    /// A case of which nothing is known yet.
    #[must_use]
    pub fn new(id: &CaseId) -> Self {
        Self { steps: Vec::new(), now: Now::new(id) }
    }

    /// The case.
    #[must_use]
    pub const fn case(&self) -> &Case {
        &self.now.case
    }

    /// Whether somebody opened it: else there are only changes of a case whose opening has not come yet.
    #[must_use]
    pub const fn is_opened(&self) -> bool {
        self.now.opened
    }

    /// What was destroyed, where the case was.
    #[must_use]
    pub const fn destruction(&self) -> Option<&DestructionCertificate> {
        self.now.shredded.as_ref()
    }

    /// Whether somebody wants nothing to be destroyed, whatever else happened.
    #[must_use]
    pub const fn is_held(&self) -> bool {
        self.now.held.is_some()
    }

    /// When something last changed.
    #[must_use]
    pub fn changed(&self) -> Option<Timestamp> {
        self.steps.last().map(|step| step.at)
    }

    /// Takes in a change, whenever it comes.
    pub fn push(&mut self, record: &Record, by: String, change: CaseChange, causes: &Causes) {
        let step = Step { stamp: record.stamp(), at: record.at, by, change };
        let at = self.steps.partition_point(|known| known.stamp < step.stamp);
        if self.steps.get(at).is_some_and(|known| known.stamp == step.stamp) {
            return;
        }
        let is_last = at == self.steps.len();
        self.steps.insert(at, step);
        if is_last {
            if let Some(step) = self.steps.last() {
                self.now.take(step, causes);
            }
        } else {
            // It came late: everything behind it is seen anew.
            self.now = Now::new(&self.now.case.id);
            self.steps.iter().for_each(|step| self.now.take(step, causes));
        }
        self.now.settle();
    }
}

/// Replaces the item of the same key, or adds it; the list stays sorted by the key.
fn put<T, K: Ord>(list: &mut Vec<T>, item: T, key: impl Fn(&T) -> K) {
    match list.binary_search_by_key(&key(&item), &key) {
        Ok(at) => {
            if let Some(place) = list.get_mut(at) {
                *place = item;
            }
        }
        Err(at) => list.insert(at, item),
    }
}

/// As [`put`], for lists in the order in which things were added.
fn put_last<T, K: PartialEq>(list: &mut Vec<T>, item: T, key: impl Fn(&T) -> K) {
    let wanted = key(&item);
    match list.iter_mut().find(|known| key(known) == wanted) {
        Some(place) => *place = item,
        None => list.push(item),
    }
}

impl Now {
    fn new(id: &CaseId) -> Self {
        Self {
            case: Case::new(id.clone(), id.0.clone(), Jurisdiction::default()),
            opened: false,
            closed: None,
            held: None,
            shredded: None,
            fields: BTreeMap::new(),
        }
    }

    fn tell(&mut self, step: &Step, field: &str, words: impl Into<String>, causes: &Causes) {
        let told = Told { words: words.into(), by: step.by.clone(), at: step.at };
        self.fields.entry(field.to_owned()).or_default().write(step.stamp.clone(), told, causes);
    }

    fn take(&mut self, step: &Step, causes: &Causes) {
        let case = &mut self.case;
        match &step.change {
            CaseChange::Opened { title, jurisdiction } => {
                case.title.clone_from(title);
                case.jurisdiction = *jurisdiction;
                self.opened = true;
                self.tell(step, "title", title, causes);
                self.tell(step, "jurisdiction", jurisdiction.words(), causes);
            }
            CaseChange::Renamed { title } => {
                case.title.clone_from(title);
                self.tell(step, "title", title, causes);
            }
            CaseChange::Moved { jurisdiction } => {
                case.jurisdiction = *jurisdiction;
                self.tell(step, "jurisdiction", jurisdiction.words(), causes);
            }
            CaseChange::IdentifierAdded(identifier) => {
                if !case.identifiers.contains(identifier) {
                    case.identifiers.push(identifier.clone());
                }
                self.tell(step, &format!("identifier {}", identifier.value), "added", causes);
            }
            CaseChange::IdentifierRemoved(identifier) => {
                case.identifiers.retain(|known| known != identifier);
                self.tell(step, &format!("identifier {}", identifier.value), "taken away", causes);
            }
            CaseChange::Accused(accused) => {
                put(&mut case.accused, accused.clone(), |one| one.number);
                let born = accused.born.map(|day| format!(", born {day}")).unwrap_or_default();
                let words = format!("{}{born}", accused.name);
                self.tell(step, &format!("accused {}", accused.number), words, causes);
            }
            CaseChange::AccusedRemoved { number } => {
                case.accused.retain(|one| one.number != *number);
                self.tell(step, &format!("accused {number}"), "taken away", causes);
            }
            CaseChange::Charge(charge) => {
                put(&mut case.charges, charge.clone(), |one| (one.accused, one.number));
                let words = format!("{} ({}; {})", charge.text, charge.statute, charge.state.name());
                self.tell(step, &format!("charge {} of accused {}", charge.number, charge.accused), words, causes);
            }
            CaseChange::ChargeRemoved { accused, number } => {
                case.charges.retain(|one| (one.accused, one.number) != (*accused, *number));
                self.tell(step, &format!("charge {number} of accused {accused}"), "taken away", causes);
            }
            CaseChange::Party(party) => {
                put_last(&mut case.parties, party.clone(), |one| one.id.clone());
                let acts_for: Vec<String> = party.acts_for.iter().map(u16::to_string).collect();
                let words = format!(
                    "{}, {}, {}; for {}; {}; {}",
                    party.name,
                    party.role.words(),
                    party.organisation,
                    acts_for.join(", "),
                    party.addresses.join(", "),
                    party.certificates.join(", ")
                );
                self.tell(step, &format!("party {}", party.id), words, causes);
            }
            CaseChange::PartyRemoved { id } => {
                case.parties.retain(|one| one.id != *id);
                self.tell(step, &format!("party {id}"), "taken away", causes);
            }
            CaseChange::Hearing(hearing) => {
                put_last(&mut case.hearings, hearing.clone(), |one| one.id.clone());
                let words = format!("{}, {}, {}; {}", hearing.kind.words(), hearing.court, hearing.at, hearing.outcome);
                self.tell(step, &format!("hearing {}", hearing.id), words, causes);
            }
            CaseChange::HearingRemoved { id } => {
                case.hearings.retain(|one| one.id != *id);
                self.tell(step, &format!("hearing {id}"), "taken away", causes);
            }
            CaseChange::Noted { text } => {
                case.notes.push(Note { at: step.at, by: step.by.clone(), text: text.clone() });
            }
            CaseChange::Closed { review } => {
                self.closed = Some(*review);
                let review = review.map(|day| format!(", review {day}")).unwrap_or_default();
                self.tell(step, "state", format!("closed{review}"), causes);
            }
            CaseChange::Reopened { .. } => {
                self.closed = None;
                self.tell(step, "state", "open", causes);
            }
            CaseChange::Held { because } => {
                self.held = Some(because.clone());
                self.tell(step, "hold", "on hold", causes);
            }
            CaseChange::Released { .. } => {
                self.held = None;
                self.tell(step, "hold", "released", causes);
            }
            CaseChange::Shredded { certificate } => {
                // What went before is gone, here or elsewhere: nobody may see more of it than whoever has only this.
                let (held, fields) = (self.held.take(), std::mem::take(&mut self.fields));
                *self = Self { held, opened: true, ..Self::new(&self.case.id) };
                if let Some(hold) = fields.get("hold") {
                    self.fields.insert("hold".to_owned(), hold.clone());
                }
                self.shredded = Some(certificate.clone());
                self.tell(step, "hold", "destroyed", causes);
            }
            // What was done to copies and to stores: the chronology tells of it.
            CaseChange::KeysChanged { .. } | CaseChange::BodiesPurged { .. } => {}
            CaseChange::Awaiting(awaiting) => {
                put_last(&mut case.awaiting, awaiting.clone(), |one| one.id.clone());
            }
            CaseChange::Chased { id, at, due, .. } => {
                if let Some(awaiting) = case.awaiting.iter_mut().find(|one| one.id == *id) {
                    put(&mut awaiting.chased, *at, |at| *at);
                    awaiting.due = awaiting.due.max(*due);
                }
            }
            CaseChange::Answered { id, at, .. } => {
                if let Some(awaiting) = case.awaiting.iter_mut().find(|one| one.id == *id) {
                    awaiting.answered = Some(awaiting.answered.map_or(*at, |known| known.min(*at)));
                }
            }
        }
    }

    /// What follows from the fields.
    fn settle(&mut self) {
        self.case.state = match (&self.shredded, &self.held, self.closed) {
            (Some(certificate), _, _) => {
                State::Shredded { at: certificate.at, certificate: certificate.number.clone() }
            }
            (None, Some(because), closed) => State::OnHold { because: because.clone(), review: closed.flatten() },
            (None, None, Some(review)) => State::Closed { review },
            (None, None, None) => State::Open,
        };
        self.case.conflicts = self
            .fields
            .iter()
            .filter_map(|(field, frontier)| {
                let rivals = frontier.rivals(|one, other| one.words == other.words)?;
                let rivals = rivals.map(|told| Rival { value: told.words.clone(), by: told.by.clone(), at: told.at });
                Some(Conflict { field: field.clone(), rivals: rivals.collect() })
            })
            .collect();
    }
}
