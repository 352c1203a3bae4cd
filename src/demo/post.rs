//! The demo's mail, in memory: accounts, mailboxes, messages, and word of every change. Both servers stand on it.
//!
//! Modification sequences are RFC 7162's: one counter for each mailbox, raised by every change of a message's flags.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use tokio::sync::watch;

/// The UIDVALIDITY of every mailbox: the home that knows them lives no longer than they do.
pub(super) const UID_VALIDITY: u32 = 1_767_225_600;

/// A message in a mailbox.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) uid: u32,
    /// As written on the wire: `\Seen`, `$Forwarded`.
    pub(super) flags: Vec<String>,
    pub(super) received: Timestamp,
    pub(super) modseq: u64,
    pub(super) raw: Arc<[u8]>,
}

impl Held {
    pub(super) fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|own| own.eq_ignore_ascii_case(flag))
    }
}

/// A mailbox.
#[derive(Debug)]
pub(super) struct Mailbox {
    /// As written on the wire (modified UTF-7).
    pub(super) name: String,
    /// RFC 6154, for instance `\Sent`.
    pub(super) special_use: Option<&'static str>,
    pub(super) subscribed: bool,
    pub(super) uid_next: u32,
    pub(super) modseq: u64,
    /// In the order of their UIDs.
    pub(super) messages: Vec<Held>,
}

impl Mailbox {
    pub(super) fn new(name: &str, special_use: Option<&'static str>) -> Self {
        let messages = Vec::new();
        Self { name: name.to_owned(), special_use, subscribed: true, uid_next: 1, modseq: 1, messages }
    }

    /// Adds a message and gives its UID.
    pub(super) fn add(&mut self, raw: Arc<[u8]>, mut flags: Vec<String>, received: Timestamp) -> u32 {
        flags.dedup();
        let uid = self.uid_next;
        self.uid_next = self.uid_next.saturating_add(1);
        self.modseq += 1;
        self.messages.push(Held { uid, flags, received, modseq: self.modseq, raw });
        uid
    }

    pub(super) fn message(&self, uid: u32) -> Option<&Held> {
        self.messages.binary_search_by_key(&uid, |held| held.uid).ok().and_then(|at| self.messages.get(at))
    }

    /// Changes the flags of a message; gives whether it is there.
    pub(super) fn change(&mut self, uid: u32, change: impl FnOnce(&mut Vec<String>)) -> bool {
        let Ok(at) = self.messages.binary_search_by_key(&uid, |held| held.uid) else { return false };
        let Some(held) = self.messages.get_mut(at) else { return false };
        let before = held.flags.clone();
        change(&mut held.flags);
        if held.flags != before {
            self.modseq += 1;
            held.modseq = self.modseq;
        }
        true
    }
}

/// An account: who may log in, under which addresses mail reaches it, and its mailboxes.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) user: String,
    pub(super) password: String,
    /// Lower case, every form of them.
    pub(super) addresses: Vec<String>,
    pub(super) mailboxes: Vec<Mailbox>,
}

impl Account {
    pub(super) fn new(user: &str, password: &str, addresses: &[&str]) -> Self {
        Self {
            user: user.to_owned(),
            password: password.to_owned(),
            addresses: addresses.iter().map(|address| address.to_lowercase()).collect(),
            mailboxes: vec![
                Mailbox::new("INBOX", None),
                Mailbox::new("Archive", Some("\\Archive")),
                Mailbox::new("Drafts", Some("\\Drafts")),
                Mailbox::new("Sent", Some("\\Sent")),
                Mailbox::new("Trash", Some("\\Trash")),
            ],
        }
    }

    pub(super) fn find(&self, name: &str) -> Option<usize> {
        let inbox = name.eq_ignore_ascii_case("INBOX");
        self.mailboxes.iter().position(|mailbox| if inbox { mailbox.name == "INBOX" } else { mailbox.name == name })
    }
}

/// All of it, shared by the servers.
#[derive(Debug)]
pub(super) struct PostOffice {
    accounts: Mutex<Vec<Account>>,
    changed: watch::Sender<u64>,
}

impl PostOffice {
    pub(super) fn new(accounts: Vec<Account>) -> Self {
        Self { accounts: Mutex::new(accounts), changed: watch::Sender::new(0) }
    }

    /// Looks at one account, or changes it.
    pub(super) fn with<R>(&self, account: usize, work: impl FnOnce(&mut Account) -> R) -> Option<R> {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        accounts.get_mut(account).map(work)
    }

    /// The account of this user with this password.
    pub(super) fn login(&self, user: &[u8], password: &[u8]) -> Option<usize> {
        let accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        accounts.iter().position(|account| account.user.as_bytes() == user && account.password.as_bytes() == password)
    }

    /// The account that mail to an address reaches.
    pub(super) fn reached_by(&self, address: &str) -> Option<usize> {
        let address = address.to_lowercase();
        let accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        accounts.iter().position(|account| account.addresses.contains(&address))
    }

    /// Puts a message into an account's INBOX.
    pub(super) fn deliver(&self, account: usize, raw: &[u8], received: Timestamp) {
        self.with(account, |account| {
            if let Some(inbox) = account.mailboxes.first_mut() {
                inbox.add(raw.into(), Vec::new(), received);
            }
        });
        self.tell();
    }

    /// Tells all sessions in IDLE that something may have changed.
    pub(super) fn tell(&self) {
        self.changed.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Word of changes.
    pub(super) fn listen(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }
}
