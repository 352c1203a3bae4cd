//! Sealed stores: the sled cache, the segments of raw messages beside it, the redb state store.
//!
//! ```text
//! config/config.toml            the user's
//! state/vault                   header: Argon2id parameters, salt, the wrapped master key
//! state/state.redb              outbox, kept draft, certificates, own keys, queue of local changes: durable, never rebuilt
//! state/state.made              says that there has been a state store, so that one that is gone is missed
//! state/lock, state/socket      one process per profile
//! cache/list                    the engine's index as it was last kept, sealed, so that a start need not read all summaries
//! cache/mail/                   sled: mailboxes, pages of summaries, of flags, of where raw messages lie
//! cache/packs/                  raw messages, appended to segments of 64 MB
//! cache/blobs/                  large raw messages, a sealed file each
//! ```
//!
//! What the server holds is in the cache, which may be deleted or rebuilt at any time; what it does not hold is in the state
//! store. Every value of both is sealed with its place as associated data, so that a value moved elsewhere does not open. Keys
//! are numbers or keyed digests: they leak counts and order, never a name. A roll-back of a whole store to an older copy of
//! itself is not detected.
//!
//! Everything here blocks: call it from a blocking task. Nothing here reads the environment or the clock.

pub mod blob;
pub mod cache;
pub mod calm;
pub mod cert;
pub mod change;
pub mod file;
pub mod flags;
pub mod lock;
pub mod mailbox;
pub mod outbox;
pub mod pack;
pub mod page;
pub mod partial;
pub mod place;
pub mod profile;
pub mod rekey;
pub mod space;
pub mod spool;
pub mod state;
pub mod summary;
pub mod vault;
