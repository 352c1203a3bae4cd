//! Every user intent: its name, its one-line doc, where it applies. Help, hints, the `:` palette and the manual are made from here.
//!
//! An action says what a person wants, never how it is done; a keymap binds keys to it, `app` performs it. Names are `noun.verb`
//! and are what keymap files and the palette use: renaming one breaks people's files.

pub mod context;

pub use context::Context;

/// Declares the closed list of actions once: variant, name, contexts, doc.
macro_rules! actions {
    ($( $variant:ident $name:literal [$($context:ident),+] $doc:literal; )+) => {
        /// A user intent.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Action {
            $( #[doc = $doc] $variant, )+
        }

        impl Action {
            /// All of them, in the order of the help screen.
            pub const ALL: &'static [Self] = &[ $( Self::$variant, )+ ];

            /// `noun.verb`.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $( Self::$variant => $name, )+ }
            }

            /// One line that says what it does.
            #[must_use]
            pub fn doc(self) -> &'static str {
                match self { $( Self::$variant => $doc, )+ }
            }

            /// The contexts it applies in, each with all that lie within it.
            #[must_use]
            pub fn contexts(self) -> &'static [Context] {
                match self { $( Self::$variant => &[ $( Context::$context, )+ ], )+ }
            }
        }
    };
}

actions! {
    // The program.
    Help "app.help" [Global] "Show the keys and commands that apply here";
    Palette "app.palette" [Global] "Type the name of a command";
    Back "app.back" [Global] "Close what is on top and go back one screen";
    Quit "app.quit" [Global] "Leave the program; mail in the outbox stays there and is sent at the next start";
    Suspend "app.suspend" [Global] "Suspend the program and return to the shell";
    Redraw "app.redraw" [Global] "Clear the screen and draw it again";
    Lock "app.lock" [Global] "Lock: forget keys and texts until the passphrase is typed";
    DismissNotice "app.dismiss-notice" [Global] "Clear the message line";

    // Places to go.
    GoCases "go.cases" [Global] "Go to the list of cases";
    GoUnfiled "go.unfiled" [Global] "Go to the threads that are in no case";
    GoAll "go.all" [Global] "Go to all threads";
    GoOutbox "go.outbox" [Global] "Go to the outbox";
    GoDrafts "go.drafts" [Global] "Go to the drafts that are kept";
    GoConnections "go.connections" [Global] "Go to the connections and what waits";
    GoKeys "go.keys" [Global] "Go to the keys: whose they are, what was decided, your own";
    GoChanges "go.changes" [Global] "Go to what the servers were not told yet";
    GoInbox "go.inbox" [Global] "Go to the threads of the inbox";
    GoMailbox "go.mailbox" [Global] "Go to the threads of a mailbox, Trash and Junk among them";

    // Cases.
    CaseFind "case.find" [Global] "Find a case by its name, a number or a party";

    CaseNew "case.new" [Global] "Open a new case in the register";
    CaseShow "case.show" [Cases, Threads, Thread, Message, Awaiting, Documents, Pleas, Plea] "Show everything that is known of the case";
    CaseChronology "case.chronology" [Cases, Threads, Thread, Message, Case, Awaiting, Documents, Pleas, Plea] "Show what happened in the case, in order";
    CaseDocuments "case.documents" [Cases, Threads, Thread, Message, Case, Awaiting] "List the documents of the case, or of the open message";
    MailExport "mail.export" [Cases, Threads, Thread, Message, Case, Documents] "Write what is here to files, with an index and a signed list: the case, the thread, what is marked";
    MailBundle "mail.bundle" [Cases, Threads, Thread, Message, Case, Documents] "Make one PDF of what is here, with a cover and bookmarks: the case, the thread, what is marked";
    ExportVerify "export.verify" [Global] "Prove that nothing of an export was changed, added or taken away";
    MailExportStop "mail.export-stop" [Global] "Stop the export that is at work; the same again goes on from there";
    CaseFile "case.file" [Thread, Message] "File the thread, or the marked messages, to a case";
    CaseAwait "case.await" [Thread, Message] "Note that an answer to the message is waited for";
    CaseMail "case.mail" [Case] "Show the threads of the case";
    CaseEdit "case.edit" [Case] "Change the row";
    CaseAdd "case.add" [Case] "Add a number, an accused, a charge, a party, a hearing or a note: what the row is one of";
    CaseRemove "case.remove" [Case] "Take the row out of the case, after asking";
    CaseNote "case.note" [Case] "Write a note into the case";
    CaseState "case.state" [Case] "Close the case, reopen it, put it on hold or release it";

    // What is to be filed.
    GoTriage "go.triage" [Global] "Go to what is in no case, or could be in several";
    CaseRefile "case.refile" [Global] "See what changed filing rules would move, and file by them";
    TriageAccept "triage.accept" [Triage] "File the row, or the marked rows, as suggested";
    TriageAcceptAll "triage.accept-all" [Triage] "File every row that has one sure suggestion, after asking";
    TriageAcceptAlike "triage.accept-alike" [Triage] "File all rows alike: those with the same suggestion; where there is none, those of the same sender";
    TriageUndo "triage.undo" [Triage] "Take back what was filed last in this list: its rows come back";
    TriagePick "triage.pick" [Triage] "File the row, or the marked rows, to a case that you pick";
    TriageShare "triage.share" [Triage] "File the row to all cases that are suggested";
    TriageNewCase "triage.new-case" [Triage] "Open a new case for the row, or the marked rows";
    TriageNotACase "triage.not-a-case" [Triage] "Keep the row, or the marked rows, out of all cases";
    TriageRead "triage.read" [Triage] "Read the row's thread before deciding";
    TriageMarkSender "triage.mark-sender" [Triage] "Mark every row of the same sender, or take these marks off";

    // Answers that are waited for.
    GoAwaiting "go.awaiting" [Global] "Go to the answers that are waited for";
    AwaitingChase "awaiting.chase" [Awaiting] "Write a message that asks for the answer again";
    AwaitingAnswered "awaiting.answered" [Awaiting] "Say that the answer has come";

    // Plea negotiations.
    GoPleas "go.pleas" [Global] "Go to the plea negotiations: where each stands, and whose turn it is";
    PleaShow "plea.show" [Cases, Threads, Thread, Message, Case, Awaiting] "Show the plea negotiation of the case, or begin one";
    PleaSort "plea.sort" [Pleas] "Sort by urgency, case, state or hearing";
    PleaFilter "plea.filter" [Pleas] "Show those that go on, your turn, their turn, or all";
    PleaOffer "plea.offer" [Plea] "Offer terms; on a message: it is an offer";
    PleaCounter "plea.counter" [Plea] "Answer with other terms; on a message: it is a counter";
    PleaAccept "plea.accept" [Plea] "Accept the terms that stand; on a message: it accepts";
    PleaAcceptSubject "plea.accept-subject" [Plea] "Accept under a condition; on a message: it accepts so";
    PleaReject "plea.reject" [Plea] "Refuse the terms; on a message: it refuses";
    PleaWithdraw "plea.withdraw" [Plea] "Take an offer back, or depart from an agreement; on a message: it does";
    PleaQuery "plea.query" [Plea] "Ask the other side something; on a message: it asks";
    PleaReply "plea.reply" [Plea] "Answer what was asked; on a message: it answers";
    PleaChase "plea.chase" [Plea] "Remind the other side";
    PleaExtend "plea.extend" [Plea] "Leave your offer open for longer; on a message: they do";
    PleaTender "plea.tender" [Plea] "Say at which hearing the plea will be tendered";
    PleaRecord "plea.record" [Plea] "Record what became of it in court";
    PleaWrite "plea.write" [Plea] "Write the page to hand up, or the chronology, to a file";
    PleaNote "plea.note" [Plea] "Write a note that is never sent";
    PleaChoose "plea.choose" [Plea] "Say which of two crossed offers stands here";
    PleaAdmit "plea.admit" [Plea] "It is theirs: let the act that waits for a yes count, or the one at the cursor";
    PleaUnmark "plea.unmark" [Plea] "It is not theirs: set the act aside, or take back the mark at the cursor";

    // What you did.
    ChangeUndo "change.undo" [Global] "Take back what you did last: a move, a deletion, a flag";
    ChangeCancel "change.cancel" [Changes] "Take this change back";
    ChangeRetry "change.retry" [Changes] "Tell the server of this change again now, also where it refused";
    ChangeSave "change.save" [Changes] "Save the message of this change to a directory";

    // The connection.
    SyncNow "sync.now" [Global] "Ask the servers for news now";
    SyncOffline "sync.offline" [Global] "Close all connections and work offline";
    SyncOnline "sync.online" [Global] "Connect again";
    SyncToggle "sync.toggle" [Global] "Work offline, or connect again";

    // Lists.
    ListNext "list.next" [List] "Move to the next row";
    ListPrevious "list.previous" [List] "Move to the previous row";
    ListFirst "list.first" [List] "Move to the first row";
    ListLast "list.last" [List] "Move to the last row";
    ListPageDown "list.page-down" [List] "Move down one page";
    ListPageUp "list.page-up" [List] "Move up one page";
    ListHalfDown "list.half-down" [List] "Move down half a page";
    ListHalfUp "list.half-up" [List] "Move up half a page";
    ListNextUnread "list.next-unread" [List] "Move to the next row with something unread";
    ListPreviousUnread "list.previous-unread" [List] "Move to the previous row with something unread";
    ListMark "list.mark" [Threads, Thread, Triage, Documents] "Mark the row for what is done next, or take the mark off";
    ListOpen "list.open" [List] "Open the row";
    ListFilter "list.filter" [List, Help] "Show only rows that hold what is typed";

    // Text that scrolls.
    ViewDown "view.down" [View, Thread] "Scroll down one line";
    ViewUp "view.up" [View, Thread] "Scroll up one line";
    ViewPageDown "view.page-down" [View, Thread] "Scroll down one page";
    ViewPageUp "view.page-up" [View, Thread] "Scroll up one page";
    ViewHalfDown "view.half-down" [View, Thread] "Scroll down half a page";
    ViewHalfUp "view.half-up" [View, Thread] "Scroll up half a page";
    ViewTop "view.top" [View, Thread] "Scroll to the beginning";
    ViewBottom "view.bottom" [View, Thread] "Scroll to the end";

    // Whole threads.
    ThreadToggleSeen "thread.toggle-seen" [Threads, Thread] "Mark the whole thread read, or unread";
    ThreadToggleFlagged "thread.toggle-flagged" [Threads, Thread] "Flag the whole thread, or take the flag off";
    ThreadArchive "thread.archive" [Threads, Thread] "Move what was received of the thread to the archive";
    ThreadMove "thread.move" [Threads, Thread] "Move what was received of the thread to a mailbox";
    ThreadJunk "thread.junk" [Threads, Thread] "Move the thread to junk";
    ThreadDelete "thread.delete" [Threads, Thread] "Delete the thread: it goes to Trash, or is marked deleted where there is none";
    ThreadUndelete "thread.undelete" [Threads, Thread] "Take the last deletion back, or the thread out of Trash or Junk";
    ThreadExpunge "thread.expunge" [Threads] "Remove the thread for ever, after asking";

    // One message: the one at the cursor, or the open one; in a list of threads, the newest of the thread.
    MessageReply "message.reply" [Threads, Thread, Message] "Answer the author";
    MessageReplyAll "message.reply-all" [Threads, Thread, Message] "Answer the author and all recipients";
    MessageForward "message.forward" [Threads, Thread, Message] "Forward the message";
    MessageToggleSeen "message.toggle-seen" [Thread, Message] "Mark the message read, or unread";
    MessageToggleFlagged "message.toggle-flagged" [Thread, Message] "Flag the message, or take the flag off";
    MessageArchive "message.archive" [Thread, Message] "Move the message to the archive";
    MessageMove "message.move" [Thread, Message] "Move the message to a mailbox";
    MessageJunk "message.junk" [Thread, Message] "Move the message to junk";
    MessageDelete "message.delete" [Thread, Message] "Delete the message: it goes to Trash, or is marked deleted where there is none";
    MessageUndelete "message.undelete" [Thread, Message] "Take the last deletion back, or the message out of Trash or Junk";
    MessageExpunge "message.expunge" [Thread, Message] "Remove the message for ever, after asking";
    MessageNext "message.next" [Message] "Show the next message of the thread";
    MessagePrevious "message.previous" [Message] "Show the previous message of the thread";
    MessageNextUnread "message.next-unread" [Message] "Show the next unread message of the thread";
    MessageToggleHeaders "message.toggle-headers" [Thread, Message] "Show all headers, or the usual ones";
    MessageToggleRaw "message.toggle-raw" [Thread, Message] "Show the message as it was transmitted, or as text";
    MessageToggleQuotes "message.toggle-quotes" [Thread, Message] "Hide quoted text, or show it";
    MessageToggleDetails "message.toggle-details" [Thread, Message] "Show what OpenPGP says in full, or in one line";
    AttachmentNext "attachment.next" [Thread, Message] "Move to the next attachment";
    AttachmentPrevious "attachment.previous" [Thread, Message] "Move to the previous attachment";
    AttachmentSave "attachment.save" [Thread, Message] "Save the attachment to a directory";
    AttachmentDecrypt "attachment.decrypt" [Thread, Message] "Decrypt an encrypted attachment and save what is in it";

    // Writing.
    Compose "mail.compose" [Global] "Write a new message";
    Template "mail.template" [Global] "Write from a template, filled from the case: a request, a chase, a change of agent";
    Resume "mail.resume" [Global] "Go on with the draft that was kept, or choose among several";
    ComposerNextField "composer.next-field" [Composer] "Go to the next field, or into the text";
    ComposerPreviousField "composer.previous-field" [Composer] "Go to the previous field";
    ComposerComplete "composer.complete" [Composer] "Complete the address from those known";
    ComposerEdit "composer.edit" [Composer] "Edit the text in $VISUAL or $EDITOR";
    ComposerAttach "composer.attach" [Composer] "Attach a file";
    ComposerAttachDocument "composer.attach-document" [Composer] "Attach documents of the case: mark them in its list";
    ComposerDetach "composer.detach" [Composer] "Take the marked attachment off again, or the last";
    ComposerFileUp "composer.attachment-up" [Composer] "Move the marked attachment up";
    ComposerFileDown "composer.attachment-down" [Composer] "Move the marked attachment down";
    ComposerFileName "composer.attachment-name" [Composer] "Give the marked attachment another name";
    ComposerSplit "composer.split" [Composer, Review] "Send it as several numbered messages where it is too large for one, or not";
    ComposerAttachKey "composer.attach-key" [Composer] "Attach your OpenPGP certificate, so that others can write to you encrypted";
    ComposerProtection "composer.protection" [Composer, Review] "Change what is asked of OpenPGP: settings, both, encrypt only, sign only, none";
    ComposerSender "composer.sender" [Composer] "Write from the next of your accounts";
    ComposerReview "composer.review" [Composer] "Build the message and review it before it is sent";
    ComposerKeep "composer.keep" [Composer] "Keep the draft and close the composer";
    ComposerDiscard "composer.discard" [Composer] "Throw the draft away";
    ReviewSend "review.send" [Review] "Send the message as reviewed";
    ReviewDisclose "review.disclose" [Review] "Let somebody have what came encrypted to others, by typing their address";
    ReviewEdit "review.edit" [Review] "Go back to the composer";

    // Typing into a field.
    TextLeft "text.left" [Composer, Prompt] "Move left one character";
    TextRight "text.right" [Composer, Prompt] "Move right one character";
    TextUp "text.up" [Composer] "Move up one line";
    TextDown "text.down" [Composer] "Move down one line";
    TextWordLeft "text.word-left" [Composer, Prompt] "Move left one word";
    TextWordRight "text.word-right" [Composer, Prompt] "Move right one word";
    TextLineStart "text.line-start" [Composer, Prompt] "Move to the start of the line";
    TextLineEnd "text.line-end" [Composer, Prompt] "Move to the end of the line";
    TextStart "text.start" [Composer] "Move to the start of the text";
    TextEnd "text.end" [Composer] "Move to the end of the text";
    TextPageDown "text.page-down" [Composer] "Move down one page";
    TextPageUp "text.page-up" [Composer] "Move up one page";
    TextNewLine "text.new-line" [Composer] "Break the line";
    TextDeleteLeft "text.delete-left" [Composer, Prompt] "Delete the character before the cursor";
    TextDeleteRight "text.delete-right" [Composer, Prompt] "Delete the character at the cursor";
    TextDeleteWord "text.delete-word" [Composer, Prompt] "Delete the word before the cursor";
    TextDeleteToStart "text.delete-to-start" [Composer, Prompt] "Delete from the start of the line to the cursor";
    TextDeleteToEnd "text.delete-to-end" [Composer, Prompt] "Delete from the cursor to the end of the line";
    TextUndo "text.undo" [Composer] "Undo the last change of the text";
    TextRedo "text.redo" [Composer] "Redo what was undone";

    // Questions.
    PromptAccept "prompt.accept" [Prompt] "Take what was typed";
    PromptCancel "prompt.cancel" [Prompt] "Cancel";
    PromptComplete "prompt.complete" [Prompt] "Complete what was typed";
    PromptNext "prompt.next" [Prompt] "Next suggestion";
    PromptPrevious "prompt.previous" [Prompt] "Previous suggestion";
    FormTake "form.take" [Prompt] "Take the whole form as it stands";
    ConfirmYes "confirm.yes" [Confirm] "Yes";
    ConfirmNo "confirm.no" [Confirm] "No";

    // The outbox.
    OutboxRetry "outbox.retry" [Outbox] "Try to send the row again now; look again for one that is uncertain";
    OutboxCancel "outbox.cancel" [Outbox] "Take the message back before it is sent; it is kept as a draft";
    OutboxArrived "outbox.arrived" [Outbox] "Say that an uncertain row was sent";
    OutboxSendAgain "outbox.send-again" [Outbox] "Send an uncertain row again, though it may arrive twice";

    // Documents.
    DocumentLook "document.look" [Documents] "Look into the document, in a sandbox without network or files";
    DocumentMarkAll "document.mark-all" [Documents] "Mark every row that the filter lets through, or take these marks off";
    DocumentSort "document.sort" [Documents] "Sort by the next: latest, earliest, kind, name, size, author, not read, not written out";
    DocumentSave "document.save" [Documents, Look] "Save the document to a directory";
    DocumentOutside "document.outside" [Documents, Look] "Open the document in an outside program, after a warning";
    DocumentAttach "document.attach" [Documents, Look] "Attach the document, or the marked ones, to the message being written, or to a new one";
    DocumentQuarantine "document.quarantine" [Documents, Look] "Put out of reach what is marked or may not be meant for you; in a list without either: back";
    DocumentRelease "document.release" [Documents, Look] "Take the document back within reach, with a reason";
    DocumentHearing "document.hearing" [Look] "Write the hearing of the invitation into the case";
    AttachmentLook "attachment.look" [Thread, Message] "Look into the attachment, in a sandbox without network or files";
    AttachmentQuarantine "attachment.quarantine" [Thread, Message] "Put what may not be meant for you out of reach, in the open message";

    // The drafts.
    DraftDiscard "draft.discard" [Drafts] "Throw the draft away";

    // The keys.
    KeyVerify "key.verify" [Keys, Assistant] "Accept the key, its fingerprint compared with its owner";
    KeyAccept "key.accept" [Keys, Assistant] "Accept the key though its fingerprint was not compared";
    KeyReject "key.reject" [Keys] "Never use the key";
    KeyUndecide "key.undecide" [Keys, Assistant] "Take back what was decided about the key";
    KeyForget "key.forget" [Keys] "Forget the key of somebody else";
    KeyImport "key.import" [Keys] "Take in keys from a file; pasted ones are taken in too";
    KeyExport "key.export" [Keys] "Write the certificate to a directory";
    KeySend "key.send" [Keys] "Write a message with your certificate attached";
    KeyGenerate "key.generate" [Keys] "Make a key of your own";
    KeyExtend "key.extend" [Keys] "Let your key last three years from today";
    KeyRotate "key.rotate" [Keys] "Make a new key that the old one vouches for";
    KeyRevoke "key.revoke" [Keys] "Revoke your key for good";
    KeyBackup "key.backup" [Keys] "Write your key as a sheet for paper, locked with a passphrase";
    KeyUnlock "key.unlock" [Keys] "Open your key that has a passphrase of its own";
    KeyKeep "key.keep" [Keys] "Open it, and keep its passphrase: from then on one passphrase opens the profile and the key";
    KeyAssist "key.assist" [Composer, Review] "Show why the message cannot be encrypted to somebody, and what to do";
    KeyTake "key.take" [Assistant] "Take in the key that a message brings";
    KeyLookup "key.lookup" [Assistant] "Look the key up at the host of the address, after asking";
    KeyAsk "key.ask" [Assistant] "Ask for a key by mail";

    // The connections.
    ConnectionRetry "connection.retry" [Connections] "Try the account again now";
    ConnectionToggle "connection.toggle" [Connections] "Take the account offline, or connect it again";
}

impl Action {
    /// The action of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|action| action.name() == name)
    }

    /// Whether it does anything in a context.
    #[must_use]
    pub fn applies_in(self, context: Context) -> bool {
        context.chain().any(|context| self.contexts().contains(&context))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Action, Context};

    #[test]
    fn names_are_noun_verb_unique_and_found_again() {
        let mut seen = BTreeSet::new();
        for action in Action::ALL {
            let name = action.name();
            assert!(seen.insert(name), "{name} is there twice");
            let (noun, verb) = name.split_once('.').unwrap();
            let word = |w: &str| !w.is_empty() && w.chars().all(|c| c.is_ascii_lowercase() || c == '-');
            assert!(word(noun) && word(verb), "{name}");
            assert_eq!(Action::from_name(name), Some(*action));
        }
        assert_eq!(Action::from_name("thread.repyl"), None);
    }

    #[test]
    fn docs_are_one_sentence_without_a_full_stop() {
        for action in Action::ALL {
            let doc = action.doc();
            assert!(doc.starts_with(char::is_uppercase) && !doc.ends_with('.') && !doc.contains('\n'), "{doc}");
            assert!(doc.len() <= 100, "{doc}");
        }
    }

    #[test]
    fn an_action_applies_in_every_context_within_its_own() {
        assert!(Action::ListNext.applies_in(Context::Cases));
        assert!(Action::Help.applies_in(Context::Message));
        assert!(!Action::ReviewSend.applies_in(Context::Composer));
        assert!(!Action::ListNext.applies_in(Context::Prompt));
    }
}
