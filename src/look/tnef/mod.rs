//! `winmail.dat`: what Outlook packs a message into (MS-OXTNEF). Its subject, its text where that is plain, and the names and sizes of its files.
//! Every length is checked against what is there.

use std::fmt::Write as _;

use super::{Found, LookError};

/// How it begins: 0x223E9F78, the lowest byte first.
pub(super) const MAGIC: [u8; 4] = [0x78, 0x9f, 0x3e, 0x22];
/// Attributes that are read.
const ATTRIBUTES_MAX: usize = 10_000;

/// What is in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Packed {
    /// The subject.
    pub subject: String,
    /// The plain text, where there is one.
    pub body: String,
    /// Each file: its name and its bytes.
    pub files: Vec<(String, u64)>,
    /// It ended before it should have, or a length was wrong.
    pub damaged: bool,
}

const SUBJECT: u32 = 0x0001_8004;
const BODY: u32 = 0x0002_800c;
const FILE_BEGINS: u32 = 0x0006_9002;
const FILE_TITLE: u32 = 0x0001_8010;
const FILE_DATA: u32 = 0x0006_800f;

/// Reads a package; `None` where it is none.
#[must_use]
pub fn read(bytes: &[u8]) -> Option<Packed> {
    // The magic number and a key.
    let mut rest = bytes.strip_prefix(&MAGIC)?.get(2..)?;
    let mut packed = Packed::default();
    for _ in 0..ATTRIBUTES_MAX {
        if rest.is_empty() {
            return Some(packed);
        }
        let Some((id, data, next)) = attribute(rest) else {
            packed.damaged = true;
            return Some(packed);
        };
        rest = next;
        match id {
            SUBJECT => packed.subject = text(data),
            BODY => packed.body = text(data),
            FILE_BEGINS => packed.files.push(("(no name)".to_owned(), 0)),
            FILE_TITLE => {
                if let Some(file) = packed.files.last_mut() {
                    file.0 = text(data);
                }
            }
            FILE_DATA => {
                if let Some(file) = packed.files.last_mut() {
                    file.1 = data.len() as u64;
                }
            }
            _ => {}
        }
    }
    packed.damaged = true;
    Some(packed)
}

/// An attribute: level (one octet), identifier, length, data, sum of its octets.
fn attribute(bytes: &[u8]) -> Option<(u32, &[u8], &[u8])> {
    let (_, rest) = bytes.split_first()?;
    let (id, rest) = rest.split_first_chunk::<4>()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    let data = rest.get(..length)?;
    let (sum, next) = rest.get(length..)?.split_first_chunk::<2>()?;
    let is = data.iter().fold(0_u16, |sum, byte| sum.wrapping_add(u16::from(*byte)));
    (is == u16::from_le_bytes(*sum)).then_some((u32::from_le_bytes(*id), data, next))
}

fn text(data: &[u8]) -> String {
    let data = data.strip_suffix(b"\0").unwrap_or(data);
    super::text_of(data)
}

/// Looks into a package.
pub(super) fn look(bytes: &[u8]) -> Result<Found, LookError> {
    let packed = read(bytes).ok_or_else(|| LookError("it is a winmail.dat that is damaged".to_owned()))?;
    let mut words = String::new();
    if !packed.subject.is_empty() {
        let _ = writeln!(words, "Subject: {}\n", packed.subject);
    }
    words.push_str(&packed.body);
    for (name, size) in &packed.files {
        let _ = write!(words, "\n{size:>12}  {name}");
    }
    let mut found = Found::text("Outlook package (winmail.dat)", words)
        .note("Sent by Outlook in a form of its own. Ask the sender for plain attachments.");
    if packed.body.is_empty() {
        found = found.note("Its text is in a form that is not shown here.");
    }
    Ok(if packed.damaged { found.note("It is damaged or cut off: what could be read is shown.") } else { found })
}
