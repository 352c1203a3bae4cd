//! Drafts that were set aside, and messages that come back from the outbox: taken up one at a time, never written over.

use std::sync::Arc;

use super::effect::Effect;
use super::model::Model;
use super::popup::{Ask, Decision, Popup};
use super::screen::Screen;
use super::screen::drafts::Drafts;
use super::view::{DraftRow, Sentence, Tone};
use crate::action::Action;
use crate::mail::draft::Draft;
use crate::mail::id::DraftId;
use crate::mail::safe::SafeText;

/// The number that the draft at hand has in the list.
const AT_HAND: DraftId = DraftId(0);

impl Model {
    /// The drafts that were set aside have changed.
    pub(crate) fn drafts_listed(&mut self, rows: Arc<[DraftRow]>) {
        self.drafts = rows;
        self.fill_drafts();
    }

    /// The screen shows the draft at hand first, then the others, the newest first.
    fn fill_drafts(&mut self) {
        let now = self.now;
        let at_hand = self.kept.as_ref().map(|draft| {
            let to: Vec<&str> =
                draft.to.iter().chain(&draft.cc).chain(&draft.bcc).map(|one| one.addr.as_str()).collect();
            DraftRow {
                id: AT_HAND,
                to: SafeText::line(&to.join(", ")),
                subject: SafeText::line(&draft.subject),
                at: now,
            }
        });
        let rows: Arc<[DraftRow]> = at_hand.into_iter().chain(self.drafts.iter().rev().cloned()).collect();
        for screen in &mut self.screens {
            if let Screen::Drafts(drafts) = screen {
                drafts.list.set_rows(Arc::clone(&rows));
            }
        }
    }

    /// Shows the drafts.
    pub(crate) fn show_drafts(&mut self, out: &mut Vec<Effect>) {
        if !matches!(self.screens.last(), Some(Screen::Drafts(_))) {
            self.push(Screen::Drafts(Drafts::default()));
        }
        self.fill_drafts();
        out.push(Effect::ListDrafts);
    }

    /// Takes a draft up; it comes as an event.
    pub(crate) fn take_up(&mut self, id: DraftId, out: &mut Vec<Effect>) {
        if id == AT_HAND {
            self.leave_drafts(out);
            self.resume_kept(out);
        } else if self.is_composing() {
            self.say(Tone::Plain, "A message is being written already.");
        } else {
            self.taking_up = true;
            out.push(Effect::TakeUpDraft(id));
        }
    }

    fn leave_drafts(&mut self, out: &mut Vec<Effect>) {
        if matches!(self.screens.last(), Some(Screen::Drafts(_))) {
            self.pop(out);
        }
    }

    /// The draft that was to be taken up is here: what was at hand is set aside by now.
    pub(crate) fn draft_taken(&mut self, result: Result<Box<Draft>, Sentence>, out: &mut Vec<Effect>) {
        self.taking_up = false;
        match result {
            Ok(draft) if self.is_composing() => {
                // Laid by again before the one on screen is kept in its place.
                drop(draft);
                out.push(Effect::SetDraftAside);
            }
            Ok(draft) => {
                self.kept = None;
                self.leave_drafts(out);
                self.open_composer(*draft, out);
                if let Some((composer, _)) = self.composer_mut() {
                    composer.touched = true;
                }
            }
            Err(why) => self.tell(why),
        }
    }

    /// A message came back from the outbox. It is opened at once, unless something else is being written or kept: then it waits among the drafts.
    pub(crate) fn taken_back(&mut self, id: DraftId, draft: &Draft, words: Sentence, out: &mut Vec<Effect>) {
        let free = self.kept.is_none() && !self.is_composing() && self.popups.is_empty();
        if free && matches!(self.screens.last(), Some(Screen::Outbox(_))) {
            self.tell(words);
            self.take_up(id, out);
            return;
        }
        let subject = SafeText::line(&draft.subject);
        let key = self.key_or_name(Action::Resume);
        let how = if self.is_composing() { String::new() } else { format!("; {key} shows them") };
        self.say(words.tone, format!("“{}” waits among the drafts{how}. {}", subject.truncate(30), words.text));
    }

    pub(crate) fn act_in_drafts(&mut self, action: Action, out: &mut Vec<Effect>) {
        let Some(Screen::Drafts(drafts)) = self.screens.last() else { return };
        let Some(row) = drafts.list.selected() else { return };
        let (id, subject) = (row.id, row.subject.clone());
        match action {
            Action::ListOpen => self.take_up(id, out),
            Action::DraftDiscard => {
                let question = format!("Throw the draft “{}” away?", subject.truncate(40));
                self.popups
                    .push(Popup::Ask(Ask { question: SafeText::line(&question), decision: Decision::ForgetDraft(id) }));
            }
            _ => {}
        }
    }

    pub(crate) fn forget_draft(&mut self, id: DraftId, out: &mut Vec<Effect>) {
        if id == AT_HAND {
            if let Some(key) = self.kept.take().and_then(|kept| kept.key) {
                self.unkept.forget(Some(key));
                out.push(Effect::DropDraft(key));
            }
            self.fill_drafts();
        } else {
            out.push(Effect::ForgetDraft(id));
        }
        self.say(Tone::Plain, "The draft was thrown away.");
    }
}
