//! When to ask again: the defaults of practice, not of law.
//!
//! A question is chased after five business days, and in any case 24 hours before the next hearing: whichever is earlier. A chase sooner
//! than that is not read any faster: most answers of a prosecutor need a third agency first.

use jiff::{SignedDuration, Timestamp};

use super::awaiting::Awaiting;
use super::calendar::Calendar;
use super::hearing::{HearingTime, zone};
use super::jurisdiction::Jurisdiction;

/// Business days until a question is asked again.
pub const CHASE_DAYS: u16 = 5;

/// Before a hearing, a question is asked again at the latest.
const BEFORE_HEARING: SignedDuration = SignedDuration::from_hours(24);

/// When to chase, and why then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// The instant.
    pub at: Timestamp,
    /// The hearing decides, not the business days.
    pub by_hearing: bool,
}

/// When a question sent at an instant is chased. Never before it was sent.
///
/// # Errors
/// Where the program was built without the time zone of the courts, or the time is beyond what can be told.
pub fn due(
    sent: Timestamp,
    hearing: Option<HearingTime>,
    jurisdiction: Jurisdiction,
    calendar: &Calendar,
) -> Result<Due, jiff::Error> {
    let zone = zone()?;
    let local = sent.to_zoned(zone.clone());
    let day = calendar.add(jurisdiction, local.date(), CHASE_DAYS).date;
    let days = day.to_datetime(local.time()).to_zoned(zone)?.timestamp();
    let Some(hearing) = hearing else { return Ok(Due { at: days, by_hearing: false }) };
    let start = hearing.start()?.timestamp();
    if start <= sent {
        return Ok(Due { at: days, by_hearing: false });
    }
    let before = start.checked_sub(BEFORE_HEARING)?.max(sent);
    Ok(if before < days { Due { at: before, by_hearing: true } } else { Due { at: days, by_hearing: false } })
}

/// The age of a question in business days.
///
/// # Errors
/// Where the program was built without the time zone of the courts.
pub fn age(
    awaiting: &Awaiting,
    now: Timestamp,
    jurisdiction: Jurisdiction,
    calendar: &Calendar,
) -> Result<usize, jiff::Error> {
    let zone = zone()?;
    let day = |at: Timestamp| at.to_zoned(zone.clone()).date();
    Ok(calendar.between(jurisdiction, day(awaiting.sent), day(now)))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use jiff::civil::{date, time};

    use super::{age, due};
    use crate::case::calendar::Calendar;
    use crate::case::{Awaiting, HearingTime, Jurisdiction};

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn the_earlier_of_five_business_days_and_a_day_before_the_hearing() {
        let calendar = Calendar::default();
        let check = |sent: &str, hearing: Option<HearingTime>, expected: &str, by_hearing: bool| {
            let due = due(at(sent), hearing, Jurisdiction::EnglandWales, &calendar).unwrap();
            assert_eq!((due.at, due.by_hearing), (at(expected), by_hearing), "{sent} {hearing:?}");
        };
        let ten = |day| Some(HearingTime { date: date(2026, 3, day), time: Some(time(10, 0, 0, 0)) });
        check("2026-03-04T15:10:00Z", ten(6), "2026-03-05T10:00:00Z", true);
        check("2026-03-04T15:10:00Z", None, "2026-03-11T15:10:00Z", false);
        check("2026-03-04T15:10:00Z", ten(20), "2026-03-11T15:10:00Z", false);
        check("2026-03-04T15:10:00Z", ten(2), "2026-03-11T15:10:00Z", false);
        // Less than a day before: at once, never before it was sent.
        check("2026-03-05T15:10:00Z", ten(6), "2026-03-05T15:10:00Z", true);
        // Over the change to summer time the hour by the clock stays.
        check("2026-03-26T09:00:00Z", None, "2026-04-02T08:00:00Z", false);
    }

    #[test]
    fn the_age_is_counted_in_business_days() {
        let awaiting = Awaiting {
            id: crate::case::AwaitingId("1".into()),
            what: "IDPC".into(),
            to: Vec::new(),
            message_id: String::new(),
            sent: at("2026-03-06T16:00:00Z"),
            due: at("2026-03-13T16:00:00Z"),
            chased: Vec::new(),
            answered: None,
        };
        let old = |now: &str| age(&awaiting, at(now), Jurisdiction::EnglandWales, &Calendar::default()).unwrap();
        assert_eq!(old("2026-03-08T09:00:00Z"), 0);
        assert_eq!(old("2026-03-09T09:00:00Z"), 1);
        assert!(awaiting.is_due(at("2026-03-13T16:00:00Z")) && !awaiting.is_due(at("2026-03-13T15:59:59Z")));
    }
}
