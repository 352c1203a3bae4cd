//! A message as received: its MIME structure (RFC 2045–2049) as a flat list of parts with exact byte ranges, read leniently and within
//! limits. Never fails: what cannot be read becomes a defect. Never recurses.

use std::ops::Range;
use std::sync::Arc;

use super::headers::Headers;

/// Something in a message that is not as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Defect {
    /// A part announces a multipart but names no boundary, or the boundary never appears.
    MissingBoundary,
}

impl Defect {
    /// The code that scripts rely on.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::MissingBoundary => "missing-boundary",
        }
    }
}

/// RFC 2183.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Disposition {
    /// `inline`, or nothing was said.
    #[default]
    Inline,
    /// `attachment`, or a kind that is not known (RFC 2183 §2.8).
    Attachment,
}

impl Disposition {
    /// As in the header field.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Inline => "inline",
            Self::Attachment => "attachment",
        }
    }
}

/// A part of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Section number as IMAP counts (RFC 9051 §6.4.5): `1`, `2.1`. A multipart that IMAP gives no number is `TEXT` or `2.TEXT`.
    pub path: String,
    /// Lower-case, for instance `text/plain`; the default where it is missing or malformed.
    pub media_type: String,
    /// Parameters of Content-Type: name in lower-case, value decoded (RFC 2231).
    pub params: Vec<(String, String)>,
    /// The file name that the sender gave, decoded. Hostile: see [`super::safe::file_name`].
    pub name: Option<String>,
    /// RFC 2183.
    pub disposition: Disposition,
    /// Its own header fields.
    pub headers: Headers,
    /// Its parts (multipart), or the root of the message in it (message/rfc822): places in [`Message::parts`].
    pub children: Vec<usize>,
    /// The part that holds it.
    pub parent: Option<usize>,
    pub(crate) header: Range<usize>,
    pub(crate) body: Range<usize>,
}

impl Part {
    /// A parameter of Content-Type.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// A multipart.
    #[must_use]
    pub fn is_multipart(&self) -> bool {
        self.media_type.starts_with("multipart/")
    }
}

/// A message as received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    raw: Arc<[u8]>,
    parts: Vec<Part>,
    defects: Vec<Defect>,
}

impl Message {
    /// Reads a message, or a MIME entity alone. Never fails, never panics, needs no deep stack.
    #[must_use]
    pub fn parse(raw: impl Into<Arc<[u8]>>) -> Self {
        let raw = raw.into();
        let root = Part {
            path: "1".to_owned(),
            media_type: "text/plain".to_owned(),
            params: Vec::new(),
            name: None,
            disposition: Disposition::Inline,
            headers: Headers::parse(Arc::clone(&raw)),
            children: Vec::new(),
            parent: None,
            header: 0..0,
            body: 0..raw.len(),
        };
        Self { raw, parts: vec![root], defects: Vec::new() }
    }

    /// The message as received.
    #[must_use]
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// The message's own header fields.
    #[must_use]
    pub fn headers(&self) -> &Headers {
        &self.root().headers
    }

    /// The outermost part.
    #[must_use]
    #[expect(clippy::indexing_slicing, reason = "parse always makes a root")]
    pub fn root(&self) -> &Part {
        &self.parts[0]
    }

    /// All parts: the root first, every part before its children.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The part of a path.
    #[must_use]
    pub fn part(&self, path: &str) -> Option<&Part> {
        self.parts.iter().find(|part| part.path == path)
    }

    /// Header and body of a part exactly as transmitted, without the line break before the delimiter: what a signature covers
    /// (RFC 3156 §5).
    #[must_use]
    pub fn raw_part(&self, part: &Part) -> &[u8] {
        self.raw.get(part.header.start..part.body.end).unwrap_or_default()
    }

    /// The body of a part as transmitted.
    #[must_use]
    pub fn raw_body(&self, part: &Part) -> &[u8] {
        self.raw.get(part.body.clone()).unwrap_or_default()
    }

    /// The content of a part: transfer encoding undone (RFC 2045 §6).
    #[must_use]
    pub fn content(&self, part: &Part) -> Vec<u8> {
        self.raw_body(part).to_vec()
    }

    /// The content of a part as text: transfer encoding and charset undone, lines ended by `\n`. Foreign text.
    #[must_use]
    pub fn text(&self, part: &Part) -> String {
        String::from_utf8_lossy(&self.content(part)).replace("\r\n", "\n")
    }

    /// What is not as it should be, each once.
    #[must_use]
    pub fn defects(&self) -> &[Defect] {
        &self.defects
    }
}
