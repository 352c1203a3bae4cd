//! The terminal: entered and left, keys in, frames out, the outside editor, signals; and the process closed to onlookers.
//!
//! Nothing in here knows what is shown. Whatever happens (end, panic, signal, suspension) the person gets back the terminal that was
//! there before.

mod colours;
pub mod editor;
pub mod environment;
pub mod harden;
mod input;
mod keys;
mod output;
mod pictures;
mod private;
mod run;
mod signals;
mod tty;

use std::sync::mpsc::{Receiver, SyncSender};

use jiff::Timestamp;

pub use colours::{colours, utf8};
pub use editor::Editor;
pub use environment::Environment;
pub use harden::{harden, report_panics};
pub use private::sweep;
pub use tty::Tty;

use crate::app::effect::Effect;
use crate::app::event::Event;
use crate::app::{self, Model};
use crate::config::Pictures;
use crate::theme::Theme;
use crate::ui;
use input::Input;
use run::{Program, Run, Screen};
use signals::Signals;

/// Why the terminal cannot be used, or was lost.
#[derive(Debug, thiserror::Error)]
pub enum TerminalError {
    /// Standard input or output is no terminal.
    #[error("{0} is not a terminal: the screen needs one; the commands (`casemail help`) do not")]
    NotATerminal(&'static str),
    /// `TERM=dumb`, or none.
    #[error("this terminal cannot move its cursor (TERM is {0:?}): use the commands (`casemail help`), or set TERM")]
    Dumb(String),
    /// The terminal or the system failed.
    #[error("the terminal: {0}")]
    Io(#[from] std::io::Error),
}

/// What the program is driven with.
pub struct Drive<'d> {
    /// Where the engine's events arrive.
    pub events: Receiver<Event>,
    /// The other end of the same channel: keys and signals are sent to it as well.
    pub sender: SyncSender<Event>,
    /// Takes effects; must not wait.
    pub submit: &'d mut dyn FnMut(Effect),
    /// The clock.
    pub now: &'d dyn Fn() -> Timestamp,
    /// The outside editor.
    pub editor: Editor,
    /// The value of `TERM`.
    pub term: Option<String>,
    /// How the terminal shows pictures.
    pub pictures: Pictures,
}

/// The model with its theme.
struct App<'a> {
    model: &'a mut Model,
    theme: &'a Theme,
}

impl Program for App<'_> {
    fn update(&mut self, event: Event) -> Vec<Effect> {
        app::update(self.model, event)
    }

    fn draw(&self, frame: &mut ratatui::Frame<'_>) {
        ui::draw(self.model, self.theme, frame);
    }

    fn waits(&self) -> Option<std::time::Duration> {
        self.model.pending_timeout()
    }

    fn picture(&self) -> Option<ui::Placed> {
        ui::picture(self.model)
    }
}

/// Runs the screen until the model asks to quit. `first` are the effects to begin with.
///
/// # Errors
/// When the terminal cannot be used.
pub fn run(model: &mut Model, theme: &Theme, first: Vec<Effect>, drive: Drive<'_>) -> Result<(), TerminalError> {
    // What could not move the cursor would show escape sequences as text.
    let term = drive.term.unwrap_or_default();
    if matches!(term.as_str(), "" | "dumb" | "unknown") {
        return Err(TerminalError::Dumb(term));
    }
    let signals = Signals::watch(drive.sender.clone())?;
    let tty = Tty::enter()?;
    let input = Input::start(drive.sender.clone())?;
    let (columns, rows) = tty.size();
    let mut screen = Screen::new(tty, input, signals.clone(), drive.editor, drive.pictures)?;
    let mut program = App { model, theme };
    let mut run = Run { program: &mut program, stage: &mut screen, submit: drive.submit, now: drive.now };
    run.begin((columns, rows), first);
    run.until_quit(&drive.events, &signals)?;
    Ok(())
}
