//! The beginning of a large message, kept while it is fetched: what is here is not asked for again, not even after the program was killed.
//!
//! A file of pieces, each compressed, and sealed for its file and its number, appended as they come. The head says of which message they are and of
//! which size the server called it; a file that is of another is another message's. A piece that is torn or damaged costs itself and what follows:
//! it is cut off when the file is opened again. The file's name is random and says nothing. Once the message is whole, an end says how many pieces
//! there are, and the file moves as it is to where whole messages lie: [`super::blob::read`] reads it there ([`WHOLE`]).

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::file;
use super::vault::{OVERHEAD, Sealer};
use crate::mail::id::MailboxId;

/// How such a file begins, also where it is a whole message.
pub(super) const WHOLE: &[u8; 8] = b"CMPART\0\x02";
/// The largest piece; what claims to be larger is damage.
const PIECE_MAX: usize = 4 << 20;
/// Bytes of a piece that does not compress.
const FRAME_MAX: usize = PIECE_MAX + (PIECE_MAX >> 8) + 64;
/// As for all large messages: see [`super::blob`].
const LEVEL: i32 = 1;
/// The largest head.
const HEAD_MAX: usize = 1 << 10;
/// It is brought to the disk after so many bytes, while as many come: what a power failure can cost of it is twice that.
const SYNC_BYTES: u64 = 8 << 20;
/// A file that does not open is spared for so long: it may just be coming into being.
const YOUNG: Duration = Duration::from_secs(10 * 60);
/// What nobody came back for goes.
pub const KEPT: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// Of which message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Of {
    /// The mailbox in the cache, which is one UIDVALIDITY.
    pub mailbox: u32,
    /// RFC 9051 §2.3.1.1.
    pub uid_validity: u32,
    /// The UID.
    pub uid: u32,
    /// RFC822.SIZE, as the server said it when the message was listed.
    pub bytes: u32,
}

impl Of {
    /// Whether it is this message, of whatever size.
    #[must_use]
    pub fn is(&self, mailbox: MailboxId, uid: u32) -> bool {
        (self.mailbox, self.uid) == (mailbox.0, uid)
    }
}

/// What is here of a message.
#[derive(Debug)]
pub struct Partial {
    place: PathBuf,
    file: File,
    sealer: Sealer,
    name: [u8; 16],
    of: Of,
    /// Pieces.
    pieces: u64,
    /// Their bytes, unsealed.
    have: u64,
    /// Where the next piece goes.
    end: u64,
    unsynced: u64,
    /// What was written before is being brought to the disk.
    syncing: Option<JoinHandle<io::Result<()>>>,
}

fn broken() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "what was fetched of a message is damaged")
}

fn place_of(name: &[u8; 16], index: Option<u64>) -> Vec<u8> {
    let number = index.map_or(*b"headhead", u64::to_be_bytes);
    [b"part/2/", name.as_slice(), b"/", &number].concat()
}

fn place_of_end(name: &[u8; 16]) -> Vec<u8> {
    [b"part/2/", name.as_slice(), b"/theend"].concat()
}

/// What a whole message is closed with.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct End {
    pieces: u64,
    bytes: u64,
}

/// Bytes of what was compressed into a piece.
fn piece_bytes(frame: &[u8]) -> io::Result<usize> {
    let bytes = zstd::zstd_safe::get_frame_content_size(frame).ok().flatten().ok_or_else(broken)?;
    usize::try_from(bytes).ok().filter(|bytes| *bytes <= PIECE_MAX).ok_or_else(broken)
}

/// A length and what is sealed; `None` at the end of the file, an error where it is torn.
fn record(input: &mut impl Read, most: usize) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    let mut got = 0;
    while let Some(room) = length.get_mut(got..).filter(|room| !room.is_empty()) {
        match input.read(room)? {
            0 if got == 0 => return Ok(None),
            0 => return Err(broken()),
            n => got = got.saturating_add(n),
        }
    }
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if !(OVERHEAD..=most.saturating_add(OVERHEAD)).contains(&length) {
        return Err(broken());
    }
    let mut sealed = vec![0; length];
    input.read_exact(&mut sealed).map_err(|_| broken())?;
    Ok(Some(sealed))
}

fn put(out: &mut impl Write, sealed: &[u8]) -> io::Result<u64> {
    let length = u32::try_from(sealed.len()).map_err(io::Error::other)?;
    // One write, so that a full disk or a kill tears as little as can be.
    let record = [length.to_be_bytes().as_slice(), sealed].concat();
    out.write_all(&record)?;
    Ok(record.len() as u64)
}

impl Partial {
    /// What is here of this message, or an empty file for it. What is here of the same message with another size goes.
    ///
    /// # Errors
    /// As the system says.
    pub fn open(dir: &Path, sealer: &Sealer, of: Of) -> io::Result<Self> {
        file::private_dir(dir).map_err(io::Error::other)?;
        let mut found: Option<Self> = None;
        for place in files(dir)? {
            let Ok(mut partial) = Self::read_head(&place, sealer) else { continue };
            let same = (partial.of.mailbox, partial.of.uid) == (of.mailbox, of.uid);
            if partial.of == of && found.is_none() && partial.read_through().is_ok() {
                found = Some(partial);
            } else if same {
                remove(&place)?;
            }
        }
        match found {
            Some(partial) => Ok(partial),
            None => Self::create(dir, sealer, of),
        }
    }

    fn create(dir: &Path, sealer: &Sealer, of: Of) -> io::Result<Self> {
        let name = super::vault::random();
        let place = dir.join(hex::encode(name));
        let mut file = file::create_private(&place)?;
        let head = postcard::to_allocvec(&of).map_err(io::Error::other)?;
        file.write_all(WHOLE)?;
        let head = put(&mut file, &sealer.seal(&place_of(&name, None), &head))?;
        let end = (WHOLE.len() as u64).saturating_add(head);
        Ok(Self { place, file, sealer: sealer.clone(), name, of, pieces: 0, have: 0, end, unsynced: 0, syncing: None })
    }

    fn read_head(place: &Path, sealer: &Sealer) -> io::Result<Self> {
        let name = place.file_name().map(|name| hex::decode(name.to_string_lossy().as_bytes()).unwrap_or_default());
        let name: [u8; 16] = name.unwrap_or_default().try_into().map_err(|_| broken())?;
        let mut file = file::open_private(place)?;
        let mut magic = [0; 8];
        file.read_exact(&mut magic).map_err(|_| broken())?;
        if &magic != WHOLE {
            return Err(broken());
        }
        let sealed = record(&mut file, HEAD_MAX)?.ok_or_else(broken)?;
        let head = sealer.open(&place_of(&name, None), &sealed).map_err(|_| broken())?;
        let of: Of = postcard::from_bytes(&head).map_err(|_| broken())?;
        // For appending, once it is known to be ours.
        let mut file = fs::OpenOptions::new().read(true).write(true).open(place)?;
        let end = (WHOLE.len() as u64).saturating_add(4).saturating_add(sealed.len() as u64);
        file.seek(SeekFrom::Start(end))?;
        let place = place.to_owned();
        Ok(Self { place, file, sealer: sealer.clone(), name, of, pieces: 0, have: 0, end, unsynced: 0, syncing: None })
    }

    /// Reads all pieces, counts them, and cuts off what is no piece.
    fn read_through(&mut self) -> io::Result<()> {
        let mut input = BufReader::new(self.file.try_clone()?);
        loop {
            let sealed = match record(&mut input, FRAME_MAX) {
                Ok(Some(sealed)) => sealed,
                Ok(None) => break,
                Err(error) if error.kind() == io::ErrorKind::InvalidData => break,
                Err(error) => return Err(error),
            };
            let Ok(frame) = self.sealer.open(&place_of(&self.name, Some(self.pieces)), &sealed) else { break };
            let Ok(bytes) = piece_bytes(&frame) else { break };
            self.pieces = self.pieces.saturating_add(1);
            self.have = self.have.saturating_add(bytes as u64);
            self.end = self.end.saturating_add(4).saturating_add(sealed.len() as u64);
        }
        self.file.set_len(self.end)?;
        self.file.seek(SeekFrom::Start(self.end))?;
        Ok(())
    }

    /// Bytes of the message that are here.
    #[must_use]
    pub fn have(&self) -> u64 {
        self.have
    }

    /// Appends the bytes that follow those that are here.
    ///
    /// # Errors
    /// As the system says; what was here before is here still, and another try begins behind it.
    pub fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        for piece in bytes.chunks(PIECE_MAX) {
            let frame = zstd::bulk::compress(piece, LEVEL)?;
            let sealed = self.sealer.seal(&place_of(&self.name, Some(self.pieces)), &frame);
            match put(&mut self.file, &sealed) {
                Ok(written) => {
                    self.pieces = self.pieces.saturating_add(1);
                    self.have = self.have.saturating_add(piece.len() as u64);
                    self.end = self.end.saturating_add(written);
                    self.unsynced = self.unsynced.saturating_add(written);
                }
                Err(error) => {
                    let _ = self.file.set_len(self.end);
                    self.file.seek(SeekFrom::Start(self.end))?;
                    return Err(error);
                }
            }
            if self.unsynced >= SYNC_BYTES {
                self.sync_beside()?;
            }
        }
        Ok(())
    }

    /// Brings what was written to the disk while more is written: a disk that takes its time holds up no line.
    fn sync_beside(&mut self) -> io::Result<()> {
        self.synced()?;
        let file = self.file.try_clone()?;
        match thread::Builder::new().name("sync".to_owned()).spawn(move || file.sync_data()) {
            Ok(syncing) => self.syncing = Some(syncing),
            // No more threads: then it takes its time.
            Err(_) => self.file.sync_data()?,
        }
        self.unsynced = 0;
        Ok(())
    }

    /// Waits until what was to be brought to the disk is there.
    fn synced(&mut self) -> io::Result<()> {
        let Some(syncing) = self.syncing.take() else { return Ok(()) };
        syncing.join().unwrap_or_else(|_| Err(io::Error::other("what was fetched could not be brought to the disk")))
    }

    /// What is here as a stream, which holds a piece at a time. Damage is an error of kind `InvalidData`.
    ///
    /// # Errors
    /// As the system says.
    pub fn reader(&self) -> io::Result<impl Read + Send + use<>> {
        let mut input = BufReader::new(file::open_private(&self.place)?);
        input.seek(SeekFrom::Start(WHOLE.len() as u64))?;
        record(&mut input, HEAD_MAX)?;
        let (sealer, name) = (self.sealer.clone(), self.name);
        Ok(Pieces { input, sealer, name, index: 0, bytes: 0, most: Some(self.pieces), now: io::Cursor::default() })
    }

    /// The message is whole: closes the file and moves it below `dir`, under the name that it has, which is given with the message's bytes. It is on
    /// the disk then.
    ///
    /// # Errors
    /// As the system says; what is here stays, and can be gone on with, unless the directories could not be brought to the disk.
    pub fn finish(mut self, dir: &Path) -> io::Result<([u8; 16], u64)> {
        let end = postcard::to_allocvec(&End { pieces: self.pieces, bytes: self.have }).map_err(io::Error::other)?;
        put(&mut self.file, &self.sealer.seal(&place_of_end(&self.name), &end))?;
        // A disk says once that it has lost something: whoever asked before is asked first.
        self.synced()?;
        self.file.sync_all()?;
        fs::rename(&self.place, super::blob::path(dir, &self.name))?;
        file::sync_dir(dir)?;
        if let Some(from) = self.place.parent() {
            file::sync_dir(from)?;
        }
        Ok((self.name, self.have))
    }

    /// Up to `most` bytes from the beginning.
    ///
    /// # Errors
    /// As [`Self::reader`].
    pub fn beginning(&self, most: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.reader()?.take(most).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Up to `most` bytes before the end of what is here.
    ///
    /// # Errors
    /// As [`Self::reader`].
    pub fn tail(&self, most: u64) -> io::Result<Vec<u8>> {
        let mut reader = self.reader()?;
        io::copy(&mut reader.by_ref().take(self.have.saturating_sub(most)), &mut io::sink())?;
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Begins anew: nothing of it is here then.
    ///
    /// # Errors
    /// As the system says.
    pub fn restart(self, dir: &Path) -> io::Result<Self> {
        let (sealer, of) = (self.sealer.clone(), self.of);
        self.remove()?;
        Self::create(dir, &sealer, of)
    }

    /// Removes it.
    ///
    /// # Errors
    /// As the system says.
    pub fn remove(self) -> io::Result<()> {
        remove(&self.place)
    }
}

/// Removes a file. One that somebody else has removed meanwhile (its message became whole, or left) is gone, which is all that is wanted.
fn remove(place: &Path) -> io::Result<()> {
    match fs::remove_file(place) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

fn files(dir: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        entries => Ok(entries?.flatten().map(|entry| entry.path()).collect()),
    }
}

/// Removes what no longer has a use: what `wanted` says no to, what does not open (also because it is of older keys), what nobody came
/// back for. Downloads may go on meanwhile: one that ends takes its file along, and one that begins has a file without a head for a moment.
///
/// # Errors
/// As the system says.
pub fn sweep(dir: &Path, sealer: &Sealer, now: SystemTime, wanted: &dyn Fn(&Of) -> bool) -> io::Result<()> {
    for place in files(dir)? {
        // By a clock that was put back it is young.
        let age = fs::metadata(&place).and_then(|meta| meta.modified()).ok();
        let age = age.and_then(|at| now.duration_since(at).ok()).unwrap_or_default();
        let keep = match Partial::read_head(&place, sealer) {
            Ok(partial) => age <= KEPT && wanted(&partial.of),
            Err(_) => age <= YOUNG,
        };
        if !keep {
            remove(&place)?;
        }
    }
    Ok(())
}

/// A whole message as a stream, which holds a piece at a time, from behind its [`WHOLE`]. What is damaged, or is not all of it, is an error of kind
/// `InvalidData`.
///
/// # Errors
/// As the system says.
pub(super) fn whole(
    mut input: BufReader<File>,
    sealer: &Sealer,
    name: [u8; 16],
) -> io::Result<impl Read + Send + use<>> {
    let head = record(&mut input, HEAD_MAX)?.ok_or_else(broken)?;
    sealer.open(&place_of(&name, None), &head).map_err(|_| broken())?;
    let now = io::Cursor::default();
    Ok(Pieces { input, sealer: sealer.clone(), name, index: 0, bytes: 0, most: None, now })
}

/// Pieces one after the other.
struct Pieces {
    input: BufReader<File>,
    sealer: Sealer,
    name: [u8; 16],
    index: u64,
    bytes: u64,
    /// How many there are; `None`: an end says it.
    most: Option<u64>,
    now: io::Cursor<Vec<u8>>,
}

impl Pieces {
    /// The next piece; `None` behind the last.
    fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        if self.most == Some(self.index) {
            return Ok(None);
        }
        let sealed = record(&mut self.input, FRAME_MAX)?.ok_or_else(broken)?;
        // What nothing follows is the end; the seal says whether that is so, which finds a file that was cut off.
        if self.most.is_none() && io::BufRead::fill_buf(&mut self.input)?.is_empty() {
            let end = self.sealer.open(&place_of_end(&self.name), &sealed).map_err(|_| broken())?;
            let end: End = postcard::from_bytes(&end).map_err(|_| broken())?;
            self.most = Some(self.index);
            return if end == (End { pieces: self.index, bytes: self.bytes }) { Ok(None) } else { Err(broken()) };
        }
        let frame = self.sealer.open(&place_of(&self.name, Some(self.index)), &sealed).map_err(|_| broken())?;
        let piece = zstd::bulk::decompress(&frame, piece_bytes(&frame)?).map_err(|_| broken())?;
        self.index = self.index.saturating_add(1);
        self.bytes = self.bytes.saturating_add(piece.len() as u64);
        Ok(Some(piece))
    }
}

impl Read for Pieces {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.now.read(into)?;
            if read > 0 || into.is_empty() {
                return Ok(read);
            }
            match self.next()? {
                Some(piece) => self.now = io::Cursor::new(piece),
                None => return Ok(0),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Read;
    use std::path::Path;
    use std::time::SystemTime;

    use super::{KEPT, Of, Partial, YOUNG, sweep};
    use crate::store::blob;
    use crate::store::vault::{Cost, Sealer, Vault};

    const OF: Of = Of { mailbox: 3, uid_validity: 7, uid: 9, bytes: 1_000_000 };

    fn sealer(dir: &Path) -> Sealer {
        Vault::create_with(&dir.join("vault"), b"otter", Cost::TEST).unwrap().sealer("blob", b"")
    }

    /// What does not compress, so that a bit of a file is a bit of it.
    fn text(from: u64, length: usize) -> Vec<u8> {
        (from..).take(length).map(|n| (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8).collect()
    }

    fn whole(partial: &Partial) -> Vec<u8> {
        let mut bytes = Vec::new();
        partial.reader().unwrap().read_to_end(&mut bytes).unwrap();
        bytes
    }

    fn only_file(dir: &Path) -> std::path::PathBuf {
        let files = super::files(dir).unwrap();
        assert_eq!(files.len(), 1);
        files[0].clone()
    }

    #[test]
    fn what_came_is_here_after_a_crash() {
        let tmp = tempfile::tempdir().unwrap();
        let (sealer, dir) = (sealer(tmp.path()), tmp.path().join("partial"));
        let mut partial = Partial::open(&dir, &sealer, OF).unwrap();
        partial.append(&text(0, 100_000)).unwrap();
        let first = usize::try_from(fs::metadata(only_file(&dir)).unwrap().len()).unwrap();
        partial.append(&text(100_000, 70_000)).unwrap();
        assert_eq!((partial.have(), whole(&partial)), (170_000, text(0, 170_000)));
        // As a kill leaves it: not closed in any way.
        std::mem::forget(partial);
        let file = only_file(&dir);
        let bytes = fs::read(&file).unwrap();
        assert!(memchr::memmem::find(&bytes, &text(0, 64)).is_none(), "it is sealed");
        let mut again = Partial::open(&dir, &sealer, OF).unwrap();
        assert_eq!((again.have(), again.tail(1_000).unwrap()), (170_000, text(169_000, 1_000)));
        assert_eq!((again.beginning(300).unwrap(), again.tail(1 << 20).unwrap()), (text(0, 300), text(0, 170_000)));
        again.append(&text(170_000, 9_000_000)).unwrap();
        drop(again);
        assert_eq!(whole(&Partial::open(&dir, &sealer, OF).unwrap()), text(0, 9_170_000));
        // Cut anywhere in its last piece: what was before is here.
        let last = bytes.len() - first;
        for cut in [1, 5, last / 2, last - 1] {
            fs::write(&file, &bytes[..bytes.len() - cut]).unwrap();
            let mut torn = Partial::open(&dir, &sealer, OF).unwrap();
            assert_eq!(torn.have(), 100_000, "{cut}");
            torn.append(&text(100_000, 10)).unwrap();
            assert_eq!(whole(&Partial::open(&dir, &sealer, OF).unwrap()), text(0, 100_010), "{cut}");
        }
        // A flipped bit in the first piece costs all that follows, one in the head all of it.
        for (at, have) in [(200, 0), (bytes.len() - 9, 100_000), (20, 0)] {
            fs::remove_dir_all(&dir).unwrap();
            drop(Partial::open(&dir, &sealer, OF).unwrap());
            let other = only_file(&dir);
            fs::remove_file(other).unwrap();
            let mut bad = bytes.clone();
            bad[at] ^= 1;
            fs::write(&file, bad).unwrap();
            fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
            assert_eq!(Partial::open(&dir, &sealer, OF).unwrap().have(), have, "{at}");
        }
    }

    #[test]
    fn a_whole_message_is_read_where_it_lies_and_damage_is_found() {
        let tmp = tempfile::tempdir().unwrap();
        let (sealer, dir, blobs) = (sealer(tmp.path()), tmp.path().join("partial"), tmp.path().join("blobs"));
        fs::create_dir(&blobs).unwrap();
        let mut partial = Partial::open(&dir, &sealer, OF).unwrap();
        for (from, length) in [(0, 70_000), (70_000, 1), (70_001, 5_000_000)] {
            partial.append(&text(from, length)).unwrap();
        }
        // As a kill leaves it that comes between the end and the move: gone on with.
        let open_file = only_file(&dir);
        let before = fs::read(&open_file).unwrap();
        let (name, bytes) = partial.finish(&blobs).unwrap();
        assert_eq!((bytes, super::files(&dir).unwrap().len()), (5_070_001, 0));
        let place = blob::path(&blobs, &name);
        let closed = fs::read(&place).unwrap();
        let read = || {
            let mut found = Vec::new();
            blob::read(&blobs, &name, &sealer)?.read_to_end(&mut found).map(|_| found)
        };
        assert_eq!(read().unwrap(), text(0, 5_070_001));
        fs::write(&open_file, &closed).unwrap();
        fs::set_permissions(&open_file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let mut again = Partial::open(&dir, &sealer, OF).unwrap();
        assert_eq!(again.have(), 5_070_001);
        again.append(b"more").unwrap();
        assert_eq!(again.tail(6).unwrap(), [&text(5_069_999, 2), b"more".as_slice()].concat());
        let check = |what: &str, altered: &[u8]| {
            fs::write(&place, altered).unwrap();
            assert_eq!(read().map(|found| found.len()).unwrap_err().kind(), std::io::ErrorKind::InvalidData, "{what}");
        };
        check("without its end", &before);
        for cut in [1, closed.len() - before.len(), closed.len() - 9, closed.len() - 30] {
            check("cut off", &closed[..closed.len() - cut]);
        }
        check("something behind its end", &[&closed, &closed[before.len()..]].concat());
        for at in [9, 20, 200, 75_000, before.len() + 1, closed.len() - 1] {
            let mut flipped = closed.clone();
            flipped[at] ^= 1;
            check("a flipped bit", &flipped);
        }
        // A piece that is left out: the numbers do not fit.
        let lengths: Vec<usize> = records(&closed);
        let at = |n: usize| 8 + lengths[..n].iter().sum::<usize>();
        check("a piece left out", &[&closed[..at(1)], &closed[at(2)..]].concat());
        check("the last pieces left out", &[&closed[..at(2)], &closed[before.len()..]].concat());
    }

    /// How long each record of a file is.
    fn records(file: &[u8]) -> Vec<usize> {
        let mut lengths = Vec::new();
        let mut rest = &file[8..];
        while let Some(length) = rest.first_chunk::<4>() {
            let length = 4 + u32::from_be_bytes(*length) as usize;
            lengths.push(length);
            rest = &rest[length..];
        }
        lengths
    }

    #[test]
    fn another_message_another_size_or_another_file_is_not_gone_on_with() {
        let tmp = tempfile::tempdir().unwrap();
        let (sealer, dir) = (sealer(tmp.path()), tmp.path().join("partial"));
        Partial::open(&dir, &sealer, OF).unwrap().append(b"beginning").unwrap();
        assert_eq!(Partial::open(&dir, &sealer, Of { uid: 10, ..OF }).unwrap().have(), 0);
        assert_eq!(Partial::open(&dir, &sealer, OF).unwrap().have(), 9, "the other one is left alone");
        assert_eq!(Partial::open(&dir, &sealer, Of { bytes: 5, ..OF }).unwrap().have(), 0);
        assert_eq!(Partial::open(&dir, &sealer, OF).unwrap().have(), 0, "of another size: it went");
        let mut partial = Partial::open(&dir, &sealer, OF).unwrap();
        partial.append(b"x").unwrap();
        assert_eq!(partial.restart(&dir).unwrap().have(), 0);
        // Under another name it does not open.
        let file = super::files(&dir).unwrap().pop().unwrap();
        fs::rename(&file, dir.join(hex::encode([5; 16]))).unwrap();
        assert!(Partial::read_head(&dir.join(hex::encode([5; 16])), &sealer).is_err());
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the files are made by the clock of the machine")]
    fn what_has_no_use_is_swept() {
        let tmp = tempfile::tempdir().unwrap();
        let (mine, dir) = (sealer(tmp.path()), tmp.path().join("partial"));
        let count = || super::files(&dir).unwrap().len();
        let all = |_: &Of| true;
        sweep(&dir, &mine, SystemTime::now(), &all).unwrap();
        for uid in 1..=3 {
            drop(Partial::open(&dir, &mine, Of { uid, ..OF }).unwrap());
        }
        // What does not open is spared while it may be coming into being.
        fs::write(dir.join("junk"), b"x").unwrap();
        sweep(&dir, &mine, SystemTime::now(), &all).unwrap();
        assert_eq!(count(), 4);
        sweep(&dir, &mine, SystemTime::now() + YOUNG * 2, &all).unwrap();
        assert_eq!(count(), 3);
        sweep(&dir, &mine, SystemTime::now(), &|of| of.uid != 2).unwrap();
        assert_eq!(count(), 2);
        sweep(&dir, &mine, SystemTime::now() + KEPT * 2, &all).unwrap();
        assert_eq!(count(), 0);
        drop(Partial::open(&dir, &mine, OF).unwrap());
        let other = tempfile::tempdir().unwrap();
        sweep(&dir, &sealer(other.path()), SystemTime::now() + YOUNG * 2, &all).unwrap();
        assert_eq!(count(), 0, "of other keys");
    }

    #[test]
    fn what_ends_while_it_is_swept_is_no_error() {
        let tmp = tempfile::tempdir().unwrap();
        let (sealer, dir) = (sealer(tmp.path()), tmp.path().join("partial"));
        let open = |uid| Partial::open(&dir, &sealer, Of { uid, ..OF }).unwrap();
        let running = std::cell::Cell::new(Some(open(1)));
        drop(open(2));
        // While the sweep looks at one file, the download of the other ends and takes its own along: whichever comes first.
        let ends = |of: &Of| {
            if let Some(other) = running.take() {
                other.remove().unwrap();
            }
            of.uid == 3
        };
        sweep(&dir, &sealer, SystemTime::UNIX_EPOCH, &ends).unwrap();
        assert!(super::files(&dir).unwrap().is_empty());
        // The other way round: the message left, and then its download ends.
        let late = open(4);
        sweep(&dir, &sealer, SystemTime::UNIX_EPOCH, &|_| false).unwrap();
        late.remove().unwrap();
    }
}
