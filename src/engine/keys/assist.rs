//! For each recipient: the key that is used, or why none is and what can be done about it.

use std::sync::Arc;

use super::{Keys, hearings, listed, offered, shown, soon};
use crate::app::view::{AssistRow, Sentence, Tone};
use crate::engine::core::EngineError;
use crate::mail::safe::SafeText;
use crate::pgp::certificate::CertInfo;
use crate::pgp::recipients::{NoKey, recipients};
use crate::pgp::wkd;

impl Keys {
    /// Looks the addresses up, those without a key first.
    ///
    /// # Errors
    /// [`EngineError::Locked`], or a store cannot be read.
    pub(crate) fn assist(&self, addresses: &[String]) -> Result<Arc<[AssistRow]>, EngineError> {
        let now = self.now();
        let wanted = addresses.to_vec();
        let (keys, book, found, messages, stores, keyring) = self.core.ask_open(move |core, open| {
            let keys = listed(core, open)?;
            let book = open.register.with(|loaded| loaded.book())?;
            let found = recipients(&open.keyring.now(), &wanted, now);
            let messages: Vec<_> =
                wanted.iter().map(|address| open.library.newest_from(address, offered::LOOKED_AT)).collect();
            Ok::<_, EngineError>((keys, book, found, messages, Arc::clone(&open.stores), open.keyring.now()))
        })??;
        let ends = soon(&keys, &hearings(&book, now), now);
        let shelf = offered::Shelf { stores: &stores, settings: &self.settings, keyring: &keyring };
        let may_look_up = self.settings.config.key_lookup;
        let mut rows: Vec<AssistRow> = found
            .into_iter()
            .zip(messages)
            .map(|(recipient, messages)| {
                let fingerprint = match &recipient.key {
                    Ok(info) => Some(&info.fingerprint),
                    Err(
                        NoKey::Undecided { fingerprint }
                        | NoKey::Rejected { fingerprint }
                        | NoKey::Expired { fingerprint, .. }
                        | NoKey::Revoked { fingerprint }
                        | NoKey::Unfit { fingerprint },
                    ) => Some(fingerprint),
                    Err(NoKey::Unknown) => None,
                };
                let key = fingerprint.and_then(|wanted| keys.iter().find(|key| key.info.fingerprint == *wanted));
                let usable = recipient.key.is_ok();
                // A copy of what is here already helps where the one here has ended.
                let is_wanted = |offered: &CertInfo| {
                    keys.iter()
                        .find(|key| key.info.fingerprint == offered.fingerprint)
                        .is_none_or(|key| key.info.invalid.is_some() && offered.invalid.is_none() && !key.info.revoked)
                };
                let offer = if usable { None } else { shelf.newest(&messages, &recipient.address, &is_wanted) };
                AssistRow {
                    address: SafeText::line(&recipient.address),
                    why: Sentence {
                        tone: if usable { Tone::Good } else { Tone::Warning },
                        text: SafeText::line(&recipient.sentence()),
                    },
                    key: key.map(|key| shown::row(key, &ends, now)),
                    usable,
                    offer,
                    lookup: if usable || !may_look_up { None } else { hosts(&recipient.address) },
                    raw: recipient.address,
                }
            })
            .collect();
        rows.sort_by_key(|row| row.usable);
        Ok(rows.into())
    }
}

/// Who learns of a look-up, in words.
fn hosts(address: &str) -> Option<SafeText> {
    let [advanced, direct] = wkd::locations(address).ok()?;
    Some(SafeText::line(&format!("{} (or {})", advanced.host, direct.host)))
}
