//! Which case a message belongs to, case by case.

use super::{CaseId, ConfiguredCase, Decided, Filer, Filing, Item};
use crate::case::{Classes, Patterns};

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|s| (*s).to_owned()).collect()
}

fn filer(cases: &[(&str, &[&str])]) -> Filer {
    let cases: Vec<_> = cases
        .iter()
        .map(|(id, ids)| ConfiguredCase { id: (*id).into(), title: String::new(), identifiers: strings(ids) })
        .collect();
    let classes = Classes::default().with(&[], &strings(&["gov.example"]), &strings(&["quillpounce.example"]));
    Filer::new(Patterns::new(&[]).unwrap(), classes, &cases)
}

/// "case: reason" of each case, then "? case" of each suggestion, then the flag.
fn told(filing: &Filing) -> Vec<String> {
    let cases = filing.cases.iter().map(|f| format!("{}: {}", f.case, f.because));
    let maybe = filing.suggestions.iter().map(|f| format!("? {}", f.case));
    cases.chain(maybe).chain(filing.flag.map(|flag| format!("! {flag:?}"))).collect()
}

const CROWN: &str = "ambleford.mags@cps.gov.example";
const QUILL: &str = "b.quill@quillpounce.example";

#[test]
fn a_subject_names_its_cases() {
    let filer =
        filer(&[("ferret", &["99ZX0012326", "MAAT 9000001", "UFN 250226/001"]), ("", &["99QY0045626", "T20269001"])]);
    let check = |subject: &str, expected: &[&str]| {
        let filing = &filer.file(&[Item { subject, from: CROWN, ..Item::default() }])[0];
        assert_eq!(told(filing), expected, "{subject}");
    };
    check("R v FERRET 99ZX0012326 Ambleford MC 05/03/2026 - IDPC", &["ferret: by URN in the subject"]);
    check("Ferret legal aid MAAT 9000001", &["ferret: by MAAT number in the subject"]);
    check("Otterbourne (T20269001) PTPH", &["99QY0045626: by Crown Court number in the subject"]);
    check("Weasel 99ZX0012327 - call me 07700 900123", &["99ZX0012327: by URN in the subject"]);
    check("99ZX0012326 and 99ZX0012327", &["ferret: by URN in the subject", "99ZX0012327: by URN in the subject"]);
    // A legal-aid number that nobody configured leads nowhere, and a surname never files.
    check("MAAT 9000009 Ferret", &[]);
}

#[test]
fn rules_stand_between_numbers_and_threads() {
    use crate::case::rules::{Rule, Rules};
    let rule = |from: &str, case: Option<&str>| Rule {
        from: from.into(),
        case: case.map(|case| CaseId(case.into())),
        ..Rule::default()
    };
    let rules = [rule("alerts@cjsm.example", None), rule("expert.example", Some("ferret"))];
    let filer = filer(&[("ferret", &["99ZX0012326"])]).with_rules(Rules::new(&rules));
    let check = |from: &str, subject: &str, expected: &[&str], settled: bool| {
        let filing = &filer.file(&[Item { subject, from, ..Item::default() }])[0];
        assert_eq!(told(filing), expected, "{from} {subject}");
        assert_eq!(filing.settled, settled, "{from} {subject}");
    };
    check("x@expert.example", "my report", &["ferret: by the filing rule: from expert.example"], false);
    // The number of another case is what it says it is about.
    check("x@expert.example", "99ZX0012327", &["99ZX0012327: by URN in the subject"], false);
    // An alert is no case, whatever it quotes, and nobody is asked about it.
    check("alerts@cjsm.example", "delivery of 99ZX0012326 delayed", &[], true);
    check("x@evilexpert.example", "my report", &[], false);
    // What a person decided stands.
    let decided = Decided { cases: vec![CaseId("other".into())], whole_thread: false };
    let item = Item { from: "alerts@cjsm.example", decided: Some(&decided), ..Item::default() };
    assert_eq!(told(&filer.file(&[item])[0]), ["other: by decision"]);
}

#[test]
fn a_message_without_a_number_goes_with_its_thread() {
    let to_quill = strings(&[QUILL]);
    let to_crown = strings(&[CROWN]);
    let filings = filer(&[]).file(&[
        Item { subject: "R v FERRET - 99ZX0012326", from: CROWN, recipients: &to_quill, ..Item::default() },
        Item {
            parent: Some(0),
            subject: "service",
            from: QUILL,
            recipients: &to_crown,
            is_own: true,
            ..Item::default()
        },
        // A colleague of the first sender, at the same public body.
        Item { parent: Some(1), subject: "service", from: "p.windlestraw@cps.gov.example", ..Item::default() },
        // Its own number wins over the thread's.
        Item { parent: Some(2), subject: "now 99ZX0012327", from: CROWN, ..Item::default() },
        Item { parent: Some(3), subject: "thanks", from: CROWN, ..Item::default() },
    ]);
    let told: Vec<_> = filings.iter().map(told).collect();
    assert_eq!(told[1], ["99ZX0012326: with its thread"]);
    assert_eq!(told[2], ["99ZX0012326: with its thread"]);
    assert_eq!(told[3], ["99ZX0012327: by URN in the subject"]);
    assert_eq!(told[4], ["99ZX0012327: with its thread"]);
}

#[test]
fn a_stranger_who_forges_in_reply_to_is_flagged_and_not_filed() {
    let to_quill = strings(&[QUILL]);
    let check = |from: &str, text: &str, expected: &[&str]| {
        let filings = filer(&[]).file(&[
            Item { subject: "R v FERRET - 99ZX0012326", from: CROWN, recipients: &to_quill, ..Item::default() },
            Item { parent: Some(0), subject: "new bank details", text, from, ..Item::default() },
        ]);
        assert_eq!(told(&filings[1]), expected, "{from}");
    };
    check("x@attacker.example", "", &["? 99ZX0012326", "! StrangerInThread"]);
    check("x@evilgov.example", "", &["? 99ZX0012326", "! StrangerInThread"]);
    check("x@attacker.example", "see 99ZX0012327", &["? 99ZX0012326", "? 99ZX0012327", "! StrangerInThread"]);
    check("B.Quill@quillpounce.example.cjsm.net", "", &["99ZX0012326: with its thread"]);
}

#[test]
fn the_first_message_follows_the_answers_when_they_agree() {
    let to_client = strings(&["barnaby.ferret@mailbox.example"]);
    let root = || Item { subject: "my court date", from: "barnaby.ferret@mailbox.example", ..Item::default() };
    let answer = |subject| Item {
        parent: Some(0),
        subject,
        from: QUILL,
        recipients: &to_client,
        is_own: true,
        ..Item::default()
    };
    let one = filer(&[]).file(&[root(), answer("my court date - 99ZX0012326")]);
    assert_eq!(told(&one[0]), ["99ZX0012326: with its thread"]);
    let two = filer(&[]).file(&[root(), answer("99ZX0012326"), answer("99ZX0012327")]);
    assert_eq!(told(&two[0]), Vec::<String>::new());
}

#[test]
fn text_and_attachments_are_the_weakest_evidence() {
    let names = strings(&["MG5 99ZX0012326.pdf"]);
    let check = |text: &str, attachments: &[String], expected: &[&str]| {
        let filing =
            &filer(&[]).file(&[Item { subject: "papers", text, attachments, from: CROWN, ..Item::default() }])[0];
        assert_eq!(told(filing), expected, "{text}");
    };
    check("URN 99ZX0012327", &names, &["99ZX0012327: by URN in the text"]);
    check("see attached", &names, &["99ZX0012326: by URN in an attachment's name"]);
    check("99 zx 00123 26 and 99ZX0012327", &[], &["? 99ZX0012326", "? 99ZX0012327", "! Ambiguous"]);
    check(&format!("{}99ZX0012327", "\n".repeat(40)), &[], &[]);
}

#[test]
fn aliases_unite_and_match_whole_words() {
    let filer = filer(&[("gannet", &["ZZ26000533", "OTTER/0042"])]);
    let check = |subject, expected: &[&str]| {
        assert_eq!(told(&filer.file(&[Item { subject, ..Item::default() }])[0]), expected, "{subject}");
    };
    check("our ref otter/0042", &["gannet: by alias in the subject"]);
    check("otter/00421", &[]);
    check("HMA v Gannet ZZ26000533 OTTER/0042", &["gannet: by PF reference in the subject"]);
}

#[test]
fn a_chain_of_thousands_is_filed_to_its_end() {
    let mut items = vec![Item { subject: "99ZX0012326", from: CROWN, ..Item::default() }];
    items.extend((0..20_000).map(|n| Item { parent: Some(n), from: CROWN, ..Item::default() }));
    items.reverse();
    let last = items.len() - 1;
    for item in &mut items {
        item.parent = item.parent.map(|n| last - n);
    }
    assert!(filer(&[]).file(&items).iter().all(|filing| filing.cases.len() == 1));
}

#[test]
fn what_a_person_decided_stands_and_goes_on_down_the_thread() {
    let to_quill = strings(&[QUILL]);
    let to = |case: &str, whole_thread| Decided { cases: vec![CaseId(case.to_owned())], whole_thread };
    let check = |decided: &Decided, expected: [&[&str]; 4]| {
        let filings = filer(&[]).file(&[
            Item {
                subject: "Weasel 99ZX0012327",
                from: CROWN,
                recipients: &to_quill,
                decided: Some(decided),
                ..Item::default()
            },
            Item { parent: Some(0), subject: "re", from: QUILL, is_own: true, ..Item::default() },
            Item { parent: Some(1), subject: "99QY0045626", from: CROWN, ..Item::default() },
            Item { parent: Some(0), subject: "re", text: "99ZX0012326", from: "x@attacker.example", ..Item::default() },
        ]);
        for (at, expected) in expected.iter().enumerate() {
            assert_eq!(told(&filings[at]), *expected, "{at}");
        }
        filings
    };
    let stranger: &[&str] = &["? ferret", "? 99ZX0012326", "! StrangerInThread"];
    check(
        &to("ferret", true),
        [&["ferret: by decision"], &["ferret: with its thread"], &["99QY0045626: by URN in the subject"], stranger],
    );
    let alone = check(
        &to("ferret", false),
        [&["ferret: by decision"], &[], &["99QY0045626: by URN in the subject"], &["99ZX0012326: by URN in the text"]],
    );
    assert!(alone[0].settled && !alone[1].settled);
    let not_a_case = check(
        &Decided { cases: Vec::new(), whole_thread: true },
        [&[], &[], &["99QY0045626: by URN in the subject"], &["99ZX0012326: by URN in the text"]],
    );
    assert!(not_a_case[0].settled && not_a_case[1].settled && !not_a_case[3].settled, "nobody is asked again");
}

#[test]
fn loops_and_wrong_parents_end() {
    let item = |parent, subject| Item { parent: Some(parent), subject, from: CROWN, ..Item::default() };
    let filings = filer(&[]).file(&[item(1, ""), item(0, ""), item(2, ""), item(99, "99ZX0012326")]);
    assert_eq!(filings[3].cases.len(), 1);
}

#[test]
fn a_stranger_who_answers_himself_stays_a_stranger() {
    let to_quill = strings(&[QUILL]);
    let stranger = "x@attacker.example";
    let to_friend = strings(&["y@friend.example", CROWN]);
    let forged =
        |parent, from, recipients| Item { parent: Some(parent), subject: "re", from, recipients, ..Item::default() };
    let filings = filer(&[]).file(&[
        Item { subject: "R v FERRET - 99ZX0012326", from: CROWN, recipients: &to_quill, ..Item::default() },
        forged(0, stranger, &to_friend),
        forged(1, stranger, &to_quill),
        // Whom he wrote to has no part by that either.
        forged(1, "y@friend.example", &to_quill),
        // Who had a part before goes on, also below him.
        forged(2, CROWN, &to_quill),
    ]);
    for at in [1, 2, 3] {
        assert_eq!(told(&filings[at]), ["? 99ZX0012326", "! StrangerInThread"], "{at}");
    }
    assert_eq!(told(&filings[4]), ["99ZX0012326: with its thread"]);
}

#[test]
fn an_alias_is_found_in_texts_and_names_of_files_too() {
    let filer = filer(&[("gannet", &["ZZ26000533", "Operation Gorse"])]);
    let names = strings(&["Schedule OPERATION GORSE v2.pdf"]);
    let check = |text: &str, attachments: &[String], expected: &[&str]| {
        let filing = &filer.file(&[Item { subject: "papers", text, attachments, from: CROWN, ..Item::default() }])[0];
        assert_eq!(told(filing), expected, "{text}");
        // As it is kept between two starts: what was found, and nothing else.
        let patterns = Patterns::new(&[]).unwrap();
        let kept: Vec<String> = filer.identifiers(text).iter().map(|one| patterns.quote(one)).collect();
        let kept_names: Vec<String> =
            filer.identifiers(&attachments.join("\n")).iter().map(|one| patterns.quote(one)).collect();
        let item = Item {
            subject: "papers",
            text: &kept.join("\n"),
            attachments: &kept_names,
            from: CROWN,
            ..Item::default()
        };
        assert_eq!(told(&filer.file(&[item])[0]), expected, "{text}, kept");
    };
    check("we write about Operation\nGorse again", &[], &["gannet: by alias in the text"]);
    check("we write about operation\u{a0}gorse", &[], &["gannet: by alias in the text"]);
    check("operation gorses", &[], &[]);
    check("see attached", &names, &["gannet: by alias in an attachment's name"]);
}

#[test]
fn a_firms_own_number_leads_to_its_case_from_everywhere_and_nothing_else_does() {
    let own = crate::case::Pattern { kind: crate::case::Kind::Own("matter".into()), text: r"QP-([0-9]{4})".into() };
    let patterns = Patterns::new(&[own]).unwrap();
    let number = patterns.read("QP-0042");
    // As the register gives it.
    let case = ConfiguredCase { id: "ferret".into(), title: String::new(), identifiers: vec![patterns.quote(&number)] };
    let filer = Filer::new(patterns.clone(), Classes::default(), &[case]);
    let check = |subject: &str, text: &str, expected: &[&str]| {
        let kept: Vec<String> = filer.identifiers(text).iter().map(|one| patterns.quote(one)).collect();
        for text in [text, &kept.join("\n")] {
            assert_eq!(
                told(&filer.file(&[Item { subject, text, ..Item::default() }])[0]),
                expected,
                "{subject} {text}"
            );
        }
    };
    check("our ref QP-0042", "", &["ferret: by matter in the subject"]);
    check("papers", "our ref: QP-0042.", &["ferret: by matter in the text"]);
    check("room 0042", "at 0042 hours", &[]);
}
