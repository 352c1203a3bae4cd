//! FETCH responses (RFC 9051 §7.5.2), written by hand: a message is copied once, into the buffer that goes out.

use std::fmt::Write as _;

use imap_codec::imap_types::command::FetchModifier;
use imap_codec::imap_types::fetch::{MacroOrMessageDataItemNames, MessageDataItemName, Section};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::super::post::Held;
use crate::mail::message::Message;

/// What a FETCH asks for.
pub(super) struct Plan {
    items: Vec<MessageDataItemName<'static>>,
    changed_since: u64,
    modseq: bool,
}

impl Plan {
    pub(super) fn new(names: &MacroOrMessageDataItemNames<'static>, uid: bool, modifiers: &[FetchModifier]) -> Self {
        let mut items: Vec<MessageDataItemName<'static>> = match names {
            MacroOrMessageDataItemNames::Macro(fixed) => {
                let expanded: Vec<MessageDataItemName<'_>> = fixed.expand();
                expanded.into_iter().map(imap_codec::imap_types::IntoStatic::into_static).collect()
            }
            MacroOrMessageDataItemNames::MessageDataItemNames(items) => items.clone(),
        };
        // The answer to UID FETCH always names the UID (RFC 9051 §6.4.9), first, so that a client need not wait for it.
        if uid || items.contains(&MessageDataItemName::Uid) {
            items.retain(|item| *item != MessageDataItemName::Uid);
            items.insert(0, MessageDataItemName::Uid);
        }
        let since = modifiers.iter().find_map(|modifier| match modifier {
            FetchModifier::ChangedSince(modseq) => Some(modseq.get()),
            FetchModifier::Vanished => None,
        });
        let modseq = since.is_some() || items.contains(&MessageDataItemName::ModSeq);
        if since.is_some() && !items.contains(&MessageDataItemName::ModSeq) {
            items.push(MessageDataItemName::ModSeq);
        }
        Self { items, changed_since: since.unwrap_or_default(), modseq }
    }

    /// The client has shown that it knows modification sequences.
    pub(super) fn is_about_modseq(&self) -> bool {
        self.modseq
    }

    /// An item that this server cannot give.
    pub(super) fn unknown(&self) -> Option<&'static str> {
        self.items.iter().find_map(|item| match item {
            MessageDataItemName::Binary { .. } | MessageDataItemName::BinarySize { .. } => Some("BINARY"),
            MessageDataItemName::Body | MessageDataItemName::BodyStructure => Some("BODYSTRUCTURE"),
            MessageDataItemName::Envelope => Some("ENVELOPE"),
            _ => None,
        })
    }

    pub(super) fn marks_seen(&self) -> bool {
        self.items.iter().any(|item| {
            matches!(
                item,
                MessageDataItemName::BodyExt { peek: false, .. }
                    | MessageDataItemName::Rfc822
                    | MessageDataItemName::Rfc822Text
            )
        })
    }

    /// Writes the response for one message, unless it has not changed since.
    pub(super) fn write(&self, out: &mut Vec<u8>, number: usize, held: &Held) {
        if held.modseq <= self.changed_since {
            return;
        }
        out.extend_from_slice(format!("* {number} FETCH (").as_bytes());
        for (n, item) in self.items.iter().enumerate() {
            if n > 0 {
                out.push(b' ');
            }
            write_item(out, item, held);
        }
        out.extend_from_slice(b")\r\n");
    }
}

/// An unasked FETCH response: the flags have changed.
pub(super) fn flags_response(number: usize, held: &Held, condstore: bool) -> String {
    let modseq = if condstore { format!(" MODSEQ ({})", held.modseq) } else { String::new() };
    format!("* {number} FETCH (UID {} FLAGS ({}){modseq})\r\n", held.uid, held.flags.join(" "))
}

fn write_item(out: &mut Vec<u8>, item: &MessageDataItemName<'static>, held: &Held) {
    let raw = &held.raw;
    match item {
        MessageDataItemName::Uid => out.extend_from_slice(format!("UID {}", held.uid).as_bytes()),
        MessageDataItemName::Flags => out.extend_from_slice(format!("FLAGS ({})", held.flags.join(" ")).as_bytes()),
        MessageDataItemName::ModSeq => out.extend_from_slice(format!("MODSEQ ({})", held.modseq).as_bytes()),
        MessageDataItemName::InternalDate => {
            out.extend_from_slice(format!("INTERNALDATE \"{}\"", internal_date(held.received)).as_bytes());
        }
        MessageDataItemName::Rfc822Size => out.extend_from_slice(format!("RFC822.SIZE {}", raw.len()).as_bytes()),
        MessageDataItemName::Rfc822 => literal(out, "RFC822", raw),
        MessageDataItemName::Rfc822Header => literal(out, "RFC822.HEADER", header(raw)),
        MessageDataItemName::Rfc822Text => literal(out, "RFC822.TEXT", text(raw)),
        MessageDataItemName::BodyExt { section, partial, .. } => {
            let (name, data) = section_data(section.as_ref(), held);
            match partial {
                None => literal(out, &format!("BODY[{name}]"), &data),
                Some((from, count)) => {
                    let start = usize::try_from(*from).unwrap_or(usize::MAX).min(data.len());
                    let end = start.saturating_add(usize::try_from(count.get()).unwrap_or(usize::MAX)).min(data.len());
                    literal(out, &format!("BODY[{name}]<{from}>"), data.get(start..end).unwrap_or_default());
                }
            }
        }
        // Refused before: see `Plan::unknown`.
        _ => out.extend_from_slice(b"X NIL"),
    }
}

fn literal(out: &mut Vec<u8>, name: &str, data: &[u8]) {
    out.extend_from_slice(format!("{name} {{{}}}\r\n", data.len()).as_bytes());
    out.extend_from_slice(data);
}

/// The name of a section as it was asked for, and what it holds.
fn section_data<'h>(section: Option<&Section<'static>>, held: &'h Held) -> (String, std::borrow::Cow<'h, [u8]>) {
    let raw: &[u8] = &held.raw;
    let list = |fields: &[String]| format!("({})", fields.join(" "));
    let names = |fields: &[imap_codec::imap_types::core::AString<'static>]| -> Vec<String> {
        fields.iter().map(|field| String::from_utf8_lossy(field.as_ref()).to_uppercase()).collect()
    };
    let path = |part: &imap_codec::imap_types::fetch::Part| {
        part.0.as_ref().iter().map(ToString::to_string).collect::<Vec<_>>().join(".")
    };
    match section {
        None => (String::new(), raw.into()),
        Some(Section::Header(None)) => ("HEADER".to_owned(), header(raw).into()),
        Some(Section::Text(None)) => ("TEXT".to_owned(), text(raw).into()),
        Some(Section::HeaderFields(None, fields)) => {
            let fields = names(fields.as_ref());
            (format!("HEADER.FIELDS {}", list(&fields)), header_fields(raw, |name| fields.contains(name)).into())
        }
        Some(Section::HeaderFieldsNot(None, fields)) => {
            let fields = names(fields.as_ref());
            (format!("HEADER.FIELDS.NOT {}", list(&fields)), header_fields(raw, |name| !fields.contains(name)).into())
        }
        Some(Section::Part(part)) => (path(part), part_data(raw, &path(part), false).into()),
        Some(Section::Mime(part)) => (format!("{}.MIME", path(part)), part_data(raw, &path(part), true).into()),
        Some(Section::Header(Some(part))) => (format!("{}.HEADER", path(part)), Vec::new().into()),
        Some(Section::Text(Some(part))) => (format!("{}.TEXT", path(part)), Vec::new().into()),
        Some(Section::HeaderFields(Some(part), fields)) => {
            (format!("{}.HEADER.FIELDS {}", path(part), list(&names(fields.as_ref()))), Vec::new().into())
        }
        Some(Section::HeaderFieldsNot(Some(part), fields)) => {
            (format!("{}.HEADER.FIELDS.NOT {}", path(part), list(&names(fields.as_ref()))), Vec::new().into())
        }
    }
}

/// A MIME part without its header, or its header alone.
fn part_data(raw: &[u8], path: &str, mime_header: bool) -> Vec<u8> {
    let message = Message::parse(raw.to_vec());
    let Some(part) = message.part(path) else { return Vec::new() };
    let body = message.raw_body(part);
    if !mime_header {
        return body.to_vec();
    }
    let whole = message.raw_part(part);
    whole.get(..whole.len().saturating_sub(body.len())).unwrap_or_default().to_vec()
}

fn split(raw: &[u8]) -> (&[u8], &[u8]) {
    let end = raw.windows(4).position(|window| window == b"\r\n\r\n").map_or(raw.len(), |at| at + 4);
    raw.split_at(end.min(raw.len()))
}

/// The header with the empty line behind it.
pub(super) fn header(raw: &[u8]) -> &[u8] {
    split(raw).0
}

pub(super) fn text(raw: &[u8]) -> &[u8] {
    split(raw).1
}

/// Field by field, continuation lines included.
pub(super) fn fields(raw: &[u8]) -> Vec<(String, &[u8])> {
    let header = header(raw);
    let mut fields: Vec<(usize, usize)> = Vec::new();
    let mut start = 0;
    for line in header.split_inclusive(|&b| b == b'\n') {
        let end = start + line.len();
        if matches!(line.first(), Some(b' ' | b'\t')) {
            if let Some(last) = fields.last_mut() {
                last.1 = end;
            }
        } else if !line.trim_ascii().is_empty() {
            fields.push((start, end));
        }
        start = end;
    }
    fields
        .into_iter()
        .filter_map(|(from, to)| {
            let field = header.get(from..to)?;
            let name = field.split(|&b| b == b':').next()?;
            Some((String::from_utf8_lossy(name).trim().to_uppercase(), field))
        })
        .collect()
}

fn header_fields(raw: &[u8], wanted: impl Fn(&String) -> bool) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, field) in fields(raw) {
        if wanted(&name) {
            out.extend_from_slice(field);
        }
    }
    out.extend_from_slice(b"\r\n");
    out
}

/// RFC 9051 §9, date-time: `02-Mar-2026 14:53:07 +0000`.
fn internal_date(received: Timestamp) -> String {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let zoned = received.to_zoned(TimeZone::UTC);
    let month = usize::try_from(zoned.month() - 1).ok().and_then(|n| MONTHS.get(n)).copied().unwrap_or("Jan");
    let mut out = String::new();
    let (day, year, hour, minute, second) = (zoned.day(), zoned.year(), zoned.hour(), zoned.minute(), zoned.second());
    let _ = write!(out, "{day:02}-{month}-{year:04} {hour:02}:{minute:02}:{second:02} +0000");
    out
}

#[cfg(test)]
mod tests {
    use super::{fields, header, internal_date, text};

    #[test]
    fn headers_are_cut_field_by_field() {
        let raw = b"From: a\r\nSubject: b\r\n c\r\nTo: d\r\n\r\nbody: x\r\n";
        let names: Vec<_> = fields(raw).into_iter().map(|(name, field)| (name, field.len())).collect();
        assert_eq!(names, [("FROM".into(), 9), ("SUBJECT".into(), 16), ("TO".into(), 7)]);
        assert_eq!(text(raw), b"body: x\r\n");
        assert_eq!(header(b"no end"), b"no end");
    }

    #[test]
    fn internal_dates_have_two_digits() {
        assert_eq!(internal_date("2026-03-02T14:53:07Z".parse().unwrap()), "02-Mar-2026 14:53:07 +0000");
    }
}
