//! What the screens about cases show: snapshots that the engine makes from the register and the index.

use jiff::Timestamp;

use super::view::Sentence;
use crate::case::{Awaiting, Case};
use crate::mail::id::{CaseId, MessageRef, ThreadId};
use crate::mail::safe::SafeText;

/// Where a case is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// In the register.
    Register,
    /// In the configuration; the first change writes it into the register.
    Config,
    /// Nowhere: mail names its number. The first change opens it in the register.
    Mail,
}

/// Why messages are in a case: one reason, and how many it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FiledBy {
    /// In words: "by URN in the subject".
    pub because: SafeText,
    /// How strong that is, out of 100.
    pub score: u8,
    /// Messages that are in the case for it.
    pub messages: usize,
}

/// An open case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseView {
    /// Everything that is known of it. Its texts are as people typed them, on other machines too.
    pub case: Case,
    /// Where that is written.
    pub source: Source,
    /// The clocks that run, in words.
    pub clocks: Vec<Sentence>,
    /// Messages in it.
    pub messages: usize,
    /// Unread ones of them.
    pub unread: usize,
    /// Why they are in it, the strongest reason first.
    pub filed: Vec<FiledBy>,
}

/// A case that a message may belong to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suggestion {
    /// The case.
    pub case: CaseId,
    /// For instance `R v FERRET`.
    pub title: SafeText,
    /// Why, in words: "by URN in the text".
    pub because: SafeText,
    /// How strong that is, out of 100.
    pub score: u8,
    /// More than a name stands behind it: it may be accepted together with others.
    pub is_sure: bool,
}

/// Messages of one thread about which a person is to decide where they belong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TriageRow {
    /// The thread.
    pub thread: ThreadId,
    /// The messages, the newest first; never none.
    pub messages: Vec<MessageRef>,
    /// The author of the newest.
    pub from: SafeText,
    /// His address.
    pub address: SafeText,
    /// Its subject.
    pub subject: SafeText,
    /// When it was received.
    pub received: Timestamp,
    /// Where they may belong, the likeliest first.
    pub suggestions: Vec<Suggestion>,
    /// Why casemail did not decide, in words; empty where nothing names a case.
    pub doubt: SafeText,
    /// Why it is likely to be no mail of a case, in words; empty where nothing says so.
    pub no_case: SafeText,
}

impl TriageRow {
    /// The one case that it is filed to where all suggestions are accepted together: it is sure, and nothing speaks against it.
    #[must_use]
    pub fn clear(&self) -> Option<&Suggestion> {
        match self.suggestions.as_slice() {
            [only] if only.is_sure && self.doubt.is_empty() => Some(only),
            _ => None,
        }
    }

    /// Whether nothing speaks for a case, and its own header fields against one.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.suggestions.is_empty() && self.doubt.is_empty() && !self.no_case.is_empty()
    }

    /// Whether it is decided together with all others that are clear.
    #[must_use]
    pub fn is_clear(&self) -> bool {
        self.clear().is_some() || self.is_none()
    }

    /// Whether what is right for one row is likely to be right for the other: the same suggestions. Where there is none, or a doubt, only
    /// rows of the same sender are alike.
    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        let cases = |row: &'_ Self| row.suggestions.iter().map(|one| one.case.clone()).collect::<Vec<_>>();
        let is_open = self.suggestions.is_empty() && !self.is_none();
        cases(self) == cases(other)
            && self.doubt == other.doubt
            && self.is_none() == other.is_none()
            && (self.address == other.address || !is_open && self.doubt.is_empty())
    }
}

/// An answer that is waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwaitingRow {
    /// The case.
    pub case: CaseId,
    /// What it is called.
    pub title: SafeText,
    /// What, of whom, since when, until when.
    pub awaiting: Awaiting,
    /// How long it has been waited for, in words: "2 business days".
    pub age: SafeText,
}

/// Something that happened in a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChronologyRow {
    /// Its place: device and number.
    pub place: SafeText,
    /// When.
    pub at: Timestamp,
    /// What, in a line.
    pub words: SafeText,
    /// Everything else that is written down of it, a fact a line.
    pub facts: Vec<SafeText>,
}
