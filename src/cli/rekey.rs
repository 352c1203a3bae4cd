//! `store rebuild`, `store anew` and `store rekey`: what is done to the stores while nobody has them open.

use serde::Serialize;

use super::args::Store;
use super::confirm;
use super::exit::{Exit, Failure, Outcome};
use super::output::Output;
use super::passphrase::{self, Secret};
use super::profile::Way;
use super::setup;
use crate::config::Config;
use crate::engine::clock::Clock;
use crate::store::cache::{Cache, CacheOptions};
use crate::store::rekey::{self, Step};
use crate::store::state::{self, State};
use crate::store::vault::{Cost, Vault, VaultError};

/// How often a person may mistype.
const TRIES: u32 = 3;

#[derive(Serialize)]
struct Rebuilt {
    schema: &'static str,
    ok: bool,
}

#[derive(Serialize)]
struct Anew {
    schema: &'static str,
    ok: bool,
    /// What was wrong.
    was: String,
    /// Where the former store is now.
    aside: Option<String>,
}

#[derive(Serialize)]
struct Rekeyed {
    schema: &'static str,
    ok: bool,
    /// How often the keys have been changed.
    epoch: u32,
    new_keys: bool,
    new_passphrase: bool,
    memory_kib: u32,
    passes: u32,
}

/// `store rebuild`: the lock of the profile is ours.
pub(super) fn rebuild(way: &Way<'_>, output: &mut Output<'_>) -> Outcome {
    Cache::delete(&way.roots.cache).map_err(|error| Failure::new(Exit::CannotWrite, format!("the cache: {error}")))?;
    if output.json() {
        output.document(&Rebuilt { schema: "casemail.rebuild/1", ok: true })?;
    }
    output.say("the cache is deleted; the next sync makes it anew");
    Ok(Exit::Done)
}

/// `store anew`: the lock of the profile is ours. A store that opens is not touched.
pub(super) fn anew(way: &Way<'_>, config: &Config, yes: bool, output: &mut Output<'_>) -> Outcome {
    let (vault, _) = open(way, config, output)?;
    let Err(error) = State::open_of(&way.roots, &vault) else {
        return Err(Failure::no("the state store is whole: nothing was done"));
    };
    if !error.is_of_the_file() {
        return Err(Failure::new(Exit::CannotWrite, error));
    }
    output.say(&error.to_string());
    output.say("Beginning anew, this device has an empty outbox, no drafts, no keys and no register; the mail on the servers is not touched.");
    confirm::agreed(way.environment.is_interactive, yes, "begin anew", "the state store was left as it is")?;
    let aside = state::begin_anew(&way.roots, &vault, Clock::system().now())
        .map_err(|error| Failure::new(Exit::CannotWrite, error))?;
    if output.json() {
        let aside = aside.as_ref().map(|place| place.display().to_string());
        output.document(&Anew { schema: "casemail.anew/1", ok: true, was: error.to_string(), aside })?;
    }
    if let Some(aside) = &aside {
        output.say(&format!("what was left of the former store is kept: {}", aside.display()));
    }
    output.say("a new state store was made. `casemail key restore` or `key import` brings your key back, `casemail register replicate` the register");
    Ok(Exit::Done)
}

/// `store rekey`: the lock of the profile is ours.
pub(super) fn rekey(way: &Way<'_>, config: &Config, command: &Store, output: &mut Output<'_>) -> Outcome {
    let Store::Rekey { passphrase: asks, new_passphrase_fd, keep_keys } = command else { return Ok(Exit::Usage) };
    let new = match (new_passphrase_fd.map(passphrase::from_fd).transpose()?, asks) {
        (Some(new), _) if new.is_empty() => {
            return Err(Failure::new(Exit::NotPermitted, "the new passphrase is empty; nothing was changed"));
        }
        (Some(new), _) => Some(new),
        (None, true) if way.environment.is_interactive => None,
        (None, true) => {
            let words = "there is nobody to ask for the new passphrase; give it with --new-passphrase-fd N";
            return Err(Failure::new(Exit::NotPermitted, words));
        }
        (None, false) => None,
    };
    let (mut vault, old) = open(way, config, output)?;
    let new = match new {
        None if *asks => Some(setup::chosen(output)?),
        new => new,
    };
    let fail = |error: VaultError| Failure::new(Exit::CannotWrite, error);
    let begun = vault.epochs().count() > 1;
    let secret = new.as_ref().unwrap_or(&old);
    if *keep_keys {
        vault.change_passphrase(secret, Cost::DEFAULT).map_err(fail)?;
        output.say("the passphrase was changed; the keys behind it are the same");
    } else if begun && new.is_none() {
        output.say("a change of keys that was begun is finished");
    } else {
        vault.begin_epoch(secret, Cost::DEFAULT).map_err(fail)?;
        output.say("new keys were made; from now on the profile opens with them, and what is sealed under the old ones is sealed anew");
    }
    if !*keep_keys || begun {
        finish(way, &mut vault, output)?;
    }
    if output.json() {
        let cost = vault.cost();
        output.document(&Rekeyed {
            schema: "casemail.rekey/1",
            ok: true,
            epoch: vault.epoch(),
            new_keys: !*keep_keys,
            new_passphrase: new.is_some(),
            memory_kib: cost.memory_kib,
            passes: cost.passes,
        })?;
    }
    output.say(
        "done; copies of this profile that lie elsewhere (backups) still open with the passphrase they were made with",
    );
    Ok(Exit::Done)
}

fn finish(way: &Way<'_>, vault: &mut Vault, output: &mut Output<'_>) -> Result<(), Failure> {
    let mut tenth = 0;
    let told =
        rekey::finish(&way.roots, vault, Clock::system().now(), &CacheOptions::default(), &mut |step| match step {
            Step::State => output.say("the state store …"),
            Step::Rows => output.say("the rows of the cache …"),
            Step::Messages(done, of) => {
                let now = done.saturating_mul(10).checked_div(of).unwrap_or(10);
                if now > tenth {
                    tenth = now;
                    output.say(&format!("messages: {} of {} MB", done / 1_000_000, of / 1_000_000));
                }
            }
        });
    let told = told.map_err(|error| {
        let words =
            format!("{error}. Nothing is lost: the profile opens, and `casemail store rekey` goes on where it was");
        Failure::new(Exit::CannotWrite, words)
    })?;
    told.iter().for_each(|words| output.say(words));
    Ok(())
}

/// Opens the vault, and keeps the passphrase to close it with again.
fn open(way: &Way<'_>, config: &Config, output: &mut Output<'_>) -> Result<(Vault, Secret), Failure> {
    let place = way.roots.vault_file();
    let try_it = |passphrase: Secret| match Vault::open_with(&place, &passphrase, Cost::FLOOR) {
        Ok(vault) => Ok((vault, passphrase)),
        Err(error) => Err(error),
    };
    let refuse = |error: VaultError| Failure::new(Exit::NotPermitted, error);
    let given = match (&way.passphrase, &config.unlock_command) {
        (Some(given), _) => Some(given.clone()),
        (None, Some(command)) => Some(passphrase::from_command("unlock_command", command)?),
        (None, None) => None,
    };
    if let Some(given) = given {
        return try_it(given).map_err(refuse);
    }
    if !way.environment.is_interactive {
        let words = "the profile is locked and there is nobody to ask; give the passphrase with --passphrase-fd N, or set unlock_command";
        return Err(Failure::new(Exit::NotPermitted, words));
    }
    let gave_up = || Failure::new(Exit::NotPermitted, "the profile stays as it is");
    for attempt in 1.. {
        let typed = passphrase::ask("Passphrase of today")?.ok_or_else(gave_up)?;
        match try_it(typed) {
            Err(error @ VaultError::WrongPassphrase) if attempt >= TRIES => return Err(refuse(error)),
            Err(VaultError::WrongPassphrase) => output.say("The passphrase is wrong."),
            other => return other.map_err(refuse),
        }
    }
    Err(gave_up())
}
