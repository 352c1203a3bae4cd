//! Proving to a server who we are: SASL (RFC 4422), one implementation for IMAP and SMTP.
//!
//! Each mechanism is a machine that knows nothing of sockets: challenges in, answers out, a file each. [`choose()`] picks one by what the server
//! offers and what the account has; [`drive`] carries a machine's answers over a protocol. Nothing here runs outside TLS, because nobody
//! hands it a stream without; nothing is logged, and answers are wiped. No challenge-response of the old kind (CRAM-MD5, DIGEST-MD5,
//! NTLM) is here: they ask the server to keep the password readable, or rest on broken hashes.

pub mod channel;
pub mod choose;
pub mod drive;
mod external;
mod login;
mod oauthbearer;
mod plain;
pub mod proof;
mod refusal;
mod scram;
mod xoauth2;

use std::fmt;

use zeroize::Zeroizing;

pub use channel::{Binding, Channel};
pub use choose::{NoWay, Offer, Wanted, choose};
pub use drive::{Exchange, Reply, Stop, Wire, authenticate};
pub use proof::{Credentials, Kept, Proof, TokenSource, TokenWish};

use super::secret::Secret;

/// A way to prove who we are, the strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mechanism {
    /// RFC 7677 with channel binding (RFC 5802 §6): the password stays here, the server proves that it knows it, and nobody stands between.
    ScramSha256Plus,
    /// RFC 7677: the password stays here, and the server proves that it knows it.
    ScramSha256,
    /// RFC 4422 appendix A: what the TLS client certificate proved.
    External,
    /// RFC 7628: a token.
    OAuthBearer,
    /// A token in the form that Google and Microsoft invented before RFC 7628.
    XOAuth2,
    /// RFC 4616: the password itself.
    Plain,
    /// The password itself, after prompts; never standardised.
    Login,
    /// IMAP's own LOGIN command (RFC 9051 §6.2.3), which is no SASL: the password itself.
    LoginCommand,
}

impl Mechanism {
    /// Its name on the wire and for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ScramSha256Plus => "SCRAM-SHA-256-PLUS",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::External => "EXTERNAL",
            Self::OAuthBearer => "OAUTHBEARER",
            Self::XOAuth2 => "XOAUTH2",
            Self::Plain => "PLAIN",
            Self::Login | Self::LoginCommand => "LOGIN",
        }
    }

    /// What a refusal doubts, in words.
    #[must_use]
    pub const fn proof(self) -> &'static str {
        match self {
            Self::External => "client certificate",
            Self::OAuthBearer | Self::XOAuth2 => "token",
            _ => "password",
        }
    }

    /// Whether the password is never sent.
    #[must_use]
    pub const fn is_scram(self) -> bool {
        matches!(self, Self::ScramSha256 | Self::ScramSha256Plus)
    }
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How a login was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way {
    /// The mechanism.
    pub mechanism: Mechanism,
    /// What bound it to the TLS channel.
    pub binding: Option<Binding>,
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.binding, self.mechanism) {
            (Some(binding), mechanism) => {
                write!(f, "{mechanism}, bound to the TLS channel ({binding}): the password was not sent")
            }
            (None, mechanism) if mechanism.is_scram() => {
                write!(f, "{mechanism}, not bound to the TLS channel: the password was not sent")
            }
            (None, Mechanism::LoginCommand) => f.write_str("the LOGIN command: the password was sent inside TLS"),
            (None, Mechanism::External) => f.write_str("EXTERNAL: the client certificate was proved by TLS"),
            (None, mechanism) => write!(f, "{mechanism}: the {} was sent inside TLS", mechanism.proof()),
        }
    }
}

/// What is said to the server, before base64; wiped.
pub type Answer = Zeroizing<Vec<u8>>;

/// Why we broke off: what the server said, or what we would have to say, is not acceptable. Never a verdict on the password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Something of ours that no server may be sent.
    #[error("{what} {why}, which {mechanism} cannot carry; choose another `auth`, or change it")]
    Unsendable {
        /// "the user name".
        what: &'static str,
        /// "holds a NUL character".
        why: &'static str,
        /// The mechanism.
        mechanism: Mechanism,
    },
    /// A challenge that is none.
    #[error("the server breaks the rules of {mechanism}: {what}")]
    Malformed {
        /// The mechanism.
        mechanism: Mechanism,
        /// What it did.
        what: &'static str,
    },
    /// So few rounds that a recorded login could be searched through (RFC 7677 §4).
    #[error(
        "the server stores the password with {0} rounds only, where {min} are the least (RFC 7677 §4): whoever records a login could find the \
         password; its administrator has to set it anew", min = scram::ROUNDS_MIN
    )]
    FewRounds(u32),
    /// So many rounds that it can only want to keep us busy.
    #[error("the server asks for {0} rounds of computing, more than the {max} that any honest one asks for", max = scram::ROUNDS_MAX)]
    ManyRounds(u64),
    /// The nonce is not ours: an answer of another login, or somebody between.
    #[error("the server answered another login than ours; somebody may stand between, so nothing was sent")]
    Replayed,
    /// The server's signature is wrong or missing.
    #[error(
        "the server could not prove that it knows the password, although its certificate is good; the login was broken off, and nothing it says is \
         believed"
    )]
    Impostor,
}

impl Fault {
    /// Whether trying again by itself would be wrong: somebody may stand between, or a person has to change something.
    #[must_use]
    pub const fn needs_a_person(&self) -> bool {
        !matches!(self, Self::Malformed { .. })
    }
}

/// One mechanism's side of a dialogue.
trait Machine: Send {
    /// What the client says first; `None`: the server speaks first.
    fn begin(&mut self) -> Result<Option<Answer>, Fault>;

    /// The answer to a challenge.
    fn answer(&mut self, challenge: &[u8]) -> Result<Answer, Fault>;

    /// Whether the server may say now that the login is done; a server that proves itself must have done so.
    fn may_succeed(&self) -> Result<(), Fault> {
        Ok(())
    }

    /// What the server said of its refusal by way of the mechanism, in words.
    fn refusal(&self) -> Option<&str> {
        None
    }

    /// Whether the next answer takes long to compute.
    fn is_heavy(&self) -> bool {
        false
    }
}

/// What a machine starts from.
struct Start<'a> {
    mechanism: Mechanism,
    user: &'a str,
    secret: &'a Secret,
    authzid: &'a str,
    channel: Option<&'a Channel>,
    /// The server offers SCRAM with channel binding.
    plus_offered: bool,
}

fn machine(start: &Start<'_>, nonce: &str) -> Result<Box<dyn Machine>, Fault> {
    Ok(match start.mechanism {
        Mechanism::ScramSha256Plus | Mechanism::ScramSha256 => Box::new(scram::Scram::new(start, nonce)?),
        Mechanism::External => Box::new(external::External::new(start.authzid)?),
        Mechanism::OAuthBearer => Box::new(oauthbearer::OAuthBearer::new(start.user, start.secret)?),
        Mechanism::XOAuth2 => Box::new(xoauth2::XOAuth2::new(start.user, start.secret)?),
        Mechanism::Plain => Box::new(plain::Plain::new(start.user, start.secret)?),
        Mechanism::Login | Mechanism::LoginCommand => Box::new(login::Login::new(start.user, start.secret)?),
    })
}

/// Refuses what would change the meaning of a message (RFC 4616 §2).
fn no_nul(mechanism: Mechanism, what: &'static str, text: &str) -> Result<(), Fault> {
    if text.contains('\0') { Err(Fault::Unsendable { what, why: "holds a NUL character", mechanism }) } else { Ok(()) }
}

/// A token is visible ASCII (RFC 6750 §2.1); anything else could end its field and begin another.
fn is_token(mechanism: Mechanism, token: &Secret) -> Result<(), Fault> {
    let good = !token.expose().is_empty() && token.expose().bytes().all(|b| b.is_ascii_graphic());
    if good {
        Ok(())
    } else {
        Err(Fault::Unsendable { what: "the token", why: "is no word of plain ASCII", mechanism })
    }
}
