//! Numbers as people write them, and what only looks like one.

use super::{Identifier, Kind, Pattern, PatternError, Patterns};

fn patterns() -> Patterns {
    Patterns::new(&[]).unwrap()
}

fn values(text: &str) -> Vec<(Kind, String)> {
    patterns().find(text).into_iter().map(|Identifier { kind, value, .. }| (kind, value)).collect()
}

fn check(kind: &Kind, text: &str, expected: &[&str]) {
    let found: Vec<String> = values(text).into_iter().filter(|(k, _)| k == kind).map(|(_, value)| value).collect();
    assert_eq!(found, expected, "{text:?}");
}

proptest::proptest! {
    #[test]
    fn the_look_at_all_at_once_misses_nothing(text in "([0-9]{2,9}|[A-Za-z]{1,3}|[ /.\\-:\n]|MAAT|T20|HCA/20|99ZX0012326|26/99ZX/01/48151N|ZZ26000417|é){0,30}") {
        let at_once = patterns();
        let one_by_one = Patterns { all: None, ..at_once.clone() };
        proptest::prop_assert_eq!(at_once.find(&text), one_by_one.find(&text));
    }
}

#[test]
fn urns() {
    let check = |text, expected: &[&str]| check(&Kind::Urn, text, expected);
    check("99ZX0012326", &["99ZX0012326"]);
    check("12AB3456789", &["12AB3456789"]);
    check("99 ZX 00123 26", &["99ZX0012326"]);
    check("99/ZX/00123/26", &["99ZX0012326"]);
    check("urn:99zx0012326.", &["99ZX0012326"]);
    check("[CJSM] RE: URN 99 ZX 00123 26 - Ferret", &["99ZX0012326"]);
    check("99 zx 00123 26 and 99ZX0012327", &["99ZX0012326", "99ZX0012327"]);
    for text in [
        "99ZX00123026",
        "9ZX0012326",
        "07700900123",
        "07700 900123",
        "+44 7700 900123",
        "99Z10012326x",
        "X99ZX0012326",
        "99ZX00123267",
        "26/99ZX/01/48151N",
    ] {
        check(text, &[]);
    }
}

#[test]
fn two_numbers_with_one_space_between_them_are_both_found() {
    check(&Kind::Urn, "99ZX0012326 99ZX0012327", &["99ZX0012326", "99ZX0012327"]);
}

#[test]
fn a_number_is_found_beside_letters_that_are_not_ascii() {
    check(&Kind::Urn, "é99ZX0012326é99ZX0012327–", &["99ZX0012326", "99ZX0012327"]);
}

#[test]
fn crown_court_numbers() {
    let check = |text, expected: &[&str]| check(&Kind::CrownCourt, text, expected);
    for valid in ["T20269001", "S20261234", "A20160001", "B20171234", "U20200001"] {
        check(valid, &[valid]);
    }
    check("R v Otter (T20269001) PTPH", &["T20269001"]);
    check("t 20269001", &["T20269001"]);
    for invalid in ["T2026901", "X20269001", "T18991234", "T202690011", "AT20269001", "T202690012"] {
        check(invalid, &[]);
    }
}

#[test]
fn arrest_summons_numbers_and_their_check_letter() {
    let found = |text: &str| patterns().find(text);
    let good = Identifier { kind: Kind::Asn, value: "26/99ZX/01/48151N".into(), warning: None };
    assert_eq!(found("ASN 26/99ZX/01/48151N."), std::slice::from_ref(&good));
    assert_eq!(found("2699ZX0100000048151N"), [good]);
    assert_eq!(found("26/99ZX/01/48152P")[0].warning, None);
    assert_eq!(found("26/99QY/00/623420P")[0].warning, None);
    let odd = &found("26/99ZX/01/48151P")[0];
    assert_eq!(odd.value, "26/99ZX/01/48151P");
    assert_eq!(odd.warning.as_deref(), Some("check letter P should be N: mistyped?"));
    for text in ["26/99ZX/01/48151I", "26/99ZX/01/N"] {
        check(&Kind::Asn, text, &[]);
    }
}

#[test]
fn legal_aid_numbers() {
    check(&Kind::Maat, "MAAT 9000001", &["9000001"]);
    check(&Kind::Maat, "MAAT ID: 9000001", &["9000001"]);
    check(&Kind::Maat, "maat ref 123456", &["123456"]);
    check(&Kind::Maat, "9000001", &[]);
    check(&Kind::Ufn, "UFN 140426/001", &["140426/001"]);
    check(&Kind::Ufn, "(310223/001)", &["310223/001"]);
    check(&Kind::Ufn, "1404261/001", &[]);
    check(&Kind::Ufn, "140426/0011", &[]);
}

#[test]
fn scottish_numbers() {
    let pf = |text, expected: &[&str]| check(&Kind::PfReference, text, expected);
    pf("PF REF ZZ26000417", &["ZZ26000417"]);
    pf("ZZ 26 000417", &["ZZ26000417"]);
    pf("our ref: zz26000417/PN", &["ZZ26000417"]);
    for invalid in ["AZZ26000417", "ZZ260004171", "ZZ2600041"] {
        pf(invalid, &[]);
    }
    check(&Kind::Scro, "S123456/01A", &["S123456/01A"]);
    check(&Kind::Scro, "123456/01A", &[]);
    check(&Kind::Scro, "S12345/01A", &[]);
    check(&Kind::HighCourtAppeal, "HCA/2019/331/XC", &["HCA/2019/331/XC"]);
    check(&Kind::HighCourtAppeal, "HCA/19/331/XC", &[]);
}

#[test]
fn court_record_numbers_warn_and_never_reject() {
    let warning = |text: &str| patterns().find(text)[0].warning.clone();
    assert_eq!(warning("26/9999/012345F"), None);
    assert_eq!(warning("97/1626/8395Q"), None);
    assert_eq!(warning("05/9876/123456R").as_deref(), Some("check letter R should be L: mistyped?"));
    check(&Kind::Ccrn, "26/9999/012345S", &[]);
}

#[test]
fn numbers_of_people_are_looked_for_where_asked_and_their_check_letter_warns() {
    // As the sample configuration has them.
    let sample = include_str!("../../config/sample.toml");
    let asked = |name: &str| {
        let (_, rest) = sample.split_once(&format!("#     name = \"{name}\"")).unwrap();
        let rest = rest.split_once("pattern = '").unwrap().1;
        Pattern { kind: Kind::Person(name.into()), text: rest.split_once('\'').unwrap().0.into() }
    };
    let patterns = Patterns::new(&[asked("PNC"), asked("CRO")]).unwrap();
    let check = |text: &str, value: &str, warning: Option<&str>| {
        let found = patterns.find(text);
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        assert_eq!((found[0].value.as_str(), found[0].warning.as_deref()), (value, warning), "{text}");
        assert!(!found[0].kind.names_a_case());
    };
    check("PNC 2001/0123456F", "01/123456F", None);
    check("PNC 01/123456F", "01/123456F", None);
    check("PNC 01/123456G", "01/123456G", Some("check letter G should be F: mistyped?"));
    check("CRO 000042/05C", "42/05C", None);
    // A short PNC id may look the same: the letter tells them apart.
    check("CRO 42/05C", "42/05C", None);
    assert_eq!(patterns.read("42/05C").kind, Kind::Person("CRO".into()));
    assert_eq!(patterns.read("01/123456G").kind, Kind::Person("PNC".into()));
    check("CRO 000043/05C", "43/05C", Some("check letter C should be D: mistyped?"));
    check("CRO SF39/12345Y", "SF39/12345Y", None);
    check("CRO SF39/12345Q", "SF39/12345Q", Some("check letter Q should be Y: mistyped?"));
    for text in ["2001/0123456F", "000042/05C"] {
        assert_eq!(Patterns::new(&[]).unwrap().find(text), [], "not asked for");
    }
}

#[test]
fn a_firm_adds_its_own_matter_number() {
    let own = |text: &str| Pattern { kind: Kind::Own("matter".into()), text: text.into() };
    let patterns = Patterns::new(&[own(r"QP-([0-9]{4})")]).unwrap();
    let found = patterns.find("our matter QP-0042, URN 99ZX0012326");
    assert_eq!(found[0], Identifier { kind: Kind::Own("matter".into()), value: "0042".into(), warning: None });
    assert_eq!(found[1].kind, Kind::Urn);
    assert!(matches!(Patterns::new(&[own("(")]), Err(PatternError::Syntax { .. })));
    assert_eq!(Patterns::new(&[own("QP")]).unwrap_err(), PatternError::NoGroup("matter".into()));
    assert_eq!(Patterns::new(&[own("(x*)")]).unwrap_err(), PatternError::Empty("matter".into()));
}

#[test]
fn configured_identifiers_are_read_whole() {
    let read = |text: &str| patterns().read(text);
    assert_eq!(read(" 99 zx 00123 26 ").value, "99ZX0012326");
    assert_eq!(read("MAAT 9000001"), Identifier { kind: Kind::Maat, value: "9000001".into(), warning: None });
    assert_eq!(read("gnome  matter").value, "GNOME MATTER");
    assert_eq!(read("R v Otter (T20269001)").kind, Kind::Own("alias".into()));
}

/// All that a text names, in words: `urn 99ZX0012326`.
fn named(text: &str) -> Vec<String> {
    patterns().find(text).into_iter().map(|one| format!("{} {}", one.kind.name(), one.value)).collect()
}

#[test]
fn numbers_are_found_however_people_and_machines_write_them() {
    let check = |text: &str, expected: &[&str]| assert_eq!(named(text), expected, "{text:?}");
    let urn = &["urn 99ZX0012326"][..];
    for text in [
        "99-ZX-00123-26",
        "99.ZX.00123.26",
        "99_ZX_00123_26.pdf",
        "MG5_99ZX0012326_FERRET.pdf",
        "IDPC-99ZX0012326(1).PDF",
        "99 ZX 0012326",
        "99ZX 0012326",
        "99zx 00123/26",
        "99  ZX  00123  26",
        "99 / ZX / 00123 / 26",
        "99 - ZX - 00123 - 26",
        "99\u{a0}ZX\u{a0}00123\u{a0}26",
        "99\u{202f}ZX\u{2009}00123\u{2007}26",
        "99\u{2011}ZX\u{2011}00123\u{2011}26",
        "99\u{2013}ZX\u{2212}00123\u{2010}26",
        "99\u{2044}ZX\u{2215}00123\u{ff0f}26",
        "99ZX00\u{ad}12326",
        "99\u{200b}ZX\u{2060}0012326\u{feff}",
        "\u{2068}99ZX0012326\u{2069}",
        "\u{ff19}\u{ff19}\u{ff3a}\u{ff38}\u{ff10}\u{ff10}\u{ff11}\u{ff12}\u{ff13}\u{ff12}\u{ff16}",
        "URN:99ZX0012326",
        "(URN 99ZX0012326)",
        "URN#99ZX0012326;",
        "\u{201c}99ZX0012326\u{201d}",
        "R\u{a0}v\u{a0}FERRET\u{a0}\u{2014}\u{a0}99ZX0012326\u{2014}IDPC",
        "our ref 99ZX0012326/BQ/1",
        "the case is 99 ZX\r\n00123 26, as before",
        "> the case is 99\n> ZX 00123 26",
        "99ZX\n0012326",
        "https://portal.example/case/99ZX0012326?tab=1",
        "99ZX0012326 on 05/03/2026 at 10:00, tel 07700 900123",
    ] {
        check(text, urn);
    }
    for text in ["T20269001", "(T20269001)", "T 20269001", "t20269001", "Case_T20269001.docx", "T\u{a0}20269001"] {
        check(text, &["crown-court T20269001"]);
    }
    for text in [
        "ZZ26000417",
        "zz26000417",
        "ZZ 26 000417",
        "zz 26 000417",
        "ZZ-26-000417",
        "ZZ/26/000417",
        "PF ref: ZZ 26000417",
        "PF\u{a0}REF\u{a0}ZZ26000417/PN",
        "PF No. ZZ26000417",
        "ZZ 26\n> 000417",
        "ZZ26000417 - Puddock.pdf",
    ] {
        check(text, &["pf-reference ZZ26000417"]);
    }
    check("PF REF NO26000417", &["pf-reference NO26000417"]);
    check("PF ref IN 26 000417", &["pf-reference IN26000417"]);
    // Codes of offices that are words, too.
    for (text, value) in [
        ("IN 26 000417", "IN26000417"),
        ("PF v PUDDOCK, ST 26 000417", "ST26000417"),
        ("LA/26/000417", "LA26000417"),
        ("LA-26-000417", "LA26000417"),
        ("DR 26\n> 000417", "DR26000417"),
    ] {
        check(text, &[&format!("pf-reference {value}")]);
    }
    // What a court orders is no shop's order.
    check("Restraining order T20269001", &["crown-court T20269001"]);
    check("Restraining order no. T20269001", &["crown-court T20269001"]);
    check("Representation order ref: T20269001", &["crown-court T20269001"]);
    // Nor is evidence: what stands between begins a new thought.
    for text in [
        "Extraction report, mobile phone - T20269001",
        "bank account (T20269001)",
        "Phone_T20269001.pdf",
        "We spoke by telephone. Ref: T20269001",
        "their account, T20269001",
        "about the transaction\nT20269001",
    ] {
        check(text, &["crown-court T20269001"]);
    }
    check("Order T20269001", &["crown-court T20269001"]);
    check("the order. ZZ26000417 calls on Monday", &["pf-reference ZZ26000417"]);
    check("Invoice for T20269001", &["crown-court T20269001"]);
    check("Please quote our ref. ZZ26000417", &["pf-reference ZZ26000417"]);
    check("parcel collected, ZZ26000417", &["pf-reference ZZ26000417"]);
    check("Booking: PF ref ZZ26000417", &["pf-reference ZZ26000417"]);
    for text in [
        "26/99ZX/01/48151N",
        "26/99zx/01/48151n",
        "ASN: 26-99ZX-01-48151N",
        "2699zx0100000048151n",
        "26 / 99ZX / 01 / 48151N",
    ] {
        check(text, &["asn 26/99ZX/01/48151N"]);
    }
    for text in [
        "MAAT 9000001",
        "MAAT ID: 9000001",
        "MAAT Ref. No: 9000001",
        "MAAT number is 9000001",
        "MAAT_9000001.pdf",
        "MAAT-ID 9000001",
        "MAAT ID\n9000001",
        "MAAT\u{a0}9000001",
    ] {
        check(text, &["maat 9000001"]);
    }
    for text in
        ["UFN 250226/001", "250226/001", "UFN_250226_001.pdf", "UFN: 250226-001", "250226 / 001", "250226\u{2215}001"]
    {
        check(text, &["ufn 250226/001"]);
    }
    for text in ["HCA/2019/331/XC", "hca/2019/331/xc", "HCA-2019-331-XC.pdf", "HCA / 2019 / 331 / XC"] {
        check(text, &["high-court-appeal HCA/2019/331/XC"]);
    }
    check("XC477/13 and XJ607/09", &["high-court-appeal XC477/13", "high-court-appeal XJ607/09"]);
    check("SCRO S123456/01A, s123456/01a", &["scro S123456/01A"]);
}

#[test]
fn what_only_looks_like_a_number_of_a_case_is_none() {
    for text in [
        // Telephones.
        "07700900123",
        "07700 900123",
        "+44 7700 900123",
        "+44 (0)7700 900 123",
        "0044 7700 900123",
        "01632 960123 ext 26",
        "ring at 10 am 01632 96",
        "ring at 10 pm 01632 96 0123",
        "tel: 020 7946 0123",
        "fax 0131 496 0123",
        // Days and times.
        "05/03/2026",
        "2026-03-05T10:00:00Z",
        "on 20260302",
        "of 20260302",
        "a 20260302 letter",
        "A 20260302 letter",
        "S 20260302",
        "ZZ 20260302",
        "the court's 20261234",
        "12 Mar 2026 10:00",
        "Mon, 02 Mar 2026 14:52:00 +0000",
        // Money, accounts, orders.
        "account no 12345678",
        "ACCOUNT NO 12345678",
        "sort code 20-00-00, account 12345678",
        "pay GBP 1,234.56 to 12345678",
        "invoice no. 20261234",
        "invoice no 26 000417",
        "PO 26000417",
        "PO26000417",
        "VAT GB 26000417",
        "GB26000417",
        "order id 26000417",
        "Your order XJ12345678",
        "Your Order No: XJ12345678 is on its way",
        "Order XJ12345678",
        "order no. T20261234",
        "Invoice SI-26-000417",
        "Invoice_SI-26-000417.pdf",
        "INVOICE NO IN 26 000417",
        "invoice number: T20261234",
        "ticket CS-26-000417",
        "[Ticket #CS-26-000417]",
        "Booking reference BK12345678",
        "VAT DK12345678",
        "VAT registration no. DK12345678",
        "delivered in 26 000417",
        "st 26 000417",
        "INV-2026-000417",
        "GB29NWBK60161331926819",
        "4929 1234 5678 9012",
        // Places, people, vehicles.
        "AM1 2ZX",
        "EC1A 1BB",
        "AB12 CDE",
        "AB 12 34 56 C",
        "QQ123456C",
        "FERRE 902261 B99ZX 26",
        // Shorter, longer, broken off.
        "9ZX0012326",
        "99ZX00123267",
        "X99ZX0012326",
        "99ZX001232",
        "T2026901",
        "T202690012",
        "ZZ2600041",
        "ZZ260004171",
        "9000001",
        "UFN 450226/001",
        "991326/001",
        "310023/001",
        "HCA/19/331",
        "R-01265-21",
        "[2014] HCJAC 94",
        "S12345/01A",
        // Two columns of a table are not one number.
        "99\n\nZX\n\n00123\n\n26",
        "row 99\n\nAB 12345 67",
        // Digests and ids of machines.
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6f9619ff-8b86-d011-b42d-00cf4fc964ff",
    ] {
        assert_eq!(named(text), [""; 0], "{text:?}");
    }
}

#[test]
fn what_was_found_is_found_again_whatever_its_pattern_wants_around_it() {
    let own = |name: &str, text: &str| Pattern { kind: Kind::Own(name.into()), text: text.into() };
    let patterns =
        Patterns::new(&[own("matter", r"QP-([0-9]{4})"), own("prison", r"(?i:NOMS )([A-Z][0-9]{4}[A-Z]{2})")]).unwrap();
    let text =
        "QP-0042, NOMS A1234BC, MAAT 9000001, 99ZX0012326, PF ref NO 26 000417, UFN 250226-001, HCA-2019-331, XC477/13";
    let found = patterns.find(text);
    assert_eq!(found.len(), 8, "{found:?}");
    let lines: Vec<String> = found.iter().map(|one| patterns.quote(one)).collect();
    assert_eq!(lines[3], "99ZX0012326", "as it was always kept");
    let again: Vec<Identifier> = lines.iter().flat_map(|line| patterns.find_again(line)).collect();
    assert_eq!(again, found);
    assert_eq!(patterns.find_again(&lines.join("\n")), found);
    for (line, one) in lines.iter().zip(&found) {
        assert_eq!(patterns.read(line), *one);
    }
}

#[test]
fn of_a_text_without_end_the_beginning_is_looked_at() {
    let numbers: Vec<String> = (0..85_000).map(|n| format!("99ZX{:05}{:02}", n / 100, n % 100)).collect();
    let line = numbers.join(" ").repeat(2);
    assert!(line.len() > 2_000_000);
    let found: Vec<String> = patterns().find(&line).into_iter().map(|one| one.value).collect();
    assert_eq!(found, numbers[..super::FOUND_MAX]);
    // The same number again and again leaves room for another.
    let found = patterns().find(&format!("{} T20269001", "99ZX0012326 ".repeat(2_000)));
    assert_eq!(found.len(), 2);
    // Where the text is cut off, no number is cut into another one.
    let blanks = " ".repeat(super::TEXT_MAX - "99ZX0012326".len());
    assert_eq!(patterns().find(&format!("{blanks}99ZX00123267")), []);
    assert_eq!(patterns().find(&format!("{blanks}\u{e9}99ZX0012326")), []);
    assert_eq!(patterns().find(&format!("{}99ZX0012326 {blanks}", " ".repeat(9))).len(), 1);
}
