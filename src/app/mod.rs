//! The pure core: `update(&mut Model, Event) -> Vec<Effect>`. It knows no clock, no file, no socket and no terminal.

pub mod effect;
pub mod event;
pub mod view;
