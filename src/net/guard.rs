//! The byte guard between TLS and the IMAP parser.
//!
//! The parser below us aborts the process on deep parentheses, allocates what a server announces, panics on some lines and reads some of
//! them in another way than the standard does. So every byte passes here first, and what could do harm never reaches it. Rules, per
//! response (RFC 9051 §9 `response`):
//!
//! * At most [`Limits::parens`] opening parentheses outside literals in what goes to the parser. All are counted, nested or not, quoted or not: we
//!   ask for nothing that has many (never ENVELOPE or BODYSTRUCTURE), and the parser's idea of quotes differs from the standard's inside unknown
//!   items, which would let a counter of depth be deceived.
//! * A line has at most [`Limits::line`] bytes, ends with CRLF, holds no NUL and no other CR or LF.
//! * A literal may stand only where the standard and the parser agree that it is one: as a `BODY[…]` or `RFC822…` item of a FETCH
//!   made of known items. Elsewhere the parser may take the literal's bytes for syntax, and they would arrive there unexamined. All
//!   literals of a response together have at most [`Limits::literal`] bytes.
//! * Lines that make the parser panic are refused: a response code with a non-ASCII byte behind it, and `INTERNALDATE NIL`, in whose place an empty
//!   string is put where it is one of known items.
//! * Lines that the parser does not know, reads in quadratic time, or reads only in the form of twenty years ago are told apart
//!   ([`Reader::Own`]) and read by hand: NAMESPACE, ESEARCH, ID, CAPABILITY, LIST and LSUB with extended data, STATUS with any item, SEARCH and
//!   VANISHED of any length. So is what nobody asks for and the parser knows in one form at most, as FLAGS, METADATA, or what no standard has: it costs
//!   nothing. In these a literal (a mailbox name) may stand anywhere, because the bytes stay within the line's reader.
//! * A part of a message is to be named by where it begins, `BODY[]<0>` (RFC 9051 §7.5.2); hoodiecrow and Twisted name it as it was asked for,
//!   `BODY[]<0.262144>`, which the parser does not know. What they say too much is cut out ([`Piece::cut`]).
//! * One literal of one message may go another way than through the parser, which holds all of a response ([`Scanner::set_apart`], [`Reader::Apart`]):
//!   its announcement is cut out, and an empty string stands there for the parser. Nothing else is ever changed.
//!
//! Pure; [`super::guarded`] applies it to a stream. It understands no content.

/// How much a server may say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes in one line, without literals.
    pub line: usize,
    /// Bytes in all literals of one response.
    pub literal: u64,
    /// Opening parentheses in one response.
    pub parens: u32,
    /// Bytes in all; `None`: no limit.
    pub total: Option<u64>,
}

impl Limits {
    /// Before login: short lines, no literal, and not many of them.
    #[must_use]
    pub const fn before_login() -> Self {
        Self { line: 8 << 10, literal: 0, parens: 64, total: Some(256 << 10) }
    }

    /// After login, for messages of up to `message_bytes`. A line may be long, because a VANISHED of many single UIDs is one line.
    #[must_use]
    pub const fn after_login(message_bytes: u64) -> Self {
        Self { line: 1 << 20, literal: message_bytes.saturating_add(64 << 10), parens: 64, total: None }
    }
}

/// What a server said that may not pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// Too long a line.
    #[error("a line of more than {0} bytes")]
    Line(usize),
    /// Too large a literal.
    #[error("a literal of {0} bytes")]
    Literal(u64),
    /// A literal where none may be.
    #[error("a literal where none may be")]
    StrayLiteral,
    /// Too many parentheses.
    #[error("more than {0} parentheses in one response")]
    Parens(u32),
    /// NUL, bare CR or bare LF.
    #[error("a control byte that no line may hold")]
    Control,
    /// Something that is no response at all.
    #[error("something that is not IMAP")]
    Garbage,
    /// A FETCH response that ends in the middle.
    #[error("a FETCH response that does not end")]
    OpenFetch,
    /// INTERNALDATE NIL.
    #[error("a message without INTERNALDATE")]
    NoDate,
    /// Text behind a response code that is not ASCII.
    #[error("a response code with something else than text behind it")]
    Code,
    /// Too much in all before login.
    #[error("more than {0} bytes before login")]
    Total(u64),
}

/// What kind of response a line begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Not enough bytes yet to know.
    Unknown,
    /// Human text to the end of the line: tagged, `+`, and untagged OK, NO, BAD, BYE, PREAUTH.
    Text,
    /// `* n FETCH (`.
    Fetch,
    /// What is read by hand.
    Own,
    /// Anything else.
    Other,
}

/// Whom a piece of the server's words is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// Not enough of the line is here to tell, or to tell what of it is to be cut.
    Unknown,
    /// The codec.
    Codec,
    /// The lines that are read by hand.
    Own,
    /// Whoever takes the literal that was set apart.
    Apart,
}

/// A piece of what came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// How many bytes it has.
    pub bytes: usize,
    /// Whom it is for.
    pub reader: Reader,
    /// A response ends with it.
    pub ends: bool,
    /// Bytes of the line that ends with this piece which the codec is not to see, counted from where the line begins.
    pub cut: Option<Cut>,
}

/// The literal of a FETCH response that is not for the codec.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Apart {
    /// Of the message with this UID, where the response names that before it.
    pub uid: u32,
    /// Bytes of it, at most.
    pub most: u64,
}

/// Bytes within a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Where they begin.
    pub from: usize,
    /// Where they end: the first byte behind them.
    pub to: usize,
    /// An empty string goes there instead.
    pub empty: bool,
}

/// Bytes of literals in a line that is read by hand: names of mailboxes, and no more.
const OWN_LITERALS_MAX: u64 = 64 << 10;

/// The state machine: bytes in, nothing or a violation out. After a violation it is not to be used again.
#[derive(Clone, Debug)]
pub struct Scanner {
    limits: Limits,
    kind: Kind,
    /// The current line, or the rest of it behind a literal.
    line: Vec<u8>,
    /// We are behind a literal of the same response.
    continued: bool,
    /// Bytes of the current literal still to come.
    literal_left: u64,
    /// Bytes of all literals of this response.
    literals: u64,
    parens: u32,
    total: u64,
    /// The literal that is not for the codec, until it comes.
    apart: Option<Apart>,
    /// It is here.
    is_apart: bool,
}

impl Scanner {
    /// At the start of a connection.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            kind: Kind::Unknown,
            line: Vec::new(),
            continued: false,
            literal_left: 0,
            literals: 0,
            parens: 0,
            total: 0,
            apart: None,
            is_apart: false,
        }
    }

    /// The next literal of this message is not for the codec; `None`: none is.
    pub fn set_apart(&mut self, apart: Option<Apart>) {
        self.apart = apart;
    }

    /// Of the line at which it came to a violation, as [`word`].
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self.kind {
            Kind::Fetch => "FETCH",
            _ if self.continued => "",
            _ => word(&self.line),
        }
    }

    /// Bytes that are still to come of a literal that was set apart.
    #[must_use]
    pub fn left_apart(&self) -> u64 {
        if self.is_apart { self.literal_left } else { 0 }
    }

    /// Other limits from here on.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Looks at the next bytes. The answer does not depend on how the bytes are cut into pieces.
    ///
    /// # Errors
    /// The first [`Violation`]; none of these bytes may be passed on then.
    pub fn feed(&mut self, mut bytes: &[u8]) -> Result<(), Violation> {
        while !bytes.is_empty() {
            let piece = self.step(bytes)?;
            bytes = bytes.get(piece.bytes..).unwrap_or_default();
        }
        Ok(())
    }

    /// Looks at the first piece of the next bytes, of which there is at least one: the rest of a literal or of a line, as far as it is here.
    ///
    /// # Errors
    /// A [`Violation`]; none of these bytes may be passed on then.
    pub fn step(&mut self, bytes: &[u8]) -> Result<Piece, Violation> {
        let (len, line) = if self.literal_left > 0 {
            let skip = usize::try_from(self.literal_left).unwrap_or(usize::MAX).min(bytes.len());
            self.literal_left -= skip as u64;
            (skip, None)
        } else {
            let ends = memchr::memchr(b'\n', bytes);
            let len = ends.map_or(bytes.len(), |at| at.saturating_add(1));
            (len, Some((bytes.get(..len).unwrap_or_default(), ends.is_some())))
        };
        self.total = self.total.saturating_add(len as u64);
        if let Some(most) = self.limits.total
            && self.total > most
        {
            return Err(Violation::Total(most));
        }
        if let Some((piece, _)) = line {
            self.piece(piece)?;
        }
        let is_end = line.is_some_and(|(_, ends)| ends);
        let reader = match self.kind {
            Kind::Unknown => Reader::Unknown,
            Kind::Fetch if line.is_some() && !is_end => Reader::Unknown,
            Kind::Own => Reader::Own,
            _ if line.is_none() && self.is_apart => Reader::Apart,
            _ => Reader::Codec,
        };
        self.is_apart &= self.literal_left > 0;
        let (ends, cut) = if is_end { self.end_of_line()? } else { (false, None) };
        Ok(Piece { bytes: len, reader, ends, cut })
    }

    /// A piece of a line; it may end with the line's LF.
    fn piece(&mut self, piece: &[u8]) -> Result<(), Violation> {
        for &b in piece {
            match b {
                b'(' => self.parens = self.parens.saturating_add(1),
                0 => return Err(Violation::Control),
                _ => {}
            }
        }
        if self.line.len().saturating_add(piece.len()) > self.limits.line {
            return Err(Violation::Line(self.limits.line));
        }
        // Patterns may straddle two pieces.
        let from = self.line.len().saturating_sub(PATTERN_MAX);
        self.line.extend_from_slice(piece);
        if self.kind == Kind::Unknown && !self.continued {
            self.kind = kind(&self.line)?;
        }
        if self.kind == Kind::Fetch && !self.continued && says_nothing(&self.line) {
            self.kind = Kind::Own;
        }
        // What is read by hand is read without recursion.
        if self.kind != Kind::Own && self.parens > self.limits.parens {
            return Err(Violation::Parens(self.limits.parens));
        }
        self.patterns(from)
    }

    /// Refuses what makes the parser panic, as soon as it is whole.
    fn patterns(&self, from: usize) -> Result<(), Violation> {
        // Only the first bracket can close a response code.
        if self.kind == Kind::Text
            && let Some(at) = self.line.iter().position(|&b| b == b']')
            && at.saturating_add(2) >= from
            && self.line.get(at.saturating_add(1)).is_some_and(|&b| b >= 0x80)
        {
            return Err(Violation::Code);
        }
        Ok(())
    }

    /// Gives whether the response ends with the line, and what of it is not for the codec.
    fn end_of_line(&mut self) -> Result<(bool, Option<Cut>), Violation> {
        let line = std::mem::take(&mut self.line);
        let end = self.end_of(&line);
        // The buffer is kept, unless a long line made it large.
        if end.is_err() || line.capacity() <= 64 << 10 {
            self.line = line;
        }
        if end.is_ok() {
            self.line.clear();
        }
        end
    }

    fn end_of(&mut self, line: &[u8]) -> Result<(bool, Option<Cut>), Violation> {
        let text = line.strip_suffix(b"\r\n").ok_or(Violation::Control)?;
        if text.contains(&b'\r') {
            return Err(Violation::Control);
        }
        if self.kind == Kind::Unknown && !self.continued {
            // A line too short to be any response.
            return Err(Violation::Garbage);
        }
        let (mut cut, mut apart) = (None, None);
        if let Some((before, size)) = literal(text) {
            let fits = match self.kind {
                Kind::Fetch => {
                    let items = fetch_items(before, self.continued);
                    cut = items.cut;
                    if has_no_date(before, cut) {
                        return Err(Violation::NoDate);
                    }
                    // Of a part nobody asked for one that is.
                    apart =
                        self.apart.filter(|apart| items.uid == Some(apart.uid) && items.literal_next && cut.is_none());
                    if apart.is_some() {
                        cut = Some(Cut { from: before.len(), to: line.len(), empty: true });
                    }
                    items.literal_next
                }
                Kind::Own => true,
                _ => false,
            };
            if !fits {
                return Err(Violation::StrayLiteral);
            }
            let most = if self.kind == Kind::Own { OWN_LITERALS_MAX } else { u64::MAX };
            let (most, counted) = match apart {
                Some(apart) => (apart.most, size),
                None => (self.limits.literal.min(most), self.literals.saturating_add(size)),
            };
            if counted > most {
                return Err(Violation::Literal(size));
            }
            if apart.is_some() {
                (self.apart, self.is_apart) = (None, true);
            } else {
                self.literals = counted;
            }
            self.literal_left = size;
            self.continued = true;
        } else {
            if self.kind == Kind::Fetch && !text.trim_ascii_end().ends_with(b")") {
                return Err(Violation::OpenFetch);
            }
            if self.kind == Kind::Fetch {
                // Nothing else is cut but behind `<`. Hardly any line has either.
                let has_none = has_no_date(text, None);
                if has_none || memchr::memchr(b'<', text).is_some() {
                    cut = fetch_items(text, self.continued).cut;
                }
                if has_none && has_no_date(text, cut) {
                    return Err(Violation::NoDate);
                }
            }
            self.kind = Kind::Unknown;
            self.continued = false;
            self.literals = 0;
            self.parens = 0;
        }
        Ok((!self.continued, cut))
    }
}

/// Responses with a number before their name, and others.
const COUNTED: [&str; 4] = ["EXISTS", "EXPUNGE", "FETCH", "RECENT"];
const UNCOUNTED: [&str; 28] = [
    "ACL",
    "ANNOTATION",
    "BAD",
    "BYE",
    "CAPABILITY",
    "ENABLED",
    "ESEARCH",
    "FLAGS",
    "ID",
    "LANGUAGE",
    "LIST",
    "LISTRIGHTS",
    "LSUB",
    "METADATA",
    "MYRIGHTS",
    "NAMESPACE",
    "NO",
    "OK",
    "PREAUTH",
    "QUOTA",
    "QUOTAROOT",
    "SEARCH",
    "SORT",
    "STATUS",
    "THREAD",
    "URLFETCH",
    "VANISHED",
    "XLIST",
];

/// The name of the untagged response that a line begins, in upper case; empty: it begins none that is known.
#[must_use]
pub fn word(line: &[u8]) -> &'static str {
    let mut words = line.strip_prefix(b"* ").unwrap_or_default().split(|b| matches!(b, b' ' | b'\r' | b'\n'));
    let first = words.next().unwrap_or_default();
    let is_number = !first.is_empty() && first.iter().all(u8::is_ascii_digit);
    let (name, known) =
        if is_number { (words.next().unwrap_or_default(), &COUNTED[..]) } else { (first, &UNCOUNTED[..]) };
    known.iter().find(|known| name.eq_ignore_ascii_case(known.as_bytes())).copied().unwrap_or_default()
}

/// Whether a FETCH response says nothing, which some servers do of a message that was removed. The parser knows none such.
fn says_nothing(line: &[u8]) -> bool {
    let Some(text) = line.strip_suffix(b"\r\n") else { return false };
    let mut words = text.trim_ascii_end().split(|b| *b == b' ').skip(3);
    let said = words.next().unwrap_or_default();
    (said == b"()" || said.eq_ignore_ascii_case(b"NIL")) && words.next().is_none()
}

const NO_DATE: &[u8] = b"INTERNALDATE NIL";
/// The longest pattern that is looked for before the end of a line.
const PATTERN_MAX: usize = 2;

/// What a line begins; `Unknown` while that depends on bytes to come.
fn kind(line: &[u8]) -> Result<Kind, Violation> {
    match line.first() {
        None => return Ok(Kind::Unknown),
        Some(b'*') => {}
        Some(b'+') => return Ok(Kind::Text),
        Some(b) if b.is_ascii_alphanumeric() => return Ok(Kind::Text),
        Some(_) => return Err(Violation::Garbage),
    }
    if line.get(1).is_some_and(|&b| b != b' ') {
        return Err(Violation::Garbage);
    }
    let rest = line.get(2..).unwrap_or_default();
    let Some(end) = rest.iter().position(|b| matches!(b, b' ' | b'\r' | b'\n')) else {
        return Ok(Kind::Unknown);
    };
    let word = rest.get(..end).unwrap_or_default();
    if !word.is_empty() && word.iter().all(u8::is_ascii_digit) {
        let rest = rest.get(end.saturating_add(1)..).unwrap_or_default();
        let Some(end) = rest.iter().position(|b| matches!(b, b' ' | b'\r' | b'\n')) else {
            return Ok(Kind::Unknown);
        };
        let word = rest.get(..end).unwrap_or_default();
        return Ok(match word {
            word if word.eq_ignore_ascii_case(b"FETCH") => Kind::Fetch,
            word if word.eq_ignore_ascii_case(b"EXISTS") || word.eq_ignore_ascii_case(b"EXPUNGE") => Kind::Other,
            // RECENT is of no use to anybody (RFC 9051 dropped it); its place is taken by the mark that stands for a line read by hand.
            word if is_name(word) => Kind::Own,
            _ => Kind::Other,
        });
    }
    let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
    if ["OK", "NO", "BAD", "BYE", "PREAUTH"].into_iter().any(is) {
        Ok(Kind::Text)
    } else if is("ENABLED") || !is_name(word) {
        Ok(Kind::Other)
    } else {
        Ok(Kind::Own)
    }
}

/// Whether a response may be called so.
fn is_name(word: &[u8]) -> bool {
    !word.is_empty() && word.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

/// The line before a literal's announcement at its end, and the literal's size: `… {12}`.
fn literal(text: &[u8]) -> Option<(&[u8], u64)> {
    let inner = text.strip_suffix(b"}")?;
    let open = inner.iter().rposition(|&b| b == b'{')?;
    let digits = inner.get(open.saturating_add(1)..)?;
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let size = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()).unwrap_or(u64::MAX);
    Some((inner.get(..open)?, size))
}

/// What stands in a part of a FETCH response that ends with a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Items {
    /// It is made of known items whose ends nobody can dispute, the last of which is one that a literal belongs to.
    literal_next: bool,
    /// What a known item says too much of where it begins. Of a second one in the same line nothing is known.
    cut: Option<Cut>,
    /// The message's UID, where one is named.
    uid: Option<u32>,
}

/// Looks through `text`, the part of a FETCH response up to a literal or to its end.
fn fetch_items(text: &[u8], continued: bool) -> Items {
    let mut items = Items::default();
    let mut rest = text;
    if continued {
        let Some(after) = rest.strip_prefix(b" ") else { return items };
        rest = after;
    } else {
        let Some(open) = rest.iter().position(|&b| b == b'(') else { return items };
        let (head, after) = rest.split_at_checked(open).unwrap_or_default();
        // `* n FETCH `, as `kind` saw.
        if head.iter().filter(|&&b| b == b' ').count() != 3 {
            return items;
        }
        rest = after.get(1..).unwrap_or_default();
    }
    loop {
        let (item, echo) = fetch_item(rest);
        if let (Some(echo), Item::LiteralNext | Item::Then(_)) = (echo, &item) {
            if items.cut.is_some() {
                return items;
            }
            let at = text.len().saturating_sub(rest.len());
            items.cut = Some(Cut { from: at.saturating_add(echo.from), to: at.saturating_add(echo.to), ..echo });
        }
        items.uid = items.uid.or_else(|| uid_item(rest));
        match item {
            Item::LiteralNext => return Items { literal_next: true, ..items },
            Item::Then(after) => match after.strip_prefix(b" ") {
                Some(next) => rest = next,
                None => return items,
            },
            Item::Unknown => return items,
        }
    }
}

/// The number in a `UID` item; `None` where it is none.
fn uid_item(text: &[u8]) -> Option<u32> {
    let value = text.split_at_checked(4).filter(|(head, _)| head.eq_ignore_ascii_case(b"UID "))?.1;
    let digits = value.iter().take_while(|b| b.is_ascii_digit()).count();
    std::str::from_utf8(value.get(..digits)?).ok()?.parse().ok()
}

/// What an item of a FETCH response is.
enum Item<'a> {
    /// It is the one whose value is the literal, and nothing is behind it.
    LiteralNext,
    /// It is whole; this is behind it.
    Then(&'a [u8]),
    /// Not known, so no literal may follow.
    Unknown,
}

/// The first item of a text, and what it says too much of where it begins.
fn fetch_item(text: &[u8]) -> (Item<'_>, Option<Cut>) {
    body_item(text).or_else(|| no_date_item(text)).unwrap_or_else(|| (plain_item(text), None))
}

/// A date that is none; `None` where it is something else.
fn no_date_item(text: &[u8]) -> Option<(Item<'_>, Option<Cut>)> {
    let (item, after) = text.split_at_checked(NO_DATE.len())?;
    let is_it = item.eq_ignore_ascii_case(NO_DATE) && matches!(after.first(), Some(b' ' | b')'));
    let nil = Cut { from: NO_DATE.len().saturating_sub(3), to: NO_DATE.len(), empty: true };
    is_it.then_some((Item::Then(after), Some(nil)))
}

/// Whether a date that is none stands in a line, and what is cut is not its only one.
fn has_no_date(text: &[u8], cut: Option<Cut>) -> bool {
    let mut nils = text.windows(NO_DATE.len()).enumerate().filter(|(_, window)| window.eq_ignore_ascii_case(NO_DATE));
    let first = nils.next().map(|(at, _)| at.saturating_add(NO_DATE.len()));
    first.is_some_and(|end| nils.next().is_some() || !cut.is_some_and(|cut| cut.empty && cut.to == end))
}

/// A `BODY[…]` item; `None` where it is none.
fn body_item(text: &[u8]) -> Option<(Item<'_>, Option<Cut>)> {
    let section =
        text.split_at_checked(5).filter(|(head, _)| head.eq_ignore_ascii_case(b"BODY[")).map(|(_, rest)| rest)?;
    let unknown = Some((Item::Unknown, None));
    let Some(mut value) = behind_section(section) else { return unknown };
    let mut echo = None;
    if let Some(origin) = value.strip_prefix(b"<") {
        let number = |text: &[u8]| text.iter().take_while(|b| b.is_ascii_digit()).count();
        let mut behind = origin.get(number(origin)..).unwrap_or_default();
        if number(origin) > 0
            && let Some(size) = behind.strip_prefix(b".").filter(|size| number(size) > 0)
        {
            let from = text.len().saturating_sub(behind.len());
            behind = size.get(number(size)..).unwrap_or_default();
            echo = Some(Cut { from, to: text.len().saturating_sub(behind.len()), empty: false });
        }
        value = behind.strip_prefix(b">").unwrap_or_default();
    }
    Some((value.strip_prefix(b" ").map_or(Item::Unknown, string), echo))
}

fn plain_item(text: &[u8]) -> Item<'_> {
    let prefix = |name: &str| {
        text.split_at_checked(name.len())
            .filter(|(head, _)| head.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, rest)| rest)
    };
    for name in ["UID ", "RFC822.SIZE ", "X-GM-MSGID ", "X-GM-THRID "] {
        if let Some(value) = prefix(name) {
            return then(value, value.iter().take_while(|b| b.is_ascii_digit()).count(), 1);
        }
    }
    for name in ["FLAGS (", "MODSEQ (", "EMAILID (", "THREADID ("] {
        if let Some(value) = prefix(name) {
            let inner = value.iter().take_while(|b| !matches!(b, b'(' | b')' | b'"' | b'{')).count();
            return if value.get(inner) == Some(&b')') {
                then(value, inner.saturating_add(1), 1)
            } else {
                Item::Unknown
            };
        }
    }
    if let Some(value) = prefix("INTERNALDATE ") {
        return quoted(value);
    }
    ["RFC822 ", "RFC822.HEADER ", "RFC822.TEXT "].into_iter().find_map(prefix).map_or(Item::Unknown, string)
}

/// What is behind the bracket that closes a section. Courier quotes the names of header fields in it; a quoted name that is more than a
/// field's name may be (RFC 5322 §2.2) is none.
fn behind_section(section: &[u8]) -> Option<&[u8]> {
    let mut quoted = false;
    for (at, byte) in section.iter().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b'{' | b'\\' => return None,
            b']' | b'(' | b')' | b' ' if quoted => return None,
            b']' => return section.get(at.saturating_add(1)..),
            _ => {}
        }
    }
    None
}

/// What is behind `len` bytes of a value, of which there must be at least `least`.
fn then(value: &[u8], len: usize, least: usize) -> Item<'_> {
    if len < least { Item::Unknown } else { value.get(len..).map_or(Item::Unknown, Item::Then) }
}

/// A string item: nothing (the literal follows), NIL, or quoted.
fn string(value: &[u8]) -> Item<'_> {
    if value.is_empty() {
        Item::LiteralNext
    } else if value.get(..3).is_some_and(|nil| nil.eq_ignore_ascii_case(b"NIL")) {
        then(value, 3, 3)
    } else {
        quoted(value)
    }
}

fn quoted(value: &[u8]) -> Item<'_> {
    let Some(inner) = value.strip_prefix(b"\"") else { return Item::Unknown };
    let mut at = 0_usize;
    loop {
        match (inner.get(at), inner.get(at.saturating_add(1))) {
            (Some(b'"'), _) => return then(inner, at.saturating_add(1), 1),
            (Some(b'\\'), Some(b'"' | b'\\')) => at = at.saturating_add(2),
            (None | Some(b'\\'), _) => return Item::Unknown,
            _ => at = at.saturating_add(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Limits, Reader, Scanner, Violation};

    const LIMITS: Limits = Limits { line: 2_000, literal: 1_000, parens: 64, total: None };

    fn scan(bytes: &[u8]) -> Result<(), Violation> {
        Scanner::new(LIMITS).feed(bytes)
    }

    fn fine(text: &str) {
        assert_eq!(scan(text.as_bytes()), Ok(()), "{text:?}");
    }

    fn refused(text: &str, violation: Violation) {
        assert_eq!(scan(text.as_bytes()), Err(violation), "{text:?}");
    }

    #[test]
    fn ordinary_traffic_passes() {
        fine("* OK [CAPABILITY IMAP4rev1 SASL-IR] ready (really).\r\n");
        fine("+ \r\n+ idling\r\n+\r\n");
        fine("a1 OK [READ-WRITE] done (0.001 + 0.000 secs).\r\n");
        fine("* FLAGS (\\Answered \\Seen)\r\n* 5 EXISTS\r\n* 0 RECENT\r\n* 3 EXPUNGE\r\n");
        fine("* SEARCH 1 2 3\r\n* VANISHED (EARLIER) 1:5,7\r\n* ENABLED QRESYNC\r\n* CAPABILITY IMAP4rev1\r\n");
        fine("* LIST (\\HasNoChildren \\Sent) \"/\" \"Sent (old\"\r\n* LIST () NIL INBOX\r\n");
        fine("* LIST (\\HasNoChildren) \"/\" {8}\r\n\0 ((({5}\r\n* STATUS {3}\r\nabc (MESSAGES 5)\r\n");
        fine(
            "* 1 FETCH (UID 5 FLAGS (\\Seen $x) MODSEQ (12) INTERNALDATE \"17-Jul-2026 02:44:25 -0700\" RFC822.SIZE 9)\r\n",
        );
        fine("* 1 FETCH (UID 5 BODY[] {6}\r\n((\0\r\n()\r\n* 2 FETCH (BODY[] {0}\r\n UID 5)\r\n");
        fine("* 1 FETCH (UID 5 BODY[HEADER.FIELDS (\"FROM\" \"TO\")] {2}\r\n\r\n FLAGS ())\r\n");
        refused("* 1 FETCH (UID 5 BODY[HEADER.FIELDS (\"FROM] {2}\r\n", Violation::StrayLiteral);
        fine("* 1 FETCH (UID 5 BODY[]<0.262144> {2}\r\nxx FLAGS ())\r\n");
        refused("* 1 FETCH (UID 5 BODY[]<0.> {2}\r\n", Violation::StrayLiteral);
        refused("* 1 FETCH (UID 5 BODY[]<.2> {2}\r\n", Violation::StrayLiteral);
        refused("* 1 FETCH (UID 5 BODY[]<0.2.3> {2}\r\n", Violation::StrayLiteral);
        refused("* 1 FETCH (UID 5 BODY[HEADER.FIELDS (\"FR]M\")] {2}\r\n", Violation::StrayLiteral);
        refused("* 1 FETCH (UID 5 BODY[HEADER.FIELDS (\"FR\\\"M\")] {2}\r\n", Violation::StrayLiteral);
        fine("* 1 FETCH (UID 5 BODY[HEADER.FIELDS (FROM TO)] {2}\r\n\r\n BODY[TEXT]<0> {3}\r\n{9} FLAGS ())\r\n");
        fine("* 1 FETCH (UID 5 BODY[] \"a \\\" (b\" RFC822.HEADER NIL RFC822 {1}\r\nx)\r\n");
        fine("* 1 FETCH (X-NEW (a b) SAVEDATE \"x\" UID 3)\r\n");
    }

    #[test]
    fn harm_is_refused() {
        refused("garbage \0", Violation::Control);
        refused("%what\r\n", Violation::Garbage);
        refused("*what\r\n", Violation::Garbage);
        refused("*\r\n", Violation::Garbage);
        refused("\r\n", Violation::Garbage);
        refused("* OK bare\n", Violation::Control);
        refused("* OK a\rb\r\n", Violation::Control);
        refused(&format!("* OK {}", "x".repeat(2_000)), Violation::Line(2_000));
        refused(&format!("* 1 FETCH (BODYSTRUCTURE {}", "(".repeat(400)), Violation::Parens(64));
        refused("* 1 FETCH (BODY[] {1001}\r\n", Violation::Literal(1_001));
        refused("* 1 FETCH (BODY[] {4294967296}\r\n", Violation::Literal(4_294_967_296));
        refused("* 1 FETCH (BODY[] {99999999999999999999999}\r\n", Violation::Literal(u64::MAX));
        refused("* 1 FETCH (X (a) INTERNALDATE NIL)\r\n", Violation::NoDate);
        refused("* 1 FETCH (UID 1 internaldate nil UID 2 internaldate nil)\r\n", Violation::NoDate);
        refused("* 1 FETCH (UID 1 X \"INTERNALDATE NIL\" INTERNALDATE NIL)\r\n", Violation::NoDate);
        refused("* 1 FETCH (UID 1 INTERNALDATE NILS)\r\n", Violation::NoDate);
        refused("* 1 FETCH (BODY[]<0.9> \"\" INTERNALDATE NIL)\r\n", Violation::NoDate);
        refused("* OK [ALERT]\u{e9}\r\n", Violation::Code);
        refused("a1 NO [ALERT]\u{e9}", Violation::Code);
        let two = format!("* 1 FETCH (BODY[1] {{600}}\r\n{} BODY[2] {{600}}\r\n", "x".repeat(600));
        refused(&two, Violation::Literal(600));
    }

    /// Where the parser would take the bytes of what looks like a literal for syntax, and the other way round.
    #[test]
    fn literals_that_are_none() {
        refused("* OK text {100}\r\n", Violation::StrayLiteral);
        refused("a1 OK text {100}\r\n", Violation::StrayLiteral);
        refused("+ {100}\r\n", Violation::StrayLiteral);
        refused("* ENABLED {3}\r\n", Violation::StrayLiteral);
        refused("* 1 FETCH (X (abc {100}\r\n", Violation::StrayLiteral);
        refused("* 1 FETCH (X a{100}\r\n", Violation::StrayLiteral);
        refused("* 1 FETCH (X (BODY[] {100}\r\n", Violation::StrayLiteral);
        refused("* 1 FETCH (X (\")\" BODY[] {100}\r\n", Violation::StrayLiteral);
        refused("* 1 FETCH (FLAGS (\") BODY[] {100}\r\n", Violation::StrayLiteral);
        refused("* 1 FETCH (UID 1 ENVELOPE (\"x\" {100}\r\n", Violation::StrayLiteral);
        // The parser reads on behind this line's end, in search of the closing parenthesis.
        refused("* 1 FETCH (X (a\r\n* 2 FETCH (UID 5 BODY[] {9}\r\n", Violation::OpenFetch);
        refused("* 1 FETCH (X a\r\n", Violation::OpenFetch);
    }

    /// What is read by hand, however it is cut.
    #[test]
    fn lines_of_ones_own() {
        #[track_caller]
        fn check(text: &str, reader: Reader) {
            for cut in 1..text.len() {
                let mut scanner = Scanner::new(LIMITS);
                let (mut seen, mut ends) = (Vec::new(), 0);
                for mut bytes in [&text.as_bytes()[..cut], &text.as_bytes()[cut..]] {
                    while !bytes.is_empty() {
                        let piece = scanner.step(bytes).unwrap();
                        bytes = &bytes[piece.bytes..];
                        seen.push(piece.reader);
                        ends += usize::from(piece.ends);
                    }
                }
                assert!(seen.iter().all(|seen| [Reader::Unknown, reader].contains(seen)), "{text:?} {cut}");
                assert_eq!((seen.last(), ends), (Some(&reader), 1), "{text:?} {cut}");
            }
        }
        check("* LIST () \"/\" {3}\r\na\nb (\"OLDNAME\" ({1}\r\nx))\r\n", Reader::Own);
        check("* status x (MAILBOXID (F1))\r\n", Reader::Own);
        check("* ESEARCH (TAG \"a\") UID ALL 1:5\r\n", Reader::Own);
        check("* 12 RECENT\r\n", Reader::Own);
        check("* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n", Reader::Own);
        check("* 12 EXISTS\r\n", Reader::Codec);
        check("* ENABLED x\r\n", Reader::Codec);
        check("* LISTED x\r\n", Reader::Own);
        check("* METADATA \"\" (/x {3}\r\na\nb)\r\n", Reader::Own);
        check("* FLAGS (\\Seen  \u{e9})\r\n", Reader::Own);
        check(&format!("* NAMESPACE NIL ({}) NIL\r\n", "(\"x/\" \"/\")".repeat(80)), Reader::Own);
        check("* 3 FETCH ()\r\n", Reader::Own);
        check("* 3 fetch nil \r\n", Reader::Own);
        check("* 3 FETCH (UID 5)\r\n", Reader::Codec);
        check("* 3 STORE (FLAGS ())\r\n", Reader::Own);
        check("* w\u{e9}rd x\r\n", Reader::Codec);
        check("* 1 FETCH (UID 5 BODY[] {10}\r\n* LIST ()\n)\r\n", Reader::Codec);
        refused("* LIST () \"/\" {1001}\r\n", Violation::Literal(1_001));
        let large = Limits::after_login(64 << 20);
        assert_eq!(Scanner::new(large).feed(b"* LIST () \"/\" {65537}\r\n"), Err(Violation::Literal(65_537)));
    }

    #[test]
    fn quantities() {
        let mut scanner = Scanner::new(Limits::before_login());
        assert_eq!(scanner.feed(b"* 1 FETCH (BODY[] {1}\r\n"), Err(Violation::Literal(1)));
        let mut scanner = Scanner::new(Limits { total: Some(20), ..LIMITS });
        assert_eq!(scanner.feed(b"* 1 EXISTS\r\n"), Ok(()));
        assert_eq!(scanner.feed(b"* 1 EXISTS\r\n"), Err(Violation::Total(20)));
        // Parentheses are counted per response.
        let line = format!("* OK {}\r\n", "(".repeat(60));
        assert_eq!(scan(line.repeat(10).as_bytes()), Ok(()));
    }

    fn traffic() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            Just("* 1 FETCH (UID 5 BODY[] {4}\r\n".to_owned()),
            Just("* 1 FETCH (X ({4}\r\n".to_owned()),
            Just("* LIST () \"/\" {3}\r\n".to_owned()),
            Just("* OK [ALERT]\u{e9}".to_owned()),
            Just("INTERNALDATE NIL".to_owned()),
            Just("FLAGS (\\Seen)".to_owned()),
            Just("\r\n".to_owned()),
            Just(")\r\n".to_owned()),
            Just("((((((((((((".to_owned()),
            "[ -~\r\n]{0,12}",
            "\\* [0-9]{1,3} [A-Z]{1,6} \\([A-Z0-9 ]{0,8}",
        ];
        proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat().into_bytes())
    }

    proptest! {
        /// However the network cuts the bytes, the answer is the same.
        #[test]
        fn any_split_gives_the_same_answer(bytes in traffic(), cuts in proptest::collection::vec(0_usize..200, 0..8)) {
            let whole = scan(&bytes);
            let mut cuts: Vec<usize> = cuts.into_iter().filter(|&cut| cut < bytes.len()).collect();
            cuts.sort_unstable();
            let mut scanner = Scanner::new(LIMITS);
            let (mut from, mut result) = (0, Ok(()));
            for cut in cuts.into_iter().chain([bytes.len()]) {
                result = result.and_then(|()| scanner.feed(&bytes[from..cut]));
                from = cut;
            }
            // With several faults in one piece the one that is named may differ; that there is one may not.
            prop_assert_eq!(whole.is_ok(), result.is_ok(), "{:?} {:?}", whole, result);

            let mut scanner = Scanner::new(LIMITS);
            let single = bytes.iter().try_for_each(|b| scanner.feed(std::slice::from_ref(b)));
            prop_assert_eq!(whole.is_ok(), single.is_ok(), "{:?} {:?}", whole, single);
        }
    }
}
