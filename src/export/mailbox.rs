//! The two forms of a mailbox that nearly every mail program reads: mbox (the `mboxrd` of RFC 4155's notes) and Maildir. Pure but for the reader and the writer.

use std::io::{self, BufRead, Read as _, Write};

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Bytes of a line that are looked at to tell whether it begins a message: quoting is no deeper than that in honest mail, and what is longer
/// is a line of which nobody takes the beginning for another.
const LINE_MAX: u64 = 64 << 10;

/// Writes a message in the form of an mbox file: lines end with a line feed, and a line that begins with `From `, however much quoted, is quoted once
/// more. Read line by line: it is never held whole.
///
/// # Errors
/// What the taker or the reader says.
pub fn mbox(raw: &mut dyn BufRead, from: &str, received: Timestamp, to: &mut dyn Write) -> io::Result<()> {
    let sender: String = from.chars().filter(|c| c.is_ascii_graphic()).collect();
    let sender = if sender.is_empty() { "MAILER-DAEMON".to_owned() } else { sender };
    let at = received.to_zoned(TimeZone::UTC).strftime("%a %b %e %H:%M:%S %Y").to_string();
    writeln!(to, "From {sender} {at}")?;
    let (mut line, mut is_start, mut ended) = (Vec::new(), true, true);
    loop {
        line.clear();
        if raw.take(LINE_MAX).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        ended = line.last() == Some(&b'\n');
        if ended {
            line.pop();
            // A carriage return that stands at the end of the piece before has been written: it was no line's end then.
            if line.last() == Some(&b'\r') {
                line.pop();
            }
        }
        let unquoted = line.iter().position(|&byte| byte != b'>').and_then(|at| line.get(at..)).unwrap_or_default();
        if is_start && unquoted.starts_with(b"From ") {
            to.write_all(b">")?;
        }
        to.write_all(&line)?;
        if ended {
            to.write_all(b"\n")?;
        }
        is_start = ended;
    }
    to.write_all(if ended { b"\n" } else { b"\n\n" })
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
        let raw = b"Subject: x\r\n\r\nFrom here\r\n>From there\r\nFromage\r\n";
        mbox(&mut &raw[..], "a@b.example", at, &mut made).unwrap();
        assert_eq!(
            String::from_utf8(made).unwrap(),
            "From a@b.example Mon Mar  2 14:53:07 2026\nSubject: x\n\n>From here\n>>From there\nFromage\n\n"
        );
        assert_eq!(maildir_name(at, &"0f".repeat(32)), format!("1772463187.{}.casemail:2,S", "0f".repeat(16)));
    }
}
