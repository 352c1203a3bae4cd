//! What a person does, beside a bare stream that does the same: `cargo bench --bench acts [-- 100000]`. `docs/measuring.md` says how to read it.
//!
//! A private Dovecot is filled with small letters (10,000 where no number is given), three letters with a file of 30 MB and three of 8 MB of
//! text. The engine, as it runs below the screen, has synced and is connected. Then, in turn and three times, the bare stream and the engine
//! flag every message and take the flags back, each in a mailbox of its own, because what one changes the other is told of; fetch a letter with its
//! large file, and one of much text. Of the engine two times count: when
//! the screen has what it shows, and when the whole is done. Medians are printed, nothing is asserted.

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

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use base64::Engine as _;
use casemail::app::effect::{Deed, Effect, FlagChange, Target};
use casemail::app::event::Event;
use casemail::app::view::{Link, MessageView, Scope};
use casemail::engine::query::Filter;
use casemail::engine::{Engine, Network, Opening};
use casemail::mail::id::MessageRef;
use casemail::net::{Endpoint, Security, connect_imap, tls};
use casemail::store::profile::{Profile, Roots};
use casemail::store::vault::{Cost, Vault};
use dovecot::{Dovecot, PASSWORD};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const USER: &str = "quill";
/// Whose mailbox the bare stream flags.
const OTHER: &str = "pounce";
const PASSPHRASE: &[u8] = b"otter weir lantern";
const RUNS: usize = 3;
const PATIENCE: Duration = Duration::from_secs(120);

fn letter(number: u64, subject: &str, body: &str) -> Vec<u8> {
    format!(
        "From: Pounce <p{}@quillpounce.example>\r\nTo: Quill <quill@quillpounce.example>\r\nSubject: {subject}\r\n\
         Message-ID: <{number:08x}.bench@quillpounce.example>\r\nDate: Mon, 02 Feb 2026 10:{:02}:{:02} +0000\r\nMIME-Version: 1.0\r\n{body}",
        number % 300,
        number / 60 % 60,
        number % 60,
    )
    .into_bytes()
}

/// A text, and a file of 30 MB that hardly compresses.
fn with_file(number: u64) -> Vec<u8> {
    let mut noise = number;
    let mut chance = || {
        noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (noise >> 33) as u8
    };
    let mut body = "Content-Type: multipart/mixed; boundary=bench\r\n\r\n--bench\r\nContent-Type: text/plain\r\n\r\nThe recording.\r\n--bench\r\n\
                    Content-Type: audio/mpeg; name=\"interview.mp3\"\r\nContent-Transfer-Encoding: base64\r\n\
                    Content-Disposition: attachment; filename=\"interview.mp3\"\r\n\r\n"
        .to_owned();
    for _ in 0..30_000_000 / 57 {
        let line: [u8; 57] = std::array::from_fn(|_| chance());
        base64::engine::general_purpose::STANDARD.encode_string(line, &mut body);
        body.push_str("\r\n");
    }
    body.push_str("--bench--\r\n");
    letter(number, &format!("file {number}"), &body)
}

fn with_text(number: u64) -> Vec<u8> {
    let line =
        "The Crown has disclosed the schedule, and the diet is discharged; see what is said below of each charge.\r\n";
    let body = format!("Content-Type: text/plain\r\n\r\n{}", line.repeat((8 << 20) / line.len()));
    letter(number, &format!("text {number}"), &body)
}

/// The bare stream: what no client can be faster than.
struct Bare {
    runtime: tokio::runtime::Runtime,
    stream: casemail::net::connect::Stream,
    tag: usize,
}

impl Bare {
    fn new(port: u16, ca: &Path, user: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let endpoint = Endpoint { host: "localhost".into(), port, security: Security::Tls };
        let config = tls::client_config(Some(ca)).unwrap();
        let times = casemail::net::connect::Times::default();
        let stream = runtime.block_on(connect_imap(&endpoint, &config, times)).unwrap();
        let mut bare = Self { runtime, stream, tag: 0 };
        bare.run(&format!("LOGIN {user} \"{PASSWORD}\""));
        bare.run("SELECT INBOX");
        bare
    }

    /// Sends a command and reads to its tagged end.
    fn run(&mut self, command: &str) -> Duration {
        self.tag += 1;
        let (tag, stream) = (self.tag, &mut self.stream);
        let since = Instant::now();
        self.runtime.block_on(async {
            stream.write_all(format!("a{tag} {command}\r\n").as_bytes()).await.unwrap();
            stream.flush().await.unwrap();
            let end = format!("\r\na{tag} OK").into_bytes();
            let (mut buffer, mut tail) = (vec![0; 256 << 10], b"\r\n".to_vec());
            loop {
                let read = stream.read(&mut buffer).await.unwrap();
                assert!(read > 0, "the server hung up on {command}");
                tail.extend_from_slice(&buffer[..read]);
                if tail.windows(end.len()).any(|window| window == end) {
                    break;
                }
                tail.drain(..tail.len().saturating_sub(64));
            }
        });
        since.elapsed()
    }
}

fn home(place: &Path, server: &Dovecot) {
    let profile = Profile::open(Roots::below(place)).unwrap();
    Vault::create_with(&profile.roots().vault_file(), PASSPHRASE, Cost::TEST).unwrap();
    let endpoint =
        format!("{{ host = \"localhost\", port = {}, security = \"tls\", user = \"{USER}\" }}", server.tls().port);
    let text = format!(
        "[[account]]\nname = \"work\"\naddress = \"quill@quillpounce.example\"\nfull_name = \"Quill\"\nimap = {endpoint}\nsmtp = {endpoint}\n\
         ca_file = \"{}\"\npassword = {{ command = [\"printf\", \"%s\", \"{PASSWORD}\"] }}\n",
        server.ca_file().display(),
    );
    casemail::store::file::write_atomic(&profile.roots().config_file(), text.as_bytes()).unwrap();
}

struct Program {
    engine: Engine,
    events: Receiver<Event>,
}

impl Program {
    fn open(place: &Path) -> Self {
        let roots = Roots::below(place);
        let (config, _) = casemail::config::files::load(roots.config_file().parent().unwrap(), None).unwrap();
        let profile = Profile::open(roots).unwrap();
        let vault = Vault::open_with(&profile.roots().vault_file(), PASSPHRASE, Cost::TEST).unwrap();
        let (tx, events) = sync_channel(64);
        let opening = Opening { vault_floor: Cost::TEST, ..Opening::new(profile, config, Some(vault)) };
        let opening = Opening { events: Some(tx), network: Network::Watch, ..opening };
        Self { engine: Engine::open(opening).unwrap(), events }
    }

    fn until<T>(&self, mut wanted: impl FnMut(Event) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let event = self.events.recv_timeout(deadline.saturating_duration_since(Instant::now())).unwrap();
            if let Some(found) = wanted(event) {
                return found;
            }
        }
    }

    fn named(&self, subject: &str) -> MessageRef {
        let rows = self.engine.messages(&Filter::default()).unwrap().messages;
        rows.into_iter().find(|row| row.subject == subject).unwrap().id
    }

    /// When the text was here, and when all of it was.
    fn open_message(&self, subject: &str, is_whole: impl Fn(&MessageView) -> bool) -> (Duration, Duration) {
        let name = self.named(subject);
        while self.events.try_recv().is_ok() {}
        let (since, mut first) = (Instant::now(), None);
        self.engine.submit(Effect::OpenMessage(name.clone()));
        self.until(|event| {
            let Event::Message(found, view) = event else { return None };
            let view = (found == name).then(|| view.unwrap())?;
            let first = *first.get_or_insert_with(|| since.elapsed());
            is_whole(&view).then(|| (first, since.elapsed()))
        })
    }

    /// When the list says so, and when the server was told.
    fn flag_all(&self, on: bool) -> (Duration, Duration) {
        let threads = self.engine.threads(&Scope::All).unwrap();
        let target = Target::Threads(threads.iter().map(|row| row.id).collect());
        while self.events.try_recv().is_ok() {}
        let since = Instant::now();
        self.engine.submit(Effect::Do(target, Deed::Flag(FlagChange::Flagged(on))));
        // Asked behind it: whatever is answered is what a screen would show.
        let shown = self.engine.threads(&Scope::All).unwrap().iter().filter(|row| row.flagged == on).count();
        let here = since.elapsed();
        assert_eq!(shown, threads.len());
        loop {
            self.engine.submit(Effect::ListWaiting);
            let waiting = self.until(|event| match event {
                Event::Waiting(rows) => Some(rows.len()),
                _ => None,
            });
            if waiting == 0 {
                return (here, since.elapsed());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn median(times: &[Duration]) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort();
    sorted[sorted.len() / 2].as_secs_f64() * 1000.0
}

fn main() {
    let count = std::env::args().skip(1).find_map(|argument| argument.parse::<u64>().ok()).unwrap_or(10_000);
    let Some(server) = Dovecot::start() else { return };
    let small = (0..count).map(|n| {
        letter(
            n,
            &format!("disclosure {n}"),
            &format!("Content-Type: text/plain\r\n\r\n{}\r\n", "See the schedule. ".repeat(100)),
        )
    });
    let large = (0..RUNS as u64).flat_map(|n| [with_file(count + 2 * n), with_text(count + 2 * n + 1)]);
    server.fill(OTHER, "INBOX", small.clone());
    server.fill(USER, "INBOX", small.chain(large));
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("home");
    home(&place, &server);
    let mut bare = Bare::new(server.tls().port, &server.ca_file(), USER);
    let mut other = Bare::new(server.tls().port, &server.ca_file(), OTHER);
    other.run("UID FETCH 1:* (UID FLAGS BODY.PEEK[])");
    bare.run("UID FETCH 1:* (UID FLAGS BODY.PEEK[])");
    let program = Program::open(&place);
    program.until(|event| match event {
        Event::Account(status) if matches!(status.link, Link::Watching { .. }) => Some(()),
        _ => None,
    });
    program.engine.wait_loaded().unwrap();
    let mut measured: BTreeMap<&str, [Vec<Duration>; 3]> = BTreeMap::new();
    let mut add = |what, raw, (first, whole): (Duration, Duration)| {
        let three: &mut [Vec<Duration>; 3] = measured.entry(what).or_default();
        three.iter_mut().zip([raw, first, whole]).for_each(|(list, time)| list.push(time));
    };
    for run in 0..RUNS as u64 {
        let on = other.run("UID STORE 1:* +FLAGS (\\Flagged)");
        let off = other.run("UID STORE 1:* -FLAGS (\\Flagged)");
        add("flag everything", on, program.flag_all(true));
        add("take the flags back", off, program.flag_all(false));
        for (what, subject, uid) in [
            ("open a letter with a file of 30 MB", format!("file {}", count + 2 * run), count + 2 * run + 1),
            ("open 8 MB of text", format!("text {}", count + 2 * run + 1), count + 2 * run + 2),
        ] {
            let raw = bare.run(&format!("UID FETCH {uid} (BODY.PEEK[])"));
            let is_whole = |view: &MessageView| {
                !view.sentences.iter().any(|sentence| sentence.text.as_str().contains("Only the beginning"))
            };
            add(what, raw, program.open_message(&subject, is_whole));
        }
    }
    println!(
        "{count} letters; medians of {RUNS}, milliseconds\n{:<36} {:>9} {:>9} {:>9} {:>7}",
        "", "raw", "on screen", "whole", "/ raw"
    );
    for (what, [raw, first, whole]) in &measured {
        let (raw, first, whole) = (median(raw), median(first), median(whole));
        println!("{what:<36} {raw:>9.1} {first:>9.1} {whole:>9.1} {:>7.2}", whole / raw);
    }
    program.engine.close();
}
