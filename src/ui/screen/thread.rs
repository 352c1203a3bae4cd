//! An open thread. Everything that we say of a message is drawn from its head's rows; its text is drawn below the rule and behind a
//! gutter that it cannot enter.

use super::{lead, point, say};
use crate::app::Model;
use crate::app::screen::thread::{Face, GUTTER, HeadRow, Shown, Thread};
use crate::app::size::{Area, measure};
use crate::app::view::{AttachmentRow, MessageRow, MessageView, Tone};
use crate::mail::size::size;
use crate::theme::Scope;
use crate::ui::canvas::{Canvas, cells};
use crate::ui::{date, marks};

/// Width of the names of fields.
const NAMES: u16 = crate::app::screen::thread::NAMES as u16;

/// Draws the thread.
pub(in crate::ui) fn draw(model: &Model, thread: &Thread, canvas: &mut Canvas<'_>) {
    let parts = thread.parts();
    draw_tree(model, thread, parts.tree, canvas);
    let rule = parts.rule;
    let border = canvas.style(Scope::Border);
    let sign = if rule.width == 1 && rule.height > 1 { canvas.pick("│", "|") } else { canvas.pick("─", "-") };
    canvas.fill(rule, sign, border);
    let pane = parts.pane;
    match (&thread.shown, &thread.trouble) {
        (_, Some((id, why))) if thread.tree.selected().is_some_and(|row| row.id == *id) => {
            let style = canvas.tone(why.tone);
            canvas.put(pane.x, pane.y, 1, canvas.sign(why.tone), style);
            say(canvas, pane, why.text.as_str());
        }
        (Some(shown), _) => draw_message(model, thread, shown, pane, canvas),
        (None, _) if thread.fresh.loaded && thread.tree.is_empty() => {
            say(canvas, pane, "There is no message in this thread any more.");
        }
        (None, _) => say(canvas, pane, "Opening the message."),
    }
    if thread.reading() && model.popups.is_empty() {
        canvas.cursor = Some((pane.x, text_top(thread, pane).min(pane.y + pane.height.saturating_sub(1))));
    }
}

fn text_top(thread: &Thread, pane: Area) -> u16 {
    let head = thread.shown.as_ref().map_or(0, |shown| shown.head.len());
    pane.y + u16::try_from(head).unwrap_or(0)
}

fn draw_tree(model: &Model, thread: &Thread, area: Area, canvas: &mut Canvas<'_>) {
    if area.height == 0 {
        return;
    }
    for (y, (place, row)) in (area.y..).zip(thread.tree.visible()) {
        let chosen = place == thread.tree.at();
        draw_tree_row(model, thread, row, canvas, Area { y, height: 1, ..area }, chosen);
        point(model, canvas, area, y, chosen);
    }
    if thread.tree.is_empty() {
        say(canvas, area, "No message here holds what you typed.");
    }
}

/// The marks of a message and its date, at the right of its row.
const RIGHT: u16 = 14;

fn draw_tree_row(model: &Model, thread: &Thread, row: &MessageRow, canvas: &mut Canvas<'_>, area: Area, chosen: bool) {
    let (mut x, y) = (area.x, area.y);
    let right = (area.x + area.width).saturating_sub(RIGHT);
    let indent = u16::try_from(row.depth.min(12)).unwrap_or(0);
    let from_width = 28.min(right.saturating_sub(x + 5 + indent));
    let scope = if row.seen { Scope::ListRow } else { Scope::ListUnread };
    let style = lead(canvas, area, y, 5 + indent + from_width, scope, chosen);
    if !row.seen {
        canvas.put(x + 2, y, 1, canvas.pick("●", "*"), style);
    }
    if thread.marked.contains(&row.id) {
        canvas.put(x + 1, y, 1, "+", style);
    }
    x += 4;
    if indent > 0 {
        let branch = canvas.pick("└ ", "` ");
        canvas.put(x + indent - 1, y, 2, branch, style);
        x += indent + 1;
    }
    canvas.put(x, y, from_width, row.from.as_str(), style);
    x += from_width + 1;
    // The subject only where it says something that the title does not.
    if row.subject != thread.subject {
        canvas.put(x, y, right.saturating_sub(x + 1), row.subject.as_str(), canvas.style(Scope::TextMuted));
    }
    let mut marks = vec![
        if row.flagged { ("!", canvas.style(Scope::ListFlagged)) } else { (" ", style) },
        if row.answered { ("r", canvas.style(Scope::TextMuted)) } else { (" ", style) },
        if row.attachments > 0 { ("@", canvas.style(Scope::ListAttachment)) } else { (" ", style) },
    ];
    marks.extend(marks::badge(canvas, row.openpgp));
    marks.push(if row.pending { ("~", canvas.style(Scope::ListPending)) } else { (" ", style) });
    for (place, (mark, style)) in (right..).zip(marks).filter(|(_, (mark, _))| *mark != " ") {
        canvas.put(place, y, 1, mark, style);
    }
    let date = date::short(row.received, model.now, &model.settings.zone);
    canvas.put_right(right, y, RIGHT - 1, &date, canvas.style(Scope::ListDate));
}

fn draw_message(model: &Model, thread: &Thread, shown: &Shown, pane: Area, canvas: &mut Canvas<'_>) {
    let width = u16::try_from(measure(pane)).unwrap_or(pane.width);
    for (y, row) in (pane.y..pane.y + pane.height).zip(&shown.head) {
        draw_head_row(model, shown, row, Area { y, width, height: 1, ..pane }, canvas);
    }
    // While another message is on its way, the one on screen is still the one before: say so.
    let behind = thread.tree.selected().is_some_and(|row| row.id != shown.view.id);
    let rule = text_top(thread, pane).saturating_sub(1);
    if behind && rule > pane.y {
        canvas.put_right(pane.x, rule, width.saturating_sub(1), " opening the next ", canvas.style(Scope::TextMuted));
    }
    let face = match shown.face {
        Face::Text => "",
        Face::Headers => " all headers, as they came ",
        Face::Raw => " as transmitted ",
    };
    canvas.put(pane.x + 2, rule, width.saturating_sub(4), face, canvas.style(Scope::TextMuted));
    let bottom = pane.y + pane.height;
    for (y, (piece, lead, text)) in (text_top(thread, pane)..bottom).zip(shown.body.visible()) {
        let style = canvas.style(match piece.quoted {
            0 => Scope::Text,
            1 => Scope::TextQuote1,
            2 => Scope::TextQuote2,
            _ => Scope::TextQuote3,
        });
        let x = pane.x + GUTTER;
        let room = width.saturating_sub(GUTTER);
        let used = canvas.put(x, y, room, lead, style);
        canvas.put(x + used, y, room - used, text.trim_end(), style);
    }
}

fn draw_head_row(model: &Model, shown: &Shown, row: &HeadRow, area: Area, canvas: &mut Canvas<'_>) {
    let Area { x, y, width, .. } = area;
    match row {
        HeadRow::Field(name, value, at) => {
            canvas.put(x, y, NAMES, name, canvas.style(Scope::HeaderName));
            let style = canvas.style(if *name == "Subject" { Scope::HeaderSubject } else { Scope::HeaderValue });
            let at = at.map(|at| date::long(at, &model.settings.zone)).unwrap_or_default();
            let room = width.saturating_sub(NAMES);
            if value.is_empty() {
                // A date that stands alone is the value of its field.
                canvas.put(x + NAMES, y, room, &at, style);
            } else {
                canvas.put(x + NAMES, y, room, value.as_str(), style);
                canvas.put_right(x + NAMES, y, room, &at, canvas.style(Scope::ListDate));
            }
        }
        HeadRow::Sentence(tone, first, text) => {
            sentence(canvas, (x, y), width, *tone, *first, text.as_str());
        }
        HeadRow::Attachment(place) => {
            if let Some(file) = shown.view.attachments.get(*place) {
                let chosen = *place == shown.attachment && shown.view.attachments.len() > 1;
                let name = if *place == 0 { "Files" } else { "" };
                attachment(canvas, (x, y), width, name, file, chosen);
            }
        }
        HeadRow::Chosen => {
            let all = shown.view.attachments.len();
            if let Some(file) = shown.view.attachments.get(shown.attachment) {
                let name = if all == 1 { "File".to_owned() } else { format!("File {}/{all}", shown.attachment + 1) };
                attachment(canvas, (x, y), width, &name, file, false);
            }
        }
        HeadRow::More(rows) => {
            let text = more(&shown.view, *rows);
            canvas.put(x, y, width, &text, canvas.style(Scope::TextMuted));
        }
        HeadRow::Rule => {
            let border = canvas.style(Scope::Border);
            canvas.fill(area, canvas.pick("─", "-"), border);
        }
    }
}

fn more(view: &MessageView, rows: usize) -> String {
    let files = match view.attachments.len() {
        0 => String::new(),
        1 => ", with 1 attachment".to_owned(),
        many => format!(", with {many} attachments"),
    };
    format!("({rows} more rows have no room here{files})")
}

/// Draws a row of a sentence of ours: a bar and a sign that no foreign text is ever drawn in, then the words.
pub(in crate::ui) fn sentence(
    canvas: &mut Canvas<'_>,
    at: (u16, u16),
    width: u16,
    tone: Tone,
    first: bool,
    text: &str,
) {
    let (x, y) = at;
    let style = canvas.tone(tone);
    canvas.put(x, y, 1, canvas.pick("▎", "|"), style);
    if first {
        canvas.put(x + 2, y, 1, canvas.sign(tone), style);
    }
    canvas.put(x + 4, y, width.saturating_sub(4), text, style);
}

/// Draws a row of an attachment.
pub(super) fn attachment(
    canvas: &mut Canvas<'_>,
    at: (u16, u16),
    width: u16,
    name: &str,
    file: &AttachmentRow,
    chosen: bool,
) {
    let (x, y) = at;
    canvas.put(x, y, NAMES, name, canvas.style(Scope::HeaderName));
    let how = match (file.ciphertext, file.sealed) {
        (true, _) => ", encrypted file",
        (false, true) => ", sealed",
        (false, false) => "",
    };
    let facts = format!("{}, {}{how}", file.media_type.truncate(30), size(file.bytes));
    let sign = if chosen { canvas.pick("▸ ", "> ") } else { "@ " };
    let used = canvas.put(x + NAMES, y, 2, sign, canvas.style(Scope::ListAttachment));
    let x = x + NAMES + used;
    let room = width.saturating_sub(NAMES + used);
    let style = canvas.style(if chosen { Scope::TextStrong } else { Scope::HeaderValue });
    let named = canvas.put(x, y, room.saturating_sub(cells(&facts) + 2).max(room / 3), file.name.as_str(), style);
    canvas.put(x + named + 2, y, room.saturating_sub(named + 2), &facts, canvas.style(Scope::TextMuted));
}
