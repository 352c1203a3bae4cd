//! The locked screen: nothing of any case is on it, and what is typed is not echoed.

use crate::app::Model;
use crate::app::screen::lock::Lock;
use crate::app::size::Area;
use crate::mail::safe::SafeText;
use crate::theme::Scope;
use crate::ui::canvas::{Canvas, cells};

const WIDTH: u16 = 60;

/// Draws the locked screen.
pub(in crate::ui) fn draw(model: &Model, lock: &Lock, canvas: &mut Canvas<'_>) {
    let (columns, rows) = model.size;
    let width = WIDTH.min(columns);
    let height = 6.min(rows);
    let area = Area { x: (columns - width) / 2, y: (rows - height) / 3, width, height };
    let inner = canvas.window(area, "casemail is locked");
    let style = canvas.style(Scope::Popup);
    let asked = "Passphrase: ";
    let (x, y) = (inner.x + 1, inner.y + 1);
    canvas.put(x, y, inner.width.saturating_sub(2), asked, style.patch(canvas.style(Scope::FieldName)));
    let after = x + cells(asked);
    let state = match (lock.trying, lock.is_empty()) {
        (true, _) => "trying it; this takes a second on purpose",
        (false, true) => "",
        (false, false) => "(typed, not shown)",
    };
    canvas.put(
        after,
        y,
        inner.width.saturating_sub(cells(asked) + 2),
        state,
        style.patch(canvas.style(Scope::TextMuted)),
    );
    canvas.cursor = Some((after, y));
    let note = SafeText::line(&model.settings.lock_note);
    canvas.put(x, y + 1, inner.width.saturating_sub(2), note.as_str(), style.patch(canvas.style(Scope::TextMuted)));
    if let Some(why) = &lock.refused {
        let style = style.patch(canvas.tone(why.tone));
        let sign = canvas.sign(why.tone);
        canvas.put(x, y + 2, 1, sign, style);
        canvas.put(x + 2, y + 2, inner.width.saturating_sub(4), why.text.as_str(), style);
    }
}
