//! casemail: a keyboard-driven terminal mail client for criminal-justice practitioners.

pub mod action;
pub mod app;
pub mod case;
pub mod cli;
pub mod config;
pub mod demo;
pub mod engine;
pub mod imap;
pub mod keymap;
pub mod mail;
pub mod net;
pub mod pgp;
pub mod smtp;
pub mod store;
pub mod terminal;
pub mod theme;
pub mod ui;
