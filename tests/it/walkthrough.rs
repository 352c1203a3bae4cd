//! The whole way, with the real program in a real terminal: Dovecot, a submission server and GnuPG on the other side.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use casemail::demo::authority::Authority;

use crate::support::dovecot::{Dovecot, Options, PASSWORD};
use crate::support::home::{Home, Screen};
use crate::support::submission::{Delivery, Submission};
use crate::walkthrough_crash::nothing_readable;

pub(crate) const QUILL: &str = "quill@quillpounce.example";
pub(crate) const LINTWHITE: &str = "lintwhite@copfs.gov.example";

/// Servers and a profile that fits them.
pub(crate) struct World {
    pub(crate) dovecot: Dovecot,
    pub(crate) submission: Submission,
    pub(crate) home: Home,
}

impl World {
    pub(crate) fn start() -> Option<Self> {
        let authority = Authority::new("casemail tests").unwrap();
        let dovecot = Dovecot::start_with(&authority, &Options::default())?;
        let delivery = Delivery { lmtp_port: dovecot.lmtp_port(), local_parts: &["quill", "lintwhite"] };
        let submission =
            Submission::start_with(&authority, &[("quill", PASSWORD), ("lintwhite", PASSWORD)], Some(&delivery))?;
        let home = Home::new();
        let world = Self { dovecot, submission, home };
        world.configure("");
        Some(world)
    }

    /// Writes the configuration, with more before its account.
    pub(crate) fn configure(&self, more: &str) {
        let (imap, smtp) = (self.dovecot.starttls(), self.submission.tls());
        self.home.configure(&self.home.config(&imap, &smtp, &self.dovecot.ca_file(), more));
    }

    fn count(&self, user: &str, mailbox: &str) -> usize {
        self.dovecot.doveadm(&["search", "-u", user, "mailbox", mailbox, "all"], b"").lines().count()
    }
}

/// What the other side has: GnuPG with a key of its own.
pub(crate) struct Gpg {
    home: tempfile::TempDir,
}

impl Gpg {
    pub(crate) fn new() -> Option<Self> {
        Self::with("future-default")
    }

    /// With a key of this algorithm.
    pub(crate) fn with(algorithm: &str) -> Option<Self> {
        Self::of(LINTWHITE, algorithm)
    }

    /// With a key of this algorithm, for somebody.
    pub(crate) fn of(address: &str, algorithm: &str) -> Option<Self> {
        if Command::new("gpg").arg("--version").output().is_err() {
            assert_ne!(std::env::var("CASEMAIL_TESTS").as_deref(), Ok("all"), "gpg is not installed");
            eprintln!("left out: no gpg");
            return None;
        }
        let home = tempfile::Builder::new().prefix("gpg").tempdir().unwrap();
        std::fs::set_permissions(home.path(), std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        let gpg = Self { home };
        let name = if address == LINTWHITE { "Harriet Lintwhite" } else { "Beatrice Quill" };
        let user_id = format!("{name} <{address}>");
        if algorithm == "future-default" {
            gpg.run(&["--quick-gen-key", &user_id, algorithm, "default", "1y"], b"");
        } else {
            gpg.run(&["--quick-gen-key", &user_id, algorithm, "sign", "1y"], b"");
            gpg.run(&["--quick-add-key", &gpg.fingerprint(address), algorithm, "encr", "1y"], b"");
        }
        // For programs that call it by themselves.
        std::fs::write(gpg.home.path().join("gpg.conf"), "trust-model always\n").unwrap();
        Some(gpg)
    }

    /// Where it keeps its keys.
    pub(crate) fn home(&self) -> &std::path::Path {
        self.home.path()
    }

    /// Its own certificate.
    pub(crate) fn export(&self) -> String {
        self.run(&["--armor", "--export", LINTWHITE], b"").0
    }

    /// The certificate of an address.
    pub(crate) fn export_of(&self, address: &str) -> String {
        self.run(&["--armor", "--export", address], b"").0
    }

    /// All secret keys.
    pub(crate) fn secret(&self) -> String {
        self.run(&["--armor", "--export-secret-keys"], b"").0
    }

    /// Takes a certificate in.
    pub(crate) fn import(&self, cert: &[u8]) {
        self.run(&["--import"], cert);
    }

    /// The fingerprint of an address's certificate.
    pub(crate) fn fingerprint(&self, address: &str) -> String {
        let listing = self.run(&["--list-keys", "--with-colons", address], b"").0;
        let fingerprint = listing.lines().find_map(|line| line.strip_prefix("fpr:::::::::")).unwrap();
        fingerprint.trim_end_matches(':').to_owned()
    }

    pub(crate) fn run(&self, arguments: &[&str], input: &[u8]) -> (String, String) {
        let mut child = Command::new("gpg")
            .env("GNUPGHOME", self.home.path())
            .args(["--batch", "--no-tty", "--pinentry-mode", "loopback", "--passphrase", "", "--trust-model", "always"])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let (out, words) = (text(output.stdout), text(output.stderr));
        assert!(output.status.success(), "gpg {arguments:?}: {words}");
        (out, words)
    }

    /// A signed and encrypted message (RFC 3156), as another program makes it.
    pub(crate) fn seal(&self, to: &str, id: &str, subject: &str, text: &str) -> Vec<u8> {
        let entity = format!("Content-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n");
        let sealed = self.run(&["--armor", "--sign", "--encrypt", "-r", to, "-u", LINTWHITE], entity.as_bytes()).0;
        let sealed = sealed.replace('\n', "\r\n");
        let more = "Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=\"b\"\r\n";
        let body = format!(
            "--b\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n\r\n\
             --b\r\nContent-Type: application/octet-stream\r\n\r\n{sealed}\r\n--b--\r\n"
        );
        mail(id, subject, more, &body)
    }
}

impl Drop for Gpg {
    fn drop(&mut self) {
        let _ = Command::new("gpgconf").env("GNUPGHOME", self.home.path()).args(["--kill", "all"]).output();
    }
}

pub(crate) fn mail(id: &str, subject: &str, more: &str, text: &str) -> Vec<u8> {
    format!(
        "From: Harriet Lintwhite <{LINTWHITE}>\r\nTo: Beatrice Quill <{QUILL}>\r\nMessage-ID: <{id}@copfs.gov.example>\r\n\
         Date: {}\r\nSubject: {subject}\r\nMIME-Version: 1.0\r\n{more}\r\n{text}\r\n",
        jiff::Zoned::now().strftime("%a, %d %b %Y %H:%M:%S %z")
    )
    .into_bytes()
}

pub(crate) fn plain(id: &str, subject: &str, text: &str) -> Vec<u8> {
    mail(id, subject, "Content-Type: text/plain; charset=utf-8\r\n", text)
}

/// Where the cursor is and of how many rows, as the status line says: `3 of 9`.
fn place(seen: &str) -> Option<(usize, usize)> {
    let words: Vec<&str> = seen.lines().rev().take(3).flat_map(str::split_whitespace).collect();
    words.windows(3).find_map(|three| match three {
        [at, "of", all] => Some((at.parse().ok()?, all.parse().ok()?)),
        _ => None,
    })
}

/// The screen when the cursor is elsewhere than it was, so that each row is looked at; or after a while, for mail that comes may move the rows so that it
/// stands where it stood.
fn on_from(screen: &Screen, before: Option<(usize, usize)>) -> String {
    let moved =
        || Some(screen.capture()).filter(|now| place(now).is_some() && (before.is_none() || place(now) != before));
    within(2, moved).unwrap_or_else(|| screen.capture())
}

/// Goes to a row that holds a text.
pub(crate) fn go_to(screen: &Screen, text: &str) {
    // Once more from the top where mail that came meanwhile has moved the rows under the keys.
    for _ in 0..3 {
        let before = place(&screen.wait_until("a place", |now| place(now).is_some()));
        screen.send_keys(&["Home"]);
        let mut seen = on_from(screen, before.filter(|(at, _)| *at > 1));
        for _ in 0..60 {
            if seen.lines().any(|line| line.starts_with('▌') && line.contains(text)) {
                return;
            }
            let before = place(&seen);
            if before.is_some_and(|(at, all)| at >= all) {
                break;
            }
            screen.send_keys(&["j"]);
            seen = on_from(screen, before);
        }
    }
    panic!("no row holds {text:?}:\n{}", screen.capture());
}

/// Shows what a user sees, where somebody wants to look: `CASEMAIL_SHOW=1`.
pub(crate) fn show(what: &str, screen: &str) {
    if std::env::var_os("CASEMAIL_SHOW").is_some() {
        eprintln!("──── {what}\n{screen}");
    }
}

#[track_caller]
pub(crate) fn eventually<T>(wanted: impl FnMut() -> Option<T>) -> T {
    within(30, wanted).expect("it did not come about")
}

/// Asks again and again, for so many seconds at most.
pub(crate) fn within<T>(seconds: u64, mut wanted: impl FnMut() -> Option<T>) -> Option<T> {
    let until = Instant::now() + Duration::from_secs(seconds);
    loop {
        if let Some(found) = wanted() {
            return Some(found);
        }
        if Instant::now() >= until {
            return None;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Own key and theirs, each known to the other side.
pub(crate) fn exchange_keys(world: &World, gpg: &Gpg) {
    let told = world.home.done(&["key", "generate"], b"");
    show("key generate", &told);
    let own = world.home.done(&["key", "export", QUILL], b"");
    gpg.import(own.as_bytes());
    let theirs = gpg.export();
    let imported: serde_json::Value =
        serde_json::from_str(&world.home.done(&["--json", "key", "import", "-"], theirs.as_bytes())).unwrap();
    let fingerprint = imported["keys"][0]["fingerprint"].as_str().unwrap().to_owned();
    world.home.done(&["key", "accept", &fingerprint, "--compared", "by telephone"], b"");
    show("key list", &world.home.done(&["key", "list"], b""));
}

fn whole_way(size: (u16, u16)) {
    let Some(gpg) = Gpg::new() else { return };
    let Some(world) = World::start() else { return };
    exchange_keys(&world, &gpg);
    world.dovecot.deliver("quill", "INBOX", &plain("1", "99ZX0012326 disclosure", "The first bundle."));

    let Some(tmux) = world.home.screen(size) else { return };
    let screen = tmux.wait_for("99ZX0012326");
    show("cases", &screen);
    let screen = tmux.wait_for("up to date, watching");
    show("watching", &screen);

    // New mail comes by itself.
    world.dovecot.deliver("quill", "INBOX", &plain("2", "77XY0045626 listing", "Before the weir."));
    let delivered = Instant::now();
    let screen = tmux.wait_for("77XY0045626");
    eprintln!("{size:?}: new mail on the screen {:?} after its delivery", delivered.elapsed());
    show("new mail", &screen);
    assert!(delivered.elapsed() < Duration::from_secs(10));

    // Servers keep the time of arrival to the second: in the same one, either of the two may stand first.
    let second = jiff::Timestamp::now().as_second();
    eventually(|| (jiff::Timestamp::now().as_second() > second).then_some(()));
    let sealed = gpg.seal(QUILL, "3", "99ZX0012326 plea", "Guilty as amended, or not at all: café.");
    world.dovecot.deliver("quill", "INBOX", &sealed);
    tmux.send_keys(&["g", "a"]);
    let screen = tmux.wait_for("99ZX0012326 plea");
    show("all mail", &screen);
    tmux.send_keys(&["Home", "Enter"]);
    let screen = tmux.wait_for("Guilty as amended, or not at all: café.");
    show("thread", &screen);
    assert!(screen.contains("Encrypted; opened with your key"), "{screen}");
    let flat = screen.split_whitespace().filter(|word| *word != "▎").collect::<Vec<_>>().join(" ");
    assert!(flat.contains("by lintwhite@copfs.gov.example, whose key you compared"), "{screen}");

    // The answer.
    tmux.send_keys(&["r"]);
    let screen = tmux.wait_for("Re: 99ZX0012326 plea");
    show("composer", &screen);
    tmux.type_text("The offer stands until Monday.");
    tmux.wait_for("The offer stands until Monday.");
    tmux.send_keys(&["C-s"]);
    let screen = tmux.wait_for("Signed and encrypted.");
    show("review", &screen);
    tmux.send_keys(&["y"]);
    let taken = world.submission.wait_for(1).remove(0);
    let screen = tmux.capture();
    show("after sending", &screen);
    let raw = String::from_utf8(taken.raw).unwrap();
    assert!(!raw.contains("offer") && !raw.contains("plea"), "{raw}");
    let end = "-----END PGP MESSAGE-----";
    let block = &raw[raw.find("-----BEGIN PGP MESSAGE").unwrap()..raw.find(end).unwrap() + end.len()];
    let (text, words) = gpg.run(&["--decrypt"], block.as_bytes());
    assert!(text.contains("The offer stands until Monday.") && text.contains("Re: 99ZX0012326 plea"), "{text}");
    assert!(words.contains("Good signature from"), "{words}");
    // Our own copy stands in Sent, and in the thread that it answers.
    eventually(|| (world.count("quill", "Sent") == 1).then_some(()));
    assert_eq!(world.count("lintwhite", "INBOX"), 1);
    let screen = tmux.wait_until("our answer in the thread", |screen| {
        screen.contains("└ Beatrice Quill") && !screen.contains("[...]")
    });
    show("the thread with the answer", &screen);
    tmux.send_keys(&["g", "o"]);
    let screen = tmux.wait_until("the message sent", |screen| screen.contains("This message is sent."));
    show("outbox", &screen);
    tmux.send_keys(&["?"]);
    show("help", &tmux.wait_for("Help"));
    tmux.send_keys(&["q", "g", "c"]);
    show("cases", &tmux.wait_until("cases", |screen| screen.starts_with(" Cases") && screen.contains("All mail")));
    tmux.send_keys(&["C-q"]);
    assert_eq!(tmux.wait_for_end(), 0);
    nothing_readable(
        &world,
        &[
            "99ZX0012326",
            "77XY0045626",
            "disclosure",
            "bundle",
            "weir",
            "Guilty",
            "Monday",
            "Lintwhite",
            "copfs.gov",
            QUILL,
        ],
    );
}

#[test]
fn from_the_server_to_a_case_and_back_at_200_by_50() {
    whole_way((200, 50));
}

#[test]
fn from_the_server_to_a_case_and_back_at_80_by_24() {
    whole_way((80, 24));
}
