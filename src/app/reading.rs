//! Intents among threads and in one: opening, stepping, marking as seen, scrolling, attachments.

use std::borrow::Cow;

use super::act::move_in;
use super::effect::{Deed, Effect, FlagChange, Target};
use super::line::Line;
use super::model::Model;
use super::popup::{Popup, Prompt, Purpose};
use super::screen::Screen;
use super::screen::thread::{Face, First, Thread};
use super::view::{MessageRow, Tone};
use crate::action::Action;
use crate::mail::id::{MessageRef, ThreadId};
use crate::mail::safe::SafeText;

impl Model {
    pub(super) fn act_on_thread_row(&mut self, action: Action, out: &mut Vec<Effect>) {
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

    /// Opens a thread at one of its messages.
    pub(super) fn read_message(&mut self, id: ThreadId, message: MessageRef, subject: SafeText, out: &mut Vec<Effect>) {
        self.open_thread(id, subject, First::Message(message), None, out);
    }

    pub(super) fn open_thread(
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

    pub(super) fn act_in_thread(&mut self, action: Action, out: &mut Vec<Effect>) {
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
