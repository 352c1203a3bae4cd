//! `attachment list | export`.

use std::collections::{BTreeMap, HashMap};
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use super::args;
use super::call::Call;
use super::case;
use super::exit::{Exit, Failure, Outcome};
use super::listed;
use super::source::Source;
use crate::case::document::{Direction, Document, Kind, Kinds, OUT_OF_REACH, OUT_OF_REACH_TYPE, Reach, Unseen};
use crate::engine::company::Company;
use crate::engine::files;
use crate::engine::inside::{self, Inner, Place, attachment, files_in, is_within, may_be_package};
use crate::engine::query::Filter;
use crate::engine::reading::Look;
use crate::engine::sandbox;
use crate::engine::streamed::{InnerContent, Kept, Streamed, unreadable};
use crate::look::Asked;
use crate::mail::display;
use crate::mail::id::MessageRef;
use crate::mail::safe::SafeText;
use crate::pgp::file::OpenedFile;
use crate::pgp::keyring::Keyring;
use crate::pgp::large::Plain;
use crate::pgp::open::{Decrypt, Terms};
use crate::pgp::report::OpenPgp;
use crate::pgp::sentence;
use crate::register::event::AttachmentFacts;

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
    /// By its name: `MG5`, `OTHER`, `LINK`.
    kind: String,
    /// Where it was written to now; for a list, when it was last written out.
    exported: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    disposition: Option<&'static str>,
    /// Of the documents of a case.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    facts: Option<Facts>,
    /// What OpenPGP says of this file alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    openpgp: Option<OpenPgp>,
    /// The package that it is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    inside: Option<InsideLine>,
    /// Why it is not known what all is in it: `encrypted`, `deep`, `many`, `large`.
    #[serde(skip_serializing_if = "Option::is_none")]
    unseen: Option<&'static str>,
}

/// The attachment that a file is in.
#[derive(Serialize)]
struct InsideLine {
    path: String,
    sha256: String,
}

/// What the register knows of a document of a case.
#[derive(Serialize)]
struct Facts {
    from: String,
    direction: &'static str,
    sent_date: Option<String>,
    received_date: Option<String>,
    first_seen_date: Option<String>,
    deemed_served: String,
    signed_by: String,
    seen: bool,
    link: Option<String>,
    state: &'static str,
    /// The name of what it is shut for, where that is in it or in one package with it.
    #[serde(skip_serializing_if = "String::is_empty")]
    because: String,
}

/// The documents of a case; what is in quarantine is named by nothing but its digest.
fn of_case(call: &mut Call<'_>, id: &str, limit: Option<usize>) -> Outcome {
    let case = case::find(call, id)?;
    let (documents, absent) = call.engine()?.documents_and_absent(&case.id)?;
    let shut = documents.iter().filter(|one| one.reach == Reach::Quarantined).count();
    let line = |one: Document| Line {
        message: one.message.as_ref().map(ToString::to_string),
        path: one.path,
        name: one.name,
        media_type: one.media_type,
        bytes: one.bytes,
        sha256: one.sha256,
        kind: one.kind.code.clone(),
        exported: one.exported.map(|at| at.to_string()),
        disposition: None,
        facts: Some(Facts {
            from: one.from,
            direction: one.direction.name(),
            sent_date: one.sent.map(|at| at.to_string()),
            received_date: one.received.map(|at| at.to_string()),
            first_seen_date: one.first_seen.map(|at| at.to_string()),
            deemed_served: one.deemed_served,
            signed_by: one.signed_by,
            seen: one.seen,
            link: Some(one.link).filter(|link| !link.is_empty()),
            state: match one.reach {
                Reach::Open => "open",
                Reach::Watched => "watched",
                Reach::Quarantined => "quarantined",
            },
            because: one.because,
        }),
        openpgp: None,
        unseen: one.unseen.map(Unseen::code),
        inside: one.inside.map(|package| InsideLine { path: package.path, sha256: package.sha256 }),
    };
    if absent > 0 {
        call.output
            .say(&format!("{absent} messages are not here: what came with them is not listed; an export fetches them"));
    }
    if shut > 0 {
        call.output.say(&format!("{shut} in quarantine: neither searched nor exported"));
    }
    print(call, documents.into_iter().take(limit.unwrap_or(usize::MAX)).map(line).collect())
}

/// A message that attachments are taken from.
struct Holder {
    name: Option<MessageRef>,
    message: Streamed,
}

/// What an attachment holds.
enum Content {
    /// As it came: a part of the message.
    Part(usize),
    /// Decrypted.
    Plain(Plain),
    /// In the attachment of this part.
    Within(usize),
}

/// The attachments of a message, each with what it holds.
fn attachments(
    holder: &Holder,
    keyring: &Keyring,
    terms: &Terms<'_>,
    decrypt: bool,
    kinds: &Kinds,
) -> Vec<Result<(Line, Content), Failure>> {
    let Some(reading) = &holder.message.reading else { return Vec::new() };
    let files = &reading.beside.files;
    let line = |one: &display::AttachmentInfo| {
        if decrypt {
            let opened = holder.message.open_file(one.part, keyring, terms, &|_| Ok(()));
            let opened = opened.map_err(|error| {
                let exit = if error.kind() == ErrorKind::StorageFull { Exit::CannotWrite } else { Exit::BadData };
                Failure::new(exit, format!("part {}: it could not be decrypted: {error}", one.path))
            });
            if let Some(file) = opened? {
                return decrypted(holder, one, file, kinds);
            }
        }
        let line = Line {
            message: holder.name.as_ref().map(ToString::to_string),
            path: one.path.clone(),
            name: one.name.clone(),
            media_type: one.media_type.clone(),
            bytes: one.bytes,
            sha256: one.sha256.clone(),
            kind: kinds.of(&one.name, &one.media_type).code.clone(),
            exported: None,
            disposition: Some(one.disposition.as_str()),
            facts: None,
            openpgp: files.iter().find(|file| file.part == one.part).map(|file| file.openpgp.clone()),
            inside: None,
            unseen: reading.files_of(one.part).first().and_then(|one| one.holds.unseen).map(Unseen::code),
        };
        Ok((line, Content::Part(one.part)))
    };
    let mut lines = Vec::new();
    for one in &reading.body.attachments {
        let made = line(one);
        let within = match &made {
            Ok((outer, Content::Part(_))) => {
                let files = reading.files_of(one.part).iter().skip(1);
                files.map(|file| (within(outer, file, kinds), Content::Within(one.part))).collect()
            }
            Ok((outer, Content::Plain(plain))) if may_be_package(&outer.name, &outer.media_type) => {
                within_plain(outer, plain, kinds)
            }
            _ => Vec::new(),
        };
        lines.push(made);
        lines.extend(within.into_iter().map(Ok));
    }
    lines
}

/// A file in an attachment.
fn within(outer: &Line, file: &AttachmentFacts, kinds: &Kinds) -> Line {
    Line {
        message: outer.message.clone(),
        path: file.path.clone(),
        name: file.name.clone(),
        media_type: file.media_type.clone(),
        bytes: file.bytes,
        sha256: file.sha256.to_string(),
        kind: kinds.of(&file.name, &file.media_type).code.clone(),
        exported: None,
        disposition: outer.disposition,
        facts: None,
        openpgp: None,
        inside: Some(InsideLine { path: outer.path.clone(), sha256: outer.sha256.clone() }),
        unseen: file.holds.unseen.map(Unseen::code),
    }
}

/// The files in what was in an encrypted file, each with its content.
fn within_plain(outer: &Line, plain: &Plain, kinds: &Kinds) -> Vec<(Line, Content)> {
    let (mut content, mut lines) = (Vec::new(), Vec::new());
    if plain.bytes() > crate::look::BYTES_MAX as u64 || plain.write(&mut content).is_err() {
        return lines;
    }
    let named = (outer.name.as_str(), outer.media_type.as_str(), outer.path.as_str());
    let taken = files_in(&content, named, &mut |file: &Inner<'_>| {
        let mut held = Vec::new();
        file.write(&mut held)?;
        lines.push((within(outer, &file.fact(), kinds), Content::Plain(Plain::Held(held.into()))));
        Ok::<(), std::io::Error>(())
    });
    if taken.is_err() { Vec::new() } else { lines }
}

fn unread(path: &str, error: &std::io::Error) -> Failure {
    Failure::new(Exit::BadData, format!("part {path}: it cannot be read: {error}"))
}

/// What was in an encrypted file; fails where it stays closed, so that nothing half is written.
fn decrypted(
    holder: &Holder,
    one: &display::AttachmentInfo,
    file: OpenedFile,
    kinds: &Kinds,
) -> Result<(Line, Content), Failure> {
    let Some(content) = file.content else {
        let said = sentence::of_file(&file.name, &file.openpgp, &file.warnings);
        let words = said.map_or_else(|| format!("“{}” holds no ciphertext.", file.name), |(_, words)| words);
        return Err(Failure::no(format!("part {}: {words}", one.path)));
    };
    let sha256 = inside::digest_of(&content).map_err(|error| unread(&one.path, &error))?;
    let kind = kinds.of(&file.name, &one.media_type).code.clone();
    let line = Line {
        message: holder.name.as_ref().map(ToString::to_string),
        path: one.path.clone(),
        name: file.name,
        media_type: "application/octet-stream".to_owned(),
        bytes: content.bytes(),
        sha256,
        kind,
        exported: None,
        disposition: Some(one.disposition.as_str()),
        facts: None,
        openpgp: Some(file.openpgp),
        inside: None,
        unseen: None,
    };
    Ok((line, Content::Plain(content)))
}

/// A message, read with who is who in its cases.
fn holder(call: &mut Call<'_>, text: &str, keyring: &Keyring, now: Timestamp) -> Result<(Holder, Company), Failure> {
    let source = Source::of(text, &call.cwd)?;
    if !source.is_bare() {
        let engine = call.engine()?;
        let name = source.find(engine)?;
        let (message, company) = engine.read_message(&name)?;
        return Ok((Holder { name: Some(name), message }, company));
    }
    let raw: Arc<[u8]> = source.read(&call.cwd, call.stdin)?.into();
    // With a profile, there is a place for what is inside a large one.
    let (kept, company) = match call.engine() {
        Ok(engine) => (engine.held(raw)?, engine.company(None)?),
        Err(_) => (Kept::Here(raw), Company::default()),
    };
    let terms = company.terms(now, Decrypt::Any);
    let look = Look { keyring, terms: &terms, beside: true };
    let message = Streamed::read(kept, &look, &|_| Ok(())).map_err(|error| unreadable(&error))?;
    Ok((Holder { name: None, message }, company))
}

/// Why nothing of a message is handed out.
fn is_shut() -> Failure {
    Failure::no("this message is in quarantine: nothing of it is handed out")
}

/// The attachments of a message that are not handed out, by their places; `None`: nothing of it is.
fn kept_back(call: &Call<'_>, holder: &mut Holder) -> Result<Option<Vec<(String, Reach)>>, Failure> {
    let Ok(engine) = call.engine() else { return Ok(Some(Vec::new())) };
    Ok(match (&holder.name, &mut holder.message.reading) {
        (Some(name), Some(reading)) => engine.kept_back_of(name, reading)?,
        (Some(name), None) => engine.kept_back(name, &engine.raw(name, true)?.raw)?,
        (None, Some(reading)) => engine.kept_back_of_bare(reading)?,
        // It has no attachments then.
        (None, None) => Some(Vec::new()),
    })
}

/// Whether each file may be handed out: by its place, and by what it is, which nobody could tell while it was encrypted. A package goes as its files
/// do.
fn reaches(
    call: &Call<'_>,
    holder: &Holder,
    kept_back: &[(String, Reach)],
    kinds: &Kinds,
    found: &[(Line, Content)],
) -> Result<Vec<Reach>, Failure> {
    let book = call.engine().ok().map(crate::engine::Engine::book).transpose()?.unwrap_or_default();
    let is_own = holder.message.reading.as_ref().is_some_and(|reading| reading.shut.is_own);
    let direction = if is_own { Direction::Out } else { Direction::In };
    let one = |(line, content): &(Line, Content)| match (reach_of(kept_back, &line.path), content) {
        (Reach::Open, Content::Plain(plain)) => {
            let attachments = holder.message.reading.iter().flat_map(|reading| &reading.body.attachments);
            let came_as = attachments.into_iter().find(|one| one.path == attachment(&line.path));
            let came_as = came_as.map(|one| one.sha256.as_str()).unwrap_or_default();
            let named = (line.name.as_str(), line.sha256.as_str(), came_as);
            inside::reach_of_plain(&book, kinds, named, plain, direction).map_err(|error| unread(&line.path, &error))
        }
        (shut, _) => Ok(shut),
    };
    let mut together: HashMap<String, Reach> = HashMap::new();
    for one_of in found {
        let least = together.entry(attachment(&one_of.0.path).to_owned()).or_default();
        *least = (*least).max(one(one_of)?);
    }
    Ok(found.iter().map(|(line, _)| together.get(attachment(&line.path)).copied().unwrap_or_default()).collect())
}

/// Whether a file may be handed out, by itself or by the package that it is in.
fn reach_of(kept_back: &[(String, Reach)], path: &str) -> Reach {
    kept_back.iter().find(|(known, _)| known == attachment(path)).map_or(Reach::Open, |(_, reach)| *reach)
}

pub(super) fn run(call: &mut Call<'_>, command: &args::Attachment) -> Outcome {
    match command {
        args::Attachment::List { messages, scope } => {
            if let (true, Some(id)) = (messages.is_empty(), &scope.case) {
                return of_case(call, id, scope.limit);
            }
            let kinds = kinds(call);
            let names = if messages.is_empty() { with_attachments(call, scope)? } else { messages.clone() };
            let mut lines = Vec::new();
            let (keyring, now) = (call.keyring()?, call.now());
            for name in names {
                let (mut holder, company) = holder(call, &name, &keyring, now)?;
                let kept_back = match kept_back(call, &mut holder)? {
                    Some(kept_back) => kept_back,
                    None if messages.is_empty() => {
                        call.output.say(&format!("{name}: in quarantine; nothing of it is listed"));
                        continue;
                    }
                    None => return Err(is_shut()),
                };
                let found = attachments(&holder, &keyring, &company.terms(now, Decrypt::Any), false, &kinds);
                for (mut line, _) in found.into_iter().flatten() {
                    if reach_of(&kept_back, &line.path) == Reach::Quarantined {
                        OUT_OF_REACH.clone_into(&mut line.name);
                        OUT_OF_REACH_TYPE.clone_into(&mut line.media_type);
                        Kind::SHUT.clone_into(&mut line.kind);
                    }
                    lines.push(line);
                }
            }
            print(call, lines)
        }
        args::Attachment::Look { message, part } => look(call, message, part),
        args::Attachment::Quarantine { message, parts, because, release } => {
            quarantine(call, message, parts, because, *release)
        }
        args::Attachment::Export { message, parts, decrypt, to } => {
            let (keyring, now) = (call.keyring()?, call.now());
            let (mut holder, company) = holder(call, message, &keyring, now)?;
            let kept_back = kept_back(call, &mut holder)?.ok_or_else(is_shut)?;
            let terms = company.terms(now, Decrypt::Any);
            let found = attachments(&holder, &keyring, &terms, *decrypt, &kinds(call))
                .into_iter()
                .collect::<Result<Vec<_>, _>>()?;
            if let Some(absent) = parts.iter().find(|path| !found.iter().any(|(line, _)| line.path == **path)) {
                return Err(Failure::no(format!("the message has no attachment {absent:?}")));
            }
            let dir = call.cwd.join(to);
            // Who wants a package wants what is in it.
            let wanted = |line: &Line| parts.is_empty() || parts.iter().any(|part| is_within(&line.path, part));
            let reaches = reaches(call, &holder, &kept_back, &kinds(call), &found)?;
            let (mut lines, mut shut, mut watched) = (Vec::new(), 0_usize, 0_usize);
            let within = found.iter().zip(&reaches).filter(|((line, _), reach)| **reach == Reach::Open && wanted(line));
            let within = write_within(&dir, &holder, within.map(|(one, _)| one))?;
            for ((mut line, content), reach) in found.into_iter().zip(reaches).filter(|((line, _), _)| wanted(line)) {
                match reach {
                    Reach::Open => {
                        line.exported = match within.get(&line.path) {
                            Some(place) => Some(place.clone()),
                            None => Some(write(&dir, &line, &holder, &content)?),
                        };
                        lines.push(line);
                    }
                    Reach::Quarantined => shut += 1,
                    Reach::Watched => watched += 1,
                }
            }
            if shut > 0 {
                call.output.say(&format!("{shut} in quarantine: not exported"));
            }
            if watched > 0 {
                let words = "may not be meant for you: not exported; quarantine it, or release it with a reason (a bare file is taken in by hand first)";
                call.output.say(&format!("{watched} {words}"));
            }
            print(call, lines)
        }
    }
}

#[derive(Serialize)]
struct Looked<'a> {
    schema: &'static str,
    format: &'a str,
    notes: &'a [String],
    text: String,
}

/// The text of an attachment, read in the sandbox.
fn look(call: &mut Call<'_>, message: &str, part: &str) -> Outcome {
    let (keyring, now) = (call.keyring()?, call.now());
    let (mut holder, company) = holder(call, message, &keyring, now)?;
    let kept_back = kept_back(call, &mut holder)?.ok_or_else(is_shut)?;
    let kinds = kinds(call);
    let terms = company.terms(now, Decrypt::Any);
    let found = attachments(&holder, &keyring, &terms, false, &kinds).into_iter().flatten();
    let (line, content) = found
        .into_iter()
        .find(|(line, _)| line.path == part)
        .ok_or_else(|| Failure::no(format!("the message has no attachment {part:?}")))?;
    let because = match reach_of(&kept_back, part) {
        Reach::Open => None,
        Reach::Watched => Some("may not be meant for you"),
        Reach::Quarantined => Some("is in quarantine"),
    };
    if let Some(because) = because {
        return Err(Failure::no(format!("part {part} {because}: it is not opened")));
    }
    let asked = Asked { name: line.name.clone(), media_type: line.media_type.clone() };
    // What is too large to be looked into is not read to its end.
    let most = crate::look::BYTES_MAX.saturating_add(1);
    let content = match content {
        Content::Part(place) => holder.message.content(place, most),
        Content::Within(place) => match inner(&holder, place, &line) {
            Ok(InnerContent::Part(place)) => holder.message.content(place, most),
            Ok(InnerContent::Held(content)) => Ok(content),
            Err(error) => Err(error),
        },
        Content::Plain(Plain::Held(content)) => Ok(content.to_vec()),
        Content::Plain(Plain::Lying(..)) => return Err(Failure::no("it is not looked into")),
    };
    let content = content.map_err(|error| Failure::new(Exit::BadData, format!("part {part}: {error}")))?;
    let found = sandbox::look_now(&asked, &content).map_err(Failure::no)?;
    let text: Vec<String> = SafeText::block(&found.text).iter().map(ToString::to_string).collect();
    let text = text.join("\n");
    if call.output.json() {
        let (format, notes) = (found.format.as_str(), found.notes.as_slice());
        call.output.document(&Looked { schema: "casemail.look/1", format, notes, text })?;
    } else {
        for note in &found.notes {
            call.output.say(note);
        }
        call.output.line(&text)?;
    }
    Ok(Exit::Done)
}

/// Puts attachments out of reach, or back.
fn quarantine(call: &mut Call<'_>, message: &str, parts: &[String], because: &str, release: bool) -> Outcome {
    if because.trim().is_empty() {
        return Err(Failure::new(Exit::Usage, "say why: --because \"possible mis-service\""));
    }
    let source = Source::of(message, &call.cwd)?;
    if source.is_bare() {
        return Err(Failure::new(Exit::Usage, "a bare file cannot be put out of reach; name a message of the profile"));
    }
    let engine = call.engine()?;
    let name = source.fetch(engine)?.id;
    let done = engine.quarantine_parts(&name, parts, because, release)?;
    call.output.line(&done)?;
    Ok(Exit::Done)
}

/// The rules that say what a file is: of the configuration, else those that come with the program.
fn kinds(call: &Call<'_>) -> Kinds {
    call.engine().map(|engine| engine.config().documents.clone()).unwrap_or_default()
}

/// Messages that hold some, of the scope.
fn with_attachments(call: &Call<'_>, scope: &args::Scope) -> Result<Vec<String>, Failure> {
    let filter = Filter { account: call.account.clone(), scope: listed::scope(call, scope)?, ..Filter::default() };
    let listing = call.engine()?.messages(&filter)?;
    let holding =
        listing.messages.into_iter().filter(|listed| listed.attachments > 0).map(|listed| listed.id.to_string());
    Ok(holding.take(scope.limit.unwrap_or(usize::MAX)).collect())
}

/// The bytes of a file in the attachment of a part.
fn inner(holder: &Holder, place: usize, line: &Line) -> std::io::Result<InnerContent> {
    let gone = || std::io::Error::other("the message does not hold it any more");
    let attachments = holder.message.reading.iter().flat_map(|reading| &reading.body.attachments);
    let one = attachments.into_iter().find(|one| one.part == place).ok_or_else(gone)?;
    holder.message.inner(one, &line.path, &line.sha256)?.ok_or_else(gone)
}

/// Writes files in attachments, in one walk through each attachment: where each was written to, by its path.
fn write_within<'a>(
    dir: &Path,
    holder: &Holder,
    lines: impl Iterator<Item = &'a (Line, Content)>,
) -> Result<HashMap<String, String>, Failure> {
    let mut wanted: BTreeMap<usize, HashMap<&str, &Line>> = BTreeMap::new();
    for (line, content) in lines {
        if let Content::Within(place) = content {
            wanted.entry(*place).or_default().insert(&line.path, line);
        }
    }
    let mut written = HashMap::new();
    if wanted.is_empty() {
        return Ok(written);
    }
    let fail = |words: String| Failure::new(Exit::CannotWrite, words);
    std::fs::create_dir_all(dir).map_err(|error| fail(format!("{}: cannot be written: {error}", dir.display())))?;
    let (message, reading) = (&holder.message, holder.message.reading.as_ref());
    let tape = message.tape();
    for one in reading.iter().flat_map(|reading| &reading.body.attachments) {
        let (Some(reading), Some(wanted)) = (reading, wanted.get(&one.part)) else { continue };
        inside::walk(reading, one, &mut |file: &Inner<'_>| {
            let Some(line) = wanted.get(file.path).filter(|line| line.sha256 == file.sha256()) else { return Ok(()) };
            let content = |to: &mut dyn Write| match file.place() {
                Place::Part(place) => message.write_content(&tape, place, to),
                Place::Held => file.write(to),
            };
            let saved = files::save_from(dir, &line.name, &line.sha256, &content).map_err(fail)?;
            written.insert(line.path.clone(), saved.path.display().to_string());
            Ok::<(), Failure>(())
        })?;
    }
    Ok(written)
}

/// Writes a file for the owner alone, never over another one; one of the same name and content is left as it is.
fn write(dir: &Path, line: &Line, holder: &Holder, content: &Content) -> Result<String, Failure> {
    let fail = |words: String| Failure::new(Exit::CannotWrite, words);
    std::fs::create_dir_all(dir).map_err(|error| fail(format!("{}: cannot be written: {error}", dir.display())))?;
    let content = |to: &mut dyn Write| match content {
        Content::Part(place) => holder.message.write_content(&holder.message.tape(), *place, to),
        Content::Plain(plain) => plain.write(to),
        Content::Within(_) => Err(std::io::Error::other("the message does not hold it any more")),
    };
    Ok(files::save_from(dir, &line.name, &line.sha256, &content).map_err(fail)?.path.display().to_string())
}

fn print(call: &mut Call<'_>, lines: Vec<Line>) -> Outcome {
    if call.output.json() {
        call.output.document(&Attachments { schema: "casemail.attachments/1", attachments: lines })?;
    } else {
        let cells = |line: &Line| {
            vec![
                line.kind.clone(),
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
