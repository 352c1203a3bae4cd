//! A change made here that the server has to be told, as a durable row: what it does, to which messages it was not told yet, and
//! what takes it back once it was.
//!
//! The row is written before the server is told. Messages go by the names that the server knows them by; when a move has given them
//! other names, every row that names them is renamed with the row of the move, in one transaction.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::flags::Flags;
use super::mailbox::SpecialUse;

/// What a change does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Act {
    /// Sets and clears flags (RFC 9051 §6.4.6). Those of the messages were otherwise before.
    Flags {
        /// Flags to set.
        set: Flags,
        /// Flags to clear.
        clear: Flags,
    },
    /// Moves to a mailbox of the same account (RFC 6851).
    Move {
        /// The mailbox (decoded name).
        to: String,
    },
    /// Removes for ever: `\Deleted` and UID EXPUNGE (RFC 4315 §2.1).
    Expunge,
    /// Makes a mailbox.
    Create {
        /// Its name, decoded.
        mailbox: String,
        /// What it is to be for (RFC 6154 §3).
        special_use: Option<SpecialUse>,
    },
    /// Appends a message, whose bytes are kept beside the row.
    Append {
        /// The mailbox (decoded name).
        mailbox: String,
        /// Its flags.
        flags: Flags,
        /// INTERNALDATE in seconds since 1970; `None`: when it arrives.
        date: Option<i64>,
        /// Its Message-ID without angle brackets, by which it is looked for after a lost answer; empty where it has none.
        message_id: String,
    },
}

/// Messages of one UIDVALIDITY of one mailbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// The mailbox (decoded name).
    pub mailbox: String,
    /// RFC 9051 §2.3.1.1.
    pub uid_validity: u32,
    /// Sorted, without repeats.
    pub uids: Vec<u32>,
    /// Of a move that was done: the mailbox that they came from.
    pub home: Option<String>,
}

/// What is being told to the server, noted before it is: after a crash or a lost answer nobody knows whether it was done, and it is looked
/// for before it is done again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begun {
    /// Which messages. Of an APPEND none: the target with the UIDVALIDITY that `above` is of, where that was known.
    pub group: Option<Group>,
    /// What came to the target after this UID may have come by us.
    pub above: u32,
}

/// Why the server is told no more of a row before a person has decided. What it would have kept is here alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Held {
    /// The server refused it for good.
    Refused,
    /// It was told, no answer came, and nothing proves whether it was done: a second time may be one too many.
    Doubtful,
}

/// A row of the queue of changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Its place in the order. The row's key.
    #[serde(skip)]
    pub seq: u64,
    /// What the user did at once has one number; 0: nothing that the user did (a message that was read), not to be undone.
    pub step: u64,
    /// The step that it takes back.
    pub undoes: Option<u64>,
    /// What was done, in words: "moved 3 messages to Archive".
    pub words: String,
    /// When.
    pub at: Timestamp,
    /// The account's name in the configuration.
    pub account: String,
    /// What it does.
    pub act: Act,
    /// Messages that the server was not told of. For [`Act::Create`] and [`Act::Append`] see `open`.
    pub waiting: Vec<Group>,
    /// The server was not told to create or to append yet.
    pub open: bool,
    /// What is being told.
    pub begun: Option<Begun>,
    /// Messages that it was done to, under the names that they have now: what can be taken back.
    pub done: Vec<Group>,
    /// The user took it back while the server was being told: what was done is undone as soon as that is known.
    pub taken_back: bool,
    /// Failures that may pass.
    pub tries: u32,
    /// The last of them, in words.
    pub why: String,
    /// It waits for a person. The last field: rows of before schema 5 end without it.
    pub held: Option<Held>,
}

impl Change {
    /// Whether the server still has to be told something of it.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.open || !self.waiting.is_empty()
    }

    /// Whether it is for us to tell the server, and not for a person to decide.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.is_waiting() && self.held.is_none()
    }
}

/// A change of flags as stores of schema 1 kept it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FlagChangeV1 {
    pub messages: Vec<crate::mail::id::MessageRef>,
    pub set: u8,
    pub clear: u8,
    pub at: Timestamp,
}

impl FlagChangeV1 {
    /// As rows of today, without their places in the order: one for each account.
    pub(super) fn into_changes(self) -> Vec<Change> {
        let mut rows: Vec<Change> = Vec::new();
        for name in self.messages {
            let row = match rows.iter().position(|row| row.account == name.account) {
                Some(at) => rows.get_mut(at),
                None => {
                    rows.push(Change {
                        seq: 0,
                        step: 0,
                        undoes: None,
                        words: "changed flags".to_owned(),
                        at: self.at,
                        account: name.account.clone(),
                        act: Act::Flags {
                            set: Flags::new(self.set, Vec::new()),
                            clear: Flags::new(self.clear, Vec::new()),
                        },
                        waiting: Vec::new(),
                        open: false,
                        begun: None,
                        done: Vec::new(),
                        taken_back: false,
                        tries: 0,
                        why: String::new(),
                        held: None,
                    });
                    rows.last_mut()
                }
            };
            if let Some(row) = row {
                Group::add(&mut row.waiting, &name.mailbox, name.uid_validity, name.uid);
            }
        }
        rows
    }
}

impl Group {
    /// Messages of a mailbox.
    #[must_use]
    pub fn new(mailbox: &str, uid_validity: u32, mut uids: Vec<u32>) -> Self {
        uids.sort_unstable();
        uids.dedup();
        Self { mailbox: mailbox.to_owned(), uid_validity, uids, home: None }
    }

    /// Puts a message into the group of its mailbox.
    pub fn add(groups: &mut Vec<Self>, mailbox: &str, uid_validity: u32, uid: u32) {
        let place = groups
            .iter()
            .position(|group| group.uid_validity == uid_validity && group.mailbox == mailbox && group.home.is_none());
        let at = place.unwrap_or_else(|| {
            groups.push(Self { mailbox: mailbox.to_owned(), uid_validity, uids: Vec::new(), home: None });
            groups.len().saturating_sub(1)
        });
        if let Some(group) = groups.get_mut(at)
            && let Err(place) = group.uids.binary_search(&uid)
        {
            group.uids.insert(place, uid);
        }
    }

    /// Whether they are of the same UIDVALIDITY of the same mailbox.
    #[must_use]
    pub fn is_beside(&self, other: &Self) -> bool {
        self.uid_validity == other.uid_validity && self.mailbox == other.mailbox
    }
}
