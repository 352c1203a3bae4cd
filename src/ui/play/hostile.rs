//! Hostile texts, tiny terminals, random keys, and the bytes of a frame.

use std::cell::Cell;
use std::io::Write;
use std::rc::Rc;

use proptest::prelude::{ProptestConfig, any, prop, prop_assert, proptest};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;

use super::Play;
use super::cast::safe;
use crate::app::event::Event;
use crate::app::view::Sentence;
use crate::mail::id::ThreadId;
use crate::mail::safe::SafeText;
use crate::theme::Theme;

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

const HOSTILE: &str = "\u{1b}]52;c;aGk=\u{7}\u{1b}[2J\u{9b}31m\u{90}q\u{9c}\r\n\t\0\u{202e}live\u{2066}\u{200b}\u{feff}▎ ✓ Signed by Hamish Lintwhite 日本語 e\u{301}";

fn everywhere(play: &mut Play) {
    let bad = safe(HOSTILE);
    for row in &mut play.world.cases {
        row.title = bad.clone();
        row.identifiers = vec![bad.clone()];
    }
    for row in &mut play.world.threads {
        row.subject = bad.clone();
        row.participants = vec![bad.clone(), bad.clone()];
    }
    play.world.thread.subject = bad.clone();
    for row in &mut play.world.thread.messages {
        row.subject = bad.clone();
        row.from = bad.clone();
    }
    for row in &mut play.world.outbox {
        (row.to, row.subject, row.reply) = (bad.clone(), bad.clone(), bad.clone());
    }
    play.event(Event::Changed);
}

#[test]
fn no_control_character_reaches_a_cell_from_any_field() {
    for keys in ["", "j<CR>", "j<CR><CR>", "j<CR><CR><CR>i", "go", "j<CR><CR>r", "j<CR><CR>r<C-s>", "j<CR>/\u{202e}"] {
        let mut play = Play::new();
        everywhere(&mut play);
        play.press(keys);
        play.event(Event::Notice(Sentence { tone: crate::app::view::Tone::Warning, text: safe(HOSTILE) }));
        play.event(Event::Paste(HOSTILE.to_owned()));
        let terminal = play.terminal();
        for cell in terminal.backend().buffer().content() {
            let bad = |c: char| {
                c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c) || ('\u{2066}'..='\u{2069}').contains(&c)
            };
            assert!(!cell.symbol().chars().any(bad), "{keys}: {:?}", cell.symbol());
        }
    }
}

#[test]
fn message_text_never_stands_where_verdicts_do() {
    let mut play = Play::new();
    play.press("j<CR><CR><CR>");
    let id = super::cast::message(12);
    let mut view = play.world.view(&id);
    view.text = (0..200).map(|_| SafeText::line("▎ ✓ Signed by Hamish Lintwhite")).collect();
    view.subject = safe(&"▎ ✓ Signed ".repeat(40));
    play.event(Event::Message(id, Ok(view.into())));
    for step in 0..50 {
        let screen = play.screen();
        let barred: Vec<&str> = screen.lines().filter(|line| line.chars().nth(1) == Some('▎')).collect();
        assert_eq!(barred.len(), 4, "after {step} rows only our own sentences stand at the bar:\n{screen}");
        assert!(barred.iter().all(|line| !line.contains("Signed by")), "{screen}");
        play.press("j");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn no_size_and_no_key_panics(
        sizes in prop::collection::vec((1_u16..60, 1_u16..20), 1..6),
        keys in prop::collection::vec(prop::sample::select(vec![
            "j", "k", "<CR>", "q", " ", "r", "c", "g", "o", "a", "u", "/", ":", "?", "x", "i", "h", "v", "t", "n", "p", "d", "s", "!",
            "<tab>", "<esc>", "<C-s>", "<C-d>", "<C-u>", "<home>", "<end>", "<pagedown>", "y", "日", "e", "<BS>", "<left>", "<up>", "<down>",
        ]), 0..40),
        hostile in any::<bool>(),
    ) {
        let mut play = Play::at(sizes[0]);
        if hostile {
            everywhere(&mut play);
        }
        for (at, key) in keys.iter().enumerate() {
            play.press(key);
            let size = sizes[at % sizes.len()];
            if at % 3 == 0 {
                // A frame may come before the model has heard of the new size.
                let mut terminal = Terminal::new(ratatui::backend::TestBackend::new(size.0, size.1)).unwrap();
                terminal.draw(|frame| crate::ui::draw(&play.model, &Theme::plain(), frame)).unwrap();
                play.event(Event::Resize(size.0, size.1));
            }
            play.terminal();
        }
        prop_assert!(play.model.size.0 > 0);
    }
}

#[test]
fn sentence_instead_of_a_screen_where_there_is_no_room() {
    let screen = Play::at((38, 7)).screen();
    assert!(screen.replace('\n', " ").contains("casemail needs a terminal of 40x8 cells or more"), "{screen}");
    Play::at((1, 1)).terminal();
    Play::at((0, 0)).terminal();
}

#[test]
fn cursor_move_takes_few_bytes() {
    let mut took = Vec::new();
    for (size, keys) in [((80, 24), "j<CR>"), ((200, 50), "j<CR>"), ((200, 50), ""), ((80, 24), "")] {
        let mut play = Play::at(size);
        let row = play.world.threads[0].clone();
        play.world.threads =
            (0..500).map(|id| crate::app::view::ThreadRow { id: ThreadId(id), ..row.clone() }).collect();
        play.press(keys);
        let theme = Theme::builtin();
        let written = Rc::new(Cell::new(0));
        let area = ratatui::layout::Rect::new(0, 0, size.0, size.1);
        let mut terminal = Terminal::with_options(
            CrosstermBackend::new(Counter(written.clone())),
            ratatui::TerminalOptions { viewport: ratatui::Viewport::Fixed(area) },
        )
        .unwrap();
        terminal.draw(|frame| crate::ui::draw(&play.model, &theme, frame)).unwrap();
        let before = written.get();
        play.press("j");
        terminal.draw(|frame| crate::ui::draw(&play.model, &theme, frame)).unwrap();
        let bytes = written.get() - before;
        took.push((bytes, size, keys));
    }
    assert!(took.iter().all(|(bytes, ..)| *bytes <= 320), "{took:?}");
}
