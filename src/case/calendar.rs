//! Business days, by dated tables of bank holidays: those of England and Wales differ from those of Scotland.
//!
//! A business day is any day except Saturday, Sunday, Christmas Day, Good Friday and a bank holiday (Criminal Procedure Rules 2025
//! r.2.2). The tables end; outside of their years the ordinary bank holidays are reckoned by the Banking and Financial Dealings Act 1971, Sch. 1; those that
//! are proclaimed are not known, and every answer says so.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::{Date, Weekday};

use super::jurisdiction::Jurisdiction;

/// The tables that come with the program.
const TABLES: &str = include_str!("holidays.txt");

/// How far a business day is looked for: no run of holidays is longer.
const RUN_MAX: usize = 31;

/// Days on which nothing is served, by jurisdiction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    england_wales: BTreeMap<Date, String>,
    scotland: BTreeMap<Date, String>,
    /// Days that were declared open, whatever the tables or the Act say.
    open: BTreeSet<(Jurisdiction, Date)>,
    /// The last year of which all holidays are known.
    last_year: i16,
    first_year: i16,
}

impl Default for Calendar {
    /// The tables that come with the program.
    fn default() -> Self {
        let mut calendar = Self {
            england_wales: BTreeMap::new(),
            scotland: BTreeMap::new(),
            open: BTreeSet::new(),
            last_year: i16::MIN,
            first_year: i16::MAX,
        };
        for (date, places, name) in TABLES.lines().filter_map(row) {
            calendar.last_year = calendar.last_year.max(date.year());
            calendar.first_year = calendar.first_year.min(date.year());
            for place in places.split(',') {
                let jurisdiction = if place == "S" { Jurisdiction::Scotland } else { Jurisdiction::EnglandWales };
                calendar.table_mut(jurisdiction).insert(date, name.to_owned());
            }
        }
        calendar
    }
}

/// A row of the tables: day, places, name.
fn row(line: &str) -> Option<(Date, &str, &str)> {
    let mut fields = line.trim().splitn(3, ' ');
    let date = fields.next()?.parse().ok()?;
    Some((date, fields.next()?, fields.next()?))
}

/// A day, and whether all that could move it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BusinessDay {
    /// The day.
    pub date: Date,
    /// It lies in the years that the tables cover; otherwise a bank holiday may have been overlooked.
    pub known: bool,
}

impl Calendar {
    fn table(&self, jurisdiction: Jurisdiction) -> &BTreeMap<Date, String> {
        match jurisdiction {
            Jurisdiction::EnglandWales => &self.england_wales,
            Jurisdiction::Scotland => &self.scotland,
        }
    }

    fn table_mut(&mut self, jurisdiction: Jurisdiction) -> &mut BTreeMap<Date, String> {
        match jurisdiction {
            Jurisdiction::EnglandWales => &mut self.england_wales,
            Jurisdiction::Scotland => &mut self.scotland,
        }
    }

    /// Adds a holiday.
    #[must_use]
    pub fn with(mut self, jurisdiction: Jurisdiction, date: Date, name: &str) -> Self {
        self.open.remove(&(jurisdiction, date));
        self.table_mut(jurisdiction).insert(date, name.to_owned());
        self
    }

    /// Declares a day open: it is no holiday, also where one would be reckoned.
    #[must_use]
    pub fn without(mut self, jurisdiction: Jurisdiction, date: Date) -> Self {
        self.table_mut(jurisdiction).remove(&date);
        self.open.insert((jurisdiction, date));
        self
    }

    /// The holidays that another calendar does not have, and the days that this one declares open.
    #[must_use]
    pub fn differences(&self, other: &Self, jurisdiction: Jurisdiction) -> (Vec<Date>, Vec<Date>) {
        let (own, theirs) = (self.table(jurisdiction), other.table(jurisdiction));
        let added = own.keys().filter(|day| !theirs.contains_key(day)).copied().collect();
        let opened = self.open.iter().filter(|(of, _)| *of == jurisdiction).map(|(_, day)| *day).collect();
        (added, opened)
    }

    /// Why nothing is served on a day; `None`: it is a business day.
    #[must_use]
    pub fn closed(&self, jurisdiction: Jurisdiction, date: Date) -> Option<&str> {
        if self.open.contains(&(jurisdiction, date)) {
            return None;
        }
        match date.weekday() {
            Weekday::Saturday => return Some("Saturday"),
            Weekday::Sunday => return Some("Sunday"),
            _ => {}
        }
        if (date.month(), date.day()) == (12, 25) {
            return Some("Christmas Day");
        }
        if Some(date) == good_friday(date.year()) {
            return Some("Good Friday");
        }
        let by_rule = || if self.knows(date) { None } else { ordinary(jurisdiction, date) };
        self.table(jurisdiction).get(&date).map(String::as_str).or_else(by_rule)
    }

    /// Whether a day is a business day.
    #[must_use]
    pub fn is_business_day(&self, jurisdiction: Jurisdiction, date: Date) -> bool {
        self.closed(jurisdiction, date).is_none()
    }

    /// Whether the tables cover the year of a day.
    #[must_use]
    pub fn knows(&self, date: Date) -> bool {
        (self.first_year..=self.last_year).contains(&date.year())
    }

    /// The last year that the tables cover.
    #[must_use]
    pub fn last_year(&self) -> i16 {
        self.last_year
    }

    /// The first business day after a day.
    #[must_use]
    pub fn next(&self, jurisdiction: Jurisdiction, date: Date) -> BusinessDay {
        let mut day = date;
        for _ in 0..RUN_MAX {
            let Ok(tomorrow) = day.tomorrow() else { break };
            day = tomorrow;
            if self.is_business_day(jurisdiction, day) {
                break;
            }
        }
        BusinessDay { date: day, known: self.knows(date) && self.knows(day) }
    }

    /// The n-th business day after a day.
    #[must_use]
    pub fn add(&self, jurisdiction: Jurisdiction, date: Date, days: u16) -> BusinessDay {
        let mut found = BusinessDay { date, known: self.knows(date) };
        for _ in 0..days {
            let next = self.next(jurisdiction, found.date);
            found = BusinessDay { date: next.date, known: found.known && next.known };
        }
        found
    }

    /// Business days that have ended or begun after a day, up to another: the age of a question. 0 where the other is not later.
    #[must_use]
    pub fn between(&self, jurisdiction: Jurisdiction, from: Date, to: Date) -> usize {
        let mut count = 0_usize;
        let mut day = from;
        while day < to {
            let Ok(tomorrow) = day.tomorrow() else { break };
            day = tomorrow;
            count = count.saturating_add(usize::from(self.is_business_day(jurisdiction, day)));
        }
        count
    }
}

/// The bank holiday that the Act of 1971 and the yearly proclamations under it make of a day, where nothing out of the ordinary was proclaimed.
fn ordinary(jurisdiction: Jurisdiction, date: Date) -> Option<&'static str> {
    let scotland = jurisdiction == Jurisdiction::Scotland;
    let (month, day, monday) = (date.month(), date.day(), date.weekday() == Weekday::Monday);
    let of = |month, days: &[i8]| in_lieu(date.year(), month, days).contains(&date);
    let easter_monday = || good_friday(date.year())?.checked_add(jiff::Span::new().days(3)).ok();
    match month {
        1 if of(1, if scotland { &[1, 2] } else { &[1] }) => Some("New Year"),
        3 | 4 if !scotland && easter_monday() == Some(date) => Some("Easter Monday"),
        5 if monday && day <= 7 => Some("Early May bank holiday"),
        5 if monday && day > 24 => Some("Spring bank holiday"),
        8 if monday && (if scotland { day <= 7 } else { day > 24 }) => Some("Summer bank holiday"),
        11 | 12 if scotland && of(11, &[30]) => Some("St Andrew's Day"),
        12 if of(12, &[25, 26]) => Some("Christmas"),
        _ => None,
    }
}

/// Days of a month; for each that falls on a weekend the next day that is neither a weekend nor one of them.
fn in_lieu(year: i16, month: i8, days: &[i8]) -> Vec<Date> {
    let all: Vec<Date> = days.iter().filter_map(|day| Date::new(year, month, *day).ok()).collect();
    let is_free = |date: Date| date.weekday().to_monday_zero_offset() < 5;
    let mut found: Vec<Date> = all.iter().copied().filter(|date| is_free(*date)).collect();
    for date in all.iter().filter(|date| !is_free(**date)) {
        let mut next = *date;
        while !is_free(next) || found.contains(&next) {
            match next.tomorrow() {
                Ok(day) => next = day,
                Err(_) => return found,
            }
        }
        found.push(next);
    }
    found
}

/// Good Friday of a year: two days before Easter Sunday (the Gregorian computus of Meeus, Astronomical Algorithms, ch. 8).
fn good_friday(year: i16) -> Option<Date> {
    let y = i32::from(year);
    let (a, b, c) = (y % 19, y / 100, y % 100);
    let (d, e) = (b / 4, b % 4);
    let f = (b + 8) / 25;
    let g = (b - f + 1) / 3;
    let h = (19 * a + b - d - g + 15) % 30;
    let (i, k) = (c / 4, c % 4);
    let l = (32 + 2 * e + 2 * i - h - k) % 7;
    let m = (a + 11 * h + 22 * l) / 451;
    let n = h + l - 7 * m + 114;
    let easter = Date::new(year, i8::try_from(n / 31).ok()?, i8::try_from(n % 31 + 1).ok()?).ok()?;
    easter.checked_sub(jiff::Span::new().days(2)).ok()
}

#[cfg(test)]
mod tests {
    use jiff::civil::{Date, date};

    use super::{Calendar, TABLES, good_friday, row};
    use crate::case::Jurisdiction::{EnglandWales, Scotland};

    #[test]
    fn every_row_of_the_tables_reads_and_falls_on_a_weekday() {
        let rows = TABLES.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        for line in rows {
            let (date, places, name) = row(line).unwrap_or_else(|| panic!("{line}"));
            assert!(["EW", "S", "EW,S"].contains(&places) && !name.is_empty(), "{line}");
            assert!(date.weekday().to_monday_zero_offset() < 5, "{line} is a weekend");
        }
    }

    #[test]
    fn good_friday_is_computed_as_the_tables_have_it() {
        let listed: Vec<Date> =
            TABLES.lines().filter_map(row).filter(|(_, _, name)| *name == "Good Friday").map(|(day, ..)| day).collect();
        assert_eq!(listed.len(), 5);
        for day in listed {
            assert_eq!(good_friday(day.year()), Some(day));
        }
        assert_eq!(good_friday(2038), Some(date(2038, 4, 23)));
    }

    #[test]
    fn the_two_jurisdictions_keep_different_days() {
        let calendar = Calendar::default();
        let check = |day, england, scotland| {
            assert_eq!(calendar.is_business_day(EnglandWales, day), england, "{day} England");
            assert_eq!(calendar.is_business_day(Scotland, day), scotland, "{day} Scotland");
        };
        check(date(2026, 3, 2), true, true);
        check(date(2026, 4, 6), false, true);
        check(date(2026, 6, 15), true, false);
        check(date(2026, 8, 3), true, false);
        check(date(2026, 8, 31), false, true);
        check(date(2026, 11, 30), true, false);
        check(date(2026, 3, 7), false, false);
        check(date(2040, 12, 25), false, false);
    }

    #[test]
    fn business_days_pass_over_weekends_and_holidays_and_say_when_the_tables_end() {
        let calendar = Calendar::default();
        // Maundy Thursday: Good Friday, the weekend, Easter Monday in England only.
        assert_eq!(calendar.next(EnglandWales, date(2026, 4, 2)).date, date(2026, 4, 7));
        assert_eq!(calendar.next(Scotland, date(2026, 4, 2)).date, date(2026, 4, 6));
        assert_eq!(calendar.add(EnglandWales, date(2026, 3, 4), 5).date, date(2026, 3, 11));
        assert_eq!(calendar.next(Scotland, date(2026, 12, 31)).date, date(2027, 1, 5));
        assert!(calendar.next(EnglandWales, date(2026, 3, 2)).known);
        assert!(!calendar.next(EnglandWales, date(2028, 12, 29)).known, "the next one is in 2029");
        assert_eq!(calendar.between(EnglandWales, date(2026, 3, 4), date(2026, 3, 11)), 5);
        assert_eq!(calendar.between(EnglandWales, date(2026, 3, 6), date(2026, 3, 8)), 0);
        assert_eq!(calendar.between(EnglandWales, date(2026, 3, 6), date(2026, 3, 1)), 0);
    }

    #[test]
    fn outside_of_the_tables_the_ordinary_holidays_are_reckoned_and_none_is_said_to_be_sure() {
        let calendar = Calendar::default();
        // What is reckoned is what the tables have, but for what was proclaimed out of the ordinary.
        for jurisdiction in [EnglandWales, Scotland] {
            let mut day = date(2024, 1, 1);
            while day.year() <= calendar.last_year() {
                let listed = calendar.table(jurisdiction).get(&day).filter(|name| *name != "World Cup bank holiday");
                let weekend = day.weekday().to_monday_zero_offset() >= 5;
                let reckoned = super::ordinary(jurisdiction, day).is_some() || good_friday(day.year()) == Some(day);
                assert_eq!(reckoned && !weekend, listed.is_some(), "{jurisdiction:?} {day} {listed:?}");
                day = day.tomorrow().unwrap();
            }
        }
        // Easter 2029 is on 1 April, Christmas 2032 on a Saturday, 2033 on a Sunday.
        assert_eq!(calendar.next(EnglandWales, date(2029, 3, 29)).date, date(2029, 4, 3));
        assert_eq!(calendar.next(Scotland, date(2029, 3, 29)).date, date(2029, 4, 2));
        assert_eq!(calendar.next(EnglandWales, date(2032, 12, 24)).date, date(2032, 12, 29));
        assert_eq!(calendar.next(EnglandWales, date(2033, 12, 23)).date, date(2033, 12, 28));
        assert_eq!(calendar.next(Scotland, date(2033, 12, 30)).date, date(2034, 1, 4));
        assert_eq!(calendar.next(EnglandWales, date(2023, 12, 29)).date, date(2024, 1, 2));
        assert!(!calendar.next(EnglandWales, date(2029, 3, 29)).known);
    }

    #[test]
    fn a_configuration_adds_days_and_takes_days_out() {
        let day = date(2026, 6, 15);
        let calendar = Calendar::default().with(EnglandWales, day, "Coronation").without(Scotland, day);
        assert_eq!(calendar.closed(EnglandWales, day), Some("Coronation"));
        assert!(calendar.is_business_day(Scotland, day));
        // Outside of the tables, too: Easter Monday 2029.
        let reckoned = date(2029, 4, 2);
        let calendar = calendar.without(EnglandWales, reckoned);
        assert!(calendar.is_business_day(EnglandWales, reckoned));
        assert_eq!(calendar.differences(&Calendar::default(), EnglandWales), (vec![day], vec![reckoned]));
        assert!(!calendar.with(EnglandWales, reckoned, "after all").is_business_day(EnglandWales, reckoned));
    }
}
