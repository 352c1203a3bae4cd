//! Servers and programs that the tests stand against.

pub(crate) mod courier;
pub(crate) mod cyrus;
pub(crate) mod dovecot;
pub(crate) mod home;
pub(crate) mod host;
pub(crate) mod line;
pub(crate) mod memory;
pub(crate) mod other_client;
pub(crate) mod pymap;
pub(crate) mod sasl_server;
pub(crate) mod scripted_imap;
pub(crate) mod strange;
pub(crate) mod submission;
pub(crate) mod tmux;
pub(crate) mod winmail;
