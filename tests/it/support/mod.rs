//! Servers and programs that the tests stand against.

pub(crate) mod dovecot;
pub(crate) mod home;
pub(crate) mod memory;
pub(crate) mod scripted_imap;
pub(crate) mod submission;
pub(crate) mod tmux;
