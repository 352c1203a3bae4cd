//! The keys that are held: whose they are, what was decided about each, until when they last.

use super::Freshness;
use crate::app::list::{List, Row};
use crate::app::view::{KeyRow, Tone};
use crate::mail::safe::SafeText;
use crate::pgp::report::Acceptance;

/// Decisions that are shown of a key, the newest.
const DECISIONS_MAX: usize = 6;

impl Row for KeyRow {
    type Id = String;

    fn id(&self) -> String {
        self.fingerprint.clone()
    }

    fn texts(&self) -> impl Iterator<Item = &SafeText> {
        self.user_ids.iter().chain([&self.groups, &self.state.text]).chain(&self.cases)
    }
}

impl KeyRow {
    /// Whose it is, as it says itself.
    #[must_use]
    pub fn owner(&self) -> &SafeText {
        self.user_ids.first().unwrap_or(&self.groups)
    }

    /// It is the user's own.
    #[must_use]
    pub fn is_own(&self) -> bool {
        self.acceptance == Acceptance::Own
    }
}

/// The keys.
#[derive(Debug, Default)]
pub struct Keys {
    /// One's own first.
    pub list: List<KeyRow>,
    /// Whether they are up to date.
    pub fresh: Freshness,
    /// The key at the cursor has the whole screen.
    pub whole: bool,
    /// The key to go to as soon as the list is there.
    pub wanted: Option<String>,
}

/// A line about a key: what it is about, how loud it is, the words.
pub type Detail = (&'static str, Tone, SafeText);

/// Everything about a key, the most important first.
#[must_use]
pub fn details(row: &KeyRow) -> Vec<Detail> {
    let mut lines: Vec<Detail> = Vec::new();
    let mut add = |name, tone, text: SafeText| lines.push((name, tone, text));
    for (place, user_id) in row.user_ids.iter().enumerate() {
        add(if place == 0 { "Owner" } else { "" }, Tone::Plain, user_id.clone());
    }
    add("State", row.state.tone, row.state.text.clone());
    if let Some(soon) = &row.soon {
        add("", soon.tone, soon.text.clone());
    }
    add("Fingerprint", Tone::Plain, row.groups.clone());
    for (place, line) in row.words.iter().enumerate() {
        add(if place == 0 { "In words" } else { "" }, Tone::Plain, line.clone());
    }
    add("Dates", Tone::Plain, row.dates.clone());
    if let Some(secret) = &row.secret {
        add("Secret", if row.unlocked { Tone::Plain } else { Tone::Warning }, secret.clone());
    }
    let earlier = row.decisions.len().saturating_sub(DECISIONS_MAX);
    for (place, decision) in row.decisions.iter().rev().take(DECISIONS_MAX).enumerate() {
        add(if place == 0 { "Decisions" } else { "" }, Tone::Plain, decision.clone());
    }
    if earlier > 0 {
        add("", Tone::Plain, SafeText::line(&format!("and {earlier} earlier: `casemail key show`")));
    }
    if !row.cases.is_empty() {
        let cases: Vec<&str> = row.cases.iter().map(SafeText::as_str).collect();
        add("Used in", Tone::Plain, SafeText::line(&cases.join(", ")));
    }
    add("Came from", Tone::Plain, row.source.clone());
    lines
}
