//! One message of a FETCH answer, taken by its UID. The answer's sequence number is not looked at.

use std::sync::Arc;

use imap_proto::{AttributeValue, Response};

use crate::store::flags::Flags;

/// What a FETCH answer said of one message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Item {
    pub uid: u32,
    pub flags: Option<Flags>,
    pub internal_date: Option<i64>,
    pub bytes: Option<u32>,
    /// Its modification sequence (RFC 7162 §3.1.4).
    pub modseq: Option<u64>,
    /// Header fields or the whole message, whichever was asked for.
    pub body: Option<Arc<[u8]>>,
    /// Where a part of it begins (RFC 9051 §7.5.2, origin octet), where the server says so.
    pub origin: Option<u32>,
}

/// Takes a FETCH answer apart. `None`: it is something else, or it does not say which message it speaks of (flag changes that a server
/// tells unasked carry only a sequence number, which means nothing to us).
pub(super) fn item(response: &Response<'_>) -> Option<Item> {
    let Response::Fetch(_, attributes) = response else { return None };
    let mut item = Item::default();
    for attribute in attributes {
        match attribute {
            AttributeValue::Uid(uid) => item.uid = *uid,
            AttributeValue::Flags(names) => item.flags = Some(Flags::from_names(names.iter().map(AsRef::as_ref))),
            AttributeValue::InternalDate(text) => item.internal_date = internal_date(text),
            AttributeValue::Rfc822Size(bytes) => item.bytes = Some(*bytes),
            AttributeValue::ModSeq(modseq) => item.modseq = Some(*modseq),
            AttributeValue::BodySection { data: Some(data), index, .. } => {
                (item.body, item.origin) = (Some(Arc::from(&**data)), *index);
            }
            AttributeValue::Rfc822(Some(data)) => item.body = Some(Arc::from(&**data)),
            _ => {}
        }
    }
    (item.uid > 0).then_some(item)
}

/// Whether a FETCH answer speaks of this message.
pub(super) fn is_of(response: &Response<'_>, uid: u32) -> bool {
    let Response::Fetch(_, attributes) = response else { return false };
    attributes.iter().any(|attribute| matches!(attribute, AttributeValue::Uid(one) if *one == uid))
}

/// `17-Jul-1996 02:44:25 -0700` (RFC 9051 §9 `date-time`; the day may have a space before it) as seconds since 1970.
pub(super) fn internal_date(text: &str) -> Option<i64> {
    let time = jiff::fmt::strtime::parse("%d-%b-%Y %H:%M:%S %z", text.trim()).ok()?;
    Some(time.to_timestamp().ok()?.as_second())
}

#[cfg(test)]
mod tests {
    use super::{internal_date, item};

    #[test]
    fn dates() {
        assert_eq!(internal_date("17-Jul-1996 02:44:25 -0700"), Some(837_596_665));
        assert_eq!(internal_date(" 1-Jan-1970 00:00:10 +0000"), Some(10));
        for text in ["", "yesterday", "31-Feb-2026 00:00:00 +0000", "17-Jul-99999 02:44:25 -0700"] {
            assert_eq!(internal_date(text), None, "{text}");
        }
    }

    #[test]
    fn answers_without_a_uid_are_nobody() {
        let parse = |text: &'static str| imap_proto::Response::parse(text.as_bytes()).unwrap().1;
        assert_eq!(item(&parse("* 4 FETCH (FLAGS (\\Seen))\r\n")), None);
        assert_eq!(item(&parse("* 4 EXISTS\r\n")), None);
        let whole = item(&parse("* 4 FETCH (FLAGS (\\Seen) UID 9 BODY[] {3}\r\nabc RFC822.SIZE 3)\r\n")).unwrap();
        assert_eq!((whole.uid, whole.bytes, whole.body), (9, Some(3), Some(b"abc".as_slice().into())));
        let part = item(&parse("* 4 FETCH (UID 9 BODY[]<7> {3}\r\nabc)\r\n")).unwrap();
        assert_eq!((part.origin, part.body), (Some(7), Some(b"abc".as_slice().into())));
    }
}
