//! Messages as values: parsed, built, threaded, quoted and made safe to show. Pure.

pub mod address;
pub mod build;
pub mod display;
pub mod draft;
pub mod headers;
pub mod html;
pub mod id;
pub mod message;
pub mod reply;
pub mod safe;
pub mod subject;
pub mod thread;
pub mod wrap;
