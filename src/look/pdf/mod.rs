//! The text of a PDF, page by page: a page that cannot be read costs itself only, and of a page what stands in fonts whose letters are not known.

mod annotation;
mod codes;
mod font;
mod page;
mod repair;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use lopdf::{Dictionary, Document, Object, ObjectId};

use self::page::Page;
use super::{Found, LookError, TEXT_MAX};

/// Pages that are read.
const PAGES_MAX: usize = 2_000;
/// Pages that are named of those that something is true of.
const SAMPLE: usize = 20;
/// Fonts whose letters are not known that are named.
const FONTS_TOLD: usize = 5;

fn damaged() -> LookError {
    LookError("it is a PDF that is damaged, or of a kind that cannot be read".to_owned())
}

/// The library gives up on some damage by a panic: what that leaves is thrown away.
fn guarded<T>(work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}

/// What the library reads of a page; `None` where it gives up.
fn read(document: &Document, number: u32) -> Option<String> {
    let mut text = String::new();
    let read = guarded(|| {
        let mut output = pdf_extract::PlainTextOutput::new(&mut text);
        pdf_extract::output_doc_page(document, &mut output, number).is_ok()
    });
    (read == Some(true)).then_some(text)
}

/// What was read of a page.
struct Read {
    text: String,
    /// Fonts whose letters are not known.
    mute: Vec<String>,
    /// Whether any text stands in a font whose letters are known.
    is_told: bool,
    is_cut: bool,
}

/// The text of one page; `None` where it cannot be read.
fn page(document: &mut Document, number: u32, id: ObjectId) -> Option<Read> {
    let as_it_was = document.get_dictionary(id).ok()?.clone();
    let found = plain_page(document, number, id);
    // It may be there a second time, when what it was made into is another's.
    document.objects.insert(id, Object::Dictionary(as_it_was));
    found
}

fn plain_page(document: &mut Document, number: u32, id: ObjectId) -> Option<Read> {
    let mut plain = guarded(|| Page::read(document, id)).flatten()?;
    guarded(|| plain.put(document, id, None))?;
    let mut text = read(document, number);
    if text.is_none() {
        // One font after the other: those that break the library are given to it with less, or not at all.
        for place in 0..plain.fonts.len() {
            while plain.fonts.get(place).is_some_and(|used| used.strings > 0 && !used.is_mute()) {
                guarded(|| plain.put(document, id, Some(place)))?;
                if read(document, number).is_some() {
                    break;
                }
                let used = plain.fonts.get_mut(place)?;
                used.form = used.form.next();
            }
        }
        guarded(|| plain.put(document, id, None))?;
        text = read(document, number);
    }
    let shown = || plain.fonts.iter().filter(|used| used.strings > 0);
    let mute = shown().filter(|used| used.is_mute()).map(|used| font::called(document, used.dictionary())).collect();
    let is_told = shown().any(|used| !used.is_mute());
    // Signs before the items of a list, as Word and LibreOffice write them.
    let mut text = text?.replace(['\u{f0b7}', '\u{f0a7}', '\u{f0d8}'], "\u{2022}");
    plain.remarks.iter().for_each(|remark| text.push_str(&format!("\n{remark}\n")));
    let is_told = is_told || !plain.remarks.is_empty();
    Some(Read { text, mute, is_told, is_cut: plain.cut })
}

/// Whether a dictionary holds something that acts, or a file.
fn acts(dictionary: &Dictionary) -> bool {
    let keys: [&[u8]; 4] = [b"JS", b"JavaScript", b"EmbeddedFiles", b"EF"];
    let is_launch = dictionary.get(b"S").and_then(Object::as_name).is_ok_and(|name| name == b"Launch");
    is_launch || keys.into_iter().any(|key| dictionary.has(key))
}

/// Looks into a PDF.
pub(super) fn look(bytes: &[u8]) -> Result<Found, LookError> {
    let locked = || LookError("it is a PDF that is locked with a password".to_owned());
    let is_locked = |error: &lopdf::Error| {
        let words = error.to_string().to_lowercase();
        words.contains("crypt") || words.contains("password")
    };
    let mut mended = false;
    let mut document = match guarded(|| Document::load_mem(bytes)) {
        Some(Ok(document)) if !document.get_pages().is_empty() => document,
        Some(Err(error)) if is_locked(&error) => return Err(locked()),
        _ => {
            mended = true;
            let again = guarded(|| Document::load_mem(&repair::repaired(bytes)?).ok()).flatten();
            again.filter(|document| !document.get_pages().is_empty()).ok_or_else(damaged)?
        }
    };
    if document.is_encrypted() && !guarded(|| document.decrypt("").is_ok()).unwrap_or(false) {
        return Err(locked());
    }
    let pages = guarded(|| document.get_pages()).ok_or_else(damaged)?;
    let (mut text, mut unread, mut read) = (String::new(), Vec::new(), 0_usize);
    let mut draws = false;
    let (mut mute, mut cut) = (BTreeMap::<String, Vec<String>>::new(), Vec::new());
    for (number, id) in pages.iter().take(PAGES_MAX) {
        if text.len() > TEXT_MAX {
            break;
        }
        if pages.len() > 1 {
            text.push_str(&format!("— page {number} —\n"));
        }
        match page(&mut document, *number, *id) {
            Some(one) => {
                draws |= one.is_told || !one.mute.is_empty();
                one.mute.into_iter().for_each(|font| mute.entry(font).or_default().push(number.to_string()));
                cut.extend(one.is_cut.then(|| number.to_string()));
                let own = one.text.trim_matches('\n');
                read += usize::from(one.is_told && !own.trim().is_empty());
                text.push_str(own);
                text.push_str(if own.is_empty() { "" } else { "\n" });
            }
            None => {
                unread.push(number.to_string());
                text.push_str("(this page cannot be read)\n");
            }
        }
    }
    if unread.len() == pages.len() {
        return Err(damaged());
    }
    let mut found = Found::text("PDF", if read == 0 && unread.is_empty() { String::new() } else { text });
    found = found.note(match pages.len() {
        1 => "One page. Only its text is shown: no pictures, no layout.".to_owned(),
        count => format!("{count} pages. Only their text is shown: no pictures, no layout."),
    });
    if mended {
        found = found.note("It is damaged: what could be found of it is shown.");
    }
    if pages.len() > PAGES_MAX {
        found = found.note(format!("Only the first {PAGES_MAX} pages are shown."));
    }
    let some = |pages: &[String]| match pages.get(..SAMPLE) {
        Some(first) if pages.len() > SAMPLE => format!("{} and more", first.join(", ")),
        _ => pages.join(", "),
    };
    if !unread.is_empty() {
        found = found.note(format!("What stands on these pages cannot be read: {}.", some(&unread)));
    }
    if !cut.is_empty() {
        found = found.note(format!("More stands on these pages than is read: {}.", some(&cut)));
    }
    if read > 0 || !unread.is_empty() {
        for (font, on) in mute.iter().take(FONTS_TOLD) {
            let on = match on.as_slice() {
                _ if pages.len() == 1 => String::new(),
                [one] => format!(", page {one}"),
                several => format!(", pages {}", some(several)),
            };
            found = found.note(format!("[?] stands for text in the font {font}, whose letters are not known{on}."));
        }
        if let Some(more) = mute.len().checked_sub(FONTS_TOLD).filter(|more| *more > 0) {
            found = found.note(format!("So it is with {more} more fonts."));
        }
    }
    let has = |needle: &[u8]| memchr::memmem::find(bytes, needle).is_some();
    let in_objects = || document.objects.values().any(|object| object.as_dict().is_ok_and(acts));
    if has(b"/JavaScript") || has(b"/Launch") || has(b"/EmbeddedFile") || in_objects() {
        found = found.note("It holds a script, a command or a file within it; nothing of that was run or opened.");
    }
    if read == 0 && unread.is_empty() {
        found = found.note(if draws {
            "It has text, but its fonts do not say which letters they show: none of it can be read here."
        } else {
            "It has no text: it may be a scan."
        });
    }
    Ok(found)
}

#[cfg(test)]
pub(super) mod tests;
