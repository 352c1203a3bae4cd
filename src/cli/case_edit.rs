//! `case open | edit | file | triage`: writing cases by command. What a form asks for on screen is given here as `name=value; name=value`.

use serde::Serialize;

use super::args;
use super::call::Call;
use super::exit::{Exit, Failure, Outcome};
use super::listed;
use crate::app::case_view::TriageRow;
use crate::app::form::Form;
use crate::app::forms::{self, Opening, Subject};
use crate::case::{Case, Jurisdiction, Style};
use crate::engine::Engine;
use crate::mail::id::{CaseId, MessageRef};
use crate::register::CaseChange;

#[derive(Serialize)]
struct Written<'a> {
    schema: &'static str,
    id: &'a str,
    written: usize,
}

#[derive(Serialize)]
struct Triage<'a> {
    schema: &'static str,
    rows: Vec<Line<'a>>,
}

#[derive(Serialize)]
struct Line<'a> {
    thread: String,
    messages: Vec<String>,
    from: &'a str,
    subject: &'a str,
    received: jiff::Timestamp,
    doubt: &'a str,
    suggestions: Vec<Suggested<'a>>,
}

#[derive(Serialize)]
struct Suggested<'a> {
    case: &'a str,
    because: &'a str,
    sure: bool,
}

fn bad(words: impl Into<String>) -> Failure {
    Failure::new(Exit::Usage, words.into())
}

fn told(call: &mut Call<'_>, id: &CaseId, written: usize) -> Outcome {
    if call.output.json() {
        call.output.document(&Written { schema: "casemail.written/1", id: &id.0, written })?;
    } else {
        call.output.line(&id.0)?;
    }
    Ok(Exit::Done)
}

fn messages(names: &[String]) -> Result<Vec<MessageRef>, Failure> {
    names.iter().map(|name| name.parse::<MessageRef>().map_err(|error| bad(error.to_string()))).collect()
}

/// `case open`.
pub(super) fn open(call: &mut Call<'_>, wanted: &args::OpenCase) -> Outcome {
    let engine = call.engine()?;
    let jurisdiction = match &wanted.law {
        Some(law) => Jurisdiction::parse(law).ok_or_else(|| bad("--law is england-wales or scotland"))?,
        None => wanted.title.as_deref().and_then(Style::of).map(Style::jurisdiction).unwrap_or_default(),
    };
    let opening = Opening {
        title: wanted.title.clone().unwrap_or_default().trim().to_owned(),
        jurisdiction,
        numbers: wanted.numbers.clone(),
        client: wanted.client.clone().unwrap_or_default(),
        messages: messages(&wanted.messages)?,
    };
    if opening.title.is_empty() && opening.numbers.is_empty() {
        return Err(bad("a case needs a --title or a --number"));
    }
    let id = engine.open_case(opening)?;
    told(call, &id, 1)
}

/// The case of an id or a number, whole.
fn whole(engine: &Engine, name: &str) -> Result<Case, Failure> {
    let listed = engine.find_case(name)?.ok_or_else(|| Failure::no(format!("there is no case {name:?}")))?;
    let view = engine.case(&listed.id)?.ok_or_else(|| Failure::no(format!("there is no case {name:?}")))?;
    Ok(view.case)
}

/// The form of a new one of its kind.
type FormOf = fn(&Case) -> Form<Subject>;

/// `case edit`. All of it is checked before anything is written.
pub(super) fn edit(call: &mut Call<'_>, wanted: &args::EditCase) -> Outcome {
    let engine = call.engine()?;
    let mut case = whole(engine, &wanted.id)?;
    let mut changes: Vec<CaseChange> = Vec::new();
    if let Some(title) = &wanted.title {
        changes.extend(filled(forms::title(&case), &format!("title={title}"), &case)?);
    }
    if let Some(law) = &wanted.law {
        changes.extend(filled(forms::title(&case), &format!("law={law}"), &case)?);
    }
    let kinds: [(&[String], FormOf); 4] = [
        (&wanted.accused, |case| forms::accused(case, None)),
        (&wanted.charges, |case| forms::charge(case, None)),
        (&wanted.parties, |case| forms::party(case, None)),
        (&wanted.hearings, |case| forms::hearing(case, None)),
    ];
    for (texts, form) in kinds {
        for text in texts {
            let made = filled(form(&case), text, &case)?;
            // The next of the same kind is numbered after this one.
            for change in &made {
                note(&mut case, change);
            }
            changes.extend(made);
        }
    }
    for text in &wanted.notes {
        changes.push(CaseChange::Noted { text: text.trim().to_owned() });
    }
    for text in &wanted.remove_numbers {
        let known = case.identifiers.iter().find(|one| one.value.eq_ignore_ascii_case(text.trim()));
        let known = known.ok_or_else(|| Failure::no(format!("the case has no number {text:?}")))?;
        changes.push(CaseChange::IdentifierRemoved(known.clone()));
    }
    let written = changes.len() + wanted.numbers.len();
    if written == 0 {
        return Err(bad("nothing to change: see `casemail case edit --help`"));
    }
    if !changes.is_empty() {
        engine.change_case(&case.id, changes)?;
    }
    for number in &wanted.numbers {
        let words = engine.add_number(&case.id, number)?;
        call.output.say(&words);
    }
    told(call, &case.id, written)
}

/// A form filled from a command, as changes.
fn filled(mut form: Form<Subject>, text: &str, case: &Case) -> Result<Vec<CaseChange>, Failure> {
    forms::fill(&mut form, text).map_err(bad)?;
    match forms::taken(&form, Some(case)) {
        Ok(forms::Outcome::Change(_, changes)) => Ok(changes),
        Ok(_) => Ok(Vec::new()),
        Err((at, words)) => {
            let field = form.fields.get(at).map_or("", |field| field.label.as_ref());
            Err(bad(format!("{text:?}: {}: {words}", field.to_lowercase())))
        }
    }
}

/// What a change makes of the case that later ones are counted by.
fn note(case: &mut Case, change: &CaseChange) {
    match change {
        CaseChange::Accused(accused) => case.accused.push(accused.clone()),
        CaseChange::Charge(charge) => case.charges.push(charge.clone()),
        CaseChange::Party(party) => case.parties.push(party.clone()),
        CaseChange::Hearing(hearing) => case.hearings.push(hearing.clone()),
        _ => {}
    }
}

/// `case file`.
pub(super) fn file(call: &mut Call<'_>, wanted: &args::FileToCase) -> Outcome {
    let engine = call.engine()?;
    let names = messages(&wanted.messages)?;
    let mut cases: Vec<CaseId> = Vec::new();
    for name in &wanted.cases {
        cases.push(whole(engine, name)?.id);
    }
    let written = engine.file(&names, &cases)?;
    let first = cases.into_iter().next().unwrap_or_else(|| CaseId(String::new()));
    told(call, &first, written)
}

/// `case triage`.
pub(super) fn triage(call: &mut Call<'_>, limit: Option<usize>) -> Outcome {
    let rows = call.engine()?.triage()?;
    let shown = listed::cut(&rows, limit, &mut call.output);
    if call.output.json() {
        let rows = shown.iter().map(line).collect();
        call.output.document(&Triage { schema: "casemail.triage/1", rows })?;
    } else {
        let cells = |row: &TriageRow| {
            let suggested = row.suggestions.iter().map(|one| format!("{} ({})", one.title, one.because));
            let suggested: Vec<String> = suggested.collect();
            let first = row.messages.first().map(ToString::to_string).unwrap_or_default();
            (
                vec![
                    listed::short_time(row.received),
                    row.from.truncate(32).to_string(),
                    suggested.join(" or "),
                    row.subject.to_string(),
                ],
                vec![first],
            )
        };
        let entries: Vec<_> = shown.iter().map(cells).collect();
        call.output.entries(&entries)?;
    }
    Ok(Exit::Done)
}

fn line(row: &TriageRow) -> Line<'_> {
    Line {
        thread: row.thread.to_string(),
        messages: row.messages.iter().map(ToString::to_string).collect(),
        from: row.address.as_str(),
        subject: row.subject.as_str(),
        received: row.received,
        doubt: row.doubt.as_str(),
        suggestions: row
            .suggestions
            .iter()
            .map(|one| Suggested { case: &one.case.0, because: one.because.as_str(), sure: one.is_sure })
            .collect(),
    }
}
