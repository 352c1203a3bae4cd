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
    yearly: Option<Yearly>,
    /// It says more of when it is than is read here.
    unread: bool,
}

/// A day of every year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Yearly {
    month: i8,
    weekday: Weekday,
    /// Which of them in the month; from its end, where it is negative.
    nth: i8,
    /// The last day on which it may be.
    until: Date,
}

impl Change {
    /// When it last was at a local time or before it.
    fn before(&self, local: DateTime) -> Option<DateTime> {
        let start = self.start?;
        let Some(yearly) = self.yearly else { return (start <= local).then_some(start) };
        let in_year = |year: i16| {
            let day = Date::new(year, yearly.month, 1).ok()?.nth_weekday_of_month(yearly.nth, yearly.weekday).ok()?;
            Some(day.to_datetime(start.time())).filter(|at| at.date() <= yearly.until)
        };
        let last = local.year().min(yearly.until.year());
        [last, last.saturating_sub(1)].into_iter().filter_map(in_year).find(|at| *at <= local && *at >= start)
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

/// `FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU`; `None` where it says anything else, too.
fn yearly(rule: &str) -> Option<Yearly> {
    let rule = rule.to_ascii_uppercase();
    let (mut is_yearly, mut month, mut day, mut until) = (false, None, None, Date::MAX);
    for (name, value) in rule
        .split(';')
        .filter(|one| !one.trim().is_empty())
        .map(|one| one.trim().split_once('='))
        .collect::<Option<Vec<_>>>()?
    {
        match (name, value) {
            ("FREQ", "YEARLY") => is_yearly = true,
            ("BYMONTH", value) => month = Some(value.parse().ok()?),
            ("BYDAY", value) => day = Some(value.split_at_checked(value.len().checked_sub(2)?)?),
            // In UTC, where the day may be another one: a year lies between two of them.
            ("UNTIL", value) => until = Date::strptime("%Y%m%d", value.get(..8)?).ok()?.tomorrow().ok()?,
            ("INTERVAL", "1") | ("WKST", _) => {}
            _ => return None,
        }
    }
    let (nth, day) = day.filter(|_| is_yearly)?;
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
    Some(Yearly { month: month?, weekday, nth, until })
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
                ("BEGIN", _) if matches!(value.to_ascii_uppercase().as_str(), "STANDARD" | "DAYLIGHT") => {
                    open = Some(Change::default())
                }
                ("END", Some(change)) => {
                    change.unread |= changes.len() >= CHANGES_MAX;
                    if changes.len() <= CHANGES_MAX {
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
                ("RRULE", Some(change)) => {
                    // Two rules are more than one.
                    change.unread |= change.yearly.is_some();
                    change.yearly = yearly(value);
                    change.unread |= change.yearly.is_none();
                }
                ("RDATE" | "EXDATE" | "EXRULE", Some(change)) => change.unread = true,
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

    /// By the rules of the file: the change of the clock that was last, and where there was none yet, the first. Where one of them cannot be read, nobody
    /// knows the hour.
    fn own(&self, name: &str, local: DateTime) -> Option<TimeZone> {
        let is_read = |change: &Change| !change.unread && change.start.is_some() && change.offset.is_some();
        let changes = self.0.get(name).filter(|changes| changes.iter().all(is_read))?;
        let last =
            changes.iter().filter_map(|change| Some((change.before(local)?, change.offset?))).max_by_key(|one| one.0);
        let first = || changes.iter().find_map(|change| change.offset);
        last.map(|(_, offset)| offset).or_else(first).map(Offset::to_time_zone)
    }
}
