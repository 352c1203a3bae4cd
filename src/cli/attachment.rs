//! `attachment list | export`.

use std::path::Path;
use std::sync::Arc;

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::args;
use super::call::Call;
use super::exit::{Exit, Failure, Outcome};
use super::listed;
use super::source::Source;
use crate::engine::files;
use crate::engine::query::Filter;
use crate::mail::display;
use crate::mail::message::Message;
use crate::pgp::file::{self, OpenedFile};
use crate::pgp::keyring::Keyring;
use crate::pgp::open::{self, Decrypt, Terms};
use crate::pgp::report::OpenPgp;
use crate::pgp::sentence;

#[derive(Serialize)]
struct Attachments {
    schema: &'static str,
    attachments: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    message: Option<String>,
    path: String,
    name: String,
    media_type: String,
    bytes: u64,
    sha256: String,
    kind: &'static str,
    exported: Option<String>,
    /// What OpenPGP says of this file alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    openpgp: Option<OpenPgp>,
}

/// A message that attachments are taken from.
struct Holder {
    name: Option<String>,
    raw: Arc<[u8]>,
}

/// The attachments of a message, each with its content.
fn attachments(
    holder: &Holder,
    keyring: &Keyring,
    now: jiff::Timestamp,
    decrypt: bool,
) -> Vec<Result<(Line, Vec<u8>), Failure>> {
    let message = Message::parse(Arc::clone(&holder.raw));
    let terms = Terms::at(now, Decrypt::Any);
    let opened = open::open_with(&message, keyring, &terms);
    let files = file::files(&opened, keyring, &terms);
    let found = display::body(&opened.shown).attachments;
    let line = |one: display::AttachmentInfo| {
        let sealed = decrypt.then(|| file::open_file(&opened, one.part, keyring, &terms)).flatten();
        if let Some(file) = sealed {
            return decrypted(holder, one, file);
        }
        let content = opened.shown.parts().get(one.part).map(|part| opened.shown.content(part)).unwrap_or_default();
        let line = Line {
            message: holder.name.clone(),
            path: one.path,
            name: one.name,
            media_type: one.media_type,
            bytes: content.len() as u64,
            sha256: hex::encode(Sha256::digest(&content)),
            kind: one.disposition.as_str(),
            exported: None,
            openpgp: files.iter().find(|file| file.part == one.part).map(|file| file.openpgp.clone()),
        };
        Ok((line, content))
    };
    found.into_iter().map(line).collect()
}

/// What was in an encrypted file; fails where it stays closed, so that nothing half is written.
fn decrypted(holder: &Holder, one: display::AttachmentInfo, file: OpenedFile) -> Result<(Line, Vec<u8>), Failure> {
    let Some(content) = file.content else {
        let said = sentence::of_file(&file.name, &file.openpgp, &file.warnings);
        let words = said.map_or_else(|| format!("“{}” holds no ciphertext.", file.name), |(_, words)| words);
        return Err(Failure::no(format!("part {}: {words}", one.path)));
    };
    let line = Line {
        message: holder.name.clone(),
        path: one.path,
        name: file.name,
        media_type: "application/octet-stream".to_owned(),
        bytes: content.len() as u64,
        sha256: hex::encode(Sha256::digest(&content)),
        kind: one.disposition.as_str(),
        exported: None,
        openpgp: Some(file.openpgp),
    };
    Ok((line, content.to_vec()))
}

fn holder(call: &mut Call<'_>, text: &str) -> Result<Holder, Failure> {
    let source = Source::of(text, &call.cwd)?;
    if source.is_bare() {
        return Ok(Holder { name: None, raw: source.read(&call.cwd, call.stdin)?.into() });
    }
    let found = source.fetch(call.engine()?)?;
    Ok(Holder { name: Some(found.id.to_string()), raw: found.raw })
}

pub(super) fn run(call: &mut Call<'_>, command: &args::Attachment) -> Outcome {
    match command {
        args::Attachment::List { messages, scope } => {
            let names = if messages.is_empty() { with_attachments(call, scope)? } else { messages.clone() };
            let mut lines = Vec::new();
            let (keyring, now) = (call.keyring()?, call.now());
            for name in names {
                let holder = holder(call, &name)?;
                let found = attachments(&holder, &keyring, now, false);
                lines.extend(found.into_iter().flatten().map(|(line, _)| line));
            }
            print(call, lines)
        }
        args::Attachment::Export { message, parts, decrypt, to } => {
            let holder = holder(call, message)?;
            let (keyring, now) = (call.keyring()?, call.now());
            let found = attachments(&holder, &keyring, now, *decrypt).into_iter().collect::<Result<Vec<_>, _>>()?;
            if let Some(absent) = parts.iter().find(|path| !found.iter().any(|(line, _)| line.path == **path)) {
                return Err(Failure::no(format!("the message has no attachment {absent:?}")));
            }
            let dir = call.cwd.join(to);
            let mut lines = Vec::new();
            for (mut line, content) in found {
                if parts.is_empty() || parts.contains(&line.path) {
                    line.exported = Some(write(&dir, &line, &content)?);
                    lines.push(line);
                }
            }
            print(call, lines)
        }
    }
}

/// Messages that hold some, of the scope.
fn with_attachments(call: &Call<'_>, scope: &args::Scope) -> Result<Vec<String>, Failure> {
    let filter = Filter { account: call.account.clone(), scope: listed::scope(scope), ..Filter::default() };
    let listing = call.engine()?.messages(&filter)?;
    let holding =
        listing.messages.into_iter().filter(|listed| listed.attachments > 0).map(|listed| listed.id.to_string());
    Ok(holding.take(scope.limit.unwrap_or(usize::MAX)).collect())
}

/// Writes a file for the owner alone, never over another one; one of the same name and content is left as it is.
fn write(dir: &Path, line: &Line, content: &[u8]) -> Result<String, Failure> {
    let fail = |words: String| Failure::new(Exit::CannotWrite, words);
    std::fs::create_dir_all(dir).map_err(|error| fail(format!("{}: cannot be written: {error}", dir.display())))?;
    Ok(files::save(dir, &line.name, content).map_err(fail)?.path.display().to_string())
}

fn print(call: &mut Call<'_>, lines: Vec<Line>) -> Outcome {
    if call.output.json() {
        call.output.document(&Attachments { schema: "casemail.attachments/1", attachments: lines })?;
    } else {
        let cells = |line: &Line| {
            vec![
                line.path.clone(),
                format!("{} bytes", line.bytes),
                line.media_type.clone(),
                line.exported.clone().unwrap_or_else(|| line.name.clone()),
                line.message.clone().unwrap_or_default(),
            ]
        };
        let rows: Vec<Vec<String>> = lines.iter().map(cells).collect();
        call.output.table(&rows)?;
    }
    Ok(Exit::Done)
}
