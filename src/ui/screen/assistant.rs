//! Why mail to somebody cannot be sealed, and the keys that do something about it.

use super::keys::tell;
use super::{lead, point, say};
use crate::action::{Action, Context};
use crate::app::Model;
use crate::app::screen::assistant::Assistant;
use crate::app::size::{Area, inset};
use crate::app::view::AssistRow;
use crate::app::wrap::Wrapped;
use crate::mail::safe::SafeText;
use crate::theme::Scope;
use crate::ui::canvas::Canvas;

/// Draws the assistant.
pub(in crate::ui) fn draw(model: &Model, assistant: &Assistant, canvas: &mut Canvas<'_>) {
    let body = model.parts().body;
    let area = model.list_area();
    if area.y > body.y {
        canvas.put(area.x + 2, area.y - 1, area.width, "Recipient", canvas.style(Scope::ListHeading));
    }
    for (y, (place, row)) in (area.y..).zip(assistant.list.visible()) {
        let chosen = place == assistant.list.at();
        let style = lead(canvas, area, y, area.width, Scope::ListRow, chosen);
        let tone = canvas.tone(row.why.tone);
        canvas.put(area.x + 2, y, 1, canvas.sign(row.why.tone), tone);
        let words = if row.usable { "can be encrypted to" } else { "no key can be used" };
        let used = canvas.put(area.x + 4, y, area.width.saturating_sub(30), row.address.as_str(), style);
        canvas.put(area.x + 6 + used, y, area.width.saturating_sub(used + 6), words, tone);
        point(model, canvas, area, y, chosen);
    }
    if assistant.list.is_empty() {
        say(canvas, area, "Looking at the keys of the recipients.");
    }
    let below =
        Area { y: area.y + area.height, height: (body.y + body.height).saturating_sub(area.y + area.height), ..body };
    let Some(row) = assistant.list.selected().filter(|_| below.height > 2) else { return };
    canvas.fill(Area { height: 1, ..below }, canvas.pick("─", "-"), canvas.style(Scope::Border));
    let inner = inset(Area { y: below.y + 1, height: below.height - 1, ..below });
    let mut y = paragraph(canvas, inner, inner.y, row.why.text.as_str(), Scope::Text);
    for (key, words) in steps(model, row) {
        if y >= inner.y + inner.height {
            return;
        }
        canvas.put(inner.x, y, 6, &key, canvas.style(Scope::KeyHint));
        y = paragraph(
            canvas,
            Area { x: inner.x + 7, width: inner.width.saturating_sub(7), ..inner },
            y,
            &words,
            Scope::KeyDoc,
        );
    }
    if let Some(key) = row.key.as_ref().filter(|_| y + 1 < inner.y + inner.height) {
        tell(key, canvas, Area { y: y + 1, height: (inner.y + inner.height).saturating_sub(y + 1), ..inner });
    }
}

/// Puts a paragraph; answers the row below it.
fn paragraph(canvas: &mut Canvas<'_>, area: Area, y: u16, text: &str, scope: Scope) -> u16 {
    let room = (area.y + area.height).saturating_sub(y);
    let wrapped = Wrapped::new(
        std::sync::Arc::from(vec![SafeText::line(text)]),
        usize::from(area.width.min(110)),
        usize::from(room),
    );
    let style = canvas.style(scope);
    let mut next = y;
    for (_, _, line) in wrapped.visible().take(usize::from(room)) {
        canvas.put(area.x, next, area.width, line, style);
        next += 1;
    }
    next
}

/// What can be done about a recipient: the key to press, and what it does.
fn steps(model: &Model, row: &AssistRow) -> Vec<(String, String)> {
    let mut steps = Vec::new();
    let mut add = |action: Action, words: String| {
        let key = model.settings.keymap.hint(Context::Assistant, action);
        steps.push((key.map_or_else(|| format!(":{}", action.name()), str::to_owned), words));
    };
    if row.usable {
        return steps;
    }
    let undecided = row.key.as_ref().filter(|key| !key.acceptance.is_accepted());
    if undecided.is_some() {
        add(
            Action::KeyVerify,
            "read the fingerprint with its owner over the telephone, then accept the key".to_owned(),
        );
        add(Action::KeyAccept, "accept the key without comparing".to_owned());
    }
    if let Some((_, words)) = &row.offer {
        add(Action::KeyTake, format!("take in what was sent: {words}"));
    }
    if let Some(hosts) = &row.lookup {
        add(Action::KeyLookup, format!("look the key up at {hosts}"));
    }
    add(Action::KeyAsk, "ask for a key by mail; your own is attached".to_owned());
    add(Action::Back, "back to the message, which can go in clear or to others".to_owned());
    steps
}
