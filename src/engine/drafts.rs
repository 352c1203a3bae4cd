//! Drafts that were set aside: taken back from the outbox, or laid by to write something else first. Nothing is ever written over.

use super::announce::sentence;
use super::core::{Core, EngineError, Open};
use super::outbox::TakenBack;
use crate::app::event::Event;
use crate::app::view::{DraftRow, Tone};
use crate::mail::draft::Draft;
use crate::mail::id::{DraftId, DraftKey};
use crate::mail::safe::SafeText;
use crate::store::state::KeptDraft;
use crate::store::vault::random;

fn row(kept: &KeptDraft) -> DraftRow {
    let draft = &kept.draft;
    let to = draft.to.iter().chain(&draft.cc).chain(&draft.bcc).map(|one| one.addr.as_str()).collect::<Vec<_>>();
    DraftRow { id: kept.id, to: SafeText::line(&to.join(", ")), subject: SafeText::line(&draft.subject), at: kept.at }
}

fn new_key() -> DraftKey {
    DraftKey(u64::from_le_bytes(random()))
}

impl Core {
    /// Offers the draft at hand, and tells of the others: to a screen that is not locked any more, which takes in nothing before.
    pub(crate) fn offer_drafts(&self, open: &Open) {
        match open.stores.state.draft_at_hand(new_key()) {
            Ok(None) => {}
            Ok(Some(draft)) => self.announcer.send(Event::DraftFound(Box::new(draft))),
            Err(error) => self.complain(&error),
        }
        self.send_drafts(open);
    }

    /// Keeps the draft on screen, and tells the screen whether it is kept.
    pub(crate) fn keep_draft(&self, open: &Open, draft: Draft) {
        let (now, announcer, key) = (self.now(), self.announcer.clone(), draft.key);
        let (core, number) = (self.handle.clone(), open.number);
        open.scribe.write(move |stores| {
            let kept = stores.state.keep_draft(&draft, now);
            let answer = match &kept {
                Ok(_) => Ok(()),
                Err(error) => Err(sentence(Tone::Alarm, &format!("The draft could not be kept: {error}"))),
            };
            announcer.send(Event::DraftKept(key, answer));
            if let Ok(true) = kept {
                core.front_of(number, |core, open| core.send_drafts(open));
            }
        });
    }

    /// Forgets the draft at hand, if it is this one: in order behind what the scribe has still to write.
    pub(crate) fn drop_draft(&self, open: &Open, key: DraftKey) {
        let announcer = self.announcer.clone();
        open.scribe.write(move |stores| {
            if let Err(error) = stores.state.drop_draft(key) {
                announcer.notice(Tone::Alarm, &format!("The draft is still kept: {error}"));
            }
        });
    }

    /// Sends the drafts to the screen.
    pub(crate) fn send_drafts(&self, open: &Open) {
        match open.stores.state.drafts() {
            Ok((drafts, damage)) => {
                self.announcer.send(Event::Drafts(drafts.iter().map(row).collect()));
                damage.iter().for_each(|one| self.complain(one));
            }
            Err(error) => self.complain(&error),
        }
    }

    /// Tells what was taken back from the outbox, or why nothing was.
    pub(crate) fn tell_taken_back(&self, open: &Open, done: Result<Option<TakenBack>, EngineError>) {
        match done {
            Ok(None) => {}
            Ok(Some(taken)) => {
                self.send_drafts(open);
                let words = sentence(Tone::Plain, &taken.words());
                self.announcer.send(Event::TakenBack(taken.id, Box::new(taken.draft), words));
            }
            Err(error) => self.complain(&error),
        }
    }

    /// What is to be kept of the draft at hand is written first: in order behind what the scribe has still to write.
    pub(crate) fn set_draft_aside(&self, open: &Open) {
        let (now, announcer) = (self.now(), self.announcer.clone());
        let (core, number) = (self.handle.clone(), open.number);
        open.scribe.write(move |stores| match stores.state.set_draft_aside(now) {
            Ok(_) => core.front_of(number, |core, open| core.send_drafts(open)),
            Err(error) => announcer.notice(Tone::Alarm, &format!("The draft could not be set aside: {error}")),
        });
    }

    /// Makes a draft the one at hand.
    pub(crate) fn take_up_draft(&self, open: &Open, id: DraftId) {
        let (now, announcer) = (self.now(), self.announcer.clone());
        let (core, number) = (self.handle.clone(), open.number);
        open.scribe.write(move |stores| {
            let taken = match stores.state.take_up_draft(id, new_key(), now) {
                Ok(Some(draft)) => Ok(Box::new(draft)),
                Ok(None) => Err(sentence(Tone::Warning, "That draft is gone.")),
                Err(error) => Err(sentence(Tone::Alarm, &format!("The draft cannot be read: {error}"))),
            };
            announcer.send(Event::DraftTaken(taken));
            core.front_of(number, |core, open| core.send_drafts(open));
        });
    }

    /// Throws a draft away.
    pub(crate) fn forget_draft(&self, open: &Open, id: DraftId) {
        let announcer = self.announcer.clone();
        let (core, number) = (self.handle.clone(), open.number);
        open.scribe.write(move |stores| match stores.state.forget_draft(id) {
            Ok(()) => core.front_of(number, |core, open| core.send_drafts(open)),
            Err(error) => announcer.notice(Tone::Alarm, &format!("The draft could not be thrown away: {error}")),
        });
    }
}
