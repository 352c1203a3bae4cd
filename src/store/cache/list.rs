//! The kept list: what the engine's index of all messages was when it was last kept, in one file, so that a start need not read every summary.
//!
//! ```text
//! cache/list    "casemail list" 1 ‖ number of the file (16) ‖ { length u32 LE ‖ sealed zstd of a part } ‖ 0 u32
//! cache/head    the same with one part: what is shown first, written more often than the list
//! ```
//!
//! What is in the parts is the engine's business. Each is sealed with the number of the file and its own place in it, so that parts of two lists
//! never come together. The file is written beside the old one and takes its place when it is whole and on the disk. One that is missing, cut,
//! damaged or of another form is no list: the caller reads the summaries instead, so nothing here is an error for the user.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::PoisonError;

use zeroize::Zeroizing;

use super::{Cache, CacheError};
use crate::store::file;
use crate::store::space;
use crate::store::vault::{self, Sealer};

/// Name and form; another form gets another last octet.
const MAGIC: &[u8; 14] = b"casemail list\x01";
/// The speed of reading counts: zstd's higher levels gain a tenth and cost the time of the start twice.
const LEVEL: i32 = 1;
/// A part that unpacks to more was not made by us.
const PART_MAX: usize = 64 << 20;
/// Parts of a file.
const PARTS_MAX: usize = 1 << 16;

type Number = [u8; 16];

/// One of the files.
#[derive(Clone, Copy, Debug)]
enum Kind {
    List,
    Head,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Head => "head",
        }
    }
}

fn place(kind: Kind, number: &Number, part: usize) -> Vec<u8> {
    [b"cache/1/".as_slice(), kind.name().as_bytes(), b"/", number, &(part as u64).to_be_bytes()].concat()
}

/// A list while it is written.
#[derive(Debug)]
pub struct ListWriter {
    out: BufWriter<File>,
    new: PathBuf,
    to: PathBuf,
    sealer: Sealer,
    kind: Kind,
    number: Number,
    parts: usize,
}

impl ListWriter {
    /// Adds the next part.
    ///
    /// # Errors
    /// As the system says; the old list is then still there.
    pub fn add(&mut self, part: &[u8]) -> io::Result<()> {
        let packed = zstd::bulk::compress(part, LEVEL)?;
        let sealed = self.sealer.seal(&place(self.kind, &self.number, self.parts), &packed);
        let length = u32::try_from(sealed.len()).map_err(io::Error::other)?;
        self.out.write_all(&length.to_le_bytes())?;
        self.out.write_all(&sealed)?;
        self.parts += 1;
        Ok(())
    }

    /// Ends the list and puts it in place of the old one; durable when it returns. Gives its octets.
    ///
    /// # Errors
    /// As the system says.
    pub fn finish(self) -> io::Result<u64> {
        let (file, new, to) = self.end()?;
        file.sync_all()?;
        let octets = file.metadata()?.len();
        std::fs::rename(&new, &to)?;
        if let Some(dir) = to.parent() {
            file::sync_dir(dir)?;
        }
        Ok(octets)
    }

    fn end(self) -> io::Result<(File, PathBuf, PathBuf)> {
        let Self { mut out, new, to, .. } = self;
        out.write_all(&0_u32.to_le_bytes())?;
        Ok((out.into_inner().map_err(io::IntoInnerError::into_error)?, new, to))
    }
}

/// A list that was kept. Parts may be read by several threads.
#[derive(Debug)]
pub struct KeptList {
    file: File,
    sealer: Sealer,
    kind: Kind,
    number: Number,
    /// Where each part is and how long.
    parts: Vec<(u64, usize)>,
}

impl KeptList {
    /// How many parts it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.parts.len()
    }

    /// It has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// A part; `None` where it is not what was written.
    #[must_use]
    pub fn part(&self, at: usize) -> Option<Zeroizing<Vec<u8>>> {
        let mut reader = self.reader();
        reader.part(at).map(|part| Zeroizing::new(part.to_vec()))
    }

    /// Reads many parts, one after the other. Each thread needs one of its own.
    #[must_use]
    pub fn reader(&self) -> PartReader<'_> {
        PartReader { list: self, sealed: Zeroizing::default(), plain: Zeroizing::default(), unpacker: None }
    }

    fn open(mut file: File, kind: Kind, sealer: Sealer) -> io::Result<Self> {
        let mut magic = [0; MAGIC.len()];
        let mut number = Number::default();
        file.read_exact(&mut magic)?;
        file.read_exact(&mut number)?;
        if magic != *MAGIC {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let (end, mut offset) = (file.metadata()?.len(), (MAGIC.len() + number.len()) as u64);
        let mut parts = Vec::new();
        loop {
            let mut length = [0; 4];
            file.read_exact_at(&mut length, offset)?;
            offset += 4;
            let length = u32::from_le_bytes(length);
            if length == 0 {
                break;
            }
            if u64::from(length) > end.saturating_sub(offset) || parts.len() >= PARTS_MAX {
                return Err(io::ErrorKind::InvalidData.into());
            }
            parts.push((offset, length as usize));
            offset += u64::from(length);
        }
        Ok(Self { file, sealer, kind, number, parts })
    }
}

/// Parts read in room that is used again: what takes the time of reading a long list is else the memory, asked for and wiped for each part.
pub struct PartReader<'a> {
    list: &'a KeptList,
    sealed: Zeroizing<Vec<u8>>,
    plain: Zeroizing<Vec<u8>>,
    unpacker: Option<zstd::bulk::Decompressor<'static>>,
}

impl std::fmt::Debug for PartReader<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PartReader").finish_non_exhaustive()
    }
}

impl PartReader<'_> {
    /// As [`KeptList::part`].
    pub fn part(&mut self, at: usize) -> Option<&[u8]> {
        let KeptList { file, sealer, kind, number, parts } = self.list;
        let (offset, length) = *parts.get(at)?;
        self.sealed.resize(length, 0);
        file.read_exact_at(&mut self.sealed, offset).ok()?;
        let packed = sealer.open_within(&place(*kind, number, at), &mut self.sealed).ok()?;
        let size = zstd::zstd_safe::get_frame_content_size(packed).ok().flatten()?;
        let size = usize::try_from(size).ok().filter(|size| *size <= PART_MAX)?;
        self.plain.clear();
        self.plain.reserve_exact(size);
        if self.unpacker.is_none() {
            self.unpacker = zstd::bulk::Decompressor::new().ok();
        }
        let read = self.unpacker.as_mut()?.decompress_to_buffer(packed, &mut *self.plain).ok()?;
        (read == size).then_some(&*self.plain)
    }
}

impl Cache {
    fn list_place(&self, kind: Kind) -> PathBuf {
        self.dir.join(kind.name())
    }

    fn begin_list(&self, kind: Kind) -> Result<ListWriter, CacheError> {
        space::check(&self.dir, self.space.batch_bytes)?;
        let to = self.list_place(kind);
        let new = to.with_extension("new");
        match std::fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        let number: Number = vault::random();
        let mut out = BufWriter::new(file::create_private(&new)?);
        out.write_all(MAGIC)?;
        out.write_all(&number)?;
        Ok(ListWriter { out, new, to, sealer: self.list_sealer.clone(), kind, number, parts: 0 })
    }

    /// Begins to keep a list.
    ///
    /// # Errors
    /// Too little room, or as the system says.
    pub fn keep_list(&self) -> Result<ListWriter, CacheError> {
        self.begin_list(Kind::List)
    }

    /// Keeps what is shown first. It outlives the process, and the machine only by chance: after that it is no head, or one of before.
    ///
    /// # Errors
    /// Too little room, or as the system says.
    pub fn keep_head(&self, part: &[u8]) -> Result<(), CacheError> {
        let _one = self.heads.lock().unwrap_or_else(PoisonError::into_inner);
        let mut writer = self.begin_list(Kind::Head)?;
        writer.add(part)?;
        let (_, new, to) = writer.end()?;
        Ok(std::fs::rename(new, to)?)
    }

    /// The list that was kept last, if it can be read.
    #[must_use]
    pub fn kept_list(&self) -> Option<KeptList> {
        self.kept(Kind::List)
    }

    /// The head that was kept last by itself, if it can be read.
    #[must_use]
    pub fn kept_head(&self) -> Option<Zeroizing<Vec<u8>>> {
        self.kept(Kind::Head)?.part(0)
    }

    fn kept(&self, kind: Kind) -> Option<KeptList> {
        let file = file::open_private(&self.list_place(kind)).ok()?;
        KeptList::open(file, kind, self.list_sealer.clone()).ok()
    }

    /// Octets of the kept list on the disk.
    #[must_use]
    pub fn list_bytes(&self) -> u64 {
        std::fs::metadata(self.list_place(Kind::List)).map_or(0, |meta| meta.len())
    }
}
