//! From what a user wants to do to an act that may be sent, or to every sentence that stands against it.

use jiff::Timestamp;
use jiff::civil::Date;

use super::act::{Act, Authority, Basis, Cleared, Deed, Kind, Quoted, Subject};
use super::entry::Evidence;
use super::negotiation::{OfferView, View};
use super::notice::Notice;
use super::number::{ActNo, Side};
use super::offer::Offer;
use super::state::{Fate, State};
use super::table::{Refusal, judge, may};
use super::trust::{Power, Powers};
use crate::case::hearing::zone;
use crate::case::{ChargeState, HearingTime, Role};

/// Who wants to do something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// Their name.
    pub name: String,
    /// Their role in the case.
    pub role: Role,
    /// On behalf of whom: where the role may not speak for itself.
    pub on_behalf_of: Option<String>,
}

/// What a user wants to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proposal {
    /// Offer.
    Offer(Offer),
    /// Answer with other terms.
    Counter(Offer),
    /// Accept.
    Accept {
        /// Conditions of an earlier acceptance that have been met.
        cleared: Vec<Cleared>,
    },
    /// Accept under conditions.
    AcceptSubject {
        /// Which.
        subject_to: Vec<Subject>,
    },
    /// Refuse.
    Reject {
        /// Why; may be empty.
        because: String,
    },
    /// Take back, or depart from an agreement.
    Withdraw {
        /// Why.
        because: String,
    },
    /// Ask.
    Query {
        /// What.
        text: String,
    },
    /// Answer a question.
    Reply {
        /// Which; `None`: the oldest open one.
        to: Option<ActNo>,
        /// The answer.
        text: String,
    },
    /// Remind.
    Chase {
        /// More of it; may be empty.
        text: String,
    },
    /// Leave an own offer open for longer.
    Extend {
        /// Until when.
        reply_by: Timestamp,
    },
    /// Say when the plea will be tendered.
    TenderNotice {
        /// When.
        at: HearingTime,
        /// Where.
        court: String,
    },
}

impl Proposal {
    /// What it is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Offer(_) => Kind::Offer,
            Self::Counter(_) => Kind::Counter,
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
}

/// By what authority, and what shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// On what it rests.
    pub basis: Basis,
    /// Since when.
    pub day: Date,
    /// What shows it; stays at home.
    pub evidence: Evidence,
}

/// Makes the act, with its number, its round and what it quotes.
///
/// `about` says which offer is meant where two crossed; otherwise it is found.
///
/// # Errors
/// Everything that stands against it, in sentences.
pub fn compose(
    view: &View,
    actor: &Actor,
    proposal: Proposal,
    claim: Option<&Claim>,
    about: Option<ActNo>,
    now: Timestamp,
) -> Result<Act, Vec<Refusal>> {
    let (kind, side) = (proposal.kind(), view.setting.us);
    let mut refusals = Vec::new();
    if let Err(refusal) = may(view, kind, side) {
        return Err(vec![refusal]);
    }
    let offer = target(view, kind, side, about);
    if kind != Kind::Offer && needs_offer(kind) && offer.is_none() {
        return Err(vec![Refusal::WhichOffer]);
    }
    let authority = authority(actor, side, kind, proposal_authority(&proposal), claim, now, &mut refusals);
    if matches!(kind, Kind::Accept | Kind::AcceptSubject) {
        if let Some(missing) = view.notices.iter().find_map(|notice| match notice {
            Notice::Missing(no) if no.side != side => Some(*no),
            Notice::SameNumber { no, decided: false } => Some(*no),
            _ => None,
        }) {
            refusals.push(Refusal::Missing(missing));
        }
        if let Some(offer) = offer {
            let live = view.setting.charges.iter().filter(|charge| charge.state == ChargeState::Live);
            let silent = live.filter(|charge| offer.terms.term(charge.number).is_none());
            refusals.extend(silent.map(|charge| Refusal::Unaddressed(offer.no, charge.number)));
        }
    }
    let quoted = offer.map(OfferView::quoted);
    let Some(deed) = deed(view, side, proposal, quoted) else {
        refusals.push(Refusal::NoQuestion);
        return Err(refusals);
    };
    let round = if kind.has_terms() { view.round.saturating_add(1) } else { view.round };
    let no = ActNo::new(side, view.known(side).saturating_add(1));
    let seen = view.known(side.other());
    let at = to_the_minute(now);
    let setting = &view.setting;
    let act = Act { id: setting.id.clone(), surname: setting.surname.clone(), no, seen, round, at, deed, authority };
    if let Err(refusal) = judge(view, &act) {
        refusals.push(refusal);
    }
    if refusals.is_empty() { Ok(act) } else { Err(refusals) }
}

/// The whole minute: no block says more.
fn to_the_minute(at: Timestamp) -> Timestamp {
    let seconds = at.as_second();
    Timestamp::from_second(seconds - seconds.rem_euclid(60)).unwrap_or(at)
}

const fn needs_offer(kind: Kind) -> bool {
    !matches!(kind, Kind::Offer | Kind::Query | Kind::Reply | Kind::Chase)
}

/// The offer that an act of a kind would be about.
#[must_use]
pub fn target(view: &View, kind: Kind, side: Side, about: Option<ActNo>) -> Option<&OfferView> {
    if !needs_offer(kind) {
        return None;
    }
    if let Some(no) = about {
        return view.offer(no);
    }
    let own = matches!(kind, Kind::Withdraw | Kind::Extend);
    match view.state {
        State::Crossed => {
            let rivals = || view.rivals.iter().filter_map(|at| view.offers.get(*at));
            let torn = rivals().find(|one| one.fate == Fate::Torn);
            torn.or_else(|| rivals().find(|one| (one.side() == side) == own))
        }
        State::Expired if own => lapsed(view, side),
        _ if kind == Kind::Extend => view.standing().filter(|one| one.side() == side).or_else(|| lapsed(view, side)),
        _ => view.standing(),
    }
}

/// A side's last offer that has lapsed.
fn lapsed(view: &View, side: Side) -> Option<&OfferView> {
    let lapsed = |one: &&OfferView| one.side() == side && matches!(one.fate, Fate::Expired | Fate::SetAside);
    view.offers.iter().rev().find(lapsed)
}

fn proposal_authority(proposal: &Proposal) -> Option<Authority> {
    match proposal {
        Proposal::Offer(offer) | Proposal::Counter(offer) => Some(offer.authority().clone()),
        _ => None,
    }
}

fn authority(
    actor: &Actor,
    side: Side,
    kind: Kind,
    offered: Option<Authority>,
    claim: Option<&Claim>,
    now: Timestamp,
    refusals: &mut Vec<Refusal>,
) -> Option<Authority> {
    let on_behalf_of = actor.on_behalf_of.clone().filter(|name| !name.trim().is_empty());
    let powers = Powers::of(actor.role);
    let basis = claim.map(|claim| claim.basis).or_else(|| offered.as_ref().map(|one| one.basis));
    let named = match powers.accept {
        Power::WithApproval => basis.is_some_and(|basis| basis != Basis::OwnDecision),
        _ => on_behalf_of.is_some(),
    };
    if let Err(refusal) = powers.check(actor.role, kind, named) {
        refusals.push(refusal);
    }
    let day = claim.map(|claim| claim.day).or_else(|| offered.as_ref().map(|one| one.day));
    if kind.commits() {
        match basis {
            None => refusals.push(Refusal::NoAuthority(kind, side)),
            Some(basis) if !Basis::of(side).contains(&basis) => {
                refusals.push(Refusal::WrongAuthority(basis.words(), side));
            }
            // The prosecutor's own decision shows itself.
            Some(Basis::OwnDecision) => {}
            Some(_) if claim.is_none_or(|claim| claim.evidence.is_empty()) => refusals.push(Refusal::NoEvidence),
            Some(_) => {}
        }
    }
    let today = zone().map(|zone| now.to_zoned(zone).date()).ok();
    let (name, role) = (actor.name.clone(), actor.role);
    Some(Authority { name, role, on_behalf_of, basis: basis?, day: day.or(today)? })
}

fn deed(view: &View, side: Side, proposal: Proposal, quoted: Option<Quoted>) -> Option<Deed> {
    Some(match proposal {
        Proposal::Offer(offer) => {
            let (terms, reply_by, _) = offer.into_parts();
            Deed::Offer { terms, reply_by: to_the_minute(reply_by) }
        }
        Proposal::Counter(offer) => {
            let (terms, reply_by, _) = offer.into_parts();
            Deed::Counter { answers: quoted?, terms, reply_by: to_the_minute(reply_by) }
        }
        Proposal::Accept { cleared } => Deed::Accept { answers: quoted?, cleared },
        Proposal::AcceptSubject { subject_to } => Deed::AcceptSubject { answers: quoted?, subject_to },
        Proposal::Reject { because } => Deed::Reject { answers: quoted?, because: super::text::fold(&because) },
        Proposal::Withdraw { because } => Deed::Withdraw { answers: quoted?, because: super::text::fold(&because) },
        Proposal::Query { text } => Deed::Query { text: super::text::fold(&text) },
        Proposal::Reply { to, text } => {
            let to = to.or_else(|| view.open_questions(side.other()).next().map(|one| one.no))?;
            Deed::Reply { to, text: super::text::fold(&text) }
        }
        Proposal::Chase { text } => Deed::Chase { text: super::text::fold(&text) },
        Proposal::Extend { reply_by } => Deed::Extend { answers: quoted?, reply_by: to_the_minute(reply_by) },
        Proposal::TenderNotice { at, court } => {
            Deed::TenderNotice { answers: quoted?, at, court: super::text::fold(&court) }
        }
    })
}
