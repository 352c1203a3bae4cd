//! A mailbox to choose: by typing some of its name, the one last moved to first.

use std::sync::Arc;

use crate::app::effect::Target;
use crate::app::line::Line;
use crate::app::view::MailboxRow;

/// What a mailbox is chosen for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// To move these messages to it.
    Move(Target),
    /// To look into it.
    Go,
}

/// Mailboxes to choose from.
#[derive(Clone, Debug)]
pub struct Picker {
    /// What for.
    pub choice: Choice,
    /// What was typed.
    pub line: Line,
    /// All of them; nothing before they have come.
    pub rows: Arc<[MailboxRow]>,
    /// Places of those that hold what was typed, best first.
    pub found: Vec<usize>,
    /// The marked one.
    pub at: usize,
    /// They have come.
    pub loaded: bool,
}

impl Picker {
    /// A picker whose mailboxes have been asked for.
    #[must_use]
    pub fn new(choice: Choice) -> Self {
        Self { choice, line: Line::default(), rows: Arc::from([]), found: Vec::new(), at: 0, loaded: false }
    }

    /// Takes the mailboxes.
    pub fn set(&mut self, rows: Arc<[MailboxRow]>) {
        self.rows = rows;
        self.loaded = true;
        self.look();
    }

    /// Finds again, after something was typed: names that begin so, then those of which a part begins so, then those that hold it.
    pub fn look(&mut self) {
        let typed = self.line.text().trim().to_lowercase();
        let rank = |row: &MailboxRow| {
            let name = row.name.to_lowercase();
            match () {
                () if name == typed => Some(0),
                () if name.starts_with(&typed) => Some(1),
                () if name.split(['/', '.', ' ']).any(|part| part.starts_with(&typed)) => Some(2),
                () if name.contains(&typed) => Some(3),
                () => None,
            }
        };
        let mut found: Vec<(u8, usize)> =
            self.rows.iter().enumerate().filter_map(|(at, row)| Some((rank(row)?, at))).collect();
        if !typed.is_empty() {
            found.sort_by_key(|(rank, _)| *rank);
        }
        self.found = found.into_iter().map(|(_, at)| at).collect();
        self.at = 0;
    }

    /// Marks another.
    pub fn step(&mut self, by: isize) {
        self.at = self.at.saturating_add_signed(by).min(self.found.len().saturating_sub(1));
    }

    /// The marked one.
    #[must_use]
    pub fn chosen(&self) -> Option<&MailboxRow> {
        self.rows.get(*self.found.get(self.at)?)
    }
}

#[cfg(test)]
mod tests {
    use super::{Choice, MailboxRow, Picker};
    use crate::mail::safe::SafeText;

    #[test]
    fn what_is_typed_finds_the_most_likely_mailbox_first() {
        let row = |name: &str| MailboxRow {
            account: "work".into(),
            name: name.into(),
            shown: SafeText::line(name),
            role: "",
            last_used: None,
        };
        let mut picker = Picker::new(Choice::Go);
        picker.set(["Cases/Otter", "Archive", "Cases", "Old cases"].map(row).into());
        let found = |picker: &Picker| picker.found.iter().map(|at| picker.rows[*at].name.clone()).collect::<Vec<_>>();
        assert_eq!(found(&picker), ["Cases/Otter", "Archive", "Cases", "Old cases"], "as they came: the newest first");
        picker.line.insert("cases");
        picker.look();
        assert_eq!(found(&picker), ["Cases", "Cases/Otter", "Old cases"]);
        picker.line.insert("x");
        picker.look();
        assert!(picker.chosen().is_none());
    }
}
