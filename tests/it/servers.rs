//! One suite, four servers: whatever a mail server of another maker does its own way, the account comes out the same.
//!
//! Dovecot, Cyrus and Courier as Debian has them, and pymap from PyPI; each test starts its own. `tests/servers` brings the last three.

use std::sync::Arc;
use std::time::Duration;

use casemail::imap::{AccountSetup, Body, Handle, Left, Link, MailboxAt, Pass, StoreFlags, UidSet, spawn, sync_once};
use casemail::net::sasl::Proof;
use casemail::net::{Culprit, Secret, Security};
use casemail::store::flags::Flags;

use crate::imap::account;
use crate::support::dovecot::Dovecot;
use crate::support::host::{Daemon, Host};
use crate::support::memory::Memory;
use crate::support::other_client::OtherClient;

use crate::servers_whole::{
    the_program_moves_deletes_appends_and_follows_a_rename, the_program_replays_what_was_done_offline,
    the_program_sends_and_files_once, the_program_syncs_and_flags_go_both_ways,
};

impl Daemon for Dovecot {
    fn up(&mut self) {
        self.start_again();
    }

    fn down(&mut self) {
        self.stop();
    }

    fn dir(&self) -> &std::path::Path {
        Self::dir(self)
    }

    fn log(&self) -> String {
        Self::log(self)
    }
}

fn dovecot() -> Option<Host> {
    let server = Dovecot::start()?;
    Some(Host::running("Dovecot", vec![server.tls(), server.starttls()], Box::new(server)))
}

/// A test of each name, for each server.
macro_rules! suite {
    ($($server:ident: $start:path, $tests:tt;)*) => {
        $(mod $server {
            suite!(@tests $start, $tests);
        })*
    };
    (@tests $start:path, [$($test:ident)*]) => {
        $(#[tokio::test]
        async fn $test() {
            if let Some(host) = $start() {
                super::$test(host).await;
            }
        })*
    };
}

macro_rules! everywhere {
    ($($server:ident: $start:path;)*) => {
        suite! {
            $($server: $start, [
                what_is_there_and_what_changes
                mailboxes_nested_and_not_ascii
                a_mailbox_made_anew
                a_deleted_mailbox_leaves_and_a_renamed_one_keeps_its_own
                a_mailbox_that_was_emptied
                requests
                new_mail_is_announced
                who_may_come_in
                the_server_restarts
                large_messages_come_by_their_header
                moved_copied_and_expunged
                the_program_syncs_and_flags_go_both_ways
                the_program_moves_deletes_appends_and_follows_a_rename
                the_program_replays_what_was_done_offline
                the_program_sends_and_files_once
            ];)*
        }
    };
}

everywhere! {
    on_dovecot: super::dovecot;
    on_cyrus: crate::support::cyrus::start;
    on_courier: crate::support::courier::start;
    on_pymap: crate::support::pymap::start;
}

fn setup(host: &Host) -> AccountSetup {
    account(host.endpoints[0].clone(), &host.ca_file())
}

async fn other(host: &Host) -> OtherClient {
    OtherClient::start(&host.endpoints[0], &host.ca_file()).await
}

fn mail(n: usize, body: &str) -> Vec<u8> {
    format!(
        "From: Wren <wren@copfs.gov.example>\r\nTo: Quill <quill@quillpounce.example>\r\nSubject: No. {n}\r\n\
         Message-ID: <{n}@copfs.gov.example>\r\nDate: Fri, 17 Jul 2026 10:00:00 +0100\r\n\r\n{body}\r\n"
    )
    .into_bytes()
}

/// Makes a mailbox, by its name on the wire, and subscribes to it.
async fn create(client: &mut OtherClient, mailbox: &str) {
    client.run(&format!("CREATE \"{mailbox}\"")).await;
    client.run(&format!("SUBSCRIBE \"{mailbox}\"")).await;
}

async fn inbox_pass(host: &Host, sink: &Memory) -> Pass {
    let passes = sync_once(&setup(host), sink, &["INBOX".to_owned()]).await.unwrap();
    passes.into_iter().find(|pass| pass.mailbox == "INBOX").unwrap()
}

async fn what_is_there_and_what_changes(host: Host) {
    let mut client = other(&host).await;
    for n in 1..=30 {
        client.append("INBOX", &mail(n, "hello")).await;
    }
    let sink = Memory::default();
    let first = inbox_pass(&host, &sink).await;
    assert_eq!((first.new, first.changed, first.vanished), (30, 0, 0), "{first:?}");
    let uids = sink.look(|state| {
        let inbox = &state.mailboxes["INBOX"];
        assert_eq!(inbox.whole(), 30);
        let uids: Vec<u32> = inbox.messages.keys().copied().collect();
        for (i, uid) in uids.iter().enumerate() {
            assert_eq!(inbox.raw(*uid), host.kept(mail(i + 1, "hello")));
        }
        uids
    });
    let again = inbox_pass(&host, &sink).await;
    assert_eq!((again.new, again.changed, again.vanished), (0, 0, 0), "{again:?}");
    eprintln!("{}: {} round trips at first, {} without changes", host.name, first.round_trips, again.round_trips);

    client.run("SELECT INBOX").await;
    client.run(&format!("UID STORE {}:{} +FLAGS (\\Seen \\Flagged)", uids[4], uids[8])).await;
    client.run(&format!("UID STORE {}:{} +FLAGS (\\Deleted)", uids[19], uids[28])).await;
    client.run("EXPUNGE").await;
    client.append("INBOX", &mail(31, "new")).await;
    let changed = inbox_pass(&host, &sink).await;
    assert_eq!((changed.new, changed.changed, changed.vanished), (1, 5, 10), "{changed:?}");
    sink.look(|state| {
        let inbox = &state.mailboxes["INBOX"];
        assert_eq!(inbox.messages.len(), 21);
        assert!(inbox.messages[&uids[6]].flags.seen() && inbox.messages[&uids[6]].flags.flagged());
        assert!(!inbox.messages[&uids[9]].flags.seen());
        assert_eq!(inbox.raw(*inbox.messages.keys().last().unwrap()), host.kept(mail(31, "new")));
        assert_eq!(inbox.begun, 1, "nothing was begun anew");
    });
}

async fn mailboxes_nested_and_not_ascii(host: Host) {
    let mut client = other(&host).await;
    // On the wire, and as people read it (RFC 3501 §5.1.3).
    for (wire, name) in [
        ("Otter", "Otter"),
        ("Otter/Weir", "Otter/Weir"),
        ("Otter/Weir/Gesch&AOQ-ftslage", "Otter/Weir/Geschäftslage"),
        ("&U,BTFw-/&ZeVnLIqe-", "台北/日本語"),
        ("R&-D", "R&D"),
    ] {
        // Where the parent is not there by itself.
        let wire = host.mailbox(wire);
        create(&mut client, &wire).await;
        client.append(&wire, &mail(1, name)).await;
    }
    let sink = Memory::default();
    sync_once(&setup(&host), &sink, &[]).await.unwrap();
    sink.look(|state| {
        for name in ["Otter", "Otter/Weir", "Otter/Weir/Geschäftslage", "台北/日本語", "R&D"] {
            let here = host.mailbox(name);
            let kept = state.mailboxes.get(&here).unwrap_or_else(|| panic!("no {here} in {:?}", state.listed));
            assert_eq!(kept.whole(), 1);
            assert_eq!(
                kept.messages.values().map(|message| body(&message.body)).next().unwrap(),
                host.kept(mail(1, name))
            );
            let info = state.listed.iter().find(|info| info.name == here).unwrap();
            assert_eq!(info.delimiter, Some(host.delimiter));
        }
    });
}

fn body(body: &Body) -> &[u8] {
    match body {
        Body::Whole(raw) | Body::Header(raw) => raw,
        Body::Unfetchable(why) => panic!("{why}"),
    }
}

async fn a_mailbox_made_anew(host: Host) {
    let mut client = other(&host).await;
    let name = host.mailbox("Otter");
    create(&mut client, &name).await;
    client.append(&name, &mail(1, "before")).await;
    let sink = Memory::default();
    let only = [name.clone()];
    sync_once(&setup(&host), &sink, &only).await.unwrap();
    let before = sink.look(|state| state.mailboxes[&name].uid_validity);
    client.run(&format!("DELETE \"{name}\"")).await;
    // UIDVALIDITY is made from the time in seconds.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    create(&mut client, &name).await;
    client.append(&name, &mail(2, "after")).await;
    sync_once(&setup(&host), &sink, &only).await.unwrap();
    sink.look(|state| {
        let otter = &state.mailboxes[&name];
        assert_ne!(otter.uid_validity, before);
        let bodies: Vec<&[u8]> = otter.messages.values().map(|message| body(&message.body)).collect();
        assert_eq!(bodies, [host.kept(mail(2, "after"))]);
    });
}

/// Whatever the server says of a mailbox that is gone, one sync believes it; and one that is called otherwise is known by its messages,
/// though some came and went.
async fn a_deleted_mailbox_leaves_and_a_renamed_one_keeps_its_own(host: Host) {
    let mut client = other(&host).await;
    let [otter, weir, lock] = ["Otter", "Weir", "Lock"].map(|name| host.mailbox(name));
    for (name, count) in [(&otter, 4), (&weir, 3)] {
        create(&mut client, name).await;
        for n in 1..=count {
            client.append(name, &mail(n, &format!("{n} in {name}"))).await;
        }
    }
    let sink = Memory::default();
    sync_once(&setup(&host), &sink, &[]).await.unwrap();
    let before = sink.look(|state| state.mailboxes[&otter].uid_validity);
    client.run(&format!("DELETE \"{weir}\"")).await;
    client.run(&format!("RENAME \"{otter}\" \"{lock}\"")).await;
    client.run(&format!("SUBSCRIBE \"{lock}\"")).await;
    client.append(&lock, &mail(9, "new")).await;
    client.run(&format!("SELECT \"{lock}\"")).await;
    client.run("STORE 2 +FLAGS (\\Deleted)").await;
    client.run("EXPUNGE").await;
    client.run("SELECT INBOX").await;
    let passes = sync_once(&setup(&host), &sink, &[]).await.unwrap();
    let fetched = passes.iter().find(|pass| pass.mailbox == lock).unwrap().new;
    let passes = sync_once(&setup(&host), &sink, &[]).await.unwrap();
    assert!(passes.iter().all(|pass| pass.new == 0), "{}: {passes:?}", host.name);
    sink.look(|state| {
        let (gone, renamed, unlisted) = (&state.gone, &state.renamed, &state.unlisted);
        eprintln!("{}: gone {gone:?}, renamed {renamed:?}, {fetched} fetched", host.name);
        assert!(gone.contains(&(weir.clone(), Left::Removed)), "{}: {gone:?} {unlisted:?}", host.name);
        assert!(!state.mailboxes.contains_key(&weir) && !state.mailboxes.contains_key(&otter), "{}", host.name);
        assert_eq!(state.mailboxes[&lock].whole(), 4, "{}", host.name);
        // Where the UIDs are worth something still, nothing is fetched twice.
        let known = state.mailboxes[&lock].uid_validity == before;
        assert_eq!((renamed.len(), fetched), if known { (1, 1) } else { (0, 4) }, "{}", host.name);
    });
}

/// All of it was removed, and it is believed.
async fn a_mailbox_that_was_emptied(host: Host) {
    let mut client = other(&host).await;
    for n in 1..=6 {
        client.append("INBOX", &mail(n, "hello")).await;
    }
    let sink = Memory::default();
    assert_eq!(inbox_pass(&host, &sink).await.new, 6);
    client.run("SELECT INBOX").await;
    client.run("STORE 1:* +FLAGS (\\Deleted)").await;
    client.run("EXPUNGE").await;
    let pass = inbox_pass(&host, &sink).await;
    assert_eq!((pass.vanished, sink.look(|state| state.mailboxes["INBOX"].messages.len())), (6, 0), "{}", host.name);
    client.append("INBOX", &mail(7, "hello")).await;
    assert_eq!(inbox_pass(&host, &sink).await.new, 1, "{}", host.name);
}

async fn online(sink: &Memory) {
    sink.until_within(Duration::from_secs(60), "online and watched", |state| {
        state.link() == Some(&Link::Online { live: true })
    })
    .await;
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

async fn requests(host: Host) {
    let mut client = other(&host).await;
    let sent = host.mailbox("Sent");
    let listed = client.run("LIST \"\" \"*\"").await;
    if !listed.iter().any(|line| line.contains(&sent)) {
        create(&mut client, &sent).await;
    }
    client.append("INBOX", &mail(1, "small")).await;
    let large = mail(2, &"0123456789abcdef\r\n".repeat(200_000));
    client.append("INBOX", &large).await;
    let mut setup = setup(&host);
    setup.limits.message_bytes_max = 1_000_000;
    let (sink, handle) = start(setup).await;
    let inbox = at(&sink, "INBOX");
    let uids: Vec<u32> = sink.look(|state| state.mailboxes["INBOX"].messages.keys().copied().collect());

    // Too large to come unasked; asked for, it comes whole.
    sink.look(|state| assert!(state.mailboxes["INBOX"].raw(uids[1]).len() < 2_000));
    let fetched = handle.fetch(inbox.clone(), uids[1]).await.unwrap();
    assert!(body(&fetched.body) == host.kept(large), "the large message is another");

    // Flags, as the other client sees them.
    let change = StoreFlags {
        at: inbox.clone(),
        uids: UidSet::from(uids[0]..=uids[0]),
        add: Flags::new(Flags::SEEN | Flags::ANSWERED, vec![]),
        remove: Flags::default(),
        unchanged_since: None,
    };
    handle.store_flags(change).await.unwrap();
    client.run("SELECT INBOX").await;
    let shown = client.run(&format!("UID FETCH {} (FLAGS)", uids[0])).await.join("\n");
    assert!(shown.contains("\\Seen") && shown.contains("\\Answered"), "{shown}");

    // A copy for Sent, found there by its Message-ID, by us and by the other.
    let seen = Flags::new(Flags::SEEN, vec![]);
    let appended = handle.file_sent(None, mail(5, "sent").into(), seen, Some(1_000_000_000)).await.unwrap();
    assert_eq!(appended.mailbox, sent);
    let found = handle.find(None, "5@copfs.gov.example".to_owned()).await.unwrap();
    assert_eq!(found.uids.len(), 1);
    if let Some(uid) = appended.uid {
        assert_eq!((found.at.uid_validity, found.uids[0]), uid);
    }
    assert!(handle.find(None, "6@copfs.gov.example".to_owned()).await.unwrap().uids.is_empty());
    client.run(&format!("SELECT \"{sent}\"")).await;
    let shown = client.run("UID FETCH 1:* (FLAGS INTERNALDATE BODY.PEEK[])").await.join("\n");
    assert!(shown.contains("No. 5") && shown.contains("\\Seen") && shown.contains("-Sep-2001"), "{shown}");
    let copy = handle.fetch(found.at, found.uids[0]).await.unwrap();
    assert_eq!((body(&copy.body), copy.internal_date), (&*host.kept(mail(5, "sent")), Some(1_000_000_000)));
}

/// With MOVE and UIDPLUS or without, as the server has it: what was moved is in one place, what was copied in both, what was expunged in none,
/// and what others marked deleted stays.
async fn moved_copied_and_expunged(host: Host) {
    let mut client = other(&host).await;
    let otter = host.mailbox("Otter");
    create(&mut client, &otter).await;
    for n in 1..=8 {
        client.append("INBOX", &mail(n, "hello")).await;
    }
    let (sink, handle) = start(setup(&host)).await;
    let inbox = at(&sink, "INBOX");
    let uids: Vec<u32> = sink.look(|state| state.mailboxes["INBOX"].messages.keys().copied().collect());
    client.run("SELECT INBOX").await;
    client.run(&format!("UID STORE {} +FLAGS (\\Deleted)", uids[7])).await;
    client.run(&format!("UID COPY {} \"{otter}\"", uids[5])).await;
    let few = |places: &[usize]| -> UidSet { places.iter().map(|place| uids[*place]).collect() };
    // A connection that goes under a copy is told of, and the copy not repeated by itself.
    while let Err(error) = handle.copy(inbox.clone(), few(&[0, 1]), otter.clone()).await {
        eprintln!("{}: {error}", host.name);
        client.run(&format!("SELECT \"{otter}\"")).await;
        let there = client.run("UID SEARCH ALL").await.join(" ");
        if there.split_whitespace().count() > 3 {
            break;
        }
        online(&sink).await;
    }
    handle.move_messages(inbox.clone(), few(&[2, 3]), otter.clone()).await.unwrap();
    let expunged = handle.expunge(inbox.clone(), few(&[4])).await;
    // One line each: the subject, and whether it is marked deleted.
    let mut there = Vec::new();
    for mailbox in ["INBOX", otter.as_str()] {
        client.run(&format!("SELECT \"{mailbox}\"")).await;
        let lines = client.run("UID FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])").await;
        let rows = lines.iter().filter(|line| line.contains("FETCH") && line.contains("No. "));
        let number = |line: &str| line.split_once("No. ").unwrap().1[..1].parse::<usize>().unwrap();
        let rows: Vec<(usize, bool)> = rows.map(|line| (number(line), line.contains("\\Deleted"))).collect();
        there.push(rows);
    }
    let kept = |rows: &[(usize, bool)]| -> Vec<usize> {
        let mut kept: Vec<usize> = rows.iter().filter(|(_, deleted)| !deleted).map(|(n, _)| *n).collect();
        kept.sort_unstable();
        kept
    };
    eprintln!("{}: {there:?}, expunge {expunged:?}", host.name);
    assert_eq!(kept(&there[0]), [1, 2, 6, 7], "{}", host.name);
    // pymap says OK to a COPY into a maildir and keeps nothing of it, whoever asks: the other client's copy shows it.
    let copies = kept(&there[1]).contains(&6);
    assert!(copies || host.name == "pymap", "{}", host.name);
    let expected: &[usize] = if copies { &[1, 2, 3, 4, 6] } else { &[3, 4] };
    assert_eq!(kept(&there[1]), expected, "{}", host.name);
    assert!(there[0].contains(&(8, true)), "{}: what somebody else had marked is gone", host.name);
}

/// What is too large to be fetched unasked is listed by its header fields.
async fn large_messages_come_by_their_header(host: Host) {
    let mut client = other(&host).await;
    client.append("INBOX", &mail(1, &"0123456789abcdef\r\n".repeat(100_000))).await;
    let mut setup = setup(&host);
    setup.limits.message_bytes_max = 1_000_000;
    let (sink, _handle) = start(setup).await;
    let uid = sink.look(|state| *state.mailboxes["INBOX"].messages.keys().next().unwrap());
    sink.look(|state| {
        let header = String::from_utf8_lossy(state.mailboxes["INBOX"].raw(uid)).into_owned();
        assert!(header.contains("No. 1") && header.len() < 2_000, "{}: {header}", host.name);
    });
}

async fn new_mail_is_announced(host: Host) {
    let mut client = other(&host).await;
    let (sink, _handle) = start(setup(&host)).await;
    for n in 1..=3 {
        client.append("INBOX", &mail(n, "ring")).await;
        sink.until("the new message", |state| state.mailboxes["INBOX"].whole() == n).await;
    }
    let uids: Vec<u32> = sink.look(|state| state.mailboxes["INBOX"].messages.keys().copied().collect());
    client.run("SELECT INBOX").await;
    client.run(&format!("UID STORE {} +FLAGS (\\Flagged)", uids[1])).await;
    sink.until("the flag", |state| state.mailboxes["INBOX"].messages[&uids[1]].flags.flagged()).await;
    client.run(&format!("UID STORE {} +FLAGS (\\Deleted)", uids[0])).await;
    client.run("EXPUNGE").await;
    sink.until("the expunge", |state| state.mailboxes["INBOX"].messages.len() == 2).await;
}

async fn who_may_come_in(host: Host) {
    let mut client = other(&host).await;
    client.append("INBOX", &mail(1, "hello")).await;
    for endpoint in &host.endpoints {
        let sink = Memory::default();
        sync_once(&account(endpoint.clone(), &host.ca_file()), &sink, &[]).await.unwrap();
        sink.look(|state| assert_eq!(state.mailboxes["INBOX"].whole(), 1));
        // The other kind of endpoint than the configuration says.
        let mut wrong = endpoint.clone();
        wrong.security = if endpoint.security == Security::Tls { Security::StartTls } else { Security::Tls };
        let mut impatient = account(wrong, &host.ca_file());
        impatient.times.connect.handshake = Duration::from_secs(2);
        let error = sync_once(&impatient, &Memory::default(), &[]).await.unwrap_err();
        eprintln!("{} {:?}: {error}", host.name, endpoint.security);
    }
    let mut setup = setup(&host);
    setup.credentials.proof = Proof::Password(Secret::new("wrong".to_owned()));
    let sink = Arc::new(Memory::default());
    let _handle = spawn(setup, Arc::clone(&sink));
    sink.until("the refusal", |state| {
        matches!(state.link(), Some(Link::Waiting { culprit: Culprit::Credentials, retry_in: None, .. }))
    })
    .await;
    let tries = sink.look(|state| state.links.iter().filter(|link| **link == Link::Connecting).count());
    assert_eq!(tries, 1);
}

async fn the_server_restarts(mut host: Host) {
    let mut client = other(&host).await;
    client.append("INBOX", &mail(1, "before")).await;
    let (sink, handle) = start(setup(&host)).await;
    drop(client);
    host.down();
    sink.until("the loss", |state| state.link() != Some(&Link::Online { live: true })).await;
    host.up();
    let mut client = other(&host).await;
    client.append("INBOX", &mail(2, "after")).await;
    handle.sync_now();
    sink.until_within(Duration::from_secs(60), "the message after the restart", |state| {
        state.mailboxes["INBOX"].whole() == 2
    })
    .await;
    online(&sink).await;
    sink.look(|state| assert_eq!(state.mailboxes["INBOX"].begun, 1, "nothing was fetched anew"));
}
