//! From a key press to a drawn frame with 1,000,000 rows in the list: `cargo bench --bench screen`.
//!
//! Prints the median, 99th percentile and maximum of update and draw together, and the bytes that a terminal would get.

#![expect(clippy::print_stdout, reason = "a benchmark prints")]

use std::cell::Cell;
use std::io::Write;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use casemail::app::event::Event;
use casemail::app::view::{Scope, ThreadRow};
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

fn rows() -> Arc<[ThreadRow]> {
    let people =
        [SafeText::from("Hamish Lintwhite"), SafeText::from("Isla Thistledown"), SafeText::from("Tess Inkwell")];
    (0..ROWS)
        .map(|n| ThreadRow {
            id: ThreadId(n),
            subject: SafeText::line(&format!("ZZ26{n:06} further disclosure and a word on the plea, part {}", n % 97)),
            participants: people.iter().cycle().skip((n % 3) as usize).take(2).cloned().collect(),
            messages: (n % 9 + 1) as usize,
            unread: usize::from(n % 50_000 == 49_999),
            flagged: n % 31 == 0,
            attachments: n % 4 == 0,
            last_date: Timestamp::from_second(1_780_000_000 - n as i64 * 60).unwrap_or_default(),
            openpgp: Badge { encrypted: n % 5 == 0, decrypted: true, signature: SignatureState::None },
            cases: vec![CaseId(format!("ZZ26{:06}", n % 4_000))],
        })
        .collect()
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

fn main() {
    let now = Timestamp::from_second(1_780_000_100).unwrap_or_default();
    let rows = rows();
    let theme = Theme::builtin();
    for (width, height) in [(80, 24), (200, 50)] {
        let mut model = Model::new(Settings::default(), now);
        update(&mut model, Event::Resize(width, height));
        model.start(false);
        for key in typed("ga") {
            update(&mut model, Event::Key(key));
        }
        let start = Instant::now();
        update(&mut model, Event::Threads(Scope::All, Arc::clone(&rows)));
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
            for key in typed(typed_so_far) {
                update(&mut model, Event::Key(key));
            }
            let _ = terminal.draw(|frame| casemail::ui::draw(&model, &theme, frame));
            println!("{:<34} {:>9.3?}", format!("filter, then {typed_so_far:?}"), start.elapsed());
        }
        let start = Instant::now();
        update(&mut model, Event::Threads(Scope::All, Arc::clone(&rows)));
        println!("{:<34} {:>9.3?}", "the same rows again, filtered", start.elapsed());
    }
}
