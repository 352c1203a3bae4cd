//! A large raw message as a sealed file: compressed, cut into chunks, each sealed for its file, its place and whether it is the last.
//!
//! One that was fetched in pieces lies here in the form in which it came together: see [`super::partial`].
//!
//! The file's name is random and says nothing. A chunk that is damaged, missing, doubled, moved or cut off at the end is an error of
//! kind `InvalidData` where it is met. Neither writing nor reading holds more than a chunk.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use super::file;
use super::partial;
use super::vault::{OVERHEAD, Sealer};

const MAGIC: &[u8; 8] = b"CMBLOB\0\x01";
const CHUNK: usize = 64 << 10;
/// Large messages are base64 for the most part, on which higher levels gain nothing.
const LEVEL: i32 = 1;
/// Files that are synced at the same time: the file system makes one commit of what is asked for together.
const SYNC_THREADS: usize = 8;

/// The name of a blob: random.
pub type Name = [u8; 16];

/// A name that nothing has yet.
#[must_use]
pub fn fresh_name() -> Name {
    super::vault::random()
}

/// Where a blob lies below the directory of all.
#[must_use]
pub fn path(dir: &Path, name: &Name) -> PathBuf {
    dir.join(hex::encode(name))
}

fn place(name: &Name, index: u64, last: bool) -> Vec<u8> {
    [b"blob/1/", name.as_slice(), &index.to_be_bytes(), &[u8::from(last)]].concat()
}

/// Seals chunks into a file.
struct ChunkWriter {
    out: BufWriter<File>,
    sealer: Sealer,
    name: Name,
    index: u64,
    chunk: Vec<u8>,
}

impl ChunkWriter {
    fn put(&mut self, last: bool) -> io::Result<()> {
        let sealed = self.sealer.seal(&place(&self.name, self.index, last), &self.chunk);
        self.out.write_all(&sealed)?;
        self.index += 1;
        self.chunk.clear();
        Ok(())
    }
}

impl Write for ChunkWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.chunk.len() == CHUNK {
            self.put(false)?;
        }
        let (now, _) = bytes.split_at(bytes.len().min(CHUNK - self.chunk.len()));
        self.chunk.extend_from_slice(now);
        Ok(now.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes a blob from a reader; gives the number of bytes read. It is on the disk when this returns.
///
/// # Errors
/// As the system says; what was written is removed.
pub fn write(dir: &Path, name: &Name, sealer: &Sealer, content: &mut dyn Read) -> io::Result<u64> {
    let bytes = write_unsynced(dir, name, sealer, content)?;
    sync(dir, &[*name])?;
    Ok(bytes)
}

/// Brings blobs to the disk, all of them together: one by one, each would wait for a commit of the file system of its own.
///
/// # Errors
/// As the system says.
pub fn sync(dir: &Path, names: &[Name]) -> io::Result<()> {
    if names.is_empty() {
        return Ok(());
    }
    let share = names.len().div_ceil(SYNC_THREADS).max(1);
    std::thread::scope(|scope| {
        let threads: Vec<_> = names
            .chunks(share)
            .map(|names| scope.spawn(|| names.iter().try_for_each(|name| File::open(path(dir, name))?.sync_all())))
            .collect();
        threads.into_iter().try_for_each(|thread| {
            thread.join().unwrap_or_else(|_| Err(io::Error::other("a file could not be synced")))
        })
    })?;
    file::sync_dir(dir)
}

/// As [`write()`], but it may not be on the disk yet: [`sync`] has to follow before anything names it.
///
/// # Errors
/// As the system says; what was written is removed.
pub fn write_unsynced(dir: &Path, name: &Name, sealer: &Sealer, content: &mut dyn Read) -> io::Result<u64> {
    let place = path(dir, name);
    let mut write = || {
        let mut out = BufWriter::new(file::create_private(&place)?);
        out.write_all(MAGIC)?;
        let chunks =
            ChunkWriter { out, sealer: sealer.clone(), name: *name, index: 0, chunk: Vec::with_capacity(CHUNK) };
        let mut packer = zstd::stream::write::Encoder::new(chunks, LEVEL)?;
        let bytes = io::copy(content, &mut packer)?;
        let mut chunks = packer.finish()?;
        chunks.put(true)?;
        chunks.out.into_inner().map_err(io::IntoInnerError::into_error)?;
        Ok(bytes)
    };
    let outcome = write();
    if outcome.is_err() {
        let _ = std::fs::remove_file(&place);
    }
    outcome
}

/// Opens chunks from a file.
struct ChunkReader {
    input: BufReader<File>,
    sealer: Sealer,
    name: Name,
    index: u64,
    chunk: Vec<u8>,
    at: usize,
    done: bool,
}

fn broken() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a sealed file is damaged")
}

impl ChunkReader {
    fn next(&mut self) -> io::Result<()> {
        let mut sealed = Vec::with_capacity(CHUNK + OVERHEAD);
        self.input.by_ref().take((CHUNK + OVERHEAD) as u64).read_to_end(&mut sealed)?;
        // A chunk is the last where nothing follows; the seal says whether that is so, which finds a file that was cut off.
        let last = io::BufRead::fill_buf(&mut self.input)?.is_empty();
        let plain = self.sealer.open(&place(&self.name, self.index, last), &sealed).map_err(|_| broken())?;
        self.chunk.clear();
        self.chunk.extend_from_slice(&plain);
        (self.at, self.done) = (0, last);
        self.index += 1;
        Ok(())
    }
}

impl Read for ChunkReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.at == self.chunk.len() && !self.done {
            self.next()?;
        }
        let mut rest = self.chunk.get(self.at..).unwrap_or_default();
        let count = rest.read(into)?;
        self.at += count;
        Ok(count)
    }
}

/// Opens a blob for reading.
///
/// # Errors
/// As the system says; `InvalidData` where it is damaged, also while reading.
pub fn read(dir: &Path, name: &Name, sealer: &Sealer) -> io::Result<Box<dyn Read + Send>> {
    let mut input = BufReader::new(file::open_private(&path(dir, name))?);
    let mut magic = [0; 8];
    input.read_exact(&mut magic).map_err(|_| broken())?;
    if &magic == partial::WHOLE {
        return Ok(Box::new(partial::whole(input, sealer, *name)?));
    }
    if &magic != MAGIC {
        return Err(broken());
    }
    let chunks =
        ChunkReader { input, sealer: sealer.clone(), name: *name, index: 0, chunk: Vec::new(), at: 0, done: false };
    Ok(Box::new(Whole(zstd::stream::read::Decoder::new(chunks)?)))
}

/// zstd's decoder ends where the frame ends; a blob that is cut off in the frame is an error of another kind there.
struct Whole<R: Read>(R);

impl<R: Read> Read for Whole<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.read(into).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => broken(),
            _ => error,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::{self, Read};

    use super::{CHUNK, Name, OVERHEAD, path, read, write};
    use crate::store::vault::{Cost, Sealer, Vault};

    fn sealer(dir: &std::path::Path) -> Sealer {
        Vault::create_with(&dir.join("vault"), b"otter", Cost::TEST).unwrap().sealer("blob", b"")
    }

    /// Bytes that do not compress, so that there are several chunks.
    fn noise(length: usize) -> Vec<u8> {
        let mut seed = 7_u64;
        let mut next = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 56) as u8
        };
        (0..length).map(|_| next()).collect()
    }

    fn whole(dir: &std::path::Path, name: &Name, sealer: &Sealer) -> io::Result<Vec<u8>> {
        let mut found = Vec::new();
        read(dir, name, sealer)?.read_to_end(&mut found)?;
        Ok(found)
    }

    #[test]
    fn any_length_round_trips() {
        let tmp = tempfile::tempdir().unwrap();
        let sealer = sealer(tmp.path());
        for (index, length) in [0, 1, CHUNK - 20, CHUNK, 3 * CHUNK, 5 * CHUNK + 17].into_iter().enumerate() {
            let (content, name) = (noise(length), [index as u8; 16]);
            assert_eq!(write(tmp.path(), &name, &sealer, &mut content.as_slice()).unwrap(), length as u64);
            assert_eq!(whole(tmp.path(), &name, &sealer).unwrap(), content);
        }
    }

    #[test]
    fn damage_cutting_moving_and_swapping_are_found() {
        let tmp = tempfile::tempdir().unwrap();
        let sealer = sealer(tmp.path());
        let (one, two) = ([1; 16], [2; 16]);
        write(tmp.path(), &one, &sealer, &mut noise(4 * CHUNK).as_slice()).unwrap();
        let bytes = fs::read(path(tmp.path(), &one)).unwrap();
        let check = |what: &str, altered: &[u8], name: &Name| {
            fs::write(path(tmp.path(), name), altered).unwrap();
            let error = whole(tmp.path(), name, &sealer).map(|found| found.len()).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{what}");
        };
        let chunk = CHUNK + OVERHEAD;
        check("another name", &bytes, &two);
        check("cut at a chunk", &bytes[..8 + 2 * chunk], &one);
        check("cut in a chunk", &bytes[..bytes.len() - 1], &one);
        check("magic alone", &bytes[..8], &one);
        check("empty", &[], &one);
        let mut swapped = bytes.clone();
        swapped[8..8 + chunk].copy_from_slice(&bytes[8 + chunk..8 + 2 * chunk]);
        check("a chunk doubled", &swapped, &one);
        for at in [0, 9, chunk, bytes.len() - 1] {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1;
            check("a flipped bit", &flipped, &one);
        }
    }
}
