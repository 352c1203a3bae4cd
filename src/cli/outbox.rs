//! `outbox list | retry | cancel | resolve`.

use jiff::Timestamp;
use serde::Serialize;

use super::args;
use super::call::Call;
use super::exit::{Exit, Outcome};
use super::listed;
use super::transfer;
use crate::engine::Engine;
use crate::engine::query::{OutboxListed, RecipientListed, Resolution};
use crate::mail::id::OutboxId;

#[derive(Serialize)]
struct Entries<'a> {
    schema: &'static str,
    entries: Vec<Line<'a>>,
}

#[derive(Serialize)]
pub(super) struct Line<'a> {
    id: u64,
    message: u64,
    account: &'a str,
    route: Option<&'a str>,
    message_id: &'a str,
    to: &'a [String],
    recipients: &'a [RecipientListed],
    subject: &'a str,
    state: &'static str,
    attempts: u32,
    next_attempt: Option<Timestamp>,
    reply: &'a str,
    queued: Timestamp,
    sent: Option<Timestamp>,
    doubt: Option<DoubtLine<'a>>,
    cancellable: bool,
    retryable: bool,
}

/// What is known of a row that is uncertain.
#[derive(Serialize)]
struct DoubtLine<'a> {
    since: Timestamp,
    looked_at: Option<Timestamp>,
    looked_in: &'a [String],
}

impl<'a> Line<'a> {
    pub(super) fn of(row: &'a OutboxListed) -> Self {
        Self {
            id: row.id.0,
            message: row.batch.0,
            account: &row.account,
            route: row.route.as_deref(),
            message_id: &row.message_id,
            to: &row.to,
            recipients: &row.recipients,
            subject: &row.subject,
            state: row.state,
            attempts: row.attempts,
            next_attempt: row.next_attempt,
            reply: &row.reply,
            queued: row.queued,
            sent: row.sent,
            doubt: row.doubt.as_ref().map(|doubt| DoubtLine {
                since: doubt.since,
                looked_at: doubt.looked_at,
                looked_in: &doubt.looked_in,
            }),
            cancellable: row.cancellable,
            retryable: row.retryable,
        }
    }
}

pub(super) fn run(call: &mut Call<'_>, command: &args::Outbox) -> Outcome {
    let engine = call.engine()?;
    match command {
        args::Outbox::List => {
            let rows = engine.outbox()?;
            if call.output.json() {
                let entries = rows.iter().map(Line::of).collect();
                call.output.document(&Entries { schema: "casemail.outbox/1", entries })?;
            } else {
                let cells = |row: &OutboxListed| {
                    let tries = match row.attempts {
                        0 => "not tried yet".to_owned(),
                        1 => "tried once".to_owned(),
                        number => format!("tried {number} times"),
                    };
                    let head = vec![
                        row.id.to_string(),
                        row.state.to_owned(),
                        listed::short_time(row.queued),
                        tries,
                        row.to.join(", "),
                    ];
                    let mut below = vec![row.subject.clone(), row.reply.clone()];
                    below.extend(row.route.as_ref().map(|route| format!("by {route}")));
                    if let Some(doubt) = &row.doubt {
                        let found = match (doubt.looked_at, doubt.looked_in.join(", ")) {
                            (None, _) => "not looked for yet".to_owned(),
                            (_, places) if places.is_empty() => "no copy that is found would say who has it".to_owned(),
                            (_, places) => format!("not found in {places}"),
                        };
                        below.push(format!("lost {}; {found}", listed::short_time(doubt.since)));
                    }
                    if row.recipients.len() > 1 || row.recipients.iter().any(|one| one.reported.is_some()) {
                        below.extend(row.recipients.iter().map(in_words));
                    }
                    (head, below)
                };
                let entries: Vec<_> = rows.iter().map(cells).collect();
                call.output.entries(&entries)?;
                if rows.is_empty() {
                    call.output.say("the outbox is empty");
                }
            }
        }
        args::Outbox::Retry { id } => {
            engine.retry(OutboxId(*id))?;
            return leaving(call, engine, *id);
        }
        args::Outbox::Cancel { id } => {
            let taken = engine.cancel(OutboxId(*id))?;
            call.output.say(&format!("{id}: {} It is draft {}; `casemail` goes on with it.", taken.words, taken.draft));
        }
        args::Outbox::Resolve { id, fate } => {
            let fate = match fate {
                args::Fate::Arrived => Resolution::Arrived,
                args::Fate::SendAgain => Resolution::SendAgain,
                args::Fate::Drop => Resolution::Drop,
            };
            let taken = engine.resolve(OutboxId(*id), fate)?;
            match fate {
                Resolution::SendAgain => return leaving(call, engine, *id),
                Resolution::Arrived => {
                    call.output.say(&format!("{id} counts as sent; a copy is filed with the next connection"))
                }
                Resolution::Drop => {
                    let draft =
                        taken.map(|taken| format!(" {} It is draft {}.", taken.words, taken.draft)).unwrap_or_default();
                    call.output.say(&format!("{id} is taken out of the outbox; it is not sent again.{draft}"));
                }
            }
        }
    }
    Ok(Exit::Done)
}

/// What becomes of a row that is on its way now.
fn leaving(call: &mut Call<'_>, engine: &Engine, id: u64) -> Outcome {
    let fate = transfer::fate(call, engine, &[id])?;
    if call.output.json() {
        let entries = fate.rows.iter().map(Line::of).collect();
        call.output.document(&Entries { schema: "casemail.outbox/1", entries })?;
    }
    Ok(fate.exit)
}

/// A recipient in one line.
fn in_words(one: &RecipientListed) -> String {
    let mut words = format!("{}: {}", one.address, one.delivery);
    if let Some(code) = one.code.filter(|_| one.delivery != "sent") {
        words.push_str(&format!(" ({code} {})", one.text));
    }
    if let Some(report) = &one.reported {
        words.push_str(&format!("; a report says: {report}"));
    }
    words
}
