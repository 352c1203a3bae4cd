//! A message read from where it is kept. A large one is never held as a whole: it is passed over once for its outline and its digest, once more for the
//! digests of what it holds, and read again by whoever wants a part of it.
//!
//! What is encrypted is decrypted into a sealed spool ([`crate::store::spool`]), what is signed is verified as a stream ([`crate::pgp::large`]). A message that
//! cannot be told from its outline (a text of more than 256 kB in it, a block of OpenPGP in such a text) is held as a whole.

use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::core::{EngineError, Stores};
use super::inside::{self, Held, Place, Sniffed, Sniffer};
use super::reading::{Look, Reading};
use crate::mail::display::{self, AttachmentInfo};
use crate::mail::id::MessageKey;
use crate::mail::message::Part;
use crate::mail::outline::{Outline, Outliner};
use crate::mail::weight::Scales;
use crate::pgp::file::{self, OpenedFile};
use crate::pgp::keyring::Keyring;
use crate::pgp::large::{Laid, Lies, Sink, Source};
use crate::pgp::open::Terms;
use crate::register::record::Digest;

/// A message beyond this is held at most once: what is inside it goes into a spool.
const HELD_MAX: usize = 16 << 20;
/// What [`display`] says of an attachment that is not whole.
const DAMAGED: &str = "damaged-attachment";
/// Bytes between two calls of whoever watches.
const TICK: u64 = 1 << 20;

/// A message that is here.
#[derive(Clone)]
pub(crate) enum Kept {
    /// Its bytes.
    Here(Arc<[u8]>),
    /// In a file of its own.
    Apart(Arc<Stores>, MessageKey),
    /// Its bytes, of which there are too many for what is inside them to be held, too.
    Large(Arc<Stores>, Arc<[u8]>),
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
        Ok(stores.raw(key)?.map(|raw| Self::held(stores, raw.into())))
    }

    /// As [`Self::of`], of the cache alone: what is kept out of reach is not here.
    ///
    /// # Errors
    /// The cache cannot be read.
    pub(crate) fn in_cache(stores: &Arc<Stores>, key: MessageKey) -> Result<Option<Self>, EngineError> {
        if stores.cache.is_apart(key)? {
            return Ok(Some(Self::Apart(Arc::clone(stores), key)));
        }
        Ok(stores.cache.raw(key)?.map(|raw| Self::held(stores, raw.into())))
    }

    /// A message that somebody holds.
    pub(crate) fn held(stores: &Arc<Stores>, raw: Arc<[u8]>) -> Self {
        if raw.len() > HELD_MAX { Self::Large(Arc::clone(stores), raw) } else { Self::Here(raw) }
    }

    /// Whether it had a file of its own that is here no longer: reading it met damage, which costs it.
    pub(crate) fn is_lost(&self) -> bool {
        matches!(self, Self::Apart(stores, key) if stores.cache.is_apart(*key).is_ok_and(|is_apart| !is_apart))
    }

    /// Where what is inside it is spooled; `None` where that is held.
    fn stores(&self) -> Option<&Arc<Stores>> {
        match self {
            Self::Here(_) => None,
            Self::Apart(stores, _) | Self::Large(stores, _) => Some(stores),
        }
    }

    /// Opens it from its beginning.
    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        match self {
            Self::Here(raw) | Self::Large(_, raw) => Ok(Box::new(&**raw)),
            Self::Apart(stores, key) => {
                let reader = stores.cache.raw_reader(*key).map_err(io::Error::other)?;
                Ok(reader.ok_or_else(|| io::Error::other("the message is not here any more"))?)
            }
        }
    }

    /// Writes it, piece by piece.
    ///
    /// # Errors
    /// What the taker says; it cannot be read.
    pub(crate) fn write(&self, to: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::Here(raw) | Self::Large(_, raw) => to.write_all(raw),
            Self::Apart(..) => io::copy(&mut self.open()?, to).map(drop),
        }
    }

    /// All of it.
    ///
    /// # Errors
    /// It cannot be read.
    pub(crate) fn whole(&self) -> io::Result<Arc<[u8]>> {
        match self {
            Self::Here(raw) | Self::Large(_, raw) => Ok(Arc::clone(raw)),
            Self::Apart(..) => {
                let mut raw = Vec::new();
                self.open()?.read_to_end(&mut raw)?;
                Ok(raw.into())
            }
        }
    }
}

impl Source for Kept {
    fn open(&self, at: u64) -> io::Result<Box<dyn Read + Send + '_>> {
        let mut reader = Kept::open(self)?;
        io::copy(&mut reader.by_ref().take(at), &mut io::sink())?;
        Ok(reader)
    }
}

impl Source for crate::store::spool::Spool {
    fn open(&self, at: u64) -> io::Result<Box<dyn Read + Send + '_>> {
        Ok(Box::new(Self::open(self, at)?))
    }
}

/// A spool that is being filled, watched.
struct Filling<'a> {
    writer: crate::store::spool::Writer,
    meter: Meter<'a>,
}

impl Write for Filling<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.writer.write(bytes)?;
        self.meter.count(count)?;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink for Filling<'_> {
    fn finish(self: Box<Self>) -> io::Result<Arc<dyn Source>> {
        Ok(Arc::new(self.writer.finish()?))
    }
}

/// What makes spools, watched.
fn spooler<'a>(stores: &'a Stores, tick: Tick<'a>) -> impl Fn() -> io::Result<Box<dyn Sink + 'a>> + 'a {
    move || Ok(Box::new(Filling { writer: stores.cache.spool()?, meter: Meter::new(tick) }))
}

/// Why a message that is here could not be read.
pub(crate) fn unreadable(error: &io::Error) -> EngineError {
    let words = format!("the message could not be opened: {error}");
    if error.kind() == io::ErrorKind::StorageFull { EngineError::Place(words) } else { EngineError::BadData(words) }
}

/// Called while something large is read or written, with the bytes since the last call; an error ends it.
pub(crate) type Tick<'a> = &'a (dyn Fn(u64) -> io::Result<()> + Sync);

/// What is learned of a message while its bytes pass, so that it need not be read again for that.
#[derive(Debug)]
pub(crate) struct Passing {
    outliner: Outliner,
    digest: Sha256,
}

impl Default for Passing {
    fn default() -> Self {
        Self { outliner: Outliner::weighing(), digest: Sha256::new() }
    }
}

impl Passing {
    /// Takes the next piece.
    pub(crate) fn take(&mut self, piece: &[u8]) {
        self.outliner.take(piece);
        self.digest.update(piece);
    }

    /// All of it has passed.
    pub(crate) fn end(self) -> Passed {
        Passed { outline: self.outliner.end(), digest: Digest(self.digest.finalize().into()) }
    }
}

/// What was learned of a message while it passed.
#[derive(Debug)]
pub(crate) struct Passed {
    /// `None`: it has to be held.
    outline: Option<Outline>,
    /// Of the message as the server has it.
    digest: Digest,
}

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
    laid: Option<Laid>,
}

impl Streamed {
    /// Reads a message; foreign bytes want a deep stack.
    ///
    /// # Errors
    /// It cannot be read from where it is kept, or whoever watches ends it.
    pub(crate) fn read(kept: Kept, look: &Look<'_>, tick: Tick<'_>) -> io::Result<Self> {
        Self::read_passed(kept, None, look, tick)
    }

    /// The same of one of which this is known already.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub(crate) fn read_passed(kept: Kept, passed: Option<Passed>, look: &Look<'_>, tick: Tick<'_>) -> io::Result<Self> {
        // What is held need not be what passed: of it, everything is said by itself.
        let Some(stores) = kept.stores() else { return Self::whole(kept, None, look) };
        let Passed { outline, digest } = match passed {
            Some(passed) => passed,
            None => Self::pass(&kept, tick)?,
        };
        if let Some(outline) = outline
            && let Some(streamed) = Self::outlined(&kept, outline, digest, stores, look, tick)?
        {
            return Ok(streamed);
        }
        Self::whole(kept, Some(digest), look)
    }

    /// Passes over a message once.
    fn pass(kept: &Kept, tick: Tick<'_>) -> io::Result<Passed> {
        let (mut digest, mut meter) = (Sha256::new(), Meter::new(tick));
        let outline = Outliner::weighing().read(&mut kept.open()?, &mut |piece| {
            digest.update(piece);
            meter.count(piece.len())
        })?;
        Ok(Passed { outline, digest: Digest(digest.finalize().into()) })
    }

    /// A message of the cache; `None` where it is not here, or cannot be read.
    pub(crate) fn in_cache(stores: &Arc<Stores>, key: MessageKey, look: &Look<'_>) -> Option<Self> {
        let kept = Kept::in_cache(stores, key).ok().flatten()?;
        Self::read(kept, look, &|_| Ok(())).ok()
    }

    /// Reads a message that is held then.
    fn whole(kept: Kept, digest: Option<Digest>, look: &Look<'_>) -> io::Result<Self> {
        let raw = kept.whole()?;
        let (digest, bytes) = (digest.unwrap_or_else(|| Digest::of(&raw)), raw.len() as u64);
        Ok(Self { kept: Kept::Here(Arc::clone(&raw)), reading: look.at(&raw), digest, bytes, laid: None })
    }

    /// As an outline, where that says everything.
    fn outlined(
        kept: &Kept,
        outline: Outline,
        digest: Digest,
        stores: &Stores,
        look: &Look<'_>,
        tick: Tick<'_>,
    ) -> io::Result<Option<Self>> {
        let bytes = outline.bytes();
        let lies = Lies::new(outline, Arc::new(kept.clone()));
        let Some((mut reading, laid)) = look.at_large(&lies, &spooler(stores, tick))? else { return Ok(None) };
        reading.digest = Some(digest);
        let parts = laid.lies().outline().message().parts();
        let cut = |place: usize| !laid.lies().is_whole(place);
        // A text is shown, and searched for links: it is wanted whole.
        if reading.body.sections.iter().any(|one| cut(one.part)) {
            return Ok(None);
        }
        let tape = Tape::new(Some(&laid));
        let mut damaged = false;
        for (place, part) in parts.iter().enumerate().filter(|(_, part)| !part.is_multipart()) {
            let info = reading.body.attachments.iter_mut().find(|info| info.part == place);
            if !cut(place) {
                let shown = &reading.opened.shown;
                let part = shown.parts().get(place).filter(|_| info.is_some());
                damaged |= part.is_some_and(|part| display::weigh(shown, part).is_damaged);
                continue;
            }
            let weight = match laid.lies().outline().weight(part) {
                Some(weight) => weight.clone(),
                None => {
                    let mut scales = Watched { scales: Scales::default(), meter: Meter::new(tick) };
                    let is_damaged = tape.write(&laid, part, &mut scales)?;
                    scales.scales.weight(is_damaged)
                }
            };
            if let Some(info) = info {
                damaged |= weight.is_damaged;
                (info.bytes, info.sha256) = (weight.bytes, weight.sha256.clone());
            }
            reading.weights.insert(place, (weight.bytes, weight.sha256));
        }
        drop(tape);
        let mut streamed = Self { kept: kept.clone(), reading: Some(reading), digest, bytes, laid: Some(laid) };
        streamed.hold_packages(tick)?;
        let Some(reading) = &mut streamed.reading else { return Ok(None) };
        // What is told of a part whose end is not held is not said of its end.
        reading.body.warnings.retain(|code| *code != DAMAGED || damaged);
        if damaged && !reading.body.warnings.contains(&DAMAGED) {
            reading.body.warnings.push(DAMAGED);
        }
        Ok(Some(streamed))
    }

    /// Takes in what holds other files, in an attached message, too: each file in one is a document, and may be out of reach. What is too large for that
    /// is told as such.
    fn hold_packages(&mut self, tick: Tick<'_>) -> io::Result<()> {
        let Some(reading) = &self.reading else { return Ok(()) };
        let (mut held, mut room) = (Vec::new(), crate::look::BYTES_MAX);
        // One after the other, without beginning anew for each.
        let mut tape = self.tape();
        for (place, part) in reading.opened.shown.parts().iter().enumerate() {
            if !part.children.is_empty() || reading.opened.is_whole(place) {
                continue;
            }
            let name = part.name.as_deref().unwrap_or_default();
            let Some(mut sniffer) = Sniffer::new(name, &part.media_type, room) else { continue };
            let written = self.write_content(&tape, place, &mut sniffer);
            if written.is_err() {
                // That no more is wanted is no failure; it begins anew behind that.
                tape = self.tape();
                if !sniffer.is_done() {
                    written?;
                }
            }
            tick(0)?;
            match sniffer.end() {
                Sniffed::Nothing => {}
                Sniffed::Package(content) => {
                    room = room.saturating_sub(content.len());
                    held.push((place, Held::Package(content)));
                }
                Sniffed::Zip(holds) => held.push((place, Held::Zip(holds))),
                Sniffed::Large => held.push((place, Held::Large)),
            }
        }
        drop(tape);
        if let Some(reading) = &mut self.reading {
            reading.packages.extend(held);
        }
        Ok(())
    }

    /// The bytes of the file of a place and content in an attachment: a part of what is shown, or held.
    ///
    /// # Errors
    /// They cannot be taken.
    pub(crate) fn inner(&self, one: &AttachmentInfo, path: &str, sha256: &str) -> io::Result<Option<InnerContent>> {
        let Some(reading) = &self.reading else { return Ok(None) };
        // A part of an attached message has the number of that before its own.
        let parts = reading.opened.shown.parts();
        let place = parts.iter().position(|part| part.path == path.replace('/', "."));
        if let Some(place) = place.filter(|place| reading.weight(*place).1 == sha256) {
            return Ok(Some(InnerContent::Part(place)));
        }
        let mut found = None;
        inside::walk(reading, one, &mut |inner| {
            if found.is_none() && inner.is(path, sha256) {
                found = Some(match inner.place() {
                    Place::Part(place) => InnerContent::Part(place),
                    Place::Held => {
                        let mut content = Vec::new();
                        inner.write(&mut content)?;
                        InnerContent::Held(content)
                    }
                });
            }
            Ok::<(), io::Error>(())
        })?;
        Ok(found)
    }

    /// Whether it is read from where it is kept each time.
    pub(crate) fn is_large(&self) -> bool {
        self.laid.is_some()
    }

    /// What a part of what is shown holds: no more than `most` bytes of it.
    ///
    /// # Errors
    /// It cannot be read.
    pub(crate) fn content(&self, place: usize, most: usize) -> io::Result<Vec<u8>> {
        let mut taker = Taker { content: Vec::new(), most };
        match self.write_content(&self.tape(), place, &mut taker) {
            Err(error) if taker.content.len() < most => Err(error),
            _ => Ok(taker.content),
        }
    }

    /// Opens a part that is an encrypted file; `None` if it is none.
    ///
    /// # Errors
    /// It cannot be read, what is in it not be kept, or whoever watches ends it.
    pub(crate) fn open_file(
        &self,
        place: usize,
        keyring: &Keyring,
        terms: &Terms<'_>,
        tick: Tick<'_>,
    ) -> io::Result<Option<OpenedFile>> {
        let Some(reading) = &self.reading else { return Ok(None) };
        match self.laid.as_ref().zip(self.kept.stores()) {
            Some((laid, stores)) => {
                file::open_file_of(&reading.opened, laid, &spooler(stores, tick), place, keyring, terms)
            }
            None => Ok(file::open_file(&reading.opened, place, keyring, terms)),
        }
    }

    /// Writes it as the server has it.
    ///
    /// # Errors
    /// What the taker says; it cannot be read.
    pub(crate) fn write_raw(&self, to: &mut dyn Write) -> io::Result<()> {
        self.kept.write(to)
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
        Tape::new(self.laid.as_ref())
    }

    /// Writes what a part of what is shown holds.
    ///
    /// # Errors
    /// What the taker says; it cannot be read.
    pub(crate) fn write_content(&self, tape: &Tape<'_>, place: usize, to: &mut dyn Write) -> io::Result<()> {
        let Some(reading) = &self.reading else { return Ok(()) };
        let shown = &reading.opened.shown;
        let cut = self.laid.as_ref().filter(|laid| !laid.lies().is_whole(place));
        let part = cut.and_then(|laid| laid.lies().outline().message().parts().get(place));
        match (cut.zip(part), shown.parts().get(place)) {
            (Some((laid, part)), _) => tape.write(laid, part, to).map(drop),
            (None, Some(part)) => shown.write_content(part, to).map(drop),
            (None, None) => Ok(()),
        }
    }

    /// Writes the message that is shown: without its encryption.
    ///
    /// # Errors
    /// What the taker says; it cannot be read.
    pub(crate) fn write_shown(&self, to: &mut dyn Write) -> io::Result<()> {
        match (&self.laid, &self.reading) {
            (Some(laid), _) => laid.write(to),
            (None, Some(reading)) => to.write_all(reading.opened.shown.raw()),
            (None, None) => Ok(()),
        }
    }
}

/// The bytes of a file in an attachment.
pub(crate) enum InnerContent {
    /// What this part of what is shown holds.
    Part(usize),
    /// These.
    Held(Vec<u8>),
}

/// Takes so many bytes, and no more.
struct Taker {
    content: Vec<u8>,
    most: usize,
}

impl Write for Taker {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (taken, _) = bytes.split_at(bytes.len().min(self.most - self.content.len()));
        self.content.extend_from_slice(taken);
        if taken.is_empty() && !bytes.is_empty() {
            return Err(io::Error::other("more than is wanted"));
        }
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A stream of a message that goes on from where it is; asked for what lies behind it, it begins anew.
pub(crate) struct Tape<'a> {
    now: RefCell<Option<(Box<dyn Read + Send + 'a>, u64)>>,
    laid: Option<&'a Laid>,
}

impl<'a> Tape<'a> {
    fn new(laid: Option<&'a Laid>) -> Self {
        Self { now: RefCell::new(None), laid }
    }

    /// Writes what a part holds; whether it is damaged.
    fn write(&self, laid: &Laid, part: &Part, to: &mut dyn Write) -> io::Result<bool> {
        let outline = laid.lies().outline();
        let range = outline.range(part);
        let before = self.now.borrow_mut().take().filter(|(_, at)| *at <= range.start);
        let Some(mine) = self.laid else { return outline.write_content(part, &mut laid.lies().open(range.start)?, to) };
        let (mut reader, at) = match before {
            Some(before) => before,
            None => (mine.lies().open(range.start)?, range.start),
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

/// Scales, watched.
struct Watched<'a> {
    scales: Scales,
    meter: Meter<'a>,
}

impl Write for Watched<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.meter.count(bytes.len())?;
        self.scales.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
