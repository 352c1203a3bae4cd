//! One negotiation as both sides see it: what was heard, and what follows from it at a moment.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::act::{Kind, Quoted, Subject};
use super::entry::{Entry, Outcome};
use super::heard::{Heard, Word};
use super::notice::{Crossing, Notice};
use super::number::{ActNo, NegotiationId, Side};
use super::state::{Fate, State};
use super::table::Refusal;
use super::terms::{Terms, TermsHash};
use crate::case::{Charge, HearingTime, Jurisdiction, MessageName};

/// What a negotiation is held against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Which.
    pub id: NegotiationId,
    /// Whose law.
    pub jurisdiction: Jurisdiction,
    /// The accused, by surname.
    pub surname: String,
    /// Every charge against the accused.
    pub charges: Vec<Charge>,
    /// On which side one is.
    pub us: Side,
}

/// An offer or counter, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferView {
    /// The act that made it.
    pub no: ActNo,
    /// [`Kind::Offer`] or [`Kind::Counter`].
    pub kind: Kind,
    /// From 1, by the count of this place.
    pub round: u16,
    /// What is offered.
    pub terms: Terms,
    /// The digest of that.
    pub hash: TermsHash,
    /// When it was made.
    pub at: Timestamp,
    /// Until when it is open, extensions included.
    pub reply_by: Timestamp,
    /// What became of it.
    pub fate: Fate,
}

impl OfferView {
    /// How an act quotes it.
    #[must_use]
    pub const fn quoted(&self) -> Quoted {
        Quoted { no: self.no, hash: self.hash }
    }

    /// Whose it is.
    #[must_use]
    pub const fn side(&self) -> Side {
        self.no.side
    }
}

/// What an act came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It counts.
    Counts,
    /// It does not, for something that was found about it by itself.
    Found,
    /// It could not be done as things stood for its author.
    Refused(Refusal),
    /// It has read something of the other side that is not here: it waits for that.
    Waits(ActNo),
    /// Another act has its number.
    NumberTaken,
}

impl Verdict {
    /// Whether it counts.
    #[must_use]
    pub fn counts(&self) -> bool {
        *self == Self::Counts
    }
}

/// An act in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The act with where it came from.
    pub heard: Heard,
    /// What it came to.
    pub verdict: Verdict,
    /// It waits for a yes, and would not count even then: why.
    pub would: Option<Refusal>,
    /// Where the negotiation stood before it, for its author.
    pub before: State,
    /// Where it stood after it, in the order of all acts.
    pub after: State,
}

impl Step {
    /// Why it does not count, in sentences; empty where it counts.
    #[must_use]
    pub fn because(&self) -> Vec<String> {
        match &self.verdict {
            Verdict::Counts => Vec::new(),
            Verdict::Found => {
                if self.heard.word == Word::NotTheirs {
                    return vec!["You said that it is not theirs.".to_owned()];
                }
                let mut because: Vec<String> = self.heard.stopping().map(ToString::to_string).collect();
                because.extend(self.would.as_ref().map(|refusal| format!("Even if it is theirs: {refusal}")));
                because
            }
            Verdict::Refused(refusal) => vec![refusal.to_string()],
            Verdict::Waits(no) => vec![format!("It answers {no}, which is not here: it counts when that has come.")],
            Verdict::NumberTaken => {
                vec![format!("Another act says that it is {}, and is better attested or differs.", self.heard.act.no)]
            }
        }
    }
}

/// A hearing at which the plea will be tendered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tender {
    /// When.
    pub at: HearingTime,
    /// Where; may be empty.
    pub court: String,
}

/// A question of one side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The act.
    pub no: ActNo,
    /// What is asked.
    pub text: String,
    /// When.
    pub at: Timestamp,
    /// The act that answers it.
    pub answered: Option<ActNo>,
}

/// A negotiation at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// Which, against what.
    pub setting: Setting,
    /// The moment.
    pub now: Timestamp,
    /// Where it stands.
    pub state: State,
    /// Who has to do something; `None`: nobody, or both.
    pub turn: Option<Side>,
    /// The last round; 0: nothing was offered.
    pub round: u16,
    /// Until when an answer is wanted.
    pub reply_by: Option<Timestamp>,
    /// All offers, in order.
    pub offers: Vec<OfferView>,
    /// The one that stands, is agreed or was the last; its place in [`Self::offers`].
    pub standing: Option<usize>,
    /// Those that stand beside each other where they crossed; places in [`Self::offers`].
    pub rivals: Vec<usize>,
    /// What crossed.
    pub crossing: Option<Crossing>,
    /// Conditions that are not yet met.
    pub conditions: Vec<Subject>,
    /// Questions, in order.
    pub questions: Vec<Question>,
    /// When the plea will be tendered.
    pub tender: Option<Tender>,
    /// What became of it in court.
    pub outcome: Option<Outcome>,
    /// Every act in its place.
    pub steps: Vec<Step>,
    /// What a person should know.
    pub notices: Vec<Notice>,
    /// Acts of each side that are known: the highest number of the defence, of the Crown.
    pub known: (u16, u16),
    /// The agreement rests on this acceptance.
    pub accepted_by: Option<ActNo>,
    /// Which act each message carries, or carried before a mark was taken back.
    pub carried: BTreeMap<MessageName, (ActNo, Kind)>,
}

impl View {
    /// An entry in one sentence; what was said of a message names the act that it carries.
    #[must_use]
    pub fn words_of(&self, entry: &Entry) -> String {
        let named =
            |message: &MessageName| self.carried.get(message).map(|(no, kind)| format!("{no} {}", kind.words()));
        entry.words_about(named)
    }

    /// The offer that stands, is agreed or was the last.
    #[must_use]
    pub fn standing(&self) -> Option<&OfferView> {
        self.offers.get(self.standing?)
    }

    /// The offer of an act.
    #[must_use]
    pub fn offer(&self, no: ActNo) -> Option<&OfferView> {
        self.offers.iter().find(|one| one.no == no)
    }

    /// The offer before it, for a term-by-term comparison.
    #[must_use]
    pub fn offer_before(&self, no: ActNo) -> Option<&OfferView> {
        let at = self.offers.iter().position(|one| one.no == no)?;
        self.offers.get(at.checked_sub(1)?)
    }

    /// The highest number of a side's acts.
    #[must_use]
    pub const fn known(&self, side: Side) -> u16 {
        match side {
            Side::Defence => self.known.0,
            Side::Prosecution => self.known.1,
        }
    }

    /// Questions of a side that wait for an answer.
    pub fn open_questions(&self, by: Side) -> impl Iterator<Item = &Question> {
        self.questions.iter().filter(move |one| one.no.side == by && one.answered.is_none())
    }

    /// Acts that wait for a plain yes, because nothing proves whose they are. In what is closed, none does; nor what would not count even then.
    pub fn unconfirmed(&self) -> impl Iterator<Item = &Heard> {
        let known = |heard: &Heard| {
            self.steps.iter().any(|step| step.verdict.counts() && step.heard.act.digest() == heard.act.digest())
        };
        let open = !self.state.is_closed();
        let waiting = self.steps.iter().filter(move |step| open && step.would.is_none() && step.heard.wants_yes());
        waiting.map(|step| &step.heard).filter(move |heard| !known(heard))
    }

    /// Whether it is one's own turn.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.state == State::Crossed || self.turn == Some(self.setting.us) || self.unconfirmed().next().is_some()
    }
}

/// One negotiation: all that was heard and entered. The order in which it was taken in does not matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Negotiation {
    /// Against what it is held.
    pub setting: Setting,
    /// Acts of both sides.
    pub heard: Vec<Heard>,
    /// Facts of this place: records, choices, notes, lapses, refused sendings, what was said of a message.
    pub entries: Vec<Entry>,
    /// Which act each message carries, or carried before a mark was taken back.
    pub carried: BTreeMap<MessageName, (ActNo, Kind)>,
}

impl Negotiation {
    /// With nothing in it.
    #[must_use]
    pub const fn new(setting: Setting) -> Self {
        Self { setting, heard: Vec::new(), entries: Vec::new(), carried: BTreeMap::new() }
    }

    /// What follows from it at a moment.
    #[must_use]
    pub fn view(&self, now: Timestamp) -> View {
        super::fold::fold(self, now)
    }
}
