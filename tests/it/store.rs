//! Stores written by former versions open for ever: `tests/data/store-vN`, one for each form that was ever written.
//!
//! A fixture is made with `CASEMAIL_WRITE_FIXTURE=tests/data/store-vN cargo test --test it store::`, by the version that first writes
//! that form, and never changed after.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use casemail::mail::address::Address;
use casemail::mail::draft::Draft;
use casemail::mail::id::{MessageKey, OutboxId};
use casemail::pgp::report::Acceptance;
use casemail::store::cache::{Cache, CacheOptions, NewMessage};
use casemail::store::cert::{CertRecord, KeyDecision, SecretHome, SecretRecord};
use casemail::store::change::{Act, Change, Group};
use casemail::store::flags::Flags;
use casemail::store::mailbox::{MailboxState, SpecialUse};
use casemail::store::outbox::{OutboxEntry, OutboxState, SmtpEnvelope};
use casemail::store::space::SpaceLimits;
use casemail::store::state::State;
use casemail::store::summary::Summary;
use casemail::store::vault::{Cost, Vault};
use jiff::Timestamp;

const PASSPHRASE: &[u8] = b"otter weir lantern";
const OPTIONS: CacheOptions =
    CacheOptions { memory_bytes: 4 << 20, space: SpaceLimits { open_bytes: 0, batch_bytes: 0 } };

fn now() -> Timestamp {
    "2026-03-02T09:00:00Z".parse().unwrap()
}

/// Bytes that do not compress, so that they go to a file of their own.
fn large() -> Arc<[u8]> {
    let mut seed = 7_u64;
    let mut next = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 56) as u8
    };
    (0..70_000).map(|_| next()).collect()
}

fn summary(uid: u32) -> Summary {
    Summary {
        uid,
        flags: Flags::from_names(["\\Seen", "$Case"]),
        received: 1_772_442_000 + i64::from(uid),
        sent: Some(1_772_441_990),
        bytes: 1234,
        message_id: format!("{uid}@chambers.example"),
        in_reply_to: vec!["0@chambers.example".into()],
        references: vec!["0@chambers.example".into()],
        from: vec![Address { name: "Badger".into(), addr: "badger@crown.example".into() }],
        to: vec![Address { name: String::new(), addr: "kestrel@chambers.example".into() }],
        subject: "R v FERRET 99ZX0012326".into(),
        attachments: 1,
        carried: 2,
        has_raw: true,
        derived: vec!["99ZX0012326".into()],
        ..Summary::default()
    }
}

fn mailbox_state() -> MailboxState {
    MailboxState {
        uid_next: Some(301),
        highest_modseq: Some(99),
        special_use: Some(SpecialUse::Inbox),
        subscribed: true,
        exists: 2,
        last_sync: Some(now()),
        ..MailboxState::default()
    }
}

fn entry() -> OutboxEntry {
    let envelope = SmtpEnvelope {
        reverse_path: "kestrel@chambers.example".into(),
        forward_paths: vec!["badger@crown.example".into()],
    };
    let mut entry = OutboxEntry::new("work", "1@chambers.example", envelope, now());
    entry.state = OutboxState::Held;
    entry.next_attempt = Some(now());
    entry
}

fn cert() -> CertRecord {
    CertRecord {
        fingerprint: "AB".repeat(20),
        cert: b"a certificate".to_vec(),
        acceptance: Acceptance::Verified,
        decisions: vec![KeyDecision {
            acceptance: Acceptance::Verified,
            at: now(),
            by: "kestrel".into(),
            how: "read over the telephone".into(),
            addresses: Vec::new(),
        }],
        added_at: now(),
        source: "file".into(),
    }
}

fn secret() -> SecretRecord {
    SecretRecord {
        fingerprint: "CD".repeat(20),
        key: b"a key".to_vec(),
        passphrase: Some("its own".into()),
        home: SecretHome::Profile,
    }
}

/// The queue of changes; schema 1 held it as a change of flags alone.
fn change() -> Change {
    Change {
        seq: 1,
        step: 0,
        undoes: None,
        words: "changed flags".into(),
        at: now(),
        account: "work".into(),
        act: Act::Flags { set: Flags::new(Flags::SEEN, Vec::new()), clear: Flags::new(Flags::FLAGGED, Vec::new()) },
        waiting: vec![Group { mailbox: "INBOX".into(), uid_validity: 1, uids: vec![2], home: None }],
        open: false,
        begun: None,
        done: Vec::new(),
        taken_back: false,
        tries: 0,
        why: String::new(),
        held: None,
    }
}

fn write(dir: &Path) {
    fs::create_dir_all(dir).unwrap();
    let vault = Vault::create_with(&dir.join("vault"), PASSPHRASE, Cost::TEST).unwrap();
    let (cache, _) = Cache::open(&dir.join("cache"), &vault, now(), &OPTIONS).unwrap();
    let mailbox = cache.ensure_mailbox("work", "INBOX", 1_767_225_600).unwrap();
    let small =
        NewMessage { summary: summary(1), raw: Some(b"Subject: R v FERRET\r\n\r\nHello\r\n".as_slice().into()) };
    let big = NewMessage { summary: summary(300), raw: Some(large()) };
    cache.put_batch(mailbox, vec![small, big], Some(mailbox_state())).unwrap();
    let state = State::open(&dir.join("state.redb"), &vault).unwrap();
    state.queue(entry(), b"the bytes").unwrap();
    state.keep_draft(&Draft { subject: "kept".into(), ..Draft::default() }).unwrap();
    state.put_cert(&cert()).unwrap();
    state.put_secret(&secret()).unwrap();
    state.write(|write| write.put_change(&change())).unwrap();
    state.put("name", b"value").unwrap();
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    fs::set_permissions(to, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (entry, target) = (entry.as_ref().unwrap(), to.join(entry.as_ref().unwrap().file_name()));
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).unwrap();
            fs::set_permissions(&target, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        }
    }
}

/// What [`write`] has written is there, in a copy of the fixture.
fn check(fixture: &Path) {
    let tmp = tempfile::tempdir().unwrap();
    copy(fixture, tmp.path());
    let vault = Vault::open_with(&tmp.path().join("vault"), PASSPHRASE, Cost::TEST).unwrap();
    let (cache, sentences) = Cache::open(&tmp.path().join("cache"), &vault, now(), &OPTIONS).unwrap();
    assert_eq!(sentences, Vec::<String>::new());
    let mailboxes = cache.mailboxes().unwrap();
    let [mailbox] = mailboxes.as_slice() else { panic!("{mailboxes:?}") };
    assert_eq!(
        (mailbox.account.as_str(), mailbox.name.as_str(), mailbox.uid_validity),
        ("work", "INBOX", 1_767_225_600)
    );
    assert_eq!(mailbox.state, mailbox_state());
    let rows: Vec<Summary> = cache.summaries(mailbox.id).unwrap().map(Result::unwrap).collect();
    assert_eq!(rows, [summary(300), summary(1)]);
    let raw = |uid| cache.raw(MessageKey { mailbox: mailbox.id, uid }).unwrap().unwrap();
    assert_eq!(raw(1), b"Subject: R v FERRET\r\n\r\nHello\r\n");
    assert_eq!(raw(300), *large());
    let state = State::open(&tmp.path().join("state.redb"), &vault).unwrap();
    let expected = OutboxEntry { id: OutboxId(1), batch: OutboxId(1), bytes: 9, ..entry() };
    assert_eq!(state.outbox().unwrap().0, [expected]);
    assert_eq!(state.outbox_raw(OutboxId(1)).unwrap(), b"the bytes");
    assert_eq!(state.kept_draft().unwrap().unwrap().subject, "kept");
    assert_eq!(state.certs().unwrap(), [cert()]);
    assert_eq!(state.secrets().unwrap(), [secret()]);
    assert_eq!(state.changes().unwrap().0, [change()]);
    assert_eq!(state.next_change().unwrap(), 2);
    assert_eq!(state.value("name").unwrap().unwrap(), b"value");
}

#[test]
fn stores_of_every_version_open() {
    if let Ok(dir) = std::env::var("CASEMAIL_WRITE_FIXTURE") {
        write(Path::new(&dir));
    }
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let mut found = 0;
    for version in 1.. {
        let fixture = data.join(format!("store-v{version}"));
        if !fixture.exists() {
            break;
        }
        check(&fixture);
        found += 1;
    }
    assert!(found > 0, "no fixture in {}", data.display());
}
