//! New keys over real stores, finished at once, after a crash at each step, and after kills.

use std::fs;
use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use jiff::Timestamp;

use super::{RekeyError, finish};
use crate::mail::id::MessageKey;
use crate::store::cache::{Cache, CacheOptions, NewMessage};
use crate::store::outbox::{OutboxEntry, SmtpEnvelope};
use crate::store::profile::Roots;
use crate::store::space::SpaceLimits;
use crate::store::state::State;
use crate::store::summary::Summary;
use crate::store::vault::{Cost, Vault};

const OPTIONS: CacheOptions =
    CacheOptions { memory_bytes: 8 << 20, space: SpaceLimits { open_bytes: 0, batch_bytes: 0 } };
const MESSAGES: u32 = 300;

fn body(uid: u32) -> Arc<[u8]> {
    match uid {
        // Beyond what the packs take.
        1 => {
            let mut seed = 7_u64;
            let mut noise = Vec::with_capacity(1_200_000);
            while noise.len() < 1_200_000 {
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                noise.extend_from_slice(&seed.to_le_bytes());
            }
            noise.into()
        }
        _ => format!("Subject: planted {uid}\r\n\r\nplanted body of {uid}\r\n").repeat(20).into_bytes().into(),
    }
}

fn roots(dir: &Path) -> Roots {
    let roots = Roots::below(dir);
    for place in [&roots.state, &roots.cache] {
        crate::store::file::private_dir(place).unwrap();
    }
    roots
}

fn open(roots: &Roots, passphrase: &[u8]) -> Vault {
    Vault::open_with(&roots.vault_file(), passphrase, Cost::TEST).unwrap()
}

fn fill(roots: &Roots) {
    let vault = Vault::create_with(&roots.vault_file(), b"old", Cost::TEST).unwrap();
    let (cache, _) = Cache::open(&roots.cache, &vault, Timestamp::UNIX_EPOCH, &OPTIONS).unwrap();
    let id = cache.ensure_mailbox("work", "INBOX", 1).unwrap();
    let message = |uid| NewMessage {
        summary: Summary { uid, subject: format!("planted {uid}"), ..Summary::default() },
        raw: Some(body(uid)),
    };
    cache.put_batch(id, (1..=MESSAGES).map(message).collect(), None).unwrap();
    let state = State::open(&roots.state_file(), &vault).unwrap();
    state.put("name", b"value").unwrap();
    let envelope = SmtpEnvelope { reverse_path: "a@b.example".into(), forward_paths: vec!["c@d.example".into()] };
    state.queue(OutboxEntry::new("work", "1@x", envelope, Timestamp::UNIX_EPOCH), b"the bytes").unwrap();
}

/// Everything that [`fill`] wrote opens with this passphrase.
fn check(roots: &Roots, passphrase: &[u8]) {
    let vault = open(roots, passphrase);
    let state = State::open(&roots.state_file(), &vault).unwrap();
    assert_eq!(state.value("name").unwrap().unwrap(), b"value");
    let rows = state.outbox().unwrap();
    assert_eq!((rows.0.len(), rows.1.len()), (1, 0));
    assert_eq!(state.outbox_raw(rows.0[0].id).unwrap(), b"the bytes");
    let (cache, told) = Cache::open(&roots.cache, &vault, Timestamp::UNIX_EPOCH, &OPTIONS).unwrap();
    assert_eq!(told, Vec::<String>::new());
    let id = cache.mailboxes().unwrap()[0].id;
    assert_eq!(cache.held(id).unwrap().len(), MESSAGES as usize);
    for uid in 1..=MESSAGES {
        assert_eq!(cache.raw(MessageKey { mailbox: id, uid }).unwrap().as_deref(), Some(&*body(uid)), "{uid}");
    }
    assert!(cache.verify().unwrap().is_empty());
}

#[test]
fn everything_opens_under_new_keys_and_no_copy_of_the_old_header_opens_anything() {
    let tmp = tempfile::tempdir().unwrap();
    let roots = roots(tmp.path());
    fill(&roots);
    let old_header = fs::read(roots.vault_file()).unwrap();
    let mut vault = open(&roots, b"old");
    vault.begin_epoch(b"new", Cost::TEST).unwrap();
    check(&roots, b"new");
    let mut steps = Vec::new();
    finish(&roots, &mut vault, Timestamp::UNIX_EPOCH, &OPTIONS, &mut |step| steps.push(step)).unwrap();
    assert!(steps.len() >= 2, "{steps:?}");
    assert_eq!(open(&roots, b"new").epochs().collect::<Vec<_>>(), [1]);
    check(&roots, b"new");
    // The thief of the old header and its passphrase reads nothing of today.
    let header = fs::read(roots.vault_file()).unwrap();
    fs::write(roots.vault_file(), old_header).unwrap();
    let vault = open(&roots, b"old");
    State::open(&roots.state_file(), &vault).unwrap_err();
    for sealer in [vault.sealer("state", b""), vault.sealer("cache/packs", b"")] {
        assert!(sealer.open(b"", b"x").is_err());
    }
    fs::write(roots.vault_file(), header).unwrap();
    // Once more, with the same passphrase.
    let mut vault = open(&roots, b"new");
    vault.begin_epoch(b"new", Cost::TEST).unwrap();
    finish(&roots, &mut vault, Timestamp::UNIX_EPOCH, &OPTIONS, &mut |_| {}).unwrap();
    check(&roots, b"new");
}

#[test]
fn a_change_that_was_begun_twice_is_finished_at_once() {
    let tmp = tempfile::tempdir().unwrap();
    let roots = roots(tmp.path());
    fill(&roots);
    let mut vault = open(&roots, b"old");
    vault.begin_epoch(b"second", Cost::TEST).unwrap();
    // The rows are sealed anew by this opening, the raw messages are not.
    check(&roots, b"second");
    vault.begin_epoch(b"third", Cost::TEST).unwrap();
    check(&roots, b"third");
    finish(&roots, &mut vault, Timestamp::UNIX_EPOCH, &OPTIONS, &mut |_| {}).unwrap();
    assert_eq!(open(&roots, b"third").epochs().collect::<Vec<_>>(), [2]);
    check(&roots, b"third");
}

#[test]
fn without_room_nothing_is_changed() {
    let tmp = tempfile::tempdir().unwrap();
    let roots = roots(tmp.path());
    fill(&roots);
    let mut vault = open(&roots, b"old");
    vault.begin_epoch(b"new", Cost::TEST).unwrap();
    let full = CacheOptions { space: SpaceLimits { open_bytes: 0, batch_bytes: u64::MAX / 4 }, ..OPTIONS };
    let error = finish(&roots, &mut vault, Timestamp::UNIX_EPOCH, &full, &mut |_| {}).unwrap_err();
    assert!(matches!(error, RekeyError::Cache(_)), "{error}");
    assert_eq!(open(&roots, b"new").epochs().count(), 2);
    check(&roots, b"new");
    finish(&roots, &mut vault, Timestamp::UNIX_EPOCH, &OPTIONS, &mut |_| {}).unwrap();
    check(&roots, b"new");
}

const CHILD: &str = "CASEMAIL_REKEY_CHILD";

/// The child of the next test: changes the keys until it is killed.
#[test]
#[expect(clippy::disallowed_methods, reason = "a test that runs itself as its own child")]
fn rekey_until_killed() {
    let Ok(dir) = std::env::var(CHILD) else { return };
    let roots = roots(Path::new(&dir));
    loop {
        let mut vault = open(&roots, b"old");
        if vault.epochs().count() == 1 {
            vault.begin_epoch(b"old", Cost::TEST).unwrap();
        }
        println!("begun");
        std::io::stdout().flush().unwrap();
        finish(&roots, &mut vault, Timestamp::UNIX_EPOCH, &OPTIONS, &mut |_| {}).unwrap();
    }
}

#[test]
fn a_killed_change_of_keys_loses_nothing_and_goes_on() {
    let tmp = tempfile::tempdir().unwrap();
    let roots = roots(tmp.path());
    fill(&roots);
    for round in 0..8_u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "store::rekey::tests::rekey_until_killed", "--nocapture", "--test-threads=1"])
            .env(CHILD, tmp.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        lines.find(|line| line.contains("begun")).expect("the child ended by itself");
        let begun = std::time::Instant::now();
        while begun.elapsed() < std::time::Duration::from_millis(round * round * 11) {
            std::hint::spin_loop();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        check(&roots, b"old");
    }
    let mut vault = open(&roots, b"old");
    finish(&roots, &mut vault, Timestamp::UNIX_EPOCH, &OPTIONS, &mut |_| {}).unwrap();
    check(&roots, b"old");
    assert_eq!(open(&roots, b"old").epochs().count(), 1);
}
