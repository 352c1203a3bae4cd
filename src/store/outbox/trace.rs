//! What a row of the outbox leaves behind that was taken out, whose doubt a person gave up, or whose server contradicted itself: how everybody stood in it then.
//!
//! Without it the others of its message would be told two lies later: that whoever was only ever in that row has it, because the row is gone as one is
//! that was sent long ago; and that a copy of the message shows that *they* were sent, though the try that was given up may have made it.

use serde::{Deserialize, Serialize};

use super::{Delivery, OutboxEntry};
use crate::mail::id::OutboxId;

/// A row as it was. The order of the fields is the form on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    /// The row's number; the row may be there still.
    pub id: OutboxId,
    /// Without angle brackets.
    pub message_id: String,
    /// As [`OutboxEntry::route`].
    pub route: Option<String>,
    /// As [`OutboxEntry::part`].
    pub part: Option<u32>,
    /// Everybody whom it went to, with how far it had come.
    pub people: Vec<(String, Delivery)>,
}

impl Trace {
    /// Of a row as it is now.
    #[must_use]
    pub fn of(row: &OutboxEntry) -> Self {
        Self {
            id: row.id,
            message_id: row.message_id.clone(),
            route: row.route.clone(),
            part: row.part,
            people: row.recipients.iter().map(|one| (one.address.clone(), one.delivery)).collect(),
        }
    }

    /// One for each of those in doubt, in which the others are not: of a try that the server may have taken for one alone.
    #[must_use]
    pub fn one_by_one(row: &OutboxEntry) -> Vec<Self> {
        let alone = |address: &str| {
            let mut trace = Self::of(row);
            let others = trace.people.iter_mut().filter(|(one, stood)| *stood == Delivery::InDoubt && one != address);
            others.for_each(|(_, stood)| *stood = Delivery::Waiting);
            trace
        };
        row.addresses(Delivery::InDoubt).map(alone).collect()
    }

    /// The same, where nobody knows how far it had come with anybody.
    #[must_use]
    pub fn in_doubt(mut self) -> Self {
        self.people.iter_mut().for_each(|(_, delivery)| *delivery = Delivery::InDoubt);
        self
    }

    /// The addresses that stood so.
    pub fn addresses(&self, delivery: Delivery) -> impl Iterator<Item = &str> {
        self.people.iter().filter(move |(_, one)| *one == delivery).map(|(address, _)| address.as_str())
    }

    /// Whether it is of a message to the same people by the same way as this row.
    #[must_use]
    pub fn is_to_the_same(&self, row: &OutboxEntry) -> bool {
        let of_row = row.recipients.iter().map(|one| one.address.as_str());
        self.route == row.route && self.people.iter().map(|(address, _)| address.as_str()).eq(of_row)
    }
}

#[cfg(test)]
mod tests {
    use super::{Delivery, OutboxId, Trace};

    /// The list of two traces, as they were first written, in hexadecimal.
    const FIXTURE: &str = include_str!("../../../tests/data/outbox-traces-v1.hex");

    #[test]
    fn traces_are_read_as_they_were_first_written_for_ever() {
        let all = [
            Trace {
                id: OutboxId(7),
                message_id: "7@chambers.example".into(),
                route: None,
                part: Some(1),
                people: vec![
                    ("badger@crown.example".into(), Delivery::Waiting),
                    ("otter@crown.example".into(), Delivery::InDoubt),
                    ("kestrel@chambers.example".into(), Delivery::Sent),
                ],
            },
            Trace {
                id: OutboxId(300),
                message_id: "7@chambers.example".into(),
                route: Some("gateway".into()),
                part: None,
                people: vec![
                    ("badger@crown.example".into(), Delivery::Refused),
                    ("otter@crown.example".into(), Delivery::TakenBack),
                ],
            },
        ];
        let written = hex::encode(postcard::to_allocvec(&all.to_vec()).unwrap());
        assert_eq!(FIXTURE.trim_end(), written);
        let read: Vec<Trace> = postcard::from_bytes(&hex::decode(FIXTURE.trim_end()).unwrap()).unwrap();
        assert_eq!(read, all);
    }
}
