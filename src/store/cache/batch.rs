//! A batch of messages made, packed and sealed before it is stored: what keeps the processors busy, apart from what waits for the disk, so
//! that the next batch is packed while this one is written.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};

use super::raw::{Packed, Packer};
use super::write::Changes;
use super::{Cache, CacheError, NewMessage, recovery};
use crate::mail::id::{MailboxId, MessageKey};
use crate::store::blob;
use crate::store::mailbox::MailboxState;
use crate::store::page;
use crate::store::space;
use crate::store::summary::Summary;

/// Batches of fewer messages are packed by one thread.
const SHARED_MIN: usize = 8;

/// A message with its raw message packed.
type Ready = (Summary, Option<Packed>);

/// What came, before it is made into messages.
pub struct Incoming<T> {
    /// The mailbox that it belongs to.
    pub mailbox: MailboxId,
    /// One for each message.
    pub items: Vec<T>,
    /// About how many bytes it will take on the disk.
    pub bytes: u64,
    /// Stack of a thread that makes messages.
    pub stack_bytes: usize,
}

/// Messages that are packed and sealed, to be stored by [`Cache::put_packed`]. One that is dropped leaves nothing that anything names.
pub struct PackedBatch {
    mailbox: MailboxId,
    /// In the order in which they came.
    messages: Vec<Ready>,
    /// Records lie in these.
    buffers: Vec<Vec<u8>>,
}

impl PackedBatch {
    /// The summaries as they will be stored, and whether each brings its raw message.
    pub fn summaries(&self) -> impl Iterator<Item = (&Summary, bool)> {
        self.messages.iter().map(|(summary, packed)| (summary, packed.is_some()))
    }
}

fn broken() -> CacheError {
    std::io::Error::other("a message could not be packed").into()
}

/// One thread's share of a batch: the places of its messages in the whole, and what was packed.
type Share = (Vec<(usize, Ready)>, Vec<u8>);

impl Cache {
    /// Makes messages of what came, compresses and seals their raw messages, on two threads where it is worth it; each is let go of before the
    /// next is made. Nothing names any of it yet, but files of large messages are on the disk when this returns.
    ///
    /// # Errors
    /// [`CacheError`]; also where `make` panics.
    pub fn pack_batch<T: Send>(
        &self,
        incoming: Incoming<T>,
        make: impl Fn(T) -> NewMessage + Sync,
    ) -> Result<PackedBatch, CacheError> {
        let Incoming { mailbox, items, bytes, stack_bytes } = incoming;
        // Room is looked at before files are written, and packing goes on while others write.
        space::check(&self.dir, self.space.batch_bytes.saturating_add(bytes))?;
        let uid_validity = self.mailbox(mailbox)?.ok_or(CacheError::NoMailbox(mailbox))?.uid_validity;
        let count = items.len();
        // One after the other to whoever is free: a few large messages do not wait behind each other on one thread.
        let queue = Mutex::new(items.into_iter().enumerate());
        let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
        let work = |number: usize| -> Result<Share, CacheError> {
            let mut packer = Packer::new(self, number)?;
            let mut ready = Vec::with_capacity(count);
            while let Some((at, item)) = next() {
                let NewMessage { summary, raw } = make(item);
                let message = MessageKey { mailbox, uid: summary.uid };
                let packed = raw.map(|raw| packer.pack(uid_validity, message, &raw)).transpose()?;
                ready.push((at, (summary, packed)));
            }
            Ok((ready, packer.buffer))
        };
        // What is half made goes with its thread's share.
        let share = |number: usize| catch_unwind(AssertUnwindSafe(|| work(number))).unwrap_or_else(|_| Err(broken()));
        let shares = if count < SHARED_MIN {
            vec![share(0)?]
        } else {
            std::thread::scope(|scope| -> Result<Vec<Share>, CacheError> {
                let builder = std::thread::Builder::new().name("packing".to_owned()).stack_size(stack_bytes);
                let second = builder.spawn_scoped(scope, || share(1));
                let first = share(0);
                // Where there is no second thread, the first has done it all.
                let second = second.map_or(Ok(Ok((Vec::new(), Vec::new()))), |second| second.join());
                let second = second.unwrap_or_else(|_| Err(broken()))?;
                Ok(vec![first?, second])
            })?
        };
        let (mut messages, mut buffers) = (Vec::with_capacity(count), Vec::new());
        for (ready, buffer) in shares {
            messages.extend(ready);
            buffers.push(buffer);
        }
        messages.sort_unstable_by_key(|(at, _)| *at);
        let messages: Vec<Ready> = messages.into_iter().map(|(_, ready)| ready).collect();
        let names: Vec<blob::Name> = messages
            .iter()
            .filter_map(|(_, packed)| match packed {
                Some(Packed::Blob(name)) => Some(*name),
                _ => None,
            })
            .collect();
        blob::sync(&recovery::blob_dir(&self.dir), &names)?;
        Ok(PackedBatch { mailbox, messages, buffers })
    }

    /// Stores messages that are packed, and with them the mailbox state, as one: all of it or nothing. Durable when it returns. Of a message that is
    /// stored twice, the later call counts.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn put_packed(&self, batch: PackedBatch, state: Option<MailboxState>) -> Result<(), CacheError> {
        let PackedBatch { mailbox, messages, buffers } = batch;
        let bytes: usize = buffers.iter().map(Vec::len).sum();
        let _writer = self.begin(mailbox, bytes as u64)?;
        let mut changes = Changes::with(state);
        let starts = self.put_records(&buffers, &mut changes)?;
        drop(buffers);
        let mut by_page: BTreeMap<u32, Vec<Ready>> = BTreeMap::new();
        for message in messages {
            by_page.entry(page::number(message.0.uid)).or_default().push(message);
        }
        // The newest come first: the lowest page is the one that the next batch begins in.
        for (number, messages) in by_page.into_iter().rev() {
            let mut pages = self.pages(mailbox, number, &mut changes)?;
            for (mut summary, raw) in messages {
                let uid = summary.uid;
                let had_raw = pages.flags.flags(uid).is_some_and(|(_, has_raw)| has_raw);
                let has_new = raw.is_some();
                if let Some(packed) = raw {
                    let place = self.named(&packed, &starts)?;
                    self.put_raw(MessageKey { mailbox, uid }, place, &mut pages.places, &mut changes)?;
                }
                summary.clip();
                pages.flags.set(uid, &summary.flags, had_raw || has_new);
                pages.rows.insert(uid, summary);
            }
            self.seal_rows(mailbox, number, pages.rows, &mut changes)?;
            self.seal_flags(mailbox, number, &pages.flags, &mut changes)?;
            self.seal_places(mailbox, number, &pages.places, &mut changes)?;
        }
        self.commit(mailbox, changes)
    }
}
