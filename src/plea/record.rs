//! A negotiation told in order: its chronology as text and JSON.
//!
//! The chronology is for one's own file: it holds private notes and sendings that were refused. What is handed up is the [`super::sheet`].

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::act::{Act, Deed};
use super::diff;
use super::entry::Entry;
use super::heard::{Heard, Trust};
use super::negotiation::{Negotiation, View};
use super::number::Side;
use super::table::moment;

/// The form of the JSON.
pub const VERSION: u32 = 1;

/// A paper about a negotiation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Paper {
    /// The one page to hand up: nothing private is on it.
    Page,
    /// All that happened, for one's own file.
    Chronology,
}

impl Paper {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Page, Self::Chronology];

    /// The name that scripts read.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Chronology => "chronology",
        }
    }

    /// What people call it.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Page => "the page to hand up",
            Self::Chronology => "the chronology",
        }
    }

    /// Reads a [`Self::name`].
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name.trim().to_lowercase())
    }
}

/// Why a paper cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PaperError {
    /// A form that it does not have.
    #[error("{paper} is written as {forms}, by the end of the file's name; “{file}” is neither", paper = .paper.words())]
    Form {
        /// The paper.
        paper: Paper,
        /// The forms that it has.
        forms: &'static str,
        /// The file.
        file: String,
    },
    /// The PDF could not be made.
    #[error("the PDF could not be made: {0}")]
    Pdf(String),
}

/// A paper as the bytes of a file, in the form that the end of its name says.
///
/// # Errors
/// [`PaperError`].
pub fn paper(
    paper: Paper,
    file: &str,
    negotiation: &Negotiation,
    view: &View,
    title: &str,
) -> Result<Vec<u8>, PaperError> {
    let form = file.rsplit_once('.').map(|(_, form)| form.to_lowercase()).unwrap_or_default();
    match (paper, form.as_str()) {
        (Paper::Page, "pdf") => super::sheet::pdf(view, title).map_err(|error| PaperError::Pdf(error.to_string())),
        (Paper::Page, "txt") => Ok(super::sheet::text(view, title).into_bytes()),
        (Paper::Chronology, "txt") => Ok(text(negotiation, view).into_bytes()),
        (Paper::Chronology, "json") => {
            let mut text = format!("{:#}", json(negotiation, view));
            text.push('\n');
            Ok(text.into_bytes())
        }
        (Paper::Page, _) => Err(PaperError::Form { paper, forms: ".pdf or .txt", file: file.to_owned() }),
        (Paper::Chronology, _) => Err(PaperError::Form { paper, forms: ".txt or .json", file: file.to_owned() }),
    }
}

/// A line of the chronology.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// When.
    pub at: Timestamp,
    /// The act's number, where it has one.
    pub no: Option<String>,
    /// What: `OFFER`.
    pub kind: String,
    /// `sent`, `received`, `marked`, `here`.
    pub how: &'static str,
    /// By whom.
    pub by: String,
    /// What it says, in one sentence.
    pub what: String,
    /// It counts.
    pub counts: bool,
    /// Why not, and what else was found.
    pub remarks: Vec<String>,
    /// The digest of its terms, or of those it quotes.
    pub terms: Option<String>,
    /// Message-ID.
    pub message: Option<String>,
    /// Where the negotiation stood afterwards; of a line that is no act, empty.
    pub state: &'static str,
}

/// What an act says, in one line.
#[must_use]
pub fn what(act: &Act) -> String {
    let with = |what: String, text: &str| if text.is_empty() { what } else { format!("{what}: {text}") };
    match &act.deed {
        Deed::Offer { terms, reply_by } | Deed::Counter { terms, reply_by, .. } => {
            let charges: Vec<String> =
                terms.charges().iter().map(|term| format!("charge {}: {}", term.charge, diff::words(term))).collect();
            let mut said = charges.join("; ");
            if let Some(basis) = terms.basis() {
                said = format!("{said}; {}", super::block::document_words(basis));
            }
            if !terms.conditions().is_empty() {
                said = format!("{said}; conditions: {}", terms.conditions());
            }
            format!("{said}; reply by {}", moment(*reply_by))
        }
        Deed::Accept { answers, cleared } => {
            let met: Vec<String> =
                cleared.iter().map(|one| format!("{} by {}", one.condition.words(), one.by)).collect();
            with(format!("accepts {} ({})", answers.no, answers.hash.short()), &met.join("; "))
        }
        Deed::AcceptSubject { answers, subject_to } => {
            let named: Vec<String> =
                subject_to.iter().map(|one| with(one.condition.words().to_owned(), &one.words)).collect();
            format!("accepts {} ({}) subject to {}", answers.no, answers.hash.short(), named.join("; "))
        }
        Deed::Reject { answers, because } => with(format!("refuses {}", answers.no), because),
        Deed::Withdraw { answers, because } => with(format!("takes back {}", answers.no), because),
        Deed::Query { text } => with("asks".to_owned(), text),
        Deed::Reply { to, text } => with(format!("answers {to}"), text),
        Deed::Chase { text } => with("asks for an answer".to_owned(), text),
        Deed::Extend { answers, reply_by } => format!("leaves {} open until {}", answers.no, moment(*reply_by)),
        Deed::TenderNotice { answers, at, court } => {
            with(format!("the plea agreed by {} will be tendered on {at}", answers.no), court)
        }
    }
}

fn how(heard: &Heard, us: Side) -> &'static str {
    match heard.trust {
        Trust::Own => "sent",
        Trust::Marked { .. } => "marked",
        _ if heard.act.no.side == us => "sent",
        _ => "received",
    }
}

/// The lines, in order of time; what is private among them.
#[must_use]
pub fn chronology(negotiation: &Negotiation, view: &View) -> Vec<Line> {
    let us = negotiation.setting.us;
    let mut lines: Vec<Line> = view
        .steps
        .iter()
        .map(|step| {
            let act = &step.heard.act;
            let mut remarks = step.because();
            let told = step.heard.told();
            remarks.extend(told.map(ToString::to_string));
            if step.heard.trust != Trust::Own {
                remarks.push(format!("{}.", step.heard.trust_words()));
            }
            let quoted = act.deed.answers().map(|quoted| quoted.hash);
            Line {
                at: act.at,
                no: Some(act.no.to_string()),
                kind: act.kind().words().to_owned(),
                how: how(&step.heard, us),
                by: step.heard.speaker.name.clone(),
                what: what(act),
                counts: step.verdict.counts(),
                remarks,
                terms: act.terms_hash().or(quoted).map(|hash| hash.to_string()),
                message: Some(step.heard.message.message_id.clone()).filter(|id| !id.is_empty()),
                state: step.after.name(),
            }
        })
        .collect();
    lines.extend(negotiation.entries.iter().filter_map(|entry| here(entry, view)));
    lines.sort_by(|one, other| one.at.cmp(&other.at).then_with(|| one.no.cmp(&other.no)));
    lines
}

fn here(entry: &Entry, view: &View) -> Option<Line> {
    let named = |message: &crate::case::MessageName| {
        let known = view.carried.get(message);
        known.map_or_else(|| "an act".to_owned(), |(no, kind)| format!("{no} {}", kind.words()))
    };
    let said = |because: &String| if because.trim().is_empty() { Vec::new() } else { vec![because.clone()] };
    let (kind, by, what, remarks) = match entry {
        Entry::Refused { kind, because, by, .. } => {
            (kind.words(), by.clone(), "was not sent".to_owned(), because.clone())
        }
        Entry::Expire { offer, reply_by, .. } => {
            ("EXPIRE", String::new(), format!("{offer} lapsed on {}", moment(*reply_by)), Vec::new())
        }
        Entry::Choose { offer, by, .. } => {
            ("CHOOSE", by.clone(), format!("{offer} is looked upon as the offer that stands"), Vec::new())
        }
        Entry::Record { outcome, source, by, .. } => {
            let source = if source.is_empty() { Vec::new() } else { vec![format!("Known from: {source}.")] };
            ("RECORD", by.clone(), outcome.words(), source)
        }
        Entry::Admit { message, because, by, .. } => {
            ("ADMIT", by.clone(), format!("lets {} count", named(message)), said(because))
        }
        Entry::Unmark { message, because, by, .. } => {
            ("UNMARK", by.clone(), format!("says that {} does not count", named(message)), said(because))
        }
        Entry::Undelivered { act, because, .. } => (
            "UNDELIVERED",
            String::new(),
            format!("{act} reached nobody and counts as not done"),
            vec![because.clone()],
        ),
        Entry::Resent { act, by, .. } => ("RESENT", by.clone(), format!("{act} is sent once more"), Vec::new()),
        Entry::Written { paper, path, sha256, by, .. } => (
            "WRITTEN",
            by.clone(),
            format!("{} was written to {path}", paper.words()),
            vec![format!("SHA-256 of the file: {sha256}")],
        ),
        Entry::Note { text, by, .. } => ("NOTE", by.clone(), text.clone(), Vec::new()),
        Entry::Sent { .. } | Entry::Came { .. } | Entry::Mark { .. } => return None,
    };
    Some(Line {
        at: entry.at(),
        no: None,
        kind: kind.to_owned(),
        how: "here",
        by,
        what,
        counts: !matches!(entry, Entry::Refused { .. } | Entry::Undelivered { .. }),
        remarks,
        terms: None,
        message: None,
        state: "",
    })
}

/// The chronology as text, one act a paragraph.
#[must_use]
pub fn text(negotiation: &Negotiation, view: &View) -> String {
    let setting = &negotiation.setting;
    let mut text = format!(
        "Plea negotiation {}: {} ({}), {}\nState: {}\n\n",
        setting.id,
        setting.surname,
        setting.id.accused,
        setting.jurisdiction.words(),
        view.state.words()
    );
    for line in chronology(negotiation, view) {
        let no = line.no.map(|no| format!("{no} ")).unwrap_or_default();
        let from = if matches!(line.how, "received" | "marked") { "from" } else { "by" };
        let by = if line.by.is_empty() { String::new() } else { format!(" {from} {}", line.by) };
        let counts = if line.counts { "" } else { " (does not count)" };
        text.push_str(&format!("{}  {no}{} {}{by}{counts}: {}\n", moment(line.at), line.kind, line.how, line.what));
        for remark in &line.remarks {
            text.push_str(&format!("    {remark}\n"));
        }
        if let Some(terms) = &line.terms {
            text.push_str(&format!("    terms {terms}\n"));
        }
    }
    text
}

/// The chronology as JSON; its schema is told in `docs/plea.md`.
#[must_use]
pub fn json(negotiation: &Negotiation, view: &View) -> serde_json::Value {
    let setting = &negotiation.setting;
    serde_json::json!({
        "version": VERSION,
        "case": setting.id.number,
        "negotiation": setting.id.name(),
        "accused": { "number": setting.id.accused, "surname": setting.surname },
        "jurisdiction": setting.jurisdiction.name(),
        "state": view.state.name(),
        "turn": view.turn.map(Side::name),
        "round": view.round,
        "reply_by": view.reply_by,
        "terms": view.standing().map(|offer| &offer.terms),
        "terms_sha256": view.standing().map(|offer| offer.hash),
        "crossing": view.crossing.as_ref().map(ToString::to_string),
        "notices": view.notices.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "acts": chronology(negotiation, view),
    })
}
