//! What cannot work, or not as meant, in bindings that are each right by themselves.

use std::collections::BTreeSet;

use super::effective::{Bound, effective};
use super::key::{Key, written};
use super::read::Lines;
use crate::action::{Action, Context};
use crate::settings::finding::{Finding, Place};

/// Contexts that the person is ever in: the others only hold what these share.
pub(super) fn places() -> impl Iterator<Item = Context> {
    Context::ALL.into_iter().filter(|context| !matches!(context, Context::Global | Context::List | Context::View))
}

/// Actions without which one is stuck.
const NEEDED: &[(Context, Action)] = &[
    (Context::Cases, Action::Quit),
    (Context::Cases, Action::Help),
    (Context::Cases, Action::Palette),
    (Context::Cases, Action::ListOpen),
    (Context::Message, Action::Back),
    (Context::Prompt, Action::PromptAccept),
    (Context::Prompt, Action::PromptCancel),
    (Context::Confirm, Action::ConfirmYes),
    (Context::Confirm, Action::ConfirmNo),
    (Context::Composer, Action::ComposerReview),
    (Context::Review, Action::ReviewSend),
];

pub(super) fn check(lines: &Lines, name: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut told: BTreeSet<(Place, Place)> = BTreeSet::new();
    let mut reached: BTreeSet<(Context, Vec<Key>)> = BTreeSet::new();
    for context in places() {
        let bound = effective(lines, context);
        for (keys, binding) in &bound {
            reached.insert((binding.section, keys.clone()));
            for length in 1..keys.len() {
                let Some(prefix) = keys.get(..length) else { continue };
                let Some(shorter) = bound.get(prefix) else { continue };
                if told.insert((shorter.place.clone(), binding.place.clone())) {
                    findings.push(shadow(prefix, shorter, keys, binding));
                }
            }
        }
        for (_, action) in NEEDED.iter().filter(|(needed, _)| *needed == context) {
            if !bound.values().any(|binding| binding.actions.contains(action)) {
                findings.push(Finding::warning(
                    Place::file(name),
                    format!("no key does `{}` in [{}]", action.name(), context.name()),
                    format!("bind one: it will {}", lowercase_first(action.doc())),
                ));
            }
        }
    }
    for ((section, keys), line) in lines {
        if line.actions.is_some() && !reached.contains(&(*section, keys.clone())) {
            findings.push(Finding::warning(
                line.place.clone(),
                format!("`{}` in [{}] is never reached", written(keys), section.name()),
                "every context within binds or unbinds it; take the line out",
            ));
        }
    }
    findings
}

fn shadow(prefix: &[Key], shorter: &Bound, keys: &[Key], longer: &Bound) -> Finding {
    // Told where the person would change it: at whichever of the two stands in the file read last, which cannot be known from
    // the places alone, so at the shorter one, with the other's place in words.
    Finding::warning(
        shorter.place.clone(),
        format!(
            "`{}` waits for the timeout, because `{}` begins with it ({})",
            written(prefix),
            written(keys),
            longer.place
        ),
        format!("unbind one of them: `\"{}\" = false`", written(keys)),
    )
}

fn lowercase_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}
