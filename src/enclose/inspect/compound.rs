//! Compound files (\[MS-CFB\]): Office documents before 2007, and the wrapping of later ones that are locked with a password.
//!
//! The entries of the directory stand at multiples of 128 octets, wherever the chain of its sectors leads: all of them are found by reading the file
//! through, also where the chain is damaged.

use std::io::{Read, Seek, SeekFrom};

use super::sift::sift;
use super::{Told, count};

/// The first bytes of a compound file.
pub(super) const MAGIC: [u8; 8] = *b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";
/// Entries that are kept.
const ENTRIES_MAX: usize = 20_000;
/// Streams that are shorter lie among others in the small sectors.
const SMALL: u64 = 4096;

/// An entry of the directory.
struct Entry {
    name: String,
    is_storage: bool,
    sector: u32,
    bytes: u64,
}

fn entry(raw: &[u8]) -> Option<Entry> {
    let length = usize::from(u16::from_le_bytes([*raw.get(64)?, *raw.get(65)?]));
    let kind = *raw.get(66)?;
    if !(4..=64).contains(&length) || length % 2 != 0 || !matches!(kind, 1 | 2 | 5) || *raw.get(67)? > 1 {
        return None;
    }
    let units: Vec<u16> = raw
        .get(..length - 2)?
        .chunks_exact(2)
        .filter_map(|two| Some(u16::from_le_bytes(two.try_into().ok()?)))
        .collect();
    if raw.get(length - 2..length)? != [0, 0] || units.contains(&0) {
        return None;
    }
    Some(Entry {
        name: String::from_utf16(&units).ok()?,
        is_storage: kind == 1,
        sector: u32::from_le_bytes(raw.get(116..120)?.try_into().ok()?),
        bytes: u64::from(u32::from_le_bytes(raw.get(120..124)?.try_into().ok()?)),
    })
}

/// Looks into a compound file.
pub(super) fn inspect<R: Read + Seek>(content: &mut R) -> Vec<Told> {
    let mut header = [0_u8; 32];
    if content.seek(SeekFrom::Start(0)).is_err() || content.read_exact(&mut header).is_err() {
        return Vec::new();
    }
    let sector_bytes = if header.get(30) == Some(&12) { 4096_u64 } else { 512 };
    let mut entries: Vec<Entry> = Vec::new();
    // Pieces begin at multiples of 128, and so do the entries in them.
    sift(content, 0, |window, _| {
        let room = ENTRIES_MAX.saturating_sub(entries.len());
        entries.extend(window.chunks_exact(128).filter_map(entry).take(room));
    });
    let stream = |name: &str| entries.iter().find(|entry| !entry.is_storage && entry.name.eq_ignore_ascii_case(name));
    let storage = |name: &str| entries.iter().any(|entry| entry.is_storage && entry.name.eq_ignore_ascii_case(name));
    let mut beginning = |entry: &Entry, most: u64| {
        let at = (u64::from(entry.sector) + 1).saturating_mul(sector_bytes);
        let mut bytes = Vec::new();
        if entry.bytes >= SMALL && content.seek(SeekFrom::Start(at)).is_ok() {
            let _ = content.by_ref().take(most.min(entry.bytes)).read_to_end(&mut bytes);
        }
        bytes
    };
    if stream("EncryptedPackage").is_some() || stream("EncryptedSummary").is_some() {
        return vec![Told::locked("an Office document")];
    }
    let document = stream("WordDocument").map(|entry| beginning(entry, 32)).unwrap_or_default();
    // fEncrypted of the FibBase ([MS-DOC] 2.5.2).
    if document.get(11).is_some_and(|flags| flags & 1 != 0) {
        return vec![Told::locked("a Word document")];
    }
    let book = stream("Workbook").or_else(|| stream("Book")).map(|entry| beginning(entry, 256 << 10));
    let sheets = sheets(&book.unwrap_or_default());
    if sheets.locked {
        return vec![Told::locked("an Excel workbook")];
    }
    let mut told = Vec::new();
    if stream("_VBA_PROJECT").is_some() || storage("_VBA_PROJECT_CUR") || (storage("Macros") && storage("VBA")) {
        told.push(Told::macros("a VBA project"));
    } else if sheets.macros > 0 {
        told.push(Told::macros("Excel 4.0 macro sheets"));
    }
    if sheets.hidden > 0 {
        told.extend(Told::traces(&[count(sheets.hidden, "hidden sheet", "hidden sheets")]));
    }
    let summary = stream("\u{5}SummaryInformation").map(|entry| beginning(entry, 64 << 10)).unwrap_or_default();
    let people: Vec<(&str, String)> = [("author", 4), ("last editor", 8)]
        .into_iter()
        .filter_map(|(what, property)| Some((what, text_property(&summary, property)?)))
        .collect();
    told.extend(Told::author(&people));
    told
}

/// What the records of a workbook say ([MS-XLS] 2.1.4).
#[derive(Default)]
struct Sheets {
    locked: bool,
    hidden: usize,
    macros: usize,
}

fn sheets(mut records: &[u8]) -> Sheets {
    let mut sheets = Sheets::default();
    while let [k0, k1, s0, s1, rest @ ..] = records {
        let (kind, size) = (u16::from_le_bytes([*k0, *k1]), usize::from(u16::from_le_bytes([*s0, *s1])));
        match kind {
            // FilePass.
            0x002f => {
                sheets.locked = true;
                return sheets;
            }
            // BoundSheet8: whether it is hidden, and whether it is a sheet of macros.
            0x0085 => {
                sheets.hidden += usize::from(rest.get(4).is_some_and(|state| state & 3 != 0));
                sheets.macros += usize::from(rest.get(5) == Some(&1));
            }
            // EOF of the globals.
            0x000a => return sheets,
            _ => {}
        }
        records = rest.get(size..).unwrap_or_default();
    }
    sheets
}

/// A text of the first section of a property set ([MS-OLEPS] 2.21).
fn text_property(set: &[u8], wanted: u32) -> Option<String> {
    let number = |at: usize| Some(u32::from_le_bytes(set.get(at..at.checked_add(4)?)?.try_into().ok()?));
    let section = usize::try_from(number(44)?).ok()?;
    let properties = usize::try_from(number(section.checked_add(4)?)?).ok()?.min(256);
    for at in 0..properties {
        let place = section.checked_add(8 + at * 8)?;
        if number(place)? == wanted {
            let value = section.checked_add(usize::try_from(number(place + 4)?).ok()?)?;
            let (kind, length) = (number(value)?, usize::try_from(number(value + 4)?).ok()?);
            let begin = value.checked_add(8)?;
            // VT_LPSTR in some code page of Windows, VT_LPWSTR in UTF-16.
            let text = match kind {
                0x1e => {
                    let bytes = set.get(begin..begin.checked_add(length.min(400))?)?;
                    let bytes = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
                    std::str::from_utf8(bytes).map_or_else(
                        |_| encoding_rs::WINDOWS_1252.decode_without_bom_handling(bytes).0.into_owned(),
                        str::to_owned,
                    )
                }
                0x1f => {
                    let bytes = set.get(begin..begin.checked_add(length.min(200).checked_mul(2)?)?)?;
                    let units = bytes.chunks_exact(2).filter_map(|two| Some(u16::from_le_bytes(two.try_into().ok()?)));
                    let units: Vec<u16> = units.take_while(|unit| *unit != 0).collect();
                    String::from_utf16_lossy(&units)
                }
                _ => return None,
            };
            return Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        }
    }
    None
}
