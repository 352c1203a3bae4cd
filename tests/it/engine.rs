//! The engine against a private Dovecot, a real submission server and GnuPG: sync, IDLE, answers, the outbox, lines that break.

use std::collections::HashMap;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use casemail::app::effect::{Effect, FlagChange, Said};
use casemail::app::event::Event;
use casemail::app::view::{Link, MessageView, Scope, Tone};
use casemail::config::{self, Account, Config, PasswordSource};
use casemail::demo::authority::Authority;
use casemail::engine::query::Filter;
use casemail::engine::{Engine, Network, Opening};
use casemail::mail::address::Address;
use casemail::mail::draft::{Draft, Protection};
use casemail::mail::id::OutboxId;
use casemail::net;
use casemail::pgp::report::{Acceptance, SignatureState};
use casemail::store::profile::{Profile, Roots};
use casemail::store::vault::{Cost, Vault};

use crate::support::dovecot::{Dovecot, Options, PASSWORD};
use crate::support::submission::{Answer, Delivery, Script, Scripted, Submission};

pub(crate) const PATIENCE: Duration = Duration::from_secs(40);
pub(crate) const QUILL: &str = "quill@quillpounce.example";
pub(crate) const LINTWHITE: &str = "lintwhite@copfs.gov.example";

/// Servers, a home, and a configuration that fits them.
pub(crate) struct World {
    pub(crate) dovecot: Dovecot,
    pub(crate) submission: Submission,
    pub(crate) dir: tempfile::TempDir,
    pub(crate) config: Config,
}

pub(crate) fn endpoint(server: &net::Endpoint, user: &str) -> config::Endpoint {
    let security = match server.security {
        net::Security::Tls => config::Security::Tls,
        net::Security::StartTls => config::Security::StartTls,
    };
    config::Endpoint {
        host: server.host.clone(),
        port: server.port,
        security,
        user: user.to_owned(),
        auth: config::Auth::Auto,
    }
}

pub(crate) fn address(addr: &str) -> Address {
    Address { name: String::new(), addr: addr.to_owned() }
}

/// Quill's account on these servers.
pub(crate) fn account(imap: &net::Endpoint, smtp: &net::Endpoint) -> Account {
    Account {
        name: "work".into(),
        address: address(QUILL),
        full_name: "Beatrice Quill".into(),
        also: Vec::new(),
        imap: endpoint(imap, "quill"),
        smtp: endpoint(smtp, "quill"),
        ca_file: None,
        password: PasswordSource::Command(vec!["printf".into(), "%s".into(), PASSWORD.into()]),
        sent_mailbox: Some("Sent".into()),
        sent_copy: config::SentCopy::default(),
        client_certificate: None,
        skip: Vec::new(),
        compress: false,
    }
}

impl World {
    pub(crate) fn start() -> Option<Self> {
        let authority = Authority::new("casemail tests").unwrap();
        let dovecot = Dovecot::start_with(&authority, &Options::default())?;
        let delivery = Delivery { lmtp_port: dovecot.lmtp_port(), local_parts: &["quill", "lintwhite"] };
        let submission = Submission::start_with(&authority, &[("quill", PASSWORD)], Some(&delivery))?;
        dovecot.create("quill", "Sent");
        let dir = tempfile::tempdir().unwrap();
        let mut account = account(&dovecot.tls(), &submission.starttls());
        account.ca_file = Some(dovecot.ca_file());
        let config = Config { accounts: vec![account], undo_send_seconds: 0, ..Config::default() };
        let roots = Roots::below(&dir.path().join("home"));
        drop(Profile::open(roots.clone()).unwrap());
        Vault::create_with(&roots.vault_file(), b"otter weir lantern", Cost::TEST).unwrap();
        Some(Self { dovecot, submission, dir, config })
    }

    fn roots(&self) -> Roots {
        Roots::below(&self.dir.path().join("home"))
    }

    pub(crate) fn opening(&self) -> Opening {
        let profile = Profile::open(self.roots()).unwrap();
        let vault = Vault::open_with(&profile.roots().vault_file(), b"otter weir lantern", Cost::TEST).unwrap();
        Opening { vault_floor: Cost::TEST, ..Opening::new(profile, self.config.clone(), Some(vault)) }
    }

    /// As a command opens it.
    pub(crate) fn command(&self) -> Engine {
        Engine::open(self.opening()).unwrap()
    }

    /// As the screen opens it.
    pub(crate) fn screen(&self) -> Screen {
        let (tx, events) = sync_channel(8);
        let engine = Engine::open(Opening { events: Some(tx), network: Network::Watch, ..self.opening() }).unwrap();
        Screen { engine, events }
    }

    /// The flags that the server has.
    fn server_flags(&self, mailbox: &str) -> String {
        self.dovecot.doveadm(&["fetch", "-u", "quill", "flags", "mailbox", mailbox, "all"], b"")
    }

    pub(crate) fn count(&self, mailbox: &str) -> usize {
        let out = self.dovecot.doveadm(&["search", "-u", "quill", "mailbox", mailbox, "all"], b"");
        out.lines().count()
    }
}

pub(crate) struct Screen {
    pub(crate) engine: Engine,
    pub(crate) events: Receiver<Event>,
}

impl Screen {
    pub(crate) fn event<T>(&self, mut wanted: impl FnMut(Event) -> Option<T>) -> T {
        let until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let event = self.events.recv_timeout(left).expect("the event did not come");
            if let Some(found) = wanted(event) {
                return found;
            }
        }
    }

    pub(crate) fn watching(&self) {
        self.event(|event| match event {
            Event::Account(status) if matches!(status.link, Link::Watching { .. }) => Some(()),
            _ => None,
        });
    }

    fn open(&self, subject: &str) -> MessageView {
        let listing = self.engine.messages(&Filter::default()).unwrap();
        let found = listing.messages.iter().find(|m| m.subject == subject && m.id.mailbox == "INBOX").unwrap();
        self.engine.submit(Effect::OpenMessage(found.id.clone()));
        self.event(|event| match event {
            Event::Message(_, view) => Some(view.unwrap()),
            _ => None,
        })
        .as_ref()
        .clone()
    }

    pub(crate) fn send(&self, draft: Draft) {
        self.engine.submit(Effect::Review(Box::new(draft)));
        let review = self.event(|event| match event {
            Event::Reviewed(review) => Some(review.unwrap()),
            _ => None,
        });
        assert!(review.findings.iter().all(|f| f.tone < Tone::Alarm), "{:?}", review.findings);
        self.engine.submit(Effect::Confirm(review.token, Said::Nothing));
        self.event(|event| match event {
            Event::Queued(_, answer) => Some(answer.unwrap()),
            _ => None,
        });
    }

    /// Waits until the newest row of the outbox is in this state.
    pub(crate) fn row(&self, state: &str) -> casemail::engine::query::OutboxListed {
        eventually(|| {
            let row = self.engine.outbox().unwrap().into_iter().next()?;
            (row.state == state).then_some(row)
        })
    }
}

/// What becomes so in time.
#[track_caller]
pub(crate) fn eventually<T>(mut wanted: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = wanted() {
            return found;
        }
        assert!(Instant::now() < until, "it did not come about");
        std::thread::sleep(Duration::from_millis(20));
    }
}

pub(crate) fn eml(id: &str, subject: &str, more: &str, text: &str) -> Vec<u8> {
    format!(
        "From: Harriet Lintwhite <{LINTWHITE}>\r\nTo: Beatrice Quill <{QUILL}>\r\nMessage-ID: <{id}@copfs.gov.example>\r\n\
         Date: {}\r\nSubject: {subject}\r\n{more}MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n",
        jiff::Zoned::now().strftime("%a, %d %b %Y %H:%M:%S %z")
    )
    .into_bytes()
}

pub(crate) fn draft(subject: &str) -> Draft {
    Draft {
        to: vec![address(LINTWHITE)],
        subject: subject.into(),
        body: "The offer stands until Monday.".into(),
        protection: Protection::None,
        ..Draft::default()
    }
}

#[test]
fn first_sync_then_nothing_then_a_lost_cache() {
    let Some(world) = World::start() else { return };
    let messages = (0..600_u32).map(|n| {
        let urn = format!("99ZX00{:03}26", n % 40);
        let more =
            if n % 3 == 0 { String::new() } else { format!("References: <{}@copfs.gov.example>\r\n", n / 3 * 3) };
        eml(&n.to_string(), &format!("Papers {urn}"), &more, "The weir.")
    });
    world.dovecot.fill("quill", "INBOX", messages);
    let engine = world.command();
    let stats = engine.sync_once(None, &[]).unwrap();
    let inbox = stats.iter().find(|s| s.name == "INBOX").unwrap();
    assert_eq!((inbox.account.as_str(), inbox.new), ("work", 600));
    let listing = engine.messages(&Filter::default()).unwrap();
    assert_eq!(listing.total, 600);
    assert!(listing.messages.iter().all(|m| m.here && m.cases.len() == 1));
    let cases = engine.cases().unwrap();
    assert_eq!((cases.len(), cases[0].messages, cases[0].unread), (40, 15, 15));
    let threads = engine.threads(&Scope::All).unwrap();
    assert_eq!(threads.iter().map(|t| t.messages).sum::<usize>(), 600);
    let again = engine.sync_once(None, &["INBOX".to_owned()]).unwrap();
    assert_eq!((again.len(), again[0].new, again[0].changed, again[0].vanished), (1, 0, 0, 0));
    let before: Vec<_> = listing.messages.iter().map(|m| (m.id.clone(), m.thread, m.cases.clone())).collect();
    let of = |engine: &Engine| -> Vec<_> {
        let messages = engine.messages(&Filter::default()).unwrap().messages;
        messages.iter().map(|m| (m.id.clone(), m.thread, m.cases.clone())).collect()
    };
    engine.close();
    // Made as the messages came, kept at the end, made from the cache: always the same list.
    let engine = world.command();
    assert_eq!(of(&engine), before);
    engine.close();
    std::fs::remove_file(world.roots().cache.join("list")).unwrap();
    let engine = world.command();
    assert_eq!(of(&engine), before);
    engine.close();
    std::fs::remove_dir_all(world.roots().cache).unwrap();
    let engine = world.command();
    assert_eq!(engine.messages(&Filter::default()).unwrap().total, 0);
    engine.sync_once(None, &[]).unwrap();
    assert_eq!(of(&engine), before);
}

#[test]
fn new_mail_shows_within_two_seconds_and_flags_go_both_ways() {
    let Some(world) = World::start() else { return };
    let screen = world.screen();
    screen.watching();
    // IDLE is entered after the pass: the first delivery may be found by it.
    world.dovecot.deliver("quill", "INBOX", &eml("1", "first", "", "x"));
    eventually(|| (screen.engine.messages(&Filter::default()).unwrap().total == 1).then_some(()));
    world.dovecot.deliver("quill", "INBOX", &eml("2", "second", "", "x"));
    let delivered = Instant::now();
    eventually(|| (screen.engine.messages(&Filter::default()).unwrap().total == 2).then_some(()));
    eprintln!("delivered to here: {:?}", delivered.elapsed());
    let view = screen.open("second");
    screen.engine.submit(Effect::ChangeFlags(vec![view.id.clone()], FlagChange::Seen(true)));
    eventually(|| world.server_flags("INBOX").contains("\\Seen").then_some(()));
    world.dovecot.doveadm(&["flags", "add", "-u", "quill", "\\Flagged", "mailbox", "INBOX", "all"], b"");
    eventually(|| {
        let rows = screen.engine.messages(&Filter::default()).unwrap().messages;
        rows.iter().all(|m| m.flags.iter().any(|f| f == "\\Flagged")).then_some(())
    });
    screen.engine.close();
}

/// Its text is shown when its beginning is here; then all of it is, in the cache too. What is signed is not judged by half.
#[test]
fn a_large_message_shows_its_text_first() {
    let Some(world) = World::start() else { return };
    let attached = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVowMTIzNDU2Nzg5\r\n".repeat(120_000);
    let large = |id: &str, subject: &str, kind: &str| {
        let head = format!("MIME-Version: 1.0\r\nContent-Type: {kind}; boundary=weir\r\n\r\n");
        format!(
            "From: Harriet Lintwhite <{LINTWHITE}>\r\nTo: Beatrice Quill <{QUILL}>\r\nMessage-ID: <{id}@copfs.gov.example>\r\n\
             Date: Fri, 17 Jul 2026 10:00:00 +0100\r\nSubject: {subject}\r\n{head}--weir\r\nContent-Type: text/plain\r\n\r\n\
             The papers.\r\n--weir\r\nContent-Type: application/pdf; name=p.pdf\r\nContent-Transfer-Encoding: base64\r\n\
             Content-Disposition: attachment; filename=p.pdf\r\n\r\n{attached}--weir--\r\n"
        )
        .into_bytes()
    };
    world.dovecot.fill(
        "quill",
        "INBOX",
        [large("1", "plain", "multipart/mixed"), large("2", "sealed", "multipart/signed")].into_iter(),
    );
    let screen = world.screen();
    screen.watching();
    eventually(|| (screen.engine.messages(&Filter::default()).unwrap().total == 2).then_some(()));
    let early = screen.open("plain");
    assert!(early.text.iter().any(|line| line.as_str().contains("The papers.")));
    assert!(
        early.attachments.is_empty() && early.sentences.iter().any(|s| s.text.as_str().contains("Only the beginning"))
    );
    let whole = screen.event(|event| match event {
        Event::Message(_, view) => Some(view.unwrap()),
        _ => None,
    });
    assert_eq!(whole.attachments.len(), 1);
    assert!(!whole.sentences.iter().any(|s| s.text.as_str().contains("Only the beginning")));
    // It is here now: one answer, and whole.
    assert_eq!(screen.open("plain").attachments.len(), 1);
    let listing = screen.engine.messages(&Filter::default()).unwrap();
    assert!(listing.messages.iter().any(|m| m.subject == "plain" && m.here));
    let sealed = screen.open("sealed");
    assert!(!sealed.sentences.iter().any(|s| s.text.as_str().contains("Only the beginning")));
    screen.engine.close();
}

#[test]
fn the_cache_serves_when_the_server_is_away_and_says_since_when() {
    let Some(mut world) = World::start() else { return };
    world.dovecot.fill("quill", "INBOX", (0..5).map(|n| eml(&n.to_string(), &format!("m{n}"), "", "Still here.")));
    let engine = world.command();
    engine.sync_once(None, &[]).unwrap();
    engine.close();
    // A port that nobody listens on.
    world.config.accounts[0].imap.port = 1;
    let screen = world.screen();
    assert_eq!(screen.engine.messages(&Filter::default()).unwrap().total, 5);
    assert!(screen.open("m3").text.iter().any(|line| line.as_str().contains("Still here.")));
    let (since, because) = eventually(|| match screen.engine.accounts().unwrap().remove(0).link {
        Link::Offline { since, because, retry: Some(_) } => Some((since, because)),
        _ => None,
    });
    assert!(since.is_some() && !because.is_empty());
}

#[test]
fn a_flag_set_without_a_connection_reaches_the_server_with_the_next_pass() {
    let Some(world) = World::start() else { return };
    world.dovecot.fill("quill", "INBOX", (0..3).map(|n| eml(&n.to_string(), &format!("m{n}"), "", "x")));
    let engine = world.command();
    engine.sync_once(None, &[]).unwrap();
    let name = engine.messages(&Filter::default()).unwrap().messages[0].id.clone();
    engine.submit(Effect::ChangeFlags(vec![name], FlagChange::Flagged(true)));
    engine.close();
    assert!(!world.server_flags("INBOX").contains("\\Flagged"));
    let engine = world.command();
    engine.sync_once(None, &[]).unwrap();
    assert_eq!(world.server_flags("INBOX").matches("\\Flagged").count(), 1);
    let rows = engine.messages(&Filter::default()).unwrap().messages;
    assert_eq!(rows.iter().filter(|m| m.flags.iter().any(|f| f == "\\Flagged")).count(), 1);
}

#[test]
fn the_home_of_the_demo_is_like_any_other() {
    let parent = tempfile::tempdir().unwrap();
    let options =
        casemail::demo::Options { messages: 150, seed: 1, ..casemail::demo::Options::new(parent.path().to_owned()) };
    let demo = casemail::demo::Demo::start(&options).unwrap();
    let (config, _) = casemail::config::files::load(&demo.home().join("config"), None).unwrap();
    let passphrase = std::fs::read(demo.home().join("config/demo.passphrase")).unwrap();
    let profile = Profile::open(Roots::below(demo.home())).unwrap();
    let vault = Vault::open(&profile.roots().vault_file(), &passphrase).unwrap();
    let engine = Engine::open(Opening::new(profile, config, Some(vault))).unwrap();
    let stats = engine.sync_once(None, &[]).unwrap();
    let new: u64 = stats.iter().map(|s| s.new).sum();
    let listing = engine.messages(&Filter::default()).unwrap();
    assert_eq!(listing.total as u64, new);
    assert!(new >= 150, "{new}");
    let opened: Vec<_> = listing.messages.iter().filter(|m| m.openpgp.encrypted && m.openpgp.decrypted).collect();
    let good = opened.iter().filter(|m| m.openpgp.signature == SignatureState::Good).count();
    assert!(!opened.is_empty() && good > 0, "{} opened, {good} good", opened.len());
    assert!(opened.iter().all(|m| m.subject != "[...]"), "the protected subject wins");
    let cases = engine.cases().unwrap();
    assert!(cases.iter().filter(|case| case.messages > 0).count() >= 5, "{cases:?}");
    let document = engine.document(&opened[0].id).unwrap();
    assert!(document.openpgp.decrypted && !document.text.is_empty(), "{document:?}");
    eprintln!("{new} messages, {} sealed and opened, {good} good, {} cases", opened.len(), cases.len());
}

fn gpg(home: &std::path::Path, arguments: &[&str], input: &[u8]) -> (Vec<u8>, String) {
    let mut child = Command::new("gpg")
        .env("GNUPGHOME", home)
        .args(["--batch", "--no-tty", "--pinentry-mode", "loopback", "--passphrase", "", "--trust-model", "always"])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "gpg {arguments:?}: {words}");
    (output.stdout, words)
}

#[test]
fn an_encrypted_conversation_with_gnupg() {
    if Command::new("gpg").arg("--version").output().is_err() {
        assert_ne!(std::env::var("CASEMAIL_TESTS").as_deref(), Ok("all"), "gpg is not installed");
        eprintln!("left out: no gpg");
        return;
    }
    let Some(world) = World::start() else { return };
    let home = tempfile::Builder::new().prefix("gpg").tempdir().unwrap();
    std::fs::set_permissions(home.path(), std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let user_id = format!("Harriet Lintwhite <{LINTWHITE}>");
    gpg(home.path(), &["--quick-gen-key", &user_id, "future-default", "default", "1y"], b"");
    let theirs = gpg(home.path(), &["--export", LINTWHITE], b"").0;
    let screen = world.screen();
    screen.engine.keys().generate("Beatrice Quill", QUILL).unwrap();
    gpg(home.path(), &["--import"], screen.engine.keys().export(QUILL).unwrap().as_bytes());
    let imported = screen.engine.keys().import(&theirs, None, Acceptance::Undecided, "file", false).unwrap();
    screen.engine.keys().decide(&imported[0].info.fingerprint, Acceptance::Verified, "by telephone").unwrap();
    screen.watching();

    // In: PGP/MIME as another program makes it.
    let entity = b"Content-Type: text/plain; charset=utf-8\r\n\r\nGuilty as amended, or not at all: caf\xc3\xa9.\r\n";
    let sealed = gpg(home.path(), &["--armor", "--sign", "--encrypt", "-r", QUILL, "-u", LINTWHITE], entity).0;
    let sealed = String::from_utf8(sealed).unwrap().replace('\n', "\r\n");
    let mail = format!(
        "From: {user_id}\r\nTo: {QUILL}\r\nMessage-ID: <in@copfs.gov.example>\r\nDate: {}\r\nSubject: 99ZX0012326 plea\r\n\
         MIME-Version: 1.0\r\nContent-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=\"b\"\r\n\r\n\
         --b\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n\r\n\
         --b\r\nContent-Type: application/octet-stream\r\n\r\n{sealed}\r\n--b--\r\n",
        jiff::Zoned::now().strftime("%a, %d %b %Y %H:%M:%S %z")
    );
    world.dovecot.deliver("quill", "INBOX", mail.as_bytes());
    eventually(|| (screen.engine.messages(&Filter::default()).unwrap().total == 1).then_some(()));
    let view = screen.open("99ZX0012326 plea");
    assert!(view.text.iter().any(|line| line.as_str().contains("Guilty as amended, or not at all: café.")), "{view:?}");
    assert_eq!(view.openpgp.signature.state, SignatureState::Good, "{:?}", view.openpgp);
    assert_eq!(view.sentences[0].tone, Tone::Good);

    // Out: the answer, which gpg opens and verifies.
    let reply = Draft {
        subject: "Re: 99ZX0012326 plea".into(),
        in_reply_to: vec![view.message_id.clone()],
        references: view.references.clone(),
        answers: Some(view.id.clone()),
        protection: Protection::Required,
        ..draft("")
    };
    screen.send(reply);
    let taken = world.submission.wait_for(1).remove(0);
    let raw = String::from_utf8(taken.raw).unwrap();
    assert!(raw.contains("Subject: [...]") && !raw.contains("99ZX0012326") && !raw.contains("offer"), "{raw}");
    let begin = raw.find("-----BEGIN PGP MESSAGE").unwrap();
    let end = raw.find("-----END PGP MESSAGE-----").unwrap() + "-----END PGP MESSAGE-----".len();
    let (plain, words) = gpg(home.path(), &["--decrypt"], &raw.as_bytes()[begin..end]);
    let plain = String::from_utf8(plain).unwrap();
    assert!(plain.contains("The offer stands until Monday.") && plain.contains("Re: 99ZX0012326 plea"), "{plain}");
    assert!(words.contains("Good signature from"), "{words}");
    screen.row("sent");
    assert_eq!(world.count("Sent"), 1);
    eventually(|| world.server_flags("INBOX").contains("\\Answered").then_some(()));
    // Our own copy is part of the thread, and readable as soon as more than its header has come.
    eventually(|| {
        let rows = screen.engine.threads(&Scope::All).unwrap();
        (rows.len() == 1 && rows[0].messages == 2 && rows[0].subject.as_str() == "99ZX0012326 plea").then_some(())
    });
}

#[test]
fn a_connection_lost_behind_data_is_never_sent_again_by_itself() {
    let Some(mut world) = World::start() else { return };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let scripted = runtime.block_on(Scripted::start(Script { dot: Answer::Drop, ..Script::default() }));
    // One file for both authorities.
    let both = world.dir.path().join("ca.pem");
    let mut pem = std::fs::read(world.dovecot.ca_file()).unwrap();
    pem.extend(std::fs::read(scripted.ca.path()).unwrap());
    std::fs::write(&both, pem).unwrap();
    world.config.accounts[0].ca_file = Some(both);
    world.config.accounts[0].smtp = endpoint(&scripted.endpoint, "quill");
    let screen = world.screen();
    screen.watching();
    screen.send(draft("uncertain"));
    let row = eventually(|| {
        let row = screen.engine.outbox().unwrap().remove(0);
        let looked = row.doubt.as_ref().is_some_and(|doubt| doubt.looked_at.is_some());
        (row.state == "uncertain" && looked).then_some(row)
    });
    let sent = scripted.heard().matches("DATA\r\n").count();
    assert_eq!(sent, 1);
    screen.engine.retry(row.id).unwrap();
    screen.engine.close();
    // The next start does not send it either.
    let screen = world.screen();
    screen.watching();
    assert_eq!(screen.row("uncertain").id, row.id);
    // It turns up in the sent mailbox: that settles it, and it is not filed a second time.
    let copy = eml("x", "copy", "", "x");
    let copy = String::from_utf8(copy).unwrap().replace("x@copfs.gov.example", &row.message_id);
    world.dovecot.deliver("quill", "Sent", copy.as_bytes());
    screen.engine.retry(row.id).unwrap();
    screen.row("sent");
    assert_eq!(world.count("Sent"), 1);
    assert_eq!(scripted.heard().matches("DATA\r\n").count(), 1);
}

#[test]
fn a_command_sends_a_draft_and_waits_for_its_end() {
    let Some(world) = World::start() else { return };
    let engine = world.command();
    let draft = format!("To: {LINTWHITE}\r\nSubject: by a script\r\n\r\nServed.\r\n");
    let report = engine.send_raw(draft.as_bytes(), None, Said::Nothing, false).unwrap();
    let ids: Vec<OutboxId> = report.queued.iter().map(|id| OutboxId(*id)).collect();
    let rows = engine.settle(&ids, PATIENCE).unwrap();
    assert_eq!(rows[0].state, "sent", "{rows:?}");
    assert_eq!(world.submission.taken().len(), 1);
    assert_eq!(world.count("Sent"), 1);
}

/// The part that is killed: syncs and sends until it is.
#[test]
#[ignore = "run by killed_at_any_moment_nothing_is_lost_or_doubled"]
fn killed_child() {
    let Ok(settings) = std::env::var("CASEMAIL_KILLED") else { return };
    let settings: HashMap<String, String> = serde_json::from_str(&settings).unwrap();
    let port = |name: &str| settings[name].parse::<u16>().unwrap();
    let server = |port: u16, security| config::Endpoint {
        host: "localhost".into(),
        port,
        security,
        user: "quill".into(),
        auth: config::Auth::Auto,
    };
    let account = Account {
        name: "work".into(),
        address: address(QUILL),
        full_name: "Beatrice Quill".into(),
        also: Vec::new(),
        imap: server(port("imap"), config::Security::Tls),
        smtp: server(port("smtp"), config::Security::StartTls),
        ca_file: Some(settings["ca"].clone().into()),
        password: PasswordSource::Command(vec!["printf".into(), "%s".into(), PASSWORD.into()]),
        sent_mailbox: Some("Sent".into()),
        sent_copy: config::SentCopy::default(),
        client_certificate: None,
        skip: Vec::new(),
        compress: false,
    };
    let config = Config { accounts: vec![account], undo_send_seconds: 0, ..Config::default() };
    let profile = Profile::open(Roots::below(settings["home"].as_ref())).unwrap();
    let vault = Vault::open_with(&profile.roots().vault_file(), b"otter weir lantern", Cost::TEST).unwrap();
    let opening =
        Opening { vault_floor: Cost::TEST, network: Network::Watch, ..Opening::new(profile, config, Some(vault)) };
    let engine = Engine::open(opening).unwrap();
    let rounds = port("rounds");
    for n in 0..rounds {
        let draft = format!("To: {LINTWHITE}\r\nSubject: kill {n}\r\n\r\nx\r\n");
        let report = engine.send_raw(draft.as_bytes(), None, Said::Nothing, false).unwrap();
        // What is told here was durable before.
        println!("\nqueued {}", report.queued[0]);
        std::io::stdout().flush().unwrap();
    }
    let ids: Vec<OutboxId> = engine.outbox().unwrap().iter().map(|row| row.id).collect();
    engine.settle(&ids, PATIENCE).unwrap();
}

#[test]
fn killed_at_any_moment_nothing_is_lost_or_doubled() {
    let Some(world) = World::start() else { return };
    world.dovecot.fill("quill", "INBOX", (0..400).map(|n| eml(&n.to_string(), &format!("m{n}"), "", "The weir.")));
    let run = |rounds: u32, life: Option<Duration>| -> usize {
        let settings = serde_json::json!({
            "imap": world.dovecot.tls().port.to_string(),
            "smtp": world.submission.starttls().port.to_string(),
            "ca": world.dovecot.ca_file(),
            "home": world.dir.path().join("home"),
            "rounds": rounds.to_string(),
        });
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "engine::killed_child", "--ignored", "--nocapture"])
            .env("CASEMAIL_KILLED", settings.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        if let Some(life) = life {
            std::thread::sleep(life);
            child.kill().unwrap();
        }
        let output = child.wait_with_output().unwrap();
        String::from_utf8_lossy(&output.stdout).lines().filter(|line| line.starts_with("queued ")).count()
    };
    let mut queued = 0;
    for round in 0..8_u64 {
        queued += run(3, Some(Duration::from_millis(120 + round * 130)));
    }
    run(0, None);
    let engine = world.command();
    let rows = engine.outbox().unwrap();
    // A row may have been written and not told of; never the other way round.
    assert!(rows.len() >= queued && queued > 0, "{} rows, {queued} told of", rows.len());
    let mut times: HashMap<String, usize> = HashMap::new();
    for taken in world.submission.taken() {
        let headers = casemail::mail::message::Message::parse(taken.raw);
        *times.entry(headers.headers().message_id().unwrap()).or_default() += 1;
    }
    for row in &rows {
        let sent = times.remove(&row.message_id).unwrap_or(0);
        let expected = match row.state {
            "sent" | "sent-not-filed" => sent == 1,
            "uncertain" => sent <= 1,
            _ => sent == 0,
        };
        assert!(expected, "{row:?} was sent {sent} times");
    }
    assert!(times.is_empty(), "sent without a row: {times:?}");
    let done = rows.iter().filter(|row| row.state == "sent").count();
    eprintln!("{} rows, {done} sent, {} uncertain", rows.len(), rows.iter().filter(|r| r.state == "uncertain").count());
    engine.sync_once(None, &["INBOX".to_owned()]).unwrap();
    let filter = Filter { mailbox: Some("INBOX".into()), ..Filter::default() };
    assert_eq!(engine.messages(&filter).unwrap().total, 400);
}
