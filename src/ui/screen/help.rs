//! The help.

use super::{lead, point, say};
use crate::app::Model;
use crate::app::screen::help::Help;
use crate::theme::Scope;
use crate::ui::canvas::Canvas;

/// Draws the help.
pub(in crate::ui) fn draw(model: &Model, help: &Help, canvas: &mut Canvas<'_>) {
    let area = model.parts().body;
    let keys = (area.width / 4).clamp(10, 24);
    let names = if area.width >= 110 { 28 } else { 0 };
    for (y, (place, row)) in (area.y..).zip(help.list.visible()) {
        let x = area.x + 2;
        let chosen = place == help.list.at();
        let style = lead(canvas, area, y, 3 + keys, if row.heading { Scope::Title } else { Scope::KeyHint }, chosen);
        if row.heading {
            canvas.put(x, y, area.width.saturating_sub(2), row.doc.as_str(), style);
        } else {
            if row.keys.is_empty() {
                // Without a key there is still the palette.
                canvas.put(x + 2, y, keys, &format!(":{}", row.name), style);
            } else {
                canvas.put(x + 2, y, keys, row.keys.as_str(), style);
            }
            let doc_x = x + 3 + keys;
            let room = area.width.saturating_sub(doc_x - area.x + 1 + names);
            canvas.put(doc_x, y, room, row.doc.as_str(), canvas.style(Scope::KeyDoc));
            canvas.put(doc_x + room, y, names, row.name.as_str(), canvas.style(Scope::TextMuted));
        }
        point(model, canvas, area, y, chosen);
    }
    if help.list.is_empty() {
        say(canvas, area, "Nothing in the help holds what you typed.");
    }
}
