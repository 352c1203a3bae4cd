//! Writing the cache: read, change and seal under the writer's lock, then one transaction, then the disk.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::PoisonError;

use chacha20poly1305::aead::OsRng;
use chacha20poly1305::aead::rand_core::RngCore;
use sled::Transactional;
use sled::transaction::TransactionError;

use super::{
    BLOB, Cache, CacheError, Damage, Generation, INLINE, NewMessage, RawRecord, key, keys_of, number_of, raw_record,
    recovery,
};
use crate::mail::id::{MailboxId, MessageKey};
use crate::store::flags::Flags;
use crate::store::mailbox::{Mailbox, MailboxState};
use crate::store::page::{self, FlagsPage};
use crate::store::space;
use crate::store::summary::Summary;
use crate::store::{blob, vault};

/// Compressed messages beyond this go to a file of their own: sled is made for small values.
const INLINE_MAX: usize = 64 << 10;
/// Of raw messages: level 3 takes twice the time and gains a three-hundredth on mail, most of whose bytes are base64.
const LEVEL: i32 = 1;
/// Batches of fewer messages are packed by one thread.
const SHARED_MIN: usize = 16;
/// Rows removed in one go when a mailbox is dropped.
const CLEAR_ROWS: usize = 1000;

/// Changes of all trees, made as one.
#[derive(Default)]
struct Changes {
    mailbox: sled::Batch,
    page: sled::Batch,
    flags: sled::Batch,
    raw: sled::Batch,
    blob: sled::Batch,
    /// Pages that are changed: of summaries, of flags.
    touched: BTreeMap<[u8; 8], (bool, bool)>,
    /// Files that no record names any more once this is committed.
    orphans: Vec<PathBuf>,
    /// The state that the mailbox has once this is committed.
    state: Option<MailboxState>,
    /// A page that was to be changed did not open: what else was in it is lost.
    damaged: bool,
}

/// A raw message, compressed and sealed.
enum Packed {
    Here(sled::IVec),
    /// In a file of its own, which is not synced yet.
    Blob(blob::Name),
}

/// A message with its raw message packed.
type Ready = (Summary, Option<Packed>);

/// A page of both kinds while it is changed.
struct Pages {
    rows: BTreeMap<u32, Summary>,
    flags: FlagsPage,
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

    /// Sets how far a mailbox is synced.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn set_mailbox_state(&self, id: MailboxId, state: MailboxState) -> Result<(), CacheError> {
        let _writer = self.lock();
        let mailbox = self.mailbox(id)?.ok_or(CacheError::NoMailbox(id))?;
        self.put_mailbox(Mailbox { state, ..mailbox })
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
        let _writer = self.lock();
        self.mailboxes.write().unwrap_or_else(PoisonError::into_inner).remove(&id);
        self.mailbox.tree.remove(id.0.to_be_bytes())?;
        self.db.flush()?;
        self.clear(id)
    }

    /// Removes all rows of a mailbox, with the files.
    pub(super) fn clear(&self, id: MailboxId) -> Result<(), CacheError> {
        for tree in [&self.page, &self.flags, &self.raw] {
            loop {
                let mut changes = Changes::default();
                let mut batch = sled::Batch::default();
                let mut count = 0;
                for row in tree.tree.range(keys_of(id)).take(CLEAR_ROWS) {
                    let (key, value) = row?;
                    if tree.name == "raw" {
                        let plain = tree.sealer.open(&tree.place(&key), &value).ok();
                        self.orphan(plain.as_deref().map(Vec::as_slice), &mut changes);
                    }
                    batch.remove(key);
                    count += 1;
                }
                if count == 0 {
                    break;
                }
                tree.tree.apply_batch(batch)?;
                self.blob.apply_batch(changes.blob)?;
                self.db.flush()?;
                remove_files(&changes.orphans);
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
        // Room is looked at before files are written, and packing goes on while others write.
        space::check(&self.dir, self.space.batch_bytes.saturating_add(bytes as u64))?;
        let ready = self.pack_all(mailbox, messages)?;
        let _writer = self.begin(mailbox, bytes as u64)?;
        let mut changes = Changes { state, ..Changes::default() };
        let mut by_page: BTreeMap<u32, Vec<Ready>> = BTreeMap::new();
        for message in ready {
            by_page.entry(page::number(message.0.uid)).or_default().push(message);
        }
        for (number, messages) in by_page {
            let mut pages = self.pages(mailbox, number, &mut changes)?;
            for (mut summary, raw) in messages {
                let uid = summary.uid;
                let had_raw = pages.flags.flags(uid).is_some_and(|(_, has_raw)| has_raw);
                let has_new = raw.is_some();
                if let Some(packed) = raw {
                    self.put_raw(MessageKey { mailbox, uid }, packed, had_raw, &mut changes)?;
                }
                summary.clip();
                pages.flags.set(uid, &summary.flags, had_raw || has_new);
                pages.rows.insert(uid, summary);
            }
            self.seal_rows(mailbox, number, pages.rows, &mut changes)?;
            self.seal_flags(mailbox, number, &pages.flags, &mut changes)?;
        }
        self.commit(mailbox, changes)
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
        let mut changes = Changes { state, ..Changes::default() };
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
        let mut changes = Changes { state, ..Changes::default() };
        let mut by_page: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for uid in uids {
            by_page.entry(page::number(*uid)).or_default().push(*uid);
        }
        for (number, uids) in by_page {
            let mut pages = self.pages(mailbox, number, &mut changes)?;
            for uid in uids {
                pages.rows.remove(&uid);
                if pages.flags.remove(uid) {
                    self.drop_raw(MessageKey { mailbox, uid }, &mut changes)?;
                }
            }
            self.seal_rows(mailbox, number, pages.rows, &mut changes)?;
            self.seal_flags(mailbox, number, &pages.flags, &mut changes)?;
        }
        self.commit(mailbox, changes)
    }

    /// Stores the raw message of one that is there from a stream, without holding it: always as a file of its own. Gives its bytes.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn put_raw_from(&self, message: MessageKey, content: &mut dyn std::io::Read) -> Result<u64, CacheError> {
        let MessageKey { mailbox, uid } = message;
        // Outside the lock: the stream may be as slow as a network.
        space::check(&self.dir, self.space.batch_bytes)?;
        let name = fresh_name();
        let bytes = blob::write(&recovery::blob_dir(&self.dir), &name, &self.blob_sealer, content)?;
        let _writer = self.begin(mailbox, 0)?;
        let mut changes = Changes::default();
        let number = page::number(uid);
        let mut page = self.flags_page(mailbox, number, &mut changes)?;
        let Some((flags, had_raw)) = page.flags(uid) else {
            remove_files(&[blob::path(&recovery::blob_dir(&self.dir), &name)]);
            return Ok(bytes);
        };
        if had_raw {
            self.drop_raw(message, &mut changes)?;
        }
        self.put_blob(message, &name, &mut changes);
        page.set(uid, &flags, true);
        self.seal_flags(mailbox, number, &page, &mut changes)?;
        self.commit(mailbox, changes)?;
        Ok(bytes)
    }

    /// Room and the lock, for a mailbox that is there.
    fn begin(&self, mailbox: MailboxId, bytes: u64) -> Result<std::sync::MutexGuard<'_, ()>, CacheError> {
        space::check(&self.dir, self.space.batch_bytes.saturating_add(bytes))?;
        let writer = self.lock();
        if self.mailbox(mailbox)?.is_none() {
            return Err(CacheError::NoMailbox(mailbox));
        }
        Ok(writer)
    }

    fn pages(&self, mailbox: MailboxId, number: u32, changes: &mut Changes) -> Result<Pages, CacheError> {
        let rows = match self.page.read(&key(mailbox, number))? {
            Some(plain) => plain.and_then(|plain| page::unpack(&plain).ok()),
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
            for uid in lost {
                flags.remove(uid);
            }
        }
        Ok(Pages { rows: rows.into_iter().map(|row| (row.uid, row)).collect(), flags })
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

    fn seal_rows(
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
            changes.page.insert(&key, self.page.seal(&key, &plain));
        }
        Ok(())
    }

    fn seal_flags(
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

    fn put_raw(
        &self,
        message: MessageKey,
        packed: Packed,
        had_raw: bool,
        changes: &mut Changes,
    ) -> Result<(), CacheError> {
        if had_raw {
            self.drop_raw(message, changes)?;
        }
        match packed {
            Packed::Here(value) => changes.raw.insert(&key(message.mailbox, message.uid), value),
            Packed::Blob(name) => self.put_blob(message, &name, changes),
        }
        Ok(())
    }

    /// Compresses and seals the raw messages of a batch, on two threads where it is worth it. Files are on the disk when this returns.
    fn pack_all(&self, mailbox: MailboxId, messages: Vec<NewMessage>) -> Result<Vec<Ready>, CacheError> {
        let pack = |messages: Vec<NewMessage>| -> Result<Vec<Ready>, CacheError> {
            // One for all: making one costs more than compressing a small message.
            let mut packer = zstd::bulk::Compressor::new(LEVEL)?;
            let ready = messages.into_iter().map(|NewMessage { summary, raw }| {
                let message = MessageKey { mailbox, uid: summary.uid };
                let packed = raw.map(|raw| self.pack(message, &raw, &mut packer)).transpose()?;
                Ok((summary, packed))
            });
            ready.collect()
        };
        let mut first = messages;
        let ready = if first.len() < SHARED_MIN {
            pack(first)?
        } else {
            let second = first.split_off(first.len() / 2);
            let (done, more) = std::thread::scope(|scope| {
                let more = scope.spawn(|| pack(second));
                (pack(first), more.join())
            });
            let more = more.map_err(|_| std::io::Error::other("a message could not be packed"))?;
            let mut ready = done?;
            ready.extend(more?);
            ready
        };
        let names: Vec<blob::Name> = ready
            .iter()
            .filter_map(|(_, packed)| match packed {
                Some(Packed::Blob(name)) => Some(*name),
                _ => None,
            })
            .collect();
        blob::sync(&recovery::blob_dir(&self.dir), &names)?;
        Ok(ready)
    }

    fn pack(
        &self,
        message: MessageKey,
        raw: &[u8],
        packer: &mut zstd::bulk::Compressor<'_>,
    ) -> Result<Packed, CacheError> {
        let packed = packer.compress(raw)?;
        if packed.len() > INLINE_MAX {
            let name = fresh_name();
            blob::write_unsynced(&recovery::blob_dir(&self.dir), &name, &self.blob_sealer, &mut &*raw)?;
            return Ok(Packed::Blob(name));
        }
        let mut plain = Vec::with_capacity(packed.len() + 1);
        plain.push(INLINE);
        plain.extend_from_slice(&packed);
        Ok(Packed::Here(self.raw.seal(&key(message.mailbox, message.uid), &plain)))
    }

    fn put_blob(&self, message: MessageKey, name: &blob::Name, changes: &mut Changes) {
        let key = key(message.mailbox, message.uid);
        changes.raw.insert(&key, self.raw.seal(&key, &[&[BLOB], name.as_slice()].concat()));
        changes.blob.insert(name, b"");
    }

    fn drop_raw(&self, message: MessageKey, changes: &mut Changes) -> Result<(), CacheError> {
        let key = key(message.mailbox, message.uid);
        if let Some(plain) = self.raw.read(&key)? {
            self.orphan(plain.as_deref().map(Vec::as_slice), changes);
        }
        changes.raw.remove(&key);
        Ok(())
    }

    /// Marks the file of a raw record for removal, if it has one.
    fn orphan(&self, plain: Option<&[u8]>, changes: &mut Changes) {
        let blob = plain.filter(|plain| plain.first() == Some(&BLOB)).and_then(raw_record);
        if let Some(RawRecord::Blob(name)) = blob {
            changes.blob.remove(&name);
            changes.orphans.push(blob::path(&recovery::blob_dir(&self.dir), &name));
        }
    }

    /// One transaction over all trees, then the disk.
    fn commit(&self, id: MailboxId, mut changes: Changes) -> Result<(), CacheError> {
        let mut mailbox = self.mailbox(id)?.ok_or(CacheError::NoMailbox(id))?;
        if let Some(state) = changes.state.take() {
            mailbox.state = state;
        }
        if changes.damaged {
            (mailbox.state.uid_next, mailbox.state.highest_modseq) = (None, None);
        }
        changes.mailbox.insert(&id.0.to_be_bytes(), self.seal_mailbox(&mailbox)?);
        let counted = self.count(&changes)?;
        let trees =
            (&self.mailbox.tree, &self.page.tree, &self.flags.tree, &self.generation, &self.raw.tree, &self.blob);
        let outcome: Result<(), TransactionError<()>> =
            trees.transaction(|(mailbox, page, flags, count, raw, blob)| {
                mailbox.apply_batch(&changes.mailbox)?;
                page.apply_batch(&changes.page)?;
                flags.apply_batch(&changes.flags)?;
                count.apply_batch(&counted)?;
                raw.apply_batch(&changes.raw)?;
                blob.apply_batch(&changes.blob)?;
                Ok(())
            });
        match outcome {
            Ok(()) | Err(TransactionError::Abort(())) => {}
            Err(TransactionError::Storage(error)) => return Err(error.into()),
        }
        self.db.flush()?;
        self.mailboxes.write().unwrap_or_else(PoisonError::into_inner).insert(id, mailbox);
        remove_files(&changes.orphans);
        Ok(())
    }

    /// The generations after these changes.
    fn count(&self, changes: &Changes) -> sled::Result<sled::Batch> {
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

    fn tell(&self, mailbox: MailboxId, uids: RangeInclusive<u32>, what: &'static str) {
        self.damage.lock().unwrap_or_else(PoisonError::into_inner).push(Damage { mailbox, uids, what });
    }

    /// A reader met a record that does not open: tells of it, removes it, and has its mailbox compared in full.
    pub(super) fn lose(&self, id: MailboxId, uids: RangeInclusive<u32>, what: &'static str) -> Result<(), CacheError> {
        let _writer = self.lock();
        if self.mailbox(id)?.is_none() || self.is_repaired(id, &uids, what)? {
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
            }
            _ => {
                let message = MessageKey { mailbox: id, uid: *uids.start() };
                self.drop_raw(message, &mut changes)?;
                let mut page = self.flags_page(id, number, &mut changes)?;
                if let Some((flags, _)) = page.flags(message.uid) {
                    page.set(message.uid, &flags, false);
                    self.seal_flags(id, number, &page, &mut changes)?;
                }
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
            _ => false,
        })
    }
}

fn fresh_name() -> blob::Name {
    let mut name = blob::Name::default();
    OsRng.fill_bytes(&mut name);
    name
}

/// Files that stay are swept at the next start.
fn remove_files(files: &[PathBuf]) {
    for file in files {
        let _ = std::fs::remove_file(file);
    }
}

/// A sealed value must stay well below what sled keeps outside its log.
const _: () = assert!(INLINE_MAX + vault::OVERHEAD + 1 < 512 << 10);
