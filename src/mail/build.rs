//! A draft made into the exact bytes that are reviewed, sealed, stored and sent (RFC 5322, MIME, RFC 2047, RFC 2231, RFC 3676).
//!
//! What comes out is 7-bit, has CRLF and nothing else for line ends, no line over 998 octets, and no Bcc field. Written here and not by
//! lettre: its builder panics on a line break in a display name and lets a lone CR through in a body. Here whatever could forge
//! a field or split a message is refused before a byte is written, with the field's name.

use std::fmt::Write as _;

use jiff::Zoned;
use jiff::fmt::rfc2822;
use sha2::{Digest, Sha256};

use super::address::{Address, AddressError, forges};
use super::draft::{Attachment, Draft};
use super::{encoded_word, flowed, transfer};

/// Octets of a line that most readers wrap at (RFC 5322 §2.1.1).
const LINE: usize = 78;
/// Octets of a line that are allowed at all, without CRLF.
const LINE_MAX: usize = 998;
/// Message-IDs of References: the first, and the newest of the others.
const REFERENCES_MAX: usize = 20;

/// What is decided when a draft is built and not while it is written.
#[derive(Clone, Debug)]
pub struct Stamp {
    /// Without angle brackets; see [`message_id`].
    pub message_id: String,
    /// The Date field, with the offset that it shows.
    pub date: Zoned,
}

/// What a message holds beside its draft.
#[derive(Clone, Debug, Default)]
pub struct Extras {
    /// Further header fields, encoded and folded.
    pub fields: Vec<(String, String)>,
    /// The text begins with its subject, marked as a copy of it (RFC 9788 §2.1.2): for messages whose subject is hidden outside.
    pub legacy_subject: bool,
}

/// A message built from a draft.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built {
    /// The MIME entity: Content-* fields, blank line, body. This is what is sealed or signed.
    pub entity: Vec<u8>,
    /// The header fields without those of MIME, encoded, folded with CRLF; the value has no final line break.
    pub fields: Vec<(String, String)>,
    /// Everyone it goes to, blind copies too, each once.
    pub recipients: Vec<Address>,
}

/// Why a draft cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// A field holds a character that could forge another field or trick a server.
    #[error("{field} holds the control character U+{code:04X}: take it out")]
    Control {
        /// Which.
        field: &'static str,
        /// Of the character.
        code: u32,
    },
    /// No author.
    #[error("there is no author address: set From")]
    NoAuthor,
    /// No recipient.
    #[error("there is no recipient: fill in To, Cc or Bcc")]
    NoRecipient,
    /// An address that cannot go on the wire.
    #[error("{field}: {error}")]
    Address {
        /// Which field.
        field: &'static str,
        /// What is wrong.
        error: AddressError,
    },
    /// The Message-ID is malformed.
    #[error("the Message-ID {0:?} is malformed")]
    MessageId(String),
    /// The Date cannot be written.
    #[error("the date {0} has no form in a Date field")]
    Date(String),
    /// The media type of an attachment is malformed.
    #[error("the attachment {name:?} has the malformed media type {media_type:?}: it looks like application/pdf")]
    MediaType {
        /// Of the attachment.
        name: String,
        /// As given.
        media_type: String,
    },
}

/// A Message-ID (without angle brackets) from random bytes, with the domain of the author's address: the name of this machine is nobody's
/// business.
#[must_use]
pub fn message_id(random: [u8; 16], author: &Address) -> String {
    let domain = author.domain();
    format!("{}@{}", hex::encode(random), if is_id_part(&domain) { domain.as_str() } else { "localhost" })
}

/// Builds a draft.
pub fn build(draft: &Draft, stamp: &Stamp) -> Result<Built, BuildError> {
    build_with(draft, stamp, &Extras::default())
}

/// Builds a draft with extras.
pub fn build_with(draft: &Draft, stamp: &Stamp, extras: &Extras) -> Result<Built, BuildError> {
    if draft.from.addr.is_empty() {
        return Err(BuildError::NoAuthor);
    }
    if draft.to.is_empty() && draft.cc.is_empty() && draft.bcc.is_empty() {
        return Err(BuildError::NoRecipient);
    }
    check_addresses("From", std::slice::from_ref(&draft.from))?;
    for (field, addresses) in [("To", &draft.to), ("Cc", &draft.cc), ("Bcc", &draft.bcc)] {
        check_addresses(field, addresses)?;
    }
    check_line("Subject", &draft.subject)?;
    let mut fields = fields(draft, stamp)?;
    fields.extend(extras.fields.iter().cloned());
    Ok(Built {
        entity: entity(draft, &stamp.message_id, extras.legacy_subject)?,
        fields,
        recipients: recipients(draft),
    })
}

impl Built {
    /// The whole message (RFC 5322), clear: fields, MIME-Version, entity.
    #[must_use]
    pub fn assemble(&self) -> Vec<u8> {
        self.assemble_with(&self.fields, &self.entity)
    }

    /// The whole message around another entity and with other fields: what sealing and signing made of them.
    #[must_use]
    pub fn assemble_with(&self, fields: &[(String, String)], entity: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(entity.len().saturating_add(1024));
        for (name, value) in fields {
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value.as_bytes());
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"MIME-Version: 1.0\r\n");
        bytes.extend_from_slice(entity);
        bytes
    }
}

fn check_line(field: &'static str, text: &str) -> Result<(), BuildError> {
    match text.chars().find(|&c| forges(c)) {
        Some(c) => Err(BuildError::Control { field, code: u32::from(c) }),
        None => Ok(()),
    }
}

fn check_addresses(field: &'static str, addresses: &[Address]) -> Result<(), BuildError> {
    for address in addresses {
        check_line(field, &address.name)?;
        check_line(field, &address.addr)?;
        address.check().map_err(|error| BuildError::Address { field, error })?;
    }
    Ok(())
}

fn recipients(draft: &Draft) -> Vec<Address> {
    let mut seen = std::collections::HashSet::new();
    let all = draft.to.iter().chain(&draft.cc).chain(&draft.bcc);
    all.filter(|address| seen.insert(address.canonical())).cloned().collect()
}

/// The fields of RFC 5322 §3.6. Bcc is not among them: blind copies are in the envelope alone.
fn fields(draft: &Draft, stamp: &Stamp) -> Result<Vec<(String, String)>, BuildError> {
    let mut fields = Vec::new();
    let mut push = |name: &str, value: String| fields.push((name.to_owned(), value));
    let date = rfc2822::to_string(&stamp.date).map_err(|_| BuildError::Date(stamp.date.to_string()))?;
    if !is_id(&stamp.message_id) {
        return Err(BuildError::MessageId(stamp.message_id.clone()));
    }
    push("Date", date);
    push("From", address_list("From", std::slice::from_ref(&draft.from)));
    if draft.to.is_empty() && draft.cc.is_empty() {
        // RFC 5322 §3.6.3 needs no recipient field, but some relays do.
        push("To", "undisclosed-recipients:;".to_owned());
    }
    if !draft.to.is_empty() {
        push("To", address_list("To", &draft.to));
    }
    if !draft.cc.is_empty() {
        push("Cc", address_list("Cc", &draft.cc));
    }
    push("Subject", unstructured("Subject", draft.subject.trim()));
    push("Message-ID", format!("<{}>", stamp.message_id));
    // Ids of received mail that cannot be written are left out: a thread less, but no forged field.
    for (name, ids) in [("In-Reply-To", &draft.in_reply_to), ("References", &draft.references)] {
        let ids: Vec<&String> = ids.iter().filter(|id| is_id(id)).collect();
        let skipped = ids.len().saturating_sub(REFERENCES_MAX);
        let kept = ids.iter().take(1).chain(ids.iter().skip(1 + skipped));
        let value = kept.map(|id| format!("<{id}>")).collect::<Vec<_>>().join("\r\n ");
        if !value.is_empty() {
            push(name, value);
        }
    }
    Ok(fields)
}

/// A Message-ID that can be written as it is (RFC 5322 §3.6.4, a little wider).
fn is_id(id: &str) -> bool {
    !id.is_empty() && id.len() <= 900 && is_id_part(id)
}

fn is_id_part(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>\"()\\".contains(&byte))
}

/// One address a line: the folds stand where every server expects them.
fn address_list(field: &str, addresses: &[Address]) -> String {
    let mut list = String::new();
    for (at, address) in addresses.iter().enumerate() {
        if at > 0 {
            list.push_str(",\r\n ");
        }
        if address.name.trim().is_empty() {
            list.push_str(&address.addr);
        } else {
            let phrase = phrase(address.name.trim());
            let column = if at > 0 { 1 } else { field.len() + 2 };
            let fold = if column + phrase.len() + address.addr.len() + 3 > LINE { "\r\n " } else { " " };
            let _ = write!(list, "{phrase}{fold}<{}>", address.addr);
        }
    }
    list
}

/// A display name (RFC 5322 §3.2.5): as it is, quoted, or in encoded words.
fn phrase(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b" !#$%&'*+-/^_`{|}~".contains(&byte);
    if name.is_ascii() && name.len() <= 60 && !name.contains("=?") {
        // Between atoms any number of spaces is one; in a quoted string each counts.
        if name.bytes().all(plain) && !name.contains("  ") {
            return name.to_owned();
        }
        return format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""));
    }
    encoded_word::encode(name).replace(' ', "\r\n ")
}

/// An unstructured field (RFC 5322 §2.2.1), folded at spaces, in encoded words where it must be.
fn unstructured(field: &str, text: &str) -> String {
    let foldable = text.split(' ').all(|word| word.len() < LINE - 2);
    if text.is_ascii() && foldable && !text.contains("=?") {
        return fold(field.len() + 2, text);
    }
    encoded_word::encode(text).replace(' ', "\r\n ")
}

/// Folds before single spaces (RFC 5322 §2.2.3).
fn fold(column: usize, text: &str) -> String {
    let mut folded = String::with_capacity(text.len() + 16);
    let mut column = column;
    let mut after_space = true;
    for (at, word) in text.split(' ').enumerate() {
        if at > 0 {
            // A line of white space alone would end the header for a careless server.
            if column + 1 + word.len() > LINE && !after_space && !word.is_empty() {
                folded.push_str("\r\n");
                column = 0;
            }
            folded.push(' ');
            column += 1;
        }
        folded.push_str(word);
        column += word.len();
        after_space = word.is_empty();
    }
    folded
}

/// The MIME entity: the text, with attachments as multipart/mixed.
fn entity(draft: &Draft, message_id: &str, legacy_subject: bool) -> Result<Vec<u8>, BuildError> {
    let text = if legacy_subject {
        text_part(&format!("Subject: {}\n\n{}", draft.subject.trim(), draft.body), ";\r\n hp-legacy-display=\"1\"")?
    } else {
        text_part(&draft.body, "")?
    };
    if draft.attachments.is_empty() {
        return Ok(text);
    }
    let boundary = boundary(message_id, draft);
    let mut entity = Vec::new();
    entity.extend_from_slice(format!("Content-Type: multipart/mixed;\r\n boundary=\"{boundary}\"\r\n\r\n").as_bytes());
    let parts = draft.attachments.iter().map(attachment_part).collect::<Result<Vec<_>, _>>()?;
    for part in std::iter::once(text).chain(parts) {
        entity.extend_from_slice(format!("--{boundary}\r\n").as_bytes());
        entity.extend_from_slice(&part);
        entity.extend_from_slice(b"\r\n");
    }
    entity.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    Ok(entity)
}

/// `=_` stands in no quoted-printable or base64 line (RFC 2045 §6.7), and a digest of the content in none of it.
fn boundary(message_id: &str, draft: &Draft) -> String {
    let mut digest = Sha256::new();
    digest.update(message_id.as_bytes());
    digest.update(draft.body.as_bytes());
    for attachment in &draft.attachments {
        digest.update(&attachment.content);
    }
    let digest = hex::encode(digest.finalize());
    format!("=_{}", digest.get(..32).unwrap_or(&digest))
}

fn text_part(body: &str, parameters: &str) -> Result<Vec<u8>, BuildError> {
    let body = body.replace("\r\n", "\n");
    if let Some(c) = body.chars().find(|&c| c.is_control() && !matches!(c, '\n' | '\t')) {
        return Err(BuildError::Control { field: "the text", code: u32::from(c) });
    }
    let mut text = flowed::encode(body.trim_end_matches('\n'));
    text.push('\n');
    // RFC 3156 §3 and §5: what is signed must survive 7-bit relays and those that strip white space.
    let plain = |line: &str| line.is_ascii() && line.len() <= LINE && !line.ends_with([' ', '\t']) && line != ".";
    let (encoding, content) = if text.split('\n').all(plain) {
        ("7bit", text.replace('\n', "\r\n").into_bytes())
    } else {
        ("quoted-printable", transfer::encode_quoted_printable(&text))
    };
    let mut part = Vec::with_capacity(content.len() + 128);
    part.extend_from_slice(
        format!("Content-Type: text/plain; charset=utf-8; format=flowed{parameters}\r\n").as_bytes(),
    );
    part.extend_from_slice(format!("Content-Transfer-Encoding: {encoding}\r\n\r\n").as_bytes());
    part.extend_from_slice(&content);
    Ok(part)
}

fn attachment_part(attachment: &Attachment) -> Result<Vec<u8>, BuildError> {
    check_line("the name of an attachment", &attachment.name)?;
    let media_type = media_type(attachment)?;
    let base64 = transfer::encode_base64(&attachment.content);
    let mut head = format!("Content-Type: {media_type}");
    let name = attachment.name.rsplit(['/', '\\']).next().filter(|name| !name.trim().is_empty()).unwrap_or("unnamed");
    // RFC 2047 forbids encoded words here; every old mailer reads them nonetheless, and new ones read the disposition.
    let fallback = if is_quotable(name) {
        name.replace('\\', "\\\\").replace('"', "\\\"")
    } else {
        encoded_word::encode(name).replace(' ', "\r\n ")
    };
    let _ = write!(
        head,
        ";\r\n name=\"{fallback}\"\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment"
    );
    head.push_str(&parameter("filename", name));
    head.push_str("\r\n\r\n");
    let mut part = head.into_bytes();
    part.extend_from_slice(&base64);
    Ok(part)
}

/// A composite type may not be encoded (RFC 2045 §6.4), so that such a file goes as bytes.
fn media_type(attachment: &Attachment) -> Result<String, BuildError> {
    let given = attachment.media_type.trim().to_ascii_lowercase();
    let token = |text: &str| {
        !text.is_empty()
            && text.len() <= 127
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&b))
    };
    match given.split_once('/') {
        Some(("multipart" | "message", _)) => Ok("application/octet-stream".to_owned()),
        Some((kind, subtype)) if token(kind) && token(subtype) => Ok(given),
        _ => Err(BuildError::MediaType { name: attachment.name.clone(), media_type: attachment.media_type.clone() }),
    }
}

fn is_quotable(text: &str) -> bool {
    text.len() <= 60 && text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) && !text.contains("=?")
}

/// A parameter (RFC 2045 §5.1), or RFC 2231 §3 and §4: charset, escapes, and pieces of a line each.
fn parameter(name: &str, value: &str) -> String {
    if is_quotable(value) {
        return format!(";\r\n {name}=\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""));
    }
    let mut pieces = vec![String::from("utf-8''")];
    for c in value.chars() {
        let mut escaped = String::new();
        for byte in c.encode_utf8(&mut [0; 4]).bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                escaped.push(char::from(byte));
            } else {
                let _ = write!(escaped, "%{byte:02X}");
            }
        }
        match pieces.last_mut() {
            Some(piece) if piece.len() + escaped.len() <= 54 => piece.push_str(&escaped),
            _ => pieces.push(escaped),
        }
    }
    match pieces.as_slice() {
        [only] => format!(";\r\n {name}*={only}"),
        all => all.iter().enumerate().fold(String::new(), |mut whole, (at, piece)| {
            let _ = write!(whole, ";\r\n {name}*{at}*={piece}");
            whole
        }),
    }
}

/// What may go on the wire: ASCII, CRLF only, no line over 998 octets. For whoever makes a message of an entity of ours.
#[must_use]
pub fn is_wire_safe(bytes: &[u8]) -> bool {
    let lines_end_well = bytes.ends_with(b"\r\n");
    lines_end_well
        && bytes.split(|&byte| byte == b'\n').all(|line| {
            let line = line.strip_suffix(b"\r").map_or((line, line.is_empty()), |line| (line, true));
            line.1
                && line.0.len() <= LINE_MAX
                && line.0.iter().all(|byte| byte.is_ascii() && !matches!(byte, b'\r' | 0))
        })
}

#[cfg(test)]
mod tests {
    use jiff::Zoned;
    use proptest::prelude::{ProptestConfig, Strategy, any, prop_assert, prop_assert_eq, proptest};

    use super::{BuildError, Stamp, build, is_wire_safe, message_id};
    use crate::mail::address::Address;
    use crate::mail::display;
    use crate::mail::draft::{Attachment, Draft};
    use crate::mail::message::Message;

    fn stamp() -> Stamp {
        let date: Zoned = "2026-03-02T14:52:00+00:00[Europe/London]".parse().unwrap();
        Stamp { message_id: "0123@quillpounce.example".to_owned(), date }
    }

    fn address(name: &str, addr: &str) -> Address {
        Address { name: name.to_owned(), addr: addr.to_owned() }
    }

    fn draft() -> Draft {
        Draft {
            from: address("Barnaby Quill", "b.quill@quillpounce.example"),
            to: vec![address("", "ambleford.mags@cps.gov.example")],
            subject: "R v FERRET 99ZX0012326".to_owned(),
            body: "Dear Petra,\n\nPlease see attached.\n\n-- \nB. Quill".to_owned(),
            ..Draft::default()
        }
    }

    fn wire(draft: &Draft) -> String {
        let bytes = build(draft, &stamp()).unwrap().assemble();
        assert!(is_wire_safe(&bytes), "{}", String::from_utf8_lossy(&bytes));
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_plain_draft() {
        let mut draft = draft();
        draft.body = "Dear Petra,\n\nFrom here.\n".to_owned();
        assert_eq!(
            wire(&draft),
            "Date: Mon, 2 Mar 2026 14:52:00 +0000\r\nFrom: Barnaby Quill <b.quill@quillpounce.example>\r\nTo: ambleford.mags@cps.gov.example\r\n\
             Subject: R v FERRET 99ZX0012326\r\nMessage-ID: <0123@quillpounce.example>\r\nMIME-Version: 1.0\r\n\
             Content-Type: text/plain; charset=utf-8; format=flowed\r\nContent-Transfer-Encoding: 7bit\r\n\r\nDear Petra,\r\n\r\n From here.\r\n"
        );
    }

    #[test]
    fn names_and_subjects_are_encoded() {
        let mut draft = draft();
        draft.from.name = "Jørn \"J\" Quill".to_owned();
        draft.to =
            vec![address("Windlestraw, Petra", "p.windlestraw@cps.gov.example"), address("a\\b\"c", "c@x.example")];
        draft.subject = format!("R v FËRRET {}", "and others ".repeat(20));
        let wire = wire(&draft);
        assert!(
            wire.contains(
                "To: \"Windlestraw, Petra\" <p.windlestraw@cps.gov.example>,\r\n \"a\\\\b\\\"c\" <c@x.example>\r\n"
            ),
            "{wire}"
        );
        let message = Message::parse(wire.into_bytes());
        assert_eq!(message.headers().from(), [draft.from]);
        assert_eq!(message.headers().to(), draft.to);
        assert_eq!(message.headers().subject(), draft.subject.trim());
    }

    #[test]
    fn blind_copies_are_in_the_envelope_alone() {
        let mut draft = draft();
        draft.bcc = vec![address("Hidden", "hidden@x.example"), address("", "Ambleford.Mags@cps.gov.example")];
        let built = build(&draft, &stamp()).unwrap();
        assert!(!String::from_utf8(built.assemble()).unwrap().to_lowercase().contains("hidden"));
        assert_eq!(built.recipients.len(), 2);
        draft.to.clear();
        assert!(wire(&draft).contains("To: undisclosed-recipients:;\r\n"));
    }

    #[test]
    fn what_could_forge_is_refused() {
        let check = |change: &dyn Fn(&mut Draft), expected: &str| {
            let mut draft = draft();
            change(&mut draft);
            assert_eq!(build(&draft, &stamp()).unwrap_err().to_string(), expected);
        };
        let control = |field: &str, code: &str| format!("{field} holds the control character U+{code}: take it out");
        check(&|draft| draft.subject.push_str("\r\nBcc: x@x.example"), &control("Subject", "000D"));
        check(&|draft| draft.subject.push('\n'), &control("Subject", "000A"));
        check(&|draft| draft.subject.push('\u{2028}'), &control("Subject", "2028"));
        check(&|draft| draft.from.name.push('\r'), &control("From", "000D"));
        check(&|draft| draft.to[0].name.push('\0'), &control("To", "0000"));
        check(&|draft| draft.cc = vec![address("", "a@x.example\nBcc: b@x.example")], &control("Cc", "000A"));
        check(&|draft| draft.bcc = vec![address("\u{85}", "a@x.example")], &control("Bcc", "0085"));
        check(&|draft| draft.body.push_str("c\r.\rd"), &control("the text", "000D"));
        check(&|draft| draft.body.push('\u{1b}'), &control("the text", "001B"));
        let file = |name: &str, media_type: &str| Attachment {
            name: name.into(),
            media_type: media_type.into(),
            content: vec![],
        };
        check(&|draft| draft.attachments = vec![file("a\nb", "a/b")], &control("the name of an attachment", "000A"));
        check(
            &|draft| draft.attachments = vec![file("a", "a/b\r\nX: y")],
            "the attachment \"a\" has the malformed media type \"a/b\\r\\nX: y\": it looks like application/pdf",
        );
        check(&|draft| draft.from.addr.clear(), "there is no author address: set From");
        check(&|draft| draft.to.clear(), "there is no recipient: fill in To, Cc or Bcc");
        check(
            &|draft| draft.to[0].addr = "nobody".into(),
            "To: \"nobody\" is no address: an address looks like name@example.org",
        );
        let bad = Stamp { message_id: "a b@x".into(), ..stamp() };
        assert_eq!(build(&draft(), &bad), Err(BuildError::MessageId("a b@x".into())));
    }

    #[test]
    fn references_are_cut_and_hostile_ones_left_out() {
        let mut draft = draft();
        draft.references = (0..50).map(|at| format!("{at}@x.example")).collect();
        draft.references.push("evil\r\nBcc: x@x.example".to_owned());
        draft.in_reply_to = vec!["49@x.example".to_owned(), "a b".to_owned()];
        let message = Message::parse(wire(&draft).into_bytes());
        let references = message.headers().references();
        assert_eq!(
            (references.len(), references[0].as_str(), references[19].as_str()),
            (20, "0@x.example", "49@x.example")
        );
        assert_eq!(message.headers().in_reply_to(), ["49@x.example"]);
    }

    #[test]
    fn attachments_keep_their_names() {
        let mut draft = draft();
        let names = [
            "MG5.pdf",
            "MG11 P BADGER.pdf",
            "Gnöme \"the\" file; n=1.pdf",
            &format!("{}.pdf", "ö".repeat(80)),
            "a\\b.pdf",
            "é'%.txt",
        ];
        draft.attachments = names
            .iter()
            .map(|name| Attachment {
                name: (*name).to_owned(),
                media_type: "application/pdf".into(),
                content: name.as_bytes().to_vec(),
            })
            .collect();
        draft.attachments.push(Attachment {
            name: "x.eml".into(),
            media_type: "message/rfc822".into(),
            content: b"Subject: x\n\n".to_vec(),
        });
        let message = Message::parse(wire(&draft).into_bytes());
        assert_eq!(message.defects(), []);
        let found: Vec<_> = message.parts()[2..].iter().map(|part| part.name.clone().unwrap()).collect();
        // A path is no part of a name.
        let expected = ["MG5.pdf", "MG11 P BADGER.pdf", names[2], names[3], "b.pdf", "é'%.txt", "x.eml"];
        assert_eq!(found, expected);
        let contents: Vec<_> = message.parts()[2..].iter().map(|part| message.content(part)).collect();
        let sent: Vec<_> = draft.attachments.iter().map(|attachment| attachment.content.clone()).collect();
        assert_eq!(contents, sent);
        assert_eq!(message.parts()[8].media_type, "application/octet-stream");
    }

    #[test]
    fn the_name_of_the_machine_is_in_no_message_id() {
        let id = message_id([7; 16], &address("", "b.quill@QuillPounce.example"));
        assert_eq!(id, "07070707070707070707070707070707@quillpounce.example");
    }

    #[test]
    fn wire_safety_is_judged() {
        let check = |bytes: &[u8], expected: bool| assert_eq!(is_wire_safe(bytes), expected, "{bytes:?}");
        check(b"a\r\nb\r\n", true);
        check(b"a\r\nb", false);
        check(b"a\nb\r\n", false);
        check(b"a\rb\r\n", false);
        check(b"a\0b\r\n", false);
        check("é\r\n".as_bytes(), false);
        check(&[&[b'x'; 999][..], b"\r\n"].concat(), false);
    }

    fn any_draft() -> impl Strategy<Value = Draft> {
        let name = "[ -~éß庭😀]{0,30}";
        let addr = "[a-z0-9+_]{1,20}@[a-z]{1,12}\\.example";
        let people = || proptest::collection::vec((name, addr), 1..4);
        let line = "[ -~éß庭😀\t]{0,120}";
        let files =
            proptest::collection::vec(("[ -~éß庭]{1,60}", proptest::collection::vec(any::<u8>(), 0..200)), 0..3);
        (people(), people(), "[ -~éß庭😀]{0,150}", proptest::collection::vec(line, 0..12), files).prop_map(
            |(to, cc, subject, body, files)| {
                let people =
                    |list: Vec<(String, String)>| list.iter().map(|(name, addr)| address(name.trim(), addr)).collect();
                Draft {
                    from: address("Tess Inkwell", "t.inkwell@quillpounce.example"),
                    to: people(to),
                    cc: people(cc),
                    subject,
                    body: body.join("\n"),
                    attachments: files
                        .into_iter()
                        .map(|(name, content)| Attachment {
                            name,
                            media_type: "application/octet-stream".into(),
                            content,
                        })
                        .collect(),
                    ..Draft::default()
                }
            },
        )
    }

    /// A draft's text as it comes back: white space at the ends of lines and of the text is nobody's.
    fn trimmed(text: &str) -> String {
        let line = |line: &str| {
            if line.trim_start_matches('>').trim_start_matches(' ') == "-- " {
                line.to_owned()
            } else {
                line.trim_end_matches([' ', '\t']).to_owned()
            }
        };
        text.split('\n').map(line).collect::<Vec<_>>().join("\n").trim_end_matches('\n').to_owned()
    }

    #[test]
    fn a_name_keeps_its_spaces() {
        assert_eq!((super::phrase("#  A"), super::phrase("# A")), ("\"#  A\"".to_owned(), "# A".to_owned()));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn any_draft_is_safe_on_the_wire_and_reads_back_equal(draft in any_draft()) {
            let built = build(&draft, &stamp()).unwrap();
            let bytes = built.assemble();
            prop_assert!(is_wire_safe(&bytes), "{}", String::from_utf8_lossy(&bytes));
            let message = Message::parse(bytes);
            prop_assert_eq!(message.defects(), []);
            let headers = message.headers();
            prop_assert_eq!(headers.from(), vec![draft.from.clone()]);
            prop_assert_eq!(headers.to(), draft.to.clone());
            prop_assert_eq!(headers.cc(), draft.cc.clone());
            prop_assert_eq!(headers.subject(), draft.subject.trim());
            let body = display::body(&message);
            prop_assert_eq!(trimmed(&body.text()), trimmed(&draft.body));
            let files: Vec<_> = message.parts().iter().filter(|part| part.media_type == "application/octet-stream").map(|part| message.content(part)).collect();
            let sent: Vec<_> = draft.attachments.iter().map(|file| file.content.clone()).collect();
            prop_assert_eq!(files, sent);
        }
    }
}
