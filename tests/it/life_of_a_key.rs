//! The whole life of keys as a new user has it on the screen: made, sent, the other's received, compared and accepted, mail both ways, an
//! end that came, extended, locked and unlocked. Dovecot, a submission server and GnuPG on the other side; the program's clock is moved by
//! `faketime`.

use std::process::Command;

use casemail::mail::message::Message;

use crate::support::home::{PASSPHRASE, Screen};
use crate::walkthrough::{Gpg, LINTWHITE, World, go_to, mail, show};

/// Days until one's own key has ended: it is made for three years.
const LATER_DAYS: u32 = 3 * 365 + 5;

/// Whether the program's clock can be moved here.
fn can_move_the_clock() -> bool {
    let there = Command::new("faketime").arg("--version").output().is_ok_and(|output| output.status.success());
    if !there {
        assert_ne!(std::env::var("CASEMAIL_TESTS").as_deref(), Ok("all"), "faketime is not installed");
        eprintln!("left out: no faketime");
    }
    there
}

/// Writes a message to the other side, up to its review.
fn compose(screen: &Screen, subject: &str, text: &str) -> String {
    screen.send_keys(&["c"]);
    screen.wait_for("Subject");
    screen.type_text(LINTWHITE);
    screen.send_keys(&["Tab", "Tab", "Tab"]);
    screen.type_text(subject);
    screen.send_keys(&["Tab"]);
    screen.type_text(text);
    screen.wait_for(text);
    screen.send_keys(&["C-s"]);
    screen.wait_for("on the wire")
}

/// Sends what is reviewed, and gives the bytes that reached the server.
fn send(world: &World, screen: &Screen) -> String {
    let before = world.submission.taken().len();
    screen.send_keys(&["y"]);
    String::from_utf8(world.submission.wait_for(before + 1).remove(before).raw).unwrap()
}

/// Opens the row of all mail that holds a text.
fn open_row(screen: &Screen, text: &str) {
    screen.wait_for(text);
    screen.send_keys(&["Home"]);
    // The first row stands below the title and the heads of columns. The copy of what was just sent may come above it.
    screen.wait_until("the first row", |seen| {
        let is_there = seen.lines().nth(2).is_some_and(|row| row.starts_with('▌'));
        if !is_there {
            screen.send_keys(&["Home"]);
        }
        is_there
    });
    go_to(screen, text);
    screen.send_keys(&["Enter"]);
}

/// The armored block of a kind.
fn block(text: &str, kind: &str) -> String {
    let end = format!("-----END PGP {kind}-----");
    text[text.find(&format!("-----BEGIN PGP {kind}-----")).unwrap()..text.find(&end).unwrap() + end.len()].to_owned()
}

/// The certificate that is attached to a message of ours.
fn attached_key(raw: &str) -> String {
    let message = Message::parse(raw.as_bytes());
    let part = message.parts().iter().find(|part| part.media_type == "application/pgp-keys").expect("a key");
    String::from_utf8(message.content(part)).unwrap()
}

/// A message with the other side's certificate attached, as it is now.
fn with_key(gpg: &Gpg, id: &str) -> Vec<u8> {
    let more = "Content-Type: multipart/mixed; boundary=\"m\"\r\n";
    let text = format!(
        "--m\r\nContent-Type: text/plain\r\n\r\nMy key is attached.\r\n--m\r\nContent-Type: application/pgp-keys; name=\"hl.asc\"\r\n\
         Content-Disposition: attachment; filename=\"hl.asc\"\r\n\r\n{}\r\n--m--\r\n",
        gpg.export().replace('\n', "\r\n")
    );
    mail(id, "my key", more, &text)
}

/// The screen's words, without the marks of a cut line.
fn flat(screen: &str) -> String {
    screen.split_whitespace().filter(|word| !["▎", "▌"].contains(word)).collect::<Vec<_>>().join(" ")
}

/// In the assistant: takes the key in that a message brings, and accepts it with words on how it was compared.
fn take_and_compare(screen: &Screen, gpg: &Gpg) {
    let seen = screen.wait_until("the offer of a key", |seen| flat(seen).contains("brings the key"));
    show("the assistant", &seen);
    screen.send_keys(&["i"]);
    let seen = screen.wait_until("the key", |seen| flat(seen).contains("is here but not accepted"));
    show("taken in", &seen);
    // What is read over the telephone stands on the screen, as the other side's program prints it.
    screen.send_keys(&["Enter"]);
    let fingerprint = gpg.fingerprint(LINTWHITE);
    let seen =
        // Its page, not the list before: there the digits stand below the rows, too.
        screen.wait_until("its fingerprint", |seen| {
            seen.contains("In words") && seen.split_whitespace().collect::<String>().contains(&fingerprint)
        });
    show("the key", &seen);
    screen.send_keys(&["v"]);
    show("how", &screen.wait_for("How was its fingerprint compared?"));
    screen.send_keys(&["Enter"]);
    let seen = screen.wait_until("accepted", |seen| flat(seen).contains("verified with its owner on"));
    show("accepted", &seen);
    // Out of the details, then back to the assistant, which has no wish left.
    screen.send_keys(&["q"]);
    screen.wait_until("the list of keys", |seen| seen.lines().any(|line| line.starts_with('▌')));
    screen.send_keys(&["q"]);
    screen.wait_until("the assistant", |seen| flat(seen).contains("(compared with its owner)"));
}

fn whole_life(size: (u16, u16)) {
    if !can_move_the_clock() {
        return;
    }
    let Some(gpg) = Gpg::new() else { return };
    let Some(world) = World::start() else { return };
    // A gateway of the justice system by its address, whose owner reads OpenPGP all the same.
    world.configure(&format!("[[openpgp.exception]]\nfor = [\"{LINTWHITE}\"]\nencrypt = \"when-possible\""));
    // What is made is written where the program was started.
    let here = format!("cd '{}' &&", world.home.beside("").display());
    let Some(screen) = world.home.screen_by(size, &here) else { return };
    screen.wait_for("up to date, watching");

    // A key of one's own.
    screen.send_keys(&["g", "k"]);
    show("no keys", &screen.wait_for("Keys"));
    screen.send_keys(&["G"]);
    show("make a key", &screen.wait_for("Make a key for"));
    screen.send_keys(&["y"]);
    let seen = screen.wait_until("a key", |seen| flat(seen).contains("✓ your own") && flat(seen).contains("is made."));
    show("made", &seen);

    // It is sent to the other side.
    screen.send_keys(&["m"]);
    screen.wait_for("My OpenPGP key");
    screen.wait_for(".asc");
    screen.type_text(LINTWHITE);
    screen.send_keys(&["C-s"]);
    show("send the key", &screen.wait_for("on the wire"));
    let raw = send(&world, &screen);
    let own = attached_key(&raw);
    assert!(raw.contains("compare its fingerprint with me"), "{raw}");
    gpg.import(own.as_bytes());

    // Theirs comes; without it, nothing can be encrypted to them, and the program says so with the next step.
    world.dovecot.deliver("quill", "INBOX", &with_key(&gpg, "key-1"));
    screen.send_keys(&["g", "a"]);
    screen.wait_for("my key");
    let seen = compose(&screen, "99ZX0012326 plea", "The offer stands.");
    show("no key yet", &seen);
    assert!(flat(&seen).contains("no key here"), "{seen}");
    screen.send_keys(&["w"]);
    take_and_compare(&screen, &gpg);
    screen.send_keys(&["q"]);
    let seen = screen.wait_for("Signed and encrypted.");
    show("review", &seen);
    let raw = send(&world, &screen);
    assert!(!raw.contains("offer") && !raw.contains("plea"), "{raw}");
    let (text, words) = gpg.run(&["--decrypt"], block(&raw, "MESSAGE").as_bytes());
    assert!(text.contains("The offer stands.") && words.contains("Good signature from"), "{text} {words}");

    // The answer.
    let sealed = gpg.seal("quill@quillpounce.example", "answer", "99ZX0012326 answer", "It is accepted.");
    world.dovecot.deliver("quill", "INBOX", &sealed);
    screen.send_keys(&["g", "a"]);
    open_row(&screen, "99ZX0012326 answer");
    let seen = screen.wait_for("It is accepted.");
    show("the answer", &seen);
    assert!(flat(&seen).contains(&format!("by {LINTWHITE}, whose key you compared")), "{seen}");
    screen.send_keys(&["C-q"]);
    assert_eq!(screen.wait_for_end(), 0);

    // Three years on, both keys have ended: the status row tells it, and nothing is written in clear for it.
    let moved = format!("{here} DONT_FAKE_MONOTONIC=1 faketime -f +{LATER_DAYS}d");
    let Some(screen) = world.home.screen_by(size, &moved) else { return };
    let seen = screen.wait_until("the end told", |seen| seen.contains("has ended") || seen.contains("your key"));
    show("three years on", &seen);
    screen.wait_for("up to date, watching");
    let seen = compose(&screen, "99ZX0012326 trial", "We are ready.");
    show("ended", &seen);
    assert!(flat(&seen).contains("expired on"), "{seen}");
    screen.send_keys(&["q"]);
    screen.wait_for("Subject");
    screen.send_keys(&["C-c"]);
    // One's own is extended.
    screen.send_keys(&["g", "k"]);
    let seen = screen.wait_until("the keys", |seen| flat(seen).contains("expired (your own)"));
    show("keys, ended", &seen);
    screen.send_keys(&["Home", "x"]);
    screen.wait_for("Let your key last three years");
    screen.send_keys(&["y"]);
    let seen = screen
        .wait_until("extended", |seen| !flat(seen).contains("expired (your own)") && seen.contains("lasts until"));
    show("extended", &seen);
    screen.send_keys(&["m"]);
    screen.wait_for(".asc");
    screen.type_text(LINTWHITE);
    screen.send_keys(&["C-s"]);
    screen.wait_for("on the wire");
    let raw = send(&world, &screen);

    // The other side takes it, renews its own, and sends that; what was decided about it stands.
    let at = jiff::Zoned::now().saturating_add(jiff::ToSpan::days(i64::from(LATER_DAYS)));
    let then = format!("--faked-system-time={}", at.strftime("%Y%m%dT%H%M%S"));
    let theirs = gpg.fingerprint(LINTWHITE);
    gpg.run(&[&then, "--import"], attached_key(&raw).as_bytes());
    gpg.run(&[&then, "--quick-set-expire", &theirs, "5y"], b"");
    gpg.run(&[&then, "--quick-set-expire", &theirs, "5y", "*"], b"");
    world.dovecot.deliver("quill", "INBOX", &with_key(&gpg, "key-2"));
    screen.send_keys(&["g", "a"]);
    screen.wait_until("both messages", |seen| seen.lines().any(|row| row.contains("my key") && row.contains("2/2")));
    compose(&screen, "99ZX0012326 trial", "We are ready.");
    screen.send_keys(&["w"]);
    let seen = screen.wait_until("the renewed key", |seen| flat(seen).contains("brings the key"));
    show("renewed", &seen);
    screen.send_keys(&["i"]);
    screen.wait_until("usable again", |seen| flat(seen).contains("(compared with its owner)"));
    screen.send_keys(&["q"]);
    screen.wait_for("Signed and encrypted.");
    let raw = send(&world, &screen);
    let (text, words) = gpg.run(&[&then, "--decrypt"], block(&raw, "MESSAGE").as_bytes());
    assert!(text.contains("We are ready.") && words.contains("Good signature from"), "{text} {words}");

    // Locked, nothing is readable; one passphrase opens the profile and the key.
    screen.send_keys(&["g", "a"]);
    screen.wait_for("99ZX0012326 answer");
    screen.send_keys(&["L"]);
    let seen = screen.wait_for("Passphrase:");
    assert!(!seen.contains("99ZX0012326"), "{seen}");
    show("locked", &seen);
    screen.type_text(PASSPHRASE);
    screen.send_keys(&["Enter"]);
    screen.wait_for("All mail");
    screen.send_keys(&["g", "a"]);
    open_row(&screen, "99ZX0012326 answer");
    let seen = screen.wait_for("It is accepted.");
    show("read again", &seen);
    assert!(flat(&seen).contains("Encrypted; opened with your key"), "{seen}");
    screen.send_keys(&["C-q"]);
    assert_eq!(screen.wait_for_end(), 0);
}

#[test]
fn a_key_is_made_exchanged_used_ends_and_is_extended_at_80_by_24() {
    whole_life((80, 24));
}

#[test]
fn a_key_is_made_exchanged_used_ends_and_is_extended_at_200_by_50() {
    whole_life((200, 50));
}
