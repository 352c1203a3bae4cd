//! The stores opened: both at the same time, because both wait for the disk, and what the state store says read while the cache is still being opened.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, mpsc};

use zeroize::Zeroizing;

use super::account::Account;
use super::announce::Announcer;
use super::changes::Changes;
use super::core::{Core, EngineError, Open, SharedKeyring, Stores};
use super::library::Library;
use super::register::Register;
use super::scribe::Scribe;
use super::tidying::Tidying;
use super::{STACK_BYTES, keys, looking, outbox, refiling};
use crate::app::view::Tone;
use crate::mail::safe::SafeText;
use crate::pgp::keyring::Keyring;
use crate::pgp::report::Acceptance;
use crate::store::cache::{Cache, CacheError};
use crate::store::cert::SecretHome;
use crate::store::state::State;
use crate::store::vault::Vault;

/// What the state store says at the beginning.
struct Said {
    register: Register,
    keyring: Keyring,
    changes: Changes,
}

/// Waits until a register that is of no use has been read: until then it holds the state store, and nobody can open that.
fn let_go(register: &Register) {
    let _ = register.with(|_| ());
}

impl Core {
    /// Opens the stores under an open vault, reads the cache in the background, then lets the accounts begin.
    pub(crate) fn open_stores(&mut self, vault: Vault) -> Result<(), EngineError> {
        // A profile that has a cache has had a state store: that is asked before the cache is made.
        State::prepare(&self.settings.roots, &vault)?;
        let (cache, state) = self.beside(&vault, |opened| {
            let state = Arc::new(State::open_prepared(&self.settings.roots, &vault)?);
            opened();
            let said = self.read_state(&state)?;
            Ok::<_, EngineError>((state, said))
        })?;
        let (state, said) = state?;
        self.begin(vault, state, said, cache)
    }

    /// As [`Self::open_stores`], with a state store that is open.
    pub(super) fn open_stores_with(&mut self, vault: Vault, state: Arc<State>) -> Result<(), EngineError> {
        let (cache, said) = self.beside(&vault, |opened| {
            opened();
            self.read_state(&state)
        })?;
        self.begin(vault, state, said?, cache)
    }

    /// Opens the cache beside something else, which says when the state store is open. Only that there is no thread for it is an error.
    ///
    /// Before that nothing is made anew: a header that was put back from an older copy does not fit the cache, and it is the state store that knows that
    /// it is an older one.
    fn beside<T>(
        &self,
        vault: &Vault,
        work: impl FnOnce(&dyn Fn()) -> T,
    ) -> Result<(Result<Cache, CacheError>, T), EngineError> {
        let settings = &self.settings;
        let (tell, told) = mpsc::channel();
        let open = move || {
            let mut is_open = None;
            // A state store that did not open lets go of its end.
            let mut may_begin_anew = || *is_open.get_or_insert_with(|| told.recv().is_ok());
            let (dir, now) = (&settings.roots.cache, settings.clock.now());
            Cache::open_when(dir, vault, now, &settings.cache_options, &mut may_begin_anew)
        };
        std::thread::scope(|scope| {
            let builder = std::thread::Builder::new().name("cache".to_owned()).stack_size(STACK_BYTES);
            let cache = builder.spawn_scoped(scope, open)?;
            let done = work(&|| {
                let _ = tell.send(());
            });
            drop(tell);
            let opened = cache.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            // Told also where the other store does not open.
            let cache = opened.map(|(cache, told)| {
                told.iter().for_each(|words| self.announcer.notice(Tone::Warning, words));
                cache
            });
            Ok((cache, done))
        })
    }

    fn read_state(&self, state: &Arc<State>) -> Result<Said, EngineError> {
        // Read beside everything else; the first rows are filed by it.
        let register = Register::begin(Arc::clone(state))?;
        match self.read_beside(state) {
            Ok((keyring, changes)) => Ok(Said { register, keyring, changes }),
            Err(error) => {
                let_go(&register);
                Err(error)
            }
        }
    }

    fn read_beside(&self, state: &Arc<State>) -> Result<(Keyring, Changes), EngineError> {
        let keyring = load_keyring(state, &HashMap::new(), &self.announcer)?;
        let recovered = state.recover_outbox(self.settings.clock.now())?;
        if !recovered.is_empty() {
            tracing::info!(rows = recovered.len(), "rows of the outbox were being sent when the last process ended");
        }
        for damage in state.outbox()?.1 {
            self.complain(&damage);
        }
        let (changes, damage) = Changes::load(state)?;
        for damage in damage {
            self.complain(&damage);
        }
        Ok((keyring, changes))
    }

    fn begin(
        &mut self,
        vault: Vault,
        state: Arc<State>,
        said: Said,
        cache: Result<Cache, CacheError>,
    ) -> Result<(), EngineError> {
        let cache = cache.inspect_err(|_| let_go(&said.register))?;
        // The stores are ours alone now, and so is what lies beside them. Once: what this process has put there since is open in an outside program.
        if !std::mem::replace(&mut self.swept, true) {
            looking::sweep(&self.settings.roots.state);
        }
        let stores = Arc::new(Stores { cache, state });
        self.number += 1;
        let keyring = SharedKeyring::default();
        keyring.set(said.keyring);
        let mailboxes = stores.cache.mailboxes()?;
        let rules = refiling::in_force(&stores.state, &self.settings.config.filing, !mailboxes.is_empty())?;
        let mut library = Library::new(self.settings.book_by(&rules));
        for mailbox in mailboxes {
            library.set_mailbox(mailbox);
        }
        let scribe = Scribe::start(Arc::clone(&stores))?;
        let rekeying = vault.epochs().count() > 1;
        let tidying = Tidying::start(Arc::clone(&stores), self.handle.clone(), self.number, rekeying)?;
        let outbox = outbox::Outbox::new(Arc::clone(&stores), self.offline.clone());
        let accounts = self
            .settings
            .config
            .accounts
            .iter()
            .map(|account| {
                let since =
                    library.mailboxes().filter(|m| m.account == account.name).filter_map(|m| m.state.last_sync).max();
                (account.name.clone(), Account::new(&account.name, since, self.offline.has(&account.name)))
            })
            .collect();
        let mut open = Open {
            number: self.number,
            stores,
            vault,
            library,
            rules,
            keyring,
            asked: HashMap::new(),
            register: said.register,
            changes: said.changes,
            accounts,
            outbox,
            scribe,
            tidying,
            reviews: Vec::new(),
            downloads: Arc::default(),
            on_screen: None,
            looked: BTreeSet::new(),
            exporting: None,
            listing: None,
            indexed: Arc::new(AtomicBool::new(false)),
            loaded: false,
            when_loaded: Vec::new(),
            deferred: None,
            head: None,
            kept_version: None,
            kept_head: None,
            behind: None,
        };
        self.settings.secrets.unseal(&open.vault);
        if !self.settings.lazy {
            self.load(&mut open);
        }
        // The register is waited for only where something is owed to it.
        match open.stores.state.owed() {
            Ok(owed) if owed.is_empty() => {}
            Ok(_) => self.handle.front_of(self.number, |core, open| {
                if let Err(error) = core.pay_owed(open) {
                    core.complain(&error);
                }
            }),
            Err(error) => self.complain(&error),
        }
        self.open = Some(open);
        Ok(())
    }
}

/// All certificates with what was decided, and the own keys, unlocked.
pub(super) fn load_keyring(
    state: &State,
    asked: &HashMap<String, Zeroizing<String>>,
    announcer: &Announcer,
) -> Result<Keyring, EngineError> {
    let mut keyring = Keyring::new();
    for cert in state.certs()? {
        if let Err(error) = keyring.add_cert(&cert.cert, cert.acceptance) {
            announcer.notice(Tone::Warning, &format!("certificate {}: {error}", SafeText::line(&cert.fingerprint)));
            continue;
        }
        // Older decisions did not note what they were about.
        if let Some(decision) =
            cert.decisions.last().filter(|one| one.acceptance == cert.acceptance && !one.addresses.is_empty())
            && cert.acceptance != Acceptance::Own
        {
            keyring.set_accepted_for(&cert.fingerprint, &decision.addresses);
        }
    }
    for secret in state.secrets()? {
        let passphrase = match secret.home {
            SecretHome::Profile => secret.passphrase.as_deref(),
            SecretHome::Asked => match asked.get(&secret.fingerprint) {
                Some(typed) => Some(typed.as_str()),
                None => continue,
            },
            SecretHome::Agent => {
                keys::agent::hold(&mut keyring, &secret, asked.get(&secret.fingerprint).cloned());
                continue;
            }
        };
        if let Err(error) = keyring.add_secret(&secret.key, passphrase) {
            announcer.notice(Tone::Warning, &error.to_string());
        }
    }
    Ok(keyring)
}
