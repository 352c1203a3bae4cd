//! The loop: everything that waits is taken in before a frame is drawn, and frames keep a distance.

use std::io::{self, Stdout, Write as _};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use ratatui::{Frame, Terminal};
use rustix::process::{Signal, kill_current_process_group};

use super::editor::{Edited, Editor};
use super::input::Input;
use super::output::{Forget, Output, Silent};
use super::pictures::{self, KITTY_FORGET, Points};
use super::signals::Signals;
use super::tty::Tty;
use crate::app::effect::Effect;
use crate::app::event::Event;
use crate::config::Pictures;
use crate::ui::Placed;

/// Least time between two frames: 60 a second.
const FRAME: Duration = Duration::from_millis(16);

/// Time between two ticks.
const TICK: Duration = Duration::from_secs(1);

/// So many events are taken in at most before a frame is drawn, so that a flood cannot freeze the screen.
const BATCH: usize = 4096;

/// What a suspension waits for its end: where no shell controls us, we are not stopped at all.
const STOP: Duration = Duration::from_millis(200);

/// What is run: the model, or a stand-in in tests.
pub(super) trait Program {
    /// Takes in an event.
    fn update(&mut self, event: Event) -> Vec<Effect>;
    /// Draws.
    fn draw(&self, frame: &mut Frame<'_>);
    /// While keys are pending, how long after the last key they run out.
    fn waits(&self) -> Option<Duration>;
    /// The picture that is to be seen, where the terminal shows pictures itself.
    fn picture(&self) -> Option<Placed> {
        None
    }
}

/// Where it is shown: the terminal, or a stand-in in tests.
pub(super) trait Stage {
    /// Draws a frame.
    fn show(&mut self, program: &dyn Program) -> io::Result<()>;
    /// Makes the next frame a whole one.
    fn clear(&mut self) -> io::Result<()>;
    /// Stops the program until it is continued.
    fn suspend(&mut self) -> io::Result<()>;
    /// Takes the terminal again after the program was stopped by others.
    fn retake(&mut self) -> io::Result<()>;
    /// Runs the outside editor.
    fn edit(&mut self, text: &str) -> io::Result<Edited>;
    /// Columns and rows.
    fn size(&self) -> (u16, u16);
    /// Whether the terminal is still there.
    fn is_there(&self) -> bool;
}

/// The real terminal.
pub(super) struct Screen {
    tty: Tty,
    input: Input,
    signals: Signals,
    editor: Editor,
    terminal: Terminal<Silent<Stdout>>,
    forget: Forget,
    pictures: Pictures,
    /// The picture that the terminal shows.
    placed: Option<Placed>,
}

impl Screen {
    pub(super) fn new(
        tty: Tty,
        input: Input,
        signals: Signals,
        editor: Editor,
        pictures: Pictures,
    ) -> io::Result<Self> {
        let output = Output::new(io::stdout());
        let forget = output.forget();
        let terminal = Terminal::new(Silent::new(output))?;
        Ok(Self { tty, input, signals, editor, terminal, forget, pictures, placed: None })
    }

    /// Takes the picture off that the terminal shows.
    fn take_off(&mut self) -> io::Result<()> {
        if self.placed.take().is_none() {
            return Ok(());
        }
        if self.pictures == Pictures::Sixel {
            // It lies in the cells: they are drawn anew.
            self.forget.all();
            return self.terminal.clear();
        }
        let mut out = io::stdout().lock();
        out.write_all(KITTY_FORGET)?;
        out.flush()
    }

    /// Lays a picture over the cells that were left free for it.
    fn put_on(&mut self, placed: Placed) -> io::Result<()> {
        let Some(picture) = &placed.look.picture else { return Ok(()) };
        let points = Points { wide: picture.width, high: picture.height, octets: &picture.points };
        let area = placed.area;
        let written = if self.pictures == Pictures::Sixel {
            pictures::sixel(points, in_points((area.width, area.height)))
        } else {
            pictures::kitty(points, (area.width, area.height))
        };
        let mut out = io::stdout().lock();
        // The cursor is where the frame put it, before and after.
        write!(out, "\x1b7\x1b[{};{}H", area.y + 1, area.x + 1)?;
        out.write_all(&written)?;
        out.write_all(b"\x1b8")?;
        out.flush()?;
        drop(out);
        self.placed = Some(placed);
        Ok(())
    }

    fn again(&mut self) -> io::Result<()> {
        self.tty.take()?;
        self.clear()
    }
}

impl Stage for Screen {
    fn show(&mut self, program: &dyn Program) -> io::Result<()> {
        let wanted = program.picture().filter(|_| self.pictures != Pictures::Blocks);
        let same = wanted == self.placed;
        if !same {
            self.take_off()?;
        }
        self.terminal.draw(|frame| program.draw(frame)).map(|_| ())?;
        match wanted {
            Some(placed) if !same => self.put_on(placed),
            _ => Ok(()),
        }
    }

    fn clear(&mut self) -> io::Result<()> {
        self.take_off()?;
        self.forget.all();
        self.terminal.clear()
    }

    fn suspend(&mut self) -> io::Result<()> {
        self.take_off()?;
        self.input.pause();
        self.tty.give_back();
        self.signals.take_continued();
        // The whole group, as ctrl-z does it: whatever started us is to stop as well.
        let stopped = kill_current_process_group(Signal::TSTP);
        let since = Instant::now();
        // The signal may arrive a moment later, on any thread; time passes while we are stopped.
        while stopped.is_ok() && !self.signals.take_continued() && since.elapsed() < STOP {
            std::thread::sleep(Duration::from_millis(5));
        }
        let again = self.again();
        self.input.resume();
        again
    }

    fn retake(&mut self) -> io::Result<()> {
        self.again()
    }

    fn edit(&mut self, text: &str) -> io::Result<Edited> {
        self.take_off()?;
        self.input.pause();
        self.signals.lend(true);
        self.tty.give_back();
        let edited = self.editor.run(text, &|| self.signals.terminate());
        self.signals.lend(false);
        self.signals.take_continued();
        // A terminal that is gone is no reason to lose the text: the next thing that is done with it says so.
        let again = self.again();
        self.input.resume();
        if let Err(error) = again {
            tracing::info!(%error, "the terminal was not there after the editor");
        }
        Ok(edited)
    }

    fn size(&self) -> (u16, u16) {
        self.tty.size()
    }

    fn is_there(&self) -> bool {
        self.tty.is_there()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // Nothing of a document stays in the terminal.
        let _ = self.take_off();
    }
}

/// The points of the screen that so many cells take. A terminal that does not say how large its cells are has the usual ones.
fn in_points((columns, rows): (u16, u16)) -> (usize, usize) {
    let told =
        crossterm::terminal::window_size().ok().filter(|size| size.width > 0 && size.columns > 0 && size.rows > 0);
    let (wide, high) = told.map_or((10, 20), |size| (size.width / size.columns, size.height / size.rows));
    let points = |cells: u16, each: u16| usize::from(cells) * usize::from(each.clamp(4, 64));
    (points(columns, wide), points(rows, high))
}

/// The loop's parts.
pub(super) struct Run<'r> {
    pub(super) program: &'r mut dyn Program,
    pub(super) stage: &'r mut dyn Stage,
    pub(super) submit: &'r mut dyn FnMut(Effect),
    pub(super) now: &'r dyn Fn() -> Timestamp,
}

/// What a frame waits for.
struct Pace {
    /// The model may have changed since the last frame.
    dirty: bool,
    drawn: Option<Instant>,
    ticked: Instant,
    key: Instant,
}

impl Pace {
    /// When there is something to do even if nothing comes.
    fn next(&self, waits: Option<Duration>) -> Instant {
        let mut next = self.ticked + TICK;
        if let Some(wait) = waits {
            next = next.min(self.key + wait);
        }
        if self.dirty {
            next = next.min(self.drawn.map_or(self.ticked, |drawn| drawn + FRAME));
        }
        next
    }

    fn may_draw(&self, now: Instant) -> bool {
        self.dirty && self.drawn.is_none_or(|drawn| now.duration_since(drawn) >= FRAME)
    }
}

/// Whether to go on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Go {
    On,
    Quit,
}

impl Run<'_> {
    /// Tells the model the size and the time, and performs what it begins with.
    pub(super) fn begin(&mut self, (columns, rows): (u16, u16), first: Vec<Effect>) {
        for effect in first {
            (self.submit)(effect);
        }
        for event in [Event::Resize(columns, rows), Event::Tick((self.now)())] {
            for effect in self.program.update(event) {
                (self.submit)(effect);
            }
        }
    }

    /// Runs until the model asks to quit.
    pub(super) fn until_quit(&mut self, events: &Receiver<Event>, signals: &Signals) -> io::Result<()> {
        let end = self.run(events, signals);
        if end.is_err() {
            // The terminal has failed: what was written is kept before that is said.
            let last = self.program.update(Event::Terminate);
            last.into_iter().filter(|effect| !matches!(effect, Effect::Quit)).for_each(|effect| (self.submit)(effect));
        }
        end
    }

    fn run(&mut self, events: &Receiver<Event>, signals: &Signals) -> io::Result<()> {
        let start = Instant::now();
        let mut pace = Pace { dirty: true, drawn: None, ticked: start, key: start };
        let mut told_to_end = false;
        loop {
            let wait = pace.next(self.program.waits()).saturating_duration_since(Instant::now());
            let mut first = match events.recv_timeout(wait) {
                Ok(event) => Some(event),
                Err(RecvTimeoutError::Timeout) => None,
                // Nobody is left who could send a key.
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            };
            let mut taken = 0;
            while let Some(event) = first.take().or_else(|| events.try_recv().ok()) {
                if self.take_in(event, &mut pace)? == Go::Quit {
                    return Ok(());
                }
                taken += 1;
                if taken >= BATCH {
                    break;
                }
            }
            if signals.take_continued() {
                self.stage.retake()?;
                if self.come_back(&mut pace)? == Go::Quit {
                    return Ok(());
                }
            }
            if self.by_the_clock(&mut pace)? == Go::Quit {
                return Ok(());
            }
            if !told_to_end && (signals.terminate() || !self.stage.is_there()) {
                told_to_end = true;
                if self.take_in(Event::Terminate, &mut pace)? == Go::Quit {
                    return Ok(());
                }
            }
            let now = Instant::now();
            if pace.may_draw(now) {
                self.stage.show(self.program)?;
                pace.dirty = false;
                pace.drawn = Some(now);
            }
        }
    }

    /// Takes in one event and performs what the terminal performs; the rest is submitted.
    fn take_in(&mut self, event: Event, pace: &mut Pace) -> io::Result<Go> {
        if matches!(event, Event::Key(_)) {
            pace.key = Instant::now();
        }
        pace.dirty = true;
        let mut go = Go::On;
        for effect in self.program.update(event) {
            match effect {
                Effect::Quit => go = Go::Quit,
                Effect::Redraw => self.stage.clear()?,
                Effect::Suspend => {
                    self.stage.suspend()?;
                    go = self.come_back(pace)?;
                }
                Effect::Edit(text) => {
                    let edited = self.stage.edit(&text)?;
                    // Before anything that may lock the profile: then nobody takes it in any more.
                    let text = Event::Edited((self.now)(), edited.text);
                    for event in [Some(text), edited.note.map(Event::Notice)].into_iter().flatten() {
                        if self.take_in(event, pace)? == Go::Quit {
                            go = Go::Quit;
                        }
                    }
                    if self.come_back(pace)? == Go::Quit {
                        go = Go::Quit;
                    }
                }
                effect => (self.submit)(effect),
            }
        }
        Ok(go)
    }

    /// After the terminal was somebody else's: it may have another size, and time has passed.
    fn come_back(&mut self, pace: &mut Pace) -> io::Result<Go> {
        let (columns, rows) = self.stage.size();
        for event in [Event::Resize(columns, rows), Event::Tick((self.now)()), Event::Resumed] {
            if self.take_in(event, pace)? == Go::Quit {
                return Ok(Go::Quit);
            }
        }
        Ok(Go::On)
    }

    fn by_the_clock(&mut self, pace: &mut Pace) -> io::Result<Go> {
        let now = Instant::now();
        if self.program.waits().is_some_and(|wait| now.duration_since(pace.key) >= wait)
            && self.take_in(Event::KeysExpired, pace)? == Go::Quit
        {
            return Ok(Go::Quit);
        }
        if now.duration_since(pace.ticked) >= TICK {
            pace.ticked = now;
            return self.take_in(Event::Tick((self.now)()), pace);
        }
        Ok(Go::On)
    }
}

#[cfg(test)]
mod tests;
