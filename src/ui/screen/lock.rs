//! The locked screen: nothing of any case is on it, and what is typed is not echoed.

use crate::app::Model;
use crate::app::screen::lock::Lock;
use crate::app::size::Area;
use crate::app::view::Tone;
use crate::mail::{self, safe::SafeText};
use crate::theme::Scope;
use crate::ui::canvas::{Canvas, cells};

const WIDTH: u16 = 60;

/// Draws the locked screen.
pub(in crate::ui) fn draw(model: &Model, lock: &Lock, canvas: &mut Canvas<'_>) {
    let (columns, rows) = model.size;
    let width = WIDTH.min(columns);
    // Why it does not open can be more than a line: what is wrong with a file, and what to do.
    let why =
        lock.refused.as_ref().map(|why| mail::wrap::wrap(why.text.as_str(), usize::from(width.saturating_sub(6))));
    let going = model.waiting_to_leave();
    let lines = why.as_ref().map_or(1, Vec::len).clamp(1, usize::from(rows.saturating_sub(6)).max(1));
    let more = u16::from(going.is_some());
    let height = (5 + more + u16::try_from(lines).unwrap_or(1)).min(rows);
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
    if let Some(going) = going {
        let how = if model.is_sent_behind_the_lock() { "it is being sent" } else { "unlock to send" };
        let words = format!("{going}; {how}.");
        canvas.put(x, y + 2, inner.width.saturating_sub(2), &words, style.patch(canvas.tone(Tone::Warning)));
    }
    let y = y + more;
    if let (Some(why), Some(lines_of)) = (&lock.refused, &why) {
        let style = style.patch(canvas.tone(why.tone));
        let sign = canvas.sign(why.tone);
        canvas.put(x, y + 2, 1, sign, style);
        for (at, line) in (y + 2..).zip(lines_of.iter().take(lines)) {
            canvas.put(x + 2, at, inner.width.saturating_sub(4), line, style);
        }
    }
}
