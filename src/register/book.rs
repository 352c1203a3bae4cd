//! The case book: the fold over all streams. The same in whatever order they came.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::case_fold::CaseFold;
use super::causes::{Causes, Frontier};
use super::event::{DestructionCertificate, DeviceVouched, Event};
use super::record::{DeviceId, Record, Stamp};
use crate::case::{Case, MessageName};
use crate::mail::id::CaseId;

/// What is known of a device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Device {
    /// What people call it.
    pub name: String,
    /// Its certificate.
    pub certificate: Vec<u8>,
    /// What people who answer for it have signed. Nothing is believed of it here: whoever has their certificates checks it.
    pub vouched: Vec<DeviceVouched>,
}

/// What a person decided about a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The cases; empty: none.
    pub cases: Vec<CaseId>,
    /// It was said to be no mail of a case.
    pub not_a_case: bool,
    /// Why, in words.
    pub because: String,
    /// It holds for the answers to it, too.
    pub whole_thread: bool,
    /// It takes back what was decided before, and decides nothing.
    pub taken_back: bool,
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// The decisions about a message, in the order of their stamps.
#[derive(Clone, Debug, Default)]
struct Decisions {
    steps: Vec<(Stamp, Decision)>,
    frontier: Frontier<Decision>,
}

/// The case book.
#[derive(Clone, Debug, Default)]
pub struct Book {
    cases: BTreeMap<CaseId, Arc<CaseFold>>,
    decisions: BTreeMap<MessageName, Arc<Decisions>>,
    devices: BTreeMap<DeviceId, Device>,
    /// Messages and documents that were ever out of reach: the last word, and whether they are back.
    quarantine: BTreeMap<String, (Stamp, bool)>,
    /// What was ever out of reach of a message, by the message's name.
    quarantined_in: BTreeMap<MessageName, BTreeSet<String>>,
    causes: Causes,
}

/// The name that a message goes by in the quarantine: its Message-ID, because its text may not be here; where it has none, its digest.
fn out_of_reach(message: &MessageName) -> String {
    if message.message_id.is_empty() {
        format!("#{}", hex::encode(message.digest))
    } else {
        format!("<{}>", message.message_id)
    }
}

/// By its Message-ID alone, where it has one.
fn named(message: &MessageName) -> MessageName {
    let digest = if message.message_id.is_empty() { message.digest } else { [0; 32] };
    MessageName { message_id: message.message_id.clone(), digest }
}

impl Book {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in a record with what happened, whenever it comes. Records of one device come in their order. `None`: what happened was
    /// destroyed with its case, or is of a later casemail.
    pub fn push(&mut self, record: &Record, event: Option<&Event>) {
        self.causes.note(record);
        let Some(event) = event else { return };
        let by = self.by(record);
        match event {
            Event::DeviceAdded(added) => {
                let device = self.devices.entry(record.device.clone()).or_default();
                device.name.clone_from(&added.name);
                device.certificate = added.certificate().unwrap_or_default();
            }
            Event::DeviceVouched(vouched) => {
                let device = self.devices.entry(vouched.device.clone()).or_default();
                if !device.vouched.contains(vouched) {
                    device.vouched.push(vouched.clone());
                    device.vouched.sort_by(|one, other| (&one.by, &one.signature).cmp(&(&other.by, &other.signature)));
                }
            }
            Event::Case { case, change } => {
                let fold = self.cases.entry(case.clone()).or_insert_with(|| Arc::new(CaseFold::new(case)));
                Arc::make_mut(fold).push(record, by, change.clone(), &self.causes);
            }
            Event::Filed { message, cases, because, by_hand: true, whole_thread } => {
                let (cases, because) = (cases.clone(), because.clone());
                self.decide(record, message, |by, at| Decision {
                    cases,
                    not_a_case: false,
                    because,
                    whole_thread: *whole_thread,
                    taken_back: false,
                    by,
                    at,
                });
            }
            Event::Undecided { message, because, .. } => {
                let because = because.clone();
                self.decide(record, message, |by, at| Decision {
                    cases: Vec::new(),
                    not_a_case: false,
                    because,
                    whole_thread: false,
                    taken_back: true,
                    by,
                    at,
                });
            }
            Event::NotACase { message, because, whole_thread } => {
                let because = because.clone();
                self.decide(record, message, |by, at| Decision {
                    cases: Vec::new(),
                    not_a_case: true,
                    because,
                    whole_thread: *whole_thread,
                    taken_back: false,
                    by,
                    at,
                });
            }
            Event::Quarantined { message, released, documents, .. } => {
                let names: Vec<String> = if documents.is_empty() {
                    vec![out_of_reach(message)]
                } else {
                    documents.iter().map(ToString::to_string).collect()
                };
                for name in names {
                    self.quarantined_in.entry(named(message)).or_default().insert(name.clone());
                    let told = self.quarantine.entry(name).or_insert_with(|| (record.stamp(), *released));
                    if told.0 <= record.stamp() {
                        *told = (record.stamp(), *released);
                    }
                }
            }
            // What happened, and changed nothing that a case is: the chronology tells of it.
            Event::Filed { by_hand: false, .. }
            | Event::Received { .. }
            | Event::Sent { .. }
            | Event::Exported { .. }
            | Event::Refused { .. }
            | Event::Overridden { .. }
            | Event::Imported { .. }
            | Event::Plea { .. } => {}
        }
    }

    fn decide(&mut self, record: &Record, message: &MessageName, decision: impl FnOnce(String, Timestamp) -> Decision) {
        let decision = decision(self.by(record), record.at);
        let known = Arc::make_mut(self.decisions.entry(message.clone()).or_default());
        let stamp = record.stamp();
        let at = known.steps.partition_point(|(other, _)| *other < stamp);
        if known.steps.get(at).is_some_and(|(other, _)| *other == stamp) {
            return;
        }
        known.steps.insert(at, (stamp, decision));
        known.frontier = Frontier::default();
        for (stamp, decision) in &known.steps {
            known.frontier.write(stamp.clone(), decision.clone(), &self.causes);
        }
    }

    fn by(&self, record: &Record) -> String {
        format!("{}, {}", record.actor, record.device.short())
    }

    /// The cases that somebody opened, by id.
    pub fn cases(&self) -> impl Iterator<Item = &Case> {
        self.cases.values().filter(|fold| fold.is_opened()).map(|fold| fold.case())
    }

    /// A case, if somebody opened it.
    #[must_use]
    pub fn case(&self, id: &CaseId) -> Option<&Case> {
        self.cases.get(id).filter(|fold| fold.is_opened()).map(|fold| fold.case())
    }

    /// When something of a case last changed.
    #[must_use]
    pub fn changed(&self, id: &CaseId) -> Option<Timestamp> {
        self.cases.get(id).and_then(|fold| fold.changed())
    }

    /// Whether nothing of a case may be destroyed.
    #[must_use]
    pub fn is_held(&self, id: &CaseId) -> bool {
        self.cases.get(id).is_some_and(|fold| fold.is_held())
    }

    /// What was destroyed with a case.
    #[must_use]
    pub fn destruction(&self, id: &CaseId) -> Option<&DestructionCertificate> {
        self.cases.get(id).and_then(|fold| fold.destruction())
    }

    /// All that was destroyed.
    pub fn destructions(&self) -> impl Iterator<Item = (&CaseId, &DestructionCertificate)> {
        self.cases.iter().filter_map(|(id, fold)| Some((id, fold.destruction()?)))
    }

    /// What a person last decided about a message.
    #[must_use]
    pub fn decision(&self, message: &MessageName) -> Option<&Decision> {
        self.decisions.get(message).and_then(|known| known.frontier.latest())
    }

    /// The decisions about a message that were made at the same time, the one that stands last; `None` where there is only one.
    #[must_use]
    pub fn rivals(&self, message: &MessageName) -> Option<Vec<&Decision>> {
        let agree = |one: &Decision, other: &Decision| (&one.cases, one.not_a_case) == (&other.cases, other.not_a_case);
        self.decisions.get(message)?.frontier.rivals(agree).map(Iterator::collect)
    }

    /// Every message that a person decided about.
    pub fn decisions(&self) -> impl Iterator<Item = (&MessageName, &Decision)> {
        self.decisions.iter().filter_map(|(name, known)| Some((name, known.frontier.latest()?)))
    }

    /// Whether a whole message is out of reach.
    #[must_use]
    pub fn is_message_quarantined(&self, message: &MessageName) -> bool {
        self.is_out_of_reach(&out_of_reach(message))
    }

    /// Whether a document of this SHA-256 is out of reach, in whatever message it lies.
    #[must_use]
    pub fn is_document_quarantined(&self, sha256: &str) -> bool {
        self.is_out_of_reach(sha256)
    }

    /// Whether something of a message is out of reach, as whoever put it there named the message: it, or a document in it.
    #[must_use]
    pub fn names_quarantined(&self, message: &MessageName) -> bool {
        let names = self.quarantined_in.get(&named(message));
        names.is_some_and(|names| names.iter().any(|name| self.is_out_of_reach(name)))
    }

    /// The names of the messages that [`Self::names_quarantined`] is true of.
    pub fn quarantined_messages(&self) -> impl Iterator<Item = &MessageName> {
        self.quarantined_in.keys().filter(|name| self.names_quarantined(name))
    }

    /// Whether anything ever was out of reach.
    #[must_use]
    pub fn has_quarantine(&self) -> bool {
        self.quarantine.values().any(|(_, released)| !released)
    }

    /// Whether somebody decided that a document may be looked at, after it was out of reach.
    #[must_use]
    pub fn was_released(&self, sha256: &str) -> bool {
        self.quarantine.get(sha256).is_some_and(|(_, released)| *released)
    }

    fn is_out_of_reach(&self, name: &str) -> bool {
        self.quarantine.get(name).is_some_and(|(_, released)| !released)
    }

    /// The devices that write.
    #[must_use]
    pub const fn devices(&self) -> &BTreeMap<DeviceId, Device> {
        &self.devices
    }
}
