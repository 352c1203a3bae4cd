//! Logging in: the dialogue of [`crate::net::sasl`] over AUTHENTICATE (RFC 9051 §6.2.2, with the initial response of RFC 4959 where offered), or
//! the LOGIN command where nothing better is offered.
//!
//! All of it happens under TLS. Secrets are written from wiped buffers, by our own hand, and never logged.
//!
//! Servers differ: Exchange Online refuses XOAUTH2 with a bare NO and answers stray lines with an untagged BAD, so nothing is sent that was
//! not asked for; Courier and older Cyrus name no capabilities in the answer to a login, so they are asked for again.

use std::sync::{Mutex, PoisonError};

use tokio::time::timeout;
use zeroize::Zeroizing;

use super::account::AccountSetup;
use super::command::Command;
use super::error::Error;
use super::refusal::login_passes;
use super::session::{Pending, Session, Use, Wire};
use crate::net::deflate::Deflate;
use crate::net::guard::Limits;
use crate::net::sasl::{
    self, Channel, Credentials, Exchange, Mechanism, Offer, Proof, Reply, Stop, TokenWish, Way, authenticate, choose,
};
use crate::net::{self, Secret, Security, Stream, tls};

const DOING: &str = "the login";

/// What a session of an account runs on.
pub(super) type Line = Deflate<Stream>;

/// Connects and logs in.
pub(super) async fn open(setup: &AccountSetup, credentials: &Credentials) -> Result<Session<Line>, Error> {
    Ok(log_in_there(setup, credentials).await?.0)
}

/// As [`open`], but for a password that the server refused before ([`Refused`]).
pub(super) async fn open_unless_refused(
    setup: &AccountSetup,
    credentials: &Credentials,
    refused: &Mutex<Refused>,
) -> Result<Session<Line>, Error> {
    Ok(enter(setup, credentials, Some(refused)).await?.0)
}

/// Passwords that the server refused. None of them is sent again by itself, because servers lock accounts for that: what is refused is refused until it is
/// another one, or somebody wants it tried.
#[derive(Debug, Default)]
pub(super) struct Refused(Vec<(Secret, String)>);

/// More of them are not remembered.
const REFUSED_MAX: usize = 8;

impl Refused {
    /// Why a password is not sent, if it is not.
    fn why(&self, password: &Secret) -> Option<Error> {
        let (_, words) = self.0.iter().find(|(refused, _)| refused.expose() == password.expose())?;
        Some(Error::StillRefused { words: words.clone() })
    }

    fn note(&mut self, password: &Secret, e: &Error) {
        if self.why(password).is_none() {
            self.0.truncate(REFUSED_MAX - 1);
            self.0.insert(0, (password.clone(), e.to_string()));
        }
    }

    /// Somebody wants it tried, or one was taken.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }
}

/// Whether the server refuses what is at hand, now or before.
fn is_refusal<T>(result: &Result<T, Error>) -> bool {
    matches!(result, Err(Error::Login { .. } | Error::StillRefused { .. } | Error::RefusedBefore { .. }))
}

/// Connects and logs in with a password or a token, unless it was refused before.
async fn attempt_unless_refused(
    setup: &AccountSetup,
    credentials: &Credentials,
    password: &Secret,
    refused: Option<&Mutex<Refused>>,
) -> Result<(Session<Line>, Way), Error> {
    let locked = || refused.map(|refused| refused.lock().unwrap_or_else(PoisonError::into_inner));
    if let Some(why) = locked().and_then(|refused| refused.why(password)) {
        return Err(why);
    }
    if let Some(words) = setup.refusals.as_ref().and_then(|refusals| refusals.why(password)) {
        return Err(Error::RefusedBefore { words });
    }
    let result = attempt(setup, credentials, password).await;
    match &result {
        Ok(_) => {
            if let Some(mut refused) = locked() {
                refused.forget();
            }
            if let Some(refusals) = &setup.refusals {
                refusals.forget();
            }
        }
        Err(e @ Error::Login { .. }) => {
            if let Some(mut refused) = locked() {
                refused.note(password, e);
            }
            if let Some(refusals) = &setup.refusals {
                refusals.note(password, &e.to_string());
            }
        }
        Err(_) => {}
    }
    result
}

/// Connects and logs in; says how. A refused token is asked for anew once, and tried on a connection of its own: some servers end one after a
/// refusal, some make it wait.
pub(super) async fn log_in_there(
    setup: &AccountSetup,
    credentials: &Credentials,
) -> Result<(Session<Line>, Way), Error> {
    enter(setup, credentials, None).await
}

async fn enter(
    setup: &AccountSetup,
    credentials: &Credentials,
    refused: Option<&Mutex<Refused>>,
) -> Result<(Session<Line>, Way), Error> {
    match &credentials.proof {
        Proof::Password(password) => attempt_unless_refused(setup, credentials, password, refused).await,
        // EXTERNAL says nothing of its own.
        Proof::Certificate => attempt(setup, credentials, &Secret::new(String::new())).await,
        Proof::Fetched(kept) => {
            let (password, is_new) = kept.get().await.map_err(Error::NoPassword)?;
            match attempt_unless_refused(setup, credentials, &password, refused).await {
                Err(why @ (Error::Login { .. } | Error::StillRefused { .. } | Error::RefusedBefore { .. })) => {
                    kept.forget(&password);
                    // One that was kept may have been changed since. The same is not sent again: servers lock accounts for that.
                    if is_new {
                        return Err(why);
                    }
                    let (other, _) = kept.get().await.map_err(Error::NoPassword)?;
                    let result = if other.expose() == password.expose() {
                        Err(why)
                    } else {
                        attempt_unless_refused(setup, credentials, &other, refused).await
                    };
                    if is_refusal(&result) {
                        kept.forget(&other);
                    }
                    result
                }
                other => other,
            }
        }
        Proof::Token(source) => {
            let token = source.token(TokenWish::AtHand).await.map_err(Error::NoToken)?;
            let first = attempt_unless_refused(setup, credentials, &token, refused).await;
            if !is_refusal(&first) {
                return first;
            }
            let fresh = source.token(TokenWish::Fresh).await.map_err(Error::NoToken)?;
            // Whoever gives the same one has no other: it is not sent again.
            if fresh.expose() == token.expose() {
                return first;
            }
            attempt_unless_refused(setup, credentials, &fresh, refused).await
        }
    }
}

async fn attempt(
    setup: &AccountSetup,
    credentials: &Credentials,
    secret: &Secret,
) -> Result<(Session<Line>, Way), Error> {
    let stream = net::connect_imap(&setup.endpoint, &setup.tls, setup.times.connect).await?;
    let channel = tls::channel(&stream);
    let secured = tls::secured(&stream, &setup.endpoint.host);
    let greeted = setup.endpoint.security == Security::StartTls;
    let mut session = Session::new(Deflate::new(stream), setup.times.silence);
    session.secured = secured;
    let login = async {
        if !greeted {
            session.greeting().await?;
        }
        log_in(&mut session, credentials, secret, channel.as_ref()).await
    };
    let way = timeout(setup.times.login, login)
        .await
        .map_err(|_| Error::TimedOut { doing: DOING.to_owned(), after: setup.times.login })??;
    session.set_guard(Limits::after_login(u64::from(setup.limits.message_bytes_max).max(64 << 20)));
    if setup.compress && session.capabilities.has("COMPRESS=DEFLATE") {
        compress(&mut session).await?;
    }
    Ok((session, way))
}

/// COMPRESS (RFC 4978 §3). A server that offers it and refuses goes on without.
async fn compress(session: &mut Session<Line>) -> Result<(), Error> {
    session.stream_mut().slowly(true);
    match session.run("to compress", &Command::plain("COMPRESS DEFLATE"), |_| Use::Unasked).await {
        Ok(_) => session.stream_mut().start(),
        Err(e) if e.session_lives() => session.stream_mut().slowly(false),
        Err(e) => return Err(e),
    }
    Ok(())
}

/// From a connection under TLS to a session with known capabilities.
pub(super) async fn log_in<S: Wire>(
    session: &mut Session<S>,
    credentials: &Credentials,
    secret: &Secret,
    channel: Option<&Channel>,
) -> Result<Way, Error> {
    if session.capabilities.is_empty() {
        capabilities(session).await?;
    }
    let before = std::mem::take(&mut session.capabilities);
    let offer = before.logins();
    let mut way = choose(credentials, &offer, channel)?;
    let outcome = if way.mechanism == Mechanism::LoginCommand {
        let line = Command::login(&credentials.user, secret.expose())?;
        let pending = session.start_secret(DOING, &line).await?;
        session.finish(pending, |_| Use::Unasked).await.map(drop).map_err(|error| Stop::Wire { error, told: None })
    } else {
        let first_allowed = before.has("SASL-IR");
        let outcome = by_sasl(session, way, credentials, secret, channel, &offer, first_allowed).await;
        if way.mechanism == Mechanism::ScramSha256Plus && knows_another_binding(&outcome) {
            way = choose(credentials, &offer, None)?;
            by_sasl(session, way, credentials, secret, None, &offer, first_allowed).await
        } else {
            outcome
        }
    };
    outcome.map_err(|stop| why(stop, way.mechanism, &credentials.user, &offer))?;
    // They may be others now. Most servers add them to the answer, where the session took them up.
    if session.capabilities.is_empty() {
        capabilities(session).await?;
    }
    Ok(way)
}

async fn capabilities<S: Wire>(session: &mut Session<S>) -> Result<(), Error> {
    session.run("its capabilities", &Command::plain("CAPABILITY"), |_| Use::Unasked).await.map(drop)
}

/// Cyrus (3.6) offers the bound mechanism and knows no binding but `tls-unique`, which is never used here. It says so at the end, in the
/// words of its SASL library for SASL_BADPROT, which are not those of a wrong password: the same login goes on unbound, over the TLS that
/// was verified. (The words of Dovecot and others for a binding that differs are `channel-bindings-dont-match`: that is final.)
fn knows_another_binding(outcome: &Result<(), Stop<Error>>) -> bool {
    matches!(outcome, Err(Stop::Wire { error: Error::No { text, .. }, told: None }) if text.contains("bad protocol"))
}

async fn by_sasl<S: Wire>(
    session: &mut Session<S>,
    way: Way,
    credentials: &Credentials,
    secret: &Secret,
    channel: Option<&Channel>,
    offer: &Offer,
    first_allowed: bool,
) -> Result<(), Stop<Error>> {
    let nonce = tls::nonce().map_err(|e| Stop::Wire { error: e.into(), told: None })?;
    let exchange = Exchange::new(way, credentials, secret, channel, offer, &nonce)?;
    authenticate(&mut Authenticate { session, pending: None }, exchange, first_allowed).await
}

/// What a login that did not come about is to its caller.
fn why(stop: Stop<Error>, by: Mechanism, user: &str, offer: &Offer) -> Error {
    match stop {
        Stop::Fault(fault) => fault.into(),
        // A server that cannot look just now, or has too many of us, gives no verdict on the password.
        Stop::Wire { error: Error::No { code, text, .. }, told } if !login_passes(code.as_deref(), &text) => {
            let instead = instead(by, offer, code.as_deref());
            let text = told.map_or(text.clone(), |told| format!("{text} ({told})"));
            Error::Login { user: user.to_owned(), by, text, instead }
        }
        Stop::Wire { error, .. } => error,
    }
}

/// What `auth` may be set to where it was the mechanism that failed: the next that the server offers. A server that says that the password is wrong (RFC
/// 5530 §3) means it, unless the mechanism never showed it the password.
fn instead(by: Mechanism, offer: &Offer, code: Option<&str>) -> &'static str {
    let has = |mechanism: Mechanism| offer.mechanisms.iter().any(|offered| offered == mechanism.name());
    let login = if offer.login_command || has(Mechanism::Login) { "login" } else { "" };
    match by {
        by if by.is_scram() && has(Mechanism::Plain) => "plain",
        by if by.is_scram() => login,
        Mechanism::Plain if code != Some("AUTHENTICATIONFAILED") => login,
        _ => "",
    }
}

/// The frames of AUTHENTICATE.
struct Authenticate<'a, S: Wire> {
    session: &'a mut Session<S>,
    pending: Option<Pending>,
}

impl<S: Wire> Authenticate<'_, S> {
    async fn hear(&mut self) -> Result<Reply, Error> {
        let Some(pending) = &self.pending else {
            return Err(Error::Nonsense { doing: DOING.to_owned(), words: "it was not begun".to_owned() });
        };
        Ok(self.session.challenge(pending).await?.map_or(Reply::Done, Reply::Challenge))
    }
}

impl<S: Wire> sasl::Wire for Authenticate<'_, S> {
    type Error = Error;

    async fn begin(&mut self, mechanism: &'static str, first: Option<&str>) -> Result<Reply, Error> {
        let line = Zeroizing::new(match first {
            Some(first) => format!("AUTHENTICATE {mechanism} {first}"),
            None => format!("AUTHENTICATE {mechanism}"),
        });
        self.pending = Some(self.session.start_secret(DOING, &line).await?);
        self.hear().await
    }

    async fn say(&mut self, line: &str) -> Result<Reply, Error> {
        let line = Zeroizing::new(format!("{line}\r\n"));
        self.session.round_trips = self.session.round_trips.saturating_add(1);
        self.session.write(DOING, line.as_bytes()).await?;
        self.hear().await
    }

    async fn break_off(&mut self) {
        let _ = self.session.write(DOING, b"*\r\n").await;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

    use super::super::error::Error;
    use super::super::session::Session;
    use super::log_in;
    use crate::net::Secret;
    use crate::net::sasl::{Credentials, Fault, Mechanism, Wanted};

    /// A server made of (what it must hear, what it answers) pairs, after a greeting.
    async fn play(greeting: &str, script: &[(&str, &str)]) -> (Result<Mechanism, Error>, usize) {
        play_wanting(Wanted::Auto, greeting, script).await
    }

    async fn play_wanting(
        wanted: Wanted,
        greeting: &str,
        script: &[(&str, &str)],
    ) -> (Result<Mechanism, Error>, usize) {
        let (client, server) = tokio::io::duplex(1 << 16);
        let script: Vec<(String, String)> = script.iter().map(|&(a, b)| (a.to_owned(), b.to_owned())).collect();
        let greeting = greeting.to_owned();
        let served = tokio::spawn(async move {
            let mut server = BufReader::new(server);
            server.write_all(greeting.as_bytes()).await.unwrap();
            for (i, (heard, says)) in script.iter().enumerate() {
                let mut line = String::new();
                server.read_line(&mut line).await.unwrap();
                if line.trim_end() != heard {
                    return i;
                }
                server.write_all(says.as_bytes()).await.unwrap();
            }
            script.len()
        });
        let mut session = Session::new(client, Duration::from_millis(500));
        session.greeting().await.unwrap();
        let password = Secret::new("pa\"ss".to_owned());
        let credentials = Credentials { wanted, ..Credentials::password("anna", password.clone()) };
        let result = log_in(&mut session, &credentials, &password, None).await;
        drop(session);
        (result.map(|way| way.mechanism), served.await.unwrap())
    }

    #[tokio::test]
    async fn each_way_in_its_order() {
        let after = ("c2 CAPABILITY", "* CAPABILITY IMAP4rev1 IDLE\r\nc2 OK\r\n");
        let (result, heard) = play(
            "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN AUTH=LOGIN] hi\r\n",
            &[("c1 AUTHENTICATE PLAIN AGFubmEAcGEic3M=", "c1 OK in\r\n"), after],
        )
        .await;
        assert_eq!((result, heard), (Ok(Mechanism::Plain), 2));
        let (result, heard) = play(
            "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\r\n",
            &[("c1 AUTHENTICATE PLAIN", "* OK wait\r\n+ \r\n"), ("AGFubmEAcGEic3M=", "c1 OK in\r\n"), after],
        )
        .await;
        assert_eq!((result, heard), (Ok(Mechanism::Plain), 3));
        let (result, heard) = play(
            "* OK [CAPABILITY IMAP4rev1 AUTH=CRAM-MD5] hi\r\n",
            &[("c1 LOGIN \"anna\" \"pa\\\"ss\"", "c1 OK in\r\n"), after],
        )
        .await;
        assert_eq!((result, heard), (Ok(Mechanism::LoginCommand), 2));
        let (result, heard) = play(
            "* OK [CAPABILITY IMAP4rev1 LOGINDISABLED AUTH=LOGIN] hi\r\n",
            &[
                ("c1 AUTHENTICATE LOGIN", "+ VXNlcm5hbWU6\r\n"),
                ("YW5uYQ==", "+ UGFzc3dvcmQ6\r\n"),
                ("cGEic3M=", "c1 OK in\r\n"),
                after,
            ],
        )
        .await;
        assert_eq!((result, heard), (Ok(Mechanism::Login), 4));
    }

    #[tokio::test]
    async fn nothing_is_sent_where_no_way_is_acceptable() {
        let (result, _) = play("* OK [CAPABILITY IMAP4rev1 LOGINDISABLED AUTH=CRAM-MD5] hi\r\n", &[("", "")]).await;
        assert!(matches!(&result, Err(Error::NoLogin(why)) if why.offered == "CRAM-MD5"), "{result:?}");
        // Asked for SCRAM: the password is not sent in another way.
        let greeting = "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN AUTH=LOGIN] hi\r\n";
        let (result, _) = play_wanting(Wanted::ScramSha256, greeting, &[("", "")]).await;
        assert!(matches!(result, Err(Error::NoLogin(_))), "{result:?}");
    }

    #[tokio::test]
    async fn refusals() {
        let greeting = "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi\r\n";
        let line = "c1 AUTHENTICATE PLAIN AGFubmEAcGEic3M=";
        let (result, _) = play(greeting, &[(line, "c1 NO [AUTHENTICATIONFAILED] wrong\r\n")]).await;
        assert_eq!(
            result,
            Err(Error::Login { user: "anna".to_owned(), by: Mechanism::Plain, text: "wrong".to_owned(), instead: "" })
        );
        // GNU Mailutils: what is named is what the server has.
        for (offered, hint) in [
            ("AUTH=PLAIN", Some("set `auth = \"login\"`")),
            ("LOGINDISABLED AUTH=PLAIN", None),
            ("LOGINDISABLED AUTH=PLAIN AUTH=LOGIN", Some("set `auth = \"login\"`")),
        ] {
            let greeting = format!("* OK [CAPABILITY IMAP4rev1 SASL-IR {offered}] hi\r\n");
            let (result, _) = play(&greeting, &[(line, "c1 NO AUTHENTICATE PLAIN failed\r\n")]).await;
            let words = result.unwrap_err().to_string();
            assert_eq!(words.contains("auth = "), hint.is_some(), "{offered}: {words}");
            assert!(hint.is_none_or(|hint| words.contains(hint)), "{offered}: {words}");
        }
        for passing in
            ["[UNAVAILABLE] later", "[ALERT] Too many simultaneous connections. (Failure)", "[THROTTLED] slow"]
        {
            let (result, _) = play(greeting, &[(line, &format!("c1 NO {passing}\r\n"))]).await;
            assert!(matches!(result, Err(Error::No { .. })), "{passing}: {result:?}");
        }
        // Any other tag's OK is not ours.
        let (result, _) = play(greeting, &[(line, "x OK in\r\n")]).await;
        assert!(matches!(result, Err(Error::Nonsense { .. })));
    }

    #[tokio::test]
    async fn a_server_that_proves_nothing_is_left() {
        let greeting = "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=SCRAM-SHA-256 AUTH=PLAIN] hi\r\n";
        // Neither an OK out of hand nor nonsense is believed, and PLAIN is not tried instead.
        let (client, server) = tokio::io::duplex(1 << 16);
        let served = tokio::spawn(async move {
            let mut server = BufReader::new(server);
            server.write_all(greeting.as_bytes()).await.unwrap();
            let mut heard = String::new();
            server.read_line(&mut heard).await.unwrap();
            server.write_all(b"+ cj1zb21lYm9keSBlbHNlLHM9QUFBQSxpPTQwOTY=\r\n").await.unwrap();
            while server.read_line(&mut heard).await.unwrap_or(0) > 0 {}
            heard
        });
        let mut session = Session::new(client, Duration::from_millis(500));
        session.greeting().await.unwrap();
        let password = Secret::new("pencil".to_owned());
        let result = log_in(&mut session, &Credentials::password("anna", password.clone()), &password, None).await;
        drop(session);
        assert!(matches!(&result, Err(Error::Sasl(Fault::Malformed { .. } | Fault::Replayed))), "{result:?}");
        let heard = served.await.unwrap();
        let lines: Vec<&str> = heard.lines().collect();
        assert!(lines[0].starts_with("c1 AUTHENTICATE SCRAM-SHA-256 biws") || lines[0].contains(" bixu"), "{heard}");
        assert_eq!(lines[1..], ["*"], "{heard}");
    }

    #[tokio::test]
    async fn logged_in_and_not_served() {
        let (result, _) = play(
            "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi\r\n",
            &[
                ("c1 AUTHENTICATE PLAIN AGFubmEAcGEic3M=", "c1 OK AUTHENTICATE completed.\r\n"),
                ("c2 CAPABILITY", "c2 BAD User is authenticated but not connected.\r\n"),
            ],
        )
        .await;
        let error = result.unwrap_err();
        assert!(matches!(error, Error::NotServed { .. }) && !error.session_lives(), "{error}");
    }
}
