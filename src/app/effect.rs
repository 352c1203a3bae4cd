//! Everything that [`update`](fn@super::update) asks the world to do. Each variant is an instruction to the driver.

use super::thread_list::ThreadList;
use super::view::Scope;
use crate::mail::draft::Draft;
use crate::mail::id::{DraftId, MessageRef, OutboxId, ThreadId};

/// A passphrase on its way from the keyboard to the engine; wiped when dropped, never printed.
#[derive(Clone, zeroize::Zeroize, zeroize::ZeroizeOnDrop)]
pub struct Passphrase(pub String);

impl std::fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Passphrase(…)")
    }
}

/// A change of one message's or several messages' flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlagChange {
    /// Set or clear `\Seen`.
    Seen(bool),
    /// Set or clear `\Flagged`.
    Flagged(bool),
    /// Set or clear `\Deleted` (the message is hidden; the server keeps it until it is expunged).
    Deleted(bool),
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
    /// Send the threads of a scope.
    ListThreads(Scope),
    /// Look which rows of a long list hold a text. Only the answer to the highest number of a scope is waited for.
    FilterThreads(Scope, u64, String, ThreadList),
    /// Send a thread.
    OpenThread(ThreadId),
    /// Send a message; fetch it first where its body is not here.
    OpenMessage(MessageRef),
    /// Change flags here at once, and on the server as soon as it can be reached.
    ChangeFlags(Vec<MessageRef>, FlagChange),
    /// Change flags of every message of a thread.
    ChangeThreadFlags(ThreadId, FlagChange),
    /// Build, check and seal a draft for review.
    Review(Box<Draft>),
    /// Queue what was reviewed under this token.
    Confirm(u64),
    /// Keep the draft (sealed) so that a crash does not lose it.
    KeepDraft(Box<Draft>),
    /// Forget the kept draft.
    DropDraft,
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
    /// Read the file at this path, to send it along with the draft.
    ReadAttachment(String),
    /// Send the attachments of this message, to pass them on with the draft that forwards it.
    CarryAttachments(MessageRef),
    /// Send the header fields of a message as they came, and the source of what is not its text.
    ShowSource(MessageRef),
    /// Complete an address from what was typed.
    Complete(String),
    /// Sync all accounts now.
    SyncNow,
    /// Close all connections and stay offline, or come back online.
    GoOnline(bool),
    /// Lock the profile: secrets and texts are dropped.
    Lock,
    /// Unlock it.
    Unlock(Passphrase),
}
