//! What the user does with files that go out: attaching by a path, by dropping, from the case; the list of them; their size.

use super::documents::shut_words;
use super::effect::{ComposerId, Effect};
use super::line::Line;
use super::model::Model;
use super::popup::{Popup, Prompt, Purpose};
use super::screen::Screen;
use super::screen::attach::Attach;
use super::screen::documents::Documents;
use super::view::{Enclosed, Sentence, Tone};
use crate::action::Action;
use crate::app::document_view::DocumentScope;
use crate::case::document::{Document, Reach};
use crate::enclose::paths;
use crate::mail::address::Address;
use crate::mail::draft::Draft;
use crate::mail::id::CaseId;
use crate::mail::safe::{self, SafeText};

impl Model {
    /// Takes an intent about files in the composer.
    pub(super) fn act_on_enclosed(&mut self, action: Action, out: &mut Vec<Effect>) {
        let Some((composer, now)) = self.composer_mut() else { return };
        match action {
            Action::ComposerAttach => self.ask_attach(out),
            Action::ComposerAttachDocument => self.pick_documents(out),
            Action::ComposerDetach => match composer.detach(now) {
                Some(name) => self.say(Tone::Plain, format!("“{name}” is no longer attached.")),
                None => self.say(Tone::Plain, "Nothing is attached."),
            },
            Action::ComposerFileUp | Action::ComposerFileDown => {
                composer.move_file(action == Action::ComposerFileDown, now);
            }
            Action::ComposerFileName => match composer.marked_file().map(|(at, name)| (at, Line::new(name))) {
                Some((at, line)) => {
                    let question = SafeText::from("Name that recipients see:");
                    let purpose = Purpose::AttachmentName(at);
                    self.popups.push(Popup::Prompt(Prompt { purpose, question, line }));
                }
                None => self.say(Tone::Plain, "Nothing is attached."),
            },
            Action::ComposerSplit => {
                let words = if composer.turn_split(now) {
                    "Where it is too large for one message, it goes as several, numbered and in order."
                } else {
                    "It goes as one message."
                };
                self.say(Tone::Plain, words);
            }
            _ => {}
        }
    }

    /// The same key in the review: told apart or not, it is reviewed anew.
    pub(super) fn split_reviewed(&mut self, out: &mut Vec<Effect>) {
        self.pop(out);
        self.act_on_enclosed(Action::ComposerSplit, out);
        self.ask_review(out);
    }

    fn ask_attach(&mut self, out: &mut Vec<Effect>) {
        let home = &self.settings.home;
        let directory = self.attach_directory.clone().unwrap_or_else(|| if home.is_empty() { "." } else { "~" }.into());
        let attach = Attach::new(&directory, home);
        out.push(Effect::ListPaths(attach.path()));
        self.popups.push(Popup::Attach(attach));
    }

    /// Takes an intent in the prompt for a path; tells whether it was one.
    pub(super) fn act_in_attach(&mut self, action: Action, out: &mut Vec<Effect>) -> bool {
        let Some(Popup::Attach(attach)) = self.popups.last_mut() else { return false };
        match action {
            Action::PromptAccept => self.answer_attach(out),
            Action::PromptCancel => drop(self.popups.pop()),
            Action::PromptNext => attach.step(1),
            Action::PromptPrevious => attach.step(-1),
            // A fast hand is before the disk.
            Action::PromptComplete if !attach.loaded => attach.hurried = true,
            Action::PromptComplete => {
                if attach.complete() {
                    out.push(Effect::ListPaths(attach.path()));
                }
            }
            _ => {
                let before = attach.line.text().to_owned();
                if !attach.line.act(action) {
                    return false;
                }
                if attach.line.text() != before {
                    self.attach_typed(out);
                }
            }
        }
        true
    }

    /// Something was typed or pasted into the prompt for a path.
    pub(super) fn attach_typed(&mut self, out: &mut Vec<Effect>) {
        if let Some(Popup::Attach(attach)) = self.popups.last_mut() {
            attach.typed();
            out.push(Effect::ListPaths(attach.path()));
        }
    }

    fn answer_attach(&mut self, out: &mut Vec<Effect>) {
        let Some(Popup::Attach(attach)) = self.popups.last_mut() else { return };
        let only_directory = attach.path().ends_with('/');
        let readings = match attach.chosen().cloned() {
            Some(row) if row.is_directory => {
                attach.put(&row.path);
                out.push(Effect::ListPaths(attach.path()));
                return;
            }
            Some(row) => vec![vec![row.path]],
            // Nothing was chosen in it yet.
            None if only_directory || attach.line.text().trim().is_empty() => {
                attach.step(1);
                return;
            }
            None => attach.readings(),
        };
        self.popups.pop();
        if let Some((composer, _)) = self.composer_mut() {
            out.push(Effect::AttachFiles(composer.awaits(1), readings));
        }
    }

    /// Takes what could complete a path.
    pub(super) fn paths_listed(
        &mut self,
        typed: &str,
        rows: std::sync::Arc<[super::view::PathRow]>,
        out: &mut Vec<Effect>,
    ) {
        if let Some(Popup::Attach(attach)) = self.popups.last_mut() {
            attach.offer(typed, rows);
            if attach.loaded && std::mem::take(&mut attach.hurried) && attach.complete() {
                out.push(Effect::ListPaths(attach.path()));
            }
        }
    }

    /// Whether a pasted text may be what was dropped on the terminal: files that are there are attached, anything else is a text.
    pub(super) fn may_be_dropped(&mut self, text: &str, out: &mut Vec<Effect>) -> bool {
        if !self.popups.is_empty() || !matches!(self.screens.last(), Some(Screen::Composer(_))) {
            return false;
        }
        let mut readings = paths::readings(text);
        readings.iter_mut().flatten().for_each(|path| *path = paths::at_home(path, &self.settings.home));
        if readings.is_empty() {
            return false;
        }
        if let Some((composer, _)) = self.composer_mut() {
            out.push(Effect::AttachDropped(composer.awaits(1), text.to_owned(), readings));
        }
        true
    }

    /// Whether an answer is for the message on screen, which then waits for one less. What was asked for another one goes into no other.
    fn is_for_this(&mut self, to: ComposerId) -> bool {
        match self.composer_mut() {
            Some((composer, _)) if composer.id == to => {
                composer.awaited = composer.awaited.saturating_sub(1);
                true
            }
            _ => false,
        }
    }

    /// Takes files along that were asked for.
    pub(super) fn attached(&mut self, to: ComposerId, answers: Vec<Result<Enclosed, Sentence>>, out: &mut Vec<Effect>) {
        let is_ours = self.is_for_this(to);
        // What went wrong is said last: it is what stays on the screen.
        let (mut files, mut wrong) = (Vec::new(), None);
        for answer in answers {
            match answer {
                Ok(one) => files.push(one),
                Err(why) => wrong = wrong.or(Some(why)),
            }
        }
        if let Some(first) = files.first().filter(|_| !is_ours) {
            let more = if files.len() > 1 { format!(" and {} more", files.len() - 1) } else { String::new() };
            let name = SafeText::line(&first.file.name);
            let words =
                format!("“{name}”{more} came when the message was left: it is not attached. Attach it there again.");
            self.say(Tone::Warning, words);
        }
        for one in files.into_iter().filter(|_| is_ours) {
            self.take_along(one, out);
        }
        if let Some(why) = wrong {
            self.tell(why);
        }
    }

    fn take_along(&mut self, one: Enclosed, out: &mut Vec<Effect>) {
        if let Some((directory, _)) = one.source.as_ref().and_then(|source| source.path.rsplit_once('/')) {
            self.attach_directory = Some(directory.to_owned());
        }
        let name = SafeText::line(&one.file.name);
        let Some((composer, now)) = self.composer_mut() else { return };
        composer.attach(one.file, one.source, now);
        self.weigh(out);
        match one.said.into_iter().next() {
            Some(worst) => self.tell(worst),
            None => self.say(Tone::Plain, format!("“{name}” is attached.")),
        }
    }

    /// What was pasted into a message is a text.
    pub(super) fn pasted_text(&mut self, to: ComposerId, text: &str, out: &mut Vec<Effect>) {
        if !self.is_for_this(to) {
            self.say(Tone::Warning, "What was pasted came when the message was left: paste it there again.");
            return;
        }
        if self.popups.is_empty() && matches!(self.screens.last(), Some(Screen::Composer(_))) {
            self.type_text(text, out);
        } else if let Some((composer, now)) = self.composer_mut() {
            composer.insert(text, now);
        }
    }

    /// Asks for the limit that the message is under, where it has files at all.
    pub(super) fn weigh(&mut self, out: &mut Vec<Effect>) {
        let Some((composer, _)) = self.composer_mut() else { return };
        if composer.file_count() == 0 {
            return;
        }
        if let Some(draft) = composer.draft(false) {
            let everybody = draft.to.iter().chain(&draft.cc).chain(&draft.bcc);
            out.push(Effect::AskLimit(draft.account.clone(), everybody.map(|one| one.addr.clone()).collect()));
        }
    }

    /// Gives an attachment another name: one that is no path and hides nothing.
    pub(super) fn name_attachment(&mut self, at: usize, name: &str) {
        let harmless = safe::file_name(name);
        if let Some((composer, now)) = self.composer_mut() {
            composer.rename_file(at, &harmless, now);
            self.say(Tone::Plain, format!("Recipients see it as “{}”.", SafeText::line(&harmless)));
        }
    }

    /// Shows the documents of the message's case, to mark those that go along.
    fn pick_documents(&mut self, out: &mut Vec<Effect>) {
        let case = self.composer_mut().and_then(|(composer, _)| composer.case());
        match case {
            Some(case) => {
                let title = SafeText::line(&case.0);
                self.push(Screen::Documents(Box::new(Documents::new(DocumentScope::Case(case), title))));
                self.refresh(out);
            }
            None => self.say(
                Tone::Plain,
                "This message belongs to no case: begin it from one, or attach the documents from the list of the case.",
            ),
        }
    }

    /// Attaches documents to the message being written; where there is none, a new one is begun.
    pub(super) fn attach_documents(&mut self, chosen: Vec<Document>, case: Option<CaseId>, out: &mut Vec<Effect>) {
        let Some(first) = chosen.first().cloned() else { return };
        let open: Vec<Document> = chosen.into_iter().filter(|one| one.is_file() && one.reach == Reach::Open).collect();
        if open.is_empty() {
            self.say(Tone::Warning, shut_words(&first));
            return;
        }
        if self.is_composing() {
            while !matches!(self.screens.last(), Some(Screen::Composer(_)) | None) {
                self.pop(out);
            }
        } else {
            let (account, address): (String, Address) = self.settings.identities.first().map_or_else(
                || (String::new(), Address::default()),
                |identity| (identity.account.clone(), identity.address.clone()),
            );
            self.begin(Draft { account, from: address, case, ..Draft::default() }, None, out);
        }
        if let Some((composer, _)) = self.composer_mut() {
            out.push(Effect::AttachDocuments(composer.awaits(open.len()), open));
        }
    }
}
