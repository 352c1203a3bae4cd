//! A case destroyed: its messages here, what they left in the lists, and the texts of the register about it. What stays are digests, and a
//! certificate that says what was destroyed.
//!
//! The server's copies are not touched: whoever keeps those decides about them. They are not fetched again, because their rows stay, empty;
//! and where the cache was made anew, because the certificate names their digests.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::graves::bury;
use super::{Engine, EngineError, Hand, Loaded, Register};
use crate::case::State;
use crate::engine::core::Stores;
use crate::engine::documents::kept;
use crate::engine::query::CaseListed;
use crate::mail::id::{CaseId, MessageKey};
use crate::register::event::{CaseChange, DestructionCertificate, Event};
use crate::register::record::Digest;
use crate::store::summary::Summary;

/// What stands in the place of a subject.
const GONE: &str = "(destroyed with its case)";

/// The row that stays of a message, so that it is not fetched again.
pub(crate) fn tombstone(uid: u32, received: i64, bytes: u32) -> Summary {
    Summary { uid, received, bytes, subject: GONE.to_owned(), undisplayable: true, ..Summary::default() }
}

impl Loaded {
    /// The places of the texts about a case, but for those that are about another case too which was not destroyed, and those that have to stay.
    fn texts_of(&self, stores: &Stores, case: &CaseId) -> Result<Vec<(u32, u64, Digest)>, EngineError> {
        let mut places = Vec::new();
        for (stream, seq) in self.history.of_case(case) {
            let Some(row) = stores.state.register_row(stream, seq)? else { continue };
            let Some(payload) = &row.payload else { continue };
            let Ok(read) = crate::register::event::Payload::read(payload) else { continue };
            let is_elsewhere = |other: &CaseId| other != case && self.book.destruction(other).is_none();
            if !read.event.outlives_its_case() && !read.event.cases().iter().any(is_elsewhere) {
                places.push((stream, seq, Digest::of(payload)));
            }
        }
        Ok(places)
    }
}

impl Register {
    /// Writes the certificate down, then takes the texts out.
    fn destroy(
        &self,
        hand: &Hand<'_>,
        case: &CaseId,
        mut certificate: DestructionCertificate,
    ) -> Result<DestructionCertificate, EngineError> {
        self.with(|loaded| {
            let places = loaded.texts_of(hand.stores, case)?;
            certificate.texts = places.iter().map(|(.., digest)| *digest).collect();
            certificate.texts.sort_unstable();
            let certificate = certificate.numbered().map_err(|error| EngineError::Refused(error.to_string()))?;
            let change = CaseChange::Shredded { certificate: certificate.clone() };
            loaded.append(hand, &[Event::Case { case: case.clone(), change }], |_| Ok(()))?;
            hand.stores.state.write(|write| {
                places.iter().try_for_each(|(stream, seq, _)| write.redact_register(*stream, *seq).map(drop))
            })?;
            Ok(certificate)
        })?
    }
}

impl Engine {
    /// Whether a case may be destroyed.
    ///
    /// # Errors
    /// The case is open, on hold or destroyed already, or the register cannot be read.
    pub fn may_shred(&self, case: &CaseListed) -> Result<(), EngineError> {
        let id = &case.id;
        let book = self.book()?;
        if book.is_held(id) {
            return Err(EngineError::Refused(format!(
                "{id} is on hold: nothing of it may be destroyed; lift the hold first"
            )));
        }
        match book.case(id).map(|case| &case.state) {
            Some(State::Closed { .. }) => Ok(()),
            Some(State::Shredded { certificate, .. }) => {
                Err(EngineError::Refused(format!("{id} was destroyed already (certificate {certificate})")))
            }
            // One that nobody wrote anything down about is worked on, too.
            _ => Err(EngineError::Refused(format!(
                "{id} is open: only a closed case is destroyed; close it first: casemail case close {id}"
            ))),
        }
    }

    /// Destroys a case. The keys of the store are another step: `store rekey`.
    ///
    /// # Errors
    /// The case is open, on hold or destroyed already, or the stores cannot be written: what has gone until then stays gone, and it can be
    /// done again.
    pub fn shred(&self, case: &CaseListed, because: &str) -> Result<DestructionCertificate, EngineError> {
        let id = case.id.clone();
        self.may_shred(case)?;
        let opening = self.opening_of(case)?;
        if !opening.is_empty() {
            self.record(opening)?;
        }
        // What came has to be written down before it can be said to be destroyed.
        self.record_mail(Some(&id))?;
        let wanted = id.clone();
        let (stores, own, shared) = self.core.ask_open(move |_, open| {
            let (mut own, mut shared): (Vec<MessageKey>, u64) = (Vec::new(), 0);
            for key in open.library.keys_by_date() {
                let cases = open.library.cases_of(key);
                if cases.iter().any(|(case, _)| *case == wanted) {
                    if cases.len() == 1 {
                        own.push(key);
                    } else {
                        shared += 1;
                    }
                }
            }
            (Arc::clone(&open.stores), own, shared)
        })?;
        let mut digests: BTreeSet<Digest> = BTreeSet::new();
        let mut bytes = 0_u64;
        for key in &own {
            if let Some(raw) = stores.raw(*key)? {
                digests.insert(Digest::of(&raw));
                bytes = bytes.saturating_add(raw.len() as u64);
            }
            stores.drop_sealed(*key)?;
        }
        for (sha256, size) in self.imported_alone(&id)? {
            digests.extend(sha256.parse::<Digest>());
            bytes = bytes.saturating_add(size);
            stores.state.write(|write| write.remove_value(&kept(&sha256)))?;
        }
        bury(&self.core, &stores, &own)?;
        let (register, _, keyring) = self.register_parts()?;
        let hand = Hand { stores: &stores, settings: &self.settings, keyring: &keyring };
        let certificate = DestructionCertificate {
            number: String::new(),
            case: id.0.clone(),
            because: because.to_owned(),
            at: self.now(),
            messages: own.len() as u64,
            bytes,
            digests: digests.into_iter().collect(),
            texts: Vec::new(),
            shared,
            new_keys: false,
        };
        register.destroy(&hand, &id, certificate)
    }
}
