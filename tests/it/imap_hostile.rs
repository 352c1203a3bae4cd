//! The IMAP client against servers that are broken, hostile, or dying: no panic, no hang, nothing lost, clear words.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use casemail::imap::{Error, Link, MailboxAt, Pass, Position, spawn, sync_once};

use crate::support::memory::Memory;
use crate::support::scripted_imap::{Act, Asked, GREETING, Inbox, ScriptedImap};

/// Whatever happens, it happens within this time.
const PATIENCE: Duration = Duration::from_secs(60);

async fn once(server: &ScriptedImap, sink: &Memory) -> Result<Vec<Pass>, Error> {
    tokio::time::timeout(PATIENCE, sync_once(&server.setup(), sink, &[])).await.expect("it hangs")
}

/// Syncs five messages from a server with this script; gives the sink, the result and how many connections it took.
async fn five(
    script: impl Fn(&Asked<'_>) -> Option<Act> + Send + Sync + 'static,
) -> (Memory, Result<Vec<Pass>, Error>, usize) {
    let server = ScriptedImap::start(GREETING, Inbox::of(5), None, script).await;
    let sink = Memory::default();
    let result = once(&server, &sink).await;
    (sink, result, server.connections())
}

fn say(text: impl Into<String>) -> Option<Act> {
    Some(Act::Say(text.into().into_bytes()))
}

/// Replaces message 3 in answers that bring whole messages.
async fn third_message_is(answer: &'static str) -> (Memory, Result<Vec<Pass>, Error>, usize) {
    five(move |asked| {
        let lines = asked.good.find("* 3 FETCH")?;
        if !asked.command.contains("BODY.PEEK[]") {
            return None;
        }
        let rest = &asked.good[lines..];
        let end = rest.find("* 4 FETCH").or_else(|| rest.rfind(asked.tag)).unwrap_or(rest.len());
        say(format!("{}{answer}{}", &asked.good[..lines], &rest[end..]))
    })
    .await
}

#[tokio::test]
async fn a_good_server_first() {
    let (sink, result, connections) = five(|_| None).await;
    assert_eq!(result.unwrap()[0].new, 5);
    assert_eq!((connections, sink.look(|state| state.mailboxes["INBOX"].whole())), (1, 5));
}

#[tokio::test]
async fn one_bad_message_costs_itself_only() {
    let deep: &'static str = format!("* 3 FETCH (UID 3 BODYSTRUCTURE {}\r\n", "(".repeat(5_000)).leak();
    for answer in [
        "* 3 FETCH (UID 3 BODY[] {4294967295}\r\n",
        "* 3 FETCH (UID 3 BODY[] {500000000}\r\nhello",
        "* 3 FETCH (UID 3 BODY[] {99999999999999999999}\r\n",
        "* 3 FETCH (UID 3 ENVELOPE (()))\r\n",
        "* 3 FETCH (UID 3 FLAGS\r\n",
        "* 3 FETCH (UID 3 BODY[] \"\0\")\r\n",
        "\u{fffd}\u{fffd}\r\n",
        deep,
    ] {
        let (sink, result, connections) = third_message_is(answer).await;
        assert!(result.is_ok(), "{answer:.60}: {result:?}");
        sink.look(|state| {
            let inbox = &state.mailboxes["INBOX"];
            assert_eq!((inbox.whole(), inbox.unfetchable()), (4, vec![3]), "{answer:.60}");
        });
        assert!(connections <= 8, "{connections}");
    }
}

#[tokio::test]
async fn a_message_without_a_date_is_fetched_without_it() {
    let (sink, result, _) = five(|asked| {
        let bad = asked.good.contains("* 3 FETCH") && asked.good.contains("INTERNALDATE");
        let text = asked.good.replace(
            "* 3 FETCH (UID 3 FLAGS (\\Seen) INTERNALDATE \"17-Jul-2026 10:00:00 +0000\"",
            "* 3 FETCH (UID 3 FLAGS (\\Seen) INTERNALDATE NIL",
        );
        bad.then(|| Act::Say(text.into_bytes()))
    })
    .await;
    result.unwrap();
    sink.look(|state| {
        let inbox = &state.mailboxes["INBOX"];
        assert_eq!(inbox.whole(), 5);
        assert_eq!(inbox.messages[&3].internal_date, None);
        assert_eq!(inbox.messages[&4].internal_date, Some(1_784_282_400));
    });
}

#[tokio::test]
async fn doubles_and_strangers_in_an_answer() {
    let (sink, result, _) = five(|asked| {
        let stranger = "* 9 FETCH (UID 777 FLAGS () BODY[] {2}\r\nxx)\r\n* 4 FETCH (FLAGS (\\Deleted))\r\n";
        asked.command.contains("FETCH").then(|| {
            let messages = asked.good.rsplit_once(asked.tag).unwrap().0;
            Act::Say(format!("{messages}{stranger}{messages}{} OK done\r\n", asked.tag).into_bytes())
        })
    })
    .await;
    result.unwrap();
    sink.look(|state| {
        let inbox = &state.mailboxes["INBOX"];
        assert_eq!(inbox.messages.keys().filter(|uid| **uid <= 5).count(), 5);
        assert_eq!(inbox.raw(3), b"Subject: No. 3\r\n\r\nhello\r\n");
        assert!(inbox.messages.values().all(|message| !message.flags.deleted()));
    });
}

#[tokio::test]
async fn floods_end() {
    let rambling = five(|asked| {
        asked
            .command
            .starts_with("SELECT")
            .then(|| Act::Say("* 4 EXISTS\r\n* 5 EXISTS\r\n".repeat(100_000).into_bytes()))
    })
    .await;
    assert!(matches!(&rambling.1, Err(Error::Nonsense { .. })), "{:?}", rambling.1);
    let mailboxes = five(|asked| {
        let many = (0..30_000).map(|n| format!("* LIST () \"/\" \"m{n}\"\r\n")).collect::<String>();
        asked.command.starts_with("LIST").then(|| Act::Say(format!("{many}{} OK done\r\n", asked.tag).into_bytes()))
    })
    .await;
    let words = mailboxes.1.unwrap_err().to_string();
    assert!(words.contains("more than 20000 mailboxes"), "{words}");
    let line = five(|asked| asked.command.starts_with("LIST").then(|| Act::Say(vec![b'*'; 3 << 20]))).await;
    assert!(matches!(line.1, Err(Error::Unreadable { .. })), "{:?}", line.1);
}

#[tokio::test]
async fn greetings_that_are_none() {
    for (greeting, words) in [
        ("* PREAUTH welcome\r\n", "PREAUTH"),
        ("* BYE too busy\r\n", "too busy"),
        ("220 mail.example ESMTP\r\n", "greeting"),
        ("", "silent"),
        ("* OK [REFERRAL imap://evil.example/] [CAPABILITY IMAP4rev1 LOGINDISABLED] hi\r\n", "no way to log in"),
    ] {
        let server = ScriptedImap::start(greeting, Inbox::of(1), None, |asked| {
            asked.command.starts_with("CAPABILITY").then(|| {
                Act::Say(
                    format!("* CAPABILITY IMAP4rev1 LOGINDISABLED AUTH=CRAM-MD5\r\n{} OK\r\n", asked.tag).into_bytes(),
                )
            })
        })
        .await;
        let error = once(&server, &Memory::default()).await.unwrap_err().to_string();
        assert!(error.contains(words), "{greeting:?}: {error}");
    }
}

#[tokio::test]
async fn refused_or_unanswered_at_every_command() {
    // As many commands as a sync of five messages takes.
    for number in 0..6 {
        for act in ["NO [LIMIT] not today", "BAD what", "NO", "BAD"] {
            let (sink, result, _) = five(move |asked| {
                (asked.command_number == number).then(|| Act::Say(format!("{} {act}\r\n", asked.tag).into_bytes()))
            })
            .await;
            // A mailbox that is refused is passed over and told of; anything else is an error.
            if result.is_ok() {
                assert_eq!(sink.look(|state| state.refused.len()), 1, "{number} {act}");
            }
        }
        let (_, result, _) = five(move |asked| (asked.command_number == number).then_some(Act::Silence)).await;
        assert!(matches!(result, Err(Error::TimedOut { .. })), "{number}: {result:?}");
        let bye = Act::SayAndClose(b"* BYE going down\r\n".to_vec());
        let (_, result, _) = five(move |asked| (asked.command_number == number).then_some(bye.clone())).await;
        assert_eq!(result, Err(Error::Bye { text: "going down".to_owned() }), "{number}");
    }
}

/// The connection is cut at every few bytes of a session in which everything is compared: what is held stays held.
#[tokio::test]
async fn cut_at_every_place() {
    let cut = Arc::new(AtomicUsize::new(usize::MAX));
    let server = ScriptedImap::start(GREETING, Inbox::of(5), Some(Arc::clone(&cut)), |_| None).await;
    let sink = Memory::default();
    let bytes = once(&server, &sink).await.unwrap()[0].bytes_in;
    let again = |sink: &Memory| {
        // Compare everything, and fetch two messages anew.
        sink.alter(|state| {
            let inbox = state.mailboxes.get_mut("INBOX").unwrap();
            inbox.position = Position::default();
            inbox.messages.remove(&2);
            inbox.messages.remove(&4);
        });
    };
    for place in (0..usize::try_from(bytes).unwrap() + 400).step_by(13) {
        again(&sink);
        cut.store(place, Ordering::SeqCst);
        let result = once(&server, &sink).await;
        sink.look(|state| {
            let held: Vec<u32> = state.mailboxes["INBOX"].messages.keys().copied().collect();
            assert!([1, 3, 5].iter().all(|uid| held.contains(uid)), "{place}: {held:?}");
            if result.is_ok() {
                assert_eq!(held, [1, 2, 3, 4, 5], "{place}");
            }
        });
    }
    cut.store(usize::MAX, Ordering::SeqCst);
    again(&sink);
    once(&server, &sink).await.unwrap();
    sink.look(|state| assert_eq!(state.mailboxes["INBOX"].whole(), 5));
}

#[tokio::test]
async fn uids_and_uidvalidity_that_lie() {
    let server = ScriptedImap::start(GREETING, Inbox::of(5), None, |_| None).await;
    let sink = Memory::default();
    once(&server, &sink).await.unwrap();
    // UIDNEXT goes backwards and messages are gone: everything is compared.
    {
        let mut inbox = server.inbox.lock().unwrap();
        inbox.uid_next = 3;
        inbox.messages.truncate(2);
    }
    let passes = once(&server, &sink).await.unwrap();
    assert_eq!((passes[0].new, passes[0].vanished), (0, 3));
    // Another UIDVALIDITY: nothing of the old one is left.
    *server.inbox.lock().unwrap() =
        Inbox { uid_validity: 8, messages: vec![(1, "Subject: another\r\n\r\nx\r\n".to_owned())], uid_next: 2 };
    once(&server, &sink).await.unwrap();
    sink.look(|state| {
        let inbox = &state.mailboxes["INBOX"];
        assert_eq!((inbox.uid_validity, inbox.messages.len()), (8, 1));
        assert_eq!(inbox.raw(1), b"Subject: another\r\n\r\nx\r\n");
    });
    // No UIDVALIDITY at all: the mailbox is refused, in words.
    server.inbox.lock().unwrap().uid_validity = 0;
    assert!(once(&server, &sink).await.unwrap_err().to_string().contains("UIDVALIDITY"));
    assert!(sink.look(|state| state.refused[0].1.contains("UIDVALIDITY")));
    sink.look(|state| assert_eq!(state.mailboxes["INBOX"].messages.len(), 1));
}

/// A server that leaves messages out of a list and says OK does not make us forget them.
#[tokio::test]
async fn a_list_with_holes_is_not_believed() {
    let server = ScriptedImap::start(GREETING, Inbox::of(5), None, |asked| {
        let short =
            asked.command.starts_with("FETCH") && asked.command.contains("RFC822.SIZE)") && asked.connection > 0;
        short.then(|| {
            Act::Say(asked.good.replace("* 2 FETCH (UID 2 FLAGS (\\Seen) RFC822.SIZE 25)\r\n", "").into_bytes())
        })
    })
    .await;
    let sink = Memory::default();
    once(&server, &sink).await.unwrap();
    let passes = once(&server, &sink).await.unwrap();
    assert_eq!(passes[0].vanished, 0);
    sink.look(|state| assert_eq!(state.mailboxes["INBOX"].messages.len(), 5));
}

#[tokio::test]
async fn idle_refused_or_abused() {
    for act in [
        Act::Say(b"c3 BAD\r\n".to_vec()),
        Act::Say(b"c3 NO not now\r\n".to_vec()),
        Act::Silence,
        Act::SayAndClose(Vec::new()),
        Act::SayAndClose(b"+ idling\r\n".to_vec()),
        Act::SayAndClose(b"+ idling\r\n* BYE shutting down\r\n".to_vec()),
        Act::Say(b"+ idling\r\nc3 OK done before you were\r\n".to_vec()),
        Act::Say(b"+ idling\r\n* 1 FETCH (BODYSTRUCTURE ((((\r\n".to_vec()),
    ] {
        let told = format!("{act:?}");
        let server = ScriptedImap::start(GREETING, Inbox::of(5), None, move |asked| {
            (asked.command == "IDLE").then(|| match &act {
                Act::Say(bytes) => {
                    Act::Say(String::from_utf8(bytes.clone()).unwrap().replace("c3", asked.tag).into_bytes())
                }
                other => other.clone(),
            })
        })
        .await;
        let sink = Arc::new(Memory::default());
        let handle = spawn(server.setup(), Arc::clone(&sink));
        sink.until("online", |state| matches!(state.link(), Some(Link::Online { .. }))).await;
        // Whatever becomes of the waiting, requests are served.
        let at = MailboxAt { name: Arc::from("INBOX"), uid_validity: 7 };
        for _ in 0..3 {
            let fetched = tokio::time::timeout(PATIENCE, handle.fetch(at.clone(), 2)).await.expect("it hangs");
            assert_eq!(fetched.map(|message| message.uid), Ok(2), "{told}");
        }
    }
}

#[tokio::test]
async fn appending() {
    let server = ScriptedImap::start(GREETING, Inbox::of(1), None, |asked| {
        asked
            .command
            .starts_with("APPEND \"Nowhere\"")
            .then(|| Act::Say(format!("* 5 EXISTS\r\n{} NO [TRYCREATE] no such mailbox\r\n", asked.tag).into_bytes()))
    })
    .await;
    let sink = Arc::new(Memory::default());
    let handle = spawn(server.setup(), Arc::clone(&sink));
    sink.until("online", |state| matches!(state.link(), Some(Link::Online { live: true }))).await;
    let raw: Arc<[u8]> = Arc::from(&b"Subject: x\r\n\r\nx\r\n"[..]);
    let refused = handle.append(Some("Nowhere".to_owned()), Arc::clone(&raw), Default::default(), None).await;
    assert_eq!(refused, Err(Error::NoMailbox { mailbox: "Nowhere".to_owned() }));
    // The server is not left waiting for a literal: the next command is answered.
    let filed = handle.append(Some("INBOX".to_owned()), raw, Default::default(), None).await.unwrap();
    assert_eq!(filed.uid, Some((7, 99)));
    let nul: Arc<[u8]> = Arc::from(&b"a\0b"[..]);
    let refused = handle.append(Some("INBOX".to_owned()), nul, Default::default(), None).await;
    assert!(matches!(refused, Err(Error::Unsendable { .. })));
    let no_sent = handle.find(None, "x@y".to_owned()).await;
    assert_eq!(no_sent, Err(Error::NoMailbox { mailbox: "\\Sent".to_owned() }));
}

#[tokio::test]
async fn a_server_that_comes_and_goes_is_found_again() {
    let server = ScriptedImap::start(GREETING, Inbox::of(5), None, |asked| {
        // The first connections end at ever later commands.
        (asked.connection < 4 && asked.command_number == asked.connection).then_some(Act::SayAndClose(Vec::new()))
    })
    .await;
    let sink = Arc::new(Memory::default());
    let began = Instant::now();
    let handle = spawn(server.setup(), Arc::clone(&sink));
    sink.until("all messages", |state| {
        matches!(state.link(), Some(Link::Online { .. })) && state.mailboxes["INBOX"].whole() == 5
    })
    .await;
    let waits = sink.look(|state| state.links.iter().filter(|link| matches!(link, Link::Waiting { .. })).count());
    assert!(waits >= 3 && began.elapsed() < PATIENCE, "{waits}");
    handle.end();
}

#[tokio::test]
async fn an_answer_that_is_always_unreadable_is_not_met_again_at_once() {
    for phase in ["LIST", "SELECT", "FETCH"] {
        let (_, result, connections) = five(move |asked| {
            asked
                .command
                .contains(phase)
                .then(|| Act::Say(format!("* 1 FETCH (X {}\r\n", "(".repeat(400)).into_bytes()))
        })
        .await;
        assert!(matches!(result, Err(Error::Unreadable { .. })), "{phase}: {result:?}");
        assert!(connections <= 3, "{phase}: {connections} connections");
    }
}

#[tokio::test]
async fn an_inbox_that_is_refused_is_no_success() {
    let (_, result, connections) = five(|asked| {
        asked.command.contains("SELECT").then(|| Act::Say(format!("{} NO [ALERT] locked\r\n", asked.tag).into_bytes()))
    })
    .await;
    assert!(matches!(result, Err(Error::No { .. })), "{result:?}");
    assert_eq!(connections, 1);
}
