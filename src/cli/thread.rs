//! `thread list | show`.

use jiff::Timestamp;
use serde::Serialize;

use super::args;
use super::call::Call;
use super::exit::{Exit, Failure, Outcome};
use super::listed::{self, Row};
use crate::app::view::{Scope, ThreadRow};
use crate::engine::query::Branch;

#[derive(Serialize)]
struct Threads<'a> {
    schema: &'static str,
    threads: Vec<Line<'a>>,
    total: usize,
}

/// A thread in a list.
#[derive(Serialize)]
pub(super) struct Line<'a> {
    id: String,
    case: Option<&'a str>,
    cases: Vec<&'a str>,
    subject: &'a str,
    messages: usize,
    unread: usize,
    last_date: Timestamp,
    participants: Vec<&'a str>,
    flagged: bool,
    attachments: bool,
}

impl<'a> Line<'a> {
    pub(super) fn of(row: &'a ThreadRow) -> Self {
        let cases: Vec<&str> = row.cases.iter().map(|case| case.0.as_str()).collect();
        Self {
            id: row.id.to_string(),
            case: cases.first().copied(),
            cases,
            subject: row.subject.as_str(),
            messages: row.messages,
            unread: row.unread,
            last_date: row.last_date,
            participants: row.participants.iter().map(crate::mail::safe::SafeText::as_str).collect(),
            flagged: row.flagged,
            attachments: row.attachments,
        }
    }
}

/// An entry for people.
pub(super) fn entry(row: &ThreadRow) -> (Vec<String>, Vec<String>) {
    let people: Vec<&str> = row.participants.iter().take(3).map(crate::mail::safe::SafeText::as_str).collect();
    let unread = if row.unread == 0 { String::new() } else { format!(", {} unread", row.unread) };
    let head = vec![
        row.id.to_string(),
        listed::short_time(row.last_date),
        format!("{}{unread}", listed::count(row.messages, "message")),
        row.cases.first().map(|case| case.0.clone()).unwrap_or_default(),
    ];
    (head, vec![row.subject.as_str().to_owned(), people.join(", ")])
}

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    id: String,
    messages: usize,
    forest: Vec<Tree<'a>>,
}

#[derive(Serialize)]
struct Tree<'a> {
    message: Row<'a>,
    replies: Vec<Tree<'a>>,
}

/// As deep as the forest, which the engine bounds.
fn tree(branch: &Branch) -> Tree<'_> {
    Tree { message: Row::of(&branch.message), replies: branch.replies.iter().map(tree).collect() }
}

fn flatten(branches: &[Branch], depth: usize, into: &mut Vec<(Vec<String>, Vec<String>)>) {
    for branch in branches {
        into.push(listed::entry(&branch.message, depth));
        flatten(&branch.replies, depth + 1, into);
    }
}

pub(super) fn run(call: &mut Call<'_>, command: &args::Thread) -> Outcome {
    match command {
        args::Thread::List { scope } => {
            let rows = call.engine()?.threads(&listed::scope(call, scope)?.unwrap_or(Scope::All))?;
            let shown = listed::cut(&rows, scope.limit, &mut call.output);
            if call.output.json() {
                let threads = shown.iter().map(Line::of).collect();
                call.output.document(&Threads { schema: "casemail.threads/1", threads, total: rows.len() })?;
            } else {
                let entries: Vec<_> = shown.iter().map(entry).collect();
                call.output.entries(&entries)?;
            }
        }
        args::Thread::Export { id, to } => {
            let subject = crate::engine::export::Subject::Threads(vec![listed::thread_id(id)?]);
            return super::export::run(call, subject, to);
        }
        args::Thread::Show { id } => {
            let thread = listed::thread_id(id)?;
            let forest = call.engine()?.thread_forest(thread)?;
            if forest.is_empty() {
                return Err(Failure::no(format!("there is no thread {thread}")));
            }
            let mut rows = Vec::new();
            flatten(&forest, 0, &mut rows);
            if call.output.json() {
                let forest = forest.iter().map(tree).collect();
                let id = thread.to_string();
                call.output.document(&Document { schema: "casemail.thread/1", id, messages: rows.len(), forest })?;
            } else {
                call.output.entries(&rows)?;
            }
        }
    }
    Ok(Exit::Done)
}
