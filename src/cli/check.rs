//! `check`: everything that can be looked at before something goes wrong, each finding with its place and cure.

use jiff::Timestamp;

use super::environment::Environment;
use super::exit::Outcome;
use super::named::{self, Kind, Line};
use super::output::Output;
use super::passphrase;
use super::probe::{self, Fault, Service, Trouble};
use crate::config::{Config, files};
use crate::engine::keys::{KeyListed, Soon};
use crate::export::target;
use crate::net::Secret;
use crate::net::sasl::{Binding, Proof};
use crate::pgp::certificate::CertInfo;
use crate::pgp::report::Acceptance;
use crate::settings::finding::Severity;
use crate::store::profile::Roots;
use crate::store::space::{self, SpaceLimits};

/// What is looked at without a connection and without a passphrase.
pub(super) fn offline(roots: &Roots, environment: &Environment) -> (Vec<Line>, Option<Config>) {
    let mut found: Vec<Line> = Vec::new();
    for place in roots.findings() {
        found.push(Line::new(Severity::Error, roots.config.display(), place, ""));
    }
    let config = match files::load(&roots.config, environment.home.as_deref()) {
        Ok((config, told)) => {
            found.extend(told.into_iter().map(Line::from));
            Some(config)
        }
        Err(told) => {
            found.extend(told.into_iter().map(Line::from));
            None
        }
    };
    found.extend(named::check_all(Kind::Keymap, Some(&roots.config)));
    found.extend(named::check_all(Kind::Theme, Some(&roots.config)));
    if let Some(config) = &config {
        for (kind, name, what) in [(Kind::Keymap, &config.keymap, "keymap"), (Kind::Theme, &config.theme, "theme")] {
            // Those of the directory were looked at already.
            let told = named::check(kind, name, Some(&roots.config));
            if !named::is_known(kind, name, Some(&roots.config)) {
                found.extend(told);
                found.push(Line::new(
                    Severity::Error,
                    files::place_of(&roots.config, what),
                    format!("there is no {what} `{name}`"),
                    "name another one",
                ));
            }
        }
        for account in &config.accounts {
            if let Some(file) = account.ca_file.as_ref().filter(|file| !file.is_file()) {
                let cure = "name the PEM file of the certificate authority";
                found.push(Line::new(Severity::Error, file.display(), "ca_file: there is no such file", cure));
            }
            if let Some(file) = account.ca_file.as_ref().filter(|file| file.is_file())
                && let Err(error) = crate::net::tls::client_config(Some(file))
            {
                found.push(Line::new(Severity::Error, format!("account {}", account.name), error, "see `ca_file`"));
            }
            if let Some(Err(error)) = probe::certificate(account) {
                let place = format!("account {}", account.name);
                found.push(Line::new(Severity::Error, place, error, "see `client_certificate` in config.toml"));
            }
        }
        if config.accounts.is_empty() {
            found.push(Line::new(
                Severity::Warning,
                "config.toml",
                "there is no account",
                "add one: see `casemail setup`",
            ));
        }
    }
    found.extend(places(roots));
    if !roots.exists() {
        let place = roots.vault_file();
        let cure = if config.is_some() { "the first start makes it" } else { "run `casemail setup`" };
        found.push(Line::new(Severity::Warning, place.display(), "there is no profile yet", cure));
    }
    (found, config)
}

/// Writes what was found.
pub(super) fn finish(output: &mut Output<'_>, found: Vec<Line>, logins: Vec<named::Login>) -> Outcome {
    named::findings_and_logins(output, found, logins)
}

/// What became of the servers.
#[derive(Default)]
pub(super) struct Servers {
    /// What is wrong.
    pub(super) found: Vec<Line>,
    /// The logins that were made.
    pub(super) logins: Vec<named::Login>,
    /// Some server does not accept who we are, or there is nothing to prove it with.
    pub(super) is_refused: bool,
}

/// Whether the servers of all accounts can be reached under TLS, how long their certificates last, and whether they take the passwords.
pub(super) fn servers(
    config: &Config,
    only: Option<&str>,
    is_interactive: bool,
    now: Timestamp,
    output: &mut Output<'_>,
) -> Servers {
    let mut servers = Servers::default();
    for account in config.accounts.iter().filter(|account| only.is_none_or(|name| account.name == name)) {
        let place = |service: Service| {
            let server = service.of(account);
            format!("account {}: {} {}:{}", account.name, service.name(), server.host, server.port)
        };
        let mut reached = Vec::new();
        for service in Service::ALL {
            match probe::reach(account, service, now) {
                Ok(soon) => {
                    let cure = "tell the server's administrator";
                    let line = |words| Line::new(Severity::Warning, place(service), words, cure);
                    servers.found.extend(soon.map(line));
                    reached.push(service);
                }
                Err(trouble) => servers.found.push(Line::new(Severity::Error, place(service), trouble.words, "")),
            }
        }
        if reached.is_empty() {
            continue;
        }
        let proof = match probe::proof(account) {
            Ok(Some(proof)) => Some(proof),
            Ok(None) if is_interactive => {
                let typed = passphrase::ask(&format!(
                    "Password of {} ({}; empty: do not try)",
                    account.name, account.imap.user
                ));
                let typed = typed.ok().flatten().filter(|typed| !typed.is_empty());
                typed.map(|typed| Proof::Password(Secret::new(String::from_utf8_lossy(&typed).into_owned())))
            }
            Ok(None) => None,
            Err(failure) => {
                let place = format!("account {}", account.name);
                let line = Line::new(Severity::Error, place, failure.words, "see `password` in config.toml");
                servers.found.push(line);
                servers.is_refused = true;
                continue;
            }
        };
        let Some(proof) = proof else {
            output.say(&format!("account {}: the login was not tried, as nobody gave the password", account.name));
            continue;
        };
        for service in reached {
            match probe::log_in(account, service, &proof) {
                Ok(way) => {
                    output.say(&format!("{}: logged in by {way}", place(service)));
                    servers.logins.push(named::Login {
                        account: account.name.clone(),
                        service: service.key(),
                        mechanism: way.mechanism.name(),
                        bound: way.binding.map(Binding::name),
                    });
                }
                Err(Trouble { fault, words }) => {
                    let is_refusal = fault == Fault::Credentials;
                    let cure = if is_refusal { cure(&proof) } else { "" };
                    servers.found.push(Line::new(Severity::Error, place(service), words, cure));
                    servers.is_refused |= is_refusal;
                }
            }
        }
    }
    servers
}

/// Where what was refused stands.
fn cure(proof: &Proof) -> &'static str {
    match proof {
        Proof::Password(_) | Proof::Fetched(_) => "see `user` and `password` in config.toml",
        Proof::Token(_) => "see `user` and `token` in config.toml",
        Proof::Certificate => "see `client_certificate` in config.toml",
    }
}

/// Keys: there is an own one for every account, for an address of ours, and none that is in use ends soon.
pub(super) fn keys(config: &Config, keys: &[KeyListed], ending: Vec<Soon>) -> Vec<Line> {
    let mut found = Vec::new();
    let own: Vec<&CertInfo> =
        keys.iter().map(|key| &key.info).filter(|key| key.acceptance == Acceptance::Own && !key.revoked).collect();
    let is_of = |key: &CertInfo, address: &str| key.addresses.iter().any(|one| one.eq_ignore_ascii_case(address));
    for account in &config.accounts {
        let address = &account.address.addr;
        if !own.iter().any(|key| is_of(key, address)) {
            let what = format!("there is no own OpenPGP key for {address}");
            let cure = "`casemail key generate` makes one; give its certificate to those who write to you";
            found.push(Line::new(Severity::Warning, format!("account {}", account.name), what, cure));
        }
    }
    for end in ending {
        found.push(Line::new(Severity::Warning, format!("key {}", end.fingerprint), end.what, end.cure));
    }
    for key in own {
        let fits = config.accounts.iter().any(|account| {
            std::iter::once(&account.address).chain(&account.also).any(|address| is_of(key, &address.addr))
        });
        if !fits {
            let what = format!("your own key is for {}, which is no address of an account", key.addresses.join(", "));
            let cure = "name the address in `also` of an account, or make a key for the account's";
            found.push(Line::new(Severity::Warning, format!("key {}", key.fingerprint), what, cure));
        }
    }
    found
}

/// Where the data lies: not in a folder that is copied elsewhere, and with room to write.
fn places(roots: &Roots) -> Vec<Line> {
    let mut found = Vec::new();
    for place in [&roots.state, &roots.cache] {
        let Some(there) = place.ancestors().find(|place| place.exists()) else { continue };
        if let Some(service) = target::synced(place) {
            let what = format!(
                "lies in a folder that {service} copies: two machines writing there damage what casemail keeps"
            );
            found.push(Line::new(
                Severity::Warning,
                place.display(),
                what,
                "move it: `--home DIR`, or the XDG variables",
            ));
        }
        if let Err(full) = space::check(there, SpaceLimits::default().batch_bytes) {
            found.push(Line::new(Severity::Warning, place.display(), full, ""));
        }
    }
    found.dedup_by(|a, b| a.is_same(b));
    found
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::places;
    use crate::export::target::is_synced;
    use crate::store::profile::Roots;

    #[test]
    fn folders_that_are_copied_are_known_by_name() {
        for (name, expected) in [
            ("OneDrive - Quill & Pounce LLP", Some("OneDrive")),
            ("Dropbox (Personal)", Some("Dropbox")),
            ("Mobile Documents", Some("iCloud")),
            ("GoogleDrive-b.quill@quillpounce.example", Some("Google Drive")),
            ("casemail", None),
            ("home", None),
        ] {
            assert_eq!(is_synced(name), expected, "{name}");
        }
        let tmp = tempfile::tempdir().unwrap();
        assert_eq!(places(&Roots::below(&tmp.path().join("Dropbox/mail"))).len(), 2);
        assert!(!places(&Roots::below(Path::new("/nowhere"))).iter().any(super::Line::is_error));
    }
}
