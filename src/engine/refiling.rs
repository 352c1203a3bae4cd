//! Filing rules in force: those that a person has agreed to, and not simply those that stand in the configuration. Changed ones are previewed first.

use std::collections::BTreeMap;

use super::Engine;
use super::announce::sentence;
use super::core::{Core, EngineError, Open, Settings};
use super::library::filing::{Book, Moved};
use crate::app::event::Event;
use crate::app::view::Tone;
use crate::case::Filed;
use crate::case::rules::{Rule, Rules};
use crate::mail::id::{CaseId, MessageRef};
use crate::mail::safe::SafeText;
use crate::store::state::{State, StateError};

/// What the state store calls them.
const NAME: &str = "filing-rules";

/// The rules in force. Where none were ever agreed to and there is no mail yet, those of the configuration come into force.
pub(super) fn in_force(state: &State, wanted: &[Rule], has_mail: bool) -> Result<Rules, StateError> {
    let kept = state.value(NAME)?.and_then(|bytes| serde_json::from_slice::<Vec<Rule>>(&bytes).ok());
    let list = match kept {
        Some(list) => list,
        None if has_mail => Vec::new(),
        None => {
            keep(state, wanted)?;
            wanted.to_vec()
        }
    };
    Ok(Rules::new(&list))
}

fn keep(state: &State, rules: &[Rule]) -> Result<(), StateError> {
    state.put(NAME, &serde_json::to_vec(rules).unwrap_or_default())
}

/// A message that changed rules would file elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refiled {
    /// Which.
    pub message: MessageRef,
    /// Its subject.
    pub subject: SafeText,
    /// Where it is, with the reasons.
    pub from: Vec<Filed>,
    /// Where it would be, with the reasons.
    pub to: Vec<Filed>,
    /// A rule would say that it is not a case.
    pub not_a_case: bool,
}

/// What changed rules would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preview {
    /// The rules of the configuration are other ones than those in force.
    pub changed: bool,
    /// Each message that would move.
    pub moved: Vec<Refiled>,
}

impl Settings {
    /// A book by the rules in force.
    pub(super) fn book_by(&self, rules: &Rules) -> Book {
        (*self.book).clone().ruled(rules.clone())
    }
}

impl Core {
    fn wanted(&self) -> Rules {
        Rules::new(&self.settings.config.filing)
    }

    /// Whether the configuration has other rules than those in force.
    fn rules_changed(&self, open: &Open) -> bool {
        self.wanted().list() != open.library.book().rules()
    }

    /// Says that rules wait to be agreed to.
    pub(crate) fn tell_changed_rules(&self, open: &Open) {
        if self.rules_changed(open) {
            self.announcer.notice(
                Tone::Warning,
                "The filing rules of the configuration have changed, and are not in force yet: `case.refile` shows what they would move.",
            );
        }
    }

    fn preview(&self, open: &Open) -> Result<Preview, EngineError> {
        let register = open.register.with(|loaded| loaded.book())?;
        let book = self.settings.book_by(&self.wanted()).with_register(&register);
        let refiled = |moved: Moved| {
            let message = open.library.name(moved.key)?;
            let subject = open.stores.cache.summary(moved.key).ok().flatten().map(|summary| summary.subject);
            let subject = SafeText::line(&subject.unwrap_or_default());
            Some(Refiled { message, subject, from: moved.from, to: moved.to, not_a_case: moved.not_a_case })
        };
        let moved = open.library.moved_by(&book).into_iter().filter_map(refiled).collect();
        Ok(Preview { changed: self.rules_changed(open), moved })
    }

    /// The rules of the configuration come into force.
    pub(crate) fn adopt_rules(&mut self, open: &mut Open) -> Result<(), EngineError> {
        let wanted = self.wanted();
        keep(&open.stores.state, &wanted.list())?;
        open.rules = wanted;
        self.register_changed(open);
        Ok(())
    }

    /// Tells the screen what changed rules would move.
    pub(crate) fn send_preview(&self, open: &Open) {
        match self.preview(open) {
            Ok(preview) if preview.changed => {
                let words = in_words(&preview, |case| open.library.case_words(case).0.truncate(30));
                self.announcer.send(Event::RefilePreview(SafeText::line(&words)));
            }
            Ok(_) => self.announcer.notice(Tone::Plain, "The filing rules of the configuration are in force."),
            Err(error) => self.complain(&error),
        }
    }

    /// Files by the rules of the configuration, and says so.
    pub(crate) fn refile_by_rules(&mut self, open: &mut Open) {
        match self.adopt_rules(open) {
            Ok(()) => {
                let words = "The filing rules of the configuration are in force; what they move is being moved.";
                self.announcer.send(Event::Notice(sentence(Tone::Good, words)));
            }
            Err(error) => self.complain(&error),
        }
    }
}

/// Short, for one line of 80 columns: `3 move: 2 to R v FERRET, 1 not a case.`
fn in_words(preview: &Preview, title: impl Fn(&CaseId) -> SafeText) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for one in &preview.moved {
        let to = match one.to.as_slice() {
            [] if one.not_a_case => "not a case".to_owned(),
            [] => "to no case".to_owned(),
            several => {
                let titles: Vec<String> = several.iter().map(|filed| title(&filed.case).to_string()).collect();
                format!("to {}", titles.join(" and "))
            }
        };
        *counts.entry(to).or_default() += 1;
    }
    let each: Vec<String> = counts.iter().take(4).map(|(to, count)| format!("{count} {to}")).collect();
    let rest = if counts.len() > 4 { format!(", and to {} others", counts.len() - 4) } else { String::new() };
    match preview.moved.len() {
        0 => "No message moves.".to_owned(),
        1 => format!("1 moves: {}.", each.join(", ")),
        count => format!("{count} move: {}{rest}.", each.join(", ")),
    }
}

impl Engine {
    /// What the filing rules of the configuration would move, if they are not in force.
    ///
    /// # Errors
    /// [`EngineError::Locked`], or the register cannot be read.
    pub fn preview_refiling(&self) -> Result<Preview, EngineError> {
        self.core.ask_open(|core, open| core.preview(open))?
    }

    /// Files by the rules of the configuration; gives what moved.
    ///
    /// # Errors
    /// [`EngineError::Locked`], or the state store cannot be written.
    pub fn refile(&self) -> Result<Preview, EngineError> {
        self.core.ask_open(|core, open| {
            let preview = core.preview(open)?;
            core.adopt_rules(open)?;
            while !open.library.refile(usize::MAX) {}
            Ok(preview)
        })?
    }
}
