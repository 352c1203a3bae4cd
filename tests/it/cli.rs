//! The command line as scripts see it: the real program, its exit codes, its documents, nothing but a home of its own.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

const HOSTILE: &str = "From: Badger <badger@crown.example>\r\nTo: kestrel@chambers.example\r\n\
                       Subject: R v FERRET\u{1b}[2J 99ZX0012326\r\nDate: Mon, 2 Mar 2026 09:00:00 +0000\r\n\
                       Message-ID: <1@crown.example>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
                       --b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHello\u{1b}]0;title\u{7} \u{202e}there\r\n\
                       --b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename=\"../../report.pdf\"\r\n\r\n\
                       %PDF\r\n--b--\r\n";

/// A directory with a home in it, removed at the end.
struct Desk {
    dir: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    fn home(&self) -> PathBuf {
        self.dir.path().join("home")
    }

    /// Runs the program with this home, in this directory, with nobody at the terminal.
    fn run(&self, words: &[&str], input: &str) -> Output {
        use std::io::Write;
        let mut child = Command::new(env!("CARGO_BIN_EXE_casemail"))
            .arg("--home")
            .arg(self.home())
            .args(words)
            .current_dir(self.dir.path())
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A program that does not read its input closes it.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    }

    /// Runs it, expects a code, gives what it wrote.
    #[track_caller]
    fn expect(&self, code: i32, words: &[&str]) -> String {
        let output = self.run(words, "");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{words:?}: {told}");
        if code == 0 { String::from_utf8(output.stdout).unwrap() } else { told }
    }

    #[track_caller]
    fn document(&self, words: &[&str], schema: &str) -> Value {
        let text = self.expect(0, &[words, &["--json"]].concat());
        let document: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(document["schema"], schema, "{words:?}");
        document
    }

    /// Writes a configuration whose passphrase a program knows, and makes the profile.
    fn set_up(&self) {
        let config = self.home().join("config");
        fs::create_dir_all(&config).unwrap();
        fs::set_permissions(&config, fs::Permissions::from_mode(0o700)).unwrap();
        let text = "unlock_command = ['printf', 'otter weir lantern']\n[[account]]\nname = 'work'\n\
                    address = 'kestrel@chambers.example'\nfull_name = 'Kestrel'\npassword = { command = ['printf', 'x'] }\n\
                    imap = { host = 'localhost', port = 1 }\nsmtp = { host = 'localhost', port = 1 }\n";
        fs::write(config.join("config.toml"), text).unwrap();
        fs::set_permissions(config.join("config.toml"), fs::Permissions::from_mode(0o600)).unwrap();
        self.expect(0, &["setup"]);
    }
}

#[test]
fn bare_files_need_no_profile() {
    let desk = Desk::new();
    fs::write(desk.dir.path().join("a.eml"), HOSTILE).unwrap();
    let document = desk.document(&["message", "show", "a.eml"], "casemail.message/1");
    assert_eq!(document["message_id"], "1@crown.example");
    assert_eq!(document["openpgp"]["signature"]["state"], "none");
    let from_stdin = desk.run(&["message", "show", "-", "--json"], HOSTILE);
    assert_eq!(serde_json::from_slice::<Value>(&from_stdin.stdout).unwrap(), document);
    let plain = desk.expect(0, &["message", "show", "a.eml"]);
    assert!(!plain.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{plain:?}");
    let listed = desk.document(&["attachment", "list", "a.eml"], "casemail.attachments/1");
    assert_eq!(listed["attachments"].as_array().unwrap().len(), 1);
    let exported = desk.document(&["attachment", "export", "a.eml", "--to", "out"], "casemail.attachments/1");
    let file = PathBuf::from(exported["attachments"][0]["exported"].as_str().unwrap());
    assert_eq!(file.parent().unwrap(), desk.dir.path().join("out"), "kept within the directory");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(fs::read(&file).unwrap().starts_with(b"%PDF"));
    assert!(!desk.home().exists(), "reading a file makes no profile");
}

#[test]
fn codes_say_what_went_wrong() {
    let desk = Desk::new();
    for (code, words, part) in [
        (2, &["nonsense"] as &[&str], "unrecognized"),
        (2, &[], "needs a terminal"),
        (2, &["setup"], "give --address"),
        (1, &["message", "show", "none.eml"], "no file"),
        (78, &["message", "list"], "casemail setup"),
        (78, &["check", "--offline"], ""),
    ] {
        let told = desk.expect(code, words);
        assert!(told.contains(part), "{words:?}: {told}");
    }
    fs::write(desk.dir.path().join("empty.eml"), "").unwrap();
    desk.expect(65, &["message", "show", "empty.eml"]);
}

#[test]
fn a_profile_from_set_up_to_keys_and_stores() {
    let desk = Desk::new();
    desk.set_up();
    let again = desk.expect(1, &["setup"]);
    assert!(again.contains("already"), "{again}");
    desk.document(&["check", "--offline"], "casemail.findings/1");
    let unreachable = desk.run(&["check", "--json"], "");
    assert_eq!(unreachable.status.code(), Some(69), "{}", String::from_utf8_lossy(&unreachable.stderr));
    assert_eq!(desk.document(&["message", "list"], "casemail.messages/1")["total"], 0);
    desk.document(&["case", "list"], "casemail.cases/1");
    desk.document(&["thread", "list"], "casemail.threads/1");
    desk.document(&["outbox", "list"], "casemail.outbox/1");
    desk.expect(0, &["key", "generate"]);
    let keys = desk.document(&["key", "list"], "casemail.keys/1");
    let fingerprint = keys["keys"][0]["fingerprint"].as_str().unwrap().to_owned();
    assert_eq!(keys["keys"][0]["addresses"][0], "kestrel@chambers.example");
    let armored = desk.expect(0, &["key", "export", "kestrel@chambers.example"]);
    assert!(armored.starts_with("-----BEGIN PGP PUBLIC KEY BLOCK-----"), "{armored}");
    desk.expect(1, &["key", "accept", &fingerprint[24..]]);
    desk.expect(69, &["sync"]);
    desk.expect(78, &["sync", "--account", "nowhere"]);
    desk.document(&["store", "verify"], "casemail.verification/1");
    desk.document(&["store", "stats"], "casemail.store/1");
    desk.expect(0, &["store", "rebuild"]);
    assert!(!desk.home().join("cache/mail").exists());
    assert_eq!(desk.document(&["key", "list"], "casemail.keys/1")["keys"].as_array().unwrap().len(), 1);
    all_private(&desk.home());
}

fn all_private(dir: &Path) {
    for entry in fs::read_dir(dir).unwrap().flatten() {
        let meta = entry.metadata().unwrap();
        assert_eq!(meta.permissions().mode() & 0o077, 0, "{}", entry.path().display());
        if meta.is_dir() {
            all_private(&entry.path());
        }
    }
}

#[test]
fn a_locked_profile_is_said_to_be_locked() {
    let desk = Desk::new();
    desk.set_up();
    let config = desk.home().join("config/config.toml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replace("otter weir", "stoat weir")).unwrap();
    let told = desk.expect(77, &["message", "list"]);
    assert!(told.contains("the passphrase is wrong"), "{told}");
    fs::write(&config, text.replace("unlock_command = ['printf', 'otter weir lantern']\n", "")).unwrap();
    let told = desk.expect(77, &["message", "list"]);
    assert!(told.contains("nobody to ask"), "{told}");
    // A file is still shown, without keys.
    fs::write(desk.dir.path().join("a.eml"), HOSTILE).unwrap();
    desk.document(&["message", "show", "a.eml"], "casemail.message/1");
}
