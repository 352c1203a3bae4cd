//! The clock as a value: the only place of the engine that knows what time it is, so that tests can say what time it is.
//!
//! There are two hands: the time of day, which a person or a server may set forwards and back, and a time that only runs. Whatever waits in
//! this process waits by the second. What waits longer than a process lives looks at how long the machine has run.

use std::fmt;
use std::fs;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::store::outbox::Uptime;

/// Tells the time. Cheap to clone.
#[derive(Clone)]
pub struct Clock {
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    elapsed: Arc<dyn Fn() -> Duration + Send + Sync>,
    uptime: Arc<dyn Fn() -> Option<Uptime> + Send + Sync>,
}

/// Both hands of the clock at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// The time of day.
    pub(crate) now: Timestamp,
    /// The time that only runs.
    pub(crate) elapsed: Duration,
}

/// The running time of this process.
fn running() -> Duration {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed()
}

/// How long the machine has run, where the system is Linux or tells it as that does (proc(5)).
fn uptime() -> Option<Uptime> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    read_uptime(&boot, &fs::read_to_string("/proc/uptime").ok()?)
}

fn read_uptime(boot: &str, text: &str) -> Option<Uptime> {
    let boot = u128::from_str_radix(&boot.trim().replace('-', ""), 16).ok()?;
    let seconds: f64 = text.split_ascii_whitespace().next()?.parse().ok()?;
    let since = Duration::try_from_secs_f64(seconds).ok()?;
    Some(Uptime { boot, millis: u64::try_from(since.as_millis()).ok()? })
}

impl Clock {
    /// The system's clock.
    #[must_use]
    pub fn system() -> Self {
        Self::from_fn(Timestamp::now).with_uptime(uptime)
    }

    /// The same, with a time that nobody sets, which outlives the process.
    #[must_use]
    pub fn with_uptime(self, uptime: impl Fn() -> Option<Uptime> + Send + Sync + 'static) -> Self {
        Self { uptime: Arc::new(uptime), ..self }
    }

    /// A clock whose time of day is made of a function, for tests.
    #[must_use]
    pub fn from_fn(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self::from_fns(now, running)
    }

    /// A clock both of whose hands are made of functions, for tests.
    #[must_use]
    pub fn from_fns(
        now: impl Fn() -> Timestamp + Send + Sync + 'static,
        elapsed: impl Fn() -> Duration + Send + Sync + 'static,
    ) -> Self {
        Self { now: Arc::new(now), elapsed: Arc::new(elapsed), uptime: Arc::new(|| None) }
    }

    /// The time of day.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.now)()
    }

    /// The time that only runs, since some moment of this process.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        (self.elapsed)()
    }

    /// How long the machine has run; `None`: the system does not say.
    #[must_use]
    pub fn uptime(&self) -> Option<Uptime> {
        (self.uptime)()
    }

    /// Both.
    pub(crate) fn moment(&self) -> Moment {
        Moment { now: self.now(), elapsed: self.elapsed() }
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clock({})", self.now())
    }
}

#[cfg(test)]
mod tests {
    use super::{Uptime, read_uptime};

    #[test]
    fn what_the_system_says_of_its_run_is_read() {
        let boot = "6f1f2a34-0000-4000-8000-0000000000ff\n";
        let read = |text: &str| read_uptime(boot, text);
        let boot_number = 0x6f1f_2a34_0000_4000_8000_0000_0000_00ff;
        assert_eq!(read("350735.47 234388.90\n"), Some(Uptime { boot: boot_number, millis: 350_735_470 }));
        assert_eq!(read("7"), Some(Uptime { boot: boot_number, millis: 7_000 }));
        for broken in ["", "-1 2", "NaN", "x"] {
            assert_eq!(read(broken), None, "{broken:?}");
        }
        assert_eq!(read_uptime("otter", "7"), None);
    }
}
