//! Performs effects, and is the only one who writes the stores and holds the secrets.
//!
//! ```text
//!  screen ── Effect ──▶ core (one thread: index, decisions) ── Event ──▶ screen
//!                        ▲            │
//!  IMAP workers ─ sink ─▶│            ├─▶ scribe: small durable writes, in order
//!  (a task per account)  │            ├─▶ blocking tasks: read, decrypt, seal, files
//!                 ingest ┘            └─▶ outbox worker ─ SMTP
//! ```
//!
//! The core takes jobs from two lanes, so that what a person waits for overtakes what comes in; it waits neither for the network nor for
//! another task. What is told to the screen was committed first. **Locking** drops the index, the keys, the passwords and the vault, and closes
//! the connections: while locked nothing is fetched and nothing is sent, because nothing could be sealed; unlocking opens everything anew from
//! the stores. Threads that read foreign bytes have [`STACK_BYTES`] of stack.
//!
//! Two ways in: [`Engine::submit`] for the screen, which never waits, and the questions in `ask` ([`Engine::cases`], [`Engine::messages`] …) for
//! commands, which wait for their answer.

mod account;
mod announce;
mod ask;
mod ask_matters;
mod ask_outbox;
mod asked;
mod beginning;
mod changes;
mod channels;
pub mod clock;
mod clocks;
pub mod company;
mod connections;
mod core;
pub mod document;
pub(crate) mod documents;
mod draft_file;
mod drafts;
mod enclosing;
pub mod export;
pub mod files;
mod guard;
mod housekeeping;
pub mod idle;
mod ingest;
pub(crate) mod inside;
mod keeping;
pub mod keys;
mod lane;
mod large;
mod library;
mod listing;
mod loading;
mod looked;
mod looking;
mod matters;
mod offers;
mod offline;
mod outbox;
mod outgoing;
mod parting;
mod pass;
mod perform;
mod plea;
mod protection;
mod purge;
mod quarantine;
pub mod query;
mod reader;
pub(crate) mod reading;
pub mod refiling;
mod refused;
pub mod register;
pub mod sandbox;
mod scribe;
mod secrets;
pub mod socket;
pub(crate) mod streamed;
mod target;
#[cfg(test)]
mod tests;
mod tidying;
mod unlisted;
mod wanted;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::thread::JoinHandle;
use std::time::Duration;

use jiff::tz::TimeZone;
use zeroize::Zeroizing;

use self::announce::Announcer;
use self::clock::Clock;
use self::core::{CoreHandle, Settings};
use self::library::filing::Book;
use self::secrets::Secrets;
use crate::app::effect::Effect;
use crate::app::event::Event;
use crate::case::{self, Classes, ConfiguredCase, Patterns};
use crate::config::Config;
use crate::net::Secret;
use crate::store::cache::CacheOptions;
use crate::store::profile::Profile;
use crate::store::vault::{Cost, Vault};

pub(crate) use self::account::{credentials, setup as account_setup, trust};
pub use self::core::EngineError;
pub use self::purge::{Purge, Purged};
pub(crate) use self::secrets::{of_route as route_password_name, tokens};

/// Stack of every thread that may parse foreign bytes: deep nesting must not end the process.
pub const STACK_BYTES: usize = 16 << 20;
/// How long tasks that are on the wire are waited for at the end.
const END_PATIENCE: Duration = Duration::from_millis(400);

/// Whether connections are kept up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// Every account connects by itself, stays connected, and is watched by IDLE.
    Watch,
    /// Connections are opened only for what is asked ([`Engine::sync_once`], [`Engine::connect`]).
    WhenAsked,
}

/// What an engine is made of.
pub struct Opening {
    /// The profile; its lock is held as long as the engine lives.
    pub profile: Profile,
    /// The configuration.
    pub config: Config,
    /// The open vault; without it the engine begins locked and waits for [`Effect::Unlock`].
    pub vault: Option<Vault>,
    /// Passwords of accounts that had to be typed in, by account.
    pub passwords: HashMap<String, Zeroizing<String>>,
    /// The time.
    pub clock: Clock,
    /// Where dates of outgoing mail are shown.
    pub zone: TimeZone,
    /// Whether connections are kept up.
    pub network: Network,
    /// Where events go; nothing for a command without a screen.
    pub events: Option<SyncSender<Event>>,
    /// The least work per passphrase that is accepted: [`Cost::FLOOR`]; less in tests.
    pub vault_floor: Cost,
    /// How the cache is opened.
    pub cache: CacheOptions,
}

impl Opening {
    /// The usual opening: system clock and zone, no screen, connections only when asked.
    #[must_use]
    pub fn new(profile: Profile, config: Config, vault: Option<Vault>) -> Self {
        Self {
            profile,
            config,
            vault,
            passwords: HashMap::new(),
            clock: Clock::system(),
            zone: TimeZone::system(),
            network: Network::WhenAsked,
            events: None,
            vault_floor: Cost::FLOOR,
            cache: CacheOptions::default(),
        }
    }
}

/// The suffix lists of a configuration, the accounts' own domains among the firm's.
#[must_use]
pub fn classes(config: &Config) -> Classes {
    let mut firm = config.classes.firm.clone();
    for account in &config.accounts {
        let domain = account.address.domain();
        // An address at a public or CJSM domain keeps its own class.
        let open = Classes::new(&config.classes.cjsm, &config.classes.gov, &[]).class(&account.address.addr);
        if open == case::Class::Open && !domain.is_empty() && !case::carriage::is_public(&domain) {
            firm.push(domain);
        }
    }
    Classes::new(&config.classes.cjsm, &config.classes.gov, &firm).with_servers(&config.authserv_ids)
}

fn book(config: &Config, classes: Classes) -> Result<Book, EngineError> {
    let patterns = Patterns::new(&config.identifiers).map_err(|error| EngineError::Refused(error.to_string()))?;
    let cases: Vec<ConfiguredCase> = config
        .cases
        .iter()
        .map(|rule| ConfiguredCase {
            id: rule.id.clone(),
            title: rule.title.clone(),
            identifiers: rule.identifiers.clone(),
        })
        .collect();
    let own = config.accounts.iter().flat_map(|a| std::iter::once(&a.address).chain(&a.also)).map(|a| a.addr.clone());
    Ok(Book::new(patterns, classes, &cases, own).hiding(config.register.clone()))
}

/// The engine. Dropping it ends it, within two seconds.
pub struct Engine {
    core: CoreHandle,
    settings: Arc<Settings>,
    announcer: Announcer,
    runtime: Option<tokio::runtime::Runtime>,
    threads: Vec<JoinHandle<()>>,
    _profile: Profile,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}

impl Engine {
    /// Starts an engine. With a vault, the stores are open when it returns. For commands the cache is read into the index only
    /// when one of them asks for it.
    ///
    /// # Errors
    /// Any [`EngineError`].
    pub fn open(opening: Opening) -> Result<Self, EngineError> {
        let classes = classes(&opening.config);
        let book = book(&opening.config, classes.clone())?;
        let passwords = opening.passwords.into_iter().map(|(name, text)| (name, Secret::new(text.to_string())));
        let settings = Arc::new(Settings {
            roots: opening.profile.roots().clone(),
            clock: opening.clock,
            zone: opening.zone,
            book: Arc::new(book),
            classes: Arc::new(classes),
            vault_floor: opening.vault_floor,
            cache_options: opening.cache,
            watch: opening.network == Network::Watch,
            lazy: opening.network == Network::WhenAsked && opening.events.is_none(),
            secrets: Secrets::new(passwords.collect()),
            config: opening.config,
        });
        let mut threads = Vec::new();
        let announcer = match opening.events {
            Some(channel) => {
                let (announcer, thread) = Announcer::new(channel)?;
                threads.push(thread);
                announcer
            }
            None => Announcer::detached(),
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            // What a thread allocates stays with it: a command has one connection that works at a time.
            .worker_threads(if settings.lazy { 1 } else { 2 })
            .max_blocking_threads(16)
            .thread_stack_size(STACK_BYTES)
            .thread_name("engine")
            .enable_all()
            .build()?;
        let (core, thread) = core::start(Arc::clone(&settings), announcer.clone(), runtime.handle().clone())?;
        threads.insert(0, thread);
        let engine = Self { core, settings, announcer, runtime: Some(runtime), threads, _profile: opening.profile };
        if let Some(vault) = opening.vault {
            engine.core.ask(move |core| {
                core.open_stores(vault)?;
                if let Some(open) = &core.open
                    && !core.settings.lazy
                {
                    core.offer_drafts(open);
                }
                Ok::<_, EngineError>(())
            })??;
        }
        Ok(engine)
    }

    /// Has an effect performed. Never waits where there is a screen; answers come as events.
    pub fn submit(&self, effect: Effect) {
        if self.settings.lazy {
            // Effects are of what a list shows. A locked profile has none yet.
            let _ = self.wait_loaded();
        }
        self.core.front(move |core| core.perform(effect));
    }

    /// Waits until the cache has been read into the index.
    ///
    /// # Errors
    /// [`EngineError::Locked`].
    pub fn wait_loaded(&self) -> Result<(), EngineError> {
        let waiting = self.core.ask_stores(|core, open| core.when_loaded(open))?;
        waiting.recv().map_err(|_| EngineError::Ended)
    }

    /// Serves a second process of the same profile until what is returned is dropped.
    ///
    /// # Errors
    /// When the socket cannot be made.
    pub fn serve(&self, handler: socket::Handler) -> std::io::Result<socket::Server> {
        socket::Server::listen(&self.settings.roots.socket(), handler)
    }

    /// Ends: flushes what is queued to be written, lets go of the connections. At most two seconds.
    pub fn close(self) {
        drop(self);
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.core.close();
        let mut threads = self.threads.drain(..);
        if let Some(core) = threads.next() {
            let _ = core.join();
        }
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(END_PATIENCE);
        }
        self.announcer.close();
        // The announcer's thread may wait for a screen that no longer reads: it ends when the channel is dropped.
    }
}
