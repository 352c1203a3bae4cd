//! The guard, with the real program and real servers: what it stops has not left, and what was let past is asked about again at the end.

use casemail::net::{Endpoint, Security};
use serde_json::Value;

use crate::walkthrough::{World, plain, show};

const FERRET: &str = "barnaby.ferret@mailbox.example";
const CPS: &str = "lintwhite@copfs.gov.example";

fn draft(to: &str, subject: &str) -> Vec<u8> {
    format!("To: {to}\r\nSubject: {subject}\r\n\r\nPlease see the papers.\r\n").into_bytes()
}

/// Code, severity and recipient of each finding.
fn findings(document: &str) -> Vec<(String, String, String)> {
    let document: Value = serde_json::from_str(document).unwrap();
    assert_eq!(document["schema"], "casemail.send/1");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = document["findings"].as_array().unwrap().iter();
    list.map(|one| (text(&one["code"]), text(&one["severity"]), text(&one["recipient"]))).collect()
}

#[test]
fn case_mail_to_an_open_address_needs_a_reason() {
    let Some(world) = World::start() else { return };
    let draft = draft(FERRET, "R v FERRET - 99ZX0012326");
    let ran = world.home.run(&["--json", "send", "-"], &draft);
    assert_eq!(ran.code, 1, "{ran:?}");
    let open = ("open-recipient".to_owned(), "block".to_owned(), FERRET.to_owned());
    assert!(findings(&ran.out).contains(&open), "{ran:?}");
    assert!(ran.err.contains("open internet") && ran.err.contains("--override"), "{ran:?}");
    // A yes is no reason, and a short reason is none either.
    assert_eq!(world.home.run(&["send", "--confirm", "-"], &draft).code, 1);
    let short = world.home.run(&["send", "--override", "because", "-"], &draft);
    assert_eq!(short.code, 2, "{short:?}");
    assert!(short.err.contains("at least 10 characters"), "{short:?}");
    assert!(world.submission.taken().is_empty());
    assert_eq!(world.home.json(&["outbox", "list"])["entries"].as_array().unwrap().len(), 0);
    world.home.done(&["send", "--override", "he has no other address", "-"], &draft);
    assert_eq!(world.submission.taken().len(), 1);
    // The same words to somebody by a secure route need none; neither does mail of no case to the open address.
    world.home.done(&["send", "-"], &self::draft(CPS, "R v FERRET - 99ZX0012326"));
    world.home.done(&["send", "-"], &self::draft(FERRET, "Lunch"));
    assert_eq!(world.submission.taken().len(), 3);
}

#[test]
fn a_case_is_recognised_by_its_thread_its_text_and_its_files() {
    let Some(world) = World::start() else { return };
    world.dovecot.deliver("quill", "INBOX", &plain("1", "99ZX0012326 disclosure", "The first bundle."));
    world.home.done(&["sync"], b"");
    let list = world.home.json(&["message", "list"]);
    let id = list["messages"][0]["message_id"].as_str().unwrap();
    let answer = format!("To: {FERRET}\r\nSubject: what they say\r\nIn-Reply-To: <{id}>\r\n\r\nx\r\n");
    let quoted = format!("To: {FERRET}\r\nSubject: hello\r\n\r\nx\r\n> your matter 99ZX0012326\r\n");
    let file = format!(
        "To: {FERRET}\r\nSubject: hello\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b\r\n\
         Content-Type: application/pdf\r\nContent-Disposition: attachment; filename=\"MG5.pdf\"\r\n\r\nx\r\n--b--\r\n"
    );
    for (what, text) in [("an answer", answer), ("a quotation", quoted), ("a file", file)] {
        let ran = world.home.run(&["--json", "send", "-"], text.as_bytes());
        assert_eq!(ran.code, 1, "{what}: {ran:?}");
        assert!(
            findings(&ran.out).iter().any(|(_, severity, to)| severity == "block" && to == FERRET),
            "{what}: {ran:?}"
        );
    }
    assert!(world.submission.taken().is_empty());
}

#[test]
fn look_alikes_of_whom_one_knows_are_pointed_out() {
    let Some(world) = World::start() else { return };
    world.home.done(&["send", "-"], &draft(CPS, "Lunch"));
    for near in [
        "lintwhite@copfs.gov.example.attacker.example",
        "lintwhite@copfs-gov.example",
        "lintwhite@c0pfs.evilgov.example",
    ] {
        let ran = world.home.run(&["--json", "send", "-"], &draft(near, "99ZX0012326"));
        assert_eq!(ran.code, 1, "{ran:?}");
        let found = findings(&ran.out);
        assert!(
            found.iter().any(|(code, severity, _)| code == "look-alike" && severity == "block"),
            "{near}: {found:?}"
        );
    }
    assert_eq!(world.submission.taken().len(), 1);
}

#[test]
fn what_changed_since_the_review_stops_it_at_the_moment_of_sending() {
    let Some(world) = World::start() else { return };
    let gone = Endpoint { host: "localhost".into(), port: 1, security: Security::Tls };
    let config = |smtp: &Endpoint, gov: &str| {
        let more = format!("[classes]\ngov = [{gov}]\n");
        world.home.configure(&world.home.config(&world.dovecot.starttls(), smtp, &world.dovecot.ca_file(), &more));
    };
    config(&gone, "\"gov.example\"");
    let ran = world.home.run(&["send", "-"], &draft(CPS, "R v FERRET - 99ZX0012326"));
    assert_eq!(ran.code, 75, "it waits for a server: {ran:?}");
    let id = world.home.json(&["outbox", "list"])["entries"][0]["id"].to_string();
    // The recipient's domain is no longer a secure one.
    config(&world.submission.tls(), "\"gov.uk\"");
    let ran = world.home.run(&["outbox", "retry", id.trim_matches('"')], b"");
    assert_ne!(ran.code, 0, "{ran:?}");
    let entry = &world.home.json(&["outbox", "list"])["entries"][0];
    assert_eq!(entry["state"], "failed", "{entry}");
    assert!(entry["reply"].as_str().unwrap().contains("Something stands against it"), "{entry}");
    assert!(world.submission.taken().is_empty());
    // As it was reviewed, it goes.
    config(&world.submission.tls(), "\"gov.example\"");
    world.home.done(&["outbox", "retry", id.trim_matches('"')], b"");
    assert_eq!(world.submission.wait_for(1).len(), 1);
}

#[test]
fn a_party_that_goes_and_a_case_that_is_closed_between_the_yes_and_the_wire_stop_it() {
    let Some(world) = World::start() else { return };
    let gone = Endpoint { host: "localhost".into(), port: 1, security: Security::Tls };
    let config = |smtp: &Endpoint| {
        let more = "[classes]\ngov = [\"gov.example\"]\n";
        world.home.configure(&world.home.config(&world.dovecot.starttls(), smtp, &world.dovecot.ca_file(), more));
    };
    config(&gone);
    let case = "99ZX0012326";
    world.home.done(&["case", "open", "--title", "R v FERRET", "--number", case, "--client", "Barnaby FERRET"], b"");
    let crown = format!("name=PF; role=fiscal-depute; addresses={CPS}");
    let own = "name=Beatrice Quill; role=defence-solicitor; addresses=quill@quillpounce.example; acts for=1";
    let party = |what: &str, value: &str| drop(world.home.done(&["case", "edit", case, what, value], b""));
    party("--party", own);
    party("--party", &crown);
    let waiting = |subject: &str| {
        let ran = world.home.run(&["send", "-"], &draft(CPS, subject));
        assert_eq!(ran.code, 75, "it waits for a server: {ran:?}");
        let listed = world.home.json(&["outbox", "list"])["entries"].clone();
        let id = listed.as_array().unwrap().iter().find(|one| one["subject"] == subject).unwrap()["id"].to_string();
        id.trim_matches('"').to_owned()
    };
    let reply = |id: &str| {
        let listed = world.home.json(&["outbox", "list"])["entries"].clone();
        let entry =
            listed.as_array().unwrap().iter().find(|one| one["id"].to_string().trim_matches('"') == id).cloned();
        entry.map(|entry| {
            (entry["state"].as_str().unwrap().to_owned(), entry["reply"].as_str().unwrap_or_default().to_owned())
        })
    };
    let stopped = |id: &str, words: &str| {
        assert_ne!(world.home.run(&["outbox", "retry", id], b"").code, 0);
        let (state, reply) = reply(id).unwrap();
        assert!(state == "failed" && reply.contains(words), "{state}: {reply}");
        assert!(world.submission.taken().is_empty());
    };
    let first = waiting("R v FERRET - 99ZX0012326 - first");
    party("--remove-party", "PF");
    config(&world.submission.tls());
    stopped(&first, "is no party of R v FERRET");
    party("--party", &crown);
    world.home.done(&["case", "close", case], b"");
    stopped(&first, "R v FERRET is closed");
    // Somebody else of the same name has come instead: not the one who was said yes to.
    world.home.done(&["case", "reopen", case], b"");
    party("--party", "name=PF; role=fiscal-depute; addresses=lintwhite@copfs.gov.example.attacker.example");
    party("--remove-party", "PF");
    stopped(&first, "is no party of R v FERRET");
    party("--party", &crown);
    world.home.done(&["outbox", "retry", &first], b"");
    assert_eq!(world.submission.wait_for(1)[0].to, [CPS]);
}

#[test]
fn on_screen_the_way_back_is_what_is_marked() {
    let Some(world) = World::start() else { return };
    let Some(tmux) = world.home.screen((80, 24)) else { return };
    tmux.wait_for("up to date, watching");
    tmux.send_keys(&["c"]);
    tmux.wait_for("Subject");
    tmux.type_text(FERRET);
    tmux.send_keys(&["Tab", "Tab", "Tab"]);
    tmux.type_text("R v FERRET 99ZX0012326");
    tmux.send_keys(&["Tab"]);
    tmux.type_text("The papers.");
    tmux.send_keys(&["C-s"]);
    tmux.wait_for("on the wire");
    tmux.send_keys(&["y"]);
    let screen = tmux.wait_for("Go back: it is not sent");
    show("stopped by the guard", &screen);
    assert!(screen.contains("open internet"), "{screen}");
    tmux.send_keys(&["Enter"]);
    tmux.wait_for("Not sent.");
    assert!(world.submission.taken().is_empty());
    tmux.send_keys(&["y"]);
    tmux.wait_for("Go back: it is not sent");
    tmux.type_text("he asked for it by telephone");
    tmux.send_keys(&["Enter"]);
    assert_eq!(world.submission.wait_for(1)[0].to, [FERRET]);
    // Before the server's answer is here, leaving is asked about.
    tmux.wait_for("Sent: R v FERRET");
    tmux.send_keys(&["C-q"]);
    assert_eq!(tmux.wait_for_end(), 0);
}
