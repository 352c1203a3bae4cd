//! Time zones as calendars name them: by the tz database, by the names of Windows, by a city of the display name, else by the rules that the file
//! itself gives (RFC 5545 §3.6.5).

use std::collections::HashMap;

use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::{Offset, TimeZone};

/// The names of Windows.
const WINDOWS: &str = include_str!("zones.txt");
/// Zones of a file that are read, and changes of the clock in each.
const ZONES_MAX: usize = 50;
const CHANGES_MAX: usize = 50;

/// A change of the clock: from when on, and to which offset from UTC.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Change {
    start: Option<DateTime>,
    offset: Option<Offset>,
    /// Every year: the month, the weekday, which of them in the month (from its end, where it is negative).
    yearly: Option<(i8, Weekday, i8)>,
}

impl Change {
    /// When it last was at a local time or before it.
    fn before(&self, local: DateTime) -> Option<DateTime> {
        let start = self.start?;
        let Some((month, weekday, nth)) = self.yearly else { return (start <= local).then_some(start) };
        let in_year = |year: i16| {
            let day = Date::new(year, month, 1).ok()?.nth_weekday_of_month(nth, weekday).ok()?;
            Some(day.to_datetime(start.time()))
        };
        let years = [local.year(), local.year().saturating_sub(1)];
        years.into_iter().filter_map(in_year).find(|at| *at <= local && *at >= start)
    }
}

/// The zones that a file gives.
#[derive(Debug, Default)]
pub(super) struct Zones(HashMap<String, Vec<Change>>);

/// `+0100` or `-053000`.
fn offset(text: &str) -> Option<Offset> {
    let (sign, digits) = match text.trim().split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let two = |at: usize| digits.get(at..at + 2).and_then(|two| two.parse::<i32>().ok());
    let seconds = two(0)? * 3600 + two(2)? * 60 + two(4).unwrap_or(0);
    Offset::from_seconds(sign * seconds).ok()
}

/// `FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU`.
fn yearly(rule: &str) -> Option<(i8, Weekday, i8)> {
    let part = |name: &str| rule.split(';').find_map(|one| one.trim().strip_prefix(name)?.strip_prefix('='));
    if part("FREQ")? != "YEARLY" {
        return None;
    }
    let day = part("BYDAY")?;
    let (nth, day) = day.split_at_checked(day.len().checked_sub(2)?)?;
    let weekday = match day {
        "MO" => Weekday::Monday,
        "TU" => Weekday::Tuesday,
        "WE" => Weekday::Wednesday,
        "TH" => Weekday::Thursday,
        "FR" => Weekday::Friday,
        "SA" => Weekday::Saturday,
        "SU" => Weekday::Sunday,
        _ => return None,
    };
    let nth = nth.trim_start_matches('+').parse().ok()?;
    Some((part("BYMONTH")?.parse().ok()?, weekday, nth))
}

impl Zones {
    /// Of the lines of a file: name, parameters and value of each.
    pub(super) fn read<'a>(lines: impl Iterator<Item = (String, &'a str, &'a str)>) -> Self {
        let mut zones = Self::default();
        let (mut name, mut changes, mut open) = (None::<String>, Vec::new(), None::<Change>);
        for (field, _, value) in lines {
            let value = value.trim();
            match (field.as_str(), &mut open) {
                ("BEGIN", None) if value.eq_ignore_ascii_case("VTIMEZONE") => (name, changes) = (None, Vec::new()),
                ("BEGIN", _) if matches!(value, "STANDARD" | "DAYLIGHT") => open = Some(Change::default()),
                ("END", Some(change)) => {
                    if changes.len() < CHANGES_MAX {
                        changes.push(std::mem::take(change));
                    }
                    open = None;
                }
                ("END", None) if value.eq_ignore_ascii_case("VTIMEZONE") => {
                    if let Some(name) = name.take().filter(|_| zones.0.len() < ZONES_MAX) {
                        zones.0.insert(name, std::mem::take(&mut changes));
                    }
                }
                ("TZID", None) => name = Some(value.trim_matches('"').to_owned()),
                ("DTSTART", Some(change)) => change.start = DateTime::strptime("%Y%m%dT%H%M%S", value).ok(),
                ("TZOFFSETTO", Some(change)) => change.offset = offset(value),
                ("RRULE", Some(change)) => change.yearly = yearly(value),
                _ => {}
            }
        }
        zones
    }

    /// The zone of a name, at a local time; `None` where nobody says which it is.
    pub(super) fn find(&self, name: &str, local: DateTime) -> Option<TimeZone> {
        let windows = |name: &str| {
            let line = WINDOWS.lines().find_map(|line| line.split_once('\t').filter(|(known, _)| *known == name));
            line.and_then(|(_, zone)| TimeZone::get(zone).ok())
        };
        // `/example.org/Europe/London`: the last two pieces are the name.
        let tail = || {
            let mut pieces = name.rsplit('/');
            let (city, region) = (pieces.next()?, pieces.next()?);
            TimeZone::get(&format!("{region}/{city}")).ok()
        };
        // `(UTC+00:00) Dublin, Edinburgh, Lisbon, London`, as Outlook shows it.
        let is_london = name.starts_with('(') && name.split([',', ')', ' ']).any(|word| word == "London");
        let london = || TimeZone::get("Europe/London").ok().filter(|_| is_london);
        TimeZone::get(name)
            .ok()
            .or_else(|| windows(name))
            .or_else(tail)
            .or_else(london)
            .or_else(|| self.own(name, local))
    }

    /// By the rules of the file: the change of the clock that was last, and where there was none yet, the first.
    fn own(&self, name: &str, local: DateTime) -> Option<TimeZone> {
        let changes = self.0.get(name)?;
        let last =
            changes.iter().filter_map(|change| Some((change.before(local)?, change.offset?))).max_by_key(|one| one.0);
        let first = || changes.iter().find_map(|change| change.offset);
        last.map(|(_, offset)| offset).or_else(first).map(Offset::to_time_zone)
    }
}
