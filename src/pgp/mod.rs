//! OpenPGP in mail: RFC 3156, RFC 9580 and RFC 9788. Pure: the time and the keys are arguments. sequoia's types stop here.
//!
//! Bytes come in, plain facts go out. What was checked and what is shown is one and the same thing: [`open::open`] hands over a message
//! to show, and its report speaks of exactly that message.

pub mod certificate;
pub mod error;
pub mod generate;
pub mod keyring;
pub mod open;
pub mod protect;
pub mod recipients;
pub mod report;
pub mod seal;
pub mod sentence;
pub mod verdict;
pub mod warning;
