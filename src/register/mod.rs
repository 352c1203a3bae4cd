//! The register: what happened in each case, written once and never changed. Pure.
//!
//! Each device writes a stream of its own: records that name the one before by its digest ([`chain`]), and a signature of the device's key
//! over the last of them ([`head`]). A record ([`record`]) says who, when and in which place of the stream; what happened ([`event`]) is a
//! text beside it that the record names by its digest, so that it can be destroyed with its case while the chain stays whole. Both are
//! written in one way only ([`canonical`]). What cases look like is a fold over all streams ([`book`]), the same in whatever order these came
//! in; what happened, in order, is the [`chronology`]. Streams travel as texts ([`bundle`]).
//!
//! The form is described for others in `docs/register.md`.

pub mod book;
pub mod bundle;
pub mod canonical;
pub mod case_fold;
pub mod causes;
pub mod chain;
pub mod chronology;
pub mod event;
pub mod head;
pub mod record;
pub mod writing;

pub use book::Book;
pub use event::{CaseChange, Event};
pub use head::Head;
pub use record::{Actor, DeviceId, Digest, Record, Seen};

#[cfg(test)]
mod tests;
