//! The command line as scripts see it: the real program, its exit codes, its documents, nothing but a home of its own.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::support::dovecot::{self, Dovecot};
use crate::support::tmux::Tmux;

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
        self.configure("unlock_command = ['printf', 'otter weir lantern']\n");
        self.expect(0, &["setup"]);
    }

    /// Writes a configuration whose servers are not there.
    fn configure(&self, top: &str) {
        let account = "name = 'work'\naddress = 'kestrel@chambers.example'\nfull_name = 'Kestrel'\n\
                       password = { command = ['printf', 'x'] }\n\
                       imap = { host = 'localhost', port = 1 }\nsmtp = { host = 'localhost', port = 1 }\n";
        self.write_config(&format!("{top}[[account]]\n{account}"));
    }

    fn write_config(&self, text: &str) {
        let config = self.home().join("config");
        fs::create_dir_all(&config).unwrap();
        fs::set_permissions(&config, fs::Permissions::from_mode(0o700)).unwrap();
        fs::write(config.join("config.toml"), text).unwrap();
        fs::set_permissions(config.join("config.toml"), fs::Permissions::from_mode(0o600)).unwrap();
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
        (78, &[], "`casemail setup` asks for your account"),
        (2, &["setup"], "give --address"),
        (1, &["message", "show", "none.eml"], "no file"),
        (78, &["message", "list"], "casemail setup"),
        (78, &["check", "--offline"], ""),
    ] {
        let told = desk.expect(code, words);
        assert!(told.contains(part), "{words:?}: {told}");
    }
    desk.configure("");
    desk.expect(2, &[]);
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

#[test]
fn a_keymap_or_theme_that_is_not_there_is_told_with_its_line() {
    let desk = Desk::new();
    for (key, line) in [("keymap", 2), ("theme", 2)] {
        desk.configure(&format!("# mine\n{key} = 'nowhere'\n"));
        let found = desk.run(&["check", "--offline", "--json"], "");
        let found: Value = serde_json::from_slice(&found.stdout).unwrap();
        let place = format!("config.toml:{line}:");
        let is_it =
            |one: &Value| one["place"].as_str().unwrap().contains(&place) && one.to_string().contains("`nowhere`");
        assert!(found["findings"].as_array().unwrap().iter().any(is_it), "{key}: {found}");
    }
}

/// What the server does not hold is never silently begun anew.
#[test]
fn a_state_store_that_is_lost_or_damaged_is_refused_in_words() {
    let desk = Desk::new();
    desk.set_up();
    let store = desk.home().join("state/state.redb");
    desk.expect(0, &["key", "generate"]);
    assert_eq!(
        desk.expect(1, &["store", "anew", "--yes"]).trim(),
        "casemail: the state store is whole: nothing was done"
    );
    let whole = fs::read(&store).unwrap();
    let mut zeroed = whole.clone();
    zeroed[4096..].fill(0);
    let told = |what: &str, word: &str| {
        for command in [&["outbox", "list"][..], &["key", "list"], &["store", "rekey"], &["sync"]] {
            let told = desk.expect(73, command);
            assert!(told.contains(word) && told.contains("state.redb"), "{what}: {told}");
            assert!(told.contains("casemail store anew") && !told.contains("internal error"), "{what}: {told}");
        }
    };
    for (damaged, word) in [(&[][..], "is empty"), (&whole[..whole.len() / 2], "is damaged"), (&zeroed, "is damaged")] {
        fs::write(&store, damaged).unwrap();
        told(word, word);
        assert_eq!(fs::read(&store).unwrap(), damaged, "it was written to");
    }
    fs::remove_file(&store).unwrap();
    told("no file", "is gone");
    assert!(!store.exists());
    // Without a yes, nothing; a copy that was put back is what it was.
    let refused = desk.expect(1, &["store", "anew"]);
    assert!(refused.contains("--yes") && !store.exists(), "{refused}");
    fs::write(&store, &whole).unwrap();
    fs::set_permissions(&store, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(desk.document(&["key", "list"], "casemail.keys/1")["keys"].as_array().unwrap().len(), 1);
    fs::write(&store, &zeroed).unwrap();
    let anew = desk.document(&["store", "anew", "--yes"], "casemail.anew/1");
    assert_eq!(fs::read(anew["aside"].as_str().unwrap()).unwrap(), zeroed);
    assert!(anew["was"].as_str().unwrap().contains("is damaged"), "{anew}");
    assert!(desk.document(&["key", "list"], "casemail.keys/1")["keys"].as_array().unwrap().is_empty());
    all_private(&desk.home());
}

/// A profile of an earlier casemail has nothing beside its state store that would miss it; its cache does.
#[test]
fn a_cache_misses_the_state_store_of_an_earlier_casemail() {
    let desk = Desk::new();
    desk.set_up();
    desk.document(&["message", "list"], "casemail.messages/1");
    let state = desk.home().join("state");
    fs::remove_file(state.join("state.made")).unwrap();
    fs::remove_file(state.join("state.redb")).unwrap();
    let told = desk.expect(73, &["outbox", "list"]);
    assert!(told.contains("is gone"), "{told}");
}

#[test]
fn the_screen_says_why_a_profile_does_not_open() {
    let desk = Desk::new();
    desk.configure("");
    fs::write(desk.dir.path().join("words"), "otter weir lantern").unwrap();
    let words = desk.dir.path().join("words").display().to_string();
    let program = format!("'{}' --home '{}'", env!("CARGO_BIN_EXE_casemail"), desk.home().display());
    let run = |script: &str| {
        let done = Command::new("sh").args(["-c", script]).output().unwrap();
        assert!(done.status.success(), "{script}: {}", String::from_utf8_lossy(&done.stderr));
    };
    run(&format!("{program} setup --passphrase-fd 3 3<'{words}'"));
    run(&format!("{program} outbox list --passphrase-fd 3 3<'{words}'"));
    fs::write(desk.home().join("state/state.redb"), "").unwrap();
    for size in [(80, 24), (200, 50)] {
        let Some(tmux) = Tmux::start(size, &["sh", "-c", &program], &[("TZ", "UTC")]) else { return };
        tmux.wait_for("Passphrase:");
        tmux.type_text("otter weir lantern");
        tmux.send_keys(&["Enter"]);
        let seen = tmux.wait_for("anew`");
        assert!(seen.contains("the state store is empty") && seen.contains("casemail is locked"), "{seen}");
        tmux.send_keys(&["C-q"]);
    }
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

#[test]
fn the_first_command_makes_the_profile() {
    let desk = Desk::new();
    desk.configure("");
    let told = desk.expect(77, &["message", "list"]);
    assert!(told.contains("no profile yet"), "{told}");
    let list = |passphrase: &str| desk.run(&["message", "list", "--passphrase-fd", "0"], passphrase);
    assert_eq!(list("").status.code(), Some(77), "an empty passphrase");
    let made = list("otter weir lantern\n");
    let told = String::from_utf8_lossy(&made.stderr).into_owned();
    assert_eq!(made.status.code(), Some(0), "{told}");
    assert!(told.contains("a new profile was made"), "{told}");
    let again = list("otter weir lantern\n");
    assert!(!String::from_utf8_lossy(&again.stderr).contains("new profile"));
    assert_eq!(list("stoat weir lantern\n").status.code(), Some(77));
    all_private(&desk.home());
}

#[test]
fn a_configuration_right_in_the_home_serves() {
    let desk = Desk::new();
    desk.set_up();
    fs::rename(desk.home().join("config/config.toml"), desk.home().join("config.toml")).unwrap();
    assert_eq!(desk.document(&["message", "list"], "casemail.messages/1")["total"], 0);
    fs::write(desk.home().join("config.toml"), "keymp = 'vim'\n").unwrap();
    let told = desk.expect(78, &["message", "list"]);
    assert!(told.contains("config.toml:1"), "{told}");
}

#[test]
fn plain_text_is_made_of_sentences() {
    let desk = Desk::new();
    let mail = "From: badger@crown.example\r\nSubject: x\r\nDate: Mon, 2 Mar 2026 09:00:00 +0000\r\nMIME-Version: 1.0\r\n\
                Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=b\r\n\r\n--b--\r\n";
    fs::write(desk.dir.path().join("a.eml"), mail).unwrap();
    let document = desk.document(&["message", "show", "a.eml"], "casemail.message/1");
    let plain = desk.expect(0, &["message", "show", "a.eml"]);
    let codes: Vec<&str> = document["warnings"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(!codes.is_empty());
    for code in codes {
        assert!(!plain.contains(code), "{code} in {plain}");
    }
    assert!(plain.contains("Its OpenPGP structure is not as RFC 3156 says"), "{plain}");
}

#[test]
fn check_tries_the_login() {
    let Some(dovecot) = Dovecot::start() else { return };
    let desk = Desk::new();
    let configure = |password: &str| {
        desk.write_config(&format!(
            "unlock_command = ['printf', 'otter weir lantern']\n[[account]]\nname = 'work'\nfull_name = 'Quill'\n\
             address = 'quill@quillpounce.example'\npassword = {{ command = ['printf', '{password}'] }}\nca_file = '{}'\n\
             imap = {{ host = 'localhost', port = {}, user = '{}' }}\nsmtp = {{ host = 'localhost', port = 1 }}\n",
            dovecot.ca_file().display(),
            dovecot.tls().port,
            dovecot::USERS[0],
        ));
    };
    let places = |code: i32| -> Vec<String> {
        let output = desk.run(&["check", "--json"], "");
        assert_eq!(output.status.code(), Some(code), "{}", String::from_utf8_lossy(&output.stderr));
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        let errors = document["findings"].as_array().unwrap().iter().filter(|found| found["severity"] == "error");
        errors.map(|found| format!("{} {}", found["place"], found["what"])).collect()
    };
    configure(dovecot::PASSWORD);
    desk.expect(0, &["setup"]);
    let told = places(69);
    assert!(told.len() == 1 && told[0].contains("SMTP"), "{told:?}");
    configure("wrong");
    let told = places(77);
    assert!(told.iter().any(|line| line.contains("does not accept the user name and password")), "{told:?}");
}

#[test]
fn the_set_up_at_a_terminal_asks_again_and_shows_no_passphrase() {
    let desk = Desk::new();
    let home = desk.home();
    // The shell keeps the exit status: tmux 3.3 may lose the one of a pane.
    let status = home.with_extension("status");
    let script = "\"$0\" --home \"$1\" setup; echo $? > \"$2\"";
    let program = env!("CARGO_BIN_EXE_casemail");
    let words = ["sh", "-c", script, program, home.to_str().unwrap(), status.to_str().unwrap()];
    let Some(tmux) = Tmux::start((80, 50), &words, &[]) else { return };
    let answer = |question: &str, text: &str| {
        // The question stands at the very end of what was written: the program waits for this answer.
        let asked = |screen: &str| screen.trim_end().ends_with(question);
        tmux.wait_until(question, asked);
        tmux.type_text(text);
        tmux.send_keys(&["Enter"]);
    };
    answer("Your mail address:", "nonsense");
    answer("Please try again.\nYour mail address:", "b.quill@quillpounce.example");
    answer("in From:", "Barnaby Quill");
    answer("[imap.quillpounce.example]:", "localhost:1");
    answer("[smtp.quillpounce.example]:", "localhost:1");
    answer("[b.quill@quillpounce.example]:", "");
    tmux.wait_for("no connection to localhost:1");
    answer("Another IMAP server, HOST or HOST:PORT (enter: keep this one untried):", "");
    answer("Another SMTP server, HOST or HOST:PORT (enter: keep this one untried):", "");
    answer("while you type.\nNew passphrase:", "");
    answer("must not be empty.\nNew passphrase:", "otter");
    answer("at least.\nNew passphrase:", "otter weir lantern");
    answer("The same again:", "otter weir lantrn");
    answer("Once more, please.\nNew passphrase:", "otter weir lantern");
    answer("New passphrase:\nThe same again:", "otter weir lantern");
    tmux.wait_for_end();
    assert_eq!(fs::read_to_string(&status).unwrap().trim(), "0");
    let screen = tmux.capture();
    assert!(!screen.contains("otter") && screen.contains("The profile is ready"), "{screen}");
    let config = home.join("config/config.toml");
    assert_eq!(fs::metadata(&config).unwrap().permissions().mode() & 0o777, 0o600);
    drop(tmux);
    let words = [env!("CARGO_BIN_EXE_casemail"), "--home", home.to_str().unwrap()];
    let Some(tmux) = Tmux::start((80, 24), &words, &[]) else { return };
    tmux.wait_for("empty: offline");
    // The wrong one of the two secrets: no server learns it.
    tmux.type_text("otter weir lantern");
    tmux.send_keys(&["Enter"]);
    tmux.wait_for("It was not sent to localhost");
    tmux.wait_until("the question again", |screen| screen.trim_end().ends_with("empty: offline):"));
    tmux.send_keys(&["Enter"]);
    tmux.wait_for("Passphrase:");
    tmux.type_text("stoat weir lantern");
    tmux.send_keys(&["Enter"]);
    tmux.wait_for("wrong");
    tmux.type_text("otter weir lantern");
    tmux.send_keys(&["Enter"]);
    tmux.wait_for("Cases");
}
