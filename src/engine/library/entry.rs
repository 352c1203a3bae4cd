//! A message in memory: what threads, cases and lists need, in 64 octets and a slice of a shared list of numbers.

use std::hash::{BuildHasher, RandomState};

use super::lookup::Lookup;
use crate::app::thread_list::Texts;
use crate::mail::address::Address;
use crate::mail::id::{MailboxId, MessageKey};
use crate::pgp::report::{Badge, SignatureState};

/// No number.
pub(super) const NONE: u32 = u32::MAX;

/// Where an identifier of a case was found; the earlier the stronger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum FoundIn {
    /// In the cleaned subject.
    Subject,
    /// In the first lines of the text.
    Text,
    /// In the name of an attachment.
    AttachmentName,
}

/// One bit each, beside the five system flags of `store::flags`.
pub(super) mod mark {
    /// The text is in the cache.
    pub(in super::super) const HERE: u8 = 1;
    /// A flag change has not reached the server.
    pub(in super::super) const PENDING: u8 = 2;
    /// The base subject came from an answer (RFC 5256 §2.1).
    pub(in super::super) const REPLY: u8 = 4;
    /// The message is no longer here; its place waits to be used again.
    pub(in super::super) const GONE: u8 = 8;
    /// Another message says something else under the same Message-ID.
    pub(in super::super) const CONFLICT: u8 = 16;
    /// It was sent to a list, or by a machine.
    pub(in super::super) const BULK: u8 = 32;
}

/// A message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) key: MessageKey,
    /// INTERNALDATE, seconds.
    pub(super) received: i64,
    /// The Date field, seconds; `i64::MIN` where there is none.
    pub(super) sent: i64,
    /// Digest of what the message says, to tell a second copy from a second message under the same Message-ID.
    pub(super) content: u64,
    /// Message-ID: a number of [`Names`]; [`NONE`] where there is none.
    pub(super) id: u32,
    /// References, people, identifiers: a place in [`Lists`].
    pub(super) lists: u32,
    /// The cleaned subject: a number of the texts.
    pub(super) subject: u32,
    /// The base subject: a number of [`Names`]; [`NONE`] where it is empty.
    pub(super) base: u32,
    /// The first author's name: a number of the texts.
    pub(super) from: u32,
    /// Its thread; [`NONE`] while it has none yet.
    pub(super) thread: u32,
    /// Where it belongs: a number of [`super::filing::Filings`].
    pub(super) filing: u32,
    /// More than 255 are so many.
    pub(super) attachments: u8,
    /// System flags.
    pub(super) flags: u8,
    /// Bits of [`mark`].
    pub(super) marks: u8,
    /// [`badge_code`].
    pub(super) badge: u8,
}

impl Default for Entry {
    fn default() -> Self {
        Self {
            key: MessageKey { mailbox: MailboxId(0), uid: 0 },
            received: 0,
            sent: i64::MIN,
            content: 0,
            id: NONE,
            lists: NONE,
            subject: NONE,
            base: NONE,
            from: NONE,
            thread: NONE,
            filing: 0,
            attachments: 0,
            flags: 0,
            marks: 0,
            badge: 0,
        }
    }
}

impl Entry {
    /// Whether it bears a mark.
    pub(super) fn is(&self, mark: u8) -> bool {
        self.marks & mark != 0
    }

    /// Sets or clears a mark.
    pub(super) fn set(&mut self, mark: u8, on: bool) {
        if on {
            self.marks |= mark;
        } else {
            self.marks &= !mark;
        }
    }

    /// Its date for threads: RFC 5256 §2.2.
    pub(super) fn date(&self) -> i64 {
        if self.sent == i64::MIN { self.received } else { self.sent }
    }
}

/// A key as a digest, for [`Lookup`].
pub(super) fn key_digest(key: MessageKey) -> u64 {
    u64::from(key.mailbox.0) << 32 | u64::from(key.uid)
}

const STATES: [SignatureState; 11] = [
    SignatureState::None,
    SignatureState::Good,
    SignatureState::Bad,
    SignatureState::UnknownKey,
    SignatureState::Undecided,
    SignatureState::Rejected,
    SignatureState::Expired,
    SignatureState::Revoked,
    SignatureState::Mismatch,
    SignatureState::Partial,
    SignatureState::Weak,
];

/// A badge in one octet.
pub(super) fn badge_code(badge: Badge) -> u8 {
    let state = STATES.iter().position(|state| *state == badge.signature).unwrap_or_default();
    u8::from(badge.encrypted) | u8::from(badge.decrypted) << 1 | u8::try_from(state).unwrap_or_default() << 2
}

/// The badge of an octet.
pub(super) fn badge_of(code: u8) -> Badge {
    Badge {
        encrypted: code & 1 != 0,
        decrypted: code & 2 != 0,
        signature: STATES.get(usize::from(code >> 2)).copied().unwrap_or_default(),
    }
}

/// What there are several of in a message, as numbers: References (of [`Names`], oldest first), then author and recipients (texts), then
/// identifiers of cases (texts, with where each was found). How many of each stands before them. What is removed stays until
/// [`super::Library::compact`].
#[derive(Debug, Default)]
pub(super) struct Lists(pub(super) Vec<u32>);

/// The three lists of one message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Listed<'a> {
    pub(super) references: &'a [u32],
    pub(super) people: &'a [u32],
    found: &'a [u32],
}

impl Listed<'_> {
    /// The identifiers: the number of each and where it was found.
    pub(super) fn found(&self) -> impl Iterator<Item = (u32, FoundIn)> {
        self.found.iter().map(|packed| {
            let found_in = match packed & 3 {
                0 => FoundIn::Subject,
                1 => FoundIn::Text,
                _ => FoundIn::AttachmentName,
            };
            (packed >> 2, found_in)
        })
    }

    /// Numbers that they take.
    pub(super) fn len(&self) -> usize {
        1 + self.references.len() + self.people.len() + self.found.len()
    }
}

impl Lists {
    /// Adds the lists of a message; each is cut at 255.
    pub(super) fn add(&mut self, references: &[u32], people: &[u32], found: &[(u32, FoundIn)]) -> u32 {
        // 4 Gi numbers: more than any list that fits into memory.
        let Ok(at) = u32::try_from(self.0.len()) else { return NONE };
        let count = |length: usize| u32::try_from(length.min(255)).unwrap_or_default();
        self.0.push(count(references.len()) | count(people.len()) << 8 | count(found.len()) << 16);
        self.0.extend(references.iter().take(255));
        self.0.extend(people.iter().take(255));
        self.0.extend(found.iter().take(255).map(|(number, found_in)| number << 2 | *found_in as u32));
        at
    }

    /// The lists at a place; empty where there is nothing.
    pub(super) fn at(&self, place: u32) -> Listed<'_> {
        let read = || -> Option<Listed<'_>> {
            let (counts, rest) = self.0.get(place as usize..)?.split_first()?;
            let count = |shift: u32| (counts >> shift & 0xff) as usize;
            let (references, rest) = rest.split_at_checked(count(0))?;
            let (people, rest) = rest.split_at_checked(count(8))?;
            Some(Listed { references, people, found: rest.get(..count(16))? })
        };
        read().unwrap_or_default()
    }

    /// Copies the lists of a message behind those of another one.
    pub(super) fn copy_from(&mut self, other: &Self, place: u32) -> u32 {
        let Ok(at) = u32::try_from(self.0.len()) else { return NONE };
        let listed = other.at(place);
        let whole = other.0.get(place as usize..(place as usize).saturating_add(listed.len()));
        self.0.extend_from_slice(whole.unwrap_or(&[0]));
        at
    }
}

/// Digests of Message-IDs and of base subjects by number, with a thread that each leads to.
#[derive(Debug, Default)]
pub(super) struct Names {
    pub(super) digests: Vec<u64>,
    /// A thread that holds a message of this Message-ID, or one that refers to it; the thread of this base subject.
    pub(super) threads: Vec<u32>,
    pub(super) lookup: Lookup,
}

impl Names {
    /// The number of a digest, a new one where it is new; [`NONE`] for 0.
    pub(super) fn number(&mut self, digest: u64) -> u32 {
        if digest == 0 {
            return NONE;
        }
        if let Some(number) = self.find(digest) {
            return number;
        }
        let Ok(number) = u32::try_from(self.digests.len()) else { return NONE };
        self.digests.push(digest);
        self.threads.push(NONE);
        let digests = &self.digests;
        self.lookup.insert(digest, number, |known| digests.get(known as usize).copied().unwrap_or_default());
        number
    }

    /// The number of a digest.
    pub(super) fn find(&self, digest: u64) -> Option<u32> {
        self.lookup.find(digest, |known| self.digests.get(known as usize) == Some(&digest))
    }

    /// The digest of a number; 0 for [`NONE`].
    pub(super) fn digest(&self, number: u32) -> u64 {
        self.digests.get(number as usize).copied().unwrap_or_default()
    }

    /// The thread that a number leads to, or [`NONE`].
    pub(super) fn thread(&self, number: u32) -> u32 {
        self.threads.get(number as usize).copied().unwrap_or(NONE)
    }

    /// Lets a number lead to a thread.
    pub(super) fn lead(&mut self, number: u32, thread: u32) {
        if let Some(slot) = self.threads.get_mut(number as usize) {
            *slot = thread;
        }
    }

    /// Finds what was filled in without [`Self::number`].
    pub(super) fn index(&mut self) {
        let mut lookup = Lookup::with_capacity(self.digests.len());
        for (number, digest) in (0_u32..).zip(&self.digests) {
            lookup.insert(*digest, number, |known| self.digests.get(known as usize).copied().unwrap_or_default());
        }
        self.lookup = lookup;
    }
}

/// Texts kept once, known by number.
#[derive(Debug, Default)]
pub(super) struct Interned {
    pub(super) texts: Texts,
    lookup: Lookup,
    /// Keyed: texts are foreign.
    hasher: RandomState,
}

impl Interned {
    /// The number of a text, a new one where it is new.
    pub(super) fn number(&mut self, text: &str) -> u32 {
        let digest = self.hasher.hash_one(text);
        let texts = &self.texts;
        if let Some(number) = self.lookup.find(digest, |known| texts.get(known) == text) {
            return number;
        }
        let number = self.texts.push(text);
        let (texts, hasher) = (&self.texts, &self.hasher);
        self.lookup.insert(digest, number, |known| hasher.hash_one(texts.get(known)));
        number
    }

    /// The text of a number.
    pub(super) fn value(&self, number: u32) -> &str {
        self.texts.get(number)
    }

    /// From texts that are all different.
    pub(super) fn of(texts: Texts) -> Self {
        let (mut lookup, hasher) = (Lookup::with_capacity(texts.len()), RandomState::new());
        for number in 0..u32::try_from(texts.len()).unwrap_or(u32::MAX) {
            lookup.insert(hasher.hash_one(texts.get(number)), number, |known| hasher.hash_one(texts.get(known)));
        }
        Self { texts, lookup, hasher }
    }
}

/// The name under which a person stands in a list of participants.
pub(super) fn short_name(address: &Address) -> &str {
    let name = address.name.trim();
    // A name that passes for another address is not what a list calls its bearer.
    if name.is_empty() || address.name_deceives() { address.addr.trim() } else { name }
}

/// An entry is a cache line: a million of them are 64 MB.
const _: () = assert!(size_of::<Entry>() == 64);

#[cfg(test)]
mod tests {
    use super::{FoundIn, Interned, Lists, STATES, badge_code, badge_of};
    use crate::pgp::report::Badge;

    #[test]
    fn badges_fit_an_octet() {
        for signature in STATES {
            for (encrypted, decrypted) in [(false, false), (true, false), (true, true)] {
                let badge = Badge { encrypted, decrypted, signature };
                assert_eq!(badge_of(badge_code(badge)), badge);
            }
        }
        assert_eq!(badge_of(255).signature, crate::pgp::report::SignatureState::None);
    }

    #[test]
    fn lists_come_back_and_a_wrong_place_gives_nothing() {
        let mut lists = Lists::default();
        let first = lists.add(&[1, 2], &[3], &[(4, FoundIn::Text), (5, FoundIn::AttachmentName)]);
        let second = lists.add(&[], &[9], &[]);
        let mut copy = Lists::default();
        let moved = copy.copy_from(&lists, first);
        for (lists, place) in [(&lists, first), (&copy, moved)] {
            let listed = lists.at(place);
            assert_eq!((listed.references, listed.people, listed.len()), ([1, 2].as_slice(), [3].as_slice(), 6));
            assert_eq!(listed.found().collect::<Vec<_>>(), [(4, FoundIn::Text), (5, FoundIn::AttachmentName)]);
        }
        assert_eq!(lists.at(second).people, [9]);
        assert_eq!((lists.at(9999).people.len(), lists.at(u32::MAX).len()), (0, 1));
    }

    #[test]
    fn texts_are_kept_once() {
        let mut texts = Interned::default();
        let first: Vec<u32> = (0..3000).map(|number| texts.number(&number.to_string())).collect();
        let again: Vec<u32> = (0..3000).map(|number| texts.number(&number.to_string())).collect();
        assert_eq!((&first, texts.texts.len()), (&again, 3000));
        let mut same = Interned::of(texts.texts.clone());
        assert_eq!((same.number("77"), same.number("new")), (77, 3000));
        assert_eq!(same.value(2999), "2999");
    }
}
