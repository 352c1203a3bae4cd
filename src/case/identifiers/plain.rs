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

/// Words for what has numbers of its own, none of them a case's. An order is none of these by itself: courts make orders, too.
const FOREIGN: &[&str] = &[
    "account",
    "acct",
    "basket",
    "booking",
    "bookings",
    "consignment",
    "customer",
    "delivery",
    "eori",
    "eur",
    "fax",
    "flight",
    "gbp",
    "iban",
    "inv",
    "invoice",
    "invoices",
    "membership",
    "mobile",
    "mwst",
    "parcel",
    "phone",
    "po",
    "quotation",
    "receipt",
    "refund",
    "reservation",
    "serial",
    "shipment",
    "sku",
    "subscription",
    "swift",
    "tel",
    "telephone",
    "ticket",
    "tickets",
    "tracking",
    "transaction",
    "tva",
    "usd",
    "ust",
    "vat",
    "voucher",
];

/// Words that may stand between such a word and its number.
const BETWEEN_WORDS: &[&str] =
    &["code", "id", "is", "no", "nos", "nr", "num", "number", "numbers", "ref", "reference", "reg", "registration"];

/// Whose order is none of a court.
const BUYERS: &[&str] =
    &["amazon", "my", "new", "online", "our", "purchase", "repeat", "sales", "shop", "standing", "web", "work", "your"];

/// How much before a number is looked at for the word before it, in bytes.
const BEFORE_MAX: usize = 64;

/// Whether what stands before a number, which begins at `start`, says that it is another thing's: `Your order XJ12345678`, `Invoice no. SI-26-000417`.
pub(super) fn is_foreign(text: &str, start: usize, kind: &Kind) -> bool {
    let least = start.saturating_sub(BEFORE_MAX);
    let before = (least..=start).find_map(|from| text.get(from..start)).unwrap_or_default();
    let mut rest = before;
    let mut numbered = false;
    let word = loop {
        // Whatever else stands between begins a new thought: a comma, a dash, a bracket, a line. The stop of `no.` does not.
        // In the name of a file a blank is `_`; a Crown Court number is seldom anything else, so that it is not taken for a blank there.
        let is_blank = |c: char| matches!(c, ' ' | '\t' | '#' | ':') || (c == '_' && *kind == Kind::PfReference);
        rest = rest.trim_end_matches(is_blank);
        let unstopped = rest.strip_suffix('.').filter(|bare| BETWEEN_WORDS.contains(&&*last_word(bare).to_lowercase()));
        let behind = unstopped.unwrap_or(rest);
        let word = last_word(behind).to_lowercase();
        if !BETWEEN_WORDS.contains(&&*word) {
            break word;
        }
        numbered = true;
        rest = without_last_word(behind);
    };
    match word.as_str() {
        "order" | "orders" => {
            let rest = without_last_word(rest).trim_end_matches([' ', '\t']);
            let whose = last_word(rest).to_lowercase();
            // An order without more words, with what looks like a reference of a fiscal, is a shop's.
            let is_bare = whose.is_empty() && (numbered || *kind == Kind::PfReference);
            is_bare || BUYERS.contains(&&*whose)
        }
        word => FOREIGN.contains(&word),
    }
}

/// The word at the end of a text; nothing where it ends in something else.
fn last_word(text: &str) -> &str {
    text.get(without_last_word(text).len()..).unwrap_or_default()
}

fn without_last_word(text: &str) -> &str {
    text.trim_end_matches(char::is_alphanumeric)
}

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
            if ["gb", "id", "no", "po"].contains(&office.as_str()) {
                return false;
            }
            // With one blank before eight digits, a day is a day, and a word a word; in capitals and in three pieces it is an office.
            let whole = written.get(3..).is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()));
            let capitals = written.starts_with(|c: char| c.is_ascii_uppercase())
                && !joined.contains(|c: char| c.is_ascii_lowercase());
            let is_word = WORDS.contains(&office.as_str()) && (whole || !capitals);
            joined_on || !(is_word || whole && is_day(2))
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
