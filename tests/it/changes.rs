//! Changes made here, against a private Dovecot with and without its extensions, beside a second client, over a line that breaks, and with the
//! program killed at any moment: nothing lost, nothing doubled, everything taken back that can be.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use casemail::app::effect::{Deed, FlagChange};
use casemail::app::event::Event;
use casemail::app::view::Link;
use casemail::demo::authority::Authority;
use casemail::engine::query::Filter;
use casemail::engine::{Engine, Network, Opening};
use casemail::mail::id::MessageRef;
use casemail::store::profile::Profile;
use casemail::store::vault::Vault;
use serde_json::Value;

use crate::support::dovecot::{Dovecot, Options};
use crate::support::home::Home;
use crate::support::line::Line;

/// A server, a line to it, a profile.
struct World {
    dovecot: Dovecot,
    line: Line,
    home: Home,
}

fn eml(number: usize) -> Vec<u8> {
    format!(
        "From: Harriet Lintwhite <lintwhite@copfs.gov.example>\r\nTo: Beatrice Quill <quill@quillpounce.example>\r\n\
         Message-ID: <m{number}@copfs.gov.example>\r\nDate: Mon, 2 Mar 2026 09:00:00 +0000\r\nSubject: No. {number}\r\n\r\nThe weir.\r\n"
    )
    .into_bytes()
}

impl World {
    fn start(without: &[&'static str], messages: usize) -> Option<Self> {
        Self::start_with(&Options { without: without.to_vec(), ..Options::default() }, messages)
    }

    fn start_with(options: &Options, messages: usize) -> Option<Self> {
        let authority = Authority::new("casemail tests").unwrap();
        let dovecot = Dovecot::start_with(&authority, options)?;
        dovecot.fill("quill", "INBOX", (0..messages).map(eml));
        let line = Line::to(&dovecot.tls());
        let at = line.via(&dovecot.tls());
        let home = Home::new();
        home.configure(&home.config(&at, &at, &dovecot.ca_file(), ""));
        let world = Self { dovecot, line, home };
        world.home.done(&["sync"], b"");
        Some(world)
    }

    /// No connection goes through, until the line is mended.
    fn offline(&self) {
        self.line.weather().refuse.store(true, std::sync::atomic::Ordering::SeqCst);
        self.line.cut();
    }

    fn online(&self) {
        self.line.weather().refuse.store(false, std::sync::atomic::Ordering::SeqCst);
    }

    fn opening(&self) -> Opening {
        let (config, _) = casemail::config::files::load(&self.home.path().join("config"), None).unwrap();
        let profile = Profile::open(self.home.roots()).unwrap();
        let vault = Vault::open(&profile.roots().vault_file(), b"otter weir lantern").unwrap();
        Opening::new(profile, config, Some(vault))
    }

    fn engine(&self) -> Engine {
        Engine::open(self.opening()).unwrap()
    }

    /// One that is connected and up to date.
    fn watching(&self) -> Engine {
        let (tx, events) = std::sync::mpsc::sync_channel(64);
        let engine = Engine::open(Opening { events: Some(tx), network: Network::Watch, ..self.opening() }).unwrap();
        let is_watching =
            |event: &Event| matches!(event, Event::Account(status) if matches!(status.link, Link::Watching { .. }));
        while !is_watching(&events.recv_timeout(Duration::from_secs(60)).unwrap()) {}
        std::thread::spawn(move || events.into_iter().for_each(drop));
        engine.wait_loaded().unwrap();
        engine
    }

    /// What the command line lists: mailbox and flags by subject.
    fn listed(&self) -> BTreeMap<String, (String, Vec<String>, bool)> {
        let rows = self.home.json(&["message", "list"]);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let flags = |row: &Value| row["flags"].as_array().unwrap().iter().map(text).collect();
        let rows = rows["messages"].as_array().unwrap();
        // What is marked deleted is not counted: a server without UIDPLUS keeps it there.
        rows.iter()
            .filter(|row| !row["flags"].as_array().unwrap().iter().any(|flag| flag == "\\Deleted"))
            .map(|row| (text(&row["subject"]), (text(&row["mailbox"]), flags(row), row["pending"].as_bool().unwrap())))
            .collect()
    }

    fn id(&self, number: usize) -> String {
        let rows = self.home.json(&["message", "list", "--message-id", &format!("m{number}@copfs.gov.example")]);
        let is_deleted = |row: &&Value| row["flags"].as_array().unwrap().iter().any(|flag| flag == "\\Deleted");
        let rows: Vec<&Value> = rows["messages"].as_array().unwrap().iter().filter(|row| !is_deleted(row)).collect();
        assert_eq!(rows.len(), 1, "{rows:?}");
        rows[0]["id"].as_str().unwrap().to_owned()
    }

    fn ids(&self, numbers: &[usize]) -> Vec<String> {
        numbers.iter().map(|number| self.id(*number)).collect()
    }

    /// What the server has that nobody marked deleted: how often each message is in a mailbox.
    fn on_server(&self, mailbox: &str) -> usize {
        let query = ["search", "-u", "quill", "mailbox", mailbox, "not", "deleted"];
        self.dovecot.doveadm(&query, b"").lines().count()
    }

    fn has_on_server(&self, mailbox: &str, number: usize) -> usize {
        let id = format!("<m{number}@copfs.gov.example>");
        let query = ["search", "-u", "quill", "mailbox", mailbox, "header", "message-id", &id, "not", "deleted"];
        self.dovecot.doveadm(&query, b"").lines().count()
    }

    fn flags_on_server(&self, mailbox: &str, number: usize) -> String {
        let id = format!("<m{number}@copfs.gov.example>");
        let query = ["fetch", "-u", "quill", "flags", "mailbox", mailbox, "header", "message-id", &id];
        self.dovecot.doveadm(&query, b"")
    }

    /// The second client.
    fn others_flag(&self, number: usize, how: &str, flag: &str) {
        let id = format!("<m{number}@copfs.gov.example>");
        let query = ["flags", how, "-u", "quill", flag, "mailbox", "INBOX", "header", "message-id", &id];
        self.dovecot.doveadm(&query, b"");
    }
}

fn with<'a>(first: &[&'a str], ids: &'a [String], last: &[&'a str]) -> Vec<&'a str> {
    first.iter().copied().chain(ids.iter().map(String::as_str)).chain(last.iter().copied()).collect()
}

/// Moves, flags, deletes and takes back by commands, on a server without some of its extensions.
fn by_commands(without: &[&'static str]) {
    let Some(world) = World::start(without, 6) else { return };
    let home = &world.home;
    let ids = world.ids(&[0, 1]);
    // A mailbox that is not there is asked for.
    let ran = home.run(&with(&["message", "move"], &ids, &["--to", "Otter"]), b"");
    assert!(ran.code == 1 && ran.err.contains("no mailbox \"Otter\""), "{ran:?}");
    let told = home.json(&with(&["message", "move"], &ids, &["--to", "Otter", "--create"]));
    assert_eq!(told["done"][0], "moved 2 messages to Otter", "{told}");
    assert_eq!(told["told"], true, "{told}");
    assert_eq!((world.on_server("Otter"), world.on_server("INBOX")), (2, 4), "{without:?}");
    home.done(&["sync"], b"");
    let listed = world.listed();
    assert_eq!(listed["No. 0"].0, "Otter", "{listed:?}");
    assert!(world.id(0).starts_with("work/Otter/"), "it has the name that the server gave it");
    // Flags and a keyword, of several messages at once.
    let ids = world.ids(&[0, 1]);
    home.done(&with(&["message", "flag"], &ids, &["--set", "flagged", "--set", "$Weir"]), b"");
    for number in [0, 1] {
        let flags = world.flags_on_server("Otter", number);
        assert!(flags.contains("\\Flagged") && flags.contains("$Weir"), "{flags}");
    }
    let listed = world.listed();
    assert!(listed["No. 1"].1.contains(&"$Weir".to_owned()), "{listed:?}");
    // Back, one step after the other: the keyword, the flag, the move.
    let undone = home.done(&["change", "undo"], b"");
    assert!(undone.is_empty());
    assert!(!world.flags_on_server("Otter", 0).contains("$Weir"));
    home.done(&["change", "undo"], b"");
    assert!(!world.flags_on_server("Otter", 0).contains("\\Flagged"));
    home.done(&["change", "undo"], b"");
    assert_eq!((world.on_server("Otter"), world.on_server("INBOX")), (0, 6), "{without:?}");
    let ran = home.run(&["change", "undo"], b"");
    assert!(ran.code == 1 && ran.err.contains("nothing to take back"), "{ran:?}");
    // Deleting goes to Trash; there it is marked, and removed for ever only by that word.
    home.done(&["sync"], b"");
    let ids = world.ids(&[2, 3]);
    home.done(&with(&["message", "delete"], &ids, &[]), b"");
    assert_eq!((world.on_server("Trash"), world.on_server("INBOX")), (2, 4));
    home.done(&["sync"], b"");
    let ids = world.ids(&[2]);
    home.done(&with(&["message", "delete"], &ids, &["--for-ever"]), b"");
    assert_eq!(world.on_server("Trash"), 1);
    let ran = home.run(&["change", "undo"], b"");
    assert!(ran.err.contains("cannot be brought back"), "{ran:?}");
    // A message of a file.
    home.done(&["message", "append", "-", "--to", "Otter", "--seen"], &eml(77));
    assert_eq!(world.has_on_server("Otter", 77), 1);
    assert!(world.flags_on_server("Otter", 77).contains("\\Seen"));
}

#[test]
fn by_commands_with_every_extension() {
    by_commands(&[]);
}

#[test]
fn by_commands_without_move() {
    by_commands(&["MOVE"]);
}

#[test]
fn by_commands_without_move_and_uidplus() {
    by_commands(&["MOVE", "UIDPLUS"]);
}

#[test]
fn by_commands_without_modification_sequences() {
    by_commands(&["CONDSTORE", "QRESYNC"]);
}

#[test]
fn without_a_line_everything_shows_at_once_and_is_told_later() {
    let Some(world) = World::start(&[], 40) else { return };
    let home = &world.home;
    world.offline();
    let ids = world.ids(&[0, 1, 2]);
    let ran = home.run(&with(&["--json", "message", "delete"], &ids, &[]), b"");
    assert_eq!(ran.code, 75, "{ran:?}");
    let told: Value = serde_json::from_str(&ran.out).unwrap();
    assert!(told["told"] == false && !told["waiting"][0]["why"].as_str().unwrap().is_empty(), "{told}");
    let ran = home.run(&with(&["message", "flag"], &world.ids(&[5]), &["--set", "flagged"]), b"");
    assert_eq!(ran.code, 75, "{ran:?}");
    let ran = home.run(&with(&["message", "move"], &world.ids(&[6]), &["--to", "New", "--create"]), b"");
    assert_eq!(ran.code, 75, "{ran:?}");
    // Seen so by every process from now on, under the names that the server knows.
    let listed = world.listed();
    assert_eq!(listed["No. 0"], ("Trash".to_owned(), Vec::new(), true));
    assert_eq!(listed["No. 5"], ("INBOX".to_owned(), vec!["\\Flagged".to_owned()], true));
    assert_eq!(listed["No. 6"].0, "New");
    assert_eq!(home.json(&["message", "list", "--mailbox", "Trash"])["total"], 3);
    assert!(world.id(0).starts_with("work/INBOX/"));
    let waiting = home.json(&["change", "list"]);
    let words: Vec<&str> =
        waiting["changes"].as_array().unwrap().iter().map(|row| row["words"].as_str().unwrap()).collect();
    assert_eq!(words, ["deleted 3 messages", "flagged 1 message", "moved 1 message to New", "moved 1 message to New"]);
    // What the server never heard of is not told at all.
    let ran = home.run(&["change", "undo"], b"");
    assert!(ran.code == 75 && ran.err.contains("moved 1 message to New"), "others still wait: {ran:?}");
    assert_eq!(world.listed()["No. 6"].0, "INBOX");
    assert_eq!((world.on_server("Trash"), world.on_server("INBOX")), (0, 40));
    world.line.mend();
    home.done(&["sync"], b"");
    assert_eq!((world.on_server("Trash"), world.on_server("INBOX")), (3, 37));
    assert!(world.flags_on_server("INBOX", 5).contains("\\Flagged"));
    assert!(home.json(&["change", "list"])["changes"].as_array().unwrap().is_empty());
    let listed = world.listed();
    assert!(listed.values().all(|(.., pending)| !pending), "{listed:?}");
    // What was told can still be taken back.
    home.done(&["change", "undo"], b"");
    home.done(&["change", "undo"], b"");
    assert_eq!((world.on_server("Trash"), world.on_server("INBOX")), (0, 40));
    assert!(!world.flags_on_server("INBOX", 5).contains("\\Flagged"));
}

fn names(engine: &Engine) -> BTreeMap<String, MessageRef> {
    engine.messages(&Filter::default()).unwrap().messages.into_iter().map(|m| (m.subject, m.id)).collect()
}

fn notices(engine: &Engine) -> String {
    let told = engine.unread_events().into_iter().filter_map(|event| match event {
        Event::Notice(sentence) => Some(sentence.text.to_string()),
        _ => None,
    });
    told.collect::<Vec<_>>().join("\n")
}

fn account() -> Vec<String> {
    vec!["work".to_owned()]
}

#[test]
fn hundreds_of_changes_made_offline_arrive() {
    let Some(world) = World::start(&[], 300) else { return };
    let engine = world.engine();
    let names = names(&engine);
    world.offline();
    for (subject, name) in &names {
        engine.change(std::slice::from_ref(name), &Deed::Flag(FlagChange::Seen(true))).unwrap();
        if subject.ends_with('7') {
            let archive = Deed::Move { account: None, mailbox: "Trash".into(), create: false };
            engine.change(std::slice::from_ref(name), &archive).unwrap();
            engine.change(std::slice::from_ref(name), &Deed::Flag(FlagChange::Flagged(true))).unwrap();
        }
    }
    assert_eq!(engine.waiting_changes().unwrap().len(), 360);
    world.line.mend();
    let started = Instant::now();
    assert!(engine.tell_changes(&account()).unwrap().is_empty());
    eprintln!("360 changes told in {:?}", started.elapsed());
    let query = ["search", "-u", "quill", "mailbox", "INBOX", "seen"];
    assert_eq!(world.dovecot.doveadm(&query, b"").lines().count(), 270);
    let query = ["search", "-u", "quill", "mailbox", "Trash", "seen", "flagged"];
    assert_eq!(world.dovecot.doveadm(&query, b"").lines().count(), 30);
}

/// What we changed ourselves is no conflict for what we change next, though no pass was there since; what others changed since is.
#[test]
fn ones_own_change_is_no_conflict_for_the_next_one() {
    let Some(world) =
        World::start_with(&Options { config: "rawlog_dir = %h/heard".to_owned(), ..Options::default() }, 300)
    else {
        return;
    };
    let heard = world.dovecot.dir().join("mail/quill/heard");
    std::fs::create_dir(&heard).unwrap();
    std::fs::set_permissions(&heard, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    let engine = world.watching();
    let names: Vec<MessageRef> = names(&engine).into_values().collect();
    for on in [true, false, true] {
        engine.change(&names, &Deed::Flag(FlagChange::Flagged(on))).unwrap();
        assert!(engine.tell_changes(&account()).unwrap().is_empty());
    }
    let files = std::fs::read_dir(&heard).unwrap().map(|file| file.unwrap().path());
    let commands: String = files
        .filter(|file| file.extension().is_some_and(|kind| kind == "in"))
        .map(|file| String::from_utf8_lossy(&std::fs::read(file).unwrap()).into_owned())
        .collect();
    let told: Vec<&str> = commands.lines().filter(|line| line.contains("UID STORE")).collect();
    assert_eq!(told.len(), 3, "{told:#?}");
    assert!(told.iter().all(|command| command.contains("UNCHANGEDSINCE")), "{told:#?}");
    let looks = commands.lines().filter(|line| line.ends_with(":300 (UID FLAGS)")).count();
    assert_eq!(looks, 0, "flags were looked at once more");
    // One that another client changed meanwhile is looked at, and that one's word is not lost.
    world.others_flag(7, "remove", "\\Flagged");
    world.others_flag(7, "add", "\\Answered");
    engine.change(&names, &Deed::Flag(FlagChange::Seen(true))).unwrap();
    assert!(engine.tell_changes(&account()).unwrap().is_empty());
    let flags = world.flags_on_server("INBOX", 7);
    assert!(flags.contains("\\Answered") && flags.contains("\\Seen") && !flags.contains("\\Flagged"), "{flags}");
    assert!(world.flags_on_server("INBOX", 8).contains("\\Flagged"));
    let row =
        engine.messages(&Filter::default()).unwrap().messages.into_iter().find(|row| row.subject == "No. 7").unwrap();
    assert!(
        row.flags.contains(&"\\Answered".to_owned()) && !row.flags.contains(&"\\Flagged".to_owned()),
        "{:?}",
        row.flags
    );
}

#[test]
fn a_second_client_at_the_same_time() {
    let Some(world) = World::start(&[], 6) else { return };
    let engine = world.engine();
    let all = names(&engine);
    let name = |number: usize| vec![all[&format!("No. {number}")].clone()];
    let flag = |number, on| engine.change(&name(number), &Deed::Flag(FlagChange::Flagged(on))).unwrap();
    world.offline();
    // Another flag: both stand. The same flag: nothing is left to do.
    flag(0, true);
    world.others_flag(0, "add", "\\Answered");
    flag(1, true);
    world.others_flag(1, "add", "\\Flagged");
    // Set and taken off again here, set there: theirs stays, and is told of.
    flag(2, true);
    flag(2, false);
    world.others_flag(2, "add", "\\Flagged");
    // Gone there.
    engine.change(&name(3), &Deed::Delete).unwrap();
    world.dovecot.doveadm(&["expunge", "-u", "quill", "mailbox", "INBOX", "header", "subject", "No. 3"], b"");
    world.line.mend();
    let left = engine.tell_changes(&account()).unwrap();
    assert!(left.is_empty(), "{left:?}");
    for number in [0, 1, 2] {
        assert!(world.flags_on_server("INBOX", number).contains("\\Flagged"), "{number}");
    }
    assert!(world.flags_on_server("INBOX", 0).contains("\\Answered"));
    let told = notices(&engine);
    assert!(told.contains("the flag of 1 message was changed by somebody else"), "{told}");
    // By the answer to the move, or by a sync that was faster.
    assert!(told.contains("deleted or moved elsewhere meanwhile"), "{told}");
    engine.sync_once(None, &[]).unwrap();
    let rows = engine.messages(&Filter::default()).unwrap().messages;
    assert_eq!(rows.len(), 5);
    let flagged = |number: usize| {
        let row = rows.iter().find(|row| row.subject == format!("No. {number}")).unwrap();
        row.flags.iter().any(|flag| flag == "\\Flagged")
    };
    assert!(flagged(0) && flagged(1) && flagged(2) && !flagged(4));
}

#[test]
fn a_move_that_is_refused_comes_back_and_says_why() {
    let Some(world) = World::start(&[], 4) else { return };
    world.dovecot.create("quill", "Otter");
    world.home.done(&["sync"], b"");
    let engine = world.engine();
    let all = names(&engine);
    world.offline();
    let deed = Deed::Move { account: None, mailbox: "Otter".into(), create: false };
    engine.change(&[all["No. 1"].clone()], &deed).unwrap();
    let mailbox_of = |subject: &str| {
        let rows = engine.messages(&Filter::default()).unwrap().messages;
        rows.into_iter().find(|row| row.subject == subject).map(|row| (row.mailbox, row.pending)).unwrap()
    };
    assert_eq!(mailbox_of("No. 1"), ("Otter".to_owned(), true));
    // Somebody else removes the mailbox.
    world.dovecot.doveadm(&["mailbox", "delete", "-s", "-u", "quill", "Otter"], b"");
    world.line.mend();
    assert!(engine.tell_changes(&account()).unwrap().is_empty());
    assert_eq!(mailbox_of("No. 1"), ("INBOX".to_owned(), false));
    let told = notices(&engine);
    assert!(told.contains("moved 1 message to Otter") && told.contains("back where they were"), "{told}");
}

#[test]
fn a_command_whose_change_is_refused_says_so_and_ends_with_one() {
    let Some(world) = World::start(&[], 2) else { return };
    world.dovecot.create("quill", "Otter");
    world.home.done(&["sync"], b"");
    // Somebody else removes the mailbox.
    world.dovecot.doveadm(&["mailbox", "delete", "-s", "-u", "quill", "Otter"], b"");
    let args = with(&["--json", "message", "move"], &world.ids(&[0]), &["--to", "Otter"]).join(" ");
    let refused = world.home.run(&args.split(' ').collect::<Vec<_>>(), b"");
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.err.contains("not done: moved 1 message to Otter"), "{refused:?}");
    let told: serde_json::Value = serde_json::from_str(&refused.out).unwrap();
    assert_eq!((&told["told"], &told["refused"]), (&false.into(), &true.into()), "{told}");
    assert_eq!(world.listed()["No. 0"].0, "INBOX");
    let ids = world.ids(&[0]);
    let told = world.home.json(&with(&["message", "flag"], &ids, &["--set", "flagged"]));
    assert_eq!((&told["told"], &told["refused"]), (&true.into(), &false.into()), "{told}");
    // The same where it waited and is told later.
    world.dovecot.create("quill", "Weir");
    world.home.done(&["sync"], b"");
    world.offline();
    let waits = world.home.run(&with(&["message", "move"], &ids, &["--to", "Weir"]), b"");
    assert_eq!(waits.code, 75, "{waits:?}");
    world.dovecot.doveadm(&["mailbox", "delete", "-s", "-u", "quill", "Weir"], b"");
    world.line.mend();
    let refused = world.home.run(&["change", "tell"], b"");
    assert_eq!(refused.code, 1, "{refused:?}");
    // And where it is taken back, and somebody else was faster.
    world.home.done(&with(&["message", "move"], &world.ids(&[0, 1]), &["--to", "Pool", "--create"]), b"");
    world.dovecot.doveadm(&["expunge", "-u", "quill", "mailbox", "Pool", "header", "subject", "No. 0"], b"");
    let refused = world.home.run(&["change", "undo"], b"");
    assert_eq!(refused.code, 1, "{refused:?}");
}

/// Kills the program while it moves messages, then lets it finish: each message is there once.
fn killed_while_moving(without: &[&'static str], rounds: usize) {
    let Some(world) = World::start(without, 30) else { return };
    world.dovecot.create("quill", "Otter");
    world.home.done(&["sync"], b"");
    let mut chance = 7_u64;
    for round in 0..rounds {
        let from = if round % 2 == 0 { "INBOX" } else { "Otter" };
        let to = if round % 2 == 0 { "Otter" } else { "INBOX" };
        let rows = world.home.json(&["message", "list", "--mailbox", from]);
        let ids: Vec<String> =
            rows["messages"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect();
        let mut child = world.home.start(&with(&["message", "move"], &ids, &["--to", to]));
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        std::thread::sleep(Duration::from_millis(300 + (chance >> 33) % 900));
        let _ = child.kill();
        let _ = child.wait();
        // The next start finishes what was begun.
        let ran = world.home.run(&["change", "tell"], b"");
        assert!(ran.code == 0, "{round}: {ran:?}");
        world.home.done(&["sync"], b"");
        for number in 0..30 {
            let there = world.has_on_server("INBOX", number) + world.has_on_server("Otter", number);
            assert_eq!(there, 1, "{without:?}, round {round}: message {number}");
        }
        let listed = world.listed();
        assert_eq!(listed.len(), 30, "{listed:?}");
    }
}

#[test]
fn killed_while_moving_with_move() {
    killed_while_moving(&[], 6);
}

#[test]
fn killed_while_moving_without_move() {
    killed_while_moving(&["MOVE"], 6);
}

/// The line is cut after ever more bytes, each way, while a flag, a move and a copy are told: whatever was under way, in the end each was done
/// once. `CASEMAIL_CUT_STEP=1` cuts at every byte (an hour); else it is every 67th.
#[test]
fn cut_anywhere_while_it_is_told_everything_is_done_once() {
    use std::sync::atomic::Ordering::SeqCst;
    let Some(world) = World::start(&[], 3) else { return };
    world.dovecot.create("quill", "Otter");
    world.home.done(&["sync"], b"");
    let engine = world.engine();
    let step = std::env::var("CASEMAIL_CUT_STEP").ok().and_then(|text| text.parse().ok()).unwrap_or(67);
    let weather = world.line.weather();
    let by_name = |number: usize| names(&engine)[&format!("No. {number}")].clone();
    let mut round = 0_usize;
    // One round undisturbed says how many bytes a connection takes.
    let mut tell = |cut: Option<(bool, u64)>| {
        round += 1;
        let (from, to) = if round % 2 == 1 { ("INBOX", "Otter") } else { ("Otter", "INBOX") };
        world.offline();
        let flag = FlagChange::Flagged(round % 2 == 1);
        engine.change(&[by_name(0)], &Deed::Flag(flag)).unwrap();
        let deed = Deed::Move { account: None, mailbox: to.into(), create: false };
        engine.change(&[by_name(1)], &deed).unwrap();
        let copy = 1_000 + round;
        engine.append(None, to, eml(copy), casemail::store::flags::Flags::default(), false).unwrap();
        let before = (weather.down.load(SeqCst), weather.up.load(SeqCst));
        world.line.mend();
        if let Some((down, place)) = cut {
            if down { &weather.cut_down } else { &weather.cut_up }.store(place, SeqCst);
        }
        // Cut again and again on each connection at the same byte; then the line is fair.
        let _ = engine.tell_changes(&account());
        let after = (weather.down.load(SeqCst), weather.up.load(SeqCst));
        world.line.mend();
        world.line.cut();
        let until = Instant::now() + Duration::from_secs(60);
        while !engine.tell_changes(&account()).is_ok_and(|left| left.is_empty()) {
            assert!(Instant::now() < until, "{cut:?}: something is never told");
        }
        assert_eq!((world.has_on_server(from, 1), world.has_on_server(to, 1)), (0, 1), "{cut:?}: the moved message");
        assert_eq!(world.has_on_server(to, copy), 1, "{cut:?}: the copy");
        let flags = world.flags_on_server("INBOX", 0);
        assert_eq!(flags.contains("\\Flagged"), round % 2 == 1, "{cut:?}: {flags}");
        engine.sync_once(None, &[]).unwrap();
        let row = engine.messages(&Filter::default()).unwrap().messages.into_iter().find(|row| row.subject == "No. 1");
        assert_eq!(row.map(|row| (row.mailbox, row.pending)), Some((to.to_owned(), false)), "{cut:?}");
        (after.0 - before.0, after.1 - before.1)
    };
    let (down, up) = tell(None);
    let mut cuts = 0;
    for (is_down, bytes) in [(true, down), (false, up)] {
        // The handshake and the login are the business of other tests.
        for place in (bytes / 3..bytes + 40).step_by(step) {
            tell(Some((is_down, place)));
            cuts += 1;
        }
    }
    eprintln!("cut at {cuts} places of {down} bytes down and {up} up, at {} connections", weather.cuts.load(SeqCst));
    assert!(weather.cuts.load(SeqCst) > 10);
}

/// Figures, by hand: `cargo test --release --test it changes::figures -- --ignored --nocapture`.
#[test]
#[ignore = "figures, not a check"]
fn figures_of_ten_thousand_flags() {
    let Some(world) = World::start(&[], 10_000) else { return };
    let engine = world.engine();
    let names: Vec<MessageRef> = names(&engine).into_values().collect();
    for round in 0..3 {
        let started = Instant::now();
        engine.change(&names, &Deed::Flag(FlagChange::Flagged(round % 2 == 0))).unwrap();
        let shown = started.elapsed();
        let told = Instant::now();
        assert!(engine.tell_changes(&account()).unwrap().is_empty());
        eprintln!("10,000 flags: shown after {shown:?}, told (with connecting) after {:?}", told.elapsed());
    }
}

/// A message whose mailbox is gone when the server is told of it is kept until a person has decided.
#[test]
fn a_message_that_the_server_will_not_have_is_kept() {
    let Some(world) = World::start(&[], 1) else { return };
    world.dovecot.doveadm(&["mailbox", "create", "-u", "quill", "-s", "Otter"], b"");
    world.home.done(&["sync"], b"");
    world.offline();
    for number in [50, 51] {
        let ran = world.home.run(&["message", "append", "-", "--to", "Otter"], &eml(number));
        assert_eq!(ran.code, 75, "{ran:?}");
    }
    world.dovecot.doveadm(&["mailbox", "delete", "-u", "quill", "-s", "Otter"], b"");
    world.online();
    world.home.run(&["change", "tell"], b"");
    let listed = world.home.json(&["change", "list"]);
    let rows = listed["changes"].as_array().unwrap();
    let states: Vec<&str> = rows.iter().map(|row| row["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["failed", "failed"], "{listed}");
    assert!(rows[0]["why"].as_str().unwrap().contains("no mailbox Otter"), "{listed}");
    let steps: Vec<String> = rows.iter().map(|row| row["step"].to_string()).collect();
    // The last step taken back is not these; other changes go through, and are not answered for them.
    assert_eq!(world.home.run(&["change", "undo"], b"").code, 1);
    let ran = world.home.run(&with(&["message", "flag"], &world.ids(&[0]), &["--set", "flagged"]), b"");
    assert_eq!(ran.code, 0, "{ran:?}");
    // It can be had as it was.
    let saved = world.home.run(&["change", "save", &steps[0], "--to", "-"], b"");
    assert_eq!((saved.code, saved.out.into_bytes()), (0, eml(50)));
    let ran = world.home.run(&["change", "retry", &steps[0]], b"");
    assert!(ran.code == 1 && ran.err.contains("change retry"), "{ran:?}");
    world.dovecot.doveadm(&["mailbox", "create", "-u", "quill", "-s", "Otter"], b"");
    world.home.done(&["change", "retry", &steps[0]], b"");
    assert_eq!((world.has_on_server("Otter", 50), world.on_server("Otter")), (1, 1));
    world.home.done(&["change", "undo", &steps[1]], b"");
    assert_eq!(world.home.json(&["change", "list"])["changes"].as_array().unwrap().len(), 0);
    assert_eq!(world.home.run(&["change", "retry", &steps[1]], b"").code, 1);
}
