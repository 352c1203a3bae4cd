//! What the register was not told of the outbox, because the program ended in between: told at the next start.

use crate::engine::core::{Core, EngineError, Open};
use crate::mail::id::OutboxId;
use crate::store::outbox::Owed;

impl Core {
    /// Tells the register what it was not told. What it cannot be told now stays for the next start, and keeps nothing else from being told.
    pub(crate) fn pay_owed(&mut self, open: &mut Open) -> Result<(), EngineError> {
        for owed in open.stores.state.owed()? {
            let paid = match &owed {
                Owed::Asked(id) => self.pay_asked(open, *id, &owed),
                Owed::TakenBack(unsent) => {
                    self.plea_taken_back(open, unsent);
                    Ok(())
                }
            };
            if let Err(error) = paid {
                self.complain(&error);
            }
        }
        Ok(())
    }

    fn pay_asked(&self, open: &Open, id: OutboxId, owed: &Owed) -> Result<(), EngineError> {
        match open.stores.state.outbox_entry(id)? {
            Some(row) => self.note_asked(open, &row),
            // It was sent long ago.
            None => open.stores.state.write(|write| write.paid(owed))?,
        }
        Ok(())
    }
}

/// What is left where the process ends right behind a transaction of the outbox.
#[cfg(test)]
pub(crate) mod broken_off {
    use jiff::Timestamp;

    use super::super::back::take_back;
    use super::super::sent::{Proof, end_well};
    use crate::mail::id::OutboxId;
    use crate::store::state::State;

    /// The one that ends a doubt well.
    pub(crate) fn behind_a_proof(state: &State, id: OutboxId, now: Timestamp) {
        let row = state.outbox_entry(id).unwrap().unwrap();
        state.write(|write| end_well(write, &row, &Proof::Word, now)).unwrap();
    }

    /// The one that takes a row back.
    pub(crate) fn behind_a_return(state: &State, id: OutboxId, now: Timestamp) {
        take_back(state, id, now).unwrap().unwrap();
    }
}
