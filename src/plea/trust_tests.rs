//! The catalogue of acts that are none: forged, replayed, altered, misplaced. Each is named with its sentence.

use jiff::SignedDuration;

use super::act::{Act, Deed, Kind};
use super::block::{Reading, read, write};
use super::entry::Entry;
use super::gather::of_case;
use super::negotiation::{State, View};
use super::number::{NegotiationId, Side};
use super::sample::{
    ISLA, LINTWHITE, MARLOW, WREN, act, at, came, classes, gannet, islas, lintwhites, message, puddock, quote,
};
use super::terms::TermsHash;
use super::trust::Signature;
use crate::case::{Case, Jurisdiction, Party, PartyId, Role};

fn base() -> (Act, Act) {
    let d1 = act("D1", 0, "2026-05-05 09:30", Deed::Offer { terms: islas(), reply_by: at("2026-05-11 12:00") });
    let accept = act("P1", 1, "2026-05-06 10:00", Deed::Accept { answers: quote(&d1), cleared: Vec::new() });
    (d1, accept)
}

fn own(act: &Act) -> Entry {
    let (message, at) = (message("own"), act.at);
    Entry::Sent { act: act.clone(), message, at, by: "Isla Thistledown".into(), evidence: super::Evidence::default() }
}

fn five() -> super::Terms {
    let guilty = |charge| super::sample::term(charge, super::Plea::Guilty);
    super::Terms::new((1..=5).map(guilty).collect(), None, "").unwrap()
}

/// Every negotiation, and each act that does not count with its sentences.
fn refused(case: &Case, entries: &[Entry], now: &str) -> (Vec<View>, Vec<String>) {
    let views: Vec<View> =
        of_case(case, &classes(), Side::Defence, entries).iter().map(|one| one.view(at(now))).collect();
    let mut lines = Vec::new();
    for view in &views {
        for step in view.steps.iter().filter(|step| !step.verdict.counts()) {
            lines.extend(step.because().iter().map(|why| format!("  {}: {why}", step.heard.act.no)));
        }
        lines.extend(view.notices.iter().map(|notice| format!("  notice: {notice}")));
        lines.push(format!("  state: {}", view.state.name()));
    }
    (views, lines)
}

#[test]
fn what_is_no_act_is_named_and_never_counts() {
    let (d1, accept) = base();
    let case = puddock();
    let mut told = String::new();
    let mut check = |what: &str, case: &Case, entries: Vec<Entry>, now: &str| {
        let (views, lines) = refused(case, &entries, now);
        assert!(views.iter().all(|view| !matches!(view.state, State::Agreed | State::Listed)), "{what}: {lines:?}");
        told.push_str(&format!("{what}\n{}\n\n", lines.join("\n")));
        // Whatever the order is.
        let reversed: Vec<Entry> = entries.into_iter().rev().collect();
        assert_eq!(refused(case, &reversed, now).1, lines, "{what}");
    };
    let with = |change: &dyn Fn(&mut Act)| {
        let mut act = accept.clone();
        change(&mut act);
        act
    };
    let now = "2026-05-06 12:00";
    let from = |act: &Act, address: &str| vec![own(&d1), came(act, address)];
    check("from a stranger", &case, from(&accept, "h.lintwhite@copfs.gov.example.attacker.example"), now);
    check("from the police", &case, from(&accept, MARLOW), now);
    check("by a side for the other", &case, from(&accept, ISLA), now);
    let elsewhere = with(&|act| act.id = NegotiationId::first("ZZ26000533", 1));
    check("for another case", &case, from(&elsewhere, LINTWHITE), now);
    let nobody = with(&|act| act.id.accused = 7);
    check("for an accused that is none", &case, from(&nobody, LINTWHITE), now);
    let renamed = with(&|act| act.surname = "STOAT".into());
    check("for an accused of another name", &case, from(&renamed, LINTWHITE), now);
    let other_hash = with(&|act| {
        let mut quoted = quote(&d1);
        quoted.hash = TermsHash([7; 32]);
        act.deed = Deed::Accept { answers: quoted, cleared: Vec::new() };
    });
    check("accepting other terms than were offered", &case, from(&other_hash, LINTWHITE), now);
    let unknown = with(&|act| {
        let mut quoted = quote(&d1);
        quoted.no.number = 4;
        act.deed = Deed::Accept { answers: quoted, cleared: Vec::new() };
    });
    check("accepting an offer that is none", &case, from(&unknown, LINTWHITE), now);
    let unread = with(&|act| act.seen = 0);
    check("accepting what its author had not read", &case, from(&unread, LINTWHITE), now);
    let ahead = with(&|act| act.seen = 3);
    check("having read what was never sent", &case, from(&ahead, LINTWHITE), now);
    let unauthorised = with(&|act| act.authority = None);
    check("without an authority", &case, from(&unauthorised, LINTWHITE), now);
    let clients = with(&|act| act.authority.as_mut().unwrap().basis = super::Basis::ClientInstructions);
    check("with the authority of the other side", &case, from(&clients, LINTWHITE), now);
    let late = with(&|act| act.at = at("2026-05-12 10:00"));
    check("after the offer had lapsed", &case, from(&late, LINTWHITE), "2026-05-12 12:00");
    let arrived = |act: &Act, when: &str, signature| Entry::Came {
        act: act.clone(),
        message: message("late"),
        at: at(when),
        from: LINTWHITE.into(),
        date: Some(act.at),
        signature,
    };
    let back_dated = vec![own(&d1), arrived(&accept, "2026-05-12 09:00", Signature::None)];
    check("back-dated before the lapse", &case, back_dated, "2026-05-12 12:00");
    let future = vec![own(&d1), arrived(&accept, "2026-05-05 12:00", Signature::None)];
    check("written after it came", &case, future, now);
    let before = with(&|act| act.at -= SignedDuration::from_hours(48));
    check("written before what it answers", &case, from(&before, LINTWHITE), now);
    let spoiled = vec![own(&d1), arrived(&accept, "2026-05-06 10:02", Signature::Bad)];
    check("with a signature that does not fit", &case, spoiled, now);
    let mine = with(&|act| act.no.number = 2);
    let reject = act("P1", 1, "2026-05-06 09:00", Deed::Reject { answers: quote(&d1), because: "no".into() });
    check("after a refusal", &case, vec![own(&d1), came(&reject, LINTWHITE), came(&mine, LINTWHITE)], now);
    let same_number = vec![own(&d1), came(&reject, LINTWHITE), came(&accept, LINTWHITE)];
    check("with the number of another act", &case, same_number, now);
    let d2 = act("D2", 0, "2026-05-05 10:00", Deed::Withdraw { answers: quote(&d1), because: String::new() });
    let replay = with(&|act| act.seen = 2);
    check("of an offer that was taken back", &case, vec![own(&d1), own(&d2), came(&replay, LINTWHITE)], now);
    let p1 = act(
        "P1",
        1,
        "2026-05-06 09:00",
        Deed::Counter { answers: quote(&d1), terms: lintwhites(), reply_by: at("2026-05-18 12:00") },
    );
    let superseded = with(&|act| act.no.number = 2);
    check(
        "of an offer that was superseded",
        &case,
        vec![own(&d1), came(&p1, LINTWHITE), came(&superseded, LINTWHITE)],
        now,
    );
    let back = Act { seen: 0, no: "P2".parse().unwrap(), ..accept.clone() };
    check("going back behind what was read", &case, vec![own(&d1), came(&p1, LINTWHITE), came(&back, LINTWHITE)], now);

    let two = gannet();
    let stoats = Act {
        id: NegotiationId::first("ZZ26000533", 1),
        surname: "GANNET".into(),
        ..act("D1", 0, "2026-05-05 09:30", Deed::Query { text: "what of my client?".into() })
    };
    check("by the agent of another accused", &two, vec![came(&stoats, WREN)], now);
    let theirs = Act {
        id: NegotiationId::first("ZZ26000533", 1),
        surname: "GANNET".into(),
        ..act("P1", 0, "2026-05-05 09:30", Deed::Offer { terms: five(), reply_by: at("2026-05-11 12:00") })
    };
    let by_wren = Act {
        id: theirs.id.clone(),
        surname: "GANNET".into(),
        ..act("D1", 1, "2026-05-05 10:30", Deed::Accept { answers: quote(&theirs), cleared: Vec::new() })
    };
    check(
        "accepting as the agent of another accused",
        &two,
        vec![came(&theirs, LINTWHITE), came(&by_wren, WREN)],
        "2026-05-06 12:00",
    );

    // Who stands on the right side, but may not accept.
    let mut staffed = puddock();
    let party = |name: &str, role| Party {
        id: PartyId(name.to_lowercase()),
        name: name.to_owned(),
        role,
        addresses: vec![format!("{}@copfs.gov.example", name.to_lowercase())],
        ..Party::default()
    };
    staffed.parties.push(party("Advocate", Role::ProsecutionAdvocate));
    staffed.parties.push(Party { acts_for: vec![1], ..party("Clerk", Role::DefenceStaff) });
    let by_advocate = from(&accept, "advocate@copfs.gov.example");
    check("accepting as an advocate without approval", &staffed, by_advocate, now);
    let offer = act("P1", 0, "2026-05-05 09:30", Deed::Offer { terms: lintwhites(), reply_by: at("2026-05-11 12:00") });
    let mut by_clerk = act("D1", 1, "2026-05-05 10:30", Deed::Accept { answers: quote(&offer), cleared: Vec::new() });
    by_clerk.authority.as_mut().unwrap().on_behalf_of = Some("Isla Thistledown".into());
    let clerks = vec![came(&offer, LINTWHITE), came(&by_clerk, "clerk@copfs.gov.example")];
    check("accepting as staff, on behalf of a holder", &staffed, clerks, now);
    let nobodys = Entry::Came {
        act: accept.clone(),
        message: message("nobody"),
        at: at("2026-05-06 10:02"),
        from: String::new(),
        date: Some(accept.at),
        signature: Signature::Good { certificate: "CERT-LINTWHITE".into() },
    };
    check("from several authors at once", &case, vec![own(&d1), nobodys], now);
    insta::assert_snapshot!(told);
}

#[test]
fn a_replay_counts_once_and_a_signature_is_told() {
    let (d1, accept) = base();
    let case = puddock();
    let again = Entry::Came {
        act: accept.clone(),
        message: message("again"),
        at: at("2026-05-20 10:00"),
        from: LINTWHITE.into(),
        date: None,
        signature: Signature::Good { certificate: "cert-lintwhite".into() },
    };
    let (views, lines) = refused(&case, &[own(&d1), came(&accept, LINTWHITE), again], "2026-05-21 12:00");
    assert_eq!(views[0].state, State::Agreed);
    assert!(lines.iter().any(|line| line.contains("P1 came a second time; it counts once.")), "{lines:?}");
    let signed = views[0].steps.iter().find(|step| step.heard.act.kind() == Kind::Accept).unwrap();
    assert_eq!(signed.heard.trust.words(), "signed");
    let (views, _) = refused(&case, &[own(&d1), came(&accept, LINTWHITE)], "2026-05-06 12:00");
    assert_eq!(views[0].steps[1].heard.trust.words(), "claimed by the address");
}

/// A Date field is a line that anybody writes: it is told where it differs, and changes nothing.
#[test]
fn a_date_field_that_was_set_back_is_told_and_counts_for_nothing() {
    let (d1, accept) = base();
    let late = Act { at: at("2026-05-12 10:00"), ..accept };
    let set_back = Entry::Came {
        act: late,
        message: message("late"),
        at: at("2026-05-12 10:01"),
        from: LINTWHITE.into(),
        date: Some(at("2026-05-06 10:00")),
        signature: Signature::None,
    };
    let (views, lines) = refused(&puddock(), &[own(&d1), set_back], "2026-05-12 12:00");
    assert_eq!(views[0].state, State::Expired, "{lines:?}");
    let found: Vec<String> = views[0].steps[1].heard.findings.iter().map(ToString::to_string).collect();
    assert!(
        found[0].starts_with("The message is dated Wed 6 May 2026 10:00, and the act in it Tue 12 May"),
        "{found:?}"
    );
}

#[test]
fn an_act_that_reached_nobody_is_not_done_until_it_is_sent_once_more() {
    let (d1, accept) = base();
    let case = puddock();
    let failed = |when: &str| Entry::Undelivered {
        id: d1.id.clone(),
        act: d1.no,
        message: message("own"),
        because: "550 5.1.1 no such user".into(),
        at: at(when),
    };
    let again = Entry::Resent {
        id: d1.id.clone(),
        act: d1.no,
        message: message("own"),
        by: "Isla Thistledown".into(),
        at: at("2026-05-05 11:00"),
    };
    let state = |entries: &[Entry]| {
        let (views, _) = refused(&case, entries, "2026-05-06 12:00");
        let mut reversed = entries.to_vec();
        reversed.reverse();
        assert_eq!(refused(&case, &reversed, "2026-05-06 12:00").0[0].state, views[0].state);
        (views[0].state, views[0].known(Side::Defence))
    };
    assert_eq!(state(&[own(&d1)]), (State::Open, 1));
    assert_eq!(state(&[own(&d1), failed("2026-05-05 10:00")]), (State::None, 0));
    assert_eq!(state(&[own(&d1), failed("2026-05-05 10:00"), again.clone()]), (State::Open, 1));
    assert_eq!(state(&[own(&d1), failed("2026-05-05 10:00"), again, failed("2026-05-05 12:00")]), (State::None, 0));
    // An answer to what never arrived waits for it.
    assert_eq!(state(&[own(&d1), failed("2026-05-05 10:00"), came(&accept, LINTWHITE)]).0, State::None);
}

#[test]
fn what_the_user_lets_count_counts() {
    let (d1, accept) = base();
    let case = puddock();
    let late = Entry::Came {
        act: accept.clone(),
        message: message("late"),
        at: at("2026-05-12 09:00"),
        from: LINTWHITE.into(),
        date: None,
        signature: Signature::None,
    };
    let id = d1.id.clone();
    let admit = |because: &str| Entry::Admit {
        id: id.clone(),
        message: message("late"),
        because: because.into(),
        by: "Isla Thistledown".into(),
        at: at("2026-05-12 10:00"),
    };
    let (views, _) = refused(&case, &[own(&d1), late.clone(), admit("their server was down")], "2026-05-12 12:00");
    assert_eq!(views[0].state, State::Agreed);
    let (views, _) = refused(&case, &[own(&d1), late], "2026-05-12 12:00");
    assert_eq!(views[0].state, State::Expired);
}

#[test]
fn entries_read_back_from_the_register() {
    let (d1, accept) = base();
    let refused = Entry::Refused {
        id: d1.id.clone(),
        kind: Kind::AcceptSubject,
        because: vec!["charge 3 not addressed".into()],
        by: "Isla Thistledown".into(),
        at: d1.at,
    };
    for entry in [own(&d1), came(&accept, LINTWHITE), refused] {
        let json = entry.to_json().unwrap();
        assert!(json.get("kind").is_some_and(serde_json::Value::is_string));
        assert_eq!(Entry::from_json(&json).unwrap(), entry);
    }
    assert!(Entry::from_json(&serde_json::json!({ "entry": "told", "kind": "offer" })).is_err());
    let block = write(&accept, Jurisdiction::Scotland);
    assert_eq!(read(&block), Reading::Act(Box::new(accept)));
    assert_eq!(Role::FiscalDepute.words(), "procurator fiscal");
}
