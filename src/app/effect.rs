//! Everything that [`update`](fn@super::update) asks the world to do. Each variant is an instruction to the driver.

use jiff::civil::Date;

use super::document_view::DocumentScope;
use super::export_view::Making;
use super::forms::Opening;
use super::plea_view::{Local, MarkWish, Wish};
use super::thread_list::ThreadList;
use super::view::Scope;
use crate::case::AwaitingId;
use crate::case::document::Document;
use crate::mail::draft::Draft;
use crate::mail::id::{CaseId, DraftId, DraftKey, MessageRef, OutboxId, ThreadId};
use crate::pgp::report::Acceptance;
use crate::plea::NegotiationId;
use crate::register::CaseChange;

/// A passphrase on its way from the keyboard to the engine; wiped when dropped, never printed.
#[derive(Clone, zeroize::Zeroize, zeroize::ZeroizeOnDrop)]
pub struct Passphrase(pub String);

impl std::fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Passphrase(…)")
    }
}

/// Which message being written: each that is begun or gone on with has a number of its own. What was asked for one goes into no other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ComposerId(pub u64);

/// A change of one message's or several messages' flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlagChange {
    /// Set or clear `\Seen`.
    Seen(bool),
    /// Set or clear `\Flagged`.
    Flagged(bool),
    /// Set or clear `\Deleted` (the message is hidden; the server keeps it until it is expunged).
    Deleted(bool),
    /// Set or clear `\Answered`.
    Answered(bool),
}

/// Messages that something is done to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// These.
    Messages(Vec<MessageRef>),
    /// All messages of these threads that are shown.
    Threads(Vec<ThreadId>),
}

/// Something done to messages: at once here, on the server as soon as it can be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Change a system flag.
    Flag(FlagChange),
    /// Set or clear a keyword.
    Keyword(String, bool),
    /// Move to the mailbox for it; where there is none and `create` is set, it is made.
    Archive {
        /// The user agreed to make it.
        create: bool,
    },
    /// Move to the mailbox for junk, and mark as such.
    Junk,
    /// Move to Trash; where the account has none, mark `\Deleted`. What is in Trash already is marked `\Deleted`.
    Delete,
    /// Take out of Trash or Junk, or clear `\Deleted`.
    Undelete,
    /// Move to this mailbox of the messages' account; where there is none and `create` is set, it is made.
    Move {
        /// The account; other accounts' messages stay.
        account: Option<String>,
        /// The mailbox.
        mailbox: String,
        /// Make it.
        create: bool,
    },
    /// Remove for ever.
    Expunge,
}

/// Mail that is written to files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// All of a case.
    Case(CaseId),
    /// These messages, or all of these threads.
    Mail(Target),
    /// These documents, of this case where they were chosen in one.
    Documents(Option<CaseId>, Vec<Document>),
}

/// What a person said to what the guard found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// Nothing: nothing was asked.
    Nothing,
    /// Yes.
    Yes,
    /// Why it may go all the same.
    Because(String),
}

/// Where keys are taken from.
#[derive(Clone, Debug)]
pub enum KeySource {
    /// A file, by its path.
    File(String),
    /// Pasted text; it may hold a secret key.
    Text(Passphrase),
    /// What a message brings for its author.
    Message(MessageRef),
    /// The Web Key Directory of an address.
    Directory(String),
}

/// Something done with keys; they are named by their fingerprints.
#[derive(Clone, Debug)]
pub enum KeyDeed {
    /// Decide about somebody's key.
    Decide {
        /// Which.
        fingerprint: String,
        /// What.
        acceptance: Acceptance,
        /// How, or why.
        how: String,
    },
    /// Forget somebody's key.
    Forget(String),
    /// Take keys in, with the passphrase of a secret one.
    Import(KeySource, Option<Passphrase>),
    /// Write a certificate to a file of a directory.
    Export {
        /// Which.
        fingerprint: String,
        /// Where.
        directory: String,
    },
    /// Make an own key; its revocation certificate goes to a directory.
    Generate {
        /// The name on it.
        name: String,
        /// The address on it.
        address: String,
        /// Where.
        directory: String,
    },
    /// Let an own key last longer.
    Extend(String),
    /// Make a successor of an own key; its revocation certificate goes to a directory.
    Rotate {
        /// Which.
        fingerprint: String,
        /// Where.
        directory: String,
    },
    /// Revoke an own key.
    Revoke {
        /// Which.
        fingerprint: String,
        /// `compromised`, `superseded` or `retired`.
        reason: String,
        /// In words.
        because: String,
    },
    /// Write an own key as a sheet to a directory.
    Backup {
        /// Which.
        fingerprint: String,
        /// Where.
        directory: String,
        /// What the sheet is locked with.
        passphrase: Passphrase,
    },
    /// Open an own key that is locked with a passphrase of its own.
    Unlock {
        /// Which.
        fingerprint: String,
        /// Its own.
        passphrase: Passphrase,
        /// Keep the passphrase, sealed: from then on the key opens with the profile.
        keep: bool,
    },
    /// Send the certificate as a file for this message being written.
    Attach(ComposerId, String),
    /// The same for one's own.
    AttachOwn(ComposerId),
}

/// An output of [`update`](fn@super::update). Closed. None of them is waited for: answers come back as events.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Leave the program; the terminal is restored.
    Quit,
    /// Suspend (ctrl-z) with the terminal restored, come back as [`super::event::Event::Resumed`].
    Suspend,
    /// Clear the screen and draw it whole.
    Redraw,
    /// Send the list of cases.
    ListCases,
    /// Send the keys.
    ListKeys,
    /// Do something with keys.
    Key(KeyDeed),
    /// Send what is known of the keys of these addresses.
    Assist(Vec<String>),
    /// Send the threads of a scope.
    ListThreads(Scope),
    /// Look which rows of a long list hold a text. Only the answer to the highest number of a scope is waited for.
    FilterThreads(Scope, u64, String, ThreadList),
    /// Send a thread as it is shown within a scope.
    OpenThread(ThreadId, Scope),
    /// Send a message; fetch it first where its body is not here.
    OpenMessage(MessageRef),
    /// No screen shows a message any more: what is still being fetched for it need not come.
    CloseMessage,
    /// Change flags here at once, and on the server as soon as it can be reached.
    ChangeFlags(Vec<MessageRef>, FlagChange),
    /// Change flags of every message of a thread.
    ChangeThreadFlags(ThreadId, FlagChange),
    /// A message was read: `\Seen`, which is nothing to take back.
    MarkRead(MessageRef),
    /// Do something to messages.
    Do(Target, Deed),
    /// Take the newest step back.
    Undo,
    /// Take the newest step back if it is a deletion.
    UndoDeletion,
    /// Send the changes that the server was not told yet.
    ListWaiting,
    /// Take this step back.
    UndoStep(u64),
    /// Tell the server of this step again now.
    RetryStep(u64),
    /// Save the message that this change appends to a directory.
    SaveChange(u64, String),
    /// Send the mailboxes to choose from: those of the accounts of these messages, or all.
    ListMailboxes(Option<Target>),
    /// Build, check and seal a draft for review.
    Review(Box<Draft>),
    /// Queue what was reviewed under this token, as far as what was said leads past the guard.
    Confirm(u64, Said),
    /// What was reviewed under this token was stopped by the guard, and is not sent.
    GoBack(u64),
    /// Keep the draft (sealed) so that a crash does not lose it.
    KeepDraft(Box<Draft>),
    /// Forget the draft at hand, if it is this one.
    DropDraft(DraftKey),
    /// Run the outside editor on this text.
    Edit(String),
    /// Send the outbox.
    ListOutbox,
    /// Try an outbox row again now.
    RetryOutbox(OutboxId),
    /// Take a message back before it is sent; its text comes back as a draft.
    CancelOutbox(OutboxId),
    /// A person says that an uncertain row was sent.
    OutboxArrived(OutboxId),
    /// A person says that an uncertain row is to be sent again.
    OutboxSendAgain(OutboxId),
    /// Send the drafts that were set aside.
    ListDrafts,
    /// Set the draft at hand aside: it stays among the drafts.
    SetDraftAside,
    /// Make this draft the one at hand, and what was at hand one that is set aside.
    TakeUpDraft(DraftId),
    /// Throw a draft away that was set aside.
    ForgetDraft(DraftId),
    /// Save an attachment (message, part path) to a directory.
    SaveAttachment(MessageRef, String, String),
    /// Write mail to files below a directory, or make one PDF of it there.
    Export(Wanted, String, Making),
    /// Read an export again, and tell whether it is as it was written.
    VerifyExport(String),
    /// Send what is known of a directory that is typed.
    LookAtTarget(String),
    /// Stop the export that is at work.
    StopExport,
    /// Decrypt an attachment (message, part path) that is an encrypted file, and save what is in it to a directory.
    DecryptAttachment(MessageRef, String, String),
    /// Read files, to send them along with the draft: what was typed may be read in several ways, the likeliest first. Answered once.
    AttachFiles(ComposerId, Vec<Vec<String>>),
    /// The same for a pasted text, if it names files that are there in one of these readings; else it is a text.
    AttachDropped(ComposerId, String, Vec<Vec<String>>),
    /// Send documents of a case, to attach them to the draft. Answered once for each.
    AttachDocuments(ComposerId, Vec<Document>),
    /// Send what could complete a path.
    ListPaths(String),
    /// Send the smallest limit of a message of this account to these addresses.
    AskLimit(String, Vec<String>),
    /// Send one's own certificate for this address, to attach it to the draft.
    AttachOwnKey(ComposerId, String),
    /// Send the attachments of this message, to pass them on with the draft that forwards it.
    CarryAttachments(MessageRef),
    /// Send the header fields of a message as they came, and the source of what is not its text.
    ShowSource(MessageRef),
    /// Send the templates that fit a case, with what it knows.
    OfferTemplates(CaseId),
    /// Complete an address from what was typed, the people of this case first.
    Complete(String, Option<CaseId>),
    /// Connect this account with a password that was typed, from now on.
    Password(String, Passphrase),
    /// Sync all accounts now.
    SyncNow,
    /// Close all connections and stay offline, or come back online.
    GoOnline(bool),
    /// Send the connections.
    ListConnections,
    /// Try an account again now, by its name.
    SyncAccount(String),
    /// The same as [`Self::GoOnline`] for one account, by its name.
    AccountOnline(String, bool),
    /// Send a case.
    ShowCase(CaseId),
    /// Send what is to be filed.
    ListTriage,
    /// Send the answers that are waited for.
    ListAwaiting,
    /// Send the board of plea negotiations.
    ListPleas,
    /// Send a negotiation of a case: this one, or the one that goes on.
    ShowPlea(CaseId, Option<NegotiationId>),
    /// Make an act of a negotiation, as a draft to be reviewed.
    PleaAct(Box<Wish>),
    /// Take free text of a message for an act.
    PleaMark(Box<MarkWish>),
    /// Enter something in a negotiation that is never sent.
    PleaEnter(CaseId, NegotiationId, Local),
    /// Send what completes the name of a file for an offer in this case.
    CompleteFile(CaseId, String),
    /// Send a file for an offer in this case: of the disk, of its documents or of an act.
    PleaFile(CaseId, String),
    /// Send what the filing rules of the configuration would move, where they are not in force.
    PreviewRefile,
    /// File by the filing rules of the configuration.
    Refile,
    /// Send what chases a question of a case, in answer to a key on its row.
    Chase(CaseId, AwaitingId),
    /// Send what happened in a case.
    ShowChronology(CaseId),
    /// Send the documents of a case or a message.
    ListDocuments(DocumentScope),
    /// End the reading of mail for the list of documents that is on screen.
    StopDocuments,
    /// Look into a document, in the sandbox.
    Look(Box<Document>),
    /// Save documents to a directory.
    SaveDocuments(Vec<Document>, String),
    /// Open a document in an outside program, from a private directory that is wiped.
    Outside(Box<Document>),
    /// Put documents out of reach, or back.
    Quarantine {
        /// The case that they are looked at in.
        case: Option<CaseId>,
        /// Which.
        documents: Vec<Document>,
        /// Why, in words.
        because: String,
        /// Back.
        release: bool,
    },
    /// Write into the register that messages belong to these cases; to none: that they are not a case.
    File(Vec<MessageRef>, Vec<CaseId>),
    /// Write into the register that what was decided about these messages is taken back.
    Unfile(Vec<MessageRef>),
    /// Open a case in the register, and file messages to it.
    OpenCase(Box<Opening>),
    /// Write changes of a case into the register, opening it there first where it is not.
    ChangeCase(CaseId, Vec<CaseChange>),
    /// Note that an answer to a message is waited for: what, and when it is to be chased.
    AwaitAnswer(MessageRef, String, Date),
    /// Read a number by the grammars and add it to a case.
    AddNumber(CaseId, String),
    /// Lock the profile: secrets and texts are dropped.
    Lock,
    /// Unlock it.
    Unlock(Passphrase),
}
