//! How long a closed case is kept before somebody looks at it again.
//!
//! No statute sets a period for a solicitor's file. In England and Wales firms keep criminal files six or seven years from closing (limitation
//! periods; the legal aid contract asks for six); a firm in Scotland that follows the Law Society of Scotland's guidance keeps summary
//! cases three years, solemn ones three years or as long as the sentence. These are proposals: the day is the user's.

use jiff::ToSpan as _;
use jiff::civil::Date;

use crate::case::Jurisdiction;

/// The day that is proposed for a review.
#[must_use]
pub fn review(jurisdiction: Jurisdiction, closed: Date) -> Option<Date> {
    let years = match jurisdiction {
        Jurisdiction::EnglandWales => 7,
        Jurisdiction::Scotland => 3,
    };
    closed.checked_add(years.years()).ok()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::review;
    use crate::case::Jurisdiction;

    #[test]
    fn a_review_is_proposed_by_jurisdiction() {
        assert_eq!(review(Jurisdiction::EnglandWales, date(2026, 3, 2)), Some(date(2033, 3, 2)));
        assert_eq!(review(Jurisdiction::Scotland, date(2028, 2, 29)), Some(date(2031, 2, 28)));
    }
}
