//! The environment, read in this one place and handed down as values.

use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use crate::store::profile::Roots;

/// What the process was given.
#[derive(Clone, Debug, Default)]
pub(super) struct Environment {
    /// `HOME`.
    pub(super) home: Option<PathBuf>,
    /// Working directory.
    pub(super) cwd: PathBuf,
    /// `XDG_CONFIG_HOME`, `XDG_STATE_HOME`, `XDG_CACHE_HOME`, `XDG_DATA_HOME`: absolute ones only.
    pub(super) xdg: [Option<PathBuf>; 4],
    /// `XDG_RUNTIME_DIR`.
    pub(super) runtime_dir: Option<PathBuf>,
    /// The directory for temporary files.
    pub(super) temporary_dir: PathBuf,
    /// Somebody can be asked: standard input is a terminal.
    pub(super) is_interactive: bool,
    /// Standard output is a terminal.
    pub(super) is_screen: bool,
    /// The error output is a terminal.
    pub(super) is_told: bool,
}

impl Environment {
    /// Reads it.
    #[must_use]
    pub(super) fn read() -> Self {
        let path = |name: &str| {
            let value: Option<OsString> = std::env::var_os(name);
            value.map(PathBuf::from).filter(|path| path.is_absolute())
        };
        Self {
            home: path("HOME"),
            cwd: std::env::current_dir().unwrap_or_default(),
            xdg: ["XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"].map(path),
            runtime_dir: path("XDG_RUNTIME_DIR"),
            temporary_dir: std::env::temp_dir(),
            is_interactive: std::io::stdin().is_terminal(),
            is_screen: std::io::stdout().is_terminal(),
            is_told: std::io::stderr().is_terminal(),
        }
    }

    /// Where the profile lives; `None` where neither `--home` nor the environment says.
    #[must_use]
    pub(super) fn roots(&self, home: Option<&Path>) -> Option<Roots> {
        if let Some(home) = home {
            let home = self.cwd.join(home);
            let mut roots = Roots::below(&home);
            // DIR/config.toml serves where DIR/config holds none.
            if !roots.config_file().exists() && home.join("config.toml").exists() {
                roots.config = home;
            }
            return Some(roots);
        }
        let base = |own: &Option<PathBuf>, below: &str| own.clone().or_else(|| Some(self.home.as_ref()?.join(below)));
        let [config, state, cache, data] = &self.xdg;
        Some(Roots::xdg(
            &base(config, ".config")?,
            &base(state, ".local/state")?,
            &base(cache, ".cache")?,
            &base(data, ".local/share")?,
        ))
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::Environment;

    #[test]
    fn the_profile_lies_where_it_is_said() {
        let mut environment = Environment { cwd: "/srv".into(), ..Environment::default() };
        assert_eq!(environment.roots(None), None);
        let below = environment.roots(Some(Path::new("otter"))).unwrap();
        assert_eq!(below.config, Path::new("/srv/otter/config"));
        environment.home = Some("/home/k".into());
        environment.xdg[2] = Some(PathBuf::from("/scratch"));
        let roots = environment.roots(None).unwrap();
        assert_eq!(roots.config, Path::new("/home/k/.config/casemail"));
        assert_eq!(roots.state, Path::new("/home/k/.local/state/casemail"));
        assert_eq!(roots.cache, Path::new("/scratch/casemail"));
        assert_eq!(roots.keys, Path::new("/home/k/.local/share/casemail/keys"));
    }
}
