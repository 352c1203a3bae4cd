//! Where a profile lives: four directories for the owner alone, and the lock that keeps it to one process.

use std::path::{Path, PathBuf};

use super::file::{self, PlaceError};
use super::lock::{Lock, LockError};

/// The four directories of a profile, as values: nothing here reads the environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roots {
    /// A directory that the four lie in and that must not be writable for others (`--home`, or the parents that XDG names).
    pub above: Vec<PathBuf>,
    /// `config.toml`, `keymaps/`, `themes/`.
    pub config: PathBuf,
    /// What must not be lost.
    pub state: PathBuf,
    /// What may be deleted.
    pub cache: PathBuf,
    /// Key files.
    pub keys: PathBuf,
}

impl Roots {
    /// `--home DIR`: everything below it.
    #[must_use]
    pub fn below(home: &Path) -> Self {
        Self {
            above: vec![home.to_owned()],
            config: home.join("config"),
            state: home.join("state"),
            cache: home.join("cache"),
            keys: home.join("keys"),
        }
    }

    /// The four base directories of the XDG specification, as the caller found them: config, state, cache, data.
    #[must_use]
    pub fn xdg(config: &Path, state: &Path, cache: &Path, data: &Path) -> Self {
        let ours = |base: &Path| base.join("casemail");
        Self {
            above: [config, state, cache, data].map(Path::to_owned).to_vec(),
            config: ours(config),
            state: ours(state),
            cache: ours(cache),
            keys: ours(data).join("keys"),
        }
    }

    /// `config.toml`.
    #[must_use]
    pub fn config_file(&self) -> PathBuf {
        self.config.join("config.toml")
    }

    /// The header that the passphrase opens.
    #[must_use]
    pub fn vault_file(&self) -> PathBuf {
        self.state.join("vault")
    }

    /// The state store.
    #[must_use]
    pub fn state_file(&self) -> PathBuf {
        self.state.join("state.redb")
    }

    /// The socket that a running process serves commands on.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.state.join("socket")
    }

    fn lock_file(&self) -> PathBuf {
        self.state.join("lock")
    }

    /// The directories that are ours alone. A configuration kept right in the home itself is looked at as the home is.
    fn own_dirs(&self) -> impl Iterator<Item = &Path> {
        let all = [&self.config, &self.state, &self.cache, &self.keys];
        all.into_iter().map(PathBuf::as_path).filter(|place| !self.above.iter().any(|above| above == place))
    }

    /// Whether there is a profile: its header exists.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.vault_file().exists()
    }

    /// Checks the directories that exist, and makes nothing.
    #[must_use]
    pub fn findings(&self) -> Vec<PlaceError> {
        let above = self.above.iter().filter_map(|place| file::check_home(place).err());
        let dirs = self.own_dirs().filter(|place| place.symlink_metadata().is_ok());
        above.chain(dirs.filter_map(|place| file::check_dir(place).err())).collect()
    }
}

/// Why a profile cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// A directory is not safe to keep mail in.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// Another process has it. A command can be handed to it over [`Roots::socket`].
    #[error(
        "casemail is already running on this profile{}; use that one, or end it first",
        .0.map(|pid| format!(" (pid {pid})")).unwrap_or_default()
    )]
    Running(Option<u32>),
}

/// A profile that is ours until this is dropped.
#[derive(Debug)]
pub struct Profile {
    roots: Roots,
    _lock: Lock,
}

impl Profile {
    /// Makes and checks the directories, and takes the lock.
    ///
    /// # Errors
    /// [`ProfileError`].
    pub fn open(roots: Roots) -> Result<Self, ProfileError> {
        for place in &roots.above {
            file::check_home(place)?;
        }
        for place in roots.own_dirs() {
            file::private_dir(place)?;
        }
        let place = roots.lock_file();
        let lock = Lock::take(&place).map_err(|error| match error {
            LockError::Held(pid) => ProfileError::Running(pid),
            LockError::Io(source) => PlaceError::Io { place, source }.into(),
        })?;
        Ok(Self { roots, _lock: lock })
    }

    /// Where everything is.
    #[must_use]
    pub fn roots(&self) -> &Roots {
        &self.roots
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use super::{Profile, ProfileError, Roots};
    use crate::store::file::PlaceError;

    #[test]
    fn xdg_places() {
        let roots = Roots::xdg(Path::new("/c"), Path::new("/s"), Path::new("/x"), Path::new("/d"));
        assert_eq!(roots.config_file(), Path::new("/c/casemail/config.toml"));
        assert_eq!(roots.vault_file(), Path::new("/s/casemail/vault"));
        assert_eq!(roots.keys, Path::new("/d/casemail/keys"));
    }

    #[test]
    fn a_second_process_is_told() {
        let tmp = tempfile::tempdir().unwrap();
        let home = tmp.path().join("home");
        let first = Profile::open(Roots::below(&home)).unwrap();
        let error = Profile::open(Roots::below(&home)).unwrap_err();
        let expected = format!(
            "casemail is already running on this profile (pid {}); use that one, or end it first",
            std::process::id()
        );
        assert_eq!(error.to_string(), expected);
        drop(first);
        Profile::open(Roots::below(&home)).unwrap();
    }

    #[test]
    fn an_open_state_directory_is_refused() {
        let tmp = tempfile::tempdir().unwrap();
        let roots = Roots::below(tmp.path());
        drop(Profile::open(roots.clone()).unwrap());
        std::fs::set_permissions(&roots.state, std::fs::Permissions::from_mode(0o755)).unwrap();
        let error = Profile::open(roots.clone()).unwrap_err();
        assert!(matches!(error, ProfileError::Place(PlaceError::Open { mode: 0o755, .. })), "{error}");
        assert_eq!(roots.findings().len(), 1);
    }
}
