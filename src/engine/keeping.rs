//! Keeping the index: written beside everything else when nothing has changed for a while, and at the end.
//!
//! While the program runs, a task asks the core for one part after another, a millisecond or two each, and gives up when something changes meanwhile:
//! the parts of a list must be of one moment. What is not kept is read from the cache's pages at the next start, because these count
//! their changes; nothing depends on it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::core::{Core, CoreHandle, EngineError, Open, Stores};

/// Quiet before the list is kept.
const QUIET: Duration = Duration::from_secs(20);

/// When the list is to be kept.
#[derive(Debug, Default)]
pub(crate) struct Due {
    at: Option<Instant>,
    under_way: bool,
}

impl Due {
    /// Something changed: not before it has been quiet for a while.
    pub(crate) fn put_off(&mut self) {
        self.at = Some(Instant::now() + QUIET);
    }

    /// When the core is to look.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.at.filter(|_| !self.under_way)
    }
}

/// Whether there is something to keep.
fn is_news(open: &Open) -> bool {
    open.loaded && open.kept_version != Some(open.library.version())
}

impl Core {
    /// Begins to keep the list, where it is time.
    pub(crate) fn keep_when_due(&mut self) {
        if self.settings.lazy || self.keeping.due().is_none_or(|at| at > Instant::now()) {
            return;
        }
        self.keeping.at = None;
        if let Some(open) = self.open.as_ref() {
            self.record_mail(open);
        }
        if let Some(open) = self.open.take() {
            self.replicate_when_due(&open);
            self.open = Some(open);
        }
        let Some(open) = self.open.as_ref().filter(|open| is_news(open)) else { return };
        self.keeping.under_way = true;
        let (core, number, stores) = (self.handle.clone(), open.number, Arc::clone(&open.stores));
        self.runtime.spawn_blocking(move || {
            let kept = keep(&core, number, &stores);
            drop(stores);
            core.front(move |core| {
                core.keeping.under_way = false;
                match kept {
                    Ok(Some(version)) => core.with(number, |_, open| open.kept_version = Some(version)),
                    // Something changed meanwhile: later.
                    Ok(None) => core.keeping.put_off(),
                    Err(error) => tracing::info!(%error, "the list was not kept"),
                }
            });
        });
    }
}

/// Keeps the list part by part; gives the version that was kept, or nothing where it has become another one.
fn keep(core: &CoreHandle, number: u64, stores: &Stores) -> Result<Option<u64>, EngineError> {
    let (version, parts) = core.ask_stores(|_, open| {
        open.library.settle();
        (open.library.version(), open.library.kept_parts())
    })?;
    let mut writer = stores.cache.keep_list()?;
    for at in 0..parts {
        let part = core.ask_stores(move |_, open| {
            let same = open.number == number && open.library.version() == version && !open.library.is_stale();
            same.then(|| open.library.kept_part(at, || open.changes.digest())).flatten()
        })?;
        let Some(part) = part else { return Ok(None) };
        writer.add(&part)?;
    }
    let octets = writer.finish()?;
    tracing::debug!(octets, "the list is kept");
    Ok(Some(version))
}

/// Keeps the list at once: the profile is being locked, or the program ends.
pub(crate) fn keep_now(open: &mut Open) {
    if !is_news(open) {
        return;
    }
    open.library.settle();
    let keep = || -> Result<u64, EngineError> {
        let mut writer = open.stores.cache.keep_list()?;
        for at in 0..open.library.kept_parts() {
            let part = open.library.kept_part(at, || open.changes.digest());
            let part = part.ok_or_else(|| std::io::Error::other("the list has no such part"))?;
            writer.add(&part)?;
        }
        Ok(writer.finish()?)
    };
    if let Err(error) = keep() {
        tracing::info!(%error, "the list was not kept");
    }
}
