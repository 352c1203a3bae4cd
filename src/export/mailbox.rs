//! The two forms of a mailbox that nearly every mail program reads: mbox (the `mboxrd` of RFC 4155's notes) and Maildir. Pure but for the writer.

use std::io::{self, Write};

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Writes a message in the form of an mbox file: lines end with a line feed, and a line that begins with `From `, however much quoted, is quoted once more.
///
/// # Errors
/// What the taker says.
pub fn mbox(raw: &[u8], from: &str, received: Timestamp, to: &mut dyn Write) -> io::Result<()> {
    let sender: String = from.chars().filter(|c| c.is_ascii_graphic()).collect();
    let sender = if sender.is_empty() { "MAILER-DAEMON".to_owned() } else { sender };
    let at = received.to_zoned(TimeZone::UTC).strftime("%a %b %e %H:%M:%S %Y").to_string();
    writeln!(to, "From {sender} {at}")?;
    for line in raw.split_inclusive(|&byte| byte == b'\n') {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let unquoted = line.iter().position(|&byte| byte != b'>').and_then(|at| line.get(at..)).unwrap_or_default();
        if unquoted.starts_with(b"From ") {
            to.write_all(b">")?;
        }
        to.write_all(line)?;
        to.write_all(b"\n")?;
    }
    to.write_all(b"\n")
}

/// The name of a message in the directory `cur` of a Maildir: when it came, what it is; seen, so that nothing rings.
#[must_use]
pub fn maildir_name(received: Timestamp, sha256: &str) -> String {
    format!("{}.{}.casemail:2,S", received.as_second(), sha256.get(..32).unwrap_or(sha256))
}

#[cfg(test)]
mod tests {
    use super::{maildir_name, mbox};

    #[test]
    fn lines_that_would_begin_a_message_are_quoted() {
        let mut made = Vec::new();
        let at = "2026-03-02T14:53:07Z".parse().unwrap();
        mbox(b"Subject: x\r\n\r\nFrom here\r\n>From there\r\nFromage\r\n", "a@b.example", at, &mut made).unwrap();
        assert_eq!(
            String::from_utf8(made).unwrap(),
            "From a@b.example Mon Mar  2 14:53:07 2026\nSubject: x\n\n>From here\n>>From there\nFromage\n\n"
        );
        assert_eq!(maildir_name(at, &"0f".repeat(32)), format!("1772463187.{}.casemail:2,S", "0f".repeat(16)));
    }
}
