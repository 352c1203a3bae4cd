//! What is to be filed: who wrote, what it is about, where it may belong; below, why casemail did not decide.

use super::{lead, point, say};
use crate::action::{Action, Context};
use crate::app::Model;
use crate::app::case_view::TriageRow;
use crate::app::screen::triage::Triage;
use crate::app::size::Area;
use crate::mail::safe::SafeText;
use crate::theme::Scope;
use crate::ui::canvas::Canvas;
use crate::ui::date;

const DATE: u16 = 6;

/// Draws the list.
pub(in crate::ui) fn draw(model: &Model, triage: &Triage, canvas: &mut Canvas<'_>) {
    let area = model.list_area();
    let width = area.width;
    let people = (width / 5).clamp(10, 26);
    let suggestion = (width / 4).clamp(12, 36);
    let subject = width.saturating_sub(4 + people + 2 + suggestion + 2 + DATE + 2).min(96);
    if area.y > model.parts().body.y {
        let style = canvas.style(Scope::ListHeading);
        let (mut x, y) = (area.x + 4, area.y - 1);
        canvas.put(x, y, people, "From", style);
        x += people + 2;
        canvas.put(x, y, subject, "Subject", style);
        x += subject + 2;
        canvas.put(x, y, suggestion, "Suggestion", style);
        canvas.put_right(x + suggestion + 1, y, DATE, "last", style);
    }
    for (y, (place, row)) in (area.y..).zip(triage.list.visible()) {
        let chosen = place == triage.list.at();
        let scope = if row.doubt.is_empty() { Scope::ListRow } else { Scope::ListUnread };
        let style = lead(canvas, area, y, 4 + people + 2 + subject, scope, chosen);
        if row.messages.first().is_some_and(|id| triage.marked.contains(id)) {
            canvas.put(area.x + 1, y, 1, "+", style);
        }
        if !row.doubt.is_empty() {
            canvas.put(area.x + 2, y, 1, "?", style);
        }
        let mut x = area.x + 4;
        canvas.put(x, y, people, row.from.as_str(), style);
        x += people + 2;
        let words = match row.messages.len() {
            1 => row.subject.clone(),
            many => SafeText::line(&format!("({many}) {}", row.subject)),
        };
        canvas.put(x, y, subject, words.as_str(), style);
        x += subject + 2;
        canvas.put(x, y, suggestion, &suggested(row), canvas.style(Scope::ListCase));
        let at = date::short(row.received, model.now, &model.settings.zone);
        canvas.put_right(x + suggestion + 1, y, DATE, &at, canvas.style(Scope::ListDate));
        point(model, canvas, area, y, chosen);
    }
    if triage.list.is_empty() {
        say(canvas, area, &empty(model, triage));
    }
    details(model, triage, canvas, area);
}

fn suggested(row: &TriageRow) -> String {
    match row.suggestions.as_slice() {
        [] if row.is_none() => "not a case".to_owned(),
        [] => "-".to_owned(),
        [one] => one.title.to_string(),
        [one, rest @ ..] => format!("{} or {} more", one.title, rest.len()),
    }
}

fn empty(model: &Model, triage: &Triage) -> String {
    if !triage.fresh.loaded {
        return "Reading what is in no case.".to_owned();
    }
    let back = model.settings.keymap.hint(Context::Triage, Action::Back).unwrap_or_default();
    if triage.list.filter().is_empty() {
        format!("Everything has its place. {back} goes back.")
    } else {
        format!("No row holds “{}”. {back} shows all of them again.", SafeText::line(triage.list.filter()))
    }
}

/// Below the list: the row at the cursor in whole sentences.
fn details(model: &Model, triage: &Triage, canvas: &mut Canvas<'_>, list: Area) {
    let body = model.parts().body;
    let y = list.y + list.height;
    let height = (body.y + body.height).saturating_sub(y);
    let Some(row) = triage.list.selected().filter(|_| height > 1) else { return };
    canvas.fill(Area { y, height: 1, ..body }, canvas.pick("─", "-"), canvas.style(Scope::Border));
    let key = |action| model.settings.keymap.hint(Context::Triage, action).unwrap_or_default().to_owned();
    let why: Vec<String> =
        row.suggestions.iter().map(|one| format!("{} ({}, {} of 100)", one.title, one.because, one.score)).collect();
    let mut words = format!("From {}. ", row.address);
    if !row.doubt.is_empty() {
        words.push_str(&format!("In doubt: {}. ", row.doubt));
    }
    words.push_str(&match why.as_slice() {
        [] if row.is_none() => {
            format!("Suggested: not a case ({}); {} accepts it.", row.no_case, key(Action::TriageAccept))
        }
        [] => format!(
            "Nothing in it names a case: {} picks one, {} opens a new one.",
            key(Action::TriagePick),
            key(Action::TriageNewCase)
        ),
        [one] => format!("Suggested: {one}; {} accepts it.", key(Action::TriageAccept)),
        several => format!(
            "It may belong to {}; {} picks one, {} shares it.",
            several.join(" or "),
            key(Action::TriageAccept),
            key(Action::TriageShare)
        ),
    });
    if !row.is_none() {
        words.push_str(&format!(" {}: not a case.", key(Action::TriageNotACase)));
    }
    let alike = triage.alike().len();
    if alike > 1 {
        words.push_str(&format!(" {}: the same for all {alike} alike.", key(Action::TriageAcceptAlike)));
    }
    super::paragraph(
        canvas,
        Area { y: y + 1, height: height - 1, ..body },
        &SafeText::line(&words),
        canvas.style(Scope::Text),
    );
}
