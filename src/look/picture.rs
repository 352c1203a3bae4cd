//! Pictures: made small and put upright, so that a terminal can show them.

use std::io::Cursor;

use image::metadata::Orientation;
use image::{AnimationDecoder as _, DynamicImage, ImageDecoder as _, ImageFormat, ImageReader, Limits};

use super::tiff::Tiff;
use super::{Found, LookError, Points};

/// Points in a row, and rows, that are given.
const WIDTH: u32 = 800;
const HEIGHT: u32 = 600;
/// Points in a row, and rows, of a picture that is read at all.
const SIDE_MAX: u32 = 30_000;
/// Bytes that reading may take.
const BYTES_MAX: u64 = 256 << 20;
/// Pages of a TIFF that are counted.
const PAGES_MAX: usize = 1_000;

/// Whether bytes begin like a picture that can be read.
pub(super) fn is_picture(bytes: &[u8]) -> bool {
    image::guess_format(bytes).is_ok_and(|format| format != ImageFormat::Avif)
}

fn damaged() -> LookError {
    LookError("it is a picture that is damaged, or of a kind that cannot be shown".to_owned())
}

/// A picture, no larger than is shown, and how large it is in truth; both upright, as the camera noted.
fn read(bytes: &[u8], limits: Limits) -> Result<(DynamicImage, (u32, u32)), image::ImageError> {
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format()?;
    reader.limits(limits);
    let mut decoder = reader.into_decoder()?;
    if decoder.total_bytes() > BYTES_MAX {
        return Err(image::ImageError::Limits(image::error::LimitError::from_kind(
            image::error::LimitErrorKind::InsufficientMemory,
        )));
    }
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let (wide, high) = decoder.dimensions();
    // The small one is turned: the large one would be there twice.
    let mut picture = small(DynamicImage::from_decoder(decoder)?);
    picture.apply_orientation(orientation);
    let is_turned = matches!(
        orientation,
        Orientation::Rotate90 | Orientation::Rotate270 | Orientation::Rotate90FlipH | Orientation::Rotate270FlipH
    );
    Ok((picture, if is_turned { (high, wide) } else { (wide, high) }))
}

fn small(picture: DynamicImage) -> DynamicImage {
    if picture.width() > WIDTH || picture.height() > HEIGHT { picture.thumbnail(WIDTH, HEIGHT) } else { picture }
}

/// Looks at a picture.
pub(super) fn look(bytes: &[u8]) -> Result<Found, LookError> {
    let format = image::guess_format(bytes).ok();
    let name = format.and_then(|format| format.extensions_str().first()).copied().unwrap_or("unknown");
    let mut limits = Limits::default();
    limits.max_image_width = Some(SIDE_MAX);
    limits.max_image_height = Some(SIDE_MAX);
    limits.max_alloc = Some(BYTES_MAX);
    let picture = std::panic::catch_unwind(|| read(bytes, limits)).map_err(|_| damaged())?;
    let (picture, (wide, high)) = picture.map_err(|error| match error {
        image::ImageError::Limits(_) => LookError("it is a picture too large to be looked at here".to_owned()),
        image::ImageError::Unsupported(_) => {
            LookError(format!("it is a picture of a kind that cannot be shown here ({name}); it can be saved"))
        }
        _ => damaged(),
    })?;
    let small = on_white(&small(picture));
    let points = Points {
        width: u16::try_from(small.width()).unwrap_or_default(),
        height: u16::try_from(small.height()).unwrap_or_default(),
        points: hex::encode(small.as_raw()),
    };
    let mut found = Found::text(&format!("picture ({name})"), String::new()).note(format!("{wide} by {high} points."));
    let is_tiff = format == Some(ImageFormat::Tiff);
    let pages = if is_tiff { Tiff::new(bytes).directories().take(PAGES_MAX).count() } else { 1 };
    if pages > 1 {
        found = found.note(format!("It has {pages} pages; only the first is shown."));
    } else if std::panic::catch_unwind(|| moves(bytes, format)).unwrap_or(false) {
        found = found.note("It moves; only its first picture is shown.");
    }
    found.picture = Some(points);
    Ok(found)
}

/// What shines through shows white, as on paper.
fn on_white(picture: &DynamicImage) -> image::RgbImage {
    if !picture.color().has_alpha() {
        return picture.to_rgb8();
    }
    let whole = picture.to_rgba8();
    let mut made = image::RgbImage::new(whole.width(), whole.height());
    for (to, from) in made.pixels_mut().zip(whole.pixels()) {
        let [red, green, blue, alpha] = from.0;
        let mix = |part: u8| {
            let (part, alpha) = (u32::from(part), u32::from(alpha));
            u8::try_from((part * alpha + 255 * (255 - alpha)) / 255).unwrap_or(u8::MAX)
        };
        to.0 = [mix(red), mix(green), mix(blue)];
    }
    made
}

/// Whether there is a second picture behind the first.
fn moves(bytes: &[u8], format: Option<ImageFormat>) -> bool {
    match format {
        Some(ImageFormat::Gif) => {
            let decoder = image::codecs::gif::GifDecoder::new(Cursor::new(bytes));
            decoder.is_ok_and(|decoder| decoder.into_frames().take(2).filter(Result::is_ok).count() > 1)
        }
        Some(ImageFormat::Png) => {
            let decoder = image::codecs::png::PngDecoder::new(Cursor::new(bytes));
            decoder.and_then(|decoder| decoder.is_apng()).unwrap_or(false)
        }
        Some(ImageFormat::WebP) => {
            let decoder = image::codecs::webp::WebPDecoder::new(Cursor::new(bytes));
            decoder.is_ok_and(|decoder| decoder.has_animation())
        }
        _ => false,
    }
}
