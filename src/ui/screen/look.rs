//! A document that is looked into. Our lines stand above a rule; nothing of the document can stand there.

use std::sync::Arc;

use ratatui::style::Color;

use super::say;
use crate::app::Model;
use crate::app::document_view::Picture;
use crate::app::screen::look::LookScreen;
use crate::app::size::{Area, inset, measure};
use crate::app::view::Tone;
use crate::theme::Scope;
use crate::ui::Placed;
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
    if let Some(picture) = look.picture.as_ref().filter(|_| !model.settings.own_pictures) {
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

/// Where the terminal puts the picture: below our lines, as large as it fits, its sides as they are. A cell is twice as high as it is wide.
pub(in crate::ui) fn placed(model: &Model, screen: &LookScreen) -> Option<Placed> {
    let look = screen.look.as_ref()?;
    let picture = look.picture.as_ref()?;
    let body = inset(model.parts().body);
    let above = u16::try_from(screen.head()).ok()?;
    let (wide, high) = (u32::from(picture.width).max(1), u32::from(picture.height).max(1));
    let (most_columns, most_rows) = (u32::from(body.width), u32::from(body.height.saturating_sub(above)));
    // A small picture is not blown up: four of its points a cell at most.
    let columns = most_columns.min(wide.div_ceil(4)).min((most_rows * 2 * wide / high).max(1));
    let rows = (columns * high).div_ceil(wide * 2).min(most_rows);
    let area = Area { x: body.x, y: body.y + above, width: columns.try_into().ok()?, height: rows.try_into().ok()? };
    (area.width > 0 && area.height > 0).then(|| Placed { area, look: Arc::clone(look) })
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
    let at = |x: usize, y: usize| -> Option<[u32; 3]> {
        let at = (y.checked_mul(wide)?.checked_add(x)?).checked_mul(3)?;
        match picture.points.get(at..at + 3)? {
            [r, g, b] if x < wide && y < high => Some([u32::from(*r), u32::from(*g), u32::from(*b)]),
            _ => None,
        }
    };
    // The middle of the points that fall together.
    let point = |x: usize, y: usize| -> Option<(u8, u8, u8)> {
        let (mut sum, mut count) = ([0_u32; 3], 0_u32);
        for (dy, dx) in (0..step).flat_map(|dy| (0..step).map(move |dx| (dy, dx))) {
            if let Some(parts) = at(x + dx, y + dy) {
                sum.iter_mut().zip(parts).for_each(|(sum, part)| *sum += part);
                count += 1;
            }
        }
        let [r, g, b] = sum.map(|sum| u8::try_from(sum / count.max(1)).unwrap_or(u8::MAX));
        (count > 0).then_some((r, g, b))
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
