//! Performs effects, and is the only one who writes the stores and holds the secrets.
//!
//! Parts: `lane` and `announce` (queues in and out), [`query`] (what can be asked), [`document`] (one message as a value for scripts),
//! [`socket`] (a second process of the same profile), [`clock`].

#![allow(dead_code, reason = "the parts are joined by the core")]

mod announce;
pub mod clock;
pub mod document;
mod ingest;
mod lane;
mod library;
pub mod query;
mod reader;
mod reading;
pub mod socket;

/// Stack of every thread that may parse foreign bytes: deep nesting must not end the process.
pub const STACK_BYTES: usize = 16 << 20;
