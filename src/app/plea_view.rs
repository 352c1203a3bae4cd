//! What the screens about plea negotiations show, and what a user wants of one.

use std::sync::Arc;

use jiff::Timestamp;

use crate::app::view::Tone;
use crate::case::{Case, HearingId, MessageName};
use crate::mail::draft::Attachment;
use crate::mail::id::{CaseId, MessageRef, ThreadId};
use crate::mail::safe::SafeText;
use crate::plea::compose::{Actor, Claim, Proposal};
use crate::plea::mark::Meaning;
use crate::plea::record::Paper;
use crate::plea::{ActNo, Entry, Kind, NegotiationId, Outcome, Side, View};

/// A message of the other side that no act is known of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loose {
    /// Which.
    pub message: MessageRef,
    /// Its thread, where it is in one.
    pub thread: Option<ThreadId>,
    /// Its author.
    pub from: SafeText,
    /// Its subject.
    pub subject: SafeText,
    /// The first words of it.
    pub words: SafeText,
    /// When it came.
    pub at: Timestamp,
    /// A block stands in it that cannot be read: why.
    pub damage: Option<SafeText>,
}

/// How the message of an own act stands that no server has, or may not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transit {
    /// Which act.
    pub act: ActNo,
    /// The state of its row in the outbox, by its name.
    pub state: &'static str,
    /// In words.
    pub words: SafeText,
    /// How loud.
    pub tone: Tone,
}

/// How a file that terms name was found in the message that carries them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileFound {
    /// It is attached.
    Fits,
    /// Another file is attached under its name.
    Differs,
    /// It is not attached.
    Missing,
    /// The message is not here, or is shut.
    NotHere,
    /// It is not attached to a letter that a user marked: who marked it said which file is meant.
    Named,
}

impl FileFound {
    /// The name that scripts read.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fits => "fits",
            Self::Differs => "differs",
            Self::Missing => "missing",
            Self::NotHere => "not-here",
            Self::Named => "named",
        }
    }

    /// Whether it is known which file is meant, and that it is that one.
    #[must_use]
    pub const fn is_known(self) -> bool {
        matches!(self, Self::Fits | Self::Named)
    }
}

/// A file that the terms of an act name by its digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileCheck {
    /// Which act.
    pub act: ActNo,
    /// Its name.
    pub name: SafeText,
    /// Its SHA-256, in hexadecimal digits.
    pub sha256: String,
    /// Whether it is there.
    pub found: FileFound,
}

impl FileCheck {
    /// In words.
    #[must_use]
    pub fn words(&self) -> String {
        let what = match self.found {
            FileFound::Fits => "is attached, and its digest is the one in the terms",
            FileFound::Differs => "is not what the terms name: another file is attached under its name",
            FileFound::Missing => "is named in the terms, and not attached",
            FileFound::Named => "was named by whoever marked the letter, and does not come with it",
            FileFound::NotHere => "cannot be looked at: the message that carries it is not here, or shut",
        };
        format!("The file “{}” {what}.", self.name)
    }

    /// How loud.
    #[must_use]
    pub const fn tone(&self) -> Tone {
        match self.found {
            FileFound::Fits => Tone::Good,
            FileFound::Named => Tone::Plain,
            FileFound::NotHere => Tone::Warning,
            FileFound::Differs | FileFound::Missing => Tone::Alarm,
        }
    }
}

/// A negotiation, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NegotiationView {
    /// The case.
    pub case: Case,
    /// Where it stands.
    pub view: View,
    /// What was entered here only: refused sendings, lapses, choices, records, notes.
    pub local: Vec<Entry>,
    /// As whom one acts; or why that is not known.
    pub actor: Result<Actor, SafeText>,
    /// What may be done now, and why the rest may not.
    pub possible: Vec<(Kind, Result<(), SafeText>)>,
    /// Messages of the other side without an act, the newest first.
    pub loose: Vec<Loose>,
    /// The messages of acts with their threads, where they are here.
    pub threads: Vec<(MessageName, ThreadId, MessageRef)>,
    /// Messages of own acts that no server has, or may not have.
    pub transits: Vec<Transit>,
    /// The files that terms name, as they were found.
    pub files: Vec<FileCheck>,
    /// Whom an act would go to.
    pub to: Option<SafeText>,
    /// What is known about credit for a plea, each with the day from which it holds in this case: information only; empty in Scotland.
    pub credit: Vec<(SafeText, SafeText)>,
}

impl NegotiationView {
    /// Whether something may be done now.
    ///
    /// # Errors
    /// Why not, in a sentence.
    pub fn may(&self, kind: Kind) -> Result<(), SafeText> {
        let found = self.possible.iter().find(|(one, _)| *one == kind);
        found.map_or_else(|| Err(SafeText::from("That is nothing a person does.")), |(_, answer)| answer.clone())
    }

    /// On which side one is.
    #[must_use]
    pub const fn us(&self) -> Side {
        self.view.setting.us
    }
}

/// Something that is to be sent.
#[derive(Clone, Debug)]
pub struct Wish {
    /// In which case.
    pub case: CaseId,
    /// In which negotiation.
    pub id: NegotiationId,
    /// What.
    pub proposal: Proposal,
    /// By what authority, with the evidence.
    pub claim: Option<Claim>,
    /// About which offer, where two crossed.
    pub about: Option<ActNo>,
    /// What stands below the block.
    pub text: String,
    /// Files that go with it.
    pub files: Vec<Attachment>,
}

/// Free text of a message that is to be taken for an act.
#[derive(Clone, Debug)]
pub struct MarkWish {
    /// In which case.
    pub case: CaseId,
    /// In which negotiation.
    pub id: NegotiationId,
    /// The message.
    pub message: MessageRef,
    /// What it says.
    pub meaning: Meaning,
    /// About which offer.
    pub about: Option<ActNo>,
}

/// Which act is meant: several messages may say that they are the same one, and only one of them may be true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meant {
    /// Its number.
    pub no: ActNo,
    /// The message that carries it; `None`: there is one only.
    pub message: Option<Carrier>,
}

/// The message that carries an act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// This one.
    Exactly(MessageName),
    /// As somebody names it: its Message-ID, or the first digits (eight at least) of the SHA-256 of the raw message.
    Named(String),
}

impl Meant {
    /// That one, and no other under its number.
    #[must_use]
    pub fn of(heard: &crate::plea::Heard) -> Self {
        Self { no: heard.act.no, message: Some(Carrier::Exactly(heard.message.clone())) }
    }

    /// Whether it is carried by this message.
    #[must_use]
    pub fn is_in(&self, message: &MessageName) -> bool {
        match &self.message {
            None => true,
            Some(Carrier::Exactly(wanted)) => wanted == message,
            Some(Carrier::Named(wanted)) => {
                let digits = wanted.len() >= 8 && hex::encode(message.digest).starts_with(&wanted.to_ascii_lowercase());
                digits || message.message_id == wanted.trim_start_matches('<').trim_end_matches('>')
            }
        }
    }
}

/// Something that is entered here and never sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Local {
    /// What became of it in court.
    Record {
        /// What.
        outcome: Outcome,
        /// At which hearing.
        hearing: Option<HearingId>,
        /// From whom it is known.
        source: String,
    },
    /// Which of several offers stands here.
    Choose(ActNo),
    /// A paper is written to this file.
    Write(Paper, String),
    /// A note.
    Note(String),
    /// An act counts in spite of what was found about it. Where nothing was found but that nothing proves whose it is, no reason is needed.
    Admit(Meant, String),
    /// A mark, or an act that was let in, is taken back; an act that waits for a yes is set aside.
    Unmark(Meant, String),
    /// An act could not be sent.
    Refused(Kind, Vec<String>),
}

/// Rows of the board.
pub type Rows = Arc<[crate::plea::board::Row]>;
