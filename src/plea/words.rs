//! Entries of the register in words, for its chronology: never a privileged word of the evidence.

use super::act::{Act, Deed, Kind};
use super::entry::Entry;
use super::mark::Meaning;
use super::table::moment;
use crate::case::MessageName;

impl Meaning {
    /// What it is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Offer(..) => Kind::Offer,
            Self::Counter(..) => Kind::Counter,
            Self::Accept(_) => Kind::Accept,
            Self::AcceptSubject(_) => Kind::AcceptSubject,
            Self::Reject(_) => Kind::Reject,
            Self::Withdraw(_) => Kind::Withdraw,
            Self::Query(_) => Kind::Query,
            Self::Reply(_) => Kind::Reply,
            Self::Chase(_) => Kind::Chase,
            Self::Extend(_) => Kind::Extend,
            Self::TenderNotice(..) => Kind::TenderNotice,
        }
    }
}

/// An act: its kind and number, and what it is about by number and digest.
fn act_words(act: &Act) -> String {
    let named = format!("{} {}", act.kind().words(), act.no);
    let about = match (act.terms_hash(), act.deed.answers(), &act.deed) {
        (Some(hash), Some(quoted), _) => {
            format!(", answers {} ({}), terms {}", quoted.no, quoted.hash.short(), hash.short())
        }
        (Some(hash), None, _) => format!(", round {}, terms {}", act.round, hash.short()),
        (None, Some(quoted), _) => format!(", of {} ({})", quoted.no, quoted.hash.short()),
        (None, None, Deed::Reply { to, .. }) => format!(", to {to}"),
        (None, None, _) => String::new(),
    };
    format!("{named} in {}{about}", act.id)
}

impl Entry {
    /// What it is, in one sentence.
    #[must_use]
    pub fn words(&self) -> String {
        self.words_about(|_| None)
    }

    /// The same; `named`: the act that a message carries, where that is known.
    pub(super) fn words_about(&self, named: impl Fn(&MessageName) -> Option<String>) -> String {
        let because = |text: &str| if text.trim().is_empty() { String::new() } else { format!(" ({})", text.trim()) };
        match self {
            Self::Sent { act, .. } => format!("{} sent", act_words(act)),
            Self::Came { act, from, .. } => format!("{} received from {from}", act_words(act)),
            Self::Mark { act, from, by, .. } => {
                format!("{} received from {from} as free text, marked by {by}", act_words(act))
            }
            Self::Unmark { message, because: why, by, .. } => match named(message) {
                Some(act) => format!("{act} does not count any more on the word of {by}{}", because(why)),
                None => format!("what {message} was is taken back{}", because(why)),
            },
            Self::Admit { id, message, because: why, by, .. } => match named(message) {
                Some(act) => format!("{act} is let in by {by}{}", because(why)),
                None => format!("{message} is let in ({id}){}", because(why)),
            },
            Self::Refused { id, kind, because: why, .. } => {
                format!("{} in {id} was not sent: {}", kind.words(), why.join("; "))
            }
            Self::Expire { id, offer, reply_by, .. } => {
                format!("EXPIRE in {id}: {offer} lapsed on {}, noticed here", moment(*reply_by))
            }
            Self::Choose { id, offer, hash, .. } => {
                format!("CHOOSE in {id}: {offer} ({}) is looked upon as the standing offer here", hash.short())
            }
            Self::Record { id, outcome, hearing, source, .. } => {
                let at = hearing.as_ref().map(|hearing| format!(" at {hearing}")).unwrap_or_default();
                format!("RECORD in {id}: {}{at}, known from {source}", outcome.words())
            }
            Self::Undelivered { id, act, because: why, .. } => {
                format!("{act} in {id} was not delivered and counts as not done{}", because(why))
            }
            Self::Resent { id, act, .. } => format!("{act} in {id} is sent once more"),
            Self::Written { id, paper, path, sha256, .. } => {
                format!("{} of {id} written to {path}; sha256 {sha256}", paper.words())
            }
            Self::Note { id, text, .. } => format!("NOTE in {id}: {text}"),
        }
    }
}
