//! Which cases a message belongs to, and why, in words. Pure.
//!
//! The strongest evidence wins: an identifier in the message's own subject, then a filing rule of the practice, then the thread it answers, then an identifier in the first lines
//! of its text, then one in an attachment's name. Agencies often start a fresh mail instead of replying, so identifiers join what threads do
//! not. Several identifiers in a subject file it to each ("shared"); several cases in a text are only suggested, since texts quote. A surname alone
//! never files anything.
//!
//! A thread is only believed where the sender fits it: whoever learns a Message-ID can put it into In-Reply-To, and must not be able to
//! slip a message into a case by that. Such a message is flagged, with the case as a suggestion.

use std::collections::{HashMap, HashSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::carriage::Classes;
use super::identifiers::{ALIAS, Identifier, Kind, Patterns, beginning, plain};
use super::rules::{Probe, Rules};
use crate::mail::id::CaseId;

/// The first lines of a text in which an identifier counts.
const TEXT_LINES: usize = 40;

/// How far up a thread is looked for a case and for who takes part.
const CHAIN_MAX: usize = 100;

/// A case of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfiguredCase {
    /// Its name for scripts; empty: its first identifier.
    pub id: String,
    /// For instance `R v FERRET`; may be empty.
    pub title: String,
    /// Identifiers and aliases that all lead to it, as the user writes them.
    pub identifiers: Vec<String>,
}

/// A message as filing sees it.
#[derive(Clone, Debug, Default)]
pub struct Item<'a> {
    /// Index of the message it answers; always of another one in the same list.
    pub parent: Option<usize>,
    /// Subject, cleaned of reply marks and tags.
    pub subject: &'a str,
    /// Text, where it is known; only its first lines count.
    pub text: &'a str,
    /// Names of the attachments.
    pub attachments: &'a [String],
    /// The mailbox that it lies in; empty where that is not known.
    pub mailbox: &'a str,
    /// From, as written.
    pub from: &'a str,
    /// To and Cc, as written.
    pub recipients: &'a [String],
    /// The account's owner wrote it.
    pub is_own: bool,
    /// What a person has decided about it.
    pub decided: Option<&'a Decided>,
}

/// What a person has decided about a message: it stands, whatever the message says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Decided {
    /// Its cases; none: it is not a case.
    pub cases: Vec<CaseId>,
    /// What answers it goes with it, where the sender fits and no number says otherwise.
    pub whole_thread: bool,
}

/// Why a message is in a case.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// A person said so.
    Decided,
    /// By an identifier in its subject.
    Subject(Kind),
    /// With the message it answers, or the thread that answers it.
    Thread,
    /// By an identifier in its text.
    Text(Kind),
    /// By an identifier in the name of an attachment.
    Attachment(Kind),
    /// By a filing rule of the practice, in its words.
    Rule(String),
}

impl Reason {
    /// How strong it is as evidence, out of 100: of two, the higher one counts.
    #[must_use]
    pub const fn score(&self) -> u8 {
        match self {
            Self::Decided => 100,
            Self::Subject(_) => 90,
            Self::Rule(_) => 80,
            Self::Thread => 70,
            Self::Text(_) => 40,
            Self::Attachment(_) => 30,
        }
    }
}

impl Reason {
    /// The words with the score: `by URN in the subject (90 of 100)`.
    #[must_use]
    pub fn scored(&self) -> String {
        format!("{self} ({} of 100)", self.score())
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decided => f.write_str("by decision"),
            Self::Subject(kind) => write!(f, "by {} in the subject", kind.words()),
            Self::Thread => f.write_str("with its thread"),
            Self::Text(kind) => write!(f, "by {} in the text", kind.words()),
            Self::Attachment(kind) => write!(f, "by {} in an attachment's name", kind.words()),
            Self::Rule(words) => write!(f, "by the filing rule: {words}"),
        }
    }
}

/// A case that a message belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Filed {
    /// The case.
    pub case: CaseId,
    /// Why.
    pub because: Reason,
}

/// Why a person should look at a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flag {
    /// It claims to answer a message of a case, but its sender is nobody of that thread.
    StrangerInThread,
    /// Its text or attachments name several cases.
    Ambiguous,
}

impl Flag {
    /// The words for people.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::StrangerInThread => "it claims to belong to a thread in which its sender has no part",
            Self::Ambiguous => "it names several cases",
        }
    }
}

/// Where a message belongs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Filing {
    /// The cases it is filed to; several: it is shared between them.
    pub cases: Vec<Filed>,
    /// Cases it may belong to, for a person to decide.
    pub suggestions: Vec<Filed>,
    /// Why a person should look.
    pub flag: Option<Flag>,
    /// A person has decided about it, or about the message that it answers: nobody is asked again.
    pub settled: bool,
}

/// Files messages by the configured cases and the identifiers found.
#[derive(Clone, Debug)]
pub struct Filer {
    patterns: Patterns,
    classes: Classes,
    /// Canonical identifier to the configured cases that have it.
    by_identifier: HashMap<String, Vec<CaseId>>,
    /// Free-text aliases, upper-cased, with their cases.
    aliases: Vec<(String, CaseId)>,
    /// Filing rules.
    rules: Rules,
}

impl Filer {
    /// A filer for the configured cases.
    #[must_use]
    pub fn new(patterns: Patterns, classes: Classes, cases: &[ConfiguredCase]) -> Self {
        let mut by_identifier: HashMap<String, Vec<CaseId>> = HashMap::new();
        let mut aliases = Vec::new();
        for case in cases {
            let Some(id) = case_id(case, &patterns) else { continue };
            for text in &case.identifiers {
                let identifier = patterns.read(text);
                if is_alias(&identifier) {
                    aliases.push((identifier.value, id.clone()));
                } else {
                    let ids = by_identifier.entry(identifier.value).or_default();
                    if !ids.contains(&id) {
                        ids.push(id.clone());
                    }
                }
            }
        }
        Self { patterns, classes, by_identifier, aliases, rules: Rules::default() }
    }

    /// With filing rules.
    #[must_use]
    pub fn with_rules(self, rules: Rules) -> Self {
        Self { rules, ..self }
    }

    /// What the rules say of a message that no person has decided about: a number in its subject is stronger than a rule for a case, and
    /// weaker than one that says that such mail is not a case.
    fn by_rule(&self, item: &Item<'_>, filing: &mut Filing) {
        let Item { from, subject, mailbox, attachments, .. } = *item;
        let Some(rule) = self.rules.first(&Probe { from, subject, mailbox, attachments }, &self.classes) else {
            return;
        };
        match &rule.case {
            None => *filing = Filing { settled: true, ..Filing::default() },
            Some(case) if filing.cases.is_empty() => {
                filing.cases.push(Filed { case: case.clone(), because: Reason::Rule(rule.words()) });
            }
            Some(_) => {}
        }
    }

    /// The identifiers in a text, and the aliases of cases.
    #[must_use]
    pub fn identifiers(&self, text: &str) -> Vec<Identifier> {
        let mut found = self.patterns.find(text);
        for (alias, _) in self.aliases_in(text) {
            if !found.iter().any(|known| known.value == *alias) {
                found.push(alias_of(alias));
            }
        }
        found
    }

    /// The aliases in a text, each with a case that has it.
    fn aliases_in(&self, text: &str) -> impl Iterator<Item = &(String, CaseId)> {
        // Blanks at the end of a line and at the beginning of the next stand for one.
        let one_blank =
            |text: &str| plain(beginning(text)).split_whitespace().collect::<Vec<_>>().join(" ").to_uppercase();
        let upper = if self.aliases.is_empty() { String::new() } else { one_blank(text) };
        self.aliases.iter().filter(move |(alias, _)| holds_word(&upper, alias))
    }

    /// The case that a canonical identifier leads to: the configured one, or one named by the identifier itself.
    #[must_use]
    pub fn cases_of(&self, identifier: &Identifier) -> Vec<CaseId> {
        match self.by_identifier.get(&identifier.value) {
            Some(ids) => ids.clone(),
            None if is_alias(identifier) => {
                let of = self.aliases.iter().filter(|(alias, _)| *alias == identifier.value);
                of.map(|(_, case)| case.clone()).collect()
            }
            None if identifier.kind.names_a_case() => vec![CaseId(identifier.value.clone())],
            None => Vec::new(),
        }
    }

    /// Files every message of one thread.
    #[must_use]
    pub fn file(&self, items: &[Item<'_>]) -> Vec<Filing> {
        let mut filings: Vec<Filing> = items
            .iter()
            .map(|item| match item.decided {
                Some(decided) => settled(decided),
                None => {
                    let cases = self.named_in(item.subject, Reason::Subject);
                    let mut filing = Filing { cases, ..Filing::default() };
                    self.by_rule(item, &mut filing);
                    filing
                }
            })
            .collect();
        let order = parents_first(items);
        for &at in &order {
            self.inherit_down(items, &mut filings, at);
        }
        self.inherit_from_answers(items, &mut filings);
        for (item, filing) in items.iter().zip(&mut filings) {
            if filing.cases.is_empty() && !filing.settled {
                self.read_content(item, filing);
            }
        }
        filings
    }

    /// Every case that a message names anywhere, each once, by the strongest evidence: for whoever would rather look at one too many.
    #[must_use]
    pub fn named(&self, subject: &str, text: &str, attachments: &[String]) -> Vec<Filed> {
        let mut all = self.named_in(subject, Reason::Subject);
        for filed in self
            .named_in(text, Reason::Text)
            .into_iter()
            .chain(self.named_in(&attachments.join("\n"), Reason::Attachment))
        {
            if !all.iter().any(|known| known.case == filed.case) {
                all.push(filed);
            }
        }
        all
    }

    /// The cases that a text names, each once.
    fn named_in(&self, text: &str, reason: impl Fn(Kind) -> Reason) -> Vec<Filed> {
        let mut filed: Vec<Filed> = Vec::new();
        let mut add = |case: CaseId, kind: Kind| {
            if !filed.iter().any(|f| f.case == case) {
                filed.push(Filed { case, because: reason(kind) });
            }
        };
        for identifier in self.patterns.find_again(text) {
            for case in self.cases_of(&identifier) {
                add(case, identifier.kind.clone());
            }
        }
        for (alias, case) in self.aliases_in(text) {
            add(case.clone(), alias_of(alias).kind);
        }
        filed
    }

    /// Takes the cases of the nearest ancestor that has any, where the sender fits the chain above.
    fn inherit_down(&self, items: &[Item<'_>], filings: &mut [Filing], at: usize) {
        if filings.get(at).is_none_or(|filing| !filing.cases.is_empty() || filing.settled) {
            return;
        }
        let chain = ancestors(items, at);
        let alone = |a: usize| items.get(a).and_then(|item| item.decided).is_some_and(|decided| !decided.whole_thread);
        let above = chain.iter().filter(|a| !alone(**a)).filter_map(|&a| filings.get(a));
        let Some(nearest) = above.into_iter().find(|f| !f.cases.is_empty() || f.settled) else { return };
        let (inherited, is_settled) = (with_thread(&nearest.cases), nearest.settled);
        let fits = items.get(at).is_some_and(|item| {
            // Nearest first, one message at a time: the answered one nearly always decides. Who takes part is not said by a message that has
            // no place in the thread itself: a stranger who answers his own message stays one.
            let stands = |a: &&usize| filings.get(**a).is_some_and(|f| !f.cases.is_empty() || f.settled);
            chain
                .iter()
                .filter(stands)
                .filter_map(|&a| items.get(a))
                .any(|above| Participants::of(std::iter::once(above), &self.classes).fit(item, &self.classes))
        });
        if let Some(filing) = filings.get_mut(at) {
            if fits {
                (filing.cases, filing.settled) = (inherited, is_settled);
            } else if !inherited.is_empty() {
                filing.flag = Some(Flag::StrangerInThread);
                filing.suggestions = inherited;
            }
        }
    }

    /// A first message without a number goes where all the answers to it are, if they agree.
    fn inherit_from_answers(&self, items: &[Item<'_>], filings: &mut [Filing]) {
        let mut agreed: Option<HashSet<CaseId>> = None;
        for filing in filings.iter().filter(|filing| !filing.cases.is_empty()) {
            let set: HashSet<CaseId> = filing.cases.iter().map(|filed| filed.case.clone()).collect();
            match &agreed {
                Some(first) if *first != set => return,
                _ => agreed = Some(set),
            }
        }
        let Some(agreed) = agreed else { return };
        let mut cases: Vec<Filed> = agreed.into_iter().map(|case| Filed { case, because: Reason::Thread }).collect();
        cases.sort_by(|a, b| a.case.cmp(&b.case));
        let filed =
            items.iter().zip(filings.iter()).filter(|(_, filing)| !filing.cases.is_empty()).map(|(item, _)| item);
        let participants = Participants::of(filed, &self.classes);
        for (item, filing) in items.iter().zip(filings.iter_mut()) {
            if filing.cases.is_empty()
                && !filing.settled
                && filing.flag.is_none()
                && participants.fit(item, &self.classes)
            {
                filing.cases.clone_from(&cases);
            }
        }
    }

    /// The text and the attachments' names: the weakest evidence.
    fn read_content(&self, item: &Item<'_>, filing: &mut Filing) {
        let first_lines = item.text.lines().take(TEXT_LINES).collect::<Vec<_>>().join("\n");
        let mut found = self.named_in(&first_lines, Reason::Text);
        if found.is_empty() {
            found = self.named_in(&item.attachments.join("\n"), Reason::Attachment);
        }
        if filing.flag.is_some() {
            // A stranger's message is not filed by what he wrote into it either, once he has claimed a thread that is not his.
            filing.suggestions.extend(found);
        } else if found.len() > 1 {
            filing.flag = Some(Flag::Ambiguous);
            filing.suggestions = found;
        } else {
            filing.cases = found;
        }
    }
}

/// Who has a part in a thread.
#[derive(Default)]
struct Participants {
    addresses: HashSet<String>,
    domains: HashSet<String>,
}

impl Participants {
    /// Who wrote or received these messages.
    fn of<'i>(items: impl Iterator<Item = &'i Item<'i>>, classes: &Classes) -> Self {
        let mut participants = Self::default();
        for item in items {
            for addr in std::iter::once(item.from).chain(item.recipients.iter().map(String::as_str)) {
                let known = classes.canonical(addr);
                if let Some((_, domain)) = known.rsplit_once('@') {
                    participants.domains.insert(domain.to_owned());
                    participants.addresses.insert(known);
                }
            }
        }
        participants
    }

    /// Whether the sender has a part: he is the owner, wrote or received one of the messages, or is a colleague, at a secure domain, of
    /// somebody who did. At an open domain (webmail) only the address itself counts.
    fn fit(&self, item: &Item<'_>, classes: &Classes) -> bool {
        let sender = classes.canonical(item.from);
        let colleague = || {
            classes.class(item.from).is_secure()
                && sender.rsplit_once('@').is_some_and(|(_, domain)| self.domains.contains(domain))
        };
        item.is_own || self.addresses.contains(&sender) || colleague()
    }
}

/// The id of a configured case: its own, else its first identifier in canonical form.
#[must_use]
pub fn case_id(case: &ConfiguredCase, patterns: &Patterns) -> Option<CaseId> {
    if case.id.trim().is_empty() {
        case.identifiers.first().map(|text| CaseId(patterns.read(text).value))
    } else {
        Some(CaseId(case.id.trim().to_owned()))
    }
}

/// Whether it is a free text of a case, and no number of a known form.
#[must_use]
pub fn is_alias(identifier: &Identifier) -> bool {
    matches!(&identifier.kind, Kind::Own(name) if name == ALIAS)
}

fn alias_of(text: &str) -> Identifier {
    Identifier { kind: Kind::Own(ALIAS.to_owned()), value: text.to_owned(), warning: None }
}

/// What a person has decided.
fn settled(decided: &Decided) -> Filing {
    let cases = decided.cases.iter().map(|case| Filed { case: case.clone(), because: Reason::Decided }).collect();
    Filing { cases, settled: true, ..Filing::default() }
}

fn with_thread(cases: &[Filed]) -> Vec<Filed> {
    cases.iter().map(|filed| Filed { case: filed.case.clone(), because: Reason::Thread }).collect()
}

/// The chain above a message, nearest first. A loop of forged references ends it, and so does its length: a forged chain of thousands must
/// not cost their square.
fn ancestors(items: &[Item<'_>], at: usize) -> Vec<usize> {
    let mut chain = Vec::new();
    let mut next = items.get(at).and_then(|item| item.parent);
    while let Some(parent) = next {
        if parent == at || parent >= items.len() || chain.len() >= CHAIN_MAX || chain.contains(&parent) {
            break;
        }
        chain.push(parent);
        next = items.get(parent).and_then(|item| item.parent);
    }
    chain
}

/// Every index once, no message before the one it answers (loops aside).
fn parents_first(items: &[Item<'_>]) -> Vec<usize> {
    let mut depth: Vec<Option<usize>> = vec![None; items.len()];
    for at in 0..items.len() {
        // Walk up to the first message whose depth is known, then fill in on the way back: linear over the whole list.
        let mut path = Vec::new();
        let mut on_path = HashSet::new();
        let mut next = Some(at);
        let mut base = 0;
        while let Some(n) = next {
            match depth.get(n) {
                Some(Some(known)) => {
                    base = known + 1;
                    break;
                }
                Some(None) if on_path.insert(n) => path.push(n),
                _ => break,
            }
            next = items.get(n).and_then(|item| item.parent);
        }
        for (above, n) in path.iter().rev().enumerate() {
            if let Some(slot) = depth.get_mut(*n) {
                *slot = Some(base + above);
            }
        }
    }
    let mut order: Vec<usize> = (0..items.len()).collect();
    order.sort_by_key(|&n| depth.get(n).copied().flatten().unwrap_or_default());
    order
}

/// Whether `text` holds `word` with no letter or digit beside it. Both upper-case.
fn holds_word(text: &str, word: &str) -> bool {
    if word.is_empty() {
        return false;
    }
    text.match_indices(word).any(|(at, found)| {
        let before = text.get(..at).and_then(|s| s.chars().next_back());
        let after = text.get(at + found.len()..).and_then(|s| s.chars().next());
        !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
    })
}

#[cfg(test)]
mod tests;
