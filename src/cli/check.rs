//! `check`: everything that can be looked at before something goes wrong, each finding with its place and cure.

use super::environment::Environment;
use super::exit::Outcome;
use super::named::{self, Kind, Line};
use super::output::Output;
use crate::config::{self, Config, files};
use crate::net;
use crate::net::connect::Times;
use crate::settings::finding::Severity;
use crate::store::profile::Roots;

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
                    "config.toml",
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
    if !roots.exists() {
        let place = roots.vault_file();
        found.push(Line::new(Severity::Warning, place.display(), "there is no profile yet", "run `casemail setup`"));
    }
    (found, config)
}

/// Writes what was found.
pub(super) fn finish(output: &mut Output<'_>, found: Vec<Line>) -> Outcome {
    named::findings(output, found)
}

/// Whether the servers of all accounts can be reached under TLS. Nobody logs in: no password is needed for this.
pub(super) fn servers(config: &Config, only: Option<&str>) -> Vec<Line> {
    let mut found = Vec::new();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return vec![Line::new(Severity::Error, "network", error, "")],
    };
    for account in config.accounts.iter().filter(|account| only.is_none_or(|name| account.name == name)) {
        let place = |server: &config::Endpoint| format!("account {}: {}:{}", account.name, server.host, server.port);
        let tls = match net::tls::client_config(account.ca_file.as_deref()) {
            Ok(tls) => tls,
            Err(error) => {
                found.push(Line::new(Severity::Error, format!("account {}", account.name), error, ""));
                continue;
            }
        };
        let (imap, smtp) = (endpoint(&account.imap), endpoint(&account.smtp));
        let reached = runtime.block_on(async {
            // One after the other would wait twice for a line that is down.
            let imap = net::connect::connect_imap(&imap, &tls, Times::default());
            let smtp = net::connect::connect_smtp(&smtp, &tls, Times::default());
            let (imap, smtp) = tokio::join!(imap, smtp);
            [(&account.imap, imap.err()), (&account.smtp, smtp.err())]
        });
        for (server, error) in reached {
            found.extend(error.map(|error| Line::new(Severity::Error, place(server), error, "")));
        }
    }
    found
}

fn endpoint(server: &config::Endpoint) -> net::Endpoint {
    let security = match server.security {
        config::Security::Tls => net::Security::Tls,
        config::Security::StartTls => net::Security::StartTls,
    };
    net::Endpoint { host: server.host.clone(), port: server.port, security }
}
