//! The one form of a number, however it was written, and its check letter.

use super::{Identifier, Kind};

/// Whether numbers of this kind bear a check letter that is known here.
pub(super) fn has_letter(kind: &Kind) -> bool {
    let named = |name: &str| name.eq_ignore_ascii_case("pnc") || name.eq_ignore_ascii_case("cro");
    match kind {
        Kind::Asn | Kind::Ccrn => true,
        Kind::Own(name) | Kind::Person(name) => named(name),
        _ => false,
    }
}

/// The canonical form and what is odd about it.
pub(super) fn canonical(kind: Kind, joined: &str) -> Identifier {
    let upper = joined.to_uppercase();
    match kind {
        Kind::Asn => asn(&fields(&upper)),
        Kind::HighCourtAppeal => Identifier { kind, value: fields(&upper), warning: None },
        Kind::Ufn => Identifier { kind, value: fields(&upper), warning: None },
        Kind::Ccrn => ccrn(upper),
        Kind::Own(ref name) | Kind::Person(ref name) if name.eq_ignore_ascii_case("pnc") => pnc(kind.clone(), upper),
        Kind::Own(ref name) | Kind::Person(ref name) if name.eq_ignore_ascii_case("cro") => cro(kind.clone(), upper),
        _ => Identifier { kind, value: upper, warning: None },
    }
}

/// Its fields with strokes between them, whatever stood there: file names hold no stroke.
fn fields(upper: &str) -> String {
    let fields: Vec<&str> = upper.split(['/', '-', '_', ' ']).filter(|field| !field.is_empty()).collect();
    fields.join("/")
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
