//! Trying the servers of an account, step by step: reached under TLS, certificate good for a while, user name and password taken.
//! Nothing is fetched and nothing is sent, and a certificate that does not verify ends the step.

use std::time::Duration;

use jiff::Timestamp;

use super::exit::Failure;
use super::passphrase;
use crate::config::{Account, Config, Endpoint, PasswordSource};
use crate::engine;
use crate::net::connect::Times;
use crate::net::sasl::{Proof, Way};
use crate::net::tls::TlsFailure;
use crate::net::{self, Culprit, Secret};
use crate::smtp::{self, Outcome, Timeouts, Unsendable};
use crate::{config, imap};

/// Certificates that end sooner are told of.
const SOON: Duration = Duration::from_secs(30 * 24 * 3600);
const TIMES: Times = Times { connect: Duration::from_secs(10), handshake: Duration::from_secs(10) };
const LOGIN: Duration = Duration::from_secs(20);

/// One of the two servers of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    /// Incoming mail.
    Imap,
    /// Outgoing mail.
    Smtp,
}

impl Service {
    /// Both, in the order in which they are tried.
    pub(super) const ALL: [Self; 2] = [Self::Imap, Self::Smtp];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Imap => "IMAP",
            Self::Smtp => "SMTP",
        }
    }

    /// Its name in the configuration and for scripts.
    pub(super) const fn key(self) -> &'static str {
        match self {
            Self::Imap => "imap",
            Self::Smtp => "smtp",
        }
    }

    pub(super) const fn of(self, account: &Account) -> &Endpoint {
        match self {
            Self::Imap => &account.imap,
            Self::Smtp => &account.smtp,
        }
    }
}

/// What stands in the way, as far as it makes a difference to what is asked next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The certificate's issuer is not known.
    Authority,
    /// What answers does not speak TLS from the first byte.
    NotTls,
    /// User name or proof.
    Credentials,
    /// The server offers no way to log in that the account may use.
    NoWay,
    /// Anything else.
    Other,
}

/// Why a step failed.
#[derive(Clone, Debug)]
pub(super) struct Trouble {
    pub(super) fault: Fault,
    /// A sentence, with foreign text in it.
    pub(super) words: String,
}

impl Trouble {
    fn other(words: impl ToString) -> Self {
        Self { fault: Fault::Other, words: words.to_string() }
    }
}

impl From<net::Error> for Trouble {
    fn from(error: net::Error) -> Self {
        let fault = match &error {
            net::Error::Tls { failure: TlsFailure::UnknownAuthority, .. } => Fault::Authority,
            net::Error::Tls { failure: TlsFailure::NotTls, .. } => Fault::NotTls,
            _ => Fault::Other,
        };
        Self { fault, words: error.to_string() }
    }
}

fn block_on<T>(work: impl Future<Output = T>) -> Result<T, Trouble> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Trouble::other)?;
    Ok(runtime.block_on(work))
}

fn endpoint(server: &Endpoint) -> net::Endpoint {
    let security = match server.security {
        config::Security::Tls => net::Security::Tls,
        config::Security::StartTls => net::Security::StartTls,
    };
    net::Endpoint { host: server.host.clone(), port: server.port, security }
}

/// Connects under TLS. What is given back is a warning: the certificate ends soon.
pub(super) fn reach(account: &Account, service: Service, now: Timestamp) -> Result<Option<String>, Trouble> {
    let ca_file = account.ca_file.as_deref();
    let tls = engine::trust(account)?;
    let server = endpoint(service.of(account));
    let stream = block_on(async {
        match service {
            Service::Imap => net::connect_imap(&server, &tls, TIMES).await,
            Service::Smtp => net::connect_smtp(&server, &tls, TIMES).await,
        }
    })??;
    let later = u64::try_from(now.as_second()).unwrap_or_default().saturating_add(SOON.as_secs());
    Ok(match net::tls::good_until(&stream, &server.host, ca_file, later)? {
        Some(TlsFailure::Expired(Some(at))) => {
            let at = i64::try_from(at).ok().and_then(|at| Timestamp::from_second(at).ok());
            let day = at.map(|at| at.strftime("%Y-%m-%d").to_string()).unwrap_or_default();
            Some(format!("its certificate ends on {day}"))
        }
        Some(TlsFailure::Expired(None)) => Some("its certificate ends within 30 days".to_owned()),
        _ => None,
    })
}

/// Logs in, and out again; says how.
pub(super) fn log_in(account: &Account, service: Service, proof: &Proof) -> Result<Way, Trouble> {
    match service {
        Service::Imap => {
            let setup = engine::account_setup(account, &Config::default(), proof.clone());
            let mut setup = setup.map_err(Trouble::other)?;
            setup.times = imap::Times { connect: TIMES, login: LOGIN, silence: LOGIN, ..setup.times };
            block_on(imap::try_login(&setup))?.map_err(|error| match error {
                imap::Error::Net(error) => error.into(),
                imap::Error::NoLogin(why) => Trouble { fault: Fault::NoWay, words: why.to_string() },
                error
                    if error.culprit() == Culprit::Credentials
                        || matches!(error, imap::Error::NoToken(_) | imap::Error::NoPassword(_)) =>
                {
                    Trouble { fault: Fault::Credentials, words: error.to_string() }
                }
                error => Trouble::other(error),
            })
        }
        Service::Smtp => {
            let tls = engine::trust(account)?;
            let credentials = engine::credentials(account, &account.smtp, proof.clone());
            let timeouts = Timeouts { connect: TIMES, greeting: LOGIN, command: LOGIN, ..Timeouts::default() };
            let server = endpoint(&account.smtp);
            let trial = smtp::try_login(&server, &tls, &credentials, &timeouts);
            block_on(trial)?.map_err(|outcome| match *outcome {
                Outcome::Unreachable(error) => error.into(),
                // 5yz is a verdict on the proof; 454 is "not now" (RFC 4954 §4).
                Outcome::LoginRefused { reply } if reply.code >= 500 => Trouble {
                    fault: Fault::Credentials,
                    words: format!(
                        "the server does not accept the user name and {} of {}: \u{201c}{reply}\u{201d}",
                        of(proof),
                        account.smtp.user
                    ),
                },
                Outcome::LoginRefused { reply } => Trouble::other(format!("the server refused the login: {reply}")),
                Outcome::NotConnected { because, .. } => Trouble::other(format!("the login failed: {because}")),
                Outcome::Unsendable(Unsendable::NoMechanism(why)) => {
                    Trouble { fault: Fault::NoWay, words: why.to_string() }
                }
                Outcome::Unsendable(why @ Unsendable::LoginBrokenOff(_)) => {
                    Trouble { fault: Fault::Credentials, words: why.to_string() }
                }
                Outcome::Unsendable(why) => Trouble::other(why),
                other => Trouble::other(other),
            })
        }
    }
}

fn of(proof: &Proof) -> &'static str {
    match proof {
        Proof::Password(_) | Proof::Fetched(_) => "password",
        Proof::Token(_) => "token",
        Proof::Certificate => "certificate",
    }
}

/// What proves who an account is; `None` where a person has to be asked.
pub(super) fn proof(account: &Account) -> Result<Option<Proof>, Failure> {
    Ok(match &account.password {
        PasswordSource::Prompt => None,
        PasswordSource::Command(command) => {
            let secret = passphrase::from_command(&format!("password of {}", account.name), command)?;
            Some(Proof::Password(Secret::new(String::from_utf8_lossy(&secret).into_owned())))
        }
        PasswordSource::Token { command, refresh } => Some(Proof::Token(engine::tokens(command, refresh.as_deref()))),
        PasswordSource::Certificate => Some(Proof::Certificate),
    })
}

/// Whether the account's client certificate can be used; `None` where it has none.
pub(super) fn certificate(account: &Account) -> Option<Result<(), net::Error>> {
    let own = account.client_certificate.as_ref()?;
    Some(net::ClientCertificate { certificate: own.certificate.clone(), key: own.key.clone() }.check())
}
