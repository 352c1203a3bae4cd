//! Who counts for a side: a party of this case whose role may do it. What an address says is a claim; a signature by a certificate that is
//! known to be the party's is more; nothing here is proof of authority.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::act::{Act, Kind};
use super::heard::{Heard, Speaker, Trust, Word};
use super::number::{ActNo, NegotiationId, Side};
use super::table::{Refusal, moment};
use crate::case::{Case, Classes, MessageName, Role};

/// How far clocks may be apart before it is worth a word.
pub const CLOCKS: SignedDuration = SignedDuration::from_mins(30);
/// How long a message may be on its way before that is worth a word.
const ON_ITS_WAY: SignedDuration = SignedDuration::from_hours(24);

/// Whether a role may do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Power {
    /// It may.
    Yes,
    /// On behalf of a named holder of the case.
    OnBehalf,
    /// With the approval of the prosecuting authority, which the act has to claim; else under that condition.
    WithApproval,
    /// It may not.
    No,
}

/// What a role may do for its side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Powers {
    /// Make, change, extend and take back offers; ask and answer.
    pub send: Power,
    /// Accept and refuse.
    pub accept: Power,
}

/// What each role may do: the table.
const ROLES: &[(Role, Power, Power)] = &[
    (Role::DefenceSolicitor, Power::Yes, Power::Yes),
    (Role::Counsel, Power::Yes, Power::Yes),
    (Role::DefenceStaff, Power::OnBehalf, Power::No),
    (Role::CpsLawyer, Power::Yes, Power::Yes),
    (Role::FiscalDepute, Power::Yes, Power::Yes),
    (Role::ProsecutionAdvocate, Power::Yes, Power::WithApproval),
    (Role::Accused, Power::No, Power::No),
    (Role::Police, Power::No, Power::No),
    (Role::Court, Power::No, Power::No),
    (Role::VictimLiaison, Power::No, Power::No),
    (Role::Expert, Power::No, Power::No),
    (Role::Witness, Power::No, Power::No),
    (Role::Other, Power::No, Power::No),
];

impl Powers {
    /// Those of a role.
    #[must_use]
    pub fn of(role: Role) -> Self {
        let row = ROLES.iter().find(|(one, ..)| *one == role);
        row.map_or(Self { send: Power::No, accept: Power::No }, |(_, send, accept)| Self {
            send: *send,
            accept: *accept,
        })
    }

    /// Whether the role may do it; `named`: on behalf of a named holder, or with the approval that it takes.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn check(self, role: Role, kind: Kind, named: bool) -> Result<(), Refusal> {
        let power = match kind {
            Kind::Accept | Kind::Reject => self.accept,
            Kind::AcceptSubject if self.accept == Power::WithApproval => Power::Yes,
            Kind::AcceptSubject => self.accept,
            _ if kind.is_sent() => self.send,
            _ => Power::Yes,
        };
        match power {
            Power::Yes => Ok(()),
            Power::OnBehalf | Power::WithApproval if named => Ok(()),
            Power::OnBehalf => Err(Refusal::OnBehalf(role, kind)),
            Power::WithApproval => Err(Refusal::Approval(role, kind)),
            Power::No if self.send == Power::OnBehalf => Err(Refusal::Delegate(role, kind)),
            Power::No => Err(Refusal::Role(role, kind)),
        }
    }
}

/// What is known about the signature of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Signature {
    /// There is none, or none that can be checked.
    #[default]
    None,
    /// A good one.
    Good {
        /// Fingerprint of the certificate.
        certificate: String,
    },
    /// One that does not fit the message.
    Bad,
}

/// Something that was found about an act by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The address belongs to no party of the case.
    NotAParty(String),
    /// The party's role may not do it.
    Role(Refusal),
    /// It speaks for a side on which its author does not stand.
    WrongSide {
        /// For whom it speaks.
        said: Side,
        /// What its author is.
        role: Role,
    },
    /// It is about another case than the one in whose mail it lies.
    OtherCase(NegotiationId),
    /// The case has no such accused.
    NoSuchAccused(u16),
    /// Its author acts for another accused.
    OtherAccused {
        /// Whom it is about.
        about: u16,
        /// For whom the author acts.
        for_whom: Vec<u16>,
    },
    /// The surname is another one than that of the accused.
    OtherSurname {
        /// As it says.
        said: String,
        /// As the case has it.
        known: String,
    },
    /// The signature does not fit the message.
    BadSignature,
    /// Nobody signed it.
    Unsigned,
    /// A good signature of a certificate that is not known to be the party's.
    StrangeCertificate(String),
    /// It speaks for one's own side, was not sent from here, and nothing proves whose it is.
    NotFromHere,
    /// It says that it was written after it came.
    FromTheFuture {
        /// When it says.
        said: Timestamp,
        /// When it came.
        came: Timestamp,
    },
    /// It came long after it says that it was written.
    Slow {
        /// When it says.
        said: Timestamp,
        /// When it came.
        came: Timestamp,
    },
    /// The Date field says another time than the act.
    DateDiffers {
        /// The Date field.
        field: Timestamp,
        /// The act.
        said: Timestamp,
    },
    /// Another act has its number, and counts.
    SameNumber {
        /// Which number.
        no: ActNo,
        /// How sure it is that the other one is by whom it says.
        known: String,
    },
    /// It names somebody else as its author than the address belongs to.
    OtherName {
        /// As it says.
        said: String,
        /// As the case has it.
        known: String,
    },
}

impl Finding {
    /// A stable name for scripts.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotAParty(_) => "not-a-party",
            Self::Role(_) => "role",
            Self::WrongSide { .. } => "wrong-side",
            Self::OtherCase(_) => "other-case",
            Self::NoSuchAccused(_) => "no-such-accused",
            Self::OtherAccused { .. } => "other-accused",
            Self::OtherSurname { .. } => "other-surname",
            Self::BadSignature => "bad-signature",
            Self::Unsigned => "unsigned",
            Self::StrangeCertificate(_) => "strange-certificate",
            Self::NotFromHere => "not-from-here",
            Self::FromTheFuture { .. } => "from-the-future",
            Self::Slow { .. } => "slow",
            Self::DateDiffers { .. } => "date-differs",
            Self::SameNumber { .. } => "same-number",
            Self::OtherName { .. } => "other-name",
        }
    }

    /// Whether a user may let the act count all the same. Who is no party becomes one by an entry in the case, not by a yes.
    #[must_use]
    pub const fn may_admit(&self) -> bool {
        let speaks_against = matches!(
            self,
            Self::OtherSurname { .. } | Self::BadSignature | Self::FromTheFuture { .. } | Self::SameNumber { .. }
        );
        self.wants_yes() || speaks_against
    }

    /// Whether nothing speaks against the act but that nothing proves whose it is: it waits for a yes.
    #[must_use]
    pub const fn wants_yes(&self) -> bool {
        matches!(self, Self::Unsigned | Self::StrangeCertificate(_) | Self::NotFromHere)
    }

    /// Whether that yes needs no reason. What commits one's own side in words that one did not send does.
    #[must_use]
    pub const fn takes_plain_yes(&self) -> bool {
        self.wants_yes() && !matches!(self, Self::NotFromHere)
    }

    /// Whether it keeps the act from counting, after what a user has said for it.
    #[must_use]
    pub const fn stops(&self, word: &Word) -> bool {
        match (self, word) {
            (Self::Slow { .. } | Self::DateDiffers { .. } | Self::OtherName { .. }, _) => false,
            (_, Word::None | Word::NotTheirs) => true,
            (_, Word::Theirs(_)) => !self.takes_plain_yes(),
            (_, Word::Despite(_)) => !self.may_admit(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAParty(address) if address.is_empty() => {
                f.write_str("The message names no one author: nobody says it.")
            }
            Self::NotAParty(address) => {
                write!(f, "{address} is no party of this case: enter them as one, if they are.")
            }
            Self::Role(refusal) => refusal.fmt(f),
            Self::WrongSide { said, role } => {
                write!(f, "It speaks for {}, and its author is recorded as {}.", said.words(), role.words())
            }
            Self::OtherCase(id) => {
                write!(f, "It is about {}, another case than the one in whose mail it lies.", id.number)
            }
            Self::NoSuchAccused(number) => write!(f, "It is about accused {number}, and the case has none."),
            Self::OtherAccused { about, for_whom } => {
                let whom: Vec<String> = for_whom.iter().map(u16::to_string).collect();
                write!(f, "It is about accused {about}, and its author acts for accused {}.", whom.join(" and "))
            }
            Self::OtherSurname { said, known } => {
                write!(f, "It calls the accused {said}, and the case has {known}. It counts only if you let it.")
            }
            Self::BadSignature => {
                f.write_str("The message was changed after it was signed. It counts only if you let it.")
            }
            Self::Unsigned => f.write_str(
                "No signature shows whose it is, and anybody can write under an address. It counts once you say that it is theirs.",
            ),
            Self::StrangeCertificate(certificate) => write!(
                f,
                "It is signed with a certificate that is not recorded as the party's ({certificate}). It counts once you say that it is theirs, or record the certificate as theirs."
            ),
            Self::NotFromHere => f.write_str(
                "It speaks for your own side, was not sent from here, and nothing proves who wrote it. It counts only if you let it, with a reason.",
            ),
            Self::FromTheFuture { said, came } => write!(
                f,
                "It says that it was written on {}, and came on {}, before that. It counts only if you let it.",
                moment(*said),
                moment(*came)
            ),
            Self::Slow { said, came } => {
                write!(f, "It says that it was written on {}, and came on {}.", moment(*said), moment(*came))
            }
            Self::DateDiffers { field, said } => write!(
                f,
                "The message is dated {}, and the act in it {}.",
                moment(*field),
                moment(*said)
            ),
            Self::SameNumber { no, known } => write!(
                f,
                "Another act says that it is {no}, and counts ({known}). This one counts only if you let it, and then that one does not."
            ),
            Self::OtherName { said, known } => write!(f, "It names {said} as its author; the address is {known}'s."),
        }
    }
}

/// An act with the facts of the message that carried it.
#[derive(Clone, Debug)]
pub struct Carried<'a> {
    /// The act.
    pub act: &'a Act,
    /// The message.
    pub message: &'a MessageName,
    /// When it came, by one's own server.
    pub came: Timestamp,
    /// The Date field.
    pub date: Option<Timestamp>,
    /// The address that it says it is from.
    pub from: &'a str,
    /// Its signature.
    pub signature: &'a Signature,
    /// A user took free text for the act.
    pub marked_by: Option<&'a str>,
}

/// Weighs an act by itself: who says it, may they, and does it belong here?
#[must_use]
pub fn weigh(carried: &Carried<'_>, case: &Case, classes: &Classes) -> Heard {
    let act = carried.act;
    let mut findings = Vec::new();
    let party = case.party(carried.from, classes);
    match party {
        None => findings.push(Finding::NotAParty(carried.from.to_owned())),
        Some(party) => {
            if Side::of(party.role) != Some(act.no.side) {
                findings.push(Finding::WrongSide { said: act.no.side, role: party.role });
            }
            let named = match &act.authority {
                Some(authority) => match Powers::of(party.role).accept {
                    Power::WithApproval => authority.basis != super::act::Basis::OwnDecision,
                    _ => authority.on_behalf_of.as_ref().is_some_and(|name| !name.trim().is_empty()),
                },
                None => false,
            };
            if let Err(refusal) = Powers::of(party.role).check(party.role, act.kind(), named) {
                findings.push(Finding::Role(refusal));
            }
            if act.no.side == Side::Defence && !party.acts_for.is_empty() && !party.acts_for.contains(&act.id.accused) {
                findings.push(Finding::OtherAccused { about: act.id.accused, for_whom: party.acts_for.clone() });
            }
            if let Some(authority) = &act.authority
                && carried.marked_by.is_none()
                && !authority.name.is_empty()
                && !party.name.is_empty()
                && authority.name.to_lowercase() != party.name.to_lowercase()
            {
                findings.push(Finding::OtherName { said: authority.name.clone(), known: party.name.clone() });
            }
        }
    }
    if act.id.is_of(case) {
        match case.accused(act.id.accused) {
            None => findings.push(Finding::NoSuchAccused(act.id.accused)),
            Some(accused) if !act.surname.is_empty() && act.surname.to_uppercase() != accused.surname() => {
                findings.push(Finding::OtherSurname { said: act.surname.clone(), known: accused.surname() });
            }
            Some(_) => {}
        }
    } else {
        findings.push(Finding::OtherCase(act.id.clone()));
    }
    let mut unproven = None;
    let trust = match (carried.marked_by, carried.signature) {
        (Some(by), _) => Trust::Marked { by: by.to_owned() },
        (None, Signature::Good { certificate }) => {
            let known = |known: &String| known.eq_ignore_ascii_case(certificate);
            if party.is_some_and(|party| party.certificates.iter().any(known)) {
                Trust::Signed { certificate: certificate.clone() }
            } else {
                unproven = Some(Finding::StrangeCertificate(certificate.clone()));
                Trust::Claimed
            }
        }
        (None, Signature::Bad) => {
            findings.push(Finding::BadSignature);
            Trust::Claimed
        }
        (None, Signature::None) => {
            unproven = Some(Finding::Unsigned);
            Trust::Claimed
        }
    };
    times(carried, &mut findings);
    // Where no yes would help, none is asked for.
    let may_be_admitted = findings.iter().all(|one| one.may_admit() || !one.stops(&Word::None));
    findings.extend(unproven.filter(|_| may_be_admitted));
    let speaker = Speaker {
        address: carried.from.to_owned(),
        name: party.map_or_else(|| carried.from.to_owned(), |party| party.name.clone()),
        role: party.map(|party| party.role),
        party: party.map(|party| party.id.clone()),
    };
    Heard {
        act: act.clone(),
        message: carried.message.clone(),
        came: carried.came,
        speaker,
        trust,
        findings,
        word: Word::None,
    }
}

fn times(carried: &Carried<'_>, findings: &mut Vec<Finding>) {
    let (said, came) = (carried.act.at, carried.came);
    if said.duration_since(came) > CLOCKS {
        findings.push(Finding::FromTheFuture { said, came });
    } else if came.duration_since(said) > ON_ITS_WAY {
        findings.push(Finding::Slow { said, came });
    }
    if let Some(field) = carried.date
        && field.duration_since(said).abs() > CLOCKS
        && carried.marked_by.is_none()
    {
        findings.push(Finding::DateDiffers { field, said });
    }
}
