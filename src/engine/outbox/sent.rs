//! What follows when a server is known to have a message: the same whether it said so itself, the message was found, or a person says so.

use jiff::Timestamp;

use super::worker::Worker;
use crate::engine::core::{Core, Open};
use crate::store::outbox::{Delivery, OutboxEntry, Owed, Step};
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

/// What a row was and is, where a server may have the message by that.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) after: OutboxEntry,
    /// No row of its message was sent before.
    is_first: bool,
}

impl Change {
    /// Of a row that was just written. To be asked in the transaction that wrote it, so that of two rows of one message never both are the first: when
    /// each was sent, and when that became known, are two orders.
    ///
    /// # Errors
    /// [`StateError`].
    pub(super) fn of(write: &Write<'_>, before: &OutboxEntry, after: OutboxEntry) -> Result<Self, StateError> {
        let was_sent = |rows: Vec<OutboxEntry>| rows.iter().any(|row| row.id != after.id && row.sent_at.is_some());
        let is_first = before.sent_at.is_none() && after.sent_at.is_some() && !was_sent(write.batch(after.batch)?);
        if is_first && after.case.is_some() {
            write.owe(Owed::Asked(after.id))?;
        }
        Ok(Self { after, is_first })
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
) -> Result<Change, StateError> {
    let after = write.step_outbox(row.id, clearing_step(row), |entry| has_it(entry, proof, now))?;
    Change::of(write, row, after)
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

impl Core {
    /// A row was changed. Where a server has the message by that, an answer may be awaited to it, and its copy is filed.
    pub(super) fn note_sent(&self, open: &Open, change: &Change) {
        // A message with several routes or parts is several rows, and one question.
        if change.is_first {
            self.note_asked(open, &change.after);
        }
        if change.after.count(Delivery::Sent) > 0 && !change.after.filed {
            // The copy is another task's: the next message need not wait for it.
            open.outbox.wake();
        }
    }
}

impl Worker {
    /// As [`Core::note_sent`], from a task.
    pub(super) fn note_sent(&self, change: &Change) {
        let change = change.clone();
        self.core.front_of(self.number, move |core, open| core.note_sent(open, &change));
    }
}
