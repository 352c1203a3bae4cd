//! Raw messages: how they are packed and sealed, where they are put, how they are read.

use std::io::{ErrorKind, Read};
use std::sync::PoisonError;

use super::{Cache, CacheError, RAW_MAX, Segment, key, recovery};
use crate::mail::id::{MailboxId, MessageKey};
use crate::store::blob;
use crate::store::pack::{HEADER, SEGMENT_BYTES};
use crate::store::page;
use crate::store::place::{Place, PlacePage, Span};
use crate::store::spool;
use crate::store::vault::Sealer;

/// Compressed messages beyond this go to a file of their own: it can be streamed, and is given back at once when it goes.
const PACKED_MAX: usize = 1 << 20;
/// Of raw messages: level 3 takes twice the time and gains a three-hundredth on mail, most of whose bytes are base64.
const LEVEL: i32 = 1;
/// The tags of a raw message in the form of before the packs: in the row, or in a file of its own.
const INLINE: u8 = 0;
const BLOB: u8 = 1;
/// What they are sealed under: new keys are begun only when none of them is left.
pub(super) const FORMER_EPOCH: u32 = 0;

/// A raw message, compressed and sealed.
pub(super) enum Packed {
    /// To be appended to the segment: where it begins in the batch's buffer, and how long it is.
    Record {
        /// Which of the buffers.
        buffer: usize,
        /// Its first byte there.
        at: usize,
        /// Bytes.
        length: usize,
    },
    /// In a file of its own, which is not synced yet.
    Blob(blob::Name),
}

/// A raw message as it was kept before the packs.
pub(super) enum Former {
    /// A zstd frame in the row.
    Here(Vec<u8>),
    /// A file.
    Blob(blob::Name),
}

/// Reads the plaintext of a row of before the packs.
pub(super) fn former(plain: &[u8]) -> Option<Former> {
    let (tag, rest) = plain.split_first()?;
    match *tag {
        INLINE => Some(Former::Here(rest.to_vec())),
        BLOB => rest.try_into().ok().map(Former::Blob),
        _ => None,
    }
}

/// Unpacks a zstd frame that says its size.
pub(super) fn unpack(frame: &[u8]) -> Option<Vec<u8>> {
    let size = zstd::zstd_safe::get_frame_content_size(frame).ok().flatten()?;
    let size = usize::try_from(size).ok().filter(|size| *size <= RAW_MAX)?;
    zstd::bulk::decompress(frame, size).ok()
}

/// Packs and seals raw messages one after the other into one buffer.
pub(super) struct Packer<'a> {
    cache: &'a Cache,
    sealer: &'a Sealer,
    number: usize,
    // One for all: making one costs more than compressing a small message.
    zstd: zstd::bulk::Compressor<'static>,
    pub(super) buffer: Vec<u8>,
}

impl<'a> Packer<'a> {
    /// `number`: which of the batch's buffers this fills.
    pub(super) fn new(cache: &'a Cache, number: usize) -> Result<Self, CacheError> {
        let sealer = cache.pack_sealer(cache.epoch).ok_or_else(|| std::io::Error::other("no key"))?;
        Ok(Self { cache, sealer, number, zstd: zstd::bulk::Compressor::new(LEVEL)?, buffer: Vec::new() })
    }

    /// Packs a message, or puts it into a file of its own where it is too large.
    pub(super) fn pack(&mut self, uid_validity: u32, message: MessageKey, raw: &[u8]) -> Result<Packed, CacheError> {
        let at = Sealer::begin(&mut self.buffer);
        let frame = self.buffer.len();
        self.buffer.resize(frame.saturating_add(zstd::zstd_safe::compress_bound(raw.len())), 0);
        let written = match self.buffer.get_mut(frame..) {
            Some(room) => self.zstd.compress_to_buffer(raw, room)?,
            None => 0,
        };
        if written > PACKED_MAX {
            self.buffer.truncate(at);
            let name = blob::fresh_name();
            let dir = recovery::blob_dir(&self.cache.dir);
            blob::write_unsynced(&dir, &name, self.cache.blob_sealer()?, &mut &*raw)?;
            return Ok(Packed::Blob(name));
        }
        self.buffer.truncate(frame.saturating_add(written));
        self.sealer.seal_behind(&record_place(message, uid_validity), &mut self.buffer, at);
        Ok(Packed::Record { buffer: self.number, at, length: self.buffer.len().saturating_sub(at) })
    }

    /// Seals a frame that is packed already.
    pub(super) fn seal(&mut self, uid_validity: u32, message: MessageKey, frame: &[u8]) -> Packed {
        let at = Sealer::begin(&mut self.buffer);
        self.buffer.extend_from_slice(frame);
        self.sealer.seal_behind(&record_place(message, uid_validity), &mut self.buffer, at);
        Packed::Record { buffer: self.number, at, length: self.buffer.len().saturating_sub(at) }
    }
}

/// What a record is sealed for.
pub(super) fn record_place(message: MessageKey, uid_validity: u32) -> Vec<u8> {
    let numbers = [message.mailbox.0, uid_validity, message.uid];
    let mut place = b"pack/1/".to_vec();
    numbers.iter().for_each(|number| place.extend_from_slice(&number.to_be_bytes()));
    place
}

/// Where a raw message is found.
enum Found {
    /// Unpacked.
    Here(Vec<u8>),
    /// A file of its own.
    Blob(blob::Name, u32),
}

/// Reads a file of a message; damage that it meets costs that message.
struct Losing<'a> {
    cache: &'a Cache,
    message: MessageKey,
    name: blob::Name,
    reader: Box<dyn Read + Send>,
}

impl Read for Losing<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let read = self.reader.read(into);
        // Here, where it is met: what stays would be found and not opened for ever, and never be fetched again.
        if read.as_ref().is_err_and(|error| error.kind() == ErrorKind::InvalidData)
            && let Err(error) = self.cache.noting(|| self.cache.lose_blob(self.message, &self.name))
        {
            tracing::warn!(%error, "a damaged message could not be removed");
        }
        read
    }
}

impl Cache {
    /// The sealer of records of an epoch.
    pub(super) fn pack_sealer(&self, epoch: u32) -> Option<&Sealer> {
        self.pack_sealers.get(&epoch)
    }

    /// The sealer of new blobs.
    pub(super) fn blob_sealer(&self) -> Result<&Sealer, CacheError> {
        self.blob_sealers.get(&self.epoch).ok_or_else(|| std::io::Error::other("no key").into())
    }

    /// A whole message as the server sent it. `None`: it is not here, or no longer (see [`Cache::take_damage`]).
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn raw(&self, message: MessageKey) -> Result<Option<Vec<u8>>, CacheError> {
        match self.find(message)? {
            Some(Found::Here(raw)) => Ok(Some(raw)),
            Some(Found::Blob(name, epoch)) => {
                let mut raw = Vec::new();
                let read =
                    self.blob_reader(&name, epoch).and_then(|reader| reader.take(RAW_MAX as u64).read_to_end(&mut raw));
                self.unless_damaged(message, read.map(|_| raw))
            }
            None => Ok(None),
        }
    }

    /// Whether a whole message lies in a file of its own: it is large, and better read by [`Self::raw_reader`].
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn is_apart(&self, message: MessageKey) -> Result<bool, CacheError> {
        let places = self.places(message.mailbox, page::number(message.uid))?;
        let place = places.flatten().and_then(|places| places.get(message.uid));
        Ok(matches!(place, Some(Place::Blob { .. })))
    }

    /// A whole message as a stream: a large one is never held as a whole. An error of kind `InvalidData` while reading means damage: the
    /// message is no longer here then (see [`Cache::take_damage`]).
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn raw_reader(&self, message: MessageKey) -> Result<Option<Box<dyn Read + Send + '_>>, CacheError> {
        match self.find(message)? {
            Some(Found::Here(raw)) => Ok(Some(Box::new(std::io::Cursor::new(raw)))),
            Some(Found::Blob(name, epoch)) => {
                let reader = self.blob_reader(&name, epoch);
                let losing = |reader| Box::new(Losing { cache: self, message, name, reader }) as Box<dyn Read + Send>;
                Ok(self.unless_damaged(message, reader)?.map(losing))
            }
            None => Ok(None),
        }
    }

    /// Begins a spool for a plaintext that is not held: see [`spool`].
    ///
    /// # Errors
    /// `StorageFull`, with words, where there is no room; as the system says.
    pub fn spool(&self) -> std::io::Result<spool::Writer> {
        spool::Writer::create(&recovery::blob_dir(&self.dir), self.space.batch_bytes)
    }

    pub(super) fn blob_reader(&self, name: &blob::Name, epoch: u32) -> std::io::Result<Box<dyn Read + Send>> {
        let sealer = self.blob_sealers.get(&epoch).ok_or(ErrorKind::InvalidData)?;
        blob::read(&recovery::blob_dir(&self.dir), name, sealer)
    }

    /// The places of a page; `Some(None)` where the page does not open.
    pub(super) fn places(&self, mailbox: MailboxId, number: u32) -> Result<Option<Option<PlacePage>>, CacheError> {
        let plain = self.place.read(&key(mailbox, number))?;
        Ok(plain.map(|plain| plain.and_then(|plain| PlacePage::unpack(&plain).ok())))
    }

    fn find(&self, message: MessageKey) -> Result<Option<Found>, CacheError> {
        self.noting(|| self.find_unnoted(message))
    }

    fn find_unnoted(&self, message: MessageKey) -> Result<Option<Found>, CacheError> {
        let mut before = None;
        loop {
            let place = match self.places(message.mailbox, page::number(message.uid))? {
                None => None,
                Some(Some(places)) => places.get(message.uid),
                Some(None) => {
                    self.lose(message.mailbox, page::uids(page::number(message.uid)), "places")?;
                    return Ok(None);
                }
            };
            let span = match place {
                None => return self.find_former(message),
                Some(Place::Blob { name, epoch }) => return Ok(Some(Found::Blob(name, epoch))),
                Some(Place::Pack(span)) => span,
            };
            match self.record(message, span) {
                Ok(frame) => {
                    if let Some(raw) = unpack(&frame) {
                        return Ok(Some(Found::Here(raw)));
                    }
                }
                Err(error) if matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::NotFound) => {}
                Err(error) => return Err(error.into()),
            }
            // It may just have been moved to another segment: a second look tells.
            if before.replace(span) == Some(span) {
                self.lose(message.mailbox, message.uid..=message.uid, "message")?;
                return Ok(None);
            }
        }
    }

    /// The compressed frame of a record.
    ///
    /// # Errors
    /// `InvalidData` where it does not open, `NotFound` where its segment is gone; as the system says.
    pub(super) fn record(&self, message: MessageKey, span: Span) -> std::io::Result<Vec<u8>> {
        let uid_validity = self.mailbox(message.mailbox).ok().flatten().ok_or(ErrorKind::NotFound)?.uid_validity;
        let epoch = self.segments().get(&span.segment).map(|segment| segment.epoch).ok_or(ErrorKind::NotFound)?;
        let sealer = self.pack_sealer(epoch).ok_or(ErrorKind::InvalidData)?;
        let mut sealed = self.packs.read(span)?;
        let opened = sealer.open_within(&record_place(message, uid_validity), &mut sealed);
        let frame = opened.map_err(|_| ErrorKind::InvalidData)?;
        Ok(frame.to_vec())
    }

    /// A message in the form of before the packs, as long as there are any.
    fn find_former(&self, message: MessageKey) -> Result<Option<Found>, CacheError> {
        if !self.has_former() {
            return Ok(None);
        }
        let Some(plain) = self.raw.read(&key(message.mailbox, message.uid))? else { return Ok(None) };
        let found = plain.and_then(|plain| match former(&plain)? {
            Former::Here(frame) => unpack(&frame).map(Found::Here),
            Former::Blob(name) => Some(Found::Blob(name, FORMER_EPOCH)),
        });
        if found.is_none() {
            self.lose(message.mailbox, message.uid..=message.uid, "message")?;
        }
        Ok(found)
    }

    /// Whether a message lies in this file.
    pub(super) fn lies_in(&self, message: MessageKey, file: &blob::Name) -> Result<bool, CacheError> {
        let places = self.places(message.mailbox, page::number(message.uid))?.flatten();
        if let Some(place) = places.and_then(|places| places.get(message.uid)) {
            return Ok(matches!(place, Place::Blob { name, .. } if name == *file));
        }
        if !self.has_former() {
            return Ok(false);
        }
        let plain = self.raw.read(&key(message.mailbox, message.uid))?.flatten();
        Ok(matches!(plain.and_then(|plain| former(&plain)), Some(Former::Blob(name)) if name == *file))
    }

    /// A blob that is gone or damaged costs its message; anything else is told.
    fn unless_damaged<T>(&self, message: MessageKey, read: std::io::Result<T>) -> Result<Option<T>, CacheError> {
        match read {
            Ok(value) => Ok(Some(value)),
            Err(error) if matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::NotFound) => {
                self.lose(message.mailbox, message.uid..=message.uid, "message")?;
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Appends records to the newest segment, or a new one. They are on the disk when this returns; nothing names them yet.
    /// Only under the writer's lock.
    pub(super) fn append(&self, pieces: &[&[u8]]) -> Result<(u32, u64), CacheError> {
        let newest = self.segments().iter().next_back().map(|(number, segment)| (*number, *segment));
        if let Some((number, segment)) = newest
            && segment.epoch == self.epoch
            && segment.length < SEGMENT_BYTES
            && !self.is_closing(number)
        {
            match self.append_to(number, segment.length, pieces) {
                // Somebody has removed the file: its records cost themselves when they are read.
                Err(CacheError::Io(error)) if error.kind() == ErrorKind::NotFound => {}
                other => return other,
            }
        }
        let number = newest.map_or(1, |(number, _)| number.saturating_add(1));
        self.packs.create(number, self.epoch)?;
        self.segments().insert(number, Segment { length: HEADER, dead: 0, epoch: self.epoch });
        self.append_to(number, HEADER, pieces)
    }

    /// The segment is being rewritten: nothing more is put into it.
    fn is_closing(&self, number: u32) -> bool {
        self.closing.lock().unwrap_or_else(PoisonError::into_inner).contains(&number)
    }

    fn append_to(&self, number: u32, offset: u64, pieces: &[&[u8]]) -> Result<(u32, u64), CacheError> {
        let bytes: u64 = pieces.iter().map(|piece| piece.len() as u64).sum();
        let outcome = self.packs.append(number, offset, pieces);
        if let Some(segment) = self.segments().get_mut(&number) {
            // Whatever becomes of it, these bytes are not written again in this process: something may name them already.
            segment.length = offset.saturating_add(bytes);
            if outcome.is_err() {
                segment.dead = segment.dead.saturating_add(bytes);
            }
        }
        outcome?;
        Ok((number, offset))
    }
}
