//! Files that go out with a message: what is in them that should not leave, or that a gateway will not let through; how large they are on the wire,
//! and how a message that is too large is told apart into several; paths as people type and paste them. Pure: a file is anything that can be
//! read and sought.
//!
//! Gateways of the justice system drop what they cannot look into or do not trust: programs, macros, archives with a password. Whoever sent it
//! often learns of it days later, so it is said before. What a document tells of its making (author, tracked changes, comments, hidden text) is
//! said too: the recipient sees all of it. Sources: NCSC, Mitigating malware and ransomware attacks (attachment types that mail services block);
//! ICO, How to disclose information safely (hidden data in documents).

pub mod inspect;
pub mod mention;
pub mod parts;
pub mod paths;
pub mod policy;

pub use inspect::{Grade, Told, inspect};
pub use policy::Policy;
