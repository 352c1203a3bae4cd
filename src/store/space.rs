//! Room on the disk, looked at before it is needed: opening sled on a full disk can damage it for good.

use std::path::{Path, PathBuf};

/// How much must be free. The defaults are what the stores were tried with; tests hand in others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpaceLimits {
    /// Free bytes without which the cache is not opened, beside a fiftieth of its size.
    pub open_bytes: u64,
    /// Free bytes without which nothing more is fetched into it.
    pub batch_bytes: u64,
}

impl Default for SpaceLimits {
    fn default() -> Self {
        Self { open_bytes: 64 << 20, batch_bytes: 256 << 20 }
    }
}

impl SpaceLimits {
    /// What always has to be free, beside what a write brings: sled 0.34 can wait for ever for a write that the file system has refused. No setting
    /// goes below it.
    pub const FLOOR: u64 = 2 << 20;

    /// These limits, or the floor.
    #[must_use]
    pub fn floored(self) -> Self {
        Self { open_bytes: self.open_bytes.max(Self::FLOOR), batch_bytes: self.batch_bytes.max(Self::FLOOR) }
    }
}

/// Too little room.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the disk that holds {} has {} MB free, and {} MB are needed to write safely; free some space, then try again",
    place.display(), free >> 20, needed.div_ceil(1 << 20)
)]
pub struct DiskFull {
    /// The directory.
    pub place: PathBuf,
    /// Free bytes, for this user.
    pub free: u64,
    /// Bytes that must be free.
    pub needed: u64,
}

/// Free bytes for this user on the file system of `place`.
///
/// # Errors
/// Where the file system cannot be asked.
pub fn free_bytes(place: &Path) -> std::io::Result<u64> {
    let stat = rustix::fs::statvfs(place)?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// Whether `needed` bytes are free at `place`. A file system that cannot be asked is taken to have room.
///
/// # Errors
/// [`DiskFull`].
pub fn check(place: &Path, needed: u64) -> Result<(), DiskFull> {
    match free_bytes(place) {
        Ok(free) if free < needed => Err(DiskFull { place: place.to_owned(), free, needed }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn says_numbers_and_the_cure() {
        let place = std::env::temp_dir();
        assert_eq!(super::check(&place, 0), Ok(()));
        let full = super::check(&place, u64::MAX).unwrap_err();
        let off = super::SpaceLimits { open_bytes: 0, batch_bytes: 0 };
        assert!(off.floored().batch_bytes > 0, "it cannot be turned off");
        let words = full.to_string();
        assert!(words.contains("MB free") && words.contains("free some space"), "{words}");
    }
}
