//! What is on its way.

use super::{lead, point, say};
use crate::action::{Action, Context};
use crate::app::Model;
use crate::app::screen::outbox::{Outbox, state_in_words};
use crate::app::size::{Area, inset};
use crate::app::view::OutboxRow;
use crate::app::wrap::Wrapped;
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
        let style = lead(canvas, area, y, 2 + state, scope(row.state), chosen);
        canvas.put(area.x + 2, y, state, row.state, style);
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

fn scope(state: &str) -> Scope {
    match state {
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
    let mut words = format!("This message is {}.", state_in_words(row.state));
    if row.attempts > 0 {
        words.push_str(&format!(
            " Tried {}.",
            if row.attempts == 1 { "once".to_owned() } else { format!("{} times", row.attempts) }
        ));
    }
    if let Some(next) = row.next_attempt {
        words.push_str(&format!(" Next try {}.", date::clock(next, model.now, &model.settings.zone)));
    }
    if !row.reply.is_empty() {
        words.push_str(&format!(" {}", row.reply));
    }
    let inner = inset(Area { y: area.y + 1, height: area.height.saturating_sub(1), ..area });
    let text = crate::mail::safe::SafeText::line(&words);
    let wrapped =
        Wrapped::new(std::sync::Arc::from(vec![text]), usize::from(inner.width.min(110)), usize::from(inner.height));
    let style = canvas.style(scope(row.state));
    for (y, (_, _, line)) in (inner.y..inner.y + inner.height).zip(wrapped.visible()) {
        canvas.put(inner.x, y, inner.width, line, style);
    }
}
