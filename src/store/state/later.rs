//! The file of the state store while redb opens it: nothing is written then that could be written later.
//!
//! redb ends its check of all pages with four versions of the header, each brought to the disk before the next: what was checked is committed anew, and
//! the file is marked as in use. On a disk that is busy that takes longer than everything else, and nobody needs it before something is
//! written. So the versions are kept, with what has to be on the disk between them, and follow in their order, by a thread of
//! their own or before anything else is written to the file, whichever comes first. The disk sees what it would have seen; a process that ends before
//! has not touched the file. Where opening has more to write than the header (a repair), nothing is put off.

use std::io;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redb::backends::FileBackend;
use redb::{BackendError, StorageBackend};

/// The header has a page of its own at the beginning of the file.
const HEADER: u64 = 4096;

/// What the disk is to be told.
#[derive(Debug)]
enum Act {
    Write(u64, Vec<u8>),
    Sync,
}

#[derive(Debug, Default)]
struct Held {
    /// The store is open: nothing more is put off.
    open: bool,
    /// The disk could not say that it has what was written. Asked once more it may say so of what it has lost: from then on nothing is written, until
    /// the store is opened anew.
    lost: bool,
    acts: Vec<Act>,
}

/// A file of redb's. Whoever holds it besides redb can let what was put off follow.
#[derive(Debug)]
pub(super) struct Later<B = FileBackend> {
    file: B,
    held: Mutex<Held>,
}

impl<B: StorageBackend> Later<B> {
    pub(super) fn new(file: B) -> Arc<Self> {
        Arc::new(Self { file, held: Mutex::default() })
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opening is over: from here on everything is written at once.
    pub(super) fn opened(&self) {
        self.held().open = true;
    }

    /// Writes what was put off.
    ///
    /// # Errors
    /// As the system says. What could not be written is tried again before anything else is; what could not be brought to the disk is not.
    pub(super) fn follow(&self) -> io::Result<()> {
        self.settle(&mut self.held())
    }

    fn settle(&self, held: &mut Held) -> io::Result<()> {
        if held.lost {
            return Err(io::Error::other("the disk could not say that it has what was written"));
        }
        while let Some(act) = held.acts.first() {
            match act {
                Act::Write(offset, bytes) => self.file.write(*offset, bytes)?,
                Act::Sync => self.file.sync_data().inspect_err(|_| held.lost = true)?,
            }
            held.acts.remove(0);
        }
        Ok(())
    }

    /// As [`Self::settle`], before something that cannot be put off; says that nothing is any more.
    fn settled(&self) -> io::Result<MutexGuard<'_, Held>> {
        let mut held = self.held();
        held.open = true;
        self.settle(&mut held)?;
        Ok(held)
    }
}

/// The same in redb's hand.
#[derive(Debug)]
pub(super) struct InUse<B = FileBackend>(pub(super) Arc<Later<B>>);

impl<B: StorageBackend> StorageBackend for InUse<B> {
    fn len(&self) -> io::Result<u64> {
        self.0.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.file.read(offset, out)?;
        if offset >= HEADER {
            return Ok(());
        }
        // The header is what it will be.
        for act in &self.0.held().acts {
            let Act::Write(at, bytes) = act else { continue };
            for (place, byte) in (*at..).zip(bytes) {
                let slot = place.checked_sub(offset).and_then(|place| out.get_mut(usize::try_from(place).ok()?));
                if let Some(slot) = slot {
                    *slot = *byte;
                }
            }
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let _held = self.0.settled()?;
        self.0.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut held = self.0.held();
        if !held.open {
            held.acts.push(Act::Sync);
            return Ok(());
        }
        self.0.settle(&mut held)?;
        drop(held);
        self.0.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut held = self.0.held();
        if !held.open && offset.saturating_add(data.len() as u64) <= HEADER {
            held.acts.push(Act::Write(offset, data.to_vec()));
            return Ok(());
        }
        drop(held);
        let _held = self.0.settled()?;
        self.0.file.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        let mut held = self.0.held();
        // What could not be opened stays as it is.
        let followed = if held.open { self.0.settle(&mut held) } else { Ok(()) };
        // Whoever opens the file next may already be at it.
        held.acts.clear();
        self.0.file.close().and(followed)
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.0.file.try_lock_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.0.file.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.0.file.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.0.file.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.0.file.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.0.file.query_lock_range(start, end)
    }
}

#[cfg(test)]
mod tests;
