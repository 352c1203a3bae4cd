//! Reading a block: what mail programs do to lines, quotation marks, dashes and spaces is undone, anything else is damage.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::{Offset, TimeZone};

use super::super::act::{Act, Authority, Basis, Cleared, Condition, Deed, Kind, Quoted, Subject};
use super::super::number::{ActNo, NegotiationId};
use super::super::terms::{Amendment, Ancillary, AncillaryKind, Document, Offence, Plea, Term, Terms, TermsHash};
use super::super::text::fold;
use super::{Damage, FORM, LABELS, Reading, header, token};
use crate::case::{HearingTime, Jurisdiction, Role};

/// Words of a block at most: no honest one is longer, and a hostile one costs no more.
const WORDS_MAX: usize = 40_000;

/// Lines that may look like the end.
const ENDS_MAX: usize = 32;

/// A word of a message, with the quote marks before its line.
#[derive(Clone, Debug)]
struct Word {
    text: String,
    line: usize,
    depth: usize,
}

/// Whether a block may be in a text: nearly every text has none, which is found without taking it apart. What folding leaves out of a word is a control
/// character or not ASCII, and what it puts into one is no letter.
fn may_hold_block(text: &str) -> bool {
    Jurisdiction::ALL.into_iter().filter_map(|jurisdiction| header(jurisdiction).split(' ').next()).any(|word| {
        let (bytes, first) = (text.as_bytes(), word.bytes().next().unwrap_or_default());
        memchr::memchr2_iter(first.to_ascii_lowercase(), first.to_ascii_uppercase(), bytes).any(|at| {
            let letters =
                bytes.get(at..).unwrap_or_default().iter().filter(|byte| byte.is_ascii() && !byte.is_ascii_control());
            letters.take(word.len()).map(u8::to_ascii_lowercase).eq(word.bytes().map(|byte| byte.to_ascii_lowercase()))
        })
    })
}

fn words(text: &str) -> Vec<Word> {
    if !may_hold_block(text) {
        return Vec::new();
    }
    let mut words = Vec::new();
    for (line, content) in text.lines().enumerate() {
        let mut rest = content.trim_start();
        let mut depth = 0_usize;
        while let Some(behind) = rest.strip_prefix('>') {
            depth = depth.saturating_add(1);
            rest = behind.trim_start();
        }
        let folded = fold(rest);
        words.extend(folded.split(' ').filter(|word| !word.is_empty()).map(|word| Word {
            text: word.to_owned(),
            line,
            depth,
        }));
    }
    words
}

/// Where a block stands among the words: its first word, the first of its body, whose law.
#[derive(Clone, Copy, Debug)]
struct Head {
    at: usize,
    body: usize,
    jurisdiction: Jurisdiction,
}

fn is_rule(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|character| character == '-')
}

fn find_head(words: &[Word]) -> Option<Head> {
    let heads = Jurisdiction::ALL.map(|jurisdiction| (jurisdiction, header(jurisdiction)));
    (0..words.len()).find_map(|at| {
        if !is_rule(&words.get(at)?.text) {
            return None;
        }
        heads.iter().find_map(|(jurisdiction, text)| {
            let mut body = at.saturating_add(1);
            for wanted in text.split(' ') {
                if !words.get(body)?.text.eq_ignore_ascii_case(wanted) {
                    return None;
                }
                body = body.saturating_add(1);
            }
            is_rule(&words.get(body)?.text).then_some(Head {
                at,
                body: body.saturating_add(1),
                jurisdiction: *jurisdiction,
            })
        })
    })
}

/// Where the line at the end begins and what comes behind it; its form and its token.
fn find_end(words: &[Word], from: usize) -> Option<(usize, usize, &str, &str)> {
    (from..words.len().min(from.saturating_add(WORDS_MAX))).find_map(|at| {
        let text = |ahead: usize| words.get(at.saturating_add(ahead)).map(|word| word.text.as_str());
        let fits = is_rule(text(0)?) && text(1)? == "END" && text(2)?.starts_with("PLEA/") && is_rule(text(4)?);
        fits.then_some((at, at.saturating_add(5), text(2)?, text(3)?))
    })
}

/// Reads the first block of a text. A later one, and one that is quoted, is no act.
#[must_use]
pub fn read(text: &str) -> Reading {
    let words = words(text);
    let Some(head) = find_head(&words) else { return Reading::Nothing };
    let act = body(&words, head);
    let line = words.get(head.at).map_or(0, |word| word.line);
    let is_quoted = words.get(head.at).is_some_and(|word| word.depth > 0) || follows_attribution(text, line);
    match (is_quoted, act) {
        (true, act) => Reading::Quoted(act.ok().map(Box::new)),
        (false, Ok(act)) => Reading::Act(Box::new(act)),
        (false, Err(damage)) => Reading::Damaged(damage),
    }
}

/// Whether something before a line says that what follows is of another message: some programs quote without marks.
fn follows_attribution(text: &str, line: usize) -> bool {
    let before: Vec<String> = text.lines().take(line).map(|line| fold(line).to_lowercase()).collect();
    let field = |line: &String, name: &str| line.trim_start_matches('*').starts_with(name);
    before.iter().enumerate().any(|(at, line)| {
        let next = || before.iter().skip(at.saturating_add(1)).take(4);
        line.contains("original message")
            || line.contains("forwarded message")
            || line.ends_with("wrote:")
            || line.ends_with("wrote :")
            || (field(line, "from:")
                && next().any(|line| field(line, "sent:") || field(line, "date:") || field(line, "to:")))
    })
}

/// The text of a message without its first block: what a person wrote around it.
#[must_use]
pub fn without(text: &str) -> String {
    let words = words(text);
    let Some(head) = find_head(&words) else { return text.to_owned() };
    let Some((_, end, ..)) = find_end(&words, head.body) else { return text.to_owned() };
    let (Some(first), Some(last)) = (words.get(head.at), words.get(end.saturating_sub(1))) else {
        return text.to_owned();
    };
    let kept: Vec<&str> =
        text.lines().enumerate().filter(|(at, _)| *at < first.line || *at > last.line).map(|(_, line)| line).collect();
    kept.join("\n").trim_matches(['\n', '\r', ' ']).to_owned()
}

fn body(words: &[Word], head: Head) -> Result<Act, Damage> {
    let mut damage = Damage::NoEnd;
    let mut from = head.body;
    // A text may hold what looks like the end: the one whose token fits is the end.
    for _ in 0..ENDS_MAX {
        let Some((end, _, form, found)) = find_end(words, from) else { break };
        from = end.saturating_add(1);
        if form != FORM {
            damage = Damage::LaterForm(form.to_owned());
            continue;
        }
        let body: Vec<&str> =
            words.get(head.body..end).unwrap_or_default().iter().map(|word| word.text.as_str()).collect();
        let body = body.join(" ");
        if token(head.jurisdiction, &body).eq_ignore_ascii_case(found) {
            return Items::of(&body)?.act();
        }
        damage = Damage::Token;
    }
    Err(damage)
}

/// The lines of a block by their names.
struct Items {
    single: BTreeMap<&'static str, String>,
    charges: Vec<(u16, String)>,
}

impl Items {
    fn of(body: &str) -> Result<Self, Damage> {
        let mut items = Self { single: BTreeMap::new(), charges: Vec::new() };
        let mut rest = body;
        let (mut label, mut behind) = name(rest).ok_or(Damage::Missing("Case"))?;
        loop {
            let (value, next) = value(behind);
            match label {
                Name::Charge(number) => items.charges.push((number, value.to_owned())),
                Name::Line(label) => {
                    if items.single.insert(label, value.to_owned()).is_some() {
                        return Err(Damage::Stray(label));
                    }
                }
            }
            rest = next;
            match name(rest) {
                Some(found) => (label, behind) = found,
                None => break,
            }
        }
        if rest.is_empty() { Ok(items) } else { Err(Damage::Unreadable("Case")) }
    }

    fn take(&mut self, label: &'static str) -> Option<String> {
        self.single.remove(label)
    }

    fn need(&mut self, label: &'static str) -> Result<String, Damage> {
        self.take(label).ok_or(Damage::Missing(label))
    }

    fn read<T>(&mut self, label: &'static str, read: impl FnOnce(&str) -> Option<T>) -> Result<T, Damage> {
        let value = self.need(label)?;
        read(&value).ok_or(Damage::Unreadable(label))
    }

    fn optional<T>(&mut self, label: &'static str, read: impl FnOnce(&str) -> Option<T>) -> Result<Option<T>, Damage> {
        match self.take(label) {
            None => Ok(None),
            Some(value) => read(&value).map(Some).ok_or(Damage::Unreadable(label)),
        }
    }

    fn text(&mut self, label: &'static str) -> Result<String, Damage> {
        Ok(self.optional(label, whole_text)?.unwrap_or_default())
    }

    fn act(mut self) -> Result<Act, Damage> {
        let number = self.need("Case")?;
        let (surname, accused) = self.read("Accused", |value| {
            let (surname, number) = value.strip_suffix(')')?.rsplit_once('(')?;
            Some((surname.trim().to_owned(), number.parse::<u16>().ok()?))
        })?;
        let series = self.read("Thread", |value| {
            NegotiationId::parse_name(value).filter(|(one, _)| *one == accused).map(|(_, series)| series)
        })?;
        let id = NegotiationId { number, accused, series };
        let round = self.read("Round", |value| value.parse().ok())?;
        let kind = self.read("Kind", |value| Kind::parse(value).filter(|kind| kind.is_sent()))?;
        let no: ActNo = self.read("Act", |value| value.parse().ok())?;
        let seen = self.read("Having read", |value| {
            if value == "nothing" {
                return Some(0);
            }
            value.parse::<ActNo>().ok().filter(|read| read.side == no.side.other()).map(|read| read.number)
        })?;
        let at = self.read("Written", instant)?;
        let deed = self.deed(kind, &id)?;
        let authority = self.authority()?;
        if let Some(label) = self.single.keys().next() {
            return Err(Damage::Stray(label));
        }
        if !self.charges.is_empty() {
            return Err(Damage::Stray("Charge"));
        }
        Ok(Act { id, surname, no, seen, round, at, deed, authority })
    }

    fn quoted(&mut self) -> Result<Quoted, Damage> {
        let no = self.read("Answers", |value| value.parse().ok())?;
        Ok(Quoted { no, hash: self.read("Its terms", |value| digest(value).map(TermsHash))? })
    }

    fn deed(&mut self, kind: Kind, id: &NegotiationId) -> Result<Deed, Damage> {
        Ok(match kind {
            Kind::Counter => {
                let answers = self.quoted()?;
                let reply_by = self.read("Reply by", instant)?;
                Deed::Counter { answers, terms: self.terms(id)?, reply_by }
            }
            Kind::Accept => Deed::Accept {
                answers: self.quoted()?,
                cleared: self.optional("Cleared", cleared)?.unwrap_or_default(),
            },
            Kind::AcceptSubject => {
                Deed::AcceptSubject { answers: self.quoted()?, subject_to: self.read("Subject to", subjects)? }
            }
            Kind::Reject => Deed::Reject { answers: self.quoted()?, because: self.text("Because")? },
            Kind::Withdraw => Deed::Withdraw { answers: self.quoted()?, because: self.text("Because")? },
            Kind::Query => Deed::Query { text: self.read("Asks", whole_text)? },
            Kind::Reply => {
                Deed::Reply { to: self.read("Replies to", |value| value.parse().ok())?, text: self.text("Says")? }
            }
            Kind::Chase => Deed::Chase { text: self.text("Says")? },
            Kind::Extend => Deed::Extend { answers: self.quoted()?, reply_by: self.read("Reply by", instant)? },
            Kind::TenderNotice => Deed::TenderNotice {
                answers: self.quoted()?,
                at: self.read("Hearing", hearing)?,
                court: self.text("Court")?,
            },
            _ => Deed::Offer { reply_by: self.read("Reply by", instant)?, terms: self.terms(id)? },
        })
    }

    fn terms(&mut self, id: &NegotiationId) -> Result<Terms, Damage> {
        let charges = std::mem::take(&mut self.charges);
        if charges.is_empty() {
            return Err(Damage::Missing("Charge"));
        }
        let charges = charges
            .iter()
            .map(|(number, value)| term(*number, value).ok_or(Damage::Unreadable("Charge")))
            .collect::<Result<Vec<_>, _>>()?;
        let basis = match self.optional("Basis", whole_document)? {
            Some(basis) => Some(basis),
            None => self.optional("Narrative", whole_document)?,
        };
        let conditions = self.text("Conditions")?;
        let terms = Terms::new(charges, basis, &conditions)?;
        let named = self.read("Terms", |value| digest(value).map(TermsHash))?;
        if terms.hash(id) == named { Ok(terms) } else { Err(Damage::OtherTerms) }
    }

    fn authority(&mut self) -> Result<Option<Authority>, Damage> {
        let by = self.optional("By", |value| {
            let mut cursor = Cursor(value);
            let name = cursor.quoted()?;
            cursor.word("as")?;
            let role = Role::ALL.into_iter().find(|role| role.words() == cursor.0.trim())?;
            Some((name, role))
        })?;
        let on_behalf_of = self.optional("On behalf of", whole_text)?;
        let basis = self.optional("Authority", |value| {
            let basis = Basis::ALL.into_iter().filter(|one| value.starts_with(one.words()));
            let basis = basis.max_by_key(|one| one.words().len())?;
            let day = value.strip_prefix(basis.words())?.strip_prefix(", ")?;
            Some((basis, Date::strptime("%d %b %Y", day).ok()?))
        })?;
        match (by, basis) {
            (Some((name, role)), Some((basis, day))) => Ok(Some(Authority { name, role, on_behalf_of, basis, day })),
            (None, None) if on_behalf_of.is_none() => Ok(None),
            (None, _) => Err(Damage::Missing("By")),
            (_, None) => Err(Damage::Missing("Authority")),
        }
    }
}

enum Name {
    Line(&'static str),
    Charge(u16),
}

/// The name of a line at the beginning of a text, and what stands behind its colon.
fn name(text: &str) -> Option<(Name, &str)> {
    if let Some(behind) = text.strip_prefix("Charge ") {
        let (number, behind) = behind.split_once(':')?;
        return Some((Name::Charge(number.parse().ok().filter(|number| *number > 0)?), behind.trim_start()));
    }
    LABELS.iter().find_map(|label| {
        let behind = text.strip_prefix(label)?.strip_prefix(':')?;
        Some((Name::Line(label), behind.trim_start()))
    })
}

/// A value up to the next name of a line outside of quotation marks, and the rest.
fn value(text: &str) -> (&str, &str) {
    let mut within = false;
    let mut before = ' ';
    for (at, character) in text.char_indices() {
        if character == '"' {
            within = !within;
        }
        if !within
            && before == ' '
            && at > 0
            && let Some(rest) = text.get(at..)
            && name(rest).is_some()
        {
            return (text.get(..at).unwrap_or_default().trim_end(), rest);
        }
        before = character;
    }
    (text.trim_end(), "")
}

/// What is left of a value.
struct Cursor<'a>(&'a str);

impl Cursor<'_> {
    fn is_done(&self) -> bool {
        self.0.trim_start().is_empty()
    }

    /// Takes words of ours.
    fn word(&mut self, wanted: &str) -> Option<()> {
        let behind = self.0.trim_start().strip_prefix(wanted)?;
        if behind.starts_with(char::is_alphanumeric) {
            return None;
        }
        self.0 = behind;
        Some(())
    }

    /// Takes a text between quotation marks.
    fn quoted(&mut self) -> Option<String> {
        let mut rest = self.0.trim_start().strip_prefix('"')?;
        let mut text = String::new();
        loop {
            let (piece, behind) = rest.split_once('"')?;
            text.push_str(piece);
            match behind.strip_prefix('"') {
                Some(more) => {
                    text.push('"');
                    rest = more;
                }
                None => {
                    self.0 = behind;
                    return Some(text);
                }
            }
        }
    }

    /// Takes a digest in groups.
    fn digest(&mut self) -> Option<[u8; 32]> {
        let mut digits = String::with_capacity(64);
        while digits.len() < 64 {
            let rest = self.0.trim_start();
            let end = rest.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(rest.len());
            if end == 0 {
                return None;
            }
            digits.push_str(rest.get(..end)?);
            self.0 = rest.get(end..)?;
        }
        let mut bytes = [0; 32];
        hex::decode_to_slice(digits, &mut bytes).ok()?;
        Some(bytes)
    }

    /// Takes the longest of some words.
    fn one_of<T: Copy>(&mut self, all: impl IntoIterator<Item = (T, &'static str)>) -> Option<T> {
        let rest = self.0.trim_start();
        let mut found: Vec<(T, &'static str)> = all.into_iter().filter(|(_, words)| rest.starts_with(words)).collect();
        found.sort_by_key(|(_, words)| words.len());
        let (one, words) = found.last()?;
        self.0 = rest.strip_prefix(words)?;
        Some(*one)
    }
}

fn whole<T>(value: &str, read: impl FnOnce(&mut Cursor<'_>) -> Option<T>) -> Option<T> {
    let mut cursor = Cursor(value);
    let found = read(&mut cursor)?;
    cursor.is_done().then_some(found)
}

fn whole_text(value: &str) -> Option<String> {
    whole(value, |cursor| cursor.quoted())
}

fn digest(value: &str) -> Option<[u8; 32]> {
    whole(value, |cursor| cursor.digest())
}

fn whole_document(value: &str) -> Option<Document> {
    whole(value, document)
}

fn document(cursor: &mut Cursor<'_>) -> Option<Document> {
    if cursor.word("text").is_some() {
        return Some(Document::Text { text: cursor.quoted()? });
    }
    cursor.word("file")?;
    let name = cursor.quoted()?;
    cursor.word("sha256")?;
    Some(Document::Attached { name, sha256: cursor.digest()? })
}

/// Items of a list with semicolons between them.
fn list<T>(value: &str, mut read: impl FnMut(&mut Cursor<'_>) -> Option<T>) -> Option<Vec<T>> {
    whole(value, |cursor| {
        let mut items = vec![read(cursor)?];
        while cursor.word(";").is_some() {
            items.push(read(cursor)?);
        }
        Some(items)
    })
}

fn condition(cursor: &mut Cursor<'_>) -> Option<Condition> {
    cursor.one_of(Condition::ALL.map(|one| (one, one.words())))
}

fn cleared(value: &str) -> Option<Vec<Cleared>> {
    list(value, |cursor| {
        let condition = condition(cursor)?;
        cursor.word("by")?;
        Some(Cleared { condition, by: cursor.quoted()? })
    })
}

fn subjects(value: &str) -> Option<Vec<Subject>> {
    list(value, |cursor| {
        let condition = condition(cursor)?;
        Some(Subject { condition, words: cursor.quoted().unwrap_or_default() })
    })
}

fn term(charge: u16, value: &str) -> Option<Term> {
    whole(value, |cursor| {
        let plea = cursor.one_of(Plea::ALL.map(|one| (one, one.words())))?;
        let mut term = Term { charge, plea, ..Term::default() };
        while cursor.word(";").is_some() {
            detail(cursor, &mut term)?;
        }
        Some(term)
    })
}

fn detail(cursor: &mut Cursor<'_>, term: &mut Term) -> Option<()> {
    if cursor.word("namely").is_some() {
        let text = cursor.quoted()?;
        let statute = match cursor.word("under") {
            Some(()) => cursor.quoted()?,
            None => String::new(),
        };
        return term.alternative.replace(Offence { text, statute }).is_none().then_some(());
    }
    if cursor.word("delete").is_some() {
        term.amendments.push(Amendment::Delete { words: cursor.quoted()? });
    } else if cursor.word("insert").is_some() {
        let words = cursor.quoted()?;
        let after = match cursor.word("at the end") {
            Some(()) => String::new(),
            None => cursor.word("after").and_then(|()| cursor.quoted())?,
        };
        term.amendments.push(Amendment::Insert { words, after });
    } else if cursor.word("for").is_some() {
        let words = cursor.quoted()?;
        cursor.word("substitute")?;
        term.amendments.push(Amendment::Substitute { words, with: cursor.quoted()? });
    } else if cursor.word("basis").is_some() {
        return term.basis.replace(document(cursor)?).is_none().then_some(());
    } else if cursor.word("with").is_some() {
        let kind = cursor.one_of(AncillaryKind::ALL.map(|one| (one, one.words())))?;
        term.ancillary.push(Ancillary { kind, words: cursor.quoted().unwrap_or_default() });
    } else {
        cursor.word("if")?;
        if !term.conditions.is_empty() {
            return None;
        }
        term.conditions = cursor.quoted()?;
    }
    Some(())
}

/// `Mon 18 May 2026 12:00 BST`; the day of the week has to fit.
fn instant(value: &str) -> Option<Timestamp> {
    let (local, clock) = value.rsplit_once(' ')?;
    let offset = match clock {
        "BST" => Offset::constant(1),
        "GMT" => Offset::constant(0),
        _ => return None,
    };
    let at = hearing(local)?;
    let at = at.date.to_datetime(at.time?).to_zoned(TimeZone::fixed(offset)).ok()?;
    Some(at.timestamp())
}

/// `Wed 27 May 2026 10:00`, or without a time.
fn hearing(value: &str) -> Option<HearingTime> {
    let fields: Vec<&str> = value.split(' ').collect();
    let day = fields.get(..4)?.join(" ");
    let date = Date::strptime("%a %d %b %Y", day).ok()?;
    let time = match fields.get(4..)? {
        [] => None,
        [time] => Some(Time::strptime("%H:%M", time).ok()?),
        _ => return None,
    };
    Some(HearingTime { date, time })
}
