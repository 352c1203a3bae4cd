//! The screens, drawn; `app::screen` has a file of the same name for each.

pub(super) mod assistant;
pub(super) mod attach;
pub(super) mod awaiting;
pub(super) mod case;
pub(super) mod cases;
pub(super) mod changes;
pub(super) mod chronology;
pub(super) mod composer;
pub(super) mod connections;
pub(super) mod documents;
pub(super) mod drafts;
pub(super) mod exporting;
pub(super) mod finder;
pub(super) mod help;
pub(super) mod keys;
pub(super) mod lock;
pub(super) mod look;
pub(super) mod negotiation;
pub(super) mod outbox;
pub(super) mod pleas;
pub(super) mod review;
pub(super) mod target;
pub(super) mod thread;
pub(super) mod threads;
pub(super) mod triage;

use super::canvas::{Canvas, cells};
use ratatui::style::Style;

use crate::app::Model;
use crate::app::line::Line;
use crate::app::size::Area;
use crate::app::wrap::Wrapped;
use crate::mail::safe::SafeText;
use crate::theme::Scope;

/// The leading cells of a row are of one style, so that moving the cursor costs few bytes on a slow line: a run of cells costs its
/// length, every change of style up to forty bytes more.
const ZONE: u16 = 74;

/// Draws the leading cells of a row: the cursor's bar where the cursor is, and the ground under what follows. Answers the style
/// that texts in these cells have.
pub(super) fn lead(canvas: &mut Canvas<'_>, area: Area, y: u16, zone: u16, scope: Scope, chosen: bool) -> Style {
    let row = canvas.style(scope);
    let style = if chosen { row.patch(canvas.style(Scope::ListSelected)) } else { row };
    canvas.shade(Area { x: area.x, y, width: zone.min(ZONE).min(area.width), height: 1 }, style);
    if chosen {
        canvas.put(area.x, y, 1, canvas.pick("▌", ">"), style);
    }
    style
}

/// Puts the terminal's cursor on the row that the list's cursor is on.
pub(super) fn point(model: &Model, canvas: &mut Canvas<'_>, area: Area, y: u16, chosen: bool) {
    if chosen && model.popups.is_empty() {
        canvas.cursor = Some((area.x, y));
    }
}

/// Draws a line being typed and puts the terminal's cursor into it. The part around the cursor is what is shown.
pub(super) fn field(canvas: &mut Canvas<'_>, x: u16, y: u16, width: u16, line: &Line, scope: Scope) {
    let style = canvas.style(scope);
    let room = width.saturating_sub(1);
    let before = cells(line.before());
    let skipped = before.saturating_sub(room);
    let text = tail(line.text(), usize::from(skipped));
    canvas.put(x, y, width, text, style);
    let shown = before - cells(line.text().strip_suffix(text).unwrap_or_default()).min(before);
    canvas.cursor = Some((x + shown.min(room), y));
}

/// A text without its first cells, cut between characters.
fn tail(text: &str, skipped: usize) -> &str {
    use unicode_segmentation::UnicodeSegmentation;
    use unicode_width::UnicodeWidthStr;
    let mut wide = 0;
    for (at, grapheme) in text.grapheme_indices(true) {
        if wide >= skipped {
            return text.get(at..).unwrap_or_default();
        }
        wide += grapheme.width();
    }
    ""
}

/// Says in the middle of an area why there is nothing in it, and what to do.
pub(super) fn say(canvas: &mut Canvas<'_>, area: Area, text: &str) {
    let width = area.width.saturating_sub(4).min(64);
    let wrapped =
        Wrapped::new(std::sync::Arc::from(vec![SafeText::line(text)]), usize::from(width), usize::from(area.height));
    let style = canvas.style(Scope::TextMuted);
    let x = area.x + (area.width - width) / 2;
    let first = area.y + area.height / 3;
    for (y, (_, _, line)) in (first..area.y + area.height).zip(wrapped.visible()) {
        canvas.put(x, y, width, line, style);
    }
}

/// Words that take as many rows as they need, within an area.
pub(super) fn paragraph(canvas: &mut Canvas<'_>, area: Area, words: &SafeText, style: Style) {
    let inner = crate::app::size::inset(area);
    let wrapped = Wrapped::new(
        std::sync::Arc::from(vec![words.clone()]),
        usize::from(inner.width.min(110)),
        usize::from(inner.height),
    );
    for (y, (_, _, line)) in (inner.y..inner.y + inner.height).zip(wrapped.visible()) {
        canvas.put(inner.x, y, inner.width, line, style);
    }
}
