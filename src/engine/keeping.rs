//! Keeping the index: written beside everything else when nothing has changed for a while, and at the end.
//!
//! While the program runs, a task asks the core for one part after another, a millisecond or two each, and gives up when something changes meanwhile:
//! the parts of a list must be of one moment. What is not kept is read from the cache's pages at the next start, because these count
//! their changes; nothing depends on it.
//!
//! What a screen shows first is kept by itself as well ([`super::library::head`]): a hundred kilobytes, as soon as it has been calm for a second, so that a
//! start after a kill has its first rows at once although the list is older. While mail comes in batch after batch none is written: the next batch would
//! make it one of before. A command that has synced keeps the head alone where little has changed, because a long list takes a second to write.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::core::{Core, CoreHandle, EngineError, Open, Stores};
use super::library::head::Outside;

/// Quiet before the list is kept.
const QUIET: Duration = Duration::from_secs(20);

/// Calm before its head is.
const CALM: Duration = Duration::from_secs(1);
/// Pages of the cache that a start reads beside the list without anybody noticing: while no more have changed, a command leaves the list as it is.
const FEW_PAGES: usize = 8;

/// When the list is to be kept.
#[derive(Debug, Default)]
pub(crate) struct Due {
    at: Option<Instant>,
    head_at: Option<Instant>,
    under_way: bool,
}

impl Due {
    /// Something changed: not before it has been quiet for a while.
    pub(crate) fn put_off(&mut self) {
        let now = Instant::now();
        (self.at, self.head_at) = (Some(now + QUIET), Some(now + CALM));
    }

    /// The register has grown: the head is one of before, whether or not lists show anything of it.
    pub(crate) fn put_off_head(&mut self) {
        self.head_at = Some(Instant::now() + CALM);
    }

    /// When the core is to look.
    pub(crate) fn due(&self) -> Option<Instant> {
        let list = self.at.filter(|_| !self.under_way);
        list.into_iter().chain(self.head_at).min()
    }
}

/// Whether there is something to keep.
fn is_news(open: &Open) -> bool {
    open.loaded && open.kept_version != Some(open.library.version())
}

/// Whether the head that was kept last is one of before, and one of today can be made.
fn is_news_of_head(open: &Open) -> bool {
    let outside = outside(open);
    open.loaded && outside.register != 0 && open.kept_head != Some((open.library.version(), outside))
}

/// What lists go by beside the cache. What the register says is what the lists go by, unless it has changed in the meantime.
fn outside(open: &Open) -> Outside {
    let known = open.library.book().as_of;
    let register = open.register.now(|loaded| (loaded.ends(), known == Some(loaded.changes())));
    Outside { waiting: open.changes.digest(), register: register.filter(|(_, same)| *same).map_or(0, |(ends, _)| ends) }
}

impl Core {
    /// Begins to keep the list, or its head, where it is time.
    pub(crate) fn keep_when_due(&mut self) {
        let now = Instant::now();
        if self.settings.lazy {
            return;
        }
        if self.keeping.head_at.is_some_and(|at| at <= now) {
            self.keeping.head_at = None;
            self.keep_head();
        }
        if self.keeping.under_way || self.keeping.at.is_none_or(|at| at > now) {
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
                    Ok(Some((version, outside))) => core.with(number, |_, open| {
                        (open.kept_version, open.kept_head) = (Some(version), Some((version, outside)));
                    }),
                    // Something changed meanwhile: later.
                    Ok(None) => core.keeping.put_off(),
                    Err(error) => tracing::info!(%error, "the list was not kept"),
                }
            });
        });
    }

    /// Keeps the head of the list, made here in some milliseconds and written elsewhere.
    fn keep_head(&mut self) {
        let Some(open) = self.open.as_mut().filter(|open| is_news_of_head(open)) else { return };
        open.library.settle();
        let outside = outside(open);
        let Some(part) = open.library.head_part(outside) else { return };
        open.kept_head = Some((open.library.version(), outside));
        let stores = Arc::clone(&open.stores);
        self.runtime.spawn_blocking(move || {
            if let Err(error) = stores.cache.keep_head(&part) {
                tracing::info!(%error, "the head of the list was not kept");
            }
        });
    }
}

/// Keeps the list part by part; gives the version that was kept and what its head goes by, or nothing where it has become another one.
fn keep(core: &CoreHandle, number: u64, stores: &Stores) -> Result<Option<(u64, Outside)>, EngineError> {
    let (version, outside, parts) = core.ask_stores(|_, open| {
        open.library.settle();
        (open.library.version(), outside(open), open.library.kept_parts())
    })?;
    let mut writer = stores.cache.keep_list()?;
    for at in 0..parts {
        let part = core.ask_stores(move |_, open| {
            let same = open.number == number && open.library.version() == version && !open.library.is_stale();
            same.then(|| open.library.kept_part(at, outside)).flatten()
        })?;
        let Some(part) = part else { return Ok(None) };
        writer.add(&part)?;
    }
    let octets = writer.finish()?;
    tracing::debug!(octets, "the list is kept");
    Ok(Some((version, outside)))
}

/// Keeps the list at once: the profile is being locked, or the program ends. A command (`lazy`) keeps the head alone where that is enough.
pub(crate) fn keep_now(open: &mut Open, lazy: bool) {
    if !is_news(open) && !is_news_of_head(open) {
        return;
    }
    open.library.settle();
    let (outside, list) = (outside(open), is_news(open));
    let is_enough = !list || lazy && outside.register != 0 && open.behind.is_some_and(|pages| pages <= FEW_PAGES);
    let keep = || -> Result<(), EngineError> {
        let lost = || std::io::Error::other("the list has no such part");
        if is_enough {
            return Ok(open.stores.cache.keep_head(&open.library.head_part(outside).ok_or_else(lost)?)?);
        }
        let mut writer = open.stores.cache.keep_list()?;
        for at in 0..open.library.kept_parts() {
            writer.add(&open.library.kept_part(at, outside).ok_or_else(lost)?)?;
        }
        writer.finish()?;
        Ok(())
    };
    if let Err(error) = keep() {
        tracing::info!(%error, "the list was not kept");
    }
}
