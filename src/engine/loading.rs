//! The index at the start: as it was kept, with what changed since read from the cache page by page; or all of it from the cache.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::announce::Announcer;
use super::core::{Core, CoreHandle, Open, Stores};
use super::library::Library;
use super::library::filing::Book;
use super::library::record::Record;
use super::register::Register;
use crate::app::event::Event;
use crate::app::view::Tone;
use crate::mail::id::{MailboxId, MessageKey};
use crate::store::cache::{CacheError, Generation, Held};
use crate::store::mailbox::SpecialUse;

/// Summaries that go from the cache into the index in one job.
const LOAD_CHUNK: usize = 2_000;
/// Of the first job: a screenful is shown at once.
const FIRST_CHUNK: usize = 250;
/// Threads that are filed anew in one job where the rules changed.
const REFILE_CHUNK: usize = 1_000;

/// Everything that reading takes along.
struct Reader {
    number: u64,
    stores: Arc<Stores>,
    core: CoreHandle,
    book: Arc<Book>,
    register: Register,
}

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
            });
        });
    }

    /// Does what was asked before there was a list.
    fn perform_deferred(&mut self, open: &mut Open) {
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

impl Reader {
    /// By what is filed: what the register says as well, which is read beside this.
    fn book_now(&self) -> Book {
        match self.register.with(|loaded| loaded.book()) {
            Ok(register) => self.book.with_register(&register),
            Err(_) => (*self.book).clone(),
        }
    }

    /// Takes over the index as it was kept, and reads the pages that have changed since. Gives the mailboxes that it does not know; nothing
    /// where there is no list that can be read.
    fn read_kept(&self, mailboxes: &[MailboxId]) -> Option<Vec<MailboxId>> {
        let library = Library::from_kept(self.book_now(), &self.stores.cache.kept_list()?)?;
        let known: BTreeSet<MailboxId> = library.mailbox_ids().into_iter().collect();
        let mut changed: Vec<(MailboxId, u32, Generation, bool)> = Vec::new();
        for &mailbox in mailboxes.iter().filter(|id| known.contains(id)) {
            let now: BTreeMap<u32, Generation> = self.stores.cache.generations(mailbox).ok()?.into_iter().collect();
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
        let up_to_date = changed.is_empty();
        self.core.front_of(self.number, move |core, open| {
            // Something came in since reading began (a command may sync at once): then it is read together with the rest.
            let fits = open.library.is_untouched();
            if fits {
                library.succeed(&mut open.library);
                open.changes.lay_over(&mut open.library);
                open.kept_version = Some(open.library.version()).filter(|_| up_to_date);
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
        let mut size = FIRST_CHUNK;
        for &mailbox in mailboxes {
            if let Err(error) = self.read_mailbox(mailbox, &mut size) {
                announcer.notice(Tone::Alarm, &error.to_string());
            }
        }
    }

    fn read_mailbox(&self, mailbox: MailboxId, size: &mut usize) -> Result<(), CacheError> {
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
                core.mark_changed();
            })
        };
        let mut chunk = Vec::with_capacity(*size);
        for summary in self.stores.cache.summaries(mailbox)?.flatten() {
            chunk.push(Record::from(summary));
            if chunk.len() >= *size {
                *size = LOAD_CHUNK;
                if !send(std::mem::replace(&mut chunk, Vec::with_capacity(LOAD_CHUNK))) {
                    return Ok(());
                }
            }
        }
        if !chunk.is_empty() {
            send(chunk);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use crate::app::view::Scope;
    use crate::config::{CaseRule, Config};
    use crate::engine::library::FoundIn;
    use crate::engine::library::filing::Derived;
    use crate::engine::query::Filter;
    use crate::engine::{Engine, Opening};
    use crate::mail::address::Address;
    use crate::mail::id::MailboxId;
    use crate::store::cache::{Cache, NewMessage};
    use crate::store::flags::Flags;
    use crate::store::profile::{Profile, Roots};
    use crate::store::summary::Summary;
    use crate::store::vault::{Cost, Vault};

    fn create(home: &Path) {
        let profile = Profile::open(Roots::below(home)).unwrap();
        Vault::create_with(&profile.roots().vault_file(), b"otter", Cost::TEST).unwrap();
    }

    fn open(home: &Path, case: &str) -> Engine {
        let profile = Profile::open(Roots::below(home)).unwrap();
        let vault = Vault::open_with(&profile.roots().vault_file(), b"otter", Cost::TEST).unwrap();
        let rule = CaseRule { id: case.into(), title: "R v FERRET".into(), identifiers: vec!["T20269001".into()] };
        let config = Config { cases: vec![rule], ..Config::default() };
        Engine::open(Opening { vault_floor: Cost::TEST, ..Opening::new(profile, config, Some(vault)) }).unwrap()
    }

    /// Everything that lists say.
    fn lists(home: &Path, case: &str) -> String {
        let engine = open(home, case);
        let mut threads = String::new();
        for scope in [Scope::All, Scope::Unfiled, Scope::Case(crate::mail::id::CaseId(case.into()))] {
            let rows = engine.threads(&scope).unwrap();
            for row in rows {
                threads += &format!("{row:?}\n{:?}\n", engine.thread(row.id).unwrap());
            }
        }
        let messages = engine.messages(&Filter::default()).unwrap();
        format!("{:?}\n{threads}\n{messages:?}", engine.cases().unwrap())
    }

    /// Numbers that look like chance and are always the same.
    struct Chance(u64);

    impl Chance {
        fn below(&mut self, end: u32) -> u32 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            u32::try_from(self.0 % u64::from(end)).unwrap()
        }
    }

    fn message(uid: u32, chance: &mut Chance) -> NewMessage {
        let subject = ["Weir", "Re: Weir", "Otter T20269001", "Re: Lantern", ""][chance.below(5) as usize];
        let identifiers =
            if subject.contains("T2026") { vec![(FoundIn::Subject, "T20269001".to_owned())] } else { Vec::new() };
        let references = (0..chance.below(3)).map(|_| format!("{}@x", chance.below(900))).collect();
        let summary = Summary {
            uid,
            flags: Flags::new(u8::try_from(chance.below(2)).unwrap(), Vec::new()),
            received: 1_760_000_000 + i64::from(chance.below(100_000)),
            message_id: format!("{}@x", chance.below(900)),
            references,
            from: vec![Address {
                name: format!("Person {}", chance.below(9)),
                addr: "h.lintwhite@copfs.gov.example".into(),
            }],
            subject: subject.into(),
            attachments: 1,
            derived: Derived { content: u64::from(chance.below(3)), identifiers, ..Derived::default() }.write(),
            ..Summary::default()
        };
        NewMessage { summary, raw: None }
    }

    /// Changes the cache behind the back of the index, as a crash does that comes before the list is kept.
    fn change(cache: &Cache, chance: &mut Chance) {
        let mailbox = |chance: &mut Chance| {
            let name = ["INBOX", "Sent", "Cases"][chance.below(3) as usize];
            cache.ensure_mailbox("work", name, 1).unwrap()
        };
        for _ in 0..6 {
            let id: MailboxId = mailbox(chance);
            let uids: Vec<u32> = (0..chance.below(40) + 1).map(|_| chance.below(900) + 1).collect();
            match chance.below(6) {
                0..=2 => {
                    let messages = uids.iter().map(|uid| message(*uid, chance)).collect();
                    cache.put_batch(id, messages, None).unwrap();
                }
                3 => {
                    let flags: Vec<(u32, Flags)> = uids
                        .iter()
                        .map(|uid| {
                            (
                                *uid,
                                Flags::new(
                                    [Flags::SEEN, Flags::DELETED, Flags::FLAGGED][chance.below(3) as usize],
                                    Vec::new(),
                                ),
                            )
                        })
                        .collect();
                    cache.set_flags(id, &flags, None).unwrap();
                }
                4 => cache.remove(id, &uids, None).unwrap(),
                _ => {
                    cache.update_summaries(id, uids.iter().map(|uid| message(*uid, chance).summary).collect()).unwrap()
                }
            }
        }
        if chance.below(4) == 0 {
            let id = mailbox(chance);
            cache.drop_mailbox(id).unwrap();
        }
    }

    #[test]
    fn a_list_that_was_kept_is_what_is_read_anew_whatever_happened_since() {
        for seed in 1..4 {
            let dir = tempfile::tempdir().unwrap();
            let home = dir.path().join("home");
            create(&home);
            let list = Roots::below(&home).cache.join("list");
            let mut chance = Chance(seed * 7919);
            for round in 0..4 {
                let engine = open(&home, "ferret");
                let stores = engine.core.ask_stores(|_, open| Arc::clone(&open.stores)).unwrap();
                change(&stores.cache, &mut chance);
                drop((stores, engine));
                let older = lists(&home, "ferret");
                assert!(list.exists());
                let kept = lists(&home, "ferret");
                let whole = std::fs::read(&list).unwrap();
                // Another configuration, and back.
                let other = lists(&home, "otter");
                std::fs::remove_file(&list).unwrap();
                let fresh = lists(&home, "ferret");
                assert_eq!(older, fresh, "seed {seed}, round {round}: a list older than the cache");
                assert_eq!(kept, fresh, "seed {seed}, round {round}: a list as old as the cache");
                std::fs::remove_file(&list).unwrap();
                assert_eq!(other, lists(&home, "otter"), "seed {seed}, round {round}: a list of another configuration");
                let mut spoilt = whole;
                let at = chance.below(u32::try_from(spoilt.len()).unwrap()) as usize;
                spoilt[at] ^= 1;
                std::fs::write(&list, &spoilt).unwrap();
                assert_eq!(lists(&home, "ferret"), fresh, "seed {seed}, round {round}: a damaged list");
            }
        }
    }

    #[test]
    fn a_list_that_is_cut_anywhere_is_no_list() {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().join("home");
        create(&home);
        let list = Roots::below(&home).cache.join("list");
        let mut chance = Chance(5);
        let engine = open(&home, "ferret");
        let stores = engine.core.ask_stores(|_, open| Arc::clone(&open.stores)).unwrap();
        (0..5).for_each(|_| change(&stores.cache, &mut chance));
        engine.wait_loaded().unwrap();
        drop(stores);
        let book = engine.core.ask(|core| (*core.settings.book).clone()).unwrap();
        drop(engine);
        let whole = std::fs::read(&list).unwrap();
        let engine = open(&home, "ferret");
        let stores = engine.core.ask_stores(|_, open| Arc::clone(&open.stores)).unwrap();
        let reads = |bytes: &[u8]| {
            std::fs::write(&list, bytes).unwrap();
            stores.cache.kept_list().and_then(|list| super::Library::from_kept(book.clone(), &list)).is_some()
        };
        assert!(reads(&whole));
        for end in (0..whole.len()).step_by(97) {
            assert!(!reads(&whole[..end]), "cut at {end}");
        }
        for at in (0..whole.len()).step_by(131) {
            let mut spoilt = whole.clone();
            spoilt[at] ^= 0x40;
            assert!(!reads(&spoilt), "damaged at {at}");
        }
    }
}
