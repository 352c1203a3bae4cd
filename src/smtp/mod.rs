//! Submission (RFC 6409) over TLS: exact bytes, every command checked, an outcome that says what is known and what is not.
//!
//! Nothing in here logs, retries by itself or decides about the outbox; credentials go over TLS only.

pub mod envelope;
pub mod outcome;
pub mod reply;
pub mod status;
mod stream;
pub mod submit;
pub mod transaction;

pub use envelope::{SmtpEnvelope, Unsendable};
pub use outcome::{Disposition, Outcome, Phase, Refusal, Submission};
pub use reply::{Offer, Reply, ReplyClass};
pub use submit::{Connection, Greeting, Timeouts, submit, submit_over, try_login};
pub use transaction::Notify;

pub use crate::net::sasl::Credentials;
