//! How long to wait before the next try, and when to give up. Pure: the chance is an argument.

use std::time::Duration;

use crate::net::backoff::Backoff;

/// The first wait after a failure; each further one is twice as long.
const FIRST: Duration = Duration::from_secs(30);
/// The longest wait.
pub(super) const CEILING: Duration = Duration::from_secs(30 * 60);
/// After a server has said "not now" so often (two days and a half) it is no longer tried by itself (RFC 5321 §4.5.4.1 leaves the time to us).
pub(super) const PUT_OFFS_MAX: u32 = 120;

/// The wait after so many tries: doubled each time up to the ceiling, and between a half and the whole of that by chance, so that a server
/// that comes back is not met by everybody in the same second.
pub(super) fn wait(attempts: u32, chance: u32) -> Duration {
    Backoff::new(FIRST, CEILING).after(attempts.saturating_sub(1)).next(chance)
}

#[cfg(test)]
mod tests {
    use super::{CEILING, FIRST, wait};

    #[test]
    fn waits_double_up_to_a_ceiling_with_jitter() {
        assert_eq!(wait(1, 999), FIRST);
        assert_eq!(wait(2, 999), FIRST * 2);
        assert_eq!(wait(2, 0), FIRST);
        assert_eq!(wait(0, 999), FIRST);
        for attempts in [8, 40, u32::MAX] {
            assert_eq!(wait(attempts, 999), CEILING);
            assert_eq!(wait(attempts, 0), CEILING / 2);
        }
    }
}
