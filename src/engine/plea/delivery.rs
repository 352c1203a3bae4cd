//! What became of the messages of own acts: one that finally reached nobody takes its act back with it, and one that is still on its way, or of
//! which nobody knows, says so beside its act.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use super::send::{Carried, outlived, stale};
use crate::app::plea_view::Transit;
use crate::app::view::Tone;
use crate::case::{Case, Classes, MessageName};
use crate::engine::core::{Core, EngineError, Open};
use crate::mail::id::{CaseId, OutboxId};
use crate::mail::safe::SafeText;
use crate::plea::negotiation::Step;
use crate::plea::{Act, ActNo, Entry, Side, Trust, gather};
use crate::store::outbox::{Delivery, OutboxEntry, OutboxRecipient, OutboxState, Owed, Trace, Unsent};
use crate::store::state::Write;

/// Nothing is tried any more by itself, and nobody is in doubt.
fn is_settled(row: &OutboxEntry) -> bool {
    matches!(row.state, OutboxState::Failed | OutboxState::Sent | OutboxState::SentNotFiled)
}

/// Whether an act in these rows is said to an address. Where the case knows none of those whom it is addressed to, they are the other side.
fn said_to<'a>(rows: &'a [&OutboxEntry], theirs: &'a dyn Fn(&str) -> bool) -> impl Fn(&str) -> bool + 'a {
    let is_of_theirs = |row: &&OutboxEntry| row.recipients.iter().any(|one| theirs(&one.address));
    let knows = rows.iter().any(|row| is_of_theirs(row) || row.to.iter().any(|to| theirs(&to.addr)));
    let is_named = |address: &str| {
        let names = |row: &&OutboxEntry| row.to.iter().any(|to| to.addr.eq_ignore_ascii_case(address));
        rows.iter().any(names) || rows.iter().all(|row| row.to.is_empty())
    };
    move |address| if knows { theirs(address) } else { is_named(address) }
}

/// A row that tells that the other side has not got it, or the first one where none of theirs is left, where a try before may have reached somebody of them
/// and nobody of them certainly has it. The act stands as done then, and may not be.
fn in_old_doubt<'a>(
    rows: &'a [&OutboxEntry],
    traces: &[Trace],
    theirs: &dyn Fn(&str) -> bool,
) -> Option<&'a OutboxEntry> {
    let is_to = said_to(rows, theirs);
    if !traces.iter().flat_map(|trace| trace.addresses(Delivery::InDoubt)).any(&is_to) {
        return None;
    }
    if rows.iter().flat_map(|row| row.addresses(Delivery::Sent)).any(&is_to) {
        return None;
    }
    let has_not = |one: &OutboxRecipient| {
        matches!(one.delivery, Delivery::Waiting | Delivery::Refused | Delivery::TakenBack) && is_to(&one.address)
    };
    let theirs = rows.iter().copied().find(|row| is_settled(row) && row.recipients.iter().any(has_not));
    let none_is_theirs = || !rows.iter().any(|row| row.recipients.iter().any(|one| is_to(&one.address)));
    theirs.or_else(|| rows.iter().copied().find(|row| is_settled(row)).filter(|_| none_is_theirs()))
}

/// Why an act reached nobody of the other side, and is not tried any more; `None` where it has, or still may. `rows`: all rows of its message, one for each
/// copy and route; `traces`: what rows of it left behind that were taken out, or whose doubt was given up; `theirs`: whether an address is the other side's. Own counsel who has a copy has not been told anything for the other side. A delivery
/// report is no reason: anybody can write one who has seen the message.
fn lost(rows: &[&OutboxEntry], traces: &[Trace], theirs: &dyn Fn(&str) -> bool) -> Option<String> {
    let is_to = said_to(rows, theirs);
    let rows: Vec<&OutboxEntry> =
        rows.iter().copied().filter(|row| row.recipients.iter().any(|one| is_to(&one.address))).collect();
    // None: the row of theirs was forgotten, because they have it.
    if rows.is_empty() || !rows.iter().all(|row| is_settled(row)) {
        return None;
    }
    let people: Vec<&OutboxRecipient> =
        rows.iter().flat_map(|row| &row.recipients).filter(|one| is_to(&one.address)).collect();
    if people.iter().any(|one| matches!(one.delivery, Delivery::Sent | Delivery::InDoubt)) {
        return None;
    }
    // Refused or taken back now, a try before may have reached them.
    if traces.iter().flat_map(|trace| trace.addresses(Delivery::InDoubt)).any(&is_to) {
        return None;
    }
    let said = people.iter().map(|one| format!("{} {} {}", one.code, one.status, one.text).trim().to_owned());
    let said = said.zip(&people).find(|(_, one)| one.code > 0).map(|(words, _)| words);
    said.or_else(|| rows.first().map(|row| row.reply.clone()))
}

/// Whether a row is a copy of the message that was entered with an act: the register names the first copy, whose row may be gone, and all of them were
/// queued in the moment that it notes.
fn is_of(row: &OutboxEntry, message: &MessageName, at: Timestamp) -> bool {
    is_of_message(&row.message_id, row.queued_at, message, at)
}

fn is_of_message(message_id: &str, queued_at: Timestamp, message: &MessageName, at: Timestamp) -> bool {
    message_id == message.message_id || queued_at.as_millisecond() == at.as_millisecond()
}

/// Whether an address is of the side that an act is said to.
fn of_other_side<'a>(classes: &'a Classes, case: &'a Case, act: &Act) -> impl Fn(&str) -> bool + 'a {
    let theirs = act.no.side.other();
    move |address| case.party(address, classes).is_some_and(|party| Side::of(party.role) == Some(theirs))
}

/// How a message that was not accepted yet stands, for the line beside its act; `None` where a server has it. `rows`, `traces`, `theirs`: see [`lost`].
fn transit(act: ActNo, rows: &[&OutboxEntry], traces: &[Trace], theirs: &dyn Fn(&str) -> bool) -> Option<Transit> {
    let of_state = |wanted: &[OutboxState]| rows.iter().find(|row| wanted.contains(&row.state));
    let make = |row: &OutboxEntry, tone, words: String| {
        Some(Transit { act, state: row.state.name(), words: SafeText::line(&words), tone })
    };
    if let Some(row) = of_state(&[OutboxState::Uncertain]) {
        let words = format!("Nobody knows whether it arrived. {} Say what became of it in the outbox.", row.reply);
        return make(row, Tone::Alarm, words);
    }
    if let Some(row) = in_old_doubt(rows, traces, theirs) {
        let words = format!("Nobody knows whether it arrived when it was first sent; since then: {}", row.reply);
        return make(row, Tone::Alarm, words);
    }
    if let Some(row) = of_state(&[OutboxState::Deferred]) {
        return make(row, Tone::Warning, format!("Not sent yet, and tried again. {}", row.reply));
    }
    if let Some(row) = of_state(&[OutboxState::Held]) {
        return make(row, Tone::Plain, "It waits in the outbox, and can be taken back there.".to_owned());
    }
    if let Some(row) = of_state(&[OutboxState::Queued, OutboxState::Sending]) {
        return make(row, Tone::Plain, "It is on its way to the server.".to_owned());
    }
    let reported = |row: &&&OutboxEntry| {
        row.recipients.iter().any(|one| one.reported.as_ref().is_some_and(|report| report.action == "failed"))
    };
    let row = rows.iter().find(reported)?;
    let words = "A report says that it was not delivered; anybody can write such a report. Ask whether it came.";
    make(row, Tone::Warning, words.to_owned())
}

impl Core {
    /// What is known of the messages of these acts that no server has, or may not have.
    pub(super) fn transits(&self, open: &Open, case: &Case, steps: &[Step]) -> Vec<Transit> {
        let rows = open.outbox.rows().map(|(rows, _)| rows).unwrap_or_default();
        let rows: Vec<&OutboxEntry> = rows.iter().filter(|row| row.case.is_some()).collect();
        let own = steps.iter().filter(|step| step.heard.trust == Trust::Own);
        let of = |step: &Step| {
            let heard = &step.heard;
            // The copies of one message have each a Message-ID of its own, and the one that the register names may be gone.
            let batch = rows.iter().find(|row| is_of(row, &heard.message, heard.came))?.batch;
            let of_act: Vec<&OutboxEntry> = rows.iter().copied().filter(|row| row.batch == batch).collect();
            // Where they cannot be read, a try before may have reached everybody.
            let anybody = || of_act.iter().map(|row| Trace::of(row).in_doubt()).collect();
            let traces = open.stores.state.outbox_traces(batch).unwrap_or_else(|_| anybody());
            transit(heard.act.no, &of_act, &traces, &of_other_side(&self.settings.classes, case, &heard.act))
        };
        own.filter_map(of).collect()
    }

    /// Writes down that acts were not done whose messages have finally reached nobody, each once, and says so.
    ///
    /// # Errors
    /// The register or the outbox cannot be read or written.
    pub(crate) fn note_undelivered(&mut self, open: &mut Open) -> Result<(), EngineError> {
        let (rows, _) = open.outbox.rows()?;
        let may_be_lost = |row: &&OutboxEntry| {
            let refused = row.count(Delivery::Refused) > 0 || row.count(Delivery::TakenBack) > 0;
            row.case.is_some() && (row.state == OutboxState::Failed || refused)
        };
        let batches: BTreeSet<OutboxId> = rows.iter().filter(may_be_lost).map(|row| row.batch).collect();
        for batch in batches {
            let of_batch: Vec<&OutboxEntry> = rows.iter().filter(|row| row.batch == batch).collect();
            let Some((case, act, message)) = self.act_of(open, &of_batch, false)? else { continue };
            let Some(because) = self.lost(open, &case, &act, &of_batch)? else { continue };
            let because = SafeText::line(&because).to_string();
            let words = format!(
                "{} {} in {} was not delivered ({because}): it counts as not done. Try it again or take it back in the outbox.",
                act.kind().words(),
                act.no,
                act.id
            );
            let entry = Entry::Undelivered { id: act.id.clone(), act: act.no, message, because, at: self.now() };
            self.enter(open, &case, &entry)?;
            self.announcer.notice(Tone::Alarm, &words);
        }
        Ok(())
    }

    /// Why an act reached nobody of the other side; see [`lost`].
    fn lost(
        &self,
        open: &mut Open,
        case: &CaseId,
        act: &Act,
        rows: &[&OutboxEntry],
    ) -> Result<Option<String>, EngineError> {
        let case = self.plea_case(open, case)?;
        let batch = rows.first().map_or(OutboxId(0), |row| row.batch);
        let traces = match open.stores.state.outbox_traces(batch) {
            Ok(traces) => traces,
            // What was given up may have reached them.
            Err(error) if !error.may_pass() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        Ok(lost(rows, &traces, &of_other_side(&self.settings.classes, &case, act)))
    }

    /// The act that a message of these rows carries, one that counts as not done, or one that does not; and what the register names as its message:
    /// the first of its copies, which may be gone from the outbox before the others are.
    fn act_of(
        &self,
        open: &Open,
        rows: &[&OutboxEntry],
        undone: bool,
    ) -> Result<Option<(CaseId, Act, MessageName)>, EngineError> {
        let Some(case) = rows.iter().find_map(|row| row.case.clone()) else { return Ok(None) };
        let pleas = open.register.pleas()?;
        let not_done = gather::undone(pleas.of(&case));
        let found = pleas.of(&case).iter().rev().find_map(|entry| match entry {
            Entry::Sent { act, message, at, .. }
                if rows.iter().any(|row| is_of(row, message, *at)) && not_done.contains(message) == undone =>
            {
                Some((act.clone(), message.clone()))
            }
            _ => None,
        });
        Ok(found.map(|(act, message)| (case, act, message)))
    }

    /// A message, or what had not left of it, was taken back from the outbox. The act in it is, too, where nobody of the other side has it, or may have.
    pub(crate) fn plea_taken_back(&mut self, open: &mut Open, unsent: &Unsent) {
        let paid = |write: &Write<'_>| write.paid(&Owed::TakenBack(Box::new(unsent.clone())));
        let done = match self.act_taken_back(open, unsent) {
            Ok(Some(entry)) => self.enter_with(open, &unsent.case, &entry, paid),
            Ok(None) => open.stores.state.write(paid).map_err(EngineError::from),
            Err(error) => Err(error),
        };
        if let Err(error) = done {
            self.complain(&error);
        }
    }

    /// The entry that takes an act back with its message; `None` where it stands.
    fn act_taken_back(&mut self, open: &mut Open, unsent: &Unsent) -> Result<Option<Entry>, EngineError> {
        let Some(carried) = Carried::read(&unsent.plea) else { return Ok(None) };
        let id = &unsent.case;
        let case = self.plea_case(open, id)?;
        let classes = Arc::clone(&self.settings.classes);
        let theirs = of_other_side(&classes, &case, &carried.act);
        // Whom the case does not know may be of the other side.
        let may_be_theirs = |address: &str| theirs(address) || case.party(address, &classes).is_none();
        if unsent.may_have.iter().any(|address| may_be_theirs(address)) {
            return Ok(None);
        }
        let sent = open.register.pleas()?.of(id).iter().rev().find_map(|entry| match entry {
            Entry::Sent { message, at, .. } if is_of_message(&unsent.message_id, unsent.queued_at, message, *at) => {
                Some(message.clone())
            }
            _ => None,
        });
        let because = "taken back from the outbox before it was sent".to_owned();
        Ok(sent.map(|message| Entry::Unmark { message, because, by: self.plea_author(), at: self.now() }))
    }

    /// The list of the outbox has changed: it is shown, and what finally failed is noted.
    pub(crate) fn outbox_changed(&mut self, open: &mut Open) {
        if let Err(error) = self.note_undelivered(open) {
            self.complain(&error);
        }
        self.send_outbox(open);
    }

    /// A message is to be tried again, and nothing but that would send it. The act that it carries is asked about anew, whether it counts as not done or
    /// stands because a try before may have reached them: whether it may still be done as things stand now.
    ///
    /// # Errors
    /// It may not any more, in words; or the register cannot be written.
    pub(crate) fn plea_resent(&mut self, open: &mut Open, row: &OutboxEntry) -> Result<(), EngineError> {
        let (rows, _) = open.outbox.rows()?;
        let of_batch: Vec<&OutboxEntry> = rows.iter().filter(|one| one.batch == row.batch).collect();
        let undone = self.act_of(open, &of_batch, true)?;
        let is_undone = undone.is_some();
        let waits_for_a_person = matches!(row.state, OutboxState::Failed | OutboxState::Uncertain);
        let found = match undone {
            None if waits_for_a_person => self.act_of(open, &of_batch, false)?,
            undone => undone,
        };
        let Some((case, act, message)) = found else { return Ok(()) };
        let whole = self.plea_case(open, &case)?;
        // A copy for somebody of one's own does not do it again.
        let classes = Arc::clone(&self.settings.classes);
        let theirs = of_other_side(&classes, &whole, &act);
        if !row.recipients.iter().any(|one| theirs(&one.address))
            && row.recipients.iter().any(|one| whole.party(&one.address, &classes).is_some())
        {
            return Ok(());
        }
        let view = self.negotiation(open, &whole, &act.id)?.view(self.now());
        if let Some(words) = if is_undone { stale(&view, &act) } else { outlived(&view, &act) } {
            return Err(EngineError::Refused(format!("It is not sent again: {words}")));
        }
        if !is_undone {
            return Ok(());
        }
        let (by, at) = (self.plea_author(), self.now());
        self.enter(open, &case, &Entry::Resent { id: act.id.clone(), act: act.no, message, by, at })
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::{lost, transit};
    use crate::app::view::Tone;
    use crate::mail::address::Address;
    use crate::plea::{ActNo, Side};
    use crate::store::outbox::{Delivery, OutboxEntry, OutboxState, SmtpEnvelope, Trace};

    const DEPUTE: &str = "h.lintwhite@copfs.gov.example";
    const COUNSEL: &str = "r.vellum@foxglove.example.cjsm.net";

    fn row(state: OutboxState, people: &[(&str, Delivery)]) -> OutboxEntry {
        let forward_paths = people.iter().map(|(address, _)| (*address).to_owned()).collect();
        let envelope = SmtpEnvelope { reverse_path: "i@tg-law.example".into(), forward_paths };
        let mut row = OutboxEntry::new("work", "1@tg-law.example", envelope, Timestamp::UNIX_EPOCH);
        row.to = vec![Address { name: String::new(), addr: "H.Lintwhite@copfs.gov.example".into() }];
        row.state = state;
        row.reply = "Not sent. The server refused it.".into();
        for (one, (_, delivery)) in row.recipients.iter_mut().zip(people) {
            one.delivery = *delivery;
            if *delivery == Delivery::Refused {
                (one.code, one.status, one.text) = (550, "5.1.1".into(), "no such user".into());
            }
        }
        row
    }

    #[test]
    fn an_act_that_a_try_before_may_have_carried_is_not_lost() {
        use Delivery::{InDoubt, Refused, Sent, TakenBack, Waiting};
        let theirs = |address: &str| address.eq_ignore_ascii_case(DEPUTE);
        let check = |now: &OutboxEntry, before: &[(&str, Delivery)], is_lost: bool| {
            let trace = Trace::of(&row(OutboxState::Uncertain, before));
            assert_eq!(lost(&[now], &[trace], &theirs).is_some(), is_lost, "{now:?}\n{before:?}");
        };
        // Sent again by the user's word, and refused then.
        let refused = row(OutboxState::Failed, &[(DEPUTE, Refused)]);
        check(&refused, &[(DEPUTE, InDoubt)], false);
        check(&refused, &[(DEPUTE, Waiting)], true);
        // Given up, while counsel has it.
        let partly = row(OutboxState::SentNotFiled, &[(COUNSEL, Sent), (DEPUTE, TakenBack)]);
        check(&partly, &[(COUNSEL, Sent), (DEPUTE, InDoubt)], false);
        check(&partly, &[(COUNSEL, InDoubt), (DEPUTE, Waiting)], true);
    }

    #[test]
    fn an_act_that_the_other_side_may_not_have_says_so_beside_it() {
        use Delivery::{InDoubt, Refused, Sent, TakenBack, Waiting};
        let theirs = |address: &str| address.eq_ignore_ascii_case(DEPUTE);
        let check = |rows: &[&OutboxEntry], before: &[(&str, Delivery)], expected: Option<Tone>| {
            let trace = Trace::of(&row(OutboxState::Uncertain, before));
            let found = transit(ActNo::new(Side::Defence, 1), rows, &[trace], &theirs);
            assert_eq!(found.as_ref().map(|one| one.tone), expected, "{rows:?}\n{before:?}");
            assert!(found.is_none_or(|one| one.words.as_str().contains("Nobody knows whether it arrived")));
        };
        let both = [(COUNSEL, InDoubt), (DEPUTE, InDoubt)];
        // Sent again: counsel has it, the depute was refused.
        let partly = row(OutboxState::SentNotFiled, &[(COUNSEL, Sent), (DEPUTE, Refused)]);
        check(&[&partly], &both, Some(Tone::Alarm));
        check(&[&partly], &[(COUNSEL, InDoubt), (DEPUTE, Waiting)], None);
        // Given up.
        let given_up = row(OutboxState::Sent, &[(COUNSEL, Sent), (DEPUTE, TakenBack)]);
        check(&[&given_up], &[(COUNSEL, Sent), (DEPUTE, InDoubt)], Some(Tone::Alarm));
        check(&[&row(OutboxState::Failed, &[(DEPUTE, Waiting)])], &[(DEPUTE, InDoubt)], Some(Tone::Alarm));
        check(&[&row(OutboxState::Failed, &[(DEPUTE, Refused)])], &[(DEPUTE, InDoubt)], Some(Tone::Alarm));
        // The one who may have it was taken out; another of them was refused, or nobody of them is left.
        let two = |address: &str| [DEPUTE, "a@copfs.gov.example"].contains(&address.to_ascii_lowercase().as_str());
        let of_two = |rows: &[&OutboxEntry]| {
            let trace = Trace::of(&row(OutboxState::Uncertain, &[(DEPUTE, InDoubt)]));
            transit(ActNo::new(Side::Defence, 1), rows, &[trace], &two).map(|one| (one.tone, one.state))
        };
        let other = |state, delivery| row(state, &[("a@copfs.gov.example", delivery)]);
        assert_eq!(of_two(&[&other(OutboxState::Failed, Refused)]), Some((Tone::Alarm, "failed")));
        assert_eq!(of_two(&[&row(OutboxState::Sent, &[(COUNSEL, Sent)])]), Some((Tone::Alarm, "sent")));
        assert_eq!(of_two(&[&other(OutboxState::Deferred, Waiting)]), Some((Tone::Warning, "deferred")));
        assert_eq!(of_two(&[&other(OutboxState::Sent, Sent)]), None);
        // It is counsel who may not have it.
        let counsels = row(OutboxState::Failed, &[(COUNSEL, Refused)]);
        let theirs_row = row(OutboxState::Sent, &[(DEPUTE, Sent)]);
        check(&[&theirs_row, &counsels], &[(COUNSEL, InDoubt)], None);
        // By the other route it is certain.
        check(&[&theirs_row, &partly], &both, None);
    }

    #[test]
    fn an_act_is_lost_only_where_it_can_reach_nobody_any_more() {
        use Delivery::{InDoubt, Refused, Sent, Waiting};
        let check = |rows: &[OutboxEntry], expected: Option<&str>| {
            let rows: Vec<&OutboxEntry> = rows.iter().collect();
            let theirs = |address: &str| address.eq_ignore_ascii_case(DEPUTE);
            assert_eq!(lost(&rows, &[], &theirs).as_deref(), expected, "{rows:?}");
        };
        check(&[], None);
        check(&[row(OutboxState::Failed, &[(DEPUTE, Refused)])], Some("550 5.1.1 no such user"));
        check(&[row(OutboxState::Failed, &[(DEPUTE, Waiting)])], Some("Not sent. The server refused it."));
        for state in [OutboxState::Queued, OutboxState::Held, OutboxState::Sending, OutboxState::Deferred] {
            check(&[row(state, &[(DEPUTE, Waiting)])], None);
        }
        check(&[row(OutboxState::Uncertain, &[(DEPUTE, InDoubt)])], None);
        check(&[row(OutboxState::Sent, &[(DEPUTE, Sent), (COUNSEL, Refused)])], None);
        // Own counsel has it, the depute has not.
        check(&[row(OutboxState::Sent, &[(DEPUTE, Refused), (COUNSEL, Sent)])], Some("550 5.1.1 no such user"));
        // That is so where counsel is named beside the depute, too, and where counsel has another copy.
        let mut beside = row(OutboxState::Sent, &[(DEPUTE, Refused), (COUNSEL, Sent)]);
        beside.to.push(Address { name: String::new(), addr: COUNSEL.into() });
        check(std::slice::from_ref(&beside), Some("550 5.1.1 no such user"));
        let copy = |state, delivery| {
            let mut copy = row(state, &[(COUNSEL, delivery)]);
            (copy.message_id, copy.to) = ("2@tg-law.example".into(), beside.to.clone());
            copy
        };
        let (counsels, on_its_way) = (copy(OutboxState::Failed, Refused), copy(OutboxState::Deferred, Waiting));
        check(&[row(OutboxState::Failed, &[(DEPUTE, Refused)]), on_its_way], Some("550 5.1.1 no such user"));
        // Counsel alone has not got it.
        check(&[row(OutboxState::Sent, &[(DEPUTE, Sent)]), counsels.clone()], None);
        // The depute's row is forgotten: it was sent long ago.
        check(&[counsels], None);
        // By another route it is still on its way to the depute.
        let other = row(OutboxState::Deferred, &[(DEPUTE, Waiting)]);
        check(&[row(OutboxState::Failed, &[(DEPUTE, Refused)]), other], None);
        // Nobody of the other side is known: who is named is meant.
        let strange = row(OutboxState::Failed, &[("h.lintwhite@copfs.gov.example", Refused)]);
        assert!(lost(&[&strange], &[], &|_| false).is_some());
    }
}
