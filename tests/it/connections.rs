//! Several accounts at once, each with its own trouble, and what the screen of connections is told of them.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;

use casemail::app::effect::Effect;
use casemail::app::event::Event;
use casemail::app::view::{ConnectionRow, Doing, Link};
use casemail::config::{Account, Security};

use crate::engine::{Screen, World, eml, eventually};
use crate::support::home::Home;

/// A second account on a server that takes connections and never says a word. The listener lives as long as the test.
fn with_a_black_hole(world: &mut World) -> TcpListener {
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let work: Account = world.config.accounts[0].clone();
    let mut court = Account { name: "court".to_owned(), ..work };
    court.imap.port = silent.local_addr().unwrap().port();
    court.imap.security = Security::Tls;
    // First in the file, so that whoever goes through the accounts one after the other meets it first.
    world.config.accounts.insert(0, court);
    silent
}

fn connections(screen: &Screen) -> Arc<[ConnectionRow]> {
    screen.engine.submit(Effect::ListConnections);
    screen.event(|event| match event {
        Event::Connections(rows) => Some(rows),
        _ => None,
    })
}

fn row<'a>(rows: &'a [ConnectionRow], account: &str, mailbox: Option<&str>) -> &'a ConnectionRow {
    rows.iter()
        .find(|row| row.account.as_str() == account && row.mailbox.as_ref().map(|name| name.as_str()) == mailbox)
        .unwrap_or_else(|| panic!("no row {account} {mailbox:?}: {rows:#?}"))
}

/// Waits until the account's connection is in a state.
fn until(screen: &Screen, account: &str, wanted: impl Fn(&ConnectionRow) -> bool) -> Arc<[ConnectionRow]> {
    eventually(|| {
        let rows = connections(screen);
        wanted(row(&rows, account, None)).then_some(rows)
    })
}

#[test]
fn an_account_that_is_down_does_not_hold_up_another() {
    let Some(mut world) = World::start() else { return };
    let _silent = with_a_black_hole(&mut world);
    world.dovecot.fill("quill", "INBOX", (0..40).map(|n| eml(&n.to_string(), "The weir", "", "Otters.")));
    let screen = world.screen();
    let rows = until(&screen, "work", |row| row.doing == Doing::Link(Link::Watching { live: true }));
    // The other one is still waiting for the first byte: nobody waited with it.
    assert_eq!(row(&rows, "court", None).doing, Doing::Link(Link::Connecting));
    let inbox = row(&rows, "work", Some("INBOX"));
    assert_eq!((&inbox.doing, inbox.messages), (&Doing::UpToDate, 40));
    assert!(
        inbox.last_success.is_some() && inbox.traffic.bytes_in > 10_000 && inbox.traffic.round_trips > 0,
        "{inbox:?}"
    );
    let work = row(&rows, "work", None);
    assert!(work.traffic.bytes_in >= inbox.traffic.bytes_in && work.traffic.bytes_out > 0, "{work:?}");
    assert!(row(&rows, "court", None).last_success.is_none());
}

#[test]
fn each_account_goes_offline_and_comes_back_by_itself() {
    let Some(world) = World::start() else { return };
    let screen = world.screen();
    until(&screen, "work", |row| row.doing == Doing::Link(Link::Watching { live: true }));
    screen.engine.submit(Effect::AccountOnline("work".to_owned(), false));
    let rows = until(&screen, "work", |row| matches!(row.doing, Doing::Link(Link::Offline { retry: None, .. })));
    assert!(row(&rows, "work", None).chosen_offline);
    assert_eq!(row(&rows, "work", Some("INBOX")).doing, Doing::Waiting);
    // "Try again now" says that one wants it back.
    screen.engine.submit(Effect::SyncAccount("work".to_owned()));
    let rows = until(&screen, "work", |row| row.doing == Doing::Link(Link::Watching { live: true }));
    assert!(!row(&rows, "work", None).chosen_offline);
    screen.engine.submit(Effect::GoOnline(false));
    until(&screen, "work", |row| row.chosen_offline && matches!(row.doing, Doing::Link(Link::Offline { .. })));
    screen.engine.submit(Effect::GoOnline(true));
    until(&screen, "work", |row| !row.chosen_offline && row.doing == Doing::Link(Link::Watching { live: true }));
}

#[test]
fn a_pass_over_all_accounts_keeps_what_could_be_had() {
    let Some(world) = World::start() else { return };
    world.dovecot.fill("quill", "INBOX", (0..7).map(|n| eml(&n.to_string(), "The weir", "", "Otters.")));
    let home = Home::new();
    let endpoint = |port| casemail::net::Endpoint { port, ..world.dovecot.tls() };
    let text = home.config(&endpoint(1), &endpoint(1), &world.dovecot.ca_file(), "");
    let (before, account) = text.split_once("[[account]]").unwrap();
    let second = home.config(&world.dovecot.tls(), &endpoint(1), &world.dovecot.ca_file(), "");
    let second = second.split_once("[[account]]").unwrap().1;
    home.configure(&format!("{before}[[account]]{}[[account]]{second}", account.replace("\"work\"", "\"court\"")));
    let ran = home.run(&["sync", "--json"], b"");
    assert_eq!(ran.code, 69, "{ran:?}");
    assert!(ran.err.contains("court: no connection"), "{ran:?}");
    let document: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let accounts = document["accounts"].as_array().unwrap();
    assert_eq!((&accounts[0]["name"], &accounts[1]["name"]), (&"court".into(), &"work".into()));
    assert!(accounts[0]["error"].as_str().unwrap().contains("no connection"), "{document}");
    assert!(accounts[1]["error"].is_null() && accounts[1]["round_trips"].as_u64() > Some(2), "{document}");
    let mailboxes = document["mailboxes"].as_array().unwrap();
    let inbox = mailboxes.iter().find(|one| one["name"] == "INBOX").unwrap();
    assert_eq!((&inbox["account"], &inbox["new"]), (&"work".into(), &7.into()));
    for key in ["bytes_in", "bytes_out", "round_trips", "seconds", "changed", "vanished"] {
        assert!(inbox[key].is_number(), "{key}: {inbox}");
    }
}
