//! SMTP replies as values: RFC 5321 §4.2 (codes), RFC 3463 and RFC 2034 (enhanced codes). Pure.
//!
//! Replies are read leniently (a code without text, a second digit that no RFC knows, bytes that are not ASCII), because a definite
//! "no" that is taken for noise would turn into a message in doubt. They never reach the screen but through `mail::safe`.

use std::fmt;

/// What the first digit says (RFC 5321 §4.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplyClass {
    /// 2yz: done.
    Done,
    /// 3yz: go on.
    Continue,
    /// 4yz: not now.
    Transient,
    /// 5yz: no.
    Permanent,
}

/// One reply: the code, the enhanced code where there is one, the server's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Three digits.
    pub code: u16,
    /// RFC 3463, for instance `5.1.1`.
    pub enhanced: Option<String>,
    /// The words, line by line, without codes. Foreign text.
    pub lines: Vec<String>,
}

impl Reply {
    /// The class of the code.
    #[must_use]
    pub fn class(&self) -> ReplyClass {
        match self.code / 100 {
            2 => ReplyClass::Done,
            3 => ReplyClass::Continue,
            4 => ReplyClass::Transient,
            _ => ReplyClass::Permanent,
        }
    }

    /// The words in one line.
    #[must_use]
    pub fn words(&self) -> String {
        self.lines.iter().map(|line| line.trim()).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
    }

    /// Whether the reply is about the login and not about the message (RFC 4954 §6): asking for another password makes sense.
    #[must_use]
    pub fn is_about_login(&self) -> bool {
        matches!(self.code, 530 | 534 | 535 | 538) || self.enhanced.as_deref() == Some("5.7.8")
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if let Some(enhanced) = &self.enhanced {
            write!(f, " {enhanced}")?;
        }
        let words = self.words();
        if words.is_empty() { Ok(()) } else { write!(f, " {words}") }
    }
}

/// What a run of bytes from the server holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// One whole reply and nothing after it.
    Whole(Reply),
    /// One whole reply, and more that nobody asked for: injected, or a server out of step.
    Trailing(Reply),
    /// Not whole yet.
    Incomplete,
    /// No reply of SMTP.
    Malformed,
}

/// Reads the first reply in `bytes`.
#[must_use]
pub fn parse(bytes: &[u8]) -> Parsed {
    match first(bytes) {
        Ok((reply, [])) => Parsed::Whole(reply),
        Ok((reply, _)) => Parsed::Trailing(reply),
        Err(parsed) => parsed,
    }
}

/// What a reply says that stands behind the first one in `bytes` and contradicts it; `None` where none does. "Not now" and "no" agree that it is not done.
/// 221 and 421 only say goodbye.
#[must_use]
pub fn contradiction(bytes: &[u8]) -> Option<Reply> {
    let (reply, mut rest) = first(bytes).ok()?;
    while let Ok((next, after)) = first(rest) {
        let differs = (next.class() == ReplyClass::Done) != (reply.class() == ReplyClass::Done);
        if differs && !matches!(next.code, 221 | 421) {
            return Some(next);
        }
        rest = after;
    }
    None
}

/// The first reply in `bytes` and what stands behind it.
fn first(bytes: &[u8]) -> Result<(Reply, &[u8]), Parsed> {
    let mut code = None;
    let mut enhanced = None;
    let mut lines = Vec::new();
    let mut rest = bytes;
    loop {
        let Some(end) = rest.iter().position(|&b| b == b'\n') else { return Err(Parsed::Incomplete) };
        let (line, after) = rest.split_at(end);
        rest = after.get(1..).unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let Some((digits, tail)) = line.split_at_checked(3) else { return Err(Parsed::Malformed) };
        let Some(number) = std::str::from_utf8(digits).ok().and_then(|d| d.parse::<u16>().ok()) else {
            return Err(Parsed::Malformed);
        };
        if !(200..600).contains(&number) || code.is_some_and(|first| first != number) {
            return Err(Parsed::Malformed);
        }
        code = Some(number);
        let (last, text) = match tail.split_first() {
            None => (true, &[][..]),
            Some((b' ', text)) => (true, text),
            Some((b'-', text)) => (false, text),
            Some(_) => return Err(Parsed::Malformed),
        };
        let text = String::from_utf8_lossy(text);
        match split_enhanced(&text, number) {
            Some((status, words)) => {
                enhanced.get_or_insert_with(|| status.to_owned());
                lines.push(words.to_owned());
            }
            None => lines.push(text.into_owned()),
        }
        if last {
            let reply = Reply { code: number, enhanced, lines };
            return Ok((reply, rest));
        }
    }
}

/// Splits off an enhanced code whose class agrees with the reply's (RFC 2034 §4).
fn split_enhanced(text: &str, code: u16) -> Option<(&str, &str)> {
    let (word, words) = text.split_once(' ').unwrap_or((text, ""));
    let mut fields = word.split('.');
    let (class, subject, detail) = (fields.next()?, fields.next()?, fields.next()?);
    let number = |field: &str| (1..=3).contains(&field.len()) && field.bytes().all(|b| b.is_ascii_digit());
    let fits = matches!((class, code / 100), ("2", 2) | ("4", 4) | ("5", 5));
    (fits && fields.next().is_none() && number(subject) && number(detail)).then_some((word, words))
}

/// What the server offers: the keywords of its EHLO reply (RFC 5321 §4.1.1.1), upper-cased.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offer {
    /// RFC 1870: the most bytes it takes; `Some(0)` means no fixed limit.
    pub size: Option<u64>,
    /// RFC 6152.
    pub eight_bit_mime: bool,
    /// RFC 6531.
    pub smtp_utf8: bool,
    /// RFC 3461: delivery reports may be asked for.
    pub dsn: bool,
    /// RFC 4954: mechanisms, upper-cased.
    pub auth: Vec<String>,
}

impl Offer {
    /// Reads the reply to EHLO; its first line is the server's name.
    #[must_use]
    pub fn from_ehlo(reply: &Reply) -> Self {
        let mut offer = Self::default();
        for line in reply.lines.iter().skip(1) {
            let mut words = line.split_ascii_whitespace();
            let keyword = words.next().unwrap_or_default().to_ascii_uppercase();
            match keyword.as_str() {
                "SIZE" => offer.size = Some(words.next().and_then(|n| n.parse().ok()).unwrap_or(0)),
                "8BITMIME" => offer.eight_bit_mime = true,
                "SMTPUTF8" => offer.smtp_utf8 = true,
                "DSN" => offer.dsn = true,
                "AUTH" => offer.auth.extend(words.map(str::to_ascii_uppercase)),
                _ => {}
            }
        }
        offer
    }
}

#[cfg(test)]
mod tests {
    use super::{Offer, Parsed, Reply, ReplyClass, contradiction, parse};

    fn whole(bytes: &[u8]) -> Reply {
        match parse(bytes) {
            Parsed::Whole(reply) => reply,
            other => panic!("{:?} gave {other:?}", String::from_utf8_lossy(bytes)),
        }
    }

    #[test]
    fn replies_are_read_with_class_enhanced_code_and_words() {
        let check = |bytes: &str, class, enhanced: Option<&str>, words| {
            let reply = whole(bytes.as_bytes());
            assert_eq!(reply.class(), class, "{bytes:?}");
            assert_eq!(reply.enhanced.as_deref(), enhanced, "{bytes:?}");
            assert_eq!(reply.words(), words, "{bytes:?}");
        };
        check("250 2.0.0 queued\r\n", ReplyClass::Done, Some("2.0.0"), "queued");
        check("354 go on\r\n", ReplyClass::Continue, None, "go on");
        check("451 4.2.1 try later\r\n", ReplyClass::Transient, Some("4.2.1"), "try later");
        check("550-5.1.1 no such\r\n550 5.1.1 user\r\n", ReplyClass::Permanent, Some("5.1.1"), "no such user");
        // A code that no RFC knows is still a definite no; a bare code is a whole reply (RFC 5321 §4.2).
        check("571 delivery refused\r\n", ReplyClass::Permanent, None, "delivery refused");
        check("250\r\n", ReplyClass::Done, None, "");
        check("250 ok\n", ReplyClass::Done, None, "ok");
        // An enhanced code of another class is only a word.
        check("550 2.0.0 odd\r\n", ReplyClass::Permanent, None, "2.0.0 odd");
    }

    #[test]
    fn what_is_no_single_reply_is_told_apart() {
        assert_eq!(parse(b""), Parsed::Incomplete);
        assert_eq!(parse(b"250-one\r\n"), Parsed::Incomplete);
        assert_eq!(parse(b"250-one\r\n251 two\r\n"), Parsed::Malformed);
        for bytes in [&b"hello\r\n"[..], b"25\r\n", b"250+x\r\n", b"199 x\r\n", b"650 x\r\n", b"\xff\xff\xff x\r\n"] {
            assert_eq!(parse(bytes), Parsed::Malformed, "{}", String::from_utf8_lossy(bytes));
        }
        assert!(matches!(parse(b"220 go\r\n250 injected\r\n"), Parsed::Trailing(reply) if reply.code == 220));
    }

    #[test]
    fn a_second_reply_may_contradict_the_first() {
        let check = |bytes: &str, code| {
            assert_eq!(contradiction(bytes.as_bytes()).map(|reply| reply.code), code, "{bytes:?}");
        };
        for bytes in [
            "250 ok\r\n",
            "250 ok\r\n221 bye\r\n",
            "554 no\r\n421 bye\r\n",
            "250 a\r\n250 b\r\n",
            "451 a\r\n550 b\r\n",
            "550 a\r\n451 b\r\n",
            "250 ok\r\n55",
            "250 ok\r\nx\r\n",
            "",
        ] {
            check(bytes, None);
        }
        check("250 a\r\n550 5.1.1 b\r\n", Some(550));
        check("550 a\r\n250-b\r\n250 b\r\n", Some(250));
        check("250 a\r\n250 b\r\n451 c\r\n", Some(451));
    }

    #[test]
    fn offers_are_read_whatever_their_case() {
        let offer = Offer::from_ehlo(&whole(
            b"250-mail.example\r\n250-size 52428800\r\n250-8bitMIME\r\n250-AUTH plain LOGIN\r\n250 SMTPUTF8\r\n",
        ));
        assert_eq!(offer.size, Some(52_428_800));
        assert!(offer.eight_bit_mime && offer.smtp_utf8);
        assert_eq!(offer.auth, ["PLAIN", "LOGIN"]);
        assert_eq!(Offer::from_ehlo(&whole(b"250-SIZE 9\r\n250 SIZE\r\n")).size, Some(0), "the first line is a name");
    }
}
