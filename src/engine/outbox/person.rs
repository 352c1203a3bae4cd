//! What a person decides about rows: try again now, take back, say what became of one that is uncertain.

use super::back::{TakenBack, take_back};
use super::look::UNREAD;
use super::sent::{Proof, end_well};
use crate::app::view::Tone;
use crate::engine::channels;
use crate::engine::core::{Core, EngineError, Open};
use crate::engine::query::Resolution;
use crate::mail::id::OutboxId;
use crate::store::outbox::{Delivery, OutboxState, Step};
use crate::store::state::StateError;

impl Core {
    /// Tries a row again now.
    pub(crate) fn retry_outbox(&mut self, open: &mut Open, id: OutboxId) -> Result<(), EngineError> {
        let found = open.stores.state.outbox_entry(id)?.ok_or(StateError::NoEntry(id))?;
        match found.state {
            state if state.is_retryable() => {
                self.plea_resent(open, &found)?;
                open.stores.state.step_outbox(id, Step::Retry, |entry| {
                    // Nobody has it: everybody is tried once more, also those whom a server refused.
                    if entry.state == OutboxState::Failed {
                        entry.set_all(Delivery::Refused, Delivery::Waiting);
                    }
                    (entry.next_attempt, entry.put_offs, entry.unreachable) = (None, 0, false);
                })?;
            }
            // Looked for again; never sent again by this.
            OutboxState::Uncertain | OutboxState::SentNotFiled => open.outbox.came_online(),
            _ => {
                return Err(EngineError::Refused(format!(
                    "outbox entry {id} is {}: there is nothing to try again",
                    found.state.name()
                )));
            }
        }
        open.outbox.wake();
        self.send_outbox(open);
        Ok(())
    }

    /// Takes a row back, with all of the same message that has not left; what it was made of is kept as a draft.
    pub(crate) fn cancel_outbox(&mut self, open: &mut Open, id: OutboxId) -> Result<TakenBack, EngineError> {
        let now = self.now();
        let stores = std::sync::Arc::clone(&open.stores);
        let row = stores.state.outbox_entry(id)?;
        let before = stores.state.outbox()?.0;
        let taken = take_back(&stores.state, id, now)?;
        if let Ok(TakenBack { unsent: Some(unsent), .. }) = &taken {
            self.plea_taken_back(open, unsent);
        }
        if let (Some(row), Ok(_)) = (&row, &taken) {
            for one in before.iter().filter(|one| one.batch == row.batch) {
                // Of what is gone nothing will be written down any more that could name the connection.
                if matches!(stores.state.outbox_entry(one.id), Ok(None)) {
                    channels::forget_sent(&stores, one.id);
                }
            }
        }
        self.send_outbox(open);
        taken.map_err(|state| {
            EngineError::Refused(format!("outbox entry {id} is {}: it cannot be taken back any more", state.name()))
        })
    }

    /// A person has looked and says what became of an uncertain row.
    pub(crate) fn resolve_outbox(
        &mut self,
        open: &mut Open,
        id: OutboxId,
        resolution: Resolution,
    ) -> Result<Option<TakenBack>, EngineError> {
        let now = self.now();
        let found = open.stores.state.outbox_entry(id)?.ok_or(StateError::NoEntry(id))?;
        if found.state != OutboxState::Uncertain {
            return Err(EngineError::Refused(format!("outbox entry {id} is {}, not uncertain", found.state.name())));
        }
        let mut taken = None;
        match resolution {
            Resolution::Arrived => {
                let change = open.stores.state.write(|write| end_well(write, &found, &Proof::Word, now))?;
                self.note_sent(open, &change);
            }
            Resolution::SendAgain => {
                self.plea_resent(open, &found)?;
                let unread = open.stores.state.write(|write| {
                    let unread = write.outbox_traces(found.batch)?.is_none();
                    // The try before may have got through all the same.
                    write.leave_trace(&found)?;
                    write.step_outbox(id, Step::SendAgain, |entry| {
                        entry.set_all(Delivery::InDoubt, Delivery::Waiting);
                        entry.next_attempt = None;
                        "Sent again, by your word.".clone_into(&mut entry.reply);
                    })?;
                    Ok(unread)
                })?;
                if unread {
                    self.announcer.notice(Tone::Alarm, &format!("It is sent again, by your word. {UNREAD}"));
                }
            }
            Resolution::Drop => taken = Some(self.cancel_outbox(open, id)?),
        }
        open.outbox.wake();
        self.outbox_changed(open);
        Ok(taken)
    }
}
