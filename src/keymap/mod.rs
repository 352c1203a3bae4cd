//! Key sequences to actions.

pub mod key;
