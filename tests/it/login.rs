//! Logging in by every mechanism, to IMAP and SMTP alike: against a real Dovecot, and against servers that lie.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use casemail::demo::authority::Authority;
use casemail::imap::{self, AccountSetup};
use casemail::net::sasl::{Binding, Credentials, Fault, Mechanism, Proof, TokenSource, TokenWish, Wanted, Way};
use casemail::net::{ClientCertificate, Culprit, Endpoint, Secret, tls};
use casemail::smtp::{self, Disposition, Outcome, Timeouts, Unsendable};
use futures::FutureExt;
use rcgen::{CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

use crate::imap::account;
use crate::support::dovecot::{self, Dovecot};
use crate::support::home::Home;
use crate::support::sasl_server::{Manner, Options, PASSWORD, Protocol, SaslServer};
use crate::support::submission::Submission;

/// How a login went: the way, or the words and whether it would be tried again by itself.
type Went = Result<Way, (String, bool)>;

async fn log_in(server: &SaslServer, protocol: Protocol, credentials: &Credentials) -> Went {
    let endpoint = server.endpoint.clone();
    match protocol {
        Protocol::Imap => {
            let mut setup = account(endpoint, &server.ca_file());
            setup.credentials = credentials.clone();
            setup.times.silence = Duration::from_secs(5);
            imap::try_login(&setup).await.map_err(|error| (error.to_string(), error.culprit() != Culprit::Credentials))
        }
        Protocol::Smtp => {
            let config = tls::client_config(Some(&server.ca_file())).unwrap();
            smtp::try_login(&endpoint, &config, credentials, &Timeouts::default())
                .await
                .map_err(|outcome| (outcome.to_string(), outcome.disposition() == Disposition::Retry))
        }
    }
}

fn by_password() -> Credentials {
    Credentials::password("quill", Secret::new(PASSWORD.to_owned()))
}

const BOTH: [Protocol; 2] = [Protocol::Imap, Protocol::Smtp];
const PLUS: &str = "PLAIN LOGIN SCRAM-SHA-256 SCRAM-SHA-256-PLUS";

#[tokio::test]
async fn scram_is_bound_to_the_channel_where_the_server_offers_it() {
    for protocol in BOTH {
        for (old_tls, first_allowed) in [(false, true), (false, false), (true, true)] {
            let options = Options { old_tls, first_allowed, ..Options::new(protocol, PLUS) };
            let server = SaslServer::start(options).await;
            let way = log_in(&server, protocol, &by_password()).await.unwrap();
            let binding = if old_tls { Binding::ServerEndPoint } else { Binding::Exporter };
            assert_eq!(way, Way { mechanism: Mechanism::ScramSha256Plus, binding: Some(binding) });
            assert!(
                server.heard()[1].starts_with(&format!("p={},,n=quill,r=", binding.name())),
                "{:?}",
                server.heard()
            );
        }
        // Without the offer the server is told that we could have.
        let server = SaslServer::start(Options::new(protocol, "SCRAM-SHA-256 PLAIN")).await;
        let way = log_in(&server, protocol, &by_password()).await.unwrap();
        assert_eq!(way, Way { mechanism: Mechanism::ScramSha256, binding: None });
        assert!(server.heard()[1].starts_with("y,,n=quill,r="), "{:?}", server.heard());
        assert!(!server.heard().concat().contains(PASSWORD));
    }
}

#[tokio::test]
async fn servers_that_lie_are_left_and_the_password_is_not_sent_in_another_way() {
    let check = async |manner: Manner, mechanisms: &'static str, words: &str, again: bool| {
        for protocol in BOTH {
            let server = SaslServer::start(Options { manner, ..Options::new(protocol, mechanisms) }).await;
            let logins = if manner == Manner::Replays { 2 } else { 1 };
            let mut went = Ok(());
            for _ in 0..logins {
                went = log_in(&server, protocol, &by_password()).await.map(drop);
            }
            let (told, retried) = went.unwrap_err();
            assert!(told.contains(words), "{protocol:?} {manner:?}: {told}");
            assert_eq!(retried, again, "{protocol:?} {manner:?}: {told}");
            let heard = server.heard();
            assert!(
                heard.iter().all(|line| *line != "PLAIN" && *line != "LOGIN" && !line.contains(PASSWORD)),
                "{heard:?}"
            );
        }
    };
    let impostor = "could not prove that it knows the password";
    check(Manner::Forged, PLUS, impostor, false).await;
    check(Manner::Unsigned, PLUS, impostor, false).await;
    check(Manner::Eager, PLUS, impostor, false).await;
    check(Manner::CutOff, PLUS, "", true).await;
    check(Manner::ForeignNonce, PLUS, "answered another login than ours", false).await;
    check(Manner::Replays, PLUS, "answered another login than ours", false).await;
    check(Manner::Rounds(1_000), PLUS, "1000 rounds only, where 4096 are the least", false).await;
    check(Manner::Rounds(4_000_000_000), PLUS, "more than the 1000000 that any honest one", false).await;
    check(Manner::OtherChannel, PLUS, "somebody stands between", false).await;
    check(Manner::OfferTakenAway, "PLAIN SCRAM-SHA-256", "somebody took the offer away", false).await;
}

#[tokio::test]
async fn a_wrong_password_is_a_refusal() {
    for protocol in BOTH {
        let server = SaslServer::start(Options::new(protocol, PLUS)).await;
        let wrong = Credentials::password("quill", Secret::new("wrong".to_owned()));
        let (told, again) = log_in(&server, protocol, &wrong).await.unwrap_err();
        assert!(told.contains("the password is wrong") && !again, "{told}");
    }
}

/// A source that prints these tokens, in order, and what it was asked for.
fn tokens(list: &'static [&'static str]) -> (Credentials, Arc<Mutex<Vec<TokenWish>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&asked);
    let source = TokenSource::new(move |wish| {
        let mut noted = noted.lock().unwrap();
        noted.push(wish);
        let token = list.get(noted.len() - 1).map(|token| Secret::new((*token).to_owned()));
        async move { token.ok_or_else(|| "the token command failed".to_owned()) }.boxed()
    });
    let credentials = Credentials {
        user: "quill".to_owned(),
        wanted: Wanted::Auto,
        proof: Proof::Token(source),
        authzid: String::new(),
    };
    (credentials, asked)
}

#[tokio::test]
async fn a_refused_token_is_asked_for_anew_once() {
    for protocol in BOTH {
        for (mechanisms, mechanism) in
            [("PLAIN XOAUTH2", Mechanism::XOAuth2), ("XOAUTH2 OAUTHBEARER PLAIN", Mechanism::OAuthBearer)]
        {
            let server = SaslServer::start(Options { token: "fresh", ..Options::new(protocol, mechanisms) }).await;
            let (credentials, asked) = tokens(&["fresh"]);
            assert_eq!(log_in(&server, protocol, &credentials).await.unwrap().mechanism, mechanism);
            assert_eq!(*asked.lock().unwrap(), [TokenWish::AtHand]);

            let (credentials, asked) = tokens(&["stale", "fresh"]);
            assert_eq!(log_in(&server, protocol, &credentials).await.unwrap().mechanism, mechanism);
            assert_eq!(*asked.lock().unwrap(), [TokenWish::AtHand, TokenWish::Fresh]);
            // The challenge was answered as each standard wants it.
            let answer = if mechanism == Mechanism::XOAuth2 { "" } else { "\u{1}" };
            assert_eq!(server.heard()[4], answer, "{:?}", server.heard());

            let (credentials, asked) = tokens(&["stale", "stale too"]);
            let (told, _) = log_in(&server, protocol, &credentials).await.unwrap_err();
            assert!(told.contains("is no word of plain ASCII"), "{told}");
            assert_eq!(asked.lock().unwrap().len(), 2);

            let (credentials, asked) = tokens(&["stale", "staler"]);
            let (told, again) = log_in(&server, protocol, &credentials).await.unwrap_err();
            assert!(told.contains("the token has expired, was revoked or is not for this server") && !again, "{told}");
            assert!(told.contains("it wants one with the scope mail"), "{told}");
            assert_eq!(asked.lock().unwrap().len(), 2);

            // Whoever prints the same one again has no other.
            let server = SaslServer::start(Options { token: "fresh", ..Options::new(protocol, mechanisms) }).await;
            let (credentials, asked) = tokens(&["stale", "stale", "fresh"]);
            let (told, again) = log_in(&server, protocol, &credentials).await.unwrap_err();
            assert!(!again && *asked.lock().unwrap() == [TokenWish::AtHand, TokenWish::Fresh], "{told}");
            assert_eq!(server.heard().iter().filter(|line| line.contains("stale")).count(), 1, "{:?}", server.heard());

            let (credentials, _) = tokens(&[]);
            let (told, again) = log_in(&server, protocol, &credentials).await.unwrap_err();
            assert!(told.contains("there is no token to log in with: the token command failed") && again, "{told}");
        }
    }
}

#[tokio::test]
async fn external_asks_for_the_certificates_identity() {
    for protocol in BOTH {
        for (authzid, first_allowed) in [("", true), ("", false), ("fred", true)] {
            let options = Options { first_allowed, ..Options::new(protocol, "PLAIN EXTERNAL") };
            let server = SaslServer::start(options).await;
            let proof = Proof::Certificate;
            let credentials =
                Credentials { user: "quill".into(), wanted: Wanted::External, proof, authzid: authzid.to_owned() };
            assert_eq!(log_in(&server, protocol, &credentials).await.unwrap().mechanism, Mechanism::External);
            assert_eq!(server.heard(), ["EXTERNAL", authzid]);
        }
    }
}

#[tokio::test]
async fn a_message_is_not_submitted_to_an_impostor() {
    let options = Options { manner: Manner::Forged, ..Options::new(Protocol::Smtp, PLUS) };
    let server = SaslServer::start(options).await;
    let config = tls::client_config(Some(&server.ca_file())).unwrap();
    let envelope = smtp::SmtpEnvelope { reverse_path: "a@b.example".into(), forward_paths: vec!["c@d.example".into()] };
    let raw = b"From: a@b.example\r\n\r\nx\r\n";
    let outcome = smtp::submit(&server.endpoint, &config, &by_password(), &envelope, raw, &Timeouts::default()).await;
    assert_eq!(outcome.outcome, Outcome::Unsendable(Unsendable::LoginBrokenOff(Fault::Impostor)));
    assert!(!server.heard().concat().contains("MAIL"));
}

fn to(server: &Dovecot, credentials: Credentials) -> AccountSetup {
    let mut setup = account(server.tls(), &server.ca_file());
    setup.credentials = credentials;
    setup
}

fn dovecot(config: String) -> Option<Dovecot> {
    let options = dovecot::Options { config, ..dovecot::Options::default() };
    Dovecot::start_with(&Authority::new("casemail tests").unwrap(), &options)
}

#[tokio::test]
async fn dovecot_takes_scram() {
    let mechanisms = "auth_mechanisms = plain login scram-sha-1 scram-sha-256\n";
    let Some(server) = dovecot(mechanisms.to_owned()) else { return };
    let right = Credentials::password("quill", Secret::new(dovecot::PASSWORD.to_owned()));
    for endpoint in [server.tls(), server.starttls()] {
        let mut setup = to(&server, right.clone());
        setup.endpoint = endpoint;
        let way = imap::try_login(&setup).await.unwrap();
        assert_eq!(way, Way { mechanism: Mechanism::ScramSha256, binding: None });
    }
    for wanted in [Wanted::Plain, Wanted::Login, Wanted::ScramSha256] {
        imap::try_login(&to(&server, Credentials { wanted, ..right.clone() })).await.unwrap();
    }
    let wrong = Credentials::password("quill", Secret::new("wrong".to_owned()));
    let error = imap::try_login(&to(&server, wrong)).await.unwrap_err();
    assert!(matches!(&error, imap::Error::Login { by: Mechanism::ScramSha256, .. }), "{error}");
    assert!(error.to_string().contains("set `auth = \"plain\"`"), "{error}");
    let nobody = Credentials::password("nobody", Secret::new("wrong".to_owned()));
    assert!(matches!(imap::try_login(&to(&server, nobody)).await, Err(imap::Error::Login { .. })));
}

#[tokio::test]
async fn dovecot_keeps_scram_passwords_as_it_makes_them() {
    let Some(maker) = dovecot(String::new()) else { return };
    let hash = maker.doveadm(&["pw", "-s", "SCRAM-SHA-256", "-p", dovecot::PASSWORD], b"");
    drop(maker);
    let config = format!(
        "auth_mechanisms = plain scram-sha-256\npassdb {{\n  driver = static\n  args = password={}\n}}\n",
        hash.trim()
    );
    // The other passdb comes first and knows three users; this one knows everybody.
    let Some(server) = dovecot(config + "userdb {\n  driver = static\n  args = uid=20000 gid=20000 home=/tmp/%u\n}\n")
    else {
        return;
    };
    let credentials = Credentials::password("fenwick", Secret::new(dovecot::PASSWORD.to_owned()));
    for wanted in [Wanted::ScramSha256, Wanted::Plain] {
        let error = imap::try_login(&to(&server, Credentials { wanted, ..credentials.clone() })).await;
        assert!(error.is_ok(), "{error:?}\n{}", server.log());
    }
}

/// A token service on loopback, as RFC 7662 describes one: it knows one token, which stands for quill.
fn token_service() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut request = Vec::new();
            let mut buffer = [0; 4_096];
            while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                match stream.read(&mut buffer) {
                    Ok(0) | Err(_) => break,
                    Ok(n) => request.extend(&buffer[..n]),
                }
            }
            let line = String::from_utf8_lossy(&request).lines().next().unwrap_or_default().to_owned();
            let (status, body) = if line.contains("good-token") {
                ("200 OK", r#"{"active":true,"username":"quill"}"#)
            } else {
                ("401 Unauthorized", r#"{"active":false}"#)
            };
            let length = body.len();
            let _ = write!(
                stream,
                "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            );
        }
    });
    port
}

#[tokio::test]
async fn dovecot_takes_tokens() {
    let dir = tempfile::Builder::new().prefix("cm-oauth-").tempdir_in("/tmp").unwrap();
    std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let file = dir.path().join("oauth2.conf.ext");
    let service = token_service();
    let text = format!(
        "tokeninfo_url = http://127.0.0.1:{service}/info?access_token=\nusername_attribute = username\nactive_attribute = active\nactive_value = true\n"
    );
    std::fs::write(&file, text).unwrap();
    let Some(server) = dovecot(format!(
        "auth_mechanisms = plain xoauth2 oauthbearer\npassdb {{\n  driver = oauth2\n  mechanisms = xoauth2 oauthbearer\n  args = {}\n}}\n",
        file.display()
    )) else {
        return;
    };
    for wanted in [Wanted::XOAuth2, Wanted::OAuthBearer, Wanted::Auto] {
        let (credentials, _) = tokens(&["good-token"]);
        let way = imap::try_login(&to(&server, Credentials { wanted, ..credentials })).await;
        assert!(way.is_ok(), "{wanted:?}: {way:?}\n{}", server.log());
        let (credentials, asked) = tokens(&["stale", "good-token"]);
        imap::try_login(&to(&server, Credentials { wanted, ..credentials })).await.unwrap();
        assert_eq!(*asked.lock().unwrap(), [TokenWish::AtHand, TokenWish::Fresh]);
        let (credentials, _) = tokens(&["stale", "staler"]);
        let error = imap::try_login(&to(&server, Credentials { wanted, ..credentials })).await.unwrap_err();
        assert!(matches!(&error, imap::Error::Login { text, .. } if text.contains("token")), "{error}");
    }
}

/// A client certificate for this name, with its authority.
fn client_certificate(dir: &Path, name: &str) -> ClientCertificate {
    let mut ca = CertificateParams::new(Vec::new()).unwrap();
    ca.is_ca = IsCa::Ca(rcgen::BasicConstraints::Constrained(0));
    ca.distinguished_name.push(DnType::CommonName, "The firm");
    ca.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign, rcgen::KeyUsagePurpose::CrlSign];
    let ca = CertifiedIssuer::self_signed(ca, KeyPair::generate().unwrap()).unwrap();
    let mut own = CertificateParams::new(Vec::new()).unwrap();
    own.distinguished_name.push(DnType::CommonName, name);
    own.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    let key = KeyPair::generate().unwrap();
    let files = ClientCertificate { certificate: dir.join("own.pem"), key: dir.join("own.key") };
    std::fs::write(dir.join("client-ca.pem"), ca.pem()).unwrap();
    std::fs::write(&files.certificate, own.signed_by(&key, &ca).unwrap().pem()).unwrap();
    std::fs::write(&files.key, key.serialize_pem()).unwrap();
    std::fs::set_permissions(&files.key, PermissionsExt::from_mode(0o600)).unwrap();
    files
}

#[tokio::test]
async fn dovecot_takes_a_client_certificate() {
    let dir = tempfile::Builder::new().prefix("cm-client-").tempdir_in("/tmp").unwrap();
    std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let own = client_certificate(dir.path(), "quill");
    let Some(server) = dovecot(format!(
        "auth_mechanisms = plain external\nssl_ca = <{}\nssl_verify_client_cert = yes\nssl_require_crl = no\nauth_ssl_require_client_cert = yes\n\
         auth_ssl_username_from_cert = yes\npassdb {{\n  driver = static\n  mechanisms = external\n  args = nopassword\n}}\n",
        dir.path().join("client-ca.pem").display()
    )) else {
        return;
    };
    let credentials =
        Credentials { user: "quill".into(), wanted: Wanted::Auto, proof: Proof::Certificate, authzid: String::new() };
    let mut setup = to(&server, credentials);
    setup.tls = tls::client_config_as(Some(&server.ca_file()), Some(&own)).unwrap();
    let way = imap::try_login(&setup).await;
    assert_eq!(way.as_ref().map(|way| way.mechanism), Ok(Mechanism::External), "{}", server.log());
    // The certificate with a password beside it, which this server wants both.
    setup.credentials = Credentials::password("quill", Secret::new(dovecot::PASSWORD.to_owned()));
    imap::try_login(&setup).await.unwrap();
    // Without the certificate nothing is offered that would do, or it is refused.
    setup.tls = tls::client_config(Some(&server.ca_file())).unwrap();
    setup.credentials.proof = Proof::Certificate;
    let error = imap::try_login(&setup).await.unwrap_err();
    eprintln!("without a certificate: {error}");
}

/// `check` and `sync` say the same of the same trouble, and how each login was made.
#[test]
fn check_says_how_it_logged_in() {
    let (Some(server), Some(submission)) =
        (dovecot("auth_mechanisms = plain scram-sha-256\n".to_owned()), Submission::start(None))
    else {
        return;
    };
    let home = Home::new();
    let both = home.beside("both.pem");
    let authorities = [server.ca_file(), submission.ca_file()].map(|file| std::fs::read_to_string(file).unwrap());
    std::fs::write(&both, authorities.concat()).unwrap();
    let config = |imap: &Endpoint| home.config(imap, &submission.tls(), &both, "");
    home.configure(&config(&server.tls()));
    let ran = home.run(&["check", "--json"], b"");
    let document: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let logins: Vec<_> = document["logins"].as_array().unwrap().iter().collect();
    assert_eq!(logins.len(), 2, "{ran:?}");
    assert_eq!((&logins[0]["mechanism"], &logins[0]["bound"]), (&"SCRAM-SHA-256".into(), &serde_json::Value::Null));
    assert!(ran.err.contains("logged in by SCRAM-SHA-256, not bound to the TLS channel"), "{ran:?}");
    home.write("password", "wrong");
    for command in [&["check"][..], &["sync"]] {
        let ran = home.run(command, b"");
        assert_eq!(ran.code, 77, "{command:?}: {ran:?}");
        let told = format!("{}{}", ran.out, ran.err);
        assert!(told.contains("does not accept the user name and password"), "{told}");
    }
}
