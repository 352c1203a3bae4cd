//! What the register keeps of a negotiation: acts as they were sent and came, marks by a user, facts of this place.
//!
//! An entry is written as the `act` of the register's plea event by [`Entry::to_json`] and read back by [`Entry::from_json`].

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::act::{Act, Kind};
use super::number::{ActNo, NegotiationId};
use super::record::Paper;
use super::terms::TermsHash;
use super::trust::Signature;
use crate::case::{HearingId, MessageName};

/// The evidence for an authority: it is privileged, and stays at home.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// In words: `by telephone 9 May, attendance note`.
    pub words: String,
    /// The message that shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<MessageName>,
}

impl Evidence {
    /// Whether it says anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.trim().is_empty() && self.message.is_none()
    }
}

/// What became of it in court.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Outcome {
    /// The plea was recorded as agreed.
    AsAgreed,
    /// Another plea was recorded: what differed, by charge.
    Different {
        /// Charge, what differed.
        charges: Vec<(u16, String)>,
    },
    /// The plea was not tendered.
    NotTendered {
        /// Why; may be empty.
        because: String,
    },
    /// The court did not adopt the basis.
    BasisDeclined {
        /// More of it; may be empty.
        because: String,
    },
    /// The court ordered a hearing of the facts (R v Newton; proof in mitigation).
    FactsHearing {
        /// More of it; may be empty.
        because: String,
    },
    /// No plea was agreed: the trial began, or the case was closed.
    NoPlea {
        /// Why.
        because: String,
    },
}

impl Outcome {
    /// The name that scripts read.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::AsAgreed => "as-agreed",
            Self::Different { .. } => "different",
            Self::NotTendered { .. } => "not-tendered",
            Self::BasisDeclined { .. } => "basis-declined",
            Self::FactsHearing { .. } => "facts-hearing",
            Self::NoPlea { .. } => "no-plea",
        }
    }

    /// In words.
    #[must_use]
    pub fn words(&self) -> String {
        let with = |what: &str, because: &str| {
            if because.trim().is_empty() { what.to_owned() } else { format!("{what}: {}", because.trim()) }
        };
        match self {
            Self::AsAgreed => "the plea was recorded as agreed".to_owned(),
            Self::Different { charges } => {
                let differed: Vec<String> =
                    charges.iter().map(|(charge, what)| format!("charge {charge}: {what}")).collect();
                with("another plea was recorded", &differed.join("; "))
            }
            Self::NotTendered { because } => with("the plea was not tendered", because),
            Self::BasisDeclined { because } => with("the court did not adopt the basis", because),
            Self::FactsHearing { because } => with("the court ordered a hearing of the facts", because),
            Self::NoPlea { because } => with("closed without a plea", because),
        }
    }
}

/// Something that the register keeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "entry", deny_unknown_fields)]
pub enum Entry {
    /// An own act was sent.
    Sent {
        /// The act.
        act: Act,
        /// The message that carried it.
        message: MessageName,
        /// When.
        at: Timestamp,
        /// Who sent it.
        by: String,
        /// The evidence for its authority.
        #[serde(default, skip_serializing_if = "Evidence::is_empty")]
        evidence: Evidence,
    },
    /// An act came, whoever it was from; what it counts for is weighed anew each time.
    Came {
        /// The act.
        act: Act,
        /// The message that carried it.
        message: MessageName,
        /// When it came.
        at: Timestamp,
        /// The address that it says it is from.
        from: String,
        /// What its Date field says.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        date: Option<Timestamp>,
        /// Its signature.
        signature: Signature,
    },
    /// A user says that free text of the other side (or of an own message) is an act.
    Mark {
        /// The act, as the user puts it.
        act: Act,
        /// The message that it stands in.
        message: MessageName,
        /// When the message came, or was sent.
        came: Timestamp,
        /// The address that the message says it is from.
        from: String,
        /// Who marked it.
        by: String,
        /// When.
        at: Timestamp,
    },
    /// A mark, or an act that was let in by hand, is taken back.
    Unmark {
        /// The message.
        message: MessageName,
        /// Why.
        because: String,
        /// Who.
        by: String,
        /// When.
        at: Timestamp,
    },
    /// A user lets an act count in spite of what was found about it, where that may be.
    Admit {
        /// In which negotiation.
        id: NegotiationId,
        /// The message.
        message: MessageName,
        /// Why.
        because: String,
        /// Who.
        by: String,
        /// When.
        at: Timestamp,
    },
    /// An own act was not sent: what stood against it.
    Refused {
        /// In which negotiation.
        id: NegotiationId,
        /// What it would have been.
        kind: Kind,
        /// The sentences.
        because: Vec<String>,
        /// Who wanted it.
        by: String,
        /// When.
        at: Timestamp,
    },
    /// It was noticed that an offer has lapsed: a fact of this place.
    Expire {
        /// In which negotiation.
        id: NegotiationId,
        /// Which offer.
        offer: ActNo,
        /// Until when it was open.
        reply_by: Timestamp,
        /// When it was noticed.
        at: Timestamp,
    },
    /// A user says which of several offers is looked upon as the standing one here.
    Choose {
        /// In which negotiation.
        id: NegotiationId,
        /// The offer.
        offer: ActNo,
        /// The digest of its terms.
        hash: TermsHash,
        /// Who.
        by: String,
        /// When.
        at: Timestamp,
    },
    /// What became of it in court.
    Record {
        /// In which negotiation.
        id: NegotiationId,
        /// What.
        outcome: Outcome,
        /// At which hearing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        hearing: Option<HearingId>,
        /// From whom it is known.
        source: String,
        /// Who recorded it.
        by: String,
        /// When.
        at: Timestamp,
    },
    /// The message of an own act reached nobody of the other side, and no server tries it any more: the act was not done.
    Undelivered {
        /// In which negotiation.
        id: NegotiationId,
        /// Which act.
        act: ActNo,
        /// The message that carried it.
        message: MessageName,
        /// What the server said.
        because: String,
        /// When that was noticed.
        at: Timestamp,
    },
    /// A message that was not delivered is sent once more: the act is done again.
    Resent {
        /// In which negotiation.
        id: NegotiationId,
        /// Which act.
        act: ActNo,
        /// The message that carries it.
        message: MessageName,
        /// Who.
        by: String,
        /// When.
        at: Timestamp,
    },
    /// A paper about the negotiation was written to a file.
    Written {
        /// In which negotiation.
        id: NegotiationId,
        /// Which.
        paper: Paper,
        /// Where to.
        path: String,
        /// SHA-256 of the file, in hexadecimal digits.
        sha256: String,
        /// Who.
        by: String,
        /// When.
        at: Timestamp,
    },
    /// A private note; never sent.
    Note {
        /// In which negotiation.
        id: NegotiationId,
        /// Its text.
        text: String,
        /// By whom.
        by: String,
        /// When.
        at: Timestamp,
    },
}

/// A value that is no entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no entry of a plea negotiation that this version reads: {0}")]
pub struct EntryError(String);

impl Entry {
    /// As it is written into the register. The member `kind` is there for readers that know nothing else.
    ///
    /// # Errors
    /// Never for values made in here; [`EntryError`] where the form cannot be written.
    pub fn to_json(&self) -> Result<serde_json::Value, EntryError> {
        let mut value = serde_json::to_value(self).map_err(|error| EntryError(error.to_string()))?;
        if let Some(members) = value.as_object_mut() {
            members.insert("kind".to_owned(), self.kind_words().to_lowercase().into());
        }
        Ok(value)
    }

    /// Reads it back.
    ///
    /// # Errors
    /// [`EntryError`] where it is none, or of a later version.
    pub fn from_json(value: &serde_json::Value) -> Result<Self, EntryError> {
        let mut value = value.clone();
        if let Some(members) = value.as_object_mut()
            && let Some(kind) = members.remove("kind")
            && members.get("entry") == Some(&serde_json::Value::from("refused"))
        {
            // Its kind is an own member, too.
            members.insert("kind".to_owned(), kind);
        }
        serde_json::from_value(value).map_err(|error| EntryError(error.to_string()))
    }

    /// In which negotiation; `None` where only a message is named.
    #[must_use]
    pub const fn id(&self) -> Option<&NegotiationId> {
        match self {
            Self::Sent { act, .. } | Self::Came { act, .. } | Self::Mark { act, .. } => Some(&act.id),
            Self::Unmark { .. } => None,
            Self::Admit { id, .. }
            | Self::Refused { id, .. }
            | Self::Expire { id, .. }
            | Self::Choose { id, .. }
            | Self::Record { id, .. }
            | Self::Undelivered { id, .. }
            | Self::Resent { id, .. }
            | Self::Written { id, .. }
            | Self::Note { id, .. } => Some(id),
        }
    }

    /// When.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        match self {
            Self::Sent { at, .. }
            | Self::Came { at, .. }
            | Self::Mark { at, .. }
            | Self::Unmark { at, .. }
            | Self::Admit { at, .. }
            | Self::Refused { at, .. }
            | Self::Expire { at, .. }
            | Self::Choose { at, .. }
            | Self::Record { at, .. }
            | Self::Undelivered { at, .. }
            | Self::Resent { at, .. }
            | Self::Written { at, .. }
            | Self::Note { at, .. } => *at,
        }
    }

    /// What it is, in capitals.
    #[must_use]
    pub const fn kind_words(&self) -> &'static str {
        match self {
            Self::Sent { act, .. } | Self::Came { act, .. } | Self::Mark { act, .. } => act.kind().words(),
            Self::Unmark { .. } => "UNMARK",
            Self::Admit { .. } => "ADMIT",
            Self::Refused { kind, .. } => kind.words(),
            Self::Expire { .. } => "EXPIRE",
            Self::Choose { .. } => "CHOOSE",
            Self::Record { .. } => "RECORD",
            Self::Undelivered { .. } => "UNDELIVERED",
            Self::Resent { .. } => "RESENT",
            Self::Written { .. } => "WRITTEN",
            Self::Note { .. } => "NOTE",
        }
    }
}
