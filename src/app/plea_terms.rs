//! What a user types about a charge, read as a term: `guilty-as-amended` with `delete and did threaten him with violence`. The same
//! words serve the form and the command.

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::forms::date;
use crate::case::hearing::zone;
use crate::mail::draft::Attachment;
use crate::plea::diff::amendment_words;
use crate::plea::offer::text_document;
use crate::plea::{ActNo, Amendment, Ancillary, AncillaryKind, Document, Offence, Plea, Term};

/// How details are written.
pub const DETAILS: &str = "delete WORDS; insert WORDS after WORDS; WORDS -> WORDS; basis: TEXT; basis-file: PATH; compensation: £50; if: CONDITION; an alternative: OFFENCE | STATUTE";

/// How a time is written.
pub const WHEN: &str = "day/month/year hour:minute by the clock of the court, for instance 11/05/2026 12:00";

fn unquoted(text: &str) -> String {
    let text = text.trim();
    let quotes = ['"', '\u{201c}', '\u{201d}', '\''];
    text.strip_prefix(quotes).and_then(|text| text.strip_suffix(quotes)).unwrap_or(text).trim().to_owned()
}

/// What follows a word, where a text begins with it.
fn after<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let head = text.get(..word.len())?;
    let rest = text.get(word.len()..)?;
    let ends = rest.is_empty() || rest.starts_with([' ', ':', '"', '\u{201c}']);
    (head.eq_ignore_ascii_case(word) && ends).then(|| rest.trim_start_matches([' ', ':']).trim())
}

/// What stands before the file that a charge's basis is.
const BASIS_FILE: &str = "basis-file";

/// The files that details name as a basis: as they were typed.
pub fn files(details: &str) -> impl Iterator<Item = &str> {
    details.split(';').filter_map(|part| after(part.trim(), BASIS_FILE)).filter(|name| !name.is_empty())
}

/// What stands in details before the file that is typed at their end, and the file; `None` where none is typed there.
#[must_use]
pub fn file_at_end(details: &str) -> Option<(&str, &str)> {
    let begins = details.rfind(';').map_or(0, |at| at.saturating_add(1));
    let file = after(details.get(begins..)?.trim(), BASIS_FILE)?;
    Some((details.get(..details.trim_end().len().checked_sub(file.len())?)?, file))
}

/// A file as a term names it.
#[must_use]
pub fn attached(file: &Attachment) -> Document {
    Document::Attached { name: file.name.clone(), sha256: Sha256::digest(&file.content).into() }
}

/// A term of a charge, from its plea and its details (see [`DETAILS`]); `read`: the files that were read, by what was typed.
///
/// # Errors
/// What cannot be read, in words.
pub fn term(charge: u16, plea: Plea, details: &str, read: &[(String, Attachment)]) -> Result<Term, String> {
    let mut term = Term { charge, plea, ..Term::default() };
    for part in details.split(';').map(str::trim).filter(|part| !part.is_empty()) {
        let order = AncillaryKind::ALL.into_iter().find_map(|kind| Some((kind, after(part, kind.name())?)));
        if let Some((kind, words)) = order {
            term.ancillary.push(Ancillary { kind, words: words.to_owned() });
        } else if let Some(name) = after(part, BASIS_FILE) {
            let file = read.iter().find(|(typed, _)| typed == name).map(|(_, file)| attached(file));
            term.basis = Some(file.ok_or_else(|| format!("charge {charge}: the file “{name}” was not read"))?);
        } else if let Some(text) = after(part, "basis") {
            term.basis = text_document(text);
        } else if let Some(text) = after(part, "if") {
            text.clone_into(&mut term.conditions);
        } else if plea == Plea::GuiltyAlternative {
            let (text, statute) = part.split_once('|').unwrap_or((part, ""));
            term.alternative = Some(Offence { text: text.trim().to_owned(), statute: statute.trim().to_owned() });
        } else if matches!(plea, Plea::GuiltyAsAmended | Plea::Delete) {
            term.amendments.push(amendment(part));
        } else {
            return Err(format!("charge {charge}: “{part}” is not understood; write {DETAILS}"));
        }
    }
    Ok(term)
}

fn amendment(part: &str) -> Amendment {
    if let Some((words, with)) = part.split_once("->") {
        return Amendment::Substitute { words: unquoted(words), with: unquoted(with) };
    }
    if let Some(rest) = after(part, "insert") {
        let (words, behind) = rest.rsplit_once(" after ").unwrap_or((rest, ""));
        return Amendment::Insert { words: unquoted(words), after: unquoted(behind) };
    }
    Amendment::Delete { words: unquoted(after(part, "delete").unwrap_or(part)) }
}

/// The details of a term, as they are typed. A file is that of the act that they stand in: `D1:NAME`.
#[must_use]
pub fn details(term: &Term, of: Option<ActNo>) -> String {
    let mut parts = Vec::new();
    if let Some(offence) = &term.alternative {
        let statute = if offence.statute.is_empty() { String::new() } else { format!(" | {}", offence.statute) };
        parts.push(format!("{}{statute}", offence.text));
    }
    parts.extend(term.amendments.iter().map(|one| match one {
        Amendment::Delete { words } => format!("delete {words}"),
        Amendment::Insert { words, after } => format!("insert {words} after {after}"),
        Amendment::Substitute { words, with } => format!("{words} -> {with}"),
    }));
    match (&term.basis, of) {
        (Some(Document::Text { text }), _) => parts.push(format!("basis: {text}")),
        (Some(Document::Attached { name, .. }), Some(no)) => parts.push(format!("{BASIS_FILE}: {no}:{name}")),
        (Some(Document::Attached { name, .. }), None) => parts.push(format!("{BASIS_FILE}: {name}")),
        (None, _) => {}
    }
    parts.extend(term.ancillary.iter().map(|one| format!("{}: {}", one.kind.name(), one.words)));
    if !term.conditions.is_empty() {
        parts.push(format!("if: {}", term.conditions));
    }
    parts.join("; ")
}

/// A term from one text: `1: guilty-as-amended; delete and did threaten him with violence`; `files`: those that were read, by what was typed.
///
/// # Errors
/// What cannot be read, in words.
pub fn read(text: &str, files: &[(String, Attachment)]) -> Result<Term, String> {
    let how = || format!("{text:?}: write CHARGE: PLEA; details, for instance 1: guilty-as-amended; delete WORDS");
    let (charge, rest) = text.split_once([':', '=']).ok_or_else(how)?;
    let charge: u16 = charge.trim().parse().map_err(|_| how())?;
    let (plea, details) = rest.split_once(';').unwrap_or((rest, ""));
    let plea = Plea::parse(plea).ok_or_else(|| {
        let names: Vec<&str> = Plea::ALL.into_iter().map(Plea::name).collect();
        format!("charge {charge}: {:?} is no plea; write one of {}", plea.trim(), names.join(", "))
    })?;
    term(charge, plea, details, files)
}

/// A moment by the clock of the courts.
///
/// # Errors
/// It is none, in words.
pub fn moment(text: &str) -> Result<Timestamp, String> {
    let wrong = || format!("{text:?} is no time: {WHEN}");
    if let Ok(at) = text.trim().parse::<Timestamp>() {
        return Ok(at);
    }
    let (day, time) = text.trim().rsplit_once(' ').ok_or_else(wrong)?;
    let day = date(day.trim())?;
    let time = jiff::civil::Time::strptime("%H:%M", time.trim()).map_err(|_| wrong())?;
    let zone = zone().map_err(|error| error.to_string())?;
    Ok(day.to_datetime(time).to_zoned(zone).map_err(|error| error.to_string())?.timestamp())
}

/// A moment as it is typed.
#[must_use]
pub fn typed(at: Timestamp) -> String {
    zone().map_or_else(|_| at.to_string(), |zone| at.to_zoned(zone).strftime("%d/%m/%Y %H:%M").to_string())
}

/// The changes of a term in words; for a hint.
#[must_use]
pub fn amendments(term: &Term) -> String {
    term.amendments.iter().map(amendment_words).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::{attached, details, file_at_end, files, moment, read, typed};
    use crate::mail::draft::Attachment;
    use crate::plea::{ActNo, Amendment, Side};

    #[test]
    fn what_is_typed_is_read_and_written_the_same() {
        for text in [
            "1: guilty-as-amended; delete and did threaten him with violence",
            "2: not-guilty-accepted",
            "3: guilty; basis: one blow only; compensation: £50; if: charge 2 is dropped",
            "4: guilty-alternative; theft | Theft Act 1968 s.1",
            "5: guilty-as-amended; shout -> speak loudly; insert once after swear",
        ] {
            let term = read(text, &[]).unwrap();
            let details = details(&term, None);
            let between = if details.is_empty() { "" } else { "; " };
            assert_eq!(format!("{}: {}{between}{details}", term.charge, term.plea.name()), text);
        }
        let quoted = read("1: delete; \u{201c}and swear\u{201d}", &[]).unwrap();
        assert_eq!(quoted.amendments, [Amendment::Delete { words: "and swear".into() }]);
        for wrong in ["", "guilty", "1: perhaps", "x: guilty", "1: guilty; nonsense"] {
            assert!(read(wrong, &[]).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_basis_of_a_charge_may_be_a_file() {
        let content = b"one blow only".to_vec();
        let file = Attachment { name: "basis.pdf".into(), media_type: "application/pdf".into(), content };
        let known = [("case:basis.pdf".to_owned(), file.clone())];
        let text = "3: guilty; compensation: £50; basis-file: case:basis.pdf";
        assert_eq!(files(text).collect::<Vec<_>>(), ["case:basis.pdf"]);
        let term = read(text, &known).unwrap();
        assert_eq!(term.basis, Some(attached(&file)));
        // It goes along again with what answers the act that it stood in.
        assert_eq!(details(&term, Some(ActNo::new(Side::Defence, 1))), "basis-file: D1:basis.pdf; compensation: £50");
        assert!(read(text, &[]).unwrap_err().contains("was not read"));
        assert_eq!(file_at_end("delete x; basis-file: case:ba"), Some(("delete x; basis-file: ", "case:ba")));
        assert_eq!(file_at_end("basis-file: /tmp/a;b"), None);
        assert_eq!(file_at_end("basis: one blow"), None);
    }

    #[test]
    fn times_are_the_courts() {
        let at = moment("11/05/2026 12:00").unwrap();
        assert_eq!(at.to_string(), "2026-05-11T11:00:00Z", "summer time");
        assert_eq!(typed(at), "11/05/2026 12:00");
        assert!(moment("tomorrow").is_err());
        assert!(moment("11/05/2026 25:00").is_err());
    }
}
