//! Memory has bounds whatever a server sends: each flood in a process of its own, whose memory the kernel counts.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use casemail::imap::{Link, MailboxAt, spawn, sync_once};

use crate::support::memory::Memory;
use crate::support::scripted_imap::{Act, GREETING, Inbox, ScriptedImap};

const FLOOD: &str = "CASEMAIL_FLOOD";
/// Beyond what the process had before: pieces of lines that are being read, a connection, the sink. The server in the same process sends
/// from a static buffer.
const BOUND_KB: u64 = 48 << 10;

/// A field of `/proc/self/status`, in kB.
fn status(field: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(field)).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

/// The child: syncs once from a server that sends without end; says its memory before and at its peak.
#[tokio::test]
async fn sync_from_a_flood() {
    let Ok(flood) = std::env::var(FLOOD) else { return };
    let (command, answer): (&'static str, Vec<u8>) = match flood.as_str() {
        "none" => ("nothing", Vec::new()),
        "list" => ("LIST", (0..1_000_000).flat_map(|n| format!("* LIST () \"/\" m{n}\r\n").into_bytes()).collect()),
        "literal" => {
            let mut bytes = b"* 1 FETCH (UID 1 BODY[] {4294967295}\r\n".to_vec();
            bytes.resize(96 << 20, b'x');
            ("FETCH", bytes)
        }
        "line" => ("LIST", vec![b'*'; 96 << 20]),
        "literal-in-list" => {
            let mut bytes = b"* LIST () \"/\" {4294967295}\r\n".to_vec();
            bytes.resize(96 << 20, b'x');
            ("LIST", bytes)
        }
        // Each of them is announced as small.
        "bodies" => {
            let body = "x".repeat(2 << 20);
            let one = |uid: u32| format!("* {uid} FETCH (UID {uid} FLAGS () BODY[] {{{}}}\r\n{body})\r\n", body.len());
            ("BODY.PEEK[]", (1..=60).flat_map(|uid| one(uid).into_bytes()).collect())
        }
        other => panic!("{other}"),
    };
    let bodies = flood == "bodies";
    // In pieces, so that the server holds nothing twice.
    let answer: &'static [u8] = answer.leak();
    let server = ScriptedImap::start(GREETING, Inbox::of(if bodies { 60 } else { 5 }), None, move |asked| {
        asked.command.contains(command).then_some(Act::SayStatic(answer))
    })
    .await;
    let sink = Memory::default();
    // The sink holds what it takes; nothing of this should come so far.
    sink.alter(|state| state.room = bodies.then_some(2));
    // The peak counts from here (proc(5), clear_refs).
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = status("VmRSS:");
    let result = tokio::time::timeout(Duration::from_secs(100), sync_once(&server.setup(), &sink, &[])).await;
    let words = match result.expect("it hangs") {
        Ok(_) => "synced".to_owned(),
        Err(error) => error.to_string(),
    };
    println!("memory {before} {} {words}", status("VmHWM:"));
}

/// The child: downloads a message of 100 MB from a server that knows no parts; says as above.
#[tokio::test]
async fn download_of_what_comes_at_once() {
    if std::env::var(FLOOD).as_deref() != Ok("whole") {
        return;
    }
    const HEAD: &str = "* 1 FETCH (UID 1 FLAGS () RFC822.SIZE 100000000 BODY[] {100000000}\r\n";
    let mut answer = HEAD.as_bytes().to_vec();
    answer.extend((0..12_500_000_u32).flat_map(|n| format!("{n:08x}").into_bytes()));
    let answer: &'static [u8] = answer.leak();
    let server = ScriptedImap::start(GREETING, Inbox::of(1), None, move |asked| {
        let done = format!(")\r\n{} OK done\r\n", asked.tag);
        if asked.command.contains("BODY.PEEK[]") {
            return Some(Act::SayStaticAnd(answer, done.into_bytes()));
        }
        Some(Act::Say(asked.good.replace("RFC822.SIZE 25", "RFC822.SIZE 100000000").into_bytes()))
            .filter(|_| asked.command.contains("FETCH"))
    })
    .await;
    let mut setup = server.setup();
    setup.limits.message_bytes_max = 1_000;
    let sink = Arc::new(Memory::default());
    let handle = spawn(setup, Arc::clone(&sink));
    sink.until("online", |state| matches!(state.link(), Some(Link::Online { live: true }))).await;
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = status("VmRSS:");
    let at = MailboxAt { name: Arc::from("INBOX"), uid_validity: 7 };
    let (to, mut pieces) = tokio::sync::mpsc::channel::<Vec<u8>>(1);
    let (mut rest, mut is_right) = (&answer[HEAD.len()..], true);
    let keep = async {
        while let Some(piece) = pieces.recv().await {
            let (same, behind) = rest.split_at(piece.len().min(rest.len()));
            is_right &= piece == same;
            rest = behind;
        }
    };
    let (result, ()) = tokio::join!(handle.download(at, 1, 0, None, to), keep);
    println!("memory {before} {} {result:?}, {} bytes lack, {is_right}", status("VmHWM:"), rest.len());
}

fn flooded(with: &str) -> (u64, String) {
    flooded_in("sync_from_a_flood", with)
}

fn flooded_in(child: &str, with: &str) -> (u64, String) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("bounds::{child}"), "--nocapture", "--test-threads=1"])
        .env(FLOOD, with)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let out = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{with}: {out}\n{}", String::from_utf8_lossy(&output.stderr));
    let told = out.lines().find_map(|line| line.split_once("memory ")).unwrap_or_else(|| panic!("{out}")).1;
    let mut words = told.splitn(3, ' ');
    let (before, peak): (u64, u64) = (words.next().unwrap().parse().unwrap(), words.next().unwrap().parse().unwrap());
    (peak.saturating_sub(before), words.next().unwrap().to_owned())
}

#[test]
fn no_flood_grows_without_bound() {
    let (quiet, _) = flooded("none");
    for flood in ["list", "literal", "literal-in-list", "line", "bodies"] {
        let (grown, words) = flooded(flood);
        eprintln!("{flood}: {grown} kB more than before, {quiet} kB without a flood; {words}");
        assert!(grown < quiet + BOUND_KB, "{flood}: {grown} kB");
    }
}

/// A server that knows no parts of a message gives one of 100 MB at once: it is here, and was never held.
#[test]
fn a_message_that_comes_at_once_is_not_held() {
    let (grown, words) = flooded_in("download_of_what_comes_at_once", "whole");
    assert_eq!(words, "Ok(100000000), 0 bytes lack, true");
    assert!(grown < BOUND_KB, "{grown} kB");
}
