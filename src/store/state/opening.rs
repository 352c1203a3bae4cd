//! Opening the file of the state store: a new one is made beside its place and moved there when it is whole, so that an empty file, or one
//! without our tables, is never taken for a beginning; one that was there once is missed; damage is told in words.
//!
//! redb trusts the pages it reads, and panics inside where they are not what it wrote. Its own check of all pages is run at each opening; what
//! it writes then follows behind it ([`super::later`]). What goes bad while the store is open is caught where it is met, see [`whole`].

use std::fs;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use redb::backends::FileBackend;
use redb::{Database, DatabaseError};

use super::bringing::SCHEMA;
use super::later::{InUse, Later};
use super::{CACHE_BYTES, META, SLACK, StateError};
use crate::store::calm::calmly;
use crate::store::file;
use crate::store::lock::patiently;
use crate::store::profile::Roots;
use crate::store::space;
use crate::store::vault::Vault;

/// What the file beside the store says, for whoever finds it.
const MADE_WORDS: &[u8] =
    b"This profile has a state store: state.redb, in this directory. A profile that misses it says so.\n";

/// How long whoever has the store open is waited for. The profile is ours alone, so that is a task of our own that outlived its engine at a slow disk.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// The same where the store is opened anew, while others wait for it: it may be somebody who reads.
pub(super) const SHORT_PATIENCE: Duration = Duration::from_millis(250);

/// A file beside the store that says that there has been one.
fn made(file: &Path) -> PathBuf {
    file.with_extension("made")
}

/// Does something with redb; where it panics because of what it has read, the store is damaged.
///
/// # Errors
/// Those of `work`, and [`StateError::Broken`].
pub(super) fn whole<T>(file: &Path, work: impl FnOnce() -> Result<T, StateError>) -> Result<T, StateError> {
    let done = calmly(|| catch_unwind(AssertUnwindSafe(work)));
    match done {
        Ok(Err(StateError::Corrupt { because })) => Err(broken(file, because)),
        Ok(done) => done,
        Err(_) => Err(broken(file, "a page is not what was written".to_owned())),
    }
}

fn broken(file: &Path, because: String) -> StateError {
    StateError::Broken { place: file.to_owned(), because }
}

/// Whether something of this profile says that it has had a state store: the file beside it, or, for one of an earlier casemail, a cache of this
/// header.
fn is_missed(file: &Path, cache: Option<&Roots>) -> bool {
    let modified = |place: &Path| place.metadata().and_then(|meta| meta.modified()).ok();
    let has_cache = |roots: &Roots| {
        let rows = fs::read_dir(roots.cache.join("mail")).into_iter().flatten().flatten();
        // A header that is younger is of a profile that was begun after that cache, which opens under no key of it.
        modified(&roots.vault_file())
            .is_some_and(|vault| rows.filter_map(|entry| modified(&entry.path())).any(|written| written > vault))
    };
    made(file).exists() || cache.is_some_and(has_cache)
}

/// Makes sure that there is a store where there has to be one, and makes it where there has been none.
///
/// # Errors
/// [`StateError::Missing`], [`StateError::Empty`], or the disk.
pub(super) fn settle(file: &Path, vault: &Vault, roots: Option<&Roots>) -> Result<(), StateError> {
    let fail = |error: io::Error| StateError::Store { because: format!("{}: {error}", file.display()) };
    match fs::symlink_metadata(file) {
        Ok(meta) if meta.is_file() && meta.len() == 0 => return Err(StateError::Empty { place: file.to_owned() }),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if is_missed(file, roots) {
                return Err(StateError::Missing { place: file.to_owned() });
            }
            make(file, vault)?;
        }
        Err(error) => return Err(fail(error)),
    }
    if !made(file).exists() {
        file::write_atomic(&made(file), MADE_WORDS).map_err(fail)?;
    }
    Ok(())
}

/// A new store, moved to its place when it is whole.
fn make(file: &Path, vault: &Vault) -> Result<(), StateError> {
    let fail = |error: io::Error| StateError::Store { because: format!("{}: {error}", file.display()) };
    let dir = file.parent().ok_or_else(|| fail(io::ErrorKind::InvalidInput.into()))?;
    space::check(dir, SLACK)?;
    let fresh = file.with_extension("redb.new");
    // Left by a crash: nothing was ever kept in it.
    match fs::remove_file(&fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(fail(error)),
        _ => {}
    }
    drop(file::create_private(&fresh).map_err(fail)?);
    {
        let database = Database::builder().set_cache_size(CACHE_BYTES).create_with_backend(backend(&fresh)?)?;
        let mut transaction = database.begin_write()?;
        transaction.set_two_phase_commit(true);
        {
            let mut meta = transaction.open_table(META)?;
            meta.insert("schema", SCHEMA.to_le_bytes().as_slice())?;
            meta.insert("epoch", vault.epoch().to_le_bytes().as_slice())?;
        }
        transaction.commit()?;
    }
    fs::rename(&fresh, file).and_then(|()| file::sync_dir(dir)).map_err(fail)
}

fn backend(file: &Path) -> Result<FileBackend, StateError> {
    use std::os::unix::fs::OpenOptionsExt;
    let fail = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => StateError::Missing { place: file.to_owned() },
        _ => StateError::Store { because: format!("{}: {error}", file.display()) },
    };
    let handle = fs::OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed())
        .open(file)
        .map_err(fail)?;
    Ok(FileBackend::new(handle)?)
}

/// Opens a store that is there, all of its pages looked at. What is to be written for that follows by itself.
///
/// # Errors
/// [`StateError`].
pub(super) fn database(file: &Path, patience: Duration) -> Result<Database, StateError> {
    let (database, later) = looked_at(file, patience)?;
    let later = Arc::downgrade(&later);
    // Where there is no thread for it, or the disk refuses it, it comes before the next transaction, which then says so.
    let follow = std::thread::Builder::new().name("state".to_owned()).spawn(move || {
        if let Some(Err(error)) = later.upgrade().map(|later| later.follow()) {
            tracing::warn!(%error, "the state store could not be marked as in use yet");
        }
    });
    drop(follow);
    Ok(database)
}

/// As [`database()`]; nothing is written before [`Later::follow`], or before something else is.
fn looked_at(file: &Path, patience: Duration) -> Result<(Database, Arc<Later>), StateError> {
    patiently(patience, || looked_at_once(file), is_in_use)
}

fn is_in_use(error: &StateError) -> bool {
    matches!(error, StateError::InUse { .. })
}

fn looked_at_once(file: &Path) -> Result<(Database, Arc<Later>), StateError> {
    let later = Later::new(backend(file)?);
    let in_use = InUse(Arc::clone(&later));
    if redb::StorageBackend::len(&in_use).is_ok_and(|bytes| bytes == 0) {
        return Err(StateError::Empty { place: file.to_owned() });
    }
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE_BYTES).set_check_integrity_on_open(true);
    let database = whole(file, || match builder.create_with_backend(in_use) {
        Err(DatabaseError::DatabaseAlreadyOpen) => Err(StateError::InUse { place: file.to_owned() }),
        opened => Ok(opened?),
    })?;
    later.opened();
    Ok((database, later))
}

/// Puts what is left of a store aside and makes a new one; gives where the former one is now. `None`: there was nothing. Nobody may have it
/// open.
///
/// # Errors
/// [`StateError`]: a store that could not be made is missed as before.
pub fn begin_anew(roots: &Roots, vault: &Vault, now: jiff::Timestamp) -> Result<Option<PathBuf>, StateError> {
    let file = roots.state_file();
    let fail = |error: io::Error| StateError::Store { because: format!("{}: {error}", file.display()) };
    let aside = file.with_extension(format!("redb.aside-{}", now.strftime("%Y%m%dT%H%M%SZ")));
    let is_there = fs::symlink_metadata(&file).is_ok();
    if is_there {
        fs::rename(&file, &aside).and_then(|()| file::sync_dir(&roots.state)).map_err(fail)?;
    }
    make(&file, vault)?;
    Ok(is_there.then_some(aside))
}

#[cfg(test)]
mod tests {
    use super::{PATIENCE, is_in_use, looked_at, looked_at_once, make, patiently};
    use crate::store::vault::{Cost, Vault};

    #[test]
    fn a_file_is_not_touched_by_being_opened() {
        let dir = tempfile::tempdir().unwrap();
        let vault = Vault::create_with(&dir.path().join("vault"), b"otter", Cost::TEST).unwrap();
        let file = dir.path().join("state.redb");
        make(&file, &vault).unwrap();
        let bytes = std::fs::read(&file).unwrap();
        let (database, later) = looked_at(&file, PATIENCE).unwrap();
        drop(database.begin_write().unwrap());
        assert!(std::fs::read(&file).unwrap() == bytes, "nobody has written anything");
        later.follow().unwrap();
        assert!(std::fs::read(&file).unwrap() != bytes, "it is marked as in use");
        drop(database);
        let mut damaged = bytes.clone();
        damaged[4096..].fill(0);
        std::fs::write(&file, &damaged).unwrap();
        assert!(looked_at(&file, PATIENCE).is_err());
        assert!(std::fs::read(&file).unwrap() == damaged, "what is refused stays as it is");
    }

    #[test]
    fn a_store_that_somebody_is_just_letting_go_of_is_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let vault = Vault::create_with(&dir.path().join("vault"), b"otter", Cost::TEST).unwrap();
        let file = dir.path().join("state.redb");
        make(&file, &vault).unwrap();
        let mut held = looked_at(&file, PATIENCE).ok();
        let mut tries = 0;
        let take = || {
            let opened = looked_at_once(&file);
            tries += 1;
            held = None;
            opened
        };
        assert!(patiently(PATIENCE, take, is_in_use).is_ok());
        assert_eq!(tries, 2);
    }
}
