//! PDF: what is encrypted, what runs, and what it tells of its making. By the words of its objects, also of those that are packed (ISO 32000-1
//! §7.5.7), without following any of them: a damaged file is read as far as it can be.

use std::collections::BTreeSet;
use std::io::{Read, Seek, SeekFrom};
use std::sync::LazyLock;

use regex::bytes::Regex;

use super::budget::Budget;
use super::sift::sift;
use super::{Grade, Told, count};

/// Bytes that an object's word and what belongs to it take at most.
const OVERLAP: usize = 2048;
/// Streams of objects that are unpacked, and bytes of each.
const STREAMS_MAX: usize = 2_000;
const STREAM_BYTES: u64 = 4 << 20;

/// What an expression of [`WORDS`] is.
static WORDS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?x)
        (?P<locked>/Encrypt\s*(?:\d{1,10}\s+\d{1,5}\s+R|<<))
        |(?P<author>/Author\s*(?:\(|<(?-u:[^<])))
        |(?P<creator><dc:creator>)
        |(?P<remark>/Subtype\s*/(?:Text|FreeText|Highlight|StrikeOut|Underline|Squiggly|Caret|Ink|Stamp)(?-u:\b))
        |(?P<script>/(?:JavaScript|Launch)(?-u:\b))
        |(?P<file>/EmbeddedFile(?-u:\b))
        |(?P<layer>/OFF\s*\[\s*\d)
        |(?P<packed>/ObjStm(?-u:\b))",
    )
    .ok()
});

#[derive(Default)]
struct Seen {
    locked: bool,
    author: Option<String>,
    remarks: usize,
    scripts: bool,
    files: usize,
    layers: bool,
    packed: BTreeSet<u64>,
}

impl Seen {
    /// Takes in what stands in a piece whose first byte is at `at`; what was seen in the piece before is not counted again.
    fn take(&mut self, piece: &[u8], at: u64, seen_to: &mut u64) {
        let Some(words) = WORDS.as_ref() else { return };
        for found in words.captures_iter(piece) {
            let Some(whole) = found.get(0) else { continue };
            let place = at.saturating_add(whole.start() as u64);
            if place < *seen_to {
                continue;
            }
            *seen_to = place.saturating_add(1);
            let is = |name: &str| found.name(name).is_some();
            let behind = piece.get(whole.end().saturating_sub(1)..).unwrap_or_default();
            match () {
                () if is("locked") => self.locked = true,
                () if is("author") => {
                    let behind = piece.get(whole.end().saturating_sub(if behind.starts_with(b"(") { 1 } else { 2 })..);
                    self.author = self.author.take().or_else(|| string(behind.unwrap_or_default()));
                }
                () if is("creator") => self.author = self.author.take().or_else(|| xmp(behind)),
                () if is("remark") => self.remarks += 1,
                () if is("script") => self.scripts = true,
                () if is("file") => self.files += 1,
                () if is("layer") => self.layers = true,
                () => drop(self.packed.insert(place)),
            }
        }
    }
}

/// Looks into a PDF.
pub(super) fn inspect<R: Read + Seek>(content: &mut R, budget: &mut Budget) -> Vec<Told> {
    let mut seen = Seen::default();
    let mut seen_to = 0;
    sift(content, OVERLAP, |piece, at| seen.take(piece, at, &mut seen_to));
    if seen.locked {
        return vec![Told::locked("a PDF")];
    }
    if seen.packed.len() > STREAMS_MAX {
        budget.cut();
    }
    for place in std::mem::take(&mut seen.packed).into_iter().take(STREAMS_MAX) {
        if let Some(objects) = unpack(content, place, budget) {
            let mut seen_to = 0;
            seen.take(&objects, 0, &mut seen_to);
        }
    }
    let mut told = Vec::new();
    if seen.scripts {
        told.push(Told::new(
            "script-in-pdf",
            Grade::Ask,
            "holds a script or a command: gateways drop such files",
            "Print it to a new PDF.",
        ));
    }
    let mut found = Vec::new();
    for (number, one, many) in [
        (seen.remarks, "comment or mark", "comments or marks"),
        (seen.files, "file within it", "files within it"),
        (usize::from(seen.layers), "hidden layer", "hidden layers"),
    ] {
        if number > 0 {
            found.push(count(number, one, many));
        }
    }
    told.extend(Told::traces(&found));
    told.extend(Told::author(&seen.author.map(|name| ("author", name)).into_iter().collect::<Vec<_>>()));
    told
}

/// The objects of a packed stream whose dictionary has a word at `place`.
fn unpack<R: Read + Seek>(content: &mut R, place: u64, budget: &mut Budget) -> Option<Vec<u8>> {
    let mut head = Vec::new();
    content.seek(SeekFrom::Start(place)).ok()?;
    content.by_ref().take(OVERLAP as u64).read_to_end(&mut head).ok()?;
    let word = memchr::memmem::find(&head, b"stream")?;
    let rest = head.get(word + 6..)?;
    let breaks = if rest.starts_with(b"\r\n") { 2 } else { 1 };
    content.seek(SeekFrom::Start(place.checked_add((word + 6 + breaks) as u64)?)).ok()?;
    let mut objects = Vec::new();
    // What ends in damage is read up to it.
    let objects_of = flate2::read::ZlibDecoder::new(content.by_ref());
    let _ = budget.over(objects_of, STREAM_BYTES).read_to_end(&mut objects);
    Some(objects)
}

/// A string of PDF (ISO 32000-1 §7.3.4), between brackets or in hexadecimal.
fn string(text: &[u8]) -> Option<String> {
    let mut bytes: Vec<u8> = Vec::new();
    let mut rest = text.iter().copied().take(OVERLAP);
    match rest.next()? {
        b'(' => {
            let mut depth = 1_u32;
            while let Some(byte) = rest.next() {
                match byte {
                    b'\\' => match rest.next()? {
                        b'n' | b'r' | b't' | b'b' | b'f' => bytes.push(b' '),
                        digit @ b'0'..=b'7' => {
                            let mut value = u32::from(digit - b'0');
                            let mut more = rest.clone();
                            for _ in 0..2 {
                                match more.next() {
                                    Some(digit @ b'0'..=b'7') => {
                                        value = value * 8 + u32::from(digit - b'0');
                                        rest = more.clone();
                                    }
                                    _ => break,
                                }
                            }
                            bytes.push(u8::try_from(value & 0xff).unwrap_or(0));
                        }
                        other => bytes.push(other),
                    },
                    b'(' => {
                        depth += 1;
                        bytes.push(byte);
                    }
                    b')' => {
                        depth -= 1;
                        if depth == 0 {
                            break;
                        }
                        bytes.push(byte);
                    }
                    byte => bytes.push(byte),
                }
            }
        }
        b'<' => {
            let digits: Vec<u8> = rest.take_while(|byte| *byte != b'>').filter(u8::is_ascii_hexdigit).collect();
            let digit =
                |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok()).unwrap_or(0);
            bytes = digits
                .chunks(2)
                .filter_map(|two| Some(digit(*two.first()?) << 4 | digit(two.get(1).copied().unwrap_or(b'0'))))
                .collect();
        }
        _ => return None,
    }
    let text = match bytes.strip_prefix(b"\xfe\xff") {
        Some(wide) => {
            let units = wide.chunks_exact(2).filter_map(|two| Some(u16::from_be_bytes(two.try_into().ok()?)));
            String::from_utf16_lossy(&units.collect::<Vec<_>>())
        }
        None => std::str::from_utf8(&bytes).map_or_else(
            |_| encoding_rs::WINDOWS_1252.decode_without_bom_handling(&bytes).0.into_owned(),
            str::to_owned,
        ),
    };
    named(&text)
}

/// The first name in the list of creators of an XMP packet.
fn xmp(text: &[u8]) -> Option<String> {
    let text = text.get(..text.len().min(OVERLAP)).unwrap_or_default();
    let begin = memchr::memmem::find(text, b"<rdf:li")?;
    let text = text.get(begin..)?;
    let open = memchr::memchr(b'>', text)?;
    let text = text.get(open + 1..)?;
    named(&String::from_utf8_lossy(text.get(..memchr::memchr(b'<', text)?)?))
}

/// A name, if there is one.
fn named(text: &str) -> Option<String> {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    (!text.is_empty()).then(|| text.chars().take(200).collect())
}
