//! Terms against terms, and the libel against the libel as amended.

use super::terms::{Amendment, Plea, Term, Terms};
use super::text::fold;

/// A piece of a libel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// It stays.
    Kept(String),
    /// It goes.
    Gone(String),
    /// It comes.
    Come(String),
}

/// An amendment whose words do not stand in the libel.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the words “{0}” do not stand in the charge")]
pub struct NoSuchWords(pub String);

/// A libel with its amendments, piece by piece, in order. Words are compared without regard to capitals.
///
/// # Errors
/// [`NoSuchWords`]: the charge as the case has it is often shorter than the libel in the papers; the amendment may still be meant, and is then
/// shown by itself.
pub fn libel(text: &str, amendments: &[Amendment]) -> Result<Vec<Piece>, NoSuchWords> {
    let mut pieces = vec![Piece::Kept(fold(text))];
    for amendment in amendments {
        let (wanted, gone, come) = match amendment {
            Amendment::Delete { words } => (words, true, None),
            Amendment::Substitute { words, with } => (words, true, Some(with)),
            Amendment::Insert { words, after } => (after, false, Some(words)),
        };
        if wanted.is_empty() {
            pieces.extend(come.map(|words| Piece::Come(words.clone())));
            continue;
        }
        let found = pieces.iter().enumerate().find_map(|(at, piece)| match piece {
            Piece::Kept(text) => Some((at, split(text, wanted)?)),
            _ => None,
        });
        let Some((at, (before, words, behind))) = found else { return Err(NoSuchWords(wanted.clone())) };
        let mut new = Vec::new();
        let kept = if gone { before } else { format!("{before}{words}") };
        new.push(Piece::Kept(kept));
        if gone {
            new.push(Piece::Gone(words));
        }
        new.extend(come.map(|words| Piece::Come(words.clone())));
        new.push(Piece::Kept(behind));
        new.retain(|piece| !matches!(piece, Piece::Kept(text) if text.trim().is_empty()));
        pieces.splice(at..=at, new);
    }
    Ok(pieces)
}

/// A text before, at and behind the first place where words stand in it as whole words.
fn split(text: &str, words: &str) -> Option<(String, String, String)> {
    let characters: Vec<char> = text.chars().collect();
    let wanted: Vec<char> = words.chars().collect();
    let same = |a: &char, b: &char| a == b || a.to_lowercase().eq(b.to_lowercase());
    let at = (0..characters.len().checked_sub(wanted.len())?.saturating_add(1)).find(|at| {
        let end = at.saturating_add(wanted.len());
        let here = characters.get(*at..end).unwrap_or_default();
        let edge = |place: Option<usize>| place.and_then(|at| characters.get(at)).is_none_or(|c| !c.is_alphanumeric());
        here.iter().zip(&wanted).all(|(a, b)| same(a, b)) && edge(at.checked_sub(1)) && edge(Some(end))
    })?;
    let end = at.saturating_add(wanted.len());
    let text = |range: Option<&[char]>| range.unwrap_or_default().iter().collect::<String>();
    Some((text(characters.get(..at)), text(characters.get(at..end)), text(characters.get(end..))))
}

/// The pieces as one line: `[-gone-]`, `{+come+}`.
#[must_use]
pub fn libel_words(pieces: &[Piece]) -> String {
    let mut line = String::new();
    for piece in pieces {
        let text = match piece {
            Piece::Kept(text) => text.clone(),
            Piece::Gone(text) => format!("[-{text}-]"),
            Piece::Come(text) => format!("{{+{text}+}}"),
        };
        let glued = line.is_empty() || line.ends_with(' ') || text.starts_with([' ', ',', '.', ';']);
        if !glued {
            line.push(' ');
        }
        line.push_str(&text);
    }
    line
}

/// How one thing differs from the round before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The charge; `None`: something about all of them.
    pub charge: Option<u16>,
    /// As it was, in words; `None`: nothing was said.
    pub was: Option<String>,
    /// As it is, in words; `None`: nothing is said any more.
    pub is: Option<String>,
}

impl Change {
    /// In one line.
    #[must_use]
    pub fn words(&self) -> String {
        let about = self.charge.map_or_else(|| "All charges".to_owned(), |charge| format!("Charge {charge}"));
        match (&self.was, &self.is) {
            (Some(was), Some(is)) => format!("{about}: {is} (was: {was})"),
            (None, Some(is)) => format!("{about}: {is} (new)"),
            (Some(was), None) => format!("{about}: no longer {was}"),
            (None, None) => about,
        }
    }
}

/// What differs between two rounds, charge by charge; empty where nothing does.
#[must_use]
pub fn terms(before: &Terms, after: &Terms) -> Vec<Change> {
    let mut numbers: Vec<u16> = before.charges().iter().chain(after.charges()).map(|term| term.charge).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let mut changes = Vec::new();
    for number in numbers {
        let (was, is) = (before.term(number), after.term(number));
        if was != is {
            changes.push(Change { charge: Some(number), was: was.map(words), is: is.map(words) });
        }
    }
    let whole = |terms: &Terms| {
        let mut said = Vec::new();
        if let Some(basis) = terms.basis() {
            said.push(super::block::document_words(basis));
        }
        if !terms.conditions().is_empty() {
            said.push(format!("conditions: {}", terms.conditions()));
        }
        (!said.is_empty()).then(|| said.join("; "))
    };
    let (was, is) = (whole(before), whole(after));
    if was != is {
        changes.push(Change { charge: None, was, is });
    }
    changes
}

/// A term in words, without the number of its charge.
#[must_use]
pub fn words(term: &Term) -> String {
    let mut said = vec![term.plea.words().to_owned()];
    if let Some(offence) = &term.alternative {
        let statute = if offence.statute.is_empty() { String::new() } else { format!(" ({})", offence.statute) };
        said = vec![format!("GUILTY to {}{statute}", offence.text)];
    }
    said.extend(term.amendments.iter().map(amendment_words));
    said.extend(term.basis.as_ref().map(super::block::document_words));
    said.extend(term.ancillary.iter().map(|one| {
        if one.words.is_empty() { one.kind.words().to_owned() } else { format!("{}: {}", one.kind.words(), one.words) }
    }));
    if !term.conditions.is_empty() {
        said.push(format!("if {}", term.conditions));
    }
    if term.plea == Plea::Unchanged && said.len() == 1 {
        return "unchanged".to_owned();
    }
    said.join("; ")
}

/// An amendment in words.
#[must_use]
pub fn amendment_words(amendment: &Amendment) -> String {
    match amendment {
        Amendment::Delete { words } => format!("delete \"{words}\""),
        Amendment::Insert { words, after } if after.is_empty() => format!("insert \"{words}\" at the end"),
        Amendment::Insert { words, after } => format!("insert \"{words}\" after \"{after}\""),
        Amendment::Substitute { words, with } => format!("for \"{words}\" substitute \"{with}\""),
    }
}

#[cfg(test)]
mod tests {
    use super::{Piece, libel, libel_words};
    use crate::plea::terms::Amendment;

    #[test]
    fn the_libel_is_shown_with_what_goes_and_what_comes() {
        let text = "did shout and swear and did threaten him with violence";
        let delete = Amendment::Delete { words: "and did threaten him with violence".into() };
        let pieces = libel(text, std::slice::from_ref(&delete)).unwrap();
        assert_eq!(pieces[1], Piece::Gone("and did threaten him with violence".into()));
        assert_eq!(libel_words(&pieces), "did shout and swear [-and did threaten him with violence-]");
        let swap = Amendment::Substitute { words: "SHOUT".into(), with: "speak loudly".into() };
        let more = Amendment::Insert { words: "at a gnome".into(), after: "swear".into() };
        let pieces = libel(text, &[swap, more, delete]).unwrap();
        assert_eq!(
            libel_words(&pieces),
            "did [-shout-] {+speak loudly+} and swear {+at a gnome+} [-and did threaten him with violence-]"
        );
        // No part of a word, and what is not there is said.
        assert!(libel(text, &[Amendment::Delete { words: "swea".into() }]).is_err());
        assert!(libel(text, &[Amendment::Delete { words: "a badger".into() }]).is_err());
    }
}
