//! Looking into foreign documents: bytes in, plain text or a small picture out. Pure.
//!
//! Everything here runs in a child process that has given up files, network and most of the kernel before it sees the first foreign byte (see
//! `engine::sandbox`), and is bounded besides: bytes, entries, depth, ratio. Nothing is followed, fetched, run or expanded: no links, no
//! macros, no scripts of a PDF, no entities of an XML document. What comes out is foreign text, not yet safe for a terminal.

pub mod archive;
pub mod calendar;
pub mod directory;
mod kinds;
pub mod office;
mod pdf;
pub mod picture;
pub mod rtf;
pub(crate) mod tiff;
pub mod tnef;
mod zones;

use serde::{Deserialize, Serialize};

use crate::mail::message::Message;
use crate::mail::{display, html};

/// Bytes of text that are given.
pub const TEXT_MAX: usize = 4 << 20;
/// Bytes of a document that are looked into.
pub const BYTES_MAX: usize = 64 << 20;

/// What a document is called, before its bytes: the first line that the child reads.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// As the sender gave it.
    pub name: String,
    /// As the sender gave it.
    pub media_type: String,
}

/// A hearing that an invitation names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invited {
    /// `2026-03-05` or `2026-03-05T10:00:00`, by the clock on the wall of London.
    pub start: String,
    /// Where.
    pub place: String,
    /// What.
    pub summary: String,
}

/// A small picture.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Points {
    /// Points in a row.
    pub width: u16,
    /// Rows.
    pub height: u16,
    /// Red, green and blue of each, hexadecimal.
    pub points: String,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// What it is, in words, for instance `PDF`.
    pub format: String,
    /// What a person should know of it: what was left out, what is odd.
    pub notes: Vec<String>,
    /// Its text.
    pub text: String,
    /// Its picture.
    pub picture: Option<Points>,
    /// A hearing that it names.
    pub invited: Option<Invited>,
}

impl Found {
    /// Text of a format.
    #[must_use]
    pub fn text(format: &str, text: String) -> Self {
        Self { format: format.to_owned(), text, ..Self::default() }
    }

    /// With something to know.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// With its text cut to what is given.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        if self.text.len() > TEXT_MAX {
            let end = (0..=TEXT_MAX).rev().find(|at| self.text.is_char_boundary(*at)).unwrap_or(0);
            self.text.truncate(end);
            self.notes.push(format!("Only the first {} MB of its text are shown.", TEXT_MAX >> 20));
        }
        self.notes.truncate(20);
        self
    }
}

/// Why a document was not looked into, in words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct LookError(pub String);

impl LookError {
    fn new(words: impl Into<String>) -> Self {
        Self(words.into())
    }
}

/// The end of a name, in small letters.
fn extension(name: &str) -> String {
    name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase()).unwrap_or_default()
}

/// Looks into a document. What it is, its bytes say first; its name and media type only where they do not.
///
/// # Errors
/// In words: what cannot be looked into, or is damaged.
pub fn look(asked: &Asked, bytes: &[u8]) -> Result<Found, LookError> {
    if bytes.is_empty() {
        return Ok(Found::text("empty file", String::new()));
    }
    if bytes.len() > BYTES_MAX {
        return Err(LookError::new(format!("it is larger than the {} MB that are looked into", BYTES_MAX >> 20)));
    }
    let (extension, media_type) = (extension(&asked.name), asked.media_type.to_ascii_lowercase());
    let starts = |magic: &[u8]| bytes.starts_with(magic);
    let found = match () {
        // First: what is in it lies in it as it is, and a PDF begins anywhere near the beginning.
        () if tnef::is_package(bytes) => tnef::look(bytes),
        () if bytes.get(..1024.min(bytes.len())).is_some_and(|head| memchr::memmem::find(head, b"%PDF-").is_some()) => {
            pdf::look(bytes)
        }
        () if starts(b"PK\x03\x04") || starts(b"PK\x05\x06") => archive::look(bytes),
        () if starts(b"{\\rtf") => Ok(rtf::look(bytes)),
        () if picture::is_picture(bytes) => picture::look(bytes),
        () if starts(kinds::OLD_OFFICE) => Err(unread(bytes)),
        () if media_type == "text/calendar" || extension == "ics" => calendar::look(&text_of(bytes)),
        () if media_type == "message/rfc822" || extension == "eml" => Ok(message(bytes)),
        () if media_type == "text/html" || matches!(extension.as_str(), "html" | "htm" | "xhtml") || is_page(bytes) => {
            let text = html::to_text(&declared(bytes).unwrap_or_else(|| text_of(bytes)), 80);
            Ok(Found::text("web page", text).note("Shown as text; nothing of it was fetched."))
        }
        () if is_text(bytes) && (kinds::of(bytes).is_none() || kinds::is_said_in_letters(bytes)) => Ok(plain(bytes)),
        () => Err(unread(bytes)),
    };
    found.map(Found::bounded)
}

/// Why a document is not looked into, with what it is, as far as its bytes say.
fn unread(bytes: &[u8]) -> LookError {
    match kinds::of(bytes) {
        Some(what) if what.ends_with("password") || what.contains("casemail") => LookError(format!("it is {what}")),
        Some(what) => LookError(format!("it is {what}, which casemail does not look into; it can be saved")),
        None => LookError::new("it is of a kind that casemail does not look into; it can be saved"),
    }
}

/// Whether bytes begin as a web page does, whatever they are called.
fn is_page(bytes: &[u8]) -> bool {
    let head = bytes.get(..bytes.len().min(512)).unwrap_or_default();
    let head = String::from_utf8_lossy(head).trim_start_matches('\u{feff}').trim_start().to_ascii_lowercase();
    head.starts_with("<!doctype html") || head.starts_with("<html")
}

/// Whether bytes are text in some encoding: few control characters, or a byte-order mark.
fn is_text(bytes: &[u8]) -> bool {
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") || bytes.starts_with(b"\xef\xbb\xbf") {
        return true;
    }
    if wide(bytes).is_some() {
        return true;
    }
    let head = bytes.get(..bytes.len().min(8192)).unwrap_or_default();
    let odd = head.iter().filter(|b| **b < 0x20 && !matches!(b, b'\t' | b'\n' | b'\r' | 0x0c | 0x1b)).count();
    odd * 100 <= head.len()
}

/// A text. What is written in XML is shown as it is written; a drawing is told from it.
fn plain(bytes: &[u8]) -> Found {
    let head = String::from_utf8_lossy(bytes.get(..bytes.len().min(1024)).unwrap_or_default()).to_ascii_lowercase();
    let is_xml = head.trim_start_matches('\u{feff}').trim_start().starts_with("<?xml") || head.contains("<svg");
    let text = declared(bytes).filter(|_| is_xml).unwrap_or_else(|| text_of(bytes));
    if head.contains("<svg") {
        return Found::text("drawing (SVG)", text)
            .note("Shown as it is written, not drawn: nothing of it was run or fetched.");
    }
    Found::text("text", text)
}

/// Bytes as text in the encoding that they name themselves, in the head of a web page or of XML; `None` where they name none, or lie: what has a
/// byte-order mark or is UTF-8 throughout is that.
fn declared(bytes: &[u8]) -> Option<String> {
    let bytes = bytes.get(..bytes.len().min(2 * TEXT_MAX)).unwrap_or_default();
    if encoding_rs::Encoding::for_bom(bytes).is_some() || (!bytes.is_ascii() && std::str::from_utf8(bytes).is_ok()) {
        return None;
    }
    let head = String::from_utf8_lossy(bytes.get(..bytes.len().min(2048)).unwrap_or_default()).to_ascii_lowercase();
    let named = ["charset", "encoding"].into_iter().find_map(|word| {
        let rest = head.split_once(word)?.1.trim_start().strip_prefix('=')?;
        let rest = rest.trim_start().trim_start_matches(['"', '\'']);
        rest.split(|c: char| !(c.is_ascii_alphanumeric() || "-_:.".contains(c))).next()
    })?;
    // Not one that browsers put a single sign for, whatever it says.
    let encoding = encoding_rs::Encoding::for_label_no_replacement(named.as_bytes())?;
    // What can be read in single octets is in none of two.
    let is_wide = encoding == encoding_rs::UTF_16LE || encoding == encoding_rs::UTF_16BE;
    (!is_wide).then(|| encoding.decode_without_bom_handling(bytes).0.into_owned())
}

/// UTF-16 without a mark, told by letters of Latin, whose other octet is zero.
fn wide(bytes: &[u8]) -> Option<&'static encoding_rs::Encoding> {
    let head = bytes.get(..bytes.len().min(8192)).unwrap_or_default();
    let pairs = head.chunks_exact(2);
    let many = pairs.len();
    let count = |at: usize| {
        let plain = |pair: &&[u8]| pair.get(at) == Some(&0) && pair.get(1 - at).is_some_and(|byte| *byte >= 0x09);
        pairs.clone().filter(plain).count()
    };
    if many < 4 || !bytes.len().is_multiple_of(2) {
        return None;
    }
    let is_most = |count: usize| count * 10 >= many * 9;
    if is_most(count(1)) { Some(encoding_rs::UTF_16LE) } else { is_most(count(0)).then_some(encoding_rs::UTF_16BE) }
}

/// Bytes as text: by the byte-order mark, else UTF-8, else Windows-1252.
fn text_of(bytes: &[u8]) -> String {
    let bytes = bytes.get(..bytes.len().min(2 * TEXT_MAX)).unwrap_or_default();
    // The mark is none of the text.
    if let Some((encoding, mark)) = encoding_rs::Encoding::for_bom(bytes) {
        return encoding.decode_without_bom_handling(bytes.get(mark..).unwrap_or_default()).0.into_owned();
    }
    if let Some(encoding) = wide(bytes) {
        return encoding.decode_without_bom_handling(bytes).0.into_owned();
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        // A cut in the middle of a character is no other encoding.
        Err(error) if error.error_len().is_none() => String::from_utf8_lossy(bytes).into_owned(),
        Err(_) => encoding_rs::WINDOWS_1252.decode_without_bom_handling(bytes).0.into_owned(),
    }
}

/// A message within a message. It is another message: it is shown, and nothing of it is believed.
fn message(bytes: &[u8]) -> Found {
    let message = Message::parse(bytes.to_vec());
    let headers = message.headers();
    let people =
        |list: Vec<crate::mail::address::Address>| list.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let date = headers.date().map(|at| at.to_string()).unwrap_or_default();
    let mut text = format!(
        "From: {}\nTo: {}\nDate: {date}\nSubject: {}\n\n",
        people(headers.from()),
        people(headers.to()),
        headers.subject()
    );
    let body = display::body(&message);
    text.push_str(&body.text());
    for file in &body.attachments {
        text.push_str(&format!("\n[{}: {}, {} bytes]", file.path, file.name, file.bytes));
    }
    let found = Found::text("message", text).note("A message within the message: who wrote it is not checked.");
    if body.attachments.is_empty() {
        found
    } else {
        found.note("What came with it is in this message; an export writes it beside it, with the digests of both.")
    }
}

#[cfg(test)]
mod tests;
