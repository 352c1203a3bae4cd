//! What the register is still to be told of the outbox: written in the transaction that changed the outbox, and gone with the one that tells it, so that
//! whatever ends the process in between costs nothing.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::mail::id::{CaseId, OutboxId};

/// One such thing. The order of the variants and of the fields is the form on disk. One list holds all of them, so that a further variant raises the schema
/// of the store: whoever does not know it could read none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Owed {
    /// A server has the message, by this row first: an answer to it may be awaited.
    Asked(OutboxId),
    /// It was taken back, and what it does in a negotiation may be undone by that.
    TakenBack(Box<Unsent>),
}

/// A message with an act in a plea negotiation, of which something was taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unsent {
    /// The row that was taken back; it may be gone.
    pub row: OutboxId,
    /// As [`super::OutboxEntry::message_id`].
    pub message_id: String,
    /// As [`super::OutboxEntry::queued_at`].
    pub queued_at: Timestamp,
    /// The case of the draft.
    pub case: CaseId,
    /// As [`crate::mail::draft::Draft::plea`].
    pub plea: String,
    /// Everybody who has something of it, or may have.
    pub may_have: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::{CaseId, OutboxId, Owed, Timestamp, Unsent};

    #[test]
    fn what_is_owed_is_read_as_it_was_first_written_for_ever() {
        let all = vec![
            Owed::Asked(OutboxId(300)),
            Owed::TakenBack(Box::new(Unsent {
                row: OutboxId(7),
                message_id: "7@chambers.example".into(),
                queued_at: Timestamp::UNIX_EPOCH,
                case: CaseId("puddock".into()),
                plea: "{}".into(),
                may_have: vec!["otter@crown.example".into()],
            })),
        ];
        let written = hex::encode(postcard::to_allocvec(&all).unwrap());
        let fixture = concat!(
            "0200ac0201071237406368616d626572732e6578616d706c6514313937302d30312d30315430303a30303a30305a07707564",
            "646f636b027b7d01136f747465724063726f776e2e6578616d706c65",
        );
        assert_eq!(written, fixture);
        let read: Vec<Owed> = postcard::from_bytes(&hex::decode(fixture).unwrap()).unwrap();
        assert_eq!(read, all);
    }
}
