//! A bad line between the program and its servers: cut at any byte, slow, far, swallowing everything. The sync comes to its end and asks for
//! nothing twice that was stored, the screen answers keys meanwhile, and a message goes out once or is said to be uncertain.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

use casemail::imap::{Link, spawn};

use crate::imap::account;
use crate::support::dovecot::Dovecot;
use crate::support::home::CASEMAIL;
use crate::support::line::Line;
use crate::support::memory::Memory;
use crate::walkthrough::{LINTWHITE, World, eventually, plain, show};

const LIMIT: Duration = Duration::from_secs(120);

fn text(n: usize) -> String {
    format!("The weir is deep, and lantern {n} is out.\r\n").repeat(60)
}

/// Whole messages in the order in which they came: none may come twice.
fn twice(sink: &Memory) -> usize {
    sink.look(|state| {
        let inbox = &state.mailboxes["INBOX"];
        inbox.whole_order.len() - inbox.whole()
    })
}

#[tokio::test]
async fn cut_again_and_again_the_sync_ends_and_fetches_nothing_twice() {
    const MESSAGES: usize = 400;
    let Some(server) = Dovecot::start() else { return };
    let mails: Vec<Vec<u8>> = (0..MESSAGES).map(|n| plain(&n.to_string(), "99ZX0012326 bundle", &text(n))).collect();
    let bytes: usize = mails.iter().map(Vec::len).sum();
    server.fill("quill", "INBOX", mails.into_iter());
    let line = Line::to(&server.tls());
    let mut setup = account(line.via(&server.tls()), &server.ca_file());
    setup.times.retry_first = Duration::from_millis(20);
    setup.times.retry_ceiling = Duration::from_millis(100);
    let sink = Arc::new(Memory::default());
    // At other bytes each time, by nobody's plan; the least is behind the login.
    let mut at = 12_000;
    line.weather().cut_down.store(at, SeqCst);
    let _handle = spawn(setup, Arc::clone(&sink));
    let mut cuts = 0;
    sink.until_within(LIMIT, "all of it", |state| {
        if line.weather().cuts.load(SeqCst) > cuts {
            cuts = line.weather().cuts.load(SeqCst);
            at = 12_000 + (at * 7_919 + 104_729) % 90_000;
            line.weather().cut_down.store(at, SeqCst);
        }
        state.mailboxes.get("INBOX").is_some_and(|inbox| inbox.whole() == MESSAGES)
    })
    .await;
    let (down, connections) = (line.weather().down.load(SeqCst), line.weather().connections.load(SeqCst));
    eprintln!(
        "{bytes} bytes of mail through {cuts} cuts on {connections} connections: {down} bytes, {:.2} times the mail",
        down as f64 / bytes as f64
    );
    assert_eq!(twice(&sink), 0);
    // Beyond the mail: handshakes, logins, and of each cut the record of TLS and the message in whose midst it came.
    assert!(down < bytes as u64 + connections as u64 * 32_000, "{down} bytes on {connections} connections");
}

#[tokio::test]
async fn a_line_that_swallows_everything_is_noticed_and_left() {
    let Some(server) = Dovecot::start() else { return };
    server.fill("quill", "INBOX", (0..300).map(|n| plain(&n.to_string(), "bundle", &text(n))));
    let line = Line::to(&server.tls());
    let mut setup = account(line.via(&server.tls()), &server.ca_file());
    setup.times.silence = Duration::from_secs(2);
    setup.times.login = Duration::from_secs(2);
    setup.times.connect.handshake = Duration::from_secs(2);
    setup.times.retry_first = Duration::from_millis(100);
    setup.times.retry_ceiling = Duration::from_millis(500);
    line.weather().rate.store(400_000, SeqCst);
    let sink = Arc::new(Memory::default());
    let handle = spawn(setup, Arc::clone(&sink));
    sink.until_within(LIMIT, "the first page", |state| {
        state.mailboxes.get("INBOX").is_some_and(|inbox| inbox.messages.len() >= 100)
    })
    .await;
    line.weather().hole.store(true, SeqCst);
    sink.until_within(LIMIT, "the silence noticed", |state| matches!(state.link(), Some(Link::Waiting { .. }))).await;
    let why = sink.look(|state| format!("{:?}", state.link()));
    eprintln!("{why}");
    line.mend();
    handle.sync_now();
    sink.until_within(LIMIT, "the rest", |state| {
        state.mailboxes["INBOX"].whole() == 300 && state.link() == Some(&Link::Online { live: true })
    })
    .await;
    assert_eq!(twice(&sink), 0);
}

/// What is pressed, group by group: moving in a long list, opening and closing, filtering, help; 540 keys in all.
const KEYS: &str = "move 200 j|page 60 \\x1b[6~ \\x1b[5~|open 80 \\r q|filter 120 / b u n d \\x1b|help 80 ? q";

/// The terminal interface in a pty, its keys timed. `None` where Python is not installed.
fn keys(world: &World, pause_ms: u32) -> Option<serde_json::Value> {
    let python = std::path::Path::new("/usr/bin/python3");
    if !python.exists() {
        assert_ne!(std::env::var("CASEMAIL_TESTS").as_deref(), Ok("all"), "python3 is not installed");
        eprintln!("left out: no python3");
        return None;
    }
    let script = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/support/keys.py");
    let output = Command::new(python)
        .arg(script)
        .args(["Cases", "g a", KEYS, &pause_ms.to_string(), "--", CASEMAIL, "--home"])
        .arg(world.home.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

/// More than a list of 400 of which keys are pressed; and as much again that the line has yet to bring.
fn one_more_bundle(world: &World, round: usize) {
    // Of another size each round: files are named by it, and none may take the place of another.
    let text = |n: usize| format!("{}{}\r\n", text(n), "x".repeat(7 * round));
    let numbers = (round * 400..(round + 1) * 400).map(|n| plain(&n.to_string(), &format!("bundle {n}"), &text(n)));
    world.dovecot.fill("quill", "INBOX", numbers);
}

/// Every key is answered while the line is as bad as it can be: the proxy holds it still, delays, throttles, cuts. How long that takes is
/// printed; what is asserted is that the frame comes though nothing comes from the network.
#[test]
fn on_a_bad_line_every_key_is_answered() {
    let Some(world) = World::start() else { return };
    one_more_bundle(&world, 0);
    let line = Line::to(&world.dovecot.tls());
    let smtp = world.submission.tls();
    world.home.configure(&world.home.config(&line.via(&world.dovecot.tls()), &smtp, &world.dovecot.ca_file(), ""));
    world.home.done(&["sync"], b"");
    let mut fair = None;
    eprintln!("key to frame, ms {:<40} p50 / p99 of all, slow/fair", "");
    for (round, weather) in
        ["fair", "held still", "600 ms", "64 kbit/s", "64 kbit/s and 600 ms", "cut"].iter().enumerate()
    {
        // There is always something to be fetched meanwhile.
        one_more_bundle(&world, round + 1);
        let before = line.weather().down.load(SeqCst);
        let over = Arc::new(std::sync::atomic::AtomicBool::new(false));
        match *weather {
            "held still" => line.weather().hole.store(true, SeqCst),
            "600 ms" => line.weather().delay_ms.store(600, SeqCst),
            "64 kbit/s" => line.weather().rate.store(8_000, SeqCst),
            "64 kbit/s and 600 ms" => {
                line.weather().rate.store(8_000, SeqCst);
                line.weather().delay_ms.store(600, SeqCst);
            }
            _ => {}
        }
        let told = std::thread::scope(|scope| {
            let (line, done) = (&line, Arc::clone(&over));
            scope.spawn(move || {
                while *weather == "cut" && !done.load(SeqCst) {
                    line.cut();
                    std::thread::sleep(Duration::from_millis(200));
                }
            });
            let told = keys(&world, 10);
            over.store(true, SeqCst);
            told
        });
        let Some(told) = told else { return };
        let came = line.weather().down.load(SeqCst) - before;
        line.mend();
        let group = |name: &str| format!("{name} {}/{}", told[name]["p50_ms"], told[name]["p99_ms"]);
        let groups: Vec<String> =
            ["move", "page", "open", "filter", "help", "all"].iter().map(|name| group(name)).collect();
        let number = |field: &str| told["all"][field].as_f64().unwrap();
        let (p50, p99) = (number("p50_ms"), number("p99_ms"));
        let (fair_p50, fair_p99) = *fair.get_or_insert((p50, p99));
        eprintln!(
            "{weather:<21} {}; p50 x{:.2}, p99 x{:.2}; {} without a frame; {came} bytes came",
            groups.join(", "),
            p50 / fair_p50,
            p99 / fair_p99,
            told["all"]["lost"]
        );
        assert!(told["all"]["keys"].as_u64().unwrap() >= 500, "{weather}: {told}");
        match *weather {
            // All of these frames came with nothing from the network.
            "held still" => assert_eq!((came, &told["all"]["lost"]), (0, &serde_json::json!(0)), "{told}"),
            _ => assert!(came > 0, "{weather}: nothing was asked of the line"),
        }
    }
    world.home.done(&["sync"], b"");
    assert_eq!(world.home.json(&["message", "list", "--mailbox", "INBOX"])["total"], 2_800);
}

#[test]
fn away_and_back_by_a_key() {
    let Some(world) = World::start() else { return };
    let line = Line::to(&world.dovecot.tls());
    let config =
        world.home.config(&line.via(&world.dovecot.tls()), &world.submission.tls(), &world.dovecot.ca_file(), "");
    world.home.configure(&config);
    world.dovecot.deliver("quill", "INBOX", &plain("1", "99ZX0012326 disclosure", "The first bundle."));
    let Some(tmux) = world.home.screen((100, 30)) else { return };
    tmux.wait_for("up to date, watching");
    tmux.send_keys(&["O"]);
    show("offline", &tmux.wait_until("offline", |screen| screen.contains("offline")));
    world.dovecot.deliver("quill", "INBOX", &plain("2", "77XY0045626 listing", "Before the weir."));
    line.cut();
    let connections = line.weather().connections.load(SeqCst);
    tmux.send_keys(&["O"]);
    tmux.wait_for("77XY0045626");
    tmux.wait_for("up to date, watching");
    assert!(line.weather().connections.load(SeqCst) > connections);
    // A line that goes and comes without anybody's wish.
    line.cut();
    world.dovecot.deliver("quill", "INBOX", &plain("3", "55WV0078926 citation", "At the lock."));
    tmux.wait_for("55WV0078926");
    tmux.send_keys(&["C-q"]);
    assert_eq!(tmux.wait_for_end(), 0);
}

/// Sends a message over a line that is cut after so many bytes; mended, the row comes to rest: its state, and how often it was taken.
fn send_through_a_cut(world: &World, line: &Line, (up, down): (u64, u64)) -> (String, usize) {
    line.weather().cut_up.store(up, SeqCst);
    line.weather().cut_down.store(down, SeqCst);
    let began = Instant::now();
    let subject = format!("99ZX0012326 answer {up} {down}");
    let draft = format!("To: {LINTWHITE}\r\nSubject: {subject}\r\n\r\n{}", text(1));
    let ran = world.home.run(&["send", "-"], draft.as_bytes());
    assert!(matches!(ran.code, 0 | 75 | 69), "cut at {up}/{down}: {ran:?}");
    assert!(!ran.err.contains("rustls"), "{ran:?}");
    line.mend();
    let state = eventually(|| {
        let list = world.home.json(&["outbox", "list"]);
        let row = list["entries"].as_array().unwrap().iter().find(|row| row["subject"] == subject.as_str())?.clone();
        let state = row["state"].as_str().unwrap();
        if ["sent", "uncertain", "failed"].contains(&state) {
            return Some(state.to_owned());
        }
        world.home.run(&["outbox", "retry", &row["id"].to_string()], b"");
        None
    });
    let wanted = format!("Subject: {subject}\r\n");
    let is_it = |raw: &[u8]| String::from_utf8_lossy(raw).contains(&wanted);
    let times = world.submission.taken().iter().filter(|taken| is_it(&taken.raw)).count();
    eprintln!(
        "cut after {up} bytes up, {down} down: code {}, then {state}, {times} times taken, {:?}",
        ran.code,
        began.elapsed()
    );
    (state, times)
}

#[test]
fn a_send_cut_at_any_byte_arrives_once_or_is_uncertain() {
    let Some(world) = World::start() else { return };
    let line = Line::to(&world.submission.tls());
    let endpoint = line.via(&world.submission.tls());
    world.home.configure(&world.home.config(&world.dovecot.tls(), &endpoint, &world.dovecot.ca_file(), ""));
    // Before anything was said the message is sent all the same.
    for early in [(200, 0), (1_000, 0), (0, 300), (0, 1_000)] {
        assert_eq!(send_through_a_cut(&world, &line, early), ("sent".to_owned(), 1));
    }
    // From the end of the handshake to the server's last word.
    let ups = (0..4).map(|n| (1_500 + 900 * n, 0));
    let downs = (0..4).map(|n| (0, 1_300 + 350 * n));
    for late in ups.chain(downs) {
        let (state, times) = send_through_a_cut(&world, &line, late);
        let right = if state == "uncertain" { times <= 1 } else { state == "sent" && times == 1 };
        assert!(right, "{late:?}: {state}, {times} times");
    }
}
