//! Raw messages in segments: files of about 64 MB that sealed records are appended to, one after the other.
//!
//! ```text
//! packs/00000001     "CMPACK" 0 1 ‖ epoch u32 LE ‖ 0 0 0 0, then records
//! record             nonce ‖ sealed zstd frame ‖ tag, for (mailbox, UIDVALIDITY, uid)
//! ```
//!
//! A segment does not know its records: the cache does ([`super::place`]), and how far each segment is written. What lies behind that is
//! the torn end of a crash and is cut off. A record is never changed: a message that goes leaves dead bytes behind, and a segment with too
//! many of them is rewritten by moving its living records to the newest segment, sealed as they are, and removed then. The epoch says which
//! keys the records are sealed under.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::file;
use super::place::Span;

const MAGIC: &[u8; 8] = b"CMPACK\0\x01";
/// Bytes before the first record.
pub const HEADER: u64 = 16;
/// A segment that has reached this takes no more records. Small enough to be rewritten in a second, large enough that a million messages
/// are a few hundred files.
pub const SEGMENT_BYTES: u64 = 64 << 20;
/// Segments kept open for reading.
const OPEN_MAX: usize = 32;

/// Segments with the bytes of each, and the paths of what is none.
pub type Listed = (Vec<(u32, u64)>, Vec<PathBuf>);

/// The segments below a directory.
#[derive(Debug)]
pub struct Packs {
    dir: PathBuf,
    open: Mutex<HashMap<u32, Arc<File>>>,
}

fn flags() -> i32 {
    rustix::fs::OFlags::NOFOLLOW.bits().cast_signed()
}

impl Packs {
    /// The segments below `dir`, which exists.
    #[must_use]
    pub fn new(dir: PathBuf) -> Self {
        Self { dir, open: Mutex::default() }
    }

    /// Where a segment lies.
    #[must_use]
    pub fn path(&self, segment: u32) -> PathBuf {
        self.dir.join(format!("{segment:08}"))
    }

    /// The segments that are there, with the bytes of each; other files are named by their paths.
    ///
    /// # Errors
    /// As the system says.
    pub fn list(&self) -> io::Result<Listed> {
        let (mut segments, mut foreign) = (Vec::new(), Vec::new());
        for entry in fs::read_dir(&self.dir)? {
            let entry = entry?;
            let name = entry.file_name();
            match name.to_str().filter(|name| name.len() == 8).and_then(|name| name.parse().ok()) {
                Some(segment) if entry.file_type()?.is_file() => segments.push((segment, entry.metadata()?.len())),
                _ => foreign.push(entry.path()),
            }
        }
        segments.sort_unstable();
        Ok((segments, foreign))
    }

    /// Makes a segment. It is on the disk when this returns.
    ///
    /// # Errors
    /// As the system says; nothing is left then.
    pub fn create(&self, segment: u32, epoch: u32) -> io::Result<()> {
        let place = self.path(segment);
        let file = file::create_private(&place)?;
        let write = || {
            let mut header = Vec::with_capacity(16);
            header.extend_from_slice(MAGIC);
            header.extend_from_slice(&epoch.to_le_bytes());
            header.extend_from_slice(&[0; 4]);
            file.write_all_at(&header, 0)?;
            file.sync_all()?;
            file::sync_dir(&self.dir)
        };
        write().inspect_err(|_| {
            let _ = fs::remove_file(&place);
        })
    }

    /// Whether a segment is one of ours, and which keys its records are sealed under.
    ///
    /// # Errors
    /// `InvalidData` where it is not; as the system says.
    pub fn epoch(&self, segment: u32) -> io::Result<u32> {
        let mut header = [0; HEADER as usize];
        self.file(segment)?.read_exact_at(&mut header, 0).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => broken(),
            _ => error,
        })?;
        let (magic, rest) = header.split_first_chunk::<8>().ok_or_else(broken)?;
        let epoch = rest.first_chunk::<4>().ok_or_else(broken)?;
        if magic == MAGIC { Ok(u32::from_le_bytes(*epoch)) } else { Err(broken()) }
    }

    /// Writes records at the end of a segment, one piece after the other. They are on the disk when this returns.
    ///
    /// # Errors
    /// As the system says; what was written is then to be taken for dead.
    pub fn append(&self, segment: u32, offset: u64, pieces: &[&[u8]]) -> io::Result<()> {
        let file = OpenOptions::new().write(true).custom_flags(flags()).open(self.path(segment))?;
        let mut at = offset;
        for piece in pieces {
            file.write_all_at(piece, at)?;
            at = at.saturating_add(piece.len() as u64);
        }
        file.sync_data()
    }

    /// A sealed record.
    ///
    /// # Errors
    /// `InvalidData` where the segment ends before it does, `NotFound` where the segment is gone; as the system says.
    pub fn read(&self, span: Span) -> io::Result<Vec<u8>> {
        let file = self.file(span.segment)?;
        let mut sealed = vec![0; span.length as usize];
        file.read_exact_at(&mut sealed, span.offset.into()).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => broken(),
            _ => error,
        })?;
        Ok(sealed)
    }

    /// Cuts off what lies behind `length`.
    ///
    /// # Errors
    /// As the system says.
    pub fn cut(&self, segment: u32, length: u64) -> io::Result<()> {
        let file = OpenOptions::new().write(true).custom_flags(flags()).open(self.path(segment))?;
        file.set_len(length)?;
        file.sync_all()
    }

    /// Removes a segment; whoever is just reading it can go on.
    ///
    /// # Errors
    /// As the system says.
    pub fn remove(&self, segment: u32) -> io::Result<()> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&segment);
        match fs::remove_file(self.path(segment)) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn file(&self, segment: u32) -> io::Result<Arc<File>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = open.get(&segment) {
            return Ok(Arc::clone(file));
        }
        let file = Arc::new(file::open_private(&self.path(segment))?);
        if open.len() >= OPEN_MAX {
            open.clear();
        }
        open.insert(segment, Arc::clone(&file));
        Ok(file)
    }
}

fn broken() -> io::Error {
    io::Error::new(ErrorKind::InvalidData, "a segment of raw messages is damaged")
}

/// The directory of the segments below that of the cache.
#[must_use]
pub fn dir(cache: &Path) -> PathBuf {
    cache.join("packs")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::ErrorKind;

    use super::{HEADER, Packs};
    use crate::store::place::Span;

    fn span(segment: u32, offset: u64, length: u32) -> Span {
        Span { segment, offset: u32::try_from(offset).unwrap(), length }
    }

    #[test]
    fn records_are_read_where_they_were_written() {
        let tmp = tempfile::tempdir().unwrap();
        let packs = Packs::new(tmp.path().to_owned());
        packs.create(1, 7).unwrap();
        packs.append(1, HEADER, &[b"one", b"three"]).unwrap();
        assert_eq!(packs.epoch(1).unwrap(), 7);
        assert_eq!(packs.read(span(1, HEADER + 3, 5)).unwrap(), b"three");
        assert_eq!(packs.read(span(1, HEADER + 3, 6)).unwrap_err().kind(), ErrorKind::InvalidData);
        assert_eq!(packs.read(span(2, HEADER, 1)).unwrap_err().kind(), ErrorKind::NotFound);
        packs.cut(1, HEADER + 3).unwrap();
        assert_eq!(packs.read(span(1, HEADER + 3, 5)).unwrap_err().kind(), ErrorKind::InvalidData);
        assert_eq!(packs.create(1, 7).unwrap_err().kind(), ErrorKind::AlreadyExists);
    }

    #[test]
    fn foreign_files_are_told_apart_and_a_removed_segment_is_gone() {
        let tmp = tempfile::tempdir().unwrap();
        let packs = Packs::new(tmp.path().to_owned());
        packs.create(12, 0).unwrap();
        for name in ["note", "0000001x", "1"] {
            fs::write(tmp.path().join(name), "x").unwrap();
        }
        let (segments, foreign) = packs.list().unwrap();
        assert_eq!((segments, foreign.len()), (vec![(12, HEADER)], 3));
        packs.remove(12).unwrap();
        packs.remove(12).unwrap();
        assert_eq!(packs.list().unwrap().0, []);
    }

    #[test]
    fn a_file_that_is_no_segment_is_refused() {
        let tmp = tempfile::tempdir().unwrap();
        let packs = Packs::new(tmp.path().to_owned());
        for (segment, content) in [(1, b"".as_slice()), (2, b"short"), (3, b"something else of 16 bytes")] {
            fs::write(packs.path(segment), content).unwrap();
            assert_eq!(packs.epoch(segment).unwrap_err().kind(), ErrorKind::InvalidData);
        }
    }
}
