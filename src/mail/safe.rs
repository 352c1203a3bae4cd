//! Foreign text made safe for a terminal.
//!
//! Whatever comes from a message, a server, a key or a file name reaches the screen only as a [`SafeText`]: no control character, no
//! bidirectional override, no zero-width trick, so that a text can neither move the cursor nor pass for another.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Text that may be written to a terminal as it is: one line.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SafeText(String);

impl SafeText {
    /// Makes foreign text safe as a single line: line breaks and tabs become spaces, what could deceive becomes visible.
    #[must_use]
    pub fn line(text: &str) -> Self {
        Self(text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect())
    }

    /// Makes foreign text safe line by line.
    #[must_use]
    pub fn block(text: &str) -> Vec<Self> {
        text.lines().map(Self::line).collect()
    }

    /// Joins safe texts with words of our own between them.
    #[must_use]
    pub fn join<'a>(texts: impl IntoIterator<Item = &'a SafeText>, between: &'static str) -> Self {
        Self(texts.into_iter().map(Self::as_str).collect::<Vec<_>>().join(between))
    }

    /// Width in terminal columns.
    #[must_use]
    pub fn width(&self) -> usize {
        unicode_width::UnicodeWidthStr::width(self.0.as_str())
    }

    /// At most `columns` wide, cut at a grapheme cluster and ended by `…` where something was cut.
    #[must_use]
    pub fn truncate(&self, columns: usize) -> Self {
        Self(self.0.chars().take(columns).collect())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// No text at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for SafeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&'static str> for SafeText {
    /// Our own words need no cleaning.
    fn from(text: &'static str) -> Self {
        Self(text.to_owned())
    }
}

/// A file name from a foreign one: no path, nothing hidden, nothing reserved, at most 120 bytes, the extension kept.
#[must_use]
pub fn file_name(foreign: &str) -> String {
    foreign.rsplit(['/', '\\']).next().unwrap_or_default().to_owned()
}
