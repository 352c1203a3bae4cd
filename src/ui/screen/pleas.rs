//! The board of negotiations.

use super::{lead, point, say};
use crate::app::Model;
use crate::app::screen::pleas::{BoardLine, Pleas, filter_words, order_words};
use crate::app::size::Area;
use crate::theme::Scope;
use crate::ui::canvas::{Canvas, cells};
use crate::ui::date;

const TURN: u16 = 11;
const LEFT: u16 = 16;
const HEARING: u16 = 8;

/// Draws it.
pub(in crate::ui) fn draw(model: &Model, pleas: &Pleas, canvas: &mut Canvas<'_>) {
    let area = model.list_area();
    let rest = area.width.saturating_sub(4 + TURN + LEFT + HEARING + 6);
    let case = (rest / 2).clamp(10, 40);
    let state = rest.saturating_sub(case).min(44);
    let columns = [(4, case), (5 + case, state), (6 + case + state, TURN), (7 + case + state + TURN, LEFT)];
    let hearing = 8 + case + state + TURN + LEFT;
    if area.y > model.parts().body.y {
        let style = canvas.style(Scope::ListHeading);
        let y = area.y - 1;
        for ((x, width), name) in columns.into_iter().zip(["Case", "State", "Turn", "Reply by"]) {
            canvas.put(area.x + x, y, width, name, style);
        }
        canvas.put(area.x + hearing, y, HEARING, "Hearing", style);
    }
    for (y, (place, line)) in (area.y..).zip(pleas.list.visible()) {
        let chosen = place == pleas.list.at();
        draw_row(model, line, canvas, (area, y, chosen), columns, hearing);
        point(model, canvas, area, y, chosen);
    }
    if pleas.list.is_empty() {
        let words = match (pleas.fresh.loaded, filter_words(pleas.filter)) {
            (false, _) => "Reading the negotiations.".to_owned(),
            (true, "all that go on") => "No negotiation goes on. Open a case to begin one.".to_owned(),
            (true, filter) => format!("No negotiation here: {filter}."),
        };
        say(canvas, area, &words);
    }
    let body = model.parts().body;
    let y = area.y + area.height;
    let height = (body.y + body.height).saturating_sub(y);
    if height > 1 {
        canvas.fill(Area { y, height: 1, ..body }, canvas.pick("─", "-"), canvas.style(Scope::Border));
        let words = format!("Shown: {}; {}.", filter_words(pleas.filter), order_words(pleas.order));
        canvas.put(body.x + 2, y + 1, body.width.saturating_sub(4), &words, canvas.style(Scope::TextMuted));
    }
}

fn draw_row(
    model: &Model,
    line: &BoardLine,
    canvas: &mut Canvas<'_>,
    (area, y, chosen): (Area, u16, bool),
    columns: [(u16, u16); 4],
    hearing: u16,
) {
    let row = &line.row;
    let turn = row.turn_words();
    let ours = turn == "you" || turn == "both";
    let scope = if ours { Scope::ListUnread } else { Scope::ListRow };
    let [case, state, whose, left] = columns;
    let style = lead(canvas, area, y, hearing, scope, chosen);
    if ours || row.trouble {
        canvas.put(area.x + 2, y, 1, "!", style);
    }
    let several = if line.title.as_str().to_uppercase().contains(line.accused.as_str()) {
        line.title.to_string()
    } else {
        format!("{}, {}", line.title, line.accused)
    };
    canvas.put(area.x + case.0, y, case.1, &several, style);
    let words = row.state.words();
    let words = if cells(words) > state.1 { row.state.brief() } else { words };
    canvas.put(area.x + state.0, y, state.1, words, style);
    let more = match (row.unconfirmed, row.asked) {
        (0, 0) => "",
        (0, _) => " ?",
        _ => ": a yes",
    };
    canvas.put(area.x + whose.0, y, whose.1, &format!("{turn}{more}"), style);
    canvas.put(area.x + left.0, y, left.1, &row.left_words(), style);
    if let Some((next, _)) = &row.hearing
        && let Ok(start) = next.at.start()
    {
        let at = date::short(start.timestamp(), model.now, &model.settings.zone);
        canvas.put(area.x + hearing, y, HEARING, &at, canvas.style(Scope::ListDate));
    }
}
