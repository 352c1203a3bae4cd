//! A case as the register tells it: the value that screens, commands, the guard and the templates read.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::awaiting::Awaiting;
use super::carriage::Classes;
use super::charge::{Accused, Charge};
use super::hearing::Hearing;
use super::identifiers::{Identifier, Kind};
use super::jurisdiction::Jurisdiction;
use super::party::{Party, Role};
use crate::mail::id::CaseId;

/// Where a case stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Worked on.
    #[default]
    Open,
    /// Nothing of it may be destroyed.
    OnHold {
        /// Why.
        because: String,
        /// It was closed before, to be looked at again on this day.
        review: Option<Date>,
    },
    /// Finished; to be looked at again, and then destroyed or kept.
    Closed {
        /// When to look at it again.
        review: Option<Date>,
    },
    /// Its messages were destroyed here; the register keeps digests only.
    Shredded {
        /// When.
        at: Timestamp,
        /// The number of the certificate of destruction.
        certificate: String,
    },
}

impl State {
    /// The name that scripts read.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::OnHold { .. } => "on-hold",
            Self::Closed { .. } => "closed",
            Self::Shredded { .. } => "shredded",
        }
    }
}

/// A note of the case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// When it was written.
    pub at: Timestamp,
    /// By whom.
    pub by: String,
    /// Its text.
    pub text: String,
}

/// One of the values that were given to a field at the same time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rival {
    /// The value, in words.
    pub value: String,
    /// By whom, on which device.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// A field that two devices changed without knowing of each other. A person decides; until then the later value stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// The field, in words, for instance `title` or `hearing 2`.
    pub field: String,
    /// The values, the one that stands last.
    pub rivals: Vec<Rival>,
}

/// A case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// Its name for scripts; never changes.
    pub id: CaseId,
    /// For instance `R v FERRET`.
    pub title: String,
    /// Whose law.
    pub jurisdiction: Jurisdiction,
    /// Where it stands.
    pub state: State,
    /// Numbers and aliases, the main one first.
    pub identifiers: Vec<Identifier>,
    /// Who is prosecuted.
    pub accused: Vec<Accused>,
    /// For what.
    pub charges: Vec<Charge>,
    /// Who takes part.
    pub parties: Vec<Party>,
    /// When the court sits.
    pub hearings: Vec<Hearing>,
    /// Notes, the oldest first.
    pub notes: Vec<Note>,
    /// Answers that are waited for, and were.
    pub awaiting: Vec<Awaiting>,
    /// Fields that a person has to decide about.
    pub conflicts: Vec<Conflict>,
}

impl Case {
    /// An open case with nothing in it.
    #[must_use]
    pub fn new(id: CaseId, title: impl Into<String>, jurisdiction: Jurisdiction) -> Self {
        Self {
            id,
            title: title.into(),
            jurisdiction,
            state: State::Open,
            identifiers: Vec::new(),
            accused: Vec::new(),
            charges: Vec::new(),
            parties: Vec::new(),
            hearings: Vec::new(),
            notes: Vec::new(),
            awaiting: Vec::new(),
            conflicts: Vec::new(),
        }
    }

    /// The first identifier of a kind.
    #[must_use]
    pub fn identifier(&self, kind: &Kind) -> Option<&Identifier> {
        self.identifiers.iter().find(|one| one.kind == *kind)
    }

    /// The number by which others file it: URN or PF reference, else the Crown Court's, else the first that names a case.
    #[must_use]
    pub fn main_identifier(&self) -> Option<&Identifier> {
        [Kind::Urn, Kind::PfReference, Kind::CrownCourt, Kind::HighCourtAppeal]
            .iter()
            .find_map(|kind| self.identifier(kind))
            .or_else(|| self.identifiers.iter().find(|one| one.kind.names_a_case()))
    }

    /// The party that an address belongs to, in any of its forms.
    #[must_use]
    pub fn party(&self, address: &str, classes: &Classes) -> Option<&Party> {
        let wanted = classes.canonical(address);
        self.parties.iter().find(|party| party.addresses.iter().any(|known| classes.canonical(known) == wanted))
    }

    /// What a party is in this case, in words, for instance `counsel for FERRET`.
    #[must_use]
    pub fn role_words(&self, party: &Party) -> String {
        let names: Vec<String> =
            party.acts_for.iter().filter_map(|number| self.accused(*number)).map(Accused::surname).collect();
        let role = party.role.words();
        match (party.role, names.is_empty()) {
            (_, true) => role.to_owned(),
            (Role::Accused, false) => format!("{role}, {}", names.join(" and ")),
            (_, false) => format!("{role} for {}", names.join(" and ")),
        }
    }

    /// The accused of a number.
    #[must_use]
    pub fn accused(&self, number: u16) -> Option<&Accused> {
        self.accused.iter().find(|one| one.number == number)
    }

    /// The hearings that begin after a moment, or on its day where no time is known: the soonest first.
    #[must_use]
    pub fn coming_hearings(&self, now: Timestamp) -> Vec<&Hearing> {
        let ahead = |hearing: &&Hearing| {
            let end = match hearing.at.time {
                Some(_) => hearing.at.start(),
                None => hearing.at.day().and_then(|day| day.tomorrow()),
            };
            end.is_ok_and(|end| end.timestamp() > now)
        };
        let mut coming: Vec<&Hearing> = self.hearings.iter().filter(ahead).collect();
        coming.sort_by_key(|hearing| hearing.at);
        coming
    }

    /// The first of them.
    #[must_use]
    pub fn next_hearing(&self, now: Timestamp) -> Option<&Hearing> {
        self.coming_hearings(now).first().copied()
    }

    /// Answers that are still waited for, the most urgent first.
    #[must_use]
    pub fn outstanding(&self) -> Vec<&Awaiting> {
        let mut open: Vec<&Awaiting> = self.awaiting.iter().filter(|one| one.answered.is_none()).collect();
        open.sort_by_key(|one| one.due);
        open
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::{date, time};

    use super::super::hearing::{Hearing, HearingId, HearingKind, HearingTime};
    use super::super::identifiers::Patterns;
    use super::super::party::Party;
    use super::super::{Classes, Kind};
    use super::{Case, Jurisdiction};
    use crate::mail::id::CaseId;

    fn ferret() -> Case {
        let patterns = Patterns::new(&[]).unwrap();
        let mut case = Case::new(CaseId("ferret".into()), "R v FERRET", Jurisdiction::EnglandWales);
        case.identifiers = ["MAAT 9000001", "T20269001", "99ZX0012326"].map(|text| patterns.read(text)).to_vec();
        case
    }

    #[test]
    fn the_main_identifier_is_the_one_that_others_file_by() {
        let mut case = ferret();
        assert_eq!(case.main_identifier().unwrap().value, "99ZX0012326");
        case.identifiers.pop();
        assert_eq!(case.main_identifier().unwrap().value, "T20269001");
        case.identifiers.pop();
        assert_eq!(case.main_identifier(), None, "a legal-aid number names no case");
        assert_eq!(case.identifier(&Kind::Maat).unwrap().value, "9000001");
    }

    #[test]
    fn a_party_is_found_by_either_form_of_its_address() {
        let mut case = ferret();
        let party = Party { addresses: vec!["R.Vellum@foxglove.example".into()], ..Party::default() };
        case.parties.push(party);
        let classes = Classes::default();
        assert!(case.party("r.vellum@foxglove.example.cjsm.net", &classes).is_some());
        assert!(case.party("r.vellum@foxgl0ve.example", &classes).is_none());
    }

    #[test]
    fn the_next_hearing_is_the_first_that_has_not_begun() {
        let mut case = ferret();
        for (id, day, at) in [("2", 6, None), ("1", 5, Some(time(10, 0, 0, 0)))] {
            case.hearings.push(Hearing {
                id: HearingId(id.into()),
                kind: HearingKind::First,
                court: "Ambleford MC".into(),
                at: HearingTime { date: date(2026, 3, day), time: at },
                outcome: String::new(),
            });
        }
        let next = |now: &str| case.next_hearing(now.parse().unwrap()).map(|hearing| hearing.id.0.clone());
        assert_eq!(next("2026-03-05T09:59:59Z").as_deref(), Some("1"));
        assert_eq!(next("2026-03-05T10:00:00Z").as_deref(), Some("2"));
        assert_eq!(next("2026-03-06T23:59:59Z").as_deref(), Some("2"));
        assert_eq!(next("2026-03-07T00:00:00Z"), None);
        let coming = case.coming_hearings("2026-03-05T09:59:59Z".parse().unwrap());
        assert_eq!(coming.iter().map(|hearing| hearing.id.0.as_str()).collect::<Vec<_>>(), ["1", "2"]);
    }
}
