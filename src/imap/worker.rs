//! An account's worker (being written).

use std::sync::Arc;

use super::account::AccountSetup;
use super::error::Error;
use super::request::{Handle, Request};
use super::sink::{Pass, Sink};
use crate::net::Secret;

/// What handles and tasks share.
pub(super) struct Shared {}

impl Shared {
    pub(super) fn sync_now(&self) {}
    pub(super) fn set_online(&self, _online: bool) {}
    pub(super) fn set_password(&self, _password: Secret) {}
    pub(super) fn end(&self) {}
    pub(super) fn put(&self, request: Request) {
        drop(request);
    }
}

/// Starts an account's worker on the current tokio runtime.
#[must_use]
pub fn spawn<S: Sink>(setup: AccountSetup, sink: Arc<S>) -> Handle {
    drop((setup, sink));
    Handle { shared: Arc::new(Shared {}) }
}

/// Connects, syncs all mailboxes (or those named) once, and disconnects.
///
/// # Errors
/// What ended it; what was synced before is stored.
#[expect(clippy::unused_async, reason = "being written")]
pub async fn sync_once<S: Sink>(setup: &AccountSetup, sink: &S, only: &[String]) -> Result<Vec<Pass>, Error> {
    let _ = (setup, sink, only);
    Err(Error::Ended)
}
