//! A plaintext that is too large to be held: sealed, in a file without a name, under a key that only the memory of this process knows.
//!
//! With whoever holds it, or with the process, it is gone, and nothing of it can be read on the disk, neither before nor after. Any place is
//! read at once. Every chunk is sealed for its place, and how many bytes there are is known to the holder alone, so that what was changed,
//! moved or cut off is an error of kind `InvalidData` where it is met.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags};
use zeroize::Zeroizing;

use super::blob;
use super::space;
use super::vault::{DataKey, OVERHEAD, Sealer};

const CHUNK: usize = 64 << 10;
/// Bytes between two looks at how much room there is.
const LOOK_BYTES: u64 = 4 << 20;

fn place(index: u64) -> Vec<u8> {
    [b"spool/1/".as_slice(), &index.to_be_bytes()].concat()
}

/// A file that no name leads to.
fn nameless(dir: &Path) -> io::Result<File> {
    let (flags, mode) = (OFlags::RDWR | OFlags::EXCL | OFlags::CLOEXEC, Mode::RUSR | Mode::WUSR);
    if let Ok(file) = rustix::fs::openat(CWD, dir, flags | OFlags::TMPFILE, mode) {
        return Ok(file.into());
    }
    // A file system that cannot: one whose name is taken away at once. Should that fail, it looks like a blob that nothing names.
    let path = blob::path(dir, &blob::fresh_name());
    let file = rustix::fs::openat(CWD, &path, flags | OFlags::CREATE | OFlags::NOFOLLOW, mode)?;
    std::fs::remove_file(&path)?;
    Ok(file.into())
}

/// A spool that is being written.
pub struct Writer {
    file: File,
    sealer: Sealer,
    index: u64,
    chunk: Zeroizing<Vec<u8>>,
    bytes: u64,
    /// Where room is looked for, and how many bytes are left free there.
    room: (PathBuf, u64),
}

impl Writer {
    /// Begins one on the file system of a directory, of which so many bytes are left free: whatever else is written there needs them.
    ///
    /// # Errors
    /// `StorageFull`, with words, where there is no room; as the system says.
    pub fn create(dir: &Path, leave_free: u64) -> io::Result<Self> {
        let (file, sealer) = (nameless(dir)?, DataKey::random().sealer("spool"));
        let chunk = Zeroizing::new(Vec::with_capacity(CHUNK));
        Ok(Self { file, sealer, index: 0, chunk, bytes: 0, room: (dir.to_owned(), leave_free) })
    }

    fn put(&mut self) -> io::Result<()> {
        if self.index.is_multiple_of(LOOK_BYTES / CHUNK as u64) {
            let (place, leave_free) = &self.room;
            space::check(place, leave_free.saturating_add(LOOK_BYTES))
                .map_err(|full| io::Error::new(io::ErrorKind::StorageFull, full))?;
        }
        self.file.write_all(&self.sealer.seal(&place(self.index), &self.chunk))?;
        self.index += 1;
        self.chunk.clear();
        Ok(())
    }

    /// Nothing more comes: what was written can be read.
    ///
    /// # Errors
    /// As [`Self::create`].
    pub fn finish(mut self) -> io::Result<Spool> {
        if !self.chunk.is_empty() {
            self.put()?;
        }
        Ok(Spool { file: self.file, sealer: self.sealer, bytes: self.bytes })
    }
}

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.chunk.len() == CHUNK {
            self.put()?;
        }
        let (now, _) = bytes.split_at(bytes.len().min(CHUNK - self.chunk.len()));
        self.chunk.extend_from_slice(now);
        self.bytes = self.bytes.saturating_add(now.len() as u64);
        Ok(now.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A spool that was written whole.
#[derive(Debug)]
pub struct Spool {
    file: File,
    sealer: Sealer,
    bytes: u64,
}

impl Spool {
    /// Reads from a place on.
    ///
    /// # Errors
    /// `InvalidData` where it was changed; as the system says.
    pub fn open(&self, at: u64) -> io::Result<Reader<'_>> {
        let (index, within) = (at / CHUNK as u64, usize::try_from(at % CHUNK as u64).unwrap_or_default());
        let mut reader = Reader { spool: self, next: index, chunk: Zeroizing::default(), at: 0 };
        reader.load()?;
        reader.at = within.min(reader.chunk.len());
        Ok(reader)
    }
}

/// Reads a spool.
pub struct Reader<'a> {
    spool: &'a Spool,
    next: u64,
    chunk: Zeroizing<Vec<u8>>,
    at: usize,
}

impl Reader<'_> {
    /// Opens the next chunk: an empty one behind the last.
    fn load(&mut self) -> io::Result<()> {
        let left = self.spool.bytes.saturating_sub(self.next.saturating_mul(CHUNK as u64));
        let bytes = usize::try_from(left).unwrap_or(CHUNK).min(CHUNK);
        (self.chunk, self.at) = (Zeroizing::default(), 0);
        if bytes == 0 {
            return Ok(());
        }
        let broken = || io::Error::new(io::ErrorKind::InvalidData, "a sealed spool is damaged");
        let mut sealed = vec![0; bytes + OVERHEAD];
        let place_of = self.next.saturating_mul((CHUNK + OVERHEAD) as u64);
        self.spool.file.read_exact_at(&mut sealed, place_of).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => broken(),
            _ => error,
        })?;
        self.chunk = self.spool.sealer.open(&place(self.next), &sealed).map_err(|_| broken())?;
        self.next += 1;
        Ok(())
    }
}

impl Read for Reader<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.at == self.chunk.len() {
            self.load()?;
        }
        let mut rest = self.chunk.get(self.at..).unwrap_or_default();
        let count = rest.read(into)?;
        self.at += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests;
