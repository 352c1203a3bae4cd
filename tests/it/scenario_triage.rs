//! As a new user: 200 messages that nobody has filed, and how many keys until the list of cases is tidy. The real program in a real terminal,
//! Dovecot behind it.

use std::cell::Cell;

use crate::support::home::Screen;
use crate::walkthrough::{World, eventually, go_to, show};

/// Twenty cases: by URN, the last eight by PF reference.
const NAMES: [&str; 20] = [
    "FERRET", "OTTER", "PUDDOCK", "GANNET", "STOAT", "WEASEL", "BADGER", "HERON", "LAPWING", "MARTEN", "CURLEW",
    "PLOVER", "SHREW", "DUNNOCK", "BRAMBLE", "THISTLE", "SORREL", "TEASEL", "BURDOCK", "YARROW",
];

fn number(case: usize) -> String {
    if case < 12 { format!("99ZX{:05}26", 100 + case) } else { format!("ZZ26000{:03}", 500 + case) }
}

fn style(case: usize) -> &'static str {
    if case < 12 { "R" } else { "PF" }
}

/// Messages, each of a thread of its own unless it answers another.
struct Mail(Vec<Vec<u8>>);

impl Mail {
    fn add(&mut self, from: &str, fields: &str, subject: &str, text: &str) -> String {
        let id = format!("{}@mail.example", self.0.len());
        let minute = self.0.len();
        self.0.push(
            format!(
                "From: {from}\r\nTo: Beatrice Quill <quill@quillpounce.example>\r\nMessage-ID: <{id}>\r\n{fields}\
                 Date: Mon, 2 Mar 2026 {:02}:{:02}:00 +0000\r\nSubject: {subject}\r\nMIME-Version: 1.0\r\n\
                 Content-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n",
                8 + minute / 60,
                minute % 60
            )
            .into_bytes(),
        );
        id
    }
}

/// 200 messages as they lie in the inbox of somebody who begins: 156 of cases, 44 of none.
fn inbox() -> Mail {
    let mut mail = Mail(Vec::new());
    for (case, name) in NAMES.iter().enumerate() {
        let (style, number) = (style(case), number(case));
        let crown = "CPS Mudshire <ambleford.mags@cps.gov.example>";
        let counsel = format!("Counsel {case} <counsel{case}@chambers{case}.example.cjsm.net>");
        let first = mail.add(crown, "", &format!("[CJSM] {style} v {name} {number} - initial details"), "Papers.");
        let answers = format!("In-Reply-To: <{first}>\r\nReferences: <{first}>\r\n");
        mail.add(crown, &answers, "service of the same", "As promised.");
        mail.add(crown, "", &format!("{style} v {name} - {number} - hearing"), "It is listed.");
        mail.add(
            "Court <office@court.gov.example>",
            "",
            &format!("listing {case}"),
            &format!("In {number} please attend."),
        );
        mail.add(&counsel, "", &format!("conference, {style} v {name} {number}"), "Tuesday?");
        // No number from here on: a name and a sender that fit, then a sender alone.
        mail.add(&counsel, "", &format!("{name} - draft advice"), "Attached.");
        mail.add(&counsel, "", &format!("fee note {case}"), "With thanks.");
    }
    for issue in 0..10 {
        for list in ["gazette", "circular", "chambers-news"] {
            let fields = format!("List-Id: <{list}.lists.example>\r\nPrecedence: bulk\r\n");
            mail.add(&format!("{list} <{list}@lists.example>"), &fields, &format!("{list} no. {issue}"), "News.");
        }
    }
    for (one, other) in [(0, 1), (0, 1), (0, 1), (2, 3), (2, 3), (2, 3)] {
        let text = format!("About {} and {}.", number(one), number(other));
        let subject = format!("two files {}", mail.0.len());
        mail.add("CPS Mudshire <ambleford.mags@cps.gov.example>", "", &subject, &text);
    }
    for (who, name) in [("mum", "Lapwing"), ("sister", "Marten")] {
        for nth in 0..4 {
            mail.add(
                &format!("{who} <{who}@mailbox.example>"),
                "",
                &format!("question {nth} for {name}"),
                "Please ring.",
            );
        }
    }
    for name in ["TURBOT", "SPRAT"] {
        mail.add(
            &format!("{name} <{name}@mailbox.example>"),
            "",
            &format!("R v {name} - arrested last night"),
            "Help.",
        );
    }
    for (who, how_many) in [("lunch", 4), ("sandwiches", 10)] {
        for nth in 0..how_many {
            mail.add(&format!("{who} <{who}@shop.example>"), "", &format!("{who} on day {nth}"), "Ham?");
        }
    }
    mail
}

/// As one line.
fn flat(seen: &str) -> String {
    seen.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Keys, counted.
struct Fingers<'a> {
    screen: &'a Screen,
    pressed: Cell<usize>,
}

impl Fingers<'_> {
    fn press(&self, keys: &[&str]) {
        self.pressed.set(self.pressed.get() + keys.len());
        self.screen.send_keys(keys);
    }
}

/// What the README says.
const KEYS: usize = 16;

#[test]
fn two_hundred_messages_become_a_tidy_list_of_cases_with_few_keys() {
    let mail = inbox();
    assert_eq!(mail.0.len(), 200);
    let Some(world) = World::start() else { return };
    world.configure("[classes]\ngov = [\"gov.example\"]\n\n");
    world.dovecot.fill("quill", "INBOX", mail.0.into_iter());
    world.home.done(&["sync"], b"");
    let triage = || world.home.json(&["case", "triage"])["rows"].as_array().unwrap().clone();
    // Numbers and threads have done their part before anybody presses a key: 100 of 200.
    assert_eq!(triage().len(), 100, "rows are a message each here");

    let Some(screen) = world.home.screen((80, 24)) else { return };
    screen.wait_for("up to date, watching");
    let fingers = Fingers { screen: &screen, pressed: Cell::new(0) };
    fingers.press(&["g", "t"]);
    show("to be filed", &screen.wait_for("1 of 100"));
    fingers.press(&["A"]);
    let seen = screen.wait_for("Doubts stay.");
    show("all sure ones", &seen);
    assert!(seen.contains("File 40 rows to 20 cases, 30 out of all cases?"), "{seen}");
    fingers.press(&["y"]);
    screen.wait_for("z takes it back.");
    let seen = screen.wait_for("1 of 30");
    show("the rest", &seen);

    // Those that name two cases stand first: all of one sender, each shared between its own two.
    assert!(flat(&seen).contains("it names several cases"), "{seen}");
    fingers.press(&["X", "b"]);
    screen.wait_for("1 of 24");
    // A name alone is never sure; a person has looked, and files all alike at once.
    for left in ["1 of 20", "1 of 16"] {
        let seen = flat(&screen.capture());
        assert!(seen.contains("the name in the subject, nothing else, 20 of 100"), "{seen}");
        assert!(seen.contains("the same for all 4 alike"), "{seen}");
        fingers.press(&["a"]);
        screen.wait_for(left);
    }
    // What is left has no suggestion. Twice a new case, proposed from the subject; twice a sender who writes of no case.
    let is_at = |text: &str| screen.capture().lines().any(|line| line.starts_with('▌') && line.contains(text));
    let mut left = 16;
    for _ in 0..4 {
        if is_at("arrested") {
            fingers.press(&["+"]);
            show("a new case", &screen.wait_for("New case for this message"));
            fingers.press(&["C-s"]);
            left -= 1;
        } else {
            left -= if is_at("sandwiches") { 10 } else { 4 };
            fingers.press(&["X", "-"]);
        }
        if left > 0 {
            screen.wait_for(&format!("1 of {left}"));
        }
    }
    screen.wait_for("Everything has its place.");
    assert_eq!(fingers.pressed.get(), KEYS, "README.md says how many");

    // And so it is.
    eventually(|| triage().is_empty().then_some(()));
    let cases = eventually(|| {
        let listed = world.home.json(&["case", "list"])["cases"].as_array().unwrap().clone();
        (listed.len() == 22).then_some(listed)
    });
    let of = |title: &str| {
        let case = cases.iter().find(|case| case["title"] == title).unwrap_or_else(|| panic!("{title}: {cases:?}"));
        case["messages"].as_u64().unwrap()
    };
    assert_eq!((of("R v FERRET"), of("R v OTTER"), of("R v LAPWING"), of("PF v YARROW")), (10, 10, 11, 7));
    assert_eq!((of("R v TURBOT"), of("R v SPRAT")), (1, 1));
    screen.send_keys(&["C-q"]);
    assert_eq!(screen.wait_for_end(), 0);
}

#[test]
fn what_was_filed_together_is_taken_back_together_by_key_and_by_command() {
    let crown = "CPS Mudshire <ambleford.mags@cps.gov.example>";
    let counsel = "Counsel <c@chambers.example>";
    let mut mail = Mail(Vec::new());
    mail.add(crown, "", "R v FERRET 99ZX0012326 - initial details", "Papers.");
    mail.add(counsel, "", "conference 99ZX0012326", "Tuesday?");
    mail.add(counsel, "", "fee note", "With thanks.");
    mail.add("gazette <g@lists.example>", "List-Id: <g.lists.example>\r\n", "This week", "News.");
    // Nobody has named this one.
    let nameless = String::from_utf8(mail.0[2].clone()).unwrap();
    let nameless = nameless.replace("Message-ID: <2@mail.example>\r\n", "").replace("fee note", "a question");
    mail.0.push(nameless.into_bytes());
    let Some(world) = World::start() else { return };
    world.configure("[classes]\ngov = [\"gov.example\"]\n\n");
    world.dovecot.fill("quill", "INBOX", mail.0.into_iter());
    let Some(screen) = world.home.screen((80, 24)) else { return };
    screen.wait_for("up to date, watching");
    let rows = || world.home.json(&["case", "triage"])["rows"].as_array().unwrap().len();
    assert_eq!(rows(), 3);
    screen.send_keys(&["g", "t"]);
    screen.wait_for("This week");
    screen.send_keys(&["A"]);
    screen.wait_for("File 2 rows to 1 case, 1 out of all cases?");
    screen.send_keys(&["n"]);
    let seen = screen.wait_until("no mark", |seen| !seen.contains("Doubts stay"));
    assert!(!seen.contains("▌+") && !seen.lines().any(|line| line.starts_with(" +")), "{seen}");
    screen.send_keys(&["A", "y"]);
    screen.wait_for("Everything has its place.");
    eventually(|| (rows() == 0).then_some(()));
    screen.send_keys(&["z"]);
    screen.wait_for("Taken back: 3 messages are to be filed again.");
    eventually(|| (rows() == 3).then_some(()));
    screen.wait_for("1 of 3");
    // The one without a Message-ID is filed like any other, and known again after the cache was made anew.
    go_to(&screen, "a question");
    screen.send_keys(&["Enter"]);
    screen.wait_for(" of 2");
    screen.send_keys(&["C-q"]);
    assert_eq!(screen.wait_for_end(), 0);
    std::fs::remove_dir_all(&world.home.roots().cache).unwrap();
    world.home.done(&["sync"], b"");
    let listed = world.home.json(&["message", "list", "--case", "99ZX0012326"]);
    let found: Vec<_> =
        listed["messages"].as_array().unwrap().iter().filter(|one| one["subject"] == "a question").collect();
    assert_eq!(found.len(), 1, "{listed}");
    assert_eq!(
        (&found[0]["cases"][0]["because"], &found[0]["cases"][0]["score"]),
        (&"by decision".into(), &100.into())
    );
    let id = found[0]["id"].as_str().unwrap();
    world.home.done(&["case", "file", id, "--take-back"], b"");
    assert_eq!(world.home.json(&["message", "list", "--case", "99ZX0012326"])["total"], 2);
    assert_eq!(world.home.run(&["case", "file", id, "--take-back"], b"").code, 1);
    assert_eq!(world.home.json(&["register", "verify"])["ok"], true);
}
