//! Invitations (RFC 5545): what, where, when. The first event is offered, all are told; nothing is answered.

use std::fmt::Write as _;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::zones::Zones;
use super::{Found, Invited, LookError};

/// Lines that are read, after unfolding.
const LINES_MAX: usize = 10_000;
/// Events that are told.
const EVENTS_MAX: usize = 50;

/// An event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// `METHOD`, for instance `REQUEST` or `CANCEL`.
    pub method: String,
    /// `SUMMARY`.
    pub summary: String,
    /// `LOCATION`.
    pub place: String,
    /// `DESCRIPTION`.
    pub description: String,
    /// `ORGANIZER`, as it stands there.
    pub organizer: String,
    /// By the clock on the wall of London: with a time, or a day.
    pub start: String,
    /// What the time was written as, with its zone, where it could not be read.
    pub odd_start: String,
    /// When it ends, in the same form; empty where that is not said.
    pub end: String,
    /// `DURATION`, as it stands there: how long it is, in place of when it ends.
    pub duration: String,
    /// Its time names no zone.
    pub floats: bool,
    /// It stands for one time of an event that comes again.
    pub instead: bool,
    /// How often it was changed.
    pub changes: u32,
    /// It comes again and again.
    pub recurs: bool,
    /// `STATUS` says that it does not take place.
    pub cancelled: bool,
}

impl Event {
    /// When, for a person. London's clock is named only where it is known to be London's.
    fn when(&self) -> String {
        let again = if self.recurs { ", and again by a rule that is not told here" } else { "" };
        match self.start.is_empty() {
            true => self.odd_start.clone(),
            false => {
                let end = if self.end.is_empty() || self.end == self.start {
                    String::new()
                } else {
                    format!(" to {}", self.end.replace('T', " "))
                };
                format!("{}{end} (London){again}", self.start.replace('T', " "))
            }
        }
    }
}

/// Reads the first event; `None` where there is none.
#[must_use]
pub fn read(text: &str) -> Option<Event> {
    read_all(text).0.into_iter().next()
}

/// Reads the events, and how many there are.
fn read_all(text: &str) -> (Vec<Event>, usize) {
    let lines = unfold(text);
    let zones = Zones::read(lines.iter().take(LINES_MAX).filter_map(|line| property(line)));
    let (mut events, mut count, mut method) = (Vec::new(), 0_usize, String::new());
    // The event at hand, and within how many components of it the line is.
    let mut open: Option<(Event, usize)> = None;
    for line in lines.iter().take(LINES_MAX) {
        let Some((name, params, value)) = property(line) else { continue };
        match (name.as_str(), &mut open) {
            ("METHOD", _) => method = value.trim().to_ascii_uppercase(),
            ("BEGIN", None) if value.trim().eq_ignore_ascii_case("VEVENT") => open = Some((Event::default(), 0)),
            ("BEGIN", Some((_, depth))) => *depth = depth.saturating_add(1),
            ("END", Some((event, 0))) => {
                count += 1;
                if events.len() < EVENTS_MAX {
                    events.push(std::mem::take(event));
                }
                open = None;
            }
            ("END", Some((_, depth))) => *depth = depth.saturating_sub(1),
            // Alarms within the event have a summary of their own.
            (name, Some((event, 0))) => field(event, name, params, value, &zones),
            _ => {}
        }
    }
    // One that was cut off is one all the same.
    if let Some((event, _)) = open {
        count += 1;
        events.push(event);
    }
    for event in &mut events {
        event.method.clone_from(&method);
        if event.end.is_empty() {
            event.end = end_of(&event.start, &event.duration).unwrap_or_default();
        }
    }
    (events, count)
}

fn field(event: &mut Event, name: &str, params: &str, value: &str, zones: &Zones) {
    match name {
        "SUMMARY" => event.summary = unescape(value),
        "LOCATION" => event.place = unescape(value),
        "DESCRIPTION" => event.description = unescape(value),
        "ORGANIZER" => value.clone_into(&mut event.organizer),
        "RRULE" | "RDATE" => event.recurs = true,
        "RECURRENCE-ID" => event.instead = true,
        "SEQUENCE" => event.changes = value.trim().parse().unwrap_or_default(),
        "DTEND" => event.end = start(params, value, zones).map(|end| last_day(&end)).unwrap_or_default(),
        "DURATION" => value.trim().clone_into(&mut event.duration),
        "STATUS" => event.cancelled = value.trim().eq_ignore_ascii_case("CANCELLED"),
        "DTSTART" => match start(params, value, zones) {
            Some(start) => {
                event.floats = start.contains('T') && !value.trim().ends_with('Z') && zone_of(params).is_none();
                event.start = start;
            }
            None => {
                let zone = zone_of(params).map(|zone| format!(" ({zone})")).unwrap_or_default();
                event.odd_start = format!("{value}{zone}");
            }
        },
        _ => {}
    }
}

/// The last of some days, of which the end names the one behind it (RFC 5545 §3.6.1); a time as it is.
fn last_day(end: &str) -> String {
    let day = end.parse::<jiff::civil::Date>().ok().filter(|_| !end.contains('T'));
    day.and_then(|day| day.yesterday().ok()).map_or_else(|| end.to_owned(), |day| day.to_string())
}

/// When something ends that is so long (RFC 5545 §3.3.6): days and weeks go by the calendar, hours by the clock.
fn end_of(start: &str, duration: &str) -> Option<String> {
    let span: jiff::Span = duration.parse().ok().filter(|span: &jiff::Span| span.is_positive())?;
    if !start.contains('T') {
        let end = start.parse::<jiff::civil::Date>().ok()?.checked_add(span).ok()?;
        return Some(last_day(&end.to_string())).filter(|last| last.as_str() >= start);
    }
    let start = start.parse::<DateTime>().ok()?.to_zoned(TimeZone::get("Europe/London").ok()?).ok()?;
    Some(start.checked_add(span).ok()?.datetime().to_string())
}

/// RFC 5545 §3.1: a line that begins with a blank goes on from the one before.
fn unfold(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        let line = line.trim_end_matches('\r');
        let full = lines.len() >= LINES_MAX;
        match line.strip_prefix([' ', '\t']).zip(lines.last_mut()) {
            Some((more, last)) => last.push_str(more),
            None if full => break,
            None => lines.push(line.to_owned()),
        }
    }
    lines
}

/// Name, parameters and value of a line.
fn property(line: &str) -> Option<(String, &str, &str)> {
    let mut quoted = false;
    let colon = line.char_indices().find(|(_, c)| {
        quoted ^= *c == '"';
        *c == ':' && !quoted
    })?;
    let (head, value) = (line.get(..colon.0)?, line.get(colon.0 + 1..)?);
    let (name, params) = head.split_once(';').unwrap_or((head, ""));
    Some((name.trim().to_ascii_uppercase(), params, value))
}

/// RFC 5545 §3.3.11.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n' | 'N') => out.push('\n'),
                Some(other) => out.push(other),
                None => {}
            },
            other => out.push(other),
        }
    }
    out
}

/// The name of a zone among the parameters of a time.
fn zone_of(params: &str) -> Option<&str> {
    let named = |one: &&str| one.trim().get(..5).is_some_and(|name| name.eq_ignore_ascii_case("TZID="));
    let found = params.split(';').find(named)?;
    found.trim().get(5..).map(|name| name.trim_matches('"'))
}

/// RFC 5545 §3.3.5: local to a zone, in UTC, or floating, which is taken as London's.
fn start(params: &str, value: &str, zones: &Zones) -> Option<String> {
    let value = value.trim();
    if value.len() == 8 {
        return jiff::civil::Date::strptime("%Y%m%d", value).ok().map(|day| day.to_string());
    }
    let london = TimeZone::get("Europe/London").ok()?;
    let (digits, is_utc) = value.strip_suffix('Z').map_or((value, false), |digits| (digits, true));
    let local = DateTime::strptime("%Y%m%dT%H%M%S", digits).ok()?;
    let zone = match (is_utc, zone_of(params)) {
        (true, _) => TimeZone::UTC,
        (false, None) => london.clone(),
        (false, Some(name)) => zones.find(name, local)?,
    };
    Some(local.to_zoned(zone).ok()?.with_time_zone(london).datetime().to_string())
}

/// Looks into an invitation.
pub(super) fn look(text: &str) -> Result<Found, LookError> {
    let (events, count) = read_all(text);
    // One time of an event may stand before the event itself.
    let event = events
        .iter()
        .find(|one| !one.instead)
        .or(events.first())
        .ok_or_else(|| LookError("it is a calendar file without an event".to_owned()))?;
    let mut words = String::new();
    for (at, one) in events.iter().enumerate() {
        let off = if one.cancelled { "\n(It does not take place, as the sender says.)" } else { "" };
        let between = if at == 0 { "" } else { "\n\n" };
        let _ = write!(
            words,
            "{between}What: {}\nWhere: {}\nWhen: {}\nFrom: {}{off}\n\n{}",
            one.summary,
            one.place,
            one.when(),
            one.organizer,
            one.description
        );
    }
    let mut found = Found::text("calendar invitation", words);
    if count > 1 {
        found = found.note(format!("It holds {count} events; only one is offered for the case."));
    }
    if count > events.len() {
        found = found.note(format!("Only the first {EVENTS_MAX} are told."));
    }
    if event.method == "CANCEL" || event.cancelled {
        return Ok(found.note("It takes an invitation back: the hearing is cancelled, as the sender says."));
    }
    // Answers to an invitation, and wishes for another time (RFC 5546 §1.4): no hearing was moved by them.
    let answer = match event.method.as_str() {
        "REPLY" => {
            Some("It is somebody's answer to an invitation, not an invitation: nothing is offered for the case.")
        }
        "COUNTER" => Some("It proposes another time, which nobody has agreed to: nothing is offered for the case."),
        "DECLINECOUNTER" | "REFRESH" => {
            Some("It is about an invitation that went before, and is none: nothing is offered for the case.")
        }
        _ => None,
    };
    if let Some(answer) = answer {
        return Ok(found.note(answer));
    }
    if event.changes > 0 {
        found = found.note("It changes an invitation that came before: a hearing that was taken in from that one is not changed by itself.");
    }
    if event.floats {
        found = found.note("Its time names no zone: it is taken as London's.");
    }
    if event.start.is_empty() {
        return Ok(found.note("When it begins cannot be read: nothing is offered for the case."));
    }
    if event.recurs {
        found = found.note("It comes again by a rule; only its first time is offered for the case.");
    }
    found.invited =
        Some(Invited { start: event.start.clone(), place: event.place.clone(), summary: event.summary.clone() });
    Ok(found.note("It can be taken into the case as a hearing; the sender's word is all that stands behind it."))
}
