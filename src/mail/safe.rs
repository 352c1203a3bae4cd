//! Foreign text made safe for a terminal.
//!
//! Whatever comes from a message, a server, a key or a file name reaches the screen only as a [`SafeText`]: no control character, no
//! bidirectional override, no zero-width trick, so that a text can neither move the cursor nor pass for another.
//!
//! Two measures. A *line* (a name, a subject, a file name) is what people believe at a glance: whatever is invisible or reorders
//! text is made visible as `[U+202E]`. A *block* (the text of a message) is read at leisure, and newsletters and telephone numbers are
//! full of harmless invisible characters: there what is merely invisible is left out, and only what reorders text is made visible.

use std::fmt;

use serde::{Deserialize, Serialize};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

pub use super::file_name::file_name;

/// Combining marks upon one character; more of them only smear over other lines.
const MARKS_MAX: usize = 4;

/// Text that may be written to a terminal as it is: one line.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SafeText(String);

impl SafeText {
    /// Makes foreign text safe as a single line: line breaks and tabs become spaces, what could deceive becomes visible.
    #[must_use]
    pub fn line(text: &str) -> Self {
        if is_plain(text) {
            return Self(text.to_owned());
        }
        let mut line = Cleaner::default();
        let mut before = None;
        let mut rest = text.chars().peekable();
        while let Some(character) = rest.next() {
            match class(character) {
                Class::LineBreak if character == '\r' && rest.peek() == Some(&'\n') => {}
                Class::LineBreak | Class::Tab => line.push(' '),
                // Joiners and selectors are ordinary within Persian, Indic scripts and emoji; beside ASCII they can only deceive.
                Class::Joiner
                    if before.is_some_and(|c: char| !c.is_ascii())
                        && rest.peek().is_none_or(|c| !c.is_ascii_alphanumeric()) => {}
                Class::Joiner | Class::Invisible | Class::Bidi | Class::Blank | Class::Private => line.mark(character),
                other => line.push_class(other, character),
            }
            before = Some(character);
        }
        Self(line.text)
    }

    /// Makes foreign text safe line by line. Tabs become spaces up to the next eighth column.
    #[must_use]
    pub fn block(text: &str) -> Vec<Self> {
        let text = text.strip_suffix('\n').unwrap_or(text);
        text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)).flat_map(block_line).collect()
    }

    /// Joins safe texts with words of our own between them.
    #[must_use]
    pub fn join<'a>(texts: impl IntoIterator<Item = &'a Self>, between: &'static str) -> Self {
        Self(texts.into_iter().map(Self::as_str).collect::<Vec<_>>().join(between))
    }

    /// Words of our own with safe texts in place of each `{}`, in order: `fill("from {} to {}", &[&a, &b])`.
    #[must_use]
    pub fn fill(words: &'static str, texts: &[&Self]) -> Self {
        let mut filled = String::new();
        let mut texts = texts.iter();
        for (at, piece) in words.split("{}").enumerate() {
            if at > 0 {
                filled.push_str(texts.next().map_or("", |text| text.as_str()));
            }
            filled.push_str(piece);
        }
        Self(filled)
    }

    /// Width in terminal columns.
    #[must_use]
    pub fn width(&self) -> usize {
        width(&self.0)
    }

    /// At most `columns` wide, cut at a grapheme cluster and ended by `…` where something was cut.
    #[must_use]
    pub fn truncate(&self, columns: usize) -> Self {
        if self.width() <= columns {
            return self.clone();
        }
        let mut cut = String::new();
        let mut left = columns.saturating_sub(1);
        for grapheme in self.0.graphemes(true) {
            let Some(rest) = left.checked_sub(width(grapheme)) else { break };
            left = rest;
            cut.push_str(grapheme);
        }
        if columns > 0 {
            cut.push('…');
        }
        Self(cut)
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

/// Width in terminal columns of a text without control characters.
#[must_use]
pub fn width(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.width() }
}

/// Letters of Latin, Greek, Cyrillic, Armenian or Cherokee within one word: the mark of a name that imitates another.
#[must_use]
pub fn mixes_scripts(text: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric()).any(|word| {
        let mut first = None;
        word.chars().filter_map(script).any(|script| *first.get_or_insert(script) != script)
    })
}

/// Something in the text is made visible by [`SafeText::line`]: it was made to deceive, or is broken.
#[must_use]
pub fn deceives(text: &str) -> bool {
    SafeText::line(text).0.contains("[U+") && !text.contains("[U+")
}

/// Ends of names that a system would run.
const PROGRAMS: &[&str] = &[
    "exe", "com", "scr", "pif", "bat", "cmd", "ps1", "vbs", "vbe", "js", "jse", "wsf", "wsh", "hta", "msi", "msp",
    "lnk", "jar", "cpl", "dll", "reg", "sh", "app", "apk", "docm", "xlsm", "pptm", "dotm", "xlam", "iso", "img", "vhd",
];

/// Whether a name is one of a program, whatever blanks and stops stand behind its end: some systems leave them out.
#[must_use]
pub fn is_program(name: &str) -> bool {
    let end = name.trim_end_matches([' ', '.']).rsplit_once('.').map(|(_, end)| end.to_ascii_lowercase());
    end.is_some_and(|end| PROGRAMS.contains(&end.as_str()))
}

/// Controls a terminal, reorders text, or is shown as nothing: never to be written as it is, wherever it stands.
#[must_use]
pub fn is_hidden(c: char) -> bool {
    !matches!(class(c), Class::Plain | Class::Space | Class::Mark)
}

fn script(c: char) -> Option<u8> {
    match c {
        'a'..='z' | 'A'..='Z' | '\u{c0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}' | '\u{ff21}'..='\u{ff5a}' => Some(0),
        '\u{370}'..='\u{3ff}' | '\u{1f00}'..='\u{1fff}' => Some(1),
        '\u{400}'..='\u{52f}' | '\u{1c80}'..='\u{1c8f}' | '\u{2de0}'..='\u{2dff}' => Some(2),
        '\u{530}'..='\u{58f}' => Some(3),
        '\u{13a0}'..='\u{13ff}' | '\u{ab70}'..='\u{abbf}' => Some(4),
        _ => None,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Plain,
    Tab,
    LineBreak,
    /// C0 and DEL, shown as `^[`.
    Control,
    /// C1: some terminals take U+009B for ESC `[`.
    Control1,
    /// Changes the order of what is shown (Unicode TR 9 and 36).
    Bidi,
    /// Shown as nothing at all.
    Invisible,
    /// Joiners and variation selectors.
    Joiner,
    /// Looks like a space and is none.
    Blank,
    /// A space of another width.
    Space,
    /// Font-dependent: could imitate marks of our own.
    Private,
    /// Stands on the character before it.
    Mark,
}

fn class(c: char) -> Class {
    match c {
        ' '..='~' => Class::Plain,
        '\t' => Class::Tab,
        '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => Class::LineBreak,
        '\0'..='\u{1f}' | '\u{7f}' => Class::Control,
        '\u{80}'..='\u{9f}' => Class::Control1,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => Class::Bidi,
        '\u{200c}'
        | '\u{200d}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{180b}'..='\u{180d}'
        | '\u{180f}'
        | '\u{e0100}'..='\u{e01ef}' => Class::Joiner,
        '\u{ad}'
        | '\u{34f}'
        | '\u{115f}'
        | '\u{1160}'
        | '\u{17b4}'
        | '\u{17b5}'
        | '\u{180e}'
        | '\u{200b}'
        | '\u{2060}'..='\u{2065}'
        | '\u{206a}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff0}'..='\u{fffb}'
        | '\u{13430}'..='\u{13455}'
        | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e00ff}'
        | '\u{e01f0}'..='\u{e0fff}' => Class::Invisible,
        '\u{2800}' | '\u{3164}' | '\u{ffa0}' => Class::Blank,
        '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => Class::Space,
        '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}' => Class::Private,
        _ if c > '\u{2ff}' && c.width() == Some(0) => Class::Mark,
        _ => Class::Plain,
    }
}

fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

fn block_line(line: &str) -> Vec<SafeText> {
    if is_plain(line) {
        return vec![SafeText(line.to_owned())];
    }
    let mut lines = Vec::new();
    let mut cleaner = Cleaner::default();
    // The column of the last tab, and how long the text was there: a line may be nothing but tabs, and none may cost all that stands before it.
    let (mut column, mut from) = (0_usize, 0_usize);
    for character in line.chars() {
        match class(character) {
            Class::LineBreak => {
                lines.push(SafeText(std::mem::take(&mut cleaner).text));
                (column, from) = (0, 0);
            }
            Class::Tab => {
                column += width(cleaner.text.get(from..).unwrap_or_default());
                let next = (column / 8 + 1) * 8;
                (column..next).for_each(|_| cleaner.push(' '));
                (column, from) = (next, cleaner.text.len());
            }
            Class::Joiner | Class::Invisible => {}
            Class::Blank => cleaner.push(' '),
            Class::Private => cleaner.push('\u{fffd}'),
            Class::Bidi => cleaner.mark(character),
            other => cleaner.push_class(other, character),
        }
    }
    lines.push(SafeText(cleaner.text));
    lines
}

#[derive(Default)]
struct Cleaner {
    text: String,
    marks: usize,
}

impl Cleaner {
    fn push(&mut self, c: char) {
        self.text.push(c);
        self.marks = 0;
    }

    fn mark(&mut self, c: char) {
        use fmt::Write as _;
        // Writing to a String cannot fail.
        let _ = write!(self.text, "[U+{:04X}]", u32::from(c));
        self.marks = 0;
    }

    fn push_class(&mut self, class: Class, c: char) {
        match class {
            Class::Control => {
                self.push('^');
                self.push(char::from_u32(u32::from(c) ^ 64).unwrap_or('?'));
            }
            Class::Control1 => self.mark(c),
            Class::Space => (0..c.width().unwrap_or(1).max(1)).for_each(|_| self.push(' ')),
            Class::Mark if self.marks == MARKS_MAX => {}
            Class::Mark => {
                // Without a character under it, a mark would land on whatever stands to the left on the screen.
                if self.text.is_empty() || self.text.ends_with(' ') {
                    self.text.push('\u{25cc}');
                }
                self.text.push(c);
                self.marks += 1;
            }
            _ => self.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

    use super::{SafeText, deceives, mixes_scripts, width};

    #[test]
    fn a_line_shows_what_deceives() {
        let check = |text: &str, expected: &str| assert_eq!(SafeText::line(text).as_str(), expected, "{text:?}");
        check("R v FERRET", "R v FERRET");
        check("two\r\nlines\nand\ttab", "two lines and tab");
        check("\u{1b}[31mred\u{7}", "^[[31mred^G");
        check("\u{1b}]52;c;AAAA\u{1b}\\", "^[]52;c;AAAA^[\\");
        check("\u{9b}2J", "[U+009B]2J");
        check("SDC\u{202e}fdp.exe", "SDC[U+202E]fdp.exe");
        check("ad\u{200b}min", "ad[U+200B]min");
        check("ad\u{ad}min", "ad[U+00AD]min");
        check("ad\u{200d}min", "ad[U+200D]min");
        check("a\u{fe0f}b", "a[U+FE0F]b");
        check("می\u{200c}خواهم", "میخواهم");
        check("👩\u{200d}⚖\u{fe0f} here", "👩⚖ here");
        check("x\u{e0041}\u{e0042}", "x[U+E0041][U+E0042]");
        check("a\u{2800}b\u{3164}", "a[U+2800]b[U+3164]");
        check("a\u{a0}b\u{3000}c", "a b  c");
        check("a\u{2028}b", "a b");
        check("lock \u{e0a2}", "lock [U+E0A2]");
        check("e\u{301}", "e\u{301}");
        check("\u{301}e", "\u{25cc}\u{301}e");
        check(&format!("Z{}", "\u{301}".repeat(50)), "Z\u{301}\u{301}\u{301}\u{301}");
        check("\0", "^@");
        check("\u{7f}", "^?");
    }

    #[test]
    fn a_block_leaves_out_what_is_merely_invisible() {
        let check = |text: &str, expected: &[&str]| {
            assert_eq!(SafeText::block(text).iter().map(SafeText::as_str).collect::<Vec<_>>(), expected, "{text:?}");
        };
        check("", &[""]);
        check("a\n\nb\n", &["a", "", "b"]);
        check("a\r\nb", &["a", "b"]);
        check("a\rb", &["a", "b"]);
        check("a\tb\n12345678\tc", &["a       b", "12345678        c"]);
        check(
            "é\t日本\t\u{1f1ec}\u{1f1e7}\tx\u{2028}é\tb",
            &["é       日本    \u{1f1ec}\u{1f1e7}      x", "é       b"],
        );
        check("x\u{34f}\u{200c}\u{ad}y", &["xy"]);
        check("a\u{202e}b", &["a[U+202E]b"]);
        check("a\u{2029}b", &["a", "b"]);
        check("\u{1b}c", &["^[c"]);
        check("\u{e0a2}", &["\u{fffd}"]);
    }

    /// A minute and more, where each tab costs what stands before it.
    #[test]
    fn a_line_of_tabs_takes_no_time() {
        let line = SafeText::block(&"é\t".repeat(200_000));
        assert_eq!((line.len(), line[0].as_str().chars().count()), (1, 8 * 200_000));
    }

    #[test]
    fn truncation_counts_columns_and_keeps_graphemes_whole() {
        let check = |text: &str, columns: usize, expected: &str| {
            assert_eq!(SafeText::line(text).truncate(columns).as_str(), expected, "{text:?} {columns}");
        };
        check("gnome", 5, "gnome");
        check("gnomes", 5, "gnom…");
        check("庭の置物", 8, "庭の置物");
        check("庭の置物", 7, "庭の置…");
        check("庭の置物", 6, "庭の…");
        check("e\u{301}e\u{301}e\u{301}", 2, "e\u{301}…");
        check("gnome", 1, "…");
        check("gnome", 0, "");
    }

    #[test]
    fn scripts_mixed_in_a_word_are_seen() {
        let check = |text: &str, expected: bool| assert_eq!(mixes_scripts(text), expected, "{text}");
        check("Barnaby Quill", false);
        check("Bаrnaby Quill", true);
        check("Иван Smith", false);
        check("Müller-Łukasz", false);
        check("paypαl", true);
    }

    #[test]
    fn deception_is_seen() {
        assert!(deceives("a\u{202e}b") && deceives("a\u{200b}b"));
        assert!(!deceives("Jørn e\u{301} 庭") && !deceives("plain"));
    }

    #[test]
    fn words_of_our_own_are_filled() {
        let (a, b) = (SafeText::line("A"), SafeText::line("{}"));
        assert_eq!(SafeText::fill("from {} to {}!", &[&a, &b]).as_str(), "from A to {}!");
        assert_eq!(SafeText::join([&a, &b], ", ").as_str(), "A, {}");
    }

    proptest! {
        #[test]
        fn nothing_unsafe_comes_through(text in proptest::collection::vec(any::<char>(), 0..60)) {
            let text: String = text.into_iter().collect();
            let unsafe_character = |c: char| {
                c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}'..='\u{200f}'
                    | '\u{2028}' | '\u{2029}' | '\u{e0000}'..='\u{e0fff}' | '\u{feff}' | '\u{ad}')
            };
            let line = SafeText::line(&text);
            prop_assert!(!line.as_str().chars().any(unsafe_character), "{:?}", line);
            for line in SafeText::block(&text) {
                prop_assert!(!line.as_str().chars().any(unsafe_character), "{:?}", line);
            }
            // What is safe stays as it is.
            prop_assert_eq!(SafeText::line(line.as_str()), line.clone());
            for columns in 0..20 {
                prop_assert!(width(line.truncate(columns).as_str()) <= columns);
            }
        }
    }
}
