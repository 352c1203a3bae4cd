//! A password that a server refuses is replaced while the program runs: by the command that prints it, or by the person who types it. The one that
//! was refused is not sent again by itself.

use std::collections::HashMap;
use std::path::Path;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use casemail::app::effect::{Effect, Passphrase};
use casemail::app::event::Event;
use casemail::app::view::Link;
use casemail::config::{self, Account, Config, PasswordSource};
use casemail::engine::{Engine, Network, Opening};
use casemail::store::profile::{Profile, Roots};
use casemail::store::vault::{Cost, Vault};
use zeroize::Zeroizing;

use crate::engine::{PATIENCE, QUILL, address, endpoint};
use crate::support::scripted_imap::{Act, GREETING, Inbox, ScriptedImap};

/// What opens the profile.
const PASSPHRASE: &str = "otter weir lantern";

/// As SASL PLAIN says a password of quill.
fn plain(password: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(format!("\0quill\0{password}"))
}

/// A server that takes one password, and an engine with one account on it.
struct World {
    engine: Engine,
    events: Receiver<Event>,
    dir: tempfile::TempDir,
    /// What was said at each AUTHENTICATE.
    logins: Arc<Mutex<Vec<String>>>,
    _runtime: tokio::runtime::Runtime,
}

impl World {
    fn start(taken: &'static str, source: impl FnOnce(&Path) -> PasswordSource, typed: Option<&str>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let logins = Arc::<Mutex<Vec<String>>>::default();
        let heard = Arc::clone(&logins);
        let server = runtime.block_on(ScriptedImap::start(GREETING, Inbox::of(3), None, move |asked| {
            let said = asked.command.strip_prefix("AUTHENTICATE PLAIN ")?;
            heard.lock().unwrap().push(said.to_owned());
            let no =
                || Act::Say(format!("{} NO [AUTHENTICATIONFAILED] Invalid credentials\r\n", asked.tag).into_bytes());
            (said != plain(taken)).then(no)
        }));
        let dir = tempfile::tempdir().unwrap();
        let account = Account {
            name: "work".into(),
            address: address(QUILL),
            full_name: "Beatrice Quill".into(),
            also: Vec::new(),
            imap: endpoint(&server.endpoint(), "quill"),
            smtp: endpoint(&server.endpoint(), "quill"),
            ca_file: Some(dir.path().join("ca.pem")),
            password: source(dir.path()),
            sent_mailbox: None,
            sent_copy: config::SentCopy::default(),
            client_certificate: None,
            skip: Vec::new(),
            compress: false,
        };
        std::fs::copy(server.ca_file(), dir.path().join("ca.pem")).unwrap();
        let config = Config { accounts: vec![account], ..Config::default() };
        let roots = Roots::below(&dir.path().join("home"));
        let profile = Profile::open(roots.clone()).unwrap();
        let vault = Vault::create_with(&roots.vault_file(), PASSPHRASE.as_bytes(), Cost::TEST).unwrap();
        let (tx, events) = sync_channel(64);
        let opening = Opening::new(profile, config, Some(vault));
        let passwords: HashMap<String, Zeroizing<String>> =
            typed.map(|typed| ("work".to_owned(), Zeroizing::new(typed.to_owned()))).into_iter().collect();
        let network = Network::WhenAsked;
        let opening = Opening { vault_floor: Cost::TEST, events: Some(tx), network, passwords, ..opening };
        let engine = Engine::open(opening).unwrap();
        Self { engine, events, dir, logins, _runtime: runtime }
    }

    fn event<T>(&self, what: &str, mut wanted: impl FnMut(&Event) -> Option<T>) -> T {
        let until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let event = self.events.recv_timeout(left).unwrap_or_else(|_| panic!("{what}: it did not come"));
            if let Some(found) = wanted(&event) {
                return found;
            }
        }
    }

    fn watching(&self) {
        self.event("connected", |event| {
            matches!(event, Event::Account(one) if matches!(one.link, Link::Watching { .. })).then_some(())
        });
    }

    /// Waits until the account stands still; whether it is tried again by itself.
    fn offline(&self, words: &str) -> bool {
        self.event(words, |event| match event {
            Event::Account(one) => match &one.link {
                Link::Offline { because, retry, .. } if because.as_str().contains(words) => Some(retry.is_some()),
                _ => None,
            },
            _ => None,
        })
    }

    fn retry(&self) {
        self.engine.submit(Effect::SyncAccount("work".to_owned()));
    }

    /// How often this password was said.
    fn said(&self, password: &str) -> usize {
        let logins = self.logins.lock().unwrap();
        logins.iter().filter(|said| **said == plain(password)).count()
    }
}

fn printed(dir: &Path) -> PasswordSource {
    PasswordSource::Command(vec!["cat".into(), dir.join("password").display().to_string()])
}

#[test]
fn a_command_is_asked_again_after_a_refusal() {
    let world = World::start("gnome", printed, None);
    std::fs::write(world.dir.path().join("password"), "otter\n").unwrap();
    world.engine.submit(Effect::SyncNow);
    assert!(!world.offline("Invalid credentials"), "a refused password is not sent again by itself");
    assert_eq!(world.said("otter"), 1);
    std::fs::write(world.dir.path().join("password"), "gnome\n").unwrap();
    world.retry();
    world.watching();
    assert_eq!(world.said("otter"), 1);
    world.engine.close();
}

#[test]
fn a_command_that_runs_again_and_again_sends_what_was_refused_once() {
    let world = World::start("gnome", printed, None);
    let write = |password: &str| std::fs::write(world.dir.path().join("password"), format!("{password}\n")).unwrap();
    let sync = || world.engine.sync_once(None, &[]).map(drop).map_err(|error| error.to_string());
    write("otter");
    assert!(sync().unwrap_err().contains("Invalid credentials"));
    for _ in 0..3 {
        let again = sync().unwrap_err();
        assert!(again.contains("Invalid credentials") && again.contains("casemail sync --force"), "{again}");
    }
    assert_eq!(world.said("otter"), 1);
    world.engine.forget_refusals(Some("work")).unwrap();
    sync().unwrap_err();
    sync().unwrap_err();
    assert_eq!(world.said("otter"), 2);
    // Who logs in on the screen has lifted it.
    write("gnome");
    world.retry();
    world.watching();
    write("otter");
    sync().unwrap_err();
    sync().unwrap_err();
    assert_eq!(world.said("otter"), 3);
    write("gnome");
    sync().unwrap();
    // One was taken: what was refused before is a new question.
    write("otter");
    sync().unwrap_err();
    assert_eq!(world.said("otter"), 4);
    world.engine.close();
}

#[test]
fn a_start_that_failed_is_made_again_by_itself() {
    let world = World::start("gnome", printed, None);
    world.engine.submit(Effect::SyncNow);
    assert!(world.offline("password command"), "it is tried again");
    std::fs::write(world.dir.path().join("password"), "gnome\n").unwrap();
    world.watching();
    world.engine.close();
    // What the configuration names is missing.
    let world = World::start("gnome", printed, None);
    std::fs::write(world.dir.path().join("password"), "gnome\n").unwrap();
    let (here, away) = (world.dir.path().join("ca.pem"), world.dir.path().join("ca.away"));
    std::fs::rename(&here, &away).unwrap();
    world.engine.submit(Effect::SyncNow);
    assert!(world.offline("ca.pem"), "it is tried again");
    std::fs::rename(&away, &here).unwrap();
    world.watching();
    world.engine.close();
}

#[test]
fn a_password_that_was_typed_wrong_is_typed_anew() {
    let asked = |world: &World| {
        world.event("asked", |event| match event {
            Event::AskPassword { account, .. } if account == "work" => Some(()),
            _ => None,
        });
    };
    let types = |world: &World, text: &str| {
        world.engine.submit(Effect::Password("work".to_owned(), Passphrase(text.to_owned())));
    };
    for typed in [Some("otter"), None] {
        let world = World::start("gnome", |_| PasswordSource::Prompt, typed);
        world.engine.submit(Effect::SyncNow);
        assert!(!world.offline(if typed.is_some() { "Invalid credentials" } else { "typed in" }));
        // The refused one is not sent again.
        world.retry();
        asked(&world);
        // The passphrase of the profile goes to no server.
        types(&world, PASSPHRASE);
        world.event("kept", |event| {
            matches!(event, Event::Notice(said) if said.text.as_str().contains("not sent")).then_some(())
        });
        types(&world, "gnome");
        world.watching();
        assert_eq!((world.said("otter"), world.said(PASSPHRASE)), (usize::from(typed.is_some()), 0));
        world.engine.close();
    }
}
