//! Exchange Online, as far as it is publicly told how it behaves: few extensions, sessions that it ends by itself, requests that it
//! puts off with BAD. It cannot be run here; a scripted server says its lines.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use casemail::imap::{Link, spawn, sync_once};
use casemail::net::Culprit;

use crate::support::memory::Memory;
use crate::support::scripted_imap::{Act, Asked, Inbox, ScriptedImap};

const GREETING: &str = "* OK The Microsoft Exchange IMAP4 service is ready. [TABPADAAUgAwADYA]\r\n";
const BEFORE: &str =
    "IMAP4 IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2 SASL-IR UIDPLUS MOVE ID UNSELECT CHILDREN IDLE NAMESPACE LITERAL+";

/// Its capabilities, before and after login alike; otherwise whatever `then` says.
async fn exchange(messages: u32, then: impl Fn(&Asked<'_>) -> Option<Act> + Send + Sync + 'static) -> ScriptedImap {
    ScriptedImap::start(GREETING, Inbox::of(messages), None, move |asked| {
        let say = |text: String| Some(Act::Say(text.into_bytes()));
        if let Some(act) = then(asked) {
            return Some(act);
        }
        match asked.command.split(' ').next().unwrap_or_default() {
            "CAPABILITY" => say(format!("* CAPABILITY {BEFORE}\r\n{} OK CAPABILITY completed.\r\n", asked.tag)),
            "AUTHENTICATE" => say(format!("{} OK AUTHENTICATE completed.\r\n", asked.tag)),
            "LIST" => say(format!(
                "* LIST (\\HasNoChildren) \"/\" INBOX\r\n* LIST (\\HasNoChildren) \"/\" \"Sent Items\"\r\n{} OK LIST completed.\r\n",
                asked.tag
            )),
            _ => None,
        }
    })
    .await
}

fn close(text: &str) -> Option<Act> {
    Some(Act::SayAndClose(text.as_bytes().to_vec()))
}

#[tokio::test]
async fn without_condstore_changes_are_found_all_the_same() {
    let server = exchange(40, |_| None).await;
    let sink = Memory::default();
    let first = sync_once(&server.setup(), &sink, &[]).await.unwrap();
    assert_eq!(first.iter().find(|pass| pass.mailbox == "INBOX").unwrap().new, 40);
    sink.look(|state| assert!(state.listed.iter().any(|info| info.name == "Sent Items")));
    {
        let mut inbox = server.inbox.lock().unwrap();
        inbox.messages.retain(|(uid, _)| !(10..20).contains(uid));
        inbox.messages.push((41, "Subject: No. 41\r\n\r\nnew\r\n".to_owned()));
        inbox.uid_next = 42;
    }
    let again = sync_once(&server.setup(), &sink, &["INBOX".to_owned()]).await.unwrap();
    assert_eq!((again[0].new, again[0].vanished), (1, 10), "{again:?}");
}

/// The worker comes to the end of it although the server does this; nobody is asked for a password.
async fn comes_through(then: impl Fn(&Asked<'_>) -> Option<Act> + Send + Sync + 'static) -> ScriptedImap {
    let server = exchange(60, then).await;
    let sink = Arc::new(Memory::default());
    let mut setup = server.setup();
    setup.times.poll = Duration::from_millis(300);
    let _handle = spawn(setup, Arc::clone(&sink));
    sink.until("all of it", |state| state.mailboxes.get("INBOX").is_some_and(|inbox| inbox.whole() == 60)).await;
    sink.look(|state| {
        let inbox = &state.mailboxes["INBOX"];
        assert_eq!((inbox.whole_order.len(), inbox.begun), (60, 1), "something came twice");
        assert!(
            !state.links.iter().any(|link| matches!(link, Link::Waiting { culprit: Culprit::Credentials, .. })),
            "{:?}",
            state.links
        );
    });
    server
}

#[tokio::test]
async fn a_session_that_it_ends_is_opened_anew() {
    for farewell in ["* BYE Session invalidated - AccessTokenExpired\r\n", "* BYE Connection is closed. 13\r\n", ""] {
        let ends = AtomicUsize::new(0);
        let server = comes_through(move |asked| {
            let fetch = asked.command.contains("BODY.PEEK[]") && ends.fetch_add(1, SeqCst) < 3;
            if fetch { close(farewell) } else { None }
        })
        .await;
        assert!(server.connections() >= 4, "{farewell:?}: {}", server.connections());
    }
}

#[tokio::test]
async fn what_it_puts_off_is_asked_again() {
    for words in [
        "BAD Request is throttled. Suggested Backoff Time: 150 milliseconds",
        "BAD User is authenticated but not connected.",
        "NO Server Unavailable. 15",
    ] {
        let refused = AtomicUsize::new(0);
        comes_through(move |asked| {
            let command = asked.command.starts_with("SELECT") || asked.command.starts_with("UID FETCH");
            let no = command && refused.fetch_add(1, SeqCst) < 3;
            no.then(|| Act::Say(format!("{} {words}\r\n", asked.tag).into_bytes()))
        })
        .await;
    }
}

/// A login that is refused for now is made again by itself; nobody is asked for another password.
#[tokio::test]
async fn what_it_puts_off_at_the_login_is_tried_again() {
    for words in [
        "NO [ALERT] Too many simultaneous connections. (Failure)",
        "NO [THROTTLED] slow down",
        "NO [SERVERBUG] oh",
        "NO [OVERQUOTA] no room for your session",
        "NO Server Unavailable. 15",
        "NO Login failed: generic failure",
    ] {
        let refused = AtomicUsize::new(0);
        comes_through(move |asked| {
            let no = asked.command.starts_with("AUTHENTICATE") && refused.fetch_add(1, SeqCst) < 2;
            no.then(|| Act::Say(format!("{} {words}\r\n", asked.tag).into_bytes()))
        })
        .await;
    }
}
