//! What each account and each of its mailboxes is doing, what waits, and why something does not work.

use jiff::Timestamp;

use super::Freshness;
use crate::app::list::{List, Row};
use crate::app::view::{ConnectionRow, Doing, Link};
use crate::mail::safe::SafeText;

impl Row for ConnectionRow {
    type Id = (SafeText, Option<SafeText>);

    fn id(&self) -> Self::Id {
        (self.account.clone(), self.mailbox.clone())
    }

    fn texts(&self) -> impl Iterator<Item = &SafeText> {
        std::iter::once(&self.account).chain(&self.mailbox)
    }
}

/// The connections.
#[derive(Debug, Default)]
pub struct Connections {
    /// Each account with its mailboxes behind it.
    pub list: List<ConnectionRow>,
    /// Whether they are up to date.
    pub fresh: Freshness,
}

impl Connections {
    /// The account of the row at the cursor, and whether it is offline because its user wants it so.
    pub(crate) fn account(&self) -> Option<(String, bool)> {
        self.list.selected().map(|row| (row.account.to_string(), row.chosen_offline))
    }
}

/// How long until a time that may have passed.
#[must_use]
pub fn seconds_until(at: Timestamp, now: Timestamp) -> i64 {
    at.duration_since(now).as_secs().max(0)
}

/// A state in a few words. The second: how far a fetch is, in thousandths, where that is known.
#[must_use]
pub fn in_short(row: &ConnectionRow, now: Timestamp) -> (String, Option<u16>) {
    let plain = |words: &str| (words.to_owned(), None);
    match &row.doing {
        Doing::Link(Link::Connecting) => plain("connecting"),
        Doing::Link(Link::Watching { live: true }) => plain("up to date, watching"),
        Doing::Link(Link::Watching { live: false }) => plain("up to date"),
        Doing::Link(Link::Syncing { mailbox, others: 0, .. }) => (format!("fetching {mailbox}"), None),
        Doing::Link(Link::Syncing { mailbox, others, .. }) => (format!("fetching {mailbox} and {others} more"), None),
        Doing::Link(Link::Offline { .. }) | Doing::Waiting if row.chosen_offline => plain("offline, as you wanted"),
        Doing::Link(Link::Offline { because, retry: Some(retry), .. }) => {
            (format!("tried again in {} s: {because}", seconds_until(*retry, now)), None)
        }
        Doing::Link(Link::Offline { because, retry: None, .. }) => (format!("stopped: {because}"), None),
        Doing::Fetching { total: 0, .. } => plain("being compared"),
        Doing::Fetching { done, total, .. } => {
            // By messages: the bytes of those that are not listed yet are not known.
            let thousandths = done.saturating_mul(1_000).checked_div(*total).unwrap_or(0).min(1_000);
            (format!("{done} of {total}"), u16::try_from(thousandths).ok())
        }
        Doing::UpToDate => plain("up to date"),
        Doing::Waiting => plain("waiting for its turn"),
        Doing::Refused(because) => (format!("left out: {because}"), None),
        Doing::Unlisted(since) => (format!("kept; not listed {since}"), None),
    }
}
