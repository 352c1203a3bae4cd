//! Pictures: made small, so that a terminal can show them.

use std::io::Cursor;

use image::{ImageReader, Limits};

use super::{Found, LookError, Points};

/// Points in a row, and rows, that are given.
const WIDTH: u32 = 800;
const HEIGHT: u32 = 600;
/// Points in a row, and rows, of a picture that is read at all.
const SIDE_MAX: u32 = 30_000;
/// Bytes that reading may take.
const BYTES_MAX: u64 = 256 << 20;

/// Whether bytes begin like a picture that can be read.
pub(super) fn is_picture(bytes: &[u8]) -> bool {
    image::guess_format(bytes).is_ok()
}

/// Looks at a picture.
pub(super) fn look(bytes: &[u8]) -> Result<Found, LookError> {
    let damaged = || LookError("it is a picture that is damaged, or of a kind that cannot be shown".to_owned());
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|_| damaged())?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(SIDE_MAX);
    limits.max_image_height = Some(SIDE_MAX);
    limits.max_alloc = Some(BYTES_MAX);
    reader.limits(limits);
    let format = reader.format().and_then(|format| format.extensions_str().first()).copied().unwrap_or("unknown");
    let picture = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| reader.decode())).map_err(|_| damaged())?;
    let picture = picture.map_err(|error| match error {
        image::ImageError::Limits(_) => LookError("it is a picture too large to be looked at here".to_owned()),
        _ => damaged(),
    })?;
    let (wide, high) = (picture.width(), picture.height());
    let small = if wide > WIDTH || high > HEIGHT { picture.thumbnail(WIDTH, HEIGHT) } else { picture };
    let small = small.to_rgb8();
    let points = Points {
        width: u16::try_from(small.width()).unwrap_or_default(),
        height: u16::try_from(small.height()).unwrap_or_default(),
        points: hex::encode(small.as_raw()),
    };
    let mut found =
        Found::text(&format!("picture ({format})"), String::new()).note(format!("{wide} by {high} points."));
    found.picture = Some(points);
    Ok(found)
}
