//! The keys: owner, what was decided, until when; below, or on the whole screen, the one at the cursor with its fingerprint in groups and words.

use super::{lead, point, say};
use crate::action::{Action, Context};
use crate::app::Model;
use crate::app::screen::keys::{Keys, details};
use crate::app::size::{Area, inset};
use crate::app::view::KeyRow;
use crate::theme::Scope;
use crate::ui::canvas::Canvas;

/// Cells of `2029-05-04`.
const DATE: u16 = 11;
/// Cells of the names of what is told of a key.
const NAMES: u16 = 13;

/// Draws the keys.
pub(in crate::ui) fn draw(model: &Model, keys: &Keys, canvas: &mut Canvas<'_>) {
    let body = model.parts().body;
    if let Some(row) = keys.list.selected().filter(|_| keys.whole) {
        tell(row, canvas, inset(body));
        if model.popups.is_empty() {
            canvas.cursor = Some((body.x, body.y));
        }
        return;
    }
    let area = model.list_area();
    let owner = area.width * 2 / 5;
    if area.y > body.y {
        let style = canvas.style(Scope::ListHeading);
        let y = area.y - 1;
        canvas.put(area.x + 2, y, owner, "Owner", style);
        canvas.put(area.x + 3 + owner, y, area.width.saturating_sub(owner + 3 + DATE), "State", style);
        canvas.put_right(area.x, y, area.width, "expires", style);
    }
    for (y, (place, row)) in (area.y..).zip(keys.list.visible()) {
        let chosen = place == keys.list.at();
        let ground = if row.is_own() { Scope::TextStrong } else { Scope::ListRow };
        let style = lead(canvas, area, y, 2 + owner, ground, chosen);
        canvas.put(area.x + 2, y, owner, row.owner().as_str(), style);
        let x = area.x + 3 + owner;
        let room = area.width.saturating_sub(owner + 4 + DATE);
        let tone = canvas.tone(row.state.tone);
        canvas.put(x, y, 1, canvas.sign(row.state.tone), tone);
        canvas.put(x + 2, y, room.saturating_sub(2), row.state.text.as_str(), tone);
        let ends = row.expires.map_or_else(|| "never".to_owned(), |at| at.strftime("%Y-%m-%d").to_string());
        let style = canvas.style(if row.soon.is_some() { Scope::ToneWarning } else { Scope::ListDate });
        canvas.put_right(area.x, y, area.width, &ends, style);
        point(model, canvas, area, y, chosen);
    }
    if keys.list.is_empty() {
        let key = |action| model.settings.keymap.hint(Context::Keys, action).unwrap_or_default();
        let text = if keys.fresh.loaded {
            format!(
                "There is no key yet. {} makes your own; {} takes in those of others from a file, and one that is pasted here is taken in too.",
                key(Action::KeyGenerate),
                key(Action::KeyImport)
            )
        } else {
            "Looking at the keys.".to_owned()
        };
        say(canvas, area, &text);
    }
    let below =
        Area { y: area.y + area.height, height: (body.y + body.height).saturating_sub(area.y + area.height), ..body };
    if let Some(row) = keys.list.selected().filter(|_| below.height > 1) {
        let border = canvas.style(Scope::Border);
        canvas.fill(Area { height: 1, ..below }, canvas.pick("─", "-"), border);
        tell(row, canvas, inset(Area { y: below.y + 1, height: below.height - 1, ..below }));
    }
}

/// What is known of a key, as far as there is room.
pub(super) fn tell(row: &KeyRow, canvas: &mut Canvas<'_>, area: Area) {
    for (y, (name, tone, text)) in (area.y..area.y + area.height).zip(details(row)) {
        canvas.put(area.x, y, NAMES, name, canvas.style(Scope::HeaderName));
        let sign = canvas.sign(tone);
        let style = canvas.tone(tone);
        let x = area.x + NAMES;
        canvas.put(x, y, 1, sign, style);
        canvas.put(x + 2, y, area.width.saturating_sub(NAMES + 2), text.as_str(), style);
    }
}
