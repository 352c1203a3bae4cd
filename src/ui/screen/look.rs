//! A document that is looked into. Our lines stand above a rule; nothing of the document can stand there.

use ratatui::style::Color;

use super::say;
use crate::app::Model;
use crate::app::document_view::Picture;
use crate::app::screen::look::LookScreen;
use crate::app::size::{Area, inset, measure};
use crate::app::view::Tone;
use crate::theme::Scope;
use crate::ui::canvas::Canvas;

/// Draws it.
pub(in crate::ui) fn draw(model: &Model, screen: &LookScreen, canvas: &mut Canvas<'_>) {
    let body = inset(model.parts().body);
    let Some(look) = &screen.look else {
        say(canvas, body, "Reading the document in a sandbox without network or files.");
        return;
    };
    let mut y = body.y;
    for sentence in look.said.iter().take(6) {
        let style = canvas.tone(sentence.tone);
        if sentence.tone != Tone::Plain {
            canvas.put(body.x, y, 1, canvas.sign(sentence.tone), style);
        }
        canvas.put(body.x + 2, y, body.width.saturating_sub(2), sentence.text.as_str(), style);
        y += 1;
    }
    canvas.fill(Area { y, height: 1, ..body }, canvas.pick("─", "-"), canvas.style(Scope::Border));
    y += 1;
    let area = Area { y, height: (body.y + body.height).saturating_sub(y), ..body };
    if let Some(picture) = &look.picture {
        paint(canvas, area, picture, model.settings.ascii);
    } else {
        let width = u16::try_from(measure(body)).unwrap_or(body.width);
        let style = canvas.style(Scope::Text);
        for (y, (_, _, line)) in (area.y..area.y + area.height).zip(screen.body.visible()) {
            canvas.put(area.x, y, width, line, style);
        }
    }
    if model.popups.is_empty() {
        canvas.cursor = Some((body.x, body.y));
    }
}

/// Two points a cell, by half blocks; on a terminal without them, by signs of more or less ink.
fn paint(canvas: &mut Canvas<'_>, area: Area, picture: &Picture, ascii: bool) {
    let (wide, high) = (usize::from(picture.width), usize::from(picture.height));
    if wide == 0 || high == 0 {
        return;
    }
    // As large as it fits; never larger than it is.
    let (cells, rows) = (usize::from(area.width), usize::from(area.height) * 2);
    let step = wide.div_ceil(cells.max(1)).max(high.div_ceil(rows.max(1))).max(1);
    let point = |x: usize, y: usize| -> Option<(u8, u8, u8)> {
        let at = (y.checked_mul(wide)?.checked_add(x)?).checked_mul(3)?;
        match picture.points.get(at..at + 3)? {
            [r, g, b] => Some((*r, *g, *b)),
            _ => None,
        }
    };
    for row in 0..high.div_ceil(step * 2) {
        for column in 0..wide.div_ceil(step) {
            let (x, y) = (column * step, row * step * 2);
            let Some(upper) = point(x, y) else { continue };
            let lower = point(x, y + step).unwrap_or((0, 0, 0));
            let (Ok(dx), Ok(dy)) = (u16::try_from(column), u16::try_from(row)) else { continue };
            if dx >= area.width || dy >= area.height {
                continue;
            }
            let style = canvas.style(Scope::Text);
            if ascii {
                let light = (u32::from(upper.0) + u32::from(upper.1) + u32::from(upper.2)) / 3;
                let sign = " .:-=+*#%@".chars().rev().nth((light * 9 / 255) as usize).unwrap_or(' ');
                canvas.put(area.x + dx, area.y + dy, 1, &sign.to_string(), style);
            } else {
                let colour = |(r, g, b): (u8, u8, u8)| Color::Rgb(r, g, b);
                let style = style.fg(colour(upper)).bg(colour(lower));
                canvas.put(area.x + dx, area.y + dy, 1, "\u{2580}", style);
            }
        }
    }
}
