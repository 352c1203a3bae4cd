//! The catalogue of acts that are none: forged, replayed, altered, misplaced. Each is named with its sentence.

use jiff::SignedDuration;

use super::act::{Act, Deed, Kind};
use super::block::{Reading, read, write};
use super::entry::Entry;
use super::gather::of_case;
use super::heard::Word;
use super::negotiation::View;
use super::number::{NegotiationId, Side};
use super::sample::{
    ISLA, LINTWHITE, MARLOW, WREN, act, at, came, classes, gannet, islas, lintwhites, message, puddock, quote,
    signed_by,
};
use super::state::State;
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
    let back_dated = vec![own(&d1), arrived(&accept, "2026-05-12 09:00", signed_by(LINTWHITE))];
    check("back-dated before the lapse", &case, back_dated, "2026-05-12 12:00");
    let future = vec![own(&d1), arrived(&accept, "2026-05-05 12:00", signed_by(LINTWHITE))];
    check("written after it came", &case, future, now);
    let before = with(&|act| act.at -= SignedDuration::from_hours(48));
    check("written before what it answers", &case, from(&before, LINTWHITE), now);
    let spoiled = vec![own(&d1), arrived(&accept, "2026-05-06 10:02", Signature::Bad)];
    check("with a signature that does not fit", &case, spoiled, now);
    check("signed by nobody", &case, vec![own(&d1), arrived(&accept, "2026-05-06 10:02", Signature::None)], now);
    let strange = Signature::Good { certificate: "CERT-STRANGER".into() };
    check("signed by somebody else", &case, vec![own(&d1), arrived(&accept, "2026-05-06 10:02", strange)], now);
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
        certificates: vec!["CERT-STRANGER".into()],
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
}

/// Anybody writes under any address: what nobody signed waits for a yes of the user's, who may take it back.
#[test]
fn what_only_the_address_vouches_for_waits_for_a_yes() {
    let (d1, accept) = base();
    let case = puddock();
    let from = |name: &str, act: &Act, signature| Entry::Came {
        act: act.clone(),
        message: message(name),
        at: at("2026-05-06 10:01"),
        from: LINTWHITE.into(),
        date: Some(act.at),
        signature,
    };
    let claimed = from("claimed", &accept, Signature::None);
    let (id, by) = (d1.id.clone(), "Isla Thistledown");
    let admit = |name: &str, when: &str| Entry::Admit {
        id: id.clone(),
        message: message(name),
        because: String::new(),
        by: by.into(),
        at: at(when),
    };
    let unmark = |name: &str, when: &str| {
        let because = "she knows nothing of it".to_owned();
        Entry::Unmark { message: message(name), because, by: by.into(), at: at(when) }
    };
    let now = "2026-05-06 12:00";
    let seen = |entries: &[Entry]| {
        let (views, lines) = refused(&case, entries, now);
        let reversed: Vec<Entry> = entries.iter().rev().cloned().collect();
        assert_eq!(refused(&case, &reversed, now).1, lines);
        let view = views.into_iter().next().unwrap();
        let waiting: Vec<String> = view.unconfirmed().map(|heard| heard.message.message_id.clone()).collect();
        let row = super::board::row(&case, &view);
        assert_eq!(row.is_ours(), view.is_ours());
        (view.state, waiting, view.steps.last().unwrap().heard.trust_words(), view.is_ours())
    };
    let waits = vec!["claimed@example".to_owned()];
    assert_eq!(seen(&[own(&d1), claimed.clone()]), (State::Open, waits.clone(), "claimed by the address".into(), true));
    let by_isla = "claimed by the address, let in by Isla Thistledown".to_owned();
    let admitted = [own(&d1), claimed.clone(), admit("claimed", "2026-05-06 11:00")];
    assert_eq!(seen(&admitted), (State::Agreed, Vec::new(), by_isla.clone(), true));
    // Taken back, it waits no more either: the user has said what it is. And let in once more.
    let back = [&admitted[..], &[unmark("claimed", "2026-05-06 11:10")]].concat();
    let set_aside = "claimed by the address, set aside".to_owned();
    assert_eq!(seen(&back), (State::Open, Vec::new(), set_aside.clone(), false));
    let again = [&back[..], &[admit("claimed", "2026-05-06 11:20")]].concat();
    assert_eq!(seen(&again), (State::Agreed, Vec::new(), by_isla, true));
    assert_eq!(seen(&[own(&d1), claimed.clone(), unmark("claimed", "2026-05-06 11:10")]).2, set_aside);
    // A forged act under the number of a true one neither counts nor keeps that from counting.
    let mut forged = accept.clone();
    forged.deed = Deed::Reject { answers: quote(&d1), because: "no".into() };
    let forged = from("forged", &forged, Signature::None);
    let signed = from("signed", &accept, signed_by(LINTWHITE));
    let (state, waiting, ..) = seen(&[own(&d1), forged.clone(), signed]);
    assert_eq!((state, waiting), (State::Agreed, Vec::new()), "no plain yes is asked for");
    let (state, waiting, ..) = seen(&[own(&d1), forged, claimed, admit("claimed", "2026-05-06 11:00")]);
    assert_eq!((state, waiting), (State::Agreed, Vec::new()));
    // A yes lets in the message that it names, and no other one under the number; a certificate that is recorded later needs none.
    let strange = from("strange", &accept, Signature::Good { certificate: "CERT-NEW".into() });
    assert_eq!(seen(&[own(&d1), strange.clone(), admit("other", "2026-05-06 11:00")]).0, State::Open);
    let mut known = case.clone();
    known.parties.iter_mut().for_each(|party| party.certificates.push("cert-new".into()));
    assert_eq!(refused(&known, &[own(&d1), strange], now).0[0].state, State::Agreed);
    // Where a yes would not help, none is asked for.
    let other = Act { surname: "STOAT".into(), ..accept };
    let (views, _) = refused(&case, &[own(&d1), from("other", &other, Signature::None)], now);
    assert_eq!(views[0].unconfirmed().count(), 0);
}

/// A plain yes says whose an act is. It does not bring back what had lapsed, nor put aside an act that is better attested: that takes a reason.
#[test]
fn a_plain_yes_lifts_nothing_but_the_doubt_whose_it_is() {
    let (d1, accept) = base();
    let case = puddock();
    let from = |name: &str, act: &Act, when: &str, signature| Entry::Came {
        act: act.clone(),
        message: message(name),
        at: at(when),
        from: LINTWHITE.into(),
        date: Some(act.at),
        signature,
    };
    let admit = |name: &str, because: &str| Entry::Admit {
        id: d1.id.clone(),
        message: message(name),
        because: because.into(),
        by: "Isla Thistledown".into(),
        at: at("2026-05-12 11:00"),
    };
    let view = |entries: &[Entry]| {
        let (mut views, lines) = refused(&case, entries, "2026-05-12 12:00");
        let reversed: Vec<Entry> = entries.iter().rev().cloned().collect();
        assert_eq!(refused(&case, &reversed, "2026-05-12 12:00").1, lines);
        views.remove(0)
    };
    let because = |view: &View, name: &str| {
        let step = view.steps.iter().find(|step| step.heard.message == message(name)).unwrap();
        (step.verdict.counts(), step.heard.word.clone(), step.because().join(" "))
    };
    // Written before the lapse, as it says, and here only after it: that is told before anybody says yes.
    let late = from("late", &accept, "2026-05-12 09:00", Signature::None);
    let waits = view(&[own(&d1), late.clone()]);
    assert_eq!(waits.unconfirmed().count(), 0);
    let (counts, _, words) = because(&waits, "late");
    assert!(!counts && words.contains("Even if it is theirs"), "{words}");
    let plain = view(&[own(&d1), late.clone(), admit("late", "")]);
    assert_eq!((plain.state, because(&plain, "late").1), (State::Expired, Word::Theirs("Isla Thistledown".into())));
    let reasoned = view(&[own(&d1), late, admit("late", "the clerk held it back, she says")]);
    assert_eq!(
        (reasoned.state, because(&reasoned, "late").1),
        (State::Agreed, Word::Despite("Isla Thistledown".into()))
    );
    // What could not be done by anybody waits for no yes.
    let nothing = Act { deed: Deed::Withdraw { answers: quote(&d1), because: "no".into() }, ..accept.clone() };
    let not_theirs = view(&[own(&d1), from("withdraw", &nothing, "2026-05-06 10:01", Signature::None)]);
    assert_eq!(not_theirs.unconfirmed().count(), 0);
    assert!(because(&not_theirs, "withdraw").2.contains("Even if it is theirs"));
    // Another act under the number of one that is signed.
    let forged = Act { deed: Deed::Reject { answers: quote(&d1), because: "no".into() }, ..accept.clone() };
    let signed = from("signed", &accept, "2026-05-06 10:01", signed_by(LINTWHITE));
    let forged = from("forged", &forged, "2026-05-06 10:02", Signature::None);
    let plain = view(&[own(&d1), signed.clone(), forged.clone(), admit("forged", "")]);
    assert_eq!(plain.state, State::Agreed);
    assert!(because(&plain, "forged").2.contains("Another act says that it is P1, and counts (signed)"));
    let reasoned = view(&[own(&d1), signed, forged, admit("forged", "he says that the other one was a slip")]);
    assert_eq!(reasoned.state, State::Rejected);
}

/// An act that would bind one's own side, and was not sent from here, takes more than a key: a reason, that is kept.
#[test]
fn what_speaks_for_ones_own_side_and_was_not_sent_from_here_takes_a_reason() {
    let case = puddock();
    let theirs = act("P1", 0, "2026-05-05 09:30", Deed::Offer { terms: islas(), reply_by: at("2026-05-11 12:00") });
    let ours = act("D1", 1, "2026-05-06 10:00", Deed::Accept { answers: quote(&theirs), cleared: Vec::new() });
    let offered = came(&theirs, LINTWHITE);
    let forged = |signature| Entry::Came {
        act: ours.clone(),
        message: message("forged"),
        at: at("2026-05-06 10:01"),
        from: ISLA.into(),
        date: None,
        signature,
    };
    let admit = |because: &str| Entry::Admit {
        id: theirs.id.clone(),
        message: message("forged"),
        because: because.into(),
        by: "Isla Thistledown".into(),
        at: at("2026-05-06 11:00"),
    };
    let seen = |entries: &[Entry]| {
        let view = refused(&case, entries, "2026-05-06 12:00").0.remove(0);
        (view.state, view.unconfirmed().count(), view.steps.last().unwrap().because().join(" "))
    };
    for signature in [Signature::None, Signature::Good { certificate: "a stranger's".into() }] {
        let waits = seen(&[offered.clone(), forged(signature.clone())]);
        assert_eq!((waits.0, waits.1), (State::Open, 1), "{}", waits.2);
        assert!(waits.2.contains("was not sent from here") && waits.2.contains("with a reason"), "{}", waits.2);
        assert_eq!(seen(&[offered.clone(), forged(signature.clone()), admit("")]), waits, "a plain yes is not enough");
        let reasoned = seen(&[offered.clone(), forged(signature), admit("sent from the office's other machine")]);
        assert_eq!((reasoned.0, reasoned.1), (State::Agreed, 0), "{}", reasoned.2);
    }
    assert_eq!(seen(&[offered, forged(signed_by(ISLA))]).0, State::Agreed, "a signature shows whose it is");
}

/// What was said of a message names the act in it.
#[test]
fn a_yes_and_its_end_are_told_by_the_act() {
    let (d1, accept) = base();
    let case = puddock();
    let claimed = Entry::Came {
        act: accept,
        message: message("claimed"),
        at: at("2026-05-06 10:01"),
        from: LINTWHITE.into(),
        date: None,
        signature: Signature::None,
    };
    let by = || "Isla Thistledown".to_owned();
    let entries = [
        own(&d1),
        claimed,
        Entry::Admit {
            id: d1.id.clone(),
            message: message("claimed"),
            because: "he rang".into(),
            by: by(),
            at: at("2026-05-06 11:00"),
        },
        Entry::Unmark {
            message: message("claimed"),
            because: "he did not".into(),
            by: by(),
            at: at("2026-05-06 11:10"),
        },
    ];
    let known = of_case(&case, &classes(), Side::Defence, &entries).remove(0);
    let view = known.view(at("2026-05-06 12:00"));
    let words: Vec<String> = known.entries.iter().map(|entry| view.words_of(entry)).collect();
    assert_eq!(
        words,
        [
            "P1 ACCEPT is let in by Isla Thistledown (he rang)",
            "P1 ACCEPT does not count any more on the word of Isla Thistledown (he did not)"
        ]
    );
    let text = super::record::text(&known, &view);
    assert!(text.contains("lets P1 ACCEPT count") && text.contains("says that P1 ACCEPT does not count"), "{text}");
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
        signature: signed_by(LINTWHITE),
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
        signature: signed_by(LINTWHITE),
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
