//! A move of so many messages that it takes several commands, whose line ends behind the first answer: what was moved is ours, what waits for it
//! arrives, and all of it is taken back.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use crate::support::home::{Home, Ran};
use crate::support::scripted_imap::{self, Act, Asked, GREETING, Inbox, ScriptedImap};

/// So many messages with odd UIDs: a command holds less than half of their ranges.
const MESSAGES: u32 = 400;
/// UIDVALIDITY of the other mailbox.
const ARCHIVE: u32 = 9;

/// A server with two mailboxes.
struct Boxes {
    inbox: Inbox,
    archive: Inbox,
    /// Texts of messages that are flagged.
    flagged: BTreeSet<String>,
    /// What each connection has open.
    open: HashMap<usize, String>,
    up: bool,
    /// The line ends behind the answer to a move; one of them.
    ends: bool,
    /// It ends before the answer; one of them.
    mute: bool,
    /// It names nothing that it moves, and finds nothing.
    vague: bool,
    /// It moves half of what it is asked to and refuses the rest; one of them. Whether it says what left.
    half: Option<bool>,
    moves: usize,
}

fn raw(uid: u32) -> String {
    format!(
        "Message-ID: <m{uid}@weir.example>\r\nFrom: Otter <otter@chambers.example>\r\nSubject: No. {uid}\r\n\r\nhello\r\n"
    )
}

impl Boxes {
    fn new() -> Self {
        let messages = (0..MESSAGES).map(|n| (2 * n + 1, raw(2 * n + 1))).collect();
        let inbox = Inbox { messages, uid_next: 2 * MESSAGES, extensions: "MOVE UIDPLUS", ..Inbox::of(0) };
        let archive = Inbox { uid_validity: ARCHIVE, extensions: "MOVE UIDPLUS", ..Inbox::of(0) };
        let (flagged, open) = (BTreeSet::new(), HashMap::new());
        Self { inbox, archive, flagged, open, up: true, ends: false, mute: false, vague: false, half: None, moves: 0 }
    }

    fn named(&mut self, name: &str) -> &mut Inbox {
        if name == "Archive" { &mut self.archive } else { &mut self.inbox }
    }

    fn answer(&mut self, asked: &Asked<'_>) -> Option<Act> {
        let say = |text: String| Some(Act::Say(text.into_bytes()));
        if !self.up {
            return Some(Act::SayAndClose(b"* BYE not now\r\n".to_vec()));
        }
        let words: Vec<&str> = asked.command.split(' ').collect();
        let here = self.open.get(&asked.connection).cloned().unwrap_or_default();
        let done = format!("{} OK done\r\n", asked.tag);
        match (words[0], words.get(1).copied().unwrap_or_default()) {
            ("LIST", _) => say(format!("* LIST () \"/\" Archive\r\n{}", asked.good)),
            ("STATUS", name) => {
                let name = name.trim_matches('"').to_owned();
                let Inbox { messages, uid_next, uid_validity, .. } = self.named(&name);
                let (count, next, validity) = (messages.len(), *uid_next, *uid_validity);
                say(format!("* STATUS {name} (MESSAGES {count} UIDNEXT {next} UIDVALIDITY {validity})\r\n{done}"))
            }
            ("SELECT", name) => {
                let name = name.trim_matches('"').to_owned();
                let says = scripted_imap::answer(self.named(&name), asked.tag, asked.command);
                self.open.insert(asked.connection, name);
                say(says)
            }
            ("UID", "SEARCH") => {
                let wanted = words[4].trim_matches('"').to_owned();
                let wanted = if self.vague { "nothing".to_owned() } else { wanted };
                let found = self.named(&here).messages.iter().filter(|(_, raw)| raw.contains(&format!("<{wanted}>")));
                let uids: String = found.map(|(uid, _)| format!(" {uid}")).collect();
                say(format!("* SEARCH{uids}\r\n{done}"))
            }
            ("UID", "STORE") => {
                let wanted = scripted_imap::set(words[2]);
                let (on, messages) =
                    (words.iter().any(|word| word.starts_with('+')), self.named(&here).messages.clone());
                let mut says = String::new();
                for (n, (uid, raw)) in messages.into_iter().enumerate() {
                    if wanted.iter().any(|(a, b)| (a..=b).contains(&&uid)) && asked.command.contains("\\Flagged") {
                        let flags = if on { "\\Seen \\Flagged" } else { "\\Seen" };
                        write!(says, "* {} FETCH (UID {uid} FLAGS ({flags}))\r\n", n + 1).unwrap();
                        if on {
                            self.flagged.insert(raw)
                        } else {
                            self.flagged.remove(&raw)
                        };
                    }
                }
                say(says + &done)
            }
            ("UID", "MOVE") => {
                self.moves += 1;
                let (wanted, to) = (scripted_imap::set(words[2]), words[3].trim_matches('"').to_owned());
                let half = self.half.take();
                let from = self.named(&here);
                let is_wanted = |uid: &u32| wanted.iter().any(|(a, b)| (a..=b).contains(&uid));
                let asked_for = from.messages.iter().filter(|(uid, _)| is_wanted(uid)).count();
                let mut most = if half.is_some() { asked_for / 2 } else { asked_for };
                let mut goes = |uid: &u32| {
                    is_wanted(uid) && {
                        let left = most;
                        most = left.saturating_sub(1);
                        left > 0
                    }
                };
                let (gone, stay): (Vec<_>, Vec<_>) =
                    std::mem::take(&mut from.messages).into_iter().enumerate().partition(|(_, (uid, _))| goes(uid));
                from.messages = stay.into_iter().map(|(_, message)| message).collect();
                let mut says = String::new();
                if !gone.is_empty() {
                    let target = self.named(&to);
                    let first = target.uid_next;
                    let mut old = Vec::new();
                    for (_, (uid, raw)) in &gone {
                        old.push(uid.to_string());
                        target.messages.push((target.uid_next, raw.clone()));
                        target.uid_next += 1;
                    }
                    let (validity, last) = (target.uid_validity, target.uid_next - 1);
                    if !self.vague && half.is_none() {
                        write!(says, "* OK [COPYUID {validity} {} {first}:{last}] moved\r\n", old.join(",")).unwrap();
                    }
                }
                for (n, _) in gone.iter().rev().filter(|_| half != Some(false)) {
                    write!(says, "* {} EXPUNGE\r\n", n + 1).unwrap();
                }
                if half.is_some() {
                    return say(format!("{says}{} NO [NOPERM] not those\r\n", asked.tag));
                }
                says.push_str(&done);
                if std::mem::take(&mut self.mute) {
                    return Some(Act::SayAndClose(Vec::new()));
                }
                if std::mem::take(&mut self.ends) { Some(Act::SayAndClose(says.into_bytes())) } else { say(says) }
            }
            ("FETCH", _) | ("UID", "FETCH") => say(scripted_imap::answer(self.named(&here), asked.tag, asked.command)),
            _ => None,
        }
    }
}

struct World {
    home: Home,
    boxes: Arc<Mutex<Boxes>>,
    /// The names of all messages, in order of UID.
    ids: Vec<String>,
    _server: ScriptedImap,
}

impl World {
    async fn start() -> Self {
        let boxes = Arc::new(Mutex::new(Boxes::new()));
        let told = Arc::clone(&boxes);
        let inbox = Inbox { extensions: "MOVE UIDPLUS", ..Inbox::of(0) };
        let server = ScriptedImap::start(GREETING, inbox, None, move |asked| told.lock().unwrap().answer(asked)).await;
        let home = Home::new();
        let at = server.endpoint();
        home.configure(&home.config(&at, &at, server.ca_file(), ""));
        let mut world = Self { home, boxes, ids: Vec::new(), _server: server };
        world.does(&["sync"], 0);
        let listed = tokio::task::block_in_place(|| world.home.json(&["message", "list"]));
        let first = listed["messages"][0]["id"].as_str().unwrap().rsplit_once('/').unwrap().0.to_owned();
        world.ids = (0..MESSAGES).map(|n| format!("{first}/{}", 2 * n + 1)).collect();
        world
    }

    fn does(&self, words: &[&str], code: i32) -> Ran {
        let ran = tokio::task::block_in_place(|| self.home.run(words, b""));
        assert_eq!(ran.code, code, "{}: {}", words[..2.min(words.len())].join(" "), ran.err);
        ran
    }

    /// All messages are moved and some flagged, while nothing can be told.
    fn decided(&self) {
        self.boxes.lock().unwrap().up = false;
        let ids: Vec<&str> = self.ids.iter().map(String::as_str).collect();
        self.does(&[&["message", "move"], &ids[..], &["--to", "Archive"]].concat(), 75);
        let some = [&ids[..3], &ids[ids.len() - 3..]].concat();
        self.does(&[&["message", "flag"], &some[..], &["--set", "flagged"]].concat(), 75);
        self.boxes.lock().unwrap().up = true;
    }

    /// Messages in INBOX, in Archive, and those that are flagged.
    fn counts(&self) -> (usize, usize, usize) {
        let boxes = self.boxes.lock().unwrap();
        (boxes.inbox.messages.len(), boxes.archive.messages.len(), boxes.flagged.len())
    }

    fn waiting(&self) -> usize {
        let listed = tokio::task::block_in_place(|| self.home.json(&["change", "list"]));
        listed["changes"].as_array().unwrap().len()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_moved_before_the_line_ended_is_ours() {
    let world = World::start().await;
    world.decided();
    world.boxes.lock().unwrap().ends = true;
    let ran = world.does(&["change", "tell"], 0);
    assert!(!ran.err.contains("could not be moved") && !ran.err.contains("elsewhere"), "{}", ran.err);
    assert_eq!((world.waiting(), world.counts()), (0, (0, MESSAGES as usize, 6)));
    // Each command once, and nothing that was answered asked again.
    assert_eq!(world.boxes.lock().unwrap().moves, 3);
    world.does(&["sync"], 0);
    // The flags, then the move.
    world.does(&["change", "undo"], 0);
    assert_eq!(world.counts(), (0, MESSAGES as usize, 0));
    world.does(&["change", "undo"], 0);
    assert_eq!((world.waiting(), world.counts()), (0, (MESSAGES as usize, 0, 0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_removed_meanwhile_is_not_called_moved() {
    let world = World::start().await;
    world.boxes.lock().unwrap().inbox.messages.remove(0);
    let ran = world.does(&["message", "move", &world.ids[0], "--to", "Archive"], 1);
    assert!(ran.err.contains("1 message could not be moved: deleted or moved elsewhere meanwhile"), "{}", ran.err);
    assert_eq!((world.waiting(), world.counts()), (0, (MESSAGES as usize - 1, 0, 0)));
    assert_eq!(world.boxes.lock().unwrap().moves, 1);
    // Who moved it to the same place did what was asked.
    {
        let Boxes { inbox, archive, .. } = &mut *world.boxes.lock().unwrap();
        let (_, raw) = inbox.messages.remove(0);
        archive.messages.push((archive.uid_next, raw));
        archive.uid_next += 1;
    }
    let ran = world.does(&["message", "move", &world.ids[1], "--to", "Archive"], 0);
    assert!(!ran.err.contains("could not be moved"), "{}", ran.err);
    assert_eq!((world.waiting(), world.counts()), (0, (MESSAGES as usize - 2, 1, 0)));
}

/// Of two, one was moved before the line was lost, and the other was removed by somebody else.
#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_removed_while_the_line_was_lost_is_not_called_moved() {
    let world = World::start().await;
    {
        let mut boxes = world.boxes.lock().unwrap();
        boxes.inbox.messages.remove(1);
        boxes.mute = true;
    }
    let ran = world.does(&["message", "move", &world.ids[0], &world.ids[1], "--to", "Archive"], 1);
    assert!(ran.err.contains("1 message could not be moved: deleted or moved elsewhere meanwhile"), "{}", ran.err);
    assert_eq!((world.waiting(), world.counts()), (0, (MESSAGES as usize - 2, 1, 0)));
}

/// What left is not called removed by somebody else, though the server says nowhere where it went.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_moved_without_a_word_of_where_it_is_is_moved() {
    let world = World::start().await;
    world.boxes.lock().unwrap().vague = true;
    let ran = world.does(&["message", "move", &world.ids[0], "--to", "Archive"], 0);
    assert!(!ran.err.contains("could not be moved"), "{}", ran.err);
    assert_eq!((world.waiting(), world.counts()), (0, (MESSAGES as usize - 1, 1, 0)));
}

/// The server moves two of four, and refuses the command for the others: with a word of what left, and without.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_moved_before_a_refusal_was_not_removed_by_anybody_else() {
    for says in [true, false] {
        let world = World::start().await;
        world.boxes.lock().unwrap().half = Some(says);
        let ids: Vec<&str> = world.ids[..4].iter().map(String::as_str).collect();
        let ran = world.does(&[&["message", "move"], &ids[..], &["--to", "Archive"]].concat(), 0);
        for lie in ["could not be moved", "elsewhere", "back where they were"] {
            assert!(!ran.err.contains(lie), "{says}: {}", ran.err);
        }
        assert_eq!((world.waiting(), world.counts()), (0, (MESSAGES as usize - 4, 4, 0)), "{says}");
        world.does(&["sync"], 0);
        world.does(&["change", "undo"], 0);
        assert_eq!((world.waiting(), world.counts()), (0, (MESSAGES as usize, 0, 0)), "{says}");
    }
}
