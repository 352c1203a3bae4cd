//! A mailbox in the cache: one UIDVALIDITY of one name, and how far it is synced.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::mail::id::MailboxId;

/// What a mailbox is for (RFC 6154), as the server said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SpecialUse {
    /// `INBOX`, which RFC 6154 gives no attribute.
    Inbox,
    /// `\All`.
    All,
    /// `\Archive`.
    Archive,
    /// `\Drafts`.
    Drafts,
    /// `\Flagged`.
    Flagged,
    /// `\Junk`.
    Junk,
    /// `\Sent`.
    Sent,
    /// `\Trash`.
    Trash,
}

/// How far a mailbox is synced. Committed together with the messages it speaks of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailboxState {
    /// UIDNEXT up to which everything was compared with the server. `None`: nothing is known, compare everything; the cache
    /// sets it so after a record was damaged, which brings the lost rows back.
    pub uid_next: Option<u32>,
    /// HIGHESTMODSEQ up to which flags were compared (RFC 7162); `None` as above.
    pub highest_modseq: Option<u64>,
    /// What it is for.
    pub special_use: Option<SpecialUse>,
    /// It is subscribed.
    pub subscribed: bool,
    /// Messages the server had at the last pass.
    pub exists: u32,
    /// When a pass over it last succeeded.
    pub last_sync: Option<Timestamp>,
    /// What later versions know beside.
    #[serde(skip)]
    pub also: MailboxAlso,
}

/// What is known of a mailbox beside what the first version wrote. It stands behind that in the record; a record without it is as good.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailboxAlso {
    /// The server's own name for it, which a rename does not change (MAILBOXID, RFC 8474).
    pub mailbox_id: Option<String>,
    /// It may only be read.
    pub read_only: bool,
    /// Messages of up to this many bytes are all here, as of the last pass that ended.
    pub whole_up_to_bytes: u64,
    /// Since when the server does not list it, though nothing says that it is gone. Stands behind everything else in the record, and only where
    /// there is something to say.
    #[serde(skip)]
    pub unlisted_since: Option<Timestamp>,
}

/// A mailbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mailbox {
    /// Its number in this cache.
    #[serde(skip, default = "unnumbered")]
    pub id: MailboxId,
    /// The account's name in the configuration.
    pub account: String,
    /// Its name, decoded from modified UTF-7.
    pub name: String,
    /// RFC 9051 §2.3.1.1.
    pub uid_validity: u32,
    /// How far it is synced.
    pub state: MailboxState,
}

impl Mailbox {
    /// As a record. What later versions added follows what the first one wrote, so that each reads the other's.
    ///
    /// # Errors
    /// None that can happen.
    pub fn to_record(&self) -> postcard::Result<Vec<u8>> {
        let mut record = postcard::to_allocvec(self)?;
        record.extend(postcard::to_allocvec(&self.state.also)?);
        if let Some(since) = &self.state.also.unlisted_since {
            record.extend(postcard::to_allocvec(since)?);
        }
        Ok(record)
    }

    /// Whether the server has what is let go of here, as far as is known. Of a mailbox that it does not list, what is held may be all there is.
    #[must_use]
    pub fn has_its_mail(&self) -> bool {
        self.state.also.unlisted_since.is_none()
    }

    /// From a record.
    #[must_use]
    pub fn from_record(record: &[u8]) -> Option<Self> {
        let (mut mailbox, rest) = postcard::take_from_bytes::<Self>(record).ok()?;
        if !rest.is_empty() {
            let (also, rest) = postcard::take_from_bytes::<MailboxAlso>(rest).ok()?;
            mailbox.state.also = also;
            if !rest.is_empty() {
                mailbox.state.also.unlisted_since = Some(postcard::from_bytes(rest).ok()?);
            }
        }
        Some(mailbox)
    }
}

/// The number is the record's key, not part of its value.
const fn unnumbered() -> MailboxId {
    MailboxId(0)
}

#[cfg(test)]
mod tests {
    use super::{Mailbox, MailboxAlso, MailboxId, MailboxState, SpecialUse};

    #[test]
    fn records_of_every_version_are_read() {
        let state = MailboxState { uid_next: Some(9), special_use: Some(SpecialUse::Sent), ..MailboxState::default() };
        let mut mailbox =
            Mailbox { id: MailboxId(0), account: "work".to_owned(), name: "Sent".to_owned(), uid_validity: 7, state };
        let first = postcard::to_allocvec(&mailbox).unwrap();
        assert_eq!(Mailbox::from_record(&first), Some(mailbox.clone()));
        mailbox.state.also = MailboxAlso {
            mailbox_id: Some("F1".to_owned()),
            read_only: true,
            whole_up_to_bytes: 5_000_000,
            unlisted_since: None,
        };
        let now = mailbox.to_record().unwrap();
        assert_eq!(Mailbox::from_record(&now), Some(mailbox.clone()));
        assert!(mailbox.has_its_mail());
        mailbox.state.also.unlisted_since = Some("2026-05-11T09:00:00Z".parse().unwrap());
        let unlisted = mailbox.to_record().unwrap();
        assert!(!mailbox.has_its_mail());
        assert!(unlisted.starts_with(&now), "older versions read what they know");
        assert_eq!(Mailbox::from_record(&unlisted), Some(mailbox));
        assert_eq!(Mailbox::from_record(&now[..now.len() - 1]), None);
        assert_eq!(Mailbox::from_record(&first[..5]), None);
    }
}
