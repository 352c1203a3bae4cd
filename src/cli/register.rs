//! `register show | verify | replicate`.

use jiff::Timestamp;
use serde::Serialize;

use super::args;
use super::call::Call;
use super::exit::{Exit, Failure, Outcome};
use super::listed;
use crate::engine::register::{self, Verification};
use crate::register::chronology::Line;

/// A text of streams is not longer.
const FILE_BYTES_MAX: u64 = 1 << 30;

#[derive(Serialize)]
struct Records<'a> {
    schema: &'static str,
    records: &'a [Line],
    total: usize,
}

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    ok: bool,
    streams: Vec<Stream<'a>>,
    /// The first broken record of all streams, by device and number.
    first_broken: Option<Broken<'a>>,
    damage: &'a [String],
}

#[derive(Serialize)]
struct Stream<'a> {
    device: &'a str,
    name: &'a str,
    records: u64,
    signed_at: Option<Timestamp>,
    ok: bool,
    broken: Option<Broken<'a>>,
    /// Who is said to answer for the device; none of them good: nobody does.
    vouched: Vec<Vouched<'a>>,
}

#[derive(Serialize)]
struct Vouched<'a> {
    by: &'a str,
    who: &'a str,
    proof: &'static str,
}

#[derive(Clone, Serialize)]
struct Broken<'a> {
    device: &'a str,
    record: u64,
    because: &'a str,
}

pub(super) fn run(call: &mut Call<'_>, command: &args::Register) -> Outcome {
    match command {
        args::Register::Show { raw: true, .. } => {
            let text = call.engine()?.register_text()?;
            call.output.bytes(&text)?;
            Ok(Exit::Done)
        }
        args::Register::Show { case, limit, .. } => show(call, case.as_deref(), *limit),
        args::Register::Replicate => replicate(call),
        args::Register::Verify { file } => {
            let verification = match file {
                None => {
                    let verification = call.engine()?.verify_register()?;
                    told(call, &verification)?;
                    verification
                }
                Some(file) => {
                    let text = read(call, file)?;
                    let verification = register::verify_text(&text, call.now())
                        .map_err(|error| Failure::new(Exit::BadData, format!("{}: {error}", file.display())))?;
                    told(call, &verification)?;
                    verification
                }
            };
            Ok(if verification.is_whole() { Exit::Done } else { Exit::No })
        }
    }
}

#[derive(Serialize)]
struct Replication<'a> {
    schema: &'static str,
    ok: bool,
    account: &'a str,
    mailbox: &'a str,
    received: u64,
    sent: u64,
    refused: Vec<Refused<'a>>,
    missing: &'a [String],
}

#[derive(Serialize)]
struct Refused<'a> {
    uid: u32,
    because: &'a str,
}

fn replicate(call: &mut Call<'_>) -> Outcome {
    let done = call.engine()?.replicate()?;
    let is_whole = done.refused.is_empty() && done.missing.is_empty();
    if call.output.json() {
        let refused = done.refused.iter().map(|(uid, because)| Refused { uid: *uid, because }).collect();
        call.output.document(&Replication {
            schema: "casemail.replication/1",
            ok: is_whole,
            account: &done.account,
            mailbox: &done.mailbox,
            received: done.received,
            sent: done.sent,
            refused,
            missing: &done.missing,
        })?;
    } else {
        call.output.line(&format!(
            "{}/{}: {} records came, {} were handed over",
            done.account, done.mailbox, done.received, done.sent
        ))?;
    }
    for (uid, because) in &done.refused {
        call.output.say(&format!("message {uid} of {} was refused: {because}", done.mailbox));
    }
    for words in &done.missing {
        call.output.say(words);
    }
    Ok(Exit::Done)
}

fn read(call: &mut Call<'_>, file: &std::path::Path) -> Result<Vec<u8>, Failure> {
    use std::io::Read as _;
    let fail = |error: std::io::Error| Failure::new(Exit::BadData, format!("{}: {error}", file.display()));
    let mut text = Vec::new();
    if file == std::path::Path::new("-") {
        (&mut *call.stdin).take(FILE_BYTES_MAX).read_to_end(&mut text).map_err(fail)?;
    } else {
        let opened = std::fs::File::open(call.cwd.join(file)).map_err(fail)?;
        opened.take(FILE_BYTES_MAX).read_to_end(&mut text).map_err(fail)?;
    }
    Ok(text)
}

fn show(call: &mut Call<'_>, case: Option<&str>, limit: Option<usize>) -> Outcome {
    let engine = call.engine()?;
    let lines = match case {
        None => engine.register_lines()?,
        Some(id) => engine.chronology(&super::case::find(call, id)?.id)?,
    };
    let skipped = limit.map_or(0, |limit| lines.len().saturating_sub(limit));
    let shown = lines.get(skipped..).unwrap_or_default();
    if call.output.json() {
        call.output.document(&Records { schema: "casemail.register/1", records: shown, total: lines.len() })?;
    } else {
        for line in shown {
            call.output.line(&line.text())?;
        }
        if skipped > 0 {
            call.output.say(&format!("the last {} of {}", shown.len(), listed::count(lines.len(), "record")));
        }
        for words in engine.register_damage()? {
            call.output.say(&words);
        }
    }
    Ok(Exit::Done)
}

fn told(call: &mut Call<'_>, verification: &Verification) -> Result<(), Failure> {
    let broken = |stream: &'_ register::StreamVerified| stream.broken.clone();
    if call.output.json() {
        let streams: Vec<Stream<'_>> = verification
            .streams
            .iter()
            .map(|stream| Stream {
                device: &stream.device,
                name: &stream.name,
                records: stream.records,
                signed_at: stream.signed_at,
                ok: stream.broken.is_none(),
                broken: stream.broken.as_ref().map(|(record, because)| Broken {
                    device: &stream.device,
                    record: *record,
                    because,
                }),
                vouched: stream
                    .vouched
                    .iter()
                    .map(|one| Vouched { by: &one.by, who: &one.who, proof: one.proof.name() })
                    .collect(),
            })
            .collect();
        let first_broken = streams.iter().find_map(|stream| stream.broken.clone());
        call.output.document(&Document {
            schema: "casemail.verification/1",
            ok: verification.is_whole(),
            streams,
            first_broken,
            damage: &verification.damage,
        })?;
        return Ok(());
    }
    for stream in &verification.streams {
        let whose = format!("{} ({})", stream.device, stream.name);
        let count = listed::count(usize::try_from(stream.records).unwrap_or(usize::MAX), "record");
        let words = match broken(stream) {
            None => format!("{whose}: {count}, whole"),
            Some((record, because)) => format!("{whose}: BROKEN at record {record}: {because}"),
        };
        call.output.line(&words)?;
        for one in &stream.vouched {
            let broken = if one.proof == register::VouchProof::Forged { "BROKEN: " } else { "" };
            call.output.line(&format!("    {broken}{}", one.words()))?;
        }
        if stream.vouched.is_empty() {
            call.output.line(&format!("    {}", register::NOBODY))?;
        }
    }
    for words in &verification.damage {
        call.output.line(&format!("BROKEN: {words}"))?;
    }
    if verification.streams.is_empty() && verification.damage.is_empty() {
        call.output.line("the register is empty")?;
    }
    Ok(())
}
