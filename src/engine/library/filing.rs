//! Which case a message belongs to: [`crate::case::Filer`] decides, thread by thread; here is what it is given and where its answer is kept.
//!
//! What was found in a message beside its header fields is kept with the summary in the cache, so that texts need not be read again; which
//! *case* an identifier stands for is decided at every start, so that a changed configuration takes effect.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::Library;
use super::entry::{Entry, FoundIn};
use crate::case::{self, Filer, Filing, Identifier, Patterns};
use crate::mail::id::{CaseId, MessageKey};
use crate::mail::safe::SafeText;
use crate::store::mailbox::SpecialUse;

/// Subjects that are looked at to make up the title of a case that nobody configured.
const TITLE_SUBJECTS: usize = 32;
/// Identifiers kept of one message.
const IDENTIFIERS_MAX: usize = 24;

/// By what messages are filed.
#[derive(Clone, Debug)]
pub(crate) struct Book {
    filer: Filer,
    patterns: Patterns,
    cases: Vec<BookCase>,
    /// Some configured identifier is free text: then every subject has to be read.
    has_aliases: bool,
    /// Own addresses, in lower case.
    own: HashSet<String>,
}

/// A configured case.
#[derive(Clone, Debug)]
pub(crate) struct BookCase {
    pub(crate) id: CaseId,
    pub(crate) title: String,
    pub(crate) identifiers: Vec<Identifier>,
}

impl Book {
    /// A book of the configured cases.
    pub(crate) fn new(
        patterns: Patterns,
        classes: case::Classes,
        configured: &[case::ConfiguredCase],
        own: impl IntoIterator<Item = String>,
    ) -> Self {
        let cases: Vec<BookCase> = configured
            .iter()
            .filter_map(|rule| {
                let id = case::filing::case_id(rule, &patterns)?;
                let identifiers = rule.identifiers.iter().map(|text| patterns.read(text)).collect();
                Some(BookCase { title: rule.title.clone(), id, identifiers })
            })
            .collect();
        let has_aliases = cases
            .iter()
            .flat_map(|case| &case.identifiers)
            .any(|identifier| matches!(&identifier.kind, case::Kind::Own(name) if name == "alias"));
        let filer = Filer::new(patterns.clone(), classes, configured);
        let own = own.into_iter().map(|addr| addr.to_lowercase()).collect();
        Self { filer, patterns, cases, has_aliases, own }
    }

    /// The configured case of an id.
    pub(crate) fn configured(&self, id: &CaseId) -> Option<&BookCase> {
        self.cases.iter().find(|case| case.id == *id)
    }

    /// All configured cases.
    pub(crate) fn cases(&self) -> &[BookCase] {
        &self.cases
    }

    /// The grammars.
    pub(crate) fn patterns(&self) -> &Patterns {
        &self.patterns
    }

    /// Whether an address is the user's own.
    pub(crate) fn owns(&self, addr: &str) -> bool {
        self.own.contains(&addr.to_lowercase())
    }

    /// What a message names, for [`Derived`].
    pub(crate) fn find(&self, subject: &str, text: &str, names: &[String]) -> Vec<(FoundIn, String)> {
        let mut found: Vec<(FoundIn, String)> = Vec::new();
        let mut add = |found_in: FoundIn, text: &str| {
            for identifier in self.filer.identifiers(text) {
                let words = wording(&identifier);
                if found.len() < IDENTIFIERS_MAX
                    && !found.iter().any(|(place, known)| *place == found_in && *known == words)
                {
                    found.push((found_in, words));
                }
            }
        };
        add(FoundIn::Subject, subject);
        let first_lines: String = text.lines().take(40).flat_map(|line| [line, "\n"]).collect();
        add(FoundIn::Text, &first_lines);
        add(FoundIn::AttachmentName, &names.join("\n"));
        found
    }
}

/// An identifier as it is found again: some count only where they are labelled.
fn wording(identifier: &Identifier) -> String {
    match identifier.kind {
        case::Kind::Maat => format!("MAAT {}", identifier.value),
        _ => identifier.value.clone(),
    }
}

/// What ingest found in a message beside its header fields, as the cache keeps it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Derived {
    /// Digest of what the message says.
    pub(crate) content: u64,
    /// Identifiers of cases.
    pub(crate) identifiers: Vec<(FoundIn, String)>,
}

impl Derived {
    /// As words for the cache.
    pub(crate) fn write(&self) -> Vec<String> {
        let content = format!("c:{:016x}", self.content);
        let words = self.identifiers.iter().map(|(found_in, value)| {
            let mark = match found_in {
                FoundIn::Subject => 's',
                FoundIn::Text => 't',
                FoundIn::AttachmentName => 'a',
            };
            format!("{mark}:{value}")
        });
        std::iter::once(content).chain(words).collect()
    }

    /// From the words of the cache; what is not known is left out.
    pub(crate) fn read(words: &[String]) -> Self {
        let mut derived = Self::default();
        for word in words {
            match word.split_once(':') {
                Some(("c", value)) => derived.content = u64::from_str_radix(value, 16).unwrap_or_default(),
                Some(("s", value)) => derived.identifiers.push((FoundIn::Subject, value.to_owned())),
                Some(("t", value)) => derived.identifiers.push((FoundIn::Text, value.to_owned())),
                Some(("a", value)) => derived.identifiers.push((FoundIn::AttachmentName, value.to_owned())),
                _ => {}
            }
        }
        derived
    }
}

/// A message of a thread with everything that [`case::filing::Item`] borrows.
struct Member {
    at: u32,
    parent: Option<usize>,
    subject: String,
    text: String,
    attachments: Vec<String>,
    from: String,
    recipients: Vec<String>,
    is_own: bool,
}

impl Library {
    /// Files every message of every thread that names a case somewhere.
    pub(super) fn file_threads(&mut self) {
        let mut filed: HashMap<u32, Filing> = HashMap::new();
        let mut cases_of_threads: Vec<Vec<CaseId>> = Vec::with_capacity(self.threads.list.len());
        for thread in &self.threads.list {
            let mut cases: Vec<CaseId> = Vec::new();
            let places: Vec<_> = self.places(thread).collect();
            let names_something = self.book.has_aliases
                || places.iter().any(|(_, e)| e.is_some_and(|e| !self.found.at(e.found).is_empty()));
            if names_something {
                let members = self.members(&places);
                let items: Vec<case::Item<'_>> = members
                    .iter()
                    .map(|member| case::Item {
                        parent: member.parent,
                        subject: &member.subject,
                        text: &member.text,
                        attachments: &member.attachments,
                        from: &member.from,
                        recipients: &member.recipients,
                        is_own: member.is_own,
                    })
                    .collect();
                for (member, filing) in members.iter().zip(self.book.filer.file(&items)) {
                    for found in &filing.cases {
                        if !cases.contains(&found.case) {
                            cases.push(found.case.clone());
                        }
                    }
                    if !filing.cases.is_empty() || filing.flag.is_some() {
                        filed.insert(member.at, filing);
                    }
                }
            }
            cases_of_threads.push(cases);
        }
        for (thread, cases) in self.threads.list.iter_mut().zip(cases_of_threads) {
            thread.cases = cases;
        }
        self.threads.filed = filed;
        self.make_titles();
    }

    fn members(&self, places: &[(super::Place, Option<&Entry>)]) -> Vec<Member> {
        let mut members: Vec<Member> = Vec::with_capacity(places.len());
        // The member at each depth of the branch at hand; a message that is not here is passed over.
        let mut above: Vec<Option<usize>> = Vec::new();
        for (place, entry) in places {
            above.truncate(usize::from(place.depth));
            let parent = above.iter().rev().flatten().next().copied();
            let (Some(at), Some(entry)) = (place.entry, entry) else {
                above.push(None);
                continue;
            };
            above.push(Some(members.len()));
            let found = self.found.at(entry.found);
            let words = |wanted: FoundIn| {
                found
                    .iter()
                    .filter(move |(_, found_in)| *found_in == wanted)
                    .filter_map(|(number, _)| self.identifiers.value(*number))
                    .map(str::to_owned)
            };
            let named = words(FoundIn::Subject).next().is_some();
            let subject = if named || self.book.has_aliases {
                String::from_utf8_lossy(self.text.at(entry.subject)).into_owned()
            } else {
                String::new()
            };
            let mut people =
                self.addresses.at(entry.people).iter().filter_map(|n| self.people_seen.value(*n)).map(str::to_owned);
            let from = people.next().unwrap_or_default();
            let is_own = self.book.owns(&from) || self.special_use(entry.key.mailbox) == Some(SpecialUse::Sent);
            members.push(Member {
                at,
                parent,
                subject,
                text: words(FoundIn::Text).collect::<Vec<_>>().join("\n"),
                attachments: words(FoundIn::AttachmentName).collect(),
                from,
                recipients: people.collect(),
                is_own,
            });
        }
        members
    }

    /// Titles of cases that nobody configured, from the subjects of their newest messages.
    fn make_titles(&mut self) {
        let mut subjects: BTreeMap<CaseId, Vec<String>> = BTreeMap::new();
        for thread in &self.threads.list {
            for case in &thread.cases {
                if self.book.configured(case).is_some_and(|known| !known.title.is_empty()) {
                    continue;
                }
                let of_case = subjects.entry(case.clone()).or_default();
                for (_, entry) in self.places(thread) {
                    if let Some(entry) = entry.filter(|_| of_case.len() < TITLE_SUBJECTS) {
                        // Answers repeat the subject: what has been seen says nothing more about the name.
                        let subject = String::from_utf8_lossy(self.text.at(entry.subject)).into_owned();
                        if !of_case.contains(&subject) {
                            of_case.push(subject);
                        }
                    }
                }
            }
        }
        self.titles = subjects
            .into_iter()
            .filter_map(|(id, subjects)| {
                let identifier = self.book.patterns.read(&id.0);
                let title = case::title::derive(&identifier, subjects.iter().map(String::as_str))?;
                Some((id, SafeText::line(&title)))
            })
            .collect();
    }

    /// Title and identifiers of a case, the one it is known by first.
    pub(crate) fn case_words(&self, id: &CaseId) -> (SafeText, Vec<Identifier>) {
        let identifiers = match self.book.configured(id) {
            Some(case) if !case.identifiers.is_empty() => case.identifiers.clone(),
            _ => vec![self.book.patterns.read(&id.0)],
        };
        let configured = self.book.configured(id).map(|case| case.title.as_str()).filter(|title| !title.is_empty());
        let title = match (configured, self.titles.get(id)) {
            (Some(title), _) => SafeText::line(title),
            (None, Some(title)) => title.clone(),
            (None, None) => SafeText::line(&id.0),
        };
        (title, identifiers)
    }

    pub(super) fn filing(&self, at: u32) -> Option<&Filing> {
        self.threads.filed.get(&at).or_else(|| {
            // A second copy is filed where the shown one is.
            let shown = self.threads.shown_for.get(&at)?;
            self.threads.filed.get(shown)
        })
    }

    /// The cases of a message, each with the reason in words.
    pub(crate) fn cases_of(&self, key: MessageKey) -> Vec<(CaseId, String)> {
        let filing = self.by_key.get(&key).and_then(|at| self.filing(*at));
        filing.into_iter().flat_map(|f| &f.cases).map(|f| (f.case.clone(), f.because.to_string())).collect()
    }

    /// Why a person should look at where a message belongs, in words.
    pub(crate) fn filing_doubt(&self, key: MessageKey) -> Option<String> {
        let filing = self.by_key.get(&key).and_then(|at| self.filing(*at))?;
        let flag = filing.flag?;
        let cases: Vec<String> = filing.suggestions.iter().map(|s| SafeText::line(&s.case.0).to_string()).collect();
        Some(format!("Not filed to {}: {}.", cases.join(", "), flag.words()))
    }
}
