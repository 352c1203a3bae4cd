//! Wrapping lines to a width, by grapheme cluster and column.
//!
//! Wraps once for a width; whoever draws keeps the lines. Never loses a character but the space at which a line is cut.

use unicode_segmentation::UnicodeSegmentation;

use super::safe::width as columns;

/// Quote marks repeated on a continued line: no more than this, and no more than half of the line.
const MARKS_MAX: usize = 20;

/// Wraps a text (lines ended by `\n`) to lines of at most `width` columns. Quote marks are repeated on continued lines.
#[must_use]
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let text = text.strip_suffix('\n').unwrap_or(text);
    let mut lines = Vec::with_capacity(text.len() / width.max(16) + 1);
    for line in text.split('\n') {
        wrap_line(line, width, &mut lines);
    }
    lines
}

/// Wraps one line and appends what comes of it.
pub fn wrap_line(line: &str, width: usize, lines: &mut Vec<String>) {
    let width = width.max(1);
    if line.len() <= width || columns(line) <= width {
        lines.push(line.to_owned());
        return;
    }
    let marks = quote_marks(line);
    let marks =
        if marks.len() <= MARKS_MAX && marks.len() * 2 <= width && width - marks.len() >= 2 { marks } else { "" };
    let mut rest = line.strip_prefix(marks).unwrap_or(line);
    let room = width - marks.len();
    loop {
        let (piece, after) = cut(rest, room);
        let mut whole = String::with_capacity(marks.len() + piece.len());
        whole.push_str(marks);
        whole.push_str(piece);
        lines.push(whole);
        if after.is_empty() {
            return;
        }
        rest = after;
    }
}

/// `> > ` at the start of a line.
fn quote_marks(line: &str) -> &str {
    let mut end = 0;
    for (at, byte) in line.bytes().enumerate() {
        match byte {
            b'>' => end = at + 1,
            b' ' if end == at && at > 0 => end = at + 1,
            _ => break,
        }
    }
    line.get(..end).unwrap_or_default()
}

/// Cuts at the last space that fits, else within the word; gives the rest without the spaces at the cut.
fn cut(line: &str, room: usize) -> (&str, &str) {
    if line.is_ascii() {
        return cut_ascii(line, room);
    }
    let (mut used, mut space) = (0, None);
    for (at, grapheme) in line.grapheme_indices(true) {
        let next = used + columns(grapheme);
        if grapheme == " " {
            if used <= room && at > 0 {
                space = Some(at);
            }
        } else if next > room {
            let at = space.unwrap_or(if at == 0 { grapheme.len() } else { at });
            return split(line, at);
        }
        used = next;
    }
    // Spaces at the very end may stand over.
    match space.filter(|_| used > room) {
        Some(at) => split(line, at),
        None => (line, ""),
    }
}

fn cut_ascii(line: &str, room: usize) -> (&str, &str) {
    if line.len() <= room {
        return (line, "");
    }
    let window = line.as_bytes().get(..=room).unwrap_or_default();
    match memchr::memrchr(b' ', window).filter(|&at| at > 0 && window.iter().take(at).any(|&byte| byte != b' ')) {
        Some(at) => split(line, at),
        None => split(line, room),
    }
}

fn split(line: &str, at: usize) -> (&str, &str) {
    let (piece, rest) = line.split_at_checked(at).unwrap_or((line, ""));
    (piece, rest.trim_start_matches(' '))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert, prop_assert_eq, proptest};

    use super::wrap;
    use crate::mail::safe::width;

    #[test]
    fn lines_are_cut_at_spaces_and_quotes_kept() {
        let check =
            |text: &str, columns: usize, expected: &[&str]| assert_eq!(wrap(text, columns), expected, "{text:?}");
        check("", 10, &[""]);
        check("short", 10, &["short"]);
        check("a\n\nb\n", 10, &["a", "", "b"]);
        check("one two three four", 9, &["one two", "three", "four"]);
        check("one two three", 7, &["one two", "three"]);
        check("abcdefghij", 4, &["abcd", "efgh", "ij"]);
        check("a abcdefghij", 4, &["a", "abcd", "efgh", "ij"]);
        check("> one two three", 9, &["> one two", "> three"]);
        check("> > one two three", 11, &["> > one two", "> > three"]);
        check(">> one two", 8, &[">> one", ">> two"]);
        check(">>>>>>>>>>> one", 8, &[">>>>>>>>", ">>> one"]);
        check("庭の置物を盗む", 6, &["庭の置", "物を盗", "む"]);
        check("é é é é", 3, &["é é", "é é"]);
        check("庭", 1, &["庭"]);
        check("  indented text here", 12, &["  indented", "text here"]);
        check("ab", 0, &["a", "b"]);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_every_line_fits(text in "[a-z é庭>\n]{0,200}", columns in 2_usize..40) {
            let lines = wrap(&text, columns);
            for line in &lines {
                prop_assert!(width(line) <= columns, "{line:?}");
            }
            let bare = |text: &str| text.chars().filter(|c| !matches!(c, ' ' | '\n' | '>')).collect::<String>();
            prop_assert_eq!(bare(&lines.concat()), bare(&text));
        }
    }
}
