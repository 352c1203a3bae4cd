//! The cache on a real disk: round trips, refusals, damage, kills.

mod packs;

use std::fs;
use std::io::{BufRead, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use jiff::Timestamp;

use super::{Cache, CacheError, CacheOptions, Generation, NewMessage, key};
use crate::mail::address::Address;
use crate::mail::id::{MailboxId, MessageKey};
use crate::store::flags::Flags;
use crate::store::mailbox::MailboxState;
use crate::store::space::SpaceLimits;
use crate::store::summary::Summary;
use crate::store::vault::{Cost, Vault};

struct World {
    dir: tempfile::TempDir,
    vault: Vault,
}

const ROOMY: CacheOptions =
    CacheOptions { memory_bytes: 8 << 20, space: SpaceLimits { open_bytes: 1 << 20, batch_bytes: 1 << 20 } };

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let vault = Vault::create_with(&dir.path().join("vault"), b"otter", Cost::TEST).unwrap();
        Self { dir, vault }
    }

    fn cache_dir(&self) -> PathBuf {
        self.dir.path().join("cache")
    }

    fn try_open(&self, options: &CacheOptions) -> Result<(Cache, Vec<String>), CacheError> {
        Cache::open(&self.cache_dir(), &self.vault, "2026-03-02T09:00:00Z".parse::<Timestamp>().unwrap(), options)
    }

    /// Opens without a word.
    fn open(&self) -> Cache {
        let (cache, sentences) = self.try_open(&ROOMY).unwrap();
        assert!(sentences.is_empty(), "{sentences:?}");
        cache
    }
}

fn summary(uid: u32) -> Summary {
    Summary {
        uid,
        subject: format!("planted-subject {uid}"),
        message_id: format!("{uid}@planted.example"),
        from: vec![Address { name: "planted-name".into(), addr: "badger@planted.example".into() }],
        received: i64::from(uid),
        ..Summary::default()
    }
}

fn raw(uid: u32) -> Arc<[u8]> {
    format!("Subject: planted-subject {uid}\r\n\r\nplanted-body {uid}\r\n").into_bytes().into()
}

const LARGE: usize = 1_100_000;

/// Bytes that do not compress below the bound for the packs.
fn large(uid: u32) -> Arc<[u8]> {
    noise_of(uid, LARGE)
}

/// Eight bytes at a time, because tests are not optimised (xorshift of Marsaglia).
fn noise_of(uid: u32, length: usize) -> Arc<[u8]> {
    let mut seed = u64::from(uid).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut noise = Vec::with_capacity(length + 8);
    while noise.len() < length {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        noise.extend_from_slice(&seed.to_le_bytes());
    }
    noise.truncate(length);
    noise.into()
}

fn messages(uids: impl IntoIterator<Item = u32>) -> Vec<NewMessage> {
    uids.into_iter().map(|uid| NewMessage { summary: summary(uid), raw: Some(raw(uid)) }).collect()
}

fn uids(cache: &Cache, mailbox: MailboxId) -> Vec<u32> {
    cache.summaries(mailbox).unwrap().map(|row| row.unwrap().uid).collect()
}

fn blobs(world: &World) -> usize {
    fs::read_dir(world.cache_dir().join("blobs")).unwrap().count()
}

#[test]
fn a_batch_is_made_and_packed_before_it_is_stored() {
    let world = World::new();
    let cache = world.open();
    let id = cache.ensure_mailbox("work", "INBOX", 1).unwrap();
    let incoming = |items| super::Incoming { mailbox: id, items, bytes: 0, stack_bytes: 1 << 20 };
    let make = |uid: u32| NewMessage { summary: summary(uid), raw: (uid > 1).then(|| raw(uid)) };
    let batch = cache.pack_batch(incoming((1..=300).rev().collect()), make).unwrap();
    let said: Vec<(u32, bool)> = batch.summaries().map(|(summary, has_raw)| (summary.uid, has_raw)).collect();
    assert_eq!(said, (1..=300).rev().map(|uid| (uid, uid > 1)).collect::<Vec<_>>());
    assert!(uids(&cache, id).is_empty());
    // One that is packed later and stored sooner is the older one all the same.
    let by_header = |uid: u32| NewMessage { summary: Summary { subject: "header".into(), ..summary(uid) }, raw: None };
    cache.put_packed(cache.pack_batch(incoming(vec![7, 8]), by_header).unwrap(), None).unwrap();
    assert_eq!(cache.raw(MessageKey { mailbox: id, uid: 7 }).unwrap(), None);
    cache.put_packed(batch, None).unwrap();
    assert_eq!(uids(&cache, id).len(), 300);
    for uid in 2..=300 {
        let message = MessageKey { mailbox: id, uid };
        assert_eq!(cache.raw(message).unwrap().as_deref(), Some(&*raw(uid)));
        assert_eq!(cache.summary(message).unwrap().unwrap().subject, summary(uid).subject);
    }
}

#[test]
fn a_message_that_cannot_be_made_costs_its_batch_and_nothing_is_lost_in_silence() {
    let world = World::new();
    let cache = world.open();
    let id = cache.ensure_mailbox("work", "INBOX", 1).unwrap();
    for bad in [1, 20, 39] {
        let incoming = super::Incoming { mailbox: id, items: (1..40).collect(), bytes: 0, stack_bytes: 1 << 20 };
        let made = cache.pack_batch(incoming, |uid: u32| {
            assert_ne!(uid, bad, "planted");
            NewMessage { summary: summary(uid), raw: Some(raw(uid)) }
        });
        assert!(made.is_err(), "{bad}");
    }
    cache.put_batch(id, messages(1..40), None).unwrap();
    assert_eq!(uids(&cache, id).len(), 39);
}

#[test]
fn messages_round_trip_newest_first() {
    let world = World::new();
    let state = MailboxState { uid_next: Some(601), subscribed: true, ..MailboxState::default() };
    let id = {
        let cache = world.open();
        let id = cache.ensure_mailbox("work", "INBOX", 1).unwrap();
        cache.put_batch(id, messages(300..=600), None).unwrap();
        cache.put_batch(id, messages(1..300), Some(state.clone())).unwrap();
        id
    };
    let cache = world.open();
    assert_eq!(cache.ensure_mailbox("work", "INBOX", 1).unwrap(), id);
    assert_eq!(cache.mailbox(id).unwrap().unwrap().state, state);
    assert_eq!(uids(&cache, id), (1..=600).rev().collect::<Vec<_>>());
    let expected = Summary { has_raw: true, ..summary(257) };
    assert_eq!(cache.summary(MessageKey { mailbox: id, uid: 257 }).unwrap(), Some(expected));
    assert_eq!(cache.raw(MessageKey { mailbox: id, uid: 257 }).unwrap().unwrap(), *raw(257));
    assert_eq!(cache.raw(MessageKey { mailbox: id, uid: 700 }).unwrap(), None);
    let stats = cache.stats().unwrap();
    assert_eq!((stats.mailboxes, stats.messages, stats.whole_messages, stats.pages), (1, 600, 600, 3));
    assert!(cache.take_damage().is_empty());
}

#[test]
fn a_new_uid_validity_is_another_mailbox() {
    let world = World::new();
    let cache = world.open();
    let old = cache.ensure_mailbox("work", "INBOX", 1).unwrap();
    cache.put_batch(old, messages(1..10), None).unwrap();
    let new = cache.ensure_mailbox("work", "INBOX", 2).unwrap();
    assert_ne!(old, new);
    assert!(uids(&cache, new).is_empty());
    cache.drop_mailbox(old).unwrap();
    assert!(uids(&cache, old).is_empty());
    assert_eq!(cache.raw(MessageKey { mailbox: old, uid: 1 }).unwrap(), None);
    assert!(matches!(cache.put_batch(old, messages(1..2), None), Err(CacheError::NoMailbox(_))));
    // Its number is not given again, in this process or the next.
    drop(cache);
    assert!(world.open().ensure_mailbox("work", "INBOX", 3).unwrap() > new);
}

#[test]
fn flags_bodies_and_summaries_change_by_themselves() {
    let world = World::new();
    let cache = world.open();
    let id = cache.ensure_mailbox("work", "INBOX", 1).unwrap();
    let bare = |uid| NewMessage { summary: summary(uid), raw: None };
    cache.put_batch(id, (1..=5).map(bare).collect(), None).unwrap();
    let seen = Flags::from_names(["\\Seen", "$Case"]);
    cache.set_flags(id, &[(2, seen.clone()), (99, seen.clone())], None).unwrap();
    let mut arrived = NewMessage { summary: summary(2), raw: Some(raw(2)) };
    arrived.summary.flags = seen.clone();
    cache.put_batch(id, vec![arrived], None).unwrap();
    let decrypted = Summary { subject: "the protected subject".into(), ..summary(2) };
    cache.update_summaries(id, vec![decrypted.clone(), summary(98)]).unwrap();
    // The header alone comes again: the body stays.
    cache
        .put_batch(id, vec![NewMessage { summary: Summary { flags: seen.clone(), ..decrypted }, raw: None }], None)
        .unwrap();
    let found = cache.summary(MessageKey { mailbox: id, uid: 2 }).unwrap().unwrap();
    assert_eq!((found.subject.as_str(), &found.flags, found.has_raw), ("the protected subject", &seen, true));
    let held: Vec<_> =
        cache.held(id).unwrap().into_iter().map(|held| (held.uid, held.flags.seen(), held.has_raw)).collect();
    assert_eq!(held, [(1, false, false), (2, true, true), (3, false, false), (4, false, false), (5, false, false)]);
    cache.remove(id, &[2, 5, 77], None).unwrap();
    assert_eq!(uids(&cache, id), [4, 3, 1]);
    assert_eq!(cache.raw(MessageKey { mailbox: id, uid: 2 }).unwrap(), None);
}

#[test]
fn large_messages_are_files_that_come_and_go() {
    let world = World::new();
    let cache = world.open();
    let id = cache.ensure_mailbox("work", "INBOX", 1).unwrap();
    let big = |uid| NewMessage { summary: summary(uid), raw: Some(large(uid)) };
    cache.put_batch(id, vec![big(1), big(2), big(3)], None).unwrap();
    assert_eq!(blobs(&world), 3);
    let message = |uid| MessageKey { mailbox: id, uid };
    assert_eq!(cache.raw(message(2)).unwrap().unwrap(), *large(2));
    cache.put_batch(id, messages([2]), None).unwrap();
    assert_eq!((blobs(&world), cache.raw(message(2)).unwrap().unwrap().as_slice()), (2, &*raw(2)));
    assert_eq!(cache.put_raw_from(message(2), &mut &*large(9)).unwrap(), LARGE as u64);
    let mut streamed = Vec::new();
    std::io::Read::read_to_end(&mut cache.raw_reader(message(2)).unwrap().unwrap(), &mut streamed).unwrap();
    assert_eq!(streamed, *large(9));
    cache.remove(id, &[1], None).unwrap();
    assert_eq!(blobs(&world), 2);
    // Of a message that is not there, nothing is kept.
    cache.put_raw_from(message(50), &mut &*large(9)).unwrap();
    assert_eq!(blobs(&world), 2);
    cache.drop_mailbox(id).unwrap();
    assert_eq!(blobs(&world), 0);
    drop(cache);
    fs::write(world.cache_dir().join("blobs/00ff"), "an orphan of a crash").unwrap();
    world.open();
    assert_eq!(blobs(&world), 0);
}

/// Flips a bit behind the head of the only large message's file.
fn spoil_blob(world: &World) {
    let file = fs::read_dir(world.cache_dir().join("blobs")).unwrap().next().unwrap().unwrap().path();
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&file, bytes).unwrap();
}

#[test]
fn a_large_message_that_is_read_as_damaged_is_here_no_longer() {
    let world = World::new();
    let cache = world.open();
    let id = cache.ensure_mailbox("work", "INBOX", 1).unwrap();
    let message = MessageKey { mailbox: id, uid: 1 };
    cache.put_batch(id, vec![NewMessage { summary: summary(1), raw: Some(large(1)) }], None).unwrap();
    let has_raw = || cache.held(id).unwrap()[0].has_raw;
    spoil_blob(&world);
    let read = |reader: &mut dyn std::io::Read| std::io::copy(reader, &mut std::io::sink());
    let (mut one, mut late) =
        (cache.raw_reader(message).unwrap().unwrap(), cache.raw_reader(message).unwrap().unwrap());
    assert_eq!(read(&mut one).unwrap_err().kind(), std::io::ErrorKind::InvalidData);
    assert!(!cache.is_apart(message).unwrap() && !has_raw() && cache.raw_reader(message).unwrap().is_none());
    let damage = cache.take_damage();
    assert_eq!((damage.len(), damage[0].what, damage[0].uids.clone()), (1, "message", 1..=1));
    assert_eq!(blobs(&world), 0);
    // Whoever comes to the damage later costs nothing that was fetched since.
    cache.put_raw_from(message, &mut &*large(1)).unwrap();
    assert_eq!(read(&mut late).unwrap_err().kind(), std::io::ErrorKind::InvalidData);
    assert!(cache.is_apart(message).unwrap() && has_raw() && cache.take_damage().is_empty());
    assert_eq!(cache.raw(message).unwrap().unwrap(), *large(1));
}

#[test]
fn each_change_of_a_page_is_counted_once_and_damage_out_of_reach() {
    let world = World::new();
    let cache = world.open();
    let id = cache.ensure_mailbox("work", "INBOX", 7).unwrap();
    let of = |cache: &Cache, page: u32| {
        cache.generations(id).unwrap().into_iter().find(|(number, _)| *number == page).map(|(_, generation)| generation)
    };
    cache.put_batch(id, messages([1, 2, 300]), None).unwrap();
    assert_eq!(of(&cache, 0), Some(Generation { rows: 1, flags: 1 }));
    assert_eq!(of(&cache, 1), Some(Generation { rows: 1, flags: 1 }));
    cache.set_flags(id, &[(1, Flags::new(Flags::SEEN, vec![])), (2, Flags::new(Flags::SEEN, vec![]))], None).unwrap();
    assert_eq!(of(&cache, 0), Some(Generation { rows: 1, flags: 2 }));
    cache.update_summaries(id, vec![summary(2)]).unwrap();
    assert_eq!(of(&cache, 0), Some(Generation { rows: 2, flags: 2 }));
    cache.remove(id, &[300], None).unwrap();
    assert_eq!(of(&cache, 1), Some(Generation { rows: 2, flags: 2 }), "an emptied page goes on counting");
    drop(cache);
    let cache = world.open();
    assert_eq!(of(&cache, 0), Some(Generation { rows: 2, flags: 2 }));
    assert_eq!(cache.summaries_of(id, 0).unwrap().len(), 2);
    assert!(cache.held_of(id, 0).unwrap().iter().all(|held| held.flags.seen()));
    spoil(&cache.page.tree, &key(id, 0));
    assert!(cache.summaries_of(id, 0).unwrap().is_empty());
    assert!(of(&cache, 0).unwrap().rows > 1000);
    cache.drop_mailbox(id).unwrap();
    assert!(cache.generations(id).unwrap().is_empty());
}

fn all_bytes(dir: &Path, into: &mut Vec<(PathBuf, Vec<u8>)>) {
    for entry in fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            all_bytes(&entry.path(), into);
        } else {
            into.push((entry.path(), fs::read(entry.path()).unwrap()));
        }
    }
}

#[test]
fn nothing_readable_is_on_the_disk() {
    let world = World::new();
    {
        let cache = world.open();
        let id = cache.ensure_mailbox("planted-account", "planted-mailbox", 1).unwrap();
        let mut batch = messages(1..50);
        batch[0].summary.flags = Flags::from_names(["planted-keyword"]);
        batch.push(NewMessage { summary: summary(60), raw: Some([&*large(60), b"planted-end"].concat().into()) });
        cache.put_batch(id, batch, None).unwrap();
    }
    let mut files = Vec::new();
    all_bytes(world.dir.path(), &mut files);
    assert!(files.len() > 3);
    for (file, bytes) in files {
        for word in ["planted", "badger", "INBOX", "Subject"] {
            assert!(!bytes.windows(word.len()).any(|window| window == word.as_bytes()), "{word} in {}", file.display());
            assert!(!file.strip_prefix(world.dir.path()).unwrap().to_string_lossy().contains(word));
        }
        let mode = std::os::unix::fs::MetadataExt::mode(&fs::metadata(file.parent().unwrap()).unwrap());
        assert!(file.ends_with("vault") || mode & 0o077 == 0, "{}", file.display());
    }
}

/// Flips a bit of a value, as a bad disk does.
fn spoil(tree: &sled::Tree, key: &[u8]) {
    let mut value = tree.get(key).unwrap().unwrap().to_vec();
    *value.last_mut().unwrap() ^= 1;
    tree.insert(key, value).unwrap();
}

#[test]
fn a_damaged_page_costs_its_rows_until_they_are_fetched_again() {
    let world = World::new();
    let cache = world.open();
    let id = cache.ensure_mailbox("work", "INBOX", 1).unwrap();
    let state = MailboxState { uid_next: Some(801), highest_modseq: Some(7), ..MailboxState::default() };
    cache.put_batch(id, messages(1..=800), Some(state.clone())).unwrap();
    for (what, tree) in [("summaries", &cache.page), ("flags", &cache.flags)] {
        spoil(&tree.tree, &key(id, 1));
        let found: Vec<u32> = match what {
            "summaries" => uids(&cache, id).into_iter().filter(|uid| !(256..512).contains(uid)).collect(),
            _ => {
                cache.held(id).unwrap();
                uids(&cache, id)
            }
        };
        assert_eq!(found.len(), 800 - 256, "{what}");
        let damage = cache.take_damage();
        assert_eq!((damage.len(), damage[0].what, damage[0].uids.clone()), (1, what, 256..=511));
        assert!(damage[0].to_string().contains("the next sync brings it back"));
        let marked = cache.mailbox(id).unwrap().unwrap().state;
        assert_eq!((marked.uid_next, marked.highest_modseq), (None, None));
        assert_eq!(cache.held(id).unwrap().len(), 800 - 256);
        cache.put_batch(id, messages(256..512), Some(state.clone())).unwrap();
        assert_eq!(uids(&cache, id).len(), 800);
        assert!(cache.verify().unwrap().is_empty());
    }
}

#[test]
fn what_is_lost_while_a_mailbox_is_compared_is_told_at_the_end() {
    let world = World::new();
    let cache = world.open();
    let id = cache.ensure_mailbox("work", "INBOX", 1).unwrap();
    cache.put_batch(id, messages(1..=300), None).unwrap();
    let before = cache.losses(id);
    spoil(&cache.page.tree, &key(id, 1));
    assert_eq!(uids(&cache, id).len(), 255);
    assert_ne!(cache.losses(id), before);
    // Another mailbox has lost nothing.
    let other = cache.ensure_mailbox("work", "Sent", 1).unwrap();
    assert_eq!(cache.losses(other), 0);
    let changed = cache.change_mailbox(id, |state| state.uid_next = Some(301)).unwrap().unwrap();
    assert_eq!((changed.state.uid_next, cache.mailbox(id).unwrap().unwrap()), (Some(301), changed.clone()));
    cache.drop_mailbox(id).unwrap();
    assert_eq!(cache.change_mailbox(id, |state| state.exists = 7).unwrap(), None);
}

#[test]
fn a_damaged_message_costs_itself() {
    let world = World::new();
    let cache = world.open();
    let id = cache.ensure_mailbox("work", "INBOX", 1).unwrap();
    cache.put_batch(id, messages(1..=3), None).unwrap();
    cache.put_batch(id, vec![NewMessage { summary: summary(4), raw: Some(large(4)) }], None).unwrap();
    packs::spoil_record(&world, &cache, MessageKey { mailbox: id, uid: 2 });
    let blob = fs::read_dir(world.cache_dir().join("blobs")).unwrap().next().unwrap().unwrap().path();
    fs::write(&blob, "gone bad").unwrap();
    for uid in [2, 4] {
        let message = MessageKey { mailbox: id, uid };
        assert_eq!(cache.raw(message).unwrap(), None);
        assert!(!cache.summary(message).unwrap().unwrap().has_raw);
        assert_eq!(cache.take_damage().len(), 1);
        cache.put_batch(id, messages([uid]), None).unwrap();
        assert_eq!(cache.raw(message).unwrap().unwrap(), *raw(uid));
    }
    assert_eq!(cache.raw(MessageKey { mailbox: id, uid: 3 }).unwrap().unwrap(), *raw(3));
    assert_eq!(blobs(&world), 0);
}

#[test]
fn a_write_into_a_damaged_page_keeps_what_is_written_and_marks_the_mailbox() {
    let world = World::new();
    let cache = world.open();
    let id = cache.ensure_mailbox("work", "INBOX", 1).unwrap();
    cache.put_batch(id, messages(1..=10), None).unwrap();
    spoil(&cache.page.tree, &key(id, 0));
    let state = MailboxState { uid_next: Some(12), ..MailboxState::default() };
    cache.put_batch(id, messages([11]), Some(state)).unwrap();
    assert_eq!(uids(&cache, id), [11]);
    assert_eq!(cache.held(id).unwrap().len(), 1);
    assert_eq!(cache.mailbox(id).unwrap().unwrap().state.uid_next, None);
}

#[test]
fn records_do_not_open_elsewhere() {
    let world = World::new();
    let cache = world.open();
    let id = cache.ensure_mailbox("work", "INBOX", 1).unwrap();
    cache.put_batch(id, messages(1..=300), None).unwrap();
    packs::exchange_places(&cache, MessageKey { mailbox: id, uid: 1 }, MessageKey { mailbox: id, uid: 2 });
    let one = cache.page.tree.get(key(id, 0)).unwrap().unwrap();
    cache.page.tree.insert(key(id, 1), one.clone()).unwrap();
    assert_eq!(cache.raw(MessageKey { mailbox: id, uid: 1 }).unwrap(), None);
    assert_eq!(cache.raw(MessageKey { mailbox: id, uid: 2 }).unwrap(), None);
    assert_eq!(uids(&cache, id).len(), 255);
    cache.place.tree.insert(key(id, 0), one).unwrap();
    assert_eq!(cache.raw(MessageKey { mailbox: id, uid: 3 }).unwrap(), None);
    assert_eq!(cache.take_damage().len(), 4);
}

#[test]
fn a_deleted_cache_is_made_anew_without_a_word() {
    let world = World::new();
    let cache = world.open();
    cache.ensure_mailbox("work", "INBOX", 1).unwrap();
    drop(cache);
    fs::remove_dir_all(world.cache_dir()).unwrap();
    assert!(world.open().mailboxes().unwrap().is_empty());
    Cache::delete(&world.cache_dir()).unwrap();
    Cache::delete(&world.dir.path().join("never-was")).unwrap();
    assert!(world.open().mailboxes().unwrap().is_empty());
}

#[test]
fn what_cannot_be_opened_is_moved_aside() {
    /// sled gives its lock back a moment after it was dropped.
    fn opened_directly(world: &World) -> sled::Db {
        let config = sled::Config::new().path(world.cache_dir().join("mail"));
        let held =
            |error: &sled::Error| matches!(error, sled::Error::Io(error) if error.to_string().contains("acquire lock"));
        loop {
            match config.open() {
                Err(error) if held(&error) => std::thread::yield_now(),
                opened => return opened.unwrap(),
            }
        }
    }
    #[track_caller]
    fn check(what: &str, spoil: impl Fn(&World)) {
        let world = World::new();
        let cache = world.open();
        let id = cache.ensure_mailbox("work", "INBOX", 1).unwrap();
        cache.put_batch(id, messages(1..=500), None).unwrap();
        drop(cache);
        spoil(&world);
        let (cache, sentences) = world.try_open(&ROOMY).unwrap();
        assert_eq!(sentences.len(), 1, "{what}");
        assert!(sentences[0].contains("cache.corrupt-20260302T090000Z"), "{what}: {}", sentences[0]);
        assert!(cache.mailboxes().unwrap().is_empty(), "{what}");
        cache.ensure_mailbox("work", "INBOX", 1).unwrap();
    }
    let mail = |world: &World, name: &str| world.cache_dir().join("mail").join(name);
    check("another schema", |world| {
        let db = opened_directly(world);
        db.insert("schema", &99_u32.to_be_bytes()).unwrap();
        db.flush().unwrap();
    });
    check("another profile's", |world| {
        let db = opened_directly(world);
        db.insert("check", vec![0; 40]).unwrap();
        db.flush().unwrap();
    });
    check("a broken snapshot", |world| fs::write(mail(world, "snap.0000000000001000"), "not a snapshot").unwrap());
}

/// Whatever is in the file: it opens, as it was, or new, and takes messages.
#[test]
fn a_spoilt_log_never_stops_the_program() {
    for spoilt in 0..6_usize {
        let world = World::new();
        let cache = world.open();
        let id = cache.ensure_mailbox("work", "INBOX", 1).unwrap();
        for batch in 0..4 {
            cache.put_batch(id, messages(batch * 100 + 1..=batch * 100 + 100), None).unwrap();
        }
        drop(cache);
        let log = world.cache_dir().join("mail/db");
        let mut bytes = fs::read(&log).unwrap();
        let length = bytes.len();
        match spoilt {
            0 => bytes.fill(0x5a),
            1 => bytes.truncate(length / 2),
            2 => bytes.clear(),
            _ => bytes[spoilt * length / 9..spoilt * length / 9 + 5000].fill(0x5a),
        }
        fs::write(&log, bytes).unwrap();
        let (cache, _) = world.try_open(&ROOMY).unwrap();
        let id = cache.ensure_mailbox("work", "INBOX", 1).unwrap();
        let _ = cache.verify().unwrap();
        cache.put_batch(id, messages(1..=400), None).unwrap();
        assert_eq!(uids(&cache, id).len(), 400, "{spoilt}");
    }
}

#[test]
fn a_torn_snapshot_is_removed() {
    let world = World::new();
    drop(world.open());
    let torn = world.cache_dir().join("mail/snap.00000000DEADBEEF.generating");
    fs::write(&torn, "torn").unwrap();
    drop(world.open());
    assert!(!torn.exists());
}

#[test]
fn a_second_opening_is_refused_and_harms_nothing() {
    let world = World::new();
    let cache = world.open();
    let error = world.try_open(&ROOMY).unwrap_err();
    assert!(matches!(error, CacheError::Io(_)), "{error:?}");
    let id = cache.ensure_mailbox("work", "INBOX", 1).unwrap();
    cache.put_batch(id, messages([1]), None).unwrap();
}

#[test]
fn a_full_disk_is_told_before_anything_is_written() {
    let world = World::new();
    let full = SpaceLimits { open_bytes: u64::MAX / 2, batch_bytes: 0 };
    let error = world.try_open(&CacheOptions { space: full, ..ROOMY }).unwrap_err();
    assert!(matches!(&error, CacheError::DiskFull(full) if full.needed > full.free), "{error}");
    assert!(error.to_string().contains("free some space"), "{error}");
    let full = SpaceLimits { open_bytes: 0, batch_bytes: u64::MAX / 2 };
    let (cache, _) = world.try_open(&CacheOptions { space: full, ..ROOMY }).unwrap();
    let id = cache.ensure_mailbox("work", "INBOX", 1).unwrap();
    assert!(matches!(cache.put_batch(id, messages([1]), None), Err(CacheError::DiskFull(_))));
    assert!(uids(&cache, id).is_empty());
}

const CHILD: &str = "CASEMAIL_CACHE_CHILD";

/// The child of the next test: stores batches until it is killed, and says each once it is durable.
#[test]
#[expect(clippy::disallowed_methods, reason = "a test that runs itself as its own child")]
fn store_until_killed() {
    let Ok(dir) = std::env::var(CHILD) else { return };
    let dir = Path::new(&dir);
    let vault = Vault::open_with(&dir.join("vault"), b"otter", Cost::TEST).unwrap();
    let (cache, _) = Cache::open(&dir.join("cache"), &vault, Timestamp::UNIX_EPOCH, &ROOMY).unwrap();
    let id = cache.ensure_mailbox("work", "INBOX", 1).unwrap();
    for batch in uids(&cache, id).len() as u32 / 40.. {
        let mut messages = messages(batch * 40 + 1..=batch * 40 + 39);
        messages.push(NewMessage { summary: summary(batch * 40 + 40), raw: Some(large(batch)) });
        let state = MailboxState { uid_next: Some(batch * 40 + 41), ..MailboxState::default() };
        cache.put_batch(id, messages, Some(state)).unwrap();
        println!("batch {}", batch + 1);
        std::io::stdout().flush().unwrap();
    }
}

#[test]
fn batches_are_whole_after_kills() {
    let world = World::new();
    let mut acknowledged = 0;
    for round in 0..8_usize {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "store::cache::tests::store_until_killed", "--nocapture", "--test-threads=1"])
            .env(CHILD, world.dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        for _ in 0..=(round * 5 % 7) {
            let said = lines.find_map(|line| line.split_once("batch ").map(|batch| batch.1.to_owned()));
            acknowledged = said.expect("the child ended by itself").parse().unwrap();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let cache = world.open();
        let id = cache.ensure_mailbox("work", "INBOX", 1).unwrap();
        let rows = uids(&cache, id).len() as u32;
        assert!(
            rows.is_multiple_of(40) && rows >= acknowledged * 40,
            "{rows} rows, {acknowledged} batches acknowledged"
        );
        assert_eq!(cache.mailbox(id).unwrap().unwrap().state.uid_next, Some(rows + 1));
        assert_eq!(cache.verify().unwrap(), []);
        assert_eq!(blobs(&world) as u32, rows / 40);
    }
}

#[test]
fn a_cache_that_breaks_off_in_any_call_is_broken_and_the_program_goes_on() {
    let world = World::new();
    let cache = world.open();
    assert!(cache.noting(|| cache.mailboxes()).is_ok() && !cache.is_broken());
    let failed = cache.noting::<()>(|| panic!("as sled does on a damaged page"));
    assert!(failed.is_err() && cache.is_broken());
}
