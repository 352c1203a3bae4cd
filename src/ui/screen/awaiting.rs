//! Answers that are waited for.

use super::{lead, point, say};
use crate::app::Model;
use crate::app::screen::awaiting::AwaitingScreen;
use crate::app::size::Area;
use crate::mail::safe::SafeText;
use crate::theme::Scope;
use crate::ui::canvas::Canvas;
use crate::ui::date;

const DUE: u16 = 12;

/// Draws the list.
pub(in crate::ui) fn draw(model: &Model, awaiting: &AwaitingScreen, canvas: &mut Canvas<'_>) {
    let area = model.list_area();
    let case = (area.width / 3).clamp(12, 40);
    let what = area.width.saturating_sub(4 + case + 2 + DUE + 2).min(90);
    if area.y > model.parts().body.y {
        let style = canvas.style(Scope::ListHeading);
        let y = area.y - 1;
        canvas.put(area.x + 4, y, case, "Case", style);
        canvas.put(area.x + 6 + case, y, what, "Awaited", style);
        canvas.put_right(area.x + 6 + case + what, y, DUE, "chase", style);
    }
    for (y, (place, row)) in (area.y..).zip(awaiting.list.visible()) {
        let chosen = place == awaiting.list.at();
        let due = row.awaiting.is_due(model.now);
        let scope = if due { Scope::ListUnread } else { Scope::ListRow };
        let style = lead(canvas, area, y, 6 + case + what, scope, chosen);
        if due {
            canvas.put(area.x + 2, y, 1, "!", style);
        }
        canvas.put(area.x + 4, y, case, row.title.as_str(), style);
        let words = SafeText::line(&format!("{}, of {}", row.awaiting.what, row.awaiting.to.join(", ")));
        canvas.put(area.x + 6 + case, y, what, words.as_str(), style);
        let at = if due { "now".to_owned() } else { date::short(row.awaiting.due, model.now, &model.settings.zone) };
        canvas.put_right(area.x + 6 + case + what, y, DUE, &at, canvas.style(Scope::ListDate));
        point(model, canvas, area, y, chosen);
    }
    if awaiting.list.is_empty() {
        let words = if awaiting.fresh.loaded { "No answer is waited for." } else { "Reading what is waited for." };
        say(canvas, area, words);
    }
    let body = model.parts().body;
    let y = area.y + area.height;
    let height = (body.y + body.height).saturating_sub(y);
    let Some(row) = awaiting.list.selected().filter(|_| height > 1) else { return };
    canvas.fill(Area { y, height: 1, ..body }, canvas.pick("─", "-"), canvas.style(Scope::Border));
    let zone = &model.settings.zone;
    let one = &row.awaiting;
    let chased = match one.chased.last() {
        None => "not chased yet".to_owned(),
        Some(at) => format!("chased {} times, last {}", one.chased.len(), date::long(*at, zone)),
    };
    let words = format!(
        "Asked {} ({}); {chased}; to be chased {}.",
        date::long(one.sent, zone),
        row.age,
        date::long(one.due, zone)
    );
    super::paragraph(
        canvas,
        Area { y: y + 1, height: height - 1, ..body },
        &SafeText::line(&words),
        canvas.style(Scope::Text),
    );
}
