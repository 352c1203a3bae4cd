//! Files that a person edits, read as values that know their place: what is wrong is told with file, line, column and a cure.
//!
//! Configuration, keymaps and themes are all read through here. Nothing in here opens a file: text comes in, values go out.

pub mod document;
pub mod finding;
pub mod layers;

pub use document::{Document, Fields, Node, Table, Value};
pub use finding::{Finding, Place, Severity, nearest};
