//! From the options to an open engine: where the profile is, who has it, what opens it.

use std::collections::HashMap;
use std::path::Path;
use std::sync::mpsc::SyncSender;

use zeroize::Zeroizing;

use super::environment::Environment;
use super::exit::{Exit, Failure};
use super::output::Output;
use super::passphrase::{self, Secret};
use super::probe::{self, Fault, Service, Trouble};
use super::setup;
use crate::app::event::Event;
use crate::config::{Account, Config, PasswordSource, RouteLogin, files};
use crate::engine::{self, Engine, EngineError, Network, Opening};
use crate::net;
use crate::net::sasl::Proof;
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
    if !roots.config_file().exists() {
        let words = format!(
            "there is no configuration yet ({}). `casemail setup` asks for your account and writes it; `casemail demo` shows casemail without one",
            roots.config_file().display()
        );
        return Err(Failure::new(Exit::Config, words));
    }
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
///
/// Where there is no vault yet, one is made with it: the first command is as good a beginning as any.
pub(super) fn unlock(way: &Way<'_>, config: &Config, output: &mut Output<'_>) -> Result<Vault, Failure> {
    let place = way.roots.vault_file();
    let open = |passphrase: &Secret| Vault::open_with(&place, passphrase, Cost::FLOOR);
    let refuse = |error: VaultError| Failure::new(Exit::NotPermitted, error);
    let given = match (&way.passphrase, &config.unlock_command) {
        (Some(given), _) => Some(given.clone()),
        (None, Some(command)) => Some(passphrase::from_command("unlock_command", command)?),
        (None, None) => None,
    };
    if !way.roots.exists() {
        let chosen = match given {
            Some(given) if given.is_empty() => {
                return Err(Failure::new(Exit::NotPermitted, "the passphrase is empty; a new profile needs one"));
            }
            Some(given) => given,
            None if way.environment.is_interactive => setup::chosen(output)?,
            None => {
                let words = "there is no profile yet and nobody to ask for its new passphrase; give one with --passphrase-fd N, or set unlock_command";
                return Err(Failure::new(Exit::NotPermitted, words));
            }
        };
        let vault = Vault::create_with(&place, &chosen, Cost::DEFAULT)
            .map_err(|error| Failure::new(Exit::CannotWrite, error))?;
        output.say(&format!("a new profile was made with this passphrase: {}", place.display()));
        return Ok(vault);
    }
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
            Err(VaultError::WrongPassphrase) => output.say("The passphrase is wrong."),
            other => return other.map_err(refuse),
        }
    }
    Err(Failure::new(Exit::NotPermitted, "the profile stays locked"))
}

/// Passwords that only a person knows. Each is tried at once, so that a slip of the fingers is told here and not by the status line;
/// without a network it is taken as typed.
fn passwords(
    config: &Config,
    way: &Way<'_>,
    output: &mut Output<'_>,
) -> Result<HashMap<String, Zeroizing<String>>, Failure> {
    let mut typed = HashMap::new();
    let asked = config.accounts.iter().filter(|account| account.password == PasswordSource::Prompt);
    for account in asked.filter(|_| way.connects && way.environment.is_interactive) {
        if let Some(password) = password(account, &way.roots, output)? {
            typed.insert(account.name.clone(), password);
        }
    }
    for route in config.routes.iter().filter(|_| way.connects && way.environment.is_interactive) {
        if route.login != RouteLogin::Own(PasswordSource::Prompt) {
            continue;
        }
        let question = format!("Password of the route {} ({}; empty: its mail waits)", route.name, route.smtp.host);
        while let Some(answer) = passphrase::ask(&question)?.filter(|answer| !answer.is_empty()) {
            if is_the_passphrase(&way.roots, &answer) {
                output.say("That is the passphrase of your profile, which is asked for afterwards. It was kept from the server.");
                continue;
            }
            let password = Zeroizing::new(String::from_utf8_lossy(&answer).into_owned());
            typed.insert(engine::route_password_name(&route.name), password);
            break;
        }
    }
    Ok(typed)
}

/// Whether the passphrase of the profile was typed where the password of a server is asked for: no server may learn it.
fn is_the_passphrase(roots: &Roots, typed: &[u8]) -> bool {
    Vault::open_with(&roots.vault_file(), typed, Cost::FLOOR).is_ok()
}

/// Asks for the password of an account until the server takes it. `None`: the person would rather work offline.
fn password(account: &Account, roots: &Roots, output: &mut Output<'_>) -> Result<Option<Zeroizing<String>>, Failure> {
    let question =
        format!("Password of {} ({} at {}; empty: offline)", account.name, account.imap.user, account.imap.host);
    loop {
        let Some(answer) = passphrase::ask(&question)?.filter(|answer| !answer.is_empty()) else {
            output.say(&format!("{} stays offline until casemail is started again with its password", account.name));
            return Ok(None);
        };
        let Ok(text) = std::str::from_utf8(&answer) else {
            output.say("That is not UTF-8 text.");
            continue;
        };
        if is_the_passphrase(roots, &answer) {
            output.say(&format!(
                "That is the passphrase of your profile, which is asked for afterwards. It was not sent to {}.",
                account.imap.host
            ));
            continue;
        }
        match probe::log_in(account, Service::Imap, &Proof::Password(net::Secret::new(text.to_owned()))) {
            Err(Trouble { fault: Fault::Credentials, words }) => output.say(&format!("{words}. Please try again.")),
            Err(trouble) => {
                output.say(&format!("The password could not be tried: {}", trouble.words));
                return Ok(Some(Zeroizing::new(text.to_owned())));
            }
            Ok(_) => return Ok(Some(Zeroizing::new(text.to_owned()))),
        }
    }
}

/// Opens the engine on a profile whose lock is ours.
/// `locked`: the screen asks for the passphrase.
pub(super) fn open(
    profile: Profile,
    config: Config,
    way: Way<'_>,
    locked: bool,
    output: &mut Output<'_>,
) -> Result<Engine, Failure> {
    let vault = if locked { None } else { Some(unlock(&way, &config, output)?) };
    let passwords = passwords(&config, &way, output)?;
    let mut opening = Opening::new(profile, config, vault);
    opening.passwords = passwords;
    if way.events.is_some() {
        (opening.network, opening.events) = (Network::Watch, way.events);
    }
    Engine::open(opening).map_err(|error: EngineError| error.into())
}
