//! What completes the name of a file or a directory that is being typed.

use std::path::Path;

use super::target::resolve;
use crate::enclose::paths::split;

/// Entries of a directory that are looked at.
const ENTRIES_MAX: usize = 100_000;

/// A name that fits.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fitting {
    /// It is a file, not a directory: those come first.
    pub is_file: bool,
    /// The whole of it, as it would be typed; a directory ends with `/`.
    pub typed: String,
    /// Its last piece.
    pub name: String,
    /// Its size.
    pub bytes: u64,
}

/// What the last piece of a typed path could be the beginning of: ordinary files and directories, or directories only. A link is what it leads to.
/// Hidden ones only where a `.` was typed. `~` is the home, what begins with no `/` lies in `cwd`.
#[must_use]
pub fn fitting(typed: &str, cwd: &Path, home: Option<&Path>, files: bool, most: usize) -> Vec<Fitting> {
    if typed == "~" {
        return vec![Fitting { typed: "~/".to_owned(), name: "~/".to_owned(), ..Fitting::default() }];
    }
    let (before, begun) = split(typed);
    let Ok(entries) = std::fs::read_dir(resolve(before, cwd, home)) else { return Vec::new() };
    let mut found = Vec::new();
    for entry in entries.flatten().take(ENTRIES_MAX) {
        let Ok(name) = entry.file_name().into_string() else { continue };
        if !name.starts_with(begun) || (name.starts_with('.') && !begun.starts_with('.')) {
            continue;
        }
        let Ok(metadata) = std::fs::metadata(entry.path()) else { continue };
        let is_file = metadata.is_file();
        if !(metadata.is_dir() || (files && is_file)) {
            continue;
        }
        let name = if is_file { name } else { format!("{name}/") };
        found.push(Fitting { is_file, typed: format!("{before}{name}"), name, bytes: metadata.len() });
    }
    found.sort();
    found.truncate(most);
    found
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::fitting;

    #[test]
    fn names_are_completed_as_they_are_typed() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        for name in ["MG5 Ferret.pdf", "MG11.pdf", ".secret", "other.txt"] {
            std::fs::write(at(name), "x").unwrap();
        }
        std::fs::create_dir(at("MG papers")).unwrap();
        std::os::unix::fs::symlink(at("MG papers"), at("link")).unwrap();
        std::os::unix::fs::symlink(at("nothing"), at("broken")).unwrap();
        let names = |typed: &str, files: bool| -> Vec<String> {
            let found = fitting(typed, dir.path(), Some(Path::new("/nowhere")), files, 4);
            found.into_iter().map(|one| one.typed).collect()
        };
        assert_eq!(names("MG", true), ["MG papers/", "MG11.pdf", "MG5 Ferret.pdf"]);
        assert_eq!(names("MG", false), ["MG papers/"]);
        assert_eq!(names("", false), ["MG papers/", "link/"]);
        assert_eq!(
            names("", true),
            ["MG papers/", "link/", "MG11.pdf", "MG5 Ferret.pdf"],
            "no more than were asked for"
        );
        assert_eq!(
            (names(".s", true), names("b", true), names("~", true)),
            (vec![".secret".to_owned()], vec![], vec!["~/".to_owned()])
        );
        assert!(names("none/", true).is_empty() && names("~/x", true).is_empty());
        let whole = format!("{}/MG1", dir.path().display());
        assert_eq!(names(&whole, true), [format!("{whole}1.pdf")]);
        let home = fitting("~/MG1", Path::new("/"), Some(dir.path()), true, 9);
        assert_eq!((home[0].typed.as_str(), home[0].name.as_str(), home[0].bytes), ("~/MG11.pdf", "MG11.pdf", 1));
    }
}
