//! Whose law a case is under: the style of its title and the words that are used in it.
//!
//! England and Wales, and Scotland. Northern Ireland has its own criminal procedure and is not served.

use serde::{Deserialize, Serialize};

/// Whose law.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Jurisdiction {
    /// Criminal Procedure Rules, Crown Prosecution Service.
    #[default]
    EnglandWales,
    /// Criminal Procedure (Scotland) Act 1995, Crown Office and Procurator Fiscal Service.
    Scotland,
}

impl Jurisdiction {
    /// All.
    pub const ALL: [Self; 2] = [Self::EnglandWales, Self::Scotland];

    /// The name that scripts read and the file takes.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::EnglandWales => "england-wales",
            Self::Scotland => "scotland",
        }
    }

    /// The words for people.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::EnglandWales => "England and Wales",
            Self::Scotland => "Scotland",
        }
    }

    /// Reads a [`Self::name`].
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name.trim().to_lowercase())
    }

    /// What the person prosecuted is called.
    #[must_use]
    pub const fn accused(self) -> &'static str {
        match self {
            Self::EnglandWales => "defendant",
            Self::Scotland => "accused",
        }
    }

    /// Who prosecutes.
    #[must_use]
    pub const fn prosecutor(self) -> &'static str {
        match self {
            Self::EnglandWales => "prosecutor",
            Self::Scotland => "procurator fiscal",
        }
    }

    /// Who defends.
    #[must_use]
    pub const fn defender(self) -> &'static str {
        match self {
            Self::EnglandWales => "solicitor",
            Self::Scotland => "agent",
        }
    }

    /// What an appearance in court is called.
    #[must_use]
    pub const fn hearing(self) -> &'static str {
        match self {
            Self::EnglandWales => "hearing",
            Self::Scotland => "diet",
        }
    }
}

/// How the title of a case names who prosecutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Style {
    /// `R v FERRET` (England and Wales).
    Rex,
    /// `PF v PUDDOCK`: Scottish summary procedure.
    Fiscal,
    /// `HMA v GANNET`: Scottish solemn procedure.
    Advocate,
}

impl Style {
    /// Before the names.
    #[must_use]
    pub const fn head(self) -> &'static str {
        match self {
            Self::Rex => "R v",
            Self::Fiscal => "PF v",
            Self::Advocate => "HMA v",
        }
    }

    /// The style of a title; `None` where it has none of them.
    #[must_use]
    pub fn of(title: &str) -> Option<Self> {
        let lower = title.trim().to_lowercase();
        let styled = |head: &str| lower.strip_prefix(head).is_some_and(|rest| rest.starts_with([' ', '.']));
        if styled("hma v") {
            Some(Self::Advocate)
        } else if styled("pf v") || (lower.starts_with("pf ") && lower.contains(" v ")) {
            Some(Self::Fiscal)
        } else if styled("r v") {
            Some(Self::Rex)
        } else {
            None
        }
    }

    /// Whose law it belongs to.
    #[must_use]
    pub const fn jurisdiction(self) -> Jurisdiction {
        match self {
            Self::Rex => Jurisdiction::EnglandWales,
            Self::Fiscal | Self::Advocate => Jurisdiction::Scotland,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Jurisdiction, Style};

    #[test]
    fn the_style_of_a_title_tells_the_law() {
        let check = |title, expected| assert_eq!(Style::of(title), expected, "{title}");
        check("R v FERRET", Some(Style::Rex));
        check("r v. Ferret", Some(Style::Rex));
        check("PF v PUDDOCK", Some(Style::Fiscal));
        check("PF Kirkmirkle v PUDDOCK", Some(Style::Fiscal));
        check("HMA v GANNET & STOAT", Some(Style::Advocate));
        check("Ferret", None);
        check("R vellum", None);
        assert_eq!(Style::Fiscal.jurisdiction(), Jurisdiction::Scotland);
    }

    #[test]
    fn names_read_back() {
        for one in Jurisdiction::ALL {
            assert_eq!(Jurisdiction::parse(one.name()), Some(one));
        }
        assert_eq!(Jurisdiction::parse("Northern Ireland"), None);
    }
}
