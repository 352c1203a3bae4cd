//! Drafts that wait to be gone on with.

use super::{lead, point, say};
use crate::action::{Action, Context};
use crate::app::Model;
use crate::app::screen::drafts::Drafts;
use crate::theme::Scope;
use crate::ui::canvas::Canvas;
use crate::ui::date;

/// Draws the drafts.
pub(in crate::ui) fn draw(model: &Model, drafts: &Drafts, canvas: &mut Canvas<'_>) {
    let area = model.list_area();
    let people = (area.width / 3).clamp(12, 40);
    let subject = area.width.saturating_sub(2 + people + 2 + 9);
    if area.y > model.parts().body.y {
        let style = canvas.style(Scope::ListHeading);
        let y = area.y - 1;
        canvas.put(area.x + 2, y, people, "To", style);
        canvas.put(area.x + 4 + people, y, subject, "Subject", style);
        canvas.put_right(area.x, y, area.width, "kept", style);
    }
    for (y, (place, row)) in (area.y..).zip(drafts.list.visible()) {
        let chosen = place == drafts.list.at();
        lead(canvas, area, y, 2, Scope::ListRow, chosen);
        let style = canvas.style(Scope::ListRow);
        let to = if row.to.is_empty() { "(nobody yet)" } else { row.to.as_str() };
        canvas.put(area.x + 2, y, people, to, style);
        let text = if row.subject.is_empty() { "(no subject)" } else { row.subject.as_str() };
        canvas.put(area.x + 4 + people, y, subject, text, style);
        let at = date::short(row.at, model.now, &model.settings.zone);
        canvas.put_right(area.x, y, area.width, &at, canvas.style(Scope::ListDate));
        point(model, canvas, area, y, chosen);
    }
    if drafts.list.is_empty() {
        let back = model.settings.keymap.hint(Context::Drafts, Action::Back).unwrap_or_default();
        say(canvas, area, &format!("No draft is kept. {back} goes back."));
    }
}
