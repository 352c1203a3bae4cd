//! Text as pages: lines of one width in a font that every viewer has.

use lopdf::{Dictionary, Object, ObjectId, Stream, dictionary};

use super::{PAGE, Taken};
use crate::mail::safe::SafeText;

/// Columns and lines of a page of text.
pub(super) const COLUMNS: usize = 84;
pub(super) const LINES: usize = 56;
/// The characters of 0x80 to 0x9f in WinAnsiEncoding (ISO 32000-1, Annex D.2).
const HIGH: &str = "€\u{0}‚ƒ„…†‡ˆ‰Š‹Œ\u{0}Ž\u{0}\u{0}‘’“”•–—˜™š›œ\u{0}žŸ";

/// Text in lines that fit, broken between words where there are any.
pub(super) fn lines(text: &str) -> Vec<String> {
    let mut all = Vec::new();
    for line in SafeText::block(text) {
        all.extend(wrapped(line.as_str(), COLUMNS));
    }
    all
}

/// A line in lines of at most so many characters.
pub(super) fn wrapped(line: &str, columns: usize) -> Vec<String> {
    let mut all = Vec::new();
    let mut rest: Vec<char> = line.chars().collect();
    while rest.len() > columns {
        let room = rest.get(..=columns).unwrap_or_default();
        let space = room.iter().rposition(|c| *c == ' ').filter(|at| *at > columns / 2);
        let tail = rest.split_off(space.unwrap_or(columns));
        all.push(rest.into_iter().collect());
        rest = if space.is_some() { tail.into_iter().skip(1).collect() } else { tail };
    }
    all.push(rest.into_iter().collect());
    all
}

/// What is not in the font, in words; nothing where all is.
pub(super) fn note(lines: &[String]) -> Option<String> {
    let absent = lines.iter().flat_map(|line| line.chars()).filter(|c| latin(*c).is_none()).count();
    (absent > 0).then(|| {
        let (characters, are) = if absent == 1 { ("character", "is") } else { ("characters", "are") };
        format!("{absent} {characters} that the font has not {are} shown as ?; the exported file has them")
    })
}

/// Sets lines on as many pages as they take.
pub(super) fn set(text: &[String], first: u32) -> Taken {
    set_exactly(text, text.len().div_ceil(LINES).max(1), first)
}

/// Sets lines on so many pages.
pub(super) fn set_exactly(text: &[String], pages: usize, first: u32) -> Taken {
    let mut id = first;
    let mut next = || {
        let now = (id, 0);
        id += 1;
        now
    };
    let mut taken = Taken::default();
    let font: ObjectId = next();
    let courier = dictionary! { "Type" => "Font", "Subtype" => "Type1", "BaseFont" => "Courier", "Encoding" => "WinAnsiEncoding" };
    taken.objects.insert(font, Object::Dictionary(courier));
    for place in 0..pages {
        let mut content = b"BT /F 10 Tf 13 TL 45 790 Td\n".to_vec();
        for line in text.iter().skip(place * LINES).take(LINES) {
            content.push(b'<');
            content.extend(hex::encode(encoded(line)).into_bytes());
            content.extend_from_slice(b"> Tj T*\n");
        }
        content.extend_from_slice(b"ET");
        let (stream, page) = (next(), next());
        taken.objects.insert(stream, Object::Stream(Stream::new(Dictionary::new(), content)));
        taken
            .objects
            .insert(page, Object::Dictionary(sheet(stream, dictionary! { "Font" => dictionary! { "F" => font } })));
        taken.pages.push(page);
    }
    taken
}

/// A page of the common size.
pub(super) fn sheet(contents: ObjectId, resources: Dictionary) -> Dictionary {
    dictionary! {
        "Type" => "Page",
        "MediaBox" => vec![0.into(), 0.into(), Object::Real(PAGE.0 as f32), Object::Real(PAGE.1 as f32)],
        "Contents" => contents,
        "Resources" => resources,
    }
}

/// A line in the font's encoding.
pub(super) fn encoded(line: &str) -> Vec<u8> {
    line.chars().map(|c| latin(c).unwrap_or(b'?')).collect()
}

/// The byte of a character in the fonts that every viewer has.
fn latin(c: char) -> Option<u8> {
    match u32::from(c) {
        code @ (0x20..=0x7e | 0xa0..=0xff) => u8::try_from(code).ok(),
        _ => {
            let at = HIGH.chars().position(|high| high == c && high != '\0')?;
            u8::try_from(at).ok().map(|at| 0x80 + at)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{encoded, note, wrapped};

    #[test]
    fn lines_break_between_words_and_keep_every_character() {
        assert_eq!(wrapped("the gnome stood by the pond", 12), ["the gnome", "stood by the", "pond"]);
        assert_eq!(wrapped("aaaaaaaaaaaa", 5), ["aaaaa", "aaaaa", "aa"]);
        assert_eq!(wrapped("", 5), [""]);
    }

    #[test]
    fn what_the_font_has_not_is_told() {
        assert_eq!(encoded("£5 – “ö” €"), b"\xa35 \x96 \x93\xf6\x94 \x80");
        assert_eq!(
            (encoded("日x"), note(&["日x".to_owned()]).is_some(), note(&["x".to_owned()])),
            (b"?x".to_vec(), true, None)
        );
    }
}
