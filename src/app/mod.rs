//! The pure core: `update(&mut Model, Event) -> Vec<Effect>`. It knows no clock, no file, no socket and no terminal.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::mail::address::Address;

pub mod effect;
pub mod event;
pub mod view;

use effect::Effect;
use event::Event;

/// Whom the user writes as.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    /// The account's name in the configuration.
    pub account: String,
    /// The author of what goes out by it.
    pub address: Address,
    /// Other addresses of the same person: a reply never goes to them.
    pub also: Vec<String>,
}

/// What the screen is told once, at the start.
#[derive(Clone, Debug)]
pub struct Settings {
    /// One for each account, the preferred first.
    pub identities: Vec<Identity>,
    /// Where dates and times are shown.
    pub zone: TimeZone,
    /// Draw with ASCII alone.
    pub ascii: bool,
    /// Lock after so many minutes without a key; 0: never.
    pub idle_lock_minutes: u32,
    /// Where an attachment is offered to be saved.
    pub save_directory: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            identities: Vec::new(),
            zone: TimeZone::UTC,
            ascii: false,
            idle_lock_minutes: 5,
            save_directory: String::from("."),
        }
    }
}

/// Everything that the screen knows.
#[derive(Debug)]
pub struct Model {
    settings: Settings,
    now: Timestamp,
}

impl Model {
    /// A model that shows nothing yet.
    #[must_use]
    pub fn new(settings: Settings, now: Timestamp) -> Self {
        Self { settings, now }
    }

    /// What to ask for first. With `locked`, a passphrase is asked for before anything else.
    pub fn start(&mut self, _locked: bool) -> Vec<Effect> {
        Vec::new()
    }
}

/// Takes in one event and answers what is to be done.
pub fn update(model: &mut Model, event: Event) -> Vec<Effect> {
    let _ = (&model.settings, &model.now, event);
    Vec::new()
}
