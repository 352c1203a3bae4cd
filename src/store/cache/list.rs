//! The kept list: what the engine's index of all messages was when it was last kept, in one file, so that a start need not read every summary.
//!
//! ```text
//! cache/list    "casemail list" 1 ‖ number of the file (16) ‖ { length u32 LE ‖ sealed zstd of a part } ‖ 0 u32
//! ```
//!
//! What is in the parts is the engine's business. Each is sealed with the number of the file and its own place in it, so that parts of two lists
//! never come together. The file is written beside the old one and takes its place when it is whole and on the disk. One that is missing, cut,
//! damaged or of another form is no list: the caller reads the summaries instead, so nothing here is an error for the user.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

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

fn place(number: &Number, part: usize) -> Vec<u8> {
    [b"cache/1/list/".as_slice(), number, &(part as u64).to_be_bytes()].concat()
}

/// A list while it is written.
#[derive(Debug)]
pub struct ListWriter {
    out: BufWriter<File>,
    new: PathBuf,
    to: PathBuf,
    sealer: Sealer,
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
        let sealed = self.sealer.seal(&place(&self.number, self.parts), &packed);
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
        let Self { mut out, new, to, .. } = self;
        out.write_all(&0_u32.to_le_bytes())?;
        let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        let octets = file.metadata()?.len();
        std::fs::rename(&new, &to)?;
        if let Some(dir) = to.parent() {
            file::sync_dir(dir)?;
        }
        Ok(octets)
    }
}

/// A list that was kept. Parts may be read by several threads.
#[derive(Debug)]
pub struct KeptList {
    file: File,
    sealer: Sealer,
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
        let (offset, length) = *self.parts.get(at)?;
        let mut sealed = vec![0; length];
        self.file.read_exact_at(&mut sealed, offset).ok()?;
        let packed = self.sealer.open(&place(&self.number, at), &sealed).ok()?;
        let size = zstd::zstd_safe::get_frame_content_size(&packed).ok().flatten()?;
        let size = usize::try_from(size).ok().filter(|size| *size <= PART_MAX)?;
        zstd::bulk::decompress(&packed, size).ok().map(Zeroizing::new)
    }

    fn open(mut file: File, sealer: Sealer) -> io::Result<Self> {
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
        Ok(Self { file, sealer, number, parts })
    }
}

impl Cache {
    fn list_place(&self) -> PathBuf {
        self.dir.join("list")
    }

    /// Begins to keep a list.
    ///
    /// # Errors
    /// Too little room, or as the system says.
    pub fn keep_list(&self) -> Result<ListWriter, CacheError> {
        space::check(&self.dir, self.space.batch_bytes)?;
        let (to, new) = (self.list_place(), self.dir.join("list.new"));
        match std::fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        let number: Number = vault::random();
        let mut out = BufWriter::new(file::create_private(&new)?);
        out.write_all(MAGIC)?;
        out.write_all(&number)?;
        Ok(ListWriter { out, new, to, sealer: self.list_sealer.clone(), number, parts: 0 })
    }

    /// The list that was kept last, if it can be read.
    #[must_use]
    pub fn kept_list(&self) -> Option<KeptList> {
        let file = file::open_private(&self.list_place()).ok()?;
        KeptList::open(file, self.list_sealer.clone()).ok()
    }

    /// Octets of the kept list on the disk.
    #[must_use]
    pub fn list_bytes(&self) -> u64 {
        std::fs::metadata(self.list_place()).map_or(0, |meta| meta.len())
    }
}
