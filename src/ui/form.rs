//! A form over a screen: a field a row, below them what the field at the cursor wants, or why the form was not taken.

use super::canvas::Canvas;
use crate::action::{Action, Context};
use crate::app::Model;
use crate::app::form::Form;
use crate::app::size::Area;
use crate::app::view::Tone;
use crate::theme::Scope;

/// The names of the fields.
const NAMES: u16 = 14;

/// Draws it.
pub(super) fn draw<S>(model: &Model, form: &Form<S>, canvas: &mut Canvas<'_>) {
    let body = model.parts().body;
    let width = body.width.saturating_sub(4).min(90);
    let rows = u16::try_from(form.fields.len()).unwrap_or(u16::MAX);
    let height = body.height.min(rows.saturating_add(5));
    let y = body.y + (body.height - height) / 3;
    let area = Area { x: body.x + (body.width - width) / 2, y, width, height };
    let inner = canvas.window(area, form.title.as_str());
    let style = canvas.style(Scope::Popup);
    // Where not all fields have room, those around the cursor have.
    let room = usize::from(inner.height.saturating_sub(3)).max(1);
    let top = (form.at + 1).saturating_sub(room);
    for (y, (at, field)) in (inner.y..).zip(form.fields.iter().enumerate().skip(top).take(room)) {
        let name = style.patch(canvas.style(Scope::FieldName));
        canvas.put(inner.x + 1, y, NAMES, field.label.as_ref(), name);
        let x = inner.x + 1 + NAMES;
        let width = inner.width.saturating_sub(NAMES + 2);
        if at == form.at {
            super::screen::field(canvas, x, y, width, &field.line, Scope::FieldFocused);
        } else {
            canvas.put(x, y, width, field.line.text(), style);
        }
    }
    let below = inner.y + u16::try_from(room.min(form.fields.len())).unwrap_or(0);
    let text = inner.width.saturating_sub(2);
    match (&form.wrong, form.fields.get(form.at)) {
        (Some(wrong), _) => {
            let tone = style.patch(canvas.tone(Tone::Warning));
            canvas.put(inner.x + 1, below + 1, 1, canvas.sign(Tone::Warning), tone);
            canvas.put(inner.x + 3, below + 1, text.saturating_sub(2), wrong.as_str(), tone);
        }
        (None, Some(field)) => {
            let muted = style.patch(canvas.style(Scope::TextMuted));
            let hint = if field.choices.is_empty() { field.hint.to_string() } else { field.choices.join(", ") };
            canvas.put(inner.x + 1, below + 1, text, &hint, muted);
        }
        (None, None) => {}
    }
    let key = |action| model.settings.keymap.hint(Context::Prompt, action).unwrap_or_default();
    let keys = format!(
        "{} next field, {} take it, {} choices, {} cancel",
        key(Action::PromptAccept),
        key(Action::FormTake),
        key(Action::PromptComplete),
        key(Action::PromptCancel)
    );
    let bottom = inner.y + inner.height.saturating_sub(1);
    if bottom > below + 1 {
        canvas.put(inner.x + 1, bottom, text, &keys, style.patch(canvas.style(Scope::KeyDoc)));
    }
}
