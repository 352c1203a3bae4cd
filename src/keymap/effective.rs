//! What is in force in a context: its own section over those it lies within.

use std::collections::BTreeMap;

use super::key::Key;
use super::read::Lines;
use crate::action::{Action, Context};
use crate::settings::Place;

/// A binding in force.
#[derive(Clone, Debug)]
pub(super) struct Bound {
    pub(super) actions: Vec<Action>,
    pub(super) section: Context,
    pub(super) place: Place,
}

/// The bindings in force in a context. A plain character that is bound further out does not reach contexts where it would be typed or
/// would answer a question.
pub(super) fn effective(lines: &Lines, context: Context) -> BTreeMap<Vec<Key>, Bound> {
    let mut bound = BTreeMap::new();
    let mut outwards: Vec<Context> = context.chain().collect();
    outwards.reverse();
    for section in outwards {
        for ((_, keys), line) in lines.range((section, Vec::new())..).take_while(|((at, _), _)| *at == section) {
            if section != context && !context.inherits_characters() && keys.first().is_some_and(|key| key.types()) {
                continue;
            }
            match &line.actions {
                Some(actions) => {
                    let binding = Bound { actions: actions.clone(), section, place: line.place.clone() };
                    bound.insert(keys.clone(), binding);
                }
                None => {
                    bound.remove(keys);
                }
            }
        }
    }
    bound
}
