//! Free text of somebody who has no casemail, taken for an act by a user.
//!
//! A mark is the user's own word, told apart from an act of the other side in every list and record. It has the next number of the side
//! that it speaks for, so that later acts can say that they have read it.

use jiff::Timestamp;

use super::act::{Act, Cleared, Deed, Subject};
use super::negotiation::View;
use super::number::{ActNo, Side};
use super::table::{Refusal, judge};
use super::terms::Terms;
use super::text::fold;
use crate::case::HearingTime;

/// What a user takes the text for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// An offer: its terms, and until when an answer is wanted (where the text does not say, the user chooses).
    Offer(Terms, Timestamp),
    /// Other terms in answer.
    Counter(Terms, Timestamp),
    /// The terms that stand are accepted.
    Accept(Vec<Cleared>),
    /// They are, under conditions.
    AcceptSubject(Vec<Subject>),
    /// They are refused.
    Reject(String),
    /// An offer is taken back, or an agreement departed from.
    Withdraw(String),
    /// Something is asked.
    Query(String),
    /// The oldest open question is answered.
    Reply(String),
    /// A reminder.
    Chase(String),
    /// The offer is open for longer.
    Extend(Timestamp),
    /// The plea will be tendered.
    TenderNotice(HearingTime, String),
}

/// The act that a user takes free text of a side for.
///
/// `written` is the time of the message, `seen` the number of the other side's last act that its author had read: by default all of them; where
/// messages crossed, fewer. `about` says which offer is meant where two crossed.
///
/// # Errors
/// [`Refusal`], where such an act could not have been done as its author saw things: it is then no such act, and the user marks it otherwise.
pub fn of(
    view: &View,
    side: Side,
    meaning: Meaning,
    written: Timestamp,
    seen: Option<u16>,
    about: Option<ActNo>,
) -> Result<Act, Refusal> {
    let setting = &view.setting;
    let kind = match &meaning {
        Meaning::Offer(..) => super::Kind::Offer,
        Meaning::Counter(..) => super::Kind::Counter,
        Meaning::Accept(_) => super::Kind::Accept,
        Meaning::AcceptSubject(_) => super::Kind::AcceptSubject,
        Meaning::Reject(_) => super::Kind::Reject,
        Meaning::Withdraw(_) => super::Kind::Withdraw,
        Meaning::Query(_) => super::Kind::Query,
        Meaning::Reply(_) => super::Kind::Reply,
        Meaning::Chase(_) => super::Kind::Chase,
        Meaning::Extend(_) => super::Kind::Extend,
        Meaning::TenderNotice(..) => super::Kind::TenderNotice,
    };
    let quoted = super::compose::target(view, kind, side, about).map(super::negotiation::OfferView::quoted);
    let answers = || quoted.ok_or(Refusal::WhichOffer);
    let deed = match meaning {
        Meaning::Offer(terms, reply_by) => Deed::Offer { terms, reply_by },
        Meaning::Counter(terms, reply_by) => Deed::Counter { answers: answers()?, terms, reply_by },
        Meaning::Accept(cleared) => Deed::Accept { answers: answers()?, cleared },
        Meaning::AcceptSubject(subject_to) => Deed::AcceptSubject { answers: answers()?, subject_to },
        Meaning::Reject(because) => Deed::Reject { answers: answers()?, because: fold(&because) },
        Meaning::Withdraw(because) => Deed::Withdraw { answers: answers()?, because: fold(&because) },
        Meaning::Query(text) => Deed::Query { text: fold(&text) },
        Meaning::Reply(text) => {
            let question = view.open_questions(side.other()).next().ok_or(Refusal::NoQuestion)?;
            Deed::Reply { to: question.no, text: fold(&text) }
        }
        Meaning::Chase(text) => Deed::Chase { text: fold(&text) },
        Meaning::Extend(reply_by) => Deed::Extend { answers: answers()?, reply_by },
        Meaning::TenderNotice(at, court) => Deed::TenderNotice { answers: answers()?, at, court: fold(&court) },
    };
    let all = view.known(side.other());
    let seen = seen.map_or(all, |seen| seen.min(all));
    let round = if kind.has_terms() { view.round.saturating_add(1) } else { view.round };
    let act = Act {
        id: setting.id.clone(),
        surname: setting.surname.clone(),
        no: ActNo::new(side, view.known(side).saturating_add(1)),
        seen,
        round,
        at: written,
        deed,
        authority: None,
    };
    // Where it had not read everything, the fold judges it against what it had read.
    if seen == all {
        judge(view, &act)?;
    }
    Ok(act)
}
