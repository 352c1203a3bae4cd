//! What happened in a case, in order.

use super::{lead, point, say};
use crate::app::Model;
use crate::app::screen::chronology::Chronology;
use crate::app::size::{Area, inset};
use crate::theme::Scope;
use crate::ui::canvas::Canvas;
use crate::ui::date;

const AT: u16 = 22;

/// Draws the list.
pub(in crate::ui) fn draw(model: &Model, chronology: &Chronology, canvas: &mut Canvas<'_>) {
    let area = model.list_area();
    let words = area.width.saturating_sub(2 + AT + 2);
    if area.y > model.parts().body.y {
        let style = canvas.style(Scope::ListHeading);
        canvas.put(area.x + 2, area.y - 1, AT, "When", style);
        canvas.put(area.x + 4 + AT, area.y - 1, words, "What", style);
    }
    for (y, (place, row)) in (area.y..).zip(chronology.list.visible()) {
        let chosen = place == chronology.list.at();
        let style = lead(canvas, area, y, 4 + AT + words, Scope::ListRow, chosen);
        canvas.put(area.x + 2, y, AT, &date::long(row.at, &model.settings.zone), style);
        canvas.put(area.x + 4 + AT, y, words, row.words.as_str(), style);
        point(model, canvas, area, y, chosen);
    }
    if chronology.list.is_empty() {
        let words = if chronology.fresh.loaded {
            "Nothing is written in the register of this case yet."
        } else {
            "Reading the register."
        };
        say(canvas, area, words);
    }
    let body = model.parts().body;
    let y = area.y + area.height;
    let height = (body.y + body.height).saturating_sub(y);
    let Some(row) = chronology.list.selected().filter(|_| height > 1) else { return };
    canvas.fill(Area { y, height: 1, ..body }, canvas.pick("─", "-"), canvas.style(Scope::Border));
    let inner = inset(Area { y: y + 1, height: height - 1, ..body });
    let style = canvas.style(Scope::Text);
    let left = usize::from(inner.height);
    for (y, fact) in (inner.y..).zip(std::iter::once(&row.words).chain(&row.facts).take(left)) {
        canvas.put(inner.x, y, inner.width, fact.as_str(), style);
    }
}
