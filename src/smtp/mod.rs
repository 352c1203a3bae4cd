//! Submission (RFC 6409) over TLS: exact bytes, every command checked, an outcome that says what is known and what is not.
//!
//! Nothing in here logs, retries by itself or decides about the outbox; credentials go over TLS only.

pub mod envelope;
pub mod outcome;
pub mod reply;
mod stream;
pub mod submit;

pub use envelope::{SmtpEnvelope, Unsendable};
pub use outcome::{Disposition, Outcome, Phase, Refusal};
pub use reply::{Reply, ReplyClass};
pub use submit::{Greeting, Timeouts, submit, submit_over, submit_watched, try_login};

pub use crate::net::sasl::Credentials;
