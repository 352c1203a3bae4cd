//! An act with what is known about how it got here: whose it is, how sure that is, and what a user has said of it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::act::Act;
use super::trust::Finding;
use crate::case::{MessageName, PartyId, Role};

/// How sure it is that an act is by whom it says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Trust {
    /// It was sent from here.
    Own,
    /// Signed with a certificate that is known to be the party's.
    Signed {
        /// Its fingerprint.
        certificate: String,
    },
    /// Only the address says so.
    Claimed,
    /// A user took free text for it.
    Marked {
        /// Who.
        by: String,
    },
}

impl Trust {
    /// In words, for the line beside an act.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Own => "sent from here".to_owned(),
            Self::Signed { .. } => "signed".to_owned(),
            Self::Claimed => "claimed by the address".to_owned(),
            Self::Marked { by } => format!("free text, marked by {by}"),
        }
    }

    /// The name that scripts read.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Signed { .. } => "signed",
            Self::Claimed => "claimed",
            Self::Marked { .. } => "marked",
        }
    }
}

/// What a user has said last of an act that does not count by itself, and who.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Word {
    /// Nothing.
    #[default]
    None,
    /// That it is not theirs.
    NotTheirs,
    /// That it is theirs, and no more: a plain yes.
    Theirs(String),
    /// That it counts in spite of what was found, with a reason.
    Despite(String),
}

impl Word {
    /// Who lets it count.
    #[must_use]
    pub fn admitted_by(&self) -> Option<&str> {
        match self {
            Self::None | Self::NotTheirs => None,
            Self::Theirs(by) | Self::Despite(by) => Some(by),
        }
    }

    /// Whether it counts in spite of what else speaks against it.
    #[must_use]
    pub const fn is_despite(&self) -> bool {
        matches!(self, Self::Despite(_))
    }
}

/// Who said it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Speaker {
    /// The address as written; of an own act, empty.
    pub address: String,
    /// The party's name; else the address.
    pub name: String,
    /// The party's role in the case.
    pub role: Option<Role>,
    /// The party.
    pub party: Option<PartyId>,
}

/// An act with what is known about how it got here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// The act.
    pub act: Act,
    /// The message that carried it.
    pub message: MessageName,
    /// When it came, or was sent.
    pub came: Timestamp,
    /// Who said it.
    pub speaker: Speaker,
    /// How sure that is.
    pub trust: Trust,
    /// What was found about it; what keeps it from counting is among them.
    pub findings: Vec<Finding>,
    /// What a user has said of it.
    pub word: Word,
}

impl Heard {
    /// Whether nothing that was found about it by itself keeps it from counting.
    #[must_use]
    pub fn counts(&self) -> bool {
        self.stopping().next().is_none()
    }

    /// What keeps it from counting.
    pub fn stopping(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|one| one.stops(&self.word))
    }

    /// What was found, does not keep it from counting, and is worth a word still.
    pub fn told(&self) -> impl Iterator<Item = &Finding> {
        let decided = self.word != Word::None;
        self.findings.iter().filter(move |one| !(one.stops(&self.word) || (decided && one.wants_yes())))
    }

    /// Whether it waits for a yes: nothing speaks against it but that nothing proves whose it is.
    #[must_use]
    pub fn wants_yes(&self) -> bool {
        self.word != Word::NotTheirs && !self.counts() && self.stopping().all(Finding::wants_yes)
    }

    /// How sure it is that it is by whom it says, in words for the line beside it.
    #[must_use]
    pub fn trust_words(&self) -> String {
        match (&self.trust, &self.word) {
            (Trust::Claimed, Word::Theirs(by) | Word::Despite(by)) => {
                format!("{}, let in by {by}", self.trust.words())
            }
            (Trust::Claimed, Word::NotTheirs) => format!("{}, set aside", self.trust.words()),
            (trust, _) => trust.words(),
        }
    }
}
