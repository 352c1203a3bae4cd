//! The demo's plea negotiations, played: acts with their numbers and digests, the letters that carry them, and what the register holds of them.

use std::collections::BTreeMap;

use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};

use super::story::Matter;
use super::story::talks::{End, Line, Move, Open, Talk};
use crate::app::plea_terms;
use crate::case::{HearingTime, Role};
use crate::mail::draft::Attachment;
use crate::plea::act::{Cleared, Subject};
use crate::plea::{Act, ActNo, Authority, Basis, Deed, Document, NegotiationId, Outcome, Quoted, Side, Terms, text};
use sha2::{Digest as _, Sha256};

/// An act in its letter, before that is built.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub(super) act: Act,
    pub(super) line: Line,
    /// The file that the terms name.
    pub(super) file: Option<Attachment>,
}

fn zone() -> Result<TimeZone, String> {
    TimeZone::get("Europe/London").map_err(|error| error.to_string())
}

fn minute(at: Timestamp) -> Timestamp {
    let seconds = at.as_second();
    Timestamp::from_second(seconds - seconds.rem_euclid(60)).unwrap_or(at)
}

/// Some hours ago, brought back to working hours.
fn worked(now: Timestamp, ago: i64) -> Result<Timestamp, String> {
    let words = |error: jiff::Error| error.to_string();
    let mut at: Zoned = (now - SignedDuration::from_hours(ago)).to_zoned(zone()?);
    if at.hour() < 8 {
        at = at.yesterday().map_err(words)?.with().hour(16).build().map_err(words)?;
    } else if at.hour() >= 18 {
        at = at.with().hour(17).build().map_err(words)?;
    }
    while matches!(at.weekday(), Weekday::Saturday | Weekday::Sunday) {
        at = at.yesterday().map_err(words)?;
    }
    Ok(at.timestamp())
}

/// The moment until which something is open.
fn until(now: Timestamp, open: Open) -> Result<Timestamp, String> {
    let words = |error: jiff::Error| error.to_string();
    let days = match open {
        Open::Hours(hours) => return Ok(minute(now + SignedDuration::from_hours(hours))),
        Open::Days(days) => days,
    };
    let mut at = (now + SignedDuration::from_hours(24 * days)).to_zoned(zone()?);
    at = at.with().hour(16).minute(0).second(0).subsec_nanosecond(0).build().map_err(words)?;
    while matches!(at.weekday(), Weekday::Saturday | Weekday::Sunday) {
        at = if days < 0 { at.yesterday() } else { at.tomorrow() }.map_err(words)?;
    }
    Ok(at.timestamp())
}

/// The day of the hearing of a negotiation, by the court's clock: never at a weekend.
pub(super) fn hearing(talk: &Talk, now: Timestamp) -> Result<Option<HearingTime>, String> {
    let words = |error: jiff::Error| error.to_string();
    let Some((_, days)) = talk.hearing else { return Ok(None) };
    let mut at = (now + SignedDuration::from_hours(24 * days)).to_zoned(zone()?);
    while matches!(at.weekday(), Weekday::Saturday | Weekday::Sunday) {
        at = if days < 0 { at.yesterday() } else { at.tomorrow() }.map_err(words)?;
    }
    Ok(Some(HearingTime { date: at.date(), time: Some(jiff::civil::time(10, 0, 0, 0)) }))
}

/// Plays a negotiation; every act of it, in order.
///
/// # Errors
/// A line of the story makes no sense, in words.
pub(super) fn play(
    talk: &Talk,
    matter: &Matter,
    names: (&str, &str),
    now: Timestamp,
    paper: &dyn Fn(&str) -> Attachment,
) -> Result<Vec<Said>, String> {
    let id = NegotiationId::first(matter.number.as_str(), 1);
    let mut said: Vec<Said> = Vec::new();
    let mut standing: Option<Quoted> = None;
    let mut read: BTreeMap<Side, u16> = BTreeMap::new();
    let last_moment = now - SignedDuration::from_mins(3);
    for line in talk.lines {
        let count = |side: Side| -> u16 {
            u16::try_from(said.iter().filter(|one| one.act.no.side == side).count()).unwrap_or_default()
        };
        let no = ActNo::new(line.by, count(line.by).saturating_add(1));
        let seen = if line.crosses { read.get(&line.by).copied().unwrap_or(0) } else { count(line.by.other()) };
        read.insert(line.by, seen);
        let after = said.last().map_or(Timestamp::MIN, |one| one.act.at + SignedDuration::from_mins(11));
        let at = minute(worked(now, line.ago)?.max(after).min(last_moment));
        let named = line.basis.ends_with(".pdf");
        let file = named.then(|| {
            let file = paper(line.basis);
            Attachment { name: text::fold(&file.name), ..file }
        });
        let basis = match &file {
            Some(file) => {
                let sha256 = Sha256::digest(&file.content).into();
                Some(Document::Attached { name: file.name.clone(), sha256 })
            }
            None => crate::plea::offer::text_document(line.basis),
        };
        let quoted = || standing.ok_or_else(|| format!("{} answers nothing", line.words));
        let reply_by = until(now, line.open)?.max(at + SignedDuration::from_hours(2));
        let deed = match line.does {
            Move::Offer(terms) => Deed::Offer { terms: of(terms, basis)?, reply_by },
            Move::Counter(terms) => Deed::Counter { answers: quoted()?, terms: of(terms, basis)?, reply_by },
            Move::Accept(met) => {
                let cleared = met.map(|(condition, by)| Cleared { condition, by: by.to_owned() });
                Deed::Accept { answers: quoted()?, cleared: cleared.into_iter().collect() }
            }
            Move::AcceptSubject(condition) => Deed::AcceptSubject {
                answers: quoted()?,
                subject_to: vec![Subject { condition, words: String::new() }],
            },
            Move::Reject(because) => Deed::Reject { answers: quoted()?, because: because.to_owned() },
            Move::Withdraw(because) => Deed::Withdraw { answers: quoted()?, because: because.to_owned() },
            Move::Query(text) => Deed::Query { text: text.to_owned() },
            Move::Reply(text) => {
                let asked = |one: &&Said| matches!(one.act.deed, Deed::Query { .. }) && one.act.no.side != line.by;
                let to = said.iter().rfind(asked).map(|one| one.act.no).ok_or("nothing was asked")?;
                Deed::Reply { to, text: text.to_owned() }
            }
            Move::Chase(text) => Deed::Chase { text: text.to_owned() },
            Move::Tender => {
                let at = hearing(talk, now)?.ok_or("there is no hearing to tender it at")?;
                Deed::TenderNotice { answers: quoted()?, at, court: matter.court.to_owned() }
            }
        };
        let rounds = said.iter().filter(|one| one.act.kind().has_terms()).count();
        let rounds = u16::try_from(rounds).unwrap_or_default();
        let offers = deed.kind().has_terms();
        let act = Act {
            id: id.clone(),
            surname: matter.surname.clone(),
            no,
            seen,
            round: if offers && !line.crosses { rounds.saturating_add(1) } else { rounds.max(1) },
            at,
            authority: authority(line, matter, names, at)?.filter(|_| deed.kind().commits() && !line.by_hand),
            deed,
        };
        if let Some(quoted) = act.quoted() {
            standing = Some(quoted);
        }
        said.push(Said { act, line: *line, file });
    }
    Ok(said)
}

fn of(terms: &[&str], basis: Option<Document>) -> Result<Terms, String> {
    let charges = terms.iter().map(|term| plea_terms::read(term, &[])).collect::<Result<Vec<_>, _>>()?;
    Terms::new(charges, basis, "").map_err(|error| error.to_string())
}

fn authority(
    line: &Line,
    matter: &Matter,
    (us, them): (&str, &str),
    at: Timestamp,
) -> Result<Option<Authority>, String> {
    let scots = matter.law == super::story::Law::Scotland;
    let (name, role, basis) = match line.by {
        Side::Defence => (us, Role::DefenceSolicitor, Basis::ClientInstructions),
        Side::Prosecution => (them, if scots { Role::FiscalDepute } else { Role::CpsLawyer }, Basis::OwnDecision),
    };
    let day = at.to_zoned(zone()?).date();
    Ok(Some(Authority { name: name.to_owned(), role, on_behalf_of: None, basis, day }))
}

/// What was entered in the end, and when.
pub(super) fn end(talk: &Talk, now: Timestamp) -> Result<Option<(Outcome, Timestamp)>, String> {
    let (outcome, ago) = match talk.end {
        End::Open => return Ok(None),
        End::AsAgreed(ago) => (Outcome::AsAgreed, ago),
        End::FactsHearing(ago, because) => (Outcome::FactsHearing { because: because.to_owned() }, ago),
        End::NoPlea(ago, because) => (Outcome::NoPlea { because: because.to_owned() }, ago),
    };
    Ok(Some((outcome, worked(now, ago)?)))
}

#[cfg(test)]
mod tests {
    use super::{Open, hearing, until, worked};
    use crate::demo::story::talks::TALKS;

    /// On whatever day and at whatever hour the demo is started, each is told in order and nothing is in the future.
    #[test]
    fn times_are_in_order_whenever_the_demo_starts() {
        let start: jiff::Timestamp = "2026-10-24T00:13:00Z".parse().unwrap();
        for hours in 0..9 * 24 {
            let now = start + jiff::SignedDuration::from_hours(hours);
            for talk in TALKS {
                for line in talk.lines {
                    let at = worked(now, line.ago).unwrap();
                    assert!(at <= now, "{now}: {line:?}");
                    let left = until(now, line.open).unwrap().duration_since(now);
                    match line.open {
                        Open::Days(days) if days < 0 => assert!(left.is_negative(), "{now}: {line:?}"),
                        _ => assert!(left.as_hours() >= 4, "{now}: {line:?}"),
                    }
                }
                let day = hearing(talk, now).unwrap();
                assert_eq!(day.is_some(), talk.hearing.is_some());
            }
        }
    }
}
