//! Invitations (RFC 5545): what, where, when. Only the first event; nothing recurs, nothing is answered.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::{Found, Invited, LookError};

/// Lines that are read, after unfolding.
const LINES_MAX: usize = 10_000;

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
    /// What the time was written as, where it could not be read.
    pub odd_start: String,
}

/// Reads the first event; `None` where there is none.
#[must_use]
pub fn read(text: &str) -> Option<Event> {
    let mut event = Event::default();
    let (mut depth, mut inside, mut seen) = (0_usize, false, false);
    for line in unfold(text).iter().take(LINES_MAX) {
        let Some((name, params, value)) = property(line) else { continue };
        match name.as_str() {
            "BEGIN" => {
                depth = depth.saturating_add(1);
                if value.eq_ignore_ascii_case("VEVENT") && !seen {
                    (inside, seen, depth) = (true, true, 0);
                }
            }
            "END" if value.eq_ignore_ascii_case("VEVENT") => inside = false,
            "END" => depth = depth.saturating_sub(1),
            "METHOD" => event.method = value.trim().to_ascii_uppercase(),
            // Alarms within the event have a summary of their own.
            _ if !inside || depth > 0 => {}
            "SUMMARY" => event.summary = unescape(value),
            "LOCATION" => event.place = unescape(value),
            "DESCRIPTION" => event.description = unescape(value),
            "ORGANIZER" => value.clone_into(&mut event.organizer),
            "DTSTART" => match start(params, value) {
                Some(start) => event.start = start,
                None => value.clone_into(&mut event.odd_start),
            },
            _ => {}
        }
    }
    seen.then_some(event)
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

/// RFC 5545 §3.3.5: local to a zone, in UTC, or floating, which is taken as London's.
fn start(params: &str, value: &str) -> Option<String> {
    let value = value.trim();
    if value.len() == 8 {
        return jiff::civil::Date::strptime("%Y%m%d", value).ok().map(|day| day.to_string());
    }
    let london = TimeZone::get("Europe/London").ok()?;
    let (digits, is_utc) = value.strip_suffix('Z').map_or((value, false), |digits| (digits, true));
    let local = DateTime::strptime("%Y%m%dT%H%M%S", digits).ok()?;
    let zone = params.split(';').find_map(|one| one.trim().strip_prefix("TZID=")).map(|name| name.trim_matches('"'));
    let zone = match (is_utc, zone) {
        (true, _) => TimeZone::UTC,
        (false, None) => london.clone(),
        // Outlook's name for it.
        (false, Some("GMT Standard Time")) => london.clone(),
        (false, Some(name)) => TimeZone::get(name).ok()?,
    };
    Some(local.to_zoned(zone).ok()?.with_time_zone(london).datetime().to_string())
}

/// Looks into an invitation.
pub(super) fn look(text: &str) -> Result<Found, LookError> {
    let event = read(text).ok_or_else(|| LookError("it is a calendar file without an event".to_owned()))?;
    // London's clock is named only where it is known to be London's.
    let when = if event.start.is_empty() {
        event.odd_start.clone()
    } else {
        format!("{} (London)", event.start.replace('T', " "))
    };
    let words = format!(
        "What: {}\nWhere: {}\nWhen: {when}\nFrom: {}\n\n{}",
        event.summary, event.place, event.organizer, event.description
    );
    let mut found = Found::text("calendar invitation", words);
    if event.method == "CANCEL" {
        return Ok(found.note("It takes an invitation back: the hearing is cancelled, as the sender says."));
    }
    if event.start.is_empty() {
        return Ok(found.note("When it begins cannot be read: nothing is offered for the case."));
    }
    found.invited = Some(Invited { start: event.start, place: event.place, summary: event.summary });
    Ok(found.note("It can be taken into the case as a hearing; the sender's word is all that stands behind it."))
}
