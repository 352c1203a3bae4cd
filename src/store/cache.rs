//! The cache: what the server holds, sealed, in sled. It may be deleted at any time; a sync brings it back.
//!
//! ```text
//! (default)  "schema" "id" "next" "check"        plain numbers, and a sealed word that proves whose cache it is
//! mailbox    mailbox u32                         sealed Mailbox
//! page       mailbox u32 ‖ uid/256 u32           sealed summaries of 256 UIDs (super::page)
//! flags      mailbox u32 ‖ uid/256 u32           sealed flags of the same
//! generation mailbox u32 ‖ uid/256 u32           plain counters of changes to both pages (Generation)
//! place      mailbox u32 ‖ uid/256 u32           sealed: where the raw messages of the same lie (super::place)
//! pack       segment u32                         its bytes, those of them that are dead, its epoch
//! blob       name                                empty: what the sweep of orphans keeps
//! raw        mailbox u32 ‖ uid u32               schema 1 kept raw messages here: moved to the packs in the background
//! ```
//!
//! Raw messages lie beside sled, in segments (super::pack) and, the large ones, in files (super::blob), those that are being fetched in files that
//! grow (super::partial). They are on the disk before the
//! transaction that names them; what no row names is what a crash left, and is removed when the cache is opened.
//!
//! Numbers are big-endian, so that order is kept. A write is one transaction over all trees, sealed outside it because sled may run
//! it several times, then flushed; nothing relies on `Drop`. Values are copied out, because sled's own pin whole pages in memory.
//! A record that does not open costs itself: it is removed, told of by [`Cache::take_damage`], and its mailbox is marked to be compared
//! in full.

mod batch;
mod list;
mod open;
mod partly;
mod raw;
mod recent;
mod recovery;
mod tidy;
mod write;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use zeroize::Zeroizing;

pub use self::batch::{Incoming, PackedBatch};
pub use self::tidy::{Thrift, Tidied};
use super::flags::Flags;
use super::mailbox::Mailbox;
use super::pack::Packs;
use super::page::{self, FlagsPage};
use super::space::{DiskFull, SpaceLimits};
use super::summary::Summary;
use super::vault::Sealer;
use crate::mail::id::{MailboxId, MessageKey};

pub use self::list::{KeptList, ListWriter, PartReader};

/// How the cache is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheOptions {
    /// Memory that sled may keep pages in.
    pub memory_bytes: u64,
    /// Free space that is asked for.
    pub space: SpaceLimits,
}

impl Default for CacheOptions {
    fn default() -> Self {
        Self { memory_bytes: 8 << 20, space: SpaceLimits::default() }
    }
}

/// Why the cache cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// Too little room: nothing was written.
    #[error(transparent)]
    DiskFull(#[from] DiskFull),
    /// The mailbox is not, or no longer, in the cache.
    #[error("the mailbox is no longer in the cache")]
    NoMailbox(MailboxId),
    /// sled, or the disk below it.
    #[error("the cache cannot be used: {0}; if this stays so, `casemail store rebuild` makes a new one")]
    Sled(#[from] sled::Error),
    /// The file system.
    #[error("the cache cannot be used: {0}")]
    Io(#[from] std::io::Error),
}

/// A record that did not open. It was removed, and the mailbox marked to be compared with the server in full, which brings it back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The mailbox.
    pub mailbox: MailboxId,
    /// UIDs that may be missing until the next sync.
    pub uids: RangeInclusive<u32>,
    /// What it was: `summaries`, `flags`, `places`, `message` or `mailbox`.
    pub what: &'static str,
}

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { mailbox, uids, what } = self;
        write!(f, "a record of the cache was damaged ({what} of mailbox {}, ", mailbox.0)?;
        write!(f, "UIDs {} to {}); the next sync brings it back", uids.start(), uids.end())
    }
}

/// A message to be put into the cache.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewMessage {
    /// What a list shows; its flags are stored, its `has_raw` is not looked at.
    pub summary: Summary,
    /// The whole message as the server sent it; `None` keeps what is there.
    pub raw: Option<Arc<[u8]>>,
}

/// What the cache holds of a message, as a sync plan needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The UID.
    pub uid: u32,
    /// Its flags.
    pub flags: Flags,
    /// The whole message is here.
    pub has_raw: bool,
    /// It was let go of on purpose ([`Cache::let_go`]): nothing but a person's wish brings it back.
    pub let_go: bool,
}

/// Counts and sizes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CacheStats {
    /// Mailboxes.
    pub mailboxes: usize,
    /// Messages with a summary.
    pub messages: usize,
    /// Of them, those that are here whole.
    pub whole_messages: usize,
    /// Pages of summaries.
    pub pages: usize,
    /// Bytes of sled on the disk.
    pub store_bytes: u64,
    /// Segments of raw messages.
    pub segments: usize,
    /// Their bytes on the disk.
    pub pack_bytes: u64,
    /// Of them, those of messages that are gone; given back in the background.
    pub dead_bytes: u64,
    /// Large messages, a file each.
    pub blobs: usize,
    /// Their bytes on the disk.
    pub blob_bytes: u64,
    /// Raw messages that are still in sled, as schema 1 kept them.
    pub former: usize,
}

/// A segment of the packs, as the cache counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Segment {
    /// Bytes that are written.
    length: u64,
    /// Of them, those that nothing names.
    dead: u64,
    /// Which keys its records are sealed under.
    epoch: u32,
}

impl Segment {
    fn to_bytes(self) -> [u8; 20] {
        let mut bytes = [0; 20];
        let (length, rest) = bytes.split_at_mut(8);
        let (dead, epoch) = rest.split_at_mut(8);
        length.copy_from_slice(&self.length.to_be_bytes());
        dead.copy_from_slice(&self.dead.to_be_bytes());
        epoch.copy_from_slice(&self.epoch.to_be_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (length, rest) = bytes.split_first_chunk::<8>()?;
        let (dead, epoch) = rest.split_first_chunk::<8>()?;
        let epoch = u32::from_be_bytes(epoch.try_into().ok()?);
        Some(Self { length: u64::from_be_bytes(*length), dead: u64::from_be_bytes(*dead), epoch })
    }
}

/// How often the two pages of 256 UIDs were changed: each transaction that changes a page counts it once. Whoever knows what a page said
/// at a generation, and every change since, knows what it says now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Generation {
    /// Changes of the page of summaries.
    pub rows: u32,
    /// Changes of the page of flags.
    pub flags: u32,
}

impl Generation {
    /// What a change counts that nobody is told of (a record that did not open): no honest count comes near it.
    const LOST: u32 = 1 << 20;

    fn write(self) -> [u8; 8] {
        (u64::from(self.rows) << 32 | u64::from(self.flags)).to_be_bytes()
    }

    fn read(value: &[u8]) -> Self {
        let rows = value.first_chunk::<4>().map_or(0, |bytes| u32::from_be_bytes(*bytes));
        Self { rows, flags: number_of(value).unwrap_or_default() }
    }

    /// After one more change of each page that is named.
    #[must_use]
    pub fn after(self, rows: bool, flags: bool) -> Self {
        self.plus(u32::from(rows), u32::from(flags))
    }

    fn plus(self, rows: u32, flags: u32) -> Self {
        Self { rows: self.rows.wrapping_add(rows), flags: self.flags.wrapping_add(flags) }
    }
}

/// The trees with the key of each.
#[derive(Debug)]
struct Tree {
    tree: sled::Tree,
    name: &'static str,
    sealer: Sealer,
}

impl Tree {
    fn place(&self, key: &[u8]) -> Vec<u8> {
        [b"cache/1/", self.name.as_bytes(), b"/", key].concat()
    }

    fn seal(&self, key: &[u8], plain: &[u8]) -> sled::IVec {
        self.sealer.seal(&self.place(key), plain).into()
    }

    /// The value, if there is one: `Some(None)` where it does not open.
    fn read(&self, key: &[u8]) -> sled::Result<Option<Option<Zeroizing<Vec<u8>>>>> {
        Ok(self.value(key)?.map(|value| self.open(key, &value)))
    }

    /// The value as it lies there, sealed.
    fn value(&self, key: &[u8]) -> sled::Result<Option<sled::IVec>> {
        self.tree.get(key)
    }

    /// What is in a value of this key, where it opens.
    fn open(&self, key: &[u8], value: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        self.sealer.open(&self.place(key), value).ok()
    }
}

/// The cache. Cheap to share: all methods take `&self`. One writes at a time, readers go on meanwhile.
#[derive(Debug)]
pub struct Cache {
    dir: PathBuf,
    space: SpaceLimits,
    db: sled::Db,
    mailbox: Tree,
    page: Tree,
    flags: Tree,
    generation: sled::Tree,
    place: Tree,
    raw: Tree,
    pack: sled::Tree,
    blob: sled::Tree,
    packs: Packs,
    /// The epoch that raw messages are sealed in.
    epoch: u32,
    /// The epoch that rows are sealed in: an older one only where there was no room to copy them.
    rows_epoch: u32,
    pack_sealers: BTreeMap<u32, Sealer>,
    blob_sealers: BTreeMap<u32, Sealer>,
    segments: Mutex<BTreeMap<u32, Segment>>,
    /// Segments that are being rewritten.
    closing: Mutex<BTreeSet<u32>>,
    /// Raw messages of schema 1 are left.
    former: AtomicBool,
    list_sealer: Sealer,
    /// One head is kept at a time.
    heads: Mutex<()>,
    mailboxes: RwLock<BTreeMap<MailboxId, Mailbox>>,
    damage: Mutex<Vec<Damage>>,
    /// How often something of a mailbox was lost since the cache was opened.
    losses: Mutex<BTreeMap<MailboxId, u64>>,
    /// sled has said that its files are damaged.
    broken: AtomicBool,
    writer: Mutex<()>,
    recent: recent::Recent,
}

/// Mailbox and number, big-endian.
fn key(mailbox: MailboxId, number: u32) -> [u8; 8] {
    (u64::from(mailbox.0) << 32 | u64::from(number)).to_be_bytes()
}

/// The number in a key.
fn number_of(key: &[u8]) -> Option<u32> {
    key.last_chunk::<4>().map(|bytes| u32::from_be_bytes(*bytes))
}

/// All keys of a mailbox.
fn keys_of(mailbox: MailboxId) -> RangeInclusive<[u8; 8]> {
    key(mailbox, 0)..=key(mailbox, u32::MAX)
}

/// What a page of flags says of its messages.
fn held_of(page: &FlagsPage, number: u32) -> impl Iterator<Item = Held> {
    let gone: BTreeSet<u32> = page.gone(number).collect();
    page.iter(number).map(move |(uid, flags, has_raw)| Held { uid, flags, has_raw, let_go: gone.contains(&uid) })
}

/// What a message may unpack to: far beyond what any server takes.
const RAW_MAX: usize = 1 << 30;

impl Cache {
    /// All mailboxes.
    ///
    /// # Errors
    /// None today.
    pub fn mailboxes(&self) -> Result<Vec<Mailbox>, CacheError> {
        self.noting(|| Ok(self.mailboxes.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()))
    }

    /// One mailbox.
    ///
    /// # Errors
    /// None today.
    pub fn mailbox(&self, id: MailboxId) -> Result<Option<Mailbox>, CacheError> {
        self.noting(|| Ok(self.mailboxes.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()))
    }

    /// Everything that is held of a mailbox, in order of UID: some 60 octets a message. See [`Self::held_by_page`].
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn held(&self, mailbox: MailboxId) -> Result<Vec<Held>, CacheError> {
        let mut held = Vec::new();
        for page in self.held_by_page(mailbox) {
            held.append(&mut page?);
        }
        Ok(held)
    }

    /// The same, read page by page as it goes on; an error ends it.
    pub fn held_by_page(&self, mailbox: MailboxId) -> impl Iterator<Item = Result<Vec<Held>, CacheError>> {
        let mut rows = self.flags.tree.range(keys_of(mailbox));
        let mut goes_on = true;
        std::iter::from_fn(move || {
            if !goes_on {
                return None;
            }
            let page = self.noting(|| {
                let Some(row) = rows.next() else { return Ok(None) };
                let (key, value) = row?;
                let number = number_of(&key).unwrap_or_default();
                match self.open_flags(&key, &value) {
                    Some(page) => Ok(Some(held_of(&page, number).collect())),
                    None => self.lose(mailbox, page::uids(number), "flags").map(|()| Some(Vec::new())),
                }
            });
            goes_on = matches!(page, Ok(Some(_)));
            page.transpose()
        })
    }

    /// All summaries of a mailbox, the newest page first, within a page the highest UID first. Read page by page as it goes on.
    ///
    /// # Errors
    /// [`CacheError`], also of the iterator's items. Damaged pages are left out: see [`Cache::take_damage`].
    pub fn summaries(
        &self,
        mailbox: MailboxId,
    ) -> Result<Box<dyn Iterator<Item = Result<Summary, CacheError>> + Send + '_>, CacheError> {
        let pages = self.page.tree.range(keys_of(mailbox)).rev();
        let pages = pages.map(move |row| {
            self.noting(|| row.map_err(CacheError::from).and_then(|row| self.unpack_row(mailbox, row)))
        });
        Ok(Box::new(pages.flat_map(|page| match page {
            Ok(rows) => (rows.into_iter().rev().map(Ok).collect::<Vec<_>>()).into_iter(),
            Err(error) => vec![Err(error)].into_iter(),
        })))
    }

    fn unpack_row(
        &self,
        mailbox: MailboxId,
        (key, value): (sled::IVec, sled::IVec),
    ) -> Result<Vec<Summary>, CacheError> {
        let number = number_of(&key).unwrap_or_default();
        let plain = self.page.sealer.open(&self.page.place(&key), &value).ok();
        let Some(mut rows) = plain.and_then(|plain| page::unpack(&plain).ok()) else {
            self.lose(mailbox, page::uids(number), "summaries")?;
            return Ok(Vec::new());
        };
        let flags = match self.flags.tree.get(&key)? {
            Some(value) => self.open_flags(&key, &value),
            None => None,
        };
        let Some(flags) = flags else {
            self.lose(mailbox, page::uids(number), "flags")?;
            return Ok(rows);
        };
        for row in &mut rows {
            if let Some((set, has_raw)) = flags.flags(row.uid) {
                (row.flags, row.has_raw) = (set, has_raw);
            }
        }
        Ok(rows)
    }

    fn open_flags(&self, key: &[u8], value: &[u8]) -> Option<FlagsPage> {
        let plain = self.flags.sealer.open(&self.flags.place(key), value).ok()?;
        FlagsPage::unpack(&plain).ok()
    }

    /// The generations of all pages of a mailbox, by number of the page. Ask before the pages are read: what is read is then at least so new.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn generations(&self, mailbox: MailboxId) -> Result<Vec<(u32, Generation)>, CacheError> {
        self.noting(|| {
            let rows = self.generation.range(keys_of(mailbox));
            let read = rows.map(|row| {
                let (key, value) = row?;
                Ok((number_of(&key).unwrap_or_default(), Generation::read(&value)))
            });
            read.collect()
        })
    }

    /// The summaries of one page, by UID.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn summaries_of(&self, mailbox: MailboxId, number: u32) -> Result<Vec<Summary>, CacheError> {
        self.noting(|| {
            let key = key(mailbox, number);
            let Some(value) = self.page.tree.get(key)? else { return Ok(Vec::new()) };
            self.unpack_row(mailbox, (sled::IVec::from(&key), value))
        })
    }

    /// What is held of one page, by UID.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn held_of(&self, mailbox: MailboxId, number: u32) -> Result<Vec<Held>, CacheError> {
        self.noting(|| {
            let key = key(mailbox, number);
            let Some(value) = self.flags.tree.get(key)? else { return Ok(Vec::new()) };
            let Some(page) = self.open_flags(&key, &value) else {
                self.lose(mailbox, page::uids(number), "flags")?;
                return Ok(Vec::new());
            };
            Ok(held_of(&page, number).collect())
        })
    }

    /// One summary.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn summary(&self, message: MessageKey) -> Result<Option<Summary>, CacheError> {
        self.noting(|| {
            let key = key(message.mailbox, page::number(message.uid));
            let Some(value) = self.page.tree.get(key)? else { return Ok(None) };
            let rows = self.unpack_row(message.mailbox, (sled::IVec::from(&key), value))?;
            Ok(rows.into_iter().find(|row| row.uid == message.uid))
        })
    }

    /// Whether sled has found its own files damaged while it was in use: nothing but a new cache helps then.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Acquire)
    }

    /// Does something with sled, and remembers where that shows that it is damaged: by its word, or by a panic in the midst of its pages.
    fn noting<T>(&self, work: impl FnOnce() -> Result<T, CacheError>) -> Result<T, CacheError> {
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        let bug = || CacheError::Sled(sled::Error::ReportableBug("it broke off in the midst of its pages".to_owned()));
        self.noted(outcome.unwrap_or_else(|_| Err(bug())))
    }

    /// Remembers that sled is damaged.
    fn noted<T>(&self, outcome: Result<T, CacheError>) -> Result<T, CacheError> {
        if let Err(CacheError::Sled(error)) = &outcome
            && matches!(error, sled::Error::Corruption { .. } | sled::Error::ReportableBug(_))
        {
            self.broken.store(true, Ordering::Release);
        }
        outcome
    }

    /// How often something of a mailbox was lost since the cache was opened. Whoever compares a mailbox with the server asks before and, within
    /// [`Cache::change_mailbox`], after: what was lost meanwhile is not among what was compared.
    #[must_use]
    pub fn losses(&self, id: MailboxId) -> u64 {
        self.losses.lock().unwrap_or_else(PoisonError::into_inner).get(&id).copied().unwrap_or_default()
    }

    /// Damaged records met since this was last asked.
    #[must_use]
    pub fn take_damage(&self) -> Vec<Damage> {
        std::mem::take(&mut *self.damage.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Counts and sizes.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn stats(&self) -> Result<CacheStats, CacheError> {
        let mut stats = CacheStats {
            store_bytes: recovery::bytes_below(&recovery::mail_dir(&self.dir)),
            pack_bytes: recovery::bytes_below(&super::pack::dir(&self.dir)),
            blobs: self.blob.len(),
            former: if self.has_former() { self.raw.tree.len() } else { 0 },
            blob_bytes: recovery::bytes_below(&recovery::blob_dir(&self.dir)),
            ..CacheStats::default()
        };
        for segment in self.segments().values() {
            stats.segments += 1;
            stats.dead_bytes += segment.dead;
        }
        for mailbox in self.mailboxes()? {
            let held = self.held(mailbox.id)?;
            stats.mailboxes += 1;
            stats.messages += held.len();
            stats.whole_messages += held.iter().filter(|held| held.has_raw).count();
            stats.pages += self.page.tree.range(keys_of(mailbox.id)).count();
        }
        Ok(stats)
    }

    /// Opens every record, removes those that do not open, and tells of them.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn verify(&self) -> Result<Vec<Damage>, CacheError> {
        for mailbox in self.mailboxes()? {
            for summary in self.summaries(mailbox.id)? {
                summary?;
            }
            for held in self.held(mailbox.id)? {
                let message = MessageKey { mailbox: mailbox.id, uid: held.uid };
                let here = self.raw_reader(message)?.map(|mut reader| std::io::copy(&mut reader, &mut std::io::sink()));
                match here {
                    Some(Err(_)) => drop(self.raw(message)?),
                    None if held.has_raw => self.lose(mailbox.id, held.uid..=held.uid, "message")?,
                    _ => {}
                }
            }
        }
        self.recount()?;
        let mut damage = self.take_damage();
        damage.sort_by_key(|damage| (damage.mailbox, *damage.uids.start()));
        damage.dedup();
        Ok(damage)
    }

    /// Makes everything durable; also done by every writing call.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn flush(&self) -> Result<(), CacheError> {
        self.noting(|| {
            self.db.flush()?;
            Ok(())
        })
    }

    fn segments(&self) -> MutexGuard<'_, BTreeMap<u32, Segment>> {
        self.segments.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has_former(&self) -> bool {
        self.former.load(Ordering::Acquire)
    }

    fn lock(&self) -> MutexGuard<'_, ()> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
