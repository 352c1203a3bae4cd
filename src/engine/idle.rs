//! Bodies of cases that have lain idle: once a case is closed and nothing has come or changed in it for long enough, the copies here go. Rows,
//! register and chronology stay, and a body is fetched again when somebody opens it. Never of a case that is open or on hold.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::core::{Core, CoreHandle, Open, Settings, Stores};
use super::register::{Hand, Recorder, Register};
use super::{Engine, EngineError};
use crate::app::view::Tone;
use crate::case::State;
use crate::mail::id::{CaseId, MailboxId, MessageKey};
use crate::mail::safe::SafeText;
use crate::pgp::keyring::Keyring;
use crate::register::{Book, CaseChange, Event};
use crate::store::cache::Thrift;
use crate::store::mailbox::Mailbox;

/// An idle case with what is here of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdleCase {
    /// The case.
    pub id: CaseId,
    /// What it is called. Made safe.
    pub title: String,
    /// Nothing has come or changed since.
    pub since: Timestamp,
    /// Bodies that are here.
    pub messages: usize,
    /// Bytes of them, as the server counts.
    pub bytes: u64,
}

/// A case that is idle, and the messages whose bodies are here and would go.
struct Found {
    case: IdleCase,
    keys: Vec<MessageKey>,
}

/// Why nothing of a case may go; `None` where nothing stands against it.
fn against(book: &Book, id: &CaseId) -> Option<&'static str> {
    if book.is_held(id) {
        return Some("it is on hold");
    }
    match book.case(id).map(|case| &case.state) {
        Some(State::Closed { .. }) => None,
        Some(State::Shredded { .. }) => Some("it was destroyed already"),
        Some(State::Open | State::OnHold { .. }) | None => Some("it is open: close it first (`casemail case close`)"),
    }
}

/// What it takes to let go of idle copies, whoever wants it.
struct Idler {
    core: CoreHandle,
    number: u64,
    register: Register,
    stores: Arc<Stores>,
    settings: Arc<Settings>,
    keyring: Arc<Keyring>,
}

impl Idler {
    fn of(core: &Core, open: &Open) -> Self {
        Self {
            core: core.handle.clone(),
            number: open.number,
            register: open.register.clone(),
            stores: Arc::clone(&open.stores),
            settings: Arc::clone(&core.settings),
            keyring: open.keyring.now(),
        }
    }

    fn book(&self) -> Result<Arc<Book>, EngineError> {
        self.register.with(|loaded| loaded.book())
    }

    /// The idle cases with bodies here, the longest idle first: of all cases, or of one.
    fn idle(&self, only: Option<&CaseId>, days: u32) -> Result<Vec<Found>, EngineError> {
        let before = self.before(only, days)?;
        let book = self.book()?;
        let wanted: BTreeSet<CaseId> = match only {
            Some(id) => BTreeSet::from([id.clone()]),
            None => book.cases().map(|case| case.id.clone()).collect(),
        };
        let closed: BTreeSet<CaseId> = wanted.into_iter().filter(|id| against(&book, id).is_none()).collect();
        let changed: BTreeMap<CaseId, Timestamp> =
            closed.iter().filter_map(|id| Some((id.clone(), book.changed(id)?))).collect();
        let found = self.core.ask_open(move |_, open| {
            let mut since = changed;
            let mut keys: BTreeMap<CaseId, Vec<MessageKey>> = BTreeMap::new();
            for key in open.library.keys_by_date() {
                let cases: Vec<CaseId> = open.library.cases_of(key).into_iter().map(|(case, _)| case).collect();
                let received = open.library.received(key).and_then(|at| Timestamp::from_second(at).ok());
                for case in &cases {
                    if let (Some(since), Some(received)) = (since.get_mut(case), received) {
                        *since = (*since).max(received);
                    }
                }
                // What is of another case too goes when that one does.
                if let [only] = cases.as_slice()
                    && closed.contains(only)
                    && open.library.mailbox(key.mailbox).is_some_and(Mailbox::has_its_mail)
                {
                    keys.entry(only.clone()).or_default().push(key);
                }
            }
            let idle = since.into_iter().filter(|(_, since)| *since < before);
            let found: Vec<(CaseId, SafeText, Timestamp, Vec<MessageKey>)> = idle
                .map(|(id, since)| {
                    let (title, keys) = (open.library.case_words(&id).0, keys.remove(&id).unwrap_or_default());
                    (id, title, since, keys)
                })
                .collect();
            found
        })?;
        let mut idle = Vec::new();
        for (id, title, since, keys) in found {
            let (mut here, mut bytes) = (Vec::new(), 0_u64);
            for key in keys {
                if let Some(summary) = self.stores.cache.summary(key)?.filter(|summary| summary.has_raw) {
                    bytes = bytes.saturating_add(summary.bytes.into());
                    here.push(key);
                }
            }
            if !here.is_empty() {
                let case = IdleCase { id, title: title.to_string(), since, messages: here.len(), bytes };
                idle.push(Found { case, keys: here });
            }
        }
        idle.sort_by_key(|found| found.case.since);
        Ok(idle)
    }

    /// Gives the room back at once.
    fn tidy(&self) -> Result<(), EngineError> {
        self.stores.cache.tidy(Thrift::Much, &mut |_| true)?;
        Ok(self.stores.cache.forget_former()?)
    }

    /// Lets go of those bodies; each case's chronology says so. Gives what went. Blocks, and reads foreign bytes: call it where the stack is deep.
    fn purge(&self, only: Option<&CaseId>, days: u32) -> Result<Vec<IdleCase>, EngineError> {
        let mut gone = Vec::new();
        for Found { case, keys } in self.idle(only, days)? {
            // What came is written down while its bytes are here.
            let id = case.id.clone();
            if let Some(recorder) = self.core.ask_open(move |core, open| Recorder::of(core, open, Some(&id), true))? {
                recorder.write()?;
            }
            let change =
                CaseChange::BodiesPurged { messages: case.messages as u64, bytes: case.bytes, idle_since: case.since };
            // A hold that was put on meanwhile, on another device, counts.
            if against(&*self.book()?, &case.id).is_some() {
                continue;
            }
            let hand = Hand { stores: &self.stores, settings: &self.settings, keyring: &self.keyring };
            self.register.append(&hand, &[Event::Case { case: case.id.clone(), change }])?;
            let mut by_mailbox: BTreeMap<MailboxId, Vec<u32>> = BTreeMap::new();
            keys.iter().for_each(|key| by_mailbox.entry(key.mailbox).or_default().push(key.uid));
            for (mailbox, uids) in by_mailbox {
                self.stores.cache.let_go(mailbox, &uids)?;
            }
            self.core.back_of(self.number, move |core, open| {
                keys.into_iter().for_each(|key| open.library.set_here(key, false));
                core.mark_changed();
            });
            gone.push(case);
        }
        if !gone.is_empty() {
            self.core.ask_stores(Core::register_changed)?;
        }
        Ok(gone)
    }

    /// Cases that have not changed since this time are idle.
    fn before(&self, only: Option<&CaseId>, days: u32) -> Result<Timestamp, EngineError> {
        if let Some(id) = only
            && let Some(words) = against(&*self.book()?, id)
        {
            return Err(EngineError::Refused(format!("{id}: {words}; nothing was let go of")));
        }
        let span = SignedDuration::from_hours(i64::from(days).saturating_mul(24));
        Ok(self.settings.clock.now().checked_sub(span).unwrap_or(Timestamp::MIN))
    }
}

/// What went by itself, for the status line.
fn words(gone: &[IdleCase]) -> String {
    let messages: usize = gone.iter().map(|case| case.messages).sum();
    let named: Vec<&str> = gone.iter().take(3).map(|case| case.title.as_str()).collect();
    let more = match gone.len().saturating_sub(named.len()) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let copies = if messages == 1 { "1 copy" } else { &format!("{messages} copies") };
    format!(
        "Closed and idle: {copies} of mail let go of here ({}{more}); what the server has is fetched again when opened.",
        named.join(", ")
    )
}

impl Core {
    /// Lets go of the copies of idle cases, as `purge_idle_days` says, beside everything else; the room is given back by and by. Not for a command: whoever runs one says so himself.
    pub(crate) fn purge_when_due(&self, open: &Open) -> Option<tokio::task::JoinHandle<()>> {
        if self.settings.lazy || !open.loaded {
            return None;
        }
        let (idler, days) = (Idler::of(self, open), self.settings.config.purge_idle_days);
        Some(self.runtime.spawn_blocking(move || match idler.purge(None, days) {
            Ok(gone) if gone.is_empty() => {}
            Ok(gone) => {
                let words = words(&gone);
                idler.core.front_of(idler.number, move |core, _| core.announcer.notice(Tone::Plain, &words));
            }
            Err(error) => tracing::info!(%error, "copies of idle cases stay"),
        }))
    }
}

impl Engine {
    fn idler(&self) -> Result<Idler, EngineError> {
        // Waited for out here: the core waits for nobody.
        self.register_parts()?.0.with(|_| ())?;
        self.core.ask_stores(|core, open| Idler::of(core, open))
    }

    /// The closed cases in which nothing has come or changed for so many days, with the bodies that are here of them.
    ///
    /// # Errors
    /// The named case is open or on hold, or the stores cannot be read.
    pub fn idle_cases(&self, only: Option<&CaseId>, days: u32) -> Result<Vec<IdleCase>, EngineError> {
        Ok(self.idler()?.idle(only, days)?.into_iter().map(|found| found.case).collect())
    }

    /// Lets go of those bodies; each case's chronology says so. Gives what went.
    ///
    /// # Errors
    /// As [`Self::idle_cases`]; or the stores cannot be written: what has gone until then stays gone.
    pub fn purge_idle(&self, only: Option<&CaseId>, days: u32) -> Result<Vec<IdleCase>, EngineError> {
        let (idler, only) = (self.idler()?, only.cloned());
        let runtime = self.runtime.as_ref().ok_or(EngineError::Ended)?;
        let task = runtime.spawn_blocking(move || {
            let gone = idler.purge(only.as_ref(), days)?;
            if !gone.is_empty() {
                idler.tidy()?;
            }
            Ok(gone)
        });
        self.block_on(task)?.map_err(|_| EngineError::Ended)?
    }
}
