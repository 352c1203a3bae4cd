//! Rows that wait for the IMAP server, until when. Pure.
//!
//! A row is put off by a task that looked at it some time before. Whoever says "now" meanwhile (the account came online, the user asks) says it
//! of that row, too, though it was not put off yet: what was begun before the last "now" is not put off, it is looked at again.

use std::collections::HashMap;
use std::time::Duration;

use crate::mail::id::OutboxId;

/// Which "now" was the last one when a look began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Since(u64);

/// What is put off. Times are by the running clock.
#[derive(Debug, Default)]
pub(super) struct Later {
    nows: u64,
    until: HashMap<OutboxId, Duration>,
}

impl Later {
    /// A look begins.
    pub(super) fn since(&self) -> Since {
        Since(self.nows)
    }

    /// Everything is to be looked at at once.
    pub(super) fn now(&mut self) {
        self.nows = self.nows.wrapping_add(1);
        self.until.clear();
    }

    /// Leaves a row alone for a while; `false`: it was asked for since the look began, and is due at once.
    pub(super) fn put_off(&mut self, id: OutboxId, until: Duration, since: Since) -> bool {
        let stands = since == self.since();
        if stands {
            self.until.insert(id, until);
        }
        stands
    }

    /// How long a row has to wait still; `None`: it is due.
    pub(super) fn left(&self, id: OutboxId, now: Duration) -> Option<Duration> {
        let left = self.until.get(&id)?.saturating_sub(now);
        (left > Duration::ZERO).then_some(left)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Later;
    use crate::mail::id::OutboxId;

    const ROW: OutboxId = OutboxId(1);

    #[test]
    fn what_was_looked_at_before_it_was_asked_for_is_not_put_off() {
        let (now, until) = (Duration::from_secs(100), Duration::from_secs(120));
        let mut later = Later::default();
        let since = later.since();
        assert!(later.put_off(ROW, until, since));
        assert_eq!(later.left(ROW, now), Some(Duration::from_secs(20)));
        assert_eq!((later.left(ROW, until), later.left(OutboxId(2), now)), (None, None));
        // The server is there again while a look that found it away is ending.
        let since = later.since();
        later.now();
        assert_eq!(later.left(ROW, now), None);
        assert!(!later.put_off(ROW, until, since));
        assert_eq!(later.left(ROW, now), None);
        let since = later.since();
        assert!(later.put_off(ROW, until, since));
    }
}
