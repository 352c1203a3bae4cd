//! The IMAP client against servers that are broken, hostile, or dying: no panic, no hang, nothing lost, clear words.
//!
//! What is known to go wrong with the codec and with servers, and which test holds that it does not here:
//!
//! | | held by |
//! |---|---|
//! | NO, BAD, BYE and a lost line taken for success, which would empty a mailbox | `session::tests::only_our_own_tagged_ok_is_success`, `refused_or_unanswered_at_every_command`, `cut_at_every_byte` |
//! | answers left over from a command that was dropped; UIDs that nobody asked for | `doubles_and_strangers_in_an_answer`, `imap::a_large_message_in_pieces` |
//! | a line break in an argument that becomes a command | `command::tests::what_could_become_a_command_is_refused` |
//! | answers that make the parser panic, overflow its stack or allocate what is announced | `guard::tests::harm_is_refused`, `one_bad_message_costs_itself_only`, `more_than_anybody_can_hold` |
//! | one unreadable answer that blocks a mailbox for ever | `one_bad_message_costs_itself_only`, `an_answer_that_is_always_unreadable_is_not_met_again_at_once` |
//! | a message, a mailbox or an extension at which the server ends the session, falls silent or refuses, again and again | `imap_stuck` |
//! | EXPUNGEs that are dropped silently after the hundredth, sequence numbers that are out of date | `expunged_and_shuffled_while_being_fetched`, `hundreds_of_expunges` |
//! | IDLE: the end of the line taken for an interruption, NO that hangs, BAD that panics, a server that gives up after 30 minutes | `idle_refused_or_abused`, `imap_midway::an_idle_cut_at_every_byte_loses_no_news`, `imap_midway::an_idle_is_renewed_before_the_server_gives_it_up`, `imap_midway::where_waiting_is_refused_new_mail_is_asked_for` |
//! | APPEND: a line before `+` that leaves the server waiting for a literal; a literal sent unasked, or beyond what LITERAL- allows | `appending`, `imap_midway::literals_go_along_as_far_as_the_server_lets_them` |
//! | passwords in what the libraries log | `logs::no_password_is_in_any_log` |
//! | parts of a message that are named in another way, are the whole message, or begin as it does | `a_server_that_does_not_know_parts_gives_messages_whole_and_right`, `guarded::tests::a_part_is_named_by_where_it_begins` |
//! | a message that is given at once only, however large | `what_comes_at_once_is_kept_where_the_line_falls`, `bounds::a_message_that_comes_at_once_is_not_held`, `a_message_that_is_too_large_is_told_with_its_size` |
//! | an end of a message that is none, in the midst of it | `a_short_answer_in_mid_message_is_not_its_end`, `a_message_that_ends_far_from_its_size_is_not_called_whole` |
//! | UIDs that fall while sequence numbers rise | `imap_midway::uids_that_fall_while_sequence_numbers_rise` |
//! | memory, whatever is announced or sent without end | `bounds::no_flood_grows_without_bound` |
//! | long lines of numbers in quadratic time | `untagged::tests::a_million_numbers_take_no_time` |
//! | responses that nobody asked for or knows, FLAGS and capabilities written in a way of their own | `what_nobody_asked_for_is_passed_over`, `capabilities_are_read_however_they_are_written` |
//! | names in UTF-8, and names of which only one connection knows how they are written | `a_name_in_plain_utf8_is_given_back_as_it_is` |
//! | ESEARCH in answer to a plain SEARCH | `a_search_that_is_answered_in_the_new_way_finds` |
//! | NAMESPACE, ESEARCH, extended LIST and STATUS that end the connection | `guarded::tests::each_line_to_its_reader_in_order`, `untagged::tests` |
//! | greetings: PREAUTH, BYE, none; capabilities of before the login believed after it | `greetings_that_are_none`, `auth::tests::each_way_in_its_order` |
//! | names in modified UTF-7, codes hidden in words | `name::tests`, `session::tests::codes` |
//! | half a command left behind by whoever gave up waiting | `imap_midway` (cut at every byte of a request, offline in mid-command and in mid-APPEND), `a_server_that_comes_and_goes_is_found_again` |
//! | certificates: self-signed, another name's, expired | `imap_tls` |

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use casemail::imap::{Body, Error, Handle, Link, MailboxAt, Pass, Position, UidSet, spawn, sync_counted, sync_once};

use crate::support::memory::{Memory, State};
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

/// A server that has no date of any message gives all of them all the same, and the session lasts.
#[tokio::test]
async fn messages_without_dates_cost_nothing() {
    let date = "INTERNALDATE \"17-Jul-2026 10:00:00 +0000\"";
    let (sink, result, connections) = five(move |asked| {
        let has = asked.good.contains(date);
        has.then(|| Act::Say(asked.good.replace(date, "INTERNALDATE NIL").into()))
    })
    .await;
    assert_eq!((result.unwrap()[0].new, connections), (5, 1));
    sink.look(|state| {
        let inbox = &state.mailboxes["INBOX"];
        assert_eq!(inbox.whole(), 5);
        assert!(inbox.messages.values().all(|message| message.internal_date.is_none()));
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

/// A list without end, a message without end, and a batch that is announced and never comes.
#[tokio::test]
async fn more_than_anybody_can_hold() {
    let listed = five(|asked| {
        let many = (0..1_000_000).map(|n| format!("* LIST () \"/\" m{n}\r\n")).collect::<String>();
        asked.command.starts_with("LIST").then(|| Act::Say(format!("{many}{} OK done\r\n", asked.tag).into_bytes()))
    })
    .await;
    let words = listed.1.unwrap_err().to_string();
    assert!(words.contains("more than 20000 mailboxes") || words.contains("on and on"), "{words}");
    assert_eq!(listed.2, 1);
    for literal in ["4294967296", "4294967295", "999999999999999999999"] {
        for command in ["LIST", "SELECT", "AUTHENTICATE", "FETCH"] {
            let (_, result, connections) = five(move |asked| {
                let text = match command {
                    "LIST" => format!("* LIST () \"/\" {{{literal}}}\r\nx"),
                    _ => format!("* 1 FETCH (UID 1 BODY[] {{{literal}}}\r\nx"),
                };
                asked.command.contains(command).then(|| Act::Say(text.into_bytes()))
            })
            .await;
            // A message that is too large is closed in on and stored as such; anywhere else it is the end.
            let fine = matches!(&result, Err(Error::Unreadable { .. })) || command == "FETCH";
            assert!(fine && connections <= 12, "{command} {literal}: {result:?}, {connections}");
        }
    }
}

/// EXPUNGE is forbidden while a FETCH is answered (RFC 9051 §7.5.1), and comes all the same; UIDs come twice, backwards and from nowhere.
#[tokio::test]
async fn expunged_and_shuffled_while_being_fetched() {
    let (sink, result, _) = five(|asked| {
        asked.command.contains("FETCH").then(|| {
            let (messages, done) = asked.good.split_at(asked.good.rfind(asked.tag).unwrap());
            let mut parts: Vec<&str> = messages.split_inclusive(")\r\n").collect();
            parts.reverse();
            parts.insert(parts.len() / 2, "* 2 EXPUNGE\r\n* 4 EXISTS\r\n");
            Act::Say(format!("{}{messages}{done}", parts.concat()).into_bytes())
        })
    })
    .await;
    result.unwrap();
    sink.look(|state| {
        let inbox = &state.mailboxes["INBOX"];
        assert_eq!((inbox.messages.len(), inbox.whole()), (5, 5));
        assert!(inbox.messages.keys().all(|uid| (1..=5).contains(uid)));
    });
}

/// A mailbox that may only be read is synced all the same; changes in it are refused before they are sent.
#[tokio::test]
async fn read_only() {
    let server = ScriptedImap::start(GREETING, Inbox::extended(5), None, |asked| {
        assert!(!asked.command.starts_with("UID STORE") && !asked.command.starts_with("UID MOVE"), "{}", asked.command);
        asked
            .command
            .starts_with("SELECT")
            .then(|| Act::Say(asked.good.replace("OK done", "OK [READ-ONLY] done").into_bytes()))
    })
    .await;
    let sink = Arc::new(Memory::default());
    let handle = spawn(server.setup(), Arc::clone(&sink));
    sink.until("all", |state| state.mailboxes.get("INBOX").is_some_and(|inbox| inbox.whole() == 5)).await;
    assert!(sink.look(|state| state.read_only.contains("INBOX")));
    let at = MailboxAt { name: Arc::from("INBOX"), uid_validity: 7 };
    let refused = Error::ReadOnly { mailbox: "INBOX".to_owned() };
    let moved = handle.move_messages(at.clone(), UidSet::from(1..=2), "Archive".to_owned()).await;
    assert_eq!(moved, Err(refused.clone()));
    assert_eq!(handle.expunge(at, UidSet::from(1..=2)).await, Err(refused));
}

/// As many EXPUNGEs as there are messages but a few, in the middle of a sync and in IDLE: none is lost count of.
#[tokio::test]
async fn hundreds_of_expunges() {
    let server = ScriptedImap::start(GREETING, Inbox::extended(400), None, |asked| {
        let gone = "* 1 EXPUNGE\r\n".repeat(395);
        (asked.command == "IDLE").then(|| Act::Say(format!("{}{gone}", asked.good).into_bytes()))
    })
    .await;
    let sink = Memory::default();
    once(&server, &sink).await.unwrap();
    {
        let mut inbox = server.inbox.lock().unwrap();
        inbox.messages.drain(..395);
    }
    let sink = Arc::new(sink);
    let handle = spawn(server.setup(), Arc::clone(&sink));
    sink.until("what is left", |state| state.mailboxes["INBOX"].messages.keys().copied().eq(396..=400)).await;
    handle.end();
}

/// A store that takes no more ends the pass with its own words; what was stored stays, and the next pass goes on.
#[tokio::test]
async fn a_full_disk() {
    let server = ScriptedImap::start(GREETING, Inbox::of(5), None, |_| None).await;
    for batches in 0..2 {
        let sink = Memory::default();
        sink.alter(|state| state.room = Some(batches));
        let error = once(&server, &sink).await.unwrap_err();
        assert_eq!(error, Error::Stopped("no room on the disk".to_owned()), "{batches}");
        sink.alter(|state| state.room = None);
        once(&server, &sink).await.unwrap();
        sink.look(|state| assert_eq!(state.mailboxes["INBOX"].whole(), 5));
    }
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

/// Whatever a server says to whichever command, at a plain server and at one that can do everything.
#[tokio::test]
async fn refused_or_unanswered_at_every_command() {
    async fn at(number: usize, extended: bool, act: &Act) -> (Memory, Result<Vec<Pass>, Error>, String) {
        let inbox = if extended { Inbox::extended(5) } else { Inbox::of(5) };
        let (act, asked_for) = (act.clone(), Arc::new(Mutex::new(String::new())));
        let heard = Arc::clone(&asked_for);
        let server = ScriptedImap::start(GREETING, inbox, None, move |asked| {
            (asked.command_number == number).then(|| {
                heard.lock().unwrap().clone_from(&asked.command.to_owned());
                match &act {
                    Act::Say(text) => Act::Say(String::from_utf8_lossy(text).replace("TAG", asked.tag).into_bytes()),
                    other => other.clone(),
                }
            })
        })
        .await;
        let sink = Memory::default();
        let mut setup = server.setup();
        setup.times.silence = Duration::from_millis(300);
        let result = tokio::time::timeout(PATIENCE, sync_once(&setup, &sink, &[])).await.expect("it hangs");
        let command = asked_for.lock().unwrap().clone();
        (sink, result, command)
    }
    for extended in [false, true] {
        // One more than a sync of five messages takes.
        for number in 0..9 {
            for act in ["TAG NO [LIMIT] not today\r\n", "TAG BAD what\r\n", "TAG NO\r\n", "TAG BAD\r\n"] {
                let (sink, result, command) = at(number, extended, &Act::Say(act.into())).await;
                // What is only nice to have is done without; a mailbox that is refused is passed over and told of; anything else is an error.
                let spared = ["ENABLE", "ID", "NAMESPACE", "LOGOUT", ""].contains(&command.split(' ').next().unwrap());
                if result.is_ok() && !spared {
                    // Or it was asked in another way.
                    let whole = |state: &State| state.mailboxes.get("INBOX").is_some_and(|inbox| inbox.whole() == 5);
                    assert!(sink.look(|state| state.refused.len() == 1 || whole(state)), "{command}: {act}");
                }
                assert!(!spared || result.is_ok(), "{command}: {act}: {result:?}");
            }
            let garbage = [
                "\u{fffd}\r\n",
                "* 1 FETCH (X {9}\r\n",
                "* LIST ((((\r\n",
                "TAG\r\n",
                "* \r\n",
                "* 4 FETCH (UID 4294967296)\r\n",
            ];
            // Or it was asked in another way.
            let whole = |sink: &Memory, result: &Result<Vec<Pass>, Error>| {
                let all = |state: &State| state.mailboxes.get("INBOX").is_some_and(|inbox| inbox.messages.len() == 5);
                result.is_ok() && sink.look(all)
            };
            for garbage in garbage {
                let (sink, result, command) = at(number, extended, &Act::Say(garbage.into())).await;
                let broken = matches!(
                    &result,
                    Err(Error::Unreadable { .. }
                        | Error::TimedOut { .. }
                        | Error::Nonsense { .. }
                        | Error::PassedOver { .. })
                );
                assert!(
                    broken || whole(&sink, &result) || command.is_empty() || command == "LOGOUT",
                    "{command}: {garbage}: {result:?}"
                );
            }
            let (sink, result, command) = at(number, extended, &Act::Silence).await;
            let late = matches!(&result, Err(Error::TimedOut { .. } | Error::PassedOver { .. }));
            assert!(
                late || whole(&sink, &result) || command.is_empty() || command == "LOGOUT",
                "{command}: {result:?}"
            );
            let bye = Act::SayAndClose(b"* BYE going down\r\n".to_vec());
            let (sink, result, command) = at(number, extended, &bye).await;
            let told = result.as_ref().is_err_and(|e| e.to_string().contains("going down"));
            assert!(
                told || whole(&sink, &result) || command.is_empty() || command == "LOGOUT",
                "{command}: {result:?}"
            );
        }
    }
}

/// The connection is cut at every byte of a session in which everything is compared: what is held stays held.
#[tokio::test]
async fn cut_at_every_byte() {
    for inbox in [Inbox::of(5), Inbox::extended(5)] {
        let cut = Arc::new(AtomicUsize::new(usize::MAX));
        let once_only = Arc::new(AtomicBool::new(false));
        let (mended, lasts) = (Arc::clone(&cut), Arc::clone(&once_only));
        // Whoever says anything is connected: what is cut of this line is settled.
        let server = ScriptedImap::start(GREETING, inbox, Some(Arc::clone(&cut)), move |_| {
            if lasts.load(Ordering::SeqCst) {
                mended.store(usize::MAX, Ordering::SeqCst);
            }
            None
        })
        .await;
        let sink = Memory::default();
        once(&server, &sink).await.unwrap();
        let again = |sink: &Memory| {
            // Compare everything, and fetch two messages anew.
            sink.alter(|state| {
                let inbox = state.mailboxes.get_mut("INBOX").unwrap();
                inbox.position = Position::default();
                inbox.messages.remove(&2);
                inbox.messages.remove(&4);
            });
        };
        again(&sink);
        let bytes = sync_counted(&server.setup(), &sink, &[]).await.unwrap().bytes_in;
        let mut whole = 0;
        let mut setup = server.setup();
        setup.times.retry_first = Duration::from_millis(1);
        for place in 0..usize::try_from(bytes).unwrap() + 10 {
            again(&sink);
            cut.store(place, Ordering::SeqCst);
            // At most places the next connection lasts; at others each is cut there.
            once_only.store(place % 64 > 0, Ordering::SeqCst);
            let result = tokio::time::timeout(PATIENCE, sync_once(&setup, &sink, &[])).await.expect("it hangs");
            sink.look(|state| {
                let held: Vec<u32> = state.mailboxes["INBOX"].messages.keys().copied().collect();
                assert!([1, 3, 5].iter().all(|uid| held.contains(uid)), "{place}: {held:?}");
                if result.is_ok() {
                    assert_eq!(held, [1, 2, 3, 4, 5], "{place}");
                }
            });
            whole += usize::from(result.is_ok());
        }
        // Where only the farewell is missing, or a connection after the first brings the rest.
        assert!(whole > 0);
        cut.store(usize::MAX, Ordering::SeqCst);
        again(&sink);
        once(&server, &sink).await.unwrap();
        sink.look(|state| assert_eq!(state.mailboxes["INBOX"].whole(), 5));
    }
}

/// A long first sync that something more urgent interrupts does not begin again from the top, and loses nothing.
#[tokio::test]
async fn an_interrupted_first_sync_goes_on_where_it_was() {
    let listed = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&listed);
    let server = ScriptedImap::start(GREETING, Inbox::extended(6_000), None, move |asked| {
        if asked.command.starts_with("FETCH") && asked.command.ends_with("(UID FLAGS RFC822.SIZE)") {
            count.fetch_add(asked.good.matches(" FETCH (").count(), Ordering::SeqCst);
        }
        None
    })
    .await;
    let sink = Arc::new(Memory::default());
    let handle = spawn(server.setup(), Arc::clone(&sink));
    let at = MailboxAt { name: Arc::from("INBOX"), uid_validity: 7 };
    for whole in [150, 1_200, 3_500, 5_000] {
        sink.until("some of it", |state| state.mailboxes.get("INBOX").is_some_and(|inbox| inbox.whole() >= whole))
            .await;
        handle.copy(at.clone(), UidSet::from(1..=1), "INBOX".to_owned()).await.unwrap();
    }
    sink.until("all of it", |state| {
        state.mailboxes["INBOX"].whole() == 6_000 && matches!(state.link(), Some(Link::Online { .. }))
    })
    .await;
    let (begun, listed) = (sink.look(|state| state.mailboxes["INBOX"].begun), listed.load(Ordering::SeqCst));
    // What is left of the chunk that was broken into is listed again.
    assert!(begun == 1 && (6_000..24_000).contains(&listed), "{begun} {listed}");
    let order = sink.look(|state| state.mailboxes["INBOX"].order.clone());
    assert!(order.len() < 6_000 + 1_500, "fetched twice: {}", order.len());
}

/// A download that is cut again and again goes on where it was.
#[tokio::test]
async fn a_download_goes_on_where_it_was() {
    let cut = Arc::new(AtomicUsize::new(usize::MAX));
    let text: String = (0..400_000).map(|n| format!("{n:07}\r\n")).collect();
    let raw = format!("Subject: large\r\n\r\n{text}");
    let inbox = Inbox { messages: vec![(1, raw.clone())], uid_next: 2, ..Inbox::of(0) };
    let served = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&served);
    let server = ScriptedImap::start(GREETING, inbox, Some(Arc::clone(&cut)), move |asked| {
        if asked.command.contains("BODY.PEEK[]<") {
            count.fetch_add(asked.good.len(), Ordering::SeqCst);
        }
        None
    })
    .await;
    let mut setup = server.setup();
    setup.limits.message_bytes_max = 1_000;
    let sink = Arc::new(Memory::default());
    let handle = spawn(setup, Arc::clone(&sink));
    sink.until("online", |state| matches!(state.link(), Some(Link::Online { live: true }))).await;
    // From here on each connection ends after 1.5 MB: one piece and a half.
    cut.store(1_500_000, Ordering::SeqCst);
    let at = MailboxAt { name: Arc::from("INBOX"), uid_validity: 7 };
    let mut got: Vec<u8> = Vec::new();
    for _ in 0..60 {
        let (to, mut pieces) = tokio::sync::mpsc::channel(1);
        let fetch = handle.download(at.clone(), 1, got.len() as u64, None, to);
        let keep = async {
            while let Some(piece) = pieces.recv().await {
                got.extend(piece);
            }
        };
        let (result, ()) = tokio::join!(fetch, keep);
        match result {
            Ok(bytes) => {
                assert_eq!(bytes, raw.len() as u64);
                break;
            }
            Err(e) => {
                assert!(matches!(e, Error::NotConnected { .. } | Error::Lost { .. } | Error::Bye { .. }), "{e:?}")
            }
        }
        handle.sync_now();
        let _ = tokio::time::timeout(
            PATIENCE,
            sink.until("a connection", |state| {
                matches!(state.link(), Some(Link::Online { .. } | Link::Syncing { .. }))
            }),
        )
        .await;
    }
    assert!(got == raw.as_bytes(), "{} of {}", got.len(), raw.len());
    // What was on its way when the line was cut is asked for again, and nothing else.
    let served = served.load(Ordering::SeqCst);
    assert!(served < raw.len() * 3, "{served}");
}

/// A server that answers two commands before it calls the first one done: each piece is put where it begins.
#[tokio::test]
async fn pieces_that_come_before_the_answer_before_them() {
    let text: String = (0..400_000).map(|n| format!("{n:07}\r\n")).collect();
    let raw = format!("Subject: large\r\n\r\n{text}");
    let inbox = Inbox { messages: vec![(1, raw.clone())], uid_next: 2, ..Inbox::of(0) };
    let held = std::sync::Mutex::new(None::<String>);
    let server = ScriptedImap::start(GREETING, inbox, None, move |asked| {
        if !asked.command.contains("BODY.PEEK[]<") {
            return None;
        }
        let (data, done) = asked.good.split_at(asked.good.rfind(asked.tag).unwrap());
        let mut held = held.lock().unwrap();
        Some(Act::Say(match held.take() {
            None => {
                *held = Some(done.to_owned());
                data.into()
            }
            Some(before) => format!("{data}{before}{done}").into(),
        }))
    })
    .await;
    let mut setup = server.setup();
    setup.limits.message_bytes_max = 1_000;
    let sink = Arc::new(Memory::default());
    let handle = spawn(setup, Arc::clone(&sink));
    sink.until("online", |state| matches!(state.link(), Some(Link::Online { live: true }))).await;
    let at = MailboxAt { name: Arc::from("INBOX"), uid_validity: 7 };
    let (to, mut pieces) = tokio::sync::mpsc::channel(1);
    let mut got: Vec<u8> = Vec::new();
    let keep = async {
        while let Some(piece) = pieces.recv().await {
            got.extend(piece);
        }
    };
    let (result, ()) = tokio::join!(handle.download(at, 1, 0, None, to), keep);
    assert_eq!(result, Ok(raw.len() as u64));
    assert!(got == raw.as_bytes(), "{} of {}", got.len(), raw.len());
}

/// What a server makes of the pieces that it is asked for.
type Piecemeal = dyn Fn(&Asked<'_>, usize) -> Option<String> + Send + Sync;

/// Downloads a message from a server that says what `says` wants, which is told where the piece begins that is asked for (where it is none: at the end of
/// all); gives the answer, and what came.
async fn piecemeal(raw: &str, says: Box<Piecemeal>) -> (Result<u64, Error>, Vec<u8>) {
    let (handle, result, got) = downloaded(raw, says).await;
    // Whatever became of it, the session goes on.
    let flags = handle.flags(MailboxAt { name: Arc::from("INBOX"), uid_validity: 7 }, UidSet::from(1..=1)).await;
    assert_eq!(flags.unwrap().len(), 1);
    (result, got)
}

/// As [`piecemeal`], whatever becomes of the session.
async fn downloaded(raw: &str, says: Box<Piecemeal>) -> (Handle, Result<u64, Error>, Vec<u8>) {
    let inbox = Inbox { messages: vec![(1, raw.to_owned())], uid_next: 2, ..Inbox::of(0) };
    let server = ScriptedImap::start(GREETING, inbox, None, move |asked| {
        let from = asked.command.split_once("BODY.PEEK[]<").and_then(|(_, part)| part.split_once('.'));
        let from = from.map_or(usize::MAX, |(from, _)| from.parse().unwrap());
        says(asked, from).map(|text| Act::Say(text.into()))
    })
    .await;
    let mut setup = server.setup();
    setup.limits.message_bytes_max = 1_000;
    let sink = Arc::new(Memory::default());
    let handle = spawn(setup, Arc::clone(&sink));
    sink.until("online", |state| matches!(state.link(), Some(Link::Online { live: true }))).await;
    let at = MailboxAt { name: Arc::from("INBOX"), uid_validity: 7 };
    let (to, mut pieces) = tokio::sync::mpsc::channel(1);
    let mut got: Vec<u8> = Vec::new();
    let keep = async {
        while let Some(piece) = pieces.recv().await {
            got.extend(piece);
        }
    };
    let (result, ()) = tokio::join!(handle.download(at, 1, 0, None, to), keep);
    (handle, result, got)
}

fn large_text() -> String {
    let text: String = (0..400_000).map(|n| format!("{n:07}\r\n")).collect();
    format!("Subject: large\r\n\r\n{text}")
}

/// Where the second piece of a message begins, and the third.
const SECOND: usize = 256 << 10;
const THIRD: usize = SECOND + (1 << 20);

/// NIL, nothing, or fewer bytes than were asked for, in the midst of a message: once, and it is asked for again.
#[tokio::test]
async fn a_short_answer_in_mid_message_is_not_its_end() {
    let raw = large_text();
    for what in ["NIL", "nothing", "half a piece"] {
        let once = std::sync::atomic::AtomicBool::new(false);
        let says = move |asked: &Asked<'_>, from: usize| {
            if from != THIRD || once.swap(true, Ordering::SeqCst) {
                return None;
            }
            let tag = asked.tag;
            Some(match what {
                "NIL" => format!("* 1 FETCH (UID 1 BODY[]<{from}> NIL)\r\n{tag} OK done\r\n"),
                "nothing" => format!("{tag} OK done\r\n"),
                _ => {
                    let half = &asked.good[asked.good.find("\r\n").unwrap() + 2..][..500_000];
                    format!("* 1 FETCH (UID 1 BODY[]<{from}> {{500000}}\r\n{half})\r\n{tag} OK done\r\n")
                }
            })
        };
        let (result, got) = piecemeal(&raw, Box::new(says)).await;
        assert_eq!((result, got.len()), (Ok(raw.len() as u64), raw.len()), "{what}");
        assert!(got == raw.as_bytes(), "{what}");
    }
}

/// A server that never gives more than it likes at once, whatever it is asked for.
#[tokio::test]
async fn a_server_that_gives_little_at_once_gives_everything() {
    let raw = large_text();
    let whole = raw.clone();
    let says = move |asked: &Asked<'_>, from: usize| {
        let piece = whole.get(from..)?;
        let piece = &piece[..piece.len().min(100_000)];
        let (tag, bytes) = (asked.tag, piece.len());
        Some(format!("* 1 FETCH (UID 1 BODY[]<{from}> {{{bytes}}}\r\n{piece})\r\n{tag} OK done\r\n"))
    };
    let (result, got) = piecemeal(&raw, Box::new(says)).await;
    assert_eq!(result, Ok(raw.len() as u64));
    assert!(got == raw.as_bytes(), "{}", got.len());
}

/// It gives nothing more of a message, however often it is asked.
#[tokio::test]
async fn a_message_that_ends_far_from_its_size_is_not_called_whole() {
    let raw = large_text();
    let ends = |at: usize| {
        move |asked: &Asked<'_>, from: usize| {
            (from != usize::MAX && from >= at).then(|| format!("{} OK done\r\n", asked.tag))
        }
    };
    let (result, got) = piecemeal(&raw, Box::new(ends(THIRD))).await;
    let words = result.unwrap_err().to_string();
    assert!(words.contains("the server gives only 1.4 MB of this message, to which it ascribes 3.7 MB"), "{words}");
    assert_eq!(got.len(), THIRD);
    // Servers estimate: what is not far from it is taken.
    let (result, got) = piecemeal(&raw, Box::new(ends(THIRD + (1 << 20)))).await;
    assert_eq!((result, got.len()), (Ok(got.len() as u64), THIRD + (1 << 20)));
    for (says, good) in [(raw.len() * 19 / 10, true), (raw.len() / 2, true), (raw.len() * 3, false)] {
        let lies = move |asked: &Asked<'_>, from: usize| {
            let size = asked.good.split_once("RFC822.SIZE ").filter(|_| from == usize::MAX)?.1;
            let size = &size[..size.find(|c: char| !c.is_ascii_digit()).unwrap()];
            Some(asked.good.replace(&format!("RFC822.SIZE {size}"), &format!("RFC822.SIZE {says}")))
        };
        let (result, got) = piecemeal(&raw, Box::new(lies)).await;
        assert_eq!((result.is_ok(), got.len()), (good, raw.len()), "{says}");
    }
}

/// Mailboxes beside INBOX, and what a server says of them: LIST, LSUB and STATUS as lines. A STATUS of one is refused without a code.
async fn named(inbox: Inbox, says: impl Fn(&str) -> Vec<&'static str> + Send + Sync + 'static) -> ScriptedImap {
    ScriptedImap::start(GREETING, inbox, None, move |asked| {
        let word = asked.command.split(' ').next().unwrap_or_default();
        let lines: String = says(word).into_iter().map(|line| format!("{line}\r\n")).collect();
        match word {
            "LIST" | "LSUB" | "STATUS" if !lines.is_empty() => say(format!("{lines}{}", asked.good)),
            "STATUS" => say(format!("{} NO what is that\r\n", asked.tag)),
            _ => None,
        }
    })
    .await
}

/// Twisted writes names with blanks without quotes: what such a line says of a mailbox is not known, and it is opened to see.
#[tokio::test]
async fn a_status_that_cannot_be_read_costs_what_it_would_have_said() {
    for inbox in [Inbox::of(5), Inbox::extended(5), Inbox { extensions: "CONDSTORE", ..Inbox::of(5) }] {
        let server = named(inbox, |word| match word {
            "LIST" => vec![
                "* LIST () \"/\" \"Sent Items\"",
                "* LIST () \"/\" Cases",
                "* STATUS Sent Items (MESSAGES 5 UIDNEXT 6 UIDVALIDITY 7)",
            ],
            "STATUS" => vec!["* STATUS Sent Items (MESSAGES 5 UIDNEXT 6 UIDVALIDITY 7)"],
            _ => Vec::new(),
        })
        .await;
        let sink = Memory::default();
        for _ in 0..2 {
            once(&server, &sink).await.unwrap();
            sink.look(|state| {
                let whole: Vec<(&str, usize)> =
                    state.mailboxes.iter().map(|(name, kept)| (name.as_str(), kept.whole())).collect();
                assert_eq!(whole, [("Cases", 5), ("INBOX", 5), ("Sent Items", 5)]);
            });
        }
        assert_eq!(server.connections(), 2);
    }
}

/// A name that cannot be read may be that of what is held, and one that was cut short is another mailbox's: nothing leaves for it, and it is told. One that is
/// only told twice is nothing to tell of.
#[tokio::test]
async fn a_name_that_cannot_be_read_takes_nothing_away() {
    let good = ["* LIST (\\Subscribed) \"/\" Cases", "* LIST (\\Subscribed) \"/\" Other"];
    let unreadable = ["* LIST (\\Subscribed \"/\" Cases", good[1]];
    let cut_short = [good[0], "* LIST () \"/\" Cases (2024 (a))"];
    for (inbox, then, is_told) in [
        (Inbox::of(5), unreadable, true),
        (Inbox::extended(5), unreadable, true),
        (Inbox::extended(5), cut_short, true),
        (Inbox::extended(5), [good[0], good[0]], false),
    ] {
        let is_later = Arc::new(AtomicBool::new(false));
        let later = Arc::clone(&is_later);
        let server = named(inbox, move |word| match (word, later.load(Ordering::SeqCst)) {
            ("LIST", false) => good.to_vec(),
            ("LIST", true) => then.into_iter().chain([good[1]]).collect(),
            ("LSUB", false) => vec!["* LSUB () \"/\" Cases", "* LSUB () \"/\" Other"],
            ("LSUB", true) => vec!["* LSUB () Cases", "* LSUB () \"/\" Other"],
            _ => Vec::new(),
        })
        .await;
        let sink = Memory::default();
        once(&server, &sink).await.unwrap();
        sink.look(|state| assert!(state.notes.is_empty(), "{:?}", state.notes));
        is_later.store(true, Ordering::SeqCst);
        once(&server, &sink).await.unwrap();
        sink.look(|state| {
            assert_eq!(state.gone, []);
            assert_eq!(state.mailboxes["Cases"].whole(), 5);
            let told = state.notes.iter().any(|words| words.contains("cannot be read"));
            assert_eq!(told, is_told, "{then:?}: {:?}", state.notes);
        });
    }
}

/// A server gives less of a part than it is asked for, or tells a size that it only estimates and refuses what lies behind the end.
#[tokio::test]
async fn a_short_part_is_not_taken_for_the_whole() {
    let raw = format!("Subject: long\r\n\r\n{}", "The weir is open.\r\n".repeat(200));
    for caps in [true, false] {
        let inbox = Inbox { messages: vec![(1, raw.clone())], uid_next: 2, ..Inbox::of(0) };
        let whole = raw.clone();
        let server = ScriptedImap::start(GREETING, inbox, None, move |asked| {
            let tag = asked.tag;
            let Some((_, part)) = asked.command.split_once("BODY.PEEK[]<") else {
                let told = format!("RFC822.SIZE {}", whole.len() + if caps { 0 } else { 90 });
                return say(asked.good.replace(&format!("RFC822.SIZE {}", whole.len()), &told));
            };
            let from: usize = part.split('.').next().unwrap().parse().unwrap();
            if !caps && from > 0 {
                return say(format!("{tag} NO there is nothing\r\n"));
            }
            let rest = whole.get(from..).unwrap_or_default();
            let body = &rest[..rest.len().min(if caps { 700 } else { usize::MAX })];
            say(format!("* 1 FETCH (UID 1 BODY[]<{from}> {{{}}}\r\n{body})\r\n{tag} OK done\r\n", body.len()))
        })
        .await;
        let mut setup = server.setup();
        setup.limits.message_bytes_max = 1_000;
        let sink = Arc::new(Memory::default());
        let handle = spawn(setup, Arc::clone(&sink));
        sink.until("online", |state| matches!(state.link(), Some(Link::Online { live: true }))).await;
        let at = MailboxAt { name: Arc::from("INBOX"), uid_validity: 7 };
        let fetched = tokio::time::timeout(PATIENCE, handle.fetch(at, 1)).await.expect("it hangs").unwrap();
        let Body::Whole(got) = fetched.body else { panic!("{fetched:?}") };
        assert_eq!(String::from_utf8_lossy(&got), raw, "{caps}");
    }
}

/// What servers make of the part of a message that they are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parts {
    /// It is named as it was asked for: hoodiecrow.
    Echoed,
    /// All of the message, named so: Twisted.
    AllEchoed,
    /// All of the message, called that.
    All,
    /// As much as was asked for, from its beginning, named as the part that was asked for.
    FromTheTop,
    /// The same, named as what it is.
    FromTheTopTold,
    /// It is named in a way that nobody can read.
    Garbled,
}

impl Parts {
    pub(crate) const EACH: [Self; 6] =
        [Self::Echoed, Self::AllEchoed, Self::All, Self::FromTheTop, Self::FromTheTopTold, Self::Garbled];

    /// The answer to a command that asks for a part; `None`: it asks for none.
    pub(crate) fn answer(self, asked: &Asked<'_>, uid: u32, raw: &str) -> Option<Act> {
        let (_, part) = asked.command.split_once("BODY.PEEK[]<")?;
        let part = part.split_once('>').unwrap().0;
        let (from, size) = part.split_once('.').unwrap();
        let top = raw.get(..size.parse().unwrap()).unwrap_or(raw);
        let (name, body) = match self {
            Self::Echoed => {
                let good = asked.good.replacen(&format!("BODY[]<{from}>"), &format!("BODY[]<{part}>"), 1);
                return Some(Act::Say(good.into()));
            }
            Self::AllEchoed => (format!("BODY[]<{part}>"), raw),
            Self::All => ("BODY[]".to_owned(), raw),
            Self::FromTheTop => (format!("BODY[]<{from}>"), top),
            Self::FromTheTopTold => ("BODY[]<0>".to_owned(), top),
            Self::Garbled => (format!("BODY[]<{from}-{size}>"), top),
        };
        let (tag, bytes) = (asked.tag, body.len());
        Some(Act::Say(format!("* {uid} FETCH (UID {uid} {name} {{{bytes}}}\r\n{body})\r\n{tag} OK done\r\n").into()))
    }
}

/// Whatever a server makes of parts, a message is read whole and right, from its beginning and from where it broke off; and a server that is found not to
/// know them is not asked for them in the same session again.
#[tokio::test]
async fn a_server_that_does_not_know_parts_gives_messages_whole_and_right() {
    let large = large_text();
    for parts in Parts::EACH {
        let sizes = [(large.len(), 0), (large.len(), THIRD + 5), (400_000, 0), (400_000, SECOND), (100_000, 0)];
        // These come with the end of the command in one read.
        for (bytes, have) in sizes.into_iter().chain([(2_000, 0), (2_000, 700)]) {
            let raw = large[..bytes].to_owned();
            let inbox = Inbox { messages: vec![(1, raw.clone())], uid_next: 2, ..Inbox::of(0) };
            let asked_for_parts = Arc::new(AtomicUsize::new(0));
            let (whole, count) = (raw.clone(), Arc::clone(&asked_for_parts));
            let server = ScriptedImap::start(GREETING, inbox, None, move |asked| {
                let answer = parts.answer(asked, 1, &whole)?;
                count.fetch_add(1, Ordering::SeqCst);
                Some(answer)
            })
            .await;
            let mut setup = server.setup();
            setup.limits.message_bytes_max = 1_000;
            let sink = Arc::new(Memory::default());
            let handle = spawn(setup, Arc::clone(&sink));
            let at = || MailboxAt { name: Arc::from("INBOX"), uid_validity: 7 };
            sink.until("online", |state| matches!(state.link(), Some(Link::Online { live: true }))).await;
            let mut before = 0;
            for time in 0..2 {
                let (to, mut pieces) = tokio::sync::mpsc::channel(1);
                let mut got = raw.as_bytes()[..have].to_vec();
                let keep = async {
                    while let Some(piece) = pieces.recv().await {
                        got.extend(piece);
                    }
                };
                let (result, ()) = tokio::join!(handle.download(at(), 1, have as u64, None, to), keep);
                assert_eq!(result, Ok(bytes as u64), "{parts:?}, {bytes} from {have}, {time}");
                assert!(got == raw.as_bytes(), "{parts:?}, {bytes} from {have}, {time}: {} bytes", got.len());
                let fetched = handle.fetch(at(), 1).await.unwrap();
                let is_right =
                    matches!(&fetched.body, casemail::imap::Body::Whole(whole) if **whole == *raw.as_bytes());
                assert!(is_right, "{parts:?}, {bytes} from {have}, {time}: {} bytes", fetched.body.len());
                let asked = asked_for_parts.load(Ordering::SeqCst);
                // What is short enough is all there is, whoever says so.
                if time > 0 && parts != Parts::Echoed && bytes > SECOND {
                    assert_eq!(asked, before, "{parts:?}, {bytes} from {have}");
                }
                before = asked;
            }
            handle.end();
        }
    }
}

/// A short letter whose size is told too large, at a server that knows no parts, and another one behind it: each is read as what it is.
#[tokio::test]
async fn a_short_letter_that_comes_at_once_is_read_and_leaves_nothing_to_the_next() {
    let letter = |name: &str, lines: usize| format!("Subject: {name}\r\n\r\n{}", "The weir is open.\r\n".repeat(lines));
    let letters = [letter("one", 100), letter("two", 120)];
    let messages: Vec<(u32, String)> = (1..).zip(letters.clone()).collect();
    let inbox = Inbox { messages, uid_next: 3, ..Inbox::of(0) };
    let raws = letters.clone();
    let server = ScriptedImap::start(GREETING, inbox, None, move |asked| {
        let of = |command: &str| command.split(' ').nth(2).and_then(|uid| uid.parse::<usize>().ok());
        if let Some(uid) = of(asked.command).filter(|_| asked.command.contains("BODY.PEEK[]<")) {
            return Parts::AllEchoed.answer(asked, u32::try_from(uid).unwrap(), &raws[uid - 1]);
        }
        let told = |good: String, raw: &String| {
            good.replace(&format!("RFC822.SIZE {}", raw.len()), &format!("RFC822.SIZE {}", raw.len() + 90))
        };
        say(raws.iter().fold(asked.good.to_owned(), told))
    })
    .await;
    let mut setup = server.setup();
    setup.limits.message_bytes_max = 1_000;
    let sink = Arc::new(Memory::default());
    let handle = spawn(setup, Arc::clone(&sink));
    let at = || MailboxAt { name: Arc::from("INBOX"), uid_validity: 7 };
    sink.until("online", |state| matches!(state.link(), Some(Link::Online { live: true }))).await;
    for (uid, raw) in (1..).zip(&letters).chain((1..).zip(&letters)) {
        let (to, mut pieces) = tokio::sync::mpsc::channel(1);
        let mut got: Vec<u8> = Vec::new();
        let keep = async {
            while let Some(piece) = pieces.recv().await {
                got.extend(piece);
            }
        };
        let (_, ()) = tokio::join!(handle.download(at(), uid, 0, None, to), keep);
        assert_eq!(String::from_utf8_lossy(&got), *raw);
        let fetched = tokio::time::timeout(PATIENCE, handle.fetch(at(), uid)).await.expect("it hangs").unwrap();
        let Body::Whole(got) = fetched.body else { panic!("{fetched:?}") };
        assert_eq!(String::from_utf8_lossy(&got), *raw);
    }
}

/// A message that comes at once is handed on as it comes: where the line falls in the midst of it, what came is kept, and it goes on behind that.
#[tokio::test]
async fn what_comes_at_once_is_kept_where_the_line_falls() {
    let raw = large_text();
    let cut = Arc::new(AtomicUsize::new(2_000_000));
    let inbox = Inbox { messages: vec![(1, raw.clone())], uid_next: 2, ..Inbox::of(0) };
    let whole = raw.clone();
    let server = ScriptedImap::start(GREETING, inbox, Some(Arc::clone(&cut)), move |asked| {
        Parts::Garbled.answer(asked, 1, &whole)
    })
    .await;
    let mut setup = server.setup();
    setup.limits.message_bytes_max = 1_000;
    let sink = Arc::new(Memory::default());
    let handle = spawn(setup, Arc::clone(&sink));
    let at = || MailboxAt { name: Arc::from("INBOX"), uid_validity: 7 };
    sink.until("online", |state| matches!(state.link(), Some(Link::Online { live: true }))).await;
    let mut got: Vec<u8> = Vec::new();
    for attempt in 0..60 {
        let (to, mut pieces) = tokio::sync::mpsc::channel(1);
        let fetch = handle.download(at(), 1, got.len() as u64, None, to);
        let keep = async {
            while let Some(piece) = pieces.recv().await {
                got.extend(piece);
            }
        };
        let (result, ()) = tokio::join!(fetch, keep);
        if attempt == 0 {
            assert!(result.is_err(), "{result:?}");
            assert!((1 << 20..2_000_000).contains(&got.len()) && raw.as_bytes().starts_with(&got), "{}", got.len());
            cut.store(usize::MAX, Ordering::SeqCst);
        }
        if result == Ok(raw.len() as u64) {
            break;
        }
        handle.sync_now();
        let connected = |state: &State| matches!(state.link(), Some(Link::Online { .. } | Link::Syncing { .. }));
        let _ = tokio::time::timeout(PATIENCE, sink.until("a connection", connected)).await;
    }
    assert!(got == raw.as_bytes(), "{} of {}", got.len(), raw.len());
}

/// A message that is larger than any that is fetched: it is said how large it is, and what can be done.
#[tokio::test]
async fn a_message_that_is_too_large_is_told_with_its_size() {
    let says = |asked: &Asked<'_>, from: usize| {
        let at_once = || "* 1 FETCH (UID 1 BODY[] {600000000}\r\nx".to_owned();
        if from != usize::MAX {
            return Some(format!("* 1 FETCH (UID 1 BODY[]<{from}-9> {{1}}\r\nx)\r\n{} OK done\r\n", asked.tag));
        }
        asked.command.contains("BODY.PEEK[])").then(at_once)
    };
    let (_handle, result, got) = downloaded(&large_text(), Box::new(says)).await;
    let words = result.unwrap_err().to_string();
    assert!(
        words.contains("this message has 600.0 MB or more, and no more than 536.9 MB of one are fetched"),
        "{words}"
    );
    assert_eq!(got.len(), 0);
}

/// What nobody asked for and nobody knows costs nothing, wherever it stands (RFC 9051 §2.2.2), nor does what is said of flags in a way of its own.
#[tokio::test]
async fn what_nobody_asked_for_is_passed_over() {
    const LINES: &str = "* FLAGS (\\Seen  \\Flagged)\r\n* FLAGS (\\Seen \"a b\" 50%)\r\n* FLAGS NIL\r\n* METADATA \"\" (/private/comment {3}\r\na\nb)\r\n\
        * XAPPLEPUSHSERVICE \"a\" {2}\r\n)(\r\n* THREAD (1)(2 (3))\r\n* LANGUAGE (de)\r\n* 3 STORE (FLAGS ())\r\n* 3 FETCH ()\r\n* 3 FETCH NIL\r\n\
        * QUOTA \"\" (STORAGE x)\r\n* ANNOTATION ((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((\r\n";
    for inbox in [Inbox::of(5), Inbox::extended(5)] {
        let server = ScriptedImap::start(GREETING, inbox, None, |asked| {
            let is_login = asked.command.starts_with("AUTHENTICATE");
            (!is_login && asked.command != "IDLE").then(|| Act::Say(format!("{LINES}{}", asked.good).into()))
        })
        .await;
        let sink = Memory::default();
        let passes = once(&server, &sink).await.unwrap();
        assert_eq!((passes[0].new, server.connections()), (5, 1));
        sink.look(|state| assert_eq!(state.mailboxes["INBOX"].whole(), 5));
    }
}

/// Capabilities with blanks of their own, and those of a server that knows the second revision only.
#[tokio::test]
async fn capabilities_are_read_however_they_are_written() {
    for (greeting, told) in [
        (GREETING, "IMAP4rev1  IDLE   UIDPLUS "),
        ("* OK [CAPABILITY IMAP4rev1  SASL-IR AUTH=PLAIN LOGINDISABLED] ready\r\n", " IMAP4rev1 IDLE UIDPLUS"),
        ("* OK [CAPABILITY IMAP4rev2 SASL-IR AUTH=PLAIN LOGINDISABLED] ready\r\n", "IMAP4rev2 IDLE UIDPLUS"),
        ("* OK ready\r\n", "IMAP4rev2 AUTH=PLAIN SASL-IR LOGINDISABLED \"X\""),
    ] {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let commands = Arc::clone(&heard);
        let server = ScriptedImap::start(greeting, Inbox::of(5), None, move |asked| {
            commands.lock().unwrap().push(asked.command.to_owned());
            let tag = asked.tag;
            match asked.command {
                "CAPABILITY" => say(format!("* CAPABILITY {told}\r\n{tag} OK done\r\n")),
                command if command.starts_with("AUTHENTICATE") => say(format!("{tag} OK in\r\n")),
                _ => None,
            }
        })
        .await;
        let sink = Memory::default();
        let result = once(&server, &sink).await;
        assert_eq!(result.map(|passes| passes[0].new), Ok(5), "{greeting} {told}");
        let heard = heard.lock().unwrap();
        assert!(heard.iter().any(|command| command.starts_with("AUTHENTICATE PLAIN")), "{greeting}: {heard:?}");
        assert!(heard.iter().filter(|command| *command == "CAPABILITY").count() <= 2, "{greeting}: {heard:?}");
    }
}

/// A name that a server lists in UTF-8, and not in the way of the standard, is that of a mailbox that can be opened, by each connection.
#[tokio::test]
async fn a_name_in_plain_utf8_is_given_back_as_it_is() {
    let server = ScriptedImap::start(GREETING, Inbox::of(5), None, |asked| match asked.command {
        "LIST \"\" \"*\"" => say(format!("* LIST () \"/\" \"Entw\u{fc}rfe\"\r\n{}", asked.good)),
        command if command.contains("Entw&") => say(format!("{} NO there is none\r\n", asked.tag)),
        _ => None,
    })
    .await;
    let sink = Arc::new(Memory::default());
    let handle = spawn(server.setup(), Arc::clone(&sink));
    sink.until("both", |state| {
        let is_here = state.mailboxes.get("Entw\u{fc}rfe").is_some_and(|drafts| drafts.whole() == 5);
        is_here && matches!(state.link(), Some(Link::Online { live: true }))
    })
    .await;
    let at = MailboxAt { name: Arc::from("Entw\u{fc}rfe"), uid_validity: 7 };
    assert_eq!(handle.flags(at, UidSet::from(1..=2)).await.map(|flags| flags.len()), Ok(2));
}

/// A server that knows the second revision only answers a search in its own way: what it found was found.
#[tokio::test]
async fn a_search_that_is_answered_in_the_new_way_finds() {
    let server = ScriptedImap::start(GREETING, Inbox::of(5), None, |asked| {
        let line = format!("* ESEARCH (TAG \"{}\") UID ALL 2,4:5\r\n", asked.tag);
        asked.command.starts_with("UID SEARCH HEADER").then(|| Act::Say(format!("{line}{}", asked.good).into()))
    })
    .await;
    let sink = Arc::new(Memory::default());
    let handle = spawn(server.setup(), Arc::clone(&sink));
    sink.until("online", |state| matches!(state.link(), Some(Link::Online { live: true }))).await;
    let found = handle.find(Some("INBOX".to_owned()), "weir@quillpounce.example".to_owned()).await.unwrap();
    assert_eq!(found.uids, [2, 4, 5]);
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
    *server.inbox.lock().unwrap() = Inbox {
        uid_validity: 8,
        messages: vec![(1, "Subject: another\r\n\r\nx\r\n".to_owned())],
        uid_next: 2,
        extensions: "",
    };
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

/// An ESEARCH that is not whole, refused, or nonsense takes nothing away.
#[tokio::test]
async fn a_census_that_lies_takes_nothing() {
    for answer in [
        "* ESEARCH (TAG \"x\") UID COUNT 5 ALL 1:2\r\nTAG OK done\r\n",
        "* ESEARCH (TAG \"x\") UID COUNT 2 ALL 1:2\r\nTAG OK done\r\n",
        "* ESEARCH (TAG \"x\") UID\r\nTAG OK done\r\n",
        "* ESEARCH (TAG \"x\") COUNT 5 ALL 21:25\r\nTAG OK done\r\n",
        "TAG OK done\r\n",
        "TAG NO [SERVERBUG] oops\r\n",
        "TAG BAD what\r\n",
    ] {
        let inbox = Inbox { extensions: "CONDSTORE ESEARCH", ..Inbox::of(5) };
        let server = ScriptedImap::start(GREETING, inbox, None, move |asked| {
            let census = asked.command.starts_with("UID SEARCH RETURN");
            census.then(|| Act::Say(answer.replace("TAG", asked.tag).into_bytes()))
        })
        .await;
        let sink = Memory::default();
        once(&server, &sink).await.unwrap();
        // One is counted as held that was removed since.
        sink.alter(|state| {
            let inbox = state.mailboxes.get_mut("INBOX").unwrap();
            let stranger = inbox.messages[&5].clone();
            inbox.messages.insert(6, casemail::imap::Fetched { uid: 6, ..stranger });
            inbox.position.uid_next = Some(7);
        });
        server.inbox.lock().unwrap().uid_next = 7;
        once(&server, &sink).await.unwrap();
        sink.look(|state| {
            assert_eq!(
                state.mailboxes["INBOX"].messages.keys().copied().collect::<Vec<_>>(),
                [1, 2, 3, 4, 5],
                "{answer}"
            )
        });
    }
}

/// A server that counts messages and lists none of them ends the pass; where they are few that is told, and what it did give is kept.
#[tokio::test]
async fn what_is_counted_and_not_given_is_told_and_ends() {
    for (exists, withheld) in [(8, Some(3)), (u32::MAX, None)] {
        let (sink, result, connections) = five(move |asked| {
            let good = asked.good.replace("* 5 EXISTS", &format!("* {exists} EXISTS"));
            asked.command.starts_with("SELECT").then(|| Act::Say(good.into_bytes()))
        })
        .await;
        match withheld {
            Some(count) => {
                assert_eq!((result.unwrap()[0].withheld, connections), (count, 1));
                sink.look(|state| assert_eq!(state.mailboxes["INBOX"].whole(), 5));
            }
            None => assert!(result.unwrap_err().to_string().contains("lists nothing of"), "{connections}"),
        }
    }
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
    let refused = handle.append("Nowhere".to_owned(), Arc::clone(&raw), Default::default(), None).await;
    assert_eq!(refused, Err(Error::NoMailbox { mailbox: "Nowhere".to_owned() }));
    // The server is not left waiting for a literal: the next command is answered.
    let filed = handle.append("INBOX".to_owned(), raw, Default::default(), None).await.unwrap();
    assert_eq!(filed.uid, Some((7, 99)));
    let nul: Arc<[u8]> = Arc::from(&b"a\0b"[..]);
    let refused = handle.append("INBOX".to_owned(), nul, Default::default(), None).await;
    assert!(matches!(refused, Err(Error::Unsendable { .. })));
    let no_sent = handle.find(None, "x@y".to_owned()).await;
    assert_eq!(no_sent, Err(Error::NoMailbox { mailbox: "\\Sent".to_owned() }));
}

#[tokio::test]
async fn a_server_that_comes_and_goes_is_found_again() {
    // The second has logged in, which is to stand: it is begun again at once, one time, and nobody is told of a wait. Before it and behind it is one each
    // time; some of those that follow are for requests.
    for (ends, least, most) in [(2, 1, 1), (8, 3, 7)] {
        let server = ScriptedImap::start(GREETING, Inbox::of(5), None, move |asked| {
            // The first connections end at ever later commands.
            (asked.connection < ends && asked.command_number == asked.connection)
                .then_some(Act::SayAndClose(Vec::new()))
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
        assert!((least..=most).contains(&waits) && began.elapsed() < PATIENCE, "{ends}: {waits}");
        handle.end();
    }
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
        // Each way to ask, and twice more to see that it is no chance.
        assert!(connections <= 4, "{phase}: {connections} connections");
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
