//! New keys for everything that is sealed, in steps that each leave a profile that opens.
//!
//! 1. [`Vault::begin_epoch`] writes a header with a new master key and the old one beside it: from here on the new passphrase counts, and
//!    everything opens.
//! 2. The state store is sealed anew in one transaction, when it is opened.
//! 3. The rows of the cache are copied, sealed anew, into a second sled that takes the place of the first, when it is opened.
//! 4. Segments and large messages are rewritten one after the other.
//! 5. When nothing is left of the old epoch, its key is dropped from the header.
//!
//! Whatever is interrupted goes on at the next opening, or with [`finish`]. Copies of the old header and the old files that lie elsewhere
//! stay readable with the old passphrase: nobody can call them back.

use jiff::Timestamp;

use super::cache::{Cache, CacheError, CacheOptions, Thrift};
use super::profile::Roots;
use super::state::{State, StateError};
use super::vault::{Vault, VaultError};

/// Why the keys could not be changed. The profile opens all the same, and the change can be finished later.
#[derive(Debug, thiserror::Error)]
pub enum RekeyError {
    /// The header.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The state store.
    #[error(transparent)]
    State(#[from] StateError),
    /// The cache.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// A record of the cache could not be brought under the new keys.
    #[error(
        "something in the cache is still under the old keys; run `casemail store verify`, then `casemail store rekey` again"
    )]
    Left,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The state store.
    State,
    /// The rows of the cache.
    Rows,
    /// Raw messages: bytes done, bytes in all.
    Messages(u64, u64),
}

/// Brings everything under the newest keys and drops the older ones. Gives what the opening of the cache had to say.
///
/// # Errors
/// [`RekeyError`].
pub fn finish(
    roots: &Roots,
    vault: &mut Vault,
    now: Timestamp,
    options: &CacheOptions,
    tell: &mut dyn FnMut(Step),
) -> Result<Vec<String>, RekeyError> {
    tell(Step::State);
    drop(State::open_of(roots, vault)?);
    tell(Step::Rows);
    let (cache, told) = Cache::open(&roots.cache, vault, now, options)?;
    let total = cache.stats()?.pack_bytes;
    cache.tidy(Thrift::Much, &mut |done| {
        tell(Step::Messages(done.bytes.min(total), total));
        true
    })?;
    // A record that does not open is no reason to keep the old keys: it is fetched again.
    if !cache.is_of_one_epoch()? {
        return Err(RekeyError::Left);
    }
    cache.flush()?;
    drop(cache);
    vault.retire()?;
    Ok(told)
}

#[cfg(test)]
mod tests;
