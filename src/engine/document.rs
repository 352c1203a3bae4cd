//! The document `casemail.message/1`: everything known about one message, as one serialisable value.
//!
//! Pure: bytes, keys and a little context in, a value out; the same for a message of the cache and for a bare `.eml` file. What is
//! `good` here was judged by [`crate::pgp`]; nothing is judged a second time. Texts are made safe where a person is meant to
//! read them (`text`); header values are given as decoded, JSON-escaped by whoever writes the document.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::pgp::report::OpenPgp;

/// The schema's name.
pub const SCHEMA: &str = "casemail.message/1";

/// An address with how mail to it is carried.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AddressDocument {
    /// Display name, decoded.
    pub name: String,
    /// The addr-spec.
    pub address: String,
    /// `cjsm`, `gov`, `firm` or `open`.
    pub class: &'static str,
}

/// Why a message belongs to a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CaseDocument {
    /// The case.
    pub id: String,
    /// The reason in words.
    pub because: String,
}

/// A part of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PartDocument {
    /// For instance `1.2`.
    pub path: String,
    /// For instance `application/pdf`.
    pub media_type: String,
    /// Its file name as sent, `null` where there is none.
    pub name: Option<String>,
    /// Size of the content, decoded.
    pub bytes: u64,
    /// Digest of the content, decoded, hexadecimal.
    pub sha256: String,
    /// `inline` or `attachment`.
    pub disposition: String,
    /// `sealed` where it came inside the encryption, else `clear`.
    pub inside: &'static str,
}

/// The header fields outside and inside the protection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct HeadersDocument {
    /// As the servers saw them.
    pub outer: BTreeMap<String, Vec<String>>,
    /// As the signature or encryption protects them (RFC 9788).
    pub protected: BTreeMap<String, Vec<String>>,
    /// Names of fields that differ.
    pub mismatch: Vec<String>,
}

/// How the message came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct CarriedDocument {
    /// `cjsm`, `gov`, `firm` or `open`.
    pub class: &'static str,
    /// `claimed`, `authentication-results` or `none`.
    pub proof: &'static str,
}

/// The whole document.
#[derive(Clone, Debug, Serialize)]
pub struct MessageDocument {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// `account/mailbox/uidvalidity/uid`; `null` for a bare file.
    pub id: Option<String>,
    /// Without angle brackets.
    pub message_id: Option<String>,
    /// The Date field, RFC 3339.
    pub sent_date: Option<String>,
    /// When the server received it, RFC 3339.
    pub received_date: Option<String>,
    /// RFC 5322 §3.6.2.
    pub from: Vec<AddressDocument>,
    /// RFC 5322 §3.6.3.
    pub to: Vec<AddressDocument>,
    /// RFC 5322 §3.6.3.
    pub cc: Vec<AddressDocument>,
    /// The protected one where there is one.
    pub subject: String,
    /// The case, where it is filed.
    pub case: Option<CaseDocument>,
    /// What a person is shown.
    pub text: String,
    /// What is wrong with the message's form, as codes.
    pub defects: Vec<&'static str>,
    /// Its parts.
    pub parts: Vec<PartDocument>,
    /// What OpenPGP says.
    pub openpgp: OpenPgp,
    /// Header fields outside and inside.
    pub headers: HeadersDocument,
    /// How it came.
    pub carried: CarriedDocument,
    /// What a person should be warned of, as codes.
    pub warnings: Vec<String>,
}
