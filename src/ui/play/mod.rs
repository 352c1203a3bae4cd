//! Keys in, screen out: a model on a fixture, an engine that answers at once, and what is then on screen.

mod cast;
mod connections;
mod documents;
mod enclosing;
mod exports;
mod hostile;
mod keys;
mod leaving;
mod matters;
mod pleas;
mod reading;
mod writing;

use std::sync::Arc;

use ratatui::Terminal;
use ratatui::backend::TestBackend;

use crate::app::effect::Effect;
use crate::app::event::Event;
use crate::app::view::Link;
use crate::app::{Model, update};
use crate::keymap::key::typed;
use crate::theme::Theme;
use cast::World;

/// A model, the world that answers it, and what it asked for.
struct Play {
    model: Model,
    world: World,
    effects: Vec<Effect>,
    /// Answers are given by hand.
    silent: bool,
}

impl Play {
    fn new() -> Self {
        Self::at((80, 24))
    }

    fn at(size: (u16, u16)) -> Self {
        let world = World::default();
        let model = Model::new(cast::settings(), cast::now());
        let mut play = Self { model, world, effects: Vec::new(), silent: false };
        play.event(Event::Resize(size.0, size.1));
        play.event(Event::Account(crate::app::view::AccountStatus {
            account: "work".to_owned(),
            link: Link::Watching { live: true },
        }));
        let effects = play.model.start(false);
        play.perform(effects);
        play
    }

    fn keys(mut self, keys: &str) -> Self {
        self.press(keys);
        self
    }

    fn press(&mut self, keys: &str) {
        for key in typed(keys) {
            self.event(Event::Key(key));
        }
    }

    fn event(&mut self, event: Event) {
        let effects = update(&mut self.model, event);
        self.perform(effects);
    }

    fn perform(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            let answers = if self.silent { Vec::new() } else { self.world.answer(&effect) };
            self.effects.push(effect);
            for answer in answers {
                self.event(answer);
            }
        }
    }

    /// The effects as text, without those that only ask for something to show.
    fn told(&self) -> Vec<String> {
        self.effects.iter().filter(|effect| !asks(effect)).map(|effect| format!("{effect:?}")).collect()
    }

    fn terminal(&self) -> Terminal<TestBackend> {
        let (width, height) = self.model.size;
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        let theme = Theme::builtin();
        terminal.draw(|frame| super::draw(&self.model, &theme, frame)).unwrap();
        terminal
    }

    fn screen(&self) -> String {
        let terminal = self.terminal();
        let buffer = terminal.backend().buffer();
        let width = usize::from(buffer.area.width);
        buffer
            .content()
            .chunks(width.max(1))
            .map(|row| {
                // A wide character has an empty cell behind it; its symbol already takes both.
                let mut line = String::new();
                let mut skip = 0;
                for cell in row {
                    if skip > 0 {
                        skip -= 1;
                        continue;
                    }
                    skip = unicode_width::UnicodeWidthStr::width(cell.symbol()).saturating_sub(1);
                    line.push_str(cell.symbol());
                }
                line.trim_end().to_owned()
            })
            .collect::<Vec<_>>()
            .join("\n")
    }
}

fn asks(effect: &Effect) -> bool {
    matches!(
        effect,
        Effect::ListCases
            | Effect::ListThreads(_)
            | Effect::OpenThread(..)
            | Effect::OpenMessage(_)
            | Effect::CloseMessage
            | Effect::ListOutbox
            | Effect::ListDrafts
            | Effect::TakeUpDraft(_)
            | Effect::ListConnections
            | Effect::Complete(..)
            | Effect::OfferTemplates(_)
            | Effect::ListKeys
            | Effect::Assist(_)
            | Effect::ShowCase(_)
            | Effect::ListTriage
            | Effect::ListAwaiting
            | Effect::ShowChronology(_)
            | Effect::ListDocuments(_)
            | Effect::LookAtTarget(_)
            | Effect::ListPleas
            | Effect::ShowPlea(..)
    )
}

fn sentence(tone: crate::app::view::Tone, text: &str) -> crate::app::view::Sentence {
    crate::app::view::Sentence { tone, text: crate::mail::safe::SafeText::line(text) }
}

fn arc<T: Clone>(rows: &[T]) -> Arc<[T]> {
    Arc::from(rows.to_vec())
}
