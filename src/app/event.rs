//! Everything that can wake the loop.

use std::sync::Arc;

use jiff::Timestamp;

use super::case_view::{AwaitingRow, CaseView, ChronologyRow, TriageRow};
use super::document_view::{DocumentRow, DocumentScope, Far, Look};
use super::effect::{ComposerId, Deed, KeySource, Target};
use super::export_view::ExportNews;
use super::plea_view::NegotiationView;
use super::target::Place;
use super::thread_list::ThreadList;
use super::view::{
    AccountStatus, AssistRow, CaseRow, ConnectionRow, DraftRow, Enclosed, KeyRow, Limit, MailboxRow, MessageView,
    Offer, OutboxRow, PathRow, Review, Scope, Sentence, ThreadView, WaitingRow,
};
use crate::case::Jurisdiction;
use crate::keymap::key::Key;
use crate::mail::draft::{Attachment, Draft};
use crate::mail::id::{CaseId, DraftId, DraftKey, MessageRef, ThreadId};
use crate::mail::safe::SafeText;

/// An input of [`update`](fn@super::update). Closed: whoever adds one handles it.
#[derive(Clone, Debug)]
pub enum Event {
    /// A key press.
    Key(Key),
    /// Text pasted by the terminal (bracketed paste); never a command.
    Paste(String),
    /// The terminal's size in cells changed.
    Resize(u16, u16),
    /// Time has passed; about once a second, also when nothing else happens.
    Tick(Timestamp),
    /// No further key came in time after those that are pending ([`super::Model::pending_timeout`] after the last key).
    KeysExpired,
    /// The program was suspended and is back.
    Resumed,
    /// The terminal or the system asks us to end.
    Terminate,

    /// Mailboxes to choose from, the one last moved to first.
    Mailboxes(Arc<[MailboxRow]>),
    /// Changes that the server was not told yet, the oldest first.
    Waiting(Arc<[WaitingRow]>),
    /// What was asked needs a mailbox that is not there: its name and account. Nothing was done.
    NoMailbox {
        /// The account.
        account: String,
        /// The mailbox.
        mailbox: String,
        /// What was asked, of what, with the leave to make the mailbox.
        again: Box<(Target, Deed)>,
    },
    /// The password of an account has to be typed, where the person wants it connected.
    AskPassword {
        /// The account.
        account: String,
    },
    /// What was done, in words; it can be taken back.
    Done(SafeText),
    /// A step was taken back: lists are as they were before.
    Undone,
    /// The list of cases, in answer to [`super::effect::Effect::ListCases`] and after changes.
    Cases(Arc<[CaseRow]>),
    /// A list of threads, newest first.
    Threads(Scope, ThreadList),
    /// A list of threads with the places of those that a filter lets through, in answer to
    /// [`super::effect::Effect::FilterThreads`] and with its number.
    Filtered(Scope, u64, ThreadList, Vec<u32>),
    /// A thread that was asked for; `None` when it is gone.
    Thread(ThreadId, Option<Arc<ThreadView>>),
    /// A message that was asked for; an error in words when it cannot be shown.
    Message(MessageRef, Result<Arc<MessageView>, Sentence>),
    /// The outbox.
    Outbox(Arc<[OutboxRow]>),
    /// The connections: each account with its mailboxes behind it.
    Connections(Arc<[ConnectionRow]>),
    /// A draft was built, checked and sealed for review; or why not.
    Reviewed(Result<Arc<Review>, Sentence>),
    /// A reviewed message is in the outbox (or why not), and which draft it was.
    Queued(Option<DraftKey>, Result<Sentence, Sentence>),
    /// The draft on screen is kept (or why not), in answer to [`super::effect::Effect::KeepDraft`].
    DraftKept(Option<DraftKey>, Result<(), Sentence>),
    /// The kept draft of a former run.
    DraftFound(Box<Draft>),
    /// A message was taken back from the outbox: it is a draft now, set aside under this number.
    TakenBack(DraftId, Box<Draft>, Sentence),
    /// The drafts that were set aside, oldest first.
    Drafts(Arc<[DraftRow]>),
    /// The draft that was asked for by [`super::effect::Effect::TakeUpDraft`], or why it is not there.
    DraftTaken(Result<Box<Draft>, Sentence>),
    /// What the outside editor left: the new text, or why it was abandoned.
    Edited(Timestamp, Result<String, Sentence>),
    /// Files that were asked for by [`super::effect::Effect::AttachFiles`] and its like, for which message; or why one cannot be sent along.
    Attached(ComposerId, Vec<Result<Enclosed, Sentence>>),
    /// What was pasted into this message names no files: it is a text.
    PastedText(ComposerId, String),
    /// What could complete a path, in answer to [`super::effect::Effect::ListPaths`].
    Paths(String, Arc<[PathRow]>),
    /// The smallest limit that is known, in answer to [`super::effect::Effect::AskLimit`].
    Limit(Option<Limit>),
    /// The attachments that were asked for by [`super::effect::Effect::CarryAttachments`], or why there are none.
    Carried(MessageRef, Result<Vec<Attachment>, Sentence>),
    /// Header fields of a message as they came, made safe.
    Source(MessageRef, Result<Arc<[SafeText]>, Sentence>),
    /// Addresses that complete what was typed, best first.
    Completions(String, Vec<String>),
    /// Templates that fit a case, in answer to [`super::effect::Effect::OfferTemplates`].
    Offered(CaseId, Arc<[Offer]>),
    /// A case that was asked for; `None` when it is gone.
    Case(CaseId, Option<Arc<CaseView>>),
    /// What is to be filed.
    Triage(Arc<[TriageRow]>),
    /// Answers that are waited for, the earliest due first.
    Awaiting(Arc<[AwaitingRow]>),
    /// The board of plea negotiations, in no order.
    Pleas(Arc<[crate::plea::board::Row]>),
    /// A negotiation of a case; or why there is none.
    Plea(CaseId, Result<Arc<NegotiationView>, SafeText>),
    /// An act that was asked for, as a draft; or every sentence that stands against it.
    PleaDraft(Result<Box<Draft>, Vec<SafeText>>),
    /// What completes the name of a file that was typed: see [`super::effect::Effect::CompleteFile`].
    PleaFiles(String, Vec<String>),
    /// A file for an offer, by what was typed, or why there is none: see [`super::effect::Effect::PleaFile`].
    PleaFile(String, Result<Box<Attachment>, SafeText>),
    /// What changed filing rules would move, in words.
    RefilePreview(SafeText),
    /// The message that chases a question of a case; `None` where the question is gone.
    Chase(CaseId, Option<Box<Offer>>),
    /// What happened in a case, the oldest first.
    Chronology(CaseId, Arc<[ChronologyRow]>),
    /// The documents of a case or a message, one row for each content, and whose law holds.
    Documents(DocumentScope, Arc<[DocumentRow]>, Option<Jurisdiction>),
    /// The same, while mail that came since is still being read for it.
    DocumentsFar(DocumentScope, Arc<[DocumentRow]>, Option<Jurisdiction>, Far),
    /// What was found in a document that was looked into, by its digest; or why it was not.
    Looked(String, Result<Arc<Look>, Sentence>),
    /// What is known of a directory that is typed, in answer to [`super::effect::Effect::LookAtTarget`].
    Target(Arc<Place>),
    /// News of an export.
    Exporting(ExportNews),
    /// Something was written into the register; or why it could not be, and nothing was.
    Recorded(Result<Sentence, Sentence>),
    /// Something changed in the stores: lists that are shown are to be asked for again.
    Changed,
    /// The state of an account's connection.
    Account(AccountStatus),
    /// The keys that are held.
    Keys(Arc<[KeyRow]>),
    /// Keys that have ended or end soon, in few words, for the status row.
    KeysEnding(Option<SafeText>),
    /// A secret key in what was to be taken in is locked: its passphrase is needed.
    KeyLocked(KeySource),
    /// What is known of the keys of recipients.
    Assistance(Arc<[AssistRow]>),
    /// Something to tell, for the message line.
    Notice(Sentence),
    /// The profile was locked; every text is to be dropped.
    Locked,
    /// The profile was unlocked, or the passphrase refused in words.
    Unlocked(Result<(), Sentence>),
}
