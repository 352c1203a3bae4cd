//! The help: made from the keymap in force and the actions' own words, so that it cannot be out of date.

use crate::action::{Action, Context};
use crate::app::list::{List, Row};
use crate::keymap::Keymap;
use crate::mail::safe::SafeText;

/// A row of the help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HelpRow {
    /// Its place; the identity of the row.
    pub place: usize,
    /// A heading has no keys.
    pub heading: bool,
    /// Keys that do it; may be empty: then only the palette does.
    pub keys: SafeText,
    /// The action's name, for the palette and for keymap files.
    pub name: SafeText,
    /// What it does.
    pub doc: SafeText,
}

impl Row for HelpRow {
    type Id = usize;

    fn id(&self) -> usize {
        self.place
    }

    fn texts(&self) -> impl Iterator<Item = &SafeText> {
        [&self.keys, &self.name, &self.doc].into_iter()
    }
}

/// The help.
#[derive(Debug)]
pub struct Help {
    /// Its rows.
    pub list: List<HelpRow>,
}

/// Marks that lists and messages use, with what they mean.
pub const MARKS: &[(&str, &str)] = &[
    ("*", "unread; the number beside it says how many of how many"),
    ("!", "flagged"),
    ("@", "has an attachment"),
    ("r", "answered"),
    ("~", "a change that the server does not know yet"),
    ("E", "encrypted, and opened here"),
    ("e", "encrypted, and not opened here"),
    ("S", "signed: one accepted key signed all that is shown, and it is the author's"),
    ("s", "signed, by a key that is unknown or not decided on, or only in part"),
    ("X", "signed, and the signature does not hold or the key is not to be believed"),
];

impl Help {
    /// The help for a context: what applies here first, then what applies further out, then all else.
    #[must_use]
    pub fn new(keymap: &Keymap, context: Context) -> Self {
        let mut rows: Vec<HelpRow> = Vec::new();
        let mut seen: Vec<Action> = Vec::new();
        let heading = |rows: &mut Vec<HelpRow>, text: &str| {
            rows.push(HelpRow {
                place: rows.len(),
                heading: true,
                keys: SafeText::default(),
                name: SafeText::default(),
                doc: SafeText::line(text),
            });
        };
        let others = Context::ALL.into_iter().filter(|other| !context.chain().any(|inner| inner == *other));
        for (at, place) in context.chain().chain(others).enumerate() {
            let bindings = keymap.bindings(place);
            let wanted =
                |action: &&Action| action.contexts().contains(&place) || (at == 0 && action.applies_in(context));
            let mut first = true;
            for action in Action::ALL.iter().filter(wanted) {
                if seen.contains(action) || (at == 0 && action.contexts().contains(&Context::Global)) {
                    continue;
                }
                seen.push(*action);
                if std::mem::take(&mut first) {
                    heading(&mut rows, if at == 0 { "Here" } else { in_words(place) });
                }
                let keys: Vec<&str> = bindings
                    .iter()
                    .filter(|binding| binding.actions.first() == Some(action))
                    .map(|binding| binding.keys.as_str())
                    .collect();
                rows.push(HelpRow {
                    place: rows.len(),
                    heading: false,
                    keys: SafeText::line(&keys.join("  ")),
                    name: SafeText::from(action.name()),
                    doc: SafeText::from(action.doc()),
                });
            }
        }
        heading(&mut rows, "Marks");
        for (mark, meaning) in MARKS {
            rows.push(HelpRow {
                place: rows.len(),
                heading: false,
                keys: SafeText::from(*mark),
                name: SafeText::default(),
                doc: SafeText::from(*meaning),
            });
        }
        let mut list = List::default();
        list.set_rows(rows.into());
        Self { list }
    }
}

fn in_words(context: Context) -> &'static str {
    match context {
        Context::Global => "Everywhere",
        Context::List => "In every list",
        Context::View => "In every text",
        Context::Cases => "In the list of cases",
        Context::Threads => "In a list of threads",
        Context::Thread => "In a thread",
        Context::Message => "In a message",
        Context::Composer => "When writing",
        Context::Review => "In the review before sending",
        Context::Outbox => "In the outbox",
        Context::Changes => "In the list of what the servers were not told yet",
        Context::Drafts => "Among the drafts",
        Context::Connections => "In the connections",
        Context::Keys => "In the keys",
        Context::Assistant => "In the assistant for keys",
        Context::Case => "In a case",
        Context::Triage => "In the list of what is to be filed",
        Context::Awaiting => "In the list of awaited answers",
        Context::Pleas => "On the board of plea negotiations",
        Context::Plea => "In a plea negotiation",
        Context::Chronology => "In a chronology",
        Context::Documents => "Among documents",
        Context::Look => "In a document",
        Context::Help => "In this help",
        Context::Prompt => "When a question is answered by typing",
        Context::Confirm => "When a question is answered by yes or no",
    }
}
