//! Keys as the screen shows them, in words.

use std::sync::Arc;

use jiff::Timestamp;

use super::{KeyListed, Soon};
use crate::app::view::{KeyRow, Sentence, Tone};
use crate::mail::safe::SafeText;
use crate::pgp::report::Acceptance;
use crate::store::cert::{KeyDecision, SecretHome};

/// The rows of the screen: one's own first, then by owner.
pub(crate) fn rows(keys: &[KeyListed], ends: &[Soon], now: Timestamp) -> Arc<[KeyRow]> {
    let mut rows: Vec<KeyRow> = keys.iter().map(|key| row(key, ends, now)).collect();
    rows.sort_by_cached_key(|row| (!row.is_own(), row.owner().as_str().to_lowercase()));
    rows.into()
}

pub(super) fn row(key: &KeyListed, ends: &[Soon], now: Timestamp) -> KeyRow {
    let info = &key.info;
    let line = SafeText::line;
    let ends = ends.iter().find(|soon| soon.fingerprint == info.fingerprint);
    let expires = info.expires.map_or_else(|| "never expires".to_owned(), |at| format!("expires {}", day(at)));
    KeyRow {
        fingerprint: info.fingerprint.clone(),
        user_ids: info.user_ids.iter().map(|user_id| line(user_id)).collect(),
        groups: line(&key.groups),
        words: key.words.iter().map(|words| line(words)).collect(),
        acceptance: info.acceptance,
        state: state(key, now),
        soon: ends.map(|soon| Sentence { tone: Tone::Warning, text: line(&format!("{}.", capital(&soon.what))) }),
        expires: info.expires,
        dates: line(&format!("{}, made {}, {expires}", info.algorithm, day(info.created))),
        secret: key.secret.map(|home| line(&secret(home, info.has_secret))),
        unlocked: info.has_secret,
        asked: key.secret == Some(SecretHome::Asked),
        decisions: key.decisions.iter().map(|decision| line(&decided(decision))).collect(),
        cases: key.cases.iter().map(|case| line(&case.0)).collect(),
        source: line(&format!("{}, {}", key.source, day(key.added_at))),
    }
}

fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// What holds of a key now, in words.
fn state(key: &KeyListed, now: Timestamp) -> Sentence {
    let info = &key.info;
    let is_over = info.expires.is_some_and(|at| at <= now);
    let accepted = info.acceptance.in_words();
    let (tone, words) = match info.acceptance {
        _ if info.revoked => (Tone::Alarm, format!("revoked by its owner ({accepted})")),
        _ if is_over => (Tone::Warning, format!("expired ({accepted})")),
        Acceptance::Rejected => (Tone::Alarm, accepted.to_owned()),
        _ if info.invalid.is_some() => {
            (Tone::Alarm, format!("not valid: {} ({accepted})", info.invalid.as_deref().unwrap_or_default()))
        }
        Acceptance::Undecided => (Tone::Warning, "not decided: not used until you decide".to_owned()),
        Acceptance::Accepted => (Tone::Plain, accepted.to_owned()),
        Acceptance::Verified | Acceptance::Own => (Tone::Good, accepted.to_owned()),
    };
    Sentence { tone, text: SafeText::line(&words) }
}

/// A decision with who, when and how.
#[must_use]
pub fn decided(decision: &KeyDecision) -> String {
    let mut words = format!("{} on {}", decision.acceptance.in_words(), day(decision.at));
    if !decision.by.is_empty() {
        words.push_str(&format!(" by {}", decision.by));
    }
    if !decision.how.is_empty() {
        words.push_str(&format!(": {}", decision.how));
    }
    words
}

/// Where the secret part is, and whether it can be used.
#[must_use]
pub fn secret(home: SecretHome, unlocked: bool) -> String {
    let place = match home {
        SecretHome::Profile => "kept here, opens with the profile",
        SecretHome::Asked => "kept here, opens with its own passphrase",
        SecretHome::Agent => "with gpg-agent, or on a card behind it",
    };
    format!("{place}{}", if unlocked { "" } else { "; locked now" })
}
