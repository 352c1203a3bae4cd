//! The engine against batches as an IMAP worker would hand them over, in a throw-away profile. Real servers: `tests/it/engine.rs`.

mod doubts;
mod held;
mod last_copy;
mod late_pass;
mod lost_midway;
mod offline;
mod outside;
mod packed;

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::account::AccountSink;
use super::clock::Clock;
use super::query::Filter;
use super::{Engine, EngineError, Network, Opening};
use crate::app::effect::{Effect, FlagChange, Passphrase, Said};
use crate::app::event::Event;
use crate::app::view::{Doing, Review, Scope, Tone};
use crate::config::{Account, Auth, CaseRule, Config, Endpoint, PasswordSource, Security, SentCopy};
use crate::imap::{Body, Fetched, Left, MailboxAt, MailboxInfo, Pass, Position, Sink, UidSet};
use crate::mail::address::Address;
use crate::mail::draft::{Draft, Protection};
use crate::mail::id::OutboxId;
use crate::store::flags::Flags;
use crate::store::mailbox::SpecialUse;
use crate::store::outbox::{Delivery, OutboxEntry, SmtpEnvelope};
use crate::store::profile::{Profile, Roots};
use crate::store::vault::{Cost, Vault};

mod quarantine;

const PASSPHRASE: &str = "otter weir lantern";
const PATIENCE: Duration = Duration::from_secs(20);

fn address(name: &str, addr: &str) -> Address {
    Address { name: name.into(), addr: addr.into() }
}

pub(super) fn config() -> Config {
    let endpoint = |port| Endpoint {
        host: "127.0.0.1".into(),
        port,
        security: Security::Tls,
        user: "b.quill".into(),
        auth: Auth::Auto,
    };
    let gov = vec!["gov.uk".into(), "gov.example".into()];
    Config {
        classes: crate::config::Classes { gov, ..crate::config::Classes::default() },
        accounts: vec![Account {
            name: "work".into(),
            address: address("", "b.quill@quillpounce.example"),
            full_name: "Beatrice Quill".into(),
            also: Vec::new(),
            imap: endpoint(1),
            smtp: endpoint(2),
            ca_file: None,
            password: PasswordSource::Command(vec!["printf".into(), "secret".into()]),
            sent_mailbox: None,
            sent_copy: SentCopy::default(),
            client_certificate: None,
            skip: Vec::new(),
            compress: false,
        }],
        cases: vec![CaseRule {
            id: "ferret".into(),
            title: "R v FERRET".into(),
            identifiers: vec!["99ZX0012326".into()],
        }],
        undo_send_seconds: 3600,
        ..Config::default()
    }
}

pub(super) struct World {
    dir: tempfile::TempDir,
}

pub(super) struct Running {
    pub(super) engine: Engine,
    events: Receiver<Event>,
}

impl World {
    pub(super) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let profile = Profile::open(Roots::below(&dir.path().join("home"))).unwrap();
        Vault::create_with(&profile.roots().vault_file(), PASSPHRASE.as_bytes(), Cost::TEST).unwrap();
        Self { dir }
    }

    fn roots(&self) -> Roots {
        Roots::below(&self.dir.path().join("home"))
    }

    pub(super) fn open(&self) -> Running {
        self.open_with(config())
    }

    fn open_with(&self, config: Config) -> Running {
        self.open_at(config, "2026-05-11T09:00:00Z".parse().unwrap())
    }

    fn open_at(&self, config: Config, now: Timestamp) -> Running {
        self.open_by(config, Clock::from_fn(move || now), Network::WhenAsked)
    }

    fn open_by(&self, config: Config, clock: Clock, network: Network) -> Running {
        let profile = Profile::open(self.roots()).unwrap();
        let place = profile.roots().vault_file();
        let vault = Vault::open_with(&place, PASSPHRASE.as_bytes(), Cost::TEST).unwrap();
        let (tx, events) = sync_channel(4);
        let engine = Engine::open(Opening {
            events: Some(tx),
            clock,
            network,
            zone: TimeZone::UTC,
            vault_floor: Cost::TEST,
            ..Opening::new(profile, config, Some(vault))
        })
        .unwrap();
        engine.wait_loaded().unwrap();
        Running { engine, events }
    }
}

fn at(name: &str, uid_validity: u32) -> MailboxAt {
    MailboxAt { name: name.into(), uid_validity }
}

fn eml(id: u32, subject: &str, more: &str, text: &str) -> Vec<u8> {
    format!(
        "From: Harriet Lintwhite <h.lintwhite@copfs.gov.example>\r\nTo: b.quill@quillpounce.example\r\n\
         Message-ID: <{id}@copfs.gov.example>\r\nDate: Mon, 11 May 2026 08:{:02}:00 +0000\r\nSubject: {subject}\r\n{more}\
         MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n",
        id % 60
    )
    .into_bytes()
}

pub(super) fn fetched(uid: u32, raw: Vec<u8>) -> Fetched {
    Fetched {
        uid,
        flags: Flags::default(),
        internal_date: Some(1_778_486_400 + i64::from(uid)),
        bytes: raw.len() as u32,
        body: Body::Whole(raw.into()),
    }
}

impl Running {
    fn sink(&self) -> AccountSink {
        self.engine.core.ask_open(|core, open| core.sink(open, "work")).unwrap()
    }

    /// One pass of a worker over INBOX.
    pub(super) fn feed(&self, uid_validity: u32, messages: Vec<Fetched>) {
        let sink = self.sink();
        let next = messages.iter().map(|m| m.uid).max().unwrap_or(0) + 1;
        let inbox = at("INBOX", uid_validity);
        self.engine
            .block_on(async {
                sink.mailboxes(vec![MailboxInfo {
                    name: "INBOX".into(),
                    delimiter: Some('/'),
                    special_use: Some(SpecialUse::Inbox),
                    subscribed: true,
                    mailbox_id: None,
                }])
                .await?;
                sink.begin(&inbox, false).await?;
                sink.batch(&inbox, messages).await?;
                let position = Position { uid_next: Some(next), highest_modseq: None, exists: next - 1 };
                sink.done(&inbox, position, &Pass::default()).await
            })
            .unwrap()
            .unwrap();
        self.engine.core.flush_back();
    }

    /// The first event that is wanted; others are passed over.
    fn event<T>(&self, mut wanted: impl FnMut(Event) -> Option<T>) -> T {
        let until = std::time::Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(std::time::Instant::now());
            let event = self.events.recv_timeout(left).expect("the event did not come");
            if let Some(found) = wanted(event) {
                return found;
            }
        }
    }

    fn subjects(&self) -> Vec<String> {
        let listing = self.engine.messages(&Filter::default()).unwrap();
        listing.messages.into_iter().map(|m| m.subject).collect()
    }
}

fn files_hold(place: &Path, word: &str) -> bool {
    let mut found = false;
    for entry in std::fs::read_dir(place).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found |= files_hold(&path, word);
        } else if let Ok(bytes) = std::fs::read(&path) {
            found |= bytes.windows(word.len()).any(|window| window == word.as_bytes());
        }
    }
    found
}

#[test]
fn a_batch_is_listed_survives_a_restart_and_costs_only_a_sync_when_the_cache_goes() {
    let world = World::new();
    let messages = || {
        vec![
            fetched(2, eml(2, "Re: 99ZX0012326 plea", "In-Reply-To: <1@copfs.gov.example>\r\n", "Otterly agreed.")),
            fetched(1, eml(1, "99ZX0012326 plea", "", "The weir papers.")),
        ]
    };
    let first = world.open();
    first.feed(7, messages());
    assert_eq!(first.subjects(), ["Re: 99ZX0012326 plea", "99ZX0012326 plea"]);
    let cases = first.engine.cases().unwrap();
    assert_eq!((cases[0].id.0.as_str(), cases[0].messages, cases[0].unread), ("ferret", 2, 2));
    assert_eq!(first.engine.find_case("99 ZX 00123 26").unwrap().unwrap().id.0, "ferret");
    let name = first.engine.messages(&Filter::default()).unwrap().messages[0].id.clone();
    assert_eq!(name.to_string(), "work/INBOX/7/2");
    assert!(first.engine.raw(&name, false).unwrap().raw.ends_with(b"Otterly agreed.\r\n"));
    first.engine.submit(Effect::KeepDraft(Box::new(Draft { subject: "lantern".into(), ..Draft::default() })));
    first.engine.close();
    for word in ["Otterly", "99ZX0012326", "lintwhite", "lantern", "INBOX"] {
        assert!(!files_hold(world.dir.path(), word), "{word} can be read in a file");
    }
    let second = world.open();
    assert_eq!(second.subjects().len(), 2);
    let draft = second.event(|event| match event {
        Event::DraftFound(draft) => Some(draft),
        _ => None,
    });
    assert_eq!(draft.subject, "lantern");
    second.engine.close();
    std::fs::remove_dir_all(world.roots().cache).unwrap();
    let third = world.open();
    assert!(third.subjects().is_empty());
    third.event(|event| matches!(event, Event::DraftFound(_)).then_some(()));
    third.feed(7, messages());
    assert_eq!(third.subjects(), ["Re: 99ZX0012326 plea", "99ZX0012326 plea"]);
}

#[test]
fn another_uid_validity_drops_what_was_held() {
    let world = World::new();
    let running = world.open();
    running.feed(7, vec![fetched(1, eml(1, "old", "", "x"))]);
    running.feed(8, vec![fetched(1, eml(2, "new", "", "x"))]);
    assert_eq!(running.subjects(), ["new"]);
    let listing = running.engine.messages(&Filter::default()).unwrap();
    assert_eq!(listing.messages[0].id.uid_validity, 8);
}

fn listed(name: &str, mailbox_id: Option<&str>) -> MailboxInfo {
    MailboxInfo {
        name: name.into(),
        delimiter: Some('/'),
        special_use: None,
        subscribed: true,
        mailbox_id: mailbox_id.map(str::to_owned),
    }
}

/// What a pass over a mailbox of the server brings, through the sink that the worker has.
fn pass(running: &Running, mailbox: &str, messages: Vec<Fetched>) {
    let sink = running.sink();
    let at = at(mailbox, 7);
    let next = messages.iter().map(|m| m.uid).max().unwrap_or(0) + 1;
    running
        .engine
        .block_on(async {
            sink.begin(&at, false).await?;
            sink.batch(&at, messages).await?;
            let position = Position { uid_next: Some(next), highest_modseq: None, exists: next - 1 };
            sink.done(&at, position, &Pass::default()).await
        })
        .unwrap()
        .unwrap();
}

fn places(running: &Running) -> Vec<(String, String)> {
    let listing = running.engine.messages(&Filter::default()).unwrap();
    let mut places: Vec<_> = listing.messages.into_iter().map(|m| (m.id.mailbox.to_string(), m.subject)).collect();
    places.sort();
    places
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(mailbox, subject)| ((*mailbox).to_owned(), (*subject).to_owned())).collect()
}

/// A mailbox that was renamed keeps its messages, their texts and what waits for them; one that was deleted takes its own along, and no other's.
#[test]
fn messages_follow_a_renamed_mailbox_and_go_with_a_deleted_one() {
    let world = World::new();
    let running = world.open();
    let sink = running.sink();
    let list = |names: &[(&str, &str)]| -> Vec<MailboxInfo> {
        names.iter().map(|(name, id)| listed(name, Some(id))).collect()
    };
    let tell = |boxes: Vec<MailboxInfo>| {
        running.engine.block_on(async { sink.mailboxes(boxes).await }).unwrap().unwrap();
        running.engine.core.flush_back();
    };
    tell(list(&[("INBOX", "F1"), ("Otter", "F2"), ("Weir", "F3")]));
    pass(&running, "INBOX", vec![fetched(1, eml(1, "in", "", "x"))]);
    pass(
        &running,
        "Otter",
        vec![fetched(1, eml(2, "otter one", "", "a lantern")), fetched(2, eml(3, "otter two", "", "y"))],
    );
    pass(&running, "Weir", vec![fetched(1, eml(4, "weir", "", "z"))]);
    running.engine.core.flush_back();
    let before = pairs(&[("INBOX", "in"), ("Otter", "otter one"), ("Otter", "otter two"), ("Weir", "weir")]);
    assert_eq!(places(&running), before);
    let otter = running.engine.messages(&Filter::default()).unwrap();
    let otter = otter.messages.into_iter().find(|m| m.subject == "otter one").unwrap().id;
    running.engine.submit(Effect::ChangeFlags(vec![otter], FlagChange::Seen(true)));

    running.engine.block_on(async { sink.renamed("Otter", "Otter/2026").await }).unwrap().unwrap();
    tell(list(&[("INBOX", "F1"), ("Otter/2026", "F2"), ("Weir", "F3")]));
    let after = pairs(&[("INBOX", "in"), ("Otter/2026", "otter one"), ("Otter/2026", "otter two"), ("Weir", "weir")]);
    assert_eq!(places(&running), after);
    // Nothing is fetched anew, what waited waits for it under its new name, and the text is here.
    let held = running.engine.block_on(async { running.sink().held("Otter/2026").await }).unwrap().unwrap().unwrap();
    assert_eq!((held.uid_validity, held.uids, held.lacking.is_empty()), (7, UidSet::from(1..=2), true));
    let known = running.engine.block_on(async { running.sink().known().await }).unwrap().unwrap();
    let names: std::collections::BTreeSet<_> = known.iter().map(|known| known.name.as_str()).collect();
    assert_eq!(names, ["INBOX", "Otter/2026", "Weir"].into());
    let rows = running.engine.messages(&Filter::default()).unwrap().messages;
    let waits: Vec<_> = rows.iter().filter(|m| m.pending).map(|m| (m.id.mailbox.as_str(), m.id.uid)).collect();
    assert_eq!(waits, [("Otter/2026", 1)]);
    assert_eq!(running.engine.waiting_changes().unwrap().len(), 1);

    running.engine.block_on(async { sink.gone("Weir", Left::Removed).await }).unwrap().unwrap();
    tell(list(&[("INBOX", "F1"), ("Otter/2026", "F2")]));
    let left = pairs(&[("INBOX", "in"), ("Otter/2026", "otter one"), ("Otter/2026", "otter two")]);
    assert_eq!(places(&running), left);
    assert!(running.engine.block_on(async { running.sink().held("Weir").await }).unwrap().unwrap().is_none());
    running.event(|event| match event {
        Event::Notice(told) if told.text.as_str().contains("Weir was removed") => Some(()),
        _ => None,
    });
    drop(sink);
    running.engine.close();
    // After a restart it is the same, and the words of the message that moved along are found.
    let again = world.open();
    assert_eq!(places(&again), left);
    let found = again.engine.messages(&Filter::default()).unwrap().messages;
    let moved = found.into_iter().find(|m| m.subject == "otter one").unwrap();
    assert_eq!(
        (moved.id.mailbox.to_string().as_str(), moved.flags.as_slice()),
        ("Otter/2026", &["\\Seen".to_owned()][..])
    );
    let raw = again
        .engine
        .core
        .ask_stores(move |_, open| {
            let mailbox = open.stores.cache.mailboxes().unwrap().into_iter().find(|m| m.name == "Otter/2026").unwrap();
            open.stores.cache.raw(crate::mail::id::MessageKey { mailbox: mailbox.id, uid: 1 }).unwrap()
        })
        .unwrap();
    assert!(String::from_utf8(raw.unwrap()).unwrap().contains("a lantern"));
}

/// A mailbox that is not listed, and of which the server does not say that it is gone, keeps its messages and says since when, over restarts
/// too.
#[test]
fn a_mailbox_that_is_not_listed_keeps_its_messages_and_says_so() {
    let both = pairs(&[("INBOX", "in"), ("Weir", "weir")]);
    let tell = |running: &Running, names: &[&str]| {
        let boxes = names.iter().map(|name| listed(name, None)).collect();
        running.engine.block_on(async { running.sink().mailboxes(boxes).await }).unwrap().unwrap();
        running.engine.core.flush_back();
    };
    let doing = |running: &Running| {
        running.engine.submit(Effect::ListConnections);
        running.event(|event| match event {
            Event::Connections(rows) => {
                rows.iter().find(|row| row.mailbox == Some("Weir".into())).map(|row| row.doing.clone())
            }
            _ => None,
        })
    };
    let world = World::new();
    let running = world.open();
    tell(&running, &["INBOX", "Weir"]);
    pass(&running, "INBOX", vec![fetched(1, eml(1, "in", "", "x"))]);
    pass(&running, "Weir", vec![fetched(1, eml(2, "weir", "", "z"))]);
    running.engine.core.flush_back();
    let samples = running.engine.block_on(async { running.sink().samples("Weir", 8).await }).unwrap().unwrap();
    assert_eq!(samples.iter().map(|sample| sample.uid).collect::<Vec<_>>(), [1]);
    for _ in 0..2 {
        let sink = running.sink();
        running.engine.block_on(async { sink.unlisted("Weir", "and it is busy").await }).unwrap().unwrap();
        tell(&running, &["INBOX"]);
        assert_eq!(places(&running), both);
    }
    running.event(|event| match event {
        Event::Notice(told) if told.text.as_str().contains("does not list the mailbox Weir, and it is busy") => {
            Some(())
        }
        _ => None,
    });
    let since = Doing::Unlisted("since 11 May 2026, and it is busy".into());
    assert_eq!(doing(&running), since);
    running.engine.close();
    let running = world.open();
    assert_eq!(places(&running), both);
    assert_eq!(doing(&running), Doing::Unlisted("since 11 May 2026".into()));
    tell(&running, &["INBOX", "Weir"]);
    assert_eq!((places(&running), doing(&running)), (both, Doing::Waiting));
}

/// Whoever is there to give it says nothing: the download waits for a connection, but only as long as somebody looks at the message.
#[test]
fn a_large_message_is_fetched_only_while_it_is_on_screen() {
    let world = World::new();
    // Connections to it are taken, and nobody reads them.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut config = config();
    config.accounts[0].imap.port = silent.local_addr().unwrap().port();
    let running = world.open_with(config);
    let large = |uid| Fetched {
        bytes: 5_000_000,
        body: Body::Header(eml(uid, "large", "", "").into()),
        ..fetched(uid, Vec::new())
    };
    running.feed(7, vec![large(1), large(2), fetched(3, eml(3, "small", "", "x"))]);
    let names: Vec<_> = [1, 2, 3].map(|uid| name_of(&running, uid)).into();
    running.engine.submit(Effect::SyncNow);
    eventually(|| running.engine.core.ask_open(|_, open| open.accounts["work"].handle.is_some()).unwrap());
    let fetching = |wanted: usize| {
        eventually(|| running.engine.core.ask_open(|_, open| open.downloads.fetching()).unwrap() == wanted);
    };
    running.engine.submit(Effect::OpenMessage(names[0].clone()));
    fetching(1);
    running.engine.submit(Effect::CloseMessage);
    fetching(0);
    // Opened again it begins anew, and ends when a message is opened that needs no fetching.
    running.engine.submit(Effect::OpenMessage(names[0].clone()));
    fetching(1);
    running.engine.submit(Effect::OpenMessage(names[2].clone()));
    fetching(0);
    for _ in 0..3 {
        running.engine.submit(Effect::OpenMessage(names[0].clone()));
        running.engine.submit(Effect::OpenMessage(names[1].clone()));
    }
    fetching(1);
    running.engine.submit(Effect::CloseMessage);
    fetching(0);
    // Of what was left nothing is told: it would cover what is on screen.
    running.engine.submit(Effect::OpenMessage(names[2].clone()));
    let (told, answer) = running.event(|event| match event {
        Event::Message(name, answer) if name != names[2] || answer.is_ok() => Some((name, answer)),
        _ => None,
    });
    assert!(told == names[2] && answer.is_ok(), "{told}: {answer:?}");
}

/// Nobody is there to give it: that is told at once, as of a small one.
#[test]
fn a_large_message_without_a_connection_is_told_at_once() {
    let world = World::new();
    let running = world.open();
    let body = Body::Header(eml(1, "large", "", "").into());
    running.feed(7, vec![Fetched { bytes: 5_000_000, body, ..fetched(1, Vec::new()) }]);
    let name = name_of(&running, 1);
    running.engine.submit(Effect::SyncNow);
    eventually(|| running.engine.core.ask_open(|_, open| open.accounts["work"].handle.is_some()).unwrap());
    running.engine.submit(Effect::OpenMessage(name));
    let answer = running.event(|event| match event {
        Event::Message(_, answer) => Some(answer),
        _ => None,
    });
    let words = format!("{:?}", answer.err().unwrap());
    assert!(words.contains("could not be fetched: there is no connection"), "{words}");
}

/// What is damaged on the disk is asked for at the server as what never was here.
#[test]
fn a_large_message_that_is_found_damaged_is_fetched_again() {
    let world = World::new();
    let running = world.open();
    let mut seed = 7_u64;
    let noise: String = (0..4_000_000_u32)
        .map(|place| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            if place % 70 == 69 { '\n' } else { char::from(b'0' + u8::try_from(seed >> 58).unwrap()) }
        })
        .collect();
    running.feed(7, vec![fetched(1, eml(1, "large", "", &noise.replace('\n', "\r\n")))]);
    let name = name_of(&running, 1);
    let file = std::fs::read_dir(world.roots().cache.join("blobs")).unwrap().next().unwrap().unwrap().path();
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    running.engine.submit(Effect::OpenMessage(name));
    let answer = running.event(|event| match event {
        Event::Message(_, answer) => Some(answer),
        _ => None,
    });
    let words = format!("{:?}", answer.err().unwrap());
    assert!(words.contains("there is no connection to fetch it"), "{words}");
}

fn name_of(running: &Running, uid: u32) -> crate::mail::id::MessageRef {
    let listing = running.engine.messages(&Filter::default()).unwrap();
    listing.messages.into_iter().find(|m| m.id.uid == uid).unwrap().id
}

fn eventually(mut is_so: impl FnMut() -> bool) {
    let until = std::time::Instant::now() + PATIENCE;
    while !is_so() {
        assert!(std::time::Instant::now() < until, "it did not come to pass");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn what_cannot_be_fetched_or_read_costs_its_own_row() {
    let world = World::new();
    let running = world.open();
    let mut lost = fetched(2, Vec::new());
    lost.body = Body::Unfetchable("its answer cannot be read".into());
    let hostile = fetched(3, b"\0\xff\xfe: \r\n\r\n--\r\n\x1b]52;c;x\x07".to_vec());
    running.feed(7, vec![hostile, lost, fetched(1, eml(1, "whole", "", "x"))]);
    let subjects = running.subjects();
    assert_eq!(subjects.len(), 3);
    assert_eq!(subjects[2], "whole");
    assert!(subjects[1].contains("could not be fetched"), "{}", subjects[1]);
    // The worker is not told to fetch it again and again.
    let held = running.engine.block_on(async { running.sink().held("INBOX").await }).unwrap().unwrap().unwrap();
    assert_eq!(held.uids, UidSet::from(1..=3));
    assert!(held.lacking.is_empty());
}

#[test]
fn flags_change_at_once_survive_and_stand_until_the_server_was_told() {
    let world = World::new();
    let first = world.open();
    first.feed(7, vec![fetched(1, eml(1, "weir", "", "x"))]);
    let name = first.engine.messages(&Filter::default()).unwrap().messages[0].id.clone();
    first.engine.submit(Effect::ChangeFlags(vec![name.clone()], FlagChange::Seen(true)));
    assert_eq!(first.engine.messages(&Filter::default()).unwrap().messages[0].flags, ["\\Seen"]);
    first.engine.close();
    let second = world.open();
    let row = || second.engine.thread_rows_first().messages[0].clone();
    assert!(row().seen && row().pending);
    // The server still says otherwise: what the user wants stays until it was told.
    let sink = second.sink();
    let inbox = at("INBOX", 7);
    let flagged = Flags::new(Flags::FLAGGED, Vec::new());
    second
        .engine
        .block_on(async {
            sink.begin(&inbox, false).await.unwrap();
            sink.flags(&inbox, vec![(1, flagged)]).await.unwrap();
        })
        .unwrap();
    second.engine.core.flush_back();
    assert!(row().seen && row().flagged);
}

impl Engine {
    fn thread_rows_first(&self) -> crate::app::view::ThreadView {
        let rows = self.threads(&Scope::All).unwrap();
        self.thread(rows[0].id).unwrap().unwrap()
    }
}

#[test]
fn a_kept_draft_is_offered_behind_the_word_that_the_profile_is_open() {
    let world = World::new();
    let running = world.open();
    running.engine.submit(Effect::KeepDraft(Box::new(Draft { body: "By the weir.".into(), ..Draft::default() })));
    running.event(|event| match event {
        Event::DraftKept(_, kept) => kept.is_ok().then_some(()),
        _ => None,
    });
    running.engine.submit(Effect::Lock);
    running.event(|event| matches!(event, Event::Locked).then_some(()));
    running.engine.submit(Effect::Unlock(Passphrase(PASSPHRASE.into())));
    // A screen that is locked takes in nothing.
    let mut is_open = false;
    let (behind, draft) = running.event(|event| match event {
        Event::Unlocked(answer) => {
            answer.unwrap();
            is_open = true;
            None
        }
        Event::DraftFound(draft) => Some((is_open, draft)),
        _ => None,
    });
    assert!(behind && draft.body == "By the weir." && draft.key.is_some(), "{behind} {draft:?}");
    // What somebody else sends has nothing to do with it.
    let eml =
        b"From: b.quill@quillpounce.example\r\nTo: h.lintwhite@copfs.gov.example\r\nSubject: otter\r\n\r\nText.\r\n";
    running.engine.send_raw(eml, None, Said::Nothing, false).unwrap();
    let kept = || running.engine.core.ask_stores(|_, open| open.stores.state.kept_draft()).unwrap().unwrap();
    assert_eq!(kept(), Some(*draft.clone()));
    // Sent from the composer, it is no draft any more.
    let to = vec![address("", "h.lintwhite@copfs.gov.example")];
    let whole = Draft { to, subject: "otter".into(), ..*draft };
    running.engine.submit(Effect::KeepDraft(Box::new(whole.clone())));
    let review = running.review(whole);
    running.confirm(review.token).unwrap();
    running.engine.core.ask_stores(|_, open| open.scribe.flushed()).unwrap().recv().unwrap();
    assert_eq!(kept(), None);
}

#[test]
fn locked_means_nothing_is_readable_until_the_passphrase_is_right() {
    let world = World::new();
    let running = world.open();
    running.feed(7, vec![fetched(1, eml(1, "weir", "", "x"))]);
    running.engine.submit(Effect::Lock);
    running.event(|event| matches!(event, Event::Locked).then_some(()));
    assert!(matches!(running.engine.cases(), Err(EngineError::Locked)));
    let unlock = |passphrase: &str| {
        running.engine.submit(Effect::Unlock(Passphrase(passphrase.into())));
        running.event(|event| match event {
            Event::Unlocked(answer) => Some(answer),
            _ => None,
        })
    };
    let refused = unlock("wrong").unwrap_err();
    assert_eq!((refused.tone, refused.text.as_str()), (Tone::Alarm, "the passphrase is wrong"));
    unlock(PASSPHRASE).unwrap();
    running.engine.wait_loaded().unwrap();
    assert_eq!(running.subjects(), ["weir"]);
    // That it is open is no reason to show it to whoever types anything.
    assert!(unlock("wrong").is_err());
    unlock(PASSPHRASE).unwrap();
    // Locked and opened again in one breath, while something still holds the stores: first it is said to be locked, then what came of the passphrase.
    let holding = running.engine.core.ask_stores(|_, open| Arc::clone(&open.stores)).unwrap();
    running.engine.submit(Effect::Lock);
    running.engine.submit(Effect::Unlock(Passphrase(PASSPHRASE.into())));
    let told = running.event(|event| match event {
        Event::Locked => Some(None),
        Event::Unlocked(answer) => Some(Some(answer)),
        _ => None,
    });
    assert!(told.is_none(), "{told:?}");
    drop(holding);
    // Whether that one still found them held depends on who was quicker.
    running.event(|event| matches!(event, Event::Unlocked(_)).then_some(()));
    unlock(PASSPHRASE).unwrap();
}

fn draft(protection: Protection) -> Draft {
    Draft {
        to: vec![address("Harriet Lintwhite", "h.lintwhite@copfs.gov.example")],
        subject: "99ZX0012326 plea".into(),
        body: "Please find the offer below.".into(),
        protection,
        ..Draft::default()
    }
}

impl Running {
    fn review(&self, draft: Draft) -> Arc<crate::app::view::Review> {
        self.engine.submit(Effect::Review(Box::new(draft)));
        self.event(|event| match event {
            Event::Reviewed(review) => Some(review.unwrap()),
            _ => None,
        })
    }

    fn confirm(&self, token: u64) -> Result<(), String> {
        self.engine.submit(Effect::Confirm(token, Said::Nothing));
        self.event(|event| match event {
            Event::Queued(_, answer) => Some(answer.map(|_| ()).map_err(|words| words.text.to_string())),
            _ => None,
        })
    }
}

#[test]
fn what_was_reviewed_is_in_the_outbox_once_and_can_be_taken_back() {
    let world = World::new();
    let running = world.open();
    running.feed(7, vec![fetched(1, eml(1, "weir", "", "x"))]);
    let answered = running.engine.messages(&Filter::default()).unwrap().messages[0].id.clone();
    let review = running.review(Draft { answers: Some(answered), ..draft(Protection::WhenPossible) });
    assert_eq!(review.protection.tone, Tone::Plain);
    assert!(review.findings.iter().all(|finding| finding.tone == Tone::Plain), "{:?}", review.findings);
    assert!(running.engine.outbox().unwrap().is_empty());
    running.confirm(review.token).unwrap();
    // A token is good for one message.
    assert!(running.confirm(review.token).is_err());
    let rows = running.engine.outbox().unwrap();
    assert_eq!((rows.len(), rows[0].state, rows[0].attempts), (1, "held", 0));
    assert_eq!(rows[0].to, ["h.lintwhite@copfs.gov.example"]);
    let seen = running.engine.messages(&Filter::default()).unwrap();
    assert_eq!(seen.messages[0].flags, ["\\Answered"]);
    running.engine.close();
    let again = world.open();
    assert_eq!(again.engine.outbox().unwrap(), rows);
    let taken = again.engine.cancel(rows[0].id).unwrap();
    assert!(again.engine.outbox().unwrap().is_empty());
    // The text is not lost: it is a draft.
    let draft = again
        .engine
        .core
        .ask_open(move |_, open| open.stores.state.drafts().unwrap().0.into_iter().find(|kept| kept.id == taken.draft))
        .unwrap()
        .unwrap()
        .draft;
    assert_eq!((draft.to[0].addr.as_str(), draft.answers.is_some()), ("h.lintwhite@copfs.gov.example", true));
    assert!(!draft.body.is_empty());
    assert!(again.engine.cancel(OutboxId(99)).is_err());
}

/// A write that failed in the midst of a try leaves a row that says that it is being sent.
#[test]
fn rows_that_nobody_is_at_any_more_are_taken_up_while_the_program_runs() {
    let world = World::new();
    let running = world.open();
    let left = |past_the_dot: bool| {
        let claimed = running.engine.core.ask_open(move |_, open| {
            let envelope = SmtpEnvelope {
                reverse_path: "b.quill@quillpounce.example".into(),
                forward_paths: vec!["h.lintwhite@copfs.gov.example".into()],
            };
            let row = OutboxEntry::new("work", "1@quillpounce.example", envelope, core_now());
            let id = open.stores.state.queue(row, b"Subject: x\r\n\r\nx\r\n").unwrap();
            open.stores.state.claim(id).unwrap().unwrap();
            if past_the_dot {
                let doubt = |row: &mut OutboxEntry| row.set_all(Delivery::Waiting, Delivery::InDoubt);
                open.stores.state.update_outbox(id, doubt).unwrap();
            }
            id
        });
        claimed.unwrap()
    };
    let (before, after) = (left(false), left(true));
    running.engine.core.ask_open(|core, open| super::outbox::start(core, open)).unwrap();
    loop {
        if let Event::Outbox(_) = running.events.recv_timeout(PATIENCE).unwrap() {
            let rows = running.engine.outbox().unwrap();
            let state = |id| rows.iter().find(|row| row.id == id).unwrap().state;
            // Nobody listens there: it was tried again, and is put off.
            if (state(before), state(after)) == ("deferred", "uncertain") {
                break;
            }
        }
    }
}

fn core_now() -> Timestamp {
    "2026-05-11T09:00:00Z".parse().unwrap()
}

#[test]
fn the_policy_refuses_or_warns_in_words() {
    let world = World::new();
    let running = world.open();
    let check = |draft: Draft, tone: Tone, words: &str| {
        let review = running.review(draft);
        let found = review.findings.iter().any(|f| f.tone == tone && f.text.as_str().contains(words));
        assert!(found, "{words}: {:?}", review.findings);
        assert_eq!(running.confirm(review.token).is_err(), tone == Tone::Alarm, "{words}");
    };
    let plain = || draft(Protection::None);
    check(draft(Protection::Required), Tone::Alarm, "h.lintwhite@copfs.gov.example: no key here");
    check(Draft { to: Vec::new(), ..plain() }, Tone::Alarm, "nobody");
    check(Draft { to: vec![address("", "not an address")], ..plain() }, Tone::Alarm, "To:");
    check(Draft { from: address("", "someone@else.example"), ..plain() }, Tone::Alarm, "no address of the account");
    check(Draft { subject: " ".into(), ..plain() }, Tone::Warning, "no subject");
    check(Draft { body: "> quoted\n".into(), ..plain() }, Tone::Warning, "no text");
    let spoken = running.review(Draft { body: "See attached.".into(), ..plain() });
    let told = |review: &Review| review.findings.iter().any(|f| f.text.as_str().contains("speaks of an attachment"));
    assert!(told(&spoken) && spoken.assent == crate::app::view::Assent::Yes, "{:?}", spoken.findings);
    assert!(running.confirm(spoken.token).is_err(), "it wants a yes");
    let many = (0..9).map(|n| address("", &format!("a{n}@cps.gov.uk"))).collect();
    check(Draft { to: many, subject: "lunch".into(), ..plain() }, Tone::Warning, "9 people");
    let mixed = vec![address("", "a@cps.gov.uk"), address("", "barnaby.ferret@mailbox.example")];
    check(Draft { to: mixed.clone(), ..plain() }, Tone::Alarm, "open internet");
    check(Draft { to: mixed, subject: "lunch".into(), ..plain() }, Tone::Warning, "open internet");
}

#[test]
fn a_draft_file_is_checked_by_a_dry_run_and_queued_without_one() {
    let world = World::new();
    let running = world.open();
    let eml =
        b"From: b.quill@quillpounce.example\r\nTo: h.lintwhite@copfs.gov.example\r\nBcc: clerk@quillpounce.example\r\n\
                Subject: 99ZX0012326\r\n\r\nAgreed.\r\n";
    let report = running.engine.send_raw(eml, None, Said::Nothing, true).unwrap();
    assert!(report.queued.is_empty() && !report.refused, "{report:?}");
    assert!(running.engine.outbox().unwrap().is_empty());
    let report = running.engine.send_raw(eml, Some("work"), Said::Nothing, false).unwrap();
    assert_eq!(report.queued.len(), 1);
    let row = running.engine.outbox().unwrap().remove(0);
    assert_eq!(row.to, ["h.lintwhite@copfs.gov.example", "clerk@quillpounce.example"]);
    assert!(matches!(running.engine.send_raw(eml, Some("none"), Said::Nothing, false), Err(EngineError::NoAccount(_))));
}

#[test]
fn a_row_that_was_being_sent_when_the_process_died_is_told_apart() {
    let world = World::new();
    let running = world.open();
    let queue = |draft| {
        let review = running.review(draft);
        running.confirm(review.token).unwrap();
    };
    queue(draft(Protection::None));
    queue(draft(Protection::None));
    let ids: Vec<OutboxId> = running.engine.outbox().unwrap().iter().map(|row| row.id).collect();
    let (certain, doubtful) = (ids[0], ids[1]);
    running
        .engine
        .core
        .ask_open(move |_, open| {
            use crate::store::outbox::Delivery;
            for id in [certain, doubtful] {
                open.stores.state.claim(id).unwrap().unwrap();
            }
            let doubt = |entry: &mut crate::store::outbox::OutboxEntry| {
                entry.set_all(Delivery::Waiting, Delivery::InDoubt);
            };
            open.stores.state.update_outbox(doubtful, doubt).unwrap();
        })
        .unwrap();
    running.engine.close();
    let again = world.open();
    let state = |id| again.engine.outbox().unwrap().into_iter().find(|row| row.id == id).unwrap().state;
    assert_eq!(state(doubtful), "uncertain");
    // Certainly not sent: it is tried again, and the server is not there.
    again.engine.settle(&[certain], PATIENCE).unwrap();
    assert_eq!(state(certain), "deferred");
    // Never again by itself, not even when asked to retry.
    again.engine.retry(doubtful).unwrap();
    assert_eq!(state(doubtful), "uncertain");
    again.engine.resolve(doubtful, super::query::Resolution::SendAgain).unwrap();
    again.engine.settle(&[doubtful], PATIENCE).unwrap();
    assert_eq!(state(doubtful), "deferred");
}

#[test]
fn keys_are_made_decided_about_and_given_out() {
    let world = World::new();
    let running = world.open();
    let (own, revocation) = running.engine.keys().generate("Beatrice Quill", "b.quill@quillpounce.example").unwrap();
    assert!(own.has_secret && revocation.contains("BEGIN PGP"));
    let other = crate::pgp::generate::generate("H. Lintwhite", "h.lintwhite@copfs.gov.example", own.created).unwrap();
    let read =
        |acceptance| running.engine.keys().import(&other.cert, None, acceptance, "file", false).unwrap().remove(0).info;
    let info = read(crate::pgp::report::Acceptance::Undecided);
    let refused = running.review(draft(Protection::Required));
    assert!(refused.findings.iter().any(|f| f.text.as_str().contains("not accepted")), "{:?}", refused.findings);
    let accepted = crate::pgp::report::Acceptance::Accepted;
    running.engine.keys().decide(&info.fingerprint, accepted, "by telephone").unwrap();
    // Read again: what was decided stays.
    assert_eq!(read(crate::pgp::report::Acceptance::Undecided).acceptance, accepted);
    assert!(running.engine.keys().export("b.quill@quillpounce.example").unwrap().contains("PUBLIC KEY"));
    let mut blind = draft(Protection::Required);
    blind.bcc = vec![address("", "b.quill@quillpounce.example")];
    let review = running.review(blind);
    assert_eq!(review.protection.tone, Tone::Good, "{:?}", review.findings);
    running.confirm(review.token).unwrap();
    // A sealed copy of its own for each blind recipient.
    let rows = running.engine.outbox().unwrap();
    assert_eq!(rows.len(), 2);
    assert!(rows.iter().all(|row| row.to.len() == 1) && rows[0].message_id != rows[1].message_id);
    running.engine.close();
    assert!(world.open().engine.keys().infos().unwrap().iter().any(|key| key.has_secret));
}

#[test]
fn a_decision_never_grows_by_itself() {
    use crate::pgp::report::Acceptance::{Accepted, Rejected, Undecided, Verified};
    let world = World::new();
    let running = world.open();
    let keys = running.engine.keys();
    let now = running.engine.now();
    let key = crate::pgp::generate::generate("H. Lintwhite", "h.lintwhite@copfs.gov.example", now).unwrap();
    let fingerprint = key.info.fingerprint.clone();
    let more = crate::pgp::lifecycle::add_address(&key.secret, None, "b.quill@quillpounce.example", now).unwrap();
    let take = |bytes: &[u8]| keys.import(bytes, None, Undecided, "file", false).unwrap().remove(0);
    assert!(take(&key.cert).is_new);
    keys.decide(&fingerprint, Verified, "read over the telephone").unwrap();
    // The same again: nothing changes.
    assert_eq!((take(&key.cert).info.acceptance, take(&key.cert).told.len()), (Verified, 0));
    let back = take(&more.cert);
    assert_eq!(back.info.acceptance, Undecided);
    assert!(back.told[0].contains("it now names b.quill@quillpounce.example too"), "{:?}", back.told);
    let listed = keys.list().unwrap();
    let history: Vec<_> = listed[0].decisions.iter().map(|one| (one.acceptance, one.by.as_str())).collect();
    assert_eq!(history, [(Verified, "b.quill@quillpounce.example"), (Undecided, "casemail")]);
    // A rejection is not taken back by anything but a decision.
    keys.decide(&fingerprint, Rejected, "not hers").unwrap();
    keys.import(&more.cert, None, Accepted, "file", false).unwrap();
    assert_eq!(keys.infos().unwrap()[0].acceptance, Rejected);
    // Another key for an address with an accepted one: not used, and told.
    keys.decide(&fingerprint, Accepted, "").unwrap();
    let other = crate::pgp::generate::generate("H. Lintwhite", "h.lintwhite@copfs.gov.example", now).unwrap();
    let other = take(&other.cert);
    assert!(
        other.info.acceptance == Undecided && other.told[0].contains("Nothing links it to the old key"),
        "{other:?}"
    );
    let next = crate::pgp::lifecycle::succeed(&key.secret, None, now).unwrap();
    let next = take(&next.cert);
    assert!(next.info.acceptance == Undecided && next.told[0].contains("The old key vouches for it"), "{next:?}");
    // A revocation wins, and is told.
    let revoked = crate::pgp::certificate::revoke(&key.cert, key.revocation.as_bytes()).unwrap();
    assert!(take(&revoked).told[0].contains("revoked"));
    assert!(take(&key.cert).info.revoked, "a copy without the revocation takes nothing back");
}

#[test]
fn a_cache_that_breaks_in_use_is_made_anew_while_the_user_goes_on() {
    let world = World::new();
    let running = world.open();
    let messages = || vec![fetched(1, eml(1, "99ZX0012326 plea", "", "The weir papers."))];
    running.feed(7, messages());
    assert_eq!(running.subjects(), ["99ZX0012326 plea"]);
    let number = running
        .engine
        .core
        .ask_open(|_, open| {
            open.stores.state.put("kept", b"value").unwrap();
            open.number
        })
        .unwrap();
    running.engine.core.ask(move |core| core.rebuild_cache(number)).unwrap();
    let words = running.event(|event| match event {
        Event::Notice(notice) if notice.text.as_str().contains("made anew") => Some(notice.text.as_str().to_owned()),
        _ => None,
    });
    assert!(words.contains("cache.corrupt-20260511T090000Z"), "{words}");
    running.engine.wait_loaded().unwrap();
    let kept = running.engine.core.ask_open(|_, open| open.stores.state.value("kept").unwrap()).unwrap();
    assert_eq!(kept.as_deref(), Some(b"value".as_slice()));
    running.feed(7, messages());
    assert_eq!(running.subjects(), ["99ZX0012326 plea"]);
    // A late word about the cache of before changes nothing.
    running.engine.core.ask(move |core| core.rebuild_cache(number)).unwrap();
    assert_eq!(running.subjects(), ["99ZX0012326 plea"]);
}

/// Somebody holds on to the old cache, and the user does something: neither locks anybody out, and nothing that was done is lost.
#[test]
fn what_is_done_while_the_cache_is_made_anew_is_done_then() {
    let world = World::new();
    let running = world.open();
    running.feed(7, vec![fetched(1, eml(1, "99ZX0012326 plea", "", "The weir papers."))]);
    let held = running.engine.core.ask_open(|_, open| Arc::clone(&open.stores)).unwrap();
    let began = std::time::Instant::now();
    running
        .engine
        .core
        .ask(|core| {
            let number = core.open.as_ref().unwrap().number;
            // Comes while the old one is being closed.
            core.handle.front(|core| core.perform(Effect::ListConnections));
            core.rebuild_cache(number);
        })
        .unwrap();
    let took = began.elapsed();
    running.event(|event| match event {
        Event::Connections(_) => Some(()),
        Event::Locked => panic!("it locked itself"),
        _ => None,
    });
    eprintln!("made anew in {took:?}, with somebody holding on");
    assert_eq!(held.state.value("nothing").unwrap(), None);
    running.engine.wait_loaded().unwrap();
    assert!(running.subjects().is_empty());
}

#[test]
fn bodies_let_go_of_leave_their_rows_and_are_not_fetched_by_themselves() {
    let world = World::new();
    let running = world.open();
    running.feed(
        7,
        (1..=20)
            .map(|uid| fetched(uid, eml(uid, &format!("number {uid}"), "", &"The weir papers. ".repeat(200))))
            .collect(),
    );
    let dry = super::Purge { mailboxes: vec!["work/INBOX".into()], dry_run: true, ..super::Purge::default() };
    let told = running.engine.purge_cache(&dry).unwrap();
    assert_eq!((told.messages, told.bytes_after), (20, told.bytes_before));
    let purged = running.engine.purge_cache(&super::Purge { dry_run: false, ..dry.clone() }).unwrap();
    assert_eq!(purged.messages, 20);
    assert!(purged.bytes_after < purged.bytes_before, "{purged:?}");
    assert_eq!(running.subjects().len(), 20);
    let sink = running.sink();
    let held = running.engine.block_on(async { sink.held("INBOX").await.unwrap().unwrap() }).unwrap();
    assert_eq!((held.uids.iter().count(), held.lacking.iter().count()), (20, 0));
    let error = running.engine.purge_cache(&super::Purge { mailboxes: vec!["nowhere".into()], ..dry }).unwrap_err();
    assert!(error.to_string().contains("nowhere"), "{error}");
    let young = super::Purge { before: Some("2026-05-01T00:00:00Z".parse().unwrap()), ..super::Purge::default() };
    assert_eq!(running.engine.purge_cache(&young).unwrap().messages, 0);
    // What its server does not list may be nowhere else.
    running.feed(7, vec![fetched(21, eml(21, "number 21", "", "The last copy."))]);
    running.engine.block_on(async { sink.unlisted("INBOX", "and refuses to tell of it").await.unwrap() }).unwrap();
    let all = super::Purge { mailboxes: vec!["work/INBOX".into()], ..super::Purge::default() };
    assert_eq!(running.engine.purge_cache(&all).unwrap().messages, 0);
}
