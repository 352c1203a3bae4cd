//! How a command ends: with a code that scripts rely on, and, where it failed, a sentence.

use std::process::ExitCode;

use crate::engine::EngineError;
use crate::pgp::error::PgpError;

/// The codes, after `sysexits.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Exit {
    /// Done.
    Done = 0,
    /// The answer is no: not found, verification failed, policy refused.
    No = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// Input that cannot be used.
    BadData = 65,
    /// A server cannot be reached.
    Unavailable = 69,
    /// A file cannot be written.
    CannotWrite = 73,
    /// Try later; what was queued stays queued.
    TryLater = 75,
    /// Locked, or not permitted.
    NotPermitted = 77,
    /// The configuration.
    Config = 78,
}

impl Exit {
    /// The number.
    #[must_use]
    pub(super) const fn code(self) -> u8 {
        self as u8
    }

    /// The meaning of a number that another casemail gave; one that it does not know is a failure.
    #[must_use]
    pub(super) fn from_code(code: u8) -> Self {
        use Exit::{BadData, CannotWrite, Config, Done, No, NotPermitted, TryLater, Unavailable, Usage};
        let all = [Done, No, Usage, BadData, Unavailable, CannotWrite, TryLater, NotPermitted, Config];
        all.into_iter().find(|exit| exit.code() == code).unwrap_or(No)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Why a command failed: what, where, what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    /// The code.
    pub(super) exit: Exit,
    /// The sentence; foreign text in it is made safe when it is printed.
    pub(super) words: String,
}

impl Failure {
    /// Makes one.
    #[must_use]
    pub(super) fn new(exit: Exit, words: impl ToString) -> Self {
        Self { exit, words: words.to_string() }
    }

    /// The answer is no.
    #[must_use]
    pub(super) fn no(words: impl ToString) -> Self {
        Self::new(Exit::No, words)
    }
}

impl From<std::io::Error> for Failure {
    /// Output that cannot be written. A reader who has had enough (`| head`) is no failure worth words.
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::BrokenPipe => Self { exit: Exit::Done, words: String::new() },
            _ => Self::new(Exit::CannotWrite, format!("the output cannot be written: {error}")),
        }
    }
}

/// What a command gives back.
pub(super) type Outcome = Result<Exit, Failure>;

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        let exit = match &error {
            EngineError::Locked | EngineError::Vault(_) | EngineError::Credentials { .. } => Exit::NotPermitted,
            // Nobody knows whether it was done: 75 would say that it is queued.
            EngineError::Ended => Exit::Unavailable,
            EngineError::NoAccount(_) => Exit::Config,
            EngineError::NoMessage(_)
            | EngineError::NoMailbox { .. }
            | EngineError::Refused(_)
            | EngineError::SoAlready => Exit::No,
            EngineError::Cache(_)
            | EngineError::State(_)
            | EngineError::Start(_)
            | EngineError::Place(_)
            | EngineError::Keep { .. } => Exit::CannotWrite,
            EngineError::Pgp(PgpError::PassphraseNeeded(_) | PgpError::WrongPassphrase(_)) => Exit::NotPermitted,
            EngineError::Pgp(_) | EngineError::BadData(_) => Exit::BadData,
            EngineError::Server { .. } => Exit::Unavailable,
        };
        Self::new(exit, error)
    }
}
