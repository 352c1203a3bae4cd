//! People of the mail seen so far, for the completion of addresses.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::mail::address::Address;
use crate::store::summary::Summary;

/// People remembered; beyond it, strangers are no longer added.
const PEOPLE_MAX: usize = 50_000;

/// Somebody.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Person {
    name: String,
    /// As first written.
    addr: String,
    /// Messages written to them by the user.
    written_to: u32,
    /// Messages with them in it.
    seen: u32,
    /// When last, seconds.
    last: i64,
}

/// Everybody, by address in lower case.
#[derive(Debug, Default)]
pub(super) struct People(HashMap<String, Person>);

impl People {
    /// Everybody, to be kept.
    pub(super) fn all(&self) -> Vec<&Person> {
        self.0.values().collect()
    }

    /// Those who were kept.
    pub(super) fn set(&mut self, people: Vec<Person>) {
        self.0 = people.into_iter().map(|person| (person.addr.to_lowercase(), person)).collect();
    }

    /// Those whom the user has written to, with how often.
    pub(super) fn written(&self) -> impl Iterator<Item = (&str, u32)> {
        self.0.values().filter(|person| person.written_to > 0).map(|person| (person.addr.as_str(), person.written_to))
    }

    /// Takes note of the people in a message. A name is believed from the newest message.
    pub(super) fn note(&mut self, summary: &Summary, sent_by_us: bool) {
        for (address, written_to) in
            summary.from.iter().map(|a| (a, false)).chain(summary.to.iter().chain(&summary.cc).map(|a| (a, sent_by_us)))
        {
            if address.addr.is_empty() || address.addr.len() > 254 {
                continue;
            }
            let key = address.addr.to_lowercase();
            if self.0.len() >= PEOPLE_MAX && !self.0.contains_key(&key) {
                continue;
            }
            let person = self.0.entry(key).or_insert_with(|| Person {
                name: String::new(),
                addr: address.addr.clone(),
                written_to: 0,
                seen: 0,
                last: i64::MIN,
            });
            person.seen = person.seen.saturating_add(1);
            person.written_to = person.written_to.saturating_add(u32::from(written_to));
            if summary.received >= person.last {
                person.last = summary.received;
                if !address.name.trim().is_empty() {
                    person.name.clone_from(&address.name);
                }
            }
        }
    }

    /// Those that what was typed may stand for, best first: those written to before those only seen, then the most recent.
    pub(super) fn complete(&self, typed: &str, most: usize) -> Vec<Address> {
        let typed = typed.trim().to_lowercase();
        if typed.is_empty() {
            return Vec::new();
        }
        let mut hits: Vec<((bool, bool, i64), &String, &Person)> = self
            .0
            .iter()
            .filter_map(|(key, person)| {
                let name = person.name.to_lowercase();
                let begins = key.starts_with(&typed) || name.split_whitespace().any(|word| word.starts_with(&typed));
                (begins || key.contains(&typed) || name.contains(&typed)).then_some((
                    (begins, person.written_to > 0, person.last),
                    key,
                    person,
                ))
            })
            .collect();
        hits.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(b.1)));
        hits.into_iter()
            .take(most)
            .map(|(_, _, person)| Address { name: person.name.clone(), addr: person.addr.clone() })
            .collect()
    }
}
