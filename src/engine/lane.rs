//! The queue in front of the core: what a person waits for overtakes what comes in from a server.
//!
//! Two lanes, first in first out each. The front lane is never bounded (key presses are few and small, and
//! [`Lanes::push_front`] must not wait); the back lane is bounded, so that a fast server is held back by a slow disk.
//! After [`FRONT_RUN`] jobs of the front lane one of the back lane is let through, so that neither starves.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Jobs of the front lane in a row before one of the back lane gets its turn.
const FRONT_RUN: u32 = 16;

struct State<T> {
    front: VecDeque<T>,
    back: VecDeque<T>,
    run: u32,
    closed: bool,
}

struct Shared<T> {
    state: Mutex<State<T>>,
    filled: Condvar,
    room: Condvar,
    back_max: usize,
}

/// Both ends of the queue.
pub(crate) struct Lanes<T>(Arc<Shared<T>>);

impl<T> Clone for Lanes<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// What taking from the queue gave.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Taken<T> {
    /// The next job.
    Job(T),
    /// The time ran out.
    Timeout,
    /// The queue is closed and empty.
    Closed,
}

impl<T> Lanes<T> {
    /// An empty queue whose back lane holds `back_max` jobs.
    pub(crate) fn new(back_max: usize) -> Self {
        let state = State { front: VecDeque::new(), back: VecDeque::new(), run: 0, closed: false };
        Self(Arc::new(Shared {
            state: Mutex::new(state),
            filled: Condvar::new(),
            room: Condvar::new(),
            back_max: back_max.max(1),
        }))
    }

    /// A panic in a job leaves the queue whole: it is only ever changed by complete steps.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues what a person waits for. Never waits. Gives the job back when the queue is closed.
    pub(crate) fn push_front(&self, job: T) -> Result<(), T> {
        let mut state = self.lock();
        if state.closed {
            return Err(job);
        }
        state.front.push_back(job);
        drop(state);
        self.0.filled.notify_one();
        Ok(())
    }

    /// Queues background work; waits while the lane is full. Gives the job back when the queue is closed.
    pub(crate) fn push_back(&self, job: T) -> Result<(), T> {
        let mut state = self.lock();
        while state.back.len() >= self.0.back_max && !state.closed {
            state = self.0.room.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.closed {
            return Err(job);
        }
        state.back.push_back(job);
        drop(state);
        self.0.filled.notify_one();
        Ok(())
    }

    /// The next job, waiting for one until `until`.
    pub(crate) fn take(&self, until: Option<Instant>) -> Taken<T> {
        let mut state = self.lock();
        loop {
            let back_first = state.run >= FRONT_RUN && !state.back.is_empty();
            if !back_first && let Some(job) = state.front.pop_front() {
                state.run = state.run.saturating_add(1);
                return Taken::Job(job);
            }
            if let Some(job) = state.back.pop_front() {
                state.run = 0;
                drop(state);
                self.0.room.notify_one();
                return Taken::Job(job);
            }
            if state.closed {
                return Taken::Closed;
            }
            state = match until {
                None => self.0.filled.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(at) => {
                    let left = at.saturating_duration_since(Instant::now());
                    if left == Duration::ZERO {
                        return Taken::Timeout;
                    }
                    self.0.filled.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    /// Takes nothing more in; what is queued is still handed out.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.0.filled.notify_all();
        self.0.room.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::{FRONT_RUN, Lanes, Taken};
    use std::time::Instant;

    #[test]
    fn front_overtakes_back_and_back_is_not_starved() {
        let lanes = Lanes::new(8);
        lanes.push_back(1000).unwrap();
        for n in 0..FRONT_RUN + 3 {
            lanes.push_front(n).unwrap();
        }
        let mut order = Vec::new();
        while let Taken::Job(job) = lanes.take(Some(Instant::now())) {
            order.push(job);
        }
        let place = order.iter().position(|&j| j == 1000).unwrap();
        assert_eq!(place, FRONT_RUN as usize);
        assert_eq!(order.len(), FRONT_RUN as usize + 4);
    }

    #[test]
    fn back_lane_holds_the_sender_until_there_is_room() {
        let lanes = Lanes::new(1);
        lanes.push_back(1).unwrap();
        let other = lanes.clone();
        let sender = std::thread::spawn(move || other.push_back(2));
        assert_eq!(lanes.take(None), Taken::Job(1));
        sender.join().unwrap().unwrap();
        assert_eq!(lanes.take(None), Taken::Job(2));
    }

    #[test]
    fn closed_hands_out_what_is_left_and_refuses_more() {
        let lanes = Lanes::new(1);
        lanes.push_front(1).unwrap();
        lanes.close();
        assert_eq!(lanes.push_front(2), Err(2));
        assert_eq!(lanes.push_back(3), Err(3));
        assert_eq!(lanes.take(None), Taken::Job(1));
        assert_eq!(lanes.take(None), Taken::Closed);
    }
}
