//! What a server was not told yet.

use super::{lead, point, say};
use crate::action::{Action, Context};
use crate::app::Model;
use crate::app::screen::changes::Changes;
use crate::app::size::{Area, inset};
use crate::app::view::WaitingRow;
use crate::app::wrap::Wrapped;
use crate::mail::safe::SafeText;
use crate::theme::Scope;
use crate::ui::canvas::Canvas;
use crate::ui::date;

/// Draws the list.
pub(in crate::ui) fn draw(model: &Model, changes: &Changes, canvas: &mut Canvas<'_>) {
    let area = model.list_area();
    let (state, account) = (9, (area.width / 6).clamp(8, 20));
    let words = area.width.saturating_sub(2 + state + 2 + account + 2 + 7);
    if area.y > model.parts().body.y {
        let style = canvas.style(Scope::ListHeading);
        let y = area.y - 1;
        canvas.put(area.x + 2, y, state, "State", style);
        canvas.put(area.x + 4 + state, y, account, "Account", style);
        canvas.put(area.x + 6 + state + account, y, words, "What", style);
        canvas.put_right(area.x, y, area.width, "done", style);
    }
    for (y, (place, row)) in (area.y..).zip(changes.list.visible()) {
        let chosen = place == changes.list.at();
        let style = lead(canvas, area, y, 2 + state, scope(row.state), chosen);
        canvas.put(area.x + 2, y, state, row.state, style);
        canvas.put(area.x + 4 + state, y, account, row.account.as_str(), canvas.style(Scope::ListRow));
        canvas.put(area.x + 6 + state + account, y, words, row.words.as_str(), canvas.style(Scope::ListRow));
        let at = date::short(row.at, model.now, &model.settings.zone);
        canvas.put_right(area.x, y, area.width, &at, canvas.style(Scope::ListDate));
        point(model, canvas, area, y, chosen);
    }
    if changes.list.is_empty() {
        let back = model.settings.keymap.hint(Context::Changes, Action::Back).unwrap_or_default();
        let text = if changes.fresh.loaded {
            format!("The servers know of everything you did. {back} goes back.")
        } else {
            "Reading what waits.".to_owned()
        };
        say(canvas, area, &text);
    }
    let body = model.parts().body;
    let below =
        Area { y: area.y + area.height, height: (body.y + body.height).saturating_sub(area.y + area.height), ..body };
    if let Some(row) = changes.list.selected().filter(|_| below.height > 1) {
        details(model, row, canvas, below);
    }
}

fn scope(state: &str) -> Scope {
    match state {
        "telling" => Scope::OutboxSending,
        "stuck" | "failed" | "uncertain" => Scope::OutboxFailed,
        _ => Scope::OutboxWaiting,
    }
}

/// The row at the cursor in whole sentences.
fn details(model: &Model, row: &WaitingRow, canvas: &mut Canvas<'_>, area: Area) {
    let border = canvas.style(Scope::Border);
    canvas.fill(Area { height: 1, ..area }, canvas.pick("─", "-"), border);
    let mut words = match row.state {
        "telling" => "The server is being told.".to_owned(),
        "stuck" => "The server was told and did not do it; it is told again.".to_owned(),
        "failed" => "The server refused it. The message is kept here and nowhere else.".to_owned(),
        "uncertain" => "No answer came when the server was told: look whether the message is there.".to_owned(),
        _ => "The server is told as soon as it can be reached.".to_owned(),
    };
    if !row.why.is_empty() {
        words.push_str(&format!(" Why it waits: {}.", row.why.as_str().trim_end_matches('.')));
    }
    let held = matches!(row.state, "failed" | "uncertain");
    let keys = [
        (row.step > 0, Action::ChangeCancel, if held { "gives it up" } else { "takes it back" }),
        (row.step > 0 && (held || row.state == "stuck"), Action::ChangeRetry, "tells the server again now"),
        (row.keeps, Action::ChangeSave, "saves the message"),
    ];
    for (_, action, what) in keys.into_iter().filter(|(can, ..)| *can) {
        if let Some(key) = model.settings.keymap.hint(Context::Changes, action) {
            words.push_str(&format!(" {key} {what}."));
        }
    }
    let inner = inset(Area { y: area.y + 1, height: area.height.saturating_sub(1), ..area });
    let text = SafeText::line(&words);
    let wrapped =
        Wrapped::new(std::sync::Arc::from(vec![text]), usize::from(inner.width.min(110)), usize::from(inner.height));
    let style = canvas.style(scope(row.state));
    for (y, (_, _, line)) in (inner.y..inner.y + inner.height).zip(wrapped.visible()) {
        canvas.put(inner.x, y, inner.width, line, style);
    }
}
