//! The directory that a person's files live in: `config.toml`, `keymaps/NAME.toml`, `themes/NAME.toml`, `templates/NAME.txt`.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::Config;
use crate::case::template::Template;
use crate::settings::document::{Document, Fields};
use crate::settings::finding::{Finding, Place};
use crate::settings::layers::Source;

/// A settings file larger than this is none.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Reads `config.toml` of a directory. Paths in it that begin with `~/` lie in `home`, other relative ones beside the file.
///
/// # Errors
/// All findings, when one of them forbids the file; that it is not there is one.
pub fn load(directory: &Path, home: Option<&Path>) -> Result<(Config, Vec<Finding>), Vec<Finding>> {
    let path = directory.join("config.toml");
    let shown = path.display().to_string();
    let text = read(&path).map_err(|error| {
        vec![match error.kind() {
            io::ErrorKind::NotFound => Finding::error(
                Place::file(&shown),
                "there is no configuration yet",
                "run `casemail setup`, which writes it",
            ),
            _ => Finding::error(Place::file(&shown), format!("cannot be read: {error}"), ""),
        }]
    })?;
    let (mut config, mut findings) = Config::parse(&text, &shown)?;
    // Whoever may write the file may have us run a program of theirs as the password command.
    match std::fs::metadata(&path) {
        Ok(metadata) if metadata.mode() & 0o022 != 0 => {
            let cure = format!("run `chmod 600 {shown}`");
            findings.push(Finding::error(
                Place::file(&shown),
                "others may write this file, which names programs to run",
                cure,
            ));
            return Err(findings);
        }
        _ => {}
    }
    findings.extend(templates(directory, &mut config.templates));
    config.export_directory = config.export_directory.map(|place| resolve(&place, directory, home));
    for account in &mut config.accounts {
        if let Some(file) = &account.ca_file {
            account.ca_file = Some(resolve(file, directory, home));
        }
        if let Some(own) = &mut account.client_certificate {
            own.certificate = resolve(&own.certificate, directory, home);
            own.key = resolve(&own.key, directory, home);
        }
    }
    for route in &mut config.routes {
        if let Some(file) = &route.ca_file {
            route.ca_file = Some(resolve(file, directory, home));
        }
    }
    Ok((config, findings))
}

/// Where a key of `config.toml` stands; the file as a whole, where it does not.
#[must_use]
pub fn place_of(directory: &Path, key: &str) -> Place {
    let path = directory.join("config.toml");
    let shown = path.display().to_string();
    let text = read(&path).unwrap_or_default();
    let (document, _) = Document::parse(&shown, &text);
    Fields::new(&document.root, Place::file(&shown)).place_of(key)
}

/// A person's own keymap or theme: `kind` is `keymaps` or `themes`. A file that is there but cannot be read counts as absent here;
/// `casemail check` tells of it.
#[must_use]
pub fn own(directory: &Path, kind: &str, name: &str) -> Option<Source> {
    let good = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if !good {
        return None;
    }
    let path = directory.join(kind).join(format!("{name}.toml"));
    let text = read(&path).ok()?;
    Some(Source { file: path.display().to_string(), text })
}

/// Names of a person's own keymaps or themes, sorted.
#[must_use]
pub fn own_names(directory: &Path, kind: &str) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(directory.join(kind)) else { return Vec::new() };
    let mut names: Vec<String> =
        entries.filter_map(|entry| Some(entry.ok()?.file_name().to_str()?.strip_suffix(".toml")?.to_owned())).collect();
    names.sort();
    names
}

/// Lays a person's own templates, `templates/NAME.txt`, over those that come with casemail. One that cannot be used is told of and left out.
fn templates(directory: &Path, templates: &mut Vec<Template>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let Ok(entries) = std::fs::read_dir(directory.join("templates")) else { return findings };
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "txt"));
    files.sort();
    for file in files {
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let read = read(&file).map_err(|error| format!("cannot be read: {error}"));
        match read.and_then(|text| Template::parse(&name, &text).map_err(|error| error.to_string())) {
            Ok(template) => {
                templates.retain(|known| known.name != name);
                templates.push(template);
            }
            Err(what) => {
                let cure = "mend it, or move it out of `templates`";
                findings.push(Finding::warning(Place::file(&file.display().to_string()), what, cure));
            }
        }
    }
    findings
}

fn read(path: &Path) -> io::Result<String> {
    // Not a FIFO or a device: opening those may never end.
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    let file = File::open(path)?;
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(io::Error::other("it is larger than 1 MiB"));
    }
    // Editors on Windows put a byte order mark in front.
    let text = String::from_utf8(bytes).map_err(|_| io::Error::other("it is not UTF-8 text"))?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

fn resolve(path: &Path, directory: &Path, home: Option<&Path>) -> PathBuf {
    match (path.strip_prefix("~"), home) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => directory.join(path),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::{Path, PathBuf};

    use super::{load, own, own_names};

    fn home(config: &str) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config.toml");
        std::fs::write(&path, config).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        directory
    }

    const ACCOUNT: &str = "[[account]]\nname='w'\naddress='a@b.example'\nimap={host='h'}\nsmtp={host='h'}\n";

    #[test]
    fn paths_lie_in_the_home_or_beside_the_file() {
        let check = |written: &str, expected: &dyn Fn(&Path) -> PathBuf| {
            let directory = home(&format!("{ACCOUNT}ca_file = '{written}'\n"));
            let (config, _) = load(directory.path(), Some(Path::new("/home/q"))).unwrap();
            assert_eq!(config.accounts[0].ca_file.clone().unwrap(), expected(directory.path()), "{written}");
        };
        check("~/ca.pem", &|_| PathBuf::from("/home/q/ca.pem"));
        check("/etc/ca.pem", &|_| PathBuf::from("/etc/ca.pem"));
        check("ca.pem", &|directory| directory.join("ca.pem"));
    }

    #[test]
    fn a_file_that_others_may_write_is_refused() {
        let directory = home(ACCOUNT);
        let path = directory.path().join("config.toml");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o660)).unwrap();
        let findings = load(directory.path(), None).unwrap_err();
        assert!(findings[0].what.contains("others may write"), "{findings:?}");
    }

    #[test]
    fn a_missing_file_and_a_binary_one_are_told_in_words() {
        let directory = tempfile::tempdir().unwrap();
        let findings = load(directory.path(), None).unwrap_err();
        assert!(findings[0].to_string().contains("run `casemail setup`"), "{findings:?}");
        std::fs::write(directory.path().join("config.toml"), [0xff, 0xfe, 0x00]).unwrap();
        let findings = load(directory.path(), None).unwrap_err();
        assert!(findings[0].what.contains("not UTF-8"), "{findings:?}");
    }

    #[test]
    fn own_files_are_found_by_name_and_by_nothing_else() {
        let directory = home(ACCOUNT);
        std::fs::create_dir(directory.path().join("keymaps")).unwrap();
        std::fs::write(directory.path().join("keymaps/vim.toml"), "\u{feff}[list]\n").unwrap();
        assert_eq!(own(directory.path(), "keymaps", "vim").unwrap().text, "[list]\n");
        assert_eq!(own(directory.path(), "keymaps", "../config"), None);
        assert_eq!(own_names(directory.path(), "keymaps"), ["vim"]);
        std::fs::write(directory.path().join("config.toml"), "# mine\n\nkeymap = \"vimm\"\n").unwrap();
        let place = |key| super::place_of(directory.path(), key).to_string();
        assert!(place("keymap").ends_with("config.toml:3:10"), "{}", place("keymap"));
        assert!(place("theme").ends_with("config.toml"), "{}", place("theme"));
        assert!(own_names(directory.path(), "themes").is_empty());
    }

    #[test]
    fn own_templates_lie_over_those_that_come_with_casemail() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("templates")).unwrap();
        let write =
            |name: &str, text: &str| std::fs::write(directory.path().join("templates").join(name), text).unwrap();
        write("chase.txt", "purpose: reminder\n\nPlease answer.");
        write("broken.txt", "nonsense\n\n");
        write("notes.md", "not a template");
        let mut templates = crate::case::template::Template::built_in();
        let before = templates.len();
        let findings = super::templates(directory.path(), &mut templates);
        assert_eq!(templates.len(), before);
        assert!(templates.iter().any(|one| one.name == "chase" && one.purpose == "reminder"));
        assert!(findings.len() == 1 && findings[0].to_string().contains("broken.txt"), "{findings:?}");
    }
}
