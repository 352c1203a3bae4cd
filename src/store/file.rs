//! Files and directories of our own: for the owner alone, never through a symbolic link, replaced as a whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// A directory or file that is not safe to keep mail in.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// A symbolic link could be turned elsewhere by whoever made it.
    #[error("{} is a symbolic link; replace it by a real directory, or name the real one with --home", .0.display())]
    Symlink(PathBuf),
    /// Not a directory.
    #[error("{} is not a directory; move it away", .0.display())]
    NotDirectory(PathBuf),
    /// Somebody else's.
    #[error("{} belongs to another user (uid {uid}); use one of your own", place.display())]
    Foreign {
        /// Where.
        place: PathBuf,
        /// Its owner.
        uid: u32,
    },
    /// Others may read or write.
    #[error("{} can be opened by other users (mode {mode:o}); close it with: chmod go= '{}'", place.display(), place.display())]
    Open {
        /// Where.
        place: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The system refused.
    #[error("{}: {source}", place.display())]
    Io {
        /// Where.
        place: PathBuf,
        /// Why.
        source: io::Error,
    },
}

fn io_at(place: &Path) -> impl FnOnce(io::Error) -> PlaceError + '_ {
    move |source| PlaceError::Io { place: place.to_owned(), source }
}

/// Makes a directory for the owner alone, with its parents, and checks it.
///
/// # Errors
/// [`PlaceError`].
pub fn private_dir(place: &Path) -> Result<(), PlaceError> {
    match fs::symlink_metadata(place) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(place).map_err(io_at(place))?;
            // The umask can only have taken bits away, but the owner's are needed.
            fs::set_permissions(place, fs::Permissions::from_mode(0o700)).map_err(io_at(place))?;
        }
        Err(source) => return Err(PlaceError::Io { place: place.to_owned(), source }),
        Ok(_) => {}
    }
    check_dir(place)
}

/// Whether a directory that exists is real, ours and closed to others.
///
/// # Errors
/// [`PlaceError`].
pub fn check_dir(place: &Path) -> Result<(), PlaceError> {
    let meta = fs::symlink_metadata(place).map_err(io_at(place))?;
    if meta.is_symlink() {
        return Err(PlaceError::Symlink(place.to_owned()));
    }
    if !meta.is_dir() {
        return Err(PlaceError::NotDirectory(place.to_owned()));
    }
    check_owner(place, &meta)?;
    let mode = meta.mode() & 0o777;
    if mode & 0o077 == 0 { Ok(()) } else { Err(PlaceError::Open { place: place.to_owned(), mode }) }
}

/// Whether the directory above ours cannot be turned against us: not another user's, not writable by others (a sticky one is).
///
/// # Errors
/// [`PlaceError`].
pub fn check_home(place: &Path) -> Result<(), PlaceError> {
    let meta = match fs::metadata(place) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other.map_err(io_at(place))?,
    };
    if !meta.is_dir() {
        return Err(PlaceError::NotDirectory(place.to_owned()));
    }
    check_owner(place, &meta)?;
    let mode = meta.mode();
    if mode & 0o022 != 0 && mode & 0o1000 == 0 {
        return Err(PlaceError::Open { place: place.to_owned(), mode: mode & 0o777 });
    }
    Ok(())
}

fn check_owner(place: &Path, meta: &fs::Metadata) -> Result<(), PlaceError> {
    let own = rustix::process::geteuid().as_raw();
    if meta.uid() == own { Ok(()) } else { Err(PlaceError::Foreign { place: place.to_owned(), uid: meta.uid() }) }
}

/// Whether a file that was opened is ours and closed to others.
///
/// # Errors
/// [`PlaceError`].
pub fn check_file(place: &Path, file: &File) -> Result<(), PlaceError> {
    let meta = file.metadata().map_err(io_at(place))?;
    check_owner(place, &meta)?;
    let mode = meta.mode() & 0o777;
    if mode & 0o077 == 0 { Ok(()) } else { Err(PlaceError::Open { place: place.to_owned(), mode }) }
}

/// Opens a new file for the owner alone; refuses one that exists.
///
/// # Errors
/// As the system says.
pub fn create_private(place: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed())
        .open(place)
}

/// Opens an existing file for reading, not through a symbolic link.
///
/// # Errors
/// As the system says.
pub fn open_private(place: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed()).open(place)
}

/// Makes what was created, renamed or removed in a directory durable.
///
/// # Errors
/// As the system says.
pub fn sync_dir(place: &Path) -> io::Result<()> {
    File::open(place)?.sync_all()
}

/// Replaces a file as a whole: after a crash there is the old content or the new one.
///
/// # Errors
/// As the system says; the old content is then still there.
pub fn write_atomic(place: &Path, content: &[u8]) -> io::Result<()> {
    let dir = place.parent().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    let name = place.file_name().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    let mut fresh = name.to_owned();
    fresh.push(".new");
    let fresh = dir.join(fresh);
    // Left by a crash; only the lock's holder writes here.
    match fs::remove_file(&fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = create_private(&fresh)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&fresh, place)?;
    sync_dir(dir)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    use super::{PlaceError, check_home, private_dir, write_atomic};

    #[test]
    fn makes_closed_directories_and_refuses_open_ones() {
        let tmp = tempfile::tempdir().unwrap();
        let place = tmp.path().join("a/b");
        private_dir(&place).unwrap();
        assert_eq!(fs::metadata(&place).unwrap().mode() & 0o777, 0o700);
        for mode in [0o750, 0o701, 0o770] {
            fs::set_permissions(&place, fs::Permissions::from_mode(mode)).unwrap();
            let error = private_dir(&place).unwrap_err();
            assert!(matches!(error, PlaceError::Open { .. }), "{mode:o}");
            assert!(error.to_string().contains("chmod go= "), "{error}");
        }
    }

    #[test]
    fn refuses_links_files_and_homes_that_others_write() {
        let tmp = tempfile::tempdir().unwrap();
        let (real, link, file) = (tmp.path().join("real"), tmp.path().join("link"), tmp.path().join("file"));
        private_dir(&real).unwrap();
        symlink(&real, &link).unwrap();
        assert!(matches!(private_dir(&link), Err(PlaceError::Symlink(_))));
        fs::write(&file, "").unwrap();
        assert!(matches!(private_dir(&file), Err(PlaceError::NotDirectory(_))));
        fs::set_permissions(&real, fs::Permissions::from_mode(0o777)).unwrap();
        assert!(matches!(check_home(&real), Err(PlaceError::Open { .. })));
        fs::set_permissions(&real, fs::Permissions::from_mode(0o755)).unwrap();
        check_home(&real).unwrap();
    }

    #[test]
    fn replaces_files_whole_and_private() {
        let tmp = tempfile::tempdir().unwrap();
        let place = tmp.path().join("header");
        fs::write(tmp.path().join("header.new"), "torn").unwrap();
        write_atomic(&place, b"one").unwrap();
        write_atomic(&place, b"two").unwrap();
        assert_eq!(fs::read(&place).unwrap(), b"two");
        assert_eq!(fs::metadata(&place).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(tmp.path()).unwrap().count(), 1);
    }
}
