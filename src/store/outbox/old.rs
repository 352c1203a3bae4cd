//! The row as it was written by the first schema, and what becomes of it. Read only; never written but by the test that keeps its form.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Delivery, Doubt, OutboxEntry, OutboxRecipient, OutboxState, SmtpEnvelope};
use crate::mail::address::Address;
use crate::mail::id::{CaseId, MessageRef, OutboxId};

/// What the server said of one recipient.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct RecipientV1 {
    address: String,
    accepted: Option<bool>,
    code: u16,
    text: String,
}

/// A row of schema 1. The order of the fields is the form on disk.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::store) struct EntryV1 {
    id: OutboxId,
    account: String,
    message_id: String,
    envelope: SmtpEnvelope,
    to: Vec<Address>,
    subject: String,
    bytes: u64,
    file_in: Option<String>,
    state: OutboxState,
    in_doubt: bool,
    attempts: u32,
    next_attempt: Option<Timestamp>,
    reply: String,
    recipients: Vec<RecipientV1>,
    queued_at: Timestamp,
    sent_at: Option<Timestamp>,
    case: Option<CaseId>,
    answers: Option<MessageRef>,
}

impl From<EntryV1> for OutboxEntry {
    /// A row of that time went to all of its recipients or to nobody.
    fn from(old: EntryV1) -> Self {
        let delivery = match old.state {
            OutboxState::Sent | OutboxState::SentNotFiled => Delivery::Sent,
            OutboxState::Uncertain => Delivery::InDoubt,
            OutboxState::Sending if old.in_doubt => Delivery::InDoubt,
            _ => Delivery::Waiting,
        };
        let recipients = old.envelope.forward_paths.into_iter().map(|address| {
            let told = old.recipients.iter().find(|one| one.address == address);
            let refused = old.state == OutboxState::Failed && told.is_some_and(|one| one.accepted == Some(false));
            OutboxRecipient {
                delivery: if refused { Delivery::Refused } else { delivery },
                code: told.map_or(0, |one| one.code),
                text: told.map(|one| one.text.clone()).unwrap_or_default(),
                ..OutboxRecipient::new(address)
            }
        });
        let in_doubt = delivery == Delivery::InDoubt;
        Self {
            recipients: recipients.collect(),
            reverse_path: old.envelope.reverse_path,
            batch: old.id,
            to: old.to,
            subject: old.subject,
            bytes: old.bytes,
            file_in: old.file_in,
            filed: old.state == OutboxState::Sent,
            state: old.state,
            attempts: old.attempts,
            next_attempt: old.next_attempt,
            reply: old.reply,
            doubt: in_doubt.then(|| Doubt { since: old.queued_at, looked_at: None, looked_in: Vec::new() }),
            sent_at: old.sent_at,
            case: old.case,
            answers: old.answers,
            id: old.id,
            ..Self::new(old.account, old.message_id, SmtpEnvelope::default(), old.queued_at)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Address, Delivery, EntryV1, OutboxEntry, OutboxState, RecipientV1, SmtpEnvelope};
    use crate::mail::id::OutboxId;

    /// One row of each state, as the first schema wrote them, in hexadecimal, a line each.
    const FIXTURE: &str = include_str!("../../../tests/data/outbox-v1.hex");

    fn row(number: u64, state: OutboxState) -> EntryV1 {
        let at = "2026-03-02T09:00:00Z".parse().unwrap();
        let recipient = |address: &str, accepted, code| RecipientV1 {
            address: address.into(),
            accepted,
            code,
            text: "550 5.1.1 no such user".into(),
        };
        EntryV1 {
            id: OutboxId(number),
            account: "work".into(),
            message_id: format!("{number}@chambers.example"),
            envelope: SmtpEnvelope {
                reverse_path: "kestrel@chambers.example".into(),
                forward_paths: vec!["badger@crown.example".into(), "otter@crown.example".into()],
            },
            to: vec![Address { name: "Badger".into(), addr: "badger@crown.example".into() }],
            subject: "R v FERRET".into(),
            bytes: 9,
            file_in: None,
            state,
            in_doubt: matches!(state, OutboxState::Uncertain | OutboxState::Sending),
            attempts: 3,
            next_attempt: Some(at),
            reply: "the server's words".into(),
            recipients: vec![
                recipient("badger@crown.example", Some(false), 550),
                recipient("otter@crown.example", None, 250),
            ],
            queued_at: at,
            sent_at: Some(at),
            case: None,
            answers: Some("work/INBOX/1/2".parse().unwrap()),
        }
    }

    const STATES: [OutboxState; 8] = [
        OutboxState::Queued,
        OutboxState::Held,
        OutboxState::Sending,
        OutboxState::SentNotFiled,
        OutboxState::Sent,
        OutboxState::Deferred,
        OutboxState::Failed,
        OutboxState::Uncertain,
    ];

    #[test]
    fn rows_of_the_first_schema_are_read_for_ever() {
        let written: Vec<String> = (1..)
            .zip(STATES)
            .map(|(number, state)| hex::encode(postcard::to_allocvec(&row(number, state)).unwrap()))
            .collect();
        assert_eq!(FIXTURE.lines().collect::<Vec<_>>(), written);
        for (line, state) in FIXTURE.lines().zip(STATES) {
            let old: EntryV1 = postcard::from_bytes(&hex::decode(line).unwrap()).unwrap();
            let new = OutboxEntry::from(old);
            assert_eq!((new.state, new.subject.as_str(), new.attempts), (state, "R v FERRET", 3));
            assert!(new.agrees(), "{new:?}");
            assert_eq!(new.recipients.len(), 2);
            let doubt = new.count(Delivery::InDoubt);
            assert_eq!(doubt > 0, matches!(state, OutboxState::Uncertain | OutboxState::Sending), "{new:?}");
            assert_eq!(new.doubt.is_some(), doubt > 0);
            if state == OutboxState::Failed {
                let deliveries: Vec<Delivery> = new.recipients.iter().map(|one| one.delivery).collect();
                assert_eq!(deliveries, [Delivery::Refused, Delivery::Waiting]);
            }
        }
    }
}
