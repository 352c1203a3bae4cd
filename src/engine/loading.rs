//! The index at the start: as it was kept, with what changed since read from the cache page by page; or all of it from the cache.
//!
//! Where nothing has changed since, the head of the kept list is shown before the rest of it is read ([`super::library::head`]), then all that lists show,
//! and only then comes what nobody sees before something is opened.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::announce::Announcer;
use super::core::{Core, CoreHandle, Open, Stores};
use super::library::filing::Book;
use super::library::head::{Head, Outside, Signs, pages_digest};
use super::library::kept::Kept;
use super::library::record::Record;
use super::library::shown::Shown;
use super::register::{Register, ends};
use crate::app::document_view::DocumentScope;
use crate::app::effect::Effect;
use crate::app::event::Event;
use crate::app::view::Tone;
use crate::mail::id::{MailboxId, MessageKey};
use crate::store::cache::{Cache, CacheError, Generation, Held, KeptList};
use crate::store::mailbox::SpecialUse;

/// Summaries that go from the cache into the index in one job: a screenful is shown at once, and what waits for the core takes little room.
const LOAD_CHUNK: usize = 250;
/// Threads that are filed anew in one job where the rules changed.
const REFILE_CHUNK: usize = 1_000;

/// Everything that reading takes along.
struct Reader {
    number: u64,
    stores: Arc<Stores>,
    core: CoreHandle,
    book: Arc<Book>,
    register: Register,
    /// Digest of what lay over the cache when reading began.
    waiting: u64,
}

/// What the pages of each mailbox of the cache say.
type Pages = BTreeMap<MailboxId, BTreeMap<u32, Generation>>;

impl Core {
    /// Fills the index in the background, where that has not begun.
    pub(crate) fn load(&self, open: &mut Open) {
        // Before the first page is read: whoever stores a batch and then finds this unset may leave the index alone.
        if open.indexed.swap(true, Ordering::SeqCst) {
            return;
        }
        open.deferred = Some(Vec::new());
        let mut mailboxes: Vec<(bool, MailboxId)> =
            open.library.mailboxes().map(|m| (m.state.special_use != Some(SpecialUse::Inbox), m.id)).collect();
        mailboxes.sort_unstable();
        let mailboxes: Vec<MailboxId> = mailboxes.into_iter().map(|(_, id)| id).collect();
        let reader = Reader {
            number: open.number,
            stores: Arc::clone(&open.stores),
            core: self.handle.clone(),
            book: Arc::new(self.settings.book_by(&open.rules)),
            register: open.register.clone(),
            waiting: open.changes.digest(),
        };
        let announcer = self.announcer.clone();
        self.runtime.spawn_blocking(move || {
            let rest = reader.read_kept(&mailboxes);
            // What comes now is filed by what the register says, which is read beside this.
            if reader.register.with(|_| ()).is_ok() {
                reader.core.front_of(reader.number, Self::register_changed);
            }
            reader.core.front_of(reader.number, Self::perform_deferred);
            reader.read_mailboxes(rest.as_ref().unwrap_or(&mailboxes), &announcer);
            let damage = reader.stores.cache.take_damage();
            if let Some(first) = damage.first() {
                let words =
                    format!("{} damaged record(s) of the cache ({}) are fetched again.", damage.len(), first.what);
                announcer.notice(Tone::Warning, &words);
            }
            let Reader { number, stores, core, .. } = reader;
            drop(stores);
            core.back_of(number, |core, open| {
                core.register_changed(open);
                core.loaded(open);
                core.seal_what_is_shut(open);
            });
        });
    }

    /// Keeps what cannot be done before there is a list. Lists are answered by their head, where that is here; those of threads are asked for all
    /// the same, because the accounts are to know what is looked at before they begin.
    pub(super) fn defer(&self, open: &mut Open, effect: Effect) {
        let answer = open.head.as_ref().and_then(|head| match &effect {
            Effect::ListCases => Some(Event::Cases(head.case_rows(self.now()).into())),
            Effect::ListThreads(scope) => Some(Event::Threads(scope.clone(), head.thread_list(scope)?)),
            _ => None,
        });
        let is_answered = answer.is_some();
        if let Some(answer) = answer {
            self.announcer.send(answer);
        }
        let Some(waiting) = &mut open.deferred else { return };
        match &effect {
            Effect::ListCases if is_answered => return,
            Effect::ListThreads(scope) => {
                waiting.retain(|other| !matches!(other, Effect::ListThreads(known) if known == scope));
            }
            _ => {}
        }
        waiting.push(effect);
    }

    /// Shows the head of the list that is being read.
    fn show_head(&mut self, open: &mut Open, head: Head) {
        open.head = Some(head);
        for effect in open.deferred.replace(Vec::new()).unwrap_or_default() {
            self.defer(open, effect);
        }
    }

    /// Shows the lists of the head in whole.
    fn show_whole(&self, open: &mut Open, shown: Shown) {
        let Some(head) = &mut open.head else { return };
        head.complete(shown);
        for effect in open.deferred.iter().flatten() {
            if let Effect::ListThreads(scope) = effect
                && let Some(list) = head.thread_list(scope)
            {
                self.announcer.send(Event::Threads(scope.clone(), list));
            }
        }
    }

    /// Performs an effect once the register has been read; the core does other things meanwhile.
    pub(super) fn after_register(&self, open: &Open, effect: Effect) {
        let (register, core, number) = (open.register.clone(), self.handle.clone(), open.number);
        self.runtime.spawn_blocking(move || {
            // Where it cannot be read, whoever asks is told so.
            let _ = register.with(|_| ());
            core.front_of(number, move |core, open| core.perform_open(open, effect));
        });
    }

    /// Does what was asked before there was a list.
    fn perform_deferred(&mut self, open: &mut Open) {
        open.head = None;
        for effect in open.deferred.take().unwrap_or_default() {
            self.perform_open(open, effect);
        }
    }

    /// Told when the cache is in the index; begins to read it where that was put off.
    pub(crate) fn when_loaded(&self, open: &mut Open) -> std::sync::mpsc::Receiver<()> {
        let (tell, told) = std::sync::mpsc::channel();
        if open.loaded {
            let _ = tell.send(());
        } else {
            open.when_loaded.push(tell);
            self.load(open);
        }
        told
    }

    /// The cache has been read: the network may begin.
    fn loaded(&mut self, open: &mut Open) {
        // The lists are there; where each message belongs is worked out anew beside them.
        if !open.library.refile(REFILE_CHUNK) {
            self.mark_changed();
            self.handle.front_of(open.number, Self::loaded);
            return;
        }
        open.loaded = true;
        open.library.rebuild();
        self.mark_changed();
        open.when_loaded.drain(..).for_each(|waiting| {
            let _ = waiting.send(());
        });
        for account in open.accounts.values() {
            self.announcer.send(Event::Account(account.status.clone()));
        }
        self.tell_changed_rules(open);
        if self.settings.watch {
            self.connect(open);
        }
    }
}

/// Into the index with them, and over them what waits to be told to the server.
fn insert(open: &mut Open, mailbox: MailboxId, records: Vec<Record>) {
    for record in records {
        let key = MessageKey { mailbox, uid: record.summary.uid };
        open.library.insert(mailbox, &record);
        open.changes.show(&mut open.library, key, &record.summary.flags);
    }
}

/// What the pages say now.
fn pages_of(cache: &Cache, mailboxes: &[MailboxId]) -> Option<Pages> {
    let pages = mailboxes.iter().map(|id| Some((*id, cache.generations(*id).ok()?.into_iter().collect())));
    pages.collect()
}

/// By what a head of today is told.
fn signs(stores: &Stores, pages: &Pages, waiting: u64) -> Option<Signs> {
    // The register itself may take longer to read than all of the list.
    let (streams, damage) = stores.state.register_streams().ok()?;
    let register = ends(streams.iter().map(|stream| (stream.number, stream.last)));
    let outside = Outside { waiting, register: if damage.is_empty() { register } else { 0 } };
    Some(Signs { pages: digest_of(&stores.cache, pages)?, outside })
}

fn digest_of(cache: &Cache, pages: &Pages) -> Option<u64> {
    let all = pages.iter().flat_map(|(id, pages)| pages.iter().map(|(page, now)| (*id, *page, *now)));
    Some(pages_digest(cache.mailboxes().ok()?.iter(), all))
}

/// A digest of the mailboxes and of what their pages say now.
pub(super) fn today(cache: &Cache) -> Option<u64> {
    let ids: Vec<MailboxId> = cache.mailboxes().ok()?.iter().map(|mailbox| mailbox.id).collect();
    digest_of(cache, &pages_of(cache, &ids)?)
}

/// The head of today, and whether the list is, too.
fn head_of_today(cache: &Cache, list: &KeptList, book: &Book, signs: Signs) -> Option<(Head, bool)> {
    Head::read(book, list, || cache.kept_head(), signs)
}

impl Reader {
    /// By what is filed: what the register says as well, which is read beside this.
    fn book_now(&self) -> Book {
        match self.register.with(|loaded| (loaded.book(), loaded.changes())) {
            Ok((register, changes)) => self.book.with_register(&register).dated(changes),
            Err(_) => (*self.book).clone(),
        }
    }

    /// Takes over the index as it was kept, and reads the pages that have changed since. Gives the mailboxes that it does not know; nothing
    /// where there is no list that can be read.
    fn read_kept(&self, mailboxes: &[MailboxId]) -> Option<Vec<MailboxId>> {
        let list = self.stores.cache.kept_list()?;
        // Asked before the pages are read: what is read is at least so new.
        let pages = pages_of(&self.stores.cache, mailboxes)?;
        let head = self.read_head(&list, &pages);
        let kept = Kept::open(&list)?;
        let shown = kept.shown()?;
        if head.is_some_and(|(_, of_list)| of_list) {
            let shown = shown.clone();
            self.core.front_of(self.number, move |core, open| core.show_whole(open, shown));
        }
        let library = kept.library(self.book_now(), shown)?;
        let known: BTreeSet<MailboxId> = library.mailbox_ids().into_iter().collect();
        let mut changed: Vec<(MailboxId, u32, Generation, bool)> = Vec::new();
        for &mailbox in mailboxes.iter().filter(|id| known.contains(id)) {
            let now = pages.get(&mailbox)?;
            let pages: BTreeSet<u32> = library.pages(mailbox).into_iter().chain(now.keys().copied()).collect();
            // The newest first.
            for page in pages.into_iter().rev() {
                let (was, is) = (library.generation(mailbox, page), now.get(&page).copied().unwrap_or_default());
                if was != is {
                    changed.push((mailbox, page, is, was.rows != is.rows));
                }
            }
        }
        let (tell, told) = std::sync::mpsc::channel();
        let (behind, is_filed) = (changed.len(), library.is_filed());
        self.core.front_of(self.number, move |core, open| {
            // Something came in since reading began (a command may sync at once): then it is read together with the rest.
            let fits = open.library.is_untouched();
            if fits {
                library.succeed(&mut open.library);
                open.changes.lay_over(&mut open.library);
                open.kept_version = Some(open.library.version()).filter(|_| behind == 0);
                open.kept_head = head.map(|(outside, _)| (open.library.version(), outside));
                open.behind = is_filed.then_some(behind);
                core.mark_changed();
            }
            let _ = tell.send(fits);
        });
        if !told.recv().unwrap_or_default() {
            return None;
        }
        for (mailbox, page, generation, rows) in changed {
            let read = if rows {
                self.read_page(mailbox, page, generation)
            } else {
                self.read_flags(mailbox, page, generation)
            };
            // What could not be read stays older than it is, and is read again at the next start.
            if let Err(error) = read {
                tracing::warn!(%error, "a page of the cache could not be read");
            }
        }
        Some(mailboxes.iter().filter(|id| !known.contains(id)).copied().collect())
    }

    /// Shows the head of the list at once, where it says what the list will say; gives by what it goes, and whether the list itself is of today. Where that is
    /// older, a head may have been kept since.
    fn read_head(&self, list: &KeptList, pages: &Pages) -> Option<(Outside, bool)> {
        let signs = signs(&self.stores, pages, self.waiting)?;
        let (head, of_list) = head_of_today(&self.stores.cache, list, &self.book, signs)?;
        let waiting = self.waiting;
        self.core.front_of(self.number, move |core, open| {
            let is_awaited = open.library.is_untouched() && open.deferred.is_some() && !core.settings.lazy;
            if is_awaited && open.changes.digest() == waiting {
                core.show_head(open, head);
            }
        });
        Some((signs.outside, of_list))
    }

    fn read_page(&self, mailbox: MailboxId, page: u32, generation: Generation) -> Result<(), CacheError> {
        let records: Vec<Record> =
            self.stores.cache.summaries_of(mailbox, page)?.into_iter().map(Record::from).collect();
        self.core.back_of(self.number, move |core, open| {
            let uids: Vec<u32> = records.iter().map(|record| record.summary.uid).collect();
            open.library.keep_only(mailbox, page, &uids);
            insert(open, mailbox, records);
            open.library.set_generation(mailbox, page, generation);
            core.mark_changed();
        });
        Ok(())
    }

    fn read_flags(&self, mailbox: MailboxId, page: u32, generation: Generation) -> Result<(), CacheError> {
        let held: Vec<Held> = self.stores.cache.held_of(mailbox, page)?;
        self.core.back_of(self.number, move |core, open| {
            for held in held {
                let key = MessageKey { mailbox, uid: held.uid };
                open.changes.show(&mut open.library, key, &held.flags);
                open.library.set_here(key, held.has_raw);
            }
            open.library.set_generation(mailbox, page, generation);
            core.mark_changed();
        });
        Ok(())
    }

    /// Reads all summaries of these mailboxes, the newest pages first, so that a first page can be shown at once.
    fn read_mailboxes(&self, mailboxes: &[MailboxId], announcer: &Announcer) {
        for &mailbox in mailboxes {
            if let Err(error) = self.read_mailbox(mailbox) {
                announcer.notice(Tone::Alarm, &error.to_string());
            }
        }
    }

    fn read_mailbox(&self, mailbox: MailboxId) -> Result<(), CacheError> {
        // Asked before the pages are read: what is read is at least so new.
        let generations = self.stores.cache.generations(mailbox)?;
        self.core.back_of(self.number, move |_, open| {
            for (page, generation) in generations {
                open.library.set_generation(mailbox, page, generation);
            }
        });
        let send = |records: Vec<Record>| {
            self.core.back_of(self.number, move |core, open| {
                insert(open, mailbox, records);
                // Nobody looks at what a command reads: nothing else would make threads before all of it is here.
                if core.settings.lazy {
                    open.library.rebuild_if_many();
                }
                core.mark_changed();
            })
        };
        let mut chunk = Vec::with_capacity(LOAD_CHUNK);
        for summary in self.stores.cache.summaries(mailbox)?.flatten() {
            chunk.push(Record::from(summary));
            if chunk.len() >= LOAD_CHUNK && !send(std::mem::replace(&mut chunk, Vec::with_capacity(LOAD_CHUNK))) {
                return Ok(());
            }
        }
        if !chunk.is_empty() {
            send(chunk);
        }
        Ok(())
    }
}

/// Whether an effect shows what the register says, and nothing without it.
pub(super) fn needs_register(effect: &Effect) -> bool {
    matches!(
        effect,
        Effect::ShowCase(_)
            | Effect::ListAwaiting
            | Effect::ListPleas
            | Effect::ShowPlea(..)
            | Effect::ListDocuments(DocumentScope::Case(_))
    )
}

#[cfg(test)]
mod tests;
