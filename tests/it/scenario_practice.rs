//! A practice at work, from end to end: what comes is filed and timed, what is asked for is chased, what must not leave does not, and what was
//! closed can be destroyed. The real program in a real terminal, Dovecot and a submission server behind it.

use serde_json::Value;

use crate::support::home::{Ran, Screen};
use crate::walkthrough::{World, eventually, show};

const CLASSES: &str = "[classes]\ngov = [\"gov.example\"]\n\n";
const CROWN: &str = "ambleford.mags@cps.gov.example";

fn world(more: &str) -> Option<World> {
    let world = World::start()?;
    world.configure(&format!("{CLASSES}{more}"));
    Some(world)
}

/// A message with these header fields besides the usual ones, and files.
fn letter(id: &str, from: &str, subject: &str, date: &str, files: &[&str]) -> Vec<u8> {
    let mut text = format!(
        "From: {from}\r\nTo: Beatrice Quill <quill@quillpounce.example>\r\nMessage-ID: <{id}@casemail.example>\r\nDate: {date}\r\n\
         Subject: {subject}\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
         --b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nPapers for you.\r\n"
    );
    for file in files {
        text.push_str(&format!(
            "--b\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment; filename*=UTF-8''{file}\r\n\r\nbytes of {file}\r\n"
        ));
    }
    text.push_str("--b--\r\n");
    text.into_bytes()
}

fn now() -> String {
    jiff::Zoned::now().strftime("%a, %d %b %Y %H:%M:%S %z").to_string()
}

/// Opens the case of the gnome with its parties and its hearing.
fn ferret(world: &World) {
    world
        .home
        .done(&["case", "open", "--title", "R v FERRET", "--number", "99ZX0012326", "--client", "Barnaby FERRET"], b"");
    for (what, value) in [
        ("--hearing", "kind=first-hearing; court=Ambleford MC; date=05/03/2026; time=10:00"),
        ("--party", "name=Beatrice Quill; role=defence-solicitor; addresses=quill@quillpounce.example; acts for=1"),
        ("--party", "name=CPS Mudshire; role=cps-lawyer; addresses=ambleford.mags@cps.gov.example"),
    ] {
        world.home.done(&["case", "edit", "99ZX0012326", what, value], b"");
    }
}

fn codes(ran: &Ran) -> Vec<(String, String)> {
    let document: Value = serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {ran:?}"));
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    document["findings"].as_array().unwrap().iter().map(|one| (text(&one["code"]), text(&one["severity"]))).collect()
}

fn has(ran: &Ran, code: &str, severity: &str) -> bool {
    codes(ran).contains(&(code.to_owned(), severity.to_owned()))
}

/// Finds a case by what is typed, and opens its threads.
pub(crate) fn open_case(screen: &Screen, typed: &str, title: &str) {
    screen.send_keys(&["'"]);
    screen.type_text(typed);
    screen.wait_for(title);
    screen.send_keys(&["Enter"]);
}

fn chronology(world: &World, case: &str) -> Vec<Value> {
    let lines = world.home.done(&["case", "chronology", case, "--format", "jsonl"], b"");
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn initial_details_are_filed_and_timed_when_they_come() {
    let Some(world) = world("") else { return };
    ferret(&world);
    let subject = "[CJSM] R v FERRET 99ZX0012326 Ambleford MC 05/03/2026 - IDPC";
    let files =
        ["MG4%20Charges.pdf", "MG5.pdf", "MG11%20P%20BADGER.pdf", "PNC%20FERRET.pdf", "..%2F..%2FSDC%E2%80%AEfdp.exe"];
    let sent = "Mon, 02 Mar 2026 14:52:00 +0000";
    world.dovecot.deliver("quill", "INBOX", &letter("1", &format!("CPS Mudshire <{CROWN}>"), subject, sent, &files));
    let Some(screen) = world.home.screen((200, 50)) else { return };
    screen.wait_for("up to date, watching");
    open_case(&screen, "ferret", "R v FERRET");
    screen.wait_for("IDPC");
    screen.send_keys(&["Enter"]);
    let seen = screen.wait_for("Papers for you.");
    show("initial details", &seen);
    assert!(seen.contains("Filed to R v FERRET by URN in the subject (90 of 100)."), "{seen}");
    assert!(seen.contains("67 h 08 m from sending to the hearing"), "{seen}");
    assert!(seen.contains("after 14:30: deemed served Tue 3 Mar 2026"), "{seen}");
    assert!(!seen.contains("../../") && !seen.contains('\u{202e}'), "{seen}");
    // Written out from the page of the case: five files and their index; again, none.
    let out = world.home.beside("out");
    screen.send_keys(&["I"]);
    screen.wait_for("Numbers");
    for told in ["5 written, verified", "5 already exported, identical"] {
        screen.send_keys(&["x"]);
        screen.wait_for("Export the case to directory");
        screen.send_keys(&["C-u"]);
        screen.type_text(out.to_str().unwrap());
        screen.send_keys(&["Enter"]);
        show("exported", &screen.wait_for(told));
    }
    let mut written = Vec::new();
    let mut dirs = vec![out.clone()];
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() { dirs.push(entry) } else { written.push(entry) }
        }
    }
    let index = written.iter().find(|path| path.ends_with("INDEX.csv")).unwrap_or_else(|| panic!("{written:?}"));
    assert_eq!(std::fs::read_to_string(index).unwrap().lines().count(), 6, "a heading and five rows");
    let hostile = written.iter().find(|path| path.to_str().unwrap().contains("SDC")).unwrap();
    use std::os::unix::fs::PermissionsExt as _;
    assert_eq!(std::fs::metadata(hostile).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(hostile.starts_with(&out) && !hostile.to_str().unwrap().contains('\u{202e}'), "{hostile:?}");
    screen.send_keys(&["C-q"]);
    assert_eq!(screen.wait_for_end(), 0);
    // The register has it with the digest of every file, and says when it counts as served.
    let received = chronology(&world, "99ZX0012326").into_iter().find(|line| line["kind"] == "received").unwrap();
    assert_eq!(received["attachments"].as_array().unwrap().len(), 5, "{received}");
    assert!(received["deemed_service"].as_str().unwrap().contains("Tue 3 Mar 2026"), "{received}");
    // Over which connection it came, and that files of it were written out, with matching digests.
    assert_eq!((&received["tls"]["version"], &received["tls"]["server"]), (&"TLSv1.3".into(), &"localhost".into()));
    assert!(received["tls"]["cipher"].as_str().unwrap().starts_with("TLS_"), "{received}");
    assert!(received["tls"]["certificate"].as_str().unwrap().starts_with("SHA-256 "), "{received}");
    let text = world.home.done(&["case", "chronology", "99ZX0012326"], b"");
    assert!(text.contains("over TLSv1.3 TLS_") && text.contains("with localhost"), "{text}");
    assert!(chronology(&world, "99ZX0012326").iter().any(|line| line["kind"] == "exported"), "{text}");
    world.home.done(&["register", "verify"], b"");
}

#[test]
fn what_is_asked_for_is_awaited_and_chased_from_its_row() {
    let Some(world) = world("") else { return };
    let hearing = jiff::Zoned::now().date().saturating_add(jiff::ToSpan::days(2));
    let day = hearing.strftime("%d/%m/%Y").to_string();
    world
        .home
        .done(&["case", "open", "--title", "R v WEASEL", "--number", "99ZX0012327", "--client", "Silas WEASEL"], b"");
    let hearing = format!("kind=first-hearing; court=Ambleford MC; date={day}; time=10:00");
    let crown = format!("name=CPS Mudshire; role=cps-lawyer; addresses={CROWN}");
    let own = "name=Beatrice Quill; role=defence-solicitor; organisation=Quill & Pounce; addresses=quill@quillpounce.example; acts for=1";
    let charge = "accused=1; number=1; charge=criminal damage to a greenhouse; statute=Criminal Damage Act 1971 s.1";
    for (what, value) in
        [("--hearing", hearing.as_str()), ("--party", crown.as_str()), ("--party", own), ("--charge", charge)]
    {
        world.home.done(&["case", "edit", "99ZX0012327", what, value], b"");
    }
    let Some(screen) = world.home.screen((200, 50)) else { return };
    screen.wait_for("up to date, watching");
    open_case(&screen, "weasel", "R v WEASEL");
    screen.send_keys(&["T"]);
    screen.wait_for("Request initial details");
    screen.send_keys(&["Enter"]);
    // Only what is missing is asked for.
    let seen = screen.wait_for("birth");
    show("asked", &seen);
    screen.type_text("1 April 1991");
    screen.send_keys(&["Enter"]);
    let seen = screen.wait_for("IDPC request");
    show("request", &seen);
    let subject = seen.lines().find(|line| line.contains("IDPC request")).unwrap().to_owned();
    assert!(subject.contains("R v WEASEL - 99ZX0012327 - Ambleford MC") && !subject.contains("1991"), "{subject}");
    assert!(seen.contains("born 1 April 1991") && seen.contains(CROWN), "{seen}");
    screen.send_keys(&["C-s"]);
    screen.wait_for("on the wire");
    screen.send_keys(&["y"]);
    assert_eq!(world.submission.wait_for(1)[0].to, [CROWN]);

    // Due a day before the hearing, which is earlier than five business days.
    let awaited = eventually(|| {
        let case = world.home.json(&["register", "show", "--case", "99ZX0012327"]);
        case["records"].as_array().unwrap().iter().find(|record| record["kind"] == "awaiting").cloned()
    });
    show("awaited", &awaited.to_string());
    screen.send_keys(&["g", "e"]);
    let seen = screen.wait_for("IDPC request, of");
    show("awaiting", &seen);
    let before = jiff::Zoned::now().date().saturating_add(jiff::ToSpan::days(1));
    let due = before.strftime("%a %d %b %Y 10:00").to_string();
    let seen = seen.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(seen.contains(&due) && seen.contains("less than a business day ago"), "{due}: {seen}");

    screen.send_keys(&["c"]);
    let seen = screen.wait_for("IDPC request - chase");
    show("chase", &seen);
    let flat = seen.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        flat.contains("We have had no answer.") && flat.contains(&format!("we wrote to {CROWN}: IDPC request")),
        "{seen}"
    );
    screen.send_keys(&["C-s"]);
    screen.wait_for("on the wire");
    screen.send_keys(&["y"]);
    assert_eq!(world.submission.wait_for(2)[1].to, [CROWN]);
    eventually(|| chronology(&world, "99ZX0012327").iter().any(|line| line["kind"] == "chased").then_some(()));
    screen.leave();
    assert_eq!(screen.wait_for_end(), 0);

    // The same of a second mailbox: the first is named.
    let again =
        "To: mudshire.cc@cps.gov.example\r\nSubject: R v WEASEL - 99ZX0012327 - IDPC request\r\n\r\nPlease.\r\n";
    let ran = world.home.run(&["--json", "send", "--dry-run", "-"], again.as_bytes());
    assert!(has(&ran, "asked-already", "confirm") && ran.out.contains(CROWN), "{ran:?}");
}

#[test]
fn the_wrong_channel_is_stopped_and_the_right_one_offered() {
    let Some(world) = world("") else { return };
    ferret(&world);
    world.home.done(
        &[
            "case",
            "edit",
            "99ZX0012326",
            "--party",
            "name=Rufus Vellum; role=counsel; addresses=r.vellum@foxglove.example.cjsm.net; acts for=1",
        ],
        b"",
    );
    let draft = |to: &str| {
        format!(
            "To: {to}\r\nSubject: R v FERRET 99ZX0012326\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n\
             The summary.\r\n--b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename=\"MG5.pdf\"\r\n\r\nx\r\n--b--\r\n"
        )
    };
    let check = |to: &str| world.home.run(&["--json", "send", "--dry-run", "-"], draft(to).as_bytes());
    let ran = check("barnaby.ferret@mailbox.example");
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(has(&ran, "open-recipient", "block") && ran.out.contains("MG5"), "{ran:?}");
    let twin = check("r.vellum@foxglove.example");
    assert!(has(&twin, "cjsm-twin", "confirm") && twin.err.contains("r.vellum@foxglove.example.cjsm.net"), "{twin:?}");
    for open in ["x@evilgov.example", "y@gov.example.attacker.example"] {
        assert!(has(&check(open), "open-recipient", "block"), "{open}");
    }
    assert!(!codes(&check("z@cps.gov.example")).iter().any(|(code, _)| code == "open-recipient"));
    // On screen: an answer on the case's thread, to the client, with the summary attached. The way back is what is marked.
    world.dovecot.deliver(
        "quill",
        "INBOX",
        &letter("1", &format!("CPS <{CROWN}>"), "R v FERRET 99ZX0012326", &now(), &["MG5.pdf"]),
    );
    let Some(screen) = world.home.screen((80, 24)) else { return };
    screen.wait_for("up to date, watching");
    open_case(&screen, "ferret", "R v FERRET");
    screen.wait_for("CPS");
    screen.send_keys(&["Enter"]);
    screen.wait_for("Papers for you.");
    screen.send_keys(&["f"]);
    screen.wait_for("Subject");
    screen.type_text("barnaby.ferret@mailbox.example");
    screen.wait_for("MG5.pdf");
    screen.send_keys(&["C-s"]);
    screen.wait_for("on the wire");
    screen.send_keys(&["y"]);
    let seen = screen.wait_for("Go back: it is not sent");
    show("wrong channel", &seen);
    assert!(seen.contains("open internet"), "{seen}");
    screen.type_text("too short");
    screen.send_keys(&["Enter"]);
    screen.wait_for("10 characters");
    screen.send_keys(&["C-u", "Enter"]);
    screen.wait_for("Not sent.");
    assert!(world.submission.taken().is_empty());
    screen.send_keys(&["y"]);
    screen.wait_for("Go back: it is not sent");
    screen.type_text("he has no other address");
    screen.send_keys(&["Enter"]);
    assert_eq!(world.submission.wait_for(1)[0].to, ["barnaby.ferret@mailbox.example"]);
    eventually(|| {
        let lines = chronology(&world, "99ZX0012326");
        let sent = lines.iter().find(|line| line["kind"] == "sent")?;
        assert_eq!(sent["tls"]["version"], "TLSv1.3", "{sent}");
        lines
            .iter()
            .any(|line| line["kind"] == "overridden" && line["reason"] == "he has no other address")
            .then_some(())
    });
    screen.leave();
    assert_eq!(screen.wait_for_end(), 0);
    // The override needs its reason, and is in the chronology with it.
    let to_client = draft("barnaby.ferret@mailbox.example");
    assert_eq!(world.home.run(&["send", "--override", "too short", "-"], to_client.as_bytes()).code, 2);
    world.home.done(&["send", "--override", "client has no other address", "-"], to_client.as_bytes());
    let lines = chronology(&world, "99ZX0012326");
    let overridden = lines.iter().rfind(|line| line["kind"] == "overridden").unwrap();
    assert_eq!(overridden["reason"], "client has no other address", "{overridden}");
    assert!(overridden["findings"].to_string().contains("open-recipient"), "{overridden}");
}

#[test]
fn a_co_accuseds_agent_gets_nothing_unless_the_case_holder_says_why() {
    let Some(world) = world("") else { return };
    let (case, clerks) = ("ZZ26000533", "ZZ26000534");
    for (number, role) in [(case, "defence-solicitor"), (clerks, "defence-staff")] {
        world
            .home
            .done(&["case", "open", "--title", "HMA v GANNET", "--number", number, "--client", "Gideon GANNET"], b"");
        let own = format!("name=Beatrice Quill; role={role}; addresses=quill@quillpounce.example; acts for=1");
        for (what, value) in [
            ("--accused", "name=Fenella STOAT"),
            ("--party", "name=Hamish Lintwhite; role=fiscal-depute; addresses=lintwhite@copfs.gov.example"),
            (
                "--party",
                "name=Wren & Co; role=defence-solicitor; addresses=agent@wrenandco.example.cjsm.net; acts for=2",
            ),
            ("--party", own.as_str()),
        ] {
            world.home.done(&["case", "edit", number, what, value], b"");
        }
    }
    let draft = |case: &str| {
        format!(
            "To: lintwhite@copfs.gov.example\r\nCc: agent@wrenandco.example.cjsm.net\r\nSubject: HMA v GANNET {case} - s.76 letter\r\n\r\n\
             Our client offers to plead.\r\n"
        )
    };
    // A clerk may not decide it, with whatever reason.
    let overridden = ["--json", "send", "--override", "the agents agreed to share it", "-"];
    let ran = world.home.run(&overridden, draft(clerks).as_bytes());
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(has(&ran, "co-accused", "alarm"), "no reason leads past it: {ran:?}");
    assert!(ran.out.contains("acts for co-accused STOAT"), "{ran:?}");
    assert!(world.submission.taken().is_empty());
    assert!(chronology(&world, clerks).iter().any(|line| line["kind"] == "refused"));
    // The case holder may, with a reason; both are written down.
    let ran = world.home.run(&["--json", "send", "-"], draft(case).as_bytes());
    assert!(has(&ran, "co-accused", "block") && ran.code == 1, "{ran:?}");
    world.home.done(&overridden, draft(case).as_bytes());
    assert_eq!(world.submission.wait_for(1).len(), 1);
    let kinds: Vec<String> =
        chronology(&world, case).iter().map(|line| line["kind"].as_str().unwrap().to_owned()).collect();
    let at = |kind: &str| kinds.iter().position(|one| one == kind).unwrap_or_else(|| panic!("{kind}: {kinds:?}"));
    assert!(at("refused") < at("overridden"), "{kinds:?}");

    // On screen the same: a stop that names her, the way back marked, and a clerk is not even asked for a reason.
    let Some(screen) = world.home.screen((80, 24)) else { return };
    screen.wait_for("up to date, watching");
    let write = |case: &str| {
        screen.send_keys(&["c"]);
        screen.wait_for("Subject");
        screen.type_text("lintwhite@copfs.gov.example");
        screen.send_keys(&["Tab"]);
        screen.type_text("agent@wrenandco.example.cjsm.net");
        screen.send_keys(&["Tab", "Tab"]);
        screen.type_text(&format!("HMA v GANNET {case} - s.76 letter"));
        screen.send_keys(&["Tab"]);
        screen.type_text("Our client offers to plead.");
        screen.send_keys(&["C-s"]);
    };
    write(case);
    screen.wait_for("on the wire");
    screen.send_keys(&["y"]);
    let seen = screen.wait_for("Go back: it is not sent");
    show("co-accused", &seen);
    assert!(seen.contains("STOAT"), "{seen}");
    screen.send_keys(&["Enter"]);
    screen.wait_for("Not sent.");
    assert_eq!(world.submission.taken().len(), 1);
    screen.send_keys(&["y"]);
    screen.wait_for("Go back: it is not sent");
    screen.type_text("the agents agreed to share it");
    screen.send_keys(&["Enter"]);
    assert_eq!(world.submission.wait_for(2).len(), 2);
    write(clerks);
    let seen = screen.wait_for("STOAT");
    show("clerk", &seen);
    screen.send_keys(&["y"]);
    let seen = screen.wait_until("no question", |seen| seen.contains("STOAT"));
    assert!(!seen.contains("Go back: it is not sent"), "{seen}");
    assert_eq!(world.submission.taken().len(), 2);
    screen.leave();
}

#[test]
fn a_case_on_hold_stays_and_a_closed_one_is_destroyed_with_a_certificate() {
    let Some(world) = world("") else { return };
    let deliver = |id: &str, number: &str| {
        let subject = format!("R v X {number}");
        world.dovecot.deliver("quill", "INBOX", &letter(id, CROWN, &subject, &now(), &["MG5.pdf"]));
    };
    deliver("1", "99ZX0012326");
    deliver("2", "99ZX0012327");
    world.home.done(&["sync"], b"");
    // What is in it can be read with the keys of the profile, and by nobody who has the files alone.
    let marker = "Papers for you";
    let weasel = |word: &str| {
        let listed = world.home.json(&["message", "list"]);
        let found = listed["messages"].as_array().unwrap().iter().find(|one| one.to_string().contains(word)).cloned();
        found.map(|one| one["id"].as_str().unwrap().to_owned())
    };
    let id = weasel("99ZX0012327").unwrap();
    assert!(world.home.done(&["message", "show", &id], b"").contains(marker));
    crate::walkthrough_crash::nothing_readable(&world, &[marker, "99ZX0012327", "bytes of MG5"]);
    let copy = tempfile::tempdir().unwrap();
    world.home.done(&["case", "close", "99ZX0012327", "--review", "2033-03-06"], b"");
    world.home.done(&["case", "hold", "99ZX0012326", "--because", "appeal"], b"");
    let refused = world.home.run(&["case", "shred", "99ZX0012326", "--because", "review", "--yes"], b"");
    assert_eq!((refused.code, refused.err.contains("on hold")), (1, true), "{refused:?}");
    let cache = world.home.roots().cache;
    let status = std::process::Command::new("cp").arg("-a").arg(&cache).arg(copy.path()).status().unwrap();
    assert!(status.success());
    let certificate = world.home.json(&["case", "shred", "99ZX0012327", "--because", "kept for seven years", "--yes"]);
    let number = certificate["certificate"]["number"].as_str().unwrap();
    assert!(number.starts_with("SHRED-"), "{certificate}");
    assert_eq!(certificate["certificate"]["digests"].as_array().unwrap().len(), 1, "{certificate}");
    // The former files, put back, stay shut: their keys are gone.
    std::fs::remove_dir_all(&cache).unwrap();
    std::fs::rename(copy.path().join(cache.file_name().unwrap()), &cache).unwrap();
    let listed = world.home.json(&["message", "list"]);
    let subjects: Vec<&str> =
        listed["messages"].as_array().unwrap().iter().map(|one| one["subject"].as_str().unwrap()).collect();
    assert!(!subjects.iter().any(|subject| subject.contains("99ZX0012327")), "{subjects:?}");
    let ran = world.home.run(&["message", "show", &id], b"");
    assert!(!ran.out.contains(marker), "{ran:?}");
    crate::walkthrough_crash::nothing_readable(&world, &[marker, "bytes of MG5"]);
    // The certificate names what was destroyed, and the register that the keys are gone.
    let lines = chronology(&world, "99ZX0012327");
    let kinds: Vec<&str> = lines.iter().map(|line| line["kind"].as_str().unwrap()).collect();
    let at = |kind: &str| kinds.iter().position(|one| *one == kind).unwrap_or_else(|| panic!("{kind}: {kinds:?}"));
    assert!(at("case-shredded") < at("keys-changed"), "{kinds:?}");
    assert!(lines.iter().any(|line| line["words"].as_str().unwrap().contains(number)), "{lines:?}");
    // Nor does the server bring it back; the other case is there.
    world.home.done(&["sync"], b"");
    let listed = world.home.json(&["message", "list"]).to_string();
    assert!(!listed.contains("99ZX0012327") && listed.contains("99ZX0012326"), "{listed}");
    let verified = world.home.json(&["register", "verify"]);
    assert_eq!(verified["ok"], true, "{verified}");
}

#[test]
fn a_marking_goes_with_the_answer_and_what_is_secret_is_not_kept() {
    let Some(world) = world("") else { return };
    let marked = "OFFICIAL-SENSITIVE - LEGAL - R v FERRET 99ZX0012326";
    world.dovecot.deliver("quill", "INBOX", &letter("1", CROWN, marked, &now(), &[]));
    world.dovecot.deliver(
        "quill",
        "INBOX",
        &letter("2", CROWN, "SECRET - planted-word 99ZX0012326", &now(), &["x.pdf"]),
    );
    let Some(screen) = world.home.screen((80, 24)) else { return };
    screen.wait_for("up to date, watching");
    let listed = world.home.json(&["message", "list"]);
    let secret = listed["messages"].as_array().unwrap().iter().find(|one| one["subject"] != marked).unwrap().clone();
    assert!(secret["subject"].as_str().unwrap().contains("not for this system"), "{secret}");
    assert!(!listed.to_string().contains("planted-word"), "{listed}");
    screen.send_keys(&["g", "a"]);
    screen.wait_for("marked SECRET");
    screen.send_keys(&["Home"]);
    for _ in 0..3 {
        let seen = screen.capture();
        if seen.lines().any(|line| line.starts_with('▌') && line.contains("marked SECRET")) {
            break;
        }
        screen.send_keys(&["j"]);
        screen.wait_until("the next row", |now| now != seen);
    }
    screen.send_keys(&["Enter"]);
    let seen = screen.wait_for("TOP SECRET");
    show("secret", &seen);
    assert!(!seen.contains("planted-word") && !seen.contains("Papers for you"), "{seen}");
    screen.send_keys(&["q"]);
    open_case(&screen, "2326", "99ZX0012326");
    screen.wait_for("ambleford.mags");
    screen.send_keys(&["Enter"]);
    screen.wait_for("Papers for you.");
    screen.send_keys(&["r"]);
    let seen = screen.wait_for("Re: OFFICIAL-SENSITIVE - LEGAL - R v FERRET");
    show("marked answer", &seen);
    screen.send_keys(&["C-q"]);
    drop(screen);
}

#[test]
fn hostile_mail_costs_a_row_and_shows_who_really_wrote() {
    let Some(world) = world("") else { return };
    ferret(&world);
    let from = "\"CPS <ambleford.mags@cps.gov.example>\" <x@attacker.example>";
    let long = "x".repeat(5 << 20);
    let mut parts = String::new();
    for number in 0..10_000 {
        parts.push_str(&format!("--b\r\n\r\n{number}\r\n"));
    }
    let head = |id: &str, subject: &str| {
        format!(
            "From: {from}\r\nTo: quill@quillpounce.example\r\nMessage-ID: <{id}@attacker.example>\r\nDate: {}\r\nSubject: {subject}\r\n",
            now()
        )
    };
    for raw in [
        format!("{}\r\nclick here\r\n", head("1", "\u{1b}]0;owned\u{7}\u{1b}[2J escape 99ZX0012326")),
        format!("{}\r\n{long}\r\n", head("2", "one line")),
        format!("{}Content-Type: multipart/mixed; boundary=b\r\n\r\n{parts}--b--\r\n", head("3", "ten thousand parts")),
        format!("{}Content-Type: multipart/mixed\r\n\r\nno boundary\r\n", head("4", "no boundary")),
        format!("{}Content-Type: text/plain; charset=utf-16\r\n\r\nlies\r\n", head("5", "charset lies")),
    ] {
        world.dovecot.deliver("quill", "INBOX", raw.as_bytes());
    }
    let Some(screen) = world.home.screen((200, 50)) else { return };
    screen.wait_for("up to date, watching");
    assert_eq!(world.home.json(&["message", "list"])["total"], 5);
    open_case(&screen, "ferret", "R v FERRET");
    screen.wait_for("escape");
    screen.send_keys(&["Enter"]);
    let seen = screen.wait_for("click here");
    show("hostile", &seen);
    assert!(seen.contains("x@attacker.example"), "{seen}");
    assert!(seen.contains("holds another address than the real one"), "{seen}");
    let shown = world.home.json(&["message", "list"]);
    let id = shown["messages"].as_array().unwrap().iter().find(|one| one.to_string().contains("escape")).unwrap();
    let document = world.home.json(&["message", "show", id["id"].as_str().unwrap()]);
    assert_eq!(document["carried"]["class"], "open", "{document}");
    assert!(!document["warnings"].as_array().unwrap().is_empty(), "{document}");
    for subject in ["one line", "ten thousand parts", "no boundary", "charset lies"] {
        let one = shown["messages"].as_array().unwrap().iter().find(|one| one["subject"] == subject).unwrap();
        world.home.json(&["message", "show", one["id"].as_str().unwrap()]);
    }
    screen.send_keys(&["C-q"]);
    assert_eq!(screen.wait_for_end(), 0);
}

#[test]
fn changed_filing_rules_are_seen_before_they_file() {
    let rules = "[[filing]]\nfrom = \"gazette.example\"\nnot_a_case = true\n\n\
        [[filing]]\nidentifier = 'QP-0417'\ncase = \"FERRET\"\n\n";
    let case = "[[case]]\nid = \"FERRET\"\ntitle = \"R v FERRET\"\nidentifiers = [\"99ZX0012326\"]\n\n";
    let Some(world) = world(case) else { return };
    world.dovecot.deliver("quill", "INBOX", &letter("1", "news@gazette.example", "Sentencing weekly", &now(), &[]));
    world.dovecot.deliver(
        "quill",
        "INBOX",
        &letter("2", "e@expert.example", "my report, your ref QP-0417", &now(), &[]),
    );
    world.home.done(&["sync"], b"");
    let of_ferret = || world.home.json(&["message", "list", "--case", "FERRET"])["total"].clone();
    assert_eq!(of_ferret(), 0);
    world.configure(&format!("{CLASSES}{rules}{case}"));
    // The configuration alone moves nothing.
    let preview = world.home.json(&["case", "refile", "--dry-run"]);
    assert_eq!((&preview["changed"], &preview["applied"]), (&true.into(), &false.into()), "{preview}");
    assert_eq!(preview["moved"].as_array().unwrap().len(), 2, "{preview}");
    assert!(preview.to_string().contains("\"score\":80"), "{preview}");
    assert_eq!(of_ferret(), 0);

    let Some(screen) = world.home.screen((80, 24)) else { return };
    screen.wait_for("up to date, watching");
    screen.send_keys(&["g", "t"]);
    screen.wait_for("Sentencing weekly");
    screen.send_keys(&["R"]);
    let seen = screen.wait_for("File by changed rules?");
    show("preview", &seen);
    assert!(seen.contains("2 move: 1 not a case, 1 to R v FERRET"), "{seen}");
    screen.send_keys(&["n"]);
    assert_eq!(of_ferret(), 0);
    screen.send_keys(&["R"]);
    screen.wait_for("File by changed rules?");
    screen.send_keys(&["y"]);
    eventually(|| (of_ferret() == 1).then_some(()));
    let triage = world.home.json(&["case", "triage"]);
    assert_eq!(triage["rows"].as_array().unwrap().len(), 0, "{triage}");
    screen.send_keys(&["C-q"]);
    assert_eq!(screen.wait_for_end(), 0);
    // They are in force for good.
    assert_eq!(world.home.json(&["case", "refile", "--dry-run"])["changed"], false);
}

#[test]
fn copies_of_an_idle_case_go_and_those_of_one_on_hold_stay() {
    let Some(world) = world("") else { return };
    for (id, number) in [("1", "99ZX0012326"), ("2", "99ZX0012327"), ("3", "99ZX0012328")] {
        world.dovecot.deliver("quill", "INBOX", &letter(id, CROWN, &format!("R v X {number}"), &now(), &["MG5.pdf"]));
    }
    world.home.done(&["sync"], b"");
    world.home.done(&["case", "close", "99ZX0012326"], b"");
    world.home.done(&["case", "close", "99ZX0012327"], b"");
    world.home.done(&["case", "hold", "99ZX0012327", "--because", "appeal"], b"");
    for (number, why) in [("99ZX0012327", "on hold"), ("99ZX0012328", "is open")] {
        let ran = world.home.run(&["case", "purge", number, "--idle", "0"], b"");
        assert_eq!((ran.code, ran.err.contains(why)), (1, true), "{ran:?}");
    }
    // It was closed a moment ago: that is no long time, unless somebody says so.
    assert_eq!(world.home.json(&["case", "purge"])["cases"], serde_json::json!([]));
    let here = || {
        let listed = world.home.json(&["message", "list"]);
        listed["messages"].as_array().unwrap().iter().filter(|one| one["here"] == true).count()
    };
    let preview = world.home.json(&["case", "purge", "--idle", "0", "--dry-run"]);
    assert_eq!((&preview["schema"], &preview["dry_run"]), (&"casemail.idle/1".into(), &true.into()));
    assert_eq!(preview["cases"].as_array().unwrap().len(), 1, "{preview}");
    assert_eq!((&preview["cases"][0]["id"], &preview["cases"][0]["messages"]), (&"99ZX0012326".into(), &1.into()));
    assert_eq!(here(), 3);
    world.home.done(&["case", "purge", "--idle", "0"], b"");
    assert_eq!(here(), 2);
    let lines = chronology(&world, "99ZX0012326");
    let gone = lines.iter().find(|line| line["kind"] == "bodies-purged").unwrap_or_else(|| panic!("{lines:?}"));
    assert!(gone["words"].as_str().unwrap().contains("1 bodies let go of here"), "{gone}");
    // By age it is the same: what is on hold is left out, and counted.
    let purged = world.home.json(&["store", "purge", "--older-than", "0"]);
    assert_eq!((&purged["messages"], &purged["kept_on_hold"]), (&1.into(), &1.into()), "{purged}");
    assert_eq!(here(), 1);
    // What has gone here is fetched again when it is opened.
    let listed = world.home.json(&["message", "list", "--case", "99ZX0012326"]);
    let id = listed["messages"][0]["id"].as_str().unwrap();
    assert!(world.home.done(&["message", "raw", id], b"").contains("Papers for you."));
    assert_eq!(world.home.json(&["register", "verify"])["ok"], true);
}

#[test]
fn a_party_of_the_same_name_is_that_party_and_numbers_of_people_name_no_case() {
    let pnc = "[[identifier]]\nname = \"PNC\"\nnames_a_case = false\npattern = '(?:19|20)?([0-9]{2}/)0*([0-9]{1,7}[A-HJ-NP-RT-Z])'\n\n\
        [[identifier]]\nname = \"DSCC\"\nnames_a_case = false\npattern = '(?:DSCC(?: ref| no)?\\.?:? ?)?([0-9]{9,10}[A-Z])'\n\n";
    let Some(world) = world(pnc) else { return };
    ferret(&world);
    let parties = || {
        let text = world.home.done(&["register", "show", "--case", "99ZX0012326"], b"");
        text.lines().filter(|line| line.contains("party ")).count()
    };
    let before = parties();
    let edit = |arguments: &[&str]| world.home.run(&[&["case", "edit", "99ZX0012326"], arguments].concat(), b"");
    let address = "ambleford.cc@cps.gov.example";
    let ran = edit(&["--party", &format!("name=cps mudshire; addresses={address}")]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(parties(), before + 1);
    // The role that was not said is as it was, and the guard knows the new address.
    let check = |to: &str| {
        let draft = format!("To: {to}\r\nSubject: R v FERRET 99ZX0012326\r\n\r\nx\r\n");
        world.home.run(&["--json", "send", "--dry-run", "-"], draft.as_bytes())
    };
    assert!(!codes(&check(address)).iter().any(|(code, _)| code == "not-a-party"));
    for arguments in [["--rename-party", "CPS Mudshire=CPS Ambleford"], ["--remove-party", "CPS Ambleford"]] {
        assert_eq!(edit(&arguments).code, 0);
    }
    assert!(codes(&check(address)).iter().any(|(code, _)| code == "not-a-party"));
    let ran = edit(&["--remove-party", "CPS Ambleford"]);
    assert_eq!((ran.code, ran.err.contains("no party")), (1, true), "{ran:?}");

    // A PNC id opens no case; one that was given to a case leads to it, and so does the number of a call to the station.
    world.dovecot.deliver("quill", "INBOX", &letter("1", CROWN, "print for PNC 2001/0123456F", &now(), &[]));
    world.dovecot.deliver("quill", "INBOX", &letter("2", CROWN, "your call, DSCC ref 260301234A", &now(), &[]));
    world.home.done(&["sync"], b"");
    assert_eq!(world.home.json(&["case", "list"])["cases"].as_array().unwrap().len(), 1);
    assert_eq!(world.home.json(&["case", "triage"])["rows"].as_array().unwrap().len(), 2);
    assert_eq!(edit(&["--number", "2001/0123456F", "--number", "DSCC 260301234A"]).code, 0);
    let listed = world.home.json(&["message", "list", "--case", "99ZX0012326"]);
    assert_eq!(listed["total"], 2, "{listed}");
    assert!(listed.to_string().contains("by PNC in the subject"), "{listed}");
    // Whose number it is stands in no subject unseen.
    let draft = "To: ambleford.mags@cps.gov.example\r\nSubject: print for PNC 01/123456F\r\n\r\nPlease.\r\n";
    let ran = world.home.run(&["--json", "send", "--dry-run", "-"], draft.as_bytes());
    assert!(has(&ran, "person-in-subject", "warning"), "{ran:?}");
}
