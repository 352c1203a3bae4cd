//! One account: where its IMAP worker puts what it learns, and how it is started and stopped.
//!
//! The sink keeps two batches in flight: while one is stored, the next is read, opened and packed, and the one behind it comes over the network;
//! the call for the one after that waits. What is in the cache is announced to the core afterwards, never before.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Mutex as AsyncMutex, Semaphore, oneshot};
use tokio::task::JoinHandle;

use super::channels::Channel;
use super::connections::Figures;
use super::core::{Core, CoreHandle, Open, Settings, SharedKeyring, Stores};
use super::ingest::{self, summarise};
use super::library::record::Record;
use super::looked;
use super::outbox;
use super::quarantine;
use super::refused::Remembered;
use super::register::Register;
use super::unlisted;
use crate::app::view::{AccountStatus, Link, Tone};
use crate::config;
use crate::imap::{
    self, AccountSetup, Fetched, Held, Known, Left, MailboxAt, MailboxInfo, Pass, Position, Sample, Sink, Stop, UidSet,
};
use crate::mail::id::{MailboxId, MessageKey};
use crate::mail::safe::SafeText;
use crate::net::backoff::Backoff;
use crate::net::sasl::{Credentials, Proof, Wanted};
use crate::net::{self, Culprit};
use crate::store::cache::Incoming;
use crate::store::flags::{Flags, Keeps};
use crate::store::mailbox::{Mailbox, MailboxState, SpecialUse};
use crate::store::outbox::OutboxState;
use crate::store::page;
use crate::store::summary::Summary;

/// How far a pass over a mailbox is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct UnderWay {
    pub(crate) mailbox: String,
    pub(crate) done: u64,
    pub(crate) total: u64,
    pub(crate) bytes_done: u64,
    pub(crate) bytes_known: u64,
}

/// A pass came so far.
fn note(under_way: &mut Vec<UnderWay>, now: UnderWay) {
    match under_way.iter_mut().find(|before| before.mailbox == now.mailbox) {
        Some(before) => *before = now,
        None => under_way.push(now),
    }
}

/// The passes that are under way as one state: the oldest of them, so that it is the same one for as long as that takes, and how many there are beside.
fn syncing(under_way: &[UnderWay]) -> Option<Link> {
    let (first, others) = under_way.split_first()?;
    Some(Link::Syncing {
        mailbox: SafeText::line(&first.mailbox),
        done: first.done,
        total: first.total,
        bytes_done: first.bytes_done,
        bytes_known: first.bytes_known,
        others: others.len(),
    })
}

/// An account as the core knows it.
pub(crate) struct Account {
    pub(crate) status: AccountStatus,
    pub(crate) handle: Option<imap::Handle>,
    /// When a pass last succeeded.
    pub(crate) since: Option<Timestamp>,
    pub(crate) replaying: bool,
    pub(crate) replay_again: bool,
    /// What its mailboxes cost and why some are left out.
    pub(crate) figures: Figures,
    /// The flags that mailboxes keep, of those that were opened.
    pub(crate) keeps: HashMap<MailboxAt, Keeps>,
    /// Passes that are under way, by mailbox, the oldest first.
    pub(crate) under_way: Vec<UnderWay>,
    /// The server has refused the password, and no other was given since.
    pub(crate) refused: bool,
    /// A worker is being started.
    starting: bool,
    /// How long until it is started again, when that failed.
    starts: Backoff,
    /// The start that is waited for, by its number: those before it are not any more.
    start_number: u64,
}

impl Account {
    /// An account that has not connected yet, or was taken offline before.
    pub(crate) fn new(name: &str, since: Option<Timestamp>, chosen_offline: bool) -> Self {
        let because = if chosen_offline { "you went offline" } else { "not connected yet" };
        let link = Link::Offline { since, because: SafeText::from(because), retry: None };
        let status = AccountStatus { account: name.to_owned(), link };
        Self {
            status,
            handle: None,
            since,
            replaying: false,
            replay_again: false,
            figures: Figures::default(),
            keeps: HashMap::new(),
            under_way: Vec::new(),
            refused: false,
            starting: false,
            start_number: 0,
            starts: Backoff::default(),
        }
    }

    /// Ends the worker.
    pub(crate) fn end(&mut self) {
        if let Some(handle) = self.handle.take() {
            handle.end();
        }
    }

    /// Why the server does not take its password, where it does not.
    pub(crate) fn why_refused(&self) -> Option<String> {
        match &self.status.link {
            Link::Offline { because, .. } if self.refused => Some(because.to_string()),
            _ => None,
        }
    }

    /// Whether the server can be asked now.
    pub(crate) fn is_online(&self) -> bool {
        matches!(self.status.link, Link::Watching { .. } | Link::Syncing { .. })
    }
}

/// A server of the configuration, for the network.
pub(crate) fn endpoint(server: &config::Endpoint) -> net::Endpoint {
    net::Endpoint {
        host: server.host.clone(),
        port: server.port,
        security: match server.security {
            config::Security::Tls => net::Security::Tls,
            config::Security::StartTls => net::Security::StartTls,
        },
    }
}

/// Whom an account trusts, and the certificate that it shows.
pub(crate) fn trust(account: &config::Account) -> Result<Arc<net::ClientConfig>, net::Error> {
    trust_with(account, account.ca_file.as_deref())
}

/// As [`trust`], with another authority.
pub(crate) fn trust_with(
    account: &config::Account,
    ca_file: Option<&std::path::Path>,
) -> Result<Arc<net::ClientConfig>, net::Error> {
    let own = account.client_certificate.as_ref();
    let own = own.map(|own| net::ClientCertificate { certificate: own.certificate.clone(), key: own.key.clone() });
    net::tls::client_config_as(ca_file, own.as_ref())
}

/// Who we are to one of an account's servers.
pub(crate) fn credentials(account: &config::Account, server: &config::Endpoint, proof: Proof) -> Credentials {
    let wanted = match server.auth {
        config::Auth::Auto => Wanted::Auto,
        config::Auth::Plain => Wanted::Plain,
        config::Auth::Login => Wanted::Login,
        config::Auth::ScramSha256 => Wanted::ScramSha256,
        config::Auth::XOAuth2 => Wanted::XOAuth2,
        config::Auth::OAuthBearer => Wanted::OAuthBearer,
        config::Auth::External => Wanted::External,
    };
    // The address is the default of `user`; a certificate stands for a name of its own, which nobody has to write down.
    let authzid = if server.user == account.address.addr { String::new() } else { server.user.clone() };
    Credentials { user: server.user.clone(), wanted, proof, authzid }
}

/// Everything that a worker of an account needs.
pub(crate) fn setup(
    account: &config::Account,
    settings: &config::Config,
    proof: Proof,
) -> Result<AccountSetup, String> {
    let tls = trust(account).map_err(|error| error.to_string())?;
    let bytes_max = settings.sync.bodies_up_to_bytes.min(settings.max_message_bytes);
    let limits = imap::Limits {
        message_bytes_max: u32::try_from(bytes_max).unwrap_or(u32::MAX),
        batch_messages: usize::try_from(settings.sync.batch.clamp(1, 2_000)).unwrap_or(200),
        connections: settings.sync.connections,
        ..imap::Limits::default()
    };
    let poll = std::time::Duration::from_secs(u64::from(settings.sync.every_minutes.max(1)) * 60);
    Ok(AccountSetup {
        name: account.name.clone(),
        endpoint: endpoint(&account.imap),
        tls,
        credentials: credentials(account, &account.imap, proof),
        sent_mailbox: account.sent_mailbox.clone(),
        skip: account.skip.clone(),
        compress: account.compress,
        limits,
        times: imap::Times { poll, ..imap::Times::default() },
        refusals: None,
    })
}

impl Core {
    /// Starts the workers of all accounts that have none.
    pub(crate) fn start_accounts(&mut self, open: &mut Open) {
        let names: Vec<String> = open.accounts.keys().cloned().collect();
        for name in names {
            self.start_account(open, &name);
        }
    }

    pub(crate) fn start_account(&mut self, open: &mut Open, name: &str) {
        let Some(account) = self.settings.config.accounts.iter().find(|account| account.name == name).cloned() else {
            return;
        };
        let Some(known) = open.accounts.get_mut(name) else { return };
        if self.offline.has(name) || known.handle.is_some() || std::mem::replace(&mut known.starting, true) {
            return;
        }
        let sink = Arc::new(self.sink(open, name));
        let (settings, core, number) = (Arc::clone(&self.settings), self.handle.clone(), open.number);
        // On the screen somebody looks on, who may want it tried.
        let refusals = Some(Remembered::of(&open.stores, &settings, &account, settings.lazy));
        self.set_link(open, name, Link::Connecting);
        self.runtime.spawn(async move {
            // What is missing on this machine may come; a password that has to be typed does not come by itself.
            let handle = match settings.secrets.proof(&account).await {
                Ok(proof) => setup(&account, &settings.config, proof)
                    .map(|setup| imap::spawn(imap::AccountSetup { refusals, ..setup }, sink))
                    .map_err(|words| (words, true)),
                Err(words) => Err((words, false)),
            };
            core.front_of(number, move |core, open| {
                let Some(known) = open.accounts.get_mut(&account.name) else { return };
                known.starting = false;
                match handle {
                    Ok(handle) => {
                        known.starts.reset();
                        if core.offline.has(&account.name) {
                            handle.set_online(false);
                        }
                        known.handle = Some(handle);
                        looked::account(open, &account.name);
                    }
                    Err((words, again)) => {
                        let wait = again.then(|| known.starts.next(999));
                        let retry = wait.and_then(|wait| core.now().checked_add(wait).ok());
                        let link = Link::Offline { since: known.since, because: SafeText::line(&words), retry };
                        core.set_link(open, &account.name, link);
                        core.start_later(open, account.name, wait);
                    }
                }
            });
        });
    }

    /// Starts an account that could not be started, after a while, unless the user does not want it any more.
    fn start_later(&self, open: &mut Open, account: String, wait: Option<Duration>) {
        let (Some(wait), core) = (wait, self.handle.clone()) else { return };
        let Some(known) = open.accounts.get_mut(&account) else { return };
        known.start_number = known.start_number.wrapping_add(1);
        let (number, mine) = (open.number, known.start_number);
        self.runtime.spawn(async move {
            tokio::time::sleep(wait).await;
            core.front_of(number, move |core, open| {
                let is_due = |known: &Account| known.start_number == mine;
                if open.accounts.get(&account).is_some_and(is_due) {
                    core.start_account(open, &account);
                }
            });
        });
    }

    /// Where a worker of this account puts what it learns.
    pub(crate) fn sink(&self, open: &Open, account: &str) -> AccountSink {
        // A command syncs over one.
        let connections = if self.settings.lazy { 1 } else { self.settings.config.sync.connections };
        let connections = usize::try_from(connections).unwrap_or(1);
        AccountSink {
            account: account.to_owned(),
            number: open.number,
            stores: Arc::clone(&open.stores),
            keyring: open.keyring.clone(),
            register: open.register.clone(),
            settings: Arc::clone(&self.settings),
            core: self.handle.clone(),
            indexed: Arc::clone(&open.indexed),
            listed: Mutex::new(HashMap::new()),
            ids: Mutex::new(HashMap::new()),
            losses: Arc::default(),
            in_flight: Mutex::default(),
            room: Arc::new(Semaphore::new(IN_FLIGHT.saturating_mul(connections))),
            channels: Mutex::default(),
            alerts: Mutex::default(),
            refused: Mutex::default(),
            noted: Mutex::default(),
            passes: None,
        }
    }

    /// Messages are in the cache: into the index with them.
    pub(crate) fn ingested(&mut self, open: &mut Open, mailbox: MailboxId, records: Vec<Record>) {
        let mut fresh = 0_usize;
        let watching = open
            .library
            .mailbox(mailbox)
            .is_some_and(|m| m.state.special_use == Some(SpecialUse::Inbox) && m.state.last_sync.is_some());
        self.find_moved(open, mailbox, &records);
        for record in records {
            let key = MessageKey { mailbox, uid: record.summary.uid };
            if open.changes.has_left(&open.library, key) {
                continue;
            }
            if open.library.flags(key).is_none() && !record.summary.flags.seen() {
                fresh = fresh.saturating_add(1);
            }
            open.library.insert(mailbox, &record);
            open.changes.show(&mut open.library, key, &record.summary.flags);
        }
        if watching && fresh > 0 {
            let words = if fresh == 1 { "1 new message".to_owned() } else { format!("{fresh} new messages") };
            self.announcer.notice(Tone::Plain, &words);
        }
        self.mark_changed();
    }

    /// A pass came to its end.
    fn passed(&mut self, open: &mut Open, account: &str, mailbox: &str) {
        let Some(known) = open.accounts.get_mut(account) else { return };
        known.under_way.retain(|pass| pass.mailbox != mailbox);
        // Where it was the last, the connection that leads says what comes next.
        if let Some(link) = syncing(&known.under_way)
            && matches!(known.status.link, Link::Syncing { .. })
        {
            self.set_link(open, account, link);
        }
    }

    /// The connection of an account changed.
    fn linked(&mut self, open: &mut Open, account: &str, link: &imap::Link) {
        let now = self.now();
        let Some(known) = open.accounts.get_mut(account) else { return };
        let was_online = known.is_online();
        if !matches!(link, imap::Link::Syncing { .. }) {
            known.under_way.clear();
        }
        let shown = match link {
            imap::Link::Offline => {
                Link::Offline { since: known.since, because: SafeText::from("you went offline"), retry: None }
            }
            imap::Link::Connecting => Link::Connecting,
            // Of a pass that was under way when the connection fell, or when the user went offline: whoever leads says so first when it is back.
            imap::Link::Syncing { .. } if matches!(known.status.link, Link::Offline { .. }) => return,
            imap::Link::Syncing { mailbox, done, total, bytes_done, bytes_known } => {
                if *done > 0 {
                    known.figures.refusals.remove(mailbox);
                }
                let (mailbox, done, total) = (mailbox.clone(), *done, *total);
                let now = UnderWay { mailbox, done, total, bytes_done: *bytes_done, bytes_known: *bytes_known };
                note(&mut known.under_way, now);
                syncing(&known.under_way).unwrap_or(Link::Connecting)
            }
            imap::Link::Online { live } => {
                known.since = Some(now);
                known.refused = false;
                Link::Watching { live: *live }
            }
            imap::Link::Waiting { why, retry_in, culprit } => {
                if *culprit == Culprit::Credentials {
                    known.refused = true;
                    // One that a program gives is not held.
                    self.settings.secrets.forget(account);
                }
                Link::Offline {
                    since: known.since,
                    because: SafeText::line(why),
                    retry: retry_in.and_then(|wait| now.checked_add(wait).ok()),
                }
            }
        };
        self.set_link(open, account, shown);
        let online = open.accounts.get(account).is_some_and(Account::is_online);
        if online && !was_online {
            self.replay(open, account);
            open.outbox.came_online();
            // What failed for want of a network is tried now; a server that asked for patience is given it.
            let (account, core, number) = (account.to_owned(), self.handle.clone(), open.number);
            open.scribe.write(move |stores| {
                let Ok((rows, _)) = stores.state.outbox() else { return };
                for row in rows.iter().filter(|row| row.account == account && row.unreachable) {
                    if row.state == OutboxState::Deferred {
                        let _ = stores.state.update_outbox(row.id, |entry| entry.next_attempt = None);
                    }
                }
                core.front_of(number, |_, open| open.outbox.wake());
            });
        }
    }
}

/// Batches that are worked on for each connection: one is packed while another is stored.
const IN_FLIGHT: usize = 2;

/// The batches of a mailbox that are worked on.
type InFlight = Arc<AsyncMutex<VecDeque<Flight>>>;

/// A batch that is worked on: packed, then stored after the one before it.
struct Flight {
    packed: oneshot::Receiver<()>,
    /// For the batch behind it to wait for.
    stored: Option<oneshot::Receiver<()>>,
    task: JoinHandle<Result<(), Stop>>,
}

/// Alerts of a server that are told while its worker runs.
const ALERTS_MAX: usize = 20;

/// Where an account's worker puts what it learns.
pub(crate) struct AccountSink {
    account: String,
    number: u64,
    stores: Arc<Stores>,
    keyring: SharedKeyring,
    register: Register,
    settings: Arc<Settings>,
    core: CoreHandle,
    indexed: Arc<AtomicBool>,
    listed: Mutex<HashMap<String, MailboxInfo>>,
    ids: Mutex<HashMap<MailboxAt, MailboxId>>,
    /// What was lost of each mailbox before the pass over it: [`Cache::losses`](crate::store::cache::Cache::losses).
    losses: Arc<Mutex<HashMap<MailboxId, u64>>>,
    /// One is stored while the next is packed. By mailbox: what fails of one is told to the pass over that one.
    in_flight: Mutex<HashMap<String, InFlight>>,
    /// So many batches of all mailboxes together: what a pass leaves behind holds back the next one.
    room: Arc<Semaphore>,
    /// The connections that messages come over, by mailbox.
    channels: Mutex<HashMap<String, Channel>>,
    /// What the server wanted shown.
    alerts: Mutex<Vec<String>>,
    /// Mailboxes whose refusal was told.
    refused: Mutex<HashSet<String>>,
    /// What was told of the server.
    noted: Mutex<HashSet<String>>,
    /// Passes that came to their end, where somebody counts them.
    passes: Option<Mutex<Vec<Pass>>>,
}

/// An error of a store, as what ends a sync.
pub(super) fn stop(why: &impl std::fmt::Display) -> Stop {
    Stop(why.to_string())
}

impl AccountSink {
    /// Counts the passes from now on.
    pub(crate) fn counting(mut self) -> Self {
        self.passes = Some(Mutex::default());
        self
    }

    /// The passes that came to their end since they are counted.
    pub(crate) fn take_passes(&self) -> Vec<Pass> {
        let Some(passes) = &self.passes else { return Vec::new() };
        std::mem::take(&mut *passes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What the server wanted shown, each once. Foreign text.
    pub(crate) fn take_alerts(&self) -> Vec<String> {
        std::mem::take(&mut *self.alerts.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Runs what touches the disk where it may block.
    async fn blocking<T: Send + 'static>(
        &self,
        task: impl FnOnce(&Stores) -> Result<T, Stop> + Send + 'static,
    ) -> Result<T, Stop> {
        let stores = Arc::clone(&self.stores);
        match tokio::task::spawn_blocking(move || task(&stores)).await {
            Ok(done) => done,
            Err(_) => Err(Stop("casemail failed while storing; the mailbox is tried again".to_owned())),
        }
    }

    /// Messages of up to this many bytes are held whole.
    fn whole_max(&self) -> u64 {
        self.settings.config.sync.bodies_up_to_bytes.min(self.settings.config.max_message_bytes)
    }

    /// The batches of a mailbox that are in flight.
    fn in_flight(&self, mailbox: &str) -> InFlight {
        let mut in_flight = self.in_flight.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(in_flight.entry(mailbox.to_owned()).or_default())
    }

    /// Waits until the batches of a mailbox that are in flight are stored.
    async fn landed(&self, mailbox: &str) -> Result<(), Stop> {
        all_landed(&self.in_flight(mailbox)).await
    }

    /// The same for all mailboxes.
    async fn everything_landed(&self) -> Result<(), Stop> {
        let in_flight: Vec<InFlight> =
            self.in_flight.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        let mut done = Ok(());
        for in_flight in in_flight {
            done = done.and(all_landed(&in_flight).await);
        }
        done
    }

    fn id(&self, at: &MailboxAt) -> Result<MailboxId, Stop> {
        let ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        ids.get(at).copied().ok_or_else(|| Stop(format!("{} was not begun", at.name)))
    }

    fn channel(&self, mailbox: &str) -> Option<Channel> {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner).get(mailbox).cloned()
    }

    /// What a batch is worked on with.
    fn context(&self, channel: Option<&Channel>) -> ingest::Context {
        ingest::Context {
            keyring: self.keyring.now(),
            book: Arc::clone(&self.settings.book),
            classes: Arc::clone(&self.settings.classes),
            now: self.settings.clock.now(),
            tolerance: self.settings.config.openpgp.tolerance,
            channel: channel.map(|channel| channel.name.clone()),
            destroyed: self.register.with(|loaded| loaded.destroyed()).unwrap_or_default(),
        }
    }
}

/// How far a mailbox is synced, as the worker takes it.
fn position(state: &MailboxState) -> Position {
    Position { uid_next: state.uid_next, highest_modseq: state.highest_modseq, exists: state.exists }
}

/// Waits until there are no more than so many. Whoever is not waited for to the end stays among them: a pass that is cut off leaves what it brought to
/// the next one to wait for.
async fn landed(in_flight: &mut VecDeque<Flight>, left: usize) -> Result<(), Stop> {
    while in_flight.len() > left {
        let Some(first) = in_flight.front_mut() else { break };
        let done = (&mut first.task).await;
        in_flight.pop_front();
        done.map_err(|_| Stop("casemail failed on a batch; the mailbox is tried again".to_owned()))??;
    }
    Ok(())
}

async fn all_landed(in_flight: &InFlight) -> Result<(), Stop> {
    landed(&mut *in_flight.lock().await, 0).await
}

impl Sink for AccountSink {
    fn secured(&self, mailbox: &str, secured: Option<&net::Secured>) {
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        match secured {
            Some(secured) => channels.insert(mailbox.to_owned(), Channel::of(secured)),
            None => channels.remove(mailbox),
        };
    }

    fn passed(&self, mailbox: &str) {
        let (account, mailbox) = (self.account.clone(), mailbox.to_owned());
        self.core.front_of(self.number, move |core, open| core.passed(open, &account, &mailbox));
    }

    fn alert(&self, text: &str) {
        let mut told = self.alerts.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() >= ALERTS_MAX || told.iter().any(|known| known == text) {
            return;
        }
        told.push(text.to_owned());
        // Whoever counts takes them with the rest.
        if self.passes.is_none() {
            let words = format!("{}: the server says: {}", self.account, SafeText::line(text).as_str());
            self.core.front_of(self.number, move |core, _| core.announcer.notice(Tone::Warning, &words));
        }
    }

    fn noted(&self, words: &str) {
        let mut told = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() < ALERTS_MAX && told.insert(words.to_owned()) {
            let words = format!("{}: {}", self.account, SafeText::line(words).as_str());
            self.core.front_of(self.number, move |core, _| core.announcer.notice(Tone::Warning, &words));
        }
    }

    fn refused(&self, mailbox: &str, why: &imap::Error) {
        let mut told = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        if told.insert(mailbox.to_owned()) {
            let words = format!("{}: {mailbox} is left out: {why}", self.account);
            self.core.front_of(self.number, move |core, _| core.announcer.notice(Tone::Warning, &words));
        }
        let (account, mailbox, why) = (self.account.clone(), mailbox.to_owned(), SafeText::line(&why.to_string()));
        self.core.front_of(self.number, move |_, open| {
            if let Some(account) = open.accounts.get_mut(&account) {
                account.figures.refusals.insert(mailbox, why);
            }
        });
    }

    async fn known(&self) -> Result<Vec<Known>, Stop> {
        self.everything_landed().await?;
        let (account, whole_max) = (self.account.clone(), self.whole_max());
        self.blocking(move |stores| {
            let mut newest: HashMap<String, Mailbox> = HashMap::new();
            for mailbox in stores.cache.mailboxes().map_err(|e| stop(&e))? {
                if mailbox.account == account && newest.get(&mailbox.name).is_none_or(|other| other.id < mailbox.id) {
                    newest.insert(mailbox.name.clone(), mailbox);
                }
            }
            let known = newest.into_values().map(|mailbox| Known {
                position: position(&mailbox.state),
                whole: mailbox.state.last_sync.is_some() && mailbox.state.also.whole_up_to_bytes >= whole_max,
                subscribed: mailbox.state.subscribed,
                mailbox_id: mailbox.state.also.mailbox_id,
                read_only: mailbox.state.also.read_only,
                uid_validity: mailbox.uid_validity,
                name: mailbox.name,
            });
            Ok(known.collect())
        })
        .await
    }

    async fn renamed(&self, from: &str, to: &str) -> Result<(), Stop> {
        self.everything_landed().await?;
        let (account, from, to) = (self.account.clone(), from.to_owned(), to.to_owned());
        let (core, number) = (self.core.clone(), self.number);
        // What waits is renamed first: a mailbox is recognised until the cache knows its new name.
        let (tell, told) = tokio::sync::oneshot::channel();
        let names = (account.clone(), from.clone(), to.clone());
        core.front_of(number, move |core, open| {
            core.rename_in_changes(open, (&names.0, &names.1, &names.2), tell);
        });
        told.await.map_err(|_| Stop("casemail is closing".to_owned()))?;
        self.blocking(move |stores| {
            for mut mailbox in stores.cache.mailboxes().map_err(|e| stop(&e))? {
                if mailbox.account != account || mailbox.name != from {
                    continue;
                }
                stores.cache.rename_mailbox(mailbox.id, &to).map_err(|e| stop(&e))?;
                mailbox.name.clone_from(&to);
                core.back_of(number, move |core, open| {
                    open.library.set_mailbox(mailbox);
                    core.mark_changed();
                });
            }
            let words = format!("{account}: the mailbox {from} is called {to} now.");
            core.front_of(number, move |core, _| core.announcer.notice(Tone::Plain, &words));
            Ok(())
        })
        .await
    }

    async fn mailboxes(&self, list: Vec<MailboxInfo>) -> Result<(), Stop> {
        self.everything_landed().await?;
        let sent = self.settings.config.account(Some(&self.account)).and_then(|account| account.sent_mailbox.clone());
        let by_name: HashMap<String, MailboxInfo> = list
            .into_iter()
            .map(|mut info| {
                // What the user names counts where the server says nothing (RFC 6154 is an extension).
                if info.special_use.is_none() && sent.as_ref() == Some(&info.name) {
                    info.special_use = Some(SpecialUse::Sent);
                }
                (info.name.clone(), info)
            })
            .collect();
        by_name.clone_into(&mut self.listed.lock().unwrap_or_else(PoisonError::into_inner));
        let (account, core, number) = (self.account.clone(), self.core.clone(), self.number);
        self.blocking(move |stores| {
            for known in stores.cache.mailboxes().map_err(|e| stop(&e))? {
                if known.account != account {
                    continue;
                }
                let Some(info) = by_name.get(&known.name) else { continue };
                let note = |state: &mut MailboxState| {
                    state.special_use = info.special_use;
                    state.subscribed = info.subscribed;
                    state.also.mailbox_id.clone_from(&info.mailbox_id);
                    state.also.unlisted_since = None;
                };
                let now = stores.cache.change_mailbox(known.id, note).map_err(|e| stop(&e))?;
                if let Some(mailbox) = now.filter(|now| now.state != known.state) {
                    core.back_of(number, move |core, open| {
                        open.library.set_mailbox(mailbox);
                        core.mark_changed();
                    });
                }
            }
            Ok(())
        })
        .await
    }

    async fn gone(&self, mailbox: &str, why: Left) -> Result<(), Stop> {
        self.everything_landed().await?;
        let (account, name) = (self.account.clone(), mailbox.to_owned());
        let (core, number) = (self.core.clone(), self.number);
        self.blocking(move |stores| unlisted::gone(stores, &core, number, &account, &name, why)).await
    }

    async fn unlisted(&self, mailbox: &str, why: &str) -> Result<(), Stop> {
        self.everything_landed().await?;
        let (account, name, why) = (self.account.clone(), mailbox.to_owned(), why.to_owned());
        let (core, number, now) = (self.core.clone(), self.number, self.settings.clock.now());
        self.blocking(move |stores| unlisted::kept(stores, &core, number, (&account, &name), &why, now)).await
    }

    async fn samples(&self, mailbox: &str, most: usize) -> Result<Vec<Sample>, Stop> {
        self.everything_landed().await?;
        let (account, name) = (self.account.clone(), mailbox.to_owned());
        self.blocking(move |stores| unlisted::samples(stores, &account, &name, most)).await
    }

    async fn held(&self, mailbox: &str) -> Result<Option<Held>, Stop> {
        self.landed(mailbox).await?;
        let (account, name) = (self.account.clone(), mailbox.to_owned());
        let whole_max = self.whole_max();
        let losses = Arc::clone(&self.losses);
        self.blocking(move |stores| {
            let mailboxes = stores.cache.mailboxes().map_err(|e| stop(&e))?;
            let known = mailboxes.into_iter().filter(|m| m.account == account && m.name == name).max_by_key(|m| m.id);
            let Some(known) = known else { return Ok(None) };
            // Before anything of it is read, and so perhaps found to be lost.
            let before = stores.cache.losses(known.id);
            losses.lock().unwrap_or_else(PoisonError::into_inner).insert(known.id, before);
            let mut uids = UidSet::new();
            let mut without = Vec::new();
            for page in stores.cache.held_by_page(known.id) {
                for row in page.map_err(|e| stop(&e))? {
                    uids.insert(row.uid);
                    // What was let go of on purpose stays away until somebody opens it.
                    if !row.has_raw && !row.let_go {
                        without.push(row.uid);
                    }
                }
            }
            // Page by page: each is unpacked once, however many of its messages are not here whole.
            let pages: BTreeSet<u32> = without.iter().copied().map(page::number).collect();
            let without: UidSet = without.into_iter().collect();
            let mut lacking = UidSet::new();
            for number in pages {
                for summary in stores.cache.summaries_of(known.id, number).map_err(|e| stop(&e))? {
                    if without.contains(summary.uid) && !summary.undisplayable && u64::from(summary.bytes) <= whole_max
                    {
                        lacking.insert(summary.uid);
                    }
                }
            }
            let position = position(&known.state);
            Ok(Some(Held { uid_validity: known.uid_validity, position, uids, lacking }))
        })
        .await
    }

    fn keeps(&self, at: &MailboxAt, keeps: Option<&Keeps>) {
        let (account, at, keeps) = (self.account.clone(), at.clone(), keeps.cloned());
        self.core.front_of(self.number, move |_, open| {
            let Some(known) = open.accounts.get_mut(&account) else { return };
            known.keeps.retain(|known, _| known.name != at.name);
            known.keeps.extend(keeps.map(|keeps| (at, keeps)));
        });
    }

    async fn begin(&self, at: &MailboxAt, read_only: bool) -> Result<(), Stop> {
        self.landed(&at.name).await?;
        let info = self.listed.lock().unwrap_or_else(PoisonError::into_inner).get(&*at.name).cloned();
        let (account, name, uid_validity) = (self.account.clone(), at.name.to_string(), at.uid_validity);
        let (core, number) = (self.core.clone(), self.number);
        let id = self
            .blocking(move |stores| {
                let cache = &stores.cache;
                let id = cache.ensure_mailbox(&account, &name, uid_validity).map_err(|e| stop(&e))?;
                for other in cache.mailboxes().map_err(|e| stop(&e))? {
                    // UIDs of another UIDVALIDITY name other messages: nothing of them may be mixed in.
                    if other.account == account && other.name == name && other.id != id {
                        cache.drop_mailbox(other.id).map_err(|e| stop(&e))?;
                        core.back_of(number, move |_, open| open.library.drop_mailbox(other.id));
                    }
                }
                let note = |state: &mut MailboxState| {
                    state.also.read_only = read_only;
                    if let Some(info) = info {
                        state.special_use = info.special_use;
                        state.subscribed = info.subscribed;
                        state.also.mailbox_id = info.mailbox_id;
                    }
                };
                let mailbox = cache.change_mailbox(id, note).map_err(|e| stop(&e))?;
                let mailbox = mailbox.ok_or_else(|| Stop(format!("{name} has just left")))?;
                core.back_of(number, move |_, open| open.library.set_mailbox(mailbox));
                Ok(id)
            })
            .await?;
        self.ids.lock().unwrap_or_else(PoisonError::into_inner).insert(at.clone(), id);
        Ok(())
    }

    async fn batch(&self, at: &MailboxAt, messages: Vec<Fetched>) -> Result<(), Stop> {
        let id = self.id(at)?;
        let channel = self.channel(&at.name);
        let context = self.context(channel.as_ref());
        let (stores, core, number) = (Arc::clone(&self.stores), self.core.clone(), self.number);
        let indexed = Arc::clone(&self.indexed);
        // A register that cannot be read stops nothing: what is known without it stays out of reach.
        let book = self.register.with(|loaded| loaded.book()).ok();
        let in_flight = self.in_flight(&at.name);
        let mut in_flight = in_flight.lock().await;
        landed(&mut in_flight, 1).await?;
        if let Some(before) = in_flight.back_mut() {
            // A failure is told when it is waited for.
            let _ = (&mut before.packed).await;
        }
        let before = in_flight.back_mut().and_then(|before| before.stored.take());
        let ((packed, is_packed), (stored, is_stored)) = (oneshot::channel(), oneshot::channel());
        // Those that are given out are those of batches that go on by themselves.
        let room = Arc::clone(&self.room).acquire_owned().await.map_err(|error| stop(&error))?;
        let task = tokio::task::spawn_blocking(move || {
            let _room = room;
            if let Some(channel) = channel {
                channel.keep(&stores).map_err(|e| stop(&e))?;
            }
            let reports = outbox::report::among(&messages);
            let bytes = messages.iter().map(|message| message.body.len() as u64).sum();
            let incoming = Incoming { mailbox: id, items: messages, bytes, stack_bytes: super::STACK_BYTES };
            let out_of_reach = Mutex::new(Vec::new());
            let make = |fetched| {
                let message = summarise(fetched, &context);
                if book.as_ref().is_none_or(|book| book.has_quarantine()) {
                    return quarantine::keep_out(&stores, book.as_deref(), id, message, &out_of_reach);
                }
                message
            };
            let batch = stores.cache.pack_batch(incoming, make);
            let _ = packed.send(());
            let batch = batch.map_err(|e| stop(&e))?;
            // In the order in which they came: a message may come by its header first, then whole.
            if before.is_some_and(|before| before.blocking_recv().is_err()) {
                return Err(Stop("the messages before these could not be stored".to_owned()));
            }
            let mut records: Vec<Record> = Vec::new();
            let mut uids: Vec<u32> = Vec::new();
            let wanted = indexed.load(Ordering::SeqCst);
            for (summary, has_raw) in batch.summaries() {
                if wanted {
                    records.push(Summary { has_raw, ..summary.clone() }.into());
                } else {
                    uids.push(summary.uid);
                }
            }
            let all: Vec<u32> = batch.summaries().map(|(summary, _)| summary.uid).collect();
            stores.cache.put_packed(batch, None).map_err(|e| stop(&e))?;
            let out_of_reach = out_of_reach.into_inner().unwrap_or_else(PoisonError::into_inner);
            if !out_of_reach.is_empty() {
                stores.cache.let_go(id, &out_of_reach).map_err(|e| stop(&e))?;
            }
            let _ = stored.send(());
            if outbox::report::take_in(&stores, &reports, context.now) {
                core.front_of(number, |core, open| core.send_outbox(open));
            }
            if !indexed.load(Ordering::SeqCst) {
                return Ok(());
            }
            // The index began to be read meanwhile, and the reader may have passed this place.
            for uid in uids {
                let key = MessageKey { mailbox: id, uid };
                records.extend(stores.cache.summary(key).map_err(|e| stop(&e))?.map(Record::from));
            }
            core.back_of(number, move |core, open| {
                open.library.applied(id, all, true, true);
                core.ingested(open, id, records);
            });
            Ok(())
        });
        in_flight.push_back(Flight { packed: is_packed, stored: Some(is_stored), task });
        Ok(())
    }

    async fn flags(&self, at: &MailboxAt, flags: Vec<(u32, Flags)>) -> Result<u64, Stop> {
        self.landed(&at.name).await?;
        let id = self.id(at)?;
        let (core, number) = (self.core.clone(), self.number);
        self.blocking(move |stores| {
            // Of the pages that were asked about only: a mailbox comes in many such lists.
            let pages: BTreeSet<u32> = flags.iter().map(|(uid, _)| page::number(*uid)).collect();
            let mut held: HashMap<u32, Flags> = HashMap::with_capacity(flags.len());
            for number in pages {
                let rows = stores.cache.held_of(id, number).map_err(|e| stop(&e))?;
                held.extend(rows.into_iter().map(|row| (row.uid, row.flags)));
            }
            let differing: Vec<(u32, Flags)> =
                flags.into_iter().filter(|(uid, flags)| held.get(uid).is_some_and(|known| known != flags)).collect();
            if differing.is_empty() {
                return Ok(0);
            }
            stores.cache.set_flags(id, &differing, None).map_err(|e| stop(&e))?;
            let changed = differing.len() as u64;
            let news: Vec<(u32, Flags, Flags)> =
                differing.into_iter().filter_map(|(uid, flags)| Some((uid, held.get(&uid)?.clone(), flags))).collect();
            core.back_of(number, move |core, open| {
                open.library.applied(id, news.iter().map(|(uid, ..)| *uid), false, true);
                core.flags_changed(open, id, news);
            });
            Ok(changed)
        })
        .await
    }

    async fn vanished(&self, at: &MailboxAt, uids: UidSet) -> Result<(), Stop> {
        self.landed(&at.name).await?;
        let id = self.id(at)?;
        let (core, number) = (self.core.clone(), self.number);
        // What we are moving stays until it is known where it went.
        let (account, place, (tell, told)) = (self.account.clone(), at.clone(), oneshot::channel());
        core.front_of(number, move |_, open| {
            let _ = tell.send(open.changes.left_by_others(&account, &place.name, place.uid_validity, &uids));
        });
        let uids = told.await.map_err(|_| Stop("casemail is closing".to_owned()))?;
        if uids.is_empty() {
            return Ok(());
        }
        self.blocking(move |stores| {
            let uids: Vec<u32> = uids.iter().collect();
            stores.cache.remove(id, &uids, None).map_err(|e| stop(&e))?;
            core.back_of(number, move |core, open| {
                core.forget_changes_of(open, id, &uids.iter().copied().collect());
                open.library.applied(id, uids.iter().copied(), true, true);
                for uid in uids {
                    open.library.remove(MessageKey { mailbox: id, uid });
                }
                core.mark_changed();
            });
            Ok(())
        })
        .await
    }

    async fn done(&self, at: &MailboxAt, position: Position, pass: &Pass) -> Result<(), Stop> {
        self.landed(&at.name).await?;
        let cost = pass.clone();
        if let Some(passes) = &self.passes {
            passes.lock().unwrap_or_else(PoisonError::into_inner).push(pass.clone());
        }
        let id = self.id(at)?;
        let (now, whole_max) = (self.settings.clock.now(), self.whole_max());
        let (core, number) = (self.core.clone(), self.number);
        let losses = self.losses.lock().unwrap_or_else(PoisonError::into_inner).get(&id).copied().unwrap_or_default();
        self.blocking(move |stores| {
            let note = |state: &mut MailboxState| {
                // What was lost while it was compared is not here, whatever the server says of it.
                let is_whole = stores.cache.losses(id) == losses;
                state.uid_next = position.uid_next.filter(|_| is_whole);
                state.highest_modseq = position.highest_modseq.filter(|_| is_whole);
                (state.exists, state.last_sync) = (position.exists, Some(now));
                state.also.whole_up_to_bytes = whole_max;
            };
            let Some(mailbox) = stores.cache.change_mailbox(id, note).map_err(|e| stop(&e))? else { return Ok(()) };
            core.back_of(number, move |_, open| {
                if let Some(account) = open.accounts.get_mut(&mailbox.account) {
                    account.since = Some(now);
                    account.figures.refusals.remove(&mailbox.name);
                    account.figures.add(&mailbox.name, &cost);
                }
                open.library.set_mailbox(mailbox);
            });
            Ok(())
        })
        .await
    }

    fn link(&self, link: imap::Link) {
        let account = self.account.clone();
        self.core.front_of(self.number, move |core, open| core.linked(open, &account, &link));
    }
}

#[cfg(test)]
mod tests {
    use super::{Link, UnderWay, note, syncing};

    #[test]
    fn passes_that_are_under_way_together_are_one_steady_state() {
        let mut under_way = Vec::new();
        assert_eq!(syncing(&under_way), None);
        let pass = |mailbox: &str, done| UnderWay { mailbox: mailbox.to_owned(), done, ..UnderWay::default() };
        let told = |under_way: &[UnderWay]| match syncing(under_way) {
            Some(Link::Syncing { mailbox, done, others, .. }) => format!("{mailbox} {done}, {others} more"),
            other => format!("{other:?}"),
        };
        note(&mut under_way, pass("INBOX", 0));
        note(&mut under_way, pass("Cases", 0));
        note(&mut under_way, pass("Cases", 20));
        assert_eq!(told(&under_way), "INBOX 0, 1 more");
        note(&mut under_way, pass("INBOX", 40));
        assert_eq!(told(&under_way), "INBOX 40, 1 more");
        under_way.retain(|pass| pass.mailbox != "INBOX");
        note(&mut under_way, pass("Sent", 1));
        assert_eq!(told(&under_way), "Cases 20, 1 more");
    }
}
