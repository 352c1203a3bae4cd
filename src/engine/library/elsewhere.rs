//! Where messages are shown: in the mailbox that a waiting change moves them to, and, of Trash and Junk, only where these are asked for.

use std::collections::{BTreeSet, HashSet};

use super::Library;
use super::entry::{Entry, NONE};
use crate::app::view::Scope;
use crate::mail::id::{MailboxId, MessageKey, ThreadId};
use crate::store::flags::Flags;
use crate::store::mailbox::{Mailbox, SpecialUse};

/// The mailbox that a message is moved to, which the server does not know yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Elsewhere {
    mailbox: String,
    role: Option<SpecialUse>,
}

/// Customary names, for servers that mark no mailbox (RFC 6154 is an extension).
const CUSTOMARY: [(&str, SpecialUse); 11] = [
    ("Trash", SpecialUse::Trash),
    ("Deleted Items", SpecialUse::Trash),
    ("Deleted Messages", SpecialUse::Trash),
    ("Bin", SpecialUse::Trash),
    ("Junk", SpecialUse::Junk),
    ("Junk E-mail", SpecialUse::Junk),
    ("Junk Email", SpecialUse::Junk),
    ("Spam", SpecialUse::Junk),
    ("Archive", SpecialUse::Archive),
    ("Archives", SpecialUse::Archive),
    ("Drafts", SpecialUse::Drafts),
];

/// What a mailbox is for by its name, at the top or below INBOX as Courier has it.
fn customary(name: &str) -> Option<SpecialUse> {
    let below = name.strip_prefix("INBOX").and_then(|rest| rest.strip_prefix(['.', '/']));
    let name = below.unwrap_or(name);
    CUSTOMARY.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, role)| *role)
}

impl Library {
    /// What a mailbox is for: what the server says, else what its name says where the server marks no other one.
    pub(crate) fn role(&self, mailbox: &Mailbox) -> Option<SpecialUse> {
        mailbox.state.special_use.or_else(|| {
            let role = customary(&mailbox.name)?;
            let marked = |other: &Mailbox| other.account == mailbox.account && other.state.special_use == Some(role);
            (!self.mailboxes().any(marked)).then_some(role)
        })
    }

    /// The mailbox of an account that is for something.
    pub(crate) fn mailbox_for(&self, account: &str, role: SpecialUse) -> Option<&Mailbox> {
        let mut fit: Vec<&Mailbox> =
            self.mailboxes().filter(|m| m.account == account && self.role(m) == Some(role)).collect();
        fit.sort_by_key(|m| (m.state.special_use != Some(role), m.id));
        fit.first().copied()
    }

    /// The mailbox of an account by its name.
    pub(crate) fn mailbox_named(&self, account: &str, name: &str) -> Option<&Mailbox> {
        self.mailboxes().filter(|m| m.account == account && m.name == name).max_by_key(|m| m.id)
    }

    /// Where the server has the messages of these threads: accounts and names of mailboxes.
    pub(crate) fn mailboxes_of(&self, threads: impl IntoIterator<Item = ThreadId>) -> BTreeSet<(String, String)> {
        let keys = threads.into_iter().flat_map(|thread| self.thread_keys(thread));
        let ids: BTreeSet<MailboxId> = keys.map(|key| key.mailbox).collect();
        let known = ids.into_iter().filter_map(|id| self.mailbox(id));
        known.map(|mailbox| (mailbox.account.clone(), mailbox.name.clone())).collect()
    }

    /// Shows a message in another mailbox than the server has it in, or where it is.
    pub(crate) fn set_elsewhere(&mut self, key: MessageKey, to: Option<&str>) {
        let account = self.mailbox(key.mailbox).map(|m| m.account.clone()).unwrap_or_default();
        let before = self.elsewhere.get(&key).map(|known| known.mailbox.as_str());
        if before == to {
            return;
        }
        if let Some(thread) = self.entry_of(key).map(|entry| entry.thread).filter(|thread| *thread != NONE) {
            // Which of several copies is shown may be another one now.
            self.threads.look_again(thread);
            self.spoilt.push(thread);
        }
        match to {
            None => drop(self.elsewhere.remove(&key)),
            Some(name) => {
                let role = match self.mailbox_named(&account, name) {
                    Some(mailbox) => self.role(mailbox),
                    None => customary(name),
                };
                self.elsewhere.insert(key, Elsewhere { mailbox: name.to_owned(), role });
            }
        }
    }

    /// The mailbox that a message is shown in.
    pub(crate) fn shown_in(&self, key: MessageKey) -> Option<&str> {
        let moved = if self.elsewhere.is_empty() { None } else { self.elsewhere.get(&key) };
        match moved {
            Some(moved) => Some(&moved.mailbox),
            None => self.mailbox(key.mailbox).map(|m| m.name.as_str()),
        }
    }

    /// What the mailbox is for that a message is shown in.
    pub(crate) fn role_shown(&self, key: MessageKey) -> Option<SpecialUse> {
        let moved = if self.elsewhere.is_empty() { None } else { self.elsewhere.get(&key) };
        match moved {
            Some(moved) => moved.role,
            None => self.roles.iter().find(|(id, _)| *id == key.mailbox).map(|(_, role)| *role),
        }
    }

    /// A mailbox came, went or changed: what each is for is looked at anew.
    pub(super) fn assign_roles(&mut self) {
        let roles: Vec<(MailboxId, SpecialUse)> =
            self.mailboxes().filter_map(|m| Some((m.id, self.role(m)?))).collect();
        let changed = |known: &(MailboxId, SpecialUse), others: &[(MailboxId, SpecialUse)]| !others.contains(known);
        let here: HashSet<MailboxId> = roles
            .iter()
            .filter(|role| changed(role, &self.roles))
            .chain(self.roles.iter().filter(|role| changed(role, &roles)))
            .map(|(id, _)| *id)
            .collect();
        if here.is_empty() {
            return;
        }
        // Which of several copies is shown, what counts as the user's own, and what lists leave out depends on it.
        let of_them = self.entries.iter().filter(|entry| here.contains(&entry.key.mailbox) && entry.thread != NONE);
        let threads: Vec<u32> = of_them.map(|entry| entry.thread).collect();
        threads.iter().for_each(|thread| self.threads.look_again(*thread));
        self.spoilt.extend(threads);
        self.roles = roles;
    }

    /// Whether a message stands in the usual lists: it is not marked deleted, and neither in Trash nor in Junk.
    pub(super) fn is_shown(&self, entry: &Entry) -> bool {
        entry.flags & Flags::DELETED == 0
            && !matches!(self.role_shown(entry.key), Some(SpecialUse::Trash | SpecialUse::Junk))
    }

    /// Whether a message, or a copy of it, stands in a mailbox, not marked deleted.
    fn is_in(&self, entry: &Entry, account: &str, mailbox: &str) -> bool {
        let here = |entry: &Entry| {
            entry.flags & Flags::DELETED == 0
                && self.shown_in(entry.key) == Some(mailbox)
                && self.mailbox(entry.key.mailbox).is_some_and(|m| m.account == account)
        };
        here(entry) || self.with_copies(entry.key).into_iter().any(|key| self.entry_of(key).is_some_and(here))
    }

    /// Whether a message stands in a list of a scope.
    pub(super) fn is_shown_in(&self, entry: &Entry, scope: &Scope) -> bool {
        self.is_shown(entry)
            || matches!(scope, Scope::Mailbox { account, mailbox } if self.is_in(entry, account, mailbox))
    }

    /// The threads of which some message is in a mailbox.
    pub(super) fn threads_in(&self, account: &str, mailbox: &str) -> HashSet<u32> {
        let ids: Vec<MailboxId> =
            self.mailboxes().filter(|m| m.account == account && m.name == mailbox).map(|m| m.id).collect();
        let of_account = |key: MessageKey| self.mailbox(key.mailbox).is_some_and(|m| m.account == account);
        let is_here = |key: MessageKey| match self.elsewhere.get(&key) {
            Some(moved) => moved.mailbox == mailbox && of_account(key),
            None => ids.contains(&key.mailbox),
        };
        self.all()
            .filter(|entry| entry.flags & Flags::DELETED == 0 && entry.thread != NONE && is_here(entry.key))
            .map(|entry| entry.thread)
            .collect()
    }
}
