//! Cases at the size of a practice: `cargo bench --bench cases`.
//!
//! 1,000 cases with five parties each and 100,000 messages of them, generated from a fixed seed, in a throw-away profile on a real disk: filing a
//! new message, finding one of 5,000 cases letter by letter, opening a case, reading and folding the register, proving its chain. Figures are
//! printed, nothing is asserted. `docs/measuring.md` says how to read them.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark prints, and stops at the first trouble")]

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use casemail::app::effect::Effect;
use casemail::app::event::Event as Said;
use casemail::app::screen::finder::{Finder, Search};
use casemail::app::view::{CaseRow, Scope};
use casemail::app::{Model, Settings, update};
use casemail::case::{Classes, ConfiguredCase, Filer, Item, Jurisdiction, MessageName, Party, PartyId, Patterns};
use casemail::config::Config;
use casemail::engine::{Engine, Opening};
use casemail::keymap::key::typed;
use casemail::mail::address::Address;
use casemail::mail::id::CaseId;
use casemail::mail::safe::SafeText;
use casemail::register::event::{CaseChange, Correspondent, Event, Lay, MessageFacts};
use casemail::store::cache::{Cache, CacheOptions, NewMessage};
use casemail::store::flags::Flags;
use casemail::store::profile::{Profile, Roots};
use casemail::store::summary::Summary;
use casemail::store::vault::{Cost, Vault};
use jiff::Timestamp;

const CASES: u32 = 1_000;
const MESSAGES: u32 = 100_000;
const FINDER_CASES: u32 = 5_000;
const PASSPHRASE: &[u8] = b"otter weir lantern";
const PATIENCE: Duration = Duration::from_secs(300);

/// Numbers by chance, the same at every run (xorshift, with a fixed seed).
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        u32::try_from(self.0 % u64::from(end)).unwrap()
    }
}

const BEASTS: [&str; 16] = [
    "FERRET", "OTTER", "PUDDOCK", "GANNET", "STOAT", "WEASEL", "BADGER", "HERON", "LAPWING", "MARTEN", "CURLEW",
    "VOLE", "PLOVER", "SHREW", "DUNNOCK", "BRAMBLE",
];

fn urn(case: u32) -> String {
    format!("99ZX{case:05}26")
}

fn title(case: u32) -> String {
    let beast = BEASTS.get(case as usize % BEASTS.len()).unwrap();
    format!("R v {beast}{}", if case < 16 { String::new() } else { format!("-{case}") })
}

/// Message `n` of its case: threads of nine, the first of which names the case in its subject, every third of the others too.
fn summary(n: u32) -> Summary {
    let (first, nth) = (n - n % 9, n % 9);
    let case = (first / 9) % CASES;
    let id = |n: u32| format!("{:016x}@mail.chambers.example", u64::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let person = |n: u32| Address { name: format!("Person {n}"), addr: format!("p{}@chambers{}.example", n % 5, case) };
    let names_case = nth % 3 == 0;
    let number = if names_case { format!(" {}", urn(case)) } else { String::new() };
    let mut derived = vec![format!("c:{:016x}", u64::from(n) * 31)];
    if names_case {
        derived.push(format!("s:{}", urn(case)));
    }
    Summary {
        uid: n + 1,
        flags: Flags::new(Flags::SEEN, Vec::new()),
        received: 1_700_000_000 + i64::from(n) * 120,
        sent: Some(1_700_000_000 + i64::from(n) * 120 - 4),
        bytes: 4_000 + n % 3_000,
        message_id: id(n),
        references: (0..nth).map(|back| id(first + back)).collect(),
        from: vec![person(n)],
        to: vec![person(n + 1)],
        subject: format!("{}{}{number}: disclosure schedule {first}", if nth > 0 { "Re: " } else { "" }, title(case)),
        derived,
        ..Summary::default()
    }
}

fn case_events(case: u32) -> Vec<Event> {
    let id = CaseId(urn(case));
    let change = |change| Event::Case { case: id.clone(), change };
    let patterns = Patterns::new(&[]).unwrap();
    let mut events = vec![
        change(CaseChange::Opened { title: title(case), jurisdiction: Jurisdiction::EnglandWales }),
        change(CaseChange::IdentifierAdded(patterns.read(&urn(case)))),
    ];
    events.extend((0..5).map(|party| {
        change(CaseChange::Party(Party {
            id: PartyId(party.to_string()),
            name: format!("Person {party} of {case}"),
            addresses: vec![format!("p{party}@chambers{case}.example")],
            ..Party::default()
        }))
    }));
    events
}

fn received(number: u32) -> Event {
    let summary = summary(number);
    let who = |address: &Address| Correspondent { address: address.addr.clone(), class: "open".into() };
    let mut digest = [0; 32];
    digest.iter_mut().zip(u64::from(number).to_be_bytes()).for_each(|(to, from)| *to = from);
    let at = Timestamp::from_second(summary.received).unwrap();
    Event::Received {
        cases: vec![CaseId(urn((number / 9) % CASES))],
        because: "by URN in the subject".into(),
        facts: MessageFacts {
            message: MessageName { message_id: summary.message_id, digest },
            from: summary.from.iter().map(who).collect(),
            to: summary.to.iter().map(who).collect(),
            subject: summary.subject,
            date: Some(at),
            bytes: summary.bytes.into(),
            ..MessageFacts::default()
        },
        lay: Lay {
            account: "work".into(),
            mailbox: "INBOX".into(),
            uid_validity: 1,
            uid: summary.uid,
            internal_date: at,
        },
        tls: None,
        deemed_service: String::new(),
    }
}

fn profile(home: &Path) -> (Profile, Vault) {
    let profile = Profile::open(Roots::below(home)).unwrap();
    let vault = Vault::open_with(&profile.roots().vault_file(), PASSPHRASE, Cost::TEST).unwrap();
    (profile, vault)
}

fn open(home: &Path, events: Option<std::sync::mpsc::SyncSender<Said>>) -> Engine {
    let (profile, vault) = profile(home);
    let opening = Opening { events, vault_floor: Cost::TEST, ..Opening::new(profile, Config::default(), Some(vault)) };
    Engine::open(opening).unwrap()
}

fn create(home: &Path) {
    let profile = Profile::open(Roots::below(home)).unwrap();
    let vault = Vault::create_with(&profile.roots().vault_file(), PASSPHRASE, Cost::TEST).unwrap();
    drop((vault, profile));
    // A profile that was opened once has both stores.
    open(home, None).close();
    let (profile, vault) = self::profile(home);
    let now = Timestamp::from_second(1_780_000_000).unwrap();
    let (cache, _) = Cache::open(&profile.roots().cache, &vault, now, &CacheOptions::default()).unwrap();
    let mailbox = cache.ensure_mailbox("work", "INBOX", 1).unwrap();
    for first in (0..MESSAGES).step_by(2_000) {
        let messages = (first..first + 2_000).map(|n| NewMessage { summary: summary(n), raw: None });
        cache.put_batch(mailbox, messages.collect(), None).unwrap();
    }
    drop((cache, vault, profile));
    let engine = open(home, None);
    let mut events: Vec<Event> = (0..CASES).flat_map(case_events).collect();
    events.extend((0..MESSAGES).map(received));
    for some in events.chunks(2_000) {
        engine.record(some.to_vec()).unwrap();
    }
    println!("{CASES} cases, {MESSAGES} messages, {} events of the register", events.len());
    engine.close();
}

/// Prints the median, the 99th percentile and the slowest.
fn told(what: &str, mut took: Vec<Duration>) {
    took.sort_unstable();
    let at = |share: usize| took.get((took.len() * share / 100).min(took.len() - 1)).copied().unwrap_or_default();
    println!("{what:<46} median {:>9.1?}  p99 {:>9.1?}  max {:>9.1?}", at(50), at(99), at(100));
}

/// A new message: its numbers are looked for, and its thread of nine is filed.
fn filing() {
    let patterns = Patterns::new(&[]).unwrap();
    let cases: Vec<ConfiguredCase> = (0..CASES)
        .map(|case| ConfiguredCase {
            id: urn(case),
            title: title(case),
            identifiers: vec![urn(case), format!("T2026{case:04}"), format!("MAAT {}", 9_000_000 + case)],
        })
        .collect();
    let filer = Filer::new(patterns.clone(), Classes::default(), &cases);
    let mut chance = Chance(26);
    let text =
        "The schedule that you asked for on 12/03/2026 is attached; ring 01632 960 111 if it is not.\r\n".repeat(40);
    let mut took = Vec::new();
    for _ in 0..2_000 {
        let first = chance.below(MESSAGES / 9) * 9;
        let thread: Vec<Summary> = (first..first + 9).map(summary).collect();
        let people: Vec<Vec<String>> =
            thread.iter().map(|one| one.to.iter().map(|to| to.addr.clone()).collect()).collect();
        let names = ["MG5.pdf".to_owned(), "MG11 P BADGER.pdf".to_owned()];
        let began = Instant::now();
        let newest = thread.last().unwrap();
        let found = patterns.find(&newest.subject).len() + patterns.find(&text).len();
        let items: Vec<Item<'_>> = thread
            .iter()
            .zip(&people)
            .enumerate()
            .map(|(at, (one, to))| Item {
                parent: at.checked_sub(1),
                subject: &one.subject,
                from: one.from.first().map_or("", |from| &from.addr),
                recipients: to,
                attachments: &names,
                ..Item::default()
            })
            .collect();
        let filed = filer.file(&items);
        took.push(began.elapsed());
        assert!(found < 100 && filed.len() == 9);
    }
    told("file a new message (4 kB, thread of nine)", took);
}

fn finder() {
    let safe = |text: &str| SafeText::line(text);
    let rows: Arc<[CaseRow]> = (0..FINDER_CASES)
        .map(|case| CaseRow {
            scope: Scope::Case(CaseId(urn(case))),
            title: safe(&title(case)),
            identifiers: [urn(case), format!("T2026{case:04}"), format!("9{case:06}")].map(|one| safe(&one)).to_vec(),
            people: (0..5).map(|party| safe(&format!("Person {party} of {case}"))).collect(),
            ..CaseRow::all()
        })
        .collect();
    let mut letters = Vec::new();
    for word in ["otter", "pud", "ferret 26", "0048826", "person 3 of 4711", "zx 00123 26", "nobody"] {
        let mut finder = Finder::new(Search::Go, Arc::clone(&rows));
        for letter in word.chars() {
            let began = Instant::now();
            finder.line.insert(&letter.to_string());
            finder.look();
            letters.push(began.elapsed());
        }
    }
    told(&format!("find a case of {FINDER_CASES}, a letter"), letters);
}

/// The program without a terminal: from a key to what it shows.
struct Program {
    engine: Engine,
    events: Receiver<Said>,
    model: Model,
}

impl Program {
    fn start(home: &Path) -> Self {
        let (tx, events) = sync_channel(16);
        let mut model = Model::new(Settings::default(), Timestamp::from_second(1_780_000_000).unwrap());
        update(&mut model, Said::Resize(120, 40));
        let mut program = Self { engine: open(home, Some(tx)), events, model };
        let effects = program.model.start(false);
        program.submit(effects);
        program
    }

    fn submit(&self, effects: Vec<Effect>) {
        effects.into_iter().for_each(|effect| self.engine.submit(effect));
    }

    fn keys(&mut self, keys: &str) {
        for key in typed(keys) {
            let effects = update(&mut self.model, Said::Key(key));
            self.submit(effects);
        }
    }

    fn until(&mut self, wanted: impl Fn(&Said) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let event = self.events.recv_timeout(deadline.saturating_duration_since(Instant::now())).unwrap();
            let found = wanted(&event);
            let effects = update(&mut self.model, event);
            self.submit(effects);
            if found {
                return;
            }
        }
    }
}

fn screen(home: &Path) {
    let mut program = Program::start(home);
    let whole = |event: &Said| match event {
        Said::Cases(rows) => {
            rows.len() > CASES as usize && rows.first().is_some_and(|row| row.messages >= MESSAGES as usize)
        }
        _ => false,
    };
    program.submit(vec![Effect::ListCases]);
    program.until(whole);
    let mut chance = Chance(7);
    let (mut mail, mut pages) = (Vec::new(), Vec::new());
    for _ in 0..50 {
        let number = urn(chance.below(CASES));
        program.keys("'");
        program.keys(&number);
        let began = Instant::now();
        program.keys("<CR>");
        program.until(|event| matches!(event, Said::Threads(Scope::Case(case), _) if case.0 == number));
        mail.push(began.elapsed());
        let began = Instant::now();
        program.keys("i");
        program.until(|event| matches!(event, Said::Case(case, _) if case.0 == number));
        pages.push(began.elapsed());
        program.keys("gc");
    }
    told("open a case: its list of threads", mail);
    told("open a case: its page (parties, hearings, …)", pages);
    program.engine.close();
}

fn main() {
    filing();
    finder();
    let dir = tempfile::tempdir_in(".").unwrap();
    let home = dir.path().join("home");
    let began = Instant::now();
    create(&home);
    println!("{:<46} {:>9.1?}", "written in", began.elapsed());

    let began = Instant::now();
    let engine = open(&home, None);
    let opened = began.elapsed();
    let book = engine.book().unwrap();
    println!(
        "{:<46} {:>9.1?}  ({} cases)",
        "read and fold the register",
        began.elapsed() - opened,
        book.cases().count()
    );
    let began = Instant::now();
    let verified = engine.verify_register().unwrap();
    let words = if verified.is_whole() { "whole" } else { "BROKEN" };
    println!("{:<46} {:>9.1?}  ({words})", "prove the chain of all records", began.elapsed());
    let mut chronologies = Vec::new();
    for case in (0..CASES).step_by(50) {
        let began = Instant::now();
        assert!(engine.chronology(&CaseId(urn(case))).unwrap().len() > 90);
        chronologies.push(began.elapsed());
    }
    told("the chronology of a case (107 records)", chronologies);
    engine.close();
    screen(&home);
}
