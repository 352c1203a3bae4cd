//! A large message, opened: its text as soon as its beginning is here, the rest streamed into the cache.
//!
//! What is asked of the server depends on the size alone, never on what the message says or on what opening it gives (no oracle). Nothing
//! is concluded from a beginning: of a message that is or may be signed or enciphered it is not shown, and no attachment is offered before
//! the whole is here. After a lost connection the download goes on where it was; a message that is not here whole is not kept at all.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use super::ingest;
use super::perform::{Wanted, again};
use super::reading::{self, Reading};
use crate::app::view::Tone;
use crate::imap::{self, Error, MailboxAt};
use crate::pgp::open::Decrypt;
use crate::pgp::report::SignatureState;

/// Messages beyond this are opened so: others are here in about one round trip.
pub(super) const LARGE_BYTES: u32 = 1 << 20;

/// Progress is told this often at most.
const TELL: Duration = Duration::from_millis(500);

/// A connection that does not come back within this time, though nobody went offline, ends the download.
const PATIENCE: Duration = Duration::from_secs(300);

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

impl Wanted {
    /// Fetches a message of `bytes` into the cache and gives it.
    pub(super) async fn fetch_large(
        &self,
        handle: &imap::Handle,
        bytes: u32,
        early: Option<Early>,
    ) -> Result<Vec<u8>, String> {
        let at = MailboxAt { name: self.name.mailbox.as_str().into(), uid_validity: self.name.uid_validity };
        let (whole, have) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (came, mut coming) = mpsc::channel::<Vec<u8>>(1);
        let (keep, keeping) = mpsc::channel::<Vec<u8>>(1);
        let (stores, key) = (Arc::clone(&self.stores), self.key);
        let mut pieces = Pieces { from: keeping, now: std::io::Cursor::default(), whole: Arc::clone(&whole) };
        let stored = tokio::task::spawn_blocking(move || stores.cache.put_raw_from(key, &mut pieces));
        let pass_on = async {
            let (mut early, mut told) = (early, Instant::now());
            while let Some(piece) = coming.recv().await {
                let before = have.fetch_add(piece.len() as u64, Ordering::SeqCst);
                if before == 0
                    && let Some(early) = early.take()
                {
                    self.show_beginning(piece.clone(), early);
                }
                if told.elapsed() > TELL {
                    told = Instant::now();
                    self.tell(have.load(Ordering::SeqCst), bytes);
                }
                // A cache that takes no more ends the download.
                if keep.send(piece).await.is_err() {
                    break;
                }
            }
            drop(keep);
        };
        let fetch = async {
            let result = self.all_pieces(handle, &at, &have, came).await;
            whole.store(result.is_ok(), Ordering::SeqCst);
            result
        };
        // The sender of `fetch` is gone when it ends, and with it `pass_on`, and with that the stream.
        let (fetched, ()) = tokio::join!(fetch, pass_on);
        let kept = stored.await;
        if let Err(error) = fetched {
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

    /// Asks for the message until all of it is here, over as many connections as that takes.
    async fn all_pieces(
        &self,
        handle: &imap::Handle,
        at: &MailboxAt,
        have: &AtomicU64,
        to: mpsc::Sender<Vec<u8>>,
    ) -> Result<(), Error> {
        let mut last = (have.load(Ordering::SeqCst), Instant::now());
        loop {
            let here = have.load(Ordering::SeqCst);
            let result = handle.download(at.clone(), self.name.uid, here, None, to.clone()).await;
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
            let now = have.load(Ordering::SeqCst);
            if now > last.0 {
                last = (now, Instant::now());
            }
            if last.1.elapsed() > PATIENCE || to.is_closed() {
                return Err(error);
            }
            sleep(Duration::from_secs(1)).await;
        }
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
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::{Pieces, mpsc};

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
