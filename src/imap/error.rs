//! What can go wrong with a session, in words. Texts that come from the server are foreign: show them through `mail::safe` only.

use std::time::Duration;

use crate::net::{self, Culprit};

/// A failure of a session or of a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No connection.
    #[error(transparent)]
    Net(#[from] net::Error),
    /// User name or password refused.
    #[error(
        "the server does not accept the user name and password of {user}: \u{201c}{text}\u{201d}; check `user` and the password of this account"
    )]
    Login {
        /// The user name.
        user: String,
        /// The server's words.
        text: String,
    },
    /// The server offers no way to log in that we accept.
    #[error("the server offers no way to log in that this program uses (it offers {offered})")]
    NoLogin {
        /// What it offers.
        offered: String,
    },
    /// A NO.
    #[error("the server refuses {doing}: \u{201c}{text}\u{201d}")]
    No {
        /// What we asked for, "to open INBOX".
        doing: String,
        /// The response code where there was one, `TRYCREATE`.
        code: Option<String>,
        /// The server's words.
        text: String,
    },
    /// A BAD: our fault or the server's.
    #[error("the server does not understand {doing}: \u{201c}{text}\u{201d}")]
    Bad {
        /// What we asked for.
        doing: String,
        /// The server's words.
        text: String,
    },
    /// A BYE.
    #[error("the server ended the session: \u{201c}{text}\u{201d}")]
    Bye {
        /// The server's words.
        text: String,
    },
    /// The connection ended.
    #[error("the connection was lost when asked {doing} ({words})")]
    Lost {
        /// What we asked for.
        doing: String,
        /// The system's words.
        words: String,
    },
    /// The server owes an answer.
    #[error("the server was silent for {} s when asked {doing}", after.as_secs())]
    TimedOut {
        /// What we asked for.
        doing: String,
        /// How long.
        after: Duration,
    },
    /// The server's answer is not IMAP as we can read it, or goes beyond the limits of the byte guard.
    #[error("the server's answer cannot be read when asked {doing} ({words})")]
    Unreadable {
        /// What we asked for.
        doing: String,
        /// What was wrong with it.
        words: String,
    },
    /// The server's answer can be read and makes no sense.
    #[error("the server's answer makes no sense when asked {doing}: {words}")]
    Nonsense {
        /// What we asked for.
        doing: String,
        /// What was wrong with it.
        words: String,
    },
    /// Something that cannot be sent as IMAP, for instance a mailbox name with a line break.
    #[error("{what} cannot be sent to an IMAP server ({why})")]
    Unsendable {
        /// What.
        what: String,
        /// Why.
        why: String,
    },
    /// The mailbox has another UIDVALIDITY than the request: the UIDs of the request name other messages now.
    #[error("{mailbox} was rebuilt by the server; the message has to be looked up again")]
    Rebuilt {
        /// The mailbox.
        mailbox: String,
    },
    /// The message is not there any more.
    #[error("the message is no longer in {mailbox}")]
    Gone {
        /// The mailbox.
        mailbox: String,
    },
    /// The mailbox is not there (any more).
    #[error("there is no mailbox {mailbox} on the server")]
    NoMailbox {
        /// The mailbox, or `\Sent`.
        mailbox: String,
    },
    /// The mailbox may be read only.
    #[error("{mailbox} may only be read")]
    ReadOnly {
        /// The mailbox.
        mailbox: String,
    },
    /// The account is offline because the user wants it so.
    #[error("the account is offline")]
    Offline,
    /// There is no connection; the words say why.
    #[error("there is no connection to the server ({words})")]
    NotConnected {
        /// The last failure.
        words: String,
    },
    /// The sink refused: the store is full or going away.
    #[error("{0}")]
    Stopped(String),
    /// The worker has ended.
    #[error("the account's worker has ended")]
    Ended,
}

impl Error {
    /// Whose fault it is.
    #[must_use]
    pub fn culprit(&self) -> Culprit {
        match self {
            Self::Net(e) => e.culprit(),
            Self::Login { .. } => Culprit::Credentials,
            Self::Unsendable { .. } | Self::NoMailbox { .. } => Culprit::Configuration,
            Self::Lost { .. } | Self::TimedOut { .. } | Self::NotConnected { .. } | Self::Offline => Culprit::Network,
            _ => Culprit::Server,
        }
    }

    /// Whether the session it happened in can go on: the server answered this command whole.
    #[must_use]
    pub fn session_lives(&self) -> bool {
        matches!(
            self,
            Self::No { .. }
                | Self::Bad { .. }
                | Self::Unsendable { .. }
                | Self::Rebuilt { .. }
                | Self::Gone { .. }
                | Self::NoMailbox { .. }
                | Self::ReadOnly { .. }
        )
    }
}
