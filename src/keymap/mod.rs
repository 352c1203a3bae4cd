//! Key sequences to actions: tries per context, made from the shipped file and the user's, checked for what cannot work. Pure.
//!
//! Text that is pasted never comes through here, so it can never be a command.

mod check;
mod effective;
pub mod key;
mod read;
mod trie;

use std::time::Duration;

use crate::action::{Action, Context};
use crate::settings::Finding;
use crate::settings::finding::forbid;
use crate::settings::layers::{Library, Source, layers};
use effective::Bound;
use key::{Code, Key, written};
use trie::Trie;

/// The shipped keymaps.
pub const SHIPPED: &[(&str, &str)] =
    &[("default", include_str!("../../keymaps/default.toml")), ("vim", include_str!("../../keymaps/vim.toml"))];

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
    /// What was pending is whole and this key does not continue it: perform these, then resolve the key again with nothing pending
    /// (perhaps in another context by then).
    Earlier(Vec<Action>, Option<u32>),
    /// The key does not continue what was pending, which means nothing by itself: forget all of it, this key too.
    Abandoned,
    /// Nothing was pending, and the key is bound to nothing: in a context that types text it is text.
    Unbound,
}

/// A binding in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The sequence as text, for instance `g g`.
    pub keys: String,
    /// What it does.
    pub actions: Vec<Action>,
    /// The section that it comes from.
    pub context: Context,
}

/// A keymap.
#[derive(Clone, Debug)]
pub struct Keymap {
    /// Its name.
    pub name: String,
    timeout: Duration,
    counts: bool,
    tries: Vec<(Context, Trie<Bound>)>,
    bindings: Vec<(Context, Vec<Binding>)>,
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
        Some(Source { file: format!("keymaps/{name}.toml (shipped)"), text: (*text).to_owned() })
    }

    fn names(&self) -> Vec<String> {
        SHIPPED.iter().map(|(name, _)| (*name).to_owned()).collect()
    }
}

/// Counts above this are as good as "all".
const COUNT_MAX: u32 = 1_000_000;

impl Keymap {
    /// The shipped default.
    #[must_use]
    pub fn builtin() -> Self {
        Self::load("default", &|_| None).map_or_else(|_| Self::empty("default"), |(keymap, _)| keymap)
    }

    fn empty(name: &str) -> Self {
        Self { name: name.to_owned(), timeout: Duration::ZERO, counts: false, tries: Vec::new(), bindings: Vec::new() }
    }

    /// Makes the keymap of a name out of the shipped files and the person's own, which are asked for by name without `.toml`.
    ///
    /// # Errors
    /// All findings, when one of them forbids it.
    pub fn load(name: &str, own: &dyn Fn(&str) -> Option<Source>) -> Result<(Self, Vec<Finding>), Vec<Finding>> {
        let (documents, mut findings) = layers(name, &Files { own })?;
        let read = read::read(&documents);
        findings.extend(read.findings);
        if !forbid(&findings) {
            findings.extend(check::check(&read.lines, name));
        }
        if forbid(&findings) {
            return Err(findings);
        }
        let mut keymap = Self { timeout: read.timeout, counts: read.counts, ..Self::empty(name) };
        for context in Context::ALL {
            let mut trie = Trie::default();
            let mut bindings = Vec::new();
            for (keys, bound) in effective::effective(&read.lines, context) {
                bindings.push(Binding { keys: written(&keys), actions: bound.actions.clone(), context: bound.section });
                trie.insert(&keys, bound);
            }
            bindings.sort_by_key(|binding| (binding.actions.first().copied(), binding.keys.chars().count()));
            keymap.tries.push((context, trie));
            keymap.bindings.push((context, bindings));
        }
        Ok((keymap, findings))
    }

    /// How long a sequence waits for its next key.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// What `key` means in a context after the keys that are pending.
    #[must_use]
    pub fn resolve(&self, context: Context, pending: &[Key], key: Key) -> Resolution {
        let key = key.normal();
        if pending.is_empty() && context.types_text() && key.types() {
            return Resolution::Unbound;
        }
        let mut keys = pending.to_vec();
        keys.push(key);
        let (count, rest) = self.split_count(context, &keys);
        if rest.is_empty() {
            return Resolution::Pending(Vec::new());
        }
        let trie = self.trie(context);
        match trie.and_then(|trie| trie.at(rest)) {
            Some(at) if at.goes_on() => Resolution::Pending(
                at.next()
                    .map(|(key, leads_to)| Hint {
                        key: key.to_string(),
                        actions: leads_to.value().map(|bound| bound.actions.clone()).unwrap_or_default(),
                    })
                    .collect(),
            ),
            Some(at) => {
                at.value().map_or(Resolution::Abandoned, |bound| Resolution::Matched(bound.actions.clone(), count))
            }
            None if pending.is_empty() => Resolution::Unbound,
            None => match self.expire(context, pending) {
                Resolution::Matched(actions, count) => Resolution::Earlier(actions, count),
                _ => Resolution::Abandoned,
            },
        }
    }

    /// What the pending keys mean by themselves, once no further key came in time: [`Resolution::Matched`] or
    /// [`Resolution::Abandoned`].
    #[must_use]
    pub fn expire(&self, context: Context, pending: &[Key]) -> Resolution {
        let (count, rest) = self.split_count(context, pending);
        self.trie(context)
            .and_then(|trie| trie.at(rest)?.value())
            .map_or(Resolution::Abandoned, |bound| Resolution::Matched(bound.actions.clone(), count))
    }

    /// What is bound in a context, inherited bindings included, in the order of [`Action::ALL`], short sequences first.
    #[must_use]
    pub fn bindings(&self, context: Context) -> &[Binding] {
        self.bindings.iter().find(|(at, _)| *at == context).map_or(&[], |(_, bindings)| bindings)
    }

    /// All sequences that perform an action, and nothing else, in a context; the shortest first.
    pub fn keys_for(&self, context: Context, action: Action) -> impl Iterator<Item = &str> {
        self.bindings(context).iter().filter(move |binding| binding.actions == [action]).map(|b| b.keys.as_str())
    }

    /// The shortest sequence that performs an action in a context, for hints and footers.
    #[must_use]
    pub fn hint(&self, context: Context, action: Action) -> Option<&str> {
        self.keys_for(context, action).next()
    }

    fn trie(&self, context: Context) -> Option<&Trie<Bound>> {
        self.tries.iter().find(|(at, _)| *at == context).map(|(_, trie)| trie)
    }

    /// Takes the digits in front off, where counts are on and the digit is no key of its own.
    fn split_count<'k>(&self, context: Context, keys: &'k [Key]) -> (Option<u32>, &'k [Key]) {
        if !self.counts || !context.inherits_characters() {
            return (None, keys);
        }
        let mut count: Option<u32> = None;
        let mut rest = keys;
        while let [key, tail @ ..] = rest {
            let digit = match key.code {
                Code::Char(c) if key.types() => c.to_digit(10),
                _ => None,
            };
            let Some(digit) = digit.filter(|digit| count.is_some() || *digit != 0) else { break };
            if count.is_none() && self.trie(context).is_some_and(|trie| trie.at(&[*key]).is_some()) {
                break;
            }
            count = Some(count.unwrap_or(0).saturating_mul(10).saturating_add(digit).min(COUNT_MAX));
            rest = tail;
        }
        (count, rest)
    }
}

#[cfg(test)]
mod tests;
