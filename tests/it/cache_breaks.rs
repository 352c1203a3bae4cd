//! The files of the cache are damaged under a running engine: it is moved aside and made anew while the user goes on, and everything comes back
//! from the server. What the server does not have is not in it, and stays.

use std::collections::BTreeSet;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use casemail::app::effect::Effect;
use casemail::app::event::Event;
use casemail::app::view::Scope;
use casemail::engine::query::Filter;
use casemail::engine::{Engine, Network, Opening};
use casemail::store::cache::CacheOptions;

use crate::engine::{PATIENCE, Screen, World};

const MESSAGES: usize = 600;

fn mail(n: usize) -> Vec<u8> {
    // Headers that do not compress make rows that do not all stay in memory.
    let mut seed = n as u64 + 1;
    let mut word = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        format!("{:016x}", seed)
    };
    let references: Vec<String> = (0..40).map(|_| format!("<{}{}@weir.example>", word(), word())).collect();
    format!(
        "From: Wren <wren@copfs.gov.example>\r\nTo: Quill <quill@quillpounce.example>\r\nSubject: No. {n} {}\r\n\
         Message-ID: <m{n}@copfs.gov.example>\r\nReferences: {}\r\nDate: Fri, 17 Jul 2026 10:00:00 +0100\r\n\r\nBy the weir, {n}.\r\n",
        word(),
        references.join("\r\n ")
    )
    .into_bytes()
}

fn subjects(engine: &Engine) -> BTreeSet<String> {
    let listing = engine.messages(&Filter::default()).unwrap();
    listing.messages.into_iter().map(|m| m.subject.split(' ').take(2).collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn a_cache_that_is_damaged_under_a_running_engine_is_made_anew() {
    let Some(world) = World::start() else { return };
    world.dovecot.fill("quill", "INBOX", (1..=MESSAGES).map(mail));
    let (tx, events) = sync_channel(8);
    let cache = CacheOptions { memory_bytes: 256 << 10, ..CacheOptions::default() };
    let engine = Engine::open(Opening { events: Some(tx), network: Network::Watch, cache, ..world.opening() }).unwrap();
    let screen = Screen { engine, events };
    screen.watching();
    let all: BTreeSet<String> = (1..=MESSAGES).map(|n| format!("No. {n}")).collect();
    assert_eq!(subjects(&screen.engine), all);

    // Everything that sled has written is overwritten, under its hands.
    let file = world.dir.path().join("home/cache/mail/db");
    let length = std::fs::metadata(&file).unwrap().len();
    let mut db = std::fs::OpenOptions::new().write(true).open(&file).unwrap();
    db.seek(SeekFrom::Start(0)).unwrap();
    db.write_all(&vec![0xa5; usize::try_from(length).unwrap()]).unwrap();
    db.sync_all().unwrap();

    // The user goes on: opens messages, old and new, until one of them has to be read from the disk.
    let ids: Vec<_> = screen.engine.messages(&Filter::default()).unwrap().messages.into_iter().map(|m| m.id).collect();
    let mut told = None;
    let until = Instant::now() + PATIENCE;
    for id in ids.iter().cycle() {
        screen.engine.submit(Effect::OpenMessage(id.clone()));
        let end = Instant::now() + Duration::from_millis(20);
        while let Ok(event) = screen.events.recv_timeout(end.saturating_duration_since(Instant::now())) {
            if let Event::Notice(notice) = event
                && notice.text.as_str().contains("made anew")
            {
                told = Some(notice.text.as_str().to_owned());
            }
        }
        if told.is_some() {
            break;
        }
        assert!(Instant::now() < until, "the damage was not noticed");
    }
    let told = told.unwrap();
    assert!(told.contains("cache.corrupt-") && told.contains("nothing that waits to be sent is touched"), "{told}");
    // It was never locked, lists are answered, and everything comes back by itself.
    screen.engine.submit(Effect::ListThreads(Scope::All));
    screen.event(|event| match event {
        Event::Threads(Scope::All, _) => Some(()),
        Event::Locked => panic!("it locked itself"),
        _ => None,
    });
    screen.watching();
    assert_eq!(subjects(&screen.engine), all);
    let aside = std::fs::read_dir(world.dir.path().join("home/cache")).unwrap().flatten();
    assert_eq!(aside.filter(|entry| entry.file_name().to_string_lossy().starts_with("cache.corrupt-")).count(), 1);
    screen.engine.close();
    // The new one is good.
    let engine = world.command();
    assert_eq!(subjects(&engine), all);
    engine.close();
}
