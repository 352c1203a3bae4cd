//! What can be asked of the engine, and what it answers: the values behind the command line's documents.
//!
//! Answers are complete lists of plain data, newest first unless said otherwise; whoever prints them cuts and words them.

use jiff::Timestamp;
use serde::Serialize;

use super::EngineError;
use crate::app::view::Scope;
use crate::case::Filed;
use crate::mail::address::Address;
use crate::mail::id::{CaseId, DraftId, MessageRef, OutboxId, ThreadId};
use crate::pgp::report::Badge;
use crate::store::outbox::Doubt;

/// Which messages are wanted. Every field narrows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this account.
    pub account: Option<String>,
    /// In this mailbox.
    pub mailbox: Option<String>,
    /// Of this case, or unfiled.
    pub scope: Option<Scope>,
    /// Of this thread.
    pub thread: Option<ThreadId>,
    /// Without `\Seen`.
    pub unread: bool,
    /// With this Message-ID (no angle brackets).
    pub message_id: Option<String>,
}

/// A message in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The message.
    pub id: MessageRef,
    /// Its Message-ID without angle brackets.
    pub message_id: String,
    /// Its authors.
    pub from: Vec<Address>,
    /// To.
    pub to: Vec<Address>,
    /// Cc.
    pub cc: Vec<Address>,
    /// Subject as sent, the protected one where there is one. Foreign text.
    pub subject: String,
    /// The Date field.
    pub sent: Option<Timestamp>,
    /// When the server received it.
    pub received: Timestamp,
    /// IMAP flags and keywords, for instance `\Seen`.
    pub flags: Vec<String>,
    /// The cases it is filed to, each with the reason.
    pub cases: Vec<Filed>,
    /// Its thread.
    pub thread: ThreadId,
    /// What OpenPGP says, for a list.
    pub openpgp: Badge,
    /// How it came: `cjsm`, `gov`, `firm` or `open`.
    pub carried: &'static str,
    /// Number of attachments.
    pub attachments: usize,
    /// Octets on the server.
    pub bytes: u64,
    /// Its text is in the cache.
    pub here: bool,
    /// The mailbox that it is shown in: where it is moved to, also before the server knows.
    pub mailbox: String,
    /// A change of it has not reached the server yet.
    pub pending: bool,
}

/// A case in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseListed {
    /// The case.
    pub id: CaseId,
    /// For instance `R v FERRET`. Made safe.
    pub title: String,
    /// Kind and canonical value, the one it is known by first.
    pub identifiers: Vec<(String, String)>,
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

/// A mailbox in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailboxListed {
    /// The account.
    pub account: String,
    /// Its name. Foreign text.
    pub name: String,
    /// RFC 9051 §2.3.1.1.
    pub uid_validity: u32,
    /// Messages in the cache.
    pub messages: usize,
    /// When a pass over it last succeeded.
    pub last_sync: Option<Timestamp>,
}

/// The messages that a filter lets through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Newest first.
    pub messages: Vec<Listed>,
    /// How many there are; as long as nothing is cut, their number.
    pub total: usize,
}

/// A message of a thread with the answers to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Branch {
    /// The message.
    pub message: Listed,
    /// Answers to it, oldest first. They nest fifty deep at most; deeper ones stand side by side.
    pub replies: Vec<Branch>,
}

/// The bytes of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawMessage {
    /// The message.
    pub id: MessageRef,
    /// When the server received it.
    pub received: Timestamp,
    /// Exactly as the server sent them.
    pub raw: std::sync::Arc<[u8]>,
}

/// What one pass over all mailboxes did.
#[derive(Debug, Default)]
pub struct SyncReport {
    /// Each account.
    pub accounts: Vec<AccountStats>,
    /// Each mailbox of the accounts that were synced.
    pub mailboxes: Vec<MailboxStats>,
    /// What went wrong: at most one for each account.
    pub trouble: Vec<EngineError>,
}

/// What one pass over one account cost, from the connection to the goodbye.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct AccountStats {
    /// Its name.
    pub name: String,
    /// Octets received, decrypted from TLS.
    pub bytes_in: u64,
    /// Octets sent.
    pub bytes_out: u64,
    /// How often the server was waited for, the login included.
    pub round_trips: u64,
    /// Wall time.
    pub seconds: f64,
    /// Why it was not synced, in words.
    pub error: Option<String>,
    /// What the server wants shown to the person (RFC 9051 §7.1, ALERT). Foreign text.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alerts: Vec<String>,
}

/// What one pass over one mailbox did.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct MailboxStats {
    /// The account.
    pub account: String,
    /// The mailbox.
    pub name: String,
    /// Messages that came.
    pub new: u64,
    /// Messages whose flags changed.
    pub changed: u64,
    /// Messages that are gone.
    pub vanished: u64,
    /// Messages that the server counts and gives nothing of.
    pub withheld: u64,
    /// Octets received, decrypted from TLS.
    pub bytes_in: u64,
    /// Octets sent.
    pub bytes_out: u64,
    /// Commands waited for.
    pub round_trips: u64,
    /// Wall time.
    pub seconds: f64,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// To be known.
    Note,
    /// Worth a second look.
    Warning,
    /// Wants a yes.
    Confirm,
    /// Wants a reason, which is recorded.
    Block,
    /// Forbids sending.
    Alarm,
}

/// What the check of an outgoing message found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Whom it is about; `null` when it is about the whole message.
    pub recipient: Option<String>,
    /// Its kind, for scripts, for instance `no-key`.
    pub code: &'static str,
    /// How bad.
    pub severity: Severity,
    /// In words: what, why, and what to do.
    pub because: String,
    /// What to do about it; may be empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cure: String,
}

/// What goes along with a draft of a command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Along {
    /// Files to attach, absolute.
    pub files: Vec<std::path::PathBuf>,
    /// It goes as several messages where it is too large for one.
    pub split: bool,
}

/// What became of a draft that was handed in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SendReport {
    /// The outbox rows made of it, the first one for the visible recipients; empty when it was refused or only tried.
    pub queued: Vec<u64>,
    /// What the check found.
    pub findings: Vec<Finding>,
    /// By which servers it goes.
    pub routes: Vec<RouteListed>,
    /// What is done for each recipient.
    pub recipients: Vec<SealingListed>,
    /// Something stands against it that was not said yes to, or that nothing leads past.
    pub refused: bool,
}

/// What OpenPGP does for a recipient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SealingListed {
    /// The address.
    pub address: String,
    /// `cjsm`, `gov`, `firm` or `open`.
    pub class: &'static str,
    /// It is encrypted to them.
    pub encrypted: bool,
    /// The fingerprint of the certificate that it is encrypted to.
    pub key: Option<String>,
    /// What is done and why, in words.
    pub because: String,
}

/// A row of the outbox with everything that a list can show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxListed {
    /// The row.
    pub id: OutboxId,
    /// The account it goes out by.
    pub account: String,
    /// Message-ID without angle brackets.
    pub message_id: String,
    /// The first row of the same message.
    pub batch: OutboxId,
    /// The route it goes by; `None`: the account's own server.
    pub route: Option<String>,
    /// Whom the SMTP envelope names.
    pub to: Vec<String>,
    /// Each of them with how far it has come.
    pub recipients: Vec<RecipientListed>,
    /// Subject. Foreign text when the draft came from a file.
    pub subject: String,
    /// `queued`, `held`, `sending`, `sent-not-filed`, `sent`, `deferred`, `failed` or `uncertain`.
    pub state: &'static str,
    /// Tries so far.
    pub attempts: u32,
    /// When it is tried next.
    pub next_attempt: Option<Timestamp>,
    /// The server's last words.
    pub reply: String,
    /// When it was queued.
    pub queued: Timestamp,
    /// When the server first accepted it.
    pub sent: Option<Timestamp>,
    /// What is known while it is uncertain.
    pub doubt: Option<Doubt>,
    /// Whether something of it may be taken back.
    pub cancellable: bool,
    /// Whether another try at once makes sense.
    pub retryable: bool,
}

/// One recipient of an outbox row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RecipientListed {
    /// The address.
    pub address: String,
    /// `waiting`, `in-doubt`, `sent`, `refused` or `taken-back`.
    pub delivery: &'static str,
    /// The last reply's code.
    pub code: Option<u16>,
    /// RFC 3463.
    pub status: Option<String>,
    /// The last reply's words. Foreign text.
    pub text: String,
    /// What a delivery report says: `failed`, `delayed`, `delivered`, `relayed` or `expanded`.
    pub reported: Option<String>,
}

/// What was taken back from the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenBackListed {
    /// The draft that it is kept as.
    pub draft: DraftId,
    /// What was done, and who may have it all the same.
    pub words: String,
}

/// By which server recipients are reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RouteListed {
    /// The route; `null`: the account's own server.
    pub route: Option<String>,
    /// The server.
    pub host: String,
    /// Whom it takes the message to.
    pub recipients: Vec<String>,
}

/// What was done to messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// The number by which it can be taken back.
    pub step: u64,
    /// In words: "moved 3 messages to Archive".
    pub words: String,
    /// How many messages.
    pub messages: usize,
    /// The accounts whose servers are to be told.
    pub accounts: Vec<String>,
}

/// A change that a server was not told yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WaitingListed {
    /// Its place in the order.
    pub seq: u64,
    /// The step that it belongs to; 0: nothing that the user did.
    pub step: u64,
    /// The account.
    pub account: String,
    /// What was done, in words.
    pub words: String,
    /// How many messages the server was not told of.
    pub messages: usize,
    /// When it was done.
    pub at: Timestamp,
    /// `waiting`, `telling`, `stuck`; `failed` and `uncertain` wait for a person.
    pub state: &'static str,
    /// Why it waits, in words; empty where nothing stands in its way.
    pub why: String,
    /// A message is kept with it, and nowhere else.
    pub keeps: bool,
}

/// What a person says about a row whose fate is uncertain, after having looked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// It arrived: file the copy and be done.
    Arrived,
    /// It did not: send it again, the same bytes.
    SendAgain,
    /// Take it out.
    Drop,
}
