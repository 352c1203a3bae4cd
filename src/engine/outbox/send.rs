//! One connection of a lane: rows are claimed, handed over and settled, one after the other over the same connection where the server lets us.
//!
//! The order that keeps the promise: claim (durable) → connection → MAIL, RCPT, DATA, text → who may have it (durable) → final dot → answer →
//! settled (durable). A row is never touched between the note and the answer. A try whose row was given to another one meanwhile (the cache was
//! made anew under it) finds that out at the note, and writes no dot.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::task::JoinHandle;

use super::Lane;
use super::sent::Change;
use super::settle::{Attempt, note_doubt, settle};
use super::worker::Worker;
use crate::app::view::Tone;
use crate::config::{Account, Dsn, Route, RouteLogin};
use crate::engine::account::{credentials, endpoint, trust_with};
use crate::engine::channels;
use crate::mail::id::OutboxId;
use crate::mail::safe::SafeText;
use crate::net;
use crate::smtp::{Connection, Credentials, Notify, Outcome, Phase, Refusal, SmtpEnvelope, Submission, Timeouts};
use crate::store::outbox::{Delivery, Doubt, OutboxEntry, OutboxState, Trace};
use crate::store::state::{State, StateError, Write};

/// What could not be written down is written again after this long.
const WRITE_AGAIN: Duration = Duration::from_secs(2);

/// Everything a connection needs.
struct Means {
    endpoint: net::Endpoint,
    tls: Arc<net::ClientConfig>,
    credentials: Option<Credentials>,
}

impl Worker {
    /// Works on a lane until nothing of it is due.
    pub(super) async fn lane(&self, lane: &Lane) -> Result<(), String> {
        let mut connection = None;
        while let Some((row, _taken)) = self.take_next(lane).await? {
            let attempt = self.send(&row, &mut connection).await?;
            // What kept this one would keep the others: they are not tried one by one.
            if let Some(attempt) = attempt.filter(Attempt::is_of_the_lane) {
                self.put_off_others(lane, &attempt).await?;
                break;
            }
        }
        if let Some(connection) = connection {
            connection.close().await;
        }
        Ok(())
    }

    async fn put_off_others(&self, lane: &Lane, attempt: &Attempt) -> Result<(), String> {
        while let Some((row, _taken)) = self.take_next(lane).await? {
            if let Some(claimed) = self.claim(row.id).await? {
                self.settle(&claimed, attempt, false).await?;
            }
        }
        Ok(())
    }

    async fn claim(&self, id: OutboxId) -> Result<Option<OutboxEntry>, String> {
        self.blocking(move |stores| stores.state.claim(id)).await
    }

    /// One try to send a row; `None` where somebody else had it first.
    async fn send(&self, row: &OutboxEntry, connection: &mut Option<Connection>) -> Result<Option<Attempt>, String> {
        let Some(row) = self.claim(row.id).await? else { return Ok(None) };
        self.announce();
        let attempt = match (self.way(&row), self.guarded(&row).await) {
            (Ok((account, route)), Ok(())) => match self.means(account, route).await {
                Ok(means) => self.hand_over(&row, &means, connection).await?,
                Err(words) => Attempt::Not(words),
            },
            (Err(words), _) => Attempt::Never(words),
            (_, Err(attempt)) => attempt,
        };
        let settled = self.settle(&row, &attempt, true).await?;
        self.note_sent(&settled);
        Ok(Some(attempt))
    }

    /// The account and the route that a row goes by, if they are still what was reviewed. Never another way instead.
    fn way(&self, row: &OutboxEntry) -> Result<(&Account, Option<&Route>), String> {
        let config = &self.settings.config;
        let account = config
            .account(Some(&row.account))
            // What a person can do about it is told with the row, for as long as that is so.
            .ok_or_else(|| "There is no account to send it with.".to_owned())?;
        let route = match &row.route {
            None => None,
            Some(name) => Some(config.routes.iter().find(|route| route.name == *name).ok_or_else(|| {
                format!(
                    "The route {name} is no longer in the configuration. Take the message back and review it again."
                )
            })?),
        };
        for address in row.addresses(Delivery::Waiting) {
            let now = config.route(&row.account, address).map(|route| route.name.as_str());
            if now != row.route.as_deref() {
                let by = |route: Option<&str>| {
                    route.map_or_else(|| "your own server".to_owned(), |name| format!("the route {name}"))
                };
                return Err(format!(
                    "Mail to {address} goes by {} since the configuration was changed; this was reviewed to go by {}. Take it back and review it again.",
                    by(now),
                    by(row.route.as_deref())
                ));
            }
        }
        if let Some(route) = route.filter(|route| !route.takes_from(&row.reverse_path)) {
            return Err(format!("The route {} takes no mail from {}.", route.name, row.reverse_path));
        }
        Ok((account, route))
    }

    /// Everything a submission needs; why it cannot be had, in words.
    async fn means(&self, account: &Account, route: Option<&Route>) -> Result<Means, String> {
        let secrets = &self.settings.secrets;
        let mut server = route.map_or(&account.smtp, |route| &route.smtp).clone();
        if server.user.is_empty() {
            server.user.clone_from(&account.smtp.user);
        }
        let ca_file = route.and_then(|route| route.ca_file.as_deref()).or(account.ca_file.as_deref());
        let tls = trust_with(account, ca_file).map_err(|error| error.to_string())?;
        let proof = match route.map(|route| (&route.login, route)) {
            None | Some((RouteLogin::Account, _)) => Some(secrets.proof_now(account).await?),
            Some((RouteLogin::Own(source), route)) => {
                Some(secrets.route_proof(&route.name, source).await?.at_hand().await?)
            }
            Some((RouteLogin::None, _)) => None,
        };
        let credentials = proof.map(|proof| credentials(account, &server, proof));
        Ok(Means { endpoint: endpoint(&server), tls, credentials })
    }

    /// Connects where there is no connection, and hands the message over. A connection that was used before and is found dead before
    /// anything was said of this message is replaced once.
    async fn hand_over(
        &self,
        row: &OutboxEntry,
        means: &Means,
        connection: &mut Option<Connection>,
    ) -> Result<Attempt, String> {
        let id = row.id;
        let stores = Arc::clone(&self.stores);
        let read = tokio::task::spawn_blocking(move || stores.state.outbox_raw(id)).await;
        let raw: Arc<[u8]> = match read {
            Ok(Ok(raw)) => raw.into(),
            Ok(Err(error)) if !error.may_pass() => return Ok(Attempt::Never(error.to_string())),
            Ok(Err(error)) => return Ok(Attempt::Not(error.to_string())),
            Err(_) => return Ok(Attempt::Not("the outbox could not be read".to_owned())),
        };
        loop {
            let open = match connection.take().filter(Connection::is_usable) {
                Some(open) => open,
                None => match self.open(row, means).await {
                    Ok(open) => open,
                    Err(outcome) => return Ok(Attempt::Made(Submission::of(*outcome))),
                },
            };
            let was_used = open.is_used();
            let (back, attempt) = self.submit(row, Arc::clone(&raw), open).await;
            *connection = back.filter(Connection::is_usable);
            let stale = |submission: &Submission| {
                let at_mail = matches!(submission.outcome, Outcome::NotConnected { phase: Phase::Sender, .. });
                let closing = matches!(&submission.outcome, Outcome::Transient { phase: Phase::Sender, reply } if reply.code == 421);
                at_mail || closing
            };
            if was_used && matches!(&attempt, Attempt::Made(submission) if stale(submission)) {
                continue;
            }
            return Ok(attempt);
        }
    }

    async fn open(&self, row: &OutboxEntry, means: &Means) -> Result<Connection, Box<Outcome>> {
        let open =
            Connection::open(&means.endpoint, &means.tls, means.credentials.as_ref(), &Timeouts::default()).await?;
        if self.shared.limits.learn(&Lane::of(row), open.offer().size) {
            let limits = self.shared.limits.clone();
            let kept = self.blocking(move |stores| {
                limits.keep(&stores.state);
                Ok(())
            });
            let _ = kept.await;
        }
        Ok(open)
    }

    /// Of what reports are asked for.
    fn notify(&self, row: &OutboxEntry) -> Option<Notify> {
        let wanted = &self.settings.config.dsn;
        let events: Vec<String> = Dsn::ALL
            .into_iter()
            .filter(|one| wanted.contains(one))
            .map(|one| one.name().to_ascii_uppercase())
            .collect();
        (!events.is_empty()).then(|| Notify { events: events.join(","), envelope_id: row.message_id.clone() })
    }

    async fn submit(
        &self,
        row: &OutboxEntry,
        raw: Arc<[u8]>,
        mut connection: Connection,
    ) -> (Option<Connection>, Attempt) {
        let (id, attempts) = (row.id, row.attempts);
        let envelope = SmtpEnvelope {
            reverse_path: row.reverse_path.clone(),
            forward_paths: row.addresses(Delivery::Waiting).map(str::to_owned).collect(),
        };
        let notify = self.notify(row);
        let clock = self.settings.clock.clone();
        let (stores, kept, of_a_case) = (Arc::clone(&self.stores), Arc::clone(&self.stores), row.case.is_some());
        // A task of its own, so that it can end itself before the dot without ending this one.
        let submission = tokio::spawn(async move {
            let note = move |refused: &[Refusal]| {
                if let Err(words) = note(&stores.state, id, attempts, refused, clock.now()) {
                    // Without this note a crash could send it twice: the connection is dropped before the dot, nothing is sent.
                    std::panic::resume_unwind(Box::new(words));
                }
            };
            let submission = connection.submit(&envelope, &raw, notify.as_ref(), &note).await;
            // Where no answer came it may turn out to have gone over this one, too.
            let may_have_gone = matches!(
                submission.outcome,
                Outcome::Accepted { .. } | Outcome::Uncertain { .. } | Outcome::Divided { .. }
            );
            if let (true, Some(secured)) = (may_have_gone && of_a_case, connection.secured().cloned()) {
                // What is not noted is not claimed: a failure costs no more than a fact of the chronology.
                let noted = tokio::task::spawn_blocking(move || channels::note_sent(&kept, id, &secured));
                let _ = noted.await;
            }
            (connection, submission)
        });
        let mut abort = AbortOnDrop(submission);
        match (&mut abort.0).await {
            Ok((connection, submission)) => (Some(connection), Attempt::Made(submission)),
            Err(failed) => {
                let words = match failed.try_into_panic() {
                    Ok(panic) => {
                        panic.downcast::<String>().map_or_else(|_| "it failed inside casemail".to_owned(), |w| *w)
                    }
                    Err(_) => "it was abandoned".to_owned(),
                };
                (None, Attempt::Broken(words))
            }
        }
    }

    /// Writes down what became of a try. With `aloud`, it is told, too. What the server answered is known here alone until it is written: a disk
    /// that does not take it is tried until it does.
    async fn settle(&self, row: &OutboxEntry, attempt: &Attempt, aloud: bool) -> Result<Change, String> {
        let now = self.settings.clock.now();
        let chance = u32::from_le_bytes(crate::store::vault::random());
        let (id, attempts) = (row.id, row.attempts);
        let mut told = false;
        let settled = loop {
            let (attempt, stores) = (attempt.clone(), Arc::clone(&self.stores));
            // The step depends on the row as it is on the disk: the note before the dot was written there.
            let tried = Tried { id, attempts };
            let written = tokio::task::spawn_blocking(move || {
                stores.state.write(|write| write_down(write, &tried, &attempt, now, chance))
            });
            match written.await {
                Ok(Ok(settled)) => break settled,
                Ok(Err(error)) if error.may_pass() => {
                    if !std::mem::replace(&mut told, true) {
                        self.tell(Tone::Alarm, format!("What became of a message cannot be written down yet: {error}"));
                    }
                    tokio::time::sleep(WRITE_AGAIN).await;
                }
                Ok(Err(error)) => return Err(error.to_string()),
                Err(_) => return Err("the outbox could not be written".to_owned()),
            }
        };
        self.announce();
        if aloud {
            self.say(&settled.after);
        }
        Ok(settled)
    }

    fn say(&self, row: &OutboxEntry) {
        let subject = SafeText::line(&row.subject);
        let all = row.count(Delivery::Sent) == row.recipients.len();
        match row.state {
            OutboxState::SentNotFiled | OutboxState::Sent if all => self.tell(Tone::Good, format!("Sent: {subject}")),
            OutboxState::SentNotFiled | OutboxState::Sent => {
                self.tell(Tone::Alarm, format!("{} ({subject})", row.reply));
            }
            OutboxState::Deferred => self.tell(Tone::Warning, row.reply.clone()),
            OutboxState::Failed => self.tell(Tone::Alarm, row.reply.clone()),
            OutboxState::Uncertain => {
                self.tell(
                    Tone::Alarm,
                    format!("It is not known whether this was sent; the outbox says more: {subject}"),
                );
            }
            _ => {}
        }
    }
}

/// Which try of which row.
struct Tried {
    id: OutboxId,
    /// As it was claimed.
    attempts: u32,
}

/// Writes down what became of a try. The step depends on the row as it is on the disk: the note before the dot was written there.
fn write_down(
    write: &Write<'_>,
    tried: &Tried,
    attempt: &Attempt,
    now: Timestamp,
    chance: u32,
) -> Result<Change, StateError> {
    let before = write.outbox_entry(tried.id)?.ok_or(StateError::NoEntry(tried.id))?;
    let mut entry = before.clone();
    // Another try has it: of this one no dot was written.
    if entry.attempts != tried.attempts {
        return Change::of(write, &before, entry);
    }
    let step = settle(&mut entry, attempt, now, chance);
    let after = write.step_outbox(tried.id, step, |row| *row = entry)?;
    // It may have gone to one of them alone: a copy is one's and no proof of the others.
    if attempt.is_divided() && after.count(Delivery::InDoubt) > 1 {
        write.leave_traces(after.batch, Trace::one_by_one(&after))?;
    }
    Change::of(write, &before, after)
}

/// Writes down, before the final dot, who may have it from then on; in words why that cannot be, and then no dot may follow. `attempts`: as it was claimed.
/// A row that was released meanwhile is another try's, or will be: this one was abandoned, and both would send it.
fn note(state: &State, id: OutboxId, attempts: u32, refused: &[Refusal], now: Timestamp) -> Result<(), String> {
    let written = state.write(|write| {
        let row = write.outbox_entry(id)?.ok_or(StateError::NoEntry(id))?;
        if row.state != OutboxState::Sending || row.attempts != attempts {
            return Ok(false);
        }
        let doubt = |entry: &mut OutboxEntry| {
            note_doubt(entry, refused);
            // Where the process ends now, this is when: whoever comes later knows only when that was found out.
            entry.doubt = Some(Doubt { since: now, looked_at: None, looked_in: Vec::new() });
        };
        write.update_outbox(id, doubt).map(|_| true)
    });
    match written {
        Ok(true) => Ok(()),
        Ok(false) => Err("it was abandoned: another try has the message".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

struct AbortOnDrop<T>(JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::{Attempt, Tried, note, write_down};
    use crate::smtp::{Outcome, Submission};
    use crate::store::outbox::{Delivery, OutboxEntry, OutboxState, SmtpEnvelope, Step};
    use crate::store::state::State;
    use crate::store::vault::{Cost, Vault};

    #[test]
    fn a_try_whose_row_was_released_writes_no_dot() {
        let dir = tempfile::tempdir().unwrap();
        let vault = Vault::create_with(&dir.path().join("vault"), b"otter", Cost::TEST).unwrap();
        let state = State::open(&dir.path().join("state"), &vault).unwrap();
        let envelope = SmtpEnvelope { forward_paths: vec!["a@copfs.gov.example".into()], ..SmtpEnvelope::default() };
        let id = state.queue(OutboxEntry::new("work", "1@x.example", envelope, Timestamp::UNIX_EPOCH), b"raw").unwrap();
        let row = || state.outbox_entry(id).unwrap().unwrap();
        let at = Timestamp::UNIX_EPOCH;
        let first = state.claim(id).unwrap().unwrap();
        // The cache is made anew: what was being sent is released, and another worker takes it up.
        state.recover_outbox(Timestamp::UNIX_EPOCH).unwrap();
        assert!(note(&state, id, first.attempts, &[], at).unwrap_err().contains("abandoned"));
        assert_eq!((row().state, row().count(Delivery::InDoubt)), (OutboxState::Queued, 0));
        let second = state.claim(id).unwrap().unwrap();
        note(&state, id, first.attempts, &[], at).unwrap_err();
        assert_eq!((row().state, row().count(Delivery::InDoubt)), (OutboxState::Sending, 0), "the second one's row");
        note(&state, id, second.attempts, &[], at).unwrap();
        assert_eq!(row().count(Delivery::InDoubt), 1);
        // Noted, and given up: a late one adds nothing.
        state.step_outbox(id, Step::Lose, |_| {}).unwrap();
        note(&state, id, second.attempts, &[], at).unwrap_err();
        assert_eq!(row().state, OutboxState::Uncertain);
    }

    #[test]
    fn answers_that_contradict_each_other_leave_a_trace_for_each_in_doubt() {
        let dir = tempfile::tempdir().unwrap();
        let vault = Vault::create_with(&dir.path().join("vault"), b"otter", Cost::TEST).unwrap();
        let state = State::open(&dir.path().join("state"), &vault).unwrap();
        let traces = |people: &[&str], outcome: Outcome| {
            let forward_paths = people.iter().map(|who| format!("{who}@copfs.gov.example")).collect();
            let envelope = SmtpEnvelope { forward_paths, ..SmtpEnvelope::default() };
            let row = OutboxEntry::new("work", "1@x.example", envelope, Timestamp::UNIX_EPOCH);
            let id = state.queue(row, b"raw").unwrap();
            let tried = Tried { id, attempts: state.claim(id).unwrap().unwrap().attempts };
            note(&state, id, tried.attempts, &[], Timestamp::UNIX_EPOCH).unwrap();
            let attempt = Attempt::Made(Submission::of(outcome));
            let change = state.write(|write| write_down(write, &tried, &attempt, Timestamp::UNIX_EPOCH, 0)).unwrap();
            assert_eq!(change.after.state, OutboxState::Uncertain);
            let doubts = state.outbox_traces(id).unwrap();
            let doubt =
                |delivery| doubts.iter().flat_map(move |one| one.addresses(delivery)).collect::<Vec<_>>().join(" ");
            (doubt(Delivery::InDoubt), doubt(Delivery::Waiting))
        };
        let divided = || Outcome::Divided { answers: "250 ok; 550 no".into() };
        let (doubt, waiting) = traces(&["a", "b"], divided());
        assert_eq!(
            (doubt.as_str(), waiting.as_str()),
            ("a@copfs.gov.example b@copfs.gov.example", "b@copfs.gov.example a@copfs.gov.example")
        );
        assert_eq!(traces(&["a"], divided()), (String::new(), String::new()), "there is nobody else");
        let lost = Outcome::Uncertain { because: "gone".into() };
        assert_eq!(traces(&["a", "b"], lost), (String::new(), String::new()), "all or nobody");
    }

    #[test]
    fn who_finds_a_doubt_after_days_knows_when_it_began() {
        let dir = tempfile::tempdir().unwrap();
        let vault = Vault::create_with(&dir.path().join("vault"), b"otter", Cost::TEST).unwrap();
        let state = State::open(&dir.path().join("state"), &vault).unwrap();
        let envelope = SmtpEnvelope { forward_paths: vec!["a@copfs.gov.example".into()], ..SmtpEnvelope::default() };
        let id = state.queue(OutboxEntry::new("work", "1@x.example", envelope, Timestamp::UNIX_EPOCH), b"raw").unwrap();
        let claimed = state.claim(id).unwrap().unwrap();
        let dot: Timestamp = "2026-05-21T13:30:00Z".parse().unwrap();
        note(&state, id, claimed.attempts, &[], dot).unwrap();
        // The process is killed, and the next one comes a weekend later.
        state.recover_outbox("2026-05-25T09:00:00Z".parse().unwrap()).unwrap();
        let row = state.outbox_entry(id).unwrap().unwrap();
        assert_eq!((row.state, row.doubt.unwrap().since), (OutboxState::Uncertain, dot));
    }
}
