//! The outside editor: what is run, on which file, and what comes back.
//!
//! The built-in editor keeps the text in the process; an outside one needs it in a file, in clear. So it is run only when a person asks for
//! it, on a file in a private directory, and those that are known are told to leave no copies elsewhere (swap, backup, undo, history).

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use super::private::Private;
use crate::app::view::{Sentence, Tone};
use crate::mail::safe::SafeText;

/// How often the editor and the signals are looked at while it runs.
const LOOK: Duration = Duration::from_millis(40);

/// Which editor, and where its file may lie.
#[derive(Clone, Debug, Default)]
pub struct Editor {
    /// The configured one with its arguments; wins.
    pub configured: Option<Vec<String>>,
    /// The value of `$VISUAL`.
    pub visual: Option<String>,
    /// The value of `$EDITOR`.
    pub editor: Option<String>,
    /// The value of `$PATH`: `vi` and `editor` are usually links to the real one.
    pub path: Option<OsString>,
    /// The value of `$XDG_RUNTIME_DIR`.
    pub runtime: Option<PathBuf>,
    /// A directory of ours for when that is not to be trusted.
    pub state: PathBuf,
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Edited {
    /// The new text, or why there is none.
    pub(super) text: Result<String, Sentence>,
    /// Something to tell besides.
    pub(super) note: Option<Sentence>,
}

impl Editor {
    /// Runs the editor on a text and waits for it. The terminal must have been given back. `must_end` is asked meanwhile: when it says
    /// so, the editor is ended, and what it had saved by then is taken over.
    pub(super) fn run(&self, text: &str, must_end: &dyn Fn() -> bool) -> Edited {
        let only = |words: String| Edited { text: Err(say(Tone::Warning, &words)), note: None };
        let Some(words) = self.words() else {
            return only(
                "No editor is known: set $VISUAL or $EDITOR, or write `editor = [\"vim\"]` in config.toml.".to_owned(),
            );
        };
        let Some((program, _)) = words.split_first() else { return only("The editor's command is empty.".to_owned()) };
        let private = match Private::make(self.runtime.as_deref(), &self.state) {
            Ok(private) => private,
            Err(error) => {
                return only(format!("No private directory for the editor's file: {error}. The text is unchanged."));
            }
        };
        let path = match private.write("message.eml", text) {
            Ok(path) => path,
            Err(error) => return only(format!("The editor's file cannot be written: {error}. The text is unchanged.")),
        };
        let (flags, is_known) = discretion(&self.real_name(program));
        let status = match spawn(&words, &flags, &path, private.path(), must_end) {
            Ok(Some(status)) => status,
            Ok(None) => {
                let saved = private.read(&path).ok().and_then(|bytes| String::from_utf8(bytes).ok());
                // Cut off while it was written, it may be empty.
                return match saved.filter(|saved| !saved.trim().is_empty() && saved != text) {
                    Some(saved) => Edited { text: Ok(tidy(text, &saved)), note: None },
                    None => only("The editor was ended with the program; the text is unchanged.".to_owned()),
                };
            }
            Err(error) => {
                return only(format!(
                    "The editor `{program}` cannot be run: {error}. Set $VISUAL or $EDITOR; the text is unchanged."
                ));
            }
        };
        if !status.success() {
            return only(format!("The editor {}: its text was abandoned, the one from before is kept.", ended(status)));
        }
        let bytes = match private.read(&path) {
            Ok(bytes) => bytes,
            Err(error) => return only(format!("The editor's file cannot be read: {error}. The text is unchanged.")),
        };
        let mut note = None;
        let edited = String::from_utf8(bytes).unwrap_or_else(|error| {
            note =
                Some(say(Tone::Warning, "The editor did not save UTF-8: look at the odd characters before sending."));
            String::from_utf8_lossy(error.as_bytes()).into_owned()
        });
        if note.is_none() && !is_known {
            let words = format!("`{program}` may keep copies of the text elsewhere; casemail cannot tell it not to.");
            note = Some(say(Tone::Warning, &words));
        } else if note.is_none() && !private.in_memory {
            note = Some(say(
                Tone::Plain,
                "The editor's file was on the disk: there is no private directory in memory here.",
            ));
        }
        Edited { text: Ok(tidy(text, &edited)), note }
    }

    /// The file name of what will really run: links followed, as far as that can be told.
    fn real_name(&self, program: &str) -> String {
        let found = if program.contains('/') {
            std::fs::canonicalize(program).ok()
        } else {
            let path = self.path.clone().unwrap_or_default();
            std::env::split_paths(&path).find_map(|directory| std::fs::canonicalize(directory.join(program)).ok())
        };
        let found = found.unwrap_or_else(|| PathBuf::from(program));
        found.file_name().and_then(OsStr::to_str).unwrap_or_default().to_owned()
    }

    /// The program with its arguments.
    fn words(&self) -> Option<Vec<String>> {
        let set = |value: &Option<String>| value.as_deref().map(split).filter(|words| !words.is_empty());
        self.configured.clone().or_else(|| set(&self.visual)).or_else(|| set(&self.editor))
    }
}

fn say(tone: Tone, words: &str) -> Sentence {
    Sentence { tone, text: SafeText::line(words) }
}

/// `None`: it had to be ended.
fn spawn(
    words: &[String],
    flags: &[&str],
    path: &Path,
    directory: &Path,
    must_end: &dyn Fn() -> bool,
) -> std::io::Result<Option<ExitStatus>> {
    let (program, arguments) = words.split_first().ok_or(std::io::ErrorKind::NotFound)?;
    let mut child = Command::new(program)
        .args(flags)
        .args(arguments)
        .arg(path)
        // Files that an editor drops "here" fall into what is removed.
        .env("TMPDIR", directory)
        .stdin(Stdio::inherit())
        .stdout(Stdio::inherit())
        .stderr(Stdio::inherit())
        .spawn()?;
    loop {
        if let Some(status) = child.try_wait()? {
            // The end of the line ends both.
            return Ok((status.success() || !must_end()).then_some(status));
        }
        if must_end() {
            let _ = child.kill();
            let _ = child.wait();
            return Ok(None);
        }
        std::thread::sleep(LOOK);
    }
}

/// Arguments that keep an editor from leaving copies, and whether it is known to leave none then.
fn discretion(file_name: &str) -> (Vec<&'static str>, bool) {
    const NO_COPIES: &str = "set noswapfile nobackup nowritebackup noundofile";
    // Debian calls vim's builds `vim.basic`, `vim.tiny` and so on.
    let name = file_name.split('.').next().unwrap_or_default();
    match name {
        // Before the person's settings and once more after them; without `-i NONE` the registers land in a history file.
        "vim" | "nvim" | "vimx" | "gvim" => (vec!["-n", "-i", "NONE", "--cmd", NO_COPIES, "-c", NO_COPIES], true),
        "nano" | "rnano" => (vec!["--restricted", "--nonewlines"], true),
        "micro" => {
            (vec!["-backup", "false", "-savehistory", "false", "-savecursor", "false", "-saveundo", "false"], true)
        }
        "joe" | "jpico" | "jmacs" => (vec!["-nobackups"], true),
        // They write beside the file at most, and that directory is removed.
        "ed" | "hx" | "helix" | "kak" | "mg" | "jed" | "ne" | "nvi" => (Vec::new(), true),
        _ => (Vec::new(), false),
    }
}

/// Splits a command as people write it into `$EDITOR`: at spaces, but not within quotes. No shell is run.
fn split(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (Some(open), c) if c == open => quote = None,
            (None | Some('"'), '\\') => word.get_or_insert_default().extend(chars.next()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

fn ended(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("ended with status {code}"),
        (_, Some(signal)) => format!("was ended by signal {signal}"),
        _ => "ended".to_owned(),
    }
}

/// Line ends made ours; the line end that editors add to the last line is taken off again where there was none.
fn tidy(before: &str, after: &str) -> String {
    let after = after.strip_prefix('\u{feff}').unwrap_or(after).replace("\r\n", "\n");
    match after.strip_suffix('\n') {
        Some(shorter) if !before.ends_with('\n') => shorter.to_owned(),
        _ => after,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::{Editor, discretion, split, tidy};

    /// An editor made of a shell script; `$1` is the file. Gives the text or the words, and what is left of the directory.
    fn edit(script: &str, text: &str) -> (Result<String, String>, Option<String>, usize) {
        let home = tempfile::tempdir().unwrap();
        let program = home.path().join("ed-itor");
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
        let state = home.path().join("state");
        let editor =
            Editor { configured: Some(vec![program.display().to_string()]), state: state.clone(), ..Editor::default() };
        let edited = editor.run(text, &|| false);
        let left = std::fs::read_dir(&state).map_or(0, Iterator::count);
        (edited.text.map_err(|why| why.text.to_string()), edited.note.map(|note| note.text.to_string()), left)
    }

    #[test]
    fn what_was_saved_comes_back_and_nothing_stays() {
        assert_eq!(edit("printf 'new text\\n' > \"$1\"", "old").0, Ok("new text".to_owned()));
        // Saved by rename, as most editors do, with a backup beside it.
        let (text, note, left) = edit("cp \"$1\" \"$1~\"; printf 'two' > \"$1.new\"; mv \"$1.new\" \"$1\"", "old");
        assert_eq!((text, left), (Ok("two".to_owned()), 0));
        assert!(note.unwrap().contains("may keep copies"));
        assert_eq!(edit("true", "unchanged\n").0, Ok("unchanged\n".to_owned()));
    }

    #[test]
    fn what_was_saved_before_the_line_was_cut_comes_back() {
        let check = |script: &str, expected: &str| {
            let home = tempfile::tempdir().unwrap();
            let (program, ready) = (home.path().join("ed-itor"), home.path().join("ready"));
            let script = format!("#!/bin/sh\n{script}\ntouch {}\nexec sleep 600\n", ready.display());
            std::fs::write(&program, script).unwrap();
            std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
            let configured = Some(vec![program.display().to_string()]);
            let editor = Editor { configured, state: home.path().join("state"), ..Editor::default() };
            let edited = editor.run("old", &|| ready.exists());
            assert_eq!(edited.text.map_err(|why| why.text.to_string()).as_deref().unwrap_or("none"), expected);
        };
        check("printf 'half a thought' > \"$1\"", "half a thought");
        check(": > \"$1\"", "none");
        check("true", "none");
    }

    #[test]
    fn an_editor_that_fails_abandons_its_text() {
        let check = |script: &str, expected: &str| {
            let (text, _, left) = edit(script, "old");
            assert!(text.as_ref().is_err_and(|why| why.contains(expected)), "{script}: {text:?}");
            assert_eq!(left, 0);
        };
        check("echo new > \"$1\"; exit 3", "ended with status 3: its text was abandoned");
        check("kill -9 $$", "was ended by signal 9");
        check("rm \"$1\"", "cannot be read");
        check("rm \"$1\"; ln -s /etc/passwd \"$1\"", "cannot be read");
    }

    #[test]
    fn the_file_is_private_while_it_is_edited() {
        let (text, _, _) = edit("stat -c '%a' \"$1\" \"$(dirname \"$1\")\" > \"$1.s\"; cat \"$1.s\" > \"$1\"", "old");
        assert_eq!(text, Ok("600\n700".to_owned()));
    }

    #[test]
    fn the_end_of_the_program_ends_the_editor() {
        let home = tempfile::tempdir().unwrap();
        let editor =
            Editor { editor: Some("sleep 1000 #".to_owned()), state: home.path().join("state"), ..Editor::default() };
        let edited = editor.run("text", &|| true);
        assert!(edited.text.is_err());
        assert_eq!(std::fs::read_dir(home.path().join("state")).unwrap().count(), 0);
    }

    #[test]
    fn without_an_editor_or_with_one_that_is_not_there_the_words_say_so() {
        let home = tempfile::tempdir().unwrap();
        let editor = Editor { state: home.path().to_owned(), ..Editor::default() };
        assert!(editor.run("x", &|| false).text.unwrap_err().text.as_str().contains("$VISUAL"));
        let editor = Editor { visual: Some("/nonexistent/ed".to_owned()), ..editor };
        assert!(editor.run("x", &|| false).text.unwrap_err().text.as_str().contains("cannot be run"));
    }

    #[test]
    fn visual_comes_before_editor_and_both_may_hold_arguments() {
        let editor =
            Editor { visual: Some(" ".to_owned()), editor: Some("code --wait".to_owned()), ..Editor::default() };
        assert_eq!(editor.words().unwrap(), ["code", "--wait"]);
        assert_eq!(split("'my editor' -c \"set \\\"x\\\"\" a\\ b ''"), ["my editor", "-c", "set \"x\"", "a b", ""]);
    }

    #[test]
    fn known_editors_leave_no_copies() {
        assert!(discretion("vim.basic").0.contains(&"NONE"));
        assert!(discretion("nano").0.contains(&"--restricted"));
        assert_eq!(discretion("subl"), (Vec::new(), false));
        let bin = tempfile::tempdir().unwrap();
        std::fs::write(bin.path().join("vim.tiny"), "").unwrap();
        std::os::unix::fs::symlink(bin.path().join("vim.tiny"), bin.path().join("vi")).unwrap();
        let editor = Editor { path: Some(bin.path().into()), ..Editor::default() };
        assert_eq!(editor.real_name("vi"), "vim.tiny");
        assert_eq!(editor.real_name("/nonexistent/ed"), "ed");
    }

    #[test]
    fn line_ends_are_ours() {
        assert_eq!(tidy("a", "a\r\nb\r\n"), "a\nb");
        assert_eq!(tidy("a\n", "a\n"), "a\n");
        assert_eq!(tidy("", ""), "");
    }
}
