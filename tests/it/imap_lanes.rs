//! Several mailboxes of one account at once: one that hangs holds up none of the others, and what goes wrong on a connection beside is not the account's.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use casemail::imap::{AccountSetup, Link, spawn};
use tokio::sync::watch;

use crate::imap::account;
use crate::support::dovecot::Dovecot;
use crate::support::memory::{Kept, Memory, State};
use crate::support::scripted_imap::{Act, Asked, GREETING, Inbox, ScriptedImap};

/// The connections of an account that syncs over one only: the one that leads, and the one that attends.
const USUAL: usize = 2;

/// Messages in each mailbox, so that together they are many.
const MESSAGES: u32 = 201;

/// A server with these mailboxes beside INBOX, of the same messages. The script is told which one is open.
pub(crate) async fn several(
    mailboxes: &'static [&'static str],
    inbox: Inbox,
    script: impl Fn(&Asked<'_>, &str) -> Option<Act> + Send + Sync + 'static,
) -> ScriptedImap {
    let open = Mutex::new(HashMap::new());
    ScriptedImap::start(GREETING, inbox, None, move |asked| {
        let mailbox = {
            let mut open = open.lock().unwrap();
            if let Some(rest) = asked.command.strip_prefix("SELECT \"") {
                open.insert(asked.connection, rest.split('"').next().unwrap().to_owned());
            }
            open.get(&asked.connection).cloned().unwrap_or_default()
        };
        script(asked, &mailbox).or_else(|| {
            let (mut says, mut good) = (String::new(), asked.good);
            while let Some((line, rest)) = good.split_once("\r\n") {
                good = rest;
                says += &format!("{line}\r\n");
                if line.contains(" INBOX") {
                    for (n, name) in mailboxes.iter().enumerate() {
                        says += &format!("{}\r\n", line.replace("INBOX", name).replace("(F1)", &format!("(G{n})")));
                    }
                }
            }
            asked.command.starts_with("LIST").then(|| Act::Say(says.into_bytes()))
        })
    })
    .await
}

fn whole(state: &State, mailbox: &str) -> usize {
    state.mailboxes.get(mailbox).map_or(0, Kept::whole)
}

fn are_whole(state: &State, mailboxes: &[&str], messages: u32) -> bool {
    mailboxes.iter().all(|name| whole(state, name) == messages as usize)
}

fn is_live(state: &State) -> bool {
    state.link() == Some(&Link::Online { live: true })
}

fn is_well(state: &State) -> bool {
    state.refused.is_empty() && !state.links.iter().any(|link| matches!(link, Link::Waiting { .. }))
}

/// Everything came, and nothing twice.
#[track_caller]
fn each_once(state: &State, mailboxes: &[&str], messages: u32) {
    for name in mailboxes {
        let mut uids = state.mailboxes[*name].whole_order.clone();
        uids.sort_unstable();
        assert!(uids.into_iter().eq(1..=messages), "{name}: {:?}", state.mailboxes[*name].whole_order);
    }
}

/// More messages come into all mailboxes.
fn grow(server: &ScriptedImap, messages: u32) {
    *server.inbox.lock().unwrap() = Inbox::extended(messages);
}

/// It waits for nothing: where a mailbox is at hand and others wait, that is long.
fn impatient(server: &ScriptedImap) -> AccountSetup {
    let mut setup = server.setup();
    setup.times.patience = Duration::ZERO;
    setup
}

#[tokio::test]
async fn a_mailbox_that_hangs_holds_up_no_other() {
    let server = several(&["Archive", "B", "C", "D"], Inbox::of(5), |asked, mailbox| {
        (mailbox == "Archive" && asked.command.starts_with("SELECT")).then_some(Act::Silence)
    })
    .await;
    let mut setup = impatient(&server);
    setup.times.silence = Duration::from_secs(600);
    let sink = Arc::new(Memory::default());
    let handle = spawn(setup, Arc::clone(&sink));
    let others = ["INBOX", "B", "C", "D"];
    sink.until("the others", |state| are_whole(state, &others, 5)).await;
    sink.look(|state| {
        assert!(is_well(state), "{:?}; {:?}", state.links, state.refused);
        each_once(state, &others, 5);
    });
    assert_eq!(server.connections(), USUAL + 1);
    handle.end();
}

/// What changes while a mailbox hangs is told to whoever has nothing to do.
#[tokio::test]
async fn new_mail_comes_while_a_mailbox_hangs() {
    let told = Arc::new(watch::Sender::new(false));
    let tell = Arc::clone(&told);
    let server = several(&["Archive", "B"], Inbox::of(5), move |asked, mailbox| {
        // The waiting begins anew for each request.
        let exists = asked.command == "IDLE" && *tell.borrow();
        match mailbox {
            "Archive" if asked.command.starts_with("SELECT") => Some(Act::Silence),
            "INBOX" if exists && !tell.send_replace(false) => None,
            "INBOX" if exists => Some(Act::Say(b"+ idling\r\n* 6 EXISTS\r\n".to_vec())),
            _ => None,
        }
    })
    .await;
    let mut setup = impatient(&server);
    setup.times.silence = Duration::from_secs(600);
    setup.times.idle = Duration::from_millis(50);
    let sink = Arc::new(Memory::default());
    let handle = spawn(setup, Arc::clone(&sink));
    sink.until("the others", |state| are_whole(state, &["INBOX", "B"], 5)).await;
    *server.inbox.lock().unwrap() = Inbox::of(6);
    told.send_replace(true);
    sink.until("new mail", |state| whole(state, "INBOX") == 6).await;
    assert!(sink.look(is_well));
    handle.end();
}

/// A mailbox at which the server hangs is the leading connection's to close in on, whichever met it first.
#[tokio::test]
async fn a_mailbox_that_hangs_is_passed_over_in_the_end() {
    let mailboxes = ["INBOX", "B", "C"];
    let server = several(&["Archive", "B", "C"], Inbox::extended(MESSAGES), |asked, mailbox| {
        (mailbox == "Archive" && asked.command.starts_with("SELECT")).then_some(Act::Silence)
    })
    .await;
    let mut setup = impatient(&server);
    setup.times.silence = Duration::from_millis(300);
    let sink = Arc::new(Memory::default());
    let handle = spawn(setup, Arc::clone(&sink));
    sink.until("the others", |state| {
        are_whole(state, &mailboxes, MESSAGES)
            && matches!(state.link(), Some(Link::Online { .. }))
            && matches!(&state.refused[..], [.., (name, why)] if name == "Archive" && why.contains("passed over"))
    })
    .await;
    sink.look(|state| each_once(state, &mailboxes, MESSAGES));
    handle.end();
}

/// A server that gives no third connection, in each of these ways, is asked once in a round; all comes over the one that leads, and nobody is bothered.
#[tokio::test]
async fn a_server_that_gives_no_further_connection_is_not_pressed() {
    for (what, refusal, again) in [
        ("a limit", "{tag} NO [LIMIT] too many connections\r\n", true),
        ("goodbye", "* BYE too many connections\r\n", true),
        ("hung up", "", true),
        ("a refused password", "{tag} NO [AUTHENTICATIONFAILED] no\r\n", false),
    ] {
        let attempts = Arc::new(watch::Sender::new(0));
        let count = Arc::clone(&attempts);
        let server = several(&["A", "B"], Inbox::extended(1), move |asked, _| {
            (asked.connection >= USUAL && asked.command.starts_with("AUTHENTICATE")).then(|| {
                count.send_modify(|attempts| *attempts += 1);
                Act::SayAndClose(refusal.replace("{tag}", asked.tag).into_bytes())
            })
        })
        .await;
        let mut setup = server.setup();
        setup.times.poll = Duration::from_secs(3_600);
        let sink = Arc::new(Memory::default());
        let handle = spawn(setup, Arc::clone(&sink));
        sink.until(what, is_live).await;
        for round in 1..=2 {
            let messages = round * MESSAGES;
            grow(&server, messages);
            handle.sync_now();
            let mailboxes = ["INBOX", "A", "B"];
            sink.until(what, |state| are_whole(state, &mailboxes, messages) && is_live(state)).await;
            sink.look(|state| {
                assert!(is_well(state), "{what}: {:?}; {:?}", state.links, state.refused);
                each_once(state, &mailboxes, messages);
            });
            // That a sync is wanted is no reason to send a refused password again: the program wants it by itself as well.
            let expected = if again { round } else { 1 };
            let mut counted = attempts.subscribe();
            let asked =
                tokio::time::timeout(Duration::from_secs(20), counted.wait_for(|attempts| *attempts >= expected));
            assert!(asked.await.is_ok(), "{what}: it is not asked at all");
            assert_eq!(*attempts.borrow(), expected, "{what}");
        }
        handle.end();
    }
}

/// The server ends the session at one message of each mailbox but INBOX, at which the leading connection hangs meanwhile: one beside meets it.
#[tokio::test]
async fn a_message_at_which_a_session_beside_ends_costs_itself_only() {
    const BAD: u32 = 100;
    let beside = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&beside);
    // Whoever leads lists.
    let leading = Mutex::new(HashSet::new());
    let server = several(&["A", "B"], Inbox::extended(1), move |asked, mailbox| {
        if asked.command.starts_with("LIST") {
            leading.lock().unwrap().insert(asked.connection);
        }
        let is_bad = ["A", "B"].contains(&mailbox)
            && asked.command.contains("BODY.PEEK[]")
            && asked.good.contains(&format!("(UID {BAD} "));
        if asked.connection == 0 && mailbox == "INBOX" && asked.good.contains(&format!("(UID {BAD} ")) {
            return Some(Act::Silence);
        }
        is_bad.then(|| {
            count.fetch_add(usize::from(!leading.lock().unwrap().contains(&asked.connection)), SeqCst);
            let before = &asked.good[..asked.good.find(&format!("* {BAD} FETCH")).unwrap()];
            Act::SayAndClose([before.as_bytes(), b"* BYE FETCH failed: it is broken\r\n"].concat())
        })
    })
    .await;
    let sink = Arc::new(Memory::default());
    let handle = spawn(server.setup(), Arc::clone(&sink));
    sink.until("a first sync", is_live).await;
    grow(&server, MESSAGES);
    handle.sync_now();
    sink.until("all but the bad ones", |state| {
        let is_closed_in_on =
            |name| whole(state, name) == MESSAGES as usize - 1 && state.mailboxes[name].unfetchable() == [BAD];
        are_whole(state, &["INBOX"], MESSAGES)
            && ["A", "B"].into_iter().all(is_closed_in_on)
            && matches!(state.link(), Some(Link::Online { .. }))
    })
    .await;
    assert!(beside.load(SeqCst) > 0, "no connection beside met one");
    sink.look(|state| {
        each_once(state, &["INBOX"], MESSAGES);
        assert_eq!(state.refused, [], "it is told of a mailbox");
        for name in ["A", "B"] {
            assert_eq!(state.mailboxes[name].whole_order.len(), MESSAGES as usize - 1, "{name}: something came twice");
            assert!(state.mailboxes[name].position.uid_next.is_some(), "{name}: its passes come to no end");
        }
    });
    handle.end();
}

#[tokio::test]
async fn a_sync_without_changes_opens_no_further_connection() {
    let server = several(&["A", "B", "C"], Inbox::extended(5), |_, _| None).await;
    let sink = Arc::new(Memory::default());
    let handle = spawn(impatient(&server), Arc::clone(&sink));
    let mailboxes = ["INBOX", "A", "B", "C"];
    sink.until("a first sync", |state| are_whole(state, &mailboxes, 5) && is_live(state)).await;
    let before = server.connections();
    for _ in 0..3 {
        let told = sink.look(|state| state.links.len());
        handle.sync_now();
        sink.until("a sync without changes", |state| state.links.len() > told && is_live(state)).await;
    }
    assert_eq!(server.connections(), before);
    handle.end();
}

/// Who wants one connection to sync has one.
#[tokio::test]
async fn an_account_that_is_to_sync_over_one_connection_does() {
    let server = several(&["A", "B"], Inbox::extended(1), |_, _| None).await;
    let mut setup = impatient(&server);
    setup.limits.connections = 1;
    let sink = Arc::new(Memory::default());
    let handle = spawn(setup, Arc::clone(&sink));
    sink.until("a first sync", is_live).await;
    grow(&server, MESSAGES);
    handle.sync_now();
    sink.until("all", |state| are_whole(state, &["INBOX", "A", "B"], MESSAGES) && is_live(state)).await;
    assert_eq!((server.connections(), sink.look(|state| state.in_hand_most)), (USUAL, 1));
    handle.end();
}

/// Going offline drops all of them, in the middle of whatever they do, and what they had in hand is whole when they are back.
#[tokio::test]
async fn going_offline_in_the_middle_loses_nothing() {
    let server = several(&["A", "B"], Inbox::extended(1), |_, _| None).await;
    let mut setup = impatient(&server);
    setup.limits.batch_messages = 10;
    let sink = Arc::new(Memory::default());
    let handle = spawn(setup, Arc::clone(&sink));
    sink.until("a first sync", is_live).await;
    grow(&server, MESSAGES);
    handle.sync_now();
    for messages in [20, 60, 120] {
        sink.until("some", |state| whole(state, "INBOX") + whole(state, "A") > messages).await;
        handle.set_online(false);
        sink.until("offline", |state| state.link() == Some(&Link::Offline)).await;
        sink.look(|state| assert!(state.in_hand.is_empty(), "{:?}", state.in_hand));
        handle.set_online(true);
    }
    sink.until("all", |state| are_whole(state, &["INBOX", "A", "B"], MESSAGES) && is_live(state)).await;
    handle.end();
}

/// A real server, several large mailboxes, as many connections as there may be; [`Memory`] fails where a mailbox is in two hands.
#[tokio::test]
async fn several_large_mailboxes_at_once() {
    let Some(server) = Dovecot::start() else { return };
    let mailboxes = ["INBOX", "A", "B", "C", "D"];
    for name in mailboxes {
        if name != "INBOX" {
            server.create("quill", name);
        }
        server.fill("quill", name, (0..300).map(|n| format!("Subject: {name} {n}\r\n\r\nhello\r\n").into_bytes()));
    }
    for connections in [2, 4] {
        let mut setup = account(server.tls(), &server.ca_file());
        setup.limits.connections = connections;
        let sink = Arc::new(Memory::default());
        let handle = spawn(setup, Arc::clone(&sink));
        sink.until("all", |state| are_whole(state, &mailboxes, 300) && is_live(state)).await;
        sink.look(|state| {
            each_once(state, &mailboxes, 300);
            assert!(is_well(state), "{:?}; {:?}", state.links, state.refused);
            assert!((2..=connections as usize).contains(&state.in_hand_most), "{}", state.in_hand_most);
        });
        handle.end();
    }
}
