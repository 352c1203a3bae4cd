//! `case list | show | close | reopen | hold | shred | chronology`; what writes into a case is in [`super::case_edit`].

use jiff::Timestamp;
use serde::Serialize;

use super::args;
use super::call::Call;
use super::case_edit;
use super::confirm;
use super::exit::{Exit, Failure, Outcome};
use super::listed;
use super::refile;
use super::thread;
use crate::app::screen::case::lines;
use crate::app::view::Scope;
use crate::case::document::Direction;
use crate::case::retention::{self, Procedure};
use crate::case::{Case, Jurisdiction, State};
use crate::engine::EngineError;
use crate::engine::query::CaseListed;
use crate::mail::size::size;
use crate::register::chronology::{self as record, COLUMNS, csv_row};
use crate::register::event::DestructionCertificate;
use crate::register::{CaseChange, Event};

#[derive(Serialize)]
struct Cases<'a> {
    schema: &'static str,
    cases: Vec<Line<'a>>,
}

#[derive(Serialize)]
struct Line<'a> {
    id: &'a str,
    title: &'a str,
    state: &'static str,
    identifiers: Vec<Identifier<'a>>,
    messages: usize,
    unread: usize,
    last_date: Option<Timestamp>,
    next_hearing: Option<Timestamp>,
}

#[derive(Serialize)]
struct Identifier<'a> {
    kind: &'a str,
    value: &'a str,
}

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    case: Line<'a>,
    filed: Vec<FiledLine<'a>>,
    /// Everything that is written down of it.
    record: Option<&'a crate::case::Case>,
    threads: Vec<thread::Line<'a>>,
}

/// Why messages are in the case.
#[derive(Serialize)]
struct FiledLine<'a> {
    because: &'a str,
    score: u8,
    messages: usize,
}

impl<'a> Line<'a> {
    fn of(case: &'a CaseListed) -> Self {
        Self {
            id: &case.id.0,
            title: &case.title,
            state: case.state,
            identifiers: case.identifiers.iter().map(|(kind, value)| Identifier { kind, value }).collect(),
            messages: case.messages,
            unread: case.unread,
            last_date: case.last_date,
            next_hearing: case.next_hearing,
        }
    }
}

/// The case that a person names.
///
/// # Errors
/// There is none.
pub(super) fn find(call: &Call<'_>, id: &str) -> Result<CaseListed, Failure> {
    let engine = call.engine()?;
    let found = match engine.find_case(id)? {
        Some(found) => Some(found),
        None => engine.find_registered(id)?,
    };
    found.ok_or_else(|| Failure::no(format!("there is no case {id:?}")))
}

#[derive(Serialize)]
struct Destroyed<'a> {
    schema: &'static str,
    ok: bool,
    certificate: &'a DestructionCertificate,
}

#[derive(Serialize)]
struct Imported {
    schema: &'static str,
    files: Vec<ImportedLine>,
    refused: Vec<NotImported>,
}

#[derive(Serialize)]
struct ImportedLine {
    name: String,
    bytes: u64,
    sha256: String,
    source: String,
    fetched: Option<Timestamp>,
    /// The messages that the same content came or went with.
    also_in: Vec<String>,
}

/// A file that was not taken in.
#[derive(Serialize)]
struct NotImported {
    path: String,
    because: String,
}

/// Takes files in, one after another. One that cannot be taken in is told and keeps no other back.
fn import(call: &mut Call<'_>, id: &str, files: &[std::path::PathBuf], source: &str) -> Outcome {
    let case = find(call, id)?;
    let known = call.engine()?.documents(&case.id)?;
    let (mut taken, mut refused) = (Vec::new(), Vec::new());
    for file in files {
        let done = match call.engine()?.import(&case.id, &call.cwd.join(file), source) {
            Ok(done) => done,
            Err(EngineError::Refused(because)) => {
                refused.push(NotImported { path: file.to_string_lossy().into_owned(), because });
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        let sha256 = done.sha256.to_string();
        let same = known.iter().filter(|one| one.sha256 == sha256 && one.direction != Direction::ByHand);
        taken.push(ImportedLine {
            also_in: same.filter_map(|one| one.message.as_ref()).map(ToString::to_string).collect(),
            name: done.name,
            bytes: done.bytes,
            sha256,
            source: done.source,
            fetched: done.fetched,
        });
    }
    let is_whole = refused.is_empty();
    for one in &refused {
        call.output.say(&one.because);
    }
    if call.output.json() {
        call.output.document(&Imported { schema: "casemail.imported/1", files: taken, refused })?;
    } else {
        for line in &taken {
            call.output.line(&format!("{}  {}  ({} bytes)", line.sha256, line.name, line.bytes))?;
            if let Some(message) = line.also_in.first() {
                call.output.say(&format!("{}: the same content is in the message {message}, too", line.name));
            }
        }
    }
    Ok(if is_whole { Exit::Done } else { Exit::No })
}

fn refused(error: EngineError) -> Failure {
    match error {
        EngineError::Refused(words) => Failure::no(words),
        error => error.into(),
    }
}

fn shred(call: &mut Call<'_>, id: &str, because: &str, yes: bool) -> Outcome {
    if because.trim().is_empty() {
        return Err(Failure::new(
            Exit::Usage,
            "--because is empty: the certificate has to say why the case was destroyed",
        ));
    }
    let case = find(call, id)?;
    let engine = call.engine()?;
    engine.may_shred(&case).map_err(refused)?;
    call.output.say(&format!(
        "{}: {}; {} here. The messages and all texts about the case go for ever, here and on every device that has its register; digests and a certificate stay.",
        case.id.0,
        case.title,
        super::listed::count(case.messages, "message"),
    ));
    confirm::agreed(call.is_interactive, yes, &case.id.0, "nothing was destroyed")?;
    let certificate = engine.shred(&case, because).map_err(refused)?;
    if call.output.json() {
        let document = Destroyed { schema: "casemail.destruction/1", ok: true, certificate: &certificate };
        call.output.document(&document)?;
    } else {
        for (name, value) in [
            ("certificate", certificate.number.clone()),
            ("case", certificate.case.clone()),
            ("destroyed", certificate.at.to_string()),
            ("because", certificate.because.clone()),
            ("messages", format!("{} ({} bytes)", certificate.messages, certificate.bytes)),
            ("texts of the register", certificate.texts.len().to_string()),
            ("messages of other cases too, which stay", certificate.shared.to_string()),
        ] {
            call.output.line(&format!("{name}: {value}"))?;
        }
        for digest in &certificate.digests {
            call.output.line(&format!("sha256 {digest}"))?;
        }
    }
    Ok(Exit::Done)
}

#[derive(Serialize)]
struct Purged<'a> {
    schema: &'static str,
    dry_run: bool,
    idle_days: u32,
    cases: Vec<PurgedCase<'a>>,
}

#[derive(Serialize)]
struct PurgedCase<'a> {
    id: &'a str,
    title: &'a str,
    idle_since: Timestamp,
    messages: usize,
    bytes: u64,
}

/// `case purge`.
fn purge(call: &mut Call<'_>, id: Option<&str>, idle: Option<u32>, dry_run: bool) -> Outcome {
    let only = id.map(|id| find(call, id)).transpose()?.map(|case| case.id);
    let engine = call.engine()?;
    let days = idle.unwrap_or(engine.config().purge_idle_days);
    let done = if dry_run { engine.idle_cases(only.as_ref(), days) } else { engine.purge_idle(only.as_ref(), days) };
    let cases = done.map_err(|error| match error {
        EngineError::Refused(words) => Failure::no(words),
        error => error.into(),
    })?;
    if call.output.json() {
        let cases = cases
            .iter()
            .map(|one| PurgedCase {
                id: &one.id.0,
                title: &one.title,
                idle_since: one.since,
                messages: one.messages,
                bytes: one.bytes,
            })
            .collect();
        call.output.document(&Purged { schema: "casemail.idle/1", dry_run, idle_days: days, cases })?;
        return Ok(Exit::Done);
    }
    for one in &cases {
        call.output.line(&format!(
            "{}  {}: {} ({}), idle since {}",
            one.id,
            one.title,
            listed::count(one.messages, "message"),
            size(one.bytes),
            one.since.strftime("%Y-%m-%d")
        ))?;
    }
    call.output.say(&match (cases.is_empty(), dry_run) {
        (true, _) => format!("no closed case has lain idle for {days} days with messages here"),
        (false, true) => "these would go; nothing was let go of".to_owned(),
        (false, false) => {
            "let go of here; what the server has still is fetched again when somebody opens it".to_owned()
        }
    });
    Ok(Exit::Done)
}

/// Writes a change of a case into the register, and says so.
fn change(call: &mut Call<'_>, id: &str, change: impl FnOnce(&Case) -> Result<CaseChange, Failure>) -> Outcome {
    let engine = call.engine()?;
    let listed = find(call, id)?;
    let mut events = engine.opening_of(&listed)?;
    let case = match engine.book()?.case(&listed.id) {
        Some(case) => case.clone(),
        None => Case::new(listed.id.clone(), listed.title.clone(), Jurisdiction::default()),
    };
    if let State::Shredded { certificate, .. } = &case.state {
        return Err(Failure::no(format!(
            "{} was destroyed (certificate {certificate}): nothing can be changed",
            case.id
        )));
    }
    let change = change(&case)?;
    events.push(Event::Case { case: listed.id.clone(), change });
    engine.record(events)?;
    let book = engine.book()?;
    let state = book.case(&listed.id).map_or_else(|| "open".to_owned(), |case| in_words(&case.state));
    if call.output.json() {
        let state = book.case(&listed.id).map_or("open", |case| case.state.name());
        call.output.document(&Changed { schema: "casemail.case-change/1", ok: true, id: &listed.id.0, state })?;
    } else {
        call.output.line(&format!("{}  {}: {state}", listed.id, listed.title))?;
    }
    Ok(Exit::Done)
}

#[derive(Serialize)]
struct Changed<'a> {
    schema: &'static str,
    ok: bool,
    id: &'a str,
    state: &'static str,
}

/// The state of a case, in words.
fn in_words(state: &State) -> String {
    let review =
        |day: &Option<jiff::civil::Date>| day.map(|day| format!(", to be reviewed on {day}")).unwrap_or_default();
    match state {
        State::Open => "open".to_owned(),
        State::Closed { review: day } => format!("closed{}", review(day)),
        State::OnHold { because, review: day } if because.is_empty() => format!("on hold{}", review(day)),
        State::OnHold { because, review: day } => format!("on hold ({because}){}", review(day)),
        State::Shredded { certificate, .. } => format!("destroyed (certificate {certificate})"),
    }
}

fn chronology(call: &mut Call<'_>, id: &str, format: args::ChronologyFormat) -> Outcome {
    let case = find(call, id)?;
    let lines = call.engine()?.chronology(&case.id)?;
    if call.output.json() {
        call.output.document(&Chronology {
            schema: "casemail.chronology/1",
            case: &case.id.0,
            title: &case.title,
            lines: &lines,
        })?;
        return Ok(Exit::Done);
    }
    match format {
        args::ChronologyFormat::Text => {
            call.output.line(&format!("{}  {}", case.id, case.title))?;
            for line in &lines {
                call.output.line(&line.text())?;
            }
        }
        args::ChronologyFormat::Jsonl => {
            for line in &lines {
                call.output.json_line(line)?;
            }
        }
        args::ChronologyFormat::Csv => {
            let mut text = csv_row(COLUMNS);
            for line in &lines {
                text += &csv_row(line.cells().iter().map(String::as_str));
            }
            call.output.bytes(text.as_bytes())?;
        }
    }
    Ok(Exit::Done)
}

#[derive(Serialize)]
struct Chronology<'a> {
    schema: &'static str,
    case: &'a str,
    title: &'a str,
    lines: &'a [record::Line],
}

pub(super) fn run(call: &mut Call<'_>, command: &args::Case) -> Outcome {
    let engine = call.engine()?;
    match command {
        args::Case::List { limit } => {
            let cases = engine.cases()?;
            let shown = listed::cut(&cases, *limit, &mut call.output);
            if call.output.json() {
                let cases = shown.iter().map(Line::of).collect();
                call.output.document(&Cases { schema: "casemail.cases/1", cases })?;
            } else {
                let cells = |case: &CaseListed| {
                    let last = case.last_date.map(listed::short_time).unwrap_or_default();
                    let unread = if case.unread == 0 { String::new() } else { format!(", {} unread", case.unread) };
                    let numbers = format!("{}{unread}", listed::count(case.messages, "message"));
                    (vec![case.id.0.clone(), last, numbers, case.title.clone()], Vec::new())
                };
                let entries: Vec<_> = shown.iter().map(cells).collect();
                call.output.entries(&entries)?;
            }
        }
        args::Case::Open(wanted) => return case_edit::open(call, wanted),
        args::Case::Edit(wanted) => return case_edit::edit(call, wanted),
        args::Case::File(wanted) => return case_edit::file(call, wanted),
        args::Case::Refile { dry_run } => return refile::refile(call, *dry_run),
        args::Case::Triage { limit } => return case_edit::triage(call, *limit),
        args::Case::Show { id } => {
            let case = find(call, id)?;
            let threads = engine.threads(&Scope::Case(case.id.clone()))?;
            let (page, now) = (engine.case(&case.id)?, call.now());
            if call.output.json() {
                let filed = page.iter().flat_map(|page| &page.filed).map(|one| FiledLine {
                    because: one.because.as_str(),
                    score: one.score,
                    messages: one.messages,
                });
                call.output.document(&Document {
                    schema: "casemail.case/1",
                    case: Line::of(&case),
                    filed: filed.collect(),
                    record: page.as_ref().map(|page| &page.case),
                    threads: threads.iter().map(thread::Line::of).collect(),
                })?;
            } else {
                call.output.line(&format!("{}  {}", case.id, case.title))?;
                // The page of the case, as the screen has it.
                for row in page.iter().flat_map(|page| lines(page, now)) {
                    let note = if row.note.is_empty() { String::new() } else { format!(" ({})", row.note) };
                    call.output.line(&format!("{:<11}{}{note}", row.heading, row.text))?;
                }
                let entries: Vec<_> = threads.iter().map(thread::entry).collect();
                call.output.entries(&entries)?;
            }
        }
        args::Case::Close { id, review } => {
            let today = call.now().to_zoned(jiff::tz::TimeZone::system()).date();
            return change(call, id, |case| {
                let review = review.or_else(|| {
                    let proposed = retention::retention(Procedure::of(case), today, None);
                    proposed.ok().map(|proposed| proposed.review)
                });
                Ok(CaseChange::Closed { review })
            });
        }
        args::Case::Reopen { id, because } => {
            return change(call, id, |case| match &case.state {
                State::Open => Err(Failure::no(format!("{} is open", case.id))),
                _ => Ok(CaseChange::Reopened { because: because.clone() }),
            });
        }
        args::Case::Hold { id, because, release: false } => {
            return change(call, id, |_| Ok(CaseChange::Held { because: because.clone() }));
        }
        args::Case::Hold { id, because, release: true } => {
            return change(call, id, |case| match &case.state {
                State::OnHold { .. } => Ok(CaseChange::Released { because: because.clone() }),
                _ => Err(Failure::no(format!("{} is not on hold", case.id))),
            });
        }
        args::Case::Purge { id, idle, dry_run } => return purge(call, id.as_deref(), *idle, *dry_run),
        args::Case::Import { id, files, source } => return import(call, id, files, source),
        args::Case::Shred { id, because, yes } => return shred(call, id, because, *yes),
        args::Case::Export { id, documents, to } => {
            let subject = super::export::of_case(call, id, documents)?;
            return super::export::run(call, subject, to);
        }
        args::Case::Bundle { id, to, documents, mail, progress } => {
            let subject = super::export::case(call, id)?;
            return super::export::bundle(call, subject, to.as_deref(), documents, *mail, *progress);
        }
        args::Case::Chronology { id, format } => return chronology(call, id, *format),
    }
    Ok(Exit::Done)
}
