//! What an export is of: the messages with their order, the names of their directories, and what it takes to do the rest beside the core.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use jiff::Timestamp;

use super::{Order, Subject};
use crate::app::view::Scope;
use crate::case::document::{Direction, Document};
use crate::case::{Identifier, Jurisdiction, MessageName};
use crate::engine::core::{Core, EngineError, Open, Settings, Stores};
use crate::engine::documents::Documents;
use crate::engine::guard::Records;
use crate::engine::library::filing::name_digest;
use crate::engine::quarantine::is_own;
use crate::engine::register::Register;
use crate::engine::target::own;
use crate::export::{layout, target};
use crate::mail::id::{CaseId, MessageKey, MessageRef, ThreadId};
use crate::pgp::keyring::Keyring;
use crate::register::Book;
use crate::register::record::Record;

/// Where mail of no case goes.
const NO_CASE: &str = "NO-CASE";
/// Where mail of cases that have none in common goes.
const SEVERAL: &str = "SEVERAL-CASES";

/// A message to be exported.
pub(super) struct Letter {
    pub(super) key: MessageKey,
    pub(super) name: MessageRef,
    pub(super) received: Timestamp,
    pub(super) thread: ThreadId,
    pub(super) cases: Vec<CaseId>,
    /// Only these of its attachments, by their paths.
    pub(super) only: Option<Vec<String>>,
    /// We sent it.
    pub(super) is_own: bool,
}

/// A gathered export.
pub(crate) struct Exporter {
    pub(super) order: Order,
    pub(super) case: Option<CaseId>,
    pub(super) title: String,
    pub(super) directory: String,
    pub(super) law: Option<Jurisdiction>,
    pub(super) letters: Vec<Letter>,
    /// Directories of threads: number and topic.
    pub(super) topics: HashMap<ThreadId, (usize, String)>,
    /// What was taken into the case by hand, where that is wanted.
    documents: Option<Documents>,
    pub(super) register: Register,
    pub(super) stores: Arc<Stores>,
    pub(super) settings: Arc<Settings>,
    pub(super) keyring: Arc<Keyring>,
    /// What the register says at the beginning, of whose company the cases are; what is in quarantine is asked anew for each letter.
    pub(super) book: Arc<Book>,
}

impl Exporter {
    /// Gathers what an order is of.
    pub(crate) fn of(core: &Core, open: &Open, order: Order) -> Result<Self, EngineError> {
        let library = &open.library;
        let wanted = |name: &MessageRef| -> Result<MessageKey, EngineError> {
            let now = open.changes.name_now(name).unwrap_or(name);
            library.key(name).or_else(|| library.key(now)).ok_or_else(|| EngineError::NoMessage(name.to_string()))
        };
        let of_case = |case: &CaseId| -> Vec<MessageKey> {
            let scope = Scope::Case(case.clone());
            library.keys_by_date().into_iter().filter(|key| library.is_in_scope(*key, &scope)).collect()
        };
        let mut only: HashMap<MessageKey, Vec<String>> = HashMap::new();
        let (keys, case): (Vec<MessageKey>, Option<CaseId>) = match &order.subject {
            Subject::Case(case) => (of_case(case), Some(case.clone())),
            Subject::Threads(threads) => {
                (threads.iter().flat_map(|thread| library.thread_keys(*thread)).collect(), None)
            }
            Subject::Messages(names) => (names.iter().map(wanted).collect::<Result<_, _>>()?, None),
            Subject::Documents(chosen) => {
                for (name, path) in &chosen.parts {
                    only.entry(wanted(name)?).or_default().push(path.clone());
                }
                (only.keys().copied().collect(), chosen.case.clone())
            }
        };
        // Mail of several cases goes to the directory of none: what is handed on as one case must hold nothing of another.
        let mut filed = keys.iter().map(|key| library.cases_of(*key)).filter(|cases| !cases.is_empty());
        let mut shared = filed.next();
        let is_filed = shared.is_some();
        for cases in filed {
            if let Some(shared) = &mut shared {
                shared.retain(|(one, _)| cases.iter().any(|(other, _)| one == other));
            }
        }
        let case = case.or_else(|| shared.and_then(|shared| shared.into_iter().next()).map(|(case, _)| case));
        let letter = |key: MessageKey| {
            Some(Letter {
                key,
                name: library.name(key)?,
                received: library.received(key).and_then(|at| Timestamp::from_second(at).ok()).unwrap_or_default(),
                thread: library.thread_of(key).unwrap_or(ThreadId(0)),
                cases: library.cases_of(key).into_iter().map(|(case, _)| case).collect(),
                only: only.get(&key).cloned(),
                is_own: is_own(open, key),
            })
        };
        let mut letters: Vec<Letter> = keys.iter().filter_map(|key| letter(*key)).collect();
        letters.sort_by(|one, other| (one.received, &one.name).cmp(&(other.received, &other.name)));
        let record = case.as_ref().and_then(|case| core.records(open).record(case));
        let (mut title, mut identifiers) = (String::new(), Vec::<Identifier>::new());
        if let Some(case) = &case {
            let (words, numbers) = library.case_words(case);
            (title, identifiers) = (words.to_string(), numbers);
        }
        let directory = match (&case, &record) {
            (None, _) => if is_filed { SEVERAL } else { NO_CASE }.to_owned(),
            (Some(case), record) => {
                let known = record.as_ref().and_then(|record| record.main_identifier()).map(|one| one.value.clone());
                let first = identifiers.iter().find(|one| one.kind.names_a_case()).map(|one| one.value.clone());
                let number = known.or(first).unwrap_or_else(|| case.0.clone());
                let client = record.as_ref().and_then(|record| record.accused.first()).map(|one| one.surname());
                layout::case_directory(&title, client.as_deref(), &number)
            }
        };
        if let Some(record) = &record {
            identifiers.extend(record.identifiers.iter().cloned());
        }
        // The number of a thread is its place in the whole case, whatever is exported of it.
        let whole = case.as_ref().map_or_else(|| keys.clone(), of_case);
        let mut firsts: BTreeMap<ThreadId, (i64, MessageKey)> = BTreeMap::new();
        for key in whole.into_iter().chain(keys) {
            let (Some(thread), Some(at)) = (library.thread_of(key), library.received(key)) else { continue };
            let first = firsts.entry(thread).or_insert((at, key));
            *first = (*first).min((at, key));
        }
        let mut order_of: Vec<(i64, ThreadId, MessageKey)> =
            firsts.into_iter().map(|(thread, (at, key))| (at, thread, key)).collect();
        order_of.sort_unstable_by_key(|(at, thread, _)| (*at, thread.0));
        let topics = order_of.into_iter().enumerate().map(|(place, (_, thread, key))| {
            let subject = library.served(key).map(|(_, subject, _)| subject.to_owned()).unwrap_or_default();
            (thread, (place + 1, layout::topic(&subject, &title, &identifiers)))
        });
        let by_hand = match &order.subject {
            Subject::Case(_) => true,
            Subject::Documents(chosen) => !chosen.by_hand.is_empty(),
            Subject::Threads(_) | Subject::Messages(_) => false,
        };
        let documents = case.as_ref().filter(|_| by_hand).and_then(|case| Documents::of(core, open, case, true));
        Ok(Self {
            topics: topics.collect(),
            documents,
            law: case.as_ref().and_then(|case| {
                record.as_ref().map_or_else(|| core.law_of(open, case), |record| Some(record.jurisdiction))
            }),
            order,
            case,
            title,
            directory,
            letters,
            register: open.register.clone(),
            stores: Arc::clone(&open.stores),
            settings: Arc::clone(&core.settings),
            keyring: open.keyring.now(),
            book: open.register.with(|loaded| loaded.book())?,
        })
    }

    /// The cases that this is an export of, each once.
    pub(super) fn cases(&self) -> Vec<CaseId> {
        let mut all: Vec<CaseId> = match &self.case {
            Some(case) => vec![case.clone()],
            None => self.letters.iter().flat_map(|letter| letter.cases.iter().cloned()).collect(),
        };
        all.sort();
        all.dedup();
        all
    }

    /// Nothing is written where something speaks against it.
    pub(super) fn may_write_to(&self, place: &std::path::Path) -> Result<(), EngineError> {
        match target::refusal(place, &own(&self.settings)) {
            Some(why) => Err(EngineError::Place(format!("{}: {why}", place.display()))),
            None => Ok(()),
        }
    }

    /// What was taken into the case by hand, as far as it is wanted; each content once.
    pub(super) fn by_hand(&self) -> Result<Vec<Document>, EngineError> {
        let Some(documents) = &self.documents else { return Ok(Vec::new()) };
        let chosen = match &self.order.subject {
            Subject::Documents(chosen) => Some(&chosen.by_hand),
            _ => None,
        };
        let mut found: Vec<Document> = documents.read()?;
        found.retain(|one| {
            one.direction == Direction::ByHand && chosen.is_none_or(|chosen| chosen.contains(&one.sha256))
        });
        let mut seen = std::collections::HashSet::new();
        found.retain(|one| seen.insert(one.sha256.clone()));
        Ok(found)
    }

    /// When this message was first written down as received, by any device.
    pub(super) fn first_seen(&self, name: &MessageName) -> Option<Timestamp> {
        let id = name_digest(name);
        let (stream, seq) = self.register.with(|loaded| loaded.history().received_at(id)).ok()??;
        let row = self.stores.state.register_row(stream, seq).ok()??;
        Record::read(&row.record).ok().map(|record| record.at)
    }
}
