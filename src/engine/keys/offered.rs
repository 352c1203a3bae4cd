//! Keys that messages bring: the Autocrypt field (Autocrypt Level 1 §2.1) and attached keys (RFC 3156 §7). Offered, never taken silently.

use base64::Engine as _;
use jiff::Timestamp;

use super::{Imported, Keys};
use crate::engine::core::{EngineError, Stores};
use crate::mail::id::{MessageKey, MessageRef};
use crate::mail::message::Message;
use crate::mail::safe::SafeText;
use crate::pgp::certificate::{CertInfo, ReadCert, read_certs};
use crate::pgp::report::Acceptance;
use crate::pgp::words::short;

/// The newest messages of somebody that are looked at for a key.
pub(super) const LOOKED_AT: usize = 20;
/// The most octets of an attached key.
const KEY_BYTES_MAX: usize = 1 << 20;

/// The newest message that brings a key for an address which is wanted.
pub(super) fn newest(
    stores: &Stores,
    messages: &[(MessageKey, MessageRef)],
    address: &str,
    is_wanted: &dyn Fn(&CertInfo) -> bool,
    now: Timestamp,
) -> Option<(MessageRef, SafeText)> {
    messages.iter().find_map(|(key, name)| {
        let raw = stores.cache.raw(*key).ok()??;
        let message = Message::parse(raw);
        let found = offered(&message, address, now).into_iter().find(|cert| is_wanted(&cert.info))?;
        let when = message.headers().date().map(|at| format!(" of {}", at.strftime("%Y-%m-%d"))).unwrap_or_default();
        let words = format!("a message{when} brings the key {}", short(&found.info.fingerprint));
        Some((name.clone(), SafeText::line(&words)))
    })
}

/// The keys in a message that carry the address of its author.
fn offered(message: &Message, address: &str, now: Timestamp) -> Vec<ReadCert> {
    let mut found = autocrypt(message, address, now);
    for part in message.parts().iter().filter(|part| part.media_type.eq_ignore_ascii_case("application/pgp-keys")) {
        let content = message.content(part);
        if content.len() <= KEY_BYTES_MAX {
            found.extend(read_certs(&content, now).unwrap_or_default());
        }
    }
    let address = address.to_lowercase();
    found.retain(|cert| cert.info.addresses.contains(&address));
    found
}

/// More than one field, or one for another address than the author's, is none.
fn autocrypt(message: &Message, address: &str, now: Timestamp) -> Vec<ReadCert> {
    let fields = message.headers().get_all("Autocrypt");
    let [field] = fields.as_slice() else { return Vec::new() };
    let (mut addr, mut data) = (None, None);
    for attribute in field.split(';') {
        match attribute.split_once('=').map(|(name, value)| (name.trim(), value)) {
            Some(("addr", value)) => addr = Some(value.trim().to_owned()),
            Some(("keydata", value)) => data = Some(value.split_whitespace().collect::<String>()),
            Some((name, _)) if name.starts_with('_') || name == "prefer-encrypt" => {}
            // An attribute that is not known and not marked as optional: the field is not understood.
            _ if attribute.trim().is_empty() => {}
            _ => return Vec::new(),
        }
    }
    let is_authors = addr.is_some_and(|addr| addr.eq_ignore_ascii_case(address));
    let bytes =
        data.filter(|_| is_authors).and_then(|data| base64::engine::general_purpose::STANDARD.decode(data).ok());
    bytes.and_then(|bytes| read_certs(&bytes, now).ok()).unwrap_or_default()
}

impl Keys {
    /// Takes in the keys that a message brings for its author, undecided.
    ///
    /// # Errors
    /// The message is not here or brings none, or the state store cannot be written.
    pub fn import_offered(&self, name: &MessageRef) -> Result<Vec<Imported>, EngineError> {
        let wanted = name.clone();
        let raw = self.core.ask_open(move |_, open| {
            let key = open.library.key(&wanted).ok_or_else(|| EngineError::NoMessage(wanted.to_string()))?;
            open.stores.cache.raw(key)?.ok_or_else(|| EngineError::NoMessage(wanted.to_string()))
        })??;
        let message = Message::parse(raw);
        let authors = message.headers().from();
        let [author] = authors.as_slice() else {
            return Err(EngineError::Refused("the message does not have one author: nothing was taken".to_owned()));
        };
        let found = offered(&message, &author.addr, self.now());
        if found.is_empty() {
            let words = format!("the message brings no key for its author {}", SafeText::line(&author.addr));
            return Err(EngineError::Refused(words));
        }
        let bytes: Vec<u8> = found.into_iter().flat_map(|cert| cert.cert).collect();
        let when = message.headers().date().map(|at| format!(" of {}", at.strftime("%Y-%m-%d"))).unwrap_or_default();
        self.import(&bytes, None, Acceptance::Undecided, &format!("in a message{when}"), false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pgp::generate::generate;

    const AUTHOR: &str = "r.vellum@foxglove.example";

    fn now() -> Timestamp {
        "2026-05-05T10:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_key_is_offered_for_its_author_alone() {
        let key = generate("Rufus Vellum", AUTHOR, now()).unwrap();
        let data = base64::engine::general_purpose::STANDARD.encode(&key.cert);
        let folded: String =
            data.as_bytes().chunks(60).map(|line| format!(" {}\r\n", String::from_utf8_lossy(line))).collect();
        let field = |start: &str| format!("Autocrypt: {start} keydata=\r\n{folded}");
        let count = |fields: &str, author: &str| {
            let raw = format!("From: {author}\r\n{fields}Subject: x\r\n\r\ntext\r\n");
            offered(&Message::parse(raw.into_bytes()), author, now()).len()
        };
        let good = field("addr=R.Vellum@foxglove.example; prefer-encrypt=mutual;");
        assert_eq!(count(&good, AUTHOR), 1);
        assert_eq!(count(&field("addr=r.vellum@foxglove.example; _note=x;"), AUTHOR), 1);
        assert_eq!(count(&field("addr=r.vellum@foxglove.example; critical=x;"), AUTHOR), 0, "not understood");
        assert_eq!(count(&format!("{good}{good}"), AUTHOR), 0, "two");
        assert_eq!(count(&good, "p.sage@crown.example"), 0, "somebody else's");
        assert_eq!(
            count(&field("addr=p.sage@crown.example;"), "p.sage@crown.example"),
            0,
            "a key that does not carry it"
        );
        let armored = crate::pgp::certificate::export_cert(&key.cert).unwrap();
        let attached = format!("Content-Type: application/pgp-keys\r\n\r\n{armored}");
        let raw = format!("From: {AUTHOR}\r\n{attached}");
        assert_eq!(offered(&Message::parse(raw.into_bytes()), AUTHOR, now()).len(), 1);
    }
}
