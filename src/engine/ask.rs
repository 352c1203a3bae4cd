//! Questions that wait for their answer: what the command line and a second process ask. Not to be called from an async task.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::Engine;
use super::changes;
use super::company::Company;
use super::core::{EngineError, Open, Settings, Stores};
use super::document::{self, MessageDocument};
use super::outbox;
use super::quarantine::Shutter;
use super::query::{
    Along, Branch, CaseListed, Filter, Listed, Listing, MailboxListed, OutboxListed, RawMessage, Resolution,
    SendReport, TakenBackListed,
};
use super::reader;
use super::reading::Look;
use super::streamed::{Kept, Streamed, unreadable};
use super::wanted::Wanted;
use crate::app::effect::Said;
use crate::app::event::Event;
use crate::app::view::{AccountStatus, Scope, ThreadRow, ThreadView};
use crate::case::{Class, Filed};
use crate::imap;
use crate::mail::id::{MailboxId, MessageKey, MessageRef, OutboxId, ThreadId};
use crate::net::Culprit;
use crate::pgp::open::Decrypt;
use crate::store::summary::Summary;

/// Up to so many messages are read one by one; beyond, whole mailboxes are.
const SINGLY_MAX: usize = 200;
/// How often a waiting command looks.
pub(super) const LOOK: Duration = Duration::from_millis(40);
/// Answers within answers in a forest; deeper ones stand side by side. Whoever walks it, prints it or reads it elsewhere goes one step down the stack
/// for each, and a stranger can send as many as he likes.
const FOREST_DEPTH_MAX: usize = 50;

/// What the index knows of a message in a list.
struct Indexed {
    key: MessageKey,
    id: MessageRef,
    thread: ThreadId,
    cases: Vec<Filed>,
    /// System flags: of the index, because the cache may be a moment behind.
    flags: u8,
    /// The mailbox that it is shown in.
    mailbox: String,
    over: Option<changes::Over>,
}

fn indexed(open: &Open, key: MessageKey) -> Option<Indexed> {
    Some(Indexed {
        key,
        id: open.library.name(key)?,
        thread: open.library.thread_of(key).unwrap_or(ThreadId(0)),
        cases: open.library.filed_to(key),
        flags: open.library.flags(key)?,
        mailbox: open.library.shown_in(key)?.to_owned(),
        over: open.changes.over(&open.library, key),
    })
}

fn time(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap_or_default()
}

/// The class behind the code that the cache keeps.
fn carried(code: u8) -> &'static str {
    [Class::Cjsm, Class::Gov, Class::Firm]
        .into_iter()
        .find(|class| *class as u8 + 1 == code)
        .unwrap_or(Class::Open)
        .name()
}

fn listed(known: Indexed, summary: Summary) -> Listed {
    let mut flags = known.over.as_ref().map_or(summary.flags.clone(), |over| over.shown(&summary.flags));
    flags.set(known.flags, true);
    flags.set(!known.flags & 0x1f, false);
    Listed {
        id: known.id,
        message_id: summary.message_id,
        from: summary.from,
        to: summary.to,
        cc: summary.cc,
        subject: summary.subject,
        sent: summary.sent.map(time),
        received: time(summary.received),
        flags: flags.names().map(str::to_owned).collect(),
        cases: known.cases,
        thread: known.thread,
        openpgp: summary.openpgp,
        carried: carried(summary.carried),
        attachments: usize::from(summary.attachments),
        bytes: u64::from(summary.bytes),
        here: summary.has_raw,
        mailbox: known.mailbox,
        pending: known.over.is_some(),
    }
}

/// Joins what the index knows with the summaries of the cache, keeping the order.
fn join(stores: &Stores, wanted: Vec<Indexed>) -> Result<Vec<Listed>, EngineError> {
    let mut whole: HashMap<MailboxId, HashMap<u32, Summary>> = HashMap::new();
    if wanted.len() > SINGLY_MAX {
        let mailboxes: BTreeSet<MailboxId> = wanted.iter().map(|known| known.key.mailbox).collect();
        for mailbox in mailboxes {
            let summaries = stores.cache.summaries(mailbox)?.flatten().map(|summary| (summary.uid, summary)).collect();
            whole.insert(mailbox, summaries);
        }
    }
    let mut rows = Vec::with_capacity(wanted.len());
    for known in wanted {
        let summary = match whole.get_mut(&known.key.mailbox) {
            Some(summaries) => summaries.remove(&known.key.uid),
            None => stores.cache.summary(known.key)?,
        };
        // Gone since the index was asked.
        let Some(summary) = summary else { continue };
        rows.push(listed(known, summary));
    }
    Ok(rows)
}

impl Engine {
    fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The cases with their counts, newest mail first; configured ones without mail at the end.
    ///
    /// # Errors
    /// [`EngineError::Locked`].
    pub fn cases(&self) -> Result<Vec<CaseListed>, EngineError> {
        self.core.ask_open(|core, open| {
            let rows = open.library.case_rows(core.now());
            rows.into_iter()
                .filter_map(|row| {
                    let Scope::Case(id) = row.scope else { return None };
                    let identifiers = open.library.case_words(&id).1;
                    Some(CaseListed {
                        identifiers: identifiers.into_iter().map(|i| (i.kind.name().to_owned(), i.value)).collect(),
                        title: row.title.to_string(),
                        state: row.state,
                        next_hearing: row.next_hearing,
                        messages: row.messages,
                        unread: row.unread,
                        last_date: row.last_date,
                        id,
                    })
                })
                .collect()
        })
    }

    /// The case that an id, or an identifier as people write it (`99 ZX 00123 26`), stands for, where there is one.
    ///
    /// # Errors
    /// [`EngineError::Locked`].
    pub fn find_case(&self, text: &str) -> Result<Option<CaseListed>, EngineError> {
        let canonical = self.settings().book.patterns().read(text).value;
        let cases = self.cases()?;
        let found = cases.iter().find(|case| case.id.0 == text).or_else(|| {
            cases
                .iter()
                .find(|case| case.id.0 == canonical || case.identifiers.iter().any(|(_, value)| *value == canonical))
        });
        Ok(found.cloned())
    }

    /// The threads of a scope, newest first.
    ///
    /// # Errors
    /// [`EngineError::Locked`].
    pub fn threads(&self, scope: &Scope) -> Result<Vec<ThreadRow>, EngineError> {
        let scope = scope.clone();
        self.core.ask_open(move |_, open| open.library.thread_list(&scope).to_rows())
    }

    /// A thread as the screen shows it.
    ///
    /// # Errors
    /// [`EngineError::Locked`].
    pub fn thread(&self, id: ThreadId) -> Result<Option<ThreadView>, EngineError> {
        self.core.ask_open(move |_, open| open.library.thread_view(id, &Scope::All))
    }

    /// A thread as a forest; empty where there is none of that name.
    ///
    /// # Errors
    /// [`EngineError::Locked`], or the cache cannot be read.
    pub fn thread_forest(&self, id: ThreadId) -> Result<Vec<Branch>, EngineError> {
        let (stores, tree) = self.core.ask_open(move |_, open| {
            let tree: Vec<(usize, Indexed)> = open
                .library
                .thread_tree(id)
                .into_iter()
                .filter_map(|(depth, key)| Some((depth, indexed(open, key)?)))
                .collect();
            (Arc::clone(&open.stores), tree)
        })?;
        let (depths, wanted): (Vec<usize>, Vec<Indexed>) = tree.into_iter().unzip();
        let depth_of: HashMap<MessageRef, usize> = wanted.iter().map(|known| known.id.clone()).zip(depths).collect();
        let rows = join(&stores, wanted)?;
        let mut branches: Vec<(usize, Branch)> = Vec::new();
        let mut roots = Vec::new();
        // A branch is closed as soon as a row comes that is not below it.
        let close = |open: &mut Vec<(usize, Branch)>, roots: &mut Vec<Branch>, depth: usize| {
            while open.last().is_some_and(|(at, _)| *at >= depth) {
                let Some((_, done)) = open.pop() else { break };
                match open.last_mut() {
                    Some((_, parent)) => parent.replies.push(done),
                    None => roots.push(done),
                }
            }
        };
        for message in rows {
            let depth = depth_of.get(&message.id).copied().unwrap_or(0).min(FOREST_DEPTH_MAX);
            close(&mut branches, &mut roots, depth);
            branches.push((depth, Branch { message, replies: Vec::new() }));
        }
        close(&mut branches, &mut roots, 0);
        Ok(roots)
    }

    /// The messages that a filter lets through, newest first.
    ///
    /// # Errors
    /// [`EngineError::Locked`], or the cache cannot be read.
    pub fn messages(&self, filter: &Filter) -> Result<Listing, EngineError> {
        let filter = filter.clone();
        let (stores, wanted) = self.core.ask_open(move |_, open| {
            let library = &open.library;
            let keys = match (&filter.message_id, filter.thread) {
                (Some(id), _) => library.with_message_id(id),
                (None, Some(thread)) => library.thread_keys(thread),
                (None, None) => library.keys_by_date(),
            };
            let wanted: Vec<Indexed> = keys
                .into_iter()
                .filter(|key| filter.scope.as_ref().is_none_or(|scope| library.is_in_scope(*key, scope)))
                .filter_map(|key| indexed(open, key))
                .filter(|known| {
                    filter.account.as_ref().is_none_or(|account| known.id.account == *account)
                        && filter.mailbox.as_ref().is_none_or(|mailbox| known.mailbox == *mailbox)
                        && (!filter.unread || known.flags & crate::store::flags::Flags::SEEN == 0)
                })
                .collect();
            (Arc::clone(&open.stores), wanted)
        })?;
        let mut messages = join(&stores, wanted)?;
        if filter_needs_sorting(&messages) {
            messages.sort_by_key(|message| std::cmp::Reverse(message.received));
        }
        Ok(Listing { total: messages.len(), messages })
    }

    /// The mailboxes of all accounts.
    ///
    /// # Errors
    /// [`EngineError::Locked`].
    pub fn mailboxes(&self) -> Result<Vec<MailboxListed>, EngineError> {
        self.core.ask_open(|_, open| {
            let counts = open.library.counts();
            let mut rows: Vec<MailboxListed> = open
                .library
                .mailboxes()
                .map(|mailbox| MailboxListed {
                    account: mailbox.account.clone(),
                    name: mailbox.name.clone(),
                    uid_validity: mailbox.uid_validity,
                    messages: counts.get(&mailbox.id).copied().unwrap_or_default(),
                    last_sync: mailbox.state.last_sync,
                })
                .collect();
            rows.sort_by(|a, b| (&a.account, &a.name).cmp(&(&b.account, &b.name)));
            rows
        })
    }

    /// The bytes of a message, as the server has them; fetched where they are not here and `may_fetch` is set.
    ///
    /// # Errors
    /// No such message, the cache, or the server.
    pub fn raw(&self, name: &MessageRef, may_fetch: bool) -> Result<RawMessage, EngineError> {
        let (stores, key, received) = self.place_of(name)?;
        let id = name.clone();
        if let Some(raw) = stores.raw(key)? {
            return Ok(RawMessage { id, received, raw: raw.into() });
        }
        if !may_fetch {
            return Err(EngineError::Refused(format!(
                "the text of {name} is not here; run `casemail sync`, or open it while online"
            )));
        }
        self.connect_account(&name.account)?;
        // As a screen fetches it: kept, and gone on with where it broke off.
        let (wanted, (tell, told)) = (name.clone(), tokio::sync::oneshot::channel());
        self.core.ask_open(move |core, open| core.fetch_raw(open, wanted, tell))?;
        let fetched = self.block_on(told)?.map_err(|_| EngineError::Ended)?;
        match fetched {
            Ok(raw) => Ok(RawMessage { id, received, raw: raw.into() }),
            Err(because) => Err(EngineError::Server { account: name.account.clone(), because }),
        }
    }

    /// A message, read by somebody who asked for it and is handed what is beside it too; fetched where it is not here. A large one is not held.
    ///
    /// # Errors
    /// As [`Self::raw`]; it cannot be opened for want of room.
    pub(crate) fn read_message(&self, name: &MessageRef) -> Result<(Streamed, Company), EngineError> {
        let (kept, _, new) = self.kept(name)?;
        let (keyring, company) = (self.keyring()?, self.company(Some(name))?);
        let terms = company.terms(self.settings().clock.now(), Decrypt::Any);
        let look = Look { keyring: &keyring, terms: &terms, beside: true };
        let streamed = self.opened_or_again(name, kept, new.as_deref(), &look)?;
        Ok((streamed, company))
    }

    /// Reads a message; `new` learns of it.
    fn opened(kept: Kept, new: Option<&Wanted>, look: &Look<'_>) -> Result<Streamed, EngineError> {
        let streamed = on_deep_stack(|| Streamed::read(kept, look, &|_| Ok(()))).map_err(|error| unreadable(&error))?;
        if let (Some(new), Some(reading)) = (new, &streamed.reading) {
            new.learn(reading, streamed.digest, streamed.bytes, true).map_err(EngineError::Refused)?;
        }
        Ok(streamed)
    }

    /// As [`Self::opened`], of a message that [`Self::kept`] gave: one that is found damaged is fetched again, once.
    fn opened_or_again(
        &self,
        name: &MessageRef,
        kept: Kept,
        new: Option<&Wanted>,
        look: &Look<'_>,
    ) -> Result<Streamed, EngineError> {
        match Self::opened(kept.clone(), new, look) {
            Err(_) if kept.is_lost() => {
                let (kept, _, new) = self.kept(name)?;
                Self::opened(kept, new.as_deref(), look)
            }
            opened => opened,
        }
    }

    /// Where a message lies, and when the server received it.
    fn place_of(&self, name: &MessageRef) -> Result<(Arc<Stores>, MessageKey, Timestamp), EngineError> {
        let wanted = name.clone();
        let known = self.core.ask_open(move |_, open| {
            let key = open.library.key(&wanted)?;
            Some((Arc::clone(&open.stores), key, time(open.library.received(key).unwrap_or_default())))
        })?;
        known.ok_or_else(|| EngineError::NoMessage(name.to_string()))
    }

    /// A message as it is kept, and when the server received it; fetched where it is not here, and given with what learns of it then.
    fn kept(&self, name: &MessageRef) -> Result<(Kept, Timestamp, Option<Arc<Wanted>>), EngineError> {
        let (stores, key, received) = self.place_of(name)?;
        if let Some(kept) = Kept::of(&stores, key)? {
            return Ok((kept, received, None));
        }
        self.connect_account(&name.account)?;
        let (wanted, (tell, told)) = (name.clone(), tokio::sync::oneshot::channel());
        self.core.ask_open(move |core, open| core.fetch_kept(open, wanted, tell))?;
        let fetched = self.block_on(told)?.map_err(|_| EngineError::Ended)?;
        let server = |because| EngineError::Server { account: name.account.clone(), because };
        fetched.map(|(kept, new)| (kept, received, new)).map_err(server)
    }

    /// A message as the server has it, to be written out piece by piece; `None` where part of it is in quarantine.
    ///
    /// # Errors
    /// As [`Self::raw`].
    pub(crate) fn handed_out(&self, name: &MessageRef) -> Result<Option<Kept>, EngineError> {
        let (kept, _, new) = self.kept(name)?;
        // What was fetched just now is learned of, or what it says is known to nobody.
        if new.is_some() {
            let (keyring, terms) = (self.keyring()?, self.settings().terms(Decrypt::NotRsa));
            Self::opened(kept.clone(), new.as_deref(), &Look { keyring: &keyring, terms: &terms, beside: false })?;
        }
        Ok((!self.kept_holds_quarantined(kept.clone())?).then_some(kept))
    }

    /// A message that somebody holds, where what is inside it has a place.
    ///
    /// # Errors
    /// [`EngineError::Locked`].
    pub(crate) fn held(&self, raw: Arc<[u8]>) -> Result<Kept, EngineError> {
        self.core.ask_open(move |_, open| Kept::held(&open.stores, raw))
    }

    /// The document of a message.
    ///
    /// # Errors
    /// As [`Self::raw`].
    pub fn document(&self, name: &MessageRef) -> Result<MessageDocument, EngineError> {
        let (kept, received, new) = self.kept(name)?;
        let wanted = name.clone();
        let (keyring, case, company, shutter, conflicting) = self.core.ask_open(move |core, open| {
            let key = open.library.key(&wanted);
            let case = key.and_then(|key| open.library.filed_to(key).into_iter().next());
            let conflicting = key.is_some_and(|key| open.library.is_conflicting(key));
            (
                open.keyring.now(),
                case,
                core.company(open, key),
                key.map(|key| Shutter::of(core, open, key)),
                conflicting,
            )
        })?;
        let context = document::Context {
            keyring: &keyring,
            classes: &self.settings().classes,
            now: self.settings().clock.now(),
            id: Some(name.clone()),
            received: Some(received),
            case,
            company: &company,
        };
        let terms = company.terms(context.now, Decrypt::Any);
        let look = Look { keyring: &keyring, terms: &terms, beside: true };
        let streamed = self.opened_or_again(name, kept, new.as_deref(), &look)?;
        let digest = streamed.digest;
        let (mut document, opened) = on_deep_stack(|| {
            let Some(mut reading) = streamed.reading else { return (document::undisplayable(&context), None) };
            if let Some(shutter) = &shutter {
                shutter.shut(&mut reading);
            }
            (document::of_reading(&reading, &context), super::plea::opened(&reading, digest))
        });
        if conflicting {
            document.warn("same-message-id", reader::SAME_ID);
        }
        if let Some((message, took)) = opened {
            let wanted = name.clone();
            self.core.ask_open(move |core, open| {
                if let Some(key) = open.library.key(&wanted) {
                    core.plea_opened(open, key, &message, took);
                }
            })?;
        }
        Ok(document)
    }

    /// The document of bytes from a file, with the keys of this profile.
    ///
    /// # Errors
    /// [`EngineError::Locked`].
    pub fn document_of(&self, raw: &[u8]) -> Result<MessageDocument, EngineError> {
        let (keyring, company) = (self.keyring()?, self.company(None)?);
        let context = document::Context {
            keyring: &keyring,
            classes: &self.settings().classes,
            now: self.settings().clock.now(),
            id: None,
            received: None,
            case: None,
            company: &company,
        };
        let terms = company.terms(context.now, Decrypt::Any);
        let (kept, look) = (self.held(raw.into())?, Look { keyring: &keyring, terms: &terms, beside: true });
        let streamed = on_deep_stack(|| Streamed::read(kept, &look, &|_| Ok(())));
        let reading = streamed.map_err(|error| unreadable(&error))?.reading;
        Ok(reading
            .map_or_else(|| document::undisplayable(&context), |reading| document::of_reading(&reading, &context)))
    }

    /// The outbox, newest first.
    ///
    /// # Errors
    /// [`EngineError::Locked`], or the state store cannot be read.
    pub fn outbox(&self) -> Result<Vec<OutboxListed>, EngineError> {
        self.core.ask_stores(|core, open| {
            let (rows, damage) = open.outbox.rows()?;
            damage.iter().for_each(|one| core.complain(one));
            Ok(rows.iter().map(|row| outbox::listed(row, &core.settings.config)).collect())
        })?
    }

    /// Tries a row again now; an uncertain one is looked for again.
    ///
    /// # Errors
    /// No such row, or its state does not allow it.
    pub fn retry(&self, id: OutboxId) -> Result<(), EngineError> {
        self.core.ask_open(move |core, open| core.retry_outbox(open, id))?
    }

    /// Takes a row back before it is sent, with all of the same message that has not left; it is kept as a draft.
    ///
    /// # Errors
    /// No such row, or it is too late.
    pub fn cancel(&self, id: OutboxId) -> Result<TakenBackListed, EngineError> {
        let taken = self.core.ask_open(move |core, open| {
            let taken = core.cancel_outbox(open, id)?;
            core.tell_taken_back(open, Ok(Some(taken.clone())));
            Ok::<_, EngineError>(taken)
        })??;
        Ok(TakenBackListed { draft: taken.id, words: taken.words() })
    }

    /// Says what became of an uncertain row.
    ///
    /// # Errors
    /// No such row, or it is not uncertain.
    pub fn resolve(&self, id: OutboxId, resolution: Resolution) -> Result<Option<TakenBackListed>, EngineError> {
        let taken = self.core.ask_open(move |core, open| {
            let taken = core.resolve_outbox(open, id, resolution)?;
            if let Some(taken) = &taken {
                core.tell_taken_back(open, Ok(Some(taken.clone())));
            }
            Ok::<_, EngineError>(taken)
        })??;
        Ok(taken.map(|taken| TakenBackListed { draft: taken.id, words: taken.words() }))
    }

    /// Checks, builds, seals and queues an RFC 5322 draft; with `dry_run` it is only checked.
    ///
    /// # Errors
    /// The draft cannot be read, no such account, or the state store cannot be written. A refusal by the check is no error: see the report.
    pub fn send_raw(
        &self,
        draft: &[u8],
        account: Option<&str>,
        said: Said,
        dry_run: bool,
    ) -> Result<SendReport, EngineError> {
        self.send_with(draft, account, said, dry_run, Along::default())
    }

    /// The same with files along, told apart into several messages where that is asked for and needed.
    ///
    /// # Errors
    /// As [`Self::send_raw`], or a file cannot be read.
    pub fn send_with(
        &self,
        draft: &[u8],
        account: Option<&str>,
        said: Said,
        dry_run: bool,
        along: Along,
    ) -> Result<SendReport, EngineError> {
        let (draft, account) = (draft.to_vec(), account.map(str::to_owned));
        self.core.ask_open(move |core, open| core.send_file(open, &draft, account.as_deref(), said, dry_run, along))?
    }

    /// The states of the accounts' connections.
    ///
    /// # Errors
    /// [`EngineError::Locked`].
    pub fn accounts(&self) -> Result<Vec<AccountStatus>, EngineError> {
        self.core.ask_open(|_, open| open.accounts.values().map(|account| account.status.clone()).collect())
    }

    /// Connects all accounts and keeps them connected, as with a screen.
    ///
    /// # Errors
    /// [`EngineError::Locked`].
    pub fn connect(&self) -> Result<(), EngineError> {
        self.core.ask_open(|core, open| core.connect(open))
    }

    /// The handle of an account that is connected, connecting it first.
    pub(super) fn connect_account(&self, name: &str) -> Result<imap::Handle, EngineError> {
        self.connect()?;
        let until = Instant::now() + Duration::from_secs(20);
        loop {
            let wanted = name.to_owned();
            let (handle, status) = self.core.ask_open(move |_, open| {
                let account = open.accounts.get(&wanted);
                (account.and_then(|a| a.handle.clone()), account.map(|a| a.status.clone()))
            })?;
            if let Some(handle) = handle {
                return Ok(handle);
            }
            if let Some(AccountStatus { link: crate::app::view::Link::Offline { because, .. }, .. }) = &status {
                return Err(EngineError::Server { account: name.to_owned(), because: because.to_string() });
            }
            if status.is_none() || Instant::now() > until {
                return Err(EngineError::NoAccount(name.to_owned()));
            }
            std::thread::sleep(LOOK);
        }
    }

    pub(super) fn block_on<T>(&self, work: impl Future<Output = T>) -> Result<T, EngineError> {
        let runtime = self.runtime.as_ref().ok_or(EngineError::Ended)?;
        Ok(runtime.block_on(work))
    }

    /// Events that nobody reads, for commands without a screen: notices that should be told.
    #[must_use]
    pub fn unread_events(&self) -> Vec<Event> {
        self.announcer.drain()
    }
}

/// Rows that came in another order than by date.
fn filter_needs_sorting(rows: &[Listed]) -> bool {
    rows.windows(2).any(|pair| match pair {
        [a, b] => a.received < b.received,
        _ => false,
    })
}

/// What a session's trouble is to whoever asked.
pub(super) fn server(account: &str, error: &imap::Error) -> EngineError {
    let (account, because) = (account.to_owned(), error.to_string());
    match error {
        imap::Error::Stopped(_) => EngineError::Keep { account, because },
        // As `check` does: whatever is said of who we are.
        error if error.culprit() == Culprit::Credentials => EngineError::Credentials { account, because },
        imap::Error::NoToken(_) | imap::Error::NoPassword(_) => EngineError::Credentials { account, because },
        _ => EngineError::Server { account, because },
    }
}

/// Runs what parses foreign bytes where the stack is deep enough.
pub(super) fn on_deep_stack<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let work = std::sync::Mutex::new(Some(work));
    let run = || {
        let taken = work.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        taken.map(|work| work())
    };
    let done = std::thread::scope(|scope| {
        let spawned = std::thread::Builder::new().stack_size(super::STACK_BYTES).spawn_scoped(scope, run);
        match spawned.map(std::thread::ScopedJoinHandle::join) {
            Ok(Ok(done)) => done,
            Ok(Err(panic)) => std::panic::resume_unwind(panic),
            // No thread to be had: this one has to do.
            Err(_) => run(),
        }
    });
    match done {
        Some(done) => done,
        None => std::panic::resume_unwind(Box::new("the work was lost")),
    }
}
