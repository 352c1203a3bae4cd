//! `key list | show | import | generate | export | accept | reject`.

use jiff::Timestamp;
use serde::Serialize;

use super::args;
use super::call::Call;
use super::exit::{Exit, Failure, Outcome};
use super::passphrase;
use super::source::Source;
use crate::engine::EngineError;
use crate::pgp::certificate::CertInfo;
use crate::pgp::error::PgpError;
use crate::pgp::report::Acceptance;

#[derive(Serialize)]
struct Keys<'a> {
    schema: &'static str,
    keys: &'a [CertInfo],
}

pub(super) fn run(call: &mut Call<'_>, command: &args::Key) -> Outcome {
    let engine = call.engine()?;
    match command {
        args::Key::List => {
            let keys = engine.keys()?;
            if keys.is_empty() {
                call.output.say(
                    "no keys yet: `casemail key generate` makes your own, `casemail key import` adds those of others",
                );
            }
            print(call, &keys)
        }
        args::Key::Show { key } => {
            let found = find(call, key)?;
            print(call, &[found])
        }
        args::Key::Import { file, accept, .. } => {
            let source =
                if file.as_os_str() == "-" { Source::Stdin } else { Source::File(file.to_string_lossy().into_owned()) };
            let bytes = zeroize::Zeroizing::new(source.read(&call.cwd, call.stdin)?);
            let keys = import(call, &bytes, *accept)?;
            print(call, &keys)?;
            if keys.iter().any(|key| key.acceptance == Acceptance::Undecided) {
                call.output.say(
                    "compare the fingerprint with its owner, then decide: `casemail key accept FINGERPRINT --compared HOW`",
                );
            }
            Ok(Exit::Done)
        }
        args::Key::Generate { name, address } => {
            let account = engine.config().account(call.account.as_deref());
            let own = account.map(|account| (account.full_name.clone(), account.address.addr.clone()));
            let (own_name, own_address) = own.unwrap_or_default();
            let (name, address) = (name.as_ref().unwrap_or(&own_name), address.as_ref().unwrap_or(&own_address));
            let (key, revocation) = engine.generate_key(name, address)?;
            print(call, &[key])?;
            if !call.output.json() {
                call.output.say("Keep this revocation certificate apart from this machine: whoever has it can make the key invalid.");
                call.output.block(&revocation)?;
            }
            Ok(Exit::Done)
        }
        args::Key::Export { key } => {
            let found = match key {
                Some(key) => find(call, key)?,
                None => own(call)?,
            };
            call.output.bytes(engine.export_key(&found.fingerprint)?.as_bytes())?;
            Ok(Exit::Done)
        }
        args::Key::Accept { fingerprint, compared } => {
            let key = exact(call, fingerprint)?;
            let acceptance = if compared.is_some() { Acceptance::Verified } else { Acceptance::Accepted };
            engine.decide_key(&key.fingerprint, acceptance, compared.as_deref().unwrap_or_default())?;
            let how =
                if compared.is_some() { "accepted and verified" } else { "accepted, its fingerprint not compared" };
            call.output.say(&format!("the key of {} is {how}", owner(&key)));
            Ok(Exit::Done)
        }
        args::Key::Reject { fingerprint, because } => {
            let key = exact(call, fingerprint)?;
            engine.decide_key(&key.fingerprint, Acceptance::Rejected, because.as_deref().unwrap_or_default())?;
            call.output.say(&format!(
                "the key of {} is rejected: nothing is sealed to it, nothing believed from it",
                owner(&key)
            ));
            Ok(Exit::Done)
        }
    }
}

/// An own key may be locked with a passphrase of its own: it is asked for where somebody can be asked.
fn import(call: &mut Call<'_>, bytes: &[u8], accept: bool) -> Result<Vec<CertInfo>, Failure> {
    let acceptance = if accept { Acceptance::Accepted } else { Acceptance::Undecided };
    let engine = call.engine()?;
    let import = |passphrase: Option<&str>| engine.import_keys(bytes, passphrase, acceptance, "file");
    let given = call.key_passphrase.take();
    let given = given.as_ref().and_then(|secret| std::str::from_utf8(secret).ok());
    match import(given) {
        Err(EngineError::Pgp(PgpError::PassphraseNeeded(_))) if given.is_none() && call.is_interactive => {
            let typed = passphrase::ask("Passphrase of the key in the file")?;
            let typed = typed.ok_or_else(|| Failure::new(Exit::NotPermitted, "nothing was imported"))?;
            Ok(import(std::str::from_utf8(&typed).ok())?)
        }
        other => Ok(other?),
    }
}

fn owner(key: &CertInfo) -> &str {
    key.user_ids.first().map_or(key.fingerprint.as_str(), String::as_str)
}

/// Fingerprints are printed with spaces by many programs.
fn digits(text: &str) -> String {
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    text.strip_prefix("0x").unwrap_or(&text).to_ascii_uppercase()
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

/// Groups of four, as they are read out over a telephone.
fn grouped(fingerprint: &str) -> String {
    let digits: Vec<char> = fingerprint.chars().collect();
    digits.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}

fn print(call: &mut Call<'_>, keys: &[CertInfo]) -> Outcome {
    if call.output.json() {
        call.output.document(&Keys { schema: "casemail.keys/1", keys })?;
        return Ok(Exit::Done);
    }
    let now = call.now();
    for key in keys {
        call.output.line(&format!("{}  {}  {}", state(key, now), key.algorithm, grouped(&key.fingerprint)))?;
        for user_id in &key.user_ids {
            call.output.line(&format!("    {user_id}"))?;
        }
        let expires =
            key.expires.map_or_else(|| "never expires".to_owned(), |at| format!("expires {}", at.strftime("%Y-%m-%d")));
        call.output.line(&format!("    made {}, {expires}", key.created.strftime("%Y-%m-%d")))?;
    }
    Ok(Exit::Done)
}
