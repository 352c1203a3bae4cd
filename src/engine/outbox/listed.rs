//! Rows as lists show them.

use jiff::Timestamp;

use super::file::not_filed;
use super::settle;
use crate::app::view::{OutboxRow, RecipientRow, Tone};
use crate::config::Config;
use crate::engine::query::{OutboxListed, RecipientListed};
use crate::mail::safe::SafeText;
use crate::smtp::status;
use crate::store::outbox::{Delivery, Doubt, OutboxEntry, OutboxRecipient, OutboxState};

/// A row for scripts and for the command line.
pub(crate) fn listed(entry: &OutboxEntry, config: &Config) -> OutboxListed {
    let mut reply = entry.reply.clone();
    if let Some(words) = stranded(entry, config) {
        reply = format!("{reply} {words}").trim_start().to_owned();
    }
    OutboxListed {
        id: entry.id,
        batch: entry.batch,
        account: entry.account.clone(),
        route: entry.route.clone(),
        message_id: entry.message_id.clone(),
        to: entry.recipients.iter().map(|one| one.address.clone()).collect(),
        recipients: entry
            .recipients
            .iter()
            .map(|one| RecipientListed {
                address: one.address.clone(),
                delivery: one.delivery.name(),
                code: (one.code > 0).then_some(one.code),
                status: (!one.status.is_empty()).then(|| one.status.clone()),
                text: one.text.clone(),
                reported: one.reported.as_ref().map(|report| report.action.clone()),
            })
            .collect(),
        subject: entry.subject.clone(),
        state: entry.state.name(),
        attempts: entry.attempts,
        next_attempt: next_attempt(entry, config),
        reply,
        queued: entry.queued_at,
        sent: entry.sent_at,
        doubt: doubt(entry).cloned(),
        cancellable: may_take_back(entry),
        retryable: entry.state.is_retryable(),
    }
}

/// What is in doubt where it is: while an answer is waited for, it may still come.
fn doubt(entry: &OutboxEntry) -> Option<&Doubt> {
    entry.doubt.as_ref().filter(|_| entry.state == OutboxState::Uncertain)
}

/// When it is tried again. The copy of one whose account is gone never is: what its row says is until when it is kept, also where the account was put back
/// since and the row was not looked at yet.
fn next_attempt(entry: &OutboxEntry, config: &Config) -> Option<Timestamp> {
    let is_kept_until = entry.state == OutboxState::SentNotFiled
        && (config.account(Some(&entry.account)).is_none() || entry.reply.contains(&not_filed(&entry.account)));
    entry.next_attempt.filter(|_| !is_kept_until)
}

/// Whether a person may take something of it back: what is not sent yet, and what was refused.
pub(super) fn may_take_back(entry: &OutboxEntry) -> bool {
    entry.state.is_cancellable()
        || (matches!(entry.state, OutboxState::Sent | OutboxState::SentNotFiled) && entry.count(Delivery::Refused) > 0)
}

/// What a row of an account that is no longer in the configuration wants of a person.
fn stranded(entry: &OutboxEntry, config: &Config) -> Option<String> {
    if config.account(Some(&entry.account)).is_some() {
        return None;
    }
    let what = match entry.state {
        OutboxState::Queued | OutboxState::Held | OutboxState::Deferred | OutboxState::Failed => {
            "it does not leave. Take it back and write as another account, or put the account back and try again."
        }
        OutboxState::Uncertain => {
            "it is not looked for. Ask a recipient and say what became of it, or put the account back."
        }
        // What is filed is said by whoever files.
        OutboxState::Sending | OutboxState::SentNotFiled | OutboxState::Sent => return None,
    };
    Some(format!("Its account, {}, is no longer in the configuration: {what}", entry.account))
}

/// A row for the screen.
pub(super) fn row(entry: &OutboxEntry, config: &Config) -> OutboxRow {
    let sent = entry.count(Delivery::Sent);
    let some_only = sent > 0 && sent < entry.recipients.len();
    OutboxRow {
        id: entry.id,
        to: SafeText::line(&entry.recipients.iter().map(|one| one.address.as_str()).collect::<Vec<_>>().join(", ")),
        subject: SafeText::line(&entry.subject),
        state: entry.state.name(),
        parts: some_only.then_some((sent, entry.recipients.len())),
        route: route_in_words(entry, config),
        recipients: entry.recipients.iter().map(|one| recipient(one, entry.state)).collect(),
        attempts: entry.attempts,
        next_attempt: next_attempt(entry, config),
        reply: SafeText::line(&entry.reply),
        stranded: stranded(entry, config).map(|words| SafeText::line(&words)).unwrap_or_default(),
        doubt: doubt(entry).map(|doubt| {
            let places: Vec<&str> = doubt.looked_in.iter().map(String::as_str).collect();
            (doubt.since, doubt.looked_at, SafeText::line(&in_short(&places)))
        }),
        queued: entry.queued_at,
        cancellable: may_take_back(entry),
        retryable: entry.state.is_retryable(),
    }
}

/// The first few of them, and how many more.
fn in_short(places: &[&str]) -> String {
    match places {
        [a, b, c, more @ ..] if more.len() > 1 => format!("{a}, {b}, {c} and {} more", more.len()),
        few => few.join(", "),
    }
}

/// By which server it goes, where there are routes at all.
fn route_in_words(entry: &OutboxEntry, config: &Config) -> SafeText {
    let Some(name) = &entry.route else {
        if config.routes.is_empty() {
            return SafeText::default();
        }
        let host = config.account(Some(&entry.account)).map(|account| account.smtp.host.as_str());
        return SafeText::line(host.unwrap_or_default());
    };
    match config.routes.iter().find(|route| route.name == *name) {
        Some(route) if route.smtp.host == *name => SafeText::line(name),
        Some(route) => SafeText::line(&format!("{name} ({})", route.smtp.host)),
        None => SafeText::line(&format!("{name}, which is no longer in the configuration")),
    }
}

/// One recipient in words.
fn recipient(one: &OutboxRecipient, state: OutboxState) -> RecipientRow {
    let (tone, mut words) = match one.delivery {
        Delivery::Waiting if state == OutboxState::Failed => (Tone::Warning, "not sent".to_owned()),
        Delivery::Waiting if one.code > 0 => (Tone::Warning, format!("waits: {}", settle::said(one))),
        Delivery::Waiting => (Tone::Plain, "waits".to_owned()),
        Delivery::InDoubt => (Tone::Alarm, "not known".to_owned()),
        Delivery::Sent => (Tone::Good, "sent".to_owned()),
        Delivery::Refused => (Tone::Alarm, format!("refused: {}", settle::said(one))),
        Delivery::TakenBack => (Tone::Plain, "taken back".to_owned()),
    };
    let mut tone = tone;
    if let Some(report) = &one.reported {
        let meaning = status::in_words(&report.status).map(|words| format!(", {words}")).unwrap_or_default();
        words.push_str(&format!("; a report says: {}{meaning}", report.action));
        if !report.text.is_empty() {
            words.push_str(&format!(" ({})", report.text));
        }
        tone = match report.action.as_str() {
            "failed" => Tone::Alarm,
            "delayed" => Tone::Warning,
            _ => tone,
        };
    }
    RecipientRow { address: SafeText::line(&one.address), tone, words: SafeText::line(&words) }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::{Config, OutboxEntry, OutboxState, next_attempt, not_filed};
    use crate::store::outbox::SmtpEnvelope;

    #[test]
    fn until_when_a_row_is_kept_is_no_next_try_though_its_account_is_back() {
        let at = Timestamp::UNIX_EPOCH;
        let mut row = OutboxEntry::new("work", "1@x.example", SmtpEnvelope::default(), at);
        (row.state, row.next_attempt) = (OutboxState::SentNotFiled, Some(at));
        let back = crate::engine::tests::config();
        assert_eq!(next_attempt(&row, &back), Some(at));
        assert_eq!(next_attempt(&row, &Config::default()), None);
        row.reply = format!("Sent. {}: it is forgotten after 2026-05-18.", not_filed("work"));
        assert_eq!(next_attempt(&row, &back), None);
    }
}
