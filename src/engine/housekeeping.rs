//! What the command line asks beside mail: keys as they are held, the settings in force, the health of the cache.

use std::sync::Arc;

use jiff::Timestamp;

use super::{Engine, EngineError};
use crate::app::effect::{Deed, FlagChange};
use crate::config::Config;
use crate::mail::id::MessageRef;
use crate::pgp::keyring::Keyring;
use crate::store::cache::{CacheStats, Damage};

impl Engine {
    /// The configuration it was opened with.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.settings.config
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.settings.clock.now()
    }

    /// Certificates with what was decided about them, own keys unlocked.
    ///
    /// # Errors
    /// [`EngineError::Locked`].
    pub fn keyring(&self) -> Result<Arc<Keyring>, EngineError> {
        self.core.ask_open(|_, open| open.keyring.now())
    }

    /// Changes flags here; the change is queued durably and reaches the server at the next connection.
    ///
    /// # Errors
    /// A message that is not there: then none is changed.
    pub fn flag(&self, names: &[MessageRef], change: FlagChange) -> Result<(), EngineError> {
        match self.change(names, &Deed::Flag(change)) {
            // They were so already.
            Ok(_) | Err(EngineError::Refused(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Counts and sizes of the cache.
    ///
    /// # Errors
    /// [`EngineError::Locked`], or the cache cannot be read.
    pub fn cache_stats(&self) -> Result<CacheStats, EngineError> {
        let stores = self.core.ask_open(|_, open| Arc::clone(&open.stores))?;
        Ok(stores.cache.stats()?)
    }

    /// Bytes of the state store on the disk.
    #[must_use]
    pub fn state_bytes(&self) -> u64 {
        std::fs::metadata(self.settings.roots.state_file()).map_or(0, |meta| meta.len())
    }

    /// Opens every record of the cache; removes and gives what was damaged, which the next sync brings back.
    ///
    /// # Errors
    /// [`EngineError::Locked`], or the cache cannot be read.
    pub fn verify_cache(&self) -> Result<Vec<Damage>, EngineError> {
        let stores = self.core.ask_open(|_, open| Arc::clone(&open.stores))?;
        Ok(stores.cache.verify()?)
    }
}
