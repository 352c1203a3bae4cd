//! Protected header fields read (RFC 9788 §4, and the older `protected-headers="v1"`), and the message that is shown made of them.
//!
//! Inside wins only at the root of the protected payload, and only where that payload was decrypted or its signature holds. Fields of an
//! attached message are never promoted, and a field that is not inside is not shown as if it were.

use crate::mail::headers::Headers;
use crate::mail::message::{Message, Part};

use super::large::Piece;
use super::open::{HeaderView, addresses};
use super::protect::OBSCURED_SUBJECT;
use super::shape::{Shape, shape};

/// Fields that a person is shown or that a reply depends on.
const USER_FACING: [&str; 11] = [
    "From",
    "Sender",
    "Reply-To",
    "To",
    "Cc",
    "Subject",
    "Date",
    "Message-ID",
    "In-Reply-To",
    "References",
    "Followup-To",
];

/// Keys of other recipients, which stand at the root of a payload whether its fields are protected or not (Autocrypt Level 1).
pub(super) const GOSSIP: &str = "Autocrypt-Gossip";

/// How the fields of a payload were protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    /// RFC 9788, `hp="clear"`: all of them stand outside too.
    Clear,
    /// RFC 9788, `hp="cipher"`: what stands outside is told by `HP-Outer`.
    Cipher,
    /// The drafts before it.
    Old,
    /// RFC 8551 §3.1: the payload was a whole message, wrapped as `message/rfc822`.
    Wrapped,
}

/// The message that a payload wraps, where that is how its fields were protected (RFC 9788 §4.10.1): the payload is that message alone, which has
/// no layer of protection of its own and no `hp`. Somebody who passes a message on may wrap it in the same way: only the author outside
/// vouches for what is inside as their own, so a message of anybody else stays what it is, an attached one.
pub(super) fn wrapped(outer: &Headers, payload: &Message) -> Option<Message> {
    let root = payload.root();
    if root.media_type != "message/rfc822" || root.param("hp").is_some() {
        return None;
    }
    let inner = Message::parse(payload.content(root));
    let (from, inside) = (addresses(outer), addresses(inner.headers()));
    let alike = matches!((from.as_slice(), inside.as_slice()), ([one], [other]) if one.contains('@') && one == other);
    (alike && scheme(&inner).is_none() && matches!(shape(&inner), Shape::Clear)).then_some(inner)
}

/// What the root of a payload says about its fields. `hp` elsewhere means nothing.
pub(super) fn scheme(payload: &Message) -> Option<Scheme> {
    let root = payload.root();
    match root.param("hp").map(str::to_ascii_lowercase).as_deref() {
        Some("clear") => Some(Scheme::Clear),
        Some("cipher") => Some(Scheme::Cipher),
        Some(_) => None,
        None => {
            root.param("protected-headers").filter(|version| version.eq_ignore_ascii_case("v1")).map(|_| Scheme::Old)
        }
    }
}

/// The fields inside, and which of those outside differ though the sender did not say so.
pub(super) fn view(outer: &Headers, inner: &Headers, scheme: Scheme, encrypted: bool) -> HeaderView {
    let mut view = HeaderView { protected: user_facing(inner), ..HeaderView::default() };
    let told = told_outside(inner);
    for name in USER_FACING {
        let outside = joined(outer, name);
        let inside = joined(inner, name);
        let expected = match scheme {
            Scheme::Cipher if encrypted => {
                told.iter().find(|(told, _)| told.eq_ignore_ascii_case(name)).map(|(_, v)| v)
            }
            _ => inside.as_ref(),
        };
        let differs = match (&outside, expected) {
            // What is missing outside harms nobody: inside is what is shown. What was never inside is shown as it stands outside.
            (None, _) => false,
            _ if inside.is_none() && outer_counts(inner, scheme, name) => false,
            (Some(outside), Some(expected)) => outside != expected,
            (Some(_), None) => true,
        };
        let obscured = encrypted
            && name == "Subject"
            && outside.as_deref().is_some_and(|subject| {
                [OBSCURED_SUBJECT, "...", "Encrypted Message", "Encrypted message"].contains(&subject)
            });
        if differs && !obscured {
            view.mismatch.push(name.to_owned());
        }
    }
    view
}

/// The message to show, in pieces: the payload's body and MIME fields under the fields that count.
pub(super) fn compose(
    outer: &Headers,
    payload: &Message,
    protected: Option<Scheme>,
    keep_outer_from: bool,
) -> Vec<Piece> {
    let root = payload.root();
    let mut raw = Vec::with_capacity(1024);
    let take = |raw: &mut Vec<u8>, name: &str, value: &[u8]| {
        raw.extend_from_slice(name.as_bytes());
        raw.extend_from_slice(b":");
        if !value.starts_with(b" ") {
            raw.push(b' ');
        }
        raw.extend_from_slice(value);
        raw.extend_from_slice(b"\r\n");
    };
    let is = |name: &str, wanted: &str| name.eq_ignore_ascii_case(wanted);
    let outer_from = |name: &str| keep_outer_from && is(name, "From");
    for (name, value) in outer.fields().filter(|(name, _)| !structural(name) && !is(name, GOSSIP)) {
        if protected.is_none_or(|scheme| outer_counts(&root.headers, scheme, name)) || outer_from(name) {
            take(&mut raw, name, value);
        }
    }
    for (name, value) in root.headers.fields() {
        let own = protected.is_some() && !is(name, "HP-Outer") && !outer_from(name);
        if structural(name) || is(name, GOSSIP) || own {
            take(&mut raw, name, value);
        }
    }
    raw.extend_from_slice(b"\r\n");
    let mut pieces = vec![Piece::Bytes(raw)];
    without_legacy(payload, protected, &mut pieces);
    pieces
}

/// What pieces are together.
pub(super) fn joined_pieces(payload: &Message, pieces: &[Piece]) -> Vec<u8> {
    let mut raw = Vec::with_capacity(payload.raw().len().saturating_add(1024));
    for piece in pieces {
        match piece {
            Piece::Bytes(bytes) => raw.extend_from_slice(bytes),
            Piece::Held(range) => raw.extend_from_slice(payload.raw().get(range.clone()).unwrap_or_default()),
        }
    }
    raw
}

/// The parts whose text stands for something else in what is shown.
pub(super) fn replaced(payload: &Message, protected: Option<Scheme>) -> Vec<usize> {
    let parts = payload.parts().iter().enumerate();
    let is_replaced = |place, part| protected.is_some_and(|scheme| legacy(payload, place, part, scheme).is_some());
    parts.filter(|(place, part)| is_replaced(*place, part)).map(|(place, _)| place).collect()
}

/// The names of the fields of a payload that a person may be shown.
pub(super) fn names(inner: &Headers) -> Vec<&'static str> {
    USER_FACING.into_iter().filter(|name| inner.count(name) > 0).collect()
}

/// The fields that are shown and not covered.
pub(super) fn unsigned(shown: &Headers, covered: impl Fn(&str) -> bool) -> Vec<String> {
    USER_FACING.iter().filter(|name| shown.count(name) > 0 && !covered(name)).map(|name| (*name).to_owned()).collect()
}

/// Whether an outer field is shown although the payload's fields are protected: the older forms often protected the subject alone, and a
/// server may have added a date or Message-ID that the sender left out (RFC 6409 §8).
fn outer_counts(inner: &Headers, scheme: Scheme, name: &str) -> bool {
    let added = ["Date", "Message-ID"].iter().any(|added| name.eq_ignore_ascii_case(added));
    (scheme == Scheme::Old || added) && inner.count(name) == 0
}

/// The body of the payload without the copies of protected fields made for programs that cannot read them (RFC 9788 §4.5.3).
fn without_legacy(payload: &Message, protected: Option<Scheme>, out: &mut Vec<Piece>) {
    let root = payload.root();
    let mut done = root.body.start;
    for (place, part) in payload.parts().iter().enumerate() {
        let Some(replacement) = protected.and_then(|scheme| legacy(payload, place, part, scheme)) else { continue };
        // The root's own header is written elsewhere; a legacy text at the root keeps it, so only its body is replaced.
        let from = if place == 0 { part.body.start } else { part.header.start };
        if from < done || part.body.end < from {
            continue;
        }
        out.push(Piece::Held(done..from));
        out.push(Piece::Bytes(replacement));
        done = part.body.end;
    }
    out.push(Piece::Held(done..root.body.end));
}

/// What stands in the place of a part with a legacy display; nothing if it has none.
fn legacy(payload: &Message, place: usize, part: &Part, scheme: Scheme) -> Option<Vec<u8>> {
    if part.param("hp-legacy-display") == Some("1") && scheme == Scheme::Cipher {
        let content = payload.content(part);
        let rest = match part.media_type.as_str() {
            "text/plain" => after_empty_line(&content).to_vec(),
            "text/html" => without_legacy_div(&content),
            _ => return None,
        };
        if place == 0 {
            // The transfer encoding in the root's header stays as it was, so its body has to fit it.
            return Some(encode(&rest, part));
        }
        let mut replacement = Vec::with_capacity(rest.len().saturating_add(256));
        for (name, value) in part.headers.fields() {
            if !name.eq_ignore_ascii_case("Content-Transfer-Encoding") {
                replacement.extend_from_slice(name.as_bytes());
                replacement.extend_from_slice(b": ");
                replacement.extend_from_slice(value.trim_ascii_start());
                replacement.extend_from_slice(b"\r\n");
            }
        }
        replacement.extend_from_slice(b"Content-Transfer-Encoding: 8bit\r\n\r\n");
        replacement.extend_from_slice(&rest);
        return Some(replacement);
    }
    // The older form: a part of its own, the first of a multipart/mixed root.
    let first = payload.root().media_type == "multipart/mixed" && payload.root().children.first() == Some(&place);
    let marked = part.param("protected-headers").is_some_and(|version| version.eq_ignore_ascii_case("v1"));
    let kind = matches!(part.media_type.as_str(), "text/plain" | "text/rfc822-headers");
    (scheme == Scheme::Old && first && marked && kind).then(|| b"Content-Type: text/plain\r\n\r\n".to_vec())
}

/// Content in the transfer encoding that the part's header announces.
fn encode(content: &[u8], part: &Part) -> Vec<u8> {
    use base64::Engine as _;
    let encoding = part.headers.get("Content-Transfer-Encoding").unwrap_or_default().trim().to_ascii_lowercase();
    match encoding.as_str() {
        "base64" => base64::engine::general_purpose::STANDARD.encode(content).into_bytes(),
        "quoted-printable" => content
            .iter()
            .flat_map(|byte| match byte {
                b'\r' | b'\n' | b' '..=b'<' | b'>'..=b'~' => vec![*byte],
                other => format!("={other:02X}").into_bytes(),
            })
            .collect(),
        _ => content.to_vec(),
    }
}

/// The content after its first empty line; all of it if there is none.
fn after_empty_line(content: &[u8]) -> &[u8] {
    let mut start = 0_usize;
    for line in content.split_inclusive(|byte| *byte == b'\n') {
        start = start.saturating_add(line.len());
        if line.trim_ascii().is_empty() {
            return content.get(start..).unwrap_or_default();
        }
    }
    content
}

/// HTML without its `header-protection-legacy-display` element.
fn without_legacy_div(content: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(content);
    let marked = text
        .split_once("<div class=\"header-protection-legacy-display\">")
        .and_then(|(before, rest)| rest.split_once("</div>").map(|(_, after)| format!("{before}{after}")));
    marked.map_or_else(|| content.to_vec(), String::into_bytes)
}

/// Name and value (unfolded, not decoded) of the fields that a person may be shown.
#[must_use]
pub fn user_facing(headers: &Headers) -> Vec<(String, String)> {
    USER_FACING.iter().filter_map(|name| joined(headers, name).map(|value| ((*name).to_owned(), value))).collect()
}

/// All values of a field, white space collapsed; nothing if there is none.
fn joined(headers: &Headers, name: &str) -> Option<String> {
    let values = headers.get_all(name);
    (!values.is_empty()).then(|| values.iter().map(|value| collapsed(value)).collect::<Vec<_>>().join(", "))
}

/// White space collapsed, so that refolding on the way is no difference.
fn collapsed(value: &str) -> String {
    value.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What the sender says to have put outside (`HP-Outer`, RFC 9788 §2.2).
fn told_outside(inner: &Headers) -> Vec<(String, String)> {
    inner
        .get_all("HP-Outer")
        .iter()
        .filter_map(|field| field.split_once(':'))
        .map(|(name, value)| (name.trim().to_owned(), collapsed(value)))
        .collect()
}

/// A field that belongs to the MIME entity and not to the message.
fn structural(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.starts_with("content-") || name == "mime-version"
}
