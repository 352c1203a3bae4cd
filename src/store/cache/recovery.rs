//! Opening sled so that a bad store never stops the program: room looked at first, a torn snapshot removed, a busy lock waited for,
//! a corrupt store moved aside.

use std::fs;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;

use super::{CacheError, CacheOptions};
use crate::store::file;
use crate::store::space;

/// Where sled lies below the cache directory.
pub(super) fn mail_dir(dir: &Path) -> PathBuf {
    dir.join("mail")
}

/// Where blobs lie below the cache directory.
pub(super) fn blob_dir(dir: &Path) -> PathBuf {
    dir.join("blobs")
}

/// Bytes below a directory.
pub(super) fn bytes_below(dir: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(dir) else { return 0 };
    let bytes = |entry: fs::DirEntry| match entry.metadata() {
        Ok(meta) if meta.is_dir() => bytes_below(&entry.path()),
        Ok(meta) => meta.len(),
        Err(_) => 0,
    };
    entries.flatten().map(bytes).sum()
}

/// What became of an attempt to open.
pub(super) enum Outcome {
    /// It is open.
    Open(sled::Db),
    /// It will never open: why.
    Corrupt(String),
}

/// Makes the directories and opens sled.
///
/// # Errors
/// What another try may cure: no room, no permission, another process.
pub(super) fn open(dir: &Path, options: &CacheOptions) -> Result<Outcome, CacheError> {
    let mail = mail_dir(dir);
    for place in [dir, &mail, &blob_dir(dir)] {
        file::private_dir(place).map_err(io::Error::other)?;
    }
    // A store opened on a full disk can be corrupt for ever after.
    space::check(dir, options.space.open_bytes.saturating_add(bytes_below(&mail) / 50))?;
    // Left by a kill while a snapshot was written; it is not needed, and sled takes it for a damaged one.
    for entry in fs::read_dir(&mail)?.flatten() {
        let name = entry.file_name();
        if name.to_string_lossy().starts_with("snap.") && name.to_string_lossy().ends_with(".generating") {
            fs::remove_file(entry.path())?;
        }
    }
    let config = sled::Config::new()
        .path(&mail)
        .cache_capacity(options.memory_bytes)
        .flush_every_ms(None)
        .mode(sled::Mode::LowSpace);
    for attempt in 0.. {
        // sled asserts in places where a file is not as it expects.
        match catch_unwind(AssertUnwindSafe(|| config.open())) {
            Ok(Ok(db)) => return Ok(Outcome::Open(db)),
            // The lock of a process that was just killed can outlive it a little.
            Ok(Err(sled::Error::Io(error))) if is_lock(&error) && attempt < 20 => {
                std::thread::sleep(Duration::from_millis(50));
            }
            Ok(Err(sled::Error::Io(error))) if !is_corruption(&error) => return Err(CacheError::Io(error)),
            Ok(Err(error)) => return Ok(Outcome::Corrupt(error.to_string())),
            Err(_) => return Ok(Outcome::Corrupt("sled could not read it".to_owned())),
        }
    }
    Err(CacheError::Io(io::ErrorKind::WouldBlock.into()))
}

fn is_lock(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock || error.to_string().contains("WouldBlock")
}

fn is_corruption(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof)
}

/// Moves what cannot be opened out of the way, in place of what was moved away before.
///
/// # Errors
/// As the system says.
pub(super) fn move_aside(dir: &Path, now: Timestamp) -> io::Result<PathBuf> {
    for entry in fs::read_dir(dir)?.flatten() {
        if entry.file_name().to_string_lossy().starts_with("cache.corrupt-") {
            fs::remove_dir_all(entry.path())?;
        }
    }
    let aside = dir.join(format!("cache.corrupt-{}", now.strftime("%Y%m%dT%H%M%SZ")));
    file::private_dir(&aside).map_err(io::Error::other)?;
    for (from, name) in [(mail_dir(dir), "mail"), (blob_dir(dir), "blobs")] {
        if from.exists() {
            fs::rename(from, aside.join(name))?;
        }
    }
    file::sync_dir(dir)?;
    Ok(aside)
}

/// Deletes a cache that is not open, with all that was moved aside.
///
/// # Errors
/// As the system says.
pub(super) fn remove(dir: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        if name == "mail" || name == "blobs" || name.to_string_lossy().starts_with("cache.corrupt-") {
            fs::remove_dir_all(entry.path())?;
        }
    }
    file::sync_dir(dir)
}
