//! An export read again from the disk: by its own list of digests, its signature, and nothing else.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::ExportError;
use super::manifest::{DIGESTS, PROVENANCE, SIGNATURE, read_digests};

/// Directories within each other that are looked into.
const DEPTH_MAX: usize = 8;
/// A list of digests larger than this is none of ours.
const LIST_BYTES_MAX: u64 = 256 << 20;

/// Something that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The file.
    pub place: String,
    /// What is wrong, in words.
    pub what: String,
}

/// What came out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// Files whose digest was computed.
    pub checked: u64,
    /// What is wrong; nothing of it: all is as it was written.
    pub findings: Vec<Finding>,
    /// By whom it is signed, in words; empty where it is not.
    pub signed: Vec<String>,
    /// Somebody did not want it any more: what was not read may be anything.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub stopped: bool,
}

impl Verification {
    /// Whether all is as it was written.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.findings.is_empty() && !self.stopped
    }

    /// In words.
    #[must_use]
    pub fn words(&self) -> String {
        let signed = match self.signed.as_slice() {
            [] => "not signed".to_owned(),
            signed => signed.join("; "),
        };
        match (self.stopped, self.findings.first()) {
            (true, _) => format!("stopped after {} files: nothing is said of the rest", self.checked),
            (false, None) => format!("{} files as they were written; {signed}", self.checked),
            (false, Some(first)) => {
                let more = match self.findings.len() - 1 {
                    0 => String::new(),
                    count => format!("; and {count} more"),
                };
                format!("NOT as it was written: {} {}{more}", first.place, first.what)
            }
        }
    }

    fn find(&mut self, place: impl std::fmt::Display, what: impl std::fmt::Display) {
        self.findings.push(Finding { place: place.to_string(), what: what.to_string() });
    }
}

/// What a signature over a text is worth: in words, or why it is worth nothing.
pub type Judge<'a> = &'a dyn Fn(&[u8], &[u8]) -> Result<String, String>;

/// How far it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Far {
    /// Files that were read.
    pub files: u64,
    /// Of so many, as far as is known.
    pub of: u64,
    /// Bytes that were read.
    pub bytes: u64,
}

/// Called while files are read; `false` ends it.
pub type Told<'a> = &'a dyn Fn(Far) -> bool;

/// Reads an export, or the exports in the directories of this one.
#[must_use]
pub fn verify(dir: &Path, judge: Judge<'_>, told: Told<'_>) -> Verification {
    let mut all = Verification::default();
    let mut far = Far::default();
    if dir.join(DIGESTS).symlink_metadata().is_ok() {
        one(dir, "", judge, (&mut far, told), &mut all);
        return all;
    }
    let entries = std::fs::read_dir(dir).map(|entries| entries.flatten().collect::<Vec<_>>());
    let mut names: Vec<String> = match entries {
        Ok(entries) => entries.iter().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect(),
        Err(why) => {
            all.find(dir.display(), why);
            return all;
        }
    };
    names.sort();
    // One whose list was taken away is told by what stands beside it.
    let is_there = |name: &str, file: &str| dir.join(name).join(file).symlink_metadata().is_ok();
    names.retain(|name| is_there(name, DIGESTS) || is_there(name, PROVENANCE));
    if names.is_empty() {
        all.find(dir.display(), format!("holds no {DIGESTS}: it is no export, or one that was broken off"));
    }
    for name in names {
        one(&dir.join(&name), &format!("{name}/"), judge, (&mut far, told), &mut all);
        if all.stopped {
            break;
        }
    }
    all
}

/// Opens an ordinary file; nothing on the way to it below the directory may be a link.
fn open(dir: &Path, path: &str) -> std::io::Result<File> {
    let mut at = rustix::fs::openat(CWD, dir, OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::RDONLY, Mode::empty())?;
    let (parents, name) = path.rsplit_once('/').map_or((None, path), |(parents, name)| (Some(parents), name));
    for piece in parents.into_iter().flat_map(|parents| parents.split('/')) {
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::RDONLY;
        at = rustix::fs::openat(&at, piece, flags, Mode::empty())?;
    }
    let flags = OFlags::NOFOLLOW | OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = File::from(rustix::fs::openat(&at, name, flags, Mode::empty())?);
    if file.metadata()?.is_file() { Ok(file) } else { Err(std::io::Error::other("is no ordinary file")) }
}

fn digest(mut file: File, (far, told): (&mut Far, Told<'_>)) -> std::io::Result<String> {
    let (mut digest, mut piece) = (Sha256::new(), vec![0; 128 << 10]);
    loop {
        let count = file.read(&mut piece)?;
        if count == 0 {
            return Ok(hex::encode(digest.finalize()));
        }
        digest.update(piece.get(..count).unwrap_or_default());
        far.bytes = far.bytes.saturating_add(count as u64);
        if !told(*far) {
            return Err(std::io::Error::other(ExportError::Stopped));
        }
    }
}

/// What a manifest says of its signature.
#[derive(Deserialize)]
struct Signed {
    #[serde(default)]
    signed_by: Option<String>,
}

fn one(dir: &Path, prefix: &str, judge: Judge<'_>, (far, told): (&mut Far, Told<'_>), all: &mut Verification) {
    let read = |name: &str| {
        let mut content = Vec::new();
        open(dir, name).and_then(|file| file.take(LIST_BYTES_MAX).read_to_end(&mut content)).map(|_| content)
    };
    let list = match read(DIGESTS) {
        Ok(list) => list,
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => {
            return all
                .find(format!("{prefix}{DIGESTS}"), "is missing: it was taken away, or the export was broken off");
        }
        Err(why) => return all.find(format!("{prefix}{DIGESTS}"), why),
    };
    match read(SIGNATURE) {
        Ok(signature) => match judge(&list, &signature) {
            Ok(words) => all.signed.push(words),
            Err(words) => all.find(format!("{prefix}{SIGNATURE}"), words),
        },
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => {
            let signed: Option<Signed> = read(PROVENANCE).ok().and_then(|text| serde_json::from_slice(&text).ok());
            if let Some(signer) = signed.and_then(|signed| signed.signed_by) {
                let words = format!("is missing: {PROVENANCE} says that the list is signed by {signer:?}");
                all.find(format!("{prefix}{SIGNATURE}"), words);
            }
        }
        Err(why) => all.find(format!("{prefix}{SIGNATURE}"), why),
    }
    let text = String::from_utf8_lossy(&list);
    let lines = match read_digests(&text) {
        Ok(lines) => lines,
        Err(line) => {
            return all.find(format!("{prefix}{DIGESTS}"), format!("line {line} names no file of this directory"));
        }
    };
    let mut named: BTreeMap<String, ()> = BTreeMap::new();
    far.of = far.of.saturating_add(lines.len() as u64);
    for (expected, path) in lines {
        all.checked += 1;
        far.files = far.files.saturating_add(1);
        match open(dir, &path).and_then(|file| digest(file, (&mut *far, told))) {
            Err(why) if why.get_ref().is_some_and(|why| why.is::<ExportError>()) => {
                all.stopped = true;
                return;
            }
            Ok(found) if found == expected => {}
            Ok(found) => {
                all.find(format!("{prefix}{path}"), format!("was changed: its SHA-256 is {found}, not {expected}"))
            }
            Err(why) if why.kind() == std::io::ErrorKind::NotFound => all.find(format!("{prefix}{path}"), "is missing"),
            Err(why) => all.find(format!("{prefix}{path}"), why),
        }
        named.insert(path, ());
    }
    strangers(dir, "", prefix, &named, DEPTH_MAX, all);
}

/// What is there and was not written by the export.
fn strangers(
    dir: &Path,
    below: &str,
    prefix: &str,
    named: &BTreeMap<String, ()>,
    depth: usize,
    all: &mut Verification,
) {
    let entries = std::fs::read_dir(dir.join(below)).map(|entries| entries.flatten().collect::<Vec<_>>());
    let mut entries = match entries {
        Ok(entries) => entries,
        Err(why) => return all.find(format!("{prefix}{below}/"), format!("cannot be looked into: {why}")),
    };
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if below.is_empty() { name } else { format!("{below}/{name}") };
        // Not what a link leads to.
        let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_dir && depth > 0 {
            strangers(dir, &path, prefix, named, depth - 1, all);
        } else if !named.contains_key(&path) && path != DIGESTS && path != SIGNATURE {
            all.find(format!("{prefix}{path}"), "was not written by this export");
        }
    }
}
