//! The text of one part, from its first element to its last.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::attribute;
use crate::look::TEXT_MAX;

/// Blanks that an element stands for, at most.
const BLANKS_MAX: usize = 100;
/// Cells that one stands for, at most.
const REPEATS_MAX: usize = 100;

/// The elements of a format, by their local names.
pub(super) struct Elements {
    /// Whose text counts; none: all text does.
    text: &'static [&'static [u8]],
    /// Whose text was deleted.
    deleted: &'static [u8],
    /// After which a line ends.
    ends: &'static [&'static [u8]],
    /// A cell of a table, and a row.
    cell: &'static [u8],
    row: &'static [u8],
    tab: &'static [u8],
    line: &'static [&'static [u8]],
    /// Stands for a number of blanks.
    blanks: &'static [u8],
    /// What is there for older programs a second time.
    twice: &'static [u8],
}

pub(super) const WORD: Elements = Elements {
    text: &[b"t", b"delText"],
    deleted: b"delText",
    ends: &[b"p"],
    cell: b"tc",
    row: b"tr",
    tab: b"tab",
    line: &[b"br", b"cr"],
    blanks: b"",
    twice: b"Fallback",
};
pub(super) const SLIDE: Elements =
    Elements { text: &[b"t"], deleted: b"", cell: b"tc", row: b"tr", line: &[b"br"], ..WORD };
pub(super) const OPEN: Elements = Elements {
    text: &[],
    deleted: b"deletion",
    ends: &[b"p", b"h"],
    cell: b"table-cell",
    row: b"table-row",
    tab: b"tab",
    line: &[b"line-break"],
    blanks: b"s",
    twice: b"",
};

/// What was found beside the text.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Walked {
    /// It declared something of its own.
    pub(super) refused: bool,
    /// It ended in damage.
    pub(super) broken: bool,
    /// It was not read to its end.
    pub(super) cut: bool,
    /// Some of it was deleted, and is still there.
    pub(super) deleted: bool,
    /// It is not shown by the program that it was made with.
    pub(super) hidden: bool,
}

impl Walked {
    pub(super) fn add(&mut self, other: Self) {
        self.refused |= other.refused;
        self.broken |= other.broken;
        self.cut |= other.cut;
        self.deleted |= other.deleted;
    }
}

/// Where the reader is.
#[derive(Default)]
struct At {
    /// Within so many elements whose text counts.
    inside: usize,
    /// Within so many that were deleted.
    deleted: usize,
    /// Within so many cells.
    cells: usize,
    /// Within so many that are there twice.
    twice: usize,
    /// OpenDocument: the style that is being said, and those that hide what has them.
    style: String,
    hiding: Vec<String>,
    /// OpenDocument: the text has begun.
    is_begun: bool,
    /// OpenDocument: where each open cell began, and how many stand for it.
    repeated: Vec<(usize, usize)>,
}

impl At {
    /// OpenDocument: notes which styles hide what has them.
    fn style(&mut self, name: &[u8], element: &BytesStart<'_>) {
        let is = |key: &[u8], value: &str| attribute(element, key).is_some_and(|found| found == value);
        if name == b"style" {
            self.style = attribute(element, b"name").unwrap_or_default();
        } else if (name == b"table-properties" && is(b"display", "false"))
            || (name == b"drawing-page-properties" && is(b"visibility", "hidden"))
        {
            self.hiding.push(self.style.clone());
        }
    }

    /// OpenDocument: what stands above a sheet or a slide.
    fn heading(&self, element: &BytesStart<'_>) -> Option<String> {
        let called = attribute(element, b"name").filter(|name| !name.is_empty())?;
        let style = attribute(element, b"style-name").unwrap_or_default();
        Some(format!("— {called}{} —\n", if self.hiding.contains(&style) { " (hidden)" } else { "" }))
    }
}

/// How many cells one stands for.
fn repeats(cell: &BytesStart<'_>) -> usize {
    attribute(cell, b"number-columns-repeated").and_then(|count| count.parse().ok()).unwrap_or(1).clamp(1, REPEATS_MAX)
}

/// Adds the text of a part. What is damaged ends it.
pub(super) fn walk(xml: &[u8], elements: &Elements, text: &mut String) -> Walked {
    let mut reader = Reader::from_reader(xml);
    let (mut walked, mut at) = (Walked::default(), At::default());
    let is = |name: &[u8], element: &[u8]| !element.is_empty() && name == element;
    loop {
        if text.len() > TEXT_MAX {
            return walked;
        }
        let is_read = (at.inside > 0 || elements.text.is_empty()) && at.twice == 0;
        match reader.read_event() {
            Err(_) => {
                walked.broken = true;
                return walked;
            }
            Ok(Event::Eof) => return walked,
            Ok(Event::DocType(_)) => walked.refused = true,
            // Of what is there a second time nothing counts but where it ends.
            Ok(Event::Start(start)) if at.twice > 0 => {
                at.twice += usize::from(is(start.local_name().as_ref(), elements.twice));
            }
            Ok(Event::End(end)) if at.twice > 0 => {
                at.twice -= usize::from(is(end.local_name().as_ref(), elements.twice));
            }
            Ok(Event::Start(start)) => {
                let local = start.local_name();
                let name = local.as_ref();
                at.inside += usize::from(elements.text.contains(&name));
                at.cells += usize::from(is(name, elements.cell));
                at.twice += usize::from(is(name, elements.twice));
                if is(name, elements.deleted) {
                    at.deleted += 1;
                    walked.deleted = true;
                    text.push_str("[-");
                }
                if name == b"sld" {
                    walked.hidden = attribute(&start, b"show").is_some_and(|show| show == "0" || show == "false");
                }
                if elements.blanks == b"s" {
                    at.style(name, &start);
                    // Signs of numbers and days are said before the text.
                    if name == b"body" && !at.is_begun {
                        at.is_begun = true;
                        text.clear();
                    }
                    if name == b"table" || name == b"page" {
                        text.extend(at.heading(&start));
                    } else if name == elements.cell {
                        at.repeated.push((text.len(), repeats(&start)));
                    }
                }
            }
            Ok(Event::Empty(empty)) if at.twice == 0 => {
                let local = empty.local_name();
                let name = local.as_ref();
                if is(name, elements.tab) {
                    // Not the place of a tab, which has the same name.
                    let is_place = attribute(&empty, b"pos").is_some() || attribute(&empty, b"val").is_some();
                    text.push_str(if is_place { "" } else { "\t" });
                } else if is(name, elements.blanks) {
                    let count = attribute(&empty, b"c").and_then(|count| count.parse().ok()).unwrap_or(1_usize);
                    text.push_str(&" ".repeat(count.min(BLANKS_MAX)));
                } else if elements.line.contains(&name) || elements.ends.contains(&name) {
                    end_line(&at, text);
                } else if is(name, elements.cell) {
                    text.push_str(&"\t".repeat(repeats(&empty)));
                }
                if elements.blanks == b"s" {
                    at.style(name, &empty);
                }
            }
            Ok(Event::End(end)) => {
                let local = end.local_name();
                let name = local.as_ref();
                if elements.text.contains(&name) {
                    at.inside = at.inside.saturating_sub(1);
                }
                if is(name, elements.deleted) && at.deleted > 0 {
                    at.deleted -= 1;
                    text.push_str("-]");
                }
                if elements.ends.contains(&name) {
                    end_line(&at, text);
                } else if is(name, elements.cell) {
                    at.cells = at.cells.saturating_sub(1);
                    text.truncate(text.trim_end_matches(' ').len());
                    text.push('\t');
                    if let Some((from, count)) = at.repeated.pop() {
                        let one = text.get(from..).unwrap_or_default().to_owned();
                        (1..count)
                            .take_while(|_| one.len() <= TEXT_MAX / REPEATS_MAX)
                            .for_each(|_| text.push_str(&one));
                    }
                } else if is(name, elements.row) {
                    text.truncate(text.trim_end_matches(['\t', ' ']).len());
                    end_line(&at, text);
                }
            }
            Ok(Event::Text(piece)) if is_read => {
                if let Ok(piece) = piece.decode() {
                    text.push_str(&piece);
                }
            }
            Ok(Event::CData(piece)) if is_read => text.push_str(&String::from_utf8_lossy(&piece)),
            Ok(Event::GeneralRef(reference)) if is_read => text.extend(reference_of(&reference)),
            Ok(_) => {}
        }
    }
}

/// Within a cell a line is a blank.
fn end_line(at: &At, text: &mut String) {
    if at.cells == 0 {
        text.push('\n');
    } else if !text.ends_with([' ', '\t', '\n']) {
        text.push(' ');
    }
}

/// A reference to a character, or one of the five entities that XML has itself. No other is looked up anywhere.
pub(super) fn reference_of(reference: &quick_xml::events::BytesRef<'_>) -> Option<char> {
    if let Ok(Some(c)) = reference.resolve_char_ref() {
        return Some(c);
    }
    match &**reference {
        b"amp" => Some('&'),
        b"lt" => Some('<'),
        b"gt" => Some('>'),
        b"quot" => Some('"'),
        b"apos" => Some('\''),
        _ => None,
    }
}
