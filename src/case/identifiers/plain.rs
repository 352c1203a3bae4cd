//! Texts as numbers are looked for in them, and what only looks like a number of a case.

use std::borrow::Cow;

use super::Kind;

/// A text in which every blank is a space, every stroke one of ASCII, and digits and letters of double width are those of ASCII. What is not seen
/// (soft hyphens, joiners, spaces of no width) is left out: a number is the same with it.
pub(in crate::case) fn plain(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let folded = text.chars().filter_map(|c| match c {
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' => None,
        '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{2069}' | '\u{feff}' => None,
        '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => Some(' '),
        '\u{2010}'..='\u{2015}' | '\u{2043}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' => Some('-'),
        '\u{2044}' | '\u{2215}' | '\u{29f8}' => Some('/'),
        '\u{2024}' => Some('.'),
        '\u{2028}' | '\u{2029}' | '\u{85}' => Some('\n'),
        // The double-width forms of ASCII.
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c).saturating_sub(0xfee0)),
        c => Some(c),
    });
    Cow::Owned(folded.collect())
}

/// Words that stand before other numbers: of a sentence (`at 12345678`), an invoice, an account, an order, a country.
const WORDS: &[&str] = &[
    "ac", "am", "an", "as", "at", "be", "by", "cc", "co", "de", "do", "dr", "eg", "eu", "fr", "gb", "go", "he", "hi",
    "id", "ie", "if", "im", "in", "is", "it", "la", "ma", "me", "mr", "ms", "my", "no", "nr", "of", "oh", "ok", "on",
    "or", "pc", "ph", "pm", "po", "pp", "re", "sc", "so", "st", "tel", "to", "uk", "up", "us", "ve", "vs", "we",
];

/// Whether a text that has the form of a number is meant as one. `written`: how it stands in the text; `labelled`: something before it says what
/// it is. Eight digits behind a word are an account, an invoice, a day; five and two behind `am` a telephone.
pub(super) fn is_meant(kind: &Kind, joined: &str, written: &str, labelled: bool) -> bool {
    let digits = |from: usize, to: usize| joined.get(from..to).and_then(|text| text.parse::<u32>().ok());
    let is_day = |year: usize| {
        let (month, day) = (digits(year + 4, year + 6), digits(year + 6, year + 8));
        matches!(digits(year, year + 2), Some(19 | 20))
            && month.is_some_and(|month| (1..=12).contains(&month))
            && day.is_some_and(|day| (1..=31).contains(&day))
    };
    match kind {
        Kind::Urn => {
            let unit = joined.get(2..4).unwrap_or_default();
            let apart = written.get(2..).is_some_and(|rest| !rest.starts_with(unit))
                || written.split_once(unit).is_some_and(|(_, rest)| rest.starts_with([' ', '\t', '\n', '\r']));
            let is_word = WORDS.contains(&unit.to_lowercase().as_str()) && unit.to_uppercase() != unit;
            !(apart && is_word)
        }
        Kind::PfReference if !labelled => {
            let office = joined.get(..2).unwrap_or_default().to_lowercase();
            let joined_on = written.get(2..).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
            if joined_on {
                return !["gb", "id", "no", "po"].contains(&office.as_str());
            }
            // With one blank before eight digits, a day is a day.
            let whole = written.get(3..).is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()));
            !(WORDS.contains(&office.as_str()) || whole && is_day(2))
        }
        Kind::CrownCourt => {
            let (letter, rest) = (joined.get(..1).unwrap_or_default(), written.get(1..).unwrap_or_default());
            // `a 20260302`, `the court's 20261234`.
            let apart = rest.starts_with(' ');
            !apart || letter.eq_ignore_ascii_case("t") || (letter.to_uppercase() == letter && !is_day(1))
        }
        Kind::Ufn => {
            let (day, month) = (digits(0, 2), digits(2, 4));
            day.is_some_and(|day| (1..=31).contains(&day)) && month.is_some_and(|month| (1..=12).contains(&month))
        }
        _ => true,
    }
}
