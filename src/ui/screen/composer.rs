//! A message being written.

use super::field;
use crate::app::Model;
use crate::app::screen::composer::{Composer, Field, protection_in_words};
use crate::app::size::{Area, inset};
use crate::mail::size::size;
use crate::theme::Scope;
use crate::ui::canvas::Canvas;

const NAMES: u16 = 10;

/// Below this height the fields are not drawn beside the text.
const LOW: u16 = 11;

/// Draws the composer.
pub(in crate::ui) fn draw(model: &Model, composer: &Composer, canvas: &mut Canvas<'_>) {
    let body = inset(model.parts().body);
    let mut y = body.y;
    // On a low screen the text that is being written needs the rows.
    if body.height < LOW && composer.focus == Field::Body {
        draw_body(composer, canvas, Area { width: body.width.min(100), ..body }, model.popups.is_empty());
        return;
    }
    let has_keys = model.popups.is_empty();
    name(canvas, body, y, "From");
    let author = composer.author();
    let room = body.width.saturating_sub(NAMES);
    canvas.put(body.x + NAMES, y, room, author.as_str(), canvas.style(Scope::TextMuted));
    y += 1;
    let mut completions_at = None;
    for which in [Field::To, Field::Cc, Field::Bcc, Field::Subject] {
        draw_field(composer, which, canvas, body, y, has_keys);
        if composer.focus == which {
            completions_at = Some(y + 1);
        }
        y += 1;
        if let Some(wrong) = composer.wrong(which) {
            canvas.put(body.x + 2, y, 1, canvas.pick("✗", "X"), canvas.style(Scope::FieldInvalid));
            canvas.put(body.x + 4, y, body.width.saturating_sub(4), wrong.as_str(), canvas.style(Scope::FieldInvalid));
            y += 1;
        }
    }
    name(canvas, body, y, "OpenPGP");
    let words = protection_in_words(composer.protection);
    canvas.put(body.x + NAMES, y, room, words, canvas.style(Scope::FieldText));
    y += 1;
    if composer.carrying().is_some() {
        name(canvas, body, y, "Files");
        canvas.put(body.x + NAMES, y, room, "reading those of the forwarded message", canvas.style(Scope::TextMuted));
        y += 1;
    }
    y = draw_files(composer, canvas, body, y, has_keys);
    let bottom = body.y + body.height;
    let rule = Area { y, height: 1.min(bottom.saturating_sub(y)), ..body };
    let border = canvas.style(if composer.focus == Field::Body { Scope::BorderFocused } else { Scope::Border });
    canvas.fill(rule, canvas.pick("─", "-"), border);
    y += 1;
    draw_body(
        composer,
        canvas,
        Area { y, height: bottom.saturating_sub(y), width: body.width.min(100), ..body },
        has_keys,
    );
    if let Some(at) = completions_at.filter(|_| !composer.completions.is_empty()) {
        draw_completions(composer, canvas, body, at);
    }
}

/// The files, each with its kind and size, and what they make of the message; gives the row below.
fn draw_files(composer: &Composer, canvas: &mut Canvas<'_>, body: Area, mut y: u16, has_keys: bool) -> u16 {
    let count = composer.file_count();
    if count == 0 {
        return y;
    }
    let room = body.width.saturating_sub(NAMES);
    let rows = usize::from((body.height / 4).max(2)).min(8);
    let focused = composer.focus == Field::Files;
    let top = if focused { (composer.file + 1).saturating_sub(rows) } else { 0 };
    name(canvas, body, y, "Files");
    let (used, tone, words) = weight(composer);
    canvas.put(body.x + NAMES, y, room, &used, canvas.style(Scope::TextMuted));
    if !words.is_empty() {
        let x = body.x + NAMES + crate::ui::canvas::cells(&used) + 1;
        canvas.put(x, y, (body.x + body.width).saturating_sub(x), &words, canvas.style(tone));
    }
    y += 1;
    for (at, file) in composer.files().enumerate().skip(top).take(rows) {
        let chosen = focused && at == composer.file;
        let facts = format!("{}, {}", file.kind, size(file.bytes));
        let style = canvas.style(if chosen { Scope::FieldFocused } else { Scope::FieldText });
        if chosen {
            canvas.fill(Area { x: body.x + NAMES, y, width: room, height: 1 }, " ", style);
            canvas.put(body.x + NAMES - 2, y, 1, canvas.pick("▌", ">"), canvas.style(Scope::BorderFocused));
            if has_keys {
                canvas.cursor = Some((body.x + NAMES, y));
            }
        }
        let facts_width = u16::try_from(facts.len()).unwrap_or(u16::MAX);
        let name_room = room.saturating_sub(facts_width + 4).max(room / 3);
        canvas.put(body.x + NAMES, y, 2, "@ ", style);
        let named = canvas.put(body.x + NAMES + 2, y, name_room, file.name.as_str(), style);
        let left = room.saturating_sub(named + 4);
        canvas.put(body.x + NAMES + named + 4, y, left, &facts, style.patch(canvas.style(Scope::TextMuted)));
        y += 1;
    }
    if count > top + rows {
        let more = format!("and {} more", count - top - rows);
        canvas.put(body.x + NAMES + 2, y, room.saturating_sub(2), &more, canvas.style(Scope::TextMuted));
        y += 1;
    }
    y
}

/// How large the message is, as it is sent; and what that means, where it is too large.
fn weight(composer: &Composer) -> (String, Scope, String) {
    let wire = composer.wire_bytes();
    let count = composer.file_count();
    let files = if count == 1 { "1 file".to_owned() } else { format!("{count} files") };
    let used = format!("{files}; about {} as sent", size(wire));
    match (&composer.limit, composer.part_count()) {
        (Some(limit), Some(parts)) if wire > limit.bytes && composer.is_split() => {
            (format!("{used},"), Scope::TextMuted, format!("in {parts} messages of {} at most", size(limit.bytes)))
        }
        (Some(limit), _) if wire > limit.bytes => (
            format!("{used},"),
            Scope::ToneWarning,
            format!("too large: at most {} ({})", size(limit.bytes), limit.whose),
        ),
        (Some(limit), _) => (used, Scope::TextMuted, format!("of {}", size(limit.bytes))),
        (None, _) => (used, Scope::TextMuted, String::new()),
    }
}

fn name(canvas: &mut Canvas<'_>, body: Area, y: u16, text: &str) {
    if y < body.y + body.height {
        canvas.put(body.x, y, NAMES, text, canvas.style(Scope::FieldName));
    }
}

fn draw_field(composer: &Composer, which: Field, canvas: &mut Canvas<'_>, body: Area, y: u16, has_keys: bool) {
    name(canvas, body, y, which.name());
    let Some(line) = composer.line(which) else { return };
    let (x, room) = (body.x + NAMES, body.width.saturating_sub(NAMES));
    let scope = if composer.wrong(which).is_some() { Scope::FieldInvalid } else { Scope::FieldText };
    if composer.focus == which {
        let style = canvas.style(Scope::FieldFocused);
        canvas.fill(Area { x, y, width: room, height: 1 }, " ", style);
        canvas.put(body.x + NAMES - 2, y, 1, canvas.pick("▌", ">"), canvas.style(Scope::BorderFocused));
        let before = canvas.cursor;
        field(canvas, x, y, room, line, if scope == Scope::FieldText { Scope::FieldFocused } else { scope });
        if !has_keys {
            canvas.cursor = before;
        }
    } else {
        canvas.put(x, y, room, line.text(), canvas.style(scope));
    }
}

fn draw_body(composer: &Composer, canvas: &mut Canvas<'_>, area: Area, has_keys: bool) {
    if area.height == 0 || area.width == 0 {
        return;
    }
    let rect = crate::ui::canvas::clamp(area, canvas.buffer().area);
    if rect.is_empty() {
        return;
    }
    ratatui::widgets::Widget::render(&composer.body, rect, canvas.buffer());
    if composer.focus == Field::Body && has_keys {
        let at = composer.body.screen_cursor();
        let (top, left) = composer.body.scroll_offset();
        let cell = |at: usize, from: u16| u16::try_from(at).unwrap_or(u16::MAX).saturating_sub(from);
        let x = rect.x.saturating_add(cell(at.col, left)).min(rect.right().saturating_sub(1));
        let y = rect.y.saturating_add(cell(at.row, top)).min(rect.bottom().saturating_sub(1));
        canvas.cursor = Some((x, y));
    }
}

fn draw_completions(composer: &Composer, canvas: &mut Canvas<'_>, body: Area, y: u16) {
    let rows = u16::try_from(composer.completions.len().min(6)).unwrap_or(6);
    let height = rows.min((body.y + body.height).saturating_sub(y));
    let x = body.x + NAMES;
    let width = body.width.saturating_sub(NAMES).min(64);
    let style = canvas.style(Scope::Popup).patch(canvas.style(Scope::FieldCompletion));
    canvas.fill(Area { x, y, width, height }, " ", style);
    let chosen = composer.completion;
    let first = chosen.map_or(0, |at| (at + 1).saturating_sub(usize::from(rows)));
    for (y, (place, text)) in (y..y + height).zip(composer.completions.iter().enumerate().skip(first)) {
        let sign = if chosen == Some(place) { canvas.pick("▌", ">") } else { " " };
        canvas.put(x, y, 1, sign, style);
        canvas.put(x + 2, y, width.saturating_sub(2), text.as_str(), style);
        if chosen == Some(place) {
            let chosen_style = canvas.style(Scope::PopupSelected);
            canvas.shade(Area { x, y, width, height: 1 }, chosen_style);
        }
    }
}
