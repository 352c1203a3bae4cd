//! The demo's servers and home, seen from outside: by Python's imaplib, by our own submission, by the profile's own rooms.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use casemail::app::view::Scope;
use casemail::demo::{Demo, Options};
use casemail::engine::query::Filter;
use casemail::engine::{Engine, Opening};
use casemail::mail::id::CaseId;
use casemail::mail::message::Message;
use casemail::net::{Endpoint, Secret, Security, tls};
use casemail::pgp::keyring::Keyring;
use casemail::pgp::open::{Decrypt, open};
use casemail::pgp::report::SignatureState;
use casemail::smtp::{Credentials, Disposition, Outcome, SmtpEnvelope, Timeouts, submit};
use casemail::store::profile::{Profile, Roots};
use casemail::store::state::State;
use casemail::store::vault::Vault;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

fn start(messages: usize, seed: u64) -> (Demo, tempfile::TempDir) {
    let parent = tempfile::tempdir().unwrap();
    let options = Options { messages, seed, ..Options::new(parent.path().to_owned()) };
    (Demo::start(&options).unwrap(), parent)
}

/// Runs the Python client; `None`, loudly, without Python.
fn imap(demo: &Demo, what: &str, account: usize) -> Option<Value> {
    if !Path::new("/usr/bin/python3").exists() {
        assert_ne!(std::env::var("CASEMAIL_TESTS").as_deref(), Ok("all"), "python3 is not installed");
        eprintln!("left out: no python3");
        return None;
    }
    let settings = demo.json();
    let account = &settings["accounts"][account];
    let output = Command::new("/usr/bin/python3")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/support/imap_walk.py"))
        .arg(what)
        .arg(settings["imap"]["port"].to_string())
        .arg(settings["ca_file"].as_str().unwrap())
        .arg(account["name"].as_str().unwrap())
        .arg(account["password_file"].as_str().unwrap())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

/// Every message of an account, by mailbox.
fn messages(demo: &Demo, account: usize) -> Option<BTreeMap<String, Vec<Message>>> {
    let dump = imap(demo, "dump", account)?;
    let read = |held: &Value| Message::parse(STANDARD.decode(held["raw"].as_str().unwrap()).unwrap());
    let mailboxes = dump.as_object().unwrap().iter();
    Some(mailboxes.map(|(name, list)| (name.clone(), list.as_array().unwrap().iter().map(read).collect())).collect())
}

/// The key ring that the profile in the home holds.
fn keyring(demo: &Demo) -> Keyring {
    let profile = Profile::open(Roots::below(demo.home())).unwrap();
    let passphrase = std::fs::read(demo.home().join("config/demo.passphrase")).unwrap();
    let vault = Vault::open(&profile.roots().vault_file(), &passphrase).unwrap();
    let state = State::open(&profile.roots().state_file(), &vault).unwrap();
    let mut ring = Keyring::new();
    for cert in state.certs().unwrap() {
        ring.add_cert(&cert.cert, cert.acceptance).unwrap();
    }
    for secret in state.secrets().unwrap() {
        ring.add_secret(&secret.key, None).unwrap();
    }
    ring
}

fn send(demo: &Demo, account: usize, to: &str, raw: &[u8]) -> Outcome {
    let settings = demo.json();
    let port = u16::try_from(settings["smtp"]["port"].as_u64().unwrap()).unwrap();
    let endpoint = Endpoint { host: "localhost".into(), port, security: Security::Tls };
    let config = tls::client_config(Some(Path::new(settings["ca_file"].as_str().unwrap()))).unwrap();
    let account = &settings["accounts"][account];
    let password = std::fs::read_to_string(account["password_file"].as_str().unwrap()).unwrap();
    let credentials = Credentials::password(account["name"].as_str().unwrap(), Secret::new(password));
    let from = account["address"].as_str().unwrap().to_owned();
    let envelope = SmtpEnvelope { reverse_path: from, forward_paths: vec![to.to_owned()] };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(submit(&endpoint, &config, &credentials, &envelope, raw, &Timeouts::default())).outcome
}

#[test]
fn any_imap_client_can_use_it() {
    let (demo, _parent) = start(120, 1);
    let Some(seen) = imap(&demo, "walk", 0) else { return };
    assert!(seen["messages"].as_u64().unwrap() > 20, "{seen}");
}

#[test]
fn the_home_is_private_and_goes_with_the_demo() {
    let (demo, _parent) = start(10, 1);
    let home = demo.home().to_owned();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let mut places = vec![home.clone()];
    let mut files = 0;
    while let Some(place) = places.pop() {
        if place.is_dir() {
            assert_eq!(mode(&place), 0o700, "{}", place.display());
            places.extend(std::fs::read_dir(&place).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            assert_eq!(mode(&place), 0o600, "{}", place.display());
            files += 1;
        }
    }
    assert!(files >= 6, "{files} files");
    let (config, findings) = casemail::config::files::load(&home.join("config"), None).unwrap();
    assert!(findings.is_empty(), "{findings:?}");
    assert_eq!(config.accounts.len(), 2);
    assert_eq!(config.cases.len(), 5);
    drop(demo);
    assert!(!home.exists());
}

#[test]
fn the_same_seed_gives_the_same_mail() {
    let list = |seed| {
        let (demo, _parent) = start(150, seed);
        let mut ids: Vec<String> = Vec::new();
        for account in 0..2 {
            for (mailbox, list) in messages(&demo, account)? {
                ids.extend(list.iter().map(|m| format!("{mailbox} {:?}", m.headers().message_id())));
            }
        }
        Some(ids)
    };
    let Some(first) = list(7) else { return };
    assert_eq!(first.len(), 150);
    assert_eq!(Some(first.clone()), list(7));
    assert_ne!(Some(first), list(8));
}

#[test]
fn sealed_letters_open_with_the_keys_of_the_home() {
    let (demo, _parent) = start(200, 1);
    let ring = keyring(&demo);
    let now = Timestamp::now();
    let mut states: BTreeMap<String, usize> = BTreeMap::new();
    let mut sealed = 0;
    for account in 0..2 {
        let Some(mailboxes) = messages(&demo, account) else { return };
        for message in mailboxes.values().flatten() {
            let opened = open(message, &ring, now, Decrypt::Any);
            let report = opened.report;
            if report.encrypted && report.decrypted {
                sealed += 1;
                assert_eq!(report.signature.state, SignatureState::Good, "{}", opened.shown.headers().subject());
                assert_ne!(opened.shown.headers().subject(), "[...]");
            }
            *states.entry(format!("{:?}", report.signature.state)).or_default() += 1;
        }
    }
    assert!(sealed > 30, "{sealed} sealed, {states:?}");
    for state in ["Good", "Bad", "None", "Undecided"] {
        assert!(states.contains_key(state), "{state}: {states:?}");
    }
}

#[test]
fn what_is_submitted_arrives_as_it_was_and_nothing_leaves_the_machine() {
    let (demo, _parent) = start(10, 1);
    let raw = b"From: b.quill@quillpounce.example.cjsm.net\r\nSubject: dots\r\n\r\n.\r\n..\r\n\r\n.x\r\n";
    let outcome = send(&demo, 0, "i.thistledown@tg-law.example", raw);
    assert_eq!(outcome.disposition(), Disposition::Sent, "{outcome}");
    let Some(mailboxes) = messages(&demo, 1) else { return };
    let newest = mailboxes["INBOX"].last().unwrap();
    assert!(newest.raw().ends_with(raw), "{}", String::from_utf8_lossy(newest.raw()));
    let outcome = send(&demo, 0, "somebody@justice.gov.uk", raw);
    assert!(
        matches!(&outcome, Outcome::RecipientsRefused { refused, .. } if refused[0].reply.code == 550),
        "{outcome}"
    );
}

#[test]
fn the_depute_answers_signed_and_encrypted_and_in_the_thread() {
    let (demo, _parent) = start(10, 1);
    let Some(before) = messages(&demo, 1) else { return };
    let raw =
        b"From: Isla Thistledown <i.thistledown@tg-law.example.cjsm.net>\r\nTo: h.lintwhite@copfs.gov.example\r\n\
        Subject: PF REF ZZ26000417 - Puddock - narration\r\nMessage-ID: <ask-1@tg-law.example.cjsm.net>\r\n\
        Date: Fri, 22 May 2026 10:00:00 +0100\r\n\r\nDear Hamish,\r\n\r\nthe secret of the umbrella\r\n";
    let sent = send(&demo, 1, "h.lintwhite@copfs.gov.example", raw);
    assert_eq!(sent.disposition(), Disposition::Sent, "{sent}");
    let started = Instant::now();
    let answer = loop {
        let now = messages(&demo, 1).unwrap();
        if now["INBOX"].len() > before["INBOX"].len() {
            break now["INBOX"].last().unwrap().clone();
        }
        assert!(started.elapsed() < Duration::from_secs(10), "no answer");
    };
    let opened = open(&answer, &keyring(&demo), Timestamp::now(), Decrypt::Any);
    assert!(opened.report.encrypted && opened.report.decrypted, "{:?}", opened.report);
    assert_eq!(opened.report.signature.state, SignatureState::Good, "{:?}", opened.report);
    let headers = opened.shown.headers();
    assert_eq!(headers.subject(), "Re: PF REF ZZ26000417 - Puddock - narration");
    assert_eq!(headers.in_reply_to(), ["ask-1@tg-law.example.cjsm.net"]);
    assert!(!String::from_utf8_lossy(opened.shown.raw()).contains("umbrella"), "nothing is quoted");
}

/// The engine on the demo's home, as a command would open it.
fn engine(demo: &Demo) -> Engine {
    let (config, _) = casemail::config::files::load(&demo.home().join("config"), None).unwrap();
    let unlock = config.unlock_command.clone().unwrap();
    let passphrase = Command::new(&unlock[0]).args(&unlock[1..]).output().unwrap().stdout;
    let profile = Profile::open(Roots::below(demo.home())).unwrap();
    let vault = Vault::open(&profile.roots().vault_file(), &passphrase).unwrap();
    Engine::open(Opening::new(profile, config, Some(vault))).unwrap()
}

#[test]
fn the_cases_of_the_demo_are_found_in_its_mail() {
    let (demo, _parent) = start(600, 1);
    let engine = engine(&demo);
    let stats = engine.sync_once(None, &[]).unwrap();
    let new: u64 = stats.iter().map(|mailbox| mailbox.new).sum();
    assert_eq!(new, 600, "{stats:?}");
    let cases = engine.cases().unwrap();
    let titles: Vec<&str> = cases.iter().map(|case| case.title.as_str()).collect();
    let five = ["R v FERRET", "R v OTTERBOURNE", "PF v PUDDOCK", "HMA v GANNET & STOAT", "R v WEASEL"];
    for title in five {
        assert!(titles[..14].contains(&title), "{title} is among those with the newest mail: {titles:?}");
    }
    assert_eq!(titles.len(), 45, "{titles:?}");
    for case in &cases {
        assert!(case.title.contains(" v "), "{case:?}");
        assert!(case.messages > 0, "{case:?}");
    }
    assert!(cases.iter().filter(|case| five.contains(&case.title.as_str())).all(|case| case.unread > 0), "{cases:?}");

    let of_case = |id: &str| Filter { scope: Some(Scope::Case(CaseId(id.into()))), ..Filter::default() };
    // Sealed letters are filed by the subject inside; the one outside says nothing.
    let gannet = engine.messages(&of_case("GANNET")).unwrap().messages;
    assert!(gannet.iter().any(|m| m.openpgp.decrypted && m.subject.contains("s76 letter")), "{gannet:?}");
    // Whoever forges his way into a thread is not filed with it, and a look-alike domain is carried openly.
    let ferret = engine.messages(&of_case("FERRET")).unwrap().messages;
    assert!(ferret.iter().all(|m| m.from[0].addr != "x@attacker.example"));
    let unfiled = engine.messages(&Filter { scope: Some(Scope::Unfiled), ..Filter::default() }).unwrap().messages;
    assert!(unfiled.iter().any(|m| m.from[0].addr == "x@attacker.example"), "{unfiled:?}");
    let all = engine.messages(&Filter::default()).unwrap().messages;
    let look_alike = all.iter().find(|m| m.from[0].addr.ends_with("evilgov.example")).unwrap();
    assert_eq!(look_alike.carried, "open");
}

#[test]
fn served_for_scripts_it_is_a_profile_that_works_at_once_and_leaves_nothing() {
    let casemail = env!("CARGO_BIN_EXE_casemail");
    let parent = tempfile::tempdir().unwrap();
    let mut child = Command::new(casemail)
        .args(["demo", "--serve", "--messages", "40", "--seed", "3"])
        .env("XDG_RUNTIME_DIR", parent.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let settings: Value = serde_json::from_str(&line).expect(&line);
    assert_eq!(settings["schema"], "casemail.demo/1");
    let run = |args: &[&str]| -> Value {
        let home = settings["home"].as_str().unwrap();
        let output = Command::new(casemail).args(["--home", home, "--json"]).args(args).stdin(Stdio::null()).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let synced = run(&["sync"]);
    let new: u64 = synced["mailboxes"].as_array().unwrap().iter().map(|m| m["new"].as_u64().unwrap()).sum();
    assert_eq!(new, 40, "{synced}");
    let cases = run(&["case", "list"]);
    let titles: Vec<&str> = cases["cases"].as_array().unwrap().iter().map(|c| c["title"].as_str().unwrap()).collect();
    assert!(titles.contains(&"R v FERRET"), "{titles:?}");
    // A counter goes to the office of the fiscal, whose own counter stands there; a depute accepts it, and that counts.
    let until = Timestamp::now().checked_add(SignedDuration::from_hours(120)).unwrap().to_string();
    let charges = ["--charge", "1: guilty", "--charge", "2: not-guilty-accepted", "--charge", "3: guilty"];
    let counter = ["plea", "counter", "ZZ26000417", "--reply-by", &until, "--shown-by", "attendance note"];
    run(&[&counter[..], &charges].concat());
    let shown = crate::walkthrough::eventually(|| {
        run(&["sync"]);
        Some(run(&["plea", "show", "ZZ26000417"])).filter(|shown| shown["state"] == "agreed")
    });
    let last = shown["acts"].as_array().unwrap().last().unwrap();
    assert_eq!((&last["kind"], &last["counts"]), (&"accept".into(), &true.into()), "{shown}");
    assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    assert!(child.wait().unwrap().success());
    assert_eq!(std::fs::read_dir(parent.path()).unwrap().count(), 0, "the home is gone");
}
