//! From a key press to a drawn frame with 1,000,000 rows in the list: `cargo bench --bench screen`.
//!
//! Prints the median, 99th percentile and maximum of update and draw together, and the bytes that a terminal would get.

#![expect(clippy::print_stdout, clippy::indexing_slicing, reason = "a benchmark prints, and knows its tables")]

use std::cell::Cell;
use std::io::Write;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use casemail::app::effect::Effect;
use casemail::app::event::Event;
use casemail::app::thread_list::{Brief, NO_TEXT, Table, ThreadList};
use casemail::app::view::{CaseRow, Scope};
use casemail::app::{Model, Settings, update};
use casemail::keymap::key::typed;
use casemail::mail::id::{CaseId, ThreadId};
use casemail::mail::safe::SafeText;
use casemail::pgp::report::{Badge, SignatureState};
use casemail::theme::Theme;
use jiff::Timestamp;
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;
use ratatui::{Terminal, TerminalOptions, Viewport};

const ROWS: u64 = 1_000_000;

/// A terminal that only counts.
struct Counter(Rc<Cell<usize>>);

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.set(self.0.get() + bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn rows() -> ThreadList {
    let mut table = Table::default();
    let people = ["Hamish Lintwhite", "Isla Thistledown", "Tess Inkwell"].map(|name| table.texts.push(name));
    let cases = (0..4_000).map(|n| Arc::from(vec![CaseId(format!("ZZ26{n:06}"))]));
    table.cases = Arc::new(std::iter::once(Arc::from(Vec::new())).chain(cases).collect());
    for n in 0..ROWS {
        let subject =
            table.texts.push(&format!("ZZ26{n:06} further disclosure and a word on the plea, part {}", n % 97));
        let third = (n % 3) as usize;
        table.threads.push(Brief {
            id: ThreadId(n),
            newest: 1_780_000_000 - n as i64 * 60,
            subject,
            people: [people[third], people[(third + 1) % 3], NO_TEXT, NO_TEXT],
            messages: n as u32 % 9 + 1,
            unread: u32::from(n % 50_000 == 49_999),
            cases: n as u32 % 4_000 + 1,
            flagged: n % 31 == 0,
            attachments: n % 4 == 0,
            badge: Badge { encrypted: n % 5 == 0, decrypted: true, signature: SignatureState::None },
        });
    }
    table.order = (0..ROWS as u32).collect();
    ThreadList::Table(Arc::new(table))
}

fn report(name: &str, mut times: Vec<Duration>, bytes: usize) {
    times.sort();
    let at = |share: usize| times.get((times.len() * share / 100).min(times.len() - 1)).copied().unwrap_or_default();
    println!(
        "{name:<34} median {:>9.3?}  p99 {:>9.3?}  max {:>9.3?}  {:>6} bytes a frame",
        at(50),
        at(99),
        at(100),
        bytes / times.len()
    );
}

/// From a letter typed into the finder to the frame, at 5,000 cases.
fn finder(theme: &Theme) {
    let cases: Vec<CaseRow> = (0..5_000)
        .map(|n| CaseRow {
            scope: Scope::Case(CaseId(format!("99ZX{n:05}26"))),
            title: SafeText::line(&format!("R v {}{}", ["FERRET", "OTTERBOURNE", "WEASEL", "GANNET"][n % 4], n)),
            identifiers: vec![SafeText::line(&format!("99ZX{n:05}26")), SafeText::line(&format!("T2026{n:04}"))],
            people: ["Barnaby Ferret", "Petra Windlestraw", "Rufus Vellum"].map(SafeText::from).to_vec(),
            ..CaseRow::all()
        })
        .collect();
    let mut model = Model::new(Settings::default(), Timestamp::UNIX_EPOCH);
    update(&mut model, Event::Resize(80, 24));
    model.start(false);
    update(&mut model, Event::Cases(Arc::from(cases)));
    let options = TerminalOptions { viewport: Viewport::Fixed(Rect::new(0, 0, 80, 24)) };
    let written = Rc::new(Cell::new(0));
    let Ok(mut terminal) = Terminal::with_options(CrosstermBackend::new(Counter(Rc::clone(&written))), options) else {
        return;
    };
    for keys in ["'", "otter", "<C-u>99zx00417", "<C-u>windle ferret4", "<C-u>T20264"] {
        let before = written.get();
        let mut took = Vec::new();
        for key in typed(keys) {
            let start = Instant::now();
            update(&mut model, Event::Key(key));
            let _ = terminal.draw(|frame| casemail::ui::draw(&model, theme, frame));
            took.push(start.elapsed());
        }
        report(&format!("finder, 5,000 cases: {keys}"), took, written.get() - before);
    }
}

fn main() {
    let now = Timestamp::from_second(1_780_000_100).unwrap_or_default();
    let rows = rows();
    let theme = Theme::builtin();
    finder(&theme);
    for (width, height) in [(80, 24), (200, 50)] {
        let mut model = Model::new(Settings::default(), now);
        update(&mut model, Event::Resize(width, height));
        model.start(false);
        for key in typed("ga") {
            update(&mut model, Event::Key(key));
        }
        let start = Instant::now();
        update(&mut model, Event::Threads(Scope::All, rows.clone()));
        println!("{width}x{height}: {ROWS} rows taken in in {:.3?}", start.elapsed());
        let written = Rc::new(Cell::new(0));
        let area = Rect::new(0, 0, width, height);
        let options = TerminalOptions { viewport: Viewport::Fixed(area) };
        let Ok(mut terminal) = Terminal::with_options(CrosstermBackend::new(Counter(Rc::clone(&written))), options)
        else {
            return;
        };
        let _ = terminal.draw(|frame| casemail::ui::draw(&model, &theme, frame));
        for (name, keys, times) in [
            ("cursor down", "j", 2_000),
            ("page down", "<pagedown>", 500),
            ("to the end and back", "<end><home>", 200),
            ("next unread (50,000 rows on)", "n", 20),
            ("first letter of a filter", "/", 1),
        ] {
            let before = written.get();
            let mut took = Vec::new();
            for _ in 0..times {
                for key in typed(keys) {
                    let start = Instant::now();
                    update(&mut model, Event::Key(key));
                    let _ = terminal.draw(|frame| casemail::ui::draw(&model, &theme, frame));
                    took.push(start.elapsed());
                }
            }
            report(name, took, written.get() - before);
        }
        for typed_so_far in ["p", "a", "r", "t", " ", "9", "6"] {
            let start = Instant::now();
            let effects: Vec<Effect> =
                typed(typed_so_far).into_iter().flat_map(|key| update(&mut model, Event::Key(key))).collect();
            let _ = terminal.draw(|frame| casemail::ui::draw(&model, &theme, frame));
            let key = start.elapsed();
            // What the engine does beside the screen.
            let start = Instant::now();
            let mut answers = Vec::new();
            for effect in effects {
                if let Effect::FilterThreads(scope, ticket, text, rows) = effect
                    && let Some(places) = rows.matching(&text, || false)
                {
                    answers.push(Event::Filtered(scope, ticket, rows, places));
                }
            }
            let beside = start.elapsed();
            let start = Instant::now();
            answers.into_iter().for_each(|answer| drop(update(&mut model, answer)));
            let _ = terminal.draw(|frame| casemail::ui::draw(&model, &theme, frame));
            let taken_in = start.elapsed();
            println!(
                "{:<34} key {key:>9.3?}  looked through beside it {beside:>9.3?}  taken in {taken_in:>9.3?}",
                format!("filter, then {typed_so_far:?}"),
            );
        }
        let start = Instant::now();
        update(&mut model, Event::Threads(Scope::All, rows.clone()));
        println!("{:<34} {:>9.3?}", "the same rows again, filtered", start.elapsed());
    }
}
