//! Intents, performed on the screen that they are meant for.

use super::effect::Effect;
use super::export_view::Making;
use super::line::Line;
use super::list::{List, Row, Rows};
use super::model::Model;
use super::popup::{Decision, Popup, Prompt, Purpose};
use super::screen::Screen;
use super::screen::connections::Connections;
use super::screen::finder::Search;
use super::screen::help::Help;
use super::screen::palette::Palette;
use super::screen::threads::Threads;
use super::view::{Scope, Tone};
use crate::action::Action;
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
                    let at = threads.list.at();
                    let found = threads.seek_unread(action == Action::ListNextUnread);
                    if threads.list.all().behind() > 0 && found != Some(false) {
                        threads.list.to(at);
                        self.say(
                            Tone::Plain,
                            "No further row of those here is unread; the others are still being read.",
                        );
                    } else {
                        self.sought(found);
                    }
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
            Action::Quit => self.leave(out),
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
            Action::GoOutbox => self.go_outbox(out),
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
            Action::MailExport if self.popups.is_empty() => self.ask_export(Making::Files, out),
            Action::MailBundle if self.popups.is_empty() => self.ask_export(Making::Bundle, out),
            Action::MailExportStop => {
                if !self.stop_documents(out) {
                    out.push(Effect::StopExport);
                }
            }
            Action::ExportVerify if self.popups.is_empty() => {
                self.ask_target(None, Making::Proof, "Read the export in directory again", out);
            }
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
        if self.is_being_queued() {
            self.say(Tone::Plain, "The message is being put into the outbox.");
            return;
        }
        self.leave_composer(out);
        self.stop_documents(out);
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
            Some(Screen::Documents(documents)) if documents.is_read() => {
                out.push(Effect::StopDocuments);
                self.pop(out);
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

    pub(super) fn sought(&mut self, found: Option<bool>) {
        match found {
            Some(false) => {}
            Some(true) => self.say(Tone::Plain, "Came round to the other end of the list."),
            None => self.say(Tone::Plain, "Nothing here is unread."),
        }
    }
}

/// Intents of texts, for a list that is read like one.
pub(super) fn as_list(action: Action) -> Action {
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
pub(super) fn move_in<R: Row, S: Rows<R>>(list: &mut List<R, S>, action: Action) -> bool {
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
