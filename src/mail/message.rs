//! A message as received: its MIME structure (RFC 2045–2049) as a flat list of parts with exact byte ranges, read leniently and within
//! limits. Never fails: what cannot be read becomes a defect. Never recurses.

use std::ops::Range;
use std::sync::Arc;

use super::headers::Headers;
use super::{charset, structure, transfer};

/// Something in a message that is not as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Defect {
    /// There is no header at all: a bare text.
    NoHeader,
    /// The header has lines that are no fields.
    MalformedHeader,
    /// There are more header fields than are kept.
    TooManyFields,
    /// The message begins with the separator line of an mbox file.
    MboxLine,
    /// There are several From fields.
    RepeatedFrom,
    /// There are several Subject fields.
    RepeatedSubject,
    /// There are several Date fields.
    RepeatedDate,
    /// Another field occurs several times that may occur once.
    RepeatedField,
    /// A Content-Type field cannot be read.
    MalformedContentType,
    /// A Content-Transfer-Encoding is not known.
    UnknownEncoding,
    /// A message within the message is encoded, which RFC 2046 §5.2.1 forbids.
    EncodedMessage,
    /// A part announces a multipart but names no boundary, or the boundary never appears.
    MissingBoundary,
    /// A multipart does not end.
    UnendedMultipart,
    /// Multiparts or messages are nested deeper than is followed.
    TooDeep,
    /// There are more parts than are kept.
    TooManyParts,
}

impl Defect {
    /// The code that scripts rely on.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::NoHeader => "no-header",
            Self::MalformedHeader => "malformed-header",
            Self::TooManyFields => "too-many-fields",
            Self::MboxLine => "mbox-line",
            Self::RepeatedFrom => "repeated-from",
            Self::RepeatedSubject => "repeated-subject",
            Self::RepeatedDate => "repeated-date",
            Self::RepeatedField => "repeated-field",
            Self::MalformedContentType => "malformed-content-type",
            Self::UnknownEncoding => "unknown-encoding",
            Self::EncodedMessage => "encoded-message",
            Self::MissingBoundary => "missing-boundary",
            Self::UnendedMultipart => "unended-multipart",
            Self::TooDeep => "too-deep",
            Self::TooManyParts => "too-many-parts",
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

/// How the content of a part is encoded (RFC 2045 §6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// 7bit, 8bit, binary.
    #[default]
    Identity,
    /// RFC 2045 §6.7.
    QuotedPrintable,
    /// RFC 2045 §6.8.
    Base64,
    /// Something else: the content is given as transmitted.
    Unknown,
}

impl Encoding {
    /// What a header names; an encoding that nobody knows is [`Self::Unknown`].
    pub(crate) fn of(headers: &Headers) -> Self {
        let value = headers.get("Content-Transfer-Encoding").unwrap_or_default();
        match value.split([';', ' ', '(']).next().unwrap_or_default().to_ascii_lowercase().as_str() {
            "" | "7bit" | "8bit" | "binary" => Self::Identity,
            "quoted-printable" => Self::QuotedPrintable,
            "base64" => Self::Base64,
            _ => Self::Unknown,
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
    /// Content-Transfer-Encoding.
    pub encoding: Encoding,
    /// Its own header fields.
    pub headers: Headers,
    /// Its parts (multipart), or the root of the message in it (message/rfc822): places in [`Message::parts`].
    pub children: Vec<usize>,
    /// The part that holds it.
    pub parent: Option<usize>,
    pub(crate) header: Range<usize>,
    pub(crate) body: Range<usize>,
}

/// A text with its lines ended by LF, not CRLF. A lone CR stays.
fn with_line_feeds(text: String) -> String {
    let bytes = text.as_bytes();
    if memchr::memchr(b'\r', bytes).is_none() {
        return text;
    }
    let mut lines = String::with_capacity(text.len());
    let mut from = 0;
    for at in memchr::memchr_iter(b'\r', bytes).filter(|at| bytes.get(at.saturating_add(1)) == Some(&b'\n')) {
        lines.push_str(text.get(from..at).unwrap_or_default());
        from = at.saturating_add(1);
    }
    lines.push_str(text.get(from..).unwrap_or_default());
    lines
}

impl Part {
    /// A parameter of Content-Type.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// What it holds as text, and whether it does not fit the charset: lines ended by `\n`. Foreign text.
    #[must_use]
    pub fn text_of(&self, content: &[u8]) -> (String, bool) {
        let (text, misfit) = charset::decode(content, self.param("charset"));
        (with_line_feeds(text), misfit)
    }

    /// A message within the message.
    #[must_use]
    pub fn is_message(&self) -> bool {
        matches!(self.media_type.as_str(), "message/rfc822" | "message/global")
    }

    /// Size of the body as transmitted.
    #[must_use]
    pub fn raw_size(&self) -> usize {
        self.body.len()
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
        let (parts, defects) = structure::read(&raw);
        Self { raw, parts, defects }
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
    #[expect(clippy::indexing_slicing, reason = "reading the structure always gives a root")]
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

    /// The content of a part: transfer encoding undone (RFC 2045 §6), as far as it goes.
    #[must_use]
    pub fn content(&self, part: &Part) -> Vec<u8> {
        self.decode(part).0
    }

    /// [`Self::content`], and whether it is damaged.
    #[must_use]
    pub fn decode(&self, part: &Part) -> (Vec<u8>, bool) {
        let body = self.raw_body(part);
        match part.encoding {
            // RFC 2045 §6.4: a composite type is never encoded, whatever the field says.
            _ if part.is_multipart() => (body.to_vec(), false),
            Encoding::Identity | Encoding::Unknown => (body.to_vec(), false),
            Encoding::QuotedPrintable => transfer::decode_quoted_printable(body),
            Encoding::Base64 => transfer::decode_base64(body),
        }
    }

    /// Writes [`Self::content`] without holding all of it; whether it is damaged.
    ///
    /// # Errors
    /// What the taker says.
    pub fn write_content(&self, part: &Part, to: &mut dyn std::io::Write) -> std::io::Result<bool> {
        let body = self.raw_body(part);
        match part.encoding {
            Encoding::Base64 if !part.is_multipart() => transfer::write_base64(body, to),
            Encoding::QuotedPrintable if !part.is_multipart() => {
                let (content, damaged) = transfer::decode_quoted_printable(body);
                to.write_all(&content).map(|()| damaged)
            }
            _ => to.write_all(body).map(|()| false),
        }
    }

    /// The content of a part as text: transfer encoding and charset undone, lines ended by `\n`. Foreign text.
    #[must_use]
    pub fn text(&self, part: &Part) -> String {
        self.decode_text(part).0
    }

    /// [`Self::text`], and whether it is damaged: malformed encoding, or bytes that do not fit the charset.
    #[must_use]
    pub fn decode_text(&self, part: &Part) -> (String, bool) {
        let (content, damaged) = self.decode(part);
        let (text, misfit) = part.text_of(&content);
        (text, damaged || misfit)
    }

    /// What is not as it should be, each once.
    #[must_use]
    pub fn defects(&self) -> &[Defect] {
        &self.defects
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

    use super::{Defect, Disposition, Message};
    use crate::mail::structure::{DEPTH_MAX, PARTS_MAX};

    fn outline(message: &Message) -> String {
        message.parts().iter().fold(String::new(), |mut all, part| {
            let content = String::from_utf8_lossy(&message.content(part)).into_owned();
            let content =
                if part.children.is_empty() { format!("{content:?}") } else { format!("{:?}", part.children) };
            writeln!(all, "{} {} {} {content}", part.path, part.media_type, part.name.as_deref().unwrap_or("-"))
                .unwrap();
            all
        })
    }

    fn check(raw: &str, expected: &str, defects: &[Defect]) {
        // The same with either line end.
        for raw in [raw.to_owned(), raw.replace('\n', "\r\n")] {
            let message = Message::parse(raw.as_bytes().to_vec());
            assert_eq!(outline(&message).replace("\\r\\n", "\\n"), expected, "{raw}");
            assert_eq!(message.defects(), defects, "{raw}");
        }
    }

    #[test]
    fn simple_messages() {
        check("Subject: x\n\nbody\n", "1 text/plain - \"body\\n\"\n", &[]);
        check("Subject: x\n", "1 text/plain - \"\"\n", &[]);
        check("", "1 text/plain - \"\"\n", &[]);
        check("just a text\nin two lines\n", "1 text/plain - \"just a text\\nin two lines\\n\"\n", &[Defect::NoHeader]);
        check("From x@y Mon\nSubject: x\n\nb", "1 text/plain - \"b\"\n", &[Defect::MboxLine]);
        check("Content-Type: nonsense\n\nb", "1 text/plain - \"b\"\n", &[Defect::MalformedContentType]);
        check("Content-Type: TEXT/HTML; charset=x\n\nb", "1 text/html - \"b\"\n", &[]);
        check("Content-Transfer-Encoding: x-uue\n\nb", "1 text/plain - \"b\"\n", &[Defect::UnknownEncoding]);
        check("Content-Transfer-Encoding: BASE64 \n\nZ25v\nbWU=", "1 text/plain - \"gnome\"\n", &[]);
        check("From: a@x\nFrom: b@x\n\n", "1 text/plain - \"\"\n", &[Defect::RepeatedFrom]);
        check(
            "Subject: a\nsubject: b\nDate: c\nDate: d\n\n",
            "1 text/plain - \"\"\n",
            &[Defect::RepeatedSubject, Defect::RepeatedDate],
        );
        check("rubbish\nSubject: x\n\nb", "1 text/plain - \"b\"\n", &[Defect::MalformedHeader]);
    }

    #[test]
    fn multiparts() {
        check(
            "Content-Type: multipart/mixed; boundary=b\n\npreamble\n--b\n\none\n--b\nContent-Type: application/pdf; name=\"MG5.pdf\"\n\ntwo\n\n--b--\nepilogue\n",
            "TEXT multipart/mixed - [1, 2]\n1 text/plain - \"one\"\n2 application/pdf MG5.pdf \"two\\n\"\n",
            &[],
        );
        // Nested, with a boundary that begins with the outer one's.
        check(
            "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/alternative; boundary=bb\n\n--bb\n\none\n--bb\n\ntwo\n--bb--\n--b\n\nthree\n--b--\n",
            "TEXT multipart/mixed - [1, 4]\n1 multipart/alternative - [2, 3]\n1.1 text/plain - \"one\"\n1.2 text/plain - \"two\"\n2 text/plain - \"three\"\n",
            &[],
        );
        // The inner one is not ended: the outer delimiter ends it.
        check(
            "Content-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: multipart/mixed; boundary=i\n\n--i\n\none\n--o\n\ntwo",
            "TEXT multipart/mixed - [1, 3]\n1 multipart/mixed - [2]\n1.1 text/plain - \"one\"\n2 text/plain - \"two\"\n",
            &[Defect::UnendedMultipart],
        );
        check("Content-Type: multipart/mixed\n\nb", "1 multipart/mixed - \"b\"\n", &[Defect::MissingBoundary]);
        check(
            "Content-Type: multipart/mixed; boundary=x\n\nb",
            "1 multipart/mixed - \"b\"\n",
            &[Defect::MissingBoundary],
        );
        // A delimiter fills its line (RFC 2046 §5.1.1): neither a quoted one nor one with text behind it is one.
        check(
            "Content-Type: multipart/mixed; boundary=b\n\n--b\n\n> --b\n --b\n--bc\n--b x\n--b  \n\ntwo\n--b--",
            "TEXT multipart/mixed - [1, 2]\n1 text/plain - \"> --b\\n --b\\n--bc\\n--b x\"\n2 text/plain - \"two\"\n",
            &[],
        );
        // Parts without body or header.
        check(
            "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/html\n--b\n--b\n\n--b--",
            "TEXT multipart/mixed - [1, 2, 3]\n1 text/html - \"\"\n2 text/plain - \"\"\n3 text/plain - \"\"\n",
            &[],
        );
        check(
            "Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: x\n\ninner\n--b--",
            "TEXT multipart/digest - [1]\n1 message/rfc822 - [2]\n1.1 text/plain - \"inner\"\n",
            &[],
        );
    }

    #[test]
    fn messages_within_messages() {
        check(
            "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\nSubject: in\nContent-Type: multipart/mixed; boundary=c\n\n--c\n\none\n--c--\n--b\n\ntwo\n--b--",
            "TEXT multipart/mixed - [1, 4]\n1 message/rfc822 - [2]\n1.TEXT multipart/mixed - [3]\n1.1 text/plain - \"one\"\n2 text/plain - \"two\"\n",
            &[],
        );
        let raw = "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nU3ViamVjdDogeAoKYg==";
        check(raw, "1 message/rfc822 - \"Subject: x\\n\\nb\"\n", &[Defect::EncodedMessage]);
    }

    #[test]
    fn file_names_are_decoded() {
        let check = |fields: &str, expected: Option<&str>| {
            let message = Message::parse(format!("{fields}\r\n\r\n").into_bytes());
            assert_eq!(message.root().name.as_deref(), expected, "{fields}");
        };
        check("Content-Disposition: attachment; filename=\"MG5.pdf\"", Some("MG5.pdf"));
        check("Content-Disposition: attachment; filename*=utf-8''Gn%C3%B6me.pdf", Some("Gnöme.pdf"));
        check(
            "Content-Disposition: attachment;\r\n filename*0*=utf-8''Gn%C3%B6;\r\n filename*1=me.pdf",
            Some("Gnöme.pdf"),
        );
        check("Content-Disposition: attachment; filename=\"=?utf-8?Q?Gn=C3=B6me.pdf?=\"", Some("Gnöme.pdf"));
        check(
            "Content-Type: application/pdf; name=a.pdf\r\nContent-Disposition: attachment; filename=b.pdf",
            Some("b.pdf"),
        );
        check("Content-Type: application/pdf; name=\"a b.pdf\"", Some("a b.pdf"));
        check("Content-Disposition: attachment; filename=gnöme.pdf", Some("gnöme.pdf"));
        check("Content-Disposition: attachment; filename=\"\"", None);
        check("Content-Disposition: attachment", None);
        let disposition =
            |value: &str| Message::parse(format!("Content-Disposition: {value}\n\n").into_bytes()).root().disposition;
        assert_eq!(disposition("INLINE; x=y"), Disposition::Inline);
        assert_eq!(disposition("x-unheard-of"), Disposition::Attachment);
    }

    /// RFC 3156 §5: the signature covers the part with its header, byte by byte, without the line break before the delimiter.
    #[test]
    fn the_signed_part_is_given_byte_by_byte() {
        let signed = "Content-Type: text/plain; charset=utf-8\r\n\r\nPlea offer \t\r\n-- \r\n\r\n> --sig\r\nlast\r\n";
        let raw = format!(
            "From: a@x\r\nContent-Type: multipart/signed; boundary=\"sig\"; micalg=pgp-sha512;\r\n protocol=\"application/pgp-signature\"\r\n\r\nThis is signed.\r\n--sig\r\n{signed}\r\n--sig\r\nContent-Type: application/pgp-signature\r\n\r\n-----BEGIN PGP SIGNATURE-----\r\n\r\n--sig--\r\n"
        );
        let message = Message::parse(raw.into_bytes());
        let first = &message.parts()[1];
        assert_eq!(String::from_utf8_lossy(message.raw_part(first)), signed);
        assert_eq!(message.root().param("protocol"), Some("application/pgp-signature"));
        assert_eq!(message.part("2").unwrap().media_type, "application/pgp-signature");
        assert_eq!(message.raw_part(message.root()), message.raw());
    }

    #[test]
    fn text_is_decoded() {
        let raw = b"Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\ngn=F6me\r\nend".to_vec();
        let message = Message::parse(raw);
        assert_eq!(message.decode_text(message.root()), ("gnöme\nend".to_owned(), false));
        let message = Message::parse(&b"Content-Type: text/plain; charset=us-ascii\n\ngn\xf6me"[..]);
        assert_eq!(message.decode_text(message.root()), ("gnöme".to_owned(), true));
    }

    /// 100,000 messages within each other parsed as nested values would overflow the stack when dropped, and abort the process.
    #[test]
    fn deep_nesting_is_cut_and_needs_no_stack() {
        let deep = |piece: &str| {
            let raw = piece.repeat(100_000).into_bytes();
            std::thread::Builder::new()
                .stack_size(128 << 10)
                .spawn(move || Message::parse(raw))
                .unwrap()
                .join()
                .unwrap()
        };
        let message = deep("Content-Type: message/rfc822\n\n");
        assert_eq!((message.parts().len(), message.defects()), (DEPTH_MAX + 1, &[Defect::TooDeep][..]));
        let message = deep("Content-Type: multipart/digest; boundary=b\n\n--b\n\n");
        assert!(message.parts().len() <= PARTS_MAX && message.defects().contains(&Defect::TooDeep));
        let message = deep("Content-Type: multipart/mixed; boundary=b\n\n--b\n");
        assert!(message.parts().len() <= PARTS_MAX);
    }

    #[test]
    fn bombs_cost_linear_time() {
        let head = "Content-Type: multipart/mixed; boundary=b\n\n";
        let message = Message::parse(format!("{head}{}", "--b\n\nx\n".repeat(100_000)).into_bytes());
        assert_eq!(
            (message.parts().len(), message.defects()),
            (PARTS_MAX, &[Defect::UnendedMultipart, Defect::TooManyParts][..])
        );
        let message = Message::parse(format!("{head}--b\n\n{}", "-".repeat(5_000_000)).into_bytes());
        assert_eq!(message.parts().len(), 2);
        let message = Message::parse(format!("{head}{}", "--c\n".repeat(300_000)).into_bytes());
        assert_eq!(message.parts().len(), 1);
        let message = Message::parse(vec![b'x'; 5_000_000]);
        assert_eq!(message.text(message.root()).len(), 5_000_000);
        let message = Message::parse(format!("X: {}\n\nb", "y\n ".repeat(2_000_000)).into_bytes());
        assert_eq!(message.text(message.root()), "b");
        let soft = format!("Content-Transfer-Encoding: quoted-printable\n\n{}", "=\n".repeat(1_000_000));
        let message = Message::parse(soft.into_bytes());
        assert_eq!(message.text(message.root()), "");
    }

    proptest! {
        #[test]
        fn any_lines_make_a_tree_of_ranges_within_each_other(lines in proptest::collection::vec(
            "(--a|--b|--a--|--b--||Content-Type: multipart/mixed; boundary=a|Content-Type: multipart/digest; boundary=b|Content-Type: message/rfc822|Content-Transfer-Encoding: base64|x|Subject: y)\\r?", 0..40)) {
            let message = Message::parse(lines.join("\n").into_bytes());
            for (place, part) in message.parts().iter().enumerate() {
                prop_assert!(part.header.start <= part.header.end && part.header.end <= part.body.start.max(part.header.end));
                prop_assert!(part.body.start <= part.body.end && part.body.end <= message.raw().len());
                for &child in &part.children {
                    let inner = &message.parts()[child];
                    prop_assert!(child > place && inner.parent == Some(place));
                    prop_assert!(inner.header.start >= part.body.start && inner.body.end <= part.body.end, "{:?} in {:?}", inner, part);
                }
                let _ = message.text(part);
            }
            let mut paths: Vec<_> = message.parts().iter().map(|part| part.path.clone()).collect();
            paths.sort();
            paths.dedup();
            prop_assert_eq!(paths.len(), message.parts().len());
        }

        #[test]
        fn no_bytes_make_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let message = Message::parse(bytes);
            prop_assert!(!message.parts().is_empty());
        }
    }
}
