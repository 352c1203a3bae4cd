//! What the user does to messages: which rows it is meant for, what leaves the screen at once, and taking it back.

use super::document_view::DocumentScope;
use super::effect::{Deed, Effect, Target, Wanted};
use super::export_view::Making;
use super::model::Model;
use super::popup::{Ask, Decision, Popup};
use super::screen::Screen;
use super::screen::changes::Changes;
use super::screen::picker::{Choice, Picker};
use super::screen::threads::Threads;
use super::view::{Scope, Tone};
use crate::action::Action;
use crate::mail::safe::SafeText;

impl Model {
    /// Marks the row at the cursor for what is done next, or takes the mark off, and moves on.
    pub(super) fn mark_row(&mut self) {
        let marked = match self.screens.last_mut() {
            Some(Screen::Threads(threads)) => {
                let Some(id) = threads.list.selected().map(|row| row.id) else { return };
                if !threads.marked.remove(&id) {
                    threads.marked.insert(id);
                }
                threads.list.step(1);
                threads.marked.len()
            }
            Some(Screen::Thread(thread)) => {
                let Some(id) = thread.tree.selected().map(|row| row.id.clone()) else { return };
                if !thread.marked.remove(&id) {
                    thread.marked.insert(id);
                }
                thread.tree.step(1);
                thread.marked.len()
            }
            _ => return,
        };
        match marked {
            0 => self.say(Tone::Plain, "Nothing is marked any more."),
            marked => self.say(Tone::Plain, format!("{marked} marked: what is done next is done to them.")),
        }
    }

    /// Takes all marks off; says whether there were any.
    pub(super) fn unmark(&mut self) -> bool {
        match self.screens.last_mut() {
            Some(Screen::Threads(threads)) if !threads.marked.is_empty() => threads.marked.clear(),
            Some(Screen::Thread(thread)) if !thread.marked.is_empty() => thread.marked.clear(),
            Some(Screen::Documents(documents)) if !documents.marked.is_empty() => documents.marked.clear(),
            Some(Screen::Triage(triage)) if !triage.marked.is_empty() => triage.marked.clear(),
            _ => return false,
        }
        true
    }

    /// What an action is meant for: the marked rows, else the one at the cursor; with `whole`, the open thread.
    fn target(&self, whole: bool) -> Option<Target> {
        match self.screens.last()? {
            Screen::Threads(threads) if !threads.marked.is_empty() => {
                Some(Target::Threads(threads.marked.iter().copied().collect()))
            }
            Screen::Threads(threads) => Some(Target::Threads(vec![threads.list.selected()?.id])),
            Screen::Thread(thread) if whole => Some(Target::Threads(vec![thread.id])),
            Screen::Thread(thread) if !thread.marked.is_empty() => {
                let marked = thread.tree.all().iter().map(|row| row.id.clone()).filter(|id| thread.marked.contains(id));
                Some(Target::Messages(marked.collect()))
            }
            Screen::Thread(thread) => Some(Target::Messages(vec![thread.tree.selected()?.id.clone()])),
            _ => None,
        }
    }

    /// Asks where what is here is to be exported to.
    pub(super) fn ask_export(&mut self, making: Making, out: &mut Vec<Effect>) {
        let wanted = match self.screens.last() {
            Some(Screen::Cases(_) | Screen::Case(_)) => self.case_here().map(|(case, _)| Wanted::Case(case)),
            Some(Screen::Thread(thread)) => self.target(thread.marked.is_empty()).map(Wanted::Mail),
            Some(Screen::Documents(documents)) => {
                let case = match &documents.scope {
                    DocumentScope::Case(case) => Some(case.clone()),
                    DocumentScope::Message(_) => None,
                };
                Some(documents.to_write()).filter(|all| !all.is_empty()).map(|all| Wanted::Documents(case, all))
            }
            _ => self.target(false).map(Wanted::Mail),
        };
        let Some(wanted) = wanted else {
            self.say(Tone::Plain, "There is nothing here that could be exported.");
            return;
        };
        let what = match &wanted {
            Wanted::Case(_) => "the case".to_owned(),
            Wanted::Mail(Target::Messages(names)) if names.len() == 1 => "the message".to_owned(),
            Wanted::Mail(Target::Messages(names)) => format!("{} messages", names.len()),
            Wanted::Mail(Target::Threads(ids)) if ids.len() == 1 => "the thread".to_owned(),
            Wanted::Mail(Target::Threads(ids)) => format!("{} threads", ids.len()),
            Wanted::Documents(_, documents) if documents.len() == 1 => {
                documents.first().map(|one| format!("\u{201c}{}\u{201d}", one.name)).unwrap_or_default()
            }
            Wanted::Documents(_, documents) => format!("{} documents", documents.len()),
        };
        let question = match making {
            Making::Files => format!("Export {what} to directory"),
            Making::Bundle => format!("One PDF of {what}, to directory"),
        };
        self.ask_target(wanted, making, &question, out);
    }

    /// Performs an intent that does something to messages; says whether it was one.
    pub(super) fn act_on_messages(&mut self, action: Action, out: &mut Vec<Effect>) -> bool {
        use Action as A;
        let whole =
            matches!(action, A::ThreadArchive | A::ThreadMove | A::ThreadJunk | A::ThreadDelete | A::ThreadExpunge);
        let deed = match action {
            A::ListMark => {
                self.mark_row();
                return true;
            }
            A::ThreadArchive | A::MessageArchive => Deed::Archive { create: false },
            A::ThreadJunk | A::MessageJunk => Deed::Junk,
            A::ThreadDelete | A::MessageDelete => Deed::Delete,
            A::ThreadUndelete | A::MessageUndelete => {
                self.undelete(out);
                return true;
            }
            A::ThreadMove | A::MessageMove => {
                if let Some(target) = self.target(whole) {
                    out.push(Effect::ListMailboxes(Some(target.clone())));
                    self.popups.push(Popup::Picker(Picker::new(Choice::Move(target))));
                }
                return true;
            }
            A::ThreadExpunge | A::MessageExpunge => {
                if let Some(target) = self.target(whole) {
                    let question =
                        SafeText::from("Remove for ever? The server keeps no copy, and it cannot be taken back.");
                    let decision = Decision::Do(Box::new((target, Deed::Expunge)));
                    self.popups.push(Popup::Ask(Ask { question, decision }));
                }
                return true;
            }
            _ => return false,
        };
        if let Some(target) = self.target(whole) {
            self.do_to(target, deed, out);
        }
        true
    }

    /// Does something to messages. What it takes away from the list on screen leaves it now.
    pub(super) fn do_to(&mut self, target: Target, deed: Deed, out: &mut Vec<Effect>) {
        let within = self.screens.iter().rev().find_map(|screen| match screen {
            Screen::Threads(threads) => Some(threads.scope.clone()),
            _ => None,
        });
        let leaves = match (&deed, &within) {
            (Deed::Delete | Deed::Junk | Deed::Expunge, _) => true,
            (Deed::Archive { .. } | Deed::Undelete, Some(Scope::Mailbox { .. })) => true,
            (Deed::Move { mailbox: to, .. }, Some(Scope::Mailbox { mailbox, .. })) => to != mailbox,
            _ => false,
        };
        let words = match (&deed, &target) {
            (Deed::Delete, target) => Some(self.called(target)),
            _ => None,
        };
        if leaves {
            self.take_off(&target, out);
        }
        self.unmark();
        out.push(Effect::Do(target, deed));
        if let Some(words) = words {
            self.say_undoable(&format!("Deleted {words}."));
        }
    }

    /// What messages are called in a sentence.
    fn called(&self, target: &Target) -> String {
        let one = match (target, self.screens.last()) {
            (Target::Threads(ids), Some(Screen::Threads(threads))) if ids.len() == 1 => {
                ids.first().and_then(|id| threads.list.by_id(id)).map(|row| row.subject.clone())
            }
            (Target::Threads(_), Some(Screen::Thread(thread))) => Some(thread.subject.clone()),
            (Target::Messages(names), Some(Screen::Thread(thread))) if names.len() == 1 => {
                thread.tree.all().iter().find(|row| names.contains(&row.id)).map(|row| row.from.clone())
            }
            _ => None,
        };
        match (one, target) {
            (Some(one), _) => format!("“{}”", one.truncate(40)),
            (None, Target::Threads(ids)) => format!("{} threads", ids.len()),
            (None, Target::Messages(names)) => format!("{} messages", names.len()),
        }
    }

    /// Says what was done, and by which key it is taken back.
    pub(super) fn say_undoable(&mut self, words: &str) {
        let key = self.settings.keymap.hint(self.screen_context(), Action::ChangeUndo).map(str::to_owned);
        let back = key.map_or_else(String::new, |key| format!(" {key} takes it back."));
        self.say(Tone::Plain, format!("{words}{back}"));
    }

    /// Rows leave the lists before the stores have said so.
    fn take_off(&mut self, target: &Target, out: &mut Vec<Effect>) {
        match target {
            Target::Threads(ids) => {
                if matches!(self.screens.last(), Some(Screen::Thread(thread)) if ids.contains(&thread.id)) {
                    self.pop(out);
                }
                self.echo(|threads| threads.list.hide_all(ids));
            }
            Target::Messages(names) => {
                let Some(Screen::Thread(thread)) = self.screens.last_mut() else { return };
                thread.tree.hide_all(names);
                if thread.tree.is_empty() {
                    let whole = thread.id;
                    self.pop(out);
                    self.echo(|threads| threads.list.hide(&whole));
                } else {
                    thread.want(out);
                    self.arrange();
                    self.echo_thread();
                }
            }
        }
    }

    /// What the stores say counts again: nothing is hidden or marked before they have said so.
    pub(super) fn as_stored(&mut self) {
        for screen in &mut self.screens {
            match screen {
                Screen::Threads(threads) => {
                    threads.list.unhide_all();
                    threads.local.clear();
                }
                Screen::Thread(thread) => thread.as_stored(),
                Screen::Triage(triage) => triage.list.unhide_all(),
                _ => {}
            }
        }
        self.arrange();
    }

    fn undelete(&mut self, out: &mut Vec<Effect>) {
        let deleted_here = self.screens.iter().rev().find_map(|screen| match screen {
            Screen::Threads(threads) => Some(matches!(threads.role, "trash" | "junk")),
            _ => None,
        });
        match (deleted_here, self.target(false)) {
            (Some(true), Some(target)) => self.do_to(target, Deed::Undelete, out),
            _ => out.push(Effect::UndoDeletion),
        }
    }

    /// Opens the list of what waits.
    pub(super) fn go_changes(&mut self, out: &mut Vec<Effect>) {
        if matches!(self.screens.last(), Some(Screen::Changes(_))) {
            return;
        }
        self.popups.clear();
        self.push(Screen::Changes(Changes::default()));
        self.refresh(out);
    }

    /// Asks which mailbox to look into.
    pub(super) fn go_mailbox(&mut self, out: &mut Vec<Effect>) {
        out.push(Effect::ListMailboxes(None));
        self.popups.push(Popup::Picker(Picker::new(Choice::Go)));
    }

    /// Opens the threads of a mailbox.
    pub(super) fn open_mailbox(&mut self, account: String, mailbox: String, role: &'static str, out: &mut Vec<Effect>) {
        let title = SafeText::line(&mailbox);
        let mut threads = Threads::new(Scope::Mailbox { account, mailbox }, title);
        threads.role = role;
        self.push(Screen::Threads(threads));
        self.refresh(out);
    }

    /// The marked mailbox was chosen.
    pub(super) fn chose(&mut self, out: &mut Vec<Effect>) {
        let Some(Popup::Picker(picker)) = self.popups.pop() else { return };
        let chosen = picker.chosen().cloned();
        let typed = picker.line.text().trim().to_owned();
        match (picker.choice, chosen) {
            (Choice::Move(target), Some(row)) => {
                let deed = Deed::Move { account: Some(row.account), mailbox: row.name, create: false };
                self.do_to(target, deed, out);
            }
            // A name that no mailbox has: the question whether to make it comes back.
            (Choice::Move(target), None) if !typed.is_empty() => {
                out.push(Effect::Do(target, Deed::Move { account: None, mailbox: typed, create: false }));
            }
            (Choice::Go, Some(row)) => {
                self.go_home(out);
                self.open_mailbox(row.account, row.name, row.role, out);
            }
            (_, None) => self.say(Tone::Warning, "There is no mailbox of that name."),
        }
    }

    /// What was asked needs a mailbox that is not there.
    pub(super) fn no_mailbox(&mut self, account: &str, mailbox: &str, again: Box<(Target, Deed)>) {
        self.as_stored();
        let question = format!("{account} has no mailbox “{mailbox}”. Make it?");
        self.popups.push(Popup::Ask(Ask { question: SafeText::line(&question), decision: Decision::Do(again) }));
    }
}
