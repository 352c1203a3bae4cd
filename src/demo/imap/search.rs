//! SEARCH (RFC 9051 §6.4.4) over the raw bytes: enough for a client that looks for a Message-ID, a sender or a flag.

use imap_codec::imap_types::core::Vec1;
use imap_codec::imap_types::search::SearchKey;

use super::super::post::{Held, Mailbox};
use super::{fetch, holds};

/// The numbers (UIDs or sequence numbers) of the messages that match; `None` for a search that is not known here.
pub(super) fn search(
    mailbox: &Mailbox,
    view: &[u32],
    criteria: &Vec1<SearchKey<'static>>,
    uid: bool,
) -> Option<Vec<u32>> {
    let scope = Scope {
        last_uid: view.last().copied().unwrap_or_default(),
        count: u32::try_from(view.len()).unwrap_or(u32::MAX),
    };
    let mut found = Vec::new();
    for (number, own) in (1_u32..).zip(view) {
        let Some(held) = mailbox.message(*own) else { continue };
        let mut matches = true;
        for key in criteria.as_ref() {
            matches = matches && scope.matches(key, number, held)?;
        }
        if matches {
            found.push(if uid { *own } else { number });
        }
    }
    Some(found)
}

struct Scope {
    last_uid: u32,
    count: u32,
}

impl Scope {
    fn matches(&self, key: &SearchKey<'static>, number: u32, held: &Held) -> Option<bool> {
        let flag = |name: &str| held.has(name);
        let field = |name: &str, value: &[u8]| header_holds(held, name, value);
        Some(match key {
            SearchKey::All | SearchKey::Old => true,
            SearchKey::New | SearchKey::Recent => false,
            SearchKey::And(keys) => {
                for key in keys.as_ref() {
                    if !self.matches(key, number, held)? {
                        return Some(false);
                    }
                }
                true
            }
            SearchKey::Or(a, b) => self.matches(a, number, held)? || self.matches(b, number, held)?,
            SearchKey::Not(key) => !self.matches(key, number, held)?,
            SearchKey::SequenceSet(set) => holds(set, number, self.count),
            SearchKey::Uid(set) => holds(set, held.uid, self.last_uid),
            SearchKey::Answered => flag("\\Answered"),
            SearchKey::Unanswered => !flag("\\Answered"),
            SearchKey::Deleted => flag("\\Deleted"),
            SearchKey::Undeleted => !flag("\\Deleted"),
            SearchKey::Draft => flag("\\Draft"),
            SearchKey::Undraft => !flag("\\Draft"),
            SearchKey::Flagged => flag("\\Flagged"),
            SearchKey::Unflagged => !flag("\\Flagged"),
            SearchKey::Seen => flag("\\Seen"),
            SearchKey::Unseen => !flag("\\Seen"),
            SearchKey::Keyword(name) => flag(name.as_ref()),
            SearchKey::Unkeyword(name) => !flag(name.as_ref()),
            SearchKey::Larger(bytes) => held.raw.len() > usize::try_from(*bytes).ok()?,
            SearchKey::Smaller(bytes) => held.raw.len() < usize::try_from(*bytes).ok()?,
            SearchKey::Header(name, value) => field(&String::from_utf8_lossy(name.as_ref()), value.as_ref()),
            SearchKey::From(value) => field("FROM", value.as_ref()),
            SearchKey::To(value) => field("TO", value.as_ref()),
            SearchKey::Cc(value) => field("CC", value.as_ref()),
            SearchKey::Bcc(value) => field("BCC", value.as_ref()),
            SearchKey::Subject(value) => field("SUBJECT", value.as_ref()),
            SearchKey::Body(value) => contains(fetch::text(&held.raw), value.as_ref()),
            SearchKey::Text(value) => contains(&held.raw, value.as_ref()),
            SearchKey::Since(date) => day(held) >= date.as_ref().to_string(),
            SearchKey::Before(date) => day(held) < date.as_ref().to_string(),
            SearchKey::On(date) => day(held) == date.as_ref().to_string(),
            SearchKey::ModSequence { modseq, .. } => held.modseq >= *modseq,
            _ => return None,
        })
    }
}

/// `2026-03-02`: compares as the dates do.
fn day(held: &Held) -> String {
    held.received.strftime("%Y-%m-%d").to_string()
}

fn header_holds(held: &Held, name: &str, value: &[u8]) -> bool {
    let name = name.to_uppercase();
    fetch::fields(&held.raw).iter().any(|(own, field)| {
        let value_of = field.get(own.len() + 1..).unwrap_or_default();
        *own == name && contains(value_of, value)
    })
}

/// Without regard to case, as servers compare ASCII.
fn contains(text: &[u8], word: &[u8]) -> bool {
    word.is_empty() || text.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word))
}
