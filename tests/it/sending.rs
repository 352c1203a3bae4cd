//! Commands that wait for mail to leave: as long as it is under way, whatever their patience; broken off, they say what became of it and never
//! promise another try of what a server may have.

use std::path::PathBuf;
use std::process::{Child, Output};
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use casemail::app::effect::Said;
use casemail::engine::Engine;
use casemail::engine::query::OutboxListed;
use casemail::mail::id::OutboxId;
use rustix::process::{Pid, Signal, kill_process};
use tokio::runtime::Runtime;
use tokio::sync::Notify;

use crate::engine::{LINTWHITE, World, endpoint, eventually};
use crate::support::line::Line;
use crate::support::submission::{Answer, Script, Scripted};
use crate::walkthrough;

/// Both authorities in one file.
pub(crate) fn both(place: PathBuf, first: &std::path::Path, scripted: &Scripted) -> PathBuf {
    let pem = [std::fs::read(first).unwrap(), std::fs::read(scripted.ca.path()).unwrap()].concat();
    std::fs::write(&place, pem).unwrap();
    place
}

/// Queues a message of about so many bytes, and waits until a connection is at it.
fn under_way(engine: &Engine, bytes: usize) -> Vec<OutboxId> {
    let text = "The weir is deep, and the lantern is out.\r\n".repeat(bytes / 43 + 1);
    let draft = format!("To: {LINTWHITE}\r\nSubject: slowly\r\n\r\n{text}");
    let report = engine.send_raw(draft.as_bytes(), None, Said::Nothing, false).unwrap();
    engine.connect().unwrap();
    eventually(|| (engine.outbox().unwrap()[0].state == "sending").then_some(()));
    report.queued.into_iter().map(OutboxId).collect()
}

fn in_doubt(rows: &[OutboxListed]) -> bool {
    rows[0].recipients[0].delivery == "in-doubt"
}

#[test]
fn a_server_that_takes_its_time_behind_the_dot_is_waited_for() {
    let Some(mut world) = World::start() else { return };
    let runtime = Runtime::new().unwrap();
    let answer = Arc::new(Notify::new());
    let dot = Answer::SayWhen(Arc::clone(&answer), "250 2.0.0 queued\r\n");
    let scripted = runtime.block_on(Scripted::start(Script { dot, ..Script::default() }));
    let ca_file = both(world.dir.path().join("ca.pem"), &world.dovecot.ca_file(), &scripted);
    world.config.accounts[0].ca_file = Some(ca_file);
    world.config.accounts[0].smtp = endpoint(&scripted.endpoint, "quill");
    let engine = world.command();
    let ids = under_way(&engine, 100);
    // No patience at all for what nobody is at; the server answers once it was looked at some times.
    let mut looks = 0;
    let rows = engine
        .settle_while(&ids, Duration::ZERO, |rows| {
            looks += usize::from(in_doubt(rows));
            if looks == 5 {
                answer.notify_one();
            }
            true
        })
        .unwrap();
    assert!(looks >= 5 && ["sent", "sent-not-filed"].contains(&rows[0].state), "{looks} looks: {rows:?}");
    assert_eq!(scripted.heard().matches("DATA\r\n").count(), 1);
}

#[test]
fn a_slow_upload_is_waited_for_and_not_broken_off_at_the_end_of_a_command() {
    let Some(mut world) = World::start() else { return };
    let line = Line::to(&world.submission.tls());
    world.config.accounts[0].smtp = endpoint(&line.via(&world.submission.tls()), "quill");
    line.weather().rate.store(300_000, SeqCst);
    let engine = world.command();
    let ids = under_way(&engine, 600_000);
    let rows = engine.settle(&ids, Duration::ZERO).unwrap();
    assert!(["sent", "sent-not-filed"].contains(&rows[0].state), "{rows:?}");
    // As at the end of a command that was there for something else.
    under_way(&engine, 600_000);
    engine.see_off(|_| true).unwrap();
    engine.close();
    let states: Vec<&str> = world.command().outbox().unwrap().iter().map(|row| row.state).collect();
    assert!(states.iter().all(|state| ["sent", "sent-not-filed"].contains(state)), "{states:?}");
    assert_eq!(world.submission.taken().len(), 2);
    assert_eq!(line.weather().connections.load(SeqCst), 2, "none was begun twice");
}

/// A profile whose submission server is scripted.
struct Desk {
    world: walkthrough::World,
    scripted: Scripted,
    _runtime: Runtime,
}

impl Desk {
    fn new(script: Script) -> Option<Self> {
        let world = walkthrough::World::start()?;
        let runtime = Runtime::new().unwrap();
        let scripted = runtime.block_on(Scripted::start(script));
        let ca_file = both(world.home.beside("ca.pem"), &world.dovecot.ca_file(), &scripted);
        world.home.configure(&world.home.config(&world.dovecot.tls(), &scripted.endpoint, &ca_file, ""));
        Some(Self { world, scripted, _runtime: runtime })
    }

    /// Sends by a command, and gives that when the server has heard so much.
    fn send(&self, until: &str) -> Child {
        self.world.home.write("draft.eml", &format!("To: {LINTWHITE}\r\nSubject: answer\r\n\r\nOn Monday.\r\n"));
        let draft = self.world.home.beside("draft.eml").display().to_string();
        let child = self.world.home.start(&["--json", "send", &draft]);
        eventually(|| self.scripted.heard().contains(until).then_some(()));
        child
    }

    /// The only row as `outbox list` has it.
    fn row(&self) -> serde_json::Value {
        self.world.home.json(&["outbox", "list"])["entries"][0].clone()
    }
}

const DOT: &str = "\r\n.\r\n";

fn ended(child: Child, signal: Signal) -> (Output, String) {
    kill_process(Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap(), signal).unwrap();
    let output = child.wait_with_output().unwrap();
    let words = String::from_utf8_lossy(&output.stderr).split_whitespace().collect::<Vec<_>>().join(" ");
    (output, words)
}

#[test]
fn broken_off_behind_the_dot_it_says_that_it_is_perhaps_sent() {
    let Some(desk) = Desk::new(Script { dot: Answer::Silence, ..Script::default() }) else { return };
    let (output, words) = ended(desk.send(DOT), Signal::INT);
    assert_eq!(output.status.code(), Some(69), "{words}");
    assert!(words.contains(&format!("perhaps sent to {LINTWHITE}: do not send it again")), "{words}");
    assert!(!words.contains("tried again"), "{words}");
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let row = &told["outbox"][0];
    assert_eq!((&row["state"], &row["recipients"][0]["delivery"]), (&"uncertain".into(), &"in-doubt".into()), "{told}");
    assert_eq!(desk.row()["state"], "uncertain");
}

#[test]
fn broken_off_before_the_dot_it_waits_for_another_try_and_no_dot_leaves() {
    let Some(desk) = Desk::new(Script { data: Answer::Silence, ..Script::default() }) else { return };
    let (output, words) = ended(desk.send("DATA\r\n"), Signal::INT);
    assert_eq!(output.status.code(), Some(75), "{words}");
    assert!(words.contains("still queued"), "{words}");
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["outbox"][0]["state"], "queued", "{told}");
    assert_eq!(desk.row()["state"], "queued");
    assert!(!desk.scripted.heard().contains(DOT));
}

#[test]
fn killed_behind_the_dot_no_later_command_promises_another_try() {
    let Some(desk) = Desk::new(Script { dot: Answer::Silence, ..Script::default() }) else { return };
    let (_, words) = ended(desk.send(DOT), Signal::KILL);
    assert!(!words.contains("tried again"), "{words}");
    let row = desk.row();
    assert_eq!(row["state"], "uncertain", "{row}");
    let ran = desk.world.home.run(&["--json", "outbox", "retry", &row["id"].to_string()], b"");
    assert_eq!(ran.code, 69, "{ran:?}");
    assert!(ran.err.contains("perhaps sent") && !ran.err.contains("tried again"), "{ran:?}");
    let told: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((&told["schema"], &told["entries"][0]["state"]), (&"casemail.outbox/1".into(), &"uncertain".into()));
    assert_eq!(desk.scripted.heard().matches("DATA\r\n").count(), 1);
}

/// The server has taken it, and its answer is never read: what the disk says is all that is known.
#[test]
fn killed_between_the_servers_yes_and_the_note_of_it_the_next_start_finds_it_and_sends_nothing() {
    let yes = Arc::new(Notify::new());
    let dot = Answer::SayWhen(Arc::clone(&yes), "250 2.0.0 queued\r\n");
    let Some(desk) = Desk::new(Script { dot, ..Script::default() }) else { return };
    let child = desk.send(DOT);
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(pid, Signal::STOP).unwrap();
    yes.notify_one();
    ended(child, Signal::KILL);
    let row = desk.row();
    assert_eq!((&row["state"], &row["recipients"][0]["delivery"]), (&"uncertain".into(), &"in-doubt".into()), "{row}");
    // The program looks for it, and what it does not find it does not send.
    let Some(screen) = desk.world.home.screen((100, 30)) else { return };
    screen.wait_for("up to date, watching");
    let row = eventually(|| Some(desk.row()).filter(|row| !row["doubt"]["looked_at"].is_null()));
    assert_eq!(row["state"], "uncertain", "{row}");
    // The server files by itself.
    let id = row["message_id"].as_str().unwrap();
    let copy =
        format!("From: quill@quillpounce.example\r\nMessage-ID: <{id}>\r\nSubject: answer\r\n\r\nOn Monday.\r\n");
    desk.world.dovecot.deliver("quill", "Sent", copy.as_bytes());
    desk.world.home.run(&["outbox", "retry", &row["id"].to_string()], b"");
    let row = eventually(|| Some(desk.row()).filter(|row| row["state"] == "sent"));
    assert_eq!(row["recipients"][0]["delivery"], "sent", "{row}");
    screen.send_keys(&["C-q"]);
    assert_eq!(screen.wait_for_end(), 0);
    let filed = desk.world.dovecot.doveadm(&["search", "-u", "quill", "mailbox", "Sent", "all"], b"");
    assert_eq!((desk.scripted.heard().matches("DATA\r\n").count(), filed.lines().count()), (1, 1));
}
