//! `case list | show`.

use jiff::Timestamp;
use serde::Serialize;

use super::args;
use super::call::Call;
use super::exit::{Exit, Failure, Outcome};
use super::listed;
use super::thread;
use crate::app::view::Scope;
use crate::engine::query::CaseListed;

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
    threads: Vec<thread::Line<'a>>,
}

impl<'a> Line<'a> {
    fn of(case: &'a CaseListed) -> Self {
        Self {
            id: &case.id.0,
            title: &case.title,
            state: "open",
            identifiers: case.identifiers.iter().map(|(kind, value)| Identifier { kind, value }).collect(),
            messages: case.messages,
            unread: case.unread,
            last_date: case.last_date,
            next_hearing: None,
        }
    }
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
        args::Case::Show { id } => {
            let case = engine.find_case(id)?.ok_or_else(|| Failure::no(format!("there is no case {id:?}")))?;
            let threads = engine.threads(&Scope::Case(case.id.clone()))?;
            if call.output.json() {
                let threads = threads.iter().map(thread::Line::of).collect();
                call.output.document(&Document { schema: "casemail.case/1", case: Line::of(&case), threads })?;
            } else {
                call.output.line(&format!("{}  {}", case.id, case.title))?;
                let known: Vec<&str> = case.identifiers.iter().map(|(_, value)| value.as_str()).collect();
                call.output.line(&format!(
                    "{}; {} messages, {} unread",
                    known.join(", "),
                    case.messages,
                    case.unread
                ))?;
                let entries: Vec<_> = threads.iter().map(thread::entry).collect();
                call.output.entries(&entries)?;
            }
        }
    }
    Ok(Exit::Done)
}
