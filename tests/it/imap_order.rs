//! The order in which an account's mailboxes come: the lists of all before the bodies of any, and what is looked at before the others.

use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use casemail::imap::{Handle, Link, spawn, sync_once};

use crate::support::memory::Memory;
use crate::support::scripted_imap::{Act, Asked, EXTENSIONS, GREETING, Inbox, ScriptedImap};

/// What the first connection asked for, in order and without repeats: `list NAME` or `bodies NAME`.
type Seen = Arc<Mutex<Vec<String>>>;

const MESSAGES: u32 = 300;

/// A server with two mailboxes of [`MESSAGES`] each. `asked` is called with each thing that is noted.
async fn two_mailboxes(asked: impl Fn(&str) + Send + Sync + 'static) -> (ScriptedImap, Seen) {
    two_mailboxes_with(EXTENSIONS, asked).await
}

/// The same at a server with these extensions.
async fn two_mailboxes_with(
    extensions: &'static str,
    asked: impl Fn(&str) + Send + Sync + 'static,
) -> (ScriptedImap, Seen) {
    let (seen, open) = (Seen::default(), Mutex::new(String::new()));
    let noted = Arc::clone(&seen);
    let inbox = Inbox { extensions, ..Inbox::of(MESSAGES) };
    let server = ScriptedImap::start(GREETING, inbox, None, move |command: &Asked<'_>| {
        let next = MESSAGES + 1;
        let state = |name: &str| {
            format!(
                "* STATUS {name} (MESSAGES {MESSAGES} UIDNEXT {next} UIDVALIDITY 7 HIGHESTMODSEQ 9 MAILBOXID (F2))\r\n"
            )
        };
        if command.command.starts_with("LIST") {
            let told = if command.command.contains("STATUS (") { state("Cases") } else { String::new() };
            let cases = format!("* LIST (\\Subscribed) \"/\" Cases\r\n{told}");
            return Some(Act::Say(format!("{cases}{}", command.good).into_bytes()));
        }
        if let Some(rest) = command.command.strip_prefix("STATUS \"") {
            let name = rest.split('"').next().unwrap();
            return Some(Act::Say(
                format!("{}{}", state(name).replace(" MAILBOXID (F2)", ""), command.good).into_bytes(),
            ));
        }
        if command.connection > 0 {
            return None;
        }
        if command.command.starts_with("SELECT") {
            let name = if command.command.contains("Cases") { "Cases" } else { "INBOX" };
            name.clone_into(&mut open.lock().unwrap());
        }
        let kind = match command.command {
            fetch if fetch.contains("BODY.PEEK[]") => "bodies",
            fetch if fetch.contains("HEADER") => "list",
            _ => return None,
        };
        let what = format!("{kind} {}", open.lock().unwrap());
        asked(&what);
        let mut seen = noted.lock().unwrap();
        if seen.last() != Some(&what) {
            seen.push(what);
        }
        None
    })
    .await;
    (server, seen)
}

/// Waits until everything is here, whole, with its position.
async fn complete(sink: &Memory) {
    sink.until("everything", |state| {
        let whole = |name: &str| state.mailboxes.get(name).is_some_and(|kept| kept.whole() == MESSAGES as usize);
        whole("INBOX") && whole("Cases") && matches!(state.link(), Some(Link::Online { .. }))
    })
    .await;
    sink.look(|state| {
        for (name, kept) in &state.mailboxes {
            assert_eq!(kept.position.uid_next, Some(MESSAGES + 1), "{name}");
        }
    });
}

fn bodies(seen: &Seen) -> Vec<String> {
    let mut bodies: Vec<String> =
        seen.lock().unwrap().iter().filter(|what| what.starts_with("bodies")).cloned().collect();
    bodies.dedup();
    bodies
}

#[tokio::test]
async fn the_lists_of_all_mailboxes_come_before_the_first_body() {
    for extensions in [EXTENSIONS, "CONDSTORE", "LIST-EXTENDED", ""] {
        lists_before_bodies(extensions).await;
    }
}

async fn lists_before_bodies(extensions: &'static str) {
    let (server, seen) = two_mailboxes_with(extensions, |_| ()).await;
    let sink = Memory::default();
    let passes = tokio::time::timeout(Duration::from_secs(60), sync_once(&server.setup(), &sink, &[])).await;
    let passes = passes.expect("it hangs").unwrap();
    assert_eq!(*seen.lock().unwrap(), ["list INBOX", "list Cases", "bodies INBOX", "bodies Cases"], "{extensions}");
    let told: Vec<(&str, u64)> = passes.iter().map(|pass| (pass.mailbox.as_str(), pass.new)).collect();
    assert_eq!(told, [("INBOX", u64::from(MESSAGES)), ("Cases", u64::from(MESSAGES))]);
    sink.look(|state| {
        // Of the bodies that are left it is known from the first batch on how many there are.
        let told = state.links.iter().rev().filter_map(|link| match link {
            Link::Syncing { mailbox, done, total, .. } if mailbox == "Cases" => Some((*done, *total)),
            _ => None,
        });
        let totals: Vec<u64> = told.take_while(|(_, total)| *total > 0).map(|(_, total)| total).collect();
        assert!(totals.len() > 1 && totals.iter().all(|total| *total == u64::from(MESSAGES)), "{totals:?}");
        let newest_first: Vec<u32> = (1..=MESSAGES).rev().collect();
        for (name, kept) in &state.mailboxes {
            assert_eq!(kept.whole_order, newest_first, "{name}");
            assert_eq!(kept.order[..MESSAGES as usize], newest_first[..], "{name}");
            assert_eq!(kept.position.uid_next, Some(MESSAGES + 1), "{name}");
        }
    });
}

#[tokio::test]
async fn what_is_looked_at_comes_first() {
    let (server, seen) = two_mailboxes(|_| ()).await;
    let sink = Arc::new(Memory::default());
    let handle = spawn(server.setup(), Arc::clone(&sink));
    handle.look_first(vec!["Cases".to_owned()]);
    complete(&sink).await;
    assert_eq!(bodies(&seen), ["bodies Cases", "bodies INBOX"]);
}

/// The user opens a case while the bodies of INBOX are coming: they wait at the next batch, and go on where they were.
#[tokio::test]
async fn what_is_looked_at_goes_before_what_is_under_way() {
    let handle: Arc<OnceLock<Handle>> = Arc::default();
    let looking = Arc::clone(&handle);
    let (server, seen) = two_mailboxes(move |what| {
        if what == "bodies INBOX" {
            looking.get().unwrap().look_first(vec!["Cases".to_owned()]);
        }
    })
    .await;
    let mut setup = server.setup();
    setup.limits.batch_messages = 20;
    // Where another connection has time for it, nothing waits.
    setup.limits.connections = 1;
    let sink = Arc::new(Memory::default());
    handle.set(spawn(setup, Arc::clone(&sink))).unwrap_or_else(|_| panic!("set twice"));
    complete(&sink).await;
    assert_eq!(bodies(&seen), ["bodies INBOX", "bodies Cases", "bodies INBOX"]);
    sink.look(|state| {
        let inbox = &state.mailboxes["INBOX"];
        assert_eq!(inbox.whole_order, (1..=MESSAGES).rev().collect::<Vec<_>>(), "fetched twice, or not newest first");
    });
}

/// Another program has put thousands of messages into a mailbox that is held: no list of all of them is asked for, and the newest are here before
/// the oldest are even listed.
#[tokio::test]
async fn much_that_is_new_comes_from_the_newest_down() {
    const HELD: u32 = 10;
    const NOW: u32 = 3_000;
    for extensions in [EXTENSIONS, "CONDSTORE", ""] {
        let fetches: Arc<Mutex<Vec<String>>> = Arc::default();
        let noted = Arc::clone(&fetches);
        let inbox = Inbox { extensions, ..Inbox::of(HELD) };
        let server = ScriptedImap::start(GREETING, inbox, None, move |command: &Asked<'_>| {
            if command.command.contains("FETCH ") {
                noted.lock().unwrap().push(command.command.to_owned());
            }
            None
        })
        .await;
        let sink = Memory::default();
        sync_once(&server.setup(), &sink, &[]).await.unwrap();
        fetches.lock().unwrap().clear();
        *server.inbox.lock().unwrap() = Inbox { extensions, ..Inbox::of(NOW) };
        let passes = tokio::time::timeout(Duration::from_secs(60), sync_once(&server.setup(), &sink, &[])).await;
        let passes = passes.expect("it hangs").unwrap();
        assert_eq!(passes.iter().map(|pass| pass.new).collect::<Vec<_>>(), [u64::from(NOW - HELD)], "{extensions}");
        sink.look(|state| {
            let kept = &state.mailboxes["INBOX"];
            assert_eq!(kept.whole(), NOW as usize, "{extensions}");
            let newest_first: Vec<u32> = (HELD + 1..=NOW).rev().collect();
            assert_eq!(kept.whole_order[HELD as usize..], newest_first, "{extensions}");
            assert_eq!(kept.position.uid_next, Some(NOW + 1));
        });
        let fetches = fetches.lock().unwrap();
        let is_list = |fetch: &String| fetch.contains("RFC822.SIZE") && !fetch.contains("BODY");
        let lists: Vec<usize> = (0..fetches.len()).filter(|at| is_list(&fetches[*at])).collect();
        assert!(lists.len() > 1, "{extensions}: {fetches:?}");
        let first_body = fetches.iter().position(|fetch| fetch.contains("BODY.PEEK[]")).unwrap();
        assert!(first_body < *lists.last().unwrap(), "{extensions}: {fetches:?}");
        let all = format!("{}:*", HELD + 1);
        assert!(!lists.iter().any(|at| fetches[*at].contains(&all)), "{extensions}: {fetches:?}");
    }
}

/// Where a line is slow the list comes first, and the bodies behind it: no message is counted twice in what is told of it.
#[tokio::test]
async fn behind_the_list_the_bodies_are_counted_anew() {
    // So much of each that the line looks slow.
    let server = ScriptedImap::start(GREETING, Inbox::extended(MESSAGES), None, |command: &Asked<'_>| {
        let (before, claimed) = ("RFC822.SIZE ", "RFC822.SIZE 1000000");
        let sizes = command.command.contains("FETCH") && command.good.contains(before);
        sizes.then(|| Act::Say(command.good.replace(before, claimed).into_bytes()))
    })
    .await;
    let mut setup = server.setup();
    setup.limits.message_bytes_max = u32::MAX;
    let sink = Memory::default();
    tokio::time::timeout(Duration::from_secs(60), sync_once(&setup, &sink, &[])).await.expect("it hangs").unwrap();
    sink.look(|state| {
        assert_eq!(state.mailboxes["INBOX"].whole(), MESSAGES as usize);
        let told: Vec<(u64, u64)> = state
            .links
            .iter()
            .filter_map(|link| match link {
                Link::Syncing { done, total, .. } => Some((*done, *total)),
                _ => None,
            })
            .collect();
        assert!(told.iter().all(|(done, total)| done <= total && *total <= u64::from(MESSAGES)), "{told:?}");
        assert!(told.windows(2).any(|pair| pair[1].0 < pair[0].0), "it was not begun anew: {told:?}");
    });
}
