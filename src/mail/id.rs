//! How messages, mailboxes, threads and cases are named.
//!
//! A message is addressed by (account, mailbox, UIDVALIDITY, UID) and never by a sequence number (RFC 9051 §2.3.1).
//! Inside the process the first three are folded into a [`MailboxId`], which stands for *one* UIDVALIDITY of one mailbox: a
//! changed UIDVALIDITY is a new `MailboxId`, so that a body can never turn up under another message's envelope.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One UIDVALIDITY of one mailbox of one account, numbered by the cache. It does not outlive the cache: what is written
/// elsewhere uses [`MessageRef`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MailboxId(pub u32);

/// One message in the cache of this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MessageKey {
    /// The mailbox, with its UIDVALIDITY.
    pub mailbox: MailboxId,
    /// The UID (RFC 9051 §2.3.1.1), never 0.
    pub uid: u32,
}

/// The name of a message that people, scripts and other stores use: `account/mailbox/uidvalidity/uid`, for instance
/// `work/INBOX/1767225600/42`. The mailbox may hold slashes; the last two fields are numbers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MessageRef {
    /// The account's name in the configuration; holds no slash.
    pub account: String,
    /// The mailbox's name, decoded from modified UTF-7.
    pub mailbox: String,
    /// RFC 9051 §2.3.1.1.
    pub uid_validity: u32,
    /// RFC 9051 §2.3.1.1.
    pub uid: u32,
}

impl fmt::Display for MessageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}/{}", self.account, self.mailbox, self.uid_validity, self.uid)
    }
}

/// A text that is no [`MessageRef`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a message is named account/mailbox/uidvalidity/uid, for instance work/INBOX/1767225600/42")]
pub struct MessageRefError;

impl FromStr for MessageRef {
    type Err = MessageRefError;

    fn from_str(text: &str) -> Result<Self, MessageRefError> {
        let (rest, uid) = text.rsplit_once('/').ok_or(MessageRefError)?;
        let (rest, uid_validity) = rest.rsplit_once('/').ok_or(MessageRefError)?;
        let (account, mailbox) = rest.split_once('/').ok_or(MessageRefError)?;
        if account.is_empty() || mailbox.is_empty() {
            return Err(MessageRefError);
        }
        Ok(Self {
            account: account.to_owned(),
            mailbox: mailbox.to_owned(),
            uid_validity: uid_validity.parse().map_err(|_| MessageRefError)?,
            uid: uid.parse().map_err(|_| MessageRefError)?,
        })
    }
}

/// A thread, named by a digest of the Message-ID of its root, so that the name is the same after a rebuilt cache.
/// Written as 16 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ThreadId(pub u64);

impl fmt::Display for ThreadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for ThreadId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        u64::from_str_radix(text, 16).map(Self)
    }
}

/// A case. Its text is the identifier that scripts use: the `id` of a configured case, or the canonical identifier
/// (`99ZX0012326`) that messages were grouped by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CaseId(pub String);

impl fmt::Display for CaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A row of the outbox: durable, never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OutboxId(pub u64);

impl fmt::Display for OutboxId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A message being written, wherever it is kept: given when it is first opened in the composer, and never to another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DraftKey(pub u64);

/// A draft that was set aside: durable, never used again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DraftId(pub u64);

impl fmt::Display for DraftId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::MessageRef;

    #[test]
    fn message_ref_round_trips_with_slashes_in_the_mailbox() {
        let name = "work/Cases/2026/Otter/1767225600/42";
        let parsed: MessageRef = name.parse().unwrap();
        assert_eq!(parsed.mailbox, "Cases/2026/Otter");
        assert_eq!((parsed.uid_validity, parsed.uid), (1_767_225_600, 42));
        assert_eq!(parsed.to_string(), name);
    }

    #[test]
    fn message_ref_refuses_what_is_not_one() {
        for text in ["", "42", "work/INBOX/42", "work//1/2", "/INBOX/1/2", "work/INBOX/x/2", "work/INBOX/1/-2"] {
            assert!(text.parse::<MessageRef>().is_err(), "{text}");
        }
    }
}
