//! A picture as a page: JPEG as it is, PNG as it is where a PDF knows its form, else its points set on white.
//!
//! Nothing of a JPEG is decoded here: only its frame header and the direction that the camera noted are read.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use lopdf::{Object, Stream, StringFormat, dictionary};

use super::text::{encoded, sheet, wrapped};
use super::{PAGE, Taken};
use crate::look::tiff::Tiff;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
/// Bytes that a picture may take while it is made into a page: its rows, and its points where they are set on white.
const BYTES_MAX: u64 = 300_000_000;
/// Around a picture, and for its name and the number of the page.
const MARGIN: f64 = 40.0;
const FOOT: f64 = 60.0;

/// Whether bytes begin as a picture that can be taken in.
pub(super) fn is_one(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\xff\xd8\xff") || bytes.starts_with(PNG)
}

/// A picture, as a PDF has it.
struct Picture {
    width: u32,
    height: u32,
    /// EXIF: 1 upright, 3 upside down, 6 and 8 lying; the mirrored ones are 2, 4, 5 and 7.
    turned: u16,
    stream: Stream,
}

/// Makes a page of a picture, its name below it.
pub(super) fn page(bytes: &[u8], name: &str, first: u32) -> Result<Taken, String> {
    let broken = || "it is a picture that is broken".to_owned();
    let picture = if bytes.starts_with(PNG) { png(bytes) } else { jpeg(bytes).ok_or_else(broken) }?;
    if picture.width == 0 || picture.height == 0 {
        return Err(broken());
    }
    let lies = matches!(picture.turned, 5..=8);
    let (wide, high) = (f64::from(picture.width), f64::from(picture.height));
    let (wide, high) = if lies { (high, wide) } else { (wide, high) };
    // A picture that is wider than high has the sheet on its side.
    let (across, up) = if wide > high { (PAGE.1, PAGE.0) } else { PAGE };
    let room = (across - 2.0 * MARGIN, up - MARGIN - FOOT);
    // Not larger than at 72 points to the inch.
    let scale = (room.0 / wide).min(room.1 / high).min(1.0);
    let (w, h) = (wide * scale, high * scale);
    let (x, y) = (f64::midpoint(0.0, across - w), FOOT + f64::midpoint(0.0, room.1 - h));
    // The unit square to where it stands, turned as the camera was held.
    let [a, b, c, d, e, f] = match picture.turned {
        2 => [-w, 0.0, 0.0, h, x + w, y],
        3 => [-w, 0.0, 0.0, -h, x + w, y + h],
        4 => [w, 0.0, 0.0, -h, x, y + h],
        5 => [0.0, -h, -w, 0.0, x + w, y + h],
        6 => [0.0, -h, w, 0.0, x, y + h],
        7 => [0.0, h, w, 0.0, x, y],
        8 => [0.0, h, -w, 0.0, x + w, y],
        _ => [w, 0.0, 0.0, h, x, y],
    };
    let caption = wrapped(name, 84).into_iter().next().unwrap_or_default();
    let content = format!(
        "q {a:.2} {b:.2} {c:.2} {d:.2} {e:.2} {f:.2} cm /I Do Q\nBT /F 8 Tf {MARGIN:.0} 36 Td <{}> Tj ET",
        hex::encode(encoded(&caption))
    );
    let [font, image, stream, page] = [0, 1, 2, 3].map(|place| (first + place, 0));
    let courier = dictionary! { "Type" => "Font", "Subtype" => "Type1", "BaseFont" => "Courier", "Encoding" => "WinAnsiEncoding" };
    let resources = dictionary! { "Font" => dictionary! { "F" => font }, "XObject" => dictionary! { "I" => image } };
    let mut sheet = sheet(stream, resources);
    sheet.set("MediaBox", vec![0.into(), 0.into(), Object::Real(across as f32), Object::Real(up as f32)]);
    let objects = BTreeMap::from([
        (font, Object::Dictionary(courier)),
        (image, Object::Stream(picture.stream)),
        (stream, Object::Stream(Stream::new(lopdf::Dictionary::new(), content.into_bytes()))),
        (page, Object::Dictionary(sheet)),
    ]);
    Ok(Taken { objects, pages: vec![page], ..Taken::default() })
}

fn stream(width: u32, height: u32, colours: impl Into<Object>, depth: u8, filter: &str, bytes: Vec<u8>) -> Stream {
    let about = dictionary! {
        "Type" => "XObject",
        "Subtype" => "Image",
        "Width" => i64::from(width),
        "Height" => i64::from(height),
        "ColorSpace" => colours.into(),
        "BitsPerComponent" => i64::from(depth),
        "Filter" => filter,
    };
    Stream::new(about, bytes).with_compression(false)
}

fn number(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?))
}

/// Reads the segments of a JPEG up to its frame header.
fn jpeg(bytes: &[u8]) -> Option<Picture> {
    let (mut at, mut turned) = (2_usize, 1);
    loop {
        if *bytes.get(at)? != 0xff {
            return None;
        }
        let kind = *bytes.get(at + 1)?;
        if kind == 0xff {
            at += 1;
            continue;
        }
        let length = usize::from(number(bytes, at + 2)?);
        let segment = bytes.get(at + 4..(at + 2).checked_add(length)?)?;
        match kind {
            0xe1 => turned = exif(segment).unwrap_or(turned),
            // Baseline and progressive, Huffman: what every viewer decodes.
            0xc0..=0xc2 => {
                let (depth, height, width) = (*segment.first()?, number(segment, 1)?, number(segment, 3)?);
                let colours = match segment.get(5)? {
                    1 => "DeviceGray",
                    3 => "DeviceRGB",
                    4 => "DeviceCMYK",
                    _ => return None,
                };
                let (width, height) = (u32::from(width), u32::from(height));
                let mut stream = stream(width, height, colours, depth, "DCTDecode", bytes.to_vec());
                if colours == "DeviceCMYK" {
                    // Written by Adobe's programs, which turn the inks round.
                    let turned_round = [1, 0, 1, 0, 1, 0, 1, 0].map(Object::Integer).to_vec();
                    stream.dict.set("Decode", turned_round);
                }
                return Some(Picture { width, height, turned, stream });
            }
            0xc3..=0xcf if kind != 0xc4 && kind != 0xc8 && kind != 0xcc => return None,
            0xd9 | 0xda => return None,
            _ => {}
        }
        at = (at + 2).checked_add(length)?;
    }
}

/// The direction that the camera noted (Exif 2.3, tag 0x0112).
fn exif(segment: &[u8]) -> Option<u16> {
    let tiff = Tiff::new(segment.strip_prefix(b"Exif\0\0")?);
    let turned = tiff.short(tiff.directories().next()?, 0x0112)?;
    u16::try_from(turned).ok().filter(|turned| (1..=8).contains(turned))
}

/// Reads the chunks of a PNG (ISO/IEC 15948).
fn png(bytes: &[u8]) -> Result<Picture, String> {
    let broken = || "it is a picture that is broken".to_owned();
    let (mut at, mut head, mut palette, mut data) = (PNG.len(), None, Vec::new(), Vec::new());
    loop {
        let length = bytes.get(at..at + 4).and_then(|four| four.try_into().ok()).map(u32::from_be_bytes);
        let length = usize::try_from(length.ok_or_else(broken)?).map_err(|_| broken())?;
        let kind = bytes.get(at + 4..at + 8).ok_or_else(broken)?;
        let end = (at + 8).checked_add(length).ok_or_else(broken)?;
        let chunk = bytes.get(at + 8..end).ok_or_else(broken)?;
        match kind {
            b"IHDR" => head = Some(Head::read(chunk).ok_or_else(broken)?),
            b"PLTE" => palette = chunk.to_vec(),
            b"IDAT" => data.extend_from_slice(chunk),
            b"IEND" => break,
            _ => {}
        }
        at = end.checked_add(4).ok_or_else(broken)?;
    }
    let head: Head = head.ok_or_else(broken)?;
    if head.bytes() > u128::from(BYTES_MAX) {
        return Err("it is a picture too large to be taken in".to_owned());
    }
    let (width, height) = (head.width, head.height);
    let made = if head.is_unpacked() {
        let points = head.unpack(&data, &palette).ok_or_else(broken)?;
        let mut packer = ZlibEncoder::new(Vec::new(), Compression::default());
        let packed = packer.write_all(&points).and_then(|()| packer.finish()).map_err(|_| broken())?;
        stream(width, height, "DeviceRGB", 8, "FlateDecode", packed)
    } else {
        let colours: Object = match head.colour {
            0 => "DeviceGray".into(),
            2 => "DeviceRGB".into(),
            3 => {
                let last = i64::try_from(palette.len() / 3).unwrap_or(1) - 1;
                let table = Object::String(palette, StringFormat::Hexadecimal);
                vec!["Indexed".into(), "DeviceRGB".into(), last.into(), table].into()
            }
            _ => return Err(broken()),
        };
        // Whole: a viewer says nothing of what is missing.
        head.count_rows(&data).ok_or_else(broken)?;
        let mut made = stream(width, height, colours, head.depth, "FlateDecode", data);
        let form = dictionary! {
            "Predictor" => 15,
            "Colors" => if head.colour == 2 { 3 } else { 1 },
            "BitsPerComponent" => i64::from(head.depth),
            "Columns" => i64::from(width),
        };
        made.dict.set("DecodeParms", form);
        made
    };
    Ok(Picture { width, height, turned: 1, stream: made })
}

/// The chunk IHDR.
#[derive(Clone, Copy)]
struct Head {
    width: u32,
    height: u32,
    depth: u8,
    colour: u8,
    is_woven: bool,
}

/// A pass of Adam7: where it begins, and its steps (across, down).
type Weave = (usize, usize, usize, usize);

/// The passes of Adam7.
const WOVEN: [Weave; 7] =
    [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)];

impl Head {
    fn read(chunk: &[u8]) -> Option<Self> {
        let four = |at: usize| Some(u32::from_be_bytes(chunk.get(at..at + 4)?.try_into().ok()?));
        let [depth, colour, packed, filtered, woven] = chunk.get(8..13)?.try_into().ok()?;
        let head = Self { width: four(0)?, height: four(4)?, depth, colour, is_woven: woven == 1 };
        let fits = match colour {
            0 => matches!(depth, 1 | 2 | 4 | 8 | 16),
            3 => matches!(depth, 1 | 2 | 4 | 8),
            2 | 4 | 6 => matches!(depth, 8 | 16),
            _ => false,
        };
        (fits && packed == 0 && filtered == 0 && woven < 2).then_some(head)
    }

    fn has_alpha(self) -> bool {
        matches!(self.colour, 4 | 6)
    }

    fn samples(self) -> usize {
        match self.colour {
            2 => 3,
            4 => 2,
            6 => 4,
            _ => 1,
        }
    }

    /// Bytes of a row of so many points.
    fn row(self, points: usize) -> usize {
        (points * self.samples() * usize::from(self.depth)).div_ceil(8)
    }

    /// The passes: width and height of each.
    fn passes(self) -> Vec<(usize, usize, Weave)> {
        let (wide, high) = (self.width as usize, self.height as usize);
        let all: &[Weave] = if self.is_woven { &WOVEN } else { &[(0, 0, 1, 1)] };
        let size = |(x, y, across, down): Weave| {
            (wide.saturating_sub(x).div_ceil(across), high.saturating_sub(y).div_ceil(down), (x, y, across, down))
        };
        all.iter().copied().map(size).filter(|(wide, high, _)| *wide > 0 && *high > 0).collect()
    }

    /// Whether its points are set anew: a PDF does not know its form.
    fn is_unpacked(self) -> bool {
        self.is_woven || self.has_alpha()
    }

    /// Bytes of all filtered rows. Two numbers of 32 bits and a depth are multiplied.
    fn row_bytes(self) -> u128 {
        let bits = self.samples() as u128 * u128::from(self.depth);
        let of = |(wide, high, _): &(usize, usize, Weave)| ((*wide as u128 * bits).div_ceil(8) + 1) * *high as u128;
        self.passes().iter().map(of).sum()
    }

    /// Bytes that it takes to make a page of it.
    fn bytes(self) -> u128 {
        let points = u128::from(self.width) * u128::from(self.height) * 3;
        self.row_bytes() + if self.is_unpacked() { points } else { 0 }
    }

    /// The filtered rows, all of them.
    fn rows(self, data: &[u8]) -> Option<Vec<u8>> {
        let expected = usize::try_from(self.row_bytes()).ok()?;
        let mut rows = Vec::new();
        // A vector that grows takes up to twice as much.
        rows.try_reserve_exact(expected).ok()?;
        ZlibDecoder::new(data).take(expected as u64).read_to_end(&mut rows).ok()?;
        (rows.len() == expected).then_some(rows)
    }

    /// Whether all rows are there, none of them held.
    fn count_rows(self, data: &[u8]) -> Option<()> {
        let expected = u64::try_from(self.row_bytes()).ok()?;
        let count = std::io::copy(&mut ZlibDecoder::new(data).take(expected), &mut std::io::sink()).ok()?;
        (count == expected).then_some(())
    }

    /// Every point as three bytes, what shines through set on white.
    fn unpack(self, data: &[u8], palette: &[u8]) -> Option<Vec<u8>> {
        let mut rows = self.rows(data)?;
        let (wide, high) = (self.width as usize, self.height as usize);
        let mut points = vec![0xff; wide.checked_mul(high)?.checked_mul(3)?];
        let step = (self.samples() * usize::from(self.depth)).div_ceil(8).max(1);
        let mut left = rows.as_mut_slice();
        for (pass_wide, pass_high, (x, y, across, down)) in self.passes() {
            let length = self.row(pass_wide);
            let mut before = vec![0; length];
            for line in 0..pass_high {
                let (row, rest) = std::mem::take(&mut left).split_at_mut_checked(length + 1)?;
                left = rest;
                let (filter, row) = row.split_first_mut()?;
                unfilter(*filter, row, &before, step)?;
                for place in 0..pass_wide {
                    let point = self.point(row, place, palette)?;
                    let to = ((y + line * down) * wide + x + place * across) * 3;
                    points.get_mut(to..to + 3)?.copy_from_slice(&point);
                }
                before.copy_from_slice(row);
            }
        }
        Some(points)
    }

    fn point(self, row: &[u8], place: usize, palette: &[u8]) -> Option<[u8; 3]> {
        let sample = |number: usize| {
            let at = place * self.samples() + number;
            match self.depth {
                16 => row.get(at * 2).copied(),
                8 => row.get(at).copied(),
                depth => {
                    let bit = at * usize::from(depth);
                    let shift = 8 - usize::from(depth) - bit % 8;
                    Some(row.get(bit / 8)? >> shift & ((1 << depth) - 1))
                }
            }
        };
        let on_white = |value: u8, alpha: u8| {
            let (value, alpha) = (u32::from(value), u32::from(alpha));
            ((value * alpha + 255 * (255 - alpha)) / 255) as u8
        };
        Some(match self.colour {
            0 => {
                let most = if self.depth < 8 { (1_u8 << self.depth) - 1 } else { 255 };
                [(u32::from(sample(0)?) * 255 / u32::from(most)) as u8; 3]
            }
            2 => [sample(0)?, sample(1)?, sample(2)?],
            3 => palette.get(usize::from(sample(0)?) * 3..)?.get(..3)?.try_into().ok()?,
            4 => [on_white(sample(0)?, sample(1)?); 3],
            _ => [0, 1, 2]
                .map(|one| sample(one).zip(sample(3)).map(|(value, alpha)| on_white(value, alpha)).unwrap_or(255)),
        })
    }
}

/// Undoes a filter of a row.
fn unfilter(filter: u8, row: &mut [u8], before: &[u8], step: usize) -> Option<()> {
    for at in 0..row.len() {
        let left = at.checked_sub(step).and_then(|at| row.get(at)).copied().unwrap_or(0);
        let above = before.get(at).copied().unwrap_or(0);
        let corner = at.checked_sub(step).and_then(|at| before.get(at)).copied().unwrap_or(0);
        let guess = match filter {
            0 => 0,
            1 => left,
            2 => above,
            3 => u8::midpoint(left, above),
            4 => {
                let (a, b, c) = (i32::from(left), i32::from(above), i32::from(corner));
                let (pa, pb, pc) = ((b - c).abs(), (a - c).abs(), (a + b - 2 * c).abs());
                if pa <= pb && pa <= pc {
                    left
                } else if pb <= pc {
                    above
                } else {
                    corner
                }
            }
            _ => return None,
        };
        let byte = row.get_mut(at)?;
        *byte = byte.wrapping_add(guess);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use image::{DynamicImage, ImageFormat, RgbImage, RgbaImage};
    use std::io::Cursor;

    use super::{exif, is_one, jpeg, page, png};

    fn written(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    fn colours() -> RgbaImage {
        RgbaImage::from_fn(37, 23, |x, y| image::Rgba([(x * 6) as u8, (y * 11) as u8, 90, (x * 7 + y) as u8]))
    }

    #[test]
    fn pictures_become_pages_and_broken_ones_do_not() {
        let rgba = DynamicImage::ImageRgba8(colours());
        let rgb = DynamicImage::ImageRgb8(RgbImage::from_fn(600, 300, |x, _| image::Rgb([x as u8, 9, 9])));
        for bytes in [
            written(&rgba, ImageFormat::Png),
            written(&rgb, ImageFormat::Png),
            written(&rgb, ImageFormat::Jpeg),
            written(&DynamicImage::ImageLuma8(rgb.to_luma8()), ImageFormat::Jpeg),
            written(&DynamicImage::ImageLumaA16(rgba.to_luma_alpha16()), ImageFormat::Png),
        ] {
            assert!(is_one(&bytes));
            assert_eq!(page(&bytes, "a.png", 7).unwrap().pages, [(10, 0)]);
            for end in [9, 30, bytes.len() / 2] {
                let cut = page(&bytes[..end], "a.png", 7);
                // A JPEG is not decoded: that its end is missing is not seen here.
                assert!(cut.is_err() || bytes.starts_with(b"\xff\xd8"), "{end}");
            }
        }
        assert!(!is_one(b"GIF89a"));
    }

    #[test]
    fn what_shines_through_is_set_on_white_as_others_set_it() {
        let picture = colours();
        let head = png(&written(&DynamicImage::ImageRgba8(picture.clone()), ImageFormat::Png)).unwrap();
        let mut points = Vec::new();
        std::io::Read::read_to_end(&mut flate2::read::ZlibDecoder::new(&*head.stream.content), &mut points).unwrap();
        let white = |value: u8, alpha: u8| (u32::from(value) * u32::from(alpha) + 255 * (255 - u32::from(alpha))) / 255;
        for (place, pixel) in picture.pixels().enumerate() {
            let [r, g, b, a] = pixel.0;
            let expected = [r, g, b].map(|value| white(value, a) as u8);
            assert_eq!(points[place * 3..place * 3 + 3], expected, "{place}");
        }
    }

    /// A PNG of one colour, all its points nothing: its head says what it is, and `rows` how many bytes it holds.
    fn blank(width: u32, height: u32, depth: u8, colour: u8, rows: u64) -> Vec<u8> {
        let mut packer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::copy(&mut std::io::Read::take(std::io::repeat(0), rows), &mut packer).unwrap();
        let mut head = [width.to_be_bytes(), height.to_be_bytes()].concat();
        head.extend([depth, colour, 0, 0, 0]);
        let mut bytes = super::PNG.to_vec();
        for (kind, chunk) in [(b"IHDR", head), (b"IDAT", packer.finish().unwrap()), (b"IEND", Vec::new())] {
            bytes.extend(u32::try_from(chunk.len()).unwrap().to_be_bytes());
            bytes.extend(kind);
            bytes.extend(chunk);
            bytes.extend([0; 4]);
        }
        bytes
    }

    #[test]
    fn a_picture_is_bounded_by_what_it_unpacks_to() {
        let made = |bytes: &[u8]| png(bytes).map(|picture| picture.width).map_err(|words| words.contains("too large"));
        // Of 64 million points: eight bytes each with the points that are made of them, or an eighth of a byte.
        assert_eq!(made(&blank(8_000, 8_000, 16, 6, 10)), Err(true));
        assert_eq!(made(&blank(8_000, 8_000, 1, 0, 8_000 * 1_001)), Ok(8_000));
        // A plan of 144 million points, black and white, takes 18 MB.
        assert_eq!(made(&blank(12_000, 12_000, 1, 0, 12_000 * 1_501)), Ok(12_000));
        assert_eq!(made(&blank(12_000, 12_000, 1, 0, 12_000 * 1_501 - 1)), Err(false), "the last row is not whole");
        assert_eq!(made(&blank(u32::MAX, u32::MAX, 16, 6, 10)), Err(true));
    }

    #[test]
    fn the_camera_was_held_upright_or_not() {
        let mut tiff = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0".to_vec();
        assert_eq!(exif(&tiff), Some(6));
        let plain = written(&DynamicImage::ImageRgb8(RgbImage::new(40, 20)), ImageFormat::Jpeg);
        let length = u16::try_from(tiff.len() + 2).unwrap().to_be_bytes();
        let mut turned = plain[..2].to_vec();
        turned.extend([0xff, 0xe1]);
        turned.extend(length);
        turned.append(&mut tiff);
        turned.extend(&plain[2..]);
        let picture = jpeg(&turned).unwrap();
        assert_eq!((picture.width, picture.height, picture.turned), (40, 20, 6));
        assert_eq!(exif(b"Exif\0\0II*\0\xff\xff\xff\xff"), None);
        assert_eq!(exif(b""), None);
    }
}
