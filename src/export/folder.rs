//! Writing below one directory, and never outside of it.
//!
//! Every step is taken from an open directory to a name in it (openat), no link is followed, files are made anew (0600), directories are the
//! owner's alone (0700). Content goes to a file of a passing name first; it gets its own name, which must be free, once all of it was written,
//! brought to the disk and read again. That is done with many files at once: one by one, each would wait for a commit of the file system of its
//! own. A kill leaves at most such passing files, which the next export removes.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{Advice, AtFlags, CWD, FlockOperation, Mode, OFlags, RenameFlags};
use rustix::io::Errno;
use sha2::{Digest as _, Sha256};
use unicode_normalization::UnicodeNormalization as _;

use super::manifest::is_inside;
use super::{ExportError, layout};

/// Files of a passing name.
const PASSING: &str = ".casemail-passing-";
/// Names tried beside one that is taken.
const NAMES_MAX: u32 = 10_000;
/// Files that are brought to the disk together, at most.
const BATCH_FILES: usize = 256;
/// Bytes of them: this much is written anew at most after a kill.
const BATCH_BYTES: u64 = 4 << 20;
/// Files that are brought to the disk at the same time: the file system makes one commit of what is asked for together.
const SYNC_THREADS: usize = 8;
/// Bytes that are read at once.
const PIECE: usize = 128 << 10;

/// What writes a file's content; called twice where a file of that name is there already and nobody knows its digest.
pub type Content<'a> = &'a dyn Fn(&mut dyn Write) -> io::Result<()>;

/// A file that is there, once [`Folder::settle`] has been called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Put {
    /// Below the folder.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// Its digest.
    pub sha256: String,
    /// It was there before, with the same content.
    pub already: bool,
}

/// A directory in it.
struct Place {
    dir: OwnedFd,
    /// Names as written, by what a file system that does not tell capitals apart takes them for.
    names: HashMap<String, String>,
}

/// A file that was written and has its passing name still.
struct Passing {
    directory: String,
    passing: String,
    /// The name that is kept for it.
    name: String,
    bytes: u64,
    sha256: String,
}

impl Passing {
    /// Below the folder.
    fn path(&self) -> String {
        below(&self.directory, &self.name)
    }
}

/// The directory of an export, locked against a second one.
pub struct Folder {
    at: PathBuf,
    dir: OwnedFd,
    places: HashMap<String, Place>,
    /// Directories that it stands in: a name that is new there has to be brought to the disk, too.
    above: Vec<(PathBuf, OwnedFd)>,
    /// What [`Self::settle`] has to do with.
    batch: Vec<Passing>,
}

impl Drop for Folder {
    fn drop(&mut self) {
        for one in std::mem::take(&mut self.batch) {
            self.discard(&one);
        }
    }
}

/// Counts and digests what is written, and nothing more.
struct Meter<W> {
    to: W,
    bytes: u64,
    digest: Sha256,
}

impl<W: Write> Meter<W> {
    fn new(to: W) -> Self {
        Self { to, bytes: 0, digest: Sha256::new() }
    }
}

impl<W: Write> Write for Meter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.to.write(bytes)?;
        self.bytes = self.bytes.saturating_add(count as u64);
        self.digest.update(bytes.get(..count).unwrap_or_default());
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// What file systems that do not tell capitals apart, or a letter with its accent from the two of them (`é` is U+00E9, or U+0065 U+0301), take a name
/// for.
fn fold(name: &str) -> String {
    let upper = name.nfd().flat_map(char::to_uppercase);
    upper.flat_map(char::to_lowercase).nfd().collect()
}

fn below(directory: &str, name: &str) -> String {
    if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") }
}

const DIRECTORY: OFlags = OFlags::DIRECTORY.union(OFlags::CLOEXEC).union(OFlags::RDONLY);

/// Opens a directory in another one, making it where it is missing; a link is no directory.
fn enter(parent: &OwnedFd, name: &str, at: &Path) -> Result<OwnedFd, ExportError> {
    match rustix::fs::mkdirat(parent, name, Mode::RWXU) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(why) => return Err(ExportError::at(at.join(name).display(), why)),
    }
    rustix::fs::openat(parent, name, DIRECTORY | OFlags::NOFOLLOW, Mode::empty()).map_err(|why| match why {
        Errno::LOOP | Errno::NOTDIR => {
            ExportError::at(at.join(name).display(), "this is no directory, or a link to one, which is not followed")
        }
        why => ExportError::at(at.join(name).display(), why),
    })
}

/// Opens an ordinary file in a directory for reading; a link, a pipe or a device is none.
fn look(dir: &OwnedFd, name: &str) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = File::from(rustix::fs::openat(dir, name, flags, Mode::empty())?);
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("this is no ordinary file")) }
}

/// Size and digest of a file by what is on the disk.
fn measure(file: &mut File) -> io::Result<(u64, String)> {
    // What lies in memory says nothing of the disk.
    let _ = rustix::fs::fadvise(&*file, 0, None, Advice::DontNeed);
    let (mut digest, mut bytes, mut piece) = (Sha256::new(), 0_u64, vec![0; PIECE]);
    loop {
        let count = file.read(&mut piece)?;
        if count == 0 {
            return Ok((bytes, hex::encode(digest.finalize())));
        }
        digest.update(piece.get(..count).unwrap_or_default());
        bytes = bytes.saturating_add(count as u64);
    }
}

impl Folder {
    /// Opens the directory of an export, making it where it is missing.
    ///
    /// # Errors
    /// It cannot be made or used, or another export is at work in it.
    pub fn open(root: &Path, name: &str) -> Result<Self, ExportError> {
        let fail = |why: &dyn std::fmt::Display| ExportError::at(root.display(), why);
        let holders = holders(root);
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(root).map_err(|why| fail(&why))?;
        let parent = rustix::fs::openat(CWD, root, DIRECTORY, Mode::empty()).map_err(|why| fail(&why))?;
        let (dir, at) = (enter(&parent, name, root)?, root.join(name));
        let mut folder = Self::of(dir, at)?;
        folder.above.push((root.to_owned(), parent));
        for holder in holders {
            // Whoever may make a directory in one that may not be read has no way to bring its name to the disk.
            if let Ok(dir) = rustix::fs::openat(CWD, &holder, DIRECTORY, Mode::empty()) {
                folder.above.push((holder, dir));
            }
        }
        Ok(folder)
    }

    /// Opens a directory that a person named, as it is.
    ///
    /// # Errors
    /// It is not there, or another export is at work in it.
    pub fn here(at: &Path) -> Result<Self, ExportError> {
        let dir = rustix::fs::openat(CWD, at, DIRECTORY, Mode::empty());
        Self::of(dir.map_err(|why| ExportError::at(at.display(), why))?, at.to_owned())
    }

    fn of(dir: OwnedFd, at: PathBuf) -> Result<Self, ExportError> {
        // Some network file systems know no locks; names that must be free keep two exports apart all the same.
        if let Err(Errno::WOULDBLOCK) = rustix::fs::flock(&dir, FlockOperation::NonBlockingLockExclusive) {
            return Err(ExportError::at(at.display(), "another export is at work here"));
        }
        let mut folder = Self { at, dir, places: HashMap::new(), above: Vec::new(), batch: Vec::new() };
        folder.place("")?;
        Ok(folder)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.at
    }

    /// A directory in it: empty for itself.
    fn place(&mut self, name: &str) -> Result<&mut Place, ExportError> {
        if !self.places.contains_key(name) {
            let at = self.at.join(name);
            let fail = |why: &dyn std::fmt::Display| ExportError::at(at.display(), why);
            if !name.is_empty() && !is_inside(name) {
                return Err(fail(&"leads out of the directory of the export"));
            }
            let dir = match name.rsplit_once('/').unwrap_or(("", name)) {
                (_, "") => self.dir.try_clone().map_err(|why| fail(&why))?,
                // The one that holds it is a place, too: its names have to be brought to the disk.
                (holder, piece) => {
                    let above = self.at.join(holder);
                    enter(&self.place(holder)?.dir, piece, &above)?
                }
            };
            let mut names = HashMap::new();
            for entry in rustix::fs::Dir::read_from(&dir).map_err(|why| fail(&why))? {
                let entry = entry.map_err(|why| fail(&why))?;
                let found = entry.file_name().to_string_lossy().into_owned();
                if found.starts_with(PASSING) {
                    // Of an export that was broken off: nobody else is at work here.
                    let _ = rustix::fs::unlinkat(&dir, found.as_str(), AtFlags::empty());
                } else if found != "." && found != ".." {
                    names.insert(fold(&found), found);
                }
            }
            self.places.insert(name.to_owned(), Place { dir, names });
        }
        self.places.get_mut(name).ok_or_else(|| ExportError::at(name, "is gone"))
    }

    /// Makes a directory in it.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn directory(&mut self, name: &str) -> Result<(), ExportError> {
        self.place(name).map(drop)
    }

    /// The directories in it.
    #[must_use]
    pub fn directories(&self) -> Vec<String> {
        self.places.get("").map(|place| place.names.values().cloned().collect()).unwrap_or_default()
    }

    /// Writes a file under a name, or under one with a number where another file has it; nothing where it is there already. `known`: size and
    /// digest of the content, where whoever asks knows them. The name is kept for it, and is its own once [`Self::settle`] has been called.
    ///
    /// # Errors
    /// It cannot be written, or one of those before it does not read back as it was written. What the content's writer says comes through.
    pub fn put(
        &mut self,
        directory: &str,
        name: &str,
        known: Option<(u64, &str)>,
        content: Content<'_>,
    ) -> Result<Put, ExportError> {
        let at = self.at.join(directory).join(name);
        let fail = |why: &dyn std::fmt::Display| ExportError::at(at.display(), why);
        self.place(directory)?;
        let place = self.places.get(directory).ok_or_else(|| fail(&"is gone"))?;
        let mut known = known.map(|(bytes, sha256)| (bytes, sha256.to_owned()));
        if known.is_none() && place.names.contains_key(&fold(name)) {
            let mut meter = Meter::new(io::sink());
            content(&mut meter).map_err(|why| fail(&why))?;
            known = Some((meter.bytes, hex::encode(meter.digest.finalize())));
        }
        for number in 1..=NAMES_MAX {
            let candidate = if number == 1 { name.to_owned() } else { layout::numbered(name, number) };
            if let Some(there) = place.names.get(&fold(&candidate)) {
                // The same but for capitals: on other systems it would be the same file.
                if let Some((bytes, sha256)) = known.as_ref().filter(|known| self.is_there(directory, there, known)) {
                    let (path, sha256) = (below(directory, there), sha256.clone());
                    return Ok(Put { path, bytes: *bytes, sha256, already: true });
                }
                continue;
            }
            let (passing, bytes, sha256) = pass(&place.dir, content).map_err(|why| fail(&why))?;
            let one = Passing { directory: directory.to_owned(), passing, name: candidate, bytes, sha256 };
            if known.as_ref().is_some_and(|(bytes, sha256)| (*bytes, sha256) != (one.bytes, &one.sha256)) {
                self.discard(&one);
                return Err(fail(&"what was to be written changed while it was written"));
            }
            let put = Put { path: one.path(), bytes, sha256: one.sha256.clone(), already: false };
            if let Some(place) = self.places.get_mut(directory) {
                place.names.insert(fold(&one.name), one.name.clone());
            }
            self.batch.push(one);
            let held: u64 = self.batch.iter().map(|one| one.bytes).sum();
            if self.batch.len() >= BATCH_FILES || held >= BATCH_BYTES {
                self.settle()?;
            }
            return Ok(put);
        }
        Err(fail(&"there are too many files of that name already"))
    }

    /// Whether a file of this name holds what is to be written: one that is there, by what is on the disk, or one of the batch.
    fn is_there(&self, directory: &str, name: &str, (bytes, sha256): &(u64, String)) -> bool {
        if let Some(one) = self.batch.iter().find(|one| one.directory == directory && one.name == name) {
            return (one.bytes, &one.sha256) == (*bytes, sha256);
        }
        let Some(place) = self.places.get(directory) else { return false };
        let Ok(mut file) = look(&place.dir, name) else { return false };
        file.metadata().is_ok_and(|metadata| metadata.len() == *bytes)
            && measure(&mut file).is_ok_and(|(_, found)| found == *sha256)
    }

    /// Brings what was written to the disk, reads it again, and gives it its names.
    ///
    /// # Errors
    /// A file does not read back as it was written, or another one has come under its name. What is named is whole all the same.
    pub fn settle(&mut self) -> Result<(), ExportError> {
        let batch = std::mem::take(&mut self.batch);
        if batch.is_empty() {
            return Ok(());
        }
        let settled = self.prove(&batch).and_then(|()| {
            batch.iter().try_for_each(|one| {
                let place =
                    self.places.get(&one.directory).ok_or_else(|| ExportError::at(&one.directory, "is gone"))?;
                take_name(&place.dir, &one.passing, &one.name).map_err(|why| {
                    let at = self.at.join(one.path());
                    match why {
                        Errno::EXIST => ExportError::at(
                            at.display(),
                            "another file came there under this name; export again, and this one gets another",
                        ),
                        why => ExportError::at(at.display(), why),
                    }
                })
            })
        });
        if settled.is_err() {
            // What has its name has no passing one any more.
            batch.iter().for_each(|one| self.discard(one));
        }
        settled
    }

    /// Brings files to the disk and reads them again, several at a time.
    fn prove(&self, batch: &[Passing]) -> Result<(), ExportError> {
        let one = |one: &Passing| {
            let place = self.places.get(&one.directory).ok_or_else(|| io::Error::other("its directory is gone"))?;
            let mut file = look(&place.dir, &one.passing)?;
            file.sync_all()?;
            let (bytes, sha256) = measure(&mut file)?;
            let is_same = (bytes, &sha256) == (one.bytes, &one.sha256);
            if is_same { Ok(()) } else { Err(io::Error::other("it does not read back as it was written")) }
        };
        let all = |share: &[Passing]| {
            share.iter().try_for_each(|passing| {
                one(passing).map_err(|why| ExportError::at(self.at.join(passing.path()).display(), why))
            })
        };
        let share = batch.len().div_ceil(SYNC_THREADS).max(1);
        std::thread::scope(|scope| {
            let threads: Vec<_> = batch.chunks(share).map(|share| scope.spawn(move || all(share))).collect();
            threads.into_iter().try_for_each(|thread| {
                thread
                    .join()
                    .unwrap_or_else(|_| Err(ExportError::at(self.at.display(), "a file could not be read again")))
            })
        })
    }

    /// Removes a file that has its passing name still.
    fn discard(&self, one: &Passing) {
        if let Some(place) = self.places.get(&one.directory) {
            let _ = rustix::fs::unlinkat(&place.dir, one.passing.as_str(), AtFlags::empty());
        }
    }

    /// Puts a file of our own in place of its former version, at once and whole.
    ///
    /// # Errors
    /// It cannot be written, or does not read back as it was written.
    pub fn replace(&mut self, name: &str, content: &[u8]) -> Result<(), ExportError> {
        let at = self.at.join(name);
        let fail = |why: &dyn std::fmt::Display| ExportError::at(at.display(), why);
        let place = self.place("")?;
        let write = |to: &mut dyn Write| to.write_all(content);
        let (passing, bytes, sha256) = pass(&place.dir, &write).map_err(|why| fail(&why))?;
        let synced = look(&place.dir, &passing).and_then(|file| file.sync_all());
        synced.map_err(|why| fail(&why))?;
        rustix::fs::renameat(&place.dir, passing.as_str(), &place.dir, name).map_err(|why| fail(&why))?;
        place.names.insert(fold(name), name.to_owned());
        let there = look(&place.dir, name).and_then(|mut file| measure(&mut file)).map_err(|why| fail(&why))?;
        if there == (bytes, sha256) { Ok(()) } else { Err(fail(&"it does not read back as it was written")) }
    }

    /// Gives what lies under a name of ours, whatever it is, another one, with a number that is free: what somebody has written is nobody's to lose.
    ///
    /// # Errors
    /// It cannot be renamed.
    pub fn set_aside(&mut self, name: &str) -> Result<String, ExportError> {
        let at = self.at.join(name);
        let fail = |why: &dyn std::fmt::Display| ExportError::at(at.display(), why);
        let place = self.place("")?;
        for number in 2..=NAMES_MAX {
            let candidate = layout::numbered(name, number);
            if place.names.contains_key(&fold(&candidate)) {
                continue;
            }
            match take_name(&place.dir, name, &candidate) {
                Ok(()) => {
                    place.names.remove(&fold(name));
                    place.names.insert(fold(&candidate), candidate.clone());
                    return Ok(candidate);
                }
                Err(Errno::EXIST) => {}
                Err(why) => return Err(fail(&why)),
            }
        }
        Err(fail(&"there are too many files of that name already"))
    }

    /// Opens a file below it for reading; nothing on the way may be a link.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn open_file(&self, path: &str) -> Result<File, ExportError> {
        let fail = |why: &dyn std::fmt::Display| ExportError::at(self.at.join(path).display(), why);
        let (parents, name) = path.rsplit_once('/').unwrap_or(("", path));
        let mut dir = self.dir.try_clone().map_err(|why| fail(&why))?;
        for piece in parents.split('/').filter(|piece| !piece.is_empty()) {
            let flags = DIRECTORY | OFlags::NOFOLLOW;
            dir = rustix::fs::openat(&dir, piece, flags, Mode::empty()).map_err(|why| fail(&why))?;
        }
        look(&dir, name).map_err(|why| fail(&why))
    }

    /// Whether a file below it holds what it is said to hold, by what is on the disk.
    #[must_use]
    pub fn holds(&self, path: &str, bytes: u64, sha256: &str) -> bool {
        let Ok(mut file) = self.open_file(path) else { return false };
        file.metadata().is_ok_and(|metadata| metadata.len() == bytes)
            && measure(&mut file).is_ok_and(|(_, found)| found == sha256)
    }

    /// Removes a file of our own, if it is there.
    pub fn remove(&mut self, name: &str) {
        let _ = rustix::fs::unlinkat(&self.dir, name, AtFlags::empty());
    }

    /// Reads a file of our own; nothing where it is missing.
    ///
    /// # Errors
    /// It is there and cannot be read.
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>, ExportError> {
        let mut content = Vec::new();
        match look(&self.dir, name).and_then(|mut file| file.read_to_end(&mut content)) {
            Ok(_) => Ok(Some(content)),
            Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(why) => Err(ExportError::at(self.at.join(name).display(), why)),
        }
    }

    /// Brings everything to the disk, the names too.
    ///
    /// # Errors
    /// As for [`Self::settle`], and as the system says.
    pub fn sync(&mut self) -> Result<(), ExportError> {
        self.settle()?;
        for (at, dir) in self.kept() {
            rustix::fs::fsync(dir).map_err(|why| ExportError::at(at.display(), why))?;
        }
        Ok(())
    }

    /// The directories whose names [`Self::sync`] brings to the disk: each that something was put into or made in, and those above.
    fn kept(&self) -> impl Iterator<Item = (PathBuf, &OwnedFd)> {
        let places = self.places.iter().map(|(name, place)| (self.at.join(name), &place.dir));
        places.chain(self.above.iter().map(|(at, dir)| (at.clone(), dir)))
    }
}

/// The directories in which one is to be made, so that another one is there.
fn holders(wanted: &Path) -> Vec<PathBuf> {
    let mut holders = Vec::new();
    for missing in wanted.ancestors().take_while(|one| !one.as_os_str().is_empty() && !one.exists()) {
        let holder = missing.parent().unwrap_or(Path::new("/"));
        holders.push(if holder.as_os_str().is_empty() { PathBuf::from(".") } else { holder.to_owned() });
    }
    holders
}

/// Writes content to a file of a passing name: its name, size and digest. It may not be on the disk yet; on an error it is gone.
fn pass(dir: &OwnedFd, content: Content<'_>) -> io::Result<(String, u64, String)> {
    let name = format!("{PASSING}{}", hex::encode(crate::store::vault::random::<16>()));
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::WRONLY | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::openat(dir, name.as_str(), flags, Mode::RUSR | Mode::WUSR)?);
    let write = || {
        let mut meter = Meter::new(io::BufWriter::with_capacity(PIECE, file));
        content(&mut meter)?;
        let Meter { to, bytes, digest } = meter;
        to.into_inner().map_err(io::IntoInnerError::into_error)?;
        Ok((bytes, hex::encode(digest.finalize())))
    };
    match write() {
        Ok((bytes, sha256)) => Ok((name, bytes, sha256)),
        Err(why) => {
            let _ = rustix::fs::unlinkat(dir, name.as_str(), AtFlags::empty());
            Err(why)
        }
    }
}

/// Gives a file its name, which must be free.
fn take_name(dir: &OwnedFd, passing: &str, name: &str) -> Result<(), Errno> {
    match rustix::fs::renameat_with(dir, passing, dir, name, RenameFlags::NOREPLACE) {
        // A file system that cannot: a second name, which must be free likewise, then the first one goes.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
            rustix::fs::linkat(dir, passing, dir, name, AtFlags::empty())?;
            rustix::fs::unlinkat(dir, passing, AtFlags::empty())
        }
        done => done,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::fs::PermissionsExt as _;

    use super::{BATCH_BYTES, BATCH_FILES, Folder, PASSING};

    fn put(folder: &mut Folder, name: &str, content: &[u8]) -> super::Put {
        folder.put("01_IDPC", name, None, &|to: &mut dyn Write| to.write_all(content)).unwrap()
    }

    #[test]
    fn the_same_again_writes_nothing_and_another_content_gets_a_number() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("out");
        let mut folder = Folder::open(&root, "FERRET_1").unwrap();
        let first = put(&mut folder, "MG5.pdf", b"one");
        assert_eq!((first.path.as_str(), first.bytes, first.already), ("01_IDPC/MG5.pdf", 3, false));
        assert!(put(&mut folder, "MG5.pdf", b"one").already);
        let second = put(&mut folder, "MG5.pdf", b"two");
        assert_eq!(second.path, "01_IDPC/MG5-2.pdf");
        // Capitals make no other file on half of the world's disks.
        let twin = put(&mut folder, "mg5.PDF", b"three");
        assert_eq!(twin.path, "01_IDPC/mg5-3.PDF");
        assert!(put(&mut folder, "MG5.pdf", b"two").already);
        folder.settle().unwrap();
        assert!(put(&mut folder, "MG5.pdf", b"two").already);
        let place = root.join("FERRET_1");
        let mode = |path: &str| std::fs::metadata(place.join(path)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("01_IDPC/MG5.pdf"), mode("01_IDPC"), mode("")), (0o600, 0o700, 0o700));
        drop(folder);
        let mut folder = Folder::open(&root, "FERRET_1").unwrap();
        assert!(put(&mut folder, "mg5.PDF", b"three").already);
        assert_eq!(std::fs::read_dir(place.join("01_IDPC")).unwrap().count(), 3);
    }

    #[test]
    fn no_link_is_followed_and_no_pipe_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let (root, outside) = (dir.path().join("out"), dir.path().join("outside"));
        std::fs::create_dir_all(root.join("CASE")).unwrap();
        std::fs::create_dir(&outside).unwrap();
        std::os::unix::fs::symlink(&outside, root.join("CASE/02_x")).unwrap();
        std::os::unix::fs::symlink(&outside, root.join("LINK")).unwrap();
        assert!(Folder::open(&root, "LINK").err().unwrap().to_string().contains("not followed"));
        let mut folder = Folder::open(&root, "CASE").unwrap();
        let refused = folder.put("02_x", "a.pdf", None, &|to: &mut dyn Write| to.write_all(b"x")).unwrap_err();
        assert!(refused.to_string().contains("not followed"), "{refused}");
        std::fs::create_dir(root.join("CASE/01_IDPC")).unwrap();
        std::os::unix::fs::symlink(outside.join("target"), root.join("CASE/01_IDPC/a.pdf")).unwrap();
        let pipe = root.join("CASE/01_IDPC/a-2.pdf");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU, 0).unwrap();
        assert_eq!(put(&mut folder, "a.pdf", b"x").path, "01_IDPC/a-3.pdf");
        folder.settle().unwrap();
        assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0);
        // Nor does a name lead out.
        for name in ["..", "../outside", "01_IDPC/..", "/tmp", "01_IDPC//x", "."] {
            let refused = folder.directory(name).unwrap_err().to_string();
            assert!(refused.contains("leads out"), "{name}: {refused}");
        }
    }

    #[test]
    fn what_was_broken_off_leaves_nothing_under_a_name() {
        let dir = tempfile::tempdir().unwrap();
        let mut folder = Folder::open(dir.path(), "CASE").unwrap();
        let broken = folder.put("01_IDPC", "a.pdf", None, &|to: &mut dyn Write| {
            to.write_all(b"half")?;
            Err(std::io::Error::other("no room"))
        });
        assert!(broken.unwrap_err().to_string().contains("no room"));
        let place = dir.path().join("CASE/01_IDPC");
        assert_eq!(std::fs::read_dir(&place).unwrap().count(), 0);
        // A kill leaves a passing file; the next one removes it.
        std::fs::write(place.join(format!("{PASSING}00")), b"half").unwrap();
        assert!(Folder::open(dir.path(), "CASE").err().unwrap().to_string().contains("at work"));
        drop(folder);
        let mut folder = Folder::open(dir.path(), "CASE").unwrap();
        put(&mut folder, "a.pdf", b"whole");
        folder.settle().unwrap();
        assert_eq!(std::fs::read_dir(&place).unwrap().count(), 1);
    }

    #[test]
    fn nothing_has_its_name_before_it_is_on_the_disk() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("CASE/01_IDPC");
        let named = || {
            let names = std::fs::read_dir(&place).unwrap().map(|entry| entry.unwrap().file_name());
            names.filter(|name| !name.to_string_lossy().starts_with(PASSING)).count()
        };
        let mut folder = Folder::open(dir.path(), "CASE").unwrap();
        for number in 0..BATCH_FILES - 1 {
            put(&mut folder, &format!("{number}.pdf"), number.to_string().as_bytes());
        }
        assert_eq!(named(), 0);
        put(&mut folder, "last.pdf", b"last");
        assert_eq!((named(), std::fs::read_dir(&place).unwrap().count()), (BATCH_FILES, BATCH_FILES));
        // What is large goes by itself.
        put(&mut folder, "large.pdf", &vec![7; usize::try_from(BATCH_BYTES).unwrap()]);
        assert_eq!(named(), BATCH_FILES + 1);
        assert_eq!(std::fs::read(place.join("8.pdf")).unwrap(), b"8");
        // Whoever goes without settling leaves nothing.
        put(&mut folder, "late.pdf", b"late");
        drop(folder);
        assert_eq!(std::fs::read_dir(&place).unwrap().count(), BATCH_FILES + 1);
    }

    #[test]
    fn every_directory_that_got_a_name_is_brought_to_the_disk() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("matters/2026");
        let kept = |folder: &Folder| {
            let mut kept: Vec<String> = folder
                .kept()
                .map(|(at, _)| at.strip_prefix(dir.path()).unwrap().to_str().unwrap().trim_end_matches('/').to_owned())
                .collect();
            kept.sort();
            kept
        };
        let mut folder = Folder::open(&root, "CASE").unwrap();
        folder.put("Maildir/cur", "1.eml", None, &|to: &mut dyn Write| to.write_all(b"x")).unwrap();
        folder.directory("Maildir/new").unwrap();
        folder.sync().unwrap();
        let case = "matters/2026/CASE";
        let within = ["", "/Maildir", "/Maildir/cur", "/Maildir/new"].map(|end| format!("{case}{end}"));
        let above = ["", "matters", "matters/2026"].map(str::to_owned);
        assert_eq!(kept(&folder), [&above[..], &within].concat());
        drop(folder);
        // What was there already needs no new name above.
        let folder = Folder::open(&root, "CASE").unwrap();
        assert_eq!(kept(&folder), ["matters/2026", case]);
    }

    #[test]
    fn what_was_changed_or_forestalled_meanwhile_gets_no_name() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("CASE/01_IDPC");
        let mut folder = Folder::open(dir.path(), "CASE").unwrap();
        put(&mut folder, "a.pdf", b"one");
        let passing = std::fs::read_dir(&place).unwrap().next().unwrap().unwrap().path();
        std::fs::write(passing, b"two").unwrap();
        let error = folder.settle().unwrap_err().to_string();
        assert!(error.contains("a.pdf") && error.contains("does not read back"), "{error}");
        assert_eq!(std::fs::read_dir(&place).unwrap().count(), 0);
        put(&mut folder, "b.pdf", b"ours");
        std::fs::write(place.join("b.pdf"), b"theirs").unwrap();
        let error = folder.sync().unwrap_err().to_string();
        assert!(error.contains("another file came there"), "{error}");
        assert_eq!(std::fs::read(place.join("b.pdf")).unwrap(), b"theirs");
        drop(folder);
        let mut folder = Folder::open(dir.path(), "CASE").unwrap();
        assert_eq!(put(&mut folder, "b.pdf", b"ours").path, "01_IDPC/b-2.pdf");
        folder.sync().unwrap();
        assert_eq!(std::fs::read_dir(&place).unwrap().count(), 2);
    }
}
