//! Size and digest of what a part holds, its transfer encoding undone. Pure.

use std::io::{self, Write};
use std::ops::Range;

use sha2::{Digest as _, Sha256};

use super::message::Encoding;
use super::transfer::Decoder;

/// What a part holds, without holding it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Weight {
    /// Its bytes.
    pub bytes: u64,
    /// Its digest (SHA-256, hexadecimal).
    pub sha256: String,
    /// The encoding was malformed somewhere.
    pub is_damaged: bool,
}

/// Takes what is to be weighed.
#[derive(Debug, Default)]
pub(crate) struct Scales {
    bytes: u64,
    digest: Sha256,
}

impl Scales {
    /// What was taken weighs so much.
    pub(crate) fn weight(self, is_damaged: bool) -> Weight {
        Weight { bytes: self.bytes, sha256: hex::encode(self.digest.finalize()), is_damaged }
    }
}

impl Write for Scales {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes = self.bytes.saturating_add(bytes.len() as u64);
        self.digest.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What passes and may be the body of a part.
#[derive(Debug)]
pub(super) struct Weighing {
    from: u64,
    taken: u64,
    decoder: Decoder,
    scales: Scales,
    /// The last bytes, two at most: a line break before a delimiter is the delimiter's (RFC 2046 §5.1.1).
    held: Vec<u8>,
}

impl Weighing {
    /// One that begins here in its message.
    pub(super) fn new(from: u64, encoding: Encoding) -> Self {
        Self { from, taken: 0, decoder: Decoder::new(encoding), scales: Scales::default(), held: Vec::new() }
    }

    /// Takes what follows.
    pub(super) fn take(&mut self, bytes: &[u8]) {
        self.taken = self.taken.saturating_add(bytes.len() as u64);
        let over = self.held.len().saturating_add(bytes.len()).saturating_sub(2);
        let of_held = over.min(self.held.len());
        let before: Vec<u8> = self.held.drain(..of_held).collect();
        self.put(&before);
        let (now, last) = bytes.split_at_checked(over.saturating_sub(of_held)).unwrap_or((bytes, &[]));
        self.put(now);
        self.held.extend_from_slice(last);
    }

    fn put(&mut self, bytes: &[u8]) {
        // Scales refuse nothing.
        let _ = self.decoder.take(bytes, &mut self.scales);
    }

    /// Where it stood and what it weighs; `last`: with the line break at its end.
    pub(super) fn end(mut self, last: bool) -> (Range<u64>, Weight) {
        let held = std::mem::take(&mut self.held);
        let body = match held.strip_suffix(b"\n") {
            Some(line) if !last => line.strip_suffix(b"\r").unwrap_or(line),
            _ => &*held,
        };
        self.put(body);
        let to = self.from.saturating_add(self.taken).saturating_sub(held.len().saturating_sub(body.len()) as u64);
        let Self { from, decoder, mut scales, .. } = self;
        let is_damaged = decoder.end(&mut scales).unwrap_or(true);
        (from..to, scales.weight(is_damaged))
    }
}
