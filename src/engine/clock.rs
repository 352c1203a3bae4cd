//! The clock as a value: the only place of the engine that knows what time it is, so that tests can say what time it is.
//!
//! There are two hands: the time of day, which a person or a server may set forwards and back, and a time that only runs. Whatever waits in
//! this process waits by the second.

use std::fmt;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use jiff::Timestamp;

/// Tells the time. Cheap to clone.
#[derive(Clone)]
pub struct Clock {
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    elapsed: Arc<dyn Fn() -> Duration + Send + Sync>,
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

impl Clock {
    /// The system's clock.
    #[must_use]
    pub fn system() -> Self {
        Self::from_fn(Timestamp::now)
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
        Self { now: Arc::new(now), elapsed: Arc::new(elapsed) }
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
