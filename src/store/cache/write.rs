//! Writing the cache: read, change and seal under the writer's lock, then one transaction, then the disk.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::PoisonError;

use sled::Transactional;
use sled::transaction::TransactionError;

use super::batch::Incoming;
use super::raw::{Former, Packed, former};
use super::{Cache, CacheError, Damage, Generation, NewMessage, Segment, key, keys_of, number_of, recovery};
use crate::mail::id::{MailboxId, MessageKey};
use crate::store::blob;
use crate::store::flags::Flags;
use crate::store::mailbox::{Mailbox, MailboxState};
use crate::store::pack::HEADER;
use crate::store::page::{self, FlagsPage};
use crate::store::place::{Place, PlacePage, Span};
use crate::store::space::{self, SpaceLimits};
use crate::store::summary::Summary;

/// Rows removed in one go when a mailbox is dropped.
const CLEAR_ROWS: usize = 1000;
/// Pages whose raw messages are let go of in one go.
const LET_GO_PAGES: usize = 64;
/// Stack of a thread that compresses and seals what others have made.
const STACK_BYTES: usize = 1 << 20;

/// Changes of all trees, made as one.
#[derive(Default)]
pub(super) struct Changes {
    mailbox: sled::Batch,
    pub(super) page: sled::Batch,
    pub(super) flags: sled::Batch,
    pub(super) place: sled::Batch,
    pub(super) raw: sled::Batch,
    pub(super) blob: sled::Batch,
    /// Pages that are changed: of summaries, of flags.
    touched: BTreeMap<[u8; 8], (bool, bool)>,
    /// Files that no record names any more once this is committed.
    pub(super) orphans: Vec<PathBuf>,
    /// Segments that have grown, or of which bytes are dead once this is committed: how many.
    pub(super) dead: BTreeMap<u32, u64>,
    /// The state that the mailbox has once this is committed.
    state: Option<MailboxState>,
    /// A page that was to be changed did not open: what else was in it is lost.
    damaged: bool,
}

impl Changes {
    /// Nothing but the mailbox's state, where that changes too.
    pub(super) fn with(state: Option<MailboxState>) -> Self {
        Self { state, ..Self::default() }
    }
}

/// A page of all kinds while it is changed.
pub(super) struct Pages {
    pub(super) rows: BTreeMap<u32, Summary>,
    pub(super) flags: FlagsPage,
    pub(super) places: PlacePage,
}

impl Cache {
    /// The mailbox of this name and UIDVALIDITY; made if it is new. Those of another UIDVALIDITY stay until they are dropped.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn ensure_mailbox(&self, account: &str, name: &str, uid_validity: u32) -> Result<MailboxId, CacheError> {
        let _writer = self.lock();
        let same =
            |known: &Mailbox| known.account == account && known.name == name && known.uid_validity == uid_validity;
        if let Some(known) = self.mailboxes()?.into_iter().find(same) {
            return Ok(known.id);
        }
        // A number is never given twice within a cache.
        let next = self.db.get("next")?.as_deref().and_then(number_of).unwrap_or(1);
        self.db.insert("next", &next.saturating_add(1).to_be_bytes())?;
        let mailbox = Mailbox {
            id: MailboxId(next),
            account: account.to_owned(),
            name: name.to_owned(),
            uid_validity,
            state: MailboxState::default(),
        };
        let id = mailbox.id;
        self.put_mailbox(mailbox)?;
        Ok(id)
    }

    /// Changes what is known of a mailbox, and gives it as it is then; [`None`] where it has left. Nothing else is written in between: see
    /// [`Cache::losses`].
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn change_mailbox(
        &self,
        id: MailboxId,
        change: impl FnOnce(&mut MailboxState),
    ) -> Result<Option<Mailbox>, CacheError> {
        let _writer = self.lock();
        let Some(mut mailbox) = self.mailbox(id)? else { return Ok(None) };
        let before = mailbox.state.clone();
        change(&mut mailbox.state);
        if mailbox.state != before {
            self.put_mailbox(mailbox.clone())?;
        }
        Ok(Some(mailbox))
    }

    /// Renamed on the server, with the same UIDVALIDITY.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn rename_mailbox(&self, id: MailboxId, name: &str) -> Result<(), CacheError> {
        let _writer = self.lock();
        let mailbox = self.mailbox(id)?.ok_or(CacheError::NoMailbox(id))?;
        self.put_mailbox(Mailbox { name: name.to_owned(), ..mailbox })
    }

    fn put_mailbox(&self, mailbox: Mailbox) -> Result<(), CacheError> {
        space::check(&self.dir, SpaceLimits::FLOOR)?;
        let key = mailbox.id.0.to_be_bytes();
        self.mailbox.tree.insert(key, self.seal_mailbox(&mailbox)?)?;
        self.db.flush()?;
        self.mailboxes.write().unwrap_or_else(PoisonError::into_inner).insert(mailbox.id, mailbox);
        Ok(())
    }

    fn seal_mailbox(&self, mailbox: &Mailbox) -> Result<sled::IVec, CacheError> {
        let plain = mailbox.to_record().map_err(std::io::Error::other)?;
        Ok(self.mailbox.seal(&mailbox.id.0.to_be_bytes(), &plain))
    }

    /// Gone at once for readers; its rows are removed in small batches before this returns, or at the next start.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn drop_mailbox(&self, id: MailboxId) -> Result<(), CacheError> {
        space::check(&self.dir, SpaceLimits::FLOOR)?;
        let _writer = self.lock();
        self.mailboxes.write().unwrap_or_else(PoisonError::into_inner).remove(&id);
        self.mailbox.tree.remove(id.0.to_be_bytes())?;
        self.db.flush()?;
        self.forget_partials(id, None)?;
        self.clear(id)
    }

    /// Removes all rows of a mailbox, with the files; the bytes of the packs are dead then. Only under the writer's lock.
    pub(super) fn clear(&self, id: MailboxId) -> Result<(), CacheError> {
        for tree in [&self.page, &self.flags, &self.place, &self.raw] {
            loop {
                let mut changes = Changes::default();
                let mut keys = Vec::new();
                for row in tree.tree.range(keys_of(id)).take(CLEAR_ROWS) {
                    let (key, value) = row?;
                    let plain = || tree.sealer.open(&tree.place(&key), &value).ok();
                    match tree.name {
                        "place" => {
                            let places = plain().and_then(|plain| PlacePage::unpack(&plain).ok()).unwrap_or_default();
                            places.iter(0).for_each(|(_, place)| self.leave(place, &mut changes));
                        }
                        "raw" => self.orphan(plain().as_deref().map(Vec::as_slice), &mut changes),
                        _ => {}
                    }
                    keys.push(key);
                }
                if keys.is_empty() {
                    break;
                }
                for key in keys {
                    match tree.name {
                        "page" => changes.page.remove(key),
                        "flags" => changes.flags.remove(key),
                        "place" => changes.place.remove(key),
                        _ => changes.raw.remove(key),
                    }
                }
                self.apply(changes)?;
            }
        }
        let mut batch = sled::Batch::default();
        for row in self.generation.range(keys_of(id)) {
            batch.remove(row?.0);
        }
        self.generation.apply_batch(batch)?;
        self.db.flush()?;
        Ok(())
    }

    /// Stores messages, and with them the mailbox state, as one: all of it or nothing. Durable when it returns.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn put_batch(
        &self,
        mailbox: MailboxId,
        messages: Vec<NewMessage>,
        state: Option<MailboxState>,
    ) -> Result<(), CacheError> {
        let bytes: usize = messages.iter().filter_map(|message| message.raw.as_ref()).map(|raw| raw.len()).sum();
        let incoming = Incoming { mailbox, items: messages, bytes: bytes as u64, stack_bytes: STACK_BYTES };
        let batch = self.pack_batch(incoming, |message| message)?;
        self.put_packed(batch, state)
    }

    /// Rewrites summaries of messages that are there (for instance after decryption), without touching flags and raw messages.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn update_summaries(&self, mailbox: MailboxId, summaries: Vec<Summary>) -> Result<(), CacheError> {
        let _writer = self.begin(mailbox, 0)?;
        let mut changes = Changes::default();
        let mut by_page: BTreeMap<u32, Vec<Summary>> = BTreeMap::new();
        for summary in summaries {
            by_page.entry(page::number(summary.uid)).or_default().push(summary);
        }
        for (number, summaries) in by_page {
            let mut rows = self.pages(mailbox, number, &mut changes)?.rows;
            for mut summary in summaries {
                if let Some(row) = rows.get_mut(&summary.uid) {
                    summary.clip();
                    *row = summary;
                }
            }
            self.seal_rows(mailbox, number, rows, &mut changes)?;
        }
        self.commit(mailbox, changes)
    }

    /// Sets flags of messages that are there; others are left out.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn set_flags(
        &self,
        mailbox: MailboxId,
        flags: &[(u32, Flags)],
        state: Option<MailboxState>,
    ) -> Result<(), CacheError> {
        let _writer = self.begin(mailbox, 0)?;
        let mut changes = Changes::with(state);
        let mut by_page: BTreeMap<u32, Vec<&(u32, Flags)>> = BTreeMap::new();
        for change in flags {
            by_page.entry(page::number(change.0)).or_default().push(change);
        }
        for (number, flags) in by_page {
            let mut page = self.flags_page(mailbox, number, &mut changes)?;
            for (uid, flags) in flags {
                if let Some((_, has_raw)) = page.flags(*uid) {
                    page.set(*uid, flags, has_raw);
                }
            }
            self.seal_flags(mailbox, number, &page, &mut changes)?;
        }
        self.commit(mailbox, changes)
    }

    /// Takes messages out.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn remove(&self, mailbox: MailboxId, uids: &[u32], state: Option<MailboxState>) -> Result<(), CacheError> {
        let _writer = self.begin(mailbox, 0)?;
        self.forget_partials(mailbox, Some(uids))?;
        let mut changes = Changes::with(state);
        let mut by_page: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for uid in uids {
            by_page.entry(page::number(*uid)).or_default().push(*uid);
        }
        for (number, uids) in by_page {
            let mut pages = self.pages(mailbox, number, &mut changes)?;
            for uid in uids {
                pages.rows.remove(&uid);
                pages.flags.remove(uid);
                self.drop_raw(MessageKey { mailbox, uid }, &mut pages.places, &mut changes)?;
            }
            self.seal_rows(mailbox, number, pages.rows, &mut changes)?;
            self.seal_flags(mailbox, number, &pages.flags, &mut changes)?;
            self.seal_places(mailbox, number, &pages.places, &mut changes)?;
        }
        self.commit(mailbox, changes)
    }

    /// Lets go of raw messages: their rows stay, and they are not fetched again until somebody asks for one. The bytes are given back by
    /// [`Cache::tidy`].
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn let_go(&self, mailbox: MailboxId, uids: &[u32]) -> Result<(), CacheError> {
        self.forget_partials(mailbox, Some(uids))?;
        let mut by_page: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for uid in uids {
            by_page.entry(page::number(*uid)).or_default().push(*uid);
        }
        let pages: Vec<(u32, Vec<u32>)> = by_page.into_iter().collect();
        for some in pages.chunks(LET_GO_PAGES) {
            let _writer = self.lock();
            if self.mailbox(mailbox)?.is_none() {
                return Err(CacheError::NoMailbox(mailbox));
            }
            let mut changes = Changes::default();
            for (number, uids) in some {
                let mut flags = self.flags_page(mailbox, *number, &mut changes)?;
                let mut places = self.places_page(mailbox, *number, &mut flags, &mut changes)?;
                for uid in uids {
                    self.drop_raw(MessageKey { mailbox, uid: *uid }, &mut places, &mut changes)?;
                    flags.let_go(*uid);
                }
                self.seal_flags(mailbox, *number, &flags, &mut changes)?;
                self.seal_places(mailbox, *number, &places, &mut changes)?;
            }
            self.commit(mailbox, changes)?;
        }
        Ok(())
    }

    /// Stores the raw message of one that is there from a stream, without holding it: always as a file of its own. Gives its bytes.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn put_raw_from(&self, message: MessageKey, content: &mut dyn std::io::Read) -> Result<u64, CacheError> {
        // Outside the lock: the stream may be as slow as a network.
        space::check(&self.dir, self.space.batch_bytes)?;
        let name = blob::fresh_name();
        let bytes = blob::write(&recovery::blob_dir(&self.dir), &name, self.blob_sealer()?, content)?;
        self.put_blob(message, name)?;
        Ok(bytes)
    }

    /// A whole message lies in this file, which is on the disk. The file of one that is not held any more goes.
    pub(super) fn put_blob(&self, message: MessageKey, name: blob::Name) -> Result<(), CacheError> {
        let MessageKey { mailbox, uid } = message;
        let _writer = self.begin(mailbox, 0)?;
        let mut changes = Changes::default();
        let number = page::number(uid);
        let mut page = self.flags_page(mailbox, number, &mut changes)?;
        let Some((flags, _)) = page.flags(uid) else {
            remove_files(&[blob::path(&recovery::blob_dir(&self.dir), &name)]);
            return Ok(());
        };
        let mut places = self.places_page(mailbox, number, &mut page, &mut changes)?;
        let place = Place::Blob { name, epoch: self.epoch };
        self.put_raw(message, place, &mut places, &mut changes)?;
        page.set(uid, &flags, true);
        self.seal_flags(mailbox, number, &page, &mut changes)?;
        self.seal_places(mailbox, number, &places, &mut changes)?;
        self.commit(mailbox, changes)
    }

    /// Room and the lock, for a mailbox that is there.
    pub(super) fn begin(&self, mailbox: MailboxId, bytes: u64) -> Result<std::sync::MutexGuard<'_, ()>, CacheError> {
        space::check(&self.dir, self.space.batch_bytes.saturating_add(bytes))?;
        let writer = self.lock();
        if self.mailbox(mailbox)?.is_none() {
            return Err(CacheError::NoMailbox(mailbox));
        }
        Ok(writer)
    }

    pub(super) fn pages(&self, mailbox: MailboxId, number: u32, changes: &mut Changes) -> Result<Pages, CacheError> {
        let rows = match self.page.value(&key(mailbox, number))? {
            Some(sealed) => self.recent.take(&key(mailbox, number), &sealed).or_else(|| {
                let plain = self.page.open(&key(mailbox, number), &sealed)?;
                page::unpack(&plain).ok()
            }),
            None => Some(Vec::new()),
        };
        let rows = rows.unwrap_or_else(|| {
            self.tell(mailbox, page::uids(number), "summaries");
            changes.damaged = true;
            Vec::new()
        });
        let mut flags = self.flags_page(mailbox, number, changes)?;
        if changes.damaged {
            // Flags of rows that are lost would make them look held.
            let known: Vec<u32> = rows.iter().map(|row| row.uid).collect();
            let lost: Vec<u32> = flags.iter(number).map(|row| row.0).filter(|uid| !known.contains(uid)).collect();
            let mut places = self.places_page(mailbox, number, &mut flags, changes)?;
            for uid in lost {
                flags.remove(uid);
                self.drop_raw(MessageKey { mailbox, uid }, &mut places, changes)?;
            }
            return Ok(Pages { rows: rows.into_iter().map(|row| (row.uid, row)).collect(), flags, places });
        }
        let places = self.places_page(mailbox, number, &mut flags, changes)?;
        Ok(Pages { rows: rows.into_iter().map(|row| (row.uid, row)).collect(), flags, places })
    }

    /// The places of a page that is changed; where they do not open, none of its raw messages is here any more.
    pub(super) fn places_page(
        &self,
        mailbox: MailboxId,
        number: u32,
        flags: &mut FlagsPage,
        changes: &mut Changes,
    ) -> Result<PlacePage, CacheError> {
        let Some(places) = self.places(mailbox, number)? else { return Ok(PlacePage::default()) };
        Ok(places.unwrap_or_else(|| {
            self.tell(mailbox, page::uids(number), "places");
            changes.damaged = true;
            flags.forget_raw();
            PlacePage::default()
        }))
    }

    fn flags_page(&self, mailbox: MailboxId, number: u32, changes: &mut Changes) -> Result<FlagsPage, CacheError> {
        let page = match self.flags.read(&key(mailbox, number))? {
            Some(plain) => plain.and_then(|plain| FlagsPage::unpack(&plain).ok()),
            None => Some(FlagsPage::default()),
        };
        Ok(page.unwrap_or_else(|| {
            self.tell(mailbox, page::uids(number), "flags");
            changes.damaged = true;
            FlagsPage::default()
        }))
    }

    pub(super) fn seal_rows(
        &self,
        mailbox: MailboxId,
        number: u32,
        rows: BTreeMap<u32, Summary>,
        changes: &mut Changes,
    ) -> Result<(), CacheError> {
        let key = key(mailbox, number);
        changes.touched.entry(key).or_default().0 = true;
        if rows.is_empty() {
            changes.page.remove(&key);
        } else {
            let rows: Vec<Summary> = rows.into_values().collect();
            let plain = page::pack(&rows).map_err(std::io::Error::other)?;
            let sealed = self.page.seal(&key, &plain);
            changes.page.insert(&key, &sealed);
            self.recent.keep(key, sealed, rows);
        }
        Ok(())
    }

    pub(super) fn seal_flags(
        &self,
        mailbox: MailboxId,
        number: u32,
        page: &FlagsPage,
        changes: &mut Changes,
    ) -> Result<(), CacheError> {
        let key = key(mailbox, number);
        changes.touched.entry(key).or_default().1 = true;
        if page.is_empty() {
            changes.flags.remove(&key);
        } else {
            let plain = page.pack().map_err(std::io::Error::other)?;
            changes.flags.insert(&key, self.flags.seal(&key, &plain));
        }
        Ok(())
    }

    pub(super) fn seal_places(
        &self,
        mailbox: MailboxId,
        number: u32,
        places: &PlacePage,
        changes: &mut Changes,
    ) -> Result<(), CacheError> {
        let key = key(mailbox, number);
        if places.is_empty() {
            changes.place.remove(&key);
        } else {
            let plain = places.pack().map_err(std::io::Error::other)?;
            changes.place.insert(&key, self.place.seal(&key, &plain));
        }
        Ok(())
    }

    /// Names where a raw message lies from now on.
    pub(super) fn put_raw(
        &self,
        message: MessageKey,
        place: Place,
        places: &mut PlacePage,
        changes: &mut Changes,
    ) -> Result<(), CacheError> {
        self.drop_raw(message, places, changes)?;
        if let Place::Blob { name, .. } = place {
            changes.blob.insert(&name, b"");
        }
        places.set(message.uid, place);
        Ok(())
    }

    /// Appends the records of a batch; gives where each of the buffers begins. On the disk when this returns.
    pub(super) fn put_records(
        &self,
        buffers: &[Vec<u8>],
        changes: &mut Changes,
    ) -> Result<Vec<(u32, u64)>, CacheError> {
        let pieces: Vec<&[u8]> = buffers.iter().map(Vec::as_slice).collect();
        if pieces.iter().all(|piece| piece.is_empty()) {
            return Ok(Vec::new());
        }
        let (segment, mut offset) = self.append(&pieces)?;
        changes.dead.entry(segment).or_default();
        let mut starts = Vec::with_capacity(pieces.len());
        for piece in pieces {
            starts.push((segment, offset));
            offset = offset.saturating_add(piece.len() as u64);
        }
        Ok(starts)
    }

    /// The place of what was packed, now that it is known where the buffers lie.
    pub(super) fn named(&self, packed: &Packed, starts: &[(u32, u64)]) -> Result<Place, CacheError> {
        match packed {
            Packed::Blob(name) => Ok(Place::Blob { name: *name, epoch: self.epoch }),
            Packed::Record { buffer, at, length } => {
                let span = starts.get(*buffer).and_then(|(segment, offset)| {
                    let offset = u32::try_from(offset.checked_add(*at as u64)?).ok()?;
                    Some(Span { segment: *segment, offset, length: u32::try_from(*length).ok()? })
                });
                span.map(Place::Pack).ok_or_else(|| std::io::Error::other("a batch is too large for a segment").into())
            }
        }
    }

    /// Takes a raw message out of wherever it is.
    fn drop_raw(&self, message: MessageKey, places: &mut PlacePage, changes: &mut Changes) -> Result<(), CacheError> {
        if let Some(place) = places.remove(message.uid) {
            self.leave(place, changes);
        }
        if self.has_former() {
            let key = key(message.mailbox, message.uid);
            if let Some(plain) = self.raw.read(&key)? {
                self.orphan(plain.as_deref().map(Vec::as_slice), changes);
                changes.raw.remove(&key);
            }
        }
        Ok(())
    }

    /// What lies there is dead once the changes are committed.
    pub(super) fn leave(&self, place: Place, changes: &mut Changes) {
        match place {
            Place::Pack(span) => *changes.dead.entry(span.segment).or_default() += u64::from(span.length),
            Place::Blob { name, .. } => {
                changes.blob.remove(&name);
                changes.orphans.push(blob::path(&recovery::blob_dir(&self.dir), &name));
            }
        }
    }

    /// Marks the file of a raw row of schema 1 for removal, if it has one.
    fn orphan(&self, plain: Option<&[u8]>, changes: &mut Changes) {
        if let Some(Former::Blob(name)) = plain.and_then(former) {
            self.leave(Place::Blob { name, epoch: self.epoch }, changes);
        }
    }

    /// One transaction over all trees, then the disk.
    pub(super) fn commit(&self, id: MailboxId, mut changes: Changes) -> Result<(), CacheError> {
        let mut mailbox = self.mailbox(id)?.ok_or(CacheError::NoMailbox(id))?;
        if let Some(state) = changes.state.take() {
            mailbox.state = state;
        }
        if changes.damaged {
            (mailbox.state.uid_next, mailbox.state.highest_modseq) = (None, None);
            let mut losses = self.losses.lock().unwrap_or_else(PoisonError::into_inner);
            let count = losses.entry(id).or_default();
            *count = count.saturating_add(1);
        }
        changes.mailbox.insert(&id.0.to_be_bytes(), self.seal_mailbox(&mailbox)?);
        self.apply(changes)?;
        self.mailboxes.write().unwrap_or_else(PoisonError::into_inner).insert(id, mailbox);
        Ok(())
    }

    /// As [`Self::commit`], where no mailbox changes. Only under the writer's lock.
    pub(super) fn apply(&self, changes: Changes) -> Result<(), CacheError> {
        self.noting(|| self.apply_unnoted(changes))
    }

    fn apply_unnoted(&self, changes: Changes) -> Result<(), CacheError> {
        let generations = self.counted(&changes)?;
        let (pack, counted, gone) = self.count(&changes.dead);
        let trees = (
            &self.mailbox.tree,
            &self.page.tree,
            &self.flags.tree,
            &self.place.tree,
            &self.raw.tree,
            &self.blob,
            &self.pack,
            &self.generation,
        );
        let outcome: Result<(), TransactionError<()>> = trees.transaction(|trees| {
            trees.0.apply_batch(&changes.mailbox)?;
            trees.1.apply_batch(&changes.page)?;
            trees.2.apply_batch(&changes.flags)?;
            trees.3.apply_batch(&changes.place)?;
            trees.4.apply_batch(&changes.raw)?;
            trees.5.apply_batch(&changes.blob)?;
            trees.6.apply_batch(&pack)?;
            trees.7.apply_batch(&generations)?;
            Ok(())
        });
        match outcome {
            Ok(()) | Err(TransactionError::Abort(())) => {}
            Err(TransactionError::Storage(error)) => return Err(error.into()),
        }
        self.db.flush()?;
        self.segments().extend(counted);
        for number in gone {
            self.segments().remove(&number);
            // What stays is removed when the cache is opened.
            let _ = self.packs.remove(number);
        }
        remove_files(&changes.orphans);
        Ok(())
    }

    /// The generations after these changes.
    fn counted(&self, changes: &Changes) -> sled::Result<sled::Batch> {
        let mut batch = sled::Batch::default();
        for (key, &(rows, flags)) in &changes.touched {
            let before = self.generation.get(key)?.map(|value| Generation::read(&value)).unwrap_or_default();
            let after = if changes.damaged {
                before.plus(Generation::LOST, Generation::LOST)
            } else {
                before.after(rows, flags)
            };
            batch.insert(key, &after.write());
        }
        Ok(batch)
    }

    /// The rows of segments that have grown or lost: what is written, what is counted then, and which have nothing left.
    fn count(&self, dead: &BTreeMap<u32, u64>) -> (sled::Batch, Vec<(u32, Segment)>, Vec<u32>) {
        let segments = self.segments();
        let newest = segments.keys().next_back().copied();
        let (mut batch, mut counted, mut gone) = (sled::Batch::default(), Vec::new(), Vec::new());
        for (number, dead) in dead {
            let Some(segment) = segments.get(number) else { continue };
            let segment = Segment { dead: segment.dead.saturating_add(*dead), ..*segment };
            if segment.dead.saturating_add(HEADER) >= segment.length && newest != Some(*number) {
                batch.remove(&number.to_be_bytes());
                gone.push(*number);
            } else {
                batch.insert(&number.to_be_bytes(), &segment.to_bytes());
                counted.push((*number, segment));
            }
        }
        (batch, counted, gone)
    }

    fn tell(&self, mailbox: MailboxId, uids: RangeInclusive<u32>, what: &'static str) {
        self.damage.lock().unwrap_or_else(PoisonError::into_inner).push(Damage { mailbox, uids, what });
    }

    /// A reader met a record that does not open: tells of it, removes it, and has its mailbox compared in full.
    pub(super) fn lose(&self, id: MailboxId, uids: RangeInclusive<u32>, what: &'static str) -> Result<(), CacheError> {
        let _writer = self.lock();
        if self.is_repaired(id, &uids, what)? {
            return Ok(());
        }
        self.lose_now(id, uids, what)
    }

    /// The same of the file of a message, unless the message lies elsewhere since the reader opened it: it was fetched again then.
    pub(super) fn lose_blob(&self, message: MessageKey, file: &blob::Name) -> Result<(), CacheError> {
        let _writer = self.lock();
        if !self.lies_in(message, file)? {
            return Ok(());
        }
        self.lose_now(message.mailbox, message.uid..=message.uid, "message")
    }

    /// Only under the writer's lock.
    fn lose_now(&self, id: MailboxId, uids: RangeInclusive<u32>, what: &'static str) -> Result<(), CacheError> {
        if self.mailbox(id)?.is_none() {
            return Ok(());
        }
        self.tell(id, uids.clone(), what);
        let mut changes = Changes { damaged: true, ..Changes::default() };
        let number = page::number(*uids.start());
        let place = key(id, number);
        match what {
            // Rows without flags would be taken for unread for ever: both are fetched again.
            "summaries" | "flags" => {
                changes.touched.insert(place, (true, true));
                changes.page.remove(&place);
                changes.flags.remove(&place);
                changes.place.remove(&place);
                let places = self.places(id, number)?.flatten().unwrap_or_default();
                places.iter(number).for_each(|(_, place)| self.leave(place, &mut changes));
            }
            "places" => {
                changes.place.remove(&place);
                let mut page = self.flags_page(id, number, &mut changes)?;
                page.forget_raw();
                self.seal_flags(id, number, &page, &mut changes)?;
            }
            _ => {
                let message = MessageKey { mailbox: id, uid: *uids.start() };
                let mut page = self.flags_page(id, number, &mut changes)?;
                let mut places = self.places_page(id, number, &mut page, &mut changes)?;
                self.drop_raw(message, &mut places, &mut changes)?;
                if let Some((flags, _)) = page.flags(message.uid) {
                    page.set(message.uid, &flags, false);
                }
                self.seal_flags(id, number, &page, &mut changes)?;
                self.seal_places(id, number, &places, &mut changes)?;
            }
        }
        self.commit(id, changes)
    }
}

impl Cache {
    /// Whether a writer has replaced the record since the reader met it.
    fn is_repaired(&self, id: MailboxId, uids: &RangeInclusive<u32>, what: &str) -> Result<bool, CacheError> {
        let place = key(id, page::number(*uids.start()));
        let opens = |plain: Option<Option<_>>, reads: fn(&[u8]) -> bool| {
            plain.is_none_or(|plain: Option<zeroize::Zeroizing<Vec<u8>>>| plain.is_some_and(|plain| reads(&plain)))
        };
        let rows = || -> sled::Result<bool> { Ok(opens(self.page.read(&place)?, |plain| page::unpack(plain).is_ok())) };
        let flags = || -> sled::Result<bool> {
            let there = self.flags.tree.contains_key(place)? || !self.page.tree.contains_key(place)?;
            Ok(there && opens(self.flags.read(&place)?, |plain| FlagsPage::unpack(plain).is_ok()))
        };
        Ok(match what {
            "summaries" => rows()?,
            "flags" => flags()?,
            "places" => opens(self.place.read(&place)?, |plain| PlacePage::unpack(plain).is_ok()),
            _ => false,
        })
    }
}

/// Files that stay are swept at the next start.
fn remove_files(files: &[PathBuf]) {
    for file in files {
        let _ = std::fs::remove_file(file);
    }
}
