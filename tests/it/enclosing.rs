//! Files that go out, from end to end: what stops them, how large they are, and a message that goes as several. The submission server takes a
//! megabyte at most, and says so.

use casemail::app::effect::Effect;
use casemail::app::event::Event;
use casemail::mail::draft::{Attachment, Draft};
use casemail::mail::message::Message;
use sha2::{Digest as _, Sha256};

use crate::engine;
use crate::scenario_practice::open_case;
use crate::support::home::Home;
use crate::walkthrough::{LINTWHITE, World, show};

/// A file of so many bytes, which base64 makes a third larger.
fn file(home: &Home, name: &str, bytes: usize) -> (String, Vec<u8>) {
    let content: Vec<u8> = (0..bytes).map(|at| u8::try_from((at * 7 + name.len()) % 251).unwrap()).collect();
    let path = home.beside(name);
    std::fs::write(&path, &content).unwrap();
    (path.to_str().unwrap().to_owned(), content)
}

fn letter(subject: &str, text: &str) -> Vec<u8> {
    format!("To: {LINTWHITE}\r\nSubject: {subject}\r\n\r\n{text}\r\n").into_bytes()
}

/// The files of a message that was taken, with their digests.
fn files(message: &Message) -> Vec<(String, String)> {
    let body = casemail::mail::display::body(message);
    body.attachments.iter().map(|one| (one.name.clone(), one.sha256.clone())).collect()
}

fn digest(content: &[u8]) -> String {
    hex::encode(Sha256::digest(content))
}

#[test]
fn what_is_too_large_is_refused_and_goes_as_several_in_order() {
    let Some(world) = World::start() else { return };
    let (one, first) = file(&world.home, "scan one.dat", 500_000);
    let (two, second) = file(&world.home, "scan two.dat", 450_000);
    let (three, third) = file(&world.home, "scan three.dat", 200_000);
    // Nothing is known of the server before it was asked once.
    world.home.done(&["send"], &letter("a note", "Good morning."));
    let mail = letter("papers", "All three are attached.");
    let files_along = ["--attach", &one, "--attach", &two, "--attach", &three];
    let ran = world.home.run(&[&["send"][..], &files_along[..]].concat(), &mail);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.err.contains("It is too large for the server localhost: 1.6 MB > 1.0 MB."), "{}", ran.err);
    // A gateway's limit is the configuration's.
    world.configure("[attachments]\ngateway_mb = { gov = 1 }\n");
    let ran = world.home.run(&["send", "--dry-run", "--attach", &one, "--attach", &two], &mail);
    assert!(ran.code == 1 && ran.err.contains("the gateway of the class gov"), "{}", ran.err);
    // One file that is too large alone is told by its name.
    let (huge, _) = file(&world.home, "scan.dat", 1_200_000);
    let ran = world.home.run(&["send", "--split", "--attach", &one, "--attach", &huge], &mail);
    assert!(ran.code == 1 && ran.err.contains("“scan.dat” alone takes 1.7 MB"), "{}", ran.err);
    assert_eq!(world.submission.taken().len(), 1);

    world.home.done(&[&["send", "--split"][..], &files_along[..]].concat(), &mail);
    let taken: Vec<Message> =
        world.submission.wait_for(3).into_iter().skip(1).map(|taken| Message::parse(taken.raw)).collect();
    assert_eq!(taken.len(), 2, "500 and 450 kB do not fit together; 450 and 200 do");
    let subjects: Vec<String> = taken.iter().map(|message| message.headers().subject()).collect();
    assert_eq!(subjects, ["papers (1 of 2)", "papers (2 of 2)"]);
    assert_eq!(files(&taken[0]), [("scan one.dat".to_owned(), digest(&first))]);
    let expected = [("scan two.dat".to_owned(), digest(&second)), ("scan three.dat".to_owned(), digest(&third))];
    assert_eq!(files(&taken[1]), expected);
    let first_id = taken[0].headers().message_id().unwrap();
    assert_eq!(taken[1].headers().in_reply_to(), std::slice::from_ref(&first_id));
    assert_eq!(taken[1].headers().references(), [first_id]);
    let text = casemail::mail::display::body(&taken[1]).text();
    assert!(text.contains("message 2 of 2") && text.contains("papers (1 of 2)"), "{text}");
}

#[test]
fn what_a_gateway_drops_wants_a_yes_or_a_reason() {
    let Some(world) = World::start() else { return };
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/enclose/");
    let path = |name: &str| format!("{data}{name}");
    let mail = letter("papers", "Good morning.");
    let check = |arguments: &[&str], mail: &[u8], code: i32, words: &str| {
        let ran = world.home.run(&[&["send", "--dry-run"][..], arguments].concat(), mail);
        assert!(ran.code == code && ran.err.contains(words), "{arguments:?}: {} {}", ran.code, ran.err);
    };
    let (macros, locked, changes) = (path("macro.xlsm"), path("locked.zip"), path("changes.docx"));
    check(&["--attach", &macros], &mail, 1, "“macro.xlsm” has macros (a VBA project)");
    check(&["--attach", &macros, "--confirm"], &mail, 0, "macros");
    check(&["--attach", &locked], &mail, 1, "locked with a password");
    check(&["--attach", &changes], &mail, 1, "2 tracked changes, 1 piece of hidden text and 1 comment");
    check(&["--attach", &path("plain.pdf")], &mail, 0, "nothing stands against it");
    world.home.write("run.js", "WScript.Echo(1)");
    let script = world.home.beside("run.js").to_str().unwrap().to_owned();
    check(&["--attach", &script, "--confirm"], &mail, 1, "blocked");
    check(&["--attach", &script, "--override", "the court asked for it"], &mail, 0, "“run.js” is named like");
    let spoken = letter("papers", "Please find attached the MG5.");
    check(&[], &spoken, 1, "The text speaks of an attachment (“attached”), and there is none.");
    check(&["--confirm"], &spoken, 0, "there is none");
    check(&["--attach", &path("plain.pdf")], &spoken, 0, "nothing stands against it");
    let ran = world.home.run(&["send", "--attach", &path("none.pdf")], &mail);
    assert!(ran.code == 65 && ran.err.contains("none.pdf"), "{} {}", ran.code, ran.err);
}

#[test]
fn several_messages_are_one_decision_and_leave_in_order() {
    let Some(mut world) = engine::World::start() else { return };
    world.config.undo_send_seconds = 3_600;
    world.config.attachments.gateways.insert("open".into(), 900_000);
    world.config.attachments.gateways.insert("gov".into(), 900_000);
    let file = |name: &str| Attachment {
        name: name.into(),
        media_type: "application/octet-stream".into(),
        content: vec![7; 500_000],
    };
    let in_parts = || {
        let mut draft = Draft { split: Some(Vec::new()), ..engine::draft("in parts") };
        ["one.dat", "two.dat", "three.dat"].into_iter().for_each(|name| draft.attach(file(name), None));
        draft
    };
    let screen = world.screen();
    screen.watching();
    screen.send(in_parts());
    let rows = screen.engine.outbox().unwrap();
    let subjects: Vec<&str> = rows.iter().rev().map(|row| row.subject.as_str()).collect();
    assert_eq!(subjects, ["in parts (1 of 3)", "in parts (2 of 3)", "in parts (3 of 3)"]);
    assert!(rows.iter().all(|row| row.state == "held" && row.batch == rows[2].id), "{rows:?}");
    screen.engine.submit(Effect::CancelOutbox(rows[1].id));
    let back = screen.event(|event| match event {
        Event::TakenBack(_, draft, _) => Some(draft),
        _ => None,
    });
    assert!(screen.engine.outbox().unwrap().is_empty(), "one message is one decision");
    let names: Vec<&str> = back.attachments.iter().map(|file| file.name.as_str()).collect();
    assert_eq!((names, back.subject.as_str()), (vec!["one.dat", "two.dat", "three.dat"], "in parts"));
    screen.engine.close();

    world.config.undo_send_seconds = 0;
    let screen = world.screen();
    screen.watching();
    screen.send(in_parts());
    let taken = world.submission.wait_for(3);
    let sent: Vec<String> = taken.into_iter().map(|taken| Message::parse(taken.raw).headers().subject()).collect();
    assert_eq!(sent, ["in parts (1 of 3)", "in parts (2 of 3)", "in parts (3 of 3)"]);
}

#[test]
fn a_first_message_that_is_put_off_holds_the_others_back() {
    let Some(mut world) = engine::World::start() else { return };
    world.config.attachments.gateways.insert("open".into(), 900_000);
    world.config.attachments.gateways.insert("gov".into(), 900_000);
    let mut draft = Draft { split: Some(Vec::new()), ..engine::draft("put off") };
    draft.to = vec![engine::address("defer@copfs.gov.example")];
    for name in ["one.dat", "two.dat"] {
        let content = vec![7; 500_000];
        draft.attach(Attachment { name: name.into(), media_type: "application/octet-stream".into(), content }, None);
    }
    let screen = world.screen();
    screen.watching();
    screen.send(draft);
    engine::eventually(|| screen.engine.outbox().unwrap().iter().any(|row| row.state == "deferred").then_some(()));
    let rows = screen.engine.outbox().unwrap();
    let told: Vec<(&str, u32)> = rows.iter().rev().map(|row| (row.state, row.attempts)).collect();
    assert_eq!(told, [("deferred", 1), ("queued", 0)], "{rows:#?}");
    assert!(rows[0].reply.contains("when message 1 of the same has left"), "{}", rows[0].reply);
}

/// Writes a message on the screen as far as its text.
fn begin(screen: &crate::support::home::Screen, subject: &str) {
    screen.wait_for("up to date, watching");
    screen.send_keys(&["c"]);
    screen.wait_for("OpenPGP");
    screen.type_text(LINTWHITE);
    screen.send_keys(&["Tab", "Tab", "Tab"]);
    screen.type_text(subject);
    screen.send_keys(&["Tab"]);
    screen.type_text("Good morning.");
}

#[test]
fn files_are_attached_by_path_and_by_dropping_and_go_as_two_messages() {
    for size in [(80, 24), (200, 50)] {
        let Some(world) = World::start() else { return };
        // By what the configuration says of the gateway, or by what the server says when it is asked while one writes.
        let by_gateway = size.0 == 80;
        let whose = if by_gateway { "the gateway of the class gov" } else { "the server localhost" };
        if by_gateway {
            world.configure("[attachments]\ngateway_mb = { gov = 1 }\n");
        }
        std::fs::create_dir(world.home.beside("My papers")).unwrap();
        let (_, first) = file(&world.home, "My papers/Ferret scan.dat", 500_000);
        let (dropped, second) = file(&world.home, "My papers/it's here.dat", 450_000);
        let Some(screen) = world.home.screen(size) else { return };
        begin(&screen, "papers");
        // By path, completed.
        screen.send_keys(&["C-t"]);
        screen.wait_for("Attach file");
        screen.send_keys(&["C-u"]);
        screen.type_text(world.home.beside("My p").to_str().unwrap());
        screen.wait_for("My papers/");
        screen.send_keys(&["Tab"]);
        screen.wait_for("Ferret scan.dat");
        screen.type_text("Fe");
        screen.wait_until("one way", |now| now.contains("Ferret scan.dat") && !now.contains("it's here"));
        screen.send_keys(&["Tab", "Enter"]);
        let seen = screen.wait_for("@ Ferret scan.dat");
        assert!(seen.contains("1 file; about") && !seen.contains("too large"), "{seen}");
        // By dropping: as a terminal quotes it.
        screen.paste(&format!("'{}' ", dropped.replace('\'', "'\\''")));
        let seen = screen.wait_for("@ it's here.dat");
        show("composer", &seen);
        screen.wait_for("too large: at most 1.0 MB");
        // What is pasted and is no file is text.
        screen.paste("/no/such/file\n");
        screen.wait_for("/no/such/file");
        screen.send_keys(&["C-s"]);
        let seen = screen.wait_for(&format!("It is too large for {whose}"));
        show("review", &seen);
        screen.send_keys(&["s"]);
        let seen = screen.wait_for("2 of 2");
        show("in two", &seen);
        assert!(seen.contains("1 of 2"), "{seen}");
        screen.send_keys(&["y"]);
        let taken: Vec<Message> =
            world.submission.wait_for(2).into_iter().map(|taken| Message::parse(taken.raw)).collect();
        assert_eq!(files(&taken[0]), [("Ferret scan.dat".to_owned(), digest(&first))]);
        assert_eq!(files(&taken[1]), [("it's here.dat".to_owned(), digest(&second))]);
    }
}

#[test]
fn a_file_that_changed_or_went_away_stops_the_message() {
    let Some(world) = World::start() else { return };
    let (path, _) = file(&world.home, "scan.dat", 1_000);
    let Some(screen) = world.home.screen((80, 24)) else { return };
    begin(&screen, "papers");
    screen.paste(&path);
    screen.wait_for("@ scan.dat");
    std::fs::write(&path, "another").unwrap();
    screen.send_keys(&["C-s"]);
    let seen = screen.wait_for("was changed on the disk after it was attached");
    show("changed", &seen);
    screen.send_keys(&["y"]);
    screen.wait_for("Not sent.");
    screen.send_keys(&["e"]);
    screen.wait_for("@ scan.dat");
    std::fs::remove_file(&path).unwrap();
    screen.send_keys(&["C-s"]);
    screen.wait_for("cannot be read any more");
    // Taken off, it goes without.
    screen.send_keys(&["e"]);
    screen.wait_for("@ scan.dat");
    screen.send_keys(&["M-t"]);
    screen.wait_until("nothing attached", |now| !now.contains("@ scan.dat"));
    screen.send_keys(&["C-s"]);
    screen.wait_for("SEND");
    screen.send_keys(&["y"]);
    world.submission.wait_for(1);
}

#[test]
fn documents_of_the_case_go_along_with_the_very_bytes_that_came() {
    let Some(world) = World::start() else { return };
    world.configure(
        "[classes]\ngov = [\"gov.example\"]\n\n[[case]]\nid = \"FERRET\"\ntitle = \"R v FERRET\"\nidentifiers = [\"99ZX0012326\"]\n\n",
    );
    let content = b"%PDF-1.4 the very bytes \x00\xff";
    let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, content);
    let part = |name: &str, content: &str| {
        format!(
            "--b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename=\"{name}\"\r\n\
             Content-Transfer-Encoding: base64\r\n\r\n{content}\r\n"
        )
    };
    let text = format!(
        "--b\r\nContent-Type: text/plain\r\n\r\nSee both.\r\n{}{}--b--\r\n",
        part("MG5 Ferret.pdf", &encoded),
        part("MG11 Badger.pdf", "JVBERg==")
    );
    let more = "Content-Type: multipart/mixed; boundary=b\r\n";
    world.dovecot.deliver("quill", "INBOX", &crate::walkthrough::mail("1", "R v FERRET 99ZX0012326", more, &text));
    let Some(screen) = world.home.screen((80, 24)) else { return };
    screen.wait_for("up to date, watching");
    open_case(&screen, "ferret", "R v FERRET");
    screen.wait_for("99ZX0012326");
    screen.send_keys(&["c"]);
    screen.wait_for("OpenPGP");
    screen.send_keys(&["M-a"]);
    screen.wait_for("MG11 Badger.pdf");
    screen.send_keys(&["x", "x", "a"]);
    screen.wait_for("@ MG5 Ferret.pdf");
    let seen = screen.wait_for("@ MG11 Badger.pdf");
    show("composer", &seen);
    screen.type_text(LINTWHITE);
    screen.send_keys(&["Tab", "Tab", "Tab"]);
    screen.type_text("99ZX0012326 papers");
    screen.send_keys(&["C-s"]);
    screen.wait_for("SEND");
    screen.send_keys(&["y"]);
    let questions = ["Stopped", "Send it all the same?", "Queued"];
    let seen = screen.wait_until("a question or the end", |now| questions.iter().any(|words| now.contains(words)));
    show("asked", &seen);
    if seen.contains("Stopped") {
        screen.type_text("the fiscal asked for it");
        screen.send_keys(&["Enter"]);
    } else if seen.contains("all the same?") {
        screen.send_keys(&["y"]);
    }
    let taken = world.submission.wait_for(1).remove(0);
    let files = files(&Message::parse(taken.raw));
    assert!(files.contains(&("MG5 Ferret.pdf".to_owned(), digest(content))), "{files:?}");
}
