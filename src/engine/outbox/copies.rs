//! Who files the copy of a sent message, and how long the server is given for its own. Pure.
//!
//! Some servers put what is submitted to them into the mailbox for sent mail by themselves, seconds later, and their SEARCH may not find it for
//! minutes. Whoever appends a copy as soon as none is found has two of everything there. Nothing in the protocols tells such a server from
//! another: those that are known to are told by name, others by what was seen. The wait has an end, at which a copy is made after all.

use std::collections::HashMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::retry;
use crate::config::{Account, SentCopy};
use crate::engine::clock::Moment;
use crate::mail::id::OutboxId;
use crate::net::backoff::Backoff;
use crate::store::outbox::OutboxEntry;

/// Domains of servers that file what is submitted to them: Exchange Online (unless its administrator turned that off), Gmail.
const FILING_SERVERS: [&str; 6] =
    ["office365.com", "office365.us", "outlook.com", "outlook.cn", "gmail.com", "googlemail.com"];
/// A server that may file by itself is given so long; then a copy is made, and where the server alone is to file, it is told.
pub(super) const SERVER_PATIENCE: Duration = Duration::from_secs(10 * 60);
/// The first wait for a server's copy; each further one is twice as long,
const LOOK_FIRST: Duration = Duration::from_secs(2);
/// up to this.
const LOOK_CEILING: Duration = Duration::from_secs(60);
/// The least number of looks before a copy is made: the first one may be at what was synced long ago.
const LOOKS_MIN: u32 = 2;

/// Who files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Filer {
    /// Casemail, at once.
    Us,
    /// Perhaps the server: it is given time.
    Perhaps,
    /// The server, whatever it takes.
    Server,
}

/// Who files the copy of a row. `by_own`: the message goes, to some, by the account's own server, which alone can file in the account;
/// `seen`: that server has filed others by itself.
pub(super) fn filer(account: Option<&Account>, by_own: bool, seen: bool) -> Filer {
    let Some(account) = account.filter(|_| by_own) else { return Filer::Us };
    match account.sent_copy {
        SentCopy::Casemail => Filer::Us,
        SentCopy::Server => Filer::Server,
        SentCopy::Auto if seen || files_by_itself(&account.smtp.host) || files_by_itself(&account.imap.host) => {
            Filer::Perhaps
        }
        SentCopy::Auto => Filer::Us,
    }
}

fn files_by_itself(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    FILING_SERVERS
        .iter()
        .any(|domain| host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')))
}

/// What follows where the copy was not found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// A copy is made.
    Append,
    /// It is looked for again after this time.
    Look(Duration),
    /// The same, and the server had time enough.
    Overdue(Duration),
}

/// What was tried so far.
#[derive(Clone, Copy, Debug)]
struct Tried {
    /// When it was first looked for, by the running time.
    since: Duration,
    looks: u32,
    /// Refusals to take the copy.
    refusals: u32,
    /// The server was told of the copy and has not said what became of it.
    told: bool,
}

/// Copies that are not filed yet, as far as this process knows of them.
#[derive(Debug, Default)]
pub(super) struct Copies(HashMap<OutboxId, Tried>);

impl Copies {
    fn tried(&mut self, id: OutboxId, elapsed: Duration) -> &mut Tried {
        self.0.entry(id).or_insert(Tried { since: elapsed, looks: 0, refusals: 0, told: false })
    }

    /// It was looked for and not found. The clock may have been set since it was sent: what ran in this process counts as well.
    pub(super) fn not_found(&mut self, id: OutboxId, sent: Option<Timestamp>, filer: Filer, moment: Moment) -> Next {
        let tried = self.tried(id, moment.elapsed);
        tried.looks = tried.looks.saturating_add(1);
        // A search may lag behind what we have filed ourselves.
        let filer = if tried.told && filer == Filer::Us { Filer::Perhaps } else { filer };
        let by_clock = sent.map_or(SignedDuration::ZERO, |sent| moment.now.duration_since(sent));
        let waited = Duration::try_from(by_clock).unwrap_or_default().max(moment.elapsed.saturating_sub(tried.since));
        // The whole step: only this account's server is asked, and what a person waits for should come soon.
        let step = |ceiling| Backoff::new(LOOK_FIRST, ceiling).after(tried.looks - 1).next(999);
        match filer {
            Filer::Us => Next::Append,
            Filer::Perhaps if waited >= SERVER_PATIENCE && tried.looks >= LOOKS_MIN => Next::Append,
            Filer::Perhaps => {
                let left = SERVER_PATIENCE.saturating_sub(waited).max(LOOK_FIRST);
                Next::Look(step(LOOK_CEILING).min(left))
            }
            Filer::Server if waited < SERVER_PATIENCE || tried.looks < LOOKS_MIN => Next::Look(step(LOOK_CEILING)),
            Filer::Server => Next::Overdue(step(retry::CEILING)),
        }
    }

    /// The server is being told of the copy: where no answer comes, it may have it.
    pub(super) fn told(&mut self, id: OutboxId, elapsed: Duration) {
        self.tried(id, elapsed).told = true;
    }

    /// The server does not take it: how long to wait before it is asked again.
    pub(super) fn refused(&mut self, id: OutboxId, moment: Moment, chance: u32) -> Duration {
        let tried = self.tried(id, moment.elapsed);
        tried.told = false;
        tried.refusals = tried.refusals.saturating_add(1);
        retry::wait(tried.refusals, chance)
    }

    /// Forgets copies that are filed.
    pub(super) fn keep(&mut self, rows: &[OutboxEntry]) {
        self.0.retain(|id, _| rows.iter().any(|row| row.id == *id && !row.filed));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::{SignedDuration, Timestamp};

    use super::{Copies, Filer, Next, SERVER_PATIENCE, files_by_itself};
    use crate::engine::clock::Moment;
    use crate::mail::id::OutboxId;

    const ROW: OutboxId = OutboxId(1);

    fn at(wall: i64, running: u64) -> Moment {
        Moment {
            now: Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1_000_000 + wall),
            elapsed: Duration::from_secs(running),
        }
    }

    #[test]
    fn servers_that_file_by_themselves_are_known_by_their_domain() {
        for host in ["outlook.office365.com", "smtp.office365.com", "SMTP.gmail.com.", "imap-mail.outlook.com"] {
            assert!(files_by_itself(host), "{host}");
        }
        for host in ["mail.quillpounce.example", "notgmail.com", "gmail.com.evil.example", "localhost", ""] {
            assert!(!files_by_itself(host), "{host}");
        }
    }

    /// Looks when it is told to until it is told something else: the waits, in seconds, and what that was.
    fn looks(filer: Filer, until: u64) -> (Vec<u64>, Option<Next>) {
        let (mut copies, mut waits, mut now) = (Copies::default(), Vec::new(), 0);
        while now <= until {
            match copies.not_found(ROW, Some(at(0, 0).now), filer, at(i64::try_from(now).unwrap(), 50 + now)) {
                Next::Look(wait) => waits.push(wait.as_secs()),
                other => return (waits, Some(other)),
            }
            now += waits.last().unwrap();
        }
        (waits, None)
    }

    #[test]
    fn a_server_is_given_time_and_then_a_copy_is_made() {
        assert_eq!(looks(Filer::Us, 0), (vec![], Some(Next::Append)));
        let (waits, then) = looks(Filer::Perhaps, 10_000);
        assert_eq!(then, Some(Next::Append));
        assert_eq!(waits[..7], [2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(waits.iter().sum::<u64>(), SERVER_PATIENCE.as_secs(), "{waits:?}");
        // The server alone: told of in the end, never made, looked for less and less often.
        let (waits, then) = looks(Filer::Server, 10_000);
        assert!(waits.iter().sum::<u64>() >= SERVER_PATIENCE.as_secs());
        assert!(matches!(then, Some(Next::Overdue(wait)) if wait > Duration::from_secs(60)), "{then:?}");
    }

    #[test]
    fn a_process_that_comes_later_looks_twice_and_a_clock_that_is_set_back_holds_nothing_for_ever() {
        let sent = Some(at(0, 0).now);
        // An hour later: what is held may be of before, so that one more look follows a sync.
        let mut copies = Copies::default();
        assert_eq!(copies.not_found(ROW, sent, Filer::Perhaps, at(3_600, 5)), Next::Look(Duration::from_secs(2)));
        assert_eq!(copies.not_found(ROW, sent, Filer::Perhaps, at(3_602, 7)), Next::Append);
        // A day back.
        let mut copies = Copies::default();
        assert!(matches!(copies.not_found(ROW, sent, Filer::Perhaps, at(-86_400, 5)), Next::Look(_)));
        assert_eq!(copies.not_found(ROW, sent, Filer::Perhaps, at(-85_800, 605)), Next::Append);
    }

    #[test]
    fn refusals_are_asked_again_less_and_less_often() {
        let mut copies = Copies::default();
        let waits: Vec<u64> = (0..8).map(|_| copies.refused(ROW, at(0, 0), 999).as_secs()).collect();
        assert_eq!(waits, [30, 60, 120, 240, 480, 960, 1_800, 1_800]);
        copies.keep(&[]);
        assert_eq!(copies.refused(ROW, at(0, 0), 999).as_secs(), 30);
    }
}
