//! The list of 10,000, 100,000 and 1,000,000 messages from the disk to the screen: `cargo bench --bench library [-- 100000]`.
//!
//! Made-up summaries (threads of one to nine messages, cases, three hundred people) are put into the cache of a throw-away profile. Then the
//! program's own engine and screen are started in a process of their own, once to read everything and keep the list, then again and again on
//! the kept list: from the open vault to the list of cases drawn, to the first rows of all threads, to the whole list of them, to the newest thread open (for
//! which all of the index is needed), keys, memory, disk. At last
//! the growth from one size to the next in one table. Figures are printed, nothing is asserted. `docs/measuring.md` says how to read it.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark prints, and stops at the first trouble")]

use std::cell::Cell;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::rc::Rc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use casemail::app::effect::Effect;
use casemail::app::event::Event;
use casemail::app::list::Rows;
use casemail::app::view::Scope;
use casemail::app::{Model, Settings, update};
use casemail::config::Config;
use casemail::engine::{Engine, Opening};
use casemail::keymap::key::typed;
use casemail::mail::address::Address;
use casemail::store::cache::{Cache, CacheOptions, NewMessage};
use casemail::store::flags::Flags;
use casemail::store::profile::{Profile, Roots};
use casemail::store::state::State;
use casemail::store::summary::Summary;
use casemail::store::vault::{Cost, Vault};
use casemail::theme::Theme;
use jiff::Timestamp;
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;
use ratatui::{Terminal, TerminalOptions, Viewport};

const PASSPHRASE: &[u8] = b"otter weir lantern";
const BATCH: u32 = 2_000;
const PATIENCE: Duration = Duration::from_secs(600);

/// A terminal that only counts.
struct Counter(Rc<Cell<usize>>);

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.set(self.0.get() + bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Message `n`: threads of nine, three, three and one; every second thread names one of three thousand cases.
fn summary(n: u32) -> Summary {
    let place = n % 16;
    let (first, nth) = match place {
        0..9 => (n - place, place),
        9..12 => (n - place + 9, place - 9),
        12..15 => (n - place + 12, place - 12),
        _ => (n, 0),
    };
    let id =
        |n: u32| format!("{:016x}.{n:08x}@mail.chambers.example", u64::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let case = (first / 3) % 3_000;
    let person = |n: u32| Address {
        name: format!("Badger Number {}", n.wrapping_mul(7919) % 300),
        addr: format!("badger{}@chambers.example", n.wrapping_mul(7919) % 300),
    };
    let names_case = first % 2 == 0;
    let number = if names_case { format!(" 99ZX0{case:04}26") } else { String::new() };
    let mark = if nth > 0 { "Re: " } else { "" };
    let mut derived = vec![format!("c:{:016x}", u64::from(n) * 31)];
    if names_case {
        derived.push(format!("s:99ZX0{case:04}26"));
    }
    Summary {
        uid: n + 1,
        flags: Flags::new(if n.is_multiple_of(50) { 0 } else { Flags::SEEN }, Vec::new()),
        received: 1_500_000_000 + i64::from(n) * 120,
        sent: Some(1_500_000_000 + i64::from(n) * 120 - 4),
        bytes: 4_000 + n % 3_000,
        message_id: id(n),
        references: (0..nth).map(|back| id(first + back)).collect(),
        from: vec![person(n)],
        to: vec![person(first + 1), person(first + 2)],
        subject: format!("{mark}R v FERRET{number}: disclosure schedule {first}"),
        attachments: (n % 3) as u16,
        derived,
        ..Summary::default()
    }
}

fn create(home: &Path, count: u32) {
    let profile = Profile::open(Roots::below(home)).unwrap();
    let vault = Vault::create_with(&profile.roots().vault_file(), PASSPHRASE, Cost::TEST).unwrap();
    let now = Timestamp::from_second(1_780_000_000).unwrap();
    // A profile with a cache and without a state store would be one that has lost it.
    drop(State::open_of(profile.roots(), &vault).unwrap());
    let (cache, _) = Cache::open(&profile.roots().cache, &vault, now, &CacheOptions::default()).unwrap();
    let mailbox = cache.ensure_mailbox("work", "INBOX", 1).unwrap();
    for first in (0..count).step_by(BATCH as usize) {
        let messages = (first..count.min(first + BATCH)).map(|n| NewMessage { summary: summary(n), raw: None });
        cache.put_batch(mailbox, messages.collect(), None).unwrap();
    }
}

fn disk(dir: &Path) -> u64 {
    let entries = std::fs::read_dir(dir).unwrap().flatten();
    entries.map(|entry| if entry.path().is_dir() { disk(&entry.path()) } else { entry.metadata().unwrap().len() }).sum()
}

/// (resident now, its peak) in MB, from the kernel.
fn memory() -> (u64, u64) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or_default() / 1024
    };
    (field("VmRSS:"), field("VmHWM:"))
}

/// What this process has spent of the processor, in the kernel too; in ticks of 10 ms.
fn processor_ms() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>() * 10
}

type Screened = Terminal<CrosstermBackend<Counter>>;

/// The program without a terminal: engine, model, drawing.
struct Program {
    engine: Engine,
    events: Receiver<Event>,
    model: Model,
    theme: Theme,
    terminal: Screened,
    written: Rc<Cell<usize>>,
}

impl Program {
    fn draw(&mut self) {
        let (model, theme) = (&self.model, &self.theme);
        self.terminal.draw(|frame| casemail::ui::draw(model, theme, frame)).unwrap();
    }

    fn submit(&self, effects: Vec<Effect>) {
        effects.into_iter().for_each(|effect| self.engine.submit(effect));
    }

    fn keys(&mut self, keys: &str) {
        for key in typed(keys) {
            let effects = update(&mut self.model, Event::Key(key));
            self.submit(effects);
        }
    }

    /// Takes events in until one comes of which `wanted` makes something, then draws.
    fn until<T>(&mut self, wanted: impl Fn(&Event) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let event = self.events.recv_timeout(deadline.saturating_duration_since(Instant::now())).unwrap();
            let found = wanted(&event);
            let effects = update(&mut self.model, event);
            self.submit(effects);
            if let Some(found) = found {
                self.draw();
                return found;
            }
        }
    }
}

/// How many messages a list of cases counts; of one that counts none nothing.
fn counted(event: &Event) -> Option<usize> {
    let Event::Cases(rows) = event else { return None };
    Some(rows.first()?.messages).filter(|messages| *messages > 0)
}

/// The first word that a child is given: three sizes are no child's.
const START: &str = "--start";
/// The first word where a profile is only to be made, to be started by several builds in turn.
const CREATE: &str = "--create";

/// The line of a child that its parent reads, not a person.
const FIGURES: &str = "figures:";

/// What the table of growth holds of a size.
#[derive(Clone, Copy, Debug, Default)]
struct Figures {
    first_ms: f64,
    rows_ms: f64,
    whole_ms: f64,
    /// The first thread is open: the rest of the index is here.
    thread_ms: f64,
    rss_mb: f64,
    /// The slowest of the kinds of keys, at the 99th percentile.
    key_p99_ms: f64,
    cursor_octets: f64,
}

impl Figures {
    const COUNT: usize = 7;

    fn numbers(self) -> [f64; Self::COUNT] {
        [self.first_ms, self.rows_ms, self.whole_ms, self.thread_ms, self.rss_mb, self.key_p99_ms, self.cursor_octets]
    }

    fn read(line: &str) -> Option<Self> {
        let numbers: Vec<f64> =
            line.strip_prefix(FIGURES)?.split_whitespace().map(|word| word.parse().unwrap()).collect();
        let [first_ms, rows_ms, whole_ms, thread_ms, rss_mb, key_p99_ms, cursor_octets] = numbers.try_into().ok()?;
        Some(Self { first_ms, rows_ms, whole_ms, thread_ms, rss_mb, key_p99_ms, cursor_octets })
    }
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// Prints; gives the 99th percentile.
fn percentiles(name: &str, mut times: Vec<Duration>, bytes: usize) -> Duration {
    times.sort();
    let at = |share: usize| times.get((times.len() * share / 100).min(times.len() - 1)).copied().unwrap_or_default();
    println!(
        "  {name:<26} median {:>8.3?}  p99 {:>8.3?}  max {:>8.3?}  {:>5} octets a frame",
        at(50),
        at(99),
        at(100),
        bytes / times.len()
    );
    at(99)
}

/// One start of the program.
fn start(home: &Path, count: u32, keys: bool) {
    let profile = Profile::open(Roots::below(home)).unwrap();
    let vault = Vault::open_with(&profile.roots().vault_file(), PASSPHRASE, Cost::TEST).unwrap();
    let before = memory().0;
    let now = Timestamp::from_second(1_780_000_000).unwrap();
    let (width, height) = (120, 40);
    let mut model = Model::new(Settings::default(), now);
    update(&mut model, Event::Resize(width, height));
    let written = Rc::new(Cell::new(0));
    let options = TerminalOptions { viewport: Viewport::Fixed(Rect::new(0, 0, width, height)) };
    let terminal = Terminal::with_options(CrosstermBackend::new(Counter(Rc::clone(&written))), options).unwrap();
    let (tx, events) = sync_channel(16);

    let spent = processor_ms();
    let unlocked = Instant::now();
    let opening =
        Opening { events: Some(tx), vault_floor: Cost::TEST, ..Opening::new(profile, Config::default(), Some(vault)) };
    let engine = Engine::open(opening).unwrap();
    let opened = unlocked.elapsed();
    let mut program = Program { engine, events, model, theme: Theme::builtin(), terminal, written };
    let effects = program.model.start(false);
    program.submit(effects);
    program.until(counted);
    let first = unlocked.elapsed();
    program.keys("ga");
    let shown = program.until(|event| match event {
        Event::Threads(_, list) => Some(list.len()),
        _ => None,
    });
    let rows = unlocked.elapsed();
    // What came may be everything: it is asked for again until it is, which takes a frame at most. Without a head the count grows as it is read.
    loop {
        program.submit(vec![Effect::ListCases]);
        if program.until(counted) >= count as usize {
            break;
        }
        program.until(|event| matches!(event, Event::Changed).then_some(()));
    }
    program.submit(vec![Effect::ListThreads(Scope::All)]);
    let (listed, newest) = program.until(|event| match event {
        Event::Threads(_, list) if list.behind() == 0 => Some((list.len(), list.row(0)?.id)),
        _ => None,
    });
    let whole = unlocked.elapsed();
    program.submit(vec![Effect::OpenThread(newest, Scope::All)]);
    program.until(|event| matches!(event, Event::Thread(..)).then_some(()));
    let thread = unlocked.elapsed();
    let (rss, peak) = memory();
    println!(
        "  open {opened:>9.3?}, cases {first:>9.3?}, {shown} threads {rows:>9.3?}, all {listed} {whole:>9.3?}, one open {thread:>9.3?}; {rss} MB (peak {peak}, {before} before); {} ms of the processor",
        processor_ms() - spent
    );
    let mut figures = Figures {
        first_ms: ms(first),
        rows_ms: ms(rows),
        whole_ms: ms(whole),
        thread_ms: ms(thread),
        rss_mb: rss as f64,
        ..Figures::default()
    };
    if keys {
        for (name, keys, times) in [
            ("cursor within the page", "jk", 500),
            ("cursor down, scrolling", "j", 2_000),
            ("page down", "<pagedown>", 500),
            ("to the end and back", "<end><home>", 100),
            ("next unread", "n", 100),
            ("filter, letter by letter", "/sched 16<esc>", 3),
        ] {
            let before = program.written.get();
            let mut took = Vec::new();
            for _ in 0..times {
                for key in typed(keys) {
                    let start = Instant::now();
                    let effects = update(&mut program.model, Event::Key(key));
                    program.submit(effects);
                    while let Ok(event) = program.events.try_recv() {
                        let effects = update(&mut program.model, event);
                        program.submit(effects);
                    }
                    program.draw();
                    took.push(start.elapsed());
                }
            }
            let (count, octets) = (took.len(), program.written.get() - before);
            let p99 = ms(percentiles(name, took, octets));
            figures.key_p99_ms = figures.key_p99_ms.max(p99);
            if name == "cursor within the page" {
                figures.cursor_octets = octets as f64 / count as f64;
            }
        }
    }
    let closing = Instant::now();
    drop(program);
    println!("  closed in {:.3?}", closing.elapsed());
    let numbers = figures.numbers().map(|number| number.to_string());
    println!("{FIGURES} {}", numbers.join(" "));
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    if let [START, home, count, keys] = args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        start(Path::new(home), count.parse().unwrap(), keys == "keys");
        return;
    }
    if let [CREATE, home, count] = args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        create(Path::new(home), count.parse().unwrap());
        return;
    }
    let sizes: Vec<u32> = args.iter().filter_map(|arg| arg.parse().ok()).collect();
    let sizes = if sizes.is_empty() { vec![10_000, 100_000, 1_000_000] } else { sizes };
    let mut growth = Vec::new();
    for count in sizes {
        let mut last = Figures::default();
        let dir = std::env::temp_dir().join(format!("casemail-bench-{}-{count}", std::process::id()));
        let home = dir.join("home");
        let began = Instant::now();
        create(&home, count);
        println!("{count} messages, stored in {:.1?}", began.elapsed());
        for (words, keys) in
            [("read anew, then kept", "no"), ("from the kept list", "no"), ("again, with keys", "keys")]
        {
            println!(" {words}");
            let run = Command::new(std::env::current_exe().unwrap())
                .args([START.as_ref(), home.as_os_str(), count.to_string().as_ref(), keys.as_ref()])
                .stderr(std::process::Stdio::inherit())
                .output()
                .unwrap();
            assert!(run.status.success());
            for line in String::from_utf8_lossy(&run.stdout).lines() {
                match Figures::read(line) {
                    Some(read) => last = read,
                    None => println!("{line}"),
                }
            }
        }
        let cache = Roots::below(&home).cache;
        let list = std::fs::metadata(cache.join("list")).map_or(0, |meta| meta.len());
        println!(" on the disk: cache {} kB, of it the kept list {} kB", disk(&cache) >> 10, list >> 10);
        growth.push((count, last, disk(&cache) >> 10));
        std::fs::remove_dir_all(&dir).unwrap();
    }
    println!(
        "\n{:>9} {:>9} {:>9} {:>12} {:>10} {:>7} {:>9} {:>12} {:>14}",
        "messages", "cases ms", "rows ms", "whole ms", "thread ms", "MB", "disk kB", "key p99 ms", "octets a move"
    );
    for (count, figures, disk) in growth {
        let [first, rows, whole, thread, rss, p99, octets] = figures.numbers();
        println!(
            "{count:>9} {first:>9.1} {rows:>9.1} {whole:>12.1} {thread:>10.1} {rss:>7.0} {disk:>9} {p99:>12.3} {octets:>14.0}"
        );
    }
}
