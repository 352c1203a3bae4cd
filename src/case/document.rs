//! Documents of a case: what came with mail, what was sent, what was fetched from a portal by hand; and what each is by its name. Pure.
//!
//! A name is a claim of whoever gave it. It is enough to stop a file on its way out, and to keep one shut that was not meant for us; it proves
//! nothing. Material that the prosecution has disclosed may be used for the proceedings only (Criminal Procedure and Investigations Act 1996
//! ss.17-18; Criminal Justice and Licensing (Scotland) Act 2010 s.162). The rules are data: `document/kinds.toml`, and `[[document]]` of the
//! configuration before it.

mod holds;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock};

use jiff::Timestamp;
use regex::Regex;

pub use self::holds::{Holds, Unseen};
use super::jurisdiction::Jurisdiction;
use crate::mail::id::MessageRef;
use crate::settings::finding::Finding;
use crate::settings::{Document as Toml, Fields};

/// The rules that come with the program.
const BUILT_IN: &str = include_str!("document/kinds.toml");

/// What stands in the place of the name of a document that is in quarantine.
pub const OUT_OF_REACH: &str = "(in quarantine)";

/// What stands in the place of its media type.
pub const OUT_OF_REACH_TYPE: &str = "application/octet-stream";

/// What a document is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Kind {
    /// Short, for instance `MG5`; `OTHER` where no rule fits, `LINK` for what is only shared by a link.
    pub code: String,
    /// In words.
    pub words: String,
    /// The folder of an export that it goes to: small letters, digits and `-`.
    pub topic: String,
    /// Never meant for the defence: having it is an incident.
    pub withheld: bool,
    /// Material of a prosecution.
    pub material: bool,
}

impl Kind {
    /// What no rule knows.
    pub const OTHER: &'static str = "OTHER";
    /// What is shared by a link only.
    pub const LINK: &'static str = "LINK";
    /// What is in quarantine: what it is, nothing says any more.
    pub const SHUT: &'static str = "SHUT";

    fn plain(code: &str, words: &str, topic: &str) -> Self {
        Self { code: code.into(), words: words.into(), topic: topic.into(), withheld: false, material: false }
    }
}

/// A rule: a kind, and what tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KindRule {
    /// What it is.
    pub kind: Arc<Kind>,
    /// As in `document/kinds.toml`.
    pub names: Vec<String>,
    /// As in `document/kinds.toml`.
    pub types: Vec<String>,
    /// The pieces of each name, as [`padded`] words: thousands of files are asked.
    pieces: Vec<Vec<String>>,
}

impl KindRule {
    fn new(kind: Kind, names: Vec<String>, types: Vec<String>) -> Self {
        let told = names.iter().filter(|name| !name.trim().is_empty());
        let pieces = told.map(|name| name.split('+').map(padded).collect()).collect();
        Self { kind: Arc::new(kind), names, types, pieces }
    }

    /// Whether all pieces of one of its names stand in the words of a file's name.
    fn fits(&self, padded: &str) -> bool {
        self.pieces.iter().any(|name| name.iter().all(|piece| padded.contains(piece)))
    }
}

/// The rules, in the order in which they are asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kinds {
    rules: Arc<[KindRule]>,
    own: usize,
    other: Arc<Kind>,
    link: Arc<Kind>,
    shut: Arc<Kind>,
}

static SHIPPED: LazyLock<Vec<KindRule>> = LazyLock::new(|| {
    let (document, _) = Toml::parse("kinds.toml", BUILT_IN);
    let mut fields = Fields::new(&document.root, crate::settings::finding::Place::file("kinds.toml"));
    read_rules(&mut fields)
});

impl Default for Kinds {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

/// `MG 11`, `MG11`, `MG011`, also with a letter.
static MG: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\bMG ?0*([0-9]{1,2}) ?([A-F]\b)?").ok());

/// Words in upper case with single spaces, however they were joined: `mg_11-Badger.pdf` is `MG11 BADGER PDF`.
fn words(name: &str) -> String {
    let spaced: String = name.chars().map(|c| if c.is_alphanumeric() { c } else { ' ' }).collect();
    let words = spaced.split_whitespace().collect::<Vec<_>>().join(" ").to_uppercase();
    let Some(mg) = MG.as_ref() else { return words };
    let joined = mg.replace_all(&words, |found: &regex::Captures<'_>| {
        let group = |at: usize| found.get(at).map_or("", |m| m.as_str());
        format!("MG{}{} ", group(1), group(2))
    });
    joined.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The words of a name, each between spaces.
fn padded(name: &str) -> String {
    format!(" {} ", words(name))
}

impl Kinds {
    /// The shipped rules behind those of the configuration.
    #[must_use]
    pub fn new(own: Vec<KindRule>) -> Self {
        let own_count = own.len();
        let mut rules = own;
        rules.extend(SHIPPED.iter().cloned());
        Self { rules: rules.into(), own: own_count, ..Self::none() }
    }

    /// No rule at all, for what is asked of other things than names.
    pub(crate) fn none() -> Self {
        Self {
            rules: Arc::default(),
            own: 0,
            other: Arc::new(Kind::plain(Kind::OTHER, "document", "other")),
            link: Arc::new(Kind::plain(Kind::LINK, "shared by link only", "links")),
            shut: Arc::new(Kind::plain(Kind::SHUT, "in quarantine", "other")),
        }
    }

    /// The rules of the configuration.
    #[must_use]
    pub fn own(&self) -> &[KindRule] {
        self.rules.get(..self.own).unwrap_or_default()
    }

    /// What a name says, else what the media type says.
    #[must_use]
    pub fn of(&self, name: &str, media_type: &str) -> Arc<Kind> {
        let by_name = self.of_name(name);
        let media_type = media_type.to_ascii_lowercase();
        let typed = |rule: &&KindRule| {
            rule.types.iter().any(|one| *one == media_type || (one.ends_with('/') && media_type.starts_with(one)))
        };
        let by_type = || self.rules.iter().find(typed).map(|rule| Arc::clone(&rule.kind));
        by_name.or_else(by_type).unwrap_or_else(|| Arc::clone(&self.other))
    }

    /// What a name says it is.
    #[must_use]
    pub fn of_name(&self, name: &str) -> Option<Arc<Kind>> {
        let padded = padded(name);
        let find = |padded: &str| self.rules.iter().find(|rule| rule.fits(padded)).map(|rule| Arc::clone(&rule.kind));
        // A letter that no form has is no part of the number: `MG5 A.pdf`.
        let unlettered = || {
            let mg = padded
                .split(' ')
                .find(|word| word.starts_with("MG") && word.ends_with(|c: char| c.is_ascii_alphabetic()))?;
            let number = mg.trim_end_matches(|c: char| c.is_ascii_alphabetic());
            (number.len() > 2).then(|| find(&padded.replace(mg, number))).flatten()
        };
        find(&padded).or_else(unlettered)
    }

    /// What a name says it is, where that is material of a prosecution.
    #[must_use]
    pub fn material(&self, name: &str) -> Option<Arc<Kind>> {
        self.of_name(name).filter(|kind| kind.material)
    }

    /// What is shared by a link only.
    #[must_use]
    pub fn link(&self) -> Arc<Kind> {
        Arc::clone(&self.link)
    }

    /// What is in quarantine.
    #[must_use]
    pub fn shut(&self) -> Arc<Kind> {
        Arc::clone(&self.shut)
    }
}

/// Reads `[[document]]` rules; what is wrong is noted in `top`.
pub fn read_rules(top: &mut Fields<'_>) -> Vec<KindRule> {
    let mut rules: Vec<KindRule> = Vec::new();
    for mut fields in top.tables("document") {
        let code = fields.required("code", "\"MG6D\"");
        let words = fields.text("words");
        let topic = fields.text("topic").unwrap_or_else(|| "other".to_owned());
        let withheld = fields.boolean("withheld", false);
        let material = fields.boolean("material", true);
        let list = |fields: &mut Fields<'_>, key: &'static str| -> Vec<String> {
            fields.texts(key).unwrap_or_default().into_iter().map(|(_, text)| text).collect()
        };
        let names = list(&mut fields, "names");
        let types: Vec<String> = list(&mut fields, "types").iter().map(|one| one.to_ascii_lowercase()).collect();
        let plain = |text: &str, also: &str| {
            !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || also.contains(c)) && text.len() <= 20
        };
        if let Some(code) = code {
            let (place, cure) = (fields.place_of("code"), "write letters, digits and `-`, for instance \"MG6D\"");
            if !plain(&code, "-") {
                fields.note(Finding::error(place, format!("`{code}` is no code of a document"), cure));
            } else if !plain(&topic, "-") || topic.chars().any(char::is_uppercase) {
                let place = fields.place_of("topic");
                let cure = "it is the name of a folder: small letters, digits and `-`";
                fields.note(Finding::error(place, format!("`{topic}` is no topic"), cure));
            } else if names.is_empty() && types.is_empty() {
                let cure = "write `names = [\"MG6D\"]` or `types = [\"audio/\"]`";
                fields.note(Finding::error(place, format!("nothing tells what is `{code}`"), cure));
            } else {
                let words = words.unwrap_or_else(|| code.clone());
                rules.push(KindRule::new(Kind { code, words, topic, withheld, material }, names, types));
            }
        }
        top.adopt(fields.end());
    }
    rules
}

/// Which way a document went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// It came by mail.
    #[default]
    In,
    /// It was sent by mail.
    Out,
    /// It was fetched by hand, for instance from a portal, and taken into the register.
    ByHand,
}

impl Direction {
    /// `in`, `out` or `by-hand`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Out => "out",
            Self::ByHand => "by-hand",
        }
    }
}

/// Whether a document may be looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reach {
    /// Yes.
    #[default]
    Open,
    /// Its name is on the watch list and nobody has decided yet: no preview.
    Watched,
    /// It was put out of reach: no preview, no search, no export.
    Quarantined,
}

/// The attachment that a file is in: Outlook's package (`winmail.dat`), or a message that is attached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// IMAP section of the attachment.
    pub path: String,
    /// Its name, made safe as the name of a file.
    pub name: String,
    /// SHA-256 of the attachment, lower-case hexadecimal.
    pub sha256: String,
}

/// A document: one part of one message, a file in such a part, or one file that was taken in by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Where its message lies; `None`: no longer here, sent and not yet filed, or taken in by hand.
    pub message: Option<MessageRef>,
    /// Message-ID without brackets; empty for what was taken in by hand.
    pub message_id: String,
    /// IMAP section in the message as shown, after decryption, with the place in it behind that for a file in it: `2/1`, `2/3/1`; empty for what was
    /// taken in by hand or is a link.
    pub path: String,
    /// As the sender gave it, made safe as the name of a file.
    pub name: String,
    /// Lower-case.
    pub media_type: String,
    /// What it is by its name.
    pub kind: Arc<Kind>,
    /// Decoded; 0 for a link.
    pub bytes: u64,
    /// SHA-256 of the decoded content, lower-case hexadecimal; empty for a link.
    pub sha256: String,
    /// Address of the author; for what was taken in by hand the source that the person gave.
    pub from: String,
    /// Which way it went.
    pub direction: Direction,
    /// By the Date field.
    pub sent: Option<Timestamp>,
    /// INTERNALDATE; for what was taken in by hand, when that was.
    pub received: Option<Timestamp>,
    /// When a device first wrote it down.
    pub first_seen: Option<Timestamp>,
    /// When it counts as served, with the reason; empty where no rule says.
    pub deemed_served: String,
    /// Who signed it, in words; empty where no good signature covers it.
    pub signed_by: String,
    /// Its message was read.
    pub seen: bool,
    /// When it was last written out.
    pub exported: Option<Timestamp>,
    /// The link that it is shared by, shown and never followed; empty for a file.
    pub link: String,
    /// Whether it may be looked at.
    pub reach: Reach,
    /// The attachment that it is in, where it is not one itself.
    pub inside: Option<Package>,
    /// The name of what is in it, or in one package with it, that it is shut for; empty where that is its own name, or it is in reach.
    pub because: String,
    /// Why it is not known what all is in it.
    pub unseen: Option<Unseen>,
}

impl Document {
    /// One of which nothing is known but what it is: it came, nobody says from whom or when, and it is in reach.
    #[must_use]
    pub const fn blank(kind: Arc<Kind>) -> Self {
        Self {
            message: None,
            message_id: String::new(),
            path: String::new(),
            name: String::new(),
            media_type: String::new(),
            kind,
            bytes: 0,
            sha256: String::new(),
            from: String::new(),
            direction: Direction::In,
            sent: None,
            received: None,
            first_seen: None,
            deemed_served: String::new(),
            signed_by: String::new(),
            seen: false,
            exported: None,
            link: String::new(),
            reach: Reach::Open,
            inside: None,
            because: String::new(),
            unseen: None,
        }
    }

    /// As it is told of: where it is in quarantine, without its name and without what says what it is. Its place, size and digest are left.
    #[must_use]
    pub fn told(mut self, kinds: &Kinds) -> Self {
        if self.reach == Reach::Quarantined {
            OUT_OF_REACH.clone_into(&mut self.name);
            OUT_OF_REACH_TYPE.clone_into(&mut self.media_type);
            self.kind = kinds.shut();
            (self.because, self.unseen) = (String::new(), None);
            if let Some(package) = &mut self.inside {
                OUT_OF_REACH.clone_into(&mut package.name);
            }
        }
        self
    }

    /// Whether it is shut for something else than its own name: for what lies in one package with it, mostly. A copy of it may be in reach.
    #[must_use]
    pub fn is_shut_along(&self) -> bool {
        self.reach == Reach::Quarantined || (self.reach == Reach::Watched && !self.kind.withheld)
    }

    /// Whether there is a file and not only a link.
    #[must_use]
    pub const fn is_file(&self) -> bool {
        self.link.is_empty()
    }

    /// When it came or went.
    #[must_use]
    pub fn at(&self) -> Option<Timestamp> {
        self.received.or(self.sent)
    }
}

/// Places of documents with one content: the first that came stands for all. In the order of `documents`.
#[must_use]
pub fn folded(documents: &[Document]) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut known: HashMap<(&str, u64), usize> = HashMap::new();
    for (place, document) in documents.iter().enumerate() {
        if document.sha256.is_empty() {
            groups.push(vec![place]);
            continue;
        }
        match known.get(&(document.sha256.as_str(), document.bytes)).and_then(|at| groups.get_mut(*at)) {
            Some(group) => group.push(place),
            None => {
                known.insert((document.sha256.as_str(), document.bytes), groups.len());
                groups.push(vec![place]);
            }
        }
    }
    groups
}

/// A name by which people sort: numbers as such, `MG4` before `MG11`, small letters and capitals alike.
fn counted(name: &str) -> String {
    let (mut made, mut number) = (String::with_capacity(name.len()), String::new());
    for c in name.chars().map(Some).chain([None]) {
        match c.filter(char::is_ascii_digit) {
            Some(digit) => number.push(digit),
            None => {
                let shown = number.trim_start_matches('0');
                if !number.is_empty() {
                    // Among other characters it stands where digits do; the longer is the larger.
                    made.push_str(&format!("0{:06}{shown}", shown.len()));
                }
                number.clear();
                made.extend(c.into_iter().flat_map(char::to_lowercase));
            }
        }
    }
    made
}

/// What a list is sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SortBy {
    /// When it came or went, the latest first.
    #[default]
    Latest,
    /// The same, the earliest first.
    Earliest,
    /// Kind, then name.
    Kind,
    /// Name.
    Name,
    /// Size, the largest first.
    Size,
    /// Author.
    From,
    /// What was not read first, then the latest.
    Unseen,
    /// What was not written out first, then the latest.
    NotExported,
}

impl SortBy {
    /// All, in the order in which a key goes through them.
    pub const ALL: [Self; 8] =
        [Self::Latest, Self::Earliest, Self::Kind, Self::Name, Self::Size, Self::From, Self::Unseen, Self::NotExported];

    /// In a word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Latest => "latest",
            Self::Earliest => "earliest",
            Self::Kind => "kind",
            Self::Name => "name",
            Self::Size => "size",
            Self::From => "author",
            Self::Unseen => "what was not read",
            Self::NotExported => "what was not written out",
        }
    }

    /// The next.
    #[must_use]
    pub fn next(self) -> Self {
        let at = Self::ALL.iter().position(|one| *one == self).unwrap_or_default();
        Self::ALL.get((at + 1) % Self::ALL.len()).copied().unwrap_or_default()
    }

    /// Sorts; what is equal stays in its order.
    pub fn sort(self, documents: &mut [Document]) {
        self.sort_by(documents, |document| document);
    }

    /// Sorts what holds documents.
    pub fn sort_by<T>(self, rows: &mut [T], of: impl Fn(&T) -> &Document) {
        match self {
            Self::Latest => rows.sort_by_key(|row| std::cmp::Reverse(of(row).at())),
            Self::Earliest => rows.sort_by_key(|row| of(row).at()),
            Self::Kind => rows.sort_by_cached_key(|row| (counted(&of(row).kind.code), counted(&of(row).name))),
            Self::Name => rows.sort_by_cached_key(|row| counted(&of(row).name)),
            Self::Size => rows.sort_by_key(|row| std::cmp::Reverse(of(row).bytes)),
            Self::From => rows.sort_by_cached_key(|row| of(row).from.to_lowercase()),
            Self::Unseen => rows.sort_by_key(|row| (of(row).seen, std::cmp::Reverse(of(row).at()))),
            Self::NotExported => {
                rows.sort_by_key(|row| (of(row).exported.is_some(), std::cmp::Reverse(of(row).at())));
            }
        }
    }
}

/// How many documents there are of each kind, by code.
#[must_use]
pub fn counts(documents: &[Document]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for document in documents {
        *counts.entry(document.kind.code.as_str()).or_default() += 1;
    }
    counts
}

/// What the help says of material that was not meant for its reader. The same everywhere, but for what the law of a place adds.
#[must_use]
pub fn advice(law: Option<Jurisdiction>) -> Vec<&'static str> {
    let mut lines = vec![
        "Stop reading. Whether you may read on is a question of professional conduct: ask a supervisor before anybody opens it.",
        "Quarantine seals it under a key of its own; the register has the time and who did it, before any view.",
        "A notice to the sender is drafted. Nothing is sent until you send it.",
    ];
    match law {
        Some(Jurisdiction::EnglandWales) => lines.push(
            "England and Wales: where it is obvious that privileged material came by mistake, its content is not told to the client nor used, and you co-operate in putting it right.",
        ),
        // Law Society of Scotland guidance states no duty to return what was read before the mistake was seen; nothing is claimed.
        Some(Jurisdiction::Scotland) => {
            lines.push("Scotland: where the mistake shows only after reading, what follows is for your own advice to settle.");
        }
        None => {}
    }
    lines
}

#[cfg(test)]
impl Document {
    /// A file of which nothing but this is known.
    pub(crate) fn named(name: &str, media_type: &str, bytes: u64, sha256: String) -> Self {
        Self {
            name: name.into(),
            media_type: media_type.into(),
            bytes,
            sha256,
            seen: true,
            ..Self::blank(Kinds::default().of(name, media_type))
        }
    }
}

#[cfg(test)]
mod tests;
