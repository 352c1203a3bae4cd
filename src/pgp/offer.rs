//! Keys that a message brings along: Autocrypt header fields (Autocrypt Level 1), attached keys (`application/pgp-keys`, RFC 3156 §7) and
//! key blocks in its text. They are offered as data and never taken: anyone can put any key into a message.

use base64::Engine as _;
use jiff::Timestamp;

use super::certificate::{CertInfo, ReadCert, read_certs};
use super::open::{Inside, Opened};
use super::payload::GOSSIP;
use super::warning::Warning;
use crate::mail::headers::Headers;
use crate::mail::message::{Message, Part};

/// Keys looked at in one message.
const OFFERS_MAX: usize = 16;

/// Bytes of one attached key file; a key with many certifications has some hundred kilobytes.
const KEY_BYTES_MAX: usize = 2 * 1024 * 1024;

const BEGIN: &[u8] = b"-----BEGIN PGP PUBLIC KEY BLOCK-----";
const END: &[u8] = b"-----END PGP PUBLIC KEY BLOCK-----";

/// How a key came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// The Autocrypt field: the author's own, by its word.
    Autocrypt,
    /// An Autocrypt-Gossip field inside the encryption: the author says it is that of another recipient.
    Gossip,
    /// A file.
    Attachment,
    /// A block in the text.
    Text,
}

impl Via {
    /// Its code in `casemail.message/1`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Autocrypt => "autocrypt",
            Self::Gossip => "autocrypt-gossip",
            Self::Attachment => "attachment",
            Self::Text => "text",
        }
    }

    /// In words.
    fn words(self) -> &'static str {
        match self {
            Self::Autocrypt => "in its Autocrypt field",
            Self::Gossip => "passed on inside the encryption",
            Self::Attachment => "attached",
            Self::Text => "in its text",
        }
    }
}

/// A key that is offered.
#[derive(Clone, Debug)]
pub struct Offer {
    /// How it came.
    pub via: Via,
    /// The path of the part that it stands in; nothing for a header field.
    pub path: Option<String>,
    /// The address that it is said to be for (Autocrypt), lower-case. The key need not carry it.
    pub address: Option<String>,
    /// `prefer-encrypt=mutual`.
    pub prefers_encryption: bool,
    /// What came of the protection of the place that it stood in.
    pub inside: Inside,
    /// What it says of itself.
    pub info: CertInfo,
    /// The certificate, without secrets, binary.
    pub cert: Vec<u8>,
    /// The file holds a secret key too: somebody's, sent around. It is not in here.
    pub holds_secret: bool,
}

impl Offer {
    /// In words, for a certificate that is not held. The addresses are foreign text: the caller makes the sentence safe.
    #[must_use]
    pub fn sentence(&self) -> String {
        let named = match self.info.addresses.as_slice() {
            [] => "no address".to_owned(),
            [one] => one.clone(),
            [first, rest @ ..] => format!("{first} and {} more", rest.len()),
        };
        let secret = if self.holds_secret { " A secret key is in it too, which nobody should send." } else { "" };
        format!(
            "It brings a key that names {named} ({}), {}. Nothing was taken.{secret}",
            super::words::short(&self.info.fingerprint),
            self.via.words(),
        )
    }
}

/// The keys that a message brings, each certificate once for each way it came.
#[must_use]
pub fn offers(message: &Message, opened: &Opened, now: Timestamp) -> Vec<Offer> {
    let mut found: Vec<Offer> = Vec::new();
    let mut add = |offer: Offer| {
        let known = found.iter().any(|known| known.via == offer.via && known.cert == offer.cert);
        if !known && found.len() < OFFERS_MAX {
            found.push(offer);
        }
    };
    let shown = &opened.shown;
    autocrypt(message.headers(), shown.headers(), now).into_iter().for_each(&mut add);
    if opened.report.decrypted {
        gossip(shown.headers(), now).into_iter().for_each(&mut add);
    }
    for (place, part) in shown.parts().iter().enumerate().filter(|(_, part)| part.children.is_empty()) {
        // Half a key may lack its revocation.
        if !opened.is_whole(place) {
            continue;
        }
        for (via, block) in blocks(shown, part) {
            let Ok(certs) = read_certs(&block, now) else { continue };
            for cert in certs.into_iter().take(OFFERS_MAX) {
                let offer = offer(via, cert, opened.inside(place));
                add(Offer { path: Some(part.path.clone()), ..offer });
            }
        }
    }
    found
}

/// The author whom a message's keys can be for, lower-case: the one address of From, named alike inside and outside of the protection.
#[must_use]
pub fn author(opened: &Opened) -> Option<String> {
    match opened.shown.headers().from().as_slice() {
        [author] if !opened.warnings.contains(&Warning::FromMismatch) => Some(author.addr.to_ascii_lowercase()),
        _ => None,
    }
}

/// The keys that a message brings for its author: those that carry the author's address, each once. What is passed on for others is not
/// among them.
#[must_use]
pub fn of_author(message: &Message, opened: &Opened, now: Timestamp) -> Vec<Offer> {
    let Some(author) = author(opened) else { return Vec::new() };
    let mut found: Vec<Offer> = Vec::new();
    for offer in offers(message, opened, now) {
        let is_known = found.iter().any(|known| known.cert == offer.cert);
        if offer.via != Via::Gossip && !is_known && offer.info.addresses.contains(&author) {
            found.push(offer);
        }
    }
    found
}

fn offer(via: Via, read: ReadCert, inside: Inside) -> Offer {
    Offer {
        via,
        path: None,
        address: None,
        prefers_encryption: false,
        inside,
        holds_secret: read.secret.is_some(),
        // What was in the file is told by `holds_secret`; nothing secret goes further.
        info: CertInfo { has_secret: false, ..read.info },
        cert: read.cert,
    }
}

/// The one Autocrypt field that counts: valid, for the one author (Autocrypt Level 1, "Internal state update"). Several cancel each other.
fn autocrypt(outer: &Headers, shown: &Headers, now: Timestamp) -> Option<Offer> {
    let authors = shown.from();
    let [author] = authors.as_slice() else { return None };
    let fields = match shown.get_all("Autocrypt") {
        fields if fields.is_empty() => outer.get_all("Autocrypt"),
        fields => fields,
    };
    let valid: Vec<Offer> = fields
        .iter()
        .take(OFFERS_MAX)
        .filter_map(|field| attributes(field, Via::Autocrypt, now))
        .filter(|offer| offer.address.as_deref().is_some_and(|address| address.eq_ignore_ascii_case(&author.addr)))
        .collect();
    <[Offer; 1]>::try_from(valid).ok().map(|[offer]| offer)
}

/// Keys of the other recipients, and of nobody else.
fn gossip(shown: &Headers, now: Timestamp) -> Vec<Offer> {
    let recipients: Vec<String> = shown
        .to()
        .into_iter()
        .chain(shown.cc())
        .chain(shown.reply_to())
        .map(|address| address.addr.to_ascii_lowercase())
        .collect();
    shown
        .get_all(GOSSIP)
        .iter()
        .take(OFFERS_MAX)
        .filter_map(|field| attributes(field, Via::Gossip, now))
        .filter(|offer| offer.address.as_ref().is_some_and(|address| recipients.contains(address)))
        .map(|offer| Offer { inside: Inside::Sealed, prefers_encryption: false, ..offer })
        .collect()
}

/// Reads `addr=…; prefer-encrypt=mutual; keydata=…`. An attribute that is not known and does not begin with `_` is critical.
fn attributes(field: &str, via: Via, now: Timestamp) -> Option<Offer> {
    let (mut address, mut mutual, mut key) = (None, false, None);
    for attribute in field.split(';').map(str::trim).filter(|attribute| !attribute.is_empty()) {
        let (name, value) = attribute.split_once('=')?;
        match name.trim().to_ascii_lowercase().as_str() {
            "addr" => address = Some(value.trim().to_ascii_lowercase()),
            "prefer-encrypt" => mutual = value.trim() == "mutual",
            "keydata" => {
                let coded: String = value.split_whitespace().collect();
                key = base64::engine::general_purpose::STANDARD.decode(coded).ok();
            }
            other if other.starts_with('_') => {}
            _ => return None,
        }
    }
    let (address, key) = (address?, key.filter(|key| key.len() <= KEY_BYTES_MAX)?);
    let read = <[ReadCert; 1]>::try_from(read_certs(&key, now).ok()?).ok().map(|[read]| read)?;
    Some(Offer { address: Some(address), prefers_encryption: mutual, ..offer(via, read, Inside::Clear) })
}

/// The bytes of keys in a part.
fn blocks(shown: &Message, part: &Part) -> Vec<(Via, Vec<u8>)> {
    let name = part.name.as_deref().unwrap_or_default().to_ascii_lowercase();
    let key_file = [".asc", ".gpg", ".pgp", ".key", ".pub"].iter().any(|end| name.ends_with(end));
    let is_key = part.media_type == "application/pgp-keys";
    if part.raw_size() > KEY_BYTES_MAX.saturating_mul(2) || !(is_key || key_file || part.media_type == "text/plain") {
        return Vec::new();
    }
    let content = shown.content(part);
    if is_key {
        return vec![(Via::Attachment, content)];
    }
    let via = if key_file { Via::Attachment } else { Via::Text };
    let mut found = Vec::new();
    let mut rest = content.as_slice();
    while let Some(start) = memchr::memmem::find(rest, BEGIN) {
        let at_line = start == 0 || rest.get(start.saturating_sub(1)) == Some(&b'\n');
        let from = rest.get(start..).unwrap_or_default();
        let Some(end) = memchr::memmem::find(from, END).map(|end| end.saturating_add(END.len())) else { break };
        if at_line && found.len() < OFFERS_MAX {
            found.push((via, from.get(..end).unwrap_or_default().to_vec()));
        }
        rest = from.get(end..).unwrap_or_default();
    }
    if found.is_empty() && key_file && content.first().is_some_and(|byte| byte & 0x80 != 0) {
        found.push((Via::Attachment, content));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pgp::generate::generate;
    use crate::pgp::keyring::Keyring;
    use crate::pgp::open::{Decrypt, open};

    fn now() -> Timestamp {
        "2026-05-05T10:00:00Z".parse().unwrap()
    }

    /// How each offered key came and for whom.
    fn told(raw: &str) -> Vec<(Via, Option<String>, bool)> {
        let message = Message::parse(raw.as_bytes().to_vec());
        let opened = open(&message, &Keyring::new(), now(), Decrypt::Any);
        offers(&message, &opened, now())
            .into_iter()
            .map(|offer| (offer.via, offer.address, offer.prefers_encryption))
            .collect()
    }

    #[test]
    fn autocrypt_is_for_the_one_author() {
        let key = generate("", "h.lintwhite@copfs.gov.example", now()).unwrap();
        let data = base64::engine::general_purpose::STANDARD.encode(&key.cert);
        let field = format!("addr=h.lintwhite@copfs.gov.example; prefer-encrypt=mutual; _x=y; keydata={data}");
        let from = "From: H. <H.Lintwhite@copfs.gov.example>\r\n";
        let offered = vec![(Via::Autocrypt, Some("h.lintwhite@copfs.gov.example".to_owned()), true)];
        assert_eq!(told(&format!("{from}Autocrypt: {field}\r\n\r\ntext")), offered);
        let nothing = Vec::new();
        assert_eq!(told(&format!("From: x@attacker.example\r\nAutocrypt: {field}\r\n\r\ntext")), nothing);
        assert_eq!(told(&format!("{from}Autocrypt: {field}\r\nAutocrypt: {field}\r\n\r\ntext")), nothing, "two");
        assert_eq!(told(&format!("{from}Autocrypt: {}\r\n\r\ntext", field.replace("_x", "critical"))), nothing);
        assert_eq!(
            told(&format!("{from}Autocrypt: {}\r\n\r\ntext", field.replace("keydata=", "keydata=AAAA"))),
            nothing
        );
        assert_eq!(told(&format!("{from}From: x@attacker.example\r\nAutocrypt: {field}\r\n\r\ntext")), nothing);
        assert_eq!(
            told(&format!("{from}Autocrypt-Gossip: {field}\r\nTo: h.lintwhite@copfs.gov.example\r\n\r\nx")),
            nothing
        );
    }

    #[test]
    fn what_is_for_the_author_carries_the_address_of_the_one_author() {
        const AUTHOR: &str = "r.vellum@foxglove.example";
        let key = generate("Rufus Vellum", AUTHOR, now()).unwrap();
        let data = base64::engine::general_purpose::STANDARD.encode(&key.cert);
        let folded: String =
            data.as_bytes().chunks(60).map(|line| format!(" {}\r\n", String::from_utf8_lossy(line))).collect();
        let field = |start: &str| format!("Autocrypt: {start} keydata=\r\n{folded}");
        let count = |raw: String| {
            let message = Message::parse(raw.into_bytes());
            let opened = open(&message, &Keyring::new(), now(), Decrypt::Any);
            of_author(&message, &opened, now()).len()
        };
        let sent = |fields: &str, author: &str| count(format!("From: {author}\r\n{fields}Subject: x\r\n\r\ntext\r\n"));
        let good = field("addr=R.Vellum@foxglove.example; prefer-encrypt=mutual;");
        assert_eq!(sent(&good, AUTHOR), 1);
        assert_eq!(sent(&field("Addr=r.vellum@foxglove.example; _note=x;"), "R.Vellum@Foxglove.example"), 1);
        assert_eq!(sent(&field("addr=r.vellum@foxglove.example; critical=x;"), AUTHOR), 0, "not understood");
        assert_eq!(sent(&format!("{good}{good}"), AUTHOR), 0, "two valid ones cancel each other");
        let other = field("addr=p.sage@crown.example;");
        assert_eq!(sent(&format!("{other}{good}"), AUTHOR), 1, "one for somebody else does not count");
        assert_eq!(sent(&good, "p.sage@crown.example"), 0, "somebody else's");
        assert_eq!(sent(&other, "p.sage@crown.example"), 0, "a key that does not carry it");
        assert_eq!(sent(&good, &format!("{AUTHOR}, p.sage@crown.example")), 0, "two authors");
        let armored = crate::pgp::certificate::export_cert(&key.cert).unwrap();
        let attached = format!("Content-Type: application/pgp-keys\r\n\r\n{armored}");
        assert_eq!(count(format!("From: {AUTHOR}\r\n{attached}")), 1);
        assert_eq!(count(format!("From: {AUTHOR}\r\n{good}{attached}")), 1, "the same by two ways");
        assert_eq!(count(format!("From: p.sage@crown.example\r\n{attached}")), 0);
    }

    #[test]
    fn attached_keys_and_key_blocks_are_offered() {
        let key = generate("", "h.lintwhite@copfs.gov.example", now()).unwrap();
        let armored = crate::pgp::certificate::export_cert(&key.cert).unwrap();
        let from = "From: x@attacker.example\r\n";
        let attached = |head: &str, content: &str| {
            format!(
                "{from}Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ntext\r\n--b\r\n{head}\r\n\r\n{content}\r\n--b--\r\n"
            )
        };
        let by = |via| vec![(via, None, false)];
        assert_eq!(told(&attached("Content-Type: application/pgp-keys", &armored)), by(Via::Attachment));
        assert_eq!(
            told(&attached("Content-Type: application/octet-stream; name=\"0xAB.asc\"", &armored)),
            by(Via::Attachment)
        );
        assert_eq!(told(&format!("{from}\r\nmy key:\r\n{armored}\r\n")), by(Via::Text));
        assert_eq!(told(&format!("{from}\r\n> {armored}\r\n")), []);
        assert_eq!(told(&attached("Content-Type: application/pgp-keys", "nonsense")), []);
        let secret = crate::pgp::certificate::export_secret(&key.secret, None).unwrap();
        let raw = attached("Content-Type: application/pgp-keys", &secret);
        let message = Message::parse(raw.into_bytes());
        let opened = open(&message, &Keyring::new(), now(), Decrypt::Any);
        let offered = offers(&message, &opened, now());
        assert!(offered.len() == 1 && offered[0].holds_secret);
        assert!(offered[0].sentence().contains("secret key") && !offered[0].info.has_secret);
    }
}
