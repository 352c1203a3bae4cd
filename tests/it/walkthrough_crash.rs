//! The real program killed, its cache deleted, its files searched, its terminal taken away and given back.

use std::path::Path;

use rustix::process::{Pid, Signal, kill_process};

use crate::support::home::CASEMAIL;
use crate::support::tmux::Tmux;
use crate::walkthrough::{World, eventually, plain, show};

fn kill(pid: i32) {
    kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
}

#[test]
fn killed_in_its_first_sync_the_next_start_is_whole() {
    const MESSAGES: u32 = 1_500;
    let Some(world) = World::start() else { return };
    let text = "The weir is deep, and the lantern is out.\r\n".repeat(20);
    let mails = (0..MESSAGES).map(|n| plain(&n.to_string(), &format!("99ZX00{:03}26 bundle {n}", n % 50), &text));
    world.dovecot.fill("quill", "INBOX", mails);
    let Some(tmux) = world.home.screen((100, 30)) else { return };
    let screen = tmux.wait_until("the sync at work", |screen| {
        let done = screen.split("syncing INBOX ").nth(1).and_then(|rest| rest.split(' ').next()?.parse::<u32>().ok());
        done.is_some_and(|done| (1..MESSAGES).contains(&done))
    });
    kill(tmux.pid());
    show("killed in this sync", &screen);
    drop(tmux);
    let held = world.home.json(&["message", "list", "--limit", "1"])["total"].as_u64().unwrap();
    let Some(tmux) = world.home.screen((100, 30)) else { return };
    let screen = tmux.wait_until("all of it", |screen| {
        screen.lines().any(|line| line.contains("All mail") && line.contains(" 1500 "))
    });
    show("after it", &screen);
    eprintln!("killed with {held} of {MESSAGES} messages held");
    tmux.wait_for("up to date, watching");
    tmux.send_keys(&["C-q"]);
    assert_eq!(tmux.wait_for_end(), 0);
    assert_eq!(world.home.json(&["message", "list", "--limit", "1"])["total"], MESSAGES);
    let verified = world.home.json(&["store", "verify"]);
    assert_eq!(verified["ok"], true, "{verified}");
}

#[test]
fn killed_in_a_send_the_message_arrives_once() {
    let Some(world) = World::start() else { return };
    let Some(tmux) = world.home.screen((80, 24)) else { return };
    tmux.wait_for("up to date, watching");
    // The server takes connections and does not answer: the send stands in its midst.
    world.submission.pause();
    tmux.send_keys(&["c"]);
    tmux.wait_for("Subject");
    tmux.type_text("lintwhite@copfs.gov.example");
    tmux.send_keys(&["Tab", "Tab", "Tab"]);
    tmux.type_text("99ZX0012326 offer");
    tmux.send_keys(&["Tab"]);
    tmux.type_text("Until Monday.");
    tmux.send_keys(&["C-s"]);
    tmux.wait_for("Review before sending");
    tmux.send_keys(&["y"]);
    tmux.wait_until("the review gone", |screen| !screen.contains("Review before sending"));
    tmux.send_keys(&["g", "o"]);
    show("sending", &tmux.wait_for("sending"));
    kill(tmux.pid());
    drop(tmux);
    world.submission.resume();
    let Some(tmux) = world.home.screen((80, 24)) else { return };
    tmux.wait_for("up to date, watching");
    tmux.send_keys(&["g", "o"]);
    let screen = tmux.wait_until("it sent", |screen| {
        screen.lines().any(|line| line.trim_start_matches(['▌', ' ']).starts_with("sent "))
    });
    show("sent after the kill", &screen);
    assert_eq!(world.submission.taken().len(), 1);
    tmux.send_keys(&["C-q"]);
    assert_eq!(tmux.wait_for_end(), 0);
    // At whatever moment a command is killed: a row, and its message once or not yet.
    for round in 0..4_u64 {
        let name = format!("draft-{round}.eml");
        world.home.write(&name, &format!("To: lintwhite@copfs.gov.example\r\nSubject: round {round}\r\n\r\nx\r\n"));
        let known = world.submission.taken().len();
        let mut child = world.home.start(&["send", &world.home.beside(&name).display().to_string()]);
        if round < 2 {
            // As soon as the server has it: its answer may be on the way.
            eventually(|| (world.submission.taken().len() > known).then_some(()));
        } else {
            // Not a wait for something: the moment of the kill.
            std::thread::sleep(std::time::Duration::from_millis(300 + 150 * round));
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let Some(tmux) = world.home.screen((80, 24)) else { return };
    tmux.wait_for("up to date, watching");
    let rows = eventually(|| {
        let rows = world.home.json(&["outbox", "list"])["entries"].as_array().unwrap().clone();
        let at_rest =
            |row: &serde_json::Value| ["sent", "uncertain", "failed"].contains(&row["state"].as_str().unwrap());
        rows.iter().all(at_rest).then_some(rows)
    });
    let taken = world.submission.taken();
    for row in &rows {
        let id = row["message_id"].as_str().unwrap();
        let times = taken.iter().filter(|taken| String::from_utf8_lossy(&taken.raw).contains(id)).count();
        assert!(if row["state"] == "uncertain" { times <= 1 } else { times == 1 }, "{times} times: {row}");
    }
    assert!(taken.len() <= rows.len());
    let of_state = |state: &str| rows.iter().filter(|row| row["state"] == state).count();
    eprintln!("5 sends killed: {} rows, {} sent, {} uncertain", rows.len(), of_state("sent"), of_state("uncertain"));
    tmux.send_keys(&["C-q"]);
    assert_eq!(tmux.wait_for_end(), 0);
}

/// Whatever is said of one moment only: the row of notices.
fn lasting(screen: &str) -> String {
    let rows: Vec<&str> = screen.lines().collect();
    rows[..rows.len() - 1].join("\n")
}

#[test]
fn a_deleted_cache_costs_a_sync_and_nothing_else() {
    let Some(world) = World::start() else { return };
    for (id, subject) in [("1", "99ZX0012326 disclosure"), ("2", "77XY0045626 listing"), ("3", "Lunch")] {
        world.dovecot.deliver("quill", "INBOX", &plain(id, subject, &format!("The text of {subject}.")));
    }
    let reply =
        "In-Reply-To: <1@copfs.gov.example>\r\nReferences: <1@copfs.gov.example>\r\nContent-Type: text/plain\r\n";
    world.dovecot.deliver(
        "quill",
        "INBOX",
        &crate::walkthrough::mail("4", "Re: 99ZX0012326 disclosure", reply, "Yes."),
    );
    let see = || {
        let tmux = world.home.screen((100, 30))?;
        tmux.wait_for("up to date, watching");
        let cases = tmux.wait_until("four messages", |screen| {
            screen.lines().any(|line| line.contains("All mail") && line.contains('4'))
        });
        tmux.send_keys(&["g", "a"]);
        let threads = tmux.wait_for("Lunch");
        tmux.send_keys(&["g", "u"]);
        let unfiled = tmux.wait_until("the unfiled", |screen| screen.contains("Lunch") && !screen.contains("listing"));
        tmux.send_keys(&["Enter"]);
        let thread = tmux.wait_for("The text of Lunch.");
        // Seen is the server's to keep.
        eventually(|| {
            world
                .dovecot
                .doveadm(&["fetch", "-u", "quill", "flags", "mailbox", "INBOX", "all"], b"")
                .contains("\\Seen")
                .then_some(())
        });
        tmux.send_keys(&["C-q"]);
        assert_eq!(tmux.wait_for_end(), 0);
        Some([cases, threads, unfiled, thread].map(|screen| lasting(&screen)))
    };
    // The first look reads a message; the second and third are alike.
    let Some(_) = see() else { return };
    let before = see().unwrap();
    std::fs::remove_dir_all(world.home.roots().cache).unwrap();
    let after = see().unwrap();
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before, after, "\n{before}\n────\n{after}");
    }
}

fn files(dir: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.is_file() {
            found.push((path.display().to_string(), std::fs::read(&path).unwrap()));
        }
    }
}

/// No word of the mail is in any file of the profile, nor in a file's name; the configuration is what the user wrote.
pub(crate) fn nothing_readable(world: &World, words: &[&str]) {
    let roots = world.home.roots();
    let config = std::fs::read_to_string(roots.config_file()).unwrap();
    let mut found = Vec::new();
    files(&world.home.path(), &mut found);
    let mut bytes = 0;
    for (name, content) in &found {
        bytes += content.len();
        let is_config = name.ends_with("config.toml");
        for word in words.iter().filter(|word| !is_config || !config.contains(**word)) {
            let has =
                |haystack: &[u8]| haystack.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word.as_bytes()));
            assert!(!has(name.as_bytes()) && !has(content), "{word:?} stands in {name}");
        }
    }
    let of = |dir: &Path| found.iter().filter(|(name, _)| name.starts_with(&dir.display().to_string())).count();
    assert!(
        of(&roots.state) > 0 && of(&roots.cache) > 0,
        "{:?}",
        found.iter().map(|(name, _)| name).collect::<Vec<_>>()
    );
    assert_eq!(of(&roots.config), 1);
    eprintln!("{} words in none of {} files, {bytes} bytes", words.len(), found.len());
}

#[test]
fn suspended_resized_and_left_the_terminal_is_whole() {
    let Some(world) = World::start() else { return };
    world.dovecot.deliver("quill", "INBOX", &plain("1", "99ZX0012326 disclosure", "The first bundle."));
    let words = ["bash", "--norc", "-i"];
    let Some(tmux) = Tmux::start((200, 50), &words, &[("HISTFILE", ""), ("TZ", "UTC"), ("PROMPT_COMMAND", "")]) else {
        return;
    };
    let is_prompt = |screen: &str| screen.trim_end().ends_with(['$', '#']);
    let shell = |line: &str| {
        tmux.type_text(line);
        tmux.send_keys(&["Enter"]);
    };
    tmux.wait_until("the prompt", is_prompt);
    let before = world.home.beside("before").display().to_string();
    shell(&format!("stty -a | tail -n +2 > '{before}'; '{CASEMAIL}' --home '{}'", world.home.path().display()));
    let wide = tmux.wait_until("the case", |screen| screen.contains("99ZX0012326") && screen.contains("watching"));
    tmux.send_keys(&["g", "a"]);
    tmux.wait_for("disclosure");
    tmux.send_keys(&["Enter"]);
    tmux.wait_for("The first bundle.");
    for size in [(80, 24), (200, 50), (20, 5), (80, 24), (200, 50)] {
        tmux.resize(size.0, size.1);
        if size.0 == 20 {
            tmux.wait_for("casemail needs");
        } else {
            let screen = tmux.wait_until("the thread at the new size", |screen| {
                screen.contains("The first bundle.")
                    && screen.lines().any(|line| line.trim_end().chars().count() > usize::from(size.0) - 20)
                    && screen.lines().count() == usize::from(size.1)
            });
            show(&format!("{size:?}"), &screen);
        }
    }
    tmux.send_keys(&["C-z"]);
    tmux.wait_for("Stopped");
    assert!(!tmux.alternate_on() && tmux.cursor_shown());
    shell("clear; stty -a | grep -c ' icanon'");
    tmux.wait_until("a shell that echoes", |screen| screen.lines().any(|line| line.trim() == "1"));
    shell("clear; fg");
    tmux.wait_until("the thread again", |screen| screen.contains("The first bundle.") && !screen.contains("fg"));
    tmux.send_keys(&["g", "c"]);
    let again = |screen: &str| screen.lines().next() == wide.lines().next() && screen.contains("99ZX0012326");
    tmux.wait_until("the cases, as they were", again);
    tmux.send_keys(&["C-q"]);
    tmux.wait_until("the prompt", |screen| is_prompt(screen) && !screen.contains("All mail"));
    assert!(!tmux.alternate_on() && tmux.cursor_shown());
    shell(&format!("clear; stty -a | tail -n +2 | cmp - '{before}' && echo whole"));
    tmux.wait_until("the same settings", |screen| screen.lines().any(|line| line == "whole"));
}
