//! Commands as typed values. The bytes of a command come from here only: a line break in a mailbox name or a search text can never
//! become a command of its own.

use super::error::Error;
use super::uid_set::UidSet;
use crate::store::flags::Flags;
use crate::store::mailbox::SpecialUse;

/// The header fields that a list of messages, its threads and its cases need.
const LIST_FIELDS: &str = "FROM SENDER REPLY-TO TO CC SUBJECT DATE MESSAGE-ID REFERENCES IN-REPLY-TO CONTENT-TYPE \
     AUTHENTICATION-RESULTS RECEIVED-SPF AUTO-SUBMITTED LIST-ID";

/// One command, without tag and CRLF.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Command(String);

/// How a mailbox is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opening {
    /// RFC 9051 §6.3.2.
    Plain,
    /// RFC 7162 §3.1.8.
    Condstore,
    /// RFC 7162 §3.2.5: with the UIDVALIDITY and the modification sequence that we know.
    Qresync(u32, u64),
}

/// What to fetch of messages. Never ENVELOPE, BODY or BODYSTRUCTURE: the byte guard refuses what they bring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Items {
    /// Flags only.
    Flags,
    /// Flags and size.
    Sizes,
    /// Flags, date and size.
    Dated,
    /// Flags, date, size and the fields for a list.
    Header,
    /// Flags, date, size and all of it.
    Whole,
    /// As `Whole`, without the date, for a message whose date cannot be read.
    WholeDateless,
    /// As `Header`, without the date.
    HeaderDateless,
}

impl Items {
    fn text(self) -> String {
        let fields = format!("BODY.PEEK[HEADER.FIELDS ({LIST_FIELDS})]");
        match self {
            Self::Flags => "(UID FLAGS)".to_owned(),
            Self::Sizes => "(UID FLAGS RFC822.SIZE)".to_owned(),
            Self::Dated => "(UID FLAGS INTERNALDATE RFC822.SIZE)".to_owned(),
            Self::Header => format!("(UID FLAGS INTERNALDATE RFC822.SIZE {fields})"),
            Self::HeaderDateless => format!("(UID FLAGS RFC822.SIZE {fields})"),
            Self::Whole => "(UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])".to_owned(),
            Self::WholeDateless => "(UID FLAGS RFC822.SIZE BODY.PEEK[])".to_owned(),
        }
    }
}

impl Command {
    /// A command without arguments.
    pub(super) fn plain(text: &'static str) -> Self {
        Self(text.to_owned())
    }

    pub(super) fn text(&self) -> &str {
        &self.0
    }

    pub(super) fn select(mailbox: &str, opening: Opening) -> Result<Self, Error> {
        let name = mailbox_name(mailbox)?;
        Ok(Self(match opening {
            Opening::Plain => format!("SELECT {name}"),
            Opening::Condstore => format!("SELECT {name} (CONDSTORE)"),
            Opening::Qresync(uid_validity, modseq) => format!("SELECT {name} (QRESYNC ({uid_validity} {modseq}))"),
        }))
    }

    pub(super) fn uid_fetch(uids: &UidSet, items: Items) -> Self {
        Self(format!("UID FETCH {uids} {}", items.text()))
    }

    /// From a UID to the end. `n:*` always includes the last message, even below `n`: the answer has to be looked through.
    pub(super) fn uid_fetch_from(first: u32, items: Items) -> Self {
        Self(format!("UID FETCH {first}:* {}", items.text()))
    }

    /// Flags that changed since a modification sequence (RFC 7162 §3.1.4.1).
    pub(super) fn uid_fetch_changed(last: u32, since: u64) -> Self {
        Self(format!("UID FETCH 1:{last} (UID FLAGS) (CHANGEDSINCE {since})"))
    }

    /// By sequence numbers, which never leave this room: the answer is taken by its UIDs.
    /// Without a last one: to the end, whatever has come since.
    pub(super) fn fetch(first: u32, last: Option<u32>, items: Items) -> Self {
        let last = last.map_or_else(|| "*".to_owned(), |last| last.to_string());
        Self(format!("FETCH {first}:{last} {}", items.text()))
    }

    /// A part of a message.
    pub(super) fn uid_fetch_part(uid: u32, from: u64, bytes: u64) -> Self {
        Self(format!("UID FETCH {uid} (UID BODY.PEEK[]<{from}.{bytes}>)"))
    }

    /// `+FLAGS` or `-FLAGS` (RFC 9051 §6.4.6), conditional where asked (RFC 7162 §3.1.3).
    pub(super) fn uid_store(
        uids: &UidSet,
        add: bool,
        flags: &Flags,
        unchanged_since: Option<u64>,
    ) -> Result<Self, Error> {
        let condition = unchanged_since.map(|modseq| format!("(UNCHANGEDSINCE {modseq}) ")).unwrap_or_default();
        let sign = if add { '+' } else { '-' };
        Ok(Self(format!("UID STORE {uids} {condition}{sign}FLAGS ({})", flag_names(flags)?)))
    }

    /// Everything of APPEND up to the literal; `at_once`: a literal that the server need not ask for (RFC 7888).
    pub(super) fn append(
        mailbox: &str,
        flags: &Flags,
        date: Option<i64>,
        bytes: usize,
        at_once: bool,
    ) -> Result<Self, Error> {
        let date = date
            .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok())
            .map(|at| format!("\"{}\" ", at.strftime("%d-%b-%Y %H:%M:%S +0000")))
            .unwrap_or_default();
        let plus = if at_once { "+" } else { "" };
        Ok(Self(format!("APPEND {} ({}) {date}{{{bytes}{plus}}}", mailbox_name(mailbox)?, flag_names(flags)?)))
    }

    /// All mailboxes, with what is to be said of them (RFC 5258 §3.2; none of it where that is empty).
    pub(super) fn list(options: &[String]) -> Self {
        let options = options.join(" ");
        let options = if options.is_empty() { options } else { format!(" RETURN ({options})") };
        Self(format!("LIST \"\" \"*\"{options}"))
    }

    pub(super) fn status(mailbox: &str, items: &str) -> Result<Self, Error> {
        Ok(Self(format!("STATUS {} ({items})", mailbox_name(mailbox)?)))
    }

    /// CREATE, with what the mailbox is for where that is given (RFC 6154 §3).
    pub(super) fn create(mailbox: &str, special_use: Option<SpecialUse>) -> Result<Self, Error> {
        let attribute = special_use.and_then(|special_use| {
            Some(match special_use {
                SpecialUse::Inbox => return None,
                SpecialUse::All => "\\All",
                SpecialUse::Archive => "\\Archive",
                SpecialUse::Drafts => "\\Drafts",
                SpecialUse::Flagged => "\\Flagged",
                SpecialUse::Junk => "\\Junk",
                SpecialUse::Sent => "\\Sent",
                SpecialUse::Trash => "\\Trash",
            })
        });
        let used = attribute.map(|attribute| format!(" (USE ({attribute}))")).unwrap_or_default();
        Ok(Self(format!("CREATE {}{used}", mailbox_name(mailbox)?)))
    }

    pub(super) fn uid_copy(uids: &UidSet, mailbox: &str) -> Result<Self, Error> {
        Ok(Self(format!("UID COPY {uids} {}", mailbox_name(mailbox)?)))
    }

    /// RFC 6851 §3.2.
    pub(super) fn uid_move(uids: &UidSet, mailbox: &str) -> Result<Self, Error> {
        Ok(Self(format!("UID MOVE {uids} {}", mailbox_name(mailbox)?)))
    }

    /// RFC 4315 §2.1. The bare EXPUNGE has no function here: it takes what others have marked.
    pub(super) fn uid_expunge(uids: &UidSet) -> Self {
        Self(format!("UID EXPUNGE {uids}"))
    }

    pub(super) fn subscribe(mailbox: &str) -> Result<Self, Error> {
        Ok(Self(format!("SUBSCRIBE {}", mailbox_name(mailbox)?)))
    }

    pub(super) fn find(message_id: &str) -> Result<Self, Error> {
        Ok(Self(format!("UID SEARCH HEADER Message-ID {}", quoted("a Message-ID", message_id)?)))
    }

    pub(super) fn login(user: &str, password: &str) -> Result<zeroize::Zeroizing<String>, Error> {
        let user = quoted("the user name", user)?;
        let password = zeroize::Zeroizing::new(quoted("the password", password)?);
        Ok(zeroize::Zeroizing::new(format!("LOGIN {user} {}", password.as_str())))
    }
}

/// A mailbox name as it goes over the wire (see [`super::name`]). Of those that we write all is ASCII; one that a server itself lists in UTF-8, as UW imapd and
/// GNU Mailutils do with what a file is called, is given back as it is.
fn mailbox_name(wire: &str) -> Result<String, Error> {
    quoted_in("this mailbox name", wire, |c| !c.is_ascii() && !c.is_control())
}

/// A quoted string (RFC 9051 §9 `quoted`): printable ASCII only.
fn quoted(what: &str, text: &str) -> Result<String, Error> {
    quoted_in(what, text, |_| false)
}

/// As [`quoted`], with other letters than those of ASCII where they may be.
fn quoted_in(what: &str, text: &str, may_be: impl Fn(char) -> bool) -> Result<String, Error> {
    if text.len() > 4_000 {
        return Err(Error::Unsendable { what: what.to_owned(), why: "it is too long".to_owned() });
    }
    let mut out = String::with_capacity(text.len().saturating_add(2));
    out.push('"');
    for c in text.chars() {
        if !matches!(c, ' '..='~') && !may_be(c) {
            let why = if c.is_control() { "it holds a control character" } else { "it is not ASCII" };
            return Err(Error::Unsendable { what: what.to_owned(), why: why.to_owned() });
        }
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
    Ok(out)
}

/// Flags as a list; keywords must be atoms.
fn flag_names(flags: &Flags) -> Result<String, Error> {
    let mut names = Vec::new();
    for name in flags.names() {
        let atom = name.strip_prefix('\\').unwrap_or(name);
        let fits = !atom.is_empty()
            && atom
                .bytes()
                .all(|b| b.is_ascii_graphic() && !matches!(b, b'(' | b')' | b'{' | b'%' | b'*' | b'"' | b'\\' | b']'));
        if !fits {
            return Err(Error::Unsendable {
                what: "a keyword".to_owned(),
                why: "it is no word of plain ASCII".to_owned(),
            });
        }
        names.push(name);
    }
    Ok(names.join(" "))
}

#[cfg(test)]
mod tests {
    use super::{Command, Items, Opening, UidSet};
    use crate::store::flags::Flags;

    #[track_caller]
    fn check(command: Result<Command, super::Error>, expected: &str) {
        assert_eq!(command.unwrap().text(), expected);
    }

    #[test]
    fn texts() {
        check(Command::select("a \"b\\", Opening::Plain), "SELECT \"a \\\"b\\\\\"");
        check(Command::select("INBOX", Opening::Qresync(7, 99)), r#"SELECT "INBOX" (QRESYNC (7 99))"#);
        check(Command::select("Entw\u{fc}rfe", Opening::Plain), "SELECT \"Entw\u{fc}rfe\"");
        check(Command::select("a&-b", Opening::Condstore), r#"SELECT "a&-b" (CONDSTORE)"#);
        let uids: UidSet = [1, 2, 9].into_iter().collect();
        check(Ok(Command::uid_fetch(&uids, Items::Flags)), "UID FETCH 1:2,9 (UID FLAGS)");
        let flags = Flags::new(Flags::SEEN, vec!["$Junk".to_owned()]);
        check(
            Command::uid_store(&uids, true, &flags, Some(5)),
            "UID STORE 1:2,9 (UNCHANGEDSINCE 5) +FLAGS (\\Seen $Junk)",
        );
        check(
            Command::append("Sent", &flags, Some(0), 12, false),
            "APPEND \"Sent\" (\\Seen $Junk) \"01-Jan-1970 00:00:00 +0000\" {12}",
        );
        check(Command::uid_move(&uids, "Archive"), "UID MOVE 1:2,9 \"Archive\"");
        check(Command::uid_copy(&uids, "Archive"), "UID COPY 1:2,9 \"Archive\"");
        check(Ok(Command::uid_expunge(&uids)), "UID EXPUNGE 1:2,9");
        check(Command::create("Sent", None), "CREATE \"Sent\"");
        check(Command::create("Sent", Some(crate::store::mailbox::SpecialUse::Sent)), "CREATE \"Sent\" (USE (\\Sent))");
        check(Command::append("x", &Flags::default(), None, 5, true), "APPEND \"x\" () {5+}");
        check(Command::find("<a\"b@example.org>"), r#"UID SEARCH HEADER Message-ID "<a\"b@example.org>""#);
    }

    #[test]
    fn what_could_become_a_command_is_refused() {
        for text in ["a\r\nx LOGOUT", "a\nb", "a\0b", "a\u{7f}b", "a\u{e9}"] {
            assert!(Command::find(text).is_err(), "{text:?}");
        }
        for name in ["a\r\nx LOGOUT", "a\u{85}b", "a\0"] {
            assert!(Command::select(name, Opening::Plain).is_err(), "{name:?}");
        }
        for keyword in ["a b", "a\r\n", "(", "", "a\"", "\u{e9}"] {
            let flags = Flags::new(0, vec![keyword.to_owned()]);
            assert!(Command::append("x", &flags, None, 1, true).is_err(), "{keyword:?}");
        }
        assert!(Command::find(&"x".repeat(5_000)).is_err());
    }
}
