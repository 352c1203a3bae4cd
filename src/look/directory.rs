//! The names in a zip, out of its directory (APPNOTE.TXT 4.3.12-4.3.16) alone: nothing is unpacked, and no more is held than the end of the file.
//!
//! Not by the library that reads packages ([`super::archive`]): that runs in the sandbox, and makes of each entry a value of its own; this runs where a message
//! is read, whatever was sent. Names stand there in the clear also where the files are locked with a password. Packages within it are not entered.

use std::io::{self, Write};

use memchr::memmem;

/// Names that are given.
pub const NAMES_MAX: usize = 10_000;
/// Bytes of a name that are given: its end, which is the name of the file.
const NAME_MAX: usize = 500;
/// Bytes at the end of a file that are held.
const TAIL_MAX: usize = 4 << 20;
/// The end of a directory may have a comment of 65,535 bytes behind it.
const END_MAX: usize = 22 + 65_535;
/// How a file in it begins.
const FILE: &[u8] = b"PK\x03\x04";
/// How an entry of the directory begins.
const ENTRY: &[u8] = b"PK\x01\x02";
/// How the end of the directory begins.
const END: &[u8] = b"PK\x05\x06";
/// How the first disk of several begins (APPNOTE.TXT 8.5).
const DISK: &[u8] = b"PK\x07\x08";
/// The same where there was need of one only.
const ONE_DISK: &[u8] = b"PK00";
/// The same of a large one as [`END`].
const LARGE_END: &[u8] = b"PK\x06\x06";

/// The names in a zip.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// As they stand there, with the folders before them. Foreign text.
    pub names: Vec<String>,
    /// There are more, or not all could be read.
    pub more: bool,
}

/// Whether something of this name and media type says that it is a zip, or a program, which may be one that unpacks itself. An Office document is one, too; the names in that are its maker's.
#[must_use]
pub fn may_be(name: &str, media_type: &str) -> bool {
    let media_type = media_type.to_ascii_lowercase();
    let said = matches!(
        media_type.as_str(),
        "application/zip" | "application/x-zip" | "application/x-zip-compressed" | "multipart/x-zip"
    );
    said || matches!(super::extension(name).as_str(), "zip" | "zipx" | "exe")
}

/// Takes a file of any size as a stream, and holds its end.
#[derive(Debug, Default)]
pub struct Tail {
    head: Vec<u8>,
    tail: Vec<u8>,
    bytes: u64,
}

impl Write for Tail {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let wanted = FILE.len().saturating_sub(self.head.len());
        self.head.extend_from_slice(bytes.get(..wanted.min(bytes.len())).unwrap_or_default());
        self.bytes = self.bytes.saturating_add(bytes.len() as u64);
        self.tail.extend_from_slice(bytes);
        if self.tail.len() > 2 * TAIL_MAX {
            self.tail.drain(..self.tail.len() - TAIL_MAX);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Tail {
    /// The names in it; `None` where it is no zip.
    #[must_use]
    pub fn names(&self) -> Option<Names> {
        // One without entries in a file that holds some is another's.
        let found = directory(&self.tail).and_then(names).filter(|found| !found.names.is_empty());
        found.or_else(|| self.without_directory())
    }

    /// The names of one that is damaged, cut off or empty, or of which the directory lies on another disk: each file has its name before it, too.
    fn without_directory(&self) -> Option<Names> {
        let is_all = self.bytes == self.tail.len() as u64;
        let is_disk = self.head.starts_with(DISK);
        let end = self.tail.get(self.tail.len().saturating_sub(END_MAX)..).unwrap_or_default();
        let is_zip = is_disk
            || [FILE, END, ONE_DISK].iter().any(|begin| self.head.starts_with(begin))
            || memmem::rfind(end, END).is_some();
        let found = scanned(&self.tail);
        match is_zip {
            true => Some(Names { more: found.more || !is_all || is_disk, ..found }),
            false => Some(found).filter(|found| !found.names.is_empty()),
        }
    }
}

/// The names in a zip that is held; `None` where it is none.
#[must_use]
pub fn read(bytes: &[u8]) -> Option<Names> {
    let mut tail = Tail::default();
    tail.write_all(bytes).ok()?;
    tail.names()
}

fn number<const N: usize>(bytes: &[u8], at: usize) -> Option<u64> {
    let bytes = bytes.get(at..at.checked_add(N)?)?;
    Some(bytes.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
}

/// The entries of the directory, which lies right before its end, whatever stands before the zip.
fn directory(tail: &[u8]) -> Option<&[u8]> {
    let from = tail.len().saturating_sub(END_MAX);
    let mut end = from + memmem::rfind(tail.get(from..)?, END)?;
    let mut size = number::<4>(tail, end + 12)?;
    if number::<2>(tail, end + 10)? == 0xFFFF || size == 0xFFFF_FFFF || number::<4>(tail, end + 16)? == 0xFFFF_FFFF {
        // Where it has no larger end, the numbers are what they say.
        let from = end.saturating_sub(END_MAX);
        if let Some(at) = tail.get(from..end).and_then(|before| memmem::rfind(before, LARGE_END)) {
            end = from + at;
            size = number::<8>(tail, end + 40)?;
        }
    }
    tail.get(end.checked_sub(usize::try_from(size).ok()?)?..end)
}

/// The names of entries; `None` where they are none.
fn names(mut rest: &[u8]) -> Option<Names> {
    let mut found = Names::default();
    while !rest.is_empty() {
        if found.names.len() >= NAMES_MAX {
            found.more = true;
            break;
        }
        let (true, Some(name), Some(extra), Some(comment)) =
            (rest.starts_with(ENTRY), number::<2>(rest, 28), number::<2>(rest, 30), number::<2>(rest, 32))
        else {
            return None;
        };
        let name_end = 46 + usize::try_from(name).ok()?;
        found.names.push(text(rest.get(46..name_end)?));
        rest = rest.get(name_end + usize::try_from(extra + comment).ok()?..)?;
    }
    Some(found)
}

/// The names that stand before the files themselves.
fn scanned(bytes: &[u8]) -> Names {
    let mut found = Names::default();
    for at in memmem::find_iter(bytes, FILE) {
        if found.names.len() >= NAMES_MAX {
            found.more = true;
            break;
        }
        let name =
            number::<2>(bytes, at + 26).and_then(|count| bytes.get(at + 30..at + 30 + usize::try_from(count).ok()?));
        found.names.extend(name.filter(|name| !name.is_empty()).map(text));
    }
    found
}

/// Of UTF-8, or of an older code page, of which the letters and digits are the same.
fn text(name: &[u8]) -> String {
    let from = name.len().saturating_sub(NAME_MAX);
    String::from_utf8_lossy(name.get(from..).unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write as _};

    use zip::write::SimpleFileOptions;
    use zip::{CompressionMethod, ZipWriter};

    use super::{NAMES_MAX, TAIL_MAX, Tail, may_be, read};

    fn zip(names: &[&str], content: &[u8]) -> Vec<u8> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        for name in names {
            zip.start_file(*name, stored).unwrap();
            zip.write_all(content).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }

    fn names(bytes: &[u8]) -> Vec<String> {
        read(bytes).unwrap().names
    }

    #[test]
    fn names_are_read_from_the_directory_alone() {
        let plain = zip(&["MG5.pdf", "x/MG6D Ferret.pdf"], b"gnome");
        assert_eq!(names(&plain), ["MG5.pdf", "x/MG6D Ferret.pdf"]);
        assert!(!read(&plain).unwrap().more);
        // A comment behind it, and another file before it.
        let mut commented = plain.clone();
        let at = commented.len() - 2;
        commented[at] = 4;
        commented.extend(b"PK\x05!");
        assert_eq!(names(&commented), ["MG5.pdf", "x/MG6D Ferret.pdf"]);
        let shifted = [b"PK\x03\x04 a program that unpacks itself".to_vec(), plain.clone()].concat();
        assert_eq!(names(&shifted), ["MG5.pdf", "x/MG6D Ferret.pdf"]);
        assert_eq!(names(&zip(&[], b"")), Vec::<String>::new());
        assert_eq!(read(b"%PDF-1.4"), None);
        assert_eq!(read(b""), None);
        // Locked, and with a bomb in it: bits that nobody looks at.
        let mut locked = plain;
        for at in memchr::memmem::find_iter(&locked.clone(), b"PK\x01\x02") {
            locked[at + 8] |= 1;
            locked[at + 24..at + 28].copy_from_slice(&u32::MAX.to_le_bytes());
        }
        assert_eq!(names(&locked), ["MG5.pdf", "x/MG6D Ferret.pdf"]);
    }

    #[test]
    fn a_zip_is_one_whatever_stands_before_it() {
        let plain = zip(&["MG5.pdf", "MG6D Ferret.pdf"], b"gnome");
        let empty = zip(&[], b"");
        // A program that unpacks itself, one disk of several, one that was to be split and was not (APPNOTE.TXT 8.5.4-8.5.5), and an empty one.
        for before in [&b"MZ a program"[..], b"PK\x07\x08", b"PK00", &empty, b"\n"] {
            let whole = [before, &plain].concat();
            assert_eq!(names(&whole), ["MG5.pdf", "MG6D Ferret.pdf"], "{before:?}");
            // With an empty one behind it, and without its own end.
            assert_eq!(names(&[&whole, &empty[..]].concat()), ["MG5.pdf", "MG6D Ferret.pdf"], "{before:?}");
            assert_eq!(names(&whole[..whole.len() - 30]), ["MG5.pdf", "MG6D Ferret.pdf"], "{before:?}");
        }
        // One disk of several, without the directory: what is on the others nobody knows.
        let first = [&b"PK\x07\x08"[..], &plain[..60]].concat();
        assert!(read(&first).unwrap().more);
        assert!(!read(&plain[..60]).unwrap().more);
        let large = [b"MZ".to_vec(), zip(&["film.mp4", "MG6D.pdf"], &vec![7; 3 * TAIL_MAX])].concat();
        assert_eq!(names(&large), ["film.mp4", "MG6D.pdf"]);
        // An end that leads nowhere, in a file of which not all is held.
        let mut odd = large.clone();
        let at = memchr::memmem::rfind(&large, b"PK\x01\x02").unwrap();
        odd[at] = b'Q';
        assert!(read(&odd).unwrap().more);
        assert_eq!(read(&vec![7; 3 * TAIL_MAX]), None);
    }

    #[test]
    fn what_is_cut_off_or_damaged_says_its_names_all_the_same() {
        let plain = zip(&["MG5.pdf", "MG6D Ferret.pdf"], b"gnome");
        for end in (40..plain.len()).step_by(7) {
            assert_eq!(names(&plain[..end])[0], "MG5.pdf", "{end}");
        }
        let mut damaged = plain.clone();
        let at = memchr::memmem::find(&plain, b"PK\x01\x02").unwrap();
        damaged[at] = b'Q';
        assert_eq!(names(&damaged), ["MG5.pdf", "MG6D Ferret.pdf"]);
        // Another end behind it.
        let hidden = [plain.clone(), zip(&[], b"")].concat();
        assert_eq!(names(&hidden), ["MG5.pdf", "MG6D Ferret.pdf"]);
        // Whatever numbers stand there.
        for at in plain.len() - 30..plain.len() {
            let mut odd = plain.clone();
            odd[at] = 0xff;
            assert!(read(&odd).is_some());
        }
    }

    #[test]
    fn more_names_than_are_given_are_told_and_a_large_one_is_not_held() {
        let many: Vec<String> = (0..=NAMES_MAX).map(|number| number.to_string()).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let found = read(&zip(&many, b"")).unwrap();
        assert_eq!((found.names.len(), found.more), (NAMES_MAX, true));
        let large = zip(&["film.mp4", "MG6D.pdf"], &vec![7; 3 * TAIL_MAX]);
        let mut tail = Tail::default();
        for piece in large.chunks(100_000) {
            tail.write_all(piece).unwrap();
            assert!(tail.tail.len() <= 2 * TAIL_MAX + 100_000);
        }
        let found = tail.names().unwrap();
        assert_eq!((found.names, found.more), (vec!["film.mp4".to_owned(), "MG6D.pdf".to_owned()], false));
        // Without its directory nobody knows what is in it.
        let mut tail = Tail::default();
        tail.write_all(&large[..large.len() - 100]).unwrap();
        assert!(tail.names().unwrap().more);
    }

    #[test]
    fn a_zip_is_told_by_its_name_or_type() {
        assert!(may_be("IDPC.ZIP", "application/octet-stream") && may_be("x", "application/x-zip-compressed"));
        assert!(may_be("unpacks.exe", "application/octet-stream"));
        assert!(!may_be("MG5.docx", "application/vnd.openxmlformats") && !may_be("x.gz", "application/gzip"));
    }
}
