//! Numbers that name a case, a defendant's arrest or a legal-aid file, found in text and brought to one canonical form.
//!
//! The grammars are data ([`STANDARD`]); a firm adds its own. A failed check letter is a warning, never a rejection: the published
//! example of one of these formats fails the check that its own standard states. A telephone number is never an identifier: eleven
//! digits make no URN without its letters.

use std::fmt;

use regex::{Regex, RegexSet};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What an identifier is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Unique reference number of a prosecution case (England and Wales): `99ZX0012326`.
    Urn,
    /// Crown Court case number: `T20269001`.
    CrownCourt,
    /// Procurator fiscal reference (Scotland): `ZZ26000417`.
    PfReference,
    /// High Court of Justiciary appeal: `HCA/2019/331/XC`.
    HighCourtAppeal,
    /// Arrest/summons number: `26/99ZX/01/48151N`.
    Asn,
    /// Legal-aid application: `9000001`, only where it is labelled.
    Maat,
    /// Unique file number of a legal-aid file: `250226/001`.
    Ufn,
    /// Scottish criminal record number: names a person.
    Scro,
    /// Court case reference number: names a record.
    Ccrn,
    /// A firm's own matter number or free text, by the name that the configuration gives it.
    Own(String),
    /// A number of a person, a record or an attendance, by the name that the configuration gives it: it leads to a case only where that says so.
    Person(String),
}

impl Kind {
    /// The name that scripts read.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Urn => "urn",
            Self::CrownCourt => "crown-court",
            Self::PfReference => "pf-reference",
            Self::HighCourtAppeal => "high-court-appeal",
            Self::Asn => "asn",
            Self::Maat => "maat",
            Self::Ufn => "ufn",
            Self::Scro => "scro",
            Self::Ccrn => "ccrn",
            Self::Own(name) | Self::Person(name) => name,
        }
    }

    /// The words for people.
    #[must_use]
    pub fn words(&self) -> &str {
        match self {
            Self::Urn => "URN",
            Self::CrownCourt => "Crown Court number",
            Self::PfReference => "PF reference",
            Self::HighCourtAppeal => "High Court appeal number",
            Self::Asn => "ASN",
            Self::Maat => "MAAT number",
            Self::Ufn => "UFN",
            Self::Scro => "SCRO number",
            Self::Ccrn => "CCRN",
            Self::Own(name) | Self::Person(name) => name,
        }
    }

    /// Whether it names a case by itself. The others name people, arrests or files: they lead to a case only where the configuration
    /// says which.
    #[must_use]
    pub fn names_a_case(&self) -> bool {
        matches!(self, Self::Urn | Self::CrownCourt | Self::PfReference | Self::HighCourtAppeal | Self::Own(_))
    }
}

/// An identifier in its canonical form.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Identifier {
    /// What it is.
    pub kind: Kind,
    /// The canonical form: what messages are grouped by.
    pub value: String,
    /// Something about it is odd, in words; it counts all the same.
    pub warning: Option<String>,
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.value)
    }
}

/// A grammar: the text form, with capture groups that joined and upper-cased give the canonical value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// What it finds.
    pub kind: Kind,
    /// Text form in the syntax of the `regex` crate, without what surrounds it.
    pub text: String,
}

/// The standard grammars. Those whose form holds another's come first.
const STANDARD: &[(Kind, &str)] = &[
    (Kind::Asn, r"([0-9]{2}/[A-Za-z0-9]{4}/[A-Za-z0-9]{2,3}/[0-9]{1,11}[A-HJ-NP-RT-Za-hj-np-rt-z])"),
    (Kind::Asn, r"([0-9]{2}[A-Z0-9]{4}[A-Z0-9]{2}[0-9]{11}[A-HJ-NP-RT-Z])"),
    (Kind::HighCourtAppeal, r"([Hh][Cc][Aa]/20[0-9]{2}/[0-9]{1,6}(?:/[Xx][CJMcjm])?)"),
    (Kind::Ccrn, r"([0-9]{2}/[0-9]{4}/[0-9]{1,6}[A-HJ-NP-RT-Z])"),
    (Kind::Scro, r"([Ss][0-9]{6}/[0-9]{2}[A-Za-z])"),
    (Kind::Maat, r"(?i:MAAT(?:\s*(?:ID|REF(?:ERENCE)?|NO\.?|NUMBER))?\s*[:#]?\s*)([0-9]{6,9})"),
    (Kind::Ufn, r"([0-3][0-9][01][0-9][0-9]{2}/[0-9]{3})"),
    (Kind::Urn, r"([0-9]{2})[ /.\-]?([A-Za-z]{2}|[A-Za-z][0-9]|[0-9][A-Za-z])[ /.\-]?([0-9]{5})[ /.\-]?([0-9]{2})"),
    (Kind::CrownCourt, r"([BASTUbastu])[ ]?((?:199[0-9]|20[0-9]{2})[0-9]{4})"),
    (Kind::PfReference, r"([A-Za-z]{2})[ ]?([0-9]{2})[ ]?([0-9]{6})"),
];

/// A pattern of the configuration that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PatternError {
    /// Its text is no regular expression.
    #[error("the pattern of \"{name}\" is no regular expression: {because}")]
    Syntax {
        /// The pattern's name.
        name: String,
        /// Why.
        because: String,
    },
    /// It captures nothing.
    #[error("the pattern of \"{0}\" has no capture group ( ): the groups joined are the identifier")]
    NoGroup(String),
    /// It matches the empty text.
    #[error("the pattern of \"{0}\" matches the empty text")]
    Empty(String),
}

/// Compiled grammars.
#[derive(Clone, Debug)]
pub struct Patterns {
    compiled: Vec<(Kind, Regex)>,
    /// The same, in the same order, in one: which of them are in a text at all is known after one look at it. Nothing where they are too
    /// large together.
    all: Option<RegexSet>,
}

impl Patterns {
    /// The standard grammars and those of the configuration, which come first.
    ///
    /// # Errors
    /// The first pattern of the configuration that cannot be used.
    pub fn new(own: &[Pattern]) -> Result<Self, PatternError> {
        let standard = STANDARD.iter().map(|(kind, text)| Pattern { kind: kind.clone(), text: (*text).to_owned() });
        let (mut compiled, mut texts) = (Vec::new(), Vec::new());
        for Pattern { kind, text } in own.iter().cloned().chain(standard) {
            let name = || kind.name().to_owned();
            let syntax = |error: regex::Error| PatternError::Syntax { name: name(), because: error.to_string() };
            let inner = Regex::new(&text).map_err(syntax)?;
            if inner.captures_len() < 2 {
                return Err(PatternError::NoGroup(name()));
            }
            if inner.is_match("") {
                return Err(PatternError::Empty(name()));
            }
            let wrapped = format!("(?:^|[^A-Za-z0-9])(?:{text})(?:$|[^A-Za-z0-9])");
            let regex = Regex::new(&wrapped).map_err(syntax)?;
            compiled.push((kind, regex));
            texts.push(wrapped);
        }
        Ok(Self { compiled, all: RegexSet::new(&texts).ok() })
    }

    /// Every identifier in a text, in its order, each once.
    #[must_use]
    pub fn find(&self, text: &str) -> Vec<Identifier> {
        // Most texts of a mailbox hold no number at all.
        if !text.bytes().any(|b| b.is_ascii_digit()) {
            return Vec::new();
        }
        let mut found: Vec<(usize, usize, Identifier)> = Vec::new();
        let here = self.all.as_ref().map(|all| all.matches(text));
        for (at, (kind, regex)) in self.compiled.iter().enumerate() {
            if here.as_ref().is_some_and(|here| !here.matched(at)) {
                continue;
            }
            let mut from = 0;
            while let Some(captures) = regex.captures_at(text, from) {
                let groups: Vec<_> = captures.iter().skip(1).flatten().collect();
                let (Some(first), Some(last)) = (groups.first(), groups.last()) else { break };
                let (start, end) = (first.start(), last.end());
                let joined = || groups.iter().map(|group| group.as_str()).collect::<String>();
                match found.iter_mut().find(|(s, e, _)| start < *e && *s < end) {
                    None => found.push((start, end, canonical(kind.clone(), &joined()))),
                    // Two grammars fit the same text, `42/05C`: the check letter tells which one was meant.
                    Some((s, e, known)) if (*s, *e) == (start, end) && known.warning.is_some() && has_letter(kind) => {
                        let this = canonical(kind.clone(), &joined());
                        if this.warning.is_none() {
                            *known = this;
                        }
                    }
                    Some(_) => {}
                }
                // The pattern eats the character on each side: the search goes on at the end of the identifier, not of the match, or the
                // second of two numbers with one space between them is missed.
                from = end.max(from + 1);
                while !text.is_char_boundary(from) {
                    from += 1;
                }
                if from >= text.len() {
                    break;
                }
            }
        }
        found.sort_by_key(|(start, _, _)| *start);
        let mut identifiers: Vec<Identifier> = Vec::with_capacity(found.len());
        for (_, _, identifier) in found {
            if !identifiers.contains(&identifier) {
                identifiers.push(identifier);
            }
        }
        identifiers
    }

    /// Reads a text that is meant to be one identifier, as the configuration gives them: `T20269001`, `MAAT 9000001`. What fits no
    /// grammar is an alias in free text.
    #[must_use]
    pub fn read(&self, text: &str) -> Identifier {
        let text = text.trim();
        let mut odd = None;
        for (kind, regex) in &self.compiled {
            if let Some(captures) = regex.captures(text)
                && captures.get(0).is_some_and(|whole| whole.len() == text.len())
                && (odd.is_none() || has_letter(kind))
            {
                let joined: String = captures.iter().skip(1).flatten().map(|group| group.as_str()).collect();
                let this = canonical(kind.clone(), &joined);
                if this.warning.is_none() {
                    return this;
                }
                odd = odd.or(Some(this));
            }
        }
        if let Some(odd) = odd {
            return odd;
        }
        let value = text.split_whitespace().collect::<Vec<_>>().join(" ").to_uppercase();
        Identifier { kind: Kind::Own("alias".to_owned()), value, warning: None }
    }
}

/// Whether numbers of this kind bear a check letter that is known here.
fn has_letter(kind: &Kind) -> bool {
    let named = |name: &str| name.eq_ignore_ascii_case("pnc") || name.eq_ignore_ascii_case("cro");
    match kind {
        Kind::Asn | Kind::Ccrn => true,
        Kind::Own(name) | Kind::Person(name) => named(name),
        _ => false,
    }
}

/// The canonical form and what is odd about it.
fn canonical(kind: Kind, joined: &str) -> Identifier {
    let upper = joined.to_uppercase();
    match kind {
        Kind::Asn => asn(&upper),
        Kind::Ccrn => ccrn(upper),
        Kind::Own(ref name) | Kind::Person(ref name) if name.eq_ignore_ascii_case("pnc") => pnc(kind.clone(), upper),
        Kind::Own(ref name) | Kind::Person(ref name) if name.eq_ignore_ascii_case("cro") => cro(kind.clone(), upper),
        _ => Identifier { kind, value: upper, warning: None },
    }
}

/// Letters of the modulus-23 check: I, O and S are never used.
const CHECK_LETTERS: &[u8; 23] = b"ZABCDEFGHJKLMNPQRTUVWXY";

fn check_letter(digits: &str) -> Option<char> {
    let number: u128 = digits.parse().ok()?;
    let index = usize::try_from(number % 23).ok()?;
    CHECK_LETTERS.get(index).map(|&b| char::from(b))
}

fn odd_letter(found: char, digits: &str) -> Option<String> {
    let right = check_letter(digits)?;
    (right != found).then(|| format!("check letter {found} should be {right}: mistyped?"))
}

/// `YY/FFUU/SS/n` with the sequence's leading zeros dropped, as it is displayed, whatever form it was written in.
fn asn(upper: &str) -> Identifier {
    let compact: String = upper.chars().filter(|c| *c != '/').collect();
    let fields: Vec<String> = if upper.contains('/') {
        upper.split('/').map(str::to_owned).collect()
    } else {
        let take = |from: usize, to: usize| compact.get(from..to).unwrap_or_default().to_owned();
        vec![take(0, 2), take(2, 6), take(6, 8), take(8, compact.len())]
    };
    let field = |n: usize| fields.get(n).map(String::as_str).unwrap_or_default();
    let (year, unit, system, tail) = (field(0), field(1), field(2), field(3));
    let letter = tail.chars().last().unwrap_or_default();
    let sequence = tail.trim_end_matches(|c: char| !c.is_ascii_digit());
    let number = sequence.trim_start_matches('0');
    let force: String = unit.chars().take(2).filter(char::is_ascii_digit).collect();
    let system_digits: String = system.chars().filter(char::is_ascii_digit).collect();
    let warning = odd_letter(letter, &format!("{force}{system_digits}{year}{sequence:0>11}"));
    let number = if number.is_empty() { "0" } else { number };
    Identifier { kind: Kind::Asn, value: format!("{year}/{unit}/{system}/{number}{letter}"), warning }
}

/// `YY/CCCC/NNNNNN` and a letter over all its digits.
fn ccrn(value: String) -> Identifier {
    let mut fields = value.split('/');
    let (year, court) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
    let tail = fields.next().unwrap_or_default();
    let letter = tail.chars().last().unwrap_or_default();
    let sequence = tail.trim_end_matches(|c: char| !c.is_ascii_digit());
    let warning = odd_letter(letter, &format!("{year}{court}{sequence:0>6}"));
    Identifier { kind: Kind::Ccrn, value, warning }
}

/// The digits of a serial number, and the letter behind it.
fn serial(tail: &str) -> (&str, Option<char>) {
    (tail.trim_end_matches(|c: char| !c.is_ascii_digit()), tail.chars().last().filter(|c| !c.is_ascii_digit()))
}

/// `YY/` or `YYYY/`, a serial number and a letter over the last two digits of the year and the serial of seven.
fn pnc(kind: Kind, value: String) -> Identifier {
    let warning = value.split_once('/').and_then(|(year, tail)| {
        let (sequence, letter) = serial(tail);
        let year = year.get(year.len().checked_sub(2)?..)?;
        odd_letter(letter?, &format!("{year}{sequence:0>7}"))
    });
    Identifier { kind, value, warning }
}

/// A serial number of six, `/YY` and a letter over year and serial; of a file that was never brought into the computer `SFYY/`, the serial as it
/// stands, and the letter.
fn cro(kind: Kind, value: String) -> Identifier {
    let warning = value.split_once('/').and_then(|(head, tail)| {
        let (sequence, letter) = serial(tail);
        match head.strip_prefix("SF") {
            Some(year) => odd_letter(letter?, &format!("{year}{sequence}")),
            None => odd_letter(letter?, &format!("{sequence}{head:0>6}")),
        }
    });
    Identifier { kind, value, warning }
}

#[cfg(test)]
mod tests {
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
        let sample = include_str!("../config/sample.toml");
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
            assert_eq!(super::Patterns::new(&[]).unwrap().find(text), [], "not asked for");
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
}
