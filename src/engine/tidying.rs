//! Keeping the cache small while the user works: one thread that gives dead bytes back and moves what a former version left, a few
//! megabytes at a time, has copies of idle cases let go of, tells of damaged records that were met, and has a cache that broke while in use made anew.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::core::{CoreHandle, Stores};
use crate::app::view::Tone;
use crate::store::cache::Thrift;

/// Before the first look: what the user waits for comes first.
const BEGIN: Duration = Duration::from_millis(300);
/// Between two looks whether the cache still works.
const LOOK: Duration = Duration::from_secs(2);
/// Looks between two tidyings.
const LOOKS: u32 = 15;
/// The look at which idle cases are looked for first, and looks between two such times: after half a minute, then every hour.
const IDLE: (u32, u32) = (15, 1_800);
/// Between two steps, so that the disk is free for others most of the time.
const REST: Duration = Duration::from_millis(40);

/// The thread. Ends when it is told to, or dropped.
pub(crate) struct Tidying {
    stop: Arc<Stop>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Stop {
    told: Mutex<bool>,
    bell: Condvar,
}

impl Stop {
    /// Waits; says whether it was told to end.
    fn wait(&self, time: Duration) -> bool {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = self.bell.wait_timeout_while(told, time, |told| !*told);
        *outcome.unwrap_or_else(PoisonError::into_inner).0
    }

    fn tell(&self) {
        *self.told.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.bell.notify_all();
    }
}

impl Tidying {
    /// Starts the thread. `rekeying`: a change of keys was begun and is to be finished.
    pub(crate) fn start(stores: Arc<Stores>, core: CoreHandle, number: u64, rekeying: bool) -> std::io::Result<Self> {
        let stop = Arc::new(Stop::default());
        let told = Arc::clone(&stop);
        let thread = std::thread::Builder::new().name("tidying".to_owned()).spawn(move || {
            let (mut pause, mut rekeying, mut looks) = (BEGIN, rekeying, 0_u32);
            while !told.wait(pause) {
                pause = LOOK;
                if stores.cache.is_broken() {
                    core.front(move |core| core.rebuild_cache(number));
                    return;
                }
                let is_due = looks.is_multiple_of(LOOKS);
                if looks % IDLE.1 == IDLE.0 {
                    core.front_of(number, |core, open| drop(core.purge_when_due(open)));
                }
                looks = looks.wrapping_add(1);
                if is_due && (stores.cache.is_untidy() || rekeying) {
                    let done = stores.cache.tidy(Thrift::Half, &mut |_| !told.wait(REST));
                    match done {
                        Ok(done) => tracing::debug!(?done, "the cache was tidied"),
                        Err(error) => tracing::warn!(%error, "the cache could not be tidied; it is tried again"),
                    }
                }
                if rekeying && stores.cache.is_of_one_epoch().unwrap_or(false) {
                    rekeying = false;
                    core.front_of(number, |core, open| {
                        if let Err(error) = open.vault.retire() {
                            core.complain(&error);
                        }
                    });
                }
                let damage = stores.cache.take_damage();
                if let Some(first) = damage.first() {
                    let words =
                        format!("{} damaged record(s) of the cache ({}) are fetched again.", damage.len(), first.what);
                    core.front_of(number, move |core, open| {
                        core.announcer.notice(Tone::Warning, &words);
                        // Not only when the servers are asked next.
                        let handles = open.accounts.values().filter_map(|account| account.handle.as_ref());
                        handles.for_each(crate::imap::Handle::sync_now);
                    });
                }
            }
        })?;
        Ok(Self { stop, thread: Some(thread) })
    }

    /// Ends after the step that is under way.
    pub(crate) fn end(&mut self) {
        self.stop.tell();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Tidying {
    fn drop(&mut self) {
        self.end();
    }
}
