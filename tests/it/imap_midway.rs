//! What a connection is in the middle of when it goes: a command, a literal, an IDLE; cut at each byte of the answer, left in mid-command and
//! in mid-APPEND by somebody who goes offline. Nothing is done twice by itself, nothing that was not answered is taken for done, and the next
//! command goes to a fresh connection.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use casemail::imap::{Error, Handle, Link, MailboxAt, StoreFlags, Times, UidSet, spawn, sync_once};
use casemail::store::flags::Flags;

use crate::support::memory::Memory;
use crate::support::scripted_imap::{Act, DONE, GREETING, Inbox, LITERAL, ScriptedImap};

const PATIENCE: Duration = Duration::from_secs(30);

fn inbox() -> MailboxAt {
    MailboxAt { name: Arc::from("INBOX"), uid_validity: 7 }
}

async fn watching(sink: &Memory) {
    sink.until("online and watched", |state| matches!(state.link(), Some(Link::Online { live: true }))).await;
}

/// Waits until requests are answered again.
async fn served(handle: &Handle, what: &str) {
    let again = async {
        while handle.fetch(inbox(), 2).await.map(|message| message.uid) != Ok(2) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, again).await.is_ok(), "{what}: nothing is answered any more");
}

/// Something is asked of the server that changes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Request {
    Store,
    Move,
    Copy,
    Expunge,
    Append,
}

impl Request {
    /// How the command begins that does it.
    fn begins(self) -> &'static str {
        match self {
            Self::Store => "UID STORE",
            Self::Move => "UID MOVE",
            Self::Copy => "UID COPY",
            Self::Expunge => "UID EXPUNGE",
            Self::Append => LITERAL,
        }
    }

    /// How often it may be asked where the connection went: what does no harm twice, once more by itself.
    fn times(self) -> std::ops::RangeInclusive<usize> {
        if matches!(self, Self::Copy | Self::Append | Self::Move) { 1..=1 } else { 1..=2 }
    }

    async fn ask(self, handle: &Handle) -> Result<(), Error> {
        let (at, uids) = (inbox(), UidSet::from(2..=2));
        match self {
            Self::Store => {
                let add = Flags::new(Flags::FLAGGED, vec![]);
                let change = StoreFlags { at, uids, add, remove: Flags::default(), unchanged_since: None };
                handle.store_flags(change).await.map(drop)
            }
            Self::Move => handle.move_messages(at, uids, "Archive".to_owned()).await.map(drop),
            Self::Copy => handle.copy(at, uids, "Archive".to_owned()).await.map(drop),
            Self::Expunge => handle.expunge(at, uids).await.map(drop),
            Self::Append => {
                let raw: Arc<[u8]> = Arc::from("Subject: x\r\n\r\nby the weir\r\n".repeat(300).as_bytes());
                handle.append("INBOX".to_owned(), raw, Flags::default(), None).await.map(drop)
            }
        }
    }
}

/// Cut before the server has the command, and behind each byte of its answer: it is asked once, done is only what was answered, and the
/// next command is answered.
#[tokio::test]
async fn requests_cut_at_every_byte_are_made_once() {
    for request in [Request::Store, Request::Move, Request::Copy, Request::Expunge, Request::Append] {
        // Bytes of the answer that still come; usize::MAX: all.
        let (left, asked, answer) =
            (Arc::new(AtomicUsize::new(usize::MAX)), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (script_left, script_asked, script_answer) = (Arc::clone(&left), Arc::clone(&asked), Arc::clone(&answer));
        let server = ScriptedImap::start(GREETING, Inbox::extended(5), None, move |asked| {
            if !asked.command.starts_with(request.begins()) {
                return None;
            }
            script_asked.fetch_add(1, SeqCst);
            script_answer.store(asked.good.len(), SeqCst);
            let left = script_left.load(SeqCst);
            (left < asked.good.len()).then(|| Act::SayAndClose(asked.good.as_bytes()[..left].to_vec()))
        })
        .await;
        let sink = Arc::new(Memory::default());
        let handle = spawn(server.setup(), Arc::clone(&sink));
        watching(&sink).await;
        assert_eq!(request.ask(&handle).await, Ok(()), "{request:?}");
        assert_eq!(asked.swap(0, SeqCst), 1, "{request:?}");
        let bytes = answer.load(SeqCst);
        assert!(bytes > 8, "{request:?}: {bytes}");
        for place in 0..bytes {
            left.store(place, SeqCst);
            let result = tokio::time::timeout(PATIENCE, request.ask(&handle)).await.expect("it hangs");
            assert!(result.is_err(), "{request:?}, cut behind {place} of {bytes}: taken for done");
            let times = asked.swap(0, SeqCst);
            assert!(request.times().contains(&times), "{request:?}, cut behind {place}: asked {times} times");
            left.store(usize::MAX, SeqCst);
            served(&handle, &format!("{request:?}, after a cut behind {place}")).await;
        }
        handle.end();
    }
}

/// The server goes after so many bytes of the command or of the message, before it has all of it.
#[tokio::test]
async fn a_line_that_ends_while_we_speak_is_no_success() {
    for request in [Request::Store, Request::Move, Request::Copy, Request::Expunge, Request::Append] {
        let gone = Arc::new(AtomicBool::new(false));
        let script_gone = Arc::clone(&gone);
        let server = ScriptedImap::start(GREETING, Inbox::extended(5), None, move |asked| {
            let begins = if request == Request::Append { "APPEND" } else { request.begins() };
            (asked.command.starts_with(begins) && script_gone.load(SeqCst)).then(|| {
                // At APPEND the message is on its way when the line ends.
                let said: &[u8] = if request == Request::Append { b"+ go on\r\n" } else { b"" };
                Act::SayAndClose(said.to_vec())
            })
        })
        .await;
        let sink = Arc::new(Memory::default());
        let handle = spawn(server.setup(), Arc::clone(&sink));
        watching(&sink).await;
        for _ in 0..5 {
            gone.store(true, SeqCst);
            let result = tokio::time::timeout(PATIENCE, request.ask(&handle)).await.expect("it hangs");
            assert!(result.is_err(), "{request:?}");
            gone.store(false, SeqCst);
            served(&handle, &format!("{request:?}")).await;
            let again = tokio::time::timeout(PATIENCE, request.ask(&handle)).await.expect("it hangs");
            assert_eq!(again, Ok(()), "{request:?}");
        }
        handle.end();
    }
}

/// What came while an IDLE was cut, at each byte of what it says and of its end, is held afterwards.
#[tokio::test]
async fn an_idle_cut_at_every_byte_loses_no_news() {
    const SAYS: &str = "+ idling\r\n* 6 EXISTS\r\n* 2 FETCH (FLAGS (\\Seen))\r\n";
    const ENDS: usize = 16;
    for (at, place) in (0..=SAYS.len()).map(|place| ("IDLE", place)).chain((0..ENDS).map(|place| (DONE, place))) {
        let cut = Arc::new(AtomicBool::new(true));
        let script_cut = Arc::clone(&cut);
        let server = ScriptedImap::start(GREETING, Inbox::of(6), None, move |asked| {
            let text = if at == "IDLE" { SAYS } else { asked.good };
            (asked.command == at && script_cut.swap(false, SeqCst))
                .then(|| Act::SayAndClose(text.as_bytes()[..place.min(text.len() - 1)].to_vec()))
        })
        .await;
        // The last message comes while the line is down.
        let last = server.inbox.lock().unwrap().messages.pop().unwrap();
        server.inbox.lock().unwrap().uid_next = 6;
        let sink = Arc::new(Memory::default());
        let mut setup = server.setup();
        setup.times.idle = Duration::from_millis(50);
        let handle = spawn(setup, Arc::clone(&sink));
        sink.until("the first five", |state| state.mailboxes.get("INBOX").is_some_and(|kept| kept.whole() == 5)).await;
        {
            let mut inbox = server.inbox.lock().unwrap();
            inbox.messages.push(last);
            inbox.uid_next = 7;
        }
        handle.sync_now();
        sink.until("the sixth", |state| state.mailboxes["INBOX"].whole() == 6).await;
        sink.until("the cut", |_| !cut.load(SeqCst)).await;
        sink.look(|state| {
            let inbox = &state.mailboxes["INBOX"];
            assert_eq!(inbox.whole_order.len(), 6, "{at} {place}: fetched twice: {:?}", inbox.whole_order);
            assert_eq!(inbox.begun, 1, "{at} {place}");
        });
        handle.end();
    }
}

/// RFC 9051 §6.3.13: a server may log out whoever idles for 30 minutes, so IDLE is ended and begun again before 29 are over.
#[tokio::test]
async fn an_idle_is_renewed_before_the_server_gives_it_up() {
    let times = Times::default();
    assert!(times.idle < Duration::from_secs(29 * 60), "{:?}", times.idle);
    let (begun, ended) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (counts_begun, counts_ended) = (Arc::clone(&begun), Arc::clone(&ended));
    let server = ScriptedImap::start(GREETING, Inbox::of(5), None, move |asked| {
        counts_begun.fetch_add(usize::from(asked.command == "IDLE"), SeqCst);
        counts_ended.fetch_add(usize::from(asked.command == DONE), SeqCst);
        None
    })
    .await;
    let mut setup = server.setup();
    // A minute of the server's patience is a twentieth of a second here.
    setup.times.idle = Duration::from_millis(50);
    let sink = Arc::new(Memory::default());
    let handle = spawn(setup, Arc::clone(&sink));
    watching(&sink).await;
    let connections = server.connections();
    let began = std::time::Instant::now();
    while ended.load(SeqCst) < 5 {
        assert!(began.elapsed() < PATIENCE, "ended {} times", ended.load(SeqCst));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(began.elapsed() >= Duration::from_millis(200), "not because of the time");
    assert!(begun.load(SeqCst) >= 5);
    assert_eq!(server.connections(), connections, "on the same connection");
    handle.end();
}

/// RFC 7888: with LITERAL+ a literal goes along with its command; with LITERAL- only up to 4096 octets (§5); else, and where it is large, the
/// server is asked and waited for, because a refusal would come only behind all of it.
#[tokio::test]
async fn literals_go_along_as_far_as_the_server_lets_them() {
    for (extensions, octets, along) in [
        ("LITERAL-", 4_096, true),
        ("LITERAL-", 4_097, false),
        ("LITERAL-", 1_000_000, false),
        ("LITERAL+", 4_097, true),
        ("LITERAL+", 1_000_000, false),
        ("", 100, false),
        ("", 1_000_000, false),
    ] {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let hears = Arc::clone(&heard);
        let server = ScriptedImap::start(GREETING, Inbox { extensions, ..Inbox::of(2) }, None, move |asked| {
            if asked.command.starts_with("APPEND") {
                hears.lock().unwrap().push(asked.command.to_owned());
            }
            None
        })
        .await;
        let sink = Arc::new(Memory::default());
        let handle = spawn(server.setup(), Arc::clone(&sink));
        watching(&sink).await;
        let head = "Subject: x\r\n\r\n";
        let raw: Arc<[u8]> = format!("{head}{}\r\n", "x".repeat(octets - head.len() - 2)).into_bytes().into();
        assert_eq!(raw.len(), octets);
        let filed = handle.append("INBOX".to_owned(), raw, Flags::default(), None).await.unwrap();
        assert_eq!(filed.uid, Some((7, 99)), "{extensions} {octets}");
        let heard = heard.lock().unwrap().clone();
        let ends = if along { format!("{{{octets}+}}") } else { format!("{{{octets}}}") };
        assert!(matches!(heard.as_slice(), [one] if one.ends_with(&ends)), "{extensions} {octets}: {heard:?}");
        assert_eq!(server.unasked.load(SeqCst), 0, "{extensions} {octets}: sent before it was asked for");
        // Nothing is left in the line: the next answer is the next command's.
        assert_eq!(handle.fetch(inbox(), 2).await.map(|message| message.uid), Ok(2));
        handle.end();
    }
}

/// Somebody goes offline while the server has yet to answer, and while a message is on its way to it: at once, with clear words, and what comes
/// after is on another connection.
#[tokio::test]
async fn offline_in_the_middle_of_a_command_and_of_an_append() {
    for request in [Request::Store, Request::Move, Request::Append] {
        let (stuck, reached) = (Arc::new(AtomicBool::new(true)), Arc::new(tokio::sync::Notify::new()));
        let (script_stuck, script_reached) = (Arc::clone(&stuck), Arc::clone(&reached));
        let server = ScriptedImap::start(GREETING, Inbox::extended(5), None, move |asked| {
            let begins = if request == Request::Append { "APPEND" } else { request.begins() };
            (asked.command.starts_with(begins) && script_stuck.swap(false, SeqCst)).then(|| {
                script_reached.notify_one();
                let said: &[u8] = if request == Request::Append { b"+ go on\r\n" } else { b"" };
                Act::SayAndStop(said.to_vec())
            })
        })
        .await;
        let mut setup = server.setup();
        // Only the wish to be offline ends the waiting.
        setup.times.silence = Duration::from_secs(3_600);
        let sink = Arc::new(Memory::default());
        let handle = spawn(setup, Arc::clone(&sink));
        watching(&sink).await;
        let before = server.connections();
        let asking = {
            let handle = handle.clone();
            tokio::spawn(async move {
                if request == Request::Append {
                    // More than all buffers between the two hold: the server reads none of it.
                    let raw: Arc<[u8]> = vec![b'x'; 24 << 20].into();
                    handle.append("INBOX".to_owned(), raw, Flags::default(), None).await.map(drop)
                } else {
                    request.ask(&handle).await
                }
            })
        };
        reached.notified().await;
        assert!(!asking.is_finished(), "{request:?}");
        handle.set_online(false);
        let result = tokio::time::timeout(PATIENCE, asking).await.expect("it hangs").unwrap();
        assert!(result.is_err(), "{request:?}: taken for done");
        sink.until("offline", |state| state.link() == Some(&Link::Offline)).await;
        assert_eq!(handle.fetch(inbox(), 1).await, Err(Error::Offline), "{request:?}");
        handle.set_online(true);
        watching(&sink).await;
        assert!(server.connections() > before, "{request:?}: half a command was left on the line");
        assert_eq!(request.ask(&handle).await, Ok(()), "{request:?}");
        assert_eq!(handle.fetch(inbox(), 2).await.map(|message| message.uid), Ok(2), "{request:?}");
        handle.end();
    }
}

/// UIDs rise with sequence numbers (RFC 9051 §2.3.1.1); where they fall, every message is held all the same, at first and after.
#[tokio::test]
async fn uids_that_fall_while_sequence_numbers_rise() {
    for extended in [false, true] {
        let mut inbox = if extended { Inbox::extended(300) } else { Inbox::of(300) };
        inbox.messages.reverse();
        let server = ScriptedImap::start(GREETING, inbox, None, |_| None).await;
        let sink = Memory::default();
        for pass in 0..3 {
            let result =
                tokio::time::timeout(PATIENCE, sync_once(&server.setup(), &sink, &[])).await.expect("it hangs");
            result.unwrap();
            sink.look(|state| {
                let kept = &state.mailboxes["INBOX"];
                assert_eq!(kept.messages.keys().copied().collect::<Vec<_>>(), (1..=300).collect::<Vec<_>>(), "{pass}");
                assert_eq!(kept.whole(), 300, "{pass}");
                assert_eq!(kept.raw(7), b"Subject: No. 7\r\n\r\nhello\r\n");
            });
        }
    }
}

/// Whoever is answered and asks again at once is served before the waiting for mail begins, which takes two round trips to end.
#[tokio::test]
async fn who_asks_again_at_once_does_not_wait_for_the_waiting_to_end() {
    let commands = Arc::new(Mutex::new(Vec::<(usize, String)>::new()));
    let told = Arc::clone(&commands);
    let server = ScriptedImap::start(GREETING, Inbox::of(5), None, move |asked| {
        told.lock().unwrap().push((asked.connection, asked.command.to_owned()));
        None
    })
    .await;
    let sink = Arc::new(Memory::default());
    let mut setup = server.setup();
    // However busy this machine is.
    setup.times.linger = Duration::from_secs(60);
    let handle = spawn(setup, Arc::clone(&sink));
    watching(&sink).await;
    for uid in 1..=5 {
        assert_eq!(handle.flags(inbox(), UidSet::from(uid..=uid)).await.unwrap().len(), 1);
    }
    let commands = commands.lock().unwrap();
    let asked = |uid: u32| format!("UID FETCH {uid} (UID FLAGS)");
    let first = commands.iter().position(|(_, command)| *command == asked(1)).unwrap();
    let mine = commands[first..].iter().filter(|(connection, _)| *connection == commands[first].0);
    let mine: Vec<&str> = mine.map(|(_, command)| command.as_str()).take(5).collect();
    assert_eq!(mine, (1..=5).map(asked).collect::<Vec<_>>());
}

/// A server that offers IDLE and refuses it is asked what there is, as one that does not offer it.
#[tokio::test]
async fn where_waiting_is_refused_new_mail_is_asked_for() {
    let server = ScriptedImap::start(GREETING, Inbox::of(5), None, |asked| match asked.command {
        "IDLE" => Some(Act::Say(format!("{} NO not now\r\n", asked.tag).into())),
        "NOOP" => Some(Act::Say(format!("* 6 EXISTS\r\n{}", asked.good).into())),
        _ => None,
    })
    .await;
    let mut setup = server.setup();
    setup.times.idle = Duration::from_millis(200);
    let sink = Arc::new(Memory::default());
    let _handle = spawn(setup, Arc::clone(&sink));
    watching(&sink).await;
    sink.until("the first five", |state| state.mailboxes["INBOX"].whole() == 5).await;
    *server.inbox.lock().unwrap() = Inbox::of(6);
    sink.until("the sixth", |state| state.mailboxes["INBOX"].whole() == 6).await;
}
