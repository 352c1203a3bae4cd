//! What the screens show: snapshots that the engine makes and hands over, never shared state.
//!
//! Every text in here that came from outside is a [`SafeText`], so that no screen can forget to make it safe.

use std::sync::Arc;

use jiff::Timestamp;

use crate::case::AwaitingId;
use crate::case::document::Document;
use crate::case::template::{Facts, Template};
use crate::mail::address::Address;
use crate::mail::draft::{Attachment, Source};
use crate::mail::id::{CaseId, DraftId, MessageRef, OutboxId, ThreadId};
use crate::mail::safe::SafeText;
use crate::pgp::report::{Acceptance, Badge, OpenPgp};

/// Which threads a list shows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Those of a case.
    Case(CaseId),
    /// Those in no case.
    Unfiled,
    /// All of them.
    All,
    /// Those with a message in a mailbox, Trash and Junk included.
    Mailbox {
        /// The account's name in the configuration.
        account: String,
        /// The mailbox's name. Foreign text.
        mailbox: String,
    },
}

/// A row of the list of cases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseRow {
    /// The case; [`Scope::Unfiled`] and [`Scope::All`] have rows too.
    pub scope: Scope,
    /// For instance `R v FERRET`.
    pub title: SafeText,
    /// Canonical identifiers, the one it is known by first.
    pub identifiers: Vec<SafeText>,
    /// Names of its accused and its parties.
    pub people: Vec<SafeText>,
    /// `open`, `on-hold`, `closed` or `shredded`.
    pub state: &'static str,
    /// When it is next in court.
    pub next_hearing: Option<Timestamp>,
    /// Messages in it.
    pub messages: usize,
    /// Unread ones of them.
    pub unread: usize,
    /// When its newest message was received.
    pub last_date: Option<Timestamp>,
}

impl CaseRow {
    /// The row of all mail, without any.
    #[must_use]
    pub fn all() -> Self {
        Self {
            scope: Scope::All,
            title: SafeText::from("All mail"),
            identifiers: Vec::new(),
            people: Vec::new(),
            state: "open",
            next_hearing: None,
            messages: 0,
            unread: 0,
            last_date: None,
        }
    }
}

/// A row of a list of threads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThreadRow {
    /// The thread.
    pub id: ThreadId,
    /// The subject of its newest message, as cleaned for threading.
    pub subject: SafeText,
    /// Names of those who wrote in it, the newest first, without repeats.
    pub participants: Vec<SafeText>,
    /// Messages in it.
    pub messages: usize,
    /// Unread ones of them.
    pub unread: usize,
    /// Some message in it is flagged.
    pub flagged: bool,
    /// Some message in it has an attachment.
    pub attachments: bool,
    /// When its newest message was received.
    pub last_date: Timestamp,
    /// Its newest message's.
    pub openpgp: Badge,
    /// The cases it is filed to.
    pub cases: Vec<CaseId>,
}

/// A message within an open thread: enough for the thread's tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageRow {
    /// The message.
    pub id: MessageRef,
    /// Depth in the thread, 0 for a root.
    pub depth: usize,
    /// From, for display.
    pub from: SafeText,
    /// Cleaned subject.
    pub subject: SafeText,
    /// When the server received it.
    pub received: Timestamp,
    /// `\Seen`.
    pub seen: bool,
    /// `\Flagged`.
    pub flagged: bool,
    /// `\Answered`.
    pub answered: bool,
    /// Attachments in it.
    pub attachments: usize,
    /// What OpenPGP says, for a list.
    pub openpgp: Badge,
    /// Its text is in the cache.
    pub here: bool,
    /// A change of its flags has not reached the server yet.
    pub pending: bool,
}

/// An open thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThreadView {
    /// The thread.
    pub id: ThreadId,
    /// Subject of the thread.
    pub subject: SafeText,
    /// The cases it is filed to, each with the reason in words ("by URN in the subject").
    pub cases: Vec<(CaseId, SafeText)>,
    /// Its messages, in the order of the tree.
    pub messages: Vec<MessageRow>,
}

/// An address to be shown: the name cannot hide the address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressView {
    /// Name and address for display, always with the address.
    pub text: SafeText,
    /// How mail to it is carried: `cjsm`, `gov`, `firm` or `open`.
    pub class: &'static str,
    /// The address itself, for the composer.
    pub address: Address,
}

/// An attachment in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttachmentRow {
    /// The part's path, for instance `1.2`.
    pub path: String,
    /// Its name made safe.
    pub name: SafeText,
    /// For instance `application/pdf`.
    pub media_type: SafeText,
    /// Decoded size.
    pub bytes: u64,
    /// It came inside the encryption.
    pub sealed: bool,
    /// It is an encrypted file of its own, which is opened only when that is asked for.
    pub ciphertext: bool,
    /// What it is as a document; nothing for what is about to be sent.
    pub document: Option<Box<Document>>,
}

/// How loud a sentence is. Never shown by colour alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tone {
    /// As it should be.
    Good,
    /// A fact.
    Plain,
    /// Worth a look.
    Warning,
    /// Something is wrong.
    Alarm,
}

/// A sentence of ours with its tone. Foreign text in it has been made safe and quoted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sentence {
    /// How loud.
    pub tone: Tone,
    /// The words.
    pub text: SafeText,
}

/// An open message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageView {
    /// The message.
    pub id: MessageRef,
    /// Its Message-ID, without angle brackets.
    pub message_id: String,
    /// RFC 5322 §3.6.2; a forged message may have several.
    pub from: Vec<AddressView>,
    /// RFC 5322 §3.6.2.
    pub reply_to: Vec<AddressView>,
    /// RFC 5322 §3.6.3.
    pub to: Vec<AddressView>,
    /// RFC 5322 §3.6.3.
    pub cc: Vec<AddressView>,
    /// Subject as shown: the protected one where there is one.
    pub subject: SafeText,
    /// Names of header fields that the signature over the text does not cover.
    pub unsigned: Vec<String>,
    /// The Date header.
    pub sent: Option<Timestamp>,
    /// When the server received it.
    pub received: Timestamp,
    /// The verdicts in words: OpenPGP first, then carriage, then warnings. Drawn where message text can never reach.
    pub sentences: Vec<Sentence>,
    /// The facts behind them.
    pub openpgp: OpenPgp,
    /// The text, unwrapped lines. Quoting and paragraphs are kept.
    pub text: Arc<[SafeText]>,
    /// What a reply may quote: only what was shown from the root protection layer.
    pub quotable: Arc<[SafeText]>,
    /// The addresses of those who can read it, where it came encrypted: see [`crate::pgp::readers`].
    pub readers: Arc<[String]>,
    /// Outside of the encryption the subject says something else.
    pub hidden_subject: bool,
    /// Attachments.
    pub attachments: Vec<AttachmentRow>,
    /// The thread that a reply carries on: References of the reply, oldest first.
    pub references: Vec<String>,
    /// The cases it is filed to.
    pub cases: Vec<CaseId>,
}

/// One recipient on the review screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecipientReview {
    /// `To`, `Cc` or `Bcc`.
    pub field: &'static str,
    /// Whom.
    pub address: AddressView,
    /// What is known of their key, in words.
    pub key: Sentence,
    /// By which server, where there is more than one way: "by gateway (host)".
    pub route: Option<SafeText>,
}

/// A template that may be written from, with what the case knows to fill it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// In one line.
    pub title: SafeText,
    /// The template.
    pub template: Template,
    /// What is known.
    pub facts: Facts,
    /// Whom it goes to.
    pub to: Vec<Address>,
    /// The question that it chases.
    pub question: Option<AwaitingId>,
}

/// What a person has to do before a message may go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Assent {
    /// Nothing more.
    #[default]
    Nothing,
    /// Say yes once more.
    Yes,
    /// Give a reason, which is recorded.
    Reason,
}

/// A key that is held, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRow {
    /// Upper-case hexadecimal.
    pub fingerprint: String,
    /// Whose it is, as it says itself: user ids with a valid self-signature.
    pub user_ids: Vec<SafeText>,
    /// Its fingerprint in groups of four.
    pub groups: SafeText,
    /// Its fingerprint in words, in lines of four.
    pub words: Vec<SafeText>,
    /// What was decided.
    pub acceptance: Acceptance,
    /// What holds of it now.
    pub state: Sentence,
    /// That it ends soon, or has ended.
    pub soon: Option<Sentence>,
    /// When it ends.
    pub expires: Option<Timestamp>,
    /// Algorithm and dates.
    pub dates: SafeText,
    /// Where the secret part of an own one is.
    pub secret: Option<SafeText>,
    /// The secret part can be used.
    pub unlocked: bool,
    /// It is here, under a passphrase of its own that is asked for each time.
    pub asked: bool,
    /// Every decision with who, when and how, the oldest first.
    pub decisions: Vec<SafeText>,
    /// The cases with mail from or to its addresses.
    pub cases: Vec<SafeText>,
    /// Where it came from, and when.
    pub source: SafeText,
}

/// What is known of the key of a recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssistRow {
    /// Whom.
    pub address: SafeText,
    /// The same as it is written to.
    pub raw: String,
    /// Mail to them can be sealed.
    pub usable: bool,
    /// The key that is used, or why none is, with the next step.
    pub why: Sentence,
    /// The key that the reason is about.
    pub key: Option<KeyRow>,
    /// A message that brings a key, in words.
    pub offer: Option<(MessageRef, SafeText)>,
    /// The hosts that can be asked; nothing where that is not allowed.
    pub lookup: Option<SafeText>,
}

/// Everything about a message before it leaves; what was reviewed is what is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Review {
    /// The message as built and stored; confirming names it.
    pub token: u64,
    /// From, for display.
    pub from: SafeText,
    /// Every recipient.
    pub recipients: Vec<RecipientReview>,
    /// Subject.
    pub subject: SafeText,
    /// What the subject says outside of the encryption, where that is something else.
    pub outside: Option<SafeText>,
    /// What will be done: signed and encrypted, or why not.
    pub protection: Sentence,
    /// Who may get what came encrypted only after their address was typed, and whether they would get it in clear.
    pub to_name: Vec<(String, bool)>,
    /// What was found.
    pub findings: Vec<Sentence>,
    /// What forbids it, whatever is said.
    pub forbidden: Option<SafeText>,
    /// What a person has to do before it may go.
    pub assent: Assent,
    /// The text as it goes out.
    pub text: Arc<[SafeText]>,
    /// Attachments.
    pub attachments: Vec<AttachmentRow>,
    /// Size on the wire, of all messages where it goes as several.
    pub bytes: u64,
    /// What is in each, where it goes as several.
    pub parts: Vec<SafeText>,
    /// It is too large for one message, or goes as several already.
    pub is_large: bool,
}

/// A file that was read to be sent along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enclosed {
    /// The file.
    pub file: Attachment,
    /// Where its content lies, where the draft does not hold it.
    pub source: Option<Source>,
    /// What is to be known of it.
    pub said: Vec<Sentence>,
}

impl From<Attachment> for Enclosed {
    fn from(file: Attachment) -> Self {
        Self { file, source: None, said: Vec::new() }
    }
}

/// The most bytes of a message, and who says so: `the server mail.example`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Of the whole message, as it is sent.
    pub bytes: u64,
    /// Who lets no more through.
    pub whose: SafeText,
}

/// What could complete a path that is being typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathRow {
    /// The whole path; of a directory with its final `/`.
    pub path: String,
    /// The name in its directory.
    pub name: SafeText,
    /// It is a directory.
    pub is_directory: bool,
    /// Its size.
    pub bytes: u64,
}

/// A row of the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxRow {
    /// The row.
    pub id: OutboxId,
    /// Recipients for display.
    pub to: SafeText,
    /// Subject.
    pub subject: SafeText,
    /// `queued`, `held`, `sending`, `sent-not-filed`, `sent`, `deferred`, `failed` or `uncertain`.
    pub state: &'static str,
    /// How many of how many have it, where it is neither none nor all.
    pub parts: Option<(usize, usize)>,
    /// By which server it goes, where there is more than one way; else empty.
    pub route: SafeText,
    /// Each recipient with how far it has come.
    pub recipients: Vec<RecipientRow>,
    /// Tries so far.
    pub attempts: u32,
    /// When it is tried next.
    pub next_attempt: Option<Timestamp>,
    /// The server's last words.
    pub reply: SafeText,
    /// What it wants of a person because its account is gone; else empty.
    pub stranded: SafeText,
    /// While it is uncertain: when the connection was lost, when it was looked for, and where it was not found.
    pub doubt: Option<(Timestamp, Option<Timestamp>, SafeText)>,
    /// When it was queued.
    pub queued: Timestamp,
    /// Whether a key may take something of it back.
    pub cancellable: bool,
    /// Whether another try at once makes sense.
    pub retryable: bool,
}

/// One recipient of an outbox row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecipientRow {
    /// Whom.
    pub address: SafeText,
    /// How loud.
    pub tone: Tone,
    /// How far it has come, in words.
    pub words: SafeText,
}

/// A draft that was set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DraftRow {
    /// The draft.
    pub id: DraftId,
    /// Recipients for display.
    pub to: SafeText,
    /// Subject.
    pub subject: SafeText,
    /// When it was set aside.
    pub at: Timestamp,
}

/// A mailbox to choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailboxRow {
    /// The account's name in the configuration.
    pub account: String,
    /// Its name as the server knows it. Foreign text.
    pub name: String,
    /// The same for display.
    pub shown: SafeText,
    /// What it is for: `inbox`, `archive`, `trash`, `junk`, `sent`, `drafts` or nothing.
    pub role: &'static str,
    /// When something was last moved to it; the mailbox of the newest move stands first.
    pub last_used: Option<Timestamp>,
}

/// A change that the server was not told yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingRow {
    /// Its place in the order.
    pub seq: u64,
    /// The step it belongs to; 0: none of the user's.
    pub step: u64,
    /// The account.
    pub account: SafeText,
    /// What was done, in words.
    pub words: SafeText,
    /// How many messages the server was not told of.
    pub messages: usize,
    /// When it was done.
    pub at: Timestamp,
    /// `waiting`, `telling`, `stuck`; `failed` and `uncertain` wait for a person.
    pub state: &'static str,
    /// Why it waits, in words.
    pub why: SafeText,
    /// A message is kept with it.
    pub keeps: bool,
}

/// What the connection of an account is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// Connecting for the first time since the start or a break.
    Connecting,
    /// Fetching: what is done and what there is to do.
    Syncing {
        /// Mailbox at hand.
        mailbox: SafeText,
        /// Messages fetched.
        done: u64,
        /// Messages to fetch.
        total: u64,
        /// Bytes of those fetched.
        bytes_done: u64,
        /// Bytes of all whose sizes are known so far.
        bytes_known: u64,
        /// Other mailboxes that are fetched at the same time.
        others: usize,
    },
    /// Up to date, waiting for news.
    Watching {
        /// The server tells of new mail by itself.
        live: bool,
    },
    /// Not connected.
    Offline {
        /// When the last pass succeeded, if ever.
        since: Option<Timestamp>,
        /// Why, in words.
        because: SafeText,
        /// When it is tried again.
        retry: Option<Timestamp>,
    },
}

/// The state of one account, for the status line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountStatus {
    /// Its name in the configuration.
    pub account: String,
    /// Its connection.
    pub link: Link,
}

/// What a row of the connections is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Doing {
    /// An account: as its connection.
    Link(Link),
    /// A mailbox that is being fetched.
    Fetching {
        /// Messages fetched.
        done: u64,
        /// Messages to fetch, as far as known.
        total: u64,
        /// Bytes of those fetched.
        bytes_done: u64,
        /// Bytes of all whose sizes are known so far.
        bytes_known: u64,
    },
    /// A mailbox: compared with the server, and nothing is left to do.
    UpToDate,
    /// A mailbox: to be looked at, now or when there is a connection.
    Waiting,
    /// A mailbox that the server does not open.
    Refused(SafeText),
    /// A mailbox that the server does not list any more, and of which it does not say that it is gone: since when, and why it is kept.
    Unlisted(SafeText),
}

/// What went over the wire since the program started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes received, under TLS.
    pub bytes_in: u64,
    /// Bytes sent, under TLS.
    pub bytes_out: u64,
    /// How often the server was waited for.
    pub round_trips: u64,
}

/// A row of the connections: an account, or one of its mailboxes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionRow {
    /// The account's name in the configuration.
    pub account: SafeText,
    /// The mailbox; `None` for the account itself.
    pub mailbox: Option<SafeText>,
    /// What it is doing.
    pub doing: Doing,
    /// The user took the account offline.
    pub chosen_offline: bool,
    /// Messages held of a mailbox; of all of them for an account.
    pub messages: usize,
    /// Changes to messages that the server has not heard of.
    pub changes: usize,
    /// Messages of the account that wait in the outbox.
    pub outgoing: usize,
    /// When a pass last succeeded.
    pub last_success: Option<Timestamp>,
    /// What it cost.
    pub traffic: Traffic,
}
