//! Leaving and locking: what is written stays, and what has not left is told of.

use jiff::{SignedDuration, Timestamp};

use super::effect::Effect;
use super::model::Model;
use super::popup::{Ask, Decision, Popup};
use super::screen::Screen;
use super::view::{OutboxRow, Sentence, Tone};
use crate::mail::id::DraftKey;
use crate::mail::safe::SafeText;

/// A profile that nobody is at is locked behind a message that is being sent, but not for longer than this after its screen.
const SENT_WITHIN: SignedDuration = SignedDuration::from_mins(10);

/// Messages that are in the outbox and have not left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Going {
    /// In the undo window, queued, put off, or on the wire.
    pub(crate) waiting: usize,
    /// Of these on the wire just now.
    pub(crate) sending: usize,
    /// The screen is locked and the profile is not yet: by when it is.
    pub(crate) lock_by: Option<Timestamp>,
}

impl Going {
    /// How many have not left, in words; nothing where all have.
    pub(crate) fn words(self) -> Option<String> {
        match self.waiting {
            0 => None,
            1 => Some("1 message has not left yet".to_owned()),
            many => Some(format!("{many} messages have not left yet")),
        }
    }

    /// What is asked of whoever ends the program then. Whole beside its answers where the screen is 80 columns wide.
    fn question(self) -> Option<String> {
        let words = match self.waiting {
            0 => return None,
            1 => "1 message has not left; it goes next time.".to_owned(),
            many => format!("{many} messages have not left; they go next time."),
        };
        Some(format!("End casemail now? {words}"))
    }
}

impl Model {
    /// The outbox has changed.
    pub(crate) fn count_leaving(&mut self, rows: &[OutboxRow], out: &mut Vec<Effect>) {
        let count = |states: &[&str]| rows.iter().filter(|row| states.contains(&row.state)).count();
        self.going.waiting = count(&["held", "queued", "sending", "deferred"]);
        self.going.sending = count(&["sending"]);
        self.lock_at_last(out);
    }

    /// Whether a message that was reviewed is on its way into the outbox: until it is there, it can be neither changed nor left.
    pub(crate) fn is_being_queued(&self) -> bool {
        self.screens.iter().any(|screen| matches!(screen, Screen::Review(review) if review.sending))
    }

    /// How many messages have not left, in words.
    #[must_use]
    pub fn waiting_to_leave(&self) -> Option<String> {
        self.going.words()
    }

    /// Whether what waits is on the wire while the screen is locked.
    #[must_use]
    pub fn is_sent_behind_the_lock(&self) -> bool {
        self.going.lock_by.is_some()
    }

    /// Ends the program: once everything is kept, and with a yes where a message has not left.
    pub(crate) fn leave(&mut self, out: &mut Vec<Effect>) {
        let asks = |one: &Popup| matches!(one, Popup::Ask(ask) if matches!(ask.decision, Decision::Leave | Decision::LeaveUnkept));
        self.keep_draft(out);
        if self.popups.iter().any(asks) || self.leaving {
            out.push(Effect::Quit);
            return;
        }
        match self.going.question() {
            Some(question) => self.ask_to_leave(&question, Decision::Leave),
            None => self.leave_when_kept(out),
        }
    }

    /// Ends the program as soon as everything is kept.
    pub(crate) fn leave_when_kept(&mut self, out: &mut Vec<Effect>) {
        if self.unkept.is_empty() {
            out.push(Effect::Quit);
            return;
        }
        self.leaving = true;
        // What failed before is tried once more.
        let again = self.unkept.due(None, Timestamp::MAX);
        out.extend(again.into_iter().map(|draft| Effect::KeepDraft(Box::new(draft))));
    }

    fn ask_to_leave(&mut self, question: &str, decision: Decision) {
        self.popups.push(Popup::Ask(Ask { question: SafeText::line(question), decision }));
    }

    /// Locks at once.
    pub(crate) fn lock_now(&mut self, out: &mut Vec<Effect>) {
        self.keep_draft(out);
        self.forget();
        self.going.lock_by = None;
        out.push(Effect::Lock);
    }

    /// Nobody is there: the screen is locked at once, and the profile once nothing is on the wire. What is broken off there is sent from its beginning
    /// again, or stays in doubt.
    pub(crate) fn lock_idle(&mut self, out: &mut Vec<Effect>) {
        if self.going.sending == 0 {
            self.lock_now(out);
            return;
        }
        self.keep_draft(out);
        self.forget();
        self.going.lock_by = self.now.checked_add(SENT_WITHIN).ok().or(Some(self.now));
    }

    /// Locks a profile behind its screen, where it is time.
    pub(crate) fn lock_at_last(&mut self, out: &mut Vec<Effect>) {
        if self.lock.is_some() && self.going.lock_by.is_some_and(|by| self.going.sending == 0 || by <= self.now) {
            self.going.lock_by = None;
            out.push(Effect::Lock);
        }
    }

    /// The draft is kept, or it could not be: then it stays in memory, and is tried again.
    pub(crate) fn draft_kept(&mut self, key: Option<DraftKey>, result: Result<(), Sentence>, out: &mut Vec<Effect>) {
        let now = self.now;
        self.unkept.answered(key, result.is_ok(), now);
        let Err(why) = result else {
            if self.leaving && self.unkept.is_empty() {
                out.push(Effect::Quit);
            }
            return;
        };
        let leaving = std::mem::take(&mut self.leaving);
        if self.lock.is_some() {
            self.missed(why);
            return;
        }
        if leaving {
            let question = format!("End casemail without the draft? {}", why.text);
            self.ask_to_leave(&question, Decision::LeaveUnkept);
        }
        if let Some((composer, now)) = self.composer_mut()
            && composer.key() == key
        {
            composer.not_kept(now);
        }
        self.tell(why);
    }

    /// Tries again what could not be kept. A locked profile keeps nothing.
    pub(crate) fn keep_again(&mut self, out: &mut Vec<Effect>) {
        if self.lock.is_none() {
            let shown = self.composer_mut().and_then(|(composer, _)| composer.key());
            let again = self.unkept.due(shown, self.now);
            out.extend(again.into_iter().map(|draft| Effect::KeepDraft(Box::new(draft))));
        }
    }

    /// After an unlock: what could not be kept when it was locked is kept now, and the last of it is on screen again.
    pub(crate) fn bring_back_unkept(&mut self, out: &mut Vec<Effect>) {
        self.going.lock_by = None;
        let all = self.unkept.all();
        for draft in &all {
            self.unkept.ask(draft.clone());
            out.push(Effect::KeepDraft(Box::new(draft.clone())));
        }
        if let Some(last) = all.into_iter().next_back() {
            self.open_composer(last, out);
            if let Some((composer, _)) = self.composer_mut() {
                composer.touched = true;
            }
        }
    }

    /// Something was told while the screen was locked: the gravest of it is shown when it is open again.
    pub(crate) fn missed(&mut self, sentence: Sentence) {
        if let Some(lock) = &mut self.lock
            && sentence.tone >= Tone::Warning
            && lock.missed.as_ref().is_none_or(|missed| missed.tone <= sentence.tone)
        {
            lock.missed = Some(sentence);
        }
    }
}
