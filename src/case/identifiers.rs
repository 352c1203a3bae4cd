//! Numbers that name a case, a defendant's arrest or a legal-aid file, found in text and brought to one canonical form.
//!
//! The grammars are data ([`STANDARD`]); a firm adds its own. A failed check letter is a warning, never a rejection: the published
//! example of one of these formats fails the check that its own standard states. A telephone number is never an identifier: eleven
//! digits make no URN without its letters.

mod canonical;
mod plain;

use std::collections::{BTreeMap, HashSet};
use std::fmt;

use regex::{Captures, Regex, RegexSet};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use self::canonical::{canonical, has_letter};
pub(super) use self::plain::plain;

/// What an identifier is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Unique reference number of a prosecution case (England and Wales): `99ZX0012326`.
    Urn,
    /// Crown Court case number: `T20269001`.
    CrownCourt,
    /// Procurator fiscal reference (Scotland): `ZZ26000417`.
    PfReference,
    /// High Court of Justiciary appeal: `HCA/2019/331/XC`.
    HighCourtAppeal,
    /// Arrest/summons number: `26/99ZX/01/48151N`.
    Asn,
    /// Legal-aid application: `9000001`, only where it is labelled.
    Maat,
    /// Unique file number of a legal-aid file: `250226/001`.
    Ufn,
    /// Scottish criminal record number: names a person.
    Scro,
    /// Court case reference number: names a record.
    Ccrn,
    /// A firm's own matter number or free text, by the name that the configuration gives it.
    Own(String),
    /// A number of a person, a record or an attendance, by the name that the configuration gives it: it leads to a case only where that says so.
    Person(String),
}

impl Kind {
    /// The name that scripts read.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Urn => "urn",
            Self::CrownCourt => "crown-court",
            Self::PfReference => "pf-reference",
            Self::HighCourtAppeal => "high-court-appeal",
            Self::Asn => "asn",
            Self::Maat => "maat",
            Self::Ufn => "ufn",
            Self::Scro => "scro",
            Self::Ccrn => "ccrn",
            Self::Own(name) | Self::Person(name) => name,
        }
    }

    /// The words for people.
    #[must_use]
    pub fn words(&self) -> &str {
        match self {
            Self::Urn => "URN",
            Self::CrownCourt => "Crown Court number",
            Self::PfReference => "PF reference",
            Self::HighCourtAppeal => "High Court appeal number",
            Self::Asn => "ASN",
            Self::Maat => "MAAT number",
            Self::Ufn => "UFN",
            Self::Scro => "SCRO number",
            Self::Ccrn => "CCRN",
            Self::Own(name) | Self::Person(name) => name,
        }
    }

    /// Whether it names a case by itself. The others name people, arrests or files: they lead to a case only where the configuration
    /// says which.
    #[must_use]
    pub fn names_a_case(&self) -> bool {
        matches!(self, Self::Urn | Self::CrownCourt | Self::PfReference | Self::HighCourtAppeal | Self::Own(_))
    }
}

/// An identifier in its canonical form.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Identifier {
    /// What it is.
    pub kind: Kind,
    /// The canonical form: what messages are grouped by.
    pub value: String,
    /// Something about it is odd, in words; it counts all the same.
    pub warning: Option<String>,
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.value)
    }
}

/// A grammar: the text form, with capture groups that joined and upper-cased give the canonical value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// What it finds.
    pub kind: Kind,
    /// Text form in the syntax of the `regex` crate, without what surrounds it.
    pub text: String,
}

/// The standard grammars. Those whose form holds another's come first. A `~` stands for [`BETWEEN`].
const STANDARD: &[(Kind, &str)] = &[
    (Kind::Asn, r"([0-9]{2} ?/ ?[A-Za-z0-9]{4} ?/ ?[A-Za-z0-9]{2,3} ?/ ?[0-9]{1,11}[A-HJ-NP-RT-Za-hj-np-rt-z])"),
    (Kind::Asn, r"([0-9]{2}[A-Za-z0-9]{4}[A-Za-z0-9]{2}[0-9]{11}[A-HJ-NP-RT-Za-hj-np-rt-z])"),
    (
        Kind::Asn,
        r"(?i:ASN(?:[ _.:#\-]|NO|NUMBER|REF)*)([0-9]{2}[ _/\-][A-Za-z0-9]{4}[ _/\-][A-Za-z0-9]{2,3}[ _/\-][0-9]{1,11}[A-HJ-NP-RT-Za-hj-np-rt-z])",
    ),
    (Kind::HighCourtAppeal, r"([Hh][Cc][Aa] ?[/_\-] ?20[0-9]{2} ?[/_\-] ?[0-9]{1,6}(?: ?[/_\-] ?[Xx][CJMcjm])?)"),
    (Kind::HighCourtAppeal, r"([Xx][CJMcjm][0-9]{3,4}/[0-9]{2})"),
    (Kind::Ccrn, r"([0-9]{2}/[0-9]{4}/[0-9]{1,6}[A-HJ-NP-RT-Z])"),
    (Kind::Scro, r"([Ss][0-9]{6}/[0-9]{2}[A-Za-z])"),
    (Kind::Maat, r"(?i:MAAT(?:[\s_.:/#=\-]|ID|REF(?:ERENCE)?|NO|NUMBER|IS)*)([0-9]{6,9})"),
    (Kind::Ufn, r"(?i:UFN(?:[\s_.:#=\-]|NO|NUMBER|REF(?:ERENCE)?|IS)*)([0-3][0-9][01][0-9]{3}[ _/\-]{1,3}[0-9]{3})"),
    (Kind::Ufn, r"([0-3][0-9][01][0-9]{3} ?/ ?[0-9]{3})"),
    (Kind::Urn, r"([0-9]{2})~([A-Za-z]{2}|[A-Za-z][0-9]|[0-9][A-Za-z])~([0-9]{5})~([0-9]{2})"),
    (Kind::CrownCourt, r"([BASTUbastu]) ?((?:199[0-9]|20[0-9]{2})[0-9]{4})"),
    (
        Kind::PfReference,
        r"(?i:PF(?:['’]?S)?(?:[ _.:#\-]|REF(?:ERENCE)?|NO|NUMBER)+)([A-Za-z]{2})~([0-9]{2})~([0-9]{6})",
    ),
    (Kind::PfReference, r"([A-Za-z]{2})~([0-9]{2})~([0-9]{6})"),
];

/// What stands between the pieces of a number: nothing, blanks, a stroke with or without blanks, or the end of a line, quoted or not.
const BETWEEN: &str = r"(?:[ \t]{0,2}[/.\-_]?[ \t]{0,2}|[ \t]*[/.\-_]?\r?\n[> \t]{0,8})";

/// How much of a text is looked at, in bytes: forty lines of people's mail are never longer.
const TEXT_MAX: usize = 256 * 1024;

/// Identifiers of one text.
const FOUND_MAX: usize = 500;

/// A pattern of the configuration that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PatternError {
    /// Its text is no regular expression.
    #[error("the pattern of \"{name}\" is no regular expression: {because}")]
    Syntax {
        /// The pattern's name.
        name: String,
        /// Why.
        because: String,
    },
    /// It captures nothing.
    #[error("the pattern of \"{0}\" has no capture group ( ): the groups joined are the identifier")]
    NoGroup(String),
    /// It matches the empty text.
    #[error("the pattern of \"{0}\" matches the empty text")]
    Empty(String),
}

/// Compiled grammars.
#[derive(Clone, Debug)]
pub struct Patterns {
    compiled: Vec<(Kind, Regex)>,
    /// The same, in the same order, in one: which of them are in a text at all is known after one look at it. Nothing where they are too
    /// large together.
    all: Option<RegexSet>,
}

impl Patterns {
    /// The standard grammars and those of the configuration, which come first.
    ///
    /// # Errors
    /// The first pattern of the configuration that cannot be used.
    pub fn new(own: &[Pattern]) -> Result<Self, PatternError> {
        let standard =
            STANDARD.iter().map(|(kind, text)| Pattern { kind: kind.clone(), text: text.replace('~', BETWEEN) });
        let (mut compiled, mut texts) = (Vec::new(), Vec::new());
        for Pattern { kind, text } in own.iter().cloned().chain(standard) {
            let name = || kind.name().to_owned();
            let syntax = |error: regex::Error| PatternError::Syntax { name: name(), because: error.to_string() };
            let inner = Regex::new(&text).map_err(syntax)?;
            if inner.captures_len() < 2 {
                return Err(PatternError::NoGroup(name()));
            }
            if inner.is_match("") {
                return Err(PatternError::Empty(name()));
            }
            let wrapped = format!("(?:^|[^A-Za-z0-9])(?:{text})(?:$|[^A-Za-z0-9])");
            let regex = Regex::new(&wrapped).map_err(syntax)?;
            compiled.push((kind, regex));
            texts.push(wrapped);
        }
        Ok(Self { compiled, all: RegexSet::new(&texts).ok() })
    }

    /// Every identifier in a text, in its order, each once: the first [`FOUND_MAX`] in its first [`TEXT_MAX`] bytes. Texts are foreign, and
    /// who writes one may not decide how long it takes.
    #[must_use]
    pub fn find(&self, text: &str) -> Vec<Identifier> {
        let text = &*plain(beginning(text));
        // Most texts of a mailbox hold no number at all.
        if !text.bytes().any(|b| b.is_ascii_digit()) {
            return Vec::new();
        }
        // By where they begin; no two of them overlap.
        let mut found: BTreeMap<usize, (usize, Identifier)> = BTreeMap::new();
        let here = self.all.as_ref().map(|all| all.matches(text));
        for (at, (kind, regex)) in self.compiled.iter().enumerate() {
            if here.as_ref().is_some_and(|here| !here.matched(at)) {
                continue;
            }
            let mut from = 0;
            while let Some(captures) = regex.captures_at(text, from) {
                let groups: Vec<_> = captures.iter().skip(1).flatten().collect();
                let (Some(first), Some(last)) = (groups.first(), groups.last()) else { break };
                let (start, end) = (first.start(), last.end());
                let joined = || groups.iter().map(|group| group.as_str()).collect::<String>();
                let (written, labelled) = (text.get(start..end).unwrap_or_default(), is_labelled(text, &captures));
                let may_be_foreign = !labelled && matches!(kind, Kind::PfReference | Kind::CrownCourt);
                if !plain::is_meant(kind, &joined(), written, labelled)
                    || (may_be_foreign && plain::is_foreign(text, start, kind))
                {
                    from = after(text, start);
                    continue;
                }
                match found.range_mut(..end).next_back().filter(|(_, (e, _))| start < *e) {
                    None => {
                        found.insert(start, (end, canonical(kind.clone(), &joined())));
                    }
                    // Two grammars fit the same text, `42/05C`: the check letter tells which one was meant.
                    Some((s, (e, known)))
                        if (*s, *e) == (start, end) && known.warning.is_some() && has_letter(kind) =>
                    {
                        let this = canonical(kind.clone(), &joined());
                        if this.warning.is_none() {
                            *known = this;
                        }
                    }
                    Some(_) => {}
                }
                // The pattern eats the character on each side: the search goes on at the end of the identifier, not of the match, or the
                // second of two numbers with one space between them is missed.
                from = after(text, end.max(from + 1).saturating_sub(1));
                if from >= text.len() {
                    break;
                }
            }
        }
        let mut known: HashSet<Identifier> = HashSet::new();
        let each = found.into_values().map(|(_, identifier)| identifier);
        each.filter(|identifier| known.insert(identifier.clone())).take(FOUND_MAX).collect()
    }

    /// Reads a text that is meant to be one identifier, as the configuration gives them: `T20269001`, `MAAT 9000001`. What fits no
    /// grammar is an alias in free text.
    #[must_use]
    pub fn read(&self, text: &str) -> Identifier {
        let quoted = text.strip_prefix(QUOTE).and_then(|text| text.split_once(QUOTE));
        if let Some((name, value)) = quoted
            && let Some(kind) = self.named(name)
        {
            return canonical(kind, value);
        }
        let text = plain(text);
        let text = text.trim();
        let mut odd = None;
        for (kind, regex) in &self.compiled {
            if let Some(captures) = regex.captures(text)
                && captures.get(0).is_some_and(|whole| whole.len() == text.len())
                && (odd.is_none() || has_letter(kind))
            {
                let joined: String = captures.iter().skip(1).flatten().map(|group| group.as_str()).collect();
                let this = canonical(kind.clone(), &joined);
                if this.warning.is_none() {
                    return this;
                }
                odd = odd.or(Some(this));
            }
        }
        if let Some(odd) = odd {
            return odd;
        }
        let value = text.split_whitespace().collect::<Vec<_>>().join(" ").to_uppercase();
        Identifier { kind: Kind::Own(ALIAS.to_owned()), value, warning: None }
    }

    /// Writes an identifier so that [`Self::find_again`] finds it and [`Self::read`] reads it, whatever its pattern wants around it.
    #[must_use]
    pub fn quote(&self, identifier: &Identifier) -> String {
        let is = |found: &Identifier| found.kind == identifier.kind && found.value == identifier.value;
        match self.find(&identifier.value).as_slice() {
            [found] if is(found) => identifier.value.clone(),
            _ => format!("{QUOTE}{}{QUOTE}{}", identifier.kind.name(), identifier.value),
        }
    }

    /// As [`Self::find`], in lines some of which [`Self::quote`] wrote.
    #[must_use]
    pub fn find_again(&self, lines: &str) -> Vec<Identifier> {
        if !lines.contains(QUOTE) {
            return self.find(lines);
        }
        let mut found: Vec<Identifier> = Vec::new();
        for line in lines.lines() {
            let quoted = line.strip_prefix(QUOTE).and_then(|line| line.split_once(QUOTE));
            let of_line = match quoted {
                Some((name, value)) => self.named(name).map(|kind| canonical(kind, value)).into_iter().collect(),
                None => self.find(line),
            };
            found.extend(of_line);
        }
        found
    }

    /// The kind of a name.
    fn named(&self, name: &str) -> Option<Kind> {
        let known = self.compiled.iter().map(|(kind, _)| kind).find(|kind| kind.name() == name);
        known.cloned().or_else(|| (name == ALIAS).then(|| Kind::Own(ALIAS.to_owned())))
    }
}

/// The name of what is no number of any known form.
pub(super) const ALIAS: &str = "alias";

/// Stands around the kind of an identifier that was found and is kept. A control character that no kept text holds.
const QUOTE: char = '\u{2}';

/// What is looked at of a text: its beginning, up to a blank where that is cut off, so that no number is cut into another one.
pub(super) fn beginning(text: &str) -> &str {
    if text.len() <= TEXT_MAX {
        return text;
    }
    let cut = (0..=TEXT_MAX).rev().find_map(|end| text.get(..end)).unwrap_or_default();
    cut.rfind(char::is_whitespace).and_then(|end| cut.get(..end)).unwrap_or(cut)
}

/// Where a search goes on behind the character that begins at a place.
fn after(text: &str, at: usize) -> usize {
    let mut next = at.saturating_add(1);
    while next < text.len() && !text.is_char_boundary(next) {
        next = next.saturating_add(1);
    }
    next
}

/// Whether words stand before the first group: what says what the number is.
fn is_labelled(text: &str, captures: &Captures<'_>) -> bool {
    let whole = captures.get(0).map(|whole| whole.start()).unwrap_or_default();
    let first = captures.iter().skip(1).flatten().next().map_or(whole, |group| group.start());
    text.get(whole..first).is_some_and(|before| before.bytes().any(|byte| byte.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests;
