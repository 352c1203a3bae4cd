//! Cells, written with care for width: by grapheme cluster, cut by an ellipsis, never past an edge.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Color, Style};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use crate::app::size::Area;
use crate::app::view::Tone;
use crate::theme::{Scope, Theme};

/// What is drawn on.
pub(super) struct Canvas<'a> {
    buffer: &'a mut Buffer,
    theme: &'a Theme,
    ground: Option<Color>,
    /// Only ASCII may be drawn by us.
    pub(super) ascii: bool,
    /// Where the terminal's cursor goes: on what has the focus, for screen readers and magnifiers.
    pub(super) cursor: Option<(u16, u16)>,
}

impl<'a> Canvas<'a> {
    pub(super) fn new(buffer: &'a mut Buffer, theme: &'a Theme, ascii: bool) -> Self {
        let whole = buffer.area;
        let text = theme.style(Scope::Text);
        buffer.set_style(whole, text);
        Self { buffer, theme, ascii, cursor: None, ground: text.bg }
    }

    /// The style of a scope. The ground that everything lies on is left out: what lies on a popup or a bar keeps that one's.
    pub(super) fn style(&self, scope: Scope) -> Style {
        let style = self.theme.style(scope);
        if style.bg == self.ground { Style { bg: None, ..style } } else { style }
    }

    pub(super) fn tone(&self, tone: Tone) -> Style {
        self.style(match tone {
            Tone::Good => Scope::ToneGood,
            Tone::Plain => Scope::TonePlain,
            Tone::Warning => Scope::ToneWarning,
            Tone::Alarm => Scope::ToneAlarm,
        })
    }

    /// The sign of a tone: its meaning without any colour.
    pub(super) fn sign(&self, tone: Tone) -> &'static str {
        match (tone, self.ascii) {
            (Tone::Good, false) => "✓",
            (Tone::Good, true) => "+",
            (Tone::Plain, false) => "·",
            (Tone::Plain, true) => "-",
            (Tone::Warning, _) => "!",
            (Tone::Alarm, false) => "✗",
            (Tone::Alarm, true) => "X",
        }
    }

    /// One of two signs, by what may be drawn.
    pub(super) fn pick(&self, sign: &'static str, ascii: &'static str) -> &'static str {
        if self.ascii { ascii } else { sign }
    }

    /// Writes a text in at most `width` cells of a row; answers how many it took.
    pub(super) fn put(&mut self, x: u16, y: u16, width: u16, text: &str, style: Style) -> u16 {
        let area = self.buffer.area;
        if y >= area.bottom() || x >= area.right() || width == 0 {
            return 0;
        }
        let room = usize::from(width.min(area.right() - x));
        let (head, cut) = clip(text, room);
        let (end, _) = self.buffer.set_stringn(x, y, head, room, style);
        let end =
            if cut { self.buffer.set_stringn(end, y, if self.ascii { "~" } else { "…" }, 1, style).0 } else { end };
        end - x
    }

    /// Writes a text so that it ends where the width ends.
    pub(super) fn put_right(&mut self, x: u16, y: u16, width: u16, text: &str, style: Style) {
        let wide = cells(text).min(width);
        self.put(x + width - wide, y, wide, text, style);
    }

    /// Puts a style over cells, keeping what they say.
    pub(super) fn shade(&mut self, area: Area, style: Style) {
        self.buffer.set_style(clamp(area, self.buffer.area), style);
    }

    /// Fills cells with a character of ours.
    pub(super) fn fill(&mut self, area: Area, symbol: &str, style: Style) {
        let area = clamp(area, self.buffer.area);
        for y in area.top()..area.bottom() {
            for x in area.left()..area.right() {
                if let Some(cell) = self.buffer.cell_mut(Position { x, y }) {
                    cell.set_symbol(symbol).set_style(style);
                }
            }
        }
    }

    /// Blanks an area for what lies over the screen, with a line around it and a title in the line.
    pub(super) fn window(&mut self, area: Area, title: &str) -> Area {
        let style = self.style(Scope::Popup);
        let inside = clamp(area, self.buffer.area);
        for y in inside.top()..inside.bottom() {
            for x in inside.left()..inside.right() {
                if let Some(cell) = self.buffer.cell_mut(Position { x, y }) {
                    cell.reset();
                    cell.set_style(style);
                }
            }
        }
        if area.width < 3 || area.height < 3 {
            return area;
        }
        let line = style.patch(self.style(Scope::BorderFocused));
        let (right, bottom) = (area.x + area.width - 1, area.y + area.height - 1);
        let corners = [
            (area.x, area.y, self.pick("╭", "+")),
            (right, area.y, self.pick("╮", "+")),
            (area.x, bottom, self.pick("╰", "+")),
            (right, bottom, self.pick("╯", "+")),
        ];
        let (across, down) = (self.pick("─", "-"), self.pick("│", "|"));
        for y in [area.y, bottom] {
            self.fill(Area { x: area.x, y, width: area.width, height: 1 }, across, line);
        }
        for x in [area.x, right] {
            self.fill(Area { x, width: 1, ..area }, down, line);
        }
        for (x, y, sign) in corners {
            self.put(x, y, 1, sign, line);
        }
        if area.width > 8 {
            let title = format!(" {title} ");
            self.put(area.x + 2, area.y, area.width - 4, &title, style.patch(self.style(Scope::PopupTitle)));
        }
        Area { x: area.x + 1, y: area.y + 1, width: area.width - 2, height: area.height - 2 }
    }

    /// Puts ASCII in place of everything that is not, for a terminal that shows nothing else.
    pub(super) fn flatten(&mut self) {
        for cell in &mut self.buffer.content {
            if !cell.symbol().is_ascii() {
                let plain = match cell.symbol() {
                    "“" | "”" => "\"",
                    "‘" | "’" => "'",
                    "–" | "—" => "-",
                    "…" => "~",
                    _ => "?",
                };
                cell.set_symbol(plain);
            }
        }
    }

    /// The buffer itself, for a widget that draws on its own.
    pub(super) fn buffer(&mut self) -> &mut Buffer {
        self.buffer
    }
}

/// The ratatui form of an area, within bounds.
pub(super) fn clamp(area: Area, bounds: Rect) -> Rect {
    Rect { x: area.x, y: area.y, width: area.width, height: area.height }.intersection(bounds)
}

/// The width of a text in cells.
pub(super) fn cells(text: &str) -> u16 {
    u16::try_from(text.width()).unwrap_or(u16::MAX)
}

/// As much of a text as fits, room for an ellipsis left where not all of it does.
fn clip(text: &str, room: usize) -> (&str, bool) {
    if text.len() <= room || text.width() <= room {
        return (text, false);
    }
    let mut wide = 0;
    for (at, grapheme) in text.grapheme_indices(true) {
        wide += grapheme.width();
        if wide + 1 > room {
            return (text.get(..at).unwrap_or_default(), true);
        }
    }
    (text, false)
}

#[cfg(test)]
mod tests {
    use super::clip;

    #[test]
    fn texts_are_cut_between_what_people_see_as_characters() {
        for (text, room, wanted) in [
            ("abc", 3, ("abc", false)),
            ("abcd", 3, ("ab", true)),
            ("日本語", 5, ("日本", true)),
            ("日本語", 4, ("日", true)),
            ("日", 1, ("", true)),
            ("e\u{301}e\u{301}e\u{301}", 2, ("e\u{301}", true)),
            ("", 0, ("", false)),
        ] {
            assert_eq!(clip(text, room), wanted, "{text} in {room}");
        }
    }
}
