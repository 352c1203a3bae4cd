//! What a screen shows first, kept as the last part of the list: how much is in every case, and the first rows of the lists that are opened first.
//!
//! It is read in a millisecond or two however long the list is, and shown while the rest is read; then the whole lists, as soon as what they show of
//! the index is read ([`super::shown`]). It says what the whole list will say, or it is not shown at all: it is passed over where a page of the
//! cache, a mailbox, the rules of filing, the register or the changes that wait are not what they were when it was written ([`Signs`]). What lists show of
//! the register's cases is in it, so that nobody waits until a long register has been read.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::Library;
use super::book::BookCase;
use super::entry::{badge_code, badge_of};
use super::filing::Book;
use super::rows::Counts;
use super::shown::Shown;
use crate::app::thread_list::{Brief, NO_TEXT, PEOPLE_MAX, Shared, Table, Texts, ThreadList};
use crate::app::view::{CaseRow, Scope};
use crate::case::{Case, Identifier, Party};
use crate::mail::id::{CaseId, MailboxId, ThreadId};
use crate::mail::safe::SafeText;
use crate::store::cache::{Generation, KeptList};
use crate::store::mailbox::Mailbox;

/// The form of the part; another one is not read.
const FORM: u32 = 2;
/// Rows of all mail and of unfiled mail: some screenfuls.
const ROWS: usize = 256;
/// Rows of a case.
const CASE_ROWS: usize = 64;
/// Cases of which rows are kept: those that stand first.
const CASES: usize = 64;

/// By what it is told whether the head still says what the list will say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Signs {
    /// Digest of the mailboxes and of what their pages say ([`pages_digest`]).
    pub(crate) pages: u64,
    /// What is not the cache's.
    pub(crate) outside: Outside,
}

/// What lists go by beside the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Outside {
    /// Digest of the changes that wait; see [`crate::engine::changes::Changes::digest`].
    pub(crate) waiting: u64,
    /// Where the streams of the register end ([`crate::engine::register::ends`]); 0: that is not known, and fits nothing.
    pub(crate) register: u64,
}

/// A case that is written down, as far as a list shows it.
#[derive(Debug, Serialize, Deserialize)]
struct Known {
    id: CaseId,
    title: String,
    identifiers: Vec<Identifier>,
    record: Option<Case>,
}

impl From<&BookCase> for Known {
    fn from(case: &BookCase) -> Self {
        let shown = |record: &Arc<Case>| Case {
            state: record.state.clone(),
            accused: record.accused.clone(),
            parties: record
                .parties
                .iter()
                .map(|one| Party { name: one.name.clone(), organisation: one.organisation.clone(), ..Party::default() })
                .collect(),
            hearings: record.hearings.clone(),
            ..Case::new(record.id.clone(), record.title.clone(), record.jurisdiction)
        };
        Self {
            id: case.id.clone(),
            title: case.title.clone(),
            identifiers: case.identifiers.clone(),
            record: case.record.as_ref().map(shown),
        }
    }
}

impl From<Known> for BookCase {
    fn from(known: Known) -> Self {
        let Known { id, title, identifiers, record } = known;
        Self { id, title, identifiers, record: record.map(Arc::new) }
    }
}

/// Digest of what decides about a list beside its rules: which mailboxes there are, what they are for, what their pages say.
pub(crate) fn pages_digest<'a>(
    mailboxes: impl Iterator<Item = &'a Mailbox>,
    pages: impl Iterator<Item = (MailboxId, u32, Generation)>,
) -> u64 {
    let mut mailboxes: Vec<String> = mailboxes
        .map(|m| format!("{:?} {:?} {} {:?} {}", m.account, m.name, m.uid_validity, m.state.special_use, m.id.0))
        .collect();
    mailboxes.sort_unstable();
    // A page that was never written to is the same as none.
    let mut pages: Vec<(u32, u32, u32, u32)> = pages
        .filter(|(.., generation)| *generation != Generation::default())
        .map(|(mailbox, page, generation)| (mailbox.0, page, generation.rows, generation.flags))
        .collect();
    pages.sort_unstable();
    let mut digest = Sha256::new();
    for words in mailboxes {
        digest.update(words.as_bytes());
        digest.update(b"\n");
    }
    for (mailbox, page, rows, flags) in pages {
        for number in [mailbox, page, rows, flags] {
            digest.update(number.to_be_bytes());
        }
    }
    digest.finalize().iter().take(8).fold(0, |sum, &byte| (sum << 8) | u64::from(byte))
}

/// A row of a list of threads.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Row {
    id: ThreadId,
    newest: i64,
    subject: u32,
    people: [u32; PEOPLE_MAX],
    messages: u32,
    unread: u32,
    cases: u32,
    flagged: bool,
    attachments: bool,
    badge: u8,
}

/// A list of which the beginning is kept.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
enum Which {
    All,
    Unfiled,
    Case(CaseId),
}

impl Which {
    fn scope(&self) -> Scope {
        match self {
            Self::All => Scope::All,
            Self::Unfiled => Scope::Unfiled,
            Self::Case(id) => Scope::Case(id.clone()),
        }
    }
}

/// The part as it is written.
#[derive(Debug, Serialize, Deserialize)]
struct Written {
    form: u32,
    /// By what everything is filed, but for the register; 0: not everything is.
    rules: u64,
    /// By what everything is filed, the register's decisions included.
    filed: u64,
    signs: Signs,
    book: Vec<Known>,
    counts: Counts,
    titles: Vec<(CaseId, SafeText)>,
    texts: Vec<String>,
    cases: Vec<Vec<CaseId>>,
    rows: Vec<Row>,
    /// Each list with how many threads it has in all, and the first ones by their places in `rows`.
    lists: Vec<(Which, u32, Vec<u32>)>,
    /// Threads of the whole list that are filed and are to be looked at among the unfiled all the same.
    unfiled: Vec<u32>,
}

impl Written {
    /// Whether it is true today.
    fn fits(&self, book: &Book, signs: Signs) -> bool {
        let is_known = self.rules != 0 && signs.outside.register != 0;
        self.form == FORM && self.signs == signs && self.rules == book.base && is_known
    }

    /// Whether it is of the same lists, whatever else is in the register.
    fn is_like(&self, other: &Self) -> bool {
        let of = |head: &Self| (head.form, head.rules, head.filed, head.signs.pages, head.signs.outside.waiting);
        of(self) == of(other)
    }
}

/// Numbers given anew, in the order in which they are asked for.
struct Renumbered<T> {
    numbers: HashMap<u32, u32>,
    values: Vec<T>,
}

impl<T> Renumbered<T> {
    fn number(&mut self, old: u32, value: impl FnOnce() -> T) -> u32 {
        *self.numbers.entry(old).or_insert_with(|| {
            self.values.push(value());
            u32::try_from(self.values.len().saturating_sub(1)).unwrap_or(NO_TEXT)
        })
    }
}

/// The beginning of a list while it is gathered.
struct Beginning {
    which: Which,
    most: usize,
    all: u32,
    first: Vec<u32>,
}

impl Beginning {
    fn new(which: Which, most: usize) -> Self {
        Self { which, most, all: 0, first: Vec::new() }
    }

    fn add(&mut self, thread: u32) {
        self.all = self.all.saturating_add(1);
        if self.first.len() < self.most {
            self.first.push(thread);
        }
    }
}

impl Library {
    /// The last part of what is kept. Make everything fresh before.
    pub(crate) fn head_part(&self, outside: Outside) -> Option<Vec<u8>> {
        let counts = self.count_cases();
        let (lists, unfiled) = self.beginnings(&counts);
        let mut texts = Renumbered { numbers: HashMap::new(), values: Vec::new() };
        let mut cases = Renumbered { numbers: HashMap::new(), values: Vec::new() };
        cases.number(0, Vec::new);
        let mut rows = Renumbered { numbers: HashMap::new(), values: Vec::new() };
        let mut text = |number: u32| {
            let value = || self.texts.value(number).to_owned();
            if number == NO_TEXT { NO_TEXT } else { texts.number(number, value) }
        };
        let mut written = Vec::with_capacity(lists.len());
        for list in lists {
            let mut first = Vec::with_capacity(list.first.len());
            for thread in list.first {
                let brief = self.threads.table.get(thread)?;
                let of_case = || self.case_lists.get(brief.cases as usize).map(|list| list.to_vec());
                let row = Row {
                    id: brief.id,
                    newest: brief.newest,
                    subject: text(brief.subject),
                    people: brief.people.map(&mut text),
                    messages: brief.messages,
                    unread: brief.unread,
                    cases: cases.number(brief.cases, || of_case().unwrap_or_default()),
                    flagged: brief.flagged,
                    attachments: brief.attachments,
                    badge: badge_code(brief.badge),
                };
                first.push(rows.number(thread, || row));
            }
            written.push((list.which, list.all, first));
        }
        let pages = self.applied.iter().map(|((mailbox, page), generation)| (*mailbox, *page, *generation));
        let written = Written {
            form: FORM,
            rules: if self.is_filed() { self.book.base } else { 0 },
            filed: self.filed_by,
            signs: Signs { pages: pages_digest(self.mailboxes(), pages), outside },
            book: self.book.cases.iter().map(Into::into).collect(),
            titles: self.titles.iter().map(|(case, title)| (case.clone(), title.clone())).collect(),
            counts,
            texts: texts.values,
            cases: cases.values,
            rows: rows.values,
            lists: written,
            unfiled,
        };
        postcard::to_allocvec(&written).ok()
    }

    /// The beginnings of the lists, and the threads that are filed and among the unfiled, in one pass over all threads.
    fn beginnings(&self, counts: &Counts) -> (Vec<Beginning>, Vec<u32>) {
        let mut partly = Vec::new();
        let mut lists = vec![Beginning::new(Which::All, ROWS), Beginning::new(Which::Unfiled, ROWS)];
        let mut newest: Vec<(&CaseId, Option<i64>)> =
            counts.cases.iter().map(|(case, count)| (case, count.newest)).collect();
        newest.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
        let mut places: BTreeMap<&CaseId, usize> = BTreeMap::new();
        for (case, _) in newest.into_iter().take(CASES) {
            places.insert(case, lists.len());
            lists.push(Beginning::new(Which::Case(case.clone()), CASE_ROWS));
        }
        let of_lists: Vec<Vec<usize>> = self
            .case_lists
            .iter()
            .map(|cases| cases.iter().filter_map(|case| places.get(case).copied()).collect())
            .collect();
        for &thread in &self.threads.order {
            let Some(brief) = self.threads.table.get(thread).filter(|brief| brief.messages > 0) else { continue };
            let [all, unfiled, ..] = lists.as_mut_slice() else { break };
            all.add(thread);
            if self.has_unfiled(thread, brief) {
                unfiled.add(thread);
                if brief.cases != 0 {
                    partly.push(thread);
                }
            }
            for &place in of_lists.get(brief.cases as usize).into_iter().flatten() {
                if let Some(list) = lists.get_mut(place) {
                    list.add(thread);
                }
            }
        }
        (lists, partly)
    }
}

/// The part of a head.
type Part = Zeroizing<Vec<u8>>;

/// The head of a list whose rest is being read.
#[derive(Debug)]
pub(crate) struct Head {
    /// Without a message: for the words of cases.
    words: Library,
    counts: Counts,
    lists: HashMap<Scope, ThreadList>,
    unfiled: HashSet<u32>,
    /// What the lists show in whole, once that is read.
    shown: Option<Shown>,
}

impl Head {
    /// The head of a kept list with whether that list is of today, or one that was kept by itself since; nothing where neither says what the list will say.
    /// `book` need not know the register.
    pub(crate) fn read(
        book: &Book,
        list: &KeptList,
        since: impl FnOnce() -> Option<Part>,
        signs: Signs,
    ) -> Option<(Self, bool)> {
        let last = list.len().checked_sub(1).and_then(|last| list.part(last));
        let of_list: Option<Written> = last.and_then(|part| postcard::from_bytes(&part).ok());
        if of_list.as_ref().is_some_and(|written| written.fits(book, signs)) {
            return Some((Self::of(book.clone(), of_list?)?, true));
        }
        let written: Written = postcard::from_bytes(&since()?).ok()?;
        if !written.fits(book, signs) {
            return None;
        }
        // The register may have grown by what no list shows: then the list is of today all the same.
        let of_list = of_list.filter(|of_list| of_list.is_like(&written));
        let mut head = Self::of(book.clone(), written)?;
        let is_of_today = of_list.is_some();
        if let Some(of_list) = of_list {
            // By the list's own numbers.
            head.unfiled = of_list.unfiled.into_iter().collect();
        }
        Some((head, is_of_today))
    }

    fn of(book: Book, written: Written) -> Option<Self> {
        let mut words = Library::new(book.with_cases(written.book.into_iter().map(Into::into).collect()));
        words.titles = written.titles.into_iter().collect();
        let mut texts = Texts::default();
        for text in &written.texts {
            texts.push(text);
        }
        let mut threads = Shared::default();
        for row in written.rows {
            threads.push(Brief {
                id: row.id,
                newest: row.newest,
                subject: row.subject,
                people: row.people,
                messages: row.messages,
                unread: row.unread,
                cases: row.cases,
                flagged: row.flagged,
                attachments: row.attachments,
                badge: badge_of(row.badge),
            });
        }
        let cases = Arc::new(written.cases.into_iter().map(Into::into).collect::<Vec<_>>());
        let mut lists = HashMap::new();
        for (which, all, order) in written.lists {
            let behind = (all as usize).checked_sub(order.len())?;
            let (threads, texts, cases) = (threads.clone(), texts.clone(), Arc::clone(&cases));
            lists.insert(which.scope(), ThreadList::Table(Arc::new(Table { order, threads, texts, cases, behind })));
        }
        let unfiled = written.unfiled.into_iter().collect();
        Some(Self { words, counts: written.counts, lists, unfiled, shown: None })
    }

    /// The list of cases, as [`Library::case_rows`] makes it.
    pub(crate) fn case_rows(&self, now: Timestamp) -> Vec<CaseRow> {
        self.words.rows_of_cases(&self.counts, now)
    }

    /// The lists are known in whole, by the list that this is the head of.
    pub(crate) fn complete(&mut self, shown: Shown) {
        self.shown = Some(shown);
    }

    /// A list, or its beginning; nothing where it is not kept.
    pub(crate) fn thread_list(&self, scope: &Scope) -> Option<ThreadList> {
        match &self.shown {
            Some(shown) => shown.list(scope, &self.unfiled),
            None => self.lists.get(scope).cloned(),
        }
    }
}
