//! The outbox: durable rows become sent mail, exactly once.
//!
//! A row is claimed (a try counted, durably) before anything is said of it to a server, and those who may have it are marked *in doubt*
//! (durably) before the final dot of the text leaves; then it is changed to what the server answered, recipient by recipient. Whatever ends
//! the process in between, the row tells what may have happened: a row that was claimed and in which nobody is in doubt was certainly
//! not sent and is sent again, the same bytes under the same Message-ID; a row in doubt is *uncertain*: it is looked for, and when it is
//! not found, a person decides. Which steps a row may take is one table ([`crate::store::outbox::OutboxState::after`]).
//!
//! | | |
//! |---|---|
//! | `queue` | a reviewed message becomes rows: one for each route |
//! | `worker` | what is due when; lanes (an account and a route) that never wait for each other |
//! | `send` | one lane: claims, connections that are used for several messages, the note before the dot |
//! | `recheck` | the guard, asked again just before |
//! | `settle`, `due`, `retry`, `later` | pure: what a try came to, when the next one is due, how long it waits, what waits for the IMAP server |
//! | `file`, `copies` | the copy in the mailbox for sent mail, once; who files it, and how long a server is given for it (pure) |
//! | `look` | what became of a row in doubt |
//! | `sent` | what follows when a server is known to have a message, however that is known |
//! | `owed` | what the register was not told of that, because the program ended |
//! | `person`, `back` | try again, take back, say what became of it; what of a message comes back |
//! | `report` | delivery reports that come in |
//! | `limits`, `ehlo` | what the servers took at most when last asked; asked while a message with files is written |

mod back;
mod copies;
#[cfg(test)]
mod cut;
mod due;
mod ehlo;
mod file;
mod later;
mod limits;
mod listed;
mod look;
mod owed;
mod person;
mod queue;
mod recheck;
pub(crate) mod report;
mod retry;
mod send;
mod sent;
mod settle;
mod worker;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::task::JoinHandle;

pub(crate) use self::back::TakenBack;
pub(crate) use self::limits::Limits;
pub(crate) use self::listed::listed;
#[cfg(test)]
pub(crate) use self::owed::broken_off;
pub(crate) use self::queue::{queue, queue_in};
pub(crate) use self::worker::start;
use super::core::{Core, Open, Stores};
use super::offline::Offline;
use crate::app::event::Event;
use crate::app::view::Tone;
use crate::mail::id::OutboxId;
use crate::store::outbox::OutboxEntry;
use crate::store::state::StateError;

/// An account and a route of it (`None`: its own server).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Lane {
    pub(crate) account: String,
    pub(crate) route: Option<String>,
}

impl Lane {
    fn of(row: &OutboxEntry) -> Self {
        Self { account: row.account.clone(), route: row.route.clone() }
    }
}

/// What the core and the worker's tasks know together.
#[derive(Default)]
struct Shared {
    /// When rows are due.
    waits: Mutex<due::Waits>,
    /// Rows that a connection is at, or is about to be.
    taken: Mutex<HashSet<OutboxId>>,
    /// Connections at work, by lane.
    lanes: Mutex<HashMap<Lane, usize>>,
    /// Accounts whose copies are being filed or whose lost rows are being looked for.
    desks: Mutex<BTreeSet<String>>,
    /// Rows that wait for the IMAP server.
    later: Mutex<later::Later>,
    /// Copies that are not filed yet.
    copies: Mutex<copies::Copies>,
    /// Accounts that the user took offline: nothing of theirs leaves.
    offline: Offline,
    /// What servers took at most.
    limits: Limits,
    /// Lanes whose servers were asked for that in this run, with nothing to send.
    asked: Mutex<BTreeSet<Lane>>,
}

fn locked<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The worker's strings, held by the core.
pub(crate) struct Outbox {
    stores: Arc<Stores>,
    wake: Arc<Notify>,
    worker: Option<JoinHandle<()>>,
    shared: Arc<Shared>,
    /// Damaged rows were told of.
    told_damage: AtomicBool,
}

impl Outbox {
    /// Not started yet.
    pub(crate) fn new(stores: Arc<Stores>, offline: Offline) -> Self {
        let shared = Shared { limits: Limits::load(&stores.state), offline, ..Shared::default() };
        Self {
            stores,
            wake: Arc::new(Notify::new()),
            worker: None,
            shared: Arc::new(shared),
            told_damage: AtomicBool::new(false),
        }
    }

    /// Something may be due.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }

    /// The IMAP server of some account can be asked again.
    pub(crate) fn came_online(&self) {
        locked(&self.shared.later).now();
        self.wake();
    }

    /// What the servers took at most when last asked.
    pub(crate) fn limits(&self) -> Limits {
        self.shared.limits.clone()
    }

    /// Whether this process sends.
    pub(crate) fn is_at_work(&self) -> bool {
        self.worker.is_some()
    }

    /// Ends the worker. What is on the wire is abandoned: its row says what may have happened.
    pub(crate) fn end(&mut self, _runtime: &tokio::runtime::Handle) {
        if let Some(worker) = self.worker.take() {
            worker.abort();
        }
    }

    /// All rows, newest first, and those that do not open.
    pub(crate) fn rows(&self) -> Result<(Vec<OutboxEntry>, Vec<StateError>), StateError> {
        let (mut rows, damage) = self.stores.state.outbox()?;
        rows.reverse();
        Ok((rows, damage))
    }
}

impl Core {
    /// Sends the list to the screen. A row that does not open costs itself only, and is told of.
    pub(crate) fn send_outbox(&self, open: &Open) {
        match open.outbox.rows() {
            Ok((rows, damage)) => {
                self.announcer
                    .send(Event::Outbox(rows.iter().map(|row| listed::row(row, &self.settings.config)).collect()));
                if let Some(first) = damage.first()
                    && !open.outbox.told_damage.swap(true, Ordering::Relaxed)
                {
                    self.announcer.notice(Tone::Alarm, &first.to_string());
                }
            }
            Err(error) => self.complain(&error),
        }
    }
}
