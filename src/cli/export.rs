//! `case export`, `thread export`, `message export`, `case bundle` and `export verify`.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::args::{ExportFormat, ExportTo};
use super::call::Call;
use super::exit::{Exit, Failure, Outcome};
use super::progress::Bar;
use crate::case::document::Direction;
use crate::engine::export::{self, Choice, Chosen, Exported, Form, Order, Progress, Subject};
use crate::export::{Entry, Finding, LeftOut, verify};

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    directory: String,
    archive: Option<String>,
    /// Documents that were written and read again.
    written: usize,
    /// Documents that were there already, identical.
    already: usize,
    manifest: &'a str,
    signed_by: Option<&'a str>,
    files: Vec<Line<'a>>,
    left_out: &'a [LeftOut],
    /// Somebody else's files that lay under a name of ours: that name, and the one that they have now.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    aside: &'a [(String, String)],
}

#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    entry: &'a Entry,
    already: bool,
}

/// Exports, and says what was done.
pub(super) fn run(call: &mut Call<'_>, subject: Subject, options: &ExportTo) -> Outcome {
    let form = match options.format {
        ExportFormat::Files => Form::Files,
        ExportFormat::Mbox => Form::Mbox,
        ExportFormat::Maildir => Form::Maildir,
        ExportFormat::Zip => Form::Zip,
    };
    let to = place(call, options.to.as_deref())?;
    let order = Order { subject, form, decrypt: options.decrypt, to };
    let bar = Bar::new(call.is_interactive, options.progress);
    let done = call.engine()?.export(order, &|progress| tell(&bar, &progress));
    bar.end();
    print(call, &done?)
}

/// Where something is written: where somebody says, else where the configuration says.
fn place(call: &Call<'_>, to: Option<&Path>) -> Result<PathBuf, Failure> {
    if let Some(to) = to {
        return Ok(call.cwd.join(to));
    }
    let configured = call.engine()?.config().export_directory.clone();
    configured.ok_or_else(|| {
        let words = "say where to: --to DIR, or `directory = \"~/matters\"` below `[export]` in config.toml";
        Failure::new(Exit::Usage, words)
    })
}

fn tell(bar: &Bar, now: &Progress) -> bool {
    let words = format!("{} of {} messages, {} documents", now.done, now.of, now.documents);
    bar.tell(now.share(), &words, now.bytes);
    true
}

fn print(call: &mut Call<'_>, done: &Exported) -> Outcome {
    let [(written, already), _] = done.counts();
    if call.output.json() {
        call.output.document(&Document {
            schema: "casemail.exported/1",
            directory: done.directory.display().to_string(),
            archive: done.archive.as_ref().map(|path| path.display().to_string()),
            written,
            already,
            manifest: &done.manifest,
            signed_by: done.signed_by.as_deref(),
            files: done.files.iter().map(|(entry, already)| Line { entry, already: *already }).collect(),
            left_out: &done.left_out,
            aside: &done.aside,
        })?;
    } else {
        for (entry, already) in &done.files {
            let flags = if entry.flags.is_empty() { String::new() } else { format!(" ({})", entry.flags.join(", ")) };
            let there = if *already { ", there already" } else { "" };
            call.output.line(&format!("{}{flags}{there}", done.directory.join(&entry.path).display()))?;
        }
        if let Some(archive) = &done.archive {
            call.output.line(&archive.display().to_string())?;
        }
    }
    for one in &done.left_out {
        call.output.say(&format!("left out: {}: {}", one.what, one.because));
    }
    call.output.say(&format!("{}.", done.words()));
    Ok(if done.files.is_empty() { Exit::No } else { Exit::Done })
}

#[derive(Serialize)]
struct Verified<'a> {
    schema: &'static str,
    ok: bool,
    checked: u64,
    findings: &'a [Finding],
    signed: &'a [String],
}

/// Reads an export again.
pub(super) fn verify(call: &mut Call<'_>, dir: &Path, progress: bool) -> Outcome {
    let dir = call.cwd.join(dir);
    let (keyring, now) = (call.keyring()?, call.now());
    let bar = Bar::new(call.is_interactive, progress);
    let judge = |text: &[u8], signature: &[u8]| export::judge(&keyring, text, signature, now);
    let found = verify::verify(&dir, &judge, &|far| {
        let share = if far.of == 0 { 0.0 } else { far.files as f64 / far.of as f64 };
        bar.tell(share, &format!("{} of {} files", far.files, far.of), far.bytes);
        true
    });
    bar.end();
    let ok = found.is_sound();
    if call.output.json() {
        call.output.document(&Verified {
            schema: "casemail.verification/1",
            ok,
            checked: found.checked,
            findings: &found.findings,
            signed: &found.signed,
        })?;
    } else {
        for one in &found.findings {
            call.output.line(&format!("{}: {}", one.place, one.what))?;
        }
        for words in &found.signed {
            call.output.line(words)?;
        }
        if ok {
            let signed = if found.signed.is_empty() { "; not signed" } else { "" };
            call.output.line(&format!("{} files as they were written{signed}", found.checked))?;
        }
    }
    Ok(if ok { Exit::Done } else { Exit::No })
}

/// One PDF of the documents of a case.
pub(super) fn bundle(
    call: &mut Call<'_>,
    subject: Subject,
    to: Option<&Path>,
    documents: &[String],
    mail: bool,
    progress: bool,
) -> Outcome {
    let path = place(call, to)?;
    let choice = Choice { documents: documents.to_vec(), mail };
    let bar = Bar::new(call.is_interactive, progress);
    let done = call.engine()?.bundle(subject, &path, &choice, &|progress| tell(&bar, &progress));
    bar.end();
    let done = done?;
    if call.output.json() {
        call.output.document(&done)?;
    } else {
        for one in &done.documents {
            let pages = match &one.because {
                Some(because) => format!("not included: {because}"),
                None => format!("pages {}-{}", one.first, one.last),
            };
            let note = one.note.as_ref().map(|note| format!("; {note}")).unwrap_or_default();
            call.output.line(&format!("{}: {pages}{note}", one.name))?;
        }
    }
    call.output.say(&done.words());
    Ok(Exit::Done)
}

/// The case of a name, for an export; of its documents only those whose name is, or whose digest begins with, one of these texts, where there are any.
pub(super) fn of_case(call: &mut Call<'_>, id: &str, documents: &[String]) -> Result<Subject, Failure> {
    if documents.is_empty() {
        return case(call, id);
    }
    let case = super::case::find(call, id)?.id;
    let choice = Choice { documents: documents.to_vec(), mail: false };
    let mut all = call.engine()?.documents(&case)?;
    all.retain(|one| choice.has(&one.name, &one.sha256));
    all.sort_by_key(|one| one.is_shut_along());
    let mut seen = std::collections::HashSet::new();
    all.retain(|one| (one.message.is_some() || one.direction == Direction::ByHand) && seen.insert(one.sha256.clone()));
    let chosen = Chosen::of(Some(case), all);
    if chosen.is_empty() {
        return Err(Failure::no("the case has no such document that can be written out"));
    }
    Ok(Subject::Documents(chosen))
}

/// The case of a name, for an export.
pub(super) fn case(call: &Call<'_>, id: &str) -> Result<Subject, Failure> {
    Ok(Subject::Case(super::case::find(call, id)?.id))
}
