//! What a person decides about rows: try again now, take back, say what became of one that is uncertain.
//!
//! Taking back loses no word: the draft that the message was made of is kept, with those recipients who have not got it, in the same
//! transaction that takes the rows out.

use super::look::{clearing_step, has_it};
use crate::engine::core::{Core, EngineError, Open, Stores};
use crate::engine::draft_file;
use crate::engine::query::Resolution;
use crate::mail::draft::{Attachment, Draft};
use crate::mail::id::{DraftId, OutboxId};
use crate::mail::message::Message;
use crate::store::outbox::{Delivery, OutboxEntry, OutboxState, Step};
use crate::store::state::{StateError, Write};

/// What was taken back.
#[derive(Clone, Debug)]
pub(crate) struct TakenBack {
    /// The draft's number.
    pub(crate) id: DraftId,
    /// The draft, to those who have not got it.
    pub(crate) draft: Draft,
    /// Those whom it went to, or may have gone to, all the same.
    pub(crate) gone_to: Vec<String>,
    /// Of several messages, so many have left already; their files are not in the draft.
    pub(crate) gone_parts: usize,
}

impl TakenBack {
    /// In words.
    pub(crate) fn words(&self) -> String {
        match self.gone_to.as_slice() {
            _ if self.gone_parts > 0 => {
                format!("Kept as a draft with the files that have not left; {} of the messages went.", self.gone_parts)
            }
            [] => "Taken back; nothing was sent. It is kept as a draft.".to_owned(),
            [one] => format!("Kept as a draft to the others; {one} may have it already."),
            [one, more @ ..] => {
                format!("Kept as a draft to the others; {one} and {} more may have it already.", more.len())
            }
        }
    }
}

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
        let taken = take_back(&stores, id, now)?;
        if let (Some(row), Ok(taken)) = (&row, &taken) {
            self.plea_taken_back(open, row, &taken.draft);
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
                open.stores.state.step_outbox(id, clearing_step(&found), |entry| {
                    has_it(entry, now);
                    "Counted as sent, by your word.".clone_into(&mut entry.reply);
                })?;
            }
            Resolution::SendAgain => {
                open.stores.state.step_outbox(id, Step::SendAgain, |entry| {
                    entry.set_all(Delivery::InDoubt, Delivery::Waiting);
                    entry.next_attempt = None;
                    "Sent again, by your word.".clone_into(&mut entry.reply);
                })?;
            }
            Resolution::Drop => taken = Some(self.cancel_outbox(open, id)?),
        }
        open.outbox.wake();
        self.send_outbox(open);
        Ok(taken)
    }
}

/// Takes back what can be taken back of a message, in one transaction; or the state of a row that cannot.
fn take_back(
    stores: &Stores,
    id: OutboxId,
    now: jiff::Timestamp,
) -> Result<Result<TakenBack, OutboxState>, EngineError> {
    let found = stores.state.outbox_entry(id)?.ok_or(StateError::NoEntry(id))?;
    // Read outside: the row's bytes are needed only where what it was made of is not known.
    let draft = match stores.state.outbox_draft(found.batch)? {
        Some(draft) => draft,
        None => remade(&found, stores.state.outbox_raw(id)?),
    };
    let taken = stores.state.write(|write| {
        let row = write.outbox_entry(id)?.ok_or(StateError::NoEntry(id))?;
        if !super::listed::may_take_back(&row) {
            return Ok(Err(row.state));
        }
        let (went, mut kept) = not_left(&draft, &row, &write.batch(found.batch)?);
        let mut rows = vec![row];
        // Before anything has left of the others, they go with it: one message is one decision.
        let unsent = [OutboxState::Queued, OutboxState::Held, OutboxState::Deferred];
        rows.extend(write.batch(found.batch)?.into_iter().filter(|one| one.id != id && unsent.contains(&one.state)));
        let mut back = Vec::new();
        for row in &rows {
            take_out(write, row, &mut back)?;
        }
        let everybody = |draft: &Draft| -> Vec<String> {
            draft.to.iter().chain(&draft.cc).chain(&draft.bcc).map(|one| one.addr.clone()).collect()
        };
        let is_back = |address: &str| back.iter().any(|one: &String| one.eq_ignore_ascii_case(address));
        // The one in doubt may have it; he stays in the draft, since it was said to be given up.
        let doubtful = rows.iter().flat_map(|row| row.addresses(Delivery::InDoubt)).map(str::to_owned);
        let mut gone_to: Vec<String> = everybody(&draft).into_iter().filter(|one| !is_back(one)).collect();
        gone_to.extend(doubtful);
        for list in [&mut kept.to, &mut kept.cc, &mut kept.bcc] {
            list.retain(|address| is_back(&address.addr));
        }
        let id = write.add_draft(&kept, now)?;
        Ok(Ok(TakenBack { id, draft: kept, gone_to, gone_parts: went }))
    })?;
    Ok(taken)
}

/// What of a draft that went as several messages has not left, by the rows of the same people; and how many of the messages have.
fn not_left(draft: &Draft, row: &OutboxEntry, batch: &[OutboxEntry]) -> (usize, Draft) {
    let mut kept = draft.clone();
    let Some(counts) = draft.split.as_ref().filter(|counts| counts.len() > 1) else { return (0, kept) };
    kept.split = Some(Vec::new());
    let mut parts: Vec<&OutboxEntry> = batch.iter().filter(|one| one.is_to_the_same(row)).collect();
    parts.sort_by_key(|one| one.id);
    let left = |one: &&&OutboxEntry| matches!(one.state, OutboxState::Sent | OutboxState::SentNotFiled);
    // They leave in their order; rows of long ago may have been forgotten, but not before those behind them.
    let went = parts.iter().take_while(left).count() + counts.len().saturating_sub(parts.len());
    let files: usize = counts.iter().take(went).map(|count| *count as usize).sum();
    for _ in 0..files.min(kept.attachments.len()) {
        kept.detach(0);
    }
    (went, kept)
}

/// Takes a row out, or what of it has not left; whom it has not gone to is added to `back`.
fn take_out(write: &Write<'_>, row: &OutboxEntry, back: &mut Vec<String>) -> Result<(), StateError> {
    let taken = [Delivery::Waiting, Delivery::InDoubt, Delivery::Refused];
    let of_row = row.recipients.iter().filter(|one| taken.contains(&one.delivery));
    back.extend(of_row.map(|one| one.address.clone()));
    if row.count(Delivery::Sent) == 0 {
        return write.forget_outbox(row.id);
    }
    let change = |entry: &mut OutboxEntry| {
        taken.into_iter().for_each(|from| entry.set_all(from, Delivery::TakenBack));
        entry.next_attempt = None;
        entry.reply = super::settle::in_parts(entry);
    };
    if matches!(row.state, OutboxState::Sent | OutboxState::SentNotFiled) {
        return write.update_outbox(row.id, change).map(|_| ());
    }
    let step = if row.filed { Step::AcceptFiled } else { Step::Accept };
    write.step_outbox(row.id, step, change).map(|_| ())
}

/// A draft for rows of which none was kept: the message itself where it can be read, else the whole of it as a file.
fn remade(row: &OutboxEntry, raw: Vec<u8>) -> Draft {
    let listed = |addresses: &mut dyn Iterator<Item = &str>| -> Vec<crate::mail::address::Address> {
        let named = |addr: &str| row.to.iter().find(|one| one.addr.eq_ignore_ascii_case(addr)).cloned();
        addresses
            .map(|addr| {
                named(addr).unwrap_or(crate::mail::address::Address { name: String::new(), addr: addr.to_owned() })
            })
            .collect()
    };
    let sealed = Message::parse(raw.as_slice()).root().media_type == "multipart/encrypted";
    let read = draft_file::read(&raw, &row.account).ok().map(|read| read.draft);
    let mut draft = read.filter(|_| !sealed).unwrap_or_else(|| Draft {
        account: row.account.clone(),
        subject: row.subject.clone(),
        attachments: vec![Attachment {
            name: "message.eml".to_owned(),
            media_type: "application/octet-stream".to_owned(),
            content: raw,
        }],
        ..Draft::default()
    });
    let is_visible = |addr: &str| row.to.iter().any(|one| one.addr.eq_ignore_ascii_case(addr));
    let all = || row.recipients.iter().map(|one| one.address.as_str());
    draft.to = listed(&mut all().filter(|addr| is_visible(addr)));
    draft.cc = Vec::new();
    draft.bcc = listed(&mut all().filter(|addr| !is_visible(addr)));
    (draft.case, draft.answers) = (row.case.clone(), row.answers.clone());
    draft
}
