//! How far something is, on standard error: a bar that is drawn over itself at a terminal; with `--progress`, lines that a script can read, too.

use crate::mail::size::size;
use std::io::{IsTerminal as _, Write as _};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Drawn this often at most; as lines, this often.
const DRAW: Duration = Duration::from_millis(100);
const LINE: Duration = Duration::from_secs(2);
/// Cells of the bar.
const WIDTH: usize = 24;

/// A bar.
pub(super) struct Bar {
    begun: Instant,
    /// When it was last drawn, and how long that was.
    last: Mutex<Option<(Instant, usize)>>,
    is_drawn: bool,
    is_lines: bool,
}

impl Bar {
    /// `forced`: also where nobody sits at a terminal.
    pub(super) fn new(is_interactive: bool, forced: bool) -> Self {
        let is_drawn = (is_interactive || forced) && std::io::stderr().is_terminal();
        Self { begun: Instant::now(), last: Mutex::new(None), is_drawn, is_lines: forced && !is_drawn }
    }

    /// It is so far: the share that is done, what that is in words, and bytes.
    pub(super) fn tell(&self, share: f64, words: &str, bytes: u64) {
        if !(self.is_drawn || self.is_lines) {
            return;
        }
        let pause = if self.is_drawn { DRAW } else { LINE };
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_some_and(|(at, _)| at.elapsed() < pause) || (last.is_none() && self.begun.elapsed() < pause) {
            return;
        }
        let rate = bytes as f64 / self.begun.elapsed().as_secs_f64().max(0.001);
        let percent = (share.clamp(0.0, 1.0) * 100.0) as usize;
        let words = format!("{percent:3} %  {words}, {} at {}/s", size(bytes), size(rate as u64));
        let before = last.map_or(0, |(_, length)| length);
        let text = if self.is_drawn {
            let full = percent * WIDTH / 100;
            let text = format!("[{}{}] {words}", "#".repeat(full), ".".repeat(WIDTH - full));
            format!("\r{text:<before$}")
        } else {
            format!("{words}\n")
        };
        *last = Some((Instant::now(), text.trim_end().len()));
        // Nobody there to read it is no reason to end.
        let _ = std::io::stderr().write_all(text.as_bytes());
    }

    /// Takes the bar away.
    pub(super) fn end(&self) {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let (true, Some((_, length))) = (self.is_drawn, *last) {
            let _ = std::io::stderr().write_all(format!("\r{}\r", " ".repeat(length)).as_bytes());
        }
    }
}
