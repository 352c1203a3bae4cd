//! The flags of a message (RFC 9051 §2.3.2): the five system flags as bits, keywords as words.
//!
//! `\Recent` is not kept: RFC 9051 dropped it, and no client can rely on it.

use serde::{Deserialize, Serialize};

/// A message's flags as the server last said, or as they are to become.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Flags {
    bits: u8,
    keywords: Vec<String>,
}

/// The system flags with their names, in the order of their bits.
const SYSTEM: [(u8, &str); 5] = [
    (Flags::SEEN, "\\Seen"),
    (Flags::ANSWERED, "\\Answered"),
    (Flags::FLAGGED, "\\Flagged"),
    (Flags::DELETED, "\\Deleted"),
    (Flags::DRAFT, "\\Draft"),
];

impl Flags {
    /// `\Seen`.
    pub const SEEN: u8 = 1;
    /// `\Answered`.
    pub const ANSWERED: u8 = 2;
    /// `\Flagged`.
    pub const FLAGGED: u8 = 4;
    /// `\Deleted`.
    pub const DELETED: u8 = 8;
    /// `\Draft`.
    pub const DRAFT: u8 = 16;

    /// From system bits and keywords; keywords are sorted and told apart without regard to case, as servers do.
    #[must_use]
    pub fn new(bits: u8, mut keywords: Vec<String>) -> Self {
        keywords.sort_by_key(|word| word.to_ascii_lowercase());
        keywords.dedup_by(|a, b| a.eq_ignore_ascii_case(b));
        Self { bits: bits & 0x1f, keywords }
    }

    /// From names as IMAP writes them (`\Seen`, `$Junk`). `\Recent`, `\*` and unknown system flags are left out.
    #[must_use]
    pub fn from_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let (mut bits, mut keywords) = (0, Vec::new());
        for name in names {
            if let Some((bit, _)) = SYSTEM.iter().find(|(_, system)| system.eq_ignore_ascii_case(name)) {
                bits |= bit;
            } else if !name.starts_with('\\') && !name.is_empty() {
                keywords.push(name.to_owned());
            }
        }
        Self::new(bits, keywords)
    }

    /// The names as IMAP writes them, system flags first.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let system = SYSTEM.iter().filter(|(bit, _)| self.bits & bit != 0).map(|(_, name)| *name);
        system.chain(self.keywords.iter().map(String::as_str))
    }

    /// The system flags as bits.
    #[must_use]
    pub fn bits(&self) -> u8 {
        self.bits
    }

    /// The keywords, sorted.
    #[must_use]
    pub fn keywords(&self) -> &[String] {
        &self.keywords
    }

    /// Whether all of these system flags are set, for instance `Flags::SEEN`.
    #[must_use]
    pub fn has(&self, bits: u8) -> bool {
        self.bits & bits == bits
    }

    /// Sets or clears system flags.
    pub fn set(&mut self, bits: u8, on: bool) {
        if on {
            self.bits |= bits & 0x1f;
        } else {
            self.bits &= !bits;
        }
    }

    /// Those of either.
    #[must_use]
    pub fn with(&self, other: &Self) -> Self {
        let keywords = self.keywords.iter().chain(&other.keywords).cloned().collect();
        Self::new(self.bits | other.bits, keywords)
    }

    /// Those that are not among the others.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        let kept = |word: &&String| !other.keywords.iter().any(|gone| gone.eq_ignore_ascii_case(word));
        Self { bits: self.bits & !other.bits, keywords: self.keywords.iter().filter(kept).cloned().collect() }
    }

    /// Those of both.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        self.without(&self.without(other))
    }

    /// None at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bits == 0 && self.keywords.is_empty()
    }

    /// `\Seen`.
    #[must_use]
    pub fn seen(&self) -> bool {
        self.has(Self::SEEN)
    }

    /// `\Answered`.
    #[must_use]
    pub fn answered(&self) -> bool {
        self.has(Self::ANSWERED)
    }

    /// `\Flagged`.
    #[must_use]
    pub fn flagged(&self) -> bool {
        self.has(Self::FLAGGED)
    }

    /// `\Deleted`.
    #[must_use]
    pub fn deleted(&self) -> bool {
        self.has(Self::DELETED)
    }

    /// `\Draft`.
    #[must_use]
    pub fn draft(&self) -> bool {
        self.has(Self::DRAFT)
    }
}

/// The flags that a mailbox keeps (PERMANENTFLAGS, RFC 9051 §7.1). Others a server ignores, or forgets with the session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keeps {
    flags: Flags,
    /// New keywords may be made (`\\*`).
    any_keyword: bool,
}

impl Keeps {
    /// From names as IMAP writes them.
    #[must_use]
    pub fn from_names<'a>(names: impl IntoIterator<Item = &'a str> + Clone) -> Self {
        let any_keyword = names.clone().into_iter().any(|name| name == "\\*");
        Self { flags: Flags::from_names(names), any_keyword }
    }

    /// Those of these flags that are not kept.
    #[must_use]
    pub fn lacking(&self, wanted: &Flags) -> Flags {
        let lacking = wanted.without(&self.flags);
        if self.any_keyword { Flags::new(lacking.bits(), Vec::new()) } else { lacking }
    }

    /// As [`Self::lacking`], of a change: a keyword that is not kept is on no message, so that clearing it is nothing to lack.
    #[must_use]
    pub fn lacking_of(&self, set: &Flags, clear: &Flags) -> Flags {
        self.lacking(set).with(&Flags::new(self.lacking(clear).bits(), Vec::new()))
    }
}

#[cfg(test)]
mod tests {
    use super::{Flags, Keeps};

    #[test]
    fn what_a_mailbox_keeps() {
        let flags = |text: &str| Flags::from_names(text.split_whitespace());
        let keeps = |text: &str| Keeps::from_names(text.split_whitespace().collect::<Vec<_>>());
        let some = keeps("\\Seen \\Deleted $MDNSent");
        assert_eq!(some.lacking(&flags("\\Seen \\Flagged $mdnsent $Junk")), flags("\\Flagged $Junk"));
        assert_eq!(keeps("\\Seen \\*").lacking(&flags("\\Seen \\Flagged $Junk")), flags("\\Flagged"));
        assert_eq!(some.lacking_of(&flags("\\Seen"), &flags("$NotJunk \\Draft")), flags("\\Draft"));
        assert_eq!(keeps("").lacking(&flags("\\Seen")), flags("\\Seen"));
    }

    #[test]
    fn names_round_trip() {
        #[track_caller]
        fn check(names: &[&str], expected: &[&str]) {
            assert_eq!(Flags::from_names(names.iter().copied()).names().collect::<Vec<_>>(), expected);
        }
        check(&[], &[]);
        check(&["\\seen", "\\FLAGGED"], &["\\Seen", "\\Flagged"]);
        check(&["$Junk", "\\Recent", "\\*", "\\Unheard", "Apple", "apple"], &["$Junk", "Apple"]);
    }

    #[test]
    fn as_sets() {
        let one = Flags::from_names(["\\Seen", "$Junk", "Apple"]);
        let other = Flags::from_names(["\\Flagged", "apple"]);
        assert_eq!(one.with(&other), Flags::from_names(["\\Seen", "\\Flagged", "$Junk", "Apple"]));
        assert_eq!(one.without(&other), Flags::from_names(["\\Seen", "$Junk"]));
        assert_eq!(one.and(&other), Flags::from_names(["Apple"]));
        assert!(one.without(&one).is_empty() && !one.is_empty());
    }

    #[test]
    fn set_and_clear() {
        let mut flags = Flags::default();
        flags.set(Flags::SEEN | Flags::DRAFT, true);
        flags.set(Flags::DRAFT, false);
        assert!(flags.seen() && !flags.draft());
        flags.set(0xff, true);
        assert_eq!(flags.bits(), 0x1f);
    }
}
