//! Mail as nobody should write it, through everything that is done with mail: nothing panics, hangs, gets lost, deceives a terminal, or takes
//! something else with it.

use casemail::mail::address::Address;
use casemail::mail::build::{self, Stamp};
use casemail::mail::message::Message;
use casemail::mail::reply::{Me, Original, forward, reply, reply_all};
use casemail::mail::safe::{SafeText, file_name, is_hidden};
use casemail::mail::{display, subject};

use crate::support::strange;
use crate::walkthrough::World;

const SEED: u64 = 20_260_302;

/// Whether a text can be written to a terminal.
fn is_safe(text: &str) -> bool {
    !text.chars().any(|c| c != '\n' && is_hidden(c))
}

#[test]
fn every_strange_mail_can_be_read_and_answered() {
    let own = Address { name: "Beatrice Quill".into(), addr: "quill@quillpounce.example".into() };
    let me = Me { account: "work", from: &own, also: &[] };
    let stamp = Stamp { message_id: "answer@quillpounce.example".into(), date: jiff::Zoned::now() };
    for (number, raw) in strange::mails(SEED, 300).into_iter().enumerate() {
        let message = Message::parse(raw);
        let headers = message.headers();
        let body = display::body(&message);
        let lines = SafeText::block(&body.text());
        let cleaned = subject::clean(&headers.subject());
        let shown: Vec<String> = headers.from().iter().map(|from| from.shown().to_string()).collect();
        assert!(lines.iter().all(|line| is_safe(line.as_str())), "{number}");
        assert!(is_safe(SafeText::line(&cleaned).as_str()) && shown.iter().all(|name| is_safe(name)), "{number}");
        assert!(body.attachments.iter().all(|file| is_safe(&file_name(&file.name))), "{number}");
        let (from, reply_to, to, cc) = (headers.from(), headers.reply_to(), headers.to(), headers.cc());
        let (message_id, references) = (headers.message_id().unwrap_or_default(), headers.references());
        let original = Original {
            from: &from,
            reply_to: &reply_to,
            to: &to,
            cc: &cc,
            subject: &cleaned,
            message_id: &message_id,
            references: &references,
            sent: headers.date(),
            quotable: &lines,
            encrypted: false,
        };
        for draft in [reply(&original, &me), reply_all(&original, &me), forward(&original, &me)] {
            // Some cannot be answered; what can be is fit for the wire and goes to whom it says.
            let Ok(built) = build::build(&draft, &stamp) else { continue };
            let wire = built.assemble();
            assert!(build::is_wire_safe(&wire), "{number}");
            let again = Message::parse(wire);
            let people = |list: Vec<Address>| list.into_iter().map(|one| one.addr).collect::<Vec<_>>();
            assert_eq!(people(again.headers().to()), people(draft.to.clone()), "{number}");
            assert_eq!(again.headers().count("Bcc"), 0, "{number}");
        }
    }
}

#[test]
fn a_mailbox_of_strange_mail_is_synced_listed_filed_and_exported() {
    let Some(world) = World::start() else { return };
    let cases = "[[case]]\nid = \"FERRET\"\ntitle = \"R v FERRET\"\nidentifiers = [\"99ZX0012326\"]\n";
    world.configure(&format!("[classes]\ngov = [\"gov.example\"]\n\n{cases}"));
    let mails = strange::mails(SEED, 40);
    let count = mails.len();
    world.dovecot.fill("quill", "INBOX", mails.into_iter());
    let home = &world.home;
    let synced = home.json(&["sync"]);
    assert_eq!(synced["mailboxes"][0]["new"], count, "{synced}");

    let listed = home.json(&["message", "list"]);
    let messages = listed["messages"].as_array().unwrap();
    assert_eq!(messages.len(), count);
    for list in [["thread", "list"], ["case", "list"], ["case", "triage"], ["attachment", "list"], ["message", "list"]]
    {
        home.json(&list);
        let text = home.done(&list, b"");
        assert!(is_safe(&text), "{list:?}");
        // One hostile row is wide; the others are as they would be without it.
        let wide = text.lines().filter(|line| line.chars().count() > 400).count();
        assert!(wide * 10 <= text.lines().count(), "{list:?}: {wide}");
    }
    home.json(&["case", "refile", "--dry-run"]);
    home.json(&["register", "verify"]);
    home.json(&["store", "verify"]);

    let to = home.beside("exported");
    let ids: Vec<&str> = messages.iter().map(|message| message["id"].as_str().unwrap()).collect();
    let to_text = to.display().to_string();
    let exported = home.json(&[&["message", "export", "--to", &to_text][..], &ids].concat());
    // Only what may be meant for somebody else waits for a decision.
    let left = exported["left_out"].as_array().unwrap();
    assert!(left.iter().all(|one| one["because"].as_str().unwrap().contains("may not be meant for you")), "{exported}");
    let directory = exported["directory"].as_str().unwrap();
    // Some of it is filed to one case and some to another: nothing of it is called the one's or the other's, and both know.
    assert!(directory.ends_with("/SEVERAL-CASES"), "{directory}");
    for case in ["FERRET", "ZZ26000417"] {
        assert!(home.done(&["case", "chronology", case], b"").contains("SEVERAL-CASES"), "{case}");
    }
    let nowhere = home.run(&["message", "export", "--to", "/dev/null/x", ids[0]], b"");
    assert_eq!((nowhere.code, nowhere.err.contains("could not start")), (73, false), "{nowhere:?}");
    home.json(&["export", "verify", directory]);
    let beside: Vec<_> = std::fs::read_dir(&to).unwrap().collect();
    assert_eq!(beside.len(), 1, "{beside:?}");
}

/// A stranger answers himself as often as he likes: the document of the thread is one that others can read.
#[test]
fn a_thread_of_any_depth_can_be_shown() {
    const DEPTH: usize = 300;
    let Some(world) = World::start() else { return };
    world.configure("");
    let mail = |at: usize| {
        let before = at.checked_sub(1).map(|before| format!("In-Reply-To: <deep-{before}@x.example>\r\n"));
        let subject = "From: a@x.example\r\nSubject: deep\r\n";
        format!("{subject}Message-ID: <deep-{at}@x.example>\r\n{}\r\nx\r\n", before.unwrap_or_default()).into_bytes()
    };
    world.dovecot.fill("quill", "INBOX", (0..DEPTH).map(mail));
    world.home.done(&["sync"], b"");
    let threads = world.home.json(&["thread", "list"]);
    assert_eq!(threads["threads"][0]["messages"], DEPTH);
    // A JSON reader gives up where it is nested too deeply (serde_json's does at 128).
    let shown = world.home.json(&["thread", "show", threads["threads"][0]["id"].as_str().unwrap()]);
    fn count(forest: &serde_json::Value) -> usize {
        forest.as_array().unwrap().iter().map(|one| 1 + count(&one["replies"])).sum()
    }
    assert_eq!(count(&shown["forest"]), DEPTH);
}

/// Whoever learns the Message-ID of a message can send another one under it: that takes nothing out of its case, and puts nothing in.
#[test]
fn another_message_under_the_same_id_does_not_undo_a_filing() {
    let Some(world) = World::start() else { return };
    world.configure(
        "[classes]\ngov = [\"gov.example\"]\n\n[[case]]\nid = \"FERRET\"\nidentifiers = [\"99ZX0012326\"]\n",
    );
    let mail = |from: &str, subject: &str| {
        format!(
            "From: {from}\r\nTo: quill@quillpounce.example\r\nMessage-ID: <real@cps.gov.example>\r\nSubject: {subject}\r\n\r\n{subject}\r\n"
        )
    };
    let home = &world.home;
    world.dovecot.deliver("quill", "INBOX", mail("badger@cps.gov.example", "about the gnome").as_bytes());
    home.done(&["sync"], b"");
    let listed = home.json(&["message", "list"]);
    home.done(&["case", "file", listed["messages"][0]["id"].as_str().unwrap(), "--case", "FERRET"], b"");
    // INTERNALDATE has seconds: the other one comes in a later one than the decision.
    let now = jiff::Timestamp::now().as_second();
    crate::walkthrough::eventually(|| (jiff::Timestamp::now().as_second() > now + 1).then_some(()));
    world.dovecot.deliver("quill", "INBOX", mail("evil@evil.example", "plead").as_bytes());
    home.done(&["sync"], b"");
    let listed = home.json(&["message", "list"]);
    let cases: Vec<_> = listed["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["subject"].clone(), one["case"].clone()))
        .collect();
    assert_eq!(cases.len(), 2);
    assert!(cases.contains(&("about the gnome".into(), "FERRET".into())), "{cases:?}");
    assert!(cases.contains(&("plead".into(), serde_json::Value::Null)), "{cases:?}");
    // Nothing would tell the two apart: that is said, and not that it was done.
    let plead = listed["messages"].as_array().unwrap().iter().find(|one| one["subject"] == "plead").unwrap();
    let refused = home.run(&["case", "file", plead["id"].as_str().unwrap(), "--case", "FERRET"], b"");
    assert_eq!((refused.code, refused.err.contains("same Message-ID")), (1, true), "{refused:?}");
}
