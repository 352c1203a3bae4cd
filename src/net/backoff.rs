//! How long to wait before the next attempt: exponential, with a ceiling and jitter. Pure: the chance is an argument.

use std::time::Duration;

/// The waiting times of one connection's attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    first: Duration,
    ceiling: Duration,
    failures: u32,
}

impl Backoff {
    /// Starts with `first`, doubles up to `ceiling`.
    #[must_use]
    pub const fn new(first: Duration, ceiling: Duration) -> Self {
        Self { first, ceiling, failures: 0 }
    }

    /// As after so many failures in a row.
    #[must_use]
    pub const fn after(self, failures: u32) -> Self {
        Self { failures, ..self }
    }

    /// After a success the next failure waits shortly again.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// How many attempts failed in a row.
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// The wait after another failure: between a half and the whole of the step, by `chance` (any number), so that a server that comes
    /// back is not met by all its clients in the same second.
    pub fn next(&mut self, chance: u32) -> Duration {
        let step =
            self.first.saturating_mul(1_u32.checked_shl(self.failures.min(31)).unwrap_or(u32::MAX)).min(self.ceiling);
        self.failures = self.failures.saturating_add(1);
        let half = step / 2;
        half.saturating_add(half.mul_f64(f64::from(chance % 1_000) / 999.0))
    }
}

impl Default for Backoff {
    /// One second to five minutes.
    fn default() -> Self {
        Self::new(Duration::from_secs(1), Duration::from_secs(300))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Backoff;

    #[test]
    fn doubles_up_to_the_ceiling_and_starts_again() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(10));
        let steps: Vec<u64> = (0..6).map(|_| backoff.next(999).as_secs()).collect();
        assert_eq!(steps, [1, 2, 4, 8, 10, 10]);
        assert_eq!(backoff.failures(), 6);
        backoff.reset();
        assert_eq!(backoff.next(0), Duration::from_millis(500));
    }

    #[test]
    fn jitter_stays_within_the_half() {
        for chance in [0, 1, 500, 998, 999, 1_000, u32::MAX] {
            let wait = Backoff::new(Duration::from_secs(4), Duration::from_secs(60)).next(chance);
            assert!((Duration::from_secs(2)..=Duration::from_secs(4)).contains(&wait), "{chance}: {wait:?}");
        }
    }

    #[test]
    fn never_overflows() {
        let mut backoff = Backoff::default();
        for _ in 0..100 {
            assert!(backoff.next(7) <= Duration::from_secs(300));
        }
    }
}
