//! What an answer makes of the stores and the index: rows first, then the cache, then what is shown.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::deed::is_of_junk;
use super::queue::{Batch, Outcome, Place};
use super::{keys, mailbox_of, said, write};
use crate::app::view::Tone;
use crate::engine::core::{Core, Open, Stores};
use crate::engine::library::record::Record;
use crate::imap::UidSet;
use crate::mail::id::{MailboxId, MessageKey, MessageRef};
use crate::mail::safe::SafeText;
use crate::store::cache::NewMessage;
use crate::store::change::{Act, Group};
use crate::store::flags::Flags;
use crate::store::summary::Summary;

/// Messages that go from one mailbox of the cache to another as one transaction.
const CHUNK: usize = 64;
/// A larger message is fetched again rather than held in memory.
const CARRIED_MAX: u32 = 8 << 20;

/// What was put off so often is told of.
const TOLD_AFTER: u32 = 4;
/// Where a message is that the server will not have.
const KEPT: &str =
    " The message is kept here, among the changes that wait: tell it again there, save it, or give it up.";

/// What the cache was changed to, for the index.
#[derive(Default)]
struct Kept {
    said: Vec<(MessageKey, Flags)>,
    gone: Vec<MessageKey>,
    moved: Vec<(MailboxId, crate::store::mailbox::Mailbox, Vec<Record>)>,
    /// What was told of these flags is in the cache.
    is_dated: bool,
}

impl Core {
    /// Takes in what became of a batch. `done` is told when it is on the disk and on screen.
    pub(super) fn settle_batch(&mut self, open: &mut Open, batch: &Batch, outcome: Outcome, done: oneshot::Sender<()>) {
        if let Some(to) = not_done(batch, &outcome) {
            open.changes.queue.not_done(batch, &to);
        }
        let settled = open.changes.queue.settle(batch, &outcome, self.moment());
        self.tell_outcome(batch, &outcome);
        if let (Outcome::Moved { uid_validity: Some(uid_validity), pairs, .. }, Some(group), Act::Move { to }) =
            (&outcome, &batch.group, &batch.act)
        {
            for (from, uid) in pairs {
                let name = |mailbox: &str, uid_validity, uid| MessageRef {
                    account: batch.account.clone(),
                    mailbox: mailbox.to_owned(),
                    uid_validity,
                    uid,
                };
                let old = name(&group.mailbox, group.uid_validity, *from);
                open.changes.moved(old, name(to, *uid_validity, *uid));
            }
        }
        let is_news = match &outcome {
            Outcome::Refused { .. } | Outcome::Created { .. } => true,
            Outcome::Moved { absent, .. } => !absent.is_empty(),
            _ => false,
        };
        if is_news && let Some(handle) = open.accounts.get(&batch.account).and_then(|account| account.handle.as_ref()) {
            // What the server has is looked at anew.
            handle.sync_now();
        }
        let touched = keys(&open.library, &settled.touched);
        let from = batch.group.as_ref().and_then(|group| mailbox_of(&open.library, &place(batch, group)));
        let left = batch.group.as_ref().map(|group| open.changes.release(&place(batch, group))).unwrap_or_default();
        let (batch, core, number) = (batch.clone(), self.handle.clone(), open.number);
        open.scribe.write(move |stores| {
            let written = write(&stores.state, &settled.edits);
            let mut kept = keep(stores, &batch, &outcome, from, touched);
            if let (Some(mailbox), false) = (from, left.is_empty()) {
                if let Err(error) = stores.cache.remove(mailbox, &left, None) {
                    tracing::warn!(%error, "messages that left are still in the cache");
                }
                kept.said.retain(|(key, _)| !left.contains(&key.uid));
                kept.gone.extend(left.into_iter().map(|uid| MessageKey { mailbox, uid }));
            }
            core.front_of(number, move |core, open| {
                if let Err(error) = written {
                    core.complain(&error);
                }
                let fresh: Vec<u64> = settled.edits.put.iter().map(|row| row.seq).collect();
                open.changes.queue.durable(&fresh);
                if let (true, Some(group), Outcome::Stored { dated, .. }) = (kept.is_dated, &batch.group, outcome) {
                    let told = group.uids.iter().copied().collect();
                    open.changes.dated.entry(place(&batch, group)).or_default().renew(dated, &told);
                }
                core.show_kept(open, kept);
                if settled.added {
                    core.replay(open, &batch.account);
                }
                let _ = done.send(());
            });
        });
    }

    fn show_kept(&mut self, open: &mut Open, kept: Kept) {
        for key in kept.gone {
            open.library.remove(key);
        }
        for (mailbox, known, records) in kept.moved {
            if open.library.mailbox(mailbox).is_none() {
                open.library.set_mailbox(known);
            }
            for record in records {
                let key = MessageKey { mailbox, uid: record.summary.uid };
                open.library.insert(mailbox, &record);
                open.changes.show(&mut open.library, key, &record.summary.flags);
            }
        }
        for (key, flags) in kept.said {
            open.changes.show(&mut open.library, key, &flags);
        }
        self.mark_changed();
    }

    /// Says what did not go as the user wanted.
    fn tell_outcome(&self, batch: &Batch, outcome: &Outcome) {
        let account = &batch.account;
        let count = |number: u64| if number == 1 { "1 message".to_owned() } else { format!("{number} messages") };
        let words = match outcome {
            // The marks that go along with a move are not what was asked for.
            Outcome::Refused { .. } | Outcome::Stored { .. } if goes_along(batch) => return,
            Outcome::Refused { why } => {
                let back = match &batch.act {
                    Act::Move { .. } => " They are back where they were.",
                    Act::Flags { .. } => " The server's flags are shown again.",
                    Act::Append { .. } => KEPT,
                    Act::Create { .. } | Act::Expunge => "",
                };
                format!("{account}: not done: {}. {}.{back}", batch.words, sentence(why))
            }
            Outcome::Doubtful { why } => format!("{account}: {}: {why}.{KEPT}", batch.words),
            // Once, when it is clear that it lasts.
            Outcome::Later { why, .. } if batch.tries == TOLD_AFTER => {
                format!(
                    "{account}: put off again and again: {}. {}. It is told again until the server does it.",
                    batch.words,
                    sentence(why)
                )
            }
            Outcome::Stored { kept, .. } if !kept.is_empty() => {
                let Act::Flags { set, clear } = &batch.act else { return };
                conflict(account, &set.with(clear), kept.len())
            }
            Outcome::Stored { unheeded, refused: Some(why), .. } if !unheeded.is_empty() => format!(
                "{account}: not done for {}: {}. {}. The server's flags are shown again.",
                count(unheeded.len()),
                batch.words,
                sentence(why)
            ),
            Outcome::Stored { unheeded, .. } if !unheeded.is_empty() => {
                let Act::Flags { set, clear } = &batch.act else { return };
                format!(
                    "{account}: not done: {}. The server says that it changed {} of {}, and did not. The server's flags are shown again.",
                    batch.words,
                    readables(&set.with(clear)),
                    count(unheeded.len())
                )
            }
            Outcome::Moved { absent, .. } if !absent.is_empty() => format!(
                "{account}: {} could not be moved: deleted or moved elsewhere meanwhile, by you on another device or by somebody else.",
                count(absent.len())
            ),
            _ => return,
        };
        self.announcer.notice(Tone::Warning, &words);
    }
}

/// The messages to which the server did not do what was asked; [`None`]: it did, or may do so yet.
fn not_done(batch: &Batch, outcome: &Outcome) -> Option<UidSet> {
    let to = match outcome {
        // The marks that go along with a move are not what was asked for.
        _ if goes_along(batch) => return None,
        Outcome::Refused { .. } => {
            return Some(batch.group.iter().flat_map(|group| group.uids.iter().copied()).collect());
        }
        Outcome::Stored { kept, unheeded, .. } => kept.iter().chain(unheeded.iter()).collect(),
        Outcome::Moved { absent, .. } => absent.clone(),
        _ => return None,
    };
    Some(to).filter(|to: &UidSet| !to.is_empty())
}

/// Whether it is the marks that say what is junk, of a message that is moved for it.
fn goes_along(batch: &Batch) -> bool {
    matches!(&batch.act, Act::Flags { set, clear } if is_of_junk(&set.with(clear))) && !batch.words.contains("mark")
}

/// Says that others' change of a flag stays.
pub(super) fn conflict(account: &str, flags: &Flags, messages: u64) -> String {
    let names = readables(flags);
    let count = if messages == 1 { "1 message".to_owned() } else { format!("{messages} messages") };
    format!(
        "{account}: {names} of {count} was changed by somebody else to the contrary of what you did while offline; their change stays. Press \
         the key again to change it."
    )
}

fn readables(flags: &Flags) -> String {
    flags.names().map(readable).collect::<Vec<_>>().join(", ")
}

/// A flag as people call it.
fn readable(name: &str) -> String {
    match name {
        "\\Seen" => "the read mark".to_owned(),
        "\\Flagged" => "the flag".to_owned(),
        "\\Deleted" => "the deletion mark".to_owned(),
        "\\Answered" => "the answered mark".to_owned(),
        "\\Draft" => "the draft mark".to_owned(),
        other => format!("the mark {}", SafeText::line(other)),
    }
}

fn sentence(words: &str) -> String {
    let mut chars = words.trim_end_matches('.').chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

fn place(batch: &Batch, group: &Group) -> Place {
    Place { account: batch.account.clone(), mailbox: group.mailbox.clone(), uid_validity: group.uid_validity }
}

/// Brings the cache up to what the server said. A cache that cannot be written is brought up by the next sync.
fn keep(stores: &Stores, batch: &Batch, outcome: &Outcome, from: Option<MailboxId>, touched: Vec<MessageKey>) -> Kept {
    let mut kept = Kept::default();
    match (outcome, from, &batch.act) {
        (Outcome::Stored { said: answered, kept: theirs, .. }, Some(mailbox), Act::Flags { set, clear }) => {
            let mut flags = answered.clone();
            // A server need not repeat the flags of messages that had them already.
            let silent: Vec<MessageKey> = touched
                .iter()
                .filter(|key| {
                    flags.binary_search_by_key(&key.uid, |(uid, _)| *uid).is_err() && !theirs.contains(key.uid)
                })
                .copied()
                .collect();
            flags.extend(said(stores, &silent).into_iter().map(|(key, old)| (key.uid, old.without(clear).with(set))));
            match stores.cache.set_flags(mailbox, &flags, None) {
                Ok(()) => kept.is_dated = true,
                Err(error) => tracing::warn!(%error, "flags that the server confirmed are not in the cache"),
            }
            let held: std::collections::HashSet<MessageKey> = touched.into_iter().collect();
            let shown = flags.into_iter().map(|(uid, flags)| (MessageKey { mailbox, uid }, flags));
            kept.said = shown.filter(|(key, _)| held.contains(key)).collect();
            return kept;
        }
        (Outcome::Moved { uid_validity: Some(uid_validity), pairs, absent, .. }, Some(mailbox), Act::Move { to }) => {
            match carry(stores, &batch.account, mailbox, to, *uid_validity, pairs) {
                Ok(moved) => kept.moved.extend(moved),
                Err(error) => {
                    tracing::warn!(%error, "moved messages are not in the cache; the next sync brings them");
                }
            }
            let gone: Vec<u32> = pairs.iter().map(|(from, _)| *from).chain(absent.iter()).collect();
            if let Err(error) = stores.cache.remove(mailbox, &gone, None) {
                tracing::warn!(%error, "moved messages are still in the cache");
            }
            kept.gone = gone.into_iter().map(|uid| MessageKey { mailbox, uid }).collect();
        }
        (Outcome::Expunged, Some(mailbox), _) => {
            let gone: Vec<u32> = touched.iter().map(|key| key.uid).collect();
            if let Err(error) = stores.cache.remove(mailbox, &gone, None) {
                tracing::warn!(%error, "removed messages are still in the cache");
            }
            kept.gone = touched;
            return kept;
        }
        _ => {}
    }
    let left: Vec<MessageKey> = touched.into_iter().filter(|key| !kept.gone.contains(key)).collect();
    kept.said = said(stores, &left);
    kept
}

type Carried = (MailboxId, crate::store::mailbox::Mailbox, Vec<Record>);

/// Carries messages over in the cache, so that they need not be fetched again.
fn carry(
    stores: &Stores,
    account: &str,
    from: MailboxId,
    to: &str,
    uid_validity: u32,
    pairs: &[(u32, u32)],
) -> Result<Option<Carried>, crate::store::cache::CacheError> {
    let cache = &stores.cache;
    let target = cache.ensure_mailbox(account, to, uid_validity)?;
    let Some(known) = cache.mailbox(target)? else { return Ok(None) };
    let mut records = Vec::with_capacity(pairs.len());
    for chunk in pairs.chunks(CHUNK) {
        let mut batch = Vec::with_capacity(chunk.len());
        for &(old, uid) in chunk {
            let key = MessageKey { mailbox: from, uid: old };
            let Some(summary) = cache.summary(key)? else { continue };
            let raw = if summary.has_raw && summary.bytes <= CARRIED_MAX { cache.raw(key)? } else { None };
            // Where there is no MOVE, the old one bears our own mark by now: the copy does not.
            let flags = summary.flags.without(&Flags::new(Flags::DELETED, Vec::new()));
            let summary = Summary { uid, flags, has_raw: raw.is_some(), ..summary };
            records.push(Record::from(summary.clone()));
            batch.push(NewMessage { summary, raw: raw.map(Arc::from) });
        }
        if !batch.is_empty() {
            cache.put_batch(target, batch, None)?;
        }
    }
    Ok(Some((target, known, records)))
}
