//! Colours as numbers: contrast, and what becomes of them on a terminal that shows fewer.

use ratatui::style::{Color, Modifier, Style};

use super::Scope;

/// What the terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Colours {
    /// None, or none wanted (`NO_COLOR`).
    None,
    /// The 16 of ECMA-48 and their bright twins.
    Sixteen,
    /// 256 indexed ones.
    Indexed,
    /// 24 bits.
    True,
}

/// Red, green, blue.
pub(super) type Rgb = (u8, u8, u8);

/// The value of a colour where it is the same on every terminal: the first 16 are the person's own.
pub(super) fn rgb(colour: Color) -> Option<Rgb> {
    match colour {
        Color::Rgb(r, g, b) => Some((r, g, b)),
        Color::Indexed(index @ 16..=231) => {
            let level = |step: u8| if step == 0 { 0 } else { 55 + step * 40 };
            let cube = index - 16;
            Some((level(cube / 36), level(cube / 6 % 6), level(cube % 6)))
        }
        Color::Indexed(index @ 232..=255) => {
            let grey = 8 + (index - 232) * 10;
            Some((grey, grey, grey))
        }
        _ => None,
    }
}

/// Relative luminance (WCAG 2.2).
fn luminance((r, g, b): Rgb) -> f64 {
    let linear = |channel: u8| {
        let value = f64::from(channel) / 255.0;
        if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
}

/// Contrast ratio (WCAG 2.2, §1.4.3), from 1 to 21.
pub(super) fn contrast(a: Rgb, b: Rgb) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

/// Text in one colour on another can be read with weak eyes from this ratio on (WCAG 2.2, level AA).
pub(super) const CONTRAST_MIN: f64 = 4.5;

/// A style as far as the terminal can show it. `text` is the theme's style for plain text.
pub(super) fn degrade(style: Style, scope: Scope, text: Style, colours: Colours) -> Style {
    match colours {
        Colours::True => style,
        Colours::Indexed => Style { fg: style.fg.map(indexed), bg: style.bg.map(indexed), ..style },
        Colours::Sixteen => sixteen(style, scope, text),
        Colours::None => stand_out(Style { fg: None, bg: None, underline_color: None, ..style }, scope),
    }
}

/// Without backgrounds only reversal marks a row.
fn stand_out(style: Style, scope: Scope) -> Style {
    if scope.stands_out() { style.add_modifier(Modifier::REVERSED) } else { style }
}

fn indexed(colour: Color) -> Color {
    let Color::Rgb(r, g, b) = colour else { return colour };
    let distance = |index: u8| {
        rgb(Color::Indexed(index)).map_or(i32::MAX, |(r2, g2, b2)| {
            [(r, r2), (g, g2), (b, b2)].iter().map(|(x, y)| (i32::from(*x) - i32::from(*y)).pow(2)).sum()
        })
    };
    Color::Indexed((16..=255).min_by_key(|index| distance(*index)).unwrap_or(255))
}

/// The 16 are whatever the person made of them, so no background of ours is set and text keeps the terminal's own colours; a hue stays
/// a hue, and grey becomes dim.
fn sixteen(style: Style, scope: Scope, text: Style) -> Style {
    let on_dark = text.bg.and_then(rgb).is_none_or(|bg| luminance(bg) < 0.5);
    let mut out = Style { bg: None, underline_color: None, ..style };
    let named = |colour: Color| !matches!(colour, Color::Rgb(..) | Color::Indexed(16..));
    match style.fg {
        Some(colour) if named(colour) => {}
        Some(colour) => match rgb(colour).and_then(|value| hue(value, on_dark)) {
            Some(hue) => out.fg = Some(hue),
            None => {
                out.fg = None;
                let plain = text.fg.and_then(rgb);
                let faded = |value: Rgb| {
                    let page = if on_dark { (0, 0, 0) } else { (255, 255, 255) };
                    plain.is_some_and(|plain| contrast(value, page) * 1.3 < contrast(plain, page))
                };
                if rgb(colour).is_some_and(faded) && !scope.stands_out() {
                    out = out.add_modifier(Modifier::DIM);
                }
            }
        },
        None => {}
    }
    if scope.stands_out() {
        out.fg = None;
    }
    stand_out(out, scope)
}

/// The nearest of the six hues, in the half that can be read on the page; `None` for grey.
fn hue((r, g, b): Rgb, on_dark: bool) -> Option<Color> {
    let (r, g, b) = (i32::from(r), i32::from(g), i32::from(b));
    let (max, min) = (r.max(g).max(b), r.min(g).min(b));
    let spread = max - min;
    if spread * 100 < max * 20 || max == 0 {
        return None;
    }
    let degrees = if max == r {
        (60 * (g - b) / spread + 360) % 360
    } else if max == g {
        60 * (b - r) / spread + 120
    } else {
        60 * (r - g) / spread + 240
    };
    Some(match (degrees, on_dark) {
        (0..=24 | 336..=360, true) => Color::LightRed,
        (0..=24 | 336..=360, false) => Color::Red,
        (25..=74, true) => Color::LightYellow,
        // Yellow on white cannot be read on most terminals; the words and the weight remain.
        (25..=74, false) => return None,
        (75..=160, true) => Color::LightGreen,
        (75..=160, false) => Color::Green,
        (161..=199, true) => Color::LightCyan,
        (161..=199, false) => Color::Cyan,
        (200..=259, true) => Color::LightBlue,
        (200..=259, false) => Color::Blue,
        (_, true) => Color::LightMagenta,
        (_, false) => Color::Magenta,
    })
}

#[cfg(test)]
mod tests {
    use super::{Color, contrast, hue, indexed};

    #[test]
    fn contrast_is_that_of_wcag() {
        assert!((contrast((0, 0, 0), (255, 255, 255)) - 21.0).abs() < 0.01);
        assert!((contrast((0x76, 0x76, 0x76), (255, 255, 255)) - 4.54).abs() < 0.01);
    }

    #[test]
    fn colours_become_the_nearest_that_there_are() {
        assert_eq!(indexed(Color::Rgb(255, 0, 0)), Color::Indexed(196));
        assert_eq!(indexed(Color::Rgb(8, 8, 8)), Color::Indexed(232));
        assert_eq!(indexed(Color::Red), Color::Red);
        assert_eq!(hue((255, 128, 128), true), Some(Color::LightRed));
        assert_eq!(hue((0, 80, 170), false), Some(Color::Blue));
        assert_eq!(hue((154, 163, 178), true), None);
    }
}
