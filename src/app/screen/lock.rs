//! The locked screen. While it is shown the model holds no case data.

use crate::app::effect::Passphrase;
use crate::app::view::Sentence;
use crate::keymap::key::{Code, Key};

/// Longer than any passphrase; so that the buffer never moves and leaves copies behind.
const LONGEST: usize = 1_024;

/// The locked screen.
#[derive(Debug)]
pub struct Lock {
    entry: Passphrase,
    /// A passphrase is being tried.
    pub trying: bool,
    /// Why the last one was refused.
    pub refused: Option<Sentence>,
    /// The gravest thing that was told meanwhile: shown once it is open.
    pub missed: Option<Sentence>,
}

impl Default for Lock {
    fn default() -> Self {
        Self { entry: Passphrase(String::with_capacity(LONGEST)), trying: false, refused: None, missed: None }
    }
}

impl Lock {
    /// Takes a key; answers a passphrase to try.
    pub fn key(&mut self, key: Key) -> Option<Passphrase> {
        match (key.code, key.ctrl) {
            _ if self.trying => {}
            (Code::Enter, _) if !self.entry.0.is_empty() => {
                self.trying = true;
                self.refused = None;
                let empty = Passphrase(String::with_capacity(LONGEST));
                return Some(std::mem::replace(&mut self.entry, empty));
            }
            (Code::Char('u' | 'w'), true) => self.clear(),
            (Code::Backspace, _) => drop(self.entry.0.pop()),
            (Code::Char(c), false) => self.push(c),
            _ => {}
        }
        None
    }

    /// Takes pasted text; a line break at its end is no part of a passphrase.
    pub fn paste(&mut self, text: &str) {
        if !self.trying {
            text.trim_end_matches(['\r', '\n']).chars().for_each(|c| self.push(c));
        }
    }

    /// Whether anything has been typed. How much is nobody's business.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entry.0.is_empty()
    }

    /// The passphrase was refused.
    pub fn refuse(&mut self, why: Sentence) {
        self.clear();
        self.trying = false;
        self.refused = Some(why);
    }

    fn push(&mut self, c: char) {
        if self.entry.0.len() + c.len_utf8() <= LONGEST {
            self.entry.0.push(c);
        }
    }

    fn clear(&mut self) {
        self.entry = Passphrase(String::with_capacity(LONGEST));
    }
}
