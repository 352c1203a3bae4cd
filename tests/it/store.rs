//! Stores written by former versions open for ever: `tests/data/store-vN`, one for each form that was ever written, read value by value.
//!
//! | | header | state | cache | |
//! |---|---|---|---|---|
//! | `store-v1` | 1 | 1 | 1 | raw messages in sled; a queue of flags alone; rows of the outbox with one envelope |
//! | `store-v2` | 2 | 2 | 2 | segments and places; the queue of all changes; the outbox as before, in each of its states |
//! | `store-v3` | 2 | 3 | 2 | two epochs of keys; the outbox by recipient; drafts set aside; a message let go of; the kept list |
//! | `store-v4` | 2 | 4 | 2 | every decision about a certificate; where the secret part of an own key is |
//! | `store-v5` | 2 | 6 | 2 | changes that wait for a person; keys that lie elsewhere |
//! | `store-v6` | 2 | 6 | 2 | a kept list of form 2: whether a person settled where a message belongs |
//! | `store-v7` | 2 | 6 | 2 | messages in quarantine by Message-ID and digest, and where they lie |
//! | `store-v8` | 2 | 6 | 2 | a large message in the pieces in which it was fetched |
//!
//! A fixture is made by the version that first writes a form, and never changed after. The one of today's form is made anew beside them:
//! `CASEMAIL_WRITE_FIXTURE=tests/data/store-vN cargo test --test it -- store::write_the_fixture --ignored`, then the kept list in it by
//! `CASEMAIL_WRITE_FIXTURE=… cargo test --lib -- kept::tests::write_the_fixture --ignored`.

mod forms;
mod values;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use casemail::mail::address::Address;
use casemail::mail::id::{CaseId, DraftId, MessageKey, OutboxId};
use casemail::pgp::report::Acceptance;
use casemail::store::cache::{Cache, CacheOptions, Generation, Held};
use casemail::store::cert::{CertRecord, SecretRecord};
use casemail::store::change::{Act, Change, Group};
use casemail::store::flags::Flags;
use casemail::store::mailbox::{Mailbox, MailboxAlso, MailboxState, SpecialUse};
use casemail::store::outbox::{Delivery, Doubt, OutboxEntry, OutboxRecipient, OutboxState, Reported, SmtpEnvelope};
use casemail::store::space::SpaceLimits;
use casemail::store::state::State;
use casemail::store::summary::Summary;
use casemail::store::vault::{Cost, Vault};

use self::values::{PASSPHRASE, STATES, now};

const OPTIONS: CacheOptions =
    CacheOptions { memory_bytes: 4 << 20, space: SpaceLimits { open_bytes: 0, batch_bytes: 0 } };

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

/// A copy with the modes that a profile has.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    fs::set_permissions(to, PermissionsExt::from_mode(0o700)).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (entry, target) = (entry.as_ref().unwrap(), to.join(entry.as_ref().unwrap().file_name()));
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).unwrap();
            fs::set_permissions(&target, PermissionsExt::from_mode(0o600)).unwrap();
        }
    }
}

fn copy_of(name: &str) -> tempfile::TempDir {
    let tmp = tempfile::tempdir().unwrap();
    copy(&data(name), tmp.path());
    tmp
}

/// What is below a directory, opened by the casemail of today without a word of complaint.
fn open(dir: &Path) -> (Vault, Cache, State) {
    let vault = Vault::open_with(&dir.join("vault"), PASSPHRASE, Cost::TEST).unwrap();
    let (cache, sentences) = Cache::open(&dir.join("cache"), &vault, now(), &OPTIONS).unwrap();
    assert_eq!(sentences, Vec::<String>::new());
    let state = State::open(&dir.join("state.redb"), &vault).unwrap();
    (vault, cache, state)
}

/// Opens a fixture twice: as it was written, and as today's casemail has left it.
fn opened_twice(name: &str, check: impl Fn(&Vault, &Cache, &State)) {
    let tmp = copy_of(name);
    for _ in 0..2 {
        let (vault, cache, state) = open(tmp.path());
        check(&vault, &cache, &state);
        assert_eq!(cache.verify().unwrap(), []);
        assert_eq!(cache.take_damage(), []);
    }
}

fn mailbox_named(cache: &Cache, name: &str) -> Mailbox {
    cache.mailboxes().unwrap().into_iter().find(|mailbox| mailbox.name == name).unwrap()
}

fn summaries(cache: &Cache, mailbox: &Mailbox) -> Vec<Summary> {
    cache.summaries(mailbox.id).unwrap().map(Result::unwrap).collect()
}

fn badger() -> Address {
    Address { name: "Badger".into(), addr: "badger@crown.example".into() }
}

/// A row as the first form's fixture has it.
fn first_summary(uid: u32) -> Summary {
    Summary {
        uid,
        flags: Flags::from_names(["\\Seen", "$Case"]),
        received: 1_772_442_000 + i64::from(uid),
        sent: Some(1_772_441_990),
        bytes: 1234,
        message_id: format!("{uid}@chambers.example"),
        in_reply_to: vec!["0@chambers.example".into()],
        references: vec!["0@chambers.example".into()],
        from: vec![badger()],
        to: vec![Address { name: String::new(), addr: "kestrel@chambers.example".into() }],
        subject: "R v FERRET 99ZX0012326".into(),
        attachments: 1,
        carried: 2,
        has_raw: true,
        derived: vec!["99ZX0012326".into()],
        ..Summary::default()
    }
}

#[test]
fn the_first_form_is_read() {
    holds_the_first_values("store-v1");
}

#[test]
fn the_fourth_form_is_read() {
    holds_the_first_values("store-v4");
}

/// A mailbox with two messages, a row of the outbox, a draft, a certificate, an own key, a change of flags, a value.
fn holds_the_first_values(fixture: &str) {
    opened_twice(fixture, |vault, cache, state| {
        assert_eq!((vault.epoch(), vault.generation()), (0, 1));
        let [inbox] = cache.mailboxes().unwrap().try_into().unwrap();
        assert_eq!((inbox.account.as_str(), inbox.name.as_str()), ("work", "INBOX"));
        assert_eq!(inbox.uid_validity, values::INBOX_VALIDITY);
        let kept = MailboxState {
            uid_next: Some(301),
            highest_modseq: Some(99),
            special_use: Some(SpecialUse::Inbox),
            subscribed: true,
            exists: 2,
            last_sync: Some(now()),
            also: MailboxAlso::default(),
        };
        assert_eq!(inbox.state, kept);
        assert_eq!(summaries(cache, &inbox), [first_summary(300), first_summary(1)]);
        let raw = |uid| cache.raw(MessageKey { mailbox: inbox.id, uid }).unwrap().unwrap();
        assert_eq!(raw(1), b"Subject: R v FERRET\r\n\r\nHello\r\n");
        assert_eq!(raw(300), values::large(70_000));

        let envelope = SmtpEnvelope {
            reverse_path: "kestrel@chambers.example".into(),
            forward_paths: vec!["badger@crown.example".into()],
        };
        let row = OutboxEntry {
            id: OutboxId(1),
            batch: OutboxId(1),
            bytes: 9,
            state: OutboxState::Held,
            next_attempt: Some(now()),
            ..OutboxEntry::new("work", "1@chambers.example", envelope, now())
        };
        let (rows, damage) = state.outbox().unwrap();
        assert_eq!((rows, damage.len()), (vec![row], 0));
        assert_eq!(state.outbox_raw(OutboxId(1)).unwrap(), b"the bytes");
        let draft = state.kept_draft().unwrap().unwrap();
        assert_eq!(draft, casemail::mail::draft::Draft { subject: "kept".into(), ..Default::default() });
        assert_eq!(state.certs().unwrap(), [values::cert(Acceptance::Verified)]);
        assert_eq!(state.secrets().unwrap(), [values::secret()]);
        // A change of flags alone has become a row of the queue of all changes.
        let change = Change {
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
        };
        let (changes, damage) = state.changes().unwrap();
        assert_eq!((changes, damage.len()), (vec![change], 0));
        assert_eq!(state.next_change().unwrap(), 2);
        assert_eq!(state.value("name").unwrap().unwrap(), b"value");
    });
}

/// What the caches of the second form and of later ones have in common.
fn check_cache(cache: &Cache) -> (Mailbox, Mailbox) {
    assert_eq!(cache.mailboxes().unwrap().len(), 2);
    let (inbox, sent) = (mailbox_named(cache, "INBOX"), mailbox_named(cache, "Sent"));
    assert_eq!((inbox.account.as_str(), inbox.uid_validity), ("work", values::INBOX_VALIDITY));
    assert_eq!((sent.account.as_str(), sent.uid_validity), ("work", values::SENT_VALIDITY));
    assert_eq!(inbox.state, values::inbox_state());
    assert_eq!(sent.state, values::sent_state());
    let whole = |uid: u32| Summary { has_raw: true, ..values::summary(uid) };
    let header_only = Summary { flags: values::changed_flags(), ..values::summary(2) };
    assert_eq!(summaries(cache, &inbox), [whole(300), header_only, whole(1)]);
    assert_eq!(summaries(cache, &sent).last(), Some(&whole(7)));
    let raw = |mailbox: &Mailbox, uid| cache.raw(MessageKey { mailbox: mailbox.id, uid }).unwrap();
    assert_eq!(raw(&inbox, 1), Some(values::small(1)));
    assert_eq!(raw(&inbox, 2), None);
    assert_eq!(raw(&inbox, 3), None);
    assert_eq!(raw(&inbox, 300), Some(values::large(values::LARGE)));
    assert_eq!(raw(&sent, 7), Some(values::small(7)));
    // A batch, a message that went, a change of flags; the large one, which came by itself, is on a page of its own.
    let counts = [(0, Generation { rows: 2, flags: 3 }), (1, Generation { rows: 1, flags: 2 })];
    assert_eq!(cache.generations(inbox.id).unwrap(), counts);
    (inbox, sent)
}

/// What was added.
#[derive(Default)]
struct Since {
    certs: Vec<CertRecord>,
    secrets: Vec<SecretRecord>,
    changes: Vec<Change>,
}

impl Since {
    fn the_fifth_form() -> Self {
        Self {
            certs: vec![values::cert_with_history()],
            secrets: vec![values::secret_elsewhere()],
            changes: values::changes_held(),
        }
    }
}

/// `since` says what the state store holds beside what those of the second form and later have in common.
fn check_state(state: &State, since: &Since) {
    assert_eq!(state.kept_draft().unwrap(), Some(values::draft("at hand")));
    let mut certs = state.certs().unwrap();
    certs.sort_by(|a, b| a.fingerprint.cmp(&b.fingerprint));
    let first = values::cert(Acceptance::Rejected);
    assert_eq!(state.cert(&first.fingerprint).unwrap().as_ref(), Some(&first));
    assert_eq!(certs, [&[first], since.certs.as_slice()].concat());
    let mut secrets = state.secrets().unwrap();
    secrets.sort_by(|a, b| a.fingerprint.cmp(&b.fingerprint));
    assert_eq!(secrets, [&[values::secret()], since.secrets.as_slice()].concat());
    assert_eq!(state.value("name").unwrap().unwrap(), b"value");
    let (changes, damage) = state.changes().unwrap();
    let expected = [values::changes(), since.changes.clone()].concat();
    assert_eq!(state.next_change().unwrap(), 1 + expected.len() as u64);
    assert_eq!((changes, damage.len()), (expected, 0));
    for change in values::changes().iter().filter(|change| matches!(change.act, Act::Append { .. })) {
        assert_eq!(state.change_raw(change.seq).unwrap(), values::change_raw(change.seq));
    }
    for number in 1..=8 {
        assert_eq!(state.outbox_raw(OutboxId(number)).unwrap(), values::outbox_raw(number));
    }
}

/// A row of the second form as it is since: what a row says beside its state.
fn row(number: u64, state: OutboxState) -> OutboxEntry {
    let envelope = SmtpEnvelope { reverse_path: "kestrel@chambers.example".into(), forward_paths: Vec::new() };
    OutboxEntry {
        id: OutboxId(number),
        batch: OutboxId(number),
        to: vec![badger()],
        subject: format!("R v FERRET {number}"),
        bytes: values::outbox_raw(number).len() as u64,
        file_in: (number == 1).then(|| "Sent".to_owned()),
        filed: state == OutboxState::Sent,
        state,
        attempts: u32::try_from(number).unwrap(),
        next_attempt: Some(now()),
        reply: format!("the server's words {number}"),
        sent_at: matches!(state, OutboxState::Sent | OutboxState::SentNotFiled).then(now),
        case: Some(CaseId("ferret".into())),
        answers: Some("work/INBOX/1767225600/1".parse().unwrap()),
        ..OutboxEntry::new("work", format!("out-{number}@chambers.example"), envelope, now())
    }
}

#[test]
fn the_second_form_is_read() {
    opened_twice("store-v2", |vault, cache, state| {
        assert_eq!((vault.epoch(), vault.generation()), (0, 1));
        let (_, sent) = check_cache(cache);
        assert_eq!(cache.generations(sent.id).unwrap(), [(0, Generation { rows: 1, flags: 1 })]);
        check_state(state, &Since::default());
        assert_eq!(state.drafts().unwrap().0, []);
        let told = |address: &str, delivery, code, text: &str| OutboxRecipient {
            delivery,
            code,
            text: text.into(),
            ..OutboxRecipient::new(address)
        };
        let (rows, damage) = state.outbox().unwrap();
        assert_eq!((rows.len(), damage.len()), (8, 0));
        for (row_read, (number, state)) in rows.iter().zip((1..).zip(STATES)) {
            // It went to everybody or to nobody; where it failed, each was told apart.
            let of_all = match state {
                OutboxState::Sent | OutboxState::SentNotFiled => Delivery::Sent,
                OutboxState::Sending | OutboxState::Uncertain => Delivery::InDoubt,
                _ => Delivery::Waiting,
            };
            let of_first = if state == OutboxState::Failed { Delivery::Refused } else { of_all };
            let doubt = Doubt { since: now(), looked_at: None, looked_in: Vec::new() };
            let expected = OutboxEntry {
                recipients: vec![
                    told("badger@crown.example", of_first, 550, "5.1.1 no such user"),
                    told("otter@crown.example", of_all, 250, ""),
                ],
                doubt: (of_all == Delivery::InDoubt).then_some(doubt),
                ..row(number, state)
            };
            assert_eq!(row_read, &expected);
        }
    });
}

/// Whom the row of a state goes to, each with what has happened, and what else it says since the outbox is by recipient.
fn row_by_recipient(number: u64, state: OutboxState) -> OutboxEntry {
    let (one, other) = match state {
        OutboxState::Queued | OutboxState::Held => (Delivery::Waiting, Delivery::TakenBack),
        OutboxState::Sending => (Delivery::InDoubt, Delivery::Refused),
        OutboxState::SentNotFiled => (Delivery::Sent, Delivery::Refused),
        OutboxState::Sent => (Delivery::Sent, Delivery::TakenBack),
        OutboxState::Deferred => (Delivery::Sent, Delivery::Waiting),
        OutboxState::Failed => (Delivery::Refused, Delivery::Waiting),
        OutboxState::Uncertain => (Delivery::InDoubt, Delivery::Sent),
    };
    let reported = Reported { action: "failed".into(), status: "5.2.2".into(), text: "full".into(), at: now() };
    let recipient = |address: &str, delivery| OutboxRecipient {
        delivery,
        code: 550,
        status: "5.1.1".into(),
        text: "no such user".into(),
        reported: (delivery == Delivery::Sent).then(|| reported.clone()),
        ..OutboxRecipient::new(address)
    };
    let doubt = Doubt { since: now(), looked_at: Some(now()), looked_in: vec!["Sent".into(), "INBOX".into()] };
    OutboxEntry {
        // The last two are one message that goes by two routes.
        batch: OutboxId(if number == 8 { 7 } else { number }),
        route: (number == 8).then(|| "gateway".to_owned()),
        recipients: vec![recipient("badger@crown.example", one), recipient("otter@crown.example", other)],
        put_offs: 2,
        unreachable: state == OutboxState::Deferred,
        doubt: matches!(state, OutboxState::Sending | OutboxState::Uncertain).then_some(doubt),
        ..row(number, state)
    }
}

#[test]
fn the_third_form_is_read() {
    holds_the_third_values("store-v3", &Since::default());
}

#[test]
fn the_fifth_form_is_read() {
    holds_the_third_values("store-v5", &Since::the_fifth_form());
}

#[test]
fn the_sixth_form_is_read() {
    holds_the_third_values("store-v6", &Since::the_fifth_form());
}

#[test]
fn the_seventh_form_is_read() {
    holds_the_seventh_values("store-v7");
}

#[test]
fn the_eighth_form_is_read() {
    let blob = fs::read_dir(data("store-v8").join("cache/blobs")).unwrap().next().unwrap().unwrap();
    assert_eq!(fs::read(blob.path()).unwrap().first_chunk(), Some(b"CMPART\0\x02"));
    holds_the_seventh_values("store-v8");
}

fn holds_the_seventh_values(fixture: &str) {
    holds_the_third_values(fixture, &Since::the_fifth_form());
    opened_twice(fixture, |_, _, state| {
        for (place, digest, raw) in values::quarantined() {
            assert_eq!(state.quarantined_at(place).unwrap(), Some(digest));
            assert_eq!(state.quarantined(values::QUARANTINED_ID, &digest).unwrap().as_deref(), Some(raw));
        }
        assert_eq!(state.formerly_quarantined(values::QUARANTINED_ID).unwrap(), None);
    });
}

fn holds_the_third_values(fixture: &str, since: &Since) {
    opened_twice(fixture, |vault, cache, state| {
        assert_eq!((vault.epoch(), vault.generation()), (1, 2));
        assert_eq!(vault.epochs().collect::<Vec<_>>(), [0, 1]);
        let (inbox, sent) = check_cache(cache);
        // Let go of on purpose is another thing than never fetched.
        let held = cache.held(sent.id).unwrap();
        let wanted = |uid, has_raw, let_go| Held { uid, flags: values::summary(uid).flags, has_raw, let_go };
        assert_eq!(held, [wanted(7, true, false), wanted(8, false, true), wanted(9, true, false)]);
        assert_eq!(cache.held(inbox.id).unwrap().iter().filter(|held| held.let_go).count(), 0);
        let raw = |uid| cache.raw(MessageKey { mailbox: sent.id, uid }).unwrap();
        assert_eq!((raw(8), raw(9)), (None, Some(values::small(9))));
        check_state(state, since);
        let (drafts, damage) = state.drafts().unwrap();
        let drafts: Vec<_> = drafts.into_iter().map(|kept| (kept.id, kept.at, kept.draft)).collect();
        let aside = |number, subject| (DraftId(number), now(), values::draft(subject));
        assert_eq!((drafts, damage.len()), (vec![aside(1, "first aside"), aside(2, "second aside")], 0));
        assert_eq!(state.outbox_draft(OutboxId(1)).unwrap(), Some(values::draft("made into row 1")));
        assert_eq!(state.outbox_draft(OutboxId(7)).unwrap(), Some(values::draft("made into row 7")));
        assert_eq!(state.outbox_draft(OutboxId(2)).unwrap(), None);
        let expected: Vec<OutboxEntry> =
            (1..).zip(STATES).map(|(number, state)| row_by_recipient(number, state)).collect();
        let (rows, damage) = state.outbox().unwrap();
        assert_eq!((rows, damage.len()), (expected, 0));
    });
}

/// Writes what the casemail of today writes, in all of its forms but the kept list, which the engine alone can make.
fn write(dir: &Path) {
    use casemail::store::cache::NewMessage;
    fs::create_dir_all(dir).unwrap();
    let mut vault = Vault::create_with(&dir.join("vault"), PASSPHRASE, Cost::TEST).unwrap();
    drop(State::open(&dir.join("state.redb"), &vault).unwrap());
    // New keys: the header holds the older ones, too, and the state store goes on by its older digests of names.
    vault.begin_epoch(PASSPHRASE, Cost::TEST).unwrap();
    let (cache, _) = Cache::open(&dir.join("cache"), &vault, now(), &OPTIONS).unwrap();
    values::write_cache(&cache);
    let sent = mailbox_named(&cache, "Sent").id;
    let message = |uid: u32| NewMessage { summary: values::summary(uid), raw: Some(values::small(uid).into()) };
    cache.put_batch(sent, vec![message(8), message(9)], None).unwrap();
    cache.let_go(sent, &[8]).unwrap();
    cache.flush().unwrap();
    drop(cache);
    let state = State::open(&dir.join("state.redb"), &vault).unwrap();
    values::write_state(&state);
    for (place, digest, raw) in values::quarantined() {
        state.put_quarantined(values::QUARANTINED_ID, &digest, raw).unwrap();
        state.put_quarantined_at(place, &digest).unwrap();
    }
    let since = Since::the_fifth_form();
    since.certs.iter().for_each(|cert| state.put_cert(cert).unwrap());
    since.secrets.iter().for_each(|secret| state.put_secret(secret).unwrap());
    state.write(|write| since.changes.iter().try_for_each(|change| write.put_change(change))).unwrap();
    for (number, step) in (1..).zip(STATES) {
        let row = row_by_recipient(number, step);
        let batch = OutboxId(if row.batch == row.id { 0 } else { row.batch.0 });
        state.queue(OutboxEntry { batch, ..row }, &values::outbox_raw(number)).unwrap();
    }
    state
        .write(|write| {
            for batch in [1, 7] {
                write.put_outbox_draft(OutboxId(batch), &values::draft(&format!("made into row {batch}")))?;
            }
            for subject in ["first aside", "second aside"] {
                write.add_draft(&values::draft(subject), now())?;
            }
            Ok(())
        })
        .unwrap();
}

#[test]
#[ignore = "writes a fixture: see the head of this file"]
fn write_the_fixture() {
    write(Path::new(&std::env::var("CASEMAIL_WRITE_FIXTURE").unwrap()));
}

/// A form that is written and of which no file is kept is a form that nobody would notice to have become unreadable.
#[test]
fn every_form_that_is_written_today_has_a_fixture() {
    let mut kept = forms::Forms::new();
    for version in 1.. {
        let name = format!("store-v{version}");
        if !data(&name).exists() {
            break;
        }
        kept.extend(forms::of(copy_of(&name).path()));
    }
    let today = tempfile::tempdir().unwrap();
    write(today.path());
    let mut written = forms::of(today.path());
    {
        let (_, cache, _) = open(today.path());
        cache.keep_list().unwrap().finish().unwrap();
        // One that was not fetched in pieces.
        let large = MessageKey { mailbox: mailbox_named(&cache, "INBOX").id, uid: 300 };
        cache.put_raw_from(large, &mut values::large(values::LARGE).as_slice()).unwrap();
    }
    written.extend(forms::of(today.path()));
    let all = [
        "vault header",
        "state schema",
        "cache schema",
        "page of summaries",
        "page of flags",
        "page of places",
        "segment",
        "large message",
        "large message in pieces",
        "kept list",
    ];
    for what in all {
        assert!(written.iter().any(|(name, _)| *name == what), "no {what} is written");
    }
    let missing: Vec<_> = written.difference(&kept).collect();
    assert!(missing.is_empty(), "written, and no fixture of it: {missing:?}");
    for (what, former) in
        [("vault header", 1), ("state schema", 1), ("state schema", 2), ("state schema", 3), ("cache schema", 1)]
    {
        assert!(kept.contains(&(what, former)), "the fixture of {what} {former} is gone");
    }
}
