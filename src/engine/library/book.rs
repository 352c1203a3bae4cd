//! By what messages are filed: the cases of the configuration and of the register, their numbers, what people have decided.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::entry::FoundIn;
use super::filing::name_digest;
use crate::case::rules::{Rule, Rules};
use crate::case::{self, Filer, Identifier, Patterns};
use crate::config::RegisterKnobs;
use crate::engine::register::is_mailbox;
use crate::mail::id::CaseId;
use crate::mail::thread::id_hash;
use crate::register;

/// Identifiers kept of one message.
const IDENTIFIERS_MAX: usize = 24;

/// By what messages are filed.
#[derive(Clone, Debug)]
pub(crate) struct Book {
    pub(super) filer: Filer,
    pub(super) patterns: Patterns,
    pub(super) cases: Vec<BookCase>,
    /// Some configured identifier is free text, or there are filing rules: then every subject has to be read.
    pub(super) has_aliases: bool,
    /// Filing rules in force.
    pub(super) ruled: Rules,
    /// Own addresses, in lower case.
    own: HashSet<String>,
    classes: case::Classes,
    /// The cases that this was made of.
    rules: Vec<case::ConfiguredCase>,
    /// Places in `cases`.
    places: HashMap<CaseId, usize>,
    /// What people have decided about messages, and at what second, by the digest of the Message-ID.
    pub(super) decisions: Arc<HashMap<u64, (case::Decided, i64)>>,
    /// Addresses of the parties that are written down, in canonical form, with their cases.
    people: Arc<Vec<(String, CaseId)>>,
    /// Digest of the rules alone.
    pub(super) rules_digest: u64,
    /// Digest of what it goes by without a register.
    pub(super) base: u64,
    /// How much the register had to say when it was asked; nothing where it was not.
    pub(crate) as_of: Option<u64>,
    /// The mailbox that the register travels through: no mail for people.
    register: RegisterKnobs,
    /// See [`Self::digest`].
    pub(super) digest: u64,
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
    /// The numbers of cases in a text, in their canonical form. An alias is none: it is mostly a name, and these are shown in the open.
    pub(crate) fn case_numbers(&self, text: &str) -> Vec<String> {
        let found = self.filer.identifiers(text).into_iter();
        let is_number = |one: &Identifier| one.kind.names_a_case() && !case::filing::is_alias(one);
        found.filter(is_number).map(|one| one.value).collect()
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
        let has_aliases = cases.iter().flat_map(|case| &case.identifiers).any(case::filing::is_alias);
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
            base: digest,
            as_of: None,
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
            let numbers: Vec<String> =
                record.identifiers.iter().filter(|_| is_there).map(|one| self.patterns.quote(one)).collect();
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
            let at = decision.at.as_second();
            digest ^= id_hash(&format!("{id}{decided:?}{at}"));
            decisions.insert(id, (decided, at));
        }
        (book.decisions, book.people, book.digest) = (Arc::new(decisions), Arc::new(people), digest);
        book.base = self.base;
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
    pub(super) fn decided(&self, id: u64) -> Option<&case::Decided> {
        self.decisions.get(&id).map(|(decided, _)| decided)
    }

    /// With filing rules. To be asked of a book that knows no register yet.
    #[must_use]
    pub(crate) fn ruled(self, rules: Rules) -> Self {
        if rules.is_empty() {
            return self;
        }
        let digest = id_hash(&format!("{}{:?}", self.rules_digest, rules.list()));
        let filer = self.filer.with_rules(rules.clone());
        Self { filer, has_aliases: true, ruled: rules, rules_digest: digest, base: digest, digest, ..self }
    }

    /// As of so many changes of the register.
    #[must_use]
    pub(crate) fn dated(self, changes: u64) -> Self {
        Self { as_of: Some(changes), ..self }
    }

    /// With other cases: for their words alone.
    pub(super) fn with_cases(self, cases: Vec<BookCase>) -> Self {
        let places = cases.iter().enumerate().map(|(at, case)| (case.id.clone(), at)).collect();
        Self { cases, places, ..self }
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

    /// What a message names, for [`super::filing::Derived`].
    pub(crate) fn find(&self, subject: &str, text: &str, names: &[String]) -> Vec<(FoundIn, String)> {
        let mut found: Vec<(FoundIn, String)> = Vec::new();
        let mut add = |found_in: FoundIn, text: &str| {
            for identifier in self.filer.identifiers(text) {
                let words = self.patterns().quote(&identifier);
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
