//! A list of threads.

use super::{lead, point, say};
use crate::action::{Action, Context};
use crate::app::Model;
use crate::app::screen::threads::Threads;
use crate::app::size::Area;
use crate::app::view::{Scope as Which, ThreadRow};
use crate::mail::safe::SafeText;
use crate::theme::Scope;
use crate::ui::canvas::Canvas;
use crate::ui::{date, marks};

/// The cursor's bar and the mark of what is unread.
const LEAD: u16 = 4;

/// Flag, attachment, encryption, signature, and a cell of air on both sides.
const MARKS: u16 = 6;

/// Widths of the columns; what is left is the subject's.
struct Columns {
    people: u16,
    case: u16,
    count: u16,
    date: u16,
}

impl Columns {
    fn of(width: u16, all: bool) -> Self {
        Self { people: (width / 4).clamp(10, 30), case: if all && width >= 110 { 22 } else { 0 }, count: 6, date: 6 }
    }

    fn subject(&self, width: u16) -> u16 {
        // On a wide screen the columns stay within one look.
        width.saturating_sub(LEAD + self.people + 2 + self.case + MARKS + self.count + self.date + 2).min(96)
    }
}

/// Draws the list.
pub(in crate::ui) fn draw(model: &Model, threads: &Threads, canvas: &mut Canvas<'_>) {
    let area = model.list_area();
    let columns = Columns::of(area.width, !matches!(threads.scope, Which::Case(_)));
    let subject = columns.subject(area.width);
    if area.y > model.parts().body.y {
        let style = canvas.style(Scope::ListHeading);
        let y = area.y - 1;
        let mut x = area.x + LEAD;
        canvas.put(x, y, columns.people, "People", style);
        x += columns.people + 2;
        canvas.put(x, y, subject, "Subject", style);
        x += subject;
        canvas.put(x + 1, y, columns.case.saturating_sub(1), "Case", style);
        x += columns.case + MARKS;
        canvas.put_right(x, y, columns.count, "mails", style);
        canvas.put_right(x + columns.count + 1, y, columns.date, "last", style);
    }
    for (y, (place, row)) in (area.y..).zip(threads.list.visible()) {
        let chosen = place == threads.list.at();
        draw_row(model, threads, &row, canvas, Area { y, height: 1, ..area }, &columns, chosen);
        point(model, canvas, area, y, chosen);
    }
    if threads.list.is_empty() {
        say(canvas, area, &empty(model, threads));
    }
}

fn empty(model: &Model, threads: &Threads) -> String {
    let back = model.settings.keymap.hint(Context::Threads, Action::Back).unwrap_or_default();
    if !threads.fresh.loaded {
        return "Reading the list of threads.".to_owned();
    }
    if !threads.list.filter().is_empty() {
        let filter = SafeText::line(threads.list.filter());
        if threads.list.all().behind() > 0 {
            let first = threads.list.total();
            return format!("None of the first {first} threads holds “{filter}”; the others are still being read.");
        }
        return format!("No thread holds “{filter}”. {back} shows all of them again.");
    }
    match &threads.scope {
        Which::Mailbox { .. } => format!("Nothing is in this mailbox. {back} goes back."),
        Which::Unfiled => format!("Every message is in a case. {back} goes back to the cases."),
        Which::Case(_) => format!("No message is in this case now. {back} goes back to the cases."),
        Which::All => format!("There is no mail here yet. {back} goes back to the cases."),
    }
}

fn draw_row(
    model: &Model,
    threads: &Threads,
    row: &ThreadRow,
    canvas: &mut Canvas<'_>,
    area: Area,
    columns: &Columns,
    chosen: bool,
) {
    let (mut x, y) = (area.x, area.y);
    let subject = columns.subject(area.width);
    let unread = threads.unread(row);
    let scope = if unread > 0 { Scope::ListUnread } else { Scope::ListRow };
    let style = lead(canvas, area, y, LEAD + columns.people + 2 + subject, scope, chosen);
    if unread > 0 {
        canvas.put(x + 2, y, 1, canvas.pick("●", "*"), style);
    }
    if threads.marked.contains(&row.id) {
        canvas.put(x + 1, y, 1, "+", style);
    }
    x += LEAD;
    let people = SafeText::join(&row.participants, ", ");
    canvas.put(x, y, columns.people, people.as_str(), style);
    x += columns.people + 2;
    let called = if row.subject.is_empty() { "(no subject)" } else { row.subject.as_str() };
    canvas.put(x, y, subject, called, style);
    x += subject;
    if let Some(case) = row.cases.first().filter(|_| columns.case > 0) {
        let case = SafeText::line(&case.0);
        canvas.put(x + 1, y, columns.case - 1, case.as_str(), canvas.style(Scope::ListCase));
    }
    x += columns.case;
    if threads.flagged(row) {
        canvas.put(x + 1, y, 1, "!", canvas.style(Scope::ListFlagged));
    }
    if row.attachments {
        canvas.put(x + 2, y, 1, "@", canvas.style(Scope::ListAttachment));
    }
    for (place, (mark, style)) in (x + 3..).zip(marks::badge(canvas, row.openpgp)) {
        canvas.put(place, y, 1, mark, style);
    }
    x += MARKS;
    let count = match (unread, row.messages) {
        (0, 0 | 1) => String::new(),
        (0, all) => all.to_string(),
        (1, 1) => String::new(),
        (unread, all) => format!("{unread}/{all}"),
    };
    canvas.put_right(x, y, columns.count, &count, canvas.style(Scope::ListCount));
    let last = date::short(row.last_date, model.now, &model.settings.zone);
    canvas.put_right(x + columns.count + 1, y, columns.date, &last, canvas.style(Scope::ListDate));
}
