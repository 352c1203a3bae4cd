//! What lists show of an index: the table of threads in its order, with its texts. It can be there before the rest of the index is, and is a view of one
//! moment: cheap to make at any length.

use std::collections::HashSet;
use std::sync::Arc;

use crate::app::thread_list::{Brief, CaseLists, Shared, Table, Texts, ThreadList};
use crate::app::view::Scope;

/// The table of threads.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shown {
    pub(super) threads: Shared<Brief>,
    pub(super) texts: Texts,
    /// Places of threads, newest first.
    pub(super) order: Vec<u32>,
    pub(super) cases: CaseLists,
}

impl Shown {
    /// The threads of a scope, newest first; of those that are filed, `unfiled` are to be looked at among the unfiled all the same. Nothing
    /// for a mailbox: its threads are known by their messages.
    pub(super) fn list(&self, scope: &Scope, unfiled: &HashSet<u32>) -> Option<ThreadList> {
        if matches!(scope, Scope::Mailbox { .. }) {
            return None;
        }
        let wanted = wanted(&self.cases, scope);
        let is_in = |thread: &u32| {
            let brief = self.threads.get(*thread).filter(|brief| brief.messages > 0);
            brief.is_some_and(|brief| {
                wanted.get(brief.cases as usize).copied().unwrap_or_default()
                    || *scope == Scope::Unfiled && unfiled.contains(thread)
            })
        };
        let order = self.order.iter().copied().filter(is_in).collect();
        let (threads, texts, cases) = (self.threads.clone(), self.texts.clone(), Arc::clone(&self.cases));
        Some(ThreadList::Table(Arc::new(Table { order, threads, texts, cases, behind: 0 })))
    }
}

/// Which lists of cases are in a scope: looked at once, not for every thread.
pub(super) fn wanted(cases: &CaseLists, scope: &Scope) -> Vec<bool> {
    let is_wanted = |cases: &Arc<[_]>| match scope {
        Scope::All => true,
        Scope::Case(id) => cases.contains(id),
        Scope::Unfiled => cases.is_empty(),
        Scope::Mailbox { .. } => false,
    };
    cases.iter().map(is_wanted).collect()
}
