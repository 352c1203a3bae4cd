//! A large message whose fetching is killed with the program: what was here is here, and only the rest is asked for.

use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

use casemail::demo::authority::Authority;

use crate::support::dovecot::{Dovecot, Options};
use crate::support::home::Home;
use crate::support::line::Line;
use crate::walkthrough::eventually;

const MB: u64 = 1 << 20;
/// Bytes of the message, about.
const LARGE: u64 = 12 * MB;

/// Base64 of something that does not compress.
fn large() -> Vec<u8> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut raw = b"From: Wren <wren@copfs.gov.example>\r\nTo: Quill <quill@quillpounce.example>\r\n\
        Message-ID: <large@copfs.gov.example>\r\nDate: Mon, 2 Mar 2026 09:00:00 +0000\r\nSubject: the recording\r\n\
        MIME-Version: 1.0\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        .to_vec();
    let mut seed = 7_u64;
    while (raw.len() as u64) < LARGE {
        for _ in 0..76 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            raw.push(LETTERS[(seed >> 58) as usize]);
        }
        raw.extend_from_slice(b"\r\n");
    }
    raw
}

struct World {
    _dovecot: Dovecot,
    line: Line,
    home: Home,
    raw: Vec<u8>,
    id: String,
}

impl World {
    fn start() -> Option<Self> {
        let authority = Authority::new("casemail tests").unwrap();
        let dovecot = Dovecot::start_with(&authority, &Options::default())?;
        let raw = large();
        dovecot.fill("quill", "INBOX", std::iter::once(raw.clone()));
        let line = Line::to(&dovecot.tls());
        let at = line.via(&dovecot.tls());
        let home = Home::new();
        home.configure(&home.config(&at, &at, &dovecot.ca_file(), ""));
        home.done(&["sync"], b"");
        let listed = home.json(&["message", "list"]);
        let id = listed["messages"][0]["id"].as_str().unwrap().to_owned();
        assert!(line.weather().down.load(SeqCst) < MB, "it came unasked");
        Some(Self { _dovecot: dovecot, line, home, raw, id })
    }

    /// Bytes of what is here in part.
    fn here(&self) -> u64 {
        let Ok(files) = std::fs::read_dir(self.home.roots().cache.join("partial")) else { return 0 };
        files.flatten().filter_map(|file| file.metadata().ok()).map(|meta| meta.len()).sum()
    }

    /// Begins to fetch it on a slow line, and kills the program when so much is here.
    fn kill_at(&self, bytes: u64) {
        self.line.weather().rate.store(3 * MB, SeqCst);
        let mut child = self.home.start(&["message", "raw", &self.id]);
        let until = Instant::now() + Duration::from_secs(60);
        while self.here() < bytes {
            assert!(Instant::now() < until, "{} bytes are here", self.here());
            assert!(child.try_wait().unwrap().is_none(), "it was through before it could be killed");
            std::thread::sleep(Duration::from_millis(2));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        self.line.mend();
    }

    /// Fetches it; gives how many bytes that took.
    fn fetch(&self) -> u64 {
        let before = self.line.weather().down.load(SeqCst);
        let ran = self.home.run(&["message", "raw", &self.id], b"");
        assert_eq!(ran.code, 0, "{}", ran.err);
        assert!(ran.out.as_bytes() == self.raw, "another message: {} bytes", ran.out.len());
        self.line.weather().down.load(SeqCst) - before
    }
}

#[test]
fn a_large_message_goes_on_where_the_program_was_killed() {
    let Some(world) = World::start() else { return };
    // Several times, each from where it was.
    for part in [3 * MB, 6 * MB, 8 * MB] {
        world.kill_at(part);
        assert!(world.here() >= part);
    }
    let have = world.here();
    let took = world.fetch();
    let size = world.raw.len() as u64;
    eprintln!("{size} bytes, {have} were here sealed, {took} came");
    assert!(took < size - have + MB, "{took} bytes came, {have} were here");
    // It is whole and where whole messages lie; nothing is asked for any more.
    assert_eq!(world.here(), 0);
    assert!(world.fetch() < 64 << 10);
}

/// What is here in part is torn by a crash of the machine, or is of another message: that much is fetched again, and nothing else is shown.
#[test]
fn what_is_torn_is_fetched_again() {
    let Some(world) = World::start() else { return };
    world.kill_at(4 * MB);
    let file = std::fs::read_dir(world.home.roots().cache.join("partial")).unwrap().next().unwrap().unwrap().path();
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let took = world.fetch();
    assert!(took > world.raw.len() as u64 / 2, "{took}");
    eventually(|| (world.here() == 0).then_some(()));
}

/// What is damaged where whole messages lie is fetched again by whoever opens it.
#[test]
fn what_is_damaged_later_is_fetched_again() {
    let Some(world) = World::start() else { return };
    world.fetch();
    let blobs = || std::fs::read_dir(world.home.roots().cache.join("blobs")).unwrap().flatten();
    let file = blobs().next().unwrap().path();
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let before = world.line.weather().down.load(SeqCst);
    world.home.done(&["message", "show", &world.id], b"");
    let took = world.line.weather().down.load(SeqCst) - before;
    assert!(took > LARGE, "{took}");
    assert!(!file.exists() && blobs().count() == 1, "the damaged one stays");
    assert!(world.fetch() < 64 << 10);
}
