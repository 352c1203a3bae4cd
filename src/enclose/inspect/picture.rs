//! What a picture or a film tells of its making: above all where it was taken, which may be where a witness lives (EXIF 2.3 §4.6; QuickTime File
//! Format, user data). A picture of the telephone has it as a rule.

use std::io::{Read, Seek, SeekFrom};

use super::sift::sift;
use super::{Grade, Told};

/// Bytes of EXIF that are read: a segment of a JPEG holds no more.
const EXIF_MAX: u64 = 64 << 10;
/// Notes that are kept of one file.
const NOTES_MAX: usize = 8;
/// Entries of a directory that are read.
const ENTRIES_MAX: usize = 500;

/// What was found.
#[derive(Default)]
struct Notes {
    is_placed: bool,
    author: Option<String>,
    device: Option<String>,
    taken: Option<String>,
}

/// Whether bytes begin as a picture or a film that may tell something.
pub(super) fn is_it(head: &[u8]) -> bool {
    let starts = |magic: &[u8]| head.starts_with(magic);
    starts(b"\xff\xd8\xff")
        || starts(b"\x89PNG")
        || starts(b"II*\0")
        || starts(b"MM\0*")
        || (starts(b"RIFF") && head.get(8..12) == Some(b"WEBP"))
        || head.get(4..8) == Some(b"ftyp")
}

/// Looks into a picture or a film.
pub(super) fn inspect<R: Read + Seek>(content: &mut R) -> Vec<Told> {
    let mut notes = Notes::default();
    let mut places: Vec<u64> = Vec::new();
    let is_film = super::head(content).get(4..8) == Some(b"ftyp");
    sift(content, 64, |window, at| {
        // TIFF is what EXIF is written in; pictures have it behind a word of their own.
        for begin in [b"II*\0".as_slice(), b"MM\0*"] {
            for found in memchr::memmem::find_iter(window, begin) {
                let before = window.get(found.saturating_sub(8)..found).unwrap_or_default();
                let is_named = ["Exif\0\0", "eXIf", "EXIF"].iter().any(|word| {
                    // The chunk of a WebP has its length between.
                    before.ends_with(word.as_bytes()) || (*word == "EXIF" && before.starts_with(b"EXIF"))
                });
                let place = at + found as u64;
                if (is_named || place == 0) && places.len() < NOTES_MAX && !places.contains(&place) {
                    places.push(place);
                }
            }
        }
        let is_there = |word: &[u8]| memchr::memmem::find(window, word).is_some();
        notes.is_placed |= is_film && (is_there(b"\xa9xyz") || is_there(b"com.apple.quicktime.location.ISO6709"));
    });
    for place in places {
        let mut exif = Vec::new();
        if content.seek(SeekFrom::Start(place)).is_ok()
            && content.by_ref().take(EXIF_MAX).read_to_end(&mut exif).is_ok()
        {
            read(&exif, &mut notes);
        }
    }
    let mut told = Vec::new();
    if notes.is_placed {
        let found = "tells where it was taken, which may be where somebody lives";
        let cure = "Take the place out (`exiftool -gps:all= FILE`, or a screenshot), or say that it is meant so.";
        told.push(Told::new("names-place", Grade::Ask, found, cure));
    }
    let some = [("author", notes.author), ("device", notes.device), ("time", notes.taken)];
    let some: Vec<(&str, String)> = some.into_iter().filter_map(|(what, text)| Some((what, text?))).collect();
    told.extend(Told::author(&some));
    told
}

/// One of a directory's entries.
struct Entry {
    tag: u16,
    count: usize,
    /// Where its value is, or its value.
    value: usize,
    /// Where the value stands where it is no longer than four octets.
    at: usize,
}

/// Reads the first directory of EXIF, and of those below it whether they say where.
fn read(exif: &[u8], notes: &mut Notes) {
    let is_little = exif.starts_with(b"II");
    let number = |at: usize, length: usize| -> Option<usize> {
        let piece = exif.get(at..at.checked_add(length)?)?;
        let add = |sum: usize, byte: &u8| (sum << 8) | usize::from(*byte);
        Some(if is_little { piece.iter().rev().fold(0, add) } else { piece.iter().fold(0, add) })
    };
    let entries = |at: usize| -> Vec<Entry> {
        let many = number(at, 2).unwrap_or(0).min(ENTRIES_MAX);
        let one = |index: usize| {
            let at = at + 2 + index * 12;
            let tag = u16::try_from(number(at, 2)?).ok()?;
            Some(Entry { tag, count: number(at + 4, 4)?, value: number(at + 8, 4)?, at: at + 8 })
        };
        (0..many).map_while(one).collect()
    };
    let text = |entry: &Entry| {
        let at = if entry.count <= 4 { entry.at } else { entry.value };
        let bytes = exif.get(at..at.checked_add(entry.count.min(200))?)?;
        let text = String::from_utf8_lossy(bytes).trim_matches(['\0', ' ']).to_owned();
        (!text.is_empty()).then_some(text)
    };
    for entry in entries(number(4, 4).unwrap_or(0)) {
        match entry.tag {
            0x010f | 0x0110 => notes.device = text(&entry).or(notes.device.take()),
            0x013b | 0x9c9d => notes.author = notes.author.take().or_else(|| text(&entry)),
            0x0132 => notes.taken = notes.taken.take().or_else(|| text(&entry)),
            // The place: its latitude is what makes it one.
            0x8825 => notes.is_placed |= entries(entry.value).iter().any(|one| one.tag == 0x0002),
            0x8769 => {
                let taken = entries(entry.value).iter().find(|one| one.tag == 0x9003).and_then(text);
                notes.taken = taken.or(notes.taken.take());
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::super::{Grade, inspect};
    use crate::enclose::Policy;

    /// EXIF with a device and, where it is asked for, a latitude.
    fn exif(is_placed: bool, is_little: bool) -> Vec<u8> {
        let two = |n: u16| if is_little { n.to_le_bytes() } else { n.to_be_bytes() };
        let four = |n: u32| if is_little { n.to_le_bytes() } else { n.to_be_bytes() };
        let mut out = if is_little { b"II*\0".to_vec() } else { b"MM\0*".to_vec() };
        out.extend(four(8));
        out.extend(two(2));
        let entry = |tag: u16, kind: u16, count: u32, value: u32| {
            [&two(tag)[..], &two(kind), &four(count), &four(value)].concat()
        };
        out.extend(entry(0x0110, 2, 6, 80));
        out.extend(entry(0x8825, 4, 1, 40));
        out.extend(four(0));
        out.resize(40, 0);
        out.extend(two(1));
        out.extend(entry(if is_placed { 2 } else { 0 }, 5, 3, 60));
        out.resize(80, 0);
        out.extend(b"Phone\0");
        out
    }

    #[test]
    fn a_picture_that_tells_where_it_was_taken_wants_a_yes() {
        let told = |name: &str, bytes: &[u8]| -> Vec<(&'static str, Grade, String)> {
            let found = inspect(name, &mut Cursor::new(bytes), &Policy::default());
            found.into_iter().map(|one| (one.code, one.grade, one.found)).collect()
        };
        for is_little in [true, false] {
            let (with, without) = (exif(true, is_little), exif(false, is_little));
            let jpeg = |exif: &[u8]| [b"\xff\xd8\xff\xe1\x01\x00Exif\0\0", exif].concat();
            let png = [b"\x89PNG\r\n\x1a\n\0\0\0\x40eXIf", with.as_slice()].concat();
            let webp = [b"RIFF\0\0\0\0WEBPEXIF\x40\0\0\0", with.as_slice()].concat();
            let heic = [b"\0\0\0\x18ftypheic\0\0\0\0Exif\0\0", with.as_slice()].concat();
            for bytes in [jpeg(&with), png, webp, heic, with] {
                let found = told("scene.jpg", &bytes);
                assert_eq!((found[0].0, found[0].1), ("names-place", Grade::Ask), "{found:?}");
                assert!(found[1].2.contains("device \u{201c}Phone\u{201d}"), "{found:?}");
            }
            let found = told("scene.jpg", &jpeg(&without));
            assert!(found.len() == 1 && found[0].1 == Grade::Tell, "{found:?}");
        }
        let film = b"\0\0\0\x14ftypqt  \0\0\0\0....\xa9xyz\0\x12\x15\xc7+51.5-000.1/";
        assert_eq!(told("door.mov", film)[0].0, "names-place");
        assert_eq!(told("scan.jpg", b"\xff\xd8\xff\xe0\0\x10JFIF\0"), []);
        for cut in 0..90 {
            let whole = exif(true, true);
            let _ = told("cut.tif", &whole[..cut.min(whole.len())]);
        }
    }
}
