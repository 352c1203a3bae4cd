//! From the screen to the worker: what is fetched first is what the user looks at, whoever of both was there first.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use casemail::app::effect::Effect;
use casemail::app::event::Event;
use casemail::app::view::{Link, Scope};
use casemail::config::{self, Account, CaseRule, Config, PasswordSource};
use casemail::engine::query::Filter;
use casemail::engine::{Engine, Network, Opening};
use casemail::mail::id::CaseId;
use casemail::store::profile::{Profile, Roots};
use casemail::store::vault::{Cost, Vault};

use crate::engine::{PATIENCE, QUILL, address, endpoint};
use crate::support::scripted_imap::{Act, Asked, EXTENSIONS, GREETING, Inbox, ScriptedImap};

/// Messages in each mailbox in the end.
const MESSAGES: u32 = 300;
/// As long as the URN in its place, in the other mailbox.
const ELSEWHERE: &str = "at the weir";
const URN: &str = "99ZX0012326";

/// What the server was asked on its connections, in order and without repeats, and what it waits for.
#[derive(Default)]
struct Watch {
    open: HashMap<usize, String>,
    seen: Vec<String>,
    /// The first body of a batch waits until this is set.
    go_on: bool,
    waiting: bool,
    late: bool,
}

type Watched = Arc<(Mutex<Watch>, Condvar)>;

/// `UID` of a message that is too large to come by itself.
const LARGE: u32 = 2;

fn message(uid: u32) -> (u32, String) {
    let body = if uid == LARGE { "The lantern is out.\r\n".repeat(10_000) } else { "hello\r\n".to_owned() };
    (uid, format!("Subject: {ELSEWHERE} {uid}\r\nFrom: Wren <wren@copfs.gov.example>\r\n\r\n{body}"))
}

/// INBOX, and Cases with the same messages, whose subjects name a case.
fn answer(watched: &Watched, asked: &Asked<'_>) -> Option<Act> {
    let (lock, changed) = &**watched;
    let mut watch = lock.lock().unwrap();
    let say = |text: String| Some(Act::Say(text.into_bytes()));
    if asked.command.starts_with("LIST") {
        let cases: String = asked.good.split_inclusive("\r\n").filter(|line| line.contains("INBOX")).collect();
        return say(format!("{}{}", cases.replace("INBOX", "Cases").replace("F1", "F2"), asked.good));
    }
    if let Some(name) = asked.command.strip_prefix("SELECT \"") {
        let name = name.split('"').next().unwrap().to_owned();
        watch.open.insert(asked.connection, name);
        return None;
    }
    if !asked.command.contains("FETCH") {
        return None;
    }
    let name = watch.open.get(&asked.connection).cloned().unwrap_or_default();
    let kind = match asked.command {
        one if one.contains(&format!("UID FETCH {LARGE} ")) && one.contains("BODY.PEEK[]") => "opened",
        fetch if fetch.contains("BODY.PEEK[]") => "bodies",
        fetch if fetch.contains("HEADER") => "list",
        _ => "",
    };
    if !kind.is_empty() && watch.seen.last() != Some(&format!("{kind} {name}")) {
        watch.seen.push(format!("{kind} {name}"));
    }
    if kind == "bodies" && !watch.go_on {
        watch.waiting = true;
        changed.notify_all();
        // Elsewhere than on this worker, whose other tasks would wait with it.
        let wait = || changed.wait_timeout_while(watch, Duration::from_secs(20), |watch| !watch.go_on).unwrap();
        let (now, over) = tokio::task::block_in_place(wait);
        watch = now;
        watch.late |= over.timed_out();
    }
    drop(watch);
    if name == "Cases" { say(asked.good.replace(ELSEWHERE, URN)) } else { None }
}

struct World {
    server: ScriptedImap,
    _runtime: tokio::runtime::Runtime,
    dir: tempfile::TempDir,
    config: Config,
    watched: Watched,
}

impl World {
    fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
        let watched = Watched::default();
        watched.0.lock().unwrap().go_on = true;
        let told = Arc::clone(&watched);
        let inbox = Inbox { extensions: EXTENSIONS, ..Inbox::of(0) };
        let inbox = Inbox { messages: (1..=3).map(message).collect(), uid_next: 4, ..inbox };
        let server = runtime.block_on(ScriptedImap::start(GREETING, inbox, None, move |asked| answer(&told, asked)));
        let account = Account {
            name: "work".into(),
            address: address(QUILL),
            full_name: "Beatrice Quill".into(),
            also: Vec::new(),
            imap: endpoint(&server.endpoint(), "quill"),
            smtp: endpoint(&server.endpoint(), "quill"),
            ca_file: Some(server.ca_file().to_owned()),
            password: PasswordSource::Command(vec!["printf".into(), "gnome".into()]),
            sent_mailbox: Some("Cases".into()),
            sent_copy: config::SentCopy::default(),
            client_certificate: None,
            skip: Vec::new(),
            compress: false,
        };
        let rule = CaseRule { id: "A".into(), title: "R v FERRET".into(), identifiers: vec![URN.into()] };
        let mut config = Config { accounts: vec![account], cases: vec![rule], ..Config::default() };
        config.sync.bodies_up_to_bytes = 10_000;
        let dir = tempfile::tempdir().unwrap();
        let roots = Roots::below(&dir.path().join("home"));
        drop(Profile::open(roots.clone()).unwrap());
        Vault::create_with(&roots.vault_file(), b"otter weir lantern", Cost::TEST).unwrap();
        Self { server, _runtime: runtime, dir, config, watched }
    }

    fn engine(&self, network: Network) -> (Engine, Receiver<Event>) {
        let profile = Profile::open(Roots::below(&self.dir.path().join("home"))).unwrap();
        let vault = Vault::open_with(&profile.roots().vault_file(), b"otter weir lantern", Cost::TEST).unwrap();
        let (tx, events) = sync_channel(8);
        let opening = Opening::new(profile, self.config.clone(), Some(vault));
        let opening = Opening { vault_floor: Cost::TEST, events: Some(tx), network, ..opening };
        (Engine::open(opening).unwrap(), events)
    }
}

fn event<T>(events: &Receiver<Event>, mut wanted: impl FnMut(Event) -> Option<T>) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        let event = events.recv_timeout(until.saturating_duration_since(Instant::now())).expect("it did not come");
        if let Some(found) = wanted(event) {
            return found;
        }
    }
}

/// A case is on screen before its account connects: the list of its mailbox comes first, then the other list, then its bodies, then the
/// others. A message that is opened meanwhile waits for none of them.
#[test]
fn the_open_case_comes_first_and_a_message_being_opened_before_all() {
    let world = World::start();
    let (engine, events) = world.engine(Network::WhenAsked);
    engine.sync_once(None, &[]).unwrap();
    engine.close();
    drop(events);
    {
        let mut inbox = world.server.inbox.lock().unwrap();
        inbox.messages = (1..=MESSAGES).map(message).collect();
        inbox.uid_next = MESSAGES + 1;
        let mut watch = world.watched.0.lock().unwrap();
        *watch = Watch::default();
    }

    let (engine, events) = world.engine(Network::WhenAsked);
    let case = CaseId("A".to_owned());
    engine.submit(Effect::ListThreads(Scope::Case(case.clone())));
    event(&events, |event| matches!(event, Event::Threads(Scope::Case(id), _) if id == case).then_some(()));
    let listing = engine.messages(&Filter::default()).unwrap().messages;
    let large = listing.into_iter().find(|m| m.id.uid == LARGE && m.id.mailbox.as_str() == "INBOX").unwrap().id;
    // Only now does the account's worker start.
    engine.submit(Effect::SyncNow);
    let (lock, changed) = &*world.watched;
    let (watch, over) = changed.wait_timeout_while(lock.lock().unwrap(), PATIENCE, |watch| !watch.waiting).unwrap();
    assert!(!over.timed_out(), "no body was asked for: {:?}", watch.seen);
    drop(watch);
    engine.submit(Effect::OpenMessage(large.clone()));
    let shown = event(&events, |event| match event {
        Event::Message(name, shown) if name == large => Some(shown),
        _ => None,
    });
    assert!(shown.is_ok(), "{shown:?}");
    lock.lock().unwrap().go_on = true;
    changed.notify_all();
    event(&events, |event| match event {
        Event::Account(status) if matches!(status.link, Link::Watching { .. }) => Some(()),
        _ => None,
    });
    let watch = lock.lock().unwrap();
    assert!(!watch.late, "the message was not opened before the bodies: {:?}", watch.seen);
    assert_eq!(
        watch.seen,
        ["list Cases", "list INBOX", "bodies Cases", "opened INBOX", "bodies Cases", "bodies INBOX"]
            .iter()
            .enumerate()
            // What was opened comes in the middle of the first batch, so that the case's bodies may be one run or two.
            .filter(|(at, _)| *at != 4 || watch.seen.len() == 6)
            .map(|(_, what)| (*what).to_owned())
            .collect::<Vec<_>>()
    );
    drop(watch);
    engine.close();
}
