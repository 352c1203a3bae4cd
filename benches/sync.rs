//! A first sync, one without changes, and one after 100 new messages, 500 changes of flags and 200 expunged:
//! `cargo bench --bench sync [-- 100000 [RUNS]]`. `docs/measuring.md` says how to read it.
//!
//! A private Dovecot is filled with made-up mail (10,000 messages where no number is given). In each of three runs (or so many as are asked
//! for) the built program (or the one that `CASEMAIL` names), the same engine in a process whose profile is open already, mbsync where it is
//! installed, and a bare stream of the same (`UID FETCH 1:* BODY.PEEK[]`, then QRESYNC) fetch it in turn, each from nothing; what is printed
//! are medians. Then all of it once more through a proxy that counts bytes and turns of the line. CPU is of the client alone. The program
//! opens its profile with a passphrase, which costs by intent (Argon2): the row `opened` is without it, as the same sync is in a program that
//! runs. Memory is the largest seen after the profile was unlocked. Server and client share the machine. Nothing is asserted.

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
#[path = "../tests/it/support/line.rs"]
mod line;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

use base64::Engine as _;
use casemail::engine::{Engine, Opening};
use casemail::net::{Endpoint, Security, connect_imap, tls};
use casemail::store::profile::{Profile, Roots};
use casemail::store::vault::{Cost, Vault};
use dovecot::{Dovecot, PASSWORD};
use line::Line;
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
#[derive(Clone, Debug, Default)]
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

/// The bare stream: what no client can be faster than. Reads to the tagged end of each command; gives the lines of SELECT.
async fn stream(port: u16, ca: &Path, commands: &[String]) -> String {
    let config = tls::client_config(Some(ca)).unwrap();
    let endpoint = Endpoint { host: "localhost".into(), port, security: Security::Tls };
    let mut stream = connect_imap(&endpoint, &config, casemail::net::connect::Times::default()).await.unwrap();
    let mut heard = String::new();
    for (n, command) in commands.iter().enumerate() {
        stream.write_all(format!("a{n} {command}\r\n").as_bytes()).await.unwrap();
        stream.flush().await.unwrap();
        let end = format!("\na{n} OK");
        let (mut buffer, mut tail) = (vec![0; 256 << 10], Vec::new());
        loop {
            let read = stream.read(&mut buffer).await.unwrap();
            assert!(read > 0, "the server hung up on {command}");
            tail.extend_from_slice(&buffer[..read]);
            let looked = tail.len().saturating_sub(read + 64);
            if tail[looked..].windows(end.len()).any(|window| window == end.as_bytes())
                || tail.starts_with(&end.as_bytes()[1..])
            {
                break;
            }
            let cut = tail.len().saturating_sub(64);
            if command.contains("FETCH") {
                tail.drain(..cut);
            }
        }
        if command.starts_with("SELECT") {
            heard = String::from_utf8_lossy(&tail).into_owned();
        }
    }
    heard
}

/// As a process of its own: `--raw PORT CA COMMAND...`; prints what SELECT said.
fn raw_child(arguments: &[String]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let login = format!("LOGIN {USER} \"{PASSWORD}\"");
    let commands: Vec<String> = std::iter::once(login).chain(arguments[2..].iter().cloned()).collect();
    println!("{}", runtime.block_on(stream(arguments[0].parse().unwrap(), Path::new(&arguments[1]), &commands)));
}

fn raw(server: &Dovecot, port: u16, commands: &[String]) -> Cost1 {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg("--raw").arg(port.to_string()).arg(server.ca_file()).args(commands);
    run(command, Path::new("/"))
}

/// Where the bare stream stands: UIDVALIDITY, HIGHESTMODSEQ, UIDNEXT.
fn position(heard: &str) -> (String, String, String) {
    let value = |name: &str| {
        let rest = heard.split(&format!("[{name} ")).nth(1).unwrap_or_else(|| panic!("no {name} in {heard}"));
        rest.split(']').next().unwrap().to_owned()
    };
    (value("UIDVALIDITY"), value("HIGHESTMODSEQ"), value("UIDNEXT"))
}

fn home(place: &Path, server: &Dovecot, port: u16) {
    let roots = Roots::below(place);
    let profile = Profile::open(roots).unwrap();
    Vault::create_with(&profile.roots().vault_file(), PASSPHRASE.as_bytes(), Cost::FLOOR).unwrap();
    let endpoint = format!("{{ host = \"localhost\", port = {port}, security = \"tls\", user = \"{USER}\" }}");
    let text = format!(
        "unlock_command = [\"printf\", \"%s\", \"{PASSPHRASE}\"]\n[[account]]\nname = \"work\"\naddress = \"quill@quillpounce.example\"\n\
         full_name = \"Quill\"\nimap = {endpoint}\nsmtp = {endpoint}\nca_file = \"{}\"\npassword = {{ command = [\"printf\", \"%s\", \"{PASSWORD}\"] }}\n",
        server.ca_file().display(),
    );
    casemail::store::file::write_atomic(&profile.roots().config_file(), text.as_bytes()).unwrap();
}

fn casemail(home: &Path) -> Cost1 {
    let program = std::env::var("CASEMAIL").unwrap_or_else(|_| env!("CARGO_BIN_EXE_casemail").to_owned());
    let mut command = Command::new(program);
    command.arg("--home").arg(home).args(["sync", "--json"]);
    run(command, &Roots::below(home).cache.join("mail"))
}

/// A field of `/proc/self/status` in MB.
fn status_mb(field: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(field)).unwrap();
    line.split_whitespace().next().unwrap().parse::<u64>().unwrap() / 1024
}

/// As a process of its own: `--opened HOME PASSES`. Unlocks, opens, and syncs so often; prints what each took, the sync by itself.
fn opened_child(arguments: &[String]) {
    let (home, passes): (&Path, u32) = (Path::new(&arguments[0]), arguments[1].parse().unwrap());
    let roots = Roots::below(home);
    let mut marks = vec![(Instant::now(), ticks(false))];
    let vault = Vault::open(&roots.vault_file(), PASSPHRASE.as_bytes()).unwrap();
    marks.push((Instant::now(), ticks(false)));
    let (config, _) = casemail::config::files::load(roots.config_file().parent().unwrap(), None).unwrap();
    let engine = Engine::open(Opening::new(Profile::open(roots).unwrap(), config, Some(vault))).unwrap();
    engine.wait_loaded().unwrap();
    marks.push((Instant::now(), ticks(false)));
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    for _ in 0..passes {
        engine.sync_once(None, &[]).unwrap();
    }
    marks.push((Instant::now(), ticks(false)));
    let took = |n: usize| ((marks[n + 1].0 - marks[n].0).as_secs_f64(), marks[n + 1].1 - marks[n].1);
    let (unlock, open, sync) = (took(0), took(1), took(2));
    let each = f64::from(passes);
    println!(
        "{} {} {} {} {} {} {}",
        unlock.0,
        unlock.1,
        open.0,
        open.1,
        sync.0 / each,
        sync.1 / each,
        status_mb("VmHWM:")
    );
}

/// A sync in a process that is open already, with what unlocking and opening took before it: wall and CPU.
fn opened(home: &Path, passes: u32) -> (Cost1, [f64; 4]) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg("--opened").arg(home).arg(passes.to_string());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let numbers: Vec<f64> = told.split_whitespace().map(|word| word.parse().unwrap()).collect();
    let cost = Cost1 { wall: numbers[4], cpu: numbers[5], peak_mb: numbers[6] as u64, output: String::new() };
    (cost, [numbers[0], numbers[1], numbers[2], numbers[3]])
}

/// mbsync's configuration, where it is installed.
fn mbsync_rc(dir: &Path, server: &Dovecot, port: u16) -> Option<PathBuf> {
    let version = Command::new("mbsync").arg("--version").output().ok()?;
    // The option has another name since 1.5.
    let tls = if String::from_utf8_lossy(&version.stdout).contains("1.4") { "SSLType" } else { "TLSType" };
    let (rc, mail) = (dir.join("rc"), dir.join("mail"));
    std::fs::create_dir_all(&mail).unwrap();
    let text = format!(
        "FSync no\n\nIMAPAccount a\nHost localhost\nPort {port}\nUser {USER}\nPass \"{PASSWORD}\"\nAuthMechs LOGIN\n{tls} IMAPS\n\
         CertificateFile {ca}\n\nIMAPStore far\nAccount a\n\nMaildirStore near\nPath {mail}/\nInbox {mail}/INBOX\nSubFolders Verbatim\n\n\
         Channel c\nFar :far:\nNear :near:\nPatterns INBOX\nCreate Near\nExpunge Near\nSync All\nSyncState *\nCopyArrivalDate yes\n",
        ca = server.ca_file().display(),
        mail = mail.display(),
    );
    std::fs::write(&rc, text).unwrap();
    Some(rc)
}

fn mbsync(rc: &Path) -> Cost1 {
    let mut command = Command::new("mbsync");
    command.args(["-q", "-c"]).arg(rc).arg("-a");
    run(command, rc)
}

fn disk(dir: &Path) -> u64 {
    let entries = std::fs::read_dir(dir).unwrap().flatten();
    entries.map(|entry| if entry.path().is_dir() { disk(&entry.path()) } else { entry.metadata().unwrap().len() }).sum()
}

/// Passes over an unchanged mailbox of which the mean is taken: one alone is below the kernel's ticks of a hundredth second.
const PASSES: u32 = 20;

const FIRST: &str = "first";
const UNCHANGED: &str = "nothing changed";
const CHANGED: &str = "100 new, 500 flags, 200 gone";

/// Everything against this port: first, nothing changed, after changes. `round` tells changes apart that were made before.
fn all(
    server: &Dovecot,
    port: u16,
    dir: &Path,
    round: u64,
    told: &mut dyn FnMut(&'static str, &'static str, Cost1),
) -> PathBuf {
    const SELECT: &str = "SELECT INBOX (CONDSTORE)";
    let (place, open) = (dir.join("home"), dir.join("opened"));
    home(&place, server, port);
    home(&open, server, port);
    let rc = mbsync_rc(&dir.join("mbsync"), server, port);
    let bare = raw(server, port, &[SELECT.to_owned(), "UID FETCH 1:* (UID FLAGS BODY.PEEK[])".to_owned()]);
    let (validity, modseq, next) = position(&bare.output);
    told(FIRST, "raw", bare);
    let clients = |what: &'static str, told: &mut dyn FnMut(&'static str, &'static str, Cost1)| {
        told(what, "casemail", casemail(&place));
        let (cost, before) = opened(&open, if what == UNCHANGED { PASSES } else { 1 });
        told(what, "opened", cost);
        let [unlock, unlock_cpu, opening, opening_cpu] = before;
        told(what, "(unlock)", Cost1 { wall: unlock, cpu: unlock_cpu, ..Cost1::default() });
        told(what, "(open)", Cost1 { wall: opening, cpu: opening_cpu, ..Cost1::default() });
        if let Some(rc) = &rc {
            told(what, "mbsync", mbsync(rc));
        }
    };
    clients(FIRST, told);
    let qresync = format!("SELECT INBOX (QRESYNC ({validity} {modseq}))");
    told(UNCHANGED, "raw", raw(server, port, &["ENABLE QRESYNC".to_owned(), qresync.clone()]));
    clients(UNCHANGED, told);
    change(server, round);
    clients(CHANGED, told);
    let new = format!("UID FETCH {next}:* (UID FLAGS BODY.PEEK[])");
    told(CHANGED, "raw", raw(server, port, &["ENABLE QRESYNC".to_owned(), qresync, new]));
    place
}

/// What was measured, by what and whose.
type Measured = std::collections::BTreeMap<(&'static str, &'static str), Vec<Cost1>>;

/// The middle one.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn tell(measured: &Measured) {
    println!(
        "{:<30} {:<9} {:>8} {:>17} {:>8} {:>8} {:>7}",
        "", "", "wall s", "(least, most)", "CPU s", "peak MB", "/ raw"
    );
    for what in [FIRST, UNCHANGED, CHANGED] {
        let middle = |who: &'static str, of: &dyn Fn(&Cost1) -> f64| {
            measured.get(&(what, who)).map(|costs| median(costs.iter().map(of).collect()))
        };
        let bare = middle("raw", &|cost| cost.wall).unwrap_or(f64::NAN);
        for who in ["raw", "casemail", "(unlock)", "(open)", "opened", "mbsync"] {
            let Some(costs) = measured.get(&(what, who)) else {
                println!("{what:<30} {who:<9} NOT INSTALLED: there is nothing to compare with");
                continue;
            };
            let walls: Vec<f64> = costs.iter().map(|cost| cost.wall).collect();
            let (least, most) =
                (walls.iter().copied().fold(f64::MAX, f64::min), walls.iter().copied().fold(0.0, f64::max));
            let (wall, cpu) = (median(walls), middle(who, &|cost| cost.cpu).unwrap_or_default());
            let peak = middle(who, &|cost| cost.peak_mb as f64).unwrap_or_default();
            println!(
                "{what:<30} {who:<9} {wall:>8.3} {:>17} {cpu:>8.3} {peak:>8} {:>7.2}",
                format!("({least:.3}, {most:.3})"),
                wall / bare
            );
        }
    }
}

/// Another client at work.
fn change(server: &Dovecot, round: u64) {
    let mut noise = Noise(1_000 + round);
    for n in 0..100 {
        server.deliver(USER, "INBOX", &message(10_000_000 + round * 1_000 + n * 12, &mut noise));
    }
    let how = if round.is_multiple_of(2) { "add" } else { "remove" };
    server.doveadm(&["flags", how, "-u", USER, "\\Flagged", "mailbox", "INBOX", "uid", "1:500"], b"");
    let gone = format!("{}:{}", 501 + round * 200, 700 + round * 200);
    server.doveadm(&["expunge", "-u", USER, "mailbox", "INBOX", "uid", &gone], b"");
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == "--raw") {
        return raw_child(&arguments[1..]);
    }
    if arguments.first().is_some_and(|first| first == "--opened") {
        return opened_child(&arguments[1..]);
    }
    let mut numbers = arguments.iter().filter_map(|argument| argument.parse::<u64>().ok());
    let (count, runs) = (numbers.next().unwrap_or(10_000).max(2_000), numbers.next().unwrap_or(3).clamp(1, 6));
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
    println!("{count} messages, {:.1} MB", bytes as f64 / 1e6);
    let dir = tempfile::tempdir().unwrap();
    let port = server.tls().port;
    // The server builds its own caches at the first reading, whoever comes first.
    raw(&server, port, &["SELECT INBOX".to_owned(), "UID FETCH 1:* (UID FLAGS BODY.PEEK[])".to_owned()]);
    if Command::new("mbsync").arg("--version").output().is_err() {
        eprintln!(
            "\n!!! mbsync is not installed (Debian: isync): nothing of what follows is compared with another client !!!\n"
        );
    }
    let mut measured = Measured::new();
    let mut place = PathBuf::new();
    for run in 0..runs {
        place = all(&server, port, &dir.path().join(format!("timed-{run}")), run, &mut |what, name, cost| {
            if name == "casemail" && run == 0 {
                println!("{what}:");
                tell_mailbox(&cost);
            }
            measured.entry((what, name)).or_default().push(cost);
        });
    }
    println!(
        "medians of {runs} runs; (unlock) and (open) are part of casemail, opened is the sync alone in an opened profile"
    );
    tell(&measured);
    let cache = disk(&Roots::below(&place).cache);
    println!(
        "cache: {:.1} MB = {:.2} times the mail packed by zstd -3",
        cache as f64 / 1e6,
        cache as f64 / packed as f64
    );

    println!("{:<30} {:<9} {:>12} {:>12} {:>8} {:>8}", "", "", "bytes down", "bytes up", "turns", "connect.");
    let line = Line::to(&server.tls());
    let weather = line.weather();
    let mut before = [0; 4];
    all(&server, line.via(&server.tls()).port, &dir.path().join("counted"), runs, &mut |what, name, _| {
        if name.starts_with('(') {
            return;
        }
        let now = [
            weather.down.load(SeqCst),
            weather.up.load(SeqCst),
            weather.turns.load(SeqCst) as u64,
            weather.connections.load(SeqCst) as u64,
        ];
        let part: Vec<u64> = now.iter().zip(before).map(|(now, before)| now - before).collect();
        before = now;
        println!("{what:<30} {name:<9} {:>12} {:>12} {:>8} {:>8}", part[0], part[1], part[2], part[3]);
    });
}

/// What the program says of the mailbox itself.
fn tell_mailbox(cost: &Cost1) {
    let told: serde_json::Value = serde_json::from_str(&cost.output).unwrap();
    for mailbox in told["mailboxes"].as_array().unwrap().iter().filter(|mailbox| mailbox["name"] == "INBOX") {
        println!(
            "    INBOX: {} new, {} changed, {} vanished, {} round trips, {:.3} s of it",
            mailbox["new"],
            mailbox["changed"],
            mailbox["vanished"],
            mailbox["round_trips"],
            mailbox["seconds"].as_f64().unwrap_or_default()
        );
    }
}
