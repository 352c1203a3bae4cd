//! The outbox: durable rows become sent mail, exactly once.
//!
//! A row is claimed (an attempt counted, durably) before a connection opens, marked *in doubt* (durably) before the final dot of the text
//! leaves, and changed to what the server answered. Whatever ends the process in between, the row tells what may have happened: a row
//! that was claimed and not in doubt was certainly not sent and is sent again, the same bytes under the same Message-ID; a row in doubt is
//! *uncertain*: the server is searched for its Message-ID (in `\Sent`, then in INBOX), and when it is not found there, a person decides.
//! Accepted mail is filed to `\Sent` afterwards, looked for first, so that it is filed once too. Rows of different accounts never wait
//! for each other.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::account::{credentials, endpoint, trust};
use super::announce::sentence;
use super::core::{Core, CoreHandle, EngineError, Open, Settings, Stores};
use super::outgoing::Prepared;
use super::query::{OutboxListed, Resolution};
use crate::app::event::Event;
use crate::app::view::{OutboxRow, Tone};
use crate::imap;
use crate::mail::id::OutboxId;
use crate::mail::safe::SafeText;
use crate::net;
use crate::smtp::{self, Credentials, Disposition, Outcome, Timeouts};
use crate::store::flags::Flags;
use crate::store::outbox::{OutboxEntry, OutboxState, RecipientOutcome, SmtpEnvelope};
use crate::store::state::StateError;

/// The first wait after a failure; each further one is twice as long.
const RETRY_FIRST: Duration = Duration::from_secs(30);
/// The longest wait.
const RETRY_CEILING: Duration = Duration::from_secs(30 * 60);
/// After so many tries it is no longer tried by itself.
const ATTEMPTS_MAX: u32 = 48;
/// Sent rows are shown for so long.
const SENT_KEPT: jiff::SignedDuration = jiff::SignedDuration::from_hours(7 * 24);
/// Rows that wait for the IMAP server (to be filed, or looked for) are looked at again after this time.
const FILING_PAUSE: Duration = Duration::from_secs(20);

/// The worker's strings, held by the core.
pub(crate) struct Outbox {
    stores: Arc<Stores>,
    wake: Arc<Notify>,
    worker: Option<JoinHandle<()>>,
    /// Accounts whose rows are being worked on.
    busy: Arc<Mutex<BTreeSet<String>>>,
    /// Rows that wait for the IMAP server, until when.
    waiting: Arc<Mutex<HashMap<OutboxId, Instant>>>,
    /// The user went offline: nothing leaves.
    offline: Arc<AtomicBool>,
}

impl Outbox {
    /// Not started yet.
    pub(crate) fn new(stores: Arc<Stores>) -> Self {
        Self {
            stores,
            wake: Arc::new(Notify::new()),
            worker: None,
            busy: Arc::default(),
            waiting: Arc::default(),
            offline: Arc::default(),
        }
    }

    /// Something may be due.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }

    /// The IMAP server of some account can be asked again.
    pub(crate) fn came_online(&self) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.wake();
    }

    /// The user goes offline, or comes back.
    pub(crate) fn set_online(&self, online: bool) {
        self.offline.store(!online, Ordering::SeqCst);
        self.wake();
    }

    /// Ends the worker. What is on the wire is abandoned: its row says what may have happened.
    pub(crate) fn end(&mut self, _runtime: &tokio::runtime::Handle) {
        if let Some(worker) = self.worker.take() {
            worker.abort();
        }
    }

    /// All rows, newest first.
    pub(crate) fn rows(&self) -> Result<Vec<OutboxEntry>, StateError> {
        let (mut rows, _damage) = self.stores.state.outbox()?;
        rows.reverse();
        Ok(rows)
    }
}

/// A row as lists show it.
pub(crate) fn listed(entry: &OutboxEntry) -> OutboxListed {
    OutboxListed {
        id: entry.id,
        account: entry.account.clone(),
        message_id: entry.message_id.clone(),
        to: entry.envelope.forward_paths.clone(),
        subject: entry.subject.clone(),
        state: entry.state.name(),
        attempts: entry.attempts,
        next_attempt: entry.next_attempt,
        reply: entry.reply.clone(),
        queued: entry.queued_at,
        cancellable: entry.state.is_cancellable(),
    }
}

fn row(entry: &OutboxEntry) -> OutboxRow {
    OutboxRow {
        id: entry.id,
        to: SafeText::line(&entry.envelope.forward_paths.join(", ")),
        subject: SafeText::line(&entry.subject),
        state: entry.state.name(),
        attempts: entry.attempts,
        next_attempt: entry.next_attempt,
        reply: SafeText::line(&entry.reply),
        queued: entry.queued_at,
        cancellable: entry.state.is_cancellable(),
    }
}

/// Writes the rows of a prepared message, all or none; durable when it returns. `held_until` is the end of the undo window.
pub(crate) fn queue(
    stores: &Stores,
    prepared: &Prepared,
    file_in: Option<&str>,
    now: Timestamp,
    held_until: Option<Timestamp>,
) -> Result<Vec<OutboxId>, StateError> {
    stores.state.write(|write| {
        let mut ids = Vec::with_capacity(prepared.copies.len());
        for copy in &prepared.copies {
            let envelope = SmtpEnvelope { reverse_path: prepared.from.clone(), forward_paths: copy.recipients.clone() };
            let mut entry = OutboxEntry::new(&prepared.account, &copy.message_id, envelope, now);
            entry.to.clone_from(&prepared.to);
            entry.subject.clone_from(&prepared.subject);
            entry.case.clone_from(&prepared.case);
            entry.answers.clone_from(&prepared.answers);
            entry.file_in = file_in.map(str::to_owned);
            if held_until.is_some() {
                entry.state = OutboxState::Held;
                entry.next_attempt = held_until;
            }
            ids.push(write.queue(entry, &copy.raw)?);
        }
        write.drop_draft()?;
        Ok(ids)
    })
}

/// The wait before the next try.
fn backoff(attempts: u32) -> Duration {
    let doubled = RETRY_FIRST.saturating_mul(1_u32 << attempts.saturating_sub(1).min(10));
    doubled.min(RETRY_CEILING)
}

impl Core {
    /// Sends the list to the screen.
    pub(crate) fn send_outbox(&self, open: &Open) {
        match open.outbox.rows() {
            Ok(rows) => self.announcer.send(Event::Outbox(rows.iter().map(row).collect())),
            Err(error) => self.complain(&error),
        }
    }

    /// Tries a row again now.
    pub(crate) fn retry_outbox(&mut self, open: &mut Open, id: OutboxId) -> Result<(), EngineError> {
        let found = open.stores.state.outbox_entry(id)?.ok_or(StateError::NoEntry(id))?;
        match found.state {
            OutboxState::Failed | OutboxState::Deferred | OutboxState::Held | OutboxState::Queued => {
                open.stores.state.update_outbox(id, |entry| {
                    entry.state = OutboxState::Queued;
                    entry.in_doubt = false;
                    entry.next_attempt = None;
                })?;
            }
            // Looked for again; never sent again by this.
            OutboxState::Uncertain | OutboxState::SentNotFiled => {
                open.outbox.came_online();
            }
            OutboxState::Sending | OutboxState::Sent => {
                return Err(EngineError::Refused(format!("outbox entry {id} is {}", found.state.name())));
            }
        }
        open.outbox.wake();
        self.send_outbox(open);
        Ok(())
    }

    /// Takes a row out.
    pub(crate) fn cancel_outbox(&mut self, open: &mut Open, id: OutboxId) -> Result<(), EngineError> {
        let refused = open.stores.state.write(|write| {
            let found = write.outbox_entry(id)?.ok_or(StateError::NoEntry(id))?;
            if !found.state.is_cancellable() && found.state != OutboxState::Failed {
                return Ok(Some(found.state));
            }
            write.update_outbox(id, |entry| entry.state = OutboxState::Failed)?;
            write.forget_outbox(id)?;
            Ok(None)
        })?;
        self.send_outbox(open);
        match refused {
            None => Ok(()),
            Some(state) => Err(EngineError::Refused(format!(
                "outbox entry {id} is {}: it cannot be taken back any more",
                state.name()
            ))),
        }
    }

    /// A person has looked and says what became of an uncertain row.
    pub(crate) fn resolve_outbox(
        &mut self,
        open: &mut Open,
        id: OutboxId,
        resolution: Resolution,
    ) -> Result<(), EngineError> {
        let now = self.now();
        let found = open.stores.state.outbox_entry(id)?.ok_or(StateError::NoEntry(id))?;
        if found.state != OutboxState::Uncertain {
            return Err(EngineError::Refused(format!("outbox entry {id} is {}, not uncertain", found.state.name())));
        }
        open.stores.state.write(|write| match resolution {
            Resolution::Arrived => write
                .update_outbox(id, |entry| {
                    entry.state = OutboxState::SentNotFiled;
                    entry.sent_at = Some(now);
                    entry.next_attempt = None;
                })
                .map(|_| ()),
            Resolution::SendAgain => write
                .update_outbox(id, |entry| {
                    entry.state = OutboxState::Queued;
                    entry.in_doubt = false;
                    entry.next_attempt = None;
                })
                .map(|_| ()),
            Resolution::Drop => {
                write.update_outbox(id, |entry| entry.state = OutboxState::Failed)?;
                write.forget_outbox(id)
            }
        })?;
        open.outbox.wake();
        self.send_outbox(open);
        Ok(())
    }
}

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
        wake: Arc::clone(&open.outbox.wake),
        busy: Arc::clone(&open.outbox.busy),
        waiting: Arc::clone(&open.outbox.waiting),
        offline: Arc::clone(&open.outbox.offline),
    };
    open.outbox.worker = Some(core.runtime.spawn(worker.run()));
}

#[derive(Clone)]
struct Worker {
    stores: Arc<Stores>,
    settings: Arc<Settings>,
    core: CoreHandle,
    number: u64,
    wake: Arc<Notify>,
    busy: Arc<Mutex<BTreeSet<String>>>,
    waiting: Arc<Mutex<HashMap<OutboxId, Instant>>>,
    offline: Arc<AtomicBool>,
}

impl Worker {
    /// Whether a row that needs the IMAP server has to wait, and how long.
    fn waits(&self, id: OutboxId) -> Option<Duration> {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let left = waiting.get(&id)?.saturating_duration_since(Instant::now());
        (left > Duration::ZERO).then_some(left)
    }

    /// Such a row is left alone for a while.
    fn later(&self, id: OutboxId, pause: Duration) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(id, Instant::now() + pause);
    }

    async fn run(self) {
        let mut of_accounts = tokio::task::JoinSet::new();
        self.purge().await;
        loop {
            let pause = match self.rows().await {
                Ok(rows) => self.dispatch(&rows, &mut of_accounts),
                Err(words) => {
                    self.tell(Tone::Alarm, words);
                    Duration::from_secs(60)
                }
            };
            tokio::select! {
                () = self.wake.notified() => {}
                () = tokio::time::sleep(pause) => {}
                Some(_) = of_accounts.join_next() => {}
            }
        }
    }

    async fn rows(&self) -> Result<Vec<OutboxEntry>, String> {
        self.blocking(|stores| stores.state.outbox()).await.map(|(rows, _)| rows)
    }

    async fn blocking<T: Send + 'static>(
        &self,
        task: impl FnOnce(&Stores) -> Result<T, StateError> + Send + 'static,
    ) -> Result<T, String> {
        let stores = Arc::clone(&self.stores);
        match tokio::task::spawn_blocking(move || task(&stores)).await {
            Ok(done) => done.map_err(|error| error.to_string()),
            Err(_) => Err("the outbox could not be read".to_owned()),
        }
    }

    /// Changes a row durably and says so.
    async fn update(
        &self,
        id: OutboxId,
        change: impl FnOnce(&mut OutboxEntry) + Send + 'static,
    ) -> Result<OutboxEntry, String> {
        let changed = self.blocking(move |stores| stores.state.update_outbox(id, change)).await;
        self.announce();
        changed
    }

    fn announce(&self) {
        self.core.front_of(self.number, |core, open| core.send_outbox(open));
    }

    fn tell(&self, tone: Tone, words: String) {
        self.core.front_of(self.number, move |core, _| core.announcer.send(Event::Notice(sentence(tone, &words))));
    }

    /// Forgets what was sent long ago.
    async fn purge(&self) {
        let now = self.settings.clock.now();
        if let Ok(rows) = self.rows().await {
            for row in rows {
                let old = row.sent_at.is_some_and(|at| now.duration_since(at) > SENT_KEPT);
                if row.state == OutboxState::Sent && old {
                    let _ = self.blocking(move |stores| stores.state.forget_outbox(row.id)).await;
                }
            }
        }
    }

    /// Starts a task per account that has something to do; when to look again.
    fn dispatch(&self, rows: &[OutboxEntry], tasks: &mut tokio::task::JoinSet<()>) -> Duration {
        let now = self.settings.clock.now();
        let mut pause = Duration::from_secs(300);
        let mut due: BTreeSet<&str> = BTreeSet::new();
        if self.offline.load(Ordering::SeqCst) {
            return pause;
        }
        for row in rows {
            let wait = match row.state {
                OutboxState::Queued => None,
                OutboxState::Held | OutboxState::Deferred => {
                    row.next_attempt.filter(|at| *at > now).map(|at| at.duration_since(now).unsigned_abs())
                }
                OutboxState::SentNotFiled | OutboxState::Uncertain => self.waits(row.id),
                OutboxState::Sending | OutboxState::Sent | OutboxState::Failed => continue,
            };
            match wait {
                None => {
                    due.insert(&row.account);
                }
                Some(wait) => pause = pause.min(wait + Duration::from_millis(20)),
            }
        }
        for account in due {
            let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
            if busy.insert(account.to_owned()) {
                let (worker, account) = (self.clone(), account.to_owned());
                tasks.spawn(async move {
                    // Freed also when this task is dropped or panics.
                    let _free = Free { busy: Arc::clone(&worker.busy), account: account.clone() };
                    if let Err(words) = worker.account(&account).await {
                        worker.tell(Tone::Alarm, words);
                        tokio::time::sleep(Duration::from_secs(5)).await;
                    }
                });
            }
        }
        pause
    }

    /// Works on all rows of an account that have something to do, oldest first.
    async fn account(&self, account: &str) -> Result<(), String> {
        let rows = self.rows().await?;
        for row in rows.into_iter().filter(|row| row.account == account) {
            let now = self.settings.clock.now();
            if self.offline.load(Ordering::SeqCst) {
                return Ok(());
            }
            match row.state {
                OutboxState::Queued | OutboxState::Held | OutboxState::Deferred if row.is_due(now) => {
                    self.send(row.id).await?;
                }
                OutboxState::SentNotFiled if self.waits(row.id).is_none() => self.file(&row).await?,
                OutboxState::Uncertain if self.waits(row.id).is_none() => self.look_for(&row).await?,
                _ => {}
            }
        }
        Ok(())
    }

    /// One attempt to send a row.
    async fn send(&self, id: OutboxId) -> Result<(), String> {
        let now = self.settings.clock.now();
        let Some(row) = self.blocking(move |stores| stores.state.claim(id, now)).await? else { return Ok(()) };
        self.announce();
        let outcome = match self.means(&row.account).await {
            Ok(means) => self.submit(&row, means).await?,
            Err(words) => Attempt::Not(words),
        };
        let settled = self.settle(&row, outcome).await?;
        if settled.state == OutboxState::SentNotFiled {
            self.file(&settled).await?;
        }
        Ok(())
    }

    /// Everything a submission needs; why it cannot be had, in words.
    async fn means(&self, account: &str) -> Result<Means, String> {
        let config = &self.settings.config;
        let account = config
            .accounts
            .iter()
            .find(|known| known.name == account)
            .ok_or_else(|| format!("the account {account} is no longer in the configuration"))?;
        let proof = self.settings.secrets.proof(account).await?;
        let tls = trust(account).map_err(|error| error.to_string())?;
        let credentials = credentials(account, &account.smtp, proof);
        Ok(Means { endpoint: endpoint(&account.smtp), tls, credentials })
    }

    async fn submit(&self, row: &OutboxEntry, means: Means) -> Result<Attempt, String> {
        let id = row.id;
        let raw = self.blocking(move |stores| stores.state.outbox_raw(id)).await?;
        let envelope = smtp::SmtpEnvelope {
            reverse_path: row.envelope.reverse_path.clone(),
            forward_paths: row.envelope.forward_paths.clone(),
        };
        let stores = Arc::clone(&self.stores);
        // A task of its own, so that it can end itself before the dot without ending this one.
        let submission = tokio::spawn(async move {
            let note = move || {
                let written = stores.state.update_outbox(id, |entry| entry.in_doubt = true);
                if let Err(error) = written {
                    // Without this note a crash could send it twice: the connection is dropped before the dot, nothing is sent.
                    std::panic::resume_unwind(Box::new(error.to_string()));
                }
            };
            let Means { endpoint, tls, credentials } = means;
            smtp::submit_watched(&endpoint, &tls, &credentials, &envelope, &raw, &Timeouts::default(), &note).await
        });
        let mut abort = AbortOnDrop(submission);
        Ok(match (&mut abort.0).await {
            Ok(outcome) => Attempt::Made(outcome),
            Err(failed) => {
                let words = match failed.try_into_panic() {
                    Ok(panic) => {
                        panic.downcast::<String>().map_or_else(|_| "it failed inside casemail".to_owned(), |w| *w)
                    }
                    Err(_) => "it was abandoned".to_owned(),
                };
                Attempt::Broken(words)
            }
        })
    }

    /// Writes down what became of an attempt.
    async fn settle(&self, row: &OutboxEntry, attempt: Attempt) -> Result<OutboxEntry, String> {
        let now = self.settings.clock.now();
        let (words, disposition, recipients) = match &attempt {
            Attempt::Made(outcome) => (outcome.to_string(), outcome.disposition(), told(outcome)),
            Attempt::Not(words) => (format!("Not sent yet. {words}"), Disposition::Retry, Vec::new()),
            // Whether the dot had left is known from the row alone.
            Attempt::Broken(words) => {
                let id = row.id;
                let current = self.blocking(move |stores| stores.state.outbox_entry(id)).await?;
                let in_doubt = current.is_some_and(|row| row.in_doubt);
                let disposition = if in_doubt { Disposition::Uncertain } else { Disposition::Retry };
                (format!("Not sent yet. {words}"), disposition, Vec::new())
            }
        };
        let attempts = row.attempts;
        let settled = self
            .update(row.id, move |entry| {
                entry.reply = words;
                if !recipients.is_empty() {
                    entry.recipients = recipients;
                }
                match disposition {
                    Disposition::Sent => {
                        entry.state = OutboxState::SentNotFiled;
                        entry.sent_at = Some(now);
                        entry.in_doubt = false;
                    }
                    Disposition::Retry if attempts < ATTEMPTS_MAX => {
                        entry.state = OutboxState::Deferred;
                        entry.in_doubt = false;
                        entry.next_attempt = now.checked_add(backoff(attempts)).ok();
                    }
                    Disposition::Retry | Disposition::Failed => {
                        entry.state = OutboxState::Failed;
                        entry.in_doubt = false;
                    }
                    Disposition::Uncertain => entry.state = OutboxState::Uncertain,
                }
            })
            .await?;
        let subject = SafeText::line(&settled.subject);
        match settled.state {
            OutboxState::SentNotFiled => self.tell(Tone::Good, format!("Sent: {subject}")),
            OutboxState::Deferred => self.tell(Tone::Warning, settled.reply.clone()),
            OutboxState::Failed | OutboxState::Uncertain => self.tell(Tone::Alarm, settled.reply.clone()),
            _ => {}
        }
        Ok(settled)
    }

    async fn handle(&self, account: &str) -> Option<imap::Handle> {
        let (answer, answered) = tokio::sync::oneshot::channel();
        let account = account.to_owned();
        self.core.front_of(self.number, move |_, open| {
            let handle = open.accounts.get(&account).filter(|known| known.is_online()).and_then(|k| k.handle.clone());
            let _ = answer.send(handle);
        });
        answered.await.ok().flatten()
    }

    /// Puts the copy of a sent message into `\Sent`, unless it is there.
    async fn file(&self, row: &OutboxEntry) -> Result<(), String> {
        let Some(handle) = self.handle(&row.account).await else {
            self.later(row.id, FILING_PAUSE);
            return Ok(());
        };
        let id = row.id;
        let there = handle.find(row.file_in.clone(), row.message_id.clone()).await;
        let filed = match there {
            Ok(found) if !found.uids.is_empty() => Ok(()),
            Ok(_) | Err(imap::Error::NoMailbox { .. }) => {
                let raw = self.blocking(move |stores| stores.state.outbox_raw(id)).await?;
                let flags = Flags::new(Flags::SEEN, Vec::new());
                let date = row.sent_at.map(Timestamp::as_second);
                handle.append(row.file_in.clone(), raw.into(), flags, date).await.map(|_| ())
            }
            Err(error) => Err(error),
        };
        match filed {
            Ok(()) => {
                self.update(id, |entry| {
                    entry.state = OutboxState::Sent;
                    entry.next_attempt = None;
                })
                .await?;
                handle.sync_now();
                Ok(())
            }
            Err(error) => {
                let words = format!("Sent, but the copy could not be filed: {error}");
                // Told once, not at every try.
                if error.session_lives() && row.reply != words {
                    self.tell(Tone::Warning, words.clone());
                    self.update(id, move |entry| entry.reply = words).await?;
                }
                self.later(id, FILING_PAUSE);
                Ok(())
            }
        }
    }

    /// Looks for an uncertain message where it would be if it had been sent.
    async fn look_for(&self, row: &OutboxEntry) -> Result<(), String> {
        let Some(handle) = self.handle(&row.account).await else {
            self.later(row.id, FILING_PAUSE);
            return Ok(());
        };
        for mailbox in [row.file_in.clone(), Some("INBOX".to_owned())] {
            match handle.find(mailbox, row.message_id.clone()).await {
                Ok(found) if !found.uids.is_empty() => {
                    let now = self.settings.clock.now();
                    let place = SafeText::line(&found.at.name);
                    let words = format!("It was sent: the server has it in {place}.");
                    self.tell(Tone::Good, words.clone());
                    let found = self
                        .update(row.id, move |entry| {
                            entry.state = OutboxState::SentNotFiled;
                            entry.sent_at = Some(now);
                            entry.reply = words;
                        })
                        .await?;
                    return self.file(&found).await;
                }
                Ok(_) | Err(imap::Error::NoMailbox { .. }) => {}
                Err(_) => {
                    self.later(row.id, FILING_PAUSE);
                    return Ok(());
                }
            }
        }
        // Not there. A submission server may still have it: only a person can find out, and says so by `resolve`.
        self.later(row.id, RETRY_CEILING);
        let words = "It is not known whether this was sent: the connection was lost when the server may have had it, and it is in \
                     neither the sent mailbox nor INBOX. Ask a recipient, then say `casemail outbox resolve`.";
        if row.reply == words {
            return Ok(());
        }
        self.update(row.id, move |entry| words.clone_into(&mut entry.reply)).await.map(|_| ())
    }
}

/// What one try came to.
enum Attempt {
    Made(Outcome),
    /// It could not even be begun.
    Not(String),
    /// It broke off inside.
    Broken(String),
}

struct Means {
    endpoint: net::Endpoint,
    tls: Arc<net::ClientConfig>,
    credentials: Credentials,
}

struct Free {
    busy: Arc<Mutex<BTreeSet<String>>>,
    account: String,
}

impl Drop for Free {
    fn drop(&mut self) {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.account);
    }
}

struct AbortOnDrop(JoinHandle<Outcome>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What the server said of each recipient.
fn told(outcome: &Outcome) -> Vec<RecipientOutcome> {
    let Outcome::RecipientsRefused { refused, taken } = outcome else { return Vec::new() };
    let no = refused.iter().map(|refusal| RecipientOutcome {
        address: refusal.address.clone(),
        accepted: (refusal.reply.class() == smtp::ReplyClass::Permanent).then_some(false),
        code: refusal.reply.code,
        text: refusal.reply.to_string(),
    });
    let yes = taken.iter().map(|address| RecipientOutcome {
        address: address.clone(),
        accepted: None,
        code: 250,
        text: String::new(),
    });
    no.chain(yes).collect()
}

#[cfg(test)]
mod tests {
    use super::{RETRY_CEILING, RETRY_FIRST, backoff};

    #[test]
    fn waits_double_up_to_a_ceiling() {
        assert_eq!(backoff(1), RETRY_FIRST);
        assert_eq!(backoff(2), RETRY_FIRST * 2);
        assert_eq!(backoff(40), RETRY_CEILING);
        assert_eq!(backoff(u32::MAX), RETRY_CEILING);
    }
}
