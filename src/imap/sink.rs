//! What a worker tells the program, and what it asks it: plain data, stored before more is fetched.

use std::sync::Arc;
use std::time::Duration;

use super::error::Error;
use super::uid_set::UidSet;
use crate::net::{Culprit, Secured};
use crate::store::flags::{Flags, Keeps};
use crate::store::mailbox::SpecialUse;

/// A mailbox that the server listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MailboxInfo {
    /// Its name, decoded from modified UTF-7; foreign text. `INBOX` is always written so.
    pub name: String,
    /// The hierarchy delimiter.
    pub delimiter: Option<char>,
    /// What it is for.
    pub special_use: Option<SpecialUse>,
    /// It is subscribed.
    pub subscribed: bool,
    /// The server's own name for it, which a rename does not change (RFC 8474).
    pub mailbox_id: Option<String>,
}

/// One UIDVALIDITY of a mailbox. What belongs to another one must not be mixed with it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MailboxAt {
    /// The decoded name.
    pub name: Arc<str>,
    /// RFC 9051 §2.3.1.1.
    pub uid_validity: u32,
}

/// How far a mailbox is synced. Store it in [`Sink::done`] and give it back in [`Held`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// UIDNEXT up to which everything was compared; `None`: compare everything.
    pub uid_next: Option<u32>,
    /// HIGHESTMODSEQ up to which flags were compared (RFC 7162); `None`: not known, or the server has none.
    pub highest_modseq: Option<u64>,
    /// Messages held at the end of the pass.
    pub exists: u32,
}

/// What is known of a mailbox without looking at its messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Its decoded name.
    pub name: String,
    /// Of which UIDVALIDITY.
    pub uid_validity: u32,
    /// How far it is synced.
    pub position: Position,
    /// Nothing was left over by the last pass: each message that should be held whole is.
    pub whole: bool,
    /// The server's own name for it (RFC 8474), as last listed.
    pub mailbox_id: Option<String>,
    /// It was subscribed when it was last listed.
    pub subscribed: bool,
    /// It could only be read when it was last opened, which may pass: another program had it.
    pub read_only: bool,
}

/// What a message is known again by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Its UID.
    pub uid: u32,
    /// RFC822.SIZE.
    pub bytes: u32,
    /// INTERNALDATE, in seconds since 1970.
    pub internal_date: Option<i64>,
}

/// Why a mailbox leaves, with all that is held of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// The server says that there is no such mailbox.
    Removed,
    /// It is there, and not subscribed any more.
    Unsubscribed,
    /// The user wants it to be left alone.
    Skipped,
}

/// What is held of a mailbox.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Of which UIDVALIDITY.
    pub uid_validity: u32,
    /// How far it is synced.
    pub position: Position,
    /// All messages that are held, whole or by header.
    pub uids: UidSet,
    /// Those of them that are held by header only and should be held whole. Leave out messages larger than
    /// `message_bytes_max` and those that were [`Body::Unfetchable`].
    pub lacking: UidSet,
}

/// A message, or what could be had of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Its UID.
    pub uid: u32,
    /// Its flags.
    pub flags: Flags,
    /// INTERNALDATE, in seconds since 1970; `None` where the server's makes no sense.
    pub internal_date: Option<i64>,
    /// RFC822.SIZE.
    pub bytes: u32,
    /// What was fetched.
    pub body: Body,
}

/// How much of a message was fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// The header fields that a list needs; the rest follows, or the message is too large to be fetched unasked.
    Header(Arc<[u8]>),
    /// The whole message, exactly as the server has it.
    Whole(Arc<[u8]>),
    /// The server's answer for this message cannot be read; the words say why. It will not be tried again unasked.
    Unfetchable(String),
}

impl Body {
    /// Bytes that were fetched.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Header(bytes) | Self::Whole(bytes) => bytes.len(),
            Self::Unfetchable(_) => 0,
        }
    }

    /// Nothing was fetched.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What one pass over a mailbox did and cost.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pass {
    /// The mailbox.
    pub mailbox: String,
    /// Messages that were not held before.
    pub new: u64,
    /// Messages with changed flags.
    pub changed: u64,
    /// Messages that are gone.
    pub vanished: u64,
    /// Messages that the server counts and lists nothing of.
    pub withheld: u64,
    /// Bytes received, under TLS.
    pub bytes_in: u64,
    /// Bytes sent, under TLS.
    pub bytes_out: u64,
    /// How often we waited for the server.
    pub round_trips: u64,
    /// How long it took.
    pub seconds: f64,
}

/// What a sync of an account did and cost, from the connection to the goodbye.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Synced {
    /// Each mailbox; one that needed not be opened has a pass that cost nothing.
    pub passes: Vec<Pass>,
    /// Bytes received, under TLS.
    pub bytes_in: u64,
    /// Bytes sent, under TLS.
    pub bytes_out: u64,
    /// How often we waited for the server, without the TLS handshake and the farewell.
    pub round_trips: u64,
}

/// The state of an account's connection, for the status line.
#[derive(Clone, Debug, PartialEq)]
pub enum Link {
    /// Offline because the user wants it so.
    Offline,
    /// Connecting and logging in.
    Connecting,
    /// Syncing a mailbox; others may be synced at the same time, each until [`Sink::passed`].
    Syncing {
        /// The mailbox.
        mailbox: String,
        /// Messages fetched in this pass.
        done: u64,
        /// Messages to fetch in this pass, as far as known.
        total: u64,
        /// Bytes of those fetched, by their sizes.
        bytes_done: u64,
        /// Bytes of all whose sizes are known so far.
        bytes_known: u64,
    },
    /// Everything is synced; `live` when INBOX is watched by IDLE.
    Online {
        /// New mail is announced by the server.
        live: bool,
    },
    /// No connection.
    Waiting {
        /// Why, in words (foreign text may be among them).
        why: String,
        /// Whose fault.
        culprit: Culprit,
        /// The next attempt; `None`: none before the user acts (a refused password is not tried again and again, which would
        /// lock the account).
        retry_in: Option<Duration>,
    },
}

impl Link {
    /// A pass over a mailbox begins, and nothing is known yet.
    pub(super) fn began(mailbox: &str) -> Self {
        Self::Syncing { mailbox: mailbox.to_owned(), done: 0, total: 0, bytes_done: 0, bytes_known: 0 }
    }
}

/// The sink wants no more: the store is full or the program is ending. In words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Stop(pub String);

/// Where a worker puts what it learns. Each call returns when the matter is stored, or will be and little else is waiting to be, which is what holds
/// the network back. Several mailboxes may be
/// told of at the same time, each by one pass only; while the mailboxes are listed ([`Sink::known`] to [`Sink::mailboxes`]), none is.
pub trait Sink: Send + Sync + 'static {
    /// What is known of all mailboxes of the account. Nothing is concluded from one that is missing here.
    fn known(&self) -> impl Future<Output = Result<Vec<Known>, Stop>> + Send {
        async { Ok(Vec::new()) }
    }

    /// A mailbox was renamed on the server: what is held of it stays, under its new name (both decoded).
    fn renamed(&self, from: &str, to: &str) -> impl Future<Output = Result<(), Stop>> + Send {
        let _ = (from, to);
        async { Ok(()) }
    }

    /// A mailbox (decoded name) leaves, on the server's own word or the user's.
    fn gone(&self, mailbox: &str, why: Left) -> impl Future<Output = Result<(), Stop>> + Send {
        let _ = (mailbox, why);
        async { Ok(()) }
    }

    /// The server does not list a mailbox (decoded name) of which messages are held, and nothing says that it is gone: they stay. `why` follows
    /// "the server does not list it".
    fn unlisted(&self, mailbox: &str, why: &str) -> impl Future<Output = Result<(), Stop>> + Send {
        let _ = (mailbox, why);
        async { Ok(()) }
    }

    /// Up to `most` of the messages that are held of a mailbox (decoded name), from all over it.
    fn samples(&self, mailbox: &str, most: usize) -> impl Future<Output = Result<Vec<Sample>, Stop>> + Send {
        let _ = (mailbox, most);
        async { Ok(Vec::new()) }
    }

    /// The mailboxes that are listed and will be synced: all that are subscribed, INBOX, and the one for sent mail. Of one that is not among them,
    /// nothing is concluded: see [`Sink::gone`].
    fn mailboxes(&self, list: Vec<MailboxInfo>) -> impl Future<Output = Result<(), Stop>> + Send;

    /// What is held of a mailbox (its newest UIDVALIDITY), if anything.
    fn held(&self, mailbox: &str) -> impl Future<Output = Result<Option<Held>, Stop>> + Send;

    /// What follows belongs to this UIDVALIDITY; whatever is held of another one of this name is to be dropped. `read_only`: the server
    /// takes no changes of flags in it.
    fn begin(&self, at: &MailboxAt, read_only: bool) -> impl Future<Output = Result<(), Stop>> + Send;

    /// The flags that the mailbox keeps, where the server says; called before [`Sink::begin`]. Must not block.
    fn keeps(&self, at: &MailboxAt, keeps: Option<&Keeps>) {
        let _ = (at, keeps);
    }

    /// Messages, newest first within and across batches. A message may come twice: by header, then whole.
    fn batch(&self, at: &MailboxAt, messages: Vec<Fetched>) -> impl Future<Output = Result<(), Stop>> + Send;

    /// Flags as the server has them. Returns how many differ from what was held; UIDs that are not held are left out.
    fn flags(&self, at: &MailboxAt, flags: Vec<(u32, Flags)>) -> impl Future<Output = Result<u64, Stop>> + Send;

    /// Messages that are gone from the server. All of them were held.
    fn vanished(&self, at: &MailboxAt, uids: UidSet) -> impl Future<Output = Result<(), Stop>> + Send;

    /// A pass is complete up to this position.
    fn done(&self, at: &MailboxAt, position: Position, pass: &Pass) -> impl Future<Output = Result<(), Stop>> + Send;

    /// The server refuses a mailbox; the others go on. Must not block.
    fn refused(&self, mailbox: &str, why: &Error) {
        let _ = (mailbox, why);
    }

    /// A mailbox (decoded name) is synced over this connection, which is up and verified: what comes of it from now on comes over that one; `None`: nothing
    /// is known of how it is protected. Must not block.
    fn secured(&self, mailbox: &str, secured: Option<&Secured>) {
        let _ = (mailbox, secured);
    }

    /// A pass over a mailbox (decoded name) came to its end, whatever that was: nothing is under way in it. Must not block.
    fn passed(&self, mailbox: &str) {
        let _ = mailbox;
    }

    /// The server wants something shown to the person (RFC 9051 §7.1, ALERT): foreign text. Must not block.
    fn alert(&self, text: &str) {
        let _ = text;
    }

    /// Something about the server that a person should know, in words; often the same ones. Must not block.
    fn noted(&self, words: &str) {
        let _ = words;
    }

    /// The connection's state changed. Must not block.
    fn link(&self, link: Link);
}
