//! How a negotiation and the acts in it are named: the same on both sides.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::case;

/// For whom an act speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// For the accused.
    Defence,
    /// For the Crown.
    Prosecution,
}

impl Side {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Defence, Self::Prosecution];

    /// The letter of its acts.
    #[must_use]
    pub const fn letter(self) -> char {
        match self {
            Self::Defence => 'D',
            Self::Prosecution => 'P',
        }
    }

    /// The name that scripts read.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Defence => "defence",
            Self::Prosecution => "prosecution",
        }
    }

    /// The words for people, at the beginning of a sentence too.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Defence => "the defence",
            Self::Prosecution => "the Crown",
        }
    }

    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Defence => Self::Prosecution,
            Self::Prosecution => Self::Defence,
        }
    }

    /// The side of a role; `None` where it stands on neither.
    #[must_use]
    pub const fn of(role: case::Role) -> Option<Self> {
        match role.side() {
            case::Side::Defence => Some(Self::Defence),
            case::Side::Prosecution => Some(Self::Prosecution),
            case::Side::Court | case::Side::Neither => None,
        }
    }
}

/// An act by its number: `D3` is the third act of the defence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ActNo {
    /// Whose.
    pub side: Side,
    /// From 1.
    pub number: u16,
}

impl ActNo {
    /// The `number`-th act of a side.
    #[must_use]
    pub const fn new(side: Side, number: u16) -> Self {
        Self { side, number }
    }
}

impl fmt::Display for ActNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.side.letter(), self.number)
    }
}

/// A text that is no [`ActNo`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an act is named D or P and its number, for instance D3")]
pub struct ActNoError;

impl FromStr for ActNo {
    type Err = ActNoError;

    fn from_str(text: &str) -> Result<Self, ActNoError> {
        let text = text.trim();
        let (side, digits) = match (text.strip_prefix(['D', 'd']), text.strip_prefix(['P', 'p'])) {
            (Some(digits), _) => (Side::Defence, digits),
            (_, Some(digits)) => (Side::Prosecution, digits),
            _ => return Err(ActNoError),
        };
        let number = Some(digits).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
        let number = number.and_then(|digits| digits.parse().ok()).filter(|number| *number > 0);
        number.map(|number| Self { side, number }).ok_or(ActNoError)
    }
}

impl TryFrom<String> for ActNo {
    type Error = ActNoError;

    fn try_from(text: String) -> Result<Self, ActNoError> {
        text.parse()
    }
}

impl From<ActNo> for String {
    fn from(no: ActNo) -> Self {
        no.to_string()
    }
}

/// A negotiation: one accused in one case, by what both sides call it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NegotiationId {
    /// The number by which both sides file the case, in its canonical form: `ZZ26000417`.
    pub number: String,
    /// [`case::Accused::number`].
    pub accused: u16,
    /// Which negotiation about this accused, from 1: another begins where the last one was closed.
    pub series: u16,
}

impl NegotiationId {
    /// The first negotiation about an accused.
    #[must_use]
    pub fn first(number: impl Into<String>, accused: u16) -> Self {
        Self { number: number.into(), accused, series: 1 }
    }

    /// The first negotiation about an accused of a case; `None` where the case has no number that the other side knows.
    #[must_use]
    pub fn of(case: &case::Case, accused: u16) -> Option<Self> {
        Some(Self::first(case.main_identifier()?.value.clone(), accused))
    }

    /// The one after it.
    #[must_use]
    pub fn next(&self) -> Self {
        Self { series: self.series.saturating_add(1), ..self.clone() }
    }

    /// Its name inside the case: `PN-1`, and `PN-1.2` for the second one about accused 1.
    #[must_use]
    pub fn name(&self) -> String {
        if self.series == 1 { format!("PN-{}", self.accused) } else { format!("PN-{}.{}", self.accused, self.series) }
    }

    /// Reads a [`Self::name`]: accused and series.
    #[must_use]
    pub fn parse_name(name: &str) -> Option<(u16, u16)> {
        let digits = name.trim().strip_prefix("PN-").or_else(|| name.trim().strip_prefix("pn-"))?;
        let (accused, series) = digits.split_once('.').unwrap_or((digits, "1"));
        let (accused, series) = (accused.parse().ok()?, series.parse().ok()?);
        (accused > 0 && series > 0).then_some((accused, series))
    }

    /// Whether it is about this case: one of the case's numbers is its number.
    #[must_use]
    pub fn is_of(&self, case: &case::Case) -> bool {
        case.identifiers.iter().any(|one| one.kind.names_a_case() && one.value == self.number)
    }
}

impl fmt::Display for NegotiationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.number, self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::{ActNo, NegotiationId, Side};

    #[test]
    fn names_read_back() {
        for side in Side::ALL {
            let no = ActNo::new(side, 12);
            assert_eq!(no.to_string().parse(), Ok(no));
        }
        for wrong in ["", "D", "D0", "X1", "D-1", "D+1", "1", "D70000"] {
            assert!(wrong.parse::<ActNo>().is_err(), "{wrong}");
        }
        let first = NegotiationId::first("ZZ26000417", 2);
        assert_eq!((first.name(), first.next().name()), ("PN-2".to_owned(), "PN-2.2".to_owned()));
        assert_eq!(NegotiationId::parse_name("PN-2.2"), Some((2, 2)));
        assert_eq!(NegotiationId::parse_name("PN-2"), Some((2, 1)));
        assert_eq!(NegotiationId::parse_name("PN-0"), None);
    }
}
