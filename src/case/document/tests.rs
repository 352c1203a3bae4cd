//! Kinds, groups, orders, and what the advice says.

use super::{Document, Kinds, SortBy, advice, folded, read_rules};
use crate::case::Jurisdiction;
use crate::settings::finding::Place;
use crate::settings::{Document as Toml, Fields};

#[test]
fn forms_are_told_by_their_names() {
    let kinds = Kinds::default();
    let check = |name: &str, expected: Option<&str>| {
        assert_eq!(kinds.of_name(name).map(|kind| kind.code.clone()).as_deref(), expected, "{name}");
    };
    check("MG4 Charges - FERRET.pdf", Some("MG4"));
    check("MG4D.pdf", Some("MG4"));
    check("MG5.pdf", Some("MG5"));
    check("MG5 A.pdf", Some("MG5"));
    check("mg_11-P BADGER 20260221.pdf", Some("MG11"));
    check("MG 11 (reverse).pdf", Some("MG11-BACK"));
    check("P Badger statement back.pdf", Some("MG11-BACK"));
    check("MG6D Otterbourne.pdf", Some("MG6D"));
    check("mg6 c.pdf", Some("MG6C"));
    check("MG 006 D.pdf", Some("MG6D"));
    check("MG15 ROVI FERRET.pdf", Some("MG15"));
    check("PNC FERRET.pdf", Some("PNC"));
    check("IDPC 99ZX0012326 FERRET.pdf", Some("IDPC"));
    check("2026-03-02_IDPC.zip", Some("IDPC"));
    check("witness-statement.docx", Some("STATEMENT"));
    check("SMG5 manual.pdf", None);
    check("MG99.pdf", None);
    check("MG.pdf", None);
    check("MGA.pdf", None);
    check("holiday.jpg", None);
    check("sdcard.txt", None);
    check("", None);
}

#[test]
fn what_is_never_meant_for_the_defence_is_marked() {
    let kinds = Kinds::default();
    for name in ["MG6D.pdf", "MG3 charging.pdf", "MG10.pdf", "MG6.pdf", "mg 06 e.pdf", "MG11 back.pdf"] {
        assert!(kinds.of_name(name).unwrap().withheld, "{name}");
    }
    for name in ["MG6C.pdf", "MG5.pdf", "PNC.pdf", "MG11 BADGER.pdf"] {
        assert!(!kinds.of_name(name).unwrap().withheld, "{name}");
    }
}

#[test]
fn where_the_name_says_nothing_the_type_does_and_it_is_no_material() {
    let kinds = Kinds::default();
    let code = |name: &str, media_type: &str| kinds.of(name, media_type).code.clone();
    assert_eq!(code("a.mp3", "Audio/mpeg"), "MEDIA");
    assert_eq!(code("MG15.mp3", "audio/mpeg"), "MG15");
    assert_eq!(code("a.bin", "application/octet-stream"), "OTHER");
    assert!(kinds.material("holiday.jpg").is_none() && kinds.material("MG5.pdf").is_some());
}

#[test]
fn own_rules_stand_first_and_mistakes_are_told() {
    let read = |text: &str| {
        let (document, told) = Toml::parse("config.toml", text);
        assert!(told.is_empty());
        let mut fields = Fields::new(&document.root, Place::file("config.toml"));
        let rules = read_rules(&mut fields);
        (rules, fields.end())
    };
    let (rules, told) = read("[[document]]\ncode = 'X1'\nnames = ['MG5', 'gnome + audit']\nwithheld = true");
    assert!(told.is_empty(), "{told:?}");
    let kinds = Kinds::new(rules);
    assert_eq!(kinds.of_name("MG5.pdf").unwrap().code, "X1");
    assert!(kinds.of_name("audit of the gnome.txt").unwrap().withheld);
    assert_eq!(kinds.own().len(), 1);
    for (text, words) in [
        ("[[document]]\ncode = 'a/b'\nnames = ['x']", "is no code"),
        ("[[document]]\ncode = 'X'\nnames = ['x']\ntopic = '../up'", "is no topic"),
        ("[[document]]\ncode = 'X'", "nothing tells"),
        ("[[document]]\ncode = 'X'\nname = ['x']\nnames = ['x']", "name"),
    ] {
        let (_, told) = read(text);
        assert!(told.len() == 1 && told[0].to_string().contains(words), "{text}: {told:?}");
    }
}

fn document(name: &str, sha256: &str, bytes: u64, second: i64) -> Document {
    let received = jiff::Timestamp::from_second(second).ok();
    Document { received, ..Document::named(name, "", bytes, sha256.into()) }
}

#[test]
fn one_content_is_one_group_and_links_are_never_joined() {
    let all = [document("a", "00", 1, 1), document("b", "", 0, 2), document("c", "00", 1, 3), document("d", "", 0, 4)];
    assert_eq!(folded(&all), [vec![0, 2], vec![1], vec![3]]);
}

#[test]
fn a_list_sorts_each_way() {
    let all = [document("b MG5", "1", 1, 5), document("A IDPC", "2", 9, 4), document("c", "3", 5, 6)];
    let sorted = |by: SortBy| {
        let mut list = all.to_vec();
        by.sort(&mut list);
        list.iter().map(|one| one.name.chars().next().unwrap()).collect::<String>()
    };
    assert_eq!(sorted(SortBy::Latest), "cbA");
    assert_eq!(sorted(SortBy::Earliest), "Abc");
    assert_eq!(sorted(SortBy::Name), "Abc");
    assert_eq!(sorted(SortBy::Kind), "Abc");
    assert_eq!(sorted(SortBy::Size), "Acb");
}

#[test]
fn numbers_in_names_are_numbers() {
    let names = ["MG11 P.pdf", "MG4.pdf", "mg5.pdf", "MG 005 b.pdf", "EX 10.pdf", "EX 9.pdf", "EX.pdf", "EX 010.pdf"];
    let mut all: Vec<Document> = names.iter().map(|name| document(name, name, 1, 5)).collect();
    SortBy::Name.sort(&mut all);
    let sorted: Vec<&str> = all.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(
        sorted,
        ["EX 9.pdf", "EX 10.pdf", "EX 010.pdf", "EX.pdf", "MG 005 b.pdf", "MG4.pdf", "mg5.pdf", "MG11 P.pdf"]
    );
    SortBy::Kind.sort(&mut all);
    let kinds: Vec<&str> = all.iter().map(|one| one.kind.code.as_str()).filter(|code| *code != "OTHER").collect();
    assert_eq!(kinds, ["MG4", "MG5", "MG5", "MG11"]);
}

#[test]
fn the_advice_states_no_duty_to_return_in_scotland() {
    let scotland = advice(Some(Jurisdiction::Scotland)).join(" ").to_lowercase();
    for word in ["must", "return", "delete", "duty"] {
        assert!(!scotland.contains(word), "{word}");
    }
    assert_ne!(advice(Some(Jurisdiction::EnglandWales)), advice(Some(Jurisdiction::Scotland)));
}
