//! Cases from end to end: the real program in a real terminal, Dovecot behind it. What is decided on screen is in the register, and every other
//! command of the profile knows of it.

use std::path::Path;

use crate::walkthrough::{World, eventually, go_to, show};

const CASES: &str = "[classes]\ngov = [\"gov.example\"]\n\n\
    [[case]]\nid = \"FERRET\"\ntitle = \"R v FERRET\"\nidentifiers = [\"99ZX0012326\", \"MAAT 9000001\"]\n\n\
    [[case]]\nid = \"WEASEL\"\ntitle = \"R v WEASEL\"\nidentifiers = [\"99ZX0012327\"]\n\n";

fn mail(id: &str, from: &str, subject: &str, text: &str) -> Vec<u8> {
    format!(
        "From: {from}\r\nTo: Beatrice Quill <quill@quillpounce.example>\r\nMessage-ID: <{id}@casemail.example>\r\n\
         Date: {}\r\nSubject: {subject}\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n",
        jiff::Zoned::now().strftime("%a, %d %b %Y %H:%M:%S %z")
    )
    .into_bytes()
}

fn world(mails: &[Vec<u8>]) -> Option<World> {
    let world = World::start()?;
    world.configure(CASES);
    for mail in mails {
        world.dovecot.deliver("quill", "INBOX", mail);
    }
    Some(world)
}

/// The subjects of the messages of a case, in the order of the alphabet.
fn subjects(world: &World, case: &str) -> Vec<String> {
    let listed = world.home.json(&["message", "list", "--case", case]);
    let mut found: Vec<String> = listed["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|message| message["subject"].as_str().unwrap().to_owned())
        .collect();
    found.sort();
    found
}

#[test]
fn a_number_one_digit_off_files_nowhere_else_and_two_numbers_are_a_persons_to_decide() {
    let near = "RE: Weasel 99ZX0012327 - call me 07700 900123";
    let crown = "CPS Mudshire <ambleford.mags@cps.gov.example>";
    let mails =
        [mail("1", crown, near, "Please ring."), mail("2", crown, "Two files", "See 99 zx 00123 26 and 99ZX0012327.")];
    let Some(world) = world(&mails) else { return };
    let Some(screen) = world.home.screen((80, 24)) else { return };
    screen.wait_for("up to date, watching");
    assert_eq!(subjects(&world, "WEASEL"), [near]);
    assert_eq!(subjects(&world, "FERRET"), [""; 0]);

    screen.send_keys(&["g", "t"]);
    let seen = screen.wait_for("Two files");
    show("triage", &seen);
    assert!(seen.contains("R v FERRET or 1 more") && seen.contains("it names several cases"), "{seen}");
    assert!(!seen.contains("07700"), "a telephone number is no case: {seen}");
    screen.send_keys(&["b"]);
    screen.wait_for("Everything has its place.");

    // Sticky, shared, with the reason in words, for every other process at once.
    eventually(|| (subjects(&world, "FERRET") == ["Two files"]).then_some(()));
    assert_eq!(subjects(&world, "WEASEL"), [near, "Two files"]);
    screen.send_keys(&["'"]);
    screen.type_text("2326");
    screen.wait_for("R v FERRET");
    screen.send_keys(&["Enter"]);
    screen.wait_for("Two files");
    screen.send_keys(&["Enter"]);
    let seen = screen.wait_for("Shared between cases");
    show("shared", &seen);
    screen.send_keys(&["C-q"]);
    assert_eq!(screen.wait_for_end(), 0);

    // And after the end, also where the cache is made anew.
    std::fs::remove_dir_all(&world.home.roots().cache).unwrap();
    world.home.done(&["sync"], b"");
    assert_eq!(subjects(&world, "FERRET"), ["Two files"]);
}

#[test]
fn what_is_not_a_case_never_comes_back_with_what_answers_it() {
    let letter = mail("1", "Gazette <news@gazette.example>", "This week in crime", "Nothing of note.");
    let Some(world) = world(&[letter]) else { return };
    let Some(screen) = world.home.screen((80, 24)) else { return };
    screen.wait_for("up to date, watching");
    screen.send_keys(&["g", "t"]);
    screen.wait_for("This week in crime");
    screen.send_keys(&["-"]);
    screen.wait_for("Everything has its place.");
    let answer = String::from_utf8(mail("2", "Gazette <news@gazette.example>", "Re: This week in crime", "More."))
        .unwrap()
        .replace("MIME-Version", "In-Reply-To: <1@casemail.example>\r\nMIME-Version");
    world.dovecot.deliver("quill", "INBOX", answer.as_bytes());
    world.dovecot.deliver("quill", "INBOX", &mail("3", "Heron <h@heron.example>", "A new matter", "Hello."));
    let seen = screen.wait_for("A new matter");
    assert!(!seen.contains("Re: This week"), "{seen}");
    let triage = world.home.json(&["case", "triage"]);
    assert_eq!(triage["rows"].as_array().unwrap().len(), 1, "{triage}");
}

#[test]
fn a_case_is_opened_from_a_message_and_written_into_on_screen_and_by_command() {
    let first = mail("1", "Barnaby <barnaby.ferret@mailbox.example>", "they charged me", "Please help.");
    let Some(world) = World::start() else { return };
    world.dovecot.deliver("quill", "INBOX", &first);
    let Some(screen) = world.home.screen((80, 24)) else { return };
    screen.wait_for("up to date, watching");
    screen.send_keys(&["g", "t"]);
    screen.wait_for("they charged me");
    screen.send_keys(&["+"]);
    screen.wait_for("New case for this message");
    screen.type_text("R v FERRET");
    screen.send_keys(&["Down"]);
    screen.type_text("99zx0012326");
    screen.send_keys(&["Down"]);
    screen.type_text("Barnaby FERRET");
    screen.send_keys(&["C-s"]);
    screen.wait_for("Everything has its place.");
    eventually(|| (subjects(&world, "99ZX0012326") == ["they charged me"]).then_some(()));

    // In the case: a hearing by the form, with a mistake first.
    screen.send_keys(&["'"]);
    screen.type_text("fer");
    screen.wait_for("R v FERRET");
    screen.send_keys(&["Enter", "i"]);
    let seen = screen.wait_for("1 Barnaby FERRET");
    show("case", &seen);
    go_to(&screen, "no hearing yet");
    screen.send_keys(&["a"]);
    screen.wait_for("A hearing");
    screen.type_text("first-h");
    screen.send_keys(&["Down"]);
    screen.type_text("Ambleford MC");
    screen.send_keys(&["Down"]);
    screen.type_text("05/03/2036");
    screen.send_keys(&["Down"]);
    screen.type_text("25:00");
    screen.send_keys(&["C-s"]);
    screen.wait_for("is no time");
    screen.send_keys(&["C-u"]);
    screen.type_text("10:00");
    screen.send_keys(&["C-s"]);
    screen.wait_for("Wed 5 Mar 2036 10:00, first hearing, Ambleford MC");

    // What a command writes is on the screen.
    world.home.done(
        &[
            "case",
            "edit",
            "99ZX0012326",
            "--party",
            "name=Petra Windlestraw; role=cps-lawyer; addresses=p.windlestraw@cps.gov.example",
            "--number",
            "MAAT 9000001",
        ],
        b"",
    );
    screen.wait_for("Petra Windlestraw");
    let refused = world.home.run(&["case", "edit", "99ZX0012326", "--hearing", "kind=ptph; date=soon"], b"");
    assert_eq!((refused.code, refused.err.contains("is no date")), (2, true), "{}", refused.err);

    // Closed on screen; the list of cases of a script says so.
    go_to(&screen, "open");
    screen.send_keys(&["s"]);
    screen.wait_for("State of the case");
    screen.send_keys(&["C-u"]);
    screen.type_text("closed");
    screen.send_keys(&["Down", "Down"]);
    screen.type_text("05/03/2043");
    screen.send_keys(&["C-s"]);
    screen.wait_for("closed; to be looked at on 5 Mar 2043");
    let listed = world.home.json(&["case", "list"]);
    assert_eq!(listed["cases"][0]["state"], "closed", "{listed}");
    assert_eq!(listed["cases"][0]["next_hearing"], "2036-03-05T10:00:00Z", "{listed}");

    // All of it is in the chronology, in order, and proved.
    screen.send_keys(&["y"]);
    let seen = screen.wait_for("Chronology");
    show(
        "chronology",
        &screen.wait_until("entries", |screen| screen.contains("Ambleford") || screen.contains("hearing")),
    );
    drop(seen);
    world.home.done(&["register", "verify"], b"");
    screen.send_keys(&["C-q"]);
    assert_eq!(screen.wait_for_end(), 0);
}

#[test]
fn every_case_is_there_when_the_server_is_not() {
    let crown = "CPS Mudshire <ambleford.mags@cps.gov.example>";
    let mails = [
        mail("1", crown, "R v FERRET 99ZX0012326 - IDPC", "The gnome is exhibit 1."),
        mail("2", crown, "R v WEASEL 99ZX0012327", "The greenhouse."),
    ];
    let Some(mut world) = world(&mails) else { return };
    world.home.done(&["sync"], b"");
    world.dovecot.stop();
    let Some(screen) = world.home.screen((80, 24)) else { return };
    screen.wait_for("offline");
    screen.send_keys(&["'"]);
    screen.type_text("fer");
    screen.wait_for("R v FERRET");
    screen.send_keys(&["Enter"]);
    screen.wait_for("IDPC");
    screen.send_keys(&["Enter"]);
    let seen = screen.wait_for("The gnome is exhibit 1.");
    assert!(seen.contains("Filed to R v FERRET by URN in the subject (90 of 100)."), "{seen}");
    screen.send_keys(&["L"]);
    let locked = screen.wait_until("a locked screen", |screen| !screen.contains("gnome"));
    assert!(!locked.contains("FERRET"), "{locked}");
    assert!(Path::new(&world.home.roots().state_file()).exists());
}
