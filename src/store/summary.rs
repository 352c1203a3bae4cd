//! What a list needs to know of a message, made once when it was fetched.

use serde::{Deserialize, Serialize};

use super::flags::Flags;
use crate::mail::address::Address;
use crate::pgp::report::Badge;

/// A message in a list. All of its texts are foreign: show them through `mail::safe` only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// The UID, never 0.
    pub uid: u32,
    /// Flags; kept in pages of their own, so that a change of a flag rewrites less than a kilobyte.
    #[serde(skip)]
    pub flags: Flags,
    /// INTERNALDATE, in seconds since 1970.
    pub received: i64,
    /// The Date header, in seconds since 1970.
    pub sent: Option<i64>,
    /// RFC822.SIZE.
    pub bytes: u32,
    /// Message-ID without angle brackets; empty where there is none.
    pub message_id: String,
    /// Without angle brackets.
    pub in_reply_to: Vec<String>,
    /// Without angle brackets, oldest first.
    pub references: Vec<String>,
    /// From.
    pub from: Vec<Address>,
    /// To.
    pub to: Vec<Address>,
    /// Cc.
    pub cc: Vec<Address>,
    /// The subject; the protected one where it was decrypted.
    pub subject: String,
    /// How many attachments it has.
    pub attachments: u16,
    /// What OpenPGP says, for a list.
    pub openpgp: Badge,
    /// How it was carried, as a code that the engine gives a meaning to; 0 = not known.
    pub carried: u8,
    /// The raw message is in the cache. The cache sets it: what is handed in is not looked at.
    #[serde(skip)]
    pub has_raw: bool,
    /// It could not be parsed or opened: the row says so, the raw message is there.
    pub undisplayable: bool,
    /// Whatever else is derived from the text (for instance identifiers of cases), as the engine writes it.
    pub derived: Vec<String>,
}

/// Bounds of what a summary holds, so that one hostile message cannot make a page of a list slow. The raw message has all of it.
const TEXT_MAX: usize = 1000;
const ADDRESSES_MAX: usize = 32;
const REFERENCES_MAX: usize = 50;
const DERIVED_MAX: usize = 32;

impl Summary {
    /// Cuts what is beyond any honest size.
    pub fn clip(&mut self) {
        clip_text(&mut self.message_id);
        clip_text(&mut self.subject);
        for list in [&mut self.in_reply_to, &mut self.derived] {
            list.truncate(DERIVED_MAX);
            list.iter_mut().for_each(clip_text);
        }
        // The root and the parents at the end are what threading needs most (RFC 5256 §3).
        if self.references.len() > REFERENCES_MAX {
            let surplus = self.references.len() - REFERENCES_MAX;
            self.references.drain(1..=surplus);
        }
        self.references.iter_mut().for_each(clip_text);
        for list in [&mut self.from, &mut self.to, &mut self.cc] {
            list.truncate(ADDRESSES_MAX);
            for address in list {
                clip_text(&mut address.name);
                clip_text(&mut address.addr);
            }
        }
    }
}

fn clip_text(text: &mut String) {
    if text.len() > TEXT_MAX {
        let end = (0..=TEXT_MAX).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
        text.truncate(end);
    }
}

#[cfg(test)]
mod tests {
    use super::{REFERENCES_MAX, Summary, TEXT_MAX};

    #[test]
    fn hostile_sizes_are_cut_and_honest_ones_kept() {
        let references: Vec<String> = (0..1000).map(|number| format!("{number}@example.com")).collect();
        let mut summary = Summary { subject: "é".repeat(TEXT_MAX), references, ..Summary::default() };
        summary.clip();
        assert_eq!(summary.subject.len(), TEXT_MAX);
        assert_eq!(summary.references.len(), REFERENCES_MAX);
        assert_eq!(summary.references.first().unwrap(), "0@example.com");
        assert_eq!(summary.references.last().unwrap(), "999@example.com");
        let honest = Summary { subject: "R v FERRET".into(), references: vec!["1@a".into()], ..Summary::default() };
        let mut kept = honest.clone();
        kept.clip();
        assert_eq!(kept, honest);
    }
}
