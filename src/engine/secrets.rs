//! Passwords and tokens on their way from where they live to a server.
//!
//! From the output of a program that the configuration names (run without a shell, its standard input empty), or as typed in. A password
//! that was typed in outlives a lock only sealed under the profile's own key. Nothing here logs, and no secret is in an argument, an
//! environment variable or an event. Tokens are not kept at all: their program is asked at each login.

use std::collections::HashMap;
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt;

use crate::config::{Account, PasswordSource};
use crate::net::Secret;
use crate::net::sasl::{Kept, Proof, TokenSource, TokenWish};
use crate::store::vault::Vault;

/// How long a password program may take: it may ask for a touch of a token.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(60);
/// The most that is read of its output.
const OUTPUT_BYTES_MAX: usize = 16 << 10;

#[derive(Default)]
struct Held {
    open: HashMap<String, Secret>,
    sealed: HashMap<String, Vec<u8>>,
}

/// Passwords that were typed in, by account.
#[derive(Default)]
pub(crate) struct Secrets(Mutex<Held>);

impl Secrets {
    /// Passwords that were asked for at the start.
    pub(crate) fn new(typed: HashMap<String, Secret>) -> Self {
        Self(Mutex::new(Held { open: typed, sealed: HashMap::new() }))
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A password was typed in.
    pub(crate) fn typed(&self, account: &str, password: Secret) {
        self.lock().open.insert(account.to_owned(), password);
    }

    /// The server has refused the one that was typed in: it is not sent again.
    pub(crate) fn forget(&self, account: &str) {
        let mut held = self.lock();
        held.open.remove(account);
        held.sealed.remove(account);
    }

    /// Whether one was typed in for this account.
    pub(crate) fn is_typed(&self, account: &str) -> bool {
        self.lock().open.contains_key(account)
    }

    /// The profile is being locked.
    pub(crate) fn seal(&self, vault: &Vault) {
        let sealer = vault.sealer("typed-password", b"");
        let mut held = self.lock();
        let open = std::mem::take(&mut held.open);
        held.sealed = open
            .into_iter()
            .map(|(account, secret)| {
                let sealed = sealer.seal(account.as_bytes(), secret.expose().as_bytes());
                (account, sealed)
            })
            .collect();
    }

    /// The profile was unlocked.
    pub(crate) fn unseal(&self, vault: &Vault) {
        let sealer = vault.sealer("typed-password", b"");
        let mut held = self.lock();
        for (account, sealed) in std::mem::take(&mut held.sealed) {
            if let Ok(bytes) = sealer.open(account.as_bytes(), &sealed)
                && let Ok(text) = std::str::from_utf8(&bytes)
            {
                held.open.insert(account, Secret::new(text.to_owned()));
            }
        }
    }

    /// What proves who an account is; why there is nothing, in words.
    pub(crate) async fn proof(&self, account: &Account) -> Result<Proof, String> {
        self.proof_by(&account.password, &account.name, &account.name).await
    }

    /// As [`Self::proof`], got at once: for one login.
    pub(crate) async fn proof_now(&self, account: &Account) -> Result<Proof, String> {
        self.proof(account).await?.at_hand().await
    }

    /// As [`Self::proof`], to the server of a route that has a login of its own.
    pub(crate) async fn route_proof(&self, route: &str, source: &PasswordSource) -> Result<Proof, String> {
        self.proof_by(source, &of_route(route), &format!("the route {route}")).await
    }

    /// `held`: the name that a typed password is held by; `whose`: whom it belongs to, in words.
    async fn proof_by(&self, source: &PasswordSource, held: &str, whose: &str) -> Result<Proof, String> {
        match source {
            PasswordSource::Command(command) => Ok(Proof::Fetched(password(command))),
            PasswordSource::Prompt => {
                let typed = self.lock().open.get(held).cloned();
                typed.map(Proof::Password).ok_or_else(|| {
                    format!(
                        "the password of {whose} has to be typed in, and there is nobody to ask: start casemail at a terminal, or set `password` in \
                         config.toml to a command"
                    )
                })
            }
            PasswordSource::Token { command, refresh } => Ok(Proof::Token(tokens(command, refresh.as_deref()))),
            PasswordSource::Certificate => Ok(Proof::Certificate),
        }
    }
}

/// A password as a program prints it: once, and anew after a refusal.
fn password(command: &[String]) -> Kept {
    let command: Arc<[String]> = command.into();
    Kept::new(TokenSource::new(move |_| {
        let command = Arc::clone(&command);
        async move { run("password", &command).await }.boxed()
    }))
}

/// Tokens as programs print them: at each login, and once more after a refusal.
pub(crate) fn tokens(command: &[String], refresh: Option<&[String]>) -> TokenSource {
    let fresh: Arc<[String]> = refresh.unwrap_or(command).into();
    let at_hand: Arc<[String]> = command.into();
    TokenSource::new(move |wish| {
        let command = Arc::clone(match wish {
            TokenWish::AtHand => &at_hand,
            TokenWish::Fresh => &fresh,
        });
        async move { run("token", &command).await }.boxed()
    })
}

/// The name that a route's typed password is held by. No account has a space in its name.
pub(crate) fn of_route(route: &str) -> String {
    format!("route {route}")
}

/// The first line that a program prints. `what`: "password" or "token".
pub(crate) async fn run(what: &str, command: &[String]) -> Result<Secret, String> {
    let Some((program, arguments)) = command.split_first() else {
        return Err(format!("the {what} command is empty: name a program"));
    };
    let running = tokio::process::Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = match tokio::time::timeout(COMMAND_TIMEOUT, running).await {
        Ok(Ok(output)) => output,
        Ok(Err(why)) => return Err(format!("the {what} command {program:?} cannot be run: {why}")),
        Err(_) => {
            return Err(format!("the {what} command {program:?} took longer than {} s", COMMAND_TIMEOUT.as_secs()));
        }
    };
    let bytes = zeroize::Zeroizing::new(output.stdout);
    if !output.status.success() {
        return Err(format!("the {what} command {program:?} failed ({})", output.status));
    }
    if bytes.len() > OUTPUT_BYTES_MAX {
        return Err(format!("the {what} command {program:?} printed more than a {what}"));
    }
    let first = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let first = first.strip_suffix(b"\r").unwrap_or(first);
    match std::str::from_utf8(first) {
        Ok("") => Err(format!("the {what} command {program:?} printed nothing")),
        Ok(text) => Ok(Secret::new(text.to_owned())),
        Err(_) => Err(format!("the {what} command {program:?} printed something that is not UTF-8")),
    }
}

#[cfg(test)]
mod tests {
    use super::run;

    #[test]
    fn the_first_line_counts_and_failures_have_words() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let check = |command: &[&str], expected: Result<&str, &str>| {
            let command: Vec<String> = command.iter().map(|word| (*word).to_owned()).collect();
            match (runtime.block_on(run("password", &command)), expected) {
                (Ok(secret), Ok(expected)) => assert_eq!(secret.expose(), expected),
                (Err(words), Err(part)) => assert!(words.contains(part), "{words}"),
                (got, _) => panic!("{command:?}: {got:?}"),
            }
        };
        check(&["printf", "otter weir\\r\\nsecond"], Ok("otter weir"));
        check(&["printf", "%s", "$HOME; ls"], Ok("$HOME; ls"));
        check(&["false"], Err("failed"));
        check(&["true"], Err("nothing"));
        check(&["/no/such/program"], Err("cannot be run"));
        check(&[], Err("empty"));
    }
}
