//! The keys of a profile: what is held, what was decided about it, and what is done with one's own.
//!
//! Every method waits for the core, so none is called from it: commands call from their own thread, the screen's effects from a blocking task.
//! What costs time (making, locking and opening keys) is done by whoever calls; the core reads and writes rows.

pub(super) mod agent;
mod assist;
mod deeds;
mod expiry;
mod import;
mod lookup;
mod offered;
mod own;
mod shown;

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

pub use self::expiry::{Hearing, SOON_DAYS, Soon, hearings, soon};
pub use self::import::Imported;
pub use self::own::Backup;
pub use self::shown::{decided, secret};
use super::Engine;
use super::core::{Core, CoreHandle, EngineError, Open, Settings, Stores};
use crate::case::{Case, Classes};
use crate::mail::id::CaseId;
use crate::pgp::certificate::{self, CertInfo};
use crate::pgp::error::PgpError;
use crate::pgp::report::Acceptance;
use crate::pgp::words;
use crate::register::Book;
use crate::store::cert::{CertRecord, KeyDecision, SecretHome};

/// A certificate with everything that is known of it here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyListed {
    /// What it says of itself, and what holds of it now.
    #[serde(flatten)]
    pub info: CertInfo,
    /// Its fingerprint in groups of four, to be compared.
    pub groups: String,
    /// Its fingerprint in words, to be read over the telephone: lines of four.
    pub words: Vec<String>,
    /// Every decision about it, the oldest first.
    pub decisions: Vec<KeyDecision>,
    /// Where it came from.
    pub source: String,
    /// When it was first seen here.
    pub added_at: Timestamp,
    /// Where the secret part is, of one's own.
    pub secret: Option<SecretHome>,
    /// The cases with messages from or to its addresses, or in which one of them is a party's.
    pub cases: Vec<CaseId>,
}

/// The way to the keys. Cheap to clone.
#[derive(Clone)]
pub struct Keys {
    core: CoreHandle,
    settings: Arc<Settings>,
    runtime: Option<tokio::runtime::Handle>,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys(…)")
    }
}

impl Engine {
    /// The keys of the profile.
    #[must_use]
    pub fn keys(&self) -> Keys {
        let runtime = self.runtime.as_ref().map(|runtime| runtime.handle().clone());
        Keys { core: self.core.clone(), settings: Arc::clone(&self.settings), runtime }
    }
}

impl Core {
    /// The keys, for a blocking task.
    fn keys(&self) -> Keys {
        let runtime = Some(self.runtime.clone());
        Keys { core: self.handle.clone(), settings: Arc::clone(&self.settings), runtime }
    }
}

impl Keys {
    fn now(&self) -> Timestamp {
        self.settings.clock.now()
    }

    /// Who decides here.
    fn person(&self) -> String {
        self.settings.config.account(None).map(|account| account.address.addr.clone()).unwrap_or_default()
    }

    /// All of them, in the order of adding, as they are now.
    ///
    /// # Errors
    /// [`EngineError::Locked`].
    pub fn infos(&self) -> Result<Vec<CertInfo>, EngineError> {
        let now = self.now();
        self.core.ask_stores(move |_, open| open.keyring.now().certs(now))
    }

    /// All of them with everything that is known.
    ///
    /// # Errors
    /// [`EngineError::Locked`], or the state store cannot be read.
    pub fn list(&self) -> Result<Vec<KeyListed>, EngineError> {
        self.core.ask_open(|core, open| listed(core, open))?
    }

    /// Those of the keys that have ended or end soon, or before a hearing of a case that they are used in.
    ///
    /// # Errors
    /// [`EngineError::Locked`], or the register cannot be read.
    pub fn ending(&self, keys: &[KeyListed]) -> Result<Vec<Soon>, EngineError> {
        let now = self.now();
        let book = self.core.ask_stores(|_, open| open.register.with(|loaded| loaded.book()))??;
        Ok(soon(keys, &hearings(&book, now), now))
    }

    /// Records a decision about a certificate, named by its whole fingerprint.
    ///
    /// # Errors
    /// No such certificate, one's own, or the state store cannot be written.
    pub fn decide(&self, fingerprint: &str, acceptance: Acceptance, how: &str) -> Result<CertInfo, EngineError> {
        let (now, by) = (self.now(), self.person());
        let (wanted, how) = (digits(fingerprint), how.to_owned());
        self.core.ask_open(move |core, open| {
            let unknown = || PgpError::UnknownCertificate(wanted.clone());
            let mut record = open.stores.state.cert(&wanted)?.ok_or_else(unknown)?;
            if record.acceptance == Acceptance::Own || acceptance == Acceptance::Own {
                return Err(EngineError::Refused(
                    "this is your own key: nothing has to be decided about it".to_owned(),
                ));
            }
            let info = open.keyring.now().cert(&wanted, now).ok_or_else(unknown)?;
            if let Some(why) = info.invalid.as_ref().filter(|_| acceptance.is_accepted() && info.user_ids.is_empty()) {
                return Err(EngineError::Refused(format!("this key cannot be accepted: {why}")));
            }
            record.decide(KeyDecision { acceptance, at: now, by, how, addresses: info.addresses });
            open.stores.state.put_cert(&record)?;
            core.reload_keyring(open)?;
            open.keyring.now().cert(&wanted, now).ok_or_else(|| unknown().into())
        })?
    }

    /// Forgets a certificate with every decision about it.
    ///
    /// # Errors
    /// No such certificate, one's own, or the state store cannot be written.
    pub fn forget(&self, fingerprint: &str) -> Result<(), EngineError> {
        let wanted = digits(fingerprint);
        self.core.ask_open(move |core, open| {
            let record = open.stores.state.cert(&wanted)?;
            let record = record.ok_or_else(|| PgpError::UnknownCertificate(wanted.clone()))?;
            if record.acceptance == Acceptance::Own {
                let words = "this is your own key: without it nothing that was written to you can be read any more";
                return Err(EngineError::Refused(words.to_owned()));
            }
            open.stores.state.remove_cert(&wanted)?;
            core.reload_keyring(open)
        })?
    }

    /// The certificate of a fingerprint (or its last 16 digits or more), or the one used for an address, as ASCII armor.
    ///
    /// # Errors
    /// No such certificate.
    pub fn export(&self, fingerprint_or_address: &str) -> Result<String, EngineError> {
        let now = self.now();
        let wanted = fingerprint_or_address.to_owned();
        self.core.ask_stores(move |_, open| {
            let keyring = open.keyring.now();
            let unknown = || PgpError::UnknownCertificate(wanted.clone());
            let fingerprint = if wanted.contains('@') {
                let all = keyring.certs_for(&wanted, now);
                let best = all.iter().find(|cert| cert.has_secret).or_else(|| all.first());
                best.map(|cert| cert.fingerprint.clone()).ok_or_else(unknown)?
            } else {
                let wanted = digits(&wanted);
                let all = keyring.certs(now);
                let mut hits = all.iter().filter(|cert| wanted.len() >= 16 && cert.fingerprint.ends_with(&wanted));
                match (hits.next(), hits.next()) {
                    (Some(only), None) => only.fingerprint.clone(),
                    _ => return Err(unknown().into()),
                }
            };
            Ok(certificate::export_cert(&keyring.cert_bytes(&fingerprint)?)?)
        })?
    }
}

/// Fingerprints are printed with spaces, small letters and `0x` by many programs.
#[must_use]
pub fn digits(text: &str) -> String {
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_ascii_uppercase();
    text.strip_prefix("0X").unwrap_or(&text).to_owned()
}

/// Everything that is known of the keys of an open profile.
fn listed(core: &Core, open: &Open) -> Result<Vec<KeyListed>, EngineError> {
    let infos = open.keyring.now().certs(core.now());
    let addresses: Vec<&[String]> = infos.iter().map(|info| info.addresses.as_slice()).collect();
    let mut cases = open.library.cases_of_people(&addresses);
    let book = open.register.with(|loaded| loaded.book())?;
    for (cases, more) in cases.iter_mut().zip(parties(&book, &core.settings.classes, &infos)) {
        cases.extend(more);
        cases.sort_unstable();
        cases.dedup();
    }
    joined(&open.stores, &infos, cases, core.now())
}

/// The cases in which an address of each key is a party's.
fn parties(book: &Book, classes: &Classes, infos: &[CertInfo]) -> Vec<Vec<CaseId>> {
    let is_party = |case: &&Case, info: &CertInfo| info.addresses.iter().any(|one| case.party(one, classes).is_some());
    let of = |info: &CertInfo| book.cases().filter(|case| is_party(case, info)).map(|case| case.id.clone()).collect();
    infos.iter().map(of).collect()
}

/// Keys with what the state store knows of them.
fn joined(
    stores: &Stores,
    infos: &[CertInfo],
    cases: Vec<Vec<CaseId>>,
    now: Timestamp,
) -> Result<Vec<KeyListed>, EngineError> {
    let mut records: HashMap<String, CertRecord> =
        stores.state.certs()?.into_iter().map(|record| (record.fingerprint.clone(), record)).collect();
    let homes: HashMap<String, SecretHome> =
        stores.state.secrets()?.iter().map(|secret| (secret.fingerprint.clone(), secret.home)).collect();
    Ok(infos
        .iter()
        .zip(cases)
        .map(|(info, cases)| {
            let record = records.remove(&info.fingerprint);
            KeyListed {
                groups: words::groups(&info.fingerprint),
                words: words::words(&info.fingerprint),
                secret: homes.get(&info.fingerprint).copied(),
                cases,
                source: record.as_ref().map(|record| record.source.clone()).unwrap_or_default(),
                added_at: record.as_ref().map_or(now, |record| record.added_at),
                decisions: record.map(|record| record.decisions).unwrap_or_default(),
                info: info.clone(),
            }
        })
        .collect())
}
