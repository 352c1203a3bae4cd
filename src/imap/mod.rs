//! One account's IMAP connections: capabilities, mailboxes, the sync plan, IDLE, requests.
//!
//! Two connections per account, each a task: one syncs mailboxes newest first ([`sync`]), the other stands in IDLE on INBOX and serves
//! [`Request`]s at once (`attend`). Where there is much to sync, or one mailbox takes its time while others wait, one more is opened for as long as
//! that lasts (`beside`; up to three more, where the user wants that), so that several mailboxes are synced at once, each with its own trouble; `lanes`
//! says which has which. What they learn goes to a [`Sink`], which stores it before the next batch but one is asked for. Nothing here stores, parses
//! messages, knows a case or a key, or lets a sequence number out.
//!
//! The codec is async-imap's behind the byte guard of [`crate::net::guard`]; its convenience calls are not used, because they report a
//! NO, a BAD and a lost connection as success. Commands are typed values ([`command`]), each checked to its own tagged answer
//! ([`session`]). A session that failed, timed out or was cancelled is never used again.

pub mod account;
mod attend;
mod auth;
mod begin;
mod beside;
mod capability;
mod census;
mod command;
mod download;
pub mod error;
mod item;
mod lanes;
mod look;
mod mailboxes;
mod name;
mod order;
mod plan;
pub mod refusal;
mod renames;
pub mod request;
mod select;
mod serve;
mod session;
pub mod sink;
mod suspects;
mod sync;
mod transfer;
mod trial;
pub mod uid_set;
mod untagged;
pub mod worker;

pub use account::{AccountSetup, Limits, Refusals, Times};
pub use error::Error;
pub use refusal::{Verdict, verdict};
pub use request::{Appended, Arrived, Copied, Download, Expunged, Found, Handle, Moved, Request, StoreFlags, Stored};
pub use sink::{
    Body, Fetched, Held, Known, Left, Link, MailboxAt, MailboxInfo, Pass, Position, Sample, Sink, Stop, Synced,
};
pub use trial::try_login;
pub use uid_set::UidSet;
pub use worker::{spawn, sync_counted, sync_once};
