//! Intents, performed on the screen that they are meant for.

use std::borrow::Cow;

use super::effect::Said;
use super::effect::{Deed, Effect, FlagChange, Target};
use super::line::Line;
use super::list::{List, Row, Rows};
use super::model::Model;
use super::popup::{Decision, Popup, Prompt, Purpose};
use super::screen::Screen;
use super::screen::connections::Connections;
use super::screen::finder::Search;
use super::screen::help::Help;
use super::screen::outbox::Outbox;
use super::screen::palette::Palette;
use super::screen::thread::{Face, First, Thread};
use super::screen::threads::Threads;
use super::view::{MessageRow, Scope, Tone};
use crate::action::Action;
use crate::case::guard::Reason;
use crate::mail::id::{MessageRef, ThreadId};
use crate::mail::safe::SafeText;

impl Model {
    /// Performs an intent. One that means nothing here does nothing.
    pub(crate) fn act(&mut self, action: Action, out: &mut Vec<Effect>) {
        if self.act_anywhere(action, out) || self.act_on_popup(action, out) || !self.popups.is_empty() {
            return;
        }
        match self.screens.last_mut() {
            Some(Screen::Cases(cases)) => match action {
                Action::ListOpen => {
                    if let Some(row) = cases.list.selected() {
                        let (scope, title) = (row.scope.clone(), row.title.clone());
                        self.open_threads(scope, title, out);
                    }
                }
                Action::ListNextUnread | Action::ListPreviousUnread => {
                    let found = cases.list.seek(action == Action::ListNextUnread, |row| row.unread > 0);
                    self.sought(found);
                }
                _ => drop(move_in(&mut cases.list, action)),
            },
            Some(Screen::Threads(threads)) => match action {
                Action::ListNextUnread | Action::ListPreviousUnread => {
                    let found = threads.seek_unread(action == Action::ListNextUnread);
                    self.sought(found);
                }
                _ if move_in(&mut threads.list, action) => {}
                _ => self.act_on_thread_row(action, out),
            },
            Some(Screen::Thread(_)) => self.act_in_thread(action, out),
            Some(Screen::Composer(_)) => self.act_in_composer(action, out),
            Some(Screen::Review(_)) => self.act_in_review(action, out),
            Some(Screen::Outbox(outbox)) => {
                let moved = move_in(&mut outbox.list, action);
                if !moved {
                    self.act_in_outbox(action, out);
                }
            }
            Some(Screen::Changes(changes)) => {
                let moved = move_in(&mut changes.list, action);
                if !moved {
                    self.act_in_changes(action, out);
                }
            }
            Some(Screen::Drafts(drafts)) => {
                let moved = move_in(&mut drafts.list, action);
                if !moved {
                    self.act_in_drafts(action, out);
                }
            }
            Some(Screen::Connections(connections)) => match (action, connections.account()) {
                (Action::ConnectionRetry, Some((account, _))) => {
                    self.say(Tone::Plain, format!("Trying {account} again."));
                    out.push(Effect::SyncAccount(account));
                }
                // Whoever is offline comes back.
                (Action::ConnectionToggle, Some((account, online))) => {
                    let words = if online { "is being connected again." } else { "works offline now." };
                    self.say(Tone::Plain, format!("{account} {words}"));
                    out.push(Effect::AccountOnline(account, online));
                }
                _ => drop(move_in(&mut connections.list, action)),
            },
            Some(Screen::Keys(keys)) => {
                let moved = move_in(&mut keys.list, action);
                if !moved {
                    self.act_in_keys(action, out);
                }
            }
            Some(Screen::Assistant(assistant)) => {
                let moved = move_in(&mut assistant.list, action);
                if !moved {
                    self.act_in_assistant(action, out);
                }
            }
            Some(Screen::Case(case)) => {
                let moved = move_in(&mut case.list, action);
                if !moved {
                    self.act_in_case(action, out);
                }
            }
            Some(Screen::Triage(triage)) => {
                let moved = move_in(&mut triage.list, action);
                if !moved {
                    self.act_in_triage(action, out);
                }
            }
            Some(Screen::Awaiting(awaiting)) => {
                let moved = move_in(&mut awaiting.list, action);
                if !moved {
                    self.act_in_awaiting(action, out);
                }
            }
            Some(Screen::Documents(documents)) => {
                let moved = move_in(&mut documents.list, action);
                if !moved {
                    self.act_in_documents(action, out);
                }
            }
            Some(Screen::Look(_)) => self.act_in_look(action, out),
            Some(Screen::Pleas(pleas)) => {
                let moved = move_in(&mut pleas.list, action);
                if !moved {
                    self.act_in_pleas(action, out);
                }
            }
            Some(Screen::Plea(shown)) => {
                let moved = move_in(&mut shown.list, action);
                if !moved {
                    self.act_in_plea(action, out);
                }
            }
            Some(Screen::Chronology(chronology)) => drop(move_in(&mut chronology.list, action)),
            Some(Screen::Help(help)) => drop(move_in(&mut help.list, as_list(action))),
            None => {}
        }
    }

    fn act_anywhere(&mut self, action: Action, out: &mut Vec<Effect>) -> bool {
        match action {
            Action::Quit => {
                self.keep_draft(out);
                out.push(Effect::Quit);
            }
            Action::Suspend => out.push(Effect::Suspend),
            Action::Redraw => out.push(Effect::Redraw),
            Action::Lock => self.lock_now(out),
            Action::DismissNotice => self.notice = None,
            Action::Help if !matches!(self.screens.last(), Some(Screen::Help(_))) => {
                let help = Help::new(&self.settings.keymap, self.screen_context());
                self.popups.clear();
                self.push(Screen::Help(help));
            }
            Action::Help => self.back(out),
            Action::Palette => {
                let context = self.screen_context();
                self.popups.push(Popup::Palette(Palette::new(context)));
            }
            Action::Back => self.back(out),
            Action::GoCases => self.go_home(out),
            Action::GoUnfiled => {
                self.go_home(out);
                self.open_threads(Scope::Unfiled, SafeText::from("Unfiled"), out);
            }
            Action::GoAll => {
                self.go_home(out);
                self.open_threads(Scope::All, SafeText::from("All mail"), out);
            }
            Action::GoDrafts => self.show_drafts(out),
            Action::GoOutbox if !matches!(self.screens.last(), Some(Screen::Outbox(_))) => {
                self.popups.clear();
                self.push(Screen::Outbox(Outbox::default()));
                self.refresh(out);
            }
            Action::GoOutbox => {}
            Action::GoChanges => self.go_changes(out),
            Action::GoMailbox => self.go_mailbox(out),
            Action::GoInbox => {
                let account = self.settings.identities.first().map(|one| one.account.clone()).unwrap_or_default();
                self.go_home(out);
                self.open_mailbox(account, "INBOX".to_owned(), "inbox", out);
            }
            Action::CaseFind => self.open_finder(Search::Go, out),
            Action::GoTriage => self.go_triage(out),
            Action::CaseRefile => out.push(Effect::PreviewRefile),
            Action::GoAwaiting => self.go_awaiting(out),
            Action::GoPleas => self.go_pleas(out),
            Action::PleaShow if self.popups.is_empty() => self.show_plea(out),
            Action::CaseNew if self.popups.is_empty() => self.new_case(),
            Action::CaseShow if self.popups.is_empty() => self.show_case(out),
            Action::CaseDocuments if self.popups.is_empty() => self.show_documents(out),
            Action::CaseChronology if self.popups.is_empty() => self.show_chronology(out),
            Action::MailExport if self.popups.is_empty() => self.ask_export(),
            Action::MailExportStop => out.push(Effect::StopExport),
            Action::CaseAwait if self.popups.is_empty() => self.expect_answer(),
            Action::CaseFile if self.popups.is_empty() => self.refile(out),
            Action::ChangeUndo => out.push(Effect::Undo),
            Action::GoConnections if !matches!(self.screens.last(), Some(Screen::Connections(_))) => {
                self.popups.clear();
                self.push(Screen::Connections(Connections::default()));
                self.refresh(out);
            }
            Action::GoConnections => {}
            Action::GoKeys => self.show_keys(None, out),
            Action::SyncNow => {
                out.push(Effect::SyncNow);
                self.say(Tone::Plain, "Asking the servers for news.");
            }
            Action::SyncOffline => self.go_online(false, out),
            Action::SyncOnline => self.go_online(true, out),
            Action::SyncToggle => {
                let online = self.accounts.iter().any(|one| !matches!(one.link, super::view::Link::Offline { .. }));
                self.go_online(!online, out);
            }
            Action::Compose => self.compose(out),
            Action::Template => self.offer_templates(out),
            Action::Resume => self.resume(out),
            Action::ListFilter if self.popups.is_empty() => self.ask_filter(),
            _ => return false,
        }
        true
    }

    fn go_online(&mut self, online: bool, out: &mut Vec<Effect>) {
        out.push(Effect::GoOnline(online));
        self.say(
            Tone::Plain,
            if online { "Connecting again." } else { "Working offline: all connections are closed." },
        );
    }

    pub(super) fn go_home(&mut self, out: &mut Vec<Effect>) {
        self.leave_composer(out);
        self.popups.clear();
        self.screens.truncate(1);
        self.shown_again(out);
    }

    pub(super) fn open_threads(&mut self, scope: Scope, title: SafeText, out: &mut Vec<Effect>) {
        self.push(Screen::Threads(Threads::new(scope, title)));
        self.refresh(out);
    }

    /// One step back: the popup, then the filter, then the screen.
    pub(super) fn back(&mut self, out: &mut Vec<Effect>) {
        if self.popups.pop().is_some() {
            return;
        }
        if self.unmark() {
            return;
        }
        let first = self.screens.len() == 1;
        match self.screens.last_mut() {
            Some(Screen::Cases(cases)) if !cases.list.filter().is_empty() => {
                cases.list.set_filter("");
            }
            Some(Screen::Threads(threads)) if !threads.list.filter().is_empty() => out.extend(threads.set_filter("")),
            Some(Screen::Help(help)) if !help.list.filter().is_empty() => {
                help.list.set_filter("");
            }
            Some(Screen::Outbox(outbox)) if !outbox.list.filter().is_empty() => {
                outbox.list.set_filter("");
            }
            Some(Screen::Changes(changes)) if !changes.list.filter().is_empty() => {
                changes.list.set_filter("");
            }
            Some(Screen::Drafts(drafts)) if !drafts.list.filter().is_empty() => {
                drafts.list.set_filter("");
            }
            Some(Screen::Case(case)) if !case.list.filter().is_empty() => {
                case.list.set_filter("");
            }
            Some(Screen::Triage(triage)) if !triage.list.filter().is_empty() => {
                triage.list.set_filter("");
            }
            Some(Screen::Awaiting(awaiting)) if !awaiting.list.filter().is_empty() => {
                awaiting.list.set_filter("");
            }
            Some(Screen::Documents(documents)) if !documents.list.filter().is_empty() => {
                documents.list.set_filter("");
            }
            Some(Screen::Pleas(pleas)) if !pleas.list.filter().is_empty() => {
                pleas.list.set_filter("");
            }
            Some(Screen::Plea(shown)) if !shown.list.filter().is_empty() => {
                shown.list.set_filter("");
            }
            Some(Screen::Chronology(chronology)) if !chronology.list.filter().is_empty() => {
                chronology.list.set_filter("");
            }
            Some(Screen::Connections(connections)) if !connections.list.filter().is_empty() => {
                connections.list.set_filter("");
            }
            Some(Screen::Keys(keys)) if !keys.list.filter().is_empty() => {
                keys.list.set_filter("");
            }
            Some(Screen::Keys(keys)) if keys.whole => {
                keys.whole = false;
                self.arrange();
            }
            Some(Screen::Assistant(_)) => self.leave_assistant(out),
            Some(Screen::Thread(thread)) if thread.whole && thread.tree.total() > 1 => {
                thread.whole = false;
                self.arrange();
            }
            Some(Screen::Review(review)) if review.sending => {
                self.say(Tone::Plain, "The message is being put into the outbox.");
            }
            Some(Screen::Composer(_)) => self.leave_composer(out),
            _ if first => {
                let quit = self.settings.keymap.hint(self.screen_context(), Action::Quit);
                let text = quit.map_or_else(
                    || "This is the first screen.".to_owned(),
                    |key| format!("This is the first screen; {key} leaves the program."),
                );
                self.say(Tone::Plain, text);
            }
            _ => self.pop(out),
        }
    }

    fn ask_filter(&mut self) {
        let typed = match self.screens.last() {
            Some(Screen::Cases(cases)) => cases.list.filter(),
            Some(Screen::Threads(threads)) => threads.list.filter(),
            Some(Screen::Thread(thread)) if !thread.reading() => thread.tree.filter(),
            Some(Screen::Outbox(outbox)) => outbox.list.filter(),
            Some(Screen::Changes(changes)) => changes.list.filter(),
            Some(Screen::Drafts(drafts)) => drafts.list.filter(),
            Some(Screen::Connections(connections)) => connections.list.filter(),
            Some(Screen::Keys(keys)) => keys.list.filter(),
            Some(Screen::Pleas(pleas)) => pleas.list.filter(),
            Some(Screen::Plea(shown)) => shown.list.filter(),
            Some(Screen::Chronology(chronology)) => chronology.list.filter(),
            Some(Screen::Documents(documents)) => documents.list.filter(),
            Some(Screen::Awaiting(awaiting)) => awaiting.list.filter(),
            Some(Screen::Triage(triage)) => triage.list.filter(),
            Some(Screen::Case(case)) => case.list.filter(),
            Some(Screen::Help(help)) => help.list.filter(),
            _ => return,
        };
        let line = Line::new(typed);
        self.popups.push(Popup::Prompt(Prompt {
            purpose: Purpose::Filter,
            question: SafeText::from("Only rows with:"),
            line,
        }));
    }

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

    fn act_on_popup(&mut self, action: Action, out: &mut Vec<Effect>) -> bool {
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
            Purpose::Export(wanted) => {
                self.directory = Some(text.to_owned());
                out.push(Effect::Export(wanted, text.to_owned()));
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
                self.screens.retain(|screen| !matches!(screen, Screen::Composer(_) | Screen::Review(_)));
                self.kept = None;
                out.push(Effect::DropDraft);
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
            (Decision::AcceptAll, true) => self.accept_all(out),
            (Decision::Refile, true) => out.push(Effect::Refile),
            (Decision::ChangeCase(_) | Decision::AcceptAll | Decision::Refile, false) => {}
            (Decision::Resume, true) => self.resume_kept(),
            (Decision::Resume, false) => self.say_kept(),
            (Decision::ForgetDraft(id), true) => self.forget_draft(id, out),
            (Decision::SendAgain(id), true) => out.push(Effect::OutboxSendAgain(id)),
            (Decision::Arrived(id), true) => out.push(Effect::OutboxArrived(id)),
            (Decision::GiveUp(id), true) => out.push(Effect::CancelOutbox(id)),
            (Decision::ForgetDraft(_) | Decision::SendAgain(_) | Decision::Arrived(_) | Decision::GiveUp(_), false) => {
            }
        }
    }

    fn act_in_changes(&mut self, action: Action, out: &mut Vec<Effect>) {
        let Some(Screen::Changes(changes)) = self.screens.last() else { return };
        let Some(row) = changes.list.selected().cloned() else { return };
        match action {
            Action::ChangeCancel | Action::ChangeRetry if row.step == 0 => {
                self.say(
                    Tone::Plain,
                    "This follows from something you did before; it cannot be taken back or told by itself.",
                );
            }
            // Nobody else has the message: it is not thrown away by one key.
            Action::ChangeCancel if row.keeps && matches!(row.state, "failed" | "uncertain") => {
                let question = if row.state == "failed" {
                    "Throw away the message? The server does not have it, and it is kept nowhere else."
                } else {
                    "Throw away the message here? It is not known whether the server has it."
                };
                let decision = Decision::DropStep(row.step);
                self.popups.push(Popup::Ask(super::popup::Ask { question: SafeText::line(question), decision }));
            }
            Action::ChangeCancel => out.push(Effect::UndoStep(row.step)),
            Action::ChangeRetry => out.push(Effect::RetryStep(row.step)),
            Action::ChangeSave if row.keeps => {
                let question = SafeText::line("Save the message to directory:");
                let line = Line::new(self.directory.as_ref().unwrap_or(&self.settings.save_directory));
                self.popups.push(Popup::Prompt(Prompt { purpose: Purpose::SaveChange(row.seq), question, line }));
            }
            Action::ChangeSave => self.say(Tone::Plain, "No message is kept with this change: the server has it."),
            _ => {}
        }
    }

    fn sought(&mut self, found: Option<bool>) {
        match found {
            Some(false) => {}
            Some(true) => self.say(Tone::Plain, "Came round to the other end of the list."),
            None => self.say(Tone::Plain, "Nothing here is unread."),
        }
    }

    fn act_on_thread_row(&mut self, action: Action, out: &mut Vec<Effect>) {
        if self.act_on_messages(action, out) {
            return;
        }
        let Some(Screen::Threads(threads)) = self.screens.last_mut() else { return };
        let Some(row) = threads.list.selected().map(Cow::into_owned) else { return };
        let (id, subject) = (row.id, row.subject.clone());
        match action {
            Action::ListOpen => self.open_thread(id, subject, First::Unread, None, out),
            Action::MessageReply | Action::MessageReplyAll | Action::MessageForward => {
                self.open_thread(id, subject, First::Newest, Some(action), out);
            }
            Action::ThreadToggleSeen | Action::ThreadToggleFlagged if !threads.marked.is_empty() => {
                self.toggle_marked(action, out);
            }
            Action::ThreadToggleSeen => {
                let seen = threads.unread(&row) > 0;
                let unread = if seen { 0 } else { row.messages };
                threads.set_unread(id, unread);
                out.push(Effect::ChangeThreadFlags(id, FlagChange::Seen(seen)));
            }
            Action::ThreadToggleFlagged => {
                let flagged = !threads.flagged(&row);
                threads.set_flagged(id, flagged);
                out.push(Effect::ChangeThreadFlags(id, FlagChange::Flagged(flagged)));
            }
            _ => {}
        }
    }

    /// The marked threads all become read, or flagged; where they are all so already, the contrary.
    fn toggle_marked(&mut self, action: Action, out: &mut Vec<Effect>) {
        let Some(Screen::Threads(threads)) = self.screens.last_mut() else { return };
        let marked: Vec<(ThreadId, usize, bool, usize)> = threads
            .marked
            .iter()
            .filter_map(|id| threads.list.by_id(id))
            .map(|row| (row.id, threads.unread(&row), threads.flagged(&row), row.messages))
            .collect();
        let change = if action == Action::ThreadToggleSeen {
            FlagChange::Seen(marked.iter().any(|(_, unread, ..)| *unread > 0))
        } else {
            FlagChange::Flagged(marked.iter().any(|(_, _, flagged, _)| !flagged))
        };
        for (id, _, _, messages) in &marked {
            match change {
                FlagChange::Seen(seen) => threads.set_unread(*id, if seen { 0 } else { *messages }),
                FlagChange::Flagged(flagged) => threads.set_flagged(*id, flagged),
                FlagChange::Deleted(_) | FlagChange::Answered(_) => {}
            }
        }
        threads.marked.clear();
        let target = Target::Threads(marked.into_iter().map(|(id, ..)| id).collect());
        out.push(Effect::Do(target, Deed::Flag(change)));
    }

    /// Opens a thread that is read before it is decided about.
    pub(super) fn read_thread(&mut self, id: ThreadId, subject: SafeText, out: &mut Vec<Effect>) {
        self.open_thread(id, subject, First::Newest, None, out);
    }

    fn open_thread(
        &mut self,
        id: ThreadId,
        subject: SafeText,
        first: First,
        after: Option<Action>,
        out: &mut Vec<Effect>,
    ) {
        let mut thread = Thread::new(id, subject, first, self.parts().body);
        if let Some(Screen::Threads(threads)) = self.screens.last() {
            thread.scope = threads.scope.clone();
        }
        thread.after = after;
        self.push(Screen::Thread(Box::new(thread)));
        self.refresh(out);
    }

    fn act_in_thread(&mut self, action: Action, out: &mut Vec<Effect>) {
        let Some(Screen::Thread(thread)) = self.screens.last_mut() else { return };
        if !thread.reading() && move_in(&mut thread.tree, action) {
            thread.want(out);
            return;
        }
        if self.act_on_messages(action, out) {
            if let Some(Screen::Thread(thread)) = self.screens.last_mut() {
                thread.want(out);
            }
            return;
        }
        let Some(Screen::Thread(thread)) = self.screens.last_mut() else { return };
        match action {
            Action::ListOpen => {
                thread.whole = true;
                self.arrange();
            }
            Action::MessageNext | Action::MessagePrevious => {
                let by = if action == Action::MessageNext { 1 } else { -1 };
                if !thread.step(by, out) {
                    let end = if by > 0 { "last" } else { "first" };
                    self.say(Tone::Plain, format!("This is the {end} message of the thread."));
                }
            }
            Action::ListNextUnread | Action::MessageNextUnread => self.next_unread(out),
            Action::MessageToggleSeen | Action::MessageToggleFlagged => self.toggle_message(action, out),
            Action::ThreadToggleSeen | Action::ThreadToggleFlagged => self.toggle_thread(action, out),
            Action::MessageReply | Action::MessageReplyAll | Action::MessageForward => self.answer(action, out),
            _ => self.act_on_shown(action, out),
        }
    }

    fn next_unread(&mut self, out: &mut Vec<Effect>) {
        let Some(Screen::Thread(thread)) = self.screens.last_mut() else { return };
        if thread.step_unread(out) {
            return;
        }
        let here = thread.id;
        let found = self.screens.iter_mut().rev().find_map(|screen| match screen {
            Screen::Threads(threads) => {
                threads.list.select(&here);
                threads.seek_unread(true)?;
                threads.list.selected().filter(|row| row.id != here).map(|row| (row.id, row.subject.clone()))
            }
            _ => None,
        });
        match found {
            None => self.say(Tone::Plain, "Nothing here is unread."),
            Some((id, subject)) => {
                self.screens.pop();
                self.open_thread(id, subject, First::Unread, None, out);
            }
        }
    }

    fn toggle_message(&mut self, action: Action, out: &mut Vec<Effect>) {
        let Some(Screen::Thread(thread)) = self.screens.last_mut() else { return };
        let Some(row) = thread.tree.selected() else { return };
        let marked = std::mem::take(&mut thread.marked);
        let meant: Vec<MessageRow> = if marked.is_empty() {
            vec![row.clone()]
        } else {
            thread.tree.all().iter().filter(|r| marked.contains(&r.id)).cloned().collect()
        };
        let ids: Vec<MessageRef> = meant.iter().map(|row| row.id.clone()).collect();
        let change = if action == Action::MessageToggleSeen {
            let seen = meant.iter().any(|row| !row.seen);
            thread.change(|row| ids.contains(&row.id), Some(seen), None);
            FlagChange::Seen(seen)
        } else {
            let flagged = meant.iter().any(|row| !row.flagged);
            thread.change(|row| ids.contains(&row.id), None, Some(flagged));
            FlagChange::Flagged(flagged)
        };
        out.push(Effect::ChangeFlags(ids, change));
        self.echo_thread();
    }

    fn toggle_thread(&mut self, action: Action, out: &mut Vec<Effect>) {
        let Some(Screen::Thread(thread)) = self.screens.last_mut() else { return };
        let change = if action == Action::ThreadToggleSeen {
            let seen = thread.unread() > 0;
            thread.change(|_| true, Some(seen), None);
            FlagChange::Seen(seen)
        } else {
            let flagged = !thread.tree.iter().any(|row| row.flagged);
            thread.change(|_| true, None, Some(flagged));
            FlagChange::Flagged(flagged)
        };
        out.push(Effect::ChangeThreadFlags(thread.id, change));
        self.echo_thread();
    }

    /// The lists below show what the open thread shows.
    pub(super) fn echo_thread(&mut self) {
        let Some(Screen::Thread(thread)) = self.screens.last() else { return };
        let (id, unread, flagged) = (thread.id, thread.unread(), thread.tree.iter().any(|row| row.flagged));
        self.echo(|threads| {
            threads.set_unread(id, unread);
            threads.set_flagged(id, flagged);
        });
    }

    fn act_on_shown(&mut self, action: Action, out: &mut Vec<Effect>) {
        let Some(Screen::Thread(thread)) = self.screens.last_mut() else { return };
        let pane = thread.parts().pane;
        let Some(shown) = &mut thread.shown else { return };
        match action {
            Action::ViewDown => drop(shown.body.scroll(1)),
            Action::ViewUp => drop(shown.body.scroll(-1)),
            Action::ViewHalfDown => drop(shown.body.page(1)),
            Action::ViewHalfUp => drop(shown.body.page(-1)),
            Action::ViewTop => shown.body.first(),
            Action::ViewBottom => shown.body.last(),
            // Paging on from the end of a message goes to the next one, so that one key reads a whole thread.
            Action::ViewPageDown => {
                let moved = shown.body.page(2);
                if !moved && !thread.step(1, out) {
                    self.say(Tone::Plain, "This is the end of the thread.");
                }
            }
            Action::ViewPageUp => drop(shown.body.page(-2)),
            Action::MessageToggleHeaders | Action::MessageToggleRaw => {
                let wanted = if action == Action::MessageToggleRaw { Face::Raw } else { Face::Headers };
                let face = if shown.face == wanted { Face::Text } else { wanted };
                if !shown.turn(face, pane) {
                    shown.wanted_face = face;
                    out.push(Effect::ShowSource(shown.view.id.clone()));
                }
            }
            Action::MessageToggleQuotes => {
                shown.quotes_hidden = !shown.quotes_hidden;
                shown.turn(Face::Text, pane);
            }
            Action::MessageToggleDetails => {
                shown.details = !shown.details;
                shown.arrange(pane);
            }
            Action::AttachmentNext => {
                shown.attachment = (shown.attachment + 1).min(shown.view.attachments.len().saturating_sub(1));
            }
            Action::AttachmentLook => self.look_at_attachment(out),
            Action::AttachmentQuarantine => self.ask_quarantine_of_message(),
            Action::AttachmentPrevious => shown.attachment = shown.attachment.saturating_sub(1),
            Action::AttachmentSave | Action::AttachmentDecrypt => match shown.view.attachments.get(shown.attachment) {
                None => self.say(Tone::Plain, "This message has no attachment."),
                Some(file) if action == Action::AttachmentDecrypt && !file.ciphertext => {
                    self.say(Tone::Plain, "This attachment is no encrypted file of its own; save it as it is.");
                }
                Some(file) => {
                    let (message, path) = (shown.view.id.clone(), file.path.clone());
                    let (verb, purpose) = match action {
                        Action::AttachmentDecrypt => ("Decrypt", Purpose::Decrypt(message, path)),
                        _ => ("Save", Purpose::Save(message, path)),
                    };
                    let question = SafeText::line(&format!("{verb} “{}” to directory:", file.name.truncate(30)));
                    let line = Line::new(self.directory.as_ref().unwrap_or(&self.settings.save_directory));
                    self.popups.push(Popup::Prompt(Prompt { purpose, question, line }));
                }
            },
            _ => {}
        }
    }
}

/// Intents of texts, for a list that is read like one.
fn as_list(action: Action) -> Action {
    match action {
        Action::ViewDown => Action::ListNext,
        Action::ViewUp => Action::ListPrevious,
        Action::ViewPageDown => Action::ListPageDown,
        Action::ViewPageUp => Action::ListPageUp,
        Action::ViewHalfDown => Action::ListHalfDown,
        Action::ViewHalfUp => Action::ListHalfUp,
        Action::ViewTop => Action::ListFirst,
        Action::ViewBottom => Action::ListLast,
        other => other,
    }
}

/// Moves in a list; tells whether the intent was a move.
fn move_in<R: Row, S: Rows<R>>(list: &mut List<R, S>, action: Action) -> bool {
    match action {
        Action::ListNext => list.step(1),
        Action::ListPrevious => list.step(-1),
        Action::ListFirst => list.to(0),
        Action::ListLast => list.to(usize::MAX),
        Action::ListPageDown => list.page(2),
        Action::ListPageUp => list.page(-2),
        Action::ListHalfDown => list.page(1),
        Action::ListHalfUp => list.page(-1),
        _ => return false,
    }
    true
}
