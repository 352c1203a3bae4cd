//! Bytes of a declared charset to text (RFC 2046 §4.1.2), with the WHATWG labels that mail in the wild uses.
//!
//! Senders lie about charsets; a wrong label costs a few odd characters, never the message.

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};

/// Decodes bytes. The flag says that the label is unknown or the bytes do not fit it.
#[must_use]
pub(crate) fn decode(bytes: &[u8], label: Option<&str>) -> (String, bool) {
    let label = label.map(str::trim).filter(|label| !label.is_empty());
    let Some(label) = label else { return guess(bytes, false) };
    // RFC 2231 §5 allows a language after an asterisk in an encoded word.
    let label = label.split('*').next().unwrap_or(label);
    if label.eq_ignore_ascii_case("us-ascii") || label.eq_ignore_ascii_case("ascii") {
        return guess(bytes, !bytes.is_ascii());
    }
    match Encoding::for_label_no_replacement(label.as_bytes()) {
        Some(encoding) => {
            let (text, _, damaged) = encoding.decode(bytes);
            (text.into_owned(), damaged)
        }
        // UTF-7 and the code pages of DOS are unknown to browsers but not to mail.
        None => match mail_parser::decoders::charsets::map::charset_decoder(label.as_bytes()) {
            Some(decoder) => (decoder(bytes), false),
            None => guess(bytes, true),
        },
    }
}

/// No label, or none to be believed: UTF-8 if it is, else what Western mailers of old sent.
fn guess(bytes: &[u8], damaged: bool) -> (String, bool) {
    match UTF_8.decode_without_bom_handling_and_without_replacement(bytes) {
        Some(text) => (text.into_owned(), damaged),
        None => (WINDOWS_1252.decode_without_bom_handling(bytes).0.into_owned(), true),
    }
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn labels_are_followed_and_lies_survived() {
        let check = |bytes: &[u8], label: Option<&str>, expected: (&str, bool)| {
            let (text, damaged) = decode(bytes, label);
            assert_eq!((text.as_str(), damaged), expected, "{label:?}");
        };
        check(b"gnome", None, ("gnome", false));
        check("gnömë".as_bytes(), None, ("gnömë", false));
        check(b"gn\xf6me", None, ("gnöme", true));
        check(b"gn\xf6me", Some("iso-8859-1"), ("gnöme", false));
        check(b"gn\xf6me", Some("us-ascii"), ("gnöme", true));
        check(b"gn\xf6me", Some("utf-8"), ("gn\u{fffd}me", true));
        check(b"\x93x\x94", Some("Windows-1252"), ("“x”", false));
        check(b"\x83n\x83\x8d\x81[", Some("shift_jis"), ("ハロー", false));
        check(b"+ZYeB9FH6-", Some("utf-7"), ("文致出", false));
        check(b"\x9b", Some("ibm850"), ("ø", false));
        check(b"gnome", Some("no-such-charset"), ("gnome", true));
        check(b"gnome", Some(""), ("gnome", false));
        check("x".as_bytes(), Some(&"y".repeat(10_000)), ("x", true));
    }
}
