//! Encoded words in header fields (RFC 2047): read leniently, written strictly.
//!
//! Linear whatever comes: a word is looked for only within the length that a generous sender would use.

use super::{charset, transfer};

/// RFC 2047 §2 says 75; mailers that never read it write up to a whole header line.
const WORD_MAX: usize = 1024;

/// Decodes the encoded words in a text. White space between two of them is not part of the text (§6.2); neighbours of one charset are
/// decoded together, because many senders cut within a character.
#[must_use]
pub(crate) fn decode(text: &str) -> String {
    if !text.contains("=?") {
        return text.to_owned();
    }
    let mut decoded = String::with_capacity(text.len());
    let mut pending: Option<(String, Vec<u8>)> = None;
    let mut rest = text;
    while let Some((plain, from)) = rest.find("=?").and_then(|at| rest.split_at_checked(at)) {
        let Some((word, after)) = read_word(from) else {
            flush(&mut pending, &mut decoded);
            decoded.push_str(plain);
            decoded.push_str("=?");
            rest = from.get(2..).unwrap_or_default();
            continue;
        };
        let between = pending.is_some() && plain.chars().all(|c| c.is_ascii_whitespace());
        if !between {
            flush(&mut pending, &mut decoded);
            decoded.push_str(plain);
        }
        match &mut pending {
            Some((label, bytes)) if label.eq_ignore_ascii_case(word.charset) => bytes.extend(word.bytes),
            _ => {
                flush(&mut pending, &mut decoded);
                pending = Some((word.charset.to_owned(), word.bytes));
            }
        }
        rest = after;
    }
    flush(&mut pending, &mut decoded);
    decoded.push_str(rest);
    decoded
}

fn flush(pending: &mut Option<(String, Vec<u8>)>, decoded: &mut String) {
    if let Some((label, bytes)) = pending.take() {
        decoded.push_str(&charset::decode(&bytes, Some(&label)).0);
    }
}

/// Characters of the encoded word whose `=` has just been read and whose `?` comes next.
#[must_use]
pub(crate) fn word_length(rest: &str) -> Option<usize> {
    let (charset, after) = split_within(rest.strip_prefix('?')?, "?", 64)?;
    let (encoding, after) = split_within(after, "?", 1)?;
    let (data, _) = split_within(after, "?=", WORD_MAX)?;
    let plain = charset.bytes().all(|byte| byte.is_ascii_graphic()) && matches!(encoding, "B" | "b" | "Q" | "q");
    plain.then(|| 1 + charset.len() + 1 + encoding.len() + 1 + data.chars().count() + 2)
}

struct Word<'a> {
    charset: &'a str,
    bytes: Vec<u8>,
}

/// Reads `=?charset?B?data?=` at the start of a text.
fn read_word(text: &str) -> Option<(Word<'_>, &str)> {
    let (charset, rest) = split_within(text.strip_prefix("=?")?, "?", 64)?;
    if charset.is_empty() || !charset.bytes().all(|byte| byte.is_ascii_graphic()) {
        return None;
    }
    let (encoding, rest) = split_within(rest, "?", 1)?;
    let (data, rest) = split_within(rest, "?=", WORD_MAX)?;
    let bytes = match encoding {
        "B" | "b" => transfer::decode_base64(data.as_bytes()).0,
        "Q" | "q" => decode_q(data),
        _ => return None,
    };
    Some((Word { charset, bytes }, rest))
}

/// Splits at a mark that begins within the first `most` bytes.
fn split_within<'a>(text: &'a str, mark: &str, most: usize) -> Option<(&'a str, &'a str)> {
    let bytes = text.as_bytes();
    let window = bytes.get(..bytes.len().min(most + mark.len()))?;
    let at = memchr::memmem::find(window, mark.as_bytes())?;
    Some((text.get(..at)?, text.get(at + mark.len()..)?))
}

/// RFC 2047 §4.2.
fn decode_q(data: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(data.len());
    let mut rest = data.as_bytes();
    loop {
        rest = match rest {
            [] => return bytes,
            [b'=', high, low, after @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                bytes.push(transfer::hex_value(*high) << 4 | transfer::hex_value(*low));
                after
            }
            [b'_', after @ ..] => {
                bytes.push(b' ');
                after
            }
            [byte, after @ ..] => {
                bytes.push(*byte);
                after
            }
        };
    }
}

/// Encodes a text as UTF-8 encoded words of at most 75 characters, cut between characters, with a space between each two. Everything that
/// is no letter, digit or space is escaped, so that the words also stand in a phrase (§5 rule 3).
#[must_use]
pub(crate) fn encode(text: &str) -> String {
    const HEAD: &str = "=?utf-8?Q?";
    const TAIL: &str = "?=";
    let mut encoded = String::from(HEAD);
    let mut column = HEAD.len();
    for character in text.chars() {
        let mut buffer = [0; 4];
        let mut piece = String::new();
        match character {
            ' ' => piece.push('_'),
            'a'..='z' | 'A'..='Z' | '0'..='9' => piece.push(character),
            _ => {
                for byte in character.encode_utf8(&mut buffer).bytes() {
                    piece.push('=');
                    for nibble in [byte >> 4, byte & 15] {
                        piece.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0').to_ascii_uppercase());
                    }
                }
            }
        }
        if column + piece.len() + TAIL.len() > 75 {
            encoded.push_str(TAIL);
            encoded.push(' ');
            encoded.push_str(HEAD);
            column = HEAD.len();
        }
        column += piece.len();
        encoded.push_str(&piece);
    }
    encoded.push_str(TAIL);
    encoded
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert, prop_assert_eq, proptest};

    use super::{decode, encode};

    #[test]
    fn decodes_as_rfc_2047_section_8_shows() {
        let check = |text: &str, expected: &str| assert_eq!(decode(text), expected, "{text:?}");
        check("plain", "plain");
        check("=?ISO-8859-1?Q?a?=", "a");
        check("=?ISO-8859-1?Q?a?= b", "a b");
        check("=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=", "ab");
        check("=?ISO-8859-1?Q?a?=  \t =?ISO-8859-1?Q?b?=", "ab");
        check("=?ISO-8859-1?Q?a_b?=", "a b");
        check("=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=", "a b");
        check("=?utf-8?B?R27Dtm1l?=", "Gnöme");
        check("=?utf-8?Q?Gn=C3?= =?utf-8?Q?=B6me?=", "Gnöme");
        check("=?US-ASCII*EN?Q?Keith_Moore?=", "Keith Moore");
        check("(=?iso-8859-1?q?J=F8rn?=)", "(Jørn)");
    }

    #[test]
    fn leaves_what_is_no_encoded_word() {
        for text in ["=?", "=?=?=?", "=?utf-8?X?abc?=", "=?utf-8?Q?never ended", "=??Q?a?=", "a=?b", "=?u f?Q?a?="] {
            assert_eq!(decode(text), text);
        }
    }

    #[test]
    fn hostile_fields_cost_linear_time() {
        for piece in ["=?", "=?a?", "=?utf-8?q?", "=?utf-8?q?x ", "=?utf-8?b?QUJD?="] {
            let text = piece.repeat(1_000_000 / piece.len());
            let _ = decode(&text);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(text in "\\PC{0,200}") {
            let encoded = encode(&text);
            for word in encoded.split(' ') {
                prop_assert!(word.len() <= 75 && word.is_ascii());
            }
            prop_assert_eq!(decode(&encoded), text);
        }
    }
}
