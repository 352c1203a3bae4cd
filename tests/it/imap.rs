//! The IMAP worker against a real Dovecot.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use casemail::imap::{
    AccountSetup, Error, Handle, Limits, Link, MailboxAt, StoreFlags, Times, UidSet, spawn, sync_counted, sync_once,
};
use casemail::net::sasl::{Credentials, Proof};
use casemail::net::{Culprit, Endpoint, Secret, tls};
use casemail::store::flags::Flags;

use crate::support::dovecot::{Dovecot, Options, PASSWORD};
use crate::support::memory::Memory;

const USER: &str = "quill";

fn mail(n: usize, body: &str) -> Vec<u8> {
    format!(
        "From: Wren <wren@copfs.gov.example>\r\nTo: Quill <b.quill@quillpounce.example>\r\nSubject: No. {n}\r\n\
         Message-ID: <{n}@copfs.gov.example>\r\nDate: Fri, 17 Jul 2026 10:00:00 +0100\r\n\r\n{body}\r\n"
    )
    .into_bytes()
}

fn setup_at(server: &Dovecot, endpoint: Endpoint) -> AccountSetup {
    account(endpoint, &server.ca_file())
}

/// An account that does not wait long.
pub(crate) fn account(endpoint: Endpoint, ca_file: &Path) -> AccountSetup {
    AccountSetup {
        refusals: None,
        name: "work".to_owned(),
        endpoint,
        tls: tls::client_config(Some(ca_file)).unwrap(),
        credentials: Credentials::password(USER, Secret::new(PASSWORD.to_owned())),
        sent_mailbox: None,
        skip: Vec::new(),
        compress: false,
        limits: Limits::default(),
        times: Times { retry_first: Duration::from_millis(100), ..Times::default() },
    }
}

fn setup(server: &Dovecot) -> AccountSetup {
    setup_at(server, server.tls())
}

async fn online(sink: &Memory) {
    sink.until("online and watched", |state| state.link() == Some(&Link::Online { live: true })).await;
}

async fn start(setup: AccountSetup) -> (Arc<Memory>, Handle) {
    let sink = Arc::new(Memory::default());
    let handle = spawn(setup, Arc::clone(&sink));
    online(&sink).await;
    (sink, handle)
}

fn at(sink: &Memory, mailbox: &str) -> MailboxAt {
    let uid_validity = sink.look(|state| state.mailboxes[mailbox].uid_validity);
    MailboxAt { name: Arc::from(mailbox), uid_validity }
}

#[tokio::test]
async fn first_sync_newest_first_and_nothing_twice() {
    let Some(server) = Dovecot::start() else { return };
    server.fill(USER, "INBOX", (1..=350).map(|n| mail(n, "hello")));
    server.create(USER, "Entwürfe");
    server.deliver(USER, "Entwürfe", &mail(900, "draft"));
    for endpoint in [server.tls(), server.starttls()] {
        let sink = Memory::default();
        let passes = sync_once(&setup_at(&server, endpoint), &sink, &[]).await.unwrap();
        assert_eq!(passes[0].mailbox, "INBOX");
        assert_eq!((passes[0].new, passes[0].changed, passes[0].vanished), (350, 0, 0));
        assert!(
            passes[0].bytes_in > 350 * 200 && passes[0].bytes_out > 100 && passes[0].round_trips <= 7,
            "{passes:?}"
        );
        sink.look(|state| {
            let names: Vec<&str> = state.listed.iter().map(|info| info.name.as_str()).collect();
            assert_eq!(names, ["INBOX", "Sent", "Drafts", "Entwürfe", "Trash"]);
            let inbox = &state.mailboxes["INBOX"];
            assert_eq!((inbox.messages.len(), inbox.whole()), (350, 350));
            assert_eq!(inbox.raw(7), mail(7, "hello"));
            // The first page, newest first, then everything, newest first.
            assert_eq!(inbox.order[..100], (251..=350).rev().collect::<Vec<_>>());
            assert_eq!(inbox.order[100..], (1..=350).rev().collect::<Vec<_>>());
            assert_eq!(inbox.messages[&1].internal_date, Some(1_700_000_000));
            assert_eq!(state.mailboxes["Entwürfe"].whole(), 1);
        });
        // Again: nothing to do, and that in one round trip each.
        let passes = sync_once(&setup(&server), &sink, &[]).await.unwrap();
        assert!(passes.iter().all(|pass| pass.new == 0 && pass.changed == 0 && pass.round_trips <= 1), "{passes:?}");
    }
}

#[tokio::test]
async fn what_changed_while_we_were_away() {
    let Some(server) = Dovecot::start() else { return };
    let bare = Options { without: vec!["CONDSTORE", "QRESYNC", "ENABLE"], ..Options::default() };
    let authority = casemail::demo::authority::Authority::new("casemail tests").unwrap();
    let old = Dovecot::start_with(&authority, &bare).unwrap();
    for server in [server, old] {
        server.fill(USER, "INBOX", (1..=60).map(|n| mail(n, "hello")));
        let sink = Memory::default();
        sync_once(&setup(&server), &sink, &[]).await.unwrap();
        server.doveadm(&["flags", "add", "-u", USER, "\\Seen $Otter", "mailbox", "INBOX", "uid", "5:9"], b"");
        server.doveadm(&["expunge", "-u", USER, "mailbox", "INBOX", "uid", "20:29,60"], b"");
        server.deliver(USER, "INBOX", &mail(61, "new"));
        let passes = sync_once(&setup(&server), &sink, &["INBOX".to_owned()]).await.unwrap();
        assert_eq!((passes[0].new, passes[0].changed, passes[0].vanished), (1, 5, 11), "{passes:?}");
        sink.look(|state| {
            let inbox = &state.mailboxes["INBOX"];
            assert_eq!(inbox.messages.len(), 50);
            assert!(inbox.messages[&7].flags.seen());
            assert_eq!(inbox.messages[&7].flags.keywords(), ["$Otter"]);
            assert_eq!(inbox.raw(61), mail(61, "new"));
        });
    }
}

/// Login, list, and nothing else, however many mailboxes there are.
#[tokio::test]
async fn where_nothing_changed_no_mailbox_is_opened() {
    let authority = casemail::demo::authority::Authority::new("casemail tests").unwrap();
    for (without, most) in [
        (vec![], 2),
        // STATUS of each instead, all at once.
        (vec!["LIST-STATUS"], 3),
        // LSUB goes with LIST.
        (vec!["LIST-STATUS", "LIST-EXTENDED", "SASL-IR", "ID", "NAMESPACE", "UNSELECT"], 4),
    ] {
        let told = format!("without {without:?}");
        let Some(server) = Dovecot::start_with(&authority, &Options { without, ..Options::default() }) else { return };
        server.fill(USER, "INBOX", (1..=20).map(|n| mail(n, "hello")));
        for n in 1..=30 {
            server.create(USER, &format!("Fälle/{n}"));
            server.deliver(USER, &format!("Fälle/{n}"), &mail(n, "hello"));
        }
        let sink = Memory::default();
        sync_once(&setup(&server), &sink, &[]).await.unwrap();
        // The first opening of a new mailbox may raise its modification sequence.
        sync_once(&setup(&server), &sink, &[]).await.unwrap();
        let synced = sync_counted(&setup(&server), &sink, &[]).await.unwrap();
        assert!(synced.round_trips <= most, "{told}: {synced:?}");
        assert!(synced.passes.len() >= 34 && synced.passes.iter().all(|pass| pass.round_trips == 0), "{told}");
        eprintln!("34 mailboxes {told}: {} round trips, {} bytes in", synced.round_trips, synced.bytes_in);

        // What changed is opened, and nothing else.
        server.deliver(USER, "Fälle/7", &mail(77, "new"));
        server.doveadm(&["flags", "add", "-u", USER, "\\Seen", "mailbox", "Fälle/8", "uid", "1"], b"");
        server.doveadm(&["expunge", "-u", USER, "mailbox", "Fälle/9", "uid", "1"], b"");
        let synced = sync_counted(&setup(&server), &sink, &[]).await.unwrap();
        let busy: Vec<_> = synced.passes.iter().filter(|pass| pass.round_trips > 0).collect();
        let did: Vec<_> = busy.iter().map(|p| (p.mailbox.as_str(), p.new, p.changed, p.vanished)).collect();
        assert_eq!(did, [("Fälle/7", 1, 0, 0), ("Fälle/8", 0, 1, 0), ("Fälle/9", 0, 0, 1)], "{told}");
    }
}

/// What a resync asks and gets: one round trip for all new messages' sizes and one for their bodies, whatever changed beside.
#[tokio::test]
async fn what_a_resync_costs() {
    let Some(server) = Dovecot::start() else { return };
    server.fill(USER, "INBOX", (1..=2_000).map(|n| mail(n, "hello")));
    let sink = Memory::default();
    sync_once(&setup(&server), &sink, &[]).await.unwrap();
    let nothing = sync_counted(&setup(&server), &sink, &["INBOX".to_owned()]).await.unwrap();
    server.doveadm(&["flags", "add", "-u", USER, "\\Seen", "mailbox", "INBOX", "uid", "1:500"], b"");
    server.doveadm(&["expunge", "-u", USER, "mailbox", "INBOX", "uid", "601:800"], b"");
    for n in 2_001..=2_100 {
        server.deliver(USER, "INBOX", &mail(n, "new"));
    }
    let some = sync_counted(&setup(&server), &sink, &["INBOX".to_owned()]).await.unwrap();
    let pass = &some.passes[0];
    assert_eq!((pass.new, pass.changed, pass.vanished), (100, 500, 200));
    for (what, synced) in [("nothing changed", &nothing), ("100 new, 500 flags, 200 gone", &some)] {
        let (trips, inn, out) = (synced.round_trips, synced.bytes_in, synced.bytes_out);
        eprintln!("{what}: {trips} round trips, {inn} bytes in, {out} out");
    }
    assert!(nothing.round_trips <= 3 && some.round_trips <= 5, "{nothing:?} {some:?}");
}

/// With CONDSTORE and without QRESYNC nobody says what was removed: it is asked for in ranges, not message by message.
#[tokio::test]
async fn what_was_removed_costs_few_bytes() {
    let authority = casemail::demo::authority::Authority::new("casemail tests").unwrap();
    let mut costs = Vec::new();
    for without in [vec!["QRESYNC", "ENABLE"], vec!["QRESYNC", "ENABLE", "ESEARCH"]] {
        let Some(server) = Dovecot::start_with(&authority, &Options { without, ..Options::default() }) else { return };
        server.fill(USER, "INBOX", (1..=2_000).map(|n| mail(n, "hello")));
        let sink = Memory::default();
        sync_once(&setup(&server), &sink, &[]).await.unwrap();
        server.doveadm(&["expunge", "-u", USER, "mailbox", "INBOX", "uid", "7,100:150,1999"], b"");
        server.doveadm(&["flags", "add", "-u", USER, "\\Flagged", "mailbox", "INBOX", "uid", "9"], b"");
        server.deliver(USER, "INBOX", &mail(2_001, "new"));
        let passes = sync_once(&setup(&server), &sink, &["INBOX".to_owned()]).await.unwrap();
        let pass = &passes[0];
        assert_eq!((pass.new, pass.changed, pass.vanished), (1, 1, 53));
        sink.look(|state| {
            let kept = &state.mailboxes["INBOX"].messages;
            assert!(kept.len() == 1_948 && !kept.contains_key(&120) && kept.contains_key(&2_001));
        });
        costs.push(pass.bytes_in);
    }
    eprintln!("with ESEARCH {} bytes came, without {}", costs[0], costs[1]);
    assert!(costs[0] < 4_000 && costs[1] > 80_000, "{costs:?}");
}

/// A mailbox that is renamed keeps what is held of it; one that is removed leaves.
#[tokio::test]
async fn renamed_and_removed_mailboxes() {
    let authority = casemail::demo::authority::Authority::new("casemail tests").unwrap();
    for without in [vec![], vec!["LIST-STATUS"], vec!["LIST-STATUS", "CONDSTORE", "QRESYNC", "ENABLE"]] {
        let told = format!("without {without:?}");
        let Some(server) = Dovecot::start_with(&authority, &Options { without, ..Options::default() }) else { return };
        for (name, count) in [("Wren", 5), ("Wren/Bail", 2), ("Otter", 3)] {
            server.create(USER, name);
            server.fill(USER, &name.replace('/', "."), (1..=count).map(|n| mail(n, "hello")));
        }
        let sink = Memory::default();
        sync_once(&setup(&server), &sink, &[]).await.unwrap();
        server.doveadm(&["mailbox", "rename", "-s", "-u", USER, "Wren", "Closed"], b"");
        // A rename leaves the subscriptions of what lies below (RFC 9051 §6.3.6 says nothing of them); other clients put that right.
        server.doveadm(&["mailbox", "subscribe", "-u", USER, "Closed/Bail"], b"");
        server.doveadm(&["mailbox", "delete", "-s", "-u", USER, "Otter"], b"");
        let passes = sync_once(&setup(&server), &sink, &[]).await.unwrap();
        assert!(passes.iter().all(|pass| pass.new == 0), "{told}: {passes:?}");
        sink.look(|state| {
            let renamed = [("Wren", "Closed"), ("Wren/Bail", "Closed/Bail")].map(|(a, b)| (a.to_owned(), b.to_owned()));
            assert_eq!(state.renamed, renamed, "{told}");
            assert_eq!((state.mailboxes["Closed"].whole(), state.mailboxes["Closed"].begun), (5, 1), "{told}");
            assert!(!state.mailboxes.contains_key("Otter"), "{told}");
        });
    }
}

#[tokio::test]
async fn a_rebuilt_mailbox_is_fetched_anew() {
    let Some(server) = Dovecot::start() else { return };
    server.create(USER, "Otter");
    server.deliver(USER, "Otter", &mail(1, "before"));
    let sink = Memory::default();
    sync_once(&setup(&server), &sink, &[]).await.unwrap();
    let before = at(&sink, "Otter");
    server.doveadm(&["mailbox", "delete", "-u", USER, "Otter"], b"");
    // UIDVALIDITY is made from the time in seconds.
    std::thread::sleep(Duration::from_millis(1_100));
    server.create(USER, "Otter");
    server.deliver(USER, "Otter", &mail(2, "after"));
    sync_once(&setup(&server), &sink, &[]).await.unwrap();
    assert_ne!(at(&sink, "Otter"), before);
    sink.look(|state| assert_eq!(state.mailboxes["Otter"].raw(1), mail(2, "after")));

    let handle = spawn(setup(&server), Arc::new(Memory::default()));
    let stale = handle.fetch(before, 1).await;
    assert_eq!(stale, Err(Error::Rebuilt { mailbox: "Otter".to_owned() }));
}

#[tokio::test]
async fn new_mail_is_here_within_two_seconds() {
    let Some(server) = Dovecot::start() else { return };
    let (sink, _handle) = start(setup(&server)).await;
    for n in 1..=3 {
        server.deliver(USER, "INBOX", &mail(n, "ring"));
        let delivered = Instant::now();
        let uid = u32::try_from(n).unwrap();
        sink.until_within(Duration::from_secs(2), "the new message", |state| {
            state.mailboxes["INBOX"].messages.contains_key(&uid) && state.mailboxes["INBOX"].whole() == n
        })
        .await;
        eprintln!("delivered to here: {:?}", delivered.elapsed());
        assert_eq!(sink.look(|state| state.mailboxes["INBOX"].raw(uid).to_vec()), mail(n, "ring"));
    }
    // Flags that are set elsewhere, and what is expunged elsewhere, come by the same way.
    server.doveadm(&["flags", "add", "-u", USER, "\\Flagged", "mailbox", "INBOX", "uid", "2"], b"");
    sink.until("the flag", |state| state.mailboxes["INBOX"].messages[&2].flags.flagged()).await;
    server.doveadm(&["expunge", "-u", USER, "mailbox", "INBOX", "uid", "1"], b"");
    sink.until("the expunge", |state| state.mailboxes["INBOX"].messages.len() == 2).await;
}

#[tokio::test]
async fn requests_are_served() {
    let Some(server) = Dovecot::start() else { return };
    let large = mail(2, &"0123456789abcdef\r\n".repeat(600_000));
    server.fill(USER, "INBOX", [mail(1, "small"), large.clone()].into_iter());
    let mut setup = setup(&server);
    setup.limits.message_bytes_max = 1_000_000;
    let (sink, handle) = start(setup).await;
    let inbox = at(&sink, "INBOX");

    // Too large to be fetched unasked; asked for, it comes whole.
    sink.look(|state| assert!(state.mailboxes["INBOX"].raw(2).len() < 2_000));
    let fetched = handle.fetch(inbox.clone(), 2).await.unwrap();
    assert!(matches!(fetched.body, casemail::imap::Body::Whole(raw) if *raw == *large));
    assert_eq!(handle.fetch(inbox.clone(), 77).await, Err(Error::Gone { mailbox: "INBOX".to_owned() }));

    // Flags.
    let change = |add, remove, since| StoreFlags {
        at: inbox.clone(),
        uids: UidSet::from(1..=2),
        add,
        remove,
        unchanged_since: since,
    };
    let flagged = Flags::new(Flags::SEEN | Flags::FLAGGED, vec!["$Otter".to_owned()]);
    let stored = handle.store_flags(change(flagged.clone(), Flags::default(), None)).await.unwrap();
    assert_eq!(stored.flags, [(1, flagged.clone()), (2, flagged.clone())]);
    let stored = handle.store_flags(change(Flags::default(), Flags::new(Flags::SEEN, vec![]), None)).await.unwrap();
    assert!(stored.flags.iter().all(|(_, flags)| flags.flagged() && !flags.seen()));
    let stored = handle.store_flags(change(flagged, Flags::default(), Some(1))).await.unwrap();
    assert_eq!(stored.conflicts, UidSet::from(1..=2));
    let shown = server.doveadm(&["fetch", "-u", USER, "uid flags", "mailbox", "INBOX", "uid", "1"], b"");
    assert!(shown.contains("\\Flagged") && !shown.contains("\\Seen"), "{shown}");

    // A copy to \Sent, and finding it.
    let raw: Arc<[u8]> = mail(5, "sent").into();
    let seen = Flags::new(Flags::SEEN, vec![]);
    let appended = handle.file_sent(None, Arc::clone(&raw), seen.clone(), Some(1_000_000_000)).await.unwrap();
    assert_eq!(appended.mailbox, "Sent");
    let (uid_validity, uid) = appended.uid.unwrap();
    let found = handle.find(None, "5@copfs.gov.example".to_owned()).await.unwrap();
    assert_eq!((found.at.uid_validity, found.uids), (uid_validity, vec![uid]));
    assert!(handle.find(None, "none@such".to_owned()).await.unwrap().uids.is_empty());
    assert_eq!(
        handle.append("No Such".to_owned(), raw, seen, None).await,
        Err(Error::NoMailbox { mailbox: "No Such".to_owned() })
    );
    let copy = handle.fetch(found.at, uid).await.unwrap();
    assert_eq!(copy.internal_date, Some(1_000_000_000));
    assert!(copy.flags.seen());

    // After all of this new mail is still announced.
    server.deliver(USER, "INBOX", &mail(6, "ring"));
    sink.until("the new message", |state| state.mailboxes["INBOX"].messages.contains_key(&3)).await;
    // And the copy comes with the next look at all mailboxes.
    handle.sync_now();
    sink.until("the copy", |state| state.mailboxes["Sent"].messages.contains_key(&uid)).await;

    handle.set_online(false);
    sink.until("offline", |state| state.link() == Some(&Link::Offline)).await;
    assert_eq!(handle.fetch(inbox.clone(), 1).await, Err(Error::Offline));
    handle.set_online(true);
    online(&sink).await;
    handle.fetch(inbox.clone(), 1).await.unwrap();
    handle.end();
    assert_eq!(handle.fetch(inbox, 1).await, Err(Error::Ended));
}

/// With MOVE, with COPY and UID EXPUNGE, and with neither.
/// What just came is read, flagged and moved though the connection that does it was told nothing of it yet.
#[tokio::test]
async fn what_came_a_moment_ago_is_there_for_every_request() {
    let Some(server) = Dovecot::start() else { return };
    server.fill(USER, "INBOX", std::iter::once(mail(1, "first")));
    server.create(USER, "Archive");
    let (sink, handle) = start(setup(&server)).await;
    let inbox = at(&sink, "INBOX");
    let seen = Flags::new(Flags::SEEN, vec![]);
    for uid in (2..=13).step_by(3) {
        for n in 0..3 {
            server.deliver(USER, "INBOX", &mail(usize::try_from(uid + n).unwrap(), "new"));
            let change = StoreFlags {
                at: inbox.clone(),
                uids: UidSet::from(uid + n..=uid + n),
                add: seen.clone(),
                remove: Flags::default(),
                unchanged_since: None,
            };
            match n {
                0 => drop(handle.fetch(inbox.clone(), uid).await.unwrap()),
                1 => assert_eq!(handle.store_flags(change).await.unwrap().flags, [(uid + 1, seen.clone())]),
                _ => {
                    let moved = handle.move_messages(inbox.clone(), change.uids, "Archive".to_owned()).await.unwrap();
                    assert_eq!(moved.copied.uids.len(), 1, "{moved:?}");
                }
            }
        }
    }
}

#[tokio::test]
async fn messages_are_moved_copied_and_removed() {
    let authority = casemail::demo::authority::Authority::new("casemail tests").unwrap();
    for without in [vec![], vec!["MOVE"], vec!["MOVE", "UIDPLUS"]] {
        let uidplus = !without.contains(&"UIDPLUS");
        let options = Options { without, ..Options::default() };
        let Some(server) = Dovecot::start_with(&authority, &options) else { return };
        server.fill(USER, "INBOX", (1..=9).map(|n| mail(n, "hello")));
        // Somebody else has marked one, and is not done with it.
        server.doveadm(&["flags", "add", "-u", USER, "\\Deleted", "mailbox", "INBOX", "uid", "9"], b"");
        let (sink, handle) = start(setup(&server)).await;
        let inbox = at(&sink, "INBOX");
        let to = "Fälle".to_owned();
        let few: UidSet = [2, 4, 77].into_iter().collect();
        let nowhere = handle.move_messages(inbox.clone(), few.clone(), to.clone()).await;
        assert_eq!(nowhere, Err(Error::NoMailbox { mailbox: to.clone() }));
        assert_eq!(handle.create_mailbox(to.clone(), None).await, Ok(to.clone()));
        assert_eq!(handle.create_mailbox(to.clone(), None).await, Ok(to.clone()), "twice is once");

        let moved = handle.move_messages(inbox.clone(), few.clone(), to.clone()).await.unwrap();
        assert_eq!(moved.copied.uids, [(2, 1), (4, 2)]);
        assert_eq!(moved.left.is_empty(), uidplus);
        let copied = handle.copy(inbox.clone(), UidSet::from(5..=6), to.clone()).await.unwrap();
        assert_eq!((copied.uids, copied.uid_validity), (vec![(5, 3), (6, 4)], moved.copied.uid_validity));
        let gone = handle.expunge(inbox.clone(), UidSet::from(7..=8)).await.unwrap();
        assert_eq!(gone.left.is_empty(), uidplus);
        handle.expunge(inbox.clone(), UidSet::from(7..=8)).await.unwrap();

        // Both mailboxes are looked at without being asked to.
        let left: Vec<u32> = if uidplus { vec![1, 3, 5, 6, 9] } else { (1..=9).collect() };
        sink.until("what is left", |state| state.mailboxes["INBOX"].messages.keys().copied().eq(left.iter().copied()))
            .await;
        handle.sync_now();
        sink.until("what came", |state| state.mailboxes.get("Fälle").is_some_and(|kept| kept.whole() == 4)).await;
        sink.look(|state| assert_eq!(state.mailboxes["Fälle"].raw(1), mail(2, "hello")));
        let marked = server.doveadm(&["fetch", "-u", USER, "uid flags", "mailbox", "INBOX", "uid", "9"], b"");
        assert!(marked.contains("\\Deleted"), "{marked}");
    }
}

/// A large message in pieces: what is opened meanwhile does not wait for it.
#[tokio::test]
async fn a_large_message_in_pieces() {
    let Some(server) = Dovecot::start() else { return };
    let large = mail(2, &"0123456789abcdef\r\n".repeat(1_000_000));
    server.fill(USER, "INBOX", [mail(1, "small"), large.clone()].into_iter());
    let mut setup = setup(&server);
    setup.limits.message_bytes_max = 1_000_000;
    let (sink, handle) = start(setup).await;
    let inbox = at(&sink, "INBOX");
    let (to, mut pieces) = tokio::sync::mpsc::channel(1);
    let download = tokio::spawn({
        let (handle, inbox) = (handle.clone(), inbox.clone());
        async move { handle.download(inbox, 2, 0, None, to).await }
    });
    let first = pieces.recv().await.unwrap();
    assert_eq!(first, large[..256 << 10]);
    // The others wait until they are asked for, and something else goes before them.
    let opened = tokio::spawn({
        let (handle, inbox) = (handle.clone(), inbox.clone());
        async move { handle.fetch(inbox, 1).await }
    });
    let mut got = first;
    let mut before = None;
    while let Some(piece) = pieces.recv().await {
        if before.is_none() && opened.is_finished() {
            before = Some(got.len());
        }
        got.extend(piece);
    }
    assert!(got == large);
    assert_eq!(download.await.unwrap().unwrap(), large.len() as u64);
    opened.await.unwrap().unwrap();
    assert!(before.is_some_and(|before| before < 8 << 20), "{before:?}");
    // A part, from somewhere; and nothing of a message that is not there.
    let (to, mut pieces) = tokio::sync::mpsc::channel(8);
    assert_eq!(handle.download(inbox.clone(), 2, 1_000, Some(5_000), to.clone()).await, Ok(5_000));
    assert_eq!(pieces.recv().await.unwrap(), large[1_000..5_000]);
    assert_eq!(handle.download(inbox.clone(), 2, large.len() as u64, None, to.clone()).await, Ok(large.len() as u64));
    // Whoever loses interest leaves nothing behind that the next one would get.
    let (nobody, cared) = tokio::sync::mpsc::channel(1);
    drop(cared);
    handle.download(inbox.clone(), 2, 0, None, nobody).await.unwrap();
    assert_eq!(handle.fetch(inbox.clone(), 1).await.unwrap().uid, 1);
    assert_eq!(handle.download(inbox, 99, 0, None, to).await, Err(Error::Gone { mailbox: "INBOX".to_owned() }));
}

/// COMPRESS=DEFLATE, where the user asks for it: everything as without.
#[tokio::test]
async fn compressed() {
    let authority = casemail::demo::authority::Authority::new("casemail tests").unwrap();
    let config = "mail_plugins = zlib\nprotocol imap {\n  mail_plugins = $mail_plugins imap_zlib\n}".to_owned();
    let Some(server) = Dovecot::start_with(&authority, &Options { config, ..Options::default() }) else { return };
    server.fill(USER, "INBOX", (1..=300).map(|n| mail(n, &"A line of an ordinary message.\r\n".repeat(n))));
    let mut setup = setup(&server);
    setup.compress = true;
    let (sink, handle) = start(setup).await;
    sink.until("all", |state| state.mailboxes["INBOX"].whole() == 300).await;
    sink.look(|state| {
        let body = "A line of an ordinary message.\r\n".repeat(299);
        assert_eq!(state.mailboxes["INBOX"].raw(299), mail(299, &body));
    });
    let raw: Arc<[u8]> = mail(900, &"another line\r\n".repeat(40_000)).into();
    let filed = handle.file_sent(None, Arc::clone(&raw), Flags::default(), None).await.unwrap();
    let fetched = handle.fetch(at(&sink, "Sent"), filed.uid.unwrap().1).await.unwrap();
    assert!(matches!(fetched.body, casemail::imap::Body::Whole(copy) if *copy == *raw));
    server.deliver(USER, "INBOX", &mail(301, "ring"));
    sink.until("new mail", |state| state.mailboxes["INBOX"].whole() == 301).await;
}

/// With NOTIFY (RFC 5465), new mail and flags in any mailbox are seen at once.
#[tokio::test]
async fn other_mailboxes_are_watched_too() {
    let Some(server) = Dovecot::start() else { return };
    for name in ["Otter", "Wren"] {
        server.create(USER, name);
        server.deliver(USER, name, &mail(1, "hello"));
    }
    let (sink, _handle) = start(setup(&server)).await;
    let soon = Duration::from_secs(20);
    server.deliver(USER, "Otter", &mail(2, "ring"));
    sink.until_within(soon, "the new message", |state| state.mailboxes["Otter"].whole() == 2).await;
    server.doveadm(&["flags", "add", "-u", USER, "\\Flagged", "mailbox", "Wren", "uid", "1"], b"");
    sink.until_within(soon, "the flag", |state| state.mailboxes["Wren"].messages[&1].flags.flagged()).await;
    server.doveadm(&["expunge", "-u", USER, "mailbox", "Wren", "all"], b"");
    sink.until_within(soon, "the expunge", |state| state.mailboxes["Wren"].messages.is_empty()).await;
    server.create(USER, "Weir");
    sink.until_within(soon, "the new mailbox", |state| state.listed.iter().any(|info| info.name == "Weir")).await;
    server.doveadm(&["mailbox", "rename", "-s", "-u", USER, "Otter", "Badger"], b"");
    sink.until_within(soon, "the new name", |state| state.mailboxes.contains_key("Badger")).await;
    sink.look(|state| assert_eq!((state.mailboxes["Badger"].whole(), state.mailboxes["Badger"].begun), (2, 1)));
}

#[tokio::test]
async fn without_idle_requests_are_still_served() {
    let authority = casemail::demo::authority::Authority::new("casemail tests").unwrap();
    let options =
        Options { without: vec!["IDLE", "SPECIAL-USE", "LIST-EXTENDED", "SASL-IR", "UIDPLUS"], ..Options::default() };
    let Some(server) = Dovecot::start_with(&authority, &options) else { return };
    server.deliver(USER, "INBOX", &mail(1, "hello"));
    let mut setup = setup(&server);
    setup.sent_mailbox = Some("Sent".to_owned());
    let (sink, handle) = start(setup).await;
    handle.fetch(at(&sink, "INBOX"), 1).await.unwrap();
    let appended = handle.file_sent(None, mail(2, "sent").into(), Flags::default(), None).await.unwrap();
    assert_eq!(appended.mailbox, "Sent");
    server.deliver(USER, "INBOX", &mail(3, "hello"));
    handle.sync_now();
    sink.until("the new message", |state| state.mailboxes["INBOX"].messages.contains_key(&2)).await;
}

#[tokio::test]
async fn a_wrong_password_is_tried_once() {
    let Some(server) = Dovecot::start() else { return };
    let mut setup = setup(&server);
    setup.credentials.proof = Proof::Password(Secret::new("wrong".to_owned()));
    let sink = Arc::new(Memory::default());
    let handle = spawn(setup, Arc::clone(&sink));
    sink.until("the refusal", |state| {
        matches!(state.link(), Some(Link::Waiting { culprit: Culprit::Credentials, retry_in: None, .. }))
    })
    .await;
    let why = sink.look(|state| format!("{:?}", state.link()));
    assert!(why.contains("does not accept the user name and password of quill"), "{why}");
    assert!(!why.contains("wrong"), "{why}");
    let tries = sink.look(|state| state.links.iter().filter(|link| **link == Link::Connecting).count());
    assert_eq!(tries, 1);
    handle.set_password(Secret::new(PASSWORD.to_owned()));
    online(&sink).await;
}

#[tokio::test]
async fn a_kicked_session_comes_back() {
    let Some(server) = Dovecot::start() else { return };
    server.deliver(USER, "INBOX", &mail(1, "hello"));
    let (sink, handle) = start(setup(&server)).await;
    for n in 2..=3 {
        server.doveadm(&["kick", USER], b"");
        server.deliver(USER, "INBOX", &mail(n, "after"));
        handle.sync_now();
        let uid = u32::try_from(n).unwrap();
        sink.until("the message after the kick", |state| state.mailboxes["INBOX"].messages.contains_key(&uid)).await;
        online(&sink).await;
    }
    sink.look(|state| assert_eq!(state.mailboxes["INBOX"].begun, 1, "nothing was fetched anew"));
}

#[tokio::test]
async fn ten_thousand_messages() {
    let Some(server) = Dovecot::start() else { return };
    server.fill(USER, "INBOX", (1..=10_000).map(|n| mail(n, &"A line of an ordinary message.\r\n".repeat(n % 60))));
    let sink = Arc::new(Memory::default());
    let began = Instant::now();
    let handle = spawn(setup(&server), Arc::clone(&sink));
    sink.until("a first page", |state| state.mailboxes.get("INBOX").is_some_and(|inbox| inbox.messages.len() >= 100))
        .await;
    let page = began.elapsed();
    // While the first sync goes on, a message is opened and new mail comes.
    let fetched = handle.fetch(at(&sink, "INBOX"), 17).await.unwrap();
    assert_eq!(fetched.uid, 17);
    let opened = began.elapsed();
    server.deliver(USER, "INBOX", &mail(10_001, "ring"));
    sink.until("the new message", |state| state.mailboxes["INBOX"].messages.contains_key(&10_001)).await;
    sink.until_within(Duration::from_secs(120), "all", |state| {
        state.mailboxes["INBOX"].whole() == 10_001 && state.link() == Some(&Link::Online { live: true })
    })
    .await;
    eprintln!("first page {page:?}, message opened {opened:?}, all {:?}", began.elapsed());
    sink.look(|state| {
        assert_eq!(state.mailboxes["INBOX"].raw(9_999), mail(9_999, &"A line of an ordinary message.\r\n".repeat(39)));
        assert!(state.batch_bytes <= 9 << 20, "{}", state.batch_bytes);
    });
}
