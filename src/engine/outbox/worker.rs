//! What is due when, and who works on it.
//!
//! Mail of different accounts, and of different routes of one account, is in different *lanes*: a lane has its own connections, at most
//! [`CONNECTIONS`] of them, so that a server that hangs holds up its own mail only. What needs the IMAP server (copies to be filed, lost
//! messages to be looked for) is done by one task per account.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::file::not_filed;
use super::later::Since;
use super::{Lane, Shared, due, locked};
use crate::app::event::Event;
use crate::app::view::Tone;
use crate::engine::announce::sentence;
use crate::engine::clock::Moment;
use crate::engine::core::{Core, CoreHandle, Open, Settings, Stores};
use crate::engine::register::Register;
use crate::imap;
use crate::mail::id::OutboxId;
use crate::store::outbox::{Delivery, OutboxEntry, OutboxState, Step};
use crate::store::state::StateError;

/// Connections of one lane at a time.
const CONNECTIONS: usize = 2;
/// Without anything due, the rows are looked at this often all the same.
const REST: Duration = Duration::from_secs(300);

/// Starts the worker of an opening, where it is not at work yet.
pub(crate) fn start(core: &Core, open: &mut Open) {
    if open.outbox.worker.is_some() {
        return;
    }
    let worker = Worker {
        stores: Arc::clone(&open.stores),
        settings: Arc::clone(&core.settings),
        core: core.handle.clone(),
        number: open.number,
        register: open.register.clone(),
        wake: Arc::clone(&open.outbox.wake),
        shared: Arc::clone(&open.outbox.shared),
    };
    open.outbox.worker = Some(core.runtime.spawn(worker.run()));
}

#[derive(Clone)]
pub(super) struct Worker {
    pub(super) stores: Arc<Stores>,
    pub(super) settings: Arc<Settings>,
    pub(super) core: CoreHandle,
    pub(super) number: u64,
    register: Register,
    pub(super) wake: Arc<Notify>,
    pub(super) shared: Arc<Shared>,
}

impl Worker {
    async fn run(self) {
        let mut tasks = JoinSet::new();
        // Beside the rest: it may wait for the register.
        tasks.spawn(self.clone().purge());
        while let Err(words) = self.hold_on().await {
            self.tell(Tone::Alarm, words);
            tokio::time::sleep(Duration::from_secs(60)).await;
        }
        loop {
            let pause = match self.rows().await {
                Ok(rows) => {
                    self.recover(&rows).await;
                    self.dispatch(&rows, &mut tasks)
                }
                Err(words) => {
                    self.tell(Tone::Alarm, words);
                    Duration::from_secs(60)
                }
            };
            tokio::select! {
                () = self.wake.notified() => {}
                () = tokio::time::sleep(pause) => {}
                Some(_) = tasks.join_next() => {}
            }
        }
    }

    /// Says of the rows that were held before until when they are held now.
    async fn hold_on(&self) -> Result<(), String> {
        let mut changed = false;
        for row in self.rows().await?.into_iter().filter(|row| row.state == OutboxState::Held) {
            let moment = self.moment();
            let (uptime, watched) = (self.settings.clock.uptime(), self.settings.watch);
            let taken_up = due::TakenUp { uptime, ran: moment.elapsed, watched };
            let left = due::left_of_window(&row, self.hold(), taken_up, moment.now);
            let Some(until) = SignedDuration::try_from(left).ok().and_then(|left| moment.now.checked_add(left).ok())
            else {
                continue;
            };
            let goes_on = taken_up.passed(&row).is_some();
            locked(&self.shared.waits).set(row.id, until, left, moment.elapsed);
            let id = row.id;
            let noted = self.blocking(move |stores| {
                stores.state.write(|write| match write.outbox_entry(id)? {
                    Some(now) if now.state == OutboxState::Held => write
                        .update_outbox(id, |entry| {
                            entry.next_attempt = Some(until);
                            if !goes_on {
                                entry.held_since = uptime;
                            }
                        })
                        .map(drop),
                    _ => Ok(()),
                })
            });
            // It waits so long all the same, and keeps no other from being sent.
            if let Err(words) = noted.await {
                self.tell(Tone::Alarm, words);
            }
            changed = true;
        }
        if changed {
            self.announce();
        }
        Ok(())
    }

    /// How long the undo window is.
    fn hold(&self) -> Duration {
        Duration::from_secs(u64::from(self.settings.config.undo_send_seconds))
    }

    /// Both hands of the clock.
    pub(super) fn moment(&self) -> Moment {
        self.settings.clock.moment()
    }

    /// Whether the user wants nothing of this account to leave.
    fn is_offline(&self, account: &str) -> bool {
        self.shared.offline.has(account)
    }

    /// All rows that open, oldest first.
    pub(super) async fn rows(&self) -> Result<Vec<OutboxEntry>, String> {
        self.blocking(|stores| stores.state.outbox()).await.map(|(rows, _)| rows)
    }

    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        task: impl FnOnce(&Stores) -> Result<T, StateError> + Send + 'static,
    ) -> Result<T, String> {
        let stores = Arc::clone(&self.stores);
        match tokio::task::spawn_blocking(move || task(&stores)).await {
            Ok(done) => done.map_err(|error| error.to_string()),
            Err(_) => Err("the outbox could not be read".to_owned()),
        }
    }

    /// Changes what a row says, durably, and shows it.
    pub(super) async fn update(
        &self,
        id: OutboxId,
        change: impl FnOnce(&mut OutboxEntry) + Send + 'static,
    ) -> Result<OutboxEntry, String> {
        let changed = self.blocking(move |stores| stores.state.update_outbox(id, change)).await;
        self.announce();
        changed
    }

    pub(super) fn announce(&self) {
        self.core.front_of(self.number, |core, open| core.outbox_changed(open));
    }

    pub(super) fn tell(&self, tone: Tone, words: String) {
        self.core.front_of(self.number, move |core, _| core.announcer.send(Event::Notice(sentence(tone, &words))));
    }

    /// The connection to the IMAP server of an account, where it can be asked now.
    pub(super) async fn handle(&self, account: &str) -> Option<imap::Handle> {
        let (answer, answered) = tokio::sync::oneshot::channel();
        let account = account.to_owned();
        self.core.front_of(self.number, move |_, open| {
            let handle = open.accounts.get(&account).filter(|known| known.is_online()).and_then(|k| k.handle.clone());
            let _ = answer.send(handle);
        });
        answered.await.ok().flatten()
    }

    /// Forgets what was sent long ago. What of it is mail of a case is in the register before: the row is all that is left to write it down from, and
    /// a program that ended soon after it had sent it has not.
    async fn purge(self) {
        let rows = self.rows().await.unwrap_or_default();
        // It was said of it before.
        let is_unfileable = |row: &OutboxEntry| {
            let is_gone = self.settings.config.account(Some(&row.account)).is_none();
            is_gone && row.reply.contains(&not_filed(&row.account))
        };
        let past = due::past(&rows, self.settings.clock.now(), is_unfileable);
        if past.is_empty() {
            return;
        }
        let (register, core, number) = (self.register.clone(), self.core.clone(), self.number);
        let settled = self.blocking(move |_| Ok(register.settle_sent(&core, number, past))).await;
        for id in settled.unwrap_or_default() {
            let forget = move |stores: &Stores| {
                stores.state.write(|write| {
                    let row = write.outbox_entry(id)?;
                    if row.is_some_and(|row| row.state == OutboxState::SentNotFiled) {
                        write.step_outbox(id, Step::Waive, |_| {})?;
                    }
                    write.forget_outbox(id)
                })
            };
            let _ = self.blocking(forget).await;
        }
        self.announce();
    }

    /// Rows that say that they are being sent and that no connection is at: what was at work on them broke off. They are what they would be
    /// after a new start: queued where the last dot was certainly not written, uncertain where it may have been.
    async fn recover(&self, rows: &[OutboxEntry]) {
        for row in rows.iter().filter(|row| row.recovery().is_some()) {
            if !locked(&self.shared.taken).insert(row.id) {
                continue;
            }
            // Nobody can take it up while this is held.
            let taken = Taken { shared: Arc::clone(&self.shared), id: row.id };
            let (id, now) = (row.id, self.settings.clock.now());
            let recovered = self.blocking(move |stores| stores.state.recover_entry(id, now)).await;
            drop(taken);
            match recovered {
                Ok(Some(_)) => {
                    self.announce();
                    self.wake.notify_one();
                }
                Ok(None) => {}
                Err(words) => self.tell(Tone::Alarm, words),
            }
        }
    }

    /// How long a row has to wait before a connection may take it; `None`: it is not for a connection.
    fn left(&self, row: &OutboxEntry) -> Option<Duration> {
        locked(&self.shared.waits).left(row, self.hold(), self.moment())
    }

    /// The next row of a lane that is due and that nobody is at; it is taken then.
    pub(super) async fn take_next(&self, lane: &Lane) -> Result<Option<(OutboxEntry, Taken)>, String> {
        let rows = self.rows().await?;
        for row in &rows {
            if Lane::of(row) == *lane
                && !self.is_offline(&row.account)
                && self.left(row) == Some(Duration::ZERO)
                && !waits_for_another(row, &rows)
                && locked(&self.shared.taken).insert(row.id)
            {
                let taken = Taken { shared: Arc::clone(&self.shared), id: row.id };
                return Ok(Some((row.clone(), taken)));
            }
        }
        Ok(None)
    }

    /// Starts tasks for what there is to do; when to look again.
    fn dispatch(&self, rows: &[OutboxEntry], tasks: &mut JoinSet<()>) -> Duration {
        let mut pause = REST;
        locked(&self.shared.waits).keep(rows);
        locked(&self.shared.copies).keep(rows);
        let mut due: std::collections::BTreeMap<Lane, usize> = std::collections::BTreeMap::new();
        let mut desks: std::collections::BTreeSet<&str> = std::collections::BTreeSet::new();
        for row in rows {
            // Also of what may not leave now: its wait is reckoned from when it is first seen.
            let left = self.left(row);
            if self.is_offline(&row.account) {
                continue;
            }
            match left {
                Some(Duration::ZERO)
                    if !locked(&self.shared.taken).contains(&row.id) && !waits_for_another(row, rows) =>
                {
                    *due.entry(Lane::of(row)).or_default() += 1;
                }
                Some(Duration::ZERO) | None => {}
                Some(wait) => pause = pause.min(wait.saturating_add(Duration::from_millis(20))),
            }
            if needs_desk(row) {
                match self.waits_for_desk(row.id) {
                    None => drop(desks.insert(&row.account)),
                    Some(wait) => pause = pause.min(wait.saturating_add(Duration::from_millis(20))),
                }
            }
        }
        for (lane, rows) in due {
            let mut lanes = locked(&self.shared.lanes);
            let busy = lanes.entry(lane.clone()).or_default();
            while *busy < CONNECTIONS.min(rows) {
                *busy += 1;
                let (worker, seat) = (self.clone(), Seat { shared: Arc::clone(&self.shared), lane: lane.clone() });
                tasks.spawn(async move {
                    if let Err(words) = worker.lane(&seat.lane).await {
                        worker.tell(Tone::Alarm, words);
                        tokio::time::sleep(Duration::from_secs(5)).await;
                    }
                });
            }
        }
        for account in desks {
            if locked(&self.shared.desks).insert(account.to_owned()) {
                let desk = Desk { shared: Arc::clone(&self.shared), account: account.to_owned() };
                let worker = self.clone();
                tasks.spawn(async move {
                    if let Err(words) = worker.desk(&desk.account).await {
                        worker.tell(Tone::Alarm, words);
                        tokio::time::sleep(Duration::from_secs(5)).await;
                    }
                });
            }
        }
        pause
    }

    /// What needs the IMAP server of an account, one row after the other: so that rows of one message are filed once.
    async fn desk(&self, account: &str) -> Result<(), String> {
        for row in self.rows().await?.into_iter().filter(|row| row.account == account) {
            if self.is_offline(account) {
                return Ok(());
            }
            if !needs_desk(&row) || self.waits_for_desk(row.id).is_some() {
                continue;
            }
            if row.state == OutboxState::Uncertain {
                self.look_for(&row).await?;
            } else {
                self.file(&row).await?;
            }
        }
        Ok(())
    }

    /// How long a row that needs the IMAP server has to wait still.
    fn waits_for_desk(&self, id: OutboxId) -> Option<Duration> {
        locked(&self.shared.later).left(id, self.settings.clock.elapsed())
    }

    /// A look at such a row begins.
    pub(super) fn since(&self) -> Since {
        locked(&self.shared.later).since()
    }

    /// Such a row is left alone for a while, unless it was asked for since the look at it began.
    pub(super) fn later(&self, id: OutboxId, pause: Duration, since: Since) {
        let until = self.settings.clock.elapsed().saturating_add(pause);
        let stands = locked(&self.shared.later).put_off(id, until, since);
        if !stands {
            self.wake.notify_one();
        }
    }
}

/// Whether a row is one of several messages to the same people, and one before it has not left: they arrive in their order.
fn waits_for_another(row: &OutboxEntry, rows: &[OutboxEntry]) -> bool {
    let has_left = |one: &OutboxEntry| matches!(one.state, OutboxState::Sent | OutboxState::SentNotFiled);
    rows.iter().any(|one| one.id < row.id && one.is_to_the_same(row) && !has_left(one))
}

/// Whether a row needs the IMAP server: its copy is not filed, or it is not known whether it was sent.
fn needs_desk(row: &OutboxEntry) -> bool {
    let unfiled = row.count(Delivery::Sent) > 0 && !row.filed && row.state != OutboxState::Sending;
    row.state == OutboxState::Uncertain || unfiled
}

/// A row that a connection is at; free again when dropped, also when its task panics.
pub(super) struct Taken {
    shared: Arc<Shared>,
    id: OutboxId,
}

impl Drop for Taken {
    fn drop(&mut self) {
        locked(&self.shared.taken).remove(&self.id);
    }
}

/// A connection's place in its lane.
struct Seat {
    shared: Arc<Shared>,
    lane: Lane,
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some(busy) = locked(&self.shared.lanes).get_mut(&self.lane) {
            *busy = busy.saturating_sub(1);
        }
    }
}

/// An account's desk is occupied.
struct Desk {
    shared: Arc<Shared>,
    account: String,
}

impl Drop for Desk {
    fn drop(&mut self) {
        locked(&self.shared.desks).remove(&self.account);
    }
}
