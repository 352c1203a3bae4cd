//! What exported files are called: the same mail gives the same names, whoever sent it. Pure.
//!
//! `<SURNAME>_<number>/<NN>_<topic>/<yyyymmdd-hhmm>_<in|out|hand>_<kind>_<name>`, times by the clock of the courts. Every piece is made by
//! [`safe::file_name`], so that it holds no path, no control, no direction mark and no device's name.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::case::Identifier;
use crate::mail::safe;

/// Bytes of a file's name, all of it.
const NAME_MAX: usize = 120;
/// Bytes of a topic, a surname, a number.
const PIECE_MAX: usize = 40;

/// A piece of a name: letters of any script, digits and single hyphens.
fn piece(text: &str, most: usize) -> String {
    let mut made = String::new();
    for c in text.chars() {
        let c = if c.is_alphanumeric() { c } else { '-' };
        if made.len() + c.len_utf8() > most {
            break;
        }
        if c != '-' || !(made.is_empty() || made.ends_with('-')) {
            made.push(c);
        }
    }
    made.truncate(made.trim_end_matches('-').len());
    made
}

/// The directory of a case: the client's surname, and the number that others know the case by.
#[must_use]
pub fn case_directory(title: &str, client: Option<&str>, number: &str) -> String {
    let surname = client.and_then(surname).or_else(|| surname(title.rsplit(" v ").next().unwrap_or(title)));
    let surname = surname.map(|name| piece(&name.to_uppercase(), PIECE_MAX)).filter(|name| !name.is_empty());
    let number = piece(number, PIECE_MAX);
    let made = match (surname, number.is_empty()) {
        (Some(surname), false) if surname != number => format!("{surname}_{number}"),
        (Some(surname), _) => surname,
        (None, false) => number,
        (None, true) => "CASE".to_owned(),
    };
    safe::file_name(&made)
}

/// A surname in a name: the words in capitals, else the last word.
fn surname(name: &str) -> Option<String> {
    let is_capital =
        |word: &&str| word.chars().count() > 1 && word.chars().all(|c| !c.is_alphabetic() || c.is_uppercase());
    let first = name.split([',', '(', '&']).next().unwrap_or(name);
    let capitals: Vec<&str> = first.split_whitespace().filter(|word| is_capital(word)).collect();
    let last = first.split_whitespace().last().map(str::to_owned);
    if capitals.is_empty() { last } else { Some(capitals.join("-")) }
}

/// What a thread is about, for the name of its directory: its subject without what every subject of the case says.
#[must_use]
pub fn topic(subject: &str, title: &str, identifiers: &[Identifier]) -> String {
    let mut rest = subject.trim();
    loop {
        // `[CJSM]`, `Re:`, `Fwd:`, `AW:`.
        let before = rest;
        if let Some((_, after)) = rest.strip_prefix('[').and_then(|tagged| tagged.split_once(']')) {
            rest = after.trim_start();
        }
        if let Some((head, after)) = rest.split_once(':')
            && head.len() <= 4
            && head.chars().all(char::is_alphabetic)
        {
            rest = after.trim_start();
        }
        if rest == before {
            break;
        }
    }
    let compact = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_uppercase();
    let title = compact(title);
    let is_reference = |part: &str| {
        let part = compact(part);
        (!title.is_empty() && part.contains(&title))
            || identifiers.iter().any(|one| part.contains(&compact(&one.value)) && !one.value.is_empty())
    };
    let parts = rest.split(" - ").flat_map(|part| part.split(" – "));
    let own: Vec<&str> = parts.filter(|part| !is_reference(part)).collect();
    let topic = piece(&own.join(" "), PIECE_MAX);
    if topic.is_empty() { "Correspondence".to_owned() } else { topic }
}

/// The directory of a thread within its case.
#[must_use]
pub fn topic_directory(number: usize, topic: &str) -> String {
    safe::file_name(&format!("{number:02}_{topic}"))
}

/// Of what a file's name is made.
#[derive(Clone, Copy, Debug)]
pub struct Naming<'a> {
    /// When it came or went.
    pub at: Timestamp,
    /// The clock that it is told by.
    pub zone: &'a TimeZone,
    /// Which way it went: `in`, `out`, `hand`.
    pub way: &'a str,
    /// What it is: `MG5`, `message`.
    pub kind: &'a str,
    /// What the sender called it.
    pub name: &'a str,
}

/// A file's name.
#[must_use]
pub fn file(naming: &Naming<'_>) -> String {
    let stamp = naming.at.to_zoned(naming.zone.clone()).strftime("%Y%m%d-%H%M").to_string();
    let kind = match piece(naming.kind, PIECE_MAX) {
        kind if kind.is_empty() => "document".to_owned(),
        kind => kind,
    };
    let head = format!("{stamp}_{}_{kind}_", naming.way);
    format!("{head}{}", within(&safe::file_name(naming.name), NAME_MAX.saturating_sub(head.len())))
}

/// A name cut to so many bytes, the end that says what it is kept.
fn within(name: &str, most: usize) -> String {
    if name.len() <= most {
        return name.to_owned();
    }
    let end = name.rfind('.').and_then(|at| name.get(at..)).filter(|end| end.len() <= 16).unwrap_or_default();
    let stem = name.strip_suffix(end).unwrap_or(name);
    let room = most.saturating_sub(end.len());
    let cut = (0..=room.min(stem.len())).rev().find(|at| stem.is_char_boundary(*at)).unwrap_or_default();
    format!("{}{end}", stem.get(..cut).unwrap_or_default().trim_end_matches(['.', ' ']))
}

/// The same name for another file: `MG5.pdf` as `MG5-2.pdf`, no longer than a name may be.
#[must_use]
pub fn numbered(name: &str, number: u32) -> String {
    let mark = format!("-{number}");
    let (stem, end) = match name.rsplit_once('.') {
        Some((stem, end)) if !stem.is_empty() && end.len() < 16 => (stem, format!(".{end}")),
        _ => (name, String::new()),
    };
    let room = NAME_MAX.saturating_sub(mark.len() + end.len());
    let cut = (0..=room.min(stem.len())).rev().find(|at| stem.is_char_boundary(*at)).unwrap_or_default();
    format!("{}{mark}{end}", stem.get(..cut).unwrap_or_default())
}

/// What a person should know of a file by its name: codes, for the index.
#[must_use]
pub fn flags(name: &str) -> Vec<String> {
    let mut found = Vec::new();
    if safe::file_name(name) != name {
        found.push("renamed".to_owned());
    }
    if safe::deceives(name) {
        found.push("deceptive-name".to_owned());
    }
    if safe::is_program(name) {
        found.push("program".to_owned());
    }
    found
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use proptest::prelude::{any, prop_assert, proptest};

    use super::{NAME_MAX, Naming, case_directory, file, flags, numbered, topic, topic_directory};
    use crate::case::Patterns;

    fn named(kind: &str, name: &str) -> String {
        let (at, zone) = ("2026-07-02T14:53:07Z".parse().unwrap(), TimeZone::get("Europe/London").unwrap());
        file(&Naming { at, zone: &zone, way: "in", kind, name })
    }

    #[test]
    fn files_say_when_which_way_what_and_their_name() {
        assert_eq!(named("MG4", "MG4 Charges.pdf"), "20260702-1553_in_MG4_MG4 Charges.pdf");
        assert_eq!(named("witness statement", "a.pdf"), "20260702-1553_in_witness-statement_a.pdf");
        assert_eq!(named("../..", "../../SDC\u{202e}fdp.exe"), "20260702-1553_in_document_SDC[U+202E]fdp.exe");
        assert_eq!(flags("../../SDC\u{202e}fdp.exe"), ["renamed", "deceptive-name", "program"]);
        assert_eq!(flags("MG5.pdf"), [""; 0]);
        let long = named("MG5", &format!("{}.pdf", "Ö".repeat(500)));
        assert!(long.len() <= NAME_MAX && long.ends_with("Ö.pdf"), "{long}");
        assert_eq!(numbered("MG5.pdf", 2), "MG5-2.pdf");
        assert!(numbered(&long, 2).len() <= NAME_MAX && numbered(&long, 2).ends_with("-2.pdf"));
    }

    #[test]
    fn cases_have_the_surname_and_the_number() {
        let check = |title, client, number, expected: &str| assert_eq!(case_directory(title, client, number), expected);
        check("R v FERRET", None, "99ZX0012326", "FERRET_99ZX0012326");
        check("R v FERRET", Some("Barnaby FERRET"), "99ZX0012326", "FERRET_99ZX0012326");
        check("PF Kirkmirkle v Morag Puddock", None, "ZZ26000417", "PUDDOCK_ZZ26000417");
        check("99ZX0012326", None, "99ZX0012326", "99ZX0012326");
        check("../..", None, "", "CASE");
        check("R v ../../etc", None, "26/99ZX/01", "ETC_26-99ZX-01");
    }

    #[test]
    fn topics_leave_out_what_the_case_is_called() {
        let ids = vec![Patterns::new(&[]).unwrap().read("99ZX0012326")];
        let check =
            |subject: &str, expected: &str| assert_eq!(topic(subject, "R v FERRET", &ids), expected, "{subject}");
        check("[CJSM] R v FERRET 99ZX0012326 Ambleford MC 05/03/2026 - IDPC", "IDPC");
        check("Re: Fwd: [x] R v FERRET - 99 ZX 00123 26", "Correspondence");
        check("Bail / surety", "Bail-surety");
        check("", "Correspondence");
        assert_eq!(topic_directory(1, "IDPC"), "01_IDPC");
        assert_eq!(topic_directory(123, "x"), "123_x");
    }

    proptest! {
        #[test]
        fn no_name_leaves_its_directory(name in proptest::collection::vec(any::<char>(), 0..200), kind in ".{0,60}", number in 2..10_000_u32) {
            let name: String = name.into_iter().collect();
            for made in [named(&kind, &name), numbered(&named(&kind, &name), number), case_directory(&name, Some(&kind), &name),
                         topic_directory(1, &topic(&name, &kind, &[]))] {
                prop_assert!(!made.is_empty() && made.len() <= NAME_MAX, "{made:?}");
                prop_assert!(!made.contains(['/', '\\', '\0', ':']) && !made.chars().any(char::is_control), "{made:?}");
                prop_assert!(!made.starts_with('.') && !made.ends_with(['.', ' ']), "{made:?}");
            }
        }
    }
}
