//! OpenPGP blocks in plain text (RFC 9580 §6, §7), found with nothing taken for granted.
//!
//! Whether the text is nothing but one block decides what may be said of it: foreign text around a block is the oldest trick there is.

use std::ops::Range;

/// What a block holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `BEGIN PGP MESSAGE`.
    Encrypted,
    /// `BEGIN PGP SIGNED MESSAGE`.
    Signed,
}

/// The first block in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// What it holds.
    pub(super) kind: Kind,
    /// Where it stands.
    pub(super) range: Range<usize>,
    /// The text is nothing but this one block: white space around it, and its own header lines are as they should be.
    pub(super) alone: bool,
}

/// The names that a `Hash` line may hold (RFC 9580 §9.5).
const HASHES: [&[u8]; 9] =
    [b"SHA256", b"SHA384", b"SHA512", b"SHA224", b"SHA3-256", b"SHA3-512", b"SHA1", b"MD5", b"RIPEMD160"];

const MESSAGE: &[u8] = b"-----BEGIN PGP MESSAGE-----";
const MESSAGE_END: &[u8] = b"-----END PGP MESSAGE-----";
const SIGNED: &[u8] = b"-----BEGIN PGP SIGNED MESSAGE-----";
const SIGNATURE: &[u8] = b"-----BEGIN PGP SIGNATURE-----";
const SIGNATURE_END: &[u8] = b"-----END PGP SIGNATURE-----";

/// Finds the first block; markers count only at the beginning of a line.
pub(super) fn find(text: &[u8]) -> Option<Block> {
    // Nearly all mail has none: one quick look.
    memchr::memmem::find(text, b"-----BEGIN")?;
    let mut begun: Option<(Kind, usize)> = None;
    let mut ended: Option<usize> = None;
    let mut markers = 0_usize;
    for (start, line) in lines(text) {
        let line_end = start.saturating_add(line.len());
        let marker = trimmed(line);
        if marker == MESSAGE || marker == SIGNED || marker == SIGNATURE {
            markers = markers.saturating_add(1);
        }
        match begun {
            None if marker == MESSAGE => begun = Some((Kind::Encrypted, start)),
            None if marker == SIGNED => begun = Some((Kind::Signed, start)),
            Some((Kind::Encrypted, _)) if ended.is_none() && marker == MESSAGE_END => ended = Some(line_end),
            Some((Kind::Signed, _)) if ended.is_none() && marker == SIGNATURE_END => ended = Some(line_end),
            _ => {}
        }
    }
    let ((kind, start), end) = (begun?, ended?);
    let range = start..end;
    let blank = |bytes: Option<&[u8]>| {
        bytes.unwrap_or_default().iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))
    };
    let expected = if kind == Kind::Signed { 2 } else { 1 };
    let alone = blank(text.get(..start))
        && blank(text.get(end..))
        && markers == expected
        && (kind == Kind::Encrypted || text.get(range.clone()).is_some_and(headers_are_honest));
    Some(Block { kind, range, alone })
}

/// Whether a cleartext-signed block has only `Hash` lines before its empty line (RFC 9580 §7.1: text there looks signed and is not).
fn headers_are_honest(block: &[u8]) -> bool {
    for (_, line) in lines(block).skip(1) {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            return true;
        }
        let Some(names) = line.strip_prefix(b"Hash: ") else { return false };
        if line.len() > 128 || !names.split(|byte| *byte == b',').all(|name| HASHES.contains(&name.trim_ascii())) {
            return false;
        }
    }
    false
}

/// A line without the white space that mail adds at its end; a form feed is none.
fn trimmed(line: &[u8]) -> &[u8] {
    let end = line.iter().rposition(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n'));
    end.and_then(|end| line.get(..=end)).unwrap_or_default()
}

/// Lines with where they start, line ends included.
fn lines(text: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut start = 0_usize;
    text.split_inclusive(|byte| *byte == b'\n').map(move |line| {
        let at = start;
        start = start.saturating_add(line.len());
        (at, line)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCK: &str = "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\ntext\n-----BEGIN PGP SIGNATURE-----\n\nabc\n-----END PGP SIGNATURE-----\n";

    #[track_caller]
    fn check(text: &str, alone: Option<bool>) {
        assert_eq!(find(text.as_bytes()).map(|block| block.alone), alone, "{text}");
    }

    #[test]
    fn a_block_is_alone_only_where_nothing_else_is() {
        check("no block here", None);
        check(BLOCK, Some(true));
        check(&format!("\r\n \t\n{BLOCK}\n\n"), Some(true));
        check(&format!("I accept.\n{BLOCK}"), Some(false));
        check(&format!("{BLOCK}I accept."), Some(false));
        check(&format!("{BLOCK}{BLOCK}"), Some(false));
        check(&format!("\u{c}{BLOCK}"), None);
        check(&format!("\u{c}\n{BLOCK}"), Some(false));
        check(&BLOCK.replace("MESSAGE-----\n", "MESSAGE-----\u{c}\n"), None);
        check(&format!("> {BLOCK}"), None);
        check("-----BEGIN PGP MESSAGE-----\n\nabc\n-----END PGP MESSAGE-----", Some(true));
        check("-----BEGIN PGP MESSAGE-----\n\nabc\n", None);
    }

    #[test]
    fn header_lines_of_a_signed_block_cannot_carry_text() {
        for line in [
            "Comment: I accept",
            "Hash: I accept, SHA512",
            "Hash: SHA256\u{b}I accept",
            "Hash: I accept the offer!",
            "I accept",
            " ",
        ] {
            check(&BLOCK.replace("Hash: SHA512", line), Some(false));
        }
        check(&BLOCK.replace("Hash: SHA512", "Hash: SHA256, SHA512"), Some(true));
        check(&BLOCK.replace("Hash: SHA512\n", ""), Some(true));
    }
}
