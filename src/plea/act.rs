//! Acts of a negotiation that one side does towards the other: what travels.
//!
//! An act has the number of its side (`D3`) and says how far its author had read the other side's (`seen`): by these two numbers alone both
//! sides put all acts into one order, whatever came first. It quotes the offer it is about by number and digest.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::number::{ActNo, NegotiationId, Side};
use super::terms::{Terms, TermsHash};
use crate::case::{HearingTime, Role};

/// What an act or an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Terms are offered.
    Offer,
    /// Other terms are offered in answer.
    Counter,
    /// The terms that stand are accepted; or the condition of an earlier acceptance is met.
    Accept,
    /// They are accepted under a condition.
    AcceptSubject,
    /// They are refused.
    Reject,
    /// An own offer is taken back; after an agreement: the agreement is departed from.
    Withdraw,
    /// Something is asked.
    Query,
    /// What was asked is answered.
    Reply,
    /// The other side is reminded.
    Chase,
    /// An own offer is open for longer.
    Extend,
    /// The defence says at which hearing the plea will be tendered.
    TenderNotice,
    /// Time has passed: a fact of this place, never sent.
    Expire,
    /// A user records what became of it in court.
    Record,
    /// A private note.
    Note,
    /// A user says which of several offers is looked upon as the standing one here.
    Choose,
}

impl Kind {
    /// All.
    pub const ALL: [Self; 15] = [
        Self::Offer,
        Self::Counter,
        Self::Accept,
        Self::AcceptSubject,
        Self::Reject,
        Self::Withdraw,
        Self::Query,
        Self::Reply,
        Self::Chase,
        Self::Extend,
        Self::TenderNotice,
        Self::Expire,
        Self::Record,
        Self::Note,
        Self::Choose,
    ];

    /// Those that travel.
    pub const SENT: [Self; 11] = [
        Self::Offer,
        Self::Counter,
        Self::Accept,
        Self::AcceptSubject,
        Self::Reject,
        Self::Withdraw,
        Self::Query,
        Self::Reply,
        Self::Chase,
        Self::Extend,
        Self::TenderNotice,
    ];

    /// The name that scripts read.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Offer => "offer",
            Self::Counter => "counter",
            Self::Accept => "accept",
            Self::AcceptSubject => "accept-subject",
            Self::Reject => "reject",
            Self::Withdraw => "withdraw",
            Self::Query => "query",
            Self::Reply => "reply",
            Self::Chase => "chase",
            Self::Extend => "extend",
            Self::TenderNotice => "tender-notice",
            Self::Expire => "expire",
            Self::Record => "record",
            Self::Note => "note",
            Self::Choose => "choose",
        }
    }

    /// As it stands in the block and in the chronology: `ACCEPT-SUBJECT`.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Offer => "OFFER",
            Self::Counter => "COUNTER",
            Self::Accept => "ACCEPT",
            Self::AcceptSubject => "ACCEPT-SUBJECT",
            Self::Reject => "REJECT",
            Self::Withdraw => "WITHDRAW",
            Self::Query => "QUERY",
            Self::Reply => "REPLY",
            Self::Chase => "CHASE",
            Self::Extend => "EXTEND",
            Self::TenderNotice => "TENDER-NOTICE",
            Self::Expire => "EXPIRE",
            Self::Record => "RECORD",
            Self::Note => "NOTE",
            Self::Choose => "CHOOSE",
        }
    }

    /// What it does, for help and hints.
    #[must_use]
    pub const fn what(self) -> &'static str {
        match self {
            Self::Offer => "offer terms",
            Self::Counter => "answer with other terms",
            Self::Accept => "accept the terms that stand",
            Self::AcceptSubject => "accept them under a condition",
            Self::Reject => "refuse them",
            Self::Withdraw => "take back an offer, or depart from an agreement",
            Self::Query => "ask something",
            Self::Reply => "answer what was asked",
            Self::Chase => "remind the other side",
            Self::Extend => "leave an own offer open for longer",
            Self::TenderNotice => "say at which hearing the plea will be tendered",
            Self::Expire => "note that time has passed",
            Self::Record => "record what became of it in court",
            Self::Note => "write a private note",
            Self::Choose => "say which of two offers stands here",
        }
    }

    /// Reads a [`Self::name`], in any case of letters.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name.trim().to_lowercase())
    }

    /// Whether it travels.
    #[must_use]
    pub fn is_sent(self) -> bool {
        Self::SENT.contains(&self)
    }

    /// Whether it brings terms of its own.
    #[must_use]
    pub const fn has_terms(self) -> bool {
        matches!(self, Self::Offer | Self::Counter)
    }

    /// Whether a side commits itself by it: it needs an authority, and a role that may do it.
    #[must_use]
    pub const fn commits(self) -> bool {
        matches!(self, Self::Offer | Self::Counter | Self::Accept | Self::AcceptSubject)
    }
}

/// An offer that an act is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quoted {
    /// The act that made it.
    pub no: ActNo,
    /// The digest of its terms.
    pub hash: TermsHash,
}

/// On what an acceptance depends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// The accused has to agree.
    ClientApproval,
    /// Crown Counsel, or somebody else above, has to agree (Scotland).
    CrownCounsel,
    /// A senior prosecutor has to agree.
    SeniorProsecutor,
    /// The victim or complainer is to be consulted.
    VictimConsultation,
    /// The words of the basis or narrative are to be agreed.
    BasisWording,
    /// Anything else, as the words say.
    Other,
}

impl Condition {
    /// All.
    pub const ALL: [Self; 6] = [
        Self::ClientApproval,
        Self::CrownCounsel,
        Self::SeniorProsecutor,
        Self::VictimConsultation,
        Self::BasisWording,
        Self::Other,
    ];

    /// The name that scripts read.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ClientApproval => "client-approval",
            Self::CrownCounsel => "crown-counsel",
            Self::SeniorProsecutor => "senior-prosecutor",
            Self::VictimConsultation => "victim-consultation",
            Self::BasisWording => "basis-wording",
            Self::Other => "other",
        }
    }

    /// The words for people, which also stand in the block.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::ClientApproval => "approval of the client",
            Self::CrownCounsel => "approval of Crown Counsel",
            Self::SeniorProsecutor => "approval of a senior prosecutor",
            Self::VictimConsultation => "consultation of the victim",
            Self::BasisWording => "agreement on the words of the basis or narrative",
            Self::Other => "another condition",
        }
    }

    /// Reads a [`Self::name`].
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name.trim().to_lowercase())
    }
}

/// A condition that an acceptance names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// Which.
    pub condition: Condition,
    /// More of it; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub words: String,
}

/// A condition that has been met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cleared {
    /// Which.
    pub condition: Condition,
    /// Who cleared it.
    pub by: String,
}

/// What is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Deed {
    /// [`Kind::Offer`].
    Offer {
        /// What is offered.
        terms: Terms,
        /// Until when.
        reply_by: Timestamp,
    },
    /// [`Kind::Counter`].
    Counter {
        /// The offer that it answers.
        answers: Quoted,
        /// What is offered instead.
        terms: Terms,
        /// Until when.
        reply_by: Timestamp,
    },
    /// [`Kind::Accept`].
    Accept {
        /// The offer that is accepted.
        answers: Quoted,
        /// Conditions of an earlier acceptance that have been met.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        cleared: Vec<Cleared>,
    },
    /// [`Kind::AcceptSubject`].
    AcceptSubject {
        /// The offer that is accepted.
        answers: Quoted,
        /// Under which conditions: at least one.
        subject_to: Vec<Subject>,
    },
    /// [`Kind::Reject`].
    Reject {
        /// The offer that is refused.
        answers: Quoted,
        /// Why; may be empty.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        because: String,
    },
    /// [`Kind::Withdraw`].
    Withdraw {
        /// The offer that is taken back, or whose agreement is departed from.
        answers: Quoted,
        /// Why; may be empty, but not after an agreement.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        because: String,
    },
    /// [`Kind::Query`].
    Query {
        /// What is asked.
        text: String,
    },
    /// [`Kind::Reply`].
    Reply {
        /// The question.
        to: ActNo,
        /// The answer; may be empty where it stands below the block.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        text: String,
    },
    /// [`Kind::Chase`].
    Chase {
        /// More of it; may be empty.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        text: String,
    },
    /// [`Kind::Extend`].
    Extend {
        /// The own offer.
        answers: Quoted,
        /// Until when it is open now.
        reply_by: Timestamp,
    },
    /// [`Kind::TenderNotice`].
    TenderNotice {
        /// The offer that was agreed.
        answers: Quoted,
        /// When.
        at: HearingTime,
        /// In which court, which diet.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        court: String,
    },
}

impl Deed {
    /// What it is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Offer { .. } => Kind::Offer,
            Self::Counter { .. } => Kind::Counter,
            Self::Accept { .. } => Kind::Accept,
            Self::AcceptSubject { .. } => Kind::AcceptSubject,
            Self::Reject { .. } => Kind::Reject,
            Self::Withdraw { .. } => Kind::Withdraw,
            Self::Query { .. } => Kind::Query,
            Self::Reply { .. } => Kind::Reply,
            Self::Chase { .. } => Kind::Chase,
            Self::Extend { .. } => Kind::Extend,
            Self::TenderNotice { .. } => Kind::TenderNotice,
        }
    }

    /// The offer that it is about.
    #[must_use]
    pub const fn answers(&self) -> Option<Quoted> {
        match self {
            Self::Counter { answers, .. }
            | Self::Accept { answers, .. }
            | Self::AcceptSubject { answers, .. }
            | Self::Reject { answers, .. }
            | Self::Withdraw { answers, .. }
            | Self::Extend { answers, .. }
            | Self::TenderNotice { answers, .. } => Some(*answers),
            Self::Offer { .. } | Self::Query { .. } | Self::Reply { .. } | Self::Chase { .. } => None,
        }
    }

    /// The terms that it brings.
    #[must_use]
    pub const fn terms(&self) -> Option<&Terms> {
        match self {
            Self::Offer { terms, .. } | Self::Counter { terms, .. } => Some(terms),
            _ => None,
        }
    }

    /// Until when it wants an answer.
    #[must_use]
    pub const fn reply_by(&self) -> Option<Timestamp> {
        match self {
            Self::Offer { reply_by, .. } | Self::Counter { reply_by, .. } | Self::Extend { reply_by, .. } => {
                Some(*reply_by)
            }
            _ => None,
        }
    }
}

/// On what an authority rests. It is a claim, never a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// The accused has given instructions.
    ClientInstructions,
    /// Counsel is instructed by the solicitor, who has the client's.
    InstructedCounsel,
    /// The prosecutor who speaks decides.
    OwnDecision,
    /// A lead or senior prosecutor has agreed.
    LeadProsecutor,
    /// Crown Counsel has agreed (Scotland).
    CrownCounsel,
}

impl Basis {
    /// All.
    pub const ALL: [Self; 5] = [
        Self::ClientInstructions,
        Self::InstructedCounsel,
        Self::OwnDecision,
        Self::LeadProsecutor,
        Self::CrownCounsel,
    ];

    /// Those that a side may claim.
    #[must_use]
    pub const fn of(side: Side) -> &'static [Self] {
        match side {
            Side::Defence => &[Self::ClientInstructions, Self::InstructedCounsel],
            Side::Prosecution => &[Self::OwnDecision, Self::LeadProsecutor, Self::CrownCounsel],
        }
    }

    /// The name that scripts read.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ClientInstructions => "client-instructions",
            Self::InstructedCounsel => "instructed-counsel",
            Self::OwnDecision => "own-decision",
            Self::LeadProsecutor => "lead-prosecutor",
            Self::CrownCounsel => "crown-counsel",
        }
    }

    /// The words for people, which also stand in the block.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::ClientInstructions => "client's instructions held",
            Self::InstructedCounsel => "instructed by the solicitor, who holds the client's instructions",
            Self::OwnDecision => "own decision",
            Self::LeadProsecutor => "with the approval of a senior prosecutor",
            Self::CrownCounsel => "with the approval of Crown Counsel",
        }
    }

    /// Reads a [`Self::name`].
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name.trim().to_lowercase())
    }
}

/// By what authority somebody speaks, as they claim. The evidence for it stays at home: see [`super::entry::Evidence`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Authority {
    /// Who speaks.
    pub name: String,
    /// As what.
    pub role: Role,
    /// On behalf of which holder of the case; where the role may not speak for itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<String>,
    /// On what it rests.
    pub basis: Basis,
    /// Since when, by the day.
    pub day: Date,
}

/// An act of one side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Act {
    /// In which negotiation.
    pub id: NegotiationId,
    /// The surname of the accused as its author wrote it: a second look, not a name to go by.
    pub surname: String,
    /// Whose, and which of theirs.
    pub no: ActNo,
    /// The number of the other side's last act that its author had read; 0: none.
    pub seen: u16,
    /// From 1; a new round begins with each offer and counter.
    pub round: u16,
    /// When, by its author's clock, to the minute.
    pub at: Timestamp,
    /// What is done.
    pub deed: Deed,
    /// By what authority; needed where a side commits itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority: Option<Authority>,
}

impl Act {
    /// What it is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.deed.kind()
    }

    /// The digest of the terms that it brings.
    #[must_use]
    pub fn terms_hash(&self) -> Option<TermsHash> {
        self.deed.terms().map(|terms| terms.hash(&self.id))
    }

    /// How an act about these terms quotes it; `None` where it brings none.
    #[must_use]
    pub fn quoted(&self) -> Option<Quoted> {
        self.terms_hash().map(|hash| Quoted { no: self.no, hash })
    }

    /// How many acts of a side its author knew, itself included.
    #[must_use]
    pub const fn knows(&self, side: Side) -> u16 {
        match (self.no.side, side) {
            (Side::Defence, Side::Defence) | (Side::Prosecution, Side::Prosecution) => self.no.number,
            _ => self.seen,
        }
    }

    /// Whether its author knew another act when making it: each knows its own side's earlier ones.
    #[must_use]
    pub fn follows(&self, other: &Self) -> bool {
        self.no != other.no
            && if self.no.side == other.no.side {
                other.no.number < self.no.number
            } else {
                other.no.number <= self.seen
            }
    }

    /// Whether neither author knew of the other act.
    #[must_use]
    pub fn crosses(&self, other: &Self) -> bool {
        self.no.side != other.no.side && !self.follows(other) && !other.follows(self)
    }

    /// SHA-256 of all it says: two acts with the same number and another digest are two acts.
    ///
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let bytes = serde_json::to_vec(self).unwrap_or_default();
        Sha256::digest(&bytes).into()
    }
}

#[cfg(test)]
mod tests {
    use super::{Basis, Condition, Kind};

    #[test]
    fn names_read_back() {
        for kind in Kind::ALL {
            assert_eq!(Kind::parse(kind.words()), Some(kind), "the words are the name in capitals");
            assert!(!kind.what().is_empty());
        }
        for basis in Basis::ALL {
            assert_eq!(Basis::parse(basis.name()), Some(basis));
        }
        for condition in Condition::ALL {
            assert_eq!(Condition::parse(condition.name()), Some(condition));
        }
    }
}
