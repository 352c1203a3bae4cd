//! Messages as values: parsed, built, threaded, quoted and made safe to show. Pure.

pub mod address;
pub mod draft;
pub mod id;
pub mod safe;
