//! When a document counts as served, and whether initial details came in time: England and Wales only.
//!
//! Criminal Procedure Rules 2025 r.4.11(2)(d) (as in those of 2020): a document served by electronic means is served on the day on which it is sent, if
//! that is a business day and it is sent by no later than 2.30pm; otherwise on the next business day. It must be sent to the address that
//! the recipient has given (r.4.6). Other times hold for some applications; they are not computed here. Rule 8.2: the prosecutor serves initial
//! details as soon as practicable, and no later than the beginning of the day of the first hearing. The 48 hours before the hearing are a practice that
//! was agreed, and no rule: both clocks are told, each by its name.

use jiff::civil::{Date, Time, time};
use jiff::{SignedDuration, Timestamp, Zoned};

use super::calendar::Calendar;
use super::hearing::{HearingTime, zone};
use super::jurisdiction::Jurisdiction;

/// Rule 4.11(2)(d).
const CUT_OFF: Time = time(14, 30, 0, 0);

/// What was agreed for the digital file, before the first hearing.
const AGREED: SignedDuration = SignedDuration::from_hours(48);

/// When something sent by e-mail counts as served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deemed {
    /// When it was sent, by the court's clock.
    pub sent: Zoned,
    /// The day of service.
    pub date: Date,
    /// Why it is not the day of sending; `None` where it is.
    pub moved: Option<String>,
    /// The tables of bank holidays cover the days in question.
    pub known: bool,
}

impl Deemed {
    /// For people: `sent Mon 2 Mar 2026 14:52, after 14:30: deemed served Tue 3 Mar 2026`.
    #[must_use]
    pub fn words(&self) -> String {
        let sent = self.sent.strftime("%a %-d %b %Y %H:%M");
        let date = self.date.strftime("%a %-d %b %Y");
        let doubt = if self.known {
            ""
        } else {
            " (outside the table of bank holidays: by the ordinary ones, not knowing what is proclaimed)"
        };
        match &self.moved {
            Some(why) => format!("sent {sent}, {why}: deemed served {date}{doubt}"),
            None => format!("sent {sent}: deemed served the same day, {date}{doubt}"),
        }
    }
}

/// When a message sent at an instant counts as served; `None` where the law of the case has no such rule.
///
/// # Errors
/// Where the program was built without the time zone of the courts.
pub fn deemed(sent: Timestamp, jurisdiction: Jurisdiction, calendar: &Calendar) -> Result<Option<Deemed>, jiff::Error> {
    if jurisdiction != Jurisdiction::EnglandWales {
        return Ok(None);
    }
    let sent = sent.to_zoned(zone()?);
    let day = sent.date();
    let moved = match calendar.closed(jurisdiction, day) {
        Some(why) => Some(format!("no business day ({why})")),
        None if sent.time() > CUT_OFF => Some("after 14:30".to_owned()),
        None => None,
    };
    let (date, known) = if moved.is_some() {
        let next = calendar.next(jurisdiction, day);
        (next.date, next.known)
    } else {
        (day, calendar.knows(day))
    };
    Ok(Some(Deemed { sent, date, moved, known }))
}

/// Initial details against the first hearing: both clocks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InitialDetails {
    /// Service by rule 4.11.
    pub deemed: Deemed,
    /// The hearing.
    pub hearing: HearingTime,
    /// From sending to the beginning of the hearing; negative: it came later. Where the court has told no time of day, to the beginning of
    /// its day.
    pub ahead: SignedDuration,
    /// Sent 48 hours before, as agreed.
    pub as_agreed: bool,
    /// Days from the deemed day of service to the day of the hearing; negative: served after it.
    pub days_ahead: i64,
    /// Served by the beginning of the day of the hearing (r.8.2).
    pub by_rule: bool,
}

/// Initial details sent at an instant, for a first hearing; `None` outside England and Wales.
///
/// # Errors
/// Where the program was built without the time zone of the courts.
pub fn initial_details(
    sent: Timestamp,
    hearing: HearingTime,
    jurisdiction: Jurisdiction,
    calendar: &Calendar,
) -> Result<Option<InitialDetails>, jiff::Error> {
    let Some(deemed) = deemed(sent, jurisdiction, calendar)? else { return Ok(None) };
    let ahead = hearing.start()?.timestamp().duration_since(sent);
    let days_ahead = hearing.date.duration_since(deemed.date).as_hours() / 24;
    // Deemed service has no time of day: what is served on the day of the hearing is not served by its beginning.
    let by_rule = deemed.date < hearing.date;
    Ok(Some(InitialDetails { ahead, as_agreed: ahead >= AGREED, days_ahead, by_rule, deemed, hearing }))
}

/// `67 h 08 m`; of a negative duration, its length.
#[must_use]
pub fn hours(duration: SignedDuration) -> String {
    let minutes = duration.abs().as_mins();
    format!("{} h {:02} m", minutes / 60, minutes % 60)
}

impl InitialDetails {
    /// The lines of the panel, each with whether it is as it should be.
    #[must_use]
    pub fn lines(&self) -> Vec<(bool, String)> {
        let yes = |good: bool| if good { "yes" } else { "no" };
        let distance = if self.ahead.is_negative() {
            format!("sent {} after the hearing began ({})", hours(self.ahead), self.hearing)
        } else {
            format!("{} from sending to the hearing ({})", hours(self.ahead), self.hearing)
        };
        let served = match self.days_ahead {
            0 => "on the day of the hearing".to_owned(),
            1 => "1 day before the hearing".to_owned(),
            n if n > 0 => format!("{n} days before the hearing"),
            -1 => "1 day after the hearing".to_owned(),
            n => format!("{} days after the hearing", n.unsigned_abs()),
        };
        vec![
            (self.deemed.moved.is_none() || self.by_rule, self.deemed.words()),
            (self.as_agreed, format!("{distance}: within the agreed 48 h by sending time: {}", yes(self.as_agreed))),
            (
                self.by_rule,
                format!(
                    "deemed served {served}; rule 8.2 latest: start of {}: in time: {}",
                    self.hearing.date.strftime("%a %-d %b %Y"),
                    yes(self.by_rule)
                ),
            ),
        ]
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use jiff::civil::{date, time};

    use super::{deemed, hours, initial_details};
    use crate::case::calendar::Calendar;
    use crate::case::{HearingTime, Jurisdiction};

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn served(sent: &str) -> String {
        deemed(at(sent), Jurisdiction::EnglandWales, &Calendar::default()).unwrap().unwrap().date.to_string()
    }

    #[test]
    fn half_past_two_is_still_the_same_day() {
        let check = |sent: &str, expected: &str| assert_eq!(served(sent), expected, "{sent}");
        check("2026-03-02T14:29:59Z", "2026-03-02");
        check("2026-03-02T14:30:00Z", "2026-03-02");
        check("2026-03-02T14:30:01Z", "2026-03-03");
        check("2026-03-02T14:52:00Z", "2026-03-03");
        check("2026-03-02T00:00:00Z", "2026-03-02");
    }

    #[test]
    fn the_clock_is_the_one_of_the_court_over_the_change_to_summer_time() {
        let check = |sent: &str, expected: &str| assert_eq!(served(sent), expected, "{sent}");
        // Clocks go forward on 29 March 2026: 13:45Z on the Monday is 14:45 by the court's clock, on the Friday before it is 13:45.
        check("2026-03-27T13:45:00Z", "2026-03-27");
        check("2026-03-30T13:45:00Z", "2026-03-31");
        check("2026-03-30T13:30:00Z", "2026-03-30");
        // And back on 25 October.
        check("2026-10-23T13:45:00Z", "2026-10-26");
        check("2026-10-26T13:45:00Z", "2026-10-26");
        // Half past two by the clock of the court in summer, to the minute.
        check("2026-07-01T13:29:00Z", "2026-07-01");
        check("2026-07-01T13:30:00Z", "2026-07-01");
        check("2026-07-01T13:31:00Z", "2026-07-02");
        check("2026-07-01T14:29:00Z", "2026-07-02");
        // In the nights in which the clocks change: a Sunday, whatever hour is there twice or not at all.
        check("2026-03-29T00:59:59Z", "2026-03-30");
        check("2026-03-29T01:00:00Z", "2026-03-30");
        check("2026-10-25T00:30:00Z", "2026-10-26");
        check("2026-10-25T01:30:00Z", "2026-10-26");
        check("2026-10-24T23:30:00Z", "2026-10-26");
        check("2026-10-25T23:59:59Z", "2026-10-26");
        // Just before midnight UTC it is the next day already in summer.
        check("2026-06-30T23:30:00Z", "2026-07-01");
    }

    #[test]
    fn weekends_and_holidays_move_it_whatever_the_hour() {
        let check = |sent: &str, expected: &str| assert_eq!(served(sent), expected, "{sent}");
        check("2026-03-07T09:00:00Z", "2026-03-09");
        check("2026-03-06T15:00:00Z", "2026-03-09");
        check("2026-04-02T15:00:00Z", "2026-04-07");
        check("2026-04-03T08:00:00Z", "2026-04-07");
        check("2026-12-24T15:00:00Z", "2026-12-29");
        check("2026-12-24T14:30:00Z", "2026-12-24");
        check("2026-12-25T09:00:00Z", "2026-12-29");
        check("2026-12-31T14:31:00Z", "2027-01-04");
        check("2027-12-24T14:31:00Z", "2027-12-29");
        check("2026-08-28T13:31:00Z", "2026-09-01");
        check("2026-05-01T13:31:00Z", "2026-05-05");
    }

    #[test]
    fn scotland_has_no_such_rule() {
        let sent = at("2026-03-02T14:52:00Z");
        assert_eq!(deemed(sent, Jurisdiction::Scotland, &Calendar::default()).unwrap(), None);
        let hearing = HearingTime { date: date(2026, 3, 5), time: None };
        assert_eq!(initial_details(sent, hearing, Jurisdiction::Scotland, &Calendar::default()).unwrap(), None);
    }

    #[test]
    fn both_clocks_of_initial_details() {
        let hearing = HearingTime { date: date(2026, 3, 5), time: Some(time(10, 0, 0, 0)) };
        let panel = |sent: &str| {
            initial_details(at(sent), hearing, Jurisdiction::EnglandWales, &Calendar::default()).unwrap().unwrap()
        };
        let found = panel("2026-03-02T14:52:00Z");
        assert_eq!(hours(found.ahead), "67 h 08 m");
        assert!(found.as_agreed && found.by_rule);
        assert_eq!(found.days_ahead, 2);
        let lines: Vec<String> = found.lines().into_iter().map(|(_, line)| line).collect();
        assert_eq!(
            lines,
            [
                "sent Mon 2 Mar 2026 14:52, after 14:30: deemed served Tue 3 Mar 2026",
                "67 h 08 m from sending to the hearing (Thu 5 Mar 2026 10:00): within the agreed 48 h by sending time: yes",
                "deemed served 2 days before the hearing; rule 8.2 latest: start of Thu 5 Mar 2026: in time: yes",
            ]
        );
        // Within the rule, not within what was agreed.
        let late = panel("2026-03-04T09:00:00Z");
        assert!(!late.as_agreed && late.by_rule);
        // The evening before: deemed served on the day itself, which is too late by the rule.
        let evening = panel("2026-03-04T18:00:00Z");
        assert!(!evening.as_agreed && !evening.by_rule);
        assert_eq!(evening.days_ahead, 0);
        let after = panel("2026-03-06T10:30:00Z");
        assert!(after.ahead.is_negative() && after.lines()[1].1.starts_with("sent 24 h 30 m after the hearing began"));
    }

    #[test]
    fn beyond_the_tables_it_says_so() {
        let found = deemed(at("2031-05-07T15:00:00Z"), Jurisdiction::EnglandWales, &Calendar::default());
        let found = found.unwrap().unwrap();
        assert!(!found.known && found.words().contains("table of bank holidays"));
    }
}
