//! Where something is exported to: looked at for a person who types it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::announce::sentence;
use super::core::{Core, Open, Settings};
use crate::app::event::Event;
use crate::app::target::Place;
use crate::app::view::Tone;
use crate::export::complete::{Fitting, fitting};
use crate::export::target::{self, Target};
use crate::mail::size::size;

/// Directories of casemail's own.
pub(super) fn own(settings: &Settings) -> Vec<PathBuf> {
    vec![settings.roots.state.clone(), settings.roots.cache.clone()]
}

/// A directory that a person typed on the screen.
pub(super) fn typed(text: &str) -> PathBuf {
    target::resolve(text, &here(), std::env::home_dir().as_deref())
}

/// What could complete the name of a file or directory that is being typed.
pub(super) fn completions(typed: &str, most: usize) -> Vec<Fitting> {
    fitting(typed, &here(), std::env::home_dir().as_deref(), true, most)
}

fn here() -> PathBuf {
    std::env::current_dir().unwrap_or_else(|_| Path::new("/").to_owned())
}

/// What is known of a place, as the screen shows it.
fn place(typed: &str, found: Target) -> Place {
    let mut said = Vec::new();
    if let Some(refusal) = &found.refusal {
        said.push(sentence(Tone::Alarm, refusal));
    } else {
        let free = found.free.map(|free| format!(", {} free", size(free))).unwrap_or_default();
        let there = if found.is_there { "" } else { " will be made, yours alone" };
        said.push(sentence(Tone::Plain, &format!("{}{there}{free}", found.place.display())));
    }
    said.extend(found.warnings.iter().map(|words| sentence(Tone::Warning, words)));
    Place { typed: typed.to_owned(), said, refused: found.refusal.is_some(), completions: found.completions }
}

impl Core {
    /// Looks at a place and tells what is known of it.
    pub(super) fn look_at_target(&self, _: &Open, text: String) {
        let (announcer, own) = (self.announcer.clone(), own(&self.settings));
        self.runtime.spawn_blocking(move || {
            let found = target::look(&text, &here(), std::env::home_dir().as_deref(), &own);
            announcer.send(Event::Target(Arc::new(place(&text, found))));
        });
    }
}
