//! What is needed to connect to an account, and how much and how long anything may be.

use std::sync::Arc;
use std::time::Duration;

use crate::net::sasl::Credentials;
use crate::net::{ClientConfig, Endpoint, Secret, connect};

/// What of an account's passwords and tokens the server refused, remembered beyond the process.
pub trait Refusals: Send + Sync {
    /// Why this one is not sent now, in words; `None`: it is.
    fn why(&self, secret: &Secret) -> Option<String>;
    /// The server refused it, in these words.
    fn note(&self, secret: &Secret, words: &str);
    /// One was taken.
    fn forget(&self);
}

/// An account as its worker needs it.
#[derive(Clone)]
pub struct AccountSetup {
    /// Its name in the configuration, for messages.
    pub name: String,
    /// The IMAP server.
    pub endpoint: Endpoint,
    /// Trust.
    pub tls: Arc<ClientConfig>,
    /// Who we are, and what proves it.
    pub credentials: Credentials,
    /// The mailbox for copies of sent mail (decoded name); without it, the one that the server marks `\Sent`.
    pub sent_mailbox: Option<String>,
    /// Mailboxes to leave alone (decoded names).
    pub skip: Vec<String>,
    /// Compress, where the server can (see [`crate::net::deflate`] for what speaks against it).
    pub compress: bool,
    /// How much.
    pub limits: Limits,
    /// How long.
    pub times: Times,
    /// What was refused before this process; `None`: each is tried.
    pub refusals: Option<Arc<dyn Refusals>>,
}

/// How much may be fetched at once or at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Larger messages are fetched by their header only, until they are asked for.
    pub message_bytes_max: u32,
    /// Messages in one batch.
    pub batch_messages: usize,
    /// Bytes in one batch; a single larger message is a batch of its own.
    pub batch_bytes: u64,
    /// Messages of the first page, which are fetched by header fields before any body.
    pub first_page: u32,
    /// Mailboxes that are synced at the same time, each over a connection of its own: the one that leads, and those that are opened beside it where
    /// that is worth it.
    pub connections: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { message_bytes_max: 32 << 20, batch_messages: 200, batch_bytes: 3 << 19, first_page: 100, connections: 2 }
    }
}

/// How long each thing may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// DNS, TCP, STARTTLS, TLS.
    pub connect: connect::Times,
    /// The greeting, and each step of the login.
    pub login: Duration,
    /// How long a server may be silent, or nearly so, while it owes an answer.
    pub silence: Duration,
    /// IDLE is renewed after this time (RFC 2177 says 29 minutes at most; address translation forgets sooner).
    pub idle: Duration,
    /// Who asked and was answered may ask again: so long it is waited for, before IDLE begins, which takes two round trips to end.
    pub linger: Duration,
    /// Mailboxes other than INBOX are looked at after this time.
    pub poll: Duration,
    /// How long a mailbox may take while others wait, before another connection is opened beside for them; and how long a pass beside may take to come to
    /// a stop when all mailboxes are listed.
    pub patience: Duration,
    /// How long to wait before a mailbox is asked again that is said to be empty, though messages of it are held.
    pub recheck: Duration,
    /// The first wait after a failure.
    pub retry_first: Duration,
    /// The longest wait after failures.
    pub retry_ceiling: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            connect: connect::Times::default(),
            login: Duration::from_secs(30),
            silence: Duration::from_secs(60),
            idle: Duration::from_secs(300),
            linger: Duration::from_millis(50),
            poll: Duration::from_secs(300),
            patience: Duration::from_secs(5),
            recheck: Duration::from_secs(1),
            retry_first: Duration::from_secs(1),
            retry_ceiling: Duration::from_secs(300),
        }
    }
}
