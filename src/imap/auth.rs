//! Logging in: SASL PLAIN (RFC 4616, with the initial response of RFC 4959 where offered), the LOGIN command, SASL LOGIN, in this order.
//!
//! All of it happens under TLS. No challenge-response of the old kind (CRAM-MD5) is used: it asks the server to keep the password
//! readable. Secrets are written from wiped buffers, by our own hand, and never logged.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::account::AccountSetup;
use super::command::Command;
use super::error::Error;
use super::session::{Session, Use, Wire};
use crate::net::guard::Limits;
use crate::net::{self, Secret, Security, Stream};

const DOING: &str = "the login";

/// Connects and logs in.
pub(super) async fn open(setup: &AccountSetup, password: &Secret) -> Result<Session<Stream>, Error> {
    let stream = net::connect_imap(&setup.endpoint, &setup.tls, setup.times.connect).await?;
    let greeted = setup.endpoint.security == Security::StartTls;
    let mut session = Session::new(stream, setup.times.silence);
    let login = async {
        if !greeted {
            session.greeting().await?;
        }
        log_in(&mut session, &setup.user, password).await
    };
    timeout(setup.times.login, login)
        .await
        .map_err(|_| Error::TimedOut { doing: DOING.to_owned(), after: setup.times.login })??;
    session.set_guard(Limits::after_login(u64::from(setup.limits.message_bytes_max).max(64 << 20)));
    Ok(session)
}

/// From a connection under TLS to a session with known capabilities.
pub(super) async fn log_in<S: Wire>(session: &mut Session<S>, user: &str, password: &Secret) -> Result<(), Error> {
    if session.capabilities.is_empty() {
        capabilities(session).await?;
    }
    let before = std::mem::take(&mut session.capabilities);
    let outcome = if before.has("AUTH=PLAIN") {
        plain(session, before.has("SASL-IR"), user, password).await
    } else if !before.has("LOGINDISABLED") {
        let line = Command::login(user, password.expose())?;
        let pending = session.start_secret(DOING, &line).await?;
        session.finish(pending, |_| Use::Unasked).await.map(drop)
    } else if before.has("AUTH=LOGIN") {
        login(session, user, password).await
    } else {
        return Err(Error::NoLogin { offered: before.logins() });
    };
    outcome.map_err(|e| match e {
        // UNAVAILABLE (RFC 5530): the server cannot check just now, which is no verdict on the password.
        Error::No { code, text, .. } if code.as_deref() != Some("UNAVAILABLE") => {
            Error::Login { user: user.to_owned(), text }
        }
        other => other,
    })?;
    // They may be others now. Most servers add them to the answer, where the session took them up.
    if session.capabilities.is_empty() {
        capabilities(session).await?;
    }
    if session.capabilities.has("QRESYNC") && session.capabilities.has("ENABLE") {
        session.qresync =
            session.run("to enable QRESYNC", &Command::plain("ENABLE QRESYNC"), |_| Use::Taken).await.is_ok();
    }
    Ok(())
}

async fn capabilities<S: Wire>(session: &mut Session<S>) -> Result<(), Error> {
    session.run("its capabilities", &Command::plain("CAPABILITY"), |_| Use::Unasked).await.map(drop)
}

/// Refuses what would change the meaning of a SASL message (RFC 4616 §2).
fn no_nul(user: &str, password: &Secret) -> Result<(), Error> {
    if user.contains('\0') || password.expose().contains('\0') {
        return Err(Error::Unsendable {
            what: "the user name or the password".to_owned(),
            why: "it holds a NUL character".to_owned(),
        });
    }
    Ok(())
}

async fn plain<S: Wire>(session: &mut Session<S>, initial: bool, user: &str, password: &Secret) -> Result<(), Error> {
    no_nul(user, password)?;
    let message = Zeroizing::new(format!("\0{user}\0{}", password.expose()));
    let encoded = Zeroizing::new(STANDARD.encode(message.as_bytes()));
    if initial {
        let line = Zeroizing::new(format!("AUTHENTICATE PLAIN {}", encoded.as_str()));
        let pending = session.start_secret(DOING, &line).await?;
        return session.finish(pending, |_| Use::Unasked).await.map(drop);
    }
    let pending = session.start(DOING, &Command::plain("AUTHENTICATE PLAIN")).await?;
    session.continuation(&pending).await?;
    answer(session, &encoded).await?;
    session.finish(pending, |_| Use::Unasked).await.map(drop)
}

/// SASL LOGIN, never standardised: user name and password, each after a prompt whose text means nothing.
async fn login<S: Wire>(session: &mut Session<S>, user: &str, password: &Secret) -> Result<(), Error> {
    no_nul(user, password)?;
    let pending = session.start(DOING, &Command::plain("AUTHENTICATE LOGIN")).await?;
    session.continuation(&pending).await?;
    answer(session, &Zeroizing::new(STANDARD.encode(user))).await?;
    session.continuation(&pending).await?;
    answer(session, &Zeroizing::new(STANDARD.encode(password.expose()))).await?;
    session.finish(pending, |_| Use::Unasked).await.map(drop)
}

async fn answer<S: Wire>(session: &mut Session<S>, encoded: &Zeroizing<String>) -> Result<(), Error> {
    let line = Zeroizing::new(format!("{}\r\n", encoded.as_str()));
    session.round_trips = session.round_trips.saturating_add(1);
    session.write(DOING, line.as_bytes()).await
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

    use super::super::error::Error;
    use super::super::session::Session;
    use super::log_in;
    use crate::net::Secret;

    /// A server made of (what it must hear, what it answers) pairs, after a greeting.
    async fn play(greeting: &str, script: &[(&str, &str)]) -> (Result<(), Error>, usize) {
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
        let result = log_in(&mut session, "anna", &Secret::new("pa\"ss".to_owned())).await;
        drop(session);
        (result, served.await.unwrap())
    }

    #[tokio::test]
    async fn each_way_in_its_order() {
        let after = ("c2 CAPABILITY", "* CAPABILITY IMAP4rev1 IDLE\r\nc2 OK\r\n");
        let (result, heard) = play(
            "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN AUTH=LOGIN] hi\r\n",
            &[("c1 AUTHENTICATE PLAIN AGFubmEAcGEic3M=", "c1 OK in\r\n"), after],
        )
        .await;
        assert_eq!((result, heard), (Ok(()), 2));
        let (result, heard) = play(
            "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\r\n",
            &[("c1 AUTHENTICATE PLAIN", "* OK wait\r\n+ \r\n"), ("AGFubmEAcGEic3M=", "c1 OK in\r\n"), after],
        )
        .await;
        assert_eq!((result, heard), (Ok(()), 3));
        let (result, heard) = play(
            "* OK [CAPABILITY IMAP4rev1 AUTH=CRAM-MD5] hi\r\n",
            &[("c1 LOGIN \"anna\" \"pa\\\"ss\"", "c1 OK in\r\n"), after],
        )
        .await;
        assert_eq!((result, heard), (Ok(()), 2));
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
        assert_eq!((result, heard), (Ok(()), 4));
    }

    #[tokio::test]
    async fn nothing_is_sent_where_no_way_is_acceptable() {
        let (result, _) = play("* OK [CAPABILITY IMAP4rev1 LOGINDISABLED AUTH=CRAM-MD5] hi\r\n", &[("", "")]).await;
        assert_eq!(result, Err(Error::NoLogin { offered: "CRAM-MD5".to_owned() }));
    }

    #[tokio::test]
    async fn refusals() {
        let greeting = "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi\r\n";
        let line = "c1 AUTHENTICATE PLAIN AGFubmEAcGEic3M=";
        let (result, _) = play(greeting, &[(line, "c1 NO [AUTHENTICATIONFAILED] wrong\r\n")]).await;
        assert_eq!(result, Err(Error::Login { user: "anna".to_owned(), text: "wrong".to_owned() }));
        let (result, _) = play(greeting, &[(line, "c1 NO [UNAVAILABLE] later\r\n")]).await;
        assert!(matches!(result, Err(Error::No { .. })));
        // Any other tag's OK is not ours.
        let (result, _) = play(greeting, &[(line, "x OK in\r\n")]).await;
        assert!(matches!(result, Err(Error::Nonsense { .. })));
    }
}
