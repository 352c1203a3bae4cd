//! Mailbox names on the wire: modified UTF-7 (RFC 3501 §5.1.3), hand-written because names are attacker's text and must survive the way
//! there and back: a name that is not well-formed is kept as it is.

use base64::Engine;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

/// `,` instead of `/`, no padding.
const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

fn engine() -> Option<GeneralPurpose> {
    let config = GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true);
    Some(GeneralPurpose::new(&alphabet::Alphabet::new(ALPHABET).ok()?, config))
}

/// Decodes a name from the wire. `INBOX` in any case becomes `INBOX`. A name that would not be written the same way again is left as
/// it is, so that it can still be selected.
pub(super) fn decode(wire: &str) -> String {
    if wire.eq_ignore_ascii_case("INBOX") {
        return "INBOX".to_owned();
    }
    match try_decode(wire) {
        Some(name) if encode(&name) == wire => name,
        _ => wire.to_owned(),
    }
}

fn try_decode(wire: &str) -> Option<String> {
    let mut name = String::new();
    let mut rest = wire;
    while let Some((plain, after)) = rest.split_once('&') {
        name.push_str(plain);
        let (code, after) = after.split_once('-')?;
        rest = after;
        if code.is_empty() {
            name.push('&');
            continue;
        }
        let bytes = engine()?.decode(code).ok()?;
        let (units, odd) = bytes.as_chunks::<2>();
        if !odd.is_empty() {
            return None;
        }
        for unit in char::decode_utf16(units.iter().map(|unit| u16::from_be_bytes(*unit))) {
            name.push(unit.ok()?);
        }
    }
    name.push_str(rest);
    Some(name)
}

/// Encodes a name for the wire.
///
/// A name that [`decode`] left as it was (raw 8-bit, or malformed) is written as it is.
pub(super) fn encode(name: &str) -> String {
    let mut wire = String::new();
    let mut foreign: Vec<u8> = Vec::new();
    let flush = |foreign: &mut Vec<u8>, wire: &mut String| {
        if !foreign.is_empty() {
            wire.push('&');
            if let Some(engine) = engine() {
                wire.push_str(&engine.encode(&foreign));
            }
            wire.push('-');
            foreign.clear();
        }
    };
    for c in name.chars() {
        if matches!(c, ' '..='~') {
            flush(&mut foreign, &mut wire);
            wire.push(c);
            if c == '&' {
                wire.push('-');
            }
        } else {
            let mut units = [0_u16; 2];
            foreign.extend(c.encode_utf16(&mut units).iter().flat_map(|unit| unit.to_be_bytes()));
        }
    }
    flush(&mut foreign, &mut wire);
    wire
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{decode, encode};

    #[test]
    fn names_of_the_standard_and_of_servers() {
        #[track_caller]
        fn check(wire: &str, name: &str) {
            assert_eq!(decode(wire), name);
            assert_eq!(encode(name), wire);
        }
        check("~peter/mail/&U,BTFw-/&ZeVnLIqe-", "~peter/mail/台北/日本語");
        check("Entw&APw-rfe", "Entwürfe");
        check("R&-D", "R&D");
        check("&2D3cqQ-", "💩");
        check("Cases/2026", "Cases/2026");
    }

    #[test]
    fn malformed_names_stay_what_they_are() {
        for wire in ["&", "a&b", "&AAA", "&A-", "&%%-", "&2D0-", "&AGE-", "caf\u{e9}"] {
            assert_eq!(decode(wire), wire);
        }
        assert_eq!(decode("inbox"), "INBOX");
    }

    proptest! {
        #[test]
        fn round_trip(name in "\\PC{0,20}") {
            prop_assume!(!name.eq_ignore_ascii_case("INBOX"));
            prop_assert_eq!(decode(&encode(&name)), name);
        }
    }
}
