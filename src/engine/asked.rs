//! What is written into the register beside a message that goes out: an override, a refusal, a question that an answer is awaited to.

use jiff::Timestamp;

use super::core::{Core, EngineError, Open};
use super::guard::Records;
use super::outgoing::Prepared;
use crate::case::guard::{Accepted, Finding as Found, Severity};
use crate::case::template::Template;
use crate::case::{Awaiting, AwaitingId, Case, chase};
use crate::register::event::{CaseChange, Event, Finding};
use crate::store::outbox::{OutboxEntry, Owed};

/// Findings as the register keeps them.
fn listed<'f>(findings: impl Iterator<Item = &'f Found>) -> Vec<Finding> {
    let one = |found: &Found| Finding {
        recipient: found.recipient.clone().unwrap_or_default(),
        code: found.code.to_owned(),
        because: found.because.clone(),
    };
    findings.map(one).collect()
}

impl Core {
    /// Writes down that a person lets a message leave in spite of the guard: before it is queued, so that none leaves without.
    pub(crate) fn note_override(
        &self,
        open: &Open,
        prepared: &Prepared,
        accepted: &Accepted,
    ) -> Result<(), EngineError> {
        let Some(reason) = &accepted.reason else { return Ok(()) };
        let findings = listed(prepared.guarded.iter().filter(|found| found.severity > Severity::Tell));
        if findings.is_empty() {
            return Ok(());
        }
        let message_id = prepared.copies.first().map(|copy| copy.message_id.clone()).unwrap_or_default();
        let reason = reason.words().to_owned();
        self.note(open, &[Event::Overridden { cases: prepared.cases.clone(), message_id, findings, reason }])
    }

    /// Writes down that the guard did not let a message leave.
    pub(crate) fn note_refusal(
        &self,
        open: &Open,
        prepared: &Prepared,
        accepted: &Accepted,
    ) -> Result<(), EngineError> {
        let findings = listed(crate::case::guard::standing(&prepared.guarded, accepted).into_iter());
        if findings.is_empty() {
            return Ok(());
        }
        self.note(open, &[Event::Refused { cases: prepared.cases.clone(), message_id: String::new(), findings }])
    }

    /// A message was accepted by a server: if it asks for something that is waited for, the wait begins, or was chased. In one transaction with the word
    /// that this is still to be written down.
    pub(crate) fn note_asked(&self, open: &Open, row: &OutboxEntry) {
        if row.case.is_none() {
            return;
        }
        let records = self.records(open);
        // What cannot be read now is read at the next start, perhaps.
        if records.trouble().is_some() {
            return;
        }
        let case = row.case.as_ref().and_then(|id| records.record(id));
        let config = &self.settings.config;
        let sent = row.sent_at.unwrap_or_else(|| self.now());
        let change = case.as_deref().and_then(|case| {
            let change = asked(row, case, &config.templates, sent, &config.calendar)?;
            Some(Event::Case { case: case.id.clone(), change })
        });
        let events: Vec<Event> = change.into_iter().collect();
        if let Err(error) = self.note_with(open, &events, |write| write.paid(&Owed::Asked(row.id))) {
            self.announcer.send(crate::app::event::Event::Notice(super::announce::sentence(
                crate::app::view::Tone::Alarm,
                &format!("The message was sent, but that an answer is awaited could not be written down: {error}"),
            )));
        }
    }
}

/// The change of a case that a sent message makes: an answer is awaited, or was asked for again.
fn asked(
    row: &OutboxEntry,
    case: &Case,
    templates: &[Template],
    sent: Timestamp,
    calendar: &crate::case::Calendar,
) -> Option<CaseChange> {
    // Whether it was answered or not: that it was sent was found out once more.
    if case.awaiting.iter().any(|one| one.message_id == row.message_id) {
        return None;
    }
    let subject = row.subject.to_lowercase();
    let is_chase = subject.contains("chase");
    let hearing = case.next_hearing(sent).map(|hearing| hearing.at);
    let due = chase::due(sent, hearing, case.jurisdiction, calendar).ok()?.at;
    let holds = |what: &str| !what.trim().is_empty() && subject.contains(&what.trim().to_lowercase());
    if let Some(open) = case.outstanding().into_iter().find(|one| holds(&one.what)) {
        // The copies of the blind ones and an answer to oneself are no chase.
        if !is_chase {
            return None;
        }
        return Some(CaseChange::Chased { id: open.id.clone(), at: sent, due, message_id: row.message_id.clone() });
    }
    let what = templates.iter().filter_map(|template| template.awaits.as_deref()).find(|what| holds(what))?;
    // An answer quotes the subject of the question.
    if row.answers.is_some() {
        return None;
    }
    // That it was sent may be found out after the answer came. Who asks for it once more behind that waits for something: what passed for the answer may
    // have been none, as the word of a machine that somebody is away.
    let is_answered = |one: &Awaiting| holds(&one.what) && one.answered.is_some_and(|at| at >= sent);
    if case.awaiting.iter().any(is_answered) {
        return None;
    }
    Some(CaseChange::Awaiting(Awaiting {
        id: AwaitingId(row.message_id.clone()),
        what: what.to_owned(),
        to: row.recipients.iter().map(|one| one.address.clone()).collect(),
        message_id: row.message_id.clone(),
        sent,
        due,
        chased: Vec::new(),
        answered: None,
    }))
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::asked;
    use crate::case::template::Template;
    use crate::case::{Calendar, Case, Hearing, HearingId, HearingKind, HearingTime, Jurisdiction};
    use crate::mail::id::CaseId;
    use crate::register::event::CaseChange;
    use crate::store::outbox::{OutboxEntry, SmtpEnvelope};

    #[test]
    fn a_request_is_awaited_and_a_chase_chases_it() {
        let mut case = Case::new(CaseId("WEASEL".into()), "R v WEASEL", Jurisdiction::EnglandWales);
        case.hearings.push(Hearing {
            id: HearingId("1".into()),
            kind: HearingKind::First,
            court: "Ambleford MC".into(),
            at: HearingTime { date: jiff::civil::date(2026, 3, 6), time: Some(jiff::civil::time(10, 0, 0, 0)) },
            outcome: String::new(),
        });
        let sent = "2026-03-04T15:10:00Z".parse().unwrap();
        let row = |subject: &str, id: &str| {
            let envelope = SmtpEnvelope {
                reverse_path: "b.quill@quillpounce.example".into(),
                forward_paths: vec!["ambleford.mags@cps.gov.example".into()],
            };
            let mut row = OutboxEntry::new("work", id, envelope, sent);
            row.subject = subject.into();
            row
        };
        let change =
            |row: &OutboxEntry, case: &Case| asked(row, case, &Template::built_in(), sent, &Calendar::default());
        let subject = "R v WEASEL - 99ZX0012327 - Ambleford MC 06/03/2026 - IDPC request";
        let Some(CaseChange::Awaiting(awaiting)) = change(&row(subject, "1"), &case) else { panic!("not awaited") };
        assert_eq!(awaiting.what, "IDPC request");
        assert_eq!(awaiting.due.to_string(), "2026-03-05T10:00:00Z");
        assert_eq!(awaiting.to, ["ambleford.mags@cps.gov.example"]);
        assert_eq!(change(&row("R v WEASEL - lunch", "2"), &case), None);
        case.awaiting.push(awaiting);
        let chase = change(&row(&format!("{subject} - chase"), "3"), &case);
        assert!(matches!(chase, Some(CaseChange::Chased { message_id, .. }) if message_id == "3"));
        assert_eq!(change(&row(subject, "1"), &case), None, "the same message again");
        // The answer came, and it is found out only then that these were sent.
        case.awaiting[0].answered = Some(sent);
        assert_eq!(change(&row(subject, "1"), &case), None, "answered");
        assert_eq!(change(&row(subject, "4"), &case), None, "asked before the answer came");
        assert_eq!(change(&row(&format!("{subject} - chase"), "3"), &case), None, "chased before the answer came");
        // It was asked for again behind the answer.
        case.awaiting[0].answered = Some(sent - SignedDuration::from_secs(1));
        let chase = change(&row(&format!("{subject} - chase"), "3"), &case);
        assert!(matches!(chase, Some(CaseChange::Awaiting(_))), "what passed for an answer was none");
        assert_eq!(change(&row(subject, "1"), &case), None, "the same message");
        assert!(matches!(change(&row(subject, "4"), &case), Some(CaseChange::Awaiting(_))));
        // What was asked elsewhere is awaited from when it is chased here.
        case.awaiting.clear();
        assert!(matches!(change(&row(&format!("{subject} - chase"), "3"), &case), Some(CaseChange::Awaiting(_))));
    }
}
