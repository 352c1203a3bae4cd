//! How long a closed case is kept before somebody looks at it again: proposals, for the practice to overrule.
//!
//! No statute sets a period for a solicitor's file. In England and Wales the regulator sets none either; seven years cover the limitation of
//! claims and one year more (Limitation Act 1980 s.5). In Scotland the Law Society's guidance keeps summary cases three years, solemn ones three
//! years or as long as the sentence.

use jiff::Span;
use jiff::civil::Date;

use super::{Case, Jurisdiction, Style};

/// The procedure that a case went by, as far as retention asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Procedure {
    /// England and Wales.
    EnglandWales,
    /// Scotland, summary.
    Summary,
    /// Scotland, solemn.
    Solemn,
}

/// A review date that is proposed when a case is closed, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retention {
    /// When to look at it again.
    pub review: Date,
    /// In words.
    pub because: &'static str,
}

/// When to look at a closed case again: a proposal, for the practice to overrule.
///
/// # Errors
/// Where the day is beyond what can be told.
pub fn retention(procedure: Procedure, closed: Date, sentence_ends: Option<Date>) -> Result<Retention, jiff::Error> {
    let after = |years: i32| closed.checked_add(Span::new().years(years));
    Ok(match procedure {
        Procedure::EnglandWales => {
            Retention { review: after(7)?, because: "seven years from closing: six of limitation and one more" }
        }
        Procedure::Summary => Retention { review: after(3)?, because: "three years from closing: summary procedure" },
        Procedure::Solemn => {
            let three = after(3)?;
            match sentence_ends.filter(|end| *end > three) {
                Some(end) => Retention { review: end, because: "the end of the sentence: solemn procedure" },
                None => Retention { review: three, because: "three years from closing: solemn procedure" },
            }
        }
    })
}

impl Procedure {
    /// That of a case, by its law and the style of its title (`HMA v` is solemn).
    #[must_use]
    pub fn of(case: &Case) -> Self {
        match case.jurisdiction {
            Jurisdiction::EnglandWales => Self::EnglandWales,
            Jurisdiction::Scotland if Style::of(&case.title) == Some(Style::Advocate) => Self::Solemn,
            Jurisdiction::Scotland => Self::Summary,
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::{Procedure, retention};
    use crate::case::{Case, Jurisdiction};
    use crate::mail::id::CaseId;

    #[test]
    fn how_long_a_file_is_kept() {
        let closed = date(2026, 3, 6);
        let review = |procedure, end| retention(procedure, closed, end).unwrap().review;
        assert_eq!(review(Procedure::EnglandWales, None), date(2033, 3, 6));
        assert_eq!(review(Procedure::Summary, None), date(2029, 3, 6));
        assert_eq!(review(Procedure::Solemn, Some(date(2028, 1, 1))), date(2029, 3, 6));
        assert_eq!(review(Procedure::Solemn, Some(date(2034, 1, 1))), date(2034, 1, 1));
        assert_eq!(retention(Procedure::EnglandWales, date(2024, 2, 29), None).unwrap().review, date(2031, 2, 28));
    }

    #[test]
    fn the_procedure_follows_from_law_and_style() {
        let of = |title: &str, law| Procedure::of(&Case::new(CaseId("1".into()), title, law));
        assert_eq!(of("R v FERRET", Jurisdiction::EnglandWales), Procedure::EnglandWales);
        assert_eq!(of("PF v PUDDOCK", Jurisdiction::Scotland), Procedure::Summary);
        assert_eq!(of("HMA v GANNET", Jurisdiction::Scotland), Procedure::Solemn);
    }
}
