//! `message flag | move | archive | delete | append` and `change list | undo`: what is done to messages, here at once, and on the servers where
//! they can be reached.

use jiff::Timestamp;
use serde::Serialize;

use super::args;
use super::call::Call;
use super::exit::{Exit, Failure, Outcome};
use super::listed::count;
use super::source::Source;
use crate::app::effect::{Deed, FlagChange};
use crate::engine::query::{Changed, WaitingListed};
use crate::engine::{Engine, EngineError};
use crate::mail::id::MessageRef;
use crate::store::flags::Flags;

/// What became of it, for scripts.
#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    /// In words.
    done: Vec<&'a str>,
    /// The numbers by which it can be taken back, or of what was taken back.
    steps: Vec<u64>,
    /// How many messages were changed.
    messages: usize,
    /// The servers know, and did it.
    told: bool,
    /// A server refused it, or a part of it: what it has is shown again.
    refused: bool,
    /// What they were not told yet, with the reason.
    waiting: Vec<Line<'a>>,
}

#[derive(Serialize)]
struct Waiting<'a> {
    schema: &'static str,
    changes: Vec<Line<'a>>,
}

#[derive(Serialize)]
struct Line<'a> {
    seq: u64,
    step: u64,
    account: &'a str,
    words: &'a str,
    messages: usize,
    at: Timestamp,
    state: &'static str,
    why: &'a str,
    /// A message is kept with it, and nowhere else.
    keeps_message: bool,
}

impl<'a> Line<'a> {
    fn of(row: &'a WaitingListed) -> Self {
        Self {
            seq: row.seq,
            step: row.step,
            account: &row.account,
            words: &row.words,
            messages: row.messages,
            at: row.at,
            state: row.state,
            why: &row.why,
            keeps_message: row.keeps,
        }
    }
}

/// The messages that arguments name.
fn find(call: &Call<'_>, messages: &[String]) -> Result<Vec<MessageRef>, Failure> {
    let engine = call.engine()?;
    messages.iter().map(|text| Source::of(text, &call.cwd)?.find(engine)).collect()
}

/// Does things to messages, one after the other, then tells the servers.
fn do_all(call: &mut Call<'_>, messages: &[String], deeds: &[Deed]) -> Outcome {
    let engine = call.engine()?;
    let found = find(call, messages)?;
    let (mut done, mut refused) = (Vec::new(), Vec::new());
    for deed in deeds {
        match engine.change(&found, deed) {
            Ok(changed) => done.push(changed),
            Err(error @ EngineError::SoAlready) if deeds.len() > 1 || matches!(deed, Deed::Flag(_)) => {
                call.output.say(&error.to_string());
            }
            // What came before it is done all the same.
            Err(error @ EngineError::Refused(_)) if deeds.len() > 1 => refused.push(error),
            Err(error) => return Err(error.into()),
        }
    }
    if done.is_empty()
        && let Some(error) = refused.pop()
    {
        return Err(error.into());
    }
    refused.iter().for_each(|error| call.output.say(&error.to_string()));
    finish(call, engine, &done, !refused.is_empty())
}

/// Tells the servers and says how that went. `is_refused`: a part was refused here already.
fn finish(call: &mut Call<'_>, engine: &Engine, done: &[Changed], is_refused: bool) -> Outcome {
    let mut accounts: Vec<String> = done.iter().flat_map(|changed| changed.accounts.iter().cloned()).collect();
    accounts.sort();
    accounts.dedup();
    let waiting = engine.tell_changes(&accounts)?;
    // What waits for a person since an earlier call is not this call's answer.
    let steps: Vec<u64> = done.iter().map(|changed| changed.step).filter(|step| *step > 0).collect();
    let (held, waiting): (Vec<_>, Vec<_>) = waiting.into_iter().partition(is_held);
    let held: Vec<WaitingListed> = held.into_iter().filter(|row| steps.contains(&row.step)).collect();
    // Whoever names no step tells all that waited.
    let refused = engine.refused_changes()?;
    let is_refused = is_refused || refused.iter().any(|step| steps.is_empty() || steps.contains(step));
    if call.output.json() {
        let document = Document {
            schema: "casemail.changed/1",
            done: done.iter().map(|changed| changed.words.as_str()).collect(),
            steps,
            messages: done.iter().map(|changed| changed.messages).max().unwrap_or(0),
            told: waiting.is_empty() && held.is_empty() && !is_refused,
            refused: is_refused,
            waiting: waiting.iter().chain(&held).map(Line::of).collect(),
        };
        call.output.document(&document)?;
    } else {
        for changed in done {
            call.output.say(&changed.words);
        }
    }
    for row in &held {
        let step = row.step;
        call.output.say(&format!(
            "{}: {}: {}; the message is kept here: `casemail change retry {step}` tells the server again, `change save {step} --to FILE` writes \
             it to a file, `change undo {step}` gives it up",
            row.words, row.state, row.why
        ));
    }
    Ok(match (held.first(), waiting.first()) {
        (Some(_), _) => Exit::No,
        // The notice says what and why.
        (None, _) if is_refused => Exit::No,
        (None, None) => Exit::Done,
        (None, Some(first)) => {
            let why = if first.why.is_empty() { "the server was not reached" } else { &first.why };
            call.output.say(&format!(
                "{}: the server does not know yet: {why}; it is told with the next connection",
                count(waiting.len(), "change")
            ));
            Exit::TryLater
        }
    })
}

/// Whether it waits for a person.
fn is_held(row: &WaitingListed) -> bool {
    matches!(row.state, "failed" | "uncertain")
}

/// `message flag`.
pub(super) fn flag(call: &mut Call<'_>, messages: &[String], set: &[String], clear: &[String]) -> Outcome {
    if set.is_empty() && clear.is_empty() {
        return Err(Failure::new(Exit::Usage, "say which flags: --set seen, --clear flagged"));
    }
    if let Some(both) = set.iter().find(|flag| clear.iter().any(|other| other.eq_ignore_ascii_case(flag))) {
        return Err(Failure::new(Exit::Usage, format!("{both:?} cannot be both set and cleared")));
    }
    let mut deeds = Vec::new();
    for (flag, on) in set.iter().map(|flag| (flag, true)).chain(clear.iter().map(|flag| (flag, false))) {
        deeds.push(deed(flag, on)?);
    }
    do_all(call, messages, &deeds)
}

/// A flag by its word, or a keyword (RFC 9051 §9 `flag-keyword`).
fn deed(flag: &str, on: bool) -> Result<Deed, Failure> {
    Ok(Deed::Flag(match flag.to_ascii_lowercase().as_str() {
        "seen" => FlagChange::Seen(on),
        "flagged" => FlagChange::Flagged(on),
        "deleted" => FlagChange::Deleted(on),
        "answered" => FlagChange::Answered(on),
        _ => {
            let atom =
                |b: u8| b.is_ascii_graphic() && !matches!(b, b'(' | b')' | b'{' | b'%' | b'*' | b'"' | b'\\' | b']');
            if flag.is_empty() || !flag.bytes().all(atom) {
                let words =
                    format!("{flag:?} is no flag: seen, flagged, answered, deleted, or a keyword of plain ASCII");
                return Err(Failure::new(Exit::Usage, words));
            }
            return Ok(Deed::Keyword(flag.to_owned(), on));
        }
    }))
}

/// `message move`.
pub(super) fn move_to(call: &mut Call<'_>, messages: &[String], mailbox: &str, create: bool) -> Outcome {
    do_all(call, messages, &[Deed::Move { account: None, mailbox: mailbox.to_owned(), create }])
}

/// `message archive`.
pub(super) fn archive(call: &mut Call<'_>, messages: &[String], create: bool) -> Outcome {
    do_all(call, messages, &[Deed::Archive { create }])
}

/// `message delete`.
pub(super) fn delete(call: &mut Call<'_>, messages: &[String], for_ever: bool) -> Outcome {
    do_all(call, messages, &[if for_ever { Deed::Expunge } else { Deed::Delete }])
}

/// `message append`.
pub(super) fn append(call: &mut Call<'_>, file: &str, mailbox: &str, seen: bool, create: bool) -> Outcome {
    let engine = call.engine()?;
    let raw = Source::of(file, &call.cwd)?;
    if !raw.is_bare() {
        return Err(Failure::new(Exit::Usage, "this takes a file or `-`, not a message of the profile"));
    }
    let raw = crlf(&raw.read(&call.cwd, call.stdin)?);
    let flags = Flags::new(if seen { Flags::SEEN } else { 0 }, Vec::new());
    let done = engine.append(call.account.as_deref(), mailbox, raw, flags, create)?;
    finish(call, engine, &[done], false)
}

/// Lines end in CRLF on the wire (RFC 5322 §2.1).
fn crlf(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len().saturating_add(raw.len() / 32));
    let mut last = 0;
    for &byte in raw {
        if byte == b'\n' && last != b'\r' {
            out.push(b'\r');
        }
        out.push(byte);
        last = byte;
    }
    out
}

/// Writes a message to a new file, or to standard output.
fn save(call: &mut Call<'_>, to: &str, raw: &[u8]) -> Outcome {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    if to == "-" {
        call.output.bytes(raw)?;
        return Ok(Exit::Done);
    }
    let path = call.cwd.join(to);
    let opened = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
    let written = opened.and_then(|mut file| file.write_all(raw).and_then(|()| file.sync_all()));
    written.map_err(|why| Failure::new(Exit::CannotWrite, format!("{}: {why}", path.display())))?;
    call.output.say(&format!("saved: {}", path.display()));
    Ok(Exit::Done)
}

/// `change …`.
pub(super) fn run(call: &mut Call<'_>, command: &args::Change) -> Outcome {
    let engine = call.engine()?;
    match command {
        args::Change::List => {
            let rows = engine.waiting_changes()?;
            if call.output.json() {
                let changes = rows.iter().map(Line::of).collect();
                call.output.document(&Waiting { schema: "casemail.changes/1", changes })?;
            } else {
                let cells = |row: &WaitingListed| {
                    vec![
                        row.step.to_string(),
                        row.state.to_owned(),
                        row.account.clone(),
                        row.words.clone(),
                        row.why.clone(),
                    ]
                };
                let rows: Vec<_> = rows.iter().map(cells).collect();
                call.output.table(&rows)?;
                if rows.is_empty() {
                    call.output.say("the servers know of everything");
                }
            }
            Ok(Exit::Done)
        }
        args::Change::Undo { step } => {
            let done = engine.undo(*step)?;
            finish(call, engine, &[done], false)
        }
        args::Change::Tell => {
            let accounts: Vec<String> = engine.config().accounts.iter().map(|account| account.name.clone()).collect();
            let wanted: Vec<String> = match &call.account {
                Some(name) => accounts.into_iter().filter(|account| account == name).collect(),
                None => engine.waiting_changes()?.into_iter().map(|row| row.account).collect(),
            };
            let done = Changed { accounts: wanted, ..Changed::default() };
            finish(call, engine, &[Changed { words: "told what waited".to_owned(), ..done }], false)
        }
        args::Change::Retry { step } => {
            let done = engine.retry_change(*step)?;
            finish(call, engine, &[done], false)
        }
        args::Change::Save { step, to } => {
            let raw = engine.kept_message(*step)?;
            save(call, to, &raw)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Deed, FlagChange, crlf, deed};

    #[test]
    fn flags_by_their_words_and_keywords_as_they_are() {
        assert_eq!(deed("Seen", true).unwrap(), Deed::Flag(FlagChange::Seen(true)));
        assert_eq!(deed("$Forwarded", false).unwrap(), Deed::Keyword("$Forwarded".into(), false));
        assert!(deed("two words", true).is_err() && deed("\\Seen", true).is_err() && deed("", true).is_err());
    }

    #[test]
    fn line_ends() {
        assert_eq!(crlf(b"a\nb\r\n\nc"), b"a\r\nb\r\n\r\nc");
    }
}
