//! The header section of a message or of a part (RFC 5322 §2.2, §3.6): fields in order, as transmitted, read leniently.

use std::ops::Range;
use std::sync::Arc;

use jiff::Timestamp;

use super::address::Address;

/// The fields of a header section, in order and as transmitted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers {
    raw: Arc<[u8]>,
    fields: Vec<Field>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Field {
    name: Range<usize>,
    value: Range<usize>,
}

impl Headers {
    /// Reads a header section that stands alone, for instance what IMAP's `BODY[HEADER]` returns.
    #[must_use]
    pub fn parse(raw: impl Into<Arc<[u8]>>) -> Self {
        Self { raw: raw.into(), fields: Vec::new() }
    }

    /// All fields in order: name as written, and raw value (folds kept, without the final line break).
    pub fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.fields.iter().filter_map(|field| {
            Some((std::str::from_utf8(self.raw.get(field.name.clone())?).ok()?, self.raw.get(field.value.clone())?))
        })
    }

    /// Values of the fields of this name (case ignored), unfolded, not decoded.
    #[must_use]
    pub fn get_all(&self, _name: &str) -> Vec<String> {
        Vec::new()
    }

    /// The first of [`Self::get_all`].
    #[must_use]
    pub fn get(&self, name: &str) -> Option<String> {
        self.get_all(name).into_iter().next()
    }

    /// How many fields there are of this name.
    #[must_use]
    pub fn count(&self, name: &str) -> usize {
        self.get_all(name).len()
    }

    /// The subject, decoded (RFC 2047); empty where there is none.
    #[must_use]
    pub fn subject(&self) -> String {
        String::new()
    }

    /// Every address of every From field: an honest message has one.
    #[must_use]
    pub fn from(&self) -> Vec<Address> {
        self.addresses("From")
    }

    /// RFC 5322 §3.6.2.
    #[must_use]
    pub fn sender(&self) -> Vec<Address> {
        self.addresses("Sender")
    }

    /// RFC 5322 §3.6.2.
    #[must_use]
    pub fn reply_to(&self) -> Vec<Address> {
        self.addresses("Reply-To")
    }

    /// RFC 5322 §3.6.3.
    #[must_use]
    pub fn to(&self) -> Vec<Address> {
        self.addresses("To")
    }

    /// RFC 5322 §3.6.3.
    #[must_use]
    pub fn cc(&self) -> Vec<Address> {
        self.addresses("Cc")
    }

    /// RFC 5322 §3.6.3.
    #[must_use]
    pub fn bcc(&self) -> Vec<Address> {
        self.addresses("Bcc")
    }

    /// The addresses of all fields of a name, groups flattened.
    #[must_use]
    pub fn addresses(&self, _name: &str) -> Vec<Address> {
        Vec::new()
    }

    /// The first Date field that can be read.
    #[must_use]
    pub fn date(&self) -> Option<Timestamp> {
        None
    }

    /// The Message-ID without angle brackets.
    #[must_use]
    pub fn message_id(&self) -> Option<String> {
        None
    }

    /// Message-IDs without angle brackets.
    #[must_use]
    pub fn in_reply_to(&self) -> Vec<String> {
        Vec::new()
    }

    /// Message-IDs without angle brackets, oldest first.
    #[must_use]
    pub fn references(&self) -> Vec<String> {
        Vec::new()
    }
}
