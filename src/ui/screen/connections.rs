//! What each account and each of its mailboxes is doing: state, progress, what waits, the last success; below, the row at the cursor in whole
//! sentences.

use super::{lead, point, say};
use crate::action::{Action, Context};
use crate::app::Model;
use crate::app::screen::connections::{Connections, in_short, seconds_until};
use crate::app::size::{Area, inset};
use crate::app::view::{ConnectionRow, Doing, Link};
use crate::app::wrap::Wrapped;
use crate::mail::safe::SafeText;
use crate::mail::size::size;
use crate::theme::Scope;
use crate::ui::canvas::{Canvas, cells};
use crate::ui::date;

/// Cells of a progress bar.
const BAR: u16 = 10;
/// Cells of `12 wait`.
const WAITS: u16 = 9;
/// Cells of a date.
const DATE: u16 = 6;
/// Cells of each figure of the traffic, and from which width on there is room for them.
const FIGURE: u16 = 10;
const ROOMY: u16 = 110;

/// Where the columns are.
struct Columns {
    name: (u16, u16),
    state: (u16, u16),
    waits: u16,
    figures: Option<u16>,
}

impl Columns {
    fn of(area: Area) -> Self {
        let name = (area.width / 4).clamp(16, 36);
        let figures = if area.width >= ROOMY { 3 * FIGURE + 1 } else { 0 };
        let waits = area.x + area.width.saturating_sub(DATE + 1 + figures + WAITS);
        let state = area.x + 2 + name + 1;
        Self {
            name: (area.x + 2, name),
            state: (state, waits.saturating_sub(state + 1)),
            waits,
            figures: (figures > 0).then_some(waits + WAITS),
        }
    }
}

/// Draws the connections.
pub(in crate::ui) fn draw(model: &Model, connections: &Connections, canvas: &mut Canvas<'_>) {
    let area = model.list_area();
    let columns = Columns::of(area);
    if area.y > model.parts().body.y {
        let style = canvas.style(Scope::ListHeading);
        let y = area.y - 1;
        canvas.put(columns.name.0, y, columns.name.1, "Account, mailbox", style);
        canvas.put(columns.state.0, y, columns.state.1, "State", style);
        canvas.put_right(columns.waits, y, WAITS, "waiting", style);
        if let Some(x) = columns.figures {
            for (place, words) in (0..).zip(["in", "out", "trips"]) {
                canvas.put_right(x + place * FIGURE, y, FIGURE, words, style);
            }
        }
        canvas.put_right(area.x, y, area.width, "last", style);
    }
    for (y, (place, row)) in (area.y..).zip(connections.list.visible()) {
        line(model, row, canvas, area, y, place == connections.list.at());
    }
    if connections.list.is_empty() {
        let back = model.settings.keymap.hint(Context::Connections, Action::Back).unwrap_or_default();
        let text = if connections.fresh.loaded {
            format!("There is no account yet: `casemail setup` makes one. {back} goes back.")
        } else {
            "Looking at the connections.".to_owned()
        };
        say(canvas, area, &text);
    }
    let body = model.parts().body;
    let below =
        Area { y: area.y + area.height, height: (body.y + body.height).saturating_sub(area.y + area.height), ..body };
    if let Some(row) = connections.list.selected().filter(|_| below.height > 1) {
        details(model, row, canvas, below);
    }
}

fn scope(doing: &Doing) -> Scope {
    match doing {
        Doing::Link(Link::Watching { .. }) | Doing::UpToDate => Scope::ToneGood,
        Doing::Link(Link::Connecting | Link::Syncing { .. }) | Doing::Fetching { .. } | Doing::Waiting => {
            Scope::TonePlain
        }
        Doing::Link(Link::Offline { .. }) | Doing::Refused(_) | Doing::Unlisted(_) => Scope::ToneWarning,
    }
}

fn line(model: &Model, row: &ConnectionRow, canvas: &mut Canvas<'_>, area: Area, y: u16, chosen: bool) {
    let columns = Columns::of(area);
    let ground = if row.mailbox.is_none() { Scope::TextStrong } else { Scope::ListRow };
    let style = lead(canvas, area, y, 2 + columns.name.1, ground, chosen);
    let (x, width) = columns.name;
    match &row.mailbox {
        None => canvas.put(x, y, width, row.account.as_str(), style),
        Some(mailbox) => canvas.put(x + 2, y, width.saturating_sub(2), mailbox.as_str(), style),
    };
    let (mut x, width) = columns.state;
    let end = x + width;
    let (words, thousandths) = in_short(row, model.now);
    let style = canvas.style(scope(&row.doing));
    if let Some(thousandths) = thousandths.filter(|_| width > BAR + 12) {
        x += bar(canvas, x, y, thousandths, style) + 1;
    }
    x += canvas.put(x, y, end.saturating_sub(x), &words, style);
    if let Doing::Fetching { bytes_done, bytes_known, .. } = row.doing
        && bytes_known > 0
    {
        let words = format!(", {} of {}", size(bytes_done), size(bytes_known));
        if cells(&words) <= end.saturating_sub(x) {
            canvas.put(x, y, end.saturating_sub(x), &words, style);
        }
    }
    let waiting = row.changes + row.outgoing;
    if waiting > 0 {
        canvas.put_right(columns.waits, y, WAITS, &waiting.to_string(), canvas.style(Scope::ToneWarning));
    }
    let muted = canvas.style(Scope::ListDate);
    if let Some(x) = columns.figures {
        let figures = [size(row.traffic.bytes_in), size(row.traffic.bytes_out), row.traffic.round_trips.to_string()];
        for (place, words) in (0..).zip(figures) {
            canvas.put_right(x + place * FIGURE, y, FIGURE, &words, muted);
        }
    }
    let last =
        row.last_success.map_or_else(|| "never".to_owned(), |at| date::short(at, model.now, &model.settings.zone));
    canvas.put_right(area.x, y, area.width, &last, muted);
    point(model, canvas, area, y, chosen);
}

/// A bar that needs no colour to be read: full cells, then empty ones. Answers its width.
fn bar(canvas: &mut Canvas<'_>, x: u16, y: u16, thousandths: u16, style: ratatui::style::Style) -> u16 {
    let full = usize::from(thousandths.min(1_000) * BAR / 1_000);
    let (on, off) = (canvas.pick("█", "#"), canvas.pick("░", "."));
    let text = on.repeat(full) + &off.repeat(usize::from(BAR).saturating_sub(full));
    canvas.put(x, y, BAR, &text, style)
}

/// The row at the cursor in whole sentences.
fn details(model: &Model, row: &ConnectionRow, canvas: &mut Canvas<'_>, area: Area) {
    let border = canvas.style(Scope::Border);
    canvas.fill(Area { height: 1, ..area }, canvas.pick("─", "-"), border);
    let inner = inset(Area { y: area.y + 1, height: area.height.saturating_sub(1), ..area });
    let text = SafeText::line(&sentences(model, row));
    let wrapped =
        Wrapped::new(std::sync::Arc::from(vec![text]), usize::from(inner.width.min(110)), usize::from(inner.height));
    let style = canvas.style(scope(&row.doing));
    for (y, (_, _, line)) in (inner.y..inner.y + inner.height).zip(wrapped.visible()) {
        canvas.put(inner.x, y, inner.width, line, style);
    }
}

fn sentences(model: &Model, row: &ConnectionRow) -> String {
    let clock = |at| date::clock(at, model.now, &model.settings.zone);
    let name = match &row.mailbox {
        None => row.account.to_string(),
        Some(mailbox) => format!("{mailbox} of {}", row.account),
    };
    let mut words = match &row.doing {
        Doing::Link(Link::Connecting) => format!("{name} is being connected."),
        Doing::Link(Link::Watching { live: true }) => {
            format!("{name} is up to date; the server tells of new mail by itself.")
        }
        Doing::Link(Link::Watching { live: false }) => format!(
            "{name} is up to date; there is no second connection over which the server would tell of new mail, so it is asked every few minutes."
        ),
        Doing::Link(Link::Syncing { mailbox, others: 0, .. }) => format!("{name} is connected and fetches {mailbox}."),
        Doing::Link(Link::Syncing { mailbox, others, .. }) => {
            let more = if *others == 1 { "another mailbox".to_owned() } else { format!("{others} other mailboxes") };
            format!("{name} is connected and fetches {mailbox} and {more} at the same time.")
        }
        Doing::Link(Link::Offline { .. }) if row.chosen_offline => {
            format!(
                "{name} is offline because you wanted it so; {} connects it again.",
                key(model, Action::ConnectionToggle)
            )
        }
        Doing::Link(Link::Offline { because, retry, .. }) => {
            let next = match retry {
                Some(at) => {
                    let left = seconds_until(*at, model.now);
                    format!(
                        "It is tried again in {left} s ({}); {} tries now.",
                        clock(*at),
                        key(model, Action::ConnectionRetry)
                    )
                }
                None => format!(
                    "It is not tried again by itself; {} tries again once this is put right.",
                    key(model, Action::ConnectionRetry)
                ),
            };
            format!("{name} has no connection: {}. {next}", because.as_str().trim_end_matches('.'))
        }
        Doing::Fetching { total: 0, .. } => format!("{name} is being compared with the server."),
        Doing::Fetching { done, total, bytes_done, bytes_known } => format!(
            "{name} is being fetched: {done} of {total} messages, {} of {} as far as sizes are known.",
            size(*bytes_done),
            size(*bytes_known)
        ),
        Doing::UpToDate => format!("{name} is up to date."),
        Doing::Waiting if row.chosen_offline => format!("{name} has its turn when its account is connected again."),
        Doing::Waiting => format!("{name} waits for its turn."),
        Doing::Refused(because) => format!("{name} is left out: {}.", because.as_str().trim_end_matches('.')),
        Doing::Unlisted(since) => format!(
            "{name} is not listed by the server {}. What is held of it is kept until the server says that it is gone.",
            since.as_str().trim_end_matches('.')
        ),
    };
    match row.last_success {
        Some(at) => words.push_str(&format!(" Last compared {}.", clock(at))),
        None => words.push_str(" Never compared yet."),
    }
    if row.changes > 0 {
        let (key, n) = (key(model, Action::GoChanges), row.changes);
        let what = if n == 1 { "1 change waits".to_owned() } else { format!("{n} changes wait") };
        words.push_str(&format!(" {what} to be told to the server ({key})."));
    }
    if row.outgoing > 0 {
        let (key, n) = (key(model, Action::GoOutbox), row.outgoing);
        let what = if n == 1 { "1 message waits".to_owned() } else { format!("{n} messages wait") };
        words.push_str(&format!(" {what} in the outbox ({key})."));
    }
    let traffic = row.traffic;
    words.push_str(&format!(
        " {} messages here. Since the start {} came in and {} went out, in {} round trips.",
        row.messages,
        size(traffic.bytes_in),
        size(traffic.bytes_out),
        traffic.round_trips
    ));
    words
}

fn key(model: &Model, action: Action) -> String {
    model.settings.keymap.hint(Context::Connections, action).unwrap_or_default().to_owned()
}
