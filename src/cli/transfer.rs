//! `sync` and `send`.

use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use super::call::Call;
use super::exit::{Exit, Failure, Outcome};
use super::listed;
use super::source::Source;
use crate::app::effect::Said;
use crate::case::guard::Reason;
use crate::engine::Engine;
use crate::engine::query::{
    AccountStats, Along, Finding, MailboxStats, RouteListed, SealingListed, SendReport, Severity,
};
use crate::mail::id::OutboxId;

/// How long a message is waited for before it is left to the outbox.
const SEND_PATIENCE: Duration = Duration::from_secs(60);

#[derive(Serialize)]
struct Synced<'a> {
    schema: &'static str,
    accounts: &'a [AccountStats],
    mailboxes: &'a [MailboxStats],
}

pub(super) fn sync(call: &mut Call<'_>, mailboxes: &[String]) -> Outcome {
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
    if call.output.json() {
        let queued = report.queued.first().copied();
        call.output.document(&Sent {
            schema: "casemail.send/1",
            queued,
            rows: &report.queued,
            findings: &report.findings,
            routes: &report.routes,
            recipients: &report.recipients,
        })?;
    } else {
        for row in &report.queued {
            call.output.line(&format!("queued as {row}"))?;
        }
    }
    told(call, &report, dry_run)?;
    if report.refused {
        // A recipient that is none is bad data, whatever else stands against it; anything else is a "no".
        let malformed = report.findings.iter().any(|finding| finding.code == "malformed-address");
        return Ok(if malformed { Exit::BadData } else { Exit::No });
    }
    fate(call, engine, &report.queued)
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

/// Waits for the rows to leave, and says where they stand.
pub(super) fn fate(call: &mut Call<'_>, engine: &Engine, queued: &[u64]) -> Outcome {
    let rows: Vec<OutboxId> = queued.iter().copied().map(OutboxId).collect();
    let mut exit = Exit::Done;
    for row in engine.settle(&rows, SEND_PATIENCE)? {
        let (words, code) = match row.state {
            "sent" | "sent-not-filed" if row.recipients.iter().any(|one| one.delivery == "refused") => {
                ("sent to some", Exit::No)
            }
            "sent" | "sent-not-filed" => ("sent", Exit::Done),
            "failed" => ("refused", Exit::No),
            "uncertain" => ("perhaps sent: look for it, then `casemail outbox resolve`", Exit::TryLater),
            _ => ("still queued: it is tried again by `casemail`, or now by `casemail outbox retry`", Exit::TryLater),
        };
        call.output.say(&format!("{}: {words}. {}", row.id, row.reply));
        if exit == Exit::Done {
            exit = code;
        }
    }
    Ok(exit)
}
