//! One call of the program: what it was asked, what it may read and write, and the profile where there is one.

use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;

use super::args::{Cli, Command};
use super::exit::{Exit, Failure, Outcome};
use super::output::Output;
use super::passphrase::Secret;
use super::{attachment, case, change, export, key, message, outbox, plea, register, stores, thread, transfer};
use crate::app::effect::Said;
use crate::engine::Engine;
use crate::engine::clock::Clock;
use crate::pgp::keyring::Keyring;

/// A call. The running program makes one of what a second process hands it, so nothing here is the process's own.
pub(super) struct Call<'a> {
    /// Relative paths are relative to this.
    pub(super) cwd: PathBuf,
    /// What the command reads.
    pub(super) stdin: &'a mut dyn Read,
    /// What it writes.
    pub(super) output: Output<'a>,
    /// `--account`.
    pub(super) account: Option<String>,
    /// Somebody sits at this process's terminal and can be asked.
    pub(super) is_interactive: bool,
    /// Nobody else has the profile open: it closes with this call.
    pub(super) is_alone: bool,
    /// The passphrase of a key.
    pub(super) key_passphrase: Option<Secret>,
    engine: Option<&'a Engine>,
}

impl<'a> Call<'a> {
    /// Puts it together. Without an engine, only what needs no profile can be done.
    pub(super) fn new(cwd: PathBuf, stdin: &'a mut dyn Read, output: Output<'a>, engine: Option<&'a Engine>) -> Self {
        Self { cwd, stdin, output, account: None, is_interactive: false, is_alone: false, key_passphrase: None, engine }
    }

    /// The open profile.
    ///
    /// # Errors
    /// Where there is none.
    pub(super) fn engine(&self) -> Result<&'a Engine, Failure> {
        let words = "there is no profile here; make one with `casemail setup`, or name one with --home";
        self.engine.ok_or_else(|| Failure::new(Exit::Config, words))
    }

    /// The profile's keys; none without a profile.
    ///
    /// # Errors
    /// Where the profile is locked.
    pub(super) fn keyring(&self) -> Result<Arc<Keyring>, Failure> {
        match self.engine {
            Some(engine) => Ok(engine.keyring()?),
            None => Ok(Arc::new(Keyring::new())),
        }
    }

    /// The time.
    #[must_use]
    pub(super) fn now(&self) -> Timestamp {
        self.engine.map_or_else(|| Clock::system().now(), Engine::now)
    }
}

/// Performs a command on an open profile, or one that needs none.
///
/// # Errors
/// In words, with the code to exit with.
pub(super) fn run(call: &mut Call<'_>, command: &Command) -> Outcome {
    match command {
        Command::Sync { mailboxes, force } => transfer::sync(call, mailboxes, *force),
        Command::Case(command) => case::run(call, command),
        Command::Thread(command) => thread::run(call, command),
        Command::Message(command) => message::run(call, command),
        Command::Attachment(command) => attachment::run(call, command),
        Command::Send { file, attach, split, dry_run, confirm, because } => {
            let said = match because {
                Some(words) => Said::Because(words.clone()),
                None if *confirm => Said::Yes,
                None => Said::Nothing,
            };
            let along = crate::engine::query::Along { files: attach.clone(), split: *split };
            transfer::send(call, file.as_deref(), said, *dry_run, along)
        }
        Command::Plea(command) => plea::run(call, command),
        Command::Outbox(command) => outbox::run(call, command),
        Command::Change(command) => change::run(call, command),
        Command::Key(command) => key::run(call, command),
        Command::Register(command) => register::run(call, command),
        Command::Export(super::args::Export::Verify { dir, progress }) => export::verify(call, dir, *progress),
        Command::Store(command) => stores::run(call, command),
        // Done before a profile is opened: see the head of the program.
        Command::Demo(_)
        | Command::Setup(_)
        | Command::Check { .. }
        | Command::Keymap(_)
        | Command::Theme(_)
        | Command::Completions { .. }
        | Command::Man => Err(Failure::new(Exit::Usage, "this command is done by the process that was started for it")),
    }
}

/// Performs a command, says why it failed, and gives the code to exit with.
pub(super) fn finish(call: &mut Call<'_>, command: &Command) -> Exit {
    let outcome = run(call, command);
    report(&mut call.output, outcome)
}

/// Says why something failed, and gives the code to exit with.
pub(super) fn report(output: &mut Output<'_>, outcome: Outcome) -> Exit {
    match outcome {
        Ok(exit) => exit,
        Err(Failure { exit, words }) => {
            if !words.is_empty() {
                output.say(&words);
            }
            exit
        }
    }
}

/// Finds a name that can be no message and no file before anything is opened for it.
///
/// # Errors
/// Where there is one.
pub(super) fn look(command: &Command, cwd: &std::path::Path) -> Result<(), Failure> {
    use super::args::{Attachment, Message};
    use super::source::Source;
    match command {
        Command::Message(Message::Show { message } | Message::Raw { message })
        | Command::Attachment(Attachment::Export { message, .. }) => Source::of(message, cwd).map(drop),
        Command::Message(Message::Flag { messages, .. }) | Command::Attachment(Attachment::List { messages, .. }) => {
            messages.iter().try_for_each(|message| Source::of(message, cwd).map(drop))
        }
        _ => Ok(()),
    }
}

/// Whether a command can be done without a profile: it names a bare file.
#[must_use]
pub(super) fn is_bare(cli: &Cli, cwd: &std::path::Path) -> bool {
    use super::args::{Attachment, Message};
    use super::source::Source;
    let bare = |text: &String| Source::of(text, cwd).is_ok_and(|source| source.is_bare());
    match &cli.command {
        Some(Command::Message(Message::Show { message } | Message::Raw { message })) => bare(message),
        Some(Command::Attachment(Attachment::List { messages, .. })) => {
            !messages.is_empty() && messages.iter().all(bare)
        }
        Some(Command::Attachment(Attachment::Export { message, .. })) => bare(message),
        // The streams in a file are proved by what is in it.
        Some(Command::Register(super::args::Register::Verify { file })) => file.is_some(),
        // Whoever was given an export needs no profile to see whether it is whole.
        Some(Command::Export(_)) => true,
        _ => false,
    }
}
