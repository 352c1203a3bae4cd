//! What the screens about documents show: snapshots that the engine makes from the register, the index and open messages.

use std::sync::Arc;

use crate::app::view::Sentence;
use crate::case::HearingTime;
use crate::case::document::Document;
use crate::mail::id::{CaseId, MessageRef};
use crate::mail::safe::SafeText;

/// Whose documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DocumentScope {
    /// All of a case.
    Case(CaseId),
    /// Those of a message.
    Message(MessageRef),
}

/// How far the mail of a case was read for the list of its documents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Far {
    /// Messages that were read.
    pub done: usize,
    /// Of so many that came since somebody last looked.
    pub of: usize,
    /// Messages that are not here: nobody knows what came with them.
    pub absent: usize,
    /// Nobody reads on.
    pub ended: bool,
}

impl Far {
    /// In words, with the key that stops it; `None` where the list is whole.
    #[must_use]
    pub fn words(&self, stop: &str) -> Option<String> {
        match (self.ended, self.of.saturating_sub(self.done), self.absent) {
            (false, ..) => {
                Some(format!("What came since is being read: {} of {} messages. {stop} stops it.", self.done, self.of))
            }
            (true, 0, 0) => None,
            (true, 0, absent) => Some(format!(
                "{absent} messages of this case are not fetched: what came with them is not listed. An export fetches them."
            )),
            (true, left, _) => {
                Some(format!("The list is not whole: {left} messages are not read. Open it again to go on."))
            }
        }
    }
}

/// A content, with everything that it came with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentRow {
    /// Which: by its digest, or by its link.
    pub id: SafeText,
    /// Its name.
    pub name: SafeText,
    /// Its author, or the source of what was taken in by hand.
    pub from: SafeText,
    /// What it is, in words.
    pub kind: SafeText,
    /// The same, short.
    pub code: SafeText,
    /// Who signed it; empty where nobody did.
    pub signed_by: SafeText,
    /// The first that came, of those that are not shut for what lies in one package with them, where there is one; never changed by sorting.
    pub first: Document,
    /// The others of the same content.
    pub copies: Vec<Document>,
}

impl DocumentRow {
    /// Of one content; `None` where there is none.
    #[must_use]
    pub fn new(mut all: Vec<Document>) -> Option<Self> {
        if all.is_empty() {
            return None;
        }
        // What was served openly is not hidden by a package that it is in, too.
        all.sort_by_key(Document::is_shut_along);
        let copies = all.split_off(1);
        let first = all.pop()?;
        let id = if first.is_file() { &first.sha256 } else { &first.link };
        Some(Self {
            id: SafeText::line(id),
            name: SafeText::line(&first.name),
            from: SafeText::line(&first.from),
            kind: SafeText::line(&first.kind.words),
            code: SafeText::line(&first.kind.code),
            signed_by: SafeText::line(&first.signed_by),
            first,
            copies,
        })
    }

    /// The first and its copies.
    pub fn all(&self) -> impl Iterator<Item = &Document> {
        std::iter::once(&self.first).chain(&self.copies)
    }
}

/// A document that was looked into, as lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// What was looked into.
    pub title: SafeText,
    /// Ours: what was read, and what was left out.
    pub said: Vec<Sentence>,
    /// Theirs, made safe.
    pub lines: Arc<[SafeText]>,
    /// A picture, where it is one.
    pub picture: Option<Picture>,
    /// A hearing, where it is an invitation.
    pub offered: Option<Offered>,
}

/// A hearing that an invitation offers for the case: nothing is written unless the person says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offered {
    /// When.
    pub at: HearingTime,
    /// Where; foreign text.
    pub court: String,
    /// What it is called; foreign text.
    pub summary: String,
}

/// A small picture: three octets for each point, row by row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Points in a row.
    pub width: u16,
    /// Rows.
    pub height: u16,
    /// Red, green, blue.
    pub points: Vec<u8>,
}

#[cfg(test)]
mod tests {
    use super::DocumentRow;
    use crate::case::document::{Document, Kinds, Reach};

    #[test]
    fn a_copy_that_was_served_openly_stands_before_one_in_a_package_that_is_shut() {
        let copy = |name: &str, reach: Reach, path: &str| Document {
            reach,
            path: path.into(),
            ..Document::named(name, "application/pdf", 1, "00".into())
        };
        let order = |all: &[(&str, Reach)]| {
            let all = all.iter().enumerate().map(|(place, (name, reach))| copy(name, *reach, &place.to_string()));
            let row = DocumentRow::new(all.collect()).unwrap();
            row.all().map(|one| one.path.clone()).collect::<String>()
        };
        let (open, shut, out) = (Reach::Open, Reach::Watched, Reach::Quarantined);
        assert_eq!(order(&[("MG5.pdf", shut), ("MG5.pdf", open), ("a.pdf", shut), ("b.pdf", open)]), "1302");
        // What is shut by its own name is shut wherever it lies.
        assert!(Kinds::default().of("MG6D.pdf", "").withheld);
        assert_eq!(order(&[("MG6D.pdf", shut), ("list.pdf", open)]), "01");
        assert_eq!(order(&[("MG5.pdf", out), ("MG5.pdf", out)]), "01");
        assert_eq!(order(&[("MG5.pdf", shut), ("MG5.pdf", shut)]), "01");
        // One that lies in a package of which something else is in quarantine.
        assert_eq!(order(&[("MG5.pdf", out), ("MG5.pdf", open)]), "10");
    }
}
