//! What follows when a server is known to have a message: the same whether it said so itself, the message was found, or a person says so.

use jiff::Timestamp;

use super::worker::Worker;
use crate::engine::core::{Core, Open};
use crate::store::outbox::{Delivery, OutboxEntry, Step};
use crate::store::state::{StateError, Write};

/// By what it is known that a row in doubt was sent, where no answer came.
#[derive(Clone, Debug)]
pub(super) enum Proof {
    /// The message is in this mailbox.
    Found(String),
    /// A person said so.
    Word,
}

impl Proof {
    /// What the row says of itself.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Found(place) => format!("It was sent: the server has it in {place}."),
            Self::Word => "Counted as sent, by your word.".to_owned(),
        }
    }

    /// What stands in place of the server's answer.
    fn instead_of_an_answer(&self) -> String {
        match self {
            Self::Found(place) => format!("no answer came; it was found in {place}"),
            Self::Word => "no answer came; by the user's word".to_owned(),
        }
    }
}

/// Ends the doubt of a row: everybody in doubt has it. Gives the row as it is now.
///
/// # Errors
/// [`StateError`].
pub(super) fn end_well(
    write: &Write<'_>,
    row: &OutboxEntry,
    proof: &Proof,
    now: Timestamp,
) -> Result<OutboxEntry, StateError> {
    write.step_outbox(row.id, clearing_step(row), |entry| has_it(entry, proof, now))
}

/// Everybody in doubt has it. The server had it when the connection was lost, however long it took to find that out.
fn has_it(entry: &mut OutboxEntry, proof: &Proof, now: Timestamp) {
    for one in entry.recipients.iter_mut().filter(|one| one.delivery == Delivery::InDoubt) {
        one.delivery = Delivery::Sent;
        // What a server said was said of an earlier try.
        (one.code, one.status, one.text) = (0, String::new(), proof.instead_of_an_answer());
    }
    let at = entry.doubt.as_ref().map_or(now, |doubt| doubt.since.min(now));
    entry.sent_at.get_or_insert(at);
    entry.next_attempt = None;
    entry.reply = proof.words();
}

/// The step of a row whose doubt ends well.
fn clearing_step(row: &OutboxEntry) -> Step {
    match (row.count(Delivery::Waiting), row.filed) {
        (0, false) => Step::Accept,
        (0, true) => Step::AcceptFiled,
        _ => Step::Clear,
    }
}

/// Whether a row is the first of its message that was sent.
fn is_first(row: &OutboxEntry, rows: &[OutboxEntry]) -> bool {
    let place = |row: &OutboxEntry| (row.sent_at, row.id);
    let same = rows.iter().filter(|other| other.batch == row.batch && other.sent_at.is_some());
    same.map(place).min().is_none_or(|first| first >= place(row))
}

impl Core {
    /// A row was changed from `before` to `after`. Where a server has the message by that, an answer may be awaited to it, and its copy is filed.
    pub(super) fn note_sent(&self, open: &Open, before: &OutboxEntry, after: &OutboxEntry) {
        if after.sent_at.is_some() && before.sent_at.is_none() {
            // A message with several routes or parts is several rows, and one question. Where the others cannot be read, it is the first.
            let rows = open.outbox.rows().map(|(rows, _)| rows).unwrap_or_default();
            if is_first(after, &rows) {
                self.note_asked(open, after);
            }
        }
        if after.count(Delivery::Sent) > 0 && !after.filed {
            // The copy is another task's: the next message need not wait for it.
            open.outbox.wake();
        }
    }
}

impl Worker {
    /// As [`Core::note_sent`], from a task.
    pub(super) fn note_sent(&self, before: &OutboxEntry, after: &OutboxEntry) {
        let (before, after) = (before.clone(), after.clone());
        self.core.front_of(self.number, move |core, open| core.note_sent(open, &before, &after));
    }
}
