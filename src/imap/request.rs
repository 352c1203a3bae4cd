//! What the program asks of an account: served at once on the connection that otherwise stands in IDLE.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::error::Error;
use super::sink::{Body, Fetched, MailboxAt};
use super::uid_set::UidSet;
use super::worker::Shared;
use crate::mail::headers::Headers;
use crate::net::Secret;
use crate::store::flags::Flags;
use crate::store::mailbox::SpecialUse;

/// A change of flags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreFlags {
    /// Where.
    pub at: MailboxAt,
    /// Which messages.
    pub uids: UidSet,
    /// System flags and keywords to set.
    pub add: Flags,
    /// System flags and keywords to clear.
    pub remove: Flags,
    /// Only messages that did not change since this modification sequence (RFC 7162 §3.1.3); where the server has none it is
    /// left out.
    pub unchanged_since: Option<u64>,
}

/// What became of a [`StoreFlags`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    /// The flags that messages have now, as far as the server said.
    pub flags: Vec<(u32, Flags)>,
    /// Messages that were left alone because they had changed since.
    pub conflicts: UidSet,
    /// The modification sequences with which they have these flags, and which messages have each, where the server said.
    pub modseqs: Vec<(u64, UidSet)>,
}

/// Where an appended message lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The mailbox (decoded name).
    pub mailbox: String,
    /// UIDVALIDITY and UID (RFC 4315), where the server says.
    pub uid: Option<(u32, u32)>,
}

/// Where copied messages lie now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    /// UIDVALIDITY of the mailbox that they were copied to (COPYUID, RFC 4315); `None`: the server does not say.
    pub uid_validity: Option<u32>,
    /// UIDs before and after. A message that was not there any more is not among them; empty where the server does not say.
    pub uids: Vec<(u32, u32)>,
}

/// What became of messages that were to be moved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// Where they lie now.
    pub copied: Copied,
    /// Those that were copied and are still in the old mailbox, marked `\Deleted`, because the server has neither MOVE nor UIDPLUS and a
    /// bare EXPUNGE would remove what others have marked.
    pub left: UidSet,
    /// Those that were not there any more, where the server refused to copy the others for their sake.
    pub gone: UidSet,
    /// Those that were not there any more behind a MOVE that was refused: gone before, and refused for their sake, or moved before it was refused.
    pub missing: UidSet,
    /// Those that were asked for last where no clean answer came: they may have been moved or not, or some of them.
    pub doubtful: UidSet,
    /// Those that were not asked for any more.
    pub untold: UidSet,
    /// The server told of no message that left, as it has to for each that it moves (RFC 6851 §3.3), and named none: nothing was moved, or it is
    /// another kind of server.
    pub silent: bool,
    /// Why not: what is said of the others holds all the same.
    pub ended: Option<Error>,
}

/// What became of messages that were to be removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expunged {
    /// Those that are still there, marked `\Deleted`, because the server has no UIDPLUS.
    pub left: UidSet,
}

/// Messages found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Where.
    pub at: MailboxAt,
    /// Which.
    pub uids: Vec<u32>,
}

/// What came to a mailbox, without its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrived {
    /// Where.
    pub at: MailboxAt,
    /// UID and RFC822.SIZE, in order of UID.
    pub messages: Vec<(u32, u32)>,
}

/// A message that is fetched in pieces, each handed on as soon as it is here.
#[derive(Debug)]
pub struct Download {
    /// Where it is.
    pub at: MailboxAt,
    /// Which.
    pub uid: u32,
    /// What of it is here already: the first piece begins behind that.
    pub have: u64,
    /// At most so much of it is wanted; `None`: to the end.
    pub most: Option<u64>,
    /// Where the pieces go, in order. The network waits while this is full, and the download ends when its other end is gone.
    pub to: mpsc::Sender<Vec<u8>>,
    /// How much was here when the session died under it the last time: it goes on by itself as long as it comes on.
    pub(super) died_at: Option<u64>,
    /// The first bytes of the message, where they are known: what begins as they do is no later piece.
    pub(super) head: Vec<u8>,
}

/// A request with the way its answer goes. Use the methods of [`Handle`].
#[derive(Debug)]
pub enum Request {
    /// Fetch a whole message, of any size up to 512 MiB.
    Fetch(MailboxAt, u32, Answer<Fetched>),
    /// Change flags.
    Store(StoreFlags, Answer<Stored>),
    /// Fetch the flags that messages have now.
    Flags(MailboxAt, UidSet, Answer<Vec<(u32, Flags)>>),
    /// Append to a mailbox (decoded name), or to the one for sent mail where `None`, which is made where it is missing.
    Append {
        /// The mailbox.
        mailbox: Option<String>,
        /// It is the mailbox for sent mail, and made where it is missing.
        makes: bool,
        /// The message with CRLF line ends.
        raw: Arc<[u8]>,
        /// Its flags.
        flags: Flags,
        /// INTERNALDATE in seconds since 1970; `None`: now.
        date: Option<i64>,
        /// The answer.
        answer: Answer<Appended>,
    },
    /// Look for a Message-ID (without angle brackets) in a mailbox (decoded name), or in the one for sent mail where `None`.
    Find {
        /// The mailbox.
        mailbox: Option<String>,
        /// The Message-ID.
        message_id: String,
        /// The answer.
        answer: Answer<Found>,
    },
    /// What came to a mailbox (decoded name) after a UID.
    Arrived(String, u32, Answer<Arrived>),
    /// Copy messages to a mailbox (decoded name).
    Copy(MailboxAt, UidSet, String, Answer<Copied>),
    /// Move messages to a mailbox (decoded name).
    Move(MailboxAt, UidSet, String, Answer<Moved>),
    /// Remove messages for good.
    Expunge(MailboxAt, UidSet, Answer<Expunged>),
    /// Make a mailbox.
    Create(String, Option<SpecialUse>, Answer<String>),
    /// Fetch a message in pieces; the answer says how much of it was handed on, with what was there before.
    Download(Download, Answer<u64>),
}

/// The way an answer goes.
pub type Answer<T> = oneshot::Sender<Result<T, Error>>;

/// An account's worker. Cheap to clone; the worker ends with [`Handle::end`], or when the last handle is dropped.
#[derive(Clone)]
pub struct Handle {
    shared: Arc<Shared>,
    /// Ends the worker when the last handle goes.
    _last: Arc<Last>,
}

struct Last(Arc<Shared>);

impl Drop for Last {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl Handle {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { _last: Arc::new(Last(Arc::clone(&shared))), shared }
    }

    /// Fetches a whole message at once.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn fetch(&self, at: MailboxAt, uid: u32) -> Result<Fetched, Error> {
        self.read(|answer| Request::Fetch(at.clone(), uid, answer)).await
    }

    /// Whether a message has this Message-ID (without angle brackets) in its own header: a server's search may name others. `false` where the server
    /// gives nothing of it.
    ///
    /// # Errors
    /// Any [`Error`]; nobody has looked at it then.
    pub async fn is_named(&self, at: MailboxAt, uid: u32, message_id: &str) -> Result<bool, Error> {
        Ok(match self.fetch(at, uid).await?.body {
            Body::Whole(bytes) | Body::Header(bytes) => {
                Headers::parse(bytes).message_id().as_deref() == Some(message_id)
            }
            Body::Unfetchable(_) => false,
        })
    }

    /// Fetches a message, or some of it, from `have` bytes on, in pieces that go to `to` as they come. Other requests go before it, between
    /// its pieces. After a lost connection it goes on where it was. Gives how many bytes are here in all then.
    ///
    /// # Errors
    /// Any [`Error`]. What was handed on is good: ask again with that much more in `have`.
    pub async fn download(
        &self,
        at: MailboxAt,
        uid: u32,
        have: u64,
        most: Option<u64>,
        to: mpsc::Sender<Vec<u8>>,
    ) -> Result<u64, Error> {
        let download = Download { at, uid, have, most, to, died_at: None, head: Vec::new() };
        self.ask(|answer| Request::Download(download, answer)).await
    }

    /// Changes flags on the server.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn store_flags(&self, change: StoreFlags) -> Result<Stored, Error> {
        self.ask(|answer| Request::Store(change, answer)).await
    }

    /// The flags that messages have now, in order of UID; those that are gone are left out.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn flags(&self, at: MailboxAt, uids: UidSet) -> Result<Vec<(u32, Flags)>, Error> {
        self.read(|answer| Request::Flags(at.clone(), uids.clone(), answer)).await
    }

    /// Appends a message to a mailbox.
    ///
    /// # Errors
    /// Any [`Error`]; after [`Error::Lost`] or [`Error::TimedOut`] the message may or may not be there: look for it first.
    pub async fn append(
        &self,
        mailbox: String,
        raw: Arc<[u8]>,
        flags: Flags,
        date: Option<i64>,
    ) -> Result<Appended, Error> {
        let mailbox = Some(mailbox);
        self.ask(|answer| Request::Append { mailbox, makes: false, raw, flags, date, answer }).await
    }

    /// Appends the copy of a sent message to a mailbox of this name, or to the one for sent mail where `None`. One that is missing is made and
    /// subscribed to.
    ///
    /// # Errors
    /// As [`Self::append`].
    pub async fn file_sent(
        &self,
        mailbox: Option<String>,
        raw: Arc<[u8]>,
        flags: Flags,
        date: Option<i64>,
    ) -> Result<Appended, Error> {
        self.ask(|answer| Request::Append { mailbox, makes: true, raw, flags, date, answer }).await
    }

    /// Looks for a Message-ID (without angle brackets) in a mailbox, or in the one for sent mail where `None`.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn find(&self, mailbox: Option<String>, message_id: String) -> Result<Found, Error> {
        self.read(|answer| Request::Find { mailbox: mailbox.clone(), message_id: message_id.clone(), answer }).await
    }

    /// What came to a mailbox (decoded name) after a UID: nothing of its content is fetched.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn arrived(&self, mailbox: String, above: u32) -> Result<Arrived, Error> {
        self.read(|answer| Request::Arrived(mailbox.clone(), above, answer)).await
    }

    /// Copies messages to another mailbox (decoded name).
    ///
    /// # Errors
    /// Any [`Error`]; [`Error::NoMailbox`] names the target where that is missing (make it, ask again: nothing was copied). After
    /// [`Error::Lost`] or [`Error::TimedOut`] the copies may or may not be there, and asking again may make second ones.
    pub async fn copy(&self, at: MailboxAt, uids: UidSet, to: String) -> Result<Copied, Error> {
        self.ask(|answer| Request::Copy(at, uids, to, answer)).await
    }

    /// Moves messages to another mailbox (decoded name). Messages that are not there any more are passed over.
    ///
    /// # Errors
    /// Any [`Error`]; [`Error::NoMailbox`] names the target where that is missing (make it, ask again: nothing was moved). After
    /// [`Error::Lost`] or [`Error::TimedOut`] they may have been moved or not, or some of them: look for them first. It is never asked again by
    /// itself, because a second answer does not say where the first one put them. What fails behind an answer is no error: see
    /// [`Moved::ended`].
    pub async fn move_messages(&self, at: MailboxAt, uids: UidSet, to: String) -> Result<Moved, Error> {
        self.ask(|answer| Request::Move(at, uids, to, answer)).await
    }

    /// Removes messages for good: `\Deleted` and UID EXPUNGE. Asking twice does no harm.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn expunge(&self, at: MailboxAt, uids: UidSet) -> Result<Expunged, Error> {
        self.ask(|answer| Request::Expunge(at, uids, answer)).await
    }

    /// Makes a mailbox (decoded name) and subscribes to it; one that is there already is as good. Gives the name that it has on the
    /// server.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn create_mailbox(&self, name: String, special_use: Option<SpecialUse>) -> Result<String, Error> {
        self.ask(|answer| Request::Create(name, special_use, answer)).await
    }

    /// Syncs all mailboxes now, and connects now when it is waiting for the next attempt.
    pub fn sync_now(&self) {
        self.shared.sync_now();
    }

    /// As [`Self::sync_now`]; and a password that the server refused is sent once more, although it is the same: somebody knows why.
    pub fn try_again(&self) {
        self.shared.try_again();
    }

    /// The mailboxes (decoded names) of what is on the screen: in a sync that is under way they come before the others, from its next batch
    /// on. It holds until it is said anew; nothing is synced because of it.
    pub fn look_first(&self, mailboxes: Vec<String>) {
        self.shared.look_first(mailboxes);
    }

    /// Closes the connections and stays offline, or comes back.
    pub fn set_online(&self, online: bool) {
        self.shared.set_online(online);
    }

    /// Another password, after one was refused or changed; connects with it at once.
    pub fn set_password(&self, password: Secret) {
        self.shared.set_password(password);
    }

    /// Ends the worker. Connections are dropped.
    pub fn end(&self) {
        self.shared.end();
    }

    /// Asks for what is only read, and once more where the connection that had taken the request went without an answer.
    async fn read<T>(&self, request: impl Fn(Answer<T>) -> Request) -> Result<T, Error> {
        match self.ask(&request).await {
            Err(Error::Ended) if !self.shared.has_ended() => self.ask(&request).await,
            answer => answer,
        }
    }

    async fn ask<T>(&self, request: impl FnOnce(Answer<T>) -> Request) -> Result<T, Error> {
        let (answer, answered) = oneshot::channel();
        self.shared.put(request(answer));
        answered.await.unwrap_or(Err(Error::Ended))
    }
}
