//! What happened: the texts that records name by their digest.
//!
//! Never a word of a message's body, and nothing secret. A change of a case ([`change`]) holds the new value of one field, so that changes of different
//! fields never get into each other's way.

pub mod change;
pub mod device;
pub mod facts;

use serde::{Deserialize, Serialize};

pub use self::change::{CaseChange, DestructionCertificate};
pub use self::device::{DeviceAdded, DeviceVouched};
pub use self::facts::{AttachmentFacts, Correspondent, Delivered, ImportedFile, Lay, MessageFacts, SharedLink, Tls};
use super::canonical::{self, CanonicalError};
use super::record::{Digest, PAYLOAD_BYTES_MAX};
use crate::case::MessageName;
use crate::mail::id::CaseId;

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
