//! A message being written: what a person has decided so far, before it is built, checked, sealed and queued.

use serde::{Deserialize, Serialize};

use super::address::Address;
use super::id::{CaseId, DraftKey, MessageRef};

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

/// The file that an attachment is read from when its message is built: a draft does not hold what lies on the disk anyway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The attachment's place in the draft.
    pub place: u32,
    /// Whole.
    pub path: String,
    /// Of the content when it was attached, hexadecimal: what is another file by now is not sent.
    pub sha256: String,
    /// Its size when it was attached.
    pub bytes: u64,
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
    /// The files that attachments without content are read from.
    #[serde(default, deserialize_with = "added_later")]
    pub sources: Option<Vec<Source>>,
    /// It goes as several messages where it is too large for one; of one that was built, how many files each of them has.
    #[serde(default, deserialize_with = "added_later")]
    pub split: Option<Vec<u32>>,
    /// Which draft it is; `None`: it was never opened in the composer.
    #[serde(default, deserialize_with = "added_later")]
    pub key: Option<DraftKey>,
    /// The message whose attachments belong to it and are not here yet: it is not sent without them unless a person says so.
    #[serde(default, deserialize_with = "added_later")]
    pub carrying: Option<MessageRef>,
}

impl Draft {
    /// Where the attachment at a place is read from; `None`: the draft holds it.
    #[must_use]
    pub fn source(&self, place: usize) -> Option<&Source> {
        self.sources.iter().flatten().find(|source| source.place as usize == place)
    }

    /// The size of the attachment at a place.
    #[must_use]
    pub fn attachment_bytes(&self, place: usize) -> u64 {
        let held = || self.attachments.get(place).map_or(0, |file| file.content.len() as u64);
        self.source(place).map_or_else(held, |source| source.bytes)
    }

    /// Attaches a file; with a source, its content is read when the message is built.
    pub fn attach(&mut self, file: Attachment, source: Option<Source>) {
        let place = u32::try_from(self.attachments.len()).unwrap_or(u32::MAX);
        self.attachments.push(file);
        if let Some(source) = source {
            self.sources.get_or_insert_default().push(Source { place, ..source });
        }
    }

    /// Takes the attachment at a place off again.
    pub fn detach(&mut self, place: usize) -> Option<Attachment> {
        (place < self.attachments.len()).then(|| {
            for source in self.sources.iter_mut().flatten().filter(|source| source.place as usize == place) {
                source.place = u32::MAX;
            }
            if let Some(sources) = &mut self.sources {
                sources.retain(|source| source.place != u32::MAX);
                sources.iter_mut().filter(|source| source.place as usize > place).for_each(|source| source.place -= 1);
            }
            self.attachments.remove(place)
        })
    }

    /// Lets two neighbours among the attachments change places.
    pub fn swap_attachments(&mut self, one: usize, other: usize) {
        if one.max(other) >= self.attachments.len() {
            return;
        }
        self.attachments.swap(one, other);
        let number = |place: usize| u32::try_from(place).unwrap_or(u32::MAX);
        for source in self.sources.iter_mut().flatten() {
            if source.place as usize == one {
                source.place = number(other);
            } else if source.place as usize == other {
                source.place = number(one);
            }
        }
    }
}

/// A field at the end of a record that was added later: records written before end without it.
pub(crate) fn added_later<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::{Attachment, Disclosure, Draft, Origin, Source};

    #[test]
    fn a_draft_written_before_it_had_an_origin_is_read() {
        let draft = Draft { subject: "99ZX0012326 plea".into(), body: "Agreed.".into(), ..Draft::default() };
        let whole = postcard::to_allocvec(&draft).unwrap();
        let (_, last) = whole.split_at(whole.len() - 4);
        assert_eq!(*last, [0; 4], "origin, plea, sources and split are the last fields, and there are none");
        for missing in 1..=4 {
            let (older, _) = whole.split_at(whole.len() - missing);
            assert_eq!(postcard::from_bytes::<Draft>(older).unwrap(), draft);
        }
        let origin = Some(Origin { readers: vec!["a@x.example".into()], ..Origin::default() });
        let draft = Draft { origin, ..draft };
        let whole = postcard::to_allocvec(&draft).unwrap();
        assert_eq!(postcard::from_bytes::<Draft>(&whole).unwrap(), draft);
    }

    #[test]
    fn a_file_keeps_its_source_wherever_it_goes() {
        let mut draft = Draft::default();
        let file = |name: &str| Attachment { name: name.into(), media_type: String::new(), content: vec![1] };
        let source = |name: &str| Some(Source { place: 0, path: format!("/{name}"), sha256: String::new(), bytes: 9 });
        draft.attach(file("a"), source("a"));
        draft.attach(file("held"), None);
        draft.attach(file("b"), source("b"));
        let told = |draft: &Draft| {
            let files = draft.attachments.iter().enumerate();
            let told = files.map(|(place, file)| {
                let path = draft.source(place).map(|source| source.path.clone()).unwrap_or_default();
                format!("{} {path} {}", file.name, draft.attachment_bytes(place))
            });
            told.collect::<Vec<_>>()
        };
        assert_eq!(told(&draft), ["a /a 9", "held  1", "b /b 9"]);
        draft.swap_attachments(1, 2);
        assert_eq!(told(&draft), ["a /a 9", "b /b 9", "held  1"]);
        draft.detach(0);
        assert_eq!(told(&draft), ["b /b 9", "held  1"]);
        draft.swap_attachments(0, 7);
        assert!(draft.detach(7).is_none());
        draft.detach(0);
        draft.attach(file("c"), source("c"));
        assert_eq!(told(&draft), ["held  1", "c /c 9"]);
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
