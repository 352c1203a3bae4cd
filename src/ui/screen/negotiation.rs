//! A negotiation, a fact a row; the name of each section stands before its first row.

use super::{lead, paragraph, point, say};
use crate::app::Model;
use crate::app::screen::negotiation::{Negotiation, Place, Section};
use crate::app::size::Area;
use crate::app::view::Tone;
use crate::mail::safe::SafeText;
use crate::theme::Scope;
use crate::ui::canvas::{Canvas, cells};

/// The names of the sections.
const NAMES: u16 = 8;

/// Draws it.
pub(in crate::ui) fn draw(model: &Model, shown: &Negotiation, canvas: &mut Canvas<'_>) {
    let area = model.list_area();
    if let Some(wrong) = shown.wrong.as_ref().filter(|_| shown.view.is_none()) {
        say(canvas, area, wrong.as_str());
        return;
    }
    if shown.view.is_none() {
        say(canvas, area, "Reading the negotiation.");
        return;
    }
    let width = area.width.min(140);
    let mut before: Option<Section> = None;
    for (y, (place, line)) in (area.y..).zip(shown.list.visible()) {
        let chosen = place == shown.list.at();
        let note = cells(line.note.as_str()).min(width / 3);
        let room = width.saturating_sub(NAMES + 3 + note + u16::from(note > 0) * 2);
        let tone = canvas.tone(line.tone);
        let style = lead(canvas, area, y, NAMES + 3 + room, Scope::ListRow, chosen);
        let named = if before == Some(line.section) { "" } else { line.section.name() };
        before = Some(line.section);
        canvas.put(area.x + 2, y, NAMES, named, style.patch(canvas.style(Scope::FieldName)));
        if line.tone != Tone::Plain {
            let sign = canvas.sign(line.tone);
            canvas.put(area.x + NAMES + 1, y, 1, sign, tone);
        }
        let act = matches!(line.place, Place::Act(..));
        let style = if act { style.patch(canvas.style(Scope::Title)) } else { style };
        canvas.put(area.x + NAMES + 3, y, room, line.text.as_str(), style);
        canvas.put_right(area.x, y, width.saturating_sub(1), line.note.truncate(usize::from(note)).as_str(), tone);
        point(model, canvas, area, y, chosen);
    }
    if shown.list.is_empty() {
        say(canvas, area, "No row of this negotiation holds what you typed.");
    }
    if let Some(view) = &shown.view
        && area.y > model.parts().body.y
    {
        let mark = crate::plea::guard::mark(view.view.setting.jurisdiction);
        canvas.put(area.x + 2, area.y - 1, area.width.saturating_sub(2), mark, canvas.style(Scope::Title));
    }
    details(model, shown, canvas, area);
}

/// The row at the cursor, whole, where there is room below the list.
fn details(model: &Model, shown: &Negotiation, canvas: &mut Canvas<'_>, list: Area) {
    let body = model.parts().body;
    let y = list.y + list.height;
    let height = (body.y + body.height).saturating_sub(y);
    let Some(line) = shown.list.selected().filter(|_| height > 1) else { return };
    canvas.fill(Area { y, height: 1, ..body }, canvas.pick("─", "-"), canvas.style(Scope::Border));
    let words =
        if line.note.is_empty() { line.text.clone() } else { SafeText::fill("{}; {}", &[&line.text, &line.note]) };
    paragraph(canvas, Area { y: y + 1, height: height - 1, ..body }, &words, canvas.tone(line.tone));
}
