//! A message that somebody wants to read: found, fetched where it is not here, read, and what was learned of it put into its row.

use std::sync::Arc;

use super::company::Company;
use super::core::{Core, Open, Settings, SharedKeyring, Stores};
use super::ingest::{self, summarise};
use super::large::{Downloads, Early, LARGE_BYTES, Watcher};
use super::quarantine::keep_out_fetched;
use super::reading::{Look, Reading};
use super::register::Register;
use super::streamed::{Kept, Passed, Streamed, Tick};
use crate::imap::{self, Body, MailboxAt};
use crate::mail::id::{MessageKey, MessageRef};
use crate::pgp::keyring::Keyring;
use crate::pgp::open::{Decrypt, Terms};
use crate::pgp::report::Badge;
use crate::register::record::Digest;
use crate::store::summary::Summary;

/// The summary of a message made anew from where it is kept, or of what is known of it already; `None` where it cannot be read from there.
pub(super) fn again(
    old: &Summary,
    kept: Kept,
    passed: Option<Passed>,
    context: &ingest::Context,
    tick: Tick<'_>,
) -> Option<Summary> {
    let raw = match kept {
        Kept::Here(raw) => raw.to_vec(),
        kept => return again_streamed(old, kept, passed, context, tick),
    };
    Some(again_held(old, raw, context))
}

/// The same of a large one, which is not held.
fn again_streamed(
    old: &Summary,
    kept: Kept,
    passed: Option<Passed>,
    context: &ingest::Context,
    tick: Tick<'_>,
) -> Option<Summary> {
    let terms = Terms { tolerance: context.tolerance, ..Terms::at(context.now, Decrypt::NotRsa) };
    let look = Look { keyring: &context.keyring, terms: &terms, beside: false };
    let streamed = Streamed::read_passed(kept, passed, &look, tick).ok()?;
    Some(of_reading(old, streamed.reading.as_ref()?, streamed.bytes, context))
}

/// The summary of a message that is held.
fn again_held(old: &Summary, raw: Vec<u8>, context: &ingest::Context) -> Summary {
    let fetched = imap::Fetched {
        uid: old.uid,
        flags: old.flags.clone(),
        internal_date: Some(old.received),
        bytes: old.bytes,
        body: Body::Whole(raw.into()),
    };
    let mut new = Summary { has_raw: true, ..summarise(fetched, context).summary };
    ingest::carry_over(&mut new, old);
    new
}

/// A message that is here now.
pub(super) struct Come {
    pub(super) kept: Kept,
    /// Nobody has read it yet, so that its summary has still to be made anew.
    pub(super) is_new: bool,
    /// What was learned of it while it came.
    pub(super) passed: Option<Passed>,
}

/// A message that was brought; with what learns of it, where nobody has read it yet.
pub(super) type Brought = (Kept, Option<Arc<Wanted>>);

/// A message to be read at the user's word.
pub(super) struct Wanted {
    pub(super) key: MessageKey,
    pub(super) name: MessageRef,
    badge: Option<Badge>,
    keys: SharedKeyring,
    pub(super) number: u64,
    pub(super) stores: Arc<Stores>,
    pub(super) settings: Arc<Settings>,
    pub(super) keyring: Arc<Keyring>,
    company: Company,
    handle: Option<imap::Handle>,
    pub(super) downloads: Arc<Downloads>,
    pub(super) register: Register,
    pub(super) watcher: Watcher,
    pub(super) core: super::core::CoreHandle,
}

impl Wanted {
    /// A message of the index.
    pub(super) fn of(core: &Core, open: &Open, key: MessageKey, name: MessageRef, watcher: Watcher) -> Self {
        Self {
            key,
            badge: open.library.badge(key),
            keys: open.keyring.clone(),
            number: open.number,
            stores: Arc::clone(&open.stores),
            settings: Arc::clone(&core.settings),
            keyring: open.keyring.now(),
            company: core.company(open, Some(key)),
            handle: open.accounts.get(&name.account).and_then(|account| account.handle.clone()),
            downloads: Arc::clone(&open.downloads),
            register: open.register.clone(),
            watcher,
            core: core.handle.clone(),
            name,
        }
    }

    /// The connection of its account.
    pub(super) fn handle(&self) -> Option<&imap::Handle> {
        self.handle.as_ref()
    }

    /// Reads it. A large one is not held.
    pub(super) async fn read(self, early: Option<Early>) -> Result<Streamed, String> {
        let wanted = Arc::new(self);
        let (stores, key) = (Arc::clone(&wanted.stores), wanted.key);
        let here = tokio::task::spawn_blocking(move || Kept::of(&stores, key)).await;
        match here {
            Ok(Ok(Some(kept))) => {
                let come = Come { kept: kept.clone(), is_new: false, passed: None };
                match Arc::clone(&wanted).read_come(come).await {
                    // It was found damaged, and is fetched as what never was here: once, lest a failing disk have it fetched for ever.
                    Err(_) if kept.is_lost() => {}
                    read => return read,
                }
            }
            Ok(Ok(None)) => {}
            Ok(Err(error)) => return Err(error.to_string()),
            Err(_) => return Err("the cache could not be read".to_owned()),
        }
        let come = Arc::clone(&wanted).bring(early).await?;
        wanted.read_come(come).await
    }

    /// Reads it from where it is kept.
    async fn read_come(self: Arc<Self>, come: Come) -> Result<Streamed, String> {
        let Come { kept, is_new, passed } = come;
        let reading = tokio::task::spawn_blocking(move || {
            let terms = self.company.terms(self.settings.clock.now(), Decrypt::Any);
            let look = Look { keyring: &self.keyring, terms: &terms, beside: true };
            let streamed = Streamed::read_passed(kept, passed, &look, &|_| self.unless_gone())
                .map_err(|error| format!("This message could not be opened: {error}."))?;
            if let Streamed { reading: Some(reading), digest, bytes, .. } = &streamed {
                self.learn(reading, *digest, *bytes, is_new)?;
            }
            Ok(streamed)
        });
        match reading.await {
            Ok(Ok(streamed)) if streamed.reading.is_some() => Ok(streamed),
            Ok(Err(words)) => Err(words),
            _ => Err("This message cannot be shown: it is malformed in a way that casemail cannot read. `casemail message raw` gives its bytes.".to_owned()),
        }
    }

    /// An error once the profile was locked, or whoever looked has left: no plaintext is made for nobody.
    pub(super) fn unless_gone(&self) -> std::io::Result<()> {
        if self.watcher.has_left() {
            return Err(std::io::Error::other("it is not on screen any more"));
        }
        self.keys.unless_locked()
    }

    /// Asks the server for the whole message, and keeps it.
    pub(super) async fn fetch(&self, early: Option<Early>) -> Result<Vec<u8>, String> {
        let Some(handle) = &self.handle else {
            return Err("The text of this message is not here, and there is no connection to fetch it.".to_owned());
        };
        let (stores, key) = (Arc::clone(&self.stores), self.key);
        let summary = tokio::task::spawn_blocking(move || stores.cache.summary(key)).await;
        if let Ok(Ok(Some(summary))) = &summary
            && let Some(why) = ingest::withheld(summary)
        {
            return Err(why.to_owned());
        }
        if let Ok(Ok(Some(summary))) = summary
            && summary.bytes > LARGE_BYTES
        {
            return self.fetch_large(handle, summary.bytes, early).await;
        }
        let at = MailboxAt { name: self.name.mailbox.as_str().into(), uid_validity: self.name.uid_validity };
        let fetched = handle
            .fetch(at, self.name.uid)
            .await
            .map_err(|error| format!("The text of this message is not here and could not be fetched: {error}"))?;
        let Body::Whole(raw) = &fetched.body else {
            return Err("The server does not hand out the whole of this message.".to_owned());
        };
        let raw = Arc::clone(raw);
        let context = self.context();
        let (stores, core, number, mailbox) =
            (Arc::clone(&self.stores), self.core.clone(), self.number, self.key.mailbox);
        let register = self.register.clone();
        let kept = tokio::task::spawn_blocking(move || {
            let (message, is_out) = keep_out_fetched(&stores, &register, mailbox, summarise(fetched, &context));
            let summary = Summary { has_raw: message.raw.is_some(), ..message.summary.clone() };
            let put = stores.cache.put_batch(mailbox, vec![message], None);
            // Nobody but a person fetches it again.
            if put.is_ok()
                && is_out
                && let Err(error) = stores.cache.let_go(mailbox, &[summary.uid])
            {
                tracing::warn!(%error, "what is kept under a key of its own may be fetched again");
            }
            if put.is_ok() {
                core.back_of(number, move |core, open| {
                    open.library.applied(mailbox, [summary.uid], true, true);
                    core.ingested(open, mailbox, vec![summary.into()]);
                });
            }
        });
        // A cache that cannot take it is no reason not to show it.
        let _ = kept.await;
        Ok(raw.to_vec())
    }

    /// The user's keys may have opened more than ingest was allowed to: the list learns of it. `is_new`: ingest has not read it at all.
    ///
    /// # Errors
    /// As [`Self::note`].
    pub(super) fn learn(&self, reading: &Reading, digest: Digest, bytes: u64, is_new: bool) -> Result<(), String> {
        if let Some((message, took)) = super::plea::opened(reading, digest) {
            let key = self.key;
            self.core.front_of(self.number, move |core, open| core.plea_opened(open, key, &message, took));
        }
        if self.badge == Some(Badge::from(&reading.opened.report)) && !is_new {
            return Ok(());
        }
        let Ok(Some(old)) = self.stores.cache.summary(self.key) else { return Ok(()) };
        let new = of_reading(&old, reading, bytes, &self.context());
        self.note(new)
    }
}

/// The summary of a message that is here, of what was read of it.
fn of_reading(old: &Summary, reading: &Reading, bytes: u64, context: &ingest::Context) -> Summary {
    let mut new = Summary { uid: old.uid, flags: old.flags.clone(), received: old.received, ..Summary::default() };
    (new.has_raw, new.bytes) = (old.has_raw, u32::try_from(bytes).unwrap_or(old.bytes));
    ingest::fill(&mut new, reading, context);
    ingest::carry_over(&mut new, old);
    ingest::if_for_this_system(new)
}
