//! What changes in a case, one field at a time, and what stays of one that was destroyed.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::case::{
    Accused, Awaiting, AwaitingId, Charge, Hearing, HearingId, Identifier, Jurisdiction, Party, PartyId,
};
use crate::register::canonical::{self, CanonicalError};
use crate::register::record::Digest;

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
    /// The word for it in [`crate::register::record::Record::kind`].
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
