//! The path of a file to send along, with what could complete it.

use super::field;
use crate::app::Model;
use crate::app::screen::attach::Attach;
use crate::app::size::Area;
use crate::mail::size::size;
use crate::theme::Scope;
use crate::ui::canvas::Canvas;

const SIZE: u16 = 9;
/// Rows that are shown of what could complete it.
const ROWS: u16 = 12;

/// Draws the prompt.
pub(in crate::ui) fn draw(model: &Model, attach: &Attach, canvas: &mut Canvas<'_>) {
    let body = model.parts().body;
    let width = body.width.saturating_sub(4).min(92);
    let rows = u16::try_from(attach.rows.len()).unwrap_or(ROWS).clamp(1, ROWS);
    let height = body.height.saturating_sub(1).min(rows + 4);
    let area = Area { x: body.x + (body.width - width) / 2, y: body.y + 1, width, height };
    let inner = canvas.window(area, "Attach file");
    let style = canvas.style(Scope::Popup);
    let room = inner.width.saturating_sub(2);
    field(canvas, inner.x + 1, inner.y, room, &attach.line, Scope::FieldFocused);
    let rows = usize::from(inner.height.saturating_sub(2));
    let top = attach.at.map_or(0, |at| (at + 1).saturating_sub(rows));
    let muted = style.patch(canvas.style(Scope::TextMuted));
    if attach.loaded && attach.rows.is_empty() {
        canvas.put(inner.x + 1, inner.y + 1, room, "Nothing here begins so.", muted);
    }
    for (y, (at, row)) in (inner.y + 1..).zip(attach.rows.iter().enumerate().skip(top).take(rows)) {
        let chosen = attach.at == Some(at);
        canvas.put(inner.x, y, 1, if chosen { canvas.pick("▌", ">") } else { " " }, style);
        canvas.put(inner.x + 1, y, room.saturating_sub(SIZE + 1), row.name.as_str(), style);
        if !row.is_directory {
            canvas.put_right(inner.x + 1 + room.saturating_sub(SIZE), y, SIZE, &size(row.bytes), muted);
        }
        if chosen {
            let chosen_style = canvas.style(Scope::PopupSelected);
            canvas.shade(Area { x: inner.x, y, width: inner.width, height: 1 }, chosen_style);
        }
    }
    let last = inner.y + inner.height.saturating_sub(1);
    let hint = "tab completes, down marks, enter attaches; several files may be pasted";
    canvas.put(inner.x + 1, last, room, hint, muted);
}
