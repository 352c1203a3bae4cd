//! A profile as a user has it: a home directory with a configuration in words, a passphrase, and the built program run on it.

use std::fmt::Write as _;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use casemail::net::{Endpoint, Security};
use casemail::store::profile::{Profile, Roots};
use casemail::store::vault::{Cost, Vault};

use super::dovecot::PASSWORD;
use super::tmux::Tmux;

/// The program.
pub(crate) const CASEMAIL: &str = env!("CARGO_BIN_EXE_casemail");
/// What opens the profile.
pub(crate) const PASSPHRASE: &str = "otter weir lantern";

/// A profile; its directory goes with it.
#[derive(Debug)]
pub(crate) struct Home {
    dir: tempfile::TempDir,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Home {
    /// Makes a profile without a configuration.
    pub(crate) fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("cm-home-").tempdir_in("/tmp").unwrap();
        let home = Self { dir };
        home.write("passphrase", PASSPHRASE);
        home.write("password", PASSWORD);
        drop(Profile::open(home.roots()).unwrap());
        // The least that the program accepts; it is the cost of every start here.
        Vault::create_with(&home.roots().vault_file(), PASSPHRASE.as_bytes(), Cost::FLOOR).unwrap();
        home
    }

    /// What `--home` names.
    pub(crate) fn path(&self) -> PathBuf {
        self.dir.path().join("home")
    }

    /// Its three directories.
    pub(crate) fn roots(&self) -> Roots {
        Roots::below(&self.path())
    }

    /// A file beside the home.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a file beside the home, for its owner only.
    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.beside(name), text).unwrap();
        std::fs::set_permissions(self.beside(name), PermissionsExt::from_mode(0o600)).unwrap();
    }

    /// Writes the configuration.
    pub(crate) fn configure(&self, text: &str) {
        std::fs::write(self.roots().config_file(), text).unwrap();
        std::fs::set_permissions(self.roots().config_file(), PermissionsExt::from_mode(0o600)).unwrap();
    }

    /// A configuration with one account; `more` stands before the account.
    pub(crate) fn config(&self, imap: &Endpoint, smtp: &Endpoint, ca_file: &Path, more: &str) -> String {
        let endpoint = |at: &Endpoint| {
            let security = if at.security == Security::Tls { "tls" } else { "starttls" };
            format!("{{ host = {:?}, port = {}, security = {security:?}, user = \"quill\" }}", at.host, at.port)
        };
        let mut text = String::new();
        let unlock = self.beside("passphrase");
        writeln!(text, "unlock_command = [\"cat\", {unlock:?}]\nundo_send_seconds = 0\n{more}").unwrap();
        if !more.contains("[classes]") {
            writeln!(text, "[classes]\ngov = [\"gov.example\", \"police.example\"]").unwrap();
        }
        writeln!(text, "[[account]]\nname = \"work\"\nfull_name = \"Beatrice Quill\"").unwrap();
        writeln!(text, "address = \"quill@quillpounce.example\"\nca_file = {ca_file:?}").unwrap();
        writeln!(text, "imap = {}\nsmtp = {}", endpoint(imap), endpoint(smtp)).unwrap();
        writeln!(text, "password = {{ command = [\"cat\", {:?}] }}", self.beside("password")).unwrap();
        text
    }

    /// The program on this home.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(CASEMAIL);
        command.arg("--home").arg(self.path()).args(args).env("LC_ALL", "C.UTF-8").env("TZ", "UTC");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Starts a command and does not wait for it.
    pub(crate) fn start(&self, args: &[&str]) -> Child {
        self.command(args).stdin(Stdio::null()).spawn().unwrap()
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, args: &[&str], input: &[u8]) -> Ran {
        let mut child = self.command(args).spawn().unwrap();
        // A command that needs no input may have ended already.
        let _ = child.stdin.take().unwrap().write_all(input);
        let output = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ran { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Runs a command that must succeed: its output.
    #[track_caller]
    pub(crate) fn done(&self, args: &[&str], input: &[u8]) -> String {
        let ran = self.run(args, input);
        assert_eq!(ran.code, 0, "{args:?}: {ran:?}");
        ran.out
    }

    /// The same, with `--json`.
    #[track_caller]
    pub(crate) fn json(&self, args: &[&str]) -> serde_json::Value {
        let args: Vec<&str> = [&["--json"], args].concat();
        serde_json::from_str(&self.done(&args, b"")).unwrap()
    }

    /// The terminal interface in a terminal of its own.
    pub(crate) fn screen(&self, size: (u16, u16)) -> Option<Screen> {
        self.screen_by(size, "")
    }

    /// The same, run by a command that is given the program and its arguments.
    pub(crate) fn screen_by(&self, size: (u16, u16), command: &str) -> Option<Screen> {
        let status = tempfile::Builder::new().prefix("status-").tempdir_in(self.dir.path()).unwrap();
        // The shell keeps the status: tmux loses it now and then.
        let script = format!(
            "{command} '{CASEMAIL}' --home '{}'; echo $? > '{1}/new'; mv '{1}/new' '{1}/status'",
            self.path().display(),
            status.path().display()
        );
        let tmux = Tmux::start(size, &["sh", "-c", &script], &[("TZ", "UTC"), ("EDITOR", "false")])?;
        Some(Screen { tmux, status })
    }
}

/// The running terminal interface.
#[derive(Debug)]
pub(crate) struct Screen {
    tmux: Tmux,
    status: tempfile::TempDir,
}

impl std::ops::Deref for Screen {
    type Target = Tmux;

    fn deref(&self) -> &Tmux {
        &self.tmux
    }
}

impl Screen {
    /// The program's process id.
    pub(crate) fn pid(&self) -> i32 {
        let children = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", self.tmux.pid())).unwrap();
        children.split_whitespace().next().unwrap().parse().unwrap()
    }

    /// Waits for the program to end: its exit status.
    pub(crate) fn wait_for_end(&self) -> i32 {
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            if let Ok(status) = std::fs::read_to_string(self.status.path().join("status")) {
                return status.trim().parse().unwrap();
            }
            assert!(Instant::now() < end, "the program does not end; the screen is\n{}", self.capture());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
