//! A program in a real terminal: tmux with a server of its own, so that nobody's sessions are touched.
//!
//! Keys go in, the screen comes out, and every wait is for a condition with a deadline.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

/// How long a condition is waited for. Generous: the machine may be building something else.
const DEADLINE: Duration = Duration::from_secs(30);

/// A terminal with one program in it; the terminal and the program end when it is dropped.
#[derive(Debug)]
pub(crate) struct Tmux {
    dir: tempfile::TempDir,
}

impl Tmux {
    /// Starts `words` (a program and its arguments) in a terminal of `columns` × `rows`, with variables added to the environment.
    /// `None`, said aloud, when tmux is not installed.
    pub(crate) fn start((columns, rows): (u16, u16), words: &[&str], env: &[(&str, &str)]) -> Option<Self> {
        if Command::new("tmux").arg("-V").output().is_err() {
            assert!(std::env::var_os("CASEMAIL_TESTS").is_none_or(|all| all != "all"), "tmux is not installed");
            eprintln!("left out: no tmux");
            return None;
        }
        let dir = tempfile::tempdir().unwrap();
        // What is on the screen when the program ends stays, so that it can be looked at.
        let settings = "set -g remain-on-exit on\nset -g status off\nset -sg escape-time 0\n\
                        set -g default-terminal tmux-256color\nset -g remain-on-exit-format ''\n";
        std::fs::write(dir.path().join("tmux.conf"), settings).unwrap();
        let tmux = Self { dir };
        let mut start = tmux.command();
        start.args(["new-session", "-d", "-x", &columns.to_string(), "-y", &rows.to_string()]);
        for (name, value) in [("LC_ALL", "C.UTF-8")].iter().chain(env) {
            start.args(["-e", &format!("{name}={value}")]);
        }
        let quoted: Vec<String> = words.iter().map(|word| format!("'{}'", word.replace('\'', "'\\''"))).collect();
        start.arg(format!("exec {}", quoted.join(" ")));
        let output = start.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        // Not in the settings: tmux 3.3 dies of it when there is no window yet.
        tmux.tmux(&["set-option", "-g", "window-size", "manual"]);
        Some(tmux)
    }

    fn socket(&self) -> PathBuf {
        self.dir.path().join("socket")
    }

    fn command(&self) -> Command {
        let mut command = Command::new("tmux");
        command.env_remove("TMUX").arg("-u").arg("-S").arg(self.socket());
        command.arg("-f").arg(self.dir.path().join("tmux.conf"));
        command
    }

    fn tmux(&self, words: &[&str]) -> Output {
        let output = self.command().args(words).output().unwrap();
        assert!(output.status.success(), "tmux {words:?}: {}", String::from_utf8_lossy(&output.stderr));
        output
    }

    fn ask(&self, format: &str) -> String {
        String::from_utf8_lossy(&self.tmux(&["display-message", "-p", format]).stdout).trim().to_owned()
    }

    /// Presses keys by tmux's names for them: `Enter`, `C-z`, `Down`, `j`.
    pub(crate) fn send_keys(&self, keys: &[&str]) {
        let mut words = vec!["send-keys"];
        words.extend(keys);
        self.tmux(&words);
    }

    /// Types text, character by character.
    pub(crate) fn type_text(&self, text: &str) {
        self.tmux(&["send-keys", "-l", text]);
    }

    /// Pastes text the way a terminal does (bracketed, when the program asked for it).
    pub(crate) fn paste(&self, text: &str) {
        self.tmux(&["set-buffer", "--", text]);
        self.tmux(&["paste-buffer", "-p"]);
    }

    /// The screen as text, one line a row, without spaces at the ends of lines.
    pub(crate) fn capture(&self) -> String {
        String::from_utf8_lossy(&self.tmux(&["capture-pane", "-p"]).stdout).into_owned()
    }

    /// The screen with its colours, as escape sequences.
    pub(crate) fn capture_styled(&self) -> String {
        String::from_utf8_lossy(&self.tmux(&["capture-pane", "-p", "-e"]).stdout).into_owned()
    }

    /// Waits until the screen holds a text, and gives that screen back.
    pub(crate) fn wait_for(&self, text: &str) -> String {
        self.wait_until(&format!("{text:?} on the screen"), |screen| screen.contains(text))
    }

    /// Waits until the screen is as wanted.
    pub(crate) fn wait_until(&self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let end = Instant::now() + DEADLINE;
        loop {
            let screen = self.capture();
            if wanted(&screen) {
                return screen;
            }
            assert!(Instant::now() < end, "waited in vain for {what}; the screen is\n{screen}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends the program where something was just sent. The server has it a moment before the program knows, which asks then.
    pub(crate) fn leave(&self) {
        self.send_keys(&["C-q"]);
        let end = Instant::now() + DEADLINE;
        while self.ask("#{pane_dead}") != "1" {
            let screen = self.capture();
            if screen.contains("End casemail now?") {
                return self.send_keys(&["y"]);
            }
            assert!(Instant::now() < end, "the program neither ends nor asks; the screen is\n{screen}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits for the program to end. Its exit status is the business of whoever started it: tmux 3.3 may lose it.
    pub(crate) fn wait_for_end(&self) {
        let end = Instant::now() + DEADLINE;
        while self.ask("#{pane_dead}") != "1" {
            assert!(Instant::now() < end, "the program does not end; the screen is\n{}", self.capture());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The program's process id.
    pub(crate) fn pid(&self) -> i32 {
        self.ask("#{pane_pid}").parse().unwrap()
    }

    /// Writes to the terminal behind the program's back.
    pub(crate) fn scribble(&self, text: &str) {
        std::fs::write(self.ask("#{pane_tty}"), text).unwrap();
    }

    /// Whether the program asked for the alternate screen: left behind, it is a broken terminal.
    pub(crate) fn alternate_on(&self) -> bool {
        self.ask("#{alternate_on}") == "1"
    }

    /// Whether the cursor is shown.
    pub(crate) fn cursor_shown(&self) -> bool {
        self.ask("#{cursor_flag}") == "1"
    }

    /// Resizes the terminal.
    pub(crate) fn resize(&self, columns: u16, rows: u16) {
        self.tmux(&["resize-window", "-x", &columns.to_string(), "-y", &rows.to_string()]);
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        let _ = self.command().arg("kill-server").output();
    }
}
