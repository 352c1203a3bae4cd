//! What lies over a screen: the palette, and the keys that may follow those pressed.

use super::canvas::{Canvas, cells};
use crate::action::{Action, Context};
use crate::app::Model;
use crate::app::popup::{Popup, Stop};
use crate::app::screen::offers::Offers;
use crate::app::screen::palette::Palette;
use crate::app::screen::picker::{Choice, Picker};
use crate::app::screen::thread::{HeadRow, sentence_rows};
use crate::app::size::Area;
use crate::theme::Scope;

/// Draws what lies over the screen.
pub(super) fn draw(model: &Model, canvas: &mut Canvas<'_>) {
    match model.popups.last() {
        Some(Popup::Palette(palette)) => draw_palette(model, palette, canvas),
        Some(Popup::Picker(picker)) => draw_picker(model, picker, canvas),
        Some(Popup::Form(form)) => super::form::draw(model, form, canvas),
        Some(Popup::Finder(finder)) => super::screen::finder::draw(model, finder, canvas),
        Some(Popup::Stop(stop)) => draw_stop(model, stop, canvas),
        Some(Popup::Offers(offers)) => draw_offers(model, offers, canvas),
        Some(Popup::Target(prompt)) => super::screen::target::draw(model, prompt, canvas),
        Some(Popup::Exporting) => super::screen::exporting::draw(model, canvas),
        Some(_) => {}
        None if !model.hints.is_empty() => which_key(model, canvas),
        None => {}
    }
}

fn draw_offers(model: &Model, offers: &Offers, canvas: &mut Canvas<'_>) {
    let body = model.parts().body;
    let width = body.width.saturating_sub(4).min(92);
    let rows = u16::try_from(offers.found.len().clamp(1, 13)).unwrap_or(13);
    let height = body.height.saturating_sub(2).min(rows + 3);
    let area = Area { x: body.x + (body.width - width) / 2, y: body.y + 1, width, height };
    let inner = canvas.window(area, "Template");
    let style = canvas.style(Scope::Popup);
    canvas.put(inner.x + 1, inner.y, 1, "/", style);
    super::screen::field(
        canvas,
        inner.x + 2,
        inner.y,
        inner.width.saturating_sub(3),
        &offers.line,
        Scope::FieldFocused,
    );
    let rows = usize::from(inner.height.saturating_sub(1));
    let top = (offers.at + 1).saturating_sub(rows);
    if offers.found.is_empty() {
        let words = if offers.loaded { "No template fits." } else { "Reading the case." };
        canvas.put(inner.x + 1, inner.y + 1, inner.width.saturating_sub(2), words, style);
    }
    for (y, (at, place)) in (inner.y + 1..).zip(offers.found.iter().enumerate().skip(top).take(rows)) {
        let Some(offer) = offers.rows.get(*place) else { continue };
        let chosen = at == offers.at;
        canvas.put(inner.x, y, 1, if chosen { canvas.pick("▌", ">") } else { " " }, style);
        canvas.put(inner.x + 1, y, inner.width.saturating_sub(2), offer.title.as_str(), style);
        if chosen {
            let chosen_style = canvas.style(Scope::PopupSelected);
            canvas.shade(Area { x: inner.x, y, width: inner.width, height: 1 }, chosen_style);
        }
    }
}

/// The guard's panel. What is marked is the way back; the other way has to be typed.
fn draw_stop(model: &Model, stop: &Stop, canvas: &mut Canvas<'_>) {
    let body = model.parts().body;
    let width = body.width.saturating_sub(4).min(92);
    let text_width = usize::from(width.saturating_sub(6));
    let mut rows: Vec<HeadRow> = Vec::new();
    for against in stop.against() {
        rows.extend(sentence_rows(against, text_width));
    }
    let most = usize::from(body.height.saturating_sub(9));
    let left_out = rows.len().saturating_sub(most);
    rows.truncate(most);
    let height = u16::try_from(rows.len()).unwrap_or(u16::MAX).saturating_add(8).min(body.height);
    let area = Area { x: body.x + (body.width - width) / 2, y: body.y + (body.height - height) / 2, width, height };
    let inner = canvas.window(area, "Stopped");
    let (x, room) = (inner.x + 1, inner.width.saturating_sub(2));
    let mut y = inner.y;
    for row in rows {
        if let HeadRow::Sentence(tone, first, text) = row {
            super::screen::thread::sentence(canvas, (x, y), room, tone, first, text.as_str());
        }
        y += 1;
    }
    let style = canvas.style(Scope::Popup);
    if left_out > 0 {
        canvas.put(x, y, room, "More stands in the review behind this.", style.patch(canvas.style(Scope::TextMuted)));
    }
    y += 1;
    let keys = |action| model.settings.keymap.hint(Context::Prompt, action).unwrap_or_default();
    let back = format!(" {} Go back: it is not sent ", canvas.pick("▸", ">"));
    let put = canvas.put(x, y, room, &back, style.patch(canvas.style(Scope::PopupSelected)));
    let how = format!("{} or {}", keys(Action::PromptAccept), keys(Action::PromptCancel));
    canvas.put(x + put + 1, y, room.saturating_sub(put + 1), &how, style.patch(canvas.style(Scope::KeyHint)));
    y += 2;
    let asked = "Or type why it may go all the same (10 characters or more; recorded):";
    canvas.put(x, y, room, asked, style);
    super::screen::field(canvas, x, y + 1, room, &stop.line, Scope::FieldFocused);
    canvas.put(x, y + 2, room, stop.wrong.as_str(), style.patch(canvas.style(Scope::ToneWarning)));
}

fn draw_palette(model: &Model, palette: &Palette, canvas: &mut Canvas<'_>) {
    let body = model.parts().body;
    let width = body.width.saturating_sub(4).min(100);
    let rows = u16::try_from(palette.found.len().clamp(1, 13)).unwrap_or(13);
    let height = body.height.saturating_sub(2).min(rows + 3);
    let area = Area { x: body.x + (body.width - width) / 2, y: body.y + 1, width, height };
    let inner = canvas.window(area, "Command");
    let style = canvas.style(Scope::Popup);
    canvas.put(inner.x + 1, inner.y, 1, ":", style);
    super::screen::field(
        canvas,
        inner.x + 2,
        inner.y,
        inner.width.saturating_sub(3),
        &palette.line,
        Scope::FieldFocused,
    );
    let rows = usize::from(inner.height.saturating_sub(1));
    let top = (palette.at + 1).saturating_sub(rows);
    if palette.found.is_empty() {
        canvas.put(inner.x + 1, inner.y + 1, inner.width.saturating_sub(2), "No command is called so.", style);
    }
    let name_width = 26.min(inner.width / 2);
    for (y, (at, action)) in (inner.y + 1..).zip(palette.found.iter().enumerate().skip(top).take(rows)) {
        let chosen = at == palette.at;
        canvas.put(inner.x, y, 1, if chosen { canvas.pick("▌", ">") } else { " " }, style);
        let mut x = inner.x + 1;
        canvas.put(x, y, name_width, action.name(), style.patch(canvas.style(Scope::TextStrong)));
        x += name_width + 1;
        let key = model.settings.keymap.hint(palette.context(), *action).unwrap_or_default();
        let key_width = 10.min(inner.width / 5);
        let doc_width = (inner.x + inner.width).saturating_sub(x + key_width + 1);
        canvas.put(x, y, doc_width, action.doc(), style.patch(canvas.style(Scope::KeyDoc)));
        canvas.put_right(x + doc_width, y, key_width, key, style.patch(canvas.style(Scope::KeyHint)));
        if chosen {
            let chosen_style = canvas.style(Scope::PopupSelected);
            canvas.shade(Area { x: inner.x, y, width: inner.width, height: 1 }, chosen_style);
        }
    }
}

fn draw_picker(model: &Model, picker: &Picker, canvas: &mut Canvas<'_>) {
    let body = model.parts().body;
    let width = body.width.saturating_sub(4).min(72);
    let rows = u16::try_from(picker.found.len().clamp(1, 15)).unwrap_or(15);
    let height = body.height.saturating_sub(2).min(rows + 3);
    let area = Area { x: body.x + (body.width - width) / 2, y: body.y + 1, width, height };
    let title = match picker.choice {
        Choice::Move(_) => "Move to",
        Choice::Go => "Mailbox",
    };
    let inner = canvas.window(area, title);
    let style = canvas.style(Scope::Popup);
    canvas.put(inner.x + 1, inner.y, 1, "/", style);
    let line = inner.width.saturating_sub(3);
    super::screen::field(canvas, inner.x + 2, inner.y, line, &picker.line, Scope::FieldFocused);
    let rows = usize::from(inner.height.saturating_sub(1));
    let top = (picker.at + 1).saturating_sub(rows);
    if picker.found.is_empty() {
        let words = match (picker.loaded, &picker.choice) {
            (false, _) => "Reading the mailboxes.",
            (true, Choice::Move(_)) => "No mailbox is called so; enter asks whether to make it.",
            (true, Choice::Go) => "No mailbox is called so.",
        };
        canvas.put(inner.x + 1, inner.y + 1, inner.width.saturating_sub(2), words, style);
    }
    for (y, (at, place)) in (inner.y + 1..).zip(picker.found.iter().enumerate().skip(top).take(rows)) {
        let Some(row) = picker.rows.get(*place) else { continue };
        let chosen = at == picker.at;
        canvas.put(inner.x, y, 1, if chosen { canvas.pick("▌", ">") } else { " " }, style);
        canvas.put(inner.x + 1, y, inner.width.saturating_sub(12), row.shown.as_str(), style);
        let role = style.patch(canvas.style(Scope::KeyDoc));
        canvas.put_right(inner.x + inner.width.saturating_sub(10), y, 9, row.role, role);
        if chosen {
            let chosen_style = canvas.style(Scope::PopupSelected);
            canvas.shade(Area { x: inner.x, y, width: inner.width, height: 1 }, chosen_style);
        }
    }
}

fn which_key(model: &Model, canvas: &mut Canvas<'_>) {
    let body = model.parts().body;
    let rows: Vec<(&str, &str)> = model
        .hints
        .iter()
        .map(|hint| (hint.key.as_str(), hint.actions.first().map_or("more keys follow", |action| action.doc())))
        .collect();
    let keys = rows.iter().map(|(key, _)| cells(key)).max().unwrap_or(1);
    let docs = rows.iter().map(|(_, doc)| cells(doc)).max().unwrap_or(1);
    let width = (keys + docs + 6).min(body.width);
    let height = u16::try_from(rows.len()).unwrap_or(u16::MAX).saturating_add(2).min(body.height);
    let area = Area { x: body.x + body.width - width, y: body.y + body.height - height, width, height };
    let pressed: Vec<String> = model.pending.iter().map(ToString::to_string).collect();
    let inner = canvas.window(area, &pressed.join(" "));
    let style = canvas.style(Scope::Popup);
    for (y, (key, doc)) in (inner.y..inner.y + inner.height).zip(rows) {
        canvas.put(inner.x + 1, y, keys, key, style.patch(canvas.style(Scope::KeyHint)));
        let x = inner.x + 2 + keys;
        canvas.put(
            x + 1,
            y,
            (inner.x + inner.width).saturating_sub(x + 1),
            doc,
            style.patch(canvas.style(Scope::KeyDoc)),
        );
    }
}
