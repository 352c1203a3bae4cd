//! A negotiation told: for the file, for scripts, for the court.

use super::act::Deed;
use super::entry::{Entry, Evidence};
use super::gather::of_case;
use super::number::Side;
use super::record;
use super::sample::{LINTWHITE, act, at, came, classes, islas, lintwhites, message, puddock, quote};
use super::sheet;
use super::{Act, Kind, Outcome};

fn told() -> Vec<Entry> {
    let d1 = act("D1", 0, "2026-05-05 09:30", Deed::Offer { terms: islas(), reply_by: at("2026-05-11 12:00") });
    let reply_by = at("2026-05-18 12:00");
    let p1 = act("P1", 1, "2026-05-06 10:00", Deed::Counter { answers: quote(&d1), terms: lintwhites(), reply_by });
    let d2 = act("D2", 1, "2026-05-07 09:00", Deed::Query { text: "When is the CCTV served?".into() });
    let p2 = act("P2", 2, "2026-05-08 15:00", Deed::Reply { to: d2.no, text: "It is in DESC.".into() });
    let d3 = act("D3", 2, "2026-05-09 10:00", Deed::Accept { answers: quote(&p1), cleared: Vec::new() });
    let evidence = Evidence { words: "attendance note of 9 May".into(), message: None };
    let sent = |act: &Act| Entry::Sent {
        act: act.clone(),
        message: message(&act.no.to_string()),
        at: act.at,
        by: "Isla Thistledown".into(),
        evidence: evidence.clone(),
    };
    let (id, by) = (d1.id.clone(), "Isla Thistledown".to_owned());
    vec![
        Entry::Refused {
            id: id.clone(),
            kind: Kind::Offer,
            because: vec!["charge 3 not addressed".into()],
            by: by.clone(),
            at: at("2026-05-05 09:20"),
        },
        sent(&d1),
        came(&p1, LINTWHITE),
        sent(&d2),
        came(&p2, LINTWHITE),
        Entry::Note {
            id: id.clone(),
            text: "she will not go to trial".into(),
            by: by.clone(),
            at: at("2026-05-08 16:00"),
        },
        sent(&d3),
        Entry::Record {
            id,
            outcome: Outcome::AsAgreed,
            hearing: None,
            source: "in court".into(),
            by,
            at: at("2026-05-27 11:00"),
        },
    ]
}

#[test]
fn a_paper_has_the_forms_that_it_has_and_no_others() {
    use super::record::{Paper, paper};
    let negotiation = of_case(&puddock(), &classes(), Side::Defence, &told()).remove(0);
    let view = negotiation.view(at("2026-05-28 12:00"));
    let made = |which, file: &str| paper(which, file, &negotiation, &view, "PF v PUDDOCK");
    assert!(made(Paper::Page, "a/Page.PDF").unwrap().starts_with(b"%PDF-"));
    let page = String::from_utf8(made(Paper::Page, "page.txt").unwrap()).unwrap();
    let own = String::from_utf8(made(Paper::Chronology, "own.txt").unwrap()).unwrap();
    assert!(own.contains("she will not go to trial") && !page.contains("she will not go to trial"), "{page}\n{own}");
    let json: serde_json::Value = serde_json::from_slice(&made(Paper::Chronology, "own.json").unwrap()).unwrap();
    assert_eq!((&json["version"], &json["state"]), (&1.into(), &"closed-recorded".into()));
    let wrong = made(Paper::Page, "page.docx").unwrap_err().to_string();
    assert_eq!(
        wrong,
        "the page to hand up is written as .pdf or .txt, by the end of the file's name; “page.docx” is neither"
    );
    for (which, file) in
        [(Paper::Page, "page.json"), (Paper::Chronology, "own.pdf"), (Paper::Page, "page"), (Paper::Page, "")]
    {
        assert!(made(which, file).is_err(), "{file}");
    }
}

#[test]
fn the_chronology_tells_all_of_it() {
    let negotiation = of_case(&puddock(), &classes(), Side::Defence, &told()).remove(0);
    let view = negotiation.view(at("2026-05-27 12:00"));
    insta::assert_snapshot!(record::text(&negotiation, &view));
    let kinds: Vec<String> = record::chronology(&negotiation, &view).into_iter().map(|line| line.kind).collect();
    assert_eq!(kinds, ["OFFER", "OFFER", "COUNTER", "QUERY", "REPLY", "NOTE", "ACCEPT", "RECORD"]);
    let json = record::json(&negotiation, &view);
    assert_eq!(json["state"], "closed-recorded");
    assert_eq!(json["acts"][6]["terms"], json["terms_sha256"]);
    assert!(!json.to_string().contains("attendance note"), "evidence stays in the register");
}

#[test]
fn the_page_for_the_court_holds_nothing_private_and_fits() {
    let entries = told();
    let negotiation = of_case(&puddock(), &classes(), Side::Defence, &entries).remove(0);
    let view = negotiation.view(at("2026-05-27 12:00"));
    let page = sheet::text(&view, "PF v PUDDOCK");
    insta::assert_snapshot!(page);
    for private in ["attendance", "trial", "not addressed"] {
        assert!(!page.contains(private), "{private}");
    }
    let bytes = sheet::pdf(&view, "PF v PUDDOCK").unwrap();
    let read = lopdf::Document::load_mem(&bytes).unwrap();
    assert_eq!(read.get_pages().len(), 1);
    let text = read.extract_text(&[1]).unwrap();
    assert!(text.contains("RECORD OF A PLEA NEGOTIATION") && text.contains("GUILTY as amended"), "{text}");

    // However long it is, it is one page.
    let mut many = entries;
    for number in 4..90 {
        let query =
            act(&format!("D{number}"), 2, "2026-05-10 09:00", Deed::Query { text: format!("question {number}") });
        many.insert(6, came(&query, super::sample::ISLA));
    }
    let negotiation = of_case(&puddock(), &classes(), Side::Defence, &many).remove(0);
    let page = sheet::text(&negotiation.view(at("2026-05-27 12:00")), "PF v PUDDOCK");
    assert!(page.lines().count() <= 66 && page.contains("earlier steps are in the chronology"), "{page}");
    assert!(page.lines().all(|line| line.chars().count() <= 88));
}
