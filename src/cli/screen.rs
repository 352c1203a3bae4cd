//! The terminal interface, and the demo in front of it.

use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use jiff::tz::TimeZone;

use super::args;
use super::environment::Environment;
use super::exit::{Exit, Failure, Outcome};
use super::named::{Kind, is_known};
use super::output::Output;
use super::profile::{self, Way};
use super::serve;
use crate::app::{Identity, Model, Settings};
use crate::config::{Config, files};
use crate::demo::{Demo, Options};
use crate::keymap::Keymap;
use crate::store::profile::Roots;
use crate::terminal::{self, Drive};
use crate::theme::Theme;

/// Events that wait for the screen; a full channel holds the engine's announcements back, never its work.
const EVENTS_MAX: usize = 1024;

/// Runs the terminal interface on a profile; makes one first where there is none yet.
pub(super) fn run(global: &args::Global, environment: &Environment, output: &mut Output<'_>) -> Outcome {
    run_with(global, environment, output, "")
}

/// The same; the locked screen says the note besides.
fn run_with(global: &args::Global, environment: &Environment, output: &mut Output<'_>, lock_note: &str) -> Outcome {
    let roots = profile::roots(environment, global.home.as_deref())?;
    let config = profile::configuration(&roots, environment.home.as_deref())?;
    if !environment.is_interactive || !environment.is_screen {
        let words = "the terminal interface needs a terminal; for scripts there are commands: `casemail --help`";
        return Err(Failure::new(Exit::Usage, words));
    }
    let lock = profile::take(&roots)??;
    let passphrase = global.passphrase_fd.map(super::passphrase::from_fd).transpose()?;
    let (sender, events) = sync_channel(EVENTS_MAX);
    let way = Way { roots: roots.clone(), environment, passphrase, connects: true, events: Some(sender.clone()) };
    let surroundings = terminal::Environment::read();
    let (theme, mut settings) = appearance(&roots, &config, &surroundings)?;
    lock_note.clone_into(&mut settings.lock_note);
    let editor = surroundings.editor(config.editor.clone(), &roots.state);
    let pictures = surroundings.pictures(config.pictures);
    terminal::sweep(surroundings.runtime.as_deref(), &roots.state);
    // Without a program that knows the passphrase, the screen itself asks for it. A new one is chosen here, before the screen.
    let asks = roots.exists() && way.passphrase.is_none() && config.unlock_command.is_none();
    let engine = Arc::new(profile::open(lock, config, way, asks, output)?);
    let server = engine.serve(serve::handler(&engine)).ok();
    if server.is_none() {
        output.say("commands of other processes cannot be served while the screen is open: its socket cannot be made");
    }
    let mut model = Model::new(settings, engine.now());
    let first = model.start(asks);
    let working = Arc::clone(&engine);
    let drive = Drive {
        events,
        sender,
        submit: &mut |effect| working.submit(effect),
        now: &|| engine.now(),
        editor,
        term: surroundings.term.clone(),
        pictures,
    };
    let outcome = terminal::run(&mut model, &theme, first, drive);
    drop(server);
    outcome.map_err(|error| Failure::new(Exit::Usage, error))?;
    Ok(Exit::Done)
}

/// What the screen looks like and how it is steered. A file with mistakes is told of, and the shipped one taken.
fn appearance(
    roots: &Roots,
    config: &Config,
    surroundings: &terminal::Environment,
) -> Result<(Theme, Settings), Failure> {
    let refused = |found: Vec<crate::settings::Finding>| {
        let words: Vec<String> = found.iter().map(|one| format!("{}: {} {}", one.place, one.what, one.cure)).collect();
        Failure::new(Exit::Config, words.join("\n"))
    };
    let own = |kind: &'static str| move |name: &str| files::own(&roots.config, kind, name);
    // Which name of the configuration led there is told, too.
    let named = |key: &'static str, kind: Kind, name: &str, failure: Failure| {
        if is_known(kind, name, Some(&roots.config)) {
            return failure;
        }
        let place = files::place_of(&roots.config, key);
        Failure::new(Exit::Config, format!("{place}: there is no {key} `{name}`; name another one"))
    };
    let (keymap, _) = Keymap::load(&config.keymap, &own("keymaps"))
        .map_err(refused)
        .map_err(|failure| named("keymap", Kind::Keymap, &config.keymap, failure))?;
    let (theme, _) = Theme::load(&config.theme, &own("themes"))
        .map_err(refused)
        .map_err(|failure| named("theme", Kind::Theme, &config.theme, failure))?;
    let identities = config.accounts.iter().map(|account| {
        let mut address = account.address.clone();
        address.name.clone_from(&account.full_name);
        Identity { account: account.name.clone(), address, also: account.also.clone() }
    });
    let settings = Settings {
        identities: identities.collect(),
        keymap,
        zone: TimeZone::system(),
        ascii: !surroundings.utf8(),
        idle_lock_minutes: config.idle_lock_minutes,
        home: surroundings.home.clone().unwrap_or_default(),
        own_pictures: surroundings.pictures(config.pictures) != crate::config::Pictures::Blocks,
        is_remote: surroundings.is_remote,
        save_directory: config
            .export_directory
            .as_ref()
            .map_or_else(|| Settings::default().save_directory, |place| place.display().to_string()),
        ..Settings::default()
    };
    Ok((theme.adapt(surroundings.colours()), settings))
}

/// `demo`: servers, a home and mail of its own, then the same program as ever.
pub(super) fn demo(options: &args::Demo, environment: &Environment, output: &mut Output<'_>) -> Outcome {
    let parent = environment.runtime_dir.as_deref().filter(|dir| dir.is_dir()).unwrap_or(&environment.temporary_dir);
    let wanted = Options { messages: options.messages, seed: options.seed, ..Options::new(parent.to_owned()) };
    if !(options.serve || environment.is_interactive && environment.is_screen) {
        return Err(Failure::new(
            Exit::Usage,
            "the demo needs a terminal; for scripts there is `casemail demo --serve`",
        ));
    }
    let demo = Demo::start(&wanted).map_err(|error| Failure::new(Exit::CannotWrite, error))?;
    if options.serve {
        let tell = |settings: &serde_json::Value| {
            output.bytes(format!("{settings}\n").as_bytes()).map_err(|failure| std::io::Error::other(failure.words))
        };
        demo.serve(tell).map_err(|error| Failure::new(Exit::TryLater, format!("the demo ended: {error}")))?;
        return Ok(Exit::Done);
    }
    let global = args::Global { home: Some(demo.home().to_owned()), ..args::Global::default() };
    let note = format!("This is the demo; its passphrase is: {}", crate::demo::PASSPHRASE);
    run_with(&global, environment, output, &note)
}
