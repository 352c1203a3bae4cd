//! What happened: the texts that records name by their digest.
//!
//! Never a word of a message's body, and nothing secret. A change of a case holds the new value of one field, so that changes of different
//! fields never get into each other's way.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::canonical::{self, CanonicalError};
use super::record::{DeviceId, Digest, PAYLOAD_BYTES_MAX};
use crate::case::{
    Accused, Awaiting, AwaitingId, Charge, Hearing, HearingId, Identifier, Jurisdiction, MessageName, Party, PartyId,
};
use crate::mail::id::CaseId;

/// A device is taken into use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceAdded {
    /// What people call it.
    pub name: String,
    /// Its certificate, in base64; the device is named by its fingerprint.
    pub certificate: String,
}

impl DeviceAdded {
    /// Of a certificate's bytes.
    #[must_use]
    pub fn new(name: impl Into<String>, certificate: &[u8]) -> Self {
        Self { name: name.into(), certificate: BASE64.encode(certificate) }
    }

    /// The certificate's bytes.
    #[must_use]
    pub fn certificate(&self) -> Option<Vec<u8>> {
        BASE64.decode(&self.certificate).ok()
    }
}

/// A person says that a device is theirs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceVouched {
    /// Which device.
    pub device: DeviceId,
    /// Fingerprint of the person's certificate.
    pub by: String,
    /// Their signature over [`super::head::vouching_text`], in base64.
    pub signature: String,
}

/// One field of a case gets a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum CaseChange {
    /// The case is opened.
    Opened {
        /// For instance `R v FERRET`.
        title: String,
        /// Whose law.
        jurisdiction: Jurisdiction,
    },
    /// Another title.
    Renamed {
        /// The new one.
        title: String,
    },
    /// Another jurisdiction.
    Moved {
        /// The new one.
        jurisdiction: Jurisdiction,
    },
    /// A number or alias is added.
    IdentifierAdded(Identifier),
    /// A number or alias is taken away.
    IdentifierRemoved(Identifier),
    /// An accused is added or changed, by number.
    Accused(Accused),
    /// An accused is taken away.
    AccusedRemoved {
        /// [`Accused::number`].
        number: u16,
    },
    /// A charge is added or changed, by accused and number.
    Charge(Charge),
    /// A charge is taken away.
    ChargeRemoved {
        /// [`Charge::accused`].
        accused: u16,
        /// [`Charge::number`].
        number: u16,
    },
    /// A party is added or changed, by its name.
    Party(Party),
    /// A party is taken away.
    PartyRemoved {
        /// Which.
        id: PartyId,
    },
    /// A hearing is added or changed, by its name.
    Hearing(Hearing),
    /// A hearing is taken away.
    HearingRemoved {
        /// Which.
        id: HearingId,
    },
    /// A note is written. Notes are never changed.
    Noted {
        /// Its text.
        text: String,
    },
    /// The case is closed.
    Closed {
        /// When to look at it again.
        review: Option<Date>,
    },
    /// The case is opened again.
    Reopened {
        /// Why; may be empty.
        because: String,
    },
    /// Nothing of the case may be destroyed.
    Held {
        /// Why.
        because: String,
    },
    /// The hold is lifted.
    Released {
        /// Why; may be empty.
        because: String,
    },
    /// The case's messages were destroyed.
    Shredded {
        /// What was destroyed.
        certificate: DestructionCertificate,
    },
    /// The keys of the store were changed after the case was destroyed: copies of its former files stay shut.
    KeysChanged {
        /// [`DestructionCertificate::number`].
        certificate: String,
    },
    /// Bodies of an idle case were let go of here; the server, if it has them still, can bring them back.
    BodiesPurged {
        /// How many.
        messages: u64,
        /// Bytes of them.
        bytes: u64,
        /// Nothing had come or changed since this time.
        idle_since: Timestamp,
    },
    /// An answer is waited for.
    Awaiting(Awaiting),
    /// An awaited answer was chased.
    Chased {
        /// Which.
        id: AwaitingId,
        /// When.
        at: Timestamp,
        /// When to chase next.
        due: Timestamp,
        /// Message-ID of the chaser; may be empty.
        message_id: String,
    },
    /// An awaited answer came, or the wait was given up.
    Answered {
        /// Which.
        id: AwaitingId,
        /// When.
        at: Timestamp,
        /// Message-ID of the answer; empty where the wait was given up.
        message_id: String,
    },
}

impl CaseChange {
    /// The word for it in [`super::record::Record::kind`].
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Opened { .. } => "case-opened",
            Self::Renamed { .. } => "case-renamed",
            Self::Moved { .. } => "case-moved",
            Self::IdentifierAdded(_) => "identifier-added",
            Self::IdentifierRemoved(_) => "identifier-removed",
            Self::Accused(_) => "accused",
            Self::AccusedRemoved { .. } => "accused-removed",
            Self::Charge(_) => "charge",
            Self::ChargeRemoved { .. } => "charge-removed",
            Self::Party(_) => "party",
            Self::PartyRemoved { .. } => "party-removed",
            Self::Hearing(_) => "hearing",
            Self::HearingRemoved { .. } => "hearing-removed",
            Self::Noted { .. } => "noted",
            Self::Closed { .. } => "case-closed",
            Self::Reopened { .. } => "case-reopened",
            Self::Held { .. } => "case-held",
            Self::Released { .. } => "case-released",
            Self::Shredded { .. } => "case-shredded",
            Self::KeysChanged { .. } => "keys-changed",
            Self::BodiesPurged { .. } => "bodies-purged",
            Self::Awaiting(_) => "awaiting",
            Self::Chased { .. } => "chased",
            Self::Answered { .. } => "answered",
        }
    }
}

/// What was destroyed with a case: digests, no words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DestructionCertificate {
    /// Its number: `SHRED-` and digits of the digest of all else.
    pub number: String,
    /// The case.
    pub case: String,
    /// Why it was destroyed.
    pub because: String,
    /// When.
    pub at: Timestamp,
    /// The messages that were held here.
    pub messages: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// SHA-256 of each, sorted: whoever holds a copy can tell that it was one of them, and nobody can tell anything else.
    pub digests: Vec<Digest>,
    /// The digests of the texts of the register that were destroyed: no other text may be missing.
    pub texts: Vec<Digest>,
    /// Messages of other cases too, which stay.
    pub shared: u64,
    /// The keys of the store had been changed when this was written. They are changed behind it, as a rule: then the register says so by
    /// [`CaseChange::KeysChanged`].
    pub new_keys: bool,
}

impl DestructionCertificate {
    /// With the number that follows from all else.
    ///
    /// # Errors
    /// [`CanonicalError`].
    pub fn numbered(mut self) -> Result<Self, CanonicalError> {
        self.number = String::new();
        let digest = Digest::of(&canonical::write(&self)?).to_string();
        self.number = format!("SHRED-{}", digest.get(..16).unwrap_or_default());
        Ok(self)
    }
}

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
    /// What became of it: `accepted`, `refused`.
    pub outcome: String,
    /// The server's reply, with its queue number.
    pub reply: String,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Event {
    /// First of every stream.
    DeviceAdded(DeviceAdded),
    /// A person answers for a device.
    DeviceVouched(DeviceVouched),
    /// A case changes.
    Case {
        /// Which.
        case: CaseId,
        /// What changes.
        change: CaseChange,
    },
    /// A person, or a rule, says where a message belongs.
    Filed {
        /// Which message.
        message: MessageName,
        /// The cases; several where it is shared, none where it belongs to none of them any more.
        cases: Vec<CaseId>,
        /// Why, in words.
        because: String,
        /// A person decided.
        by_hand: bool,
        /// It holds for the answers to it, too.
        whole_thread: bool,
    },
    /// A person says that a message belongs to no case.
    NotACase {
        /// Which message.
        message: MessageName,
        /// Why, in words; may be empty.
        because: String,
        /// It holds for the answers to it, too.
        whole_thread: bool,
    },
    /// A person takes back what was decided about a message: it belongs where its numbers, rules and thread say.
    Undecided {
        /// Which message.
        message: MessageName,
        /// The cases that it was filed to.
        cases: Vec<CaseId>,
        /// Why, in words; may be empty.
        because: String,
    },
    /// A message of cases came.
    Received {
        /// Whose.
        cases: Vec<CaseId>,
        /// Why it was filed to them.
        because: String,
        /// The message.
        facts: MessageFacts,
        /// Where it lay.
        lay: Lay,
        /// How the connection was protected that it was fetched over.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tls: Option<Tls>,
        /// When it counts as served, with the reason; empty where no rule says.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        deemed_service: String,
    },
    /// A message of cases was accepted by a server.
    Sent {
        /// Whose.
        cases: Vec<CaseId>,
        /// The message.
        facts: MessageFacts,
        /// Each recipient.
        recipients: Vec<Delivered>,
        /// How the connection was protected.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tls: Option<Tls>,
        /// When it counts as served, with the reason; empty where no rule says.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        deemed_service: String,
    },
    /// Files of cases were written out.
    Exported {
        /// Whose.
        cases: Vec<CaseId>,
        /// Where to.
        path: String,
        /// How many files.
        files: u64,
        /// SHA-256 of the manifest.
        manifest: Digest,
        /// SHA-256 of each document among them.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        documents: Vec<Digest>,
    },
    /// The guard refused to let a message leave.
    Refused {
        /// Whose.
        cases: Vec<CaseId>,
        /// Message-ID of the draft; may be empty.
        message_id: String,
        /// Each finding: the recipient's address (or empty) and its code.
        findings: Vec<Finding>,
    },
    /// A person let a message leave in spite of the guard.
    Overridden {
        /// Whose.
        cases: Vec<CaseId>,
        /// Message-ID of the message.
        message_id: String,
        /// What was overridden.
        findings: Vec<Finding>,
        /// The reason that was typed.
        reason: String,
    },
    /// A message, or documents of it, were put out of reach.
    Quarantined {
        /// Whose.
        cases: Vec<CaseId>,
        /// Which message.
        message: MessageName,
        /// Why.
        because: String,
        /// Back in reach.
        released: bool,
        /// SHA-256 of the documents that it is about; none: the whole message.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        documents: Vec<Digest>,
    },
    /// A file that was fetched by hand was taken in.
    Imported {
        /// The case.
        case: CaseId,
        /// The file.
        file: ImportedFile,
    },
    /// An act of a plea negotiation that was recorded by hand.
    Plea {
        /// The case.
        case: CaseId,
        /// The act, in the form of the plea room.
        act: serde_json::Value,
    },
}

/// What the guard found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// The address that it is about; empty where it is about the message.
    pub recipient: String,
    /// Its code.
    pub code: String,
    /// Its words.
    pub because: String,
}

impl Event {
    /// The word for it in [`super::record::Record::kind`].
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::DeviceAdded(_) => "device-added",
            Self::DeviceVouched(_) => "device-vouched",
            Self::Case { change, .. } => change.kind(),
            Self::Filed { .. } => "filed",
            Self::NotACase { .. } => "not-a-case",
            Self::Undecided { .. } => "undecided",
            Self::Received { .. } => "received",
            Self::Sent { .. } => "sent",
            Self::Exported { .. } => "exported",
            Self::Refused { .. } => "refused",
            Self::Overridden { .. } => "overridden",
            Self::Quarantined { .. } => "quarantined",
            Self::Imported { .. } => "imported",
            Self::Plea { .. } => "plea",
        }
    }

    /// The cases that it is about.
    #[must_use]
    pub fn cases(&self) -> &[CaseId] {
        match self {
            Self::DeviceAdded(_) | Self::DeviceVouched(_) | Self::NotACase { .. } => &[],
            Self::Case { case, .. } | Self::Plea { case, .. } | Self::Imported { case, .. } => {
                std::slice::from_ref(case)
            }
            Self::Filed { cases, .. }
            | Self::Undecided { cases, .. }
            | Self::Received { cases, .. }
            | Self::Sent { cases, .. }
            | Self::Exported { cases, .. }
            | Self::Refused { cases, .. }
            | Self::Overridden { cases, .. }
            | Self::Quarantined { cases, .. } => cases,
        }
    }

    /// The message that it is about, where it is about one that has a name.
    #[must_use]
    pub const fn message(&self) -> Option<&MessageName> {
        match self {
            Self::Filed { message, .. }
            | Self::NotACase { message, .. }
            | Self::Undecided { message, .. }
            | Self::Quarantined { message, .. } => Some(message),
            Self::Received { facts, .. } | Self::Sent { facts, .. } => Some(&facts.message),
            _ => None,
        }
    }

    /// Whether the text stays when its case is destroyed: what is needed to know devices, and that a case was destroyed.
    #[must_use]
    pub const fn outlives_its_case(&self) -> bool {
        matches!(
            self,
            Self::DeviceAdded(_)
                | Self::DeviceVouched(_)
                | Self::Case { change: CaseChange::Shredded { .. } | CaseChange::KeysChanged { .. }, .. }
        )
    }
}

/// The text that a record names by its digest: the event, and chance, so that nobody who holds the digest alone can find out by trying.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Payload {
    /// What happened.
    pub event: Event,
    /// 32 hexadecimal digits.
    pub salt: String,
}

/// Why a text cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// Not one in any form, or one of a later casemail.
    #[error("what happened cannot be read: {0}")]
    Unreadable(String),
    /// Too long.
    #[error("what happened is {0} bytes long")]
    TooLong(usize),
}

impl Payload {
    /// Of an event, with 16 bytes of chance.
    #[must_use]
    pub fn new(event: Event, chance: [u8; 16]) -> Self {
        Self { event, salt: hex::encode(chance) }
    }

    /// The bytes that are kept.
    ///
    /// # Errors
    /// [`CanonicalError`].
    pub fn write(&self) -> Result<Vec<u8>, CanonicalError> {
        canonical::write(self)
    }

    /// Reads a text of any version that there was.
    ///
    /// # Errors
    /// [`PayloadError`].
    pub fn read(bytes: &[u8]) -> Result<Self, PayloadError> {
        if bytes.len() > PAYLOAD_BYTES_MAX {
            return Err(PayloadError::TooLong(bytes.len()));
        }
        serde_json::from_slice(bytes).map_err(|error| PayloadError::Unreadable(error.to_string()))
    }
}
