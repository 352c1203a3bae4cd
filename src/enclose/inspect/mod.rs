//! What is in a file that should not leave, or will not arrive. By its content and not by its name, but for scripts, which are text.
//!
//! A file is read through once in pieces, and at the places that its format names: whatever its size, little of it is held. What cannot be read is
//! no finding: a damaged file is the sender's own affair.

mod budget;
mod compound;
mod office;
mod pdf;
mod picture;
mod sift;

use std::io::{Cursor, Read, Seek, SeekFrom};

use zip::ZipArchive;

use self::budget::{BYTES_MAX, Budget};
use super::policy::Policy;

/// How much stands against sending a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// Worth knowing.
    Tell,
    /// A person has to say yes to it.
    Ask,
    /// A person has to give a reason.
    Reason,
}

/// Something that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// A stable name for scripts and for the record.
    pub code: &'static str,
    /// How much stands against it.
    pub grade: Grade,
    /// What was found, in words that follow the file's name: `has macros (a VBA project)`.
    pub found: String,
    /// What to do about it.
    pub cure: &'static str,
}

impl Told {
    fn new(code: &'static str, grade: Grade, found: impl Into<String>, cure: &'static str) -> Self {
        Self { code, grade, found: found.into(), cure }
    }

    fn macros(what: &str) -> Self {
        Self::new(
            "macro-file",
            Grade::Ask,
            format!("has macros ({what}): gateways drop such files"),
            "Send it without them: as .docx or .xlsx, or as a PDF.",
        )
    }

    fn locked(what: &str) -> Self {
        Self::new(
            "locked-file",
            Grade::Ask,
            format!("is {what} that is locked with a password: gateways cannot look into it and drop it"),
            "Send it without a password, or encrypt the message with OpenPGP.",
        )
    }

    fn program(what: &str) -> Self {
        Self::new(
            "program-file",
            Grade::Reason,
            format!("{what}: gateways drop such files"),
            "Leave it out, or send what it shows as a PDF.",
        )
    }

    fn traces(found: &[String]) -> Option<Self> {
        let cure = "The recipient sees all of it: accept or remove it, or send a PDF made anew.";
        (!found.is_empty()).then(|| Self::new("hidden-content", Grade::Ask, format!("holds {}", in_a_row(found)), cure))
    }

    fn author(names: &[(&str, String)]) -> Option<Self> {
        let named: Vec<String> = names.iter().map(|(what, name)| format!("{what} \u{201c}{name}\u{201d}")).collect();
        (!named.is_empty())
            .then(|| Self::new("names-author", Grade::Tell, format!("names its {}", in_a_row(&named)), ""))
    }
}

/// `a, b and c`.
fn in_a_row(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

/// So many of something.
fn count(number: usize, one: &str, many: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {many}") }
}

/// Entries of an archive that are looked at.
const ENTRIES_MAX: usize = 10_000;
/// Unpacked bytes of a document within an archive that is held to be looked into. Pictures and films that have more are read through.
const WITHIN_MAX: u64 = 32 << 20;
/// Documents within an archive that are looked into.
const WITHIN_COUNT: usize = 100;

/// Looks into a file. What was found comes in the order of its weight.
pub fn inspect<R: Read + Seek>(name: &str, content: &mut R, policy: &Policy) -> Vec<Told> {
    within(name, content, policy, BYTES_MAX)
}

/// Looks into a file, as far as so many unpacked bytes go.
fn within<R: Read + Seek>(name: &str, content: &mut R, policy: &Policy, bytes: u64) -> Vec<Told> {
    let mut budget = Budget::new(bytes);
    let mut told = look(name, content, policy, true, &mut budget);
    if budget.is_cut() {
        told.push(Told::new(
            "not-looked-into",
            Grade::Ask,
            "was not looked into whole: it unpacks to more than is read here",
            "Look yourself for what should not leave, or send a PDF made anew.",
        ));
    }
    told.sort_by_key(|one| std::cmp::Reverse(one.grade));
    told
}

fn look<R: Read + Seek>(name: &str, content: &mut R, policy: &Policy, whole: bool, budget: &mut Budget) -> Vec<Told> {
    let head = head(content);
    let starts = |magic: &[u8]| head.starts_with(magic);
    if let Some(what) = program(&head) {
        return vec![Told::program(&format!("is {what}, whatever its name says"))];
    }
    let named = policy.is_program(name).then(|| Told::program("is named like a program or a script"));
    let mut told: Vec<Told> = named.into_iter().collect();
    match () {
        () if starts(b"PK\x03\x04") || starts(b"PK\x05\x06") => {
            told.extend(package(content, policy, whole, budget));
        }
        () if starts(&compound::MAGIC) => told.extend(compound::inspect(content)),
        () if memchr::memmem::find(head.get(..1024).unwrap_or(&head), b"%PDF-").is_some() => {
            told.extend(pdf::inspect(content, budget));
        }
        () if starts(b"7z\xbc\xaf\x27\x1c") => told.extend(seven(content)),
        () if starts(b"Rar!\x1a\x07") => told.extend(rar(content, &head)),
        () if picture::is_it(&head) => told.extend(picture::inspect(&mut picture::Whole(content))),
        () => {}
    }
    told
}

/// The first bytes; fewer where there are no more.
fn head<R: Read + Seek>(content: &mut R) -> Vec<u8> {
    let mut head = Vec::new();
    if content.seek(SeekFrom::Start(0)).is_ok() {
        let _ = content.by_ref().take(4096).read_to_end(&mut head);
    }
    head
}

/// A program, by its first bytes.
fn program(head: &[u8]) -> Option<&'static str> {
    let starts = |magic: &[u8]| head.starts_with(magic);
    match () {
        () if starts(b"\x7fELF") => Some("a Linux program"),
        // A text may begin with these two letters; a program has a table of sections behind them.
        () if starts(b"MZ") && head.len() >= 64 && head.iter().take(64).any(|byte| *byte == 0) => {
            Some("a Windows program")
        }
        () if starts(b"\xfe\xed\xfa\xce") || starts(b"\xfe\xed\xfa\xcf") => Some("a macOS program"),
        () if starts(b"\xce\xfa\xed\xfe") || starts(b"\xcf\xfa\xed\xfe") => Some("a macOS program"),
        () if starts(b"\xca\xfe\xba\xbe") => Some("a Java or macOS program"),
        () if starts(b"L\0\0\0\x01\x14\x02\0") => Some("a Windows shortcut"),
        () if starts(b"#!") && !starts(b"#!#") => Some("a script"),
        () => None,
    }
}

/// An archive or a document that is one: by its directory, and the parts of a document that say something of it.
fn package<R: Read + Seek>(content: &mut R, policy: &Policy, whole: bool, budget: &mut Budget) -> Vec<Told> {
    let mut told = Vec::new();
    let Ok(mut archive) = ZipArchive::new(content) else { return told };
    if let Some(of_document) = office::inspect(&mut archive, budget) {
        return of_document;
    }
    let (mut locked, mut programs, mut within, mut large) = (0_usize, Vec::new(), Vec::new(), Vec::new());
    let mut classes = 0_usize;
    for at in 0..archive.len().min(ENTRIES_MAX) {
        let Ok(entry) = archive.by_index_raw(at) else { continue };
        let name = entry.name().to_owned();
        locked += usize::from(entry.encrypted());
        classes += usize::from(name.ends_with(".class"));
        if policy.is_program(&name) {
            programs.push(name);
        } else if !entry.encrypted() && entry.is_file() && within.len() + large.len() < WITHIN_COUNT {
            let list = if entry.size() <= WITHIN_MAX { &mut within } else { &mut large };
            list.push((at, name));
        }
    }
    if locked > 0 {
        told.push(Told::locked("an archive (zip)"));
    }
    if classes > 0 && archive.index_for_name("META-INF/MANIFEST.MF").is_some() {
        told.push(Told::program("is a Java program"));
    }
    if let Some(first) = programs.first() {
        let more = if programs.len() > 1 { format!(" and {} more", programs.len() - 1) } else { String::new() };
        told.push(Told::program(&format!("holds \u{201c}{first}\u{201d}{more}, named like a program or a script")));
    }
    if !whole {
        return told;
    }
    for (at, name) in within {
        let Ok(entry) = archive.by_index(at) else { continue };
        let mut unpacked = Vec::new();
        // A directory may lie about what it holds.
        if budget.over(entry, WITHIN_MAX).read_to_end(&mut unpacked).is_err() {
            continue;
        }
        told.extend(held(&name, look(&name, &mut Cursor::new(unpacked), policy, false, budget)));
    }
    for (at, name) in large {
        let mut head = Vec::new();
        if let Ok(entry) = archive.by_index(at) {
            let _ = entry.take(64).read_to_end(&mut head);
        }
        if picture::is_it(&head) {
            told.extend(held(&name, picture::inspect(&mut Member { archive: &mut archive, at, budget: &mut *budget })));
        }
    }
    told
}

/// What was found in a file within an archive, said of the archive.
fn held(name: &str, found: Vec<Told>) -> impl Iterator<Item = Told> {
    let found = found.into_iter().filter(|one| one.grade > Grade::Tell);
    found.map(move |one| Told { found: format!("holds \u{201c}{name}\u{201d}, which {}", one.found), ..one })
}

/// A file within an archive, unpacked anew for each place that is read, and never held.
struct Member<'a, R> {
    archive: &'a mut ZipArchive<R>,
    at: usize,
    budget: &'a mut Budget,
}

impl<R: Read + Seek> picture::Source for Member<'_, R> {
    fn sift(&mut self, overlap: usize, each: &mut dyn FnMut(&[u8], u64)) {
        if let Ok(entry) = self.archive.by_index(self.at) {
            sift::through(&mut self.budget.over(entry, u64::MAX), overlap, each);
        }
    }

    fn at(&mut self, place: u64, bytes: u64) -> Vec<u8> {
        let mut found = Vec::new();
        if let Ok(mut entry) = self.archive.by_index(self.at)
            && place < entry.size()
            && self.budget.skip(&mut entry, place)
        {
            let _ = self.budget.over(entry, u64::MAX).take(bytes).read_to_end(&mut found);
        }
        found
    }
}

/// A 7z archive. Its directory is packed as a rule: that it has a password can be seen only where it shows.
fn seven<R: Read + Seek>(content: &mut R) -> Vec<Told> {
    let mut found = false;
    // The method AES-256 with SHA-256, as 7-Zip names it (DOC/Methods.txt), with the length of its name before it.
    sift::sift(content, 64, |window, _| found |= memchr::memmem::find(window, b"\x24\x06\xf1\x07\x01").is_some());
    if found {
        return vec![Told::locked("an archive (7z)")];
    }
    vec![Told::new(
        "unread-archive",
        Grade::Ask,
        "is an archive (7z) that many gateways cannot look into and drop; whether it has a password cannot be seen here",
        "Send a zip instead, or the files themselves.",
    )]
}

/// A RAR archive: of version 5 by its blocks, before that by the flags of its heads.
fn rar<R: Read + Seek>(content: &mut R, head: &[u8]) -> Vec<Told> {
    let locked = if head.get(6) == Some(&1) { rar5(content) } else { rar4(content) };
    if locked {
        return vec![Told::locked("an archive (rar)")];
    }
    vec![Told::new(
        "unread-archive",
        Grade::Ask,
        "is an archive (rar) that many gateways cannot look into and drop",
        "Send a zip instead, or the files themselves.",
    )]
}

fn rar4<R: Read + Seek>(content: &mut R) -> bool {
    let mut at = 7_u64;
    for _ in 0..ENTRIES_MAX {
        let mut head = [0_u8; 11];
        if content.seek(SeekFrom::Start(at)).is_err() || content.read_exact(&mut head).is_err() {
            return false;
        }
        let [_, _, kind, f0, f1, s0, s1, d0, d1, d2, d3] = head;
        let flags = u16::from_le_bytes([f0, f1]);
        match kind {
            // The main head: all heads behind it are encrypted.
            0x73 if flags & 0x0080 != 0 => return true,
            // A file.
            0x74 if flags & 0x0004 != 0 => return true,
            _ => {}
        }
        let long = flags & 0x8000 != 0 || kind == 0x74;
        let data = if long { u64::from(u32::from_le_bytes([d0, d1, d2, d3])) } else { 0 };
        let size = u64::from(u16::from_le_bytes([s0, s1]));
        if size < 7 {
            return false;
        }
        at = at.saturating_add(size).saturating_add(data);
    }
    false
}

fn rar5<R: Read + Seek>(content: &mut R) -> bool {
    let mut at = 8_u64;
    for _ in 0..ENTRIES_MAX {
        let mut bytes = Vec::new();
        if content.seek(SeekFrom::Start(at)).is_err() || content.by_ref().take(8192).read_to_end(&mut bytes).is_err() {
            return false;
        }
        let mut rest = bytes.get(4..).unwrap_or_default();
        let mut number = || {
            let mut value = 0_u64;
            for shift in (0..63).step_by(7) {
                let (byte, others) = rest.split_first()?;
                rest = others;
                value |= u64::from(byte & 0x7f) << shift;
                if byte & 0x80 == 0 {
                    return Some(value);
                }
            }
            None
        };
        let Some(size) = number() else { return false };
        let (Some(kind), Some(flags)) = (number(), number()) else { return false };
        let extra = if flags & 1 != 0 { number() } else { Some(0) };
        let data = if flags & 2 != 0 { number() } else { Some(0) };
        let (Some(extra), Some(data)) = (extra, data) else { return false };
        match kind {
            // The archive is encrypted as a whole.
            4 => return true,
            // A file or a service: its extra records stand at the end of its head; record 1 is that it is encrypted.
            2 | 3 => {
                let sized = 4 + length_of(size);
                let end = usize::try_from(sized.saturating_add(size)).unwrap_or(usize::MAX);
                let begin = end.saturating_sub(usize::try_from(extra).unwrap_or(usize::MAX));
                if extra_says_encrypted(bytes.get(begin..end.min(bytes.len())).unwrap_or_default()) {
                    return true;
                }
            }
            5 => return false,
            _ => {}
        }
        at = at.saturating_add(4 + length_of(size)).saturating_add(size).saturating_add(data);
    }
    false
}

/// Octets that a number takes in RAR 5.
fn length_of(value: u64) -> u64 {
    u64::from((64 - value.max(1).leading_zeros()).div_ceil(7))
}

fn extra_says_encrypted(mut records: &[u8]) -> bool {
    for _ in 0..64 {
        // Of one octet each, as a rule; a longer one is no encryption record, whose size is below 128.
        let [size, kind, ..] = records else { return false };
        if *kind == 1 {
            return true;
        }
        records = records.get(1 + usize::from(*size)..).unwrap_or_default();
    }
    false
}

#[cfg(test)]
mod tests;
