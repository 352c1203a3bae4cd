//! What a pass tells when the connection that leads is gone already.

use super::World;
use crate::app::view::Link as Shown;
use crate::imap::{Link, Sink};
use crate::net::Culprit;

#[test]
fn a_pass_that_lets_go_late_does_not_say_that_the_account_is_connected() {
    let world = World::new();
    let running = world.open();
    let sink = running.sink();
    let syncing = |done| Link::Syncing { mailbox: "Otter".to_owned(), done, total: 90, bytes_done: 0, bytes_known: 0 };
    let shown = || running.engine.core.ask_open(|_, open| open.accounts["work"].status.link.clone()).unwrap();
    for gone in
        [Link::Offline, Link::Waiting { why: "no answer".to_owned(), culprit: Culprit::Network, retry_in: None }]
    {
        sink.link(Link::Connecting);
        sink.link(syncing(10));
        assert!(matches!(shown(), Shown::Syncing { done: 10, .. }));
        sink.link(gone);
        sink.link(syncing(20));
        sink.passed("Otter");
        assert!(matches!(shown(), Shown::Offline { .. }), "{:?}", shown());
    }
}
