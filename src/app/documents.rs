//! What the user does with documents: listing them, looking into one, saving, putting out of reach.

use std::sync::Arc;

use super::document_view::{DocumentRow, DocumentScope, Far, Look};
use super::effect::Effect;
use super::line::Line;
use super::model::Model;
use super::popup::{Ask, Decision, Popup, Prompt, Purpose};
use super::screen::Screen;
use super::screen::documents::Documents;
use super::screen::look::LookScreen;
use super::view::{Sentence, Tone};
use crate::action::Action;
use crate::case::document::{Document, Reach, Unseen};
use crate::case::{Hearing, HearingId, HearingKind, Jurisdiction};
use crate::mail::id::CaseId;
use crate::mail::safe::SafeText;
use crate::register::CaseChange;

/// What is proposed as the reason.
const MIS_SERVED: &str = "possible mis-service";

impl Model {
    /// Opens the documents of the open message, else of the case that is at hand.
    pub(super) fn show_documents(&mut self, out: &mut Vec<Effect>) {
        let of_message = match self.screens.last() {
            Some(Screen::Thread(thread)) => {
                let shown = thread.shown.as_ref().map(|shown| &shown.view);
                shown.map(|view| (DocumentScope::Message(view.id.clone()), view.subject.clone()))
            }
            _ => None,
        };
        let of_case = || self.case_here().map(|(id, title)| (DocumentScope::Case(id), title));
        match of_message.or_else(of_case) {
            Some((scope, title)) => {
                self.push(Screen::Documents(Box::new(Documents::new(scope, title))));
                self.refresh(out);
            }
            None => self.say(Tone::Plain, "There is no case here; go to one first."),
        }
    }

    /// Takes a list.
    pub(super) fn documents_shown(
        &mut self,
        scope: &DocumentScope,
        rows: &Arc<[DocumentRow]>,
        law: Option<Jurisdiction>,
        out: &mut Vec<Effect>,
    ) {
        for screen in &mut self.screens {
            if let Screen::Documents(documents) = screen
                && documents.scope == *scope
            {
                documents.law = law;
                documents.far = None;
                documents.take(rows);
                if documents.fresh.answered() {
                    out.push(Effect::ListDocuments(scope.clone()));
                }
            }
        }
    }

    /// Takes a list that is not whole yet.
    pub(super) fn documents_far(
        &mut self,
        scope: &DocumentScope,
        rows: &Arc<[DocumentRow]>,
        law: Option<Jurisdiction>,
        far: Far,
        out: &mut Vec<Effect>,
    ) {
        if far.ended {
            self.documents_shown(scope, rows, law, out);
        }
        for screen in &mut self.screens {
            if let Screen::Documents(documents) = screen
                && documents.scope == *scope
            {
                documents.far = Some(far);
                documents.law = law;
                documents.fresh.loaded = true;
                if !far.ended {
                    documents.take(rows);
                }
            }
        }
    }

    /// Ends the reading for a list of documents that is open; says whether there was any.
    pub(super) fn stop_documents(&self, out: &mut Vec<Effect>) -> bool {
        let is_read = self.screens.iter().any(|one| matches!(one, Screen::Documents(documents) if documents.is_read()));
        if is_read {
            out.push(Effect::StopDocuments);
        }
        is_read
    }

    /// Takes what was found in a document.
    pub(super) fn looked(&mut self, id: &str, found: Result<Arc<Look>, Sentence>, out: &mut Vec<Effect>) {
        let wanted = matches!(self.screens.last(), Some(Screen::Look(look)) if look.document.sha256 == id);
        match found {
            Ok(look) => {
                for screen in &mut self.screens {
                    if let Screen::Look(screen) = screen
                        && screen.document.sha256 == id
                    {
                        screen.take(Arc::clone(&look));
                    }
                }
            }
            Err(why) => {
                if wanted {
                    self.pop(out);
                }
                self.tell(why);
            }
        }
    }

    fn case_of(scope: &DocumentScope) -> Option<CaseId> {
        match scope {
            DocumentScope::Case(id) => Some(id.clone()),
            DocumentScope::Message(_) => None,
        }
    }

    pub(super) fn act_in_documents(&mut self, action: Action, out: &mut Vec<Effect>) {
        let Some(Screen::Documents(documents)) = self.screens.last_mut() else { return };
        let case = Self::case_of(&documents.scope);
        match action {
            Action::ListMark => documents.mark(),
            Action::DocumentMarkAll => {
                documents.mark_all();
                let words = format!("{} marked.", documents.marked.len());
                self.say(Tone::Plain, words);
            }
            Action::DocumentSort => {
                documents.sort_next();
                let words = format!("Sorted by {}.", documents.sort.name());
                self.say(Tone::Plain, words);
            }
            Action::DocumentLook | Action::ListOpen => {
                if let Some(row) = documents.list.selected() {
                    let document = row.first.clone();
                    self.look_at(document, case, out);
                }
            }
            Action::DocumentQuarantine if !documents.may_quarantine() => self.back(out),
            Action::DocumentAttach => {
                let chosen = documents.chosen();
                self.attach_documents(chosen, case, out);
            }
            _ => {
                let chosen = documents.chosen();
                self.act_on_documents(action, chosen, case);
            }
        }
    }

    pub(super) fn act_in_look(&mut self, action: Action, out: &mut Vec<Effect>) {
        let Some(Screen::Look(look)) = self.screens.last_mut() else { return };
        match action {
            Action::ViewDown => drop(look.body.scroll(1)),
            Action::ViewUp => drop(look.body.scroll(-1)),
            Action::ViewPageDown => drop(look.body.page(2)),
            Action::ViewPageUp => drop(look.body.page(-2)),
            Action::ViewHalfDown => drop(look.body.page(1)),
            Action::ViewHalfUp => drop(look.body.page(-1)),
            Action::ViewTop => look.body.first(),
            Action::ViewBottom => look.body.last(),
            Action::DocumentHearing => {
                let offered = look.offered().cloned();
                match (offered, look.case.clone()) {
                    (Some(offered), Some(case)) => {
                        let hearing = Hearing {
                            id: HearingId(format!("ics-{}", look.document.sha256.get(..12).unwrap_or_default())),
                            kind: HearingKind::guess(&offered.summary),
                            court: offered.court,
                            at: offered.at,
                            outcome: String::new(),
                        };
                        let question = format!("Write this hearing into {case}: {}, {}?", hearing.at, hearing.court);
                        let question = SafeText::line(&question);
                        let change = CaseChange::Hearing(hearing);
                        let decision = Decision::ChangeCase(Box::new((case, change)));
                        self.popups.push(Popup::Ask(Ask { question, decision }));
                    }
                    (Some(_), None) => self.say(Tone::Plain, "Open it from the documents of its case first."),
                    (None, _) => self.say(Tone::Plain, "This document is no invitation to a hearing."),
                }
            }
            Action::DocumentAttach => {
                let (document, case) = (look.document.clone(), look.case.clone());
                self.attach_documents(vec![document], case, out);
            }
            _ => {
                let (document, case) = (look.document.clone(), look.case.clone());
                self.act_on_documents(action, vec![document], case);
            }
        }
    }

    fn act_on_documents(&mut self, action: Action, chosen: Vec<Document>, case: Option<CaseId>) {
        let Some(first) = chosen.first().cloned() else {
            self.say(Tone::Plain, "There is no document here.");
            return;
        };
        match action {
            Action::DocumentSave => {
                let files: Vec<Document> = chosen.into_iter().filter(Document::is_file).collect();
                let shut = files.iter().filter(|one| one.reach != Reach::Open).count();
                let open: Vec<Document> = files.into_iter().filter(|one| one.reach == Reach::Open).collect();
                if open.is_empty() {
                    self.say(Tone::Warning, shut_words(&first));
                    return;
                }
                let left = if shut > 0 { format!(" ({shut} out of reach are left out)") } else { String::new() };
                let what = if open.len() == 1 {
                    format!("\u{201c}{}\u{201d}", first.name)
                } else {
                    format!("{} documents", open.len())
                };
                let question = SafeText::line(&format!("Save {what}{left} to directory:"));
                let line = Line::new(self.directory.as_ref().unwrap_or(&self.settings.save_directory));
                self.popups.push(Popup::Prompt(Prompt { purpose: Purpose::SaveDocuments(open), question, line }));
            }
            Action::DocumentOutside if first.reach != Reach::Open || !first.is_file() => {
                self.say(Tone::Warning, shut_words(&first));
            }
            Action::DocumentOutside => {
                // What matters stands first: a narrow screen cuts the end off.
                let host = if self.settings.is_remote { "Shared host: others may read it. " } else { "" };
                let question = format!(
                    "{host}Open it outside the sandbox? \u{201c}{}\u{201d}; the copy is wiped when it ends.",
                    first.name
                );
                let decision = Decision::Outside(Box::new(first));
                self.popups.push(Popup::Ask(Ask { question: SafeText::line(&question), decision }));
            }
            Action::DocumentQuarantine => self.ask_quarantine(chosen, case, false),
            Action::DocumentRelease => self.ask_quarantine(chosen, case, true),
            _ => {}
        }
    }

    fn ask_quarantine(&mut self, chosen: Vec<Document>, case: Option<CaseId>, release: bool) {
        let wanted =
            |one: &Document| one.is_file() && (one.reach == Reach::Open) != release || one.reach == Reach::Watched;
        let documents: Vec<Document> = chosen.into_iter().filter(wanted).collect();
        let Some(first) = documents.first() else {
            self.say(Tone::Plain, if release { "This is not out of reach." } else { "This is in quarantine already." });
            return;
        };
        let what = match documents.len() {
            1 if first.inside.is_some() => format!("\u{201c}{}\u{201d} and all of its package", first.name),
            1 => format!("\u{201c}{}\u{201d}", first.name),
            count => format!("{count} documents"),
        };
        // What is asked comes first: a long name is cut at its end.
        let question =
            if release { format!("Why? Open all the same: {what}") } else { format!("Why? Quarantine {what}") };
        let line = Line::new(if release { "" } else { MIS_SERVED });
        let purpose = Purpose::Quarantine { case, documents, release };
        self.popups.push(Popup::Prompt(Prompt { purpose, question: SafeText::line(&question), line }));
    }

    /// A document is asked for; what is out of reach is not.
    fn look_at(&mut self, document: Document, case: Option<CaseId>, out: &mut Vec<Effect>) {
        if document.reach != Reach::Open {
            self.say(Tone::Warning, shut_words(&document));
            return;
        }
        if !document.is_file() {
            let words = format!("Shared by link only; casemail never follows it: {}", document.link);
            self.say(Tone::Plain, words);
            return;
        }
        out.push(Effect::Look(Box::new(document.clone())));
        self.push(Screen::Look(Box::new(LookScreen::new(document, case))));
    }

    /// The marked attachment of the open message as a document, as far as the message says.
    fn attachment_here(&self) -> Option<(Document, Option<CaseId>)> {
        let Some(Screen::Thread(thread)) = self.screens.last() else { return None };
        let shown = thread.shown.as_ref()?;
        let file = shown.view.attachments.get(shown.attachment)?;
        let case = thread.cases.first().map(|(id, _)| id.clone());
        Some((file.document.as_deref().cloned()?, case))
    }

    pub(super) fn look_at_attachment(&mut self, out: &mut Vec<Effect>) {
        match self.attachment_here() {
            Some((document, case)) => self.look_at(document, case, out),
            None => self.say(Tone::Plain, "This message has no attachment."),
        }
    }

    /// Asks about what may not be meant for the reader; where nothing is, about the attachment at hand.
    pub(super) fn ask_quarantine_of_message(&mut self) {
        let Some((document, case)) = self.attachment_here() else {
            self.say(Tone::Plain, "This message has no attachment.");
            return;
        };
        let Some(Screen::Thread(thread)) = self.screens.last() else { return };
        let files = thread.shown.iter().flat_map(|shown| &shown.view.attachments);
        let watched: Vec<Document> = files
            .filter_map(|file| file.document.as_deref().cloned())
            .filter(|one| one.reach == Reach::Watched)
            .collect();
        let documents = if watched.is_empty() { vec![document] } else { watched };
        self.ask_quarantine(documents, case, false);
    }
}

/// Why a document is not opened.
pub(super) fn shut_words(document: &Document) -> String {
    match document.reach {
        Reach::Quarantined => "It is in quarantine: not shown, saved or exported.".to_owned(),
        Reach::Watched if document.unseen.is_some_and(Unseen::shuts) => format!(
            "\u{201c}{}\u{201d} is not opened: {}. Release it with a reason, or quarantine it.",
            if document.because.is_empty() { &document.name } else { &document.because },
            document.unseen.map(Unseen::words).unwrap_or_default()
        ),
        Reach::Watched if !document.kind.withheld && !document.because.is_empty() => {
            let holds = if document.inside.is_some() { "is in one package with" } else { "holds" };
            format!(
                "\u{201c}{}\u{201d} {holds} \u{201c}{}\u{201d}, which may not be meant for you: no preview. Stop, and quarantine it.",
                document.name, document.because
            )
        }
        Reach::Watched if !document.kind.withheld => {
            let words =
                "is in one package with something that may not be meant for you: no preview. Stop, and quarantine it.";
            format!("\u{201c}{}\u{201d} {words}", document.name)
        }
        Reach::Watched => {
            format!("{} may not be meant for you: no preview. Stop, and quarantine it.", document.kind.code)
        }
        Reach::Open => format!("\u{201c}{}\u{201d} is shared by link only.", document.name),
    }
}
