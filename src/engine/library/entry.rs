//! A message in memory: what threads, cases and lists need, in about 80 bytes and two slices of shared arenas.

use std::collections::HashMap;
use std::sync::Arc;

use crate::mail::address::Address;
use crate::mail::id::MessageKey;
use crate::pgp::report::Badge;

/// A place in an arena.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Span {
    start: u32,
    length: u16,
}

/// Values of variable length, one behind the other. What is removed stays until [`super::Library::compact`].
#[derive(Debug)]
pub(super) struct Arena<T>(Vec<T>);

impl<T> Default for Arena<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Copy> Arena<T> {
    /// Adds a value; what is longer than a span can say is cut.
    pub(super) fn add(&mut self, values: &[T]) -> Span {
        let values = values.get(..values.len().min(usize::from(u16::MAX))).unwrap_or_default();
        // 4 Gi values: more than any list that fits into memory; beyond it rows lose this field rather than the list its life.
        let Ok(start) = u32::try_from(self.0.len()) else { return Span::default() };
        self.0.extend_from_slice(values);
        Span { start, length: u16::try_from(values.len()).unwrap_or(u16::MAX) }
    }

    /// The value of a span.
    pub(super) fn at(&self, span: Span) -> &[T] {
        let start = span.start as usize;
        self.0.get(start..start.saturating_add(usize::from(span.length))).unwrap_or_default()
    }

    /// How many values it holds, those that were removed too.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Gives spare room back.
    pub(super) fn shrink(&mut self) {
        self.0.shrink_to_fit();
    }
}

/// Texts kept once, known by number.
#[derive(Debug, Default)]
pub(super) struct Interned {
    texts: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, u32>,
}

impl Interned {
    /// The number of a text.
    pub(super) fn number(&mut self, text: &str) -> u32 {
        if let Some(&number) = self.numbers.get(text) {
            return number;
        }
        let number = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        let text: Arc<str> = text.into();
        self.texts.push(Arc::clone(&text));
        self.numbers.insert(text, number);
        number
    }

    /// The text of a number.
    pub(super) fn value(&self, number: u32) -> Option<&str> {
        self.texts.get(number as usize).map(|text| &**text)
    }

    /// Octets that it takes, roughly.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.texts.iter().map(|text| text.len() + 16 + 16 + 24).sum()
    }
}

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

/// An identifier found in a message: its number and where it was found.
pub(super) type Found = (u32, FoundIn);

/// System flags as bits, as the store keeps them, and what else is one bit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Marks {
    /// `\Seen` and so on, see `store::flags`.
    pub(super) flags: u8,
    /// The text is in the cache.
    pub(super) here: bool,
    /// A flag change has not reached the server.
    pub(super) pending: bool,
    /// The base subject came from an answer (RFC 5256 §2.1).
    pub(super) is_reply: bool,
    /// Could not be parsed or opened.
    pub(super) undisplayable: bool,
}

/// A message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) key: MessageKey,
    /// INTERNALDATE, seconds.
    pub(super) received: i64,
    /// The Date field, seconds; `i64::MIN` where there is none.
    pub(super) sent: i64,
    /// Digest of the Message-ID; 0 where there is none.
    pub(super) id: u64,
    /// Digest of what the message says, to tell a second copy from a second message under the same Message-ID.
    pub(super) content: u64,
    /// Digests of References, or of the first In-Reply-To.
    pub(super) references: Span,
    /// The cleaned subject.
    pub(super) subject: Span,
    /// Identifiers of cases.
    pub(super) found: Span,
    /// Author and recipients.
    pub(super) people: Span,
    /// The base subject's number.
    pub(super) base: u32,
    /// The first author's number.
    pub(super) from: u32,
    pub(super) marks: Marks,
    pub(super) attachments: u16,
    pub(super) badge: Badge,
}

/// The name under which a person stands in a list of participants.
pub(super) fn short_name(address: &Address) -> &str {
    let name = address.name.trim();
    // A name that passes for another address is not what a list calls its bearer.
    if name.is_empty() || address.name_deceives() { address.addr.trim() } else { name }
}
