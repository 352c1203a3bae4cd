//! The register between devices: two homes and a third on one account of a real server, each the program itself.

use std::path::{Path, PathBuf};

use casemail::mail::id::CaseId;
use casemail::net::Endpoint;
use casemail::pgp::generate::generate;
use casemail::register::{CaseChange, Event};
use jiff::Timestamp;
use serde_json::Value;

use crate::scenario_pleas::ahead;
use crate::support::dovecot::Dovecot;
use crate::support::home::Home;

const QUILL: &str = "quill@quillpounce.example";
const MAILBOX: &str = "Casemail/Register";

struct World {
    server: Dovecot,
    key: PathBuf,
    _dir: tempfile::TempDir,
}

impl World {
    fn new() -> Option<Self> {
        let server = Dovecot::start()?;
        let dir = tempfile::tempdir().unwrap();
        let key = dir.path().join("key.pgp");
        std::fs::write(&key, &*generate("Beatrice Quill", QUILL, Timestamp::now()).unwrap().secret).unwrap();
        Some(Self { server, key, _dir: dir })
    }

    fn home(&self) -> Home {
        let home = Home::new();
        let smtp: Endpoint = self.server.tls();
        home.configure(&home.config(&self.server.tls(), &smtp, &self.server.ca_file(), ""));
        home.done(&["key", "import", path(&self.key)], b"");
        home
    }

    fn deliver(&self, number: u32, urn: &str) {
        let raw = format!(
            "From: ambleford.mags@cps.gov.example\r\nTo: {QUILL}\r\nSubject: R v WEASEL {urn}\r\n\
             Message-ID: <{number}@cps.gov.example>\r\nDate: Mon, 2 Mar 2026 14:52:00 +0000\r\n\r\nplanted-body-word {number}\r\n"
        );
        self.server.deliver("quill", "INBOX", raw.as_bytes());
    }

    /// A home with mail of two cases, of which WEASEL's is closed.
    fn with_a_closed_case(&self) -> Home {
        self.deliver(1, "99ZX0012327");
        self.deliver(2, "99ZX0012326");
        let home = self.home();
        home.done(&["sync"], b"");
        home.done(&["case", "close", "99ZX0012327"], b"");
        home
    }
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn records(home: &Home) -> Value {
    home.json(&["register", "show"])["records"].clone()
}

#[test]
fn two_devices_and_a_third_come_to_the_same_register() {
    let Some(world) = World::new() else { return };
    world.deliver(1, "99ZX0012327");
    let (one, two) = (world.home(), world.home());
    one.done(&["sync"], b"");
    two.done(&["sync"], b"");
    // Each works on its own, and none knows of the other.
    one.done(&["case", "close", "99ZX0012327", "--review", "2033-03-02"], b"");
    two.done(&["case", "hold", "99ZX0012327", "--because", "appeal"], b"");
    let first = one.json(&["register", "replicate"]);
    assert_eq!((&first["received"], &first["mailbox"]), (&0.into(), &MAILBOX.into()));
    assert!(first["sent"].as_u64().unwrap() >= 4, "{first}");
    let second = two.json(&["register", "replicate"]);
    assert_eq!(second["received"], first["sent"]);
    assert_eq!(one.json(&["register", "replicate"])["received"], second["sent"]);
    assert_eq!(records(&one), records(&two));
    // Nobody has anything to say any more, and nothing is read twice.
    for home in [&one, &two] {
        let again = home.json(&["register", "replicate"]);
        assert_eq!((&again["received"], &again["sent"], &again["ok"]), (&0.into(), &0.into(), &true.into()));
        assert_eq!(home.json(&["register", "verify"])["ok"], true);
    }
    // Both changes count: closed, and on hold.
    for home in [&one, &two] {
        let refused = home.run(&["case", "shred", "99ZX0012327", "--because", "review", "--yes"], b"");
        assert_eq!(refused.code, 1, "{refused:?}");
        assert!(refused.err.contains("on hold"), "{refused:?}");
    }
    // A new machine has nothing but the configuration and the key.
    let third = world.home();
    assert_eq!(third.json(&["register", "replicate"])["ok"], true);
    assert_eq!(records(&third), records(&one));
    assert_eq!(third.json(&["register", "verify"])["ok"], true);
    // What travels is no mail for people, and nobody can read it on the server.
    let listed = third.json(&["message", "list"]).to_string();
    assert!(!listed.contains("casemail register"), "{listed}");
    let held = world.server.doveadm(&["fetch", "-u", "quill", "text", "mailbox", MAILBOX], b"");
    assert!(held.contains("BEGIN PGP MESSAGE") && !held.contains("WEASEL") && !held.contains("99ZX0012327"));
}

#[test]
fn a_case_that_two_devices_open_file_and_edit_apart_is_one_on_both_and_on_a_third() {
    let Some(world) = World::new() else { return };
    world.deliver(1, "99ZX0012327");
    let unnumbered = format!(
        "From: silas@mailbox.example\r\nTo: {QUILL}\r\nSubject: my greenhouse\r\nMessage-ID: <9@mailbox.example>\r\n\r\nHelp.\r\n"
    );
    world.server.deliver("quill", "INBOX", unnumbered.as_bytes());
    let (one, two) = (world.home(), world.home());
    for home in [&one, &two] {
        home.done(&["sync"], b"");
    }
    // Both are offline to each other: one opens the case and files to it, the other edits what it knows from mail.
    one.done(&["case", "open", "--title", "R v WEASEL", "--number", "99ZX0012327", "--client", "Silas WEASEL"], b"");
    let listed = one.json(&["message", "list"]);
    let stray = listed["messages"].as_array().unwrap().iter().find(|one| one["subject"] == "my greenhouse").unwrap();
    one.done(&["case", "file", stray["id"].as_str().unwrap(), "--case", "99ZX0012327"], b"");
    one.done(&["case", "edit", "99ZX0012327", "--title", "R v S WEASEL"], b"");
    let crown = "name=CPS Mudshire; role=cps-lawyer; addresses=ambleford.mags@cps.gov.example";
    two.done(&["case", "edit", "99ZX0012327", "--party", crown, "--title", "R v WEASEL (Silas)"], b"");
    one.done(&["register", "replicate"], b"");
    two.done(&["register", "replicate"], b"");
    one.done(&["register", "replicate"], b"");
    // A third, empty one catches up from the server alone.
    let third = world.home();
    third.done(&["register", "replicate"], b"");
    third.done(&["sync"], b"");
    let told = |home: &Home| (home.json(&["case", "list"]), records(home), subjects(home));
    assert_eq!(told(&one), told(&two));
    assert_eq!(told(&one), told(&third));
    assert_eq!(subjects(&third), ["R v WEASEL 99ZX0012327", "my greenhouse"]);
    // The two titles are both told, until somebody sets it again.
    let Some(screen) = third.screen((80, 24)) else { return };
    screen.wait_for("up to date, watching");
    screen.send_keys(&["'"]);
    screen.type_text("weasel");
    screen.wait_for("WEASEL");
    screen.send_keys(&["Enter", "i"]);
    let seen = screen.wait_until("both titles", |seen| seen.contains("R v S WEASEL") && seen.contains("(Silas)"));
    crate::walkthrough::show("two titles", &seen);
    screen.send_keys(&["C-q"]);
    assert_eq!(screen.wait_for_end(), 0);
}

/// What a case is, as a home tells it.
fn case(home: &Home, id: &str) -> Value {
    home.json(&["case", "show", id])["record"].clone()
}

#[test]
fn whatever_two_do_to_one_case_apart_and_whatever_their_clocks_say_both_end_equal() {
    let Some(world) = World::new() else { return };
    let (weasel, ferret) = ("99ZX0012327", "99ZX0012326");
    world.deliver(1, weasel);
    world.deliver(2, ferret);
    let stray = format!(
        "From: silas@mailbox.example\r\nTo: {QUILL}\r\nSubject: my greenhouse\r\nMessage-ID: <9@mailbox.example>\r\n\r\nHelp.\r\n"
    );
    world.server.deliver("quill", "INBOX", stray.as_bytes());
    let (one, two) = (world.home(), world.home());
    let replicate = |home: &Home| drop(home.done(&["register", "replicate"], b""));
    for home in [&one, &two] {
        home.done(&["sync"], b"");
    }
    for (number, client) in [(weasel, "Silas WEASEL"), (ferret, "Barnaby FERRET")] {
        let title = format!("R v {}", client.split(' ').next_back().unwrap());
        one.done(&["case", "open", "--title", &title, "--number", number, "--client", client], b"");
    }
    replicate(&one);
    replicate(&two);
    // Apart: both rename, both file one message, one closes while the other adds people.
    let file = |home: &Home, to: &str| {
        let listed = home.json(&["message", "list"]);
        let message =
            listed["messages"].as_array().unwrap().iter().find(|one| one["subject"] == "my greenhouse").unwrap();
        home.done(&["case", "file", message["id"].as_str().unwrap(), "--case", to], b"");
    };
    one.done(&["case", "edit", weasel, "--title", "R v S WEASEL"], b"");
    two.done(&["case", "edit", weasel, "--title", "R v WEASEL (Silas)"], b"");
    file(&one, weasel);
    file(&two, ferret);
    one.done(&["case", "close", weasel], b"");
    for party in [
        "name=CPS Mudshire; role=cps-lawyer; addresses=ambleford.mags@cps.gov.example",
        "name=Rufus Vellum; role=counsel",
    ] {
        two.done(&["case", "edit", weasel, "--party", party], b"");
    }
    // The clock of the second is a day slow, or a day fast, and it does not know.
    let rename = |home: &Home, hours: i64, title: &str| {
        let engine = ahead(home, hours);
        let change = CaseChange::Renamed { title: title.into() };
        engine.record(vec![Event::Case { case: CaseId(ferret.into()), change }]).unwrap();
    };
    rename(&two, -24, "R v FERRET (slow)");
    one.done(&["case", "edit", ferret, "--title", "R v FERRET (right)"], b"");
    for home in [&one, &two, &one, &two] {
        replicate(home);
    }
    let third = world.home();
    replicate(&third);
    third.done(&["sync"], b"");
    let equal = |told: &str| {
        let of = |home: &Home| {
            let mail = |id: &str| home.json(&["message", "list", "--case", id])["total"].clone();
            (
                home.json(&["case", "list"]),
                case(home, weasel),
                case(home, ferret),
                records(home),
                mail(weasel),
                mail(ferret),
            )
        };
        assert_eq!(of(&one), of(&two), "{told}");
        assert_eq!(of(&one), of(&third), "{told}, the third");
        for home in [&one, &two, &third] {
            assert_eq!(home.json(&["register", "verify"])["ok"], true, "{told}");
        }
    };
    equal("after both worked apart");
    let shown = case(&third, weasel);
    let text = shown.to_string();
    crate::walkthrough::show("a case of two", &serde_json::to_string_pretty(&shown).unwrap());
    assert!(text.contains("R v S WEASEL") && text.contains("R v WEASEL (Silas)"), "both titles are told: {text}");
    assert!(text.contains("Rufus Vellum") && text.contains("CPS Mudshire") && text.contains("closed"), "{text}");
    let text = case(&third, ferret).to_string();
    assert!(text.contains("R v FERRET (slow)") && text.contains("R v FERRET (right)"), "{text}");
    // Who knows both decides, whatever the clock says: it stands, and nothing is in doubt any more.
    rename(&two, -24, "R v B FERRET");
    for home in [&two, &one, &third] {
        replicate(home);
    }
    equal("after one had decided");
    assert_eq!(case(&third, ferret)["title"], "R v B FERRET");
    assert!(!case(&third, ferret).to_string().contains("(slow)"));
    rename(&one, 24, "R v BARNABY FERRET");
    replicate(&one);
    replicate(&two);
    two.done(&["case", "edit", ferret, "--title", "R v FERRET"], b"");
    for home in [&two, &one, &third] {
        replicate(home);
    }
    equal("after a clock that is a day fast");
    assert_eq!(case(&one, ferret)["title"], "R v FERRET");

    // One destroys while the other, who does not know, writes on.
    one.done(&["case", "shred", weasel, "--because", "review", "--yes"], b"");
    two.done(&["case", "edit", weasel, "--note", "rang the greenhouse"], b"");
    two.done(&["case", "edit", weasel, "--party", "name=Pip Marlow; role=police"], b"");
    for home in [&two, &one, &two, &third] {
        replicate(home);
    }
    for home in [&one, &two, &third] {
        home.done(&["sync"], b"");
    }
    equal("after one destroyed it");
    assert!(case(&two, weasel)["state"]["shredded"].is_object());
    for home in [&one, &two, &third] {
        let listed = home.json(&["message", "list"]).to_string();
        assert!(!listed.contains(weasel), "{listed}");
    }
}

fn subjects(home: &Home) -> Vec<String> {
    let listed = home.json(&["message", "list", "--case", "99ZX0012327"]);
    let messages = listed["messages"].as_array().unwrap();
    let mut found: Vec<String> = messages.iter().map(|one| one["subject"].as_str().unwrap().to_owned()).collect();
    found.sort();
    found
}

#[test]
fn a_device_is_somebodys_only_where_their_key_says_so() {
    let Some(world) = World::new() else { return };
    world.deliver(1, "99ZX0012327");
    // Without a key of the person, nobody answers for the device; as soon as there is one, it does.
    let home = Home::new();
    let smtp: Endpoint = world.server.tls();
    home.configure(&home.config(&world.server.tls(), &smtp, &world.server.ca_file(), ""));
    home.done(&["sync"], b"");
    home.done(&["case", "hold", "99ZX0012327", "--because", "appeal"], b"");
    let verified = home.json(&["register", "verify"]);
    assert_eq!((&verified["ok"], &verified["streams"][0]["vouched"]), (&true.into(), &serde_json::json!([])));
    assert!(home.done(&["register", "verify"], b"").contains("nobody answers for this device"));
    home.done(&["key", "import", path(&world.key)], b"");
    home.done(&["case", "edit", "99ZX0012327", "--note", "rang the court"], b"");
    let verified = home.json(&["register", "verify"]);
    let vouched = &verified["streams"][0]["vouched"][0];
    assert_eq!((&verified["ok"], &vouched["proof"]), (&true.into(), &"good".into()), "{verified}");
    assert!(
        home.done(&["register", "verify"], b"").contains("Beatrice Quill <quill@quillpounce.example> answers for it")
    );
    // On screen it stands with each entry.
    let Some(screen) = home.screen((200, 50)) else { return };
    screen.wait_for("up to date, watching");
    screen.send_keys(&["'"]);
    screen.type_text("2327");
    screen.wait_for("99ZX0012327");
    screen.send_keys(&["Enter", "y"]);
    let seen = screen.wait_for("answers for it");
    crate::walkthrough::show("device", &seen);
    screen.send_keys(&["C-q"]);
    assert_eq!(screen.wait_for_end(), 0);
}

#[test]
fn what_is_damaged_foreign_or_repeated_is_named_and_costs_nothing_else() {
    let Some(world) = World::new() else { return };
    world.deliver(1, "99ZX0012327");
    let (one, two) = (world.home(), world.home());
    one.done(&["sync"], b"");
    one.done(&["case", "hold", "99ZX0012327", "--because", "appeal"], b"");
    let sent = one.json(&["register", "replicate"])["sent"].clone();
    let fetched = world.server.doveadm(&["fetch", "-u", "quill", "text", "mailbox", MAILBOX], b"");
    let raw = fetched.split_once("text:").unwrap().1.trim_start().replace('\u{c}', "");
    // The same again; the same with a line of it changed; somebody's mail.
    world.server.deliver("quill", MAILBOX, raw.as_bytes());
    let lines: Vec<&str> = raw.lines().collect();
    let middle = lines.len() * 2 / 3;
    let damaged: Vec<String> = lines
        .iter()
        .enumerate()
        .map(|(at, line)| if at == middle { line.chars().rev().collect() } else { (*line).to_owned() })
        .collect();
    world.server.deliver("quill", MAILBOX, damaged.join("\r\n").as_bytes());
    world.server.deliver("quill", MAILBOX, b"From: x@attacker.example\r\nSubject: register\r\n\r\nR {}\r\n");
    let came = two.json(&["register", "replicate"]);
    assert_eq!(came["received"], sent, "{came}");
    let refused = came["refused"].as_array().unwrap();
    assert_eq!(refused.iter().map(|one| one["uid"].as_u64().unwrap()).collect::<Vec<_>>(), [3, 4], "{came}");
    assert_eq!(records(&two), records(&one));
    assert_eq!(two.json(&["register", "verify"])["ok"], true);
}

#[test]
fn a_register_that_was_kept_elsewhere_is_proved_without_a_profile() {
    let Some(world) = World::new() else { return };
    world.deliver(1, "99ZX0012327");
    let home = world.home();
    home.done(&["sync"], b"");
    home.done(&["case", "close", "99ZX0012327"], b"");
    let chronology = home.done(&["case", "chronology", "99ZX0012327"], b"");
    assert!(chronology.contains("received") && chronology.contains("case closed"), "{chronology}");
    assert!(!chronology.contains("planted-body-word"));
    let lines = home.done(&["case", "chronology", "99ZX0012327", "--format", "jsonl"], b"");
    let kinds: Vec<String> = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["kind"].as_str().unwrap().to_owned())
        .collect();
    assert!(kinds.contains(&"received".to_owned()) && kinds.contains(&"case-closed".to_owned()), "{kinds:?}");
    let table = home.done(&["case", "chronology", "99ZX0012327", "--format", "csv"], b"");
    assert_eq!(table.lines().count(), kinds.len() + 1);
    let text = home.done(&["register", "show", "--raw"], b"");
    home.write("register.txt", &text);
    let file = home.beside("register.txt");
    assert_eq!(home.run(&["register", "verify", path(&file)], b"").code, 0);
    home.write("register.txt", &text.replacen("WEASEL", "WEASLE", 1));
    let broken = home.run(&["--json", "register", "verify", path(&file)], b"");
    assert_eq!(broken.code, 1, "{broken:?}");
    let broken: Value = serde_json::from_str(&broken.out).unwrap();
    assert_eq!(broken["schema"], "casemail.verification/1");
    assert!(broken["first_broken"]["record"].as_u64().unwrap() > 1, "{broken}");
}

#[test]
fn under_an_open_screen_no_case_is_destroyed() {
    let Some(world) = World::new() else { return };
    world.deliver(1, "99ZX0012327");
    let home = world.home();
    home.done(&["sync"], b"");
    let Some(screen) = home.screen((80, 24)) else { return };
    screen.wait_for("All mail");
    // Commands are answered by the screen as soon as this one is.
    home.done(&["case", "list"], b"");
    let refused = home.run(&["case", "shred", "99ZX0012327", "--because", "review", "--yes"], b"");
    assert_eq!((refused.code, refused.err.contains("nothing was destroyed")), (75, true), "{refused:?}");
    let listed = home.done(&["--json", "message", "list"], b"");
    assert!(listed.contains("99ZX0012327"), "{listed}");
    screen.send_keys(&["C-q"]);
    assert_eq!(screen.wait_for_end(), 0);
}

#[test]
fn a_case_that_is_destroyed_leaves_digests_and_a_certificate() {
    let Some(world) = World::new() else { return };
    let home = world.with_a_closed_case();
    // Without a reason, and without a yes, nothing goes.
    let no_reason = home.run(&["case", "shred", "99ZX0012327", "--yes"], b"");
    assert_eq!((no_reason.code, no_reason.err.contains("--because")), (2, true), "{no_reason:?}");
    let empty = home.run(&["case", "shred", "99ZX0012327", "--because", " ", "--yes"], b"");
    assert_eq!((empty.code, empty.err.contains("--because is empty")), (2, true), "{empty:?}");
    let no_yes = home.run(&["case", "shred", "99ZX0012327", "--reason", "review"], b"99ZX0012327\n");
    assert_eq!((no_yes.code, no_yes.err.contains("nothing was destroyed; say --yes")), (1, true), "{no_yes:?}");
    assert!(no_yes.err.contains("1 message here"), "{no_yes:?}");
    assert!(home.done(&["--json", "message", "list"], b"").contains("99ZX0012327"));
    let destroyed = home.json(&["case", "shred", "99ZX0012327", "--because", "review", "--yes"]);
    let certificate = &destroyed["certificate"];
    assert_eq!(certificate["messages"], 1, "{destroyed}");
    assert!(certificate["number"].as_str().unwrap().starts_with("SHRED-"));
    // The streams can still be proved, and say nothing of it any more.
    assert_eq!(home.json(&["register", "verify"])["ok"], true);
    let shown = home.done(&["--json", "register", "show"], b"");
    assert!(!shown.contains("WEASEL") && shown.contains("case-shredded"), "{shown}");
    // It does not come back: neither by a sync nor with a new cache. The other case is as it was.
    for rebuilt in [false, true] {
        if rebuilt {
            home.done(&["store", "rebuild"], b"");
        }
        home.done(&["sync"], b"");
        let listed = home.done(&["--json", "message", "list"], b"");
        assert!(!listed.contains("99ZX0012327") && listed.contains("99ZX0012326"), "{listed}");
    }
    assert_eq!(
        home.run(&["case", "shred", "99ZX0012327", "--because", "review", "--yes"], b"").code,
        1,
        "once is enough"
    );
}

/// Copies a directory over another one, which is emptied first.
fn copy(from: &Path, to: &Path) {
    let _ = std::fs::remove_dir_all(to);
    std::fs::create_dir_all(to).unwrap();
    std::fs::set_permissions(to, std::fs::metadata(from).unwrap().permissions()).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (kind, target) = (entry.file_type().unwrap(), to.join(entry.file_name()));
        if kind.is_dir() {
            copy(&entry.path(), &target);
        } else if kind.is_file() {
            std::fs::copy(entry.path(), &target).unwrap();
        }
    }
}

/// What was copied before a case was destroyed is put back, piece by piece and whole.
#[test]
fn an_old_key_file_state_or_cache_put_back_brings_no_destroyed_case_back() {
    let Some(world) = World::new() else { return };
    let home = world.with_a_closed_case();
    home.done(&["register", "replicate"], b"");
    let roots = home.roots();
    let (old, new) = (home.beside("old"), home.beside("new"));
    let keep = |place: &Path| {
        copy(&roots.state, &place.join("state"));
        copy(&roots.cache, &place.join("cache"));
    };
    keep(&old);
    home.done(&["case", "shred", "99ZX0012327", "--because", "review", "--yes"], b"");
    home.done(&["register", "replicate"], b"");
    keep(&new);
    // Everything of today, but for what is put back: the key file, the state store, the cache, or two of them.
    let put_back = |vault: bool, state: bool, cache: bool| {
        let from = |is_old: bool| if is_old { &old } else { &new };
        copy(&new.join("state"), &roots.state);
        copy(&from(cache).join("cache"), &roots.cache);
        std::fs::copy(from(vault).join("state/vault"), roots.vault_file()).unwrap();
        std::fs::copy(from(state).join("state/state.redb"), roots.state_file()).unwrap();
    };
    let listed = || {
        let ran = home.run(&["--json", "message", "list"], b"");
        (ran.code, format!("{}{}", ran.out, ran.err))
    };
    let shown = || {
        let ran = home.run(&["--json", "register", "show"], b"");
        format!("{}{}", ran.out, ran.err)
    };
    for (vault, state, cache) in [(true, false, false), (false, true, false), (false, true, true), (true, false, true)]
    {
        put_back(vault, state, cache);
        let (code, text) = listed();
        assert!(code != 0 && !text.contains("99ZX0012327"), "{vault} {state} {cache}: {code} {text}");
        assert!(!shown().contains("WEASEL"), "{vault} {state} {cache}");
        if (vault, state, cache) == (true, false, false) {
            // The cache, which the old key file does not open, was not taken for somebody else's.
            std::fs::copy(new.join("state/vault"), roots.vault_file()).unwrap();
            let (code, text) = listed();
            assert!(code == 0 && text.contains("99ZX0012326"), "{text}");
        }
    }
    // The old cache alone: what is in it stays shut, and is made anew from the server, without what was destroyed.
    put_back(false, false, true);
    assert!(!listed().1.contains("99ZX0012327"));
    home.done(&["sync"], b"");
    let (code, text) = listed();
    assert!(code == 0 && text.contains("99ZX0012326") && !text.contains("99ZX0012327"), "{text}");
    // A former profile put back whole, with its passphrase, is a former profile: nobody can call that back. It learns of the destruction from the
    // mailbox of the register, and destroys again.
    put_back(true, true, true);
    assert!(listed().1.contains("99ZX0012327"));
    home.done(&["register", "replicate"], b"");
    let text = listed().1;
    assert!(text.contains("99ZX0012326") && !text.contains("99ZX0012327"), "{text}");
    assert!(shown().contains("case-shredded"));
    assert_eq!(home.json(&["register", "verify"])["ok"], true);
}

#[test]
fn what_one_device_destroys_goes_from_the_others_too() {
    let Some(world) = World::new() else { return };
    world.deliver(1, "99ZX0012327");
    world.deliver(2, "99ZX0012326");
    let (one, two) = (world.home(), world.home());
    for home in [&one, &two] {
        home.done(&["sync"], b"");
        home.done(&["register", "replicate"], b"");
    }
    assert!(two.done(&["--json", "message", "list"], b"").contains("99ZX0012327"));
    one.done(&["case", "close", "99ZX0012327"], b"");
    one.done(&["case", "shred", "99ZX0012327", "--because", "review", "--yes"], b"");
    one.done(&["register", "replicate"], b"");
    two.done(&["register", "replicate"], b"");
    let listed = two.done(&["--json", "message", "list"], b"");
    assert!(!listed.contains("99ZX0012327") && listed.contains("99ZX0012326"), "{listed}");
    assert_eq!(two.json(&["message", "list"])["total"], 2, "its row stays, empty");
    // The server does not bring it back.
    two.done(&["sync"], b"");
    assert!(!two.done(&["--json", "message", "list"], b"").contains("99ZX0012327"));
    for home in [&one, &two] {
        assert_eq!(home.json(&["register", "verify"])["ok"], true);
    }
}

#[test]
fn the_register_travels_by_itself_where_that_is_wanted() {
    let Some(world) = World::new() else { return };
    world.deliver(1, "99ZX0012327");
    let (one, two) = (world.home(), world.home());
    let smtp = world.server.tls();
    let wanted = "[register]\nreplicate = \"auto\"\n\n";
    one.configure(&one.config(&world.server.tls(), &smtp, &world.server.ca_file(), wanted));
    one.done(&["sync"], b"");
    let Some(screen) = one.screen((80, 24)) else { return };
    screen.wait_for("up to date, watching");
    one.done(&["case", "hold", "99ZX0012327", "--because", "appeal"], b"");
    // It waits until it has been quiet for a while.
    let handed = crate::walkthrough::within(120, || {
        let report = two.json(&["register", "replicate"]);
        (report["received"].as_u64() > Some(0)).then_some(report)
    })
    .unwrap_or_default();
    assert!(handed["received"].as_u64().unwrap_or_default() >= 3, "{handed}\n{}", screen.capture());
    assert!(two.done(&["--json", "register", "show"], b"").contains("case-held"));
    screen.send_keys(&["C-q"]);
    assert_eq!(screen.wait_for_end(), 0);
}
