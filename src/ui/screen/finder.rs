//! The finder of cases, over whatever screen is there.

use crate::app::Model;
use crate::app::screen::finder::{Finder, Search};
use crate::app::size::Area;
use crate::app::view::CaseRow;
use crate::mail::safe::SafeText;
use crate::theme::Scope;
use crate::ui::canvas::{Canvas, cells};
use crate::ui::date;

/// Draws it.
pub(in crate::ui) fn draw(model: &Model, finder: &Finder, canvas: &mut Canvas<'_>) {
    let body = model.parts().body;
    let width = body.width.saturating_sub(4).min(96);
    let rows = u16::try_from(finder.found.len().clamp(1, 15)).unwrap_or(15);
    let height = body.height.saturating_sub(2).min(rows + 3);
    let area = Area { x: body.x + (body.width - width) / 2, y: body.y + 1, width, height };
    let title = match &finder.search {
        Search::Go => "Case".to_owned(),
        Search::File(messages) if messages.len() == 1 => "File the message to".to_owned(),
        Search::File(messages) => format!("File {} messages to", messages.len()),
    };
    let inner = canvas.window(area, &title);
    let style = canvas.style(Scope::Popup);
    canvas.put(inner.x + 1, inner.y, 1, "'", style);
    super::field(canvas, inner.x + 2, inner.y, inner.width.saturating_sub(3), &finder.line, Scope::FieldFocused);
    if finder.found.is_empty() {
        let words = if finder.line.text().trim().is_empty() {
            "There is no case yet."
        } else {
            "No case has such a name, number or party."
        };
        canvas.put(inner.x + 1, inner.y + 1, inner.width.saturating_sub(2), words, style);
    }
    let rows = usize::from(inner.height.saturating_sub(1));
    let top = (finder.at + 1).saturating_sub(rows);
    for (y, at) in (inner.y + 1..).zip((top..finder.found.len()).take(rows)) {
        let Some(row) = finder.row(at) else { continue };
        draw_row(model, row, Area { y, height: 1, ..inner }, at == finder.at, canvas);
    }
}

fn draw_row(model: &Model, row: &CaseRow, area: Area, chosen: bool, canvas: &mut Canvas<'_>) {
    let style = canvas.style(Scope::Popup);
    let y = area.y;
    canvas.put(area.x, y, 1, if chosen { canvas.pick("▌", ">") } else { " " }, style);
    let when = row.next_hearing.map(|at| date::short(at, model.now, &model.settings.zone)).unwrap_or_default();
    let state = if row.state == "open" { String::new() } else { row.state.replace('-', " ") };
    let right = if state.is_empty() { when } else { state };
    let right_width = cells(&right).min(area.width / 4);
    let inside = area.width.saturating_sub(3 + right_width);
    let title = inside / 2;
    canvas.put(area.x + 1, y, title, row.title.as_str(), style.patch(canvas.style(Scope::TextStrong)));
    let others: Vec<SafeText> = row.identifiers.iter().filter(|one| **one != row.title).cloned().collect();
    let numbers = SafeText::join(&others, "  ");
    let x = area.x + 2 + title;
    canvas.put(x, y, inside - title, numbers.as_str(), style.patch(canvas.style(Scope::ListCase)));
    canvas.put_right(area.x, y, area.width.saturating_sub(1), &right, style.patch(canvas.style(Scope::KeyDoc)));
    if chosen {
        let chosen_style = canvas.style(Scope::PopupSelected);
        canvas.shade(Area { height: 1, ..area }, chosen_style);
    }
}
