//! Copies for outside programs: those of a former run are wiped, those of this one are left to their programs.

use super::{PASSPHRASE, World};
use crate::app::effect::{Effect, Passphrase};
use crate::app::event::Event;
use crate::engine::core::Core;

#[test]
fn copies_in_outside_programs_are_wiped_at_the_start_only() {
    let world = World::new();
    let place = world.roots().state.join("outside-0011");
    let copy = place.join("MG5.pdf");
    let put = || {
        std::fs::create_dir_all(&place).unwrap();
        std::fs::write(&copy, "the gnome").unwrap();
    };
    put();
    let running = world.open();
    assert!(!place.exists(), "a killed run had left it");
    // One of this run, still open in its program.
    put();
    let rebuild = |core: &mut Core| {
        let number = core.open.as_ref().unwrap().number;
        core.rebuild_cache(number);
    };
    running.engine.core.ask(rebuild).unwrap();
    assert_eq!(std::fs::read_to_string(&copy).unwrap(), "the gnome");
    running.engine.submit(Effect::Lock);
    running.event(|event| matches!(event, Event::Locked).then_some(()));
    running.engine.submit(Effect::Unlock(Passphrase(PASSPHRASE.into())));
    running.event(|event| matches!(event, Event::Unlocked(Ok(()))).then_some(()));
    assert_eq!(std::fs::read_to_string(&copy).unwrap(), "the gnome");
}
