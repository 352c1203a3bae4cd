//! A large message, opened: its text as soon as its beginning is here, the rest streamed into the cache.
//!
//! What is asked of the server depends on the size alone, never on what the message says or on what opening it gives (no oracle). Nothing
//! is concluded from a beginning: of a message that is or may be signed or enciphered it is not shown, and no attachment is offered before
//! the whole is here. After a lost connection, and after the program was killed, the download goes on where it was: each piece is kept, sealed,
//! as it comes ([`crate::store::partial`]). What was kept by another run is gone on with only if the server says the same at its end.
//! What is fetched for a screen ends when no screen shows the message any more: nobody waits behind what nobody wants.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard, Semaphore, mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::ingest;
use super::quarantine::keep_out_streamed;
use super::reading::{self, Reading};
use super::streamed::{Kept, Passed, Passing};
use super::wanted::{Come, Wanted, again};
use crate::app::view::Tone;
use crate::imap::{self, Error, MailboxAt};
use crate::mail::id::{MessageKey, MessageRef};
use crate::mail::size::size;
use crate::pgp::open::Decrypt;
use crate::pgp::report::SignatureState;
use crate::store::cache::{Cache, CacheError};
use crate::store::partial::Partial;
use crate::store::summary::Summary;

/// Messages beyond this are opened so: others are here in about one round trip.
pub(super) const LARGE_BYTES: u32 = 1 << 20;

/// Progress is told this often at most.
const TELL: Duration = Duration::from_millis(500);

/// A connection that was lost in the midst of a message and does not come back within this time, though nobody went offline, ends the download.
const PATIENCE: Duration = Duration::from_secs(300);
/// A connection that has just fallen is waited for so long where nothing came yet.
const BACK_SOON: Duration = Duration::from_secs(30);
/// Whoever has no connection says so within this time.
const TOLD_SOON: Duration = Duration::from_secs(1);

/// So much of the end of what is here from before is asked for again, to see that it is the same message still.
const OVERLAP: u64 = 1 << 10;

/// Of the beginning, for its text: as much as comes first.
const BEGINNING: u64 = 256 << 10;

/// So many large messages are fetched at once. Each keeps two threads of the pool that reads and writes the stores, which must not run out.
const AT_ONCE: usize = 4;

/// Looks through the pieces of a message that it is given, beside whoever stores them: either takes about as long. What was learned is there when no more
/// pieces come.
fn pass_beside() -> (mpsc::Sender<Vec<u8>>, JoinHandle<Passed>) {
    let (pass_on, mut pieces) = mpsc::channel::<Vec<u8>>(1);
    let passing = tokio::task::spawn_blocking(move || {
        let mut passing = Passing::default();
        while let Some(piece) = pieces.blocking_recv() {
            passing.take(&piece);
        }
        passing.end()
    });
    (pass_on, passing)
}

/// The large messages that are being fetched: each once, however many ask for it, and few at a time.
#[derive(Debug)]
pub(crate) struct Downloads {
    one: Mutex<HashMap<MessageKey, Arc<AsyncMutex<()>>>>,
    seats: Semaphore,
}

impl Default for Downloads {
    fn default() -> Self {
        Self { one: Mutex::default(), seats: Semaphore::new(AT_ONCE) }
    }
}

impl Downloads {
    /// How many are being fetched.
    #[cfg(test)]
    pub(super) fn fetching(&self) -> usize {
        AT_ONCE.saturating_sub(self.seats.available_permits())
    }

    /// Waits until nobody else fetches this message.
    async fn alone(&self, key: MessageKey) -> OwnedMutexGuard<()> {
        let mine = {
            let mut one = self.one.lock().unwrap_or_else(PoisonError::into_inner);
            one.retain(|_, lock| Arc::strong_count(lock) > 1);
            Arc::clone(one.entry(key).or_default())
        };
        mine.lock_owned().await
    }
}

/// The message that a screen shows. Dropped when it shows another one or none.
#[derive(Debug)]
pub(crate) struct OnScreen {
    name: MessageRef,
    looks: watch::Sender<()>,
}

impl OnScreen {
    /// The screen shows this message now.
    pub(super) fn show(before: &mut Option<Self>, name: &MessageRef) -> Watcher {
        let same = before.take().filter(|before| before.name == *name);
        let now = before.insert(same.unwrap_or_else(|| Self { name: name.clone(), looks: watch::Sender::new(()) }));
        Watcher(Some(now.looks.subscribe()))
    }
}

/// Whoever looks at a message while it is fetched. By default one that never leaves: a file that is to be saved is wanted whatever is on screen.
#[derive(Clone, Debug, Default)]
pub(super) struct Watcher(Option<watch::Receiver<()>>);

impl Watcher {
    /// Whether nobody looks any more.
    pub(super) fn has_left(&self) -> bool {
        self.0.as_ref().is_some_and(|looks| looks.has_changed().is_err())
    }

    /// What a task gives, unless whoever looks leaves before that.
    async fn while_looking<T>(&self, task: impl Future<Output = T>) -> Result<T, String> {
        let left = async {
            match self.0.clone() {
                Some(mut looks) => while looks.changed().await.is_ok() {},
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            done = task => Ok(done),
            () = left => Err("The message is not on screen any more, and was not fetched.".to_owned()),
        }
    }
}

/// Called with what the beginning of a message shows.
pub(super) type Early = Box<dyn FnOnce(Reading) + Send>;

/// Who takes the pieces of a message as they come.
struct Taker<'a> {
    wanted: &'a Wanted,
    /// RFC822.SIZE, for the progress only: servers estimate it.
    bytes: u32,
    /// What was taken.
    have: u64,
    early: Option<Early>,
    told: Instant,
    /// The end of what is here from before, until it was seen to be what the server says.
    overlap: Vec<u8>,
    keep: mpsc::Sender<Vec<u8>>,
}

/// How fetching a message ended without an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    Whole,
    /// What is here from before is not of this message.
    Another,
}

impl Taker<'_> {
    /// Whether a piece says the same as what is here from before; what it says beyond that is left in it.
    fn is_same(&mut self, piece: &mut Vec<u8>) -> bool {
        let both = self.overlap.len().min(piece.len());
        let same = self.overlap.get(..both) == piece.get(..both);
        self.overlap.drain(..both);
        piece.drain(..both);
        self.have = self.have.saturating_add(both as u64);
        same
    }

    /// Takes a piece; whether more is taken.
    async fn take(&mut self, piece: Vec<u8>) -> bool {
        if self.have == 0
            && let Some(early) = self.early.take()
        {
            self.wanted.show_beginning(piece.clone(), early);
        }
        self.have = self.have.saturating_add(piece.len() as u64);
        if self.told.elapsed() > TELL {
            self.told = Instant::now();
            self.wanted.tell(self.have, self.bytes);
        }
        // A cache that takes no more ends the download.
        self.keep.send(piece).await.is_ok()
    }

    /// Asks for the message until all of it is here, over as many connections as that takes. Where there is none for it, that is told
    /// at once.
    ///
    /// Each request has a channel of its own, and the next begins when that is empty: a piece that was on its way when the connection was lost is
    /// taken before anything is asked for again, so that nothing comes twice.
    async fn all(&mut self, handle: &imap::Handle, at: &MailboxAt) -> Result<Ended, Error> {
        let mut had = self.have;
        // Until when a connection is waited for.
        let mut until: Option<Instant> = None;
        loop {
            let asked = Instant::now();
            let (to, mut from) = mpsc::channel::<Vec<u8>>(1);
            let download = handle.download(at.clone(), self.wanted.name.uid, self.have, None, to);
            let taker = &mut *self;
            let pass_on = async move {
                while let Some(mut piece) = from.recv().await {
                    if !taker.is_same(&mut piece) {
                        return (false, true);
                    }
                    if !piece.is_empty() && !taker.take(piece).await {
                        return (false, false);
                    }
                }
                (true, false)
            };
            // What is not taken any more ends the download: its channel goes with `pass_on`.
            let (result, (takes_more, another)) = tokio::join!(download, pass_on);
            if another {
                return Ok(Ended::Another);
            }
            let error = match result {
                // It ended before it came to what is here of it.
                Ok(_) if !self.overlap.is_empty() => return Ok(Ended::Another),
                Ok(_) => return Ok(Ended::Whole),
                // It is shorter than what is here of it, or begins in another way.
                Err(Error::CutShort { .. } | Error::Nonsense { .. }) if !self.overlap.is_empty() => {
                    return Ok(Ended::Another);
                }
                Err(
                    error @ (Error::Lost { .. }
                    | Error::TimedOut { .. }
                    | Error::NotConnected { .. }
                    | Error::Bye { .. }),
                ) => error,
                Err(error) => return Err(error),
            };
            let now = Instant::now();
            // There may be no connection to wait for: whoever's password is refused has none until they do something about it. One that was there, or
            // was waited for, and has just fallen is most often back at once.
            let fell = !matches!(error, Error::NotConnected { .. }) || now.duration_since(asked) > TOLD_SOON;
            if self.have > had {
                (had, until) = (self.have, Some(now + PATIENCE));
            } else if fell {
                until.get_or_insert(now + BACK_SOON);
            }
            if !takes_more || until.is_none_or(|until| until < now) {
                return Err(error);
            }
            sleep(Duration::from_secs(1)).await;
        }
    }
}

impl Wanted {
    /// Fetches a message of `bytes` into the cache and gives it.
    pub(super) async fn fetch_large(
        &self,
        handle: &imap::Handle,
        bytes: u32,
        early: Option<Early>,
    ) -> Result<Vec<u8>, String> {
        let passed = self.fetch_apart(handle, bytes, early).await?;
        self.kept(passed).await
    }

    /// Fetches a message of `bytes` into the cache; gives what was learned of it while it came, where all of it came now.
    async fn fetch_apart(
        &self,
        handle: &imap::Handle,
        bytes: u32,
        early: Option<Early>,
    ) -> Result<Option<Passed>, String> {
        let _alone = self.watcher.while_looking(self.downloads.alone(self.key)).await?;
        let (stores, key) = (Arc::clone(&self.stores), self.key);
        if matches!(tokio::task::spawn_blocking(move || Kept::of(&stores, key)).await, Ok(Ok(Some(_)))) {
            // Whoever was before us has fetched it.
            return Ok(None);
        }
        let _seat = self.watcher.while_looking(self.downloads.seats.acquire()).await?;
        let at = MailboxAt { name: self.name.mailbox.as_str().into(), uid_validity: self.name.uid_validity };
        let mut partial = self.in_cache(move |cache| cache.partial(key, bytes)).await?;
        let mut early = early;
        loop {
            let (ended, kept, passed) = self.fetch_on(handle, &at, partial, bytes, early.take()).await?;
            match ended {
                Ok(Ended::Another) => partial = self.in_cache(move |cache| cache.restart_partial(kept)).await?,
                Ok(Ended::Whole) => {
                    self.in_cache(move |cache| cache.put_partial(key, kept)).await?;
                    self.keep_out().await?;
                    return Ok(passed);
                }
                Err(error) => {
                    if matches!(error, Error::Rebuilt { .. } | Error::Gone { .. }) {
                        let _ = tokio::task::spawn_blocking(move || kept.remove()).await;
                    }
                    return Err(format!("The text of this message is not here and could not be fetched: {error}"));
                }
            }
        }
    }

    /// What is out of reach leaves the cache for a key of its own.
    async fn keep_out(&self) -> Result<(), String> {
        let (stores, register, key) = (Arc::clone(&self.stores), self.register.clone(), self.key);
        let kept = tokio::task::spawn_blocking(move || keep_out_streamed(&stores, &register, key)).await;
        let lost = "The text of this message could not be kept";
        match kept {
            Ok(done) => done.map_err(|why| format!("{lost}: {why}")),
            Err(_) => Err(format!("{lost}: casemail failed while sealing it")),
        }
    }

    /// Fetches a message into the cache and gives it as it is kept there: a large one is never held as a whole.
    pub(super) async fn keep(self: Arc<Self>) -> Result<Kept, String> {
        let Come { kept, is_new, passed } = Arc::clone(&self).bring(None).await?;
        if !is_new {
            return Ok(kept);
        }
        let noted = tokio::task::spawn_blocking(move || {
            let (context, key) = (self.context(), self.key);
            let old = self.stores.cache.summary(key).ok().flatten();
            let new = old.and_then(|old| {
                let new = again(&old, kept.clone(), passed, &context, &|_| self.unless_gone())?;
                // What went under a key of its own is not in the cache.
                Some(Summary { has_raw: old.has_raw, ..new })
            });
            new.map_or(Ok(()), |new| self.note(new)).map(|()| kept)
        });
        noted.await.unwrap_or_else(|_| Err("the cache could not be read".to_owned()))
    }

    /// As [`Self::keep`], without reading it. `early`: as for [`Self::fetch_large`].
    pub(super) async fn bring(self: Arc<Self>, early: Option<Early>) -> Result<Come, String> {
        let (stores, key) = (Arc::clone(&self.stores), self.key);
        let summary = tokio::task::spawn_blocking(move || stores.cache.summary(key)).await;
        let large = match summary {
            Ok(Ok(Some(summary))) => {
                if let Some(why) = ingest::withheld(&summary) {
                    return Err(why.to_owned());
                }
                Some(summary.bytes).filter(|bytes| *bytes > LARGE_BYTES)
            }
            _ => None,
        };
        let (Some(bytes), Some(handle)) = (large, self.handle()) else {
            let raw = self.fetch(early).await?;
            return Ok(Come { kept: Kept::held(&self.stores, raw.into()), is_new: false, passed: None });
        };
        let passed = self.fetch_apart(handle, bytes, early).await?;
        let brought = tokio::task::spawn_blocking(move || {
            let kept = Kept::of(&self.stores, self.key).map_err(|error| error.to_string())?;
            let kept = kept.ok_or("This message is gone: it was moved or deleted elsewhere.")?;
            Ok(Come { kept, is_new: true, passed })
        });
        brought.await.unwrap_or_else(|_| Err("the cache could not be read".to_owned()))
    }

    /// Takes the summary of a message that is here whole now.
    ///
    /// # Errors
    /// It is marked as what may not be here: it is let go, and nothing of it shown.
    pub(super) fn note(&self, new: Summary) -> Result<(), String> {
        let mailbox = self.key.mailbox;
        let withheld = ingest::withheld(&new);
        if withheld.is_some() {
            let _ = self.stores.cache.let_go(mailbox, &[self.key.uid]);
        }
        if self.stores.cache.update_summaries(mailbox, vec![new.clone()]).is_ok() {
            self.core.back_of(self.number, move |core, open| {
                open.library.applied(mailbox, [new.uid], true, false);
                core.ingested(open, mailbox, vec![new.into()]);
            });
        }
        withheld.map_or(Ok(()), |why| Err(why.to_owned()))
    }

    /// Fetches what is lacking behind what is here, and gives that with it.
    async fn fetch_on(
        &self,
        handle: &imap::Handle,
        at: &MailboxAt,
        mut partial: Partial,
        bytes: u32,
        mut early: Option<Early>,
    ) -> Result<(Result<Ended, Error>, Partial, Option<Passed>), String> {
        let have = partial.have();
        let mut overlap = Vec::new();
        if have > 0 {
            let read = tokio::task::spawn_blocking(move || {
                let both = partial.beginning(BEGINNING).and_then(|beginning| Ok((beginning, partial.tail(OVERLAP)?)));
                (both, partial)
            });
            let (both, back) = read.await.map_err(|_| "the cache could not be read".to_owned())?;
            partial = back;
            if let Ok((beginning, tail)) = both {
                overlap = tail;
                if let Some(early) = early.take() {
                    self.show_beginning(beginning, early);
                }
            }
        }
        let (keep, mut keeping) = mpsc::channel::<Vec<u8>>(1);
        let stores = Arc::clone(&self.stores);
        // Of a message of which a part is here from before, the rest alone would tell nothing.
        let (pass_on, passing) = (have == 0).then(pass_beside).unzip();
        let storing = tokio::task::spawn_blocking(move || {
            while let Some(piece) = keeping.blocking_recv() {
                if let Err(error) = stores.cache.append_partial(&mut partial, &piece) {
                    return (Err(error), partial);
                }
                if let Some(pass_on) = &pass_on {
                    // Whoever looks through it may have failed at it: it is read once more then, from where it is kept.
                    let _ = pass_on.blocking_send(piece);
                }
            }
            (Ok(()), partial)
        });
        let from = have.saturating_sub(overlap.len() as u64);
        let mut taker = Taker { wanted: self, bytes, have: from, early, told: Instant::now(), overlap, keep };
        let fetched = self.watcher.while_looking(taker.all(handle, at)).await;
        // With it the pieces end.
        drop(taker);
        let lost = || "The text of this message could not be kept: casemail failed while storing it".to_owned();
        let stored = storing.await;
        let passed = match passing {
            Some(passing) => passing.await.ok(),
            None => None,
        };
        let (stored, partial) = stored.map_err(|_| lost())?;
        let ended = fetched?;
        stored.map_err(|error| format!("The text of this message could not be kept: {error}"))?;
        Ok((ended, partial, passed))
    }

    /// Asks the cache where it may block.
    async fn in_cache<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&Cache) -> Result<T, CacheError> + Send + 'static,
    ) -> Result<T, String> {
        let stores = Arc::clone(&self.stores);
        let failed = |why: &dyn std::fmt::Display| format!("The text of this message could not be kept: {why}");
        match tokio::task::spawn_blocking(move || ask(&stores.cache)).await {
            Ok(done) => done.map_err(|error| failed(&error)),
            Err(_) => Err(failed(&"casemail failed while storing it")),
        }
    }

    /// The message out of the cache, and its summary made anew from the whole of it.
    async fn kept(&self, passed: Option<Passed>) -> Result<Vec<u8>, String> {
        let (stores, key, core, number) = (Arc::clone(&self.stores), self.key, self.core.clone(), self.number);
        let context = self.context();
        let read = tokio::task::spawn_blocking(move || {
            let kept = Kept::of(&stores, key).map_err(|error| error.to_string())?;
            let kept = kept.ok_or("This message is gone: it was moved or deleted elsewhere.")?;
            if let Ok(Some(old)) = stores.cache.summary(key)
                && let Some(new) = again(&old, kept, passed, &context, &|_| Ok(()))
            {
                let new = Summary { has_raw: old.has_raw, ..new };
                if stores.cache.update_summaries(key.mailbox, vec![new.clone()]).is_ok() {
                    core.back_of(number, move |core, open| core.ingested(open, key.mailbox, vec![new.into()]));
                }
            }
            let raw = stores.raw(key).map_err(|error| error.to_string())?;
            raw.ok_or_else(|| "This message is gone: it was moved or deleted elsewhere.".to_owned())
        });
        read.await.unwrap_or_else(|_| Err("the cache could not be read".to_owned()))
    }

    /// Shows the beginning of a message, if it can be shown without saying anything wrong.
    fn show_beginning(&self, beginning: Vec<u8>, early: Early) {
        let (keyring, settings) = (Arc::clone(&self.keyring), Arc::clone(&self.settings));
        tokio::task::spawn_blocking(move || {
            // OpenPGP inside a text part, which half a message says nothing true about.
            if memchr::memmem::find(&beginning, b"-----BEGIN PGP").is_some() {
                return;
            }
            let Some(reading) = reading::read_guarded(&beginning.into(), &keyring, &settings.terms(Decrypt::NotRsa))
            else {
                return;
            };
            let report = &reading.opened.report;
            let root =
                reading.message.parts().first().map(|part| part.media_type.to_ascii_lowercase()).unwrap_or_default();
            let plain = !report.encrypted
                && report.signature.state == SignatureState::None
                && !["multipart/signed", "multipart/encrypted", "application/pkcs7-mime"].contains(&root.as_str());
            if plain && !reading.body.sections.is_empty() {
                early(reading);
            }
        });
    }

    fn tell(&self, have: u64, bytes: u32) {
        let words = format!("Fetching the message: {} of {}.", size(have), size(u64::from(bytes).max(have)));
        self.core.front_of(self.number, move |core, _| core.announcer.notice(Tone::Plain, &words));
    }

    /// What a message is worked on with.
    pub(super) fn context(&self) -> ingest::Context {
        ingest::Context {
            keyring: Arc::clone(&self.keyring),
            book: Arc::clone(&self.settings.book),
            classes: Arc::clone(&self.settings.classes),
            now: self.settings.clock.now(),
            tolerance: self.settings.config.openpgp.tolerance,
            // Somebody asked for this very message.
            destroyed: Arc::default(),
            channel: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Downloads;
    use crate::mail::id::{MailboxId, MessageKey};

    #[tokio::test]
    async fn each_large_message_is_fetched_by_one_at_a_time() {
        let downloads = Downloads::default();
        let key = |uid| MessageKey { mailbox: MailboxId(1), uid };
        let first = downloads.alone(key(1)).await;
        // Another message waits for nobody; the same one waits.
        let other = downloads.alone(key(2)).await;
        let mut second = std::pin::pin!(downloads.alone(key(1)));
        assert!(futures_poll(second.as_mut()).await.is_none());
        drop(first);
        let second = second.await;
        drop((other, second));
        drop(downloads.alone(key(3)).await);
        assert_eq!(downloads.one.lock().unwrap().len(), 1, "what is over is forgotten");
    }

    /// What a future gives without waiting.
    async fn futures_poll<F: Future + Unpin>(mut future: F) -> Option<F::Output> {
        std::future::poll_fn(|context| {
            std::task::Poll::Ready(match std::pin::Pin::new(&mut future).poll(context) {
                std::task::Poll::Ready(done) => Some(done),
                std::task::Poll::Pending => None,
            })
        })
        .await
    }
}
