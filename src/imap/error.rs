//! What can go wrong with a session, in words. Texts that come from the server are foreign: show them through `mail::safe` only.

use std::time::Duration;

use crate::mail::size::size;
use crate::net::sasl::{Fault, Mechanism, NoWay};
use crate::net::{self, Culprit};

/// A failure of a session or of a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No connection.
    #[error(transparent)]
    Net(#[from] net::Error),
    /// User name or proof refused.
    #[error(
        "the server does not accept the user name and {} of {user} ({by}): \u{201c}{text}\u{201d}; check `user` and the {} of this account{}",
        by.proof(), by.proof(), hint(*by, instead)
    )]
    Login {
        /// The user name.
        user: String,
        /// By which mechanism.
        by: Mechanism,
        /// The server's words, with what it said by way of the mechanism.
        text: String,
        /// What `auth` may be set to where the mechanism is to blame and not the proof: something that the server offers; empty: nothing.
        instead: &'static str,
    },
    /// The password is one that was refused before: it was not sent again.
    #[error(
        "{words}; it is sent again only when it is another one, or when this account is tried by itself, in the list of connections"
    )]
    StillRefused {
        /// What the refusal was.
        words: String,
    },
    /// It was refused before this process, and not sent again.
    #[error("{words}")]
    RefusedBefore {
        /// When, by which words, and when it is sent again.
        words: String,
    },
    /// The server offers no way to log in that we accept.
    #[error(transparent)]
    NoLogin(#[from] NoWay),
    /// The dialogue of the login was broken off.
    #[error("the login was broken off: {0}")]
    Sasl(#[from] Fault),
    /// There is no token to log in with.
    #[error("there is no token to log in with: {0}")]
    NoToken(String),
    /// There is no password to log in with.
    #[error("there is no password to log in with: {0}")]
    NoPassword(String),
    /// The server took the login and does not open the account's mail: Exchange Online's "User is authenticated but not connected".
    #[error(
        "the server accepted the login and does not open the mail behind it: \u{201c}{text}\u{201d}; it may be busy, IMAP may be switched off for this \
         mailbox, or the user name may not be the mailbox's; it will be tried again"
    )]
    NotServed {
        /// The server's words.
        text: String,
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
    /// The server gives nothing more of a message of which far more is to be had by its own account.
    #[error(
        "the server gives only {} of this message, to which it ascribes {}; it can be tried again",
        size(*here), size(u64::from(*of))
    )]
    CutShort {
        /// Bytes that are here.
        here: u64,
        /// RFC822.SIZE.
        of: u32,
    },
    /// The message is larger than any that is fetched.
    #[error(
        "this message has {} or more, and no more than {} of one are fetched; another program may save it from the server, or whoever sent it may send it in parts",
        size(*bytes), size(*most)
    )]
    TooLarge {
        /// Bytes that it has at least.
        bytes: u64,
        /// Bytes that are fetched of one at most.
        most: u64,
    },
    /// The mailbox is not there (any more).
    #[error("there is no mailbox {mailbox} on the server")]
    NoMailbox {
        /// The mailbox, or `\Sent`.
        mailbox: String,
    },
    /// A mailbox is said to be empty, and nothing bears it out.
    #[error("the server {words}: what is held of {mailbox} is kept")]
    Doubtful {
        /// The mailbox.
        mailbox: String,
        /// What the server does.
        words: String,
    },
    /// Connections end at this mailbox again and again, and at no other.
    #[error("the server fails at {mailbox} again and again, so that it is passed over for a while: {words}")]
    PassedOver {
        /// The mailbox.
        mailbox: String,
        /// How it fails.
        words: String,
    },
    /// Sessions end at a command again and again that nothing depends on.
    #[error("the server fails at {what} again and again, so that it is done without for a while: {words}")]
    DoneWithout {
        /// The command or the extension, as the standards call it.
        what: &'static str,
        /// How it fails.
        words: String,
    },
    /// The mailbox may be read only.
    #[error("{mailbox} may only be read")]
    ReadOnly {
        /// The mailbox.
        mailbox: String,
    },
    /// The mailbox does not keep these flags (PERMANENTFLAGS, RFC 9051 §7.1).
    #[error("{mailbox} keeps no such mark ({flags})")]
    NotKept {
        /// The mailbox.
        mailbox: String,
        /// The flags, as IMAP writes them.
        flags: String,
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

/// What a refusal by this mechanism may mean besides, where there is another way.
fn hint(by: Mechanism, instead: &str) -> String {
    if instead.is_empty() {
        String::new()
    } else if by.is_scram() {
        // Seen with Dovecot: the mechanism is offered for all users, whatever form each one's password is stored in.
        format!("; where the server keeps the password in a form that SCRAM cannot use, set `auth = \"{instead}\"`")
    } else {
        // Seen with GNU Mailutils: PLAIN is offered by a library that does not know the users of the system.
        format!("; where the server takes passwords of its users in another way only, set `auth = \"{instead}\"`")
    }
}

impl Error {
    /// Whose fault it is.
    #[must_use]
    pub fn culprit(&self) -> Culprit {
        match self {
            Self::Net(e) => e.culprit(),
            Self::Login { .. } | Self::StillRefused { .. } | Self::RefusedBefore { .. } => Culprit::Credentials,
            // A person has to look: trying again would only give somebody between another chance.
            Self::Sasl(fault) if fault.needs_a_person() => Culprit::Credentials,
            Self::Unsendable { .. }
            | Self::NoMailbox { .. }
            | Self::NoLogin(_)
            | Self::NoToken(_)
            | Self::NoPassword(_) => Culprit::Configuration,
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
                | Self::CutShort { .. }
                | Self::NoMailbox { .. }
                | Self::Doubtful { .. }
                | Self::PassedOver { .. }
                | Self::DoneWithout { .. }
                | Self::ReadOnly { .. }
                | Self::NotKept { .. }
        )
    }
}
