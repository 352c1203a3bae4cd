//! `case refile`: filing rules that have changed, seen before they are in force.

use serde::Serialize;

use super::call::Call;
use super::exit::{Exit, Outcome};
use crate::case::Filed;
use crate::engine::refiling::Refiled;

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    /// The rules of the configuration were not in force.
    changed: bool,
    /// They are now.
    applied: bool,
    moved: Vec<Line<'a>>,
}

#[derive(Serialize)]
struct Line<'a> {
    id: String,
    subject: &'a str,
    from: Vec<Place<'a>>,
    to: Vec<Place<'a>>,
    not_a_case: bool,
}

impl<'a> Line<'a> {
    fn of(one: &'a Refiled) -> Self {
        Self {
            id: one.message.to_string(),
            subject: one.subject.as_str(),
            from: places(&one.from),
            to: places(&one.to),
            not_a_case: one.not_a_case,
        }
    }
}

#[derive(Serialize)]
struct Place<'a> {
    case: &'a str,
    because: String,
    /// Out of 100.
    score: u8,
}

fn places(list: &[Filed]) -> Vec<Place<'_>> {
    list.iter()
        .map(|Filed { case, because }| Place { case: &case.0, because: because.to_string(), score: because.score() })
        .collect()
}

fn words(list: &[Filed], not_a_case: bool) -> String {
    let each: Vec<String> =
        list.iter().map(|filed| format!("{} ({}, {})", filed.case, filed.because, filed.because.score())).collect();
    match each.as_slice() {
        [] if not_a_case => "not a case".to_owned(),
        [] => "no case".to_owned(),
        _ => each.join(" and "),
    }
}

/// `case refile`.
pub(super) fn refile(call: &mut Call<'_>, dry_run: bool) -> Outcome {
    let engine = call.engine()?;
    let preview = if dry_run { engine.preview_refiling()? } else { engine.refile()? };
    if call.output.json() {
        let moved = preview.moved.iter().map(Line::of).collect();
        let document = Document { schema: "casemail.refile/1", changed: preview.changed, applied: !dry_run, moved };
        call.output.document(&document)?;
        return Ok(Exit::Done);
    }
    for one in &preview.moved {
        let (from, to) = (words(&one.from, false), words(&one.to, one.not_a_case));
        call.output.line(&format!("{}: {from} -> {to}", one.message))?;
        call.output.line(&format!("    {}", one.subject))?;
    }
    call.output.say(match (preview.changed, dry_run) {
        (false, _) => "the filing rules of the configuration are in force",
        (true, true) => "nothing was moved; `casemail case refile` files by these rules",
        (true, false) => "filed by the rules of the configuration",
    });
    Ok(Exit::Done)
}
