//! What lies over a screen: a stack of values. The topmost has the keys.

use std::sync::Arc;

use super::effect::{Deed, KeyDeed, KeySource, Passphrase, Target};
use super::form::Form;
use super::forms::Subject;
use super::line::Line;
use super::screen::attach::Attach;
use super::screen::finder::Finder;
use super::screen::lock::Lock;
use super::screen::offers::{Filling, Offers};
use super::screen::palette::Palette;
use super::screen::picker::Picker;
use super::target::TargetPrompt;
use super::view::{Review, Sentence, Tone};
use crate::case::document::Document;
use crate::mail::id::{CaseId, DraftId, MessageRef, OutboxId};
use crate::mail::safe::SafeText;
use crate::register::CaseChange;

/// What an answer typed into a prompt is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Narrows the list below while one types.
    Filter,
    /// The directory that an attachment (message, part path) is saved to.
    Save(MessageRef, String),
    /// The directory that the message of a change is saved to.
    SaveChange(u64),
    /// The directory that what is in an encrypted attachment (message, part path) is saved to.
    Decrypt(MessageRef, String),
    /// The directory that documents are saved to.
    SaveDocuments(Vec<Document>),
    /// Why documents are put out of reach, or back.
    Quarantine {
        /// The case that they are looked at in.
        case: Option<CaseId>,
        /// Which.
        documents: Vec<Document>,
        /// Back.
        release: bool,
    },
    /// Another name for the attachment at this place.
    AttachmentName(usize),
    /// The address, to be typed once more, that may have what came encrypted to others; in clear, where the second is true.
    Disclose(String, bool),
    /// A fact that a template needs and the case does not know.
    Fact(Box<Filling>),
    /// How the fingerprint of a key was compared.
    KeyVerify(String),
    /// Why a key is rejected.
    KeyReject(String),
    /// The path of a file with keys.
    KeyImport,
    /// The directory that a certificate is written to.
    KeyExport(String),
    /// Why an own key is revoked.
    KeyRevoke(String),
    /// The directory that a backup sheet is written to.
    KeyBackup(String),
}

/// A question that is answered by typing.
#[derive(Clone, Debug)]
pub struct Prompt {
    /// What for.
    pub purpose: Purpose,
    /// The question.
    pub question: SafeText,
    /// The answer so far.
    pub line: Line,
}

/// What a yes does.
#[derive(Clone, Debug)]
pub enum Decision {
    /// Throw away the draft on screen.
    Discard,
    /// Go on with the kept draft.
    Resume,
    /// Do something to messages.
    Do(Box<(Target, Deed)>),
    /// Give up a change whose message is kept nowhere else.
    DropStep(u64),
    /// Write this change of a case into the register.
    ChangeCase(Box<(CaseId, CaseChange)>),
    /// File all rows of the triage list that are sure, as suggested.
    AcceptAll,
    /// File by the filing rules of the configuration.
    Refile,
    /// Throw away a draft that is not on screen; number 0 is the one at hand.
    ForgetDraft(DraftId),
    /// Send what is reviewed, though the guard asks.
    Send,
    /// Do without the attachments of the message that is passed on.
    SendWithout,
    /// End, though something has not left.
    Leave,
    /// End, though something is not kept.
    LeaveUnkept,
    /// Send an uncertain row again, though it may have arrived.
    SendAgain(OutboxId),
    /// Count an uncertain row as sent.
    Arrived(OutboxId),
    /// Take an uncertain row back as a draft, though it may have arrived.
    GiveUp(OutboxId),
    /// Open a document in an outside program.
    Outside(Box<Document>),
    /// Do something with keys.
    Key(Box<KeyDeed>),
}

/// A question that is answered by yes or no.
#[derive(Clone, Debug)]
pub struct Ask {
    /// The question.
    pub question: SafeText,
    /// What a yes does.
    pub decision: Decision,
}

/// The guard has stopped a message: nothing happens unless a reason is typed.
#[derive(Clone, Debug)]
pub struct Stop {
    /// What is stopped.
    pub review: Arc<Review>,
    /// The reason so far.
    pub line: Line,
    /// What is wrong with the reason, once it was given.
    pub wrong: SafeText,
}

impl Stop {
    /// A message that was stopped.
    #[must_use]
    pub fn new(review: Arc<Review>) -> Self {
        Self { review, line: Line::default(), wrong: SafeText::default() }
    }

    /// What stands against it.
    pub fn against(&self) -> impl Iterator<Item = &Sentence> {
        self.review.findings.iter().filter(|sentence| sentence.tone == Tone::Alarm)
    }
}

/// What a passphrase that is typed is for.
#[derive(Clone, Debug)]
pub enum SecretUse {
    /// To open an own key.
    Unlock {
        /// Which.
        fingerprint: String,
        /// The passphrase is kept with the profile.
        keep: bool,
    },
    /// To lock a backup sheet; it is typed twice.
    Backup {
        /// Of which key.
        fingerprint: String,
        /// Where the sheet goes.
        directory: String,
    },
    /// To open a key that is taken in.
    Import(KeySource),
    /// To log in to the server of this account.
    Account(String),
}

/// A passphrase being typed; it is not shown.
#[derive(Debug)]
pub struct Secret {
    /// The question.
    pub question: SafeText,
    /// What was typed.
    pub entry: Lock,
    /// What was typed the first time, of two.
    pub first: Option<Passphrase>,
    /// What for.
    pub then: SecretUse,
}

/// Something over a screen.
#[derive(Debug)]
pub enum Popup {
    /// A question that is answered by typing.
    Prompt(Prompt),
    /// Actions by name.
    Palette(Palette),
    /// A mailbox to choose.
    Picker(Picker),
    /// A case to choose.
    Finder(Finder),
    /// A form about a case.
    Form(Box<Form<Subject>>),
    /// A question that is answered by yes or no.
    Ask(Ask),
    /// A message that the guard has stopped.
    Stop(Stop),
    /// Templates to choose from.
    Offers(Offers),
    /// The path of a file to send along.
    Attach(Attach),
    /// A passphrase.
    Secret(Secret),
    /// Where an export goes.
    Target(Box<TargetPrompt>),
    /// How far an export is.
    Exporting,
}
