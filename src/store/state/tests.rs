//! The state store on a real disk: round trips, refusals, tears and kills.

use std::fs;
use std::io::{BufRead, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use jiff::Timestamp;

use super::{State, StateError};
use crate::mail::draft::Draft;
use crate::mail::id::{DraftKey, OutboxId};
use crate::pgp::report::Acceptance;
use crate::store::cert::{CertRecord, KeyDecision, SecretHome, SecretRecord};
use crate::store::change::{Act, Change};
use crate::store::outbox::{Delivery, OutboxEntry, OutboxState, Owed, SmtpEnvelope, Step};
use crate::store::vault::{Cost, Vault};

mod damage;
mod quarantine;

struct World {
    dir: tempfile::TempDir,
    vault: Vault,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let vault = Vault::create_with(&dir.path().join("vault"), b"otter", Cost::TEST).unwrap();
        Self { dir, vault }
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join("state.redb")
    }

    fn open(&self) -> State {
        State::open(&self.file(), &self.vault).unwrap()
    }
}

fn now() -> Timestamp {
    "2026-03-02T09:00:00Z".parse().unwrap()
}

fn entry(number: usize) -> OutboxEntry {
    let envelope = SmtpEnvelope {
        reverse_path: "kestrel@chambers.example".into(),
        forward_paths: vec!["badger@crown.example".into()],
    };
    let mut entry = OutboxEntry::new("work", format!("{number}@chambers.example"), envelope, now());
    entry.subject = "planted-subject-word".into();
    entry
}

#[test]
fn outbox_rows_go_through_their_life() {
    let world = World::new();
    let id = {
        let state = world.open();
        let id = state.queue(entry(1), b"planted-body-word").unwrap();
        let claimed = state.claim(id).unwrap().unwrap();
        assert_eq!((claimed.state, claimed.attempts), (OutboxState::Sending, 1));
        assert!(state.claim(id).unwrap().is_none(), "claimed twice");
        state.update_outbox(id, |entry| entry.set_all(Delivery::Waiting, Delivery::InDoubt)).unwrap();
        id
    };
    let state = world.open();
    let changed = state.recover_outbox(now()).unwrap();
    assert_eq!(changed.len(), 1);
    assert_eq!(state.outbox_entry(id).unwrap().unwrap().state, OutboxState::Uncertain);
    assert_eq!(state.outbox_raw(id).unwrap(), b"planted-body-word");
    // A step that tells another story than the recipients, and one that the table does not hold.
    let refused = state.step_outbox(id, Step::Accept, |_| ());
    assert!(matches!(refused, Err(StateError::Disagrees { .. })), "{refused:?}");
    let refused = state.step_outbox(id, Step::Claim, |_| ());
    assert!(matches!(refused, Err(StateError::Transition { .. })), "{refused:?}");
    state.step_outbox(id, Step::Accept, |entry| entry.set_all(Delivery::InDoubt, Delivery::Sent)).unwrap();
    assert!(matches!(state.forget_outbox(id), Err(StateError::Transition { .. })));
    let refused = state.update_outbox(id, |entry| entry.set_all(Delivery::Sent, Delivery::Waiting));
    assert!(matches!(refused, Err(StateError::Disagrees { .. })), "{refused:?}");
    state.step_outbox(id, Step::File, |entry| entry.filed = true).unwrap();
    state.forget_outbox(id).unwrap();
    assert!(state.outbox().unwrap().0.is_empty());
    assert!(matches!(state.outbox_raw(id), Err(StateError::NoEntry(_))));
    // A number is never given twice.
    assert_eq!(state.queue(entry(2), b"x").unwrap(), OutboxId(id.0 + 1));
}

#[test]
fn drafts_are_set_aside_and_taken_up_and_none_is_lost() {
    let world = World::new();
    let state = world.open();
    let draft = |subject: &str| Draft { subject: subject.into(), ..Draft::default() };
    let subjects = |state: &State| -> Vec<String> {
        state.drafts().unwrap().0.into_iter().map(|kept| kept.draft.subject).collect()
    };
    assert_eq!(state.set_draft_aside(now()).unwrap(), None);
    assert!(!state.keep_draft(&draft("first"), now()).unwrap());
    let first = state.set_draft_aside(now()).unwrap().unwrap();
    assert_eq!(state.kept_draft().unwrap(), None);
    let second = Draft { key: Some(DraftKey(2)), ..draft("second") };
    state.keep_draft(&second, now()).unwrap();
    // What was at hand is laid by where another one is taken up; one that was never opened is known by its key from now on.
    let taken = state.take_up_draft(first, DraftKey(1), now()).unwrap().unwrap();
    assert_eq!((taken.subject.as_str(), taken.key), ("first", Some(DraftKey(1))));
    assert_eq!(state.kept_draft().unwrap().unwrap(), taken);
    assert_eq!(subjects(&state), ["second"]);
    assert_eq!(state.take_up_draft(first, DraftKey(3), now()).unwrap(), None, "it is at hand");
    let id = state.drafts().unwrap().0[0].id;
    assert_eq!(state.take_up_draft(id, DraftKey(3), now()).unwrap(), Some(second), "it keeps its own");
    let first = state.drafts().unwrap().0[0].id;
    state.forget_draft(first).unwrap();
    assert!(subjects(&state).is_empty());
}

#[test]
fn no_draft_is_written_over_by_another_one() {
    let world = World::new();
    let state = world.open();
    let draft = |key: u64, body: &str| Draft { key: Some(DraftKey(key)), body: body.into(), ..Draft::default() };
    state.keep_draft(&draft(1, "half a thought"), now()).unwrap();
    assert!(!state.keep_draft(&draft(1, "a thought"), now()).unwrap(), "it is the same");
    for other in 2..=300 {
        assert!(state.keep_draft(&draft(other, "another"), now()).unwrap());
    }
    let aside = state.drafts().unwrap().0;
    assert_eq!((aside.len(), aside[0].draft.clone()), (299, draft(1, "a thought")));
    // Who sends, or throws away, another one leaves what is at hand.
    state.drop_draft(DraftKey(299)).unwrap();
    assert_eq!(state.kept_draft().unwrap(), Some(draft(300, "another")));
    state.drop_draft(DraftKey(300)).unwrap();
    assert_eq!(state.kept_draft().unwrap(), None);
}

#[test]
fn what_rows_were_made_of_stays_until_everybody_has_it() {
    let world = World::new();
    let state = world.open();
    let draft = Draft { subject: "planted".into(), ..Draft::default() };
    let (first, second) = state
        .write(|write| {
            let first = write.queue(entry(1), b"x")?;
            let second = write.queue(OutboxEntry { batch: first, ..entry(1) }, b"x")?;
            write.put_outbox_draft(first, &draft)?;
            Ok((first, second))
        })
        .unwrap();
    let send = |id: OutboxId| {
        state.claim(id).unwrap().unwrap();
        state.step_outbox(id, Step::Accept, |entry| entry.set_all(Delivery::Waiting, Delivery::Sent)).unwrap();
    };
    send(first);
    assert_eq!(state.outbox_draft(first).unwrap().as_ref(), Some(&draft));
    send(second);
    assert_eq!(state.outbox_draft(first).unwrap(), None);
}

#[test]
fn a_damaged_row_of_schema_1_does_not_keep_the_store_closed() {
    let world = World::new();
    {
        let state = world.open();
        let transaction = state.begin().unwrap();
        transaction.open_table(super::FLAGS_V1).unwrap().insert(1, b"no sealed row at all".as_slice()).unwrap();
        transaction.open_table(super::META).unwrap().insert("schema", 1_u32.to_le_bytes().as_slice()).unwrap();
        transaction.commit().unwrap();
    }
    assert!(world.open().changes().unwrap().0.is_empty());
}

#[test]
fn a_damaged_row_costs_itself_and_is_told() {
    let world = World::new();
    let state = world.open();
    let (first, second) = (state.queue(entry(1), b"x").unwrap(), state.queue(entry(2), b"x").unwrap());
    state.write(|write| write.spoil_outbox(first)).unwrap();
    let (rows, damage) = state.outbox().unwrap();
    assert_eq!(rows.iter().map(|row| row.id).collect::<Vec<_>>(), [second]);
    assert!(damage[0].to_string().contains(&format!("outbox {first}")), "{damage:?}");
    assert!(state.claim(first).is_err());
    assert!(state.claim(second).unwrap().is_some());
}

#[test]
fn what_is_owed_and_cannot_be_read_is_not_thrown_away_by_what_is_paid() {
    let world = World::new();
    let state = world.open();
    let name = "store/outbox-owed";
    state.put(name, &[0xff; 3]).unwrap();
    state.write(|write| write.paid(&Owed::Asked(OutboxId(1)))).unwrap();
    assert!(state.value(name).unwrap().is_some() && state.owed().is_err());
}

#[test]
fn the_rest_round_trips() {
    let world = World::new();
    let cert = CertRecord {
        fingerprint: "AB".repeat(20),
        cert: b"planted-cert-word".to_vec(),
        acceptance: Acceptance::Verified,
        decisions: vec![KeyDecision {
            acceptance: Acceptance::Verified,
            at: now(),
            by: "kestrel".into(),
            how: "read over the telephone".into(),
            addresses: vec!["badger@crown.example".into()],
        }],
        added_at: now(),
        source: "file".into(),
    };
    let secret = SecretRecord {
        fingerprint: "CD".repeat(20),
        key: b"planted-key-word".to_vec(),
        passphrase: None,
        home: SecretHome::Asked,
    };
    let draft = Draft { subject: "planted-draft-word".into(), key: Some(DraftKey(7)), ..Draft::default() };
    let change = |seq| Change {
        seq,
        step: 1,
        undoes: None,
        words: "planted-change-word".into(),
        at: now(),
        account: "work".into(),
        act: Act::Create { mailbox: "Archive".into(), special_use: None },
        waiting: Vec::new(),
        open: true,
        begun: None,
        done: Vec::new(),
        taken_back: false,
        tries: 0,
        why: String::new(),
        held: None,
    };
    {
        let state = world.open();
        state.put_cert(&cert).unwrap();
        state.put_secret(&secret).unwrap();
        state.keep_draft(&draft, now()).unwrap();
        state.put("planted-name", b"planted-value").unwrap();
        state
            .write(|write| {
                (1..=3).try_for_each(|seq| write.put_change(&change(seq)))?;
                write.put_change_raw(2, b"planted-append-word")
            })
            .unwrap();
        assert_eq!(state.change_raw(2).unwrap(), b"planted-append-word");
        state.write(|write| write.drop_changes(&[2, 3])).unwrap();
        assert!(state.change_raw(2).is_err());
    }
    let state = world.open();
    assert_eq!(state.certs().unwrap(), std::slice::from_ref(&cert));
    assert_eq!(state.cert(&cert.fingerprint).unwrap(), Some(cert.clone()));
    assert_eq!(state.secrets().unwrap(), std::slice::from_ref(&secret));
    assert_eq!(state.kept_draft().unwrap(), Some(draft));
    assert_eq!(state.value("planted-name").unwrap().unwrap(), b"planted-value");
    assert_eq!(state.changes().unwrap().0, [change(1)]);
    assert_eq!(state.next_change().unwrap(), 4, "a number is never given twice");
    state.remove_cert(&cert.fingerprint).unwrap();
    state.remove_secret(&secret.fingerprint).unwrap();
    state.drop_draft(DraftKey(7)).unwrap();
    assert!(state.certs().unwrap().is_empty() && state.secrets().unwrap().is_empty());
    assert_eq!(state.kept_draft().unwrap(), None);
}

#[test]
fn nothing_readable_is_in_the_file() {
    let world = World::new();
    {
        let state = world.open();
        state.queue(entry(1), b"planted-body-word").unwrap();
        state.put("planted-name", b"planted-value").unwrap();
        state.keep_draft(&Draft { body: "planted-draft".into(), ..Draft::default() }, now()).unwrap();
    }
    let bytes = fs::read(world.file()).unwrap();
    for word in ["planted", "kestrel", "badger", "example"] {
        assert!(!bytes.windows(word.len()).any(|window| window == word.as_bytes()), "{word}");
    }
}

#[test]
fn an_older_header_is_refused() {
    let mut world = World::new();
    let header = fs::read(world.dir.path().join("vault")).unwrap();
    world.vault.change_passphrase(b"second", Cost::TEST).unwrap();
    drop(world.open());
    fs::write(world.dir.path().join("vault"), header).unwrap();
    let old = Vault::open_with(&world.dir.path().join("vault"), b"otter", Cost::TEST).unwrap();
    assert!(matches!(State::open(&world.file(), &old), Err(StateError::HeaderRolledBack)));
}

#[test]
fn another_profile_and_a_second_opening_are_refused() {
    let world = World::new();
    let other = World::new();
    let state = world.open();
    assert!(matches!(State::open(&world.file(), &world.vault), Err(StateError::InUse { .. })));
    drop(state);
    let error = State::open(&world.file(), &other.vault).unwrap_err();
    assert!(matches!(error, StateError::Damaged { .. }), "{error}");
}

#[test]
fn a_failed_change_leaves_nothing() {
    let world = World::new();
    let state = world.open();
    let outcome: Result<(), StateError> = state.write(|write| {
        write.queue(entry(1), b"x")?;
        Err(StateError::NoEntry(OutboxId(9)))
    });
    outcome.unwrap_err();
    assert!(state.outbox().unwrap().0.is_empty());
}

/// A write that the disk tore: any mixture of the pages before and after it, in a file of either length.
#[test]
fn a_torn_last_write_opens() {
    let world = World::new();
    let state = world.open();
    for number in 0..20 {
        state.queue(entry(number), &vec![7; 3000]).unwrap();
    }
    // The file as it is while the process lives: not closed in order.
    let before = fs::read(world.file()).unwrap();
    state.queue(entry(20), &vec![7; 30_000]).unwrap();
    let after = fs::read(world.file()).unwrap();
    drop(state);
    let torn = world.dir.path().join("torn.redb");
    let mut seed = 1_u64;
    for _ in 0..40 {
        let mut bytes = before.clone();
        bytes.resize(after.len().max(before.len()), 0);
        for (index, page) in after.chunks(4096).enumerate().skip(1) {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            if seed >> 63 == 1 {
                let at = index * 4096;
                bytes[at..at + page.len()].copy_from_slice(page);
            }
        }
        // The header page is the last to change: here it is still the old one.
        fs::write(&torn, &bytes).unwrap();
        let found = State::open(&torn, &world.vault).map(|state| state.outbox().unwrap().0.len());
        assert!(matches!(found, Ok(20)), "{found:?}");
    }
    // The new header over pages of which some never arrived is what the second phase excludes; a file cut short is refused, not
    // taken for an empty one.
    for length in [0, 100, 4096, after.len() / 2] {
        fs::write(&torn, &after[..length]).unwrap();
        let outcome = std::panic::catch_unwind(|| {
            State::open(&torn, &world.vault).map(|state| state.outbox().map(|rows| rows.0.len()))
        });
        match outcome {
            Ok(Ok(Ok(rows))) => assert!(rows >= 20, "{length}: {rows} rows"),
            Ok(_) => {}
            Err(_) => panic!("panicked at {length}"),
        }
    }
}

const CHILD: &str = "CASEMAIL_STATE_CHILD";

/// The child of the next test: queues rows until it is killed, and says each number once the row is durable.
#[test]
#[expect(clippy::disallowed_methods, reason = "a test that runs itself as its own child")]
fn queue_until_killed() {
    let Ok(dir) = std::env::var(CHILD) else { return };
    let vault = Vault::open_with(&Path::new(&dir).join("vault"), b"otter", Cost::TEST).unwrap();
    let state = State::open(&Path::new(&dir).join("state.redb"), &vault).unwrap();
    for number in 0.. {
        let id = state.queue(entry(number), &vec![1; 2000]).unwrap();
        println!("row {id}");
        std::io::stdout().flush().unwrap();
        state.claim(id).unwrap();
        state.step_outbox(id, Step::Accept, |entry| entry.set_all(Delivery::Waiting, Delivery::Sent)).unwrap();
    }
}

#[test]
fn nothing_acknowledged_is_lost_by_kill() {
    let world = World::new();
    drop(world.open());
    let mut acknowledged = 0;
    for round in 0..12_usize {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "store::state::tests::queue_until_killed", "--nocapture", "--test-threads=1"])
            .env(CHILD, world.dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        for _ in 0..=(round * 7 % 23) {
            let Some(id) =
                lines.by_ref().map(Result::unwrap).find_map(|line| line.split_once("row ").map(|row| row.1.to_owned()))
            else {
                panic!("the child ended by itself");
            };
            acknowledged = id.parse::<usize>().unwrap();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let state = world.open();
        let (rows, damage) = state.outbox().unwrap();
        assert!(damage.is_empty());
        assert!(rows.len() >= acknowledged, "{} rows of {acknowledged} acknowledged", rows.len());
        for row in rows {
            assert_eq!(state.outbox_raw(row.id).unwrap().len(), 2000);
        }
    }
}

/// A disk that is full when a test says so.
#[derive(Debug)]
struct Disk {
    file: redb::backends::FileBackend,
    full: Arc<AtomicU8>,
}

/// Nothing can be written.
const FULL: u8 = 1;
/// Everything is written, and the disk reports an error when it is told to make sure.
const LIES: u8 = 2;

impl Disk {
    fn check(&self, when: u8) -> Result<(), std::io::Error> {
        if self.full.load(Ordering::SeqCst) == when {
            return Err(std::io::Error::from(std::io::ErrorKind::StorageFull));
        }
        Ok(())
    }
}

impl redb::StorageBackend for Disk {
    fn len(&self) -> Result<u64, std::io::Error> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), std::io::Error> {
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> Result<(), std::io::Error> {
        self.check(FULL)?;
        self.file.set_len(len)
    }

    fn sync_data(&self) -> Result<(), std::io::Error> {
        self.file.sync_data()?;
        self.check(LIES)
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), std::io::Error> {
        self.check(FULL)?;
        self.file.write(offset, data)
    }

    fn close(&self) -> Result<(), std::io::Error> {
        self.file.close()
    }
}

impl World {
    fn open_on(&self, full: &Arc<AtomicU8>) -> State {
        let full = Arc::clone(full);
        let opener = move |file: &std::path::Path, _| {
            let handle =
                std::fs::OpenOptions::new().read(true).write(true).create(true).truncate(false).open(file).unwrap();
            let file = redb::backends::FileBackend::new(handle)?;
            Ok(redb::Database::builder().create_with_backend(Disk { file, full: Arc::clone(&full) })?)
        };
        drop(self.open());
        State::open_by(&self.file(), &self.vault, Box::new(opener)).unwrap()
    }
}

#[test]
fn a_disk_that_was_full_once_does_not_end_the_store() {
    let (world, full) = (World::new(), Arc::new(AtomicU8::new(0)));
    let state = world.open_on(&full);
    let before = state.queue(entry(1), b"the bytes").unwrap();
    full.store(FULL, Ordering::SeqCst);
    let refused = state.queue(entry(2), &vec![7; 3 << 20]);
    assert!(matches!(&refused, Err(error) if error.may_pass()), "{refused:?}");
    assert!(state.claim(before).is_err());
    full.store(0, Ordering::SeqCst);
    // The same store, without a new start.
    assert_eq!(state.outbox_raw(before).unwrap(), b"the bytes");
    assert!(state.claim(before).unwrap().is_some());
    let after = state.queue(entry(3), b"more").unwrap();
    let rows: Vec<OutboxId> = state.outbox().unwrap().0.iter().map(|row| row.id).collect();
    assert_eq!(rows, [before, after], "what was refused is not there");
}

#[test]
fn what_is_on_the_disk_is_believed_and_not_an_error_of_the_last_moment() {
    let (world, full) = (World::new(), Arc::new(AtomicU8::new(0)));
    let state = world.open_on(&full);
    let before = state.queue(entry(1), b"the bytes").unwrap();
    full.store(LIES, Ordering::SeqCst);
    let told = state.queue(entry(2), b"other");
    full.store(0, Ordering::SeqCst);
    let rows: Vec<OutboxId> = state.outbox().unwrap().0.iter().map(|row| row.id).collect();
    // Whoever was told that it failed queues it once more: it must not be there then.
    match told {
        Ok(second) => assert_eq!(rows, [before, second]),
        Err(_) => assert_eq!(rows, [before]),
    }
    assert!(state.claim(before).unwrap().is_some());
}
