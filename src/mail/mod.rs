//! Messages as values: parsed, built, threaded, quoted and made safe to show. Pure.

pub mod address;
pub mod build;
mod charset;
pub mod display;
pub mod draft;
mod encoded_word;
mod file_name;
mod flowed;
pub mod headers;
pub mod html;
pub mod id;
pub mod mailto;
pub mod marking;
pub mod message;
pub mod outline;
pub mod reply;
pub mod report;
pub mod safe;
pub mod size;
mod structure;
pub mod subject;
pub mod thread;
mod transfer;
pub mod weight;
pub mod wrap;
