//! The text of Office documents: Word, Excel and PowerPoint since 2007, OpenDocument. Paragraphs, cells and slides; no macros, no links, no fields that
//! are worked out, no entities but the five of XML.

use quick_xml::Reader;
use quick_xml::events::Event;

use super::archive::{Package, part};
use super::{Found, LookError, TEXT_MAX};

/// Sheets or slides that are read.
const SHEETS_MAX: usize = 200;
/// Texts that cells share.
const STRINGS_MAX: usize = 1_000_000;

/// Looks into a package; `None` where it is no Office document.
pub(super) fn look(package: &mut Package<'_>) -> Option<Result<Found, LookError>> {
    let has = |package: &Package<'_>, name: &str| package.index_for_name(name).is_some();
    let found = if has(package, "word/document.xml") {
        flow(package, &["word/document.xml"], &WORD, "Word document")
    } else if has(package, "xl/workbook.xml") {
        sheets(package)
    } else if has(package, "ppt/presentation.xml") {
        let mut slides: Vec<String> = (1..=SHEETS_MAX).map(|n| format!("ppt/slides/slide{n}.xml")).collect();
        slides.retain(|name| has(package, name));
        let names: Vec<&str> = slides.iter().map(String::as_str).collect();
        flow(package, &names, &SLIDE, "PowerPoint presentation")
    } else if has(package, "content.xml") && has(package, "mimetype") {
        flow(package, &["content.xml"], &OPEN, "OpenDocument")
    } else {
        return None;
    };
    let macros = package.file_names().any(|name| name.ends_with("vbaProject.bin") || name.starts_with("Basic/"));
    Some(found.map(|found| {
        let found = found.note("Only its text is shown: no pictures, no layout.");
        if macros { found.note("It holds macros; they were not run.") } else { found }
    }))
}

/// The elements of a format, by their local names.
struct Elements {
    /// Whose text counts; none: all text does.
    text: &'static [&'static [u8]],
    /// After which a line ends.
    ends: &'static [&'static [u8]],
    tab: &'static [&'static [u8]],
    line: &'static [&'static [u8]],
}

const WORD: Elements = Elements { text: &[b"t", b"delText"], ends: &[b"p"], tab: &[b"tab"], line: &[b"br", b"cr"] };
const SLIDE: Elements = Elements { text: &[b"t"], ends: &[b"p"], tab: &[b"tab"], line: &[b"br"] };
const OPEN: Elements = Elements { text: &[], ends: &[b"p", b"h"], tab: &[b"tab", b"s"], line: &[b"line-break"] };

fn damaged(what: &str) -> LookError {
    LookError(format!("it is a {what} that is damaged"))
}

fn flow(package: &mut Package<'_>, names: &[&str], elements: &Elements, what: &str) -> Result<Found, LookError> {
    let mut text = String::new();
    let mut refused = false;
    for (at, name) in names.iter().enumerate() {
        let xml = part(package, name).ok_or_else(|| damaged(what))?;
        if names.len() > 1 {
            text.push_str(&format!("— {} —\n", at + 1));
        }
        refused |= walk(&xml, elements, &mut text);
        if text.len() > TEXT_MAX {
            break;
        }
    }
    let found = Found::text(what, text);
    Ok(if refused {
        found.note("It declares entities of its own, which no such document needs: they were left out.")
    } else {
        found
    })
}

/// Adds the text of a part; tells whether it declared anything of its own. What is damaged ends it.
fn walk(xml: &[u8], elements: &Elements, text: &mut String) -> bool {
    let mut reader = Reader::from_reader(xml);
    let mut refused = false;
    let mut inside = 0_usize;
    loop {
        if text.len() > TEXT_MAX {
            return refused;
        }
        match reader.read_event() {
            Err(_) | Ok(Event::Eof) => return refused,
            Ok(Event::DocType(_)) => refused = true,
            Ok(Event::Start(start)) => {
                let local = start.local_name();
                inside += usize::from(elements.text.contains(&local.as_ref()));
            }
            Ok(Event::Empty(empty)) => {
                let local = empty.local_name();
                if elements.tab.contains(&local.as_ref()) {
                    text.push('\t');
                } else if elements.line.contains(&local.as_ref()) || elements.ends.contains(&local.as_ref()) {
                    text.push('\n');
                }
            }
            Ok(Event::End(end)) => {
                let local = end.local_name();
                if elements.text.contains(&local.as_ref()) {
                    inside = inside.saturating_sub(1);
                }
                if elements.ends.contains(&local.as_ref()) {
                    text.push('\n');
                }
            }
            Ok(Event::Text(piece)) if inside > 0 || elements.text.is_empty() => {
                if let Ok(piece) = piece.decode() {
                    text.push_str(&piece);
                }
            }
            Ok(Event::CData(piece)) if inside > 0 || elements.text.is_empty() => {
                text.push_str(&String::from_utf8_lossy(&piece));
            }
            Ok(Event::GeneralRef(reference)) if inside > 0 || elements.text.is_empty() => {
                text.extend(resolve(&reference))
            }
            Ok(_) => {}
        }
    }
}

/// A reference to a character, or one of the five entities that XML has itself. No other is looked up anywhere.
fn resolve(reference: &quick_xml::events::BytesRef<'_>) -> Option<char> {
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

/// A workbook: a line for each row, cells between tabs.
fn sheets(package: &mut Package<'_>) -> Result<Found, LookError> {
    let shared = part(package, "xl/sharedStrings.xml").map(|xml| strings(&xml)).unwrap_or_default();
    let mut text = String::new();
    let mut count = 0_usize;
    for number in 1..=SHEETS_MAX {
        let Some(xml) = part(package, &format!("xl/worksheets/sheet{number}.xml")) else { break };
        count = number;
        text.push_str(&format!("— sheet {number} —\n"));
        cells(&xml, &shared, &mut text);
        if text.len() > TEXT_MAX {
            break;
        }
    }
    if count == 0 {
        return Err(damaged("Excel workbook"));
    }
    Ok(Found::text("Excel workbook", text).note("Values as they were saved; nothing was worked out anew."))
}

fn strings(xml: &[u8]) -> Vec<String> {
    let mut reader = Reader::from_reader(xml);
    let mut all: Vec<String> = Vec::new();
    let (mut now, mut inside, mut bytes) = (String::new(), false, 0_usize);
    while let Ok(event) = reader.read_event() {
        match event {
            Event::Eof => break,
            Event::Start(start) if start.local_name().as_ref() == b"t" => inside = true,
            Event::End(end) if end.local_name().as_ref() == b"t" => inside = false,
            Event::End(end) if end.local_name().as_ref() == b"si" => all.push(std::mem::take(&mut now)),
            Event::Empty(empty) if empty.local_name().as_ref() == b"si" => all.push(String::new()),
            Event::Text(piece) if inside => {
                let piece = piece.decode().unwrap_or_default();
                bytes = bytes.saturating_add(piece.len());
                now.push_str(&piece);
            }
            Event::GeneralRef(reference) if inside => now.extend(resolve(&reference)),
            _ => {}
        }
        if all.len() >= STRINGS_MAX || bytes > TEXT_MAX * 4 {
            break;
        }
    }
    all
}

fn cells(xml: &[u8], shared: &[String], text: &mut String) {
    let mut reader = Reader::from_reader(xml);
    let (mut by_number, mut inside, mut first) = (false, false, true);
    let mut value = String::new();
    while let Ok(event) = reader.read_event() {
        match event {
            Event::Eof => break,
            Event::Start(start) => match start.local_name().as_ref() {
                b"c" => {
                    let kind = start.try_get_attribute("t").ok().flatten();
                    by_number = kind.is_some_and(|kind| &*kind.value == b"s");
                    value.clear();
                }
                b"v" | b"t" => inside = true,
                _ => {}
            },
            Event::Empty(empty) if empty.local_name().as_ref() == b"c" => {
                text.push_str(if std::mem::take(&mut first) { "" } else { "\t" });
            }
            Event::End(end) => match end.local_name().as_ref() {
                b"v" | b"t" => inside = false,
                b"c" => {
                    text.push_str(if std::mem::take(&mut first) { "" } else { "\t" });
                    let known = value.parse::<usize>().ok().filter(|_| by_number).and_then(|at| shared.get(at));
                    text.push_str(known.unwrap_or(&value));
                }
                b"row" => {
                    text.push('\n');
                    first = true;
                }
                _ => {}
            },
            Event::Text(piece) if inside => value.push_str(&piece.decode().unwrap_or_default()),
            Event::GeneralRef(reference) if inside => value.extend(resolve(&reference)),
            _ => {}
        }
        if text.len() > TEXT_MAX {
            return;
        }
    }
}
