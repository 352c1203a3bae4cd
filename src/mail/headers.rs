//! The header section of a message or of a part (RFC 5322 §2.2, §3.6): fields in order, as transmitted, read leniently.
//!
//! Nothing is decoded before it is asked for, nothing is copied: a header section of 64 MB costs its scan. A field that occurs several times
//! is never silently reduced to one: [`Headers::from`] gives the addresses of every From field.

use std::ops::Range;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil;
use jiff::fmt::rfc2822;
use jiff::tz::Offset;
use mail_parser::parsers::MessageStream;
use mail_parser::{ContentType, HeaderValue};

use super::address::Address;
use super::{charset, encoded_word};

/// Fields that are kept; further ones are passed over.
const FIELDS_MAX: usize = 100_000;
/// Bytes of an unstructured field that are decoded. RFC 5322 §2.1.1 allows 998 a line; nobody reads more than this.
const TEXT_MAX: usize = 16 * 1024;
/// Bytes of a Content-Type or Content-Disposition field that are parsed: the library merges continuations in quadratic time.
const STRUCTURED_MAX: usize = 32 * 1024;
/// Message-IDs of one field that are kept: the first, and the newest of the others.
const IDS_MAX: usize = 1000;
/// Bytes of a Message-ID; a longer one is none.
const ID_MAX: usize = 996;

/// RFC 5322 §3.3 knows no earlier year.
const YEAR_1900: i64 = -2_208_988_800;

/// The fields of a header section, in order and as transmitted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers {
    raw: Arc<[u8]>,
    range: Range<usize>,
    fields: Vec<Field>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Field {
    name: Range<usize>,
    /// From behind the colon to before the final line break.
    value: Range<usize>,
}

/// What scanning a header section found besides the fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scan {
    /// Where the body begins: behind the empty line.
    pub(crate) body: usize,
    /// There were lines that are no fields.
    pub(crate) rubbish: bool,
    /// There were more fields than are kept.
    pub(crate) too_many: bool,
    /// There was no empty line.
    pub(crate) unended: bool,
}

impl Headers {
    /// Reads a header section that stands alone, for instance what IMAP's `BODY[HEADER]` returns.
    #[must_use]
    pub fn parse(raw: impl Into<Arc<[u8]>>) -> Self {
        let raw = raw.into();
        Self::scan(&raw, 0, |_| false).0
    }

    /// Reads the header section that begins at `start`, up to an empty line or a line that `stop` knows (the delimiter of a multipart).
    pub(crate) fn scan(raw: &Arc<[u8]>, start: usize, stop: impl Fn(&[u8]) -> bool) -> (Self, Scan) {
        let mut fields: Vec<Field> = Vec::new();
        let mut scan = Scan { body: raw.len(), unended: true, ..Scan::default() };
        let mut end = raw.len();
        // The field that a folded line continues: none after rubbish.
        let mut open = false;
        let mut at = start;
        while let Some(rest) = raw.get(at..).filter(|rest| !rest.is_empty()) {
            let length = memchr::memchr(b'\n', rest).map_or(rest.len(), |found| found + 1);
            let whole = rest.get(..length).unwrap_or(rest);
            let line = trim_line_end(whole);
            let next = at + length;
            if line.is_empty() {
                scan = Scan { body: next, unended: false, ..scan };
                end = at;
                break;
            }
            if line.starts_with(b"--") && stop(line) {
                scan = Scan { body: at, ..scan };
                end = at;
                break;
            }
            if matches!(line.first(), Some(b' ' | b'\t')) {
                match fields.last_mut().filter(|_| open) {
                    Some(field) => field.value.end = at + line.len(),
                    None => scan.rubbish |= !line.trim_ascii().is_empty() && fields.len() < FIELDS_MAX,
                }
            } else if let Some(name) = field_name(line) {
                let field = Field { name: at..at + name, value: at + colon(line) + 1..at + line.len() };
                open = fields.len() < FIELDS_MAX;
                scan.too_many |= !open;
                if open {
                    fields.push(field);
                }
            } else {
                (scan.rubbish, open) = (true, false);
            }
            at = next;
        }
        (Self { raw: Arc::clone(raw), range: start..end, fields }, scan)
    }

    /// All fields in order: name as written, and raw value (folds kept, without the final line break).
    pub fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.fields.iter().filter_map(|field| {
            let name = std::str::from_utf8(self.raw.get(field.name.clone())?).ok()?;
            Some((name, self.raw.get(field.value.clone())?))
        })
    }

    /// The header section as transmitted, without the empty line.
    #[must_use]
    pub fn raw(&self) -> &[u8] {
        self.raw.get(self.range.clone()).unwrap_or_default()
    }

    fn raw_values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        // By octets: a name is ASCII, and this is asked for each field of each message that comes.
        self.fields.iter().filter_map(move |field| {
            let found = self.raw.get(field.name.clone())?;
            if found.eq_ignore_ascii_case(name.as_bytes()) { self.raw.get(field.value.clone()) } else { None }
        })
    }

    /// Values of the fields of this name (case ignored), unfolded, not decoded.
    #[must_use]
    pub fn get_all(&self, name: &str) -> Vec<String> {
        self.raw_values(name).map(unfold).collect()
    }

    /// The first of [`Self::get_all`].
    #[must_use]
    pub fn get(&self, name: &str) -> Option<String> {
        self.raw_values(name).next().map(unfold)
    }

    /// How many fields there are of this name.
    #[must_use]
    pub fn count(&self, name: &str) -> usize {
        self.raw_values(name).count()
    }

    /// The value of the first field of this name as text, decoded (RFC 2047).
    #[must_use]
    pub fn text(&self, name: &str) -> Option<String> {
        self.raw_values(name).next().map(|value| {
            let value = value.get(..value.len().min(TEXT_MAX)).unwrap_or(value);
            encoded_word::decode(&unfold(value)).trim().to_owned()
        })
    }

    /// The subject, decoded (RFC 2047); empty where there is none.
    #[must_use]
    pub fn subject(&self) -> String {
        self.text("Subject").unwrap_or_default()
    }

    /// Every address of every From field: an honest message has one.
    #[must_use]
    pub fn from(&self) -> Vec<Address> {
        self.addresses("From")
    }

    /// RFC 5322 §3.6.2.
    #[must_use]
    pub fn sender(&self) -> Vec<Address> {
        self.addresses("Sender")
    }

    /// RFC 5322 §3.6.2.
    #[must_use]
    pub fn reply_to(&self) -> Vec<Address> {
        self.addresses("Reply-To")
    }

    /// RFC 5322 §3.6.3.
    #[must_use]
    pub fn to(&self) -> Vec<Address> {
        self.addresses("To")
    }

    /// RFC 5322 §3.6.3.
    #[must_use]
    pub fn cc(&self) -> Vec<Address> {
        self.addresses("Cc")
    }

    /// RFC 5322 §3.6.3.
    #[must_use]
    pub fn bcc(&self) -> Vec<Address> {
        self.addresses("Bcc")
    }

    /// The addresses of all fields of a name, groups flattened.
    #[must_use]
    pub fn addresses(&self, name: &str) -> Vec<Address> {
        self.raw_values(name).flat_map(|value| Address::read_field(&unfold(value))).collect()
    }

    /// The first Date field, where it can be read.
    #[must_use]
    pub fn date(&self) -> Option<Timestamp> {
        self.raw_values("Date").next().and_then(read_date)
    }

    /// The Message-ID without angle brackets.
    #[must_use]
    pub fn message_id(&self) -> Option<String> {
        self.raw_values("Message-ID").find_map(|value| {
            let value = unfold(value);
            // An id without an @, or without brackets, is used by some machine, and answered by others.
            read_ids(&value).into_iter().next().or_else(|| {
                let bare = value.trim().trim_matches(['<', '>']);
                (!bare.is_empty() && bare.len() <= ID_MAX && !bare.contains(char::is_whitespace))
                    .then(|| bare.to_owned())
            })
        })
    }

    /// Message-IDs without angle brackets.
    #[must_use]
    pub fn in_reply_to(&self) -> Vec<String> {
        self.ids("In-Reply-To")
    }

    /// Message-IDs without angle brackets, oldest first.
    #[must_use]
    pub fn references(&self) -> Vec<String> {
        self.ids("References")
    }

    fn ids(&self, name: &str) -> Vec<String> {
        let mut ids: Vec<String> = self.raw_values(name).flat_map(|value| read_ids(&unfold(value))).collect();
        if ids.len() > IDS_MAX {
            // RFC 5256 §3 begins with the first and ends with the last: those between are the ones to miss.
            ids.drain(1..=ids.len() - IDS_MAX);
        }
        ids
    }

    /// Content-Type or Content-Disposition: value in lower-case, parameters with names in lower-case and decoded values (RFC 2231).
    pub(crate) fn structured(&self, name: &str) -> Option<Structured> {
        let value = self.raw_values(name).next()?;
        // A file name is often sent as it is, in whatever charset the sender's machine has.
        let text = charset::decode(value.get(..value.len().min(STRUCTURED_MAX)).unwrap_or(value), None).0;
        let line = format!("{}\n", text.trim_end());
        let HeaderValue::ContentType(ContentType { c_type, c_subtype, attributes }) =
            MessageStream::new(line.as_bytes()).parse_content_type()
        else {
            return None;
        };
        let params = attributes.unwrap_or_default();
        Some(Structured {
            kind: c_type.to_ascii_lowercase(),
            subtype: c_subtype.map(|subtype| subtype.to_ascii_lowercase()),
            params: params
                .into_iter()
                .map(|param| (param.name.to_ascii_lowercase(), param.value.into_owned()))
                .collect(),
        })
    }
}

/// A parsed Content-Type or Content-Disposition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Structured {
    pub(crate) kind: String,
    pub(crate) subtype: Option<String>,
    pub(crate) params: Vec<(String, String)>,
}

/// Without the line break at its end.
pub(crate) fn trim_line_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn colon(line: &[u8]) -> usize {
    memchr::memchr(b':', line).unwrap_or(line.len())
}

/// Length of the name of a field; [`None`] for a line that is no field. White space before the colon is obsolete (RFC 5322 §4.5) and met.
fn field_name(line: &[u8]) -> Option<usize> {
    let name = line.get(..memchr::memchr(b':', line.get(..line.len().min(1000))?)?)?.trim_ascii_end();
    (!name.is_empty() && name.iter().all(u8::is_ascii_graphic)).then_some(name.len())
}

/// Folds undone (RFC 5322 §2.2.3); bytes to text, UTF-8 where it is (RFC 6532), else Windows-1252.
fn unfold(value: &[u8]) -> String {
    let text = charset::decode(value, None).0;
    let Some(first) = memchr::memchr2(b'\r', b'\n', text.as_bytes()) else { return trimmed(text) };
    let mut whole = String::with_capacity(text.len());
    let (begin, folded) = text.split_at(first);
    whole.push_str(begin);
    folded.split(['\r', '\n']).for_each(|piece| whole.push_str(piece));
    trimmed(whole)
}

/// The text without white space at its ends; the same one where there is none.
fn trimmed(text: String) -> String {
    let trimmed = text.trim();
    if trimmed.len() == text.len() { text } else { trimmed.to_owned() }
}

/// Message-IDs in a field (RFC 5322 §3.6.4), leniently: what stands in angle brackets; where nothing does, the words with an `@`.
/// Comments and the obsolete phrases ("Your message of Monday") are passed over.
fn read_ids(value: &str) -> Vec<String> {
    let mut ids = Vec::new();
    let mut rest = value;
    while let Some((_, after)) = rest.split_once('<') {
        let Some((id, behind)) = after.split_once('>') else { break };
        // `<<a@b>` and `<a <b@c>`: the last bracket opens.
        let id = id.rsplit('<').next().unwrap_or(id);
        let id: String = id.chars().filter(|c| !c.is_whitespace()).collect();
        if !id.is_empty() && id.len() <= ID_MAX {
            ids.push(id);
        }
        rest = behind;
    }
    if ids.is_empty() {
        let word = |word: &&str| word.contains('@') && word.len() <= ID_MAX && !word.starts_with('(');
        let words = value.split([' ', '\t', ',', ';']).map(|word| word.trim_matches(['<', '>', '"']));
        ids.extend(words.filter(word).map(str::to_owned));
    }
    ids
}

/// A date (RFC 5322 §3.3, §4.3), leniently, but only one that exists.
fn read_date(value: &[u8]) -> Option<Timestamp> {
    let mut line = value.get(..value.len().min(256))?.to_vec();
    let strict = rfc2822::DateTimeParser::new().relaxed_weekday(true).parse_timestamp(line.trim_ascii());
    if let Some(timestamp) = strict.ok().filter(|timestamp| timestamp.as_second() >= YEAR_1900) {
        return Some(timestamp);
    }
    line.push(b'\n');
    let HeaderValue::DateTime(date) = MessageStream::new(&line).parse_date() else { return None };
    let part = |number: u8| i8::try_from(number).ok();
    // A leap second is shown as the one before it.
    let second = part(date.second.min(59))?;
    let year = i16::try_from(date.year).ok().filter(|year| *year >= 1900)?;
    let local =
        civil::DateTime::new(year, part(date.month)?, part(date.day)?, part(date.hour)?, part(date.minute)?, second, 0)
            .ok()?;
    let east = i32::from(date.tz_hour) * 3600 + i32::from(date.tz_minute) * 60;
    let offset = Offset::from_seconds(if date.tz_before_gmt { -east } else { east }).ok()?;
    offset.to_timestamp(local).ok()
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use proptest::prelude::{any, proptest};

    use super::Headers;

    fn headers(text: &str) -> Headers {
        Headers::parse(text.as_bytes().to_vec())
    }

    #[test]
    fn fields_come_in_order_and_as_transmitted() {
        let found = headers("A: one\r\n two\r\nb : three\r\nrubbish\r\n continued\r\nA:four\r\n\r\nC: body\r\n");
        let fields: Vec<_> =
            found.fields().map(|(name, value)| (name, String::from_utf8_lossy(value).into_owned())).collect();
        let expected = [("A", " one\r\n two"), ("b", " three"), ("A", "four")];
        assert_eq!(fields, expected.map(|(name, value)| (name, value.to_owned())));
        assert_eq!(found.get_all("a"), ["one two", "four"]);
        assert_eq!((found.get("B").as_deref(), found.count("A"), found.get("C")), (Some("three"), 2, None));
    }

    #[test]
    fn subjects_are_decoded() {
        let check = |field: &str, expected: &str| {
            assert_eq!(headers(&format!("Subject:{field}\r\n\r\n")).subject(), expected, "{field:?}");
        };
        check(" R v FERRET", "R v FERRET");
        check(" R v\r\n FERRET", "R v FERRET");
        check(" =?utf-8?Q?R_v_?=\r\n =?utf-8?Q?F=C3=8BRRET?=", "R v FËRRET");
        check(" gnöme", "gnöme");
        check("", "");
        check(" a\rb", "ab");
        assert_eq!(Headers::parse(&b"Subject: gn\xf6me\n\n"[..]).subject(), "gnöme");
        assert_eq!(headers("X: y\n").subject(), "");
    }

    #[test]
    fn every_from_is_given() {
        let found = headers("From: a@x.example\nFrom: B <b@x.example>,\n c@x.example\n\n").from();
        assert_eq!(
            found.iter().map(|from| from.addr.as_str()).collect::<Vec<_>>(),
            ["a@x.example", "b@x.example", "c@x.example"]
        );
    }

    #[test]
    fn dates_are_read_if_they_exist() {
        let check = |field: &str, expected: Option<&str>| {
            let found = headers(&format!("Date: {field}\r\n\r\n")).date().map(|date| date.to_string());
            assert_eq!(found.as_deref(), expected, "{field:?}");
        };
        check("Mon, 2 Mar 2026 14:52:00 +0000", Some("2026-03-02T14:52:00Z"));
        check("Mon, 2 Mar 2026 14:52:00 +0100 (BST)", Some("2026-03-02T13:52:00Z"));
        check("2 Mar 26 14:52 GMT", Some("2026-03-02T14:52:00Z"));
        check("Mon, 2 Mar 2026 14:52:00 -0000", Some("2026-03-02T14:52:00Z"));
        check("Mon, 2 Mar 2026 14:52:00 EST", Some("2026-03-02T19:52:00Z"));
        check("Wed, 31 Dec 2025 23:59:60 +0000", Some("2025-12-31T23:59:59Z"));
        check("Mon, 30 Feb 2026 14:52:00 +0000", None);
        check("Mon, 2 Mar 2026 25:52:00 +0000", None);
        check("Mon, 2 Mar 0026 14:52:00 +0000", Some("2026-03-02T14:52:00Z"));
        check("yesterday", None);
        check("", None);
        check(&"9".repeat(10_000), None);
    }

    #[test]
    fn message_ids_are_read_leniently() {
        let check = |field: &str, expected: &[&str]| {
            assert_eq!(headers(&format!("References: {field}\r\n\r\n")).references(), expected, "{field:?}");
        };
        check("<a@x> <b@x>", &["a@x", "b@x"]);
        check("<a@x><b@x>,<c@x>", &["a@x", "b@x", "c@x"]);
        check("<a@\r\n x>", &["a@x"]);
        check("(a comment) <a@x> (another)", &["a@x"]);
        check("Your message of \"Mon\" <a@x>", &["a@x"]);
        check("a@x b@x", &["a@x", "b@x"]);
        check("<<a@x>> <b@x", &["a@x"]);
        check("<>", &[]);
        check("nothing here", &[]);
        check(&format!("<{}@x>", "a".repeat(2000)), &[]);
        let id = |field: &str| headers(&format!("Message-ID: {field}\n\n")).message_id();
        assert_eq!(id("<a@x>").as_deref(), Some("a@x"));
        assert_eq!(id("a@x").as_deref(), Some("a@x"));
        assert_eq!(id("<no-at-sign>").as_deref(), Some("no-at-sign"));
        assert_eq!(id("bare").as_deref(), Some("bare"));
        assert_eq!(id(" "), None);
        assert_eq!(id("two words"), None);
    }

    #[test]
    fn thousands_of_references_keep_the_first_and_the_newest() {
        let mut field = String::from("References:");
        (0..5000).for_each(|at| write!(field, "\r\n <{at}@x>").unwrap());
        let found = headers(&field).references();
        assert_eq!(found.len(), super::IDS_MAX);
        assert_eq!((found[0].as_str(), found[1].as_str(), found[999].as_str()), ("0@x", "4001@x", "4999@x"));
    }

    #[test]
    fn huge_header_sections_cost_linear_time() {
        let mut text = "To: a@x.example\r\n".repeat(100_000);
        assert_eq!(headers(&text).to().len(), 100_000);
        text = format!("To: {}\r\n\r\n", "\"Q\" <a@x.example>,\r\n ".repeat(100_000));
        assert_eq!(headers(&text).to().len(), 100_000);
        text = "X: y\r\n".repeat(200_000);
        assert_eq!(headers(&text).count("x"), super::FIELDS_MAX);
        text = format!("Subject: {}\r\n\r\n", "=?a?q?".repeat(1_000_000));
        assert!(headers(&text).subject().len() <= super::TEXT_MAX);
        let many: String = (0..20_000).fold(String::new(), |mut all, at| {
            write!(all, ";\r\n p{at}*1=x").unwrap();
            all
        });
        assert!(headers(&format!("Content-Type: a/b{many}\r\n\r\n")).structured("content-type").is_some());
    }

    proptest! {
        #[test]
        fn no_bytes_make_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut raw = b"Subject: ".to_vec();
            raw.extend(&bytes);
            for name in ["From", "Date", "References", "Message-ID", "Content-Type"] {
                raw.extend(b"\n");
                raw.extend(name.as_bytes());
                raw.extend(b": ");
                raw.extend(&bytes);
            }
            let found = Headers::parse(raw);
            let _ = (found.subject(), found.from(), found.date(), found.references(), found.message_id());
            let _ = found.structured("Content-Type");
        }

        #[test]
        fn no_parameters_make_a_panic(value in "[a-z/;=\"'*0-9 ?\\\\%()\\r\\n-]{0,80}") {
            let _ = headers(&format!("Content-Type: {value}\r\n\r\n")).structured("Content-Type");
            let _ = headers(&format!("Date: {value}\r\n\r\n")).date();
        }

        #[test]
        fn no_date_makes_a_panic(value in "[A-Za-z,:;+0-9 ()\\\\-]{0,60}") {
            let _ = headers(&format!("Date: {value}\r\n\r\n")).date();
        }
    }
}
