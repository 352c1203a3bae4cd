//! What each server took at most when it was last asked (RFC 1870), so that a review can say so before there is a connection.
//!
//! A memory, not a verdict: the server's own word counts when the message is handed over.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};

use super::{Lane, locked};
use crate::store::state::State;

/// The name that they are kept under.
const NAME: &str = "outbox/limits";

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Kept {
    account: String,
    route: Option<String>,
    bytes: u64,
}

/// Limits by lane. Cheap to clone; the clones share.
#[derive(Clone, Debug, Default)]
pub(crate) struct Limits(Arc<Mutex<BTreeMap<Lane, u64>>>);

impl Limits {
    /// Those of former runs; none where they cannot be read.
    pub(super) fn load(state: &State) -> Self {
        let kept = state.value(NAME).ok().flatten();
        let kept: Vec<Kept> = kept.and_then(|bytes| postcard::from_bytes(&bytes).ok()).unwrap_or_default();
        let limits = kept.into_iter().map(|one| (Lane { account: one.account, route: one.route }, one.bytes)).collect();
        Self(Arc::new(Mutex::new(limits)))
    }

    /// The most bytes that the server of a lane takes, as far as is known.
    pub(crate) fn of(&self, account: &str, route: Option<&str>) -> Option<u64> {
        let lane = Lane { account: account.to_owned(), route: route.map(str::to_owned) };
        locked(&self.0).get(&lane).copied()
    }

    /// Takes a limit in; whether it is news. No limit is zero (RFC 1870 §4).
    pub(super) fn learn(&self, lane: &Lane, bytes: Option<u64>) -> bool {
        let mut limits = locked(&self.0);
        match bytes.filter(|bytes| *bytes > 0) {
            Some(bytes) => limits.insert(lane.clone(), bytes) != Some(bytes),
            None => limits.remove(lane).is_some(),
        }
    }

    /// Keeps them for later runs.
    pub(super) fn keep(&self, state: &State) {
        let kept: Vec<Kept> = locked(&self.0)
            .iter()
            .map(|(lane, bytes)| Kept { account: lane.account.clone(), route: lane.route.clone(), bytes: *bytes })
            .collect();
        // A memory: losing it costs a word in a review.
        if let Ok(bytes) = postcard::to_allocvec(&kept) {
            let _ = state.put(NAME, &bytes);
        }
    }
}
