//! Key sequences to actions: tries per context, made from the shipped file and the user's, checked for what cannot work. Pure.

pub mod key;

use std::time::Duration;

use crate::action::{Action, Context};
use key::Key;

/// What could follow the keys pressed so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// The next key, as text.
    pub key: String,
    /// The actions it leads to, or none when more keys must follow.
    pub actions: Vec<Action>,
}

/// What a key means after those before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// The sequence is whole: perform these, in order. The count is what was typed before it, where counts are on.
    Matched(Vec<Action>, Option<u32>),
    /// More keys may follow; shown to the person. After [`Keymap::timeout`] ask [`Keymap::expire`].
    Pending(Vec<Hint>),
    /// Bound to nothing here: in a context that types text it is text.
    Unbound,
}

/// A binding in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The sequence as text, for instance `g g`.
    pub keys: String,
    /// What it does.
    pub actions: Vec<Action>,
    /// The context that it comes from.
    pub context: Context,
}

/// A keymap.
#[derive(Clone, Debug)]
pub struct Keymap {
    /// Its name.
    pub name: String,
    timeout: Duration,
}

impl Keymap {
    /// The shipped default.
    #[must_use]
    pub fn builtin() -> Self {
        Self { name: "default".to_owned(), timeout: Duration::from_millis(800) }
    }

    /// How long a sequence waits for its next key.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// What `key` means in a context after the keys that are pending.
    #[must_use]
    pub fn resolve(&self, context: Context, pending: &[Key], key: Key) -> Resolution {
        let _ = (context, pending, key);
        Resolution::Unbound
    }

    /// What the pending keys mean by themselves, once no further key came in time.
    #[must_use]
    pub fn expire(&self, context: Context, pending: &[Key]) -> Resolution {
        let _ = (context, pending);
        Resolution::Unbound
    }

    /// What is bound in a context, inherited bindings included, in the order of [`Action::ALL`].
    #[must_use]
    pub fn bindings(&self, context: Context) -> Vec<Binding> {
        let _ = context;
        Vec::new()
    }

    /// The shortest sequence that performs an action in a context, for hints and footers.
    #[must_use]
    pub fn hint(&self, context: Context, action: Action) -> Option<String> {
        let _ = (context, action);
        None
    }
}
