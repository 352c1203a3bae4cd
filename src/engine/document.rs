//! The document `casemail.message/1`: everything known about one message, as one serialisable value.
//!
//! Pure: bytes, keys and a little context in, a value out; the same for a message of the cache and for a bare `.eml` file. What is
//! `good` here was judged by [`crate::pgp`]; nothing is judged a second time. Texts are made safe where a person is meant to
//! read them (`text`); header values are given as decoded, JSON-escaped by whoever writes the document.

use std::collections::BTreeMap;

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use super::company::Company;
use super::reading::{self, Reading};
use crate::case::document::{OUT_OF_REACH, OUT_OF_REACH_TYPE, Reach};
use crate::case::{Class, Classes, Filed, Proof};
use crate::mail::address::Address;
use crate::mail::display;
use crate::mail::id::MessageRef;
use crate::mail::safe::SafeText;
use crate::pgp::keyring::Keyring;
use crate::pgp::offer::Offer;
use crate::pgp::open::{Decrypt, Inside, user_facing};
use crate::pgp::report::{Acceptance, OpenPgp};
use crate::pgp::sentence;

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
    /// How strong that is, out of 100.
    pub score: u8,
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
    /// What OpenPGP says of this file alone: signed by a detached signature beside it, or encrypted on its own (and not opened).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub openpgp: Option<OpenPgp>,
}

/// A key that the message brings. Nothing was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OfferDocument {
    /// `autocrypt`, `autocrypt-gossip`, `attachment` or `text`.
    pub via: &'static str,
    /// The part that it stands in; `null` for a header field.
    pub path: Option<String>,
    /// The address that it is said to be for.
    pub address: Option<String>,
    /// Autocrypt's `prefer-encrypt=mutual`.
    pub prefers_encryption: bool,
    /// `sealed`, `signed` or `clear`: the protection of the place that it stood in.
    pub inside: &'static str,
    /// Upper-case hexadecimal.
    pub fingerprint: String,
    /// User ids with a valid self-signature.
    pub user_ids: Vec<String>,
    /// A secret key came with it.
    pub holds_secret: bool,
    /// What was decided about it here; `null` where it is not held.
    pub held: Option<Acceptance>,
}

/// The header fields outside and inside the protection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct HeadersDocument {
    /// As the servers saw them; several fields of one name are joined by a line break.
    pub outer: BTreeMap<String, String>,
    /// As the signature or encryption protects them (RFC 9788).
    pub protected: BTreeMap<String, String>,
    /// Names of fields that differ.
    pub mismatch: Vec<String>,
    /// Names of fields that are shown though the signature over the text does not cover them.
    pub unsigned: Vec<String>,
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
    /// Keys that it brings.
    pub offers: Vec<OfferDocument>,
    /// Header fields outside and inside.
    pub headers: HeadersDocument,
    /// How it came.
    pub carried: CarriedDocument,
    /// What a person should be warned of, as codes.
    pub warnings: Vec<String>,
    /// What OpenPGP says and the warnings, in words.
    #[serde(skip)]
    pub sentences: Vec<String>,
}

impl MessageDocument {
    /// Adds a warning, as a code and in words.
    pub(crate) fn warn(&mut self, code: &str, words: &str) {
        if !self.warnings.iter().any(|known| known == code) {
            self.warnings.push(code.to_owned());
            self.sentences.push(words.to_owned());
        }
    }
}

/// What is known beside the bytes.
pub struct Context<'a> {
    /// Keys to open and verify with.
    pub keyring: &'a Keyring,
    /// Recipient classes.
    pub classes: &'a Classes,
    /// The time.
    pub now: Timestamp,
    /// Its name; nothing for a bare file.
    pub id: Option<MessageRef>,
    /// When the server received it.
    pub received: Option<Timestamp>,
    /// The case with the reason in words.
    pub case: Option<Filed>,
    /// Who is who in its cases.
    pub company: &'a Company,
}

/// The document of a message. Never fails: a message that cannot be read gives a document that says so (`undisplayable` among the
/// warnings). Runs as deep as the message: give it a stack of [`super::STACK_BYTES`].
#[must_use]
pub fn message(raw: impl Into<Arc<[u8]>>, context: &Context<'_>) -> MessageDocument {
    let raw = raw.into();
    let terms = context.company.terms(context.now, Decrypt::Any);
    match reading::open_guarded(&raw, context.keyring, &terms) {
        Some(reading) => of_reading(&reading, context),
        None => undisplayable(context),
    }
}

/// The document of a message that cannot be read.
pub(crate) fn undisplayable(context: &Context<'_>) -> MessageDocument {
    MessageDocument {
        schema: SCHEMA,
        id: context.id.as_ref().map(ToString::to_string),
        message_id: None,
        sent_date: None,
        received_date: context.received.map(|at| at.to_string()),
        from: Vec::new(),
        to: Vec::new(),
        cc: Vec::new(),
        subject: String::new(),
        case: None,
        text: String::new(),
        defects: Vec::new(),
        parts: Vec::new(),
        openpgp: OpenPgp::default(),
        offers: Vec::new(),
        headers: HeadersDocument::default(),
        carried: CarriedDocument { class: Class::Open.name(), proof: "none" },
        warnings: vec!["undisplayable".to_owned()],
        sentences: vec!["This message cannot be shown. `casemail message raw` gives it as it came.".to_owned()],
    }
}

/// The document of a message that was read.
pub(crate) fn of_reading(reading: &Reading, context: &Context<'_>) -> MessageDocument {
    let headers = reading.headers();
    let addresses = |list: Vec<Address>| -> Vec<AddressDocument> {
        list.into_iter()
            .map(|a| AddressDocument { class: context.classes.class(&a.addr).name(), name: a.name, address: a.addr })
            .collect()
    };
    let class = reading.carried(context.classes);
    let mut warnings: Vec<String> = Vec::new();
    let verdicts = sentence::sentences(&reading.opened.report, &reading.opened.warnings);
    let mut told: Vec<String> = reading.shut.banners();
    told.extend(verdicts.into_iter().map(|(_, words)| words));
    told.extend(reading.beside.sentences.iter().map(|(.., words)| SafeText::line(words).as_str().to_owned()));
    let pgp = reading.opened.warnings.iter().map(|warning| (warning.code(), String::new()));
    let body = reading.body.warnings.iter().map(|code| (*code, display::sentence(code).to_owned()));
    let carried = reading.carriage_doubts(context.classes);
    for (code, words) in pgp.chain(reading.suspicions(context.received)).chain(carried).chain(body) {
        if !warnings.iter().any(|known| known == code) {
            warnings.push(code.to_owned());
            told.extend((!words.is_empty()).then_some(words));
        }
    }
    let mut defects: Vec<&'static str> = Vec::new();
    for defect in reading.message.defects().iter().chain(reading.opened.shown.defects()) {
        if !defects.contains(&defect.code()) {
            defects.push(defect.code());
        }
    }
    if !defects.is_empty() {
        told.push("The message is not well-formed; it is shown as far as it can be read.".to_owned());
    }
    let sections: Vec<String> = reading
        .body
        .sections
        .iter()
        .map(|section| SafeText::block(&section.text).iter().map(SafeText::as_str).collect::<Vec<_>>().join("\n"))
        .collect();
    MessageDocument {
        schema: SCHEMA,
        id: context.id.as_ref().map(ToString::to_string),
        message_id: headers.message_id().or_else(|| reading.message.headers().message_id()),
        sent_date: headers.date().map(|at| at.to_string()),
        received_date: context.received.map(|at| at.to_string()),
        from: addresses(headers.from()),
        to: addresses(headers.to()),
        cc: addresses(headers.cc()),
        subject: headers.subject(),
        case: context.case.as_ref().map(|filed| CaseDocument {
            id: filed.case.0.clone(),
            because: filed.because.to_string(),
            score: filed.because.score(),
        }),
        text: sections.join("\n\n"),
        defects,
        parts: parts(reading),
        openpgp: reading.opened.report.clone(),
        offers: reading.beside.offers.iter().map(|offer| offered(offer, context)).collect(),
        headers: HeadersDocument {
            outer: fields(&user_facing(reading.message.headers())),
            protected: fields(&reading.opened.headers.protected),
            mismatch: reading.opened.headers.mismatch.clone(),
            unsigned: reading.opened.headers.unsigned.clone(),
        },
        carried: CarriedDocument {
            class: class.name(),
            proof: match reading.proof(context.classes) {
                Proof::Claimed if class == Class::Open => "none",
                proof => proof.name(),
            },
        },
        warnings,
        sentences: told,
    }
}

fn fields(list: &[(String, String)]) -> BTreeMap<String, String> {
    let mut fields: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in list {
        fields
            .entry(name.clone())
            .and_modify(|known| {
                known.push('\n');
                known.push_str(value);
            })
            .or_insert_with(|| value.clone());
    }
    fields
}

fn offered(offer: &Offer, context: &Context<'_>) -> OfferDocument {
    OfferDocument {
        via: offer.via.code(),
        path: offer.path.clone(),
        address: offer.address.clone(),
        prefers_encryption: offer.prefers_encryption,
        inside: match offer.inside {
            Inside::Sealed => "sealed",
            Inside::Signed => "signed",
            Inside::Clear => "clear",
        },
        fingerprint: offer.info.fingerprint.clone(),
        user_ids: offer.info.user_ids.clone(),
        holds_secret: offer.holds_secret,
        held: context.keyring.cert(&offer.info.fingerprint, context.now).map(|held| held.acceptance),
    }
}

/// Every part that holds something itself.
fn parts(reading: &Reading) -> Vec<PartDocument> {
    let shown = &reading.opened.shown;
    shown
        .parts()
        .iter()
        .enumerate()
        .filter(|(_, part)| !part.is_multipart())
        .map(|(place, part)| {
            let (bytes, sha256) = reading.weight(place);
            PartDocument {
                path: part.path.clone(),
                media_type: match reading.shut.reach(place) {
                    Reach::Quarantined => OUT_OF_REACH_TYPE.to_owned(),
                    Reach::Open | Reach::Watched => part.media_type.clone(),
                },
                name: match reading.shut.reach(place) {
                    Reach::Quarantined => Some(OUT_OF_REACH.to_owned()),
                    Reach::Open | Reach::Watched => part.name.clone(),
                },
                bytes,
                sha256,
                disposition: part.disposition.as_str().to_owned(),
                inside: if reading.opened.is_sealed(place) { "sealed" } else { "clear" },
                openpgp: reading.beside.files.iter().find(|file| file.part == place).map(|file| file.openpgp.clone()),
            }
        })
        .collect()
}
