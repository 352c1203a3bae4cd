//! The list of cases.

use super::{lead, point, say};
use crate::app::Model;
use crate::app::screen::cases::Cases;
use std::sync::Arc;

use crate::app::size::{Area, inset, measure};
use crate::app::view::{CaseRow, Scope as Which};
use crate::app::wrap::Wrapped;
use crate::mail::safe::SafeText;
use crate::theme::Scope;
use crate::ui::canvas::Canvas;
use crate::ui::date;

/// Widths of the columns; what is left is the title's.
struct Columns {
    identifiers: u16,
    unread: u16,
    messages: u16,
    date: u16,
}

const DATE: u16 = 6;

impl Columns {
    fn of(width: u16) -> Self {
        Self {
            // Where there is no room for both, the title says more.
            identifiers: match width {
                0..56 => 0,
                56..110 => (width / 3).min(28),
                _ => 44,
            },
            unread: 7,
            messages: if width >= 60 { 9 } else { 0 },
            date: DATE,
        }
    }
}

/// Draws the list.
pub(in crate::ui) fn draw(model: &Model, cases: &Cases, canvas: &mut Canvas<'_>) {
    let area = model.list_area();
    let columns = Columns::of(area.width);
    let taken = columns.identifiers + columns.unread + columns.messages + columns.date + 7;
    // On a wide screen the columns stay within one look.
    let title = area.width.saturating_sub(taken).min(64);
    if area.y > model.parts().body.y {
        let style = canvas.style(Scope::ListHeading);
        let y = area.y - 1;
        let mut x = area.x + 4;
        canvas.put(x, y, title, "Case", style);
        x += title + 1;
        canvas.put(x, y, columns.identifiers, "Known as", style);
        x += columns.identifiers;
        canvas.put_right(x, y, columns.unread, "unread", style);
        x += columns.unread;
        canvas.put_right(x, y, columns.messages, "messages", style);
        x += columns.messages + 1;
        canvas.put_right(x, y, columns.date, "last", style);
    }
    for (y, (place, row)) in (area.y..).zip(cases.list.visible()) {
        let chosen = place == cases.list.at();
        draw_row(model, row, canvas, Area { y, height: 1, ..area }, title, &columns, chosen);
        point(model, canvas, area, y, chosen);
    }
    if cases.list.is_empty() {
        say(canvas, area, &empty(model, cases));
    }
    trouble(model, canvas, area);
}

/// Below the list: why there is no connection, in whole sentences.
fn trouble(model: &Model, canvas: &mut Canvas<'_>, list: Area) {
    let body = model.parts().body;
    let y = list.y + list.height;
    let height = (body.y + body.height).saturating_sub(y);
    let Some((account, because)) = model.trouble().filter(|_| height > 1) else { return };
    canvas.fill(Area { y, height: 1, ..body }, canvas.pick("─", "-"), canvas.style(Scope::Border));
    let text = SafeText::line(&format!("{account} is offline: {because}."));
    let inner = inset(Area { y: y + 1, height: height - 1, ..body });
    let wrapped = Wrapped::new(Arc::from(vec![text]), measure(inner), usize::from(inner.height));
    let style = canvas.style(Scope::StatusOffline);
    for (y, (_, _, line)) in (inner.y..inner.y + inner.height).zip(wrapped.visible()) {
        canvas.put(inner.x, y, inner.width, line, style);
    }
}

fn empty(model: &Model, cases: &Cases) -> String {
    let key = |action| model.settings.keymap.hint(crate::action::Context::Cases, action).unwrap_or("").to_owned();
    if !cases.fresh.loaded {
        return "Reading the list of cases.".to_owned();
    }
    if !cases.list.filter().is_empty() {
        let filter = SafeText::line(cases.list.filter());
        return format!("No case holds “{filter}”. {} shows all of them again.", key(crate::action::Action::Back));
    }
    format!(
        "No mail yet. Messages are grouped into cases by the URN, Crown Court or PF number in their subject. {} asks the servers for \
         news; {} shows the help.",
        key(crate::action::Action::SyncNow),
        key(crate::action::Action::Help),
    )
}

fn draw_row(
    model: &Model,
    row: &CaseRow,
    canvas: &mut Canvas<'_>,
    area: Area,
    title: u16,
    columns: &Columns,
    chosen: bool,
) {
    let (mut x, y) = (area.x, area.y);
    let unread = row.unread > 0;
    let scope = match row.scope {
        _ if unread => Scope::ListUnread,
        Which::Case(_) => Scope::ListRow,
        Which::Unfiled | Which::All | Which::Mailbox { .. } => Scope::TextMuted,
    };
    let style = lead(canvas, area, y, 4 + title, scope, chosen);
    if unread {
        canvas.put(x + 2, y, 1, canvas.pick("●", "*"), style);
    }
    x += 4;
    canvas.put(x, y, title, row.title.as_str(), style);
    x += title + 1;
    // A case that nobody has named is called by its number: once is enough.
    let others: Vec<SafeText> = row.identifiers.iter().filter(|one| **one != row.title).cloned().collect();
    let identifiers = SafeText::join(&others, "  ");
    canvas.put(x, y, columns.identifiers, identifiers.as_str(), canvas.style(Scope::ListCase));
    x += columns.identifiers;
    if unread {
        canvas.put_right(x, y, columns.unread, &row.unread.to_string(), canvas.style(Scope::ListUnread));
    }
    x += columns.unread;
    canvas.put_right(x, y, columns.messages, &row.messages.to_string(), canvas.style(Scope::ListCount));
    x += columns.messages + 1;
    if let Some(last) = row.last_date {
        let last = date::short(last, model.now, &model.settings.zone);
        canvas.put_right(x, y, columns.date, &last, canvas.style(Scope::ListDate));
    }
}
