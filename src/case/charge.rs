//! Who is accused, and of what.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// Somebody who is prosecuted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accused {
    /// From 1, as on the charge sheet, complaint or indictment.
    pub number: u16,
    /// Forenames and surname, for instance `Barnaby FERRET`.
    pub name: String,
    /// Date of birth; never put into a subject.
    pub born: Option<Date>,
}

impl Accused {
    /// The surname, in capitals: the last word of the name, unless another one is written in capitals.
    #[must_use]
    pub fn surname(&self) -> String {
        let shouted = |word: &&str| {
            word.chars().filter(|c| c.is_alphabetic()).count() > 1 && !word.chars().any(char::is_lowercase)
        };
        let words: Vec<&str> = self.name.split_whitespace().collect();
        let capitals: Vec<&str> = words.iter().copied().filter(shouted).collect();
        let surname =
            if capitals.is_empty() { words.last().copied().unwrap_or_default().to_owned() } else { capitals.join(" ") };
        surname.trim_matches(',').to_uppercase()
    }
}

/// Where a charge stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChargeState {
    /// Prosecuted.
    #[default]
    Live,
    /// Withdrawn, discontinued, deserted or not proceeded with.
    Dropped,
    /// Left on the file (England and Wales).
    OnFile,
    /// A plea of guilty was recorded.
    PleadedGuilty,
    /// Found guilty.
    Convicted,
    /// Found not guilty or not proven.
    Acquitted,
}

impl ChargeState {
    /// All.
    pub const ALL: [Self; 6] =
        [Self::Live, Self::Dropped, Self::OnFile, Self::PleadedGuilty, Self::Convicted, Self::Acquitted];

    /// The name that scripts read and the file takes.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Dropped => "dropped",
            Self::OnFile => "on-file",
            Self::PleadedGuilty => "pleaded-guilty",
            Self::Convicted => "convicted",
            Self::Acquitted => "acquitted",
        }
    }

    /// Reads a [`Self::name`].
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name.trim().to_lowercase())
    }
}

/// A charge against one accused.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// From 1, as on the charge sheet, complaint or indictment.
    pub number: u16,
    /// [`Accused::number`].
    pub accused: u16,
    /// In words, for instance `theft of a garden gnome`.
    pub text: String,
    /// For instance `Theft Act 1968 s.1`; may be empty.
    pub statute: String,
    /// Where it stands.
    pub state: ChargeState,
}

#[cfg(test)]
mod tests {
    use super::{Accused, ChargeState};

    #[test]
    fn the_surname_is_what_stands_in_capitals() {
        let check = |name: &str, expected: &str| {
            let accused = Accused { number: 1, name: name.into(), born: None };
            assert_eq!(accused.surname(), expected, "{name}");
        };
        check("Barnaby FERRET", "FERRET");
        check("Barnaby Ferret", "FERRET");
        check("FERRET, Barnaby", "FERRET");
        check("Morag VAN PUDDOCK", "VAN PUDDOCK");
        check("", "");
    }

    #[test]
    fn states_read_back() {
        for state in ChargeState::ALL {
            assert_eq!(ChargeState::parse(state.name()), Some(state));
        }
    }
}
