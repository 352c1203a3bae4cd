//! A first sync and one without changes, as a whole process: `cargo bench --bench sync [-- 100000]`.
//!
//! A private Dovecot is filled with made-up mail (10,000 messages where no number is given), then the built program, mbsync where it is
//! installed, and a bare `UID FETCH 1:* BODY.PEEK[]` fetch it in turn. CPU is of the client alone; memory is the largest seen after the
//! profile was unlocked, because Argon2 takes its own by intent. Server and client share the machine. Figures are printed, nothing is asserted.

#![allow(
    dead_code,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a benchmark prints, and stops at the first trouble; it shares a server with the tests and uses a part of it"
)]

#[path = "../tests/it/support/dovecot.rs"]
mod dovecot;

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use casemail::net::{connect_imap, tls};
use casemail::store::profile::{Profile, Roots};
use casemail::store::vault::{Cost, Vault};
use dovecot::{Dovecot, PASSWORD};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const USER: &str = "quill";
const PASSPHRASE: &str = "otter weir lantern";

/// A small generator: the same mail at every run.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    /// Words that compress about as well as a letter does.
    fn words(&mut self, bytes: usize) -> String {
        const WORDS: &[&str] =
            &["plea", "the", "Crown", "accused", "of", "disclosure", "hearing", "and", "a", "to", "diet", "we", "will"];
        let mut text = String::new();
        while text.len() < bytes {
            let word = WORDS[(self.next() as usize) % WORDS.len()];
            write!(text, "{word}{}", if self.next().is_multiple_of(11) { "\r\n" } else { " " }).unwrap();
            if self.next().is_multiple_of(5) {
                write!(text, "{:x} ", self.next()).unwrap();
            }
        }
        text
    }
}

/// A message: every fourth begins a thread, one in twelve has a file of up to 400 KB.
fn message(number: u64, noise: &mut Noise) -> Vec<u8> {
    let root = number - number % 4;
    let id = |number: u64| format!("<{number:08x}.bench@quillpounce.example>");
    let mut text = format!(
        "From: Pounce {} <p{}@quillpounce.example>\r\nTo: Quill <quill@quillpounce.example>\r\nSubject: {}ZZ26{:06} {}\r\nMessage-ID: {}\r\n\
         Date: Mon, 02 Feb 2026 10:{:02}:{:02} +0000\r\nMIME-Version: 1.0\r\n",
        number % 300,
        number % 300,
        if number == root { "" } else { "Re: " },
        root % 5_000,
        "disclosure schedule",
        id(number),
        number / 60 % 60,
        number % 60,
    );
    if number != root {
        write!(text, "In-Reply-To: {0}\r\nReferences: {0}\r\n", id(root)).unwrap();
    }
    let bytes = 1_000 + (noise.next() % 7_000) as usize;
    let body = noise.words(bytes);
    if number % 12 != 5 {
        write!(text, "Content-Type: text/plain; charset=utf-8\r\n\r\n{body}\r\n").unwrap();
        return text.into_bytes();
    }
    let file: Vec<u8> = (0..20_000 + noise.next() % 380_000).map(|_| noise.next() as u8).collect();
    write!(
        text,
        "Content-Type: multipart/mixed; boundary=bench\r\n\r\n--bench\r\nContent-Type: text/plain\r\n\r\n{body}\r\n--bench\r\n\
         Content-Type: application/pdf; name=\"page.pdf\"\r\nContent-Transfer-Encoding: base64\r\n\
         Content-Disposition: attachment; filename=\"page.pdf\"\r\n\r\n"
    )
    .unwrap();
    for line in file.chunks(57) {
        write!(text, "{}\r\n", base64::engine::general_purpose::STANDARD.encode(line)).unwrap();
    }
    text.push_str("--bench--\r\n");
    text.into_bytes()
}

/// What something cost.
struct Cost1 {
    wall: f64,
    cpu: f64,
    peak_mb: u64,
    output: String,
}

/// Ticks of a hundredth second in a line of `/proc/*/stat`: fields 14 and 15, or 16 and 17 for children that ended.
fn ticks(children: bool) -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let at = if children { 13 } else { 11 };
    (fields[at].parse::<f64>().unwrap() + fields[at + 1].parse::<f64>().unwrap()) / 100.0
}

/// Runs a program; its memory counts from when `ready` exists.
fn run(mut command: Command, ready: &Path) -> Cost1 {
    let (cpu, since) = (ticks(true), Instant::now());
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let rss =
            text.lines().find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next()?.parse::<u64>().ok());
        if ready.exists() {
            peak = peak.max(rss.unwrap_or_default() / 1024);
        }
        std::thread::sleep(Duration::from_millis(3));
    }
    let wall = since.elapsed().as_secs_f64();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{command:?} failed");
    Cost1 { wall, cpu: ticks(true) - cpu, peak_mb: peak, output: String::from_utf8_lossy(&output.stdout).into_owned() }
}

/// The bare stream: what no client can be faster than.
fn raw(server: &Dovecot) -> (Cost1, u64) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (cpu, since) = (ticks(false), Instant::now());
    let total = runtime.block_on(async {
        let config = tls::client_config(Some(&server.ca_file())).unwrap();
        let mut stream = connect_imap(&server.tls(), &config, casemail::net::connect::Times::default()).await.unwrap();
        let commands =
            format!("a1 LOGIN {USER} \"{PASSWORD}\"\r\na2 EXAMINE INBOX\r\na3 UID FETCH 1:* (UID BODY.PEEK[])\r\n");
        stream.write_all(commands.as_bytes()).await.unwrap();
        let (mut buffer, mut tail, mut total) = (vec![0; 256 << 10], Vec::new(), 0_u64);
        loop {
            let read = stream.read(&mut buffer).await.unwrap();
            assert!(read > 0, "the server hung up");
            total += read as u64;
            tail.extend_from_slice(&buffer[read.saturating_sub(64)..read]);
            if tail.windows(6).any(|window| window == b"\na3 OK") {
                return total;
            }
            let cut = tail.len().saturating_sub(64);
            tail.drain(..cut);
        }
    });
    (Cost1 { wall: since.elapsed().as_secs_f64(), cpu: ticks(false) - cpu, peak_mb: 0, output: String::new() }, total)
}

fn home(place: &Path, server: &Dovecot) {
    let roots = Roots::below(place);
    let profile = Profile::open(roots).unwrap();
    Vault::create_with(&profile.roots().vault_file(), PASSPHRASE.as_bytes(), Cost::FLOOR).unwrap();
    let endpoint =
        |port: u16| format!("{{ host = \"localhost\", port = {port}, security = \"tls\", user = \"{USER}\" }}");
    let text = format!(
        "unlock_command = [\"printf\", \"%s\", \"{PASSPHRASE}\"]\n[[account]]\nname = \"work\"\naddress = \"quill@quillpounce.example\"\n\
         full_name = \"Quill\"\nimap = {}\nsmtp = {}\nca_file = \"{}\"\npassword = {{ command = [\"printf\", \"%s\", \"{PASSWORD}\"] }}\n",
        endpoint(server.tls().port),
        endpoint(server.tls().port),
        server.ca_file().display(),
    );
    casemail::store::file::write_atomic(&profile.roots().config_file(), text.as_bytes()).unwrap();
}

fn casemail(home: &Path) -> Cost1 {
    let mut command = Command::new(env!("CARGO_BIN_EXE_casemail"));
    command.arg("--home").arg(home).args(["sync", "--json"]);
    run(command, &Roots::below(home).cache.join("mail"))
}

fn mbsync(dir: &Path, server: &Dovecot) -> Option<(Cost1, Cost1)> {
    let version = Command::new("mbsync").arg("--version").output().ok()?;
    // The option has another name since 1.5.
    let tls = if String::from_utf8_lossy(&version.stdout).contains("1.4") { "SSLType" } else { "TLSType" };
    let (rc, mail) = (dir.join("rc"), dir.join("mail"));
    std::fs::create_dir_all(&mail).unwrap();
    let text = format!(
        "FSync no\n\nIMAPAccount a\nHost localhost\nPort {port}\nUser {USER}\nPass \"{PASSWORD}\"\nAuthMechs LOGIN\n{tls} IMAPS\n\
         CertificateFile {ca}\n\nIMAPStore far\nAccount a\n\nMaildirStore near\nPath {mail}/\nInbox {mail}/INBOX\nSubFolders Verbatim\n\n\
         Channel c\nFar :far:\nNear :near:\nPatterns INBOX\nCreate Near\nSync All\nSyncState *\nCopyArrivalDate yes\n",
        port = server.tls().port,
        ca = server.ca_file().display(),
        mail = mail.display(),
    );
    std::fs::write(&rc, text).unwrap();
    let once = || {
        let mut command = Command::new("mbsync");
        command.args(["-q", "-c"]).arg(&rc).arg("-a");
        run(command, dir)
    };
    Some((once(), once()))
}

fn disk(dir: &Path) -> u64 {
    let entries = std::fs::read_dir(dir).unwrap().flatten();
    entries.map(|entry| if entry.path().is_dir() { disk(&entry.path()) } else { entry.metadata().unwrap().len() }).sum()
}

fn main() {
    let count = std::env::args().find_map(|argument| argument.parse::<u64>().ok()).unwrap_or(10_000);
    let Some(server) = Dovecot::start() else { return };
    let mut noise = Noise(7);
    let (mut bytes, mut packed) = (0, 0);
    server.fill(
        USER,
        "INBOX",
        (0..count).map(|number| {
            let raw = message(number, &mut noise);
            bytes += raw.len();
            packed += zstd::bulk::compress(&raw, 3).unwrap().len();
            raw
        }),
    );
    let dir = tempfile::tempdir().unwrap();
    // The server builds its own caches at the first reading, whoever comes first.
    raw(&server);
    let (bare, received) = raw(&server);
    let place = dir.path().join("home");
    home(&place, &server);
    let first = casemail(&place);
    let again = casemail(&place);
    let others = mbsync(&dir.path().join("mbsync"), &server);
    println!("{count} messages, {:.1} MB ({:.1} MB received raw)", bytes as f64 / 1e6, received as f64 / 1e6);
    println!("{:<34} {:>8} {:>8} {:>8} {:>10} {:>10}", "", "wall s", "CPU s", "peak MB", "wall/raw", "CPU/raw");
    let tell = |name: &str, cost: &Cost1| {
        println!(
            "{name:<34} {:>8.2} {:>8.2} {:>8} {:>10.2} {:>10.2}",
            cost.wall,
            cost.cpu,
            cost.peak_mb,
            cost.wall / bare.wall,
            cost.cpu / bare.cpu.max(0.01)
        );
    };
    tell("raw UID FETCH BODY.PEEK[]", &bare);
    tell("casemail sync, first", &first);
    tell("casemail sync, nothing changed", &again);
    if let Some((first, again)) = &others {
        tell("mbsync, first (no fsync)", first);
        tell("mbsync, nothing changed", again);
    }
    for (name, cost) in [("first", &first), ("nothing changed", &again)] {
        let told: serde_json::Value = serde_json::from_str(&cost.output).unwrap();
        for mailbox in told["mailboxes"].as_array().unwrap().iter().filter(|mailbox| mailbox["name"] == "INBOX") {
            println!(
                "{name}: INBOX {} new, {} round trips, {} bytes in, {:.2} s of it on the mailbox",
                mailbox["new"],
                mailbox["round_trips"],
                mailbox["bytes_in"],
                mailbox["seconds"].as_f64().unwrap_or_default()
            );
        }
    }
    let cache = disk(&Roots::below(&place).cache);
    println!(
        "cache: {:.1} MB = {:.2} times the mail packed by zstd -3",
        cache as f64 / 1e6,
        cache as f64 / packed as f64
    );
}
