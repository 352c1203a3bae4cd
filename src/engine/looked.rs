//! What is on the screen, as the accounts are told of it: in a sync its mailboxes come before the others.

use std::collections::BTreeSet;

use super::core::Open;
use crate::app::list::Rows as _;
use crate::app::thread_list::ThreadList;
use crate::app::view::Scope;
use crate::mail::id::ThreadId;

/// Threads of a list whose mailboxes count: more than a screen shows.
const ROWS: usize = 100;

/// Tells the accounts of a list of threads. The lists of all mail speak for no mailbox.
pub(super) fn list(open: &mut Open, scope: &Scope, rows: &ThreadList) {
    let looked = match scope {
        Scope::All | Scope::Unfiled => BTreeSet::new(),
        Scope::Mailbox { account, mailbox } => BTreeSet::from([(account.clone(), mailbox.clone())]),
        Scope::Case(_) => {
            let shown = (0..rows.len().min(ROWS)).filter_map(|place| Some(rows.row(place)?.id));
            open.library.mailboxes_of(shown)
        }
    };
    tell(open, looked);
}

/// Tells the accounts of a thread.
pub(super) fn thread(open: &mut Open, id: ThreadId) {
    let looked = open.library.mailboxes_of([id]);
    tell(open, looked);
}

/// Tells a worker that has just started what the screen shows already.
pub(super) fn account(open: &Open, name: &str) {
    if let Some(handle) = open.accounts.get(name).and_then(|account| account.handle.as_ref()) {
        let mailboxes = open.looked.iter().filter(|(account, _)| account == name);
        handle.look_first(mailboxes.map(|(_, mailbox)| mailbox.clone()).collect());
    }
}

/// `looked`: accounts and mailboxes of theirs.
fn tell(open: &mut Open, looked: BTreeSet<(String, String)>) {
    open.looked = looked;
    for name in open.accounts.keys() {
        account(open, name);
    }
}
