//! Signals to events, on a thread of their own.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::thread;

use tokio::signal::unix::{SignalKind, signal};

use crate::app::event::Event;

/// What came. Flags, because a queue that is full must not hold up the end of the program.
#[derive(Clone, Debug)]
pub(super) struct Signals(Arc<Flags>);

#[derive(Debug, Default)]
struct Flags {
    terminate: AtomicBool,
    continued: AtomicBool,
    /// The outside editor has the terminal: ctrl-c is meant for it, and so is the terminal after a suspension.
    lent: AtomicBool,
}

impl Signals {
    /// Watches for SIGTERM, SIGHUP and SIGINT (which end the program) and SIGCONT. An event wakes the loop; what it is to do is in the
    /// flags.
    pub(super) fn watch(wake: SyncSender<Event>) -> io::Result<Self> {
        let signals = Self(Arc::default());
        let flags = Arc::clone(&signals.0);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        let (mut term, mut hup, mut int, mut cont) = {
            let _inside = runtime.enter();
            (
                signal(SignalKind::terminate())?,
                signal(SignalKind::hangup())?,
                signal(SignalKind::interrupt())?,
                // Not named by tokio; the number differs between systems.
                signal(SignalKind::from_raw(rustix::process::Signal::CONT.as_raw()))?,
            )
        };
        thread::Builder::new().name("signals".to_owned()).spawn(move || {
            runtime.block_on(async move {
                loop {
                    let ends = tokio::select! {
                        _ = term.recv() => true,
                        _ = hup.recv() => true,
                        _ = int.recv() => !flags.lent.load(Ordering::SeqCst),
                        _ = cont.recv() => {
                            flags.continued.store(true, Ordering::SeqCst);
                            false
                        }
                    };
                    if ends {
                        flags.terminate.store(true, Ordering::SeqCst);
                    }
                    let _ = wake.try_send(Event::Resumed);
                }
            });
        })?;
        Ok(signals)
    }

    /// Whether the program is to end; stays so.
    pub(super) fn terminate(&self) -> bool {
        self.0.terminate.load(Ordering::SeqCst)
    }

    /// Whether the program was stopped and goes on; once.
    pub(super) fn take_continued(&self) -> bool {
        self.0.continued.swap(false, Ordering::SeqCst)
    }

    /// Says whether the outside editor has the terminal.
    pub(super) fn lend(&self, lent: bool) {
        self.0.lent.store(lent, Ordering::SeqCst);
    }

    #[cfg(test)]
    pub(super) fn silent() -> Self {
        Self(Arc::default())
    }

    #[cfg(test)]
    pub(super) fn raise_terminate(&self) {
        self.0.terminate.store(true, Ordering::SeqCst);
    }
}
