//! A directory that nobody else can look into, for the one file that an outside editor needs in clear.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use rustix::process::{Pid, getpid, getuid, test_kill_process};

/// Directories of ours are named so, with the process id behind it.
const PREFIX: &str = "casemail-edit-";

/// A text that an editor gives back is not read beyond this.
const TEXT_BYTES_MAX: u64 = 16 << 20;

/// `statfs(2)`: the file system lives in memory.
#[cfg(target_os = "linux")]
const TMPFS_MAGIC: rustix::fs::FsWord = 0x0102_1994;

/// A directory of mode 0700, removed with all that is in it when dropped.
#[derive(Debug)]
pub(super) struct Private {
    path: PathBuf,
    /// The directory lies in memory: nothing of it reaches a disk, unless the machine swaps.
    pub(super) in_memory: bool,
}

impl Private {
    /// Makes one: in the runtime directory where that is ours and in memory, else in the state directory.
    pub(super) fn make(runtime: Option<&Path>, state: &Path) -> io::Result<Self> {
        let runtime = runtime.filter(|path| is_ours(path) && is_in_memory(path));
        let parent = runtime.unwrap_or(state);
        if runtime.is_none() {
            DirBuilder::new().recursive(true).mode(0o700).create(state)?;
        }
        for attempt in 0..1000 {
            let path = parent.join(format!("{PREFIX}{}-{attempt}", getpid().as_raw_nonzero()));
            match DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => return Ok(Self { path, in_memory: runtime.is_some() }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::new(io::ErrorKind::AlreadyExists, "no name is left for a private directory"))
    }

    /// Writes a new file of mode 0600.
    pub(super) fn write(&self, name: &str, text: &str) -> io::Result<PathBuf> {
        let path = self.path.join(name);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        file.write_all(text.as_bytes())?;
        Ok(path)
    }

    /// Reads what is at a path now: editors save by renaming a new file over the old one, so the old one is not asked.
    pub(super) fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let flags = i32::try_from(flags.bits()).unwrap_or_default();
        let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::other("it is not a file any more"));
        }
        let mut bytes = Vec::new();
        file.take(TEXT_BYTES_MAX + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > TEXT_BYTES_MAX {
            return Err(io::Error::other("it is larger than 16 MiB"));
        }
        Ok(bytes)
    }

    /// The directory.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

fn is_ours(path: &Path) -> bool {
    fs::symlink_metadata(path)
        .is_ok_and(|data| data.is_dir() && data.uid() == getuid().as_raw() && data.mode() & 0o077 == 0)
}

fn is_in_memory(path: &Path) -> bool {
    #[cfg(target_os = "linux")]
    {
        rustix::fs::statfs(path).is_ok_and(|system| system.f_type == TMPFS_MAGIC)
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = path;
        false
    }
}

/// Removes what processes that ended without cleaning up have left. Called at the start.
pub fn sweep(runtime: Option<&Path>, state: &Path) {
    for parent in runtime.into_iter().chain([state]) {
        let Ok(entries) = fs::read_dir(parent) else { continue };
        for entry in entries.flatten() {
            let left = entry.file_name().to_str().and_then(|name| {
                let pid: i32 = name.strip_prefix(PREFIX)?.split('-').next()?.parse().ok()?;
                Pid::from_raw(pid)
            });
            let Some(pid) = left else { continue };
            let alive = pid == getpid() || test_kill_process(pid) != Err(rustix::io::Errno::SRCH);
            if !alive && is_ours(&entry.path()) {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

    use super::{PREFIX, Private, sweep};

    fn mode(path: &std::path::Path) -> u32 {
        std::fs::metadata(path).unwrap().mode() & 0o777
    }

    #[test]
    fn a_private_directory_is_the_owners_alone_and_goes() {
        let state = tempfile::tempdir().unwrap();
        let private = Private::make(None, &state.path().join("new")).unwrap();
        let file = private.write("message.eml", "the gnome").unwrap();
        assert_eq!((mode(private.path()), mode(&file)), (0o700, 0o600));
        // Editors write a new file and rename it over the old one.
        std::fs::write(private.path().join("tmp"), "two gnomes").unwrap();
        std::fs::rename(private.path().join("tmp"), &file).unwrap();
        assert_eq!(private.read(&file).unwrap(), b"two gnomes");
        let path = private.path().to_owned();
        drop(private);
        assert!(!path.exists());
    }

    #[test]
    fn a_runtime_directory_that_is_not_ours_alone_or_not_in_memory_is_not_taken() {
        let state = tempfile::tempdir().unwrap();
        let runtime = tempfile::tempdir().unwrap();
        std::fs::set_permissions(runtime.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let private = Private::make(Some(runtime.path()), state.path()).unwrap();
        assert!(!private.in_memory && private.path().starts_with(state.path()));
    }

    #[test]
    fn a_link_in_place_of_the_file_is_not_followed() {
        let state = tempfile::tempdir().unwrap();
        let private = Private::make(None, state.path()).unwrap();
        let file = private.write("message.eml", "x").unwrap();
        std::fs::remove_file(&file).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", &file).unwrap();
        assert!(private.read(&file).is_err());
    }

    #[test]
    fn what_dead_processes_left_is_swept() {
        let state = tempfile::tempdir().unwrap();
        let make = |name: String| {
            let path = state.path().join(name);
            std::fs::create_dir(&path).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
            path
        };
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let dead = make(format!("{PREFIX}{}-0", child.id()));
        child.wait().unwrap();
        let alive = make(format!("{PREFIX}{}-0", std::process::id()));
        let other = make("other".to_owned());
        sweep(None, state.path());
        assert!(!dead.exists() && alive.exists() && other.exists());
    }
}
