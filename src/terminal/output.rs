//! What a frame writes: one system call for all of it, within a synchronised update, and none at all when nothing changed.

use std::io::{self, Write};
use std::rc::Rc;

use crossterm::{cursor, queue, terminal};
use ratatui::backend::{Backend, ClearType, CrosstermBackend, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};

/// A full screen of coloured text is about 24 KiB.
const FRAME_BYTES: usize = 64 << 10;

/// DEC private mode 2026: the terminal shows the frame when it is whole. Terminals without it ignore both.
const BEGIN: &[u8] = b"\x1b[?2026h";
const END: &[u8] = b"\x1b[?2026l";

/// Collects a frame and writes it when it is flushed.
#[derive(Debug)]
pub(super) struct Output<W: Write> {
    to: W,
    frame: Vec<u8>,
    last: Vec<u8>,
    forget: Forget,
    frames: u64,
}

/// Makes the next frame be written whatever was written last: the terminal was used by somebody else meanwhile.
#[derive(Clone, Debug, Default)]
pub(super) struct Forget(Rc<std::cell::Cell<bool>>);

impl Forget {
    pub(super) fn all(&self) {
        self.0.set(true);
    }
}

impl<W: Write> Output<W> {
    pub(super) fn new(to: W) -> Self {
        Self { to, frame: Vec::with_capacity(FRAME_BYTES), last: Vec::new(), forget: Forget::default(), frames: 0 }
    }

    /// The handle to forget by.
    pub(super) fn forget(&self) -> Forget {
        self.forget.clone()
    }

    #[cfg(test)]
    fn frames(&self) -> u64 {
        self.frames
    }
}

impl<W: Write> Write for Output<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.frame.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.forget.0.take() {
            self.last.clear();
        }
        // A frame says where everything goes from the beginning (absolute positions, all attributes), so writing the same bytes again
        // changes nothing. An idle frame is a handful of such bytes; on a slow line they would be a flicker of the cursor.
        if self.frame.is_empty() || self.frame == self.last {
            self.frame.clear();
            return Ok(());
        }
        std::mem::swap(&mut self.frame, &mut self.last);
        self.frame.clear();
        self.frame.extend_from_slice(BEGIN);
        self.frame.extend_from_slice(&self.last);
        self.frame.extend_from_slice(END);
        let written = self.to.write_all(&self.frame).and_then(|()| self.to.flush());
        self.frame.clear();
        self.frames += 1;
        written
    }
}

/// ratatui's backend, except that it never asks the terminal anything: the answer would arrive among the keys, where the input thread
/// takes it, and the one who asked waits for two seconds in vain.
#[derive(Debug)]
pub(super) struct Silent<W: Write> {
    inner: CrosstermBackend<Output<W>>,
    cursor: Position,
}

impl<W: Write> Silent<W> {
    pub(super) fn new(output: Output<W>) -> Self {
        Self { inner: CrosstermBackend::new(output), cursor: Position::ORIGIN }
    }
}

impl<W: Write> Backend for Silent<W> {
    type Error = io::Error;

    fn draw<'a, I>(&mut self, content: I) -> io::Result<()>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        self.inner.draw(content)
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        queue!(self.inner, cursor::Hide)
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        queue!(self.inner, cursor::Show)
    }

    fn get_cursor_position(&mut self) -> io::Result<Position> {
        Ok(self.cursor)
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        self.cursor = position.into();
        queue!(self.inner, cursor::MoveTo(self.cursor.x, self.cursor.y))
    }

    fn clear(&mut self) -> io::Result<()> {
        self.clear_region(ClearType::All)
    }

    fn clear_region(&mut self, _: ClearType) -> io::Result<()> {
        // Queued with the frame that follows, so that no empty screen is seen between the two.
        queue!(self.inner, terminal::Clear(terminal::ClearType::All))
    }

    fn size(&self) -> io::Result<Size> {
        self.inner.size()
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        self.inner.window_size()
    }

    fn flush(&mut self) -> io::Result<()> {
        Backend::flush(&mut self.inner)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::Output;

    #[test]
    fn a_frame_is_written_once_and_whole() {
        let mut output = Output::new(Vec::new());
        for piece in ["a", "b", "c"] {
            output.write_all(piece.as_bytes()).unwrap();
        }
        assert!(output.to.is_empty());
        output.flush().unwrap();
        assert_eq!(output.to, b"\x1b[?2026habc\x1b[?2026l");
    }

    #[test]
    fn a_frame_that_changes_nothing_is_not_written() {
        let mut output = Output::new(Vec::new());
        let forget = output.forget();
        let mut frame = |text: &str, frames: u64| {
            output.write_all(text.as_bytes()).unwrap();
            output.flush().unwrap();
            assert_eq!(output.frames(), frames, "{text}");
        };
        frame("all of it", 1);
        frame("cursor", 2);
        frame("cursor", 2);
        frame("", 2);
        frame("other", 3);
        frame("cursor", 4);
        forget.all();
        frame("cursor", 5);
        frame("cursor", 5);
    }
}
