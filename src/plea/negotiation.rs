//! One negotiation as both sides see it: what was heard, and what follows from it at a moment.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::act::{Act, Kind, Quoted, Subject};
use super::entry::{Entry, Outcome};
use super::number::{ActNo, NegotiationId, Side};
use super::table::Refusal;
use super::terms::{Terms, TermsHash};
use super::trust::Finding;
use crate::case::{Charge, HearingTime, Jurisdiction, MessageName, PartyId, Role};

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

    /// Whether a plain yes is all that it takes to count: nothing speaks against it but that nothing proves whose it is.
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

/// Where a negotiation stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Nothing was offered.
    #[default]
    None,
    /// An offer waits for an answer.
    Open,
    /// An offer is accepted under a condition.
    Conditional,
    /// Both sides agree on the same terms. Nothing is settled: only a plea recorded in open court binds.
    Agreed,
    /// The offer was refused.
    Rejected,
    /// The offer was taken back.
    Withdrawn,
    /// The time for an answer has passed.
    Expired,
    /// Acts of both sides crossed, and do not go together.
    Crossed,
    /// A side departed from the agreement.
    Resiled,
    /// Agreed, and a hearing is named at which the plea will be tendered.
    Listed,
    /// The plea was recorded in court as agreed.
    ClosedRecorded,
    /// Something else than was agreed happened in court.
    ClosedDiverged,
    /// Closed without a plea.
    ClosedNone,
}

impl State {
    /// All.
    pub const ALL: [Self; 13] = [
        Self::None,
        Self::Open,
        Self::Conditional,
        Self::Agreed,
        Self::Rejected,
        Self::Withdrawn,
        Self::Expired,
        Self::Crossed,
        Self::Resiled,
        Self::Listed,
        Self::ClosedRecorded,
        Self::ClosedDiverged,
        Self::ClosedNone,
    ];

    /// The name that scripts read.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Open => "open",
            Self::Conditional => "conditional",
            Self::Agreed => "agreed",
            Self::Rejected => "rejected",
            Self::Withdrawn => "withdrawn",
            Self::Expired => "expired",
            Self::Crossed => "crossed",
            Self::Resiled => "resiled",
            Self::Listed => "listed",
            Self::ClosedRecorded => "closed-recorded",
            Self::ClosedDiverged => "closed-diverged",
            Self::ClosedNone => "closed-none",
        }
    }

    /// The words for people.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::None => "nothing offered",
            Self::Open => "open",
            Self::Conditional => "accepted under a condition",
            Self::Agreed => "agreed between the parties, not yet in court",
            Self::Rejected => "refused",
            Self::Withdrawn => "taken back",
            Self::Expired => "lapsed",
            Self::Crossed => "crossed",
            Self::Resiled => "departed from",
            Self::Listed => "agreed, to be tendered in court",
            Self::ClosedRecorded => "recorded in court as agreed",
            Self::ClosedDiverged => "closed, other than agreed",
            Self::ClosedNone => "closed without a plea",
        }
    }

    /// The same in at most 18 letters, for a narrow board. Here, too, nothing is settled before it is recorded in court.
    #[must_use]
    pub const fn brief(self) -> &'static str {
        match self {
            Self::Conditional => "under a condition",
            Self::Agreed => "agreed, no plea",
            Self::Listed => "to be tendered",
            Self::ClosedRecorded => "in court as agreed",
            Self::ClosedDiverged => "in court otherwise",
            Self::ClosedNone => "closed, no plea",
            _ => self.words(),
        }
    }

    /// Reads a [`Self::name`].
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name.trim().to_lowercase())
    }

    /// Whether nothing more can happen in it.
    #[must_use]
    pub const fn is_closed(self) -> bool {
        matches!(self, Self::ClosedRecorded | Self::ClosedDiverged | Self::ClosedNone)
    }

    /// Whether a new offer may be made.
    #[must_use]
    pub const fn is_free(self) -> bool {
        matches!(self, Self::None | Self::Rejected | Self::Withdrawn | Self::Expired | Self::Resiled)
    }
}

/// What became of one offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// It waits for an answer.
    Open,
    /// Accepted under a condition.
    Conditional,
    /// Accepted.
    Agreed,
    /// Accepted, and a hearing is named.
    Listed,
    /// Another took its place.
    Superseded,
    /// Refused.
    Rejected,
    /// Taken back.
    Withdrawn,
    /// Its time has passed.
    Expired,
    /// An acceptance and a withdrawal of it crossed.
    Torn,
    /// It was agreed, and a side departed from that.
    Resiled,
    /// A user here chose the other one of two that crossed.
    SetAside,
}

impl Fate {
    /// The words for people.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Open => "stands",
            Self::Conditional => "accepted under a condition",
            Self::Agreed => "agreed",
            Self::Listed => "agreed and listed",
            Self::Superseded => "superseded",
            Self::Rejected => "refused",
            Self::Withdrawn => "taken back",
            Self::Expired => "lapsed",
            Self::Torn => "accepted and taken back at once",
            Self::Resiled => "departed from",
            Self::SetAside => "set aside here",
        }
    }

    /// Whether nothing can come of it any more by itself.
    #[must_use]
    pub const fn is_dead(self) -> bool {
        matches!(
            self,
            Self::Superseded | Self::Rejected | Self::Withdrawn | Self::Expired | Self::Resiled | Self::SetAside
        )
    }
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

/// What crossed, and does not go together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Crossing {
    /// Offers of both sides: neither had read the other's.
    Offers(Vec<ActNo>),
    /// Each side accepted the other's offer, or one accepted while the other offered anew: these stand beside each other.
    Acceptances(Vec<ActNo>),
    /// An acceptance and the withdrawal of what it accepts.
    AcceptedAndWithdrawn {
        /// The offer.
        offer: ActNo,
        /// The acceptance.
        accepted: ActNo,
        /// The withdrawal.
        withdrawn: ActNo,
    },
}

impl fmt::Display for Crossing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |all: &[ActNo]| all.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ");
        match self {
            Self::Offers(all) => {
                write!(
                    f,
                    "The offers {} crossed: neither side had read the other's. Neither wins by itself.",
                    list(all)
                )
            }
            Self::Acceptances(all) => write!(
                f,
                "The offers {} were dealt with at the same time, each by somebody who had not read the other act. Nothing is agreed until one of them is taken back.",
                list(all)
            ),
            Self::AcceptedAndWithdrawn { offer, accepted, withdrawn } => write!(
                f,
                "{accepted} accepts {offer} and {withdrawn} takes it back, and neither had read the other. Nothing is agreed until both sides say the same."
            ),
        }
    }
}

/// Something that a person should know about the acts as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// An act is missing: a later one of the same side is here.
    Missing(ActNo),
    /// Two acts have the same number; none of them counts, or the better attested one.
    SameNumber {
        /// Which number.
        no: ActNo,
        /// One of them counts.
        decided: bool,
    },
    /// The same act came again.
    Again {
        /// Which.
        no: ActNo,
        /// How often besides.
        times: usize,
    },
    /// An act that only its address vouches for waits for a yes.
    Unconfirmed {
        /// Which.
        no: ActNo,
        /// What it is.
        kind: Kind,
        /// Whose it says that it is.
        by: String,
        /// It speaks for one's own side, and was not sent from here.
        ours: bool,
    },
    /// An offer does not speak of a live charge.
    Unaddressed {
        /// Which offer.
        no: ActNo,
        /// Which charge.
        charge: u16,
    },
    /// Two records of what became of it in court differ.
    RecordsDiffer,
    /// The state rests on something that the other side may not know: a lapse, a choice made here.
    OnlyHere(&'static str),
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(no) => write!(f, "{no} is missing here: a later act of {} has come.", no.side.words()),
            Self::SameNumber { no, decided: false } => {
                write!(f, "Two different acts say that they are {no}: neither counts until you let one of them count.")
            }
            Self::SameNumber { no, decided: true } => {
                write!(f, "Two different acts say that they are {no}: only the better attested one counts.")
            }
            Self::Again { no, times: 1 } => write!(f, "{no} came a second time; it counts once."),
            Self::Again { no, times } => write!(f, "{no} came {times} more times; it counts once."),
            Self::Unconfirmed { no, kind, by, ours } => {
                let here = if *ours { ", was not sent from here" } else { "" };
                write!(
                    f,
                    "{no} {} is said to be by {by}{here}, and nothing proves it. It does not count until you say that it is theirs.",
                    kind.words()
                )
            }
            Self::Unaddressed { no, charge } => write!(f, "{no} says nothing about charge {charge}."),
            Self::RecordsDiffer => f.write_str("Two records of what happened in court differ; the later one stands."),
            Self::OnlyHere(what) => f.write_str(what),
        }
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
