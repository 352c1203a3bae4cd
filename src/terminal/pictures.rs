//! Pictures by the terminal's own means: kitty's graphics protocol, and sixel (DEC, VT340). Pure: points in, escape sequences out.
//!
//! What is written holds nothing foreign but the points themselves, as base64 or as characters of sixel; both are ended by us. A picture that is
//! no longer to be seen is taken out of the terminal's memory, too.

use base64::Engine as _;

use crate::config::Pictures;

/// Octets of a piece of kitty's protocol.
const PIECE: usize = 4096;
/// Takes our picture off, and out of the terminal's memory.
pub(super) const KITTY_FORGET: &[u8] = b"\x1b_Ga=d,d=I,i=1,q=2\x1b\\";
/// Steps of a colour in sixel: 6 by 6 by 6 colours.
const STEPS: u8 = 6;

/// How a terminal shows pictures: as configured, else by what its environment says of it: `TERM`, `TERM_PROGRAM`, whether it is a window of kitty,
/// and whether another terminal (tmux, screen) lies between, which takes pictures out. The terminal is not asked: its answer would come among the keys.
#[must_use]
pub(super) fn way(configured: Pictures, term: &str, program: &str, is_kitty: bool, is_within: bool) -> Pictures {
    if configured != Pictures::Auto {
        return configured;
    }
    let program = program.to_lowercase();
    let within = is_within || term.starts_with("tmux") || term.starts_with("screen");
    let sixel = ["foot", "mlterm", "contour", "yaft"];
    match () {
        () if within => Pictures::Blocks,
        () if is_kitty || matches!(term, "xterm-kitty" | "xterm-ghostty") => Pictures::Kitty,
        () if matches!(program.as_str(), "wezterm" | "ghostty") => Pictures::Kitty,
        () if sixel.iter().any(|name| term.starts_with(name)) => Pictures::Sixel,
        () => Pictures::Blocks,
    }
}

/// Points, three octets each, row by row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Points<'p> {
    /// In a row.
    pub(super) wide: u16,
    /// Rows.
    pub(super) high: u16,
    /// Red, green, blue.
    pub(super) octets: &'p [u8],
}

impl Points<'_> {
    fn is_whole(self) -> bool {
        self.wide > 0 && self.high > 0 && self.octets.len() == usize::from(self.wide) * usize::from(self.high) * 3
    }

    /// The point nearest to a place of a picture of another size.
    fn at(self, x: usize, y: usize, (wide, high): (usize, usize)) -> [u8; 3] {
        let column = x * usize::from(self.wide) / wide.max(1);
        let row = y * usize::from(self.high) / high.max(1);
        let at = (row * usize::from(self.wide) + column) * 3;
        self.octets.get(at..at + 3).and_then(|three| three.try_into().ok()).unwrap_or_default()
    }
}

/// The picture in so many columns and rows of cells, at the cursor, which stays.
pub(super) fn kitty(points: Points<'_>, (columns, rows): (u16, u16)) -> Vec<u8> {
    let mut out = Vec::new();
    if !points.is_whole() {
        return out;
    }
    let encoded = base64::engine::general_purpose::STANDARD.encode(points.octets);
    let pieces: Vec<&[u8]> = encoded.as_bytes().chunks(PIECE).collect();
    for (number, piece) in pieces.iter().enumerate() {
        let more = u8::from(number + 1 < pieces.len());
        let head = if number == 0 {
            let (wide, high) = (points.wide, points.high);
            format!("\x1b_Ga=T,i=1,q=2,f=24,s={wide},v={high},c={columns},r={rows},C=1,m={more};")
        } else {
            format!("\x1b_Gm={more},q=2;")
        };
        out.extend_from_slice(head.as_bytes());
        out.extend_from_slice(piece);
        out.extend_from_slice(b"\x1b\\");
    }
    out
}

/// The picture in so many points of the screen, at the cursor.
pub(super) fn sixel(points: Points<'_>, (wide, high): (usize, usize)) -> Vec<u8> {
    let mut out = Vec::new();
    if !points.is_whole() || wide == 0 || high == 0 {
        return out;
    }
    // Points that are not painted keep their colour; no raster beyond ours.
    out.extend_from_slice(format!("\x1bP0;1;0q\"1;1;{wide};{high}").as_bytes());
    for number in 0..u16::from(STEPS).pow(3) {
        let part = |by: u16| number / by % u16::from(STEPS) * 100 / u16::from(STEPS - 1);
        out.extend_from_slice(format!("#{number};2;{};{};{}", part(36), part(6), part(1)).as_bytes());
    }
    for top in (0..high).step_by(6) {
        band(points, (wide, high), top, &mut out);
    }
    out.extend_from_slice(b"\x1b\\");
    out
}

/// Six rows: each colour that stands in them over the whole width, one after the other.
fn band(points: Points<'_>, size: (usize, usize), top: usize, out: &mut Vec<u8>) {
    let mut by_colour: std::collections::BTreeMap<u16, Vec<u8>> = std::collections::BTreeMap::new();
    for x in 0..size.0 {
        for line in 0..6.min(size.1 - top) {
            let colour = nearest(points.at(x, top + line, size), x, top + line);
            let row = by_colour.entry(colour).or_insert_with(|| vec![0; size.0]);
            if let Some(bits) = row.get_mut(x) {
                *bits |= 1 << line;
            }
        }
    }
    for (colour, row) in by_colour {
        out.extend_from_slice(format!("#{colour}").as_bytes());
        for run in row.chunk_by(|a, b| a == b) {
            let sign = run.first().copied().unwrap_or_default() + b'?';
            if run.len() > 3 {
                out.extend_from_slice(format!("!{}", run.len()).as_bytes());
                out.push(sign);
            } else {
                out.extend(std::iter::repeat_n(sign, run.len()));
            }
        }
        out.push(b'$');
    }
    out.push(b'-');
}

/// The nearest of our colours; what lies between two is mixed by a pattern (Bayer, 4 by 4).
fn nearest([red, green, blue]: [u8; 3], x: usize, y: usize) -> u16 {
    const PATTERN: [u16; 16] = [0, 8, 2, 10, 12, 4, 14, 6, 3, 11, 1, 9, 15, 7, 13, 5];
    let threshold = PATTERN.get(y % 4 * 4 + x % 4).copied().unwrap_or(8);
    let step = |part: u8| {
        let scaled = u16::from(part) * u16::from(STEPS - 1);
        let (whole, rest) = (scaled / 255, scaled % 255);
        whole + u16::from(rest * 16 > threshold * 255 + 127)
    };
    step(red) * 36 + step(green) * 6 + step(blue)
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;

    use super::{PIECE, Points, kitty, nearest, sixel, way};
    use crate::config::Pictures::{self, Auto, Blocks, Kitty, Sixel};

    #[test]
    fn the_way_is_the_configured_one_else_by_the_environment() {
        let check = |configured, term: &str, program: &str, is_kitty, is_within, expected: Pictures| {
            let found = way(configured, term, program, is_kitty, is_within);
            assert_eq!(found, expected, "{configured:?} {term} {program} {is_kitty} {is_within}");
        };
        check(Auto, "xterm-256color", "", false, false, Blocks);
        check(Auto, "xterm-kitty", "", false, false, Kitty);
        check(Auto, "xterm-256color", "WezTerm", false, false, Kitty);
        check(Auto, "xterm-256color", "", true, false, Kitty);
        check(Auto, "foot-extra", "", false, false, Sixel);
        // tmux inherits the variables of the terminal around it.
        check(Auto, "tmux-256color", "WezTerm", true, false, Blocks);
        check(Auto, "xterm-kitty", "", true, true, Blocks);
        check(Sixel, "xterm-kitty", "", true, true, Sixel);
        check(Blocks, "xterm-kitty", "", true, false, Blocks);
    }

    fn points(wide: u16, high: u16) -> Vec<u8> {
        (0..usize::from(wide) * usize::from(high) * 3).map(|at| u8::try_from(at % 256).unwrap()).collect()
    }

    #[test]
    fn kittys_pieces_put_together_are_the_picture() {
        let octets = points(80, 60);
        let told = String::from_utf8(kitty(Points { wide: 80, high: 60, octets: &octets }, (40, 15))).unwrap();
        let pieces: Vec<&str> = told.split("\x1b\\").filter(|piece| !piece.is_empty()).collect();
        assert!(pieces[0].starts_with("\x1b_Ga=T,i=1,q=2,f=24,s=80,v=60,c=40,r=15,C=1,m=1;"), "{}", pieces[0]);
        let mut encoded = String::new();
        for (number, piece) in pieces.iter().enumerate() {
            let (head, data) = piece.strip_prefix("\x1b_G").unwrap().split_once(';').unwrap();
            assert_eq!(head.contains("m=1"), number + 1 < pieces.len());
            assert!(data.len() <= PIECE);
            encoded.push_str(data);
        }
        assert_eq!(base64::engine::general_purpose::STANDARD.decode(encoded).unwrap(), octets);
        assert!(kitty(Points { wide: 80, high: 61, octets: &octets }, (1, 1)).is_empty(), "not whole");
    }

    /// A reader of what we write: colours by number, then bands.
    #[expect(clippy::string_slice, reason = "what was written here is ASCII")]
    fn read(told: &[u8], wide: usize, high: usize) -> Vec<Option<u16>> {
        let text = std::str::from_utf8(told).unwrap();
        let text = text.strip_prefix("\x1bP0;1;0q").unwrap().strip_suffix("\x1b\\").unwrap();
        let mut seen = vec![None; wide * high];
        let (mut x, mut top, mut colour) = (0, 0, 0);
        let mut rest = text.strip_prefix(&format!("\"1;1;{wide};{high}")).unwrap();
        let number = |rest: &mut &str| {
            let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap();
            let value: usize = rest[..end].parse().unwrap();
            *rest = &rest[end..];
            value
        };
        while let Some(c) = rest.chars().next() {
            rest = &rest[1..];
            let mut times = 1;
            let mut sign = c;
            match c {
                '#' => {
                    colour = u16::try_from(number(&mut rest)).unwrap();
                    if rest.starts_with(';') {
                        let end = rest.find(['#', '-']).unwrap();
                        rest = &rest[end..];
                    }
                    continue;
                }
                '$' => {
                    x = 0;
                    continue;
                }
                '-' => {
                    (x, top) = (0, top + 6);
                    continue;
                }
                '!' => {
                    times = number(&mut rest);
                    sign = rest.chars().next().unwrap();
                    rest = &rest[1..];
                }
                _ => {}
            }
            let bits = u32::from(sign) - u32::from('?');
            for _ in 0..times {
                for line in (0..6).filter(|line| bits & (1 << line) != 0) {
                    assert_eq!(seen[(top + line) * wide + x].replace(colour), None, "painted twice");
                }
                x += 1;
            }
        }
        seen
    }

    #[test]
    fn every_point_of_a_sixel_is_painted_once_in_its_colour() {
        for (wide, high, size) in [(7, 13, (7, 13)), (4, 4, (12, 20)), (50, 20, (10, 6))] {
            let octets = points(wide, high);
            let points = Points { wide, high, octets: &octets };
            let seen = read(&sixel(points, size), size.0, size.1);
            for (at, colour) in seen.iter().enumerate() {
                let (x, y) = (at % size.0, at / size.0);
                assert_eq!(*colour, Some(nearest(points.at(x, y, size), x, y)), "{x} {y}");
            }
        }
        assert!(sixel(Points { wide: 1, high: 1, octets: &[] }, (1, 1)).is_empty());
        assert_eq!((nearest([0; 3], 3, 1), nearest([255; 3], 0, 0)), (0, 215));
    }
}
