//! When a row is due, and when it is past: due by a time that only runs, so that a clock set forwards sends nothing early and one set back holds nothing for ever. Pure.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::retry;
use crate::engine::clock::Moment;
use crate::mail::id::OutboxId;
use crate::store::outbox::{Delivery, OutboxEntry, OutboxState, Uptime};

/// Sent rows are shown for so long, and those whose copy cannot be filed from when that was first said.
pub(super) const SENT_KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Rows that were sent long ago and may be forgotten, once the register holds what it keeps of them. `is_unfileable`: of a row whose copy is not filed
/// whether none can be, and that was said: it goes at the time that was said then. Not while somebody was refused: its text is all that they could be sent.
/// One of the messages that a message goes as is kept while another has not gone: who takes that one back is told by it who has what.
pub(super) fn past(
    rows: &[OutboxEntry],
    now: Timestamp,
    is_unfileable: impl Fn(&OutboxEntry) -> bool,
) -> Vec<OutboxEntry> {
    let is_sent = |row: &&OutboxEntry| match row.state {
        OutboxState::Sent => true,
        OutboxState::SentNotFiled => {
            let in_time = row.next_attempt.is_some_and(|until| until <= now);
            in_time && row.count(Delivery::Refused) == 0 && is_unfileable(row)
        }
        _ => false,
    };
    let under_way: HashSet<OutboxId> = rows.iter().filter(|row| !is_sent(row)).map(|row| row.batch).collect();
    let is_old = |row: &&OutboxEntry| row.sent_at.is_some_and(|at| now.duration_since(at) > SENT_KEPT);
    rows.iter().filter(is_sent).filter(is_old).filter(|row| !under_way.contains(&row.batch)).cloned().collect()
}

/// What is left of the undo window of a row that was held when a process takes up the outbox. What the clock says is not believed: it may have been set.
///
/// Where somebody looks on, who may want to take it back, the window begins anew: whoever left in the midst of it was promised all of it. Not behind a lock,
/// or a cache that was made anew: the process is the same, and locks that come sooner than the window ends would hold it for ever. A
/// command goes by what has passed while the machine ran, so that a row leaves in its time also where no command runs as long as the window;
/// where that is not known because the machine was started anew since, the window begins anew as well.
pub(super) fn left_of_window(row: &OutboxEntry, hold: Duration, taken_up: TakenUp, now: Timestamp) -> Duration {
    match (taken_up.passed(row), taken_up.uptime) {
        (Some(passed), _) => hold.saturating_sub(passed),
        // The clock is all there is.
        (None, None) if !taken_up.watched => by_the_clock(row, hold, now),
        (None, _) => hold,
    }
}

/// How a process stands that takes up the outbox.
#[derive(Clone, Copy, Debug)]
pub(super) struct TakenUp {
    /// How long the machine has run.
    pub(super) uptime: Option<Uptime>,
    /// How long the process has.
    pub(super) ran: Duration,
    /// Somebody looks on.
    pub(super) watched: bool,
}

impl TakenUp {
    /// What has passed of a window that goes on; `None`: it begins anew, or nobody knows.
    pub(super) fn passed(self, row: &OutboxEntry) -> Option<Duration> {
        let passed = self.uptime?.since(row.held_since?)?;
        (!self.watched || passed <= self.ran).then_some(passed)
    }
}

/// What the clock says is left of the undo window.
fn by_the_clock(row: &OutboxEntry, hold: Duration, now: Timestamp) -> Duration {
    // Queued in what is now the future: the clock was set back, and how much of the wait has passed is not known.
    if row.queued_at > now {
        return hold;
    }
    let ahead = row.next_attempt.map(|at| at.duration_since(now)).unwrap_or_default();
    Duration::try_from(ahead).unwrap_or_default().min(hold)
}

/// What is waited for, and until when by the running time.
#[derive(Debug, Default)]
pub(super) struct Waits {
    /// By row: the time of day that the row says, and when that is by the running time.
    rows: HashMap<OutboxId, (Timestamp, Duration)>,
}

impl Waits {
    /// How long a row has to wait before a connection may take it up; `None`: it is not for a connection to take.
    ///
    /// The time of day in the row is looked at once, when it is first seen; a row never waits longer than its kind may.
    pub(super) fn left(&mut self, row: &OutboxEntry, hold: Duration, moment: Moment) -> Option<Duration> {
        let longest = match row.state {
            OutboxState::Queued => return Some(Duration::ZERO),
            OutboxState::Held => hold,
            OutboxState::Deferred => retry::CEILING,
            _ => return None,
        };
        let Some(at) = row.next_attempt else { return Some(Duration::ZERO) };
        let until = match self.rows.get(&row.id) {
            Some((seen, until)) if *seen == at => *until,
            _ => {
                let wait = match row.state {
                    OutboxState::Held => by_the_clock(row, longest, moment.now),
                    _ => Duration::try_from(at.duration_since(moment.now)).unwrap_or_default().min(longest),
                };
                self.set(row.id, at, wait, moment.elapsed)
            }
        };
        Some(until.saturating_sub(moment.elapsed))
    }

    /// A row that says this time waits for so long from now; until when by the running time.
    pub(super) fn set(&mut self, id: OutboxId, at: Timestamp, wait: Duration, elapsed: Duration) -> Duration {
        let until = elapsed.saturating_add(wait);
        self.rows.insert(id, (at, until));
        until
    }

    /// Forgets rows that are no more.
    pub(super) fn keep(&mut self, rows: &[OutboxEntry]) {
        if self.rows.len() > rows.len() {
            self.rows.retain(|id, _| rows.iter().any(|row| row.id == *id));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::{SignedDuration, Timestamp};

    use super::{Moment, TakenUp, Uptime, Waits, left_of_window, past};
    use crate::mail::id::OutboxId;
    use crate::store::outbox::{Delivery, OutboxEntry, OutboxRecipient, OutboxState, SmtpEnvelope};

    const HOLD: Duration = Duration::from_secs(10);

    fn start() -> Timestamp {
        "2026-05-21T13:30:00Z".parse().unwrap()
    }

    fn at(seconds: i64) -> Timestamp {
        start() + SignedDuration::from_secs(seconds)
    }

    fn held(until: i64) -> OutboxEntry {
        let mut row = OutboxEntry::new("work", "1@example.com", SmtpEnvelope::default(), start());
        (row.id, row.state, row.next_attempt) = (OutboxId(1), OutboxState::Held, Some(at(until)));
        row
    }

    fn moment(wall: i64, running: u64) -> Moment {
        Moment { now: at(wall), elapsed: Duration::from_secs(running) }
    }

    #[test]
    fn what_was_sent_is_forgotten_once_all_of_its_message_has_gone() {
        let week = 7 * 24 * 3_600;
        let row = |id: u64, batch: u64, state: OutboxState, sent: i64| {
            let row = OutboxEntry::new("work", "1@example.com", SmtpEnvelope::default(), start());
            OutboxEntry { id: OutboxId(id), batch: OutboxId(batch), state, sent_at: Some(at(sent)), ..row }
        };
        let unfiled = |id: u64, until: Option<i64>, others: &[Delivery]| {
            let recipients = others
                .iter()
                .map(|delivery| OutboxRecipient { delivery: *delivery, ..OutboxRecipient::new("a@copfs.gov.example") });
            OutboxEntry {
                next_attempt: until.map(at),
                recipients: recipients.collect(),
                ..row(id, id, OutboxState::SentNotFiled, 0)
            }
        };
        let rows = [
            row(1, 1, OutboxState::Sent, 0),
            row(2, 2, OutboxState::Sent, 0),
            row(3, 2, OutboxState::Failed, 0),
            row(4, 4, OutboxState::Sent, 5),
            unfiled(5, Some(week), &[]),
            unfiled(6, Some(week), &[]),
            row(7, 7, OutboxState::Uncertain, 0),
            // Said long after it was sent, said of all that is known but not until when, and one that not everybody has.
            unfiled(8, Some(week + 2), &[Delivery::Sent]),
            unfiled(9, None, &[Delivery::Sent]),
            unfiled(10, Some(week), &[Delivery::Sent, Delivery::Refused]),
            unfiled(11, Some(week), &[Delivery::Sent, Delivery::TakenBack]),
        ];
        let past = |seconds, is_unfileable: fn(&OutboxEntry) -> bool| -> Vec<u64> {
            past(&rows, at(seconds), is_unfileable).iter().map(|row| row.id.0).collect()
        };
        assert_eq!(past(week + 1, |_| false), [1]);
        assert_eq!(past(week + 1, |row| row.id.0 > 5), [1, 6, 11]);
        assert_eq!(past(week + 2, |row| row.id.0 > 5), [1, 6, 8, 11]);
        assert_eq!(past(week, |_| true), [0; 0]);
    }

    #[test]
    fn a_clock_that_jumps_sends_nothing_early_and_holds_nothing_for_ever() {
        let row = held(10);
        // The moments at which it is looked at (by the wall, by the running time), and what is left of the wait then.
        let check = |looks: &[(i64, u64, u64)]| {
            let mut waits = Waits::default();
            for (wall, running, left) in looks {
                let found = waits.left(&row, HOLD, moment(*wall, *running)).unwrap();
                assert_eq!(found, Duration::from_secs(*left), "{looks:?}");
            }
        };
        check(&[(0, 100, 10), (4, 104, 6), (10, 110, 0), (11, 111, 0)]);
        // An hour ahead in the midst of the window: the window stays as long as it was promised to be.
        check(&[(0, 100, 10), (3_602, 102, 8), (3_610, 110, 0)]);
        // A day back: it is sent all the same.
        check(&[(0, 100, 10), (-86_400, 105, 5), (-86_395, 110, 0)]);
        // Back before it is looked at for the first time (another process queued it): the whole window once more, no longer.
        check(&[(-86_400, 100, 10), (-86_390, 110, 0)]);
        // Long past, as after a start: at once.
        check(&[(500, 3, 0)]);
    }

    #[test]
    fn a_clock_that_was_set_between_two_runs_neither_ends_a_window_nor_prolongs_it() {
        let up = |boot, seconds: u64| Some(Uptime { boot, millis: seconds * 1_000 });
        // `ran`: of a process at which somebody looks on, how long it has run.
        let check = |since, uptime, ran: Option<u64>, wall, left| {
            let row = OutboxEntry { held_since: since, ..held(10) };
            let ran_for = Duration::from_secs(ran.unwrap_or_default());
            let found = left_of_window(&row, HOLD, TakenUp { uptime, ran: ran_for, watched: ran.is_some() }, at(wall));
            assert_eq!(found, Duration::from_secs(left), "{since:?} {uptime:?} {ran:?} {wall}");
        };
        for wall in [3, 500_000, -500_000] {
            check(up(1, 100), up(1, 103), None, wall, 7);
            check(up(1, 100), up(1, 111), None, wall, 0);
            // The machine was started anew, or the beginning was not noted.
            check(up(1, 100), up(2, 103), None, wall, 10);
            check(None, up(1, 103), None, wall, 10);
            // Somebody looks on, in another process than that in which it began.
            check(up(1, 100), up(1, 111), Some(10), wall, 10);
            check(None, None, Some(10), wall, 10);
            // In the same: it was locked and unlocked.
            check(up(1, 100), up(1, 103), Some(3), wall, 7);
            check(up(1, 100), up(1, 111), Some(500), wall, 0);
        }
        // Nothing but the clock is there.
        check(None, None, None, 3, 7);
        check(None, None, None, -3, 10);
    }

    #[test]
    fn another_time_is_another_wait() {
        let mut waits = Waits::default();
        let mut row = held(10);
        assert_eq!(waits.left(&row, HOLD, moment(0, 0)), Some(HOLD));
        row.next_attempt = None;
        assert_eq!(waits.left(&row, HOLD, moment(1, 1)), Some(Duration::ZERO));
        (row.state, row.next_attempt) = (OutboxState::Deferred, Some(at(60)));
        assert_eq!(waits.left(&row, HOLD, moment(0, 1)), Some(Duration::from_secs(60)));
        row.next_attempt = Some(at(1_000_000));
        assert_eq!(waits.left(&row, HOLD, moment(0, 1)), Some(super::retry::CEILING), "never longer than the ceiling");
        row.state = OutboxState::Uncertain;
        assert_eq!(waits.left(&row, HOLD, moment(0, 1)), None);
    }
}
