//! The disk becomes full in the middle of a write: for real, in a process of its own that writes until it can no more. What was acknowledged
//! is there afterwards, the stores open without a word, and the process neither panics nor hangs.
//!
//! A limit on the size of files (RLIMIT_FSIZE, POSIX setrlimit) works for everybody: the write that crosses it comes back short, and the next
//! one fails. Where a file system of a few megabytes may be mounted in a namespace of our own, that is filled, too.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use casemail::mail::id::MessageKey;
use casemail::store::cache::{Cache, CacheOptions, NewMessage};
use casemail::store::outbox::{OutboxEntry, SmtpEnvelope};
use casemail::store::space::SpaceLimits;
use casemail::store::state::State;
use casemail::store::summary::Summary;
use casemail::store::vault::{Cost, Vault};
use jiff::Timestamp;

const PASSPHRASE: &[u8] = b"otter weir lantern";
/// The checks of free space come before the disk is full, and no setting turns them off: sled 0.34 may wait for ever for a write that the file
/// system has refused. In `files_that_may_not_grow` it is refused all the same.
fn options() -> CacheOptions {
    CacheOptions { memory_bytes: 4 << 20, space: SpaceLimits { open_bytes: 0, batch_bytes: 0 } }
}
const LIMIT: Duration = Duration::from_secs(120);
const DIR: &str = "CASEMAIL_DISK_FULL_DIR";
const WHAT: &str = "CASEMAIL_DISK_FULL_WHAT";

fn now() -> Timestamp {
    "2026-03-02T09:00:00Z".parse().unwrap()
}

/// Bytes that do not compress, other ones for each number.
fn noise(number: u32, octets: usize) -> Vec<u8> {
    let mut seed = u64::from(number) + 1;
    let mut next = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 56) as u8
    };
    (0..octets).map(|_| next()).collect()
}

fn summary(uid: u32) -> Summary {
    let word: String = noise(uid, 200).iter().map(|byte| char::from(b'a' + byte % 26)).collect();
    Summary { uid, subject: format!("{uid} {word}"), message_id: format!("{uid}@weir"), ..Summary::default() }
}

fn vault(dir: &Path) -> Vault {
    let place = dir.join("vault");
    if place.exists() {
        return Vault::open_with(&place, PASSPHRASE, Cost::TEST).unwrap();
    }
    Vault::create_with(&place, PASSPHRASE, Cost::TEST).unwrap()
}

fn cache(dir: &Path, vault: &Vault) -> Cache {
    let (cache, sentences) = Cache::open(&dir.join("cache"), vault, now(), &options()).unwrap();
    assert_eq!(sentences, Vec::<String>::new());
    cache
}

fn row(number: u32) -> OutboxEntry {
    let envelope = SmtpEnvelope {
        reverse_path: "kestrel@chambers.example".into(),
        forward_paths: vec!["badger@crown.example".into()],
    };
    OutboxEntry::new("work", format!("{number}@chambers.example"), envelope, now())
}

/// The child: writes one kind of thing until it cannot, and says what was acknowledged and what was said then.
#[test]
fn write_until_the_disk_is_full() {
    let Ok(dir) = std::env::var(DIR) else { return };
    let (dir, what) = (Path::new(&dir), std::env::var(WHAT).unwrap());
    let vault = vault(dir);
    let (acknowledged, error) = match what.as_str() {
        "state" => {
            let state = State::open(&dir.join("state.redb"), &vault).unwrap();
            let mut done = 0;
            let error = loop {
                match state.queue(row(done + 1), &noise(done + 1, 30_000)) {
                    Ok(_) => done += 1,
                    Err(error) => break error.to_string(),
                }
            };
            // It may be read still, and says the same when asked again.
            println!("readable after: {}", state.outbox().is_ok());
            let again = state.queue(row(done + 1), &noise(done + 1, 30_000)).is_err();
            assert!(again, "full, then not");
            (done, error)
        }
        raw_or_rows => {
            let cache = cache(dir, &vault);
            let mailbox = cache.ensure_mailbox("work", "INBOX", 7).unwrap();
            let raw = |uid| (raw_or_rows == "messages").then(|| Arc::from(noise(uid, 30_000)));
            let mut done = 0;
            let error = loop {
                let batch = (done + 1..=done + 20).map(|uid| NewMessage { summary: summary(uid), raw: raw(uid) });
                match cache.put_batch(mailbox, batch.collect(), None) {
                    Ok(_) => done += 20,
                    Err(error) => break error.to_string(),
                }
            };
            println!("readable after: {}", cache.summaries(mailbox).is_ok());
            (done, error)
        }
    };
    println!("acknowledged {acknowledged}\nsaid {error}");
}

/// Runs the child by a shell command that limits it, and waits for its end: what it printed, by first word.
fn child(dir: &Path, what: &str, shell: &str) -> BTreeMap<String, String> {
    let test = std::env::current_exe().unwrap();
    let mut child = Command::new("sh")
        .args(["-c", shell, "sh"])
        .arg(&test)
        .args(["--exact", "disk_full::write_until_the_disk_is_full", "--nocapture", "--test-threads=1"])
        .env(DIR, dir)
        .env(WHAT, what)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let end = Instant::now() + LIMIT;
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > end {
            child.kill().unwrap();
            panic!("{what}: it hangs on a full disk");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let output = child.wait_with_output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{what}: {:?}\n{out}\n{err}", output.status);
    assert!(!err.contains("panicked"), "{what}: {err}");
    out.lines().filter_map(|line| line.split_once(' ')).map(|(a, b)| (a.to_owned(), b.to_owned())).collect()
}

/// With room again: everything that was acknowledged, and the stores open as they are.
fn check(dir: &Path, what: &str, told: &BTreeMap<String, String>) {
    let acknowledged: u32 = told["acknowledged"].parse().unwrap();
    eprintln!("{what}: {acknowledged} acknowledged, then: {}", told["said"]);
    assert!(acknowledged > 0, "{what}: {told:?}");
    assert!(!told["said"].is_empty());
    let vault = vault(dir);
    if what == "state" {
        let state = State::open(&dir.join("state.redb"), &vault).unwrap();
        let (rows, damage) = state.outbox().unwrap();
        assert_eq!(damage.len(), 0);
        let ids: Vec<&str> = rows.iter().map(|row| row.message_id.as_str()).collect();
        for number in 1..=acknowledged {
            assert_eq!(ids.iter().filter(|id| **id == format!("{number}@chambers.example")).count(), 1, "{number}");
        }
        assert!(rows.len() <= acknowledged as usize + 1, "{} rows", rows.len());
        for row in &rows {
            let number: u32 = row.message_id.split('@').next().unwrap().parse().unwrap();
            assert_eq!(state.outbox_raw(row.id).unwrap(), noise(number, 30_000), "{number}");
        }
        state.queue(row_after(), b"more").unwrap();
        return;
    }
    let cache = cache(dir, &vault);
    let [mailbox] = cache.mailboxes().unwrap().try_into().unwrap();
    let rows: BTreeMap<u32, Summary> =
        cache.summaries(mailbox.id).unwrap().map(Result::unwrap).map(|row| (row.uid, row)).collect();
    for uid in 1..=acknowledged {
        assert_eq!(rows.get(&uid).map(|row| &row.subject), Some(&summary(uid).subject), "{uid}");
        if what == "messages" {
            let raw = cache.raw(MessageKey { mailbox: mailbox.id, uid }).unwrap();
            assert!(raw.as_deref() == Some(&noise(uid, 30_000)), "{uid} is another");
        }
    }
    assert_eq!((cache.verify().unwrap(), cache.take_damage()), (vec![], vec![]), "{what}");
    let more = NewMessage { summary: summary(1_000_000), raw: Some(noise(1_000_000, 30_000).into()) };
    cache.put_batch(mailbox.id, vec![more], None).unwrap();
    let aside = std::fs::read_dir(dir.join("cache")).unwrap().flatten();
    assert_eq!(aside.filter(|entry| entry.file_name().to_string_lossy().contains("corrupt")).count(), 0);
}

fn row_after() -> OutboxEntry {
    row(1_000_000)
}

#[test]
fn files_that_may_not_grow() {
    for what in ["messages", "rows", "state"] {
        // In units of 512 octets (POSIX ulimit): 1.5 and 2.3 MB.
        for blocks in [3_000, 4_507] {
            let dir = tempfile::tempdir().unwrap();
            let told = child(dir.path(), what, &format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\""));
            check(dir.path(), what, &told);
        }
    }
}

/// Whether a file system may be mounted in a namespace of our own here.
fn may_mount() -> bool {
    let dir = tempfile::tempdir().unwrap();
    let script = format!("mount -t tmpfs -o size=64k none '{}'", dir.path().display());
    let done = Command::new("unshare").args(["-r", "-m", "sh", "-c", &script]).stderr(Stdio::null()).status();
    done.is_ok_and(|status| status.success())
}

#[test]
fn a_file_system_that_fills_up() {
    if !may_mount() {
        // The same writes meet their end in `files_that_may_not_grow`, everywhere.
        eprintln!("left out: this machine lets nobody mount a file system of their own");
        return;
    }
    for what in ["messages", "rows", "state"] {
        for megabytes in [12, 15] {
            let dir = tempfile::tempdir().unwrap();
            let (full, kept) = (dir.path().join("full"), dir.path().join("kept"));
            std::fs::create_dir(&full).unwrap();
            // The file system goes with the namespace: what is on it then is copied out of it, sparse files and all.
            let inner = format!(
                "mount -t tmpfs -o size={megabytes}m,mode=700 none '{full}' && \"$@\" && cp -a '{full}' '{kept}'",
                full = full.display(),
                kept = kept.display()
            );
            let shell = format!("exec unshare -r -m sh -c '{}' sh \"$@\"", inner.replace('\'', "'\\''"));
            let told = child(&full, what, &shell);
            check(&kept, what, &told);
        }
    }
}
