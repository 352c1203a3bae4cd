//! Keys that messages bring for their authors, as [`crate::pgp::offer`] reads them. Offered, never taken silently.

use std::sync::Arc;

use super::{Imported, Keys};
use crate::engine::core::{EngineError, Settings, Stores};
use crate::engine::reading::Look;
use crate::engine::streamed::{Kept, Streamed, unreadable};
use crate::mail::id::{MessageKey, MessageRef};
use crate::mail::safe::SafeText;
use crate::pgp::certificate::CertInfo;
use crate::pgp::keyring::Keyring;
use crate::pgp::offer;
use crate::pgp::open::Decrypt;
use crate::pgp::report::Acceptance;
use crate::pgp::words::short;

/// The newest messages of somebody that are looked at for a key.
pub(super) const LOOKED_AT: usize = 20;

/// Where messages are read.
pub(super) struct Shelf<'a> {
    pub(super) stores: &'a Arc<Stores>,
    pub(super) settings: &'a Settings,
    pub(super) keyring: &'a Keyring,
}

impl Shelf<'_> {
    /// The newest message that brings a key for its author, with that address, which is wanted.
    pub(super) fn newest(
        &self,
        messages: &[(MessageKey, MessageRef)],
        address: &str,
        is_wanted: &dyn Fn(&CertInfo) -> bool,
    ) -> Option<(MessageRef, SafeText)> {
        let terms = self.settings.terms(Decrypt::NotRsa);
        messages.iter().find_map(|(key, name)| {
            let look = Look { keyring: self.keyring, terms: &terms, beside: false };
            let reading = Streamed::in_cache(self.stores, *key, &look)?.reading?;
            if !offer::author(&reading.opened).is_some_and(|author| author.eq_ignore_ascii_case(address)) {
                return None;
            }
            let offers = offer::of_author(&reading.message, &reading.opened, terms.now);
            let found = offers.into_iter().find(|offer| is_wanted(&offer.info))?;
            let date = reading.headers().date();
            let when = date.map(|at| format!(" of {}", at.strftime("%Y-%m-%d"))).unwrap_or_default();
            let words = format!("a message{when} brings the key {}", short(&found.info.fingerprint));
            Some((name.clone(), SafeText::line(&words)))
        })
    }
}

impl Keys {
    /// Takes in the keys that a message brings for its author, undecided.
    ///
    /// # Errors
    /// The message is not here or brings none, or the state store cannot be written.
    pub fn import_offered(&self, name: &MessageRef) -> Result<Vec<Imported>, EngineError> {
        let wanted = name.clone();
        let (kept, keyring) = self.core.ask_open(move |_, open| {
            let none = || EngineError::NoMessage(wanted.to_string());
            let key = open.library.key(&wanted).ok_or_else(none)?;
            let kept = Kept::in_cache(&open.stores, key)?.ok_or_else(none)?;
            Ok::<_, EngineError>((kept, open.keyring.now()))
        })??;
        let terms = self.settings.terms(Decrypt::Any);
        let look = Look { keyring: &keyring, terms: &terms, beside: false };
        let streamed = Streamed::read(kept, &look, &|_| Ok(())).map_err(|error| unreadable(&error))?;
        let reading = streamed
            .reading
            .ok_or_else(|| EngineError::BadData("the message cannot be read: nothing was taken".to_owned()))?;
        let Some(author) = offer::author(&reading.opened) else {
            return Err(EngineError::Refused("the message does not have one author: nothing was taken".to_owned()));
        };
        let found = offer::of_author(&reading.message, &reading.opened, terms.now);
        if found.is_empty() {
            let words = format!("the message brings no key for its author {}", SafeText::line(&author));
            return Err(EngineError::Refused(words));
        }
        let bytes: Vec<u8> = found.into_iter().flat_map(|offer| offer.cert).collect();
        let date = reading.headers().date();
        let when = date.map(|at| format!(" of {}", at.strftime("%Y-%m-%d"))).unwrap_or_default();
        self.import(&bytes, None, Acceptance::Undecided, &format!("in a message{when}"), false)
    }
}
