//! Documents from end to end: the real program in a real terminal, Dovecot behind it. What was not meant for us is shut before anybody decided, put
//! out of reach with the moment in the register, and left out of everything that lists, searches or writes out.

use std::path::Path;

use base64::Engine as _;
use casemail::engine::sandbox;
use serde_json::Value;

use crate::support::home::{CASEMAIL, Screen};
use crate::walkthrough::{World, show};

const CASES: &str = "[classes]\ngov = [\"gov.example\"]\n\n\
    [[portal]]\nname = \"Defence Agent Service\"\nhosts = [\"das.example\"]\n\n\
    [[case]]\nid = \"OTTERBOURNE\"\ntitle = \"R v OTTERBOURNE\"\nidentifiers = [\"99QY0045626\"]\n\n\
    [[case]]\nid = \"PUDDOCK\"\ntitle = \"PF v PUDDOCK\"\nidentifiers = [\"ZZ26000417\"]\n\n";

const SECRET: &[u8] = b"the names of those who told";

/// A message with files.
fn mail(id: &str, subject: &str, text: &str, files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = format!(
        "From: CPS Mudshire <p.windlestraw@cps.gov.example>\r\nTo: Beatrice Quill <quill@quillpounce.example>\r\n\
         Message-ID: <{id}@casemail.example>\r\nDate: {}\r\nSubject: {subject}\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n",
        jiff::Zoned::now().strftime("%a, %d %b %Y %H:%M:%S %z")
    );
    for (name, content) in files {
        let content = base64::engine::general_purpose::STANDARD.encode(content);
        out.push_str(&format!(
            "--b\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=\"{name}\"\r\n\
             Content-Transfer-Encoding: base64\r\n\r\n{content}\r\n"
        ));
    }
    out.push_str("--b--\r\n");
    out.into_bytes()
}

fn world(mails: &[Vec<u8>]) -> Option<World> {
    let world = World::start()?;
    world.configure(CASES);
    for mail in mails {
        world.dovecot.deliver("quill", "INBOX", mail);
    }
    Some(world)
}

fn documents(world: &World, case: &str) -> Vec<Value> {
    world.home.json(&["attachment", "list", "--case", case])["attachments"].as_array().unwrap().clone()
}

fn field<'a>(documents: &'a [Value], name: &str, field: &str) -> &'a Value {
    &documents.iter().find(|one| one["name"] == name).unwrap_or_else(|| panic!("{name}: {documents:#?}"))[field]
}

/// The name of the first message of a case.
fn message(world: &World, case: &str) -> String {
    world.home.json(&["message", "list", "--case", case])["messages"][0]["id"].as_str().unwrap().to_owned()
}

/// A screen that shows the documents of PUDDOCK.
fn of_puddock(world: &World, size: (u16, u16)) -> Option<Screen> {
    let screen = world.home.screen(size)?;
    screen.wait_for("up to date, watching");
    screen.send_keys(&["'"]);
    screen.type_text("puddock");
    screen.wait_for("PF v PUDDOCK");
    screen.send_keys(&["Enter"]);
    screen.wait_for("ZZ26000417");
    screen.send_keys(&["b"]);
    Some(screen)
}

/// Whether any file below a directory holds some bytes.
fn holds(dir: &Path, needle: &[u8]) -> bool {
    std::fs::read_dir(dir).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return holds(&path, needle);
        }
        std::fs::read(&path).is_ok_and(|bytes| bytes.windows(needle.len()).any(|window| window == needle))
    })
}

#[test]
fn a_sensitive_schedule_served_by_mistake_is_shut_quarantined_and_left_out() {
    let files: [(&str, &[u8]); 2] =
        [("MG6C Otterbourne.txt", b"one gnome, two fish"), ("MG6D Otterbourne.txt", SECRET)];
    let mail = mail("s5", "R v OTTERBOURNE 99QY0045626 schedules", "Please find attached.", &files);
    let Some(world) = world(&[mail]) else { return };
    let Some(screen) = world.home.screen((80, 24)) else { return };
    screen.wait_for("up to date, watching");
    screen.send_keys(&["'"]);
    screen.type_text("otter");
    screen.wait_for("R v OTTERBOURNE");
    screen.send_keys(&["Enter"]);
    screen.wait_for("99QY0045626 sched");
    screen.send_keys(&["Enter"]);
    let seen = screen.wait_for("Possible mis-service");
    show("banner", &seen);
    assert!(seen.contains("Please find attached") || seen.contains("MG6C"), "{seen}");

    // The list of the case: no preview of what is watched.
    screen.send_keys(&["q"]);
    screen.wait_until("the threads", |now| !now.contains("Possible mis-service"));
    screen.send_keys(&["b"]);
    screen.wait_for("MG6D Otterbourne.txt");
    screen.send_keys(&["/"]);
    screen.type_text("MG6D");
    screen.send_keys(&["Enter"]);
    screen.wait_until("one document", |now| !now.contains("MG6C Otterbourne"));
    screen.send_keys(&["Enter"]);
    let seen = screen.wait_for("no preview");
    show("no preview", &seen);
    assert!(!seen.contains("those who told"), "{seen}");

    // `q`, with the reason that is proposed.
    screen.send_keys(&["q"]);
    screen.wait_for("Quarantine");
    screen.send_keys(&["Enter"]);
    let seen = screen.wait_for("in quarantine; the register has the time");
    show("quarantined", &seen);
    // What is in quarantine is found by no search.
    screen.wait_for("What is in quarantine is not searched");
    screen.send_keys(&["Escape"]);
    let seen = screen.wait_for("MG6C Otterbourne");
    show("list", &seen);

    // The register has who and when; the notice is a draft, and nothing was sent.
    let told = world.home.done(&["case", "chronology", "OTTERBOURNE"], b"");
    assert!(told.contains("put out of reach (possible mis-service)"), "{told}");
    screen.send_keys(&["g", "d"]);
    let seen = screen.wait_for("Re: R v OTTERBOURNE");
    show("drafts", &seen);
    assert_eq!(world.home.json(&["outbox", "list"])["entries"].as_array().unwrap().len(), 0);

    // Every command keeps it shut, and says so.
    let listed = documents(&world, "OTTERBOURNE");
    assert_eq!(field(&listed, "(in quarantine)", "state"), "quarantined");
    assert_eq!(field(&listed, "MG6C Otterbourne.txt", "kind"), "MG6C");
    let id = message(&world, "OTTERBOURNE");
    let out = world.home.beside("out");
    let ran = world.home.run(&["attachment", "export", &id, "--to", out.to_str().unwrap()], b"");
    assert!(ran.err.contains("1 in quarantine: not exported"), "{ran:?}");
    let written: Vec<_> = std::fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(written, ["MG6C Otterbourne.txt"]);
    let ran = world.home.run(&["attachment", "look", &id, "--part", "3"], b"");
    assert!(ran.code == 1 && ran.err.contains("in quarantine") && !ran.out.contains("told"), "{ran:?}");
    let ran = world.home.run(&["message", "raw", &id], b"");
    assert!(ran.code == 1 && ran.err.contains("in quarantine"), "{ran:?}");
    let shown = world.home.json(&["message", "show", &id]);
    let names: Vec<&str> = shown["parts"].as_array().unwrap().iter().filter_map(|part| part["name"].as_str()).collect();
    assert_eq!(names, ["MG6C Otterbourne.txt", "(in quarantine)"], "{shown}");
    let told = world.home.done(&["message", "show", &id], b"");
    assert!(told.starts_with("In quarantine: "), "{told}");
    let encoded = base64::engine::general_purpose::STANDARD.encode(SECRET);
    for form in ["files", "mbox", "maildir"] {
        let out = world.home.beside(form);
        let to = out.to_str().unwrap();
        let ran = world.home.run(&["--json", "case", "export", "OTTERBOURNE", "--to", to, "--format", form], b"");
        // As a mailbox there is nothing left of it: the one message holds what is in quarantine.
        assert_eq!(ran.code, i32::from(form != "files"), "{form}: {ran:?}");
        let done: Value = serde_json::from_str(&ran.out).unwrap();
        let left = done["left_out"].as_array().unwrap();
        assert!(left.iter().any(|one| one["because"].as_str().unwrap().contains("in quarantine")), "{form}: {done}");
        assert!(!holds(&out, SECRET) && !holds(&out, encoded.as_bytes()), "{form}: it was written out");
        assert_eq!(holds(&out, b"one gnome, two fish"), form == "files", "{form}: {done}");
    }
    assert!(!holds(&world.home.path(), SECRET), "it lies readable on the disk");
    screen.send_keys(&["C-q"]);
    assert_eq!(screen.wait_for_end(), 0);

    // Back, with a reason: the register has that too, and it can be read again.
    world.home.done(&["attachment", "quarantine", &id, "--release", "--because", "the CPS agreed"], b"");
    let told = world.home.done(&["case", "chronology", "OTTERBOURNE"], b"");
    assert!(told.contains("back in reach (the CPS agreed)"), "{told}");
    let ran = world.home.run(&["attachment", "look", &id, "--part", "3"], b"");
    assert!(ran.code == 0 && ran.out.contains("those who told"), "{ran:?}");
}

#[test]
fn every_file_that_can_be_taken_in_is_and_what_came_by_mail_too_is_said() {
    let came = mail("das", "PF v PUDDOCK ZZ26000417", "Attached.", &[("letter.txt", b"Dear agent")]);
    let Some(world) = world(&[came]) else { return };
    world.home.done(&["sync"], b"");
    let file = |name: &str, text: &str| {
        world.home.write(name, text);
        world.home.beside(name).to_str().unwrap().to_owned()
    };
    let (first, other) = (file("one.txt", "one"), file("two.txt", "two"));
    let letter = file("the letter.txt", "Dear agent");
    let none = world.home.beside("none.txt").to_str().unwrap().to_owned();
    world.home.done(&["case", "import", "PUDDOCK", &first], b"");
    let import = ["--json", "case", "import", "PUDDOCK", &first, &none, &other, &letter, "--source", "Common Platform"];
    let ran = world.home.run(&import, b"");
    assert!(ran.code == 1 && ran.err.contains("was taken into PUDDOCK already"), "{ran:?}");
    let told: Value = serde_json::from_str(&ran.out).unwrap();
    let (taken, refused) = (&told["files"], &told["refused"]);
    assert_eq!((&taken[0]["name"], &taken[1]["name"]), (&"two.txt".into(), &"the letter.txt".into()), "{told:#}");
    assert_eq!((&refused[0]["path"], &refused[1]["path"]), (&first.as_str().into(), &none.as_str().into()), "{told:#}");
    assert_eq!(taken[0]["also_in"].as_array().unwrap().len(), 0);
    assert_eq!(taken[1]["also_in"][0], message(&world, "PUDDOCK"), "{told:#}");

    // On the screen that is one row, which has both.
    let Some(screen) = of_puddock(&world, (80, 24)) else { return };
    screen.wait_for("letter.txt (\u{d7}2)");
    screen.send_keys(&["/"]);
    screen.type_text("letter");
    screen.send_keys(&["Enter"]);
    screen.wait_until("one row", |now| !now.contains("two.txt"));
    let seen = screen.wait_for("taken in by hand, too");
    let flat = seen.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains("received") && flat.contains("from Common Platform"), "{seen}");
    screen.send_keys(&["C-q"]);
    assert_eq!(screen.wait_for_end(), 0);
}

#[test]
fn what_is_shared_by_link_and_what_was_fetched_by_hand_stand_in_one_list() {
    let text = "Disclosure in ZZ26000417 was shared: https://portal.das.example/shared/77";
    let mail = mail("das", "PF v PUDDOCK ZZ26000417", text, &[("letter.txt", b"Dear agent")]);
    let Some(world) = world(&[mail]) else { return };
    world.home.done(&["sync"], b"");
    world.home.write("summary.txt", "the police summary");
    let file = world.home.beside("summary.txt");
    let import = ["case", "import", "PUDDOCK", file.to_str().unwrap(), "--source", "Defence Agent Service"];
    let taken = world.home.json(&import);
    assert_eq!(taken["files"][0]["name"], "summary.txt", "{taken}");
    let again = world.home.run(&import, b"");
    assert!(again.code == 1 && again.err.contains("was taken into PUDDOCK already"), "{again:?}");

    let listed = documents(&world, "PUDDOCK");
    assert_eq!(listed.len(), 3, "{listed:#?}");
    assert_eq!(field(&listed, "summary.txt", "direction"), "by-hand");
    assert_eq!(field(&listed, "summary.txt", "from"), "Defence Agent Service");
    assert_eq!(field(&listed, "Defence Agent Service", "link"), "https://portal.das.example/shared/77");
    assert_eq!(field(&listed, "Defence Agent Service", "kind"), "LINK");
    let told = world.home.done(&["case", "chronology", "PUDDOCK"], b"");
    assert!(told.contains("shared by link (Defence Agent Service): https://portal.das.example/shared/77"), "{told}");
    assert!(told.contains("taken in by hand: summary.txt"), "{told}");
    assert!(!holds(&world.home.path(), b"the police summary"), "it lies readable on the disk");

    let Some(screen) = of_puddock(&world, (200, 50)) else { return };
    let seen = screen.wait_for("summary.txt");
    show("one list", &seen);
    assert!(seen.contains("shared by link") && seen.contains("letter.txt"), "{seen}");
    // What was fetched by hand is looked into like everything else.
    screen.send_keys(&["/"]);
    screen.type_text("summary");
    screen.send_keys(&["Enter"]);
    screen.wait_until("one document", |now| !now.contains("letter.txt"));
    screen.send_keys(&["Enter"]);
    let seen = screen.wait_for("the police summary");
    show("look", &seen);
    screen.send_keys(&["C-q"]);
    assert_eq!(screen.wait_for_end(), 0);
}

/// Runs the child by itself.
fn child(head: &str, bytes: &[u8]) -> std::process::Output {
    use std::io::Write as _;
    use std::process::{Command, Stdio};
    let mut child = Command::new(CASEMAIL)
        .arg(sandbox::WORD)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let _ =
        input.write_all(head.as_bytes()).and_then(|()| input.write_all(b"\n")).and_then(|()| input.write_all(bytes));
    drop(input);
    child.wait_with_output().unwrap()
}

fn answer(head: &str, bytes: &[u8]) -> Value {
    let output = child(head, bytes);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

#[test]
fn the_sandbox_has_no_files_no_network_and_no_processes() {
    let told = answer(r#"{"name":"\u0000probe","media_type":""}"#, b"");
    let text = told["Ok"]["text"].as_str().unwrap();
    for what in ["read-file", "write-file", "tcp", "udp", "process", "thread"] {
        assert!(text.contains(&format!("{what} refused")), "{text}");
    }
}

#[test]
fn hostile_documents_cost_themselves_only() {
    let text = answer(r#"{"name":"a.txt","media_type":""}"#, b"the gnome");
    assert_eq!(text["Ok"]["text"], "the gnome");
    // A PDF whose pages are each other's parents, one that is cut off, one that says it is endless.
    for pdf in [
        "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[2 0 R 2 0 R]/Count 99999999>>endobj\n\
         trailer<</Root 1 0 R>>",
        "%PDF-1.7\n1 0 obj<</Length 99999999999>>stream\n",
    ] {
        let output = child(r#"{"name":"a.pdf","media_type":"application/pdf"}"#, pdf.as_bytes());
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(!told.contains("\"Ok\":{\"format\":\"PDF\"") || told.contains("no text"), "{told}");
    }
    // Nested beyond any stack.
    let deep = format!("%PDF-1.4\n1 0 obj{}endobj trailer<</Root 1 0 R>>", "[".repeat(5_000_000));
    let output = child(r#"{"name":"a.pdf","media_type":""}"#, deep.as_bytes());
    assert!(!output.status.success() || String::from_utf8_lossy(&output.stdout).contains("Err"), "{output:?}");
}

#[test]
fn what_is_in_quarantine_enters_no_bundle() {
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/enclose/");
    let pdf = |name: &str| std::fs::read(format!("{data}{name}")).unwrap();
    let (open, shut) = (pdf("plain.pdf"), pdf("notes.pdf"));
    let files: [(&str, &[u8]); 2] = [("MG6C Otterbourne.pdf", &open), ("MG6D Otterbourne.pdf", &shut)];
    let Some(world) = world(&[mail("s5b", "R v OTTERBOURNE 99QY0045626 schedules", "See both.", &files)]) else {
        return;
    };
    world.home.done(&["sync"], b"");
    let id = message(&world, "OTTERBOURNE");
    world.home.done(&["attachment", "quarantine", &id, "--because", "possible mis-service"], b"");
    let bundled = |name: &str| -> Vec<(String, bool)> {
        let to = world.home.beside(name);
        let done = world.home.json(&["case", "bundle", "OTTERBOURNE", "--to", to.to_str().unwrap()]);
        let listed = done["documents"].as_array().unwrap();
        listed.iter().map(|one| (one["name"].as_str().unwrap().to_owned(), one["because"].is_null())).collect()
    };
    let listed = bundled("shut.pdf");
    assert!(listed.contains(&("MG6C Otterbourne.pdf".to_owned(), true)), "{listed:?}");
    assert!(!listed.iter().any(|(name, _)| name.contains("MG6D")), "not even its name: {listed:?}");
    assert_eq!(listed.iter().filter(|(_, taken)| *taken).count(), 1, "{listed:?}");
    // Back within reach, it is bundled like the other: the first bundle could have held it.
    world.home.done(&["attachment", "quarantine", &id, "--release", "--because", "the CPS agreed"], b"");
    let listed = bundled("open.pdf");
    assert!(listed.contains(&("MG6D Otterbourne.pdf".to_owned(), true)), "{listed:?}");
}

#[test]
fn a_pdf_that_asks_for_all_memory_is_listed_and_the_bundle_is_made() {
    let whole = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/enclose/plain.pdf")).unwrap();
    // Tables of places whose fields are as wide as the world, or that tell of objects without end.
    let table = |says: &str| {
        let head = "%PDF-1.5\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n";
        let at = head.len();
        let table = "5 0 obj\n<</Type/XRef/Size 9/Root 1 0 R";
        format!("{head}{table}{says}/Length 4>>\nstream\nabcd\nendstream\nendobj\nstartxref\n{at}\n%%EOF\n")
            .into_bytes()
    };
    let (wide, many) = (table("/W[1000000000000000 1 1]"), table("/W[0 0 0]/Index[0 4294967295]"));
    let files: [(&str, &[u8]); 3] = [("MG5.pdf", &whole), ("wide.pdf", &wide), ("many.pdf", &many)];
    let Some(world) = world(&[mail("s6", "R v OTTERBOURNE 99QY0045626 papers", "See these.", &files)]) else { return };
    world.home.done(&["sync"], b"");
    let to = world.home.beside("bundle.pdf");
    let done = world.home.json(&["case", "bundle", "OTTERBOURNE", "--to", to.to_str().unwrap()]);
    let because = |name: &str| {
        let listed = done["documents"].as_array().unwrap();
        listed.iter().find(|one| one["name"] == name).unwrap_or_else(|| panic!("{name}: {done}"))["because"].clone()
    };
    assert!(because("MG5.pdf").is_null(), "{done}");
    for name in ["wide.pdf", "many.pdf"] {
        assert!(because(name).as_str().is_some_and(|words| words.contains("reading it failed")), "{done}");
    }
}
