//! One key press, free of the terminal library, and its text form both ways.

use std::fmt;
use std::str::FromStr;

/// What was pressed, without modifiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// A character, as typed (shift is in the character).
    Char(char),
    /// Return.
    Enter,
    /// Escape.
    Esc,
    /// Tab.
    Tab,
    /// Shift-Tab.
    BackTab,
    /// Backspace.
    Backspace,
    /// Delete.
    Delete,
    /// Insert.
    Insert,
    /// Cursor up.
    Up,
    /// Cursor down.
    Down,
    /// Cursor left.
    Left,
    /// Cursor right.
    Right,
    /// Home.
    Home,
    /// End.
    End,
    /// Page up.
    PageUp,
    /// Page down.
    PageDown,
    /// A function key.
    F(u8),
}

/// A key press.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// What was pressed.
    pub code: Code,
    /// With control.
    pub ctrl: bool,
    /// With alt.
    pub alt: bool,
    /// With shift, for keys that are not characters.
    pub shift: bool,
}

impl Key {
    /// A character without modifiers.
    #[must_use]
    pub const fn char(c: char) -> Self {
        Self::plain(Code::Char(c))
    }

    /// A character with control.
    #[must_use]
    pub const fn ctrl(c: char) -> Self {
        Self { code: Code::Char(c), ctrl: true, alt: false, shift: false }
    }

    /// Any key without modifiers.
    #[must_use]
    pub const fn plain(code: Code) -> Self {
        Self { code, ctrl: false, alt: false, shift: false }
    }

    /// Whether the key types its character.
    #[must_use]
    pub fn types(self) -> bool {
        matches!(self.code, Code::Char(_)) && !self.ctrl && !self.alt
    }

    /// The same key in the one form that a terminal sends: shift is in the character, control knows no upper case, shift-tab is a key
    /// of its own, and what the C0 codes cannot tell apart is one key (ctrl-i is Tab, ctrl-m Enter, ctrl-\[ Esc).
    #[must_use]
    pub fn normal(self) -> Self {
        let mut key = self;
        if let Code::Char(c) = key.code {
            if key.shift && !key.ctrl {
                key.code = Code::Char(c.to_uppercase().next().unwrap_or(c));
            }
            key.shift = false;
            if key.ctrl {
                let (code, ctrl) = match c.to_ascii_lowercase() {
                    'i' => (Code::Tab, false),
                    'm' => (Code::Enter, false),
                    '[' => (Code::Esc, false),
                    '@' => (Code::Char(' '), true),
                    '4' => (Code::Char('\\'), true),
                    '5' => (Code::Char(']'), true),
                    '6' => (Code::Char('^'), true),
                    '7' | '/' | '-' => (Code::Char('_'), true),
                    '8' => (Code::Backspace, false),
                    c => (Code::Char(c), true),
                };
                key.code = code;
                key.ctrl = ctrl;
            }
        } else if key.code == Code::Tab && key.shift {
            key.code = Code::BackTab;
        }
        if key.code == Code::BackTab {
            key.shift = false;
        }
        key
    }

    /// Whether terminals send this key as something of its own. Without extensions they have no control with most punctuation, and no
    /// modified Enter, Tab, Backspace or Esc.
    #[must_use]
    pub fn is_sent(self) -> bool {
        match self.code {
            Code::Char(c) => !self.ctrl || c.is_ascii_lowercase() || " \\]^_".contains(c),
            Code::Enter | Code::Tab | Code::BackTab | Code::Backspace | Code::Esc => !self.ctrl && !self.shift,
            _ => true,
        }
    }
}

/// Names of keys that are not characters: the first of each code is the one we write.
const NAMES: &[(&str, Code)] = &[
    ("space", Code::Char(' ')),
    ("enter", Code::Enter),
    ("return", Code::Enter),
    ("cr", Code::Enter),
    ("esc", Code::Esc),
    ("escape", Code::Esc),
    ("tab", Code::Tab),
    ("shift-tab", Code::BackTab),
    ("backtab", Code::BackTab),
    ("s-tab", Code::BackTab),
    ("backspace", Code::Backspace),
    ("bs", Code::Backspace),
    ("delete", Code::Delete),
    ("del", Code::Delete),
    ("insert", Code::Insert),
    ("ins", Code::Insert),
    ("up", Code::Up),
    ("down", Code::Down),
    ("left", Code::Left),
    ("right", Code::Right),
    ("home", Code::Home),
    ("end", Code::End),
    ("page-up", Code::PageUp),
    ("pageup", Code::PageUp),
    ("pgup", Code::PageUp),
    ("page-down", Code::PageDown),
    ("pagedown", Code::PageDown),
    ("pgdn", Code::PageDown),
    ("lt", Code::Char('<')),
    ("gt", Code::Char('>')),
    ("minus", Code::Char('-')),
    ("plus", Code::Char('+')),
];

/// Prefixes that are modifiers.
const MODIFIERS: &[(&str, Modifier)] = &[
    ("ctrl-", Modifier::Ctrl),
    ("control-", Modifier::Ctrl),
    ("c-", Modifier::Ctrl),
    ("alt-", Modifier::Alt),
    ("meta-", Modifier::Alt),
    ("a-", Modifier::Alt),
    ("m-", Modifier::Alt),
    ("shift-", Modifier::Shift),
    ("s-", Modifier::Shift),
];

#[derive(Clone, Copy)]
enum Modifier {
    Ctrl,
    Alt,
    Shift,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (held, name) in [(self.ctrl, "ctrl-"), (self.alt, "alt-"), (self.shift, "shift-")] {
            if held {
                f.write_str(name)?;
            }
        }
        match self.code {
            Code::F(number) => write!(f, "F{number}"),
            Code::Char(c) if c != ' ' => write!(f, "{c}"),
            code => f.write_str(NAMES.iter().find(|(_, named)| *named == code).map_or("?", |(name, _)| name)),
        }
    }
}

/// A text that names no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no key")]
pub struct KeyError(pub String);

impl FromStr for Key {
    type Err = KeyError;

    /// Reads one key: `g`, `G`, `ctrl-r`, `alt-x`, `F5`, `enter`; also `<CR>` and `<C-r>`.
    fn from_str(text: &str) -> Result<Self, KeyError> {
        read_key(text).map(Self::normal).ok_or_else(|| KeyError(text.to_owned()))
    }
}

fn read_key(text: &str) -> Option<Key> {
    let bare = text.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).filter(|inner| !inner.is_empty());
    let mut rest = bare.unwrap_or(text);
    let mut key = Key::plain(Code::Esc);
    loop {
        let mut chars = rest.chars();
        if let (Some(c), None) = (chars.next(), chars.next()) {
            if c.is_control() {
                return None;
            }
            key.code = Code::Char(c);
            return Some(key);
        }
        let lower = rest.to_ascii_lowercase();
        let inner = lower.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).unwrap_or(&lower);
        if let Some((_, code)) = NAMES.iter().find(|(name, _)| *name == inner) {
            key.code = *code;
            return Some(key);
        }
        if let Some(number) = inner.strip_prefix('f').and_then(|digits| digits.parse::<u8>().ok()) {
            key.code = Code::F(number);
            return (1..=24).contains(&number).then_some(key);
        }
        let (prefix, modifier) = MODIFIERS.iter().find(|(prefix, _)| lower.starts_with(prefix))?;
        match modifier {
            Modifier::Ctrl => key.ctrl = true,
            Modifier::Alt => key.alt = true,
            Modifier::Shift => key.shift = true,
        }
        rest = rest.get(prefix.len()..)?;
    }
}

/// Reads a sequence: keys with spaces between them, as in a keymap file (`g g`, `ctrl-x s`).
///
/// # Errors
/// With the first part that is no key.
pub fn sequence(text: &str) -> Result<Vec<Key>, KeyError> {
    let keys = text.split_whitespace().map(str::parse).collect::<Result<Vec<Key>, _>>()?;
    if keys.is_empty() { Err(KeyError(text.to_owned())) } else { Ok(keys) }
}

/// Reads keys as they would be typed, without spaces between them: `jj<CR>r`, `3j`, `<C-d>`. A `<` that begins no key is itself.
#[must_use]
pub fn typed(text: &str) -> Vec<Key> {
    let mut keys = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let named = rest.find('>').and_then(|end| rest.get(..=end)).filter(|_| c == '<');
        let (key, length) = match named.and_then(|token| Some((token.parse().ok()?, token.len()))) {
            Some(found) => found,
            None => (Key::char(c), c.len_utf8()),
        };
        keys.push(key);
        rest = rest.get(length..).unwrap_or_default();
    }
    keys
}

/// A sequence as text, the way [`sequence`] reads it.
#[must_use]
pub fn written(keys: &[Key]) -> String {
    keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{Strategy, any, prop_oneof, proptest};

    use super::{Code, Key, sequence, typed, written};

    #[test]
    fn keys_are_read_in_every_usual_notation_and_written_in_one() {
        let check = |text: &str, expected: &str| {
            let told = sequence(text).map_or_else(|error| error.to_string(), |keys| written(&keys));
            assert_eq!(told, expected, "{text}");
        };
        check("g g", "g g");
        check("  G ", "G");
        check("ctrl-r", "ctrl-r");
        check("Ctrl-R", "ctrl-r");
        check("<C-r>", "ctrl-r");
        check("<space>", "space");
        check("alt-x", "alt-x");
        check("alt-X", "alt-X");
        check("f5", "F5");
        check("<CR>", "enter");
        check("<Esc>", "esc");
        check("shift-tab", "shift-tab");
        check("<S-Tab>", "shift-tab");
        check("shift-a", "A");
        check("ctrl-<up>", "ctrl-up");
        check("shift-F5", "shift-F5");
        check("<", "<");
        check("ctrl-x <lt>", "ctrl-x <");
        check("-", "-");
        check("ctrl-/", "ctrl-_");
        check("ctrl-i", "tab");
        check("ctrl-m", "enter");
        check("é", "é");
        check("hyper-x", "`hyper-x` is no key");
        check("F99", "`F99` is no key");
        check("gg", "`gg` is no key");
        check("", "`` is no key");
    }

    #[test]
    fn typed_keys_need_no_spaces() {
        assert_eq!(written(&typed("jj<CR>r<C-d>a<b")), "j j enter r ctrl-d a < b");
    }

    fn any_key() -> impl Strategy<Value = Key> {
        let code = prop_oneof![
            proptest::char::range(' ', '~').prop_map(Code::Char),
            (1u8..=24).prop_map(Code::F),
            proptest::sample::select(vec![
                Code::Enter,
                Code::Esc,
                Code::Tab,
                Code::BackTab,
                Code::Backspace,
                Code::Delete,
                Code::Insert,
                Code::Up,
                Code::Down,
                Code::Left,
                Code::Right,
                Code::Home,
                Code::End,
                Code::PageUp,
                Code::PageDown,
            ]),
        ];
        (code, any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(code, ctrl, alt, shift)| Key {
            code,
            ctrl,
            alt,
            shift,
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(keys in proptest::collection::vec(any_key(), 1..5)) {
            let keys: Vec<Key> = keys.into_iter().map(Key::normal).collect();
            assert_eq!(sequence(&written(&keys)).unwrap(), keys);
        }

        #[test]
        fn normal_is_stable(key in any_key()) {
            assert_eq!(key.normal().normal(), key.normal());
        }
    }
}
