//! How far an export is.

use crate::action::{Action, Context};
use crate::app::Model;
use crate::app::export_view::{Exporting, Making};
use crate::app::size::Area;
use crate::mail::size::size;
use crate::theme::Scope;
use crate::ui::canvas::Canvas;

/// Draws the popup.
pub(in crate::ui) fn draw(model: &Model, canvas: &mut Canvas<'_>) {
    let Some(now) = &model.exporting else { return };
    let body = model.parts().body;
    let width = body.width.saturating_sub(4).min(76);
    let height = 8.min(body.height);
    let area = Area { x: body.x + (body.width - width) / 2, y: body.y + (body.height - height) / 2, width, height };
    let title = match now.making {
        Making::Files => "Export",
        Making::Bundle => "Bundle",
        Making::Proof => "Verify",
    };
    let inner = canvas.window(area, title);
    let (x, room) = (inner.x + 1, inner.width.saturating_sub(2));
    let style = canvas.style(Scope::Popup);
    let muted = style.patch(canvas.style(Scope::TextMuted));
    canvas.put(x, inner.y, room, now.place.as_str(), muted);
    canvas.put(x, inner.y + 2, room, &bar(now, room, canvas), style);
    let many = |count: usize, one: &str| format!("{one}{}", if count == 1 { "" } else { "s" });
    let counted = match now.making {
        Making::Proof => format!("{} of {} {}", now.done, now.of, many(now.of, "file")),
        Making::Files | Making::Bundle => format!(
            "{} of {} {}, {} {}",
            now.done,
            now.of,
            many(now.of, "message"),
            now.documents,
            many(now.documents, "document")
        ),
    };
    let words = format!("{counted}, {} at {}/s", size(now.bytes), size(now.rate));
    canvas.put(x, inner.y + 3, room, &words, style);
    let keys = |action| model.settings.keymap.hint(Context::Prompt, action).unwrap_or_default();
    let hint = format!(
        "{} stops it, the same again goes on from there  {} leaves it at work",
        keys(Action::PromptCancel),
        keys(Action::PromptAccept)
    );
    canvas.put(x, inner.y + 5, room, &hint, style.patch(canvas.style(Scope::KeyDoc)));
}

/// The bar, and the share in words behind it.
fn bar(now: &Exporting, room: u16, canvas: &Canvas<'_>) -> String {
    let cells = usize::from(room.saturating_sub(6));
    let full = cells * usize::from(now.share.min(1000)) / 1000;
    let (done, left) = (canvas.pick("█", "#"), canvas.pick("░", "."));
    format!("{}{} {:3} %", done.repeat(full), left.repeat(cells - full), now.share.min(1000) / 10)
}

/// The same in short, for the title row, where the popup was put away.
pub(in crate::ui) fn short(model: &Model) -> Option<String> {
    let now = model.exporting.as_ref()?;
    let what = match now.making {
        Making::Files => "exporting",
        Making::Bundle => "bundling",
        Making::Proof => "verifying",
    };
    let stop = model.settings.keymap.hint(Context::Global, Action::MailExportStop).unwrap_or_default();
    Some(format!("{what} {} %, {stop} stops it", now.share.min(1000) / 10))
}
