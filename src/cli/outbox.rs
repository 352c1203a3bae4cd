//! `outbox list | retry | cancel | resolve`.

use jiff::Timestamp;
use serde::Serialize;

use super::args;
use super::call::Call;
use super::exit::{Exit, Outcome};
use super::listed;
use super::transfer;
use crate::engine::query::{OutboxListed, Resolution};
use crate::mail::id::OutboxId;

#[derive(Serialize)]
struct Entries<'a> {
    schema: &'static str,
    entries: Vec<Line<'a>>,
}

#[derive(Serialize)]
struct Line<'a> {
    id: u64,
    account: &'a str,
    message_id: &'a str,
    to: &'a [String],
    subject: &'a str,
    state: &'static str,
    attempts: u32,
    next_attempt: Option<Timestamp>,
    reply: &'a str,
    queued: Timestamp,
    cancellable: bool,
}

impl<'a> Line<'a> {
    fn of(row: &'a OutboxListed) -> Self {
        Self {
            id: row.id.0,
            account: &row.account,
            message_id: &row.message_id,
            to: &row.to,
            subject: &row.subject,
            state: row.state,
            attempts: row.attempts,
            next_attempt: row.next_attempt,
            reply: &row.reply,
            queued: row.queued,
            cancellable: row.cancellable,
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
                    (head, vec![row.subject.clone(), row.reply.clone()])
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
            return transfer::fate(call, engine, &[*id]);
        }
        args::Outbox::Cancel { id } => {
            engine.cancel(OutboxId(*id))?;
            call.output.say(&format!("{id} is taken out of the outbox; nothing was sent"));
        }
        args::Outbox::Resolve { id, fate } => {
            let fate = match fate {
                args::Fate::Arrived => Resolution::Arrived,
                args::Fate::SendAgain => Resolution::SendAgain,
                args::Fate::Drop => Resolution::Drop,
            };
            engine.resolve(OutboxId(*id), fate)?;
            match fate {
                Resolution::SendAgain => return transfer::fate(call, engine, &[*id]),
                Resolution::Arrived => {
                    call.output.say(&format!("{id} counts as sent; a copy is filed with the next connection"))
                }
                Resolution::Drop => call.output.say(&format!("{id} is taken out of the outbox; it is not sent again")),
            }
        }
    }
    Ok(Exit::Done)
}
