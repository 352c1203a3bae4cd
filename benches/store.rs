//! How fast and how large the sealed stores are: `cargo bench --bench store [-- 1000000]`.
//!
//! Whole-process figures on made-up mail: 100,000 messages of about 4 KB that hardly compress are stored in batches of 500, then the
//! cache is opened again, the list read, single messages read, flags changed. With a number, summaries alone are stored and read at
//! that size. Figures are printed, nothing is asserted.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark prints, and stops at the first trouble")]

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use casemail::mail::address::Address;
use casemail::mail::id::{MailboxId, MessageKey};
use casemail::store::cache::{Cache, CacheOptions, NewMessage};
use casemail::store::flags::Flags;
use casemail::store::outbox::{OutboxEntry, SmtpEnvelope};
use casemail::store::state::State;
use casemail::store::summary::Summary;
use casemail::store::vault::Vault;
use jiff::Timestamp;

const BATCH: u32 = 500;
/// Messages that are stored with their bodies where no number is given.
const FULL: u32 = 100_000;
const PASSPHRASE: &[u8] = b"otter weir lantern";

/// A small generator: the same mail at every run.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    fn text(&mut self, bytes: usize) -> String {
        (0..bytes).map(|_| char::from(b' ' + (self.next() % 90) as u8)).collect()
    }
}

fn summary(uid: u32, noise: &mut Noise) -> Summary {
    let person = noise.next() % 300;
    let id =
        |number: u64| format!("{number:016x}.{:08x}@mail.chambers.example", number.wrapping_mul(2_654_435_761) as u32);
    Summary {
        uid,
        flags: Flags::new((noise.next() % 8) as u8, Vec::new()),
        received: 1_700_000_000 + i64::from(uid) * 60,
        sent: Some(1_700_000_000 + i64::from(uid) * 60 - 4),
        bytes: 4000 + (noise.next() % 3000) as u32,
        message_id: id(noise.next()),
        references: (0..noise.next() % 4).map(|_| id(noise.next())).collect(),
        from: vec![Address {
            name: format!("Badger Number {person}"),
            addr: format!("badger{person}@chambers.example"),
        }],
        to: vec![Address { name: "Kestrel".into(), addr: "kestrel@chambers.example".into() }],
        subject: format!("Re: R v FERRET 99ZX00{:05}26: disclosure schedule {}", uid % 3000, noise.next() % 40),
        attachments: (noise.next() % 3) as u16,
        ..Summary::default()
    }
}

/// (resident now, its peak) in MB, from the kernel.
fn memory() -> (u64, u64) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or_default() / 1024
    };
    (field("VmRSS:"), field("VmHWM:"))
}

fn disk(dir: &Path) -> u64 {
    let entries = std::fs::read_dir(dir).unwrap().flatten();
    entries.map(|entry| if entry.path().is_dir() { disk(&entry.path()) } else { entry.metadata().unwrap().len() }).sum()
}

fn tell(what: &str, count: u32, since: Instant) {
    let seconds = since.elapsed().as_secs_f64();
    let (now, peak) = memory();
    println!(
        "{what:<44} {count:>8} in {seconds:>7.3} s = {:>9.0}/s   {now:>4} MB now, {peak:>4} MB peak",
        f64::from(count) / seconds
    );
}

fn fill(cache: &Cache, count: u32, bodies: bool) -> MailboxId {
    let mailbox = cache.ensure_mailbox("work", "INBOX", 1).unwrap();
    let mut noise = Noise(7);
    let since = Instant::now();
    // Newest first, as a sync does.
    for batch in (0..count / BATCH).rev() {
        let uids = batch * BATCH + 1..=batch * BATCH + BATCH;
        let messages = uids.map(|uid| {
            let raw = bodies.then(|| {
                let bytes = 2000 + (noise.next() % 4000) as usize;
                Arc::from(noise.text(bytes).into_bytes())
            });
            NewMessage { summary: summary(uid, &mut noise), raw }
        });
        cache.put_batch(mailbox, messages.collect(), None).unwrap();
    }
    tell(if bodies { "store, bodies of 4 KB, batches of 500" } else { "store, summaries alone" }, count, since);
    mailbox
}

fn read(dir: &Path, vault: &Vault, options: &CacheOptions, count: u32, bodies: bool) {
    let now = Timestamp::UNIX_EPOCH;
    let since = Instant::now();
    let (cache, _) = Cache::open(dir, vault, now, options).unwrap();
    tell("open", 1, since);
    let mailbox = cache.mailboxes().unwrap().first().unwrap().id;
    let since = Instant::now();
    let first = cache.summaries(mailbox).unwrap().take(100).count();
    tell("read the first 100 summaries", first as u32, since);
    let since = Instant::now();
    let read =
        cache.summaries(mailbox).unwrap().map(|row| row.unwrap().subject.len()).filter(|length| *length > 0).count();
    tell("read all summaries", read as u32, since);
    let since = Instant::now();
    tell("read what is held (flags)", cache.held(mailbox).unwrap().len() as u32, since);
    let mut noise = Noise(99);
    if bodies {
        let since = Instant::now();
        let mut slowest = 0.0_f64;
        for _ in 0..5000 {
            let one = Instant::now();
            let uid = 1 + (noise.next() % u64::from(count)) as u32;
            cache.raw(MessageKey { mailbox, uid }).unwrap().unwrap();
            slowest = slowest.max(one.elapsed().as_secs_f64());
        }
        tell("read messages at random", 5000, since);
        println!("{:<44} slowest {:.1} ms", "", slowest * 1000.0);
    }
    let changes: Vec<(u32, Flags)> =
        (0..500).map(|_| (1 + (noise.next() % u64::from(count)) as u32, Flags::new(Flags::SEEN, Vec::new()))).collect();
    let since = Instant::now();
    cache.set_flags(mailbox, &changes, None).unwrap();
    tell("set 500 flags at random, one batch", 500, since);
    let since = Instant::now();
    cache.set_flags(mailbox, changes.get(..1).unwrap(), None).unwrap();
    tell("set one flag", 1, since);
}

fn outbox(dir: &Path, vault: &Vault) {
    let state = State::open(&dir.join("state.redb"), vault).unwrap();
    let since = Instant::now();
    for number in 0..200 {
        let envelope = SmtpEnvelope { reverse_path: "a@b.example".into(), forward_paths: vec!["c@d.example".into()] };
        state.queue(OutboxEntry::new("work", number.to_string(), envelope, Timestamp::UNIX_EPOCH), &[7; 4000]).unwrap();
    }
    tell("queue in the outbox, each durable", 200, since);
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some([_, count, dir]) = arguments.iter().position(|word| word == "--read").and_then(|at| arguments.get(at..))
    {
        let dir = Path::new(dir);
        let vault = Vault::open(&dir.join("vault"), PASSPHRASE).unwrap();
        let count: u32 = count.parse().unwrap();
        return read(&dir.join("cache"), &vault, &CacheOptions::default(), count, count == FULL);
    }
    let count = std::env::args().find_map(|argument| argument.parse::<u32>().ok());
    let dir = tempfile::tempdir().unwrap();
    let since = Instant::now();
    let vault = Vault::create(&dir.path().join("vault"), PASSPHRASE).unwrap();
    tell("stretch a passphrase (256 MiB, 3 passes)", 1, since);
    let options = CacheOptions::default();
    let count = count.unwrap_or(FULL);
    let bodies = count == FULL;
    let place = dir.path().join("cache");
    {
        let (cache, _) = Cache::open(&place, &vault, Timestamp::UNIX_EPOCH, &options).unwrap();
        fill(&cache, count, bodies);
    }
    println!(
        "{:<44} {:.1} MB, {:.0} bytes a message",
        "on the disk",
        disk(&place) as f64 / 1e6,
        disk(&place) as f64 / f64::from(count)
    );
    // In a process of its own, so that its memory is what a reader needs.
    let read = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--read", &count.to_string()])
        .arg(dir.path())
        .status();
    assert!(read.unwrap().success());
    outbox(dir.path(), &vault);
}
