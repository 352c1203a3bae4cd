//! The fold: the scenarios of practice, and a model that plays at random.

use jiff::SignedDuration;
use jiff::civil::date;
use proptest::prelude::*;

use super::act::{Act, Condition, Deed, Kind, Quoted, Subject};
use super::compose::{Actor, Claim, Proposal, compose};
use super::entry::{Entry, Evidence, Outcome};
use super::gather::of_case;
use super::mark::{self, Meaning};
use super::negotiation::View;
use super::notice::{Crossing, Notice};
use super::number::{ActNo, Side};
use super::offer::{Ground, Offer};
use super::sample::{
    LINTWHITE, QUILL, WINDLESTRAW, act, at, authority, came, classes, islas, lintwhites, message, otterbourne, puddock,
    quote, term,
};
use super::state::{Fate, State};
use super::table::{self, Refusal};
use super::terms::{Plea, Terms};
use super::{Basis, Negotiation};
use crate::case::{Case, HearingTime, Role};

fn only(case: &Case, us: Side, entries: &[Entry]) -> Negotiation {
    let mut all = of_case(case, &classes(), us, entries);
    assert_eq!(all.len(), 1);
    all.remove(0)
}

fn view(case: &Case, us: Side, entries: &[Entry], when: &str) -> View {
    only(case, us, entries).view(at(when))
}

fn sent(act: Act) -> Entry {
    let (message, at) = (message(&act.no.to_string()), act.at);
    Entry::Sent { act, message, at, by: "Isla Thistledown".into(), evidence: Evidence::default() }
}

fn offer(when: &str, reply_by: &str) -> Act {
    act("D1", 0, when, Deed::Offer { terms: islas(), reply_by: at(reply_by) })
}

fn isla() -> Actor {
    Actor { name: "Isla Thistledown".into(), role: Role::DefenceSolicitor, on_behalf_of: None }
}

fn claim(words: &str) -> Claim {
    let evidence = Evidence { words: words.into(), message: None };
    Claim { basis: Basis::ClientInstructions, day: date(2026, 5, 1), evidence }
}

/// Scotland, an agent with casemail and a depute without.
#[test]
fn an_offer_by_the_agent_a_counter_in_free_text_and_an_agreement() {
    let case = puddock();
    let ground = Ground::of(&case, 1, Side::Defence, at("2026-05-05 09:00"));
    let partly = Terms::new(islas().charges()[..2].to_vec(), None, "").unwrap();
    let errors = Offer::new(partly, at("2026-05-11 12:00"), Some(authority(Side::Defence)), &ground).unwrap_err();
    assert_eq!(errors[0].to_string(), "charge 3 not addressed: say what becomes of it");
    let offer = Offer::new(islas(), at("2026-05-11 12:00"), Some(authority(Side::Defence)), &ground).unwrap();

    let start = Negotiation::new(super::gather::setting(&case, super::sample::id_of(&case), Side::Defence));
    let now = at("2026-05-05 09:30");
    let refused = compose(&start.view(now), &isla(), Proposal::Offer(offer.clone()), None, None, now).unwrap_err();
    assert_eq!(refused, [Refusal::NoEvidence]);
    let act =
        compose(&start.view(now), &isla(), Proposal::Offer(offer), Some(&claim("letter of 1 May")), None, now).unwrap();
    let mut entries = vec![sent(act)];
    let open = view(&case, Side::Defence, &entries, "2026-05-05 10:00");
    assert_eq!((open.state, open.turn, open.round), (State::Open, Some(Side::Prosecution), 1));

    let mark = |view: &View, meaning, when: &str, name: &str| {
        let act = mark::of(view, Side::Prosecution, meaning, at(when), None, None).unwrap();
        let (message, came, from) = (message(name), at(when), LINTWHITE.to_owned());
        Entry::Mark { act, message, came, from, by: "Isla Thistledown".into(), at: at(when) }
    };
    entries.push(mark(&open, Meaning::Counter(lintwhites(), at("2026-05-20 12:00")), "2026-05-06 11:00", "counter"));
    let countered = view(&case, Side::Defence, &entries, "2026-05-06 12:00");
    assert_eq!((countered.state, countered.turn, countered.round), (State::Open, Some(Side::Defence), 2));
    assert_eq!(countered.offers[0].fate, Fate::Superseded);
    let changes = super::diff::terms(&countered.offers[0].terms, &countered.offers[1].terms);
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0].words(), "Charge 2: GUILTY (was: plea of NOT GUILTY to be accepted)");

    let now = at("2026-05-07 09:00");
    let ask = Proposal::Query { text: "When is the CCTV served?".into() };
    entries.push(sent(compose(&countered, &isla(), ask, None, None, now).map_err(|why| why[0].to_string()).unwrap()));
    let asked = view(&case, Side::Defence, &entries, "2026-05-07 10:00");
    assert_eq!((asked.state, asked.turn), (State::Open, Some(Side::Defence)));
    assert_eq!(asked.open_questions(Side::Defence).count(), 1);
    entries.push(mark(&asked, Meaning::Reply("It is in DESC.".into()), "2026-05-08 15:00", "reply"));
    let replied = view(&case, Side::Defence, &entries, "2026-05-08 16:00");
    assert_eq!(replied.open_questions(Side::Defence).count(), 0);

    let now = at("2026-05-09 10:00");
    let accept = || Proposal::Accept { cleared: Vec::new() };
    let refused = compose(&replied, &isla(), accept(), None, None, now).unwrap_err();
    assert_eq!(refused[0].to_string(), "ACCEPT needs the client's instructions: record when they were given.");
    let act = compose(&replied, &isla(), accept(), Some(&claim("by telephone, attendance note")), None, now).unwrap();
    assert_eq!(act.deed.answers().unwrap().hash, replied.standing().unwrap().hash);
    entries.push(sent(act));
    let agreed = view(&case, Side::Defence, &entries, "2026-05-10 10:00");
    assert_eq!((agreed.state, agreed.turn), (State::Agreed, Some(Side::Defence)));
    assert!(!State::ALL.iter().any(|state| state.words().contains("settled")));
    // It does not lapse.
    assert_eq!(view(&case, Side::Defence, &entries, "2026-05-26 10:00").state, State::Agreed);

    entries.push(Entry::Record {
        id: agreed.setting.id.clone(),
        outcome: Outcome::AsAgreed,
        hearing: None,
        source: "in court".into(),
        by: "Isla Thistledown".into(),
        at: at("2026-05-27 11:00"),
    });
    assert_eq!(view(&case, Side::Defence, &entries, "2026-05-27 12:00").state, State::ClosedRecorded);
    // Nothing more can be done, in sentences.
    let closed = view(&case, Side::Defence, &entries, "2026-05-27 12:00");
    for (kind, allowed) in table::possible(&closed, Side::Defence, None) {
        assert_eq!(allowed.is_ok(), kind == Kind::Note, "{kind:?}");
    }
}

fn handling() -> Terms {
    let basis = super::offer::text_document("He found the goods in the shed.");
    let guilty = super::terms::Term { basis, ..term(2, Plea::Guilty) };
    Terms::new(vec![term(1, Plea::NoEvidence), guilty], None, "").unwrap()
}

fn burglary() -> Terms {
    Terms::new(vec![term(1, Plea::Guilty), term(2, Plea::LieOnFile)], None, "").unwrap()
}

/// England and Wales: both sides write at once; then time passes.
#[test]
fn crossed_offers_are_both_shown_and_one_that_lapsed_is_not_accepted() {
    let case = otterbourne();
    let id = super::sample::id_of(&case);
    let quills = Act {
        id: id.clone(),
        surname: "OTTERBOURNE".into(),
        ..act("D1", 0, "2026-03-09 11:03", Deed::Offer { terms: handling(), reply_by: at("2026-03-13 16:00") })
    };
    let mut entries = vec![sent(quills.clone())];
    let open = view(&case, Side::Defence, &entries, "2026-03-09 11:10");
    // Hers was written before she had read his.
    let meaning = Meaning::Offer(burglary(), at("2026-03-13 16:00"));
    let hers = mark::of(&open, Side::Prosecution, meaning, at("2026-03-09 11:05"), Some(0), None).unwrap();
    entries.push(Entry::Mark {
        act: hers.clone(),
        message: message("hers"),
        came: at("2026-03-09 11:06"),
        from: WINDLESTRAW.into(),
        by: "Barnaby Quill".into(),
        at: at("2026-03-09 11:30"),
    });
    let crossed = view(&case, Side::Defence, &entries, "2026-03-09 12:00");
    assert_eq!(crossed.state, State::Crossed);
    assert_eq!(crossed.crossing, Some(Crossing::Offers(vec![quills.no, hers.no])));
    assert_eq!(crossed.rivals.len(), 2, "both stay visible");
    assert!(crossed.is_ours() && crossed.turn.is_none());

    let hash = hers.terms_hash().unwrap();
    entries.push(Entry::Choose { id, offer: hers.no, hash, by: "Barnaby Quill".into(), at: at("2026-03-09 12:10") });
    let chosen = view(&case, Side::Defence, &entries, "2026-03-09 13:00");
    assert_eq!((chosen.state, chosen.turn), (State::Open, Some(Side::Defence)));
    assert_eq!(chosen.offer(quills.no).unwrap().fate, Fate::SetAside);
    assert!(chosen.notices.iter().any(|notice| matches!(notice, Notice::OnlyHere(_))));

    let lapsed = view(&case, Side::Defence, &entries, "2026-03-16 09:00");
    assert_eq!(lapsed.state, State::Expired);
    let agreed = Meaning::Accept(Vec::new());
    let refused = mark::of(&lapsed, Side::Prosecution, agreed, at("2026-03-16 08:50"), None, None).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "ACCEPT refused: P1 lapsed on Fri 13 Mar 2026 16:00. An EXTEND by the Crown or a new OFFER opens it again."
    );
    // His own offer can be left open for longer, or a new one made.
    let may = |kind| table::may(&lapsed, kind, Side::Defence);
    assert!(may(Kind::Extend).is_ok() && may(Kind::Offer).is_ok() && may(Kind::Accept).is_err());
    let quill = Actor { name: "Barnaby Quill".into(), ..isla() };
    let extend = Proposal::Extend { reply_by: at("2026-03-20 16:00") };
    let extended = compose(&lapsed, &quill, extend, None, None, at("2026-03-16 09:10")).unwrap();
    assert_eq!(extended.deed.answers().unwrap().no, quills.no);
    entries.push(sent(extended));
    let open = view(&case, Side::Defence, &entries, "2026-03-16 10:00");
    assert_eq!((open.state, open.turn), (State::Open, Some(Side::Prosecution)));

    let inkwell =
        Actor { name: "Tess Inkwell".into(), role: Role::DefenceStaff, on_behalf_of: Some("Barnaby Quill".into()) };
    let accept = Proposal::Accept { cleared: Vec::new() };
    let why = compose(&crossed, &inkwell, accept, Some(&claim("note")), None, at("2026-03-09 12:30")).unwrap_err();
    assert_eq!(why[0], Refusal::Delegate(Role::DefenceStaff, Kind::Accept));
    assert!(why[0].to_string().starts_with("ACCEPT refused: defence staff may not do it"));
    let ask = Proposal::Query { text: "Which shed?".into() };
    let alone = Actor { on_behalf_of: None, ..inkwell.clone() };
    assert!(compose(&crossed, &inkwell, ask.clone(), None, None, at("2026-03-09 12:30")).is_ok());
    assert_eq!(
        compose(&crossed, &alone, ask, None, None, at("2026-03-09 12:30")).unwrap_err(),
        [Refusal::OnBehalf(Role::DefenceStaff, Kind::Query)]
    );
    assert!(QUILL.contains("quill"));
}

#[test]
fn an_acceptance_under_a_condition_waits_for_it() {
    let case = puddock();
    let d1 = offer("2026-05-05 09:30", "2026-05-11 12:00");
    let subject = Subject { condition: Condition::CrownCounsel, words: String::new() };
    let p1 = act("P1", 1, "2026-05-06 10:00", Deed::AcceptSubject { answers: quote(&d1), subject_to: vec![subject] });
    let mut entries = vec![sent(d1.clone()), came(&p1, LINTWHITE)];
    let conditional = view(&case, Side::Defence, &entries, "2026-05-06 11:00");
    assert_eq!((conditional.state, conditional.turn), (State::Conditional, Some(Side::Prosecution)));
    assert_eq!(conditional.conditions.len(), 1);
    // Without a word about the condition it is no acceptance.
    let bare = act("P2", 1, "2026-05-07 10:00", Deed::Accept { answers: quote(&d1), cleared: Vec::new() });
    entries.push(came(&bare, LINTWHITE));
    let still = view(&case, Side::Defence, &entries, "2026-05-07 11:00");
    assert_eq!(still.state, State::Conditional);
    assert_eq!(
        still.steps[2].because(),
        ["The acceptance depends on the approval of Crown Counsel: say who cleared it."]
    );
    entries.pop();
    let cleared = vec![super::act::Cleared { condition: Condition::CrownCounsel, by: "Crown Counsel, 7 May".into() }];
    let met = act("P2", 1, "2026-05-07 10:00", Deed::Accept { answers: quote(&d1), cleared });
    entries.push(came(&met, LINTWHITE));
    let agreed = view(&case, Side::Defence, &entries, "2026-05-30 11:00");
    assert_eq!((agreed.state, agreed.accepted_by), (State::Agreed, Some(met.no)));
    // The plea is listed, and then departed from: only with a reason.
    let at_diet = HearingTime { date: date(2026, 5, 27), time: None };
    let d2 =
        act("D2", 2, "2026-05-08 10:00", Deed::TenderNotice { answers: quote(&d1), at: at_diet, court: String::new() });
    entries.push(sent(d2));
    assert_eq!(view(&case, Side::Defence, &entries, "2026-05-08 11:00").state, State::Listed);
    let resile = |because: &str| {
        act("P3", 2, "2026-05-09 10:00", Deed::Withdraw { answers: quote(&d1), because: because.into() })
    };
    entries.push(came(&resile(""), LINTWHITE));
    assert_eq!(view(&case, Side::Defence, &entries, "2026-05-10 11:00").state, State::Listed);
    entries.pop();
    entries.push(came(&resile("new evidence"), LINTWHITE));
    let resiled = view(&case, Side::Defence, &entries, "2026-05-10 11:00");
    assert_eq!(resiled.state, State::Resiled);
    assert!(table::may(&resiled, Kind::Offer, Side::Defence).is_ok());
}

#[test]
fn an_acceptance_and_a_withdrawal_that_crossed_are_no_agreement() {
    let case = puddock();
    let d1 = offer("2026-05-05 09:30", "2026-05-11 12:00");
    let accept = act("P1", 1, "2026-05-06 10:00", Deed::Accept { answers: quote(&d1), cleared: Vec::new() });
    let withdraw = act("D2", 0, "2026-05-06 10:01", Deed::Withdraw { answers: quote(&d1), because: String::new() });
    let mut entries = vec![sent(d1.clone()), came(&accept, LINTWHITE), sent(withdraw.clone())];
    for us in Side::ALL {
        let torn = view(&case, us, &entries, "2026-05-06 12:00");
        assert_eq!(torn.state, State::Crossed);
        let (offer, accepted, withdrawn) = (d1.no, accept.no, withdraw.no);
        assert_eq!(torn.crossing, Some(Crossing::AcceptedAndWithdrawn { offer, accepted, withdrawn }));
    }
    // Both sides may end it.
    let end = act("P2", 2, "2026-05-07 10:00", Deed::Withdraw { answers: quote(&d1), because: "as you did".into() });
    entries.push(came(&end, LINTWHITE));
    assert_eq!(view(&case, Side::Defence, &entries, "2026-05-07 12:00").state, State::Resiled);
    // Had the withdrawal been read, it would not have been an acceptance at all.
    let late = Act { seen: 2, ..accept };
    let entries = [sent(d1), sent(withdraw), came(&late, LINTWHITE)];
    let view = view(&case, Side::Defence, &entries, "2026-05-06 12:00");
    assert_eq!(view.state, State::Withdrawn);
    assert_eq!(view.steps[2].because().len(), 1);
}

/// One side of the model: what it has heard, and what it has sent.
#[derive(Clone, Default)]
struct Player {
    entries: Vec<Entry>,
}

/// A move of the model: who, what, and whether the other side's post is read before.
fn moves() -> impl Strategy<Value = Vec<(bool, u8, bool)>> {
    prop::collection::vec((any::<bool>(), 0_u8..14, prop::bool::weighted(0.6)), 1..16)
}

fn variant(number: u8) -> Terms {
    let pleas = [Plea::Guilty, Plea::NotGuiltyAccepted, Plea::NotGuilty];
    let one = |charge: u16, by: u8| term(charge, pleas[usize::from(number / by) % 3]);
    Terms::new(vec![one(1, 1), one(2, 3), term(3, Plea::Guilty)], None, "").unwrap()
}

fn proposal(number: u8, step: u8, case: &Case, side: Side, now: jiff::Timestamp) -> Proposal {
    let reply_by = now + SignedDuration::from_hours(if number == 12 { 1 } else { 72 });
    let ground = Ground::of(case, 1, side, now);
    let offer = || Offer::new(variant(step), reply_by, Some(authority(side)), &ground).unwrap();
    match number {
        0 | 12 => Proposal::Offer(offer()),
        1 | 13 => Proposal::Counter(offer()),
        2..=4 => Proposal::Accept {
            cleared: vec![super::act::Cleared { condition: Condition::Other, by: "somebody".into() }],
        },
        5 => {
            Proposal::AcceptSubject { subject_to: vec![Subject { condition: Condition::Other, words: String::new() }] }
        }
        6 => Proposal::Reject { because: String::new() },
        7 | 8 => Proposal::Withdraw { because: "a reason".into() },
        9 => Proposal::Query { text: "what?".into() },
        10 => Proposal::Reply { to: None, text: "that".into() },
        _ => Proposal::Extend { reply_by: reply_by + SignedDuration::from_hours(48) },
    }
}

fn player(side: Side) -> (Actor, Claim, &'static str) {
    let basis = authority(side).basis;
    let (name, role, address) = match side {
        Side::Defence => ("Isla Thistledown", Role::DefenceSolicitor, super::sample::ISLA),
        Side::Prosecution => ("Hamish Lintwhite", Role::FiscalDepute, LINTWHITE),
    };
    (Actor { name: name.into(), role, on_behalf_of: None }, Claim { basis, ..claim("a note") }, address)
}

/// Plays; gives every act that was sent.
fn play(moves: &[(bool, u8, bool)]) -> (Vec<Act>, jiff::Timestamp) {
    let case = puddock();
    let mut players = [Player::default(), Player::default()];
    let mut post: [Vec<Entry>; 2] = [Vec::new(), Vec::new()];
    let mut acts = Vec::new();
    let mut now = at("2026-05-05 09:00");
    for (step, (defence, number, read)) in moves.iter().enumerate() {
        now += SignedDuration::from_mins(47 * (i64::try_from(step).unwrap() % 5 + 1));
        let (me, side) = if *defence { (0, Side::Defence) } else { (1, Side::Prosecution) };
        if *read {
            let letters = std::mem::take(&mut post[me]);
            players[me].entries.extend(letters);
        }
        let setting = super::gather::setting(&case, super::sample::id_of(&case), side);
        let all = of_case(&case, &classes(), side, &players[me].entries);
        let negotiation = all.into_iter().next().unwrap_or_else(|| Negotiation::new(setting));
        let (actor, claim, address) = player(side);
        let proposal = proposal(*number, u8::try_from(step).unwrap() % 9, &case, side, now);
        let view = negotiation.view(now);
        let Ok(act) = compose(&view, &actor, proposal, Some(&claim), None, now) else { continue };
        players[me].entries.push(sent(act.clone()));
        post[1 - me].push(came(&act, address));
        acts.push(act);
    }
    (acts, now)
}

fn entries(acts: &[Act], us: Side) -> Vec<Entry> {
    acts.iter()
        .map(|act| if act.no.side == us { sent(act.clone()) } else { came(act, player(act.no.side).2) })
        .collect()
}

/// What both sides must see alike.
type Shared = (State, Option<Side>, Vec<(ActNo, Fate)>, Option<Crossing>, Vec<(ActNo, bool)>);

fn shared(view: &View) -> Shared {
    (
        view.state,
        view.turn,
        view.offers.iter().map(|one| (one.no, one.fate)).collect(),
        view.crossing.clone(),
        view.steps.iter().map(|step| (step.heard.act.no, step.verdict.counts())).collect(),
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(160))]

    #[test]
    fn both_sides_see_the_same_in_whatever_order_acts_come(moves in moves(), seed in any::<u64>()) {
        let (acts, now) = play(&moves);
        prop_assume!(!acts.is_empty());
        let case = puddock();
        let mut expected = None;
        for (us, turn) in [(Side::Defence, 0), (Side::Defence, 1), (Side::Prosecution, 2), (Side::Prosecution, 3)] {
            let mut entries = entries(&acts, us);
            // Any order: sorted by a hash that differs each time.
            entries.sort_by_key(|entry| {
                let (Entry::Sent { act, .. } | Entry::Came { act, .. }) = entry else { unreachable!() };
                let digest = act.digest();
                u64::from_le_bytes(digest[..8].try_into().unwrap()).wrapping_mul(seed | 1).rotate_left(turn * 13)
            });
            let view = only(&case, us, &entries).view(now);
            let found = shared(&view);
            match &expected {
                None => expected = Some(found),
                Some(expected) => prop_assert_eq!(&found, expected),
            }
            for step in &view.steps {
                prop_assert!(step.verdict.counts(), "{}: {:?}", step.heard.act.no, step.because());
            }
            agreement_rests(&view)?;
        }
    }

    /// Acts that nobody could have made, thrown in: never an agreement without an acceptance of the very terms.
    #[test]
    fn no_forgery_reaches_an_agreement_by_itself(
        moves in moves(), at_act in any::<prop::sample::Index>(), how in 0_u8..8, who in 0_u8..6
    ) {
        let (acts, now) = play(&moves);
        prop_assume!(!acts.is_empty());
        let mut forged = acts[at_act.index(acts.len())].clone();
        match how {
            0 => forged.seen = forged.seen.wrapping_add(1),
            1 => forged.no.number += 1,
            2 => forged.no.side = forged.no.side.other(),
            3 => forged.deed = accept(&forged, [9; 32]),
            4 => if let Some(first) = acts.iter().find_map(Act::quoted) { forged.deed = accept(&forged, first.hash.0) },
            5 => forged.at -= SignedDuration::from_hours(100),
            6 => forged.authority = None,
            _ => forged.seen = 0,
        }
        let case = puddock();
        let mut entries = entries(&acts, Side::Defence);
        let honest = shared(&only(&case, Side::Defence, &entries).view(now));
        let from = match who {
            0 => super::sample::MARLOW,
            1 => super::sample::WREN,
            2 => "h.lintwhite@copfs.gov.example.attacker.example",
            3 => "",
            _ => player(forged.no.side).2,
        };
        let Entry::Came { act, at, date, signature, .. } = came(&forged, from) else { unreachable!() };
        entries.push(Entry::Came { act, message: message("forged"), at, from: from.into(), date, signature });
        let view = only(&case, Side::Defence, &entries).view(now);
        agreement_rests(&view)?;
        // Who may not speak for a side changes nothing at all.
        if who < 4 {
            let (state, turn, offers, crossing, _) = shared(&view);
            prop_assert_eq!((state, turn, offers, crossing), (honest.0, honest.1, honest.2, honest.3));
        }
        entries.reverse();
        prop_assert_eq!(shared(&only(&case, Side::Defence, &entries).view(now)), shared(&view));
    }
}

fn accept(act: &Act, hash: [u8; 32]) -> Deed {
    let answers = Quoted { no: ActNo::new(act.no.side.other(), 1), hash: super::TermsHash(hash) };
    Deed::Accept { answers, cleared: Vec::new() }
}

/// An agreement rests on an acceptance that counts, by the other side than the offer's, of its very digest.
fn agreement_rests(view: &View) -> Result<(), TestCaseError> {
    if !matches!(view.state, State::Agreed | State::Listed) {
        return Ok(());
    }
    let offer = view.standing().unwrap();
    let step =
        view.steps.iter().find(|step| Some(step.heard.act.no) == view.accepted_by && step.verdict.counts()).unwrap();
    prop_assert_eq!(step.heard.act.kind(), Kind::Accept);
    prop_assert_eq!(step.heard.act.deed.answers().unwrap(), offer.quoted());
    prop_assert_eq!(step.heard.act.no.side, offer.side().other());
    let role = step.heard.speaker.role.unwrap();
    prop_assert!(super::trust::Powers::of(role).check(role, Kind::Accept, false).is_ok());
    Ok(())
}
