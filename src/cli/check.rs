//! `check`: everything that can be looked at before something goes wrong, each finding with its place and cure.

use super::environment::Environment;
use super::exit::Outcome;
use super::named::{self, Kind, Line};
use super::output::Output;
use crate::config::{Config, files};
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
