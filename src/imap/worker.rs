//! An account's worker: a task that syncs, one that attends, and those that sync beside the first where it is worth it, with what they share.
//!
//! The syncing task leads: it connects first, and only when its login was accepted do the others connect, so that a wrong password
//! is tried once and not twice. A failed login is not repeated by itself at all, because servers lock accounts for that, nor is it with the same password
//! when everything is to be synced now. Every other
//! failure is repeated with growing waits. Going offline drops the connections at once, in the middle of whatever they do: the sink has
//! whole batches only.
//!
//! Only the task that leads lists mailboxes, tells whether the account is connected, and closes in on what is wrong. Those beside take turns of its agenda
//! ([`super::lanes`]), tell how far they are, and let go before it lists: a mailbox that is renamed or leaves is in nobody's hand. A password that one of
//! them is refused, because it was changed meanwhile, is not sent again before there is another one or the leading connection falls.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::account::AccountSetup;
use super::attend::attend;
use super::auth::{self, Line};
use super::beside::beside;
use super::command::Command;
use super::error::Error;
use super::lanes::{Lane, Lanes, Worth};
use super::look::look;
use super::mailboxes;
use super::order::{Agenda, End, Outlook, Turn};
use super::plan::Server;
use super::request::{Handle, Request};
use super::serve::{refuse, serve};
use super::session::{Session, Use};
use super::sink::{Link, MailboxAt, Pass, Sink, Synced};
use super::suspects::{Extra, LESSONS, Suspects, Trails};
use super::sync::{MailboxSync, Outcome};
use crate::net::backoff::Backoff;
use crate::net::sasl::{Credentials, Proof};
use crate::net::{Culprit, Secret};

/// How often what cannot be had is closed in on without waiting long.
const QUICK_RETRIES: u32 = LESSONS;

/// A connection that lasted so long was one: the next failure is another one.
const LASTED: Duration = Duration::from_secs(60);

/// Connections that sync at the same time, at most: servers count those of a user, and other programs have some as well.
const CONNECTIONS_MAX: u32 = 4;

/// What the user wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Wish {
    online: bool,
    ended: bool,
    /// Counts wishes to try now.
    kick: u64,
}

/// What handles and tasks share.
pub(super) struct Shared {
    state: Mutex<State>,
    wish: watch::Sender<Wish>,
    /// A request is waiting.
    request: Notify,
    /// INBOX changed, or a sync was asked for.
    wake: Notify,
    /// The first connection is up (or not any more).
    up: watch::Sender<bool>,
    /// Somebody took or ended a turn, or there may be others to take.
    stir: watch::Sender<()>,
    /// A connection that is not the leading one was refused the password that the leading one came in with: it was changed meanwhile.
    refused: watch::Sender<bool>,
    /// Passwords that the leading connection was refused.
    passwords: Mutex<auth::Refused>,
    /// What all connections that sync know of the mailboxes.
    trails: Arc<Mutex<Trails>>,
    /// Names of mailboxes as the server writes them, where we would write them in another way, by how they are read.
    wire_names: Mutex<Arc<HashMap<String, String>>>,
}

struct State {
    queue: VecDeque<(Request, bool)>,
    credentials: Credentials,
    lanes: Lanes,
    /// What the last pass over INBOX began with.
    inbox_seen: Option<Server>,
    all_changed: bool,
    attended: bool,
    /// Another connection of the account was lost: the leading one is asked whether it is still there.
    doubtful: bool,
    sent: Option<String>,
    /// Why there is no connection, while there is none.
    trouble: Option<String>,
}

impl Shared {
    fn new(setup: &AccountSetup) -> Self {
        Self {
            state: Mutex::new(State {
                queue: VecDeque::new(),
                credentials: setup.credentials.clone(),
                lanes: Lanes::default(),
                inbox_seen: None,
                all_changed: false,
                attended: false,
                doubtful: false,
                sent: setup.sent_mailbox.clone(),
                trouble: None,
            }),
            wish: watch::Sender::new(Wish { online: true, ended: false, kick: 0 }),
            request: Notify::new(),
            wake: Notify::new(),
            up: watch::Sender::new(false),
            stir: watch::Sender::new(()),
            refused: watch::Sender::new(false),
            passwords: Mutex::default(),
            trails: Arc::default(),
            wire_names: Mutex::default(),
        }
    }

    /// Names of mailboxes as the server writes them.
    pub(super) fn wire_names(&self) -> Arc<HashMap<String, String>> {
        Arc::clone(&self.wire_names.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn set_wire_names(&self, names: &HashMap<String, String>) {
        let mut known = self.wire_names.lock().unwrap_or_else(PoisonError::into_inner);
        if **known != *names {
            *known = Arc::new(names.clone());
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn sync_now(&self) {
        self.state().all_changed = true;
        self.wish.send_modify(|wish| wish.kick = wish.kick.wrapping_add(1));
        self.wake.notify_one();
    }

    pub(super) fn look_first(&self, mailboxes: Vec<String>) {
        self.state().lanes.look_first(mailboxes);
    }

    /// As [`Self::sync_now`], and what was refused is tried again.
    pub(super) fn try_again(&self) {
        self.forget_refused();
        self.sync_now();
    }

    fn forget_refused(&self) {
        self.passwords.lock().unwrap_or_else(PoisonError::into_inner).forget();
    }

    pub(super) fn set_online(&self, online: bool) {
        if online && !self.wish.borrow().online {
            self.forget_refused();
        }
        self.wish.send_modify(|wish| {
            wish.online = online;
            wish.kick = wish.kick.wrapping_add(1);
        });
    }

    pub(super) fn set_password(&self, password: Secret) {
        self.state().credentials.proof = Proof::Password(password);
        self.forget_refused();
        self.set_refused(false);
        self.wish.send_modify(|wish| wish.kick = wish.kick.wrapping_add(1));
    }

    pub(super) fn end(&self) {
        self.wish.send_modify(|wish| wish.ended = true);
        self.refuse_all(&Error::Ended);
    }

    pub(super) fn has_ended(&self) -> bool {
        self.wish.borrow().ended
    }

    /// A request from a handle.
    pub(super) fn put(&self, request: Request) {
        self.queue(request, |queue, request| queue.push_back((request, false)));
    }

    /// Queues a request, or refuses it where nobody would take it. Asked with the state locked: whoever ends or leaves refuses what is queued by then.
    fn queue(&self, request: Request, how: impl FnOnce(&mut VecDeque<(Request, bool)>, Request)) {
        let mut state = self.state();
        let wish = *self.wish.borrow();
        let refusal = match &state.trouble {
            _ if wish.ended => Error::Ended,
            _ if !wish.online => Error::Offline,
            Some(words) => Error::NotConnected { words: words.clone() },
            None => {
                how(&mut state.queue, request);
                drop(state);
                self.request.notify_one();
                // Where nobody attends, the syncing task serves between its batches.
                self.wake.notify_one();
                return;
            }
        };
        drop(state);
        refuse(request, refusal);
    }

    /// The next request, and whether it is its last try.
    pub(super) fn take(&self) -> Option<(Request, bool)> {
        self.state().queue.pop_front()
    }

    /// A request that makes room for others.
    pub(super) fn put_last(&self, request: Request) {
        self.queue(request, |queue, request| queue.push_back((request, false)));
    }

    /// Whether a request waits.
    pub(super) fn is_asked(&self) -> bool {
        !self.state().queue.is_empty()
    }

    /// Mailboxes came, went, or have other names: all are listed again.
    pub(super) fn look_around(&self) {
        self.state().all_changed = true;
        self.wake.notify_one();
    }

    /// A request whose session died under it: once more.
    pub(super) fn put_back(&self, request: Request) {
        self.queue(request, |queue, request| queue.push_front((request, true)));
    }

    /// Returns when a request is waiting.
    pub(super) async fn requested(&self) {
        loop {
            let notified = self.request.notified();
            if !self.state().queue.is_empty() {
                return;
            }
            notified.await;
        }
    }

    /// Something changed in a mailbox (decoded name): it is synced before anything else.
    pub(super) fn changed(&self, mailbox: &str) {
        let mut state = self.state();
        let is_kept = state.lanes.change(mailbox);
        state.all_changed |= !is_kept;
        drop(state);
        self.wake.notify_one();
        self.stir();
    }

    /// INBOX was opened on the other connection: is this what the last pass began with?
    pub(super) fn inbox_opened(&self, server: &Server) {
        let same = |seen: &Server| seen.uid_next == server.uid_next && seen.exists == server.exists;
        if !self.state().inbox_seen.as_ref().is_some_and(same) {
            self.changed("INBOX");
        }
    }

    pub(super) fn credentials(&self) -> Credentials {
        self.state().credentials.clone()
    }

    /// The mailbox for sent mail.
    pub(super) fn sent(&self) -> Option<String> {
        self.state().sent.clone()
    }

    pub(super) fn set_attended(&self, attended: bool) {
        self.state().attended = attended;
        // The line in the status changes, and requests may have to be taken over.
        self.wake.notify_one();
        self.stir();
    }

    /// Another connection was lost: what ended it may have ended the leading one, which says nothing while it waits.
    fn doubt(&self) {
        self.state().doubtful = true;
        self.wake.notify_one();
    }

    /// Those beside who found nothing to do look again. Not to be called with the state locked.
    fn stir(&self) {
        self.stir.send_replace(());
    }

    /// Told each time that somebody may look again, from now on.
    pub(super) fn stirred(&self) -> watch::Receiver<()> {
        self.stir.subscribe()
    }

    /// The next turn for a connection.
    pub(super) fn take_turn<'a, S: Sink>(&'a self, sink: &'a S, lane: Lane) -> Option<InHand<'a, S>> {
        let turn = self.state().lanes.take(lane, Instant::now())?;
        self.stir();
        Some(InHand { shared: self, sink, lane, turn, is_over: false })
    }

    /// Whether a connection should break off its turn for what is more urgent.
    pub(super) fn is_urgent(&self, lane: Lane, turn: &Turn) -> bool {
        self.state().lanes.is_urgent(lane, turn, Instant::now())
    }

    /// Whether there is nothing to do for anybody.
    pub(super) fn is_over(&self) -> bool {
        self.state().lanes.is_over()
    }

    /// The number of the round.
    pub(super) fn round(&self) -> u64 {
        self.state().lanes.round()
    }

    fn trails(&self) -> MutexGuard<'_, Trails> {
        self.trails.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether an extra is asked for.
    pub(super) fn uses(&self, extra: Extra) -> bool {
        self.trails().done_without(extra, Instant::now()).is_none()
    }

    /// What came of one.
    pub(super) fn came_of<T>(&self, extra: Extra, result: &Result<T, Error>) {
        if self.trails().came_of(extra, result, Instant::now()) > 0 {
            // There may be something to tell.
            self.wake.notify_one();
        }
    }

    /// Whether the answer to a part of this message could not be read.
    pub(super) fn is_part_unreadable(&self, at: &MailboxAt, uid: u32) -> bool {
        self.trails().is_part_unreadable(at, uid)
    }

    /// What was asked of this message ended so. `wholly`: all of it was asked for at once.
    pub(super) fn ended_at_part(&self, at: &MailboxAt, uid: u32, wholly: bool, e: &Error) {
        self.trails().ended_at_part(at, uid, wholly, e);
    }

    /// The suspects of the leading connection.
    fn suspects(&self) -> Suspects {
        Suspects::over(Arc::clone(&self.trails))
    }

    /// Those of a connection beside.
    pub(super) fn suspects_beside(&self) -> Suspects {
        Suspects::beside(Arc::clone(&self.trails))
    }

    /// The password was refused, or there is another one, or one that was accepted just now.
    pub(super) fn set_refused(&self, refused: bool) {
        self.refused.send_replace(refused);
        self.stir();
    }

    /// Those beside let go of what they have in hand.
    fn shut(&self) {
        self.state().lanes.shut();
        self.stir();
    }

    /// As [`Self::shut`]; returns when they have.
    async fn alone(&self) {
        let mut stirred = self.stirred();
        self.shut();
        while self.state().lanes.is_at_work_beside() {
            // The sender lives in `self`.
            let _ = stirred.changed().await;
        }
    }

    /// Returns when those beside are to let go and this one has not for so long.
    pub(super) async fn cut_off(&self, patience: Duration) {
        let mut stirred = self.stirred();
        loop {
            while !self.state().lanes.is_shut() {
                let _ = stirred.changed().await;
            }
            let opened = async {
                while self.state().lanes.is_shut() {
                    let _ = stirred.changed().await;
                }
            };
            if timeout(patience, opened).await.is_err() {
                return;
            }
        }
    }

    /// Returns when a connection beside is worth its login. Whoever attends comes first: where the server has no room for that one, it has none for
    /// another.
    pub(super) async fn worth_it(&self, lane: Lane, patience: Duration) -> Present<'_> {
        let mut stirred = self.stirred();
        loop {
            stirred.mark_unchanged();
            let worth = {
                let is_refused = *self.refused.borrow();
                let mut state = self.state();
                match state.lanes.worth(Instant::now(), patience) {
                    // Servers lock accounts for a refused password that is sent again.
                    _ if is_refused => None,
                    Worth::Now if state.attended => {
                        state.lanes.open(lane);
                        return Present { shared: self, lane };
                    }
                    Worth::At(due) if state.attended => Some(due),
                    _ => None,
                }
            };
            let due = async {
                match worth {
                    Some(due) => sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                _ = stirred.changed() => {}
                () = due => {}
            }
        }
    }

    /// Returns when another round than this one has begun.
    pub(super) async fn another_round(&self, round: u64) {
        let mut stirred = self.stirred();
        while self.round() == round {
            let _ = stirred.changed().await;
        }
    }

    /// Returns when the user wants a connection, or the worker has ended.
    pub(super) async fn wanted(&self) {
        let _ = self.wish.subscribe().wait_for(|wish| wish.online || wish.ended).await;
    }

    /// Returns when the first connection is not up.
    pub(super) async fn down(&self) {
        let _ = self.up.subscribe().wait_for(|up| !*up).await;
    }

    /// Returns when the worker has ended.
    pub(super) async fn ended(&self) {
        let _ = self.wish.subscribe().wait_for(|wish| wish.ended).await;
    }

    fn refuse_all(&self, e: &Error) {
        let waiting = std::mem::take(&mut self.state().queue);
        for (request, _) in waiting {
            refuse(request, e.clone());
        }
    }

    /// Returns when the user no longer wants what `before` says.
    async fn wish_changed(&self, before: Wish) {
        let mut wish = self.wish.subscribe();
        // The sender lives in `self`.
        let _ = wish
            .wait_for(|now| now.online != before.online || now.ended != before.ended || now.kick != before.kick)
            .await;
    }

    /// Returns when the user wants no connection.
    pub(super) async fn unwanted(&self) {
        let mut wish = self.wish.subscribe();
        let _ = wish.wait_for(|now| !now.online || now.ended).await;
    }
}

/// A mailbox in a connection's hand. What is dropped without more was not made: it goes back, and where the leading connection dropped it, that has
/// fallen.
pub(super) struct InHand<'a, S: Sink> {
    shared: &'a Shared,
    sink: &'a S,
    lane: Lane,
    pub(super) turn: Turn,
    is_over: bool,
}

impl<S: Sink> InHand<'_, S> {
    /// The turn came to its end.
    pub(super) fn ended(mut self, end: End) {
        self.let_go(|lanes, lane, turn| lanes.ended(lane, turn, end));
    }

    /// It came to grief: it is the leading connection's.
    pub(super) fn give_back(mut self) {
        self.let_go(Lanes::give_back);
    }

    /// Told before anybody else can take it.
    fn let_go(&mut self, how: impl FnOnce(&mut Lanes, Lane, Turn)) {
        if std::mem::replace(&mut self.is_over, true) {
            return;
        }
        self.sink.passed(&self.turn.mailbox);
        how(&mut self.shared.state().lanes, self.lane, self.turn.clone());
        if self.lane != Lane::LEADING {
            self.shared.wake.notify_one();
        }
        self.shared.stir();
    }
}

impl<S: Sink> Drop for InHand<'_, S> {
    fn drop(&mut self) {
        self.let_go(Lanes::let_go);
    }
}

/// A connection beside, from before its login to its end.
pub(super) struct Present<'a> {
    shared: &'a Shared,
    lane: Lane,
}

impl Present<'_> {
    /// It is connected.
    pub(super) fn opened(&self) {
        self.shared.state().lanes.opened(self.lane);
    }
}

impl Drop for Present<'_> {
    fn drop(&mut self) {
        self.shared.state().lanes.closed(self.lane);
        self.shared.stir();
    }
}

/// Starts an account's worker on the current tokio runtime. The link's state is told to the sink from then on.
#[must_use]
pub fn spawn<S: Sink>(setup: AccountSetup, sink: Arc<S>) -> Handle {
    let shared = Arc::new(Shared::new(&setup));
    let setup = Arc::new(setup);
    tokio::spawn(attending(Arc::clone(&setup), Arc::clone(&shared)));
    for lane in 1..setup.limits.connections.min(CONNECTIONS_MAX) {
        tokio::spawn(Box::pin(beside(Lane(lane), Arc::clone(&setup), Arc::clone(&sink), Arc::clone(&shared))));
    }
    tokio::spawn(Box::pin(syncing(setup, sink, Arc::clone(&shared))));
    Handle::new(shared)
}

/// The leading task.
async fn syncing<S: Sink>(setup: Arc<AccountSetup>, sink: Arc<S>, shared: Arc<Shared>) {
    let mut backoff = Backoff::new(setup.times.retry_first, setup.times.retry_ceiling);
    let mut suspects = shared.suspects();
    let mut quick = 0_u32;
    let mut reopened: Option<Instant> = None;
    loop {
        let wish = *shared.wish.borrow();
        if wish.ended {
            return;
        }
        if !wish.online {
            shared.refuse_all(&Error::Offline);
            sink.link(Link::Offline);
            shared.wish_changed(wish).await;
            continue;
        }
        shared.state().trouble = None;
        sink.link(Link::Connecting);
        let mut well = false;
        let began = Instant::now();
        let run = connected(&setup, &*sink, &shared, &mut suspects, &mut well);
        let failure = tokio::select! {
            e = run => e,
            () = shared.unwanted() => {
                shared.shut();
                shared.up.send_replace(false);
                continue;
            }
        };
        shared.shut();
        // A session that stood and fell is begun again once before anybody is refused: what they wanted is most often told over the next.
        let stood = shared.up.send_replace(false);
        if well {
            quick = 0;
        }
        // A line that drops again and again, and brings something each time, is used as it comes.
        let progressed = suspects.progressed() || well || began.elapsed() > LASTED;
        // What stops us here stops us again, however much comes before it.
        if progressed && !matches!(failure, Error::Stopped(_)) {
            backoff.reset();
        }
        if stood && is_line(&failure) && reopened.is_none_or(|at| at.elapsed() > LASTED) {
            reopened = Some(Instant::now());
            continue;
        }
        if suspects.learned() && quick < QUICK_RETRIES {
            quick = quick.saturating_add(1);
            if matches!(failure, Error::Unreadable { .. }) {
                continue;
            }
            // A server that ended the session may have a reason to be left in peace for a moment.
            backoff.reset();
        }
        wait(&shared, &*sink, &failure, &mut backoff, wish).await;
    }
}

/// Whether the session ended, and the server refused nothing.
fn is_line(failure: &Error) -> bool {
    matches!(failure, Error::Lost { .. } | Error::Bye { .. })
}

/// Waits before the next attempt, or for the user.
async fn wait<S: Sink>(shared: &Shared, sink: &S, failure: &Error, backoff: &mut Backoff, wish: Wish) {
    let why = failure.to_string();
    shared.state().trouble = Some(why.clone());
    let culprit = failure.culprit();
    // Trying a refused password again locks accounts.
    let retry_in = (culprit != Culprit::Credentials).then(|| backoff.next(chance()));
    // Told before anybody is refused: whoever is, knows by then whether to go on.
    sink.link(Link::Waiting { why: why.clone(), culprit, retry_in });
    shared.refuse_all(&Error::NotConnected { words: why });
    tokio::select! {
        () = shared.wish_changed(wish) => {}
        () = sleep(retry_in.unwrap_or(Duration::MAX)) => {}
    }
}

/// Any number: the addresses of allocations and the time since the last call are no secret worth having.
pub(super) fn chance() -> u32 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    // RandomState is seeded by the system for each process and differs for each call.
    u32::try_from(RandomState::new().build_hasher().finish() & u64::from(u32::MAX)).unwrap_or_default()
}

/// One connection's life, up to the failure that ended it.
async fn connected<S: Sink>(
    setup: &AccountSetup,
    sink: &S,
    shared: &Arc<Shared>,
    suspects: &mut Suspects,
    well: &mut bool,
) -> Error {
    match connect_and_sync(setup, sink, shared, suspects, well).await {
        Ok(never) => match never {},
        Err(e) => e,
    }
}

async fn connect_and_sync<S: Sink>(
    setup: &AccountSetup,
    sink: &S,
    shared: &Arc<Shared>,
    suspects: &mut Suspects,
    well: &mut bool,
) -> Result<std::convert::Infallible, Error> {
    let mut session = auth::open_unless_refused(setup, &shared.credentials(), &shared.passwords).await?;
    shared.set_refused(false);
    shared.up.send_replace(true);
    session.alerts.drain(..).for_each(|text| sink.alert(&text));
    all(setup, sink, shared, &mut session, suspects, Look::Asked).await?;
    // Whatever wakes us meanwhile, it is not put off. Nor is it for ever by work that takes its time: what comes to a mailbox that is through is seen
    // by nothing else where the server does not tell of it (RFC 5465). What is broken off for it goes on behind it.
    let mut next_look = Instant::now() + setup.times.poll;
    let mut overdue = next_look + setup.times.poll;
    // A mailbox was synced on this connection, so that another one at which it ends is to blame itself.
    let mut some = false;
    loop {
        session.alerts.drain(..).for_each(|text| sink.alert(&text));
        suspects.take_notes().iter().for_each(|words| sink.noted(words));
        suspects.heed(shared.wish.borrow().kick);
        while Instant::now() < overdue {
            shared.state().lanes.suspect(suspects.troubled(), suspects.marked());
            let Some(hand) = shared.take_turn(sink, Lane::LEADING) else { break };
            let mailbox = hand.turn.mailbox.clone();
            if let Some(why) = suspects.passed_over(&mailbox, Instant::now()) {
                sink.refused(&mailbox, &why);
                hand.ended(End::Done);
                continue;
            }
            let urgent = || {
                let state = shared.state();
                let asked = !state.attended && !state.queue.is_empty();
                drop(state);
                asked || Instant::now() >= overdue || shared.is_urgent(Lane::LEADING, &hand.turn)
            };
            let is_last = shared.state().lanes.is_last(&hand.turn);
            match sync_mailbox(setup, sink, &mut session, suspects, &hand.turn, &urgent, shared).await {
                Ok(end) => {
                    some |= end != End::Interrupted;
                    hand.ended(end);
                }
                Err(e) if e.session_lives() => {
                    some = true;
                    sink.refused(&mailbox, &e);
                    hand.ended(End::Done);
                }
                Err(e) => {
                    let others_well = some || is_last || shared.state().lanes.is_well_beside();
                    suspects.ended_at(&mailbox, &e, others_well, Instant::now() + setup.times.poll);
                    return Err(e);
                }
            }
            serve_here(shared, &mut session).await?;
        }
        let is_at_work_beside = {
            let state = shared.state();
            let is_at_work = state.lanes.is_at_work_beside();
            if !is_at_work && Instant::now() < overdue {
                *well = true;
                // Before anybody can take a turn, of which is told behind it.
                sink.link(Link::Online { live: state.attended });
            }
            is_at_work
        };
        tokio::select! {
            () = shared.wake.notified() => {}
            // Whoever is at work is not broken off at once for a look around that nobody asked for; when it lets go, that wakes.
            () = sleep_until(if is_at_work_beside { overdue } else { next_look }) => {}
        }
        let (asked, is_calm, is_doubtful) = {
            let mut state = shared.state();
            state.lanes.is_busy();
            let asked = std::mem::take(&mut state.all_changed);
            (asked, !state.lanes.is_at_work_beside(), std::mem::take(&mut state.doubtful))
        };
        if is_doubtful {
            match session.run("whether it is still there", &Command::plain("NOOP"), |_| Use::Unasked).await {
                Err(e) if !e.session_lives() => return Err(e),
                _ => {}
            }
        }
        let now = Instant::now();
        if asked || now >= overdue || is_calm && now >= next_look {
            let why = if !asked && now >= overdue { Look::Overdue } else { Look::Asked };
            all(setup, sink, shared, &mut session, suspects, why).await?;
            next_look = Instant::now() + setup.times.poll;
            overdue = next_look + setup.times.poll;
        }
        serve_here(shared, &mut session).await?;
    }
}

/// Why it is looked around.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    /// A session began, somebody asks, or it is time.
    Asked,
    /// A round takes so long that it is broken off for it.
    Overdue,
}

/// Lists the mailboxes and tells of them; the agenda is made anew.
async fn all<S: Sink>(
    setup: &AccountSetup,
    sink: &S,
    shared: &Shared,
    session: &mut Session<Line>,
    suspects: &mut Suspects,
    why: Look,
) -> Result<(), Error> {
    if why == Look::Asked {
        // What changes from here on is seen by a pass, or told once more.
        shared.state().lanes.begin_anew();
    }
    shared.alone().await;
    let (found, mut changed) = look(setup, sink, session, suspects).await?;
    shared.set_wire_names(session.wire_names());
    let troubled = suspects.troubled();
    changed.sort_by_key(|outlook| troubled.contains(&outlook.mailbox));
    let mut state = shared.state();
    state.sent = mailboxes::sent(&found, setup.sent_mailbox.as_deref());
    for found in &found {
        // Whether it has its turn or needs none: what is opened beside and says the same, is no news.
        if found.info.name == "INBOX"
            && let Some(status) = &found.status
        {
            state.inbox_seen = Some(Server {
                uid_validity: status.uid_validity.unwrap_or_default(),
                uid_next: status.uid_next,
                exists: status.messages.unwrap_or_default(),
                highest_modseq: status.highest_modseq,
                ..Server::default()
            });
        }
    }
    state.lanes.suspect(troubled, suspects.marked());
    state.lanes.begin(found.into_iter().map(|found| found.info.name).collect(), changed);
    drop(state);
    shared.stir();
    Ok(())
}

/// Makes one turn.
pub(super) async fn sync_mailbox<S: Sink>(
    setup: &AccountSetup,
    sink: &S,
    session: &mut Session<Line>,
    suspects: &mut Suspects,
    turn: &Turn,
    urgent: &(dyn Fn() -> bool + Send + Sync),
    shared: &Shared,
) -> Result<End, Error> {
    let mailbox = turn.mailbox.as_str();
    session.know_names(&shared.wire_names());
    sink.secured(mailbox, session.secured.as_ref());
    sink.link(Link::began(mailbox));
    let opened = |server: &Server| {
        if mailbox == "INBOX" {
            shared.state().inbox_seen = Some(*server);
        }
    };
    let pass = MailboxSync {
        session,
        sink,
        depth: turn.depth,
        limits: setup.limits,
        suspects,
        looked: shared.state().lanes.is_looked_at(mailbox),
        told: turn.changed,
        recheck: setup.times.recheck,
        urgent,
        opened: &opened,
    };
    Ok(match pass.pass(mailbox).await? {
        Outcome::Complete(_) => End::Done,
        Outcome::Listed(_) => End::Listed,
        Outcome::Interrupted(_) => End::Interrupted,
    })
}

/// Serves requests on the first connection while there is no second.
async fn serve_here(shared: &Shared, session: &mut Session<Line>) -> Result<(), Error> {
    while !shared.state().attended
        && let Some((request, last_try)) = shared.take()
    {
        if let Err(end) = serve(session, &mut None, shared, request, last_try).await {
            let (e, again) = *end;
            if let Some(request) = again {
                shared.put_back(request);
            }
            return Err(e);
        }
    }
    Ok(())
}

/// The second task: connects while the first is connected.
async fn attending(setup: Arc<AccountSetup>, shared: Arc<Shared>) {
    let mut backoff = Backoff::new(setup.times.retry_first, setup.times.retry_ceiling);
    let mut up = shared.up.subscribe();
    let mut wish = shared.wish.subscribe();
    loop {
        tokio::select! {
            _ = up.wait_for(|up| *up) => {}
            _ = wish.wait_for(|wish| wish.ended) => return,
        }
        let down = async {
            let _ = shared.up.subscribe().wait_for(|up| !*up).await;
        };
        let began = tokio::time::Instant::now();
        let refused = tokio::select! {
            ended = attend(&setup, &shared) => {
                if ended.as_ref().is_err_and(|e| is_line(e) || matches!(e, Error::TimedOut { .. })) {
                    shared.doubt();
                }
                ended.is_err_and(|error| error.culprit() == Culprit::Credentials)
            }
            () = down => continue,
            () = shared.unwanted() => {
                if shared.wish.borrow().ended { return }
                let _ = shared.wish.subscribe().wait_for(|wish| wish.online || wish.ended).await;
                continue;
            }
        };
        if refused {
            // The password was changed while the first connection is up: servers lock accounts for repeated refusals, so it waits for
            // another password, or for the first connection to go, whose own refusal is told.
            shared.set_refused(true);
            let (mut refused, mut up) = (shared.refused.subscribe(), shared.up.subscribe());
            tokio::select! {
                _ = refused.wait_for(|refused| !*refused) => {}
                _ = up.wait_for(|up| !*up) => {}
                () = shared.ended() => {}
            }
            continue;
        }
        // It is only a helper: its failures are not the account's. The first connection serves meanwhile.
        if began.elapsed() > Duration::from_secs(60) {
            backoff.reset();
        }
        let pause = backoff.next(chance());
        tokio::select! {
            () = sleep(pause) => {}
            () = shared.unwanted() => {}
        }
    }
}

/// Connects, syncs all mailboxes (or those named) once, and disconnects. One connection syncs them one after the other, whatever the account allows a
/// worker: what it cost is the cost of one session.
///
/// # Errors
/// What ended it; what was synced before is stored. A mailbox that the server refuses ends it only if it was named; where that is INBOX, it
/// is an error once the others are done.
pub async fn sync_once<S: Sink>(setup: &AccountSetup, sink: &S, only: &[String]) -> Result<Vec<Pass>, Error> {
    sync_counted(setup, sink, only).await.map(|synced| synced.passes)
}

/// As [`sync_once`], with what it all cost: login, list and passes.
///
/// # Errors
/// As [`sync_once`].
pub async fn sync_counted<S: Sink>(setup: &AccountSetup, sink: &S, only: &[String]) -> Result<Synced, Error> {
    let mut suspects = Suspects::default();
    let mut passes = Synced::default();
    let mut quick = 0_u32;
    let mut finished: Vec<String> = Vec::new();
    loop {
        match once(setup, sink, only, &mut suspects, &mut finished, &mut passes).await {
            Err(e) if !matches!(e, Error::Stopped(_)) && quick < QUICK_RETRIES => {
                if !(suspects.learned() | suspects.noted()) {
                    return Err(e);
                }
                quick = quick.saturating_add(1);
                if !matches!(e, Error::Unreadable { .. }) {
                    sleep(setup.times.retry_first).await;
                }
            }
            Err(e) => return Err(e),
            Ok(()) => return Ok(passes),
        }
    }
}

async fn once<S: Sink>(
    setup: &AccountSetup,
    sink: &S,
    only: &[String],
    suspects: &mut Suspects,
    finished: &mut Vec<String>,
    synced: &mut Synced,
) -> Result<(), Error> {
    sink.link(Link::Connecting);
    let mut session = auth::open(setup, &setup.credentials).await?;
    let result = once_in(setup, sink, only, suspects, finished, &mut session, &mut synced.passes).await;
    session.alerts.drain(..).for_each(|text| sink.alert(&text));
    let (bytes_in, bytes_out) = session.bytes();
    synced.bytes_in = synced.bytes_in.saturating_add(bytes_in);
    synced.bytes_out = synced.bytes_out.saturating_add(bytes_out);
    synced.round_trips = synced.round_trips.saturating_add(session.round_trips);
    if result.as_ref().err().is_none_or(Error::session_lives) {
        session.logout().await;
        sink.link(Link::Offline);
    }
    result
}

/// The passes of one session. An error that leaves the session alive is of an INBOX that was refused, while all others were synced.
async fn once_in<S: Sink>(
    setup: &AccountSetup,
    sink: &S,
    only: &[String],
    suspects: &mut Suspects,
    finished: &mut Vec<String>,
    session: &mut Session<Line>,
    passes: &mut Vec<Pass>,
) -> Result<(), Error> {
    let mut refused = None;
    let (found, changed) = look(setup, sink, session, suspects).await?;
    suspects.take_notes().iter().for_each(|words| sink.noted(words));
    let mailboxes: Vec<String> =
        if only.is_empty() { found.into_iter().map(|found| found.info.name).collect() } else { only.to_vec() };
    let (mut todo, mut idle) = (Vec::new(), Vec::new());
    let troubled = suspects.troubled();
    for mailbox in mailboxes.iter().filter(|mailbox| !finished.contains(mailbox)) {
        let outlook = changed.iter().find(|outlook| outlook.mailbox == *mailbox).cloned();
        match outlook {
            Some(outlook) => todo.push(outlook),
            None if only.is_empty() => {
                passes.push(Pass { mailbox: mailbox.clone(), ..Pass::default() });
                idle.push(mailbox.clone());
            }
            None => todo.push(Outlook { mailbox: mailbox.clone(), new: Some(0) }),
        }
    }
    finished.append(&mut idle);
    todo.sort_by_key(|outlook| troubled.contains(&outlook.mailbox));
    let mut agenda = Agenda::new(todo);
    let mut some = !finished.is_empty();
    while let Some(turn) = agenda.next(None, &[], |_| true) {
        let mailbox = turn.mailbox.clone();
        if let Some(why) = suspects.passed_over(&mailbox, Instant::now()) {
            sink.refused(&mailbox, &why);
            if mailbox == "INBOX" || !only.is_empty() {
                refused = Some(why);
            }
            finished.push(mailbox);
            agenda.ended(turn, End::Done);
            continue;
        }
        let others_well = some;
        sink.secured(&mailbox, session.secured.as_ref());
        sink.link(Link::began(&mailbox));
        let pass = MailboxSync {
            session: &mut *session,
            sink,
            depth: turn.depth,
            limits: setup.limits,
            suspects: &mut *suspects,
            looked: true,
            told: false,
            recheck: setup.times.recheck,
            urgent: &|| false,
            opened: &|_| (),
        };
        let outcome = pass.pass(&mailbox).await;
        sink.passed(&mailbox);
        let end = match outcome {
            Ok(Outcome::Listed(pass)) => {
                add(passes, pass);
                End::Listed
            }
            Ok(Outcome::Complete(pass) | Outcome::Interrupted(pass)) => {
                add(passes, pass);
                End::Done
            }
            Err(e) if e.session_lives() && only.is_empty() => {
                let once_more = suspects.has_learned();
                if !once_more {
                    sink.refused(&mailbox, &e);
                }
                if once_more || mailbox == "INBOX" {
                    refused = Some(e);
                }
                if once_more {
                    agenda.ended(turn, End::Done);
                    continue;
                }
                End::Done
            }
            Err(e) => {
                suspects.ended_at(&mailbox, &e, others_well, Instant::now() + setup.times.poll);
                return Err(e);
            }
        };
        some = true;
        if end == End::Done {
            finished.push(mailbox);
        }
        agenda.ended(turn, end);
    }
    passes.sort_by_key(|pass| mailboxes.iter().position(|mailbox| *mailbox == pass.mailbox));
    refused.map_or(Ok(()), Err)
}

/// Adds a pass to those over the same mailbox.
fn add(passes: &mut Vec<Pass>, pass: Pass) {
    let Some(before) = passes.iter_mut().find(|before| before.mailbox == pass.mailbox) else {
        passes.push(pass);
        return;
    };
    before.new = before.new.saturating_add(pass.new);
    before.changed = before.changed.saturating_add(pass.changed);
    before.vanished = before.vanished.saturating_add(pass.vanished);
    before.bytes_in = before.bytes_in.saturating_add(pass.bytes_in);
    before.bytes_out = before.bytes_out.saturating_add(pass.bytes_out);
    before.round_trips = before.round_trips.saturating_add(pass.round_trips);
    before.seconds += pass.seconds;
}
