//! A list of threads.

use std::collections::{HashMap, HashSet};

use super::Freshness;
use crate::app::effect::Effect;
use crate::app::list::{List, Row, Rows};
use crate::app::thread_list::ThreadList;
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
    pub list: List<ThreadRow, ThreadList>,
    /// Whether they are up to date.
    pub fresh: Freshness,
    /// Changes that the rows do not show yet.
    pub local: HashMap<ThreadId, Local>,
    /// The last filter that was asked for elsewhere.
    ticket: u64,
    /// Rows that are marked for what is done next.
    pub marked: HashSet<ThreadId>,
    /// What the mailbox of the scope is for, as in [`crate::app::view::MailboxRow`]; nothing for other scopes.
    pub role: &'static str,
}

impl Threads {
    /// A list that has been asked for.
    #[must_use]
    pub fn new(scope: Scope, title: SafeText) -> Self {
        Self {
            scope,
            title,
            list: List::of(ThreadList::default()),
            fresh: Freshness::default(),
            local: HashMap::new(),
            ticket: 0,
            marked: HashSet::new(),
            role: "",
        }
    }

    /// Takes a new snapshot. What the user changed counts until the stores have caught up with it. Gives the rows back where they have to be
    /// filtered elsewhere: see [`List::set_rows`].
    pub fn set(&mut self, rows: ThreadList) -> Option<ThreadList> {
        self.settle(&rows);
        self.list.set_rows(rows)
    }

    /// Takes a snapshot that was filtered elsewhere, where that is the latest that was asked for.
    pub fn set_filtered(&mut self, ticket: u64, rows: ThreadList, shown: Vec<u32>) {
        if ticket == self.ticket && self.list.is_awaited() {
            self.settle(&rows);
            self.list.filtered(rows, shown);
        }
    }

    /// What is to be filtered elsewhere.
    pub fn ask_filter(&mut self, rows: ThreadList) -> Effect {
        self.ticket += 1;
        Effect::FilterThreads(self.scope.clone(), self.ticket, self.list.filter().to_owned(), rows)
    }

    /// Shows only rows that hold `text`; gives what is to be filtered elsewhere because there are too many.
    pub fn set_filter(&mut self, text: &str) -> Option<Effect> {
        let rows = (!self.list.set_filter(text)).then(|| self.list.all().clone())?;
        Some(self.ask_filter(rows))
    }

    /// Forgets what the user changed where the stores say the same.
    fn settle(&mut self, rows: &ThreadList) {
        let mut waiting: Vec<ThreadId> = self.local.keys().copied().collect();
        let near = self.list.at().saturating_sub(64);
        for place in (near..rows.len()).chain(0..near.min(rows.len())) {
            if waiting.is_empty() {
                return;
            }
            let Some(found) = waiting.iter().position(|id| rows.is(place, id)) else { continue };
            let id = waiting.swap_remove(found);
            if let (Some(local), Some(row)) = (self.local.get(&id), rows.row(place))
                && local.unread.is_none_or(|unread| unread == row.unread)
                && local.flagged.is_none_or(|flagged| flagged == row.flagged)
            {
                self.local.remove(&id);
            }
        }
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
        if self.local.is_empty() {
            return self.list.seek_place(forward, |rows, place| rows.unread(place) > 0);
        }
        let local = &self.local;
        self.list.seek_place(forward, |rows, place| {
            let known = || rows.row(place).and_then(|row| local.get(&row.id)).and_then(|local| local.unread);
            // Most rows are neither unread nor changed: looking into the rows that are is enough, because a change to unread is rare.
            rows.unread(place) > 0 && known().is_none_or(|unread| unread > 0)
                || local.iter().any(|(id, local)| local.unread.is_some_and(|unread| unread > 0) && rows.is(place, id))
        })
    }
}
