//! Where an export goes: a directory that is typed, with what is known of it.

use std::sync::Arc;

use super::effect::{Effect, Wanted};
use super::export_view::Making;
use super::line::Line;
use super::model::Model;
use super::popup::Popup;
use super::view::{Sentence, Tone};
use crate::action::Action;
use crate::mail::safe::SafeText;

/// What is known of a place that was typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// As it was typed.
    pub typed: String,
    /// Ours: what speaks against it, or what there is to know.
    pub said: Vec<Sentence>,
    /// Nothing can be written there.
    pub refused: bool,
    /// What it could be the beginning of, as it would be typed.
    pub completions: Vec<String>,
}

/// The question where to.
#[derive(Clone, Debug)]
pub struct TargetPrompt {
    /// What is exported.
    pub wanted: Wanted,
    /// As what.
    pub making: Making,
    /// The question.
    pub question: SafeText,
    /// The answer so far.
    pub line: Line,
    /// What is known of it, if anything yet.
    pub place: Arc<Place>,
    /// The marked completion.
    pub at: Option<usize>,
}

impl TargetPrompt {
    /// Whether what is known is about what stands there now.
    fn is_known(&self) -> bool {
        self.place.typed == self.line.text()
    }

    /// Marks another completion.
    fn step(&mut self, by: isize) {
        let count = self.place.completions.len();
        let Some(last) = count.checked_sub(1) else { return };
        self.at = Some(match self.at {
            None if by > 0 => 0,
            None => last,
            Some(at) => at.saturating_add_signed(by).min(last),
        });
    }

    /// Takes the marked completion, or what all have in common; whether that changed anything.
    fn complete(&mut self) -> bool {
        let completions = &self.place.completions;
        let text = match self.at.and_then(|at| completions.get(at)) {
            Some(marked) => marked.clone(),
            None => {
                let Some(first) = completions.first() else { return false };
                let same =
                    |other: &String| first.chars().zip(other.chars()).take_while(|(one, other)| one == other).count();
                let common = completions.iter().map(same).min().unwrap_or_default();
                first.chars().take(common).collect()
            }
        };
        let changed = text != self.line.text();
        if changed {
            self.line = Line::new(&text);
        }
        changed
    }
}

impl Model {
    /// Asks where something is exported to.
    pub(super) fn ask_target(&mut self, wanted: Wanted, making: Making, question: &str, out: &mut Vec<Effect>) {
        let line = Line::new(self.directory.as_ref().unwrap_or(&self.settings.save_directory));
        out.push(Effect::LookAtTarget(line.text().to_owned()));
        let question = SafeText::line(question);
        let place = Arc::default();
        self.popups.push(Popup::Target(Box::new(TargetPrompt { wanted, making, question, line, place, at: None })));
    }

    /// Takes what is known of a place.
    pub(super) fn target_seen(&mut self, place: Arc<Place>) {
        if let Some(Popup::Target(prompt)) = self.popups.last_mut()
            && prompt.line.text() == place.typed
        {
            (prompt.place, prompt.at) = (place, None);
        }
    }

    /// Takes an intent while the question is on top; says whether it was one.
    pub(super) fn act_on_target(&mut self, action: Action, out: &mut Vec<Effect>) -> bool {
        let Some(Popup::Target(prompt)) = self.popups.last_mut() else { return false };
        match action {
            Action::PromptAccept => self.answer_target(out),
            Action::PromptCancel => drop(self.popups.pop()),
            Action::PromptNext => prompt.step(1),
            Action::PromptPrevious => prompt.step(-1),
            Action::PromptComplete => {
                if prompt.complete() {
                    out.push(Effect::LookAtTarget(prompt.line.text().to_owned()));
                }
            }
            _ if prompt.line.act(action) => out.push(Effect::LookAtTarget(prompt.line.text().to_owned())),
            _ => return false,
        }
        true
    }

    /// Text typed or pasted into the question.
    pub(super) fn type_target(&mut self, text: &str, out: &mut Vec<Effect>) {
        if let Some(Popup::Target(prompt)) = self.popups.last_mut() {
            prompt.line.insert(text);
            out.push(Effect::LookAtTarget(prompt.line.text().to_owned()));
        }
    }

    fn answer_target(&mut self, out: &mut Vec<Effect>) {
        let Some(Popup::Target(prompt)) = self.popups.last_mut() else { return };
        let text = prompt.line.text().trim().to_owned();
        if text.is_empty() {
            return;
        }
        if prompt.is_known() && prompt.place.refused {
            let words = prompt.place.said.first().cloned();
            if let Some(words) = words {
                self.tell(Sentence { tone: Tone::Alarm, ..words });
            }
            return;
        }
        let Some(Popup::Target(prompt)) = self.popups.pop() else { return };
        self.directory = Some(text.clone());
        out.push(Effect::Export(prompt.wanted, text, prompt.making));
    }
}
