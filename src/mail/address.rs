//! An RFC 5322 mailbox (§3.4), called *address* here because "mailbox" is IMAP's word.
//!
//! Two readers. Header fields are read leniently and never believed: where a field could be read in several ways, *all* addresses in it
//! are given, so that no trick of syntax hides one of them ("exactly one From" is checked by whoever needs it). What a person
//! types is read strictly, with a clear error.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::encoded_word;
use super::safe::{self, SafeText};

/// Columns of a display name; a longer one pushes the address out of sight.
const NAME_COLUMNS: usize = 48;

/// A name and an address. Both are foreign text: show them through [`Address::shown`] only.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Address {
    /// The display name, decoded; may be empty.
    pub name: String,
    /// The addr-spec (RFC 5322 §3.4.1) as written.
    pub addr: String,
}

/// A text that a person typed and that is no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no address: {because}")]
pub struct AddressError {
    /// What was typed.
    pub text: String,
    /// What is wrong with it and what to do.
    pub because: &'static str,
}

impl Address {
    /// Reads one address that a person typed: `b.quill@quillpounce.example` or `Barnaby Quill <b.quill@quillpounce.example>`.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let fail = |because| AddressError { text: text.trim().to_owned(), because };
        let mut all = Self::parse_list(text)?;
        match (all.pop(), all.is_empty()) {
            (Some(address), true) => Ok(address),
            (Some(_), false) => Err(fail("one address is wanted here, and there are several")),
            (None, _) => Err(fail("an address looks like name@example.org")),
        }
    }

    /// Reads addresses that a person typed, separated by commas or semicolons. An empty text is an empty list.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, AddressError> {
        split_typed(text)?.into_iter().filter(|piece| !piece.trim().is_empty()).map(parse_typed).collect()
    }

    /// Reads the addresses of a header field (unfolded), leniently: groups flattened, comments and encoded words understood.
    #[must_use]
    pub fn read_field(value: &str) -> Vec<Self> {
        let mut reader = Reader::default();
        reader.read(value);
        reader.found
    }

    /// Whether the address can be written in a header field and an SMTP envelope: `Err` says what is wrong.
    pub fn check(&self) -> Result<(), AddressError> {
        check_addr(&self.addr).map_err(|because| AddressError { text: self.addr.clone(), because })?;
        if self.name.chars().any(forges) {
            let because = "the name holds a control character or line break: take it out";
            return Err(AddressError { text: self.name.clone(), because });
        }
        Ok(())
    }

    /// The domain, lower-case, without a trailing dot; empty where there is none.
    #[must_use]
    pub fn domain(&self) -> String {
        self.addr.rsplit_once('@').map_or_else(String::new, |(_, domain)| domain.trim_end_matches('.').to_lowercase())
    }

    /// The address in the form that addresses are compared in: lower-case. (RFC 5321 §2.4 lets the local part depend on case; nobody does.)
    #[must_use]
    pub fn canonical(&self) -> String {
        self.addr.trim_end_matches('.').to_lowercase()
    }

    /// The name holds another address or letters that imitate others: a warning is due (display-name spoofing).
    #[must_use]
    pub fn name_deceives(&self) -> bool {
        let name = self.name.to_lowercase();
        // A name that is the address itself, as many mailers write it, deceives nobody.
        let claims = (name.contains('@') || name.contains('\u{ff20}')) && name.trim() != self.canonical();
        claims || safe::mixes_scripts(&self.name) || safe::deceives(&self.name)
    }

    /// Name and address for a screen. The address is always there, in full and in angle brackets of its own; a name that deceives stands
    /// behind it, in quotes.
    #[must_use]
    pub fn shown(&self) -> SafeText {
        let name = SafeText::line(self.name.trim()).truncate(NAME_COLUMNS);
        let addr = SafeText::line(&self.addr);
        if name.is_empty() || name == addr {
            addr
        } else if addr.is_empty() {
            SafeText::fill("\"{}\" (no address)", &[&name])
        } else if self.name_deceives() {
            SafeText::fill("<{}> (calls itself \"{}\")", &[&addr, &name])
        } else {
            SafeText::fill("{} <{}>", &[&name, &addr])
        }
    }
}

impl fmt::Display for Address {
    /// As a person would type it: `"Quill, B." <b.quill@quillpounce.example>`. Foreign text: not for a terminal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.name.is_empty() {
            return f.write_str(&self.addr);
        }
        if self.name.chars().all(|c| c.is_alphanumeric() || c == ' ' || c == '-' || c == '\'' || is_joining(c)) {
            return write!(f, "{} <{}>", self.name, self.addr);
        }
        write!(f, "\"{}\" <{}>", self.name.replace('\\', "\\\\").replace('"', "\\\""), self.addr)
    }
}

fn is_joining(c: char) -> bool {
    !c.is_ascii() && !c.is_control()
}

/// A character that could end a header field or a command, for us or for a server that reads carelessly.
pub(crate) fn forges(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

/// Splits typed text at commas and semicolons outside quotes and angle brackets.
fn split_typed(text: &str) -> Result<Vec<&str>, AddressError> {
    let fail = |because| AddressError { text: text.trim().to_owned(), because };
    let mut pieces = Vec::new();
    let (mut begin, mut quoted, mut escaped, mut angle) = (0, false, false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '<' if !quoted => angle = true,
            '>' if !quoted => angle = false,
            ',' | ';' if !quoted && !angle => {
                pieces.push(text.get(begin..at).unwrap_or_default());
                begin = at + 1;
            }
            _ => {}
        }
    }
    if quoted {
        return Err(fail("a quotation mark is not closed"));
    }
    if angle {
        return Err(fail("a < is not closed by >"));
    }
    pieces.push(text.get(begin..).unwrap_or_default());
    Ok(pieces)
}

fn parse_typed(piece: &str) -> Result<Address, AddressError> {
    let text = piece.trim();
    let fail = |because| AddressError { text: text.to_owned(), because };
    if text.chars().any(forges) {
        return Err(fail("it holds a control character or line break: take it out"));
    }
    let (name, addr) = match text.rsplit_once('<') {
        Some((name, rest)) => {
            let addr = rest.strip_suffix('>').ok_or_else(|| fail("something stands behind the >"))?;
            (unquote(name.trim()).ok_or_else(|| fail("put the whole name in quotation marks"))?, addr)
        }
        None => (String::new(), text),
    };
    check_addr(addr).map_err(fail)?;
    Ok(Address { name, addr: addr.to_owned() })
}

fn unquote(name: &str) -> Option<String> {
    let Some(inner) = name.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return (!name.contains(['"', '<', '>'])).then(|| name.to_owned());
    };
    let (mut plain, mut escaped) = (String::with_capacity(inner.len()), false);
    for c in inner.chars() {
        match c {
            '\\' if !escaped => escaped = true,
            '"' if !escaped => return None,
            c => {
                plain.push(c);
                escaped = false;
            }
        }
    }
    Some(plain)
}

/// RFC 5321 §4.1.2 without quoted local parts and address literals: nobody in the field has one, and both are tricks otherwise.
fn check_addr(addr: &str) -> Result<(), &'static str> {
    let (local, domain) = addr.rsplit_once('@').ok_or("an address looks like name@example.org")?;
    if addr.chars().any(|c| c.is_whitespace() || forges(c)) {
        return Err("it holds a space or control character");
    }
    if !local.is_ascii() {
        return Err("the part before the @ may only hold plain letters: servers cannot deliver to another yet");
    }
    if !domain.is_ascii() {
        return Err("write the domain in its xn-- form: similar letters could lead it elsewhere");
    }
    let atext = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&byte);
    if local.is_empty() || local.len() > 64 {
        return Err("before the @ there is nothing, or too much");
    }
    if local.contains('@') {
        return Err("there is more than one @");
    }
    if !local.bytes().all(atext) {
        return Err("before the @ stands a character that no address holds");
    }
    if local.starts_with('.') || local.ends_with('.') || local.contains("..") {
        return Err("the part before the @ has a dot too many");
    }
    let label = |label: &str| {
        let plain = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        plain && !label.is_empty() && label.len() <= 63 && !label.starts_with('-') && !label.ends_with('-')
    };
    if domain.len() > 253 || !domain.split('.').all(label) {
        return Err("the part behind the @ is no domain");
    }
    Ok(())
}

/// Stands for a space that does not end a word. No field holds one: NUL is read as a space.
const GLUE: char = '\0';

/// Bytes that most names and addresses find room in.
const WORD_ROOM: usize = 48;

/// The text with spaces where [`GLUE`] stands for them.
fn unglued(text: String) -> String {
    if text.contains(GLUE) { text.replace(GLUE, " ") } else { text }
}

/// Takes what comes before the first of these bytes, or of those that are not printable ASCII: it stands for itself.
fn take_plain<'a>(rest: &mut std::str::Chars<'a>, special: &[u8]) -> &'a str {
    let text = rest.as_str();
    let is_special = |byte: u8| !matches!(byte, b' '..=b'~') || special.contains(&byte);
    let end = text.bytes().position(is_special).unwrap_or(text.len());
    // A byte of ASCII, and the first of a character beyond it, begin a character.
    let (plain, behind) = text.split_at_checked(end).unwrap_or((text, ""));
    *rest = behind.chars();
    plain
}

/// The text with its encoded words decoded; the same one where there are none.
fn decoded(text: String) -> String {
    if text.contains("=?") { encoded_word::decode(&text) } else { text }
}

/// What stands between two commas of an address field.
#[derive(Default)]
struct Entry {
    /// Words outside of quotes, comments and angle brackets.
    text: String,
    /// The text is (partly) quoted, so that an `@` in it is none of an address.
    quoted: String,
    comments: Vec<String>,
    /// What stood in angle brackets, which is the address even where it is nothing: a name beside `<>` is not one.
    angles: Vec<String>,
}

/// Reads an address field in one pass.
#[derive(Default)]
struct Reader {
    found: Vec<Address>,
    entry: Entry,
}

impl Reader {
    fn read(&mut self, value: &str) {
        let mut rest = value.chars();
        loop {
            self.entry.text.push_str(take_plain(&mut rest, b",;:\"(<>="));
            let Some(c) = rest.next() else { break };
            match c {
                ',' | ';' => self.finish(),
                // The name of a group (RFC 5322 §3.4): not a name of anyone.
                ':' if self.entry.angles.is_empty() && !self.entry.text.contains('@') => self.entry = Entry::default(),
                '"' => self.read_quoted(&mut rest),
                '(' => {
                    let comment = read_comment(&mut rest);
                    self.entry.comments.push(comment);
                }
                '<' => {
                    let angle = read_angle(&mut rest);
                    self.entry.angles.push(angle);
                }
                '>' => {}
                // Commas and the like within an encoded word are its sender's mistake.
                '=' if rest.as_str().starts_with('?') => match encoded_word::word_length(rest.as_str()) {
                    Some(length) => {
                        self.entry.text.push('=');
                        rest.by_ref().take(length).for_each(|c| self.entry.text.push(if c == ' ' { GLUE } else { c }));
                    }
                    None => self.entry.text.push('='),
                },
                c => self.entry.text.push(if c.is_whitespace() || c == GLUE { ' ' } else { c }),
            }
        }
        self.finish();
    }

    fn read_quoted(&mut self, rest: &mut std::str::Chars<'_>) {
        let mut raw = String::with_capacity(WORD_ROOM);
        raw.push('"');
        let mut text = String::with_capacity(WORD_ROOM);
        let mut escaped = false;
        for c in rest.by_ref() {
            raw.push(c);
            match c {
                '\\' if !escaped => {
                    escaped = true;
                    continue;
                }
                '"' if !escaped => break,
                c => text.push(c),
            }
            escaped = false;
        }
        // A quoted local part is followed at once by the @.
        if rest.as_str().starts_with('@') {
            self.entry.text.extend(raw.chars().map(|c| if c == ' ' { GLUE } else { c }));
        } else {
            if !self.entry.quoted.is_empty() {
                self.entry.quoted.push(' ');
            }
            self.entry.quoted.push_str(&text);
        }
    }

    fn finish(&mut self) {
        let Entry { text, quoted, comments, mut angles } = std::mem::take(&mut self.entry);
        let angled = !angles.is_empty();
        angles.retain(|angle| !angle.is_empty());
        let (mut words, mut bare) = (Vec::new(), Vec::new());
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            let encoded = word.starts_with("=?") && word.ends_with("?=");
            if word.contains('@') && !encoded { bare.push(word) } else { words.push(word) }
        }
        if angled {
            // `a@one.example <b@two.example>`: the first is part of the name, as people see it.
            words = text.split(' ').filter(|word| !word.is_empty()).collect();
            bare.clear();
        }
        let mut name = decoded(unglued(words.join(" ")));
        if !quoted.is_empty() {
            if !name.is_empty() {
                name.push(' ');
            }
            name.push_str(&encoded_word::decode(&quoted));
        }
        if name.is_empty() {
            name = decoded(comments.join(" "));
        }
        let addrs: Vec<String> =
            if angles.is_empty() { bare.into_iter().map(|word| unglued(word.to_owned())).collect() } else { angles };
        if addrs.is_empty() {
            let name = name.trim();
            if name.is_empty() {
                return;
            }
            // A local name without domain (`MAILER-DAEMON`), or a name without any address.
            // One with an `@` that stood in quotes, a comment or an encoded word is what somebody calls himself.
            let local = !angled && !name.contains(|c: char| c.is_whitespace() || c == '@') && name.is_ascii();
            let (name, addr) = if local { ("", name) } else { (name, "") };
            self.found.push(Address { name: name.to_owned(), addr: addr.to_owned() });
        }
        if name.trim().len() < name.len() {
            name = name.trim().to_owned();
        }
        let mut addrs = addrs.into_iter();
        let last = addrs.next_back();
        self.found.extend(addrs.map(|addr| Address { name: name.clone(), addr }));
        self.found.extend(last.map(|addr| Address { name, addr }));
    }
}

/// The text of a comment, nested ones included; its opening parenthesis has been read.
fn read_comment(rest: &mut std::str::Chars<'_>) -> String {
    let (mut text, mut depth, mut escaped) = (String::new(), 1_usize, false);
    for c in rest {
        match c {
            _ if escaped => escaped = false,
            '\\' => {
                escaped = true;
                continue;
            }
            '(' => depth += 1,
            ')' => {
                depth -= 1;
                if depth == 0 {
                    break;
                }
            }
            _ => {}
        }
        text.push(c);
    }
    text
}

/// The address in angle brackets: comments, white space and a route (RFC 5322 §4.4, obsolete) left out.
fn read_angle(rest: &mut std::str::Chars<'_>) -> String {
    let (mut addr, mut quoted, mut escaped) = (String::with_capacity(WORD_ROOM), false, false);
    loop {
        if !quoted {
            addr.push_str(take_plain(rest, b"\">( "));
        }
        let Some(c) = rest.next() else { break };
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '>' if !quoted => break,
            '(' if !quoted => {
                read_comment(rest);
                continue;
            }
            c if c.is_whitespace() && !quoted => continue,
            _ => {}
        }
        addr.push(c);
    }
    if addr.starts_with('@') {
        return addr.split_once(':').map(|(_, addr)| addr.to_owned()).unwrap_or(addr);
    }
    addr
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert, prop_assert_eq, proptest};

    use super::Address;

    fn address(name: &str, addr: &str) -> Address {
        Address { name: name.to_owned(), addr: addr.to_owned() }
    }

    #[test]
    fn fields_are_read_leniently_and_no_address_is_hidden() {
        let check = |field: &str, expected: &[(&str, &str)]| {
            let expected: Vec<_> = expected.iter().map(|(name, addr)| address(name, addr)).collect();
            assert_eq!(Address::read_field(field), expected, "{field:?}");
        };
        check("", &[]);
        check("b.quill@quillpounce.example", &[("", "b.quill@quillpounce.example")]);
        check("Barnaby Quill <b.quill@quillpounce.example>", &[("Barnaby Quill", "b.quill@quillpounce.example")]);
        check(
            "\"Quill, Barnaby\" <b@x.example>, t@x.example",
            &[("Quill, Barnaby", "b@x.example"), ("", "t@x.example")],
        );
        check("b@x.example (Barnaby (the) Quill)", &[("Barnaby (the) Quill", "b@x.example")]);
        check("=?utf-8?Q?J=C3=B8rn?= <j@x.example>", &[("Jørn", "j@x.example")]);
        check("=?utf-8?Q?a=40evil?= <j@x.example>", &[("a@evil", "j@x.example")]);
        check("=?utf-8?Q?=3Ca=40bank.example=3E=2C?= <j@x.example>", &[("<a@bank.example>,", "j@x.example")]);
        check("=?utf-8?Q?Quill, B.?= <b@x.example>", &[("Quill, B.", "b@x.example")]);
        check("\"=?utf-8?Q?J=C3=B8rn?=\" <j@x.example>", &[("Jørn", "j@x.example")]);
        check(
            "Team: a@x.example, B <b@x.example>;, c@x.example",
            &[("", "a@x.example"), ("B", "b@x.example"), ("", "c@x.example")],
        );
        check("undisclosed-recipients:;", &[]);
        check("MAILER-DAEMON", &[("", "MAILER-DAEMON")]);
        check("Somebody Else", &[("Somebody Else", "")]);
        check("a@one.example <b@two.example>", &[("a@one.example", "b@two.example")]);
        check("<a@one.example><b@two.example>", &[("", "a@one.example"), ("", "b@two.example")]);
        check("a@one.example b@two.example", &[("", "a@one.example"), ("", "b@two.example")]);
        check("<@relay.example,@b.example:c@x.example>", &[("", "c@x.example")]);
        check("<c (comment) @x.example>", &[("", "c@x.example")]);
        check("\"b quill\"@x.example", &[("", "\"b quill\"@x.example")]);
        check("\"CPS <a@cps.gov.example>\" <x@attacker.example>", &[("CPS <a@cps.gov.example>", "x@attacker.example")]);
        check("Name < a@x.example", &[("Name", "a@x.example")]);
        check("\"open <a@x.example>", &[("open <a@x.example>", "")]);
        check("(open a@x.example", &[("open a@x.example", "")]);
        check(",,;;", &[]);
        check("<>", &[]);
        check("a@x.example <>", &[("a@x.example", "")]);
        check("a@x.example < (c) >, b@x.example", &[("a@x.example", ""), ("", "b@x.example")]);
        check("MAILER-DAEMON <>", &[("MAILER-DAEMON", "")]);
        check("\"a@x.example\"", &[("a@x.example", "")]);
        check("(a@x.example)", &[("a@x.example", "")]);
        check("=?utf-8?Q?a=40x.example?=", &[("a@x.example", "")]);
    }

    #[test]
    fn typed_addresses_are_read_strictly() {
        let check = |text: &str, expected: (&str, &str)| {
            assert_eq!(Address::parse(text), Ok(address(expected.0, expected.1)), "{text:?}");
        };
        check(" b.quill@quillpounce.example ", ("", "b.quill@quillpounce.example"));
        check("Barnaby Quill <b.quill@quillpounce.example>", ("Barnaby Quill", "b.quill@quillpounce.example"));
        check("\"Quill, \\\"B\\\"\" <b@x.example>", ("Quill, \"B\"", "b@x.example"));
        check("Jørn <j+tag@x.example>", ("Jørn", "j+tag@x.example"));
        for text in [
            "",
            "b.quill",
            "b.quill@",
            "@x.example",
            "a b@x.example",
            "a@x..example",
            ".a@x.example",
            "a..b@x.example",
            "a@x.example>",
            "<a@x.example",
            "\"open <a@x.example>",
            "a@x.example, b@x.example",
            "x <a@x.example> y",
            "a@x.example\r\nBcc: e@x.example",
            "n\u{0}<a@x.example>",
            "é@x.example",
            "a@exämple.example",
            "a@-x.example",
            "<a@b@x.example>",
            "N\u{2028}N <a@x.example>",
        ] {
            assert!(Address::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn typed_lists_take_commas_and_semicolons() {
        let list = Address::parse_list("a@x.example; \"B, C\" <b@x.example>,, c@x.example,").unwrap();
        assert_eq!(list, [address("", "a@x.example"), address("B, C", "b@x.example"), address("", "c@x.example")]);
        assert_eq!(Address::parse_list("  "), Ok(Vec::new()));
        let error = Address::parse_list("a@x.example, nobody").unwrap_err();
        assert_eq!(error.to_string(), "\"nobody\" is no address: an address looks like name@example.org");
    }

    #[test]
    fn a_name_never_hides_its_address() {
        let check = |name: &str, addr: &str, expected: &str| {
            assert_eq!(address(name, addr).shown().as_str(), expected);
        };
        check("Barnaby Quill", "b@x.example", "Barnaby Quill <b@x.example>");
        check("", "b@x.example", "b@x.example");
        check("B@x.example", "b@x.example", "B@x.example <b@x.example>");
        check(
            "CPS <ambleford.mags@cps.gov.example>",
            "x@attacker.example",
            "<x@attacker.example> (calls itself \"CPS <ambleford.mags@cps.gov.example>\")",
        );
        check("Q\u{202e}uill", "b@x.example", "<b@x.example> (calls itself \"Q[U+202E]uill\")");
        check("Bаrnaby", "b@x.example", "<b@x.example> (calls itself \"Bаrnaby\")");
        check("Nobody Here", "", "\"Nobody Here\" (no address)");
        let long = address(&"Quill ".repeat(100), "b@x.example").shown();
        assert!(long.width() < 70 && long.as_str().ends_with("<b@x.example>"));
    }

    #[test]
    fn comparing_ignores_case_and_a_final_dot() {
        assert_eq!(address("", "B.Quill@QuillPounce.Example.").canonical(), "b.quill@quillpounce.example");
        assert_eq!(address("", "b@evilgov.EXAMPLE.").domain(), "evilgov.example");
        assert_eq!(address("", "MAILER-DAEMON").domain(), "");
    }

    #[test]
    fn a_hundred_thousand_addresses_take_linear_time() {
        for piece in ["a@x.example, ", "a:;,", "(", "\"", "<", "=?a?q?x@", "a@x ", "((x)) <a@x>,", "\\\"@"] {
            let _ = Address::read_field(&piece.repeat(100_000));
        }
    }

    proptest! {
        #[test]
        fn what_is_displayed_can_be_typed(name in "[ -~é]{0,20}", local in "[a-z0-9+_-]{1,20}", domain in "[a-z]{1,10}\\.example") {
            let written = address(name.trim(), &format!("{local}@{domain}"));
            prop_assert_eq!(Address::parse(&written.to_string()), Ok(written));
        }

        #[test]
        fn no_field_makes_the_reader_panic(field in "\\PC{0,80}") {
            for found in Address::read_field(&field) {
                prop_assert!(!found.addr.is_empty() || !found.name.is_empty());
            }
            let _ = Address::parse_list(&field);
        }
    }
}
