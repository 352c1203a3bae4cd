//! The register at work: the streams in the state store, the book in memory, new records at the end of this device's own stream.
//!
//! Read beside everything else when the profile is opened: nobody waits for it but who asks for it. What is appended is on the disk before the
//! book knows of it. The first thing that is ever written makes the device: a key that signs, and a stream that begins with its certificate.

mod auto;
mod enclosed;
mod graves;
mod handed;
mod history;
mod load;
mod recorder;
mod replicate;
mod shred;
mod verify;
mod withheld;

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use zeroize::Zeroizing;

pub(crate) use self::auto::Auto;
pub(crate) use self::enclosed::{files_of, that_fit};
use self::history::History;
pub(crate) use self::recorder::{Recorded, Recorder, signed_by};
pub use self::replicate::Replicated;
pub(crate) use self::replicate::is_mailbox;
pub(crate) use self::shred::tombstone;
pub(crate) use self::verify::device_words;
pub use self::verify::{NOBODY, StreamVerified, Verification, Vouch, VouchProof, verify_text};
use self::withheld::withhold;
use super::Engine;
use super::core::{EngineError, Settings, Stores};
use super::plea::Pleas;
use super::query::CaseListed;
use crate::case::{Jurisdiction, Style};
use crate::mail::id::{CaseId, MessageKey};
use crate::mail::thread::id_hash;
use crate::pgp::detached;
use crate::pgp::keyring::Keyring;
use crate::register::book::Book;
use crate::register::chain::Tip;
use crate::register::chronology::Line;
use crate::register::event::{CaseChange, DeviceAdded, DeviceVouched, Event, Payload};
use crate::register::head::{Head, vouching_text};
use crate::register::record::{Actor, DeviceId, Digest, Record, Seen, Written};
use crate::register::writing::{self, Moment};
use crate::store::state::{RegisterRow, State, StateError, Write};
use crate::store::vault::random;

/// The name that the key of this device goes by among the values of the state store.
const DEVICE_KEY: &str = "register/device";

/// The register of an open profile. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Register(Arc<Shared>);

struct Shared {
    slot: Mutex<Slot>,
    ready: Condvar,
    /// Messages that were read for the register in this run: of several under one Message-ID, no other sign tells which it knows.
    told_apart: Mutex<HashSet<MessageKey>>,
    /// Held by whoever writes down what came.
    recording: Mutex<()>,
}

enum Slot {
    Loading,
    Ready(Box<Loaded>),
    Failed(String),
}

/// A stream that is known.
#[derive(Clone, Debug)]
struct Known {
    /// Its number in the store.
    number: u32,
    tip: Tip,
}

/// The register as it is in memory.
pub(crate) struct Loaded {
    own: Option<Own>,
    streams: BTreeMap<DeviceId, Known>,
    book: Arc<Book>,
    history: History,
    pleas: Arc<Pleas>,
    /// The greatest order of any record.
    order: u64,
    /// How many records had something to say about what a case is, or where mail belongs.
    changes: u64,
    /// What of others the own stream has told that it knows.
    told: BTreeMap<DeviceId, u64>,
    /// What could not be read, in words.
    damage: Vec<String>,
    /// SHA-256 of the messages that were destroyed with their cases: they are not taken in again.
    destroyed: Arc<HashSet<[u8; 32]>>,
}

/// The records of a stream by their numbers; of one that does not open, why.
type Rows = Vec<(u64, Result<Written, String>)>;

/// This device.
struct Own {
    device: DeviceId,
    secret: Zeroizing<Vec<u8>>,
}

/// What writing needs to know beside the events.
pub(crate) struct Hand<'a> {
    pub(crate) stores: &'a Stores,
    pub(crate) settings: &'a Settings,
    pub(crate) keyring: &'a Keyring,
}

impl Register {
    /// Messages that were read for the register in this run.
    fn told_apart(&self) -> HashSet<MessageKey> {
        self.0.told_apart.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A message was read for the register.
    fn tell_apart(&self, key: MessageKey) {
        self.0.told_apart.lock().unwrap_or_else(PoisonError::into_inner).insert(key);
    }

    /// Begins to read it.
    pub(crate) fn begin(state: Arc<State>) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            slot: Mutex::new(Slot::Loading),
            ready: Condvar::new(),
            told_apart: Mutex::default(),
            recording: Mutex::default(),
        });
        let register = Self(Arc::clone(&shared));
        std::thread::Builder::new().name("register".to_owned()).spawn(move || {
            let loaded = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| load::load(&state)));
            drop(state);
            let slot = match loaded {
                Ok(Ok(loaded)) => Slot::Ready(Box::new(loaded)),
                Ok(Err(error)) => Slot::Failed(error.to_string()),
                Err(_) => Slot::Failed("the register could not be read".to_owned()),
            };
            *shared.slot.lock().unwrap_or_else(PoisonError::into_inner) = slot;
            shared.ready.notify_all();
        })?;
        Ok(register)
    }

    /// Does something with it as soon as it has been read; waits until then.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut Loaded) -> T) -> Result<T, EngineError> {
        let slot = self.0.slot.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = |slot: &mut Slot| matches!(slot, Slot::Loading);
        let mut slot = self.0.ready.wait_while(slot, waiting).unwrap_or_else(PoisonError::into_inner);
        match &mut *slot {
            Slot::Ready(loaded) => Ok(work(loaded)),
            Slot::Failed(words) => Err(EngineError::BadData(format!("the register: {words}"))),
            Slot::Loading => Err(EngineError::Ended),
        }
    }

    /// As if it could not be read.
    #[cfg(test)]
    fn fail(&self, words: &str) {
        *self.0.slot.lock().unwrap_or_else(PoisonError::into_inner) = Slot::Failed(words.to_owned());
    }

    /// For whoever writes down what came: one at a time, or two write down the same message.
    fn recording(&self) -> MutexGuard<'_, ()> {
        self.0.recording.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it is still being read.
    pub(crate) fn is_loading(&self) -> bool {
        matches!(*self.0.slot.lock().unwrap_or_else(PoisonError::into_inner), Slot::Loading)
    }

    /// As [`Self::with`], but only where it has been read already: for whoever may not wait until it is. That somebody else has it in hand just now is
    /// waited for: it is for as long as a record takes to be written, and whoever passed over it would take it for one that cannot be read.
    pub(crate) fn now<T>(&self, work: impl FnOnce(&mut Loaded) -> T) -> Option<T> {
        match &mut *self.0.slot.lock().unwrap_or_else(PoisonError::into_inner) {
            Slot::Ready(loaded) => Some(work(loaded)),
            Slot::Failed(_) | Slot::Loading => None,
        }
    }

    /// Writes down what happened. It is on the disk when this returns.
    ///
    /// # Errors
    /// [`EngineError`]; nothing was written then.
    pub(crate) fn append(&self, hand: &Hand<'_>, events: &[Event]) -> Result<(), EngineError> {
        if events.is_empty() { Ok(()) } else { self.append_with(hand, events, |_| Ok(())) }
    }

    /// The same, together with something else that is written: both are on the disk, or neither.
    ///
    /// # Errors
    /// [`EngineError`]; nothing was written then.
    pub(crate) fn append_with<T>(
        &self,
        hand: &Hand<'_>,
        events: &[Event],
        also: impl FnOnce(&Write<'_>) -> Result<T, StateError>,
    ) -> Result<T, EngineError> {
        self.with(|loaded| loaded.append(hand, events, also))?
    }

    /// What is entered of the plea negotiations of each case.
    ///
    /// # Errors
    /// The register cannot be read.
    pub(crate) fn pleas(&self) -> Result<Arc<Pleas>, EngineError> {
        self.with(|loaded| Arc::clone(&loaded.pleas))
    }

    /// What happened in a case, in order.
    ///
    /// # Errors
    /// The register or the state store cannot be read.
    pub(crate) fn chronology(&self, stores: &Stores, case: &CaseId) -> Result<Vec<Line>, EngineError> {
        self.with(|loaded| loaded.chronology(stores, case))?
    }
}

/// Who is at work here.
fn actor(settings: &Settings) -> Actor {
    let config = &settings.config;
    Actor {
        user: user(),
        account: config.accounts.first().map(|account| account.name.clone()).unwrap_or_default(),
        role: config.register.role.clone(),
        behalf: config.register.on_behalf_of.clone(),
    }
}

/// The user of the operating system, by the list of users where that knows one: the environment can say anything.
pub(crate) fn user() -> String {
    let uid = rustix::process::getuid().as_raw().to_string();
    let list = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let found = list.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == uid).then(|| name.to_owned())
    });
    found.unwrap_or_else(|| format!("uid {uid}"))
}

/// What people call this machine.
fn host() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    if name.is_empty() { "this device".to_owned() } else { name }
}

/// Digest of where streams end, by their numbers: what a register says is known by that. Never 0.
pub(crate) fn ends(streams: impl Iterator<Item = (u32, u64)>) -> u64 {
    let mut ends: Vec<(u32, u64)> = streams.collect();
    ends.sort_unstable();
    id_hash(&format!("{ends:?}")).max(1)
}

/// Whether an event says what a case is, or where mail belongs; of the others the chronology tells.
fn is_of_book(event: &Event) -> bool {
    matches!(
        event,
        Event::Case { .. } | Event::Filed { by_hand: true, .. } | Event::Undecided { .. } | Event::NotACase { .. }
    )
}

impl Loaded {
    /// The case book.
    pub(crate) fn book(&self) -> Arc<Book> {
        Arc::clone(&self.book)
    }

    /// Where its streams end ([`ends`]).
    pub(crate) fn ends(&self) -> u64 {
        ends(self.streams.values().map(|known| (known.number, known.tip.seq)))
    }

    /// Counts what changed in the book, as far as lists show it.
    pub(crate) fn changes(&self) -> u64 {
        self.changes
    }

    /// SHA-256 of the messages that are not to be taken in again.
    pub(crate) fn destroyed(&self) -> Arc<HashSet<[u8; 32]>> {
        Arc::clone(&self.destroyed)
    }

    /// What it knows of messages and of what happened in cases.
    pub(crate) fn history(&self) -> &History {
        &self.history
    }

    fn append<T>(
        &mut self,
        hand: &Hand<'_>,
        events: &[Event],
        also: impl FnOnce(&Write<'_>) -> Result<T, StateError>,
    ) -> Result<T, EngineError> {
        if events.is_empty() {
            return Ok(hand.stores.state.write(also)?);
        }
        let now = hand.settings.clock.now();
        let mut all: Vec<Event> = Vec::new();
        let made = match &self.own {
            Some(own) => {
                // The person had no key of their own when the device was made.
                let is_vouched = self.book.devices().get(&own.device).is_some_and(|known| !known.vouched.is_empty());
                all.extend((!is_vouched).then(|| vouch(hand, &own.device, now)).flatten().map(Event::DeviceVouched));
                None
            }
            None => Some(self.introduce(hand, now, &mut all)?),
        };
        all.extend_from_slice(events);
        let own = made.as_ref().or(self.own.as_ref()).ok_or(EngineError::Ended)?;
        let known = self.streams.get(&own.device).cloned();
        let mut tip = known.as_ref().map_or_else(|| Tip::start(own.device.clone()), |known| known.tip.clone());
        let first = tip.seq.saturating_add(1);
        let seen: Vec<Seen> = self.news_of_others(&own.device);
        let moment = Moment {
            at: now,
            offset: hand.settings.zone.to_offset(now).seconds(),
            actor: actor(hand.settings),
            seen: seen.clone(),
            order: self.order,
        };
        let written =
            writing::write(&mut tip, &moment, &all, random).map_err(|error| EngineError::Refused(error.to_string()))?;
        let head = sign(&tip, &own.secret, now)?;
        let rows: Vec<RegisterRow> = written
            .iter()
            .map(|(_, row)| RegisterRow { record: row.record.clone(), payload: row.payload.clone() })
            .collect();
        let (number, done) = hand.stores.state.write(|write| {
            let number = match &known {
                Some(known) => known.number,
                None => write.add_register_stream(&own.device.0)?,
            };
            if made.is_some() {
                write.put_value(DEVICE_KEY, &*own.secret)?;
            }
            write.append_register(number, first, &rows, &head)?;
            Ok((number, also(write)?))
        })?;
        // From here on it is believed.
        if let Some(own) = made {
            self.own = Some(own);
        }
        self.streams.insert(tip.device.clone(), Known { number, tip });
        for one in seen {
            self.told.insert(one.device, one.seq);
        }
        for ((record, row), event) in written.iter().zip(&all) {
            self.take_in(number, record, Digest::of(&row.record), Some(event));
        }
        Ok(done)
    }

    /// A device that has written nothing yet: its key, and the events that its stream begins with.
    fn introduce(&self, hand: &Hand<'_>, now: Timestamp, events: &mut Vec<Event>) -> Result<Own, EngineError> {
        let key = detached::device_key(now)?;
        let device = DeviceId(key.fingerprint.clone());
        let name = &hand.settings.config.register.device;
        let name = if name.is_empty() { host() } else { name.clone() };
        events.push(Event::DeviceAdded(DeviceAdded::new(name, &key.cert)));
        if let Some(vouched) = vouch(hand, &device, now) {
            events.push(Event::DeviceVouched(vouched));
        }
        Ok(Own { device, secret: key.secret })
    }

    /// What other devices have written since the own stream last said what it knows.
    fn news_of_others(&self, own: &DeviceId) -> Vec<Seen> {
        let news = self.streams.iter().filter(|(device, known)| {
            *device != own && known.tip.seq > self.told.get(*device).copied().unwrap_or_default()
        });
        news.map(|(device, known)| Seen { device: device.clone(), seq: known.tip.seq, hash: known.tip.hash }).collect()
    }

    /// Takes a record into book and history.
    fn take_in(&mut self, stream: u32, record: &Record, hash: Digest, event: Option<&Event>) {
        self.order = self.order.max(record.order);
        Arc::make_mut(&mut self.book).push(record, event);
        if let Some(event) = event {
            self.changes = self.changes.saturating_add(u64::from(is_of_book(event)));
            self.history.push(stream, record.seq, event);
            if Pleas::concerns(event) {
                Arc::make_mut(&mut self.pleas).push(event);
            }
        }
        if let Some(Event::Case { case, change: CaseChange::Shredded { certificate } }) = event
            && !self.book.is_held(case)
        {
            Arc::make_mut(&mut self.destroyed).extend(certificate.digests.iter().map(|digest| digest.0));
        }
        if let Some(known) = self.streams.get_mut(&record.device)
            && known.tip.seq < record.seq
        {
            known.tip =
                Tip { device: record.device.clone(), seq: record.seq, hash, order: record.order.max(known.tip.order) };
        }
    }

    /// What happened in a case, in order.
    fn chronology(&self, stores: &Stores, case: &CaseId) -> Result<Vec<Line>, EngineError> {
        let mut lines = Vec::new();
        for (stream, seq) in self.history.of_case(case) {
            let Some(row) = stores.state.register_row(stream, seq)? else { continue };
            lines.extend(line(&self.book, &row.record, row.payload.as_deref()));
        }
        lines.sort_by(|one, other| (one.at, &one.device, one.seq).cmp(&(other.at, &other.device, other.seq)));
        Ok(lines)
    }

    /// Every record of every stream, as it lies in the store.
    fn rows(stores: &Stores, stream: u32) -> Result<Rows, EngineError> {
        let mut rows = Vec::new();
        stores.state.register_rows(stream, 0, &mut |seq, row| {
            let row = row.map(|row| Written { record: row.record, payload: row.payload });
            rows.push((seq, row.map_err(|error| error.to_string())));
            true
        })?;
        Ok(rows)
    }
}

/// A record for people; `None` where it is none. It does not name what is in quarantine.
fn line(book: &Book, record: &[u8], payload: Option<&[u8]>) -> Option<Line> {
    let read = Record::read(record).ok()?;
    let mut event = payload.and_then(|bytes| Payload::read(bytes).ok()).map(|payload| payload.event);
    event.iter_mut().for_each(|event| withhold(book, event));
    Some(Line::new(&read, Digest::of(record), event.as_ref()))
}

/// The own key of the first account says that a device is its owner's.
fn vouch(hand: &Hand<'_>, device: &DeviceId, now: Timestamp) -> Option<DeviceVouched> {
    use base64::Engine as _;
    let accounts = hand.settings.config.accounts.iter();
    let by = accounts.filter_map(|account| hand.keyring.signer_for(&account.address.addr, now)).next()?;
    let signature = detached::sign_as(hand.keyring, &by, &vouching_text(device), now).ok()?;
    let signature = base64::engine::general_purpose::STANDARD.encode(signature);
    Some(DeviceVouched { device: device.clone(), by, signature })
}

/// The signature over the end of a stream, as the store keeps it.
fn sign(tip: &Tip, secret: &[u8], now: Timestamp) -> Result<Vec<u8>, EngineError> {
    let head = Head { device: tip.device.clone(), seq: tip.seq, hash: tip.hash, at: now, signature: String::new() };
    let refuse = |error: crate::register::canonical::CanonicalError| EngineError::Refused(error.to_string());
    let signature = detached::sign(secret, &head.text().map_err(refuse)?, now)?;
    crate::register::canonical::write(&head.signed(&signature)).map_err(refuse)
}

impl Engine {
    /// Writes down what happened; it is durable when this returns, and [`Self::book`] knows of it.
    ///
    /// # Errors
    /// [`EngineError::Locked`], or the state store cannot be written.
    pub fn record(&self, events: Vec<Event>) -> Result<(), EngineError> {
        let (register, stores, keyring) = self.register_parts()?;
        let hand = Hand { stores: &stores, settings: &self.settings, keyring: &keyring };
        register.append(&hand, &events)?;
        self.core.ask_stores(super::core::Core::register_changed)
    }

    /// The case book as it is now.
    ///
    /// # Errors
    /// [`EngineError::Locked`], or the register cannot be read.
    pub fn book(&self) -> Result<Arc<Book>, EngineError> {
        self.register_parts()?.0.with(|loaded| loaded.book())
    }

    /// What happened in a case, in order. What was received since somebody last looked is written down first.
    ///
    /// # Errors
    /// [`EngineError::Locked`], or the stores cannot be read.
    pub fn chronology(&self, case: &CaseId) -> Result<Vec<Line>, EngineError> {
        self.record_mail(Some(case))?;
        let (register, stores, _) = self.register_parts()?;
        register.chronology(&stores, case)
    }

    /// A case that the register knows, by its id or one of its identifiers, whether there is mail of it or not.
    ///
    /// # Errors
    /// [`EngineError::Locked`], or the register cannot be read.
    pub fn find_registered(&self, text: &str) -> Result<Option<CaseListed>, EngineError> {
        let canonical = self.settings.book.patterns().read(text).value;
        let book = self.book()?;
        let by_number = || book.cases().find(|case| case.identifiers.iter().any(|one| one.value == canonical));
        let found =
            book.case(&CaseId(text.to_owned())).or_else(|| book.case(&CaseId(canonical.clone()))).or_else(by_number);
        Ok(found.map(|case| CaseListed {
            id: case.id.clone(),
            title: case.title.clone(),
            identifiers: case.identifiers.iter().map(|one| (one.kind.name().to_owned(), one.value.clone())).collect(),
            state: case.state.name(),
            next_hearing: case
                .next_hearing(self.settings.clock.now())
                .and_then(|hearing| hearing.at.start().ok())
                .map(|start| start.timestamp()),
            messages: 0,
            unread: 0,
            last_date: None,
        }))
    }

    /// Every record, in order.
    ///
    /// # Errors
    /// [`EngineError::Locked`], or the stores cannot be read.
    pub fn register_lines(&self) -> Result<Vec<Line>, EngineError> {
        let (register, stores, _) = self.register_parts()?;
        register.with(|loaded| {
            let mut lines = Vec::new();
            for known in loaded.streams.values() {
                for (_, row) in Loaded::rows(&stores, known.number)? {
                    lines.extend(row.ok().and_then(|row| line(&loaded.book, &row.record, row.payload.as_deref())));
                }
            }
            lines.sort_by(|one, other| (one.at, &one.device, one.seq).cmp(&(other.at, &other.device, other.seq)));
            Ok(lines)
        })?
    }

    /// What opens a case in the register that only filing or the configuration knows yet: its title and numbers. Empty where it is there.
    ///
    /// # Errors
    /// [`EngineError::Locked`], or the register cannot be read.
    pub fn opening_of(&self, case: &CaseListed) -> Result<Vec<Event>, EngineError> {
        if self.book()?.case(&case.id).is_some() {
            return Ok(Vec::new());
        }
        let jurisdiction = Style::of(&case.title).map_or(Jurisdiction::default(), Style::jurisdiction);
        let opened = CaseChange::Opened { title: case.title.clone(), jurisdiction };
        let identifiers = case.identifiers.iter().map(|(_, value)| self.settings.book.patterns().read(value));
        let changes = std::iter::once(opened).chain(identifiers.map(CaseChange::IdentifierAdded));
        Ok(changes.map(|change| Event::Case { case: case.id.clone(), change }).collect())
    }

    /// Notes that the keys of the store were changed after a case was destroyed.
    ///
    /// # Errors
    /// There is no such destroyed case, or the state store cannot be written.
    pub fn keys_changed(&self, case: &str) -> Result<(), EngineError> {
        let listed =
            self.find_registered(case)?.ok_or_else(|| EngineError::Refused(format!("there is no case {case:?}")))?;
        let certificate = match self.book()?.destruction(&listed.id) {
            Some(certificate) => certificate.number.clone(),
            None => return Err(EngineError::Refused(format!("{} was not destroyed", listed.id))),
        };
        self.record(vec![Event::Case { case: listed.id, change: CaseChange::KeysChanged { certificate } }])
    }

    /// What of the register could not be read when it was opened, in words.
    ///
    /// # Errors
    /// [`EngineError::Locked`].
    pub fn register_damage(&self) -> Result<Vec<String>, EngineError> {
        self.register_parts()?.0.with(|loaded| loaded.damage.clone())
    }

    pub(super) fn register_parts(&self) -> Result<(Register, Arc<Stores>, Arc<Keyring>), EngineError> {
        self.core.ask_stores(|_, open| (open.register.clone(), Arc::clone(&open.stores), open.keyring.now()))
    }
}

#[cfg(test)]
mod tests;
