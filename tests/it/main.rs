//! The integration tests, one binary: against real servers, real OpenPGP programs and the real program in a real terminal.

mod smtp;
mod support;
mod tidy;
