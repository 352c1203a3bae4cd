//! The screen of connections: what it says of accounts in every state, and what its keys ask for.

use crate::app::event::Event;
use crate::app::view::{AccountStatus, ConnectionRow, Doing, Link, Traffic};
use crate::mail::safe::SafeText;
use crate::ui::play::{Play, arc};

fn time(text: &str) -> jiff::Timestamp {
    text.parse().unwrap()
}

fn account(name: &str, link: Link) -> ConnectionRow {
    ConnectionRow {
        account: SafeText::line(name),
        mailbox: None,
        doing: Doing::Link(link),
        chosen_offline: false,
        messages: 1_240,
        changes: 0,
        outgoing: 0,
        last_success: Some(time("2026-05-21T12:02:00Z")),
        traffic: Traffic { bytes_in: 3_410_000, bytes_out: 12_800, round_trips: 96 },
    }
}

fn mailbox(of: &str, name: &str, doing: Doing) -> ConnectionRow {
    ConnectionRow { mailbox: Some(SafeText::line(name)), doing, ..account(of, Link::Watching { live: true }) }
}

fn offline(because: &str, retry: Option<&str>) -> Link {
    Link::Offline {
        since: Some(time("2026-05-21T12:02:00Z")),
        because: SafeText::line(because),
        retry: retry.map(time),
    }
}

/// Four accounts: one that fetches, one that nobody answers for, one whose password is refused, one that its user took offline.
fn rows() -> Vec<ConnectionRow> {
    let syncing = Link::Syncing {
        mailbox: SafeText::line("INBOX"),
        done: 350,
        total: 1_200,
        bytes_done: 3_200_000,
        bytes_known: 9_800_000,
        others: 0,
    };
    let fetching = Doing::Fetching { done: 350, total: 1_200, bytes_done: 3_200_000, bytes_known: 9_800_000 };
    let refused = Doing::Refused(SafeText::line("the server refuses to open Shared: \u{201c}no\u{201d}"));
    let unlisted = Doing::Unlisted(SafeText::line(
        "since 19 May 2026, and refuses to tell of it: \u{201c}[UNAVAILABLE] try later\u{201d}",
    ));
    vec![
        ConnectionRow { changes: 2, outgoing: 1, ..account("work", syncing) },
        mailbox("work", "INBOX", fetching),
        ConnectionRow { changes: 2, ..mailbox("work", "Sent", Doing::UpToDate) },
        mailbox("work", "Disclosure/2026", Doing::Waiting),
        mailbox("work", "Shared", refused),
        mailbox("work", "Weir", unlisted),
        account(
            "court",
            offline("mail.court.example:993 did not answer within 15 s while connecting", Some("2026-05-21T13:32:27Z")),
        ),
        ConnectionRow { last_success: None, ..mailbox("court", "INBOX", Doing::Waiting) },
        account("police", offline("the server does not accept the user name and password of quill", None)),
        ConnectionRow { chosen_offline: true, ..account("home", offline("you went offline", None)) },
    ]
}

fn play(size: (u16, u16)) -> Play {
    let mut play = Play::at(size);
    play.world.connections = rows();
    play.event(Event::Account(AccountStatus {
        account: "court".to_owned(),
        link: offline("x", Some("2026-05-21T13:32:27Z")),
    }));
    play.press("gn");
    play
}

/// Nothing of an account that is offline is under way.
#[test]
fn the_mailboxes_of_an_account_that_is_offline_wait_for_nobody() {
    let mut play = Play::at((80, 24));
    let gone = ConnectionRow { chosen_offline: true, ..account("home", offline("you went offline", None)) };
    let inbox = ConnectionRow { chosen_offline: true, ..mailbox("home", "INBOX", Doing::Waiting) };
    play.world.connections = vec![gone, inbox];
    play.press("gnj");
    let text = play.screen();
    assert!(text.matches("offline, as you wanted").count() == 2 && !text.contains("waiting for its turn"), "{text}");
    assert!(text.contains("INBOX of home has its turn when its account is connected again."), "{text}");
}

#[test]
fn every_state_in_words() {
    insta::assert_snapshot!("connections-80x24", play((80, 24)).screen());
    insta::assert_snapshot!("connections-200x50", play((200, 50)).keys("jjjjj").screen());
}

#[test]
fn the_row_at_the_cursor_in_sentences() {
    let check = |keys: &str, parts: &[&str]| {
        let screen = play((200, 50)).keys(keys).screen().replace('\n', " ");
        let screen = screen.split_whitespace().collect::<Vec<_>>().join(" ");
        for part in parts {
            assert!(screen.contains(part), "{part}: {screen}");
        }
    };
    check("", &["work is connected and fetches INBOX.", "1 message waits in the outbox (g o)", "3.5 MB came in"]);
    check("j", &["350 of 1200 messages, 3.2 MB of 9.8 MB as far as sizes are known"]);
    check("jj", &["Sent of work is up to date.", "2 changes wait to be told to the server (g w)."]);
    check("jjjj", &["Shared of work is left out: the server refuses to open Shared"]);
    check(
        "jjjjj",
        &["Weir of work is not listed by the server since 19 May 2026", "until the server says that it is gone."],
    );
    check("jjjjjj", &["court has no connection", "It is tried again in 147 s (14:32); r tries now."]);
    check("jjjjjjj", &["Never compared yet."]);
    check("jjjjjjjj", &["It is not tried again by itself; r tries again once this is put right."]);
    check("jjjjjjjjj", &["home is offline because you wanted it so; o connects it again."]);
}

/// Where several mailboxes are fetched at once, one is named and the others are counted; each has its row.
#[test]
fn several_mailboxes_at_once() {
    let syncing = |done, others| Link::Syncing {
        mailbox: SafeText::line("INBOX"),
        done,
        total: 1_200,
        bytes_done: 0,
        bytes_known: 0,
        others,
    };
    let mut play = Play::at((200, 50));
    play.world.connections = vec![account("work", syncing(350, 1))];
    for (others, words) in [(0, "work: syncing INBOX 350 of 1200 "), (2, "work: syncing INBOX 350 of 1200, 2 more")] {
        play.event(Event::Account(AccountStatus { account: "work".to_owned(), link: syncing(350, others) }));
        assert!(play.screen().contains(words), "{}", play.screen());
    }
    play.press("gn");
    assert!(play.screen().contains("fetching INBOX and 1 more"), "{}", play.screen());
}

#[test]
fn the_countdown_goes_down() {
    let mut play = play((200, 50)).keys("jjjjjj");
    for (now, left) in
        [("2026-05-21T13:32:20Z", "in 7 s"), ("2026-05-21T13:32:26Z", "in 1 s"), ("2026-05-21T13:32:40Z", "in 0 s")]
    {
        play.event(Event::Tick(time(now)));
        assert!(play.screen().contains(left), "{left}: {}", play.screen());
    }
}

#[test]
fn keys_ask_for_the_account_of_the_row() {
    let told = |keys: &str| play((80, 24)).keys(keys).told();
    assert_eq!(told("jr"), ["SyncAccount(\"work\")"]);
    assert_eq!(told("jjjjjjo"), ["AccountOnline(\"court\", false)"]);
    assert_eq!(told("<End>o"), ["AccountOnline(\"home\", true)"]);
    assert_eq!(told("O"), ["GoOnline(false)"]);
}

/// A password is asked for where the account has none that its server takes; what is typed is shown nowhere, and nothing is no password.
#[test]
fn a_password_is_typed_anew() {
    let asked = || {
        let mut play = play((80, 24));
        play.event(Event::AskPassword { account: "court".to_owned() });
        play
    };
    let mut twice = asked();
    twice.event(Event::AskPassword { account: "court".to_owned() });
    assert!(twice.screen().contains("Password of court:"), "{}", twice.screen());
    let typed = twice.keys("gnome");
    assert!(typed.screen().contains("(typed, not shown)") && !typed.screen().contains("gnome"), "{}", typed.screen());
    let done = typed.keys("<CR>");
    assert!(!done.screen().contains("Password of court"), "{}", done.screen());
    assert_eq!(done.told(), ["Password(\"court\", Passphrase(…))"]);
    assert!(asked().keys("<CR>").told().is_empty());
}

#[test]
fn news_is_asked_for_once_at_a_time_and_only_where_it_is_seen() {
    let mut play = play((80, 24));
    play.silent = true;
    let asked = |play: &Play| play.effects.iter().filter(|effect| format!("{effect:?}") == "ListConnections").count();
    let before = asked(&play);
    let news = || Event::Account(AccountStatus { account: "work".to_owned(), link: Link::Watching { live: true } });
    for _ in 0..50 {
        play.event(news());
    }
    assert_eq!(asked(&play), before + 1);
    play.event(Event::Connections(arc(&rows())));
    assert_eq!(asked(&play), before + 2, "what came meanwhile is asked for once");
    play.event(Event::Connections(arc(&rows())));
    play.press("q");
    play.event(news());
    assert_eq!(asked(&play), before + 2);
}

#[test]
fn an_ascii_terminal_shows_the_bar_too() {
    let mut play = play((80, 24));
    play.model.settings.ascii = true;
    assert!(play.screen().contains("##........ 350 of 1200"), "{}", play.screen());
}
