//! Changes made here: flags, moves, removals, new mailboxes, appended messages. At once on screen, queued durably, told to the servers in
//! order, and taken back as long as that can be done.
//!
//! ```text
//! deed ──▶ queue (rows, in order) ──▶ state store
//!            │    ▲                      │ durable
//!            │    └── settle ◀── replay ◀┘ ──▶ server
//!            ▼
//!   overlay: what the server last said (cache) + what waits = what is shown (index)
//! ```
//!
//! The cache holds what the server said and nothing else; what waits lies over it. So an answer, a refusal or a taken-back change is
//! shown by folding anew, and no order of news and changes can leave a wrong flag behind. Until the server has moved a message
//! it keeps its name: scripts and open screens hold on to it, its text can be fetched by it, and it is only *shown* in the other mailbox.
//! Afterwards every row that names it is renamed, and the old name leads to the new one for as long as the program runs.
//!
//! **Nothing is done twice.** Flags are told as what to set and to clear. A move or an APPEND is noted as begun, with how far the target was
//! known, before the server is told; when no answer came, the target is looked through for the message before anything is repeated.
//!
//! **Conflicts** (`overlay::resolve`): others' changes of other flags stand beside ours; where others did the same, nothing is left
//! to do; where they did the contrary of what the user in the end wants unchanged, theirs is kept and the user is told. A message that
//! others removed or moved is gone: what waited for it is dropped, and told of.

mod deed;
mod listed;
mod overlay;
mod queue;
mod refusal;
mod replay;
mod settle;
mod undo;

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::oneshot;

pub(crate) use self::deed::SO_ALREADY;
pub(crate) use self::overlay::Over;
use self::queue::{Dated, Edits, Named, Place, Queue};
use super::core::{Core, Open, Stores};
use super::library::Library;
use super::library::record::Record;
use crate::app::view::Tone;
use crate::imap::UidSet;
use crate::mail::id::{MailboxId, MessageKey, MessageRef};
use crate::mail::thread::id_hash;
use crate::store::change::{Act, Change};
use crate::store::flags::Flags;
use crate::store::state::{State, StateError};
use crate::store::summary::Summary;

pub(crate) use self::replay::run as replay;

/// So many old names of messages that were moved are remembered.
const FORMER_NAMES_MAX: usize = 50_000;
/// From so many messages on, flags are read by the mailbox.
const SINGLY_MAX: usize = 32;

/// What waits, what can be taken back, and where moved messages are.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    queue: Queue,
    /// The new names of messages that were moved, by the old ones.
    former: HashMap<MessageRef, MessageRef>,
    /// When something was last moved to a mailbox of an account.
    used: HashMap<(String, String), Timestamp>,
    /// Messages that left while we were moving them, and stay in the cache until it is known where they went: they are looked for by what is
    /// held of them.
    withheld: HashMap<Place, UidSet>,
    /// As of when messages that we changed are known.
    dated: HashMap<Place, Dated>,
}

impl Changes {
    /// From the state store. Rows that are damaged are left out and told of.
    pub(crate) fn load(state: &State) -> Result<(Self, Vec<StateError>), StateError> {
        let (rows, damage) = state.changes()?;
        let queue = Queue::load(rows, state.next_change()?);
        Ok((Self { queue, ..Self::default() }, damage))
    }

    /// What waits for a message.
    pub(crate) fn over(&self, library: &Library, key: MessageKey) -> Option<Over> {
        if self.queue.is_idle() {
            return None;
        }
        let mailbox = library.mailbox(key.mailbox)?;
        self.queue.over(&mailbox.account, &mailbox.name, mailbox.uid_validity, key.uid)
    }

    /// Shows a message as the server said, with what waits on top.
    pub(crate) fn show(&self, library: &mut Library, key: MessageKey, said: &Flags) {
        match self.over(library, key) {
            None => {
                library.set_flags(key, said.bits(), false);
                library.set_elsewhere(key, None);
            }
            Some(over) => {
                library.set_flags(key, over.shown(said).bits(), true);
                let to = over.to.filter(|to| library.mailbox(key.mailbox).is_none_or(|here| here.name != *to));
                library.set_elsewhere(key, to.as_deref());
            }
        }
    }

    /// Lays all that waits over an index that shows messages as the server said.
    pub(crate) fn lay_over(&self, library: &mut Library) {
        for key in keys(library, &self.queue.named()) {
            let said = Flags::new(library.flags(key).unwrap_or_default(), Vec::new());
            self.show(library, key, &said);
        }
    }

    /// Digest of all that lies over what the servers said; 0: nothing does.
    pub(crate) fn digest(&self) -> u64 {
        if self.queue.is_idle() { 0 } else { id_hash(&self.queue.words()).max(1) }
    }

    /// Whether the server of this account still has to be told something.
    pub(crate) fn waits_for(&self, account: &str) -> bool {
        self.queue.waits_for(account)
    }

    /// How many changes to messages of a mailbox its server still has to be told.
    pub(crate) fn waiting_in(&self, account: &str, mailbox: &str) -> usize {
        self.queue.waiting().map(|(change, _)| waiting_in(change, account, mailbox)).sum()
    }

    /// The name that a message has now.
    pub(crate) fn name_now(&self, name: &MessageRef) -> Option<&MessageRef> {
        let mut now = self.former.get(name)?;
        // Moved on and on; `moved` keeps this from going in a circle.
        while let Some(next) = self.former.get(now) {
            now = next;
        }
        Some(now)
    }

    /// Whether a message has left this name by a move of ours: late news of it are old.
    pub(crate) fn has_left(&self, library: &Library, key: MessageKey) -> bool {
        !self.former.is_empty() && library.name(key).is_some_and(|name| self.former.contains_key(&name))
    }

    /// Of messages that left a mailbox, those that left by other hands than ours, as far as is known.
    pub(crate) fn left_by_others(&mut self, account: &str, mailbox: &str, uid_validity: u32, uids: &UidSet) -> UidSet {
        let place = Place { account: account.to_owned(), mailbox: mailbox.to_owned(), uid_validity };
        let ours = uids.and(&self.queue.on_the_move(&place));
        if !ours.is_empty() {
            self.withheld.entry(place).or_default().extend(ours.iter());
        }
        uids.without(&ours)
    }

    /// Those that left and are not on the move any more.
    fn release(&mut self, place: &Place) -> Vec<u32> {
        let Some(withheld) = self.withheld.remove(place) else { return Vec::new() };
        let moving = withheld.and(&self.queue.on_the_move(place));
        let free = withheld.without(&moving);
        if !moving.is_empty() {
            self.withheld.insert(place.clone(), moving);
        }
        free.iter().collect()
    }

    fn moved(&mut self, old: MessageRef, new: MessageRef) {
        if self.former.len() >= FORMER_NAMES_MAX {
            self.former.clear();
        }
        // A name is never used again; of a server that says it is, the last word counts.
        self.former.remove(&new);
        if old != new {
            self.former.insert(old, new);
        }
    }
}

/// The messages of a place that are in the index.
fn keys(library: &Library, touched: &Named) -> Vec<MessageKey> {
    let mut keys = Vec::new();
    for (place, uids) in touched {
        let Some(mailbox) = mailbox_of(library, place) else { continue };
        let known = uids.iter().map(|&uid| MessageKey { mailbox, uid });
        keys.extend(known.filter(|key| library.flags(*key).is_some()));
    }
    keys
}

/// The number of a place in the cache.
fn mailbox_of(library: &Library, place: &Place) -> Option<MailboxId> {
    let is_it = |m: &&crate::store::mailbox::Mailbox| {
        m.uid_validity == place.uid_validity && m.name == place.mailbox && m.account == place.account
    };
    library.mailboxes().find(is_it).map(|m| m.id)
}

/// What the server last said of messages, from the cache; those that are not there are left out.
fn said(stores: &Stores, keys: &[MessageKey]) -> Vec<(MessageKey, Flags)> {
    let mut found = Vec::with_capacity(keys.len());
    let mut by_mailbox: HashMap<MailboxId, Vec<u32>> = HashMap::new();
    for key in keys {
        by_mailbox.entry(key.mailbox).or_default().push(key.uid);
    }
    for (mailbox, uids) in by_mailbox {
        if uids.len() <= SINGLY_MAX {
            for uid in uids {
                let key = MessageKey { mailbox, uid };
                if let Ok(Some(summary)) = stores.cache.summary(key) {
                    found.push((key, summary.flags));
                }
            }
        } else if let Ok(held) = stores.cache.held(mailbox) {
            let wanted: UidSet = uids.into_iter().collect();
            let held = held.into_iter().filter(|row| wanted.contains(row.uid));
            found.extend(held.map(|row| (MessageKey { mailbox, uid: row.uid }, row.flags)));
        }
    }
    found
}

/// Writes rows, as one transaction.
fn write(state: &State, edits: &Edits) -> Result<(), StateError> {
    if edits.is_empty() {
        return Ok(());
    }
    state.write(|write| {
        edits.put.iter().try_for_each(|row| write.put_change(row))?;
        write.drop_changes(&edits.drop)
    })
}

impl Core {
    /// Shows messages anew: their flags as the cache has them, what waits on top.
    fn refold(&mut self, open: &mut Open, touched: &Named) {
        let keys = keys(&open.library, touched);
        let (core, number) = (self.handle.clone(), open.number);
        open.scribe.write(move |stores| {
            let said = said(stores, &keys);
            core.front_of(number, move |core, open| {
                for (key, flags) in said {
                    open.changes.show(&mut open.library, key, &flags);
                }
                core.mark_changed();
            });
        });
    }

    /// Writes rows that were decided on; then tells the servers. Where they cannot be written, what was new is undone.
    fn write_rows(&mut self, open: &mut Open, edits: Edits, raw: Option<(u64, Arc<[u8]>)>) {
        let (core, number) = (self.handle.clone(), open.number);
        let fresh: Vec<u64> = edits.put.iter().map(|row| row.seq).collect();
        let mut accounts: Vec<String> = edits.put.iter().map(|row| row.account.clone()).collect();
        accounts.dedup();
        open.scribe.write(move |stores| {
            let written = stores.state.write(|write| {
                edits.put.iter().try_for_each(|row| write.put_change(row))?;
                if let Some((seq, raw)) = &raw {
                    write.put_change_raw(*seq, raw)?;
                }
                write.drop_changes(&edits.drop)
            });
            core.front_of(number, move |core, open| match written {
                Ok(()) => {
                    open.changes.queue.durable(&fresh);
                    accounts.iter().for_each(|account| core.replay(open, account));
                }
                Err(error) => {
                    let touched = open.changes.queue.forget(&fresh);
                    core.refold(open, &touched);
                    core.announcer.notice(Tone::Alarm, &format!("The change was not made: {error}"));
                }
            });
        });
    }

    /// Writes rows that are there already as they are now; then tells the servers, also where that failed: they are true either way.
    fn rewrite_rows(&mut self, open: &mut Open, edits: Edits) {
        let (core, number) = (self.handle.clone(), open.number);
        let mut accounts: Vec<String> = edits.put.iter().map(|row| row.account.clone()).collect();
        accounts.dedup();
        open.scribe.write(move |stores| {
            let written = write(&stores.state, &edits);
            core.front_of(number, move |core, open| {
                if let Err(error) = written {
                    core.complain(&error);
                }
                accounts.iter().for_each(|account| core.replay(open, account));
                core.mark_changed();
            });
        });
    }

    /// Messages came into a mailbox: perhaps those that we moved there where the server does not say which UID it gave them (no UIDPLUS).
    /// They are known by Message-ID, size and date.
    pub(crate) fn find_moved(&mut self, open: &mut Open, mailbox: MailboxId, records: &[Record]) {
        let Some(here) = open.library.mailbox(mailbox) else { return };
        let new = Place { account: here.account.clone(), mailbox: here.name.clone(), uid_validity: here.uid_validity };
        let lost = open.changes.queue.lost_in(&new.account, &new.mailbox);
        if lost.is_empty() {
            return;
        }
        let arrived: Vec<Summary> = records
            .iter()
            .filter(|record| open.library.flags(MessageKey { mailbox, uid: record.summary.uid }).is_none())
            .map(|record| record.summary.clone())
            .collect();
        let (core, number) = (self.handle.clone(), open.number);
        let lost: Vec<(Place, MessageKey)> = lost
            .into_iter()
            .filter_map(|(place, uid)| Some((MessageKey { mailbox: mailbox_of(&open.library, &place)?, uid }, place)))
            .map(|(key, place)| (place, key))
            .collect();
        open.scribe.write(move |stores| {
            let mut found: Vec<(Place, MessageKey, u32)> = Vec::new();
            for (place, key) in lost {
                let Ok(Some(old)) = stores.cache.summary(key) else { continue };
                let same = |new: &&Summary| {
                    new.message_id == old.message_id
                        && new.bytes == old.bytes
                        && (new.received == old.received || !new.message_id.is_empty())
                        && !found.iter().any(|(_, _, uid)| *uid == new.uid)
                };
                let at = arrived.iter().find(same).map(|new| new.uid);
                if let Some(uid) = at {
                    found.push((place, key, uid));
                }
            }
            core.front_of(number, move |core, open| core.found(open, &new, found));
        });
    }

    fn found(&mut self, open: &mut Open, new: &Place, found: Vec<(Place, MessageKey, u32)>) {
        let mut edits = Edits::default();
        let mut touched = Named::new();
        for (place, key, uid) in found {
            let more = open.changes.queue.found(&place, new, &[(key.uid, uid)]);
            edits.put.extend(more.put);
            edits.drop.extend(more.drop);
            let name = |place: &Place, uid| MessageRef {
                account: place.account.clone(),
                mailbox: place.mailbox.clone(),
                uid_validity: place.uid_validity,
                uid,
            };
            open.changes.moved(name(&place, key.uid), name(new, uid));
            open.library.remove(key);
            touched.push((new.clone(), vec![uid]));
        }
        self.write_rows(open, edits, None);
        self.refold(open, &touched);
        self.replay(open, &new.account);
    }

    /// Others changed flags: UID, what we believed, what is so now. What waits lies over it, unless theirs is to stay.
    pub(crate) fn flags_changed(&mut self, open: &mut Open, mailbox: MailboxId, changes: Vec<(u32, Flags, Flags)>) {
        if !open.changes.queue.is_idle()
            && let Some(known) = open.library.mailbox(mailbox)
        {
            let place =
                Place { account: known.account.clone(), mailbox: known.name.clone(), uid_validity: known.uid_validity };
            let (edits, given_up) = open.changes.queue.news(&place, &changes);
            if let Some((_, flags)) = given_up.first() {
                let words = settle::conflict(&place.account, flags, given_up.len() as u64);
                self.announcer.notice(Tone::Warning, &words);
                open.scribe.write(move |stores| {
                    if let Err(error) = write(&stores.state, &edits) {
                        tracing::warn!(%error, "changes that were given up could not be dropped");
                    }
                });
            }
        }
        for (uid, _, flags) in changes {
            open.changes.show(&mut open.library, MessageKey { mailbox, uid }, &flags);
        }
        self.mark_changed();
    }

    /// A mailbox was renamed on the server. `done` is told when what waits for it waits under the new name.
    pub(crate) fn rename_in_changes(
        &mut self,
        open: &mut Open,
        (account, from, to): (&str, &str, &str),
        done: oneshot::Sender<()>,
    ) {
        let edits = open.changes.queue.renamed(account, from, to);
        open.scribe.write(move |stores| {
            if let Err(error) = write(&stores.state, &edits) {
                tracing::warn!(%error, "changes that wait for a renamed mailbox could not be written");
            }
            let _ = done.send(());
        });
    }

    /// Messages are gone from the server: what waited for them goes too.
    pub(crate) fn forget_changes_of(&mut self, open: &mut Open, mailbox: MailboxId, uids: &UidSet) {
        let Some(known) = open.library.mailbox(mailbox) else { return };
        let place =
            Place { account: known.account.clone(), mailbox: known.name.clone(), uid_validity: known.uid_validity };
        let (edits, words) = open.changes.queue.vanished(&place, uids);
        if edits.is_empty() {
            return;
        }
        if let Some(words) = words {
            let words = format!(
                "{}: you {words}: messages of them were deleted or moved elsewhere meanwhile, by you on another device or by somebody else; \
                 nothing is left to be done to those.",
                place.account
            );
            self.announcer.notice(Tone::Warning, &words);
        }
        open.scribe.write(move |stores| {
            if let Err(error) = write(&stores.state, &edits) {
                tracing::warn!(%error, "changes of messages that are gone could not be dropped");
            }
        });
    }
}

/// How many messages of a mailbox a change still has to be told of; a mailbox or a message that is to be made counts as one.
fn waiting_in(change: &Change, account: &str, mailbox: &str) -> usize {
    if change.account != account {
        return 0;
    }
    let made = match &change.act {
        Act::Create { mailbox: name, .. } | Act::Append { mailbox: name, .. } => change.open && name == mailbox,
        Act::Flags { .. } | Act::Move { .. } | Act::Expunge => false,
    };
    let here = change.waiting.iter().filter(|group| group.mailbox == mailbox);
    here.map(|group| group.uids.len()).sum::<usize>().saturating_add(usize::from(made))
}

#[cfg(test)]
mod tests {
    use super::{Changes, MessageRef};

    #[test]
    fn a_server_that_gives_a_name_twice_leads_nobody_in_circles() {
        let name = |mailbox: &str, uid| MessageRef {
            account: "work".to_owned(),
            mailbox: mailbox.to_owned(),
            uid_validity: 1,
            uid,
        };
        let mut changes = Changes::default();
        changes.moved(name("A", 1), name("B", 5));
        changes.moved(name("B", 5), name("C", 2));
        assert_eq!(changes.name_now(&name("A", 1)), Some(&name("C", 2)));
        changes.moved(name("C", 2), name("A", 1));
        changes.moved(name("A", 9), name("A", 9));
        assert_eq!(changes.name_now(&name("B", 5)), Some(&name("A", 1)));
        assert_eq!((changes.name_now(&name("A", 1)), changes.name_now(&name("A", 9))), (None, None));
    }
}
