//! Which case a message belongs to: [`crate::case::Filer`] decides, thread by thread; here is what it is given and where its answer is kept.
//!
//! What was found in a message beside its header fields is kept with the summary in the cache, so that texts need not be read again; which
//! *case* an identifier stands for is decided at every start, so that a changed configuration takes effect.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::Library;
use super::entry::{Entry, FoundIn, NONE, mark};
use super::threads::Place;
use crate::case::rules::{Rule, Rules};
use crate::case::{self, Filer, Filing, Identifier, Patterns};
use crate::config::RegisterKnobs;
use crate::engine::register::is_mailbox;
use crate::mail::id::{CaseId, MessageKey, MessageRef};
use crate::mail::safe::SafeText;
use crate::mail::thread::id_hash;
use crate::register;
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
    /// Some configured identifier is free text, or there are filing rules: then every subject has to be read.
    has_aliases: bool,
    /// Filing rules in force.
    ruled: Rules,
    /// Own addresses, in lower case.
    own: HashSet<String>,
    classes: case::Classes,
    /// The cases that this was made of.
    rules: Vec<case::ConfiguredCase>,
    /// Places in `cases`.
    places: HashMap<CaseId, usize>,
    /// What people have decided about messages, by the digest of the Message-ID.
    decisions: Arc<HashMap<u64, case::Decided>>,
    /// Addresses of the parties that are written down, in canonical form, with their cases.
    people: Arc<Vec<(String, CaseId)>>,
    /// Digest of the rules alone.
    rules_digest: u64,
    /// The mailbox that the register travels through: no mail for people.
    register: RegisterKnobs,
    /// See [`Self::digest`].
    digest: u64,
}

/// A case that is written down: in the configuration, in the register, or in both.
#[derive(Clone, Debug)]
pub(crate) struct BookCase {
    pub(crate) id: CaseId,
    pub(crate) title: String,
    pub(crate) identifiers: Vec<Identifier>,
    /// What the register says of it.
    pub(crate) record: Option<Arc<case::Case>>,
}

impl Book {
    /// The numbers of cases in a text, in their canonical form.
    pub(crate) fn case_numbers(&self, text: &str) -> Vec<String> {
        let found = self.filer.identifiers(text).into_iter();
        found.filter(|one| one.kind.names_a_case()).map(|one| one.value).collect()
    }

    /// Numbers of people and records in a text: PNC and CRO where the configuration looks for them, SCRO, CCRN.
    pub(crate) fn numbers_of_people(&self, text: &str) -> Vec<Identifier> {
        let is_of_person =
            |one: &Identifier| matches!(one.kind, case::Kind::Person(_) | case::Kind::Scro | case::Kind::Ccrn);
        self.filer.identifiers(text).into_iter().filter(is_of_person).collect()
    }

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
                Some(BookCase { title: rule.title.clone(), id, identifiers, record: None })
            })
            .collect();
        let has_aliases = cases
            .iter()
            .flat_map(|case| &case.identifiers)
            .any(|identifier| matches!(&identifier.kind, case::Kind::Own(name) if name == "alias"));
        let own: HashSet<String> = own.into_iter().map(|addr| addr.to_lowercase()).collect();
        let mut sorted: Vec<&String> = own.iter().collect();
        sorted.sort();
        let rules = format!("{}\n{configured:?}\n{classes:?}\n{sorted:?}", env!("CARGO_PKG_VERSION"));
        let filer = Filer::new(patterns.clone(), classes.clone(), configured);
        let places = cases.iter().enumerate().map(|(at, case)| (case.id.clone(), at)).collect();
        let digest = id_hash(&rules);
        Self {
            filer,
            patterns,
            cases,
            has_aliases,
            ruled: Rules::default(),
            own,
            classes,
            rules: configured.to_vec(),
            places,
            decisions: Arc::default(),
            people: Arc::default(),
            rules_digest: digest,
            register: RegisterKnobs::default(),
            digest,
        }
    }

    /// This book with what the register says. Of a case that both know, the register's title counts and the numbers of both; a shredded one
    /// is listed and files nothing.
    pub(crate) fn with_register(&self, register: &register::Book) -> Self {
        let mut rules = self.rules.clone();
        let mut records: HashMap<CaseId, Arc<case::Case>> = HashMap::new();
        let mut people = Vec::new();
        for record in register.cases() {
            let is_there = !matches!(record.state, case::State::Shredded { .. });
            let numbers: Vec<String> = record.identifiers.iter().filter(|_| is_there).map(wording).collect();
            let known =
                rules.iter_mut().find(|rule| case::filing::case_id(rule, &self.patterns).as_ref() == Some(&record.id));
            match known {
                Some(rule) => {
                    if !record.title.is_empty() {
                        rule.title.clone_from(&record.title);
                    }
                    rule.id.clone_from(&record.id.0);
                    for number in numbers {
                        if !rule.identifiers.contains(&number) {
                            rule.identifiers.push(number);
                        }
                    }
                    if !is_there {
                        rule.identifiers.clear();
                    }
                }
                None => rules.push(case::ConfiguredCase {
                    id: record.id.0.clone(),
                    title: record.title.clone(),
                    identifiers: numbers,
                }),
            }
            for address in record.parties.iter().filter(|_| is_there).flat_map(|party| &party.addresses) {
                people.push((self.classes.canonical(address), record.id.clone()));
            }
            records.insert(record.id.clone(), Arc::new(record.clone()));
        }
        let mut book = Self::new(self.patterns.clone(), self.classes.clone(), &rules, self.own.iter().cloned())
            .ruled(self.ruled.clone());
        // What this one was made of stays the configuration's.
        for case in &mut book.cases {
            case.record = records.get(&case.id).cloned();
        }
        // A message whose text was not here when it was decided about has two names: the later decision counts.
        let mut latest: HashMap<u64, &register::book::Decision> = HashMap::new();
        for (name, decision) in register.decisions().filter(|(name, _)| name_digest(name) != 0) {
            let known = latest.entry(name_digest(name)).or_insert(decision);
            if known.at < decision.at {
                *known = decision;
            }
        }
        let mut decisions = HashMap::new();
        let mut digest = book.rules_digest;
        for (id, decision) in latest.into_iter().filter(|(_, decision)| !decision.taken_back) {
            let decided = case::Decided {
                cases: if decision.not_a_case { Vec::new() } else { decision.cases.clone() },
                whole_thread: decision.whole_thread,
            };
            // In whatever order they come.
            digest ^= id_hash(&format!("{id}{decided:?}"));
            decisions.insert(id, decided);
        }
        (book.decisions, book.people, book.digest) = (Arc::new(decisions), Arc::new(people), digest);
        book.hiding(self.register.clone())
    }

    /// The canonical form of an address: that of its CJSM twin is the same.
    pub(crate) fn canonical(&self, address: &str) -> String {
        self.classes.canonical(address)
    }

    /// Addresses of parties with their cases.
    pub(crate) fn people(&self) -> &[(String, CaseId)] {
        &self.people
    }

    /// The cases that a number leads to.
    pub(crate) fn cases_of(&self, identifier: &Identifier) -> Vec<CaseId> {
        self.filer.cases_of(identifier)
    }

    /// What was decided about a message, by the digest of what it is known by.
    fn decided(&self, id: u64) -> Option<&case::Decided> {
        self.decisions.get(&id)
    }

    /// With filing rules. To be asked of a book that knows no register yet.
    #[must_use]
    pub(crate) fn ruled(self, rules: Rules) -> Self {
        if rules.is_empty() {
            return self;
        }
        let digest = id_hash(&format!("{}{:?}", self.rules_digest, rules.list()));
        let filer = self.filer.with_rules(rules.clone());
        Self { filer, has_aliases: true, ruled: rules, rules_digest: digest, digest, ..self }
    }

    /// The filing rules in force.
    pub(crate) fn rules(&self) -> Vec<Rule> {
        self.ruled.list()
    }

    /// With the mailbox that the register travels through.
    #[must_use]
    pub(crate) fn hiding(self, register: RegisterKnobs) -> Self {
        Self { register, ..self }
    }

    /// Whether a mailbox holds no mail for people.
    pub(crate) fn hides(&self, mailbox: &str) -> bool {
        is_mailbox(&self.register, mailbox)
    }

    /// Digest of everything that filing goes by, the version of casemail included: what was filed under another one is filed anew.
    pub(crate) fn digest(&self) -> u64 {
        self.digest
    }

    /// The configured case of an id.
    pub(crate) fn configured(&self, id: &CaseId) -> Option<&BookCase> {
        self.places.get(id).and_then(|at| self.cases.get(*at))
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

    /// Every case that a draft names anywhere.
    pub(crate) fn named(&self, subject: &str, text: &str, attachments: &[String]) -> Vec<case::Filed> {
        self.filer.named(subject, text, attachments)
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
    /// The name of the connection that it came over; empty where that is not known.
    pub(crate) channel: String,
    /// It was sent to a list, or by a machine, by its own header fields.
    pub(crate) bulk: bool,
    /// What a message without a Message-ID is known by: the beginning of its SHA-256; 0 where there is a Message-ID, or the text is not here.
    pub(crate) nameless: u64,
}

/// What decisions about a message go by: its Message-ID, or where it has none the beginning of its SHA-256; 0 where neither is known.
pub(crate) fn name_digest(name: &case::MessageName) -> u64 {
    if name.message_id.is_empty() {
        name.digest.iter().take(8).fold(0, |sum, byte| (sum << 8) | u64::from(*byte))
    } else {
        id_hash(&name.message_id)
    }
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
        let mut words: Vec<String> = std::iter::once(content).chain(words).collect();
        if !self.channel.is_empty() {
            words.push(format!("v:{}", self.channel));
        }
        if self.bulk {
            words.push("b:1".to_owned());
        }
        if self.nameless != 0 {
            words.push(format!("n:{:016x}", self.nameless));
        }
        words
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
                Some(("v", value)) => value.clone_into(&mut derived.channel),
                Some(("b", _)) => derived.bulk = true,
                Some(("n", value)) => derived.nameless = u64::from_str_radix(value, 16).unwrap_or_default(),
                _ => {}
            }
        }
        derived
    }
}

/// A message that other rules would file elsewhere.
#[derive(Clone, Debug)]
pub(crate) struct Moved {
    pub(crate) key: MessageKey,
    /// Where it is.
    pub(crate) from: Vec<case::Filed>,
    /// Where it would be.
    pub(crate) to: Vec<case::Filed>,
    /// A rule would say that it is not a case.
    pub(crate) not_a_case: bool,
}

/// A message of a thread with everything that [`case::filing::Item`] borrows.
struct Member {
    at: u32,
    parent: Option<usize>,
    subject: String,
    text: String,
    attachments: Vec<String>,
    mailbox: String,
    from: String,
    recipients: Vec<String>,
    is_own: bool,
    /// Digest of its Message-ID.
    id: u64,
}

/// Where messages belong, each answer once; number 0 is "nowhere".
#[derive(Debug)]
pub(super) struct Filings {
    pub(super) list: Vec<Filing>,
    /// The list of cases of each, by number.
    pub(super) cases: Vec<u32>,
    numbers: HashMap<Filing, u32>,
}

impl Default for Filings {
    fn default() -> Self {
        Self { list: vec![Filing::default()], cases: vec![0], numbers: HashMap::from([(Filing::default(), 0)]) }
    }
}

impl Filings {
    /// Those that were kept, with the list of cases of each; nothing where they do not fit each other.
    pub(super) fn set(&mut self, list: Vec<Filing>, cases: Vec<u32>) -> Option<()> {
        let fits = list.len() == cases.len() && list.first() == Some(&Filing::default());
        self.numbers = (0..).zip(&list).map(|(number, filing)| (filing.clone(), number)).collect();
        (self.list, self.cases) = (list, cases);
        fits.then_some(())
    }

    pub(super) fn get(&self, number: u32) -> Option<&Filing> {
        self.list.get(number as usize)
    }

    /// The number of the list of cases.
    pub(super) fn cases(&self, number: u32) -> u32 {
        self.cases.get(number as usize).copied().unwrap_or_default()
    }

    fn number(&mut self, filing: Filing, cases: u32) -> u32 {
        if let Some(&number) = self.numbers.get(&filing) {
            return number;
        }
        let number = u32::try_from(self.list.len()).unwrap_or_default();
        self.list.push(filing.clone());
        self.cases.push(cases);
        self.numbers.insert(filing, number);
        number
    }
}

impl Library {
    /// The number of a list of cases.
    pub(super) fn case_list(&mut self, cases: Vec<CaseId>) -> u32 {
        if let Some(&number) = self.case_numbers.get(&cases) {
            return number;
        }
        let number = u32::try_from(self.case_lists.len()).unwrap_or_default();
        Arc::make_mut(&mut self.case_lists).push(cases.clone().into());
        self.case_numbers.insert(cases, number);
        number
    }

    /// The number of an answer.
    pub(super) fn filing_number(&mut self, filing: Filing) -> u32 {
        let cases = self.case_list(filing.cases.iter().map(|filed| filed.case.clone()).collect());
        self.filings.number(filing, cases)
    }

    /// Files every message of a thread, where it names a case somewhere.
    pub(super) fn file_thread(&mut self, thread: u32) {
        let names_something = self.book.has_aliases
            || self.places(thread).any(|(_, entry)| entry.is_some_and(|entry| self.names_something(entry)));
        let filed = if names_something { self.file_members(thread) } else { HashMap::new() };
        let mut cases: Vec<CaseId> = Vec::new();
        let (mut first, mut mixed) = (None, false);
        let mut number = 0;
        for place in self.threads.nodes(thread).to_vec() {
            if place.entry == NONE {
                continue;
            }
            // A second copy is filed where the shown one is.
            if !place.is_copy() {
                number = filed.get(&place.entry).copied().unwrap_or_default();
                let of_it = self.filings.cases(number);
                mixed |= *first.get_or_insert(of_it) != of_it;
                for case in self.case_lists.get(of_it as usize).into_iter().flat_map(|list| list.iter()) {
                    if !cases.contains(case) {
                        cases.push(case.clone());
                    }
                }
            }
            if let Some(entry) = self.entries.get_mut(place.entry as usize) {
                entry.filing = number;
            }
        }
        let list = self.case_list(cases);
        if let Some(brief) = self.threads.table.get_mut(thread) {
            brief.cases = list;
        }
        if let Some(body) = self.threads.bodies.get_mut(thread as usize) {
            body.mixed = mixed;
        }
        self.forget_title(thread);
    }

    /// Whether a message has anything by which it, or its thread, could be filed.
    fn names_something(&self, entry: &Entry) -> bool {
        let decided = || self.book.decided(self.names.digest(entry.id)).is_some();
        self.lists.at(entry.lists).found().next().is_some() || decided()
    }

    /// By what messages are filed.
    pub(crate) fn book(&self) -> &Book {
        &self.book
    }

    /// Takes other rules and decisions. Says whether [`Library::refile`] is to be called until it is through; where only decisions changed, those
    /// threads are filed at once.
    pub(crate) fn set_book(&mut self, book: Book) -> bool {
        let before = std::mem::replace(&mut self.book, book);
        self.untitled.extend(self.book.cases.iter().map(|case| case.id.clone()));
        self.version += 1;
        if before.digest == self.book.digest {
            return false;
        }
        if before.rules_digest != self.book.rules_digest || self.filed_by != before.digest || self.is_stale() {
            self.refiled = 0;
            return true;
        }
        let (old, new) = (Arc::clone(&before.decisions), Arc::clone(&self.book.decisions));
        let changed = new.iter().filter(|(id, decided)| old.get(*id) != Some(*decided)).map(|(id, _)| *id);
        let gone = old.keys().filter(|id| !new.contains_key(*id)).copied();
        let ids: Vec<u64> = changed.chain(gone).collect();
        for id in ids {
            let Some(number) = self.names.find(id) else { continue };
            let threads: Vec<u32> = self.threads.ring(self.names.thread(number)).collect();
            threads.into_iter().for_each(|thread| self.file_thread(thread));
        }
        self.filed_by = self.book.digest;
        false
    }

    /// The answer for each message of a thread, by entry.
    fn file_members(&mut self, thread: u32) -> HashMap<u32, u32> {
        let filed = self.filed_by_book(&self.book, thread);
        filed.into_iter().map(|(at, filing)| (at, self.filing_number(filing))).collect()
    }

    /// The messages that another book would file elsewhere, newest thread first: where they are, and where they would be.
    pub(crate) fn moved_by(&self, book: &Book) -> Vec<Moved> {
        let mut moved = Vec::new();
        for &thread in &self.threads.order {
            // Copies are filed where the shown one is.
            let shown: HashSet<u32> =
                self.places(thread).filter(|(at, _)| !at.is_copy()).map(|(at, _)| at.entry).collect();
            for (at, filing) in self.filed_by_book(book, thread).into_iter().filter(|(at, _)| shown.contains(at)) {
                let Some(entry) = self.entries.get(at as usize) else { continue };
                let now = self.filings.get(entry.filing);
                let cases = |filing: Option<&Filing>| filing.map(|one| one.cases.clone()).unwrap_or_default();
                let (from, to) = (cases(now), filing.cases);
                let ids = |list: &[case::Filed]| list.iter().map(|one| one.case.clone()).collect::<Vec<_>>();
                if ids(&from) != ids(&to) || now.is_some_and(|now| now.settled != filing.settled) {
                    moved.push(Moved { key: entry.key, from, to, not_a_case: filing.settled });
                }
            }
        }
        moved
    }

    /// The answer of a book for each message of a thread, by entry.
    fn filed_by_book(&self, book: &Book, thread: u32) -> Vec<(u32, Filing)> {
        let places: Vec<(Place, Option<&Entry>)> = self.places(thread).collect();
        let members = self.members(book, &places);
        let items: Vec<case::Item<'_>> = members
            .iter()
            .map(|member| case::Item {
                parent: member.parent,
                subject: &member.subject,
                text: &member.text,
                attachments: &member.attachments,
                mailbox: &member.mailbox,
                from: &member.from,
                recipients: &member.recipients,
                is_own: member.is_own,
                decided: book.decided(member.id),
            })
            .collect();
        let filings = book.filer.file(&items);
        members.iter().map(|member| member.at).zip(filings).collect()
    }

    /// The titles of a thread's cases may be others now.
    pub(super) fn forget_title(&mut self, thread: u32) {
        let list = self.threads.table.get(thread).map_or(0, |brief| brief.cases);
        for case in self.case_lists.get(list as usize).into_iter().flat_map(|list| list.iter()) {
            if !self.untitled.contains(case) {
                self.untitled.insert(case.clone());
            }
        }
    }

    fn members(&self, book: &Book, places: &[(Place, Option<&Entry>)]) -> Vec<Member> {
        let mut members: Vec<Member> = Vec::with_capacity(places.len());
        // The member at each depth of the branch at hand; a message that is not here is passed over.
        let mut above: Vec<Option<usize>> = Vec::new();
        for (place, entry) in places {
            above.truncate(usize::from(place.depth));
            let parent = above.iter().rev().flatten().next().copied();
            let Some(entry) = entry else {
                above.push(None);
                continue;
            };
            above.push(Some(members.len()));
            let listed = self.lists.at(entry.lists);
            let words = |wanted: FoundIn| {
                let found = listed.found().filter(move |(_, found_in)| *found_in == wanted);
                found.map(|(number, _)| self.texts.value(number).to_owned()).collect::<Vec<_>>()
            };
            let subject = if book.has_aliases || !words(FoundIn::Subject).is_empty() {
                self.texts.value(entry.subject).to_owned()
            } else {
                String::new()
            };
            let mut people = listed.people.iter().map(|number| self.texts.value(*number).to_owned());
            let from = people.next().unwrap_or_default();
            let is_own = book.owns(&from) || self.special_use(entry.key.mailbox) == Some(SpecialUse::Sent);
            members.push(Member {
                at: place.entry,
                parent,
                subject,
                text: words(FoundIn::Text).join("\n"),
                attachments: words(FoundIn::AttachmentName),
                mailbox: if book.ruled.is_empty() {
                    String::new()
                } else {
                    self.mailbox(entry.key.mailbox).map(|mailbox| mailbox.name.clone()).unwrap_or_default()
                },
                from,
                recipients: people.collect(),
                is_own,
                // What says something else under the same Message-ID is not what was decided about.
                id: if entry.is(mark::CONFLICT) { 0 } else { self.names.digest(entry.id) },
            });
        }
        members
    }

    /// Titles of cases that nobody configured, from the subjects of their newest messages.
    pub(super) fn make_titles(&mut self) {
        let mut untitled: Vec<CaseId> = std::mem::take(&mut self.untitled).into_iter().collect();
        untitled.retain(|case| self.book.configured(case).is_none_or(|known| known.title.is_empty()));
        if untitled.is_empty() {
            return;
        }
        let numbers: HashMap<&CaseId, usize> = untitled.iter().enumerate().map(|(at, case)| (case, at)).collect();
        let wanted: Vec<Vec<usize>> = self
            .case_lists
            .iter()
            .map(|cases| cases.iter().filter_map(|case| numbers.get(case).copied()).collect())
            .collect();
        let mut subjects: Vec<Vec<u32>> = vec![Vec::new(); untitled.len()];
        for &thread in &self.threads.order {
            let Some(brief) = self.threads.table.get(thread) else { continue };
            for &case in wanted.get(brief.cases as usize).map(Vec::as_slice).unwrap_or_default() {
                let Some(of_case) = subjects.get_mut(case) else { continue };
                for (_, entry) in self.places(thread) {
                    if of_case.len() >= TITLE_SUBJECTS {
                        break;
                    }
                    // Answers repeat the subject: what has been seen says nothing more about the name.
                    if let Some(entry) = entry.filter(|entry| !of_case.contains(&entry.subject)) {
                        of_case.push(entry.subject);
                    }
                }
            }
        }
        for (case, subjects) in untitled.into_iter().zip(subjects) {
            let identifier = self.book.patterns.read(&case.0);
            let title = case::title::derive(&identifier, subjects.iter().map(|number| self.texts.value(*number)));
            match title {
                Some(title) => drop(self.titles.insert(case, SafeText::line(&title))),
                None => drop(self.titles.remove(&case)),
            }
        }
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

    fn filing(&self, key: MessageKey) -> Option<&Filing> {
        self.entry_of(key).and_then(|entry| self.filings.get(entry.filing))
    }

    /// Whether a person has decided about this very message.
    pub(crate) fn is_decided(&self, key: MessageKey) -> bool {
        self.message_id_hash(key).is_some_and(|id| self.book.decided(id).is_some())
    }

    /// The cases of a message, each with the reason.
    pub(crate) fn filed_to(&self, key: MessageKey) -> Vec<case::Filed> {
        self.filing(key).map(|filing| filing.cases.clone()).unwrap_or_default()
    }

    /// The cases of a message, each with the reason in words.
    pub(crate) fn cases_of(&self, key: MessageKey) -> Vec<(CaseId, String)> {
        let filing = self.filing(key);
        filing.into_iter().flat_map(|f| &f.cases).map(|f| (f.case.clone(), f.because.to_string())).collect()
    }

    /// Where a message is filed and what that rests on, in words.
    pub(crate) fn filed_words(&self, key: MessageKey) -> Option<String> {
        let filing = self.filing(key)?;
        let title = |case: &CaseId| self.case_words(case).0.truncate(40);
        match filing.cases.as_slice() {
            [] if filing.flag.is_some() => None,
            [] => Some("Filed to no case.".to_owned()),
            [one] => Some(format!("Filed to {} {}.", title(&one.case), one.because.scored())),
            several => {
                let each = several.iter().map(|one| format!("{} ({})", title(&one.case), one.because.scored()));
                Some(format!("Shared between cases: {}.", each.collect::<Vec<_>>().join(", ")))
            }
        }
    }

    /// The newest messages that somebody wrote.
    pub(crate) fn newest_from(&self, address: &str, most: usize) -> Vec<(MessageKey, MessageRef)> {
        let mut known: HashMap<u32, bool> = HashMap::new();
        let mut found: Vec<(i64, MessageKey)> = self
            .all()
            .filter(|entry| {
                self.lists.at(entry.lists).people.first().is_some_and(|number| {
                    *known.entry(*number).or_insert_with(|| self.texts.value(*number).eq_ignore_ascii_case(address))
                })
            })
            .map(|entry| (entry.received, entry.key))
            .collect();
        found.sort_unstable_by(|a, b| b.cmp(a));
        found.into_iter().take(most).filter_map(|(_, key)| Some((key, self.name(key)?))).collect()
    }

    /// For each list of addresses (lower-case) the cases with messages from or to one of them, in one pass over all messages.
    pub(crate) fn cases_of_people(&self, wanted: &[&[String]]) -> Vec<Vec<CaseId>> {
        let mut found: Vec<BTreeSet<CaseId>> = vec![BTreeSet::new(); wanted.len()];
        let mut known: HashMap<u32, Vec<usize>> = HashMap::new();
        for entry in self.all() {
            let Some(filing) = self.filings.get(entry.filing).filter(|filing| !filing.cases.is_empty()) else {
                continue;
            };
            for number in self.lists.at(entry.lists).people {
                let places = known.entry(*number).or_insert_with(|| {
                    let address = self.texts.value(*number).to_lowercase();
                    (0..).zip(wanted).filter(|(_, list)| list.contains(&address)).map(|(place, _)| place).collect()
                });
                for place in places {
                    if let Some(cases) = found.get_mut(*place) {
                        cases.extend(filing.cases.iter().map(|filed| filed.case.clone()));
                    }
                }
            }
        }
        found.into_iter().map(|cases| cases.into_iter().collect()).collect()
    }

    /// Why a person should look at where a message belongs, in words.
    pub(crate) fn filing_doubt(&self, key: MessageKey) -> Option<String> {
        let filing = self.filing(key)?;
        let flag = filing.flag?;
        let cases: Vec<String> = filing.suggestions.iter().map(|s| SafeText::line(&s.case.0).to_string()).collect();
        Some(format!("Not filed to {}: {}.", cases.join(", "), flag.words()))
    }
}
