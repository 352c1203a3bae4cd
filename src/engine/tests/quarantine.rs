//! Messages that are out of reach: told apart by their bytes, under keys of their own on every device, and gone with their case.

use std::sync::Arc;

use super::{Filter, Running, World, fetched};
use crate::app::effect::Effect;
use crate::app::event::Event;
use crate::case::MessageName;
use crate::case::document::{Direction, Document, Reach, Unseen};
use crate::engine::documents::kept;
use crate::engine::quarantine::{follow, keep_out_streamed};
use crate::imap::{Body, Fetched};
use crate::mail::id::{CaseId, MessageKey, MessageRef};
use crate::register::event::ImportedFile;
use crate::register::record::Digest;
use crate::register::{CaseChange, Event as Happened};

const ID: &str = "shut@cps.gov.example";

/// A message with a schedule in it, under the one Message-ID.
fn mail(text: &str, schedule: &str) -> Vec<u8> {
    format!(
        "From: p.windlestraw@cps.gov.example\r\nTo: b.quill@quillpounce.example\r\nMessage-ID: <{ID}>\r\n\
         Date: Thu, 1 Jan 2026 00:00:00 +0000\r\nSubject: 99ZX0012326 schedules\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n{text}\r\n\
         --b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename=\"MG6D Otter.pdf\"\r\n\r\n\
         {schedule}\r\n--b--\r\n"
    )
    .into_bytes()
}

fn event(documents: Vec<Digest>, released: bool) -> Happened {
    Happened::Quarantined {
        cases: vec![CaseId("ferret".into())],
        message: MessageName { message_id: ID.into(), digest: Digest::default().0 },
        because: "possible mis-service".into(),
        released,
        documents,
    }
}

impl Running {
    /// The message that holds this text.
    fn named(&self, uid: u32) -> MessageRef {
        let listed = self.engine.messages(&Filter::default()).unwrap().messages;
        listed.into_iter().map(|one| one.id).find(|id| id.uid == uid).unwrap()
    }

    /// What the cache has of a message, and what can be read of it at all.
    fn held(&self, uid: u32) -> (bool, Option<String>) {
        let asked = self.engine.core.ask_open(move |_, open| {
            let keys: Vec<MessageKey> = open.library.keys_by_date();
            let key = keys.into_iter().find(|key| key.uid == uid).unwrap();
            let raw = open.stores.raw(key).unwrap();
            (open.stores.cache.raw(key).unwrap().is_some(), raw.map(|raw| String::from_utf8(raw).unwrap()))
        });
        asked.unwrap()
    }

    #[track_caller]
    fn holds(&self, uid: u32, in_cache: bool, word: &str) {
        let (cached, raw) = self.held(uid);
        assert_eq!(cached, in_cache, "UID {uid} in the cache");
        assert!(raw.as_ref().is_some_and(|raw| raw.contains(word)), "UID {uid} is not {word}: {raw:?}");
    }

    /// Closes the case of the mail.
    fn close_case(&self) {
        let case = self.engine.cases().unwrap().into_iter().find(|case| case.id.0 == "ferret").unwrap();
        let mut events = self.engine.opening_of(&case).unwrap();
        events.push(Happened::Case { case: case.id, change: CaseChange::Closed { review: None } });
        self.engine.record(events).unwrap();
    }

    fn quarantine(&self, uid: u32, release: bool) {
        let because = if release { "the CPS agreed" } else { "possible mis-service" };
        self.engine.quarantine_parts(&self.named(uid), &[], because, release).unwrap();
    }
}

#[test]
fn it_stays_under_its_own_key_when_the_cache_is_made_anew() {
    let world = World::new();
    let running = world.open();
    running.feed(7, vec![fetched(1, mail("See below.", "%PDF"))]);
    running.quarantine(1, false);
    running.holds(1, false, "See below.");
    // The same mailbox under another UIDVALIDITY: everything is fetched anew.
    running.feed(8, vec![fetched(1, mail("See below.", "%PDF"))]);
    running.holds(1, false, "See below.");
    // Another message that takes its Message-ID is another one.
    running.feed(9, vec![fetched(1, mail("Another.", "%PDF"))]);
    running.holds(1, false, "Another.");
}

#[test]
fn two_messages_under_one_message_id_each_show_their_own_text() {
    let world = World::new();
    let running = world.open();
    // As long as the other: nothing but its bytes tells it apart.
    running.feed(7, vec![fetched(1, mail("The first.", "%PDF 1")), fetched(2, mail("The other.", "%PDF 2"))]);
    running.quarantine(1, false);
    running.quarantine(2, false);
    running.holds(1, false, "The first.");
    running.holds(2, false, "The other.");
    // One that comes later under the same Message-ID neither shows their text nor takes it away.
    running.feed(7, vec![fetched(3, mail("A stranger.", "%PDF 3"))]);
    running.holds(3, false, "A stranger.");
    running.holds(1, false, "The first.");
    running.quarantine(2, true);
    running.holds(2, true, "The other.");
    running.holds(1, false, "The first.");
}

#[test]
fn each_of_two_under_one_message_id_says_that_there_is_another() {
    let world = World::new();
    let running = world.open();
    running.feed(7, vec![fetched(1, mail("The first.", "%PDF 1"))]);
    let warnings = |uid| running.engine.document(&running.named(uid)).unwrap().warnings;
    assert!(!warnings(1).contains(&"same-message-id".to_owned()));
    running.feed(7, vec![fetched(2, mail("The other, which is longer.", "%PDF 2"))]);
    for uid in [1, 2] {
        assert_eq!(warnings(uid).iter().filter(|one| *one == "same-message-id").count(), 1, "{:?}", warnings(uid));
    }
}

#[test]
fn what_the_register_alone_says_is_kept_out_of_the_cache() {
    let world = World::new();
    let running = world.open();
    running.engine.record(vec![event(vec![Digest::of(b"%PDF")], false)]).unwrap();
    running.feed(7, vec![fetched(1, mail("See below.", "%PDF"))]);
    running.holds(1, false, "See below.");
    // It is shut all the same, and comes back with a reason.
    let raw: Arc<[u8]> = mail("See below.", "%PDF").into();
    assert!(running.engine.holds_quarantined(&raw).unwrap());
    running.quarantine(1, true);
    running.holds(1, true, "See below.");
}

#[test]
fn what_was_here_before_the_register_said_so_leaves_the_cache() {
    let world = World::new();
    let running = world.open();
    running.feed(7, vec![fetched(1, mail("See below.", "%PDF"))]);
    running.holds(1, true, "See below.");
    running.engine.record(vec![event(vec![Digest::of(b"%PDF")], false)]).unwrap();
    let (stores, book) = running
        .engine
        .core
        .ask_open(|_, open| (Arc::clone(&open.stores), open.register.with(|loaded| loaded.book()).unwrap()))
        .unwrap();
    assert_eq!(follow(&running.engine.core, &stores, &book).unwrap(), 1);
    running.holds(1, false, "See below.");
    assert_eq!(follow(&running.engine.core, &stores, &book).unwrap(), 0, "it is done once");
}

#[test]
fn a_whole_message_is_shut_with_everything_in_it() {
    let world = World::new();
    let running = world.open();
    running.engine.record(vec![event(Vec::new(), false)]).unwrap();
    running.feed(7, vec![fetched(1, mail("See below.", "%PDF"))]);
    running.holds(1, false, "See below.");
    let raw: Arc<[u8]> = mail("See below.", "%PDF").into();
    assert!(running.engine.holds_quarantined(&raw).unwrap());
    running.engine.record(vec![event(Vec::new(), true)]).unwrap();
    assert!(!running.engine.holds_quarantined(&raw).unwrap());
}

/// As it comes to a screen that shows it: in pieces, over what is left of an earlier download.
#[test]
fn a_message_that_came_as_a_stream_leaves_the_cache_for_its_own_key() {
    let world = World::new();
    let running = world.open();
    let raw = mail("See below.", "%PDF");
    let head = raw.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    let header = || Fetched { body: Body::Header(raw[..head].into()), ..fetched(1, raw.clone()) };
    let streamed = |running: &Running| {
        let raw = raw.clone();
        let came = running.engine.core.ask_open(move |_, open| {
            let key = open.library.keys_by_date()[0];
            let mut partial = open.stores.cache.partial(key, u32::try_from(raw.len()).unwrap()).unwrap();
            open.stores.cache.append_partial(&mut partial, &raw).unwrap();
            open.stores.cache.put_partial(key, partial).unwrap();
            (Arc::clone(&open.stores), open.register.clone(), key)
        });
        let (stores, register, key) = came.unwrap();
        keep_out_streamed(&stores, &register, key).unwrap();
    };
    running.feed(7, vec![header()]);
    streamed(&running);
    running.holds(1, true, "See below.");
    running.engine.record(vec![event(vec![Digest::of(b"%PDF")], false)]).unwrap();
    running.feed(8, vec![header()]);
    streamed(&running);
    running.holds(1, false, "See below.");
    // Back in reach, it is like any other.
    running.quarantine(1, true);
    running.holds(1, true, "See below.");
}

#[test]
fn a_message_without_a_message_id_is_named_by_its_digest() {
    let nameless = |text: &str| {
        let raw = String::from_utf8(mail(text, "%PDF")).unwrap();
        raw.replace(&format!("Message-ID: <{ID}>\r\n"), "").into_bytes()
    };
    let of = |mut event: Happened, name: MessageName| {
        if let Happened::Quarantined { message, .. } = &mut event {
            *message = name;
        }
        event
    };
    let world = World::new();
    let running = world.open();
    running.feed(7, vec![fetched(1, nameless("The first.")), fetched(2, nameless("The other."))]);
    running.quarantine(1, false);
    running.holds(1, false, "The first.");
    let name = |text: &str| MessageName { message_id: String::new(), digest: Digest::of(&nameless(text)).0 };
    let book = running.engine.book().unwrap();
    assert!(book.names_quarantined(&name("The first.")) && !book.names_quarantined(&name("The other.")));
    // A device that has nothing but the register keeps it out of its cache.
    let other = World::new();
    let (running, said) = (other.open(), event(vec![Digest::of(b"%PDF")], false));
    running.engine.record(vec![of(said.clone(), name("The first."))]).unwrap();
    running.feed(7, vec![fetched(1, nameless("The first."))]);
    running.holds(1, false, "The first.");
    // What an earlier version wrote names the message by nothing; its document stays out of reach all the same.
    let third = World::new();
    let running = third.open();
    running.engine.record(vec![of(said, MessageName { message_id: String::new(), digest: [0; 32] })]).unwrap();
    running.feed(7, vec![fetched(1, nameless("The first."))]);
    assert!(running.engine.holds_quarantined(&nameless("The first.").into()).unwrap());
    running.quarantine(1, true);
    assert!(!running.engine.holds_quarantined(&nameless("The first.").into()).unwrap());
}

/// A message in a message, so many times, with a schedule at the bottom.
fn nested(levels: usize, name: &str) -> Vec<u8> {
    let head =
        |level: usize| format!("From: p.windlestraw@cps.gov.example\r\nSubject: {level}\r\nMIME-Version: 1.0\r\n");
    let within = "Content-Type: message/rfc822\r\n\r\n";
    let mut raw: String = (0..levels).map(|level| head(level) + within).collect();
    raw += &head(levels);
    raw += &format!(
        "Content-Type: multipart/mixed; boundary=n\r\n\r\n--n\r\nContent-Type: text/x-list; name=\"{name}\"\r\n\r\nwho told\r\n--n--\r\n"
    );
    raw.into_bytes()
}

/// By mail it would be shut; it is by hand.
#[test]
fn a_package_that_was_taken_in_by_hand_is_judged_as_one_that_came_by_mail() {
    let world = World::new();
    let running = world.open();
    running.feed(7, vec![fetched(1, mail("See below.", "%PDF"))]);
    let (case, engine) = (CaseId("ferret".into()), &running.engine);
    let by_hand = |sha256: &str| {
        let all = engine.documents(&case).unwrap();
        all.into_iter().find(|one| one.direction == Direction::ByHand && one.sha256 == sha256).unwrap()
    };
    let import = |name: &str, content: &[u8]| {
        let file = world.dir.path().join(name);
        std::fs::write(&file, content).unwrap();
        engine.import(&case, &file, "Common Platform").unwrap().sha256.to_string()
    };
    let put = |document: Document, release: bool| {
        let case = case.clone();
        let done = engine.core.ask_open(move |core, open| {
            core.quarantine(open, Some(&case), &[document], "looked at by counsel", release)
        });
        done.unwrap().unwrap()
    };
    let (deep, list, plain) = (nested(9, "a.txt"), nested(1, "MG6D Otter.txt"), nested(1, "MG5.txt"));
    let (deep, list, plain) = (import("deep.eml", &deep), import("list.eml", &list), import("plain.eml", &plain));
    let told = |sha256: &str| {
        let one = by_hand(sha256);
        (one.reach, one.because, one.unseen)
    };
    assert_eq!(told(&deep), (Reach::Watched, "8.eml".to_owned(), Some(Unseen::Deep)));
    assert_eq!(told(&list), (Reach::Watched, "MG6D Otter.txt".to_owned(), None));
    assert_eq!(told(&plain), (Reach::Open, String::new(), None));
    // What was written down before anybody looked into it is found by its bytes, once something is out of reach.
    let (early, bytes) = (nested(9, "b.txt"), nested(9, "b.txt").len() as u64);
    let sha256 = Digest::of(&early);
    let file = ImportedFile { name: "b.eml".into(), bytes, sha256, ..ImportedFile::default() };
    let stores = engine.core.ask_open(|_, open| Arc::clone(&open.stores)).unwrap();
    stores.state.put(&kept(&sha256.to_string()), &early).unwrap();
    engine.record(vec![Happened::Imported { case: case.clone(), file }]).unwrap();
    let early = sha256.to_string();
    assert!(engine.imported(&early).is_ok());
    running.quarantine(1, false);
    let refused = engine.imported(&early).unwrap_err().to_string();
    assert!(refused.contains("not all that is in this document"), "{refused}");
    assert!(engine.imported(&deep).is_err() && engine.imported(&plain).is_ok());
    // Who takes it upon themselves has it, and nothing else.
    for sha256 in [&early, &deep] {
        put(by_hand(sha256), true);
        assert_eq!(told(sha256).0, Reach::Open);
        assert!(engine.imported(sha256).is_ok());
    }
    assert_eq!(told(&list).0, Reach::Watched);
    // What is in it goes along: the same file in another package is out of reach, too.
    put(by_hand(&list), false);
    assert_eq!((told(&list).0, told(&plain).0), (Reach::Quarantined, Reach::Quarantined));
    put(by_hand(&list), true);
    assert_eq!((told(&list).0, told(&plain).0), (Reach::Open, Reach::Open));
}

#[test]
fn the_source_of_a_message_does_not_name_what_is_in_quarantine() {
    let alone = b"From: p.windlestraw@cps.gov.example\r\nMessage-ID: <alone@cps.gov.example>\r\nSubject: x\r\n\
        Content-Type: application/pdf; name=\"MG6D Weir.pdf\"\r\nContent-Disposition: attachment\r\n\r\n%PDF alone\r\n";
    // A package has a name, too.
    let packed = b"From: p.windlestraw@cps.gov.example\r\nMessage-ID: <packed@cps.gov.example>\r\nSubject: x\r\nMIME-Version: 1.0\r\n\
        Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\
        Content-Disposition: attachment; filename=fwd.eml\r\n\r\nSubject: y\r\nMIME-Version: 1.0\r\n\
        Content-Type: multipart/mixed; boundary=c; name=\"MG6D Pond.pdf\"\r\n\r\n\
        --c\r\nContent-Type: application/pdf; name=\"MG6D Badger.pdf\"\r\n\r\n%PDF packed\r\n--c--\r\n--b--\r\n";
    let world = World::new();
    let running = world.open();
    let raw = [mail("See below.", "%PDF"), alone.to_vec(), packed.to_vec()];
    running.feed(7, (1..).zip(raw).map(|(uid, raw)| fetched(uid, raw)).collect());
    let source = |uid: u32| {
        running.engine.submit(Effect::ShowSource(running.named(uid)));
        let lines = running.event(|event| match event {
            Event::Source(_, lines) => Some(lines.unwrap()),
            _ => None,
        });
        lines.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    for (uid, name) in [(1, "MG6D Otter.pdf"), (2, "MG6D Weir.pdf"), (3, "MG6D Pond.pdf")] {
        let before = source(uid);
        assert!(before.contains(name), "{before}");
        running.quarantine(uid, false);
        let after = source(uid);
        assert!(after.contains("(in quarantine)") && !after.contains("MG6D"), "{after}");
        assert!(before.contains("application/pdf") && !after.contains("application/pdf"), "{after}");
        assert!(after.contains("From:p") || after.contains("From: p"), "{after}");
        let shown = running.engine.document(&running.named(uid)).unwrap();
        assert!(!shown.sentences.iter().any(|words| words.contains("MG6D")), "{:?}", shown.sentences);
        running.quarantine(uid, true);
        assert_eq!(source(uid), before);
    }
}

#[test]
fn what_happened_in_a_case_does_not_name_what_is_in_quarantine() {
    let world = World::new();
    let running = world.open();
    let (case, engine) = (CaseId("ferret".into()), &running.engine);
    let packed = nested(1, "MG6D Otter.txt");
    let with_zip = String::from_utf8(mail("See below.", "%PDF")).unwrap().replace(
        "--b--",
        &format!(
            "--b\r\nContent-Type: text/x-mail; name=\"fwd.eml\"\r\n\r\n{}\r\n--b--",
            String::from_utf8_lossy(&packed)
        ),
    );
    running.feed(7, vec![fetched(1, with_zip.into_bytes())]);
    let file = world.dir.path().join("MG6D by hand.eml");
    std::fs::write(&file, &packed).unwrap();
    engine.import(&case, &file, "Common Platform").unwrap();
    let told = || {
        let all = [engine.chronology(&case).unwrap(), engine.register_lines().unwrap()];
        let text = all.iter().flatten().map(|line| format!("{}\n{}\n", line.text(), line.cells().join(" | ")));
        all.each_ref().map(|lines| serde_json::to_string(lines).unwrap()).join("\n") + &text.collect::<String>()
    };
    let before = told();
    assert!(before.contains("MG6D Otter.pdf") && before.contains("MG6D Otter.txt") && before.contains("MG6D by hand"));
    running.quarantine(1, false);
    let documents = engine.documents(&case).unwrap();
    assert!(documents.iter().all(|one| one.reach == Reach::Quarantined), "{documents:#?}");
    let after = told();
    for word in ["MG6D", "fwd.eml", "text/x-mail", "application/pdf"] {
        assert!(!after.contains(word), "{word}: {after}");
    }
    assert!(after.contains("(in quarantine)") && after.contains("put out of reach"), "{after}");
    assert!(after.contains(&Digest::of(b"%PDF").to_string()), "{after}");
    running.quarantine(1, true);
    assert!(told().contains("MG6D Otter.pdf") && told().contains("MG6D by hand"), "{}", told());
}

#[test]
fn only_a_closed_case_is_destroyed() {
    let world = World::new();
    let running = world.open();
    running.feed(7, vec![fetched(1, mail("The first.", "%PDF 1"))]);
    let case = || running.engine.cases().unwrap().into_iter().find(|case| case.id.0 == "ferret").unwrap();
    let refused = running.engine.shred(&case(), "review").unwrap_err().to_string();
    assert!(refused.contains("ferret is open") && refused.contains("casemail case close ferret"), "{refused}");
    running.holds(1, true, "The first.");
    running.close_case();
    assert_eq!(running.engine.shred(&case(), "review").unwrap().messages, 1);
}

#[test]
fn with_its_case_its_key_goes_and_no_other() {
    let world = World::new();
    let running = world.open();
    running.feed(7, vec![fetched(1, mail("The first.", "%PDF 1"))]);
    running.quarantine(1, false);
    let digest = Digest::of(&mail("The first.", "%PDF 1")).0;
    let stores = running.engine.core.ask_open(|_, open| Arc::clone(&open.stores)).unwrap();
    // Kept under the same Message-ID by somebody else's doing.
    stores.state.put_quarantined(ID, &[9; 32], b"another").unwrap();
    assert!(stores.state.is_quarantined(ID, &digest).unwrap());
    let cases = running.engine.cases().unwrap();
    let ferret = cases.into_iter().find(|case| case.id.0 == "ferret").unwrap();
    running.close_case();
    let certificate = running.engine.shred(&ferret, "review").unwrap();
    assert_eq!(certificate.messages, 1);
    assert!(!stores.state.is_quarantined(ID, &digest).unwrap());
    assert_eq!(stores.state.quarantined(ID, &digest).unwrap(), None);
    assert!(stores.state.is_quarantined(ID, &[9; 32]).unwrap());
}
