//! The screen in a real terminal: taken, given back, suspended, resized, lost; and the outside editor.
//!
//! Most of it runs [`child`], which is this very binary started once more in the terminal, with the real model and a stand-in for the
//! engine that does nothing.

use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use casemail::app::effect::Effect;
use casemail::app::event::Event;
use casemail::app::view::{CaseRow, Scope};
use casemail::app::{Model, Settings};
use casemail::mail::id::CaseId;
use casemail::mail::safe::SafeText;
use casemail::terminal::{Drive, Editor};
use casemail::theme::Theme;
use jiff::Timestamp;

use crate::support::tmux::Tmux;

/// Set: this process is the program in the terminal.
const CHILD: &str = "CASEMAIL_TEST_TERMINAL";

#[test]
fn child() {
    let Ok(state) = std::env::var(CHILD) else { return };
    casemail::terminal::report_panics();
    let (sender, events) = sync_channel(64);
    let mut model = Model::new(Settings::default(), Timestamp::UNIX_EPOCH);
    let first = model.start(false);
    let answers = sender.clone();
    let mut submit = |effect: Effect| match effect {
        Effect::ListCases => {
            let row = CaseRow {
                scope: Scope::Case(CaseId("99ZX0012326".to_owned())),
                title: SafeText::line("R v FERRET"),
                identifiers: vec![SafeText::line("99ZX0012326")],
                messages: 3,
                unread: 1,
                ..CaseRow::all()
            };
            let _ = answers.try_send(Event::Cases(Arc::from(vec![row])));
        }
        Effect::SyncNow => panic!("the gnome is in the hedge"),
        _ => {}
    };
    let editor = Editor {
        configured: Some(vec![
            "sh".to_owned(),
            "-c".to_owned(),
            std::env::var("CASEMAIL_TEST_EDITOR").unwrap_or_default(),
            "ed".to_owned(),
        ]),
        state: state.into(),
        ..Editor::default()
    };
    let now = || Timestamp::UNIX_EPOCH;
    let drive = Drive {
        events,
        sender,
        submit: &mut submit,
        now: &now,
        editor,
        term: std::env::var("TERM").ok(),
        pictures: casemail::config::Pictures::Blocks,
    };
    let ended = casemail::terminal::run(&mut model, &Theme::builtin(), first, drive);
    eprintln!("ended {ended:?}");
}

/// Starts [`child`] in a terminal, below a shell that says what is left of the terminal afterwards.
fn start(size: (u16, u16), editor: &str) -> Option<(Tmux, tempfile::TempDir)> {
    let home = tempfile::tempdir().unwrap();
    let binary = std::env::current_exe().unwrap();
    let script = format!(
        "stty -g > '{0}/before'; '{1}' --exact terminal::child --nocapture; code=$?; stty -g > '{0}/after'; \
         cmp '{0}/before' '{0}/after' && echo \"terminal whole, status $code\"; read -r line",
        home.path().display(),
        binary.display()
    );
    let tmux = Tmux::start(
        size,
        &["bash", "--norc", "-c", &script],
        &[
            (CHILD, &home.path().join("state").display().to_string()),
            ("CASEMAIL_TEST_EDITOR", editor),
            ("RUST_BACKTRACE", "0"),
        ],
    )?;
    Some((tmux, home))
}

fn child_pid(tmux: &Tmux) -> rustix::process::Pid {
    let children = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", tmux.pid())).unwrap();
    rustix::process::Pid::from_raw(children.split_whitespace().next().unwrap().parse().unwrap()).unwrap()
}

#[test]
fn a_program_is_driven_by_keys_and_seen() {
    let words = ["sh", "-c", "printf 'ready\\n'; read -r line; echo \"got $line\""];
    let Some(tmux) = Tmux::start((80, 24), &words, &[]) else { return };
    tmux.wait_for("ready");
    tmux.type_text("it's typed");
    tmux.send_keys(&["Enter"]);
    tmux.wait_for("got it's typed");
    tmux.wait_for_end();
}

#[test]
fn without_a_terminal_that_can_move_its_cursor_it_says_so_and_touches_nothing() {
    let run = |term: &str| {
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "terminal::child", "--nocapture"])
            .env(CHILD, "/nonexistent")
            .env("TERM", term)
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap();
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    };
    let check = |term: &str, expected: &str| {
        let told = run(term);
        assert!(told.contains(expected) && !told.contains('\u{1b}'), "{told}");
    };
    check("dumb", "ended Err(Dumb(\"dumb\"))");
    check("xterm", "ended Err(NotATerminal(\"standard input\"))");
}

#[test]
fn quitting_gives_the_terminal_back() {
    let Some((tmux, _home)) = start((80, 24), "") else { return };
    tmux.wait_for("R v FERRET");
    assert!(tmux.alternate_on());
    tmux.send_keys(&["C-q"]);
    let screen = tmux.wait_for("terminal whole, status 0");
    assert!(screen.contains("ended Ok(())") && !screen.contains("FERRET"), "{screen}");
    assert!(!tmux.alternate_on() && tmux.cursor_shown());
}

#[test]
fn a_panic_gives_the_terminal_back_and_keeps_its_words() {
    let Some((tmux, _home)) = start((80, 24), "") else { return };
    tmux.wait_for("R v FERRET");
    tmux.send_keys(&["F5"]);
    let screen = tmux.wait_for("terminal whole, status 101");
    assert!(screen.contains("an internal error at tests/it/terminal.rs"), "{screen}");
    assert!(!screen.contains("gnome") && !screen.contains("FERRET"), "{screen}");
    assert!(!tmux.alternate_on() && tmux.cursor_shown());
}

#[test]
fn signals_end_the_program_and_give_the_terminal_back() {
    for signal in [rustix::process::Signal::TERM, rustix::process::Signal::HUP, rustix::process::Signal::INT] {
        let Some((tmux, _home)) = start((80, 24), "") else { return };
        tmux.wait_for("R v FERRET");
        rustix::process::kill_process(child_pid(&tmux), signal).unwrap();
        let screen = tmux.wait_for("terminal whole, status 0");
        assert!(screen.contains("ended Ok(())"), "{signal:?}: {screen}");
        assert!(!tmux.alternate_on(), "{signal:?}");
    }
}

#[test]
fn resizing_draws_anew_and_a_tiny_terminal_says_so() {
    let Some((tmux, _home)) = start((80, 24), "") else { return };
    tmux.wait_for("R v FERRET");
    tmux.resize(20, 5);
    tmux.wait_for("casemail needs");
    tmux.resize(120, 40);
    tmux.wait_for("R v FERRET");
    tmux.resize(1, 1);
    tmux.resize(80, 24);
    tmux.wait_for("R v FERRET");
    tmux.send_keys(&["C-q"]);
    tmux.wait_for("terminal whole, status 0");
}

#[test]
fn ctrl_z_suspends_to_the_shell_and_fg_comes_back() {
    let home = tempfile::tempdir().unwrap();
    let Some(tmux) = Tmux::start(
        (80, 24),
        &["bash", "--norc", "-i"],
        &[(CHILD, &home.path().display().to_string()), ("HISTFILE", "")],
    ) else {
        return;
    };
    tmux.wait_until("the shell's prompt", |screen| screen.trim_end().ends_with(['$', '#']));
    tmux.type_text(&format!("'{}' --exact terminal::child --nocapture", std::env::current_exe().unwrap().display()));
    tmux.send_keys(&["Enter"]);
    tmux.wait_for("R v FERRET");
    for round in 0..2 {
        tmux.send_keys(&["C-z"]);
        tmux.wait_for("Stopped");
        assert!(!tmux.alternate_on() && tmux.cursor_shown());
        // The shell's keys are the shell's, not read by us.
        tmux.type_text(&format!("clear; echo round-{round}"));
        tmux.send_keys(&["Enter"]);
        tmux.wait_until("the shell's answer", |screen| screen.lines().any(|line| line == format!("round-{round}")));
        tmux.resize(80 + round, 24);
        tmux.type_text("fg");
        tmux.send_keys(&["Enter"]);
        tmux.wait_until("the screen again", |screen| screen.contains("R v FERRET") && !screen.contains("Stopped"));
        assert!(tmux.alternate_on());
    }
    tmux.send_keys(&["?"]);
    tmux.wait_until("the help", |screen| screen.to_lowercase().contains("help"));
    tmux.send_keys(&["C-q"]);
    tmux.wait_for("ended Ok(())");
}

#[test]
fn being_stopped_by_others_draws_anew_when_continued() {
    let Some((tmux, _home)) = start((80, 24), "") else { return };
    tmux.wait_for("R v FERRET");
    let pid = child_pid(&tmux);
    rustix::process::kill_process(pid, rustix::process::Signal::STOP).unwrap();
    tmux.scribble("\u{1b}[Hscribbled over");
    tmux.wait_for("scribbled over");
    rustix::process::kill_process(pid, rustix::process::Signal::CONT).unwrap();
    tmux.wait_until("the screen whole", |screen| screen.contains("R v FERRET") && !screen.contains("scribbled"));
    tmux.send_keys(&["C-q"]);
    tmux.wait_for("terminal whole, status 0");
}

#[test]
fn a_terminal_that_goes_away_ends_the_program() {
    let Some((tmux, _home)) = start((80, 24), "") else { return };
    tmux.wait_for("R v FERRET");
    let pid = child_pid(&tmux);
    drop(tmux);
    let end = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while rustix::process::test_kill_process(pid).is_ok() {
        assert!(std::time::Instant::now() < end, "it is still there");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

#[test]
fn the_outside_editor_has_the_terminal_and_its_text_comes_back() {
    let script = "echo \"editing, terminal $(stty -a | grep -c ' icanon')\"; read -r line; printf 'the %s came back\\n' \"$line\" > \"$1\"";
    let Some((tmux, home)) = start((80, 24), script) else { return };
    tmux.wait_for("R v FERRET");
    tmux.send_keys(&["c"]);
    tmux.wait_for("Subject");
    tmux.send_keys(&["C-o"]);
    tmux.wait_for("editing, terminal 1");
    assert_eq!(std::fs::read_dir(home.path().join("state")).unwrap().count(), 1);
    // Every one of these keys is the editor's.
    tmux.type_text("gnome q c j");
    tmux.send_keys(&["Enter"]);
    tmux.wait_for("the gnome q c j came back");
    assert_eq!(std::fs::read_dir(home.path().join("state")).unwrap().count(), 0);
    assert!(tmux.alternate_on());
}

#[test]
fn the_end_of_the_program_ends_the_editor_and_wipes_its_file() {
    let Some((tmux, home)) = start((80, 24), "echo editing; exec sleep 1000") else { return };
    tmux.wait_for("R v FERRET");
    tmux.send_keys(&["c"]);
    tmux.wait_for("Subject");
    tmux.send_keys(&["C-o"]);
    tmux.wait_for("editing");
    rustix::process::kill_process(child_pid(&tmux), rustix::process::Signal::HUP).unwrap();
    tmux.wait_for("terminal whole, status 0");
    assert_eq!(std::fs::read_dir(home.path().join("state")).unwrap().count(), 0);
}

#[test]
fn what_is_pasted_is_text_and_never_a_command() {
    let Some((tmux, _home)) = start((80, 24), "") else { return };
    tmux.wait_for("R v FERRET");
    // As keys these would open the composer and end the program.
    tmux.paste("c\u{11}ZZ\n");
    tmux.send_keys(&["?"]);
    tmux.wait_until("the help", |screen| screen.to_lowercase().contains("help") && !screen.contains("Subject"));
    tmux.send_keys(&["C-q"]);
    tmux.wait_for("terminal whole, status 0");
}
