//! Which acts are a case's: those that were entered in it, and those that lie in messages that are filed to it now. Mail that is filed to another
//! case takes its act along.

use std::collections::BTreeSet;

use super::Pleas;
use crate::case::MessageName;
use crate::engine::core::{Core, Open};
use crate::mail::id::CaseId;
use crate::plea::Entry;
use crate::store::mailbox::SpecialUse;

/// The cases that a message is filed to now; `None` where it is not here.
fn filed(open: &Open, message: &MessageName) -> Option<BTreeSet<CaseId>> {
    let library = &open.library;
    let is_copy = |key: &crate::mail::id::MessageKey| {
        library.mailbox(key.mailbox).is_some_and(|one| one.state.special_use == Some(SpecialUse::Sent))
    };
    let mut keys = library.with_message_id(&message.message_id).into_iter().filter(|key| !is_copy(key)).peekable();
    keys.peek()?;
    Some(keys.flat_map(|key| library.cases_of(key)).map(|(case, _)| case).collect())
}

impl Core {
    /// The entries of a case. What came in mail goes with the mail.
    #[expect(clippy::unused_self, reason = "whoever asks holds the core")]
    pub(super) fn plea_entries(&self, open: &Open, pleas: &Pleas, case: &CaseId) -> Vec<Entry> {
        let mut entries: Vec<Entry> = Vec::new();
        for (first, known) in pleas.all() {
            for entry in known {
                let is_here = match entry {
                    Entry::Came { message, .. } => {
                        filed(open, message).map_or(first == case, |cases| cases.contains(case))
                    }
                    // A mark is a user's word in one case: it does not wander, but it ends where the message is another's.
                    Entry::Mark { message, .. } if first == case => {
                        filed(open, message).is_none_or(|cases| cases.contains(case))
                    }
                    _ => first == case,
                };
                if is_here {
                    entries.push(entry.clone());
                }
            }
        }
        entries
    }

    /// The cases in which something is entered, or to which mail with an act is filed.
    #[expect(clippy::unused_self, reason = "whoever asks holds the core")]
    pub(super) fn plea_cases(&self, open: &Open, pleas: &Pleas) -> BTreeSet<CaseId> {
        let mut cases: BTreeSet<CaseId> = BTreeSet::new();
        for (first, known) in pleas.all() {
            cases.insert(first.clone());
            let acts = known.iter().filter_map(|entry| match entry {
                Entry::Came { message, .. } => filed(open, message),
                _ => None,
            });
            cases.extend(acts.flatten());
        }
        cases
    }
}
