//! The bodies of the targets in `fuzz/` for our own readers of foreign documents and notices, over many bent samples: what a fuzzer does for hours,
//! for some seconds, and the same each time.

use casemail::case::portal::Portals;
use casemail::look::{Asked, TEXT_MAX, calendar, look, rtf, tnef};

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

#[test]
fn readers_of_our_own_end_and_give_no_more_than_they_may() {
    let attribute = |id: u32, data: &[u8]| {
        let mut bytes = vec![1];
        bytes.extend(id.to_le_bytes());
        bytes.extend(u32::try_from(data.len()).unwrap().to_le_bytes());
        bytes.extend(data);
        bytes.extend(data.iter().fold(0_u16, |sum, byte| sum.wrapping_add(u16::from(*byte))).to_le_bytes());
        bytes
    };
    let mut winmail = vec![0x78, 0x9f, 0x3e, 0x22, 1, 0];
    winmail.extend(attribute(0x0001_8010, b"MG5.pdf\0"));
    winmail.extend(attribute(0x0006_800f, b"%PDF-1.4"));
    let samples = [
        br"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 Arial;}}\f0 The \b gnome\b0\par was \'e9t\u233?{\*\bin5 abcde}}".to_vec(),
        winmail,
        b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART;TZID=Europe/London:20260305T100000\r\nSUMMARY:R v FERRET\\, first\r\n  hearing\r\nLOCATION:Ambleford MC\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n".to_vec(),
    ];
    let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
    for _ in 0..20_000 {
        let bytes = bent(&samples, &mut chance);
        let (text, _) = rtf::read(&bytes);
        assert!(text.len() <= TEXT_MAX + 4);
        let packed = tnef::read(&bytes).or_else(|| tnef::read(&[&[0x78, 0x9f, 0x3e, 0x22, 1, 0][..], &bytes].concat()));
        assert!(packed.unwrap().files.iter().all(|(_, size)| *size <= bytes.len() as u64));
        if let Ok(text) = std::str::from_utf8(&bytes) {
            let _ = calendar::read(text);
        }
        let _ = look(&Asked { name: "a.eml".into(), media_type: String::new() }, &bytes);
    }
}

#[test]
fn a_link_that_is_found_leads_to_a_host_of_a_rule() {
    let samples = [
        b"Disclosure was shared: https://www.egress.com/secure/77 and https://evil.example/egress.com".to_vec(),
        b"<a href=\"https://securedisclosure.copfs.gov.uk/a?b=c#d\">https://x.example</a> http://das.example".to_vec(),
        "https://commonplatform.hmcts.net@evil.example/ \u{202e}https://\u{0455}egress.com \t https://switch.egress.com/ui?x=\u{1b}[2J".into(),
    ];
    let mut chance = Chance(0x2545_f491_4f6c_dd1d);
    let portals = Portals::default();
    for _ in 0..20_000 {
        let text = String::from_utf8_lossy(&bent(&samples, &mut chance)).into_owned();
        for shared in portals.shared("x@x.example", "", &text) {
            assert!(
                shared.link.starts_with("https://")
                    && !shared.link.chars().any(|c| c.is_control() || c.is_whitespace()),
                "{text:?}: {:?}",
                shared.link
            );
        }
    }
}
