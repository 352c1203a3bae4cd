//! Documents of a case or a message.

use std::sync::Arc;

use super::{lead, point, say};
use crate::action::{Action, Context};
use crate::app::Model;
use crate::app::document_view::DocumentRow;
use crate::app::screen::documents::Documents;
use crate::app::size::{Area, inset};
use crate::app::view::Tone;
use crate::app::wrap::Wrapped;
use crate::case::document::{Direction, Document, Reach, advice};
use crate::mail::safe::SafeText;
use crate::mail::size::size;
use crate::theme::Scope;
use crate::ui::canvas::Canvas;
use crate::ui::date;

const MARK: u16 = 2;
const KIND: u16 = 11;
const DATE: u16 = 7;
const SIZE: u16 = 8;
const SIGNS: u16 = 6;
/// Where there is room: when it was read by whoever signs, when it counts as served, who signed it, when it was written out, its digest.
const SERVED: u16 = 15;
const SIGNED: u16 = 22;
const EXPORTED: u16 = 8;
const DIGEST: u16 = 13;
/// So much room that all of it is shown.
const WIDE: u16 = 150;

/// What is to be known of a document at a glance: `!` out of reach or watched, way, `S` signed, `*` unread, `x` exported, copies.
fn signs(row: &DocumentRow) -> String {
    let first = &row.first;
    let reach = match first.reach {
        Reach::Open => ' ',
        Reach::Watched => '!',
        Reach::Quarantined => 'Q',
    };
    let way = match first.direction {
        Direction::In => ' ',
        Direction::Out => '>',
        Direction::ByHand => 'h',
    };
    let signed = if first.signed_by.is_empty() { ' ' } else { 'S' };
    let seen = if first.seen { ' ' } else { '*' };
    let exported = if row.all().any(|one| one.exported.is_some()) { 'x' } else { ' ' };
    format!("{reach}{seen}{way}{signed}{exported}")
}

/// Draws the list.
pub(in crate::ui) fn draw(model: &Model, documents: &Documents, canvas: &mut Canvas<'_>) {
    let area = model.list_area();
    let fixed = 1 + MARK + KIND + DATE + SIZE + SIGNS + 3;
    let wide = if area.width >= WIDE { SERVED + SIGNED + EXPORTED + DIGEST + 4 } else { 0 };
    let room = area.width.saturating_sub(fixed + wide);
    let from = room / 3;
    let name = room.saturating_sub(from + 1);
    let columns = [1 + MARK, SIGNS, KIND, name, from, DATE];
    let at: Vec<u16> = columns
        .iter()
        .scan(area.x, |x, width| {
            *x += width + u16::from(*width == name || *width == from);
            Some(*x)
        })
        .collect();
    let place = |column: usize| at.get(column).copied().unwrap_or(area.x);
    if area.y > model.parts().body.y {
        let style = canvas.style(Scope::ListHeading);
        let y = area.y - 1;
        canvas.put(place(1), y, KIND, "Kind", style);
        canvas.put(place(2), y, name, "Name", style);
        canvas.put(place(3), y, from, "From", style);
        canvas.put(place(4), y, DATE, "Date", style);
        canvas.put_right(place(5), y, SIZE, "Size", style);
        if wide > 0 {
            more(canvas, place(5) + SIZE + 1, y, ["Served", "Signed by", "Exported", "SHA-256"], style);
        }
    }
    for (y, (number, row)) in (area.y..).zip(documents.list.visible()) {
        let chosen = number == documents.list.at();
        let style = lead(canvas, area, y, area.width, Scope::ListRow, chosen);
        let mark = if documents.marked.contains(&row.id) { "+" } else { " " };
        canvas.put(area.x + 1, y, 1, mark, style);
        canvas.put(place(0), y, SIGNS, &signs(row), style);
        canvas.put(place(1), y, KIND - 1, row.code.as_str(), style);
        let copies = if row.copies.is_empty() { String::new() } else { format!(" (\u{d7}{})", row.copies.len() + 1) };
        let named =
            if row.first.is_file() { row.name.clone() } else { SafeText::fill("{}: shared by link", &[&row.name]) };
        let width = canvas.put(place(2), y, name.saturating_sub(6), named.as_str(), style);
        canvas.put(place(2) + width, y, 6, &copies, style);
        canvas.put(place(3), y, from, row.from.as_str(), style);
        let when = row.first.at().map(|at| date::short(at, model.now, &model.settings.zone)).unwrap_or_default();
        canvas.put(place(4), y, DATE, &when, style);
        let bytes = if row.first.is_file() { size(row.first.bytes) } else { String::new() };
        canvas.put_right(place(5), y, SIZE, &bytes, style);
        if wide > 0 {
            let exported = row.all().filter_map(|one| one.exported).max();
            let exported = exported.map(|at| date::short(at, model.now, &model.settings.zone)).unwrap_or_default();
            let digest = first_cells(&row.first.sha256, 12);
            let served = served(&row.first.deemed_served);
            more(canvas, place(5) + SIZE + 1, y, [served, row.signed_by.as_str(), &exported, digest], style);
        }
        point(model, canvas, area, y, chosen);
    }
    let stop = model.settings.keymap.hint(Context::Global, Action::MailExportStop).unwrap_or_default();
    let far = documents.far.and_then(|far| far.words(stop));
    if let Some(words) = far.as_ref().filter(|_| documents.list.is_empty() && documents.list.filter().is_empty()) {
        say(canvas, area, words);
    } else if documents.list.is_empty() {
        let words = match (documents.fresh.loaded, documents.list.filter().is_empty()) {
            (false, _) => "Reading the documents.",
            (true, true) => "No document came with mail that is filed here, and none was taken in by hand.",
            (true, false) => "Nothing holds that. What is in quarantine is not searched.",
        };
        say(canvas, area, words);
    }
    details(model, documents, canvas, area, far);
}

/// The day on which something counts as served, out of the sentence that says so.
fn served(words: &str) -> &str {
    let day = words.split("deemed served ").nth(1).or_else(|| words.strip_prefix("served ")).unwrap_or_default();
    let day = day.strip_prefix("the same day, ").unwrap_or(day);
    day.split([':', ';', ',', '(']).next().unwrap_or_default().trim_end()
}

fn first_cells(text: &str, count: usize) -> &str {
    text.get(..count.min(text.len())).unwrap_or_default()
}

/// The columns that are shown where there is room.
fn more(canvas: &mut Canvas<'_>, x: u16, y: u16, texts: [&str; 4], style: ratatui::style::Style) {
    let mut x = x;
    for (text, width) in texts.into_iter().zip([SERVED, SIGNED, EXPORTED, DIGEST]) {
        canvas.put(x, y, width, text, style);
        x += width + 1;
    }
}

/// What is to be known of what is in a document.
fn held_words(document: &Document) -> impl Iterator<Item = String> {
    let unseen = document.unseen.map(|unseen| format!("Not looked through: {}.", unseen.words()));
    let goes_with =
        (!document.because.is_empty()).then(|| format!("It goes with \u{201c}{}\u{201d}.", document.because));
    unseen.into_iter().chain(goes_with)
}

/// What is known of the document at the cursor.
fn details(model: &Model, documents: &Documents, canvas: &mut Canvas<'_>, list: Area, far: Option<String>) {
    let body = model.parts().body;
    let y = list.y + list.height;
    let height = (body.y + body.height).saturating_sub(y);
    let Some(row) = documents.list.selected().filter(|_| height > 1) else { return };
    canvas.fill(Area { y, height: 1, ..body }, canvas.pick("─", "-"), canvas.style(Scope::Border));
    let inner = inset(Area { y: y + 1, height: height - 1, ..body });
    let zone = &model.settings.zone;
    let first = &row.first;
    let mut lines: Vec<(Tone, SafeText)> = far.iter().map(|words| (Tone::Warning, SafeText::line(words))).collect();
    match first.reach {
        Reach::Open => {}
        Reach::Watched => lines.push((
            Tone::Alarm,
            SafeText::from("Possible mis-service: stop reading, quarantine it, ask a supervisor."),
        )),
        Reach::Quarantined => {
            lines.push((Tone::Alarm, SafeText::from("In quarantine: not shown, not searched, not exported.")));
        }
    }
    lines.extend(held_words(first).map(|words| (Tone::Warning, SafeText::line(&words))));
    if first.reach != Reach::Open {
        // Where there is little room: what the law of the place adds, which the line above does not say.
        let most = if height > 9 { 4 } else { 1 };
        let advice = advice(documents.law);
        lines.extend(advice.iter().rev().take(most).map(|line| (Tone::Plain, SafeText::from(*line))));
    }
    let quarantined = documents.quarantined();
    if quarantined > 0 && first.reach == Reach::Open {
        let words = format!("{quarantined} of these in quarantine: left out of search and export.");
        lines.push((Tone::Warning, SafeText::line(&words)));
    }
    // Of what is in quarantine the line above says it all.
    if first.reach != Reach::Quarantined {
        let within = first.inside.as_ref().map(|package| SafeText::line(&format!("{} in {}", row.name, package.name)));
        lines.push((Tone::Plain, SafeText::fill("{} ({})", &[within.as_ref().unwrap_or(&row.name), &row.kind])));
    }
    let when = |at: Option<jiff::Timestamp>| at.map_or_else(|| "never".to_owned(), |at| date::long(at, zone));
    let came = |one: &Document| match one.direction {
        Direction::In => {
            let seen = one.first_seen.map(|at| format!(", first seen {}", date::long(at, zone))).unwrap_or_default();
            format!("from {}, received {}{seen}", one.from, when(one.received))
        }
        Direction::Out => format!("sent {}", when(one.sent)),
        Direction::ByHand if one.from.is_empty() => format!("taken in by hand {}", when(one.received)),
        Direction::ByHand => format!("taken in by hand {}, from {}", when(one.received), one.from),
    };
    lines.push((Tone::Plain, SafeText::line(&came(first))));
    if !first.is_file() {
        lines.push((Tone::Plain, SafeText::line(&format!("link, never followed: {}", first.link))));
    } else {
        lines.push((Tone::Plain, SafeText::line(&format!("SHA-256 {}", first.sha256))));
    }
    if !first.deemed_served.is_empty() {
        lines.push((Tone::Plain, SafeText::line(&first.deemed_served)));
    }
    let exported = row.all().filter_map(|one| one.exported).max();
    let signed =
        if first.signed_by.is_empty() { "not signed".to_owned() } else { format!("signed by {}", first.signed_by) };
    // That it came both ways is worth more than how often.
    let is_other_way = |one: &&Document| (one.direction == Direction::ByHand) != (first.direction == Direction::ByHand);
    let other = row.copies.iter().find(is_other_way).map_or("", |one| match one.direction {
        Direction::ByHand => "; taken in by hand, too",
        Direction::In => "; received by mail, too",
        Direction::Out => "; sent by mail, too",
    });
    let count = row.copies.iter().filter(|one| !is_other_way(one)).count();
    let copies = match count {
        0 => other.to_owned(),
        count => {
            let times = if count == 1 { "" } else { "s" };
            format!("; the same content came {count} more time{times}{other}")
        }
    };
    let words = format!("{signed}; exported {}{copies}", when(exported));
    lines.push((Tone::Plain, SafeText::line(&words)));
    // Each time counts, and may have come under another name.
    let again = |one: &Document| {
        let named = if one.name == first.name { String::new() } else { format!(" as {}", one.name) };
        (Tone::Plain, SafeText::line(&format!("again{named} {}", came(one))))
    };
    lines.extend(row.copies.iter().filter(|one| one.reach != Reach::Quarantined).map(again));
    let mut y = inner.y;
    for (tone, line) in &lines {
        let style = if *tone == Tone::Plain { canvas.style(Scope::Text) } else { canvas.tone(*tone) };
        let shift = if *tone == Tone::Plain { 0 } else { 2 };
        let width = inner.width.saturating_sub(shift);
        let wrapped = Wrapped::new(Arc::from(vec![line.clone()]), usize::from(width), usize::from(height));
        for (first, (_, _, text)) in wrapped.visible().enumerate() {
            if y >= inner.y + inner.height {
                return;
            }
            if shift > 0 && first == 0 {
                canvas.put(inner.x, y, 1, canvas.sign(*tone), style);
            }
            canvas.put(inner.x + shift, y, width, text, style);
            y += 1;
        }
    }
}
