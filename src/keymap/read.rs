//! Keymap files to bindings, one layer over another.

use std::collections::BTreeMap;
use std::time::Duration;

use super::key::{Code, Key, KeyError, sequence, written};
use crate::action::{Action, Context};
use crate::settings::document::Entry;
use crate::settings::finding::{Place, suggestion};
use crate::settings::{Document, Fields, Finding, Node, Table, Value};

/// What a sequence does in one section, and where that was said.
#[derive(Clone, Debug)]
pub(super) struct Line {
    /// The actions; none: unbound on purpose, for what lies further out as well.
    pub(super) actions: Option<Vec<Action>>,
    /// Where it stands.
    pub(super) place: Place,
}

/// Section and sequence to what was said last.
pub(super) type Lines = BTreeMap<(Context, Vec<Key>), Line>;

/// All layers read.
pub(super) struct Read {
    pub(super) timeout: Duration,
    pub(super) counts: bool,
    pub(super) lines: Lines,
    pub(super) findings: Vec<Finding>,
}

/// Without `sequence_timeout_ms`.
pub(super) const TIMEOUT_MS: i64 = 800;

pub(super) fn read(documents: &[Document]) -> Read {
    let mut read = Read {
        timeout: Duration::from_millis(TIMEOUT_MS.unsigned_abs()),
        counts: false,
        lines: Lines::new(),
        findings: Vec::new(),
    };
    for document in documents {
        let mut fields = Fields::new(&document.root, Place::file(&document.file));
        fields.entry("inherits");
        let before = i64::try_from(read.timeout.as_millis()).unwrap_or(TIMEOUT_MS);
        read.timeout = Duration::from_millis(fields.integer("sequence_timeout_ms", 50..=10_000, before).unsigned_abs());
        read.counts = fields.boolean("counts", read.counts);
        let mut layer = Lines::new();
        for context in Context::ALL {
            let Some(entry) = fields.entry(context.name()) else { continue };
            if let Value::Table(section) = &entry.node.value {
                read_section(context, section, &mut layer, &mut read.findings);
            } else {
                fields.mistyped(context.name(), &entry.node, &format!("a section: `[{}]`", context.name()));
            }
        }
        read.findings.extend(fields.end());
        for (key, line) in &layer {
            if line.actions.is_none() && !bound_below(&read.lines, key) && !bound_below(&layer, key) {
                read.findings.push(Finding::warning(
                    line.place.clone(),
                    format!("`{}` is unbound here, but nothing bound it", written(&key.1)),
                    "take the line out",
                ));
            }
        }
        read.lines.extend(layer);
    }
    read
}

/// Whether some section that shows in this one binds the sequence.
fn bound_below(lines: &Lines, (context, keys): &(Context, Vec<Key>)) -> bool {
    context.chain().any(|context| lines.get(&(context, keys.clone())).is_some_and(|line| line.actions.is_some()))
}

fn read_section(context: Context, section: &Table, layer: &mut Lines, findings: &mut Vec<Finding>) {
    for entry in &section.entries {
        let keys = match sequence(&entry.key) {
            Ok(keys) => keys,
            Err(error) => {
                findings.push(not_a_key(entry, &error));
                continue;
            }
        };
        warn_of_ambiguity(entry, &keys, findings);
        let Some(actions) = read_actions(context, entry, findings) else { continue };
        if context.types_text() && keys.first().is_some_and(|key| key.types()) {
            findings.push(Finding::error(
                entry.place.clone(),
                format!("`{}` would make it impossible to type that character in [{}]", entry.key, context.name()),
                "begin the sequence with ctrl, alt or a function key",
            ));
            continue;
        }
        let line = Line { actions, place: entry.place.clone() };
        if let Some(first) = layer.get(&(context, keys.clone())) {
            findings.push(Finding::error(
                entry.place.clone(),
                format!(
                    "`{}` is bound twice in [{}]: also on line {}",
                    written(&keys),
                    context.name(),
                    first.place.line
                ),
                "keep one of the two",
            ));
            continue;
        }
        layer.insert((context, keys), line);
    }
}

/// `Some(None)` is unbound on purpose, `None` a mistake that was told.
fn read_actions(context: Context, entry: &Entry, findings: &mut Vec<Finding>) -> Option<Option<Vec<Action>>> {
    let one = |node: &Node, findings: &mut Vec<Finding>| -> Option<Action> {
        let Value::Text(name) = &node.value else {
            findings.push(wrong_value(entry, node));
            return None;
        };
        let action = Action::from_name(name);
        match action {
            None => findings.push(Finding::error(
                node.place.clone(),
                format!("there is no action `{name}`"),
                suggestion(name, Action::ALL.iter().map(|action| action.name())),
            )),
            Some(action) if !does_something(action, context) => findings.push(Finding::warning(
                node.place.clone(),
                format!("`{name}` does nothing in [{}]", context.name()),
                format!("bind it in [{}]", action.contexts().first().map_or("global", |context| context.name())),
            )),
            Some(_) => {}
        }
        action
    };
    match &entry.node.value {
        Value::Bool(false) => Some(None),
        Value::Text(_) => one(&entry.node, findings).map(|action| Some(vec![action])),
        Value::List(items) if !items.is_empty() => {
            let actions: Vec<Action> = items.iter().filter_map(|item| one(item, findings)).collect();
            (actions.len() == items.len()).then_some(Some(actions))
        }
        _ => {
            findings.push(wrong_value(entry, &entry.node));
            None
        }
    }
}

/// Whether an action applies somewhere in a section: in itself, or in a context within it.
fn does_something(action: Action, section: Context) -> bool {
    Context::ALL.into_iter().any(|context| context.chain().any(|c| c == section) && action.applies_in(context))
}

fn wrong_value(entry: &Entry, node: &Node) -> Finding {
    Finding::error(
        node.place.clone(),
        format!("`{}` is bound to {}", entry.key, node.value),
        "write an action, a list of actions, or false to unbind it",
    )
}

fn not_a_key(entry: &Entry, KeyError(part): &KeyError) -> Finding {
    let letters = part.chars().count();
    let cure = if (2..=4).contains(&letters) && part.chars().all(char::is_alphanumeric) {
        let spaced: Vec<String> = part.chars().map(String::from).collect();
        format!("a sequence has spaces between its keys: `{}`", spaced.join(" "))
    } else {
        "write for instance `g`, `G`, `g g`, `ctrl-r`, `alt-x`, `enter`, `space`, `page-down` or `F5`".to_owned()
    };
    Finding::error(entry.place.clone(), format!("`{part}` is no key"), cure)
}

/// What terminals cannot tell apart or do not send at all.
fn warn_of_ambiguity(entry: &Entry, keys: &[Key], findings: &mut Vec<Finding>) {
    for (text, key) in entry.key.split_whitespace().zip(keys) {
        let asked_for_control = text.to_ascii_lowercase().trim_start_matches('<').starts_with("c");
        let became = match key.code {
            Code::Tab => Some("Tab"),
            Code::Enter => Some("Enter"),
            Code::Esc => Some("Esc"),
            Code::Backspace => Some("Backspace"),
            _ => None,
        };
        if let (Some(name), false, true) = (became, key.ctrl, asked_for_control && text.contains('-')) {
            findings.push(Finding::warning(
                entry.place.clone(),
                format!("terminals send the same for `{text}` and for {name}"),
                format!("write `{key}`, so that nobody is surprised"),
            ));
        } else if !key.is_sent() {
            findings.push(Finding::warning(
                entry.place.clone(),
                format!("terminals send nothing of its own for `{text}`"),
                "take a letter with ctrl, a function key or a sequence",
            ));
        }
    }
    if let [first, second, ..] = keys
        && first.code == Code::Esc
        && matches!(second.code, Code::Char(_))
    {
        findings.push(Finding::warning(
            entry.place.clone(),
            format!("typed fast, `{}` arrives as `alt-{second}`", entry.key),
            "begin the sequence with another key",
        ));
    }
}
