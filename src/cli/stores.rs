//! `store stats | verify | purge`. (`store rebuild`, `store anew` and `store rekey` are done while the stores are closed: see `rekey`.)

use serde::Serialize;

use super::args;
use super::call::Call;
use super::exit::{Exit, Failure, Outcome};
use crate::engine::Purge;
use crate::mail::size::size;

#[derive(Serialize)]
struct Stats {
    schema: &'static str,
    mailboxes: usize,
    messages: usize,
    whole_messages: usize,
    pages: usize,
    store_bytes: u64,
    segments: usize,
    pack_bytes: u64,
    dead_bytes: u64,
    blobs: usize,
    blob_bytes: u64,
    state_bytes: u64,
    unmoved: usize,
}

#[derive(Serialize)]
struct Purged {
    schema: &'static str,
    ok: bool,
    dry_run: bool,
    messages: usize,
    kept_on_hold: usize,
    body_bytes: u64,
    bytes_before: u64,
    bytes_after: u64,
    freed_bytes: u64,
}

#[derive(Serialize)]
struct Verification {
    schema: &'static str,
    ok: bool,
    checked: usize,
    findings: Vec<Finding>,
}

#[derive(Serialize)]
struct Finding {
    place: String,
    what: String,
}

pub(super) fn run(call: &mut Call<'_>, command: &args::Store) -> Outcome {
    let engine = call.engine()?;
    match command {
        args::Store::Stats => {
            let stats = engine.cache_stats()?;
            if call.output.json() {
                call.output.document(&Stats {
                    schema: "casemail.store/1",
                    mailboxes: stats.mailboxes,
                    messages: stats.messages,
                    whole_messages: stats.whole_messages,
                    pages: stats.pages,
                    store_bytes: stats.store_bytes,
                    segments: stats.segments,
                    pack_bytes: stats.pack_bytes,
                    dead_bytes: stats.dead_bytes,
                    blobs: stats.blobs,
                    blob_bytes: stats.blob_bytes,
                    state_bytes: engine.state_bytes(),
                    unmoved: stats.former,
                })?;
            } else {
                let row = |name: &str, value: String| vec![name.to_owned(), value];
                call.output.table(&[
                    row("mailboxes", stats.mailboxes.to_string()),
                    row("messages", stats.messages.to_string()),
                    row("of them whole", stats.whole_messages.to_string()),
                    row("lists", size(stats.store_bytes)),
                    row("messages", format!("{} segments, {}", stats.segments, size(stats.pack_bytes))),
                    row("of it given back later", size(stats.dead_bytes)),
                    row("large messages", format!("{} files, {}", stats.blobs, size(stats.blob_bytes))),
                    row("state store", size(engine.state_bytes())),
                ])?;
            }
            Ok(Exit::Done)
        }
        args::Store::Verify => {
            let checked = engine.cache_stats()?.messages;
            let damage = engine.verify_cache()?;
            if call.output.json() {
                let finding = |damage: &crate::store::cache::Damage| Finding {
                    place: format!("mailbox {} UIDs {}-{}", damage.mailbox.0, damage.uids.start(), damage.uids.end()),
                    what: damage.to_string(),
                };
                let findings: Vec<Finding> = damage.iter().map(finding).collect();
                let ok = findings.is_empty();
                call.output.document(&Verification { schema: "casemail.verification/1", ok, checked, findings })?;
            } else {
                for one in &damage {
                    call.output.line(&one.to_string())?;
                }
                call.output.line(&format!("{checked} messages looked at, {} records damaged", damage.len()))?;
            }
            Ok(if damage.is_empty() { Exit::Done } else { Exit::No })
        }
        args::Store::Purge { older_than, mailboxes, deleted, dry_run } => {
            let before = older_than.map(|days| {
                let span = jiff::SignedDuration::from_hours(i64::from(days).saturating_mul(24));
                call.now().checked_sub(span).unwrap_or(jiff::Timestamp::MIN)
            });
            let (deleted, dry_run) = (*deleted, *dry_run);
            let purge = Purge { before, mailboxes: mailboxes.clone(), deleted, dry_run };
            let done = engine.purge_cache(&purge)?;
            let freed = done.bytes_before.saturating_sub(done.bytes_after);
            if call.output.json() {
                call.output.document(&Purged {
                    schema: "casemail.purge/1",
                    ok: true,
                    dry_run,
                    messages: done.messages,
                    kept_on_hold: done.held,
                    body_bytes: done.body_bytes,
                    bytes_before: done.bytes_before,
                    bytes_after: done.bytes_after,
                    freed_bytes: freed,
                })?;
                return Ok(Exit::Done);
            }
            if done.held > 0 {
                call.output.say(&format!("{} stay: their case is on hold", super::listed::count(done.held, "message")));
            }
            if dry_run {
                let words = format!("{} messages ({}) would go", done.messages, size(done.body_bytes));
                call.output.line(&words)?;
            } else {
                let words = format!(
                    "{} messages let go of, {freed} bytes given back; the cache takes {}",
                    done.messages,
                    size(done.bytes_after)
                );
                call.output.line(&words)?;
            }
            Ok(Exit::Done)
        }
        args::Store::Rebuild | args::Store::Anew { .. } | args::Store::Rekey { .. } => Err(Failure::new(
            Exit::TryLater,
            "the profile is in use: end the other casemail of this profile, then try again",
        )),
    }
}
