//! A server that fails at one message, at one mailbox or at one of its own extensions, again and again: what lies behind is synced all the same.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use casemail::imap::{AccountSetup, Link, MailboxAt, StoreFlags, UidSet, spawn, sync_once};
use casemail::net::sasl::{Kept, Proof, TokenSource};
use casemail::net::{Culprit, Secret};
use casemail::store::flags::Flags;
use futures::FutureExt as _;

use crate::imap_hostile::Parts;
use crate::imap_lanes::several;
use crate::support::memory::{Memory, State};
use crate::support::scripted_imap::{Act, Asked, DONE, GREETING, Inbox, ScriptedImap};

/// Whatever happens, it happens within this time.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server with INBOX and Cases, of the same messages. The script is told which one is open.
async fn two(inbox: Inbox, script: impl Fn(&Asked<'_>, &str) -> Option<Act> + Send + Sync + 'static) -> ScriptedImap {
    several(&["Cases"], inbox, script).await
}

/// As an impatient person would have it.
fn setup(server: &ScriptedImap) -> AccountSetup {
    let mut setup = server.setup();
    setup.times.silence = Duration::from_millis(300);
    setup.times.poll = Duration::from_millis(200);
    setup.times.recheck = Duration::from_millis(10);
    setup
}

fn whole(state: &State, mailbox: &str) -> usize {
    state.mailboxes.get(mailbox).map_or(0, crate::support::memory::Kept::whole)
}

/// Bodies of INBOX are asked for, and this message is among them.
fn has(asked: &Asked<'_>, mailbox: &str, uid: u32) -> bool {
    mailbox == "INBOX" && asked.command.contains("BODY.PEEK[]") && asked.good.contains(&format!("(UID {uid} "))
}

/// The same of message 3.
fn third(asked: &Asked<'_>, mailbox: &str) -> bool {
    has(asked, mailbox, 3)
}

/// All but message 3 of INBOX, which has its row.
fn all_but_the_third(state: &State) -> bool {
    let inbox = state.mailboxes.get("INBOX");
    inbox.is_some_and(|inbox| inbox.whole() == 4 && inbox.unfetchable() == [3]) && whole(state, "Cases") == 5
}

#[tokio::test]
async fn a_message_at_which_the_session_ends_costs_itself_only() {
    for (what, ends) in [
        ("BYE", Act::SayAndClose(b"* BYE FETCH failed: it is broken\r\n".to_vec())),
        ("hangs up", Act::SayAndClose(Vec::new())),
        ("silence", Act::Silence),
    ] {
        for extended in [false, true] {
            let act = ends.clone();
            let inbox = if extended { Inbox::extended(5) } else { Inbox::of(5) };
            let server = two(inbox, move |asked, mailbox| {
                third(asked, mailbox).then(|| match &act {
                    // As Dovecot does: what comes before it, then no more.
                    Act::SayAndClose(text) => {
                        let before = &asked.good[..asked.good.find("* 3 FETCH").unwrap()];
                        Act::SayAndClose([before.as_bytes(), text].concat())
                    }
                    other => other.clone(),
                })
            })
            .await;
            let sink = Arc::new(Memory::default());
            let handle = spawn(setup(&server), Arc::clone(&sink));
            sink.until(&format!("{what}, {extended}"), |state| {
                all_but_the_third(state) && matches!(state.link(), Some(Link::Online { .. }))
            })
            .await;
            sink.look(|state| {
                let inbox = &state.mailboxes["INBOX"];
                assert!(inbox.position.uid_next.is_some(), "{what}: its passes come to no end");
                assert_eq!(inbox.whole_order.len(), 4, "{what}: {:?}", inbox.whole_order);
            });
            handle.end();
            // And whoever syncs once.
            let sink = Memory::default();
            let result =
                tokio::time::timeout(PATIENCE, sync_once(&setup(&server), &sink, &[])).await.expect("it hangs");
            assert!(result.is_ok(), "{what}: {result:?}");
            assert!(sink.look(all_but_the_third), "{what}");
        }
    }
}

/// A line that was bad for a while, and no bad message: it is whole as soon as the line is.
#[tokio::test]
async fn a_message_that_was_lost_with_the_line_is_whole_when_the_line_is() {
    for losses in 1..=4 {
        let left = AtomicU32::new(losses);
        let server = two(Inbox::of(5), move |asked, mailbox| {
            let is_cut = third(asked, mailbox) && left.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)).is_ok();
            is_cut.then(|| Act::SayAndClose(Vec::new()))
        })
        .await;
        let sink = Arc::new(Memory::default());
        let handle = spawn(setup(&server), Arc::clone(&sink));
        sink.until(&format!("{losses} losses"), |state| whole(state, "INBOX") == 5 && whole(state, "Cases") == 5).await;
        handle.end();
    }
}

/// A bad message beside one that was lost with the line: the one is told, the other comes, whichever is found first.
#[tokio::test]
async fn a_bad_message_does_not_take_one_along_that_was_lost_with_the_line() {
    for (bad, lost) in [(3, 4), (4, 3), (1, 5), (5, 1)] {
        for losses in 1..=8 {
            let left = AtomicU32::new(losses);
            let server = two(Inbox::of(5), move |asked, mailbox| {
                // The line fails at it alone, and only so often.
                let alone = has(asked, mailbox, lost) && asked.good.matches("(UID ").count() == 1;
                let is_cut = has(asked, mailbox, bad)
                    || alone && left.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)).is_ok();
                is_cut.then(|| Act::SayAndClose(Vec::new()))
            })
            .await;
            let sink = Arc::new(Memory::default());
            let handle = spawn(setup(&server), Arc::clone(&sink));
            sink.until(&format!("{bad}, {lost}, {losses}"), |state| {
                let inbox = state.mailboxes.get("INBOX");
                inbox.is_some_and(|inbox| inbox.whole().saturating_add(inbox.unfetchable().len()) == 5)
                    && whole(state, "Cases") == 5
            })
            .await;
            sink.look(|state| {
                let inbox = &state.mailboxes["INBOX"];
                assert_eq!(inbox.unfetchable(), [bad], "{bad}, {lost}, {losses}");
            });
            handle.end();
        }
    }
}

#[tokio::test]
async fn a_message_that_is_refused_costs_itself_only() {
    for refusal in ["NO [SERVERBUG] broken", "NO broken", "BAD broken"] {
        for batch_messages in [2, 200] {
            let server = two(Inbox::of(5), move |asked, mailbox| {
                let text = format!("{} {refusal}\r\n", asked.tag);
                third(asked, mailbox).then(|| Act::Say(text.into_bytes()))
            })
            .await;
            let mut setup = setup(&server);
            setup.limits.batch_messages = batch_messages;
            let sink = Arc::new(Memory::default());
            let handle = spawn(setup.clone(), Arc::clone(&sink));
            sink.until(&format!("{refusal}, {batch_messages}"), all_but_the_third).await;
            // The first connection lives: nothing was read as the answer of another command.
            assert!(server.connections() <= 2, "{refusal}: {}", server.connections());
            handle.end();
            let sink = Memory::default();
            let result = tokio::time::timeout(PATIENCE, sync_once(&setup, &sink, &[])).await.expect("it hangs");
            assert!(result.is_ok(), "{refusal}: {result:?}");
            assert!(sink.look(all_but_the_third), "{refusal}");
        }
    }
}

/// A server that gives no body of any message is ill; none of them is written off.
#[tokio::test]
async fn where_nothing_comes_nothing_is_given_up() {
    let well = Arc::new(AtomicBool::new(false));
    for refusal in ["NO [UNAVAILABLE] the disk is away", "NO [LIMIT] not today"] {
        well.store(false, SeqCst);
        let is_well = Arc::clone(&well);
        let server = two(Inbox::of(5), move |asked, mailbox| {
            let no = mailbox == "INBOX" && asked.command.contains("BODY.PEEK[]") && !is_well.load(SeqCst);
            no.then(|| Act::Say(format!("{} {refusal}\r\n", asked.tag).into_bytes()))
        })
        .await;
        let sink = Arc::new(Memory::default());
        let handle = spawn(setup(&server), Arc::clone(&sink));
        sink.until("several rounds", |state| state.refused.len() >= 4 && whole(state, "Cases") == 5).await;
        sink.look(|state| assert_eq!(state.mailboxes["INBOX"].unfetchable(), [0_u32; 0], "{refusal}"));
        well.store(true, SeqCst);
        sink.until("all", |state| whole(state, "INBOX") == 5).await;
        handle.end();
    }
}

/// Whether another message still comes is asked by a part of one; whatever the server makes of that, the one that cannot be had gets its row.
#[tokio::test]
async fn a_part_that_is_answered_strangely_does_not_end_the_look_at_what_cannot_be_had() {
    for parts in Parts::EACH {
        let server = two(Inbox::of(5), move |asked, mailbox| {
            if has(asked, mailbox, 6) {
                return Some(Act::SayAndClose(Vec::new()));
            }
            parts.answer(asked, 5, "Subject: No. 5\r\n\r\nhello\r\n")
        })
        .await;
        let sink = Arc::new(Memory::default());
        tokio::time::timeout(PATIENCE, sync_once(&setup(&server), &*sink, &[])).await.expect("it hangs").unwrap();
        {
            let mut inbox = server.inbox.lock().unwrap();
            inbox.messages.push((6, "Subject: No. 6\r\n\r\nhello\r\n".to_owned()));
            inbox.uid_next = 7;
        }
        let handle = spawn(setup(&server), Arc::clone(&sink));
        sink.until(&format!("{parts:?}"), |state| {
            state.mailboxes["INBOX"].unfetchable() == [6] && matches!(state.link(), Some(Link::Online { .. }))
        })
        .await;
        handle.end();
    }
}

#[tokio::test]
async fn a_mailbox_at_which_the_session_ends_is_passed_over() {
    for (what, ends) in [
        ("BYE", Act::SayAndClose(b"* BYE SELECT failed\r\n".to_vec())),
        ("silence", Act::Silence),
        ("garbage", Act::Say("\u{fffd}\u{fffd}\r\n".into())),
    ] {
        for extended in [false, true] {
            let well = Arc::new(AtomicBool::new(false));
            let (act, is_well) = (ends.clone(), Arc::clone(&well));
            let inbox = if extended { Inbox::extended(5) } else { Inbox::of(5) };
            let server = two(inbox, move |asked, mailbox| {
                let open = asked.command.starts_with("SELECT") && mailbox == "INBOX";
                (open && !is_well.load(SeqCst)).then(|| act.clone())
            })
            .await;
            let mut setup = setup(&server);
            setup.times.poll = Duration::from_secs(2);
            let sink = Arc::new(Memory::default());
            let handle = spawn(setup, Arc::clone(&sink));
            sink.until(&format!("{what}, {extended}"), |state| {
                let told = state.refused.iter().any(|(mailbox, why)| mailbox == "INBOX" && why.contains("passed over"));
                told && whole(state, "Cases") == 5 && state.links.iter().any(|link| matches!(link, Link::Online { .. }))
            })
            .await;
            // It is tried again, and comes as soon as it can be had.
            well.store(true, SeqCst);
            sink.until("INBOX after all", |state| whole(state, "INBOX") == 5).await;
            handle.end();
        }
    }
}

/// A server at which the session ends by what only saves something is asked without it, once that happened twice; and that is told.
#[tokio::test]
async fn what_is_only_nice_to_have_and_ends_the_session_is_done_without() {
    for (what, command, extended) in [
        ("STATUS", "STATUS ", false),
        ("LIST-STATUS", "LIST \"\" \"*\" RETURN (SUBSCRIBED SPECIAL-USE STATUS", true),
        ("NOTIFY", "NOTIFY ", true),
    ] {
        for ends in [
            Act::SayAndClose(b"* BYE it crashed\r\n".to_vec()),
            Act::SayAndClose(Vec::new()),
            Act::Say("\u{fffd}\u{fffd}\r\n".into()),
            Act::Silence,
        ] {
            let told = format!("{what}, {ends:?}");
            let falls = Arc::new(AtomicUsize::new(0));
            let count = Arc::clone(&falls);
            let inbox = if extended { Inbox::extended(5) } else { Inbox::of(5) };
            let server = two(inbox, move |asked, _| {
                let falls = asked.command.starts_with(command);
                // Several are on their way at once.
                let is_first = falls && !asked.command.contains("Cases");
                count.fetch_add(usize::from(is_first), SeqCst);
                falls.then(|| ends.clone())
            })
            .await;
            let sink = Arc::new(Memory::default());
            let handle = spawn(setup(&server), Arc::clone(&sink));
            sink.until(&told, |state| {
                let is_live = matches!(state.link(), Some(Link::Online { live: true }));
                let is_noted = state.notes.iter().any(|words| words.contains(&format!("fails at {what} again")));
                whole(state, "INBOX") == 5 && whole(state, "Cases") == 5 && is_live && is_noted
            })
            .await;
            // It is looked around several times more.
            let looks = |state: &State| state.mailboxes["Cases"].passes.len();
            let before = sink.look(looks);
            handle.sync_now();
            if !extended {
                sink.until(&told, |state| looks(state) > before + 2).await;
            }
            assert_eq!(falls.load(SeqCst), 2, "{told}");
            handle.end();
            if what != "NOTIFY" {
                let sink = Memory::default();
                let result = tokio::time::timeout(PATIENCE, sync_once(&setup(&server), &sink, &[])).await;
                assert!(result.expect("it hangs").is_ok(), "{told}");
                sink.look(|state| assert_eq!((whole(state, "INBOX"), whole(state, "Cases")), (5, 5), "{told}"));
            }
        }
    }
}

/// A line that is no answer to what is only nice to have, and comes in the midst of it, is not laid to its charge.
#[tokio::test]
async fn what_is_only_nice_to_have_is_not_blamed_for_another_line() {
    for (command, extended) in [("LIST \"\" \"*\" RETURN (SUBSCRIBED SPECIAL-USE STATUS", true), ("STATUS ", false)] {
        for line in [
            "* 1 FETCH (UID 1 FLAGS (\\Seen\r\n",
            "* 1 FETCH (UID 1 BODY[] {999999999}\r\n",
            "* SEARCH what\r\n",
            "* 3 EXISTS EXISTS\r\n",
            "* 99999999999 EXISTS\r\n",
        ] {
            let asked_for = Arc::new(AtomicUsize::new(0));
            let count = Arc::clone(&asked_for);
            let inbox = if extended { Inbox::extended(5) } else { Inbox::of(5) };
            let server = two(inbox, move |asked, _| {
                let is_first = asked.command.starts_with(command) && !asked.command.contains("Cases");
                (is_first && count.fetch_add(1, SeqCst) < 3).then(|| Act::Say(format!("{line}{}", asked.good).into()))
            })
            .await;
            let sink = Arc::new(Memory::default());
            let handle = spawn(setup(&server), Arc::clone(&sink));
            sink.until(line, |state| {
                let is_live = matches!(state.link(), Some(Link::Online { live: true }));
                whole(state, "INBOX") == 5 && whole(state, "Cases") == 5 && is_live
            })
            .await;
            assert!(asked_for.load(SeqCst) > 3, "{command} {line}");
            sink.look(|state| assert!(state.notes.is_empty(), "{command} {line}: {:?}", state.notes));
            handle.end();
        }
    }
}

/// UW imapd and its kin let one session change an mbox; whoever opens it takes it over. What was lost so is taken back to change something.
#[tokio::test]
async fn a_mailbox_that_another_session_took_over_is_opened_again_to_change_it() {
    // At its first opening, or with the end of the waiting.
    for told_later in [false, true] {
        let sessions = Mutex::new(HashMap::<usize, (usize, bool)>::new());
        let server = ScriptedImap::start(GREETING, Inbox::of(5), None, move |asked| {
            let mut sessions = sessions.lock().unwrap();
            let (opened, is_ours) = sessions.entry(asked.connection).or_default();
            let text = match asked.command {
                command if command.starts_with("SELECT") => {
                    *opened += 1;
                    *is_ours = told_later || *opened > 1;
                    if *is_ours { return None } else { asked.good.replace("OK done", "OK [READ-ONLY] done") }
                }
                DONE if told_later && *opened == 1 => {
                    *is_ours = false;
                    format!("* OK [READ-ONLY] lock surrendered\r\n{}", asked.good)
                }
                command if command.starts_with("UID STORE") && !*is_ours => format!("{} NO read only\r\n", asked.tag),
                _ => return None,
            };
            Some(Act::Say(text.into()))
        })
        .await;
        let sink = Arc::new(Memory::default());
        let handle = spawn(server.setup(), Arc::clone(&sink));
        sink.until("all", |state| {
            whole(state, "INBOX") == 5 && matches!(state.link(), Some(Link::Online { live: true }))
        })
        .await;
        let change = StoreFlags {
            at: MailboxAt { name: Arc::from("INBOX"), uid_validity: 7 },
            uids: UidSet::from(1..=1),
            add: Flags::new(Flags::FLAGGED, Vec::new()),
            remove: Flags::default(),
            unchanged_since: None,
        };
        assert!(handle.store_flags(change).await.is_ok(), "{told_later}");
        handle.end();
    }
}

/// That a mailbox may only be read passes, and shows in nothing but the answer when it is opened.
#[tokio::test]
async fn a_mailbox_that_could_only_be_read_for_a_while_is_looked_at_again() {
    let locked = Arc::new(AtomicBool::new(true));
    let is_locked = Arc::clone(&locked);
    let server = two(Inbox::extended(5), move |asked, mailbox| {
        let no = asked.command.starts_with("SELECT") && mailbox == "Cases" && is_locked.load(SeqCst);
        no.then(|| Act::Say(asked.good.replace("OK done", "OK [READ-ONLY] done").into()))
    })
    .await;
    let sink = Arc::new(Memory::default());
    let handle = spawn(setup(&server), Arc::clone(&sink));
    sink.until("locked", |state| state.read_only.contains("Cases") && whole(state, "Cases") == 5).await;
    locked.store(false, SeqCst);
    sink.until("open", |state| !state.read_only.contains("Cases")).await;
    handle.end();
}

/// A password that was refused is not sent again because somebody wants everything synced: servers lock accounts for it. It is when it is another one, or when
/// the account is tried by itself.
#[tokio::test]
async fn a_refused_password_is_not_sent_again_by_itself() {
    for is_fetched in [false, true] {
        let (logins, mended) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (count, is_mended) = (Arc::clone(&logins), Arc::clone(&mended));
        let server = ScriptedImap::start(GREETING, Inbox::of(5), None, move |asked| {
            let login = asked.command.strip_prefix("AUTHENTICATE PLAIN ")?;
            count.fetch_add(1, SeqCst);
            // NUL, quill, NUL, right.
            let no = login != "AHF1aWxsAHJpZ2h0";
            no.then(|| Act::Say(format!("{} NO [AUTHENTICATIONFAILED] wrong\r\n", asked.tag).into()))
        })
        .await;
        let mut setup = setup(&server);
        if is_fetched {
            let source = TokenSource::new(move |_| {
                let password = if is_mended.load(SeqCst) { "right" } else { "gnome" };
                async move { Ok(Secret::new(password.to_owned())) }.boxed()
            });
            setup.credentials.proof = Proof::Fetched(Kept::new(source));
        }
        let sink = Arc::new(Memory::default());
        let handle = spawn(setup, Arc::clone(&sink));
        let refusals = async |many: usize| {
            let is_refused = |link: &&Link| matches!(link, Link::Waiting { culprit: Culprit::Credentials, .. });
            let what = format!("{many} refusals, {is_fetched}");
            sink.until(&what, |state| state.links.iter().filter(is_refused).count() == many).await;
        };
        refusals(1).await;
        for many in 2..=4 {
            handle.sync_now();
            refusals(many).await;
        }
        assert_eq!(logins.load(SeqCst), 1, "{is_fetched}");
        sink.look(|state| {
            let words = format!("{:?}", state.link());
            assert!(words.contains("does not accept") && words.contains("list of connections"), "{words}");
        });
        handle.try_again();
        refusals(5).await;
        assert_eq!(logins.load(SeqCst), 2, "{is_fetched}");
        handle.set_online(false);
        sink.until("offline", |state| state.link() == Some(&Link::Offline)).await;
        handle.set_online(true);
        refusals(6).await;
        assert_eq!(logins.load(SeqCst), 3, "{is_fetched}");
        mended.store(true, SeqCst);
        if is_fetched {
            handle.sync_now();
        } else {
            handle.set_password(Secret::new("right".to_owned()));
        }
        sink.until("in", |state| whole(state, "INBOX") == 5).await;
        handle.end();
    }
}

/// Where the server ends every session, it is not the mailboxes'.
#[tokio::test]
async fn a_server_that_ends_every_session_is_no_matter_of_its_mailboxes() {
    let server = two(Inbox::of(5), |asked, _| {
        asked.command.starts_with("SELECT").then(|| Act::SayAndClose(b"* BYE going down\r\n".to_vec()))
    })
    .await;
    let sink = Arc::new(Memory::default());
    let handle = spawn(setup(&server), Arc::clone(&sink));
    sink.until("many attempts", |state| {
        state.links.iter().filter(|link| matches!(link, Link::Waiting { .. })).count() >= 12
    })
    .await;
    sink.look(|state| {
        assert!(!state.links.iter().any(|link| matches!(link, Link::Online { .. })), "{:?}", state.links);
        assert_eq!(state.refused, []);
    });
    handle.end();
}

/// Mailboxes that nobody watches are looked at in their time, whatever goes on in INBOX.
#[tokio::test]
async fn a_busy_inbox_does_not_put_off_the_look_at_the_others() {
    let lists = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&lists);
    let server = two(Inbox::extended(5), move |asked, _| {
        count.fetch_add(usize::from(asked.command.starts_with("LIST")), SeqCst);
        (asked.command == "IDLE").then(|| Act::Say(format!("{}* 1 FETCH (FLAGS ())\r\n", asked.good).into_bytes()))
    })
    .await;
    let mut setup = setup(&server);
    setup.times.idle = Duration::from_millis(20);
    setup.times.poll = Duration::from_millis(400);
    let sink = Arc::new(Memory::default());
    let handle = spawn(setup, Arc::clone(&sink));
    let began = Instant::now();
    while lists.load(SeqCst) < 4 {
        assert!(began.elapsed() < Duration::from_secs(20), "looked {} times", lists.load(SeqCst));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    handle.end();
}

/// Nor are they put off for ever by one that takes its time.
#[tokio::test]
async fn a_mailbox_that_takes_its_time_does_not_put_off_the_look_at_the_others() {
    const MESSAGES: u32 = 2_000;
    let (lists, meanwhile) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (count, noted) = (Arc::clone(&lists), Arc::clone(&meanwhile));
    let server = ScriptedImap::start(GREETING, Inbox::of(MESSAGES), None, move |asked| {
        let lists = count.fetch_add(usize::from(asked.command.starts_with("LIST")), SeqCst);
        if asked.command.contains("BODY.PEEK[]") {
            noted.store(lists, SeqCst);
        }
        None
    })
    .await;
    let mut setup = setup(&server);
    setup.limits.batch_messages = 10;
    setup.times.poll = Duration::from_millis(20);
    let sink = Arc::new(Memory::default());
    let handle = spawn(setup, Arc::clone(&sink));
    sink.until_within(PATIENCE, "all of it", |state| whole(state, "INBOX") == MESSAGES as usize).await;
    handle.end();
    assert!(meanwhile.load(SeqCst) > 1, "{} looks", meanwhile.load(SeqCst));
    sink.look(|state| assert_eq!(state.mailboxes["INBOX"].whole_order.len(), MESSAGES as usize));
}

/// The connection that waits for news is lost with the server: so is the leading one, though nothing is said over it for hours.
#[tokio::test]
async fn a_server_that_is_gone_is_not_called_up_to_date() {
    let down = Arc::new(AtomicBool::new(false));
    let is_down = Arc::clone(&down);
    let server = ScriptedImap::start(GREETING, Inbox::of(5), None, move |_| {
        is_down.load(SeqCst).then(|| Act::SayAndClose(Vec::new()))
    })
    .await;
    let mut setup = setup(&server);
    setup.times.idle = Duration::from_millis(20);
    setup.times.poll = Duration::from_secs(3_600);
    let sink = Arc::new(Memory::default());
    let handle = spawn(setup, Arc::clone(&sink));
    sink.until("all", |state| matches!(state.link(), Some(Link::Online { live: true }))).await;
    down.store(true, SeqCst);
    sink.until("it is gone", |state| matches!(state.link(), Some(Link::Waiting { .. }))).await;
    handle.end();
}

/// A line that brings one message before it drops is used as it comes, without waits that grow.
#[tokio::test]
async fn waits_do_not_grow_while_something_comes() {
    let brought = Mutex::new(HashMap::<usize, usize>::new());
    let server = ScriptedImap::start(GREETING, Inbox::of(16), None, move |asked| {
        if !asked.command.contains("BODY.PEEK[]") {
            return None;
        }
        let mut brought = brought.lock().unwrap();
        let times = brought.entry(asked.connection).or_default();
        *times += 1;
        (*times > 1).then(|| Act::SayAndClose(Vec::new()))
    })
    .await;
    let mut setup = server.setup();
    setup.limits.batch_messages = 1;
    setup.times.retry_ceiling = Duration::from_secs(300);
    let sink = Arc::new(Memory::default());
    let handle = spawn(setup, Arc::clone(&sink));
    sink.until("all of it", |state| whole(state, "INBOX") == 16).await;
    sink.look(|state| assert_eq!(state.mailboxes["INBOX"].whole_order.len(), 16));
    handle.end();
}

/// Without modification sequences all of INBOX is compared. What is told meanwhile does not make it begin anew.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_comparison_that_is_broken_into_goes_on() {
    const MESSAGES: u32 = 3_000;
    // What is told in IDLE, and how often it was begun since.
    let (tell, idles) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let watched = Arc::new(AtomicBool::new(false));
    let (chunks, commands) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (said, begun, on) = (Arc::clone(&tell), Arc::clone(&idles), Arc::clone(&watched));
    let (listed, asked_for) = (Arc::clone(&chunks), Arc::clone(&commands));
    let server = ScriptedImap::start(GREETING, Inbox::of(MESSAGES), None, move |asked| {
        if asked.command == "IDLE" {
            begun.fetch_add(1, SeqCst);
            let news = said.swap(false, SeqCst);
            return news.then(|| Act::Say(format!("{}* 1 FETCH (FLAGS ())\r\n", asked.good).into_bytes()));
        }
        if on.load(SeqCst) && (asked.command.contains("FETCH") || asked.command.starts_with("SELECT")) {
            asked_for.fetch_add(1, SeqCst);
        }
        let is_list = asked.command.starts_with("FETCH") && asked.command.ends_with("(UID FLAGS RFC822.SIZE)");
        if is_list && on.load(SeqCst) {
            listed.fetch_add(1, SeqCst);
            // The next IDLE but one shows that the news was heard.
            said.store(true, SeqCst);
            let (from, began) = (begun.load(SeqCst), Instant::now());
            tokio::task::block_in_place(|| {
                while begun.load(SeqCst) < from + 2 && began.elapsed() < PATIENCE {
                    std::thread::yield_now();
                }
            });
        }
        None
    })
    .await;
    let mut setup = server.setup();
    setup.times.silence = PATIENCE;
    setup.times.idle = Duration::from_millis(20);
    setup.times.poll = Duration::from_secs(3_600);
    let sink = Arc::new(Memory::default());
    let handle = spawn(setup, Arc::clone(&sink));
    sink.until_within(PATIENCE, "all", |state| {
        whole(state, "INBOX") == MESSAGES as usize && matches!(state.link(), Some(Link::Online { live: true }))
    })
    .await;
    server.inbox.lock().unwrap().messages.remove(0);
    watched.store(true, SeqCst);
    tell.store(true, SeqCst);
    sink.until_within(PATIENCE, "the first is gone", |state| {
        let inbox = &state.mailboxes["INBOX"];
        !inbox.messages.contains_key(&1) && matches!(state.link(), Some(Link::Online { live: true }))
    })
    .await;
    handle.end();
    let (chunks, commands) = (chunks.load(SeqCst), commands.load(SeqCst));
    assert!((2..=8).contains(&chunks) && commands <= 60, "{chunks} lists, {commands} commands");
    sink.look(|state| assert_eq!(state.mailboxes["INBOX"].messages.len(), MESSAGES as usize - 1));
}

/// Servers tell of what happened meanwhile with the end of IDLE, too.
#[tokio::test]
async fn flags_that_are_told_with_the_end_of_idle_are_looked_for() {
    let (tell, lists) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let (told, listed) = (Arc::clone(&tell), Arc::clone(&lists));
    let server = ScriptedImap::start(GREETING, Inbox::of(40), None, move |asked| {
        let is_list = asked.command.starts_with("FETCH") && asked.command.ends_with("(UID FLAGS RFC822.SIZE)");
        listed.fetch_add(usize::from(is_list), SeqCst);
        let news = asked.command == DONE && told.swap(false, SeqCst);
        news.then(|| Act::Say(format!("* 1 FETCH (FLAGS ())\r\n{}", asked.good).into_bytes()))
    })
    .await;
    let mut setup = setup(&server);
    setup.times.idle = Duration::from_millis(20);
    setup.times.poll = Duration::from_secs(3_600);
    let sink = Arc::new(Memory::default());
    let handle = spawn(setup, Arc::clone(&sink));
    sink.until("all", |state| whole(state, "INBOX") == 40 && matches!(state.link(), Some(Link::Online { live: true })))
        .await;
    let (before, began) = (lists.load(SeqCst), Instant::now());
    tell.store(true, SeqCst);
    while lists.load(SeqCst) == before {
        assert!(began.elapsed() < PATIENCE, "nothing is compared");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    handle.end();
}

/// Without modification sequences only an event says that flags changed: it is not forgotten with the line.
#[tokio::test]
async fn flags_that_changed_are_looked_for_once_more_where_the_line_was_lost() {
    let (told, lists) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (tell, listed) = (Arc::clone(&told), Arc::clone(&lists));
    let server = ScriptedImap::start(GREETING, Inbox::of(40), None, move |asked| {
        if asked.command == "IDLE" && tell.load(SeqCst) == 1 {
            tell.store(2, SeqCst);
            return Some(Act::Say(format!("{}* 1 FETCH (FLAGS ())\r\n", asked.good).into_bytes()));
        }
        let is_list = asked.command.starts_with("FETCH") && asked.command.ends_with("(UID FLAGS RFC822.SIZE)");
        if is_list && tell.load(SeqCst) == 2 && listed.fetch_add(1, SeqCst) == 0 {
            return Some(Act::SayAndClose(Vec::new()));
        }
        None
    })
    .await;
    let mut setup = setup(&server);
    setup.times.idle = Duration::from_millis(20);
    setup.times.poll = Duration::from_secs(3_600);
    let sink = Arc::new(Memory::default());
    let handle = spawn(setup, Arc::clone(&sink));
    let is_live = |state: &State| matches!(state.link(), Some(Link::Online { live: true }));
    sink.until("all", |state| whole(state, "INBOX") == 40 && is_live(state)).await;
    told.store(1, SeqCst);
    let connected = |state: &State| state.links.iter().filter(|link| matches!(link, Link::Connecting)).count();
    sink.until("a session anew", |state| connected(state) == 2 && is_live(state)).await;
    assert_eq!(lists.load(SeqCst), 2);
    handle.end();
}

/// Where no modification sequence tells, a round in which neither UIDNEXT nor the number of messages changed is not spent on comparing all.
#[tokio::test]
async fn not_every_round_compares_everything() {
    let (lists, opened) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (listed, selected) = (Arc::clone(&lists), Arc::clone(&opened));
    let server = two(Inbox::of(300), move |asked, mailbox| {
        let cases = mailbox == "Cases";
        let list = asked.command.starts_with("FETCH") && asked.command.ends_with("(UID FLAGS RFC822.SIZE)");
        listed.fetch_add(usize::from(cases && list), SeqCst);
        selected.fetch_add(usize::from(cases && asked.command.starts_with("SELECT")), SeqCst);
        None
    })
    .await;
    let mut setup = setup(&server);
    setup.times.poll = Duration::from_millis(30);
    let sink = Arc::new(Memory::default());
    let handle = spawn(setup, Arc::clone(&sink));
    let rounds = |count: usize| {
        let opened = Arc::clone(&opened);
        async move {
            let began = Instant::now();
            while opened.load(SeqCst) < count {
                assert!(began.elapsed() < PATIENCE, "{}", opened.load(SeqCst));
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    };
    rounds(15).await;
    // Two commands list 300.
    let (all, begun) = (lists.load(SeqCst), opened.load(SeqCst));
    assert!((4..=2 * (begun / 5 + 2)).contains(&all), "{all} lists in {begun} rounds");
    // What is looked at is compared each time.
    handle.look_first(vec!["Cases".to_owned()]);
    let before = lists.load(SeqCst);
    rounds(opened.load(SeqCst) + 8).await;
    let all = lists.load(SeqCst) - before;
    assert!(all >= 2 * 5, "{all} lists of what is looked at");
    handle.end();
}

/// What a server offers and does not understand is done without, on the same connection.
#[tokio::test]
async fn capabilities_that_lie_are_done_without() {
    for lie in ["LIST \"\" \"*\" RETURN", "SELECT \"INBOX\" (", "SELECT \"Cases\" ("] {
        let server = two(Inbox::extended(5), move |asked, _| {
            asked.command.starts_with(lie).then(|| Act::Say(format!("{} BAD what\r\n", asked.tag).into_bytes()))
        })
        .await;
        let sink = Memory::default();
        for pass in 0..2 {
            sync_once(&setup(&server), &sink, &[]).await.unwrap_or_else(|e| panic!("{lie}, {pass}: {e}"));
            sink.look(|state| {
                assert_eq!((whole(state, "INBOX"), whole(state, "Cases")), (5, 5), "{lie}");
                assert_eq!(state.refused, [], "{lie}");
            });
            // The next one has something to see.
            sink.alter(|state| state.mailboxes.get_mut("Cases").unwrap().position.exists = 4);
            sink.alter(|state| state.mailboxes.get_mut("INBOX").unwrap().position.exists = 4);
        }
        assert_eq!(server.connections(), 2, "{lie}");
    }
}

/// RFC 5161 §3.2: enabled is what ENABLED names.
#[tokio::test]
async fn qresync_that_was_not_enabled_is_not_used() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hears = Arc::clone(&heard);
    let server = two(Inbox::extended(5), move |asked, _| {
        hears.lock().unwrap().push(asked.command.to_owned());
        (asked.command == "ENABLE QRESYNC")
            .then(|| Act::Say(format!("* ENABLED\r\n{} OK done\r\n", asked.tag).into_bytes()))
    })
    .await;
    let sink = Memory::default();
    for _ in 0..2 {
        sync_once(&setup(&server), &sink, &[]).await.unwrap();
        sink.alter(|state| state.mailboxes.values_mut().for_each(|kept| kept.position.exists = 4));
    }
    let heard = heard.lock().unwrap();
    assert!(heard.iter().filter(|command| command.starts_with("SELECT")).count() >= 4, "{heard:?}");
    assert!(!heard.iter().any(|command| command.contains("(QRESYNC (")), "{heard:?}");
}

/// RFC 7162 §3.2.11: what comes before CLOSED is about the mailbox that was open.
#[tokio::test]
async fn what_comes_before_closed_is_about_the_other_mailbox() {
    let server = two(Inbox::extended(5), |asked, _| {
        let about_inbox = "* VANISHED (EARLIER) 1:4\r\n* 2 FETCH (UID 2 FLAGS (\\Deleted))\r\n* 9 EXISTS\r\n* OK [CLOSED] that was it\r\n";
        let open = asked.command.starts_with("SELECT \"Cases\" (QRESYNC");
        open.then(|| Act::Say(format!("{about_inbox}{}", asked.good).into_bytes()))
    })
    .await;
    let sink = Memory::default();
    sync_once(&setup(&server), &sink, &[]).await.unwrap();
    sink.alter(|state| state.mailboxes.values_mut().for_each(|kept| kept.position.exists = 4));
    let passes = sync_once(&setup(&server), &sink, &[]).await.unwrap();
    sink.look(|state| {
        let cases = &state.mailboxes["Cases"];
        assert_eq!((cases.messages.len(), cases.whole()), (5, 5), "{passes:?}");
        assert!(cases.messages.values().all(|message| !message.flags.deleted()));
    });
    assert!(passes.iter().all(|pass| pass.vanished == 0 && pass.new == 0), "{passes:?}");
}

/// A mailbox that has another UIDVALIDITY each time it is opened, or goes back to one that it had, is not fetched anew each time.
#[tokio::test]
async fn a_uidvalidity_that_flaps_costs_nothing() {
    let (opened, each) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let (count, changes) = (Arc::clone(&opened), Arc::clone(&each));
    let server = two(Inbox::of(5), move |asked, mailbox| {
        let open = mailbox == "INBOX" && asked.command.starts_with("SELECT") && changes.load(SeqCst);
        let other = 100 + count.fetch_add(usize::from(open), SeqCst);
        open.then(|| Act::Say(asked.good.replace("UIDVALIDITY 7", &format!("UIDVALIDITY {other}")).into_bytes()))
    })
    .await;
    let sink = Arc::new(Memory::default());
    let handle = spawn(setup(&server), Arc::clone(&sink));
    sink.until("all", |state| whole(state, "INBOX") == 5 && whole(state, "Cases") == 5).await;
    each.store(true, SeqCst);
    let refused = |state: &State| {
        state.refused.iter().any(|(mailbox, why)| mailbox == "INBOX" && why.contains("another UIDVALIDITY each time"))
    };
    sink.until("doubt", refused).await;
    sink.look(|state| assert_eq!((whole(state, "INBOX"), state.mailboxes["INBOX"].begun), (5, 1)));
    each.store(false, SeqCst);
    // Once is believed; back again is not.
    server.inbox.lock().unwrap().uid_validity = 8;
    sink.until("made anew", |state| state.mailboxes["INBOX"].uid_validity == 8 && whole(state, "INBOX") == 5).await;
    sink.alter(|state| state.refused.clear());
    server.inbox.lock().unwrap().uid_validity = 7;
    sink.until("doubt", refused).await;
    sink.look(|state| assert_eq!((whole(state, "INBOX"), state.mailboxes["INBOX"].begun), (5, 2)));
    handle.end();
}

/// A request is answered although a mailbox is out of reach.
#[tokio::test]
async fn requests_are_served_while_a_mailbox_is_passed_over() {
    let server = two(Inbox::of(5), |asked, mailbox| {
        let open = asked.command.starts_with("SELECT") && mailbox == "INBOX";
        open.then(|| Act::SayAndClose(b"* BYE SELECT failed\r\n".to_vec()))
    })
    .await;
    let mut setup = setup(&server);
    setup.times.poll = Duration::from_secs(3_600);
    let sink = Arc::new(Memory::default());
    let handle = spawn(setup, Arc::clone(&sink));
    sink.until("the rest", |state| matches!(state.link(), Some(Link::Online { .. })) && whole(state, "Cases") == 5)
        .await;
    let at = MailboxAt { name: Arc::from("Cases"), uid_validity: 7 };
    let copied = tokio::time::timeout(PATIENCE, handle.copy(at, UidSet::from(1..=1), "Cases".to_owned())).await;
    assert!(copied.expect("it hangs").is_ok());
    handle.end();
}
