//! `store stats | verify`. (`store rebuild` is done while the cache is closed: see the head of the program.)

use serde::Serialize;

use super::args;
use super::call::Call;
use super::exit::{Exit, Failure, Outcome};

#[derive(Serialize)]
struct Stats {
    schema: &'static str,
    mailboxes: usize,
    messages: usize,
    whole_messages: usize,
    pages: usize,
    store_bytes: u64,
    blobs: usize,
    blob_bytes: u64,
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

pub(super) fn run(call: &mut Call<'_>, command: args::Store) -> Outcome {
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
                    blobs: stats.blobs,
                    blob_bytes: stats.blob_bytes,
                })?;
            } else {
                let row = |name: &str, value: String| vec![name.to_owned(), value];
                let megabytes = |bytes: u64| format!("{:.1} MB", bytes as f64 / 1e6);
                call.output.table(&[
                    row("mailboxes", stats.mailboxes.to_string()),
                    row("messages", stats.messages.to_string()),
                    row("of them whole", stats.whole_messages.to_string()),
                    row("cache on the disk", megabytes(stats.store_bytes)),
                    row("large messages", format!("{} files, {}", stats.blobs, megabytes(stats.blob_bytes))),
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
        args::Store::Rebuild => Err(Failure::new(
            Exit::TryLater,
            "the cache is in use: end the other casemail of this profile, then try again",
        )),
    }
}
