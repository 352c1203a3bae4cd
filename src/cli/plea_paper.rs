//! `plea sheet` and `plea chronology`: a negotiation on paper, to standard output or to a new file.

use std::path::Path;

use serde::Serialize;

use super::call::Call;
use super::exit::{Exit, Failure, Outcome};
use super::plea::{find, told, usage};
use super::plea_args::About;
use crate::app::plea_view::Local;
use crate::engine::EngineError;
use crate::plea::record::Paper;

#[derive(Serialize)]
struct Sheet<'a> {
    schema: &'static str,
    id: String,
    case: &'a str,
    title: &'a str,
    text: &'a str,
}

#[derive(Serialize)]
struct Chronology {
    schema: &'static str,
    #[serde(flatten)]
    told: serde_json::Value,
}

/// Tells a paper, or writes it to a file that is not there yet.
pub(super) fn paper(call: &mut Call<'_>, about: &About, which: Paper, to: Option<&Path>) -> Outcome {
    let shown = find(call, about)?;
    let (case, id) = (&shown.case, &shown.view.setting.id);
    let engine = call.engine()?;
    let no = |error: EngineError| match error {
        EngineError::Refused(words) => usage(words),
        error => error.into(),
    };
    let Some(to) = to else {
        let form = if which == Paper::Chronology && call.output.json() { "it.json" } else { "it.txt" };
        let bytes = engine.plea_paper(&case.id, id, which, form).map_err(no)?;
        let text = String::from_utf8_lossy(&bytes);
        match which {
            Paper::Page if call.output.json() => call.output.document(&Sheet {
                schema: "casemail.plea-sheet/1",
                id: id.to_string(),
                case: &case.id.0,
                title: &case.title,
                text: &text,
            })?,
            Paper::Chronology if call.output.json() => {
                let told = serde_json::from_str(&text).unwrap_or_default();
                call.output.document(&Chronology { schema: "casemail.plea-chronology/1", told })?;
            }
            _ => {
                for line in text.lines() {
                    call.output.line(line)?;
                }
            }
        }
        return Ok(Exit::Done);
    };
    let file = call.cwd.join(to);
    // Whether it has such a form is the command's business, whether it can be written the disk's.
    engine.plea_paper(&case.id, id, which, &file.display().to_string()).map_err(no)?;
    let local = Local::Write(which, file.display().to_string());
    let words = engine.plea_local(&case.id, id, local).map_err(|error| match error {
        EngineError::Refused(words) => Failure::new(Exit::CannotWrite, words),
        error => error.into(),
    })?;
    told(call, id, &words)
}
