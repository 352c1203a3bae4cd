//! Lists, threads and messages.

use std::sync::Arc;

use super::Play;
use super::cast::{message, safe, time};
use crate::app::effect::Effect;
use crate::app::event::Event;
use crate::app::thread_list::{Brief, Table, ThreadList};
use crate::app::view::Scope;
use crate::mail::id::{CaseId, ThreadId};

#[test]
fn screens_at_80_by_24() {
    insta::assert_snapshot!("cases", Play::new().screen());
    insta::assert_snapshot!("threads", Play::new().keys("j<CR>").screen());
    insta::assert_snapshot!("thread", Play::new().keys("j<CR><CR>").screen());
    insta::assert_snapshot!("message", Play::new().keys("j<CR><CR><CR>").screen());
    insta::assert_snapshot!("details", Play::new().keys("j<CR><CR><CR>i").screen());
    insta::assert_snapshot!("headers", Play::new().keys("j<CR><CR>h").screen());
    insta::assert_snapshot!("outbox", Play::new().keys("go").screen());
    insta::assert_snapshot!("help", Play::new().keys("j<CR>?").screen());
    insta::assert_snapshot!("palette", Play::new().keys(":un").screen());
    insta::assert_snapshot!("which_key", Play::new().keys("g").screen());
    insta::assert_snapshot!("filter", Play::new().keys("/fer").screen());
    insta::assert_snapshot!("save", Play::new().keys("j<CR><CR>w").screen());
    insta::assert_snapshot!("locked", Play::new().keys("j<CR><CR>L").screen());
}

#[test]
fn screens_at_200_by_50() {
    let wide = || Play::at((200, 50));
    insta::assert_snapshot!("cases_wide", wide().screen());
    insta::assert_snapshot!("threads_wide", wide().keys("ga").screen());
    insta::assert_snapshot!("thread_wide", wide().keys("j<CR><CR>").screen());
    insta::assert_snapshot!("help_wide", wide().keys("?").screen());
}

#[test]
fn ascii_terminal_gets_ascii_from_us() {
    for keys in ["", "j<CR>", "j<CR><CR>", "j<CR><CR><CR>", "go", "?", ":", "g", "/x", "c", "L"] {
        let mut play = Play::new();
        play.model.settings.ascii = true;
        play.press(keys);
        let screen = play.screen();
        assert!(screen.is_ascii(), "{keys}: {screen}");
    }
}

#[test]
fn thread_opens_at_the_first_unread_message_and_marks_it_read_once_shown() {
    let play = Play::new().keys("j<CR><CR>");
    assert_eq!(play.told(), [format!("MarkRead({:?})", message(12))]);
    let play = play.keys("q");
    assert!(play.screen().contains("1/4"), "the list knows at once:\n{}", play.screen());
}

#[test]
fn nothing_is_marked_read_before_it_is_shown() {
    let mut play = Play::new().keys("j<CR>");
    play.silent = true;
    play.press("<CR>jj");
    assert_eq!(play.told(), [""; 0]);
}

#[test]
fn space_reads_a_whole_thread() {
    let mut play = Play::new().keys("j<CR><CR>");
    for _ in 0..40 {
        play.press(" ");
    }
    assert!(play.screen().contains("This is the end of the thread."), "{}", play.screen());
    assert_eq!(play.told().len(), 2, "both unread messages were marked: {:?}", play.told());
}

#[test]
fn next_unread_goes_on_to_the_next_thread() {
    let mut play = Play::new();
    play.world.threads[2].unread = 1;
    play.press("j<CR><CR>nn");
    let asked: Vec<_> = play.effects.iter().filter(|effect| matches!(effect, Effect::OpenThread(..))).collect();
    assert!(matches!(asked[..], [Effect::OpenThread(ThreadId(1), _), Effect::OpenThread(ThreadId(3), _)]), "{asked:?}");
}

#[test]
fn one_message_is_asked_for_at_a_time_while_the_cursor_runs() {
    let mut play = Play::new().keys("j<CR><CR>gg");
    play.effects.clear();
    play.press("<home>");
    play.effects.clear();
    play.silent = true;
    play.press("jjj");
    assert!(matches!(play.effects[..], [Effect::OpenMessage(_)]), "{:?}", play.effects);
    play.silent = false;
    let late = message(11);
    let view = play.world.view(&late);
    play.event(Event::Message(late, Ok(view.into())));
    let last = play.effects.iter().rev().find_map(|effect| match effect {
        Effect::OpenMessage(id) => Some(id.clone()),
        _ => None,
    });
    assert_eq!(last, Some(message(13)), "then the one at the cursor");
}

#[test]
fn a_message_that_is_left_is_told_of_and_asked_for_anew() {
    // `None`: the message was let go of.
    let last = |play: &Play| {
        let mut asked = play.effects.iter().rev().filter_map(|effect| match effect {
            Effect::OpenMessage(id) => Some(Some(id.clone())),
            Effect::CloseMessage => Some(None),
            _ => None,
        });
        asked.next().unwrap()
    };
    let mut play = Play::new().keys("j<CR><CR><home>");
    assert_eq!(last(&play), Some(message(10)));
    // What was on screen may have been its beginning only: going away and back before the other came asks for it again.
    play.silent = true;
    play.press("j");
    let other = message(11);
    assert_eq!(last(&play), Some(other.clone()));
    play.press("k");
    let view = play.world.view(&other);
    play.event(Event::Message(other, Ok(view.into())));
    assert_eq!(last(&play), Some(message(10)));
    play.silent = false;
    play.press("q");
    assert_eq!(last(&play), None);
    play.press("<CR>");
    assert!(last(&play).is_some());
}

#[test]
fn selection_is_kept_by_identity_when_a_list_changes() {
    let mut play = Play::new().keys("j<CR>jj");
    let mut rows = play.world.threads.clone();
    let mut new = rows[0].clone();
    new.id = ThreadId(99);
    rows.insert(0, new);
    play.event(Event::Threads(Scope::Case(CaseId("ZZ26000417".to_owned())), rows.into()));
    play.press("<CR>");
    assert!(matches!(
        play.effects.iter().rev().find(|e| matches!(e, Effect::OpenThread(..))),
        Some(Effect::OpenThread(ThreadId(3), _))
    ));
}

/// Threads, the first of them here, the others behind them.
fn first_of(threads: u32, here: u32) -> ThreadList {
    let mut table = Table { cases: Arc::new(vec![Arc::from(Vec::new())]), ..Table::default() };
    for number in 0..threads {
        let subject = table.texts.push(&format!("Disclosure schedule {number}"));
        table.threads.push(Brief {
            id: ThreadId(1_000 + u64::from(number)),
            newest: 1_780_000_000 - i64::from(number) * 60,
            subject,
            messages: 1,
            unread: u32::from(number == 2),
            ..Brief::default()
        });
    }
    table.order = (0..here).collect();
    table.behind = (threads - here) as usize;
    ThreadList::Table(Arc::new(table))
}

#[test]
fn the_first_rows_say_that_others_are_being_read_and_stay_where_they_are() {
    let mut play = Play::new();
    play.silent = true;
    play.press("ga");
    play.event(Event::Threads(Scope::All, first_of(9_000, 30)));
    insta::assert_snapshot!("first_rows", play.screen());
    let mut wide = Play::at((200, 50));
    wide.silent = true;
    wide.press("ga");
    wide.event(Event::Threads(Scope::All, first_of(9_000, 30)));
    insta::assert_snapshot!("first_rows_wide", wide.screen());
    // Nothing comes round while there may be more behind the last.
    play.press("nn");
    assert!(play.screen().contains("3 of 9000, the first 30 are here"), "{}", play.screen());
    assert!(play.screen().contains("the others are still being read"), "{}", play.screen());
    play.press("<end>");
    let before = play.screen();
    assert!(before.contains("30 of 9000"), "{before}");
    play.event(Event::Threads(Scope::All, first_of(9_000, 9_000)));
    let after = play.screen();
    let rows = |screen: &str| screen.lines().take(22).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(rows(&before), rows(&after), "no row moves");
    assert!(after.contains("30 of 9000") && !after.contains("are here"), "{after}");

    let mut play = Play::new();
    play.silent = true;
    play.press("ga");
    play.event(Event::Threads(Scope::All, first_of(9_000, 30)));
    play.press("/schedule 77");
    assert!(play.screen().contains("None of the first 30 threads holds"), "{}", play.screen());
    play.event(Event::Threads(Scope::All, first_of(9_000, 9_000)));
    assert!(play.screen().contains("Disclosure schedule 77"), "{}", play.screen());
}

#[test]
fn stale_answers_are_dropped() {
    let mut play = Play::new().keys("j<CR>");
    let before = play.screen();
    play.event(Event::Threads(Scope::All, Vec::new().into()));
    let view = play.world.view(&message(12));
    play.event(Event::Message(message(12), Ok(view.into())));
    play.event(Event::Thread(ThreadId(5), None));
    assert_eq!(play.screen(), before);
    play.press("<CR>");
    play.event(Event::Thread(ThreadId(1), None));
    assert!(play.screen().contains("That thread is gone"), "{}", play.screen());
}

#[test]
fn changes_ask_for_what_is_on_screen_once() {
    let mut play = Play::new().keys("j<CR>");
    play.effects.clear();
    play.silent = true;
    for _ in 0..5 {
        play.event(Event::Changed);
    }
    assert!(matches!(play.effects[..], [Effect::ListThreads(_)]), "{:?}", play.effects);
    let rows = play.world.threads.clone();
    play.event(Event::Threads(Scope::Case(CaseId("ZZ26000417".to_owned())), rows.into()));
    assert_eq!(play.effects.len(), 2, "news that came meanwhile are asked for: {:?}", play.effects);
    play.press("q");
    assert!(matches!(play.effects.last(), Some(Effect::ListCases)), "the list below was out of date");
}

#[test]
fn deleting_goes_to_the_next_row_and_can_be_taken_back() {
    let mut play = Play::new().keys("j<CR>d");
    assert_eq!(play.told(), ["Do(Threads([ThreadId(1)]), Delete)"]);
    assert!(!play.screen().contains("PF v PUDDOCK: plea\n") && play.screen().contains("1 of 3"), "{}", play.screen());
    play.press("u");
    assert_eq!(play.told().last().unwrap(), "UndoDeletion");
    assert!(play.screen().contains("1 of 4"), "{}", play.screen());
}

#[test]
fn flags_show_at_once() {
    let play = Play::new().keys("j<CR>!s");
    assert_eq!(
        play.told(),
        ["ChangeThreadFlags(ThreadId(1), Flagged(true))", "ChangeThreadFlags(ThreadId(1), Seen(true))"]
    );
    let row = play.screen().lines().nth(2).unwrap().to_owned();
    assert!(row.contains(" ! ES ") && !row.contains('●'), "{row}");
}

#[test]
fn locked_model_holds_no_text_and_takes_none_in() {
    let mut play = Play::new().keys("j<CR><CR>");
    let case = "/home/isla/PF v PUDDOCK".to_owned();
    (play.model.directory, play.model.attach_directory) = (Some(case.clone()), Some(case));
    play.event(Event::Locked);
    let rows = play.world.threads.clone();
    play.event(Event::Threads(Scope::All, rows.into()));
    play.event(Event::Cases(play.world.cases.clone().into()));
    play.event(Event::Notice(super::sentence(crate::app::view::Tone::Plain, "PUDDOCK")));
    let held = format!("{:?}", play.model).to_lowercase();
    for word in ["puddock", "lintwhite", "charge 1", "zz26000417"] {
        assert!(!held.contains(word), "{word} is still held");
    }
}

#[test]
fn passphrase_is_neither_echoed_nor_printed() {
    let mut play = Play::new().keys("L");
    play.press("hunter2");
    assert!(!play.screen().contains("hunter2") && !format!("{:?}", play.model).contains("hunter2"));
    play.press("<CR>");
    assert!(matches!(play.effects.last(), Some(Effect::Unlock(passphrase)) if passphrase.0 == "hunter2"));
    play.event(Event::Unlocked(Err(super::sentence(crate::app::view::Tone::Warning, "That is not the passphrase."))));
    assert!(play.screen().contains("That is not the passphrase."));
    play.press("q");
    play.event(Event::Unlocked(Ok(())));
    assert!(play.screen().contains("PF v Morag PUDDOCK"), "{}", play.screen());
}

#[test]
fn why_it_does_not_open_is_read_to_its_end() {
    for size in [(80, 24), (200, 50)] {
        let mut play = Play::at(size).keys("Lx<CR>");
        let error =
            crate::store::state::StateError::Missing { place: "/home/quill/.local/state/casemail/state.redb".into() };
        play.event(Event::Unlocked(Err(super::sentence(crate::app::view::Tone::Alarm, &error.to_string()))));
        let screen = play.screen();
        // As it is read, whatever the lines are.
        let read: Vec<&str> = screen.split_whitespace().filter(|word| *word != "\u{2502}").collect();
        let read = read.join(" ");
        assert!(read.contains("the state store is gone") && read.contains("`casemail store anew`"), "{screen}");
    }
}

#[test]
fn idle_screen_locks_itself() {
    let mut play = Play::new().keys("j<CR><CR>");
    play.event(Event::Tick(time("2026-05-21T13:34:59Z")));
    assert!(!play.model.is_locked());
    play.event(Event::Tick(time("2026-05-21T13:35:00Z")));
    assert!(play.model.is_locked());
    assert!(matches!(play.effects.last(), Some(Effect::Lock)));
}

#[test]
fn keys_that_run_out_do_what_they_mean_alone() {
    let mut play = Play::new();
    play.press("g");
    assert!(play.model.pending_timeout().is_some());
    play.event(Event::KeysExpired);
    assert!(play.model.pending_timeout().is_none());
}

#[test]
fn offline_is_said_with_since_why_and_when_again() {
    let mut play = Play::at((120, 24));
    play.event(Event::Account(crate::app::view::AccountStatus {
        account: "work".to_owned(),
        link: crate::app::view::Link::Offline {
            since: Some(time("2026-05-21T12:02:00Z")),
            because: safe("the server did not answer"),
            retry: Some(time("2026-05-21T13:35:00Z")),
        },
    }));
    let wanted = "work: offline since 13:02: the server did not answer; next try 14:35";
    assert!(play.screen().contains(wanted), "{}", play.screen());
}

#[test]
fn vim_keys_drive_it_too() {
    let mut play = Play::new();
    let (keymap, _) = crate::keymap::Keymap::load("vim", &|_| None).unwrap();
    play.model.settings.keymap = keymap;
    play.press("jl");
    assert!(play.screen().contains("1 of 4"), "{}", play.screen());
    play.press("G");
    assert!(play.screen().contains("4 of 4"), "{}", play.screen());
    play.press("3G");
    assert!(play.screen().contains("3 of 4"), "{}", play.screen());
    play.press("gg");
    assert!(play.screen().contains("1 of 4"), "{}", play.screen());
    play.press("h");
    assert!(play.screen().contains("2 of 6"), "{}", play.screen());
}

#[test]
fn message_that_could_not_be_shown_is_asked_for_again_after_a_change() {
    let mut play = Play::new().keys("j<CR>");
    play.silent = true;
    play.press("<CR>");
    let view = play.world.thread.clone();
    play.event(Event::Thread(ThreadId(1), Some(view.into())));
    let why =
        super::sentence(crate::app::view::Tone::Warning, "The text is not here yet, and the server cannot be reached.");
    play.event(Event::Message(message(12), Err(why)));
    assert!(play.screen().contains("The text is not here yet"), "{}", play.screen());
    play.effects.clear();
    play.event(Event::Changed);
    assert!(play.effects.iter().any(|effect| matches!(effect, Effect::OpenMessage(id) if *id == message(12))));
}

#[test]
fn locked_screen_says_its_note() {
    let mut play = Play::new();
    play.model.settings.lock_note = "This is the demo; its passphrase is: garden gnome".to_owned();
    play.press("L");
    assert!(play.screen().contains("its passphrase is: garden gnome"), "{}", play.screen());
}

#[test]
fn a_case_is_three_keys_and_its_letters_away_from_any_screen() {
    insta::assert_snapshot!("finder", Play::new().keys("'otter").screen());
    for keys in ["", "j<CR>", "j<CR><CR>", "go", "gn", "?", "g", "c"] {
        let mut play = Play::new().keys(keys);
        // A plain character is text in the composer.
        let open = if keys == "c" { "<F2>" } else { "'" };
        let open = if keys == "g" { "'" } else { open };
        play.press(open);
        if keys == "g" {
            play.press("'");
        }
        play.press("otter<CR>");
        let screen = play.screen();
        assert!(screen.starts_with(" Cases › R v Dilys OTTERBOURNE"), "{keys}: {screen}");
    }
}

#[test]
fn the_finder_works_while_nothing_answers_and_says_when_there_is_no_such_case() {
    let mut play = Play::new();
    play.silent = true;
    play.press("'zz26000533");
    assert!(play.screen().contains("GANNET"), "{}", play.screen());
    play.press("<CR>");
    assert!(play.screen().starts_with(" Cases › PF v Gideon GANNET and Fenella STOAT"), "{}", play.screen());
    play.press("'qqqq<CR>");
    assert!(play.screen().contains("No case has such a name, number or party."), "{}", play.screen());
    play.press("<esc>");
    assert!(play.screen().starts_with(" Cases › PF v Gideon"), "{}", play.screen());
}
