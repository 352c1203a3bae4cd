//! Exports of a profile that has mail and no server. Real ones, judged by other people's programs: `tests/it/export.rs`.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use zeroize::Zeroizing;

use super::fetch::Fetch;
use super::gather::Letter;
use super::provenance::Shut;
use super::{Choice, Exporter, Form, Order, Progress, Subject};
use crate::case::MessageName;
use crate::engine::query::Filter;
use crate::engine::reading::Look;
use crate::engine::streamed::{Kept, Streamed};
use crate::engine::tests::{Running, World, fetched};
use crate::export::{Entry, Manifest, Provenance};
use crate::imap::{Body, Fetched};
use crate::mail::id::MessageRef;
use crate::pgp::agent::Agent;
use crate::pgp::generate::generate;
use crate::pgp::keyring::Keyring;
use crate::pgp::open::Decrypt;
use crate::pgp::seal::encrypt;
use crate::register::Event;
use crate::register::record::Digest;

const SECRET: &str = "the names of those who told";

/// Of a message that is not here.
const AWAY: Fetch<'static> = &|_| Err("the server does not answer".to_owned());

/// A message with a text that has a name, shown with it and listed.
fn mail(id: u32, name: &str, text: &str) -> Vec<u8> {
    format!(
        "From: p.windlestraw@cps.gov.example\r\nTo: b.quill@quillpounce.example\r\nMessage-ID: <{id}@cps.gov.example>\r\n\
         Date: Mon, 11 May 2026 08:{id:02}:00 +0000\r\nSubject: schedules {id}\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nPlease find attached.\r\n\
         --b\r\nContent-Type: text/plain\r\nContent-Disposition: inline; filename=\"{name}\"\r\n\r\n{text}\r\n--b--\r\n"
    )
    .into_bytes()
}

fn exporter(running: &Running, form: Form, to: &Path) -> Exporter {
    running.engine.book().unwrap();
    let names = running.engine.messages(&Filter::default()).unwrap().messages.into_iter().map(|one| one.id).collect();
    let order = Order { subject: Subject::Messages(names), form, decrypt: false, to: to.to_owned() };
    running.engine.core.ask_open(move |core, open| Exporter::of(core, open, order)).unwrap().unwrap()
}

/// Where a message lies.
fn name(running: &Running, id: u32) -> MessageRef {
    let filter = Filter { message_id: Some(format!("{id}@cps.gov.example")), ..Filter::default() };
    running.engine.messages(&filter).unwrap().messages[0].id.clone()
}

/// All that a PDF says.
fn text_of(pdf: &Path) -> String {
    crate::export::bundle::tests::text_of(&std::fs::read(pdf).unwrap())
}

#[test]
fn a_text_out_of_reach_is_not_on_the_page_of_its_message() {
    let (world, dir) = (World::new(), tempfile::tempdir().unwrap());
    let running = world.open();
    // Our own address in its head makes it none of ours: it came.
    let shut = String::from_utf8(mail(1, "MG6D Otter.txt", SECRET)).unwrap();
    let shut = shut.replace("p.windlestraw@cps.gov.example", "b.quill@quillpounce.example").into_bytes();
    running.feed(7, vec![fetched(1, shut), fetched(2, mail(2, "note.txt", "It is open."))]);
    let choice = Choice { mail: true, ..Choice::default() };
    for put in ["watched", "in quarantine"] {
        if put == "in quarantine" {
            running.engine.quarantine_parts(&name(&running, 1), &[], "possible mis-service", false).unwrap();
        }
        let done = exporter(&running, Form::Files, dir.path()).bundle(&dir.path().join(put), &choice, AWAY, &|_| true);
        let text = text_of(&done.unwrap().path);
        assert_eq!(text.matches("Please find attached.").count(), 2, "{put}: {text}");
        assert!(text.contains("It is open.") && !text.contains(SECRET), "{put}: {text}");
    }
}

/// A message that came as a text with a name is shown with the message that it came with, and is a package, too.
#[test]
fn the_text_of_a_package_that_is_shut_for_what_is_in_it_is_not_on_the_page_of_its_message() {
    let within = |name: &str, text: &str| {
        format!(
            "From: p.windlestraw@cps.gov.example\r\nSubject: schedules\r\nMIME-Version: 1.0\r\n\
             Content-Type: multipart/mixed; boundary=c\r\n\r\n\
             --c\r\nContent-Type: text/x-schedule; name=\"{name}\"\r\n\r\n{text}\r\n--c--"
        )
    };
    let (world, dir) = (World::new(), tempfile::tempdir().unwrap());
    let running = world.open();
    let mails =
        [mail(1, "fwd.eml", &within("MG6D Otter.txt", SECRET)), mail(2, "fwd.eml", &within("a.txt", "It is open."))];
    running.feed(7, vec![fetched(1, mails[0].clone()), fetched(2, mails[1].clone())]);
    let choice = Choice { mail: true, ..Choice::default() };
    let page = |name: &str| {
        let done = exporter(&running, Form::Files, dir.path()).bundle(&dir.path().join(name), &choice, AWAY, &|_| true);
        text_of(&done.unwrap().path)
    };
    let text = page("watched");
    assert_eq!(text.matches("Please find attached.").count(), 2, "{text}");
    assert!(text.contains("It is open.") && !text.contains(SECRET) && !text.contains("MG6D"), "{text}");
    // Back within reach, it is there.
    running.engine.quarantine_parts(&name(&running, 1), &["2".to_owned()], "the CPS agreed", true).unwrap();
    assert!(page("back").contains(SECRET));
}

#[test]
fn what_was_served_openly_goes_into_a_bundle_though_it_came_in_a_package_that_is_shut_before() {
    let (world, dir) = (World::new(), tempfile::tempdir().unwrap());
    let running = world.open();
    let files = "--c\r\nContent-Type: text/x-schedule; name=\"MG6D Otter.txt\"\r\n\r\nwho told\r\n\
        --c\r\nContent-Type: text/plain; name=note.txt\r\n\r\nIt is open.\r\n--c--";
    let packed = format!(
        "From: p.windlestraw@cps.gov.example\r\nSubject: x\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=c\r\n\r\n{files}"
    );
    let mails = [mail(1, "MG6D.txt", "It is open."), mail(2, "fwd.eml", &packed), mail(3, "note.txt", "It is open.")];
    running.feed(7, (1..).zip(mails).map(|(uid, raw)| fetched(uid, raw)).collect());
    let to = dir.path().join("bundle.pdf");
    let done = exporter(&running, Form::Files, dir.path()).bundle(&to, &Choice::default(), AWAY, &|_| true).unwrap();
    let listed: Vec<(&str, bool)> =
        done.documents.iter().map(|one| (one.name.as_str(), one.because.is_none())).collect();
    assert!(listed.contains(&("note.txt", true)), "{listed:?}");
    assert!(text_of(&to).contains("It is open."));
    assert_eq!(done.words(), format!("1 document, {} listed only, on 2 pages: {}.", done.left(), to.display()));
}

/// A message of which only the header has come.
fn away(uid: u32, raw: &[u8]) -> Fetched {
    let end = raw.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    Fetched { body: Body::Header(raw[..end].into()), ..fetched(uid, raw.to_vec()) }
}

/// Puts the text of a message out of reach, as another device does.
fn quarantine(engine: &super::Engine, id: u32, text: &str) {
    let message = MessageName { message_id: format!("{id}@cps.gov.example"), digest: [0; 32] };
    let (because, documents) = ("possible mis-service".to_owned(), vec![Digest::of(text.as_bytes())]);
    let event = Event::Quarantined { cases: Vec::new(), message, because, released: false, documents };
    engine.record(vec![event]).unwrap();
}

#[test]
fn a_mailbox_holds_what_was_looked_at_and_all_of_it() {
    let (world, dir) = (World::new(), tempfile::tempdir().unwrap());
    let running = world.open();
    let (shut, open) = (mail(1, "schedule.txt", SECRET), mail(2, "note.txt", "It is open."));
    running.feed(7, vec![away(1, &shut), away(2, &open)]);
    quarantine(&running.engine, 1, SECRET);
    let mbox = dir.path().join("NO-CASE/messages.mbox");
    // The server answers as it is told to: for each message, whether it does the first time, and whether later.
    let export = |answers: [(bool, bool); 2]| {
        let asked = [AtomicUsize::new(0), AtomicUsize::new(0)];
        let fetch = |letter: &Letter| {
            let place = usize::try_from(letter.key.uid).unwrap() - 1;
            let is_first = asked[place].fetch_add(1, Ordering::Relaxed) == 0;
            let answers = if is_first { answers[place].0 } else { answers[place].1 };
            let raw = [&shut, &open][place];
            if answers { Ok(Kept::Here(raw.as_slice().into())) } else { Err("the server does not answer".to_owned()) }
        };
        exporter(&running, Form::Mbox, dir.path()).run(&fetch, &|_| true)
    };
    // Read for the first time only when it is written: nobody has looked whether it may be.
    let done = export([(false, true), (true, true)]).unwrap();
    let written = std::fs::read_to_string(&mbox).unwrap();
    assert!(written.contains("It is open.") && !written.contains(SECRET), "{written}");
    assert_eq!(done.left_out.len(), 1, "{:?}", done.left_out);
    // Looked at, and gone when it is to be written: that is told, and nothing is said to be exported.
    std::fs::remove_dir_all(dir.path().join("NO-CASE")).unwrap();
    let error = export([(true, true), (true, false)]).unwrap_err().to_string();
    assert!(error.contains("the server does not answer") && error.contains("INBOX/7/2"), "{error}");
    assert!(!mbox.exists() && !dir.path().join("NO-CASE/MANIFEST.sha256").exists());
}

/// A message that is encrypted to somebody else.
fn closed(id: u32) -> Vec<u8> {
    let now = "2026-05-11T08:00:00Z".parse().unwrap();
    let them = generate("P. Windlestraw", "p.windlestraw@cps.gov.example", now).unwrap();
    let mut keyring = Keyring::new();
    keyring.add_secret(&them.secret, None).unwrap();
    let (entity, key) = (format!("Content-Type: text/plain\r\n\r\n{SECRET}\r\n"), &them.info.fingerprint);
    let mut sealed = encrypt(entity.as_bytes(), &[], std::slice::from_ref(key), &keyring, key, now).unwrap();
    let fields = [
        ("From", "p.windlestraw@cps.gov.example".to_owned()),
        ("Message-ID", format!("<{id}@cps.gov.example>")),
        ("Date", "Mon, 11 May 2026 08:00:00 +0000".to_owned()),
        ("Subject", format!("closed {id}")),
    ];
    sealed.fields = fields.map(|(name, value)| (name.to_owned(), value)).to_vec();
    sealed.assemble()
}

/// Every file below a directory, one behind the other.
fn all_below(dir: &Path) -> Vec<u8> {
    let below = |path: std::path::PathBuf| if path.is_dir() { all_below(&path) } else { std::fs::read(path).unwrap() };
    std::fs::read_dir(dir).unwrap().flat_map(|entry| below(entry.unwrap().path())).collect()
}

#[test]
fn what_stays_closed_or_cannot_be_read_is_left_out_where_something_under_its_name_is_in_quarantine() {
    let (world, dir) = (World::new(), tempfile::tempdir().unwrap());
    let running = world.open();
    let mails = [closed(1), closed(2)];
    running.feed(7, vec![fetched(1, mails[0].clone()), fetched(2, mails[1].clone())]);
    quarantine(&running.engine, 1, SECRET);
    let count = |bytes: &[u8], what: &str| memchr::memmem::find_iter(bytes, what).count();
    for form in [Form::Files, Form::Mbox, Form::Maildir] {
        let to = dir.path().join(format!("{form:?}"));
        let done = exporter(&running, form, &to).run(AWAY, &|_| true).unwrap();
        let left: Vec<_> = done.left_out.iter().filter(|one| one.because.contains("in quarantine")).collect();
        assert!(left.len() == 1 && left[0].what.ends_with("INBOX/7/1"), "{form:?}: {:?}", done.left_out);
        let written = all_below(&to);
        assert_eq!(count(&written, "<1@cps.gov.example>"), 0, "{form:?}");
        assert!(count(&written, "<2@cps.gov.example>") > 0, "{form:?}");
    }
    // Nor are its bytes handed out in another way.
    let shut = |raw: &[u8]| running.engine.holds_quarantined(&raw.into()).unwrap();
    assert!(shut(&mails[0]) && !shut(&mails[1]));
    let back = |id: u32, raw: &[u8]| running.engine.kept_back(&name(&running, id), &raw.into()).unwrap();
    assert_eq!((back(1, &mails[0]), back(2, &mails[1])), (None, Some(Vec::new())));
    // One that nobody can read goes by its name, too.
    let exporter = exporter(&running, Form::Mbox, dir.path());
    let book = running.engine.book().unwrap();
    for (letter, raw) in exporter.letters.iter().zip(&mails) {
        let terms = exporter.settings.terms(Decrypt::Any);
        let look = Look { keyring: &exporter.keyring, terms: &terms, beside: false };
        let mut unread = Streamed::read(Kept::Here(raw.as_slice().into()), &look, &|_| Ok(())).unwrap();
        unread.reading = None;
        let expected = if letter.key.uid == 1 { Shut::Whole } else { Shut::Nothing };
        assert!(exporter.shut(&book, letter, &unread).unwrap() == expected, "{}", letter.name);
    }
}

#[test]
fn what_we_sent_and_cannot_be_looked_through_stays_where_it_is_while_anything_is_in_quarantine() {
    let (world, dir) = (World::new(), tempfile::tempdir().unwrap());
    let running = world.open();
    let deep = "Content-Type: message/rfc822\r\n\r\n".repeat(10) + "Subject: the bottom\r\n\r\nIt is open.\r\n";
    let sent = "From: b.quill@quillpounce.example\r\nMessage-ID: <1@cps.gov.example>\r\nMIME-Version: 1.0\r\n\
        Subject: x\r\nDate: Mon, 11 May 2026 08:00:00 +0000\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
        .to_owned()
        + &deep
        + "--b--\r\n";
    running.feed(7, vec![fetched(1, sent.into_bytes()), fetched(2, mail(2, "schedule.txt", SECRET))]);
    let run = |form: Form, to: &str| {
        let mut exporter = exporter(&running, form, &dir.path().join(to));
        exporter.letters.iter_mut().filter(|letter| letter.key.uid == 1).for_each(|letter| letter.is_own = true);
        let done = exporter.run(AWAY, &|_| true).unwrap();
        let left = done.left_out.iter().filter(|one| one.because.contains("take it back within reach")).count();
        (left > 0, memchr::memmem::find(&all_below(&dir.path().join(to)), b"the bottom").is_some())
    };
    for form in [Form::Files, Form::Mbox, Form::Maildir] {
        assert_eq!(run(form, &format!("open {form:?}")), (false, true), "{form:?}");
    }
    quarantine(&running.engine, 2, SECRET);
    for form in [Form::Files, Form::Mbox, Form::Maildir] {
        assert_eq!(run(form, &format!("shut {form:?}")), (true, false), "{form:?}");
    }
}

/// Puts something out of reach as soon as the first message is done.
fn meanwhile(work: impl FnOnce() + Send) -> impl Fn(Progress) -> bool + Sync {
    let work = Mutex::new(Some(work));
    move |progress: Progress| {
        if progress.done == 1
            && let Some(work) = work.lock().unwrap().take()
        {
            work();
        }
        true
    }
}

#[test]
fn what_is_put_into_quarantine_while_an_export_is_at_work_is_left_out() {
    let (world, dir) = (World::new(), tempfile::tempdir().unwrap());
    let running = world.open();
    let mails = (1..=3).map(|id| fetched(id, mail(id, &format!("schedule {id}.txt"), &format!("{SECRET} {id}"))));
    running.feed(7, mails.collect());
    let to = dir.path();
    let engine = &running.engine;
    let shut = |id: u32| quarantine(engine, id, &format!("{SECRET} {id}"));
    let done = exporter(&running, Form::Files, to).run(AWAY, &meanwhile(|| shut(2))).unwrap();
    let names: Vec<&str> = done.files.iter().map(|(entry, _)| entry.name.as_str()).collect();
    assert_eq!(names, ["schedule 1.txt", "schedules 1.eml", "schedule 3.txt", "schedules 3.eml"]);
    assert!(done.left_out.iter().any(|one| one.because.contains("in quarantine")), "{:?}", done.left_out);
    let written = std::fs::read_to_string(to.join("NO-CASE/MANIFEST.sha256")).unwrap();
    assert!(!written.contains("schedule 2"), "{written}");
    // What has been taken into a bundle already: there is no bundle then.
    let choice = Choice { mail: true, ..Choice::default() };
    let bundle = |told: &(dyn Fn(Progress) -> bool + Sync)| {
        exporter(&running, Form::Files, to).bundle(&to.join("bundle.pdf"), &choice, AWAY, told)
    };
    let error = bundle(&meanwhile(|| shut(1))).unwrap_err().to_string();
    assert!(error.contains("into quarantine meanwhile") && !to.join("bundle.pdf").exists(), "{error}");
    let text = text_of(&bundle(&|_| true).unwrap().path);
    assert!(text.contains(&format!("{SECRET} 3")) && !text.contains(&format!("{SECRET} 1")), "{text}");
}

#[test]
fn an_earlier_list_is_believed_as_far_as_the_disk_bears_it_out() {
    let (world, dir) = (World::new(), tempfile::tempdir().unwrap());
    let running = world.open();
    running.feed(7, vec![fetched(1, mail(1, "note.txt", "It is open."))]);
    let (out, place) = (dir.path().join("out"), dir.path().join("out/NO-CASE"));
    let export = || exporter(&running, Form::Files, &out).run(AWAY, &|_| true);
    export().unwrap();
    let text = std::fs::read_to_string(place.join("manifest.json")).unwrap();
    let manifest: Manifest = serde_json::from_str(&text).unwrap();
    let write = |manifest: &Manifest| std::fs::write(place.join("manifest.json"), manifest.json().unwrap()).unwrap();

    // Entries that somebody wrote in: of a file that is there, of one that holds something else, of none.
    let planted = |path: &str, content: &[u8], message: &str| Entry {
        path: path.into(),
        bytes: content.len() as u64,
        sha256: Digest::of(content).to_string(),
        message: message.into(),
        ..manifest.files[0].clone()
    };
    std::fs::write(place.join("kept.txt"), b"kept").unwrap();
    std::fs::write(place.join("other.txt"), b"other").unwrap();
    let mut with_more = manifest.clone();
    with_more.messages.push(Provenance { sha256: "f0".repeat(32), ..manifest.messages[0].clone() });
    with_more.files.extend([
        planted("kept.txt", b"kept", &manifest.messages[0].sha256),
        planted("other.txt", b"not it", &manifest.messages[0].sha256),
        planted("gone.txt", b"gone", &"f0".repeat(32)),
    ]);
    write(&with_more);
    let done = export().unwrap();
    let list = std::fs::read_to_string(place.join("MANIFEST.sha256")).unwrap();
    assert!(list.contains("kept.txt") && !list.contains("other.txt") && !list.contains("gone.txt"), "{list}");
    let left: Vec<&str> = done.left_out.iter().map(|one| one.what.as_str()).collect();
    assert_eq!(left, ["other.txt", "gone.txt"], "{:?}", done.left_out);
    let now: Manifest = serde_json::from_slice(&std::fs::read(place.join("manifest.json")).unwrap()).unwrap();
    assert_eq!(now.messages.len(), 1, "{:?}", now.messages);

    // Another list of digests beside the same manifest is not the one that was written.
    export().unwrap();
    std::fs::write(place.join("MANIFEST.sha256"), list.replace("kept.txt", "kept.pdf")).unwrap();
    export().unwrap();
    let again = std::fs::read_to_string(place.join("MANIFEST.sha256")).unwrap();
    assert!(again.contains("kept.txt") && !again.contains("kept.pdf"), "{again}");

    // A message that has been put somewhere else, by what the list says.
    for path in ["../x", "/tmp/x", "a/../../x", "./x", "a//x"] {
        let mut outside = manifest.clone();
        outside.files.iter_mut().for_each(|entry| entry.path = path.to_owned());
        write(&outside);
        let refused = export().unwrap_err().to_string();
        assert!(refused.contains("is no file of this directory"), "{path}: {refused}");
    }
    assert_eq!(std::fs::read_dir(&out).unwrap().count(), 1, "something lies outside of the export");
}

#[test]
fn files_have_their_own_directories_also_beside_a_maildir() {
    let (world, dir) = (World::new(), tempfile::tempdir().unwrap());
    let running = world.open();
    running.feed(7, vec![fetched(1, mail(1, "note.txt", "It is open."))]);
    let paths = |form: Form| -> Vec<String> {
        let done = exporter(&running, form, dir.path()).run(AWAY, &|_| true).unwrap();
        done.files.into_iter().map(|(entry, _)| entry.path).collect()
    };
    assert!(paths(Form::Maildir).iter().all(|path| path.starts_with("Maildir/cur/")));
    let files = paths(Form::Files);
    assert!(files.len() == 2 && files.iter().all(|path| path.starts_with("01_")), "{files:?}");
}

/// What lies in a directory by itself: each file with its content and when it was written.
fn beside(place: &Path) -> Vec<(String, Vec<u8>, std::time::SystemTime)> {
    let files = std::fs::read_dir(place).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
    let mut found: Vec<_> = files
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read(&path).unwrap(), path.metadata().unwrap().modified().unwrap())
        })
        .collect();
    found.sort();
    found
}

/// An agent that does not answer; how often it was asked.
#[derive(Debug)]
struct Away(Arc<AtomicUsize>);

impl Agent for Away {
    fn sign(&self, _keygrip: &str, _hash: u8, _digest: &[u8]) -> Result<Vec<u8>, String> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Err("no agent answers".to_owned())
    }

    fn decrypt(&self, _keygrip: &str, _ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, String> {
        Err("no agent answers".to_owned())
    }
}

#[test]
fn a_key_that_is_locked_or_away_costs_no_signature_that_is_there() {
    let (world, dir) = (World::new(), tempfile::tempdir().unwrap());
    let running = world.open();
    running.feed(7, vec![fetched(1, mail(1, "note.txt", "It is open."))]);
    let own =
        generate("Beatrice Quill", "b.quill@quillpounce.example", "2026-05-01T08:00:00Z".parse().unwrap()).unwrap();
    let key = || {
        let mut keyring = Keyring::new();
        keyring.add_secret(&own.secret, None).unwrap();
        keyring
    };
    let locked = || {
        let mut keyring = key();
        keyring.lock();
        keyring
    };
    let asked = Arc::new(AtomicUsize::new(0));
    let away = || {
        let mut keyring = locked();
        let grips = vec![(own.info.fingerprint.clone(), "0".repeat(40))];
        keyring.add_agent(&own.info.fingerprint, &grips, &(Arc::new(Away(Arc::clone(&asked))) as Arc<dyn Agent>));
        keyring
    };
    let to = dir.path().join("out");
    let place = to.join("NO-CASE");
    let export = |keyring: Keyring| {
        let mut exporter = exporter(&running, Form::Files, &to);
        exporter.keyring = keyring.into();
        exporter.run(AWAY, &|_| true).unwrap()
    };
    let signer = Some(own.info.fingerprint.clone());
    assert_eq!(export(key()).signed_by, signer);
    let signed = beside(&place);
    assert!(signed.iter().any(|(name, ..)| name == "MANIFEST.sha256.sig"));
    for keyring in [locked(), away(), key()] {
        assert_eq!(export(keyring).signed_by, signer);
        assert!(beside(&place) == signed, "something was written");
    }
    assert_eq!(asked.load(Ordering::Relaxed), 0, "the agent was asked for what is there");
    // A note in a table of ours: ours is made again, and the signature holds over it.
    std::fs::write(place.join("INDEX.csv"), "a note").unwrap();
    let done = export(locked());
    assert_eq!((done.signed_by, done.aside.len()), (signer.clone(), 1));
    let content = |name: &str| std::fs::read(place.join(name)).unwrap();
    for (name, before, _) in &signed {
        assert!(content(name) == *before, "{name}");
    }
    // One of before the manifest said who signs.
    let mut manifest: Manifest = serde_json::from_slice(&content("manifest.json")).unwrap();
    manifest.signed_by = None;
    let old = manifest.json().unwrap();
    let list = String::from_utf8(content("MANIFEST.sha256")).unwrap();
    let digest = |content: &[u8]| Digest::of(content).to_string();
    let list = list.replace(&digest(&content("manifest.json")), &digest(&old));
    let now = "2026-05-11T09:00:00Z".parse().unwrap();
    std::fs::write(place.join("manifest.json"), &old).unwrap();
    std::fs::write(place.join("MANIFEST.sha256"), &list).unwrap();
    let signature = crate::pgp::detached::sign_as(&key(), &own.info.fingerprint, list.as_bytes(), now).unwrap();
    std::fs::write(place.join("MANIFEST.sha256.sig"), &signature).unwrap();
    let old = beside(&place);
    assert_eq!(export(key()).signed_by, signer);
    assert!(beside(&place) == old, "it was written anew");
    // Without a signature: none where there is no key, else one that the manifest tells of.
    std::fs::remove_file(place.join("MANIFEST.sha256.sig")).unwrap();
    assert_eq!(export(away()).signed_by, None);
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    assert!(content("MANIFEST.sha256") == list.as_bytes());
    assert_eq!(export(key()).signed_by, signer);
    let manifest: Manifest = serde_json::from_slice(&content("manifest.json")).unwrap();
    assert_eq!(manifest.signed_by, signer);
    // Taken away from that.
    let whole = content("MANIFEST.sha256");
    std::fs::remove_file(place.join("MANIFEST.sha256.sig")).unwrap();
    assert_eq!(export(key()).signed_by, signer);
    assert!(content("MANIFEST.sha256") == whole && place.join("MANIFEST.sha256.sig").exists());
    // Something new, and an agent that does not answer: nothing says that it is signed.
    running.feed(7, vec![fetched(2, mail(2, "more.txt", "It is open, too."))]);
    assert_eq!(export(away()).signed_by, None);
    let manifest: Manifest = serde_json::from_slice(&content("manifest.json")).unwrap();
    assert!(manifest.signed_by.is_none() && !place.join("MANIFEST.sha256.sig").exists());
}

#[test]
fn what_is_there_again_is_missing_no_longer() {
    let (world, dir) = (World::new(), tempfile::tempdir().unwrap());
    let running = world.open();
    running
        .feed(7, (1..=2).map(|id| fetched(id, mail(id, &format!("note {id}.txt"), &format!("note {id}")))).collect());
    let place = dir.path().join("NO-CASE");
    let export = |ids: &[u32]| {
        let mut exporter = exporter(&running, Form::Files, dir.path());
        exporter.letters.retain(|letter| ids.iter().any(|id| letter.name == name(&running, *id)));
        let done = exporter.run(AWAY, &|_| true).unwrap();
        let manifest: Manifest = serde_json::from_slice(&std::fs::read(place.join("manifest.json")).unwrap()).unwrap();
        (done, manifest.left_out)
    };
    let (done, left_out) = export(&[1, 2]);
    assert!(left_out.is_empty(), "{left_out:?}");
    let lost = &done.files.iter().find(|(entry, _)| entry.name == "note 2.txt").unwrap().0.path;
    std::fs::remove_file(place.join(lost)).unwrap();
    let (_, left_out) = export(&[1]);
    assert_eq!(left_out.iter().map(|one| &one.what).collect::<Vec<_>>(), [lost]);
    let (done, left_out) = export(&[1, 2]);
    assert!(done.files.iter().any(|(entry, _)| entry.path == *lost) && place.join(lost).exists());
    assert!(left_out.is_empty(), "{left_out:?}");
}
