//! Where in the streams something happened in a case, and which messages have been written down: no texts, a few bytes for each record.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::case::MessageName;
use crate::engine::library::filing::name_digest;
use crate::mail::id::CaseId;
use crate::mail::thread::id_hash;
use crate::register::event::Event;

/// A digest of the digest: enough to tell messages of one profile apart.
fn name_hash(message: &MessageName) -> u64 {
    message.digest.iter().take(8).fold(0, |sum, byte| (sum << 8) | u64::from(*byte))
}

/// The places of records.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    by_case: BTreeMap<CaseId, Vec<(u32, u64)>>,
    /// Messages that came, by the digest of their Message-ID, with the place of the record.
    received: HashMap<u64, (u32, u64)>,
    /// The same, by a digest of all of their name: there are messages without a Message-ID, and several under one.
    received_names: HashSet<u64>,
    /// Messages that were sent, by the digests of their Message-ID and of whom they went to: by two routes a message goes to some after others.
    sent: HashSet<(u64, u64)>,
}

impl History {
    /// Takes note of a record: its stream's number, its own.
    pub(crate) fn push(&mut self, stream: u32, seq: u64, event: &Event) {
        for case in event.cases() {
            // One allocation for each case, not for each record.
            match self.by_case.get_mut(case) {
                Some(places) => places.push((stream, seq)),
                None => drop(self.by_case.insert(case.clone(), vec![(stream, seq)])),
            }
        }
        match event {
            Event::Received { facts, .. } => {
                self.received.insert(name_digest(&facts.message), (stream, seq));
                self.received_names.insert(name_hash(&facts.message));
            }
            Event::Sent { facts, recipients, .. } => {
                let message = id_hash(&facts.message.message_id);
                self.sent.extend(recipients.iter().map(|one| (message, id_hash(&one.address))));
            }
            _ => {}
        }
    }

    /// The records of a case, in the order in which they became known.
    pub(crate) fn of_case(&self, case: &CaseId) -> Vec<(u32, u64)> {
        self.by_case.get(case).cloned().unwrap_or_default()
    }

    /// Whether some message of this digest of a Message-ID ([`id_hash`]) has been written down.
    pub(crate) fn knows_received(&self, id: u64) -> bool {
        self.received.contains_key(&id)
    }

    /// Where a message of this digest of a Message-ID ([`id_hash`]) was written down as received.
    pub(crate) fn received_at(&self, id: u64) -> Option<(u32, u64)> {
        self.received.get(&id).copied()
    }

    /// Whether this very message has been written down.
    pub(crate) fn knows_received_message(&self, message: &MessageName) -> bool {
        self.received_names.contains(&name_hash(message))
    }

    /// Whether it has been written down what became of a message that was sent to this recipient.
    pub(crate) fn knows_sent(&self, message_id: &str, recipient: &str) -> bool {
        self.sent.contains(&(id_hash(message_id), id_hash(recipient)))
    }
}
