//! Delivery reports that come in, put down to the recipients whom they are about.
//!
//! A report is matched by the name of the envelope or by the Message-ID, and to a recipient by the address that the message was sent to. It
//! changes no state: a report can be forged by whoever has seen the message.

use jiff::Timestamp;

use crate::engine::core::Stores;
use crate::imap::{Body, Fetched};
use crate::mail::message::Message;
use crate::mail::report::{self, Report};
use crate::store::outbox::{Delivery, OutboxEntry, Reported};

/// How far into a message the kind of its content is looked for.
const HEADER_BYTES: usize = 16 << 10;

/// The delivery reports among messages that have come. Costs a look at the header of the others.
pub(crate) fn among(messages: &[Fetched]) -> Vec<Report> {
    messages.iter().filter_map(of).collect()
}

fn of(message: &Fetched) -> Option<Report> {
    let Body::Whole(bytes) = &message.body else { return None };
    let head = bytes.get(..bytes.len().min(HEADER_BYTES)).unwrap_or_default();
    // The header alone counts, and ends at the first empty line; every message that comes is looked at.
    let end = memchr::memmem::find(head, b"\r\n\r\n").unwrap_or(head.len());
    let head = head.get(..end).unwrap_or(head);
    let wanted = b"multipart/report";
    let may_be = memchr::memchr2_iter(b'm', b'M', head).any(|at| {
        head.get(at..).and_then(|rest| rest.get(..wanted.len())).is_some_and(|part| part.eq_ignore_ascii_case(wanted))
    });
    may_be.then(|| report::read(&Message::parse(bytes.clone())))?
}

/// Whether a report speaks of a row.
fn concerns(report: &Report, row: &OutboxEntry) -> bool {
    [&report.envelope_id, &report.message_id].into_iter().flatten().any(|id| *id == row.message_id)
}

/// Puts reports down to the rows they are about; whether any was.
pub(crate) fn take_in(stores: &Stores, reports: &[Report], now: Timestamp) -> bool {
    if reports.is_empty() {
        return false;
    }
    let Ok((rows, _)) = stores.state.outbox() else { return false };
    let mut changed = false;
    for row in rows {
        for report in reports.iter().filter(|report| concerns(report, &row)) {
            let mut wanted = row.clone();
            if note(&mut wanted, report, now) {
                let done = stores.state.update_outbox(row.id, |entry| {
                    note(entry, report, now);
                });
                changed |= done.is_ok();
            }
        }
    }
    changed
}

/// Puts a report down; whether it said anything new.
fn note(row: &mut OutboxEntry, report: &Report, now: Timestamp) -> bool {
    let mut changed = false;
    for said in &report.recipients {
        for one in row.recipients.iter_mut() {
            let is_meant = said.addresses.iter().any(|address| address.eq_ignore_ascii_case(&one.address));
            // Of whom it was never sent to, nobody can report.
            if !is_meant || !matches!(one.delivery, Delivery::Sent | Delivery::InDoubt) {
                continue;
            }
            // "Delayed" after the end of the matter is an old report that comes late.
            let is_late = said.action == "delayed" && one.reported.as_ref().is_some_and(|old| old.action != "delayed");
            if is_late {
                continue;
            }
            let (action, status, text) = (said.action.clone(), said.status.clone(), said.text.clone());
            let new = Reported { action, status, text, at: now };
            if one.reported.as_ref().is_none_or(|old| (&old.action, &old.status) != (&new.action, &new.status)) {
                one.reported = Some(new);
                changed = true;
            }
        }
    }
    changed
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::{concerns, note};
    use crate::mail::report::{Report, ReportedRecipient};
    use crate::store::outbox::{Delivery, OutboxEntry, SmtpEnvelope};

    fn row(delivery: Delivery) -> OutboxEntry {
        let envelope = SmtpEnvelope {
            reverse_path: "b.quill@quillpounce.example".into(),
            forward_paths: vec!["H.Lintwhite@copfs.gov.example".into()],
        };
        let mut row = OutboxEntry::new("work", "1@quillpounce.example", envelope, Timestamp::UNIX_EPOCH);
        row.recipients[0].delivery = delivery;
        row
    }

    fn report(envelope_id: Option<&str>, address: &str, action: &str) -> Report {
        let said = ReportedRecipient {
            addresses: vec![address.to_owned()],
            action: action.to_owned(),
            status: "5.1.1".to_owned(),
            text: "550 no".to_owned(),
        };
        Report { envelope_id: envelope_id.map(str::to_owned), message_id: None, recipients: vec![said] }
    }

    #[test]
    fn a_report_is_put_down_to_the_recipient_it_is_about() {
        let now = Timestamp::UNIX_EPOCH;
        let mine = report(Some("1@quillpounce.example"), "h.lintwhite@copfs.gov.example", "failed");
        assert!(concerns(&mine, &row(Delivery::Sent)));
        assert!(!concerns(&report(Some("2@quillpounce.example"), "x", "failed"), &row(Delivery::Sent)));
        assert!(!concerns(&report(None, "x", "failed"), &row(Delivery::Sent)));
        let mut sent = row(Delivery::Sent);
        assert!(note(&mut sent, &mine, now) && !note(&mut sent, &mine, now), "once");
        assert_eq!(sent.recipients[0].reported.as_ref().unwrap().action, "failed");
        assert_eq!(sent.recipients[0].delivery, Delivery::Sent, "a claim changes no state");
        let late = report(Some("1@quillpounce.example"), "h.lintwhite@copfs.gov.example", "delayed");
        assert!(!note(&mut sent, &late, now));
        assert!(!note(&mut row(Delivery::Waiting), &mine, now), "never sent to");
        assert!(!note(&mut row(Delivery::Sent), &report(None, "clerk@crown.example", "failed"), now));
    }
}
