//! The outbox and the drafts in the state store: rows with their bytes, the drafts they were made of, and drafts set aside.
//!
//! A row changes its state by a [`Step`] only, and is written only where its recipients agree with its state and nobody who has the
//! message is made to not have it: a mistake further up costs an error, never a message.

use jiff::Timestamp;
use redb::ReadableTable;
use serde::{Deserialize, Serialize};

use super::{Numbered, State, StateError, Write, place};
use crate::case::guard::Passed;
use crate::mail::draft::Draft;
use crate::mail::id::{DraftId, DraftKey, OutboxId};
use crate::store::outbox::{Delivery, EntryV1, Next, OutboxEntry, OutboxState, Owed, Step, Trace};
use crate::store::space;

pub(super) const OUTBOX: Numbered = Numbered::new("outbox");
pub(super) const OUTBOX_RAW: Numbered = Numbered::new("outbox-raw");
/// What the rows of a batch were made of, by the number of the batch.
pub(super) const OUTBOX_DRAFTS: Numbered = Numbered::new("outbox-drafts");
/// Drafts set aside.
pub(super) const DRAFTS: Numbered = Numbered::new("drafts");

/// The name that the draft at hand goes by among the values.
const DRAFT: &str = "store/draft";

/// The name that what the register is still to be told goes by among the values.
const OWED: &str = "store/outbox-owed";

/// The name that what a batch was let past the guard with goes by among the values.
fn passed(batch: OutboxId) -> String {
    format!("store/outbox-passed/{batch}")
}

/// The name that what is left of a batch's former rows goes by among the values.
fn traces(batch: OutboxId) -> String {
    format!("store/outbox-traces/{batch}")
}

/// A draft that was set aside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptDraft {
    /// Its number. Set by the store.
    #[serde(skip)]
    pub id: DraftId,
    /// When it was set aside.
    pub at: Timestamp,
    /// The draft.
    pub draft: Draft,
}

/// The step from schema 1: rows with a list of recipients, a route and a batch.
pub(super) fn migrate_rows(transaction: &redb::WriteTransaction, keys: &super::Keys) -> Result<(), StateError> {
    let mut table = transaction.open_table(OUTBOX)?;
    let mut rows = Vec::new();
    for row in table.iter()? {
        let (id, value) = row?;
        let id = id.value();
        // A damaged row stays as it is: it is told of when the outbox is read.
        if let Ok(old) = keys.open::<EntryV1>("outbox", &id.to_be_bytes(), value.value()) {
            rows.push((id, OutboxEntry::from(old)));
        }
    }
    for (id, row) in rows {
        let sealed = keys.seal("outbox", &id.to_be_bytes(), &row)?;
        table.insert(id, sealed.as_slice())?;
    }
    Ok(())
}

impl State {
    /// A new row with its bytes; gives its number.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn queue(&self, entry: OutboxEntry, raw: &[u8]) -> Result<OutboxId, StateError> {
        self.write(|write| write.queue(entry, raw))
    }

    /// All rows, oldest first. One that is damaged is left out and named in the second list.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn outbox(&self) -> Result<(Vec<OutboxEntry>, Vec<StateError>), StateError> {
        self.read(|view| {
            let (mut entries, mut damage) = (Vec::new(), Vec::new());
            for row in view.open_table(OUTBOX)?.iter()? {
                let (id, value) = row?;
                match self.keys.open("outbox", &id.value().to_be_bytes(), value.value()) {
                    Ok(entry) => entries.push(entry),
                    Err(error) => damage.push(error),
                }
            }
            Ok((entries, damage))
        })
    }

    /// One row.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn outbox_entry(&self, id: OutboxId) -> Result<Option<OutboxEntry>, StateError> {
        self.read_numbered(OUTBOX, "outbox", id.0)
    }

    /// The bytes to be sent, exactly as queued.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn outbox_raw(&self, id: OutboxId) -> Result<Vec<u8>, StateError> {
        self.read(|view| {
            let value = view.open_table(OUTBOX_RAW)?.get(id.0)?.ok_or(StateError::NoEntry(id))?;
            let mut plain = self.keys.open_bytes("outbox-raw", &id.0.to_be_bytes(), value.value())?;
            Ok(std::mem::take(&mut *plain))
        })
    }

    /// As [`Write::update_outbox`], by itself.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn update_outbox(
        &self,
        id: OutboxId,
        change: impl FnOnce(&mut OutboxEntry),
    ) -> Result<OutboxEntry, StateError> {
        self.write(|write| write.update_outbox(id, change))
    }

    /// As [`Write::step_outbox`], by itself.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn step_outbox(
        &self,
        id: OutboxId,
        step: Step,
        change: impl FnOnce(&mut OutboxEntry),
    ) -> Result<OutboxEntry, StateError> {
        self.write(|write| write.step_outbox(id, step, change))
    }

    /// Takes a row for sending: `Sending`, one attempt more. `None`: it is gone, or somebody else has it. Whether it is time is for the
    /// caller to know.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn claim(&self, id: OutboxId) -> Result<Option<OutboxEntry>, StateError> {
        self.write(|write| {
            let found = write.outbox_entry(id)?;
            if found.is_none_or(|entry| entry.state.after(Step::Claim).is_none()) {
                return Ok(None);
            }
            let claimed = write.step_outbox(id, Step::Claim, |entry| {
                entry.attempts = entry.attempts.saturating_add(1);
                entry.next_attempt = None;
            })?;
            Ok(Some(claimed))
        })
    }

    /// At start: rows that were being sent when the last process ended become queued or uncertain. Gives those that changed.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn recover_outbox(&self, now: Timestamp) -> Result<Vec<OutboxEntry>, StateError> {
        let (entries, _) = self.outbox()?;
        let mut changed = Vec::new();
        for entry in entries.iter().filter(|entry| entry.recovery().is_some()) {
            changed.extend(self.recover_entry(entry.id, now)?);
        }
        Ok(changed)
    }

    /// As [`Self::recover_outbox`], of one row on which nobody is at work. `None`: it needs nothing.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn recover_entry(&self, id: OutboxId, now: Timestamp) -> Result<Option<OutboxEntry>, StateError> {
        self.write(|write| {
            let Some(step) = write.outbox_entry(id)?.and_then(|entry| entry.recovery()) else { return Ok(None) };
            let recovered = write.step_outbox(id, step, |row| {
                if step == Step::Lose {
                    row.doubt.get_or_insert(crate::store::outbox::Doubt {
                        since: now,
                        looked_at: None,
                        looked_in: Vec::new(),
                    });
                }
            })?;
            Ok(Some(recovered))
        })
    }

    /// As [`Write::forget_outbox`], by itself.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn forget_outbox(&self, id: OutboxId) -> Result<(), StateError> {
        self.write(|write| write.forget_outbox(id))
    }

    /// What the rows of a batch were made of, while some of it may still be taken back.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn outbox_draft(&self, batch: OutboxId) -> Result<Option<Draft>, StateError> {
        self.read_numbered(OUTBOX_DRAFTS, "outbox-drafts", batch.0)
    }

    /// What a batch was let past the guard with.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn outbox_passed(&self, batch: OutboxId) -> Result<Option<Passed>, StateError> {
        self.read_named(super::VALUES, "values", &passed(batch))
    }

    /// What rows of a batch left behind that were taken out, or whose doubt was given up, oldest first.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn outbox_traces(&self, batch: OutboxId) -> Result<Vec<Trace>, StateError> {
        Ok(self.read_named(super::VALUES, "values", &traces(batch))?.unwrap_or_default())
    }

    /// What the register is still to be told of the outbox, oldest first.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn owed(&self) -> Result<Vec<Owed>, StateError> {
        Ok(self.read_named(super::VALUES, "values", OWED)?.unwrap_or_default())
    }

    /// Keeps a draft as the one at hand, in place of what it was before. Another one that is at hand is set aside, whoever kept it: says whether one was.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn keep_draft(&self, draft: &Draft, now: Timestamp) -> Result<bool, StateError> {
        self.write(|write| {
            let held = write.read_value::<Draft>(DRAFT)?;
            let aside = held.is_some_and(|held| held.key != draft.key) && write.set_draft_aside(now)?.is_some();
            write.put_value(DRAFT, draft)?;
            Ok(aside)
        })
    }

    /// The draft at hand.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn kept_draft(&self) -> Result<Option<Draft>, StateError> {
        self.read_named(super::VALUES, "values", DRAFT)
    }

    /// The draft at hand. One that was kept before drafts had keys is `new` from now on.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn draft_at_hand(&self, new: DraftKey) -> Result<Option<Draft>, StateError> {
        match self.kept_draft()? {
            Some(draft) if draft.key.is_none() => {
                let draft = Draft { key: Some(new), ..draft };
                self.write(|write| write.put_value(DRAFT, &draft))?;
                Ok(Some(draft))
            }
            kept => Ok(kept),
        }
    }

    /// Forgets the draft at hand, if it is this one.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn drop_draft(&self, key: DraftKey) -> Result<(), StateError> {
        self.write(|write| write.drop_draft(key))
    }

    /// The drafts set aside, oldest first. One that is damaged is left out and named in the second list.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn drafts(&self) -> Result<(Vec<KeptDraft>, Vec<StateError>), StateError> {
        self.read(|view| {
            let (mut drafts, mut damage) = (Vec::new(), Vec::new());
            for row in view.open_table(DRAFTS)?.iter()? {
                let (id, value) = row?;
                let id = id.value();
                match self.keys.open::<KeptDraft>("drafts", &id.to_be_bytes(), value.value()) {
                    Ok(kept) => drafts.push(KeptDraft { id: DraftId(id), ..kept }),
                    Err(error) => damage.push(error),
                }
            }
            Ok((drafts, damage))
        })
    }

    /// Sets the draft at hand aside; `None` where there is none.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn set_draft_aside(&self, now: Timestamp) -> Result<Option<DraftId>, StateError> {
        self.write(|write| write.set_draft_aside(now))
    }

    /// Adds a draft to those that were set aside; the one at hand stays.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn add_draft(&self, draft: &Draft, now: Timestamp) -> Result<DraftId, StateError> {
        self.write(|write| write.add_draft(draft, now))
    }

    /// Takes a draft up: it is the one at hand then, and what was at hand is set aside. `None`: there is no such draft. One that was never opened
    /// is `new` from now on.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn take_up_draft(&self, id: DraftId, new: DraftKey, now: Timestamp) -> Result<Option<Draft>, StateError> {
        self.write(|write| {
            let found: Option<KeptDraft> = write.read_numbered(DRAFTS, "drafts", id.0)?;
            let Some(kept) = found else { return Ok(None) };
            write.transaction.open_table(DRAFTS)?.remove(id.0)?;
            write.set_draft_aside(now)?;
            let draft = Draft { key: kept.draft.key.or(Some(new)), ..kept.draft };
            write.put_value(DRAFT, &draft)?;
            Ok(Some(draft))
        })
    }

    /// Forgets a draft that was set aside.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn forget_draft(&self, id: DraftId) -> Result<(), StateError> {
        self.write(|write| {
            write.transaction.open_table(DRAFTS)?.remove(id.0)?;
            Ok(())
        })
    }
}

impl Write<'_> {
    /// As [`State::queue`]. A row without a batch begins one.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn queue(&self, mut entry: OutboxEntry, raw: &[u8]) -> Result<OutboxId, StateError> {
        if let Some(dir) = self.file.parent() {
            space::check(dir, super::SLACK + 2 * raw.len() as u64)?;
        }
        let id = self.next("next-outbox")?;
        entry.id = OutboxId(id);
        if entry.batch.0 == 0 {
            entry.batch = entry.id;
        }
        entry.bytes = raw.len() as u64;
        if !entry.agrees() {
            return Err(StateError::Disagrees { id: entry.id, state: entry.state });
        }
        let key = id.to_be_bytes();
        let sealed = self.keys.sealer.seal(&place("outbox-raw", &key), raw);
        self.transaction.open_table(OUTBOX_RAW)?.insert(id, sealed.as_slice())?;
        self.put_numbered(OUTBOX, "outbox", id, &entry)?;
        Ok(entry.id)
    }

    /// Keeps what the rows of a batch were made of, until none of them can be taken back.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn put_outbox_draft(&self, batch: OutboxId, draft: &Draft) -> Result<(), StateError> {
        self.put_numbered(OUTBOX_DRAFTS, "outbox-drafts", batch.0, draft)
    }

    /// As [`State::outbox_entry`].
    ///
    /// # Errors
    /// [`StateError`].
    pub fn outbox_entry(&self, id: OutboxId) -> Result<Option<OutboxEntry>, StateError> {
        self.read_numbered(OUTBOX, "outbox", id.0)
    }

    /// The rows of a batch.
    ///
    /// # Errors
    /// [`StateError`]; damaged rows are left out.
    pub fn batch(&self, batch: OutboxId) -> Result<Vec<OutboxEntry>, StateError> {
        let table = self.transaction.open_table(OUTBOX)?;
        let mut rows = Vec::new();
        for row in table.iter()? {
            let (id, value) = row?;
            let opened: Result<OutboxEntry, _> = self.keys.open("outbox", &id.value().to_be_bytes(), value.value());
            rows.extend(opened.ok().filter(|entry| entry.batch == batch));
        }
        Ok(rows)
    }

    /// Changes what a row says, not where it stands.
    ///
    /// # Errors
    /// [`StateError::Disagrees`] where the change would make row and state tell two stories.
    pub fn update_outbox(
        &self,
        id: OutboxId,
        change: impl FnOnce(&mut OutboxEntry),
    ) -> Result<OutboxEntry, StateError> {
        let before = self.outbox_entry(id)?.ok_or(StateError::NoEntry(id))?;
        self.replace(&before, before.state, change)
    }

    /// Takes a step: the change that comes with it, and the state that the table gives. Gives the row as it is now.
    ///
    /// # Errors
    /// [`StateError::Transition`] for a step that may not be taken, [`StateError::Disagrees`] as [`Self::update_outbox`].
    pub fn step_outbox(
        &self,
        id: OutboxId,
        step: Step,
        change: impl FnOnce(&mut OutboxEntry),
    ) -> Result<OutboxEntry, StateError> {
        let before = self.outbox_entry(id)?.ok_or(StateError::NoEntry(id))?;
        match before.state.after(step) {
            Some(Next::State(state)) => self.replace(&before, state, change),
            Some(Next::Gone) | None => Err(StateError::Transition { id, from: before.state, step }),
        }
    }

    fn replace(
        &self,
        before: &OutboxEntry,
        state: OutboxState,
        change: impl FnOnce(&mut OutboxEntry),
    ) -> Result<OutboxEntry, StateError> {
        let mut after = before.clone();
        change(&mut after);
        (after.id, after.batch, after.bytes) = (before.id, before.batch, before.bytes);
        after.state = state;
        if state != OutboxState::Uncertain && state != OutboxState::Sending {
            after.doubt = None;
        }
        if !after.agrees() || !after.may_follow(before) {
            return Err(StateError::Disagrees { id: before.id, state });
        }
        self.put_numbered(OUTBOX, "outbox", before.id.0, &after)?;
        if matches!(state, OutboxState::Sent | OutboxState::SentNotFiled) {
            self.drop_draft_of(before.batch)?;
        }
        Ok(after)
    }

    /// What a batch was made of is needed no more once everybody has it.
    fn drop_draft_of(&self, batch: OutboxId) -> Result<(), StateError> {
        let rows = self.batch(batch)?;
        let all = rows.iter().all(|row| row.count(Delivery::Sent) == row.recipients.len());
        if all {
            self.transaction.open_table(OUTBOX_DRAFTS)?.remove(batch.0)?;
            self.remove_value(&passed(batch))?;
        }
        Ok(())
    }

    /// Keeps what a batch was let past the guard with, for as long as what it was made of.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn put_outbox_passed(&self, batch: OutboxId, what: &Passed) -> Result<(), StateError> {
        self.put_value(&passed(batch), what)
    }

    /// As [`State::outbox_traces`]; `None` where they are damaged.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn outbox_traces(&self, batch: OutboxId) -> Result<Option<Vec<Trace>>, StateError> {
        match self.read_value(&traces(batch)) {
            Ok(kept) => Ok(Some(kept.unwrap_or_default())),
            Err(StateError::Damaged { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Keeps how everybody stands in a row that is about to be taken out, or whose doubt is about to be given up: until the last row of its batch is
    /// forgotten. Where what is kept of it is damaged, that stands: it says that anything may have been.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn leave_trace(&self, row: &OutboxEntry) -> Result<(), StateError> {
        self.leave_traces(row.batch, vec![Trace::of(row)])
    }

    /// As [`Self::leave_trace`], several.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn leave_traces(&self, batch: OutboxId, more: Vec<Trace>) -> Result<(), StateError> {
        match self.outbox_traces(batch)? {
            Some(mut all) => {
                all.extend(more);
                self.put_value(&traces(batch), &all)
            }
            None => Ok(()),
        }
    }

    /// The register is to be told this. What was to be told before and is damaged is lost: it was said when the store was opened.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn owe(&self, what: Owed) -> Result<(), StateError> {
        let mut all = self.owed()?.unwrap_or_default();
        all.push(what);
        self.put_value(OWED, &all)
    }

    /// The register is told this, or need not be.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn paid(&self, what: &Owed) -> Result<(), StateError> {
        let Some(mut all) = self.owed()? else { return Ok(()) };
        let before = all.len();
        all.retain(|one| one != what);
        match all.len() {
            0 => self.remove_value(OWED),
            now if now < before => self.put_value(OWED, &all),
            _ => Ok(()),
        }
    }

    /// Damages a row, as a disk may.
    #[cfg(test)]
    pub(crate) fn spoil_outbox(&self, id: OutboxId) -> Result<(), StateError> {
        self.transaction.open_table(OUTBOX)?.insert(id.0, b"rubbish".as_slice())?;
        Ok(())
    }

    /// `None`: it cannot be read.
    fn owed(&self) -> Result<Option<Vec<Owed>>, StateError> {
        match self.read_value(OWED) {
            Ok(all) => Ok(Some(all.unwrap_or_default())),
            Err(StateError::Damaged { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Forgets a row and its bytes; with the last one of a batch, what it was made of and what the others left behind.
    ///
    /// # Errors
    /// [`StateError::Transition`] for a row that is on the wire or not filed yet.
    pub fn forget_outbox(&self, id: OutboxId) -> Result<(), StateError> {
        let entry = self.outbox_entry(id)?.ok_or(StateError::NoEntry(id))?;
        if entry.state.after(Step::Remove).is_none() {
            return Err(StateError::Transition { id, from: entry.state, step: Step::Remove });
        }
        self.transaction.open_table(OUTBOX)?.remove(id.0)?;
        self.transaction.open_table(OUTBOX_RAW)?.remove(id.0)?;
        if self.batch(entry.batch)?.is_empty() {
            self.transaction.open_table(OUTBOX_DRAFTS)?.remove(entry.batch.0)?;
            self.remove_value(&passed(entry.batch))?;
            self.remove_value(&traces(entry.batch))?;
        }
        Ok(())
    }

    /// As [`State::drop_draft`].
    ///
    /// # Errors
    /// [`StateError`].
    pub fn drop_draft(&self, key: DraftKey) -> Result<(), StateError> {
        match self.read_value::<Draft>(DRAFT)? {
            Some(held) if held.key == Some(key) => self.remove_value(DRAFT),
            _ => Ok(()),
        }
    }

    /// Keeps a draft aside; gives its number. However many there are: whoever writes something else, or takes a message back, loses nothing.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn add_draft(&self, draft: &Draft, now: Timestamp) -> Result<DraftId, StateError> {
        let size: usize = draft.attachments.iter().map(|one| one.content.len()).sum();
        if let Some(dir) = self.file.parent() {
            space::check(dir, super::SLACK + 2 * size as u64)?;
        }
        let id = DraftId(self.next("next-draft")?);
        self.put_numbered(DRAFTS, "drafts", id.0, &KeptDraft { id, at: now, draft: draft.clone() })?;
        Ok(id)
    }

    /// As [`State::set_draft_aside`].
    ///
    /// # Errors
    /// [`StateError`].
    pub fn set_draft_aside(&self, now: Timestamp) -> Result<Option<DraftId>, StateError> {
        let Some(draft) = self.read_value::<Draft>(DRAFT)? else { return Ok(None) };
        let id = self.add_draft(&draft, now)?;
        self.remove_value(DRAFT)?;
        Ok(Some(id))
    }

    fn read_numbered<T: serde::de::DeserializeOwned>(
        &self,
        table: Numbered,
        label: &str,
        number: u64,
    ) -> Result<Option<T>, StateError> {
        let table = self.transaction.open_table(table)?;
        let value = table.get(number)?;
        value.map(|value| self.keys.open(label, &number.to_be_bytes(), value.value())).transpose()
    }

    fn read_value<T: serde::de::DeserializeOwned>(&self, name: &str) -> Result<Option<T>, StateError> {
        let key = self.keys.blinder.blind(&place("values", name.as_bytes()));
        let table = self.transaction.open_table(super::VALUES)?;
        let value = table.get(key.as_slice())?;
        value.map(|value| self.keys.open("values", &key, value.value())).transpose()
    }
}
