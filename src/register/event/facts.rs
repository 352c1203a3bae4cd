//! What is known of a message and of a file: who, when, how large, over which connection. Never a word of what it says.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::case::MessageName;
use crate::case::document::Holds;
use crate::register::record::Digest;

/// Somebody in a header field.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Correspondent {
    /// As it stood there.
    pub address: String,
    /// Carriage by the address: `cjsm`, `gov`, `firm`, `open`.
    pub class: String,
}

/// An attachment: what it was called, never what it said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttachmentFacts {
    /// Its name, made safe.
    pub name: String,
    /// Media type.
    pub media_type: String,
    /// Bytes, decoded.
    pub bytes: u64,
    /// SHA-256, decoded.
    pub sha256: Digest,
    /// IMAP section in the message as shown; empty in what was written before there was this field.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// What it holds that has no facts of its own.
    #[serde(default, skip_serializing_if = "Holds::is_empty")]
    pub holds: Holds,
}

/// Material that a message shares by a link only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SharedLink {
    /// What people call the portal.
    pub portal: String,
    /// The link, never followed.
    pub link: String,
}

/// A file that was fetched by hand and taken in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportedFile {
    /// Its name, made safe.
    pub name: String,
    /// Media type, by the name.
    pub media_type: String,
    /// Bytes.
    pub bytes: u64,
    /// SHA-256.
    pub sha256: Digest,
    /// Where the person says that it is from; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub source: String,
    /// When the file was last changed before it was taken in: mostly, when it was fetched.
    pub fetched: Option<Timestamp>,
    /// Where it holds files, or says that it does: it, and each of them behind it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub within: Vec<AttachmentFacts>,
}

/// What the register keeps of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MessageFacts {
    /// Which.
    pub message: MessageName,
    /// Message-ID of what it answers; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub in_reply_to: String,
    /// From.
    pub from: Vec<Correspondent>,
    /// To.
    pub to: Vec<Correspondent>,
    /// Cc.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cc: Vec<Correspondent>,
    /// Subject.
    pub subject: String,
    /// By its Date field.
    pub date: Option<Timestamp>,
    /// Bytes as on the wire.
    pub bytes: u64,
    /// What was attached.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<AttachmentFacts>,
    /// There are more of them than are written down: the message has to be asked.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
    /// What it shares by links.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shared: Vec<SharedLink>,
    /// Who signed the whole of it, in words; empty where no good signature covers it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub signed_by: String,
}

/// Where a message lay.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lay {
    /// The account.
    pub account: String,
    /// The mailbox.
    pub mailbox: String,
    /// RFC 9051 §2.3.1.1.
    pub uid_validity: u32,
    /// RFC 9051 §2.3.1.1.
    pub uid: u32,
    /// INTERNALDATE.
    pub internal_date: Timestamp,
}

/// How a connection was protected.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The server, by the name that its certificate was checked for.
    pub server: String,
    /// For instance `TLSv1.3`.
    pub version: String,
    /// The cipher suite.
    pub cipher: String,
    /// The subject of the server's certificate, or its digest.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub certificate: String,
}

/// A recipient's fate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delivered {
    /// The address.
    pub address: String,
    /// The class of the address.
    pub class: String,
    /// What became of it: `accepted`, `counted as sent` (no answer came, see `reply`), `refused`, `taken back`, `open`.
    pub outcome: String,
    /// The server's reply, with its queue number; by what it is known where there is none.
    pub reply: String,
}
