//! An export that is at work, as the screen shows it, and what the user does with it.

use std::sync::Arc;

use super::effect::Effect;
use super::model::Model;
use super::popup::Popup;
use super::screen::Screen;
use super::view::{Sentence, Tone};
use crate::action::Action;
use crate::mail::safe::SafeText;

/// What is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Making {
    /// Files.
    #[default]
    Files,
    /// One PDF.
    Bundle,
    /// Nothing: what was written is read again.
    Proof,
}

/// How far it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exporting {
    /// What is made.
    pub making: Making,
    /// Where.
    pub place: SafeText,
    /// Messages done.
    pub done: usize,
    /// Of so many.
    pub of: usize,
    /// Documents that were written, or found written already.
    pub documents: usize,
    /// Bytes that were written.
    pub bytes: u64,
    /// Of these in a second, by the clock of the machine.
    pub rate: u64,
    /// The share that is done, in thousandths.
    pub share: u16,
}

/// News of an export.
#[derive(Clone, Debug)]
pub enum ExportNews {
    /// It is so far.
    At(Exporting),
    /// It has ended, and what came of it; the documents that it was of, where they were chosen one by one, as their rows are known.
    Ended(Sentence, Arc<[SafeText]>),
}

impl Model {
    /// Takes news; the first of an export opens its popup.
    pub(super) fn export_told(&mut self, news: ExportNews) {
        match news {
            ExportNews::At(now) => {
                if self.exporting.replace(now).is_none() && self.popups.is_empty() {
                    self.popups.push(Popup::Exporting);
                }
            }
            ExportNews::Ended(words, written) => {
                self.exporting = None;
                self.popups.retain(|popup| !matches!(popup, Popup::Exporting));
                if words.tone == Tone::Good {
                    // What the marks were for is done; left behind, the next key that goes back would ask about them. Marks that were
                    // set since are for something else.
                    for screen in &mut self.screens {
                        if let Screen::Documents(documents) = screen {
                            documents.marked.retain(|id| !written.contains(id));
                        }
                    }
                }
                self.tell(words);
            }
        }
    }

    /// A key while the popup is on top: stop, or let it go on behind.
    pub(super) fn act_on_exporting(&mut self, action: Action, out: &mut Vec<Effect>) -> bool {
        match action {
            Action::PromptCancel => out.push(Effect::StopExport),
            Action::PromptAccept => drop(self.popups.pop()),
            _ => return false,
        }
        true
    }
}
