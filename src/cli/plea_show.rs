//! `plea list` and `plea show`: where negotiations stand, for people and for scripts. The members of the JSON are told in `docs/plea.md`.

use jiff::Timestamp;
use serde::Serialize;

use super::call::Call;
use super::exit::{Exit, Outcome};
use super::listed;
use super::plea::{find, usage};
use super::plea_args::About;
use crate::app::plea_view::NegotiationView;
use crate::app::screen::negotiation::lines;
use crate::case::Hearing;
use crate::plea::board::{self, Filter, Order, Row};
use crate::plea::negotiation::Step;
use crate::plea::{Entry, Side, Terms, View};

#[derive(Serialize)]
struct Negotiations<'a> {
    schema: &'static str,
    negotiations: Vec<Line<'a>>,
}

#[derive(Serialize)]
struct Line<'a> {
    id: String,
    case: &'a str,
    title: &'a str,
    accused: &'a str,
    state: &'static str,
    turn: Option<&'static str>,
    round: u16,
    reply_by: Option<Timestamp>,
    overdue: bool,
    next_hearing: Option<Timestamp>,
    asked: usize,
    unconfirmed: usize,
}

impl<'a> Line<'a> {
    fn of(row: &'a Row) -> Self {
        Self {
            id: row.id.to_string(),
            case: &row.case.0,
            title: &row.title,
            accused: &row.accused,
            state: row.state.name(),
            turn: row.turn.map(Side::name),
            round: row.round,
            reply_by: row.reply_by,
            overdue: row.left.is_some_and(|left| left.is_negative() || left.is_zero()),
            next_hearing: row.hearing.as_ref().and_then(|(one, _)| Some(one.at.start().ok()?.timestamp())),
            asked: row.asked,
            unconfirmed: row.unconfirmed,
        }
    }
}

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    id: String,
    case: &'a str,
    accused: &'a str,
    us: &'static str,
    state: &'static str,
    words: &'static str,
    turn: Option<&'static str>,
    round: u16,
    reply_by: Option<Timestamp>,
    hearings: Vec<&'a Hearing>,
    credit: Vec<CreditLine<'a>>,
    acts: Vec<ActLine<'a>>,
    local: Vec<HereLine>,
    notices: Vec<String>,
    unmarked: Vec<String>,
    allowed: Vec<Allowed>,
}

#[derive(Serialize)]
struct CreditLine<'a> {
    words: &'a str,
    from: &'a str,
}

#[derive(Serialize)]
struct ActLine<'a> {
    no: String,
    kind: &'static str,
    by: &'a str,
    side: &'static str,
    message: &'a str,
    message_sha256: String,
    sent_date: Timestamp,
    came: Timestamp,
    trust: &'static str,
    admitted_by: Option<&'a str>,
    wants_yes: bool,
    counts: bool,
    because: Vec<String>,
    findings: Vec<&'static str>,
    terms_hash: Option<String>,
    terms: Option<&'a Terms>,
    answers: Option<String>,
    reply_by: Option<Timestamp>,
    state: &'static str,
    outbox: Option<&'static str>,
    files: Vec<FileLine<'a>>,
}

#[derive(Serialize)]
struct FileLine<'a> {
    name: &'a str,
    sha256: &'a str,
    found: &'static str,
}

#[derive(Serialize)]
struct HereLine {
    kind: String,
    at: Timestamp,
    words: String,
}

#[derive(Serialize)]
struct Allowed {
    kind: &'static str,
    ok: bool,
    because: String,
}

fn act_line<'a>(step: &'a Step, shown: &'a NegotiationView) -> ActLine<'a> {
    let heard = &step.heard;
    let act = &heard.act;
    ActLine {
        no: act.no.to_string(),
        kind: act.kind().name(),
        by: if heard.speaker.name.is_empty() { &heard.speaker.address } else { &heard.speaker.name },
        side: act.no.side.name(),
        message: &heard.message.message_id,
        message_sha256: hex::encode(heard.message.digest),
        sent_date: act.at,
        came: heard.came,
        trust: heard.trust.name(),
        admitted_by: heard.word.admitted_by(),
        wants_yes: heard.wants_yes() && step.would.is_none(),
        counts: step.verdict.counts(),
        because: step.because(),
        findings: heard.findings.iter().map(crate::plea::trust::Finding::code).collect(),
        terms_hash: act.terms_hash().map(|hash| hash.to_string()),
        terms: act.deed.terms(),
        answers: act.deed.answers().map(|quoted| quoted.no.to_string()),
        reply_by: act.deed.reply_by(),
        state: step.after.name(),
        outbox: shown.transits.iter().find(|one| one.act == act.no).map(|one| one.state),
        files: shown
            .files
            .iter()
            .filter(|one| one.act == act.no)
            .map(|one| FileLine { name: one.name.as_str(), sha256: &one.sha256, found: one.found.name() })
            .collect(),
    }
}

fn here_line(entry: &Entry, view: &View) -> HereLine {
    HereLine { kind: entry.kind_words().to_lowercase(), at: entry.at(), words: view.words_of(entry) }
}

/// All that go on.
pub(super) fn list(call: &mut Call<'_>, all: bool, sort: &str, limit: Option<usize>) -> Outcome {
    let order = match sort {
        "urgency" => Order::Urgency,
        "case" => Order::Case,
        "state" => Order::State,
        "hearing" => Order::Hearing,
        _ => return Err(usage("--sort is urgency, case, state or hearing")),
    };
    let filter = if all { Filter::All } else { Filter::Open };
    let rows = board::sorted(call.engine()?.negotiations()?, filter, order);
    let shown = listed::cut(&rows, limit, &mut call.output);
    if call.output.json() {
        let negotiations = shown.iter().map(Line::of).collect();
        call.output.document(&Negotiations { schema: "casemail.negotiations/1", negotiations })?;
    } else {
        let cells = |row: &Row| {
            let cells =
                vec![row.id.to_string(), turn(row), row.left_words(), format!("{}: {}", row.title, row.state.words())];
            (cells, Vec::new())
        };
        let entries: Vec<_> = shown.iter().map(cells).collect();
        call.output.entries(&entries)?;
        if rows.is_empty() {
            call.output.say(if all {
                "there is no negotiation"
            } else {
                "no negotiation goes on; --all shows the closed ones"
            });
        }
    }
    Ok(Exit::Done)
}

/// Whose turn it is, and what for.
fn turn(row: &Row) -> String {
    match row.unconfirmed {
        0 => format!("{} turn", row.turn_words()),
        1 => "an act waits for your yes".to_owned(),
        more => format!("{more} acts wait for your yes"),
    }
}

/// One of them.
pub(super) fn show(call: &mut Call<'_>, about: &About) -> Outcome {
    let shown = find(call, about)?;
    if !call.output.json() {
        let now = call.now();
        let mut before = "";
        for line in lines(&shown, now) {
            let name = line.section.name();
            let head = if name == before { "" } else { name };
            before = name;
            let note = if line.note.is_empty() { String::new() } else { format!("  [{}]", line.note) };
            call.output.line(&format!("{head:<9}{}{note}", line.text))?;
        }
        return Ok(Exit::Done);
    }
    let view = &shown.view;
    let mut notices: Vec<String> = view.crossing.iter().map(ToString::to_string).collect();
    notices.extend(view.notices.iter().map(ToString::to_string));
    call.output.document(&Document {
        schema: "casemail.negotiation/1",
        id: view.setting.id.to_string(),
        case: &shown.case.id.0,
        accused: &view.setting.surname,
        us: view.setting.us.name(),
        state: view.state.name(),
        words: view.state.words(),
        turn: view.turn.map(Side::name),
        round: view.round,
        reply_by: view.reply_by,
        hearings: shown.case.coming_hearings(view.now),
        credit: shown
            .credit
            .iter()
            .map(|(words, from)| CreditLine { words: words.as_str(), from: from.as_str() })
            .collect(),
        acts: view.steps.iter().map(|step| act_line(step, &shown)).collect(),
        local: shown.local.iter().map(|entry| here_line(entry, view)).collect(),
        notices,
        unmarked: shown.loose.iter().map(|one| one.message.to_string()).collect(),
        allowed: shown
            .possible
            .iter()
            .map(|(kind, answer)| Allowed {
                kind: kind.name(),
                ok: answer.is_ok(),
                because: answer.as_ref().err().map(ToString::to_string).unwrap_or_default(),
            })
            .collect(),
    })?;
    Ok(Exit::Done)
}
