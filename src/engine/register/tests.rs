//! The register of a profile on a real disk: written, read again, proved, damaged.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use crate::config::{CaseRule, Config};
use crate::engine::clock::Clock;
use crate::engine::{Engine, Opening};
use crate::mail::id::{CaseId, OutboxId};
use crate::register::{CaseChange, Event};
use crate::store::cache::NewMessage;
use crate::store::outbox::{Delivery, OutboxEntry, OutboxState, SmtpEnvelope};
use crate::store::profile::{Profile, Roots};
use crate::store::state::{RegisterRow, State};
use crate::store::summary::Summary;
use crate::store::vault::{Cost, Vault};

fn create(home: &Path) {
    let profile = Profile::open(Roots::below(home)).unwrap();
    Vault::create_with(&profile.roots().vault_file(), b"otter", Cost::TEST).unwrap();
}

fn open(home: &Path) -> Engine {
    open_at(home, Clock::system())
}

fn open_at(home: &Path, clock: Clock) -> Engine {
    open_telling(home, clock, None)
}

fn open_telling(
    home: &Path,
    clock: Clock,
    events: Option<std::sync::mpsc::SyncSender<crate::app::event::Event>>,
) -> Engine {
    let profile = Profile::open(Roots::below(home)).unwrap();
    let vault = Vault::open_with(&profile.roots().vault_file(), b"otter", Cost::TEST).unwrap();
    let rule = CaseRule { id: "WEASEL".into(), title: "R v WEASEL".into(), identifiers: vec!["99ZX0012327".into()] };
    let config = Config { cases: vec![rule], ..Config::default() };
    Engine::open(Opening { vault_floor: Cost::TEST, clock, events, ..Opening::new(profile, config, Some(vault)) })
        .unwrap()
}

fn case() -> CaseId {
    CaseId("WEASEL".into())
}

fn note(text: &str) -> Event {
    Event::Case { case: case(), change: CaseChange::Noted { text: text.into() } }
}

/// A message of the case in the cache, as a sync puts it there.
fn receive(engine: &Engine, uid: u32, body: &str) {
    let stores = engine.core.ask_stores(|_, open| Arc::clone(&open.stores)).unwrap();
    let mailbox = stores.cache.ensure_mailbox("work", "INBOX", 7).unwrap();
    let raw = format!(
        "From: ambleford.mags@cps.gov.example\r\nTo: b.quill@quillpounce.example\r\nSubject: 99ZX0012327 Weasel\r\n\
         Message-ID: <{uid}@cps.gov.example>\r\nDate: Mon, 2 Mar 2026 14:52:00 +0000\r\n\r\n{body}\r\n"
    );
    let context = crate::engine::ingest::Context {
        keyring: Arc::default(),
        book: Arc::clone(&engine.settings.book),
        classes: Arc::clone(&engine.settings.classes),
        now: engine.now(),
        tolerance: engine.settings.config.openpgp.tolerance,
        destroyed: Arc::default(),
        channel: None,
    };
    let fetched = crate::imap::Fetched {
        uid,
        flags: crate::store::flags::Flags::default(),
        internal_date: Some(1_772_463_187),
        bytes: u32::try_from(raw.len()).unwrap(),
        body: crate::imap::Body::Whole(raw.into_bytes().into()),
    };
    let message: NewMessage = crate::engine::ingest::summarise(fetched, &context);
    assert!(matches!(&message.summary, Summary { undisplayable: false, .. }));
    stores.cache.put_batch(mailbox, vec![message], None).unwrap();
}

const WEASEL_SENT: &str = "From: b.quill@quillpounce.example\r\nTo: h.lintwhite@copfs.gov.example\r\n\
    Subject: 99ZX0012327 Weasel\r\nMessage-ID: <out-1@quillpounce.example>\r\nMIME-Version: 1.0\r\n\
    Content-Type: application/pdf; name=\"plea.pdf\"\r\n\
    Content-Disposition: attachment; filename=\"plea.pdf\"\r\n\r\n%PDF-1.4\r\n";

/// When what [`sent`] puts into the outbox was sent.
const SENT_AT: &str = "2026-03-02T15:00:00Z";

fn after_sending(days: i64) -> Clock {
    let sent_at: jiff::Timestamp = SENT_AT.parse().unwrap();
    Clock::from_fn(move || sent_at + jiff::SignedDuration::from_hours(24 * days))
}

/// A row of the outbox that a server took for these.
fn sent(engine: &Engine, case: Option<CaseId>, to: &[&str], raw: &str) -> OutboxId {
    let envelope = SmtpEnvelope {
        reverse_path: "b.quill@quillpounce.example".into(),
        forward_paths: to.iter().map(|to| (*to).to_owned()).collect(),
    };
    let mut row = OutboxEntry::new("work", "out-1@quillpounce.example", envelope, SENT_AT.parse().unwrap());
    row.set_all(Delivery::Waiting, Delivery::Sent);
    (row.case, row.state, row.filed, row.sent_at) = (case, OutboxState::Sent, true, Some(row.queued_at));
    let stores = engine.core.ask_stores(|_, open| Arc::clone(&open.stores)).unwrap();
    stores.state.queue(row, raw.as_bytes()).unwrap()
}

/// Whom the register says that something was sent to, record by record.
fn told_as_sent(engine: &Engine) -> Vec<Vec<String>> {
    let lines = engine.register_lines().unwrap().into_iter().filter(|line| line.kind == "sent");
    lines.map(|line| line.recipients.into_iter().map(|one| one.address).collect()).collect()
}

/// The rows that are left when the outbox is at work, at the latest after a while: these are expected.
fn left_when_at_work(engine: &Engine, expected: &[OutboxId]) -> Vec<OutboxId> {
    let rows = || engine.outbox().unwrap().into_iter().map(|row| row.id).collect::<Vec<_>>();
    engine.core.ask_stores(|core, open| crate::engine::outbox::start(core, open)).unwrap();
    let until = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while rows() != expected && std::time::Instant::now() < until {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    rows()
}

#[test]
fn what_leaves_by_another_route_later_is_written_down_for_those_it_went_to() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("home");
    create(&home);
    let engine = open(&home);
    let (own, gateway) = ("h.lintwhite@copfs.gov.example", "r.vellum@foxglove.example.cjsm.net");
    sent(&engine, Some(case()), &[own], WEASEL_SENT);
    assert_eq!(engine.record_mail(None).unwrap(), 1);
    sent(&engine, Some(case()), &[gateway], WEASEL_SENT);
    assert_eq!(engine.record_mail(None).unwrap(), 1, "the other route");
    assert_eq!(engine.record_mail(None).unwrap(), 0);
    drop(engine);
    let engine = open(&home);
    assert_eq!(engine.record_mail(None).unwrap(), 0, "a restart forgets nothing");
    assert_eq!(told_as_sent(&engine), [[own], [gateway]]);
    // Of a row that is known in part, the rest.
    sent(&engine, Some(case()), &[own, "clerk@copfs.gov.example"], WEASEL_SENT);
    assert_eq!(engine.record_mail(None).unwrap(), 1);
    assert_eq!(told_as_sent(&engine).last().unwrap(), &["clerk@copfs.gov.example"]);
    // However often it is told of, what came with it is one document.
    let names: Vec<String> = engine.documents(&case()).unwrap().into_iter().map(|one| one.name).collect();
    assert_eq!(names, ["plea.pdf"]);
}

#[test]
fn what_cannot_be_read_of_what_was_sent_is_written_down_once() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("home");
    create(&home);
    let engine = open(&home);
    sent(&engine, Some(case()), &["h.lintwhite@copfs.gov.example"], "no header at all");
    assert_eq!(engine.record_mail(None).unwrap(), 1);
    assert_eq!(engine.record_mail(None).unwrap(), 0);
}

#[test]
fn what_was_sent_is_not_forgotten_before_it_is_written_down() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("home");
    create(&home);
    {
        // Ended before it has been quiet for long enough.
        let engine = open_at(&home, after_sending(0));
        sent(&engine, Some(case()), &["h.lintwhite@copfs.gov.example"], WEASEL_SENT);
        sent(&engine, None, &["h.lintwhite@copfs.gov.example"], WEASEL_SENT);
    }
    let engine = open_at(&home, after_sending(8));
    assert_eq!(left_when_at_work(&engine, &[]), []);
    assert_eq!(told_as_sent(&engine), [["h.lintwhite@copfs.gov.example"]]);
}

#[test]
fn a_register_that_cannot_be_read_keeps_what_was_sent_in_its_cases() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("home");
    create(&home);
    let engine = open_at(&home, after_sending(8));
    let kept = sent(&engine, Some(case()), &["h.lintwhite@copfs.gov.example"], WEASEL_SENT);
    sent(&engine, None, &["h.lintwhite@copfs.gov.example"], WEASEL_SENT);
    let register = engine.core.ask_stores(|_, open| open.register.clone()).unwrap();
    register.with(|_| ()).unwrap();
    register.fail("the disk is full of gnomes");
    assert_eq!(left_when_at_work(&engine, &[kept]), [kept]);
}

#[test]
fn what_was_sent_in_a_destroyed_case_is_forgotten_and_not_written_down_again() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("home");
    create(&home);
    {
        let engine = open_at(&home, after_sending(1));
        sent(&engine, Some(case()), &["h.lintwhite@copfs.gov.example"], WEASEL_SENT);
        let listed = engine.find_case("99ZX0012327").unwrap().unwrap();
        engine.record(engine.opening_of(&listed).unwrap()).unwrap();
        engine.record(vec![Event::Case { case: case(), change: CaseChange::Closed { review: None } }]).unwrap();
        engine.shred(&listed, "review").unwrap();
    }
    let engine = open_at(&home, after_sending(8));
    assert_eq!(engine.record_mail(None).unwrap(), 0);
    assert_eq!(left_when_at_work(&engine, &[]), []);
    let text = String::from_utf8(engine.register_text().unwrap()).unwrap();
    assert!(!text.contains("lintwhite"), "{text}");
}

#[test]
fn the_page_of_a_case_says_that_the_register_cannot_be_read() {
    let home = tempfile::tempdir().unwrap();
    create(home.path());
    let engine = open(home.path());
    assert!(engine.case(&case()).unwrap().is_some());
    engine.core.ask_stores(|_, open| open.register.fail("the disk is full of gnomes")).unwrap();
    let told = engine.case(&case()).unwrap_err();
    assert!(told.to_string().contains("the disk is full of gnomes"));
}

#[test]
fn a_register_that_somebody_has_in_hand_is_no_register_that_cannot_be_read() {
    let home = tempfile::tempdir().unwrap();
    create(home.path());
    let engine = open(home.path());
    let register = engine.core.ask_stores(|_, open| open.register.clone()).unwrap();
    register.with(|_| ()).unwrap();
    let (stop, rounds) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
    let busy = std::thread::spawn({
        let (register, stop, rounds) = (register.clone(), Arc::clone(&stop), Arc::clone(&rounds));
        move || {
            while !stop.load(Ordering::SeqCst) {
                register.with(|_| rounds.fetch_add(1, Ordering::SeqCst)).unwrap();
            }
        }
    });
    while rounds.load(Ordering::SeqCst) < 1_000 {
        assert!(register.now(|_| ()).is_some());
    }
    stop.store(true, Ordering::SeqCst);
    busy.join().unwrap();
}

#[test]
fn what_is_written_down_is_there_after_a_restart_and_proved() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("home");
    create(&home);
    {
        let engine = open(&home);
        assert!(engine.verify_register().unwrap().is_whole());
        let listed = engine.find_case("99ZX0012327").unwrap().unwrap();
        let mut events = engine.opening_of(&listed).unwrap();
        events.push(note("rang the court"));
        engine.record(events).unwrap();
        assert!(engine.opening_of(&listed).unwrap().is_empty(), "it is opened once");
        assert_eq!(engine.book().unwrap().case(&case()).unwrap().notes[0].text, "rang the court");
    }
    let engine = open(&home);
    engine.record(vec![note("and again")]).unwrap();
    let book = engine.book().unwrap();
    let found = book.case(&case()).unwrap();
    assert_eq!((found.title.as_str(), found.notes.len()), ("R v WEASEL", 2));
    assert_eq!(found.identifiers[0].value, "99ZX0012327");
    let verified = engine.verify_register().unwrap();
    assert!(verified.is_whole(), "{verified:?}");
    assert_eq!((verified.streams.len(), verified.streams[0].records), (1, 5));
    let text = engine.register_text().unwrap();
    assert!(super::verify_text(&text, engine.now()).unwrap().is_whole());
    // Any byte of what was handed out.
    for at in (crate::register::bundle::HEADER.len()..text.len()).step_by(61) {
        let mut spoilt = text.clone();
        spoilt[at] ^= 1;
        let found = super::verify_text(&spoilt, engine.now());
        assert!(found.is_err() || !found.unwrap().is_whole(), "byte {at}");
    }
    let lines = engine.chronology(&case()).unwrap();
    let kinds: Vec<&str> = lines.iter().map(|line| line.kind.as_str()).collect();
    assert_eq!(kinds, ["case-opened", "identifier-added", "noted", "noted"]);
}

#[test]
fn mail_of_a_case_is_written_down_once_and_never_its_text() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("home");
    create(&home);
    let engine = open(&home);
    receive(&engine, 1, "planted-body-word");
    receive(&engine, 2, "another");
    drop(engine);
    let engine = open(&home);
    assert_eq!(engine.record_mail(None).unwrap(), 2);
    assert_eq!(engine.record_mail(None).unwrap(), 0);
    drop(engine);
    let engine = open(&home);
    assert_eq!(engine.record_mail(None).unwrap(), 0, "a restart forgets nothing");
    let lines = engine.chronology(&case()).unwrap();
    assert_eq!(lines.len(), 2);
    let first = &lines[0];
    assert_eq!((first.kind.as_str(), first.message_id.as_str()), ("received", "1@cps.gov.example"));
    assert_eq!(first.place, "work/INBOX/7/1");
    assert_eq!(first.internal_date.unwrap().to_string(), "2026-03-02T14:53:07Z");
    assert_eq!(first.from[0].address, "ambleford.mags@cps.gov.example");
    assert!(first.sha256.is_some() && first.reason.contains("subject"), "{first:?}");
    let text = String::from_utf8(engine.register_text().unwrap()).unwrap();
    assert!(text.contains("99ZX0012327 Weasel") && !text.contains("planted-body-word"));
}

#[test]
fn copies_of_a_closed_case_are_idle_only_when_nothing_came_or_changed_for_so_long() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("home");
    create(&home);
    let at = |days: i64| {
        let closed: jiff::Timestamp = "2026-03-06T10:00:00Z".parse().unwrap();
        let now = closed + jiff::SignedDuration::from_hours(24 * days);
        Clock::from_fn(move || now)
    };
    let change = |change| Event::Case { case: case(), change };
    {
        let engine = open_at(&home, at(0));
        receive(&engine, 1, "planted-body-word");
        let listed = engine.find_case("99ZX0012327").unwrap().unwrap();
        engine.record(engine.opening_of(&listed).unwrap()).unwrap();
        assert!(engine.idle_cases(Some(&case()), 0).unwrap_err().to_string().contains("it is open"));
        engine.record(vec![change(CaseChange::Closed { review: None })]).unwrap();
    }
    let idle = |days: i64| open_at(&home, at(days)).idle_cases(None, 90).unwrap();
    assert_eq!(idle(89), []);
    let found = idle(91);
    assert_eq!((found.len(), found[0].messages, found[0].title.as_str()), (1, 1, "R v WEASEL"));
    assert_eq!(found[0].since.to_string(), "2026-03-06T10:00:00Z");
    // A note keeps it, and so does a hold.
    open_at(&home, at(50)).record(vec![note("the client rang")]).unwrap();
    assert_eq!((idle(91).len(), idle(141).len()), (0, 1));
    let engine = open_at(&home, at(60));
    engine.record(vec![change(CaseChange::Held { because: "appeal".into() })]).unwrap();
    drop(engine);
    assert_eq!(idle(300), []);
    let engine = open_at(&home, at(300));
    assert!(engine.purge_idle(Some(&case()), 90).unwrap_err().to_string().contains("on hold"));
    engine.record(vec![change(CaseChange::Released { because: "abandoned".into() })]).unwrap();
    drop(engine);
    let engine = open_at(&home, at(400));
    assert_eq!(engine.purge_idle(None, 90).unwrap().len(), 1);
    assert_eq!(engine.purge_idle(None, 0).unwrap(), [], "once is enough");
    let kinds: Vec<String> = engine.chronology(&case()).unwrap().into_iter().map(|line| line.kind).collect();
    // What came was written down while its bytes were here.
    assert!(
        kinds.contains(&"received".to_owned()) && kinds.last().is_some_and(|kind| kind == "bodies-purged"),
        "{kinds:?}"
    );
    assert!(engine.verify_register().unwrap().is_whole());
}

#[test]
fn copies_of_idle_cases_go_by_themselves_while_the_program_is_open() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("home");
    create(&home);
    let closed: jiff::Timestamp = "2026-03-06T10:00:00Z".parse().unwrap();
    let clock = |days: i64| Clock::from_fn(move || closed + jiff::SignedDuration::from_hours(24 * days));
    let change = |change| Event::Case { case: case(), change };
    let by_itself = |engine: &Engine| {
        engine.wait_loaded().unwrap();
        let task = engine.core.ask_open(|core, open| core.purge_when_due(open)).unwrap();
        let is_screen = task.is_some();
        task.into_iter().for_each(|task| engine.block_on(task).unwrap().unwrap());
        is_screen
    };
    let purged = |engine: &Engine| {
        let lines = engine.chronology(&case()).unwrap();
        lines.iter().filter(|line| line.kind == "bodies-purged").count()
    };
    {
        let engine = open_at(&home, clock(0));
        receive(&engine, 1, "planted-body-word");
        let listed = engine.find_case("99ZX0012327").unwrap().unwrap();
        engine.record(engine.opening_of(&listed).unwrap()).unwrap();
        assert!(!by_itself(&engine), "not for a command");
        engine.record(vec![change(CaseChange::Closed { review: None })]).unwrap();
    }
    // As a screen opens it: somebody is told.
    let counts = |days: i64| {
        let (tell, told) = std::sync::mpsc::sync_channel(10_000);
        let engine = open_telling(&home, clock(days), Some(tell));
        assert!(by_itself(&engine));
        let count = purged(&engine);
        drop(engine);
        let let_go = |event: &crate::app::event::Event| matches!(event, crate::app::event::Event::Notice(one) if one.text.as_str().contains("let go of"));
        (count, told.into_iter().filter(let_go).count())
    };
    assert_eq!((counts(89), counts(91), counts(200)), ((0, 0), (1, 1), (1, 0)), "not before its time, and once");
    assert!(open_at(&home, clock(200)).verify_register().unwrap().is_whole());
}

#[test]
fn a_record_that_was_changed_or_taken_out_of_the_store_is_named_and_costs_itself_only() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("home");
    create(&home);
    {
        let engine = open(&home);
        let listed = engine.find_case("WEASEL").unwrap().unwrap();
        let mut events = engine.opening_of(&listed).unwrap();
        events.extend(["one", "two", "three"].map(note));
        engine.record(events).unwrap();
    }
    // Whoever has the keys can write into the store, but not sign.
    let roots = Roots::below(&home);
    let rewrite = |seq: u64, change: &dyn Fn(&mut RegisterRow)| {
        let vault = Vault::open_with(&roots.vault_file(), b"otter", Cost::TEST).unwrap();
        let state = State::open(&roots.state_file(), &vault).unwrap();
        let mut row = state.register_row(1, seq).unwrap().unwrap();
        let before = row.clone();
        change(&mut row);
        state.write(|write| write.overwrite_register(1, seq, &row)).unwrap();
        before
    };
    let before = rewrite(5, &|row| {
        let text = String::from_utf8(row.payload.take().unwrap()).unwrap();
        row.payload = Some(text.replace("two", "six").into_bytes());
    });
    let engine = open(&home);
    let verified = engine.verify_register().unwrap();
    assert_eq!(verified.streams[0].broken.as_ref().map(|(seq, _)| *seq), Some(5), "{verified:?}");
    drop(engine);
    rewrite(5, &|row| *row = before.clone());
    let engine = open(&home);
    assert!(engine.verify_register().unwrap().is_whole());
    engine.record(vec![note("four")]).unwrap();
    assert_eq!(engine.book().unwrap().case(&case()).unwrap().notes.len(), 4);
}
