//! Waiting for mail to leave. Not to be called from an async task.

use std::time::{Duration, Instant};

use super::Engine;
use super::ask::LOOK;
use super::core::EngineError;
use super::query::OutboxListed;
use crate::mail::id::OutboxId;

/// How long the copy of accepted mail is waited for.
const FILING: Duration = Duration::from_secs(5);

impl Engine {
    /// Connects, and waits until none of the rows is on its way any more; the rows as they are then.
    ///
    /// `patience` is for rows that no connection is at. One that is being sent is waited for as long as that takes: SMTP has times of its own, and
    /// whoever ended meanwhile would throw away most of a large message on a slow line, or leave one in doubt.
    ///
    /// # Errors
    /// [`EngineError::Locked`], or the state store cannot be read.
    pub fn settle(&self, ids: &[OutboxId], patience: Duration) -> Result<Vec<OutboxListed>, EngineError> {
        self.settle_while(ids, patience, |_| true)
    }

    /// The same, while `go_on` says so, which is shown the rows again and again.
    ///
    /// # Errors
    /// As [`Self::settle`].
    pub fn settle_while(
        &self,
        ids: &[OutboxId],
        patience: Duration,
        mut go_on: impl FnMut(&[OutboxListed]) -> bool,
    ) -> Result<Vec<OutboxListed>, EngineError> {
        self.connect()?;
        let mut idle_since = Instant::now();
        // Mail that was accepted is sent; its copy is waited for a while only, because filing may be tried for days.
        let mut sent_since = None;
        loop {
            let all = self.outbox()?;
            let rows: Vec<OutboxListed> = all.iter().filter(|row| ids.contains(&row.id)).cloned().collect();
            let in_hand = rows.iter().any(|row| is_in_hand(row, &all));
            if in_hand {
                idle_since = Instant::now();
            }
            let leaving = rows.iter().any(|row| matches!(row.state, "queued" | "sending"));
            let filing = rows.iter().any(|row| row.state == "sent-not-filed");
            let filed_in_time = filing && sent_since.get_or_insert_with(Instant::now).elapsed() < FILING;
            let out_of_patience = !in_hand && idle_since.elapsed() >= patience;
            if !(leaving || filed_in_time) || out_of_patience || !go_on(&rows) {
                return Ok(rows);
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Waits until nothing is being sent, while `go_on` says so, which is shown what is: for whoever is about to end the process. At once where this
    /// process sends nothing.
    ///
    /// # Errors
    /// As [`Self::settle`].
    pub fn see_off(&self, mut go_on: impl FnMut(&[OutboxListed]) -> bool) -> Result<(), EngineError> {
        if !self.core.ask_stores(|_, open| open.outbox.is_at_work())? {
            return Ok(());
        }
        loop {
            let mut rows = self.outbox()?;
            rows.retain(|row| row.state == "sending");
            if rows.is_empty() || !go_on(&rows) {
                return Ok(());
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Sends nothing more, and breaks off what is being sent. What the rows say afterwards holds: one that is queued has certainly not left, because no
    /// last dot is written for it any more; one whose last dot may have left is uncertain.
    ///
    /// # Errors
    /// [`EngineError::Locked`], or the state store cannot be written.
    pub fn break_off_sending(&self) -> Result<(), EngineError> {
        self.core.ask_open(|core, open| {
            open.outbox.end(&core.runtime);
            open.stores.state.recover_outbox(core.now())
        })??;
        Ok(())
    }

    /// Files the copies of these accounts' sent mail that are not filed yet, where there are any: connects for them, and waits a while. The rows that
    /// it was done for, as they are then.
    ///
    /// # Errors
    /// [`EngineError::Locked`], or the state store cannot be read.
    pub fn file_copies(&self, accounts: &[String]) -> Result<Vec<OutboxListed>, EngineError> {
        let unfiled = |row: &OutboxListed| row.state == "sent-not-filed" && accounts.contains(&row.account);
        let ids: Vec<OutboxId> = self.outbox()?.into_iter().filter(unfiled).map(|row| row.id).collect();
        if ids.is_empty() { Ok(Vec::new()) } else { self.settle(&ids, FILING) }
    }
}

/// Whether a connection is at a row, or at one that it waits for: of its account, by its route.
fn is_in_hand(row: &OutboxListed, all: &[OutboxListed]) -> bool {
    let lane = |one: &OutboxListed| (one.account.clone(), one.route.clone());
    row.state == "sending"
        || row.state == "queued" && all.iter().any(|one| one.state == "sending" && lane(one) == lane(row))
}
