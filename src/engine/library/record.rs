//! A summary made ready for the index: what takes time (digests, cleaned and base subjects) is worked out before the core gets it.

use super::entry::short_name;
use super::filing::Derived;
use crate::mail::safe::SafeText;
use crate::mail::subject;
use crate::mail::thread::{id_hash, subject_hash};
use crate::store::summary::Summary;

/// A summary with what the index makes of it.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    /// The summary.
    pub(crate) summary: Summary,
    /// Digest of the Message-ID, or what else a message is known by; 0 where there is nothing.
    pub(super) id: u64,
    /// Digests of References, or of the first In-Reply-To.
    pub(super) references: Vec<u64>,
    /// Digest of the base subject (RFC 5256 §2.1); 0 where it is empty.
    pub(super) base: u64,
    /// The base subject came from an answer.
    pub(super) is_reply: bool,
    /// Cleaned and safe.
    pub(super) subject: SafeText,
    /// The first author's name, safe.
    pub(super) from: SafeText,
    pub(super) derived: Derived,
}

impl From<Summary> for Record {
    fn from(summary: Summary) -> Self {
        let mut references: Vec<u64> = summary.references.iter().map(|id| id_hash(id)).collect();
        if references.is_empty() {
            references.extend(summary.in_reply_to.first().map(|id| id_hash(id)));
        }
        let base = subject::base_subject(&summary.subject);
        let derived = Derived::read(&summary.derived);
        Self {
            id: if summary.message_id.is_empty() { derived.nameless } else { id_hash(&summary.message_id) },
            references,
            base: subject_hash(&base.text),
            is_reply: base.is_reply,
            subject: SafeText::line(&subject::clean(&summary.subject)),
            from: summary.from.first().map(|address| SafeText::line(short_name(address))).unwrap_or_default(),
            derived,
            summary,
        }
    }
}
