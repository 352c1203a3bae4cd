//! Raw messages in the packs: torn ends, damage, dead bytes given back, what schema 1 kept in sled, kills while all that goes on.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;

use super::*;
use crate::store::cache::{Thrift, Tidied};
use crate::store::page::{self, FlagsPage};
use crate::store::place::{Place, PlacePage, Span};

fn places(cache: &Cache, message: MessageKey) -> PlacePage {
    cache.places(message.mailbox, page::number(message.uid)).unwrap().unwrap().unwrap()
}

fn span(cache: &Cache, message: MessageKey) -> Span {
    match places(cache, message).get(message.uid) {
        Some(Place::Pack(span)) => span,
        other => panic!("{other:?}"),
    }
}

fn put_places(cache: &Cache, message: MessageKey, places: &PlacePage) {
    let key = key(message.mailbox, page::number(message.uid));
    cache.place.tree.insert(key, cache.place.seal(&key, &places.pack().unwrap())).unwrap();
}

/// Flips a bit in the record of a message, as a bad disk does.
pub(super) fn spoil_record(world: &World, cache: &Cache, message: MessageKey) {
    let span = span(cache, message);
    let file = world.cache_dir().join("packs").join(format!("{:08}", span.segment));
    let file = OpenOptions::new().read(true).write(true).open(file).unwrap();
    let mut byte = [0];
    let at = u64::from(span.offset + span.length / 2);
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 1], at).unwrap();
}

/// Says of two messages that each lies where the other does.
pub(super) fn exchange_places(cache: &Cache, one: MessageKey, two: MessageKey) {
    let mut all = places(cache, one);
    let (first, second) = (all.get(one.uid).unwrap(), all.get(two.uid).unwrap());
    all.set(one.uid, second);
    all.set(two.uid, first);
    put_places(cache, one, &all);
}

fn segments(world: &World) -> Vec<(u32, u64)> {
    let mut found: Vec<(u32, u64)> = fs::read_dir(world.cache_dir().join("packs"))
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().to_str().unwrap().parse().unwrap(), entry.metadata().unwrap().len()))
        .collect();
    found.sort_unstable();
    found
}

const NOISE: usize = 4_000;

/// Bytes that do not compress, small enough for the packs.
fn noise(uid: u32) -> Arc<[u8]> {
    noise_of(uid, NOISE)
}

fn noisy(uids: impl IntoIterator<Item = u32>) -> Vec<NewMessage> {
    uids.into_iter().map(|uid| NewMessage { summary: summary(uid), raw: Some(noise(uid)) }).collect()
}

fn check_all(cache: &Cache, mailbox: MailboxId, uids: impl IntoIterator<Item = u32>) {
    for uid in uids {
        assert_eq!(cache.raw(MessageKey { mailbox, uid }).unwrap().as_deref(), Some(&*noise(uid)), "{uid}");
    }
}

#[test]
fn the_torn_end_of_a_crash_is_cut_off_and_foreign_segments_are_removed() {
    let world = World::new();
    let cache = world.open();
    let id = cache.ensure_mailbox("work", "INBOX", 1).unwrap();
    cache.put_batch(id, noisy(1..=10), None).unwrap();
    drop(cache);
    let before = segments(&world);
    let file = world.cache_dir().join("packs/00000001");
    OpenOptions::new().append(true).open(&file).unwrap().write_all(b"torn").unwrap();
    fs::write(world.cache_dir().join("packs/00000002"), "never named").unwrap();
    fs::write(world.cache_dir().join("packs/note"), "foreign").unwrap();
    let cache = world.open();
    assert_eq!(segments(&world), before);
    cache.put_batch(id, noisy(11..=20), None).unwrap();
    check_all(&cache, id, 1..=20);
    assert!(cache.verify().unwrap().is_empty());
}

#[test]
fn a_segment_that_is_cut_or_gone_costs_its_own_messages() {
    let world = World::new();
    let cache = world.open();
    let id = cache.ensure_mailbox("work", "INBOX", 1).unwrap();
    cache.put_batch(id, noisy(1..=10), None).unwrap();
    let file = world.cache_dir().join("packs/00000001");
    let kept = span(&cache, MessageKey { mailbox: id, uid: 3 });
    drop(cache);
    OpenOptions::new().write(true).open(&file).unwrap().set_len(u64::from(kept.offset + kept.length)).unwrap();
    let cache = world.open();
    let lost = cache.verify().unwrap();
    let cut: Vec<u32> = lost.iter().map(|damage| *damage.uids.start()).collect();
    check_all(&cache, id, (1..=10).filter(|uid| !cut.contains(uid)));
    assert!(!cut.is_empty() && cut.len() < 10 && lost.iter().all(|damage| damage.what == "message"), "{lost:?}");
    fs::remove_file(&file).unwrap();
    drop(cache);
    let cache = world.open();
    assert_eq!(cache.verify().unwrap().len(), 10 - cut.len());
    assert!(cache.held(id).unwrap().iter().all(|held| !held.has_raw));
    cache.put_batch(id, noisy(1..=10), None).unwrap();
    check_all(&cache, id, 1..=10);
    assert!(cache.verify().unwrap().is_empty());
}

#[test]
fn damaged_places_cost_the_messages_of_their_page() {
    let world = World::new();
    let cache = world.open();
    let id = cache.ensure_mailbox("work", "INBOX", 1).unwrap();
    cache.put_batch(id, messages(1..=600), None).unwrap();
    spoil(&cache.place.tree, &key(id, 1));
    assert_eq!(cache.raw(MessageKey { mailbox: id, uid: 300 }).unwrap(), None);
    let damage = cache.take_damage();
    assert_eq!((damage.len(), damage[0].what, damage[0].uids.clone()), (1, "places", 256..=511));
    let lacking = cache.held(id).unwrap().iter().filter(|held| !held.has_raw).count();
    assert_eq!((lacking, uids(&cache, id).len()), (256, 600));
    // A writer meets it first.
    spoil(&cache.place.tree, &key(id, 0));
    cache.put_batch(id, messages(7..=7), None).unwrap();
    assert_eq!(cache.held(id).unwrap().iter().filter(|held| held.has_raw).count(), 600 - 511 + 1);
    assert_eq!(cache.take_damage().len(), 1);
    cache.put_batch(id, messages(1..=600), None).unwrap();
    assert_eq!(cache.raw(MessageKey { mailbox: id, uid: 300 }).unwrap().unwrap(), *raw(300));
    assert!(cache.verify().unwrap().is_empty());
}

#[test]
fn dead_bytes_are_counted_and_given_back() {
    let world = World::new();
    let cache = world.open();
    let id = cache.ensure_mailbox("work", "INBOX", 1).unwrap();
    cache.put_batch(id, noisy(1..=300), None).unwrap();
    let whole = cache.stats().unwrap();
    assert_eq!((whole.segments, whole.dead_bytes), (1, 0));
    cache.remove(id, &(1..=200).collect::<Vec<_>>(), None).unwrap();
    // Again, and of a message that was replaced.
    cache.remove(id, &[1, 2], None).unwrap();
    cache.put_batch(id, noisy([300]), None).unwrap();
    let dead = cache.stats().unwrap().dead_bytes;
    assert!((201 * NOISE as u64..205 * NOISE as u64).contains(&dead), "{dead}");
    drop(cache);
    let cache = world.open();
    assert_eq!(cache.stats().unwrap().dead_bytes, dead);
    assert!(!cache.is_untidy(), "the newest segment is not rewritten by itself");
    let done = cache.tidy(Thrift::Much, &mut |_| true).unwrap();
    assert_eq!((done.messages, done.segments, done.stopped), (100, 1, false));
    let after = cache.stats().unwrap();
    assert_eq!((after.dead_bytes, after.segments), (0, 1));
    assert!(after.pack_bytes < whole.pack_bytes - 190 * NOISE as u64, "{after:?}");
    check_all(&cache, id, 201..=300);
    assert_eq!(cache.tidy(Thrift::Much, &mut |_| true).unwrap(), Tidied::default());
    drop(cache);
    let cache = world.open();
    check_all(&cache, id, 201..=300);
    assert!(cache.verify().unwrap().is_empty());
    cache.drop_mailbox(id).unwrap();
    cache.tidy(Thrift::Much, &mut |_| true).unwrap();
    assert_eq!(segments(&world), []);
}

#[test]
fn a_tidying_that_is_stopped_or_meets_changes_loses_nothing() {
    let world = World::new();
    let cache = world.open();
    let id = cache.ensure_mailbox("work", "INBOX", 1).unwrap();
    cache.put_batch(id, noisy(1..=900), None).unwrap();
    cache.remove(id, &(1..=300).collect::<Vec<_>>(), None).unwrap();
    let stopped = cache.tidy(Thrift::Much, &mut |_| false).unwrap();
    assert!(stopped.stopped && stopped.messages > 0 && stopped.segments == 0, "{stopped:?}");
    check_all(&cache, id, 301..=900);
    // Between two steps, messages go and are replaced.
    let mut turn = 0;
    let done = cache
        .tidy(Thrift::Much, &mut |_| {
            turn += 1;
            if turn == 1 {
                cache.remove(id, &(850..=900).collect::<Vec<_>>(), None).unwrap();
                cache.put_batch(id, messages(840..=849), None).unwrap();
            }
            true
        })
        .unwrap();
    assert!(!done.stopped && turn > 0, "{done:?}");
    check_all(&cache, id, 301..=839);
    assert_eq!(cache.raw(MessageKey { mailbox: id, uid: 845 }).unwrap().unwrap(), *raw(845));
    assert_eq!(cache.raw(MessageKey { mailbox: id, uid: 860 }).unwrap(), None);
    let counted = cache.stats().unwrap().dead_bytes;
    cache.recount().unwrap();
    assert_eq!(cache.stats().unwrap().dead_bytes, counted, "the count is the truth");
    assert!(cache.verify().unwrap().is_empty());
}

#[test]
fn a_damaged_record_does_not_stop_the_tidying() {
    let world = World::new();
    let cache = world.open();
    let id = cache.ensure_mailbox("work", "INBOX", 1).unwrap();
    cache.put_batch(id, noisy(1..=20), None).unwrap();
    cache.remove(id, &[1, 2, 3], None).unwrap();
    spoil_record(&world, &cache, MessageKey { mailbox: id, uid: 7 });
    let done = cache.tidy(Thrift::Much, &mut |_| true).unwrap();
    assert_eq!((done.messages, done.segments), (16, 1));
    assert_eq!(cache.take_damage().len(), 1);
    check_all(&cache, id, (4..=20).filter(|uid| *uid != 7));
    assert_eq!(cache.raw(MessageKey { mailbox: id, uid: 7 }).unwrap(), None);
}

/// A cache as schema 1 left it: raw messages in rows of sled, large ones in files that such rows name.
fn make_former(cache: &Cache, mailbox: MailboxId, uids: impl IntoIterator<Item = u32>) {
    for uid in uids {
        let (message, row) = (MessageKey { mailbox, uid }, key(mailbox, uid));
        let mut all = places(cache, message);
        let plain = match all.remove(uid).unwrap() {
            Place::Blob { name, .. } => [&[1], name.as_slice()].concat(),
            Place::Pack(span) => [&[0], cache.record(message, span).unwrap().as_slice()].concat(),
        };
        put_places(cache, message, &all);
        cache.raw.tree.insert(row, cache.raw.seal(&row, &plain)).unwrap();
    }
    cache.db.insert("schema", &1_u32.to_be_bytes()).unwrap();
    cache.recount().unwrap();
    cache.flush().unwrap();
}

#[test]
fn a_cache_of_schema_1_is_read_and_moved_to_the_packs() {
    let world = World::new();
    let id = {
        let cache = world.open();
        let id = cache.ensure_mailbox("work", "INBOX", 1).unwrap();
        let mut batch = noisy(1..=600);
        batch.push(NewMessage { summary: summary(601), raw: Some(large(601)) });
        batch.push(NewMessage { summary: summary(602), raw: Some(large(602)) });
        cache.put_batch(id, batch, None).unwrap();
        make_former(&cache, id, 1..=602);
        id
    };
    let cache = world.open();
    assert!(cache.is_untidy());
    assert_eq!(cache.stats().unwrap().former, 602);
    check_all(&cache, id, [1, 300, 600]);
    assert_eq!(cache.raw(MessageKey { mailbox: id, uid: 601 }).unwrap().unwrap(), *large(601));
    // Changes go on before they are moved.
    cache.remove(id, &[5, 602], None).unwrap();
    cache.put_batch(id, messages([6]), None).unwrap();
    assert_eq!(blobs(&world), 1);
    spoil(&cache.raw.tree, &key(id, 9));
    cache.tidy(Thrift::Half, &mut |_| true).unwrap();
    assert_eq!(cache.take_damage().len(), 1);
    assert_eq!(cache.stats().unwrap().former, 0);
    let there = (1..=600).filter(|uid| ![5, 6, 9].contains(uid));
    check_all(&cache, id, there.clone());
    let before = cache.stats().unwrap().store_bytes;
    drop(cache);
    let cache = world.open();
    let after = cache.stats().unwrap().store_bytes;
    assert!(after < before / 4, "{before} bytes before, {after} now");
    check_all(&cache, id, there);
    assert_eq!(cache.raw(MessageKey { mailbox: id, uid: 6 }).unwrap().unwrap(), *raw(6));
    assert_eq!(cache.raw(MessageKey { mailbox: id, uid: 601 }).unwrap().unwrap(), *large(601));
    assert_eq!((cache.raw(MessageKey { mailbox: id, uid: 9 }).unwrap(), uids(&cache, id).len()), (None, 600));
    assert!(cache.verify().unwrap().is_empty());
    assert!(!cache.is_untidy());
}

#[test]
fn an_exchange_of_sled_that_was_cut_short_is_finished_or_taken_back() {
    for stage in 0..4 {
        let world = World::new();
        let cache = world.open();
        let id = cache.ensure_mailbox("work", "INBOX", 1).unwrap();
        cache.put_batch(id, messages(1..=50), None).unwrap();
        let dir = world.cache_dir();
        let (mail, fresh, former) = (dir.join("mail"), dir.join("mail.new"), dir.join("mail.old"));
        super::super::recovery::copy(&dir, &cache.db, &ROOMY, &mut |_, _, value| Some(value.clone()), &[]).unwrap();
        drop(cache);
        match stage {
            0 => fs::write(fresh.join("db"), "not whole").unwrap(),
            1 => fs::rename(&mail, &former).unwrap(),
            2 => {
                fs::rename(&mail, &former).unwrap();
                fs::rename(&fresh, &mail).unwrap();
            }
            _ => {
                fs::rename(&mail, &former).unwrap();
                fs::remove_dir_all(&fresh).unwrap();
            }
        }
        let cache = world.open();
        assert_eq!(uids(&cache, id).len(), 50, "{stage}");
        assert!(!fresh.exists() && !former.exists(), "{stage}");
    }
}

const CHILD: &str = "CASEMAIL_TIDY_CHILD";

/// The child of the next test: stores, removes and tidies until it is killed. Says the round once it is durable.
#[test]
#[expect(clippy::disallowed_methods, reason = "a test that runs itself as its own child")]
fn tidy_until_killed() {
    let Ok(dir) = std::env::var(CHILD) else { return };
    let dir = Path::new(&dir);
    let vault = Vault::open_with(&dir.join("vault"), b"otter", Cost::TEST).unwrap();
    let (cache, told) = Cache::open(&dir.join("cache"), &vault, Timestamp::UNIX_EPOCH, &ROOMY).unwrap();
    assert_eq!(told, Vec::<String>::new());
    let id = cache.ensure_mailbox("work", "INBOX", 1).unwrap();
    for round in uids(&cache, id).first().copied().unwrap_or_default() / 40.. {
        cache.put_batch(id, noisy(round * 40 + 1..=round * 40 + 40), None).unwrap();
        println!("round {}", round + 1);
        std::io::stdout().flush().unwrap();
        // The first 30 of each forty go again.
        cache.remove(id, &(round * 40 + 1..=round * 40 + 30).collect::<Vec<_>>(), None).unwrap();
        cache.tidy(Thrift::Much, &mut |_| true).unwrap();
    }
}

#[test]
fn nothing_is_lost_when_tidying_is_killed() {
    let world = World::new();
    let mut acknowledged = 0_u32;
    for round in 0..10_u32 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "store::cache::tests::packs::tidy_until_killed", "--nocapture", "--test-threads=1"])
            .env(CHILD, world.dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        for _ in 0..=(round * 5 % 3) {
            let said = lines.find_map(|line| line.split_once("round ").map(|batch| batch.1.to_owned()));
            acknowledged = said.expect("the child ended by itself").parse().unwrap();
        }
        // Into what follows the word, which is the removal, the tidying and the next batch.
        let begun = std::time::Instant::now();
        while begun.elapsed() < std::time::Duration::from_millis(u64::from(round * 7 % 23)) {
            std::hint::spin_loop();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let cache = world.open();
        let id = cache.ensure_mailbox("work", "INBOX", 1).unwrap();
        let there = uids(&cache, id);
        for batch in 0..acknowledged {
            assert!((31..=40).all(|low| there.contains(&(batch * 40 + low))), "batch {batch} of {acknowledged}");
        }
        check_all(&cache, id, there);
        assert_eq!(cache.verify().unwrap(), []);
        let counted = cache.stats().unwrap().dead_bytes;
        cache.recount().unwrap();
        assert_eq!(cache.stats().unwrap().dead_bytes, counted);
    }
}

#[test]
fn flags_that_say_more_than_the_places_are_put_right_by_a_verification() {
    let world = World::new();
    let cache = world.open();
    let id = cache.ensure_mailbox("work", "INBOX", 1).unwrap();
    let message = MessageKey { mailbox: id, uid: 1 };
    cache.put_batch(id, vec![NewMessage { summary: summary(1), raw: None }], None).unwrap();
    let mut flags = FlagsPage::default();
    flags.set(1, &Flags::default(), true);
    let place = key(id, 0);
    cache.flags.tree.insert(place, cache.flags.seal(&place, &flags.pack().unwrap())).unwrap();
    assert_eq!(cache.raw(message).unwrap(), None);
    assert_eq!(cache.verify().unwrap().len(), 1);
    assert!(!cache.summary(message).unwrap().unwrap().has_raw);
}
