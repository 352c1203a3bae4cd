//! What can go wrong between a host name and a verified stream, each in words: what, where, what to do.

use std::time::Duration;

use super::tls::TlsFailure;

/// Whose fault it is, which decides what comes next: waiting, asking the user, or telling the administrator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Culprit {
    /// The way there: try again later.
    Network,
    /// The server: what it says or presents is not acceptable.
    Server,
    /// The configuration.
    Configuration,
    /// The user name or the password.
    Credentials,
}

/// Why a connection ended, in words for people: those of the TLS library name its manual.
#[must_use]
pub fn words(e: &std::io::Error) -> String {
    match e.kind() {
        std::io::ErrorKind::UnexpectedEof => "it was cut".to_owned(),
        _ => e.to_string(),
    }
}

/// A connection that did not come about.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The name does not resolve.
    #[error("the name {host} cannot be resolved ({words}); check the host name and the network")]
    Resolve {
        /// The name.
        host: String,
        /// The resolver's words.
        words: String,
    },
    /// No TCP connection.
    #[error("no connection to {place} ({words}); is the server up, and the port right?")]
    Connect {
        /// Host and port.
        place: String,
        /// The system's words.
        words: String,
    },
    /// Too slow.
    #[error("{place} did not answer within {} s while {doing}; it will be tried again", after.as_secs())]
    TimedOut {
        /// Host and port.
        place: String,
        /// What we were doing, "connecting".
        doing: &'static str,
        /// How long we waited.
        after: Duration,
    },
    /// The connection ended.
    #[error("{place} closed the connection while {doing} ({words})")]
    Lost {
        /// Host and port.
        place: String,
        /// What we were doing.
        doing: &'static str,
        /// The system's words.
        words: String,
    },
    /// TLS did not come about.
    #[error("no secure connection to {place}: {failure}")]
    Tls {
        /// Host and port.
        place: String,
        /// Why.
        failure: TlsFailure,
    },
    /// The dialogue before the handshake was not what it must be.
    #[error("no secure connection to {place}: {why}; nothing was sent")]
    StartTls {
        /// Host and port.
        place: String,
        /// What happened.
        why: String,
    },
    /// What was answered cannot be used.
    #[error("{place} answered something that cannot be used: {why}")]
    Answer {
        /// Host and port.
        place: String,
        /// What is wrong with it.
        why: String,
    },
    /// The CA file or the platform's store cannot be used.
    #[error("{place}: {why}")]
    Authorities {
        /// The file, or "the platform's certificate store".
        place: String,
        /// What is wrong and what to do.
        why: String,
    },
    /// The client certificate or its key cannot be used.
    #[error("{place}: {why}")]
    Identity {
        /// The file.
        place: String,
        /// What is wrong and what to do.
        why: String,
    },
}

impl Error {
    /// Whose fault it is.
    #[must_use]
    pub fn culprit(&self) -> Culprit {
        match self {
            Self::Resolve { .. } | Self::Connect { .. } | Self::TimedOut { .. } | Self::Lost { .. } => Culprit::Network,
            Self::Tls { .. } | Self::StartTls { .. } | Self::Answer { .. } => Culprit::Server,
            Self::Authorities { .. } | Self::Identity { .. } => Culprit::Configuration,
        }
    }
}
