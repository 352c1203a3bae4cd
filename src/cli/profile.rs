//! From the options to an open engine: where the profile is, who has it, what opens it.

use std::collections::HashMap;
use std::path::Path;
use std::sync::mpsc::SyncSender;

use zeroize::Zeroizing;

use super::environment::Environment;
use super::exit::{Exit, Failure};
use super::passphrase::{self, Secret};
use crate::app::event::Event;
use crate::config::{Config, PasswordSource, files};
use crate::engine::{Engine, EngineError, Network, Opening};
use crate::store::profile::{Profile, ProfileError, Roots};
use crate::store::vault::{Cost, Vault, VaultError};

/// How often a person may mistype a passphrase before the program ends; it can be started again.
const TRIES: u32 = 3;

/// How a profile is opened.
pub(super) struct Way<'a> {
    pub(super) roots: Roots,
    pub(super) environment: &'a Environment,
    /// Given by `--passphrase-fd`.
    pub(super) passphrase: Option<Secret>,
    /// Passwords of accounts are needed, too.
    pub(super) connects: bool,
    /// Where the screen takes events from.
    pub(super) events: Option<SyncSender<Event>>,
}

/// Where the profile lies.
pub(super) fn roots(environment: &Environment, home: Option<&Path>) -> Result<Roots, Failure> {
    let words = "neither HOME nor the XDG directories are set; name a place with --home";
    environment.roots(home).ok_or_else(|| Failure::new(Exit::Config, words))
}

/// The configuration; warnings are said, errors end it.
pub(super) fn configuration(roots: &Roots, home: Option<&Path>) -> Result<Config, Failure> {
    let loaded = files::load(&roots.config, home);
    loaded.map(|(config, _)| config).map_err(|found| {
        let words: Vec<String> = found
            .iter()
            .map(|one| {
                format!(
                    "{}: {}{}",
                    one.place,
                    one.what,
                    if one.cure.is_empty() { String::new() } else { format!("; {}", one.cure) }
                )
            })
            .collect();
        Failure::new(Exit::Config, words.join("\n"))
    })
}

/// The lock of the profile, or who has it.
pub(super) fn take(roots: &Roots) -> Result<Result<Profile, Failure>, Failure> {
    match Profile::open(roots.clone()) {
        Ok(profile) => Ok(Ok(profile)),
        Err(error @ ProfileError::Running(_)) => Ok(Err(Failure::new(Exit::TryLater, error))),
        Err(error) => Err(Failure::new(Exit::NotPermitted, error)),
    }
}

/// Opens the vault by whatever was given: descriptor, program, person.
pub(super) fn unlock(roots: &Roots, config: Option<&Config>, way: &Way<'_>) -> Result<Vault, Failure> {
    let place = roots.vault_file();
    if !roots.exists() {
        return Err(Failure::new(Exit::Config, VaultError::Missing(place)));
    }
    let open = |passphrase: &Secret| Vault::open_with(&place, passphrase, Cost::FLOOR);
    let refuse = |error: VaultError| Failure::new(Exit::NotPermitted, error);
    let given = match (&way.passphrase, config.and_then(|config| config.unlock_command.as_ref())) {
        (Some(given), _) => Some(given.clone()),
        (None, Some(command)) => Some(passphrase::from_command(command)?),
        (None, None) => None,
    };
    if let Some(given) = given {
        return open(&given).map_err(refuse);
    }
    if !way.environment.is_interactive {
        let words = "the profile is locked and there is nobody to ask; give the passphrase with --passphrase-fd N, or set unlock_command";
        return Err(Failure::new(Exit::NotPermitted, words));
    }
    for attempt in 1.. {
        let typed = passphrase::ask("Passphrase")?
            .ok_or_else(|| Failure::new(Exit::NotPermitted, "the profile stays locked"))?;
        match open(&typed) {
            Err(error @ VaultError::WrongPassphrase) if attempt >= TRIES => return Err(refuse(error)),
            Err(VaultError::WrongPassphrase) => {}
            other => return other.map_err(refuse),
        }
    }
    Err(Failure::new(Exit::NotPermitted, "the profile stays locked"))
}

/// Passwords that only a person knows.
fn passwords(config: &Config, way: &Way<'_>) -> Result<HashMap<String, Zeroizing<String>>, Failure> {
    let mut typed = HashMap::new();
    let asked = config.accounts.iter().filter(|account| account.password == PasswordSource::Prompt);
    for account in asked.filter(|_| way.connects && way.environment.is_interactive) {
        let question = format!("Password of {} ({})", account.name, account.imap.user);
        let Some(answer) = passphrase::ask(&question)? else { continue };
        if let Ok(text) = std::str::from_utf8(&answer) {
            typed.insert(account.name.clone(), Zeroizing::new(text.to_owned()));
        }
    }
    Ok(typed)
}

/// Opens the engine on a profile whose lock is ours.
/// `locked`: the screen asks for the passphrase.
pub(super) fn open(profile: Profile, config: Config, way: Way<'_>, locked: bool) -> Result<Engine, Failure> {
    let vault = if locked { None } else { Some(unlock(&way.roots, Some(&config), &way)?) };
    let passwords = passwords(&config, &way)?;
    let mut opening = Opening::new(profile, config, vault);
    opening.passwords = passwords;
    if way.events.is_some() {
        (opening.network, opening.events) = (Network::Watch, way.events);
    }
    Engine::open(opening).map_err(|error: EngineError| error.into())
}
