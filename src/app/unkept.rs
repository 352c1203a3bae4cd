//! What was written and is not known to be kept: it stays in memory, also behind the lock, until the store has said that it has it.

use jiff::Timestamp;

use crate::mail::draft::Draft;
use crate::mail::id::DraftKey;

/// Seconds until what could not be kept is tried again.
const AGAIN: i64 = 30;

#[derive(Debug)]
struct One {
    draft: Draft,
    /// Answers of the store that are awaited.
    asked: u32,
    /// When it was last known that it is not kept.
    failed: Option<Timestamp>,
}

/// Drafts that the store may not have.
#[derive(Debug, Default)]
pub(crate) struct Unkept(Vec<One>);

impl Unkept {
    fn find(&mut self, key: Option<DraftKey>) -> Option<(usize, &mut One)> {
        self.0.iter_mut().enumerate().find(|(_, one)| one.draft.key == key)
    }

    /// The store was asked to keep it as it is now.
    pub(crate) fn ask(&mut self, draft: Draft) {
        match self.find(draft.key) {
            Some((_, one)) => (one.draft, one.asked) = (draft, one.asked.saturating_add(1)),
            None => self.0.push(One { draft, asked: 1, failed: None }),
        }
    }

    /// Nobody could be asked any more.
    pub(crate) fn hold(&mut self, draft: Draft, now: Timestamp) {
        match self.find(draft.key) {
            Some((_, one)) => (one.draft, one.failed) = (draft, Some(now)),
            None => self.0.push(One { draft, asked: 0, failed: Some(now) }),
        }
    }

    /// The store has answered one of the times that it was asked.
    pub(crate) fn answered(&mut self, key: Option<DraftKey>, is_kept: bool, now: Timestamp) {
        let Some((at, one)) = self.find(key) else { return };
        one.asked = one.asked.saturating_sub(1);
        one.failed = (!is_kept).then_some(now);
        // An answer to what it was before says nothing of what it is now.
        if is_kept && one.asked == 0 {
            self.0.remove(at);
        }
    }

    /// It was sent, or thrown away.
    pub(crate) fn forget(&mut self, key: Option<DraftKey>) {
        self.0.retain(|one| one.draft.key != key);
    }

    /// Whether everything is kept.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is to be tried again now; `shown` is on screen, and tried again from there.
    pub(crate) fn due(&mut self, shown: Option<DraftKey>, now: Timestamp) -> Vec<Draft> {
        let is_due = |one: &&mut One| {
            let passed = one.failed.is_some_and(|at| now.duration_since(at).as_secs() >= AGAIN);
            one.asked == 0 && passed && (shown.is_none() || one.draft.key != shown)
        };
        let again = |one: &mut One| {
            one.asked = 1;
            one.draft.clone()
        };
        self.0.iter_mut().filter(is_due).map(again).collect()
    }

    /// All of it, for whoever brings it back.
    pub(crate) fn all(&self) -> Vec<Draft> {
        self.0.iter().map(|one| one.draft.clone()).collect()
    }
}
