//! Streams as text: what travels between devices, and what `register show --raw` writes.
//!
//! Lines that begin with a letter and a space, each followed by a value in the one way to write it (which holds no line end):
//! `R` a record, `P` the text that the record before names, `H` the signature over the record before, which ends a stream. The first line is
//! [`HEADER`]. Several streams may follow each other.

use super::canonical::{self, CanonicalError};
use super::head::Head;
use super::record::{PAYLOAD_BYTES_MAX, RECORD_BYTES_MAX, Written};

/// The first line.
pub const HEADER: &str = "casemail-register 1";
/// Streams in one text at most.
const STREAMS_MAX: usize = 1_000;

/// A piece of a stream, signed at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// The records, one after the other.
    pub rows: Vec<Written>,
    /// The signature over the last one.
    pub head: Head,
}

/// Why a text is no bundle.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// The first line.
    #[error("it does not begin with the line {HEADER:?}")]
    Header,
    /// A line that is none of ours.
    #[error("line {0} is not one of a register")]
    Line(usize),
    /// Longer than anything that we write.
    #[error("line {0} is too long")]
    TooLong(usize),
    /// No signature at the end.
    #[error("it ends without the signature of a device")]
    Unended,
    /// Too many.
    #[error("it holds too many streams")]
    TooMany,
}

/// Writes a piece of a stream; [`HEADER`] goes before the first.
///
/// # Errors
/// [`CanonicalError`].
pub fn write(bundle: &Bundle) -> Result<Vec<u8>, CanonicalError> {
    let mut text = Vec::new();
    let mut line = |mark: &[u8], bytes: &[u8]| {
        text.extend_from_slice(mark);
        text.extend_from_slice(bytes);
        text.push(b'\n');
    };
    for row in &bundle.rows {
        line(b"R ", &row.record);
        if let Some(payload) = &row.payload {
            line(b"P ", payload);
        }
    }
    line(b"H ", &canonical::write(&bundle.head)?);
    Ok(text)
}

/// Reads the pieces of streams in a text. Line ends may have become CRLF on the way.
///
/// # Errors
/// [`BundleError`].
pub fn read(text: &[u8]) -> Result<Vec<Bundle>, BundleError> {
    let mut bundles: Vec<Bundle> = Vec::new();
    let mut rows: Vec<Written> = Vec::new();
    let lines = text.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let mut lines = (1_usize..).zip(lines);
    if lines.next().is_none_or(|(_, line)| line != HEADER.as_bytes()) {
        return Err(BundleError::Header);
    }
    for (number, line) in lines {
        let Some((mark, bytes)) = line.split_at_checked(2) else {
            if line.is_empty() {
                continue;
            }
            return Err(BundleError::Line(number));
        };
        let limit = if mark == b"P " { PAYLOAD_BYTES_MAX } else { RECORD_BYTES_MAX };
        if bytes.len() > limit {
            return Err(BundleError::TooLong(number));
        }
        match mark {
            b"R " => rows.push(Written { record: bytes.to_vec(), payload: None }),
            b"P " => match rows.last_mut() {
                Some(row) if row.payload.is_none() => row.payload = Some(bytes.to_vec()),
                _ => return Err(BundleError::Line(number)),
            },
            b"H " => {
                let head = serde_json::from_slice(bytes).map_err(|_| BundleError::Line(number))?;
                if bundles.len() >= STREAMS_MAX {
                    return Err(BundleError::TooMany);
                }
                bundles.push(Bundle { rows: std::mem::take(&mut rows), head });
            }
            _ => return Err(BundleError::Line(number)),
        }
    }
    if rows.is_empty() { Ok(bundles) } else { Err(BundleError::Unended) }
}
