//! `sync` and `send`.

use std::path::Path;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::call::Call;
use super::exit::{Exit, Failure, Outcome};
use super::interrupt::Interrupt;
use super::listed;
use super::outbox::Line;
use super::output::Output;
use super::source::Source;
use crate::app::effect::Said;
use crate::case::guard::Reason;
use crate::engine::Engine;
use crate::engine::query::{
    AccountStats, Along, Finding, MailboxStats, OutboxListed, RouteListed, SealingListed, SendReport, Severity,
};
use crate::mail::id::OutboxId;

/// How long a message that no connection is at is waited for before it is left to the outbox.
const SEND_PATIENCE: Duration = Duration::from_secs(60);
/// After so long a wait it is told what is waited for.
const TOLD_AFTER: Duration = Duration::from_secs(10);
/// Nobody knows whether something was sent: [`Exit::TryLater`] would say that it is queued, and scripts would send it again.
const PERHAPS_SENT: Exit = Exit::Unavailable;

#[derive(Serialize)]
struct Synced<'a> {
    schema: &'static str,
    accounts: &'a [AccountStats],
    mailboxes: &'a [MailboxStats],
}

pub(super) fn sync(call: &mut Call<'_>, mailboxes: &[String], force: bool) -> Outcome {
    if force {
        call.engine()?.forget_refusals(call.account.as_deref())?;
    }
    let report = call.engine()?.sync(call.account.as_deref(), mailboxes)?;
    if call.output.json() {
        let (accounts, mailboxes) = (&report.accounts, &report.mailboxes);
        call.output.document(&Synced { schema: "casemail.sync/1", accounts, mailboxes })?;
    } else {
        let cells = |one: &MailboxStats| {
            vec![
                format!("{}/{}", one.account, one.name),
                format!("{} new", one.new),
                format!("{} changed", one.changed),
                format!("{} gone", one.vanished),
                format!("{} round trips", one.round_trips),
                format!("{:.2} s", one.seconds),
            ]
        };
        let rows: Vec<Vec<String>> = report.mailboxes.iter().map(cells).collect();
        call.output.table(&rows)?;
    }
    for one in &report.accounts {
        for text in &one.alerts {
            call.output.say(&format!("{}: the server says: {text}", one.name));
        }
    }
    for one in report.mailboxes.iter().filter(|one| one.withheld > 0) {
        let count = listed::count(usize::try_from(one.withheld).unwrap_or(usize::MAX), "message");
        let place = format!("{}/{}", one.account, one.name);
        call.output.say(&format!(
            "{place}: the server counts {count} that it gives nothing of; ask whoever runs it, or look there with another program"
        ));
    }
    // Who works with commands alone has no other moment at which a copy that could not be filed is filed.
    let reached = report.accounts.iter().filter(|one| one.error.is_none()).map(|one| one.name.clone());
    for row in call.engine()?.file_copies(&reached.collect::<Vec<_>>())? {
        let words = if row.state == "sent-not-filed" { "its copy is not filed yet" } else { "its copy is filed" };
        call.output.say(&format!("{}: sent before, {words}", row.id));
    }
    // The code is the first one's; of the others only the words are told.
    let mut trouble = report.trouble.into_iter();
    let first = trouble.next();
    trouble.for_each(|error| call.output.say(&error.to_string()));
    first.map_or(Ok(Exit::Done), |error| Err(error.into()))
}

#[derive(Serialize)]
struct Sent<'a> {
    schema: &'static str,
    /// The row for the visible recipients.
    queued: Option<u64>,
    /// All rows: hidden recipients have their own.
    rows: &'a [u64],
    findings: &'a [Finding],
    /// By which servers it goes.
    routes: &'a [RouteListed],
    /// What OpenPGP does for each recipient.
    recipients: &'a [SealingListed],
    /// What became of the rows while they were waited for, as `casemail.outbox/1` has them.
    outbox: Vec<Line<'a>>,
}

pub(super) fn send(call: &mut Call<'_>, file: Option<&Path>, said: Said, dry_run: bool, along: Along) -> Outcome {
    if let Said::Because(words) = &said
        && let Err(error) = Reason::new(words)
    {
        return Err(Failure::new(Exit::Usage, error.to_string()));
    }
    let source = match file {
        Some(file) if file != Path::new("-") => Source::File(file.to_string_lossy().into_owned()),
        _ => Source::Stdin,
    };
    let files = along.files.iter().map(|file| call.cwd.join(file)).collect();
    let along = Along { files, ..along };
    let engine = call.engine()?;
    let draft = source.read(&call.cwd, call.stdin)?;
    let report = engine.send_with(&draft, call.account.as_deref(), said, dry_run, along)?;
    if !call.output.json() {
        for row in &report.queued {
            call.output.line(&format!("queued as {row}"))?;
        }
    }
    told(call, &report, dry_run)?;
    // Nothing queued: nothing to wait for, and no connection.
    let fate = match report.queued.as_slice() {
        [] => Ok(Fate { exit: Exit::Done, rows: Vec::new() }),
        queued => fate(call, engine, queued),
    };
    if call.output.json() {
        call.output.document(&Sent {
            schema: "casemail.send/1",
            queued: report.queued.first().copied(),
            rows: &report.queued,
            findings: &report.findings,
            routes: &report.routes,
            recipients: &report.recipients,
            outbox: fate.as_ref().map(|fate| fate.rows.iter().map(Line::of).collect()).unwrap_or_default(),
        })?;
    }
    if report.refused {
        // A recipient that is none is bad data, whatever else stands against it; anything else is a "no".
        let malformed = report.findings.iter().any(|finding| finding.code == "malformed-address");
        return Ok(if malformed { Exit::BadData } else { Exit::No });
    }
    fate.map(|fate| fate.exit)
}

/// Tells what was found, whom it goes to and how.
pub(super) fn told(call: &mut Call<'_>, report: &SendReport, dry_run: bool) -> Result<(), Failure> {
    for one in &report.recipients {
        call.output.say(&format!("{}: {}", one.address, one.because));
    }
    for finding in &report.findings {
        let weight = match finding.severity {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Confirm => "wants a yes (--confirm)",
            Severity::Block => "blocked (--override REASON)",
            Severity::Alarm => "refused",
        };
        let words = format!("{} {}", finding.because, finding.cure);
        match &finding.recipient {
            Some(recipient) => call.output.say(&format!("{weight}: {recipient}: {}", words.trim())),
            None => call.output.say(&format!("{weight}: {}", words.trim())),
        }
    }
    if dry_run || report.routes.len() > 1 {
        for route in &report.routes {
            let by = match &route.route {
                Some(name) if *name != route.host => format!("{name} ({})", route.host),
                _ => route.host.clone(),
            };
            call.output.say(&format!("to {} by {by}", route.recipients.join(", ")));
        }
    }
    if dry_run && !report.refused {
        call.output.say("nothing stands against it; nothing was queued");
    }
    Ok(())
}

/// What became of mail that a command waited for.
pub(super) struct Fate {
    /// What the command ends with: where nobody knows whether something was sent, that, and else the first row's that is not done.
    pub(super) exit: Exit,
    /// The rows as they are then.
    pub(super) rows: Vec<OutboxListed>,
}

/// Waits for the rows to leave, and says where they stand. ctrl-c ends the wait, and what is being sent.
pub(super) fn fate(call: &mut Call<'_>, engine: &Engine, queued: &[u64]) -> Result<Fate, Failure> {
    let ids: Vec<OutboxId> = queued.iter().copied().map(OutboxId).collect();
    let interrupt = call.is_alone.then(Interrupt::watch).and_then(Result::ok);
    let mut wait = Wait::new(interrupt);
    let mut rows = engine.settle_while(&ids, SEND_PATIENCE, |rows| wait.go_on(&mut call.output, rows))?;
    if wait.came() {
        engine.break_off_sending()?;
        rows = engine.outbox()?;
        rows.retain(|row| ids.contains(&row.id));
    }
    let mut exit = Exit::Done;
    for row in &rows {
        let (words, code) = standing(row);
        call.output.say(format!("{}: {words} {}", row.id, row.reply).trim_end());
        // Whoever sends again what is perhaps sent does harm; the other codes only say what to do later.
        if exit == Exit::Done || code == PERHAPS_SENT {
            exit = code;
        }
    }
    Ok(Fate { exit, rows })
}

/// Waits for what is still being sent when a command is through, before the process ends: all of it where the command was there to send, and else
/// what the server may have whole already. What is broken off before is sent anew another time.
pub(super) fn see_off(output: &mut Output<'_>, engine: &Engine, sends: bool) {
    let mut wait: Option<Wait> = None;
    // A store that cannot be read was told of by the command.
    let _ = engine.see_off(|rows| {
        let worth_it = sends || rows.iter().any(in_doubt);
        worth_it && wait.get_or_insert_with(|| Wait::new(Interrupt::watch().ok())).go_on(output, rows)
    });
}

/// A wait that tells what it waits for once it gets long.
struct Wait {
    /// `None`: another process has the profile, and goes on sending whoever waits here.
    interrupt: Option<Interrupt>,
    begun: Instant,
    is_told: bool,
}

impl Wait {
    fn new(interrupt: Option<Interrupt>) -> Self {
        Self { interrupt, begun: Instant::now(), is_told: false }
    }

    fn came(&self) -> bool {
        self.interrupt.as_ref().is_some_and(Interrupt::came)
    }

    fn go_on(&mut self, output: &mut Output<'_>, rows: &[OutboxListed]) -> bool {
        if self.interrupt.is_some() && !self.is_told && self.begun.elapsed() >= TOLD_AFTER {
            self.is_told = true;
            for row in rows.iter().filter(|row| row.state == "sending") {
                let words = if in_doubt(row) { "handed over; the server has not answered yet" } else { "being sent" };
                output.say(&format!("{}: {words}. ctrl-c breaks it off", row.id));
            }
        }
        !self.came()
    }
}

/// Whether a server may have it, and has not said so.
fn in_doubt(row: &OutboxListed) -> bool {
    row.recipients.iter().any(|one| one.delivery == "in-doubt")
}

/// Where a row stands, in words, and the code for it.
fn standing(row: &OutboxListed) -> (String, Exit) {
    let those = |delivery: &str| -> Vec<&str> {
        let found = row.recipients.iter().filter(|one| one.delivery == delivery);
        found.map(|one| one.address.as_str()).collect()
    };
    match row.state {
        "sent" | "sent-not-filed" if !those("refused").is_empty() => ("sent to some.".to_owned(), Exit::No),
        "sent" | "sent-not-filed" => ("sent.".to_owned(), Exit::Done),
        "failed" => ("refused.".to_owned(), Exit::No),
        "uncertain" => {
            let who = those("in-doubt").join(", ");
            let words = "do not send it again, look for it, then `casemail outbox resolve`.";
            (format!("perhaps sent to {who}: {words}"), PERHAPS_SENT)
        }
        "sending" if in_doubt(row) => {
            let words = "do not send it again; `casemail outbox list` says what became of it.";
            (format!("perhaps sent, the server has not answered yet: {words}"), PERHAPS_SENT)
        }
        "sending" => ("being sent; `casemail outbox list` says what became of it.".to_owned(), Exit::TryLater),
        _ => {
            let words = "still queued: it is tried again by `casemail`, or now by `casemail outbox retry`.";
            (words.to_owned(), Exit::TryLater)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Exit, PERHAPS_SENT, standing};
    use crate::engine::query::{OutboxListed, RecipientListed};
    use crate::mail::id::OutboxId;

    fn row(state: &'static str, deliveries: &[(&str, &'static str)]) -> OutboxListed {
        let recipient = |(address, delivery): &(&str, &'static str)| RecipientListed {
            address: (*address).to_owned(),
            delivery,
            code: None,
            status: None,
            text: String::new(),
            reported: None,
        };
        OutboxListed {
            id: OutboxId(7),
            account: "work".into(),
            message_id: "1@quillpounce.example".into(),
            batch: OutboxId(7),
            route: None,
            to: deliveries.iter().map(|(address, _)| (*address).to_owned()).collect(),
            recipients: deliveries.iter().map(recipient).collect(),
            subject: String::new(),
            state,
            attempts: 1,
            next_attempt: None,
            reply: String::new(),
            queued: jiff::Timestamp::UNIX_EPOCH,
            sent: None,
            doubt: None,
            cancellable: false,
            retryable: false,
        }
    }

    #[test]
    fn what_may_have_left_is_never_promised_another_try() {
        let check = |state, deliveries: &[(&str, &'static str)], says: &str, code| {
            let (words, exit) = standing(&row(state, deliveries));
            assert!(words.contains(says) && exit == code, "{state}: {words}, {exit:?}");
            let may_have_left = deliveries.iter().any(|(_, delivery)| *delivery == "in-doubt");
            assert_eq!(words.contains("do not send it again"), may_have_left, "{words}");
            assert!(!(may_have_left && words.contains("tried again")), "{words}");
        };
        const A: &str = "a@copfs.gov.example";
        const B: &str = "b@copfs.gov.example";
        check("sending", &[(A, "in-doubt"), (B, "waiting")], "has not answered yet", PERHAPS_SENT);
        check("uncertain", &[(A, "in-doubt"), (B, "sent")], "perhaps sent to a@copfs.gov.example:", PERHAPS_SENT);
        check("sending", &[(A, "waiting")], "being sent", Exit::TryLater);
        check("queued", &[(A, "waiting")], "still queued", Exit::TryLater);
        check("deferred", &[(A, "sent"), (B, "waiting")], "still queued", Exit::TryLater);
        check("failed", &[(A, "refused")], "refused", Exit::No);
        check("sent", &[(A, "sent"), (B, "refused")], "sent to some", Exit::No);
        check("sent-not-filed", &[(A, "sent")], "sent.", Exit::Done);
    }
}
