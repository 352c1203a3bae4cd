//! The envelope (RFC 5321 §3.3), and what must hold of a message before it may leave unaltered. Pure.
//!
//! lettre's writer passes bare CR through, which some relays read as an end of line (SMTP smuggling); addresses are checked again
//! here, so that no command can be injected by one. Nothing is repaired: what was reviewed is what is sent, or nothing is.

use lettre::Address;
use thiserror::Error;

use super::reply::Offer;
use crate::mail::size::size;
use crate::net::sasl::{Fault, NoWay};

/// Sender and recipients as the server is told them. Header fields do not count here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmtpEnvelope {
    /// MAIL FROM.
    pub reverse_path: String,
    /// RCPT TO, one each.
    pub forward_paths: Vec<String>,
}

/// Why a message cannot go out unaltered.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Unsendable {
    /// Nobody to send it to.
    #[error("The message has no recipient. Add one")]
    NoRecipient,
    /// An address that is none.
    #[error("\"{0}\" is no address that can be sent to. Correct it")]
    Address(String),
    /// An address that needs RFC 6531.
    #[error("The server cannot handle the non-ASCII address \"{0}\" (no SMTPUTF8). Use another address of that person")]
    NonAsciiAddress(String),
    /// A line end that is not CRLF, or a NUL.
    #[error(
        "The message holds a bare line break or a NUL character at byte {0}, which servers read differently. Build it again"
    )]
    BareLineEnd(usize),
    /// A line over 998 bytes (RFC 5321 §4.5.3.1.6).
    #[error("The message holds a line of more than 998 bytes at byte {0}, which servers may break. Build it again")]
    LongLine(usize),
    /// A Bcc field would tell the hidden recipients to the others.
    #[error("The message holds a Bcc field, which would show the hidden recipients to the others. Build it again")]
    Bcc,
    /// Larger than the server takes (RFC 1870).
    #[error(
        "Too large for the server: {} > {}. Send fewer or smaller attachments", size(*.bytes), size(*.limit)
    )]
    TooLarge {
        /// Its size.
        bytes: u64,
        /// The server's limit.
        limit: u64,
    },
    /// 8-bit text without 8BITMIME (RFC 6152).
    #[error("The message holds 8-bit text and the server takes only 7-bit text. Build it again")]
    EightBit,
    /// The server offers no way to log in that the account may use.
    #[error("Nobody logged in: {0}")]
    NoMechanism(NoWay),
    /// The login was broken off on our side.
    #[error("The login was broken off: {0}")]
    LoginBrokenOff(Fault),
}

/// Parsed addresses, in the order of the envelope.
#[derive(Debug)]
pub(super) struct Paths {
    pub(super) from: Address,
    pub(super) to: Vec<Address>,
}

/// Parses every address of the envelope; duplicates (RFC 5321 §4.1.1.3: one each) are left out.
pub(super) fn paths(envelope: &SmtpEnvelope) -> Result<Paths, Unsendable> {
    let from = path(&envelope.reverse_path)?;
    let mut to: Vec<Address> = Vec::with_capacity(envelope.forward_paths.len());
    for text in &envelope.forward_paths {
        let address = path(text)?;
        if !to.contains(&address) {
            to.push(address);
        }
    }
    if to.is_empty() { Err(Unsendable::NoRecipient) } else { Ok(Paths { from, to }) }
}

fn path(text: &str) -> Result<Address, Unsendable> {
    let wrong = || Unsendable::Address(text.to_owned());
    if text.len() > 254 || text.chars().any(|c| c.is_control() || c.is_whitespace() || matches!(c, '<' | '>')) {
        return Err(wrong());
    }
    text.parse().map_err(|_| wrong())
}

/// Checks the text as it would go over the wire, before any connection.
pub(super) fn check_text(raw: &[u8]) -> Result<(), Unsendable> {
    let mut line_start = 0;
    let mut in_header = true;
    let mut previous = 0;
    for (at, &byte) in raw.iter().enumerate() {
        let bare = match byte {
            0 => true,
            b'\n' => previous != b'\r',
            _ => previous == b'\r',
        };
        if bare {
            return Err(Unsendable::BareLineEnd(at));
        }
        if byte == b'\n' {
            let line = raw.get(line_start..at.saturating_sub(1)).unwrap_or_default();
            if line.len() > 998 {
                return Err(Unsendable::LongLine(line_start));
            }
            in_header = in_header && !line.is_empty();
            if in_header && is_bcc(line) {
                return Err(Unsendable::Bcc);
            }
            line_start = at + 1;
        }
        previous = byte;
    }
    if previous == b'\r' {
        return Err(Unsendable::BareLineEnd(raw.len() - 1));
    }
    if raw.len() - line_start > 998 { Err(Unsendable::LongLine(line_start)) } else { Ok(()) }
}

fn is_bcc(line: &[u8]) -> bool {
    let name = line.split(|&b| b == b':').next().unwrap_or_default();
    let name = name.trim_ascii_end();
    name.eq_ignore_ascii_case(b"bcc") || name.eq_ignore_ascii_case(b"resent-bcc")
}

/// Checks what depends on the server's offer.
pub(super) fn check_offer(offer: &Offer, paths: &Paths, raw: &[u8]) -> Result<(), Unsendable> {
    let bytes = raw.len() as u64;
    if let Some(limit) = offer.size.filter(|&limit| limit > 0 && bytes > limit) {
        return Err(Unsendable::TooLarge { bytes, limit });
    }
    if !offer.eight_bit_mime && !raw.is_ascii() {
        return Err(Unsendable::EightBit);
    }
    if !offer.smtp_utf8 {
        for address in std::iter::once(&paths.from).chain(&paths.to) {
            let text: &str = address.as_ref();
            if !text.is_ascii() {
                return Err(Unsendable::NonAsciiAddress(text.to_owned()));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{SmtpEnvelope, Unsendable, check_text, paths};

    #[test]
    fn sizes_are_for_people() {
        let words = Unsendable::TooLarge { bytes: 26_000_001, limit: 25_000_000 }.to_string();
        assert!(words.contains("26.1 MB > 25.0 MB"), "{words}");
    }

    #[test]
    fn addresses_that_could_inject_a_command_are_refused() {
        let envelope = |to: &str| SmtpEnvelope {
            reverse_path: "b.quill@quillpounce.example".into(),
            forward_paths: vec![to.into()],
        };
        for bad in [
            "",
            "nobody",
            "a@b.example>\r\nRCPT TO:<c@d.example",
            "a@b.example\r",
            "a b@c.example",
            "\"a b\"@c.example",
            "a@b.example,c@d.example",
            "<a@b.example>",
            "a@b\u{2028}.example",
            "a\0@b.example",
        ] {
            assert!(matches!(paths(&envelope(bad)), Err(Unsendable::Address(_))), "{bad:?}");
        }
        assert!(paths(&envelope("h.lintwhite@copfs.gov.example")).is_ok());
    }

    #[test]
    fn recipients_are_asked_for_once() {
        let twice = SmtpEnvelope {
            reverse_path: "a@b.example".into(),
            forward_paths: vec!["c@d.example".into(), "c@d.example".into()],
        };
        assert_eq!(paths(&twice).unwrap().to.len(), 1);
        let none = SmtpEnvelope { reverse_path: "a@b.example".into(), forward_paths: Vec::new() };
        assert_eq!(paths(&none).unwrap_err(), Unsendable::NoRecipient);
    }

    #[test]
    fn text_that_servers_read_differently_is_refused() {
        let check = |raw: &str, at: Option<usize>| match (check_text(raw.as_bytes()), at) {
            (Ok(()), None) => {}
            (Err(Unsendable::BareLineEnd(found)), Some(at)) => assert_eq!(found, at, "{raw:?}"),
            (other, _) => panic!("{raw:?}: {other:?}"),
        };
        check("Subject: x\r\n\r\n.\r\n..\r\n", None);
        check("", None);
        check("no end", None);
        check("a\nb\r\n", Some(1));
        check("c\r.\r\n", Some(2));
        check("\r\n.\r\r\n", Some(4));
        check("\r\n\n.\n", Some(2));
        check("end\r", Some(3));
        check("nul\0\r\n", Some(3));
    }

    #[test]
    fn hidden_recipients_and_long_lines_do_not_leave() {
        assert_eq!(check_text(b"To: a@b.example\r\nbCC : c@d.example\r\n\r\nx\r\n"), Err(Unsendable::Bcc));
        assert_eq!(check_text(b"To: a@b.example\r\n\r\nBcc: only text\r\n"), Ok(()));
        let line = |n: usize| format!("{}\r\n", "x".repeat(n));
        assert_eq!(check_text(line(998).as_bytes()), Ok(()));
        assert_eq!(check_text(line(999).as_bytes()), Err(Unsendable::LongLine(0)));
        assert_eq!(check_text("x".repeat(999).as_bytes()), Err(Unsendable::LongLine(0)));
    }
}
