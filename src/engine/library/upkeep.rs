//! The index kept in step with the cache: what its pages said when they were read, what has changed since, and by which rules everything is filed.

use std::collections::{BTreeSet, HashMap};

use super::Library;
use crate::mail::id::{MailboxId, MessageKey};
use crate::store::cache::Generation;
use crate::store::mailbox::Mailbox;
use crate::store::page;

impl Library {
    /// What a page of the cache said that this index goes by, changes since included.
    pub(crate) fn generation(&self, mailbox: MailboxId, page: u32) -> Generation {
        self.applied.get(&(mailbox, page)).copied().unwrap_or_default()
    }

    /// The pages whose generations are known, of a mailbox.
    pub(crate) fn pages(&self, mailbox: MailboxId) -> Vec<u32> {
        self.applied.keys().filter(|(known, _)| *known == mailbox).map(|(_, page)| *page).collect()
    }

    /// A page of the cache was read, and said this.
    pub(crate) fn set_generation(&mut self, mailbox: MailboxId, page: u32, generation: Generation) {
        self.version += 1;
        self.applied.insert((mailbox, page), generation);
    }

    /// A transaction of the cache that changed these messages is in the index: each page of them counts it once.
    pub(crate) fn applied(&mut self, mailbox: MailboxId, uids: impl IntoIterator<Item = u32>, rows: bool, flags: bool) {
        let pages: BTreeSet<u32> = uids.into_iter().map(page::number).collect();
        self.version += 1;
        for page in pages {
            let known = self.applied.entry((mailbox, page)).or_default();
            *known = known.after(rows, flags);
        }
    }

    /// The mailboxes that were here when it was kept.
    pub(crate) fn mailbox_ids(&self) -> Vec<MailboxId> {
        self.mailboxes.keys().copied().collect()
    }

    /// A page of the cache says that these messages are in it, and no others.
    pub(crate) fn keep_only(&mut self, mailbox: MailboxId, page: u32, uids: &[u32]) {
        let known = self.uids_between(mailbox, page::uids(page));
        for uid in known.into_iter().filter(|uid| !uids.contains(uid)) {
            self.remove(MessageKey { mailbox, uid });
        }
    }

    /// Whether everything is filed by the rules of today.
    pub(crate) fn is_filed(&self) -> bool {
        self.filed_by == self.book.digest()
    }

    /// Files what was filed by other rules: so many threads more. Says whether that was all; lists change meanwhile.
    pub(crate) fn refile(&mut self, threads: usize) -> bool {
        if self.is_filed() {
            return true;
        }
        let end = self.refiled.saturating_add(threads).min(self.threads.bodies.len());
        for thread in self.refiled..end {
            let Ok(thread) = u32::try_from(thread) else { break };
            if self.threads.bodies.get(thread as usize).is_some_and(|body| body.length > 0) {
                self.file_thread(thread);
            }
        }
        self.refiled = end;
        self.version += 1;
        if end < self.threads.bodies.len() {
            return false;
        }
        self.untitled.extend(self.case_lists.iter().flat_map(|cases| cases.iter()).cloned());
        (self.filed_by, self.refiled) = (self.book.digest(), 0);
        true
    }

    /// Makes everything fresh, so that it can be kept.
    pub(crate) fn settle(&mut self) {
        self.rebuild();
        self.freshen();
        self.make_titles();
    }

    /// Becomes another one with every change.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// Nothing has come yet.
    pub(crate) fn is_untouched(&self) -> bool {
        self.entries.is_empty() && self.applied.is_empty()
    }

    /// Takes the place of an index that is still empty: its mailboxes are the ones there are now.
    pub(crate) fn succeed(mut self, before: &mut Self) {
        let known: HashMap<MailboxId, Mailbox> = std::mem::take(&mut before.mailboxes);
        for id in self.mailbox_ids() {
            if !known.contains_key(&id) {
                self.drop_mailbox(id);
            }
        }
        for mailbox in known.into_values() {
            self.set_mailbox(mailbox);
        }
        *before = self;
    }
}
