//! What is on its way.

use super::{lead, point, say};
use crate::action::{Action, Context};
use crate::app::Model;
use crate::app::screen::outbox::{Outbox, state_in_words};
use crate::app::size::{Area, inset};
use crate::app::view::OutboxRow;
use crate::app::wrap::Wrapped;
use crate::mail::safe::SafeText;
use crate::theme::Scope;
use crate::ui::canvas::Canvas;
use crate::ui::date;

/// Draws the outbox.
pub(in crate::ui) fn draw(model: &Model, outbox: &Outbox, canvas: &mut Canvas<'_>) {
    let area = model.list_area();
    let people = (area.width / 4).clamp(12, 34);
    let state = 15;
    let subject = area.width.saturating_sub(2 + people + 2 + state + 1 + 7);
    if area.y > model.parts().body.y {
        let style = canvas.style(Scope::ListHeading);
        let y = area.y - 1;
        canvas.put(area.x + 2, y, state, "State", style);
        canvas.put(area.x + 3 + state, y, people, "To", style);
        canvas.put(area.x + 5 + state + people, y, subject, "Subject", style);
        canvas.put_right(area.x, y, area.width, "queued", style);
    }
    for (y, (place, row)) in (area.y..).zip(outbox.list.visible()) {
        let chosen = place == outbox.list.at();
        let style = lead(canvas, area, y, 2 + state, scope(row), chosen);
        let label = match row.parts {
            Some((some, all)) => format!("sent to {some} of {all}"),
            None => row.state.to_owned(),
        };
        canvas.put(area.x + 2, y, state, &label, style);
        canvas.put(area.x + 3 + state, y, people, row.to.as_str(), canvas.style(Scope::ListRow));
        canvas.put(area.x + 5 + state + people, y, subject, row.subject.as_str(), canvas.style(Scope::ListRow));
        let queued = date::short(row.queued, model.now, &model.settings.zone);
        canvas.put_right(area.x, y, area.width, &queued, canvas.style(Scope::ListDate));
        point(model, canvas, area, y, chosen);
    }
    if outbox.list.is_empty() {
        let back = model.settings.keymap.hint(Context::Outbox, Action::Back).unwrap_or_default();
        let text = if outbox.fresh.loaded {
            format!("Nothing waits to be sent. {back} goes back.")
        } else {
            "Reading the outbox.".to_owned()
        };
        say(canvas, area, &text);
    }
    let body = model.parts().body;
    let below =
        Area { y: area.y + area.height, height: (body.y + body.height).saturating_sub(area.y + area.height), ..body };
    if let Some(row) = outbox.list.selected().filter(|_| below.height > 1) {
        details(model, row, canvas, below);
    }
}

fn scope(row: &OutboxRow) -> Scope {
    match row.state {
        "sent" | "sent-not-filed" if row.parts.is_some() => Scope::OutboxFailed,
        "sent" => Scope::OutboxSent,
        "sending" | "sent-not-filed" => Scope::OutboxSending,
        "failed" | "uncertain" => Scope::OutboxFailed,
        _ => Scope::OutboxWaiting,
    }
}

/// The row at the cursor in whole sentences.
fn details(model: &Model, row: &OutboxRow, canvas: &mut Canvas<'_>, area: Area) {
    let border = canvas.style(Scope::Border);
    canvas.fill(Area { height: 1, ..area }, canvas.pick("─", "-"), border);
    let inner = inset(Area { y: area.y + 1, height: area.height.saturating_sub(1), ..area });
    let lines: Vec<SafeText> = sentences(model, row).iter().map(|text| SafeText::line(text)).collect();
    let wrapped =
        Wrapped::new(std::sync::Arc::from(lines), usize::from(inner.width.min(110)), usize::from(inner.height));
    let style = canvas.style(scope(row));
    for (y, (_, _, line)) in (inner.y..inner.y + inner.height).zip(wrapped.visible()) {
        canvas.put(inner.x, y, inner.width, line, style);
    }
}

/// What is known of a row, the most needed first: a small screen cuts the end.
fn sentences(model: &Model, row: &OutboxRow) -> Vec<String> {
    let clock = |at| date::clock(at, model.now, &model.settings.zone);
    let mut words = match row.parts {
        Some((some, all)) => format!("This message is sent to {some} of {all}."),
        None => format!("This message is {}.", state_in_words(row.state)),
    };
    if row.attempts > 0 {
        let times = if row.attempts == 1 { "once".to_owned() } else { format!("{} times", row.attempts) };
        words.push_str(&format!(" Tried {times}."));
    }
    if let Some(next) = row.next_attempt {
        let what = if row.state == "held" { "It leaves" } else { "Next try" };
        words.push_str(&format!(" {what} {}.", clock(next)));
    }
    if !row.route.is_empty() {
        words.push_str(&format!(" By {}.", row.route));
    }
    let mut lines = vec![words];
    if !row.stranded.is_empty() {
        lines.push(row.stranded.to_string());
    }
    if let Some((since, looked, places)) = &row.doubt {
        lines.push(match looked {
            Some(_) if places.is_empty() => {
                let lost = format!("No answer came {} that says whether it was sent.", clock(*since));
                let because = if row.reply.is_empty() { lost } else { row.reply.to_string() };
                format!("{because} No copy that is found would say who has it.")
            }
            Some(at) => format!(
                "The connection was lost {}, when the server may have had all of it. It was looked for {} and is not in {places}.",
                clock(*since),
                clock(*at)
            ),
            None => format!(
                "The connection was lost {}, when the server may have had all of it. It is looked for as soon as the mailboxes can be reached.",
                clock(*since)
            ),
        });
        lines.push(decide(model));
    }
    let each = row.recipients.len() > 1 || row.parts.is_some();
    if row.doubt.is_none() && !row.reply.is_empty() && !(each && row.parts.is_some()) {
        lines.push(row.reply.to_string());
    }
    // Whoever is worth a look comes first.
    let mut people: Vec<_> =
        row.recipients.iter().filter(|one| each || one.words.as_str().contains("report")).collect();
    people.sort_by_key(|one| std::cmp::Reverse(one.tone));
    lines.extend(people.iter().map(|one| format!("{}: {}.", one.address, one.words)));
    lines
}

/// What a person can do about a row that is uncertain.
fn decide(model: &Model) -> String {
    let key = |action: Action| {
        let hint = model.settings.keymap.hint(Context::Outbox, action);
        hint.map_or_else(|| format!(":{}", action.name()), str::to_owned)
    };
    format!(
        "Ask a recipient. {}: it was sent. {}: send it again (it may arrive twice). {}: give it up and keep it as a draft.",
        key(Action::OutboxArrived),
        key(Action::OutboxSendAgain),
        key(Action::OutboxCancel)
    )
}
