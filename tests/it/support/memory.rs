//! A sink that keeps everything in memory and lets a test wait for what it expects.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use casemail::imap::{
    Body, Error, Fetched, Held, Known, Left, Link, MailboxAt, MailboxInfo, Pass, Position, Sample, Sink, Stop, UidSet,
};
use casemail::store::flags::Flags;
use tokio::sync::Notify;

/// What a worker told.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    state: Mutex<State>,
    changed: Notify,
}

/// One mailbox.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    pub(crate) uid_validity: u32,
    pub(crate) position: Position,
    pub(crate) messages: BTreeMap<u32, Fetched>,
    /// UIDs of batches, as they came.
    pub(crate) order: Vec<u32>,
    /// UIDs of those that came whole, as they came.
    pub(crate) whole_order: Vec<u32>,
    pub(crate) passes: Vec<Pass>,
    /// How often it began anew.
    pub(crate) begun: usize,
}

impl Kept {
    /// Messages that are there whole.
    pub(crate) fn whole(&self) -> usize {
        self.messages.values().filter(|message| matches!(message.body, Body::Whole(_))).count()
    }

    /// Messages that could not be had.
    pub(crate) fn unfetchable(&self) -> Vec<u32> {
        self.messages.values().filter(|message| matches!(message.body, Body::Unfetchable(_))).map(|m| m.uid).collect()
    }

    /// A message's text.
    pub(crate) fn raw(&self, uid: u32) -> &[u8] {
        match &self.messages[&uid].body {
            Body::Whole(raw) | Body::Header(raw) => raw,
            Body::Unfetchable(_) => b"",
        }
    }
}

/// Everything.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) listed: Vec<MailboxInfo>,
    pub(crate) mailboxes: BTreeMap<String, Kept>,
    pub(crate) links: Vec<Link>,
    pub(crate) refused: Vec<(String, String)>,
    /// What was noted of the server.
    pub(crate) notes: BTreeSet<String>,
    /// Largest sum of bytes in one batch.
    pub(crate) batch_bytes: usize,
    /// MAILBOXIDs by name.
    pub(crate) ids: BTreeMap<String, String>,
    /// Batches that can still be stored before the disk is full.
    pub(crate) room: Option<usize>,
    /// Mailboxes that were renamed.
    pub(crate) renamed: Vec<(String, String)>,
    /// Mailboxes that left.
    pub(crate) gone: Vec<(String, Left)>,
    /// Mailboxes that are not listed and kept, and why.
    pub(crate) unlisted: Vec<(String, String)>,
    /// Mailboxes that may only be read.
    pub(crate) read_only: BTreeSet<String>,
    /// Mailboxes over which a pass is being made, and how many there were at once.
    pub(crate) in_hand: BTreeSet<String>,
    pub(crate) in_hand_most: usize,
}

impl State {
    /// The last state of the connection.
    pub(crate) fn link(&self) -> Option<&Link> {
        self.links.last()
    }
}

impl Memory {
    /// Looks at what is there.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.state.lock().unwrap())
    }

    /// Changes what is there, as a store that lost something would.
    pub(crate) fn alter(&self, alter: impl FnOnce(&mut State)) {
        alter(&mut self.state.lock().unwrap());
    }

    /// Waits until something is so; fails with everything it has after a while.
    pub(crate) async fn until(&self, what: &str, mut so: impl FnMut(&State) -> bool) {
        self.until_within(Duration::from_secs(20), what, &mut so).await;
    }

    /// As [`Self::until`], within a time.
    pub(crate) async fn until_within(&self, limit: Duration, what: &str, mut so: impl FnMut(&State) -> bool) {
        let wait = async {
            loop {
                let changed = self.changed.notified();
                if self.look(&mut so) {
                    return;
                }
                changed.await;
            }
        };
        if tokio::time::timeout(limit, wait).await.is_err() {
            let state = self.state.lock().unwrap();
            let kept: Vec<_> =
                state.mailboxes.iter().map(|(name, kept)| (name, kept.messages.len(), kept.whole())).collect();
            panic!(
                "never: {what}; {kept:?}; {:?}; {:?}",
                state.links.iter().rev().take(4).collect::<Vec<_>>(),
                state.refused
            );
        }
    }

    fn with<T>(&self, name: &str, change: impl FnOnce(&mut Kept) -> T) -> T {
        let result = change(self.state.lock().unwrap().mailboxes.entry(name.to_owned()).or_default());
        self.changed.notify_waiters();
        result
    }
}

impl Sink for Memory {
    async fn known(&self) -> Result<Vec<Known>, Stop> {
        self.look(|state| assert!(state.in_hand.is_empty(), "{:?} are in hand while all are listed", state.in_hand));
        Ok(self.look(|state| {
            let kept = state.mailboxes.iter().filter(|(_, kept)| kept.uid_validity > 0);
            kept.map(|(name, kept)| Known {
                name: name.clone(),
                uid_validity: kept.uid_validity,
                position: kept.position,
                whole: kept.messages.len() == kept.whole(),
                mailbox_id: state.ids.get(name).cloned(),
                subscribed: state.listed.iter().any(|info| info.name == *name && info.subscribed),
                read_only: state.read_only.contains(name),
            })
            .collect()
        }))
    }

    async fn renamed(&self, from: &str, to: &str) -> Result<(), Stop> {
        self.alter(|state| {
            let kept = state.mailboxes.remove(from).unwrap();
            state.mailboxes.insert(to.to_owned(), kept);
            state.renamed.push((from.to_owned(), to.to_owned()));
        });
        Ok(())
    }

    async fn gone(&self, mailbox: &str, why: Left) -> Result<(), Stop> {
        self.alter(|state| {
            state.mailboxes.remove(mailbox).unwrap();
            state.gone.push((mailbox.to_owned(), why));
        });
        Ok(())
    }

    async fn unlisted(&self, mailbox: &str, why: &str) -> Result<(), Stop> {
        self.alter(|state| state.unlisted.push((mailbox.to_owned(), why.to_owned())));
        Ok(())
    }

    async fn samples(&self, mailbox: &str, most: usize) -> Result<Vec<Sample>, Stop> {
        Ok(self.look(|state| {
            let kept = &state.mailboxes[mailbox].messages;
            let sample = |message: &Fetched| Sample {
                uid: message.uid,
                bytes: message.bytes,
                internal_date: message.internal_date,
            };
            kept.values().take(most).map(sample).collect()
        }))
    }

    async fn mailboxes(&self, list: Vec<MailboxInfo>) -> Result<(), Stop> {
        self.alter(|state| {
            state.unlisted.retain(|(name, _)| list.iter().all(|info| info.name != *name));
            state.ids = list.iter().filter_map(|info| Some((info.name.clone(), info.mailbox_id.clone()?))).collect();
        });
        self.state.lock().unwrap().listed = list;
        self.changed.notify_waiters();
        Ok(())
    }

    async fn held(&self, mailbox: &str) -> Result<Option<Held>, Stop> {
        self.alter(|state| {
            assert!(state.in_hand.insert(mailbox.to_owned()), "{mailbox} is in two hands");
            state.in_hand_most = state.in_hand_most.max(state.in_hand.len());
        });
        Ok(self.look(|state| {
            state.mailboxes.get(mailbox).filter(|kept| kept.uid_validity > 0).map(|kept| Held {
                uid_validity: kept.uid_validity,
                position: kept.position,
                uids: kept.messages.keys().copied().collect(),
                lacking: kept
                    .messages
                    .values()
                    .filter(|message| matches!(message.body, Body::Header(_)) && message.bytes < 1_000_000)
                    .map(|message| message.uid)
                    .collect(),
            })
        }))
    }

    async fn begin(&self, at: &MailboxAt, read_only: bool) -> Result<(), Stop> {
        self.alter(|state| {
            if read_only {
                state.read_only.insert(at.name.to_string());
            } else {
                state.read_only.remove(&*at.name);
            }
        });
        self.with(&at.name, |kept| {
            if kept.uid_validity != at.uid_validity {
                *kept = Kept { uid_validity: at.uid_validity, begun: kept.begun + 1, ..Kept::default() };
            }
        });
        Ok(())
    }

    async fn batch(&self, at: &MailboxAt, messages: Vec<Fetched>) -> Result<(), Stop> {
        let bytes = messages
            .iter()
            .map(|message| match &message.body {
                Body::Header(raw) | Body::Whole(raw) => raw.len(),
                Body::Unfetchable(_) => 0,
            })
            .sum();
        let full = self.look(|state| state.room == Some(0));
        if full {
            return Err(Stop("no room on the disk".to_owned()));
        }
        self.alter(|state| {
            state.batch_bytes = state.batch_bytes.max(bytes);
            state.room = state.room.map(|room| room - 1);
        });
        self.with(&at.name, |kept| {
            assert_eq!(kept.uid_validity, at.uid_validity, "a batch of another UIDVALIDITY");
            for message in messages {
                kept.order.push(message.uid);
                if matches!(message.body, Body::Whole(_)) {
                    kept.whole_order.push(message.uid);
                }
                kept.messages.insert(message.uid, message);
            }
        });
        Ok(())
    }

    async fn flags(&self, at: &MailboxAt, flags: Vec<(u32, Flags)>) -> Result<u64, Stop> {
        Ok(self.with(&at.name, |kept| {
            let mut changed = 0;
            for (uid, flags) in flags {
                if let Some(message) = kept.messages.get_mut(&uid)
                    && message.flags != flags
                {
                    message.flags = flags;
                    changed += 1;
                }
            }
            changed
        }))
    }

    async fn vanished(&self, at: &MailboxAt, uids: UidSet) -> Result<(), Stop> {
        self.with(&at.name, |kept| kept.messages.retain(|uid, _| !uids.contains(*uid)));
        Ok(())
    }

    async fn done(&self, at: &MailboxAt, position: Position, pass: &Pass) -> Result<(), Stop> {
        self.with(&at.name, |kept| {
            kept.position = position;
            kept.passes.push(pass.clone());
        });
        Ok(())
    }

    fn refused(&self, mailbox: &str, why: &Error) {
        self.alter(|state| state.refused.push((mailbox.to_owned(), why.to_string())));
        self.changed.notify_waiters();
    }

    fn noted(&self, words: &str) {
        self.alter(|state| {
            state.notes.insert(words.to_owned());
        });
        self.changed.notify_waiters();
    }

    fn passed(&self, mailbox: &str) {
        self.alter(|state| {
            state.in_hand.remove(mailbox);
        });
        self.changed.notify_waiters();
    }

    fn link(&self, link: Link) {
        self.alter(|state| state.links.push(link));
        self.changed.notify_waiters();
    }
}
