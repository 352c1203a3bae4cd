//! Which accounts the user took offline: one word for their connections and for what waits to be sent. It holds until the user says otherwise, also behind a
//! lock and when the cache is made anew.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Their names; the same ones for all who hold it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Offline(Arc<Mutex<BTreeSet<String>>>);

impl Offline {
    fn names(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the user took an account offline.
    pub(crate) fn has(&self, account: &str) -> bool {
        self.names().contains(account)
    }

    /// The user takes an account offline, or connects it again.
    pub(crate) fn set_online(&self, account: &str, online: bool) {
        if online {
            self.names().remove(account);
        } else {
            self.names().insert(account.to_owned());
        }
    }
}
