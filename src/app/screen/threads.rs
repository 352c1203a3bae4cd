//! A list of threads.

use std::collections::HashMap;
use std::sync::Arc;

use super::Freshness;
use crate::app::list::{List, Row};
use crate::app::view::{Scope, ThreadRow};
use crate::mail::id::ThreadId;
use crate::mail::safe::SafeText;

impl Row for ThreadRow {
    type Id = ThreadId;

    fn id(&self) -> ThreadId {
        self.id
    }

    fn texts(&self) -> impl Iterator<Item = &SafeText> {
        std::iter::once(&self.subject).chain(&self.participants)
    }
}

/// What the user has changed in a row before the stores answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Local {
    /// Unread messages.
    pub unread: Option<usize>,
    /// Flagged.
    pub flagged: Option<bool>,
}

/// A list of threads.
#[derive(Debug)]
pub struct Threads {
    /// Which threads.
    pub scope: Scope,
    /// What the list is called.
    pub title: SafeText,
    /// Its rows.
    pub list: List<ThreadRow>,
    /// Whether they are up to date.
    pub fresh: Freshness,
    /// Changes that the rows do not show yet.
    pub local: HashMap<ThreadId, Local>,
}

impl Threads {
    /// A list that has been asked for.
    #[must_use]
    pub fn new(scope: Scope, title: SafeText) -> Self {
        Self { scope, title, list: List::default(), fresh: Freshness::default(), local: HashMap::new() }
    }

    /// Takes a new snapshot. What the user changed counts until the stores have caught up with it.
    pub fn set(&mut self, rows: Arc<[ThreadRow]>) {
        if !self.local.is_empty() {
            for row in rows.iter() {
                if let Some(local) = self.local.get(&row.id)
                    && local.unread.is_none_or(|unread| unread == row.unread)
                    && local.flagged.is_none_or(|flagged| flagged == row.flagged)
                {
                    self.local.remove(&row.id);
                }
            }
        }
        self.list.set_rows(rows);
    }

    /// Unread messages of a row, the user's latest changes included.
    #[must_use]
    pub fn unread(&self, row: &ThreadRow) -> usize {
        self.local.get(&row.id).and_then(|local| local.unread).unwrap_or(row.unread)
    }

    /// Whether a row is flagged, the user's latest changes included.
    #[must_use]
    pub fn flagged(&self, row: &ThreadRow) -> bool {
        self.local.get(&row.id).and_then(|local| local.flagged).unwrap_or(row.flagged)
    }

    /// Notes how many messages of a thread are unread.
    pub fn set_unread(&mut self, id: ThreadId, unread: usize) {
        self.local.entry(id).or_default().unread = Some(unread);
    }

    /// Notes whether a thread is flagged.
    pub fn set_flagged(&mut self, id: ThreadId, flagged: bool) {
        self.local.entry(id).or_default().flagged = Some(flagged);
    }

    /// Moves to the next thread with unread messages; see [`List::seek`].
    pub fn seek_unread(&mut self, forward: bool) -> Option<bool> {
        let local = &self.local;
        self.list.seek(forward, |row| local.get(&row.id).and_then(|local| local.unread).unwrap_or(row.unread) > 0)
    }
}
