//! Who takes part in a case, on which side and in which role.
//!
//! A person may be written to under several addresses (the plain one and its CJSM twin); all of them are one party, compared by
//! [`Classes::canonical`](super::carriage::Classes::canonical).

use std::fmt;

use serde::{Deserialize, Serialize};

/// A party's name inside its case: given once, never used again.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PartyId(pub String);

impl fmt::Display for PartyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// On which side somebody stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// For an accused.
    Defence,
    /// For the Crown.
    Prosecution,
    /// The court.
    Court,
    /// On neither side.
    Neither,
}

/// What somebody is in a case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Whoever is prosecuted: the client of the defence.
    Accused,
    /// Solicitor (England and Wales) or agent (Scotland) for an accused.
    DefenceSolicitor,
    /// Barrister or advocate for an accused; a solicitor advocate.
    Counsel,
    /// Paralegal, trainee, secretary or clerk of the defence: acts on behalf of somebody.
    DefenceStaff,
    /// A reviewing lawyer or case worker of the Crown Prosecution Service.
    CpsLawyer,
    /// Procurator fiscal or depute (Scotland).
    FiscalDepute,
    /// Who conducts the prosecution in court.
    ProsecutionAdvocate,
    /// A police officer or staff.
    Police,
    /// The court and its staff.
    Court,
    /// Victim liaison, information and advice.
    VictimLiaison,
    /// An expert.
    Expert,
    /// A witness, complainers included.
    Witness,
    /// Anybody else.
    #[default]
    Other,
}

impl Role {
    /// All.
    pub const ALL: [Self; 13] = [
        Self::Accused,
        Self::DefenceSolicitor,
        Self::Counsel,
        Self::DefenceStaff,
        Self::CpsLawyer,
        Self::FiscalDepute,
        Self::ProsecutionAdvocate,
        Self::Police,
        Self::Court,
        Self::VictimLiaison,
        Self::Expert,
        Self::Witness,
        Self::Other,
    ];

    /// The name that scripts read and the file takes.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accused => "accused",
            Self::DefenceSolicitor => "defence-solicitor",
            Self::Counsel => "counsel",
            Self::DefenceStaff => "defence-staff",
            Self::CpsLawyer => "cps-lawyer",
            Self::FiscalDepute => "fiscal-depute",
            Self::ProsecutionAdvocate => "prosecution-advocate",
            Self::Police => "police",
            Self::Court => "court",
            Self::VictimLiaison => "victim-liaison",
            Self::Expert => "expert",
            Self::Witness => "witness",
            Self::Other => "other",
        }
    }

    /// The words for people.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Accused => "client",
            Self::DefenceSolicitor => "defence solicitor or agent",
            Self::Counsel => "counsel",
            Self::DefenceStaff => "defence staff",
            Self::CpsLawyer => "CPS",
            Self::FiscalDepute => "procurator fiscal",
            Self::ProsecutionAdvocate => "prosecution advocate",
            Self::Police => "police",
            Self::Court => "court",
            Self::VictimLiaison => "victim liaison",
            Self::Expert => "expert",
            Self::Witness => "witness",
            Self::Other => "other",
        }
    }

    /// Reads a [`Self::name`].
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name.trim().to_lowercase())
    }

    /// The side that the role stands on.
    #[must_use]
    pub const fn side(self) -> Side {
        match self {
            Self::Accused | Self::DefenceSolicitor | Self::Counsel | Self::DefenceStaff => Side::Defence,
            Self::CpsLawyer | Self::FiscalDepute | Self::ProsecutionAdvocate | Self::Police => Side::Prosecution,
            Self::Court => Side::Court,
            Self::VictimLiaison | Self::Expert | Self::Witness | Self::Other => Side::Neither,
        }
    }
}

/// Somebody who takes part in a case.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Party {
    /// Its name inside the case.
    pub id: PartyId,
    /// The person's or team's name.
    pub name: String,
    /// What it is in this case.
    pub role: Role,
    /// Firm, chambers, office or court; may be empty.
    pub organisation: String,
    /// Numbers of the accused for whom it acts, or who it is; empty: for nobody in particular.
    pub acts_for: Vec<u16>,
    /// Addresses, as written; an address and its CJSM twin need only be written once.
    pub addresses: Vec<String>,
    /// Fingerprints of OpenPGP certificates that are known to be this party's.
    pub certificates: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::{Role, Side};

    #[test]
    fn every_role_reads_back_and_has_words() {
        for role in Role::ALL {
            assert_eq!(Role::parse(role.name()), Some(role));
            assert!(!role.words().is_empty());
        }
        assert_eq!(Role::parse("judge's cousin"), None);
        assert_eq!(Role::FiscalDepute.side(), Side::Prosecution);
        assert_eq!(Role::Expert.side(), Side::Neither);
    }
}
