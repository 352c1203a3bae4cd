//! The command line: the grammar, where everything is found, what each command writes.
//!
//! A command that needs a profile takes its lock, opens it and does its work; where another process has the profile, the command is
//! handed to that one over its socket and its answer passed on. Reading commands write one JSON document with `--json`, plain
//! text otherwise; what is meant for people alone goes to the error output. Nothing asks questions when standard input is no
//! terminal. The environment is read in [`environment`] alone.

mod args;
mod attachment;
mod call;
mod case;
mod case_edit;
mod change;
mod check;
mod confirm;
mod environment;
mod exit;
mod export;
mod interrupt;
mod key;
mod listed;
mod manual;
mod message;
mod named;
mod outbox;
mod output;
mod passphrase;
mod plea;
mod plea_args;
mod plea_paper;
mod plea_show;
mod probe;
mod profile;
mod progress;
mod refile;
mod register;
mod rekey;
mod screen;
mod serve;
mod setup;
mod source;
mod stores;
mod thread;
mod transfer;

use std::io::{self, Read, Write};
use std::process::ExitCode;

use clap::Parser;
use zeroize::Zeroizing;

use self::args::{Change, Cli, Command, Key, Message, Outbox, Store};
use self::call::Call;
use self::environment::Environment;
use self::exit::{Exit, Failure, Outcome};
use self::named::Kind;
use self::output::Output;
use self::profile::Way;
use crate::engine::clock::Clock;
use crate::engine::keys::{KeyListed, Soon};
use crate::engine::socket::{self, Request, SocketError};
use crate::settings::finding::Severity;
use crate::store::vault::Cost;
use crate::terminal;

/// Runs the program.
#[must_use]
pub fn main() -> ExitCode {
    terminal::harden();
    // The child that reads foreign documents: it is nothing else, and looks at no argument, file or variable.
    if std::env::args_os().nth(1).is_some_and(|word| word == crate::engine::sandbox::WORD) {
        return ExitCode::from(crate::engine::sandbox::child());
    }
    terminal::report_panics();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no errors; clap knows which stream and which code.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage.into() } else { Exit::Done.into() };
        }
    };
    let environment = Environment::read();
    let (mut out, mut err) = (io::BufWriter::new(io::stdout()), io::stderr());
    let mut output = Output::new(&mut out, &mut err, cli.global.json).folding(environment.is_told);
    let outcome = run(&cli, &environment, &mut output);
    let exit = call::report(&mut output, outcome);
    match out.flush() {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe && exit == Exit::Done => Exit::CannotWrite.into(),
        _ => exit.into(),
    }
}

fn run(cli: &Cli, environment: &Environment, output: &mut Output<'_>) -> Outcome {
    let Some(command) = &cli.command else { return screen::run(&cli.global, environment, output) };
    match command {
        Command::Completions { shell } => manual::completions(output, *shell),
        Command::Man => manual::man(output),
        Command::Keymap(command) => named(cli, environment, output, Kind::Keymap, command),
        Command::Theme(command) => named(cli, environment, output, Kind::Theme, command),
        Command::Check { offline } => check(cli, environment, output, *offline),
        Command::Setup(options) => {
            let asked = setup::Asked {
                roots: profile::roots(environment, cli.global.home.as_deref())?,
                home: environment.home.as_deref(),
                is_interactive: environment.is_interactive,
                passphrase: cli.global.passphrase_fd.map(passphrase::from_fd).transpose()?,
                account: cli.global.account.as_deref(),
                cost: Cost::DEFAULT,
            };
            setup::run(output, options, asked, &environment.cwd)
        }
        Command::Demo(options) => screen::demo(options, environment, output),
        command => with_profile(cli, command, environment, output),
    }
}

fn named(cli: &Cli, environment: &Environment, output: &mut Output<'_>, kind: Kind, command: &args::Named) -> Outcome {
    let roots = environment.roots(cli.global.home.as_deref());
    let config = roots.as_ref().map(|roots| roots.config.as_path());
    let settings = roots
        .as_ref()
        .and_then(|roots| profile::configuration(roots, environment.home.as_deref()).ok())
        .unwrap_or_default();
    let current = if kind == Kind::Keymap { &settings.keymap } else { &settings.theme };
    named::run(output, kind, command, config, current)
}

fn check(cli: &Cli, environment: &Environment, output: &mut Output<'_>, offline: bool) -> Outcome {
    let roots = profile::roots(environment, cli.global.home.as_deref())?;
    let (mut found, config) = check::offline(&roots, environment);
    let is_sound = !found.iter().any(named::Line::is_error);
    let mut servers = check::Servers::default();
    if let Some(config) = config {
        let now = Clock::system().now();
        if is_sound && roots.exists() {
            match own_keys(cli, &roots, &config, environment, output) {
                Ok(Some((keys, ending))) => found.extend(check::keys(&config, &keys, ending)),
                Ok(None) => {}
                Err(failure) => {
                    let place = roots.vault_file();
                    found.push(named::Line::new(Severity::Error, place.display(), failure.words, ""));
                }
            }
        }
        if !offline {
            let (only, asks) = (cli.global.account.as_deref(), environment.is_interactive);
            servers = check::servers(&config, only, asks, now, output);
            found.append(&mut servers.found);
        }
    }
    // A locked profile is not the servers' fault.
    let is_sound = is_sound && !found.iter().any(|line| line.is_error() && line.is_at(&roots.vault_file()));
    let exit = check::finish(output, found, servers.logins)?;
    // Where the files are in order, it is a server that is not, or one that does not let us in, as `sync` says it.
    let of_servers = if servers.is_refused { Exit::NotPermitted } else { Exit::Unavailable };
    Ok(if exit == Exit::Config && is_sound { of_servers } else { exit })
}

/// The keys that are here, and which of them end soon.
type KeysAndEnds = (Vec<KeyListed>, Vec<Soon>);

/// The keys of the profile, where it can be opened: it is not in use, and somebody gives the passphrase.
fn own_keys(
    cli: &Cli,
    roots: &crate::store::profile::Roots,
    config: &crate::config::Config,
    environment: &Environment,
    output: &mut Output<'_>,
) -> Result<Option<KeysAndEnds>, Failure> {
    let passphrase = cli.global.passphrase_fd.map(passphrase::from_fd).transpose()?;
    if passphrase.is_none() && config.unlock_command.is_none() && !environment.is_interactive {
        output.say("the keys were not looked at: the profile is locked, and nobody gave its passphrase");
        return Ok(None);
    }
    let Ok(lock) = profile::take(roots)? else {
        output.say("the keys were not looked at: the profile is in use by another casemail");
        return Ok(None);
    };
    let way = Way { roots: roots.clone(), environment, passphrase, connects: false, events: None };
    let engine = profile::open(lock, config.clone(), way, false, output)?;
    let keys = engine.keys().list()?;
    let ending = engine.keys().ending(&keys)?;
    Ok(Some((keys, ending)))
}

/// A command that works on a profile, or on a bare file with whatever keys there are.
fn with_profile(cli: &Cli, command: &Command, environment: &Environment, output: &mut Output<'_>) -> Outcome {
    call::look(command, &environment.cwd)?;
    let is_bare = call::is_bare(cli, &environment.cwd);
    let roots = match profile::roots(environment, cli.global.home.as_deref()) {
        Err(_) if is_bare => return without_profile(command, environment, output),
        other => other?,
    };
    if is_bare && (!roots.exists() || matches!(command, Command::Message(Message::Raw { .. }))) {
        return without_profile(command, environment, output);
    }
    let config = profile::configuration(&roots, environment.home.as_deref())?;
    if let Some(name) = cli.global.account.as_deref()
        && config.account(Some(name)).is_none()
    {
        let names: Vec<&str> = config.accounts.iter().map(|account| account.name.as_str()).collect();
        return Err(Failure::new(Exit::Config, format!("there is no account {name:?}; there is {}", names.join(", "))));
    }
    let lock = match profile::take(&roots)? {
        Ok(lock) => lock,
        Err(running) => return hand_over(&roots, command, environment, output, running),
    };
    let mut passphrase = cli.global.passphrase_fd.map(passphrase::from_fd).transpose()?;
    if matches!(command, Command::Case(args::Case::Shred { .. }))
        && passphrase.is_none()
        && config.unlock_command.is_none()
        && environment.is_interactive
    {
        // It opens the profile three times: nobody has to type it as often.
        passphrase = passphrase::ask("Passphrase")?;
    }
    // Copies of the files of a case that is destroyed stay shut only under keys that nobody has any more.
    let then_new_keys = match command {
        Command::Case(args::Case::Shred { id, .. }) => Some((
            Way { roots: roots.clone(), environment, passphrase: passphrase.clone(), connects: false, events: None },
            config.clone(),
            id.clone(),
        )),
        _ => None,
    };
    let way = Way { roots, environment, passphrase, connects: connects(command), events: None };
    match command {
        Command::Store(Store::Rebuild) => return rekey::rebuild(&way, output),
        Command::Store(Store::Anew { yes }) => return rekey::anew(&way, &config, *yes, output),
        Command::Store(command @ Store::Rekey { .. }) => return rekey::rekey(&way, &config, command, output),
        _ => {}
    }
    let engine = match profile::open(lock, config, way, false, output) {
        // The file can be read without keys, and says then that it was not decrypted.
        Err(Failure { exit: Exit::NotPermitted, .. }) if is_bare && cli.global.passphrase_fd.is_none() => {
            return without_profile(command, environment, output);
        }
        other => other?,
    };
    let key_passphrase = match command {
        Command::Key(key) => key.passphrase_fd().map(passphrase::from_fd).transpose()?,
        _ => None,
    };
    let mut stdin = io::stdin().lock();
    let mut call = Call::new(environment.cwd.clone(), &mut stdin, output.reborrow(), Some(&engine));
    call.account.clone_from(&cli.global.account);
    call.is_interactive = environment.is_interactive;
    call.is_alone = true;
    call.key_passphrase = key_passphrase;
    let outcome = call::run(&mut call, command);
    for event in engine.unread_events() {
        // What became of mail is said by `send` itself.
        let is_told = matches!(command, Command::Send { .. } | Command::Plea(_)) && outcome.is_ok();
        if let crate::app::event::Event::Notice(sentence) = event
            && !is_told
        {
            output.say(sentence.text.as_str());
        }
    }
    drop(stdin);
    transfer::see_off(output, &engine, sends(command));
    engine.close();
    match (then_new_keys, outcome) {
        (Some((way, config, id)), Ok(Exit::Done)) => {
            let lock = profile::take(&way.roots)??;
            let command = Store::Rekey { passphrase: false, new_passphrase_fd: None, keep_keys: false };
            let (mut out, mut err) = (io::sink(), io::sink());
            let mut quiet = Output::new(&mut out, &mut err, false);
            rekey::rekey(&way, &config, &command, &mut quiet)?;
            drop(lock);
            // The certificate was written before: the register says behind it that the keys are gone.
            let engine = profile::open(profile::take(&way.roots)??, config, way, false, &mut quiet)?;
            engine.keys_changed(&id)?;
            engine.close();
            output.say("the keys of the store were changed: copies of its former files stay shut");
            Ok(Exit::Done)
        }
        (_, outcome) => outcome,
    }
}

fn without_profile(command: &Command, environment: &Environment, output: &mut Output<'_>) -> Outcome {
    let mut stdin = io::stdin().lock();
    call::run(&mut Call::new(environment.cwd.clone(), &mut stdin, output.reborrow(), None), command)
}

/// Commands that are there to send mail.
fn sends(command: &Command) -> bool {
    match command {
        Command::Send { dry_run, .. } => !dry_run,
        Command::Plea(command) => command.sends(),
        Command::Outbox(Outbox::Retry { .. } | Outbox::Resolve { .. }) => true,
        _ => false,
    }
}

/// Commands that need the passwords of accounts.
fn connects(command: &Command) -> bool {
    match command {
        Command::Sync { .. }
        | Command::Register(args::Register::Replicate)
        | Command::Outbox(Outbox::Retry { .. } | Outbox::Resolve { .. }) => true,
        Command::Send { dry_run, .. } => !dry_run,
        Command::Plea(command) => command.sends(),
        Command::Message(
            Message::Flag { .. }
            | Message::Move { .. }
            | Message::Archive { .. }
            | Message::Delete { .. }
            | Message::Append { .. },
        )
        | Command::Change(Change::Undo { .. } | Change::Tell) => true,
        _ => false,
    }
}

/// Commands that read standard input, so that it is handed over with them.
fn reads_stdin(command: &Command) -> bool {
    let is_dash = |text: &str| text == "-";
    match command {
        Command::Send { file, .. } => file.as_deref().is_none_or(|file| file.as_os_str() == "-"),
        Command::Message(
            Message::Show { message } | Message::Raw { message } | Message::Append { file: message, .. },
        ) => is_dash(message),
        Command::Attachment(args::Attachment::Export { message, .. }) => is_dash(message),
        Command::Attachment(args::Attachment::List { messages, .. }) => messages.iter().any(|text| is_dash(text)),
        Command::Key(Key::Import { file, .. } | Key::Restore { file, .. })
        | Command::Register(args::Register::Verify { file: Some(file) }) => file.as_os_str() == "-",
        _ => false,
    }
}

/// Has the process that has the profile do it.
fn hand_over(
    roots: &crate::store::profile::Roots,
    command: &Command,
    environment: &Environment,
    output: &mut Output<'_>,
    running: Failure,
) -> Outcome {
    if matches!(command, Command::Case(args::Case::Shred { .. })) {
        // A case goes with the keys of the store, which cannot be exchanged under an open one.
        return Err(Failure::new(
            Exit::TryLater,
            "nothing was destroyed: end the other casemail of this profile, then try again",
        ));
    }
    let mut stdin = Zeroizing::new(Vec::new());
    if reads_stdin(command) {
        let read = io::stdin().lock().read_to_end(&mut stdin);
        read.map_err(|error| Failure::new(Exit::BadData, format!("standard input: {error}")))?;
    }
    // File descriptors and terminals are this process's: what is read from them goes along.
    let secret = match command {
        Command::Key(key) => match key.passphrase_fd() {
            Some(number) => Some(passphrase::from_fd(number)?),
            None if environment.is_interactive => key.question().map(passphrase::ask).transpose()?.flatten(),
            None => None,
        },
        _ => None,
    };
    let request = Request {
        args: std::env::args().skip(1).collect(),
        cwd: environment.cwd.clone(),
        stdin: std::mem::take(&mut *stdin),
        secret: secret.map(|mut secret| socket::Secret(std::mem::take(&mut *secret))),
    };
    let (out, err) = output.streams();
    match socket::call(&roots.socket(), &request, out, err) {
        Ok(code) => Ok(Exit::from_code(code)),
        // It has the lock and serves nobody: another command at work.
        Err(SocketError::Nobody) => Err(running),
        Err(error) => Err(Failure::new(Exit::Unavailable, error)),
    }
}
