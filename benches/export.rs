//! Exports beside a plain decode-and-copy of the same messages, in one run: `cargo bench --bench export [-- 1000 1000000]` (attachments, bytes of each).
//!
//! Made-up messages of ten attachments each are put into the cache of a throw-away profile, all in one case. `copy` decodes the same messages from memory
//! and writes the same files, without digests, without bringing them to the disk, without reading them again: what nobody can be faster than.
//! `export` is the program's own engine in a process of its own: unseals, decodes, digests, writes, brings to the disk, reads again and compares,
//! makes the manifest and signs nothing. `again` is the same once more: nothing is written. `verify` reads all of it by its list. Then one attachment
//! of 100 MB, and a case of 10,000 small documents: listed, exported, verified. Memory is the peak of each process from the open vault on. Figures are printed,
//! nothing is asserted. `docs/measuring.md` says how to read it. It takes 6 GB below the temporary directory.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a benchmark prints, and stops at the first trouble"
)]

use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use casemail::config::{CaseRule, Config};
use casemail::engine::export::{Form, Order, Subject};
use casemail::engine::{Engine, Opening};
use casemail::export::verify;
use casemail::mail::address::Address;
use casemail::mail::id::CaseId;
use casemail::mail::message::Message;
use casemail::store::cache::{Cache, CacheOptions, NewMessage};
use casemail::store::flags::Flags;
use casemail::store::profile::{Profile, Roots};
use casemail::store::summary::Summary;
use casemail::store::vault::{Cost, Vault};
use jiff::Timestamp;

const PASSPHRASE: &[u8] = b"otter weir lantern";
const URN: &str = "99ZX0012326";
const FILES: usize = 10;

/// A small generator: the same bytes at every run.
fn noise(seed: u64, count: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut made = Vec::with_capacity(count + 8);
    while made.len() < count {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        made.extend_from_slice(&state.to_le_bytes());
    }
    made.truncate(count);
    made
}

fn message(number: usize, files: usize, bytes: usize) -> Vec<u8> {
    let mut raw = format!(
        "From: CPS <ambleford.mags@cps.gov.example>\r\nTo: quill@quillpounce.example\r\nMessage-ID: <{number}@cps.gov.example>\r\n\
         Date: Mon, 2 Mar 2026 14:52:00 +0000\r\nSubject: R v FERRET {URN} - IDPC {}\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=weir\r\n\r\n--weir\r\nContent-Type: text/plain\r\n\r\nPlease find attached.\r\n",
        number / 5
    )
    .into_bytes();
    for file in 0..files {
        let seed = number * 100 + file;
        let head = format!(
            "--weir\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename=\"MG11 witness {seed}.pdf\"\r\n\
             Content-Transfer-Encoding: base64\r\n\r\n"
        );
        raw.extend_from_slice(head.as_bytes());
        for line in noise(seed as u64, bytes).chunks(57) {
            raw.extend_from_slice(STANDARD.encode(line).as_bytes());
            raw.extend_from_slice(b"\r\n");
        }
    }
    raw.extend_from_slice(b"--weir--\r\n");
    raw
}

fn create(home: &Path, messages: usize, files: usize, bytes: usize) {
    let profile = Profile::open(Roots::below(home)).unwrap();
    let vault = Vault::create_with(&profile.roots().vault_file(), PASSPHRASE, Cost::TEST).unwrap();
    drop((vault, profile));
    // A profile that was opened once has both stores.
    open(home).close();
    let profile = Profile::open(Roots::below(home)).unwrap();
    let vault = Vault::open_with(&profile.roots().vault_file(), PASSPHRASE, Cost::TEST).unwrap();
    let now = Timestamp::from_second(1_780_000_000).unwrap();
    let (cache, _) = Cache::open(&profile.roots().cache, &vault, now, &CacheOptions::default()).unwrap();
    let mailbox = cache.ensure_mailbox("work", "INBOX", 1).unwrap();
    let mut batch = Vec::new();
    for number in 0..messages {
        let raw = message(number, files, bytes);
        let summary = Summary {
            uid: u32::try_from(number).unwrap() + 1,
            flags: Flags::new(Flags::SEEN, Vec::new()),
            received: 1_772_463_187 + number as i64 * 60,
            sent: Some(1_772_463_120 + number as i64 * 60),
            bytes: u32::try_from(raw.len()).unwrap(),
            message_id: format!("{number}@cps.gov.example"),
            from: vec![Address { name: "CPS".into(), addr: "ambleford.mags@cps.gov.example".into() }],
            subject: format!("R v FERRET {URN} - IDPC {}", number / 5),
            attachments: files as u16,
            derived: vec![format!("s:{URN}")],
            ..Summary::default()
        };
        batch.push(NewMessage { summary, raw: Some(raw.into()) });
        if batch.len() * bytes * files > 64 << 20 || batch.len() == 200 {
            cache.put_batch(mailbox, std::mem::take(&mut batch), None).unwrap();
        }
    }
    cache.put_batch(mailbox, batch, None).unwrap();
}

/// Resident memory's peak in MB, from the kernel.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or_default() / 1024
}

fn open(home: &Path) -> Engine {
    let profile = Profile::open(Roots::below(home)).unwrap();
    let vault = Vault::open_with(&profile.roots().vault_file(), PASSPHRASE, Cost::TEST).unwrap();
    let config = Config {
        cases: vec![CaseRule { id: "ferret".into(), title: "R v FERRET".into(), identifiers: vec![URN.into()] }],
        ..Config::default()
    };
    let engine =
        Engine::open(Opening { vault_floor: Cost::TEST, ..Opening::new(profile, config, Some(vault)) }).unwrap();
    engine.wait_loaded().unwrap();
    engine
}

fn bytes_below(dir: &Path) -> u64 {
    let entries = std::fs::read_dir(dir).unwrap().flatten();
    entries
        .map(|entry| if entry.path().is_dir() { bytes_below(&entry.path()) } else { entry.metadata().unwrap().len() })
        .sum()
}

fn tell(what: &str, files: usize, bytes: u64, time: Duration) {
    let rate = bytes as f64 / 1e6 / time.as_secs_f64();
    println!(
        "{what:34} {files:6} files {:8.1} MB {:8.2} s {rate:8.0} MB/s   peak {:4} MB",
        bytes as f64 / 1e6,
        time.as_secs_f64(),
        peak()
    );
}

/// One step, in a process of its own.
fn step(what: &str, home: &Path, out: &Path) {
    let case = CaseId("ferret".into());
    let begun;
    match what {
        "list" => {
            let engine = open(home);
            begun = Instant::now();
            // The first look writes down what came; the second is what a person waits for.
            let found = engine.documents(&case).unwrap().len();
            tell("list, written down first", found, 0, begun.elapsed());
            let again = Instant::now();
            let found = engine.documents(&case).unwrap().len();
            tell("list", found, 0, again.elapsed());
        }
        "export" | "again" | "zip" => {
            let engine = open(home);
            begun = Instant::now();
            let form = if what == "zip" { Form::Zip } else { Form::Files };
            let order = Order { subject: Subject::Case(case), form, decrypt: false, to: out.to_owned() };
            let done = engine.export(order, &|_| true).unwrap();
            let time = begun.elapsed();
            assert!(done.left_out.is_empty(), "{:?}", done.left_out.first());
            tell(what, done.files.len(), bytes_below(out), time);
        }
        "verify" => {
            begun = Instant::now();
            let found = verify::verify(out, &|_, _| Err("not looked at".into()), &|_| true);
            assert!(found.findings.is_empty(), "{:?}", found.findings.first());
            tell("verify", found.checked as usize, bytes_below(out), begun.elapsed());
        }
        other => panic!("{other}"),
    }
}

fn child(what: &str, home: &Path, out: &Path) {
    let done = Command::new(std::env::current_exe().unwrap()).arg("--step").arg(what).arg(home).arg(out).status();
    assert!(done.unwrap().success(), "{what}");
}

/// The same files, by the shortest way.
fn copy(out: &Path, messages: usize, files: usize, bytes: usize) {
    std::fs::create_dir(out).unwrap();
    let (mut time, mut written, mut count) = (Duration::ZERO, 0, 0);
    for number in 0..messages {
        let raw: Arc<[u8]> = message(number, files, bytes).into();
        let begun = Instant::now();
        let message = Message::parse(Arc::clone(&raw));
        for (place, part) in message.parts().iter().enumerate().filter(|(_, part)| part.name.is_some()) {
            let file = std::fs::File::create(out.join(format!("{number}-{place}.pdf"))).unwrap();
            let mut file = std::io::BufWriter::with_capacity(128 << 10, file);
            message.write_content(part, &mut file).unwrap();
            file.flush().unwrap();
            count += 1;
        }
        std::fs::write(out.join(format!("{number}.eml")), &raw).unwrap();
        time += begun.elapsed();
        count += 1;
    }
    written += bytes_below(out);
    tell("copy (no digest, no sync, no look)", count, written, time);
    std::fs::remove_dir_all(out).unwrap();
}

fn run(words: &str, messages: usize, files: usize, bytes: usize, copies: bool) {
    println!("\n{words}");
    let dir = tempfile::tempdir().unwrap();
    let (home, out) = (dir.path().join("home"), dir.path().join("out"));
    create(&home, messages, files, bytes);
    if copies {
        copy(&dir.path().join("copy"), messages, files, bytes);
    }
    child("list", &home, &out);
    child("export", &home, &out);
    child("again", &home, &out);
    child("verify", &home, &out);
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    if let Some(at) = args.iter().position(|arg| arg == "--step") {
        return step(&args[at + 1], Path::new(&args[at + 2]), Path::new(&args[at + 3]));
    }
    let numbers: Vec<usize> = args.iter().filter_map(|arg| arg.parse().ok()).collect();
    let count = numbers.first().copied().unwrap_or(1_000);
    let bytes = numbers.get(1).copied().unwrap_or(1_000_000);
    run(&format!("{count} attachments of {} kB", bytes / 1000), count.div_ceil(FILES), FILES, bytes, true);
    run("one attachment of 100 MB", 1, 1, 100_000_000, true);
    run("a case of 10,000 small documents", 2_500, 4, 2_000, true);
}
