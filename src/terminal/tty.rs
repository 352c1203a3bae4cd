//! The terminal as we take it and give it back.

use std::io::{self, IsTerminal as _, Write as _};
use std::os::fd::AsFd as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::ThreadId;

use crossterm::{cursor, event, execute, terminal};

use super::TerminalError;

/// Whether the terminal is ours now: whoever swaps it to false gives it back, once.
static OURS: AtomicBool = AtomicBool::new(false);

/// The thread that draws: a panic on another one must not touch the terminal, which is still in use.
static OWNER: std::sync::Mutex<Option<ThreadId>> = std::sync::Mutex::new(None);

/// The terminal in raw mode, on its alternate screen (nothing of a message stays in the scrollback), with bracketed paste (what is pasted
/// is never a command). Given back when dropped.
#[derive(Debug)]
pub struct Tty(());

impl Tty {
    /// Takes the terminal.
    ///
    /// # Errors
    /// When there is none.
    pub fn enter() -> Result<Self, TerminalError> {
        for (name, is_terminal) in
            [("standard input", io::stdin().is_terminal()), ("standard output", io::stdout().is_terminal())]
        {
            if !is_terminal {
                return Err(TerminalError::NotATerminal(name));
            }
        }
        *OWNER.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(std::thread::current().id());
        let tty = Self(());
        tty.take()?;
        Ok(tty)
    }

    /// Takes the terminal again after it was given back; harmless when it is ours.
    pub(super) fn take(&self) -> io::Result<()> {
        // Set first: a panic between the two gives back what was taken.
        OURS.store(true, Ordering::SeqCst);
        terminal::enable_raw_mode()?;
        execute!(
            io::stdout(),
            terminal::EnterAlternateScreen,
            event::EnableBracketedPaste,
            terminal::Clear(terminal::ClearType::All),
            cursor::Hide
        )
    }

    /// Gives the terminal back, cleared.
    pub(super) fn give_back(&self) {
        restore();
    }

    /// Columns and rows; a terminal that does not know is taken for the smallest usual one.
    #[must_use]
    pub fn size(&self) -> (u16, u16) {
        terminal::size().ok().filter(|(columns, rows)| *columns > 0 && *rows > 0).unwrap_or((80, 24))
    }

    /// Whether the terminal is still there. A connection that broke leaves one that answers every question with an error.
    pub(super) fn is_there(&self) -> bool {
        rustix::termios::tcgetattr(io::stdin().as_fd()).is_ok()
    }
}

impl Drop for Tty {
    fn drop(&mut self) {
        restore();
    }
}

/// Whether a panic on this thread ends the screen.
pub(super) fn owned_here() -> bool {
    let owner = OWNER.try_lock().ok().and_then(|owner| *owner);
    owner.is_none_or(|owner| owner == std::thread::current().id())
}

/// Whether the terminal is ours.
pub(super) fn is_ours() -> bool {
    OURS.load(Ordering::SeqCst)
}

/// Gives the terminal back, at most once for each time it was taken. Errors are of no use here: either it works, or there is no
/// terminal any more.
pub(super) fn restore() {
    if !OURS.swap(false, Ordering::SeqCst) {
        return;
    }
    let mut out = io::stdout();
    // Attributes off and the page cleared, so that nothing of a message shows when a terminal has no alternate screen.
    let _ = out.write_all(b"\x1b[?2026l\x1b[0m");
    let _ = execute!(
        out,
        terminal::Clear(terminal::ClearType::All),
        event::DisableBracketedPaste,
        terminal::LeaveAlternateScreen,
        cursor::Show
    );
    let _ = terminal::disable_raw_mode();
}
