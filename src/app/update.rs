//! Events in, effects out.

use std::sync::Arc;

use jiff::Timestamp;

use super::effect::Effect;
use super::event::Event;
use super::model::Model;
use super::popup::{Ask, Decision, Popup};
use super::screen::Screen;
use super::screen::composer::Composer;
use super::screen::lock::Lock;
use super::screen::review::ReviewScreen;
use super::size::{inset, measure};
use super::thread_list::ThreadList;
use super::view::{AccountStatus, MessageView, Review, Scope, Sentence, ThreadView, Tone};
use crate::action::Action;
use crate::keymap::Resolution;
use crate::keymap::key::{Code, Key};
use crate::mail::draft::Draft;
use crate::mail::id::{DraftKey, MessageRef, ThreadId};
use crate::mail::safe::SafeText;

/// Takes in one event and answers what is to be done.
pub fn update(model: &mut Model, event: Event) -> Vec<Effect> {
    let mut out = Vec::new();
    let threads = model.threads_open();
    take(model, event, &mut out);
    // With the lock everything ends by itself.
    if model.lock.is_none() && model.threads_open() < threads {
        model.left_thread(&mut out);
    }
    out
}

fn take(model: &mut Model, event: Event, out: &mut Vec<Effect>) {
    match event {
        Event::Key(key) => model.key(key, out),
        Event::Paste(text) => model.paste(&text, out),
        Event::Resize(width, height) => {
            model.size = (width, height);
            model.arrange();
        }
        Event::Tick(now) => model.tick(now, out),
        Event::KeysExpired => model.keys_expired(out),
        Event::Resumed => out.push(Effect::Redraw),
        Event::Terminate => {
            model.keep_draft(out);
            out.push(Effect::Quit);
        }
        Event::Account(status) => model.account(status, out),
        // What has been typed since stays: whoever locks it and opens it again at once types faster than the stores close.
        Event::Locked if model.lock.is_some() => {}
        Event::Locked => model.forget(),
        Event::DraftKept(key, result) => model.draft_kept(key, result, out),
        Event::Notice(sentence) if model.lock.is_some() => model.missed(sentence),
        Event::Outbox(rows) if model.lock.is_some() => model.count_leaving(&rows, out),
        Event::Unlocked(result) => model.unlocked(result, out),
        // A locked model takes in nothing else: an answer that was on its way when the lock fell must not put a text back on screen.
        _ if model.lock.is_some() => {}
        Event::Notice(sentence) => model.tell(sentence),
        Event::Changed => {
            model.refresh(out);
            if let Some(Screen::Thread(thread)) = model.screens.last_mut() {
                thread.try_again(out);
            }
        }
        Event::Cases(rows) => model.cases(rows, out),
        Event::Threads(scope, rows) => model.threads(&scope, &rows, out),
        Event::Filtered(scope, ticket, rows, shown) => {
            for screen in &mut model.screens {
                if let Screen::Threads(threads) = screen
                    && threads.scope == scope
                {
                    threads.set_filtered(ticket, rows.clone(), shown.clone());
                }
            }
        }
        Event::Thread(id, view) => model.thread(id, view.as_deref(), out),
        Event::Message(id, answer) => model.message(&id, answer, out),
        Event::Source(id, answer) => model.source(&id, answer),
        Event::Case(id, view) => model.case_shown(&id, view, out),
        Event::Triage(rows) => model.triage_listed(&rows, out),
        Event::RefilePreview(words) => model.ask_to_refile(&words),
        Event::Chase(case, offer) => model.chase(case, offer, out),
        Event::Awaiting(rows) => model.awaiting_listed(&rows, out),
        Event::Looked(id, look) => model.looked(&id, look, out),
        Event::Documents(scope, rows, law) => model.documents_shown(&scope, &rows, law, out),
        Event::DocumentsFar(scope, rows, law, far) => model.documents_far(&scope, &rows, law, far, out),
        Event::Chronology(id, rows) => model.chronology_shown(&id, &rows, out),
        Event::Pleas(rows) => model.pleas_listed(&rows, out),
        Event::Plea(case, answer) => model.plea_shown(&case, answer, out),
        Event::PleaDraft(answer) => model.plea_drafted(answer, out),
        Event::PleaFiles(typed, found) => model.plea_files(&typed, &found),
        Event::PleaFile(typed, answer) => model.plea_file(&typed, answer, out),
        Event::Recorded(result) => model.recorded(result),
        Event::Outbox(rows) => {
            model.count_leaving(&rows, out);
            model.pleas_stale(out);
            for screen in &mut model.screens {
                if let Screen::Outbox(outbox) = screen {
                    outbox.list.set_rows(Arc::clone(&rows));
                    if outbox.fresh.answered() {
                        out.push(Effect::ListOutbox);
                    }
                }
            }
        }
        Event::Waiting(rows) => {
            for screen in &mut model.screens {
                if let Screen::Changes(changes) = screen {
                    changes.list.set_rows(Arc::clone(&rows));
                    if changes.fresh.answered() {
                        out.push(Effect::ListWaiting);
                    }
                }
            }
        }
        Event::Connections(rows) => {
            for screen in &mut model.screens {
                if let Screen::Connections(connections) = screen {
                    connections.list.set_rows(Arc::clone(&rows));
                    if connections.fresh.answered() {
                        out.push(Effect::ListConnections);
                    }
                }
            }
        }
        Event::Exporting(news) => model.export_told(news),
        Event::Target(place) => model.target_seen(place),
        Event::Keys(rows) => model.keys_listed(&rows, out),
        Event::KeysEnding(words) => model.keys_ending = words,
        Event::KeyLocked(source) => model.key_is_locked(source),
        Event::Assistance(rows) => model.assisted(&rows, out),
        Event::Mailboxes(rows) => {
            if let Some(Popup::Picker(picker)) = model.popups.last_mut() {
                picker.set(rows);
            }
        }
        Event::Offered(case, rows) => model.offered(&case, rows),
        Event::NoMailbox { account, mailbox, again } => model.no_mailbox(&account, &mailbox, again),
        Event::Done(words) => {
            let mut chars = words.as_str().chars();
            let words: String = chars.next().map(|c| c.to_uppercase().chain(chars).collect()).unwrap_or_default();
            model.say_undoable(&format!("{words}."));
        }
        Event::AskPassword { account } => model.ask_password(account),
        Event::Undone => {
            model.as_stored();
            model.refresh(out);
        }
        Event::Reviewed(result) => model.reviewed(result),
        Event::Queued(key, result) => model.queued(key, result, out),
        Event::DraftFound(draft) => model.draft_found(draft),
        Event::TakenBack(id, draft, words) => model.taken_back(id, &draft, words, out),
        Event::Drafts(rows) => model.drafts_listed(rows),
        Event::DraftTaken(result) => model.draft_taken(result, out),
        Event::Edited(at, result) => model.edited(at, result),
        Event::Attached(to, answers) => model.attached(to, answers, out),
        Event::PastedText(to, text) => model.pasted_text(to, &text, out),
        Event::Paths(typed, rows) => model.paths_listed(&typed, rows, out),
        Event::Limit(limit) => {
            if let Some((composer, _)) = model.composer_mut() {
                composer.limit = limit;
            }
        }
        Event::Carried(message, answer) => model.carried(&message, answer),
        Event::Completions(typed, found) => {
            if let Some((composer, _)) = model.composer_mut() {
                composer.offer(&typed, found);
            }
        }
    }
}

impl Model {
    fn threads_open(&self) -> usize {
        self.screens.iter().filter(|screen| matches!(screen, Screen::Thread(_))).count()
    }

    /// A thread was left: one below it asks anew for its message, which was let go of meanwhile.
    fn left_thread(&mut self, out: &mut Vec<Effect>) {
        let below = self.screens.iter_mut().rev().find_map(|screen| match screen {
            Screen::Thread(thread) => Some(thread),
            _ => None,
        });
        match below {
            Some(thread) => thread.look_again(out),
            None => out.push(Effect::CloseMessage),
        }
    }

    fn key(&mut self, key: Key, out: &mut Vec<Effect>) {
        self.last_key = self.now;
        let context = self.context();
        if self.lock.is_none() {
            self.fade();
            if self.secret_key(key, out) {
                return;
            }
        }
        match self.settings.keymap.resolve(context, &self.pending, key) {
            Resolution::Pending(hints) if self.lock.is_none() => {
                self.pending.push(key);
                self.hints = hints;
            }
            Resolution::Matched(actions, count) if self.lock.is_none() => {
                self.clear_pending();
                self.perform(&actions, count, out);
            }
            Resolution::Matched(actions, _) => self.locked_key(key, &actions, out),
            _ if self.lock.is_some() => self.locked_key(key, &[], out),
            Resolution::Earlier(actions, count) => {
                self.clear_pending();
                self.perform(&actions, count, out);
                self.key(key, out);
            }
            Resolution::Abandoned => {
                self.clear_pending();
                self.say(Tone::Plain, "Those keys are bound to nothing here.");
            }
            Resolution::Unbound => {
                self.clear_pending();
                if context.types_text() {
                    self.type_key(key, out);
                }
            }
            Resolution::Pending(_) => {}
        }
    }

    fn perform(&mut self, actions: &[Action], count: Option<u32>, out: &mut Vec<Effect>) {
        let times = count.unwrap_or(1).clamp(1, 10_000);
        // A number before the way to the first or last row is the row meant.
        if let (Some(_), [Action::ListFirst | Action::ListLast]) = (count, actions) {
            self.act(Action::ListFirst, out);
            (1..times).for_each(|_| self.act(Action::ListNext, out));
            return;
        }
        for _ in 0..times {
            for action in actions {
                self.act(*action, out);
            }
        }
    }

    fn keys_expired(&mut self, out: &mut Vec<Effect>) {
        let pending = std::mem::take(&mut self.pending);
        self.clear_pending();
        let context = self.context();
        if let Resolution::Matched(actions, count) = self.settings.keymap.expire(context, &pending) {
            self.perform(&actions, count, out);
        }
    }

    fn clear_pending(&mut self) {
        self.pending.clear();
        self.hints.clear();
    }

    /// A notice has been read once a key is pressed; a warning stays for a while longer.
    fn fade(&mut self) {
        let now = self.now;
        self.notice
            .take_if(|notice| notice.sentence.tone < Tone::Warning || now.duration_since(notice.at).as_secs() >= 10);
    }

    fn locked_key(&mut self, key: Key, actions: &[Action], out: &mut Vec<Effect>) {
        match actions.first() {
            Some(Action::Quit) => out.push(Effect::Quit),
            Some(Action::Suspend) => out.push(Effect::Suspend),
            Some(Action::Redraw) => out.push(Effect::Redraw),
            _ => {
                if let Some(passphrase) = self.lock.as_mut().and_then(|lock| lock.key(key)) {
                    out.push(Effect::Unlock(passphrase));
                }
            }
        }
    }

    fn type_key(&mut self, key: Key, out: &mut Vec<Effect>) {
        if let (Code::Char(c), false, false) = (key.code, key.ctrl, key.alt)
            && !c.is_control()
        {
            self.type_text(c.encode_utf8(&mut [0; 4]), out);
        }
    }

    pub(crate) fn type_text(&mut self, text: &str, out: &mut Vec<Effect>) {
        let now = self.now;
        match self.popups.last_mut() {
            Some(Popup::Prompt(prompt)) => {
                prompt.line.insert(text);
                self.prompt_typed(out);
            }
            Some(Popup::Attach(attach)) => {
                attach.line.insert(text.trim_end_matches(['\r', '\n']));
                self.attach_typed(out);
            }
            Some(Popup::Palette(palette)) => {
                palette.line.insert(text);
                palette.look();
            }
            Some(Popup::Picker(picker)) => {
                picker.line.insert(text);
                picker.look();
            }
            Some(Popup::Finder(finder)) => {
                finder.line.insert(text);
                finder.look();
            }
            Some(Popup::Stop(stop)) => stop.line.insert(text),
            Some(Popup::Offers(offers)) => {
                offers.line.insert(text);
                offers.look();
            }
            Some(Popup::Form(form)) => form.insert(text),
            Some(Popup::Target(_)) => self.type_target(text, out),
            Some(Popup::Ask(_) | Popup::Secret(_) | Popup::Exporting) => {}
            None => {
                if let Some(Screen::Composer(composer)) = self.screens.last_mut() {
                    composer.insert(text, now);
                    self.complete_soon(out);
                }
            }
        }
    }

    /// Asks for completions of what is typed.
    pub(crate) fn complete_soon(&mut self, out: &mut Vec<Effect>) {
        if let Some(Screen::Composer(composer)) = self.screens.last()
            && let Some(typed) = composer.completing()
        {
            out.push(Effect::Complete(typed.to_owned(), composer.case()));
        }
    }

    /// Pasted text is text, whatever it says: never keys (bracketed paste).
    fn paste(&mut self, text: &str, out: &mut Vec<Effect>) {
        self.last_key = self.now;
        // Terminals send a carriage return for each line break of what is pasted.
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        let text = text.as_str();
        if let Some(lock) = &mut self.lock {
            lock.paste(text);
        } else if self.paste_key(text, out) || self.may_be_dropped(text, out) {
        } else if self.context().types_text() {
            self.type_text(text, out);
        } else {
            self.say(Tone::Plain, "There is nothing to paste into here.");
        }
    }

    fn tick(&mut self, now: Timestamp, out: &mut Vec<Effect>) {
        self.now = now;
        self.keep_again(out);
        if self.notice.as_ref().is_some_and(|notice| {
            now.duration_since(notice.at).as_secs() >= if notice.sentence.tone < Tone::Warning { 8 } else { 60 }
        }) {
            self.notice = None;
        }
        if self.lock.is_some() {
            self.lock_at_last(out);
            return;
        }
        if let Some(Screen::Thread(thread)) = self.screens.last_mut() {
            thread.tick(out);
        }
        if self.composer_mut().is_some_and(|(composer, now)| composer.to_be_kept(now)) {
            self.keep_draft(out);
        }
        let idle = self.settings.idle_lock_minutes;
        if idle > 0 && now.duration_since(self.last_key).as_secs() >= i64::from(idle) * 60 {
            self.lock_idle(out);
        }
    }

    pub(crate) fn composer_mut(&mut self) -> Option<(&mut Composer, Timestamp)> {
        let now = self.now;
        self.screens.iter_mut().rev().find_map(|screen| match screen {
            Screen::Composer(composer) => Some((&mut **composer, now)),
            _ => None,
        })
    }

    /// Keeps the draft on screen where it holds anything that is not kept yet.
    pub(crate) fn keep_draft(&mut self, out: &mut Vec<Effect>) {
        // What is being queued is no draft any more.
        if self.is_being_queued() {
            return;
        }
        if let Some((composer, now)) = self.composer_mut()
            && composer.changed
            && let Some(draft) = composer.draft(false)
        {
            composer.kept(now);
            self.unkept.ask(draft.clone());
            out.push(Effect::KeepDraft(Box::new(draft)));
        }
    }

    fn account(&mut self, status: AccountStatus, out: &mut Vec<Effect>) {
        match self.accounts.iter_mut().find(|known| known.account == status.account) {
            Some(known) => *known = status,
            None => self.accounts.push(status),
        }
        // The reason why there is no connection may need room.
        self.arrange();
        match self.screens.last_mut() {
            Some(Screen::Connections(connections)) if self.lock.is_none() => {
                if connections.fresh.ask() {
                    out.push(Effect::ListConnections);
                }
            }
            _ => {
                for screen in &mut self.screens {
                    if let Screen::Connections(connections) = screen {
                        connections.fresh.spoil();
                    }
                }
            }
        }
    }

    fn unlocked(&mut self, result: Result<(), Sentence>, out: &mut Vec<Effect>) {
        match (result, &mut self.lock) {
            (Ok(()), _) => {
                let missed = self.lock.take().and_then(|lock| lock.missed);
                self.last_key = self.now;
                self.arrange();
                self.refresh(out);
                if let Some(missed) = missed {
                    self.tell(missed);
                }
                self.bring_back_unkept(out);
            }
            (Err(why), Some(lock)) => lock.refuse(why),
            (Err(why), None) => {
                let mut lock = Lock::default();
                lock.refuse(why);
                self.forget();
                self.lock = Some(lock);
            }
        }
    }

    fn cases(&mut self, rows: Arc<[super::view::CaseRow]>, out: &mut Vec<Effect>) {
        for screen in &mut self.screens {
            if let Screen::Cases(cases) = screen {
                cases.list.set_rows(Arc::clone(&rows));
                if cases.fresh.answered() {
                    out.push(Effect::ListCases);
                }
            }
        }
        if let Some(Popup::Finder(finder)) = self.popups.last_mut() {
            let chosen = finder.chosen().map(|row| row.scope.clone());
            finder.set(rows);
            finder.mark(chosen.as_ref());
        }
    }

    fn threads(&mut self, scope: &Scope, rows: &ThreadList, out: &mut Vec<Effect>) {
        for screen in &mut self.screens {
            if let Screen::Threads(threads) = screen
                && threads.scope == *scope
            {
                if let Some(rows) = threads.set(rows.clone()) {
                    out.push(threads.ask_filter(rows));
                }
                if threads.fresh.answered() {
                    out.push(Effect::ListThreads(scope.clone()));
                }
            }
        }
    }

    fn thread(&mut self, id: ThreadId, view: Option<&ThreadView>, out: &mut Vec<Effect>) {
        let Some(place) = self.screens.iter().position(|screen| is_thread(screen, id)) else { return };
        let composing = self.is_composing();
        match (view, self.screens.get_mut(place)) {
            (Some(view), Some(Screen::Thread(thread))) => {
                thread.set(view);
                if thread.fresh.answered() {
                    out.push(Effect::OpenThread(id, thread.scope.clone()));
                }
                thread.want(out);
            }
            (None, Some(_)) if !composing => {
                self.screens.truncate(place);
                self.shown_again(out);
                self.say(Tone::Plain, "That thread is gone: its messages were moved or deleted elsewhere.");
            }
            _ => {}
        }
    }

    fn message(&mut self, id: &MessageRef, answer: Result<Arc<MessageView>, Sentence>, out: &mut Vec<Effect>) {
        let mut shown = None;
        for screen in &mut self.screens {
            if let Screen::Thread(thread) = screen
                && thread.answer(id, answer.clone(), out)
            {
                shown = Some(thread.id);
            }
        }
        let Some(in_thread) = shown else { return };
        let mut after = None;
        let mut unread = None;
        for screen in &mut self.screens {
            if let Screen::Thread(thread) = screen
                && thread.id == in_thread
            {
                after = thread.after.take();
                if thread.tree.selected().is_some_and(|row| !row.seen) {
                    thread.change(|row| row.id == *id, Some(true), None);
                    out.push(Effect::MarkRead(id.clone()));
                }
                unread = Some(thread.unread());
            }
        }
        if let Some(unread) = unread {
            self.echo(|threads| threads.set_unread(in_thread, unread));
        }
        if let Some(action) = after {
            self.act(action, out);
        }
    }

    /// Lets the lists below know of a change of a thread at once.
    pub(crate) fn echo(&mut self, change: impl Fn(&mut super::screen::threads::Threads)) {
        for screen in &mut self.screens {
            if let Screen::Threads(threads) = screen {
                change(threads);
            }
        }
    }

    fn source(&mut self, id: &MessageRef, answer: Result<Arc<[SafeText]>, Sentence>) {
        let Some(Screen::Thread(thread)) = self.screens.last_mut() else { return };
        let pane = thread.parts().pane;
        let Some(shown) = thread.shown.as_mut().filter(|shown| shown.view.id == *id) else { return };
        match answer {
            Ok(lines) => {
                shown.set_source(lines);
                let face = shown.wanted_face;
                shown.turn(face, pane);
            }
            Err(why) => self.tell(why),
        }
    }

    fn reviewed(&mut self, result: Result<Arc<Review>, Sentence>) {
        let text = inset(self.parts().body);
        let Some(Screen::Composer(composer)) = self.screens.last_mut() else { return };
        if !std::mem::take(&mut composer.reviewing) {
            return;
        }
        match result {
            Ok(review) => {
                let screen = ReviewScreen::new(review, measure(text), usize::from(text.height));
                self.notice = None;
                self.push(Screen::Review(Box::new(screen)));
            }
            Err(why) => self.tell(why),
        }
    }

    fn queued(&mut self, key: Option<DraftKey>, result: Result<Sentence, Sentence>, out: &mut Vec<Effect>) {
        for screen in &mut self.screens {
            if let Screen::Review(review) = screen {
                review.sending = false;
            }
        }
        match result {
            Ok(sentence) => {
                let is_it = |composer: &Composer| key.is_some() && composer.key() == key;
                if self.screens.iter().any(|screen| matches!(screen, Screen::Composer(composer) if is_it(composer))) {
                    self.screens.retain(|screen| !matches!(screen, Screen::Review(_) | Screen::Composer(_)));
                    self.shown_again(out);
                }
                if key.is_some() {
                    self.unkept.forget(key);
                }
                if self.kept.as_ref().is_some_and(|kept| kept.key.is_some() && kept.key == key) {
                    self.kept = None;
                }
                self.tell(sentence);
            }
            Err(why) => self.tell(why),
        }
    }

    fn draft_found(&mut self, draft: Box<Draft>) {
        if self.is_composing() {
            return;
        }
        let subject = SafeText::line(&draft.subject);
        let called = if subject.is_empty() { "without a subject".to_owned() } else { format!("“{subject}”") };
        self.kept = Some(draft);
        self.popups.push(Popup::Ask(Ask {
            question: SafeText::line(&format!("A draft {called} was kept. Go on with it now?")),
            decision: Decision::Resume,
        }));
    }

    fn edited(&mut self, at: Timestamp, result: Result<String, Sentence>) {
        // Whoever comes out of the editor was here all the time.
        (self.now, self.last_key) = (at, at);
        let Some((composer, now)) = self.composer_mut() else { return };
        if !std::mem::take(&mut composer.editing) {
            return;
        }
        match result {
            Ok(text) => composer.set_text(&text, now),
            Err(why) => self.tell(why),
        }
    }
}

fn is_thread(screen: &Screen, id: ThreadId) -> bool {
    matches!(screen, Screen::Thread(thread) if thread.id == id)
}
