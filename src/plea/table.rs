//! What may be done when: the one table, its guards, and a sentence for each refusal.

use std::fmt;

use jiff::Timestamp;

use super::act::{Act, Deed, Kind};
use super::negotiation::View;
use super::number::{ActNo, Side};
use super::state::{Fate, State};
use super::trust::Powers;
use crate::case::Role;
use crate::case::hearing::zone;

/// Who may do it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// Either side.
    Either,
    /// The side that did not make the offer.
    Offeree,
    /// The side that made it.
    Offeror,
    /// The defence.
    Defence,
    /// A user, for this place only.
    User,
    /// Nobody: time does it.
    Time,
}

/// A line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// What is done.
    pub kind: Kind,
    /// While the negotiation stands so.
    pub states: &'static [State],
    /// By whom.
    pub by: By,
    /// Where it stands afterwards.
    pub to: &'static str,
}

const fn row(kind: Kind, states: &'static [State], by: By, to: &'static str) -> Row {
    Row { kind, states, by, to }
}

use State::{Agreed, Conditional, Crossed, Expired, Listed, Open, Rejected, Resiled, Withdrawn};

/// States in which something is on the table.
const LIVE: &[State] = &[Open, Conditional, Crossed, Expired, Agreed, Listed];
/// States that are not closed.
const ANY: &[State] = &[State::None, Open, Conditional, Agreed, Rejected, Withdrawn, Expired, Crossed, Resiled, Listed];

/// The table. What is in no line is refused.
pub const TABLE: &[Row] = &[
    row(Kind::Offer, &[State::None, Rejected, Withdrawn, Expired, Resiled], By::Either, "open; a new round"),
    row(Kind::Counter, &[Open, Conditional], By::Offeree, "open; the offer before is superseded"),
    row(Kind::Counter, &[Crossed], By::Either, "open; what crossed is superseded"),
    row(Kind::Accept, &[Open], By::Offeree, "agreed"),
    row(Kind::Accept, &[Conditional], By::Offeree, "agreed; the conditions are met"),
    row(Kind::Accept, &[Crossed], By::Offeree, "agreed; an own offer that crossed is dropped"),
    row(Kind::AcceptSubject, &[Open], By::Offeree, "accepted under a condition"),
    row(
        Kind::AcceptSubject,
        &[Crossed],
        By::Offeree,
        "accepted under a condition; an own offer that crossed is dropped",
    ),
    row(Kind::Reject, &[Open, Conditional, Crossed], By::Offeree, "refused"),
    row(Kind::Withdraw, &[Open, Conditional, Crossed], By::Offeror, "taken back"),
    row(Kind::Withdraw, &[Agreed, Listed], By::Either, "departed from"),
    row(Kind::Query, LIVE, By::Either, "as before; information is awaited"),
    row(Kind::Reply, LIVE, By::Either, "as before"),
    row(Kind::Chase, LIVE, By::Either, "as before"),
    row(Kind::Extend, &[Open, Conditional, Crossed, Expired], By::Offeror, "open for longer"),
    row(Kind::TenderNotice, &[Agreed, Listed], By::Defence, "listed"),
    row(Kind::Expire, &[Open, Conditional], By::Time, "lapsed, here"),
    row(Kind::Choose, &[Crossed], By::User, "as the chosen offer stands, here"),
    row(Kind::Record, ANY, By::User, "closed"),
    row(Kind::Note, State::ALL.as_slice(), By::User, "as before"),
];

/// Why something may not be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No line of the table.
    State(Kind, State),
    /// An offer has lapsed.
    Lapsed {
        /// What was to be done.
        kind: Kind,
        /// Which offer.
        offer: ActNo,
        /// When it lapsed.
        at: Timestamp,
    },
    /// Only the side that the offer was made to.
    NotOfferee(Kind, Side),
    /// Only the side that made the offer.
    NotOfferor(Kind, Side),
    /// Only the defence.
    NotDefence(Kind),
    /// Only for this place; it is never sent.
    NotSent(Kind),
    /// The offer that is quoted is not known.
    UnknownOffer(ActNo),
    /// The digest is not that of the offer that is quoted.
    OtherTerms(ActNo),
    /// The offer that is quoted is not the one that stands.
    NotStanding {
        /// Which.
        offer: ActNo,
        /// What became of it.
        fate: Fate,
    },
    /// A counter that changes nothing.
    SameTerms(ActNo),
    /// The time for an answer is no later than the act.
    ReplyByPast,
    /// An extension that is none.
    NotLonger(Timestamp),
    /// Nothing was asked.
    NoQuestion,
    /// The question is answered, or is one's own.
    NotAQuestion(ActNo),
    /// A reason is missing.
    NoReason,
    /// A text is missing.
    NoText(Kind),
    /// No condition is named.
    NoCondition,
    /// A condition is not met.
    Unmet(&'static str),
    /// The terms do not speak of a live charge.
    Unaddressed(ActNo, u16),
    /// The role may not do it.
    Role(Role, Kind),
    /// The role may do it only on behalf of a holder.
    OnBehalf(Role, Kind),
    /// The role may not do it at all; somebody else has to.
    Delegate(Role, Kind),
    /// The role may do it only with the approval of the prosecuting authority.
    Approval(Role, Kind),
    /// No authority is claimed.
    NoAuthority(Kind, Side),
    /// Nothing shows the authority.
    NoEvidence,
    /// An authority of the other side.
    WrongAuthority(&'static str, Side),
    /// Something of the other side is missing: what it says is not known.
    Missing(ActNo),
    /// It says that it was written before what it answers.
    BeforeItsCause,
    /// It goes back behind what its side had read before.
    GoesBack,
    /// It says that it was written in time, but came after the offer had lapsed.
    BackDated {
        /// When it says.
        said: Timestamp,
        /// When the offer lapsed.
        lapsed: Timestamp,
        /// When it came.
        came: Timestamp,
    },
    /// Which of two offers is meant has to be said.
    WhichOffer,
    /// An offer has something against it.
    Offer(super::offer::OfferError),
}

/// An instant by the court's clock.
#[must_use]
pub fn moment(at: Timestamp) -> String {
    zone().map_or_else(|_| at.to_string(), |zone| at.to_zoned(zone).strftime("%a %-d %b %Y %H:%M").to_string())
}

impl Refusal {
    /// Whether a user may let the act count all the same, for a reason.
    #[must_use]
    pub const fn may_admit(&self) -> bool {
        matches!(self, Self::BackDated { .. } | Self::BeforeItsCause)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::State(kind, state) => of_state(*kind, *state, f),
            Self::Lapsed { kind, offer, at } => write!(
                f,
                "{} refused: {offer} lapsed on {}. An EXTEND by {} or a new OFFER opens it again.",
                kind.words(),
                moment(*at),
                offer.side.words()
            ),
            Self::NotOfferee(kind, offeror) => write!(
                f,
                "{} is for {}: the offer is {}'s own.",
                kind.words(),
                offeror.other().words(),
                offeror.words()
            ),
            Self::NotOfferor(kind, offeror) => {
                write!(f, "{} is for {}, whose offer it is.", kind.words(), offeror.words())
            }
            Self::NotDefence(kind) => write!(f, "{} is for the defence, which tenders the plea.", kind.words()),
            Self::NotSent(kind) => write!(f, "{} is a fact of one's own place and is never sent.", kind.words()),
            Self::UnknownOffer(no) => write!(f, "It quotes {no}, and there is no such offer here."),
            Self::OtherTerms(no) => {
                write!(f, "It quotes {no} with the digest of other terms: what it speaks of is not what was offered.")
            }
            Self::NotStanding { offer, fate } => {
                write!(f, "It quotes {offer}, which no longer stands: {}.", fate.words())
            }
            Self::SameTerms(no) => {
                write!(f, "The counter says the same as {no}: change a term, or accept.")
            }
            Self::ReplyByPast => {
                f.write_str("The time for an answer is no later than the act itself: choose a later one.")
            }
            Self::NotLonger(until) => {
                write!(f, "The offer is open until {} already: choose a later time.", moment(*until))
            }
            Self::NoQuestion => f.write_str("The other side has asked nothing that waits for an answer."),
            Self::NotAQuestion(no) => write!(f, "{no} is no open question of the other side."),
            Self::NoReason => f.write_str("To depart from an agreement, say why: the other side relies on it."),
            Self::NoText(kind) => write!(f, "{} has no text: say what is meant.", kind.words()),
            Self::NoCondition => f.write_str("Say under which condition; without one, accept."),
            Self::Unmet(what) => write!(f, "The acceptance depends on the {what}: say who cleared it."),
            Self::Unaddressed(no, charge) => {
                write!(f, "{no} says nothing about charge {charge}: ask, or answer with other terms.")
            }
            Self::Role(role, kind) => {
                write!(f, "{} refused: {} is not authorised to do it for a side.", kind.words(), role.words())
            }
            Self::OnBehalf(role, kind) => write!(
                f,
                "{} refused: {} may do it only on behalf of a named holder of the case.",
                kind.words(),
                role.words()
            ),
            Self::Delegate(role, kind) => write!(
                f,
                "{} refused: {} may not do it, on nobody's behalf. The holder of the case has to.",
                kind.words(),
                role.words()
            ),
            Self::Approval(role, kind) => write!(
                f,
                "{} refused: {} may do it only with the approval of the prosecuting authority; say whose, or accept subject to it.",
                kind.words(),
                role.words()
            ),
            Self::NoAuthority(kind, Side::Defence) => {
                write!(f, "{} needs the client's instructions: record when they were given.", kind.words())
            }
            Self::NoAuthority(kind, Side::Prosecution) => {
                write!(f, "{} needs an authority: record whose decision it is.", kind.words())
            }
            Self::NoEvidence => f.write_str("Say what shows the authority: an attendance note, a letter, a message."),
            Self::WrongAuthority(what, side) => write!(f, "“{what}” is no authority that {} can have.", side.words()),
            Self::Missing(no) => {
                write!(f, "{no} has not come, and what it says is not known: ask for it before you commit yourself.")
            }
            Self::BeforeItsCause => {
                f.write_str("It says that it was written before what it answers: its date is wrong.")
            }
            Self::GoesBack => {
                f.write_str("It has read less than an earlier act of its own side: it is out of its place.")
            }
            Self::BackDated { said, lapsed, came } => write!(
                f,
                "It says that it was written on {}, before the offer lapsed on {}, but it came on {}: it may be back-dated or was held up. It counts only if you let it.",
                moment(*said),
                moment(*lapsed),
                moment(*came)
            ),
            Self::WhichOffer => f.write_str("Two offers stand beside each other: say which one is meant."),
            Self::Offer(error) => {
                let words = error.to_string();
                let mut letters = words.chars();
                let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
                write!(f, "{first}{}.", letters.as_str())
            }
        }
    }
}

fn of_state(kind: Kind, state: State, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let name = kind.words();
    match (kind, state) {
        (_, state) if state.is_closed() => write!(f, "{name} refused: the negotiation is closed ({}).", state.words()),
        (_, State::None) => write!(f, "{name} refused: nothing has been offered."),
        (Kind::Offer, Open | Conditional) => {
            write!(f, "{name} refused: an offer stands. Answer it with a COUNTER, or take your own back first.")
        }
        (Kind::Offer, Crossed) => write!(f, "{name} refused: two acts crossed. Answer with a COUNTER."),
        (Kind::Offer | Kind::Counter, Agreed | Listed) => {
            write!(f, "{name} refused: terms are agreed. Depart from them first (WITHDRAW, with a reason).")
        }
        (Kind::Accept | Kind::AcceptSubject | Kind::Reject | Kind::Extend, Agreed | Listed) => {
            write!(f, "{name} refused: terms are agreed already.")
        }
        (Kind::AcceptSubject, Conditional) => {
            write!(f, "{name} refused: the offer is accepted under a condition already. ACCEPT when that is met.")
        }
        (Kind::TenderNotice, _) => write!(f, "{name} refused: nothing is agreed."),
        (Kind::Choose | Kind::Expire, _) => write!(f, "{name} refused: nothing has crossed."),
        (_, state) => write!(f, "{name} refused: no offer stands ({}). Make a new OFFER.", state.words()),
    }
}

/// Whether a line of the table lets a side do it as things stand; guards on what exactly is done are asked by [`judge`].
///
/// # Errors
/// [`Refusal`].
pub fn may(view: &View, kind: Kind, side: Side) -> Result<(), Refusal> {
    let rows: Vec<&Row> = TABLE.iter().filter(|row| row.kind == kind && row.states.contains(&view.state)).collect();
    let Some(row) = rows.first() else {
        if let (State::Expired, Some(offer)) = (view.state, view.standing()) {
            return Err(Refusal::Lapsed { kind, offer: offer.no, at: offer.reply_by });
        }
        return Err(Refusal::State(kind, view.state));
    };
    // Where acts crossed, offers of both sides stand beside each other, and either side finds one to speak of.
    let mut sides = if view.state == Crossed {
        view.rivals.iter().filter_map(|at| view.offers.get(*at)).map(super::negotiation::OfferView::side).collect()
    } else {
        view.standing().map(super::negotiation::OfferView::side).into_iter().collect::<Vec<_>>()
    };
    // An offer that has lapsed may be opened again, also beside one of the other side that stands.
    if kind == Kind::Extend {
        let fates = [Fate::Open, Fate::Conditional, Fate::Expired, Fate::SetAside];
        let extended = view.offers.iter().filter(|one| fates.contains(&one.fate));
        sides = extended.map(|one| one.no.side).collect();
    }
    let offeror = sides.first().copied().unwrap_or(side);
    match row.by {
        By::Either | By::User => Ok(()),
        By::Offeree if sides.contains(&side.other()) => Ok(()),
        By::Offeree => Err(Refusal::NotOfferee(kind, offeror)),
        By::Offeror if sides.contains(&side) => Ok(()),
        // What was accepted and taken back at once may be ended by either.
        By::Offeror if kind == Kind::Withdraw && view.offers.iter().any(|one| one.fate == Fate::Torn) => Ok(()),
        By::Offeror => Err(Refusal::NotOfferor(kind, offeror)),
        By::Defence if side == Side::Defence => Ok(()),
        By::Defence => Err(Refusal::NotDefence(kind)),
        By::Time => Err(Refusal::NotSent(kind)),
    }
}

/// What a side may do now, and why it may not do the rest.
#[must_use]
pub fn possible(view: &View, side: Side, role: Option<Role>) -> Vec<(Kind, Result<(), Refusal>)> {
    let open_question = view.open_questions(side.other()).next().is_some();
    Kind::ALL
        .into_iter()
        .filter(|kind| *kind != Kind::Expire)
        .map(|kind| {
            let allowed = may(view, kind, side).and_then(|()| {
                if kind == Kind::Reply && !open_question {
                    return Err(Refusal::NoQuestion);
                }
                role.map_or(Ok(()), |role| Powers::of(role).check(role, kind, true))
            });
            (kind, allowed)
        })
        .collect()
}

/// Whether an act may be done as things stood for its author: the table and every guard on what exactly is done.
///
/// # Errors
/// [`Refusal`].
pub fn judge(view: &View, act: &Act) -> Result<(), Refusal> {
    let (kind, side) = (act.kind(), act.no.side);
    may(view, kind, side)?;
    let quoted = match act.deed.answers() {
        None => None,
        Some(quoted) => {
            let offer = view.offer(quoted.no).ok_or(Refusal::UnknownOffer(quoted.no))?;
            if offer.hash != quoted.hash {
                return Err(Refusal::OtherTerms(quoted.no));
            }
            standing(view, kind, side, offer)?;
            Some(offer)
        }
    };
    match &act.deed {
        Deed::Offer { reply_by, .. } if *reply_by <= act.at => Err(Refusal::ReplyByPast),
        Deed::Counter { reply_by, .. } if *reply_by <= act.at => Err(Refusal::ReplyByPast),
        Deed::Counter { answers, .. } if act.terms_hash() == Some(answers.hash) => Err(Refusal::SameTerms(answers.no)),
        Deed::Accept { cleared, .. } if view.state == Conditional => {
            let unmet = view
                .conditions
                .iter()
                .find(|one| !cleared.iter().any(|met| met.condition == one.condition && !met.by.trim().is_empty()));
            unmet.map_or(Ok(()), |one| Err(Refusal::Unmet(one.condition.words())))
        }
        Deed::AcceptSubject { subject_to, .. } if subject_to.is_empty() => Err(Refusal::NoCondition),
        Deed::Withdraw { because, .. } if matches!(view.state, Agreed | Listed) && because.trim().is_empty() => {
            Err(Refusal::NoReason)
        }
        Deed::Query { text } if text.trim().is_empty() => Err(Refusal::NoText(kind)),
        Deed::Reply { to, .. } if !view.open_questions(side.other()).any(|one| one.no == *to) => {
            Err(Refusal::NotAQuestion(*to))
        }
        Deed::Extend { reply_by, .. } => match quoted {
            Some(offer) if *reply_by <= offer.reply_by => Err(Refusal::NotLonger(offer.reply_by)),
            _ if *reply_by <= act.at => Err(Refusal::ReplyByPast),
            _ => Ok(()),
        },
        _ => Ok(()),
    }
}

/// Whether an offer is one that such an act may be about.
fn standing(view: &View, kind: Kind, side: Side, offer: &super::negotiation::OfferView) -> Result<(), Refusal> {
    let fits = match kind {
        Kind::Extend => matches!(offer.fate, Fate::Open | Fate::Conditional | Fate::Expired | Fate::SetAside),
        Kind::TenderNotice => matches!(offer.fate, Fate::Agreed | Fate::Listed),
        Kind::Withdraw => {
            matches!(offer.fate, Fate::Open | Fate::Conditional | Fate::Agreed | Fate::Listed | Fate::Torn)
        }
        Kind::Counter if view.state == Crossed => !offer.fate.is_dead(),
        _ => matches!(offer.fate, Fate::Open | Fate::Conditional),
    };
    if !fits {
        if offer.fate == Fate::Expired {
            return Err(Refusal::Lapsed { kind, offer: offer.no, at: offer.reply_by });
        }
        return Err(Refusal::NotStanding { offer: offer.no, fate: offer.fate });
    }
    let bound = matches!(offer.fate, Fate::Agreed | Fate::Listed | Fate::Torn);
    let own = offer.side() == side;
    match kind {
        Kind::Accept | Kind::AcceptSubject | Kind::Reject if own => Err(Refusal::NotOfferee(kind, side)),
        Kind::Counter if own && view.state != Crossed => Err(Refusal::NotOfferee(kind, side)),
        Kind::Extend if !own => Err(Refusal::NotOfferor(kind, offer.side())),
        Kind::Withdraw if !own && !bound => Err(Refusal::NotOfferor(kind, offer.side())),
        _ => Ok(()),
    }
}
