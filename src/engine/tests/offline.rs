//! Who went offline stays so until the user says otherwise.

use super::{PASSPHRASE, Running, World};
use crate::app::effect::{Effect, Passphrase};
use crate::app::event::Event;
use crate::engine::core::Core;

/// Whether the account may connect when everything is to; and what its mail waits for.
fn may_connect(running: &Running) -> bool {
    running
        .engine
        .core
        .ask_stores(|core, open| {
            core.connect(open);
            open.accounts.values().any(|account| account.starting || account.handle.is_some())
        })
        .unwrap()
}

#[test]
fn a_lock_and_a_cache_that_is_made_anew_put_nobody_online() {
    let world = World::new();
    let running = world.open();
    running.engine.submit(Effect::GoOnline(false));
    assert!(!may_connect(&running));
    running.engine.submit(Effect::Lock);
    running.event(|event| matches!(event, Event::Locked).then_some(()));
    running.engine.submit(Effect::Unlock(Passphrase(PASSPHRASE.into())));
    running.event(|event| matches!(event, Event::Unlocked(Ok(()))).then_some(()));
    running.engine.wait_loaded().unwrap();
    assert!(!may_connect(&running), "behind the lock");
    let rebuild = |core: &mut Core| {
        let number = core.open.as_ref().unwrap().number;
        core.rebuild_cache(number);
    };
    running.engine.core.ask(rebuild).unwrap();
    running.engine.wait_loaded().unwrap();
    assert!(!may_connect(&running), "with the cache made anew");
    let is_held = |open: &crate::engine::core::Open| open.accounts.keys().all(|name| open.outbox.is_offline(name));
    assert!(running.engine.core.ask_stores(move |_, open| is_held(open)).unwrap(), "nothing is sent");
    running.engine.submit(Effect::GoOnline(true));
    assert!(may_connect(&running));
}
