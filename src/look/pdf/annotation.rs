//! What lies upon a page: fields that were filled in, stamps, remarks (ISO 32000-1 §12.5).

use lopdf::{Dictionary, Document, Object, Stream};

use super::font::{entry, number};

/// Steps from a field to the one that it is part of.
const PARENTS_MAX: usize = 20;
/// Letters of a value or a remark.
const LETTERS_MAX: usize = 20_000;
/// Flags of an annotation: not shown at all; not shown on a screen.
const HIDDEN: i64 = 2 | 32;
/// A flag of a field: a password.
const PASSWORD: i64 = 1 << 13;

/// What is to be read of one.
pub(super) struct Annotation<'a> {
    /// How it is drawn.
    pub(super) drawn: Option<&'a Stream>,
    /// From where: the step from its own place to that on the page.
    pub(super) offset: (f32, f32),
    /// Where it is.
    pub(super) corner: (f32, f32),
    /// What was filled in.
    pub(super) value: Option<String>,
    /// What was remarked, with whoever did.
    pub(super) remark: Option<String>,
    /// Some of it is not read.
    pub(super) cut: bool,
}

/// A text string of a PDF (§7.9.2.2); notes where it is longer than what is read.
fn text(object: &Object, cut: &mut bool) -> Option<String> {
    let bytes = object.as_str().ok()?;
    let text = match encoding_rs::Encoding::for_bom(bytes) {
        Some((_, mark)) if bytes.len() == mark => String::new(),
        Some((encoding, _)) => encoding.decode_with_bom_removal(bytes).0.into_owned(),
        // The library passes over the ends of lines in its table of PDFDocEncoding.
        None => bytes.chunk_by(|a, b| is_blank(*a) == is_blank(*b)).map(letters).collect(),
    };
    let mut text = text.replace("\r\n", "\n").replace('\r', "\n");
    if let Some((end, _)) = text.char_indices().nth(LETTERS_MAX) {
        text.truncate(end);
        *cut = true;
    }
    Some(text).filter(|text| !text.trim().is_empty())
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | b'\r')
}

/// Letters of PDFDocEncoding, or ends of lines.
fn letters(bytes: &[u8]) -> String {
    if bytes.first().copied().is_some_and(is_blank) {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    lopdf::decode_text_string(&Object::string_literal(bytes)).unwrap_or_default()
}

/// An entry of a field, or of one that it is part of.
fn of_field<'a>(document: &'a Document, field: &'a Dictionary, key: &[u8]) -> Option<&'a Object> {
    let mut at = field;
    for _ in 0..PARENTS_MAX {
        if let Some(found) = entry(document, at, key) {
            return Some(found);
        }
        at = entry(document, at, b"Parent")?.as_dict().ok()?;
    }
    None
}

/// What was filled into a field of letters or of a choice.
fn value(document: &Document, field: &Dictionary, cut: &mut bool) -> Option<String> {
    let kind = of_field(document, field, b"FT")?.as_name().ok()?;
    let flags = of_field(document, field, b"Ff").and_then(|flags| flags.as_i64().ok()).unwrap_or_default();
    if !matches!(kind, b"Tx" | b"Ch") || (kind == b"Tx" && flags & PASSWORD != 0) {
        return None;
    }
    match of_field(document, field, b"V")? {
        Object::Array(chosen) => Some(chosen.iter().filter_map(|one| text(one, cut)).collect::<Vec<_>>().join(", ")),
        Object::Stream(long) => text(&Object::string_literal(long.get_plain_content().ok()?), cut),
        one => text(one, cut),
    }
    .filter(|text| !text.is_empty())
}

/// Four numbers of a rectangle: its lower left corner.
fn corner(document: &Document, of: &Dictionary, key: &[u8]) -> Option<(f32, f32)> {
    let list = entry(document, of, key)?.as_array().ok()?;
    let numbers: Vec<f32> = list.iter().filter_map(number).collect();
    let [a, b, c, d] = numbers.as_slice() else { return None };
    Some((a.min(*c), b.min(*d)))
}

/// Reads one; `None` where it is not shown.
pub(super) fn read<'a>(document: &'a Document, found: &'a Dictionary) -> Option<Annotation<'a>> {
    let flags = entry(document, found, b"F").and_then(|flags| flags.as_i64().ok()).unwrap_or_default();
    let kind = entry(document, found, b"Subtype")?.as_name().ok()?;
    if flags & HIDDEN != 0 || matches!(kind, b"Popup" | b"Link") {
        return None;
    }
    let appearance = entry(document, found, b"AP").and_then(|all| all.as_dict().ok());
    let drawn = appearance.and_then(|all| match entry(document, all, b"N")? {
        Object::Stream(drawn) => Some(drawn),
        // One for each state, of which one holds.
        Object::Dictionary(states) => {
            let state = entry(document, found, b"AS")?.as_name().ok()?;
            entry(document, states, state)?.as_stream().ok()
        }
        _ => None,
    });
    let corner_of = corner(document, found, b"Rect").unwrap_or_default();
    let own = drawn.and_then(|drawn| corner(document, &drawn.dict, b"BBox")).unwrap_or_default();
    let is_field = kind == b"Widget";
    let mut cut = false;
    let contents = entry(document, found, b"Contents").filter(|_| !is_field).and_then(|said| text(said, &mut cut));
    let by = entry(document, found, b"T").and_then(|by| text(by, &mut false));
    let (value, remark) = match kind {
        b"Widget" => (value(document, found, &mut cut), None),
        b"FreeText" => (contents, None),
        _ => (None, contents),
    };
    Some(Annotation {
        drawn,
        offset: (corner_of.0 - own.0, corner_of.1 - own.1),
        corner: corner_of,
        value,
        remark: remark.map(|remark| match by {
            Some(by) => format!("(remark, as it says by {by}) {remark}"),
            None => format!("(remark) {remark}"),
        }),
        cut,
    })
}
