//! Messages that are not held as a whole (RFC 3156 with a recording in it): the same opening as in [`super::open`], over streams.
//!
//! A ciphertext is read from where it lies; what comes out goes into a sink of the caller's, which seals it, and is given to nobody before
//! its end was reached and checked. From then on an outline of it is held, and its parts are read again from there. A signature is verified
//! over a stream of what it covers. Where an outline does not say enough, nothing is opened so: the caller holds the message then.

use std::cell::{Cell, RefCell};
use std::io::{self, Read, Write};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use zeroize::Zeroizing;

use super::decrypt::{self, Decrypted, decrypt_stream};
use super::keyring::Keyring;
use super::open::{Opened, Terms, Work};
use super::verdict::Checked;
use super::verify;
use crate::mail::outline::{Outline, Outliner};

/// Bytes that are read at once.
const PIECE: usize = 64 << 10;

/// Where bytes lie that can be read any number of times.
pub trait Source: Send + Sync {
    /// Reads from a place on.
    ///
    /// # Errors
    /// As the system says.
    fn open(&self, at: u64) -> io::Result<Box<dyn Read + Send + '_>>;
}

/// Takes a plaintext that is not checked yet. Dropped without its end, it keeps nothing.
pub trait Sink: Write {
    /// All of it came, and is what was encrypted.
    ///
    /// # Errors
    /// As the system says.
    fn finish(self: Box<Self>) -> io::Result<Arc<dyn Source>>;
}

/// What came out of a ciphertext, whole and checked.
#[derive(Clone)]
pub enum Plain {
    /// Its bytes.
    Held(Zeroizing<Vec<u8>>),
    /// Where they lie, and how many there are.
    Lying(Arc<dyn Source>, u64),
}

impl std::fmt::Debug for Plain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plain").field("bytes", &self.bytes()).finish_non_exhaustive()
    }
}

impl Plain {
    /// How many bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        match self {
            Self::Held(bytes) => bytes.len() as u64,
            Self::Lying(_, bytes) => *bytes,
        }
    }

    /// Reads them from their beginning.
    ///
    /// # Errors
    /// As the system says.
    pub fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        Ok(match self {
            Self::Held(bytes) => Box::new(bytes.as_slice()),
            Self::Lying(source, bytes) => Box::new(Stretch { from: source.open(0)?, left: *bytes }),
        })
    }

    /// Writes them.
    ///
    /// # Errors
    /// What the taker says; they cannot be read.
    pub fn write(&self, to: &mut dyn Write) -> io::Result<()> {
        copy(self.open()?, to)
    }
}

/// Copies all of a stream, piece by piece.
fn copy(mut from: impl Read, to: &mut dyn Write) -> io::Result<()> {
    let mut piece = Zeroizing::new(vec![0; PIECE]);
    loop {
        let count = from.read(&mut piece)?;
        match piece.get(..count).filter(|piece| !piece.is_empty()) {
            Some(piece) => to.write_all(piece)?,
            None => return Ok(()),
        }
    }
}

/// Makes a sink.
pub type Spool<'a, 's> = &'a (dyn Fn() -> io::Result<Box<dyn Sink + 's>> + 's);

/// A message, or a MIME entity, of which an outline is held, and where all of it lies.
#[derive(Clone)]
pub struct Lies {
    outline: Outline,
    source: Arc<dyn Source>,
    base: u64,
}

impl std::fmt::Debug for Lies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lies").field("bytes", &self.outline.bytes()).finish_non_exhaustive()
    }
}

impl Lies {
    /// A message that fills its source.
    #[must_use]
    pub fn new(outline: Outline, source: Arc<dyn Source>) -> Self {
        Self { outline, source, base: 0 }
    }

    /// Its outline.
    #[must_use]
    pub fn outline(&self) -> &Outline {
        &self.outline
    }

    /// Reads it from a place on; the end of what is read may lie behind its own.
    ///
    /// # Errors
    /// As the system says.
    pub fn open(&self, at: u64) -> io::Result<Box<dyn Read + Send + '_>> {
        self.source.open(self.base.saturating_add(at))
    }

    /// Reads a stretch of it.
    fn stretch(&self, range: Range<u64>) -> io::Result<Stretch<'_>> {
        Ok(Stretch { from: self.open(range.start)?, left: range.end.saturating_sub(range.start) })
    }

    /// What a part holds, transfer encoding undone.
    ///
    /// # Errors
    /// As the system says.
    pub fn content(&self, place: usize) -> io::Result<Box<dyn Read + Send + '_>> {
        let Some(part) = self.outline.message().parts().get(place) else { return Ok(Box::new(io::empty())) };
        let from = self.stretch(self.outline.range(part))?;
        Ok(Box::new(self.outline.content(part, from)))
    }

    /// The size of a part as it travels.
    fn size(&self, place: usize) -> u64 {
        let range = self.outline.message().parts().get(place).map(|part| self.outline.range(part)).unwrap_or_default();
        range.end.saturating_sub(range.start)
    }

    /// Whether all of a part is held.
    #[must_use]
    pub fn is_whole(&self, place: usize) -> bool {
        self.outline.message().parts().get(place).is_none_or(|part| self.outline.is_whole(part))
    }

    /// A part as an entity of its own, header and body. `None`: its outline does not say enough.
    fn below(&self, place: usize) -> io::Result<Option<Self>> {
        let Some(part) = self.outline.message().parts().get(place) else { return Ok(None) };
        let range = self.outline.raw_range(part);
        let outline = Outliner::default().read(&mut self.stretch(range.clone())?, &mut |_| Ok(()))?;
        let base = self.base.saturating_add(range.start);
        Ok(outline.map(|outline| Self { outline, source: Arc::clone(&self.source), base }))
    }
}

/// A stretch of a stream; that it ends early is an error.
struct Stretch<'a> {
    from: Box<dyn Read + Send + 'a>,
    left: u64,
}

impl Read for Stretch<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let room = usize::try_from(self.left).unwrap_or(usize::MAX).min(into.len());
        // Asked for nothing, a stream that unpacks says that it gets nowhere.
        if room == 0 {
            return Ok(0);
        }
        let count = self.from.read(into.get_mut(..room).unwrap_or_default())?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left = self.left.saturating_sub(count as u64);
        Ok(count)
    }
}

/// A stretch of what is shown.
#[derive(Clone, Debug)]
pub(super) enum Piece {
    /// Written for it.
    Bytes(Vec<u8>),
    /// Of what an entity holds.
    Held(Range<usize>),
}

/// What is shown of a message that is not held: its parts are those of [`Opened::shown`], in their places.
#[derive(Clone, Debug)]
pub struct Laid {
    lies: Lies,
    pieces: Vec<Piece>,
}

impl Laid {
    /// A message that is shown as it came.
    #[must_use]
    pub fn plain(lies: Lies) -> Self {
        Self { lies, pieces: Vec::new() }
    }

    /// Where it lies.
    #[must_use]
    pub fn lies(&self) -> &Lies {
        &self.lies
    }

    /// Writes all of the message that is shown.
    ///
    /// # Errors
    /// What the taker says; as the system says.
    pub fn write(&self, to: &mut dyn Write) -> io::Result<()> {
        if self.pieces.is_empty() {
            return copy(self.lies.stretch(0..self.lies.outline.bytes())?, to);
        }
        for piece in &self.pieces {
            match piece {
                Piece::Bytes(bytes) => to.write_all(bytes)?,
                Piece::Held(range) => copy(self.lies.stretch(self.lies.outline.span(range))?, to)?,
            }
        }
        Ok(())
    }
}

/// Decrypts a part that is a file of its own into a sink: what came of it, and what was in it once all of that was checked.
pub(super) fn decrypt_file(
    lies: &Lies,
    place: usize,
    spool: Spool<'_, '_>,
    keyring: &Keyring,
    terms: &Terms<'_>,
) -> io::Result<(decrypt::Outcome, Option<Plain>)> {
    let (mut sink, mut bytes) = (spool()?, 0_u64);
    let mut take = |piece: &[u8]| {
        bytes = bytes.saturating_add(piece.len() as u64);
        sink.write_all(piece)
    };
    let open = || lies.content(place);
    let outcome = decrypt_stream(&open, lies.size(place), &mut take, keyring, terms.now, terms.may_decrypt)?;
    if !matches!(outcome.decrypted, Decrypted::Plain(_)) {
        return Ok((outcome, None));
    }
    let source = sink.finish()?;
    Ok((outcome, Some(Plain::Lying(source, bytes))))
}

/// What opening over streams needs, and what stood in its way.
pub(super) struct Large<'a, 's> {
    root: &'a Lies,
    spool: Spool<'a, 's>,
    trouble: RefCell<Option<io::Error>>,
    unfit: Cell<bool>,
}

impl<'a> Large<'a, '_> {
    pub(super) fn root(&self) -> &'a Lies {
        self.root
    }

    /// An outline does not say enough.
    pub(super) fn give_up(&self) {
        self.unfit.set(true);
    }

    fn or_trouble<T>(&self, done: io::Result<T>) -> Option<T> {
        done.map_err(|error| self.trouble.replace(Some(error))).ok()
    }

    /// Decrypts a part into a sink: what comes out, once all of it was checked.
    pub(super) fn decrypt(
        &self,
        lies: &Lies,
        place: usize,
        keyring: &Keyring,
        terms: &Terms<'_>,
    ) -> Option<(decrypt::Outcome, Option<Lies>)> {
        let mut sink = self.or_trouble((self.spool)())?;
        let mut outliner = Outliner::weighing();
        let mut take = |piece: &[u8]| {
            outliner.take(piece);
            sink.write_all(piece)
        };
        let open = || lies.content(place);
        let outcome = decrypt_stream(&open, lies.size(place), &mut take, keyring, terms.now, terms.may_decrypt);
        let outcome = self.or_trouble(outcome)?;
        if !matches!(outcome.decrypted, Decrypted::Plain(_)) {
            return Some((outcome, None));
        }
        let source = self.or_trouble(sink.finish())?;
        let Some(outline) = outliner.end() else {
            self.give_up();
            return None;
        };
        Some((outcome, Some(Lies::new(outline, source))))
    }

    /// Verifies a signature over a part (RFC 3156 §5).
    pub(super) fn verify(
        &self,
        lies: &Lies,
        content: usize,
        signature: usize,
        keyring: &Keyring,
        terms: &Terms<'_>,
    ) -> Option<Vec<Checked>> {
        let parts = lies.outline.message().parts();
        let (covered, signature) = (parts.get(content)?, parts.get(signature)?);
        if !lies.outline.is_whole(signature) {
            return Some(vec![verify::malformed()]);
        }
        let signature = lies.outline.message().content(signature);
        let data = self.or_trouble(lies.stretch(lies.outline.raw_range(covered)))?;
        self.or_trouble(verify::detached_stream(&signature, Crlf::new(data), keyring, terms.now))
    }

    /// A part as an entity of its own.
    pub(super) fn below(&self, lies: &Lies, place: usize) -> Option<Lies> {
        let below = self.or_trouble(lies.below(place))?;
        if below.is_none() {
            self.give_up();
        }
        below
    }
}

/// Opens a message that is not held. `None`: its outline does not say enough, and it has to be held.
///
/// # Errors
/// It cannot be read, or its plaintext not be kept.
pub fn open_large(
    lies: &Lies,
    spool: Spool<'_, '_>,
    keyring: &Keyring,
    terms: &Terms<'_>,
) -> io::Result<Option<(Opened, Laid)>> {
    let large = Large { root: lies, spool, trouble: RefCell::new(None), unfit: Cell::new(false) };
    let (mut opened, laid) = Work::new(lies.outline.message(), keyring, terms, Some(&large)).open();
    if let Some(error) = large.trouble.take() {
        return Err(error);
    }
    let laid = laid.map(|(lies, pieces)| Laid { lies, pieces }).unwrap_or_else(|| Laid::plain(lies.clone()));
    let parts = laid.lies.outline.message().parts();
    let is_same = opened.shown.parts().len() == parts.len();
    opened.cut = (0..parts.len()).filter(|place| !laid.lies.is_whole(*place)).collect();
    // What a signature inside a text covers is told by the whole of it.
    let is_cut_short = parts.iter().any(|part| {
        let holds_block =
            || memchr::memmem::find(laid.lies.outline.message().raw_body(part), b"-----BEGIN PGP").is_some();
        part.media_type.starts_with("text/") && !laid.lies.outline.is_whole(part) && holds_block()
    });
    Ok((!large.unfit.get() && is_same && !is_cut_short).then_some((opened, laid)))
}

/// Line ends made canonical on the way, as [`super::protect::crlf`] does it.
struct Crlf<R> {
    from: R,
    piece: Vec<u8>,
    held: usize,
    at: usize,
    last: u8,
}

impl<R: Read> Crlf<R> {
    fn new(from: R) -> Self {
        Self { from, piece: vec![0; PIECE], held: 0, at: 0, last: 0 }
    }
}

impl<R: Read> Read for Crlf<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut written = 0;
        while let Some(room) = into.get_mut(written) {
            if self.at == self.held {
                if written > 0 {
                    break;
                }
                (self.held, self.at) = (self.from.read(&mut self.piece)?, 0);
            }
            let Some(&byte) = self.piece.get(..self.held).and_then(|held| held.get(self.at)) else { break };
            if byte == b'\n' && self.last != b'\r' {
                (*room, self.last) = (b'\r', b'\r');
            } else {
                (*room, self.last) = (byte, byte);
                self.at += 1;
            }
            written += 1;
        }
        Ok(written)
    }
}

/// Remembers that reading failed: what the library makes of it looks like a ciphertext that was altered.
#[derive(Clone, Default)]
pub(super) struct Trouble(Arc<Mutex<Option<io::Error>>>);

impl Trouble {
    /// Keeps an error, and gives one in its place.
    pub(super) fn note(&self, error: io::Error) -> io::Error {
        let kind = error.kind();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        kind.into()
    }

    /// The first one.
    pub(super) fn check(&self) -> io::Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take().map_or(Ok(()), Err)
    }
}

/// A stream as the library wants it.
pub(super) struct Watched<'a> {
    from: Mutex<Box<dyn Read + Send + 'a>>,
    trouble: Trouble,
}

impl<'a> Watched<'a> {
    pub(super) fn new(from: impl Read + Send + 'a, trouble: &Trouble) -> Self {
        Self { from: Mutex::new(Box::new(from)), trouble: trouble.clone() }
    }
}

impl Read for Watched<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let from = self.from.get_mut().unwrap_or_else(PoisonError::into_inner);
        from.read(into).map_err(|error| self.trouble.note(error))
    }
}

#[cfg(test)]
mod tests;
