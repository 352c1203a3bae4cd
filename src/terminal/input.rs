//! The thread that reads the terminal. It can be made to stand still while somebody else reads it.

use std::io;
use std::sync::mpsc::{SyncSender, TrySendError};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::process::{Signal, getpid, kill_process};

use super::keys;
use crate::app::event::Event;

/// How long a pause waits for the thread to stand still; it is woken by a signal, so this is never reached in practice.
const STANDSTILL: Duration = Duration::from_secs(2);

/// How long the thread sleeps where nothing comes: it is woken by keys and by signals.
const NAP: Duration = Duration::from_secs(10);

/// How often a full queue is tried.
const RETRY: Duration = Duration::from_millis(5);

#[derive(Debug, Default)]
struct State {
    wanted: bool,
    still: bool,
    ended: bool,
}

/// The thread's other side.
#[derive(Clone, Debug)]
pub(super) struct Input(Arc<(Mutex<State>, Condvar)>);

impl Input {
    /// Starts reading.
    pub(super) fn start(to: SyncSender<Event>) -> io::Result<Self> {
        let input = Self(Arc::default());
        let inside = input.clone();
        thread::Builder::new().name("input".to_owned()).spawn(move || inside.read(&to))?;
        Ok(input)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stops reading, and returns when nothing more will be read.
    pub(super) fn pause(&self) {
        self.state().wanted = true;
        // The thread sits in a poll on the terminal, which a change of size ends.
        let _ = kill_process(getpid(), Signal::WINCH);
        let _ = self.0.1.wait_timeout_while(self.state(), STANDSTILL, |state| !state.still && !state.ended);
    }

    /// Goes on reading.
    pub(super) fn resume(&self) {
        self.state().wanted = false;
        self.0.1.notify_all();
    }

    /// Stands still as long as that is wanted.
    fn stand_still(&self) {
        let mut state = self.state();
        while state.wanted {
            state.still = true;
            self.0.1.notify_all();
            state = self.0.1.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.still = false;
    }

    fn read(&self, to: &SyncSender<Event>) {
        loop {
            self.stand_still();
            let read = match crossterm::event::poll(NAP) {
                Ok(false) => continue,
                Ok(true) => crossterm::event::read(),
                Err(error) => Err(error),
            };
            let event = match read {
                Ok(event) => keys::event(event),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => None,
                // The terminal is gone.
                Err(_) => {
                    let _ = to.try_send(Event::Terminate);
                    break;
                }
            };
            if event.is_some_and(|event| !self.send(to, event)) {
                break;
            }
        }
        self.state().ended = true;
        self.0.1.notify_all();
    }

    /// Sends an event, waiting for room without missing a pause: while the loop waits for us to stand still, it makes no room.
    fn send(&self, to: &SyncSender<Event>, mut event: Event) -> bool {
        loop {
            match to.try_send(event) {
                Ok(()) => return true,
                Err(TrySendError::Disconnected(_)) => return false,
                Err(TrySendError::Full(back)) => event = back,
            }
            self.stand_still();
            thread::sleep(RETRY);
        }
    }
}
