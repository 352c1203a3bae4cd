//! What the user answers: to prompts, questions and menus that stand over the screen.

use super::effect::{Effect, Said};
use super::line::Line;
use super::model::Model;
use super::popup::{Decision, Popup, Prompt, Purpose};
use super::screen::Screen;
use super::view::Tone;
use crate::action::Action;
use crate::case::guard::Reason;
use crate::mail::safe::SafeText;

impl Model {
    /// A prompt's text changed: a filter works while one types.
    pub(crate) fn prompt_typed(&mut self, out: &mut Vec<Effect>) {
        let Some(Popup::Prompt(Prompt { purpose: Purpose::Filter, line, .. })) = self.popups.last() else { return };
        let text = line.text();
        // All lists but those of threads are short: they are filtered at once.
        let _at_once = match self.screens.last_mut() {
            Some(Screen::Cases(cases)) => cases.list.set_filter(text),
            Some(Screen::Threads(threads)) => {
                out.extend(threads.set_filter(text));
                true
            }
            Some(Screen::Thread(thread)) => thread.tree.set_filter(text),
            Some(Screen::Outbox(outbox)) => outbox.list.set_filter(text),
            Some(Screen::Changes(changes)) => changes.list.set_filter(text),
            Some(Screen::Drafts(drafts)) => drafts.list.set_filter(text),
            Some(Screen::Connections(connections)) => connections.list.set_filter(text),
            Some(Screen::Keys(keys)) => keys.list.set_filter(text),
            Some(Screen::Pleas(pleas)) => pleas.list.set_filter(text),
            Some(Screen::Plea(shown)) => shown.list.set_filter(text),
            Some(Screen::Chronology(chronology)) => chronology.list.set_filter(text),
            Some(Screen::Documents(documents)) => documents.list.set_filter(text),
            Some(Screen::Awaiting(awaiting)) => awaiting.list.set_filter(text),
            Some(Screen::Triage(triage)) => triage.list.set_filter(text),
            Some(Screen::Case(case)) => case.list.set_filter(text),
            Some(Screen::Help(help)) => help.list.set_filter(text),
            _ => true,
        };
    }

    pub(super) fn act_on_popup(&mut self, action: Action, out: &mut Vec<Effect>) -> bool {
        match self.popups.last_mut() {
            None | Some(Popup::Secret(_)) => return false,
            Some(Popup::Ask(_)) => match action {
                Action::ConfirmYes => self.decide(true, out),
                Action::ConfirmNo | Action::PromptCancel => self.decide(false, out),
                _ => return false,
            },
            Some(Popup::Palette(palette)) => match action {
                Action::PromptAccept => {
                    let chosen = palette.chosen();
                    self.popups.pop();
                    match chosen {
                        Some(action) => self.act(action, out),
                        None => self.say(Tone::Warning, "There is no command of that name."),
                    }
                }
                Action::PromptCancel => drop(self.popups.pop()),
                Action::PromptNext => palette.step(1),
                Action::PromptPrevious => palette.step(-1),
                Action::PromptComplete => {
                    if let Some(action) = palette.chosen() {
                        palette.line = Line::new(action.name());
                        palette.look();
                    }
                }
                _ if palette.line.act(action) => palette.look(),
                _ => return false,
            },
            Some(Popup::Picker(picker)) => match action {
                Action::PromptAccept => self.chose(out),
                Action::PromptCancel => drop(self.popups.pop()),
                Action::PromptNext => picker.step(1),
                Action::PromptPrevious => picker.step(-1),
                Action::PromptComplete => {
                    if let Some(name) = picker.chosen().map(|row| row.name.clone()) {
                        picker.line = Line::new(&name);
                        picker.look();
                    }
                }
                _ if picker.line.act(action) => picker.look(),
                _ => return false,
            },
            Some(Popup::Form(_)) => return self.act_in_form(action, out),
            Some(Popup::Attach(_)) => return self.act_in_attach(action, out),
            Some(Popup::Exporting) => return self.act_on_exporting(action, out),
            Some(Popup::Target(_)) => return self.act_on_target(action, out),
            Some(Popup::Finder(finder)) => match action {
                Action::PromptAccept => self.found_case(out),
                Action::PromptCancel => drop(self.popups.pop()),
                Action::PromptNext => finder.step(1),
                Action::PromptPrevious => finder.step(-1),
                _ if finder.line.act(action) => finder.look(),
                _ => return false,
            },
            Some(Popup::Offers(offers)) => match action {
                Action::PromptAccept => self.chose_template(out),
                Action::PromptCancel => drop(self.popups.pop()),
                Action::PromptNext => offers.step(1),
                Action::PromptPrevious => offers.step(-1),
                _ if offers.line.act(action) => offers.look(),
                _ => return false,
            },
            Some(Popup::Stop(stop)) => match action {
                Action::PromptAccept => self.answer_stop(out),
                Action::PromptCancel => self.cancel_stop(out),
                _ if stop.line.act(action) => {}
                _ => return false,
            },
            Some(Popup::Prompt(prompt)) => match action {
                Action::PromptAccept => self.answer_prompt(out),
                Action::PromptCancel => {
                    if prompt.purpose == Purpose::Filter {
                        prompt.line = Line::default();
                        self.prompt_typed(out);
                    }
                    self.popups.pop();
                }
                _ if prompt.line.act(action) => self.prompt_typed(out),
                _ => return false,
            },
        }
        true
    }

    /// Enter without a reason is what it is without the guard's leave: nothing is sent.
    fn answer_stop(&mut self, out: &mut Vec<Effect>) {
        let Some(Popup::Stop(stop)) = self.popups.last_mut() else { return };
        let typed = stop.line.text().trim().to_owned();
        if typed.is_empty() {
            return self.cancel_stop(out);
        }
        match Reason::new(&typed) {
            Ok(reason) => {
                self.popups.pop();
                self.send_reviewed(Said::Because(reason.words().to_owned()), out);
            }
            Err(error) => stop.wrong = SafeText::line(&error.to_string()),
        }
    }

    fn cancel_stop(&mut self, out: &mut Vec<Effect>) {
        if let Some(Popup::Stop(stop)) = self.popups.pop() {
            out.push(Effect::GoBack(stop.review.token));
        }
        self.say(Tone::Plain, "Not sent.");
    }

    fn answer_prompt(&mut self, out: &mut Vec<Effect>) {
        let Some(Popup::Prompt(prompt)) = self.popups.pop() else { return };
        let text = prompt.line.text().trim();
        if self.answer_about_key(&prompt.purpose, text, out) {
            return;
        }
        match prompt.purpose {
            Purpose::Filter => {
                if let Some(Screen::Thread(thread)) = self.screens.last_mut() {
                    thread.want(out);
                }
            }
            Purpose::Fact(mut filling) => {
                filling.answer(text);
                self.fill(*filling, out);
            }
            _ if text.is_empty() => {}
            Purpose::Save(message, part) => {
                self.directory = Some(text.to_owned());
                out.push(Effect::SaveAttachment(message, part, text.to_owned()));
            }
            Purpose::Disclose(address, in_clear) => {
                let typed = text.to_owned();
                self.disclose(&address, in_clear, &typed, out);
            }
            Purpose::SaveChange(seq) => {
                self.directory = Some(text.to_owned());
                out.push(Effect::SaveChange(seq, text.to_owned()));
            }
            Purpose::Decrypt(message, part) => {
                self.directory = Some(text.to_owned());
                out.push(Effect::DecryptAttachment(message, part, text.to_owned()));
            }
            Purpose::SaveDocuments(documents) => {
                self.directory = Some(text.to_owned());
                out.push(Effect::SaveDocuments(documents, text.to_owned()));
            }
            Purpose::Quarantine { case, documents, release } => {
                let because = text.to_owned();
                out.push(Effect::Quarantine { case, documents, because, release });
            }
            Purpose::AttachmentName(at) => {
                let name = text.to_owned();
                self.name_attachment(at, &name);
            }
            // Answered above.
            _ => {}
        }
    }

    fn decide(&mut self, yes: bool, out: &mut Vec<Effect>) {
        let Some(Popup::Ask(ask)) = self.popups.pop() else { return };
        match (ask.decision, yes) {
            (Decision::Outside(_), false) => {}
            (Decision::Outside(document), true) => out.push(Effect::Outside(document)),
            (Decision::Discard, true) => {
                let key = self.composer_mut().and_then(|(composer, _)| composer.key());
                self.screens.retain(|screen| !matches!(screen, Screen::Composer(_) | Screen::Review(_)));
                self.kept = None;
                self.unkept.forget(key);
                if let Some(key) = key {
                    out.push(Effect::DropDraft(key));
                }
                self.shown_again(out);
                self.say(Tone::Plain, "The draft was thrown away.");
            }
            (Decision::Discard | Decision::Do(_) | Decision::DropStep(_) | Decision::Key(_), false) => {}
            (Decision::DropStep(step), true) => out.push(Effect::UndoStep(step)),
            (Decision::Send, true) => self.send_reviewed(Said::Yes, out),
            (Decision::Send, false) => self.say(Tone::Plain, "Not sent."),
            (Decision::Key(deed), true) => out.push(Effect::Key(*deed)),
            (Decision::Do(what), true) => {
                let (target, deed) = *what;
                self.do_to(target, deed, out);
            }
            (Decision::ChangeCase(what), true) => {
                let (case, change) = *what;
                out.push(Effect::ChangeCase(case, vec![change]));
            }
            (Decision::AcceptAll, yes) => self.accept_all(yes, out),
            (Decision::Refile, true) => out.push(Effect::Refile),
            (Decision::ChangeCase(_) | Decision::Refile, false) => {}
            (Decision::Resume, true) => self.resume_kept(out),
            (Decision::Resume, false) => self.say_kept(),
            (Decision::Leave, true) => self.leave_when_kept(out),
            (Decision::LeaveUnkept, true) => out.push(Effect::Quit),
            (Decision::Leave | Decision::LeaveUnkept, false) => self.say(Tone::Plain, "casemail goes on."),
            (Decision::SendWithout, yes) => self.send_without(yes, out),
            (Decision::ForgetDraft(id), true) => self.forget_draft(id, out),
            (Decision::SendAgain(id), true) => out.push(Effect::OutboxSendAgain(id)),
            (Decision::Arrived(id), true) => out.push(Effect::OutboxArrived(id)),
            (Decision::GiveUp(id), true) => out.push(Effect::CancelOutbox(id)),
            (Decision::ForgetDraft(_) | Decision::SendAgain(_) | Decision::Arrived(_) | Decision::GiveUp(_), false) => {
            }
        }
    }
}
