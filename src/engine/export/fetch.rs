//! What is not here is fetched for an export: into the cache, a large message as a stream.

use super::gather::Letter;
use crate::engine::Engine;
use crate::engine::core::{CoreHandle, EngineError};
use crate::engine::large::Watcher;
use crate::engine::streamed::Kept;
use crate::engine::wanted::Wanted;

/// Gives a message; or why it cannot be had, in words.
pub(super) type Fetch<'a> = &'a (dyn Fn(&Letter) -> Result<Kept, String> + Sync);

/// Fetches messages from outside of the core.
pub(super) struct Fetcher<'a> {
    pub(super) core: CoreHandle,
    pub(super) runtime: tokio::runtime::Handle,
    /// Connects first, where nobody else keeps connections up.
    pub(super) engine: Option<&'a Engine>,
}

impl Fetcher<'_> {
    /// Fetches a message.
    pub(super) fn fetch(&self, letter: &Letter) -> Result<Kept, String> {
        if let Some(engine) = self.engine {
            engine.connect_account(&letter.name.account).map_err(|error| error.to_string())?;
        }
        let (key, name) = (letter.key, letter.name.clone());
        let wanted = self.core.ask_stores(move |core, open| Wanted::of(core, open, key, name, Watcher::default()));
        let wanted = wanted.map_err(|error| error.to_string())?;
        self.runtime.block_on(std::sync::Arc::new(wanted).keep())
    }
}

impl Engine {
    /// A fetcher for a command.
    pub(super) fn fetcher(&self) -> Result<Fetcher<'_>, EngineError> {
        let runtime = self.runtime.as_ref().ok_or(EngineError::Ended)?.handle().clone();
        Ok(Fetcher { core: self.core.clone(), runtime, engine: Some(self) })
    }
}
