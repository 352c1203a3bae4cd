//! What a person does in the outbox. What might double a message is asked about first, with what is known.

use super::effect::Effect;
use super::model::Model;
use super::popup::{Ask, Decision, Popup};
use super::screen::Screen;
use super::screen::outbox::Outbox;
use super::view::Tone;
use crate::action::Action;
use crate::mail::safe::SafeText;

impl Model {
    /// Opens the outbox.
    pub(crate) fn go_outbox(&mut self, out: &mut Vec<Effect>) {
        if !matches!(self.screens.last(), Some(Screen::Outbox(_))) {
            self.popups.clear();
            self.push(Screen::Outbox(Outbox::default()));
            self.refresh(out);
        }
    }

    pub(crate) fn act_in_outbox(&mut self, action: Action, out: &mut Vec<Effect>) {
        let Some(Screen::Outbox(outbox)) = self.screens.last() else { return };
        let Some(row) = outbox.list.selected() else { return };
        let (id, uncertain) = (row.id, row.state == "uncertain");
        let (retryable, cancellable) = (row.retryable, row.cancellable);
        let mut ask = |question: &str, decision: Decision| {
            self.popups.push(Popup::Ask(Ask { question: SafeText::line(question), decision }));
        };
        match action {
            // Looked for again, never sent again by this.
            Action::OutboxRetry if uncertain => {
                out.push(Effect::RetryOutbox(id));
                self.say(Tone::Plain, "It is looked for again.");
            }
            Action::OutboxRetry if retryable || row.state == "sent-not-filed" => out.push(Effect::RetryOutbox(id)),
            Action::OutboxRetry => {
                self.say(Tone::Plain, "There is nothing to try again: it was sent, or is being sent.")
            }
            Action::OutboxCancel if uncertain => {
                ask("It may have arrived. Give it up and keep it as a draft?", Decision::GiveUp(id));
            }
            Action::OutboxCancel if cancellable => out.push(Effect::CancelOutbox(id)),
            Action::OutboxCancel => {
                self.say(Tone::Warning, "This row can no longer be taken back: it is being sent, or was.");
            }
            Action::OutboxArrived if uncertain => {
                ask("Count it as sent? It is not sent again then.", Decision::Arrived(id));
            }
            Action::OutboxSendAgain if uncertain => {
                ask("It may arrive twice. Send it again all the same?", Decision::SendAgain(id));
            }
            Action::OutboxArrived | Action::OutboxSendAgain => {
                self.say(Tone::Plain, "That is for rows that are uncertain; this one is not.");
            }
            _ => {}
        }
    }
}
