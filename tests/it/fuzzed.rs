//! What the targets in `fuzz/` do, over many bent samples: what a fuzzer does for hours, for some seconds, and the same each time. And so they are
//! compiled with everything else: none of them falls behind what it is about.

#[expect(unreachable_pub, reason = "a library of its own elsewhere")]
#[path = "../../fuzz/src/lib.rs"]
mod targets;

use crate::support::winmail;

/// Xorshift: no more is needed here.
struct Chance(u64);

impl Chance {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % (below.max(1) as u64)).unwrap()
    }
}

/// A sample with some of it turned, taken out, doubled, or taken from another.
fn bent(samples: &[Vec<u8>], chance: &mut Chance) -> Vec<u8> {
    let mut bytes = samples[chance.next(samples.len())].clone();
    for _ in 0..=chance.next(6) {
        let (at, length) = (chance.next(bytes.len() + 1), chance.next(24));
        let end = (at + length).min(bytes.len());
        match chance.next(5) {
            0 => bytes[at..end].iter_mut().for_each(|byte| *byte = !*byte),
            1 => drop(bytes.drain(at..end)),
            2 => {
                let piece = bytes[at..end].repeat(1 + chance.next(9));
                bytes.splice(at..at, piece);
            }
            3 => {
                let other = &samples[chance.next(samples.len())];
                let from = chance.next(other.len() + 1);
                let piece = other[from..(from + length).min(other.len())].to_vec();
                bytes.splice(at..end, piece);
            }
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = [0, 1, 0x7f, 0x80, 0xff, b'{', b'\\', b':'][chance.next(8)];
                }
            }
        }
    }
    bytes
}

/// Runs a target over bent samples.
fn run(seed: u64, rounds: usize, samples: &[Vec<u8>], target: impl Fn(&[u8])) {
    let mut chance = Chance(seed);
    samples.iter().for_each(|sample| target(sample));
    (0..rounds).for_each(|_| target(&bent(samples, &mut chance)));
}

/// Runs a target that takes a text.
fn run_text(seed: u64, rounds: usize, samples: &[&str], target: impl Fn(&str)) {
    let samples: Vec<Vec<u8>> = samples.iter().map(|sample| sample.as_bytes().to_vec()).collect();
    run(seed, rounds, &samples, |bytes| target(&String::from_utf8_lossy(bytes)));
}

#[test]
fn readers_of_our_own_end_and_give_no_more_than_they_may() {
    let inner = winmail::package("x", "", &[winmail::file("B", "MG11.pdf", b"22")]);
    let whole =
        winmail::package("IDPC", "See.", &[winmail::file("A", "MG5.pdf", b"%PDF"), winmail::message("m", &inner)]);
    let samples = [
        br"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 Arial;}}\f0 The \b gnome\b0\par was \'e9t\u233?{\*\bin5 abcde}}".to_vec(),
        whole,
        b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART;TZID=Europe/London:20260305T100000\r\nSUMMARY:R v FERRET\\, first\r\n  hearing\r\nLOCATION:Ambleford MC\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n".to_vec(),
    ];
    run(0x9e37_79b9_7f4a_7c15, 20_000, &samples, targets::look);
}

#[test]
fn a_link_that_is_found_leads_to_a_host_of_a_rule() {
    let samples = [
        "Disclosure was shared: https://www.egress.com/secure/77 and https://evil.example/egress.com",
        "<a href=\"https://securedisclosure.copfs.gov.uk/a?b=c#d\">https://x.example</a> http://das.example",
        "https://commonplatform.hmcts.net@evil.example/ \u{202e}https://\u{0455}egress.com \t https://switch.egress.com/ui?x=\u{1b}[2J",
    ];
    run_text(0x2545_f491_4f6c_dd1d, 20_000, &samples, targets::portal);
}

#[test]
fn texts_are_refused_or_come_back_as_themselves() {
    let addresses = [
        "\"Harriet (H) Lintwhite\" <h.lintwhite@copfs.gov.example>, b@c.example",
        "=?utf-8?q?P=C3=A9?= <a@b.example>;",
    ];
    run_text(0xda94_2042_e4dd_58b5, 5_000, &addresses, targets::address);
    let numbers = ["R v FERRET 99ZX0012326, PF v PUDDOCK ZZ26000417; T20267001", "99ZX 00123/26"];
    run_text(0x1b56_c4e9_dcb7_6a35, 500, &numbers, targets::identifiers);
    let config = "undo_send_seconds = 5\n[[account]]\nname = \"work\"\nfull_name = \"Isla\"\naddress = \"i@x.example\"\nimap = { host = \"x\" }\nsmtp = { host = \"x\" }\npassword = { command = [\"cat\"] }\n";
    run_text(0x6c62_272e_07bb_0142, 2_000, &[config], targets::config);
}

#[test]
fn what_a_server_or_a_sender_says_is_read_to_its_end() {
    let lines = [
        b"* 1 FETCH (UID 7 BODY[] {5}\r\nhello FLAGS (\\Seen))\r\nA1 OK done\r\n".to_vec(),
        b"* OK [ALERT] \"x\\\"y\"\r\n".to_vec(),
    ];
    run(0x100_0000_01b3, 5_000, &lines, |bytes| {
        targets::guard((usize::from(bytes.first().copied().unwrap_or_default()), bytes))
    });
    let sealed = "-----BEGIN PGP MESSAGE-----\r\n\r\nyw51AQEAAAAAAAA=\r\n=abcd\r\n-----END PGP MESSAGE-----\r\n";
    let mails = [
        b"From: a@b.example\r\nSubject: =?utf-8?q?x?=\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\nPGI+eDwvYj4=\r\n--b--\r\n".to_vec(),
        format!("From: a@b.example\r\nContent-Type: text/plain\r\n\r\n{sealed}").into_bytes(),
    ];
    run(0xcbf2_9ce4_8422_2325, 5_000, &mails, targets::message);
    run(0x8422_2325_cbf2_9ce4, 500, &mails, targets::openpgp);
}

#[test]
fn every_target_is_built_and_run_here() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = std::fs::read_to_string(root.join("fuzz/Cargo.toml")).unwrap();
    let this = std::fs::read_to_string(root.join("tests/it/fuzzed.rs")).unwrap();
    for entry in std::fs::read_dir(root.join("fuzz/targets")).unwrap() {
        let name = entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned();
        let text = std::fs::read_to_string(root.join(format!("fuzz/targets/{name}.rs"))).unwrap();
        assert!(text.contains(&format!("use casemail_fuzz::{name};")) && text.lines().count() < 10, "{name} does more");
        assert!(manifest.contains(&format!("path = \"targets/{name}.rs\"")), "{name} is not in fuzz/Cargo.toml");
        assert!(this.contains(&format!("targets::{name}")), "{name} is not run");
    }
}
