//! One line of typed text with a cursor, for fields, prompts and filters. It moves by what a person sees as a character
//! (grapheme clusters, UAX #29) and never holds a control character.

use unicode_segmentation::UnicodeSegmentation;

use crate::action::Action;

/// A line being typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    text: String,
    at: usize,
}

impl Line {
    /// A line that holds `text`, the cursor behind it.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let text = typed(text);
        Self { at: text.len(), text }
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text before the cursor.
    #[must_use]
    pub fn before(&self) -> &str {
        self.text.get(..self.at).unwrap_or_default()
    }

    fn after(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Puts text in at the cursor; line breaks and other controls become spaces.
    pub fn insert(&mut self, text: &str) {
        let text = typed(text);
        self.text.insert_str(self.at, &text);
        self.at += text.len();
    }

    /// Takes an intent; tells whether it was one that edits or moves.
    pub fn act(&mut self, action: Action) -> bool {
        match action {
            Action::TextDeleteLeft => self.cut(self.left(), self.at),
            Action::TextDeleteRight => self.cut(self.at, self.right()),
            Action::TextDeleteWord => self.cut(self.word_left(), self.at),
            Action::TextDeleteToStart => self.cut(0, self.at),
            Action::TextDeleteToEnd => self.cut(self.at, self.text.len()),
            Action::TextLeft => self.at = self.left(),
            Action::TextRight => self.at = self.right(),
            Action::TextWordLeft => self.at = self.word_left(),
            Action::TextWordRight => self.at = self.word_right(),
            Action::TextLineStart | Action::TextStart => self.at = 0,
            Action::TextLineEnd | Action::TextEnd => self.at = self.text.len(),
            _ => return false,
        }
        true
    }

    /// Puts the text `with` in place of what stands between `from` and the cursor.
    pub fn replace_from(&mut self, from: usize, with: &str) {
        self.cut(from, self.at);
        self.insert(with);
    }

    fn cut(&mut self, from: usize, to: usize) {
        if from <= to && self.text.is_char_boundary(from) && self.text.is_char_boundary(to) {
            self.text.replace_range(from..to, "");
            self.at = from;
        }
    }

    fn left(&self) -> usize {
        self.before().grapheme_indices(true).next_back().map_or(0, |(at, _)| at)
    }

    fn right(&self) -> usize {
        self.at + self.after().graphemes(true).next().map_or(0, str::len)
    }

    fn word_left(&self) -> usize {
        let text = self.before().trim_end();
        text.rfind(|c: char| c.is_whitespace() || c == ',').map_or(0, |at| at + 1)
    }

    fn word_right(&self) -> usize {
        let after = self.after();
        let skipped = after.len() - after.trim_start().len();
        let rest = after.get(skipped..).unwrap_or_default();
        self.at + skipped + rest.find(|c: char| c.is_whitespace() || c == ',').unwrap_or(rest.len())
    }
}

/// Typed or pasted text as it may be sent and shown, the same for both: without controls (line breaks become spaces), and without
/// what turns the order of characters round or is not seen at all. Joiners stay: scripts and emoji need them.
#[must_use]
pub fn typed(text: &str) -> String {
    let unseen = |c: char| {
        matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
            || ('\u{e0000}'..='\u{e007f}').contains(&c)
    };
    text.chars()
        .filter(|c| !unseen(*c))
        .map(|c| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { ' ' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::Line;
    use crate::action::Action;

    #[test]
    fn a_character_is_what_a_person_sees() {
        let mut line = Line::new("e\u{301}👍🏽x");
        line.act(Action::TextDeleteLeft);
        line.act(Action::TextLeft);
        line.act(Action::TextLeft);
        assert_eq!(line.before(), "");
        line.act(Action::TextDeleteRight);
        assert!(!line.text().starts_with('e') && !line.text().starts_with('\u{301}'));
    }

    #[test]
    fn words_are_cut_at_spaces_and_commas() {
        let mut line = Line::new("one@a.example, two@b.example");
        line.act(Action::TextDeleteWord);
        assert_eq!(line.text(), "one@a.example, ");
        line.act(Action::TextDeleteToStart);
        assert_eq!(line.text(), "");
    }

    #[test]
    fn pasted_controls_become_harmless() {
        let mut line = Line::default();
        line.insert("a\r\nb\u{1b}[2J\u{202e}c");
        assert_eq!(line.text(), "a  b [2Jc");
    }
}
