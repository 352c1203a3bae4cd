//! What became of the messages of own acts: one that finally reached nobody takes its act back with it, and one that is still on its way, or of
//! which nobody knows, says so beside its act.

use std::collections::BTreeSet;

use super::send::stale;
use crate::app::plea_view::Transit;
use crate::app::view::Tone;
use crate::engine::core::{Core, EngineError, Open};
use crate::mail::safe::SafeText;
use crate::plea::negotiation::Step;
use crate::plea::{Entry, Trust, gather};
use crate::store::outbox::{Delivery, OutboxEntry, OutboxRecipient, OutboxState};

/// Why a message reached none of those whom it is addressed to, and is not tried any more; `None` where it has, or still may. A delivery report is no
/// reason: anybody can write one who has seen the message.
fn lost(rows: &[&OutboxEntry]) -> Option<String> {
    let is_settled =
        |row: &&OutboxEntry| matches!(row.state, OutboxState::Failed | OutboxState::Sent | OutboxState::SentNotFiled);
    if rows.is_empty() || !rows.iter().all(is_settled) {
        return None;
    }
    let to = |one: &&OutboxRecipient| {
        let is_named = |row: &&OutboxEntry| row.to.iter().any(|to| to.addr.eq_ignore_ascii_case(&one.address));
        rows.iter().any(is_named) || rows.iter().all(|row| row.to.is_empty())
    };
    let people: Vec<&OutboxRecipient> = rows.iter().flat_map(|row| &row.recipients).filter(to).collect();
    if people.iter().any(|one| matches!(one.delivery, Delivery::Sent | Delivery::InDoubt)) {
        return None;
    }
    let said = people.iter().map(|one| format!("{} {} {}", one.code, one.status, one.text).trim().to_owned());
    let said = said.zip(&people).find(|(_, one)| one.code > 0).map(|(words, _)| words);
    said.or_else(|| rows.first().map(|row| row.reply.clone()))
}

/// How a message that was not accepted yet stands, for the line beside its act; `None` where a server has it.
fn transit(rows: &[&OutboxEntry], step: &Step) -> Option<Transit> {
    let (act, id) = (step.heard.act.no, &step.heard.message.message_id);
    let of_act = || rows.iter().filter(move |row| row.message_id == *id);
    let of_state = |wanted: &[OutboxState]| of_act().find(|row| wanted.contains(&row.state));
    let make = |row: &OutboxEntry, tone, words: String| {
        Some(Transit { act, state: row.state.name(), words: SafeText::line(&words), tone })
    };
    if let Some(row) = of_state(&[OutboxState::Uncertain]) {
        let words = format!("Nobody knows whether it arrived. {} Say what became of it in the outbox.", row.reply);
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
    let row = of_act().find(reported)?;
    let words = "A report says that it was not delivered; anybody can write such a report. Ask whether it came.";
    make(row, Tone::Warning, words.to_owned())
}

impl Core {
    /// What is known of the messages of these acts that no server has, or may not have.
    pub(super) fn transits(&self, open: &Open, steps: &[Step]) -> Vec<Transit> {
        let rows = open.outbox.rows().map(|(rows, _)| rows).unwrap_or_default();
        let rows: Vec<&OutboxEntry> = rows.iter().filter(|row| row.case.is_some()).collect();
        let own = steps.iter().filter(|step| step.heard.trust == Trust::Own);
        own.filter_map(|step| transit(&rows, step)).collect()
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
        let ids: BTreeSet<&str> = rows.iter().filter(may_be_lost).map(|row| row.message_id.as_str()).collect();
        for id in ids {
            let of_id: Vec<&OutboxEntry> = rows.iter().filter(|row| row.message_id == id).collect();
            let (Some(because), Some(case)) = (lost(&of_id), of_id.iter().find_map(|row| row.case.clone())) else {
                continue;
            };
            let pleas = open.register.pleas()?;
            let undone = gather::undone(pleas.of(&case));
            let sent = pleas.of(&case).iter().find_map(|entry| match entry {
                Entry::Sent { act, message, .. } if message.message_id == id && !undone.contains(message) => {
                    Some((act.clone(), message.clone()))
                }
                _ => None,
            });
            let Some((act, message)) = sent else { continue };
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

    /// The list of the outbox has changed: it is shown, and what finally failed is noted.
    pub(crate) fn outbox_changed(&mut self, open: &mut Open) {
        if let Err(error) = self.note_undelivered(open) {
            self.complain(&error);
        }
        self.send_outbox(open);
    }

    /// A message is to be tried again. Where it carries an act that counts as not done, the act is asked about anew: whether it may still be done as
    /// things stand now.
    ///
    /// # Errors
    /// It may not any more, in words; or the register cannot be written.
    pub(crate) fn plea_resent(&mut self, open: &mut Open, row: &OutboxEntry) -> Result<(), EngineError> {
        let Some(case) = &row.case else { return Ok(()) };
        let pleas = open.register.pleas()?;
        let undone = gather::undone(pleas.of(case));
        let sent = pleas.of(case).iter().find_map(|entry| match entry {
            Entry::Sent { act, message, .. } if message.message_id == row.message_id && undone.contains(message) => {
                Some((act.clone(), message.clone()))
            }
            _ => None,
        });
        let Some((act, message)) = sent else { return Ok(()) };
        let whole = self.plea_case(open, case)?;
        let view = self.negotiation(open, &whole, &act.id)?.view(self.now());
        if let Some(words) = stale(&view, &act) {
            return Err(EngineError::Refused(format!("It is not sent again: {words}")));
        }
        let (by, at) = (self.plea_author(), self.now());
        self.enter(open, case, &Entry::Resent { id: act.id.clone(), act: act.no, message, by, at })
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::lost;
    use crate::mail::address::Address;
    use crate::store::outbox::{Delivery, OutboxEntry, OutboxState, SmtpEnvelope};

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
    fn an_act_is_lost_only_where_it_can_reach_nobody_any_more() {
        use Delivery::{InDoubt, Refused, Sent, Waiting};
        let check = |rows: &[OutboxEntry], expected: Option<&str>| {
            let rows: Vec<&OutboxEntry> = rows.iter().collect();
            assert_eq!(lost(&rows).as_deref(), expected, "{rows:?}");
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
        // By another route it is still on its way.
        let other = row(OutboxState::Deferred, &[(COUNSEL, Waiting)]);
        check(&[row(OutboxState::Failed, &[(DEPUTE, Refused)]), other], None);
    }
}
