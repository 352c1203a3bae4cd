//! The set-up tries both servers with the person looking on: reach them, log in, and ask again for what was wrong.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::{Asked, ask, endpoint};
use crate::cli::exit::Failure;
use crate::cli::output::Output;
use crate::cli::passphrase;
use crate::cli::probe::{self, Fault, Service, Trouble};
use crate::config::{Account, Endpoint, PasswordSource, Security};
use crate::engine::clock::Clock;
use crate::net::Secret;
use crate::net::sasl::Proof;
use crate::net::tls::client_config;

/// Tries the servers of an account and mends it by what the person says. What cannot be made to work may be kept as it is: the network
/// may be down today.
pub(super) fn servers(
    account: &mut Account,
    asked: &Asked<'_>,
    cwd: &Path,
    output: &mut Output<'_>,
) -> Result<(), Failure> {
    let now = Clock::system().now();
    let mut reached = Vec::new();
    for service in Service::ALL {
        if reach(account, service, now, asked, cwd, output)? {
            reached.push(service);
        }
    }
    if reached.is_empty() {
        return Ok(());
    }
    let mut proof = match probe::proof(account) {
        Ok(proof) => proof,
        Err(failure) => {
            output.say(&format!("{}. The login was not tried; `casemail check` does.", failure.words));
            return Ok(());
        }
    };
    for service in reached {
        log_in(account, service, &mut proof, output)?;
    }
    Ok(())
}

/// Whether it was reached in the end.
fn reach(
    account: &mut Account,
    service: Service,
    now: Timestamp,
    asked: &Asked<'_>,
    cwd: &Path,
    output: &mut Output<'_>,
) -> Result<bool, Failure> {
    loop {
        let server = service.of(account).clone();
        output.say(&format!(
            "{}: trying {}:{} ({}) ...",
            service.name(),
            server.host,
            server.port,
            server.security.name()
        ));
        let trouble = match probe::reach(account, service, now) {
            Ok(soon) => {
                output.say(&format!("{}: a secure connection, the certificate is good", service.name()));
                if let Some(words) = soon {
                    output.say(&format!("{}: {words}; its administrator has to renew it", service.name()));
                }
                return Ok(true);
            }
            Err(trouble) => trouble,
        };
        if trouble.fault == Fault::NotTls && server.security == Security::Tls {
            output.say(&format!("{}: no TLS from the first byte there; STARTTLS is required instead", service.name()));
            set(account, service, Endpoint { security: Security::StartTls, ..server });
            continue;
        }
        output.say(&trouble.words);
        if trouble.fault == Fault::Authority
            && let Some(file) = authority(asked, cwd, output)?
        {
            account.ca_file = Some(file);
            continue;
        }
        let question = format!("Another {} server, HOST or HOST:PORT (enter: keep this one untried)", service.name());
        let text = ask(&question, Some(""))?;
        if text.is_empty() {
            return Ok(false);
        }
        match endpoint(&text, server.port, &server.user) {
            Ok(found) => set(account, service, found),
            Err(why) => output.say(&why),
        }
    }
}

/// The file of an authority of the organisation's own, asked for until it can be read. Nothing else makes a certificate acceptable.
fn authority(asked: &Asked<'_>, cwd: &Path, output: &mut Output<'_>) -> Result<Option<PathBuf>, Failure> {
    output.say("Name only a file that your organisation gave you: whoever made it can read your mail on the way.");
    loop {
        let file = ask("File of your organisation's certificate authority (PEM; enter: none)", Some(""))?;
        if file.is_empty() {
            return Ok(None);
        }
        let file = match (file.strip_prefix("~/"), asked.home) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => cwd.join(&file),
        };
        match client_config(Some(&file)) {
            Ok(_) => return Ok(Some(file)),
            Err(error) => output.say(&error.to_string()),
        }
    }
}

fn set(account: &mut Account, service: Service, server: Endpoint) {
    match service {
        Service::Imap => account.imap = server,
        Service::Smtp => account.smtp = server,
    }
}

/// `proof`: what a program gave, or what was typed for the other server.
fn log_in(
    account: &mut Account,
    service: Service,
    proof: &mut Option<Proof>,
    output: &mut Output<'_>,
) -> Result<(), Failure> {
    loop {
        let user = service.of(account).user.clone();
        let tried = match proof.clone() {
            Some(proof) => proof,
            None => {
                let question = format!("Password of {user}, to try the login now (never written down; empty: later)");
                let Some(typed) = passphrase::ask(&question)?.filter(|typed| !typed.is_empty()) else { return Ok(()) };
                Proof::Password(Secret::new(String::from_utf8_lossy(&typed).into_owned()))
            }
        };
        match probe::log_in(account, service, &tried) {
            Ok(way) => {
                output.say(&format!("{}: logged in as {user} by {way}", service.name()));
                *proof = Some(tried);
                return Ok(());
            }
            Err(Trouble { fault: Fault::Credentials, words }) => {
                output.say(&format!("{}: {words}", service.name()));
                if !matches!(account.password, PasswordSource::Prompt) {
                    output.say("The configuration is written as it is; `casemail check` tries again.");
                    return Ok(());
                }
                let user = ask("Name to log in by", Some(&user))?;
                let mut server = service.of(account).clone();
                server.user.clone_from(&user);
                set(account, service, server);
                *proof = None;
            }
            Err(Trouble { fault: Fault::NoWay, words }) if matches!(tried, Proof::Password(_)) => {
                output.say(&format!("{}: {words}", service.name()));
                output.say("Where it wants a token (OAuth 2.0), name the program that prints one; your organisation knows which.");
                let text = ask("Program with its arguments, run without a shell (enter: none)", Some(""))?;
                let command: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
                if command.is_empty() {
                    output.say("The configuration is written as it is; `casemail check` tries again.");
                    return Ok(());
                }
                account.password = PasswordSource::Token { command, refresh: None };
                *proof = probe::proof(account)?;
            }
            Err(Trouble { words, .. }) => {
                output.say(&format!("{}: the login could not be tried: {words}", service.name()));
                *proof = Some(tried);
                return Ok(());
            }
        }
    }
}
