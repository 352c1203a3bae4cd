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

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
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
