//! Replication on its own, where the configuration wants it: when it has been quiet for a while, and only if something is to be taken in or handed over.

use std::sync::Arc;

use super::replicate::{Carrier, Replicated, is_mailbox};
use crate::app::view::Tone;
use crate::config::Replicate;
use crate::engine::core::{Core, EngineError, Open};
use crate::imap;
use crate::store::mailbox::Mailbox;

/// What the last attempt saw: there is nothing to do while it is the same.
#[derive(Debug, Default)]
pub(crate) struct Auto {
    under_way: bool,
    seen: Option<(u64, u32, u32)>,
    /// The last trouble, so that it is told once.
    told: String,
}

impl Core {
    /// Begins to replicate, where that is wanted and something has changed since.
    pub(crate) fn replicate_when_due(&mut self, open: &Open) {
        let knobs = &self.settings.config.register;
        if knobs.replicate == Replicate::ByHand || self.replication.under_way || !open.loaded {
            return;
        }
        let wanted = Some(knobs.account.as_str()).filter(|name| !name.is_empty());
        let Some(account) = self.settings.config.account(wanted) else { return };
        let Some(handle) = open.accounts.get(&account.name).and_then(|known| known.handle.clone()) else { return };
        let name = account.name.clone();
        let held = open
            .library
            .mailboxes()
            .filter(|mailbox| mailbox.account == name && is_mailbox(knobs, &mailbox.name))
            .max_by_key(|mailbox| mailbox.id)
            .cloned();
        let Some(own) = open.register.now(|loaded| loaded.own_end()) else { return };
        let last = held.as_ref().and_then(|held| {
            let rows = open.stores.cache.held(held.id).ok()?;
            rows.iter().map(|row| row.uid).max()
        });
        let seen = (own, held.as_ref().map_or(0, |held| held.uid_validity), last.unwrap_or(0));
        // An empty register begins none.
        if self.replication.seen == Some(seen) || (own == 0 && last.is_none()) {
            return;
        }
        let keyring = open.keyring.now();
        let Some(signer) = keyring.signer_for(&account.address.addr, self.now()) else {
            let words = format!(
                "the register is not replicated: there is no OpenPGP key of your own for {}",
                account.address.addr
            );
            self.replication.seen = Some(seen);
            self.tell_replication(&words);
            return;
        };
        let carrier = Carrier {
            register: open.register.clone(),
            stores: Arc::clone(&open.stores),
            settings: Arc::clone(&self.settings),
            keyring,
            author: account.address.clone(),
            signer,
            core: self.handle.clone(),
        };
        self.replication.under_way = true;
        self.replication.seen = Some(seen);
        let (core, runtime) = (self.handle.clone(), self.runtime.clone());
        self.runtime.spawn_blocking(move || {
            let done = replicate(&carrier, &runtime, &handle, &name, held.as_ref());
            let core = core.clone();
            core.front(move |core| {
                core.replication.under_way = false;
                match done {
                    Ok(report) if report.received > 0 => core.mark_changed(),
                    Ok(report) => {
                        let refused = report.refused.first().map(|(_, words)| words.clone());
                        if let Some(words) = refused.or_else(|| report.missing.first().cloned()) {
                            core.tell_replication(&format!("the register: {words}"));
                        }
                    }
                    Err(error) => core.tell_replication(&format!("the register was not replicated: {error}")),
                }
                if let Some(mut open) = core.open.take() {
                    core.register_changed(&mut open);
                    core.open = Some(open);
                }
            });
        });
    }

    fn tell_replication(&mut self, words: &str) {
        if self.replication.told != words {
            self.announcer.notice(Tone::Warning, words);
            words.clone_into(&mut self.replication.told);
        }
    }
}

/// Takes in what has been synced, and hands over what the mailbox lacks. Blocks.
fn replicate(
    carrier: &Carrier,
    runtime: &tokio::runtime::Handle,
    handle: &imap::Handle,
    account: &str,
    held: Option<&Mailbox>,
) -> Result<Replicated, EngineError> {
    let say = |error: imap::Error| crate::engine::ask::server(account, &error);
    let knobs = &carrier.settings.config.register;
    let wanted = held.map_or_else(|| knobs.mailbox().to_owned(), |held| held.name.clone());
    let mailbox = runtime.block_on(handle.create_mailbox(wanted, None)).map_err(say)?;
    let mut report = Replicated { account: account.to_owned(), mailbox: mailbox.clone(), ..Replicated::default() };
    let messages = carrier.take_in_and_hand_over(held, &mut report)?;
    for (message, first, last) in messages {
        let uid = runtime.block_on(Carrier::append(handle, &mailbox, message)).map_err(say)?;
        carrier.note_handed(&mailbox, uid, held.and_then(|held| held.state.uid_next), (first, last))?;
        report.sent = report.sent.saturating_add(last.saturating_sub(first).saturating_add(1));
    }
    if report.sent > 0 {
        // So that what was handed over is seen there, and not handed over again.
        handle.sync_now();
    }
    Ok(report)
}
