//! What a picture or a film tells of its making: above all where it was taken, which may be where a witness lives (EXIF 2.3 §4.6; QuickTime File
//! Format, user data). A picture of the telephone has it as a rule.

use std::io::{Read, Seek, SeekFrom};
use std::sync::LazyLock;

use regex::bytes::Regex;

use super::sift::sift;
use super::{Grade, Told};

/// Places of EXIF that are read in one file.
const PLACES_MAX: usize = 8;
/// Entries of a directory that are read.
const ENTRIES_MAX: usize = 500;
/// Pages of a TIFF whose directories are read.
const PAGES_MAX: usize = 8;
/// Bytes of a text.
const TEXT_MAX: usize = 200;
/// Boxes of a film that are passed on its first floor.
const BOXES_MAX: usize = 64;
/// Bytes of what a film says of itself.
const MOVIE_MAX: u64 = 16 << 20;
/// Boxes within each other.
const DEPTH_MAX: usize = 6;

/// A latitude of XMP (part 2 §2.4): an attribute, or an element, that holds one.
static LATITUDE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"exif:GPSLatitude(?:\s*=\s*["']|>)\s*[0-9]"#).ok());

/// A file that can be read through, and at some places.
pub(super) trait Source {
    /// Reads all of it, in pieces, each with the last `overlap` bytes of the one before.
    fn sift(&mut self, overlap: usize, each: &mut dyn FnMut(&[u8], u64));

    /// So many bytes at a place; fewer where there are no more.
    fn at(&mut self, place: u64, bytes: u64) -> Vec<u8>;
}

/// A file that can be read at any place.
pub(super) struct Whole<'c, R>(pub(super) &'c mut R);

impl<R: Read + Seek> Source for Whole<'_, R> {
    fn sift(&mut self, overlap: usize, each: &mut dyn FnMut(&[u8], u64)) {
        sift(self.0, overlap, each);
    }

    fn at(&mut self, place: u64, bytes: u64) -> Vec<u8> {
        let mut found = Vec::new();
        if self.0.seek(SeekFrom::Start(place)).is_ok() {
            let _ = self.0.by_ref().take(bytes).read_to_end(&mut found);
        }
        found
    }
}

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
pub(super) fn inspect(content: &mut dyn Source) -> Vec<Told> {
    let mut notes = Notes::default();
    let mut places: Vec<u64> = Vec::new();
    let is_film = content.at(4, 4) == b"ftyp";
    content.sift(64, &mut |window, at| {
        // TIFF is what EXIF is written in; pictures have it behind a word of their own.
        for begin in [b"II*\0".as_slice(), b"MM\0*"] {
            for found in memchr::memmem::find_iter(window, begin) {
                let before = window.get(found.saturating_sub(8)..found).unwrap_or_default();
                let is_named = ["Exif\0\0", "eXIf", "EXIF"].iter().any(|word| {
                    // The chunk of a WebP has its length between.
                    before.ends_with(word.as_bytes()) || (*word == "EXIF" && before.starts_with(b"EXIF"))
                });
                // In HEIF stands how far it is to it instead, and that may be nothing (ISO/IEC 23008-12 annex A).
                let is_named = is_named || (is_film && before.ends_with(&[0; 4]));
                let place = at + found as u64;
                if (is_named || place == 0) && places.len() < PLACES_MAX && !places.contains(&place) {
                    places.push(place);
                }
            }
        }
        notes.is_placed |= LATITUDE.as_ref().is_some_and(|latitude| latitude.is_match(window));
    });
    for place in places {
        read(&mut Tiff::new(content, place), &mut notes);
    }
    notes.is_placed |= is_film && is_placed(content);
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

/// Whether a film says where it was taken, where films do: among what its user or its maker said of it.
fn is_placed(content: &mut dyn Source) -> bool {
    let mut at = 0_u64;
    for _ in 0..BOXES_MAX {
        let head = content.at(at, 16);
        let Some((name, size, before)) = box_of(&head) else { return false };
        let size = if size == 0 { u64::MAX } else { size };
        if name == b"moov" {
            let movie = content.at(at.saturating_add(before), size.saturating_sub(before).min(MOVIE_MAX));
            return says_place(&movie, 0);
        }
        at = at.saturating_add(size);
    }
    false
}

/// The name of a box, its size and how much of that its head is (ISO/IEC 14496-12 §4.2); a size of nothing is all that is left.
fn box_of(head: &[u8]) -> Option<(&[u8], u64, u64)> {
    let number = |at: usize, length: usize| -> Option<u64> {
        Some(head.get(at..at + length)?.iter().fold(0, |sum, byte| (sum << 8) | u64::from(*byte)))
    };
    let name = head.get(4..8)?;
    match number(0, 4)? {
        1 => Some((name, number(8, 8).filter(|size| *size >= 16)?, 16)),
        size if size == 0 || size >= 8 => Some((name, size, 8)),
        _ => None,
    }
}

/// Whether one of some boxes says it.
fn says_place(boxes: &[u8], depth: usize) -> bool {
    let mut rest = boxes;
    while let Some((name, size, before)) = box_of(rest).filter(|_| depth < DEPTH_MAX) {
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let end = if size == 0 { rest.len() } else { size.min(rest.len()) };
        let within = usize::try_from(before).ok().and_then(|before| rest.get(before..end)).unwrap_or_default();
        let is_said = match name {
            b"trak" | b"udta" => says_place(within, depth + 1),
            // QuickTime's has no version before what is in it.
            b"meta" => says_place(within, depth + 1) || says_place(within.get(4..).unwrap_or_default(), depth + 1),
            b"keys" => memchr::memmem::find(within, b"com.apple.quicktime.location.ISO6709").is_some(),
            // A length and a language, and then the place (ISO 6709): a sign and degrees.
            b"\xa9xyz" => within.get(4..6).is_some_and(|two| matches!(two, [b'+' | b'-', b'0'..=b'9'])),
            b"loci" => within.len() > 18,
            _ => false,
        };
        if is_said {
            return true;
        }
        rest = rest.get(end..).unwrap_or_default();
    }
    false
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

/// What is written as TIFF is (revision 6.0 §2), from a place of a file on. Its directories may lie anywhere in it, behind the picture as well.
struct Tiff<'s> {
    source: &'s mut dyn Source,
    base: u64,
    is_little: bool,
}

impl<'s> Tiff<'s> {
    fn new(source: &'s mut dyn Source, base: u64) -> Self {
        let is_little = source.at(base, 2) == b"II";
        Self { source, base, is_little }
    }

    fn bytes(&mut self, at: usize, count: usize) -> Vec<u8> {
        self.source.at(self.base.saturating_add(at as u64), count as u64)
    }

    fn number(&self, bytes: &[u8]) -> usize {
        let add = |sum: usize, byte: &u8| (sum << 8) | usize::from(*byte);
        if self.is_little { bytes.iter().rev().fold(0, add) } else { bytes.iter().fold(0, add) }
    }

    /// The entries of a directory, and where the next one is.
    fn directory(&mut self, at: usize) -> (Vec<Entry>, usize) {
        let bytes = self.bytes(at, 2 + ENTRIES_MAX * 12 + 4);
        let many = bytes.get(..2).map_or(0, |many| self.number(many)).min(ENTRIES_MAX);
        let one = |index: usize| {
            let from = 2 + index * 12;
            let number = |at: usize, length: usize| Some(self.number(bytes.get(from + at..from + at + length)?));
            let tag = u16::try_from(number(0, 2)?).ok()?;
            Some(Entry { tag, count: number(4, 4)?, value: number(8, 4)?, at: at.checked_add(from + 8)? })
        };
        let entries = (0..many).map_while(one).collect();
        let next = 2 + many * 12;
        (entries, bytes.get(next..next + 4).map_or(0, |next| self.number(next)))
    }

    fn value(&mut self, entry: &Entry) -> Vec<u8> {
        let at = if entry.count <= 4 { entry.at } else { entry.value };
        self.bytes(at, entry.count.min(TEXT_MAX))
    }

    fn text(&mut self, entry: &Entry) -> Option<String> {
        said(&String::from_utf8_lossy(&self.value(entry)))
    }

    /// What Windows writes: UTF-16, the small octet first.
    fn wide_text(&mut self, entry: &Entry) -> Option<String> {
        said(&encoding_rs::UTF_16LE.decode_without_bom_handling(&self.value(entry)).0)
    }
}

fn said(text: &str) -> Option<String> {
    let text = text.trim_matches(['\0', ' ']);
    (!text.is_empty()).then(|| text.to_owned())
}

/// Reads the directories of EXIF, and of those below them whether they say where.
fn read(tiff: &mut Tiff<'_>, notes: &mut Notes) {
    let first = tiff.bytes(4, 4);
    let mut at = tiff.number(&first);
    for _ in 0..PAGES_MAX {
        if at == 0 {
            return;
        }
        let (entries, next) = tiff.directory(at);
        for entry in entries {
            match entry.tag {
                0x010f | 0x0110 => notes.device = tiff.text(&entry).or(notes.device.take()),
                0x013b => notes.author = notes.author.take().or_else(|| tiff.text(&entry)),
                0x9c9d => notes.author = notes.author.take().or_else(|| tiff.wide_text(&entry)),
                0x0132 => notes.taken = notes.taken.take().or_else(|| tiff.text(&entry)),
                // The place: its latitude is what makes it one.
                0x8825 => notes.is_placed |= tiff.directory(entry.value).0.iter().any(|one| one.tag == 0x0002),
                0x8769 => {
                    let (below, _) = tiff.directory(entry.value);
                    let taken = below.iter().find(|one| one.tag == 0x9003).and_then(|one| tiff.text(one));
                    notes.taken = taken.or(notes.taken.take());
                }
                _ => {}
            }
        }
        at = next;
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

    fn codes(bytes: &[u8]) -> Vec<&'static str> {
        inspect("scene", &mut Cursor::new(bytes), &Policy::default()).into_iter().map(|one| one.code).collect()
    }

    /// A box of a film.
    fn boxed(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
        let size = u32::try_from(content.len() + 8).unwrap().to_be_bytes();
        [&size[..], name, content].concat()
    }

    #[test]
    fn a_film_tells_where_it_was_taken_where_films_do() {
        let film = |rest: &[u8]| [boxed(b"ftyp", b"qt  \0\0\0\0"), rest.to_vec()].concat();
        let place = boxed(b"\xa9xyz", b"\0\x12\x15\xc7+51.5-000.1/");
        let user = boxed(b"udta", &place);
        let noise = boxed(b"mdat", &vec![0x55; 300_000]);
        assert_eq!(codes(&film(&[noise.clone(), boxed(b"moov", &user)].concat())), ["names-place"]);
        assert_eq!(codes(&film(&boxed(b"moov", &boxed(b"trak", &user)))), ["names-place"]);
        let loci = boxed(b"loci", b"\0\0\0\0\x15\xc7\0\0\0\0\0\0\0\0\0\0\0\0\0earth\0\0");
        assert_eq!(codes(&film(&boxed(b"moov", &boxed(b"udta", &loci)))), ["names-place"]);
        let key = boxed(b"mdta", b"com.apple.quicktime.location.ISO6709");
        let keys = boxed(b"keys", &[b"\0\0\0\0\0\0\0\x01", key.as_slice()].concat());
        assert_eq!(codes(&film(&boxed(b"moov", &boxed(b"meta", &keys)))), ["names-place"]);
        // Of ISO 14496-12, which has a version and flags before what is in it.
        let meta = boxed(b"meta", &[b"\0\0\0\0", keys.as_slice()].concat());
        assert_eq!(codes(&film(&boxed(b"moov", &meta))), ["names-place"]);
        // Written with 64 bits of size.
        let moov = boxed(b"moov", &user);
        let large = [b"\0\0\0\x01mdat\0\0\0\0\0\0\0\x14....".as_slice(), &moov].concat();
        assert_eq!(codes(&film(&large)), ["names-place"]);
        // The same bytes elsewhere, and a place that is none.
        assert_eq!(codes(&film(&boxed(b"mdat", &place))), [""; 0]);
        assert_eq!(codes(&film(&boxed(b"moov", &boxed(b"udta", &boxed(b"\xa9xyz", b"\0\x00\x15\xc7"))))), [""; 0]);
        assert_eq!(codes(b"\0\0\0\x10ftypqt  \0\0\0\0\0\0\0\x03moov"), [""; 0]);
    }

    /// The same directories, so many bytes further on.
    fn exif_behind(far: u32, is_little: bool) -> Vec<u8> {
        let near = exif(true, is_little);
        let four = |n: u32| if is_little { n.to_le_bytes() } else { n.to_be_bytes() };
        let mut out = [&near[..4], &four(far + 8), &vec![0x55; far as usize][..]].concat();
        out.extend(&near[8..]);
        for (at, place) in [(10 + 8, far + 80), (22 + 8, far + 40), (42 + 8, far + 60)] {
            let at = at + far as usize;
            out[at..at + 4].copy_from_slice(&four(place));
        }
        out
    }

    #[test]
    fn the_directory_may_lie_behind_the_picture() {
        for is_little in [true, false] {
            assert_eq!(codes(&exif_behind(300_000, is_little)), ["names-place", "names-author"]);
        }
    }

    #[test]
    fn exif_of_a_heic_may_have_no_head_of_its_own() {
        let head = b"\0\0\0\x18ftypavif\0\0\0\0mif1avif".as_slice();
        let of = |before: &[u8], is_placed: bool| [head, before, &exif(is_placed, false)].concat();
        assert_eq!(codes(&of(b"\0\0\0\0", true)), ["names-place", "names-author"]);
        assert_eq!(codes(&of(b"\0\0\0\x06Exif\0\0", true)), ["names-place", "names-author"]);
        assert_eq!(codes(&of(b"\0\0\0\0", false)), ["names-author"]);
        assert_eq!(codes(&of(b"abcd", true)), [""; 0]);
    }

    #[test]
    fn xmp_tells_a_place_too() {
        let of = |words: &str| {
            [b"\xff\xd8\xff\xe1\x01\x00http://ns.adobe.com/xap/1.0/\0".as_slice(), words.as_bytes()].concat()
        };
        assert_eq!(codes(&of("<rdf:Description exif:GPSLatitude=\"51,30.5N\"/>")), ["names-place"]);
        assert_eq!(codes(&of("<exif:GPSLatitude>51,30.5N</exif:GPSLatitude>")), ["names-place"]);
        assert_eq!(codes(&of("<exif:GPSLatitude></exif:GPSLatitude><a exif:GPSLatitude=''/>")), [""; 0]);
        assert_eq!(codes(&of("how to write exif:GPSLatitude")), [""; 0]);
    }

    #[test]
    fn windows_names_the_author_in_letters_of_two_octets() {
        let name: Vec<u8> = "Tess Inkwell\0".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let with = |name: &[u8]| {
            let mut out =
                [b"MM\0*\0\0\0\x08\0\x01\x9c\x9d\0\x01".as_slice(), &u32::try_from(name.len()).unwrap().to_be_bytes()]
                    .concat();
            out.extend(b"\0\0\0\x1a\0\0\0\0");
            out.extend(name);
            inspect("scene.tif", &mut Cursor::new(out), &Policy::default())
        };
        assert!(with(&name)[0].found.contains("author \u{201c}Tess Inkwell\u{201d}"), "{:?}", with(&name));
        assert_eq!(with(&[0; 8]), [], "nobody");
    }

    #[test]
    fn a_large_picture_in_an_archive_is_looked_into() {
        use std::io::Write as _;
        let packed = |name: &str, content: &[u8], filler: usize| {
            let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
            let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
            archive.start_file(name, stored).unwrap();
            archive.write_all(content).unwrap();
            archive.write_all(&vec![0; filler]).unwrap();
            archive.finish().unwrap().into_inner()
        };
        let jpeg = [b"\xff\xd8\xff\xe1\x01\x00Exif\0\0".as_slice(), &exif(true, true)].concat();
        assert_eq!(codes(&packed("scene.jpg", &jpeg, 33 << 20)), ["names-place"]);
        assert_eq!(codes(&packed("scene.jpg", &exif(true, false), 33 << 20)), ["names-place"]);
        assert_eq!(codes(&packed("scene.jpg", b"\xff\xd8\xff\xe0", 33 << 20)), [""; 0]);
        assert_eq!(codes(&packed("table.csv", b"a,b", 33 << 20)), [""; 0]);
        let found = inspect("a.zip", &mut Cursor::new(packed("scene.jpg", &jpeg, 33 << 20)), &Policy::default());
        assert!(found[0].found.starts_with("holds \u{201c}scene.jpg\u{201d}, which tells where"), "{found:?}");
        // What is passed over on the way to its directory is not counted once for each look.
        let scan = packed("scene.tif", &exif_behind(33 << 20, true), 0);
        let found = super::super::within("a.zip", &mut Cursor::new(scan), &Policy::default(), 40 << 20);
        assert_eq!(found.iter().map(|one| one.code).collect::<Vec<_>>(), ["names-place"]);
        // What takes more than is unpacked is said.
        let film = packed("scene.mp4", b"\0\0\0\x10ftypmp42....", 33 << 20);
        let found = super::super::within("a.zip", &mut Cursor::new(film), &Policy::default(), 1 << 20);
        assert_eq!(found.iter().map(|one| one.code).collect::<Vec<_>>(), ["not-looked-into"]);
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
        assert_eq!(told("scan.jpg", b"\xff\xd8\xff\xe0\0\x10JFIF\0"), []);
        for cut in 0..90 {
            let whole = exif(true, true);
            let _ = told("cut.tif", &whole[..cut.min(whole.len())]);
        }
    }
}
