//! A message read from where it is kept. A large one is never held as a whole: it is passed over once for its outline and its digest, once more for the
//! digests of what it holds, and read again by whoever wants a part of it.
//!
//! OpenPGP is about every byte: a message that holds any is held as a whole, and so is one that cannot be told from its outline.

use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::core::{EngineError, Stores};
use super::reading::Reading;
use crate::mail::id::MessageKey;
use crate::mail::message::{Message, Part};
use crate::mail::outline::Outline;
use crate::register::record::Digest;

/// Ends of names of files that OpenPGP or S/MIME has a word on.
const SEALED_ENDS: [&str; 7] = [".asc", ".gpg", ".pgp", ".sig", ".sign", ".p7m", ".p7s"];
/// Bytes between two calls of whoever watches.
const TICK: u64 = 1 << 20;

/// A message that is here.
#[derive(Clone)]
pub(crate) enum Kept {
    /// Its bytes.
    Here(Arc<[u8]>),
    /// In a file of its own.
    Apart(Arc<Stores>, MessageKey),
}

impl Kept {
    /// A message of the stores; `None` where it is not here.
    ///
    /// # Errors
    /// The stores cannot be read.
    pub(crate) fn of(stores: &Arc<Stores>, key: MessageKey) -> Result<Option<Self>, EngineError> {
        if stores.cache.is_apart(key)? {
            return Ok(Some(Self::Apart(Arc::clone(stores), key)));
        }
        Ok(stores.raw(key)?.map(|raw| Self::Here(raw.into())))
    }

    /// Opens it from its beginning.
    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        match self {
            Self::Here(raw) => Ok(Box::new(&**raw)),
            Self::Apart(stores, key) => {
                let reader = stores.cache.raw_reader(*key).map_err(io::Error::other)?;
                Ok(reader.ok_or_else(|| io::Error::other("the message is not here any more"))?)
            }
        }
    }

    /// All of it.
    fn whole(&self) -> io::Result<Arc<[u8]>> {
        match self {
            Self::Here(raw) => Ok(Arc::clone(raw)),
            Self::Apart(..) => {
                let mut raw = Vec::new();
                self.open()?.read_to_end(&mut raw)?;
                Ok(raw.into())
            }
        }
    }
}

/// Called while something large is read or written, with the bytes since the last call; an error ends it.
pub(crate) type Tick<'a> = &'a (dyn Fn(u64) -> io::Result<()> + Sync);

/// A message, read.
pub(crate) struct Streamed {
    kept: Kept,
    /// What a person is shown of it; `None` where it cannot be read. The digests of its attachments are those of all that they hold; the bytes of
    /// what [`Self::is_large`] are not in it.
    pub(crate) reading: Option<Reading>,
    /// Of the message as the server has it.
    pub(crate) digest: Digest,
    /// Its size.
    pub(crate) bytes: u64,
    outline: Option<Outline>,
}

impl Streamed {
    /// Reads a message. `read` makes a reading of bytes; foreign bytes want a deep stack.
    ///
    /// # Errors
    /// It cannot be read from where it is kept, or whoever watches ends it.
    pub(crate) fn read(kept: Kept, read: &dyn Fn(Arc<[u8]>) -> Option<Reading>, tick: Tick<'_>) -> io::Result<Self> {
        if matches!(kept, Kept::Apart(..))
            && let Some(streamed) = Self::outlined(&kept, read, tick)?
        {
            return Ok(streamed);
        }
        let raw = kept.whole()?;
        let (digest, bytes) = (Digest::of(&raw), raw.len() as u64);
        Ok(Self { kept: Kept::Here(Arc::clone(&raw)), reading: read(raw), digest, bytes, outline: None })
    }

    /// As an outline, where that says everything.
    fn outlined(kept: &Kept, read: &dyn Fn(Arc<[u8]>) -> Option<Reading>, tick: Tick<'_>) -> io::Result<Option<Self>> {
        let mut digest = Sha256::new();
        let mut meter = Meter::new(tick);
        let outline = Outline::read(&mut kept.open()?, &mut |piece| {
            digest.update(piece);
            meter.count(piece.len())
        })?;
        let Some(outline) = outline.filter(|outline| !may_hold_openpgp(outline.message())) else { return Ok(None) };
        let Some(mut reading) = read(Arc::from(outline.message().raw())) else { return Ok(None) };
        let report = &reading.opened.report;
        let is_plain = !report.encrypted && report.signature.state == crate::pgp::report::SignatureState::None;
        let is_same = reading.opened.shown.parts().len() == outline.message().parts().len();
        let cut = |place: usize| outline.message().parts().get(place).is_none_or(|part| !outline.is_whole(part));
        // A text is shown, and searched for links: it is wanted whole.
        if !is_plain || !is_same || reading.body.sections.iter().any(|section| cut(section.part)) {
            return Ok(None);
        }
        let tape = Tape::new(kept);
        for info in reading.body.attachments.iter_mut().filter(|info| cut(info.part)) {
            let Some(part) = outline.message().parts().get(info.part) else { continue };
            let mut scales = Scales { bytes: 0, digest: Sha256::new(), meter: Meter::new(tick) };
            tape.write(&outline, part, &mut scales)?;
            (info.bytes, info.sha256) = (scales.bytes, hex::encode(scales.digest.finalize()));
        }
        let (digest, bytes) = (Digest(digest.finalize().into()), outline.bytes());
        drop(tape);
        Ok(Some(Self { kept: kept.clone(), reading: Some(reading), digest, bytes, outline: Some(outline) }))
    }

    /// Whether it is read from where it is kept each time.
    pub(crate) fn is_large(&self) -> bool {
        self.outline.is_some()
    }

    /// Writes it as the server has it.
    ///
    /// # Errors
    /// What the taker says; it cannot be read.
    pub(crate) fn write_raw(&self, to: &mut dyn Write) -> io::Result<()> {
        match &self.kept {
            Kept::Here(raw) => to.write_all(raw),
            Kept::Apart(..) => io::copy(&mut self.kept.open()?, to).map(drop),
        }
    }

    /// Opens it from its beginning, as the server has it.
    ///
    /// # Errors
    /// It cannot be read.
    pub(crate) fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        self.kept.open()
    }

    /// Its parts, to be written one after the other: each is found without beginning anew, as long as they are asked for in their order.
    pub(crate) fn tape(&self) -> Tape<'_> {
        Tape::new(&self.kept)
    }

    /// Writes what a part of what is shown holds.
    ///
    /// # Errors
    /// What the taker says; it cannot be read.
    pub(crate) fn write_content(&self, tape: &Tape<'_>, place: usize, to: &mut dyn Write) -> io::Result<()> {
        let Some(reading) = &self.reading else { return Ok(()) };
        let shown = &reading.opened.shown;
        let kept = self.outline.as_ref().and_then(|outline| Some((outline, outline.message().parts().get(place)?)));
        match (kept, shown.parts().get(place)) {
            (Some((outline, part)), _) if !outline.is_whole(part) => tape.write(outline, part, to).map(drop),
            (_, Some(part)) => shown.write_content(part, to).map(drop),
            (_, None) => Ok(()),
        }
    }
}

/// Whether anything in a message may be signed or encrypted.
fn may_hold_openpgp(message: &Message) -> bool {
    let sealed = |part: &Part| {
        let kind = part.media_type.as_str();
        let typed = ["multipart/signed", "multipart/encrypted", "application/pgp", "application/pkcs7"];
        let name = part.name.as_deref().map(str::to_ascii_lowercase).unwrap_or_default();
        typed.iter().any(|start| kind.starts_with(start))
            || kind.starts_with("application/x-pkcs7")
            || SEALED_ENDS.iter().any(|end| name.ends_with(end))
    };
    memchr::memmem::find(message.raw(), b"-----BEGIN PGP").is_some() || message.parts().iter().any(sealed)
}

/// A stream of a message that goes on from where it is; asked for what lies behind it, it begins anew.
pub(crate) struct Tape<'a> {
    kept: &'a Kept,
    now: RefCell<Option<(Box<dyn Read + Send + 'a>, u64)>>,
}

impl<'a> Tape<'a> {
    fn new(kept: &'a Kept) -> Self {
        Self { kept, now: RefCell::new(None) }
    }

    /// Writes what a part holds; whether it is damaged.
    fn write(&self, outline: &Outline, part: &Part, to: &mut dyn Write) -> io::Result<bool> {
        let range = outline.range(part);
        let before = self.now.borrow_mut().take().filter(|(_, at)| *at <= range.start);
        let (mut reader, at) = match before {
            Some(before) => before,
            None => (self.kept.open()?, 0),
        };
        let between = range.start - at;
        if io::copy(&mut reader.by_ref().take(between), &mut io::sink())? < between {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let damaged = outline.write_content(part, &mut reader, to)?;
        *self.now.borrow_mut() = Some((reader, range.end));
        Ok(damaged)
    }
}

/// Tells whoever watches, now and then.
struct Meter<'a> {
    tick: Tick<'a>,
    since: u64,
}

impl<'a> Meter<'a> {
    fn new(tick: Tick<'a>) -> Self {
        Self { tick, since: 0 }
    }

    fn count(&mut self, bytes: usize) -> io::Result<()> {
        self.since = self.since.saturating_add(bytes as u64);
        if self.since >= TICK {
            // Read, not written: it is no progress that is counted.
            self.since = 0;
            (self.tick)(0)?;
        }
        Ok(())
    }
}

/// Size and digest of what is written to it.
struct Scales<'a> {
    bytes: u64,
    digest: Sha256,
    meter: Meter<'a>,
}

impl Write for Scales<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes = self.bytes.saturating_add(bytes.len() as u64);
        self.digest.update(bytes);
        self.meter.count(bytes.len())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
