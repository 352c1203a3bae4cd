//! Keeping the packs small: what is dead is given back, what is sealed under older keys is sealed anew, what schema 1 kept in sled is moved.
//!
//! All of it goes on beside readers and writers, a few megabytes at a time. Records are copied to the newest segment and are on the disk
//! there before one transaction names them; the old segment is removed when nothing names it any more. A crash at any moment leaves every
//! message readable where it was or where it is, and bytes that the next opening removes.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::sync::atomic::Ordering;

use super::raw::{FORMER_EPOCH, Former, Packed, Packer, former};
use super::write::Changes;
use super::{Cache, CacheError, Segment, key, number_of, recovery};
use crate::mail::id::{MailboxId, MessageKey};
use crate::store::blob;
use crate::store::pack::HEADER;
use crate::store::page;
use crate::store::place::{Place, PlacePage, Span};
use crate::store::space;

/// Bytes of records that are moved in one transaction.
const STEP_BYTES: usize = if cfg!(test) { 1 << 20 } else { 4 << 20 };
/// Messages of schema 1 that are moved in one transaction.
const STEP_MESSAGES: usize = 256;

/// What has been done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tidied {
    /// Messages that were moved.
    pub messages: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Segments that were removed.
    pub segments: u64,
    /// It was told to stop before it was done.
    pub stopped: bool,
}

/// Which segments are worth rewriting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thrift {
    /// Those that are half dead: what is done by itself.
    Half,
    /// Those with a twentieth of dead bytes, the newest one, too: what is done on demand.
    Much,
}

/// A message that is to lie elsewhere.
struct Move {
    uid: u32,
    from: From,
    to: Packed,
}

/// Where it lies now.
enum From {
    Place(Place),
    /// In its row, as schema 1 kept it.
    Row,
}

/// Moves of one step, by page, with the buffer that the new records are in.
#[derive(Default)]
struct Step {
    moves: BTreeMap<(MailboxId, u32), Vec<Move>>,
    messages: usize,
}

impl Cache {
    /// Whether [`Cache::tidy`] has something to do.
    #[must_use]
    pub fn is_untidy(&self) -> bool {
        self.has_former() || !self.victims(Thrift::Half).is_empty()
    }

    /// Gives dead bytes back and brings everything to the newest form and keys. `go_on` is asked between steps, with nothing locked, and told how
    /// much is done.
    ///
    /// # Errors
    /// [`CacheError`]; everything is readable then, and the rest can be done another time.
    pub fn tidy(&self, thrift: Thrift, go_on: &mut dyn FnMut(&Tidied) -> bool) -> Result<Tidied, CacheError> {
        let mut done = Tidied::default();
        while self.has_former() {
            if !go_on(&done) {
                return Ok(Tidied { stopped: true, ..done });
            }
            self.move_former(&mut done)?;
        }
        let victims = {
            // Under the lock: whoever has appended to one of them has named it, too, before it is looked for.
            let _writer = self.lock();
            let victims = self.victims(thrift);
            self.closing.lock().unwrap_or_else(std::sync::PoisonError::into_inner).extend(&victims);
            victims
        };
        let old_blobs = self.blob_sealers.len() > 1;
        if victims.is_empty() && !old_blobs {
            return Ok(done);
        }
        let outcome = self.rewrite(&victims, &mut done, go_on);
        self.closing.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clear();
        outcome?;
        if !done.stopped {
            let _writer = self.lock();
            for victim in victims {
                done.segments += 1;
                self.drop_segment(victim)?;
            }
        }
        Ok(done)
    }

    /// Nothing is sealed under keys older than the newest.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn is_of_one_epoch(&self) -> Result<bool, CacheError> {
        if self.has_former()
            || self.rows_epoch != self.epoch
            || self.segments().values().any(|segment| segment.epoch != self.epoch)
        {
            return Ok(false);
        }
        for row in &self.place.tree {
            let (key, value) = row?;
            let plain = self.place.sealer.open(&self.place.place(&key), &value).ok();
            let places = plain.and_then(|plain| PlacePage::unpack(&plain).ok()).unwrap_or_default();
            if places.iter(0).any(|(_, place)| matches!(place, Place::Blob { epoch, .. } if epoch != self.epoch)) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn victims(&self, thrift: Thrift) -> BTreeSet<u32> {
        let segments = self.segments();
        let newest = segments.keys().next_back().copied();
        let is_victim = |number: u32, segment: &Segment| {
            let share = match thrift {
                Thrift::Half => 2,
                Thrift::Much => 20,
            };
            let is_dead = segment.dead > 0 && segment.dead.saturating_mul(share) >= segment.length;
            segment.epoch != self.epoch || (is_dead && (thrift == Thrift::Much || newest != Some(number)))
        };
        segments.iter().filter(|(number, segment)| is_victim(**number, segment)).map(|(number, _)| *number).collect()
    }

    /// Moves what lives in the victims, and blobs of older keys, page by page.
    fn rewrite(
        &self,
        victims: &BTreeSet<u32>,
        done: &mut Tidied,
        go_on: &mut dyn FnMut(&Tidied) -> bool,
    ) -> Result<(), CacheError> {
        let mut packer = Packer::new(self, 0)?;
        let mut step = Step::default();
        let mut from: Option<sled::IVec> = None;
        loop {
            let next = match &from {
                None => self.place.tree.iter().next(),
                Some(key) => {
                    let behind = (std::ops::Bound::Excluded(key.clone()), std::ops::Bound::<sled::IVec>::Unbounded);
                    self.place.tree.range(behind).next()
                }
            };
            let Some(row) = next else { break };
            let (row_key, value) = row?;
            let number = number_of(&row_key).unwrap_or_default();
            let mailbox = row_key.first_chunk::<4>().map(|bytes| MailboxId(u32::from_be_bytes(*bytes)));
            let places = self.place.sealer.open(&self.place.place(&row_key), &value).ok();
            let places = places.and_then(|plain| PlacePage::unpack(&plain).ok());
            match (mailbox, places) {
                (Some(mailbox), Some(places)) => {
                    let wanted: Vec<(u32, Place)> =
                        places.iter(number).filter(|(_, place)| self.is_to_move(place, victims)).collect();
                    for (uid, place) in wanted {
                        self.plan(MessageKey { mailbox, uid }, place, &mut packer, &mut step)?;
                        if packer.buffer.len() >= STEP_BYTES {
                            self.take_step(&mut packer, &mut step, done)?;
                            if !go_on(done) {
                                done.stopped = true;
                                return Ok(());
                            }
                        }
                    }
                }
                (Some(mailbox), None) => self.lose(mailbox, page::uids(number), "places")?,
                (None, _) => {}
            }
            from = Some(row_key);
        }
        self.take_step(&mut packer, &mut step, done)
    }

    fn is_to_move(&self, place: &Place, victims: &BTreeSet<u32>) -> bool {
        match place {
            Place::Pack(span) => victims.contains(&span.segment),
            Place::Blob { epoch, .. } => *epoch != self.epoch,
        }
    }

    /// Copies one message to the buffer or to a file of its own. One that does not open is lost here and fetched again.
    fn plan(
        &self,
        message: MessageKey,
        place: Place,
        packer: &mut Packer<'_>,
        step: &mut Step,
    ) -> Result<(), CacheError> {
        let to = match place {
            Place::Pack(span) => self.copy_record(message, span, packer),
            Place::Blob { name, epoch } => self.copy_blob(&name, epoch),
        };
        match to {
            Ok(to) => {
                let page = (message.mailbox, page::number(message.uid));
                step.moves.entry(page).or_default().push(Move { uid: message.uid, from: From::Place(place), to });
                step.messages += 1;
                Ok(())
            }
            Err(error) if matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::NotFound) => {
                // It may have gone, or been replaced, since the page was read.
                let now = self.places(message.mailbox, page::number(message.uid))?.flatten();
                match now.and_then(|now| now.get(message.uid)) {
                    Some(now) if now == place => self.lose(message.mailbox, message.uid..=message.uid, "message"),
                    _ => Ok(()),
                }
            }
            Err(error) => Err(error.into()),
        }
    }

    fn copy_record(&self, message: MessageKey, span: Span, packer: &mut Packer<'_>) -> std::io::Result<Packed> {
        let uid_validity = self.mailbox(message.mailbox).ok().flatten().ok_or(ErrorKind::NotFound)?.uid_validity;
        let frame = self.record(message, span)?;
        Ok(packer.seal(uid_validity, message, &frame))
    }

    fn copy_blob(&self, name: &blob::Name, epoch: u32) -> std::io::Result<Packed> {
        let mut reader = self.blob_reader(name, epoch)?;
        let sealer = self.blob_sealers.get(&self.epoch).ok_or(ErrorKind::InvalidData)?;
        let fresh = blob::fresh_name();
        blob::write(&recovery::blob_dir(&self.dir), &fresh, sealer, &mut reader)?;
        Ok(Packed::Blob(fresh))
    }

    /// Appends the records and names them, where the message still lies where it was copied from.
    fn take_step(&self, packer: &mut Packer<'_>, step: &mut Step, done: &mut Tidied) -> Result<(), CacheError> {
        let step = std::mem::take(step);
        let buffer = std::mem::take(&mut packer.buffer);
        if step.moves.is_empty() {
            return Ok(());
        }
        // No room is no reason to lose anything: it is tidied another time.
        space::check(&self.dir, self.space.batch_bytes / 4 + buffer.len() as u64)?;
        let bytes = buffer.len() as u64;
        let _writer = self.lock();
        let mut changes = Changes::default();
        let starts = self.put_records(&[buffer], &mut changes)?;
        for ((mailbox, number), moves) in step.moves {
            let there = self.mailbox(mailbox)?.is_some();
            let mut places = self.places(mailbox, number)?.flatten().unwrap_or_default();
            let flags = self.flags.read(&key(mailbox, number))?.flatten();
            let flags = flags.and_then(|plain| page::FlagsPage::unpack(&plain).ok()).unwrap_or_default();
            for Move { uid, from, to } in moves {
                let message = MessageKey { mailbox, uid };
                let place = match (&from, &to) {
                    (From::Row, Packed::Blob(name)) => Place::Blob { name: *name, epoch: FORMER_EPOCH },
                    _ => self.named(&to, &starts)?,
                };
                let is_held = there && flags.flags(uid).is_some_and(|(_, has_raw)| has_raw);
                let still = match from {
                    From::Place(old) => {
                        let still = places.get(uid) == Some(old);
                        if still {
                            places.remove(uid);
                            self.leave(old, &mut changes);
                        }
                        still
                    }
                    From::Row => {
                        changes.raw.remove(&key(message.mailbox, uid));
                        self.raw.tree.contains_key(key(message.mailbox, uid))? && places.get(uid).is_none()
                    }
                };
                // What is gone meanwhile leaves its copy behind, dead.
                match place {
                    place if !still || !is_held => self.leave(place, &mut changes),
                    place => {
                        if let Place::Blob { name, .. } = place {
                            changes.blob.insert(&name, b"");
                        }
                        places.set(uid, place);
                    }
                }
            }
            self.seal_places(mailbox, number, &places, &mut changes)?;
        }
        self.apply(changes)?;
        done.messages += step.messages as u64;
        done.bytes += bytes;
        Ok(())
    }

    /// Moves some of the raw messages of schema 1 to the packs.
    fn move_former(&self, done: &mut Tidied) -> Result<(), CacheError> {
        let mut packer = Packer::new(self, 0)?;
        let mut step = Step::default();
        let mut rows = 0;
        for row in &self.raw.tree {
            let (row_key, value) = row?;
            rows += 1;
            let mailbox = row_key.first_chunk::<4>().map(|bytes| MailboxId(u32::from_be_bytes(*bytes)));
            let (Some(mailbox), Some(uid)) = (mailbox, number_of(&row_key)) else { continue };
            let message = MessageKey { mailbox, uid };
            let known = self.mailbox(mailbox)?;
            let plain = self.raw.sealer.open(&self.raw.place(&row_key), &value).ok();
            let (Some(known), Some(former)) = (known, plain.and_then(|plain| former(&plain))) else {
                self.lose(mailbox, uid..=uid, "message")?;
                let _writer = self.lock();
                self.raw.tree.remove(row_key)?;
                continue;
            };
            let to = match former {
                Former::Here(frame) => packer.seal(known.uid_validity, message, &frame),
                Former::Blob(name) => Packed::Blob(name),
            };
            let page = (mailbox, page::number(uid));
            step.moves.entry(page).or_default().push(Move { uid, from: From::Row, to });
            step.messages += 1;
            if step.messages >= STEP_MESSAGES || packer.buffer.len() >= STEP_BYTES {
                break;
            }
        }
        if rows == 0 {
            // The room that they took in sled is given back when the cache is opened next.
            self.db.insert(recovery::SHRINK, b"1")?;
            self.db.flush()?;
            self.former.store(false, Ordering::Release);
            return Ok(());
        }
        self.take_step(&mut packer, &mut step, done)
    }

    /// Removes a segment that nothing names. Only under the writer's lock.
    fn drop_segment(&self, number: u32) -> Result<(), CacheError> {
        if self.segments().remove(&number).is_some() {
            self.pack.remove(number.to_be_bytes())?;
            self.db.flush()?;
            self.packs.remove(number)?;
        }
        Ok(())
    }

    /// Removes what was moved aside because it could not be opened.
    ///
    /// # Errors
    /// As the system says.
    pub fn forget_former(&self) -> Result<(), CacheError> {
        Ok(recovery::remove_aside(&self.dir)?)
    }

    /// Counts the dead bytes anew from the places, which damage can have made unknown.
    ///
    /// # Errors
    /// [`CacheError`].
    pub(super) fn recount(&self) -> Result<(), CacheError> {
        let _writer = self.lock();
        let mut living: BTreeMap<u32, u64> = BTreeMap::new();
        for row in &self.place.tree {
            let (key, value) = row?;
            let plain = self.place.sealer.open(&self.place.place(&key), &value).ok();
            let Some(places) = plain.and_then(|plain| PlacePage::unpack(&plain).ok()) else { continue };
            for (_, place) in places.iter(0) {
                if let Place::Pack(span) = place {
                    *living.entry(span.segment).or_default() += u64::from(span.length);
                }
            }
        }
        let dead = |number: &u32, segment: &Segment| {
            let living = living.get(number).copied().unwrap_or_default();
            segment.length.saturating_sub(HEADER).saturating_sub(living)
        };
        for (number, segment) in self.segments().iter_mut() {
            segment.dead = dead(number, segment);
        }
        Ok(())
    }
}
