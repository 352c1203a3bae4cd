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
use crate::store::lock::patiently;
use crate::store::pack;
use crate::store::space;

/// How long whoever has sled open is waited for.
const PATIENCE: Duration = Duration::from_secs(1);

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

/// Makes the directories and opens sled, in as little room as its content needs.
///
/// # Errors
/// What another try may cure: no room, no permission, another process.
pub(super) fn open(dir: &Path, options: &CacheOptions) -> Result<Outcome, CacheError> {
    settle_copy(dir)?;
    let db = match open_as_it_is(dir, options)? {
        Outcome::Open(db) => db,
        corrupt @ Outcome::Corrupt(_) => return Ok(corrupt),
    };
    if db.get(SHRINK)?.is_none() || space::check(dir, options.space.batch_bytes).is_err() {
        return Ok(Outcome::Open(db));
    }
    let same = &mut |_: &[u8], key: &[u8], value: &sled::IVec| (key != SHRINK.as_bytes()).then(|| value.clone());
    if let Err(error) = copy(dir, &db, options, same, &[]) {
        tracing::warn!(%error, "the cache could not be copied into less room");
        remove_dir(&fresh_dir(dir))?;
        return Ok(Outcome::Open(db));
    }
    drop(db);
    exchange(dir)?;
    open_as_it_is(dir, options)
}

/// The row that asks for sled to be copied into a smaller file: it gives no room back by itself.
pub(super) const SHRINK: &str = "shrink";
/// Rows that are copied in one go.
const COPY_ROWS: usize = 256;

fn fresh_dir(dir: &Path) -> PathBuf {
    dir.join("mail.new")
}

fn former_dir(dir: &Path) -> PathBuf {
    dir.join("mail.old")
}

/// What becomes of a row, by its tree and key; `None`: it is left out.
pub(super) type Change<'a> = &'a mut dyn FnMut(&[u8], &[u8], &sled::IVec) -> Option<sled::IVec>;

/// Copies all rows that `change` gives a value to, and `also` some more, into a new sled beside the one that is open. It is whole and on the disk when this
/// returns, and takes the place of the other by [`exchange`].
///
/// # Errors
/// [`CacheError`]; the one that is open is not touched.
pub(super) fn copy(
    dir: &Path,
    db: &sled::Db,
    options: &CacheOptions,
    change: Change<'_>,
    also: &[(&[u8], &[u8])],
) -> Result<(), CacheError> {
    let place = fresh_dir(dir);
    remove_dir(&place)?;
    file::private_dir(&place).map_err(io::Error::other)?;
    let fresh = config(&place, options).open()?;
    for name in db.tree_names() {
        let (from, to) = (db.open_tree(&name)?, fresh.open_tree(&name)?);
        let (mut batch, mut rows) = (sled::Batch::default(), 0);
        for row in &from {
            let (key, value) = row?;
            if let Some(value) = change(&name, &key, &value) {
                batch.insert(key, value);
                rows += 1;
            }
            if rows == COPY_ROWS {
                to.apply_batch(std::mem::take(&mut batch))?;
                rows = 0;
            }
        }
        to.apply_batch(batch)?;
    }
    for (key, value) in also {
        fresh.insert(key, *value)?;
    }
    fresh.flush()?;
    drop(fresh);
    file::sync_dir(&place)?;
    Ok(())
}

/// Puts a copy in the place of the sled that it was made of, which must be closed.
///
/// # Errors
/// As the system says; [`settle_copy`] finishes it or takes it back.
pub(super) fn exchange(dir: &Path) -> io::Result<()> {
    fs::rename(mail_dir(dir), former_dir(dir))?;
    fs::rename(fresh_dir(dir), mail_dir(dir))?;
    file::sync_dir(dir)?;
    remove_dir(&former_dir(dir))
}

/// After a crash: a copy that was not whole is removed, an exchange that was begun is finished.
fn settle_copy(dir: &Path) -> io::Result<()> {
    let (mail, fresh, former) = (mail_dir(dir), fresh_dir(dir), former_dir(dir));
    if former.exists() && !mail.exists() {
        // The copy was whole before the first of the two renames.
        fs::rename(if fresh.exists() { &fresh } else { &former }, &mail)?;
        file::sync_dir(dir)?;
    }
    remove_dir(&fresh)?;
    remove_dir(&former)
}

fn remove_dir(place: &Path) -> io::Result<()> {
    match fs::remove_dir_all(place) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn config(mail: &Path, options: &CacheOptions) -> sled::Config {
    sled::Config::new().path(mail).cache_capacity(options.memory_bytes).flush_every_ms(None).mode(sled::Mode::LowSpace)
}

fn open_as_it_is(dir: &Path, options: &CacheOptions) -> Result<Outcome, CacheError> {
    let mail = mail_dir(dir);
    for place in [dir, &mail, &blob_dir(dir), &pack::dir(dir)] {
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
    let config = config(&mail, options);
    let open = || match catch_unwind(AssertUnwindSafe(|| config.open())) {
        Ok(Ok(db)) => Ok(Outcome::Open(db)),
        Ok(Err(sled::Error::Io(error))) if !is_corruption(&error) => Err(error),
        Ok(Err(error)) => Ok(Outcome::Corrupt(error.to_string())),
        // sled asserts in places where a file is not as it expects.
        Err(_) => Ok(Outcome::Corrupt("sled could not read it".to_owned())),
    };
    Ok(patiently(PATIENCE, open, is_lock)?)
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
    remove_aside(dir)?;
    let aside = dir.join(format!("cache.corrupt-{}", now.strftime("%Y%m%dT%H%M%SZ")));
    file::private_dir(&aside).map_err(io::Error::other)?;
    let list = dir.join("list");
    let ours = [
        (mail_dir(dir), "mail"),
        (blob_dir(dir), "blobs"),
        (pack::dir(dir), "packs"),
        (list, "list"),
        (dir.join("head"), "head"),
        (dir.join("partial"), "partial"),
    ];
    for (from, name) in ours {
        if from.exists() {
            fs::rename(from, aside.join(name))?;
        }
    }
    file::sync_dir(dir)?;
    Ok(aside)
}

/// Removes what was moved out of the way.
///
/// # Errors
/// As the system says.
pub(super) fn remove_aside(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)?.flatten() {
        if entry.file_name().to_string_lossy().starts_with("cache.corrupt-") {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
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
        if ["mail", "mail.new", "mail.old", "blobs", "packs", "partial"].iter().any(|ours| name == *ours)
            || name.to_string_lossy().starts_with("cache.corrupt-")
        {
            fs::remove_dir_all(entry.path())?;
        } else if ["list", "list.new", "head", "head.new"].iter().any(|ours| name == *ours) {
            fs::remove_file(entry.path())?;
        }
    }
    file::sync_dir(dir)
}
