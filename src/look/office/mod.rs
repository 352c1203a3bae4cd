//! The text of Office documents: Word, Excel and PowerPoint since 2007, OpenDocument. Paragraphs, cells and slides; no macros, no links, no fields that
//! are worked out, no entities but the five of XML.
//!
//! Which part is what, the document's own lists say (relationships, ECMA-376 part 2 §9), and the usual names only where there are none: programs name
//! them as they like.

mod sheets;
mod walk;

use std::collections::BTreeMap;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use self::walk::{OPEN, SLIDE, WORD, Walked, walk};
use super::archive::{Package, part};
use super::{Found, LookError, TEXT_MAX};

/// Sheets or slides that are read.
const SHEETS_MAX: usize = 200;
/// Relations of a part that are read.
const RELATIONS_MAX: usize = 10_000;

/// What a part says of another one.
struct Relation {
    /// Its type without the address before it, for instance `header`.
    kind: String,
    /// The name of the other part.
    target: String,
}

fn damaged(what: &str) -> LookError {
    LookError(format!("it is a {what} that is damaged"))
}

/// The value of an attribute by its local name.
fn attribute(start: &BytesStart<'_>, name: &[u8]) -> Option<String> {
    let found = start.attributes().with_checks(false).flatten().find(|one| one.key.local_name().as_ref() == name)?;
    let raw = String::from_utf8_lossy(&found.value).into_owned();
    Some(quick_xml::escape::unescape(&raw).map(std::borrow::Cow::into_owned).unwrap_or(raw))
}

/// The parts that a part names, by their ids. `of`: empty for the package itself.
fn relations(package: &mut Package<'_>, of: &str) -> BTreeMap<String, Relation> {
    let (folder, name) = of.rsplit_once('/').unwrap_or(("", of));
    let place = if folder.is_empty() { format!("_rels/{name}.rels") } else { format!("{folder}/_rels/{name}.rels") };
    let mut found = BTreeMap::new();
    let Some((xml, _)) = part(package, &place) else { return found };
    let mut reader = Reader::from_reader(xml.as_slice());
    while let Ok(event) = reader.read_event() {
        let one = match &event {
            Event::Eof => break,
            Event::Start(one) | Event::Empty(one) if one.local_name().as_ref() == b"Relationship" => one,
            _ => continue,
        };
        let is_outside = attribute(one, b"TargetMode").is_some_and(|mode| mode == "External");
        let fields = (attribute(one, b"Id"), attribute(one, b"Type"), attribute(one, b"Target"));
        if let (Some(id), Some(kind), Some(target), false) = (fields.0, fields.1, fields.2, is_outside) {
            let kind = kind.rsplit('/').next().unwrap_or_default().to_owned();
            found.insert(id, Relation { kind, target: resolve(folder, &target) });
        }
        if found.len() >= RELATIONS_MAX {
            break;
        }
    }
    found
}

/// The name of a part as another one in `folder` names it.
fn resolve(folder: &str, target: &str) -> String {
    if let Some(whole) = target.strip_prefix('/') {
        return whole.to_owned();
    }
    let mut pieces: Vec<&str> = folder.split('/').filter(|piece| !piece.is_empty()).collect();
    for piece in target.split('/') {
        match piece {
            "." | "" => {}
            ".." => drop(pieces.pop()),
            piece => pieces.push(piece),
        }
    }
    pieces.join("/")
}

/// Looks into a package; `None` where it is no Office document.
pub(super) fn look(package: &mut Package<'_>) -> Option<Result<Found, LookError>> {
    let has = |package: &Package<'_>, name: &str| package.index_for_name(name).is_some();
    let named = relations(package, "").into_values().find(|one| one.kind == "officeDocument").map(|one| one.target);
    let usual = ["word/document.xml", "xl/workbook.xml", "ppt/presentation.xml"].map(str::to_owned);
    let main = named.into_iter().chain(usual).find(|name| has(package, name));
    let found = match main.as_deref().map(|main| (main, main.split('/').next().unwrap_or_default())) {
        Some((main, "word")) => word(package, main),
        Some((main, "xl")) => sheets::look(package, main),
        Some((main, "ppt")) => slides(package, main),
        _ if has(package, "content.xml") && has(package, "mimetype") => open(package),
        _ => return None,
    };
    let macros = package.file_names().any(|name| name.ends_with("vbaProject.bin") || name.starts_with("Basic/"));
    Some(found.map(|found| {
        let found = found.note("Only its text is shown: no pictures, no layout.");
        if macros { found.note("It holds macros; they were not run.") } else { found }
    }))
}

/// What a person should know of parts that were read.
fn noted(mut found: Found, walked: Walked) -> Found {
    if walked.refused {
        found = found.note("It declares entities of its own, which no such document needs: they were left out.");
    }
    if walked.broken && !walked.cut {
        found = found.note("It is damaged: what comes behind the damage is not shown.");
    }
    if walked.cut {
        found = found.note("It is larger than is read: only its beginning is shown.");
    }
    if walked.deleted {
        found = found.note("It has tracked changes: what was deleted stands in [- -].");
    }
    found
}

/// A Word document: what stands above and below every page, its text, its notes and what was remarked.
fn word(package: &mut Package<'_>, main: &str) -> Result<Found, LookError> {
    let relations = relations(package, main);
    let of = |kind: &str| -> Vec<String> {
        relations.values().filter(|one| one.kind == kind).map(|one| one.target.clone()).collect()
    };
    let mut walked = Walked::default();
    let mut text = String::new();
    let mut add = |package: &mut Package<'_>, name: &str, heading: &str, text: &mut String| -> bool {
        let Some((xml, cut)) = part(package, name) else { return false };
        let mut own = String::new();
        walked.add(walk(&xml, &WORD, &mut own));
        walked.cut |= cut;
        if heading.is_empty() {
            text.push_str(&own);
        } else if !own.trim().is_empty() {
            text.push_str(&format!("— {heading} —\n{}\n", own.trim_end()));
        }
        true
    };
    // The same header is often there three times: for the first page, for others, for even ones.
    let mut seen: Vec<String> = Vec::new();
    for name in of("header").into_iter().take(SHEETS_MAX) {
        let mut own = String::new();
        add(package, &name, "header", &mut own);
        if !seen.contains(&own) {
            text.push_str(&own);
            seen.push(own);
        }
    }
    if !text.is_empty() {
        text.push_str("— text —\n");
    }
    if !add(package, main, "", &mut text) {
        return Err(damaged("Word document"));
    }
    for (kind, heading) in [("footnotes", "footnotes"), ("endnotes", "endnotes"), ("comments", "comments")] {
        for name in of(kind) {
            add(package, &name, heading, &mut text);
        }
    }
    seen.clear();
    for name in of("footer").into_iter().take(SHEETS_MAX) {
        let mut own = String::new();
        add(package, &name, "footer", &mut own);
        if !seen.contains(&own) {
            text.push_str(&own);
            seen.push(own);
        }
    }
    Ok(noted(Found::text("Word document", text), walked))
}

/// The values of an attribute of all elements of a name, in their order.
fn listed(xml: &[u8], element: &[u8], name: &[u8]) -> Vec<String> {
    let mut reader = Reader::from_reader(xml);
    let mut found = Vec::new();
    while let Ok(event) = reader.read_event() {
        match &event {
            Event::Eof => break,
            Event::Start(one) | Event::Empty(one) if one.local_name().as_ref() == element => {
                // `id` and `r:id` have one local name: the relation is the one with a prefix.
                let is_it = |key: &[u8]| key.ends_with(name) && key.contains(&b':');
                let mut attributes = one.attributes();
                let value = attributes.with_checks(false).flatten().find(|one| is_it(one.key.as_ref()));
                found.extend(value.map(|one| String::from_utf8_lossy(&one.value).into_owned()));
            }
            _ => {}
        }
    }
    found
}

/// A presentation: its slides in the order in which they are shown, what is said with each, and which are hidden.
fn slides(package: &mut Package<'_>, main: &str) -> Result<Found, LookError> {
    let relations_of = relations(package, main);
    let order = part(package, main).map(|(xml, _)| listed(&xml, b"sldId", b"id")).unwrap_or_default();
    let mut names: Vec<String> =
        order.iter().filter_map(|id| relations_of.get(id)).map(|one| one.target.clone()).collect();
    if names.is_empty() {
        names = (1..=SHEETS_MAX).map(|number| format!("ppt/slides/slide{number}.xml")).collect();
        names.retain(|name| package.index_for_name(name).is_some());
    }
    let (count, mut text, mut walked) = (names.len(), String::new(), Walked::default());
    for (at, name) in names.iter().enumerate().take(SHEETS_MAX) {
        let (xml, cut) = part(package, name).ok_or_else(|| damaged("PowerPoint presentation"))?;
        let mut own = String::new();
        let one = walk(&xml, &SLIDE, &mut own);
        if count > 1 {
            let hidden = if one.hidden { " (hidden)" } else { "" };
            text.push_str(&format!("— {}{hidden} —\n", at + 1));
        }
        walked.add(one);
        walked.cut |= cut;
        text.push_str(&own);
        let notes = relations(package, name).into_values().find(|one| one.kind == "notesSlide");
        if let Some((xml, _)) = notes.and_then(|one| part(package, &one.target)) {
            let mut own = String::new();
            walked.add(walk(&xml, &SLIDE, &mut own));
            // The number of the slide stands on its notes, too.
            if own.trim().chars().any(|c| !c.is_ascii_digit()) {
                text.push_str(&format!("(speaker notes) {}\n", own.trim()));
            }
        }
        if text.len() > TEXT_MAX {
            break;
        }
    }
    let found = noted(Found::text("PowerPoint presentation", text), walked);
    Ok(if count > SHEETS_MAX {
        found.note(format!("Only the first {SHEETS_MAX} of its {count} slides are shown."))
    } else {
        found
    })
}

fn open(package: &mut Package<'_>) -> Result<Found, LookError> {
    let manifest = part(package, "META-INF/manifest.xml").map(|(xml, _)| xml).unwrap_or_default();
    if memchr::memmem::find(&manifest, b"encryption-data").is_some() {
        return Err(LookError("it is an OpenDocument that is locked with a password".to_owned()));
    }
    let (xml, cut) = part(package, "content.xml").ok_or_else(|| damaged("OpenDocument"))?;
    let (mut text, mut walked) = (String::new(), Walked { cut, ..Walked::default() });
    // What stands above and below every page of a text is among its styles.
    let kind = part(package, "mimetype").map(|(kind, _)| kind).unwrap_or_default();
    let styles = part(package, "styles.xml").filter(|_| memchr::memmem::find(&kind, b"opendocument.text").is_some());
    let pages = styles.as_ref().and_then(|(xml, _)| xml.get(memchr::memmem::find(xml, b"<office:master-styles")?..));
    let end = pages.and_then(|pages| memchr::memmem::find(pages, b"</office:master-styles>"));
    if let Some(pages) = pages.zip(end).and_then(|(pages, end)| pages.get(..end)) {
        let mut own = String::new();
        walk(pages, &OPEN, &mut own);
        if !own.trim().is_empty() {
            text = format!("— headers and footers —\n{}\n— text —\n", own.trim());
        }
    }
    let mut own = String::new();
    walked.add(walk(&xml, &OPEN, &mut own));
    text.push_str(own.trim_start_matches('\n'));
    Ok(noted(Found::text("OpenDocument", text), walked))
}
