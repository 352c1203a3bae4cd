//! What is about to be sent.

use super::thread::{attachment, sentence};
use crate::app::Model;
use crate::app::screen::review::{ReviewRow, ReviewScreen};
use crate::app::size::{Area, inset, measure};
use crate::theme::Scope;
use crate::ui::canvas::Canvas;

const NAMES: u16 = 10;

/// Draws the review.
pub(in crate::ui) fn draw(model: &Model, screen: &ReviewScreen, canvas: &mut Canvas<'_>) {
    let body = inset(model.parts().body);
    let width = u16::try_from(measure(body)).unwrap_or(body.width);
    for (y, row) in (body.y..body.y + body.height).zip(screen.visible()) {
        draw_row(screen, row, Area { y, width, height: 1, ..body }, canvas);
    }
    if model.popups.is_empty() {
        canvas.cursor = Some((body.x, body.y));
    }
}

fn draw_row(screen: &ReviewScreen, row: &ReviewRow, area: Area, canvas: &mut Canvas<'_>) {
    let Area { x, y, width, .. } = area;
    let room = width.saturating_sub(NAMES);
    let review = &screen.review;
    match row {
        ReviewRow::Blank => {}
        ReviewRow::Field(name, text) => {
            canvas.put(x, y, NAMES, name, canvas.style(Scope::HeaderName));
            canvas.put(x + NAMES, y, room, text.as_str(), canvas.style(Scope::HeaderValue));
        }
        ReviewRow::Recipient(place) => {
            let Some(recipient) = review.recipients.get(*place) else { return };
            canvas.put(x, y, NAMES, recipient.field, canvas.style(Scope::HeaderName));
            canvas.put(x + NAMES, y, room, recipient.address.text.as_str(), canvas.style(Scope::TextStrong));
        }
        ReviewRow::Sentence(tone, first, text) => sentence(canvas, (x, y), width, *tone, *first, text.as_str()),
        ReviewRow::Key(tone, first, text) => {
            sentence(canvas, (x + NAMES - 1, y), width.saturating_sub(NAMES - 1), *tone, *first, text.as_str());
        }
        ReviewRow::Attachment(place) => {
            if let Some(file) = review.attachments.get(*place) {
                let name = if *place == 0 { "Files" } else { "" };
                attachment(canvas, (x, y), width, name, file, false);
            }
        }
        ReviewRow::Heading(text) => {
            let style = canvas.style(Scope::Border);
            canvas.fill(area, canvas.pick("─", "-"), style);
            let heading = format!(" {text}, {} on the wire ", crate::mail::size::size(review.bytes));
            canvas.put(x + 2, y, width.saturating_sub(4), &heading, canvas.style(Scope::TextMuted));
        }
        ReviewRow::Text(place) => {
            if let Some((text, quoted)) = screen.text.get(*place) {
                let style = canvas.style(if *quoted > 0 { Scope::TextQuote1 } else { Scope::Text });
                canvas.put(x + 2, y, width.saturating_sub(2), text.as_str().trim_end(), style);
            }
        }
    }
}
