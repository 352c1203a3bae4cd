//! A message that goes into quarantine where only one mailbox has its text, which the server does not list any more.

use super::{World, at, eml, fetched};
use crate::case::document::{Document, Reach};
use crate::imap::{MailboxInfo, Pass, Position, Sink};
use crate::mail::id::MessageRef;
use crate::store::mailbox::SpecialUse;

#[test]
fn the_last_copy_is_sealed_before_it_is_let_go_of() {
    let world = World::new();
    let running = world.open();
    let sink = running.sink();
    let mail = || fetched(1, eml(1, "schedules", "", "See below."));
    let info = |name: &str, special_use| MailboxInfo {
        name: name.into(),
        delimiter: Some('/'),
        special_use,
        subscribed: true,
        mailbox_id: None,
    };
    running
        .engine
        .block_on(async {
            sink.mailboxes(vec![info("INBOX", Some(SpecialUse::Inbox)), info("Papers", None)]).await?;
            for name in ["INBOX", "Papers"] {
                sink.begin(&at(name, 7), false).await?;
                sink.batch(&at(name, 7), vec![mail()]).await?;
                let position = Position { uid_next: Some(2), highest_modseq: None, exists: 1 };
                sink.done(&at(name, 7), position, &Pass::default()).await?;
            }
            Ok::<_, crate::imap::Stop>(())
        })
        .unwrap()
        .unwrap();
    running.engine.core.flush_back();
    // The text in INBOX was let go of, and the server does not list the other mailbox any more: what is here of it is all there is.
    let purge = crate::engine::Purge { mailboxes: vec!["work/INBOX".into()], ..crate::engine::Purge::default() };
    assert_eq!(running.engine.purge_cache(&purge).unwrap().messages, 1);
    running.engine.block_on(async { sink.unlisted("Papers", "and refuses to tell of it").await.unwrap() }).unwrap();
    running.engine.core.flush_back();
    let document = Document {
        message: Some(MessageRef { account: "work".into(), mailbox: "INBOX".into(), uid_validity: 7, uid: 1 }),
        message_id: "1@copfs.gov.example".into(),
        path: "1".into(),
        reach: Reach::Watched,
        ..Document::named("MG6D Otter.pdf", "application/pdf", 4, format!("{:064x}", 7))
    };
    let held = running.engine.core.ask_open(move |core, open| {
        core.quarantine(open, None, &[document], "possible mis-service", false).unwrap();
        let papers = open.library.mailboxes().find(|mailbox| mailbox.name == "Papers").unwrap().id;
        let key = open.library.keys_by_date().into_iter().find(|key| key.mailbox == papers).unwrap();
        (open.stores.cache.raw(key).unwrap().is_some(), open.stores.raw(key).unwrap().is_some())
    });
    assert_eq!(held.unwrap(), (false, true), "out of the cache, under its own key");
}
