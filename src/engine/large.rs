//! A large message, opened: its text as soon as its beginning is here, the rest streamed into the cache.
//!
//! What is asked of the server depends on the size alone, never on what the message says or on what opening it gives (no oracle). Nothing
//! is concluded from a beginning: of a message that is or may be signed or enciphered it is not shown, and no attachment is offered before
//! the whole is here. After a lost connection the download goes on where it was; a message that is not here whole is not kept at all.
//! What is fetched for a screen ends when no screen shows the message any more: nobody waits behind what nobody wants.

use std::collections::HashMap;
use std::io::Read;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard, Semaphore, mpsc, watch};
use tokio::time::{Instant, sleep};

use super::ingest;
use super::perform::{Wanted, again};
use super::reading::{self, Reading};
use crate::app::view::Tone;
use crate::imap::{self, Error, MailboxAt};
use crate::mail::id::{MessageKey, MessageRef};
use crate::pgp::open::Decrypt;
use crate::pgp::report::SignatureState;

/// Messages beyond this are opened so: others are here in about one round trip.
pub(super) const LARGE_BYTES: u32 = 1 << 20;

/// Progress is told this often at most.
const TELL: Duration = Duration::from_millis(500);

/// A connection that does not come back within this time, though nobody went offline, ends the download.
const PATIENCE: Duration = Duration::from_secs(300);

/// So many large messages are fetched at once. Each keeps a thread of the pool that reads and writes the stores, which must not run out.
const AT_ONCE: usize = 4;

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

/// The pieces as a stream that blocks, which fails if it ends before the message does.
struct Pieces {
    from: mpsc::Receiver<Vec<u8>>,
    now: std::io::Cursor<Vec<u8>>,
    whole: Arc<AtomicBool>,
}

impl Read for Pieces {
    fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
        loop {
            let read = self.now.read(to)?;
            if read > 0 || to.is_empty() {
                return Ok(read);
            }
            match self.from.blocking_recv() {
                Some(piece) => self.now = std::io::Cursor::new(piece),
                None if self.whole.load(Ordering::SeqCst) => return Ok(0),
                None => return Err(std::io::Error::other("the message could not be fetched to its end")),
            }
        }
    }
}

/// Who takes the pieces of a message as they come.
struct Taker<'a> {
    wanted: &'a Wanted,
    /// RFC822.SIZE, for the progress only: servers estimate it.
    bytes: u32,
    /// What was taken.
    have: u64,
    early: Option<Early>,
    told: Instant,
    keep: mpsc::Sender<Vec<u8>>,
}

impl Taker<'_> {
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

    /// Asks for the message until all of it is here, over as many connections as that takes.
    ///
    /// Each request has a channel of its own, and the next begins when that is empty: a piece that was on its way when the connection was lost is
    /// taken before anything is asked for again, so that nothing comes twice.
    async fn all(&mut self, handle: &imap::Handle, at: &MailboxAt) -> Result<(), Error> {
        let mut last = (self.have, Instant::now());
        loop {
            let (to, mut from) = mpsc::channel::<Vec<u8>>(1);
            let download = handle.download(at.clone(), self.wanted.name.uid, self.have, None, to);
            let taker = &mut *self;
            let pass_on = async move {
                while let Some(piece) = from.recv().await {
                    if !taker.take(piece).await {
                        return false;
                    }
                }
                true
            };
            // What is not taken any more ends the download: its channel goes with `pass_on`.
            let (result, takes_more) = tokio::join!(download, pass_on);
            let error = match result {
                Ok(_) => return Ok(()),
                Err(
                    error @ (Error::Lost { .. }
                    | Error::TimedOut { .. }
                    | Error::NotConnected { .. }
                    | Error::Bye { .. }),
                ) => error,
                Err(error) => return Err(error),
            };
            if self.have > last.0 {
                last = (self.have, Instant::now());
            }
            if last.1.elapsed() > PATIENCE || !takes_more {
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
        let _alone = self.watcher.while_looking(self.downloads.alone(self.key)).await?;
        let (stores, key) = (Arc::clone(&self.stores), self.key);
        if let Ok(Ok(Some(raw))) = tokio::task::spawn_blocking(move || stores.cache.raw(key)).await {
            // Whoever was before us has fetched it.
            return Ok(raw);
        }
        let _seat = self.watcher.while_looking(self.downloads.seats.acquire()).await?;
        let at = MailboxAt { name: self.name.mailbox.as_str().into(), uid_validity: self.name.uid_validity };
        let whole = Arc::new(AtomicBool::new(false));
        let (keep, keeping) = mpsc::channel::<Vec<u8>>(1);
        let (stores, key) = (Arc::clone(&self.stores), self.key);
        let mut pieces = Pieces { from: keeping, now: std::io::Cursor::default(), whole: Arc::clone(&whole) };
        let stored = tokio::task::spawn_blocking(move || stores.cache.put_raw_from(key, &mut pieces));
        let mut taker = Taker { wanted: self, bytes, have: 0, early, told: Instant::now(), keep };
        let fetched = self.watcher.while_looking(taker.all(handle, &at)).await;
        whole.store(matches!(fetched, Ok(Ok(()))), Ordering::SeqCst);
        // With it the stream ends.
        drop(taker);
        let kept = stored.await;
        if let Err(error) = fetched? {
            return Err(format!("The text of this message is not here and could not be fetched: {error}"));
        }
        match kept {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => return Err(format!("The text of this message could not be kept: {error}")),
            Err(_) => {
                return Err("The text of this message could not be kept: casemail failed while storing it".to_owned());
            }
        }
        self.kept().await
    }

    /// The message out of the cache, and its summary made anew from the whole of it.
    async fn kept(&self) -> Result<Vec<u8>, String> {
        let (stores, key, core, number) = (Arc::clone(&self.stores), self.key, self.core.clone(), self.number);
        let context = self.context();
        let read = tokio::task::spawn_blocking(move || {
            let raw = stores.cache.raw(key).map_err(|error| error.to_string())?;
            let raw = raw.ok_or("This message is gone: it was moved or deleted elsewhere.")?;
            if let Ok(Some(old)) = stores.cache.summary(key) {
                let new = again(&old, raw.clone(), &context);
                if stores.cache.update_summaries(key.mailbox, vec![new.clone()]).is_ok() {
                    core.back_of(number, move |core, open| core.ingested(open, key.mailbox, vec![new.into()]));
                }
            }
            Ok(raw)
        });
        read.await.unwrap_or_else(|_| Err("the cache could not be read".to_owned()))
    }

    /// Shows the beginning of a message, if it can be shown without saying anything wrong.
    fn show_beginning(&self, beginning: Vec<u8>, early: Early) {
        let (keyring, now) = (Arc::clone(&self.keyring), self.settings.clock.now());
        tokio::task::spawn_blocking(move || {
            // OpenPGP inside a text part, which half a message says nothing true about.
            if memchr::memmem::find(&beginning, b"-----BEGIN PGP").is_some() {
                return;
            }
            let Some(reading) = reading::read_guarded(&beginning.into(), &keyring, now, Decrypt::NotRsa) else {
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
        let mb = |bytes: u64| bytes.div_ceil(1_000_000);
        let words = format!("Fetching the message: {} of {} MB.", mb(have), mb(u64::from(bytes).max(have)));
        self.core.front_of(self.number, move |core, _| core.announcer.notice(Tone::Plain, &words));
    }

    /// What a message is worked on with.
    pub(super) fn context(&self) -> ingest::Context {
        ingest::Context {
            keyring: Arc::clone(&self.keyring),
            book: Arc::clone(&self.settings.book),
            classes: Arc::clone(&self.settings.classes),
            now: self.settings.clock.now(),
            // Somebody asked for this very message.
            destroyed: Arc::default(),
            channel: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::{Downloads, Pieces, mpsc};
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

    #[test]
    fn a_stream_that_breaks_off_is_no_message() {
        for whole in [true, false] {
            let (to, from) = mpsc::channel(4);
            let flag = Arc::new(AtomicBool::new(false));
            let mut pieces = Pieces { from, now: std::io::Cursor::default(), whole: Arc::clone(&flag) };
            to.blocking_send(b"ab".to_vec()).unwrap();
            to.blocking_send(Vec::new()).unwrap();
            to.blocking_send(b"c".to_vec()).unwrap();
            flag.store(whole, Ordering::SeqCst);
            drop(to);
            let mut text = String::new();
            assert_eq!(pieces.read_to_string(&mut text).is_ok(), whole);
            if whole {
                assert_eq!(text, "abc");
            }
        }
    }
}
