//! Style scopes (meanings) to styles, with fallback; checked, and degraded to what the terminal can show. Pure.
//!
//! A theme never carries meaning alone: every state that it colours is also written in words or marks by whoever draws it.

pub mod colours;
mod read;
pub mod scope;

use ratatui::style::Style;

pub use colours::Colours;
pub use scope::Scope;

use crate::settings::Finding;
use crate::settings::finding::forbid;
use crate::settings::layers::{Library, Source, layers};

/// The shipped themes.
pub const SHIPPED: &[(&str, &str)] =
    &[("dark", include_str!("../../themes/dark.toml")), ("light", include_str!("../../themes/light.toml"))];

/// A theme: a style for every scope.
#[derive(Clone, Debug, PartialEq)]
pub struct Theme {
    /// Its name.
    pub name: String,
    styles: Vec<Style>,
}

/// The shipped files with a person's own in front of them.
struct Files<'f> {
    own: &'f dyn Fn(&str) -> Option<Source>,
}

impl Library for Files<'_> {
    fn own(&self, name: &str) -> Option<Source> {
        (self.own)(name)
    }

    fn shipped(&self, name: &str) -> Option<Source> {
        let (_, text) = SHIPPED.iter().find(|(shipped, _)| *shipped == name)?;
        Some(Source { file: format!("themes/{name}.toml (shipped)"), text: (*text).to_owned() })
    }

    fn names(&self) -> Vec<String> {
        SHIPPED.iter().map(|(name, _)| (*name).to_owned()).collect()
    }
}

impl Theme {
    /// Makes the theme of a name out of the shipped files and the person's own, which are asked for by name without `.toml`.
    ///
    /// # Errors
    /// All findings, when one of them forbids it.
    pub fn load(name: &str, own: &dyn Fn(&str) -> Option<Source>) -> Result<(Self, Vec<Finding>), Vec<Finding>> {
        let (documents, mut findings) = layers(name, &Files { own })?;
        let (styles, told) = read::read(&documents);
        findings.extend(told);
        if forbid(&findings) { Err(findings) } else { Ok((Self { name: name.to_owned(), styles }, findings)) }
    }

    /// The shipped dark theme.
    #[must_use]
    pub fn builtin() -> Self {
        Self::load("dark", &|_| None)
            .map_or_else(|_| Self { name: "dark".to_owned(), styles: Vec::new() }, |(theme, _)| theme)
    }

    /// No colours, only bold, underline and reverse: what `NO_COLOR` asks for.
    #[must_use]
    pub fn plain() -> Self {
        Self::builtin().adapt(Colours::None)
    }

    /// The theme as far as a terminal can show it.
    #[must_use]
    pub fn adapt(&self, colours: Colours) -> Self {
        let text = self.style(Scope::Text);
        let styles =
            Scope::ALL.iter().map(|scope| colours::degrade(self.style(*scope), *scope, text, colours)).collect();
        Self { name: self.name.clone(), styles }
    }

    /// The style of a scope. Every piece of the screen lies on [`Scope::Text`], which fills the screen first.
    #[must_use]
    pub fn style(&self, scope: Scope) -> Style {
        self.styles.get(scope as usize).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
