//! The core: one thread that owns the index and decides; everything slow is done elsewhere and reported back.
//!
//! It takes jobs from two lanes ([`super::lane`]): what a person waits for, and what comes in. No job waits for the network, and none for
//! the disk longer than one small durable write. Threads are made anew at most a few times a second, and never more than a quarter of the
//! time is spent on it. What tasks report carries the number of the opening it belongs to: after a lock, late reports are dropped.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use zeroize::Zeroizing;

use super::account::Account;
use super::announce::Announcer;
use super::beginning::load_keyring;
use super::changes::Changes;
use super::clock::{Clock, Moment};
use super::keeping;
use super::lane::{Lanes, Taken};
use super::large::{Downloads, OnScreen};
use super::library::Library;
use super::library::filing::Book;
use super::library::head::{Head, Outside};
use super::offline::Offline;
use super::outbox;
use super::outgoing::Prepared;
use super::register::{Auto, Register};
use super::scribe::Scribe;
use super::secrets::Secrets;
use super::tidying::Tidying;
use crate::app::effect::Effect;
use crate::app::event::Event;
use crate::app::view::{AccountStatus, Link, Tone};
use crate::case::Classes;
use crate::case::rules::Rules;
use crate::config::Config;
use crate::pgp::keyring::Keyring;
use crate::store::cache::{Cache, CacheError, CacheOptions};
use crate::store::profile::Roots;
use crate::store::state::{State, StateError};
use crate::store::vault::{Cost, Vault, VaultError};

/// The least time between two rebuilds of the threads.
const REBUILD_PAUSE: Duration = Duration::from_millis(100);
/// How long a lock or an end waits for tasks to let go of the stores.
const CLOSE_PATIENCE: Duration = Duration::from_millis(1_500);
/// The same before the cache is made anew: the user waits, and whoever still writes to the old one does no harm.
const REBUILD_PATIENCE: Duration = Duration::from_millis(300);
/// Background jobs that wait for the core.
const BACK_MAX: usize = 16;

/// Why the engine cannot do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// No passphrase yet, or locked again.
    #[error("the profile is locked; unlock it first")]
    Locked,
    /// The engine is ending.
    #[error("casemail is ending")]
    Ended,
    /// No such account.
    #[error("there is no account {0:?} in the configuration")]
    NoAccount(String),
    /// No such message.
    #[error("there is no message {0}")]
    NoMessage(String),
    /// The vault.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The cache.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// The state store.
    #[error(transparent)]
    State(#[from] StateError),
    /// OpenPGP.
    #[error(transparent)]
    Pgp(#[from] crate::pgp::error::PgpError),
    /// No such mailbox.
    #[error("{account} has no mailbox {mailbox:?}; make it with --create, or choose another")]
    NoMailbox {
        /// The account.
        account: String,
        /// The mailbox.
        mailbox: String,
    },
    /// The server.
    #[error("{account}: {because}")]
    Server {
        /// The account.
        account: String,
        /// In words.
        because: String,
    },
    /// The server does not let us in, or there is nothing to log in with.
    #[error("{account}: {because}")]
    Credentials {
        /// The account.
        account: String,
        /// In words.
        because: String,
    },
    /// What the server sends cannot be kept: too little room, a store that fails.
    #[error("{account}: {because}")]
    Keep {
        /// The account.
        account: String,
        /// In words.
        because: String,
    },
    /// Threads or runtime could not be started.
    #[error("casemail could not start: {0}")]
    Start(#[from] std::io::Error),
    /// A place outside of our own stores cannot be written: in words.
    #[error("{0}")]
    Place(String),
    /// What was handed in cannot be read: in words.
    #[error("{0}")]
    BadData(String),
    /// In words.
    #[error("{0}")]
    Refused(String),
    /// There was nothing to change.
    #[error("{}", super::changes::SO_ALREADY)]
    SoAlready,
}

/// Both stores.
pub(crate) struct Stores {
    pub(crate) cache: Cache,
    /// Apart, because a cache is made anew under a state that stays open.
    pub(crate) state: Arc<State>,
}

/// What never changes while the engine runs.
pub(crate) struct Settings {
    pub(crate) config: Config,
    pub(crate) roots: Roots,
    pub(crate) clock: Clock,
    pub(crate) zone: TimeZone,
    pub(crate) book: Arc<Book>,
    pub(crate) classes: Arc<Classes>,
    pub(crate) vault_floor: Cost,
    pub(crate) cache_options: CacheOptions,
    /// Connections are kept up by themselves.
    pub(crate) watch: bool,
    /// Nobody looks: the cache is read into the index only when something is asked of it, and threads are made only then.
    pub(crate) lazy: bool,
    pub(crate) secrets: Secrets,
}

/// The keyring, exchanged as a whole when a key comes or is decided about; and whether the profile was locked.
#[derive(Clone, Default)]
pub(crate) struct SharedKeyring(Arc<RwLock<Arc<Keyring>>>, Arc<AtomicBool>);

impl SharedKeyring {
    /// The keyring of this moment.
    pub(crate) fn now(&self) -> Arc<Keyring> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether that keyring is still the one: long work in the background ends with it, so that no unlocked key outlives a lock.
    pub(crate) fn is(&self, keyring: &Arc<Keyring>) -> bool {
        Arc::ptr_eq(&self.now(), keyring)
    }

    /// An error once the profile was locked: nothing goes on to decrypt then.
    pub(crate) fn unless_locked(&self) -> std::io::Result<()> {
        if self.1.load(Ordering::Relaxed) {
            return Err(std::io::Error::other("the profile was locked meanwhile"));
        }
        Ok(())
    }

    /// The profile is locked.
    fn lock(&self) {
        self.1.store(true, Ordering::Relaxed);
        self.set(Keyring::new());
    }

    pub(super) fn set(&self, keyring: Keyring) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keyring);
    }
}

/// Everything there is while the profile is unlocked.
pub(crate) struct Open {
    /// Which opening this is.
    pub(crate) number: u64,
    pub(crate) stores: Arc<Stores>,
    pub(crate) vault: Vault,
    pub(crate) library: Library,
    /// The filing rules in force.
    pub(crate) rules: Rules,
    pub(crate) keyring: SharedKeyring,
    /// Passphrases of own keys that were typed in, by fingerprint: they leave with the lock.
    pub(crate) asked: HashMap<String, Zeroizing<String>>,
    pub(crate) register: Register,
    pub(crate) changes: Changes,
    pub(crate) accounts: BTreeMap<String, Account>,
    pub(crate) outbox: outbox::Outbox,
    pub(crate) scribe: Scribe,
    pub(crate) tidying: Tidying,
    pub(crate) reviews: Vec<Prepared>,
    pub(crate) downloads: Arc<Downloads>,
    pub(crate) on_screen: Option<OnScreen>,
    /// Accounts and mailboxes of what the screen shows: what is synced first, also by workers that start later.
    pub(crate) looked: BTreeSet<(String, String)>,
    /// While an export is at work: set to stop it.
    pub(crate) exporting: Option<Arc<AtomicBool>>,
    /// Ends the reading of mail for the list of documents that is on screen.
    pub(crate) listing: Option<Arc<AtomicBool>>,
    /// The index is kept up: it has been read from the cache, or is being read. What comes in before is in the cache alone.
    pub(crate) indexed: Arc<AtomicBool>,
    /// The cache has been read.
    pub(crate) loaded: bool,
    pub(crate) when_loaded: Vec<std::sync::mpsc::Sender<()>>,
    /// While the kept list is read: effects that wait for it.
    pub(crate) deferred: Option<Vec<Effect>>,
    /// While the kept list is read: its head, which lists are answered from.
    pub(crate) head: Option<Head>,
    /// The version of the index that was kept last.
    pub(crate) kept_version: Option<u64>,
    /// The version of the index whose head was kept last, and what that goes by.
    pub(crate) kept_head: Option<(u64, Outside)>,
    /// How many pages of the cache had changed since the list that was read here was kept; `None`: there was none, or one that is filed by other rules.
    pub(crate) behind: Option<usize>,
}

impl Open {
    fn into_kept(self) -> (Vault, Arc<State>) {
        (self.vault, Arc::clone(&self.stores.state))
    }
}

pub(crate) type Job = Box<dyn FnOnce(&mut Core) + Send>;

/// The way to the core. Cheap to clone.
#[derive(Clone)]
pub(crate) struct CoreHandle(Lanes<Job>);

impl CoreHandle {
    /// Has the core do something soon. Never waits.
    pub(crate) fn front(&self, job: impl FnOnce(&mut Core) + Send + 'static) {
        // A core that is ending has nobody left to tell.
        let _ = self.0.push_front(Box::new(job));
    }

    /// Has the core do something when nobody waits for it; waits while too much is queued. Call it from a blocking task.
    pub(crate) fn back(&self, job: impl FnOnce(&mut Core) + Send + 'static) -> bool {
        self.0.push_back(Box::new(job)).is_ok()
    }

    /// As [`Self::front`], for what belongs to an opening: dropped once that has ended.
    pub(crate) fn front_of(&self, number: u64, job: impl FnOnce(&mut Core, &mut Open) + Send + 'static) {
        self.front(move |core| core.with(number, job));
    }

    /// As [`Self::back`], for what belongs to an opening.
    pub(crate) fn back_of(&self, number: u64, job: impl FnOnce(&mut Core, &mut Open) + Send + 'static) -> bool {
        self.back(move |core| core.with(number, job))
    }

    /// Asks and waits for the answer. Not from the core itself, nor from an async task.
    pub(crate) fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut Core) -> T + Send + 'static,
    ) -> Result<T, EngineError> {
        let (answer, answered) = std::sync::mpsc::channel();
        self.front(move |core| {
            let _ = answer.send(question(core));
        });
        answered.recv().map_err(|_| EngineError::Ended)
    }

    /// As [`Self::ask`], of an open profile whose index is whole and whose threads are up to date: half a list is no answer.
    pub(crate) fn ask_open<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut Core, &mut Open) -> T + Send + 'static,
    ) -> Result<T, EngineError> {
        self.ask_stores(|core, open| core.when_loaded(open))?.recv().map_err(|_| EngineError::Ended)?;
        self.ask_stores(|core, open| {
            open.library.rebuild();
            question(core, open)
        })
    }

    /// As [`Self::ask_open`], where the index is not needed: it may be empty or old.
    pub(crate) fn ask_stores<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut Core, &mut Open) -> T + Send + 'static,
    ) -> Result<T, EngineError> {
        self.ask(move |core| {
            let mut open = core.open.take().ok_or(EngineError::Locked)?;
            let answer = catch_unwind(AssertUnwindSafe(|| question(core, &mut open)));
            core.open = Some(open);
            answer.map_err(|panic| std::panic::resume_unwind(panic))
        })?
    }

    /// Waits until what has been reported so far is in the index.
    pub(crate) fn flush_back(&self) {
        let (tell, told) = std::sync::mpsc::channel();
        if self.back(move |_| {
            let _ = tell.send(());
        }) {
            let _ = told.recv();
        }
    }

    /// Takes no more jobs; what is queued is still done.
    pub(crate) fn close(&self) {
        self.0.close();
    }
}

/// The core.
pub(crate) struct Core {
    pub(crate) handle: CoreHandle,
    pub(crate) settings: Arc<Settings>,
    pub(crate) announcer: Announcer,
    pub(crate) runtime: tokio::runtime::Handle,
    pub(crate) open: Option<Open>,
    /// While the stores close, to be locked or for the cache to be made anew: what is to be done then.
    pub(crate) waiting: Option<Vec<Effect>>,
    pub(super) number: u64,
    /// What former runs left beside the stores was wiped.
    pub(super) swept: bool,
    /// Accounts that the user took offline.
    pub(crate) offline: Offline,
    /// Something changed that lists show.
    changed: bool,
    next_rebuild: Instant,
    /// When the list is to be kept.
    pub(crate) keeping: keeping::Due,
    pub(crate) replication: Auto,
    /// An unlock is under way.
    pub(crate) unlocking: bool,
    /// The number of the last filter that the screen asked for.
    pub(crate) filter_wanted: Arc<AtomicU64>,
}

/// Starts the core's thread.
pub(crate) fn start(
    settings: Arc<Settings>,
    announcer: Announcer,
    runtime: tokio::runtime::Handle,
) -> std::io::Result<(CoreHandle, std::thread::JoinHandle<()>)> {
    let handle = CoreHandle(Lanes::new(BACK_MAX));
    let mut core = Core {
        handle: handle.clone(),
        settings,
        announcer,
        runtime,
        open: None,
        waiting: None,
        number: 0,
        swept: false,
        offline: Offline::default(),
        changed: false,
        next_rebuild: Instant::now(),
        keeping: keeping::Due::default(),
        replication: Auto::default(),
        unlocking: false,
        filter_wanted: Arc::default(),
    };
    let thread =
        std::thread::Builder::new().name("core".to_owned()).stack_size(super::STACK_BYTES).spawn(move || core.run())?;
    Ok((handle, thread))
}

impl Core {
    fn run(&mut self) {
        let lanes = self.handle.0.clone();
        loop {
            // A command keeps no list: it would look again and again.
            let due = self.keeping.due().filter(|_| !self.settings.lazy);
            let until = if self.changed { Some(self.next_rebuild) } else { due };
            match lanes.take(until) {
                Taken::Job(job) => {
                    if catch_unwind(AssertUnwindSafe(|| job(self))).is_err() {
                        self.announcer.notice(
                            Tone::Alarm,
                            "Something went wrong inside casemail; it goes on. Please report what you did.",
                        );
                    }
                }
                Taken::Timeout => {}
                Taken::Closed => break,
            }
            self.settle();
            self.keep_when_due();
        }
        drop(self.close_stores(CLOSE_PATIENCE));
    }

    /// Makes threads anew and says that lists changed, where it is time.
    fn settle(&mut self) {
        let Some(open) = self.open.as_mut().filter(|_| self.changed) else { return };
        if open.library.is_stale() && !self.settings.lazy {
            let started = Instant::now();
            if started < self.next_rebuild {
                return;
            }
            open.library.rebuild();
            self.next_rebuild = Instant::now() + REBUILD_PAUSE.max(started.elapsed() * 3);
        }
        self.changed = false;
        self.announcer.send(Event::Changed);
    }

    /// Lists are to be shown anew.
    pub(crate) fn mark_changed(&mut self) {
        self.changed = true;
        self.keeping.put_off();
    }

    /// Runs a job on the opening it belongs to.
    pub(crate) fn with(&mut self, number: u64, job: impl FnOnce(&mut Self, &mut Open)) {
        if let Some(mut open) = self.open.take() {
            // A job that panics must not take the open profile with it.
            let done = catch_unwind(AssertUnwindSafe(|| {
                if open.number == number {
                    job(self, &mut open);
                }
            }));
            self.open = Some(open);
            if let Err(panic) = done {
                std::panic::resume_unwind(panic);
            }
        }
    }

    /// Connects all accounts, and lets mail leave.
    pub(crate) fn connect(&mut self, open: &mut Open) {
        self.start_accounts(open);
        outbox::start(self, open);
    }

    /// Changes the state of an account's connection, and says so.
    pub(crate) fn set_link(&self, open: &mut Open, account: &str, link: Link) {
        if let Some(known) = open.accounts.get_mut(account) {
            known.status = AccountStatus { account: account.to_owned(), link };
            self.announcer.send(Event::Account(known.status.clone()));
        }
    }

    /// The keyring is read from the state store anew.
    pub(crate) fn reload_keyring(&mut self, open: &mut Open) -> Result<(), EngineError> {
        open.keyring.set(load_keyring(&open.stores.state, &open.asked, &self.announcer)?);
        self.tell_key_ends(open);
        self.reread_sealed(open);
        Ok(())
    }

    /// Drops everything readable: texts, keys, passwords. Connections are closed: while locked, nothing could be sealed.
    pub(crate) fn lock(&mut self) {
        if let Some(waiting) = &mut self.waiting {
            waiting.push(Effect::Lock);
            return;
        }
        self.announcer.forget_texts();
        if let Some(open) = &self.open {
            open.keyring.lock();
        }
        // What is asked for while the stores close, above all to open them again, comes after them: an answer to it before the word that they are
        // locked would leave a locked screen before an open profile.
        self.waiting = Some(Vec::new());
        drop(self.close_stores(CLOSE_PATIENCE));
        self.announcer.send(Event::Locked);
        for effect in self.waiting.take().unwrap_or_default() {
            self.perform(effect);
        }
    }

    /// sled has found its files damaged: the cache is moved aside and made anew while the user goes on. What is not in it (outbox, draft,
    /// keys, changes that wait) lies in the state store and stays. What the user does meanwhile is done when the new one is there.
    pub(crate) fn rebuild_cache(&mut self, number: u64) {
        let Some(looked) = self.open.as_ref().filter(|open| open.number == number).map(|open| open.looked.clone())
        else {
            return;
        };
        self.waiting = Some(Vec::new());
        self.make_cache_anew(looked);
        for effect in self.waiting.take().unwrap_or_default() {
            self.perform(effect);
        }
    }

    fn make_cache_anew(&mut self, looked: BTreeSet<(String, String)>) {
        let Some((vault, state)) = self.close_stores(REBUILD_PATIENCE) else { return };
        let aside = Cache::set_aside(&self.settings.roots.cache, self.now());
        let opened = aside
            .map_err(|error| EngineError::Cache(error.into()))
            .and_then(|aside| self.open_stores_with(vault, state).map(|()| aside));
        match opened {
            Ok(aside) => {
                if let Some(open) = &mut self.open {
                    open.looked = looked;
                }
                let words = format!(
                    "The cache was damaged on the disk. It was moved to {} and is made anew: mail comes back as it is synced, newest first; nothing that waits to be sent is touched.",
                    aside.display()
                );
                self.announcer.notice(Tone::Warning, &words);
                self.mark_changed();
            }
            Err(error) => {
                self.complain(&error);
                self.announcer.send(Event::Locked);
            }
        }
    }

    /// Closes everything; gives the keys and the state store, for whoever opens it again at once.
    fn close_stores(&mut self, patience: Duration) -> Option<(Vault, Arc<State>)> {
        let mut open = self.open.take()?;
        keeping::keep_now(&mut open, self.settings.lazy);
        self.settings.secrets.seal(&open.vault);
        for account in open.accounts.values_mut() {
            account.end();
        }
        open.outbox.end(&self.runtime);
        open.scribe.end();
        open.tidying.end();
        if let Err(error) = open.stores.cache.flush() {
            tracing::warn!(%error, "the cache could not be flushed");
        }
        let stores = Arc::clone(&open.stores);
        // All but the keys and the state store is dropped here.
        let kept = open.into_kept();
        // Tasks that still hold the stores are let go; their reports find no opening and fall.
        let deadline = Instant::now() + patience;
        let lanes = self.handle.0.clone();
        while Arc::strong_count(&stores) > 1 && Instant::now() < deadline {
            if let Taken::Job(job) = lanes.take(Some(Instant::now() + Duration::from_millis(5))) {
                let _ = catch_unwind(AssertUnwindSafe(|| job(self)));
            } else {
                std::thread::sleep(Duration::from_millis(2));
            }
        }
        Some(kept)
    }

    /// A problem of the stores, told once.
    pub(crate) fn complain(&self, error: &dyn std::fmt::Display) {
        self.announcer.notice(Tone::Alarm, &error.to_string());
    }

    /// The time.
    pub(crate) fn moment(&self) -> Moment {
        self.settings.clock.moment()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.settings.clock.now()
    }
}
