//! Certificates and own secret keys taken in, from wherever they come.
//!
//! What is known is merged, so that a revocation is never lost. A decision stays, but never silently grows: where a certificate that was accepted comes
//! back with an address that it did not carry then, the decision is taken back and a person is asked again.

use jiff::Timestamp;
use zeroize::Zeroizing;

use super::Keys;
use crate::engine::core::EngineError;
use crate::pgp::certificate::{self, CertInfo, ReadCert};
use crate::pgp::error::PgpError;
use crate::pgp::keyring::Keyring;
use crate::pgp::lifecycle;
use crate::pgp::report::Acceptance;
use crate::store::cert::{CertRecord, KeyDecision, SecretHome, SecretRecord};

/// Who stands in the history where the program took a decision back.
const PROGRAM: &str = "casemail";

/// A certificate that was taken in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// As it is now.
    pub info: CertInfo,
    /// It was not here before.
    pub is_new: bool,
    /// What a person has to know of it, in sentences.
    pub told: Vec<String>,
}

/// How something is taken in.
#[derive(Clone, Debug)]
struct Way {
    acceptance: Acceptance,
    source: String,
    by: String,
    now: Timestamp,
}

impl Keys {
    /// Takes in every certificate and secret key of a file or text. Secret keys become one's own: the passphrase that they are locked with is
    /// kept, sealed, with them, so that they open with the profile; with `ask` it is not kept and asked for each time.
    ///
    /// # Errors
    /// Nothing of OpenPGP in it, a wrong passphrase, or the state store cannot be written. Nothing was taken in then.
    pub fn import(
        &self,
        bytes: &[u8],
        passphrase: Option<&str>,
        acceptance: Acceptance,
        source: &str,
        ask: bool,
    ) -> Result<Vec<Imported>, EngineError> {
        let way = Way { acceptance, source: source.to_owned(), by: self.person(), now: self.now() };
        let found = certificate::read_certs(bytes, way.now)?;
        let mut secrets: Vec<Option<SecretRecord>> = Vec::new();
        for cert in &found {
            secrets.push(match &cert.secret {
                Some(key) => Some(lock_in(&cert.info.fingerprint, key, passphrase, ask)?),
                None => None,
            });
        }
        let asked = passphrase.filter(|_| ask).map(|text| Zeroizing::new(text.to_owned()));
        self.core.ask_open(move |core, open| {
            let mut rows = Vec::new();
            let held = open.stores.state.secrets()?;
            for (cert, secret) in found.iter().zip(&mut secrets) {
                let known = open.stores.state.cert(&cert.info.fingerprint)?;
                let (record, is_new, mut told) = take_in(known, cert, secret.is_some(), &way)?;
                let has_more = |new: &SecretRecord| {
                    let old = held.iter().find(|one| one.fingerprint == new.fingerprint);
                    let (old, new) =
                        (old.map(|old| certificate::secret_parts(&old.key)), certificate::secret_parts(&new.key));
                    old.is_some_and(|old| !old.is_subset(&new))
                };
                if secret.as_ref().is_some_and(has_more) {
                    *secret = None;
                    told.push("More of its secret part was here already: that is kept.".to_owned());
                }
                rows.push((record, is_new, told));
            }
            open.stores.state.write(|write| {
                for (record, ..) in &rows {
                    write.put_cert(record)?;
                }
                secrets.iter().flatten().try_for_each(|secret| write.put_secret(secret))
            })?;
            if let Some(passphrase) = &asked {
                for secret in secrets.iter().flatten().filter(|secret| secret.home == SecretHome::Asked) {
                    open.asked.insert(secret.fingerprint.clone(), passphrase.clone());
                }
            }
            core.reload_keyring(open)?;
            let keyring = open.keyring.now();
            let mut imported = Vec::new();
            for (record, is_new, mut told) in rows {
                let Some(info) = keyring.cert(&record.fingerprint, way.now) else { continue };
                if is_new && !info.acceptance.is_accepted() {
                    for address in &info.addresses {
                        let others = keyring.certs_for(address, way.now);
                        let Some(other) = others.iter().find(|other| other.acceptance.is_accepted()) else { continue };
                        let old = keyring.cert_bytes(&other.fingerprint)?;
                        told.push(another(address, &other.fingerprint, lifecycle::is_vouched_for(&record.cert, &old)));
                    }
                }
                imported.push(Imported { info, is_new, told });
            }
            Ok(imported)
        })?
    }
}

/// There is an accepted key for the address of a new one.
fn another(address: &str, fingerprint: &str, vouched: bool) -> String {
    let short = crate::pgp::words::short(fingerprint);
    let vouched = if vouched { "The old key vouches for it." } else { "Nothing links it to the old key." };
    format!(
        "{address} has an accepted key already ({short}), which stays in use; the new one is not used until you decide. {vouched}"
    )
}

/// An own key as it is kept. Tried before it is kept: one that cannot be opened would fail at every start.
fn lock_in(fingerprint: &str, key: &[u8], passphrase: Option<&str>, ask: bool) -> Result<SecretRecord, PgpError> {
    let mut trial = Keyring::new();
    let needs = match trial.add_secret(key, None) {
        Ok(_) => false,
        Err(PgpError::PassphraseNeeded(_)) => trial.add_secret(key, passphrase).map(|_| true)?,
        Err(other) => return Err(other),
    };
    let kept = passphrase.filter(|_| needs && !ask).map(str::to_owned);
    let home = if needs && ask { SecretHome::Asked } else { SecretHome::Profile };
    Ok(SecretRecord { fingerprint: fingerprint.to_owned(), key: key.to_vec(), passphrase: kept, home })
}

/// The row of a certificate that came: whether it is new, and what a person has to know.
fn take_in(
    known: Option<CertRecord>,
    found: &ReadCert,
    has_secret: bool,
    way: &Way,
) -> Result<(CertRecord, bool, Vec<String>), PgpError> {
    let is_new = known.is_none();
    let mut record = known.unwrap_or_else(|| CertRecord {
        fingerprint: found.info.fingerprint.clone(),
        cert: found.cert.clone(),
        acceptance: Acceptance::Undecided,
        decisions: Vec::new(),
        added_at: way.now,
        source: way.source.clone(),
    });
    let info = |bytes: &[u8]| -> Result<Option<CertInfo>, PgpError> {
        Ok(certificate::read_certs(bytes, way.now)?.into_iter().next().map(|read| read.info))
    };
    let before = if is_new { None } else { info(&record.cert)? };
    record.cert = certificate::merge(&record.cert, &found.cert)?;
    let after = info(&record.cert)?;
    let addresses = after.as_ref().map(|info| info.addresses.clone()).unwrap_or_default();
    let mut told = Vec::new();
    let decide = |record: &mut CertRecord, acceptance, by: &str, how: &str| {
        record.decide(KeyDecision {
            acceptance,
            at: way.now,
            by: by.to_owned(),
            how: how.to_owned(),
            addresses: addresses.clone(),
        });
    };
    if has_secret {
        if record.acceptance != Acceptance::Own {
            decide(&mut record, Acceptance::Own, &way.by, "imported with its secret part");
        }
        return Ok((record, is_new, told));
    }
    if let (Some(before), Some(after)) = (before, after) {
        if after.revoked && !before.revoked {
            told.push("Its owner has revoked it: nothing is sealed to it any more.".to_owned());
        }
        let more: Vec<&str> =
            after.addresses.iter().filter(|a| !before.addresses.contains(a)).map(String::as_str).collect();
        let is_accepted = matches!(record.acceptance, Acceptance::Accepted | Acceptance::Verified);
        if is_accepted && !more.is_empty() && !before.addresses.is_empty() {
            let how =
                format!("it now names {} too; the decision was for {}", more.join(", "), before.addresses.join(", "));
            told.push(format!("It was accepted, but {how}: decide again."));
            decide(&mut record, Acceptance::Undecided, PROGRAM, &how);
        }
    }
    if record.acceptance == Acceptance::Undecided && way.acceptance != Acceptance::Undecided {
        decide(&mut record, way.acceptance, &way.by, &format!("at import ({})", way.source));
    }
    Ok((record, is_new, told))
}
