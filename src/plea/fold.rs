//! From the set of acts to where a negotiation stands: the same on both sides, in whatever order the acts came.
//!
//! Every act is judged against what its author knew: its own side's earlier acts, and those of the other side that it has read. What was
//! allowed then, counts. Acts of both sides that crossed are not put into an order that nobody saw; where they do not go together, the
//! state is *crossed*, and a person decides.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::act::{Act, Deed, Kind, Subject};
use super::entry::{Entry, Outcome};
use super::heard::{Heard, Trust};
use super::negotiation::{Negotiation, OfferView, Question, Setting, Step, Tender, Verdict, View};
use super::notice::{Crossing, Notice};
use super::number::{ActNo, Side};
use super::state::{Fate, State};
use super::table::{Refusal, judge};
use super::trust::CLOCKS;
use crate::case::ChargeState;

/// Folds all that was heard and entered.
#[must_use]
pub fn fold(negotiation: &Negotiation, now: Timestamp) -> View {
    let setting = &negotiation.setting;
    let (mut notices, mut steps, sorted) = sort(&negotiation.heard);
    let candidates: Vec<&Heard> = sorted.iter().collect();
    let mut counted: Vec<&Heard> = Vec::new();
    let highest = |side: Side, all: &[&Heard]| {
        all.iter().filter(|one| one.act.no.side == side).map(|one| one.act.no.number).max().unwrap_or(0)
    };
    let known = (highest(Side::Defence, &candidates), highest(Side::Prosecution, &candidates));
    for heard in &candidates {
        let past: Vec<&Heard> = counted.iter().copied().filter(|one| heard.act.follows(&one.act)).collect();
        let at = past.iter().map(|one| one.act.at).max().map_or(heard.act.at, |cause| cause.max(heard.act.at));
        let before = state_of(setting, &past, at, known);
        let verdict = verdict(heard, &before, &counted, known);
        if verdict.counts() {
            counted.push(heard);
        }
        let after = state_of(setting, &counted, at, known).state;
        steps.push(Step { heard: (*heard).clone(), verdict, would: None, before: before.state, after });
    }
    for step in steps.iter_mut().filter(|step| step.heard.wants_yes()) {
        let act = &step.heard.act;
        let past: Vec<&Heard> = counted.iter().copied().filter(|one| act.follows(&one.act)).collect();
        let at = past.iter().map(|one| one.act.at).max().map_or(act.at, |cause| cause.max(act.at));
        let before = state_of(setting, &past, at, known);
        if let Verdict::Refused(refusal) = verdict(&step.heard, &before, &counted, known) {
            step.would = Some(refusal);
        }
    }
    gaps(&candidates, known, &mut notices);
    let mut view = state_of(setting, &counted, now, known);
    view.notices = notices;
    view.carried.clone_from(&negotiation.carried);
    let live = setting.charges.iter().filter(|charge| charge.state == ChargeState::Live);
    for charge in live {
        for offer in view.offers.iter().filter(|one| !one.fate.is_dead()) {
            if offer.terms.term(charge.number).is_none() {
                view.notices.push(Notice::Unaddressed { no: offer.no, charge: charge.number });
            }
        }
    }
    steps.sort_by_key(|step| order(&step.heard.act));
    view.steps = steps;
    let unconfirmed = view.unconfirmed().map(|heard| {
        let (no, kind, by) = (heard.act.no, heard.act.kind(), heard.speaker.name.clone());
        Notice::Unconfirmed { no, kind, by, ours: no.side == setting.us }
    });
    let unconfirmed: Vec<Notice> = unconfirmed.collect();
    view.notices.splice(0..0, unconfirmed);
    local(negotiation, &counted, &mut view);
    view
}

/// The place of an act in the one order that both sides put them into: never before one that its author knew.
fn order(act: &Act) -> (u32, Side, u16, Timestamp) {
    (u32::from(act.no.number) + u32::from(act.seen), act.no.side, act.no.number, act.at)
}

/// How well attested an act is, where two have one number.
fn rank(heard: &Heard) -> u8 {
    match (&heard.trust, heard.word.admitted_by().is_some()) {
        (Trust::Own, _) => 3,
        (_, true) => 2,
        (Trust::Signed { .. }, false) => 1,
        (Trust::Claimed | Trust::Marked { .. }, false) => 0,
    }
}

/// Puts acts into order; sets aside what was found wanting by itself, and second acts of one number.
fn sort(heard: &[Heard]) -> (Vec<Notice>, Vec<Step>, Vec<Heard>) {
    let mut notices = Vec::new();
    let mut steps = Vec::new();
    let mut numbers: BTreeMap<ActNo, Vec<(&Heard, [u8; 32])>> = BTreeMap::new();
    let aside = |heard: &Heard, verdict| Step {
        heard: heard.clone(),
        verdict,
        would: None,
        before: State::None,
        after: State::None,
    };
    for one in heard {
        if one.counts() {
            numbers.entry(one.act.no).or_default().push((one, one.act.digest()));
        } else {
            steps.push(aside(one, Verdict::Found));
        }
    }
    let mut candidates = Vec::new();
    for (no, mut acts) in numbers {
        // The best attested first; of equals the one that came first, so that copies of it are copies.
        acts.sort_by(|(one, a), (other, b)| {
            rank(other)
                .cmp(&rank(one))
                .then_with(|| a.cmp(b))
                .then_with(|| one.came.cmp(&other.came))
                .then_with(|| one.message.cmp(&other.message))
        });
        let Some((best, digest)) = acts.first().copied() else { continue };
        let copies = acts.iter().filter(|(one, other)| *other == digest && one.message != best.message).count();
        if copies > 0 {
            notices.push(Notice::Again { no, times: copies });
        }
        let others: Vec<&Heard> = acts.iter().filter(|(_, other)| *other != digest).map(|(one, _)| *one).collect();
        let decided = others.iter().all(|one| rank(one) < rank(best));
        if !others.is_empty() {
            notices.push(Notice::SameNumber { no, decided });
        }
        let taken = others.iter().chain(if decided { None } else { Some(&best) });
        steps.extend(taken.map(|one| aside(one, Verdict::NumberTaken)));
        if decided {
            // It came when its first copy came, however well the later ones are attested.
            let came = acts.iter().filter(|(_, other)| *other == digest).map(|(one, _)| one.came).min();
            candidates.push(Heard { came: came.unwrap_or(best.came), ..best.clone() });
        }
    }
    candidates.sort_by_key(|one| order(&one.act));
    (notices, steps, candidates)
}

fn gaps(candidates: &[&Heard], known: (u16, u16), notices: &mut Vec<Notice>) {
    for (side, highest) in [(Side::Defence, known.0), (Side::Prosecution, known.1)] {
        // A forged number may be high: no more is told than helps.
        let missing =
            (1..highest).filter(|number| !candidates.iter().any(|one| one.act.no == ActNo::new(side, *number)));
        notices.extend(missing.take(8).map(|number| Notice::Missing(ActNo::new(side, number))));
    }
}

fn verdict(heard: &Heard, before: &View, counted: &[&Heard], known: (u16, u16)) -> Verdict {
    let act = &heard.act;
    let other = act.no.side.other();
    let highest = if other == Side::Defence { known.0 } else { known.1 };
    if act.seen > highest {
        return Verdict::Waits(ActNo::new(other, act.seen));
    }
    let earlier = counted.iter().filter(|one| one.act.no.side == act.no.side && act.follows(&one.act));
    if earlier.clone().any(|one| one.act.seen > act.seen) {
        return Verdict::Refused(Refusal::GoesBack);
    }
    let causes = counted.iter().filter(|one| act.follows(&one.act));
    if causes.clone().any(|one| one.act.at.duration_since(act.at) > CLOCKS) && !heard.word.is_despite() {
        return Verdict::Refused(Refusal::BeforeItsCause);
    }
    match judge(before, act).and_then(|()| attested(heard, before)) {
        Ok(()) => Verdict::Counts,
        Err(refusal) => Verdict::Refused(refusal),
    }
}

/// Authority, and whether an answer came in time.
fn attested(heard: &Heard, before: &View) -> Result<(), Refusal> {
    let act = &heard.act;
    let marked = matches!(heard.trust, Trust::Marked { .. });
    match &act.authority {
        None if act.kind().commits() && !marked => return Err(Refusal::NoAuthority(act.kind(), act.no.side)),
        Some(authority) if !super::act::Basis::of(act.no.side).contains(&authority.basis) => {
            return Err(Refusal::WrongAuthority(authority.basis.words(), act.no.side));
        }
        _ => {}
    }
    let offer = act.deed.answers().and_then(|quoted| before.offer(quoted.no));
    if let Some(offer) = offer
        && matches!(act.kind(), Kind::Accept | Kind::AcceptSubject)
        && heard.came > offer.reply_by
        && heard.came.duration_since(act.at) > CLOCKS
        && !heard.word.is_despite()
    {
        return Err(Refusal::BackDated { said: act.at, lapsed: offer.reply_by, came: heard.came });
    }
    Ok(())
}

/// What bears on one offer.
struct Bearing<'a> {
    act: &'a Act,
    accepts: Vec<&'a Act>,
    subjects: Vec<(&'a Act, &'a [Subject])>,
    rejects: Vec<&'a Act>,
    withdraws: Vec<&'a Act>,
    reply_by: Timestamp,
    tender: Option<Tender>,
}

fn bearing<'a>(act: &'a Act, acts: &[&'a Act]) -> Option<Bearing<'a>> {
    let mut one = Bearing {
        act,
        accepts: Vec::new(),
        subjects: Vec::new(),
        rejects: Vec::new(),
        withdraws: Vec::new(),
        reply_by: act.deed.reply_by()?,
        tender: None,
    };
    for other in acts.iter().filter(|other| other.deed.answers().is_some_and(|quoted| quoted.no == act.no)) {
        match &other.deed {
            Deed::Accept { .. } => one.accepts.push(other),
            Deed::AcceptSubject { subject_to, .. } => one.subjects.push((other, subject_to)),
            Deed::Reject { .. } => one.rejects.push(other),
            Deed::Withdraw { .. } => one.withdraws.push(other),
            Deed::Extend { reply_by, .. } => one.reply_by = one.reply_by.max(*reply_by),
            Deed::TenderNotice { at, court, .. } => one.tender = Some(Tender { at: *at, court: court.clone() }),
            _ => {}
        }
    }
    Some(one)
}

impl Bearing<'_> {
    /// An acceptance and a withdrawal that crossed, and after which nobody said anything that ends it.
    fn torn(&self) -> Option<(ActNo, ActNo)> {
        let pair = self.accepts.iter().find_map(|accept| {
            let withdraw = self.withdraws.iter().find(|withdraw| withdraw.crosses(accept))?;
            Some((*accept, *withdraw))
        });
        let (accept, withdraw) = pair?;
        let ended = self.withdraws.iter().any(|last| last.follows(accept) && last.follows(withdraw));
        (!ended).then_some((accept.no, withdraw.no))
    }

    fn fate(&self, now: Timestamp) -> Fate {
        if self.torn().is_some() {
            return Fate::Torn;
        }
        if !self.accepts.is_empty() {
            if !self.withdraws.is_empty() {
                return Fate::Resiled;
            }
            return if self.tender.is_some() { Fate::Listed } else { Fate::Agreed };
        }
        if !self.withdraws.is_empty() {
            return Fate::Withdrawn;
        }
        if !self.rejects.is_empty() {
            return Fate::Rejected;
        }
        if self.reply_by <= now {
            return Fate::Expired;
        }
        if self.subjects.is_empty() { Fate::Open } else { Fate::Conditional }
    }

    /// Whether an act that puts this offer aside did so in knowledge of every acceptance of it.
    fn known_to(&self, later: &Act) -> bool {
        let subjects = self.subjects.iter().map(|(act, _)| *act);
        self.accepts.iter().copied().chain(subjects).all(|accept| later.follows(accept))
    }

    /// Whether a later act took its place: another offer, or its own side's acceptance of the offer that it crossed.
    fn superseded(&self, acts: &[&Act]) -> bool {
        acts.iter().any(|later| {
            let replaces = match &later.deed {
                Deed::Offer { .. } | Deed::Counter { .. } => true,
                Deed::Accept { answers, .. } | Deed::AcceptSubject { answers, .. } => {
                    later.no.side == self.act.no.side && answers.no != self.act.no
                }
                _ => false,
            };
            replaces && later.follows(self.act) && self.known_to(later)
        })
    }
}

/// Where things stand after acts that all count; nothing of this place alone.
fn state_of(setting: &Setting, counted: &[&Heard], now: Timestamp, known: (u16, u16)) -> View {
    let acts: Vec<&Act> = counted.iter().map(|one| &one.act).collect();
    let mut view = View {
        setting: setting.clone(),
        now,
        state: State::None,
        turn: None,
        round: 0,
        reply_by: None,
        offers: Vec::new(),
        standing: None,
        rivals: Vec::new(),
        crossing: None,
        conditions: Vec::new(),
        questions: questions(&acts),
        tender: None,
        outcome: None,
        steps: Vec::new(),
        notices: Vec::new(),
        known,
        accepted_by: None,
        carried: BTreeMap::new(),
    };
    let bearings: Vec<Bearing<'_>> =
        acts.iter().filter_map(|act| bearing(act, &acts)).filter(|one| one.act.kind().has_terms()).collect();
    for one in &bearings {
        let (Some(terms), Some(hash)) = (one.act.deed.terms(), one.act.terms_hash()) else { continue };
        let fate = if one.superseded(&acts) { Fate::Superseded } else { one.fate(now) };
        let before =
            view.offers.iter().filter(|offer| acts.iter().any(|act| act.no == offer.no && one.act.follows(act)));
        let round = before.map(|offer| offer.round).max().unwrap_or(0).saturating_add(1);
        view.offers.push(OfferView {
            no: one.act.no,
            kind: one.act.kind(),
            round,
            terms: terms.clone(),
            hash,
            at: one.act.at,
            reply_by: one.reply_by,
            fate,
        });
    }
    settle(&mut view, &bearings);
    view
}

fn questions(acts: &[&Act]) -> Vec<Question> {
    let asked = acts.iter().filter_map(|act| match &act.deed {
        Deed::Query { text } => Some((*act, text)),
        _ => None,
    });
    asked
        .map(|(act, text)| {
            let answer = acts.iter().find(|other| matches!(other.deed, Deed::Reply { to, .. } if to == act.no));
            Question { no: act.no, text: text.clone(), at: act.at, answered: answer.map(|one| one.no) }
        })
        .collect()
}

/// The state that follows from what became of each offer.
fn settle(view: &mut View, bearings: &[Bearing<'_>]) {
    view.round = view.offers.iter().map(|offer| offer.round).max().unwrap_or(0);
    let places = |wanted: &dyn Fn(Fate) -> bool| -> Vec<usize> {
        view.offers.iter().enumerate().filter(|(_, offer)| wanted(offer.fate)).map(|(at, _)| at).collect()
    };
    let alive = places(&|fate| !fate.is_dead());
    let ended = places(&|fate| fate.is_dead() && fate != Fate::Superseded);
    // What was set aside in favour of another offer did not end by itself, and is not the last one that stood.
    let stood = places(&|fate| fate.is_dead() && !matches!(fate, Fate::Superseded | Fate::SetAside));
    let standing = match alive.as_slice() {
        [] => stood.last().or(ended.last()).copied().or_else(|| view.offers.len().checked_sub(1)),
        [one] => Some(*one),
        _ => None,
    };
    view.standing = standing;
    let torn = alive.iter().find_map(|at| {
        let bearing = bearings.get(*at)?;
        bearing.torn().map(|(accepted, withdrawn)| (bearing.act.no, accepted, withdrawn))
    });
    if alive.len() > 1 || torn.is_some() {
        let numbers: Vec<ActNo> = alive.iter().filter_map(|at| view.offers.get(*at)).map(|offer| offer.no).collect();
        let bound = alive
            .iter()
            .filter_map(|at| view.offers.get(*at))
            .any(|offer| matches!(offer.fate, Fate::Agreed | Fate::Listed | Fate::Conditional | Fate::Torn));
        view.crossing = Some(match torn {
            Some((offer, accepted, withdrawn)) if alive.len() == 1 => {
                Crossing::AcceptedAndWithdrawn { offer, accepted, withdrawn }
            }
            _ if bound => Crossing::Acceptances(numbers),
            _ => Crossing::Offers(numbers),
        });
        view.rivals = alive;
        view.state = State::Crossed;
        view.reply_by = view.rivals.iter().filter_map(|at| view.offers.get(*at)).map(|offer| offer.reply_by).min();
        return;
    }
    let Some((offer, bearing)) = standing.and_then(|at| Some((view.offers.get(at)?, bearings.get(at)?))) else {
        return;
    };
    view.state = match offer.fate {
        Fate::Open => State::Open,
        Fate::Conditional => State::Conditional,
        Fate::Agreed => State::Agreed,
        Fate::Listed => State::Listed,
        Fate::Rejected => State::Rejected,
        Fate::Withdrawn => State::Withdrawn,
        Fate::Expired | Fate::SetAside => State::Expired,
        Fate::Resiled => State::Resiled,
        Fate::Torn => State::Crossed,
        Fate::Superseded => State::None,
    };
    match view.state {
        State::Open => {
            view.turn = Some(offer.side().other());
            view.reply_by = Some(offer.reply_by);
        }
        State::Conditional => {
            view.turn = Some(offer.side().other());
            view.reply_by = Some(offer.reply_by);
            view.conditions = bearing.subjects.last().map(|(_, all)| all.to_vec()).unwrap_or_default();
        }
        State::Agreed => view.turn = Some(Side::Defence),
        State::Expired => view.reply_by = Some(offer.reply_by),
        _ => {}
    }
    if matches!(view.state, State::Agreed | State::Listed) {
        view.accepted_by = bearing.accepts.first().map(|act| act.no);
        view.tender.clone_from(&bearing.tender);
    }
}

/// What is so at this place only: a choice between crossed offers, what was recorded in court.
fn local(negotiation: &Negotiation, counted: &[&Heard], view: &mut View) {
    choice(negotiation, counted, view);
    if view.state == State::Expired {
        view.notices.push(Notice::OnlyHere(
            "The lapse is a fact of this place: nothing was sent, and the other side may see it otherwise.",
        ));
    }
    let mut records: Vec<(&Outcome, Timestamp)> = negotiation
        .entries
        .iter()
        .filter_map(|entry| match entry {
            Entry::Record { outcome, at, .. } => Some((outcome, *at)),
            _ => None,
        })
        .collect();
    records.sort_by(|(one, a), (other, b)| a.cmp(b).then_with(|| one.name().cmp(other.name())));
    records.retain(|(_, at)| *at <= view.now);
    let Some((outcome, _)) = records.last() else { return };
    if records.iter().any(|(other, _)| other != outcome) {
        view.notices.push(Notice::RecordsDiffer);
    }
    view.outcome = Some((*outcome).clone());
    view.turn = None;
    view.state = match outcome {
        Outcome::AsAgreed => State::ClosedRecorded,
        Outcome::NoPlea { .. } => State::ClosedNone,
        _ => State::ClosedDiverged,
    };
}

/// A user has chosen one of the offers that crossed; it holds until somebody deals with another one of them.
fn choice(negotiation: &Negotiation, counted: &[&Heard], view: &mut View) {
    let choices = negotiation.entries.iter().filter_map(|entry| match entry {
        Entry::Choose { offer, hash, at, .. } if *at <= view.now => Some((*offer, *hash, *at)),
        _ => None,
    });
    let Some((chosen, hash, at)) = choices.max_by_key(|(offer, _, at)| (*at, *offer)) else { return };
    let Some(place) = view.offers.iter().position(|one| one.no == chosen && one.hash == hash) else { return };
    let crossed: Vec<usize> = view
        .offers
        .iter()
        .enumerate()
        .filter(|(other, one)| *other != place && one.round == view.offers.get(place).map_or(0, |offer| offer.round))
        .map(|(other, _)| other)
        .collect();
    let later = counted.iter().any(|one| {
        one.act.at > at
            && crossed
                .iter()
                .filter_map(|at| view.offers.get(*at))
                .any(|offer| one.act.deed.answers().is_some_and(|quoted| quoted.no == offer.no))
    });
    if later || crossed.is_empty() {
        return;
    }
    let acts: Vec<&Act> = counted.iter().map(|one| &one.act).collect();
    let bearings: Vec<Bearing<'_>> =
        acts.iter().filter_map(|act| bearing(act, &acts)).filter(|one| one.act.kind().has_terms()).collect();
    let mut aside = false;
    for at in crossed {
        if let Some(offer) = view.offers.get_mut(at)
            && matches!(offer.fate, Fate::Open | Fate::Expired)
        {
            offer.fate = Fate::SetAside;
            aside = true;
        }
    }
    if aside {
        view.rivals.clear();
        view.crossing = None;
        (view.turn, view.reply_by) = (None, None);
        settle(view, &bearings);
        view.notices.push(Notice::OnlyHere(
            "Which of the crossed offers stands was chosen here: the other side may look upon it otherwise.",
        ));
    }
}
