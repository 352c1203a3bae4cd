//! Telling a server what waits, in order, one batch at a time.

mod append;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::sync::oneshot;

use super::overlay::{Over, Resolution, resolve};
use super::queue::{Batch, Dated, Outcome, Place};
use super::refusal;
use crate::app::view::Tone;
use crate::engine::core::{Core, CoreHandle, Open, Stores};
use crate::imap::{self, Arrived, Body, Error, Fetched, MailboxAt, StoreFlags, UidSet};
use crate::mail::id::MessageKey;
use crate::mail::safe::SafeText;
use crate::store::change::{Act, Group};
use crate::store::flags::Flags;
use crate::store::summary::Summary;

/// Messages that are looked for one by one.
const LOOKED_FOR_MAX: usize = 200;
/// A request that got no answer while the account stays online is repeated after this long.
const AFTER_SILENCE: Duration = Duration::from_secs(10);

impl Core {
    /// Tells the server of an account what waits. One replay per account at a time.
    pub(crate) fn replay(&mut self, open: &mut Open, account: &str) {
        let Some(known) = open.accounts.get_mut(account) else { return };
        let Some(handle) = known.handle.clone() else { return };
        if std::mem::replace(&mut known.replaying, true) {
            known.replay_again = true;
            return;
        }
        let (stores, core, number) = (Arc::clone(&open.stores), self.handle.clone(), open.number);
        let account = account.to_owned();
        self.runtime.spawn(async move {
            let reached = run(&stores, &core, number, &account, &handle).await;
            core.front_of(number, move |core, open| {
                let Some(known) = open.accounts.get_mut(&account) else { return };
                known.replaying = false;
                let (again, is_online) = (std::mem::take(&mut known.replay_again), known.is_online());
                if again && reached {
                    core.replay(open, &account);
                } else if reached {
                    core.replay_later(open, &account);
                } else if is_online {
                    // Only the second connection was lost: nobody tells of the first one that it is up again.
                    core.replay_in(open, &account, AFTER_SILENCE);
                }
            });
        });
    }

    /// What was put off is tried again when its time has come.
    fn replay_later(&self, open: &Open, account: &str) {
        let Some(at) = open.changes.queue.next_try(account) else { return };
        self.replay_in(open, account, at.saturating_sub(self.moment().elapsed));
    }

    fn replay_in(&self, open: &Open, account: &str, wait: Duration) {
        let (core, number, account) = (self.handle.clone(), open.number, account.to_owned());
        self.runtime.spawn(async move {
            tokio::time::sleep(wait).await;
            core.front_of(number, move |core, open| core.replay(open, &account));
        });
    }
}

/// Asks the core from a task. `None`: the opening has ended.
async fn ask<T: Send + 'static>(
    core: &CoreHandle,
    number: u64,
    question: impl FnOnce(&mut Core, &mut Open) -> T + Send + 'static,
) -> Option<T> {
    let (tell, told) = oneshot::channel();
    core.front_of(number, move |core, open| {
        let _ = tell.send(question(core, open));
    });
    told.await.ok()
}

/// Tells until nothing waits or the server cannot be reached; whether it could.
pub(crate) async fn run(
    stores: &Arc<Stores>,
    core: &CoreHandle,
    number: u64,
    account: &str,
    handle: &imap::Handle,
) -> bool {
    loop {
        let mine = account.to_owned();
        let next = ask(core, number, move |core, open| {
            let elapsed = core.moment().elapsed;
            open.changes.queue.next_batch(&mine, elapsed)
        });
        let batch = match next.await {
            None => return false,
            Some(None) => return true,
            Some(Some(batch)) => batch,
        };
        let teller = Teller { stores, core, number, handle };
        let outcome = teller.tell(&batch).await;
        let unknown = matches!(outcome, Outcome::Unknown { .. } | Outcome::Unsent { .. });
        let (settled, done) = oneshot::channel();
        if ask(core, number, move |core, open| core.settle_batch(open, &batch, outcome, settled)).await.is_none() {
            return false;
        }
        // The next is told when this is on the disk.
        if done.await.is_err() || unknown {
            return false;
        }
    }
}

struct Teller<'a> {
    stores: &'a Arc<Stores>,
    core: &'a CoreHandle,
    number: u64,
    handle: &'a imap::Handle,
}

fn later(why: &str) -> Outcome {
    Outcome::Later { why: why.to_owned(), wait: None }
}

/// Where messages are that a server without UIDPLUS could not remove.
fn still_there(account: &str, mailbox: &str, to: Option<&str>, messages: u64) -> String {
    let (count, are) =
        if messages == 1 { ("1 message".to_owned(), "is") } else { (format!("{messages} messages"), "are") };
    let mailbox = SafeText::line(mailbox);
    let why = "until that mailbox is expunged: this server cannot remove single messages";
    match to.map(SafeText::line) {
        Some(to) => {
            format!(
                "{account}: {count} {are} in {to} as a copy; in {mailbox} what was moved stays, marked deleted, {why}."
            )
        }
        None => format!("{account}: {count} of {mailbox} {are} marked deleted and stay there {why}."),
    }
}

fn at(group: &Group) -> MailboxAt {
    MailboxAt { name: group.mailbox.as_str().into(), uid_validity: group.uid_validity }
}

impl Teller<'_> {
    async fn blocking<T: Send + 'static>(&self, work: impl FnOnce(&Stores) -> T + Send + 'static) -> Option<T> {
        let stores = Arc::clone(self.stores);
        tokio::task::spawn_blocking(move || work(&stores)).await.ok()
    }

    async fn tell(&self, batch: &Batch) -> Outcome {
        let told = match (&batch.act, &batch.group) {
            (Act::Flags { set, clear }, Some(group)) => self.store(batch, group, set, clear).await,
            (Act::Move { to }, Some(group)) => self.move_messages(batch, group, to).await,
            (Act::Expunge, Some(group)) => {
                let uids = group.uids.iter().copied().collect();
                self.handle.expunge(at(group), uids).await.map(|expunged| {
                    self.tell_left(batch, group, None, &expunged.left);
                    Outcome::Expunged
                })
            }
            (Act::Create { mailbox, special_use }, _) => {
                let made = self.handle.create_mailbox(mailbox.clone(), *special_use).await;
                made.map(|name| Outcome::Created { name })
            }
            (Act::Append { mailbox, flags, date, message_id }, _) => {
                self.append(batch, mailbox, flags, *date, message_id).await
            }
            _ => return Outcome::Refused { why: "there is nothing to tell".to_owned() },
        };
        match told {
            Ok(outcome) => outcome,
            Err(error) => {
                let may_be_full = !matches!(batch.act, Act::Append { .. });
                refusal::outcome(&error, batch.tries, may_be_full)
            }
        }
    }

    /// Notes durably that something is about to be done that must not be done twice. `false`: it could not be noted.
    async fn begin(&self, batch: &Batch, above: u32, of: Option<u32>) -> bool {
        let (noted, (tell, told)) = (batch.clone(), oneshot::channel());
        // By the scribe, so that it cannot replace what was decided on since.
        let asked = ask(self.core, self.number, move |_, open| {
            let edits = open.changes.queue.begin(&noted, above, of);
            open.scribe.write(move |stores| {
                let _ = tell.send(super::write(&stores.state, &edits).is_ok());
            });
        });
        asked.await.is_some() && told.await.unwrap_or(false)
    }

    // Flags.

    async fn store(&self, batch: &Batch, group: &Group, set: &Flags, clear: &Flags) -> Result<Outcome, Error> {
        let told: UidSet = group.uids.iter().copied().collect();
        let (account, known) = (batch.account.clone(), group.clone());
        let (wanted, unwanted) = (set.clone(), clear.clone());
        let here = self.blocking(move |stores| {
            let mailboxes = stores.cache.mailboxes().ok()?;
            let here = mailboxes.into_iter().find(|m| is_of(m, &account, &known))?;
            // System flags were looked at when the change was decided on; keywords stand in the cache only.
            let keywords = !wanted.keywords().is_empty() || !unwanted.keywords().is_empty();
            let keys: Vec<MessageKey> = known.uids.iter().map(|&uid| MessageKey { mailbox: here.id, uid }).collect();
            let said = if keywords { super::said(stores, &keys) } else { Vec::new() };
            let so = said.into_iter().filter(|(_, flags)| differs(flags, &wanted, &unwanted).is_empty());
            Some((here.state.highest_modseq, so.map(|(key, _)| key.uid).collect::<UidSet>()))
        });
        let request = |uids: UidSet, unchanged_since| StoreFlags {
            at: at(group),
            uids,
            add: set.clone(),
            remove: clear.clone(),
            unchanged_since,
        };
        // Nothing is known of modification sequences before the first pass is through (RFC 7162 §3.1.3 wants one that we have seen).
        let (modseq, before) = here.await.flatten().unwrap_or_default();
        let modseq = modseq.filter(|modseq| *modseq > 0);
        let (mut said, mut conflicts) = (BTreeMap::<u32, Flags>::new(), UidSet::new());
        let mut dated = Dated { pass: modseq.unwrap_or_default(), at: Vec::new() };
        let (mut done, mut left, mut refused) = (false, UidSet::new(), None);
        for (since, uids) in self.known_at(batch, group, &told, modseq).await {
            let stored = match self.handle.store_flags(request(uids.clone(), since)).await {
                Ok(stored) => stored,
                // What was done before is done, and can be taken back; the others are not.
                Err(error) if done => match refusal::outcome(&error, batch.tries, true) {
                    Outcome::Refused { why } => {
                        left.extend(uids.iter());
                        refused = Some(why);
                        continue;
                    }
                    _ => return Err(error),
                },
                Err(error) => return Err(error),
            };
            done = true;
            said.extend(stored.flags.into_iter().filter(|(uid, _)| told.contains(*uid)));
            conflicts.extend(stored.conflicts.iter());
            dated.at.extend(stored.modseqs);
        }
        let mut kept = UidSet::new();
        if !conflicts.is_empty() {
            // Others changed these since we last looked. What they have now decides.
            let now = self.handle.flags(at(group), conflicts.clone()).await?;
            let decided = self.decide(batch, group, &now).await;
            let mut again = UidSet::new();
            for (uid, flags) in now {
                match decided.get(&uid) {
                    Some(Resolution::Theirs) => drop(kept.insert(uid)),
                    Some(Resolution::Apply) => drop(again.insert(uid)),
                    _ => {}
                }
                said.insert(uid, flags);
            }
            if !again.is_empty() {
                let stored = self.handle.store_flags(request(again.clone(), None)).await?;
                for uid in again.iter() {
                    // What was said before is old for these, also where the server does not repeat it.
                    said.entry(uid).and_modify(|flags| *flags = flags.without(clear).with(set));
                }
                said.extend(stored.flags.into_iter().filter(|(uid, _)| again.contains(*uid)));
                dated.at.iter_mut().for_each(|(_, uids)| *uids = uids.without(&again));
                dated.at.extend(stored.modseqs);
            }
        }
        let unheeded =
            said.iter().filter(|(uid, flags)| !kept.contains(**uid) && !differs(flags, set, clear).is_empty());
        let mut unheeded: UidSet = unheeded.map(|(uid, _)| *uid).collect();
        unheeded.extend(left.iter());
        if modseq.is_some() {
            // That nothing is said of a message is no word of a conditional STORE for it (RFC 7162 §3.1.3): it may have been so before, or be left.
            unheeded.extend(told.without(&said.keys().copied().collect()).iter());
        }
        if !unheeded.is_empty() {
            // What was said may be older than the change, or another's: what is so now counts.
            let now = self.handle.flags(at(group), unheeded.clone()).await?;
            dated.at.iter_mut().for_each(|(_, uids)| *uids = uids.without(&unheeded));
            unheeded =
                now.iter().filter(|(_, flags)| !differs(flags, set, clear).is_empty()).map(|(uid, _)| *uid).collect();
            said.extend(now);
        }
        Ok(Outcome::Stored { said: said.into_iter().collect(), kept, unheeded, before, dated, refused })
    }

    /// The messages, with the modification sequence as of which each is known: that of the last pass, or of what we told of it since.
    async fn known_at(
        &self,
        batch: &Batch,
        group: &Group,
        told: &UidSet,
        pass: Option<u64>,
    ) -> Vec<(Option<u64>, UidSet)> {
        let Some(pass) = pass else { return vec![(None, told.clone())] };
        let place =
            Place { account: batch.account.clone(), mailbox: group.mailbox.clone(), uid_validity: group.uid_validity };
        let uids = told.clone();
        let apart = ask(self.core, self.number, move |_, open| {
            open.changes.dated.get(&place).map(|dated| dated.apart(&uids, pass))
        });
        let apart = apart.await.flatten().unwrap_or_else(|| vec![(pass, told.clone())]);
        apart.into_iter().map(|(modseq, uids)| (Some(modseq), uids)).collect()
    }

    /// Decides whose word counts, by message.
    async fn decide(&self, batch: &Batch, group: &Group, now: &[(u32, Flags)]) -> HashMap<u32, Resolution> {
        let (account, place, act) = (batch.account.clone(), group.clone(), batch.act.clone());
        let uids: Vec<u32> = now.iter().map(|(uid, _)| *uid).collect();
        let believed = ask(self.core, self.number, move |_, open| {
            let place = Place { account, mailbox: place.mailbox, uid_validity: place.uid_validity };
            let mailbox = super::mailbox_of(&open.library, &place);
            let wanted: HashMap<u32, Over> = uids
                .iter()
                .filter_map(|&uid| {
                    let over = open.changes.queue.over(&place.account, &place.mailbox, place.uid_validity, uid);
                    Some((uid, over?))
                })
                .collect();
            (mailbox, wanted)
        });
        let Some((Some(mailbox), wanted)) = believed.await else { return HashMap::new() };
        let keys: Vec<MessageKey> = now.iter().map(|(uid, _)| MessageKey { mailbox, uid: *uid }).collect();
        let believed = self.blocking(move |stores| super::said(stores, &keys)).await.unwrap_or_default();
        let believed: HashMap<u32, Flags> = believed.into_iter().map(|(key, flags)| (key.uid, flags)).collect();
        let nothing = Over::default();
        now.iter()
            .map(|(uid, now)| {
                let believed = believed.get(uid).unwrap_or(now);
                (*uid, resolve(believed, now, wanted.get(uid).unwrap_or(&nothing), &act))
            })
            .collect()
    }

    // Moves.

    /// Says that messages are still where they were, marked deleted, because the server cannot remove single ones (RFC 4315). `to`: where they were copied.
    fn tell_left(&self, batch: &Batch, group: &Group, to: Option<&str>, left: &UidSet) {
        if left.is_empty() {
            return;
        }
        let words = still_there(&batch.account, &group.mailbox, to, left.len());
        self.core.front_of(self.number, move |core, _| core.announcer.notice(Tone::Warning, &words));
    }

    async fn move_messages(&self, batch: &Batch, group: &Group, to: &str) -> Result<Outcome, Error> {
        let mut pairs = Vec::new();
        let mut validity = None;
        let mut left: UidSet = group.uids.iter().copied().collect();
        if let Some(above) = batch.begun {
            (validity, pairs) = self.moved_before(batch, group, to, above).await?;
            left = left.without(&pairs.iter().map(|(from, _)| *from).collect());
            // What was copied and not yet removed is removed now; the rest of it is gone already.
            if !pairs.is_empty() {
                let copied = pairs.iter().map(|(from, _)| *from).collect();
                self.handle.expunge(at(group), copied).await?;
            }
        }
        let (unplaced, absent, mut doubtful) = <(UidSet, UidSet, UidSet)>::default();
        if left.is_empty() {
            return Ok(Outcome::Moved { uid_validity: validity, pairs, unplaced, absent, doubtful });
        }
        let above = match batch.begun {
            Some(above) => above,
            None => self.known_up_to(&batch.account, to).await.1,
        };
        if !self.begin(batch, above, None).await {
            return Ok(later("it could not be noted before it was told"));
        }
        let moved = match self.handle.move_messages(at(group), left.clone(), to.to_owned()).await {
            Ok(moved) => moved,
            // No answer came: they are looked for at once, and told again. Once: what is lost again waits. And what was found is not forgotten.
            Err(error)
                if !pairs.is_empty()
                    || batch.begun.is_none()
                        && matches!(refusal::outcome(&error, batch.tries, true), Outcome::Unknown { .. }) =>
            {
                return Ok(Outcome::Moved { uid_validity: validity, pairs, unplaced, absent, doubtful: left });
            }
            Err(error) => return Err(error),
        };
        let placed: UidSet = moved.copied.uids.iter().map(|(from, _)| *from).collect();
        doubtful.extend(moved.doubtful.iter());
        let told = placed.iter().chain(moved.gone.iter()).chain(moved.missing.iter()).collect();
        let rest = left.without(&told).without(&doubtful).without(&moved.untold);
        // A server that says where messages went says it of all that were there.
        let (mut absent, mut unplaced) =
            if moved.copied.uid_validity.is_some() { (rest, UidSet::new()) } else { (UidSet::new(), rest) };
        let placed_at = &moved.copied.uids;
        if !unplaced.is_empty() {
            // Those of which no answer came once were looked for before.
            let mut missed = unplaced.clone();
            if pairs.is_empty() {
                (validity, pairs, missed) = self.look_for(batch, group, (to, above), &unplaced, placed_at).await;
                unplaced = unplaced.without(&pairs.iter().map(|(from, _)| *from).collect());
            }
            if moved.silent {
                // A command about messages that are not there is answered with OK, and nothing else (RFC 9051 §6.4.9).
                unplaced = unplaced.without(&missed);
                absent = missed;
            }
        }
        absent.extend(moved.gone.iter());
        if !moved.missing.is_empty() {
            // What the server moved before it refused the rest was not removed by anybody else.
            let (there, found, missed) = self.look_for(batch, group, (to, above), &moved.missing, placed_at).await;
            let found_uids: UidSet = found.iter().map(|(from, _)| *from).collect();
            unplaced.extend(moved.missing.without(&found_uids).without(&missed).iter());
            absent.extend(missed.iter());
            validity = there.or(validity);
            pairs.extend(found);
        }
        self.tell_left(batch, group, Some(to), &moved.left);
        if validity.is_some() && moved.copied.uid_validity.is_some() && validity != moved.copied.uid_validity {
            // The target was rebuilt meanwhile.
            doubtful.extend(pairs.drain(..).map(|(from, _)| from));
        }
        pairs.extend(moved.copied.uids);
        Ok(Outcome::Moved { uid_validity: moved.copied.uid_validity.or(validity), pairs, unplaced, absent, doubtful })
    }

    /// Where the server does not say which UIDs moved messages have now (no UIDPLUS): the newest of their Message-ID in the target. One
    /// question each, so that it is asked for a few only; the others are known again when the target is synced. Gives also those that are not there.
    async fn look_for(
        &self,
        batch: &Batch,
        group: &Group,
        (to, above): (&str, u32),
        moved: &UidSet,
        placed: &[(u32, u32)],
    ) -> (Option<u32>, Vec<(u32, u32)>, UidSet) {
        let (mut validity, mut pairs, mut missed) = (None, Vec::new(), UidSet::new());
        let few = Group::new(&group.mailbox, group.uid_validity, moved.iter().take(LOOKED_FOR_MAX).collect());
        let account = batch.account.clone();
        let known = self.blocking(move |stores| all_here(stores, &account, &few)).await.unwrap_or_default();
        for Here { uid, message_id, .. } in known.into_iter().filter(|here| !here.message_id.is_empty()) {
            let Ok(found) = self.handle.find(Some(to.to_owned()), message_id).await else { break };
            // Of several with one Message-ID each has a place of its own.
            let taken = |new: &u32| pairs.iter().chain(placed).any(|(_, known)| known == new);
            let newest = found.uids.iter().copied().filter(|new| *new > above && !taken(new)).max();
            match newest {
                Some(new) => {
                    validity = Some(found.at.uid_validity);
                    pairs.push((uid, new));
                }
                None => drop(missed.insert(uid)),
            }
        }
        (validity, pairs, missed)
    }

    /// UIDVALIDITY of a mailbox as we know it, and the UID up to which we know what is there.
    async fn known_up_to(&self, account: &str, mailbox: &str) -> (Option<u32>, u32) {
        let (account, mailbox) = (account.to_owned(), mailbox.to_owned());
        let known = self.blocking(move |stores| {
            let mailboxes = stores.cache.mailboxes().ok()?;
            let here =
                mailboxes.into_iter().filter(|m| m.account == account && m.name == mailbox).max_by_key(|m| m.id)?;
            Some((Some(here.uid_validity), here.state.uid_next?.saturating_sub(1)))
        });
        known.await.flatten().unwrap_or((None, 0))
    }

    /// Which messages of a move without an answer are in the target: same Message-ID, came after the move began, say the same.
    async fn moved_before(
        &self,
        batch: &Batch,
        group: &Group,
        to: &str,
        above: u32,
    ) -> Result<(Option<u32>, Vec<(u32, u32)>), Error> {
        let (mut validity, mut pairs) = (None, Vec::new());
        // All at once, before a pass learns that they left and takes them out of the cache.
        let (account, place) = (batch.account.clone(), group.clone());
        let known = self.blocking(move |stores| all_here(stores, &account, &place)).await.unwrap_or_default();
        let unnamed: Vec<Unnamed> = group.uids.iter().filter_map(|&uid| unnamed(&known, uid)).collect();
        for Here { uid, message_id, bytes, digest } in known.into_iter().filter(|here| !here.message_id.is_empty()) {
            let found = match self.handle.find(Some(to.to_owned()), message_id).await {
                Ok(found) => found,
                Err(Error::NoMailbox { .. }) => return Ok((validity, pairs)),
                Err(error) => return Err(error),
            };
            for candidate in found.uids.iter().copied().filter(|candidate| *candidate > above) {
                if pairs.iter().any(|(_, taken)| *taken == candidate) {
                    continue;
                }
                let fetched = self.handle.fetch(found.at.clone(), candidate).await?;
                let same = match (&fetched.body, digest) {
                    (Body::Whole(there), Some(here)) => digest_of(there) == here,
                    _ => fetched.bytes == bytes,
                };
                if same {
                    validity = Some(found.at.uid_validity);
                    pairs.push((uid, candidate));
                    break;
                }
            }
        }
        if !unnamed.is_empty() {
            let arrived = match self.handle.arrived(to.to_owned(), above).await {
                Ok(arrived) => arrived,
                Err(Error::NoMailbox { .. }) => return Ok((validity, pairs)),
                Err(error) => return Err(error),
            };
            for (uid, known) in unnamed {
                let wanted = match known {
                    Some(known) => Some(known),
                    None => self.of_source(group, uid).await?,
                };
                let taken: Vec<u32> = pairs.iter().map(|(_, taken)| *taken).collect();
                if let Some((bytes, digest)) = wanted
                    && let Some(copy) = self.same_among(&arrived, bytes, digest, &taken).await?
                {
                    validity = Some(arrived.at.uid_validity);
                    pairs.push((uid, copy));
                }
            }
        }
        Ok((validity, pairs))
    }

    /// Size and digest of a message that is not held whole; `None`: it is not in its old mailbox any more, so that no second copy can be made
    /// of it.
    async fn of_source(&self, group: &Group, uid: u32) -> Result<Option<(u32, [u8; 32])>, Error> {
        match self.handle.fetch(at(group), uid).await {
            Ok(Fetched { body: Body::Whole(raw), bytes, .. }) => Ok(Some((bytes, digest_of(&raw)))),
            Ok(_) | Err(Error::Gone { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The message among those that came which is the same to the byte.
    async fn same_among(
        &self,
        arrived: &Arrived,
        bytes: u32,
        digest: [u8; 32],
        taken: &[u32],
    ) -> Result<Option<u32>, Error> {
        let alike = arrived.messages.iter().filter(|(uid, size)| *size == bytes && !taken.contains(uid));
        for (uid, _) in alike {
            match self.handle.fetch(arrived.at.clone(), *uid).await {
                Ok(Fetched { body: Body::Whole(raw), .. }) if digest_of(&raw) == digest => return Ok(Some(*uid)),
                Ok(_) | Err(Error::Gone { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }
}

/// What is yet to be done to a message that has these flags.
fn differs(flags: &Flags, set: &Flags, clear: &Flags) -> Flags {
    set.without(flags).with(&clear.and(flags))
}

fn is_of(mailbox: &crate::store::mailbox::Mailbox, account: &str, group: &Group) -> bool {
    mailbox.uid_validity == group.uid_validity && mailbox.name == group.mailbox && mailbox.account == account
}

/// A message as the cache has it.
struct Here {
    uid: u32,
    /// Empty where it has none.
    message_id: String,
    bytes: u32,
    /// Of the whole message, where it is held.
    digest: Option<[u8; 32]>,
}

/// A message that cannot be looked for by Message-ID: its UID, with size and digest where they are known.
type Unnamed = (u32, Option<(u32, [u8; 32])>);

fn unnamed(known: &[Here], uid: u32) -> Option<Unnamed> {
    match known.iter().find(|here| here.uid == uid) {
        Some(here) if here.message_id.is_empty() => Some((uid, here.digest.map(|digest| (here.bytes, digest)))),
        Some(_) => None,
        None => Some((uid, None)),
    }
}

fn digest_of(raw: &[u8]) -> [u8; 32] {
    Sha256::digest(raw).into()
}

/// Those messages of a group that are in the cache.
fn all_here(stores: &Stores, account: &str, group: &Group) -> Vec<Here> {
    let mailboxes = stores.cache.mailboxes().unwrap_or_default();
    let Some(mailbox) = mailboxes.iter().find(|m| is_of(m, account, group)).map(|m| m.id) else { return Vec::new() };
    let here = |uid: u32| {
        let key = MessageKey { mailbox, uid };
        let Summary { message_id, bytes, .. } = stores.cache.summary(key).ok()??;
        let raw = stores.cache.raw(key).ok().flatten();
        Some(Here { uid, message_id, bytes, digest: raw.map(|raw| digest_of(&raw)) })
    };
    group.uids.iter().filter_map(|uid| here(*uid)).collect()
}
