//! Hearings (England and Wales) and diets (Scotland). Their times are local times of the court, that is of Europe/London, and mean another
//! instant in summer than in winter.

use std::fmt;

use jiff::Zoned;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// The time zone of every court that is served.
pub const ZONE: &str = "Europe/London";

/// The time zone of the courts. Its data is part of the program.
///
/// # Errors
/// Where the program was built without it.
pub fn zone() -> Result<TimeZone, jiff::Error> {
    TimeZone::get(ZONE)
}

/// A hearing's name inside its case: given once, never used again.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct HearingId(pub String);

impl fmt::Display for HearingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a hearing is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HearingKind {
    /// First hearing in the magistrates' court.
    First,
    /// Plea and trial preparation hearing (Crown Court).
    Ptph,
    /// Further case management hearing.
    CaseManagement,
    /// Pleading diet (Scotland, summary).
    PleadingDiet,
    /// Pre-intermediate diet meeting of Crown and defence (Scotland, summary): no hearing, but a date that binds.
    Pidm,
    /// Intermediate diet (Scotland, summary; Criminal Procedure (Scotland) Act 1995 s.148).
    IntermediateDiet,
    /// The day by which the accused means to have told the Crown Agent in writing of an intention to plead guilty (Scotland, solemn; Criminal
    /// Procedure (Scotland) Act 1995 s.76): no hearing, but a date that one works towards.
    Section76,
    /// First diet (sheriff) or preliminary hearing (High Court) on indictment (Scotland, solemn).
    FirstDiet,
    /// Trial, trial diet.
    Trial,
    /// Sentence, deferred sentence.
    Sentence,
    /// Appeal.
    Appeal,
    /// Any other.
    #[default]
    Other,
}

impl HearingKind {
    /// All.
    pub const ALL: [Self; 12] = [
        Self::First,
        Self::Ptph,
        Self::CaseManagement,
        Self::PleadingDiet,
        Self::Pidm,
        Self::IntermediateDiet,
        Self::Section76,
        Self::FirstDiet,
        Self::Trial,
        Self::Sentence,
        Self::Appeal,
        Self::Other,
    ];

    /// The name that scripts read and the file takes.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::First => "first-hearing",
            Self::Ptph => "ptph",
            Self::CaseManagement => "case-management",
            Self::PleadingDiet => "pleading-diet",
            Self::Pidm => "pidm",
            Self::IntermediateDiet => "intermediate-diet",
            Self::Section76 => "section-76",
            Self::FirstDiet => "first-diet",
            Self::Trial => "trial",
            Self::Sentence => "sentence",
            Self::Appeal => "appeal",
            Self::Other => "other",
        }
    }

    /// What the words of an invitation name; [`Self::Other`] where they name none.
    #[must_use]
    pub fn guess(text: &str) -> Self {
        let text = text.to_lowercase();
        let named = |one: &&Self| **one != Self::Other && text.contains(&one.words().to_lowercase());
        Self::ALL.iter().find(named).copied().unwrap_or_default()
    }

    /// The words for people.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::First => "first hearing",
            Self::Ptph => "PTPH",
            Self::CaseManagement => "case management hearing",
            Self::PleadingDiet => "pleading diet",
            Self::Pidm => "PIDM",
            Self::IntermediateDiet => "intermediate diet",
            Self::Section76 => "s.76 notice",
            Self::FirstDiet => "first diet",
            Self::Trial => "trial",
            Self::Sentence => "sentence",
            Self::Appeal => "appeal",
            Self::Other => "hearing",
        }
    }

    /// Reads a [`Self::name`].
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name.trim().to_lowercase())
    }
}

/// When a hearing is, by the court's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct HearingTime {
    /// The day.
    pub date: Date,
    /// The time of day, where the court has told one.
    pub time: Option<Time>,
}

impl HearingTime {
    /// The instant at which it begins; where no time was told, the beginning of its day.
    ///
    /// # Errors
    /// See [`zone`].
    pub fn start(self) -> Result<Zoned, jiff::Error> {
        self.date.to_datetime(self.time.unwrap_or(Time::midnight())).to_zoned(zone()?)
    }

    /// The instant at which its day begins.
    ///
    /// # Errors
    /// See [`zone`].
    pub fn day(self) -> Result<Zoned, jiff::Error> {
        self.date.to_zoned(zone()?)
    }
}

impl fmt::Display for HearingTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.date.strftime("%a %-d %b %Y"))?;
        match self.time {
            Some(time) => write!(f, " {}", time.strftime("%H:%M")),
            None => Ok(()),
        }
    }
}

/// A hearing or diet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hearing {
    /// Its name inside the case.
    pub id: HearingId,
    /// What it is for.
    pub kind: HearingKind,
    /// Where, for instance `Ambleford MC`.
    pub court: String,
    /// When, by the court's clock.
    pub at: HearingTime,
    /// What came of it; empty while nothing did.
    pub outcome: String,
}

#[cfg(test)]
mod tests {
    use jiff::civil::{date, time};

    use super::{HearingKind, HearingTime};

    #[test]
    fn a_hearing_begins_by_the_clock_of_the_court() {
        let at = |month, hour| HearingTime { date: date(2026, month, 5), time: Some(time(hour, 0, 0, 0)) };
        assert_eq!(at(3, 10).start().unwrap().timestamp().to_string(), "2026-03-05T10:00:00Z");
        assert_eq!(at(5, 10).start().unwrap().timestamp().to_string(), "2026-05-05T09:00:00Z");
        let undated = HearingTime { date: date(2026, 4, 2), time: None };
        assert_eq!(undated.start().unwrap(), undated.day().unwrap());
        assert_eq!(at(3, 10).to_string(), "Thu 5 Mar 2026 10:00");
        assert_eq!(undated.to_string(), "Thu 2 Apr 2026");
    }

    #[test]
    fn kinds_read_back() {
        for kind in HearingKind::ALL {
            assert_eq!(HearingKind::parse(kind.name()), Some(kind));
        }
    }
}
