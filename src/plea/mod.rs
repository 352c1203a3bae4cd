//! Plea negotiation: who offered what, who has to answer, and what exactly was agreed. Pure.
//!
//! One negotiation is about one accused in one case. Each side numbers its [acts](act) and says with each how far it has read the other
//! side's, so that the order in which acts arrive never matters: [`negotiation`] is a fold over the set of acts, with one [`table`] of what may be done when.
//! Acts travel as a [`block`] of plain text that a person can read in any mail program; who may speak for a side is weighed by [`trust`].
//! What was agreed is named by the SHA-256 of its [terms]. Nothing in here says that anything is settled: only a plea recorded in open court binds.
//!
//! The law behind it is told in `docs/plea.md`, the form on the wire in `docs/plea-block.md`.

pub mod act;
pub mod block;
pub mod board;
pub mod compose;
pub mod credit;
pub mod diff;
pub mod entry;
pub mod fold;
pub mod gather;
pub mod guard;
pub mod heard;
pub mod mark;
pub mod negotiation;
pub mod notice;
pub mod number;
pub mod offer;
pub mod record;
pub mod sheet;
pub mod state;
pub mod table;
pub mod terms;
pub mod text;
pub mod trust;
pub mod words;

pub use act::{Act, Authority, Basis, Cleared, Condition, Deed, Kind, Quoted, Subject};
pub use compose::{Actor, Claim, Proposal, compose};
pub use entry::{Entry, Evidence, Outcome};
pub use heard::{Heard, Speaker, Trust, Word};
pub use negotiation::{Negotiation, Setting, Verdict, View};
pub use number::{ActNo, NegotiationId, Side};
pub use offer::{Offer, OfferError};
pub use state::State;
pub use terms::{Amendment, Ancillary, AncillaryKind, Document, Offence, Plea, Term, Terms, TermsHash};

#[cfg(test)]
mod fold_tests;
#[cfg(test)]
mod record_tests;
#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod trust_tests;
