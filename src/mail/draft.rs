//! A message being written: what a person has decided so far, before it is built, checked, sealed and queued.

use serde::{Deserialize, Serialize};

use super::address::Address;
use super::id::{CaseId, MessageRef};

/// A file to send along. The bytes are held, so that what was reviewed is what is sent even when the file changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// The name that the recipient sees: no path, no control character.
    pub name: String,
    /// For instance `application/pdf`.
    pub media_type: String,
    /// The content, not transfer-encoded.
    pub content: Vec<u8>,
}

/// What is asked of OpenPGP for a draft. Numbered in records: new ones come last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Protection {
    /// What the configuration says of each recipient: most often to sign and encrypt where an accepted certificate is here.
    #[default]
    WhenPossible,
    /// Sign and encrypt, or refuse to send. Replies to encrypted mail start here.
    Required,
    /// Sign only.
    SignOnly,
    /// Neither.
    None,
    /// Encrypt without signing, or refuse to send: nobody can tell by it who wrote.
    EncryptOnly,
}

impl Protection {
    /// Whether it is encrypted to everybody or not sent.
    #[must_use]
    pub fn demands_encryption(self) -> bool {
        matches!(self, Self::Required | Self::EncryptOnly)
    }
}

/// A person's word that somebody may get what came encrypted to others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disclosure {
    /// To whom, lower-case; it was typed.
    pub address: String,
    /// Not encrypted.
    pub in_clear: bool,
}

/// What the text of an answer was taken from, where that came encrypted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The addresses of those who can read it anyway: it was encrypted to their keys, or they provably wrote it. Lower-case.
    pub readers: Vec<String>,
    /// Its subject was hidden on the way; so must be that of the answer (RFC 9788 §6.1).
    pub hidden_subject: bool,
    /// It is passed on and not answered.
    pub forwarded: bool,
    /// To whom else it may go.
    pub disclosed: Vec<Disclosure>,
}

impl Origin {
    /// Whether somebody may get it, encrypted or not.
    #[must_use]
    pub fn allows(&self, address: &str, in_clear: bool) -> bool {
        let same = |other: &str| other.eq_ignore_ascii_case(address);
        let agreed = self.disclosed.iter().any(|one| same(&one.address) && (one.in_clear || !in_clear));
        agreed || (!in_clear && self.readers.iter().any(|one| same(one)))
    }
}

/// A message being written. Its addresses have been parsed, its text is what the person typed (lines ended by `\n`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// Name of the account in the configuration that it goes out by.
    pub account: String,
    /// The author; empty address: the account's own.
    pub from: Address,
    /// RFC 5322 §3.6.3.
    pub to: Vec<Address>,
    /// RFC 5322 §3.6.3.
    pub cc: Vec<Address>,
    /// Recipients whom the others must not learn of: never a header field on the wire.
    pub bcc: Vec<Address>,
    /// Subject, unencoded.
    pub subject: String,
    /// The text, plain.
    pub body: String,
    /// Files sent along.
    pub attachments: Vec<Attachment>,
    /// Message-IDs without angle brackets; the first of them is answered (RFC 5322 §3.6.4).
    pub in_reply_to: Vec<String>,
    /// Message-IDs without angle brackets, oldest first.
    pub references: Vec<String>,
    /// The message that is answered or forwarded, to flag it `\Answered` once this one is queued.
    pub answers: Option<MessageRef>,
    /// The case it belongs to, when it was begun from one.
    pub case: Option<CaseId>,
    /// What is asked of OpenPGP.
    pub protection: Protection,
    /// What the text was taken from, where that came encrypted.
    #[serde(default, deserialize_with = "added_later")]
    pub origin: Option<Origin>,
    /// What it does in a plea negotiation, in the form of the engine: the act of the block at the head of the text, and the evidence for its
    /// authority, which stays at home.
    #[serde(default, deserialize_with = "added_later")]
    pub plea: Option<String>,
}

/// A field at the end of a record that was added later: records written before end without it.
fn added_later<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::{Disclosure, Draft, Origin};

    #[test]
    fn a_draft_written_before_it_had_an_origin_is_read() {
        let draft = Draft { subject: "99ZX0012326 plea".into(), body: "Agreed.".into(), ..Draft::default() };
        let whole = postcard::to_allocvec(&draft).unwrap();
        let (older, last) = whole.split_at(whole.len() - 2);
        assert_eq!(*last, [0, 0], "the origin and the plea are the last fields, and there are none");
        assert_eq!(postcard::from_bytes::<Draft>(older).unwrap(), draft);
        let (older, _) = whole.split_at(whole.len() - 1);
        assert_eq!(postcard::from_bytes::<Draft>(older).unwrap(), draft);
        let origin = Some(Origin { readers: vec!["a@x.example".into()], ..Origin::default() });
        let draft = Draft { origin, ..draft };
        let whole = postcard::to_allocvec(&draft).unwrap();
        assert_eq!(postcard::from_bytes::<Draft>(&whole).unwrap(), draft);
    }

    #[test]
    fn what_came_encrypted_goes_to_its_readers_and_whom_a_person_named() {
        let disclosed = vec![
            Disclosure { address: "b@x.example".into(), in_clear: false },
            Disclosure { address: "c@x.example".into(), in_clear: true },
        ];
        let origin = Origin { readers: vec!["a@x.example".into()], disclosed, ..Origin::default() };
        let check = |address: &str, sealed: bool, clear: bool| {
            assert_eq!((origin.allows(address, false), origin.allows(address, true)), (sealed, clear), "{address}");
        };
        check("A@x.example", true, false);
        check("b@x.example", true, false);
        check("c@X.example", true, true);
        check("d@x.example", false, false);
    }
}
