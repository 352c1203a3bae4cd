//! Plea negotiations where things go wrong or go on paper: acts that reach nobody, mail that is filed elsewhere, files that terms name, the page to hand up.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use casemail::demo::{Demo, Options};
use casemail::mail::message::Message;
use serde_json::Value;

use crate::export::{forwarding, idpc};
use crate::scenario_pleas::{
    CASE, by_hand, depute, in_hours, open_puddock, open_puddock_against, refused, shown, wait_for_row,
};
use crate::support::home::{Home, Ran};
use crate::support::submission::{Answer, Script, Scripted};
use crate::walkthrough::{Gpg, LINTWHITE, QUILL, World, eventually, go_to, show};

fn offer<'a>(until: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let words = "1: guilty-as-amended; delete and did threaten him with violence";
    let offer = [
        "plea",
        "offer",
        CASE,
        "--charge",
        words,
        "--charge",
        "2: not-guilty-accepted",
        "--charge",
        "3: guilty",
        "--reply-by",
        until,
        "--shown-by",
        "attendance note",
    ];
    [offer.as_slice(), more].concat()
}

/// The home of the other side knows no secure way to write to ours.
const OPENLY: [&str; 2] = ["--override", "agreed by telephone"];

/// What another program makes of a file; `None`, loudly, without it.
fn by(program: &str, args: &[&str]) -> Option<String> {
    let Ok(output) = Command::new(program).args(args).output() else {
        assert_ne!(std::env::var("CASEMAIL_TESTS").as_deref(), Ok("all"), "{program} is not installed");
        eprintln!("left out: no {program}");
        return None;
    };
    assert!(output.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn has_mode_0600(path: &Path) {
    assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600, "{}", path.display());
}

#[test]
fn the_page_to_hand_up_is_written_once_and_other_programs_read_it() {
    let Some(world) = World::start() else { return };
    let home = &world.home;
    open_puddock(home);
    let until = in_hours(120);
    home.done(&offer(&until, &["--dry-run"]), b"");
    home.done(&offer(&until, &[]), b"");
    home.done(&["plea", "note", CASE, "--text", "she will not go to trial"], b"");

    let page = home.beside("page.pdf");
    let page = page.to_str().unwrap();
    home.done(&["plea", "sheet", CASE, "--to", page], b"");
    has_mode_0600(Path::new(page));
    if let Some(facts) = by("pdfinfo", &[page]) {
        assert!(facts.contains("Pages:           1") && facts.contains("(A4)"), "{facts}");
    }
    if let Some(text) = by("pdftotext", &["-layout", page, "-"]) {
        show("the page", &text);
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for wanted in [
            "NOT TO BE FOUNDED UPON IF NOT ACCEPTED",
            "RECORD OF A PLEA NEGOTIATION",
            "PF v PUDDOCK",
            "[-and did threaten him with violence-]",
            "D1 OFFER (defence: Beatrice Quill)",
            "only what is recorded in open court binds",
        ] {
            assert!(text.contains(wanted), "{wanted:?}:\n{text}");
        }
        assert!(!text.contains("attendance note") && !text.contains("go to trial"), "private: {text}");
    }
    // Nothing is overwritten, nothing is written in a form that it does not have.
    let before = std::fs::read(page).unwrap();
    let again = home.run(&["plea", "sheet", CASE, "--to", page], b"");
    assert_eq!((again.code, again.err.contains("nothing was overwritten")), (73, true), "{again:?}");
    assert_eq!(std::fs::read(page).unwrap(), before);
    let wrong = home.run(&["plea", "sheet", CASE, "--to", "page.docx"], b"");
    assert_eq!((wrong.code, wrong.err.contains(".pdf or .txt")), (2, true), "{wrong:?}");
    let nowhere = home.run(&["plea", "chronology", CASE, "--to", "/nowhere/at/all.txt"], b"");
    assert_eq!(nowhere.code, 73, "{nowhere:?}");

    let own = home.beside("own.json");
    home.done(&["plea", "chronology", CASE, "--to", own.to_str().unwrap()], b"");
    has_mode_0600(&own);
    let json: Value = serde_json::from_slice(&std::fs::read(&own).unwrap()).unwrap();
    assert!(json["acts"].as_array().unwrap().iter().any(|line| line["what"] == "she will not go to trial"), "{json}");
    assert!(home.done(&["plea", "chronology", CASE], b"").contains("she will not go to trial"));
    assert_eq!(home.json(&["plea", "chronology", CASE])["schema"], "casemail.plea-chronology/1");
    let sheet = home.json(&["plea", "sheet", CASE]);
    assert_eq!(sheet["schema"], "casemail.plea-sheet/1");
    assert!(sheet["text"].as_str().unwrap().contains("RECORD OF A PLEA NEGOTIATION"), "{sheet}");

    // From the screen, by one key and the name.
    let Some(screen) = home.screen((80, 24)) else { return };
    screen.send_keys(&["g", "p"]);
    wait_for_row(&screen, "PF v PUDDOCK");
    screen.send_keys(&["Enter"]);
    screen.wait_for("D1 OFFER");
    screen.send_keys(&["x"]);
    show("the form", &screen.wait_for("Write a paper to a file"));
    screen.send_keys(&["Down", "C-u"]);
    let there = home.beside("from the screen.txt");
    screen.type_text(there.to_str().unwrap());
    screen.send_keys(&["C-s"]);
    show("written", &screen.wait_for("Written: "));
    has_mode_0600(&there);
    screen.send_keys(&["C-q"]);
    assert_eq!(screen.wait_for_end(), 0);
    let chronology = home.done(&["case", "chronology", CASE], b"");
    assert_eq!(chronology.matches("the page to hand up of ZZ26000417 PN-1 written to").count(), 2, "{chronology}");
    assert_eq!(home.json(&["register", "verify"])["ok"], true);
}

#[test]
fn an_act_that_reached_nobody_counts_as_not_done() {
    let Some(world) = World::start() else { return };
    let home = &world.home;
    open_puddock_against(home, "name=A. Advocate; role=prosecution-advocate; addresses=reject@copfs.gov.example");
    let until = in_hours(120);
    let failed = home.run(&offer(&until, &[]), b"");
    assert_eq!(failed.code, 1, "{failed:?}");
    let after = shown(home);
    assert_eq!((&after["state"], after["acts"].as_array().unwrap().len()), (&"none".into(), 0), "{after}");
    let told = |after: &Value| {
        let local = after["local"].as_array().unwrap();
        local
            .iter()
            .filter(|line| line["kind"] == "undelivered")
            .map(|line| line["words"].to_string())
            .collect::<Vec<_>>()
    };
    let words = told(&after);
    assert_eq!(words.len(), 1, "{after}");
    assert!(words[0].contains("D1") && words[0].contains("550 5.1.1 no such user"), "{words:?}");
    // It is said where a user looks, and the outbox is one key away.
    let Some(screen) = home.screen((80, 24)) else { return };
    screen.send_keys(&["g", "p"]);
    screen.wait_for("nothing offered");
    screen.send_keys(&["Enter"]);
    show("not delivered", &screen.wait_for("was not delivered"));
    go_to(&screen, "was not delivered");
    screen.send_keys(&["Enter"]);
    show("outbox", &screen.wait_for("reject@copfs.gov.example"));
    screen.send_keys(&["C-q"]);
    assert_eq!(screen.wait_for_end(), 0);

    // To try it again does the act again, and it fails again.
    let row = home.json(&["outbox", "list"])["entries"][0]["id"].to_string();
    home.run(&["outbox", "retry", &row], b"");
    let again = eventually(|| Some(shown(home)).filter(|after| told(after).len() == 2));
    assert_eq!(again["state"], "none", "{again}");
    assert!(again["local"].as_array().unwrap().iter().any(|line| line["kind"] == "resent"), "{again}");

    // To somebody who is there it is done, under the same number; what failed cannot be sent after it.
    let fiscal = format!("name=Hamish Lintwhite; role=fiscal-depute; addresses={LINTWHITE}");
    home.done(&["case", "edit", CASE, "--party", &fiscal], b"");
    home.done(&offer(&until, &[]), b"");
    let open = shown(home);
    assert_eq!((&open["state"], &open["acts"][0]["no"]), (&"open".into(), &"D1".into()), "{open}");
    let late = home.run(&["outbox", "retry", &row], b"");
    refused(&late, "Something else has come or was sent meanwhile");
    assert_eq!(world.submission.taken().len(), 1);
    assert_eq!(shown(home)["state"], "open");
    let chronology = home.done(&["case", "chronology", CASE], b"");
    assert!(chronology.contains("D1 in ZZ26000417 PN-1 was not delivered and counts as not done"), "{chronology}");
    assert!(chronology.contains("D1 in ZZ26000417 PN-1 is sent once more"), "{chronology}");
}

/// Nobody knows whether they have it, and the user gives the try up: they may have it, so the act stands.
#[test]
fn an_act_that_the_other_side_may_have_is_not_undone_by_taking_it_back() {
    let Some(world) = World::start() else { return };
    let home = &world.home;
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let lossy = runtime.block_on(Scripted::start(Script { dot: Answer::Drop, ..Script::default() }));
    let both = home.beside("ca.pem");
    let pems = [std::fs::read(world.dovecot.ca_file()).unwrap(), std::fs::read(lossy.ca.path()).unwrap()];
    std::fs::write(&both, pems.concat()).unwrap();
    home.configure(&home.config(&world.dovecot.starttls(), &lossy.endpoint, &both, ""));
    open_puddock(home);
    let until = in_hours(120);
    let lost = home.run(&offer(&until, &[]), b"");
    assert_eq!(lost.code, 69, "{lost:?}");
    assert_eq!(lossy.heard().matches("DATA\r\n").count(), 1);
    let before = shown(home);
    assert_eq!((&before["state"], &before["acts"][0]["outbox"]), (&"open".into(), &"uncertain".into()), "{before}");
    let row = home.json(&["outbox", "list"])["entries"][0]["id"].to_string();
    let given_up = home.run(&["outbox", "resolve", &row, "drop"], b"");
    assert!(given_up.err.contains("may have it already"), "{given_up:?}");
    assert_eq!(shown(home)["state"], "open", "{:?}", shown(home));
}

#[test]
fn a_letter_that_is_filed_elsewhere_takes_its_act_along() {
    let Some(world) = World::start() else { return };
    let home = &world.home;
    open_puddock(home);
    home.done(&["case", "open", "--title", "PF v NEWT", "--number", "ZZ26000999", "--client", "Nora NEWT"], b"");
    home.done(&["sync"], b"");
    let theirs = depute(&world);
    open_puddock(&theirs);
    let until = in_hours(90);
    theirs.done(&[&offer(&until, &[])[..11], &OPENLY].concat(), b"");
    eventually(|| {
        home.done(&["sync"], b"");
        (shown(home)["acts"][0]["wants_yes"] == true).then_some(())
    });
    home.done(&["plea", "admit", CASE, "P1"], b"");
    let came = shown(home);
    assert_eq!(came["state"], "open", "{came}");
    assert_eq!((&came["acts"][0]["no"], &came["turn"]), (&"P1".into(), &"defence".into()), "{came}");
    let id = came["acts"][0]["message"].as_str().unwrap();
    let listed = home.json(&["message", "list"]);
    let listed = listed["messages"].as_array().unwrap().iter().find(|one| one["message_id"] == id).unwrap().clone();
    let name = listed["id"].as_str().unwrap();
    let other = |home: &Home| home.json(&["plea", "show", "ZZ26000999", "--negotiation", "PN-1"]);
    assert_eq!(other(home)["acts"], Value::Array(Vec::new()));

    home.done(&["case", "file", name, "--case", "ZZ26000999"], b"");
    let gone = shown(home);
    assert_eq!((&gone["state"], &gone["acts"]), (&"none".into(), &Value::Array(Vec::new())), "{gone}");
    let board = home.json(&["plea", "list", "--all"]);
    assert!(board["negotiations"].as_array().unwrap().iter().all(|one| one["state"] != "open"), "{board}");
    home.done(&["case", "file", name, "--case", CASE], b"");
    assert_eq!(shown(home)["state"], "open");
}

#[test]
fn a_file_that_terms_name_goes_along_and_is_looked_for_on_the_other_side() {
    let Some(world) = World::start() else { return };
    let home = &world.home;
    // A mailbox that the submission server does not deliver to by itself: what arrives is what this test delivers.
    open_puddock_against(home, "name=PF Kirkmirkle; role=fiscal-depute; addresses=scm@copfs.gov.example");
    let narrative = home.beside("narrative v2.pdf");
    std::fs::write(&narrative, b"%PDF-1.4 she was on the pavement").unwrap();
    let until = in_hours(120);
    let missing = home.run(&offer(&until, &["--basis-file", "/nowhere.pdf"]), b"");
    assert_eq!(missing.code, 65, "{missing:?}");

    // By the form: the path is completed, the file is read, named by its digest and attached.
    let Some(screen) = home.screen((200, 50)) else { return };
    screen.send_keys(&["'"]);
    screen.type_text("puddock");
    screen.wait_for("PF v PUDDOCK");
    screen.send_keys(&["Enter", "P"]);
    screen.wait_for("nothing has been offered");
    screen.send_keys(&["o"]);
    screen.wait_for("OFFER: offer terms");
    let fields =
        ["guilty-as-amended", "delete and did threaten him with violence", "not-guilty-accepted", "", "guilty", "", ""];
    for text in fields {
        if !text.is_empty() {
            screen.send_keys(&["C-u"]);
            screen.type_text(text);
        }
        screen.send_keys(&["Down"]);
    }
    screen.type_text(home.beside("narr").to_str().unwrap());
    screen.send_keys(&["Tab"]);
    show("completed", &screen.wait_for("narrative v2.pdf"));
    screen.send_keys(&["Down", "Down"]);
    screen.type_text(&until);
    screen.send_keys(&["Down", "Down", "Down"]);
    screen.type_text("letter 1 May");
    screen.send_keys(&["C-s"]);
    show("review", &screen.wait_for("Review before sending"));
    screen.send_keys(&["y"]);
    let sent = eventually(|| world.submission.taken().into_iter().next());
    show("its own file", &screen.wait_for("is attached, and its digest is the one in the terms"));
    screen.leave();
    assert_eq!(screen.wait_for_end(), 0);
    let raw = String::from_utf8(sent.raw).unwrap();
    let flat = raw.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains("Narrative: file \"narrative v2.pdf\" sha256"), "{raw}");
    assert_eq!(shown(home)["acts"][0]["files"][0]["found"], "fits");

    // On the other side: as it was; with another file under its name; without it.
    let found = |raw: &str| {
        let theirs = depute(&world);
        theirs.done(&["sync"], b"");
        open_puddock(&theirs);
        world.dovecot.doveadm(&["expunge", "-u", "lintwhite", "mailbox", "INBOX", "all"], b"");
        world.dovecot.deliver("lintwhite", "INBOX", raw.as_bytes());
        theirs.done(&["sync"], b"");
        eventually(|| (shown(&theirs)["acts"][0]["wants_yes"] == true).then_some(()));
        theirs.done(&["plea", "admit", CASE, "D1"], b"");
        let seen = shown(&theirs);
        let accept = ["plea", "accept", CASE, "--authority", "own-decision", "--dry-run"];
        let accepted = theirs.run(&[&accept[..], &OPENLY].concat(), b"");
        (seen["acts"][0]["files"][0]["found"].as_str().unwrap().to_owned(), accepted)
    };
    let (whole, accepted) = found(&raw);
    assert_eq!((whole.as_str(), accepted.code), ("fits", 0), "{accepted:?}");
    let content = "JVBERi0xLjQg";
    assert!(raw.contains(content), "{raw}");
    let (altered, accepted) = found(&raw.replace(content, "JVBERi0xLjUg"));
    assert_eq!(altered, "differs");
    refused(&accepted, "another file is attached under its name");
    let at = raw.find("Content-Type: application/pdf").unwrap();
    let part = raw[..at].rfind("--").unwrap();
    let end = raw[at..].find("\r\n--").unwrap() + at + 2;
    let (missing, accepted) = found(&format!("{}{}", &raw[..part], &raw[end..]));
    assert_eq!(missing, "missing");
    refused(&accepted, "is named in the terms, and not attached");
}

#[test]
fn a_document_of_the_case_can_be_the_basis() {
    let Some(world) = World::start() else { return };
    let home = &world.home;
    open_puddock(home);
    let file = home.beside("agreed narrative.txt");
    std::fs::write(&file, "It rained.").unwrap();
    home.done(&["case", "import", CASE, file.to_str().unwrap()], b"");
    let until = in_hours(120);
    home.done(&offer(&until, &["--basis-file", "case:agreed narrative.txt"]), b"");
    let ours = shown(home);
    assert_eq!(
        (&ours["acts"][0]["files"][0]["name"], &ours["acts"][0]["files"][0]["found"]),
        (&"agreed narrative.txt".into(), &"fits".into()),
        "{ours}"
    );
    let none = home.run(&offer(&until, &["--basis-file", "case:nothing.pdf"]), b"");
    assert_eq!((none.code, none.err.contains("has no document")), (65, true), "{none:?}");
    // What is in the attached message keeps it back.
    let inner = idpc("inner", "schedules", &[("MG6D Puddock.txt", "text/plain", b"those who told".to_vec())]);
    world.dovecot.deliver("quill", "INBOX", &forwarding("outer", CASE, "", inner));
    home.done(&["sync"], b"");
    let watched = home.run(&offer(&until, &["--basis-file", "case:fwd.eml"]), b"");
    assert!(watched.code != 0 && watched.err.contains("“fwd.eml” is out of reach"), "{watched:?}");
}

/// The basis of one charge is a file, stays one where the offer is made anew, and may be the basis of a letter that is taken for their counter.
#[test]
fn the_basis_of_one_charge_can_be_a_file_and_outlives_a_marked_counter() {
    let Some(world) = World::start() else { return };
    let home = &world.home;
    open_puddock(home);
    let file = home.beside("one blow.txt");
    std::fs::write(&file, "One blow only.").unwrap();
    let basis = format!("3: guilty; basis-file: {}", file.display());
    let until = in_hours(120);
    let words = "1: guilty-as-amended; delete and did threaten him with violence";
    let terms = ["--charge", words, "--charge", "2: not-guilty-accepted", "--charge", &basis, "--reply-by", &until];
    let sent = [&["plea", "offer", CASE, "--shown-by", "note"], &terms[..]].concat();
    home.done(&sent, b"");
    let raw = String::from_utf8(world.submission.wait_for(1).remove(0).raw).unwrap();
    let flat = raw.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains("Charge 3: GUILTY; basis file \"one blow.txt\" sha256"), "{raw}");
    assert!(raw.contains("filename=\"one blow.txt\""), "{raw}");
    // They write by hand: the same, but guilty to 2. The file is that of the offer.
    let crown = format!("Hamish Lintwhite <{LINTWHITE}>");
    let offered = Message::parse(raw.into_bytes()).headers().message_id().unwrap();
    let letter = by_hand(&crown, "1", Some(&offered), &format!("Re: PF v PUDDOCK {CASE}"), "As you say, but 2 is G.");
    world.dovecot.deliver("quill", "INBOX", &letter);
    let message = eventually(|| {
        home.done(&["sync"], b"");
        shown(home)["unmarked"][0].as_str().map(str::to_owned)
    });
    let marked = ["plea", "mark", CASE, &message, "--as", "counter", "--charge", "2: guilty", "--reply-by", &until];
    home.done(&marked, b"");
    let seen = shown(home);
    let acts = seen["acts"].as_array().unwrap();
    let files: Vec<_> = acts.iter().map(|act| act["files"][0]["found"].as_str().unwrap()).collect();
    assert_eq!(files, ["fits", "named"], "{seen}");
    assert_eq!(acts[0]["files"][0]["sha256"], acts[1]["files"][0]["sha256"]);
    // It can be accepted, and what answers it takes the file along once more.
    let accept = ["plea", "accept", CASE, "--shown-by", "note", "--dry-run"];
    assert_eq!(home.run(&accept, b"").code, 0);
    let counter = ["plea", "counter", CASE, "--charge", "2: not-guilty-accepted", "--reply-by", &until];
    home.done(&[&counter[..], &["--shown-by", "note"]].concat(), b"");
    let raw = String::from_utf8(world.submission.wait_for(2).remove(1).raw).unwrap();
    assert!(raw.contains("filename=\"one blow.txt\""), "{raw}");
}

/// Words without an act are of the negotiation, too: they go to nobody else by a slip of the hand.
#[test]
fn words_in_a_negotiation_go_to_nobody_else_either() {
    let Some(world) = World::start() else { return };
    let home = &world.home;
    open_puddock(home);
    let police = "name=Pip Marlow; role=police; addresses=pip.marlow@mudshire.police.example";
    home.done(&["case", "edit", CASE, "--party", police], b"");
    let until = in_hours(120);
    home.done(&offer(&until, &[]), b"");
    let sent = eventually(|| world.submission.taken().into_iter().next());
    let raw = String::from_utf8(sent.raw).unwrap();
    let id = raw.lines().find_map(|line| line.strip_prefix("Message-ID: <")?.strip_suffix('>')).unwrap();
    let words = |to: &str, text: &str| {
        format!(
            "From: Beatrice Quill <quill@quillpounce.example>\r\nTo: {to}\r\nSubject: PF v PUDDOCK {CASE}\r\nIn-Reply-To: <{id}>\r\n\r\n{text}\r\n"
        )
    };
    let send = |mail: &str| home.run(&["--json", "send", "-", "--dry-run"], mail.as_bytes());
    let codes = |ran: &Ran| -> Vec<String> {
        let report: Value = serde_json::from_str(&ran.out).unwrap();
        report["findings"].as_array().unwrap().iter().map(|one| one["code"].as_str().unwrap().to_owned()).collect()
    };
    let fine = send(&words(LINTWHITE, "Any news?"));
    assert!(!codes(&fine).iter().any(|code| code.starts_with("plea-o") || code.starts_with("plea-s")), "{fine:?}");
    for (to, code) in [("pip.marlow@mudshire.police.example", "plea-outsider"), ("news@paper.example", "plea-stranger")]
    {
        let stopped = send(&words(to, "For your information."));
        assert_eq!((stopped.code, codes(&stopped).contains(&code.to_owned())), (1, true), "{stopped:?}");
    }
    // Passed on with the block in it, in a thread of its own.
    let block = raw.split("\r\n\r\n").nth(1).unwrap();
    let quoted: String = block.lines().map(|line| format!("> {line}\r\n")).collect();
    let passed = words("news@paper.example", &quoted).replace(&format!("In-Reply-To: <{id}>\r\n"), "");
    let stopped = send(&passed);
    assert_eq!((stopped.code, codes(&stopped).contains(&"plea-stranger".to_owned())), (1, true), "{stopped:?}");
}

/// A letter that only an RSA key opens brings its act when somebody opens it.
#[test]
fn an_act_under_an_rsa_key_is_entered_when_it_is_opened() {
    let (Some(world), Some(ours), Some(crown)) = (World::start(), Gpg::of(QUILL, "rsa2048"), Gpg::new()) else {
        return;
    };
    let home = &world.home;
    open_puddock(home);
    home.write("secret.asc", &ours.secret());
    home.done(&["key", "import", home.beside("secret.asc").to_str().unwrap(), "--accept"], b"");
    crown.import(ours.export_of(QUILL).as_bytes());
    let theirs = depute(&world);
    open_puddock(&theirs);
    let until = in_hours(90);
    let offered = theirs.json(&[&offer(&until, &[])[..11], &OPENLY, &["--dry-run"]].concat());
    let text = offered["text"].as_str().unwrap();
    let sealed = crown.seal(QUILL, "1", &format!("PF v PUDDOCK {CASE}"), &text.replace('\n', "\r\n"));
    world.dovecot.deliver("quill", "INBOX", &sealed);
    home.done(&["sync"], b"");
    let waiting = shown(home);
    assert_eq!(waiting["state"], "none", "{waiting}");
    let message = waiting["unmarked"][0].as_str().unwrap_or_else(|| panic!("{waiting}")).to_owned();
    home.done(&["message", "show", &message], b"");
    let opened = eventually(|| Some(shown(home)).filter(|shown| shown["acts"][0]["wants_yes"] == true));
    assert_eq!(opened["acts"][0]["no"], "P1", "{opened}");
    home.done(&["message", "show", &message], b"");
    assert_eq!(shown(home)["acts"].as_array().unwrap().len(), 1);
}

/// An acceptance that anybody may have written: it changes nothing, and one key of the user's lets it count.
#[test]
fn a_forged_acceptance_changes_nothing_and_a_yes_lets_a_true_one_count() {
    let Some(world) = World::start() else { return };
    let home = &world.home;
    open_puddock(home);
    let until = in_hours(120);
    home.done(&offer(&until, &[]), b"");
    let offered = world.submission.wait_for(1).remove(0).raw;
    // What the acceptance says is taken from a home that has the offer.
    let theirs = depute(&world);
    open_puddock(&theirs);
    eventually(|| {
        theirs.done(&["sync"], b"");
        (shown(&theirs)["acts"][0]["wants_yes"] == true).then_some(())
    });
    theirs.done(&["plea", "admit", CASE, "D1"], b"");
    let accept = ["plea", "accept", CASE, "--authority", "own-decision", "--dry-run"];
    let accept = theirs.json(&[&accept[..], &OPENLY].concat())["text"].as_str().unwrap().replace('\n', "\r\n");
    let offered = Message::parse(offered).headers().message_id().unwrap();
    let crown = format!("Hamish Lintwhite <{LINTWHITE}>");
    for id in ["1", "2"] {
        // Two letters with the same act and another text: a yes names one of them.
        let text = format!("{accept}\r\nYours, number {id}");
        let letter = by_hand(&crown, id, Some(&offered), &format!("Re: PF v PUDDOCK {CASE}"), &text);
        world.dovecot.deliver("quill", "INBOX", &letter);
    }
    let waiting = eventually(|| {
        home.done(&["sync"], b"");
        Some(shown(home)).filter(|shown| shown["acts"].as_array().unwrap().len() == 3)
    });
    assert_eq!((&waiting["state"], &waiting["turn"]), (&"open".into(), &"prosecution".into()), "{waiting}");
    let acts = waiting["acts"].as_array().unwrap();
    assert!(acts[1..].iter().all(|act| act["wants_yes"] == true && act["findings"][0] == "unsigned"), "{waiting}");
    refused(&home.run(&["plea", "admit", CASE, "P1"], b""), "several messages say that they are P1");

    let Some(screen) = home.screen((200, 50)) else { return };
    screen.wait_for("up to date, watching");
    screen.send_keys(&["g", "p"]);
    show("board", &screen.wait_for("you: a yes"));
    screen.send_keys(&["Enter"]);
    screen.wait_for("2 acts wait for your yes");
    go_to(&screen, "P1 ACCEPT");
    show("claimed", &screen.wait_for("! it is theirs"));
    screen.send_keys(&["!"]);
    show("let in", &screen.wait_for("agreed between the parties, not yet in court"));
    let agreed = shown(home);
    let by: Vec<_> =
        agreed["acts"].as_array().unwrap().iter().filter(|act| act["admitted_by"] != Value::Null).collect();
    assert_eq!((by.len(), &by[0]["admitted_by"]), (1, &"Beatrice Quill".into()), "{agreed}");
    // Taken back, nothing is agreed.
    go_to(&screen, "let in by Beatrice Quill");
    screen.send_keys(&["-"]);
    screen.wait_for("does not count on your word");
    screen.type_text("he knows nothing of it");
    screen.send_keys(&["C-s"]);
    show("set aside", &screen.wait_for("claimed by the address, set aside"));
    assert_eq!(shown(home)["state"], "open");
    let chronology = home.done(&["case", "chronology", CASE], b"");
    assert!(chronology.contains("he knows nothing of it"), "{chronology}");
}

/// What the documentation says of the JSON is what there is: neither more nor less.
#[test]
fn the_json_of_negotiations_is_as_documented() {
    let Some(world) = World::start() else { return };
    let home = &world.home;
    open_puddock(home);
    let until = in_hours(120);
    let made = serde_json::from_str::<Value>(&{
        let args = offer(&until, &[]);
        home.done(&[&["--json"], args.as_slice()].concat(), b"")
    })
    .unwrap();
    let crown = format!("Hamish Lintwhite <{LINTWHITE}>");
    let loose = by_hand(&crown, "1", None, &format!("PF v PUDDOCK {CASE}"), "Let me think.");
    world.dovecot.deliver("quill", "INBOX", &loose);
    home.done(&["sync"], b"");
    home.done(&["plea", "note", CASE, "--text", "a note"], b"");
    let docs = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/plea.md")).unwrap();
    let documented = |heading: &str| -> Vec<String> {
        let from = docs.find(&format!("### `{heading}`")).unwrap_or_else(|| panic!("docs/plea.md has no {heading}"));
        let text = &docs[from + 4..];
        let text = &text[..text.find("\n#").unwrap_or(text.len())];
        let rows = text.lines().filter(|line| line.starts_with("| `"));
        let names = rows.flat_map(|row| {
            row.split('|').nth(1).unwrap().split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>()
        });
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    };
    let check = |document: &Value| {
        let schema = document["schema"].as_str().unwrap();
        let mut found: Vec<String> = Vec::new();
        for (name, value) in document.as_object().unwrap() {
            match value.as_array().and_then(|list| list.first()).and_then(Value::as_object) {
                Some(first) => {
                    found.extend(first.keys().map(|inner| format!("{name}[].{inner}")));
                }
                None => found.push(name.clone()),
            }
        }
        found.sort();
        assert_eq!(found, documented(schema), "{schema}: {document:#}");
    };
    check(&made);
    check(&home.json(&["plea", "list"]));
    check(&home.json(&["plea", "show", CASE]));
    check(&home.json(&["plea", "sheet", CASE]));
    check(&home.json(&["plea", "chronology", CASE]));
    check(&home.json(&["plea", "withdraw", CASE, "--dry-run"]));
}

/// The demo's board: every state that a negotiation can be in, and nothing in it that does not hold.
#[test]
fn the_board_of_the_demo_shows_every_state() {
    let parent = tempfile::tempdir().unwrap();
    let demo = Demo::start(&Options { messages: 220, seed: 1, ..Options::new(parent.path().to_owned()) }).unwrap();
    let run = |args: &[&str]| -> String {
        let mut command = Command::new(crate::support::home::CASEMAIL);
        command.arg("--home").arg(demo.home()).args(args).env("LC_ALL", "C.UTF-8");
        let output = command.output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    run(&["sync"]);
    let board: Value = serde_json::from_str(&run(&["--json", "plea", "list", "--all"])).unwrap();
    let rows = board["negotiations"].as_array().unwrap();
    let mut states: Vec<&str> = rows.iter().map(|row| row["state"].as_str().unwrap()).collect();
    states.sort_unstable();
    states.dedup();
    let all = casemail::plea::State::ALL.map(casemail::plea::State::name);
    let mut wanted: Vec<&str> = all.into_iter().filter(|state| *state != "none").collect();
    wanted.sort_unstable();
    assert_eq!(states, wanted, "{board:#}");
    let waits = |side: &str| rows.iter().filter(|row| row["turn"] == side && row["overdue"] == false).count();
    assert!(waits("defence") >= 2 && waits("prosecution") >= 2, "{board:#}");
    assert!(rows.iter().any(|row| row["overdue"] == true && row["asked"] == 0), "{board:#}");
    for row in rows {
        let shown: Value =
            serde_json::from_str(&run(&["--json", "plea", "show", row["case"].as_str().unwrap()])).unwrap();
        for act in shown["acts"].as_array().unwrap() {
            // What came last, signed by nobody, waits for a yes.
            let is_new = row["case"] == "WEASEL" && act["no"] == "P2";
            assert_eq!((&act["counts"], &act["wants_yes"]), (&(!is_new).into(), &is_new.into()), "{shown:#}");
            for file in act["files"].as_array().unwrap() {
                assert_eq!(file["found"], "fits", "{shown:#}");
            }
        }
    }
    let puddock: Value = serde_json::from_str(&run(&["--json", "plea", "show", "PUDDOCK"])).unwrap();
    let trusts: Vec<&str> =
        puddock["acts"].as_array().unwrap().iter().map(|act| act["trust"].as_str().unwrap()).collect();
    assert_eq!(trusts, ["own", "signed", "own", "signed"], "{puddock:#}");
    // Somebody is there: what is asked is answered.
    run(&["plea", "query", "PUDDOCK", "--text", "Is there any more of it?"]);
    let answered = eventually(|| {
        run(&["sync"]);
        let shown: Value = serde_json::from_str(&run(&["--json", "plea", "show", "PUDDOCK"])).unwrap();
        Some(shown).filter(|shown| shown["acts"].as_array().unwrap().len() == 6)
    });
    let reply = &answered["acts"][5];
    assert_eq!((&reply["kind"], &reply["counts"]), (&"reply".into(), &true.into()), "{answered:#}");
    drop(demo);
}
