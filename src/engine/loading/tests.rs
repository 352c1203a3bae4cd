//! The kept list and its head against caches that change behind their back.

use std::path::Path;
use std::sync::Arc;

use crate::app::effect::Effect;
use crate::app::event::Event;
use crate::app::list::Rows as _;
use crate::app::view::Scope;
use crate::case::{Hearing, HearingId, HearingKind, HearingTime, Party, PartyId};
use crate::config::{CaseRule, Config};
use crate::engine::library::filing::Derived;
use crate::engine::library::head::Head;
use crate::engine::library::kept::Kept;
use crate::engine::library::{FoundIn, Library};
use crate::engine::query::Filter;
use crate::engine::{Engine, Opening};
use crate::mail::address::Address;
use crate::mail::id::{CaseId, MailboxId};
use crate::register::event::CaseChange;
use crate::store::cache::{Cache, NewMessage};
use crate::store::flags::Flags;
use crate::store::profile::{Profile, Roots};
use crate::store::summary::Summary;
use crate::store::vault::{Cost, Vault};

fn create(home: &Path) {
    let profile = Profile::open(Roots::below(home)).unwrap();
    Vault::create_with(&profile.roots().vault_file(), b"otter", Cost::TEST).unwrap();
}

fn open(home: &Path, case: &str) -> Engine {
    opened(home, case, None)
}

/// With a screen, where there is somebody who takes the events.
fn opened(home: &Path, case: &str, events: Option<std::sync::mpsc::SyncSender<Event>>) -> Engine {
    let profile = Profile::open(Roots::below(home)).unwrap();
    let vault = Vault::open_with(&profile.roots().vault_file(), b"otter", Cost::TEST).unwrap();
    let rule = CaseRule { id: case.into(), title: "R v FERRET".into(), identifiers: vec!["T20269001".into()] };
    let config = Config { cases: vec![rule], ..Config::default() };
    Engine::open(Opening { vault_floor: Cost::TEST, events, ..Opening::new(profile, config, Some(vault)) }).unwrap()
}

/// Everything that lists say.
fn lists(home: &Path, case: &str) -> String {
    let engine = open(home, case);
    let mut threads = String::new();
    for scope in [Scope::All, Scope::Unfiled, Scope::Case(CaseId(case.into()))] {
        let rows = engine.threads(&scope).unwrap();
        for row in rows {
            threads += &format!("{row:?}\n{:?}\n", engine.thread(row.id).unwrap());
        }
    }
    let messages = engine.messages(&Filter::default()).unwrap();
    format!("{:?}\n{threads}\n{messages:?}", engine.cases().unwrap())
}

/// Numbers that look like chance and are always the same.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        u32::try_from(self.0 % u64::from(end)).unwrap()
    }
}

fn message(uid: u32, chance: &mut Chance) -> NewMessage {
    let subject = ["Weir", "Re: Weir", "Otter T20269001", "Re: Lantern", ""][chance.below(5) as usize];
    let identifiers =
        if subject.contains("T2026") { vec![(FoundIn::Subject, "T20269001".to_owned())] } else { Vec::new() };
    let references = (0..chance.below(3)).map(|_| format!("{}@x", chance.below(900))).collect();
    let summary = Summary {
        uid,
        flags: Flags::new(u8::try_from(chance.below(2)).unwrap(), Vec::new()),
        received: 1_760_000_000 + i64::from(chance.below(100_000)),
        message_id: format!("{}@x", chance.below(900)),
        references,
        from: vec![Address {
            name: format!("Person {}", chance.below(9)),
            addr: "h.lintwhite@copfs.gov.example".into(),
        }],
        subject: subject.into(),
        attachments: 1,
        derived: Derived { content: u64::from(chance.below(3)), identifiers, ..Derived::default() }.write(),
        ..Summary::default()
    };
    NewMessage { summary, raw: None }
}

/// A message that is a thread by itself.
fn alone(uid: u32, chance: &mut Chance) -> NewMessage {
    let mut new = message(uid, chance);
    new.summary.subject = format!("Weir {uid} {}", new.summary.subject);
    new.summary.message_id = format!("many{uid}@x");
    new.summary.references.clear();
    new
}

/// Changes the cache behind the back of the index, as a crash does that comes before the list is kept.
fn change(cache: &Cache, chance: &mut Chance) {
    let mailbox = |chance: &mut Chance| {
        let name = ["INBOX", "Sent", "Cases"][chance.below(3) as usize];
        cache.ensure_mailbox("work", name, 1).unwrap()
    };
    for _ in 0..6 {
        let id: MailboxId = mailbox(chance);
        let uids: Vec<u32> = (0..chance.below(40) + 1).map(|_| chance.below(900) + 1).collect();
        match chance.below(6) {
            0..=2 => {
                let messages = uids.iter().map(|uid| message(*uid, chance)).collect();
                cache.put_batch(id, messages, None).unwrap();
            }
            3 => {
                let flags: Vec<(u32, Flags)> = uids
                    .iter()
                    .map(|uid| {
                        (
                            *uid,
                            Flags::new(
                                [Flags::SEEN, Flags::DELETED, Flags::FLAGGED][chance.below(3) as usize],
                                Vec::new(),
                            ),
                        )
                    })
                    .collect();
                cache.set_flags(id, &flags, None).unwrap();
            }
            4 => cache.remove(id, &uids, None).unwrap(),
            _ => cache.update_summaries(id, uids.iter().map(|uid| message(*uid, chance).summary).collect()).unwrap(),
        }
    }
    if chance.below(4) == 0 {
        let id = mailbox(chance);
        cache.drop_mailbox(id).unwrap();
    }
}

#[test]
fn a_list_that_was_kept_is_what_is_read_anew_whatever_happened_since() {
    for seed in 1..4 {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().join("home");
        create(&home);
        let list = Roots::below(&home).cache.join("list");
        let mut chance = Chance(seed * 7919);
        for round in 0..4 {
            let engine = open(&home, "ferret");
            let stores = engine.core.ask_stores(|_, open| Arc::clone(&open.stores)).unwrap();
            change(&stores.cache, &mut chance);
            drop((stores, engine));
            let older = lists(&home, "ferret");
            assert!(list.exists());
            let kept = lists(&home, "ferret");
            let whole = std::fs::read(&list).unwrap();
            // Another configuration, and back.
            let other = lists(&home, "otter");
            std::fs::remove_file(&list).unwrap();
            let fresh = lists(&home, "ferret");
            assert_eq!(older, fresh, "seed {seed}, round {round}: a list older than the cache");
            assert_eq!(kept, fresh, "seed {seed}, round {round}: a list as old as the cache");
            std::fs::remove_file(&list).unwrap();
            assert_eq!(other, lists(&home, "otter"), "seed {seed}, round {round}: a list of another configuration");
            let mut spoilt = whole;
            let at = chance.below(u32::try_from(spoilt.len()).unwrap()) as usize;
            spoilt[at] ^= 1;
            std::fs::write(&list, &spoilt).unwrap();
            assert_eq!(lists(&home, "ferret"), fresh, "seed {seed}, round {round}: a damaged list");
        }
    }
}

/// Has the list read and kept.
fn keep(home: &Path) {
    open(home, "ferret").wait_loaded().unwrap();
}

/// The head of today.
fn head(engine: &Engine, waiting: u64) -> Option<Head> {
    head_of(engine, waiting).map(|(head, _)| head)
}

/// With whether it is that of the kept list.
fn head_of(engine: &Engine, waiting: u64) -> Option<(Head, bool)> {
    let stores = engine.core.ask_stores(|_, open| Arc::clone(&open.stores)).unwrap();
    let book = engine.core.ask(|core| (*core.settings.book).clone()).unwrap();
    let ids: Vec<MailboxId> = stores.cache.mailboxes().unwrap().iter().map(|mailbox| mailbox.id).collect();
    let pages = super::pages_of(&stores.cache, &ids).unwrap();
    let signs = super::signs(&stores, &pages, waiting).unwrap();
    super::head_of_today(&stores.cache, &stores.cache.kept_list().unwrap(), &book, signs)
}

fn scopes(case: &str) -> [Scope; 3] {
    [Scope::All, Scope::Unfiled, Scope::Case(CaseId(case.into()))]
}

#[test]
fn a_head_says_what_the_list_says_or_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("home");
    create(&home);
    let mut chance = Chance(7919);
    for round in 0..6 {
        let engine = open(&home, "ferret");
        let stores = engine.core.ask_stores(|_, open| Arc::clone(&open.stores)).unwrap();
        change(&stores.cache, &mut chance);
        // Many threads: more than a head holds.
        let id = stores.cache.ensure_mailbox("work", "Cases", 1).unwrap();
        stores.cache.put_batch(id, (2_000..2_400).map(|uid| alone(uid, &mut chance)).collect(), None).unwrap();
        drop((stores, engine));
        keep(&home);

        let engine = open(&home, "ferret");
        let (head, of_list) = head_of(&engine, 0).unwrap_or_else(|| panic!("round {round}: no head"));
        assert!(of_list || round > 0);
        assert!(super::tests::head(&engine, 1).is_none(), "another change waits");
        let now = jiff::Timestamp::UNIX_EPOCH;
        let cases = engine.core.ask_open(move |_, open| open.library.case_rows(now)).unwrap();
        assert_eq!(head.case_rows(now), cases, "round {round}");
        for scope in scopes("ferret") {
            let (first, all) = (head.thread_list(&scope).unwrap(), engine.threads(&scope).unwrap());
            assert_eq!(first.to_rows(), all[..first.len()], "round {round}, {scope:?}");
            assert_eq!(first.len() + first.behind(), all.len(), "round {round}, {scope:?}");
        }
        assert!(head.thread_list(&Scope::All).unwrap().behind() > 0);
        // What lists show of it says the same of every row, before the rest is read.
        let stores = engine.core.ask_stores(|_, open| Arc::clone(&open.stores)).unwrap();
        let (list, mut head) = (stores.cache.kept_list().unwrap(), head);
        head.complete(Kept::open(&list).unwrap().shown().unwrap());
        for scope in scopes("ferret").into_iter().filter(|_| of_list) {
            let (whole, all) = (head.thread_list(&scope).unwrap(), engine.threads(&scope).unwrap());
            assert_eq!((whole.to_rows(), whole.behind()), (all, 0), "round {round}, {scope:?}");
        }
        assert!(head.thread_list(&Scope::Mailbox { account: "work".into(), mailbox: "Cases".into() }).is_none());
        drop((stores, engine));
        let engine = open(&home, "otter");
        assert!(super::tests::head(&engine, 0).is_none(), "a head of another configuration");
        let stores = engine.core.ask_stores(|_, open| Arc::clone(&open.stores)).unwrap();
        stores.cache.set_flags(id, &[(2_000 + round, Flags::new(Flags::FLAGGED, Vec::new()))], None).unwrap();
        drop((stores, engine));
        assert!(super::tests::head(&open(&home, "ferret"), 0).is_none(), "round {round}: a head older than the cache");
    }
}

/// Makes a profile whose INBOX has messages.
fn filled(home: &Path, messages: Vec<NewMessage>) -> MailboxId {
    create(home);
    let engine = open(home, "ferret");
    let stores = engine.core.ask_stores(|_, open| Arc::clone(&open.stores)).unwrap();
    let id = stores.cache.ensure_mailbox("work", "INBOX", 1).unwrap();
    stores.cache.put_batch(id, messages, None).unwrap();
    id
}

/// A profile whose list was kept, and then 20 messages changed in the cache; with the bytes of the list.
fn changed_a_little(home: &Path) -> Vec<u8> {
    let mut chance = Chance(11);
    let id = filled(home, (1..900).map(|uid| alone(uid, &mut chance)).collect());
    keep(home);
    let engine = open(home, "ferret");
    let stores = engine.core.ask_stores(|_, open| Arc::clone(&open.stores)).unwrap();
    stores.cache.put_batch(id, (900..920).map(|uid| alone(uid, &mut chance)).collect(), None).unwrap();
    assert!(head(&engine, 0).is_none(), "the list is older");
    drop((stores, engine));
    std::fs::read(Roots::below(home).cache.join("list")).unwrap()
}

#[test]
fn a_command_that_meets_a_little_news_keeps_the_head_and_leaves_the_list() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("home");
    let list = changed_a_little(&home);
    let rows = lists(&home, "ferret");
    let place = Roots::below(&home).cache;
    assert!(std::fs::read(place.join("list")).unwrap() == list);
    assert!(head(&open(&home, "ferret"), 0).is_some());
    assert_eq!(lists(&home, "ferret"), rows);
    // Another configuration files everything anew: that is kept in whole.
    lists(&home, "otter");
    assert!(std::fs::read(place.join("list")).unwrap() != list);
    assert!(
        head_of(&open(&home, "ferret"), 0).is_some_and(|(_, of_list)| !of_list),
        "that of before is as true as it was"
    );
    lists(&home, "ferret");
    // A head that was damaged, or is the list under another name, is none.
    let engine = open(&home, "ferret");
    let stores = engine.core.ask_stores(|_, open| Arc::clone(&open.stores)).unwrap();
    let id = stores.cache.ensure_mailbox("work", "INBOX", 1).unwrap();
    stores.cache.set_flags(id, &[(7, Flags::new(Flags::FLAGGED, Vec::new()))], None).unwrap();
    drop((stores, engine));
    keep(&home);
    let kept = std::fs::read(place.join("head")).unwrap();
    assert!(head(&open(&home, "ferret"), 0).is_some());
    let mut spoilt = kept.clone();
    spoilt[kept.len() / 2] ^= 1;
    for bytes in [spoilt, kept[..kept.len() - 5].to_vec(), std::fs::read(place.join("list")).unwrap()] {
        std::fs::write(place.join("head"), bytes).unwrap();
        assert!(head(&open(&home, "ferret"), 0).is_none());
    }
}

/// The first rows do not wait for the register: its cases are in the head, which is none as soon as the register says something else.
#[test]
fn what_the_register_says_is_in_the_head() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("home");
    let mut chance = Chance(17);
    filled(&home, (1..300).map(|uid| message(uid, &mut chance)).collect());
    let engine = open(&home, "ferret");
    let case = CaseId("ferret".into());
    let party = Party { name: "Humphrey Lintwhite".into(), id: PartyId("p1".into()), ..Party::default() };
    let at = HearingTime { date: jiff::civil::date(2026, 5, 4), time: None };
    let hearing = Hearing {
        id: HearingId("h1".into()),
        kind: HearingKind::Trial,
        court: "Ambleford".into(),
        at,
        outcome: String::new(),
    };
    let changes = vec![CaseChange::Party(party), CaseChange::Hearing(hearing)];
    engine.change_case(&case, changes).unwrap();
    drop(engine);

    let now = "2026-03-02T09:00:00Z".parse().unwrap();
    let rows = |engine: &Engine| engine.core.ask_open(move |_, open| open.library.case_rows(now)).unwrap();
    let engine = open(&home, "ferret");
    let shown = head(&engine, 0).unwrap().case_rows(now);
    assert_eq!(shown, rows(&engine));
    let row = shown.iter().find(|row| row.scope == Scope::Case(case.clone())).unwrap();
    let list = std::fs::read(Roots::below(&home).cache.join("list")).unwrap();
    assert_eq!((row.people[0].as_str(), row.next_hearing.is_some()), ("Humphrey Lintwhite", true));

    // A note is not shown by any list, and yet the register is another one until the head is kept again; the list stays the one of today.
    engine.change_case(&case, vec![CaseChange::Noted { text: "Listed at last.".into() }]).unwrap();
    assert!(head(&engine, 0).is_none());
    drop(engine);
    assert!(std::fs::read(Roots::below(&home).cache.join("list")).unwrap() == list);
    let engine = open(&home, "ferret");
    let (shown, of_today) = head_of(&engine, 0).unwrap();
    assert!(of_today);
    assert_eq!(shown.case_rows(now), rows(&engine));
}

#[test]
fn a_screen_keeps_the_head_when_it_is_calm_for_whoever_is_killed() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("home");
    let list = changed_a_little(&home);
    let (tx, events) = std::sync::mpsc::sync_channel(64);
    let engine = opened(&home, "ferret", Some(tx));
    let drain = std::thread::spawn(move || events.into_iter().for_each(drop));
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while head(&engine, 0).is_none() {
        assert!(std::time::Instant::now() < deadline, "no head was kept");
        std::thread::yield_now();
    }
    // As a kill would leave it: the list of before, and a head of today.
    assert!(std::fs::read(Roots::below(&home).cache.join("list")).unwrap() == list);
    let rows = engine.threads(&Scope::All).unwrap();
    let first = head(&engine, 0).unwrap().thread_list(&Scope::All).unwrap();
    assert_eq!((first.to_rows().as_slice(), first.behind()), (&rows[..256], rows.len() - 256));
    drop(engine);
    drain.join().unwrap();
}

#[test]
fn while_the_list_is_read_its_head_answers_and_all_else_waits() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("home");
    let mut chance = Chance(3);
    filled(&home, (1..400).map(|uid| alone(uid, &mut chance)).collect());
    keep(&home);

    let engine = open(&home, "ferret");
    let head = head(&engine, 0).unwrap();
    let all = engine.threads(&Scope::All).unwrap();
    let first = all[0].id;
    let threads = |engine: &Engine| {
        let events = engine.announcer.drain().into_iter().filter_map(|event| match event {
            Event::Threads(scope, rows) => Some(format!("{scope:?} {} {}", rows.len(), rows.behind())),
            Event::Cases(rows) => Some(format!("{} messages", rows[0].messages)),
            Event::Thread(id, view) => Some(format!("{id} {}", view.is_some())),
            _ => None,
        });
        events.collect::<Vec<_>>()
    };
    drop(threads(&engine));
    let mailbox = Scope::Mailbox { account: "work".into(), mailbox: "INBOX".into() };
    let wanted = [
        Effect::ListCases,
        Effect::ListThreads(mailbox.clone()),
        Effect::OpenThread(first, Scope::All),
        Effect::ListThreads(Scope::All),
    ];
    engine
        .core
        .ask_stores(move |core, open| {
            // As it is while the list is read: two were asked before the head was there.
            open.deferred = Some(Vec::new());
            let mut wanted = wanted.into_iter();
            wanted.by_ref().take(2).for_each(|effect| core.perform_open(open, effect));
            core.show_head(open, head);
            wanted.for_each(|effect| core.perform_open(open, effect));
        })
        .unwrap();
    assert_eq!(threads(&engine), ["399 messages", "All 256 143"]);
    engine
        .core
        .ask_stores(|core, open| {
            let list = open.stores.cache.kept_list().unwrap();
            let shown = Kept::open(&list).unwrap().shown().unwrap();
            core.show_whole(open, shown);
        })
        .unwrap();
    assert_eq!(threads(&engine), ["All 399 0"], "the lists that were asked for, in whole");
    engine.core.ask_stores(|core, open| core.perform_deferred(open)).unwrap();
    assert_eq!(threads(&engine), [format!("{mailbox:?} 399 0"), format!("{first} true"), "All 399 0".into()]);
    engine.submit(Effect::ListThreads(Scope::All));
    engine.core.ask_stores(|_, open| assert!(open.head.is_none())).unwrap();
    assert_eq!(threads(&engine), ["All 399 0"]);
}

#[test]
fn a_list_that_is_cut_anywhere_is_no_list() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("home");
    create(&home);
    let list = Roots::below(&home).cache.join("list");
    let mut chance = Chance(5);
    let engine = open(&home, "ferret");
    let stores = engine.core.ask_stores(|_, open| Arc::clone(&open.stores)).unwrap();
    (0..5).for_each(|_| change(&stores.cache, &mut chance));
    let book = engine.core.ask(|core| (*core.settings.book).clone()).unwrap();
    drop((stores, engine));
    keep(&home);
    let whole = std::fs::read(&list).unwrap();
    let engine = open(&home, "ferret");
    let stores = engine.core.ask_stores(|_, open| Arc::clone(&open.stores)).unwrap();
    let reads = |bytes: &[u8]| {
        std::fs::write(&list, bytes).unwrap();
        let read = |list| Library::from_kept(book.clone(), &list).is_some() && head(&engine, 0).is_some();
        stores.cache.kept_list().is_some_and(read)
    };
    assert!(reads(&whole));
    for end in (0..whole.len()).step_by(97) {
        assert!(!reads(&whole[..end]), "cut at {end}");
    }
    for at in (0..whole.len()).step_by(131) {
        let mut spoilt = whole.clone();
        spoilt[at] ^= 0x40;
        assert!(!reads(&spoilt), "damaged at {at}");
    }
}
