//! Changes that a server puts off, refuses or does not answer, by commands of the built program at a scripted server: nothing is lost, nothing is
//! done twice, and a person is asked where nobody can know.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use casemail::app::effect::{Deed, FlagChange};
use casemail::engine::query::Filter;
use casemail::engine::{Engine, Opening};
use casemail::store::profile::Profile;
use casemail::store::vault::Vault;

use crate::engine::eventually;
use crate::imap_lanes::several;
use crate::sending::both;
use crate::support::home::{Home, PASSPHRASE};
use crate::support::scripted_imap::{Act, Asked, GREETING, Inbox, ScriptedImap};
use crate::support::submission::{Answer, Script, Scripted};

/// A message without a Message-ID.
const NAMELESS: &[u8] = b"From: Otter <otter@chambers.example>\r\nSubject: the weir\r\n\r\nNo name.\r\n";

struct World {
    server: ScriptedImap,
    home: Home,
    asked: Arc<AtomicUsize>,
}

impl World {
    /// A profile that was synced once. While `works` is not set, `then` answers commands that begin with `counted`, which are counted.
    async fn start(
        works: &Arc<AtomicBool>,
        counted: &'static str,
        then: impl Fn(&Asked<'_>) -> Act + Send + Sync + 'static,
    ) -> Self {
        let (works, asked) = (Arc::clone(works), Arc::new(AtomicUsize::new(0)));
        let counter = Arc::clone(&asked);
        let server = ScriptedImap::start(GREETING, Inbox::of(5), None, move |asked| {
            if !asked.command.starts_with(counted) {
                return None;
            }
            counter.fetch_add(1, SeqCst);
            (!works.load(SeqCst)).then(|| then(asked))
        })
        .await;
        let home = Home::new();
        let at = server.endpoint();
        home.configure(&home.config(&at, &at, server.ca_file(), ""));
        let world = Self { server, home, asked };
        world.does(&["sync"], b"", 0);
        world
    }

    /// Runs a command beside the server; gives what it said.
    fn does(&self, words: &[&str], input: &[u8], code: i32) -> String {
        let ran = tokio::task::block_in_place(|| self.home.run(words, input));
        assert_eq!(ran.code, code, "{words:?}: {ran:?}");
        ran.err
    }

    /// State and reason of what waits.
    fn waiting(&self) -> Vec<(String, String, String)> {
        let listed = tokio::task::block_in_place(|| self.home.json(&["change", "list"]));
        let rows = listed["changes"].as_array().unwrap();
        let text = |row: &serde_json::Value, name: &str| row[name].as_str().unwrap().to_owned();
        rows.iter().map(|row| (text(row, "state"), text(row, "why"), row["step"].to_string())).collect()
    }

    fn first(&self) -> String {
        let listed = tokio::task::block_in_place(|| self.home.json(&["message", "list"]));
        listed["messages"][0]["id"].as_str().unwrap().to_owned()
    }

    fn arrives(&self, raw: &[u8]) {
        let mut inbox = self.server.inbox.lock().unwrap();
        let uid = inbox.uid_next;
        inbox.messages.push((uid, String::from_utf8(raw.to_vec()).unwrap()));
        inbox.uid_next += 1;
    }
}

/// What Exchange Online and others say when they want to be asked later: never taken for a no.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_puts_off_is_told_again() {
    for words in [
        "BAD Request is throttled. Suggested Backoff Time: 299541 milliseconds",
        "NO Server Unavailable. 15",
        "NO [LIMIT] too many at once",
        "NO [OVERQUOTA] no room",
        "BAD User is authenticated but not connected.",
    ] {
        let works = Arc::new(AtomicBool::new(false));
        let world =
            World::start(&works, "UID STORE", move |asked| Act::Say(format!("{} {words}\r\n", asked.tag).into_bytes()))
                .await;
        let id = world.first();
        world.does(&["message", "flag", &id, "--set", "flagged"], b"", 75);
        let waiting = world.waiting();
        assert!(waiting.len() == 1 && ["stuck", "waiting"].contains(&waiting[0].0.as_str()), "{words}: {waiting:?}");
        assert!(!waiting[0].1.is_empty(), "{words}");
        let before = world.asked.load(SeqCst);
        works.store(true, SeqCst);
        world.does(&["change", "retry", &waiting[0].2], b"", 0);
        assert_eq!((world.waiting(), world.asked.load(SeqCst)), (Vec::new(), before + 1), "{words}");
    }
}

/// The UID that a UID STORE is about.
fn stored(asked: &Asked<'_>) -> String {
    asked.command.split(' ').nth(2).unwrap().to_owned()
}

/// A server that says OK and leaves the flags as they were: the person is told, and nothing is shown that is not so.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_is_answered_and_not_made_is_told_of() {
    let works = Arc::new(AtomicBool::new(false));
    let world = World::start(&works, "UID STORE", |asked| {
        let uid = stored(asked);
        Act::Say(format!("* {uid} FETCH (UID {uid} FLAGS (\\Seen))\r\n{} OK done\r\n", asked.tag).into_bytes())
    })
    .await;
    let flagged = |world: &World| {
        let listed = tokio::task::block_in_place(|| world.home.json(&["message", "list"]));
        listed["messages"][0]["flags"].as_array().unwrap().contains(&serde_json::json!("\\Flagged"))
    };
    let id = world.first();
    let said = world.does(&["message", "flag", &id, "--set", "flagged"], b"", 1);
    assert!(said.contains("flagged 1 message") && said.contains("did not"), "{said}");
    assert_eq!((world.waiting(), flagged(&world)), (Vec::new(), false));
    // What was not done is not taken back.
    let asked = world.asked.load(SeqCst);
    world.does(&["change", "undo"], b"", 1);
    assert_eq!(world.asked.load(SeqCst), asked);
}

/// Flags that a mailbox does not keep (PERMANENTFLAGS, RFC 9051 §7.1) are refused before anything is queued; what goes along with a
/// move is left out.
#[tokio::test(flavor = "multi_thread")]
async fn flags_that_a_mailbox_cannot_keep_are_refused_at_once() {
    let works = Arc::new(AtomicBool::new(false));
    let world = World::start(&works, "SELECT", |asked| {
        let keeps = "* OK [PERMANENTFLAGS (\\Seen \\Deleted $MDNSent)] limited\r\n";
        Act::Say(format!("{keeps}{}", asked.good).into_bytes())
    })
    .await;
    let id = world.first();
    for flag in ["flagged", "$Weir"] {
        let said = world.does(&["message", "flag", &id, "--set", flag], b"", 1);
        assert!(said.contains("INBOX keeps no such mark"), "{flag}: {said}");
        assert_eq!(world.waiting(), Vec::new(), "{flag}");
    }
    let said = world.does(&["message", "flag", &id, "--set", "$mdnsent"], b"", 0);
    assert!(said.contains("marked 1 message") && !said.contains("keeps no"), "{said}");
    // Where the mailbox was opened already, it is not even asked.
    let asked = || world.asked.load(SeqCst);
    let on_a_thread = || {
        let (config, _) = casemail::config::files::load(&world.home.path().join("config"), None).unwrap();
        let profile = Profile::open(world.home.roots()).unwrap();
        let vault = Vault::open(&profile.roots().vault_file(), PASSPHRASE.as_bytes()).unwrap();
        let engine = Engine::open(Opening::new(profile, config, Some(vault))).unwrap();
        engine.sync_once(None, &[]).unwrap();
        let before = asked();
        let one = engine.messages(&Filter::default()).unwrap().messages[0].id.clone();
        let refused = engine.change(&[one], &Deed::Flag(FlagChange::Flagged(true)));
        assert!(refused.is_err_and(|e| e.to_string().contains("INBOX keeps no such mark (\\Flagged)")));
        assert_eq!((engine.waiting_changes().unwrap().len(), asked()), (0, before));
        engine.close();
    };
    tokio::task::block_in_place(|| std::thread::scope(|scope| scope.spawn(on_a_thread).join().unwrap()));
}

/// The connection ends when the message has been sent, and no answer comes.
async fn append_without_an_answer() -> (Arc<AtomicBool>, World) {
    let works = Arc::new(AtomicBool::new(false));
    let world = World::start(&works, "APPEND", |_| Act::SayAndClose(b"+ go on\r\n".to_vec())).await;
    world.does(&["message", "append", "-", "--to", "INBOX"], NAMELESS, 75);
    assert_eq!((world.waiting().len(), world.asked.load(SeqCst)), (1, 1));
    works.store(true, SeqCst);
    (works, world)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_without_a_name_that_is_there_to_the_byte_is_not_appended_again() {
    let (_works, world) = append_without_an_answer().await;
    world.arrives(b"Subject: another\r\n\r\nhello\r\n");
    world.arrives(NAMELESS);
    world.does(&["change", "tell"], b"", 0);
    assert_eq!((world.waiting(), world.asked.load(SeqCst)), (Vec::new(), 1));
}

/// UIDs of another UIDVALIDITY say nothing of what came since: it is looked for among all.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_in_a_mailbox_that_was_rebuilt_is_not_appended_again() {
    let (_works, world) = append_without_an_answer().await;
    {
        let mut inbox = world.server.inbox.lock().unwrap();
        inbox.uid_validity += 1;
        inbox.uid_next = 2;
        inbox.messages.clear();
        inbox.messages.push((1, String::from_utf8(NAMELESS.to_vec()).unwrap()));
    }
    world.does(&["change", "tell"], b"", 0);
    assert_eq!((world.waiting(), world.asked.load(SeqCst)), (Vec::new(), 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_without_a_name_is_appended_again_where_nothing_came() {
    let (_works, world) = append_without_an_answer().await;
    world.does(&["change", "tell"], b"", 0);
    assert_eq!((world.waiting(), world.asked.load(SeqCst)), (Vec::new(), 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_asked_where_a_message_without_a_name_may_be_there() {
    let (_works, world) = append_without_an_answer().await;
    // The same message as a server may have kept it.
    world.arrives(b"X-Kept: yes\r\nFrom: Otter <otter@chambers.example>\r\nSubject: the weir\r\n\r\nNo name.\r\n");
    world.does(&["change", "tell"], b"", 0);
    let waiting = world.waiting();
    assert_eq!((waiting[0].0.as_str(), world.asked.load(SeqCst)), ("uncertain", 1), "{waiting:?}");
    assert!(waiting[0].1.contains("no Message-ID"), "{waiting:?}");
    // Not by itself, however often.
    world.does(&["sync"], b"", 0);
    world.does(&["change", "tell"], b"", 0);
    assert_eq!(world.asked.load(SeqCst), 1);
    // The person says that it is not there.
    world.does(&["change", "retry", &waiting[0].2], b"", 0);
    assert_eq!((world.waiting(), world.asked.load(SeqCst)), (Vec::new(), 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_refused_for_want_of_room_is_kept() {
    let works = Arc::new(AtomicBool::new(false));
    let refuse = |asked: &Asked<'_>| Act::Say(format!("{} NO [OVERQUOTA] no room\r\n", asked.tag).into_bytes());
    let world = World::start(&works, "APPEND", refuse).await;
    let said = world.does(&["message", "append", "-", "--to", "INBOX"], NAMELESS, 1);
    assert!(said.contains("no room") && said.contains("change save"), "{said}");
    let waiting = world.waiting();
    assert_eq!(waiting[0].0, "failed");
    let saved = tokio::task::block_in_place(|| world.home.run(&["change", "save", &waiting[0].2, "--to", "-"], b""));
    assert_eq!(saved.out.as_bytes(), NAMELESS);
}

/// A server that names other messages for a Message-ID that is looked for (whatever has the words, or all there is): what was not taken is
/// told again, and is not counted as there.
#[tokio::test(flavor = "multi_thread")]
async fn a_search_that_names_another_message_is_not_believed() {
    const NAMED: &[u8] = b"Message-ID: <weir@chambers.example>\r\nSubject: the weir\r\n\r\nNamed.\r\n";
    let works = Arc::new(AtomicBool::new(false));
    let looks = Arc::new(AtomicBool::new(false));
    let appended = Arc::new(AtomicUsize::new(0));
    let (ends, counter, may_look) = (Arc::clone(&works), Arc::clone(&appended), Arc::clone(&looks));
    let server = ScriptedImap::start(GREETING, Inbox::of(5), None, move |asked| {
        if asked.command.starts_with("UID SEARCH") {
            return Some(Act::Say(format!("* SEARCH 6\r\n{} OK searched\r\n", asked.tag).into_bytes()));
        }
        if asked.command.starts_with("UID FETCH 6 ") && ends.load(SeqCst) && !may_look.load(SeqCst) {
            return Some(Act::Say(format!("{} NO [UNAVAILABLE] not now\r\n", asked.tag).into_bytes()));
        }
        if !asked.command.starts_with("APPEND") || asked.command_number == usize::MAX {
            return None;
        }
        counter.fetch_add(1, SeqCst);
        (!ends.load(SeqCst)).then(|| Act::SayAndClose(b"+ go on\r\n".to_vec()))
    })
    .await;
    let home = Home::new();
    let at = server.endpoint();
    home.configure(&home.config(&at, &at, server.ca_file(), ""));
    let world = World { server, home, asked: Arc::clone(&appended) };
    world.does(&["sync"], b"", 0);
    world.does(&["message", "append", "-", "--to", "INBOX"], NAMED, 75);
    world.arrives(b"Message-ID: <reply@chambers.example>\r\nReferences: <weir@chambers.example>\r\n\r\nOf it.\r\n");
    works.store(true, SeqCst);
    // What cannot be looked at now may be it: it waits.
    world.does(&["change", "tell"], b"", 75);
    assert_eq!((world.waiting().len(), appended.load(SeqCst)), (1, 1));
    looks.store(true, SeqCst);
    world.does(&["change", "tell"], b"", 0);
    assert_eq!((world.waiting(), appended.load(SeqCst)), (Vec::new(), 2));
}

/// A copy that was made before the connection was lost is not made again, though the messages have no Message-ID (no MOVE here).
#[tokio::test(flavor = "multi_thread")]
async fn a_copied_message_without_a_name_is_not_copied_again() {
    let works = Arc::new(AtomicBool::new(false));
    let world = World::start(&works, "UID COPY", |_| Act::SayAndClose(Vec::new())).await;
    let id = world.first();
    let moves = ["message", "move", &id, "--to", "Otter", "--create"];
    let ran = tokio::task::block_in_place(|| world.home.run(&moves, b""));
    assert_eq!(world.asked.load(SeqCst), 1);
    // Where the other connection stands, it is looked for at once; this server has the same messages in each mailbox, so that it is found.
    if ran.code == 0 {
        assert_eq!(world.waiting(), Vec::new());
        return;
    }
    assert_eq!(ran.code, 75, "{ran:?}");
    let uid: u32 = id.rsplit('/').next().unwrap().parse().unwrap();
    let copy = world.server.inbox.lock().unwrap().messages.iter().find(|(known, _)| *known == uid).unwrap().1.clone();
    world.arrives(copy.as_bytes());
    works.store(true, SeqCst);
    world.does(&["change", "tell"], b"", 0);
    assert_eq!((world.waiting(), world.asked.load(SeqCst)), (Vec::new(), 1));
}

/// Of a change that hangs on a modification sequence a server says what became of each message (RFC 7162 §3.1.3). Where one says nothing, it is looked at.
#[tokio::test(flavor = "multi_thread")]
async fn a_conditional_change_of_which_nothing_is_said_is_looked_at() {
    let server = ScriptedImap::start(GREETING, Inbox::extended(3), None, |asked| {
        asked.command.starts_with("UID STORE").then(|| Act::Say(format!("{} OK done\r\n", asked.tag).into_bytes()))
    })
    .await;
    let home = Home::new();
    let at = server.endpoint();
    home.configure(&home.config(&at, &at, server.ca_file(), ""));
    let ran = tokio::task::block_in_place(|| {
        home.done(&["sync"], b"");
        let listed = home.json(&["message", "list"]);
        home.run(&["message", "flag", listed["messages"][0]["id"].as_str().unwrap(), "--set", "flagged"], b"")
    });
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.err.contains("The server says that it changed") && ran.err.contains("and did not"), "{}", ran.err);
}

/// A profile that was synced once with a server that has Archive beside INBOX, both of the same messages; its messages, by mailbox.
async fn two(
    script: impl Fn(&Asked<'_>, &str) -> Option<Act> + Send + Sync + 'static,
) -> (ScriptedImap, Home, HashMap<String, Vec<String>>) {
    let server = several(&["Archive"], Inbox::of(3), script).await;
    let home = Home::new();
    let at = server.endpoint();
    home.configure(&home.config(&at, &at, server.ca_file(), ""));
    let listed = tokio::task::block_in_place(|| {
        home.done(&["sync"], b"");
        home.json(&["message", "list"])
    });
    let mut messages = HashMap::<String, Vec<String>>::new();
    for row in listed["messages"].as_array().unwrap() {
        let text = |name: &str| row[name].as_str().unwrap().to_owned();
        messages.entry(text("mailbox")).or_default().push(text("id"));
    }
    (server, home, messages)
}

/// What cannot be changed among others that can is told, and not left out without a word.
#[tokio::test(flavor = "multi_thread")]
async fn messages_of_a_mailbox_that_may_only_be_read_are_told_of() {
    let (_server, home, messages) = two(|asked, mailbox| {
        let is_open = asked.command.starts_with("SELECT") && mailbox == "Archive";
        is_open.then(|| Act::Say(asked.good.replace("OK done", "OK [READ-ONLY] done").into()))
    })
    .await;
    let ids = [messages["INBOX"][0].as_str(), messages["Archive"][0].as_str()];
    let ran = tokio::task::block_in_place(|| home.run(&["message", "flag", ids[0], ids[1], "--set", "flagged"], b""));
    assert!(ran.err.contains("flagged 1 message"), "{}", ran.err);
    assert!(ran.err.contains("Archive may only be read: its messages were left as they are"), "{}", ran.err);
}

/// A server without UIDPLUS cannot remove single messages: what is called moved is still in its old mailbox, and that is said.
#[tokio::test(flavor = "multi_thread")]
async fn what_stays_behind_a_move_is_told() {
    let (_server, home, messages) = two(|asked, _| {
        let text = match asked.command.split(' ').next().unwrap_or_default() {
            "AUTHENTICATE" => format!("{} OK [CAPABILITY IMAP4rev1 IDLE] in\r\n", asked.tag),
            _ if asked.command.starts_with("UID SEARCH") => format!("* SEARCH\r\n{} OK done\r\n", asked.tag),
            _ => return None,
        };
        Some(Act::Say(text.into()))
    })
    .await;
    let id = messages["INBOX"][0].as_str();
    let ran = tokio::task::block_in_place(|| home.run(&["message", "move", id, "--to", "Archive"], b""));
    assert!(ran.err.contains("moved 1 message"), "{}", ran.err);
    assert!(ran.err.contains("1 message is in Archive as a copy") && ran.err.contains("marked deleted"), "{}", ran.err);
}

/// What a mailbox that may only be read refuses is not said to be done.
#[tokio::test(flavor = "multi_thread")]
async fn a_flag_at_a_mailbox_that_may_only_be_read_is_refused() {
    let server = ScriptedImap::start(GREETING, Inbox::of(3), None, |asked| {
        let is_open = asked.command.starts_with("SELECT");
        let read_only = || {
            let done = format!("{} OK", asked.tag);
            asked.good.replace(&done, &format!("{done} [READ-ONLY]"))
        };
        is_open.then(|| Act::Say(read_only().into_bytes()))
    })
    .await;
    let home = Home::new();
    let at = server.endpoint();
    home.configure(&home.config(&at, &at, server.ca_file(), ""));
    let ran = tokio::task::block_in_place(|| {
        home.done(&["sync"], b"");
        let listed = home.json(&["message", "list"]);
        home.run(&["message", "flag", listed["messages"][0]["id"].as_str().unwrap(), "--set", "flagged"], b"")
    });
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.err.contains("INBOX may only be read"), "{}", ran.err);
}

/// Messages that we just changed are told apart from those that a pass knows, each with the modification sequence as of which it is known. Where the server
/// refuses the second of these commands, the first is done, and can be taken back.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_before_the_rest_was_refused_can_be_taken_back() {
    let commands = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&commands);
    let server = ScriptedImap::start(GREETING, Inbox::extended(3), None, move |asked| {
        let tag = asked.tag;
        if !asked.command.starts_with("UID STORE") {
            return None;
        }
        told.lock().unwrap().push(asked.command.to_owned());
        let flags = if asked.command.contains("+FLAGS") { "\\Seen \\Flagged" } else { "\\Flagged" };
        Some(Act::Say(match stored(asked).as_str() {
            "1" => format!("* 1 FETCH (UID 1 MODSEQ (15) FLAGS ({flags}))\r\n{tag} OK done\r\n").into_bytes(),
            _ => format!("{tag} NO [NOPERM] not those\r\n").into_bytes(),
        }))
    })
    .await;
    let home = Home::new();
    let at = server.endpoint();
    home.configure(&home.config(&at, &at, server.ca_file(), ""));
    let on_a_thread = || {
        home.done(&["sync"], b"");
        let (config, _) = casemail::config::files::load(&home.path().join("config"), None).unwrap();
        let account = config.accounts[0].name.clone();
        let profile = Profile::open(home.roots()).unwrap();
        let vault = Vault::open(&profile.roots().vault_file(), PASSPHRASE.as_bytes()).unwrap();
        let engine = Engine::open(Opening::new(profile, config, Some(vault))).unwrap();
        let mut all: Vec<_> =
            engine.messages(&Filter::default()).unwrap().messages.into_iter().map(|row| row.id).collect();
        all.sort_by_key(|id| id.uid);
        let does = |names: &[_], deed| {
            engine.change(names, &Deed::Flag(deed)).unwrap();
            engine.tell_changes(std::slice::from_ref(&account)).unwrap().len()
        };
        assert_eq!(does(&all[..1], FlagChange::Flagged(true)), 0);
        assert_eq!(does(&all, FlagChange::Seen(false)), 0);
        engine.undo(None).unwrap();
        engine.tell_changes(std::slice::from_ref(&account)).unwrap();
        engine.close();
    };
    tokio::task::block_in_place(|| std::thread::scope(|scope| scope.spawn(on_a_thread).join().unwrap()));
    let told = commands.lock().unwrap();
    let told: Vec<String> = told.iter().map(|command| command.replace("FLAGS.SILENT", "FLAGS")).collect();
    let of = |uids: &str, what: &str| format!("UID STORE {uids} {what}");
    let expected = [
        of("1", "(UNCHANGEDSINCE 9) +FLAGS (\\Flagged)"),
        of("1", "(UNCHANGEDSINCE 15) -FLAGS (\\Seen)"),
        of("2:3", "(UNCHANGEDSINCE 9) -FLAGS (\\Seen)"),
        of("1", "(UNCHANGEDSINCE 15) +FLAGS (\\Seen)"),
    ];
    assert_eq!(told, expected);
}

/// A message is perhaps sent, and no mailbox lets itself be searched: that is no word about any copy, and it is looked for again.
#[tokio::test(flavor = "multi_thread")]
async fn where_every_search_is_refused_nothing_is_said_of_copies() {
    let searches = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&searches);
    let server = several(&["Sent"], Inbox::of(1), move |asked, _| {
        asked.command.starts_with("UID SEARCH").then(|| {
            count.fetch_add(1, SeqCst);
            Act::Say(format!("{} NO [UNAVAILABLE] no index\r\n", asked.tag).into_bytes())
        })
    })
    .await;
    let submission = Scripted::start(Script { dot: Answer::Drop, ..Script::default() }).await;
    let home = Home::new();
    let ca_file = both(home.beside("ca.pem"), server.ca_file(), &submission);
    let config = home.config(&server.endpoint(), &submission.endpoint, &ca_file, "");
    home.configure(&format!("{config}sent_mailbox = \"Sent\"\n"));
    let row = tokio::task::block_in_place(|| -> Option<serde_json::Value> {
        home.done(&["sync"], b"");
        let ran =
            home.run(&["send", "-"], b"To: h.lintwhite@copfs.gov.example\r\nSubject: answer\r\n\r\nOn Monday.\r\n");
        assert_eq!(ran.code, 69, "{ran:?}");
        let row = home.json(&["outbox", "list"])["entries"][0].clone();
        let screen = home.screen((100, 30))?;
        eventually(|| (searches.load(SeqCst) > 0).then_some(()));
        // It is looked for once more behind the end of the first look.
        home.run(&["outbox", "retry", &row["id"].to_string()], b"");
        let before = searches.load(SeqCst);
        eventually(|| (searches.load(SeqCst) > before).then_some(()));
        let row = home.json(&["outbox", "list"])["entries"][0].clone();
        screen.send_keys(&["C-q"]);
        Some(row)
    });
    let Some(row) = row else { return };
    assert_eq!((&row["state"], &row["doubt"]["looked_at"]), (&"uncertain".into(), &serde_json::Value::Null), "{row}");
}
