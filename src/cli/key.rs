//! `key list | show | import | generate | export | accept | reject | undecide | forget | extend | rotate | revoke | backup | restore`.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use jiff::Timestamp;
use serde::Serialize;
use zeroize::Zeroizing;

use super::args;
use super::call::Call;
use super::exit::{Exit, Failure, Outcome};
use super::passphrase;
use super::source::Source;
use crate::engine::EngineError;
use crate::engine::keys::{Imported, KeyListed, decided, digits, secret};
use crate::pgp::certificate::CertInfo;
use crate::pgp::error::PgpError;
use crate::pgp::lifecycle::Reason;
use crate::pgp::report::Acceptance;

#[derive(Serialize)]
struct Keys<'a> {
    schema: &'static str,
    keys: &'a [KeyListed],
}

pub(super) fn run(call: &mut Call<'_>, command: &args::Key) -> Outcome {
    let keys = call.engine()?.keys();
    match command {
        args::Key::List => {
            let keys = keys.list()?;
            if keys.is_empty() {
                call.output.say(
                    "no keys yet: `casemail key generate` makes your own, `casemail key import` adds those of others",
                );
            }
            let ending = call.engine()?.keys().ending(&keys)?;
            print(call, &keys, false)?;
            for end in ending {
                call.output.say(&format!("{}: {}", end.what, end.cure));
            }
            Ok(Exit::Done)
        }
        args::Key::Show { key } => {
            let found = find(call, key)?;
            print_these(call, &[found.fingerprint], true)
        }
        args::Key::Import { file, accept, ask_passphrase, .. } => {
            let acceptance = if *accept { Acceptance::Accepted } else { Acceptance::Undecided };
            import(call, file, acceptance, *ask_passphrase, "file")
        }
        args::Key::Restore { file, .. } => {
            import(call, file, Acceptance::Undecided, false, "backup sheet")?;
            call.output.say("compare the fingerprint with the one on the sheet");
            Ok(Exit::Done)
        }
        args::Key::Lookup { address } => {
            let hosts = keys.lookup_hosts(address)?;
            call.output.say(&format!("asking {} for the key of {address}", hosts.join(", then ")));
            let (_, imported) = keys.look_up(address)?;
            told(call, &imported)
        }
        args::Key::Agent { key, socket } => {
            let key = key.as_deref().map(|key| exact(call, key)).transpose()?;
            let fingerprint = key.as_ref().map(|key| key.fingerprint.as_str());
            let imported = keys.use_agent(socket.as_ref().map(|path| call.cwd.join(path)).as_deref(), fingerprint)?;
            told(call, &imported)
        }
        args::Key::Unlock { key, keep, .. } => unlock(call, key.as_deref(), *keep),
        args::Key::Take { message } => {
            let name =
                message.parse().map_err(|_| Failure::new(Exit::Usage, format!("{message:?} names no message")))?;
            let imported = keys.import_offered(&name)?;
            told(call, &imported)
        }
        args::Key::Generate { name, address } => {
            let account = call.engine()?.config().account(call.account.as_deref());
            let own = account.map(|account| (account.full_name.clone(), account.address.addr.clone()));
            let (own_name, own_address) = own.unwrap_or_default();
            let (name, address) = (name.as_ref().unwrap_or(&own_name), address.as_ref().unwrap_or(&own_address));
            let (key, revocation) = keys.generate(name, address)?;
            made(call, &key, &revocation)
        }
        args::Key::Export { key } => {
            let found = meant(call, key.as_deref())?;
            call.output.bytes(keys.export(&found.fingerprint)?.as_bytes())?;
            Ok(Exit::Done)
        }
        args::Key::Accept { fingerprint, compared } => {
            let key = exact(call, fingerprint)?;
            let acceptance = if compared.is_some() { Acceptance::Verified } else { Acceptance::Accepted };
            keys.decide(&key.fingerprint, acceptance, compared.as_deref().unwrap_or_default())?;
            let how =
                if compared.is_some() { "accepted and verified" } else { "accepted, its fingerprint not compared" };
            call.output.say(&format!("the key of {} is {how}", key.holder()));
            Ok(Exit::Done)
        }
        args::Key::Reject { fingerprint, because } => {
            let key = exact(call, fingerprint)?;
            keys.decide(&key.fingerprint, Acceptance::Rejected, because.as_deref().unwrap_or_default())?;
            call.output.say(&format!(
                "the key of {} is rejected: nothing is sealed to it, nothing believed from it",
                key.holder()
            ));
            Ok(Exit::Done)
        }
        args::Key::Undecide { fingerprint, because } => {
            let key = exact(call, fingerprint)?;
            keys.decide(&key.fingerprint, Acceptance::Undecided, because.as_deref().unwrap_or_default())?;
            call.output.say(&format!("the key of {} is not used until you decide again", key.holder()));
            Ok(Exit::Done)
        }
        args::Key::Forget { fingerprint } => {
            let key = exact(call, fingerprint)?;
            keys.forget(&key.fingerprint)?;
            call.output.say(&format!("the key of {} is forgotten", key.holder()));
            Ok(Exit::Done)
        }
        args::Key::Extend { key, days } => {
            let found = meant(call, key.as_deref())?;
            let key = keys.extend(&found.fingerprint, *days)?;
            print_these(call, &[key.fingerprint], false)?;
            call.output.say("give the certificate to those who write to you again: `casemail key export`");
            Ok(Exit::Done)
        }
        args::Key::Rotate { key } => {
            let old = meant(call, key.as_deref())?;
            let (key, revocation) = keys.rotate(&old.fingerprint)?;
            made(call, &key, &revocation)?;
            call.output.say(
                "the old key vouches for the new one and is kept for reading; give the new certificate to those who write to you, then revoke the old key: `casemail key revoke --reason superseded`",
            );
            Ok(Exit::Done)
        }
        args::Key::Revoke { fingerprint, reason, because } => {
            let key = exact(call, fingerprint)?;
            let reason = match reason {
                args::RevocationReason::Compromised => Reason::Compromised,
                args::RevocationReason::Superseded => Reason::Superseded,
                args::RevocationReason::Retired => Reason::Retired,
            };
            let key = keys.revoke(&key.fingerprint, reason, because)?;
            call.output.say(&format!(
                "the key of {} is revoked; what was written to it can still be read. Give the certificate to those who write to you: `casemail key export {}`",
                key.holder(),
                key.fingerprint
            ));
            Ok(Exit::Done)
        }
        args::Key::Backup { key, to, .. } => backup(call, key.as_deref(), to.as_deref()),
    }
}

/// A new key of one's own, and the certificate that revokes it.
fn made(call: &mut Call<'_>, key: &CertInfo, revocation: &str) -> Outcome {
    print_these(call, std::slice::from_ref(&key.fingerprint), false)?;
    if !call.output.json() {
        call.output
            .say("Keep this revocation certificate apart from this machine: whoever has it can make the key invalid.");
        call.output.block(revocation)?;
    }
    Ok(Exit::Done)
}

/// Takes in what a file holds. An own key may be locked with a passphrase of its own: it is asked for where somebody can be asked.
fn import(call: &mut Call<'_>, file: &Path, acceptance: Acceptance, ask: bool, source: &str) -> Outcome {
    let from = if file.as_os_str() == "-" { Source::Stdin } else { Source::File(file.to_string_lossy().into_owned()) };
    let bytes = Zeroizing::new(from.read(&call.cwd, call.stdin)?);
    let keys = call.engine()?.keys();
    let given = call.key_passphrase.take();
    let given = given.as_ref().and_then(|secret| std::str::from_utf8(secret).ok());
    let take = |passphrase: Option<&str>| keys.import(&bytes, passphrase, acceptance, source, ask);
    let imported = match take(given) {
        Err(EngineError::Pgp(PgpError::PassphraseNeeded(_))) if given.is_none() && call.is_interactive => {
            let typed = passphrase::ask("Passphrase of the key in the file")?;
            let typed = typed.ok_or_else(|| Failure::new(Exit::NotPermitted, "nothing was imported"))?;
            take(std::str::from_utf8(&typed).ok())?
        }
        other => other?,
    };
    told(call, &imported)
}

/// What was taken in.
fn told(call: &mut Call<'_>, imported: &[Imported]) -> Outcome {
    let fingerprints: Vec<String> = imported.iter().map(|one| one.info.fingerprint.clone()).collect();
    print_these(call, &fingerprints, false)?;
    for one in imported {
        for told in &one.told {
            call.output.say(&format!("{}: {told}", one.info.holder()));
        }
    }
    if imported.iter().any(|one| one.info.acceptance == Acceptance::Undecided) {
        call.output.say(
            "compare the fingerprint with its owner, then decide: `casemail key accept FINGERPRINT --compared HOW`",
        );
    }
    Ok(Exit::Done)
}

/// Opens an own key that has a passphrase of its own.
fn unlock(call: &mut Call<'_>, key: Option<&str>, keep: bool) -> Outcome {
    let found = meant(call, key)?;
    let no = |words: &str| Failure::new(Exit::NotPermitted, words);
    if call.is_alone && !keep {
        return Err(no(
            "no other casemail runs on this profile, and the key would be open for no longer than this command: start it and press `o` in the list of \
             keys, or keep the passphrase with the key by --keep",
        ));
    }
    let given = match call.key_passphrase.take() {
        Some(given) => given,
        None if call.is_interactive => {
            passphrase::ask("Passphrase of the key")?.ok_or_else(|| no("the key stays closed"))?
        }
        None => {
            return Err(no("there is nobody to ask for the passphrase of the key; give it with --key-passphrase-fd N"));
        }
    };
    let given = std::str::from_utf8(&given).map_err(|_| no("the passphrase of the key is not UTF-8"))?;
    let info = call.engine()?.keys().unlock(&found.fingerprint, given, keep)?;
    let how = if keep { "opens with the profile from now on" } else { "is open until the profile is locked" };
    call.output.say(&format!("the key of {} {how}", info.holder()));
    Ok(Exit::Done)
}

/// Writes an own key as a sheet.
fn backup(call: &mut Call<'_>, key: Option<&str>, to: Option<&Path>) -> Outcome {
    let found = meant(call, key)?;
    let no = |words: &str| Failure::new(Exit::NotPermitted, words);
    let given = match call.key_passphrase.take() {
        Some(given) => given,
        None if call.is_interactive => {
            let stopped = || no("nothing was written");
            let typed = passphrase::ask("Passphrase for the sheet")?.ok_or_else(stopped)?;
            let again = passphrase::ask("The same again")?.ok_or_else(stopped)?;
            if *typed != *again {
                return Err(no("the two are not the same; nothing was written"));
            }
            typed
        }
        None => {
            return Err(no(
                "there is nobody to ask for the passphrase of the sheet; give it with --key-passphrase-fd N",
            ));
        }
    };
    let given = std::str::from_utf8(&given).map_err(|_| no("the passphrase of the sheet is not UTF-8"))?;
    let backup = call.engine()?.keys().backup(&found.fingerprint, given)?;
    let Some(to) = to else {
        call.output.bytes(backup.sheet.as_bytes())?;
        return Ok(Exit::Done);
    };
    let place = call.cwd.join(to);
    let cannot = |error: std::io::Error| Failure::new(Exit::CannotWrite, format!("{}: {error}", place.display()));
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&place).map_err(cannot)?;
    file.write_all(backup.sheet.as_bytes()).and_then(|()| file.sync_all()).map_err(cannot)?;
    call.output.say(&format!(
        "the sheet is in {}: print it, put the file out of the world, and keep the passphrase somewhere else",
        place.display()
    ));
    Ok(Exit::Done)
}

fn find(call: &Call<'_>, wanted: &str) -> Result<CertInfo, Failure> {
    let keys = call.keyring()?.certs(call.now());
    let wanted_digits = digits(wanted);
    let is_it = |key: &&CertInfo| {
        (wanted_digits.len() >= 16 && key.fingerprint.ends_with(&wanted_digits))
            || key.addresses.iter().any(|address| address.eq_ignore_ascii_case(wanted))
    };
    let mut found = keys.iter().filter(is_it);
    match (found.next(), found.next()) {
        (Some(key), None) => Ok(key.clone()),
        (Some(_), Some(_)) => {
            Err(Failure::no(format!("{wanted:?} is said of several keys; name one by its fingerprint")))
        }
        (None, _) => Err(Failure::no(format!("there is no key {wanted:?}"))),
    }
}

/// The key that is named, or one's own.
fn meant(call: &Call<'_>, key: Option<&str>) -> Result<CertInfo, Failure> {
    key.map_or_else(|| own(call), |key| find(call, key))
}

/// One's own key, for the account where one is named.
fn own(call: &Call<'_>) -> Result<CertInfo, Failure> {
    let address = call.engine()?.config().account(call.account.as_deref()).map(|account| account.address.addr.clone());
    let now = call.now();
    let is_own =
        |key: &CertInfo| key.acceptance == Acceptance::Own && !key.revoked && key.expires.is_none_or(|at| at > now);
    let mut keys: Vec<CertInfo> = call.keyring()?.certs(now).into_iter().filter(is_own).collect();
    let fits = |key: &CertInfo| {
        address.as_ref().is_some_and(|own| key.addresses.iter().any(|one| one.eq_ignore_ascii_case(own)))
    };
    // The one for this account before others, the newest before older ones.
    keys.sort_by_key(|key| (fits(key), key.created));
    keys.pop().ok_or_else(|| Failure::no("there is no key of your own; `casemail key generate` makes one"))
}

/// A decision is made about a whole fingerprint alone: shorter ones can be made to collide.
fn exact(call: &Call<'_>, fingerprint: &str) -> Result<CertInfo, Failure> {
    let wanted = digits(fingerprint);
    let keys = call.keyring()?.certs(call.now());
    let found = keys.into_iter().find(|key| key.fingerprint == wanted);
    found.ok_or_else(|| {
        Failure::no(format!("there is no key with the fingerprint {wanted:?} (all of its digits are needed)"))
    })
}

/// Prints keys by their fingerprints.
fn print_these(call: &mut Call<'_>, fingerprints: &[String], whole: bool) -> Outcome {
    let mut keys = call.engine()?.keys().list()?;
    keys.retain(|key| fingerprints.contains(&key.info.fingerprint));
    print(call, &keys, whole)
}

fn print(call: &mut Call<'_>, keys: &[KeyListed], whole: bool) -> Outcome {
    if call.output.json() {
        call.output.document(&Keys { schema: "casemail.keys/1", keys })?;
        return Ok(Exit::Done);
    }
    let now = call.now();
    let day = |at: Timestamp| at.strftime("%Y-%m-%d").to_string();
    for key in keys {
        let info = &key.info;
        call.output.line(&format!("{}  {}  {}", state(info, now), info.algorithm, key.groups))?;
        for user_id in &info.user_ids {
            call.output.line(&format!("    {user_id}"))?;
        }
        let expires = info.expires.map_or_else(|| "never expires".to_owned(), |at| format!("expires {}", day(at)));
        call.output.line(&format!("    made {}, {expires}", day(info.created)))?;
        if let Some(decision) = key.decisions.last() {
            call.output.line(&format!("    {}", decided(decision)))?;
        }
        if let Some(home) = key.secret {
            call.output.line(&format!("    secret part: {}", secret(home, info.has_secret)))?;
        }
        if !key.cases.is_empty() {
            let cases: Vec<&str> = key.cases.iter().map(|case| case.0.as_str()).collect();
            call.output.line(&format!("    in {}", cases.join(", ")))?;
        }
        if !whole {
            continue;
        }
        if let Some(why) = &info.invalid {
            call.output.line(&format!("    not valid: {why}"))?;
        }
        call.output.line(&format!("    came from: {}, {}", key.source, day(key.added_at)))?;
        call.output.line("    in words, to be read over the telephone:")?;
        for line in &key.words {
            call.output.line(&format!("        {line}"))?;
        }
        if key.decisions.len() > 1 {
            call.output.line("    every decision:")?;
            for decision in &key.decisions {
                call.output.line(&format!("        {}", decided(decision)))?;
            }
        }
    }
    Ok(Exit::Done)
}

fn state(key: &CertInfo, now: Timestamp) -> &'static str {
    match key {
        CertInfo { revoked: true, .. } => "revoked",
        CertInfo { expires: Some(at), .. } if *at <= now => "expired",
        CertInfo { acceptance: Acceptance::Rejected, .. } => "rejected",
        CertInfo { acceptance: Acceptance::Undecided, .. } => "undecided",
        CertInfo { acceptance: Acceptance::Accepted, .. } => "accepted",
        CertInfo { acceptance: Acceptance::Verified, .. } => "verified",
        CertInfo { acceptance: Acceptance::Own, .. } => "own",
    }
}
