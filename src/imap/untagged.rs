//! Untagged responses that are read by hand, because the codec's parser ends the connection over them, reads them in quadratic time, or
//! knows an older form only: LIST with extended data (RFC 5258, OLDNAME of RFC 5465), STATUS with any item (RFC 8474), SEARCH of any length,
//! ESEARCH (RFC 4731), VANISHED (RFC 7162), NAMESPACE (RFC 2342), ID (RFC 2971), CAPABILITY; and those that nobody asks for, which are passed over
//! (RFC 9051 §2.2.2: a client takes any response at any time).
//!
//! What is not understood within a response is passed over. One about a mailbox or about the server that cannot be read costs what it would have said
//! ([`Unread`]): Twisted writes names with blanks without quotes. One that is the answer to a question ends the session ([`None`]), because half of it would
//! be believed. Linear time, no recursion, and no allocation beyond what was received.

use super::uid_set::UidSet;

/// A response that is read by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Untagged {
    List(Listed),
    Status(Status),
    /// UIDs (or sequence numbers) that were found.
    Search(Vec<u32>),
    Esearch(Esearch),
    Vanished {
        earlier: bool,
        uids: UidSet,
        /// Ranges that were left out because there were too many of them.
        cut: bool,
    },
    Namespace(Namespace),
    /// What the server says of itself: names in lower case.
    Id(Vec<(String, String)>),
    /// What the server can do, as it writes it.
    Capability(String),
    /// Of no use.
    Recent,
    /// It is none that anybody asks for.
    Other,
    /// It cannot be read, and its line ends where it should.
    Unread(Unread),
}

/// Of what kind a response is that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unread {
    /// LIST or LSUB: a mailbox is there of which nobody knows the name.
    List,
    /// STATUS.
    Status,
    /// NAMESPACE or ID.
    Server,
}

/// LIST or LSUB.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Listed {
    /// Attributes as written, with their backslash, in lower case.
    pub attributes: Vec<String>,
    pub delimiter: Option<char>,
    /// As on the wire.
    pub name: String,
    /// The name that it had before (RFC 5465 §5.4), as on the wire.
    pub old_name: Option<String>,
}

/// STATUS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Status {
    /// As on the wire.
    pub name: String,
    pub messages: Option<u32>,
    pub uid_next: Option<u32>,
    pub uid_validity: Option<u32>,
    pub highest_modseq: Option<u64>,
    /// RFC 8474 §4.1.
    pub mailbox_id: Option<String>,
}

/// ESEARCH.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Esearch {
    /// The tag of the command that it answers.
    pub tag: Option<String>,
    /// The numbers are UIDs.
    pub uid: bool,
    pub all: UidSet,
    pub count: Option<u32>,
    /// `all` was left out in part, because it had too many ranges.
    pub cut: bool,
}

/// The personal namespace (RFC 2342 §5): the first one, which is where a client makes mailboxes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Namespace {
    /// As on the wire.
    pub prefix: String,
    pub delimiter: Option<char>,
}

/// More ranges than this in a sequence set are cut off: a hostile server could have us hold any number.
const RANGES_MAX: usize = 100_000;

/// Reads a response with its CRLF.
pub(super) fn read(line: &[u8]) -> Option<Untagged> {
    let mut words = Words(line.strip_suffix(b"\r\n")?);
    words.literally(b"* ")?;
    let first = words.atom()?.to_ascii_uppercase();
    if first.bytes().all(|b| b.is_ascii_digit()) {
        words.space()?;
        return match words.atom()?.to_ascii_uppercase().as_str() {
            "RECENT" => Some(Untagged::Recent),
            "EXISTS" | "EXPUNGE" => None,
            _ => Some(Untagged::Other),
        };
    }
    let or = |unread| Some(Untagged::Unread(unread));
    match first.as_str() {
        "LIST" | "LSUB" => list(&mut words).map(Untagged::List).or(or(Unread::List)),
        "STATUS" => status(&mut words).map(Untagged::Status).or(or(Unread::Status)),
        "SEARCH" => search(&mut words).map(Untagged::Search),
        "ESEARCH" => esearch(&mut words).map(Untagged::Esearch),
        "VANISHED" => vanished(&mut words),
        "NAMESPACE" => namespace(&mut words).map(Untagged::Namespace).or(or(Unread::Server)),
        "ID" => id(&mut words).map(Untagged::Id).or(or(Unread::Server)),
        "CAPABILITY" => Some(Untagged::Capability(String::from_utf8_lossy(words.0).into_owned())),
        _ => Some(Untagged::Other),
    }
}

fn list(words: &mut Words<'_>) -> Option<Listed> {
    words.space()?;
    let mut listed = Listed::default();
    words.literally(b"(")?;
    while !words.takes(b")") {
        let _ = words.space();
        if words.takes(b")") {
            break;
        }
        listed.attributes.push(words.atom()?.to_ascii_lowercase());
    }
    words.space()?;
    listed.delimiter = words.nstring()?.and_then(|text| text.chars().next());
    words.space()?;
    let name = words.0;
    listed.name = words.astring()?;
    let is_apart = words.space().is_some();
    if words.0.is_empty() {
        return Some(listed);
    }
    let is_extended = is_apart && words.takes(b"(") && extended(words, &mut listed) && words.0.is_empty();
    let is_atom = !name.iter().any(|b| matches!(b, b'"' | b'\r' | b'\n'));
    if !is_extended && is_atom {
        // Nothing but such data may follow: it is a name with blanks, without the quotes that it should have.
        listed.name = std::str::from_utf8(name).ok()?.trim_end().to_owned();
        listed.old_name = None;
    }
    Some(listed)
}

/// Extended data: names with a value each. Anything odd in here costs nothing but itself. Whether it came to its end.
fn extended(words: &mut Words<'_>, listed: &mut Listed) -> bool {
    while !words.takes(b")") {
        let _ = words.space();
        let Some(name) = words.astring() else { return false };
        let old = name.eq_ignore_ascii_case("OLDNAME").then(|| words.clone());
        let _ = words.space();
        if words.skip().is_none() {
            return false;
        }
        if let Some(mut old) = old {
            let _ = old.space();
            listed.old_name = old.takes(b"(").then(|| old.astring()).flatten();
        }
    }
    true
}

fn status(words: &mut Words<'_>) -> Option<Status> {
    words.space()?;
    let mut status = Status { name: words.astring()?, ..Status::default() };
    words.space()?;
    words.literally(b"(")?;
    while !words.takes(b")") {
        let _ = words.space();
        if words.takes(b")") {
            break;
        }
        let item = words.atom()?.to_ascii_uppercase();
        words.space()?;
        match item.as_str() {
            "MESSAGES" => status.messages = words.clone().number(),
            "UIDNEXT" => status.uid_next = words.clone().number(),
            "UIDVALIDITY" => status.uid_validity = words.clone().number(),
            "HIGHESTMODSEQ" => status.highest_modseq = words.clone().number(),
            "MAILBOXID" => {
                let mut value = words.clone();
                status.mailbox_id = value.takes(b"(").then(|| value.atom()).flatten().map(str::to_owned);
            }
            _ => {}
        }
        words.skip()?;
    }
    Some(status)
}

fn search(words: &mut Words<'_>) -> Option<Vec<u32>> {
    let mut found = Vec::new();
    while words.space().is_some() {
        if words.0.is_empty() || words.0.first() == Some(&b'(') {
            break;
        }
        found.push(words.number()?);
    }
    Some(found)
}

fn esearch(words: &mut Words<'_>) -> Option<Esearch> {
    let mut answer = Esearch::default();
    while words.space().is_some() {
        if words.0.first() == Some(&b'(') {
            let mut correlator = words.clone();
            words.skip()?;
            if correlator.takes(b"(") && correlator.atom().is_some_and(|word| word.eq_ignore_ascii_case("TAG")) {
                let _ = correlator.space();
                answer.tag = correlator.astring();
            }
            continue;
        }
        let item = words.atom()?.to_ascii_uppercase();
        match item.as_str() {
            "UID" => answer.uid = true,
            "ALL" => {
                words.space()?;
                (answer.all, answer.cut) = set(words.atom()?)?;
            }
            "COUNT" => {
                words.space()?;
                answer.count = Some(words.number()?);
            }
            _ => {
                words.space()?;
                words.skip()?;
            }
        }
    }
    Some(answer)
}

fn vanished(words: &mut Words<'_>) -> Option<Untagged> {
    words.space()?;
    let earlier = words.takes(b"(");
    if earlier {
        words.atom()?.eq_ignore_ascii_case("EARLIER").then_some(())?;
        words.literally(b")")?;
        words.space()?;
    }
    let (uids, cut) = set(words.atom()?)?;
    Some(Untagged::Vanished { earlier, uids, cut })
}

/// A sequence set (RFC 9051 §9) without `*`, and whether it was cut. Both ends of a range may come in either order.
fn set(text: &str) -> Option<(UidSet, bool)> {
    let mut ranges = Vec::new();
    let mut cut = false;
    for part in text.split(',') {
        if ranges.len() >= RANGES_MAX {
            cut = true;
            break;
        }
        let (a, b) = part.split_once(':').unwrap_or((part, part));
        let (a, b): (u32, u32) = (a.parse().ok()?, b.parse().ok()?);
        ranges.push((a.min(b).max(1), a.max(b)));
    }
    // In order they are added in linear time.
    ranges.sort_unstable();
    let mut uids = UidSet::new();
    for (a, b) in ranges {
        uids.insert_range(&(a..=b));
    }
    Some((uids, cut))
}

/// The first personal namespace; `NIL` stands for none, where mailboxes are made without prefix.
fn namespace(words: &mut Words<'_>) -> Option<Namespace> {
    words.space()?;
    if !words.takes(b"(") {
        words.nstring()?;
        return Some(Namespace::default());
    }
    words.literally(b"(")?;
    let prefix = words.astring()?;
    words.space()?;
    let delimiter = words.nstring()?.and_then(|text| text.chars().next());
    Some(Namespace { prefix, delimiter })
}

fn id(words: &mut Words<'_>) -> Option<Vec<(String, String)>> {
    /// RFC 2971 §3.3: at most 30 pairs.
    const PAIRS_MAX: usize = 30;
    words.space()?;
    let mut pairs = Vec::new();
    if !words.takes(b"(") {
        words.nstring()?;
        return Some(pairs);
    }
    while !words.takes(b")") {
        let _ = words.space();
        if words.takes(b")") {
            break;
        }
        let name = words.astring()?.to_ascii_lowercase();
        words.space()?;
        if let Some(value) = words.nstring()?
            && pairs.len() < PAIRS_MAX
        {
            pairs.push((name, value));
        }
    }
    Some(pairs)
}

/// The words of a response (RFC 9051 §9), lenient where servers are.
#[derive(Clone, Debug)]
struct Words<'a>(&'a [u8]);

impl<'a> Words<'a> {
    /// These bytes.
    fn literally(&mut self, text: &[u8]) -> Option<()> {
        self.0 = self.0.strip_prefix(text)?;
        Some(())
    }

    /// As [`Self::literally`], as a question.
    fn takes(&mut self, text: &[u8]) -> bool {
        self.literally(text).is_some()
    }

    /// One space or more.
    fn space(&mut self) -> Option<()> {
        self.literally(b" ")?;
        while self.takes(b" ") {}
        Some(())
    }

    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(head)
    }

    /// Everything up to a space, a parenthesis, a quote, or the end.
    fn atom(&mut self) -> Option<&'a str> {
        let len = self.0.iter().take_while(|b| !matches!(b, b' ' | b'(' | b')' | b'"' | b'\r' | b'\n')).count();
        std::str::from_utf8(self.take(len)?).ok().filter(|atom| !atom.is_empty())
    }

    fn number<N: std::str::FromStr>(&mut self) -> Option<N> {
        self.atom()?.parse().ok()
    }

    /// A quoted string or a literal.
    fn string(&mut self) -> Option<String> {
        if self.takes(b"\"") {
            let mut text = Vec::new();
            loop {
                match self.take(1)? {
                    b"\"" => break,
                    b"\\" => text.extend_from_slice(self.take(1)?),
                    b"\r" | b"\n" => return None,
                    byte => text.extend_from_slice(byte),
                }
            }
            return Some(String::from_utf8_lossy(&text).into_owned());
        }
        let rest = self.0.strip_prefix(b"{")?;
        let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
        let (digits, rest) = rest.split_at_checked(digits)?;
        let size: usize = std::str::from_utf8(digits).ok()?.parse().ok()?;
        self.0 = rest.strip_prefix(b"}\r\n")?;
        self.take(size).map(|text| String::from_utf8_lossy(text).into_owned())
    }

    fn astring(&mut self) -> Option<String> {
        match self.0.first()? {
            b'"' | b'{' => self.string(),
            _ => self.atom().map(str::to_owned),
        }
    }

    /// A string or NIL.
    fn nstring(&mut self) -> Option<Option<String>> {
        match self.0.first()? {
            b'"' | b'{' => self.string().map(Some),
            _ => self.atom().filter(|atom| atom.eq_ignore_ascii_case("NIL")).map(|_| None),
        }
    }

    /// Passes over one value of any kind: an atom, a string, or parentheses with whatever is in them.
    fn skip(&mut self) -> Option<()> {
        let mut depth = 0_u32;
        loop {
            match self.0.first()? {
                b'(' => {
                    self.take(1)?;
                    depth = depth.saturating_add(1);
                }
                b')' if depth > 0 => {
                    self.take(1)?;
                    depth -= 1;
                }
                b' ' if depth > 0 => self.space()?,
                b'"' | b'{' => drop(self.string()?),
                _ => drop(self.atom()?),
            }
            if depth == 0 {
                return Some(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Esearch, Listed, Namespace, Status, UidSet, Unread, Untagged, read};

    #[track_caller]
    fn check(line: &str, expected: Option<Untagged>) {
        assert_eq!(read(format!("{line}\r\n").as_bytes()), expected, "{line}");
    }

    fn listed(attributes: &[&str], delimiter: Option<char>, name: &str, old: Option<&str>) -> Option<Untagged> {
        Some(Untagged::List(Listed {
            attributes: attributes.iter().map(|&a| a.to_owned()).collect(),
            delimiter,
            name: name.to_owned(),
            old_name: old.map(str::to_owned),
        }))
    }

    #[test]
    fn lists() {
        check("* LIST () NIL a", listed(&[], None, "a", None));
        check("* LSUB () \"\\\\\" INBOX", listed(&[], Some('\\'), "INBOX", None));
        check(
            "* LIST (\\HasNoChildren \\Sent) \"/\" \"a \\\"b\"",
            listed(&["\\hasnochildren", "\\sent"], Some('/'), "a \"b", None),
        );
        check("* LIST ( \\Sent ) \".\" {4}\r\na\r\nb", listed(&["\\sent"], Some('.'), "a\r\nb", None));
        check("* LIST () \"/\" a (\"CHILDINFO\" (\"SUBSCRIBED\"))", listed(&[], Some('/'), "a", None));
        check("* LIST () \"/\" new (\"OLDNAME\" (\"old\"))", listed(&[], Some('/'), "new", Some("old")));
        check("* LIST () \"/\" new (X (a (b)) OLDNAME ({3}\r\nol( Y", listed(&[], Some('/'), "new", None));
        check("* LIST () \"/\" Sent Items ", listed(&[], Some('/'), "Sent Items", None));
        check("* LIST () \"/\" Closed (2024)", listed(&[], Some('/'), "Closed (2024)", None));
        check("* LIST () \"/\" Closed(2024)", listed(&[], Some('/'), "Closed(2024)", None));
        check("* LIST () \"/\" \"Sent\" x", listed(&[], Some('/'), "Sent", None));
        check("* LIST () \"/\"", Some(Untagged::Unread(Unread::List)));
        check("* LIST (\\A \"/\" x", Some(Untagged::Unread(Unread::List)));
        check("* LIST () \"/\" {9}\r\nabc", Some(Untagged::Unread(Unread::List)));
    }

    #[test]
    fn counts() {
        let status = Status { name: "a b".to_owned(), messages: Some(5), uid_next: Some(9), ..Status::default() };
        check("* STATUS \"a b\" (MESSAGES 5 SIZE 70000000000 UIDNEXT 9)", Some(Untagged::Status(status)));
        let status = Status {
            name: "x".to_owned(),
            uid_validity: Some(3),
            highest_modseq: Some(7_011_231_777),
            mailbox_id: Some("F2212ea87-6097".to_owned()),
            ..Status::default()
        };
        check(
            "* STATUS x (UIDVALIDITY 3 MAILBOXID (F2212ea87-6097) APPENDLIMIT NIL HIGHESTMODSEQ 7011231777) ",
            Some(Untagged::Status(status)),
        );
        check("* STATUS x ()", Some(Untagged::Status(Status { name: "x".to_owned(), ..Status::default() })));
        // Out of range, or no number: as if it had not been said.
        let bad = Some(Untagged::Status(Status { name: "x".to_owned(), ..Status::default() }));
        check("* STATUS x (MESSAGES 99999999999 UIDNEXT x)", bad);
        check("* STATUS x (MESSAGES", Some(Untagged::Unread(Unread::Status)));
        check("* STATUS Sent Items (MESSAGES 3 UIDNEXT 4)", Some(Untagged::Unread(Unread::Status)));
    }

    #[test]
    fn sets() {
        check("* SEARCH", Some(Untagged::Search(vec![])));
        check("* SEARCH 2 84 882 ", Some(Untagged::Search(vec![2, 84, 882])));
        check("* SEARCH 2 5 (MODSEQ 917162500)", Some(Untagged::Search(vec![2, 5])));
        check("* SEARCH 2 x", None);
        let uids: UidSet = [1, 2, 3, 9].into_iter().collect();
        let all = Esearch { tag: Some("c5".to_owned()), uid: true, all: uids.clone(), count: Some(4), cut: false };
        check(
            "* ESEARCH (TAG \"c5\") UID MIN 1 COUNT 4 ALL 9,3:1 MODSEQ 12 X-NEW (a (b))",
            Some(Untagged::Esearch(all)),
        );
        check("* ESEARCH (TAG \"c5\") UID", {
            Some(Untagged::Esearch(Esearch { tag: Some("c5".to_owned()), uid: true, ..Esearch::default() }))
        });
        check("* VANISHED (EARLIER) 1:3,9", Some(Untagged::Vanished { earlier: true, uids: uids.clone(), cut: false }));
        check("* VANISHED 1:3,9", Some(Untagged::Vanished { earlier: false, uids, cut: false }));
        check("* VANISHED (LATER) 1", None);
        check("* VANISHED 1:*", None);
        check("* 5 RECENT", Some(Untagged::Recent));
        check("* 5 EXISTS", None);
        check("* 5 FETCH NIL", Some(Untagged::Other));
        check("* FLAGS (\\Seen  \u{e9})", Some(Untagged::Other));
        check("* X-WHATEVER", Some(Untagged::Other));
    }

    #[test]
    fn a_million_numbers_take_no_time() {
        let line = format!("* SEARCH{}\r\n", " 4000000000".repeat(90_000));
        let Some(Untagged::Search(found)) = read(line.as_bytes()) else { panic!("it is not read") };
        assert_eq!(found.len(), 90_000);
        let every_other: Vec<String> = (0..150_000_u32).rev().map(|n| (n * 2 + 1).to_string()).collect();
        let line = format!("* VANISHED (EARLIER) {}\r\n", every_other.join(","));
        let Some(Untagged::Vanished { uids, cut, .. }) = read(line.as_bytes()) else { panic!("it is not read") };
        assert_eq!((uids.len(), cut), (100_000, true));
    }

    #[test]
    fn names() {
        let namespace =
            |prefix: &str, delimiter| Some(Untagged::Namespace(Namespace { prefix: prefix.to_owned(), delimiter }));
        check("* NAMESPACE ((\"\" \"/\")) NIL NIL", namespace("", Some('/')));
        check("* NAMESPACE ((\"INBOX.\" \".\")) ((\"user.\" \".\")) ((\"\" \".\"))", namespace("INBOX.", Some('.')));
        check("* NAMESPACE ((\"\" NIL \"X-PARAM\" (\"a\"))(\"#mh/\" \"/\")) NIL NIL", namespace("", None));
        check("* NAMESPACE NIL NIL ((\"\" \".\"))", namespace("", None));
        check("* NAMESPACE", Some(Untagged::Unread(Unread::Server)));
        let pairs = vec![("name".to_owned(), "Dovecot".to_owned())];
        check("* ID (\"Name\" \"Dovecot\" \"os\" NIL)", Some(Untagged::Id(pairs)));
        check("* ID NIL", Some(Untagged::Id(vec![])));
        check("* ID (\"name\"", Some(Untagged::Unread(Unread::Server)));
    }

    proptest::proptest! {
        #[test]
        fn nothing_makes_it_panic(line in "\\* (LIST|STATUS|ESEARCH|SEARCH|VANISHED|NAMESPACE|ID|5)[ ()\"{}0-9a-zA-Z,:*\\\\\r\n-]{0,40}\r\n") {
            let _ = read(line.as_bytes());
        }
    }
}
