//! The packed RTF of a message's text (MS-OXRTFCP): a dictionary of 4096 octets that begins with what every RTF has.

use crate::look::TEXT_MAX;

/// What the dictionary begins with (MS-OXRTFCP §2.1.2.1).
const BEGINNING: &[u8] = b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx";
/// Octets of the dictionary.
const DICTIONARY: usize = 4096;
/// Packed, and as it is.
const PACKED: u32 = 0x7546_5a4c;
const PLAIN: u32 = 0x414c_454d;
/// Of RTF more is not unpacked: its text is less.
const UNPACKED_MAX: usize = 4 * TEXT_MAX;

/// Unpacks; `None` where it is in no known form. What was cut off gives what was there. Its sum is not looked at: nothing but a text to read comes of it.
pub(super) fn unpack(data: &[u8]) -> Option<Vec<u8>> {
    let (header, rest) = data.split_first_chunk::<16>()?;
    let field =
        |at: usize| header.get(at..).and_then(|field| field.first_chunk::<4>()).map(|four| u32::from_le_bytes(*four));
    let most = usize::try_from(field(4)?).ok()?.min(UNPACKED_MAX);
    match field(8)? {
        PLAIN => Some(rest.get(..most.min(rest.len())).unwrap_or_default().to_vec()),
        PACKED => Some(expand(rest, most)),
        _ => None,
    }
}

/// What is being unpacked.
struct Unpacking {
    dictionary: [u8; DICTIONARY],
    /// Where the dictionary is written next.
    at: usize,
    out: Vec<u8>,
}

impl Unpacking {
    fn put(&mut self, byte: u8) {
        self.out.push(byte);
        if let Some(place) = self.dictionary.get_mut(self.at) {
            *place = byte;
        }
        self.at = (self.at + 1) % DICTIONARY;
    }
}

fn expand(packed: &[u8], most: usize) -> Vec<u8> {
    let mut now = Unpacking { dictionary: [b' '; DICTIONARY], at: BEGINNING.len(), out: Vec::new() };
    for (place, byte) in now.dictionary.iter_mut().zip(BEGINNING) {
        *place = *byte;
    }
    let mut rest = packed.iter().copied();
    while now.out.len() < most {
        let Some(control) = rest.next() else { break };
        for bit in 0..8 {
            let Some(first) = rest.next() else { return now.out };
            if control >> bit & 1 == 0 {
                now.put(first);
                continue;
            }
            let Some(second) = rest.next() else { return now.out };
            let reference = usize::from(u16::from_be_bytes([first, second]));
            let (from, length) = (reference >> 4, (reference & 0xf) + 2);
            // Where it would be written next: the end.
            if from == now.at {
                return now.out;
            }
            for step in 0..length {
                let byte = now.dictionary.get((from + step) % DICTIONARY).copied().unwrap_or(b' ');
                now.put(byte);
            }
        }
    }
    now.out.truncate(most);
    now.out
}

#[cfg(test)]
mod tests {
    use super::{BEGINNING, unpack};

    #[test]
    fn the_examples_of_the_specification_come_out() {
        assert_eq!(BEGINNING.len(), 207);
        // MS-OXRTFCP §4.1.
        let packed = b"\x2d\0\0\0\x2b\0\0\0LZFu\xf1\xc5\xc7\xa7\x03\0\x0a\0rcpg125B2\x0a\xf3 hel\x09\0 bw\x05\xb0ld}\x0a\x80\x0f\xa0";
        assert_eq!(unpack(packed).unwrap(), b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n");
        // The second: a reference that reaches into what it writes.
        let packed = b"\x1a\0\0\0\x1c\0\0\0LZFu\xe2\xd4KQA\0\x04 WXYZ\x0dn}\x01\x0e\xb0".to_vec();
        assert_eq!(unpack(&packed).unwrap(), b"{\\rtf1 WXYZWXYZWXYZWXYZWXYZ}");
        for cut in 0..packed.len() {
            let _ = unpack(&packed[..cut]);
        }
        let mut plain = packed;
        plain[8..12].copy_from_slice(b"MELA");
        assert_eq!(unpack(&plain).unwrap(), &plain[16..]);
    }
}
