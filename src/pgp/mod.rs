//! OpenPGP in mail: RFC 3156, RFC 9580 and RFC 9788. Pure: the time and the keys are arguments. sequoia's types stop here.
//!
//! Bytes come in, plain facts go out. What was checked and what is shown is one and the same thing: [`open::open`] hands over a message
//! to show, and its report speaks of exactly that message.

pub mod agent;
pub mod announce;
pub mod certificate;
mod decrypt;
pub mod detached;
pub mod error;
pub mod file;
pub mod generate;
mod inline;
pub mod keyring;
pub mod large;
pub mod lifecycle;
pub mod offer;
pub mod open;
mod payload;
pub mod protect;
pub mod readers;
pub mod recipients;
pub mod report;
pub mod seal;
pub mod sentence;
mod shape;
pub mod verdict;
mod verify;
pub mod warning;
pub mod wkd;
pub mod words;
