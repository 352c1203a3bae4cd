//! What the screens about plea negotiations show, and what a user wants of one.

use std::sync::Arc;

use jiff::Timestamp;

use crate::case::{Case, HearingId};
use crate::mail::draft::Attachment;
use crate::mail::id::{CaseId, MessageRef};
use crate::mail::safe::SafeText;
use crate::plea::compose::{Actor, Claim, Proposal};
use crate::plea::mark::Meaning;
use crate::plea::{ActNo, Entry, Kind, NegotiationId, Outcome, Side, View};

/// A message of the other side that no act is known of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loose {
    /// Which.
    pub message: MessageRef,
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
    /// Whom an act would go to.
    pub to: Option<SafeText>,
    /// What is known about credit for a plea: information only; empty in Scotland.
    pub credit: Vec<SafeText>,
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
    /// A note.
    Note(String),
    /// An act counts in spite of what was found about it.
    Admit(ActNo, String),
    /// A mark is taken back.
    Unmark(ActNo, String),
    /// An act could not be sent.
    Refused(Kind, Vec<String>),
}

/// Rows of the board.
pub type Rows = Arc<[crate::plea::board::Row]>;
