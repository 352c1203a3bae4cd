//! A server asked what it takes at most (RFC 1870) before there is anything to send: while a message with files is written. Once a run for each lane,
//! and only where the user has not gone offline; nobody logs in, and nothing is told of the message.

use std::sync::Arc;

use super::{Lane, locked};
use crate::config::{Account, Route};
use crate::engine::account::{endpoint, trust_with};
use crate::engine::core::{Core, Open};
use crate::smtp::{Connection, Timeouts};

impl Core {
    /// Asks the servers of these lanes that nothing is known of; `then` is called when one has answered.
    pub(crate) fn ask_limits(
        &self,
        open: &Open,
        lanes: Vec<Lane>,
        then: impl Fn(&mut Self, &mut Open) + Clone + Send + 'static,
    ) {
        for lane in lanes {
            let shared = &open.outbox.shared;
            let offline = shared.offline.has(&lane.account);
            let online = open.accounts.get(&lane.account).is_some_and(|known| known.is_online());
            let known = shared.limits.of(&lane.account, lane.route.as_deref()).is_some();
            if offline || !online || known || !locked(&shared.asked).insert(lane.clone()) {
                continue;
            }
            let (settings, limits, stores) =
                (Arc::clone(&self.settings), shared.limits.clone(), Arc::clone(&open.stores));
            let (core, number, then) = (self.handle.clone(), open.number, then.clone());
            self.runtime.spawn(async move {
                let Some(account) = settings.config.account(Some(&lane.account)) else { return };
                let route = settings.config.routes.iter().find(|route| Some(&route.name) == lane.route.as_ref());
                // A memory: whatever fails costs a word beside the size.
                let Some(size) = size(account, route).await else { return };
                if limits.learn(&lane, Some(size)) {
                    let _ = tokio::task::spawn_blocking(move || limits.keep(&stores.state)).await;
                    core.front_of(number, move |core, open| then(core, open));
                }
            });
        }
    }
}

async fn size(account: &Account, route: Option<&Route>) -> Option<u64> {
    let server = route.map_or(&account.smtp, |route| &route.smtp);
    let ca_file = route.and_then(|route| route.ca_file.as_deref()).or(account.ca_file.as_deref());
    let tls = trust_with(account, ca_file).ok()?;
    let open = Connection::open(&endpoint(server), &tls, None, &Timeouts::default()).await.ok()?;
    let size = open.offer().size;
    open.close().await;
    size
}
