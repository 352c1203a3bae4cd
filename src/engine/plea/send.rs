//! Acts that go out: made and judged, put at the head of a draft, and entered in the transaction that queues it.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::look::{meant, plea_event};
use super::papers;
use crate::app::event::Event;
use crate::app::plea_view::{Local, MarkWish, Wish};
use crate::case::guard::{Accepted, Finding};
use crate::case::{Case, MessageName, Role};
use crate::engine::core::{Core, EngineError, Open};
use crate::engine::outbox;
use crate::engine::outgoing::Prepared;
use crate::engine::register::Hand;
use crate::mail::address::Address;
use crate::mail::draft::{Draft, Protection};
use crate::mail::id::{CaseId, OutboxId};
use crate::mail::safe::SafeText;
use crate::plea::compose::{self, Actor};
use crate::plea::negotiation::Step;
use crate::plea::{Act, Entry, Evidence, Kind, NegotiationId, Side, Trust, View, block, guard, mark, table};
use crate::register::record::Digest;
use crate::store::outbox::Window;
use crate::store::state::{StateError, Write};

/// Message-IDs of a thread that a draft carries.
const REFERENCES_MAX: usize = 20;

/// What a draft does in a negotiation; see [`Draft::plea`].
#[derive(Serialize, Deserialize)]
pub(super) struct Carried {
    pub(super) act: Act,
    #[serde(default)]
    evidence: Evidence,
}

impl Carried {
    pub(super) fn of(draft: &Draft) -> Option<Self> {
        Self::read(draft.plea.as_deref()?)
    }

    pub(super) fn read(plea: &str) -> Option<Self> {
        serde_json::from_str(plea).ok()
    }
}

fn sentences<T: ToString>(refusals: &[T]) -> Vec<String> {
    refusals.iter().map(ToString::to_string).collect()
}

/// How far the author of free text had read one's own acts: as far as the messages that it answers; an offer that answers nothing, as far as
/// their earlier acts. `None`: all of them.
fn had_read(view: &View, side: Side, kind: Kind, answered: &[&str]) -> Option<u16> {
    let acts = |of: Side| view.steps.iter().filter(move |step| step.heard.act.no.side == of);
    let before = acts(side).filter(|step| step.verdict.counts()).map(|step| step.heard.act.seen).max().unwrap_or(0);
    let quoted = acts(side.other()).filter(|step| answered.contains(&step.heard.message.message_id.as_str()));
    match quoted.map(|step| step.heard.act.no.number).max() {
        Some(number) => Some(number.max(before)),
        None if kind == Kind::Offer => Some(before),
        None => None,
    }
}

/// Why an act that was made earlier may not be done any more as things stand now.
pub(super) fn stale(view: &View, act: &Act) -> Option<String> {
    let has_moved_on = view.known(act.no.side) >= act.no.number || view.known(act.no.side.other()) != act.seen;
    overtaken(view, act, has_moved_on).or_else(|| table::judge(view, act).err().map(|refusal| refusal.to_string()))
}

/// Why an act that counts, though nobody may have it yet, may not be sent once more as things stand now. The table cannot be asked: the act is part of what
/// it would be held against. What only talks overtakes nothing: a reminder or a question that comes instead of an answer is the best sign that the act did not
/// arrive. Nor does what comes from the other side and does not count.
pub(super) fn outlived(view: &View, act: &Act) -> Option<String> {
    let talks = |kind: Kind| matches!(kind, Kind::Query | Kind::Reply | Kind::Chase | Kind::Note);
    let overtakes = |step: &Step| {
        let (no, own) = (step.heard.act.no, act.no);
        let (is_ours, kind) = (no.side == own.side, step.heard.act.kind());
        let known = if is_ours { own.number } else { act.seen };
        no.number > known && (is_ours || step.verdict.counts()) && !talks(kind)
    };
    overtaken(view, act, view.steps.iter().any(overtakes))
}

/// Why time has gone past an act. `has_moved_on`: something else was done since.
fn overtaken(view: &View, act: &Act, has_moved_on: bool) -> Option<String> {
    if has_moved_on {
        return Some(
            "Something else has come or was sent meanwhile: look at the negotiation, then begin again.".to_owned(),
        );
    }
    let is_late = act.deed.reply_by().is_some_and(|until| until <= view.now);
    is_late.then(|| "The time for an answer has passed meanwhile: begin again with a later one.".to_owned())
}

/// The file that the terms of an act name by its digest and that does not go along.
fn without_its_file(draft: &Draft, act: &Act) -> Option<String> {
    let files = act.deed.terms().map(crate::plea::Terms::files).unwrap_or_default();
    // What is read from the disk when the message is built is looked at by its digest there.
    let read_later = |sha256: &[u8; 32]| draft.sources.iter().flatten().any(|one| one.sha256 == hex::encode(sha256));
    let here = |sha256: &[u8; 32]| {
        draft.attachments.iter().any(|one| <[u8; 32]>::from(Sha256::digest(&one.content)) == *sha256)
    };
    let goes = |sha256: &[u8; 32]| here(sha256) || read_later(sha256);
    let missing = files.into_iter().find(|(_, sha256)| !goes(sha256));
    missing.map(|(name, _)| {
        format!("The terms name the file {name}, and it is not attached as it was: attach it again, or begin the act again without it.")
    })
}

impl Core {
    /// Who of the other side gets an act: whoever wrote their last one, else the first of them whom the case knows.
    pub(super) fn addressee(&self, case: &Case, view: &View) -> Option<Address> {
        let theirs = view.setting.us.other();
        let wrote = view.steps.iter().filter(|step| step.heard.act.no.side == theirs && step.verdict.counts());
        let last = wrote.max_by_key(|step| step.heard.came).filter(|step| !step.heard.speaker.address.is_empty());
        if let Some(step) = last {
            let speaker = &step.heard.speaker;
            let name = if speaker.name == speaker.address { String::new() } else { speaker.name.clone() };
            return Some(Address { name, addr: speaker.address.clone() });
        }
        let speaks =
            [Role::FiscalDepute, Role::CpsLawyer, Role::ProsecutionAdvocate, Role::DefenceSolicitor, Role::Counsel];
        let parties = speaks.iter().flat_map(|role| case.parties.iter().filter(move |party| party.role == *role));
        let for_them = |party: &&crate::case::Party| {
            let about = view.setting.id.accused;
            Side::of(party.role) == Some(theirs) && (party.acts_for.is_empty() || party.acts_for.contains(&about))
        };
        let party = parties.filter(for_them).find(|party| !party.addresses.is_empty())?;
        Some(Address { name: party.name.clone(), addr: party.addresses.first()?.clone() })
    }

    /// Makes the act that a user wants, as a draft with its block at the head; or every sentence that stands against it, which is written
    /// down, too.
    ///
    /// # Errors
    /// The register cannot be read or written.
    pub(crate) fn plea_draft(
        &mut self,
        open: &mut Open,
        wish: Wish,
    ) -> Result<Result<Draft, Vec<String>>, EngineError> {
        let case = self.plea_case(open, &wish.case)?;
        let view = self.negotiation(open, &case, &wish.id)?.view(self.now());
        let kind = wish.proposal.kind();
        let evidence = wish.claim.as_ref().map(|claim| claim.evidence.clone()).unwrap_or_default();
        let made = match self.plea_actor(&case) {
            Err(words) => Err(vec![words]),
            Ok(actor) => {
                let made = compose::compose(&view, &actor, wish.proposal, wish.claim.as_ref(), wish.about, self.now());
                made.map_err(|refusals| sentences(&refusals))
            }
        };
        let made = made.and_then(|act| {
            let accepted = matches!(kind, Kind::Accept | Kind::AcceptSubject).then(|| act.deed.answers()).flatten();
            let files = accepted.map(|_| self.plea_files(open, &view)).unwrap_or_default();
            let against = accepted.map(|offer| papers::against(&files, offer.no, view.setting.us)).unwrap_or_default();
            if against.is_empty() { Ok(act) } else { Err(against) }
        });
        let to = self.addressee(&case, &view).ok_or_else(|| {
            vec![format!(
                "Nobody of {} is entered in {}: enter them first.",
                view.setting.us.other().words(),
                case.title
            )]
        });
        let (act, to) = match made.and_then(|act| to.map(|to| (act, to))) {
            Ok(both) => both,
            Err(because) => {
                self.note_plea_refusal(open, &wish.case, &wish.id, kind, &because)?;
                return Ok(Err(because));
            }
        };
        let mut body = block::write(&act, case.jurisdiction);
        let text = guard::without_quotes(&wish.text);
        if !text.trim().is_empty() {
            body.push('\n');
            body.push_str(text.trim_end());
            body.push('\n');
        }
        let mut draft =
            Draft { to: vec![to], body, attachments: wish.files, case: Some(wish.case), ..Draft::default() };
        if let Some((account, address, _)) = self.own_party(&case) {
            draft.account.clone_from(&account.name);
            draft.from.clone_from(address);
        }
        self.in_thread(open, &case, &view, &mut draft)?;
        let carried = Carried { act, evidence };
        draft.plea = serde_json::to_string(&carried).ok();
        draft.origin = self.origin_of(open, &draft, &open.keyring.now());
        if draft.origin.is_some() {
            draft.protection = Protection::Required;
        }
        Ok(Ok(draft))
    }

    /// Puts a draft into the thread of the negotiation: it answers the last act of the other side, else the last of one's own.
    fn in_thread(&self, open: &mut Open, case: &Case, view: &View, draft: &mut Draft) -> Result<(), EngineError> {
        open.library.rebuild();
        let theirs = view.setting.us.other();
        let last = |side| {
            let of_side = view.steps.iter().filter(move |step| step.heard.act.no.side == side && step.verdict.counts());
            of_side.max_by_key(|step| step.heard.came).map(|step| step.heard.message.message_id.clone())
        };
        let answered = last(theirs).or_else(|| last(view.setting.us)).filter(|id| !id.is_empty());
        let number = &view.setting.id.number;
        draft.subject = format!("{} - {number} - plea discussion {}", case.title, view.setting.id.name());
        let Some(id) = answered else { return Ok(()) };
        if let Some(key) = open.library.with_message_id(&id).first().copied()
            && let Some(summary) = open.stores.cache.summary(key)?
        {
            if last(theirs).as_deref() == Some(id.as_str()) {
                draft.answers = open.library.name(key);
            }
            let subject = summary.subject.trim();
            let is_reply = subject.get(..3).is_some_and(|head| head.eq_ignore_ascii_case("re:"));
            if !subject.is_empty() {
                draft.subject = if is_reply { subject.to_owned() } else { format!("Re: {subject}") };
            }
            draft.references = summary.references;
        }
        draft.references.retain(|one| *one != id);
        draft.references.push(id.clone());
        if draft.references.len() > REFERENCES_MAX {
            draft.references.drain(1..=draft.references.len() - REFERENCES_MAX);
        }
        draft.in_reply_to = vec![id];
        Ok(())
    }

    /// Writes down that an act was not sent; the same words once.
    fn note_plea_refusal(
        &mut self,
        open: &mut Open,
        case: &CaseId,
        id: &NegotiationId,
        kind: Kind,
        because: &[String],
    ) -> Result<(), EngineError> {
        let pleas = open.register.pleas()?;
        let last = pleas.of(case).iter().rev().find(|entry| entry.id() == Some(id));
        let again = matches!(last, Some(Entry::Refused { kind: known, because: words, .. }) if *known == kind && words == because);
        if again {
            return Ok(());
        }
        let entry =
            Entry::Refused { id: id.clone(), kind, because: because.to_vec(), by: self.plea_author(), at: self.now() };
        self.enter(open, case, &entry)
    }

    /// Who writes into the register.
    pub(super) fn plea_author(&self) -> String {
        let config = &self.settings.config;
        let name = config.accounts.first().map(|account| account.full_name.clone()).unwrap_or_default();
        if name.is_empty() { crate::engine::register::user() } else { name }
    }

    /// Enters something.
    pub(super) fn enter(&mut self, open: &mut Open, case: &CaseId, entry: &Entry) -> Result<(), EngineError> {
        let mut events = self.opening_events(open, case)?;
        events.extend(plea_event(case, entry)?);
        self.record(open, &events)
    }

    /// The same, together with something else that is written: both are on the disk, or neither.
    pub(super) fn enter_with(
        &mut self,
        open: &mut Open,
        case: &CaseId,
        entry: &Entry,
        also: impl FnOnce(&Write<'_>) -> Result<(), StateError>,
    ) -> Result<(), EngineError> {
        let mut events = self.opening_events(open, case)?;
        events.extend(plea_event(case, entry)?);
        self.note_with(open, &events, also)?;
        self.register_changed(open);
        Ok(())
    }

    /// The negotiation that a draft is about, its case, and what it does in it: it carries an act, it answers or passes on a message that did, or an
    /// act stands in its text.
    fn plea_about(&self, open: &Open, draft: &Draft) -> Option<(CaseId, NegotiationId, Option<Kind>)> {
        if let Some(carried) = Carried::of(draft) {
            return Some((draft.case.clone()?, carried.act.id.clone(), Some(carried.act.kind())));
        }
        let of_text = match block::read(&draft.body) {
            block::Reading::Act(act) | block::Reading::Quoted(Some(act)) => Some(act.id),
            _ => None,
        };
        let answered = draft.answers.as_ref().and_then(|name| open.library.key(name));
        let answered = answered.and_then(|key| open.stores.cache.summary(key).ok().flatten());
        let ids: Vec<String> =
            answered.map(|summary| summary.message_id).into_iter().chain(draft.in_reply_to.clone()).collect();
        let pleas = open.register.pleas().ok()?;
        let found = pleas.all().find_map(|(case, entries)| {
            let about = entries.iter().find_map(|entry| match entry {
                Entry::Sent { act, message, .. }
                | Entry::Came { act, message, .. }
                | Entry::Mark { act, message, .. } => {
                    let is_answered = !message.message_id.is_empty() && ids.contains(&message.message_id);
                    (is_answered || of_text.as_ref() == Some(&act.id)).then(|| act.id.clone())
                }
                _ => None,
            })?;
            Some((case.clone(), about))
        });
        let here = || Some((draft.case.clone()?, of_text.clone()?));
        found.or_else(here).map(|(case, id)| (draft.case.clone().unwrap_or(case), id, None))
    }

    /// Whether a draft is about a negotiation, whatever it does in it.
    pub(crate) fn is_of_a_plea(&self, open: &Open, draft: &Draft) -> bool {
        self.plea_about(open, draft).is_some()
    }

    /// What stands against a draft of a negotiation, beside the ordinary guard: who gets it, and what rides along.
    pub(crate) fn plea_findings(&self, open: &Open, draft: &Draft) -> Vec<Finding> {
        use crate::engine::guard::Records;
        let Some((case, about, kind)) = self.plea_about(open, draft) else { return Vec::new() };
        let Some(case) = self.records(open).record(&case) else { return Vec::new() };
        let visible = draft.to.iter().chain(&draft.cc).map(|one| (one, true));
        let recipients = visible
            .chain(draft.bcc.iter().map(|one| (one, false)))
            .map(|(one, visible)| crate::case::guard::Recipient { address: &one.addr, visible, sealed: false })
            .collect();
        let known = self.negotiation(open, &case, &about).map(|known| known.view(self.now()));
        let waiting = known.iter().flat_map(View::unconfirmed).map(|heard| {
            let act = &heard.act;
            format!("{} {}, said to be by {},", act.no, act.kind().words(), heard.speaker.name)
        });
        let waiting = waiting.collect();
        let leaving = guard::Leaving {
            case: &case,
            id: &about,
            kind,
            own: vec![draft.from.addr.clone()],
            recipients,
            text: &draft.body,
            privileged: None,
            waiting,
        };
        guard::check(&leaving, &self.settings.classes)
    }

    /// Whether a reason of this user leads past the block on a recipient who acts for a co-accused: the holder's only.
    pub(crate) fn holds_the_case(&self, open: &Open, draft: &Draft) -> bool {
        use crate::engine::guard::Records;
        let case = draft.case.as_ref().and_then(|id| self.records(open).record(id));
        let Some(case) = case else { return true };
        let Ok(Actor { role, .. }) = self.plea_actor(&case) else { return false };
        matches!(role, Role::DefenceSolicitor | Role::Counsel | Role::CpsLawyer | Role::FiscalDepute)
    }

    /// Queues a message with its act, both in one transaction: asked once more whether it may be done as things stand now.
    pub(crate) fn queue_plea(
        &mut self,
        open: &mut Open,
        prepared: &Prepared,
        accepted: &Accepted,
        file_in: Option<&str>,
        held: Option<Window>,
    ) -> Result<Vec<OutboxId>, EngineError> {
        let refuse = |words: &str| EngineError::Refused(format!("It is not sent: {words}"));
        let gone = || refuse("what it does in the negotiation is not known any more; begin it again");
        let carried = Carried::of(&prepared.draft).ok_or_else(gone)?;
        let id = prepared.draft.case.clone().ok_or_else(gone)?;
        let copy = prepared.copies.first().ok_or_else(gone)?;
        let now = self.now();
        let case = self.plea_case(open, &id)?;
        let view = self.negotiation(open, &case, &carried.act.id)?.view(now);
        let act = &carried.act;
        let kind = act.kind();
        let because = if block::read(&prepared.draft.body) != block::Reading::Act(Box::new(act.clone())) {
            Some("The block at the head of the message was changed: write below it, or begin the act again.".to_owned())
        } else {
            stale(&view, act).or_else(|| without_its_file(&prepared.draft, act))
        };
        if let Some(words) = because {
            self.note_plea_refusal(open, &id, &act.id, kind, std::slice::from_ref(&words))?;
            return Err(refuse(&words));
        }
        let message = MessageName { message_id: copy.message_id.clone(), digest: Digest::of(&copy.raw).0 };
        let entry = Entry::Sent {
            act: carried.act.clone(),
            message,
            at: now,
            by: self.plea_author(),
            evidence: carried.evidence,
        };
        let mut events = self.opening_events(open, &id)?;
        events.extend(plea_event(&id, &entry)?);
        let keyring = open.keyring.now();
        let hand = Hand { stores: &open.stores, settings: &self.settings, keyring: &keyring };
        let ids = open
            .register
            .append_with(&hand, &events, |write| outbox::queue_in(write, prepared, accepted, file_in, now, held))?;
        self.register_changed(open);
        Ok(ids)
    }

    /// Takes free text of a message for an act. What it comes to is told in words; it is entered also where it does not count, so that
    /// the record shows what came.
    ///
    /// # Errors
    /// There is no such message, or the register cannot be written.
    pub(crate) fn plea_mark(
        &mut self,
        open: &mut Open,
        wish: MarkWish,
    ) -> Result<Result<String, Vec<String>>, EngineError> {
        let case = self.plea_case(open, &wish.case)?;
        let view = self.negotiation(open, &case, &wish.id)?.view(self.now());
        let key = open.library.key(&wish.message).ok_or_else(|| EngineError::NoMessage(wish.message.to_string()))?;
        let message = self.message_name(open, key)?;
        let summary = open.stores.cache.summary(key)?.unwrap_or_default();
        let came = jiff::Timestamp::from_second(summary.received).unwrap_or_default();
        let written = summary.sent.and_then(|at| jiff::Timestamp::from_second(at).ok()).unwrap_or(came).min(came);
        let from = summary.from.first().map(|one| one.addr.clone()).unwrap_or_default();
        let read: Vec<&str> = summary.in_reply_to.iter().chain(&summary.references).map(String::as_str).collect();
        let side = view.setting.us.other();
        let seen = had_read(&view, side, wish.meaning.kind(), &read);
        let kind = wish.meaning.kind();
        let act = match mark::of(&view, side, wish.meaning, written, seen, wish.about) {
            Ok(act) => act,
            Err(refusal) => return Ok(Err(vec![format!("Not marked. {refusal}")])),
        };
        let no = act.no;
        let entry = Entry::Mark { act, message, came, from, by: self.plea_author(), at: self.now() };
        self.enter(open, &wish.case, &entry)?;
        let after = self.negotiation(open, &case, &wish.id)?.view(self.now());
        let step = after.steps.iter().find(|step| step.heard.act.no == no);
        let because = step.map(crate::plea::negotiation::Step::because).unwrap_or_default();
        if because.is_empty() {
            return Ok(Ok(format!("Marked as {} ({no}): {}.", kind.words(), after.state.words())));
        }
        Ok(Err(because.into_iter().map(|words| format!("Marked as {no}, and it does not count. {words}")).collect()))
    }

    /// Enters something that is never sent.
    ///
    /// # Errors
    /// It may not be done as things stand, or the register cannot be written.
    pub(crate) fn plea_local(
        &mut self,
        open: &mut Open,
        id: &CaseId,
        negotiation: &NegotiationId,
        local: Local,
    ) -> Result<String, EngineError> {
        let case = self.plea_case(open, id)?;
        let known = self.negotiation(open, &case, negotiation)?;
        let view = known.view(self.now());
        let (by, at) = (self.plea_author(), self.now());
        let us = view.setting.us;
        let may = |kind| table::may(&view, kind, us).map_err(|refusal| EngineError::Refused(refusal.to_string()));
        let missing = |no| EngineError::Refused(format!("there is no act {no} here"));
        let negotiation = negotiation.clone();
        let (entry, words) = match local {
            Local::Record { outcome, hearing, source } => {
                may(Kind::Record)?;
                if source.trim().is_empty() {
                    return Err(EngineError::Refused("say from whom it is known what happened in court".to_owned()));
                }
                let words = format!("Recorded: {}.", outcome.words());
                (Entry::Record { id: negotiation, outcome, hearing, source, by, at }, words)
            }
            Local::Choose(offer) => {
                may(Kind::Choose)?;
                let found = view.offer(offer).ok_or_else(|| missing(offer))?;
                (Entry::Choose { id: negotiation, offer, hash: found.hash, by, at }, format!("{offer} stands here."))
            }
            Local::Write(paper, place) => {
                let (path, sha256) = papers::write(&known, &view, &case, paper, &place)?;
                let words = format!("Written: {path} (SHA-256 {}…)", sha256.get(..16).unwrap_or_default());
                (Entry::Written { id: negotiation, paper, path, sha256, by, at }, words)
            }
            Local::Note(text) => (Entry::Note { id: negotiation, text, by, at }, "Noted; it is never sent.".to_owned()),
            Local::Admit(wanted, because) => {
                let heard = meant(&known, &wanted)?;
                let no = wanted.no;
                let step = view.steps.iter().find(|step| step.heard.message == heard.message);
                if step.is_some_and(|step| step.verdict.counts()) || heard.word.is_despite() {
                    return Err(EngineError::Refused(format!("{no} was let in already")));
                }
                if let Some(found) = heard.stopping().find(|one| !one.may_admit()) {
                    return Err(EngineError::Refused(format!("{no} cannot be let in. {found}")));
                }
                let against = step.and_then(|step| match &step.verdict {
                    crate::plea::Verdict::Refused(refusal) => Some(refusal),
                    _ => step.would.as_ref(),
                });
                if let Some(refusal) = against.filter(|refusal| !refusal.may_admit()) {
                    return Err(EngineError::Refused(format!("{no} would not count even if it is theirs. {refusal}")));
                }
                let plain = against.is_none() && heard.stopping().all(crate::plea::trust::Finding::takes_plain_yes);
                if because.trim().is_empty() && !plain {
                    let words = against.map(|refusal| format!(". {refusal}")).unwrap_or_default();
                    return Err(EngineError::Refused(format!("say why it may count{words}")));
                }
                let words = format!("{no} {} is let in, on your word", heard.act.kind().words());
                let message = heard.message.clone();
                let entry = Entry::Admit { id: negotiation.clone(), message: message.clone(), because, by, at };
                self.enter(open, id, &entry)?;
                // What it came to.
                let after = self.negotiation(open, &case, &negotiation)?.view(self.now());
                let step = after.steps.iter().find(|step| step.heard.message == message);
                return match step.map(crate::plea::negotiation::Step::because).unwrap_or_default() {
                    because if because.is_empty() => Ok(format!("{words}: {}.", after.state.words())),
                    because => Err(EngineError::Refused(format!("{words}, and does not count. {}", because.join(" ")))),
                };
            }
            Local::Unmark(wanted, because) => {
                let heard = meant(&known, &wanted)?;
                let no = wanted.no;
                let words = match heard.trust {
                    Trust::Marked { .. } => format!("{no} is no mark any more."),
                    _ if heard.word.admitted_by().is_some() => format!("{no} is not let in any more."),
                    _ if heard.wants_yes() => format!("{no} is set aside: you say that it is not theirs."),
                    _ => {
                        return Err(EngineError::Refused(format!("{no} was not marked by hand: it stands as it came")));
                    }
                };
                (Entry::Unmark { message: heard.message.clone(), because, by, at }, words)
            }
            Local::Refused(kind, because) => {
                self.note_plea_refusal(open, id, &negotiation, kind, &because)?;
                return Ok(String::new());
            }
        };
        self.enter(open, id, &entry)?;
        Ok(words)
    }

    /// An act that a screen asks for: its draft, or what stands against it.
    pub(crate) fn perform_plea(&mut self, open: &mut Open, wish: Wish) {
        let (case, id) = (wish.case.clone(), wish.id.clone());
        let made = self.plea_draft(open, wish);
        let answer = match made {
            Ok(Ok(draft)) => Ok(Box::new(draft)),
            Ok(Err(because)) => Err(because.iter().map(|words| SafeText::line(words)).collect()),
            Err(error) => Err(vec![SafeText::line(&error.to_string())]),
        };
        let stood = answer.is_err();
        self.announcer.send(Event::PleaDraft(answer));
        if stood {
            self.tell_negotiation(open, &case, Some(&id));
        }
    }

    /// A mark that a screen asks for.
    pub(crate) fn perform_mark(&mut self, open: &mut Open, wish: MarkWish) {
        let (case, id) = (wish.case.clone(), wish.id.clone());
        let done = match self.plea_mark(open, wish) {
            Ok(Ok(words)) => Ok(words),
            Ok(Err(because)) => Err(EngineError::Refused(because.join(" "))),
            Err(error) => Err(error),
        };
        self.tell_plea(open, &case, &id, done);
    }

    /// A local entry that a screen asks for.
    pub(crate) fn perform_local(&mut self, open: &mut Open, case: &CaseId, id: &NegotiationId, local: Local) {
        let done = self.plea_local(open, case, id, local);
        self.tell_plea(open, case, id, done);
    }

    fn tell_plea(&mut self, open: &mut Open, case: &CaseId, id: &NegotiationId, done: Result<String, EngineError>) {
        use crate::app::view::Tone;
        use crate::engine::announce::sentence;
        let told = match done {
            Ok(words) if words.is_empty() => None,
            Ok(words) => Some(Ok(sentence(Tone::Good, &words))),
            Err(error) => Some(Err(sentence(Tone::Warning, &error.to_string()))),
        };
        if let Some(told) = told {
            self.announcer.send(Event::Recorded(told));
        }
        self.tell_negotiation(open, case, Some(id));
    }
}
