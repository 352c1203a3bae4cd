//! ctrl-c while a command waits for mail to leave: the wait ends, and what has become of the mail is told. The second one ends the command at once.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use tokio::signal::unix::{SignalKind, signal};

/// Whether somebody wants the command to end. From the watch on the process is no longer ended by SIGINT and SIGTERM.
pub(super) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Watches on a thread of its own.
    ///
    /// # Errors
    /// The system has no thread or no signals to give; then both end the process as ever.
    pub(super) fn watch() -> io::Result<Self> {
        let came = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&came);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        let (mut int, mut term) = {
            let _inside = runtime.enter();
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
        };
        thread::Builder::new().name("interrupt".to_owned()).spawn(move || {
            runtime.block_on(async move {
                let mut next = async || {
                    tokio::select! {
                        _ = int.recv() => {}
                        _ = term.recv() => {}
                    }
                };
                next().await;
                told.store(true, Ordering::SeqCst);
                // Who says so twice does not wait for the end of anything: rows recover at the next start.
                next().await;
                #[expect(
                    clippy::disallowed_methods,
                    reason = "the memory of a process that ends is the kernel's, which hands it to nobody unwiped"
                )]
                std::process::exit(130);
            });
        })?;
        Ok(Self(came))
    }

    /// Whether it came.
    pub(super) fn came(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}
