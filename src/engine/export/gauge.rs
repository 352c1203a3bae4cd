//! How far an export is, and whether anybody still wants it.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::export::ExportError;

/// Bytes between two calls of whoever is told.
const TICK: u64 = 1 << 20;

/// How far it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Messages done.
    pub done: usize,
    /// Of so many.
    pub of: usize,
    /// Documents that were written, or found written already.
    pub documents: usize,
    /// Bytes that were written.
    pub bytes: u64,
    /// Of the message at hand, where it is large: bytes that were written, and how many there will be.
    pub part: Option<(u64, u64)>,
}

impl Progress {
    /// The share that is done, from 0 to 1.
    #[must_use]
    pub fn share(&self) -> f64 {
        let part = self.part.map_or(0.0, |(done, of)| if of == 0 { 0.0 } else { (done as f64 / of as f64).min(1.0) });
        if self.of == 0 { 0.0 } else { ((self.done as f64 + part) / self.of as f64).min(1.0) }
    }
}

/// Called after each message, and within large ones; `false` ends the export.
pub type Told<'a> = &'a (dyn Fn(Progress) -> bool + Sync);

/// Counts, and tells.
pub(super) struct Gauge<'a> {
    told: Told<'a>,
    now: Mutex<(Progress, u64)>,
    stopped: AtomicBool,
}

impl<'a> Gauge<'a> {
    pub(super) fn new(of: usize, told: Told<'a>) -> Self {
        let now = Progress { of, ..Progress::default() };
        Self { told, now: Mutex::new((now, 0)), stopped: AtomicBool::new(false) }
    }

    fn change(&self, change: impl FnOnce(&mut Progress, &mut u64) -> bool) -> io::Result<()> {
        let (now, is_told) = {
            let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
            let (progress, since) = &mut *now;
            let is_told = change(progress, since);
            (*progress, is_told)
        };
        if self.stopped.load(Ordering::Relaxed) || (is_told && !(self.told)(now)) {
            self.stopped.store(true, Ordering::Relaxed);
            return Err(io::Error::other(ExportError::Stopped));
        }
        Ok(())
    }

    /// A large message begins: so many bytes will be written of it.
    pub(super) fn begin(&self, bytes: u64) -> io::Result<()> {
        self.change(|now, _| {
            now.part = Some((0, bytes));
            false
        })
    }

    /// So many bytes were written.
    pub(super) fn count(&self, bytes: u64) -> io::Result<()> {
        self.change(|now, since| {
            now.bytes = now.bytes.saturating_add(bytes);
            if let Some((done, _)) = &mut now.part {
                *done = done.saturating_add(bytes);
            }
            *since = since.saturating_add(bytes);
            let is_told = bytes == 0 || *since >= TICK;
            if is_told {
                *since = 0;
            }
            is_told
        })
    }

    /// A message is done, with so many documents in all.
    pub(super) fn done(&self, documents: usize) -> Result<(), ExportError> {
        let told = self.change(|now, _| {
            (now.done, now.documents, now.part) = (now.done.saturating_add(1), documents, None);
            true
        });
        told.map_err(|_| ExportError::Stopped)
    }

    /// An error, or that somebody does not want it any more, which looks like one where it is met.
    pub(super) fn or_stopped(&self, error: ExportError) -> ExportError {
        if self.stopped.load(Ordering::Relaxed) { ExportError::Stopped } else { error }
    }

    /// What is written to `to` is counted.
    pub(super) fn over<'w>(&'w self, to: &'w mut dyn Write) -> impl Write + 'w {
        Counting { to, gauge: self }
    }
}

struct Counting<'w, 'a> {
    to: &'w mut dyn Write,
    gauge: &'w Gauge<'a>,
}

impl Write for Counting<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.to.write(bytes)?;
        self.gauge.count(count as u64)?;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::{Gauge, Progress};
    use crate::export::ExportError;

    #[test]
    fn it_tells_within_what_is_large_and_ends_where_nobody_wants_it() {
        let (calls, share) = (AtomicUsize::new(0), std::sync::Mutex::new(0.0));
        let told = |now: Progress| {
            *share.lock().unwrap() = now.share();
            calls.fetch_add(1, Ordering::Relaxed) < 2
        };
        let gauge = Gauge::new(2, &told);
        gauge.begin(4 << 20).unwrap();
        let (mut sink, piece) = (std::io::sink(), vec![0; 1 << 20]);
        let mut counted = gauge.over(&mut sink);
        counted.write_all(&piece).unwrap();
        counted.write_all(&piece).unwrap();
        assert!((*share.lock().unwrap() - 0.25).abs() < 1e-9, "half of the first of two");
        assert!(counted.write_all(&piece).is_err());
        drop(counted);
        let error = gauge.or_stopped(ExportError::at("a.pdf", "no room"));
        assert!(matches!(error, ExportError::Stopped), "{error}");
        assert!(gauge.done(1).is_err(), "what was stopped stays so");
        assert_eq!(calls.load(Ordering::Relaxed), 3, "and asks no more");
    }
}
