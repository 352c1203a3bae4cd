//! Dates as short as they can be understood, in the user's time zone.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// For a column six cells wide: `14:02` today, `05 Mar` this year, else `2025`.
pub(super) fn short(at: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let (at, now) = (at.to_zoned(zone.clone()), now.to_zoned(zone.clone()));
    let form = match () {
        () if at.date() == now.date() => "%H:%M",
        () if at.year() == now.year() => "%d %b",
        () => "%Y",
    };
    at.strftime(form).to_string()
}

/// With everything: `Thu 05 Mar 2026 14:02`.
pub(super) fn long(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%a %d %b %Y %H:%M").to_string()
}

/// A time of today, or a date with the time.
pub(super) fn clock(at: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let (at, now) = (at.to_zoned(zone.clone()), now.to_zoned(zone.clone()));
    at.strftime(if at.date() == now.date() { "%H:%M" } else { "%d %b %H:%M" }).to_string()
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::{clock, long, short};

    #[test]
    fn dates_are_of_the_zone_and_no_longer_than_needed() {
        let zone = TimeZone::get("Europe/London").unwrap();
        let now = "2026-06-15T23:30:00Z".parse().unwrap();
        for (at, wanted) in [
            ("2026-06-15T23:10:00Z", "00:10"),
            ("2026-06-15T22:10:00Z", "15 Jun"),
            ("2026-01-01T00:00:00Z", "01 Jan"),
            ("2025-12-31T23:59:00Z", "2025"),
        ] {
            assert_eq!(short(at.parse().unwrap(), now, &zone), wanted, "{at}");
        }
        assert_eq!(long("2026-03-05T14:02:00Z".parse().unwrap(), &zone), "Thu 05 Mar 2026 14:02");
        assert_eq!(clock("2026-06-15T22:10:00Z".parse().unwrap(), now, &zone), "15 Jun 23:10");
    }
}
