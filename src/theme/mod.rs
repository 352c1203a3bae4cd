//! Style scopes (meanings) to styles, with fallback; checked, and degraded to what the terminal can show. Pure.
//!
//! A theme never carries meaning alone: every state that it colours is also written in words or marks by whoever draws it.

pub mod colours;
pub mod scope;

use ratatui::style::Style;

pub use colours::Colours;
pub use scope::Scope;

/// A theme: a style for every scope.
#[derive(Clone, Debug, PartialEq)]
pub struct Theme {
    /// Its name.
    pub name: String,
    styles: Vec<Style>,
}

impl Theme {
    /// The style of a scope.
    #[must_use]
    pub fn style(&self, scope: Scope) -> Style {
        self.styles.get(scope as usize).copied().unwrap_or_default()
    }

    /// No colours, only bold, underline and reverse: what `NO_COLOR` asks for.
    #[must_use]
    pub fn plain() -> Self {
        Self { name: "plain".to_owned(), styles: vec![Style::default(); Scope::ALL.len()] }
    }
}
