//! The palette: actions by name.

use crate::action::{Action, Context};
use crate::app::line::Line;

/// The palette.
#[derive(Clone, Debug)]
pub struct Palette {
    /// What was typed.
    pub line: Line,
    /// Actions that it could mean, best first.
    pub found: Vec<Action>,
    /// The marked one.
    pub at: usize,
    context: Context,
}

impl Palette {
    /// A palette over a screen of this context.
    #[must_use]
    pub fn new(context: Context) -> Self {
        let mut palette = Self { line: Line::default(), found: Vec::new(), at: 0, context };
        palette.look();
        palette
    }

    /// The context of the screen below.
    #[must_use]
    pub fn context(&self) -> Context {
        self.context
    }

    /// Finds again, after something was typed: names that begin so, then those that hold it, then docs that do.
    pub fn look(&mut self) {
        let typed = self.line.text().trim().to_lowercase();
        let rank = |action: &Action| {
            let name = action.name();
            match () {
                () if name == typed => Some(0),
                () if name.starts_with(&typed) => Some(1),
                () if name.split_once('.').is_some_and(|(_, verb)| verb.starts_with(&typed)) => Some(2),
                () if name.contains(&typed) => Some(3),
                () if action.doc().to_lowercase().contains(&typed) => Some(4),
                () => None,
            }
        };
        let mut found: Vec<(u8, Action)> = Action::ALL
            .iter()
            .filter(|action| action.applies_in(self.context) && **action != Action::Palette)
            .filter_map(|action| Some((rank(action)?, *action)))
            .collect();
        found.sort_by_key(|(rank, _)| *rank);
        self.found = found.into_iter().map(|(_, action)| action).collect();
        self.at = 0;
    }

    /// Marks another.
    pub fn step(&mut self, by: isize) {
        self.at = self.at.saturating_add_signed(by).min(self.found.len().saturating_sub(1));
    }

    /// The marked one.
    #[must_use]
    pub fn chosen(&self) -> Option<Action> {
        self.found.get(self.at).copied()
    }
}
