//! The loop, with a stand-in for the model and for the terminal.

use std::io;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Duration;

use jiff::Timestamp;
use ratatui::Frame;

use super::{Edited, Program, Run, Stage};
use crate::app::effect::Effect;
use crate::app::event::Event;
use crate::keymap::key::{Code, Key};
use crate::terminal::signals::Signals;

/// Answers keys with effects: `q` quits, `z` suspends, `e` edits, `l` redraws, `s` syncs. Writes down what it is told.
#[derive(Default)]
struct Scribe {
    told: Vec<String>,
    pending: bool,
}

impl Program for Scribe {
    fn update(&mut self, event: Event) -> Vec<Effect> {
        let (told, effects) = match event {
            Event::Key(key) => {
                self.pending = key == Key::char('g');
                let effects = match key.code {
                    Code::Char('q') => vec![Effect::Lock, Effect::Quit],
                    Code::Char('z') => vec![Effect::Suspend],
                    Code::Char('e') => vec![Effect::Edit("text".to_owned())],
                    Code::Char('l') => vec![Effect::Redraw],
                    Code::Char('s') => vec![Effect::SyncNow],
                    _ => Vec::new(),
                };
                (key.to_string(), effects)
            }
            Event::KeysExpired => {
                self.pending = false;
                ("expired".to_owned(), Vec::new())
            }
            Event::Terminate => ("terminate".to_owned(), vec![Effect::Quit]),
            Event::Tick(_) => return Vec::new(),
            Event::Edited(_, text) => (format!("edited {:?}", text.map_err(|why| why.text.to_string())), Vec::new()),
            other => (format!("{other:?}"), Vec::new()),
        };
        self.told.push(told);
        effects
    }

    fn draw(&self, _: &mut Frame<'_>) {}

    fn waits(&self) -> Option<Duration> {
        self.pending.then_some(Duration::from_millis(30))
    }
}

/// Counts; sends the keys of `then` once a frame is shown that stands after all others.
#[derive(Default)]
struct Counter {
    calls: Vec<&'static str>,
    frames: usize,
    then: Option<(SyncSender<Event>, &'static str)>,
    gone: bool,
}

impl Stage for Counter {
    fn show(&mut self, _: &dyn Program) -> io::Result<()> {
        self.frames += 1;
        if let Some((to, keys)) = self.then.take() {
            keys.chars().for_each(|c| to.send(Event::Key(Key::char(c))).unwrap());
        }
        Ok(())
    }
    fn clear(&mut self) -> io::Result<()> {
        self.calls.push("clear");
        Ok(())
    }
    fn suspend(&mut self) -> io::Result<()> {
        self.calls.push("suspend");
        Ok(())
    }
    fn retake(&mut self) -> io::Result<()> {
        self.calls.push("retake");
        Ok(())
    }
    fn edit(&mut self, text: &str) -> io::Result<Edited> {
        self.calls.push("edit");
        Ok(Edited { text: Ok(format!("{text} edited")), note: None })
    }
    fn size(&self) -> (u16, u16) {
        (100, 40)
    }
    fn is_there(&self) -> bool {
        !self.gone
    }
}

struct Played {
    told: Vec<String>,
    calls: Vec<&'static str>,
    frames: usize,
    submitted: Vec<String>,
}

/// Sends `keys` at once, and `then` after the first frame; runs until something quits.
fn play(keys: &str, then: &'static str, mut stage: Counter, signals: &Signals) -> Played {
    let (to, events) = sync_channel(10_000);
    keys.chars().for_each(|c| to.send(Event::Key(Key::char(c))).unwrap());
    if !then.is_empty() {
        stage.then = Some((to.clone(), then));
    }
    let mut program = Scribe::default();
    let mut submitted = Vec::new();
    let mut submit = |effect: Effect| submitted.push(format!("{effect:?}"));
    let mut run = Run { program: &mut program, stage: &mut stage, submit: &mut submit, now: &|| Timestamp::UNIX_EPOCH };
    run.begin((80, 24), vec![Effect::ListCases]);
    run.until_quit(&events, signals).unwrap();
    Played { told: program.told, calls: stage.calls, frames: stage.frames, submitted }
}

#[test]
fn everything_that_waits_is_taken_in_before_a_frame() {
    let played = play(&"j".repeat(1000), "q", Counter::default(), &Signals::silent());
    assert_eq!(played.told.len(), 1 + 1000 + 1);
    assert_eq!(played.frames, 1);
}

#[test]
fn the_size_is_told_first_and_effects_are_submitted_in_order() {
    let played = play("ssq", "", Counter::default(), &Signals::silent());
    assert_eq!(played.told, ["Resize(80, 24)", "s", "s", "q"]);
    // What stands beside the end is done before it.
    assert_eq!(played.submitted, ["ListCases", "SyncNow", "SyncNow", "Lock"]);
}

#[test]
fn a_suspension_ends_with_the_size_told_anew() {
    let played = play("z", "q", Counter::default(), &Signals::silent());
    assert_eq!(played.told, ["Resize(80, 24)", "z", "Resize(100, 40)", "Resumed", "q"]);
    assert_eq!(played.calls, ["suspend"]);
}

#[test]
fn what_the_editor_left_is_told_before_anything_may_lock() {
    let played = play("e", "lq", Counter::default(), &Signals::silent());
    assert_eq!(
        played.told,
        ["Resize(80, 24)", "e", "edited Ok(\"text edited\")", "Resize(100, 40)", "Resumed", "l", "q"]
    );
    assert_eq!(played.calls, ["edit", "clear"]);
}

#[test]
fn pending_keys_run_out() {
    let (to, events) = sync_channel(10);
    to.send(Event::Key(Key::char('g'))).unwrap();
    let mut program = Scribe::default();
    let mut stage = Counter::default();
    let signals = Signals::silent();
    // The end comes only once the keys have run out.
    struct EndsThen<'a>(&'a mut Scribe, SyncSender<Event>);
    impl Program for EndsThen<'_> {
        fn update(&mut self, event: Event) -> Vec<Effect> {
            if matches!(event, Event::KeysExpired) {
                self.1.send(Event::Key(Key::char('q'))).unwrap();
            }
            self.0.update(event)
        }
        fn draw(&self, _: &mut Frame<'_>) {}
        fn waits(&self) -> Option<Duration> {
            self.0.waits()
        }
    }
    let mut ends = EndsThen(&mut program, to);
    let mut submit = |_: Effect| {};
    let mut run = Run { program: &mut ends, stage: &mut stage, submit: &mut submit, now: &|| Timestamp::UNIX_EPOCH };
    run.until_quit(&events, &signals).unwrap();
    assert_eq!(program.told, ["g", "expired", "q"]);
}

#[test]
fn a_signal_or_a_lost_terminal_ends_the_program_through_the_model() {
    let signals = Signals::silent();
    signals.raise_terminate();
    assert_eq!(play("j", "", Counter::default(), &signals).told, ["Resize(80, 24)", "j", "terminate"]);
    let lost = Counter { gone: true, ..Counter::default() };
    assert_eq!(play("", "", lost, &Signals::silent()).told.last().unwrap(), "terminate");
}

/// Draws two frames of the list of cases, a cursor move apart, and gives the bytes of the second.
fn bytes_of_a_cursor_move(columns: u16, rows: u16) -> usize {
    use std::sync::Arc;

    use ratatui::layout::Rect;
    use ratatui::{Terminal, TerminalOptions, Viewport};

    use crate::app::view::{CaseRow, Scope};
    use crate::app::{Model, Settings, update};
    use crate::mail::id::CaseId;
    use crate::mail::safe::SafeText;
    use crate::terminal::output::{Output, Silent};

    let cases: Vec<CaseRow> = (0..40)
        .map(|number| CaseRow {
            scope: Scope::Case(CaseId(format!("99ZX00{number:02}326"))),
            title: SafeText::line("R v FERRET"),
            identifiers: vec![SafeText::line(&format!("99ZX00{number:02}326"))],
            messages: 10 + number,
            unread: number % 3,
            last_date: Some(Timestamp::UNIX_EPOCH),
            ..CaseRow::all()
        })
        .collect();
    let mut model = Model::new(Settings::default(), Timestamp::UNIX_EPOCH);
    model.start(false);
    update(&mut model, Event::Resize(columns, rows));
    update(&mut model, Event::Cases(Arc::from(cases)));
    let written = Count::default();
    let viewport = Viewport::Fixed(Rect::new(0, 0, columns, rows));
    let mut terminal =
        Terminal::with_options(Silent::new(Output::new(written.clone())), TerminalOptions { viewport }).unwrap();
    let theme = crate::theme::Theme::builtin();
    let mut frame = |model: &Model| {
        let before = written.0.get();
        terminal.draw(|frame| crate::ui::draw(model, &theme, frame)).unwrap();
        written.0.get() - before
    };
    assert!(frame(&model) > usize::from(columns) * 10);
    update(&mut model, Event::Key(Key::char('j')));
    let moved = frame(&model);
    frame(&model);
    assert_eq!(frame(&model), 0, "nothing changed, nothing is written");
    moved
}

#[derive(Clone, Default)]
struct Count(std::rc::Rc<std::cell::Cell<usize>>);

impl io::Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.set(self.0.get() + bytes.len());
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_cursor_move_is_cheap_on_a_slow_line() {
    let (narrow, wide) = (bytes_of_a_cursor_move(80, 24), bytes_of_a_cursor_move(200, 50));
    println!("a cursor move: {narrow} bytes at 80x24, {wide} at 200x50");
    assert!(narrow <= 320 && wide <= 400, "{narrow} {wide}");
}
