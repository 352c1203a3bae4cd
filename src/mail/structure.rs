//! The MIME structure of a message (RFC 2045, RFC 2046 §5) found in one pass over its lines.
//!
//! Why not mail-parser's: it takes a delimiter anywhere in a line, where the grammar of RFC 2046 §5.1.1 has it fill the line, so that
//! the bytes that a signature covers would be for the sender of a *quoted* delimiter to choose; and it nests messages as
//! values within values, so that dropping 40,000 of them overflows the stack. Here the parts are one flat list, the
//! work is linear in the bytes, and there are limits on depth and count.

use std::sync::Arc;

use super::headers::{Headers, Structured, trim_line_end};
use super::message::{Defect, Disposition, Encoding, Part};

/// Multiparts and messages within each other. Honest mail stays below ten.
pub(crate) const DEPTH_MAX: usize = 50;
/// Parts of a message.
pub(crate) const PARTS_MAX: usize = 10_000;
/// Bytes of a boundary: RFC 2046 §5.1.1 allows 70, careless mailers write more.
const BOUNDARY_MAX: usize = 256;

/// Finds the parts of a message: the root first, every part before its children.
pub(crate) fn read(raw: &Arc<[u8]>) -> (Vec<Part>, Vec<Defect>) {
    let mut reader = Reader { raw, parts: Vec::new(), open: Vec::new(), leaf: None, defects: Vec::new() };
    reader.read();
    reader.defects.sort_unstable();
    reader.defects.dedup();
    (reader.parts, reader.defects)
}

/// A multipart or a message within the message whose end has not been met.
struct Open {
    part: usize,
    /// Of a multipart whose last delimiter has not been met.
    boundary: Option<Vec<u8>>,
}

/// A delimiter line.
struct Delimiter {
    /// Where its line begins.
    at: usize,
    /// Where the next line begins.
    next: usize,
    /// Whose, as a place in the stack.
    level: usize,
    last: bool,
}

struct Reader<'a> {
    raw: &'a Arc<[u8]>,
    parts: Vec<Part>,
    open: Vec<Open>,
    /// The part whose body is being passed over.
    leaf: Option<usize>,
    defects: Vec<Defect>,
}

impl Reader<'_> {
    fn read(&mut self) {
        let start = self.skip_mbox_line();
        let mut at = self.read_part(None, start);
        while let Some(delimiter) = self.next_delimiter(at) {
            self.end_parts(delimiter.level, self.before_line_end(delimiter.at));
            let Some(open) = self.open.get_mut(delimiter.level) else { break };
            if delimiter.last {
                open.boundary = None;
                at = delimiter.next;
            } else if self.parts.len() >= PARTS_MAX {
                self.defects.push(Defect::TooManyParts);
                break;
            } else {
                let parent = open.part;
                at = self.read_part(Some(parent), delimiter.next);
            }
        }
        while let Some(open) = self.open.pop() {
            self.end_open(&open, self.raw.len());
        }
        self.note_numbers();
    }

    /// Some archives keep the separator line of mbox files before the header.
    fn skip_mbox_line(&mut self) -> usize {
        if !self.raw.starts_with(b"From ") {
            return 0;
        }
        self.defects.push(Defect::MboxLine);
        memchr::memchr(b'\n', self.raw).map_or(self.raw.len(), |at| at + 1)
    }

    /// Reads the header of a part and, where messages stand within messages, of those in it. Says where the search for the next
    /// delimiter begins.
    fn read_part(&mut self, parent: Option<usize>, start: usize) -> usize {
        let (mut parent, mut start) = (parent, start);
        loop {
            let (part, boundary, body) = self.read_header(parent, start);
            let place = self.parts.len();
            if let Some(holder) = parent.and_then(|parent| self.parts.get_mut(parent)) {
                holder.children.push(place);
            }
            let (multipart, message) = (part.is_multipart(), part.is_message());
            let readable = matches!(part.encoding, Encoding::Identity);
            self.parts.push(part);
            self.leaf = Some(place);
            if !multipart && !message {
                return body;
            }
            if self.open.len() >= DEPTH_MAX {
                self.defects.push(Defect::TooDeep);
                return body;
            }
            if multipart {
                match boundary {
                    Some(boundary) => {
                        self.open.push(Open { part: place, boundary: Some(boundary) });
                        self.leaf = None;
                    }
                    None => self.defects.push(Defect::MissingBoundary),
                }
                return body;
            }
            // RFC 2046 §5.2.1 allows no encoding of a message: an encoded one is a file, to be opened by itself.
            if !readable {
                self.defects.push(Defect::EncodedMessage);
                return body;
            }
            if self.parts.len() >= PARTS_MAX {
                self.defects.push(Defect::TooManyParts);
                return body;
            }
            self.open.push(Open { part: place, boundary: None });
            (parent, start) = (Some(place), body);
        }
    }

    fn read_header(&mut self, parent: Option<usize>, start: usize) -> (Part, Option<Vec<u8>>, usize) {
        let (headers, scan) = Headers::scan(self.raw, start, |line| self.delimits(line).is_some());
        let mut body = scan.body;
        if parent.is_none() && headers.fields().next().is_none() && start < body {
            // Not a message at all: a text, which is shown as it is.
            self.defects.push(Defect::NoHeader);
            body = start;
        } else if scan.rubbish {
            self.defects.push(Defect::MalformedHeader);
        }
        if scan.too_many {
            self.defects.push(Defect::TooManyFields);
        }
        self.note_repeated(&headers, parent);
        let digest =
            parent.and_then(|parent| self.parts.get(parent)).is_some_and(|part| part.media_type == "multipart/digest");
        let content_type = headers.structured("Content-Type");
        if headers.count("Content-Type") > 0 && content_type.as_ref().is_none_or(|found| found.subtype.is_none()) {
            self.defects.push(Defect::MalformedContentType);
        }
        // RFC 2045 §5.2 for what is malformed, RFC 2046 §5.1.5 for what is missing.
        let default = if digest { "message/rfc822" } else { "text/plain" };
        let (media_type, params) = match content_type {
            Some(Structured { kind, subtype: Some(subtype), params }) => (format!("{kind}/{subtype}"), params),
            Some(Structured { params, .. }) => ("text/plain".to_owned(), params),
            None => (default.to_owned(), Vec::new()),
        };
        let boundary =
            params.iter().find(|(name, _)| name == "boundary").map(|(_, value)| value.trim_end().as_bytes().to_vec());
        let boundary = boundary.filter(|boundary| !boundary.is_empty() && boundary.len() <= BOUNDARY_MAX);
        let disposition = headers.structured("Content-Disposition");
        let named = disposition.iter().flat_map(|found| &found.params).find(|(name, _)| name == "filename");
        let name = named.or_else(|| params.iter().find(|(name, _)| name == "name")).map(|(_, value)| value.clone());
        let encoding = self.encoding(&headers);
        let part = Part {
            path: String::new(),
            media_type,
            name: name.filter(|name| !name.trim().is_empty()),
            disposition: match disposition.as_ref().map(|found| found.kind.as_str()) {
                None | Some("inline") => Disposition::Inline,
                Some(_) => Disposition::Attachment,
            },
            params,
            encoding,
            headers,
            children: Vec::new(),
            parent,
            header: start..body,
            body: body..self.raw.len(),
        };
        (part, boundary, body)
    }

    fn encoding(&mut self, headers: &Headers) -> Encoding {
        let encoding = Encoding::of(headers);
        if encoding == Encoding::Unknown {
            self.defects.push(Defect::UnknownEncoding);
        }
        encoding
    }

    /// Fields that RFC 5322 §3.6 and RFC 2045 allow once: whoever reads another one than we do reads another message.
    fn note_repeated(&mut self, headers: &Headers, parent: Option<usize>) {
        let note = |name: &str, defect: Defect, defects: &mut Vec<Defect>| {
            if headers.count(name) > 1 {
                defects.push(defect);
            }
        };
        for name in ["Content-Type", "Content-Transfer-Encoding", "Content-Disposition"] {
            note(name, Defect::RepeatedField, &mut self.defects);
        }
        if parent.is_none() {
            note("From", Defect::RepeatedFrom, &mut self.defects);
            note("Subject", Defect::RepeatedSubject, &mut self.defects);
            note("Date", Defect::RepeatedDate, &mut self.defects);
            for name in ["Sender", "Reply-To", "To", "Cc", "Message-ID", "In-Reply-To", "References"] {
                note(name, Defect::RepeatedField, &mut self.defects);
            }
        }
    }

    /// Whose delimiter a line (without its end) is, and whether it is the last one. The innermost counts.
    fn delimits(&self, line: &[u8]) -> Option<(usize, bool)> {
        let text = line.strip_prefix(b"--")?.trim_ascii_end();
        self.open.iter().enumerate().rev().find_map(|(level, open)| {
            let rest = text.strip_prefix(open.boundary.as_deref()?)?;
            match rest {
                b"" => Some((level, false)),
                b"--" => Some((level, true)),
                _ => None,
            }
        })
    }

    /// The next delimiter line from `at`, which is the beginning of a line.
    fn next_delimiter(&self, at: usize) -> Option<Delimiter> {
        if self.open.iter().all(|open| open.boundary.is_none()) {
            return None;
        }
        let mut at = at;
        loop {
            let rest = self.raw.get(at..)?;
            if !rest.starts_with(b"--") {
                at += memchr::memmem::find(rest, b"\n--")? + 1;
                continue;
            }
            let length = memchr::memchr(b'\n', rest).map_or(rest.len(), |found| found + 1);
            let line = trim_line_end(rest.get(..length)?);
            if let Some((level, last)) = self.delimits(line) {
                return Some(Delimiter { at, next: at + length, level, last });
            }
            // The line break of this line may be the one before a delimiter.
            at += length;
        }
    }

    /// The line break before a delimiter belongs to the delimiter (RFC 2046 §5.1.1).
    fn before_line_end(&self, at: usize) -> usize {
        let before = self.raw.get(..at).unwrap_or_default();
        let before = before.strip_suffix(b"\n").unwrap_or(before);
        before.strip_suffix(b"\r").unwrap_or(before).len()
    }

    /// Ends the part being read and all open ones above a level.
    fn end_parts(&mut self, level: usize, end: usize) {
        if let Some(part) = self.leaf.take().and_then(|leaf| self.parts.get_mut(leaf)) {
            end_part(part, end);
        }
        while self.open.len() > level + 1 {
            let Some(open) = self.open.pop() else { break };
            self.end_open(&open, end);
        }
    }

    fn end_open(&mut self, open: &Open, end: usize) {
        if open.boundary.is_some() {
            let met = self.parts.get(open.part).is_some_and(|part| !part.children.is_empty());
            self.defects.push(if met { Defect::UnendedMultipart } else { Defect::MissingBoundary });
        }
        if let Some(part) = self.parts.get_mut(open.part) {
            end_part(part, end);
        }
    }

    /// Section numbers as in RFC 9051 §6.4.5: the parts of a multipart count from 1; the multipart at the root of a message has none of its
    /// own; any other root is part 1.
    fn note_numbers(&mut self) {
        for place in 0..self.parts.len() {
            let path = match self.parts.get(place).and_then(|part| Some((part.parent?, part.is_multipart()))) {
                None => self.root_path("", place),
                Some((parent, _)) => {
                    let Some(holder) = self.parts.get(parent) else { continue };
                    if holder.is_message() {
                        self.root_path(&format!("{}.", holder.path), place)
                    } else {
                        // Children are numbered in order, so that the search is for the last one only.
                        let number = holder.children.partition_point(|&child| child < place) + 1;
                        match holder.path.strip_suffix("TEXT") {
                            Some(prefix) => format!("{prefix}{number}"),
                            None => format!("{}.{number}", holder.path),
                        }
                    }
                }
            };
            if let Some(part) = self.parts.get_mut(place) {
                part.path = path;
            }
        }
    }

    fn root_path(&self, prefix: &str, place: usize) -> String {
        let container = self.parts.get(place).is_some_and(|part| part.is_multipart() && !part.children.is_empty());
        format!("{prefix}{}", if container { "TEXT" } else { "1" })
    }
}

/// A part whose header is followed at once by a delimiter ends before the header's own line break: that one is the delimiter's.
fn end_part(part: &mut Part, end: usize) {
    part.header = part.header.start.min(end)..part.header.end.min(end);
    part.body = part.body.start.min(end)..end;
}
