//! Where an export goes: the line that is typed, what is known of the place, what completes it.

use super::field;
use crate::action::{Action, Context};
use crate::app::Model;
use crate::app::size::Area;
use crate::app::target::TargetPrompt;
use crate::app::view::Tone;
use crate::mail::safe::SafeText;
use crate::theme::Scope;
use crate::ui::canvas::Canvas;

/// Completions that are shown at once.
const ROWS: usize = 8;

/// Draws the popup.
pub(in crate::ui) fn draw(model: &Model, prompt: &TargetPrompt, canvas: &mut Canvas<'_>) {
    let body = model.parts().body;
    let width = body.width.saturating_sub(4).min(92);
    let (said, found) = (prompt.place.said.len().max(1), prompt.place.completions.len().min(ROWS));
    let height = u16::try_from(said + found).unwrap_or(u16::MAX).saturating_add(6).min(body.height);
    let area = Area { x: body.x + (body.width - width) / 2, y: body.y + 1.min(body.height - height), width, height };
    let inner = canvas.window(area, prompt.question.as_str());
    let (x, room, end) = (inner.x + 1, inner.width.saturating_sub(2), inner.y + inner.height);
    let style = canvas.style(Scope::Popup);
    field(canvas, x, inner.y, room, &prompt.line, Scope::FieldFocused);
    let mut y = inner.y + 1;
    for sentence in &prompt.place.said {
        let tone = if sentence.tone == Tone::Plain { style } else { style.patch(canvas.tone(sentence.tone)) };
        canvas.put(x, y, 1, canvas.sign(sentence.tone), tone);
        canvas.put(x + 2, y, room.saturating_sub(2), sentence.text.as_str(), tone);
        y += 1;
    }
    if prompt.place.said.is_empty() {
        canvas.put(x, y, room, "Looking at it.", style.patch(canvas.style(Scope::TextMuted)));
        y += 1;
    }
    y += 1;
    let top = prompt.at.map_or(0, |at| (at + 1).saturating_sub(ROWS));
    for (place, name) in prompt.place.completions.iter().enumerate().skip(top).take(ROWS) {
        if y + 1 >= end {
            break;
        }
        let chosen = prompt.at == Some(place);
        canvas.put(x, y, 1, if chosen { canvas.pick("▌", ">") } else { " " }, style);
        canvas.put(x + 2, y, room.saturating_sub(2), SafeText::line(name).as_str(), style);
        if chosen {
            canvas.shade(Area { x, y, width: room, height: 1 }, canvas.style(Scope::PopupSelected));
        }
        y += 1;
    }
    let keys = |action| model.settings.keymap.hint(Context::Prompt, action).unwrap_or_default();
    let hint = format!(
        "{} ok  {} completes  {} {} mark one  {} cancel",
        keys(Action::PromptAccept),
        keys(Action::PromptComplete),
        keys(Action::PromptPrevious),
        keys(Action::PromptNext),
        keys(Action::PromptCancel)
    );
    canvas.put(x, end.saturating_sub(1), room, &hint, style.patch(canvas.style(Scope::KeyDoc)));
}
