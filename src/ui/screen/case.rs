//! A case, a fact a row; the name of each section stands before its first row.

use super::{lead, point, say};
use crate::app::Model;
use crate::app::screen::case::{CaseScreen, heading};
use crate::app::size::Area;
use crate::app::view::Tone;
use crate::mail::safe::SafeText;
use crate::theme::Scope;
use crate::ui::canvas::{Canvas, cells};

/// The names of the sections.
const NAMES: u16 = 11;

/// Draws it.
pub(in crate::ui) fn draw(model: &Model, case: &CaseScreen, canvas: &mut Canvas<'_>) {
    let area = model.list_area();
    if case.view.is_none() {
        say(canvas, area, "Reading the case.");
        return;
    }
    // On a wide screen a fact and its note stay within one look.
    let width = area.width.min(120);
    for (y, (place, line)) in (area.y..).zip(case.list.visible()) {
        let chosen = place == case.list.at();
        let note = cells(line.note.as_str()).min(width / 3);
        let room = width.saturating_sub(NAMES + 3 + note + u16::from(note > 0) * 2);
        let tone = canvas.tone(line.tone);
        let style = lead(canvas, area, y, NAMES + 3 + room, Scope::ListRow, chosen);
        // The first row of what is on screen says what it belongs to, wherever the list was scrolled to.
        let first = place == case.list.top();
        let named = if first { heading(line.section) } else { line.heading };
        canvas.put(area.x + 2, y, NAMES, named, style.patch(canvas.style(Scope::FieldName)));
        let sign = canvas.sign(line.tone);
        if line.tone != Tone::Plain {
            canvas.put(area.x + NAMES + 1, y, 1, sign, tone);
        }
        canvas.put(area.x + NAMES + 3, y, room, line.text.as_str(), style);
        canvas.put_right(area.x, y, width.saturating_sub(1), line.note.truncate(usize::from(note)).as_str(), tone);
        point(model, canvas, area, y, chosen);
    }
    if case.list.is_empty() {
        say(canvas, area, "No row of this case holds what you typed.");
    }
    let above = area.y.checked_sub(1).filter(|y| *y >= model.parts().body.y);
    if let Some(y) = above {
        canvas.put(area.x + 2, y, area.width, case.title.as_str(), canvas.style(Scope::Title));
    }
    details(model, case, canvas, area);
}

/// The row at the cursor, whole, where there is room below the list.
fn details(model: &Model, case: &CaseScreen, canvas: &mut Canvas<'_>, list: Area) {
    let body = model.parts().body;
    let y = list.y + list.height;
    let height = (body.y + body.height).saturating_sub(y);
    let Some(line) = case.list.selected().filter(|_| height > 1) else { return };
    canvas.fill(Area { y, height: 1, ..body }, canvas.pick("─", "-"), canvas.style(Scope::Border));
    let words =
        if line.note.is_empty() { line.text.clone() } else { SafeText::fill("{}; {}", &[&line.text, &line.note]) };
    super::paragraph(canvas, Area { y: y + 1, height: height - 1, ..body }, &words, canvas.tone(line.tone));
}
