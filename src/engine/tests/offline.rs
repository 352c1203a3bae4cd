//! Who went offline stays so until the user says otherwise.

use super::{PASSPHRASE, Running, World};
use crate::app::effect::{Effect, Passphrase};
use crate::app::event::Event;
use crate::app::view::Link;
use crate::engine::core::Core;

/// Whether the account does when everything is to connect.
fn connects(running: &Running) -> bool {
    running
        .engine
        .core
        .ask_stores(|core, open| {
            core.connect(open);
            open.accounts.values().any(|account| !matches!(account.status.link, Link::Offline { .. }))
        })
        .unwrap()
}

#[test]
fn a_lock_and_a_cache_that_is_made_anew_put_nobody_online() {
    let world = World::new();
    let running = world.open();
    running.engine.submit(Effect::GoOnline(false));
    assert!(!connects(&running));
    running.engine.submit(Effect::Lock);
    running.event(|event| matches!(event, Event::Locked).then_some(()));
    running.engine.submit(Effect::Unlock(Passphrase(PASSPHRASE.into())));
    running.event(|event| matches!(event, Event::Unlocked(Ok(()))).then_some(()));
    running.engine.wait_loaded().unwrap();
    assert!(!connects(&running), "behind the lock");
    let rebuild = |core: &mut Core| {
        let number = core.open.as_ref().unwrap().number;
        core.rebuild_cache(number);
    };
    running.engine.core.ask(rebuild).unwrap();
    running.engine.wait_loaded().unwrap();
    assert!(!connects(&running), "with the cache made anew");
    let is_held = |core: &mut Core, name: &str| core.offline.has(name);
    let all = running.engine.core.ask_stores(move |core, open| open.accounts.keys().all(|name| is_held(core, name)));
    assert!(all.unwrap(), "nothing is sent");
    running.engine.submit(Effect::GoOnline(true));
    assert!(connects(&running));
}
