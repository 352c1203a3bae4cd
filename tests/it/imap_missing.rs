//! Mailboxes that a server does not list, calls empty, or calls otherwise: what is held leaves on the server's own word only.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use casemail::imap::{Error, Left, Pass, sync_once};

use crate::support::memory::Memory;
use crate::support::scripted_imap::{Act, Asked, EXTENSIONS, GREETING, Inbox, ScriptedImap};

/// Messages in each mailbox.
const MESSAGES: u32 = 12;

/// How a server speaks of the mailbox Weir, which it has beside INBOX.
#[derive(Clone, Debug, Default)]
struct Weir {
    /// Its lists, one after the other, name it so; the last one stands for all that follow.
    lists: Vec<&'static str>,
    /// What is listed beside, as `NAME`.
    beside: Vec<&'static str>,
    /// STATUS of it is answered so, with the tag in front; empty: as a good server does.
    status: &'static str,
    /// INBOX is left out of the lists.
    no_inbox: bool,
}

const LISTED: &str = "* LIST (\\Subscribed) \"/\" Weir\r\n";

struct World {
    server: ScriptedImap,
    weir: Arc<Mutex<Weir>>,
    sink: Memory,
    /// Commands that were asked.
    asked: Arc<Mutex<Vec<String>>>,
}

impl World {
    /// A server whose Weir was synced, and is spoken of like this from then on.
    async fn synced(extensions: &'static str, then: Weir) -> Self {
        let weir = Arc::new(Mutex::new(Weir { lists: vec![LISTED], ..Weir::default() }));
        let (told, asked) = (Arc::clone(&weir), Arc::<Mutex<Vec<String>>>::default());
        let heard = Arc::clone(&asked);
        let inbox = Inbox { extensions, ..Inbox::of(MESSAGES) };
        let server = ScriptedImap::start(GREETING, inbox, None, move |command: &Asked<'_>| {
            heard.lock().unwrap().push(command.command.to_owned());
            answer(&mut told.lock().unwrap(), command)
        })
        .await;
        let world = Self { server, weir, sink: Memory::default(), asked };
        world.once().await.unwrap();
        assert_eq!(world.held("Weir"), Some(MESSAGES as usize));
        world.asked.lock().unwrap().clear();
        *world.weir.lock().unwrap() = then;
        world
    }

    async fn once(&self) -> Result<Vec<Pass>, Error> {
        let mut setup = self.server.setup();
        setup.times.recheck = Duration::from_millis(5);
        tokio::time::timeout(Duration::from_secs(60), sync_once(&setup, &self.sink, &[])).await.expect("it hangs")
    }

    fn held(&self, mailbox: &str) -> Option<usize> {
        self.sink.look(|state| state.mailboxes.get(mailbox).map(|kept| kept.messages.len()))
    }

    fn asked(&self, what: &str) -> usize {
        self.asked.lock().unwrap().iter().filter(|asked| asked.starts_with(what)).count()
    }
}

fn answer(weir: &mut Weir, asked: &Asked<'_>) -> Option<Act> {
    let say = |text: String| Some(Act::Say(text.into_bytes()));
    let state = |name: &str| {
        let next = MESSAGES + 1;
        format!("* STATUS {name} (MESSAGES {MESSAGES} UIDNEXT {next} UIDVALIDITY 7 HIGHESTMODSEQ 9)\r\n")
    };
    if asked.command.starts_with("LIST") {
        let line = if weir.lists.len() > 1 { weir.lists.remove(0) } else { weir.lists[0] };
        let mut names = String::new();
        for name in &weir.beside {
            names.push_str(&format!("* LIST (\\Subscribed) \"/\" {name}\r\n"));
            if asked.command.contains("STATUS (") {
                names.push_str(&state(name));
            }
        }
        let good =
            if weir.no_inbox { format!("{} OK done\r\n", asked.tag) } else { asked.good.replace("MAILBOXID (F1)", "") };
        return say(format!("{line}{names}{good}"));
    }
    if asked.command.starts_with("LSUB") {
        return say(format!("{}{}", weir.lists[0].replace("LIST", "LSUB"), asked.good));
    }
    if asked.command.starts_with("STATUS \"Weir\"") && !weir.status.is_empty() {
        return say(format!("{} {}\r\n", asked.tag, weir.status));
    }
    if let Some(rest) = asked.command.strip_prefix("STATUS \"") {
        return say(format!("{}{} OK done\r\n", state(rest.split('"').next().unwrap()), asked.tag));
    }
    None
}

fn nothing_listed(status: &'static str) -> Weir {
    Weir { lists: vec![""], status, ..Weir::default() }
}

#[tokio::test]
async fn a_mailbox_that_is_gone_leaves_on_the_servers_word() {
    for extensions in [EXTENSIONS, "CONDSTORE", ""] {
        for (status, lists) in [
            ("NO [NONEXISTENT] no such mailbox", 1),
            ("NO [TRYCREATE] no such mailbox", 1),
            // Courier's: believed because a second list, of the same sync, is without it as well.
            ("NO Error in IMAP command received by server.", 2),
        ] {
            let world = World::synced(extensions, nothing_listed(status)).await;
            world.once().await.unwrap();
            assert_eq!(world.held("Weir"), None, "{extensions}: {status}");
            assert_eq!(world.held("INBOX"), Some(MESSAGES as usize));
            assert_eq!(world.sink.look(|state| state.gone.clone()), [("Weir".to_owned(), Left::Removed)]);
            assert_eq!(world.asked("LIST"), lists, "{extensions}: {status}");
        }
    }
    for attribute in ["\\Noselect", "\\NonExistent"] {
        let hollow = match attribute {
            "\\Noselect" => "* LIST (\\Noselect) \"/\" Weir\r\n",
            _ => "* LIST (\\NonExistent) \"/\" Weir\r\n",
        };
        let then = Weir { lists: vec![hollow], status: "NO it holds no messages", ..Weir::default() };
        let world = World::synced(EXTENSIONS, then).await;
        world.once().await.unwrap();
        assert_eq!((world.held("Weir"), world.asked("LIST")), (None, 1), "{attribute}");
    }
}

#[tokio::test]
async fn a_mailbox_that_is_out_of_reach_is_kept_and_told_of() {
    for extensions in [EXTENSIONS, "CONDSTORE", ""] {
        for status in [
            "NO [INUSE] busy",
            "NO [UNAVAILABLE] the disk is away",
            "NO [SERVERBUG] oops",
            "NO [NOPERM] not yours any more",
            "NO [LIMIT] too much",
            "NO [X-ODD] hm",
            "BAD what",
        ] {
            let world = World::synced(extensions, nothing_listed(status)).await;
            for _ in 0..3 {
                world.once().await.unwrap();
            }
            assert_eq!(world.held("Weir"), Some(MESSAGES as usize), "{extensions}: {status}");
            let told = world.sink.look(|state| state.unlisted.clone());
            let words = status.rsplit([']', ' ']).next().unwrap();
            assert!(told.len() == 3 && told[0].0 == "Weir" && told[0].1.contains(words), "{told:?}");
            // It comes back, and nothing is fetched anew.
            *world.weir.lock().unwrap() = Weir { lists: vec![LISTED], ..Weir::default() };
            let passes = world.once().await.unwrap();
            assert!(passes.iter().all(|pass| pass.new == 0), "{passes:?}");
            assert!(world.sink.look(|state| state.unlisted.is_empty() && state.gone.is_empty()));
        }
    }
}

/// A refusal without a code counts for nothing where a second list has the mailbox, or has not even INBOX.
#[tokio::test]
async fn a_plain_no_is_no_proof_alone() {
    let plain = "NO later";
    for then in [
        Weir { lists: vec!["", LISTED], status: plain, ..Weir::default() },
        Weir { lists: vec![""], status: plain, no_inbox: true, ..Weir::default() },
    ] {
        let world = World::synced(EXTENSIONS, then.clone()).await;
        world.once().await.unwrap();
        assert_eq!(world.held("Weir"), Some(MESSAGES as usize), "{then:?}");
        assert_eq!(world.sink.look(|state| state.unlisted.len()), 1, "{then:?}");
    }
}

/// It is on no list and answers: what is held stays and is synced.
#[tokio::test]
async fn a_mailbox_that_answers_though_it_is_not_listed_is_synced() {
    let world = World::synced(EXTENSIONS, nothing_listed("")).await;
    let more = (MESSAGES + 1, "Subject: new\r\n\r\nhello\r\n".to_owned());
    {
        let mut inbox = world.server.inbox.lock().unwrap();
        inbox.messages.push(more);
        inbox.uid_next += 1;
    }
    world.sink.alter(|state| state.mailboxes.get_mut("Weir").unwrap().position.highest_modseq = Some(1));
    world.once().await.unwrap();
    assert_eq!(world.held("Weir"), Some(MESSAGES as usize + 1));
    assert!(world.sink.look(|state| state.unlisted[0].1.contains("answers for it")));
}

/// The line goes in the middle of the question: nothing is concluded.
#[tokio::test]
async fn a_line_that_is_lost_at_any_byte_takes_nothing() {
    let weir = Arc::new(Mutex::new(Weir { lists: vec![LISTED], ..Weir::default() }));
    let told = Arc::clone(&weir);
    let cut = Arc::new(AtomicUsize::new(usize::MAX));
    let server = ScriptedImap::start(GREETING, Inbox::extended(MESSAGES), Some(Arc::clone(&cut)), move |asked| {
        answer(&mut told.lock().unwrap(), asked)
    })
    .await;
    let sink = Memory::default();
    let mut setup = server.setup();
    setup.times.silence = Duration::from_secs(5);
    sync_once(&setup, &sink, &[]).await.unwrap();
    *weir.lock().unwrap() = nothing_listed("NO later");
    let mut at = 0;
    loop {
        cut.store(at, Ordering::SeqCst);
        sink.alter(|state| state.unlisted.clear());
        let result = sync_once(&setup, &sink, &[]).await;
        let gone = sink.look(|state| !state.mailboxes.contains_key("Weir"));
        if gone {
            // From the second list on, all that had to be said was said.
            eprintln!("gone from byte {at} on: {result:?}");
            break;
        }
        // Or the line ended at STATUS each time, so that it was not asked: then nobody knows.
        let is_kept = sink.look(|state| {
            state.unlisted.iter().any(|(name, why)| name == "Weir" && why.contains("fails at STATUS again and again"))
        });
        assert!(result.is_err() || is_kept, "{at}");
        at += 7;
    }
    assert!(at > 300, "{at}");
}

#[tokio::test]
async fn what_the_user_does_not_want_any_more_leaves_unasked() {
    // Unsubscribed, and the server says so.
    let then = Weir { lists: vec!["* LIST () \"/\" Weir\r\n"], beside: vec!["Otter"], ..Weir::default() };
    let world = World::synced(EXTENSIONS, then).await;
    world.once().await.unwrap();
    assert_eq!(world.sink.look(|state| state.gone.clone()), [("Weir".to_owned(), Left::Unsubscribed)]);
    assert_eq!((world.held("Weir"), world.asked("STATUS")), (None, 0));
    // Left alone by the settings.
    let world = World::synced(EXTENSIONS, Weir { lists: vec![LISTED], ..Weir::default() }).await;
    let mut setup = world.server.setup();
    setup.skip = vec!["Weir".to_owned()];
    sync_once(&setup, &world.sink, &[]).await.unwrap();
    assert_eq!(world.sink.look(|state| state.gone.clone()), [("Weir".to_owned(), Left::Skipped)]);
}

/// Where nobody ever subscribed, all is taken; the first subscription that somebody makes takes nothing away.
#[tokio::test]
async fn a_first_subscription_elsewhere_takes_nothing_away() {
    let then = Weir { lists: vec!["* LIST () \"/\" Weir\r\n"], beside: vec!["Otter"], ..Weir::default() };
    let world = World::synced(EXTENSIONS, then).await;
    world.sink.alter(|state| state.listed.iter_mut().for_each(|info| info.subscribed = false));
    for _ in 0..2 {
        world.once().await.unwrap();
        assert_eq!(world.held("Weir"), Some(MESSAGES as usize));
        assert_eq!(world.held("Otter"), Some(MESSAGES as usize));
    }
    assert!(world.sink.look(|state| state.gone.is_empty() && state.unlisted.is_empty()));
}

/// Without MAILBOXID the messages tell: though some came and went, though it is not subscribed under its new name, and though another
/// mailbox looks the same from outside.
#[tokio::test]
async fn a_renamed_mailbox_is_known_by_its_messages() {
    for extensions in ["CONDSTORE", "CONDSTORE QRESYNC ENABLE LIST-EXTENDED LIST-STATUS", ""] {
        let then = Weir {
            lists: vec!["* LIST () \"/\" Lock\r\n"],
            beside: vec![],
            status: "NO [NONEXISTENT] no such mailbox",
            ..Weir::default()
        };
        let world = World::synced(extensions, then).await;
        {
            let mut inbox = world.server.inbox.lock().unwrap();
            inbox.messages.remove(3);
            inbox.messages.push((40, "Subject: new\r\n\r\nhello\r\n".to_owned()));
            inbox.uid_next = 41;
        }
        world.once().await.unwrap();
        assert_eq!(world.sink.look(|state| state.renamed.clone()), [("Weir".to_owned(), "Lock".to_owned())]);
        world.sink.look(|state| {
            let lock = &state.mailboxes["Lock"];
            assert_eq!((lock.begun, lock.messages.len()), (1, MESSAGES as usize), "{extensions}: fetched anew");
        });
        // It stays, subscribed or not.
        world.once().await.unwrap();
        assert_eq!(world.held("Lock"), Some(MESSAGES as usize), "{extensions}");
    }
}

/// Another mailbox of the same UIDVALIDITY that holds other messages is no new name.
#[tokio::test]
async fn another_mailbox_is_no_new_name() {
    let then = Weir { lists: vec!["* LIST () \"/\" Lock\r\n"], status: "NO [NONEXISTENT] none", ..Weir::default() };
    let world = World::synced("CONDSTORE", then).await;
    world.server.inbox.lock().unwrap().messages.iter_mut().for_each(|(_, raw)| raw.push_str("more\r\n"));
    world.once().await.unwrap();
    world.sink.look(|state| {
        assert!(state.renamed.is_empty());
        assert_eq!((state.gone.len(), state.mailboxes.contains_key("Weir")), (1, false));
    });
}

/// A mailbox of which messages are held says that it is empty: it is asked again, and believed when it says so twice and nothing belies it.
#[tokio::test]
async fn a_mailbox_that_says_once_that_it_is_empty_is_asked_again() {
    // The UIDVALIDITYs with which the next SELECTs are answered so.
    let lies = Arc::new(Mutex::new(Vec::<(u32, u32)>::new()));
    let next = Arc::clone(&lies);
    let server = ScriptedImap::start(GREETING, Inbox::of(10), None, move |asked| {
        if !asked.command.starts_with("SELECT") {
            return None;
        }
        let (validity, uid_next) = next.lock().unwrap().pop()?;
        let said = format!("* 0 EXISTS\r\n* OK [UIDVALIDITY {validity}] v\r\n* OK [UIDNEXT {uid_next}] n\r\n");
        Some(Act::Say(format!("{said}{} OK done\r\n", asked.tag).into()))
    })
    .await;
    let sink = Memory::default();
    let mut setup = server.setup();
    setup.times.recheck = Duration::from_millis(5);
    sync_once(&setup, &sink, &[]).await.unwrap();
    let held = |sink: &Memory| {
        sink.look(|state| {
            let inbox = &state.mailboxes["INBOX"];
            (inbox.messages.len(), inbox.begun, inbox.uid_validity)
        })
    };
    for once in [(7, 11), (8, 11)] {
        lies.lock().unwrap().push(once);
        sync_once(&setup, &sink, &[]).await.unwrap();
        assert!(lies.lock().unwrap().is_empty(), "it was not asked");
        assert_eq!(held(&sink), (10, 1, 7));
    }
    // Twice, and impossible: it is kept and told.
    for twice in [[(7, 1), (7, 1)], [(8, 1), (9, 1)]] {
        lies.lock().unwrap().extend(twice);
        let words = sync_once(&setup, &sink, &[]).await.unwrap_err().to_string();
        assert!(words.contains("what is held of INBOX is kept"), "{words}");
        assert_eq!(held(&sink), (10, 1, 7));
    }
    lies.lock().unwrap().extend([(7, 11), (7, 11)]);
    sync_once(&setup, &sink, &[]).await.unwrap();
    assert_eq!(held(&sink), (0, 1, 7));
    // Of another UIDVALIDITY, twice.
    sync_once(&setup, &sink, &[]).await.unwrap();
    assert_eq!(held(&sink), (10, 1, 7));
    lies.lock().unwrap().extend([(8, 1), (8, 1)]);
    sync_once(&setup, &sink, &[]).await.unwrap();
    assert_eq!(held(&sink), (0, 2, 8));
}

/// A mailbox that becomes empty while it is compared is asked of each message.
#[tokio::test]
async fn a_mailbox_that_is_empty_all_of_a_sudden_is_asked_of_each_message() {
    let lie = Arc::new(AtomicUsize::new(0));
    let lies = Arc::clone(&lie);
    let server = ScriptedImap::start(GREETING, Inbox::of(10), None, move |asked| {
        let listing = asked.command.starts_with("FETCH") && asked.command.contains("RFC822.SIZE)");
        (listing && lies.load(Ordering::SeqCst) > 0)
            .then(|| Act::Say(format!("* 0 EXISTS\r\n{} OK done\r\n", asked.tag).into_bytes()))
    })
    .await;
    let sink = Memory::default();
    sync_once(&server.setup(), &sink, &[]).await.unwrap();
    lie.store(1, Ordering::SeqCst);
    let passes = sync_once(&server.setup(), &sink, &[]).await.unwrap();
    assert_eq!(passes[0].vanished, 0);
    sink.look(|state| assert_eq!(state.mailboxes["INBOX"].messages.len(), 10));
}
