//! The pure core: `update(&mut Model, Event) -> Vec<Effect>`. It knows no clock, no file, no socket and no terminal.
//!
//! Screens and popups are stacks of values; where keys go is derived from them. Effects are never waited for: answers come back as
//! events, and an answer to a question that nobody asks any more is dropped.

mod act;
mod answer;
pub mod case_view;
mod deeds;
pub mod document_view;
mod documents;
mod drafts;
pub mod effect;
mod enclosing;
pub mod event;
pub mod export_view;
mod filled;
pub mod form;
pub mod forms;
mod keys;
mod leaving;
pub mod line;
pub mod list;
mod matters;
mod model;
mod outbox;
mod plea_files;
pub mod plea_forms;
pub mod plea_terms;
pub mod plea_view;
mod pleas;
pub mod popup;
mod reading;
pub mod screen;
pub mod size;
pub mod target;
pub mod thread_list;
mod unkept;
mod update;
pub mod view;
pub mod wrap;
mod write;

pub use model::{Identity, Model, Notice, Settings};
pub use update::update;
