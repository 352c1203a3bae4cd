//! A reviewed message becomes rows: one for each copy and route, all or none, durable before anybody is told that it is queued.

use jiff::Timestamp;

use crate::case::guard::{Accepted, Passed};
use crate::engine::core::Stores;
use crate::engine::outgoing::Prepared;
use crate::mail::id::OutboxId;
use crate::store::outbox::{OutboxEntry, OutboxState, SmtpEnvelope, Window};
use crate::store::state::{StateError, Write};

/// Writes the rows of a prepared message, with the draft they were made of. `held`: its undo window.
pub(crate) fn queue(
    stores: &Stores,
    prepared: &Prepared,
    accepted: &Accepted,
    file_in: Option<&str>,
    now: Timestamp,
    held: Option<Window>,
) -> Result<Vec<OutboxId>, StateError> {
    stores.state.write(|write| queue_in(write, prepared, accepted, file_in, now, held))
}

/// The same within a transaction that writes more.
pub(crate) fn queue_in(
    write: &Write<'_>,
    prepared: &Prepared,
    accepted: &Accepted,
    file_in: Option<&str>,
    now: Timestamp,
    held: Option<Window>,
) -> Result<Vec<OutboxId>, StateError> {
    let mut ids: Vec<OutboxId> = Vec::with_capacity(prepared.copies.len());
    for copy in &prepared.copies {
        let envelope = SmtpEnvelope { reverse_path: prepared.from.clone(), forward_paths: copy.recipients.clone() };
        let mut entry = OutboxEntry::new(&prepared.account, &copy.message_id, envelope, now);
        entry.batch = ids.first().copied().unwrap_or(OutboxId(0));
        entry.route.clone_from(&copy.route);
        entry.to.clone_from(&prepared.to);
        entry.subject.clone_from(&copy.subject);
        entry.part = u32::try_from(copy.part).ok();
        if copy.part > 0 {
            entry.reply = format!("It leaves when message {} of the same has left.", copy.part);
        }
        entry.case.clone_from(&prepared.case);
        entry.answers.clone_from(&prepared.answers);
        entry.file_in = file_in.map(str::to_owned);
        if let Some(window) = held {
            entry.state = OutboxState::Held;
            (entry.next_attempt, entry.held_since) = (Some(window.until), window.since);
        }
        ids.push(write.queue(entry, &copy.raw)?);
    }
    if let Some(first) = ids.first() {
        write.put_outbox_draft(*first, &prepared.draft)?;
        write.put_outbox_passed(*first, &Passed { accepted: accepted.clone(), sealed: prepared.sealed.clone() })?;
    }
    if let Some(key) = prepared.draft.key {
        write.drop_draft(key)?;
    }
    Ok(ids)
}
