//! The program itself on servers of different makers, by its commands: first sync, flags both ways and at the same time, moves, deletions,
//! appended messages, renamed mailboxes, changes made offline, a message sent and filed. Which server it is, must not be seen.

use serde_json::Value;

use crate::support::home::Home;
use crate::support::host::Host;
use crate::support::line::Line;
use crate::support::other_client::OtherClient;
use crate::support::submission::Submission;
use crate::walkthrough::{LINTWHITE, eventually};

use std::sync::atomic::Ordering::SeqCst;

/// A server with a line to it, where messages go out, a profile, and somebody else in the same account.
struct World {
    host: Host,
    line: Line,
    submission: Submission,
    home: Home,
    other: OtherClient,
}

fn mail(n: usize) -> Vec<u8> {
    format!(
        "From: Wren <wren@copfs.gov.example>\r\nTo: Quill <quill@quillpounce.example>\r\nSubject: No. {n}\r\n\
         Message-ID: <m{n}@copfs.gov.example>\r\nDate: Fri, 17 Jul 2026 10:00:00 +0100\r\n\r\nBy the weir, number {n}.\r\n"
    )
    .into_bytes()
}

impl World {
    /// `None`, said aloud, where no submission server can be had.
    async fn start(host: Host, messages: usize) -> Option<Self> {
        let submission = Submission::start(None)?;
        let line = Line::to(&host.endpoints[0]);
        let home = Home::new();
        // Each server has an authority of its own; an account has one file for both.
        let both = [host.ca_file(), submission.ca_file()].map(|file| std::fs::read_to_string(file).unwrap()).concat();
        home.write("ca.pem", &both);
        let mut other = OtherClient::start(&host.endpoints[0], &host.ca_file()).await;
        for name in ["Sent", "Trash"] {
            let name = host.mailbox(name);
            let listed = other.run("LIST \"\" \"*\"").await;
            if !listed.iter().any(|line| line.contains(&name)) {
                other.run(&format!("CREATE \"{name}\"")).await;
                other.run(&format!("SUBSCRIBE \"{name}\"")).await;
            }
        }
        for n in 1..=messages {
            other.append("INBOX", &mail(n)).await;
        }
        let at = line.via(&host.endpoints[0]);
        home.configure(&home.config(&at, &submission.tls(), &home.beside("ca.pem"), ""));
        Some(Self { host, line, submission, home, other })
    }

    fn offline(&self) {
        self.line.weather().refuse.store(true, SeqCst);
        self.line.cut();
    }

    /// What a pass over a mailbox found: new, changed, vanished.
    fn sync(&self, mailbox: &str) -> (u64, u64, u64) {
        let told = self.home.json(&["sync"]);
        let mut of = told["mailboxes"].as_array().unwrap().iter().filter(|row| row["name"] == mailbox);
        let Some(row) = of.next() else { panic!("{}: no {mailbox} in {told}", self.host.name) };
        let number = |field: &str| row[field].as_u64().unwrap();
        // One answer may say of all mailboxes that nothing changed (RFC 5819): that counts for the account alone.
        let account = &told["accounts"][0];
        assert!(account["round_trips"].as_u64().unwrap() > 0 && account["bytes_in"].as_u64().unwrap() > 0, "{told}");
        (number("new"), number("changed"), number("vanished"))
    }

    /// Where the program has a message that is not marked deleted, its flags, and whether something waits.
    fn here(&self, n: usize) -> (String, String, Vec<String>, bool) {
        let rows = self.home.json(&["message", "list", "--message-id", &format!("m{n}@copfs.gov.example")]);
        let flags = |row: &Value| -> Vec<String> {
            row["flags"].as_array().unwrap().iter().map(|flag| flag.as_str().unwrap().to_owned()).collect()
        };
        let rows = rows["messages"].as_array().unwrap();
        let rows: Vec<&Value> = rows.iter().filter(|row| !flags(row).contains(&"\\Deleted".to_owned())).collect();
        let [row] = rows.as_slice() else { panic!("{}: number {n}: {rows:?}", self.host.name) };
        let text = |field: &str| row[field].as_str().unwrap().to_owned();
        (text("id"), text("mailbox"), flags(row), row["pending"].as_bool().unwrap())
    }

    fn id(&self, n: usize) -> String {
        self.here(n).0
    }

    /// Runs a command that must be told to the server at once.
    fn done(&self, args: &[&str]) {
        let ran = self.home.run(args, b"");
        assert_eq!(ran.code, 0, "{}: {args:?}: {ran:?}", self.host.name);
    }

    /// Runs a command that cannot be told now.
    fn queued(&self, args: &[&str]) {
        let ran = self.home.run(args, b"");
        assert_eq!(ran.code, 75, "{}: {args:?}: {ran:?}", self.host.name);
    }

    /// What the server has in a mailbox and nobody marked deleted, as somebody else sees it: Message-IDs with flags.
    async fn there(&mut self, mailbox: &str) -> Vec<(String, String)> {
        self.other.run(&format!("SELECT \"{mailbox}\"")).await;
        let lines = self.other.run("UID FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])").await;
        let rows = lines.iter().filter(|line| line.contains("FETCH")).map(|line| {
            let flags = line.split_once("FLAGS (").unwrap().1.split_once(')').unwrap().0.to_owned();
            let id =
                line.split_once('<').map_or("", |rest| rest.1).split_once('>').map_or("", |rest| rest.0).to_owned();
            (id, flags)
        });
        rows.filter(|(_, flags)| !flags.contains("\\Deleted")).collect()
    }

    /// How often the server has one.
    async fn times(&mut self, mailbox: &str, n: usize) -> usize {
        let id = format!("m{n}@copfs.gov.example");
        self.there(mailbox).await.iter().filter(|(known, _)| *known == id).count()
    }

    async fn flags_there(&mut self, mailbox: &str, n: usize) -> String {
        let id = format!("m{n}@copfs.gov.example");
        let found = self.there(mailbox).await.into_iter().find(|(known, _)| *known == id);
        found.unwrap_or_else(|| panic!("{}: no number {n} in {mailbox}", self.host.name)).1
    }

    async fn others_store(&mut self, n: usize, how: &str) {
        self.other.run("SELECT INBOX").await;
        // Numbers of the INBOX are in the order in which they were appended.
        let id = format!("m{n}@copfs.gov.example");
        let found = self.other.run(&format!("UID SEARCH HEADER Message-ID \"<{id}>\"")).await;
        let uid = found.iter().find_map(|line| line.strip_prefix("* SEARCH ")).unwrap().trim().to_owned();
        self.other.run(&format!("UID STORE {uid} {how}")).await;
    }
}

/// Everything that is there comes once, whole; what changes on either side arrives on the other.
pub(super) async fn the_program_syncs_and_flags_go_both_ways(host: Host) {
    let Some(mut world) = World::start(host, 12).await else { return };
    assert_eq!(world.sync("INBOX"), (12, 0, 0));
    assert_eq!(world.sync("INBOX"), (0, 0, 0), "{}", world.host.name);
    let listed = world.home.json(&["message", "list", "--mailbox", "INBOX"]);
    assert_eq!(listed["total"], 12);
    let raw = world.home.done(&["message", "raw", &world.id(7)], b"");
    assert_eq!(raw.as_bytes(), world.host.kept(mail(7)));

    world.done(&["message", "flag", &world.id(3), "--set", "flagged"]);
    assert!(world.flags_there("INBOX", 3).await.contains("\\Flagged"));
    world.done(&["message", "flag", &world.id(3), "--clear", "flagged"]);
    assert!(!world.flags_there("INBOX", 3).await.contains("\\Flagged"));
    world.others_store(4, "+FLAGS (\\Answered)").await;
    assert_eq!(world.sync("INBOX").1, 1);
    assert!(world.here(4).2.contains(&"\\Answered".to_owned()));

    // Both sides at once: UNCHANGEDSINCE (RFC 7162) tells where it is offered, and nobody's word is lost where it is not.
    world.offline();
    world.queued(&["message", "flag", &world.id(5), "--set", "flagged"]);
    assert!(world.here(5).3, "it waits");
    world.others_store(5, "+FLAGS (\\Answered)").await;
    world.line.mend();
    world.home.done(&["sync"], b"");
    let there = world.flags_there("INBOX", 5).await;
    assert!(there.contains("\\Flagged") && there.contains("\\Answered"), "{}: {there}", world.host.name);
    world.home.done(&["sync"], b"");
    let (_, _, flags, pending) = world.here(5);
    assert!(flags.contains(&"\\Flagged".to_owned()) && flags.contains(&"\\Answered".to_owned()), "{flags:?}");
    assert!(!pending);
}

/// Moved, deleted and appended messages are in one place each, here and on the server; a renamed mailbox keeps its own.
pub(super) async fn the_program_moves_deletes_appends_and_follows_a_rename(host: Host) {
    let Some(mut world) = World::start(host, 8).await else { return };
    let (otter, trash, weir) = (world.host.mailbox("Otter"), world.host.mailbox("Trash"), world.host.mailbox("Weir"));
    world.home.done(&["sync"], b"");
    world.done(&["message", "move", &world.id(1), &world.id(2), "--to", &otter, "--create"]);
    for n in [1, 2] {
        assert_eq!((world.times(&otter, n).await, world.times("INBOX", n).await), (1, 0), "{n}");
    }
    world.home.done(&["sync"], b"");
    assert_eq!(world.here(1).1, otter);
    world.done(&["message", "delete", &world.id(3)]);
    assert_eq!((world.times(&trash, 3).await, world.times("INBOX", 3).await), (1, 0));
    world.home.done(&["sync"], b"");
    world.done(&["message", "delete", &world.id(3), "--for-ever"]);
    assert_eq!((world.times(&trash, 3).await, world.times("INBOX", 3).await), (0, 0));
    let ran = world.home.run(&["message", "append", "-", "--to", &otter, "--seen"], &mail(77));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(world.flags_there(&otter, 77).await.contains("\\Seen"));
    assert_eq!(world.times(&otter, 77).await, 1);
    world.home.done(&["sync"], b"");
    for n in [1, 2, 77] {
        assert_eq!(world.here(n).1, otter, "{n}");
    }

    world.other.run("SELECT INBOX").await;
    world.other.run(&format!("RENAME \"{otter}\" \"{weir}\"")).await;
    // Servers differ in whether a subscription goes along.
    world.other.run(&format!("SUBSCRIBE \"{weir}\"")).await;
    world.home.done(&["sync"], b"");
    for n in [1, 2, 77] {
        assert_eq!(world.here(n).1, weir, "{n}");
        assert_eq!(world.times(&weir, n).await, 1, "{n}");
    }
    let listed = world.home.json(&["message", "list", "--mailbox", &weir]);
    assert_eq!(listed["total"], 3, "{listed}");
    let raw = world.home.done(&["message", "raw", &world.id(77)], b"");
    assert_eq!(raw.as_bytes(), world.host.kept(mail(77)));
}

/// What is done offline shows at once, is told in order when there is a line again, and once.
pub(super) async fn the_program_replays_what_was_done_offline(host: Host) {
    let Some(mut world) = World::start(host, 8).await else { return };
    let otter = world.host.mailbox("Otter");
    world.home.done(&["sync"], b"");
    world.done(&["message", "move", &world.id(1), "--to", &otter, "--create"]);
    world.home.done(&["sync"], b"");
    world.offline();
    world.queued(&["message", "flag", &world.id(2), "--set", "flagged"]);
    world.queued(&["message", "move", &world.id(2), "--to", &otter]);
    world.queued(&["message", "flag", &world.id(3), "--set", "seen"]);
    // A message that comes back to a mailbox is listed twice by pymap, whoever moves it.
    let back = world.host.name != "pymap";
    if back {
        world.queued(&["message", "move", &world.id(1), "--to", "INBOX"]);
    }
    let ran = world.home.run(&["message", "append", "-", "--to", &otter], &mail(88));
    assert_eq!(ran.code, 75, "{ran:?}");
    assert_eq!(world.here(2).1, otter);
    assert!(!back || world.here(1).1 == "INBOX");
    assert_eq!((world.times("INBOX", 2).await, world.times(&otter, 1).await), (1, 1), "nothing was told yet");
    world.line.mend();
    world.home.done(&["sync"], b"");
    assert!(world.home.json(&["change", "list"])["changes"].as_array().unwrap().is_empty());
    let first = if back { (1, "INBOX", otter.as_str()) } else { (1, otter.as_str(), "INBOX") };
    for (n, place, none) in [first, (2, otter.as_str(), "INBOX"), (88, otter.as_str(), "INBOX")] {
        assert_eq!((world.times(place, n).await, world.times(none, n).await), (1, 0), "{}: {n}", world.host.name);
    }
    assert!(world.flags_there(&otter, 2).await.contains("\\Flagged"), "flagged before it was moved");
    assert!(world.flags_there("INBOX", 3).await.contains("\\Seen"));
    // Nothing is told twice.
    world.home.done(&["sync"], b"");
    assert_eq!(world.times(&otter, 88).await, 1);
    for n in [1, 2, 3] {
        assert!(!world.here(n).3, "{n} waits still");
    }
}

/// A message goes out once and lies in the mailbox for sent mail once, also where that could not be reached at first.
pub(super) async fn the_program_sends_and_files_once(host: Host) {
    let Some(mut world) = World::start(host, 1).await else { return };
    let sent = world.host.mailbox("Sent");
    world.home.done(&["sync"], b"");
    let draft =
        |n: usize| format!("To: {LINTWHITE}\r\nSubject: 99ZX0012326 answer {n}\r\n\r\nBy the weir.\r\n").into_bytes();
    let state = |world: &World, n: usize| {
        let list = world.home.json(&["outbox", "list"]);
        let rows = list["entries"].as_array().unwrap().clone();
        let row = rows.into_iter().find(|row| row["subject"] == format!("99ZX0012326 answer {n}").as_str()).unwrap();
        (row["state"].as_str().unwrap().to_owned(), row["message_id"].as_str().unwrap().to_owned())
    };
    // The command is through when the message is out; whatever is left of it the program does while it runs.
    let filed = |world: &World, n: usize| -> Option<String> {
        let screen = world.home.screen((100, 30))?;
        screen.wait_until("the screen", |screen| screen.contains("Cases"));
        let id = eventually(|| Some(state(world, n)).filter(|(told, _)| told == "sent").map(|(_, id)| id));
        screen.send_keys(&["C-q"]);
        assert_eq!(screen.wait_for_end(), 0);
        Some(id)
    };
    let ran = world.home.run(&["send", "-"], &draft(1));
    assert_eq!(ran.code, 0, "{ran:?}");
    let Some(first) = filed(&world, 1) else { return };
    // The mail server is away when the second goes out.
    world.offline();
    let ran = world.home.run(&["send", "-"], &draft(2));
    assert!(matches!(ran.code, 0 | 75), "{ran:?}");
    let (told, second) = state(&world, 2);
    assert_eq!(told, "sent-not-filed", "{}", world.host.name);
    world.line.mend();
    filed(&world, 2).unwrap();
    world.home.done(&["sync"], b"");
    let copies = world.there(&sent).await;
    for id in [&first, &second] {
        let id = id.trim_matches(['<', '>']);
        let count = copies.iter().filter(|(known, _)| known == id).count();
        assert_eq!(count, 1, "{}: {id} in {copies:?}", world.host.name);
        let out =
            world.submission.taken().iter().filter(|taken| String::from_utf8_lossy(&taken.raw).contains(id)).count();
        assert_eq!(out, 1, "{}: {id}", world.host.name);
    }
    assert!(copies.iter().all(|(_, flags)| flags.contains("\\Seen")), "{copies:?}");
}
