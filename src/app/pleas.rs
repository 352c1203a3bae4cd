//! What the user does in negotiations: the board, one of them, and the forms for what is done.

use std::sync::Arc;

use super::effect::Effect;
use super::model::Model;
use super::plea_forms::{self, Taken, What};
use super::plea_view::{Local, Meant, NegotiationView};
use super::popup::Popup;
use super::screen::Screen;
use super::screen::negotiation::{Negotiation, Place};
use super::screen::pleas::{Pleas, filter_words, order_words};
use super::view::Tone;
use crate::action::Action;
use crate::mail::draft::Draft;
use crate::mail::id::CaseId;
use crate::mail::safe::SafeText;
use crate::plea::{Entry, Kind, board};

/// What an intent does in a negotiation.
const fn kind_of(action: Action) -> Option<Kind> {
    Some(match action {
        Action::PleaOffer => Kind::Offer,
        Action::PleaCounter => Kind::Counter,
        Action::PleaAccept => Kind::Accept,
        Action::PleaAcceptSubject => Kind::AcceptSubject,
        Action::PleaReject => Kind::Reject,
        Action::PleaWithdraw => Kind::Withdraw,
        Action::PleaQuery => Kind::Query,
        Action::PleaReply => Kind::Reply,
        Action::PleaChase => Kind::Chase,
        Action::PleaExtend => Kind::Extend,
        Action::PleaTender => Kind::TenderNotice,
        _ => return None,
    })
}

impl Model {
    /// Opens the board.
    pub(super) fn go_pleas(&mut self, out: &mut Vec<Effect>) {
        if !matches!(self.screens.last(), Some(Screen::Pleas(_))) {
            self.popups.clear();
            self.push(Screen::Pleas(Pleas::default()));
            self.refresh(out);
        }
    }

    /// Opens the negotiation of the case that is at hand.
    pub(super) fn show_plea(&mut self, out: &mut Vec<Effect>) {
        match self.case_here() {
            Some((case, _)) => {
                self.push(Screen::Plea(Box::new(Negotiation::new(case, None))));
                self.refresh(out);
            }
            None => self.say(Tone::Plain, "There is no case here; go to one first."),
        }
    }

    /// Takes the board.
    pub(super) fn pleas_listed(&mut self, rows: &Arc<[board::Row]>, out: &mut Vec<Effect>) {
        for screen in &mut self.screens {
            if let Screen::Pleas(pleas) = screen {
                pleas.set(rows);
                if pleas.fresh.answered() {
                    out.push(Effect::ListPleas);
                }
            }
        }
    }

    /// Takes a negotiation.
    pub(super) fn plea_shown(
        &mut self,
        case: &CaseId,
        answer: Result<Arc<NegotiationView>, SafeText>,
        out: &mut Vec<Effect>,
    ) {
        let now = self.now;
        for screen in &mut self.screens {
            let Screen::Plea(shown) = screen else { continue };
            if shown.case != *case {
                continue;
            }
            match &answer {
                Ok(view) if shown.id.as_ref().is_some_and(|id| *id != view.view.setting.id) => continue,
                Ok(view) => shown.set(Arc::clone(view), now),
                Err(words) => shown.wrong = Some(words.clone()),
            }
            if shown.fresh.answered() {
                out.push(Effect::ShowPlea(case.clone(), shown.id.clone()));
            }
        }
    }

    /// An act is ready to be reviewed, or cannot be made.
    pub(super) fn plea_drafted(&mut self, answer: Result<Box<Draft>, Vec<SafeText>>, out: &mut Vec<Effect>) {
        match answer {
            Ok(draft) if self.is_composing() => {
                drop(draft);
                self.say(Tone::Warning, "A message is being written already: send it or put it by, then try again.");
            }
            Ok(draft) => {
                self.begin(*draft, None, out);
                self.ask_review(out);
            }
            Err(because) => {
                let words: Vec<&str> = because.iter().map(SafeText::as_str).collect();
                self.say(Tone::Alarm, words.join(" "));
            }
        }
    }

    /// Performs an intent on the board.
    pub(super) fn act_in_pleas(&mut self, action: Action, out: &mut Vec<Effect>) {
        let Some(Screen::Pleas(pleas)) = self.screens.last_mut() else { return };
        match action {
            Action::PleaSort => {
                pleas.turn_order();
                let words = format!("Sorted: {}.", order_words(pleas.order));
                self.say(Tone::Plain, words);
            }
            Action::PleaFilter => {
                pleas.turn_filter();
                let words = format!("Shown: {}.", filter_words(pleas.filter));
                self.say(Tone::Plain, words);
            }
            Action::ListOpen => {
                let Some(row) = pleas.list.selected() else { return };
                let (case, id) = (row.row.case.clone(), row.row.id.clone());
                self.push(Screen::Plea(Box::new(Negotiation::new(case, Some(id)))));
                self.refresh(out);
            }
            _ => {}
        }
    }

    /// Performs an intent in a negotiation. On a message without an act, the same keys say what it is.
    pub(super) fn act_in_plea(&mut self, action: Action, out: &mut Vec<Effect>) {
        let now = self.now;
        let Some(Screen::Plea(shown)) = self.screens.last() else { return };
        let Some(view) = shown.view.clone() else { return };
        let (loose, act) = (shown.loose().cloned(), shown.act().map(Meant::of));
        let unconfirmed = shown.unconfirmed().map(Meant::of);
        if kind_of(action) == Some(Kind::Offer) && loose.is_none() && view.view.state.is_closed() {
            // Another one begins where this was closed.
            let next = view.view.setting.id.next();
            self.push(Screen::Plea(Box::new(Negotiation::new(view.case.id.clone(), Some(next)))));
            self.refresh(out);
            return;
        }
        if let Some(kind) = kind_of(action) {
            let what = match loose {
                Some(message) => What::Mark(message, kind),
                None => match view.may(kind) {
                    Ok(()) => What::Act(kind),
                    Err(because) => {
                        self.say(Tone::Warning, because.as_str());
                        let local = Local::Refused(kind, vec![because.to_string()]);
                        let (case, id) = (view.case.id.clone(), view.view.setting.id.clone());
                        out.push(Effect::PleaEnter(case, id, local));
                        return;
                    }
                },
            };
            self.open_form(plea_forms::form(view, what, now));
            return;
        }
        match (action, act) {
            (Action::PleaRecord, _) => match view.may(Kind::Record) {
                Ok(()) => self.open_form(plea_forms::form(view, What::Record, now)),
                Err(because) => self.say(Tone::Warning, because.as_str()),
            },
            (Action::PleaWrite, _) => self.open_form(plea_forms::form(view, What::Write, now)),
            (Action::PleaNote, _) => self.open_form(plea_forms::form(view, What::Note, now)),
            (Action::PleaChoose, _) => match view.may(Kind::Choose) {
                Ok(()) => self.open_form(plea_forms::form(view, What::Choose, now)),
                Err(because) => self.say(Tone::Warning, because.as_str()),
            },
            // Nothing speaks against it: the key is the yes, and can be taken back. For one's own side that takes a reason.
            (Action::PleaAdmit, _) if let Some(act) = unconfirmed => {
                if act.no.side == view.view.setting.us {
                    self.open_form(plea_forms::form(view, What::Admit(act), now));
                    return;
                }
                let (case, id) = (view.case.id.clone(), view.view.setting.id.clone());
                out.push(Effect::PleaEnter(case, id, Local::Admit(act, String::new())));
            }
            (Action::PleaUnmark, _) if let Some(act) = unconfirmed => {
                self.open_form(plea_forms::form(view, What::Unmark(act), now));
            }
            (Action::PleaAdmit, Some(act)) => self.open_form(plea_forms::form(view, What::Admit(act), now)),
            (Action::PleaUnmark, Some(act)) => self.open_form(plea_forms::form(view, What::Unmark(act), now)),
            (Action::PleaAdmit | Action::PleaUnmark, None) => {
                self.say(Tone::Plain, "Go to the act that is meant.");
            }
            (Action::ListOpen, _) => self.open_from_plea(&view, out),
            _ => {}
        }
    }

    /// Opens what the row is about: what may be done, or a message.
    fn open_from_plea(&mut self, view: &Arc<NegotiationView>, out: &mut Vec<Effect>) {
        let now = self.now;
        let Some(Screen::Plea(shown)) = self.screens.last() else { return };
        let place = shown.list.selected().map(|line| line.place.clone());
        match place {
            Some(Place::Kind(Kind::Record)) => self.act_in_plea(Action::PleaRecord, out),
            Some(Place::Kind(Kind::Note)) => self.act_in_plea(Action::PleaNote, out),
            Some(Place::Kind(Kind::Choose)) => self.act_in_plea(Action::PleaChoose, out),
            Some(Place::Kind(kind)) => match view.may(kind) {
                Ok(()) => self.open_form(plea_forms::form(Arc::clone(view), What::Act(kind), now)),
                Err(because) => self.say(Tone::Warning, because.as_str()),
            },
            Some(Place::Here(at)) if matches!(view.local.get(at), Some(Entry::Undelivered { .. })) => {
                self.go_outbox(out);
            }
            Some(Place::Transit(..)) => self.go_outbox(out),
            Some(Place::Mail(message)) => {
                let loose = view.loose.iter().find(|one| one.message == message);
                if let Some((thread, subject)) = loose.and_then(|one| Some((one.thread?, one.subject.clone()))) {
                    self.read_message(thread, message, subject, out);
                }
                self.say(Tone::Plain, "Here it is; back in the negotiation, say what it is with the key of the act.");
            }
            Some(Place::Act(_, at) | Place::Below(_, at, _)) => {
                let carrier = view.view.steps.get(at).map(|step| &step.heard.message);
                match view.threads.iter().find(|(message, ..)| Some(message) == carrier) {
                    Some((_, thread, message)) => {
                        let subject = SafeText::line(&view.case.title);
                        self.read_message(*thread, message.clone(), subject, out);
                    }
                    None => self.say(Tone::Plain, "The message that carried it is not here."),
                }
            }
            _ => self.say(Tone::Plain, "What may be done now stands below the acts."),
        }
    }

    /// Takes the form of a negotiation that is on top.
    pub(super) fn take_plea_form(&mut self, out: &mut Vec<Effect>) {
        let now = self.now;
        if self.wants_plea_file(out) {
            return;
        }
        let Some(Popup::Form(form)) = self.popups.last_mut() else { return };
        let super::forms::Subject::Plea(plea) = &form.subject else { return };
        let (case, id) = (plea.view.case.id.clone(), plea.view.view.setting.id.clone());
        match plea_forms::taken(form, now) {
            Ok(taken) => {
                self.popups.pop();
                match taken {
                    Taken::Act(wish) => out.push(Effect::PleaAct(wish)),
                    Taken::Mark(wish) => out.push(Effect::PleaMark(wish)),
                    Taken::Local(local) => out.push(Effect::PleaEnter(case, id, local)),
                }
            }
            Err(((at, words), refused)) => {
                form.refuse(at, &words);
                if let Some((kind, because)) = refused {
                    out.push(Effect::PleaEnter(case, id, Local::Refused(kind, because)));
                }
            }
        }
    }
}
