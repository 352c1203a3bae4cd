//! Content transfer encodings (RFC 2045 §6): undone leniently, done strictly.
//!
//! What is malformed is read as far as it goes, with a flag: a lost `=` must not cost an exhibit.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

use super::message::Encoding;

/// Decodes base64 (RFC 2045 §6.8). Characters outside the alphabet are passed over, padding in the middle starts anew (some mailers join
/// encoded pieces). The flag says that something was passed over or is missing.
#[must_use]
pub(crate) fn decode_base64(bytes: &[u8]) -> (Vec<u8>, bool) {
    let mut decoded = Vec::with_capacity(bytes.len().div_ceil(4).saturating_mul(3));
    let mut state = Base64::default();
    let taken = state.take(bytes, &mut decoded, &mut |_| Ok(()));
    let damaged = state.end(&mut decoded) | taken.is_err();
    (decoded, damaged)
}

/// As [`decode_base64`], handed on in pieces, so that no second copy of an attachment is held.
///
/// # Errors
/// What the taker says.
pub(crate) fn write_base64(bytes: &[u8], to: &mut dyn std::io::Write) -> std::io::Result<bool> {
    let mut decoder = Decoder::new(Encoding::Base64);
    decoder.take(bytes, to)?;
    decoder.end(to)
}

/// Bytes that are decoded before they are handed on.
const PIECE: usize = 64 << 10;

/// A transfer encoding being undone, piece by piece: what is decoded is the same however the pieces are cut.
#[derive(Debug)]
pub(crate) enum Decoder {
    /// There is none.
    Plain,
    /// RFC 2045 §6.7: the line that has not ended yet, and whether something was malformed.
    Quoted(Vec<u8>, bool),
    /// RFC 2045 §6.8: its state, and what was decoded and not handed on.
    Base64(Base64, Vec<u8>),
}

impl Decoder {
    /// For what is encoded so.
    pub(crate) fn new(encoding: Encoding) -> Self {
        match encoding {
            Encoding::Identity | Encoding::Unknown => Self::Plain,
            Encoding::QuotedPrintable => Self::Quoted(Vec::new(), false),
            Encoding::Base64 => Self::Base64(Base64::default(), Vec::with_capacity(2 * PIECE)),
        }
    }

    /// Takes the next piece.
    ///
    /// # Errors
    /// What the taker says.
    pub(crate) fn take(&mut self, piece: &[u8], to: &mut dyn std::io::Write) -> std::io::Result<()> {
        match self {
            Self::Plain => to.write_all(piece),
            Self::Quoted(line, damaged) => {
                let whole = memchr::memrchr(b'\n', piece).map_or(0, |at| at + 1);
                let (lines, rest) = piece.split_at_checked(whole).unwrap_or((&[], piece));
                line.extend_from_slice(lines);
                if whole > 0 {
                    let (decoded, odd) = decode_quoted_printable(line);
                    *damaged |= odd;
                    line.clear();
                    to.write_all(&decoded)?;
                }
                line.extend_from_slice(rest);
                Ok(())
            }
            Self::Base64(state, decoded) => state.take(piece, decoded, &mut |decoded| {
                if decoded.len() >= PIECE {
                    to.write_all(decoded)?;
                    decoded.clear();
                }
                Ok(())
            }),
        }
    }

    /// Nothing more comes; whether something was malformed.
    ///
    /// # Errors
    /// What the taker says.
    pub(crate) fn end(self, to: &mut dyn std::io::Write) -> std::io::Result<bool> {
        match self {
            Self::Plain => Ok(false),
            Self::Quoted(line, damaged) => {
                let (decoded, odd) = decode_quoted_printable(&line);
                to.write_all(&decoded)?;
                Ok(damaged | odd)
            }
            Self::Base64(state, mut decoded) => {
                let damaged = state.end(&mut decoded);
                to.write_all(&decoded)?;
                Ok(damaged)
            }
        }
    }
}

/// Base64 being undone.
#[derive(Debug, Default)]
pub(crate) struct Base64 {
    group: u32,
    held: u8,
    damaged: bool,
    padded: bool,
    /// A line has begun.
    inside: bool,
}

impl Base64 {
    /// Decodes; `drain` may take what was decoded so far.
    fn take(
        &mut self,
        bytes: &[u8],
        decoded: &mut Vec<u8>,
        drain: &mut dyn FnMut(&mut Vec<u8>) -> std::io::Result<()>,
    ) -> std::io::Result<()> {
        let mut rest = bytes;
        while let Some((&byte, after)) = rest.split_first() {
            // Whole lines of nothing but the alphabet, which is nearly all of an attachment, go many times as fast.
            if !self.inside
                && self.held == 0
                && !self.padded
                && let Some(next) = whole_line(rest, decoded)
            {
                drain(decoded)?;
                rest = next;
                continue;
            }
            (rest, self.inside) = (after, byte != b'\n');
            let value = match byte {
                b'A'..=b'Z' => byte - b'A',
                b'a'..=b'z' => byte - b'a' + 26,
                b'0'..=b'9' => byte - b'0' + 52,
                b'+' => 62,
                b'/' => 63,
                b'\r' | b'\n' | b' ' | b'\t' => continue,
                b'=' => {
                    self.damaged |= flush(decoded, self.group, self.held);
                    (self.group, self.held, self.padded) = (0, 0, true);
                    continue;
                }
                _ => {
                    self.damaged = true;
                    continue;
                }
            };
            // Text after the padding: a second encoded piece, or rubbish.
            self.damaged |= self.padded;
            self.group = self.group << 6 | u32::from(value);
            self.held += 1;
            if self.held == 4 {
                let [_, first, second, third] = self.group.to_be_bytes();
                decoded.extend_from_slice(&[first, second, third]);
                (self.group, self.held) = (0, 0);
                drain(decoded)?;
            }
        }
        Ok(())
    }

    /// Decodes what is left over; whether something was malformed or is missing.
    fn end(self, decoded: &mut Vec<u8>) -> bool {
        flush(decoded, self.group, self.held) | self.damaged | (self.held != 0)
    }
}

/// Decodes a line that is made of whole groups and nothing else, and says what is behind it. `None`: it is not such a line, and nothing
/// was decoded.
fn whole_line<'a>(bytes: &'a [u8], decoded: &mut Vec<u8>) -> Option<&'a [u8]> {
    const LINE_MAX: usize = 1024;
    let window = bytes.get(..bytes.len().min(LINE_MAX))?;
    let end = memchr::memchr(b'\n', window)?;
    let (line, rest) = bytes.split_at_checked(end)?;
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.len() < 8 || line.len() % 4 != 0 {
        return None;
    }
    let before = decoded.len();
    decoded.resize(before + line.len() / 4 * 3, 0);
    match decoded.get_mut(before..).map(|room| STANDARD_NO_PAD.decode_slice(line, room)) {
        Some(Ok(_)) => rest.get(1..),
        _ => {
            decoded.truncate(before);
            None
        }
    }
}

/// The last, short group. A single character left over holds no whole byte.
fn flush(decoded: &mut Vec<u8>, group: u32, held: u8) -> bool {
    match held {
        2 => decoded.extend((group >> 4).to_be_bytes().last()),
        3 => {
            let [_, _, first, second] = (group >> 2).to_be_bytes();
            decoded.extend_from_slice(&[first, second]);
        }
        _ => {}
    }
    held == 1
}

/// Decodes quoted-printable (RFC 2045 §6.7). A malformed escape stands as it is, as the note (2) there advises.
#[must_use]
pub(crate) fn decode_quoted_printable(bytes: &[u8]) -> (Vec<u8>, bool) {
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut damaged = false;
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        let (line, end) = split_line_end(line);
        // Rule (3): white space at the end of a line was added on the way.
        let line = line.trim_ascii_end();
        let (line, end) = line.strip_suffix(b"=").map_or((line, end), |line| (line, &b""[..]));
        let mut rest = line;
        while let Some(at) = memchr::memchr(b'=', rest) {
            let (plain, escape) = rest.split_at_checked(at).unwrap_or((rest, &[]));
            decoded.extend_from_slice(plain);
            match escape {
                [_, high, low, after @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                    decoded.push(hex_value(*high) << 4 | hex_value(*low));
                    rest = after;
                }
                _ => {
                    damaged = true;
                    decoded.push(b'=');
                    rest = escape.get(1..).unwrap_or_default();
                }
            }
        }
        decoded.extend_from_slice(rest);
        decoded.extend_from_slice(end);
    }
    (decoded, damaged)
}

fn split_line_end(line: &[u8]) -> (&[u8], &[u8]) {
    let length = if line.ends_with(b"\r\n") { 2 } else { usize::from(line.ends_with(b"\n")) };
    line.split_at_checked(line.len() - length).unwrap_or((line, &[]))
}

/// The value of a hexadecimal digit; 0 for anything else.
pub(crate) fn hex_value(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'A'..=b'F' => digit - b'A' + 10,
        b'a'..=b'f' => digit - b'a' + 10,
        _ => 0,
    }
}

/// Encodes base64 in lines of 76 characters, each ended by CRLF.
#[must_use]
pub(crate) fn encode_base64(bytes: &[u8]) -> Vec<u8> {
    let mut encoded = Vec::with_capacity(bytes.len() / 57 * 78 + 80);
    for line in bytes.chunks(57) {
        encoded.extend_from_slice(STANDARD.encode(line).as_bytes());
        encoded.extend_from_slice(b"\r\n");
    }
    encoded
}

/// Encodes text (lines ended by `\n`) as quoted-printable in lines of at most 76 characters ended by CRLF. What relays and signatures
/// trip over is encoded too: white space at a line's end (RFC 3156 §5), `From ` and a lone dot at a line's start.
#[must_use]
pub(crate) fn encode_quoted_printable(text: &str) -> Vec<u8> {
    let mut encoded = Vec::with_capacity(text.len() + text.len() / 4 + 2);
    for line in text.split_inclusive('\n') {
        let (line, ended) = line.strip_suffix('\n').map_or((line, false), |line| (line, true));
        encode_line(line.as_bytes(), &mut encoded);
        if ended {
            encoded.extend_from_slice(b"\r\n");
        }
    }
    encoded
}

fn encode_line(line: &[u8], encoded: &mut Vec<u8>) {
    let last = line.len().saturating_sub(1);
    let mut column = 0;
    for (at, &byte) in line.iter().enumerate() {
        let plain = match byte {
            b'=' => false,
            b' ' | b'\t' => at != last,
            b'F' => at != 0 || !line.starts_with(b"From "),
            b'.' => at != 0 || line.len() > 1,
            b'!'..=b'~' => true,
            _ => false,
        };
        let length = if plain { 1 } else { 3 };
        // One column is kept for the `=` of a soft break, save at the line's very end.
        if column + length > if at == last { 76 } else { 75 } {
            encoded.extend_from_slice(b"=\r\n");
            column = 0;
        }
        if plain {
            encoded.push(byte);
        } else {
            encoded.push(b'=');
            for nibble in [byte >> 4, byte & 15] {
                encoded.push(if nibble < 10 { b'0' + nibble } else { b'A' + nibble - 10 });
            }
        }
        column += length;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

    use super::{Decoder, decode_base64, decode_quoted_printable, encode_base64, encode_quoted_printable};
    use crate::mail::message::Encoding;

    #[test]
    fn base64_is_read_as_far_as_it_goes() {
        let check = |encoded: &str, expected: &[u8], damaged: bool| {
            assert_eq!(decode_base64(encoded.as_bytes()), (expected.to_vec(), damaged), "{encoded:?}");
        };
        check("", b"", false);
        check("Z25vbWU=", b"gnome", false);
        check("Z25v\r\nbWU=\r\n", b"gnome", false);
        check("Z25vbWU", b"gnome", true);
        check("Z25v!bWU=", b"gnome", true);
        check("Z25vbWU=Z25vbWU=", b"gnomegnome", true);
        check("Z", b"", true);
        check("====", b"", false);
        // Whole lines are read at once; what is odd about one must be seen all the same.
        check("Z25vbWUhZ25v\r\nbWUhZ25vbWUh\nZ25vbWU=\n", b"gnome!gnome!gnome!gnome", false);
        check("Z25vbWU=\nZ25vbWUh\n", b"gnomegnome!", true);
        check("Z25vbWUhZ2\n5vbWUhZ25vbWUh\n", b"gnome!gnome!gnome!", false);
        check("Z25vbWUhZ2!5v\nbWUhZ25v\n", b"gnome!gnome!gno", true);
        check("Z25vbWU \nhZ25vbWUh\n", b"gnome!gnome!", false);
    }

    #[test]
    fn quoted_printable_is_read_as_far_as_it_goes() {
        let check = |encoded: &str, expected: &str, damaged: bool| {
            let (decoded, flag) = decode_quoted_printable(encoded.as_bytes());
            assert_eq!((String::from_utf8_lossy(&decoded).as_ref(), flag), (expected, damaged), "{encoded:?}");
        };
        check("a=3Db", "a=b", false);
        check("gn=C3=B6me=\r\n park  \r\nend", "gnöme park\r\nend", false);
        check("gn=c3=b6me", "gnöme", false);
        check("a=\nb", "ab", false);
        check("a=  \nb", "ab", false);
        check("a=XYb=", "a=XYb", true);
        check("=", "", false);
        check("=4", "=4", true);
        check("a\nb\n", "a\nb\n", false);
    }

    #[test]
    fn quoted_printable_hides_what_relays_and_signatures_trip_over() {
        let check = |text: &str, expected: &str| {
            assert_eq!(String::from_utf8(encode_quoted_printable(text)).unwrap(), expected);
        };
        check("a=b\n", "a=3Db\r\n");
        check("end \n", "end=20\r\n");
        check("-- \nB. Quill", "--=20\r\nB. Quill");
        check("From here\n", "=46rom here\r\n");
        check(".\n..\n", "=2E\r\n..\r\n");
        check(&"x".repeat(76), &"x".repeat(76));
        check(&"x".repeat(77), &format!("{}=\r\nxx", "x".repeat(75)));
    }

    proptest! {
        #[test]
        fn base64_round_trips(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert_eq!(decode_base64(&encode_base64(&bytes)), (bytes, false));
        }

        #[test]
        fn in_pieces_or_at_once_is_the_same(text in "[A-Za-z0-9+/=!\n]{0,400}", times in 1..400_usize) {
            let text = text.repeat(times);
            let mut written = Vec::new();
            let damaged = super::write_base64(text.as_bytes(), &mut written).unwrap();
            prop_assert_eq!(decode_base64(text.as_bytes()), (written, damaged));
        }

        #[test]
        fn however_the_pieces_are_cut_the_same_comes_out(
            text in "[A-Za-z0-9+/= \r\n]{0,300}", times in 1..6_usize, cuts in proptest::collection::vec(0..2_000_usize, 0..8)
        ) {
            let bytes = text.repeat(times).into_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|at| at.min(bytes.len())).chain([0, bytes.len()]).collect();
            cuts.sort_unstable();
            for (encoding, whole) in
                [(Encoding::Base64, decode_base64(&bytes)), (Encoding::QuotedPrintable, decode_quoted_printable(&bytes)), (Encoding::Identity, (bytes.clone(), false))]
            {
                let (mut decoder, mut written) = (Decoder::new(encoding), Vec::new());
                for pair in cuts.windows(2) {
                    decoder.take(&bytes[pair[0]..pair[1]], &mut written).unwrap();
                }
                let damaged = decoder.end(&mut written).unwrap();
                prop_assert_eq!((written, damaged), whole);
            }
        }

        #[test]
        fn quoted_printable_round_trips(text in "(?s)[ -~\né\t\u{0}]{0,300}") {
            let encoded = encode_quoted_printable(&text);
            for line in encoded.split(|&byte| byte == b'\n') {
                prop_assert!(line.len() <= 77);
            }
            let (decoded, damaged) = decode_quoted_printable(&encoded);
            prop_assert_eq!(String::from_utf8(decoded).unwrap().replace("\r\n", "\n"), text);
            prop_assert!(!damaged);
        }

        #[test]
        fn nothing_makes_the_decoders_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = decode_base64(&bytes);
            let _ = decode_quoted_printable(&bytes);
        }
    }
}
