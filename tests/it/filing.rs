//! The copy in the mailbox for sent mail: once, whoever files it, in whatever mailbox, and however often the server says no.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use casemail::config::{Config, SentCopy};
use casemail::demo::authority::Authority;
use casemail::engine::clock::Clock;
use casemail::engine::{Engine, Network, Opening};
use casemail::store::profile::{Profile, Roots};
use casemail::store::vault::{Cost, Vault};
use jiff::{SignedDuration, Timestamp};

use crate::engine::{Screen, World, draft, eventually};
use crate::support::dovecot::PASSWORD;
use crate::support::scripted_imap::{Act, Asked, Inbox, ScriptedImap};
use crate::support::submission::Submission;

#[test]
fn a_mailbox_of_the_users_own_that_nobody_made_is_made_and_filed_to_once() {
    let Some(mut world) = World::start() else { return };
    const NAME: &str = "Weir/Copies of sent mail";
    world.config.accounts[0].sent_mailbox = Some(NAME.into());
    let screen = world.screen();
    screen.watching();
    for (number, subject) in ["the first", "the second"].into_iter().enumerate() {
        screen.send(draft(subject));
        eventually(|| {
            let row = screen.engine.outbox().unwrap().remove(0);
            assert!(!row.reply.contains("could not be filed"), "{row:?}");
            (row.state == "sent").then_some(())
        });
        assert_eq!(world.count(NAME), number + 1);
    }
    assert_eq!(world.count("Sent"), 0);
    let subscribed = world.dovecot.doveadm(&["mailbox", "list", "-s", "-u", "quill"], b"");
    assert!(subscribed.lines().any(|name| name == NAME), "{subscribed}");
}

#[test]
fn a_server_that_is_said_to_file_is_waited_for() {
    let Some(mut world) = World::start() else { return };
    world.config.accounts[0].sent_copy = SentCopy::Server;
    let screen = world.screen();
    screen.watching();
    screen.send(draft("the server's"));
    let row = screen.row("sent-not-filed");
    // Only what it did itself counts.
    let taken = world.submission.wait_for(1);
    world.dovecot.deliver("quill", "Sent", &taken[0].raw);
    assert_eq!(screen.row("sent").id, row.id);
    assert_eq!(world.count("Sent"), 1);
}

/// A server as Exchange Online is: files what is submitted by itself (the test does), and its search finds nothing of it.
struct Online {
    server: ScriptedImap,
    appended: Arc<AtomicUsize>,
    /// APPEND is refused for want of room.
    is_full: Arc<AtomicBool>,
    submission: Submission,
    dir: tempfile::TempDir,
    /// How far the clock was set forwards, in seconds; both hands go with it.
    ahead: Arc<AtomicU64>,
    _runtime: tokio::runtime::Runtime,
}

impl Online {
    fn start() -> Option<Self> {
        let submission = Submission::start_with(&Authority::new("filing").unwrap(), &[("quill", PASSWORD)], None)?;
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let (appended, is_full) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (counted, full) = (Arc::clone(&appended), Arc::clone(&is_full));
        let greeting =
            "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] The Microsoft Exchange IMAP4 service is ready.\r\n";
        let server = runtime.block_on(ScriptedImap::start(greeting, Inbox::of(3), None, move |asked: &Asked<'_>| {
            let say = |text: String| Some(Act::Say(text.into_bytes()));
            match asked.command.split(' ').next().unwrap_or_default() {
                "LIST" => say(format!(
                    "* LIST (\\HasNoChildren) \"/\" INBOX\r\n* LIST (\\HasNoChildren) \"/\" \"Sent Items\"\r\n{} OK LIST completed.\r\n",
                    asked.tag
                )),
                "APPEND" => {
                    counted.fetch_add(1, SeqCst);
                    full.load(SeqCst).then(|| Act::Say(format!("{} NO [OVERQUOTA] no room\r\n", asked.tag).into_bytes()))
                }
                _ => None,
            }
        }));
        let dir = tempfile::tempdir().unwrap();
        let pem = [std::fs::read(server.ca_file()).unwrap(), std::fs::read(submission.ca_file()).unwrap()].concat();
        std::fs::write(dir.path().join("ca.pem"), pem).unwrap();
        let roots = Roots::below(&dir.path().join("home"));
        drop(Profile::open(roots.clone()).unwrap());
        Vault::create_with(&roots.vault_file(), b"otter", Cost::TEST).unwrap();
        Some(Self { server, appended, is_full, submission, dir, ahead: Arc::default(), _runtime: runtime })
    }

    fn screen(&self, clock: Clock) -> Screen {
        let account = crate::engine::account(&self.server.endpoint(), &self.submission.starttls());
        let account =
            casemail::config::Account { ca_file: Some(self.dir.path().join("ca.pem")), sent_mailbox: None, ..account };
        let config = Config { accounts: vec![account], undo_send_seconds: 0, ..Config::default() };
        let profile = Profile::open(Roots::below(&self.dir.path().join("home"))).unwrap();
        let vault = Vault::open_with(&profile.roots().vault_file(), b"otter", Cost::TEST).unwrap();
        let (tx, events) = std::sync::mpsc::sync_channel(8);
        let opening = Opening {
            events: Some(tx),
            network: Network::Watch,
            clock,
            vault_floor: Cost::TEST,
            ..Opening::new(profile, config, Some(vault))
        };
        let screen = Screen { engine: Engine::open(opening).unwrap(), events };
        screen.watching();
        screen
    }

    /// A clock that runs, and is set forwards by the test.
    fn clock(&self) -> Clock {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        let (first, second) = (Arc::clone(&self.ahead), Arc::clone(&self.ahead));
        let now = move || Timestamp::now() + SignedDuration::from_secs(i64::try_from(first.load(SeqCst)).unwrap());
        Clock::from_fns(now, move || START.elapsed() + Duration::from_secs(second.load(SeqCst)))
    }

    /// The server puts the nth message that it was given into the mailbox.
    fn files(&self, number: usize) {
        let taken = self.submission.wait_for(number);
        let raw = String::from_utf8(taken[number - 1].raw.clone()).unwrap();
        let mut inbox = self.server.inbox.lock().unwrap();
        let uid = inbox.uid_next;
        inbox.messages.push((uid, raw));
        inbox.uid_next += 1;
    }

    fn appended(&self) -> usize {
        self.appended.load(SeqCst)
    }
}

#[test]
fn a_server_that_was_seen_to_file_is_given_time_and_what_it_does_not_file_is_filed() {
    let Some(online) = Online::start() else { return };
    let screen = online.screen(online.clock());
    // Nobody knows this server: a copy is made at once, and then the server's own comes.
    screen.send(draft("the first"));
    screen.row("sent");
    assert_eq!(online.appended(), 1);
    online.files(1);
    online.files(1);
    let copies = |subject: &str| {
        let listed = screen.engine.messages(&casemail::engine::query::Filter::default()).unwrap().messages;
        listed.iter().filter(|one| one.subject == subject && one.id.mailbox == "Sent Items").count()
    };
    screen.engine.submit(casemail::app::effect::Effect::SyncNow);
    eventually(|| (copies("the first") == 2).then_some(()));
    // From then on it is given time: its copy comes, no search finds it, and it is the only one.
    screen.send(draft("the second"));
    let row = screen.row("sent-not-filed");
    online.files(2);
    assert_eq!(screen.row("sent").id, row.id);
    assert_eq!((copies("the second"), online.appended()), (1, 1));
    // One that never comes is made, and not before.
    screen.send(draft("the third"));
    let row = screen.row("sent-not-filed");
    online.ahead.store(500, SeqCst);
    screen.engine.retry(row.id).unwrap();
    screen.row("sent-not-filed");
    assert_eq!(online.appended(), 1);
    online.ahead.store(700, SeqCst);
    screen.engine.retry(row.id).unwrap();
    assert_eq!(screen.row("sent").id, row.id);
    assert_eq!(online.appended(), 2);
}

#[test]
fn a_full_mailbox_is_asked_less_and_less_often() {
    let Some(online) = Online::start() else { return };
    online.is_full.store(true, SeqCst);
    // It stands still: what is waited for is what was written down.
    let now: Timestamp = "2026-05-21T13:30:00Z".parse().unwrap();
    let screen = online.screen(Clock::from_fns(move || now, || Duration::from_secs(100)));
    screen.send(draft("no room"));
    let row = screen.row("sent-not-filed");
    for refusals in 1..=4 {
        // 30 seconds after the first, and twice as long after each further one; half of it by chance.
        let row = eventually(|| {
            let row = screen.engine.outbox().unwrap().remove(0);
            let wait = row.next_attempt?.duration_since(now).as_secs();
            let most = 30 << (online.appended() - 1);
            (online.appended() >= refusals && (most / 2..=most).contains(&wait)).then_some(row)
        });
        assert!(row.reply.contains("no room") && row.reply.contains("less and less often"), "{}", row.reply);
        screen.engine.retry(row.id).unwrap();
    }
    online.is_full.store(false, SeqCst);
    screen.engine.retry(row.id).unwrap();
    let row = screen.row("sent");
    // Why it was not filed before is over.
    assert_eq!((row.next_attempt, row.reply.as_str()), (None, "Sent."));
}
