//! The text of a PDF, page by page: a page that cannot be read costs itself only.

use std::panic::{AssertUnwindSafe, catch_unwind};

use lopdf::{Dictionary, Document, Object};

use super::{Found, LookError, TEXT_MAX};

/// Pages that are read.
const PAGES_MAX: usize = 2_000;
/// Pages that are looked at to tell a scan from a text whose letters nobody knows.
const SAMPLE: usize = 20;

fn damaged() -> LookError {
    LookError("it is a PDF that is damaged, or of a kind that cannot be read".to_owned())
}

/// The library gives up on some damage by a panic: what that leaves is thrown away.
fn guarded<T>(work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}

/// The text of one page; `None` where the library gives up on it.
fn page(document: &Document, number: u32) -> Option<String> {
    let mut text = String::new();
    let read = guarded(|| {
        let mut output = pdf_extract::PlainTextOutput::new(&mut text);
        pdf_extract::output_doc_page(document, &mut output, number).is_ok()
    });
    (read == Some(true)).then_some(text)
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
    let mut document = guarded(|| Document::load_mem(bytes)).ok_or_else(damaged)?.map_err(|error| {
        let words = error.to_string().to_lowercase();
        if words.contains("crypt") || words.contains("password") { locked() } else { damaged() }
    })?;
    if document.is_encrypted() && !guarded(|| document.decrypt("").is_ok()).unwrap_or(false) {
        return Err(locked());
    }
    let pages = guarded(|| document.get_pages()).ok_or_else(damaged)?;
    let (mut text, mut unread, mut read) = (String::new(), Vec::new(), 0_usize);
    for number in pages.keys().take(PAGES_MAX) {
        if text.len() > TEXT_MAX {
            break;
        }
        if pages.len() > 1 {
            text.push_str(&format!("— page {number} —\n"));
        }
        match page(&document, *number) {
            Some(own) => {
                let own = own.trim_matches('\n');
                read += usize::from(!own.trim().is_empty());
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
    if pages.len() > PAGES_MAX {
        found = found.note(format!("Only the first {PAGES_MAX} pages are shown."));
    }
    if !unread.is_empty() {
        unread.truncate(20);
        found = found.note(format!("What stands on these pages cannot be read: {}.", unread.join(", ")));
    }
    let has = |needle: &[u8]| memchr::memmem::find(bytes, needle).is_some();
    let in_objects = || document.objects.values().any(|object| object.as_dict().is_ok_and(acts));
    if has(b"/JavaScript") || has(b"/Launch") || has(b"/EmbeddedFile") || in_objects() {
        found = found.note("It holds a script, a command or a file within it; nothing of that was run or opened.");
    }
    if read == 0 && unread.is_empty() {
        let draws = |id: &lopdf::ObjectId| {
            let content = guarded(|| document.get_page_content(*id)).and_then(Result::ok).unwrap_or_default();
            memchr::memmem::find(&content, b"Tj").is_some() || memchr::memmem::find(&content, b"TJ").is_some()
        };
        found = found.note(if pages.values().take(SAMPLE).any(draws) {
            "It has text, but its fonts do not say which letters they show: none of it can be read here."
        } else {
            "It has no text: it may be a scan."
        });
    }
    Ok(found)
}
