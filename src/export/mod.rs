//! Files of cases written out, with the proof of what they are: where each came from, what it is, and that nothing changed since.
//!
//! [`layout`] says what everything is called (pure); [`folder`] writes below one directory and never outside of it; [`manifest`] is what stands
//! beside the files; [`verify`] reads all of it again, by nothing but what is on the disk. [`mailbox`] and [`archive`] are the forms that other
//! programs read: mbox, Maildir, zip. [`bundle`] makes one PDF of many documents. [`target`] says what speaks against a directory
//! that somebody names.
//!
//! Nothing is overwritten, no link is followed, and a file counts as written when it was read again from the disk and has the digest of what
//! was meant. What was broken off is completed by doing the same once more.

pub mod archive;
pub mod bundle;
pub mod complete;
pub mod folder;
pub mod layout;
pub mod mailbox;
pub mod manifest;
pub mod target;
pub mod verify;

pub use folder::{Folder, Put};
pub use manifest::{Entry, LeftOut, Manifest, Provenance, Role};
pub use verify::{Finding, Verification};

/// Why an export ended early. What was written stays, and is found again the next time.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// A place below the directory cannot be used, in words.
    #[error("{place}: {because}")]
    Place {
        /// Which.
        place: String,
        /// Why.
        because: String,
    },
    /// Somebody does not want it any more.
    #[error("stopped; what was written stays, and the same again goes on from here")]
    Stopped,
}

impl ExportError {
    /// At a place, for a reason.
    pub fn at(place: impl std::fmt::Display, because: impl std::fmt::Display) -> Self {
        Self::Place { place: place.to_string(), because: because.to_string() }
    }
}
