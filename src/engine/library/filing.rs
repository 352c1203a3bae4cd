//! Which case a message belongs to: [`crate::case::Filer`] decides, thread by thread; here is what it is given and where its answer is kept.
//!
//! What was found in a message beside its header fields is kept with the summary in the cache, so that texts need not be read again; which
//! *case* an identifier stands for is decided at every start, so that a changed configuration takes effect.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::Library;
pub(crate) use super::book::Book;
use super::entry::{Entry, FoundIn, NONE, mark};
use super::threads::Place;
use crate::app::case_view::FiledBy;
use crate::case::{self, Filing};
use crate::mail::id::{CaseId, MessageKey, MessageRef};
use crate::mail::safe::SafeText;
use crate::mail::thread::id_hash;
use crate::store::mailbox::SpecialUse;

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
        if before.digest == self.book.digest {
            return false;
        }
        self.version += 1;
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

    /// Whether what was decided about a Message-ID was decided about this message. What says something else under the same Message-ID is not
    /// what was decided about, unless it was the only one here at that time: whoever learns a Message-ID must not be able to take a
    /// message out of its case by sending another one under it.
    fn is_meant(&self, book: &Book, entry: &Entry) -> bool {
        if !entry.is(mark::CONFLICT) {
            return true;
        }
        let Some((_, at)) = book.decisions.get(&self.names.digest(entry.id)) else { return false };
        let mut rivals = self
            .threads
            .ring(self.names.thread(entry.id))
            .flat_map(|thread| self.places(thread))
            .filter_map(|(_, other)| other)
            .filter(|other| other.id == entry.id && other.content != entry.content);
        entry.received <= *at && rivals.all(|rival| rival.received > *at)
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
                id: if self.is_meant(book, entry) { self.names.digest(entry.id) } else { 0 },
            });
        }
        members
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

    /// Why the messages of a case are in it, the strongest reason first.
    pub(crate) fn filed_by(&mut self, id: &CaseId) -> Vec<FiledBy> {
        self.freshen();
        // Many messages share one filing: each is looked at once.
        let mut known: HashMap<u32, (Option<case::Reason>, usize)> = HashMap::new();
        for entry in self.all().filter(|entry| self.is_shown(entry)) {
            let of_case = || {
                let filing = self.filings.get(entry.filing)?;
                filing.cases.iter().find(|filed| filed.case == *id).map(|filed| filed.because.clone())
            };
            known.entry(entry.filing).or_insert_with(|| (of_case(), 0)).1 += 1;
        }
        let mut found: Vec<FiledBy> = Vec::new();
        for (reason, messages) in known.into_values() {
            let Some(reason) = reason else { continue };
            let because = SafeText::line(&reason.to_string());
            match found.iter_mut().find(|one| one.because == because) {
                Some(one) => one.messages = one.messages.saturating_add(messages),
                None => found.push(FiledBy { because, score: reason.score(), messages }),
            }
        }
        found.sort_by(|a, b| b.score.cmp(&a.score).then_with(|| a.because.as_str().cmp(b.because.as_str())));
        found
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
