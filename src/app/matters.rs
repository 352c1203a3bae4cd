//! What the user does with cases: finding one, looking at it, writing into it, and saying where messages belong.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use super::case_view::{AwaitingRow, CaseView, ChronologyRow, TriageRow};
use super::document_view::DocumentScope;
use super::effect::Effect;
use super::form::{Did, Form};
use super::forms::{self, Outcome, Subject};
use super::model::Model;
use super::popup::{Ask, Decision, Popup};
use super::screen::Screen;
use super::screen::awaiting::AwaitingScreen;
use super::screen::case::{CaseScreen, Place};
use super::screen::chronology::Chronology;
use super::screen::finder::{Finder, Search};
use super::screen::offers::Filling;
use super::screen::threads::Threads;
use super::screen::triage::Triage;
use super::view::Offer;
use super::view::{CaseRow, Scope, Sentence, Tone};
use crate::action::{Action, Context};
use crate::case::title::in_full;
use crate::mail::id::{CaseId, MessageRef};
use crate::mail::safe::SafeText;
use crate::register::CaseChange;

impl Model {
    /// The cases as the lowest screen has them.
    fn case_rows(&self) -> Arc<[CaseRow]> {
        match self.screens.first() {
            Some(Screen::Cases(cases)) => Arc::clone(cases.list.all()),
            _ => Arc::from([]),
        }
    }

    /// Asks for a case.
    pub(super) fn open_finder(&mut self, search: Search, out: &mut Vec<Effect>) {
        if matches!(self.popups.last(), Some(Popup::Finder(_))) {
            return;
        }
        self.popups.push(Popup::Finder(Finder::new(search, self.case_rows())));
        // The list may be behind while another screen is looked at.
        out.push(Effect::ListCases);
    }

    /// The marked case was chosen.
    pub(super) fn found_case(&mut self, out: &mut Vec<Effect>) {
        let Some(Popup::Finder(finder)) = self.popups.last() else { return };
        let Some(row) = finder.chosen().cloned() else {
            self.say(Tone::Warning, "No case has such a name, number or party.");
            return;
        };
        let search = finder.search.clone();
        self.popups.pop();
        match (search, row.scope) {
            (Search::Go, scope) => {
                self.go_home(out);
                self.open_threads(scope, row.title, out);
            }
            (Search::File(messages), Scope::Case(case)) => self.file(messages, vec![case], &row.title, out),
            (Search::File(_), _) => {}
        }
    }

    /// The case that is looked at, or at the cursor, with what it is called.
    pub(super) fn case_here(&self) -> Option<(CaseId, SafeText)> {
        match self.screens.last()? {
            Screen::Case(case) => Some((case.id.clone(), case.title.clone())),
            Screen::Documents(documents) => match &documents.scope {
                DocumentScope::Case(id) => Some((id.clone(), documents.title.clone())),
                DocumentScope::Message(_) => None,
            },
            Screen::Chronology(chronology) => Some((chronology.case.clone(), SafeText::line(&chronology.case.0))),
            Screen::Pleas(pleas) => pleas.list.selected().map(|line| (line.row.case.clone(), line.title.clone())),
            Screen::Plea(shown) => Some((shown.case.clone(), SafeText::line(&shown.case.0))),
            Screen::Awaiting(awaiting) => awaiting.list.selected().map(|row| (row.case.clone(), row.title.clone())),
            Screen::Cases(cases) => {
                cases.list.selected().and_then(|row| Some((scope_case(&row.scope)?, row.title.clone())))
            }
            Screen::Threads(Threads { scope: Scope::Case(id), title, .. }) => Some((id.clone(), title.clone())),
            Screen::Threads(threads) => {
                let case = threads.list.selected()?.cases.first()?.clone();
                let title = SafeText::line(&case.0);
                Some((case, title))
            }
            Screen::Thread(thread) => thread.cases.first().map(|(id, _)| (id.clone(), SafeText::line(&id.0))),
            _ => None,
        }
    }

    /// Opens the case that is at hand.
    pub(super) fn show_case(&mut self, out: &mut Vec<Effect>) {
        match self.case_here() {
            Some((id, title)) => {
                self.push(Screen::Case(Box::new(CaseScreen::new(id, title))));
                self.refresh(out);
            }
            None => self.say(Tone::Plain, "There is no case here; go to one first."),
        }
    }

    /// Opens the chronology of the case that is at hand.
    pub(super) fn show_chronology(&mut self, out: &mut Vec<Effect>) {
        match self.case_here() {
            Some((id, _)) => {
                self.push(Screen::Chronology(Chronology::new(id)));
                self.refresh(out);
            }
            None => self.say(Tone::Plain, "There is no case here; go to one first."),
        }
    }

    /// Opens the list of answers that are waited for.
    pub(super) fn go_awaiting(&mut self, out: &mut Vec<Effect>) {
        if !matches!(self.screens.last(), Some(Screen::Awaiting(_))) {
            self.popups.clear();
            self.push(Screen::Awaiting(AwaitingScreen::default()));
            self.refresh(out);
        }
    }

    /// Opens the list of what is to be filed.
    pub(super) fn go_triage(&mut self, out: &mut Vec<Effect>) {
        if !matches!(self.screens.last(), Some(Screen::Triage(_))) {
            self.popups.clear();
            self.push(Screen::Triage(Triage::default()));
            self.refresh(out);
        }
    }

    /// Opens a form for a new case; from a message, what it says is proposed.
    pub(super) fn new_case(&mut self) {
        let form = match self.screens.last() {
            Some(Screen::Triage(triage)) => {
                let rows = triage.meant();
                let messages = rows.iter().flat_map(|row| row.messages.clone()).collect();
                let first = rows.first().and_then(|row| row.suggestions.first());
                let number = first.map(|one| one.case.0.clone()).unwrap_or_default();
                let said = || rows.iter().find_map(|row| in_full(row.subject.as_str()));
                let title = first.map(|one| one.title.to_string()).filter(|title| *title != number);
                let title = title.or_else(said).unwrap_or_default();
                forms::open(messages, &title, &number)
            }
            _ => forms::open(Vec::new(), "", ""),
        };
        self.open_form(form);
    }

    pub(super) fn open_form(&mut self, form: Form<Subject>) {
        self.popups.push(Popup::Form(Box::new(form)));
    }

    /// Takes an intent into the form on top; tells whether it was one.
    pub(super) fn act_in_form(&mut self, action: Action, out: &mut Vec<Effect>) -> bool {
        let Some(Popup::Form(form)) = self.popups.last_mut() else { return false };
        if action == Action::PromptCancel {
            self.popups.pop();
            return true;
        }
        match form.act(action) {
            Did::Submit => self.take_form(out),
            Did::Complete => self.complete_plea_file(out),
            Did::Moved => {}
            Did::Nothing => return false,
        }
        true
    }

    fn take_form(&mut self, out: &mut Vec<Effect>) {
        if matches!(self.popups.last(), Some(Popup::Form(form)) if matches!(form.subject, Subject::Plea(_))) {
            self.take_plea_form(out);
            return;
        }
        let case = self.screens.iter().rev().find_map(|screen| match screen {
            Screen::Case(case) => case.view.clone(),
            _ => None,
        });
        let Some(Popup::Form(form)) = self.popups.last_mut() else { return };
        let about = forms::case_of(&form.subject);
        let case = case.as_ref().map(|view| &view.case).filter(|case| Some(&case.id) == about.as_ref());
        match forms::taken(form, case) {
            Err((at, words)) => form.refuse(at, &words),
            Ok(outcome) => {
                self.popups.pop();
                match outcome {
                    Outcome::Open(opening) => {
                        self.hide_filed(opening.messages.clone());
                        out.push(Effect::OpenCase(Box::new(opening)));
                    }
                    Outcome::Change(_, changes) if changes.is_empty() => {
                        self.say(Tone::Plain, "Nothing was changed.");
                    }
                    Outcome::Change(id, changes) => out.push(Effect::ChangeCase(id, changes)),
                    Outcome::Await(message, what, due) => out.push(Effect::AwaitAnswer(message, what, due)),
                    Outcome::Number(id, text) => out.push(Effect::AddNumber(id, text)),
                }
            }
        }
    }

    /// Performs an intent on the open case.
    pub(super) fn act_in_case(&mut self, action: Action, out: &mut Vec<Effect>) {
        let Some(Screen::Case(case)) = self.screens.last() else { return };
        let place = case.list.selected().map(|line| line.place.clone());
        match action {
            Action::ListOpen if matches!(place, Some(Place::Mail | Place::Filed(_))) => self.open_mail(out),
            Action::CaseMail => self.open_mail(out),
            Action::ListOpen | Action::CaseEdit => match case.edit() {
                Some(form) => self.open_form(form),
                None => self.say(Tone::Plain, "This row cannot be changed; it can only be added to, or taken out."),
            },
            Action::CaseAdd => {
                if let Some(form) = case.add() {
                    self.open_form(form);
                }
            }
            Action::CaseNote => {
                if let Some(view) = &case.view {
                    let form = forms::note(&view.case);
                    self.open_form(form);
                }
            }
            Action::CaseState => {
                if let Some(view) = &case.view {
                    let form = forms::state(&view.case, None);
                    self.open_form(form);
                }
            }
            Action::CaseRemove => match case.remove() {
                Some((change, what)) => {
                    let question = format!(
                        "Take “{}” out of the case? What was written stays in the register.",
                        what.truncate(40)
                    );
                    let decision = Decision::ChangeCase(Box::new((case.id.clone(), change)));
                    self.popups.push(Popup::Ask(Ask { question: SafeText::line(&question), decision }));
                }
                None => self.say(Tone::Plain, "This row cannot be taken out."),
            },
            _ => {}
        }
    }

    fn open_mail(&mut self, out: &mut Vec<Effect>) {
        let Some(Screen::Case(case)) = self.screens.last() else { return };
        let (scope, title) = (Scope::Case(case.id.clone()), case.title.clone());
        // The case was opened from its mail: back to that.
        let below = self.screens.len().checked_sub(2).and_then(|at| self.screens.get(at));
        if matches!(below, Some(Screen::Threads(threads)) if threads.scope == scope) {
            self.pop(out);
        } else {
            self.open_threads(scope, title, out);
        }
    }

    /// Performs an intent on the list of what is to be filed.
    pub(super) fn act_in_triage(&mut self, action: Action, out: &mut Vec<Effect>) {
        let Some(Screen::Triage(triage)) = self.screens.last_mut() else { return };
        let meant = triage.meant();
        let messages: Vec<MessageRef> = meant.iter().flat_map(|row| row.messages.clone()).collect();
        match action {
            Action::ListMark => {
                if let Some(Some(id)) = triage.list.selected().map(|row| row.messages.first().cloned()) {
                    if !triage.marked.remove(&id) {
                        triage.marked.insert(id);
                    }
                    triage.list.step(1);
                }
            }
            Action::TriageMarkSender => {
                let marked = triage.mark_sender();
                self.say(Tone::Plain, format!("{marked} marked: what is done next is done to them."));
            }
            Action::TriageUndo => self.take_back(out),
            _ if meant.is_empty() => {}
            Action::ListOpen | Action::TriageAccept => self.accept(meant, out),
            Action::TriageAcceptAlike => {
                let alike = triage.alike();
                self.accept(alike, out);
            }
            Action::TriageAcceptAll => {
                let clear = triage.clear();
                if clear.is_empty() {
                    self.say(Tone::Plain, "No row here has one suggestion that nothing speaks against.");
                } else {
                    // Those that it is about bear a mark while the question stands.
                    triage.mark(&clear);
                    let question = SafeText::line(&format!("File {}? Doubts stay.", count_of(&clear)));
                    self.popups.push(Popup::Ask(Ask { question, decision: Decision::AcceptAll }));
                }
            }
            Action::TriageShare => {
                let (shared, single): (Vec<TriageRow>, Vec<TriageRow>) =
                    meant.into_iter().partition(|row| row.suggestions.len() > 1);
                if shared.is_empty() || !single.is_empty() {
                    self.say(Tone::Plain, "Only a row with several suggestions can be shared between them.");
                } else {
                    self.share(shared, out);
                }
            }
            Action::TriagePick => self.open_finder(Search::File(messages), out),
            Action::TriageNewCase => self.new_case(),
            Action::TriageNotACase => {
                self.hide_filed(messages.clone());
                out.push(Effect::File(messages, Vec::new()));
                let words = "Kept out of all cases; what comes in its threads, too.".to_owned();
                self.say(Tone::Plain, self.with_way_back(words));
            }
            Action::TriageRead => {
                if let Some(row) = meant.first() {
                    let (thread, subject) = (row.thread, row.subject.clone());
                    self.read_thread(thread, subject, out);
                }
            }
            _ => {}
        }
    }

    /// Files rows as suggested, a step that can be taken back; where there is no suggestion, or several, a case is asked for.
    fn accept(&mut self, rows: Vec<TriageRow>, out: &mut Vec<Effect>) {
        let is_open = |row: &TriageRow| !matches!(row.suggestions.as_slice(), [_]) && !row.is_none();
        let (open, rows): (Vec<TriageRow>, Vec<TriageRow>) = rows.into_iter().partition(is_open);
        let mut by_case: Vec<(Vec<CaseId>, Vec<MessageRef>)> = Vec::new();
        for row in &rows {
            let cases: Vec<CaseId> = row.suggestions.iter().map(|one| one.case.clone()).collect();
            match by_case.iter_mut().find(|(known, _)| *known == cases) {
                Some((_, messages)) => messages.extend(row.messages.iter().cloned()),
                None => by_case.push((cases, row.messages.clone())),
            }
        }
        if let [first, ..] = rows.as_slice() {
            let words = match (by_case.as_slice(), first.suggestions.first()) {
                ([(_, messages)], Some(only)) => filed(messages.len(), &only.title),
                ([_], None) if rows.len() == 1 => "Kept out of all cases; what comes in its threads, too.".to_owned(),
                _ => format!("Filed: {}.", count_of(&rows)),
            };
            self.hide_filed(rows.iter().flat_map(|row| row.messages.clone()).collect());
            self.say(Tone::Good, self.with_way_back(words));
            out.extend(by_case.into_iter().map(|(cases, messages)| Effect::File(messages, cases)));
        }
        let open: Vec<MessageRef> = open.into_iter().flat_map(|row| row.messages).collect();
        if !open.is_empty() {
            self.open_finder(Search::File(open), out);
        }
    }

    /// Files each row to all that is suggested for it.
    fn share(&mut self, rows: Vec<TriageRow>, out: &mut Vec<Effect>) {
        let messages: Vec<MessageRef> = rows.iter().flat_map(|row| row.messages.clone()).collect();
        let cases = rows.first().map_or(0, |row| row.suggestions.len());
        let words = if rows.len() == 1 {
            filed(messages.len(), &SafeText::line(&format!("{cases} cases")))
        } else {
            format!("{} rows shared, each between the cases that it names.", rows.len())
        };
        self.hide_filed(messages);
        self.say(Tone::Good, self.with_way_back(words));
        out.extend(rows.into_iter().map(|row| {
            let cases = row.suggestions.into_iter().map(|one| one.case).collect();
            Effect::File(row.messages, cases)
        }));
    }

    /// All rows that nothing speaks against are filed as suggested, or none of them.
    pub(super) fn accept_all(&mut self, yes: bool, out: &mut Vec<Effect>) {
        let Some(Screen::Triage(triage)) = self.screens.last_mut() else { return };
        // What came while the question stood was not asked about.
        let asked = std::mem::take(&mut triage.marked);
        let is_asked = |row: &TriageRow| row.messages.first().is_some_and(|id| asked.contains(id));
        let rows: Vec<TriageRow> = triage.clear().into_iter().filter(is_asked).collect();
        if yes {
            self.accept(rows, out);
        }
    }

    /// Takes back what was filed last in the list: it is asked about again.
    fn take_back(&mut self, out: &mut Vec<Effect>) {
        let Some(Screen::Triage(triage)) = self.screens.last_mut() else { return };
        let Some(rows) = triage.done.pop() else {
            self.say(Tone::Plain, "Nothing was filed in this list since it was opened.");
            return;
        };
        triage.list.unhide_all();
        let messages: Vec<MessageRef> = rows.into_iter().flat_map(|row| row.messages).collect();
        let what =
            if messages.len() == 1 { "1 message is".to_owned() } else { format!("{} messages are", messages.len()) };
        self.say(Tone::Good, format!("Taken back: {what} to be filed again."));
        out.push(Effect::Unfile(messages));
    }

    /// The words, with the key that takes it back.
    fn with_way_back(&self, words: String) -> String {
        match self.settings.keymap.hint(Context::Triage, Action::TriageUndo) {
            Some(key) if matches!(self.screens.last(), Some(Screen::Triage(_))) => {
                format!("{words} {key} takes it back.")
            }
            _ => words,
        }
    }

    /// Says where messages belong.
    fn file(&mut self, messages: Vec<MessageRef>, cases: Vec<CaseId>, title: &SafeText, out: &mut Vec<Effect>) {
        self.hide_filed(messages.clone());
        self.say(Tone::Good, self.with_way_back(filed(messages.len(), title)));
        out.push(Effect::File(messages, cases));
    }

    fn hide_filed(&mut self, messages: Vec<MessageRef>) {
        let messages: HashSet<MessageRef> = messages.into_iter().collect();
        for screen in &mut self.screens {
            if let Screen::Triage(triage) = screen {
                let is_filed = |row: &&TriageRow| row.messages.iter().any(|id| messages.contains(id));
                let rows: Vec<TriageRow> = triage.list.all().iter().filter(is_filed).cloned().collect();
                if !rows.is_empty() {
                    triage.hide(rows);
                }
            }
        }
    }

    /// Asks what is waited for as the answer to the message at hand.
    pub(super) fn expect_answer(&mut self) {
        let Some(Screen::Thread(thread)) = self.screens.last() else { return };
        if let Some(row) = thread.tree.selected() {
            let form = forms::awaited(row.id.clone(), row.subject.as_str());
            self.open_form(form);
        }
    }

    /// Files the messages at hand to another case: of a list of threads, of a thread, of the open message.
    pub(super) fn refile(&mut self, out: &mut Vec<Effect>) {
        let messages = match self.screens.last() {
            Some(Screen::Thread(thread)) if !thread.marked.is_empty() => {
                thread.tree.all().iter().map(|row| row.id.clone()).filter(|id| thread.marked.contains(id)).collect()
            }
            Some(Screen::Thread(thread)) => thread.tree.all().iter().map(|row| row.id.clone()).collect(),
            _ => Vec::new(),
        };
        if messages.is_empty() {
            self.say(Tone::Plain, "Open a thread to file it to a case.");
        } else {
            self.open_finder(Search::File(messages), out);
        }
    }

    /// Performs an intent on the list of answers that are waited for.
    pub(super) fn act_in_awaiting(&mut self, action: Action, out: &mut Vec<Effect>) {
        let Some(Screen::Awaiting(awaiting)) = self.screens.last() else { return };
        let Some(row) = awaiting.list.selected().cloned() else { return };
        match action {
            Action::ListOpen => self.open_threads(Scope::Case(row.case), row.title, out),
            Action::AwaitingChase if self.is_composing() => {
                self.say(Tone::Plain, "A message is being written already.");
            }
            Action::AwaitingChase => out.push(Effect::Chase(row.case, row.awaiting.id)),
            Action::AwaitingAnswered => {
                let answered = CaseChange::Answered { id: row.awaiting.id, at: self.now, message_id: String::new() };
                out.push(Effect::ChangeCase(row.case, vec![answered]));
            }
            _ => {}
        }
    }

    /// Takes the message that chases a question: what is missing is asked for, then the composer opens.
    pub(super) fn chase(&mut self, case: CaseId, offer: Option<Box<Offer>>, out: &mut Vec<Effect>) {
        match offer {
            // Somebody who has gone elsewhere meanwhile is not pulled back.
            Some(_) if !matches!(self.screens.last(), Some(Screen::Awaiting(_))) || self.is_composing() => {}
            Some(offer) => self.fill(Filling::new(case, *offer), out),
            None => {
                self.say(Tone::Plain, "There is no template that chases, or the answer is not waited for any more.")
            }
        }
    }

    /// Asks whether changed filing rules may move what they would move.
    pub(super) fn ask_to_refile(&mut self, words: &SafeText) {
        let question = SafeText::line(&format!("File by changed rules? {words}"));
        self.popups.push(Popup::Ask(Ask { question, decision: Decision::Refile }));
    }

    /// Takes a case that was asked for.
    pub(super) fn case_shown(&mut self, id: &CaseId, view: Option<Arc<CaseView>>, out: &mut Vec<Effect>) {
        let now = self.now;
        let Some(at) = self.screens.iter().position(|screen| matches!(screen, Screen::Case(case) if case.id == *id))
        else {
            return;
        };
        match (view, self.screens.get_mut(at)) {
            (Some(view), Some(Screen::Case(case))) => {
                case.set(view, now);
                if case.fresh.answered() {
                    out.push(Effect::ShowCase(id.clone()));
                }
            }
            _ => {
                self.screens.truncate(at.max(1));
                self.shown_again(out);
                self.say(Tone::Plain, "That case is gone.");
            }
        }
    }

    /// Takes the list of what is to be filed.
    pub(super) fn triage_listed(&mut self, rows: &Arc<[TriageRow]>, out: &mut Vec<Effect>) {
        for screen in &mut self.screens {
            if let Screen::Triage(triage) = screen {
                triage.list.set_rows(Arc::clone(rows));
                triage.marked.retain(|id| rows.iter().any(|row| row.messages.first() == Some(id)));
                if triage.fresh.answered() {
                    out.push(Effect::ListTriage);
                }
            }
        }
    }

    /// Takes the list of answers that are waited for.
    pub(super) fn awaiting_listed(&mut self, rows: &Arc<[AwaitingRow]>, out: &mut Vec<Effect>) {
        for screen in &mut self.screens {
            if let Screen::Awaiting(awaiting) = screen {
                awaiting.list.set_rows(Arc::clone(rows));
                if awaiting.fresh.answered() {
                    out.push(Effect::ListAwaiting);
                }
            }
        }
    }

    /// Takes a chronology.
    pub(super) fn chronology_shown(&mut self, id: &CaseId, rows: &Arc<[ChronologyRow]>, out: &mut Vec<Effect>) {
        for screen in &mut self.screens {
            if let Screen::Chronology(chronology) = screen
                && chronology.case == *id
            {
                chronology.list.set_rows(Arc::clone(rows));
                if chronology.fresh.answered() {
                    out.push(Effect::ShowChronology(id.clone()));
                }
            }
        }
    }

    /// Something was written into the register, or could not be.
    pub(super) fn recorded(&mut self, result: Result<Sentence, Sentence>) {
        match result {
            Ok(words) => self.tell(words),
            Err(why) => {
                // What was taken off the list before the register had it comes back.
                for screen in &mut self.screens {
                    if let Screen::Triage(triage) = screen {
                        triage.list.unhide_all();
                        triage.done.pop();
                    }
                }
                self.tell(why);
            }
        }
    }
}

fn scope_case(scope: &Scope) -> Option<CaseId> {
    match scope {
        Scope::Case(id) => Some(id.clone()),
        _ => None,
    }
}

/// That so many messages were filed, in words.
fn filed(messages: usize, title: &SafeText) -> String {
    let what = if messages == 1 { "Filed".to_owned() } else { format!("{messages} messages filed") };
    format!("{what} to {}.", title.truncate(40))
}

/// What rows become where each is filed as suggested, in words: `40 rows to 12 cases, 9 to none`.
fn count_of(rows: &[TriageRow]) -> String {
    let to_cases: Vec<&TriageRow> = rows.iter().filter(|row| !row.suggestions.is_empty()).collect();
    let cases: BTreeSet<&CaseId> =
        to_cases.iter().filter_map(|row| row.suggestions.first()).map(|one| &one.case).collect();
    let count = |number: usize, what: &str| if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") };
    let none = rows.len() - to_cases.len();
    match (to_cases.len(), none) {
        (0, none) => format!("{} out of all cases", count(none, "row")),
        (some, 0) => format!("{} to {}", count(some, "row"), count(cases.len(), "case")),
        (some, none) => format!("{} to {}, {none} out of all cases", count(some, "row"), count(cases.len(), "case")),
    }
}
