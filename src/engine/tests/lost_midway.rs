//! A message that is found to be lost while its mailbox is compared with the server.

use super::{World, at, eml, fetched};
use crate::imap::{Pass, Position, Sink};

#[test]
fn what_is_lost_during_a_pass_is_compared_by_the_next_one() {
    let world = World::new();
    let running = world.open();
    running.feed(7, (1..=3).map(|uid| fetched(uid, eml(uid, "schedules", "", "See below."))).collect());
    let inbox = at("INBOX", 7);
    let position = Position { uid_next: Some(4), highest_modseq: Some(9), exists: 3 };
    let pass = |breaks: bool| {
        let sink = running.sink();
        let held = || running.engine.block_on(async { sink.held("INBOX").await }).unwrap().unwrap().unwrap();
        held();
        running.engine.block_on(async { sink.begin(&inbox, false).await }).unwrap().unwrap();
        if breaks {
            let packs = world.dir.path().join("home/cache/packs");
            let mut broken = 0;
            for pack in std::fs::read_dir(&packs).unwrap().flatten() {
                let length = usize::try_from(pack.metadata().unwrap().len()).unwrap();
                std::fs::write(pack.path(), vec![0; length]).unwrap();
                broken += 1;
            }
            assert!(broken > 0, "{packs:?}");
            let key = running.engine.core.ask_open(|_, open| open.library.keys_by_date()[0]).unwrap();
            let raw = running.engine.core.ask_open(move |_, open| open.stores.cache.raw(key).unwrap()).unwrap();
            assert!(raw.is_none());
        }
        running.engine.block_on(async { sink.done(&inbox, position, &Pass::default()).await }).unwrap().unwrap();
        held().position
    };
    assert_eq!(pass(false), position);
    assert_eq!((pass(true).uid_next, pass(false).uid_next), (None, Some(4)));
}
