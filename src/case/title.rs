//! The title of a case that nobody has configured, from the subjects of its messages: `R v FERRET`. Pure.
//!
//! A title is a label for people, taken from foreign text; it decides nothing.

use std::collections::HashMap;
use std::sync::LazyLock;

use regex::Regex;

use super::identifiers::{Identifier, Kind};

/// "R v Ferret", "PF Kirkmirkle v Puddock", "HM Advocate v Gannet & Stoat".
static STYLE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?i)(?:^|[^a-z0-9])(R|Rex|Regina|The King|PF(?: [a-z]+)?|HMA|H\.?M\.? Advocate)\s+v\.?\s+([\p{L}'’\-]+(?:(?:\s*(?:&|,| and )\s*)[\p{L}'’\-]+)*)",
    )
    .ok()
});

/// Words of subjects that are nobody's name.
const NO_NAMES: &[&str] = &[
    "ACCOUNT",
    "ADVICE",
    "AGENT",
    "AND",
    "APPLICATION",
    "BAIL",
    "BASIS",
    "CASE",
    "CJSM",
    "COMPLAINT",
    "CONFERENCE",
    "CONTACT",
    "COUNSEL",
    "COURT",
    "CPS",
    "CROWN",
    "DATE",
    "DIET",
    "DISCLOSURE",
    "EVIDENCE",
    "FIRST",
    "FOR",
    "FWD",
    "HEARING",
    "HMA",
    "IDPC",
    "INDICTMENT",
    "INTERMEDIATE",
    "LETTER",
    "LISTING",
    "LEGAL",
    "MAGS",
    "MC",
    "NEW",
    "NOTICE",
    "OFFER",
    "OF",
    "OUR",
    "PAPERS",
    "PET",
    "PF",
    "PLEA",
    "PTPH",
    "RE",
    "REF",
    "REQUEST",
    "RESPONSE",
    "SERVICE",
    "SHERIFF",
    "STATEMENT",
    "THE",
    "TRIAL",
    "UNUSED",
    "URGENT",
    "URN",
    "WITNESS",
    "YOUR",
];

/// The title that most subjects support; `None` where no subject says a name.
#[must_use]
pub fn derive<'a>(identifier: &Identifier, subjects: impl Iterator<Item = &'a str>) -> Option<String> {
    let mut votes: HashMap<String, (usize, usize)> = HashMap::new();
    for (at, subject) in subjects.enumerate() {
        if let Some((title, weight)) = of_subject(identifier, subject) {
            votes.entry(title).or_insert((0, at)).0 += weight;
        }
    }
    votes.into_iter().max_by_key(|(_, (count, first))| (*count, usize::MAX - first)).map(|(title, _)| title)
}

/// The title that a subject says in full: `HMA v GANNET`.
#[must_use]
pub fn in_full(subject: &str) -> Option<String> {
    let captures = STYLE.as_ref().and_then(|style| style.captures(subject))?;
    let style = captures.get(1)?.as_str().to_uppercase();
    let head = match style.as_bytes().first() {
        Some(b'P') => "PF",
        Some(b'H') => "HMA",
        _ => "R",
    };
    let names = names(captures.get(2)?.as_str());
    (!names.is_empty()).then(|| format!("{head} v {}", names.join(" & ")))
}

/// A full style counts more than a name beside a number.
fn of_subject(identifier: &Identifier, subject: &str) -> Option<(String, usize)> {
    if let Some(title) = in_full(subject) {
        return Some((title, 3));
    }
    let head = if identifier.kind == Kind::PfReference { "PF" } else { "R" };
    let name = beside(identifier, subject)?;
    Some((format!("{head} v {name}"), 1))
}

fn names(list: &str) -> Vec<String> {
    let upper = list.to_uppercase().replace(" AND ", "&");
    upper.split(['&', ',']).map(str::trim).filter(|name| is_name(name)).take(3).map(str::to_owned).collect()
}

fn is_name(word: &str) -> bool {
    let letters = word.chars().filter(|c| c.is_alphabetic()).count();
    letters >= 3 && word.chars().count() <= 40 && !NO_NAMES.contains(&word.to_uppercase().as_str())
}

/// The name next to the number: `IDPC 99ZX0012326 FERRET, Barnaby`, `Ferret (T20269001)`, `ZZ26000417 - Puddock - plea`.
fn beside(identifier: &Identifier, subject: &str) -> Option<String> {
    let words: Vec<&str> =
        subject.split(|c: char| !(c.is_alphanumeric() || matches!(c, '\'' | '’' | '-' | '/'))).collect();
    let words: Vec<&str> = words.into_iter().filter(|word| !word.trim_matches('-').is_empty()).collect();
    let compact = |word: &str| word.to_uppercase().replace([' ', '/', '-', '.'], "");
    let value = compact(&identifier.value);
    let at = words.iter().position(|word| compact(word) == value)?;
    let name = |word: &&&str| is_name(word) && word.chars().all(|c| c.is_alphabetic() || matches!(c, '\'' | '’' | '-'));
    let after = words.get(at + 1).filter(name);
    let before = at.checked_sub(1).and_then(|b| words.get(b)).filter(name);
    // A name in capitals is meant as one.
    let shouted = |word: &&&str| word.chars().all(|c| !c.is_lowercase());
    let chosen = after.filter(shouted).or(before.filter(shouted)).or(after).or(before)?;
    Some(chosen.to_uppercase())
}

#[cfg(test)]
mod tests {
    use super::super::Patterns;
    use super::derive;

    fn check(identifier: &str, subjects: &[&str], expected: Option<&str>) {
        let identifier = Patterns::new(&[]).unwrap().read(identifier);
        assert_eq!(derive(&identifier, subjects.iter().copied()).as_deref(), expected, "{subjects:?}");
    }

    #[test]
    fn titles_from_the_shapes_of_practice() {
        let urn = "99ZX0012326";
        check(urn, &["R v FERRET - 99ZX0012326 - Ambleford MC 05/03/2026 - IDPC"], Some("R v FERRET"));
        check(urn, &["Regina v. Ferret 99ZX0012326"], Some("R v FERRET"));
        check(urn, &["IDPC 99ZX0012326 FERRET, Barnaby"], Some("R v FERRET"));
        check("T20269001", &["Ferret (T20269001) PTPH"], Some("R v FERRET"));
        check("ZZ26000417", &["PF REF ZZ26000417 - Puddock - plea"], Some("PF v PUDDOCK"));
        check("ZZ26000417", &["PF Kirkmirkle v Puddock ZZ26000417"], Some("PF v PUDDOCK"));
        check("ZZ26000533", &["HMA v Gannet & Stoat - s76 letter"], Some("HMA v GANNET & STOAT"));
        check("ZZ26000533", &["HM Advocate v Gannet and Stoat"], Some("HMA v GANNET & STOAT"));
        check(urn, &["URN 99ZX0012326 - IDPC", "hearing"], None);
        check(urn, &["R v O'Brien-Otter 99ZX0012326"], Some("R v O'BRIEN-OTTER"));
    }

    #[test]
    fn most_subjects_win_and_the_first_breaks_a_tie() {
        let urn = "99ZX0012326";
        check(urn, &["IDPC 99ZX0012326 BADGER", "R v FERRET 99ZX0012326"], Some("R v FERRET"));
        check(urn, &["99ZX0012326 BADGER", "99ZX0012326 FERRET"], Some("R v BADGER"));
    }
}
