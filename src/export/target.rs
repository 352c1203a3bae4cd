//! A directory that files of cases are to be written to: what speaks against it, how much room it has, what completes its name.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::complete::fitting;

/// Names that are offered.
const NAMES_MAX: usize = 50;
/// Less than this is worth a word.
const LITTLE: u64 = 200_000_000;

/// What is known of a place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target {
    /// Where it is, all of it.
    pub place: PathBuf,
    /// Why nothing is written there.
    pub refusal: Option<String>,
    /// What a person should know before.
    pub warnings: Vec<String>,
    /// It is there already.
    pub is_there: bool,
    /// Bytes that are free there.
    pub free: Option<u64>,
    /// What the typed text could be the beginning of: directories, as they would be typed, each with a `/` at its end.
    pub completions: Vec<String>,
}

/// The place that somebody typed: `~` is the home, what begins with no `/` lies in `cwd`.
#[must_use]
pub fn resolve(typed: &str, cwd: &Path, home: Option<&Path>) -> PathBuf {
    let path = Path::new(typed);
    let whole = match (path.strip_prefix("~"), home) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => cwd.join(path),
    };
    // `.` says nothing, and would stand in every path that is told.
    whole.components().collect()
}

/// Looks at a place. `own`: directories of casemail's own, below which nothing is exported.
#[must_use]
pub fn look(typed: &str, cwd: &Path, home: Option<&Path>, own: &[PathBuf]) -> Target {
    let place = resolve(typed, cwd, home);
    let completions = fitting(typed, cwd, home, false, NAMES_MAX).into_iter().map(|one| one.typed).collect();
    let mut target = Target { completions, ..Target::default() };
    let there = place.ancestors().find(|place| place.is_dir());
    target.is_there = place.symlink_metadata().is_ok();
    target.free = there.and_then(|there| crate::store::space::free_bytes(there).ok());
    target.refusal = refusal(&place, own);
    if let Some(service) = synced(&place) {
        target.warnings.push(format!("{service} copies this folder to another company's machines"));
    }
    if target.free.is_some_and(|free| free < LITTLE) {
        target.warnings.push("there is little room".to_owned());
    }
    if let Some(meta) = there.and_then(|there| there.metadata().ok())
        && target.refusal.is_none()
        && meta.permissions().mode() & 0o022 != 0
    {
        target
            .warnings
            .push("others may write here: the case gets a directory of its own that is yours alone".to_owned());
    }
    target.place = place;
    target
}

/// Why nothing is written to a place, in words.
#[must_use]
pub fn refusal(place: &Path, own: &[PathBuf]) -> Option<String> {
    let there = place.ancestors().find_map(|one| Some((one, one.symlink_metadata().ok()?)));
    let (there, meta) = there?;
    if meta.is_symlink() && there == place {
        let leads = std::fs::read_link(place).map(|to| to.display().to_string()).unwrap_or_default();
        return Some(format!("this is a link to {leads}, which is not followed: name the directory itself"));
    }
    let real = std::fs::canonicalize(there).unwrap_or_else(|_| there.to_owned());
    let Ok(meta) = real.metadata() else { return Some("it cannot be looked at".to_owned()) };
    if !meta.is_dir() {
        return Some(format!("{} is no directory", there.display()));
    }
    let is_own = |own: &PathBuf| {
        let own = std::fs::canonicalize(own).unwrap_or_else(|_| own.clone());
        real.starts_with(&own)
    };
    if own.iter().any(is_own) {
        return Some("casemail keeps its own data here; name another directory".to_owned());
    }
    // Others can put a link in the place of what is made here, unless the directory keeps each one's names (the sticky bit).
    if meta.mode() & 0o1002 == 0o002 {
        return Some("everybody on this machine can take away and replace what is here".to_owned());
    }
    let may = rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK;
    rustix::fs::access(&real, may).is_err().then(|| "you may not write here".to_owned())
}

/// The service that copies a folder elsewhere, if one of those above it is named as such folders are.
#[must_use]
pub fn synced(place: &Path) -> Option<&'static str> {
    let there = place.ancestors().find(|place| place.exists())?;
    let real = std::fs::canonicalize(there).unwrap_or_else(|_| there.to_owned());
    let mut names = real.components().chain(place.components()).map(|part| part.as_os_str().to_string_lossy());
    names.find_map(|name| is_synced(&name))
}

/// Folders that a program copies to another machine while we write in them.
#[must_use]
pub fn is_synced(name: &str) -> Option<&'static str> {
    [
        ("onedrive", "OneDrive"),
        ("dropbox", "Dropbox"),
        ("icloud", "iCloud"),
        ("mobile documents", "iCloud"),
        ("com~apple~clouddocs", "iCloud"),
        ("google drive", "Google Drive"),
        ("googledrive", "Google Drive"),
        ("google-drive", "Google Drive"),
        ("nextcloud", "Nextcloud"),
    ]
    .into_iter()
    .find(|(start, _)| name.to_lowercase().starts_with(start))
    .map(|(_, service)| service)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;

    use super::{look, resolve};

    #[test]
    fn what_was_typed_is_a_place() {
        let at = |typed| resolve(typed, Path::new("/w"), Some(Path::new("/home/q")));
        for (typed, expected) in [(".", "/w"), ("./a", "/w/a"), ("a/./b/", "/w/a/b"), ("../a", "/w/../a")] {
            assert_eq!(at(typed).to_str(), Some(expected), "{typed}");
        }
        assert_eq!(
            [at("~/a"), at("a"), at("/a"), at("~a")].map(|path| path.display().to_string()),
            ["/home/q/a", "/w/a", "/a", "/w/~a"]
        );
    }

    #[test]
    fn links_files_and_what_everybody_may_change_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        for name in ["matters", "Matters-old", ".hidden", "own/state", "open", "Dropbox"] {
            std::fs::create_dir_all(at(name)).unwrap();
        }
        std::fs::write(at("file"), "x").unwrap();
        std::os::unix::fs::symlink(at("matters"), at("link")).unwrap();
        std::fs::set_permissions(at("open"), std::fs::Permissions::from_mode(0o777)).unwrap();
        let own = [at("own")];
        let look = |typed: &str| look(typed, dir.path(), None, &own);
        let refusal = |typed: &str| look(typed).refusal.unwrap_or_default();
        assert_eq!(
            (refusal("matters"), refusal("matters/new/er"), look("matters/new").is_there),
            (String::new(), String::new(), false)
        );
        assert!(refusal("link").contains("name the directory itself"), "{}", refusal("link"));
        // A link on the way to it is the person's own affair.
        assert_eq!(refusal("link/new"), "");
        assert!(refusal("file").contains("no directory") && refusal("file/x").contains("no directory"));
        assert!(refusal("own/state").contains("own data"));
        assert!(refusal("open").contains("everybody"));
        assert!(look("Dropbox/x").warnings.iter().any(|words| words.contains("Dropbox")));
        assert!(look("matters").free.is_some());
        assert_eq!(look("ma").completions, ["matters/"]);
        assert_eq!(look("").completions, ["Dropbox/", "Matters-old/", "link/", "matters/", "open/", "own/"]);
        assert_eq!(look("own/").completions, ["own/state/"]);
        assert_eq!(look(".h").completions, [".hidden/"]);
    }
}
