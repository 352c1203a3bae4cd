//! The real program killed again and again at random moments of a sync, of a change of flags, of a send and of all of them at once, on one
//! profile, against a real Dovecot and a real submission server; at the end everything is counted.
//!
//! `CASEMAIL_KILLS=300` sets how often, `CASEMAIL_SEED` which moments. What was acknowledged (the command ended with success before it was
//! killed) must be there in the end; what was not may be there or not, but never twice. A cache that was moved aside and made anew does open
//! again, and is counted as one that did not.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Child;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::home::Ran;
use crate::walkthrough::{LINTWHITE, World, eventually, plain, show};

/// A small generator: the same moments for the same seed, as far as the machine lets them be.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end.max(1)
    }
}

/// What should be the case of a message's flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    /// Acknowledged.
    Set(bool),
    /// The command was killed: the one or the other.
    Open,
}

/// What a send came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// The command ended with success: there is a row, or it is sent.
    Accepted,
    /// The command was killed.
    Nothing,
}

#[derive(Debug, Default)]
struct Counted {
    killed: usize,
    ended_before: usize,
    /// How often the stores were opened after a kill.
    looks: usize,
    /// The command failed, or said that something was wrong with a store.
    unopened: Vec<String>,
    /// Caches that were moved aside, by name.
    aside: BTreeSet<String>,
    delivered: usize,
    flag_changes: usize,
    sends: usize,
}

struct Rig {
    world: World,
    chance: Chance,
    counted: Counted,
    flags: BTreeMap<String, Due>,
    sends: BTreeMap<String, Told>,
    /// How long each kind of command takes when nobody kills it, in milliseconds.
    usual: BTreeMap<&'static str, u64>,
    seen: Vec<String>,
}

impl Rig {
    fn deliver(&mut self, count: u64) {
        for _ in 0..count {
            self.counted.delivered += 1;
            let n = self.counted.delivered;
            let text = "The weir is deep, and the lantern is out.\r\n".repeat(self.chance.below(400) as usize);
            let mail = plain(&format!("in-{n}"), &format!("99ZX00{:03}26 bundle {n}", n % 9), &text);
            self.world.dovecot.deliver("quill", "INBOX", &mail);
        }
    }

    fn through(&mut self, what: &'static str, args: &[&str]) {
        let began = Instant::now();
        self.world.home.done(args, b"");
        self.usual.insert(what, u64::try_from(began.elapsed().as_millis()).unwrap());
    }

    /// Kills the command at some moment of its usual time; whether it was through before.
    fn kill(&mut self, what: &'static str, mut child: Child) -> bool {
        let moment = Instant::now() + Duration::from_millis(self.chance.below(self.usual[what] * 5 / 4));
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                self.counted.ended_before += 1;
                return matches!(status.code(), Some(0 | 75));
            }
            if Instant::now() >= moment {
                child.kill().unwrap();
                child.wait().unwrap();
                self.counted.killed += 1;
                return false;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// The stores open, and are the ones of before: a list of what is held, and not a word about it.
    fn look(&mut self) {
        self.counted.looks += 1;
        let ran = self.world.home.run(&["--json", "message", "list", "--mailbox", "INBOX"], b"");
        match serde_json::from_str::<serde_json::Value>(&ran.out) {
            Ok(list) if ran.code == 0 && !complains(&ran.err) => {
                self.seen = ids(&list);
            }
            _ => self.counted.unopened.push(format!("{ran:?}")),
        }
        self.counted.aside.extend(moved_aside(&self.world));
    }

    fn some_message(&mut self) -> Option<String> {
        let at = self.chance.below(self.seen.len() as u64) as usize;
        self.seen.get(at).cloned()
    }

    fn flag_words(&mut self) -> Option<(String, bool)> {
        let id = self.some_message()?;
        let on = self.flags.get(&id) != Some(&Due::Set(true));
        self.counted.flag_changes += 1;
        Some((id, on))
    }

    fn draft(&mut self) -> (String, String) {
        self.counted.sends += 1;
        let subject = format!("99ZX0012326 answer {}", self.counted.sends);
        let text = format!("To: {LINTWHITE}\r\nSubject: {subject}\r\n\r\nBy the weir.\r\n");
        let name = format!("draft-{}.eml", self.counted.sends);
        self.world.home.write(&name, &text);
        (subject, self.world.home.beside(&name).display().to_string())
    }

    fn round(&mut self, kind: u64) {
        match kind {
            0 => {
                let count = 1 + self.chance.below(6);
                self.deliver(count);
                let child = self.world.home.start(&["sync"]);
                self.kill("sync", child);
            }
            1 => {
                let Some((id, on)) = self.flag_words() else { return };
                let child =
                    self.world.home.start(&["message", "flag", &id, if on { "--set" } else { "--clear" }, "flagged"]);
                let done = self.kill("flag", child);
                self.flags.insert(id, if done { Due::Set(on) } else { Due::Open });
            }
            2 => {
                let (subject, draft) = self.draft();
                let child = self.world.home.start(&["send", &draft]);
                let done = self.kill("send", child);
                self.sends.insert(subject, if done { Told::Accepted } else { Told::Nothing });
            }
            _ => self.all_at_once(),
        }
    }

    /// The screen runs, with its connections and workers; commands are served by it, mail comes in, and it is killed.
    fn all_at_once(&mut self) {
        let Some(screen) = self.world.home.screen((80, 24)) else { return };
        screen.wait_until("the screen", |screen| screen.contains("Cases"));
        let pid = screen.pid();
        let pause = self.chance.below(300);
        std::thread::sleep(Duration::from_millis(pause));
        self.deliver(1);
        if let Some((id, on)) = self.flag_words() {
            let ran =
                self.world.home.run(&["message", "flag", &id, if on { "--set" } else { "--clear" }, "flagged"], b"");
            self.flags.insert(id, if ran.code == 0 { Due::Set(on) } else { Due::Open });
        }
        let (subject, draft) = self.draft();
        let child = self.world.home.start(&["send", &draft]);
        let moment = Duration::from_millis(self.chance.below(500));
        std::thread::sleep(moment);
        kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
        self.counted.killed += 1;
        // Its server gone, the command says so; or it was through.
        let output = child.wait_with_output().unwrap();
        let done = matches!(output.status.code(), Some(0 | 75));
        self.sends.insert(subject, if done { Told::Accepted } else { Told::Nothing });
    }
}

/// Whether the words for people speak of a store that is not as it was left.
fn complains(words: &str) -> bool {
    ["moved to", "damaged", "made anew", "cannot be used", "could not be used"].iter().any(|sign| words.contains(sign))
}

/// Caches that could not be used and were moved out of the way: they lie where the cache is.
fn moved_aside(world: &World) -> Vec<String> {
    let names = std::fs::read_dir(world.home.roots().cache).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    names.filter(|name| name.starts_with("cache.corrupt-")).collect()
}

fn ids(list: &serde_json::Value) -> Vec<String> {
    list["messages"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}

/// Subjects in a mailbox of Dovecot.
fn subjects(world: &World, user: &str, mailbox: &str) -> Vec<String> {
    let told =
        world.dovecot.doveadm(&["-f", "tab", "fetch", "-u", user, "hdr.subject", "mailbox", mailbox, "all"], b"");
    told.lines().skip(1).map(str::to_owned).collect()
}

fn times(list: &[String], subject: &str) -> usize {
    list.iter().filter(|known| *known == subject).count()
}

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

fn words(ran: &Ran) -> String {
    format!("{}: {}", ran.code, ran.err.trim())
}

#[test]
fn killed_again_and_again_nothing_is_lost_and_nothing_doubled() {
    let Some(world) = World::start() else { return };
    let (kills, seed) = (number("CASEMAIL_KILLS", 12) as usize, number("CASEMAIL_SEED", 1));
    let mut rig = Rig {
        world,
        chance: Chance(seed),
        counted: Counted::default(),
        flags: BTreeMap::new(),
        sends: BTreeMap::new(),
        usual: BTreeMap::new(),
        seen: Vec::new(),
    };
    // How long each takes undisturbed.
    rig.deliver(5);
    rig.through("sync", &["sync"]);
    rig.look();
    let id = rig.seen[0].clone();
    rig.through("flag", &["message", "flag", &id, "--set", "flagged"]);
    rig.flags.insert(id, Due::Set(true));
    let (subject, draft) = rig.draft();
    rig.through("send", &["send", &draft]);
    rig.sends.insert(subject, Told::Accepted);
    let mut kind = 0;
    while rig.counted.killed < kills {
        rig.round(kind % 4);
        kind += 1;
        rig.look();
    }
    count(rig, seed);
}

/// Lets the program come to rest, and counts.
fn count(rig: Rig, seed: u64) {
    let Rig { world, counted, flags, sends, .. } = rig;
    let Some(screen) = world.home.screen((100, 30)) else { return };
    screen.wait_for("up to date, watching");
    let rows = eventually(|| {
        let told = world.home.run(&["--json", "outbox", "list"], b"");
        let list: serde_json::Value = serde_json::from_str(&told.out).unwrap_or_else(|_| panic!("{}", words(&told)));
        let rows = list["entries"].as_array().unwrap().clone();
        let rests = |row: &serde_json::Value| ["sent", "uncertain", "failed"].contains(&row["state"].as_str().unwrap());
        rows.iter().all(rests).then_some(rows)
    });
    // Flags are on the server, and mail that was filed is synced.
    world.home.done(&["sync"], b"");
    show("at rest", &screen.capture());
    screen.send_keys(&["C-q"]);
    assert_eq!(screen.wait_for_end(), 0);
    let verified = world.home.json(&["store", "verify"]);
    let mut findings: Vec<String> = counted.unopened.iter().map(|what| format!("does not open: {what}")).collect();
    let aside: BTreeSet<String> = counted.aside.iter().cloned().chain(moved_aside(&world)).collect();
    findings.extend(aside.iter().map(|name| format!("a cache was moved aside: {name}")));
    if verified["ok"] != true {
        findings.push(format!("store verify: {verified}"));
    }

    // Incoming: every message is here, once, whole.
    let list = world.home.json(&["message", "list", "--mailbox", "INBOX"]);
    let here: Vec<String> =
        list["messages"].as_array().unwrap().iter().map(|row| row["subject"].as_str().unwrap().to_owned()).collect();
    for n in 1..=counted.delivered {
        let subject = format!("99ZX00{:03}26 bundle {n}", n % 9);
        if times(&here, &subject) != 1 {
            findings.push(format!("{} times here: {subject}", times(&here, &subject)));
        }
    }
    // Flags: what was acknowledged is what the server has, and what we show.
    let told =
        world.dovecot.doveadm(&["-f", "tab", "fetch", "-u", "quill", "uid flags", "mailbox", "INBOX", "all"], b"");
    let on_server: BTreeMap<&str, bool> = told
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once('\t'))
        .map(|(uid, flags)| (uid, flags.contains("\\Flagged")))
        .collect();
    let shown: BTreeMap<String, bool> = list["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            (row["id"].as_str().unwrap().to_owned(), row["flags"].to_string().to_lowercase().contains("flagged"))
        })
        .collect();
    for (id, is) in &shown {
        let uid = id.rsplit('/').next().unwrap();
        if on_server.get(uid) != Some(is) {
            findings.push(format!("{id} is shown flagged: {is}, on the server {:?}", on_server.get(uid)));
        }
        if let Some(Due::Set(due)) = flags.get(id)
            && due != is
        {
            findings.push(format!("lost: the flag of {id} should be {due}"));
        }
    }
    // Outgoing: what was accepted went out once; nothing went out twice; a copy is filed once.
    let taken = subjects(&world, "lintwhite", "INBOX");
    let filed = subjects(&world, "quill", "Sent");
    let mut uncertain = 0;
    for (subject, told) in &sends {
        let row = rows.iter().find(|row| row["subject"] == subject.as_str());
        let state = row.map_or("no row", |row| row["state"].as_str().unwrap());
        let (out, copies) = (times(&taken, subject), times(&filed, subject));
        uncertain += usize::from(state == "uncertain");
        let right = match (told, state) {
            (_, "sent") => out == 1 && copies == 1,
            (_, "uncertain") => out <= 1 && copies <= 1,
            (Told::Nothing, "no row") => out == 0 && copies == 0,
            _ => false,
        };
        if !right {
            findings.push(format!("{subject}: told {told:?}, {state}, {out} times out, {copies} times filed"));
        }
    }
    let starting = |words: &str| findings.iter().filter(|finding| finding.starts_with(words)).count();
    eprintln!(
        "seed {seed}: {} kills, {} commands ended before theirs; {} messages in, {} changes of flags, {} sends ({} sent, {uncertain} uncertain); \
         stores opened {} times after a kill, {} times not or not without complaint, {} caches moved aside; {} findings",
        counted.killed,
        counted.ended_before,
        counted.delivered,
        counted.flag_changes,
        counted.sends,
        rows.iter().filter(|row| row["state"] == "sent").count(),
        counted.looks,
        starting("does not open"),
        aside.len(),
        findings.len(),
    );
    assert!(findings.is_empty(), "{}", findings.join("\n"));
}
