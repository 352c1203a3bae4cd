//! Writing: from an answer or a blank page to the outbox. Nothing leaves without having been reviewed.

use super::effect::{ComposerId, Effect, Said};
use super::line::Line;
use super::model::{Identity, Model};
use super::popup::{Ask, Decision, Popup, Prompt, Purpose, Stop};
use super::screen::Screen;
use super::screen::composer::{Composer, Field, protection_in_words};
use super::screen::offers::{Filling, Offers};
use super::view::{AddressView, Assent, Offer, Scope, Sentence, Tone};
use crate::action::Action;
use crate::mail::address::Address;
use crate::mail::draft::{Attachment, Disclosure, Draft, Origin};
use crate::mail::id::{CaseId, DraftKey, MessageRef};
use crate::mail::reply::{Me, Original, forward, reply, reply_all};
use crate::mail::safe::SafeText;
use crate::pgp::report::{HeaderProtection, SignatureState};
use crate::plea::block;

impl Model {
    /// Begins a new message.
    pub(crate) fn compose(&mut self, out: &mut Vec<Effect>) {
        if self.is_composing() {
            self.say(Tone::Plain, "A message is being written already.");
            return;
        }
        let me = self.identity("");
        let case = self.case_at_hand();
        self.begin(Draft { account: me.account, from: me.address, case, ..Draft::default() }, None, out);
    }

    /// Offers the templates that fit the case at hand.
    pub(crate) fn offer_templates(&mut self, out: &mut Vec<Effect>) {
        if self.is_composing() {
            self.say(Tone::Plain, "A message is being written already.");
            return;
        }
        match self.case_of_screen() {
            Some(case) => {
                out.push(Effect::OfferTemplates(case.clone()));
                self.popups.push(Popup::Offers(Offers::new(case)));
            }
            None => self.say(Tone::Plain, "A template is filled from a case: go to one first, or mark its row."),
        }
    }

    /// Takes the templates that were asked for.
    pub(crate) fn offered(&mut self, case: &CaseId, rows: std::sync::Arc<[Offer]>) {
        if let Some(Popup::Offers(offers)) = self.popups.last_mut()
            && offers.case == *case
        {
            offers.set(rows);
        }
    }

    pub(crate) fn chose_template(&mut self, out: &mut Vec<Effect>) {
        let Some(Popup::Offers(offers)) = self.popups.last() else { return };
        let Some(offer) = offers.chosen().cloned() else { return };
        let case = offers.case.clone();
        self.popups.pop();
        self.fill(Filling::new(case, offer), out);
    }

    /// Asks for what is missing, one fact after the other; then the composer opens.
    pub(crate) fn fill(&mut self, filling: Filling, out: &mut Vec<Effect>) {
        if let Some(words) = filling.question() {
            let question = SafeText::line(&format!("{words}:"));
            let purpose = Purpose::Fact(Box::new(filling));
            self.popups.push(Popup::Prompt(Prompt { purpose, question, line: Line::default() }));
            return;
        }
        let me = self.identity("");
        self.begin(Draft { account: me.account, from: me.address, ..filling.draft() }, None, out);
    }

    /// The case that the screen is about: the marked one, that of the open thread, or that of the list.
    fn case_of_screen(&self) -> Option<CaseId> {
        match self.screens.last() {
            Some(Screen::Cases(cases)) => match cases.list.selected().map(|row| &row.scope) {
                Some(Scope::Case(id)) => Some(id.clone()),
                _ => None,
            },
            Some(Screen::Thread(thread)) => {
                thread.cases.first().map(|(case, _)| case.clone()).or_else(|| self.case_at_hand())
            }
            _ => self.case_at_hand(),
        }
    }

    /// Begins an answer to the open message.
    pub(crate) fn answer(&mut self, action: Action, out: &mut Vec<Effect>) {
        let case = self.case_at_hand();
        let Some(Screen::Thread(thread)) = self.screens.last_mut() else { return };
        let selected = thread.tree.selected().map(|row| row.id.clone());
        let Some(shown) = thread.shown.as_ref().filter(|shown| Some(&shown.view.id) == selected.as_ref()) else {
            // As soon as it is here.
            thread.after = Some(action);
            return;
        };
        let view = std::sync::Arc::clone(&shown.view);
        let me = self.identity(&view.id.account);
        let addresses = |list: &[AddressView]| list.iter().map(|one| one.address.clone()).collect::<Vec<Address>>();
        let (from, mut reply_to, mut to, mut cc) =
            (addresses(&view.from), addresses(&view.reply_to), addresses(&view.to), addresses(&view.cc));
        // Fields that a good signature does not cover: anybody on the way may have added an address (CVE-2024-49393).
        let open = view.openpgp.signature.state == SignatureState::Good
            && view.openpgp.header_protection == HeaderProtection::None;
        let is_mine = |one: &Address| Me { account: &me.account, from: &me.address, also: &me.also }.is(one);
        let is_other =
            |one: &Address| !is_mine(one) && !from.iter().any(|from| from.addr.eq_ignore_ascii_case(&one.addr));
        let to_all = action == Action::MessageReplyAll && to.iter().chain(&cc).any(is_other);
        let left_out = open && (to_all || reply_to.iter().any(is_other));
        if open {
            reply_to.clear();
            cc.clear();
            // What oneself wrote went to whom it says.
            if action == Action::MessageReplyAll && !from.iter().all(is_mine) {
                to.clear();
            }
        }
        // An answer in a negotiation goes to who wrote, and lets no older words ride along.
        let text: Vec<&str> = view.text.iter().map(SafeText::as_str).collect();
        let plea = action != Action::MessageForward && block::read(&text.join("\n")) != block::Reading::Nothing;
        let quotable = if plea { &[] } else { view.quotable.as_ref() };
        let original = Original {
            from: &from,
            reply_to: &reply_to,
            to: &to,
            cc: &cc,
            subject: view.subject.as_str(),
            message_id: &view.message_id,
            references: &view.references,
            sent: view.sent,
            quotable,
            encrypted: view.openpgp.encrypted,
        };
        let me = Me { account: &me.account, from: &me.address, also: &me.also };
        let mut draft = match action {
            Action::MessageReplyAll if !plea => reply_all(&original, &me),
            Action::MessageForward => forward(&original, &me),
            _ => reply(&original, &me),
        };
        if view.openpgp.decrypted {
            draft.origin = Some(Origin {
                readers: view.readers.to_vec(),
                hidden_subject: view.hidden_subject,
                forwarded: action == Action::MessageForward,
                disclosed: Vec::new(),
            });
        }
        draft.answers = Some(view.id.clone());
        draft.case = view.cases.first().cloned().or(case);
        let carries = action == Action::MessageForward && !view.attachments.is_empty();
        self.begin(draft, carries.then(|| view.id.clone()), out);
        if plea && action == Action::MessageReplyAll {
            self.say(
                Tone::Warning,
                "A plea negotiation is answered to its sender only, and nothing is quoted: add whom you want.",
            );
        } else if left_out && action != Action::MessageForward {
            self.say(
                Tone::Warning,
                "The signature does not cover To, Cc and Reply-To, so nobody was taken from them: add whom you want.",
            );
        }
    }

    /// Lets somebody have what came encrypted to others, once their address was typed; then the review is asked for again.
    pub(crate) fn disclose(&mut self, address: &str, in_clear: bool, typed: &str, out: &mut Vec<Effect>) {
        if !typed.eq_ignore_ascii_case(address) {
            self.say(Tone::Warning, format!("That is not {}; nothing was changed.", SafeText::line(address)));
            return;
        }
        if matches!(self.screens.last(), Some(Screen::Review(_))) {
            self.pop(out);
        }
        let Some((composer, now)) = self.composer_mut() else { return };
        if let Some(origin) = &mut composer.draft_mut().origin {
            origin.disclosed.push(Disclosure { address: address.to_lowercase(), in_clear });
            composer.touch(now);
        }
        self.ask_review(out);
    }

    /// Asks for the address of the first one who may not have what came encrypted.
    fn ask_to_disclose(&mut self) {
        let Some(Screen::Review(review)) = self.screens.last() else { return };
        match review.review.to_name.first().cloned() {
            Some((address, in_clear)) => {
                let how = if in_clear { " IN CLEAR" } else { "" };
                let question = SafeText::line(&format!("Type {address} to let it have this{how}:"));
                let purpose = Purpose::Disclose(address, in_clear);
                self.popups.push(Popup::Prompt(Prompt { purpose, question, line: Line::default() }));
            }
            None => self.say(Tone::Plain, "Nobody here gets what came encrypted to others only."),
        }
    }

    /// Opens the composer. A draft that is at hand is set aside: nothing is written over.
    pub(crate) fn begin(&mut self, draft: Draft, carried: Option<MessageRef>, out: &mut Vec<Effect>) {
        if self.taking_up {
            self.say(Tone::Plain, "A draft is just being taken up.");
            return;
        }
        if let Some(kept) = self.kept.take() {
            out.push(Effect::SetDraftAside);
            let key = self.key_or_name(Action::Resume);
            let subject = SafeText::line(&kept.subject);
            self.say(
                Tone::Plain,
                format!("The draft “{}” is set aside; {key} shows the drafts.", subject.truncate(30)),
            );
        }
        self.open_composer(Draft { carrying: carried, ..draft }, out);
    }

    /// Opens the composer. The attachments of the message that it passes on come along as soon as they are here.
    pub(crate) fn open_composer(&mut self, mut draft: Draft, out: &mut Vec<Effect>) {
        self.composers = self.composers.saturating_add(1);
        // Another one than those of every other run: its clock was another.
        let now = u64::try_from(self.now.as_nanosecond().unsigned_abs() & u128::from(u64::MAX)).unwrap_or_default();
        draft.key = draft.key.or(Some(DraftKey(now.wrapping_add(self.composers))));
        let composer = Composer::new(ComposerId(self.composers), draft, self.now);
        self.push(Screen::Composer(Box::new(composer)));
        self.carry(out);
    }

    /// Has the attachments fetched that belong to the draft on screen and are not here yet.
    fn carry(&mut self, out: &mut Vec<Effect>) {
        if let Some((composer, _)) = self.composer_mut()
            && let Some(message) = composer.carrying().cloned()
        {
            composer.fetching = true;
            out.push(Effect::CarryAttachments(message));
        }
    }

    /// Takes the attachments of a forwarded message, if the draft on screen still waits for those.
    pub(crate) fn carried(&mut self, message: &MessageRef, answer: Result<Vec<Attachment>, Sentence>) {
        let Some((composer, now)) = self.composer_mut() else { return };
        if composer.carrying() != Some(message) || !std::mem::take(&mut composer.fetching) {
            return;
        }
        match answer {
            Ok(files) => {
                composer.draft_mut().carrying = None;
                files.into_iter().for_each(|file| composer.attach(file, None, now));
            }
            Err(why) => {
                let question = format!("Go on without the attachments? {}", why.text);
                self.popups
                    .push(Popup::Ask(Ask { question: SafeText::line(&question), decision: Decision::SendWithout }));
            }
        }
    }

    /// The attachments of the message that is passed on do not come along, or not yet.
    pub(crate) fn send_without(&mut self, yes: bool, out: &mut Vec<Effect>) {
        let Some((composer, now)) = self.composer_mut() else { return };
        if yes {
            composer.draft_mut().carrying = None;
            composer.touch(now);
            self.keep_draft(out);
        } else {
            self.say(Tone::Warning, "The attachments are still missing: they are asked for again before it is sent.");
        }
    }

    /// Goes on with the kept draft; where there are several, shows them.
    pub(crate) fn resume(&mut self, out: &mut Vec<Effect>) {
        if self.is_composing() || self.taking_up {
            return;
        }
        match (self.drafts.first().map(|row| row.id), self.drafts.len()) {
            (None, _) => self.resume_kept(out),
            (Some(only), 1) if self.kept.is_none() => self.take_up(only, out),
            _ => self.show_drafts(out),
        }
    }

    /// Goes on with the draft at hand.
    pub(crate) fn resume_kept(&mut self, out: &mut Vec<Effect>) {
        match self.kept.take() {
            Some(draft) => {
                self.open_composer(*draft, out);
                if let Some((composer, _)) = self.composer_mut() {
                    composer.touched = true;
                }
            }
            None => self.say(Tone::Plain, "No draft is kept."),
        }
    }

    /// The key of an intent here, or its name.
    pub(crate) fn key_or_name(&self, action: Action) -> String {
        let key = self.settings.keymap.hint(self.screen_context(), action);
        key.map_or_else(|| format!(":{}", action.name()), str::to_owned)
    }

    pub(crate) fn say_kept(&mut self) {
        let how = self.key_or_name(Action::Resume);
        self.say(Tone::Plain, format!("The draft is kept; {how} goes on with it."));
    }

    /// Closes the composer without losing anything.
    pub(crate) fn leave_composer(&mut self, out: &mut Vec<Effect>) {
        if !self.is_composing() {
            return;
        }
        self.keep_draft(out);
        let kept = self.composer_mut().and_then(|(composer, _)| {
            let touched = composer.touched;
            composer.draft(false).filter(|_| touched)
        });
        self.screens.retain(|screen| !matches!(screen, Screen::Composer(_) | Screen::Review(_)));
        if let Some(draft) = kept {
            self.kept = Some(Box::new(draft));
            self.say_kept();
        }
        self.shown_again(out);
    }

    pub(crate) fn act_in_composer(&mut self, action: Action, out: &mut Vec<Effect>) {
        let now = self.now;
        let Some(Screen::Composer(composer)) = self.screens.last_mut() else { return };
        match action {
            Action::ComposerNextField | Action::ComposerPreviousField => {
                composer.go(if action == Action::ComposerNextField { 1 } else { -1 });
                self.weigh(out);
            }
            Action::ComposerComplete => {
                if !composer.complete(now) {
                    match composer.completing() {
                        Some(typed) => out.push(Effect::Complete(typed.to_owned(), composer.case())),
                        None if composer.focus == Field::Body => composer.insert("    ", now),
                        None => composer.go(1),
                    }
                }
            }
            Action::ComposerEdit => {
                composer.editing = true;
                composer.focus = Field::Body;
                let text = composer.text();
                self.keep_draft(out);
                out.push(Effect::Edit(text));
            }
            Action::ComposerAttach
            | Action::ComposerAttachDocument
            | Action::ComposerDetach
            | Action::ComposerFileUp
            | Action::ComposerFileDown
            | Action::ComposerFileName
            | Action::ComposerSplit => self.act_on_enclosed(action, out),
            Action::ComposerAttachKey => {
                let from = composer.draft_mut().from.addr.clone();
                let to = composer.awaits(1);
                out.push(Effect::AttachOwnKey(to, from));
            }
            Action::ComposerProtection => self.turn_protection(),
            Action::ComposerSender => self.turn_sender(),
            Action::ComposerReview => self.ask_review(out),
            Action::KeyAssist => self.assist(out),
            Action::ComposerKeep => self.leave_composer(out),
            Action::ComposerDiscard => {
                if composer.touched {
                    self.popups.push(Popup::Ask(Ask {
                        question: SafeText::from("Throw this draft away?"),
                        decision: Decision::Discard,
                    }));
                } else {
                    self.leave_composer(out);
                }
            }
            Action::TextNewLine if composer.focus == Field::Files => {
                self.act_on_enclosed(Action::ComposerFileName, out);
            }
            _ => {
                let before = composer.line(composer.focus).map(|line| line.text().len());
                if composer.act(action, now) && composer.line(composer.focus).map(|line| line.text().len()) != before {
                    self.complete_soon(out);
                }
            }
        }
    }

    /// Writes from the next of one's own accounts. Who it goes to, and what is asked of OpenPGP, stays.
    fn turn_sender(&mut self) {
        let identities = self.settings.identities.clone();
        let Some((composer, now)) = self.composer_mut() else { return };
        let at = identities.iter().position(|one| one.account == composer.draft_mut().account).map_or(0, |at| at + 1);
        match identities.get(at).or_else(|| identities.first()) {
            Some(next) if identities.len() > 1 => {
                composer.write_as(&next.account, &next.address, now);
                self.say(Tone::Plain, format!("From {}.", SafeText::line(&next.address.to_string())));
            }
            _ => self.say(Tone::Plain, "There is one account only."),
        }
    }

    fn turn_protection(&mut self) {
        let Some((composer, now)) = self.composer_mut() else { return };
        if composer.turn_protection(now) {
            let words = protection_in_words(composer.protection);
            self.say(Tone::Plain, format!("OpenPGP: {words}."));
        } else {
            self.say(
                Tone::Warning,
                "This answers encrypted mail, so it goes out encrypted or not at all: a reply in clear would give away what was sealed.",
            );
        }
    }

    pub(crate) fn ask_review(&mut self, out: &mut Vec<Effect>) {
        let Some((composer, _)) = self.composer_mut() else { return };
        if composer.carrying().is_some() {
            let is_asked = composer.fetching;
            if !is_asked {
                self.carry(out);
            }
            self.say(
                Tone::Warning,
                "The attachments of the forwarded message are still being read. Try again in a moment.",
            );
            return;
        }
        if composer.awaited > 0 {
            self.say(
                Tone::Warning,
                "A file is still on its way into this message. Try again when it is attached, or put the message by to do without it.",
            );
            return;
        }
        match composer.draft(true) {
            Some(draft) => {
                composer.reviewing = true;
                out.push(Effect::Review(Box::new(draft)));
                self.say(Tone::Plain, "Building and checking the message.");
            }
            None => {
                let wrong = composer.wrong(composer.focus).map(|why| why.as_str().to_owned());
                self.say(Tone::Warning, wrong.unwrap_or_default());
            }
        }
    }

    pub(crate) fn act_in_review(&mut self, action: Action, out: &mut Vec<Effect>) {
        let Some(Screen::Review(review)) = self.screens.last_mut() else { return };
        match action {
            Action::ViewDown => review.scroll(1),
            Action::ViewUp => review.scroll(-1),
            Action::ViewHalfDown => review.page(1),
            Action::ViewHalfUp => review.page(-1),
            Action::ViewPageDown => review.page(2),
            Action::ViewPageUp => review.page(-2),
            Action::ViewTop => review.scroll(isize::MIN),
            Action::ViewBottom => review.scroll(isize::MAX),
            _ if review.sending => {}
            Action::ReviewSend => match (review.forbidden().cloned(), review.review.assent) {
                (Some(why), _) => {
                    let to_name = !review.review.to_name.is_empty();
                    let key = self.key_or_name(Action::ReviewDisclose);
                    let how = if to_name { format!(" {key} asks for the address.") } else { String::new() };
                    self.say(Tone::Alarm, format!("Not sent. {why}{how}"));
                }
                (None, Assent::Nothing) => self.send_reviewed(Said::Nothing, out),
                (None, Assent::Yes) => {
                    let question = SafeText::from("Read what is said above. Send it all the same?");
                    self.popups.push(Popup::Ask(Ask { question, decision: Decision::Send }));
                }
                (None, Assent::Reason) => {
                    let stop = Stop::new(std::sync::Arc::clone(&review.review));
                    self.popups.push(Popup::Stop(stop));
                }
            },
            Action::ReviewDisclose => self.ask_to_disclose(),
            Action::ReviewEdit => self.pop(out),
            Action::ComposerSplit => self.split_reviewed(out),
            Action::KeyAssist => self.assist(out),
            Action::ComposerProtection => {
                self.pop(out);
                self.turn_protection();
            }
            _ => {}
        }
    }

    /// Sends what is reviewed, with what was said to the guard.
    pub(crate) fn send_reviewed(&mut self, said: Said, out: &mut Vec<Effect>) {
        let Some(Screen::Review(review)) = self.screens.last_mut() else { return };
        if !review.sending {
            review.sending = true;
            out.push(Effect::Confirm(review.review.token, said));
        }
    }

    fn identity(&self, account: &str) -> Identity {
        let all = &self.settings.identities;
        all.iter().find(|one| one.account == account).or_else(|| all.first()).cloned().unwrap_or_default()
    }

    fn case_at_hand(&self) -> Option<CaseId> {
        self.screens.iter().rev().find_map(|screen| match screen {
            Screen::Threads(threads) => match &threads.scope {
                Scope::Case(id) => Some(id.clone()),
                Scope::Unfiled | Scope::All | Scope::Mailbox { .. } => None,
            },
            _ => None,
        })
    }
}
